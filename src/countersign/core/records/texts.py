r"""What free text mentions: URLs, domains, addresses, hashes, CVE ids, paths and registry keys.

- For text whose schema gives no type; a typed field needs no search.
- Defanged forms count, and values behind URL escapes; the value is told as it was before (`refang.py`).
- A domain has a suffix of the Public Suffix List below it or a scheme before it. `System.IO`, `install.sh` and
  `Chrome/120.0.0.1` look alike and are none.
- Everything is linear in the text: one automaton finds candidates, each is then judged on its own bytes.

A mention is what somebody wrote, no more: it joins no records and decides nothing.
"""

import re
from functools import lru_cache
from itertools import pairwise
from typing import Any

import msgspec

from countersign.core.records.names import is_domain, top_levels
from countersign.core.records.refang import BREAK, Plain, automaton, first_span, plain, refanged, spans
from countersign.core.records.tokens import (
    AUTHORITY_END,
    FOUR,
    HOLDS,
    HOST,
    hash_of,
    led_to,
    name_of,
    simple_url,
    six_of,
    trimmed,
)

MAX_RUN = 300
"""Longest run of letters, digits and dots that may hold a name, in bytes; names have at most 253."""

TYPES = frozenset("url domain ip cidr email md5 sha1 sha256 sha512 imphash cve path registry_key".split())


class Mention(msgspec.Struct, frozen=True, gc=False):
    """One value that a text names: its first place, in code points, `end` exclusive.

    `within` is `url`, `email` or `path` where the value stands only as a part of one.
    """

    type: str
    value: str
    start: int
    end: int
    within: str = ""


# Letters of other scripts in UTF-8; not its spaces, quotes, dashes and signs, which end a name.
_LETTER = r"[\xc3-\xdf][\x80-\xbf]|[\xe0\xe1\xe4-\xee][\x80-\xbf]{2}|\xe2[\xb0-\xbf][\x80-\xbf]|\xe3[\x81-\xbf][\x80-\xbf]"
_W = rf"(?:[A-Za-z0-9_]|{_LETTER})"
_WD = rf"(?:[A-Za-z0-9_-]|{_LETTER})"
_DOTTED = rf"{_W}{_WD}*(?:\.{_WD}+)+"
_EMAIL = rf"{_W}(?:[A-Za-z0-9_.+-]|{_LETTER})*@(?:\[\d{{1,3}}(?:\.\d{{1,3}}){{3}}\]|{_DOTTED})"
_HEX = r"\b[0-9A-Fa-f]{32,128}\b"
_H = r"[0-9A-Fa-f]{1,4}"
_V4 = r"\d{1,3}(?:\.\d{1,3}){3}"
_IPV6 = (  # with `::`, or whole: a time of day is no candidate
    rf"(?:\b{_H}(?::{_H}){{0,6}})?::(?:(?:{_H}:){{0,6}}(?:{_V4}|{_H})\b)?(?:/\d{{1,3}}\b)?"
    rf"|\b(?:{_H}:){{6}}(?:{_V4}|{_H}:{_H})(?:/\d{{1,3}})?\b"
)
_CVE = r"\b(?i:CVE)(?:[-_ ]|\xe2\x80[\x90-\x94])\d{4}(?:-|\xe2\x80[\x90-\x94])\d{4,19}\b"
_URL_CHAR = r"[^\x00\x02-\x20\x7f\"'<>`{}|\\^]"
_SCHEME = r"(?:https?|ftps?|sftp|tftp|ssh|smb|wss?|ldaps?|rtsp|tcp|udp|file|git|ipfs|telnet|rdp|mongodb|mysql|s3|gs|irc)"
_URL = rf"\b(?i:{_SCHEME})://{_URL_CHAR}+"
_HIVE = (
    r"(?:<?\b(?i:HK(?:LM|CU|CR|U|CC|EY_(?:LOCAL_MACHINE|CURRENT_USER|CLASSES_ROOT|USERS|CURRENT_CONFIG)))>?:?"
    r"|\\(?i:REGISTRY\\(?:MACHINE|USER)))"
)
_RS = r"[^\s\\\"'<>|,;\x01]+"
_KEY = rf"{_HIVE}(?:\\+{_RS}(?: {_RS}){{0,4}})*\\+{_RS}"
_PS = r"[^\s\\/:*?\"'<>|,;\x01]+"
_WINDOWS = rf"(?:\b[A-Za-z]:|\\\\[A-Za-z0-9_.$?-]+|%[A-Za-z()0-9_]+%)\\+(?:{_PS}(?: (?:[A-Z0-9(&-]|and )[^\s\\/:*?\"'<>|,;\x01]*){{0,4}}\\+)*(?:{_PS})?"
_US = r"[A-Za-z0-9_\x80-\xff.@%+~-]"
_UNIX = rf"(?:^|[\s\"'(=,;:<>\[|\x01`])(?:~|\.\.?)?/(?:{_US}+(?: [A-Z]{_US}*)*/)+{_US}*"
_REST = r"(?::\d{1,5}\b)?(?:/[^\x00\x02-\x20\x7f\"'<>`{}|\\^,;]*)?"
_FOURS = r"\b\d{1,3}(?:\.\d{1,3}){3}\b"


