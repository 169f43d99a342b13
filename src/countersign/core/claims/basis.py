"""What a hypothesis rests on: its verified claims, and what they state together.

A relation is stated by a relation claim, or by verified field claims over one record that cover two of
its roles. A field that merely stands in the same record states nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import msgspec

from countersign.core.canonical import parse_time
from countersign.core.claims.checks import Assessment
from countersign.core.claims.claims import (
    AbsenceClaim,
    Claim,
    CountClaim,
    FieldClaim,
    QuoteClaim,
    ReferenceClaim,
    RelationClaim,
)
from countersign.core.claims.roles import role_value
from countersign.core.claims.snapshot import Snapshot
from countersign.core.records.fields import MISSING
from countersign.core.render import value_text


class Stated(msgspec.Struct, frozen=True):
    """A relation that verified claims state of one record."""

    eid: str
    rel: str
    roles: Mapping[str, str]
    event_ns: int | None


class Basis:
    """The verified claims a hypothesis rests on, and what they state."""

    def __init__(
        self,
        claims: Iterable[tuple[Claim, Assessment]],
        snapshot: Snapshot,
        alerts: tuple[str, ...] = (),
        suspect: frozenset[str] = frozenset(),
    ) -> None:
        self.claims = tuple(claims)
        self.snapshot = snapshot
        self.alerts = alerts
        self.suspect = suspect  # records in the basis of other malicious readings

    def of(self, kind: type[Any]) -> list[Any]:
        """The basis claims of one kind."""
        return [claim for claim, _ in self.claims if isinstance(claim, kind)]

    @cached_property
    def stated(self) -> tuple[Stated, ...]:
        """Every relation that the basis states."""
        return stated((claim for claim, _ in self.claims), self.snapshot)

    def relations(self, *names: str) -> list[Stated]:
        """The relations of these names that the basis states."""
        return [s for s in self.stated if s.rel in names]

    def references(self, *kinds: str) -> list[ReferenceClaim]:
        """Reference claims to pinned lists of these kinds."""
        pinned = self.snapshot.references
        found: list[ReferenceClaim] = self.of(ReferenceClaim)
        return [c for c in found if pinned[c.kb, c.kb_version].kind in kinds]

    def counted(self, least: int, *, distinct: bool = False) -> list[CountClaim]:
        """Counts of at least this many."""
        found: list[CountClaim] = self.of(CountClaim)
        return [c for c in found if c.op != "le" and c.value >= least and bool(c.distinct) >= distinct]

    def told(self, *types: str) -> list[FieldClaim | QuoteClaim]:
        """Field and quote claims, of these semantic types if any are given."""
        found: list[FieldClaim | QuoteClaim] = [*self.of(FieldClaim), *self.of(QuoteClaim)]
        return [c for c in found if not types or self.type_of(c.cite, c.ptr) in types]

    def type_of(self, eid: str, pointer: str) -> str:
        """The semantic type of a cited field."""
        path = self.snapshot.path(self.snapshot.evidence[eid].schema, pointer)
        return path.field.type if path else ""

    def field_role(self, claim: FieldClaim | QuoteClaim) -> str:
        """The dictionary's role of a cited field."""
        path = self.snapshot.path(self.snapshot.evidence[claim.cite].schema, claim.ptr)
        return path.field.role if path else ""

    def absences(self, least_ns: int = 0) -> list[AbsenceClaim]:
        """Verified absences at least this long; an absence is verified only where it is covered."""
        found: list[AbsenceClaim] = self.of(AbsenceClaim)
        return [c for c in found if (parse_time(c.end) or 0) - (parse_time(c.start) or 0) >= least_ns]


def stated(claims: Iterable[Claim], snapshot: Snapshot) -> tuple[Stated, ...]:
    """Relations that claims state: those claimed outright, and those that field claims over one record add up to."""
    found: list[Stated] = []
    pointers: dict[str, set[str]] = defaultdict(set)
    for claim in claims:
        if isinstance(claim, RelationClaim):
            roles = {role: value_text(value) for role, value in claim.roles}
            found.append(Stated(claim.cite, claim.rel, roles, snapshot.evidence[claim.cite].event_ns))
        elif (isinstance(claim, FieldClaim) and claim.op == "eq") or isinstance(claim, QuoteClaim):
            pointers[claim.cite].add(claim.ptr)
    for eid, known in pointers.items():
        found += _add_up(eid, known, snapshot)
    return tuple(found)


def _add_up(eid: str, pointers: set[str], snapshot: Snapshot) -> list[Stated]:
    schema, found = snapshot.schema(eid), []
    for row in schema.relations if schema else ():
        if snapshot.relation(eid, row.name) is not row:  # the first row that applies is the one that counts
            continue
        roles: dict[str, str] = {}
        for role, place in row.roles:
            path, value = role_value(snapshot, eid, place)
            if path is not None and path.pointer in pointers and value is not MISSING:
                word = dict(place.mapping).get(value_text(value)) if place.mapping else place.present or None
                roles[role] = word or value_text(value)
        if len(roles) >= 2:
            found.append(Stated(eid, row.name, roles, snapshot.evidence[eid].event_ns))
    return found
