"""Statements: runs of consecutive fact claims of one section that speak of one same record.

A statement is what a reader takes in at once, so it has a status of its own: `partly` when some of its
claims are verified and some are not. Only the grouping lives here. Source: `verification.md` section 5.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from countersign.core.claims.claims import (
    Claim,
    FieldClaim,
    HypothesisClaim,
    OrderClaim,
    QuoteClaim,
    ReferenceClaim,
    RelationClaim,
    SameClaim,
)
from countersign.core.claims.verify import CheckedClaim

StatementStatus = Literal["verified", "partly", "contradicted", "unsupported", "invalid"]


class Statement(msgspec.Struct, frozen=True):
    """Claims shown as one; `about` names the records (or the register entry) that all of them speak of."""

    section: str
    about: frozenset[str]
    claims: tuple[CheckedClaim, ...]
    status: StatementStatus


def about(claim: Claim | None) -> frozenset[str]:
    """The records a claim names outright, or `kb@version/key` of a register entry; empty for an aggregate."""
    match claim:
        case FieldClaim() | QuoteClaim() | RelationClaim():
            return frozenset({claim.cite})
        case SameClaim():
            return frozenset({claim.a.cite, claim.b.cite})
        case OrderClaim():
            return frozenset({claim.before, claim.after})
        case ReferenceClaim():
            return frozenset({f"{claim.kb}@{claim.kb_version}/{claim.key}"})
        case _:
            return frozenset()


def statements(checked: Sequence[CheckedClaim]) -> tuple[Statement, ...]:
    """Group claims in the order given; a hypothesis ends a run and belongs to none.

    An aggregate (count, time, absence) speaks of no one record and stands alone, as does a claim
    that could not be read.
    """
    runs: list[tuple[frozenset[str], list[CheckedClaim]]] = []
    broken = True
    for claim in checked:
        if claim.kind == "hypothesis" or isinstance(claim.claim, HypothesisClaim):
            broken = True
            continue
        named = about(claim.claim)
        shared = (
            runs[-1][0] & named
            if runs and not broken and runs[-1][1][-1].section == claim.section
            else frozenset()
        )
        if shared:
            runs[-1] = (shared, [*runs[-1][1], claim])
        else:
            runs.append((named, [claim]))
        broken = False
    return tuple(Statement(run[0].section, shared, tuple(run), _status(run)) for shared, run in runs)


def _status(run: Iterable[CheckedClaim]) -> StatementStatus:
    found = {claim.status for claim in run}
    if found == {"verified"}:
        return "verified"
    if "verified" in found:
        return "partly"
    ranked: tuple[StatementStatus, ...] = ("contradicted", "unsupported", "invalid")
    return next((status for status in ranked if status in found), "invalid")
