"""From an incoming record to evidence: its digest, its clock, its source instance. Nothing is dropped."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from countersign.core.ids import evidence_id
from countersign.core.records.evidence import UNREAD, Evidence, Incoming, Provenance, Quarantined, Skipped
from countersign.core.records.fields import MISSING, Dictionary, Schema
from countersign.core.records.views import view

UNKNOWN = "json.unknown"  # the schema of JSON that nobody recognised
DIGEST_BYTES, HASH_BYTES = 32, 8
MOST_FIRST = 10_001  # one more than a case that is opened by hand holds
LOWEST_NS, HIGHEST_NS = -(2**63), 2**63 - 1


class _Seen:
    """Keyed hashes of record ids (nobody aims at a collision): eight bytes each, until one comes again."""

    def __init__(self) -> None:
        self._all = bytearray()
        self._index: set[int] | None = None  # made when it is first asked

    def __len__(self) -> int:
        return len(self._all) // HASH_BYTES

    def __iter__(self) -> Iterator[int]:
        for at in range(0, len(self._all), HASH_BYTES):
            yield int.from_bytes(self._all[at : at + HASH_BYTES], "little", signed=True)

    def __contains__(self, key: int) -> bool:
        if self._index is None:
            self._index = set(self)
        return key in self._index

    def note(self, key: int) -> None:
        """One that surely is new."""
        self._all += key.to_bytes(HASH_BYTES, "little", signed=True)
        if self._index is not None:
            self._index.add(key)

    def meet(self, key: int) -> bool:
        """Was it not seen before?"""
        new = key not in self
        if new:
            self.note(key)
        return new

    def update(self, other: "_Seen") -> None:
        """Those of another too."""
        for key in other:
            self.meet(key)


class Read:
    """What one run read. Of many records only what tells them apart is held, so memory stays small."""

    def __init__(self) -> None:
        self.records = 0  # duplicates and quarantined ones included
        self.first: list[str] = []  # ids of the first distinct records, MOST_FIRST at most
        self.formats: Counter[str] = Counter()
        self.untyped_records: Counter[str] = Counter()  # schema → records with a field that has no type
        self.quarantined: list[Quarantined] = []
        self.by_file: dict[str, str] = {}  # file → schema of its last record
        self.skipped: list[Skipped] = []
        self.untyped = 0  # distinct fields without a type
        self.still_unknown = (
            0  # records that a mapping knows now, and that are stored as UNKNOWN since before
        )
        self.seen = _Seen()
        self.evidence_of_alerts = bytearray()  # digests, one after the other

    @property
    def distinct(self) -> int:
        """How many distinct records."""
        return len(self.seen)

    @property
    def alerts(self) -> int:
        """How many of them are alerts."""
        return len(self.evidence_of_alerts) // DIGEST_BYTES

    @property
    def alerted(self) -> Iterator[str]:
        """The ids of the records that are alerts."""
        for at in range(0, len(self.evidence_of_alerts), DIGEST_BYTES):
            yield f"sha256:{self.evidence_of_alerts[at : at + DIGEST_BYTES].hex()}"

    def take(self, records: Sequence[Evidence], new: Collection[str]) -> list[int]:
        """Note records that were kept; which of them are the first of their kind in this run.

        `new` are the ids of those that nobody had stored before, so that nobody has to look for them.
        """
        fresh, seen = set(new), self.seen
        first = []
        for number, record in enumerate(records):
            eid = record.id
            if eid in fresh:
                fresh.remove(eid)
                seen.note(hash(eid))
                first.append(number)
            elif seen.meet(hash(eid)):
                first.append(number)
        self.first += [records[number].id for number in first[: MOST_FIRST - len(self.first)]]
        self.formats.update([record.schema for record in records])
        self.by_file.update([(record.provenance[0].file, record.schema) for record in records])
        return first

    def raised(self, evidence: Iterable[str]) -> None:
        """These records are alerts."""
        self.evidence_of_alerts += bytes.fromhex("".join([eid[7:] for eid in evidence]))

    def add(self, more: "Read") -> None:
        """What a later part of the same run read."""
        self.records += more.records
        self.evidence_of_alerts += more.evidence_of_alerts
        fresh = [eid for eid in more.first if hash(eid) not in self.seen]
        self.first += fresh[: MOST_FIRST - len(self.first)]
        self.seen.update(more.seen)
        self.formats.update(more.formats)
        self.untyped_records.update(more.untyped_records)
        self.by_file.update(more.by_file)
        self.quarantined += more.quarantined
        self.skipped += more.skipped
        self.untyped = max(self.untyped, more.untyped)
        self.still_unknown += more.still_unknown


def receive(incoming: Incoming, dictionary: Dictionary) -> tuple[Evidence, Any]:
    """Evidence and its view. A record its parser cannot read keeps its bytes and has no times; its view is MISSING."""
    schema = dictionary.schema(incoming.schema)
    seen = parsed(incoming)
    if schema is not None and seen is not MISSING:
        return evidence(incoming, schema, seen), seen
    where = (Provenance(incoming.file, incoming.line),)
    name, source = evidence_id(incoming.raw), incoming.schema
    return Evidence(name, source, source, incoming.parser, incoming.raw, None, None, where), seen


def evidence(incoming: Incoming, schema: Schema, seen: Any) -> Evidence:
    """A record that could be read, with its times and its source instance."""
    event, ingest = times(schema, seen)
    where = (Provenance(incoming.file, incoming.line),)
    name, source, raw = evidence_id(incoming.raw), schema.instance(seen), incoming.raw
    return Evidence(name, schema.name, source, incoming.parser, raw, event, ingest, where)


def parsed(incoming: Incoming) -> Any:
    """The record's view; MISSING when its parser cannot read it."""
    if incoming.view is not UNREAD:
        return incoming.view
    try:
        return view(incoming.raw, incoming.parser)
    except ValueError:
        return MISSING


def times(schema: Schema, seen: Any) -> tuple[int | None, int | None]:
    """When it happened and when the product received it, as far as that is readable."""
    return _kept(schema.event_ns(seen)), _kept(schema.ingest_ns(seen))


def _kept(ns: int | None) -> int | None:
    """Times outside 1677–2262 do not fit 64 bits and are not believed."""
    return ns if ns is not None and LOWEST_NS < ns < HIGHEST_NS else None
