"""Citations followed by hand: file and line to bytes, bytes to digest, pointer to value, value to what was shown.

It shares no line with the product: the standard library's readers, those of the verifier's oracle for lines and
tables, its own pointers, its own rules of what a screen may show. Of a mail only the digest is held against the
file. Where several records stand on one line, the digest says which one is meant.
"""

import ast
import gzip
import json
import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from oracle_lines import read_audit, read_syslog
from oracle_slices import members
from oracle_tables import read_csv, read_zeek
from reading import evtx_records

MISSING = object()
Case = dict[str, Any]


@cache
def lines(file: str) -> list[bytes]:
    """The lines of a file, gunzipped, without their line endings; a mail is one line."""
    raw = Path(file).read_bytes()
    if file.endswith(".eml"):
        return [raw]
    if raw[:2] == b"\x1f\x8b":
        raw = gzip.decompress(raw)
    return [line.removesuffix(b"\r") for line in raw.split(b"\n")]


def raw_of(row: dict[str, Any]) -> bytes:
    """The exact bytes that an evidence row of the triage document stands for; the whole line where none fit its id."""
    found = candidates(row["file"], row["line"])
    return next((raw for raw in found if "sha256:" + sha256(raw).hexdigest() == row["id"]), found[0])


@cache
def candidates(file: str, number: int) -> list[bytes]:
    """What may be meant by a line of a file: the line, the line under its header, or a record inside it."""
    if file.endswith(".evtx"):
        return [rendered(file)[number - 1]]
    line = lines(file)[number - 1]
    if line.startswith((b"{", b"[")):
        return [line, *inside(line)]
    heads = header_of(file, number)
    return [line, heads + b"\n" + line] if heads else [line]


@cache
def rendered(file: str) -> list[bytes]:
    return list(evtx_records(Path(file)))


def header_of(file: str, number: int) -> bytes:
    """The first line of a table; of a Zeek log the last block of lines that begin with #."""
    if file.endswith((".csv", ".csv.gz")):
        return lines(file)[0]
    block: list[bytes] = []
    for line in lines(file)[: number - 1]:
        if line.startswith(b"#"):
            block = [line] if line.startswith((b"#separator", b"#close")) else [*block, line]
    return b"\n".join(block)


def inside(raw: bytes, depth: int = 3) -> list[bytes]:
    """Every object in a document as it stands, and every line of every text."""
    text, found = raw.decode(), []
    for _, start, end in members(text):
        part = text[start:end]
        if part[0] == '"':
            value = json.loads(part).encode("utf-8", "surrogatepass")
            found += [value, *value.split(b"\n")]
        elif part[0] in "{[" and depth:
            found += [part.encode(), *inside(part.encode(), depth - 1)]
    return found


@cache
def view_of(raw: bytes, schema: str) -> Any:
    """What a record says. A line or a row is read as its schema has it."""
    if raw.startswith((b"{", b"[")):
        return document(raw)
    if raw.startswith(b"#"):
        return read_zeek(raw)
    if schema.startswith("csv."):
        return read_csv(raw)
    return {"syslog.line": read_syslog, "auditd.line": read_audit}[schema](raw)


@cache
def document(raw: bytes) -> Any:
    return json.loads(raw, parse_float=Decimal)


def follow(value: Any, tokens: list[str]) -> Any:
    """RFC 6901 over plain values; MISSING where nothing is."""
    for token in tokens:
        key = token.replace("~2", "!").replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        else:
            return MISSING
    return value


def at(view: Any, pointer: str) -> list[Any]:
    """What a pointer leads to. Text inside is tried with every reader there is: one of them must agree."""
    outer, *inner = pointer.split("!")
    found = [follow(view, outer.split("/")[1:])]
    for part in inner:
        read = [made for text in found if isinstance(text, str) for made in readings(text)]
        found = [follow(value, part.split("/")[1:]) for value in read]
    return [value for value in found if value is not MISSING]


def readings(text: str) -> Iterator[Any]:
    """The documents that a text may hold: JSON, Python literals, XML, key:value and key=value pairs."""
    for reader in (lambda t: json.loads(t, parse_float=Decimal), ast.literal_eval, xml, colons, equals):
        try:
            yield reader(text)
        except (ValueError, SyntaxError, ET.ParseError):
            continue


def xml(text: str) -> Any:
    return {local(child): plain(child) for child in ET.fromstring(f"<all>{text}</all>")}  # noqa: S314 - test data


def plain(element: ET.Element) -> Any:
    if len(element) == 0:
        return element.text or ""
    return {child.get("Name") or local(child): plain(child) for child in element}


def local(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]


