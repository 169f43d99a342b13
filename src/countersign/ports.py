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

from countersign.core.briefs.dossier import Dossier
from countersign.core.cases.bursts import Burst
from countersign.core.cases.decisive import Decisive, Extent
from countersign.core.cases.echoes import Echoes
from countersign.core.cases.grouping import Regrouping, Standing
from countersign.core.cases.sighting import Sighting
from countersign.core.facts.signals import Signals
from countersign.core.log.auditlog import Entry, Head, LogCheck, Stored
from countersign.core.records.alert import Alert, Severity
from countersign.core.records.evidence import Evidence, Quarantined
from countersign.core.records.fields import Dictionary

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


class Waiting(msgspec.Struct, frozen=True):
    """An alert that waits to be grouped; `number` is the store's own name of its record."""

    number: int
    sighting: Sighting


class Member(msgspec.Struct, frozen=True):
    """An alert of a case, and the burst it is part of."""

    alert: Alert
    burst: int


class GroupStore(Protocol):
    """Which alerts stand together: those that wait, bursts, what is said of each case, what persons changed."""

    def lock(self) -> None:
        """Until the transaction ends, nobody else groups."""
        ...

    def wait(self, sightings: Iterable[tuple[str, Sighting]]) -> None:
        """Let alerts wait, each with the id of its stored record. One that waits already waits once."""
        ...

    def newest_waiting(self) -> int | None:
        """The latest start among those that wait, in UTC seconds."""
        ...

    def waiting(self, from_s: int, until_s: int, limit: int) -> tuple[Waiting, ...]:
        """Those that start in [from, until], earliest first, whole seconds; at least one second, else up to `limit`."""
        ...

    def settle(self, numbers: Sequence[int]) -> None:
        """These wait no longer."""
        ...

    def memory(self) -> bytes | None:
        """What the grouping keeps in mind, if it ever did."""
        ...

    def remember(self, memory: bytes) -> None:
        """Keep the grouping's memory, instead of the last."""
        ...

    def keep(
        self, bursts: Iterable[Burst], members: Iterable[tuple[int, int]], cases: Iterable[Standing]
    ) -> None:
        """Keep bursts, (record number, burst) pairs and standings as they are now. What a person placed stays."""
        ...

    def last_number(self) -> int:
        """The highest burst number in use; 0 when there is none."""
        ...

    def placed(self, numbers: Collection[int]) -> Mapping[int, Burst]:
        """Bursts by number, of those that are stored, as they were kept."""
        ...

    def bursts_of(self, case_id: str) -> tuple[Burst, ...]:
        """The bursts of a case, earliest first."""
        ...

    def counts_of(self, case_id: str) -> Mapping[int, int]:
        """Burst number to alerts, of a case."""
        ...

    def members(self, case_id: str, ends: int) -> tuple[Member, ...]:
        """The alerts of a case in event order; with `ends`, of each burst only so many first and last."""
        ...

    def cases_of(self, evidence: Collection[str]) -> Mapping[str, str]:
        """Record id to the case that its alert is in."""
        ...

    def burst_of(self, evidence: str) -> Burst | None:
        """The burst that a record's alert is part of."""
        ...

    def standing(self, case_ids: Collection[str]) -> Mapping[str, Standing]:
        """What is kept of cases."""
        ...

    def stand(self, standing: Standing) -> None:
        """Keep this of a case."""
        ...

    def sizes(self, case_ids: Collection[str]) -> Mapping[str, int]:
        """How many alerts each case holds now; none for a case that is not grouped."""
        ...

    def holds_any(self, case_id: str) -> bool:
        """Is any alert in the case?"""
        ...

    def marks(self, case_ids: Collection[str]) -> Mapping[str, str]:
        """A mark of which alerts each case holds now; none for a case that holds none."""
        ...

    def drafted(self, case_id: str, mark: str) -> None:
        """A brief was made of the case when its alerts had this mark."""
        ...

    def stale(self, case_ids: Collection[str]) -> frozenset[str]:
        """Those of the cases whose alerts are others than when a brief was last made of them."""
        ...

    def unsettled(self, case_id: str) -> tuple[str, ...]:
        """Records of the case whose alerts still wait, and are judged again with what comes next."""
        ...

    def incidents(self, from_s: int, until_s: int) -> tuple[Burst, ...]:
        """The bursts of incidents that were active in [from, until]."""
        ...

    def regroup(self, regrouping: Regrouping) -> None:
        """Append what a person changed."""
        ...

    def regroupings(self) -> tuple[Regrouping, ...]:
        """What persons changed, oldest first."""
        ...

    def assign(self, burst: Burst, evidence: Collection[str]) -> None:
        """A person's burst: these records' alerts are part of it from now on."""
        ...

    def move(self, case_id: str, into: str) -> None:
        """Every burst of the case is part of the other from now on."""
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


class FollowStore(Protocol):
    """How far followed files were read. A position is a bookmark and no evidence: it is replaced, not added to."""

    def get(self, path: str) -> Position | None:
        """Where reading this path goes on."""
        ...

    def save(self, position: Position) -> None:
        """Keep it, instead of the one before."""
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
    def groups(self) -> GroupStore: ...
    @property
    def cases(self) -> CaseStore: ...
    @property
    def briefs(self) -> BriefStore: ...
    @property
    def references(self) -> ReferenceStore: ...
    @property
    def coverage(self) -> CoverageStore: ...
    @property
    def following(self) -> FollowStore: ...
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
    decisive: Decisive
    echoes: Echoes
