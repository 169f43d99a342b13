"""The published tree as files: tiles of hashes and bundles of entries (C2SP tlog-tiles 0.1.0).

    tile/<L>/<N>[.p/<W>]         256 (or W) hashes of 32 bytes
    tile/entries/<N>[.p/<W>]     256 (or W) entries, each after its length in 16 bits, big-endian

Hash i of tile n at level l is the root over entries (n*256+i)*256^l … (n*256+i+1)*256^l. A partial tile is
as wide as the size asks, is never hashed upward, and is a prefix of every wider one of its index.

Files are named by the size of a signed checkpoint, so nothing is asked for that no checkpoint needs. Reading
and writing files happens elsewhere; what is read here is believed only by whoever checks the proof.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from countersign.core.log.merkle import EMPTY_ROOT, leaf_hash, node_hash, root
from countersign.errors import AuditLogUnavailable, MalformedEntry, MalformedNote

WIDTH: Final = 256
HASH_BYTES: Final = 32
MAX_LEVEL: Final = 63
MAX_ENTRY_BYTES: Final = 65_535
ENTRIES: Final = -1  # the "level" of entry bundles

Read = Callable[[str], bytes | None]
"""The bytes of a file by its path below the log's folder; None when there is none."""

_PATH = re.compile(
    r"tile/(?:(?P<level>0|[1-9][0-9]?)|entries)"
    r"/(?P<index>(?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


class Tile(msgspec.Struct, frozen=True, order=True):
    """Which file: its level (`ENTRIES` for a bundle), its index, and how many hashes or entries it holds."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Where it lies, `tile/0/x001/234.p/17`."""
        digits = f"{self.index:03d}"
        digits = digits.rjust(-(-len(digits) // 3) * 3, "0")
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        number = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        level = "entries" if self.level == ENTRIES else str(self.level)
        return f"tile/{level}/{number}" + ("" if self.width == WIDTH else f".p/{self.width}")


def parse_path(path: str) -> Tile:
    """The tile that lies at this path, or `MalformedNote`; every tile has one spelling."""
    if (found := _PATH.fullmatch(path)) is None:
        raise MalformedNote(f"{path[:120]!r} is not the path of a tile")
    level = ENTRIES if found["level"] is None else int(found["level"])
    index = int(re.sub("[x/]", "", found["index"]))
    tile = Tile(level, index, int(found["width"] or WIDTH))
    if level > MAX_LEVEL or tile.path != path:
        raise MalformedNote(f"{path[:120]!r} is not the path of a tile")
    return tile


def hashes_at(level: int, size: int) -> int:
    """How many hashes level `level` of a tree of `size` entries holds; for bundles, how many entries."""
    return size >> 8 * max(level, 0)


def tile_of(level: int, index: int, size: int) -> Tile:
    """The tile as a checkpoint of this size needs it; `MalformedNote` when it needs none there."""
    width = min(hashes_at(level, size) - index * WIDTH, WIDTH)
    if width < 1 or index < 0:
        raise MalformedNote(f"a log of {size} entries has no tile {index} at level {level}")
    return Tile(level, index, width)


def is_needed(tile: Tile, size: int) -> bool:
    """Does a checkpoint of this size need exactly this file?"""
    width = hashes_at(tile.level, size) - tile.index * WIDTH
    return 0 < tile.width == min(width, WIDTH)


def tiles_of(size: int, since: int = 0) -> Iterator[Tile]:
    """Every file of a log of `size` entries that a log of `since` entries did not have: bundles, then upward."""
    for level in range(ENTRIES, MAX_LEVEL + 1):
        old, new = hashes_at(level, since), hashes_at(level, size)
        if level > 0 and not new:
            return
        if old < new:
            yield from (tile_of(level, n, size) for n in range(old // WIDTH, (new - 1) // WIDTH + 1))


def parse_tile(raw: bytes, width: int) -> tuple[bytes, ...]:
    """The hashes of a tile of this width, or `MalformedNote`."""
    if len(raw) != width * HASH_BYTES:
        raise MalformedNote(f"a tile of {width} hashes has {width * HASH_BYTES} bytes; this has {len(raw)}")
    return tuple(raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES))


def bundle(entries: Sequence[bytes]) -> bytes:
    """Entries as a bundle holds them."""
    if any(len(entry) > MAX_ENTRY_BYTES for entry in entries):
        raise MalformedEntry(f"an entry of more than {MAX_ENTRY_BYTES} bytes fits no bundle")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def parse_bundle(raw: bytes, width: int) -> tuple[bytes, ...]:
    """The entries of a bundle that must hold this many, and nothing after them; or `MalformedNote`."""
    entries, at = list[bytes](), 0
    while at < len(raw) and len(entries) < width:
        end = at + 2 + int.from_bytes(raw[at : at + 2], "big")
        if at + 2 > len(raw) or end > len(raw):
            raise MalformedNote("the bundle ends inside an entry")
        entries.append(raw[at + 2 : end])
        at = end
    if len(entries) != width or at != len(raw):
        raise MalformedNote(f"the bundle does not hold {width} entries and nothing else")
    return tuple(entries)


def grown(
    read: Read, size: int, entries: Sequence[bytes], leaves: Sequence[bytes] | None = None
) -> Iterator[tuple[Tile, bytes]]:
    """Every file that a log of `size` entries gains with these entries more: bundles first, then level by level.

    Reads only the last partial file of each level. `leaves` are the entries' leaf hashes where they are at hand.
    """
    yield from _bundles(read, size, entries)
    hashes: Sequence[bytes] = leaves if leaves is not None else [leaf_hash(entry) for entry in entries]
    if len(hashes) != len(entries):
        raise MalformedEntry("there is not one leaf hash for each entry")
    for level in range(MAX_LEVEL + 1):
        if not hashes:
            return
        # `size` counts the hashes of this level from here on.
        row = [*_partial(read, level, size), *hashes]
        first, hashes = size // WIDTH, []
        for at in range(0, len(row), WIDTH):
            part = row[at : at + WIDTH]
            yield Tile(level, first + at // WIDTH, len(part)), b"".join(part)
            if len(part) == WIDTH:
                hashes.append(root(part))
        size = first


def _bundles(read: Read, size: int, entries: Sequence[bytes]) -> Iterator[tuple[Tile, bytes]]:
    held = size % WIDTH
    raw = _found(read, Tile(ENTRIES, size // WIDTH, held)) if held and entries else b""
    if held and entries:
        parse_bundle(raw, held)
    done = 0
    while done < len(entries):
        part = entries[done : done + WIDTH - held]
        tile = Tile(ENTRIES, (size + done) // WIDTH, held + len(part))
        yield tile, raw + bundle(part)
        done, held, raw = done + len(part), 0, b""


def _partial(read: Read, level: int, count: int) -> tuple[bytes, ...]:
    width = count % WIDTH
    return parse_tile(_found(read, Tile(level, count // WIDTH, width)), width) if width else ()


def _found(read: Read, tile: Tile) -> bytes:
    raw = read(tile.path)
    if raw is None:
        raise AuditLogUnavailable(f"the log's file {tile.path} is missing")
    return raw


class TiledTree:
    """A tree of `size` entries, read from its tiles as far as a question needs: O(log n) files a proof.

    Nothing here is checked against a signed root: whoever holds the root checks what comes out. Missing files
    are an `AuditLogUnavailable`, files of another length a `MalformedNote`.
    """

    def __init__(self, read: Read, size: int) -> None:
        self.size = size
        self._read = read
        self._tiles: dict[tuple[int, int], bytes] = {}

    def root(self) -> bytes:
        """The root over all entries."""
        return self._over(0, self.size) if self.size else EMPTY_ROOT

    def leaf(self, index: int) -> bytes:
        """The leaf hash of the entry at `index`."""
        self._ensure_inside(index, self.size - 1)
        return self._subtree(0, index)

    def entry(self, index: int) -> bytes:
        """The entry at `index`, out of its bundle."""
        self._ensure_inside(index, self.size - 1)
        tile = tile_of(ENTRIES, index // WIDTH, self.size)
        raw, width = self._file(tile)
        return parse_bundle(raw, width)[index % WIDTH]

    def inclusion(self, index: int) -> tuple[bytes, ...]:
        """PATH(index) in this tree, leaf sibling first; `IndexError` when it has no such entry."""
        self._ensure_inside(index, self.size - 1)
        start, end, path = 0, self.size, list[bytes]()
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._over(middle, end))
                end = middle
            else:
                path.append(self._over(start, middle))
                start = middle
        return tuple(reversed(path))

    def consistency(self, old_size: int) -> tuple[bytes, ...]:
        """PROOF(old_size) in this tree; `IndexError` when it was never that large."""
        self._ensure_inside(old_size, self.size)
        if old_size == 0:
            return ()
        start, end, path = 0, self.size, list[bytes]()
        while old_size != end:
            middle = start + _split(end - start)
            if old_size <= middle:
                path.append(self._over(middle, end))
                end = middle
            else:
                path.append(self._over(start, middle))
                start = middle
        # The old root itself is what the reader has; only the root of a part of it must be told.
        return tuple(reversed([*path, self._over(start, end)] if start else path))

    def _ensure_inside(self, number: int, last: int) -> None:
        if not 0 <= number <= last:
            raise IndexError(number)

    def _over(self, start: int, end: int) -> bytes:
        """MTH(D[start:end]) of a range that RFC 6962 asks for: full subtrees, widest first."""
        parts = []
        while start < end:
            height = (end - start).bit_length() - 1
            parts.append(self._subtree(height, start >> height))
            start += 1 << height
        found = parts.pop()
        while parts:
            found = node_hash(parts.pop(), found)
        return found

    def _subtree(self, height: int, index: int) -> bytes:
        """The root over the 2^height entries from index*2^height on, all of which the tree has."""
        level, within = divmod(height, 8)
        number, offset = divmod(index << within, WIDTH)
        raw = self._tile(level, number)
        count = 1 << within
        return root(raw[at * HASH_BYTES : (at + 1) * HASH_BYTES] for at in range(offset, offset + count))

    def _tile(self, level: int, index: int) -> bytes:
        if (known := self._tiles.get((level, index))) is None:
            raw, width = self._file(tile_of(level, index, self.size))
            self._tiles[level, index] = known = b"".join(parse_tile(raw, width))
        return known

    def _file(self, tile: Tile) -> tuple[bytes, int]:
        """The file, or the full one that took its place; and how many hashes or entries it must hold."""
        raw = self._read(tile.path)
        if raw is not None:
            return raw, tile.width
        return _found(self._read, Tile(tile.level, tile.index)), WIDTH


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1
