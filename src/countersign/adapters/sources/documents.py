"""JSON documents that span lines: one object, an array, an envelope, objects one after the other.

JSON Lines with a damaged first line come here too, and are read line by line. A document is held in
memory, and refused past `limits.MAX_DOCUMENT_BYTES`.
"""

import re
from collections.abc import Iterator
from itertools import chain

import msgspec

from countersign.adapters.sources import limits
from countersign.adapters.sources.json_lines import by_line
from countersign.adapters.sources.objects import Outcome, elements, enveloped, is_object, raw_list
from countersign.adapters.sources.streams import Chunks, held, in_pieces, lines
from countersign.core.records.evidence import Quarantined, Skipped

STARTS_LIKE_JSON = re.compile(rb"\s*(?:\{\s*(?:[\"}]|\Z)|\[\s*(?:[{\]]|\Z))")


def document(content: Iterator[bytes], chunks: Chunks, file: str, schema: str | None) -> Iterator[Outcome]:
    """A stream that may be one JSON document; JSON Lines with a damaged first line come here too."""
    data, whole = held(content, limits.MAX_DOCUMENT_BYTES)
    if not whole:
        if any(is_object(line) for line in data.split(b"\n", limits.TRIED_LINES)[: limits.TRIED_LINES]):
            yield from by_line(chain([data], content), chunks, file, schema)
        else:
            reason = f"a single JSON document larger than {limits.MAX_DOCUMENT_BYTES} bytes: split it into lines first"
            yield Quarantined(file, 0, reason, b"")
        return
    try:
        listed = _one_document(data.strip())
    except ValueError as exc:
        yield from _not_one_document(data, str(exc), chunks, file, schema)
        return
    if listed is None:
        before = len(data) - len(data.lstrip())
        yield from elements([data.strip()], file, schema, data.count(b"\n", 0, before) + 1)
    elif listed:
        yield from elements(listed, file, schema)
    else:
        yield Skipped(file, "an empty list")


def _one_document(data: bytes) -> list[msgspec.Raw] | None:
    """The records of an array or envelope, None for one record; raises `ValueError` if this is not one document."""
    try:
        return raw_list(data) if data.startswith(b"[") else enveloped(data)
    except RecursionError as exc:
        raise ValueError("not JSON: nested too deeply") from exc


def _not_one_document(
    data: bytes, reason: str, chunks: Chunks, file: str, schema: str | None
) -> Iterator[Outcome]:
    """Objects one after the other, damaged JSON Lines line by line, a damaged document as far as it is whole."""
    full, good = _lines_of(data)
    joined = _joined(data) if 2 * good < full else None
    start = _LIST_START.match(data)
    listed, end = _scanned(data, start.end(), b", \t\r\n") if start else ([], 0)
    if joined is not None:
        yield from elements(joined, file, schema)
    elif len(listed) <= good and (good or full == 1 or not STARTS_LIKE_JSON.match(data)):
        yield from by_line(in_pieces(data), chunks, file, schema)
    else:
        yield from elements(listed, file, schema)
        chunks.rest = data[end:]
        if not chunks.fault:
            yield Quarantined(file, 0, reason, chunks.rest)


def _lines_of(data: bytes) -> tuple[int, int]:
    """Lines that are not blank, and how many of them are objects; never all at once, for a line may be one byte."""
    full = good = 0
    for line in lines(in_pieces(data), limits.MAX_LINE_BYTES):
        if line is None or (line and not line.isspace()):
            full += 1
            good += line is not None and is_object(line)
    return full, good


_LIST_START = re.compile(rb'\s*(?:\{\s*"(?:Records|value)"\s*:\s*)?\[')
_JOINT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]"]', re.DOTALL)


def _joined(data: bytes) -> list[bytes] | None:
    """Objects one after the other without a separator of their own, None unless that is all there is."""
    slices, end = _scanned(data, 0, b" \t\r\n\x1e")
    if data[end:].strip() or not all(is_object(part) for part in slices):
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