class _Automata(msgspec.Struct, frozen=True):
    """One expression for everything, one without paths and keys, one for what stands inside a URL."""

    whole: Any
    lean: Any
    inner: Any


def _compiled(*names: str) -> _Automata:
    lean = (_URL, _EMAIL, _IPV6, _CVE, *(name + _REST for name in names), _HEX)
    return _Automata(
        automaton("|".join((_KEY, _WINDOWS, _UNIX, *lean))),
        automaton("|".join(lean)),
        automaton("|".join((_EMAIL, _IPV6, *names, _HEX))),
    )


@lru_cache(maxsize=1)
def _quick() -> _Automata:
    """Compiled at the first text: a name must end in a label that the suffix list knows, so most files are none."""
    known = [label.encode().decode("latin-1") for label in top_levels()]
    plain_ends = "|".join(label for label in known if label.isascii())
    other_ends = "|".join(label for label in known if not label.isascii())
    name = rf"{_W}{_WD}*(?:\.{_WD}+)*\.(?:(?i:{plain_ends})\b|{other_ends})"
    return _compiled(name, _FOURS)


@lru_cache(maxsize=1)
def _steady() -> _Automata:
    """For texts with runs longer than a name: each is taken whole, or every restart would read it again."""
    return _compiled(_DOTTED)


_RUN = automaton(rf"[A-Za-z0-9_\x80-\xff.-]{{{MAX_RUN}}}")


def _automata(data: bytes) -> _Automata:
    return (
        _steady()
        if len(data) > MAX_RUN and _has_long_words(data) and first_span(_RUN, data) is not None
        else _quick()
    )


def _has_long_words(data: bytes) -> bool:
    """Are there MAX_RUN bytes without a space? From each space on, the last one that near is looked for."""
    at = 0
    while len(data) - at >= MAX_RUN:
        at = data.rfind(b" ", at, at + MAX_RUN) + 1
        if not at:
            return True
    return False


_HIVE_START = automaton(r"[ ]" + _HIVE + r"\\")

_BREAK, _AT, _DOT, _HYPHEN, _SLASH, _BACKSLASH, _PERCENT = (
    b"\x01@.-/\\%"  # `in` asks for a byte faster as a number
)
_LONG_HEX = re.compile(rb"(?<![0-9A-Za-z])[0-9A-Fa-f]{32,128}+(?![0-9A-Za-z])")
_IMPHASH = re.compile(rb"imp(?:ort )?hash\W{0,12}$", re.IGNORECASE)
_DIGITS = frozenset(b"0123456789.")
_PRODUCT = re.compile(rb"(?:[A-Z][\w.]*/|\bv|\bversion[ :=]{0,2})$", re.IGNORECASE)
_REQUEST = re.compile(rb"\b(?:GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH) ?$")
_INSIDE = frozenset(
    "local lan corp internal intranet home localdomain example test invalid localhost".split()
)
_ORDINARY = bytes(byte for byte in range(256) if byte >= 0x80 or chr(byte).isalnum() or byte in b"._-")
_VERSION = frozenset({b"/", b"v", b"V", b" ", b":", b"="} | {b"n", b"N"})
_GOES_ON = re.compile(rb"[.-][\w\x80-\xff]")
_ASCII_NAME = re.compile(rb"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)++")
_LEADS = frozenset(bytes((mark,)) for mark in b"=@,:;&?\x01")
_BESIDE = re.compile(rb"[\w:]")
_PREFIX = re.compile(rb"[12]?\d|3[0-2]")
_HIVE_FIRST = re.compile(rb"<?HK|\\REGISTRY\\", re.IGNORECASE)
_MARKS = re.compile(rb"^<?([A-Za-z_]+)>?:?\\+")
_SLASHES = re.compile(rb"\\+")


