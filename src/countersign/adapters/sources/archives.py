"""Members of tar and zip archives, one after the other; nothing is ever written to disk.

- A member's name is text to be shown and nothing else: no path is ever made of it.
- tar is read here and not by `tarfile`, which ends in silence at a damaged header, and holds extended
  headers of any size in memory. zip is read by `zipfile`, from the list at its end.
- Damage inside a member belongs to the member; damage between members ends the archive, as `Broken`.
"""

import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple, TypeVar

from countersign.adapters.sources.limits import (
    CHUNK_BYTES,
    MAX_MEMBER_HEADER_BYTES,
    MAX_NAME_CHARS,
    MAX_ZIP_DIRECTORY_BYTES,
    MIB,
    Broken,
    Budget,
)
from countersign.core.render import visible

BLOCK = 512
_EXTENDED = (b"x", b"g", b"L", b"K")
_WITHOUT_CONTENT = (b"1", b"2", b"3", b"4", b"5", b"6")  # links, devices, folders, pipes
_UNREADABLE_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    RuntimeError,  # NotImplementedError too
    OverflowError,
    LookupError,
)


class Member(NamedTuple):
    """One member: its name as the archive has it, its content, and why it is not read, if it is not."""

    name: str
    content: Iterator[bytes]
    skipped: str = ""  # it is no file
    refused: str = ""  # it is a file, but not one that we can read


class Labels:
    """Names of members as they are shown: `archive.zip!folder/file`, no two the same."""

    def __init__(self, archive: str) -> None:
        self._archive = archive
        self._seen: Counter[str] = Counter()

    def of(self, name: str) -> str:
        """The label of the next member of this name."""
        label = f"{self._archive}!{shown(name)}"
        self._seen[label] += 1
        return label if self._seen[label] == 1 else f"{label}#{self._seen[label]}"


_DRIVE = re.compile(r"[A-Za-z]:\Z")


def shown(name: str) -> str:
    r"""A member's name without its tricks: `../x`, `/x`, `C:\x` become `(..)/x`, `(root)/x`, `(C:)/x`."""
    parts = re.split(r"[/\\]", visible(name[:MAX_NAME_CHARS]).replace("!", "(!)"))
    if len(parts) > 1 and not parts[0]:
        parts[0] = "(root)"
    safe = [f"({part})" if part == ".." or _DRIVE.match(part) else part for part in parts]
    return "/".join(part for part in safe if part not in ("", ".")) or "(no name)"


# --- tar --------------------------------------------------------------------------------------------------


def is_tar(head: bytes) -> bool:
    """Does it begin with a header whose checksum is right?"""
    return len(head) >= BLOCK and _sum_is_right(head[:BLOCK])


def _sum_is_right(header: bytes) -> bool:
    stated = header[148:156].strip(b" \x00")
    if not 0 < len(stated) <= 7 or stated.strip(b"01234567"):
        return False
    blank = header[:148] + b" " * 8 + header[156:]
    return int(stated, 8) == sum(blank)


