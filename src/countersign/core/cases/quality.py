"""Data-quality flags: what is missing, late, torn or odd in the records of a case's window, per source.

Computed before drafting over the records and what is known beside them. Missing telemetry near an event is
suspicious, never benign: an attacker can cause it. A flag of a source that decides nothing for the families of
the case's rules is shown without its cap. `influenced` is raised where drafts are compared, not here.
Source: `reference/verification.md` section 11. Times are UTC nanoseconds.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import msgspec

from countersign.core.canonical import INTEGER_TYPES, NANOSECONDS, format_time
from countersign.core.cases.clocks import SKEW_S, SKEW_SHARE, events_apart, flows_apart
from countersign.core.cases.contents import LEAST_RECORDS, contents
from countersign.core.cases.decisive import STOPPED, Needed
from countersign.core.cases.flag import CAPS, Flag, raised, span
from countersign.core.claims.claims import Filter
from countersign.core.claims.coverage import Coverage, CoverageRow
from countersign.core.claims.snapshot import Snapshot
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import Schema
from countersign.core.records.shapes import UntypedFields
from countersign.core.render import neutralize

__all__ = ["CAPS", "Beside", "Flag", "assess", "by_schema", "measured_skew"]

SILENT_S, SILENT_TIMES = 300, 3
GAP_S, GAP_TIMES = 600, 10
PARSE_SHARE, DRIFT_SHARE, NULL_SHARE = 0.02, 0.01, 0.01
LATE_S = 300
LATENESS = ((30, "30 s"), (60, "60 s"), (300, "5 min"), (3600, "1 h"), (86_400, "24 h"), (604_800, "1 week"))

_SAMPLED = re.compile(r"\bsampl", re.IGNORECASE)
_TYPED = INTEGER_TYPES | {"time", "ip"}


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beside the records of a case.

    `quarantined` counts records per schema that could not be read; `now_ns` is when pinned lists are judged
    (default: the window's end); `deciding` are the schemas whose flags cap a conclusion (None: all);
    `needed` are fields that must stand; `missing` are flags of sources with no record here; `drafted` is the
    evidence that an earlier brief of the case was drafted over; `pairs` are records that tell of one event.
    """

    quarantined: Mapping[str, int] = {}
    now_ns: int | None = None
    deciding: frozenset[str] | None = None
    needed: Sequence[Needed] = ()
    missing: Sequence[Flag] = ()
    drafted: frozenset[str] = frozenset()
    pairs: Sequence[tuple[str, ...]] = ()


def assess(
    snapshot: Snapshot, window: tuple[int, int] | None = None, beside: Beside | None = None
) -> tuple[Flag, ...]:
    """Every flag that holds for these records in [start, end], in a fixed order."""
    beside = beside or Beside()
    times = [r.event_ns for r in snapshot.evidence.values() if r.event_ns is not None]
    start, end = window or ((min(times), max(times)) if times else (0, 0))
    found = [
        *beside.missing,
        *_told_by_coverage(snapshot.coverage),
        *_unread(snapshot, beside.quarantined),
        *_lacking(snapshot, beside.needed, beside.deciding),
        *_stale(snapshot, end if beside.now_ns is None else beside.now_ns),
        *_after_drafting(snapshot, beside.drafted),
        *events_apart(snapshot, beside.pairs),
        *flows_apart(snapshot),
    ]
    for (name, source), records in _sources(snapshot).items():
        schema = snapshot.dictionary.schema(name)
        found += _timing(name, source, records, end)
        found += _arrival(name, source, records)
        if schema is not None:
            found += contents(snapshot, schema, source, records)
            found += _drift(snapshot, schema, source, records)
    order = list(CAPS)
    inside = {_weighed(one, beside.deciding) for one in found if one.end_ns is None or one.end_ns >= start}
    return tuple(sorted(inside, key=lambda f: (order.index(f.flag), f.schema, f.source, f.detail)))


def _sources(snapshot: Snapshot) -> dict[tuple[str, str], list[Evidence]]:
    sources: dict[tuple[str, str], list[Evidence]] = defaultdict(list)
    for record in sorted(snapshot.evidence.values(), key=lambda r: (r.event_ns or 0, r.id)):
        sources[record.schema, record.source].append(record)
    return sources


def _weighed(flag: Flag, deciding: Collection[str] | None) -> Flag:
    """A part that is missing of a source that decides nothing here is shown, and caps nothing."""
    if deciding is None or not flag.partial or flag.schema in deciding:
        return flag
    return msgspec.structs.replace(flag, cap=None)


def by_schema(flags: Sequence[Flag]) -> dict[str, frozenset[str]]:
    """Schema → the names of its flags, as a snapshot takes them."""
    names: dict[str, set[str]] = defaultdict(set)
    for flag in flags:
        names[flag.schema].add(flag.flag)
    return {schema: frozenset(found) for schema, found in names.items()}


def measured_skew(flags: Sequence[Flag]) -> int:
    """The greatest clock skew measured, in nanoseconds; it widens what `order` may claim between sources."""
    return max((flag.skew_ns for flag in flags), default=0)


# ---- what the manifest and the intake say ----------------------------------------------------------


def _told_by_coverage(rows: Coverage) -> Iterator[Flag]:
    for row in rows:
        if row.limit_hit:
            yield _rowraised("truncated", row, "the query returned as many rows as its limit allows")
        if STOPPED.search(row.reason):
            yield _rowraised("silent", row, neutralize(row.reason))
        if _SAMPLED.search(row.reason):
            yield _rowraised("sampled", row, neutralize(row.reason))


