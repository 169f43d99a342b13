"""Data-quality flags, and the caps they put on conclusions.

Computed over the records of a window before drafting, per source. Missing telemetry near an event is
suspicious, never benign: an attacker can cause it. A flag only ever removes confidence; what a cap does
is decided with the rule table. `influenced` is raised where drafts are compared, not here.
Source: `reference/verification.md` section 11. Times are UTC nanoseconds.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec

from countersign.core.canonical import NANOSECONDS, Canon, canon, format_time, read_time
from countersign.core.coverage import Coverage, CoverageRow
from countersign.core.evidence import Evidence
from countersign.core.fields import MISSING, Path, Schema
from countersign.core.render import neutralize
from countersign.core.snapshot import Snapshot

CAPS: dict[str, str | None] = {
    "silent": "C01",
    "gap": "C01",
    "truncated": "C01",
    "sampled": "C01",
    "parse": "C01",
    "late": "C11",
    "skew": None,
    "conflict": "C02",
    "stale": "C05",
    "duplicate": None,
    "drift": None,
    "influenced": "C08",
}

LEAST_RECORDS = 20
SILENT_S, SILENT_TIMES = 300, 3
GAP_S, GAP_TIMES = 600, 10
PARSE_SHARE, DRIFT_SHARE, SKEW_SHARE = 0.02, 0.01, 0.01
LATE_S, SKEW_S, CLOCKS_APART_S = 300, 2, 1800
WHOLE_SEQUENCE = 0.9

_SILENT = re.compile(r"\b(silent|silence|no records|stopped|outage|offline|heartbeat|down)\b", re.IGNORECASE)
_SAMPLED = re.compile(r"\bsampl", re.IGNORECASE)
_SAMPLING_FIELD = re.compile(r"sampling|sample_?(rate|interval)", re.IGNORECASE)


class Flag(msgspec.Struct, frozen=True):
    """One problem of one source; `cap` is the limit it puts on a conclusion, `skew_ns` a measured clock skew."""

    flag: str
    schema: str
    source: str
    detail: str
    cap: str | None
    start_ns: int | None = None
    end_ns: int | None = None
    skew_ns: int = 0
    pointers: tuple[str, ...] = ()  # the fields that disagree, for a conflict


def assess(
    snapshot: Snapshot,
    window: tuple[int, int] | None = None,
    *,
    quarantined: Mapping[str, int] | None = None,
    untyped: Mapping[str, int] | None = None,
    now_ns: int | None = None,
) -> tuple[Flag, ...]:
    """Every flag that holds for these records in [start, end], in a fixed order.

    `quarantined` counts records per schema that could not be read, `untyped` records per schema with a field
    that the dictionary does not know; `now_ns` is when references are judged (default: the window's end).
    """
    times = [r.event_ns for r in snapshot.evidence.values() if r.event_ns is not None]
    start, end = window or ((min(times), max(times)) if times else (0, 0))
    sources: dict[tuple[str, str], list[Evidence]] = defaultdict(list)
    for record in sorted(snapshot.evidence.values(), key=lambda r: (r.event_ns or 0, r.id)):
        sources[record.schema, record.source].append(record)
    found = [
        *_told_by_coverage(snapshot.coverage),
        *_unread(snapshot, quarantined or {}, untyped or {}),
        *_stale(snapshot, end if now_ns is None else now_ns),
    ]
    for (name, source), records in sources.items():
        schema = snapshot.dictionary.schema(name)
        found += _timing(name, source, records, end)
        found += _arrival(name, source, records)
        if schema is not None:
            found += _contents(snapshot, schema, source, records)
    order = list(CAPS)
    inside = (flag for flag in found if flag.end_ns is None or flag.end_ns >= start)
    return tuple(sorted(set(inside), key=lambda f: (order.index(f.flag), f.schema, f.source, f.detail)))


def by_schema(flags: Sequence[Flag]) -> dict[str, frozenset[str]]:
    """Schema → the names of its flags, as a snapshot takes them."""
    names: dict[str, set[str]] = defaultdict(set)
    for flag in flags:
        names[flag.schema].add(flag.flag)
    return {schema: frozenset(found) for schema, found in names.items()}


def measured_skew(flags: Sequence[Flag]) -> int:
    """The greatest clock skew measured, in nanoseconds; it widens what `order` may claim between sources."""
    return max((flag.skew_ns for flag in flags), default=0)


def _flag(name: str, schema: str, source: str, detail: str, *times: int | None, skew: int = 0) -> Flag:
    start, end = (*times, None, None)[:2]
    return Flag(name, schema, source, detail, CAPS[name], start, end, skew)


# ---- what the manifest and the intake say ----------------------------------------------------------


def _told_by_coverage(rows: Coverage) -> Iterator[Flag]:
    for row in rows:
        if row.limit_hit:
            yield _row_flag("truncated", row, "the query returned as many rows as its limit allows")
        if _SILENT.search(row.reason):
            yield _row_flag("silent", row, neutralize(row.reason))
        if _SAMPLED.search(row.reason):
            yield _row_flag("sampled", row, neutralize(row.reason))


def _row_flag(name: str, row: CoverageRow, detail: str) -> Flag:
    return _flag(
        name, row.schema, row.source, f"{detail} ({row.start} to {row.end})", row.start_ns, row.end_ns
    )


def _unread(snapshot: Snapshot, quarantined: Mapping[str, int], untyped: Mapping[str, int]) -> Iterator[Flag]:
    counted = {name: sum(r.copies for r in records) for name, records in snapshot.by_schema.items()}
    for name in sorted({*counted, *quarantined}):
        good, bad = counted.get(name, 0), quarantined.get(name, 0)
        if bad > PARSE_SHARE * (good + bad):
            yield _flag("parse", name, name, f"{bad} of {good + bad} records could not be read")
        records = snapshot.by_schema.get(name, [])
        timeless = sum(record.event_ns is None for record in records)
        schema = snapshot.dictionary.schema(name)
        if schema is not None and schema.time and timeless > PARSE_SHARE * len(records):
            yield _flag("parse", name, name, f"{timeless} of {len(records)} records have no readable time")
        unknown = untyped.get(name, 0)
        if schema is not None and schema.fields and unknown > DRIFT_SHARE * max(len(records), 1):
            yield _flag(
                "drift",
                name,
                name,
                f"{unknown} of {len(records)} records hold fields that the dictionary does not know",
            )


def _stale(snapshot: Snapshot, now_ns: int) -> Iterator[Flag]:
    for pinned in snapshot.references.values():
        if pinned.is_stale(now_ns):
            loaded = format_time(pinned.loaded_ns)
            yield _flag(
                "stale",
                "reference",
                pinned.kb,
                f"{pinned.kb} {pinned.kb_version}, loaded {loaded}, outlived its {pinned.ttl_days} days",
            )


# ---- when records came -----------------------------------------------------------------------------


def _timing(schema: str, source: str, records: Sequence[Evidence], end: int) -> Iterator[Flag]:
    """Records that stop before the window does, and holes far beyond the source's own rhythm."""
    copies = sum(record.copies for record in records)
    if copies > len(records):
        yield _flag("duplicate", schema, source, f"{copies} records read, {len(records)} distinct")
    times = [record.event_ns for record in records if record.event_ns is not None]
    if len(times) < LEAST_RECORDS:
        return
    usual = _usual_gap(times)
    last = times[-1]
    if end - last > max(SILENT_TIMES * usual, SILENT_S * NANOSECONDS):
        yield _flag(
            "silent",
            schema,
            source,
            f"no record for {_span(end - last)}; {_span(usual)} is usual at most",
            last,
            end,
        )
    for before, after in pairwise(times):
        if after - before > max(GAP_TIMES * usual, GAP_S * NANOSECONDS):
            detail = f"no record for {_span(after - before)} from {format_time(before)}; {_span(usual)} is usual at most"
            yield _flag("gap", schema, source, detail, before, after)


def _usual_gap(times: Sequence[int]) -> int:
    """The 99th percentile of the distances, or the 95th where there are too few for that to leave any out."""
    gaps = sorted(after - before for before, after in pairwise(times))
    share = 0.99 if len(gaps) >= 200 else 0.95
    return gaps[min(int(share * len(gaps)), len(gaps) - 2)]


def _arrival(schema: str, source: str, records: Sequence[Evidence]) -> Iterator[Flag]:
    delays = sorted(
        r.ingest_ns - r.event_ns for r in records if r.ingest_ns is not None and r.event_ns is not None
    )
    if not delays:
        return
    slow = delays[int(0.9 * (len(delays) - 1))]
    if slow > LATE_S * NANOSECONDS:
        yield _flag("late", schema, source, f"one record in ten came {_span(slow)} after its event or later")
    early = [delay for delay in delays if delay < -SKEW_S * NANOSECONDS]
    if len(early) > SKEW_SHARE * len(delays):
        skew = -early[0]
        detail = f"{len(early)} of {len(delays)} records came before their event, by up to {_span(skew)}"
        yield _flag("skew", schema, source, detail, skew=skew)


# ---- what records hold -----------------------------------------------------------------------------

KEYS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("aws.cloudtrail", ("/eventID",), ("/eventName", "/errorCode", "/sourceIPAddress", "/userIdentity/arn", "/eventTime")),
    ("ms.AuditLogs", ("/Id",), ("/OperationName", "/Result", "/TimeGenerated")),
    ("ms.OfficeActivity", ("/OfficeId",), ("/Operation", "/UserId", "/ResultStatus")),
    ("ms.CloudAppEvents", ("/ReportId",), ("/ActionType", "/AccountObjectId", "/IPAddress")),
    ("ms.SecurityEvent", ("/Computer", "/TargetLogonId"), ("/TargetUserName",)),
    ("ms.SecurityEvent", ("/Computer", "/SubjectLogonId"), ("/SubjectUserName",)),
    ("windows.event", ("/Hostname", "/TargetLogonId"), ("/TargetUserName",)),
    ("windows.event", ("/Hostname", "/SubjectLogonId"), ("/SubjectUserName",)),
    ("windows.event", ("/Hostname", "/ProcessGuid"), ("/Image", "/ProcessId")),
    ("windows.event", ("/Event/System/Computer", "/Event/EventData/TargetLogonId"), ("/Event/EventData/TargetUserName",)),
    ("windows.event", ("/Event/System/Computer", "/Event/EventData/ProcessGuid"), ("/Event/EventData/Image",)),
    ("suricata.eve", ("/flow_id",), ("/alert/action",)),
)  # fmt: skip
"""Schema, the fields that name one thing, and the fields that must then agree."""

