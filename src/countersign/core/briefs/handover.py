"""The note that is forwarded: Markdown, made of rendered claims and of what code computed, nothing else."""

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from countersign.core.briefs import notes
from countersign.core.briefs.questions import Question
from countersign.core.briefs.suggest import Suggestion
from countersign.core.canonical import clock
from countersign.core.cases.quality import Flag
from countersign.core.claims.claims import HypothesisClaim
from countersign.core.claims.snapshot import Snapshot
from countersign.core.claims.verify import CheckedClaim
from countersign.core.panel.panel import PanelEntry
from countersign.core.render import markdown
from countersign.core.vocabulary import VOCABULARY

HEADINGS = (
    ("what_happened", "What happened, in order"),
    ("disagreement", "Where sources disagree"),
    ("indicators", "Indicators in more than one source"),
    ("unusual", "Unusual: seen once in this case"),
)
MUST_PARTS = ("P2", "P7", "P8", "P9")


class Frame(msgspec.Struct, frozen=True):
    """What stands around the claims."""

    title: str
    severity: str
    tier: int
    drafter: str
    suggestion: Suggestion
    panel: tuple[PanelEntry, ...]
    questions: tuple[Question, ...]
    flags: tuple[Flag, ...]
    left_out: int
    tier_because: tuple[str, ...] = ()


def unseen(frame: Frame) -> list[str]:
    """What could not be seen, in words: missing coverage, data-quality flags, records left out."""
    told = [
        entry.reason + (f": {entry.value}" if entry.value else "")
        for entry in frame.panel
        if entry.part == "P6"
    ]
    if frame.left_out:
        told.append(f"{frame.left_out} further records share an observable and are not in this case")
    return list(dict.fromkeys(told))


def readings(checked: Sequence[CheckedClaim]) -> list[tuple[CheckedClaim, str]]:
    """Each hypothesis with its meaning in words."""
    found = []
    for claim in checked:
        if isinstance(claim.claim, HypothesisClaim) and claim.status in {"interpretation", "unsupported"}:
            code = VOCABULARY[claim.claim.code]
            found.append((claim, code.meaning))
    return found


def markdown_note(frame: Frame, checked: Sequence[CheckedClaim], snapshot: Snapshot) -> str:
    """The note. Each line names the claims it tells; readings are marked as such."""
    out = [f"# {markdown(frame.title)}", ""]
    because = f" ({frame.suggestion.rule})"
    caps = f", capped by {', '.join(frame.suggestion.capped_by)}" if frame.suggestion.capped_by else ""
    out.append(
        f"Severity {frame.severity} · tier {frame.tier} · {markdown(notes.period(snapshot))} · "
        f"suggestion **{markdown(frame.suggestion.disposition.replace('_', ' '))}**{because}{caps} · "
        f"drafted by {markdown(frame.drafter)}, every claim recomputed by code; nothing is decided"
    )
    if frame.tier_because:
        out += ["", f"Tier {frame.tier} because: {markdown('; '.join(frame.tier_because))}"]
    if missing := unseen(frame):
        out += ["", "## What we could not see", *(f"- {markdown(text)}" for text in missing)]
    for section, heading in HEADINGS:
        told = (
            notes.indicator_lines(checked, snapshot)
            if section == "indicators"
            else _lines(checked, snapshot, section)
        )
        if told:
            out += ["", f"## {heading}", *told]
    if told := [_reading(claim, meaning) for claim, meaning in readings(checked)]:
        out += ["", "## Readings, not facts", *told]
    if told := _must_show(frame.panel):
        out += ["", "## Must show", *told]
    if frame.questions:
        out += ["", "## Ask next"]
        out += [f"- {markdown(q.text)} ({markdown(q.answered_by)})" for q in frame.questions]
    return "\n".join(out) + "\n"


def _lines(checked: Sequence[CheckedClaim], snapshot: Snapshot, section: str) -> list[str]:
    told = []
    for number, line in enumerate(notes.lines(checked, snapshot, section), 1):
        when = "" if line.event_ns is None or section != "what_happened" else clock(line.event_ns) + " "
        ids = " ".join(claim.id or "" for claim in line.claims)
        bullet = f"{number}." if section == "what_happened" else "-"
        told.append(f"{bullet} {when}{markdown(line.text)} `{ids}`")
    return told


def _reading(claim: CheckedClaim, meaning: str) -> str:
    code = claim.claim.code if isinstance(claim.claim, HypothesisClaim) else ""
    basis = claim.claim.basis if isinstance(claim.claim, HypothesisClaim) else ()
    state = (
        "supported"
        if claim.status == "interpretation"
        else "not supported: " + "; ".join(objection.reason for objection in claim.objections)
    )
    rests = f" by `{' '.join(basis)}`" if basis and claim.status == "interpretation" else ""
    return f"- ? {markdown(code)} ({markdown(meaning)}): {markdown(state)}{rests}"


def _must_show(panel: Sequence[PanelEntry]) -> list[str]:
    parts: dict[str, list[PanelEntry]] = defaultdict(list)
    for entry in panel:
        if entry.part in MUST_PARTS:
            parts[entry.part].append(entry)
    told = []
    for part in MUST_PARTS:
        for entry in parts[part][:6]:
            count = f" ×{entry.count}" if entry.count > 1 else ""
            value = f": {entry.value}" if entry.value else ""
            told.append(f"- {markdown(entry.reason + value + count)}")
        if len(parts[part]) > 6:
            told.append(f"- {len(parts[part]) - 6} more of this kind")
    return told