def _rowraised(name: str, row: CoverageRow, detail: str) -> Flag:
    return raised(
        name, row.schema, row.source, f"{detail} ({row.start} to {row.end})", row.start_ns, row.end_ns
    )


def _unread(snapshot: Snapshot, quarantined: Mapping[str, int]) -> Iterator[Flag]:
    counted = {name: sum(r.copies for r in records) for name, records in snapshot.by_schema.items()}
    for name in sorted({*counted, *quarantined}):
        good, bad = counted.get(name, 0), quarantined.get(name, 0)
        if bad > PARSE_SHARE * (good + bad):
            yield raised("parse", name, name, f"{bad} of {good + bad} records could not be read")
        records = snapshot.by_schema.get(name, [])
        timeless = sum(record.event_ns is None for record in records)
        schema = snapshot.dictionary.schema(name)
        if schema is not None and schema.time and timeless > PARSE_SHARE * len(records):
            yield raised("parse", name, name, f"{timeless} of {len(records)} records have no readable time")


def _lacking(
    snapshot: Snapshot, needed: Iterable[Needed], deciding: Collection[str] | None
) -> Iterator[Flag]:
    """Fields that decide and stand in every record of a sound source, where they are absent or not of their type."""
    for one in needed:
        if one.schema not in snapshot.by_schema or (deciding is not None and one.schema not in deciding):
            continue
        chosen = {record.id for record in snapshot.matching(Filter(one.schema, one.when), None, None)}
        for pointer in one.pointers:
            lacking = _lacking_in(snapshot, one.schema, pointer, chosen)
            if lacking and lacking >= NULL_SHARE * len(chosen):
                yield raised(
                    "parse",
                    one.schema,
                    one.schema,
                    f"{pointer} cannot be read in {lacking} of {len(chosen)} records",
                )


def _lacking_in(snapshot: Snapshot, schema: str, pointer: str, chosen: Collection[str]) -> int:
    path = snapshot.path(schema, pointer)
    if path is None:
        return 0
    rows = zip(snapshot.by_schema[schema], snapshot.column(schema, pointer), strict=True)
    forms = [form for record, form in rows if record.id in chosen]
    return sum(form is None or (path.field.type in _TYPED and form[0] == "s") for form in forms)


def _drift(snapshot: Snapshot, schema: Schema, source: str, records: Sequence[Evidence]) -> Iterator[Flag]:
    """Records with a field that the dictionary does not know, or that stands where another kind of value should."""
    if not schema.fields:
        return
    untyped = UntypedFields()
    unknown = sum(untyped.look(schema, snapshot.view(record.id)) for record in records)
    if unknown > DRIFT_SHARE * len(records):
        detail = f"{unknown} of {len(records)} records hold fields that the dictionary does not know"
        yield raised("drift", schema.name, source, detail)


def _stale(snapshot: Snapshot, now_ns: int) -> Iterator[Flag]:
    for pinned in snapshot.references.values():
        if pinned.is_stale(now_ns):
            loaded = format_time(pinned.loaded_ns)
            yield raised(
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
        yield raised("duplicate", schema, source, f"{copies} records read, {len(records)} distinct")
    times = [record.event_ns for record in records if record.event_ns is not None]
    if len(times) < LEAST_RECORDS:
        return
    usual = _usual_gap(times)
    last = times[-1]
    if end - last > max(SILENT_TIMES * usual, SILENT_S * NANOSECONDS):
        yield raised(
            "silent",
            schema,
            source,
            f"no record for {span(end - last)}; {span(usual)} is usual at most",
            last,
            end,
        )
    for before, after in pairwise(times):
        if after - before > max(GAP_TIMES * usual, GAP_S * NANOSECONDS):
            detail = f"no record for {span(after - before)} from {format_time(before)}; {span(usual)} is usual at most"
            yield raised("gap", schema, source, detail, before, after)


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
        yield raised("late", schema, source, f"one record in ten came {span(slow)} after its event or later")
    early = [delay for delay in delays if delay < -SKEW_S * NANOSECONDS]
    if len(early) > SKEW_SHARE * len(delays):
        skew = -early[0]
        detail = f"{len(early)} of {len(delays)} records came before their event, by up to {span(skew)}"
        yield raised("skew", schema, source, detail, skew=skew)


def _after_drafting(snapshot: Snapshot, drafted: Collection[str]) -> Iterator[Flag]:
    """Records of the time that an earlier brief spoke of, which it could not know; how far they lag behind its end."""
    spoken_of = [r.event_ns for r in snapshot.evidence.values() if r.id in drafted and r.event_ns is not None]
    if not spoken_of:
        return
    edge = max(spoken_of)
    lags: dict[tuple[str, str], list[int]] = defaultdict(list)
    for record in snapshot.evidence.values():
        if record.id not in drafted and record.event_ns is not None and record.event_ns <= edge:
            lags[record.schema, record.source].append(edge - record.event_ns)
    for (schema, source), behind in sorted(lags.items()):
        number = f"{len(behind)} record{'s' if len(behind) > 1 else ''}"
        yield raised(
            "late", schema, source, f"{number} came after drafting, {_bucket(max(behind))} behind its end"
        )


def _bucket(ns: int) -> str:
    within = next((words for seconds, words in LATENESS if ns <= seconds * NANOSECONDS), None)
    return f"at most {within}" if within else f"more than {LATENESS[-1][1]}"
