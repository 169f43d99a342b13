"""The numbered checks a claim must survive, one function for each kind of claim.

Each yields `Objection`s whose numbers are those of `docs/checks.md` and are never reused. A check never
repairs: a record, a pointer or an entry that is not there stays absent. Everything shown is read again
from the evidence here; the claim's own values are shown only where the evidence does not bear them out.
"""

from decimal import Decimal
from typing import Any, Literal

import msgspec

from countersign.core import sentences
from countersign.core.canonical import (
    NANOSECONDS,
    canon,
    compatible,
    format_time,
    is_typed,
    parse_time,
    skeleton,
)
from countersign.core.claims import (
    AbsenceClaim,
    CountClaim,
    FieldClaim,
    Filter,
    OrderClaim,
    QuoteClaim,
    ReferenceClaim,
    RelationClaim,
    SameClaim,
    TimeClaim,
)
from countersign.core.evidence import Evidence
from countersign.core.fields import MISSING, Path, RoleSource
from countersign.core.render import shown, value_text
from countersign.core.snapshot import Snapshot, compare, comparison

Scope = Literal["complete", "collected_only"]
MAX_CITED = 100  # records listed as citations of one aggregate; its sentence still says the whole count
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
        a.object(5, f"{snapshot.evidence[eid].schema} has no field {shown(pointer, tainted=False)} in the dictionary")
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
    if claim.op != "eq" and comparison(path, claim.op, claim.value) is None:
        return a.object(2, f"{path.label} cannot be compared with {claim.op}")
    # (7) A time that is claimed has a zone.
    if path.field.type == "time" and isinstance(claim.value, str) and claim.op == "eq" and parse_time(claim.value) is None:
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
        return a.object(12, "the field was cut") if cut else a.object(11, "the quote is not what the record says")
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
        a.cite(claim.cite, *_time_field(snapshot, claim.cite))
        return a.object(8, f"the record states no {claim.rel}")
    places, values = dict(row.roles), {}
    for role, value in claim.roles:
        if role not in places:
            a.object(8, f"{schema.name} does not say the {role} of a {claim.rel}")
        else:
            values[role] = _check_role(a, snapshot, claim.cite, role, places[role], value)
    refused = bool(a.objections)
    a.text = sentences.claimed_relation(claim.rel, claim.roles) if refused else sentences.relation(claim.rel, values)
    return a


def _check_role(a: Assessment, snapshot: Snapshot, eid: str, role: str, place: RoleSource, claimed: Any) -> str:
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


def role_value(snapshot: Snapshot, eid: str, place: RoleSource) -> tuple[Path | None, Any]:
    """The first pointer of a role that is present in the record, and its value."""
    schema = snapshot.evidence[eid].schema
    paths = [path for path in (snapshot.path(schema, pointer) for pointer in place.pointers) if path is not None]
    compiled = snapshot.schema(eid)
    for path in paths:
        value = snapshot.value(eid, path)
        empty = len(paths) > 1 and isinstance(value, str) and compiled is not None and value in compiled.absent
        if value is not MISSING and not empty:
            return path, value
    return (paths[0] if paths else None), MISSING


def check_same(claim: SameClaim, snapshot: Snapshot) -> Assessment:
    """Two fields of compatible type hold the same value."""
    a = Assessment()
    found = []
    for place in (claim.a, claim.b):
        if not _cited(a, snapshot, place.cite) or (at := _pointed(a, snapshot, place.cite, place.ptr)) is None:
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
    if canon(path.field.type, value, path.field.format) != canon(path_b.field.type, value_b, path_b.field.format):
        _differs(a, path_b, value_b, value)
        return a
    products = (snapshot.schema(one.cite), snapshot.schema(other.cite))
    a.text = sentences.same(path, path_b, shown(value, tainted=path.field.tainted), products)
    return a


