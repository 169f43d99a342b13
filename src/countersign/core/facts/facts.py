"""Candidate facts: claims that code can type without anyone's help, before a drafter chooses among them.

A fact is one claim, ready to be verified, with what is known about its place in the story: which signal
or pattern it came from, the readings it suggests, its weight, and the statement it belongs to. Building
a fact decides nothing: the verifier recomputes it like any other claim.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from countersign.core.canonical import format_time, read_time
from countersign.core.claims.claims import (
    MAX_STRING,
    Claim,
    CountClaim,
    FieldClaim,
    Filter,
    QuoteClaim,
    RelationClaim,
    TimeClaim,
)
from countersign.core.claims.roles import role_value
from countersign.core.claims.snapshot import Snapshot
from countersign.core.records.fields import MISSING, Clause, RelationRow
from countersign.core.render import shown, value_text

CONTRACT_RELATIONS = frozenset(
    "net_alert net_flow dns_query http_request logon proc_start file_write api_call mail_received".split()
)
"""Relations that a published brief may name; any other is stated by field claims over its record (ADR 8)."""

UNNAMED = ""


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate claim and its place in the story."""

    claim: Claim
    origin: str  # signal or pattern id
    statement: str  # facts with the same key are told together
    weight: int = 1
    codes: tuple[str, ...] = ()
    event_ns: int | None = None
    evidence: str = ""  # the record it tells of, if one
    phrase: str = ""  # for titles, values re-read from evidence


def state(
    snapshot: Snapshot, eid: str, rel: str, roles: Sequence[str], fields: Iterable[str], section: str
) -> list[Claim]:
    """Claims that state a relation of one record, and further fields of it."""
    row = snapshot.relation(eid, rel) if rel else None
    claims: list[Claim] = [] if row is None else _relate(snapshot, eid, row, roles, section)
    told = {claim.ptr for claim in claims if isinstance(claim, FieldClaim | QuoteClaim)}
    for pointer in fields:
        claim = None if pointer in told else tell(snapshot, eid, pointer, section)
        if claim is not None:
            told.add(pointer)
            claims.append(claim)
    return claims


def _relate(
    snapshot: Snapshot, eid: str, row: RelationRow, wanted: Sequence[str], section: str
) -> list[Claim]:
    roles: list[tuple[str, Any]] = []
    claims: list[Claim] = []
    for role, place in row.roles:
        if wanted and role not in wanted:
            continue
        path, value = role_value(snapshot, eid, place)
        if path is None or isinstance(value, dict | list):
            continue
        if place.present or place.absent:
            word = place.absent if value is MISSING else place.present
            roles += [(role, word)] if word else []
            continue
        if value is MISSING or not _speaks(snapshot, eid, value):
            continue
        if place.mapping:
            word = dict(place.mapping).get(value_text(value), "")
            roles += [(role, word)] if word else []
        elif role not in wanted and isinstance(value, str) and sum(c < " " for c in value) > 2:
            continue  # lists laid out with tabs and line breaks: a filter on them reads better than their text
        elif not isinstance(value, str) or len(value) <= MAX_STRING:
            roles.append((role, value))
            claims.append(
                FieldClaim(id=UNNAMED, section=section, cite=eid, ptr=path.pointer, op="eq", value=value)
            )
    if row.name in CONTRACT_RELATIONS and len(roles) >= 2:
        return [RelationClaim(id=UNNAMED, section=section, rel=row.name, cite=eid, roles=tuple(roles))]
    return claims


def _speaks(snapshot: Snapshot, eid: str, value: object) -> bool:
    schema = snapshot.schema(eid)
    return not (isinstance(value, str) and schema is not None and value in schema.absent)


def tell(snapshot: Snapshot, eid: str, pointer: str, section: str) -> Claim | None:
    """A claim of one field: its whole value, or the first part of a long text as a quote; None if it is absent."""
    path = snapshot.path(snapshot.evidence[eid].schema, pointer)
    value = MISSING if path is None else snapshot.value(eid, path)
    if value is MISSING or isinstance(value, dict | list) or value == "":
        return None
    if isinstance(value, str) and len(value) > 400:
        return QuoteClaim(
            id=UNNAMED, section=section, cite=eid, ptr=pointer, text=value[:120], start=0, end=120
        )
    if path is not None and path.field.type == "time":
        ns = read_time(value, path.field.format)
        if ns is None:
            return None
        value = format_time(ns)
    return FieldClaim(id=UNNAMED, section=section, cite=eid, ptr=pointer, op="eq", value=value)


def grouped_filter(snapshot: Snapshot, eid: str, when: Sequence[Clause], group: Iterable[str]) -> Filter:
    """The filter of a signal narrowed to the records that agree with one record in the grouping fields."""
    schema = snapshot.evidence[eid].schema
    clauses = list(when)
    for pointer in group:
        path = snapshot.path(schema, pointer)
        value = MISSING if path is None else snapshot.value(eid, path)
        if value is MISSING or isinstance(value, dict | list) or len(clauses) >= 6:
            continue
        if isinstance(value, str) and not 0 < len(value) <= MAX_STRING:
            continue
        if all(clause[0] != pointer for clause in clauses):
            clauses.append((pointer, "eq", value))
    return Filter(schema, tuple(clauses))


def tally(snapshot: Snapshot, wanted: Filter, section: str, *, edges: bool = True) -> list[Claim]:
    """How many records match, and first and last seen when there are several."""
    found = snapshot.matching(wanted, None, None)
    claims: list[Claim] = [CountClaim(id=UNNAMED, section=section, filter=wanted, op="eq", value=len(found))]
    times = sorted(r.event_ns for r in found if r.event_ns is not None)
    if edges and len(times) > 1:
        for what, ns in (("first_seen", times[0]), ("last_seen", times[-1])):
            value = format_time(ns)
            claims.append(TimeClaim(id=UNNAMED, section=section, what=what, filter=wanted, value=value))
    return claims


def fill(snapshot: Snapshot, eid: str, rel: str, phrase: str) -> str:
    """A title phrase with its slots filled from the record; empty when a slot has no value."""
    row = snapshot.relation(eid, rel) if rel else None
    places = dict(row.roles) if row else {}
    text = phrase
    for slot in _slots(phrase):
        if slot.startswith("/"):
            path = snapshot.path(snapshot.evidence[eid].schema, slot)
            value = MISSING if path is None else snapshot.value(eid, path)
        else:
            path, value = role_value(snapshot, eid, places[slot]) if slot in places else (None, MISSING)
        if (
            path is None
            or value is MISSING
            or isinstance(value, dict | list)
            or not _speaks(snapshot, eid, value)
        ):
            return ""
        text = text.replace(
            "{" + slot + "}", shown(short(value, path.field.type), tainted=path.field.tainted, limit=48)
        )
    return text


def short(value: object, kind: str) -> object:
    """The part of a value that a title needs: the file name of a path, the host without its domain."""
    if not isinstance(value, str):
        return value
    if kind == "path":
        return value.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1] or value
    if kind == "host" and "." in value and not value.replace(".", "").isdigit():
        return value.split(".", 1)[0]
    if kind == "arn":
        return value.split(":", 5)[-1]
    return value.rsplit("\\", 1)[-1] if kind == "user" else value


def _slots(phrase: str) -> list[str]:
    return [part.split("}", 1)[0] for part in phrase.split("{")[1:]]
