"""Zeek logs in Zeek's own format: header lines that begin with `#`, then one line of values a record.

A record's bytes are those of its header, a newline and its line, all exactly as in the file. A file may hold
several logs one after the other, each with its header. What a line says is read in `core/records/zeek_tsv`.
"""

from collections.abc import Iterator

from countersign.adapters.sources import zeek
from countersign.adapters.sources.streams import lines
from countersign.core.records.evidence import Incoming, Quarantined, Skipped
from countersign.core.records.views import MAX_RECORD_BYTES, view
from countersign.core.records.zeek_tsv import MAX_HEADER_BYTES

SCHEMAS = zeek.SCHEMAS

_PARSER = "zeek-tsv/1"
_UNKNOWN = "json.unknown"


def starts_like(head: bytes, _file: str) -> bool:
    """Is there a `#separator` or a `#fields` line before the first line of values?"""
    position = 0
    while head.startswith(b"#", position):
        if head.startswith((b"#separator ", b"#fields\t"), position):
            return True
        position = head.find(b"\n", position) + 1
        if not position:
            break
    return False


def read(
    content: Iterator[bytes], file: str, schema: str | None
) -> Iterator[Incoming | Quarantined | Skipped]:
    """Every record of the stream; `schema` is the one to assume, None to go by what the header says."""
    header, block, size, empty = b"", list[bytes](), 0, True
    for number, line in enumerate(lines(content, MAX_RECORD_BYTES), 1):
        if line is None:
            empty = False
            yield Quarantined(file, number, f"the line is longer than {MAX_RECORD_BYTES} bytes", b"")
        elif line.startswith(b"#"):
            size = size + len(line) if block else len(line)
            block += [line] if size <= MAX_HEADER_BYTES else []
        elif line.strip(b"\r"):
            empty = False
            header, block = _header(block) or header, []
            yield _record(header, line.removesuffix(b"\r"), file, number, schema)
    if empty:
        yield Skipped(file, "a Zeek log without records")


def header_after(content: bytes) -> bytes:
    """The header in force after these whole lines; empty if they hold none."""
    header, block = b"", list[bytes]()
    for line in [*content.split(b"\n"), b"end"]:
        if line.startswith(b"#"):
            block.append(line)
        elif line.strip(b"\r"):
            header, block = _header(block) or header, []
    return header


def _header(block: list[bytes]) -> bytes:
    """The lines that name columns, from the last `#separator` on; empty if this is no header but `#close`."""
    kept = [line for line in block if not line.startswith(b"#close")]
    named = any(line.startswith(b"#fields") for line in kept)
    return b"\n".join(kept) if named else b""


def _record(header: bytes, line: bytes, file: str, number: int, schema: str | None) -> Incoming | Quarantined:
    if not header:
        return Quarantined(
            file, number, "a line of a Zeek log without the header that names its fields", line
        )
    raw = header + b"\n" + line
    try:
        document = view(raw, _PARSER)
    except ValueError as exc:
        return Quarantined(file, number, str(exc), raw)
    known = schema or (zeek.schema_of(document) if isinstance(document, dict) else None)
    return Incoming(known or _UNKNOWN, _PARSER, raw, file, number, document)
