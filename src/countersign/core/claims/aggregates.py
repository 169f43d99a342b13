"""The numbered checks a claim over many records must survive: counts, first and last times, absences.

Each is recomputed over the whole snapshot. What was collected can contradict a claim; only a coverage
manifest lets it be said of the whole. The numbers are those of `docs/checks.md`.
"""

from decimal import Decimal
from typing import Any

from countersign.core.canonical import NANOSECONDS, NUMBER_TYPES, canon, format_time, is_typed, parse_time
from countersign.core.claims import sentences
from countersign.core.claims.checks import Assessment, Citation, time_field
from countersign.core.claims.claims import AbsenceClaim, CountClaim, Filter, TimeClaim
from countersign.core.claims.snapshot import Snapshot
from countersign.core.records.comparing import WORDS, claimed_form, comparison
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import MISSING, Path
from countersign.core.render import shown

MAX_CITED = 100  # records listed as citations of one aggregate; its sentence still says the whole count


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
        # (6) A key that only the claim names is prose too: it stands in some record.
        if path.names_keys and not any(form is not None for form in snapshot.column(wanted.schema, pointer)):
            a.object(6, "the pointer names a key that no record has")
            return False
    for pointer, op, value in wanted.where:
        path = schema.path(pointer)
        if path is not None and not _clause(a, snapshot, wanted.schema, path, op, value):
            return False
    return True


def _clause(a: Assessment, snapshot: Snapshot, schema: str, path: Path, op: str, value: Any) -> bool:
    if op not in WORDS | {"eq"} and comparison(path, op, value) is None:
        a.object(2, f"{path.label} cannot be compared with {op}")
        return False
    if op == "eq" and not _of_its_type(snapshot, schema, path, value):
        time = path.field.type == "time"
        a.object(
            7 if time else 2, "a time is RFC 3339 with a zone" if time else f"{path.label} cannot hold that"
        )
        return False
    # (6) No prose in a filter: a string is typed, in the vocabulary, pinned, or stands in the snapshot.
    if op == "in_cidr" or not isinstance(value, str) or is_typed(path.field.type, value):
        return True
    if value in path.field.vocabulary or snapshot.hits(schema, (path.pointer, op, value)):
        return True
    if value in snapshot.known_strings:
        a.tainted = True  # it stands in another field, so whoever wrote that one chose it
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
    if (
        not _filter(a, snapshot, claim.filter, distinct)
        or (interval := _interval(a, snapshot, claim)) is None
    ):
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


def _cite_matches(
    a: Assessment, snapshot: Snapshot, claim: CountClaim | AbsenceClaim, found: list[Evidence]
) -> None:
    schema = snapshot.dictionary.schemas[claim.filter.schema]
    distinct = claim.distinct if isinstance(claim, CountClaim) else ""
    pointer = distinct or (claim.filter.where[0][0] if claim.filter.where else (schema.time or ("",))[0])
    path = schema.path(pointer)
    if path is None:
        return
    for record in sorted(found, key=lambda r: (r.event_ns is None, r.event_ns or 0, r.id))[:MAX_CITED]:
        value = snapshot.value(record.id, path)
        if value is not MISSING and not isinstance(value, dict | list):
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
        forms = (
            {canon(path.field.type, v, path.field.format) for v in values if v is not MISSING}
            if path
            else set()
        )
        number = len(forms - {None})
    _cite_matches(a, snapshot, claim, found)
    _judge_count(a, claim, number, covered, sampled="sampled" in snapshot.flags.get(claim.filter.schema, ()))
    refused = bool(a.objections)
    a.text = (
        sentences.claimed_count(snapshot, claim)
        if refused
        else sentences.count(snapshot, claim, number, a.scope)
    )
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
        a.cite(eid, *time_field(snapshot, eid))
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


def _of_its_type(snapshot: Snapshot, schema: str, path: Path, value: Any) -> bool:
    """Could the field hold such a value: by its type, or because some record does?"""
    form = claimed_form(path, value)
    natural = {"time": "time", "bool": "b"}.get(
        path.field.type, "n" if path.field.type in NUMBER_TYPES else ""
    )
    if form is None:
        return False
    if not natural:
        return form[0] in {"s", "ip", "n"}
    return form[0] == natural or (natural != "time" and form in snapshot.index(schema, path.pointer))
