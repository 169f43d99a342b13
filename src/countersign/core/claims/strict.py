"""Strict reading: JSON becomes claims, or says why it cannot.

An unknown, missing or repeated key makes that claim malformed and only that claim; nothing is guessed,
converted or dropped. Limits: `reference/verification.md` section 3.
"""

import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from countersign.core.canonical import parse_time
from countersign.core.claims.claims import (
    MAX_STRING,
    OPS,
    AbsenceClaim,
    Claim,
    CountClaim,
    FieldClaim,
    Filter,
    HypothesisClaim,
    Malformed,
    OrderClaim,
    Place,
    QuoteClaim,
    ReferenceClaim,
    RelationClaim,
    SameClaim,
    TimeClaim,
)
from countersign.core.claims.registry import RELATIONS
from countersign.core.records.fields import Clause
from countersign.core.render import shown
from countersign.core.vocabulary import CODE_ONLY, SECTIONS, VOCABULARY

MAX_DOCUMENT = 64 * 1024 * 1024
MAX_CLAIM = 32 * 1024
MAX_DEPTH = 8
MAX_CLAUSES = 6
_ID = re.compile(r"[a-z][a-z0-9_]{0,15}")
_CITE = re.compile(r"sha256:[0-9a-f]{64}")
_NUMBER = re.compile(r"e[1-9][0-9]{0,6}")
_SCHEMA = re.compile(r"[a-z][a-z0-9_]*(\.[A-Za-z0-9_-]+)+")
_POINTER = re.compile(r"(/([^/~!]|~[012])*)+(!(/([^/~!]|~[012])*)+)*")
_TIME = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d{1,9})?"
    r"(Z|[+-]([01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)


class Refused(Exception):
    """Raised inside this module only: a claim's shape is wrong; carries the check number."""

    def __init__(self, check: int, reason: str) -> None:
        super().__init__(reason)
        self.check = check


class _Doubled(dict[str, Any]):
    """An object in which a key stood twice."""


class _NotANumber:
    """NaN or Infinity, which JSON does not have."""


def strict_json(data: bytes) -> Any:
    """Parse JSON with decimals for fractions; doubled keys and NaN stay visible as marker values.

    Raises ValueError if it is not JSON in UTF-8, or too deep to read.
    """

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        plain = dict(pairs)
        return plain if len(plain) == len(pairs) else _Doubled(plain)

    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=members,
            parse_constant=_not_a_number,
            parse_float=_decimal,
            parse_int=_integer,
        )
    except RecursionError as error:
        raise ValueError("nested too deep to read") from error


def _not_a_number(_name: str) -> _NotANumber:
    return _NotANumber()


def _decimal(text: str) -> Any:
    return Decimal(text) if len(text) <= 60 and abs(Decimal(text).adjusted()) <= 400 else _NotANumber()


def _integer(text: str) -> Any:
    return int(text) if len(text) <= 400 else _NotANumber()


def parse_document(data: bytes) -> tuple[Claim | Malformed, ...]:
    """Read `{"claims": […]}`; raises ValueError when it is not such a document at all."""
    if len(data) > MAX_DOCUMENT:
        raise ValueError("a claims document holds at most 64 MB")
    document = strict_json(data)
    if not isinstance(document, dict) or isinstance(document, _Doubled) or set(document) != {"claims"}:
        raise ValueError('a claims document is one JSON object with the single key "claims"')
    if not isinstance(document["claims"], list):
        raise ValueError('"claims" is an array')  # noqa: TRY004 - a document that is not one, whatever the reason
    return parse_claims(document["claims"])


def parse_claims(rows: list[Any], cites: Mapping[str, str] | None = None) -> tuple[Claim | Malformed, ...]:
    """Read each claim on its own. `cites` maps dossier numbers to digests; without it only digests are citations."""
    seen: set[str] = set()
    parsed: list[Claim | Malformed] = []
    for row in rows:
        claim = parse_claim(row, cites)
        if claim.id is not None:
            if claim.id in seen:
                claim = _malformed(row, 1, f"the id {claim.id} stands twice")
            seen.add(claim.id or "")
        parsed.append(claim)
    return tuple(parsed)


