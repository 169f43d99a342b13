r"""Rows of tables a second time: Zeek's own format and CSV, as `docs/formats/evidence.md` says they are kept.

Both records are a header, one LF and a row. A reader gives None where it does not trust itself: nothing is
then claimed of the record, and nothing can go wrong unseen.
"""

import re
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from oracle_values import nanoseconds

WHOLE = {"count", "int", "port"}
REAL = {"double", "interval", "time"}


def zeek_records(data: bytes) -> Iterator[bytes]:
    """Header and line of every record of a Zeek log."""
    head: list[bytes] = []
    for line in data.split(b"\n"):
        if line.startswith(b"#"):
            head = [*head, line] if not line.startswith((b"#separator", b"#close")) else [line]
        elif line:
            yield b"\n".join(head) + b"\n" + line


def read_zeek(raw: bytes) -> dict[str, object] | None:
    """The values of a line by the names of its header, unset ones left out."""
    try:
        *head, line = raw.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        return None
    said: dict[str, list[str]] = {}
    separator = "\t"
    for text in head:
        if text.startswith("#separator "):
            separator = bytes.fromhex(text.partition(r"\x")[2]).decode()
        else:
            name, *values = text[1:].split(separator)
            said[name] = values
    view: dict[str, object] = {"_path": said["path"][0]} if "path" in said else {}
    for name, kind, cell in zip(said["fields"], said["types"], line.split(separator), strict=True):
        if cell == said["unset_field"][0]:
            continue
        value = zeek_value(cell, kind, said["set_separator"][0], said["empty_field"][0])
        if value is None:
            return None
        view[name] = value
    return view


def zeek_value(cell: str, kind: str, between: str, empty: str) -> object:
    """A cell by its type; None for what this reader leaves alone (escapes of bytes that are no plain text)."""
    if kind.endswith("]"):
        inner = kind[kind.index("[") + 1 : -1]
        items = (
            [] if cell == empty else [zeek_value(part, inner, between, empty) for part in cell.split(between)]
        )
        return None if None in items else items
    if kind in WHOLE:
        return int(cell)
    if kind in REAL:
        try:
            return Decimal(cell)
        except InvalidOperation:
            return None
    if kind == "bool":
        return {"T": True, "F": False}.get(cell)
    if cell == empty:
        return ""
    plain = re.sub(r"\\x2[cC]", ",", cell)
    return None if "\\" in plain else plain


def csv_records(data: bytes) -> Iterator[bytes]:
    """Header and row of every record of a table without line breaks in its cells."""
    header, *rows = data.replace(b"\r\n", b"\n").split(b"\n")
    for row in rows:
        if row:
            yield header + b"\n" + row


def read_csv(raw: bytes, delimiter: str = ",") -> dict[str, object] | None:
    """The cells of a row by the names of the header; both read sign by sign."""
    header, _, row = raw.decode("utf-8").partition("\n")
    names, cells = split_row(header, delimiter), split_row(row, delimiter)
    if names is None or cells is None or len(names) != len(cells) or len(set(names)) != len(names):
        return None
    return dict(zip(names, cells, strict=True))


def split_row(row: str, delimiter: str) -> list[str] | None:
    """The cells of one row, RFC 4180; None where a quote stands in an odd place."""
    cells, cell, quoted, closed = [], "", False, False
    for sign in row:
        if quoted:
            quoted, closed = sign != '"', sign == '"'
            cell += sign if quoted else ""
        elif sign == '"' and closed:  # doubled
            cell, quoted, closed = cell + '"', True, False
        elif sign == '"' and cell == "":
            quoted = True
        elif sign == delimiter:
            cells.append(cell)
            cell, closed = "", False
        elif closed or sign == '"':
            return None
        else:
            cell += sign
    return None if quoted else [*cells, cell]


def written_as_zeek(view: dict[str, object]) -> bytes | None:
    """A flat JSON record of Zeek as its ASCII writer would put it; None for one that this writer leaves alone."""
    flat = dict(flattened(view, ""))
    path = flat.pop("_path", None)
    kinds = {name: zeek_kind(value) for name, value in flat.items()}
    if None in kinds.values() or not isinstance(path, str) or not flat:
        return None
    head = [
        r"#separator \x09",
        "#set_separator\t,",
        "#empty_field\t(empty)",
        "#unset_field\t-",
        f"#path\t{path}",
        "\t".join(["#fields", *flat]),
        "\t".join(["#types", *map(str, kinds.values())]),
    ]
    cells = [zeek_cell(value, str(kinds[name])) for name, value in flat.items()]
    if any(re.search(r"[^ -~]|\\", cell) for cell in cells):
        return None
    return "\n".join([*head, "\t".join(cells)]).encode()


def flattened(view: dict[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    for name, value in view.items():
        if isinstance(value, dict):
            yield from flattened(value, f"{prefix}{name}.")
        elif value is not None:
            yield prefix + name, value


def zeek_kind(value: object) -> str | None:
    if isinstance(value, list):
        kinds = {zeek_kind(item) for item in value} or {"string"}
        inner = kinds.pop()
        commas = any("," in str(item) or item == "" for item in value)
        return None if kinds or inner is None or commas else f"vector[{inner}]"
    if isinstance(value, str) and nanoseconds(value) is not None:
        return "time"
    simple = {bool: "bool", int: "count", float: "double", Decimal: "double", str: "string"}
    return simple.get(type(value))


def zeek_cell(value: object, kind: str) -> str:
    if isinstance(value, list):
        return ",".join(zeek_cell(item, kind[7:-1]) for item in value) or "(empty)"
    if kind == "time":
        ns = nanoseconds(str(value)) or 0
        return f"{ns // 10**9}.{ns % 10**9:09d}"
    if isinstance(value, bool):
        return "T" if value else "F"
    return "(empty)" if value == "" else str(value)
