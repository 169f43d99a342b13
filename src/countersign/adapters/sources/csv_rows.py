"""Tables of one kind, as a mapping describes them: each row with its header is a record.

Raw bytes are the header, one LF and the row, exactly as the file holds them; where a file names no columns,
the header is the mapping's. A quoted cell may run over lines. A row that is no row of the table goes to
quarantine alone: a quote that never closes costs its own line, not the rest of the file.
"""

from collections import deque
from collections.abc import Iterator
from typing import TypeAlias

from countersign.adapters.sources.mapping import RecordMapping
from countersign.adapters.sources.mapping_form import Csv
from countersign.adapters.sources.streams import lines
from countersign.core.records.csv_rows import columns, parser_name, record, rows
from countersign.core.records.evidence import Incoming, Quarantined, Skipped
from countersign.core.records.fields import tokens
from countersign.core.records.views import MAX_RECORD_BYTES

Outcome: TypeAlias = Incoming | Quarantined | Skipped
Row: TypeAlias = tuple[int, bytes, str]
"""Number of its first line, its bytes, and why it cannot be read (empty if it can)."""

MAX_LINE_BYTES = 256 * 1024 * 1024
MAX_ROW_BYTES = 1024 * 1024  # of a row over several lines
MAX_HEADER_BYTES = 32 * 1024


