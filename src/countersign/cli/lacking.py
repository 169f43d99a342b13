"""What keeps a decision from being drawn up: each rule in a line of its own, and what to type to satisfy it."""

import textwrap
from collections.abc import Collection, Sequence

from rich.console import Console

from countersign.cli import screen
from countersign.core.render import terminal
from countersign.core.review.dispositions import DISPOSITIONS, REASONS, reasons_for
from countersign.core.review.lifecycle import ORDER
from countersign.core.review.review import Review
from countersign.core.review.ruling import Denied

_INDENT = 9
ANSWER = "UPHOLD-OR-OVERRULE"
"""Stands where the analyst's own word belongs: typed as it stands, it is no answer."""
OPTIONS = {
    "RV-11": "--rests-on",
    "RV-12": "--reason",
    "RV-13": "--text",
    "RV-14": "--unknown",
    "RV-15": "--rests-on",
    "RV-18": "--act",
    "RV-20": "--action",
}
"""What `review decide` is told by: these are the analyst's own words, so no value is proposed."""


def refused(out: Console, denied: Sequence[Denied], review: Review) -> None:
    """Print everything that is missing, and below each what satisfies it."""
    count = "1 rule refuses" if len(denied) == 1 else f"{len(denied)} rules refuse"
    screen.line(out, f"countersign: nothing is drawn up and nothing is decided; {count}:")
    listed(out, sorted(denied, key=lambda one: one.rule), review)


def listed(out: Console, denied: Sequence[Denied], review: Review) -> None:
    """Each rule that refuses, why, and what satisfies it."""
    for one in denied:
        screen.line(out, one.reason, lead=f"  {one.rule:<5}  ")
        typed = commands(one, review)
        for command in typed:
            out.file.write("\n".join(wrapped(command, _INDENT, out.width)) + "\n")
        if not typed:
            option = f" ({OPTIONS[one.rule]})" if one.rule in OPTIONS else ""
            screen.line(out, f"{one.satisfy}{option}", indent=_INDENT)


def commands(one: Denied, review: Review) -> tuple[str, ...]:
    """The commands that satisfy a rule; none where it takes other words of the analyst, or another person."""
    name, names = review.id, one.names
    match one.rule:
        case "RV-01":
            return (f"review open {review.case}",)
        case "RV-06":
            return (_repeated(f"review show {name}", "--claim", names),)
        case "RV-07":
            return (_repeated(f"review show {name}", "--panel", names),)
        case "RV-08" if review.commit_first:
            return (f"review commit {name} DISPOSITION",)
        case "RV-08":
            return (f"review open {review.case}",)
        case "RV-10":
            return tuple(f"review answer {name} {each} {ANSWER}" for each in names)
        case "RV-21" | "RV-22" if names:
            return (_repeated(f"review show {name}", "--action", names),)
        case _:
            return ()


def _repeated(command: str, option: str, values: Collection[str]) -> str:
    return " ".join([command, *(f"{option} {value}" for value in values)])


def wrapped(command: str, indent: int, width: int) -> list[str]:
    """A command in lines that a shell takes as one."""
    lines = textwrap.wrap(
        terminal(command), width - indent - 2, break_long_words=False, break_on_hyphens=False
    )
    lead = " " * indent
    return [f"{lead}{line} \\" for line in lines[:-1]] + [f"{lead}{lines[-1]}"]


# --- what was not said -----------------------------------------------------------------------------------------------


def unsaid(out: Console, disposition: str | None, acts: Sequence[str]) -> None:
    """Print what can be said: the dispositions, or the reason codes that fit the one that was said."""
    if disposition is None:
        screen.line(out, "countersign: a decision has a disposition; nothing is filled in")
        screen.line(out, f"--disposition: one of {', '.join(DISPOSITIONS)}", indent=2)
        screen.line(out, f"--act: none, or some of {', '.join(ORDER)}", indent=2)
        return
    beside = f" with {', '.join(acts)}" if acts else ""
    screen.line(out, f"countersign: {disposition}{beside} has a reason code; nothing is filled in")
    fitting = reasons_for(disposition, acts)
    for code in fitting:
        screen.line(out, REASONS[code].words, lead=f"  --reason {code:<21}")
    if not fitting:
        screen.line(out, "none fits; choose other acts", indent=2)
