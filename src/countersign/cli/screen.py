"""What a person sees in a terminal: 80 columns, colours only on a terminal, every value made harmless.

All text passes `core.render.terminal`. The verified mark stands in a column of its own, never in a text.
"""

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from rich.cells import cell_len
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from countersign.core.briefs import notes
from countersign.core.briefs.handover import HEADINGS, Frame, readings, unseen
from countersign.core.canonical import clock
from countersign.core.render import terminal
from countersign.steps.draft import Briefed

WIDTH = 80
MAX_ASIDE = 20
MARK = {"verified": "✓", "interpretation": "?", "unsupported": "-", "contradicted": "x", "invalid": "!"}
STYLE = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "green"}


def console(stream: IO[str] | None = None) -> Console:
    """A console as wide as the terminal, at most 110 columns; plain when piped or NO_COLOR is set."""
    wide = min(shutil.get_terminal_size((WIDTH, 24)).columns, 110)
    return Console(file=stream or sys.stdout, width=max(40, wide), markup=False, highlight=False, emoji=False)


def line(out: Console, text: str, style: str = "", indent: int = 0, lead: str = "") -> None:
    """One paragraph, wrapped, its lead (a mark, a time) in a column of its own."""
    width = max(30, out.width - indent - len(lead))
    parts = _wrapped(terminal(text), width, out) or [""]
    for number, part in enumerate(parts):
        before = lead if number == 0 else " " * len(lead)
        out.print(Text(" " * indent + before) + Text(part, style=style), soft_wrap=True)


def _wrapped(text: str, width: int, out: Console) -> list[str]:
    if cell_len(text) > len(text):  # some signs take two columns
        return [part.plain.rstrip() for part in Text(text).wrap(out, width, overflow="fold")]
    return textwrap.wrap(text, width, break_long_words=True, break_on_hyphens=False)


def heading(out: Console, text: str) -> None:
    """A section heading."""
    out.print()
    line(out, text, "bold")


@contextmanager
def progress(what: str) -> Iterator[Progress | None]:
    """A progress bar with counts on a terminal; nothing when piped."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield None
        return
    columns = (SpinnerColumn(), TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield bar


def case(out: Console, one: Briefed) -> None:
    """One case with its brief."""
    brief, snapshot = one.brief, one.snapshot
    out.print()
    out.print("─" * out.width, style="dim")
    line(out, f"{one.case.id} · {one.case.severity} · tier {one.case.tier}", STYLE[one.case.severity])
    line(out, brief.title, "bold")
    line(out, notes.period(snapshot), "dim")
    caps = f", capped by {', '.join(brief.suggestion.capped_by)}" if brief.suggestion.capped_by else ""
    suggested = brief.suggestion.disposition.replace("_", " ")
    line(out, f"suggestion: {suggested} ({brief.suggestion.rule}){caps}; nothing is decided", "bold")
    if brief.fallback is not None:
        line(out, f"{brief.fallback.drafter} was not used: {brief.fallback.reason}", "yellow")
    for reason in one.case.tier_because[:3]:
        line(out, f"tier because {reason}", "dim", 2)
    for reason in one.case.opened_because[:3]:
        line(out, reason, "dim", 2)
    frame = Frame(
        brief.title,
        one.case.severity,
        one.case.tier,
        brief.drafter,
        brief.suggestion,
        brief.must_show,
        brief.questions,
        one.flags,
        one.case.left_out,
    )
    missing = unseen(frame)
    if missing:
        heading(out, "What we could not see")
        for text in missing[:8]:
            line(out, text, indent=2, lead="· ")
        if len(missing) > 8:
            line(out, f"{len(missing) - 8} more; see `case show --markdown`", "dim", 2)
    for section, title in HEADINGS:
        _section(out, one, section, title)
    _readings(out, one)
    _must_show(out, one)
    if brief.questions:
        heading(out, "Ask next")
        for question in brief.questions:
            line(out, f"{question.text} — {question.answered_by}", indent=2, lead="· ")


def aside(out: Console, cases: list[Briefed], title: str) -> None:
    """Cases of one line each: what, why, how to see more."""
    if not cases:
        return
    heading(out, f"{title} ({len(cases)})")
    for one in cases[:MAX_ASIDE]:
        because = one.case.opened_because
        said = (
            because[1]
            if one.case.kind == "background" and len(because) > 1
            else because[0].partition(": ")[2]
        )
        line(out, f"{one.brief.title} — {said}", indent=2, lead=f"{one.case.id[:13]}  ")
    if len(cases) > MAX_ASIDE:
        line(out, f"{len(cases) - MAX_ASIDE} more; `countersign case list` shows them", "dim", 2)


def _section(out: Console, one: Briefed, section: str, title: str) -> None:
    if section == "indicators":
        rows = [(lead, text) for lead, text in notes.indicator_rows(one.brief.claims, one.snapshot)]
        if rows:
            heading(out, title)
            for lead, text in rows:
                line(out, f"{lead} · {text}", indent=2, lead=MARK["verified"] + " ")
        return
    told = notes.lines(one.brief.claims, one.snapshot, section)
    if not told:
        return
    heading(out, title)
    for row in told:
        when = "" if row.event_ns is None or section != "what_happened" else clock(row.event_ns)[:12]
        line(
            out,
            row.text,
            indent=2,
            lead=f"{MARK['verified']} {when:<13}" if when else MARK["verified"] + " ",
        )


def _readings(out: Console, one: Briefed) -> None:
    told = readings(one.brief.claims)
    if not told:
        return
    heading(out, "Readings of it (not facts)")
    for claim, meaning in told:
        code = getattr(claim.claim, "code", "")
        basis = " ".join(getattr(claim.claim, "basis", ()))
        if claim.status == "interpretation":
            line(out, f"{code}: {meaning} [{basis}]", indent=2, lead="? ")
        else:
            why = "; ".join(objection.reason for objection in claim.objections)
            line(out, f"{code} is not supported: {why}", "dim", 2, "- ")


def _must_show(out: Console, one: Briefed) -> None:
    told = [entry for entry in one.brief.must_show if entry.part in {"P2", "P7", "P8", "P9"}]
    if not told:
        return
    heading(out, "Must show")
    for entry in told[:12]:
        count = f" ×{entry.count}" if entry.count > 1 else ""
        value = f": {entry.value}" if entry.value else ""
        line(out, f"{entry.reason}{value}{count}", indent=2, lead="· ")
    if len(told) > 12:
        line(out, f"{len(told) - 12} more; see --markdown or --json", "dim", 2)
