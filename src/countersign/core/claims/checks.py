"""The numbered checks a claim over named records must survive, one function for each kind of claim.

Each yields `Objection`s whose numbers are those of `docs/checks.md` and are never reused. A check never
repairs: a record, a pointer or an entry that is not there stays absent. Everything shown is read again
from the evidence here; the claim's own values are shown only where the evidence does not bear them out.
Counts, times and absences over whole filters: `core/claims/aggregates.py`.
"""

from decimal import Decimal
from typing import Any, Literal

import msgspec

from countersign.core.canonical import (
    NANOSECONDS,
    canon,
    compatible,
    parse_time,
    skeleton,
)
from countersign.core.claims import sentences
from countersign.core.claims.claims import (
    FieldClaim,
    OrderClaim,
    QuoteClaim,
    ReferenceClaim,
    RelationClaim,
    SameClaim,
)
from countersign.core.claims.roles import role_value
from countersign.core.claims.snapshot import Snapshot
from countersign.core.records.comparing import WORDS, compare, comparison
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import MISSING, Path, RoleSource
from countersign.core.render import shown, value_text

Scope = Literal["complete", "collected_only"]
TWO_SECONDS = 2 * NANOSECONDS


class Objection(msgspec.Struct, frozen=True):
    """Why a numbered check did not accept a claim."""

    check: int
    reason: str


class Citation(msgspec.Struct, frozen=True):
    """Where a shown value stands; `value` is as rendered, None when the field is absent."""

    evidence: str
    pointer: str
    value: str | None


class Assessment(msgspec.Struct):
    """What the checks found of one claim, built up check by check."""

    objections: list[Objection] = []
    citations: list[Citation] = []
    tainted: bool = False
    scope: Scope | None = None
    text: str = ""
    records: list[str] = []
    start: int | None = None  # offsets that code filled in for a quote
    end: int | None = None

    def object(self, check: int, reason: str) -> "Assessment":
        """Add an objection."""
        self.objections.append(Objection(check, reason))
        return self

    def cite(self, eid: str, path: Path, value: Any) -> str:
        """Add a citation and return the value as it is shown; taint follows the field."""
        self.tainted = self.tainted or path.field.tainted
        text = None if value is MISSING else shown(value, tainted=path.field.tainted)
        self.citations.append(Citation(eid, path.pointer, text))
        return text or ""


def _cited(a: Assessment, snapshot: Snapshot, eid: str) -> bool:
    # (3) The case holds the record. Never create it: an id can be invented.
    if eid not in snapshot.evidence:
        a.object(3, "cites a record that is not in the evidence")
        return False
    # (4) The bytes are still the bytes that were named.
    if not snapshot.is_sound(eid):
        a.object(4, "the stored bytes no longer match their digest")
        return False
    if eid not in a.records:
        a.records.append(eid)
    return True


def _pointed(a: Assessment, snapshot: Snapshot, eid: str, pointer: str) -> tuple[Path, Any] | None:
    # (5) The dictionary knows the pointer for this schema.
    path = snapshot.path(snapshot.evidence[eid].schema, pointer)
    if path is None:
        a.object(
            5,
            f"{snapshot.evidence[eid].schema} has no field {shown(pointer, tainted=False)} in the dictionary",
        )
        return None
    value = snapshot.value(eid, path)
    if isinstance(value, dict | list):
        a.object(2, "the field holds a document, not a value")
        return None
    return path, value


def _absent(a: Assessment, eid: str, path: Path, text: str) -> Assessment:
    # (8) The record has the field at all.
    a.cite(eid, path, MISSING)
    a.text = text
    return a.object(8, f"the record has no {path.label}")


def _differs(a: Assessment, path: Path, value: Any, claimed: Any) -> None:
    # (9) The value is the record's; (10) and does not merely look like it.
    a.object(9, f"the record says {path.label} {shown(value, tainted=path.field.tainted)}")
    if isinstance(value, str) and isinstance(claimed, str) and skeleton(value) == skeleton(claimed):
        a.object(10, "the two values look alike and are not the same")


def check_field(claim: FieldClaim, snapshot: Snapshot) -> Assessment:
    """One field of one record, compared by its semantic type."""
    a = Assessment()
    if not _cited(a, snapshot, claim.cite) or (found := _pointed(a, snapshot, claim.cite, claim.ptr)) is None:
        return a
    path, value = found
    claimed = sentences.claimed_field(path, claim.op, claim.value)
    # (2) The operator can compare this type with this value.
    if claim.op not in WORDS | {"eq"} and comparison(path, claim.op, claim.value) is None:
        return a.object(2, f"{path.label} cannot be compared with {claim.op}")
    # (7) A time that is claimed has a zone.
    if (
        path.field.type == "time"
        and isinstance(claim.value, str)
        and claim.op == "eq"
        and parse_time(claim.value) is None
    ):
        return a.object(7, "a time is RFC 3339 with a zone")
    if value is MISSING:
        a.tainted = path.field.tainted
        return _absent(a, claim.cite, path, claimed)
    text = a.cite(claim.cite, path, value)
    if compare(path, claim.op, value, claim.value):
        a.text = sentences.field(path, claim.op, text, claim.value)
        return a
    a.text = claimed
    _differs(a, path, value, claim.value)
    return a


