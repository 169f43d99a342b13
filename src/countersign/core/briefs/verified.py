"""A verified brief: a brief, every objection to it, and all that code adds: panel, suggestion, questions.

Pure: the same brief over the same snapshot gives the same document. Only this module makes a
`VerifiedBrief`. The drafter chose which claims to state and in what order; nothing else here is its word.
"""

from collections.abc import Mapping

import msgspec

from countersign.core.briefs import notes
from countersign.core.briefs.brief import Brief
from countersign.core.briefs.handover import Frame, markdown_note
from countersign.core.briefs.questions import Question, questions
from countersign.core.briefs.readings import own_readings
from countersign.core.briefs.suggest import Suggestion, suggest
from countersign.core.cases.case import Assembled
from countersign.core.cases.quality import Flag
from countersign.core.claims.snapshot import Snapshot
from countersign.core.claims.verify import CheckedClaim, verify
from countersign.core.facts.facts import Fact
from countersign.core.ids import derived_id, digest
from countersign.core.panel.panel import PanelEntry, panel
from countersign.core.records.alert import Alert, Severity


class Fallback(msgspec.Struct, frozen=True):
    """The drafter that was asked for, and why its reply was not used."""

    drafter: str
    reason: str


class VerifiedBrief(msgspec.Struct, frozen=True):
    """What an analyst is shown of one case."""

    id: str
    case: str
    snapshot: str
    drafter: str
    fallback: Fallback | None
    title: str
    claims: tuple[CheckedClaim, ...]
    must_show: tuple[PanelEntry, ...]
    suggestion: Suggestion
    questions: tuple[Question, ...]
    notes_markdown: str


class Grounds(msgspec.Struct, frozen=True):
    """What the claims of a case are judged on: its frozen evidence, and what code found in it."""

    snapshot: Snapshot
    alerts: tuple[Alert, ...]
    flags: tuple[Flag, ...] = ()
    marked: tuple[tuple[str, str], ...] = ()  # (evidence id, pointer) of fields with an injection marker
    stale: tuple[str, ...] = ()  # pinned lists past their time to live
    unheard: tuple[str, ...] = ()  # which deciding sources have nothing here, in words
    barred: tuple[str, ...] = ()  # detector families below their limits


class Drafted(msgspec.Struct, frozen=True):
    """A drafter's brief, before any check."""

    brief: Brief
    drafter: str
    fallback: Fallback | None = None
    masked: str | None = None  # the disposition that a masked re-draft led to; None when none was made


class Rank(msgspec.Struct, frozen=True):
    """How careful the case demands to be, and why."""

    tier: int
    because: tuple[str, ...]
    severity: Severity


def check_brief(brief: Brief, grounds: Grounds) -> tuple[CheckedClaim, ...]:
    """Every claim of the brief, and the readings that only code may add."""
    checked = verify(brief.claims, grounds.snapshot, [a.evidence for a in grounds.alerts], grounds.stale)
    return (*checked, *own_readings(checked, grounds.marked, grounds.flags, grounds.snapshot))


def conclude(
    case: Assembled,
    drafted: Drafted,
    checked: tuple[CheckedClaim, ...],
    grounds: Grounds,
    rank: Rank,
    facts: Mapping[str, Fact],
) -> VerifiedBrief:
    """Panel, suggestion, questions, title and note over the checked claims."""
    snapshot, flags, marked = grounds.snapshot, grounds.flags, grounds.marked
    shown = panel(snapshot, grounds.alerts, checked, flags, marked=marked, unheard=grounds.unheard)
    suggestion = suggest(
        checked,
        snapshot,
        flags=flags,
        panel=shown,
        marked=marked,
        stale=grounds.stale,
        tier=rank.tier,
        severity=rank.severity,
        barred=grounds.barred,
        masked=drafted.masked,
    )
    asked = questions(checked, suggestion, snapshot, flags, drafted.brief.questions)
    leading = [getattr(c.claim, "code", "") for c in checked if c.id in suggestion.because]
    title = notes.title(checked, facts, snapshot, leading)
    author = drafted.drafter
    if drafted.fallback is not None:
        author += f" (the reply of {drafted.fallback.drafter} was not used: {drafted.fallback.reason})"
    frame = Frame(
        title,
        rank.severity,
        rank.tier,
        author,
        suggestion,
        shown,
        asked,
        flags,
        case.left_out,
        rank.because,
    )
    names = (case.id, snapshot.id, drafted.drafter, snapshot.dictionary.digest)
    content = msgspec.json.encode((checked, shown, suggestion, asked, title, drafted.fallback))
    return VerifiedBrief(
        derived_id(
            "brief", *names, digest(content), digest(markdown_note(frame, checked, snapshot).encode())
        ),
        case.id,
        snapshot.id,
        drafted.drafter,
        drafted.fallback,
        f"{case.name}: {title}" if case.name else title,
        checked,
        shown,
        suggestion,
        asked,
        markdown_note(frame, checked, snapshot),
    )
