"""A proposal: an action that a person asks for, exactly as it would be carried out."""

from hashlib import sha256

import msgspec


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """An action that a person asks for; whoever asked for it never approves it."""

    id: str
    case: str
    person: str
    kind: str
    target: str
    payload: bytes  # exactly what would be sent
    reason: str
    at_ns: int

    @property
    def payload_digest(self) -> str:
        """sha256:… of the payload."""
        return "sha256:" + sha256(self.payload).hexdigest()
