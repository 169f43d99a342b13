"""Records out of one stream: what is packed is unpacked, archives are opened, and the content tells the rest.

- What was unpacked and what lies in an archive is judged by the same rules as a file, up to
  `limits.MAX_LAYERS` layers. A member of an archive is called `archive.zip!folder/file`.
- JSON Lines are streamed. Records of an array or envelope are numbered by position, lines by line number.
"""

import re
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import BinaryIO, NamedTuple

from countersign.adapters.sources import limits
from countersign.adapters.sources.archives import Labels, Member, is_tar, tar_members, zip_members
from countersign.adapters.sources.detect import MAIL, PARSERS, Reader, reader_of
from countersign.adapters.sources.documents import STARTS_LIKE_JSON, document
from countersign.adapters.sources.eml import starts_like_mail
from countersign.adapters.sources.json_lines import by_line
from countersign.adapters.sources.limits import Broken, Budget
from countersign.adapters.sources.objects import Outcome, is_object
from countersign.adapters.sources.packing import gunzipped, unzstd
from countersign.adapters.sources.streams import Chunks, held, peeked, pieces_of, reason
from countersign.core.records.evidence import Incoming, Quarantined, Skipped
from countersign.core.records.views import MAX_RECORD_BYTES, view

__all__ = ["Outcome", "records"]

_GZIP = re.compile(rb"\x1f\x8b")
_ZSTD = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", re.DOTALL)
_ZIP = re.compile(rb"PK(?:\x03\x04|\x05\x06|\x07\x08)")
_UNREAD_FORMATS = {
    b"BZh": "bzip2 compressed: unpack it first",
    b"\xfd7zXZ\x00": "xz compressed: unpack it first",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive: unpack it first",
    b"Rar!\x1a\x07": "a RAR archive: unpack it first",
    b"\xff\xfe": "UTF-16 text: convert it to UTF-8 first",
    b"\xfe\xff": "UTF-16 text: convert it to UTF-8 first",
}
_BOM = b"\xef\xbb\xbf"
_JSON_NAME = re.compile(r"\.(?:json|jsonl|ndjson)(?:\.(?:gz|zst))?\Z", re.IGNORECASE)
_MAIL_NAME = re.compile(r"\.eml(?:\.(?:gz|zst))?\Z", re.IGNORECASE)


class _Asked(NamedTuple):
    """What was asked of a whole file: the schema to assume, readers to ask first, and what it may unpack to."""

    schema: str | None
    mapped: Sequence[Reader]
    budget: Budget


class _Place(NamedTuple):
    """Where a stream lies: its label, the layers around it, and the open file if it can be read out of order."""

    file: str
    layers: int = 0
    opened: BinaryIO | None = None


def records(
    stream: BinaryIO, file: str, schema: str | None, mapped: Sequence[Reader] = ()
) -> Iterator[Outcome]:
    """Everything in a stream. `schema` is the one to assume for every record, None to go by content.

    `mapped` are the readers of mapping files that somebody named: they are asked before all others.
    """
    budget = Budget()
    opened = stream if stream.seekable() else None
    yield from _stream(pieces_of(stream, budget), _Place(file, 0, opened), _Asked(schema, mapped, budget))


def _stream(pieces: Iterator[bytes], place: _Place, asked: _Asked) -> Iterator[Outcome]:
    """One stream: a layer is taken off, an archive opened, or its records are read."""
    head, pieces = peeked(pieces, limits.HEAD_BYTES)
    packed = next((kind for kind, magic in _PACKED.items() if magic.match(head)), None)
    archive = "zip" if _ZIP.match(head) else "tar" if packed is None and is_tar(head) else None
    if packed is None and archive is None:
        yield from _read(head, pieces, place, asked)
    elif place.layers >= limits.MAX_LAYERS:
        raw, whole = held(iter(Chunks(pieces)), MAX_RECORD_BYTES)
        why = f"packed into each other more than {limits.MAX_LAYERS} times: unpack it first"
        yield Quarantined(place.file, 0, why, raw if whole else b"")
    elif packed is not None:
        unpacked = gunzipped if packed == "gzip" else unzstd
        yield from _stream(unpacked(pieces, asked.budget), _Place(place.file, place.layers + 1), asked)
    else:
        yield from _archive(archive or "", pieces, place, asked)


_PACKED = {"gzip": _GZIP, "zstd": _ZSTD}


def _archive(kind: str, pieces: Iterator[bytes], place: _Place, asked: _Asked) -> Iterator[Outcome]:
    labels, empty = Labels(place.file), True
    try:
        for member in _members(kind, pieces, place, asked):
            if member.skipped == "folder":
                continue
            empty = False
            yield from _of_member(member, _Place(labels.of(member.name), place.layers + 1), asked)
    except (Broken, OSError) as exc:
        yield Quarantined(place.file, 0, reason(exc), b"")
        return
    if empty:
        yield Skipped(place.file, f"an empty {kind} archive")


def _members(kind: str, pieces: Iterator[bytes], place: _Place, asked: _Asked) -> Iterator[Member]:
    if kind == "tar":
        return tar_members(pieces, asked.budget)
    if place.opened is not None:
        return zip_members(place.opened, place.opened.seek(0, 2), asked.budget)
    raw, whole = held(pieces, limits.MAX_HELD_ARCHIVE_BYTES)
    if not whole:
        most = limits.MAX_HELD_ARCHIVE_BYTES // limits.MIB
        raise Broken(f"a zip archive of more than {most} MiB in a stream or another archive: unpack it first")
    return zip_members(BytesIO(raw), len(raw), asked.budget)


