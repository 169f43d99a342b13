"""What makes two things the same thing.

Evidence is named by its bytes, a snapshot by the evidence in it, everything made from them by what
it was made of. No id here is drawn at random: the same input gives the same id on every machine.
"""

from collections.abc import Iterable
from hashlib import sha256

import rfc8785

SNAPSHOT_DOMAIN = b"countersign/snapshot/v1\n"


def evidence_id(raw: bytes) -> str:
    """`sha256:` and the hex SHA-256 of the exact raw record bytes."""
    return "sha256:" + sha256(raw).hexdigest()


def digest(data: bytes) -> str:
    """`sha256:` and the hex SHA-256 of any bytes."""
    return "sha256:" + sha256(data).hexdigest()


def canonical(document: object) -> bytes:
    """RFC 8785 (JCS) bytes of a JSON document; raises `rfc8785.CanonicalizationError`."""
    return rfc8785.dumps(document)  # type: ignore[arg-type]


def snapshot_id(evidence_ids: Iterable[str], coverage: object) -> str:
    """Digest of a frozen evidence set and of the coverage manifest (a JSON document) it was read under."""
    state = sha256(SNAPSHOT_DOMAIN)
    for eid in sorted(evidence_ids):
        state.update(eid.encode() + b"\n")
    state.update(b"coverage " + sha256(canonical(coverage)).hexdigest().encode() + b"\n")
    return "sha256:" + state.hexdigest()


def derived_id(prefix: str, *parts: str) -> str:
    """A short id that follows from what the thing was made of: `case-1f3a…` (16 hex digits, 64 bits)."""
    return f"{prefix}-{sha256(chr(10).join((prefix, *parts)).encode()).hexdigest()[:16]}"
