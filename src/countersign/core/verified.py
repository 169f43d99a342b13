"""A verified brief: a brief, every objection to it, and all that code adds: panel, suggestion, questions.

Pure: the same brief over the same snapshot gives the same document. Only this module makes a
`VerifiedBrief`. The drafter chose which claims to state and in what order; nothing else here is its word.
"""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from countersign.core import notes
from countersign.core.alert import Alert, Severity
from countersign.core.brief import Brief
from countersign.core.facts import Fact
from countersign.core.handover import Frame, markdown_note
from countersign.core.ids import derived_id
from countersign.core.panel import PanelEntry, panel
from countersign.core.quality import Flag
from countersign.core.questions import Question, questions
from countersign.core.readings import own_readings
from countersign.core.snapshot import Snapshot
from countersign.core.suggest import Suggestion, suggest
from countersign.core.verify import CheckedClaim, verify


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


class Judged(msgspec.Struct, frozen=True):
    """Claims checked and everything computed from them, before tier and title are known."""

    claims: tuple[CheckedClaim, ...]
    marked: tuple[tuple[str, str], ...]


def check_brief(
    brief: Brief,
    snapshot: Snapshot,
    alerts: Sequence[Alert],
    flags: Sequence[Flag],
    marked: Collection[tuple[str, str]],
    stale: Collection[str],
) -> tuple[CheckedClaim, ...]:
    """Every claim of the brief, and the readings that only code may add."""
    checked = verify(brief.claims, snapshot, [a.evidence for a in alerts], stale)
    return (*checked, *own_readings(checked, marked, flags, snapshot))


def conclude(
    case: str,
    drafter: str,
    fallback: Fallback | None,
    brief: Brief,
    checked: tuple[CheckedClaim, ...],
    snapshot: Snapshot,
    alerts: Sequence[Alert],
    flags: Sequence[Flag],
    marked: Collection[tuple[str, str]],
    stale: Collection[str],
    tier: int,
    severity: Severity,
    facts: Mapping[str, Fact],
    left_out: int = 0,
) -> VerifiedBrief:
    """Panel, suggestion, questions, title and note over the checked claims."""
    shown = panel(snapshot, alerts, checked, flags, marked=marked)
    suggestion = suggest(
        checked, snapshot, flags=flags, panel=shown, marked=marked, stale=stale, tier=tier, severity=severity
    )
    asked = questions(checked, suggestion, snapshot, flags, brief.questions)
    leading = [getattr(c.claim, "code", "") for c in checked if c.id in suggestion.because]
    title = notes.title(checked, facts, snapshot, leading)
    frame = Frame(title, severity, tier, drafter, suggestion, shown, asked, tuple(flags), left_out)
    return VerifiedBrief(
        derived_id("brief", case, snapshot.id, drafter, snapshot.dictionary.digest, *(c.id or "?" for c in checked)),
        case,
        snapshot.id,
        drafter,
        fallback,
        title,
        checked,
        shown,
        suggestion,
        asked,
        markdown_note(frame, checked, snapshot),
    )
