"""From a case and a drafter's reply to the document that every door shows.

Pure: whoever has the evidence, the circumstances and the replies comes to the same bytes, so that replay does
what drafting did. The drafter is asked elsewhere; what it said comes in.
"""

from collections.abc import Callable, Sequence

import msgspec

from countersign.core.briefs import documents
from countersign.core.briefs.brief import parse_brief, reread
from countersign.core.briefs.redact import Prepared, masked, prepare
from countersign.core.briefs.suggest import CLOSING, supported
from countersign.core.briefs.verified import (
    Drafted,
    Fallback,
    Grounds,
    Rank,
    VerifiedBrief,
    check_brief,
    conclude,
)
from countersign.core.cases.case import Assembled, Case
from countersign.core.cases.flag import Flag
from countersign.core.cases.quality import by_schema, measured_skew
from countersign.core.cases.tiers import gather, severity, tier
from countersign.core.claims.reference import Reference
from countersign.core.claims.snapshot import Snapshot
from countersign.core.claims.verify import CheckedClaim
from countersign.core.facts.menu import menu
from countersign.core.facts.signals import Signals
from countersign.core.panel.marking import aimed, marked_fields
from countersign.core.records.alert import Severity
from countersign.errors import DraftError

Again = Callable[[Prepared], bytes]
"""What the drafter says of the masked dossier; may raise `DraftError`."""


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a case besides its records: its rules' families, what sources lack, what it was before."""

    families: tuple[str, ...] = ()
    unheard: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()
    least_tier: int = 0  # the case had it already
    least_severity: Severity = "low"
    judged_ns: int = 0  # when pinned lists are judged stale


class Asked(msgspec.Struct, frozen=True):
    """A case whose drafter is about to be asked."""

    one: Assembled
    snapshot: Snapshot  # flagged
    flags: tuple[Flag, ...]
    around: Around
    references: tuple[Reference, ...]
    prepared: Prepared


class Briefed(msgspec.Struct, frozen=True):
    """A case with its brief, and the document that every door shows."""

    case: Case
    brief: VerifiedBrief
    snapshot: Snapshot
    flags: tuple[Flag, ...]
    document: dict[str, object]


def flagged(bare: Snapshot, flags: tuple[Flag, ...]) -> Snapshot:
    """The snapshot as claims are judged over it."""
    return bare.flagged(by_schema(flags), measured_skew(flags))


def asked(
    one: Assembled,
    snapshot: Snapshot,
    flags: tuple[Flag, ...],
    around: Around,
    references: tuple[Reference, ...],
    signals: Signals,
) -> Asked:
    """A case with its dossier."""
    facts = menu(snapshot, signals, one.alerts, one.duplicates)
    return Asked(one, snapshot, flags, around, references, prepare(one.id, snapshot, one.alerts, facts))


def drafted(question: Asked, reply: bytes, drafter: str, fallback: Fallback | None = None) -> Drafted:
    """The brief that a reply spells. Raises `MalformedDraft` when it spells none."""
    prepared = question.prepared
    return Drafted(parse_brief(reply, prepared.cites, prepared.menu), drafter, fallback)


def briefed(question: Asked, said: Drafted, again: Again) -> Briefed:
    """The case with its verified brief; `again` is asked only before something would be suggested closed."""
    one, snapshot, around = question.one, question.snapshot, question.around
    stale = tuple(r.kb for r in question.references if r.is_stale(around.judged_ns))
    marked = marked_fields(snapshot)
    grounds = Grounds(snapshot, one.alerts, question.flags, marked, stale, around.unheard, around.barred)
    checked = check_brief(said.brief, grounds)
    rank = _rank(checked, grounds, around)
    brief = conclude(one, said, checked, grounds, rank, question.prepared.facts)
    if brief.suggestion.disposition in CLOSING:
        said, grounds = _redrafted(question, said, grounds, brief, again)
        brief = conclude(one, said, checked, grounds, rank, question.prepared.facts)
    case = Case(
        one.id,
        brief.title,
        rank.severity,
        rank.tier,
        rank.because,
        snapshot.id,
        one.opened_because,
        one.alerts,
        tuple(record.id for record in one.evidence),
        one.links,
        one.duplicates,
        one.left_out,
        one.kind,
        one.score,
    )
    document = documents.case_document(case, brief, snapshot, grounds.flags)
    return Briefed(case, brief, snapshot, grounds.flags, document)


def _redrafted(
    question: Asked, said: Drafted, grounds: Grounds, brief: VerifiedBrief, again: Again
) -> tuple[Drafted, Grounds]:
    """Before anything is closed: draft again with outsiders' words masked, and see whether the suggestion stands."""
    bare = masked(question.prepared)
    try:
        anew = parse_brief(again(bare), bare.cites, bare.menu)
        checked = check_brief(reread(said.brief, anew), grounds)
        rank = _rank(checked, grounds, question.around)
        second = conclude(question.one, Drafted(anew, said.drafter), checked, grounds, rank, {})
        disposition = second.suggestion.disposition
    except DraftError:
        disposition = "insufficient_data"
    if disposition != brief.suggestion.disposition:
        detail = f"with outsiders' fields masked the suggestion is {disposition}"
        flag = Flag("influenced", "", "", detail, "C08")
        grounds = msgspec.structs.replace(grounds, flags=(*grounds.flags, flag))
    return msgspec.structs.replace(said, masked=disposition), grounds


def _rank(checked: Sequence[CheckedClaim], grounds: Grounds, around: Around) -> Rank:
    """The tier and severity now; neither falls below what the case had."""
    snapshot = grounds.snapshot
    held = supported(checked, snapshot, grounds.stale)[0]
    weighed = gather(
        snapshot,
        grounds.alerts,
        families=around.families,
        codes=tuple(dict.fromkeys(reading.code for reading in held if reading.code != "tool_attack")),
        markers=aimed(snapshot, grounds.marked),
        partial=any(flag.partial for flag in grounds.flags),
    )
    level, because = tier(weighed, least=around.least_tier)
    return Rank(level, because, severity(weighed, level, least=around.least_severity))
