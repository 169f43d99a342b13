"""Records out of one stream: JSON Lines, arrays, envelopes, single documents, mail.

- A record's raw bytes are the exact slice of the stream that holds it. Every JSON record given out has
  a view: what the parser cannot read, whole and exactly, is quarantined here with the reason.
- JSON Lines are streamed. A document that spans lines is held in memory and refused over 256 MB.
- Records of an array or envelope are numbered by position, lines by line number.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TypeAlias

import msgspec

from countersign.adapters.sources.detect import MAIL, PARSERS, UNKNOWN, schema_of
from countersign.adapters.sources.eml import starts_like_mail
from countersign.adapters.sources.streams import GZIP_MAGIC, Chunks, lines
from countersign.core.evidence import Incoming, Quarantined, Skipped
from countersign.core.views import MAX_RECORD_BYTES, view

MAX_DOCUMENT_BYTES = 256 * 1024 * 1024
HEAD_BYTES = 64 * 1024
TRIED_LINES = 64  # of a document too large to hold, to see whether it is JSON Lines after all

Outcome: TypeAlias = Incoming | Quarantined | Skipped

_UNREAD_FORMATS = {
    b"\x28\xb5\x2f\xfd": "zstd compressed: unpack it first",
    b"PK\x03\x04": "a zip archive: unpack it first",
    b"BZh": "bzip2 compressed: unpack it first",
    b"\xfd7zXZ\x00": "xz compressed: unpack it first",
    GZIP_MAGIC: "gzip inside gzip: unpack it first",
    b"ElfFile\x00": "binary EVTX is not read by this version: convert it to JSON first",
    b"\xff\xfe": "UTF-16 text: convert it to UTF-8 first",
    b"\xfe\xff": "UTF-16 text: convert it to UTF-8 first",
}
_BOM = b"\xef\xbb\xbf"
_STARTS_LIKE_JSON = re.compile(rb"\s*(?:\{\s*(?:[\"}]|\Z)|\[\s*(?:[{\]]|\Z))")
_JSON_NAME = re.compile(r"\.(?:json|jsonl|ndjson)(?:\.gz)?\Z", re.IGNORECASE)


def records(chunks: Chunks, file: str, schema: str | None) -> Iterator[Outcome]:
    """Everything in a stream. `schema` is the one to assume for every record, None to go by content."""
    stream = iter(chunks)
    head = b""
    while len(head) < HEAD_BYTES and (chunk := next(stream, b"")):
        head += chunk
    head = head.removeprefix(_BOM)
    yield from _by_kind(head, chain([head], stream), chunks, file, schema)
    if chunks.fault:
        yield Quarantined(file, 0, chunks.fault, chunks.rest)


def _by_kind(
    head: bytes, content: Iterator[bytes], chunks: Chunks, file: str, schema: str | None
) -> Iterator[Outcome]:
    unread = next((reason for magic, reason in _UNREAD_FORMATS.items() if head.startswith(magic)), None)
    if not head.strip() and len(head) < HEAD_BYTES:
        if not chunks.fault:
            yield Skipped(file, "empty")
    elif unread is not None:
        raw, whole = _held(content, MAX_RECORD_BYTES)
        yield Quarantined(file, 0, unread, raw if whole else b"")
    elif schema == MAIL or (schema is None and starts_like_mail(head)):
        yield _mail(content, file)
    elif schema is not None or _is_json(head, file):
        yield from (
            _by_line(content, chunks, file, schema)
            if _is_lines(head)
            else _document(content, chunks, file, schema)
        )
    elif file.lower().endswith((".eml", ".eml.gz")):
        raw, whole = _held(content, MAX_RECORD_BYTES)
        yield Quarantined(file, 0, "named .eml, but does not start with mail headers", raw if whole else b"")
    else:
        yield Skipped(file, "binary, not a known format" if b"\x00" in head else "not a known format")


def _held(content: Iterator[bytes], limit: int) -> tuple[bytes, bool]:
    """The content as one piece, and whether that is all; reading stops soon after `limit` bytes."""
    pieces: list[bytes] = []
    size = 0
    for piece in content:
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            return b"".join(pieces), False
    return b"".join(pieces), True


def _mail(content: Iterator[bytes], file: str) -> Outcome:
    raw, whole = _held(content, MAX_RECORD_BYTES)
    if not whole:
        return Quarantined(file, 0, f"a mail larger than {MAX_RECORD_BYTES} bytes", b"")
    try:
        document = view(raw, PARSERS[MAIL])
    except ValueError as exc:
        return Quarantined(file, 0, str(exc), raw)
    return Incoming(MAIL, PARSERS[MAIL], raw, file, 1, document)


def _is_json(head: bytes, file: str) -> bool:
    """Does the file promise JSON, by its name, its first bytes or most of its first lines?"""
    if _JSON_NAME.search(file) or _STARTS_LIKE_JSON.match(head):
        return True
    starts = [line.startswith(b'{"') for line in head.split(b"\n") if line.strip()]
    return 2 * sum(starts) >= len(starts)


def _is_lines(head: bytes) -> bool:
    """Is the first line an object of its own, with more to come?"""
    first, newline, rest = head.lstrip().partition(b"\n")
    return bool(newline and rest.strip()) and _is_object(first)


def _is_object(raw: bytes) -> bool:
    try:
        return isinstance(view(raw, "json/1"), dict)
    except ValueError:
        return False


def _by_line(content: Iterator[bytes], chunks: Chunks, file: str, schema: str | None) -> Iterator[Outcome]:
    blank = True
    cut: Quarantined | None = None  # perhaps the line that a fault cut off: if it is the last
    for number, line in enumerate(lines(content, MAX_DOCUMENT_BYTES), 1):
        if cut is not None:
            yield cut
            cut = None
        if line is None:
            blank = False
            yield Quarantined(file, number, f"the line is longer than {MAX_DOCUMENT_BYTES} bytes", b"")
            continue
        raw = line[:-1] if line.endswith(b"\r") else line
        if not raw or raw.isspace():
            continue
        blank = False
        outcome = _record(raw, file, number, schema)
        if outcome is None:
            yield from _elements(_enveloped(raw) or [], file, schema, number)
        elif chunks.fault and isinstance(outcome, Quarantined):
            cut = outcome
        else:
            yield outcome
    if cut is not None:
        chunks.rest = cut.raw
    elif blank and not chunks.fault:
        yield Skipped(file, "empty")


def _record(raw: bytes, file: str, line: int, schema: str | None) -> Incoming | Quarantined | None:
    """One JSON value as a record, or None if it is an envelope around records."""
    try:
        if len(raw) > MAX_RECORD_BYTES and _enveloped(raw):
            return None
        document = view(raw, "json/1")
        if not isinstance(document, dict):
            return Quarantined(file, line, f"JSON, but {_named(document)} instead of an object", raw)
        if ("Records" in document or "value" in document) and _enveloped(raw):
            return None
    except ValueError as exc:
        return Quarantined(file, line, str(exc), raw)
    return Incoming(schema or schema_of(document), "json/1", raw, file, line, document)


def _named(value: object) -> str:
    if isinstance(value, list):
        return "a list"
    return "a string" if isinstance(value, str) else "a single value"


_raw_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_raw_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def _enveloped(raw: bytes) -> list[msgspec.Raw] | None:
    """The records in `{"Records": […]}` (AWS) or `{"value": […]}` (Microsoft), None if this is no such envelope.

    Raises `ValueError` if it is not JSON. Anything beside the list, but for `@odata.…`, makes it a record itself.
    """
    try:
        fields = _raw_object(raw)
        key = "Records" if "Records" in fields else "value"
        beside = [name for name in fields if name != key and not name.startswith("@odata.")]
        if beside or key not in fields or not bytes(fields[key]).startswith(b"["):
            return None
        listed = _raw_list(fields[key])
    except RecursionError as exc:
        raise ValueError("not JSON: nested too deeply") from exc
    return listed if listed and bytes(listed[0]).startswith(b"{") else None


def _elements(
    listed: Iterable[msgspec.Raw | bytes], file: str, schema: str | None, line: int | None = None
) -> Iterator[Outcome]:
    """Records of a list, numbered by position where they share no line number."""
    for position, element in enumerate(listed, 1):
        number = position if line is None else line
        raw = bytes(element)
        yield _record(raw, file, number, schema) or Incoming(schema or UNKNOWN, "json/1", raw, file, number)


def _document(content: Iterator[bytes], chunks: Chunks, file: str, schema: str | None) -> Iterator[Outcome]:
    """A stream that may be one JSON document; JSON Lines with a damaged first line come here too."""
    data, whole = _held(content, MAX_DOCUMENT_BYTES)
    if not whole:
        if any(_is_object(line) for line in data.split(b"\n", TRIED_LINES)[:TRIED_LINES]):
            yield from _by_line(chain([data], content), chunks, file, schema)
        else:
            reason = (
                f"a single JSON document larger than {MAX_DOCUMENT_BYTES} bytes: split it into lines first"
            )
            yield Quarantined(file, 0, reason, b"")
        return
    try:
        listed = _one_document(data.strip())
    except ValueError as exc:
        yield from _not_one_document(data, str(exc), chunks, file, schema)
        return
    if listed is None:
        before = len(data) - len(data.lstrip())
        yield from _elements([data.strip()], file, schema, data.count(b"\n", 0, before) + 1)
    elif listed:
        yield from _elements(listed, file, schema)
    else:
        yield Skipped(file, "an empty list")


def _one_document(data: bytes) -> list[msgspec.Raw] | None:
    """The records of an array or envelope, None for one record; raises `ValueError` if this is not one document."""
    try:
        return _raw_list(data) if data.startswith(b"[") else _enveloped(data)
    except RecursionError as exc:
        raise ValueError("not JSON: nested too deeply") from exc


def _not_one_document(
    data: bytes, reason: str, chunks: Chunks, file: str, schema: str | None
) -> Iterator[Outcome]:
    """Objects one after the other, damaged JSON Lines line by line, a damaged document as far as it is whole."""
    full = [line for line in data.split(b"\n") if line and not line.isspace()]
    good = sum(_is_object(line) for line in full)
    joined = _joined(data) if 2 * good < len(full) else None
    start = _LIST_START.match(data)
    listed, end = _scanned(data, start.end(), b", \t\r\n") if start else ([], 0)
    if joined is not None:
        yield from _elements(joined, file, schema)
    elif len(listed) <= good and (good or len(full) == 1 or not _STARTS_LIKE_JSON.match(data)):
        yield from _by_line(iter([data]), chunks, file, schema)
    else:
        yield from _elements(listed, file, schema)
        chunks.rest = data[end:]
        if not chunks.fault:
            yield Quarantined(file, 0, reason, chunks.rest)


_LIST_START = re.compile(rb'\s*(?:\{\s*"(?:Records|value)"\s*:\s*)?\[')
_JOINT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]"]', re.DOTALL)


def _joined(data: bytes) -> list[bytes] | None:
    """Objects one after the other without a separator of their own, None unless that is all there is."""
    slices, end = _scanned(data, 0, b" \t\r\n\x1e")
    if data[end:].strip() or not all(_is_object(part) for part in slices):
        return None
    return slices or None


def _scanned(data: bytes, position: int, between: bytes) -> tuple[list[bytes], int]:
    """Slices that are balanced objects or lists, up to the first other content, and where the last one ends."""
    slices: list[bytes] = []
    depth, start, end = 0, position, position
    for match in _JOINT.finditer(data, position):
        mark = match[0]
        if depth == 0 and (mark not in (b"{", b"[") or data[end : match.start()].strip(between)):
            break
        if mark in (b"{", b"["):
            start = start if depth else match.start()
            depth += 1
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                end = match.end()
                slices.append(data[start:end])
        elif mark == b'"':
            break  # a string without an end
    return slices, end
