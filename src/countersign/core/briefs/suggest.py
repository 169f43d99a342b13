"""The suggested disposition: hypotheses over verified claims, through rule table v1, then every cap.

The drafter has no other influence than the claims it wrote. A rule only reads the codes that are
*supported*; a cap only takes confidence away. Nothing but C02 weakens an escalating suggestion. Where
several caps hold, all are named and the more careful outcome stands: `suspicious` before
`insufficient_data`. Source: `verification.md` section 9.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from countersign.core.briefs.statements import statements
from countersign.core.cases.quality import Flag
from countersign.core.claims.claims import HypothesisClaim, ReferenceClaim
from countersign.core.claims.snapshot import Snapshot
from countersign.core.claims.verify import CheckedClaim
from countersign.core.panel.entries import CRITICAL, PanelEntry, uncovered
from countersign.core.records.evidence import Evidence
from countersign.core.vocabulary import VOCABULARY

RULE_TABLE = "rules/1"
Disposition = Literal[
    "true_positive",
    "benign_positive",
    "false_positive",
    "suspicious",
    "security_risk",
    "duplicate",
    "test",
    "insufficient_data",
]
CLOSING: frozenset[Disposition] = frozenset({"benign_positive", "false_positive", "test", "duplicate"})
DESCRIBES_RULES = frozenset({"rule_text", "attack"})
"""Kinds of pinned list that speak of rules or techniques, not of this activity."""


class Suggestion(msgspec.Struct, frozen=True):
    """What the rule table suggests; `because` names the hypotheses that made the rule fire."""

    disposition: Disposition
    rule: str
    because: tuple[str, ...]
    capped_by: tuple[str, ...]
    reasons: tuple[str, ...]


class Reading(msgspec.Struct, frozen=True):
    """A supported hypothesis and the claims it rests on."""

    id: str
    code: str
    basis: tuple[CheckedClaim, ...]
    sources: frozenset[str]
    tainted: bool
    contested: bool

    @property
    def polarity(self) -> str:
        """The polarity that the vocabulary gives its code."""
        return VOCABULARY[self.code].polarity


class Standing(msgspec.Struct, frozen=True):
    """Everything the caps look at."""

    checked: Sequence[CheckedClaim]
    snapshot: Snapshot
    flags: Sequence[Flag]
    panel: Sequence[PanelEntry]
    marked: Collection[tuple[str, str]]
    tier: int
    severity: str
    second_read: bool
    barred: Collection[str]


Cap = tuple[str, Disposition | None, str]
"""Cap id, the outcome it forces (None: it changes no disposition), the reason in words."""


def suggest(
    checked: Sequence[CheckedClaim],
    snapshot: Snapshot,
    *,
    flags: Sequence[Flag],
    panel: Sequence[PanelEntry],
    marked: Collection[tuple[str, str]],
    stale: Collection[str],
    tier: int,
    severity: str,
    second_read: bool = False,
    barred: Collection[str] = (),
    masked: str | None = None,
) -> Suggestion:
    """The suggestion for a brief whose claims were checked over `snapshot`.

    `checked` holds the readings of `core/briefs/readings` too. `marked` are fields with an injection marker
    other than a keyword; `stale` names pinned lists past their time to live; `barred` names the case's
    detector families below their limits; `masked` is what a masked re-draft led to (None: not run).
    """
    standing = Standing(checked, snapshot, flags, panel, marked, tier, severity, second_read, barred)
    readings, dropped = supported(checked, snapshot, stale)
    rule, disposition, because = _first_rule(readings)
    caps = [*_stale(dropped, disposition), *_caps(standing, disposition, because)]
    capped = _worst(disposition, caps)
    if masked is not None and masked != capped:
        forced: Disposition | None = "suspicious" if disposition in CLOSING else None
        if forced:
            caps.append(
                ("C08", forced, f"with outsider fields masked the suggestion is {masked}: influenced")
            )
            capped = _worst(disposition, caps)
    return Suggestion(
        capped,
        rule,
        tuple(reading.id for reading in because),
        tuple(sorted({cap for cap, _, _ in caps})),
        (
            *_notes(rule, because),
            *dict.fromkeys(f"{cap}: {reason}" for cap, _, reason in sorted(caps, key=_by_id)),
        ),
    )


def _by_id(cap: Cap) -> str:
    return cap[0]


def supported(
    checked: Sequence[CheckedClaim], snapshot: Snapshot, stale: Collection[str] = ()
) -> tuple[list[Reading], list[Reading]]:
    """Supported readings, and those that fell because a list they rest on is past its time to live.

    The second part holds readings the verifier refused for that reason alone (objection 17).
    """
    facts = {claim.id: claim for claim in checked if claim.kind != "hypothesis"}
    opposed = {
        h.code for c, h in _readings(checked) if h.stance == "weakens" and _opposes(c, h, facts, stale)
    }
    kept: list[Reading] = []
    dropped: list[Reading] = []
    for claim, hypothesis in _readings(checked):
        if hypothesis.stance != "supports" or claim.id is None:
            continue
        basis = tuple(facts[named] for named in hypothesis.basis if named in facts)
        sources = frozenset(
            snapshot.evidence[eid].source for eid in claim.records if eid in snapshot.evidence
        )
        contested = hypothesis.code in opposed
        reading = Reading(claim.id, hypothesis.code, basis, sources, claim.tainted, contested)
        if _rests_on(basis, stale):
            if claim.status == "interpretation" or {o.check for o in claim.objections} == {17}:
                dropped.append(reading)
        elif claim.status == "interpretation":
            kept.append(reading)
    return kept, dropped


def _readings(checked: Iterable[CheckedClaim]) -> Iterator[tuple[CheckedClaim, HypothesisClaim]]:
    return ((c, c.claim) for c in checked if isinstance(c.claim, HypothesisClaim))


def _rests_on(basis: Iterable[CheckedClaim], stale: Collection[str]) -> bool:
    return any(isinstance(c.claim, ReferenceClaim) and c.claim.kb in stale for c in basis)


def _opposes(
    claim: CheckedClaim,
    hypothesis: HypothesisClaim,
    facts: dict[str | None, CheckedClaim],
    stale: Collection[str],
) -> bool:
    basis = [facts[named] for named in hypothesis.basis if named in facts]
    sound = any(c.status == "verified" and not c.tainted for c in basis)
    return claim.status == "interpretation" and sound and not _rests_on(basis, stale)


# --- rule table v1 ---------------------------------------------------------------------------------------

_BY_CODE: tuple[tuple[str, Disposition, frozenset[str]], ...] = (
    ("R05", "security_risk", frozenset({"policy_breach"})),
    ("R06", "duplicate", frozenset({"duplicate"})),
    ("R07", "test", frozenset({"authorised_test"})),
    ("R08", "benign_positive", frozenset({"approved_change", "known_automation", "owner_confirmed"})),
    ("R09", "false_positive", frozenset({"rule_defect", "stale_intel"})),
    ("R10", "insufficient_data", frozenset({"blocked", "no_follow_on"})),
)


def _first_rule(readings: list[Reading]) -> tuple[str, Disposition, list[Reading]]:
    malicious = [r for r in readings if r.polarity == "malicious"]
    benign = [r for r in readings if r.polarity in {"benign", "defect"}]
    sure = [r for r in malicious if not r.contested and r.code != "tool_attack"]
    strong = [r for r in sure if VOCABULARY[r.code].strong]
    weak = [r for r in sure if not VOCABULARY[r.code].strong]
    if strong and not benign:
        return "R01", "true_positive", strong
    if len({r.code for r in weak}) >= 2 and len({s for r in weak for s in r.sources}) >= 2 and not benign:
        return "R02", "true_positive", weak
    if malicious and benign:
        return "R03", "suspicious", [*malicious, *benign]
    if malicious:
        return "R04", "suspicious", malicious
    for rule, disposition, codes in _BY_CODE:
        if fired := [r for r in readings if r.code in codes]:
            return rule, disposition, fired
    return "R11", "insufficient_data", []


def _notes(rule: str, because: list[Reading]) -> list[str]:
    if rule == "R03":
        return ["R03: both sides are supported; a benign reading never cancels a malicious one"]
    if rule == "R10" and because and not any(reading.tainted for reading in because):
        return ["R10: urgency may drop one step, as no outsider wrote what this rests on"]
    return []


# --- caps ------------------------------------------------------------------------------------------------


def _stale(dropped: list[Reading], disposition: Disposition) -> Iterator[Cap]:
    """C05. A malicious reading that fell with its list still forbids closing: only C02 weakens escalation."""
    for reading in dropped:
        forced = reading.polarity == "malicious" and disposition in CLOSING
        yield (
            "C05",
            "insufficient_data" if forced else None,
            f"{reading.code} rested on a list past its time to live",
        )


def _caps(standing: Standing, disposition: Disposition, because: list[Reading]) -> Iterator[Cap]:
    basis = list({id(claim): claim for reading in because for claim in reading.basis}.values())
    if any(flag.cap == "C11" for flag in standing.flags):
        yield "C11", None, "records came late or partly: no confidence above 0.7 may be shown"
    yield from _conflict(standing, disposition, basis)
    if disposition not in CLOSING:
        return
    yield from _blind(standing)
    # C03: what outsiders wrote is never the only ground. A register's claim is ground enough (`verification.md`
    # section 7): its shape held the entry against every alert. A rule's text says nothing about this activity.
    if not any(
        claim.status == "verified" and not claim.tainted and not _rule_text(standing, claim)
        for claim in basis
    ):
        yield "C03", "insufficient_data", "no untainted verified claim in the basis"
    yield from _marked(standing)
    yield from _statement(standing, basis)
    if missing := uncovered([e for e in standing.panel if e.part in {"P1", "P2"}], standing.checked):
        yield "C07", "insufficient_data", f"{len(missing)} items of P1 and P2 are in no verified claim"
    yield from _weight(standing)
    if standing.barred:
        yield "C10", "insufficient_data", f"no closing suggestions for {', '.join(sorted(standing.barred))}"


def _blind(standing: Standing) -> Iterator[Cap]:
    for flag in standing.flags:
        if flag.cap == "C01":
            yield "C01", "insufficient_data", f"{flag.schema} is {flag.flag}"


def _conflict(standing: Standing, disposition: Disposition, basis: list[CheckedClaim]) -> Iterator[Cap]:
    if disposition not in CLOSING and disposition != "true_positive":
        return
    torn = [flag for flag in standing.flags if flag.cap == "C02"]
    exact = disposition == "true_positive"  # only a conflict about the very fields may weaken an escalation
    rests = any(_touches(standing, flag, claim, exact=exact) for flag in torn for claim in basis)
    # A register speaks of what the alert says: to close, the alert's own records must agree too.
    fired = {
        e.evidence for e in standing.panel if e.part == "P1" and not exact
    } & standing.snapshot.evidence.keys()
    if rests or any(
        _concerns(flag, standing.snapshot.evidence[eid]) for flag in torn for eid in fired if eid
    ):
        outcome: Disposition = "suspicious" if disposition == "true_positive" else "insufficient_data"
        yield "C02", outcome, "sources disagree on what the basis rests on"


def _touches(standing: Standing, flag: Flag, claim: CheckedClaim, *, exact: bool) -> bool:
    """Does a claim rest on what a conflict is about: its records, and its fields where the flag names them?"""
    evidence = standing.snapshot.evidence
    if exact and flag.pointers and not any(citation.pointer in flag.pointers for citation in claim.citations):
        return False
    return any(_concerns(flag, evidence[eid]) for eid in claim.records if eid in evidence)


def _concerns(flag: Flag, record: Evidence) -> bool:
    """Does a flag speak of this record: of its source (or whole schema), at its time if it names times?"""
    if flag.schema not in {"", record.schema} or flag.source not in {"", record.schema, record.source}:
        return False
    ns = record.event_ns
    after = flag.start_ns is None or ns is None or flag.start_ns <= ns
    return after and (flag.end_ns is None or ns is None or ns <= flag.end_ns)


def _rule_text(standing: Standing, claim: CheckedClaim) -> bool:
    if not isinstance(claim.claim, ReferenceClaim):
        return False
    pinned = standing.snapshot.references.get((claim.claim.kb, claim.claim.kb_version))
    return pinned is None or pinned.kind in DESCRIBES_RULES


def _marked(standing: Standing) -> Iterator[Cap]:
    cited = {(c.evidence, c.pointer) for claim in standing.checked for c in claim.citations}
    cited |= {(e.evidence, e.pointer) for e in standing.panel if e.part == "P1" and e.evidence and e.pointer}
    if cited & set(standing.marked):
        yield "C04", "suspicious", "a cited or triggering field carries an injection marker"


def _statement(standing: Standing, basis: list[CheckedClaim]) -> Iterator[Cap]:
    ids = {id(claim) for claim in basis}
    for statement in statements(standing.checked):
        refused = [c for c in statement.claims if c.status in {"contradicted", "unsupported"}]
        if refused and any(id(claim) in ids for claim in statement.claims):
            yield "C06", "insufficient_data", f"{refused[0].id} in the same statement is {refused[0].status}"


def _weight(standing: Standing) -> Iterator[Cap]:
    heavy = standing.severity in {"high", "critical"} or any(
        e.part == "P9" and e.reason == CRITICAL for e in standing.panel
    )
    if heavy and not (standing.tier >= 3 and standing.second_read):
        lacking = [] if standing.tier >= 3 else [f"tier 3 (this is tier {standing.tier})"]
        lacking += [] if standing.second_read else ["a blind second read, which nobody made"]
        yield "C09", "insufficient_data", f"closing needs {' and '.join(lacking)}"


def _worst(disposition: Disposition, caps: Iterable[Cap]) -> Disposition:
    outcomes = {outcome for _, outcome, _ in caps if outcome is not None}
    if "suspicious" in outcomes:
        return "suspicious"
    return "insufficient_data" if outcomes else disposition
