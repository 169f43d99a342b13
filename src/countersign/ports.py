"""The doors between the steps and the world, and what each of them promises.

Everything a step writes goes through one `Transaction`: rows and the audit entry that tells of them are
kept together or not at all. When `with store.transaction()` ends without an error, all of it is on disk
(synced); when it ends with one, none of it ever was. Times are UTC nanoseconds since 1970. Every `add` and
`save` may be repeated: the second time changes nothing.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from countersign.core.alert import Alert, Severity
from countersign.core.auditlog import Entry, Head, LogCheck, Stored
from countersign.core.dossier import Dossier
from countersign.core.evidence import Evidence, Quarantined
from countersign.core.fields import Dictionary
from countersign.core.signals import Signals

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


class CaseState(msgspec.Struct, frozen=True):
    """A case over one snapshot. `document` is its full JSON; the rest is what a list shows."""

    case_id: str
    snapshot: str
    title: str
    severity: Severity
    tier: int
    document: bytes = b""  # empty in lists
    seq: int = 0  # given by the store; grows with every state that is appended


class BriefState(msgspec.Struct, frozen=True):
    """A brief as JSON bytes, and what it was drafted over."""

    id: str
    case_id: str
    snapshot: str
    drafter: str
    document: bytes


class ReferenceFile(msgspec.Struct, frozen=True):
    """One version of a register, baseline or list, byte for byte."""

    kb: str
    kb_version: str
    kind: str
    digest: str  # sha256:… of raw
    raw: bytes


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

    def between(self, from_ns: int | None, to_ns: int | None, limit: int) -> tuple[Alert, ...]:
        """Alerts in [from_ns, to_ns), earliest first; None is open, and a window without a start has the timeless."""
        ...


class CaseStore(Protocol):
    """Every state a case ever had."""

    def save(self, state: CaseState) -> bool:
        """Append the state unless it is the case's latest already; whether it was appended."""
        ...

    def latest(self, case_id: str) -> CaseState | None:
        """The case as it stands, with its document."""
        ...

    def at(self, case_id: str, snapshot: str) -> CaseState | None:
        """The latest state of the case over this snapshot, with its document."""
        ...

    def recent(self, limit: int, before: int | None = None) -> tuple[CaseState, ...]:
        """Cases as they stand, newest first, without documents; `before` is the `seq` of the last one seen."""
        ...


class BriefStore(Protocol):
    """Every brief, append-only."""

    def add(self, brief: BriefState) -> bool:
        """Keep it; False when it was known. `AlreadyStored` when the id has other bytes."""
        ...

    def get(self, brief_id: str) -> BriefState | None:
        """The brief of this id."""
        ...

    def of_case(self, case_id: str) -> tuple[BriefState, ...]:
        """The case's briefs, oldest first."""
        ...


class ReferenceStore(Protocol):
    """Pinned registers, baselines and lists; a version is never reused."""

    def add(self, reference: ReferenceFile) -> bool:
        """Keep it; False when it was known. `AlreadyStored` when this version has other bytes."""
        ...

    def get(self, kb: str, kb_version: str | None = None) -> ReferenceFile | None:
        """This version, or the one added last. `DigestMismatch` when the bytes changed."""
        ...

    def all(self) -> tuple[ReferenceFile, ...]:
        """Every version, oldest first."""
        ...


class CoverageStore(Protocol):
    """Coverage manifests: what was asked of a source, and whether it answered in full."""

    def add(self, document: bytes) -> str:
        """Keep a manifest (canonical JSON bytes); its digest."""
        ...

    def get(self, digest: str) -> bytes | None:
        """The manifest of this digest. `DigestMismatch` when the bytes changed."""
        ...

    def all(self) -> tuple[bytes, ...]:
        """Every manifest, oldest first."""
        ...


class LogStage(Protocol):
    """The audit log, from inside the transaction whose change it records."""

    def stage(self, entry: Entry) -> int | None:
        """Write the entry with this transaction; its index if it has one already.

        The same id with the same bytes stages nothing; with other bytes it is an `AuditLogConflict`.
        """
        ...

    def holds(self, entry_id: str) -> bool:
        """Is an entry of this id written already, in this transaction or before it?"""
        ...


class Transaction(Protocol):
    """Everything that is kept or lost together."""

    @property
    def evidence(self) -> EvidenceStore: ...
    @property
    def quarantine(self) -> QuarantineStore: ...
    @property
    def alerts(self) -> AlertStore: ...
    @property
    def cases(self) -> CaseStore: ...
    @property
    def briefs(self) -> BriefStore: ...
    @property
    def references(self) -> ReferenceStore: ...
    @property
    def coverage(self) -> CoverageStore: ...
    @property
    def log(self) -> LogStage: ...


class AuditLog(Protocol):
    """The audit log, from outside: order, root, proof."""

    def sequence(self) -> Head:
        """Give every committed entry its index, in commit order; the head, durably stored.

        One sequencer runs at a time; another call waits for it, so call it outside any transaction.
        `TamperDetected` when the stored head does not hold.
        """
        ...

    def head(self) -> Head:
        """The last stored head; size 0 for an empty log."""
        ...

    def entries(self, start: int, limit: int) -> tuple[Stored, ...]:
        """Sequenced entries from index `start`, in order."""
        ...

    def of_case(self, case_id: str, kind: str) -> tuple[Entry, ...]:
        """Entries of this case and kind, newest first; those that wait for an index too. Reads the whole log."""
        ...

    def of_kind(self, kind: str) -> Iterator[Entry]:
        """Every entry of this kind in the order it was written, read as it is asked for."""
        ...

    def verify(self, kept: Iterable[Head] = ()) -> LogCheck:
        """Recompute the whole log from its stored bytes, against its heads and those the caller kept elsewhere.

        Never raises: a log that cannot be read is "unchecked".
        """
        ...


class Store(Protocol):
    """Where everything is kept."""

    @property
    def log(self) -> AuditLog: ...

    def transaction(self) -> AbstractContextManager[Transaction]:
        """All or nothing, durable at the end. One writer at a time on SQLite; others wait.

        `StoreUnavailable` when the database refuses; nothing was kept then.
        """
        ...

    def reading(self) -> AbstractContextManager[Transaction]:
        """One unchanging view; writing through it is a `StoreUnavailable`."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...


class Clock(Protocol):
    """Now."""

    def now_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        ...


class Sealer(Protocol):
    """Binds content to the log without putting it there."""

    def commit(self, blob_id: str, media_type: str, content: bytes) -> str:
        """`hmac-sha256:` and a keyed commitment to the content (`docs/formats/log.md`)."""
        ...


class Drafter(Protocol):
    """Whoever speaks of a dossier. It is given nothing else."""

    @property
    def name(self) -> str:
        """Name and version."""
        ...

    def draft(self, dossier: Dossier) -> bytes:
        """One `countersign.brief/1` document, or a `DraftError`."""
        ...


class Ports(msgspec.Struct, frozen=True):
    """What a process was given, once."""

    store: Store
    clock: Clock
    sealer: Sealer
    drafter: Drafter
    dictionary: Dictionary
    signals: Signals