class _Tape:
    """A stream that is read in exact amounts."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = b""
        self._at = 0
        self.ended = False

    def some(self, most: int) -> bytes:
        """The next bytes, at most so many; none at the end."""
        if self._at >= len(self._piece):
            self._piece, self._at = next(self._pieces, b""), 0
            self.ended = not self._piece
        part = self._piece[self._at : self._at + most]
        self._at += len(part)
        return part

    def exactly(self, size: int) -> bytes:
        """So many bytes, fewer only at the end."""
        parts = b""
        while len(parts) < size and (part := self.some(size - len(parts))):
            parts += part
        return parts


class _Content:
    """The content of one tar member; what its reader leaves is passed over."""

    def __init__(self, tape: _Tape, size: int) -> None:
        self._tape = tape
        self._left = size
        self._padding = -size % BLOCK

    def __iter__(self) -> Iterator[bytes]:
        while self._left:
            piece = self._tape.some(min(self._left, CHUNK_BYTES))
            if not piece:
                self._left = self._padding = 0  # said once
                raise Broken("the tar archive is cut off")
            self._left -= len(piece)
            yield piece

    def pass_over(self) -> None:
        """Go on to the next header."""
        for _ in self:
            pass
        if len(self._tape.exactly(self._padding)) < self._padding:
            raise Broken("the tar archive is cut off")


class _Extended(NamedTuple):
    """What extended headers say of the member that follows."""

    name: str | None = None
    size: int | None = None
    sparse: bool = False


def tar_members(pieces: Iterator[bytes], budget: Budget) -> Iterator[Member]:
    """Members in order; each has to be read before the next is asked for. Archives may follow each other."""
    tape, extended, closed = _Tape(pieces), _Extended(), False
    while header := tape.exactly(BLOCK):
        if not header.strip(b"\x00"):
            closed = True
            continue
        if len(header) < BLOCK:
            raise Broken("the tar archive is cut off")
        if not _sum_is_right(header):
            raise Broken("the tar archive is damaged")
        closed = False
        budget.member()
        kind, size = header[156:157], _number(header[124:136])
        if kind in _EXTENDED:
            extended = _extend(extended, kind, _header_text(tape, size))
            continue
        size = size if extended.size is None else extended.size
        content = _Content(tape, 0 if kind in _WITHOUT_CONTENT else size)
        yield _member(header, kind, extended, content)
        extended = _Extended()
        content.pass_over()
    if not closed:
        raise Broken("the tar archive is cut off")


def _member(header: bytes, kind: bytes, extended: _Extended, content: _Content) -> Member:
    name = _name(header) if extended.name is None else extended.name
    if kind == b"5" or name.endswith("/"):
        return Member(name, iter(content), skipped="folder")
    if kind in _WITHOUT_CONTENT:
        return Member(name, iter(content), skipped="not a regular file")
    sparse = extended.sparse or kind == b"S"
    return Member(name, iter(content), refused="a sparse file in a tar: unpack it first" if sparse else "")


def _name(header: bytes) -> str:
    name, prefix = header[:100].split(b"\x00")[0], b""
    if header[257:263] == b"ustar\x00":
        prefix = header[345:500].split(b"\x00")[0]
    return (prefix + b"/" + name if prefix else name).decode("utf-8", "replace")


def _number(field: bytes) -> int:
    """Octal digits, or from the second bit on a binary number as GNU tar writes it."""
    if field[0] & 0x80:
        number = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
    else:
        digits = field.strip(b" \x00")
        if digits.strip(b"01234567"):
            raise Broken("the tar archive is damaged")
        number = int(digits or b"0", 8)
    return number


def _header_text(tape: _Tape, size: int) -> bytes:
    if size > MAX_MEMBER_HEADER_BYTES:
        raise Broken(f"a header in the tar archive is longer than {MAX_MEMBER_HEADER_BYTES // MIB} MiB")
    text = tape.exactly(size + -size % BLOCK)
    if len(text) < size:
        raise Broken("the tar archive is cut off")
    return text[:size]


def _extend(before: _Extended, kind: bytes, text: bytes) -> _Extended:
    if kind == b"L":
        return before._replace(name=text.rstrip(b"\x00").decode("utf-8", "replace"))
    if kind != b"x":
        return before  # a long link target, or a global header: neither names a file
    for key, value in _pax(text):
        if key == b"path":
            before = before._replace(name=value.decode("utf-8", "replace"))
        elif key == b"size" and value.isdigit() and len(value) <= 19:
            before = before._replace(size=int(value))
        elif key.startswith(b"GNU.sparse."):
            before = before._replace(sparse=True)
    return before


def _pax(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    r"""`LENGTH key=value\n`, one after the other; the length counts all of it."""
    at = 0
    while at < len(text):
        length, space, _ = text[at : at + 20].partition(b" ")
        if not space or not length.isdigit() or int(length) <= len(length) + 1:
            raise Broken("the tar archive is damaged")
        key, _, value = text[at + len(length) + 1 : at + int(length) - 1].partition(b"=")
        yield key, value
        at += int(length)


# --- zip --------------------------------------------------------------------------------------------------


def zip_members(file: BinaryIO, size: int, budget: Budget) -> Iterator[Member]:
    """Members in the order of the archive's list."""
    budget.packed = max(budget.packed, size)
    archive = _guarded(lambda: zipfile.ZipFile(_Opened(file)))
    for info in archive.infolist():
        budget.member()
        name, problem = info.orig_filename, ""
        if name.endswith("/"):  # `is_dir` fails at an empty name
            continue
        if (info.external_attr >> 16) & 0o170000 == 0o120000:
            yield Member(name, iter(()), skipped="not a regular file")
            continue
        if info.flag_bits & 0x1:
            problem = "encrypted: unpack it first"
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            problem = f"packed with zip method {info.compress_type}, which is not read: unpack it first"
        yield Member(name, _unzipped(archive, info, budget), refused=problem)


class _Opened:
    """A file as `zipfile` reads it, but for reads that no honest archive needs."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """At most the size of a directory; `Broken` for more."""
        wanted = size if 0 <= size <= MAX_ZIP_DIRECTORY_BYTES else MAX_ZIP_DIRECTORY_BYTES + 1
        found = _exactly(self._file, wanted)
        if len(found) > MAX_ZIP_DIRECTORY_BYTES:
            raise Broken(f"the list in the zip archive is longer than {MAX_ZIP_DIRECTORY_BYTES // MIB} MiB")
        return found


def _exactly(file: BinaryIO, size: int) -> bytes:
    """An unbuffered file may give less than was asked for before its end."""
    found = file.read(size)
    while len(found) < size and (more := file.read(size - len(found))):
        found += more
    return found


_Read = TypeVar("_Read")


def _guarded(read: Callable[[], _Read]) -> _Read:
    """What `zipfile` gives, its many errors as one; those of the disk stay what they are."""
    try:
        return read()
    except _UNREADABLE_ZIP as exc:
        raise Broken("the zip archive is damaged or cut off") from exc


def _unzipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, budget: Budget) -> Iterator[bytes]:
    file = _guarded(lambda: archive.open(info))
    with file:
        while piece := _guarded(lambda: file.read(CHUNK_BYTES)):
            budget.spend(len(piece))
            yield piece
