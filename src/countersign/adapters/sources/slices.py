"""Files cut into parts that can be read apart from each other: whole files, or slices of a large file of lines.

Only regular files are parts. What can be read but once (a FIFO), or means another thing in another process
(`/dev/fd/63`), is for the process that asked.
"""

import os
import stat
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import msgspec

from countersign.adapters.sources import limits
from countersign.adapters.sources.containers import Outcome, is_plain_lines
from countersign.adapters.sources.files import changed, label, listed, named, unreadable
from countersign.adapters.sources.json_lines import by_line
from countersign.adapters.sources.streams import Chunks
from countersign.core.records.evidence import Quarantined, Skipped

__all__ = ["Part", "named", "parts", "read_slice"]

SLICE_BYTES = 4 * 1024 * 1024
LOOK_BYTES = 1024 * 1024
_OWN = ("/dev/fd/", "/dev/std", "/proc/")  # names that every process reads differently


class Part(msgspec.Struct, frozen=True, array_like=True):
    """A file, or the bytes [start, end) of one, of which `line` is the first line's number; `end` 0 is a whole file.

    The name is bytes: it need not be UTF-8. Of a slice, `size`, `mtime_ns` and `inode` are the file's when it was cut.
    """

    name: bytes
    start: int = 0
    end: int = 0
    line: int = 1
    size: int = 0
    mtime_ns: int = 0
    inode: int = 0

    @property
    def path(self) -> str:
        """The file, as every function takes it."""
        return os.fsdecode(self.name)


def parts(paths: Sequence[str], *, whole: bool) -> Iterator[Part | str | Quarantined | Skipped]:
    """The files of all paths in order, large files of lines in slices unless `whole`; what is no file is told.

    A path that only the asking process can read comes as it is.
    """
    for path in paths:
        for found in listed(path):
            if isinstance(found, str):
                yield from _sliced(found, whole=whole)
            else:
                yield found


def _sliced(path: str, *, whole: bool) -> Iterator[Part | str]:
    name = os.fsencode(path)
    try:
        known = os.stat(path)  # noqa: PTH116 - before it is opened: opening a FIFO takes it from its reader
        if not stat.S_ISREG(known.st_mode) or os.path.abspath(path).startswith(_OWN):  # noqa: PTH100 - links stay
            yield path
            return
        if not whole and known.st_size > 2 * SLICE_BYTES and _is_lines(path):
            cuts, seen = _cuts(path, known.st_size), (known.st_size, known.st_mtime_ns, known.st_ino)
            yield from (Part(name, start, end, line, *seen) for (start, line), (end, _) in pairwise(cuts))
            return
    except OSError:
        pass  # reading it will say why
    yield Part(name)


def _is_lines(path: str) -> bool:
    with Path(path).open("rb") as stream:
        return is_plain_lines(stream.read(limits.HEAD_BYTES), label(path))


def _cuts(path: str, size: int) -> list[tuple[int, int]]:
    """Where slices begin, each after a line's end, with the line's number; the end of the file last."""
    cuts, position, line, wanted = [(0, 1)], 0, 1, SLICE_BYTES
    with Path(path).open("rb") as stream:
        while piece := stream.read(min(LOOK_BYTES, size - position)):
            while (at := piece.find(b"\n", max(0, wanted - position))) >= 0:
                cuts.append((position + at + 1, line + piece.count(b"\n", 0, at + 1)))
                wanted = position + at + 1 + SLICE_BYTES
            line += piece.count(b"\n")
            position += len(piece)
    if cuts[-1][0] < size:
        cuts.append((size, line))
    return cuts


def read_slice(part: Part, schema: str | None) -> Iterator[Outcome]:
    """The records of a slice; a line that is empty is nothing, as everywhere. The last one of a file goes to its end.

    Says so if the file is not what it was when it was cut, once for each slice that finds it so.
    """
    path = part.path
    file = label(path)
    try:
        with Path(path).open("rb") as stream:
            stream.seek(part.start)
            length = part.end - part.start if part.end < part.size else sys.maxsize
            chunks = Chunks(_bounded(stream, length))
            for outcome in by_line(iter(chunks), chunks, file, schema, part.line):
                if not isinstance(outcome, Skipped):  # an empty slice is no empty file
                    yield outcome
            if chunks.fault:
                yield Quarantined(file, 0, chunks.fault, chunks.rest)
            if why := _changed(part, os.fstat(stream.fileno())):
                yield Quarantined(file, 0, why, b"")
    except OSError as exc:
        yield unreadable(path, exc)


def _changed(part: Part, now: os.stat_result) -> str:
    if now.st_ino != part.inode:
        return "another file took its place while it was read: read it again"
    return changed(part.size, part.mtime_ns, now)


def _bounded(stream: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0 and (piece := stream.read(min(limits.CHUNK_BYTES, length))):
        length -= len(piece)
        yield piece
