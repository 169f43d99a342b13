"""A file of lines while it grows: what is new since the last look, through rotation, truncation and restarts.

- Whole lines only; the beginning of one waits for its end, until its file is renamed or removed.
- A file that was renamed is read to its end before the one now at its path. It may be written to for a
  while yet, so its end is its end only after `QUIET_LOOKS` looks that found nothing.
- Files that came and went while nobody looked are known by their names (`eve.json.1`, `eve.json-20260302`)
  and the time they were last written to; compressed ones are not read.
- A file that became shorter, or begins with other bytes than before, was truncated: that goes to quarantine
  as a message, because what was written between the last look and the truncation is gone.
- `Position` says how far everything given out so far goes. Whoever stores it together with the records can
  stop at any moment, and go on as if nothing had happened.
"""

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from errno import ENOENT
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeAlias

import msgspec

from countersign.adapters.sources import limits
from countersign.adapters.sources.detect import Reader, reader_of
from countersign.adapters.sources.json_lines import by_line
from countersign.adapters.sources.objects import Outcome, is_object
from countersign.adapters.sources.streams import Chunks
from countersign.core.records.evidence import Quarantined, Skipped
from countersign.ports import Position

LOOK_BYTES = 1 * limits.MIB  # read at a time, more only for a line that is longer
LOOK_LINES = 2_000  # given out at a time: one batch, one transaction
FINGERPRINT_BYTES = 256  # of a file's beginning, by which it is known again
QUIET_LOOKS = 3
_ROTATED = re.compile(
    r"[.\-_]?\d[\dT.:_-]*"
)  # what rotation puts behind a name: .1, -20260302, .2026-03-02_10


Through: TypeAlias = Callable[[Iterable[Outcome]], Iterator[Outcome]]
"""What records go through once they are read: mappings."""


class Look(NamedTuple):
    """What one look found, and how far reading has come with it."""

    outcomes: tuple[Outcome, ...]
    position: Position


class _File:
    """The file that is being read, under whatever name it has by now."""

    def __init__(self, stream: BinaryIO, label: str) -> None:
        self.stream = stream
        self.label = label
        self.identity = _identity(os.fstat(stream.fileno()))
        self.offset = 0
        self.line = 0
        self.header = b""
        self.want = LOOK_BYTES
        self.quiet = 0
        self.reader: Reader | None = None
        self.settled = False  # a line has come that tells the format

    def at(self, size: int, offset: int) -> bytes:
        """`size` bytes from `offset`, fewer at the end."""
        parts: list[bytes] = []
        while size > 0 and (part := os.pread(self.stream.fileno(), size, offset)):
            parts.append(part)
            size, offset = size - len(part), offset + len(part)
        return b"".join(parts)

    def size(self) -> int:
        """Its size now, in bytes."""
        return os.fstat(self.stream.fileno()).st_size

    def position(self, path: str) -> Position:
        """How far it was read."""
        head = self.at(min(FINGERPRINT_BYTES, self.offset), 0)
        return Position(path, self.identity, self.offset, self.line, len(head), _digest(head))

    def holds(self, position: Position) -> bool:
        """Is this still what was read before, and at least as long?"""
        head = self.at(position.head_bytes, 0)
        return self.size() >= position.offset and _digest(head) == position.head


