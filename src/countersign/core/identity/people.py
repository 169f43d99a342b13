"""Persons, their roles and keys, and who is signed in. A workload is none of these, and never signs.

The audit log knows a person by `id` alone, a pseudonym; the name stands in the store, where it can be changed.
"""

import unicodedata
from collections.abc import Collection
from typing import Literal

import msgspec

Role = Literal["analyst", "lead", "admin", "auditor"]
MAX_NAME = 100
KeyKind = Literal["passkey", "software"]
Assurance = Literal["software", "webauthn-uv", "webauthn-uv-device"]
"""How sure a signature makes us, least first: a key in a file or agent; a passkey; one that cannot leave its device."""

ASSURANCES: tuple[Assurance, ...] = ("software", "webauthn-uv", "webauthn-uv-device")
ROLES: tuple[Role, ...] = ("analyst", "lead", "admin", "auditor")
DECIDING: frozenset[Role] = frozenset({"analyst", "lead"})
"""Admins administer and auditors read: neither decides, unless the person has one of these roles and not theirs."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A named person as the store has them now."""

    id: str  # p_…
    name: str
    roles: tuple[Role, ...]


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key that a person signs with. Revoking it never undoes what it signed before `revoked_ns`."""

    id: str  # sha256:… of the public key
    person: str
    kind: KeyKind
    public: bytes  # software: 32 raw Ed25519 bytes; passkey: COSE public key
    credential: bytes = b""  # passkey: credential id
    device_bound: bool = False  # passkey: it cannot be copied to another device
    enrolled_by: str = ""  # person id of an admin; the person's own on the very first
    enrolled_ns: int = 0
    revoked_ns: int | None = None

    def signs_at(self, now_ns: int) -> bool:
        """Was it in force then?"""
        return self.enrolled_ns <= now_ns and (self.revoked_ns is None or now_ns < self.revoked_ns)


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A person who showed a key a while ago. A session lets them look; each decision is signed anew."""

    id: str  # s_…
    person: str
    key: str
    opened_ns: int
    expires_ns: int


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """Who is at the door right now: the person as they are now, and the session that says so."""

    person: Person
    session: Session


def well_named(name: str) -> str:
    """The name as it is kept; `ValueError` in words for one that a reader could not tell or could be fooled by."""
    plain = unicodedata.normalize("NFC", " ".join(name.split()))
    if not 1 <= len(plain) <= MAX_NAME:
        raise ValueError(f"a name has 1 to {MAX_NAME} characters")
    if any(unicodedata.category(character).startswith("C") for character in plain):
        raise ValueError("a name holds no control or invisible characters")
    return plain


def combined(roles: Collection[str]) -> tuple[Role, ...]:
    """The roles in their order, once each; `ValueError` in words when they are unknown or nobody may have them together."""
    if unknown := sorted({*roles}.difference(ROLES)):
        raise ValueError(f"there is no role {unknown[0]!r}; the roles are {', '.join(ROLES)}")
    had = tuple(role for role in ROLES if role in roles)
    if DECIDING.intersection(had) and not DECIDING.issuperset(had):
        raise ValueError(
            "whoever administers or audits does not decide: admin and auditor go with neither analyst nor lead"
        )
    return had
