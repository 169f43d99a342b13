"""Log proofs: that one entry is under a checkpoint, checked offline (C2SP tlog-proof v1).

    c2sp.org/tlog-proof@v1
    [extra <base64>]                 read over: nothing vouches for it
    index <n>
    <inclusion hashes in base64, leaf sibling first>
    <empty line>
    <the checkpoint with all its signatures>

The steps, in order: (1) the leaf hash is made from the entry's bytes; (2) the checkpoint meets the reader's
policy: origin, log signature, cosignatures; (3) the hashes lead from that leaf at that index to its root.
Only then is the entry read. Keys never come out of the proof.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from countersign.core.log.merkle import leaf_hash, verify_inclusion
from countersign.core.log.note import (
    MAX_NOTE_BYTES,
    decimal,
    decoded,
    encoded,
    hash_of,
    parse_note,
    plain_text,
)
from countersign.core.log.quorum import Believed, Policy, believed
from countersign.errors import MalformedNote, ProofRefused

FIRST_LINE: Final = "c2sp.org/tlog-proof@v1"
MAX_HASHES: Final = 63
MAX_PROOF_BYTES: Final = 2 * MAX_NOTE_BYTES


class LogProof(msgspec.Struct, frozen=True):
    """An entry's index, its inclusion hashes, and the signed note of the checkpoint they lead to."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes

    def raw(self) -> bytes:
        """The `.tlog-proof` file."""
        lines = (FIRST_LINE, f"index {self.index}", *map(encoded, self.hashes), "")
        return "\n".join(lines).encode() + b"\n" + self.checkpoint


def parse_proof(raw: bytes) -> LogProof:
    """The proof that a file spells, or `MalformedNote`. Nothing has been checked."""
    if len(raw) > MAX_PROOF_BYTES:
        raise MalformedNote(f"a proof has at most {MAX_PROOF_BYTES} bytes")
    head, parted, checkpoint = plain_text(raw, "the proof").partition("\n\n")
    first, *lines = head.split("\n")
    if first != FIRST_LINE or not parted:
        raise MalformedNote(
            f"a proof starts with the line {FIRST_LINE}, and its checkpoint follows an empty line"
        )
    if lines and lines[0].startswith("extra "):
        decoded(lines.pop(0).removeprefix("extra "), "the extra line")
    if not lines or not lines[0].startswith("index "):
        raise MalformedNote("the proof does not say which index it is for")
    note = checkpoint.encode()
    parse_note(note)
    index = decimal(lines[0].removeprefix("index "), "the index")
    return LogProof(index, proof_hashes(lines[1:]), note)


def proof_hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    """The hashes of a proof, a line each; `MalformedNote` when one is none, or there are more than 63."""
    if len(lines) > MAX_HASHES:
        raise MalformedNote(f"a proof has at most {MAX_HASHES} hashes; this has {len(lines)}")
    return tuple(hash_of(line, "a hash of the proof") for line in lines)


def check_proof(proof: LogProof, entry: bytes, policy: Policy, now_s: int | None = None) -> Believed:
    """The checkpoint under which these bytes are the entry at the proof's index.

    `NoteNotVerified` when the checkpoint does not meet the policy, `ProofRefused` when the hashes do not lead
    to its root. `now_s` is the reader's clock; without one, times of cosignatures are not judged.
    """
    leaf = leaf_hash(entry)
    found = believed(proof.checkpoint, policy, now_s)
    head = found.checkpoint
    if not verify_inclusion(leaf, proof.index, head.size, proof.hashes, head.root):
        raise ProofRefused(
            f"these bytes are not shown to be entry {proof.index} of the {head.size} that are signed"
        )
    return found
