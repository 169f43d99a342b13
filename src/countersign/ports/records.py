"""The stores of what was read: evidence, quarantine, alerts, and how far files were followed."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from countersign.core.cases.decisive import Extent
from countersign.core.records.alert import Alert
from countersign.core.records.evidence import Evidence, Quarantined

Pair = tuple[str, str]  # an observable: (type, value), in its one spelling


class Matches(msgspec.Struct, frozen=True):
    """Evidence ids in event order (those without a time first), and how many there are without the limit."""

    ids: tuple[str, ...]
    total: int


class Counts(msgspec.Struct, frozen=True):
    """What the store holds. `records` = provenances + quarantined: everything ever read, duplicates included."""

    evidence: int
    provenances: int
    quarantined: int
    schemas: Mapping[str, int]  # schema -> evidence

    @property
    def records(self) -> int:
        return self.provenances + self.quarantined


class Position(msgspec.Struct, frozen=True):
    """How far a file that grows was read, and how to know it again after it was renamed."""

    path: str  # where it is looked for
    identity: str  # which file it was: device and inode
    offset: int  # bytes read, from its beginning
    line: int  # lines read
    head_bytes: int  # of its first bytes, at most `offset`, …
    head: str  # … the digest: another file may get the same inode


class EvidenceStore(Protocol):
    """Immutable records, found by their digest, and where each was read."""

    def add(self, batch: Sequence[tuple[Evidence, Sequence[Pair]]]) -> frozenset[str]:
        """Keep records and the observables they hold; the ids that were not known before.

        A known record gains its new provenances and nothing else; the same file and line again is no
        new provenance. Batches of 1,000 to 5,000 are fastest. Ids are trusted here and checked by `get`.
        """
        ...

    def get(self, ids: Collection[str]) -> Mapping[str, Evidence]:
        """The evidence that exists among `ids`; never creates any.

        Raises `DigestMismatch` when stored bytes no longer give their id. Times outside the years
        1678–2261 come back as the nearest time that fits 64 bits.
        """
        ...

    def by_observables(
        self, pairs: Collection[Pair], from_ns: int | None, to_ns: int | None, limit: int
    ) -> Matches:
        """Evidence that holds any of `pairs` in [from_ns, to_ns), earliest first.

        With None the window is open on that side; only a window without a start has records without a time.
        """
        ...

    def popularity(
        self, pairs: Collection[Pair], from_ns: int | None, to_ns: int | None
    ) -> Mapping[Pair, int]:
        """For each of `pairs`: how many records hold it in [from_ns, to_ns); 0 included."""
        ...

    def counts(self) -> Counts:
        """What the store holds, quarantine included."""
        ...

    def extents(self) -> Mapping[str, Extent]:
        """Record schema to how many records there are, and their first and last event time. Looks at every source."""
        ...

    def spoke(self, from_ns: int, to_ns: int) -> frozenset[str]:
        """The record schemas of which there is any record in [from_ns, to_ns)."""
        ...

    def altered(self) -> str | None:
        """The id of the first evidence whose stored bytes no longer give it; None when all do. Reads everything."""
        ...


class QuarantineStore(Protocol):
    """Bytes that could not be read as a record, kept whole."""

    def add(self, batch: Sequence[Quarantined]) -> int:
        """Keep them; how many were not known before (file, line and bytes)."""
        ...

    def recent(self, limit: int) -> tuple[Quarantined, ...]:
        """The latest, newest first."""
        ...


class AlertStore(Protocol):
    """Alerts, each over one stored record."""

    def add(self, alerts: Iterable[Alert]) -> frozenset[str]:
        """Keep alerts; the ids that were not known before. `EvidenceNotFound` when the record is not stored."""
        ...

    def get(self, ids: Collection[str]) -> Mapping[str, Alert]:
        """The alerts that exist among `ids`."""
        ...

    def of(self, evidence: Collection[str]) -> tuple[Alert, ...]:
        """The alerts that these records carry."""
        ...

    def starting(self, name: str) -> tuple[Alert, ...]:
        """At most two alerts whose id, or whose record's id, begins so."""
        ...

    def between(self, from_ns: int | None, to_ns: int | None, limit: int) -> tuple[Alert, ...]:
        """Alerts in [from_ns, to_ns), earliest first; None is open, and a window without a start has the timeless."""
        ...


class FollowStore(Protocol):
    """How far followed files were read. A position is a bookmark and no evidence: it is replaced, not added to."""

    def get(self, path: str) -> Position | None:
        """Where reading this path goes on."""
        ...

    def save(self, position: Position) -> None:
        """Keep it, instead of the one before."""
        ...
