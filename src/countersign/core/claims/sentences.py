"""The sentence each kind of claim renders to, every value in it re-read from evidence.

A verified claim gets a sentence of the evidence's values. A claim that was not verified gets one that
says it is only claimed, with the claimed value between « », because the drafter chose it.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from countersign.core.canonical import NANOSECONDS, clock, format_time, is_typed, parse_time
from countersign.core.claims.claims import AbsenceClaim, CountClaim, Filter, ReferenceClaim, TimeClaim
from countersign.core.claims.reference import Reference
from countersign.core.claims.registry import phrase
from countersign.core.claims.snapshot import Snapshot
from countersign.core.records.fields import MISSING, Clause, Path, Schema
from countersign.core.render import neutralize, shown, value_text

MAX_FIELDS = 8
"""Fields of a pinned entry that are told beside the one claimed."""
TELLING = ("what", "from", "to", "actor", "asset", "owner")
"""Fields that say what an entry of a register is about: told first."""
_WORDS = {
    "eq": "is",
    "contains": "contains",
    "prefix": "begins with",
    "lt": "is below",
    "le": "is at most",
    "gt": "is above",
    "ge": "is at least",
    "in_cidr": "is inside",
}


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _quoted(value: Any) -> str:
    return shown(value, tainted=True)


def moment(ns: int) -> str:
    """A time in a sentence: `2025-03-11 09:12:40 UTC`."""
    return format_time(ns).replace("T", " ").replace("Z", " UTC")


def seconds(ns: int) -> str:
    """A span in words: `0.7 s`, `29 s`, `12 min 4 s`, `3 h 2 min`."""
    if abs(ns) < 120 * NANOSECONDS:
        exact = Decimal(ns) / NANOSECONDS
        return f"{exact.quantize(Decimal('0.001')).normalize():f} s"
    minutes, rest = divmod(round(abs(ns) / NANOSECONDS), 60)
    if minutes < 120:
        return f"{minutes} min" + (f" {rest} s" if rest else "")
    return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")


def field(path: Path, op: str, text: str, claimed: Any) -> str:
    """`Source address is 203.0.113.9.`, or with the comparison spelled for other operators."""
    if op == "eq":
        return f"{_capital(path.label)} is {text}."
    return f"{_capital(path.label)} {text} {_WORDS[op]} {shown(claimed, tainted=path.field.tainted)}."


def claimed_field(path: Path, op: str, claimed: Any) -> str:
    """The same, as a claim the evidence does not bear out."""
    return f"Claimed: {path.label} {_WORDS[op]} {_quoted(claimed)}."


def quote(path: Path, text: str) -> str:
    """`Command line says «…».`"""
    return f"{_capital(path.label)} says {shown(text, tainted=path.field.tainted)}."


def claimed_quote(path: Path, text: str) -> str:
    """The same, not borne out."""
    return f"Claimed: {path.label} says {_quoted(text)}."


def relation(rel: str, roles: Mapping[str, str]) -> str:
    """The relation's sentence over the roles that were checked."""
    return phrase(rel, roles) + "."


def claimed_relation(rel: str, roles: tuple[tuple[str, Any], ...]) -> str:
    """The same, not borne out."""
    return "Claimed: " + phrase(rel, {role: _quoted(value) for role, value in roles}) + "."


def same(path: Path, other: Path, text: str, schemas: tuple[Schema | None, Schema | None]) -> str:
    """`Source address 203.0.113.77 is the same in aws.cloudtrail and aws.guardduty.`"""
    one, two = (schema.name if schema else "?" for schema in schemas)
    if path.label == other.label and one != two:
        return f"{_capital(path.label)} {text} is the same in {one} and {two}."
    return f"{_capital(path.label)} in {one} is {text}, the same as {other.label} in {two}."


def claimed_same(path: Path, other: Path) -> str:
    """The same, not borne out."""
    return f"Claimed: {path.label} is the same as {other.label}."


