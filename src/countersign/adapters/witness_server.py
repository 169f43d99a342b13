"""A small witness for one's own second host: it cosigns checkpoints that continue what it saw before.

It needs a folder that `make` has made: `witness.key` (32 bytes of Ed25519 seed) and `witness.db` (what it saw).
A witness without its memory would sign any history, so a missing file is never made anew here.

1. Question, judgement and record are one transaction per checkpoint, on disk before anything is signed.
2. What the rules in `core/log/witnessing` grant is signed, and nothing else. A checkpoint that a trusted key
   signed and that continues nothing seen is kept: it is evidence.
3. Sizes, connections and their time are bounded. TLS, if any, is for a proxy in front.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import SHUT_RDWR, socket
from threading import BoundedSemaphore, Timer
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign.core.log.checkpoint import Checkpoint
from countersign.core.log.cosign import cosignature, message
from countersign.core.log.note import COSIGNER_KEY, VerifierKey, is_name
from countersign.core.log.witnessing import (
    MAX_BODY_BYTES,
    TEXT_TYPE,
    Granted,
    Refused,
    judged,
    parse_submission,
)
from countersign.errors import ConfigError

KEY_FILE, MEMORY_FILE = "witness.key", "witness.db"
SEED_BYTES = 32
CONNECTIONS = 32
TIMEOUT_S = 10
DEADLINE_S = 30
BUSY_MS = 5_000
MAX_EVIDENCE = 1_000  # whoever has a log's key could fill the disk otherwise

Logs = Mapping[str, Sequence[VerifierKey]]

_TABLES = """
CREATE TABLE identity (name TEXT NOT NULL, public BLOB NOT NULL);
CREATE TABLE seen (origin TEXT NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL,
    PRIMARY KEY (origin, size)) WITHOUT ROWID;
CREATE TABLE evidence (at INTEGER NOT NULL, origin TEXT NOT NULL, body BLOB NOT NULL, said TEXT NOT NULL);
"""


class Said(msgspec.Struct, frozen=True):
    """An answer: an HTTP status, a body and its media type."""

    status: int
    body: bytes
    media_type: str = TEXT_TYPE


class Witness:
    """Key and memory of a witness in a folder. `now_s` is its clock."""

    def __init__(self, folder: Path, logs: Logs, now_s: Callable[[], int]) -> None:
        self._folder, self._logs, self._now_s = folder, logs, now_s
        self._seed = Ed25519PrivateKey.from_private_bytes(_read_seed(folder / KEY_FILE))
        with self._memory() as memory:
            name, public = memory.execute("SELECT name, public FROM identity").fetchone()
        self.key = VerifierKey(name, COSIGNER_KEY, self._seed.public_key().public_bytes_raw())
        if self.key.public != public:
            raise ConfigError(
                f"{KEY_FILE} and {MEMORY_FILE} in {folder} are not of one witness",
                hint="Restore both from one backup.",
            )

    @classmethod
    def make(cls, folder: Path, name: str) -> VerifierKey:
        """Make a new witness in a folder that has none; its verifier key, which those who read logs need."""
        if not is_name(name):
            raise ConfigError(
                "this cannot be a witness's name", hint="It has no space and no `+`; a host name is usual."
            )
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Neither file is ever replaced: the other one would be of another witness.
            with os.fdopen(
                os.open(folder / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
            ) as file:
                seed = os.urandom(SEED_BYTES)
                file.write(seed)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ConfigError(f"no witness can be made in {folder}: {error.strerror}") from error
        public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
        with closing(sqlite3.connect(folder / MEMORY_FILE)) as memory, memory:
            memory.executescript(_TABLES)
            memory.execute("INSERT INTO identity VALUES (?, ?)", (name, public))
        return VerifierKey(name, COSIGNER_KEY, public)

    def add_checkpoint(self, body: bytes) -> Said:
        """Judge, record, sign: the answer to `add-checkpoint`."""
        with self._memory() as memory:
            # Taken before the question, and held until the record is on disk.
            memory.execute("BEGIN IMMEDIATE")
            found = judged(body, self._logs, lambda origin: _recorded(memory, origin))
            if isinstance(found, Refused):
                if found.status == HTTPStatus.UNPROCESSABLE_ENTITY:
                    self._keep_evidence(memory, body, found)
                memory.execute("COMMIT")
                return Said(found.status, found.body, found.media_type)
            line, note = self._signed(found, body)
            memory.execute(
                "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)",
                (found.checkpoint.origin, found.checkpoint.size, found.checkpoint.root, note),
            )
            memory.execute("COMMIT")
            # A crash here leaves the record without an answer: the log asks again, and is told the size.
        return Said(HTTPStatus.OK, line)

    def checkpoint(self, origin_digest: str) -> Said:
        """The last checkpoint of the log whose origin has this SHA-256 (hexadecimal), with our line; or 404."""
        with self._memory() as memory:
            for origin in self._logs:
                if sha256(origin.encode()).hexdigest() == origin_digest:
                    query = "SELECT note FROM seen WHERE origin = ? ORDER BY size DESC LIMIT 1"
                    row = memory.execute(query, (origin,)).fetchone()
                    if row:
                        return Said(HTTPStatus.OK, row[0])
        return Said(HTTPStatus.NOT_FOUND, b"no checkpoint of such a log was seen\n")

    def _signed(self, granted: Granted, body: bytes) -> tuple[bytes, bytes]:
        """Our signature line, and the note with the log's own line and ours. Nothing of it leaves before the commit."""
        now_s, text = self._now_s(), granted.checkpoint.text()
        line = cosignature(self.key, now_s, self._seed.sign(message(now_s, text))).line()
        return line, parse_submission(body).note.raw() + line

    def _keep_evidence(self, memory: sqlite3.Connection, body: bytes, found: Refused) -> None:
        (count,) = memory.execute("SELECT count(*) FROM evidence").fetchone()
        if count < MAX_EVIDENCE:
            origin = parse_submission(body).checkpoint.origin
            row = (self._now_s(), origin, body, found.body.decode().strip())
            memory.execute("INSERT INTO evidence VALUES (?, ?, ?, ?)", row)

    @contextmanager
    def _memory(self) -> Iterator[sqlite3.Connection]:
        """A connection that never makes the file, and whose commits are on disk."""
        path = (self._folder / MEMORY_FILE).absolute()
        try:
            memory = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None)
            with closing(memory):
                memory.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
                memory.execute("PRAGMA synchronous = FULL")
                yield memory
        except sqlite3.Error as error:
            raise ConfigError(
                f"{path} cannot be used: {error}",
                hint="It is what the witness has seen; restore it from a backup. Without it, begin a new witness.",
            ) from error