CLOCKS = (
    ("windows.event", "/TimeCreated", "/UtcTime"),
    ("windows.event", "/Event/System/TimeCreated/#attributes/SystemTime", "/Event/EventData/UtcTime"),
)
"""Two times that one record gives for one moment."""

SEQUENCES = (
    ("windows.event", "/RecordNumber", "/Channel"),
    ("windows.event", "/EventRecordID", "/Channel"),
    ("windows.event", "/Event/System/EventRecordID", "/Event/System/Channel"),
    ("ms.SecurityEvent", "/EventRecordId", "/Channel"),
)
"""Numbers that a source counts up by one, per channel."""

_SHARED_LOGONS = frozenset(("n", number) for number in (0, 0x3E3, 0x3E4, 0x3E5, 0x3E7)) | {
    ("s", text) for text in ("0x0", "0x3e3", "0x3e4", "0x3e5", "0x3e7", "-", "")
}
"""Logon ids of the system and its services, which many accounts are written under."""


def _contents(snapshot: Snapshot, schema: Schema, source: str, records: Sequence[Evidence]) -> Iterator[Flag]:
    views = [snapshot.view(record.id) for record in records]
    for name, keys, values in KEYS:
        if name == schema.name:
            yield from _conflicts(schema, source, views, keys, values)
    for name, one, other in CLOCKS:
        if name == schema.name:
            yield from _two_clocks(schema, source, views, one, other)
    for name, number, channel in SEQUENCES:
        if name == schema.name:
            yield from _sequence(schema, source, views, number, channel)
    yield from _cut_or_sampled(schema, source, views)


