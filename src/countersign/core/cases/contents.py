"""What the records of one source say against each other, and what their own fields admit: cut values, sampling, holes.

Conflicts of one key with two values, two clocks in one record, missing numbers of a counted channel.
Source: `reference/verification.md` section 11.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from countersign.core.canonical import NANOSECONDS, Canon, canon, read_time
from countersign.core.cases.flag import Flag, raised, span
from countersign.core.claims.snapshot import Snapshot
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import MISSING, Path, Schema
from countersign.core.render import neutralize

LEAST_RECORDS = 20
CLOCKS_APART_S = 1800
WHOLE_SEQUENCE = 0.9

_SAMPLING_FIELD = re.compile(r"sampling|sample_?(rate|interval)", re.IGNORECASE)

KEYS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("aws.cloudtrail", ("/eventID",), ("/eventName", "/errorCode", "/sourceIPAddress", "/userIdentity/arn", "/eventTime")),
    ("ms.AuditLogs", ("/Id",), ("/OperationName", "/Result", "/TimeGenerated")),
    ("ms.OfficeActivity", ("/OfficeId",), ("/Operation", "/UserId", "/ResultStatus")),
    ("ms.CloudAppEvents", ("/ReportId",), ("/ActionType", "/AccountObjectId", "/IPAddress")),
    ("ms.IdentityDirectoryEvents", ("/ReportId",), ("/ActionType", "/AccountName", "/DeviceName", "/DestinationDeviceName")),
    ("ms.IdentityLogonEvents", ("/ReportId",), ("/ActionType", "/AccountName", "/DeviceName", "/IPAddress")),
    ("ms.IdentityQueryEvents", ("/ReportId",), ("/ActionType", "/AccountName", "/DeviceName")),
    ("ms.SecurityEvent", ("/Computer", "/TargetLogonId"), ("/TargetUserName",)),
    ("ms.SecurityEvent", ("/Computer", "/SubjectLogonId"), ("/SubjectUserName",)),
    ("windows.event", ("/Hostname", "/TargetLogonId"), ("/TargetUserName",)),
    ("windows.event", ("/Hostname", "/SubjectLogonId"), ("/SubjectUserName",)),
    ("windows.event", ("/Hostname", "/ProcessGuid"), ("/Image", "/ProcessId")),
    ("windows.event", ("/Event/System/Computer", "/Event/EventData/TargetLogonId"), ("/Event/EventData/TargetUserName",)),
    ("windows.event", ("/Event/System/Computer", "/Event/EventData/ProcessGuid"), ("/Event/EventData/Image",)),
    ("ms.DeviceProcessEvents", ("/DeviceId", "/ProcessCreationTime", "/ProcessId"), ("/FileName", "/SHA256")),
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


def contents(snapshot: Snapshot, schema: Schema, source: str, records: Sequence[Evidence]) -> Iterator[Flag]:
    """Conflicts, holes in numbers, cut and sampled values of one source."""
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
            flag = raised("conflict", schema.name, source, detail)
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
        detail = f"{one} and {other} differ by {span(sorted(apart)[len(apart) // 2])} in {len(apart)} of {both} records"
        yield msgspec.structs.replace(raised("conflict", schema.name, source, detail), pointers=(one, other))


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
            yield raised("gap", schema.name, source, detail)


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
                yield raised(
                    "truncated",
                    schema.name,
                    source,
                    f"{field.pointer} is cut at {field.cut} characters in {cut} of {len(views)} records",
                )
        elif _SAMPLING_FIELD.search(path.tokens[-1]):
            rates = {str(value) for view in views if (value := path.resolve(view)) is not MISSING}
            if rates - {"0", "1", "False", "false", ""}:
                yield raised(
                    "sampled", schema.name, source, f"{field.pointer} is {', '.join(sorted(rates)[:3])}"
                )
