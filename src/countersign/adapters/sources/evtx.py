"""Binary Windows event logs (EVTX), chunk by chunk.

- A file is a header of 4 KB and chunks of 64 KB. A chunk holds its own templates and strings, so each is
  read by itself: memory stays small however large the file, and a damaged chunk harms no other.
- The evidence of a record is its canonical rendering: RFC 8785 JSON of what the `evtx` package gives for
  it. Whole numbers beyond ±(2^53 - 1), which RFC 8785 cannot hold, are strings of their digits (RFC 7493, 2.2).
- A record or chunk that cannot be read is quarantined with its own bytes.
- Checksums are not compared: a log copied from a running system has stale ones.
- A chunk states where its unused space begins. Records that go on there, each with the next number, are read too: a
  stated end that is too low hides nothing. What else lies there is left over from an earlier use of the space, as
  exported and circular logs have it, and no record of this log; but if the chunk states a higher last number than
  was found, or holds nothing else, the rest of it is quarantined.

Layout: the open specification "Windows XML Event Log (EVTX)" of libevtx.
"""

import io
import struct
from collections.abc import Iterator
from typing import Any
from zlib import crc32

import msgspec

from countersign.adapters.sources import windows
from countersign.core.ids import canonical
from countersign.core.records.evidence import Incoming, Quarantined, Skipped
from countersign.core.records.views import view

SCHEMAS = ("windows.event",)
MAGIC = b"ElfFile\x00"
HEADER_BYTES = 4096
CHUNK_BYTES = 64 * 1024
SAFE_INTEGER = 2**53 - 1

_CHUNK_MAGIC = b"ElfChnk\x00"
_TABLES, _FIRST_RECORD = 128, 512
_RECORD_MAGIC = 0x00002A2A
_RECORD_START = b"\x2a\x2a\x00\x00"
_RECORD_HEAD = struct.Struct("<IIQ")  # magic, size, record id
_SMALLEST_RECORD = 28
_NUMBERS = struct.Struct("<QQ")  # in a chunk's header, at 24: the ids of its first and last record
_FREE_SPACE = struct.Struct("<I")  # in a chunk's header, at 48: where unused space begins
_Slot = tuple[int, int, int]  # record id, start, end


def starts_like(head: bytes, _file: str) -> bool:
    """The magic of the file header."""
    return head.startswith(MAGIC)


def read(
    content: Iterator[bytes], file: str, _schema: str | None
) -> Iterator[Incoming | Quarantined | Skipped]:
    """The records of a log in file order, numbered from 1."""
    pieces = _sized(content)
    header = next(pieces, b"")
    if len(header) < HEADER_BYTES:
        yield Quarantined(file, 0, "an EVTX file that ends inside its header", header)
        return
    number = 0
    for chunk in pieces:
        if not chunk.strip(b"\x00"):
            continue  # space set aside, not used yet
        for outcome in _chunk(chunk, file, number):
            number += 1
            yield outcome
    if not number:
        yield Skipped(file, "empty")


def _sized(content: Iterator[bytes]) -> Iterator[bytes]:
    """The header, then chunk by chunk; the last piece may be short."""
    held = bytearray()
    wanted = HEADER_BYTES
    for piece in content:
        held += piece
        while len(held) >= wanted:
            yield bytes(held[:wanted])
            del held[:wanted]
            wanted = CHUNK_BYTES
    if held:
        yield bytes(held)


def _chunk(chunk: bytes, file: str, before: int) -> Iterator[Incoming | Quarantined]:
    if not chunk.startswith(_CHUNK_MAGIC) or len(chunk) < _FIRST_RECORD:
        yield Quarantined(file, before + 1, "an EVTX chunk without a readable header", chunk)
        return
    slots, end = _slots(chunk)
    used = _used(chunk)
    more, hidden = _behind(chunk, slots, used)
    given = _parsed(chunk, slots + more)
    for number, (identity, start, stop) in enumerate(slots + more, before + 1):
        texts = given.get(identity)
        yield _record(texts.pop(0) if texts else None, chunk[start:stop], file, number)
    number = before + len(slots) + len(more) + 1
    rest = chunk[end:used]
    if rest.strip(b"\x00"):
        yield Quarantined(file, number, "part of an EVTX chunk that holds no record", rest + hidden)
    elif hidden:
        yield Quarantined(file, number, "records behind the end that the chunk states", hidden)


def _used(chunk: bytes) -> int:
    """Where unused space begins; a chunk cut short is all in use."""
    if len(chunk) < CHUNK_BYTES:
        return CHUNK_BYTES
    (free,) = _FREE_SPACE.unpack_from(chunk, 48)
    return int(free) if _FIRST_RECORD <= free <= CHUNK_BYTES else CHUNK_BYTES


