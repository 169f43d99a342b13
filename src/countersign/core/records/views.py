"""What a record says: the document that a named parser makes of its bytes, or of a text inside it.

- `view` reads a whole record, `embedded` a document that a string of a record holds.
- A parser is pure and total. It gives the exact content or none: `ValueError` from `view`, None from
  `embedded`. It never guesses, and never raises anything else.
- Numbers are `int` or `Decimal`, never floats. Depth and size are bounded.
- A parser never changes under its name; a better one gets a new number, because proofs name it.

Resolving pointers happens elsewhere.
"""

import re
from collections.abc import Callable
from decimal import Decimal
from xml.parsers import expat

import msgspec

from countersign.core.records.auditd import auditd_view
from countersign.core.records.csv_rows import DIALECTS, row_view
from countersign.core.records.mail import mail_view
from countersign.core.records.syslog import syslog_view
from countersign.core.records.zeek_tsv import zeek_tsv_view

MAX_RECORD_BYTES = 32 * 1024 * 1024
MAX_RECORD_DEPTH = 64
MAX_EMBEDDED_CHARS = 1024 * 1024
MAX_EMBEDDED_DEPTH = 32
MAX_NUMBER_CHARS = 1000
MAX_EXPONENT = 1000  # a bigger one is two bytes in the record and a gigabyte once written out

RECORD_PARSERS = ("json/1", "eml/1", "zeek-tsv/1", "syslog/1", "auditd/1", *DIALECTS)
EMBEDDED_PARSERS = ("json/1", "xml/1", "colon-pairs/1", "equals-pairs/1", "python/1")
PARSERS = tuple(dict.fromkeys(RECORD_PARSERS + EMBEDDED_PARSERS))


def is_record_parser(name: str) -> bool:
    """Can this parser read a whole record?"""
    return name in RECORD_PARSERS


def view(raw: bytes, parser: str) -> object:
    """The document in a record's bytes; raises `ValueError` with the reason if they hold none."""
    if len(raw) > MAX_RECORD_BYTES:
        raise ValueError(f"the record is longer than {MAX_RECORD_BYTES} bytes")
    if parser == "json/1":
        return _json(raw, MAX_RECORD_DEPTH)
    if parser == "eml/1":
        return mail_view(raw)
    if parser == "zeek-tsv/1":
        return zeek_tsv_view(raw)
    if parser == "syslog/1":
        return syslog_view(raw)
    if parser == "auditd/1":
        return auditd_view(raw)
    if parser in DIALECTS:
        return row_view(raw, parser)
    raise ValueError(f"no record parser is named {parser!r}")


def embedded(text: str, parser: str) -> object | None:
    """The document in a string of a record, or None if it holds none; raises `ValueError` for an unknown parser."""
    read = _EMBEDDED.get(parser)
    if read is None:
        raise ValueError(f"no embedded parser is named {parser!r}")
    if len(text) > MAX_EMBEDDED_CHARS:
        return None
    try:
        return read(text)
    except ValueError:
        return None


def _number(text: str) -> Decimal:
    if len(text) > MAX_NUMBER_CHARS:
        raise ValueError("a number is too long")
    number = Decimal(text)
    if not -MAX_EXPONENT <= number.adjusted() <= MAX_EXPONENT:
        raise ValueError("a number is out of range")
    return number


_decode_json = msgspec.json.Decoder(float_hook=_number).decode


def _json(raw: bytes | str, depth: int) -> object:
    """RFC 8259 JSON. Of a repeated key the last value stands, as in every parser that products use."""
    try:
        document = _decode_json(raw)
    except UnicodeError as exc:
        raise ValueError("not JSON: not valid UTF-8") from exc
    except RecursionError as exc:
        raise ValueError("not JSON: nested too deeply") from exc
    except ArithmeticError as exc:
        raise ValueError("not JSON: a number is out of range") from exc
    except ValueError as exc:
        raise ValueError(f"not JSON: {exc}") from exc
    if _brackets(raw) > depth and _is_deeper(document, depth):
        raise ValueError(f"nested deeper than {depth} levels")
    return document


def _brackets(raw: bytes | str) -> int:
    """An upper bound of the depth: cheap to count, and almost always low enough to settle it."""
    if isinstance(raw, str):
        return raw.count("{") + raw.count("[")
    return raw.count(b"{") + (raw.count(b"[") if b"[" in raw else 0)  # `in` is many times faster than a count


def _is_deeper(document: object, depth: int) -> bool:
    level = [document]
    for _ in range(depth):
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return any(isinstance(node, dict | list) for node in level)


def _children(node: object) -> list[object]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []


class _Element:
    """An XML element while its end tag has not come."""

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        # Windows event data: <Data Name="TargetUserName">x</Data> is read as the key TargetUserName.
        self.name = attributes.pop("Name") if name == "Data" and "Name" in attributes else name
        self.content: dict[str, object] = {f"@{key}": value for key, value in attributes.items()}
        self.text: list[str] = []

    def add(self, name: str, value: object) -> None:
        before = self.content.get(name)
        if name not in self.content:
            self.content[name] = value
        elif isinstance(before, list):
            before.append(value)
        else:
            self.content[name] = [before, value]

    def value(self) -> object:
        text = "".join(self.text)
        if not self.content:
            return text
        if text.strip():
            self.content["#text"] = text
        return self.content


