r"""Cosignatures: what a witness signs over a checkpoint, and when (C2SP tlog-cosignature).

The signature field is an 8-byte big-endian POSIX time, then the signature:

    Ed25519, type 0x04, over     "cosignature/v1\n" "time <decimal>\\n" <checkpoint text>
    ML-DSA-44, type 0x06, over   "subtree/v1\n\0" || u8 len || cosigner || u64 time || u8 len || origin
                                 || u64 start (0) || u64 size || root

It says: at that time this was the largest consistent head that I had seen. A time of 0, or one more than
five minutes ahead of the reader's clock, is refused.
"""

from collections.abc import Iterable
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from countersign.core.log.checkpoint import Checkpoint, parse_checkpoint
from countersign.core.log.note import (
    COSIGNER_KEY,
    COSIGNER_ML_DSA_KEY,
    Signature,
    VerifierKey,
    good_signatures,
    is_ed25519,
    is_log_signature,
)
from countersign.errors import MalformedNote, NoteNotVerified

try:
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey
except ImportError:  # an older cryptography: lines of this type cannot be checked, so they do not hold
    MLDSA44PublicKey = None  # type: ignore[assignment,misc]

AHEAD_S: Final = 300
SIGNATURE_BYTES: Final = {COSIGNER_KEY: 64, COSIGNER_ML_DSA_KEY: 2420}
_MAX_TIME = 2**63 - 1


class Cosignature(msgspec.Struct, frozen=True):
    """Whose cosignature held, and the time it names (seconds since 1970)."""

    key: VerifierKey
    time_s: int
    signature: Signature


def message(time_s: int, text: bytes) -> bytes:
    """What an Ed25519 cosigner signs over a checkpoint's text."""
    return b"cosignature/v1\ntime %d\n" % time_s + text


def ml_dsa_message(name: str, time_s: int, checkpoint: Checkpoint) -> bytes:
    """What an ML-DSA-44 cosigner of this name signs."""
    return b"".join(
        (
            b"subtree/v1\n\x00",
            _short(name),
            time_s.to_bytes(8, "big"),
            _short(checkpoint.origin),
            (0).to_bytes(8, "big"),
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        )
    )


def cosignature(key: VerifierKey, time_s: int, signed: bytes) -> Signature:
    """The line that carries a cosigner's signature made at `time_s`."""
    return Signature(key.name, key.id, time_s.to_bytes(8, "big") + signed)


def holds(key: VerifierKey, text: bytes, field: bytes) -> bool:
    """Does a signature field of any type that is read here hold over a checkpoint's text?"""
    if key.kind not in SIGNATURE_BYTES:
        return is_log_signature(key, text, field)
    time_s, signed = int.from_bytes(field[:8], "big"), field[8:]
    if len(signed) != SIGNATURE_BYTES[key.kind] or not 0 < time_s <= _MAX_TIME:
        return False
    if key.kind == COSIGNER_KEY:
        return is_ed25519(key.public, signed, message(time_s, text))
    return _is_ml_dsa(key, time_s, signed, text)


def cosignatures(
    text: bytes, signatures: Iterable[Signature], witnesses: Iterable[VerifierKey], now_s: int | None = None
) -> tuple[Cosignature, ...]:
    """Every cosignature by these witnesses; `now_s` is the reader's clock, None if there is none to trust.

    `NoteNotVerified` when a line of a known witness does not hold, is from the future, or its key is no
    witness's. No line at all is no error: whether that is enough, a policy says.
    """
    keys = {(key.name, key.id): key for key in witnesses}
    if wrong := next((key for key in keys.values() if key.kind not in SIGNATURE_BYTES), None):
        raise NoteNotVerified(f"{wrong.name} is a key of type {wrong.kind:#04x}, not a witness's")
    good = good_signatures(text, signatures, keys.values(), holds)
    found = tuple(Cosignature(keys[line.name, line.key_id], _time(line), line) for line in good)
    for each in found:
        if now_s is not None and each.time_s > now_s + AHEAD_S:
            raise NoteNotVerified(f"the cosignature of {each.key.name} is from the future")
    return found


def _time(line: Signature) -> int:
    return int.from_bytes(line.field[:8], "big")


def _is_ml_dsa(key: VerifierKey, time_s: int, signed: bytes, text: bytes) -> bool:
    if MLDSA44PublicKey is None:
        return False
    try:
        signed_text = ml_dsa_message(key.name, time_s, parse_checkpoint(text))
        MLDSA44PublicKey.from_public_bytes(key.public).verify(signed, signed_text)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, MalformedNote):
        return False
    return True


def _short(text: str) -> bytes:
    raw = text.encode()
    if len(raw) > 255:
        raise MalformedNote("a name of more than 255 bytes cannot be cosigned")
    return bytes([len(raw)]) + raw