def record_name(snapshot: Snapshot, eid: str) -> str:
    """A record in a few words: its relation's verb and object, or its schema."""
    schema = snapshot.schema(eid)
    if schema is None:
        return snapshot.evidence[eid].schema
    for row in schema.relations:
        if row.name == "api_call" and snapshot.holds(eid, row.when):
            path = schema.path(dict(row.roles)["api"].pointers[0])
            value = snapshot.value(eid, path) if path else MISSING
            if path and isinstance(value, str):
                return shown(value, tainted=path.field.tainted)
    stated = next((r.name for r in schema.relations if snapshot.relation(eid, r.name) is r), "")
    kind = stated.replace("_", " ") if stated else f"{schema.product} record"
    return f"the {kind} of {_clock(snapshot.evidence[eid].event_ns)}"


def _clock(ns: int | None) -> str:
    return "unknown time" if ns is None else clock(ns)


def order(before: str, after: str, apart_ns: int) -> str:
    """`PutUserPolicy came 29 s before CreateAccessKey.`"""
    lead = _capital(before) if before.startswith("the ") else before
    return f"{lead} came {seconds(apart_ns)} before {after}."


def claimed_order(before: str, after: str) -> str:
    """The same, not borne out."""
    return f"Claimed: {before} came before {after}."


def clauses(snapshot: Snapshot, wanted: Filter, *, trusted: bool) -> str:
    """A filter in words: `have source address 203.0.113.77 and event ID 4624`."""
    if not wanted.where:
        return ""
    return " have " + " and ".join(
        _clause(snapshot, wanted.schema, clause, trusted) for clause in wanted.where
    )


def _clause(snapshot: Snapshot, schema: str, clause: Clause, trusted: bool) -> str:
    pointer, op, value = clause
    path = snapshot.path(schema, pointer)
    label = path.label if path else neutralize(pointer)
    tainted = not trusted or path is None or path.field.tainted or borrowed(snapshot, schema, clause)
    text = shown(value, tainted=tainted)
    return f"{label} {text}" if op == "eq" else f"{label} that {_WORDS[op]} {text}"


def borrowed(snapshot: Snapshot, schema: str, clause: Clause) -> bool:
    """Does a clause's text stand in some other field only? Then whoever wrote that field chose it."""
    pointer, op, value = clause
    path = snapshot.path(schema, pointer)
    if path is None or op == "in_cidr" or not isinstance(value, str) or is_typed(path.field.type, value):
        return False
    return value not in path.field.vocabulary and not snapshot.hits(schema, clause)


def _interval(start: str, end: str) -> str:
    first, last = parse_time(start) if start else None, parse_time(end) if end else None
    if first is not None and last is not None and format_time(first)[:10] == format_time(last)[:10]:
        return f", {_clock(first)} to {_clock(last)} UTC"
    since = f" since {moment(first)}" if first is not None else ""
    until = f" until {moment(last)}" if last is not None else ""
    return f",{since}{until}" if since or until else ""


def _used(snapshot: Snapshot, claim: CountClaim | TimeClaim) -> str:
    """The interval a claim was checked over: its own, or the manifest's window where records lie outside it."""
    whole = snapshot.window(claim.filter.schema)
    if whole is None or (claim.start and claim.end):
        return _interval(claim.start, claim.end)
    times = (record.event_ns for record in snapshot.by_schema.get(claim.filter.schema, ()))
    if all(ns is not None and whole[0] <= ns < whole[1] for ns in times):
        return _interval(claim.start, claim.end)
    return _interval(claim.start or format_time(whole[0]), claim.end or format_time(whole[1]))


def count(snapshot: Snapshot, claim: CountClaim, number: int, scope: str | None) -> str:
    """`3 aws.cloudtrail records have source address …, 08:00:00 to 10:00:00 UTC.`"""
    noun = "record" if number == 1 else "records"
    bound = {"eq": "", "ge": f" (at least {claim.value})", "le": f" (at most {claim.value})"}[claim.op]
    what = f"{number} {claim.filter.schema} {noun}"
    if claim.distinct:
        path = snapshot.path(claim.filter.schema, claim.distinct)
        label = path.label if path else neutralize(claim.distinct)
        what = f"{number} distinct {'value' if number == 1 else 'values'} of {label} in {claim.filter.schema} records"
        rest = clauses(snapshot, claim.filter, trusted=True).replace(" have ", " that have ", 1)
    else:
        rest = clauses(snapshot, claim.filter, trusted=True)
        rest = rest.replace(" have ", " has ", 1) if number == 1 else rest
    return f"{what}{rest}{bound}{_used(snapshot, claim)}{_scope(scope)}."


