"""The audit log, from inside a transaction and from outside."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

from countersign.core.log.auditlog import Blob, Entry, Head, LogCheck, SignedHead, Stored
from countersign.core.log.checkpoint import Checkpoint
from countersign.core.log.cosign import Cosignature
from countersign.core.log.proofs import LogProof


class LogStage(Protocol):
    """The audit log, from inside the transaction whose change it records."""

    def stage(self, entry: Entry) -> int | None:
        """Write the entry with this transaction; its index if it has one already.

        The same id with the same bytes stages nothing; with other bytes it is an `AuditLogConflict`.
        """
        ...

    def sequence(self) -> Head:
        """Give every entry written so far its index, those of this transaction too; the last thing it does.

        Saves a second trip to the disk. `TamperDetected` as `AuditLog.sequence`.
        """
        ...

    def holds(self, entry_id: str) -> bool:
        """Is an entry of this id written already, in this transaction or before it?"""
        ...

    def read(self, entry_id: str) -> Entry | None:
        """The entry of this id, written in this transaction or before it, with an index or without."""
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

    def find(self, entry_id: str) -> Stored | None:
        """The sequenced entry of this id; None when there is none, or it waits for an index."""
        ...

    def checkpoint(self, size: int | None = None) -> SignedHead | None:
        """The newest checkpoint, or that of this size; None when there is none."""
        ...

    def checkpoint_sizes(self, since: int) -> tuple[int, ...]:
        """The sizes from `since` on that have a checkpoint, ascending."""
        ...

    def settled(self) -> SignedHead | None:
        """The newest checkpoint if it covers every entry there is, staged ones too; else None."""
        ...

    def keep_checkpoint(self, signed: SignedHead, after: SignedHead | None) -> None:
        """Keep a checkpoint, durably. `AuditLogConflict` unless `after` is the newest, and smaller."""
        ...

    def cosignatures(self, size: int) -> tuple[bytes, ...]:
        """What witnesses signed of the checkpoint of this size: signature lines, by name."""
        ...

    def add_cosignature(self, size: int, name: str, line: bytes) -> None:
        """Keep a witness's signature line; the first of a name stays."""
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
    """Wraps the secrets that contents are bound and encrypted with; its own key never leaves the home."""

    def wrap(self, secret: bytes, blob_id: str) -> bytes:
        """The secret, encrypted, bound to the blob's id."""
        ...

    def unwrap(self, wrapped: bytes, blob_id: str) -> bytes:
        """The secret again; `TamperDetected` for one of another blob, or of another home."""
        ...

    def pseudonym(self, purpose: str, text: bytes) -> str:
        """32 hexadecimal digits that stand for a text in the log; nobody guesses the text without the home's key."""
        ...


class ContentStore(Protocol):
    """Contents beside the log: one secret a blob, wrapped; encrypted; erasable; bound to entries by commitments."""

    def seal(self, blob_id: str, case: str, media_type: str, content: bytes, *, kept: bool = True) -> Blob:
        """Bind content, and keep it encrypted (`kept`) or only bound, because it stands in rows already.

        The same id with the same content again gives the same blob; with other content it is an `AuditLogConflict`.
        """
        ...

    def open(self, blob_id: str) -> bytes:
        """The content. `ContentErased`, `ContentNotKept`, or `TamperDetected` when it does not give its commitment."""
        ...

    def named(self, case: str, role: str) -> tuple[str, ...]:
        """Ids of the blobs that entries of this case hold under this role, newest first; not of those erased."""
        ...

    def holds(self, blob: Blob, media_type: str, content: bytes) -> bool:
        """Is this what the blob commits to? False for an erased blob: nobody can say any more."""
        ...

    def is_bound(self, blob_id: str) -> bool:
        """Is its secret here? Not once it was erased, nor for entries of a version that kept no secrets."""
        ...

    def is_erased(self, blob_id: str) -> bool:
        """Was it erased?"""
        ...


