"""Contents beside the log: the keys of one blob, its commitment, and its sealed form.

Every blob has a secret of its own, so that destroying one secret leaves every other blob readable. The
commitment is keyed, because a bare hash of a user name or a short command can be guessed. Form and vectors:
`docs/formats/log.md`.
"""

import hmac
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from countersign.errors import TamperDetected

KEY_BYTES = 32
NONCE_BYTES = 12
PREFIX = "hmac-sha256:"

_MAC = b"countersign/blob-mac/v1"
_ENC = b"countersign/blob-enc/v1"


def derived(secret: bytes, info: bytes) -> bytes:
    """HKDF-SHA-256 without salt: 32 bytes for one purpose out of a secret of 32 bytes."""
    _ensure_key(secret)
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=info).derive(secret)


def mac_key(secret: bytes) -> bytes:
    """The key of a blob's commitment: with content and media type it opens the blob for an auditor, and no other."""
    return derived(secret, _MAC)


def encryption_key(secret: bytes) -> bytes:
    """The key that a blob is encrypted with."""
    return derived(secret, _ENC)


def commit(key: bytes, media_type: str, content: bytes) -> str:
    """`hmac-sha256:` and 64 hexadecimal digits. `ValueError` for a key of another length than 32 bytes."""
    _ensure_key(key)  # HMAC pads with zeros: a short key and its padded twin would give one commitment
    message = b"countersign/blob/v1\n" + media_type.encode() + b"\n" + content
    return PREFIX + hmac.digest(key, message, sha256).hex()


def is_committed(key: bytes, commitment: str, media_type: str, content: bytes) -> bool:
    """Is this the content that the commitment was made of?"""
    return hmac.compare_digest(commit(key, media_type, content).encode(), commitment.encode())


def seal(key: bytes, nonce: bytes, bound: str, content: bytes) -> bytes:
    """Nonce (12 bytes, never twice under a key), then AES-256-GCM of the content with `bound` as associated data."""
    _ensure_key(key)
    if len(nonce) != NONCE_BYTES:
        raise ValueError("a nonce has 12 bytes")
    return nonce + AESGCM(key).encrypt(nonce, content, bound.encode())


def unseal(key: bytes, sealed: bytes, bound: str) -> bytes:
    """What was sealed under this key and bound to this; `TamperDetected` for anything else."""
    _ensure_key(key)
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound.encode())
    except (InvalidTag, ValueError) as exc:
        raise TamperDetected("what is kept encrypted beside the log is not what was put there") from exc


def _ensure_key(key: bytes) -> None:
    if len(key) != KEY_BYTES:
        raise ValueError("a key has 32 bytes")