def _scope(scope: str | None) -> str:
    return "" if scope == "complete" else " (in collected records)"


def claimed_count(snapshot: Snapshot, claim: CountClaim) -> str:
    """The same, not borne out."""
    op = {"eq": "", "ge": "at least ", "le": "at most "}[claim.op]
    kind = "distinct values in " if claim.distinct else ""
    rest = clauses(snapshot, claim.filter, trusted=False)
    return f"Claimed: {op}{claim.value} {kind}{claim.filter.schema} records{rest}{_interval(claim.start, claim.end)}."


def time(snapshot: Snapshot, claim: TimeClaim, first_ns: int, last_ns: int, scope: str | None) -> str:
    """`First seen at 2025-03-11 09:12:40 UTC: aws.cloudtrail with source address ….`"""
    rest = clauses(snapshot, claim.filter, trusted=True).replace(" have ", " with ", 1)
    what = f"{claim.filter.schema}{rest}{_used(snapshot, claim)}{_scope(scope)}."
    if claim.what == "duration_s":
        return f"Over {seconds(last_ns - first_ns)}: {what}"
    word, ns = ("First", first_ns) if claim.what == "first_seen" else ("Last", last_ns)
    return f"{word} seen at {moment(ns)}: {what}"


def claimed_time(snapshot: Snapshot, claim: TimeClaim) -> str:
    """The same, not borne out."""
    words = {"first_seen": "first seen at", "last_seen": "last seen at", "duration_s": "seconds it lasted:"}
    rest = clauses(snapshot, claim.filter, trusted=False).replace(" have ", " with ", 1)
    return f"Claimed: {words[claim.what]} {neutralize(value_text(claim.value))}: {claim.filter.schema}{rest}{_interval(claim.start, claim.end)}."


def absence(snapshot: Snapshot, claim: AbsenceClaim) -> str:
    """`No suricata.eve record has … , 13:00:00 to 14:05:00 UTC.`"""
    rest = clauses(snapshot, claim.filter, trusted=True).replace(" have ", " has ", 1)
    return f"No {claim.filter.schema} record{rest or ' exists'}{_interval(claim.start, claim.end)}."


def claimed_absence(snapshot: Snapshot, claim: AbsenceClaim) -> str:
    """The same, not borne out."""
    rest = clauses(snapshot, claim.filter, trusted=False).replace(" have ", " has ", 1)
    return f"Claimed: no {claim.filter.schema} record{rest or ' exists'}{_interval(claim.start, claim.end)}."


def reference(pinned: Reference, key: str, name: str, value: Any) -> str:
    """`pentest-register (2025-03-10) says of PT-2025-031: actor is 203.0.113.50. The entry also says: what …; to ….`

    What a ticket was for is nobody's claim, so the rest of the entry stands beside whatever is claimed of it.
    """
    said = f"{neutralize(name)} is {shown(value, tainted=False)}."
    return (
        f"{neutralize(pinned.kb)} ({neutralize(pinned.kb_version)}) says of {neutralize(key)}: {said}"
        f"{_rest_of_entry({n: v for n, v in pinned.entries[key].items() if n != name})}"
    )


def _rest_of_entry(fields: Mapping[str, Any]) -> str:
    first = [name for name in TELLING if name in fields]
    names = [*first, *(name for name in fields if name not in TELLING)]
    told = [f"{neutralize(name, 40)} {shown(fields[name], tainted=False)}" for name in names[:MAX_FIELDS]]
    told += [f"{len(names) - MAX_FIELDS} more fields"] if len(names) > MAX_FIELDS else []
    return f" The entry also says: {'; '.join(told)}." if told else ""


def claimed_reference(claim: ReferenceClaim) -> str:
    """The same, not borne out."""
    return f"Claimed: {neutralize(claim.kb)} says of {_quoted(claim.key)}: {_quoted(claim.field)} is {_quoted(claim.value)}."


def hypothesis(code: str, stance: str, basis: tuple[str, ...]) -> str:
    """`Reading: account_misuse, supported by c1 and c3.`"""
    ids = basis[0] if len(basis) == 1 else ", ".join(basis[:-1]) + " and " + basis[-1]
    return f"Reading: {code}, {'supported' if stance == 'supports' else 'weakened'} by {ids}."
