"""What a witness answers, as a rule without a clock, a disk or a network (C2SP tlog-witness 1.0.0).

A log submits: the size it believes was recorded, a consistency proof, its checkpoint. In this order:

    the body is read                                             400
    the origin is known                                          404
    a trusted key of it signed, and no line of one is bad        403
    old <= size of the checkpoint                                400
    old == the recorded size                                     409, and the recorded size
    size 0 has the empty root; the proof verifies                422
    otherwise: store, then sign                                  200

The caller holds the origin's record from the question to the store, and signs after the store has returned.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from countersign.core.log.checkpoint import Checkpoint, parse_checkpoint
from countersign.core.log.merkle import EMPTY_ROOT, verify_consistency
from countersign.core.log.note import (
    MAX_NOTE_BYTES,
    Note,
    VerifierKey,
    decimal,
    encoded,
    good_signatures,
    is_log_signature,
    parse_note,
    plain_text,
)
from countersign.core.log.proofs import proof_hashes
from countersign.errors import MalformedNote, NoteNotVerified

MAX_BODY_BYTES: Final = MAX_NOTE_BYTES + 64 * 46
SIZE_TYPE: Final = "text/x.tlog.size"
TEXT_TYPE: Final = "text/plain; charset=utf-8"


class Submission(msgspec.Struct, frozen=True):
    """A body of `add-checkpoint`, read."""

    old_size: int
    proof: tuple[bytes, ...]
    note: Note
    checkpoint: Checkpoint


class Refused(msgspec.Struct, frozen=True):
    """An answer that nothing is signed with: an HTTP status and its body."""

    status: int
    body: bytes
    media_type: str = TEXT_TYPE


class Granted(msgspec.Struct, frozen=True):
    """What to store as the origin's record, and then to sign."""

    checkpoint: Checkpoint


Recorded = Callable[[str], Checkpoint | None]
"""The last checkpoint this witness stored for an origin; None if it stored none."""


def submission(old_size: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """The body of `add-checkpoint`."""
    lines = (f"old {old_size}", *map(encoded, proof), "")
    return "\n".join(lines).encode() + b"\n" + note


def parse_submission(body: bytes) -> Submission:
    """What a body says, or `MalformedNote`."""
    if len(body) > MAX_BODY_BYTES:
        raise MalformedNote(f"a submission has at most {MAX_BODY_BYTES} bytes")
    head, _, rest = plain_text(body, "the submission").partition("\n\n")
    first, *lines = head.split("\n")
    if not first.startswith("old "):
        raise MalformedNote("a submission starts with the line: old SIZE")
    note = parse_note(rest.encode())
    old = decimal(first.removeprefix("old "), "the old size")
    return Submission(old, proof_hashes(lines), note, parse_checkpoint(note.text))


def judged(body: bytes, logs: Mapping[str, Sequence[VerifierKey]], recorded: Recorded) -> Granted | Refused:
    """The answer to a submission, where `logs` are the trusted keys of each known origin."""
    try:
        asked = parse_submission(body)
    except MalformedNote as exc:
        return _refused(400, str(exc))
    found = asked.checkpoint
    if found.origin not in logs:
        return _refused(404, "this witness does not know the origin")
    try:
        signed = good_signatures(asked.note.text, asked.note.signatures, logs[found.origin], is_log_signature)
    except NoteNotVerified as exc:
        return _refused(403, str(exc))
    if not signed:
        return _refused(403, "no key that this witness trusts for the origin has signed")
    if asked.old_size > found.size:
        return _refused(400, "the old size is larger than the checkpoint's")
    last = recorded(found.origin) or Checkpoint(found.origin, 0, EMPTY_ROOT)
    if asked.old_size != last.size:
        return Refused(409, b"%d\n" % last.size, SIZE_TYPE)
    return _judged_tree(last, found, asked.proof)


def _judged_tree(last: Checkpoint, new: Checkpoint, proof: Sequence[bytes]) -> Granted | Refused:
    """The proof is held against the root this witness recorded, never against one it is told."""
    if new.size == 0 and new.root != EMPTY_ROOT:
        return _refused(422, "a log of size 0 has the empty root")
    if not verify_consistency(last.size, last.root, new.size, new.root, proof):
        return _refused(422, "the proof does not lead from the recorded head to this one")
    return Granted(new)


def _refused(status: int, reason: str) -> Refused:
    return Refused(status, f"{reason}\n".encode())
