"""`countersign review open` at a terminal: the page, and then claims, panel and decision a few keys away.

Each line does what the command of the same meaning does, with the same refusals. Nothing is filled in: an empty answer
ends the question, and what is drawn up is read, agreed to and signed as anywhere else.
"""

import sys
from collections.abc import Callable, Sequence
from time import monotonic_ns

from countersign.cli import badge, deciding, lacking, review, screen
from countersign.cli.places import Places, open_ports
from countersign.core.review.choice import Choice
from countersign.core.review.dispositions import DISPOSITIONS
from countersign.core.review.requirements import ranges
from countersign.core.review.review import Review
from countersign.errors import AuditLogError, CountersignError, StoreError, UsageError
from countersign.steps import review as steps

NONE = "none"
HELP = (
    ("n", "the next thing that is asked for"),
    ("f1 h1 …", "the evidence of claims"),
    ("p 1-9", "entries of the panel"),
    ("x ID", "a proposed action, whole"),
    ("c WORD", "say what you think, before the suggestion is shown"),
    ("s", "the page with the suggestion"),
    ("a c3#17 uphold", "uphold an objection; a c3#17 overrule WHY: overrule it"),
    ("d", "decide: you are asked for each part, read what changes, and sign"),
    ("q", "leave; what you did so far is kept, and nothing is decided"),
)


class _Left(Exception):
    """Somebody leaves a question unanswered."""


def opened(places: Places, named: str) -> int:
    """Open a review and print it; where somebody is there to type, go on reading it with them."""
    made = review.open_(places, named)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return 0
    print("\nType ? for what can be typed here.")
    seen, since, todo = {"brief"}, monotonic_ns(), _asked_for(made)
    while (words := _line(f"{made.id}, {len(todo)} to open> " if todo else f"{made.id}> ")) is not None:
        if not words:
            continue
        if words == ["n"] and todo:
            words = todo[0]
        try:
            shown, seen = seen, set()
            _viewed(places, made, shown, since)
            if words == ["d"] and deciding.decided(places, [made.id], _choice(), deciding.How()) == 0:
                return 0
            seen, since = _shown(places, made, words), monotonic_ns()
            todo = [one for one in todo if one != words and one[0] not in seen and not _covers(words, one)]
        except _Left:
            print("left; nothing is drawn up")
        except (AuditLogError, StoreError):
            raise
        except CountersignError as error:
            _told(error)
            todo = [one for one in todo if one != words] + [one for one in todo if one == words]
        if words == ["q"]:
            return 0
    return 0


def _asked_for(made: Review) -> list[list[str]]:
    """What is to be opened, as it would be typed: claims one by one, the panel by ten entries."""
    panel = [made.must_see[start : start + 10] for start in range(0, len(made.must_see), 10)]
    return [*([claim] for claim in made.load_bearing), *(["p", *ranges(part)] for part in panel)]


def _covers(words: list[str], one: list[str]) -> bool:
    """Were all entries of the panel that `one` asks for in what was just shown?"""
    if words[:1] != ["p"] or one[:1] != ["p"]:
        return False
    shown, wanted = ({n for part in told[1:] for n in review.numbers(part)} for told in (words, one))
    return wanted <= shown


def _told(error: CountersignError) -> None:
    screen.line(screen.console(), str(error))
    if error.hint:
        screen.line(screen.console(), error.hint, indent=2)


def _line(prompt: str) -> list[str] | None:
    try:
        return input(prompt).split()
    except EOFError:
        print()
        return None


def _viewed(places: Places, made: Review, what: set[str], since_ns: int) -> None:
    """How long the last thing that was asked for stood on the screen."""
    ports, token = open_ports(places), badge.read(places).secret
    for one in sorted(what):
        steps.viewed(made.id, one, (monotonic_ns() - since_ns) // 1_000_000, token, ports)


def _shown(places: Places, made: Review, words: Sequence[str]) -> set[str]:
    """Do what a line says; what stands on the screen then, as far as its time is kept."""
    name = made.id
    match list(words):
        case ["d"] | ["q"]:
            pass
        case ["n"]:
            print("everything that is asked for was opened")
        case ["?" | "help"]:
            for typed, meaning in HELP:
                screen.line(screen.console(), meaning, lead=f"  {typed:<15} ")
        case ["s"]:
            review.show(places, name, (), (), (), suggestion=True)
            return {"brief"}
        case ["p", *parts] if parts:
            review.show(places, name, (), parts, (), suggestion=False)
        case ["x", *ids] if ids:
            review.show(places, name, (), (), ids, suggestion=False)
        case ["c", word]:
            review.commit(places, name, word)
        case ["a", objection, value, *why]:
            review.answer(places, name, [objection], value, " ".join(why))
        case [*claims] if all(one[0].isalpha() and one[1:].isdecimal() for one in claims):
            review.show(places, name, claims, (), (), suggestion=False)
            return set(claims)
        case _:
            raise UsageError(f"{' '.join(words)[:60]!r} means nothing here", hint="? lists what does.")
    return set()


# --- deciding, part by part ------------------------------------------------------------------------------------------


def _choice() -> Choice:
    """The analyst's own words; no question has an answer of its own."""
    print("An empty line leaves. Dispositions:", *DISPOSITIONS, sep="\n  ")
    disposition = _asked("disposition", lambda told: told in DISPOSITIONS)
    acts = _listed("acts (reopen escalate contain close), or none")
    actions = _listed("actions by id") if "contain" in acts else ()
    lacking.unsaid(screen.console(), disposition, acts)
    reason = _asked("reason code", lambda told: len(told.split()) == 1)
    rests_on = _listed("rests on claims, or none")
    unknowns = _unknowns()
    text = _asked("the reason in words, or none")
    return deciding.choice_of(
        disposition=disposition,
        acts=acts,
        actions=actions,
        rests_on=rests_on,
        unknowns=unknowns,
        reason=reason,
        text="" if text == NONE else text,
    )


def _asked(question: str, fits: Callable[[str], bool] = bool) -> str:
    while told := " ".join(_line(f"  {question}: ") or ()):
        if fits(told):
            return told
        print(f"  {told[:60]!r} is none of them")
    raise _Left


def _listed(question: str) -> tuple[str, ...]:
    told = _asked(question).replace(",", " ").split()
    return () if told == [NONE] else tuple(told)


def _unknowns() -> tuple[str, ...]:
    """Sentences of what is not known, one a line, until `none` (no more) is typed."""
    found: list[str] = []
    while (told := _asked("not known (a sentence), or none" if not found else "not known, or none")) != NONE:
        found.append(told)
    return tuple(found)
