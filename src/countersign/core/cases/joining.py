"""What joins a case besides its alerts, and which of its records tell of one event.

Telemetry joins when it shares an observable with an alert, near it in time, and that observable is not
one that half the site speaks of. Every record that could have joined is counted, also when a case is full.
Records of one event are grouped with the reason and all kept: a claim about the event counts it once, a
claim about records counts each.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import msgspec

from countersign.core.canonical import NANOSECONDS
from countersign.core.cases.case import Duplicate
from countersign.core.cases.words import KIND_WORDS, apart_words, strength, value_words
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import MISSING, Schema
from countersign.core.records.observable import Found, Observable
from countersign.core.render import value_text

MAX_RECORDS = 2000
WINDOW_S = 3600
FEW = 8


class Candidate(msgspec.Struct, frozen=True):
    """A record that may join a case; `source` is the instance it came from."""

    evidence: str
    source: str
    event_ns: int | None
    observables: tuple[Observable, ...]


class Joined(msgspec.Struct, frozen=True):
    """What joined, in event order, each with its reason; `left_out` shared an observable but did not fit."""

    evidence: tuple[tuple[str, str], ...]
    left_out: int


def widespread(candidates: Sequence[Candidate], popular: Iterable[Observable] = ()) -> frozenset[Observable]:
    """Observables too common among these records to join by: many instances speak of them, or many records."""
    sources: dict[Observable, set[str]] = defaultdict(set)
    records: dict[Observable, int] = defaultdict(int)
    for candidate in candidates:
        for one in candidate.observables:
            sources[one].add(candidate.source)
            records[one] += 1
    instances = len({candidate.source for candidate in candidates})
    spread, bulk = max(FEW, instances / 5), max(100, len(candidates) / 10)
    busy = {
        one for one in records if len(sources[one]) > spread or (one.type != "host" and records[one] > bulk)
    }
    return frozenset(busy | set(popular))


def join(
    held: Mapping[Observable, Sequence[int]],
    candidates: Sequence[Candidate],
    window_s: int = WINDOW_S,
    popular: Iterable[Observable] = (),
    limit: int = MAX_RECORDS,
) -> Joined:
    """Telemetry of a case: `held` is what its alerts hold, each with their event times in nanoseconds.

    A record joins when it shares an observable that is not widespread, within the window of an alert that
    holds it. Of too many, the nearest in time are kept, then those that share more.
    """
    window = window_s * NANOSECONDS
    wanted = {one: sorted(times) for one, times in held.items() if one not in widespread(candidates, popular)}
    near: list[tuple[int, int, str, int, str]] = []
    for candidate in candidates:
        shared = [one for one in candidate.observables if one in wanted]
        if candidate.event_ns is None or not shared:
            continue
        apart, one = min(
            ((_nearest(wanted[one], candidate.event_ns), one) for one in shared),
            key=lambda p: (p[0], strength(p[1])),
        )
        if apart <= window:
            words = f"same {KIND_WORDS.get(one.type, one.type)} {value_words(one)} {apart_words(apart)}"
            near.append((apart, -len(shared), candidate.evidence, candidate.event_ns, words))
    near.sort()
    kept = sorted(near[:limit], key=lambda row: (row[3], row[2]))
    return Joined(tuple((row[2], row[4]) for row in kept), len(near) - len(kept))


def _nearest(times: Sequence[int], ns: int) -> int:
    """Nanoseconds to the nearest of sorted times."""
    low, high = 0, len(times)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if times[middle] < ns else (low, middle)
    return min(abs(times[at] - ns) for at in (low - 1, low) if 0 <= at < len(times))


IDENTITY: dict[str, tuple[tuple[str, ...], ...]] = {
    "aws.cloudtrail": (("/eventID",),),
    "aws.guardduty": (("/id", "/updatedAt"),),
    "aws.guardduty.api": (("/Id", "/UpdatedAt"),),
    "aws.guardduty.event": (("/detail/id", "/detail/updatedAt"),),
    "ms.SecurityAlert": (("/SystemAlertId",),),
    "ms.AlertInfo": (("/AlertId",),),
    "ms.graph.alert": (("/id",),),
    "ms.AuditLogs": (("/Id",),),
    "ms.OfficeActivity": (("/OfficeId",), ("/SourceRecordId",)),
    "ms.CloudAppEvents": (("/ReportId",),),
    "ms.SecurityEvent": (("/Computer", "/Channel", "/EventRecordId"), ("/EventOriginId",)),
    "windows.event": (
        ("/Hostname", "/Channel", "/RecordNumber"),
        ("/Computer", "/Channel", "/EventRecordID"),
        ("/Event/System/Computer", "/Event/System/Channel", "/Event/System/EventRecordID"),
    ),
    "email.rfc822": (("/headers/message_id", "/headers/from/address", "/received_time"),),
}
"""Per schema, the fields that together name one event."""

_CLASSES = {"user": "account", "email": "account", "sid": "account", "ip": "address", "guid": "application",
            "id": "application", "arn": "resource", "url": "object", "sha256": "object", "sha1": "object", "md5": "object"}  # fmt: skip
_MAX_KEYS = 8


class Told(msgspec.Struct, frozen=True):
    """A record with what is needed to see that it tells of an event another record tells of too."""

    evidence: Evidence
    view: object
    observables: tuple[Observable, ...]
    action: str = ""  # what was done, in the product's word


def told(record: Evidence, schema: Schema, view: object, found: Found) -> Told:
    """A record made ready for `duplicates`."""
    actions = (
        field.pointer for field in schema.fields if field.role == "action" and "*" not in field.pointer
    )
    values = (schema.path(pointer) for pointer in actions)
    said = next((value for path in values if path and isinstance(value := path.resolve(view), str)), "")
    return Told(record, view, tuple(dict.fromkeys(one for one, _ in found)), said)


def duplicates(records: Sequence[Told], schemas: Mapping[str, Schema]) -> tuple[Duplicate, ...]:
    """Groups of records that tell of one event; each is kept, and shown with the reason."""
    ordered = sorted(records, key=lambda one: one.evidence.id)
    return (*_same_identity(ordered, schemas), *_two_views(ordered))


def _same_identity(records: Sequence[Told], schemas: Mapping[str, Schema]) -> list[Duplicate]:
    named: dict[tuple[str, ...], dict[str, None]] = defaultdict(dict)
    for one in records:
        schema = schemas.get(one.evidence.schema)
        for pointers in IDENTITY.get(one.evidence.schema, ()):
            values = [_shown(schema, pointer, one.view) for pointer in pointers]
            if all(values):
                named[one.evidence.schema, *pointers, *values][one.evidence.id] = None
                break
    found = []
    for key, ids in named.items():
        if len(ids) > 1:
            names = key[1 : 1 + (len(key) - 1) // 2]
            found.append(
                Duplicate(tuple(ids), f"the same {' and '.join(names)} in {key[0]}, different bytes")
            )
    return sorted(found, key=lambda one: one.evidence)


def _shown(schema: Schema | None, pointer: str, view: object) -> str:
    path = schema.path(pointer) if schema else None
    value = MISSING if path is None else path.resolve(view)
    return "" if value is MISSING or isinstance(value, dict | list) else value_text(value).lower()


def _two_views(records: Sequence[Told]) -> list[Duplicate]:
    """Two products on one access: the same second, and two observables of different kinds in common."""
    holder: dict[tuple[int, Observable, Observable], Told] = {}
    found: dict[tuple[str, str], str] = {}
    for one in records:
        if one.evidence.event_ns is None:
            continue
        second = one.evidence.event_ns // NANOSECONDS
        kept = sorted((o for o in one.observables if o.type in _CLASSES), key=strength)[:_MAX_KEYS]
        for a, b in combinations(kept, 2):
            if _CLASSES[a.type] == _CLASSES[b.type]:
                continue
            other = holder.setdefault((second, a, b), one)
            if _two_products(other.evidence.schema, one.evidence.schema) and _may_agree(
                other.action, one.action
            ):
                words = " and ".join(f"{KIND_WORDS.get(o.type, o.type)} {value_words(o)}" for o in (a, b))
                schemas = " and ".join(sorted((other.evidence.schema, one.evidence.schema)))
                found.setdefault(
                    (other.evidence.id, one.evidence.id), f"{schemas} tell of the same second, {words}"
                )
    return [Duplicate(pair, because) for pair, because in sorted(found.items())]


def _two_products(one: str, other: str) -> bool:
    """Logs of one Zeek sensor tell of one connection from several sides, each its own."""
    return one != other and not (one.startswith("zeek.") and other.startswith("zeek."))


def _may_agree(one: str, other: str) -> bool:
    return not one or not other or one.lower() == other.lower()
