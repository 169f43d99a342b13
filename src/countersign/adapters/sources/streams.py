"""Bytes in pieces, as far as they can be read.

Inside, a stream that breaks raises `Broken` or `OSError` after its last piece. At the end of the line,
in `Chunks`, that becomes a `fault` in words beside what could be read, because the records before the
break are evidence too.
"""

from collections.abc import Iterator
from itertools import chain
from typing import BinaryIO

from countersign.adapters.sources.limits import CHUNK_BYTES, Broken, Budget


class Chunks:
    """A stream's content, to be read once.

    `fault` says why reading ended early; it is set after the last piece was given out. `rest` is for the
    reader to leave what came after the last whole record.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.fault = ""
        self.rest = b""

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._pieces
        except (Broken, OSError) as exc:
            self.fault = reason(exc)


def reason(exc: Broken | OSError) -> str:
    """Why a stream ended early."""
    if isinstance(exc, OSError):
        return f"cannot be read further: {exc.strerror or type(exc).__name__}"
    return str(exc)


def pieces_of(stream: BinaryIO, budget: Budget) -> Iterator[bytes]:
    """The bytes of an open file, pipe or standard input."""
    # `read1` gives what a pipe has; plain `read` would wait until a whole piece is there.
    read = getattr(stream, "read1", stream.read)
    while piece := read(CHUNK_BYTES):
        budget.packed += len(piece)
        yield piece


def peeked(pieces: Iterator[bytes], size: int) -> tuple[bytes, Iterator[bytes]]:
    """The first `size` bytes or more, and the same content from its beginning."""
    taken: list[bytes] = []
    try:
        while size > 0 and (piece := next(pieces, b"")):
            taken.append(piece)
            size -= len(piece)
    except (Broken, OSError) as exc:
        pieces = _raising(exc)
    head = b"".join(taken)
    return head, chain([head], pieces)


def _raising(exc: Broken | OSError) -> Iterator[bytes]:
    yield from ()
    raise exc


def held(pieces: Iterator[bytes], limit: int) -> tuple[bytes, bool]:
    """The content as one piece, and whether that is all; reading stops soon after `limit` bytes."""
    taken: list[bytes] = []
    size = 0
    for piece in pieces:
        taken.append(piece)
        size += len(piece)
        if size > limit:
            return b"".join(taken), False
    return b"".join(taken), True


def in_pieces(data: bytes) -> Iterator[bytes]:
    """Bytes that are held, as a stream gives them."""
    for start in range(0, len(data), CHUNK_BYTES):
        yield data[start : start + CHUNK_BYTES]


def lines(chunks: Iterator[bytes], longest: int) -> Iterator[bytes | None]:
    """Lines without their LF; a CR stays. None stands for a line that is longer than `longest` bytes.

    The last element is what follows the last LF, b"" if nothing does.
    """
    pending: list[bytes] = []
    size = 0
    for chunk in chunks:
        first, newline, rest = chunk.partition(b"\n")
        size += len(first)
        if size <= longest:
            pending.append(first)
        else:
            pending.clear()
        if not newline:
            continue
        yield b"".join(pending) if size <= longest else None
        full = rest.split(b"\n")
        last = full.pop()
        yield from full
        pending, size = [last], len(last)
    yield b"".join(pending) if size <= longest else None