class LogSigner(Protocol):
    """The key that signs checkpoints. Only what publishes holds it. A key that is missing is a `ConfigError`."""

    def make(self) -> None:
        """Make the key of a new log, durably; nothing happens where there is one."""
        ...

    @property
    def origin(self) -> str:
        """The log's unique name, and the key's."""
        ...

    @property
    def verifier(self) -> str:
        """The verifier key: NAME+HASH+BASE64 (C2SP signed-note)."""
        ...

    def sign(self, text: bytes) -> bytes:
        """The 64 bytes of an Ed25519 signature over a note's text."""
        ...


class LogFiles(Protocol):
    """The published log as files: tiles, entry bundles and the checkpoint, as C2SP tlog-tiles names them.

    What cannot be written is an `AuditLogUnavailable` that says so.
    """

    def holding(self) -> AbstractContextManager[None]:
        """One publisher at a time, among all processes; others wait. Write only while holding."""
        ...

    def read(self, path: str) -> bytes | None:
        """The file's bytes; None when there is none. What waits to be written is not there yet."""
        ...

    def write(self, path: str, content: bytes) -> None:
        """Write it whole, in place with the next `sync`. `TamperDetected` where a full tile has other bytes."""
        ...

    def sync(self) -> None:
        """Everything written so far is in its place and on disk, folders too."""
        ...

    def replace(self, path: str, content: bytes) -> None:
        """Put it in place at once, whole. Of a failure of power only the file before may come back."""
        ...

    def drop_partials(self, path: str) -> None:
        """Remove the partial files of a tile whose full file is in place."""
        ...

    def set_aside(self, path: str) -> None:
        """Take a damaged file out of what is served, and keep it."""
        ...

    def paths(self) -> Iterator[str]:
        """Every file that is served."""
        ...


class Witness(Protocol):
    """Somebody elsewhere who remembers the last checkpoint, and signs only what continues it."""

    @property
    def name(self) -> str:
        """Its name, as its key says it."""
        ...

    def cosign(
        self, head: Checkpoint, note: bytes, consistency: Callable[[int], tuple[bytes, ...]]
    ) -> Cosignature:
        """Its signature over this head, which held under its key; `consistency(size)` proves what it saw before.

        `WitnessUnavailable`, `WitnessRefused`; `TamperDetected` when it has seen more of this log, or another
        history of it.
        """
        ...


class Publisher(Protocol):
    """Puts every committed entry under a signed checkpoint."""

    def publish(self, sequenced: Head | None = None) -> Head:
        """Sequence, write the files, sign: the published head. Call it outside any transaction.

        `sequenced`: what the caller's transaction just gave indexes to; then nothing else is looked for, and
        `tidy` is left to the caller.

        An entry is published once its index is below the head's size. `AuditLogUnavailable` when the log cannot
        be written, `ConfigError` when the key is missing, `TamperDetected` when what is stored does not hold:
        nothing may be shown or decided then.
        """
        ...

    def tidy(self) -> None:
        """Remove the partial files of tiles that were filled since; when there is time."""
        ...

    def rebuild(self) -> tuple[str, ...]:
        """Check every published file against the entries, and write those anew that are missing or damaged.

        Their paths. `TamperDetected` unless the entries still give the root that was signed.
        """
        ...

    def shown(self) -> bytes:
        """Publish, then the public checkpoint: the signed note with every cosignature."""
        ...

    def prove(self, index: int) -> LogProof:
        """Publish, then the proof that the entry at this index is under the public checkpoint.

        `UsageError` where there is no such entry.
        """
        ...

    def cosigned(self, witness: Witness) -> Cosignature:
        """Publish, have the checkpoint cosigned, keep the line and show it with the checkpoint.

        The errors of `Witness.cosign`. The log goes on while the witness is asked, and without it.
        """
        ...

    def objection(self, verifier: str = "") -> tuple[str, str] | None:
        """Status and reason of what the newest checkpoint, its signature and the files say against the log.

        None for nothing. Changes nothing. `verifier`: the key that the reader kept, else the home's own.
        """
        ...

    def served(self) -> Iterator[tuple[str, bytes]]:
        """Publish, then every file of the log, path and bytes, worked out from the entries; the checkpoint last."""
        ...

    @property
    def verifier(self) -> str:
        """The verifier key of this log: NAME+HASH+BASE64. `ConfigError` where there is no key."""
        ...