def colons(text: str) -> dict[str, str]:
    """`key:value key:value`, where a value lasts until the next key."""
    marks = list(re.finditer(r"(?:^|\s)([a-z][a-z0-9_]+):(?![/\\])", text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    found: dict[str, str] = {}
    for mark, end in zip(marks, ends, strict=True):
        found.setdefault(mark[1], text[mark.end() : end].strip())
    return found


def equals(text: str) -> dict[str, str]:
    return dict(part.strip().split("=", 1) for part in text.split(","))


def as_shown(value: Any) -> str:
    """A value as a screen may show it: cut to 160, every hidden character spelled out, no live address."""
    text = json.dumps(value) if isinstance(value, bool) else str(value)
    rest = f"…(+{len(text) - 160})" if len(text) > 160 else ""
    text = "".join(map(spelled, text[:160])) + rest
    text = re.sub(
        r"http(?=s?\s*(?::|%3a))", lambda m: "hxxp" if m[0][0] == "h" else "HXXP", text, flags=re.IGNORECASE
    )
    return text.replace("://", "[:]//")


def spelled(character: str) -> str:
    """A character nobody would see, or one of our own marks, by its number."""
    hidden = unicodedata.category(character) in {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}
    space = unicodedata.category(character) == "Zs" and character != " "
    ours = character in "«»⟦⟧✓✔✅☑🗸🗹" or 0xFE00 <= ord(character) <= 0xFE0F
    return f"⟦U+{ord(character):04X}⟧" if hidden or space or ours else character


def same_moment(shown: str, value: Any) -> bool:
    """The panel tells a record's time in UTC, whatever zone the record uses; Windows names none for UTC."""
    told = re.fullmatch(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(\.\d{1,9})? UTC", shown)
    if told is None or isinstance(value, bool):
        return False
    if re.fullmatch(r"\d{9,13}(\.\d+)?", str(value)):
        moment = datetime.fromisoformat(told[1] + "+00:00").timestamp()
        exact = Decimal(int(moment)) + Decimal(told[2] or 0)
        return Decimal(str(value)) in (exact, exact * 1000)
    if not isinstance(value, str):
        return False
    read = re.fullmatch(r"(.{19})(\.\d+)?(Z|[+-]\d\d:?\d\d|)", value)
    if read is None:
        return False
    same_fraction = (told[2] or "").rstrip(".0") == (read[2] or "").rstrip(".0")
    utc = datetime.fromisoformat(read[1] + (read[3] or "Z")).astimezone(UTC)
    return same_fraction and utc == datetime.fromisoformat(told[1] + "+00:00")


def bare(shown: str) -> str:
    """A shown value without the marks around what an outsider could have written."""
    return shown[1:-1] if shown[:1] == "«" and shown[-1:] == "»" else shown


def cited(case: Case) -> Iterator[tuple[str, str, str | None, str]]:
    """Every place of a case that points at a record: evidence id, pointer, value as shown, and who says so."""
    for claim in case["brief"]["claims"]:
        for citation in claim["citations"]:
            yield citation["evidence"], citation["pointer"], citation["value"], f"claim {claim['id']}"
    for entry in case["brief"]["must_show"]:
        if entry["evidence"] and entry["pointer"]:
            yield entry["evidence"], entry["pointer"], entry["value"], f"must show {entry['part']}"


def complaints(case: Case) -> Iterator[str]:
    """Everything in a case that does not lead back to its bytes."""
    rows = {row["id"]: row for row in case["evidence"]}
    for name, row in rows.items():
        if "sha256:" + sha256(raw_of(row)).hexdigest() != name:
            yield f"{row['file']}:{row['line']} does not hold the bytes of {name}"
    for alert in case["alerts"]:
        if alert["evidence"] not in rows:
            yield f"alert {alert['id']} rests on {alert['evidence']}, which the case does not hold"
    for name, pointer, shown, who in cited(case):
        if name not in rows:
            yield f"{who} cites {name}, which the case does not hold"
        elif rows[name]["schema"] != "email.rfc822":
            where = f"{who} at {rows[name]['file']}:{rows[name]['line']}"
            yield from followed(view_of(raw_of(rows[name]), rows[name]["schema"]), pointer, shown, where)


def followed(view: Any, pointer: str, shown: str | None, who: str) -> Iterator[str]:
    values = at(view, pointer)
    if shown is None:
        if values:
            yield f"{who} says that {pointer} is absent; it is {values[0]!r}"
    elif bare(shown) not in {as_shown(value) for value in values} and not any(
        same_moment(shown, v) for v in values
    ):
        yield f"{who} shows {pointer} as {shown!r}; the file says {[as_shown(value) for value in values]}"
