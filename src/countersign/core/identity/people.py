"""Persons, their roles and keys, and who is signed in. A workload is none of these, and never signs.

The audit log knows a person by `id` alone, a pseudonym; the name stands in the store, where it can be changed.
"""

from typing import Literal

import msgspec

Role = Literal["analyst", "lead", "admin", "auditor"]
KeyKind = Literal["passkey", "software"]
Assurance = Literal["software", "webauthn-uv", "webauthn-uv-device"]
"""How sure a signature makes us, least first: a key in a file or agent; a passkey; one that cannot leave its device."""

ASSURANCES: tuple[Assurance, ...] = ("software", "webauthn-uv", "webauthn-uv-device")
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