def _conflicts(
    schema: Schema, source: str, views: Sequence[Any], keys: tuple[str, ...], values: tuple[str, ...]
) -> Iterator[Flag]:
    """One key, two values; one flag for each field that disagrees, with how often and one example."""
    named = [path for pointer in keys if (path := schema.path(pointer))]
    if len(named) < len(keys):
        return
    forms = [(view, tuple(_form(step, view) for step in named)) for view in views]
    keyed = [(view, key) for view, key in forms if None not in key and key[-1] not in _SHARED_LOGONS]
    for pointer in values:
        path = schema.path(pointer)
        if path is None:
            continue
        told: dict[tuple[Canon, ...], dict[str, str]] = defaultdict(dict)
        for view, key in keyed:
            value = path.resolve(view)
            if isinstance(value, str | int):
                told[key].setdefault(str(value).casefold(), str(value))  # type: ignore[index]
        torn = [both for both in told.values() if len(both) > 1]
        if torn:
            one, other = sorted(torn[0].values())[:2]
            detail = f"{len(torn)} × one {keys[-1]} with two values of {pointer}: «{neutralize(one, 60)}» and «{neutralize(other, 60)}»"
            flag = _flag("conflict", schema.name, source, detail)
            yield msgspec.structs.replace(flag, pointers=(pointer,))


