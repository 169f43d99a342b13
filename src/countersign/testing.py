"""For tests, yours too: signers that need no person and no device. Never enrol one of these in earnest.

`SoftwareAuthenticator` answers as a browser with a passkey would: registrations and assertions with the user verified,
device-bound or synced, by ES256, EdDSA or RS256. `SoftwareSigner` is a terminal's Ed25519 key without its file.
Both keep their private key in memory; made with the same `seed` (Ed25519 only) a key is the same every time.
"""

import json
import secrets
from collections.abc import Callable
from hashlib import sha256
from typing import Literal, Protocol

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa_key
from cryptography.hazmat.primitives.hashes import SHA256
from webauthn.helpers import bytes_to_base64url, encode_cbor

from countersign.core.identity.people import Key
from countersign.core.identity.signatures import Relying, Signature, challenge, key_id

Algorithm = Literal["ES256", "EdDSA", "RS256"]
RELYING = Relying(rp_id="countersign.example", origins=("https://countersign.example",))
"""A relying party for tests; the software authenticators ask on its first origin."""

USER_PRESENT, USER_VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40


class SoftwareSigner:
    """An Ed25519 key in memory, as a terminal's key file or agent would hold it."""

    def __init__(self, seed: bytes | None = None) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed or secrets.token_bytes(32))
        self.public = self._private.public_key().public_bytes_raw()

    def key(self, person: str, *, enrolled_by: str = "", enrolled_ns: int = 0) -> Key:
        """The key as the store has it once it is enrolled to `person`."""
        return Key(
            id=key_id(self.public),
            person=person,
            kind="software",
            public=self.public,
            enrolled_by=enrolled_by,
            enrolled_ns=enrolled_ns,
        )

    def sign_bytes(self, data: bytes) -> bytes:
        """64 bytes: Ed25519 over `data`."""
        return self._private.sign(data)

    def sign(self, person: str, subject: bytes, nonce: bytes) -> Signature:
        """The person's signature over a subject, for a nonce that was handed out."""
        return Signature(
            person=person,
            key=key_id(self.public),
            kind="software",
            nonce=nonce,
            signature=self.sign_bytes(challenge(person, subject, nonce)),
        )


class SoftwareAuthenticator:
    """A browser with a passkey. `device_bound=False` makes one that syncs between devices."""

    def __init__(
        self,
        relying: Relying = RELYING,
        *,
        device_bound: bool = True,
        algorithm: Algorithm = "ES256",
        user_verified: bool = True,
    ) -> None:
        self.relying = relying
        self.device_bound = device_bound
        self.user_verified = user_verified
        self.credential = secrets.token_bytes(32)
        self._private = _PRIVATE[algorithm]()
        self.public = self._private.cose()

    def key(self, person: str, *, enrolled_by: str = "", enrolled_ns: int = 0) -> Key:
        """The passkey as the store has it once it is enrolled to `person`."""
        return Key(
            id=key_id(self.public),
            person=person,
            kind="passkey",
            public=self.public,
            credential=self.credential,
            device_bound=self.device_bound,
            enrolled_by=enrolled_by,
            enrolled_ns=enrolled_ns,
        )

    def register(self, expected: bytes) -> bytes:
        """The browser's answer (RegistrationResponseJSON) to a challenge, for a new credential; attestation "none"."""
        client_data = self.client_data("webauthn.create", expected)
        attested = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + self.public
        data = self.authenticator_data(ATTESTED) + attested
        attestation = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        name = bytes_to_base64url(self.credential)
        response = {
            "clientDataJSON": bytes_to_base64url(client_data),
            "attestationObject": bytes_to_base64url(attestation),
        }
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response}).encode()

    def sign(self, person: str, subject: bytes, nonce: bytes) -> Signature:
        """The person's signature over a subject, for a nonce that was handed out."""
        client_data = self.client_data("webauthn.get", challenge(person, subject, nonce))
        return self.assertion(person, nonce, client_data, self.authenticator_data())

    def assertion(
        self, person: str, nonce: bytes, client_data: bytes, authenticator_data: bytes
    ) -> Signature:
        """A valid signature over these very bytes, whatever they say."""
        return Signature(
            person=person,
            key=key_id(self.public),
            kind="passkey",
            nonce=nonce,
            signature=self._private.sign(authenticator_data + sha256(client_data).digest()),
            client_data=client_data,
            authenticator_data=authenticator_data,
        )

    def client_data(self, kind: str, expected: bytes, **changes: object) -> bytes:
        """What the browser says of itself (clientDataJSON)."""
        document = {
            "type": kind,
            "challenge": bytes_to_base64url(expected),
            "origin": self.relying.origins[0],
            "crossOrigin": False,
        }
        return msgspec.json.encode(document | changes)

    def authenticator_data(self, more: int = 0, *, rp_id: str = "", flags: int | None = None) -> bytes:
        """What the authenticator says of itself: relying party, flags, a counter that stays at zero."""
        if flags is None:
            flags = USER_PRESENT | (USER_VERIFIED if self.user_verified else 0)
            flags |= 0 if self.device_bound else BACKUP_ELIGIBLE | BACKED_UP
        return sha256((rp_id or self.relying.rp_id).encode()).digest() + bytes([flags | more]) + bytes(4)


class _Private(Protocol):
    def cose(self) -> bytes: ...
    def sign(self, data: bytes) -> bytes: ...


class _Es256:
    def __init__(self) -> None:
        self._key = generate_private_key(SECP256R1())

    def cose(self) -> bytes:
        point = self._key.public_key().public_numbers()
        x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
        return encode_cbor({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data, ECDSA(SHA256()))


class _EdDsa:
    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()

    def cose(self) -> bytes:
        return encode_cbor({1: 1, 3: -8, -1: 6, -2: self._key.public_key().public_bytes_raw()})

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


class _Rs256:
    def __init__(self, bits: int = 2048) -> None:
        self._key = generate_rsa_key(65537, bits)

    def cose(self) -> bytes:
        numbers = self._key.public_key().public_numbers()
        modulus = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
        return encode_cbor({1: 3, 3: -257, -1: modulus, -2: numbers.e.to_bytes(3, "big")})

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data, PKCS1v15(), SHA256())


_PRIVATE: dict[Algorithm, Callable[[], _Private]] = {"ES256": _Es256, "EdDSA": _EdDsa, "RS256": _Rs256}
