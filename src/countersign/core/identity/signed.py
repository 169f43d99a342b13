"""A signature as it is handed in and kept, and where passkeys may be used."""

import re

import msgspec

from countersign.core.identity.people import KeyKind
from countersign.core.ids import canonical
from countersign.errors import SignatureRefused

_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9-]+(\.[a-z0-9-]+)*)(:[1-9]\d{0,4})?", re.ASCII)


class Relying(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where passkeys are used: the relying party's id (a domain) and the origins that may ask for a signature.

    With no origin no passkey is accepted. `ValueError` for an origin that browsers write in another way, that anybody
    on the network could stand in for, or that no passkey of the domain is used on.
    """

    rp_id: str = "localhost"
    origins: tuple[str, ...] = ()  # scheme://host[:port], exactly as browsers write it

    def __post_init__(self) -> None:
        for origin in self.origins:
            found = _ORIGIN.fullmatch(origin)
            if found is None:
                raise ValueError(f"{origin!r} is no origin: https://HOST or https://HOST:PORT, in lower case")
            if found["scheme"] == "http" and found["host"] != "localhost":
                raise ValueError(f"{origin!r} is not https")
            if found["host"] != self.rp_id and not found["host"].endswith(f".{self.rp_id}"):
                raise ValueError(f"{origin!r} is not on the domain {self.rp_id!r}")


class Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One person's signature over one subject. Whoever holds it and the key can check it offline."""

    person: str
    key: str
    kind: KeyKind
    nonce: bytes  # 32 random bytes that were handed out for this, once
    signature: bytes
    client_data: bytes = b""  # passkey: clientDataJSON, as the browser made it
    authenticator_data: bytes = b""  # passkey


def signature_json(signature: Signature) -> bytes:
    """The signature as it is kept and exported: RFC 8785, its bytes in base64 (RFC 4648, with padding)."""
    return canonical(msgspec.to_builtins(signature))


def read_signature(raw: bytes) -> Signature:
    """The signature that these bytes spell; `SignatureRefused` when they spell none."""
    try:
        return msgspec.json.decode(raw, type=Signature)
    except (msgspec.MsgspecError, UnicodeError) as exc:
        raise SignatureRefused("the bytes are not a signature document") from exc
