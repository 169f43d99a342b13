"""JSON objects as records: one value, the values of an envelope, the elements of a list.

A record's raw bytes are the exact slice that holds it. Every record given out has a view: what the
parser cannot read, whole and exactly, is quarantined here with the reason.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import msgspec

from countersign.adapters.sources.detect import UNKNOWN, schema_of
from countersign.core.records.evidence import Incoming, Quarantined, Skipped
from countersign.core.records.views import MAX_RECORD_BYTES, view

Outcome: TypeAlias = Incoming | Quarantined | Skipped


def record(raw: bytes, file: str, line: int, schema: str | None) -> Incoming | Quarantined | None:
    """One JSON value as a record, or None if it is an envelope around records."""
    try:
        if len(raw) > MAX_RECORD_BYTES and enveloped(raw):
            return None
        document = view(raw, "json/1")
        if not isinstance(document, dict):
            return Quarantined(file, line, f"JSON, but {_named(document)} instead of an object", raw)
        if ("Records" in document or "value" in document) and enveloped(raw):
            return None
        if _may_repeat(raw, document) and (key := _repeated(raw)) is not None:
            return Quarantined(file, line, f"ambiguous JSON: the key {key!r} comes twice in one object", raw)
    except ValueError as exc:
        return Quarantined(file, line, str(exc), raw)
    return Incoming(schema or schema_of(document), "json/1", raw, file, line, document)


def _named(value: object) -> str:
    if isinstance(value, list):
        return "a list"
    return "a string" if isinstance(value, str) else "a single value"


def is_object(raw: bytes) -> bool:
    """Is this one JSON object?"""
    try:
        return isinstance(view(raw, "json/1"), dict)
    except ValueError:
        return False


_encoded = msgspec.json.Encoder().encode


def _may_repeat(raw: bytes, document: object) -> bool:
    """A repeated key takes at least one colon away when the document is written again, and nothing else
    changes their number but a colon spelled as an escape: equal counts settle it, at a fraction of a parser's cost.
    """
    encoded = _encoded(document)
    if encoded == raw:
        return False
    return raw.count(b":") != encoded.count(b":") or (b"\\" in raw and b"\\u003" in raw)


class _Repeated(Exception):
    """A key comes twice; the first such key."""


def _unique(pairs: list[tuple[str, Any]]) -> None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise _Repeated(key)
        seen.add(key)


def _repeated(raw: bytes) -> str | None:
    """The first key that an object holds twice: a reader that keeps the first value and one that keeps the
    last would then see two different records, and neither is what was written.
    """
    try:
        json.loads(raw, object_pairs_hook=_unique, parse_int=len, parse_float=len)
    except _Repeated as exc:
        return str(exc)[:100]
    return None


_raw_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
raw_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def enveloped(raw: bytes) -> list[msgspec.Raw] | None:
    """The records in `{"Records": […]}` (AWS) or `{"value": […]}` (Microsoft), None if this is no such envelope.

    Raises `ValueError` if it is not JSON. Anything beside the list, but for `@odata.…`, makes it a record itself.
    """
    try:
        fields = _raw_object(raw)
        key = "Records" if "Records" in fields else "value"
        beside = [name for name in fields if name != key and not name.startswith("@odata.")]
        if beside or key not in fields or not bytes(fields[key]).startswith(b"["):
            return None
        listed = raw_list(fields[key])
    except RecursionError as exc:
        raise ValueError("not JSON: nested too deeply") from exc
    return listed if listed and bytes(listed[0]).startswith(b"{") else None


def elements(
    listed: Iterable[msgspec.Raw | bytes], file: str, schema: str | None, line: int | None = None
) -> Iterator[Outcome]:
    """Records of a list, numbered by position where they share no line number."""
    for position, element in enumerate(listed, 1):
        number = position if line is None else line
        raw = bytes(element)
        yield record(raw, file, number, schema) or Incoming(schema or UNKNOWN, "json/1", raw, file, number)
