"""Reading with several processes: each takes a part of the files, works out its records, and hands them back.

- A part is a file, or a slice of a large file of lines. Parts are handed back in the order of the files, so the
  result is the same with any number of processes. What is no regular file is read here, in its place.
- A worker reads and computes; only this process writes. What a worker has in common with many records goes over the
  pipe once a message. A worker that is AHEAD waits.
- A worker that dies ends the run with a clear error; what was stored before is safe.

Like `wiring`, this knows settings, sources and dictionary at once.
"""

import gc
import multiprocessing
from collections.abc import Iterator, Sequence
from itertools import islice
from multiprocessing.connection import Connection
from queue import Queue
from threading import Thread
from typing import Any

import msgspec

from countersign import wiring
from countersign.adapters.sources import slices
from countersign.adapters.sources.slices import Part
from countersign.core.cases.arrival import Arrived, cast, look
from countersign.core.cases.moulds import Mould, Row
from countersign.core.records.evidence import Incoming, Quarantined, Skipped
from countersign.core.records.shapes import UntypedFields
from countersign.errors import SourceUnavailable

AT_ONCE = 1000  # outcomes in one message, …
AT_ONCE_BYTES = 4 * 1024 * 1024  # … or as soon as they hold so much
AHEAD = 8  # messages that wait to be sent, while this process writes
ASKED = 2  # parts that a worker knows of, so that it never waits for the next


class Told(msgspec.Struct, array_like=True):
    """What a worker hands back: records, what was refused or skipped, fields without a type; the last of a part says so.

    A record is the number of its mould, and its own row.
    """

    moulds: list[Mould] = []
    rows: list[tuple[int, Row]] = []
    refused: list[Quarantined] = []
    skipped: list[Skipped] = []
    untyped: list[tuple[str, str]] = []
    last: bool = False

    @property
    def arrived(self) -> Iterator[Arrived]:
        """The records."""
        return (cast(self.moulds[number], row) for number, row in self.rows)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Told).decode


def incoming(
    paths: Sequence[str], fmt: str, mapped: wiring.Mappings, jobs: int, untyped: UntypedFields
) -> Iterator[Arrived | wiring.Outcome]:
    """Records of files and folders, read by `jobs` processes, in the order of the files.

    Raises `ValueError` for an unknown format before anything is read, `SourceUnavailable` when a worker dies.
    """
    found = list(slices.parts(paths, whole=bool(mapped)))
    asked = [one for one in found if isinstance(one, Part)]
    context = multiprocessing.get_context("spawn")
    workers = [_Worker(context, fmt, mapped) for _ in range(min(jobs, len(asked)))]
    waiting, answered, once = iter(asked), 0, _Once()
    try:
        for number, part in enumerate(islice(waiting, ASKED * len(workers))):
            workers[number % len(workers)].ask(part)
        for one in found:
            if isinstance(one, str):
                yield from wiring.incoming([one], fmt, None, mapped)
                continue
            if not isinstance(one, Part):
                yield one
                continue
            worker, answered = workers[answered % len(workers)], answered + 1
            for told in worker.answers():
                untyped.add(told.untyped)
                yield from told.arrived
                yield from filter(once.is_new, told.refused) if one.end else told.refused
                yield from told.skipped
            if (more := next(waiting, None)) is not None:
                worker.ask(more)
    finally:
        for worker in workers:
            worker.stop()


class _Once:
    """What is wrong with a file as a whole is said once, though each of its slices meets it."""

    def __init__(self) -> None:
        self._told: set[Quarantined] = set()

    def is_new(self, one: Quarantined) -> bool:
        """Was it not said before?"""
        if one.line or one.raw:
            return True
        known = one in self._told
        self._told.add(one)
        return not known


