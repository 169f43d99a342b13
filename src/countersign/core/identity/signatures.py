r"""What is signed, and what a signature proves (`docs/formats/decisions.md`; WebAuthn Level 3, section 7.2).

    D         = SHA-256("countersign/decision/v1\n" || canonical decision)        the subject
    challenge = SHA-256("countersign/challenge/v1\n" || signer id || "\n" || D || nonce)

Two people sign one decision, because it names no signer: each signature binds its signer and D.

`verified` needs nothing but its arguments, so whoever holds the signature, the key and the subject can ask it again,
offline. What it cannot know its *caller* still owes: that the nonce was handed out for this, to this person, and is
used once; that the key was in force; and what the person may do. `steps/people.accepted` asks all of that.
"""

from hashlib import sha256

from countersign.core.identity import ed25519
from countersign.core.identity.people import Assurance, Key
from countersign.core.identity.signed import Relying, Signature
from countersign.core.ids import digest
from countersign.errors import SignatureRefused

__all__ = ["NONCE_BYTES", "SUBJECT_BYTES", "Relying", "Signature", "challenge", "key_id", "verified"]

SUBJECT_BYTES = NONCE_BYTES = 32


def challenge(person: str, subject: bytes, nonce: bytes) -> bytes:
    """The 32 bytes that a key signs. `ValueError` unless subject and nonce have 32 bytes each."""
    if len(subject) != SUBJECT_BYTES or len(nonce) != NONCE_BYTES:
        raise ValueError("subject and nonce have 32 bytes each")
    return sha256(b"countersign/challenge/v1\n" + person.encode() + b"\n" + subject + nonce).digest()


def key_id(public: bytes) -> str:
    """What a key is called: `sha256:…` of its public bytes, as `Key.public` holds them."""
    return digest(public)


def verified(signature: Signature, key: Key, subject: bytes, relying: Relying) -> Assurance:
    """How sure `signature` makes us that `key`'s owner signed `subject`; `SignatureRefused` says why it does not."""
    # (1) The key is what its name says, and the one that the signature names.
    if key.id != key_id(key.public):
        raise SignatureRefused(f"the public key given for {key.id} is another key")
    if signature.key != key.id:
        raise SignatureRefused(f"it was made with the key {signature.key}, not with {key.id}")
    # (2) The key is this person's. A name in the signature alone gives nobody a key.
    if signature.person != key.person:
        raise SignatureRefused(f"{key.id} is the key of {key.person}, not of {signature.person}")
    # (3) A passkey never passes as a software key, nor the other way round.
    if signature.kind != key.kind:
        raise SignatureRefused(
            f"it is given as a {signature.kind} signature, but the key is a {key.kind} key"
        )
    # (4) Person, subject and nonce are all in the bytes that were signed.
    try:
        expected = challenge(key.person, subject, signature.nonce)
    except ValueError as exc:
        raise SignatureRefused(str(exc)) from exc
    match key.kind:
        case "software":
            return _software(signature, key, expected)
        case "passkey":
            # Imported here: it costs every command a tenth of a second, and only passkeys need it.
            from countersign.core.identity import passkeys  # noqa: PLC0415 - as said above

            return passkeys.asserted(signature, key, expected, relying)


def _software(signature: Signature, key: Key, expected: bytes) -> Assurance:
    """Ed25519 (RFC 8032) over the 32 bytes of the challenge."""
    if signature.client_data or signature.authenticator_data:
        raise SignatureRefused("a software signature carries no browser's data")
    ed25519.ensure_holds(key.public, signature.signature, expected)
    return "software"
