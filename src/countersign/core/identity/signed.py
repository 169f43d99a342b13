"""A signature as it is handed in and kept, and where passkeys may be used."""

import msgspec

from countersign.core.identity.people import KeyKind


class Relying(msgspec.Struct, frozen=True, kw_only=True):
    """Where passkeys are used: the relying party's id (a domain) and the origins that may ask for a signature.

    With no origin no passkey is accepted.
    """

    rp_id: str = "localhost"
    origins: tuple[str, ...] = ()  # scheme://host[:port], exactly as browsers write it


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """One person's signature over one subject. Whoever holds it and the key can check it offline."""

    person: str
    key: str
    kind: KeyKind
    nonce: bytes  # 32 random bytes that were handed out for this, once
    signature: bytes
    client_data: bytes = b""  # passkey: clientDataJSON, as the browser made it
    authenticator_data: bytes = b""  # passkey
