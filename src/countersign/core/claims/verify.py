"""Every claim through every check. A weak claim stays, marked; it is never dropped and never repaired.

A pure function of claims and snapshot: the same input gives the same words on any machine. Whatever
goes wrong inside a check makes that claim invalid, never verified. Facts are checked before the
hypotheses that rest on them. Only this module makes a `VerifiedBrief` or a `CheckedClaim`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from countersign.core.claims import aggregates, checks, registry, sentences
from countersign.core.claims.basis import Basis
from countersign.core.claims.checks import Assessment, Citation, Objection, Scope
from countersign.core.claims.claims import (
    AbsenceClaim,
    Claim,
    CountClaim,
    FieldClaim,
    HypothesisClaim,
    Malformed,
    OrderClaim,
    QuoteClaim,
    ReferenceClaim,
    RelationClaim,
    SameClaim,
    TimeClaim,
    document,
    kind_of,
)
from countersign.core.claims.hypotheses import SHAPES
from countersign.core.claims.snapshot import Snapshot
from countersign.core.ids import canonical, digest
from countersign.core.render import neutralize
from countersign.core.vocabulary import VOCABULARY

VERSION = "verifier/1+registry/" + registry.VERSION
Status = Literal["verified", "contradicted", "unsupported", "interpretation", "invalid"]
INVALID, CONTRADICTED = frozenset(range(1, 8)), frozenset({9, 10, 11, 13, 14})


class CheckedClaim(msgspec.Struct, frozen=True):
    """A claim and what the checks found. `text` is None only when it is invalid."""

    id: str | None
    kind: str | None
    section: str
    status: Status
    scope: Scope | None
    tainted: bool
    flags: tuple[str, ...]
    text: str | None
    citations: tuple[Citation, ...]
    objections: tuple[Objection, ...]
    claim: Claim | None
    received: dict[str, Any] | None = None
    records: tuple[str, ...] = ()


_CHECKS: dict[type[Any], Any] = {
    FieldClaim: checks.check_field,
    QuoteClaim: checks.check_quote,
    RelationClaim: checks.check_relation,
    SameClaim: checks.check_same,
    CountClaim: aggregates.check_count,
    TimeClaim: aggregates.check_time,
    OrderClaim: checks.check_order,
    AbsenceClaim: aggregates.check_absence,
    ReferenceClaim: checks.check_reference,
}


def verify(
    claims: Sequence[Claim | Malformed],
    snapshot: Snapshot,
    alerts: Iterable[str] = (),
    stale: Iterable[str] = (),
) -> tuple[CheckedClaim, ...]:
    """Check every claim, in the order given.

    `alerts` are evidence ids of the case's alerts (what a register must cover); `stale` names pinned
    lists (`kb`) past their time to live, which no hypothesis may rest on.
    """
    made: dict[int, CheckedClaim] = {}
    facts: dict[str, tuple[Claim, Assessment]] = {}
    for position, claim in enumerate(claims):
        if isinstance(claim, Malformed):
            made[position] = _refused(claim)
        elif not isinstance(claim, HypothesisClaim):
            assessed = _assess(claim, snapshot)
            made[position] = _checked(claim, assessed, snapshot)
            facts[claim.id] = (claim, assessed)
    readings = [(p, c) for p, c in enumerate(claims) if isinstance(c, HypothesisClaim)]
    suspect = _suspect([c for _, c in readings], facts)
    for position, reading in readings:
        assessed = _read(reading, facts, snapshot, tuple(alerts), frozenset(stale), suspect)
        made[position] = _checked(reading, assessed, snapshot)
    return tuple(made[position] for position in range(len(claims)))


def status_of(objections: Iterable[Objection]) -> Status:
    """The status that a set of objections leaves a fact claim with."""
    numbers = {objection.check for objection in objections}
    if not numbers:
        return "verified"
    if numbers & INVALID:
        return "invalid"
    return "contradicted" if numbers & CONTRADICTED else "unsupported"


def _assess(claim: Claim, snapshot: Snapshot) -> Assessment:
    try:
        assessed: Assessment = _CHECKS[type(claim)](claim, snapshot)
    except Exception as error:  # noqa: BLE001 - any failure inside a check must refuse the claim, never pass it
        return Assessment().object(2, f"the check itself failed ({type(error).__name__})")
    if not assessed.objections and not assessed.text:
        return assessed.object(2, "nothing could be stated")
    return assessed


def _suspect(readings: list[HypothesisClaim], facts: dict[str, tuple[Claim, Assessment]]) -> frozenset[str]:
    """Records under verified claims of malicious readings, which a lateral move may start from."""
    ids = {
        b
        for r in readings
        if r.stance == "supports" and VOCABULARY[r.code].polarity == "malicious" and r.code != "lateral_move"
        for b in r.basis
    }
    return frozenset(
        eid for b in ids if b in facts and not facts[b][1].objections for eid in facts[b][1].records
    )


def _read(
    reading: HypothesisClaim,
    facts: dict[str, tuple[Claim, Assessment]],
    snapshot: Snapshot,
    alerts: tuple[str, ...],
    stale: frozenset[str],
    suspect: frozenset[str],
) -> Assessment:
    if not reading.basis:
        return Assessment().object(3, "rests on nothing")
    a = Assessment(text=sentences.hypothesis(reading.code, reading.stance, reading.basis))
    for named in reading.basis:
        # (17) Everything it rests on is a verified, current fact.
        if named not in facts or facts[named][1].objections:
            a.object(17, f"{named} is not a verified claim")
            continue
        claim, assessed = facts[named]
        if isinstance(claim, ReferenceClaim) and claim.kb in stale:
            a.object(17, f"{named} rests on {neutralize(claim.kb)}, which is past its time to live")
        a.tainted = a.tainted or assessed.tainted
        a.records += assessed.records
    if a.objections:
        return a
    basis = Basis((facts[named] for named in reading.basis), snapshot, alerts, suspect)
    if reading.stance == "weakens":
        # A weakening needs no shape, but a basis that the party under investigation did not write alone.
        if all(facts[named][1].tainted for named in reading.basis):
            a.object(18, "a weakening needs one claim that no outsider could have written")
        return a
    try:
        missing = SHAPES[reading.code](basis)
    except Exception as error:  # noqa: BLE001 - a shape that cannot be judged is not met
        missing = f"the shape could not be judged ({type(error).__name__})"
    # (18) The basis has the shape that the code demands.
    return a.object(18, missing) if missing else a


def _checked(claim: Claim, assessed: Assessment, snapshot: Snapshot) -> CheckedClaim:
    status = status_of(assessed.objections)
    if isinstance(claim, HypothesisClaim):
        status = {"verified": "interpretation", "invalid": "invalid"}.get(status, "unsupported")  # type: ignore[assignment]
    if isinstance(claim, QuoteClaim) and status == "verified":
        claim = msgspec.structs.replace(claim, start=assessed.start, end=assessed.end)
    invalid = status == "invalid"
    return CheckedClaim(
        claim.id,
        kind_of(claim),
        claim.section,
        status,
        assessed.scope if status == "verified" else None,
        assessed.tainted,
        () if invalid else _flags(claim, assessed, snapshot),
        None if invalid else assessed.text,
        tuple(c for c in dict.fromkeys(assessed.citations) if c.evidence in snapshot.evidence),
        tuple(dict.fromkeys(assessed.objections)),
        claim,
        records=tuple(dict.fromkeys(assessed.records)),
    )


def _flags(claim: Claim, assessed: Assessment, snapshot: Snapshot) -> tuple[str, ...]:
    found: set[str] = set()
    for eid in assessed.records:
        record = snapshot.evidence[eid]
        found |= snapshot.flags.get(record.schema, frozenset())
        if record.copies > 1:
            found.add("duplicate")
    if isinstance(claim, CountClaim | TimeClaim | AbsenceClaim):
        found |= snapshot.flags.get(claim.filter.schema, frozenset())
    return tuple(sorted(found))


def _refused(claim: Malformed) -> CheckedClaim:
    return CheckedClaim(
        claim.id,
        claim.kind,
        claim.section or "",
        "invalid",
        None,
        False,
        (),
        None,
        (),
        (Objection(claim.check, claim.reason),),
        None,
        claim.received,
    )


def proof(checked: CheckedClaim, snapshot: Snapshot) -> str:
    """Digest of everything one result follows from: verifier, dictionary, references, snapshot, claim, outcome."""
    return digest(
        canonical(
            {
                "verifier": VERSION,
                "dictionary": snapshot.dictionary.digest,
                "references": sorted(r.digest for r in snapshot.references.values()),
                "snapshot": snapshot.id,
                "claim": None if checked.claim is None else document(checked.claim),
                "status": checked.status,
                "text": checked.text,
                "checks": [[o.check, o.reason] for o in checked.objections],
            }
        )
    )