class Tables:
    """The reader of one mapping's tables."""

    def __init__(self, mapping: RecordMapping, spec: Csv) -> None:
        self._mapping = mapping
        self._spec = spec
        self._delimiter = spec.delimiter.encode()
        self._quoted = bool(spec.quote)
        self._parser = parser_name(spec.delimiter, quoted=self._quoted)
        fields = (tokens(known.pointer)[0] for known in mapping.schema.fields)
        self._wanted = frozenset(spec.columns or fields)

    @property
    def SCHEMAS(self) -> tuple[str, ...]:  # noqa: N802 - what a reader's module calls it
        """The one schema that it gives records."""
        return (self._mapping.name,)

    def starts_like(self, head: bytes, file: str) -> bool:  # noqa: ARG002 - a name tells nothing of a table
        """Does the header name the mapping's columns? Without one: is the first line a row of the mapping's?"""
        _, first, why = next(self._rows(iter([head])), (0, b"", "empty"))
        if why:
            return False
        try:
            [cells] = rows(first, self._spec.delimiter, self._quoted)
            if not self._spec.header:
                return self._wanted <= set(columns(cells))
            return self._fits(record(self._spec.header, cells))
        except ValueError:
            return False

    def _fits(self, view: dict[str, str]) -> bool:
        schema = self._mapping.schema
        return self._mapping.is_for(view) and (not schema.time or schema.event_ns(view) is not None)

    def read(self, content: Iterator[bytes], file: str, schema: str | None) -> Iterator[Outcome]:  # noqa: ARG002
        """Every row of the table."""
        found = self._rows(content)
        header = self._spec.delimiter.join(self._spec.header).encode()
        if not header:
            number, header, why = next(found, (0, b"", ""))
            if not number:
                yield Skipped(file, "empty")
                return
            if why:
                found = _first((number, header, why), found)
                header = b""
        try:
            names = self._names(header)
        except ValueError as exc:
            yield from self._refused(file, header, str(exc), found)
            return
        yield from self._records(found, file, header, names)

    def header_after(self, content: bytes) -> bytes:
        """The header of the rows that follow these whole lines, which begin with it; empty if the mapping names columns."""
        return b"" if self._spec.header else content.split(b"\n", 1)[0]

    def _names(self, header: bytes) -> tuple[str, ...]:
        if not 0 < len(header) <= MAX_HEADER_BYTES:
            raise ValueError("no header that can be read")
        [named] = rows(header, self._spec.delimiter, self._quoted)
        return columns(named)

    def _records(
        self, found: Iterator[Row], file: str, header: bytes, names: tuple[str, ...]
    ) -> Iterator[Outcome]:
        delimiter, parser, schema = self._spec.delimiter, self._parser, self._mapping.name
        before, asked = header + b"\n", bool(self._spec.when)
        empty = True
        for number, row, why in found:
            if why:
                yield Quarantined(file, number, why, row)
                empty = False
                continue
            if row == header:  # files put one after the other
                continue
            empty = False
            try:
                if self._quoted and (b'"' in row or b"\r" in row):
                    [cells] = rows(row, delimiter, quoted=True)
                else:
                    cells = row.decode().split(delimiter)
                view = record(names, cells)
            except UnicodeDecodeError:
                yield Quarantined(file, number, "not valid UTF-8", row)
                continue
            except ValueError as exc:
                yield Quarantined(file, number, str(exc), row)
                continue
            if len(row) + len(before) > MAX_RECORD_BYTES:
                yield Quarantined(file, number, f"the row is longer than {MAX_RECORD_BYTES} bytes", row)
                continue
            if asked and not self._mapping.is_for(view):
                yield Quarantined(file, number, f"the mapping {schema} is not for this row", before + row)
                continue
            yield Incoming(schema, parser, before + row, file, number, view)
        if empty:
            yield Skipped(file, "a header and no rows")

    def _refused(self, file: str, header: bytes, why: str, rest: Iterator[Row]) -> Iterator[Outcome]:
        if header:
            yield Quarantined(file, 1, why, header)
        for number, row, reason in rest:
            yield Quarantined(file, number, reason or why, row)

    def _rows(self, content: Iterator[bytes]) -> Iterator[Row]:
        """Rows without the end of their last line; empty lines are none."""
        stream = enumerate(lines(content, MAX_LINE_BYTES), 1)
        if not self._quoted:
            for number, line in stream:
                if line is None or line.strip(b"\r "):
                    yield _row(number, line)
            return
        again: deque[tuple[int, bytes | None]] = deque()
        for number, line in _followed(again, stream):
            if line is None or b'"' not in line:
                if line is None or line.strip(b"\r "):
                    yield _row(number, line)
            elif not _is_open(line, self._delimiter, inside=False):
                yield _row(number, line)
            else:
                yield self._joined(number, line, again, stream)

    def _joined(
        self,
        number: int,
        first: bytes,
        again: deque[tuple[int, bytes | None]],
        stream: Iterator[tuple[int, bytes | None]],
    ) -> Row:
        """A row over several lines. If its quote never closes, the lines after the first are read again.

        They are read twice at most: a line that leaves the quote open cannot open one of its own.
        """
        taken: list[tuple[int, bytes | None]] = []
        size = len(first)
        for following in _followed(again, stream):
            taken.append(following)
            line = following[1]
            size += len(line or b"")
            if line is None or size > MAX_ROW_BYTES:
                break
            if not _is_open(line, self._delimiter, inside=True):
                return _row(number, b"\n".join([first, *(part or b"" for _, part in taken)]))
        again.extendleft(reversed(taken))
        return number, first.removesuffix(b"\r"), "a quote opens here and does not close"


def _row(number: int, line: bytes | None) -> Row:
    if line is None:
        return number, b"", f"the line is longer than {MAX_LINE_BYTES} bytes"
    return number, line[:-1] if line.endswith(b"\r") else line, ""


def _first(one: Row, rest: Iterator[Row]) -> Iterator[Row]:
    yield one
    yield from rest


def _followed(
    again: deque[tuple[int, bytes | None]], stream: Iterator[tuple[int, bytes | None]]
) -> Iterator[tuple[int, bytes | None]]:
    """What was put back, then the stream."""
    while True:
        if again:
            yield again.popleft()
            continue
        following = next(stream, None)
        if following is None:
            return
        yield following


def _is_open(line: bytes, delimiter: bytes, *, inside: bool) -> bool:
    """Is a quoted cell still open at the end of a line? `inside`: one was open at its start."""
    at = 0
    while True:
        if inside or line.startswith(b'"', at):
            end = line.find(b'"', at if inside else at + 1)
            while end >= 0 and line.startswith(b'"', end + 1):
                end = line.find(b'"', end + 2)
            if end < 0:
                return True
            at, inside = end + 1, False
        at = line.find(delimiter, at) + 1
        if not at:
            return False
