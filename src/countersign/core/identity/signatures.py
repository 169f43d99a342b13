r"""What is signed, and what a signature proves (`docs/formats/decisions.md`; WebAuthn Level 3, section 7.2).

    D         = SHA-256("countersign/decision/v1\n" || canonical decision)        the subject
    challenge = SHA-256("countersign/challenge/v1\n" || signer id || "\n" || D || nonce)

Two people sign one decision, because it names no signer: each signature binds its signer and D.
"""

from hashlib import sha256

import msgspec

from countersign.core.identity.people import KeyKind

SUBJECT_BYTES = NONCE_BYTES = 32


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """One person's signature over one subject. Whoever holds it and the key can check it offline."""

    person: str
    key: str
    kind: KeyKind
    nonce: bytes  # 32 random bytes that were handed out for this, once
    signature: bytes
    client_data: bytes = b""  # passkey: clientDataJSON, as the browser made it
    authenticator_data: bytes = b""  # passkey


def challenge(person: str, subject: bytes, nonce: bytes) -> bytes:
    """The 32 bytes that a key signs. `ValueError` unless subject and nonce have 32 bytes each."""
    if len(subject) != SUBJECT_BYTES or len(nonce) != NONCE_BYTES:
        raise ValueError("subject and nonce have 32 bytes each")
    return sha256(b"countersign/challenge/v1\n" + person.encode() + b"\n" + subject + nonce).digest()