class _Worker:
    """One process and the pipe to it."""

    def __init__(self, context: Any, fmt: str, mapped: wiring.Mappings) -> None:
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, fmt, mapped), daemon=True)
        self._process.start()
        theirs.close()

    def ask(self, part: Part) -> None:
        """Hand it a part."""
        try:
            self._ours.send_bytes(msgspec.msgpack.encode(part))
        except OSError as exc:
            raise SourceUnavailable("a reading process ended before its time") from exc

    def answers(self) -> Iterator[Told]:
        """What it makes of the part that it was handed."""
        told = Told()
        while not told.last:
            try:
                told = _decode(self._ours.recv_bytes())
            except (EOFError, OSError) as exc:
                raise SourceUnavailable(
                    "a reading process ended before its time",
                    hint="What was stored so far is safe. Run it again, with a smaller --jobs if memory was short.",
                ) from exc
            yield told

    def stop(self) -> None:
        """Let it end."""
        self._ours.close()
        self._process.join(timeout=1)
        if self._process.is_alive():
            self._process.terminate()


class _Outbox:
    """Messages on their way: a worker goes on while they are sent."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._waiting: Queue[bytes | None] = Queue(AHEAD)
        self._closed = False
        self._sender = Thread(target=self._send, daemon=True)
        self._sender.start()

    def put(self, told: "_Telling") -> None:
        """Send it, sooner or later; `OSError` when nobody listens any more."""
        if self._closed:
            raise BrokenPipeError
        self._waiting.put(_encode(told.message()))

    def end(self) -> None:
        """Return when everything is sent."""
        self._waiting.put(None)
        self._sender.join()

    def _send(self) -> None:
        while (content := self._waiting.get()) is not None:
            try:
                if not self._closed:
                    self._pipe.send_bytes(content)
            except OSError:
                self._closed = True  # and let the worker meet it


class _Telling:
    """A message while it grows."""

    def __init__(self) -> None:
        self._moulds: dict[int, int] = {}  # of the mould → its number
        self._told = Told()
        self._count = self._size = 0

    def add(self, outcome: wiring.Outcome | tuple[Mould, Row]) -> None:
        """One more."""
        self._count += 1
        if isinstance(outcome, Skipped):
            self._told.skipped.append(outcome)
        elif isinstance(outcome, Quarantined):
            self._told.refused.append(outcome)
            self._size += len(outcome.raw)
        elif isinstance(outcome, tuple):
            mould, row = outcome
            number = self._moulds.setdefault(id(mould), len(self._moulds))
            if number == len(self._told.moulds):
                self._told.moulds.append(mould)  # and its id is nobody else's
            self._told.rows.append((number, row))
            self._size += len(row.raw)

    @property
    def is_full(self) -> bool:
        """Is it time to send it?"""
        return self._count >= AT_ONCE or self._size >= AT_ONCE_BYTES

    def message(self) -> Told:
        """What is sent."""
        return self._told

    def end(self, untyped: UntypedFields) -> "_Telling":
        """The part ends with this message."""
        self._told.untyped, self._told.last = sorted(untyped.unknown), True
        return self


def _work(pipe: Connection, fmt: str, mapped: wiring.Mappings) -> None:
    """A worker's life: parts in, records out, until the pipe closes."""
    dictionary, clock = wiring.dictionary(mapped), wiring.SystemClock()
    gc.set_threshold(50_000, 20, 100)
    outbox = _Outbox(pipe)
    try:
        while True:
            part = msgspec.msgpack.decode(pipe.recv_bytes(), type=Part)
            untyped, telling = UntypedFields(), _Telling()
            for outcome in _read(part, fmt, mapped):
                if isinstance(outcome, Incoming):
                    telling.add(look(outcome, dictionary, untyped, clock.now_ns()))
                else:
                    telling.add(outcome)
                if telling.is_full:
                    outbox.put(telling)
                    telling = _Telling()
            outbox.put(telling.end(untyped))
    except (EOFError, OSError):
        outbox.end()


def _read(part: Part, fmt: str, mapped: wiring.Mappings) -> Iterator[wiring.Outcome]:
    if part.end:
        return slices.read_slice(part, None if fmt == "auto" else fmt)
    return wiring.incoming([part.path], fmt, None, mapped)