def _of_member(member: Member, place: _Place, asked: _Asked) -> Iterator[Outcome]:
    if member.skipped:
        yield Skipped(place.file, member.skipped)
    elif member.refused:
        yield Quarantined(place.file, 0, member.refused, b"")
    else:
        yield from _stream(member.content, place, asked)


def _read(head: bytes, pieces: Iterator[bytes], place: _Place, asked: _Asked) -> Iterator[Outcome]:
    """The records of a stream that is not packed."""
    chunks = Chunks(_without_mark(pieces) if head.startswith(_BOM) else pieces)
    head, content, file = head.removeprefix(_BOM), iter(chunks), place.file
    reader = reader_of(head, file, asked.schema, asked.mapped)
    if reader is None:
        yield from _by_kind(head, content, chunks, place, asked.schema)
    else:
        yield from reader.read(_whole_lines(content, chunks), file, asked.schema)
    if chunks.fault:
        yield Quarantined(file, 0, chunks.fault, chunks.rest)


def _look_further(content: Iterator[bytes]) -> None:
    """Unpack what nobody wanted as far as a bomb goes, so that one is told from a file of another kind."""
    left = limits.FREE_UNPACKED_BYTES + 2 * limits.CHUNK_BYTES
    while left > 0 and (piece := next(content, b"")):
        left -= len(piece)


def _without_mark(pieces: Iterator[bytes]) -> Iterator[bytes]:
    yield next(pieces, b"").removeprefix(_BOM)
    yield from pieces


def _by_kind(
    head: bytes, content: Iterator[bytes], chunks: Chunks, place: _Place, schema: str | None
) -> Iterator[Outcome]:
    file = place.file
    unread = next((why for magic, why in _UNREAD_FORMATS.items() if head.startswith(magic)), None)
    if not head.strip() and len(head) < limits.HEAD_BYTES:
        for _ in content:  # so that a fault is met
            pass
        if not chunks.fault:
            yield Skipped(file, "empty")
    elif schema == MAIL or (schema is None and starts_like_mail(head)):
        yield _mail(content, file)
    elif (reader := None if _is_json(head) and schema is None else reader_of(head, file, schema)) is not None:
        yield from reader.read(_whole_lines(content, chunks), file, schema)
    elif unread is not None:
        yield _refused(content, file, unread)
    elif schema is not None or _is_json(head) or _JSON_NAME.search(file):
        yield from (by_line if _is_lines(head) else document)(content, chunks, file, schema)
    elif _MAIL_NAME.search(file):
        yield _refused(content, file, "named .eml, but does not start with mail headers")
    else:
        if place.layers:
            _look_further(content)
        if not chunks.fault:
            yield Skipped(file, "binary, not a known format" if b"\x00" in head else "not a known format")


def _refused(content: Iterator[bytes], file: str, why: str) -> Quarantined:
    """A whole stream that is not read, with its bytes unless it is too large to be a record."""
    raw, whole = held(content, MAX_RECORD_BYTES)
    return Quarantined(file, 0, why, raw if whole else b"")


def _mail(content: Iterator[bytes], file: str) -> Outcome:
    raw, whole = held(content, MAX_RECORD_BYTES)
    if not whole:
        return Quarantined(file, 0, f"a mail larger than {MAX_RECORD_BYTES} bytes", b"")
    try:
        seen = view(raw, PARSERS[MAIL])
    except ValueError as exc:
        return Quarantined(file, 0, str(exc), raw)
    return Incoming(MAIL, PARSERS[MAIL], raw, file, 1, seen)


def _whole_lines(content: Iterator[bytes], chunks: Chunks) -> Iterator[bytes]:
    """The content, but for a line that a fault cut off: that is left over, never read as if it were whole."""
    kept = b""
    for piece in content:
        before, newline, after = (kept + piece).rpartition(b"\n")
        if newline or len(after) > MAX_RECORD_BYTES:
            yield before + newline
            kept = after
        else:
            kept = after
    if chunks.fault:
        chunks.rest = kept
    elif kept:
        yield kept


def _is_json(head: bytes) -> bool:
    """Does the content promise JSON, by its first bytes or most of its first lines?"""
    if STARTS_LIKE_JSON.match(head):
        return True
    starts = [line.startswith(b'{"') for line in head.split(b"\n") if line.strip()]
    return 2 * sum(starts) >= len(starts)


def is_plain_lines(head: bytes, file: str) -> bool:
    """JSON Lines that lie there as they are, not packed and for no other reader: any stretch of lines can be read alone."""
    packed = any(magic.match(head) for magic in _PACKED.values()) or _ZIP.match(head) or is_tar(head)
    if packed or head.startswith(_BOM) or starts_like_mail(head) or not _is_json(head):
        return False
    return reader_of(head, file, None, ()) is None and _is_lines(head)


def _is_lines(head: bytes) -> bool:
    """Is the first line an object of its own, with more to come?"""
    first, newline, rest = head.lstrip().partition(b"\n")
    return bool(newline and rest.strip()) and is_object(first)
