"""A row of a table with its header: RFC 4180, in the spellings that exports use.

The bytes of such a record are the header, one LF and the row, both exactly as the file holds them. Its view is
an object of texts by column name.

- A cell in quotes may hold delimiters, line breaks and doubled quotes. After its closing quote only a
  delimiter or the end may come. A quote further on in a cell without quotes stands for itself.
- A column without a name is called by its number (`column 3`), a name that stands again gets one (`ip#2`).
- A row must have as many cells as the header. Nothing is trimmed, guessed or filled in.
"""

import csv
from collections.abc import Sequence

DELIMITERS = {",": "csv", ";": "csv-semicolon", "\t": "csv-tab", "|": "csv-pipe"}
"""The characters that may separate cells, and what the parsers of such tables are called."""

DIALECTS: dict[str, tuple[str, bool]] = {
    f"{name}{'' if quoted else '-bare'}/1": (delimiter, quoted)
    for delimiter, name in DELIMITERS.items()
    for quoted in (True, False)
}
"""Parser → its delimiter, and whether quotes group a cell."""


def parser_name(delimiter: str, *, quoted: bool) -> str:
    """The parser of such a table; raises `KeyError` for a delimiter that no parser knows."""
    return f"{DELIMITERS[delimiter]}{'' if quoted else '-bare'}/1"


def row_view(raw: bytes, parser: str) -> dict[str, str]:
    """The object in a header and a row; raises `ValueError` with the reason if they are not that."""
    found = rows(raw, *DIALECTS[parser])
    if len(found) != 2:
        raise ValueError(f"a header and one row are needed, not {len(found)} rows")
    return record(columns(found[0]), found[1])


def rows(raw: bytes, delimiter: str, quoted: bool) -> list[list[str]]:
    """The cells of every row; raises `ValueError` if these bytes are no table of that kind."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as exc:
        raise ValueError("not valid UTF-8") from exc
    lines = text.split("\n")
    if not quoted or ('"' not in text and "\r" not in text):
        return [line.split(delimiter) for line in lines]
    try:
        # Strict, so that text behind a closing quote and a quote without an end are errors.
        return list(csv.reader([line + "\n" for line in lines], delimiter=delimiter, strict=True))
    except csv.Error as exc:
        raise ValueError(f"not CSV: {exc}") from exc


def columns(names: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns, each different from all others."""
    found: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        given = name if name.strip() else f"column {number}"
        unique = given
        while unique in found:
            found[given] += 1
            unique = f"{given}#{found[given]}"
        found[unique] = 1
    return tuple(found)


def record(names: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """The cells by column; raises `ValueError` if they are not as many."""
    if len(cells) != len(names):
        raise ValueError(f"{len(cells)} cells, but the header has {len(names)} columns")
    return dict(zip(names, cells, strict=True))