def _time_field(snapshot: Snapshot, eid: str) -> tuple[Path, Any]:
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
        if snapshot.schema(eid) is None or not snapshot.dictionary.schemas[snapshot.evidence[eid].schema].time:
            return a.object(5, "the dictionary names no time field for this schema")
        a.cite(eid, *_time_field(snapshot, eid))
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


def _filter(a: Assessment, snapshot: Snapshot, wanted: Filter, distinct: str = "") -> bool:
    schema = snapshot.dictionary.schema(wanted.schema)
    if schema is None:
        a.object(2, "unknown record schema")
        return False
    for pointer in [*(clause[0] for clause in wanted.where), *filter(None, [distinct])]:
        path = schema.path(pointer)
        if path is None:
            a.object(5, f"{wanted.schema} has no field {shown(pointer, tainted=False)} in the dictionary")
            return False
        a.tainted = a.tainted or path.field.tainted
    for pointer, op, value in wanted.where:
        path = schema.path(pointer)
        if path is not None and not _clause(a, snapshot, wanted.schema, path, op, value):
            return False
    return True


def _clause(a: Assessment, snapshot: Snapshot, schema: str, path: Path, op: str, value: Any) -> bool:
    if op != "eq" and comparison(path, op, value) is None:
        a.object(2, f"{path.label} cannot be compared with {op}")
        return False
    # (6) No prose in a filter: a string is typed, in the vocabulary, pinned, or stands in the snapshot.
    if op == "in_cidr" or not isinstance(value, str) or is_typed(path.field.type, value):
        return True
    if value in path.field.vocabulary or snapshot.hits(schema, (path.pointer, op, value)):
        return True
    if value in snapshot.known_strings:
        return True
    a.object(6, "a filter value is neither typed nor present in the evidence or a pinned list")
    return False


def _interval(a: Assessment, snapshot: Snapshot, claim: CountClaim | TimeClaim | AbsenceClaim) -> Any:
    whole = snapshot.window(claim.filter.schema) or (None, None)
    start = parse_time(claim.start) if claim.start else whole[0]
    end = parse_time(claim.end) if claim.end else whole[1]
    # (7) The interval runs forwards and is not empty.
    if start is not None and end is not None and start >= end:
        a.object(7, "the interval is empty or reversed")
        return None
    return start, end


def _aggregate(
    claim: CountClaim | TimeClaim | AbsenceClaim, snapshot: Snapshot, distinct: str = ""
) -> tuple[Assessment, list[Evidence], bool]:
    a = Assessment()
    if not _filter(a, snapshot, claim.filter, distinct) or (interval := _interval(a, snapshot, claim)) is None:
        return a, [], False
    found = snapshot.matching(claim.filter, *interval)
    for record in found:
        if not snapshot.is_sound(record.id):
            a.object(4, "the stored bytes of a counted record no longer match their digest")
            return a, [], False
    a.records += [record.id for record in found]
    covered = snapshot.covers(claim.filter, *interval, distinct)
    a.scope = "complete" if covered else "collected_only"
    return a, found, covered


def _cite_matches(a: Assessment, snapshot: Snapshot, claim: CountClaim | AbsenceClaim, found: list[Evidence]) -> None:
    schema = snapshot.dictionary.schemas[claim.filter.schema]
    distinct = claim.distinct if isinstance(claim, CountClaim) else ""
    pointer = distinct or (claim.filter.where[0][0] if claim.filter.where else (schema.time or ("",))[0])
    path = schema.path(pointer)
    for record in found[:MAX_CITED]:
        if path is not None and (value := snapshot.value(record.id, path)) is not MISSING:
            if not isinstance(value, dict | list):
                a.citations.append(Citation(record.id, pointer, shown(value, tainted=path.field.tainted)))