def _form(path: Path, view: Any) -> Canon | None:
    value = path.resolve(view)
    return None if value is MISSING else canon(path.field.type, value, path.field.format)


def _two_clocks(schema: Schema, source: str, views: Sequence[Any], one: str, other: str) -> Iterator[Flag]:
    first, second = schema.path(one), schema.path(other)
    if first is None or second is None:
        return
    apart: list[int] = []
    both = 0
    for view in views:
        a, b = (read_time(path.resolve(view), path.field.format) for path in (first, second))
        if a is not None and b is not None:
            both += 1
            if abs(a - b) > CLOCKS_APART_S * NANOSECONDS:
                apart.append(abs(a - b))
    if apart:
        detail = f"{one} and {other} differ by {_span(sorted(apart)[len(apart) // 2])} in {len(apart)} of {both} records"
        yield msgspec.structs.replace(_flag("conflict", schema.name, source, detail), pointers=(one, other))


def _sequence(schema: Schema, source: str, views: Sequence[Any], number: str, channel: str) -> Iterator[Flag]:
    """Holes in a channel's own numbering, where nearly all of it is here: an extract has holes by nature."""
    count, kind = schema.path(number), schema.path(channel)
    if count is None or kind is None:
        return
    seen: dict[str, set[int]] = defaultdict(set)
    for view in views:
        form, name = _form(count, view), kind.resolve(view)
        if form is not None and form[0] == "n" and isinstance(name, str):
            seen[name.lower()].add(int(str(form[1])))
    for name, numbers in sorted(seen.items()):
        expected = max(numbers) - min(numbers) + 1
        if len(numbers) >= LEAST_RECORDS and WHOLE_SEQUENCE * expected <= len(numbers) < expected:
            detail = f"{expected - len(numbers)} of {expected} record numbers are missing in {neutralize(name, 60)}"
            yield _flag("gap", schema.name, source, detail)


def _cut_or_sampled(schema: Schema, source: str, views: Sequence[Any]) -> Iterator[Flag]:
    plain = [field for field in schema.fields if "*" not in field.pointer]
    for field in plain:
        path = schema.path(field.pointer)
        if path is None:
            continue
        if field.cut:
            cut = sum(
                1
                for view in views
                if isinstance(value := path.resolve(view), str) and len(value) >= field.cut
            )
            if cut:
                yield _flag(
                    "truncated",
                    schema.name,
                    source,
                    f"{field.pointer} is cut at {field.cut} characters in {cut} of {len(views)} records",
                )
        elif _SAMPLING_FIELD.search(path.tokens[-1]):
            rates = {str(value) for view in views if (value := path.resolve(view)) is not MISSING}
            if rates - {"0", "1", "False", "false", ""}:
                yield _flag(
                    "sampled", schema.name, source, f"{field.pointer} is {', '.join(sorted(rates)[:3])}"
                )


def _span(ns: int) -> str:
    seconds = ns / NANOSECONDS
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 1 else "less than a second"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
