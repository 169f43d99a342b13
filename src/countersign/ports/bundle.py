"""What a process is given, once: the store, its transactions, the clock, the drafter."""

from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from countersign.core.briefs.dossier import Dossier
from countersign.core.cases.decisive import Decisive
from countersign.core.cases.echoes import Echoes
from countersign.core.facts.signals import Signals
from countersign.core.identity.signed import Relying
from countersign.core.records.fields import Dictionary
from countersign.ports.cases import BriefStore, CaseStore, CoverageStore, ReferenceStore
from countersign.ports.erasure import ErasureStore
from countersign.ports.groups import GroupStore
from countersign.ports.log import AuditLog, ContentStore, LogStage, Publisher, Sealer
from countersign.ports.people import PeopleStore
from countersign.ports.records import AlertStore, EvidenceStore, FollowStore, QuarantineStore
from countersign.ports.review import PolicyEngine, ReviewStore


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
    def reviews(self) -> ReviewStore: ...
    @property
    def following(self) -> FollowStore: ...
    @property
    def people(self) -> PeopleStore: ...
    @property
    def log(self) -> LogStage: ...
    @property
    def erasures(self) -> ErasureStore: ...
    @property
    def contents(self) -> ContentStore: ...

    def savepoint(self) -> AbstractContextManager[None]:
        """What happens inside is undone when it ends with an error; the transaction itself goes on.

        `StoreUnavailable` when it cannot: nothing of the transaction is kept then.
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

    def scrub(self) -> bool:
        """After an erasure: leave no deleted byte in the store's files. False when it could not be done yet."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...


class Clock(Protocol):
    """Now."""

    def now_ns(self) -> int:
        """UTC nanoseconds since 1970."""
        ...


class Entropy(Protocol):
    """Randomness that nobody can foresee: for nonces, tokens, salts and pseudonyms, never for ids of content."""

    def draw(self, count: int) -> bytes:
        """So many fresh random bytes."""
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
    publisher: Publisher
    relying: Relying
    entropy: Entropy
    policy: PolicyEngine