def mentions(text: str, *, paths: bool = True) -> tuple[Mention, ...]:
    """The distinct values a text names, in the order of their first places; `paths` with registry keys if wanted."""
    if "." not in text and ":" not in text and "\\" not in text and len(text) < 13:
        return ()
    return _Search(text).found(paths=paths)


class _Search:
    """One text while it is searched."""

    __slots__ = ("_ascii", "_automata", "_bytes", "_chars", "_found", "_plain", "_raw")

    def __init__(self, text: str) -> None:
        raw = text.encode("utf-8", "replace")
        if _BREAK in raw:
            raw = raw.replace(b"\x01", b" ")
        self._raw = raw
        self._ascii = len(raw) == len(text)
        self._bytes = self._chars = 0
        self._plain: Plain = plain(raw)
        self._automata = _automata(self._plain.data)
        self._found: dict[tuple[str, str], Mention] = {}

    def found(self, *, paths: bool) -> tuple[Mention, ...]:
        data = self._plain.data
        wanted = self._automata.whole if paths else self._automata.lean
        for start, end in spans(wanted, data):
            token = data[start:end]
            if token.translate(None, _ORDINARY):
                rows = simple_url(token) if token[:4] == b"http" and not self._plain.ends else ()
                for kind, value, first, last, within in rows:
                    self._add(kind, value, start + first, start + last, within)
                if not rows:
                    self._judge(data, start, end)
            elif _DOT in token:
                self._bare(data, start, token)
            elif token[:3].upper() == b"CVE":
                self._add("cve", "CVE-" + "-".join(re.findall(r"\d+", token.decode())), start, end)
            else:
                self._hash(data, start, end)
        return tuple(self._found.values())

    def _judge(self, data: bytes, start: int, end: int) -> None:
        """Which kind a candidate with a mark in it is, by its first bytes and its marks."""
        token = data[start:end]
        if _BACKSLASH in token:
            self._backslashed(data, start, end)
        elif not _is_word(token):
            self._unix(data, start, end)
        elif token.find(b"://") >= 0:
            self._url(data, start, end)
        elif _AT in token and _SLASH not in token:
            self._email(data, start, end)
        elif token.count(b":") > 1:
            self._six(data, start, end)
        elif _DOT in token:
            self._dotted(data, start, end)
        else:
            self._add("cve", "CVE-" + "-".join(re.findall(r"\d+", token.decode())), start, end)

    def _bare(self, data: bytes, start: int, name: bytes, within: str = "") -> None:
        """A dotted name with nothing beside it, by far the most of all candidates."""
        end = start + len(name)
        known = name_of(name)
        if known.is_numbers:
            if known.is_four and self._is_four(data, start, name):
                self._add("ip", known.value, start, end, within)
        elif known.is_domain and self._is_name(data, start, name, within=within):
            self._add("domain", known.value, start, end, within)
        elif known.may_hold:
            self._named_by_hash(data, start, end, within)
            self._range(start, name, within)
            for part in (
                _ASCII_NAME.finditer(name) if not name.isascii() else ()
            ):  # in a script without spaces
                if part.group() != name:
                    self._bare(data, start + part.start(), part.group(), within)

    def _url(self, data: bytes, start: int, end: int) -> None:
        token = trimmed(data[start:end])
        mark = token.find(b"://")
        if self._plain.ends and self._is_escaped(start, start + mark + 3):
            token = trimmed(token[: self._end_of_escaped(token, start)])
            mark = token.find(b"://")
        if mark < 0:  # its escapes end it before the scheme: what comes first is a name of its own
            self._dotted(data, start, start + len(token))
            self._inside(data, start + len(token), end, strict=False)
            return
        at = mark + 3
        ends = AUTHORITY_END.search(token, at)
        over = len(token) if ends is None else ends.start()
        authority = token[at:over]
        host = authority.rpartition(b"@")[2] if _AT in authority else authority
        if not HOST.fullmatch(host):
            self._inside(data, start + at, start + len(token), strict=False)
            return
        end = start + len(token)
        self._add("url", self._as_written(start, end), start, end)
        self._host(host, start + over - len(host), "url")
        if ends is not None:
            self._inside(data, start + over, end)

    def _is_escaped(self, start: int, end: int) -> bool:
        if not self._plain.is_changed(start, end):
            return False
        first, last = self._plain.original(start, end=False), self._plain.original(end, end=True)
        return _PERCENT in self._raw[first:last]

    def _end_of_escaped(self, token: bytes, start: int) -> int:
        """Where an escaped URL ends: at what its own escapes stand for, or at an `&` that is not escaped itself."""
        end = len(token.partition(BREAK)[0])
        at = token.find(b"&", 0, end)
        while at >= 0 and self._plain.is_changed(start + at, start + at + 1):
            at = token.find(b"&", at + 1, end)
        return end if at < 0 else at

    def _as_written(self, start: int, end: int) -> str:
        """The original bytes, percent escapes and all, without defanging."""
        if not self._plain.ends:
            return self._raw[start:end].decode()
        first, last = self._plain.original(start, end=False), self._plain.original(end, end=True)
        written = refanged(self._raw[first:last]).strip()
        if (
            _PERCENT in written.partition(b"//")[0] and b"://" in self._plain.data[start:end]
        ):  # escaped as a whole
            written = self._plain.data[start:end]
        return written.decode(errors="replace")

    def _host(self, host: bytes, start: int, within: str) -> None:
        """The name or address a URL, a mail address or a share leads to."""
        name, kind, value = led_to(host)
        if kind:
            start += host.index(name)
            self._add(kind, value, start, start + len(name), within)

    def _inside(self, data: bytes, start: int, end: int, *, strict: bool = True) -> None:
        """What a path or query holds; where URLs have file names, a name counts only behind `//`, `=` and the like."""
        held = data[start:end]
        if strict and HOLDS.search(held) is None:
            return
        for begin, over in spans(self._automata.inner, held):
            first, last = begin + start, over + start
            token, before = data[first:last], data[first - 1 : first]
            if _AT in token and before not in {b":", b"/"}:
                self._email(data, first, last, "url")
            elif _AT in token:
                self._host(token.rpartition(b"@")[2], last - len(token.rpartition(b"@")[2]), "url")
            elif token.count(b":") > 1:
                self._six(data, first, last, "url")
            elif _DOT not in token:
                self._hash(data, first, last, "url")
            elif not strict or before in _LEADS or data[first - 2 : first] == b"//":
                self._dotted(data, first, last, "url")
            else:
                self._named_by_hash(data, first, last, "url")

    def _email(self, data: bytes, start: int, end: int, within: str = "") -> None:
        token = data[start:end]
        local, _, domain = token.rpartition(b"@")
        name = domain.decode().lower()
        numbered = domain[:1] == b"[" and FOUR.fullmatch(name[1:-1])
        if numbered or is_domain(name) or name.rpartition(".")[2] in _INSIDE:
            self._add("email", token.decode().lower(), start, end, within)
            within = "email"
        self._host(domain, start + len(local) + 1, within)

    def _six(self, data: bytes, start: int, end: int, within: str = "") -> None:
        if data[start - 1 : start] == b":" or _BESIDE.match(data, end):
            return
        kind, value, length = six_of(data[start:end])
        if kind:
            self._add(kind, value, start, start + length, within)

    def _dotted(self, data: bytes, start: int, end: int, within: str = "") -> None:
        """An address or a domain with a port or a path: a URL whose scheme was left out."""
        token = data[start:end]
        head, slash, rest = token.partition(b"/")
        name = head.partition(b":")[0]
        if not rest:
            self._bare(data, start, name, within)
            return
        numbered = _DIGITS.issuperset(name)
        cidr = numbered and _PREFIX.fullmatch(rest) is not None
        is_url = within != "url" and not cidr
        good = (
            self._is_four(data, start, name)
            if numbered
            else self._is_name(data, start, name, path=True, within=within)
        )
        cut = trimmed(token)
        if good and is_url and len(cut) > len(head) + 1:
            within, last = "url", start + len(cut)
            self._add("url", self._as_written(start, last), start, last)
        if good and cidr:
            self._add("cidr", (name + slash + rest).decode(), start, end, within)
        elif good:
            kind = "ip" if numbered else "domain"
            self._add(kind, name.decode().lower(), start, start + len(name), within)
        self._inside(data, start + len(head), end, strict=good)

    def _is_four(self, data: bytes, start: int, name: bytes) -> bool:
        """Is it an IPv4 address, and not the version of a product?"""
        end = start + len(name)
        longer = data[start - 1 : start] == b"." or (
            data[end : end + 1] == b"." and data[end + 1 : end + 2].isdigit()
        )
        if longer or not name_of(name).is_four:
            return False
        version = (
            start and data[start - 1 : start] in _VERSION and _PRODUCT.search(data, max(0, start - 24), start)
        )
        return not version

    def _range(self, start: int, name: bytes, within: str) -> None:
        """`192.0.2.1-192.0.2.9` names two addresses."""
        for part in name.split(b"-") if _HYPHEN in name else ():
            if FOUR.fullmatch(part.decode(errors="replace")):
                self._add("ip", part.decode(), start, start + len(part), within)
            start += len(part) + 1

    def _is_name(self, data: bytes, start: int, name: bytes, *, path: bool = False, within: str = "") -> bool:
        """Is it a domain, and not a file, a field or a piece of code?"""
        known = name_of(name)
        if not known.is_domain:
            return False
        end = start + len(name)
        after = data[end : end + 1]
        if _GOES_ON.match(data, end) or (after >= b"\x80" and not name.isascii()):
            return False
        if within or after == b":" or self._plain.is_changed(start, end):
            return True  # somebody took the trouble to say that it is one
        before = data[start - 1 : start]
        placed = before == b"$" or (before in {b"\\", b"/"} and data[start - 2 : start - 1] != before)
        return known.is_typed and (path or not known.is_filed) and not placed and after != b"("

    def _named_by_hash(self, data: bytes, start: int, end: int, within: str) -> None:
        """A file whose name is its hash."""
        if end - start > 32:
            for found in _LONG_HEX.finditer(data, start, end):
                self._hash(data, *found.span(), within)

    def _hash(self, data: bytes, start: int, end: int, within: str = "") -> None:
        kind, value = hash_of(data[start:end])
        if kind == "md5" and data[max(0, start - 32) : start].lower().find(b"hash") >= 0:
            kind = "imphash" if _IMPHASH.search(data, max(0, start - 32), start) else "md5"
        if kind:
            self._add(kind, value, start, end, within)

    def _unix(self, data: bytes, start: int, end: int) -> None:
        if data[start : start + 1] not in {b"/", b"~", b"."}:
            start += 1
        token = trimmed(data[start:end]).rstrip(b"/")
        end = start + len(token)
        if token.count(b"/") > 1 and not _REQUEST.search(data, max(0, start - 12), start):
            self._add("path", token.decode(errors="replace"), start, end)
        self._named_by_hash(data, start, end, "path")

    def _backslashed(self, data: bytes, start: int, end: int) -> None:
        token = data[start:end]
        if token[:1] in b"\\<Hh" and _HIVE_FIRST.match(token):
            places = [0, *(found.start() + 1 for found in _HIVE_START.finditer(token)), len(token)]
            for first, last in pairwise(places):
                key = trimmed(token[first:last].rstrip())
                value = _SLASHES.sub(rb"\\", _MARKS.sub(rb"\1\\", key, count=1))
                self._add(
                    "registry_key", value.decode(errors="replace"), start + first, start + first + len(key)
                )
            return
        token = trimmed(token).rstrip(b"\\")
        share = token[:2] == b"\\\\"
        value = token[:2] * share + _SLASHES.sub(rb"\\", token[2 * share :].lstrip(b"\\") if share else token)
        if _BACKSLASH in value[2 * share :]:
            self._add("path", value.decode(errors="replace"), start, start + len(token))
        if share:
            host = token.lstrip(b"\\").partition(b"\\")[0]
            self._host(host, start + len(token) - len(token.lstrip(b"\\")), "path")
        self._named_by_hash(data, start, start + len(token), "path")

    def _add(self, kind: str, value: str, start: int, end: int, within: str = "") -> None:
        known = self._found.get((kind, value))
        if known is not None and (within or not known.within):
            return
        if self._plain.ends:
            start, end = self._plain.original(start, end=False), self._plain.original(end, end=True)
        if not self._ascii:
            start, end = self._point(start), self._point(end)
        self._found[kind, value] = Mention(kind, value, start, end, within)

    def _point(self, place: int) -> int:
        """Code points before a byte of the original; counted on from the last place, so linear for all together."""
        low, high = sorted((place, self._bytes))
        points = len(self._raw[low:high].decode(errors="ignore"))
        self._chars += points if place >= self._bytes else -points
        self._bytes = place
        return self._chars


def _is_word(token: bytes) -> bool:
    """Does it start like a name or an address, and not like a Unix path or the mark before one?"""
    first = token[:1]
    return token[:2] == b"::" or first.isalnum() or first == b"_" or first >= b"\x80"