def check_quote(claim: QuoteClaim, snapshot: Snapshot) -> Assessment:
    """The exact code points of a field, at offsets that code fills in when they are unambiguous."""
    a = Assessment()
    if not _cited(a, snapshot, claim.cite) or (found := _pointed(a, snapshot, claim.cite, claim.ptr)) is None:
        return a
    path, value = found
    claimed = sentences.claimed_quote(path, claim.text)
    if value is MISSING:
        a.tainted = path.field.tainted
        return _absent(a, claim.cite, path, claimed)
    if not isinstance(value, str):
        return a.object(2, f"{path.label} is not text")
    a.text = claimed
    a.cite(claim.cite, path, value)
    if claim.start is not None and claim.end is not None and claim.end - claim.start > len(claim.text):
        return a.object(7, "the range is longer than the quoted text")
    return _quoted(a, claim, path, value)


def _quoted(a: Assessment, claim: QuoteClaim, path: Path, value: str) -> Assessment:
    if claim.start is None and claim.end is None:
        times = value.count(claim.text)
        # (7) Without offsets the text stands exactly once; overlapping hits count too.
        if times > 1 or (times and value.find(claim.text, value.find(claim.text) + 1) >= 0):
            return a.object(7, "the text stands more than once in the field; give its offsets")
        start = value.find(claim.text)
    else:
        start = claim.start if claim.start is not None else (claim.end or 0) - len(claim.text)
    end = claim.end if claim.end is not None else start + len(claim.text)
    if start < 0 and claim.start is None and claim.end is None:
        # (11) The words are the record's own; (12) unless the field was cut before them.
        cut = path.field.cut and len(value) >= path.field.cut
        return (
            a.object(12, "the field was cut")
            if cut
            else a.object(11, "the quote is not what the record says")
        )
    if not 0 <= start < end <= len(value):
        return a.object(7, "the quoted range lies outside the field")
    if value[start:end] != claim.text:
        if claim.text in value:
            return a.object(12, "the quote stands elsewhere in the field")
        return a.object(11, "the quote is not what the record says")
    a.start, a.end = start, end
    a.text = sentences.quote(path, claim.text)
    return a


def check_relation(claim: RelationClaim, snapshot: Snapshot) -> Assessment:
    """Several roles that all stand in one record; which pointer fills which role is not the claim's to say."""
    a = Assessment()
    if not _cited(a, snapshot, claim.cite):
        return a
    schema = snapshot.schema(claim.cite)
    if schema is None or not any(row.name == claim.rel for row in schema.relations):
        return a.object(2, f"{snapshot.evidence[claim.cite].schema} records state no {claim.rel}")
    row = snapshot.relation(claim.cite, claim.rel)
    if row is None:
        a.text = sentences.claimed_relation(claim.rel, claim.roles)
        a.cite(claim.cite, *time_field(snapshot, claim.cite))
        return a.object(8, f"the record states no {claim.rel}")
    places, values = dict(row.roles), {}
    for role, value in claim.roles:
        if role not in places:
            a.object(8, f"{schema.name} does not say the {role} of a {claim.rel}")
        else:
            values[role] = _check_role(a, snapshot, claim.cite, role, places[role], value)
    refused = bool(a.objections)
    a.text = (
        sentences.claimed_relation(claim.rel, claim.roles)
        if refused
        else sentences.relation(claim.rel, values)
    )
    return a


def _check_role(
    a: Assessment, snapshot: Snapshot, eid: str, role: str, place: RoleSource, claimed: Any
) -> str:
    path, value = role_value(snapshot, eid, place)
    if path is None:
        a.object(5, f"the role {role} has no field in the dictionary")
        return ""
    if place.present or place.absent:
        word = place.absent if value is MISSING else place.present
        if value is not MISSING:
            a.cite(eid, path, value)
        return _word(a, role, word, claimed, known=bool(word))
    if value is MISSING or isinstance(value, dict | list):
        a.cite(eid, path, MISSING)
        a.object(8, f"the record has no {path.label}")
        return ""
    text = a.cite(eid, path, value)
    if place.mapping:
        return _word(a, role, dict(place.mapping).get(value_text(value), ""), claimed, known=True)
    if not compare(path, "eq", value, claimed):
        # (13) Each named role is the record's.
        a.object(13, f"the record says {role} {text}")
        if isinstance(value, str) and isinstance(claimed, str) and skeleton(value) == skeleton(claimed):
            a.object(10, "the two values look alike and are not the same")
    return text