def _slots(chunk: bytes) -> tuple[list[_Slot], int]:
    """Every record, as their own headers say, and where the last one ends."""
    slots = list(_following(chunk, _FIRST_RECORD, min(_used(chunk), len(chunk))))
    return slots, slots[-1][2] if slots else _FIRST_RECORD


def _following(chunk: bytes, at: int, until: int) -> Iterator[_Slot]:
    """Records one after the other, as long as they are whole."""
    while at + _RECORD_HEAD.size <= until:
        magic, size, identity = _RECORD_HEAD.unpack_from(chunk, at)
        if magic != _RECORD_MAGIC or size < _SMALLEST_RECORD or at + size > until:
            return
        yield identity, at, at + size
        at += size


def _behind(chunk: bytes, slots: list[_Slot], used: int) -> tuple[list[_Slot], bytes]:
    """Records that go on behind the stated end, and what is left if there must be more of them."""
    first, last = _NUMBERS.unpack_from(chunk, 24)
    due, end, more = slots[-1][0] + 1 if slots else first, used, list[_Slot]()
    for slot in _following(chunk, used, len(chunk)):
        if slot[0] != due:
            break
        more.append(slot)
        due, end = due + 1, slot[2]
    if chunk.find(_RECORD_START, end) < 0 or ((slots or more) and due > last):
        return more, b""
    return more, chunk[end:]


def _file_header() -> bytes:
    """The header of a file with one chunk, which is how each chunk is shown to the parser."""
    fixed = struct.pack("<8sQQQIHHHH", MAGIC, 0, 0, 1, 128, 1, 3, HEADER_BYTES, 1).ljust(120, b"\x00")
    return (fixed + struct.pack("<II", 0, crc32(fixed))).ljust(HEADER_BYTES, b"\x00")


_ONE_CHUNK = _file_header()


def _parsed(chunk: bytes, slots: list[_Slot]) -> dict[int, list[str]]:
    """Record id → JSON texts, in order, of those records that the parser can read."""
    from evtx import PyEvtxParser  # noqa: PLC0415 - a native library, loaded when the first such file comes

    texts: dict[int, list[str]] = {}
    # The tables of names and templates are only an index, and a loop in one would never end: leave them out.
    bare = _restated(chunk[:_TABLES], slots) + bytes(_FIRST_RECORD - _TABLES) + chunk[_FIRST_RECORD:]
    whole = io.BytesIO(_ONE_CHUNK + bare.ljust(CHUNK_BYTES, b"\x00"))
    found = _guarded(lambda: PyEvtxParser(whole, 1).records_json())
    for _ in range(len(slots) + 1 if found is not None else 0):
        record = _guarded(lambda: next(found, _END))
        if record is _END:
            break
        if record is not None:
            texts.setdefault(record["event_record_id"], []).append(record["data"])
    return texts


def _restated(header: bytes, slots: list[_Slot]) -> bytes:
    """The header of a chunk with the end and the last number that were found: the parser goes no further than it says."""
    if not slots:
        return header
    made = bytearray(header)
    last, _, end = slots[-1]
    struct.pack_into("<Q", made, 32, last)
    _FREE_SPACE.pack_into(made, 48, end)
    return bytes(made)


_END: Any = object()


def _guarded(step: Any) -> Any:
    """What a step of the parser gives, None if it fails; a panic of the library is no `Exception`."""
    try:
        return step()
    except (KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException:  # noqa: BLE001 - the wall: whatever it is, these bytes are not readable
        return None


def _record(text: str | None, own: bytes, file: str, number: int) -> Incoming | Quarantined:
    if text is None:
        return Quarantined(file, number, "an EVTX record whose binary XML cannot be read", own)
    try:
        raw = rendered(text)
        document = view(raw, "json/1")
    except (ValueError, RecursionError) as exc:
        return Quarantined(file, number, f"an EVTX record that has no rendering: {exc}", own)
    schema = windows.schema_of(document) if isinstance(document, dict) else None
    return Incoming(schema or "json.unknown", "json/1", raw, file, number, document)


def rendered(text: str) -> bytes:
    """The canonical rendering of a record; raises `ValueError` or `RecursionError` if it has none."""
    return canonical(_held(msgspec.json.decode(text)))


def _held(value: object) -> object:
    """The document with whole numbers that RFC 8785 cannot hold as strings."""
    if isinstance(value, dict):
        return {key: _held(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_held(inner) for inner in value]
    beyond = isinstance(value, int) and not isinstance(value, bool) and abs(value) > SAFE_INTEGER
    return str(value) if beyond else value
