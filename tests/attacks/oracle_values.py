"""What a raw record says, read a second time: JSON, pointers, semantic types and times.

Written from the specification and not from the product, so that a mistake has to be made twice to
pass. Only the standard library. Slow and obvious on purpose.

Shapes: a *view* is plain Python data (dict, list, str, bool, None, int, Decimal). A *pointer* is RFC
6901, and goes on inside an embedded document after `!`. A *known* value is a pair (kind, key); two
values are equal when their pairs are.
"""

import ast
import ipaddress
import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime

ABSENT = object()
"""What a pointer that leads nowhere (or to null) resolves to."""

Known = tuple[str, object]

_WHOLE = re.compile(r"-?[0-9]+\Z")
_HEX = re.compile(r"0[xX][0-9a-fA-F]+\Z")
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?\Z")
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?\Z"
)
_CLAIM_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})\Z"
)
_WHOLE_TYPES = {"port", "pid", "int", "id", "severity"}
_LOWER_TYPES = {"host", "domain", "sha256", "sha1", "md5", "hash", "guid", "mac"}
_ORDERED_TYPES = {"port", "pid", "int", "id", "severity", "number", "time"}


class Broken(dict[str, object]):
    """A JSON object in which a key stood twice, or what stands for a number that JSON does not have."""


def no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object hook that tells an object with repeated keys by its type."""
    made = dict(pairs)
    return made if len(made) == len(pairs) else Broken(made)


def read_json(raw: bytes, *, strict: bool = False) -> object:
    """The document in these bytes, numbers exact; ValueError when there is none."""

    def whole(digits: str) -> object:
        return int(digits) if len(digits) < 4000 else Decimal(digits)

    def refuse(word: str) -> object:
        if strict:
            return Broken()  # spoils the claim it stands in, not the document
        raise ValueError(f"{word} is not JSON")

    hook = no_duplicates if strict else None
    sys.setrecursionlimit(max(sys.getrecursionlimit(), 5000))
    return json.loads(
        raw.decode("utf-8"),
        parse_float=Decimal,
        parse_int=whole,
        parse_constant=refuse,
        object_pairs_hook=hook,
    )


def embedded(text: str, parser: str) -> object:
    """The document inside a string, or ABSENT when the named parser finds none."""
    try:
        if parser == "json/1":
            return read_json(text.encode("utf-8"))
        if parser == "python/1":
            return ast.literal_eval(text)
        if parser == "equals-pairs/1":
            pairs = [part.split("=", 1) for part in text.split(",")]
            return {pair[0].strip(): pair[1].strip() for pair in pairs if len(pair) == 2} or ABSENT
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return ABSENT
    return ABSENT


def keys_of(pointer: str) -> list[str]:
    """The keys of one stretch of pointer (no `!` in it)."""
    parts = pointer.split("/")[1:]
    return [part.replace("~1", "/").replace("~2", "!").replace("~0", "~") for part in parts]


def escape(key: str) -> str:
    """A key as it stands in a pointer."""
    return key.replace("~", "~0").replace("/", "~1").replace("!", "~2")


def step(view: object, key: str) -> object:
    """One step into a document: a member by its name, an item by its number."""
    if isinstance(view, dict):
        return view.get(key, ABSENT)
    if isinstance(view, list | tuple) and (key == "0" or (key.isascii() and key.isdigit() and key[0] != "0")):
        return view[int(key)] if len(key) < 9 and int(key) < len(view) else ABSENT
    return ABSENT


def walk(view: object, pointer: str) -> object:
    """Where one stretch of pointer leads."""
    for key in keys_of(pointer):
        view = step(view, key)
        if view is ABSENT:
            return ABSENT
    return view


def leaves(view: object, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Every pointer to a string, number or boolean, with its value."""
    if isinstance(view, dict):
        for key, value in view.items():
            if isinstance(key, str):
                yield from leaves(value, f"{prefix}/{escape(key)}")
    elif isinstance(view, list | tuple):
        for number, value in enumerate(view):
            yield from leaves(value, f"{prefix}/{number}")
    elif is_scalar(view):
        yield prefix, view


def is_number(value: object) -> bool:
    """A JSON number; a boolean is none."""
    return isinstance(value, int | Decimal | float) and not isinstance(value, bool)


def is_scalar(value: object) -> bool:
    """A string, a number or a boolean: what a claim may compare."""
    return isinstance(value, str | bool) or is_number(value)


