r"""Zeek's own log format, `zeek-tsv/1`: a header that names the columns, then lines of separated values.

A record is header and line together (`header "\n" line`), because a line means nothing without its header.
The view has the keys and values that Zeek writes as JSON, so that one dictionary fits both: unset fields
are absent, sets and vectors are lists, numbers are exact numbers, and bytes that are no text stay written
as `\x00`. Pure and linear; every refusal is a `ValueError`.

Source: Zeek's documentation, "Zeek Log Formats and Inspection" and the script `LogAscii`.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache

import msgspec

MAX_HEADER_BYTES = 64 * 1024
MAX_NUMBER_CHARS = 1000
MAX_EXPONENT = 1000

Read = Callable[[str], object]

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,9})?")
_NO_NUMBERS = frozenset({"nan", "inf", "-nan", "-inf"})
_MANY = re.compile(r"(?:set|vector|table)\[(\w+)\]")
_ODD = re.compile(r"[\\\x00-\x07\x0e-\x1f]")
_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(\\))")
_CONTROL = re.compile(r"[\x00-\x07\x0e-\x1f]")


class Header(msgspec.Struct, frozen=True):
    """What the header lines say: how values are separated, and the columns."""

    separator: str
    unset: str
    empty: str
    path: str
    columns: tuple[tuple[str, Read], ...]


def zeek_tsv_view(raw: bytes) -> dict[str, object]:
    """The document in a header and its line; raises `ValueError` with the reason if they make none."""
    head, newline, line = raw.rpartition(b"\n")
    if not newline or not head.startswith(b"#"):
        raise ValueError("not a Zeek log: no header before the line")
    header = _header(head) if len(head) <= MAX_HEADER_BYTES else _too_long()
    return _values(header, _text_of(line))


def _too_long() -> Header:
    raise ValueError(f"the header is longer than {MAX_HEADER_BYTES} bytes")


def _text_of(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as exc:
        raise ValueError("not a line of a Zeek log: not valid UTF-8") from exc


def _values(header: Header, line: str) -> dict[str, object]:
    cells = line.split(header.separator)
    if len(cells) != len(header.columns):
        raise ValueError(f"{len(cells)} values under a header of {len(header.columns)} columns")
    found: dict[str, object] = {"_path": header.path} if header.path else {}
    for (name, read), cell in zip(header.columns, cells, strict=True):
        if cell != header.unset:
            found[name] = read(cell)
    return found


@lru_cache(maxsize=64)
def _header(head: bytes) -> Header:
    said, separator = _said(_text_of(head))
    names = said.get("fields", [])
    types = said.get("types") or ["string"] * len(names)
    if not names or len(names) != len(types):
        raise ValueError("not a Zeek log: the header has no fields, or not as many types")
    if len(set(names)) < len(names):
        raise ValueError("not a Zeek log: the header names a field twice")
    unset, empty = _one(said, "unset_field", "-"), _one(said, "empty_field", "(empty)")
    between = _one(said, "set_separator", ",")
    columns = tuple((n, _reader(t, between, unset, empty)) for n, t in zip(names, types, strict=True))
    return Header(separator, unset, empty, _one(said, "path", ""), columns)


def _said(head: str) -> tuple[Mapping[str, list[str]], str]:
    """Name and values of each header line, and the separator; `#separator` itself is written with a space."""
    separator, said = "\t", {}
    for line in head.split("\n"):
        if not line.startswith("#"):
            raise ValueError("not a Zeek log: a line without # in the header")
        if line.startswith("#separator "):
            separator = _plain(line[len("#separator ") :].strip("\r")) or "\t"
        else:
            name, *values = line[1:].rstrip("\r").split(separator)
            said[name] = values
    return said, separator


def _one(said: Mapping[str, list[str]], name: str, default: str) -> str:
    return (said.get(name) or [default])[0] or default


def _reader(kind: str, between: str, unset: str, empty: str) -> Read:
    """How the cells of a column are read, by the type that the header gives it."""
    many = _MANY.fullmatch(kind)
    if many is None:
        return _single(kind, empty)
    read = _single(many[1], empty)
    return lambda cell: (
        [] if cell == empty else [None if one == unset else read(one) for one in cell.split(between)]
    )


def _single(kind: str, empty: str) -> Read:
    if kind in {"count", "int", "port"}:
        return _integer
    if kind in {"double", "interval", "time"}:
        return _decimal
    if kind == "bool":
        return _flag
    return lambda cell: "" if cell == empty else _plain(cell)


def _integer(cell: str) -> int:
    if len(cell) > MAX_NUMBER_CHARS or not _INTEGER.fullmatch(cell):
        raise ValueError("a whole number was expected, and it is none")
    return int(cell)


def _decimal(cell: str) -> object:
    if cell in _NO_NUMBERS:
        return cell
    if len(cell) > MAX_NUMBER_CHARS or not _NUMBER.fullmatch(cell):
        raise ValueError("a number was expected, and it is none")
    number = Decimal(cell)
    if not -MAX_EXPONENT <= number.adjusted() <= MAX_EXPONENT:
        raise ValueError("a number is out of range")
    return number


def _flag(cell: str) -> bool:
    if cell not in {"T", "F"}:
        raise ValueError("T or F was expected")
    return cell == "T"


def _plain(cell: str) -> str:
    r"""Text without Zeek's escapes; what is no text keeps them: `\x00` for a control byte or one that is no UTF-8."""
    if _ODD.search(cell) is None:
        return cell
    content = _ESCAPE.sub(_byte, cell.encode()).decode("utf-8", "backslashreplace")
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", content)


def _byte(found: re.Match[bytes]) -> bytes:
    return b"\\" if found[2] else bytes.fromhex(found[1].decode())