def check_count(claim: CountClaim, snapshot: Snapshot) -> Assessment:
    """How many distinct records match, recomputed over the whole snapshot."""
    a, found, covered = _aggregate(claim, snapshot, claim.distinct)
    if a.objections:
        return a
    number = len(found)
    if claim.distinct:
        path = snapshot.path(claim.filter.schema, claim.distinct)
        values = [snapshot.value(r.id, path) for r in found] if path else []
        forms = {canon(path.field.type, v, path.field.format) for v in values if v is not MISSING} if path else set()
        number = len(forms - {None})
    _cite_matches(a, snapshot, claim, found)
    _judge_count(a, claim, number, covered, sampled="sampled" in snapshot.flags.get(claim.filter.schema, ()))
    refused = bool(a.objections)
    a.text = sentences.claimed_count(snapshot, claim) if refused else sentences.count(snapshot, claim, number, a.scope)
    return a


def _judge_count(a: Assessment, claim: CountClaim, number: int, covered: bool, *, sampled: bool) -> None:
    if claim.op != "ge" and sampled:
        a.object(15, "the source samples, so only a lower bound can be stated")
    elif (claim.op == "eq" and number > claim.value) or (claim.op == "le" and number > claim.value):
        a.object(14, f"there are {number}")
    elif claim.op in {"eq", "ge"} and number < claim.value:
        a.object(14 if covered else 15, f"there are {number}" + ("" if covered else " in what was collected"))
    elif claim.op == "le" and not covered:
        a.object(15, "the manifest does not cover this filter and interval")


def check_time(claim: TimeClaim, snapshot: Snapshot) -> Assessment:
    """First or last event time of what matches, or the seconds between them."""
    a, found, covered = _aggregate(claim, snapshot)
    if a.objections:
        return a
    timed = sorted((r.event_ns, r.id) for r in found if r.event_ns is not None)
    a.text = sentences.claimed_time(snapshot, claim)
    if not timed:
        return a.object(15, "no record with a readable time matches")
    (first, first_id), (last, last_id) = timed[0], timed[-1]
    edges = {"first_seen": [first_id], "last_seen": [last_id]}.get(claim.what, [first_id, last_id])
    for eid in dict.fromkeys(edges):
        a.cite(eid, *_time_field(snapshot, eid))
    _judge_time(a, claim, first, last, covered)
    if not a.objections:
        a.text = sentences.time(snapshot, claim, first, last, a.scope)
    return a


def _judge_time(a: Assessment, claim: TimeClaim, first: int, last: int, covered: bool) -> None:
    if claim.what == "duration_s":
        claimed, found, shorter = Decimal(claim.value) * NANOSECONDS, last - first, True
        reason = f"the records span {sentences.seconds(found)}"
        inside = claimed < found
    else:
        claimed, found = Decimal(parse_time(claim.value) or 0), first if claim.what == "first_seen" else last
        reason, shorter = f"the record says {format_time(found)}", claim.what != "first_seen"
        inside = claimed < found if shorter else claimed > found
    if claimed == found:
        return
    if inside or covered:
        a.object(14, reason)
    else:
        a.object(15, reason + " among what was collected")


def check_absence(claim: AbsenceClaim, snapshot: Snapshot) -> Assessment:
    """No record matches in [start, end), which only a covering manifest allows to be said."""
    a, found, covered = _aggregate(claim, snapshot)
    if a.objections:
        return a
    a.text = sentences.claimed_absence(snapshot, claim)
    if found:
        _cite_matches(a, snapshot, claim, found)
        return a.object(14, f"there {'is' if len(found) == 1 else 'are'} {len(found)}")
    if not covered:
        # (15) Nothing seen is not nothing there.
        return a.object(15, "the manifest does not cover this filter and interval")
    a.text = sentences.absence(snapshot, claim)
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
        return a.object(8, "the reference has no such entry" if entry is None else "the entry has no such field")
    value = entry[claim.field]
    if canon("text", value) != canon("text", claim.value):
        return a.object(9, f"the reference says {shown(value, tainted=False)}")
    a.text = sentences.reference(reference, claim.key, claim.field, value)
    return a