def nanoseconds(text: str, *, naive_is_utc: bool = False) -> int | None:
    """UTC nanoseconds since 1970 of an RFC 3339-like text; None without a zone or when it is no time."""
    found = _TIME.match(text)
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups()[:6])
    zone = found.group(8) or ("Z" if naive_is_utc else "")
    if not zone:
        return None
    shift = 0
    if zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[-2:])
        if hours > 23 or minutes > 59:
            return None
        shift = (hours * 3600 + minutes * 60) * (1 if zone[0] == "+" else -1)
    if second > 60:
        return None
    try:
        base = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None
    seconds = int((base - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) + (second == 60) - shift
    return seconds * 10**9 + int((found.group(7) or "0").ljust(9, "0"))


def claim_time(value: object) -> int | None:
    """Nanoseconds of a time that a claim states: RFC 3339 with a zone, nothing else."""
    return nanoseconds(value) if isinstance(value, str) and _CLAIM_TIME.match(value) else None


def record_time(value: object, form: str) -> int | None:
    """Nanoseconds of a time as a record of this format spells it; None when it cannot be read."""
    if form in ("epoch_s", "epoch_ms"):
        if isinstance(value, str):
            if not _DECIMAL.match(value):
                return nanoseconds(value)
            value = Decimal(value)
        return (
            int(Decimal(str(value)) * (10**9 if form == "epoch_s" else 10**6)) if is_number(value) else None
        )
    if not isinstance(value, str):
        return None
    if form == "rfc5322":
        try:
            when = parsedate_to_datetime(value)
        except (ValueError, TypeError, IndexError):
            return None
        return None if when.tzinfo is None else int(when.timestamp()) * 10**9
    return nanoseconds(value, naive_is_utc=form == "utc")


def rfc3339(ns: int) -> str:
    """A time as a claim may state it."""
    text = datetime.fromtimestamp(ns // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{ns % 10**9:09d}".rstrip("0")
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"


def plain(value: object) -> Known:
    """A value of no special type, by its words: a sentence cannot tell 1 from "1", so neither may its truth."""
    if isinstance(value, str | bool):
        return "text", words(value)
    number = Decimal(str(value))
    return "text", str(int(number)) if number.is_finite() and number % 1 == 0 and abs(
        number
    ) < 10**30 else str(number)


def typed(value: object, kind: str) -> Known | None:
    """The value as its semantic type, None when it does not parse as that."""
    if isinstance(value, bool):
        return plain(value) if kind == "bool" else None
    if kind == "id" and isinstance(value, str) and value != "0" and value.startswith(("0", "-")):
        return None  # it only looks like a number: 000 is not 0
    if kind in _WHOLE_TYPES | {"number"}:
        if kind != "number" and isinstance(value, str) and _HEX.match(value):
            return "number", Decimal(int(value, 16))
        if isinstance(value, str) and (_DECIMAL if kind == "number" else _WHOLE).match(value):
            return "number", Decimal(value)
        return ("number", Decimal(str(value))) if is_number(value) else None
    if kind == "ip":
        address = ip_address(value)
        return ("ip", address.packed) if address is not None else None
    if kind in _LOWER_TYPES:
        return ("text", value.lower()) if isinstance(value, str) else None
    return plain(value)


def ip_address(value: object) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address in a string, or None."""
    try:
        return ipaddress.ip_address(value) if isinstance(value, str) else None
    except ValueError:
        return None


def of_record(value: object, kind: str, form: str) -> Known:
    """A record's value, ready to compare; text that is not of its type compares as it stands."""
    if kind == "time":
        ns = record_time(value, form)
        return ("time", ns) if ns is not None else plain(value)
    return typed(value, kind) or plain(value)


def of_claim(value: object, kind: str) -> Known:
    """A claim's value, ready to compare."""
    if kind == "time":
        ns = claim_time(value)
        return ("time", ns) if ns is not None else plain(value)
    return typed(value, kind) or plain(value)


def network(value: object) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The CIDR block in a string, or None; an address with host bits set is no block."""
    try:
        return ipaddress.ip_network(value) if isinstance(value, str) and "/" in value else None
    except ValueError:
        return None


def operand_fits(op: str, value: object, kind: str) -> bool:
    """Whether this operator can compare this value with a field of this type at all."""
    if op == "eq":
        return kind != "time" or claim_time(value) is not None
    if op in ("contains", "prefix"):
        return isinstance(value, str) and len(value) >= 3
    if op == "in_cidr":
        return kind == "ip" and network(value) is not None
    if isinstance(value, bool) or kind not in _ORDERED_TYPES:
        return False
    return of_claim(value, kind)[0] == ("time" if kind == "time" else "number")


def words(value: object) -> str:
    """What a sentence would say for a scalar."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def other_type(found: object, value: object, kind: str) -> bool:
    """Two values in the same words and of different JSON types, where the semantic type does not settle it."""
    if not is_scalar(found) or not is_scalar(value):
        return False
    settled = typed(found, kind) is not None and kind in _WHOLE_TYPES | {"number"}
    return words(found) == words(value) and type(found) is not type(value) and not settled


def by_parts(op: str, kind: str) -> bool:
    """A text operator on a field whose values are not compared as text."""
    return op in ("contains", "prefix") and (
        kind in _WHOLE_TYPES - {"id"} or kind in ("ip", "time", "number", "bool")
    )


def holds(found: object, op: str, value: object, kind: str, form: str) -> bool:
    """Whether the comparison is true; `operand_fits` has been asked before."""
    if op in ("contains", "prefix"):
        if not isinstance(found, str) or not isinstance(value, str):
            return False
        lower = kind in _LOWER_TYPES
        text, part = (found.lower(), value.lower()) if lower else (found, value)
        return part in text if op == "contains" else text.startswith(part)
    if op == "in_cidr":
        address, block = ip_address(found), network(value)
        return (
            address is not None
            and block is not None
            and address.version == block.version
            and address in block
        )
    left, right = of_record(found, kind, form), of_claim(value, kind)
    if op == "eq":
        return left == right
    if left[0] != right[0]:
        return False
    less, equal = left[1] < right[1], left[1] == right[1]  # type: ignore[operator]
    return {"lt": less, "le": less or equal, "gt": not less and not equal, "ge": not less}[op]
