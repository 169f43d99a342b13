"""gzip and zstd, unpacked piece by piece.

Pieces stay bounded, however well they were packed, and what lies before a cut or damage is given out.
"""

import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

from countersign.adapters.sources.limits import CHUNK_BYTES, KIB, MAX_ZSTD_WINDOW_LOG, Broken, Budget

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PACKED_BYTES = 64 * KIB  # of packed bytes that are unpacked at a time
_ZSTD_OPTIONS: dict[int, int] = {zstd.DecompressionParameter.window_log_max: MAX_ZSTD_WINDOW_LOG}


class _Member(Protocol):
    """One gzip member or zstd frame while it is unpacked."""

    @property
    def ended(self) -> bool: ...

    @property
    def rest(self) -> bytes:
        """What came after its end."""

    def unpack(self, piece: bytes) -> Iterator[bytes]: ...


def gunzipped(pieces: Iterator[bytes], budget: Budget) -> Iterator[bytes]:
    """The content of gzip, all members after each other; `Broken` where it is cut off or damaged."""
    return _unpacked(pieces, budget, _Gzip, "gzip")


def unzstd(pieces: Iterator[bytes], budget: Budget) -> Iterator[bytes]:
    """The content of zstd, all frames after each other; `Broken` where it is cut off or damaged."""
    return _unpacked(pieces, budget, _Zstd, "zstd")


def _unpacked(
    pieces: Iterator[bytes], budget: Budget, begin: Callable[[], _Member], what: str
) -> Iterator[bytes]:
    member = begin()
    for packed in pieces:
        for start in range(0, len(packed), PACKED_BYTES):
            piece = packed[start : start + PACKED_BYTES]
            while piece and not (member.ended and not piece.strip(b"\x00")):  # zeros pad the end
                if member.ended:
                    member = begin()
                for content in member.unpack(piece):
                    budget.spend(len(content))
                    yield content
                piece = member.rest
    if not member.ended:
        raise Broken(f"the {what} stream is cut off")


class _Gzip:
    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    @property
    def ended(self) -> bool:
        return self._zlib.eof

    @property
    def rest(self) -> bytes:
        return self._zlib.unused_data

    def unpack(self, piece: bytes) -> Iterator[bytes]:
        before = self._zlib.copy()
        try:
            first = self._zlib.decompress(piece, CHUNK_BYTES)
        except zlib.error:
            yield from _salvaged(before, piece)
            raise Broken("the gzip stream is damaged") from None
        if first:
            yield first
        while self._zlib.unconsumed_tail:
            try:
                more = self._zlib.decompress(self._zlib.unconsumed_tail, CHUNK_BYTES)
            except zlib.error:
                raise Broken("the gzip stream is damaged") from None
            if more:
                yield more


def _salvaged(packed: "zlib._Decompress", piece: bytes) -> Iterator[bytes]:
    """What lies before the damage, byte by byte."""
    for start in range(len(piece)):
        try:
            content = packed.decompress(piece[start : start + 1])
        except zlib.error:
            return
        if content:
            yield content


class _Zstd:
    def __init__(self) -> None:
        self._zstd = zstd.ZstdDecompressor(options=_ZSTD_OPTIONS)

    @property
    def ended(self) -> bool:
        return self._zstd.eof

    @property
    def rest(self) -> bytes:
        return self._zstd.unused_data if self._zstd.eof else b""

    def unpack(self, piece: bytes) -> Iterator[bytes]:
        try:
            content = self._zstd.decompress(piece, CHUNK_BYTES)
            while content:
                yield content
                if self._zstd.eof or self._zstd.needs_input:
                    return
                content = self._zstd.decompress(b"", CHUNK_BYTES)
        except zstd.ZstdError as exc:
            raise Broken("the zstd stream is damaged, or needs more than 128 MiB to unpack") from exc
