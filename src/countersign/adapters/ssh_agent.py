"""Software keys held by an ssh-agent: the key never enters this process (draft-ietf-sshm-ssh-agent, sections 3 and 4).

Only Ed25519, only two requests: which keys are there, and a signature over 32 bytes. What an agent signs for SSH
itself starts with a session id and is longer, so neither signature ever passes for the other.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from countersign.errors import KeyUnusable

SOCKET_VARIABLE = "SSH_AUTH_SOCK"
LIST_TIMEOUT_S = 5.0
SIGN_TIMEOUT_S = 60.0  # an agent may ask its owner first
MAX_ANSWER = 262_144
MAX_KEYS = 1_000
REQUEST_IDENTITIES, IDENTITIES_ANSWER = 11, 12
SIGN_REQUEST, SIGN_RESPONSE = 13, 14
ALGORITHM = b"ssh-ed25519"


class Identity(msgspec.Struct, frozen=True):
    """An Ed25519 key that the agent holds: its 32 public bytes, and what its owner calls it."""

    public: bytes
    comment: str


class AgentKey:
    """`ports.SigningKey`: a key that an agent signs with."""

    def __init__(self, public: bytes, path: str) -> None:
        self.public = public
        self._path = path

    def sign(self, data: bytes) -> bytes:
        """Ed25519 over `data`: 64 bytes. `KeyUnusable` when the agent refuses or does not answer."""
        body = bytes([SIGN_REQUEST]) + _string(_blob(self.public)) + _string(data) + bytes(4)
        answer = _Reader(_asked(self._path, body, SIGN_RESPONSE, SIGN_TIMEOUT_S))
        signature = _Reader(answer.string())
        algorithm, made = signature.string(), signature.string()
        answer.ensure_read()
        signature.ensure_read()
        if algorithm != ALGORITHM or len(made) != 64:
            raise KeyUnusable("the agent's answer is no Ed25519 signature")
        return made


def socket_path() -> str:
    """Where this terminal's agent listens. `KeyUnusable` when there is none."""
    path = os.environ.get(SOCKET_VARIABLE, "")
    if not path:
        raise KeyUnusable(
            "there is no ssh-agent here", hint='Start one with `eval "$(ssh-agent)"`, then `ssh-add FILE`.'
        )
    return path


def identities(path: str) -> tuple[Identity, ...]:
    """The Ed25519 keys that the agent at this socket holds, in its order; keys of other kinds are left out."""
    reader = _Reader(_asked(path, bytes([REQUEST_IDENTITIES]), IDENTITIES_ANSWER, LIST_TIMEOUT_S))
    count = reader.number()
    if count > MAX_KEYS:
        raise KeyUnusable("the agent's answer cannot be read")
    listed = [(reader.string(), reader.string()) for _ in range(count)]
    reader.ensure_read()
    return tuple(
        Identity(blob[-32:], comment.decode("utf-8", "replace"))
        for blob, comment in listed
        if blob == _blob(blob[-32:])
    )


def held(path: str, public: bytes) -> AgentKey:
    """The agent's key of these public bytes. `KeyUnusable` when it does not hold it."""
    if all(one.public != public for one in identities(path)):
        raise KeyUnusable("the agent does not hold this key", hint="Load it with `ssh-add FILE`.")
    return AgentKey(public, path)


def _asked(path: str, body: bytes, wanted: int, timeout_s: float) -> bytes:
    """The agent's answer without its first byte, which must be `wanted`."""
    with _connected(path, timeout_s) as connection:
        connection.sendall(_string(body))
        length = int.from_bytes(_received(connection, 4), "big")
        if not 1 <= length <= MAX_ANSWER:
            raise KeyUnusable("the agent's answer cannot be read")
        answer = _received(connection, length)
    if answer[0] != wanted:
        raise KeyUnusable(
            "the agent refused", hint="Is the key loaded, the agent unlocked, and was it confirmed?"
        )
    return answer[1:]


@contextmanager
def _connected(path: str, timeout_s: float) -> Iterator[socket.socket]:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout_s)
            connection.connect(path)
            yield connection
    except TimeoutError as exc:
        raise KeyUnusable("the ssh-agent does not answer") from exc
    except (OSError, ValueError) as exc:
        raise KeyUnusable("the ssh-agent cannot be reached", hint=f"Check ${SOCKET_VARIABLE}.") from exc


def _received(connection: socket.socket, count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(count - len(parts))
        if not part:
            raise KeyUnusable("the agent hung up in the middle of its answer")
        parts += part
    return bytes(parts)


class _Reader:
    """SSH's wire format (RFC 4251, section 5)."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0

    def number(self) -> int:
        return int.from_bytes(self._take(4), "big")

    def string(self) -> bytes:
        return self._take(self.number())

    def ensure_read(self) -> None:
        if self._at != len(self._raw):
            raise KeyUnusable("the agent's answer cannot be read")

    def _take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._raw):
            raise KeyUnusable("the agent's answer cannot be read")
        found, self._at = self._raw[self._at : end], end
        return found


def _string(raw: bytes) -> bytes:
    return len(raw).to_bytes(4, "big") + raw


def _blob(public: bytes) -> bytes:
    return _string(ALGORITHM) + _string(public)