def parse_claim(row: Any, cites: Mapping[str, str] | None = None) -> Claim | Malformed:
    """Read one claim; whatever is wrong with it makes it Malformed, never an exception."""
    try:
        return _Reader(_object(row), cites).claim()
    except Refused as refused:
        return _malformed(row, refused.check, str(refused))
    except RecursionError:
        return _malformed(None, 1, "nested too deep")


def _malformed(row: Any, check: int, reason: str) -> Malformed:
    if not isinstance(row, dict):
        return Malformed(None, None, None, check, reason)
    named, kind, section = row.get("id"), row.get("kind"), row.get("section")
    return Malformed(
        named if isinstance(named, str) and _ID.fullmatch(named) else None,
        kind if isinstance(kind, str) and kind in _KINDS else None,
        section if isinstance(section, str) and section in SECTIONS else None,
        check,
        reason,
        None,
    )


def _object(row: Any) -> dict[str, Any]:
    _plain(row, 1)
    if not isinstance(row, dict):
        raise Refused(1, "a claim is a JSON object")
    if len(json.dumps(row, default=str, ensure_ascii=False).encode("utf-8", "replace")) > MAX_CLAIM:
        raise Refused(1, "a claim holds at most 32 KB")
    return row


def _plain(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise Refused(1, f"nested deeper than {MAX_DEPTH}")
    if isinstance(value, _Doubled):
        raise Refused(1, "a key stands twice in one object")
    if isinstance(value, _NotANumber):
        raise Refused(1, "NaN, Infinity or a number too long to be exact")
    if isinstance(value, str) and len(value) > MAX_STRING:
        raise Refused(1, f"a string holds at most {MAX_STRING} characters")
    if isinstance(value, str) and any(0xD800 <= ord(c) <= 0xDFFF for c in value):
        raise Refused(1, "a lone surrogate is not text")
    if isinstance(value, dict):
        for key, inner in value.items():
            _plain(key, depth)
            _plain(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _plain(inner, depth + 1)


class _Reader:
    """Reads one claim object; every key must be taken."""

    def __init__(self, row: dict[str, Any], cites: Mapping[str, str] | None) -> None:
        self.row = dict(row)
        self.sectioned = "section" in row
        self.cites = cites

    def claim(self) -> Claim:
        named = self.text("id")
        if not _ID.fullmatch(named):
            raise Refused(1, "an id is a lower-case letter and up to 15 letters, digits or _")
        kind = self.take("kind")
        if not isinstance(kind, str) or kind not in _KINDS:
            raise Refused(2, "unknown kind")
        section = self.take("section") if "section" in self.row else ""
        if not isinstance(section, str) or (section not in SECTIONS and self.sectioned):
            raise Refused(1, "unknown section")
        read: Callable[[_Reader], dict[str, Any]] = _KINDS[kind][1]
        members = read(self)
        if self.row:
            extra = min(self.row)
            raise Refused(1, f"unknown key {shown(extra, tainted=True, limit=40)}")
        made: Claim = _KINDS[kind][0](id=named, section=section, **members)
        return made

    def take(self, key: str) -> Any:
        if key not in self.row:
            raise Refused(1, f"the key {key!r} is missing")
        return self.row.pop(key)

    def text(self, key: str) -> str:
        value = self.take(key)
        if not isinstance(value, str):
            raise Refused(1, f"{key} is a string")
        return value

    def name(self, key: str) -> str:
        value = self.text(key)
        if not value:
            raise Refused(1, f"{key} is empty")
        return value

    def scalar(self, key: str) -> Any:
        return _scalar(self.take(key), key)

    def cite(self, key: str = "cite") -> str:
        return self.digest(self.take(key))

    def digest(self, value: Any) -> str:
        if not isinstance(value, str):
            raise Refused(1, "a citation is a string")
        if self.cites is None:
            if not _CITE.fullmatch(value):
                raise Refused(3, "a citation is sha256: and 64 hex digits")
            return value
        if not _NUMBER.fullmatch(value) or value not in self.cites:
            raise Refused(3, "cites an excerpt that the dossier does not hold")
        return self.cites[value]

    def pointer(self, key: str) -> str:
        return _pointer(self.take(key))

    def op(self, allowed: frozenset[str], key: str = "op") -> str:
        value = self.take(key)
        if not isinstance(value, str) or value not in allowed:
            raise Refused(2, "unknown operator")
        return value

    def place(self, key: str) -> Place:
        value = self.take(key)
        if not isinstance(value, dict) or set(value) != {"cite", "ptr"}:
            raise Refused(1, f"{key} is an object with cite and ptr")
        return Place(self.digest(value["cite"]), _pointer(value["ptr"]))

    def filter(self) -> Filter:
        value = self.take("filter")
        if not isinstance(value, dict) or set(value) != {"schema", "where"}:
            raise Refused(1, "a filter is an object with schema and where")
        schema, where = value["schema"], value["where"]
        if not isinstance(schema, str) or not _SCHEMA.fullmatch(schema) or len(schema) > 128:
            raise Refused(1, "schema is not the name of a record schema")
        if not isinstance(where, list) or len(where) > MAX_CLAUSES:
            raise Refused(1, f"where is an array of at most {MAX_CLAUSES} clauses")
        return Filter(schema, tuple(map(_clause, where)))

    def when(self, key: str, *, required: bool = False) -> str:
        if key not in self.row and not required:
            return ""
        return _moment(self.take(key))


def _scalar(value: Any, key: str) -> Any:
    if not isinstance(value, str | bool | int | Decimal):
        raise Refused(1, f"{shown(key, tainted=True, limit=40)} is a string, a number or a boolean")
    return value


def _pointer(value: Any) -> str:
    if not isinstance(value, str) or not _POINTER.fullmatch(value):
        raise Refused(5, "not a pointer (RFC 6901, `!` into an embedded document)")
    return value


def _moment(value: Any) -> str:
    if not isinstance(value, str) or not _TIME.fullmatch(value) or parse_time(value) is None:
        raise Refused(7, "a time is RFC 3339 with a zone")
    return value


def _clause(row: Any) -> Clause:
    if not isinstance(row, list) or len(row) != 3:
        raise Refused(1, "a clause is [pointer, operator, value]")
    if not isinstance(row[1], str) or row[1] not in OPS:
        raise Refused(2, "unknown operator")
    compared(row[1], _scalar(row[2], "value"))
    return (_pointer(row[0]), row[1], row[2])


def compared(op: str, value: Any) -> None:
    """Refuse a value that an operator cannot compare with."""
    if op in {"contains", "prefix"} and (not isinstance(value, str) or len(value) < 3):
        raise Refused(2, f"{op} needs at least 3 characters")
    if op == "in_cidr" and not isinstance(value, str):
        raise Refused(2, "in_cidr needs an address range")
    if op in {"lt", "le", "gt", "ge"} and isinstance(value, bool):
        raise Refused(2, "a boolean has no order")


def _read_field(r: _Reader) -> dict[str, Any]:
    members = {"cite": r.cite(), "ptr": r.pointer("ptr"), "op": r.op(OPS), "value": r.scalar("value")}
    compared(members["op"], members["value"])
    return members


def _read_quote(r: _Reader) -> dict[str, Any]:
    members: dict[str, Any] = {"cite": r.cite(), "ptr": r.pointer("ptr"), "text": r.name("text")}
    for key in ("start", "end"):
        if key in r.row:
            value = r.take(key)
            if isinstance(value, bool) or not isinstance(value, int) or value < (key == "end"):
                raise Refused(7, f"{key} is a code point offset")
            members[key] = value
    return members


def _read_relation(r: _Reader) -> dict[str, Any]:
    rel, roles = r.take("rel"), r.take("roles")
    if not isinstance(rel, str) or rel not in RELATIONS:
        raise Refused(2, "unknown relation")
    if not isinstance(roles, dict) or len(roles) < 2:
        raise Refused(1, "a relation names two or more roles")
    if unknown := set(roles) - RELATIONS[rel]:
        raise Refused(2, f"{rel} has no role {shown(min(unknown), tainted=True, limit=40)}")
    return {
        "rel": rel,
        "cite": r.cite(),
        "roles": tuple((role, _scalar(v, role)) for role, v in roles.items()),
    }


def _read_same(r: _Reader) -> dict[str, Any]:
    a, b = r.place("a"), r.place("b")
    if a == b:
        raise Refused(2, "a field is compared with itself")
    return {"a": a, "b": b}


def _read_count(r: _Reader) -> dict[str, Any]:
    value, op = r.take("value"), r.op(frozenset({"eq", "ge", "le"}))
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise Refused(2, "a count is a whole number, 0 or more")
    members = {"filter": r.filter(), "op": op, "value": value, "start": r.when("from"), "end": r.when("to")}
    if "distinct" in r.row:
        members["distinct"] = r.pointer("distinct")
    return members


def _read_time(r: _Reader) -> dict[str, Any]:
    what, value = r.take("what"), r.take("value")
    if not isinstance(what, str) or what not in {"first_seen", "last_seen", "duration_s"}:
        raise Refused(2, "what is first_seen, last_seen or duration_s")
    if what == "duration_s":
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or value < 0:
            raise Refused(2, "a duration is a number of seconds")
    else:
        _moment(value)
    return {"what": what, "filter": r.filter(), "value": value, "start": r.when("from"), "end": r.when("to")}


def _read_order(r: _Reader) -> dict[str, Any]:
    members: dict[str, Any] = {"before": r.cite("before"), "after": r.cite("after")}
    if "max_s" in r.row:
        value = r.take("max_s")
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or value <= 0:
            raise Refused(2, "max_s is a number of seconds above 0")
        members["max_s"] = value
    return members


def _read_absence(r: _Reader) -> dict[str, Any]:
    return {"filter": r.filter(), "start": r.when("from", required=True), "end": r.when("to", required=True)}


def _read_reference(r: _Reader) -> dict[str, Any]:
    return {key: r.name(key) for key in ("kb", "kb_version", "key", "field")} | {"value": r.scalar("value")}


def _read_hypothesis(r: _Reader) -> dict[str, Any]:
    code, stance, basis = r.take("code"), r.take("stance"), r.take("basis")
    if not isinstance(code, str) or code not in VOCABULARY:
        raise Refused(2, "unknown hypothesis code")
    if code in CODE_ONLY:
        raise Refused(2, f"{code} is set by code only")
    if not isinstance(stance, str) or stance not in {"supports", "weakens"}:
        raise Refused(2, "stance is supports or weakens")
    if not isinstance(basis, list) or not basis:
        raise Refused(3, "a hypothesis rests on at least one claim")
    if not all(isinstance(b, str) and _ID.fullmatch(b) for b in basis) or len(set(basis)) != len(basis):
        raise Refused(1, "basis is an array of distinct claim ids")
    return {"code": code, "stance": stance, "basis": tuple(basis)}


_KINDS: dict[str, tuple[Any, Callable[[_Reader], dict[str, Any]]]] = {
    "field": (FieldClaim, _read_field),
    "quote": (QuoteClaim, _read_quote),
    "relation": (RelationClaim, _read_relation),
    "same": (SameClaim, _read_same),
    "count": (CountClaim, _read_count),
    "time": (TimeClaim, _read_time),
    "order": (OrderClaim, _read_order),
    "absence": (AbsenceClaim, _read_absence),
    "reference": (ReferenceClaim, _read_reference),
    "hypothesis": (HypothesisClaim, _read_hypothesis),
}