def _word(a: Assessment, role: str, word: str, claimed: Any, *, known: bool) -> str:
    if not known or not word:
        a.object(8, f"the record does not say the {role}")
    elif claimed != word:
        a.object(13, f"the record says {role} {word}")
    return word


def check_same(claim: SameClaim, snapshot: Snapshot) -> Assessment:
    """Two fields of compatible type hold the same value."""
    a = Assessment()
    found = []
    for place in (claim.a, claim.b):
        if (
            not _cited(a, snapshot, place.cite)
            or (at := _pointed(a, snapshot, place.cite, place.ptr)) is None
        ):
            return a
        found.append((place, *at))
    (one, path, value), (other, path_b, value_b) = found
    if not compatible(path.field.type, path_b.field.type):
        return a.object(2, f"{path.label} and {path_b.label} are not of one type")
    a.text = sentences.claimed_same(path, path_b)
    for place, at_path, at_value in found:
        if at_value is MISSING:
            _absent(a, place.cite, at_path, a.text)
        else:
            a.cite(place.cite, at_path, at_value)
    if a.objections:
        return a
    if canon(path.field.type, value, path.field.format) != canon(
        path_b.field.type, value_b, path_b.field.format
    ):
        _differs(a, path_b, value_b, value)
        return a
    products = (snapshot.schema(one.cite), snapshot.schema(other.cite))
    a.text = sentences.same(path, path_b, shown(value, tainted=path.field.tainted), products)
    return a


def time_field(snapshot: Snapshot, eid: str) -> tuple[Path, Any]:
    """The time field of a record and its value, to cite beside what is said of its time or its absence."""
    schema = snapshot.schema(eid)
    pointer = schema.time_pointer(snapshot.view(eid)) if schema else None
    pointer = pointer or (schema.time[0] if schema and schema.time else "/")
    path = schema.path(pointer) if schema else None
    if path is None:
        raise LookupError("a schema that states relations or times names its time field")
    return path, snapshot.value(eid, path)


def clock_bound_ns(snapshot: Snapshot, one: Evidence, other: Evidence) -> int:
    """How far apart two times must be to be told apart: 0 within one collector, else 2 s plus measured skew."""
    return 0 if one.source == other.source else TWO_SECONDS + snapshot.skew_ns


def check_order(claim: OrderClaim, snapshot: Snapshot) -> Assessment:
    """One record precedes another by more than their clocks may differ, and by no more than `max_s`."""
    a = Assessment()
    if not _cited(a, snapshot, claim.before) or not _cited(a, snapshot, claim.after):
        return a
    one, other = snapshot.evidence[claim.before], snapshot.evidence[claim.after]
    names = sentences.record_name(snapshot, one.id), sentences.record_name(snapshot, other.id)
    a.text = sentences.claimed_order(*names)
    for eid in (one.id, other.id):
        if (
            snapshot.schema(eid) is None
            or not snapshot.dictionary.schemas[snapshot.evidence[eid].schema].time
        ):
            return a.object(5, "the dictionary names no time field for this schema")
        a.cite(eid, *time_field(snapshot, eid))
    if one.event_ns is None or other.event_ns is None:
        return a.object(8, "a record has no readable time")
    apart, bound = other.event_ns - one.event_ns, clock_bound_ns(snapshot, one, other)
    limit = None if claim.max_s is None else int(Decimal(claim.max_s) * NANOSECONDS)
    # (14) The order is that of the records; (16) and told apart by more than the clocks allow.
    if apart < -bound or (apart < 0 and bound == 0):
        return a.object(14, f"the records stand the other way round, {sentences.seconds(-apart)} apart")
    if limit is not None and apart > limit + bound:
        return a.object(14, f"the records are {sentences.seconds(apart)} apart")
    if apart <= bound or (limit is not None and apart > limit):
        return a.object(16, f"the times are closer than the clocks allow ({sentences.seconds(bound)})")
    a.text = sentences.order(*names, apart)
    return a


def check_reference(claim: ReferenceClaim, snapshot: Snapshot) -> Assessment:
    """A pinned list or register says so, in the version named."""
    a = Assessment()
    reference = snapshot.references.get((claim.kb, claim.kb_version))
    if reference is None:
        return a.object(2, "no reference of that name and version is pinned")
    a.text = sentences.claimed_reference(claim)
    entry = reference.entries.get(claim.key)
    if entry is None or claim.field not in entry:
        return a.object(
            8, "the reference has no such entry" if entry is None else "the entry has no such field"
        )
    value = entry[claim.field]
    if canon("text", value) != canon("text", claim.value):
        return a.object(9, f"the reference says {shown(value, tainted=False)}")
    a.text = sentences.reference(reference, claim.key, claim.field, value)
    return a
