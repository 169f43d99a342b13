r"""What people sign besides decisions: the enrolment of a key, a new passkey, a sign-in (`docs/formats/decisions.md`).

    subject = SHA-256("countersign/enrolment/v1\n" || RFC 8785 form of the document)      …/registration/v1, …/sign-in/v1

Each kind has a prefix of its own, so that no signature over one is ever one over another.
"""

from hashlib import sha256
from typing import Literal

import msgspec

from countersign.core.identity.people import Key, KeyKind
from countersign.core.identity.signatures import key_id
from countersign.core.ids import canonical, digest


class Enrolment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an admin signs: this key is this person's. Bytes are in lower-case hex."""

    person: str
    kind: KeyKind
    public: str
    by: str  # the admin; the person themself on the very first
    credential: str = ""  # passkey
    device_bound: bool = False  # passkey
    v: Literal[1] = 1

    @property
    def key(self) -> str:
        """The id of the key."""
        return key_id(bytes.fromhex(self.public))


def enrolment_bytes(enrolment: Enrolment) -> bytes:
    """The canonical bytes."""
    return canonical(msgspec.to_builtins(enrolment))


def enrolment_subject(enrolment: Enrolment) -> bytes:
    """The 32 bytes that the admin's signature is over."""
    return sha256(b"countersign/enrolment/v1\n" + enrolment_bytes(enrolment)).digest()


def enrolment_digest(enrolment: Enrolment) -> str:
    """`sha256:…` of the canonical bytes, for the log."""
    return digest(enrolment_bytes(enrolment))


def enrolled_key(enrolment: Enrolment, at_ns: int) -> Key:
    """The key, in force from `at_ns` on. `ValueError` unless its bytes are in lower-case hex."""
    if not (_is_hex(enrolment.public) and _is_hex(enrolment.credential)):
        raise ValueError("the bytes of an enrolment are in lower-case hex")
    return Key(
        id=enrolment.key,
        person=enrolment.person,
        kind=enrolment.kind,
        public=bytes.fromhex(enrolment.public),
        credential=bytes.fromhex(enrolment.credential),
        device_bound=enrolment.device_bound,
        enrolled_by=enrolment.by,
        enrolled_ns=at_ns,
    )


def _is_hex(text: str) -> bool:
    return len(text) % 2 == 0 and not text.strip("0123456789abcdef")


def registration_subject(person: str) -> bytes:
    """What a new passkey's challenge is over: the person it is made for."""
    return sha256(b"countersign/registration/v1\n" + canonical({"person": person, "v": 1})).digest()


def sign_in_subject(person: str, key: str) -> bytes:
    """What somebody signs to sign in: who they are, and with which key."""
    return sha256(b"countersign/sign-in/v1\n" + canonical({"key": key, "person": person, "v": 1})).digest()
