"""Checkpoints: the signed head of a log (C2SP tlog-checkpoint 1.0.0).

Three lines, and no more: the origin, the size in decimal, the root in base64. Extension lines, which the
format allows, are refused: not every kind of cosignature covers them, so nobody could rely on one.
"""

from collections.abc import Iterable

import msgspec

from countersign.core.log.merkle import EMPTY_ROOT
from countersign.core.log.note import (
    LOG_KEY,
    Note,
    VerifierKey,
    decimal,
    encoded,
    hash_of,
    is_name,
    opened,
    plain_text,
)
from countersign.errors import MalformedNote, NoteNotVerified


class Checkpoint(msgspec.Struct, frozen=True):
    """Which log, how many entries, and the root over them (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def text(self) -> bytes:
        """What the log signs."""
        return f"{self.origin}\n{self.size}\n{encoded(self.root)}\n".encode()


def parse_checkpoint(text: bytes) -> Checkpoint:
    """The checkpoint that a note's text spells, or `MalformedNote`."""
    lines = plain_text(text, "the checkpoint").split("\n")[:-1]
    if len(lines) != 3:
        raise MalformedNote(f"a checkpoint has three lines; this has {len(lines)}")
    origin, size, root = lines
    if not is_name(origin):
        raise MalformedNote("the origin is empty, or holds a space or `+`")
    return Checkpoint(origin, decimal(size, "the size"), hash_of(root, "the root"))


def open_checkpoint(raw: bytes, key: VerifierKey, origin: str = "") -> Checkpoint:
    """The checkpoint of a note that this log key signed.

    The origin is the key's name unless the reader expects another. `MalformedNote` or `NoteNotVerified`
    otherwise; a cosigner's key (type 0x04) never stands for the log's own.
    """
    return read_checkpoint(opened(raw, _log_keys([key])), origin or key.name)


def read_checkpoint(note: Note, origin: str) -> Checkpoint:
    """The checkpoint of a note whose signatures hold, if it is the log's that the reader meant."""
    found = parse_checkpoint(note.text)
    if found.origin != origin:
        raise NoteNotVerified(f"the checkpoint is of the log {found.origin}, not of {origin}")
    if found.size == 0 and found.root != EMPTY_ROOT:
        raise MalformedNote("a log of size 0 has another root than the empty one")
    return found


def _log_keys(keys: Iterable[VerifierKey]) -> list[VerifierKey]:
    kept = list(keys)
    if wrong := next((key for key in kept if key.kind != LOG_KEY), None):
        hint = "Give the verifier key of the log itself, of type 0x01."
        raise NoteNotVerified(f"{wrong.name} is a key of type {wrong.kind:#04x}, not a log's", hint=hint)
    return kept
