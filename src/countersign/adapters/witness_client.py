"""Asks a witness to cosign a checkpoint (C2SP tlog-witness 1.0.0), over HTTP.

1. Only a line that holds under the witness's key, which was named beforehand, is kept.
2. 409 tells the size that the witness recorded: asked again with the proof from there. A size beyond ours means
   that this log was put back to an earlier state, and 422 that the witness saw another history: both stop.
3. Time and length of an answer are bounded; redirects are not followed.
"""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from socket import SHUT_RDWR
from threading import Timer
from urllib.parse import urlsplit

import msgspec

from countersign.core.log.checkpoint import Checkpoint
from countersign.core.log.cosign import SIGNATURE_BYTES, Cosignature, cosignatures
from countersign.core.log.note import VerifierKey, decimal, parse_signature_lines, plain_text
from countersign.core.log.witnessing import submission
from countersign.core.render import terminal
from countersign.errors import ConfigError, MalformedNote, TamperDetected, WitnessRefused, WitnessUnavailable

TIMEOUT_S = 10
DEADLINE_S = 30
MAX_ANSWER_BYTES = 64 * 1024
TRIES = 3  # 409 more often than that: others submit checkpoints of this log at the same time

Consistency = Callable[[int], tuple[bytes, ...]]
"""The proof that an earlier size is the start of the checkpoint's tree."""


class Answer(msgspec.Struct, frozen=True):
    """Status and body of what a witness said."""

    status: int
    body: bytes


class HttpWitness:
    """`ports.Witness`: one that is reached at the URL of its submission prefix. `now_s` is our clock."""

    def __init__(
        self, url: str, key: VerifierKey, now_s: Callable[[], int], *, deadline_s: float = DEADLINE_S
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.username:
            raise ConfigError(
                f"{terminal(url)} is not the address of a witness", hint="It starts with https://."
            )
        if key.kind not in SIGNATURE_BYTES:
            raise ConfigError(f"{key.name} is a key of type {key.kind:#04x}, not a witness's")
        self._secure, self._host, self._port = parts.scheme == "https", parts.hostname, parts.port
        self._path = f"{parts.path.rstrip('/')}/add-checkpoint"
        self._key = key
        self._now_s = now_s
        self._deadline_s = deadline_s

    @property
    def name(self) -> str:
        """The witness's name, as its key says it."""
        return self._key.name

    def cosign(self, head: Checkpoint, note: bytes, consistency: Consistency) -> Cosignature:
        """`ports.Witness.cosign`."""
        old = head.size  # most often it was asked about this head, or about none
        for _ in range(TRIES):
            answer = self._asked(submission(old, consistency(old), note))
            if answer.status != 409:
                return self._judged(head, answer)
            old = self._recorded(head, answer.body)
        raise WitnessUnavailable(
            f"the witness {self.name} recorded another checkpoint each time it was asked"
        )

    def _recorded(self, head: Checkpoint, body: bytes) -> int:
        try:
            old = decimal(plain_text(body, "the answer").removesuffix("\n"), "the recorded size")
        except MalformedNote as exc:
            raise self._unusable(str(exc)) from exc
        if old > head.size:
            raise TamperDetected(
                f"the witness {self.name} has seen {old} entries of this log, and there are {head.size}",
                hint="The store or its folder was put back to an earlier state. Restore the later one; do not go on.",
            )
        return old

    def _judged(self, head: Checkpoint, answer: Answer) -> Cosignature:
        said = terminal(answer.body[:200].decode("utf-8", "replace").strip())
        match answer.status:
            case 200:
                return self._line(head, answer.body)
            case 422:
                raise TamperDetected(
                    f"the witness {self.name} has seen another history of this log: {said}",
                    hint="Keep the log's folder and every checkpoint as they are; two histories were signed, or one was changed.",
                )
            case 400 | 403 | 404:
                raise WitnessRefused(
                    f"the witness {self.name} answered {answer.status}: {said}",
                    hint="Whoever runs it must know this log's origin and key: `countersign log key` prints them.",
                )
            case _:
                raise self._unusable(f"status {answer.status}")

    def _line(self, head: Checkpoint, body: bytes) -> Cosignature:
        try:
            found = cosignatures(head.text(), parse_signature_lines(body), [self._key], self._now_s())
        except MalformedNote as exc:
            raise self._unusable(str(exc)) from exc
        if not found:
            raise self._unusable("it has no line by its key")
        return found[0]

    def _asked(self, body: bytes) -> Answer:
        headers = {"Content-Type": "text/plain; charset=utf-8", "Connection": "close"}
        try:
            with self._connected() as connection:
                connection.request("POST", self._path, body, headers)
                response = connection.getresponse()
                said = response.read(MAX_ANSWER_BYTES + 1)
        except (OSError, HTTPException) as exc:
            raise WitnessUnavailable(
                f"the witness {self.name} cannot be reached: {str(exc) or type(exc).__name__}",
                hint="The log goes on without it; ask again later.",
            ) from exc
        if len(said) > MAX_ANSWER_BYTES:
            raise self._unusable(f"it has more than {MAX_ANSWER_BYTES} bytes")
        return Answer(response.status, said)

    @contextmanager
    def _connected(self) -> Iterator[HTTPConnection]:
        """A connection that ends with the deadline, however slowly the other side speaks."""
        connection = (
            HTTPSConnection(self._host, self._port, timeout=TIMEOUT_S, context=ssl.create_default_context())
            if self._secure
            else HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)
        )
        connection.connect()
        timer = Timer(self._deadline_s, connection.sock.shutdown, [SHUT_RDWR])
        timer.daemon = True
        timer.start()
        try:
            yield connection
        finally:
            timer.cancel()
            connection.close()

    def _unusable(self, reason: str) -> WitnessUnavailable:
        return WitnessUnavailable(f"the answer of the witness {self.name} cannot be used: {reason}")
