"""The audit log, from inside a transaction and from outside."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from countersign.core.log.auditlog import Entry, Head, LogCheck, Stored


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


class Sealer(Protocol):
    """Binds content to the log without putting it there."""

    def commit(self, blob_id: str, media_type: str, content: bytes) -> str:
        """`hmac-sha256:` and a keyed commitment to the content (`docs/formats/log.md`)."""
        ...