class Following:
    """One path, followed."""

    def __init__(
        self,
        path: str,
        schema: str | None = None,
        position: Position | None = None,
        mapped: Sequence[Reader] = (),
        through: Through = iter,
    ) -> None:
        """Goes on at `position`, or at the beginning. Raises `OSError`, or `ValueError` for a file without lines."""
        self._path = path
        self._schema = schema
        self._mapped = mapped
        self._through = through
        self._messages: list[Outcome] = []
        self._known: Position | None = None
        self._file = self._resumed(position) or self._begun()
        if self._file is None:
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT), path)
        self._ensure_lines(self._file)

    def look(self) -> Look | None:
        """What came since the last look; None for nothing. At most `LOOK_LINES` lines, so look again at once."""
        if self._file is None:
            self._file = self._begun()
            return None if self._file is None else self._found(self._file, ())
        self._notice_truncation(self._file)
        block = self._block(self._file)
        if block:
            return self._found(self._file, self._read(self._file, block))
        if self._messages:
            return self._found(self._file, ())
        return self._turned(self._file)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.stream.close()

    def _found(self, file: _File, outcomes: Sequence[Outcome]) -> Look:
        told, self._messages = self._messages, []
        self._known = file.position(self._path)
        return Look((*told, *outcomes), self._known)

    def _begun(self) -> _File | None:
        """The file that stands at the path now, from its beginning."""
        with suppress(FileNotFoundError):
            return _File(Path(self._path).open("rb", buffering=0), self._path)
        return None

    def _resumed(self, position: Position | None) -> _File | None:
        """The file that was read before, under its own name or the one that rotation gave it."""
        if position is None:
            return None
        for path in (self._path, *_siblings(self._path)):
            with suppress(OSError):
                file = _File(Path(path).open("rb", buffering=0), self._path)  # noqa: SIM115 - closed below
                if file.identity == position.identity:
                    self._known = position
                    if file.holds(position):
                        file.offset, file.line = position.offset, position.line
                        self._find_header(file)
                    else:
                        self._truncated(file, position)
                    return file
                file.stream.close()
        why = f"the file that was followed to byte {position.offset} is gone: what was written after is not read"
        self._messages.append(Quarantined(self._path, position.line, why, b""))
        return None

    def _rotated_since(self, after_ns: int) -> _File | None:
        """The next file that stood at the path meanwhile, and was rotated away before we came to it."""
        found: list[tuple[int, str]] = []
        for path in _siblings(self._path):
            with suppress(OSError):
                status = os.stat(path)  # noqa: PTH116 - plain strings
                if status.st_mtime_ns > after_ns and _ROTATED.fullmatch(path, len(self._path)):
                    found.append((status.st_mtime_ns, path))
        for _, path in sorted(found):
            with suppress(OSError):
                return _File(Path(path).open("rb", buffering=0), self._path)
        return None

    def _ensure_lines(self, file: _File) -> None:
        if not stat.S_ISREG(os.fstat(file.stream.fileno()).st_mode):
            raise ValueError("is not a regular file")
        head = file.at(limits.HEAD_BYTES, 0)
        lines = head.split(b"\n")[: limits.TRIED_LINES]
        if not head.strip() or self._schema is not None or self._reader(file) is not None:
            return
        if len(lines) > 1 and not any(is_object(line) for line in lines):
            raise ValueError("holds no JSON Lines, nor another format of lines")

    def _find_header(self, file: _File) -> None:
        """The header before the place where reading goes on."""
        if getattr(self._reader(file), "header_after", None) is None:
            return
        at, rest = 0, b""
        while at < file.offset and (piece := file.at(min(LOOK_BYTES, file.offset - at), at)):
            lines, newline, rest = (rest + piece).rpartition(b"\n")
            file.header = self._header(file, lines + newline, file.header)
            at += len(piece)

    def _notice_truncation(self, file: _File) -> None:
        if file.size() != file.offset and self._known is not None and not file.holds(self._known):
            self._truncated(file, self._known)

    def _truncated(self, file: _File, position: Position) -> None:
        why = f"the file was truncated after {position.offset} bytes were read: it is read again from its beginning"
        self._messages.append(Quarantined(self._path, position.line, why, b""))
        file.offset, file.line, file.header, file.want = 0, 0, b"", LOOK_BYTES
        self._known = file.position(self._path)

    def _block(self, file: _File) -> bytes:
        """The next whole lines, with their ends."""
        content = file.at(file.want, file.offset)
        lines = content.split(b"\n", LOOK_LINES)
        block = content[: len(content) - len(lines[-1])]
        if not block and len(content) == file.want:  # one line, and not its end yet
            if file.want >= limits.MAX_LINE_BYTES:
                return content
            file.want = min(2 * file.want, limits.MAX_LINE_BYTES)
            return self._block(file)
        file.want = LOOK_BYTES
        return block

    def _turned(self, file: _File) -> Look | None:
        """On to the next file, if this one was renamed or removed and has come to its end."""
        try:
            if _identity(os.stat(self._path)) == file.identity:  # noqa: PTH116 - plain strings
                return None
        except OSError:
            return None
        file.quiet += 1
        if file.quiet < QUIET_LOOKS:
            return None
        last = file.at(limits.MAX_LINE_BYTES, file.offset)
        if last:
            file.quiet = 0
            return self._found(file, self._read(file, last))
        after = os.fstat(file.stream.fileno()).st_mtime_ns
        file.stream.close()
        self._file = self._rotated_since(after) or self._begun()
        self._known = None
        return None if self._file is None else self._found(self._file, ())

    def _read(self, file: _File, block: bytes) -> tuple[Outcome, ...]:
        """Records of a block, with the line numbers of the file."""
        file.quiet = 0
        before, reader = file.line, self._reader(file)
        header = file.header + b"\n" if file.header else b""
        content, chunks = iter([header + block]), Chunks(iter(()))
        found = (
            by_line(content, chunks, file.label, self._schema)
            if reader is None
            else reader.read(content, file.label, self._schema)
        )
        shift = before - header.count(b"\n")
        outcomes = tuple(_shifted(self._through(found), shift))
        file.header = self._header(file, block, file.header)
        file.offset += len(block)
        file.line += block.count(b"\n") + (not block.endswith(b"\n"))
        return outcomes

    def _header(self, file: _File, content: bytes, before: bytes) -> bytes:
        """The header in force after `content`, of a reader whose lines mean nothing without one."""
        after: Callable[[bytes], bytes] | None = getattr(self._reader(file), "header_after", None)
        if after is None:
            return b""
        return after(before + b"\n" + content if before else content)

    def _reader(self, file: _File) -> Reader | None:
        """Who reads these lines; None for JSON Lines. Settled by the file's first lines."""
        if not file.settled:
            head = file.at(limits.HEAD_BYTES, 0)
            found = reader_of(head, file.label, self._schema, self._mapped)
            if found is None and (self._schema is not None or not head.lstrip().startswith(b"{")):
                found = reader_of(head, file.label, self._schema)
            file.reader, file.settled = found, b"\n" in head
        return file.reader


def _shifted(found: Iterator[Outcome], by: int) -> Iterator[Outcome]:
    for one in found:
        if not isinstance(one, Skipped):
            yield msgspec.structs.replace(one, line=max(0, one.line + by))


def _siblings(path: str) -> list[str]:
    """Files that rotation may have made of it: `eve.json.1`, `eve.json-20260302`, `eve-1.json` is none."""
    folder, name = os.path.split(path)
    with suppress(OSError), os.scandir(folder or ".") as entries:
        return sorted(e.path for e in entries if e.name.startswith(name) and e.name != name and e.is_file())
    return []


def _identity(status: os.stat_result) -> str:
    return f"{status.st_dev}:{status.st_ino}"


def _digest(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"
