"""Claims: the ten kinds of statement that can be true or false, and nothing else.

A claim is a typed predicate over cited evidence. It holds no free text, and it cannot say of itself
whether it holds. Shapes: contract `claims.schema.json`. Reading them from JSON: `core/claims/strict.py`.
"""

from decimal import Decimal
from typing import Any, Literal

import msgspec

from countersign.core.records.fields import Clause

MAX_STRING = 4096  # code points in any one string of a claim
OPS = frozenset("eq contains prefix lt le gt ge in_cidr".split())

Kind = Literal[
    "field", "quote", "relation", "same", "count", "time", "order", "absence", "reference", "hypothesis"
]


class Filter(msgspec.Struct, frozen=True):
    """Records of one schema for which every clause holds."""

    schema: str
    where: tuple[Clause, ...]


class Place(msgspec.Struct, frozen=True):
    """One field of one record."""

    cite: str
    ptr: str


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """What every claim carries."""

    id: str
    section: str = ""


class FieldClaim(Base, frozen=True, kw_only=True, tag_field="kind", tag="field"):
    """One field of one record, compared."""

    cite: str
    ptr: str
    op: str
    value: Any


class QuoteClaim(Base, frozen=True, kw_only=True, tag_field="kind", tag="quote"):
    """The exact code points of a field; offsets are code points, `end` exclusive."""

    cite: str
    ptr: str
    text: str
    start: int | None = None
    end: int | None = None


class RelationClaim(Base, frozen=True, kw_only=True, tag_field="kind", tag="relation"):
    """Two or more roles of one relation that all stand in one record."""

    rel: str
    cite: str
    roles: tuple[tuple[str, Any], ...]


class SameClaim(Base, frozen=True, kw_only=True, tag_field="kind", tag="same"):
    """Two fields of compatible type are equal."""

    a: Place
    b: Place


class CountClaim(Base, frozen=True, kw_only=True, tag_field="kind", tag="count"):
    """How many records match, or how many distinct values of a pointer they hold; times in UTC nanoseconds."""

    filter: Filter
    op: str
    value: int
    distinct: str = ""
    start: str = ""
    end: str = ""


class TimeClaim(Base, frozen=True, kw_only=True, tag_field="kind", tag="time"):
    """First or last event time of the matching records, or the seconds between them."""

    what: str
    filter: Filter
    value: Any
    start: str = ""
    end: str = ""


class OrderClaim(Base, frozen=True, kw_only=True, tag_field="kind", tag="order"):
    """One record precedes another by event time, by no more than `max_s` seconds if that is given."""

    before: str
    after: str
    max_s: Any = None


class AbsenceClaim(Base, frozen=True, kw_only=True, tag_field="kind", tag="absence"):
    """No record matches in [start, end)."""

    filter: Filter
    start: str
    end: str


class ReferenceClaim(Base, frozen=True, kw_only=True, tag_field="kind", tag="reference"):
    """A pinned list or register says so."""

    kb: str
    kb_version: str
    key: str
    field: str
    value: Any


class HypothesisClaim(Base, frozen=True, kw_only=True, tag_field="kind", tag="hypothesis"):
    """A reading of verified claims, from the closed vocabulary."""

    code: str
    stance: str
    basis: tuple[str, ...]


Claim = (
    FieldClaim
    | QuoteClaim
    | RelationClaim
    | SameClaim
    | CountClaim
    | TimeClaim
    | OrderClaim
    | AbsenceClaim
    | ReferenceClaim
    | HypothesisClaim
)


class Malformed(msgspec.Struct, frozen=True):
    """A claim that cannot be read: it keeps its place, and the check that refused it."""

    id: str | None
    kind: str | None
    section: str | None
    check: int
    reason: str
    received: dict[str, Any] | None = None


def kind_of(claim: Claim) -> Kind:
    """The claim's kind as the contract names it."""
    tag: Kind = claim.__struct_config__.tag  # type: ignore[assignment]
    return tag


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) < 2**53 else float(value)
    return value


def document(claim: Claim) -> dict[str, Any]:
    """The claim as the contract writes it, citing by digest."""
    made: dict[str, Any] = {"id": claim.id, "kind": kind_of(claim)}
    if claim.section:
        made["section"] = claim.section
    match claim:
        case FieldClaim():
            made |= {"cite": claim.cite, "ptr": claim.ptr, "op": claim.op, "value": _number(claim.value)}
        case QuoteClaim():
            made |= {"cite": claim.cite, "ptr": claim.ptr, "text": claim.text}
            made |= {k: v for k, v in (("start", claim.start), ("end", claim.end)) if v is not None}
        case RelationClaim():
            made |= {"rel": claim.rel, "cite": claim.cite, "roles": {k: _number(v) for k, v in claim.roles}}
        case SameClaim():
            made |= {k: {"cite": p.cite, "ptr": p.ptr} for k, p in (("a", claim.a), ("b", claim.b))}
        case OrderClaim():
            made |= {"before": claim.before, "after": claim.after}
            made |= {} if claim.max_s is None else {"max_s": _number(claim.max_s)}
        case ReferenceClaim():
            made |= {k: getattr(claim, k) for k in ("kb", "kb_version", "key", "field")}
            made["value"] = _number(claim.value)
        case HypothesisClaim():
            made |= {"code": claim.code, "stance": claim.stance, "basis": list(claim.basis)}
        case CountClaim() | TimeClaim() | AbsenceClaim():
            made |= _aggregate(claim)
    return made


def _aggregate(claim: CountClaim | TimeClaim | AbsenceClaim) -> dict[str, Any]:
    where = [[pointer, op, _number(value)] for pointer, op, value in claim.filter.where]
    made: dict[str, Any] = {"filter": {"schema": claim.filter.schema, "where": where}}
    if isinstance(claim, TimeClaim):
        made |= {"what": claim.what, "value": _number(claim.value)}
    if isinstance(claim, CountClaim):
        made |= {"op": claim.op, "value": claim.value}
        made |= {"distinct": claim.distinct} if claim.distinct else {}
    return made | {k: v for k, v in (("from", claim.start), ("to", claim.end)) if v}
