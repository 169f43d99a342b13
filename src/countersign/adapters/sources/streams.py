"""Bytes out of files: plain or gzip, in pieces, as far as they can be read.

A stream that breaks is not an exception but a `fault` in words beside what could be read, because the
records before the break are evidence too.
"""

import zlib
from collections.abc import Iterator
from typing import BinaryIO

CHUNK_BYTES = 128 * 1024  # larger pieces leave the processor cache, and were slower
GZIP_MAGIC = b"\x1f\x8b"
_COMPRESSED_BYTES = 64 * 1024


class Chunks:
    """The content of a stream in pieces of up to 128 KB; gzip is unpacked.

    `fault` says why reading ended early; it is set after the last piece was given out. `rest` is for the
    reader to leave what came after the last whole record.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self.fault = ""
        self.rest = b""
        # `read1` gives what a pipe has; plain `read` would wait until a whole piece is there.
        self._read = getattr(stream, "read1", stream.read)

    def __iter__(self) -> Iterator[bytes]:
        try:
            head = self._at_least(len(GZIP_MAGIC))
            if head.startswith(GZIP_MAGIC):
                yield from self._unpacked(head)
                return
            while head:
                yield head
                head = self._read(CHUNK_BYTES)
        except OSError as exc:
            self.fault = f"cannot be read further: {exc.strerror or type(exc).__name__}"

    def _at_least(self, size: int) -> bytes:
        head = b""
        while len(head) < size and (piece := self._read(CHUNK_BYTES)):
            head += piece
        return head

    def _unpacked(self, packed: bytes) -> Iterator[bytes]:
        """Every member of a gzip file; pieces stay bounded, however well they were packed."""
        member = _Member()
        while packed:
            for start in range(0, len(packed), _COMPRESSED_BYTES):
                piece = packed[start : start + _COMPRESSED_BYTES]
                while piece:
                    yield from member.unpack(piece)
                    if member.fault:
                        self.fault = member.fault
                        return
                    piece = member.rest
                    if piece.strip(b"\x00"):
                        member = _Member()  # another gzip member follows
                    elif member.ended:
                        piece = b""  # zero padding
            packed = self._read(CHUNK_BYTES)
        if not member.ended:
            self.fault = "the gzip stream is cut off"


class _Member:
    """One gzip member while it is unpacked."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)
        self.fault = ""
        self.rest = b""  # what came after the end

    @property
    def ended(self) -> bool:
        return self._zlib.eof

    def unpack(self, piece: bytes) -> Iterator[bytes]:
        self.rest = piece if self.ended and piece.strip(b"\x00") else b""
        if self.ended:
            return
        before = self._zlib.copy()
        try:
            first = self._zlib.decompress(piece, CHUNK_BYTES)
        except zlib.error:
            yield from self._salvage(before, piece)
            return
        if first:
            yield first
        while self._zlib.unconsumed_tail:
            try:
                more = self._zlib.decompress(self._zlib.unconsumed_tail, CHUNK_BYTES)
            except zlib.error:
                self.fault = "the gzip stream is damaged"
                return
            if more:
                yield more
        self.rest = self._zlib.unused_data

    def _salvage(self, packed: "zlib._Decompress", piece: bytes) -> Iterator[bytes]:
        """What lies before the damage, byte by byte."""
        for start in range(len(piece)):
            try:
                content = packed.decompress(piece[start : start + 1])
            except zlib.error:
                break
            if content:
                yield content
        self.fault = "the gzip stream is damaged"


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