class WitnessServer(ThreadingHTTPServer):
    """Serves one witness. A connection beyond the limit is closed at once."""

    daemon_threads = True

    def __init__(self, witness: Witness, host: str, port: int, *, deadline_s: float = DEADLINE_S) -> None:
        self.witness = witness
        self.deadline_s = deadline_s
        self._free = BoundedSemaphore(CONNECTIONS)
        super().__init__((host, port), WitnessRequest)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take it in a thread of its own, if one is free."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Give the thread back, however the request ends."""
        timer = Timer(self.deadline_s, _end, [request])
        timer.daemon = True
        timer.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            timer.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class WitnessRequest(BaseHTTPRequestHandler):
    """One connection."""

    server: WitnessServer
    protocol_version = "HTTP/1.1"
    server_version = "countersign-witness"
    sys_version = ""
    timeout = TIMEOUT_S

    def do_POST(self) -> None:
        """`add-checkpoint`."""
        length = self.headers.get("Content-Length", "")
        if self.path.rstrip("/") != "/add-checkpoint":
            self._answer(Said(HTTPStatus.NOT_FOUND, b"checkpoints go to /add-checkpoint\n"), last=True)
        elif not (length.isascii() and length.isdigit() and len(length) < 10):
            self._answer(Said(HTTPStatus.LENGTH_REQUIRED, b"say how long the body is\n"), last=True)
        elif int(length) > MAX_BODY_BYTES:
            self._answer(Said(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"the body is too large\n"), last=True)
        else:
            body = self.rfile.read(int(length))
            if len(body) == int(length):
                self._say(self.server.witness.add_checkpoint, body)
            else:
                self._answer(Said(HTTPStatus.BAD_REQUEST, b"the body is cut\n"), last=True)

    def do_GET(self) -> None:
        """The last checkpoint of a log."""
        parts = self.path.split("/")
        if len(parts) == 3 and parts[2] == "checkpoint":
            self._say(self.server.witness.checkpoint, parts[1])
        else:
            self._answer(Said(HTTPStatus.NOT_FOUND, b"there is nothing here\n"))

    def log_message(self, *_: Any) -> None:
        """Nothing: who asks is not kept, and what was judged is in the memory."""

    def _say(self, answer: Callable[[Any], Said], given: Any) -> None:
        try:
            self._answer(answer(given))
        except ConfigError:
            # Nothing was recorded, so nothing is signed.
            self._answer(Said(HTTPStatus.SERVICE_UNAVAILABLE, b"the witness cannot use its memory now\n"))

    def _answer(self, said: Said, *, last: bool = False) -> None:
        self.send_response(said.status)
        self.send_header("Content-Type", said.media_type)
        self.send_header("Content-Length", str(len(said.body)))
        if last:
            self.send_header("Connection", "close")  # what it goes on sending is not read
            self.close_connection = True
        self.end_headers()
        self.wfile.write(said.body)


def _recorded(memory: sqlite3.Connection, origin: str) -> Checkpoint | None:
    query = "SELECT origin, size, root FROM seen WHERE origin = ? ORDER BY size DESC LIMIT 1"
    row = memory.execute(query, (origin,)).fetchone()
    return Checkpoint(*row) if row else None


def _read_seed(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode, seed = os.fstat(file.fileno()).st_mode, file.read(SEED_BYTES + 1)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read: {error.strerror}",
            hint="`countersign log witness init` makes a new witness.",
        ) from error
    if mode & 0o077:
        raise ConfigError(f"others can read or change {path}", hint=f"If nobody did, run `chmod 600 {path}`.")
    if len(seed) != SEED_BYTES:
        raise ConfigError(f"{path} is no key of {SEED_BYTES} bytes", hint="Restore it from a backup.")
    return seed


def _end(connection: socket) -> None:
    with suppress(OSError):
        connection.shutdown(SHUT_RDWR)
