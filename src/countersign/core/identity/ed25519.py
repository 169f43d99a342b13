"""Ed25519 (RFC 8032), and the keys that are refused: under them anybody can sign."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from countersign.errors import SignatureRefused

PUBLIC_BYTES = 32
SIGNATURE_BYTES = 64
_SIGN_BIT = 0x7F
# The y coordinates of the eight points of small order, and their spellings beyond the prime. Under such a key one
# signature holds for many messages, so its owner could deny whatever they signed (RFC 8032, section 5.1.7, does not ask).
_SMALL_ORDER = frozenset(
    map(
        bytes.fromhex,
        (
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ),
    )
)


def ensure_usable(public: bytes) -> None:
    """`SignatureRefused` unless these are the 32 bytes of an Ed25519 key that one signature belongs to."""
    if len(public) != PUBLIC_BYTES:
        raise SignatureRefused("an Ed25519 public key has 32 bytes")
    if bytes((*public[:-1], public[-1] & _SIGN_BIT)) in _SMALL_ORDER:
        raise SignatureRefused("this Ed25519 key is one of those under which anybody can sign")
    try:
        Ed25519PublicKey.from_public_bytes(public)
    except ValueError as exc:
        raise SignatureRefused("these bytes are no Ed25519 public key") from exc


def ensure_holds(public: bytes, signature: bytes, message: bytes) -> None:
    """`SignatureRefused` unless the signature (64 bytes) is this key's, over this message."""
    ensure_usable(public)
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureRefused(f"an Ed25519 signature has {SIGNATURE_BYTES} bytes")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature as exc:
        raise SignatureRefused(
            "the signature does not hold for this person, subject and nonce under this key"
        ) from exc
