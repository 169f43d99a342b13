"""Undoing what writers do to make an indicator harmless, and what URLs do to hide one inside another.

- Defanging: `hxxp://`, `evil[.]example`, `(dot)`, `{at}`, `http[:]//` and their kin.
- Percent escapes of ASCII characters, at any depth (`%2F`, `%252F`). Those that stand for a space, a quote or
  a bracket become `BREAK`: an end for what stands beside them, none for the URL they stand in.

Bytes are UTF-8. Each change is noted, so that a place in the plain text can be told in the original.
Linear in the text: one pass of an automaton, one of copying.
"""

import re
from bisect import bisect_right
from functools import lru_cache
from typing import Any

import msgspec
import re2

BREAK = b"\x01"
PERCENT = ord("%")

_BYTES = re2.Options()
_BYTES.encoding = re2.Options.Encoding.LATIN1
_BYTES.max_mem = 64 << 20  # bytes, for the states of one automaton; too few, and it is built again and again


_ANYWHERE = re2._Anchor.UNANCHORED  # noqa: SLF001


def automaton(pattern: str) -> "re2._Regexp":
    r"""A linear-time expression over bytes; `\x80-\xff` stand for the parts of all other characters."""
    return re2.compile(pattern.encode("latin-1"), _BYTES)


def first_span(wanted: "re2._Regexp", data: bytes) -> tuple[int, int] | None:
    """Where an automaton first matches; without the match object that `search` makes, half of a short call."""
    span: tuple[int, int] = wanted._regexp.Match(_ANYWHERE, data, 0, len(data))[0]  # noqa: SLF001
    return None if span[0] < 0 else span


def spans(wanted: "re2._Regexp", data: bytes) -> list[tuple[int, int]]:
    """Where an automaton that never matches the empty string matches, in order."""
    match, end = wanted._regexp.Match, len(data)  # noqa: SLF001 (as above)
    found: list[tuple[int, int]] = []
    span = match(_ANYWHERE, data, 0, end)[0]
    while span[0] >= 0:
        found.append(span)
        span = match(_ANYWHERE, data, span[1], end)[0]
    return found


_OPEN, _CLOSE = r"[\[({<]", r"[\])}>]"
_DEFANG = "|".join(
    (
        r"(?i)\bh(?:xx|\*\*|xt|tx|xxt)ps?\b|\bh\*\*ps?|\bfxps?\b",
        rf"[ \t]?{_OPEN}(?:\.|dot|punkt|punto){_CLOSE}[ \t]?",
        rf"[ \t]?{_OPEN}(?:@|at){_CLOSE}[ \t]?",
        rf"{_OPEN}(?::/{{0,2}}|//?){_CLOSE}",
        r"\[\.|\.\]",
        r"\\/",
        "\xe3\x80\x82|\xef\xbc\x8e|\xef\xbd\xa1",  # the full stops of wide scripts
    )
)
_DEFANGED = automaton(_DEFANG)
_ESCAPE = "%(?:25)*[2-7][0-9a-f]|%(?:25)*0[9ad]"
_CHANGED = automaton(_DEFANG + "|" + _ESCAPE)
_ESCAPED = re.compile(_ESCAPE.encode(), re.IGNORECASE)
"""As the automaton has it; never goes back more than one `25`, so linear as well."""
_WORD = frozenset(byte for byte in range(256) if byte >= 0x80 or chr(byte).isalnum() or byte in b"_-")
_DELIMITERS = frozenset(b"\t\n\r \"'<>`{}|\\^\x7f")
_STANDS_FOR = {
    pair.encode(): BREAK if value in _DELIMITERS else bytes((value,))
    for value in range(0x80)
    for pair in {f"{value:02x}", f"{value:02X}"}
}


class Plain(msgspec.Struct, frozen=True, gc=False):
    """Text without disguise: its bytes, and where each change ends in it and in the original."""

    data: bytes
    ends: tuple[int, ...] = ()
    shifts: tuple[int, ...] = ()
    widths: tuple[int, ...] = ()

    def original(self, place: int, *, end: bool) -> int:
        """The place in the original; one inside a change is its start, or its `end`."""
        ends = self.ends
        index = bisect_right(ends, place - end)
        shift = self.shifts[index - 1] if index else 0
        if index < len(ends) and place > (start := ends[index] - self.widths[index]):
            return ends[index] + self.shifts[index] if end else start + shift
        return place + shift

    def is_changed(self, start: int, end: int) -> bool:
        """Was something between the two places undone?"""
        return bool(self.ends) and bisect_right(self.ends, start) < bisect_right(self.ends, end)


def plain(raw: bytes) -> Plain:
    """The text with defanging and percent escapes undone."""
    if PERCENT in raw and _ESCAPED.search(raw) is not None:
        return _rewritten(raw, _ESCAPED if first_span(_DEFANGED, raw) is None else _CHANGED)
    return Plain(raw) if first_span(_DEFANGED, raw) is None else _rewritten(raw, _DEFANGED)


def refanged(raw: bytes) -> bytes:
    """The text with defanging undone; percent escapes stay."""
    return raw if first_span(_DEFANGED, raw) is None else _rewritten(raw, _DEFANGED).data


def _rewritten(raw: bytes, wanted: Any) -> Plain:
    parts: list[bytes] = []
    ends: list[int] = []
    shifts: list[int] = []
    widths: list[int] = []
    done = length = 0
    places = (
        spans(wanted, raw) if wanted is not _ESCAPED else [found.span() for found in _ESCAPED.finditer(raw)]
    )
    for start, end in places:
        new = _STANDS_FOR[raw[end - 2 : end]] if raw[start] == PERCENT else _meant(raw, start, end)
        if new is None:
            continue
        parts += (raw[done:start], new)
        length += start - done + len(new)
        done = end
        ends.append(length)
        shifts.append(done - length)
        widths.append(len(new))
    parts.append(raw[done:])
    return Plain(b"".join(parts), tuple(ends), tuple(shifts), tuple(widths))


def _meant(raw: bytes, start: int, end: int) -> bytes | None:
    """What a piece stands for; None when it stands for itself."""
    new, only = _meaning(raw[start:end])
    before = start > 0 and raw[start - 1] in _WORD
    if only == "between words":
        return new if before and end < len(raw) and raw[end] in _WORD else None
    if only == "in a URL":
        return new if before or raw[start - 1 : start] in {b":", b"/"} else None
    return new


@lru_cache(maxsize=1024)
def _meaning(piece: bytes) -> tuple[bytes, str]:
    r"""What a piece stands for, and where only; the slashes of JSON text are those of `http:\/\/host\/path`."""
    piece = piece.strip().lower()
    if piece.startswith((b"h", b"f")):
        return (b"ftp" if piece[:1] == b"f" else b"http") + (b"s" if piece[-1:] == b"s" else b""), ""
    if piece == b"\\/":
        return b"/", "in a URL"
    inner = piece.strip(b"[](){}<>")
    if inner in {b"@", b"at"}:
        return b"@", "between words"
    return (inner, "") if inner.startswith((b":", b"/")) else (b".", "between words")