class _Tree:
    """Elements to plain values: a leaf is its text; otherwise children by name, `@` attributes, `#text`."""

    def __init__(self) -> None:
        self.open = [_Element("", {})]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self.open) > MAX_EMBEDDED_DEPTH:
            raise ValueError("nested too deeply")
        kept = {key: value for key, value in attributes.items() if not key.startswith("xmlns")}
        self.open.append(_Element(name, kept))

    def end(self, _name: str) -> None:
        element = self.open.pop()
        self.open[-1].add(element.name, element.value())

    def data(self, text: str) -> None:
        self.open[-1].text.append(text)


_WRAPPER = "_"  # inside an element a document type is a syntax error, so nothing can define entities


def _xml(text: str) -> object:
    """XML, or several elements in a row, as `{name: value}`; a repeated name becomes a list. No document types."""
    tree = _Tree()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.data
    body = re.sub(r"\A\s*<\?xml[^>]{0,200}\?>", "", text)
    try:
        parser.Parse(f"<{_WRAPPER}>{body}</{_WRAPPER}>".encode(), True)
    except expat.ExpatError as exc:
        raise ValueError("not XML") from exc
    content = tree.open[0].content[_WRAPPER]
    if not isinstance(content, dict) or "#text" in content:
        raise ValueError("not XML: text outside of elements")
    return content


_COLON_KEY = re.compile(r"(?:\A|(?<=\s))([a-z][a-z0-9_]+):(?![/\\])")


def _colon_pairs(text: str) -> object:
    """`key:value key:value …` as SQL Server's audit writes it; values may hold spaces.

    Keys are lower-case words. A key that comes again is text of the value it stands in, so that what a
    later value quotes cannot replace an earlier field.
    """
    found: dict[str, re.Match[str]] = {}
    for match in _COLON_KEY.finditer(text):
        found.setdefault(match[1], match)
    marks = list(found.values())
    if not marks or text[: marks[0].start()].strip():
        raise ValueError("not key:value pairs")
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return {mark[1]: text[mark.end() : end].strip() for mark, end in zip(marks, ends, strict=True)}


_EQUALS_PAIR = re.compile(r"\s*([A-Za-z0-9_]+)=(.*)", re.DOTALL)


def _equals_pairs(text: str) -> object:
    """`SHA1=…,MD5=…` as Sysmon writes hashes; a part without `=` or a repeated key makes it unreadable."""
    pairs: dict[str, object] = {}
    for part in text.split(","):
        match = _EQUALS_PAIR.fullmatch(part)
        if match is None or match[1] in pairs:
            raise ValueError("not key=value pairs")
        pairs[match[1]] = match[2].strip()
    return pairs


_PYTHON_TOKEN = re.compile(
    r"""\s*(?:(?P<text>'[^'\\]*(?:\\.[^'\\]*)*'|"[^"\\]*(?:\\.[^"\\]*)*")"""
    r"""|(?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![\w.])|(?P<word>True|False|None)(?!\w)|(?P<mark>[\[\]{},:]))""",
    re.DOTALL,
)
_PYTHON_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|(.))", re.DOTALL
)
_PYTHON_SINGLE = {
    "\\": "\\", "'": "'", '"': '"', "n": "\n", "r": "\r", "t": "\t", "a": "\a", "b": "\b", "f": "\f", "v": "\v",
}  # fmt: skip
_PYTHON_WORDS = {"True": "true", "False": "false", "None": "null"}


def _python(text: str) -> object:
    """Python literals (dict with text keys, list, str, number, True, False, None), as `repr` writes them.

    Read token by token into JSON, never evaluated: `ast.literal_eval` would turn decimals into floats and
    can exhaust the C stack. Tuples, sets and bytes have no JSON form and make the text unreadable.
    """
    tokens: list[str] = []
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _PYTHON_TOKEN.match(text, position, end)
        if match is None:
            raise ValueError("not a Python literal")
        part = match[match.lastgroup or 0]
        if match.lastgroup == "text":
            part = _quoted(part[1:-1])
        elif part in "]}" and tokens[-1:] == [","] and tokens[-2:-1] != ["["]:
            tokens.pop()  # repr writes no trailing comma, people do
        tokens.append(_PYTHON_WORDS.get(part, part))
        position = match.end()
    return _json(" ".join(tokens), MAX_EMBEDDED_DEPTH)


def _quoted(inner: str) -> str:
    if "\n" in inner:
        raise ValueError("a Python string ends at the line")
    return msgspec.json.encode(_PYTHON_ESCAPE.sub(_unescaped, inner)).decode()


def _unescaped(match: re.Match[str]) -> str:
    digits = match[1] or match[2] or match[3]
    if digits or match[4]:
        return chr(int(digits, 16) if digits else int(match[4], 8))
    if match[5] not in _PYTHON_SINGLE:
        raise ValueError("not a Python escape")
    return _PYTHON_SINGLE[match[5]]


_EMBEDDED: dict[str, Callable[[str], object]] = {
    "json/1": lambda text: _json(text, MAX_EMBEDDED_DEPTH),
    "xml/1": _xml,
    "colon-pairs/1": _colon_pairs,
    "equals-pairs/1": _equals_pairs,
    "python/1": _python,
}
