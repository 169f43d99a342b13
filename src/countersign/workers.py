"""Reading with several processes: each takes a part of the files, works out its records, and hands them back.

- A part is a file, or a slice of a large file of lines. Parts are handed back in the order of the files, so the
  result is the same with any number of processes. What is no regular file is read here, in its place.
- A worker reads and computes; only this process writes. Its pipe holds little, so a worker that is ahead waits.
- A worker that dies ends the run with a clear error; what was stored before is safe.

Like `wiring`, this knows settings, sources and dictionary at once.
"""

import gc
import multiprocessing
from collections.abc import Iterator, Sequence
from itertools import islice
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from countersign import wiring
from countersign.adapters.sources import slices
from countersign.adapters.sources.slices import Part
from countersign.core.cases.arrival import Arrived, arrive
from countersign.core.records.evidence import Incoming, Quarantined, Skipped
from countersign.core.records.shapes import UntypedFields
from countersign.errors import SourceUnavailable

AT_ONCE = 500  # outcomes in one message, …
AT_ONCE_BYTES = 4 * 1024 * 1024  # … or as soon as they hold so much


class Told(msgspec.Struct, array_like=True):
    """What a worker hands back: records, what was refused or skipped, fields without a type; the last of a part says so."""

    arrived: list[Arrived] = []
    refused: list[Quarantined] = []
    skipped: list[Skipped] = []
    untyped: list[tuple[str, str]] = []
    last: bool = False


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
        for worker, part in zip(workers, islice(waiting, len(workers)), strict=False):
            worker.ask(part)
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


def _work(pipe: Connection, fmt: str, mapped: wiring.Mappings) -> None:
    """A worker's life: parts in, records out, until the pipe closes."""
    dictionary, clock = wiring.dictionary(mapped), wiring.SystemClock()
    gc.set_threshold(50_000, 20, 100)
    while True:
        try:
            part = msgspec.msgpack.decode(pipe.recv_bytes(), type=Part)
            untyped, told, size = UntypedFields(), Told(), 0
            for number, outcome in enumerate(_read(part, fmt, mapped), 1):
                if isinstance(outcome, Incoming):
                    told.arrived.append(arrive(outcome, dictionary, untyped, clock.now_ns()))
                elif isinstance(outcome, Quarantined):
                    told.refused.append(outcome)
                else:
                    told.skipped.append(outcome)
                size += 0 if isinstance(outcome, Skipped) else len(outcome.raw)
                if number % AT_ONCE == 0 or size >= AT_ONCE_BYTES:
                    pipe.send_bytes(_encode(told))
                    told, size = Told(), 0
            told.untyped, told.last = sorted(untyped.unknown), True
            pipe.send_bytes(_encode(told))
        except (EOFError, OSError):
            return


def _read(part: Part, fmt: str, mapped: wiring.Mappings) -> Iterator[wiring.Outcome]:
    if part.end:
        return slices.read_slice(part, None if fmt == "auto" else fmt)
    return wiring.incoming([part.path], fmt, None, mapped)
