"""The page that a review shows, as plain text of 80 columns: what was on the screen is what is signed.

Made from the case document alone, so the same document gives the same bytes at every door that shows text. Before
an analyst who commits first has done so, the page holds neither suggestion nor readings nor questions.
"""

import re
import textwrap
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from countersign.core.render import terminal

WIDTH = 80
MARK = {"verified": "✓", "interpretation": "?", "unsupported": "-", "contradicted": "x", "invalid": "!"}
MEANING = {
    "verified": "the records say it",
    "unsupported": "the records do not show it",
    "contradicted": "the records say otherwise",
    "invalid": "no statement that can be checked",
    "interpretation": "a reading, not a fact",
}
TOLD_AFTER = frozenset({"Readings, not facts", "Ask next"})
"""Sections of the note that say what somebody made of the facts."""
TOLD_ELSEWHERE = frozenset({"Must show"})
_ESCAPED = re.compile(r"\\(.)")
_MARKS = re.compile(r"(?<!\\)\*\*(.+?)(?<!\\)\*\*")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
WITHHELD = "The suggestion is withheld: say first what you think, then it is shown."


def page(document: Mapping[str, Any], *, must_see: Container[int], revealed: bool) -> str:
    """The page of a case document (`triage/1` case); `revealed` shows what a drafter and the rule table made of it.

    `must_see` are the numbers (from 1) of the panel's entries that the decision asks for; they stand by themselves.
    """
    brief = document["brief"]
    hidden = TOLD_ELSEWHERE if revealed else TOLD_ELSEWHERE | TOLD_AFTER
    parts = [
        *_head(document),
        *(_suggested(brief) if revealed else ["", WITHHELD]),
        *_note(brief["notes_markdown"], hidden),
        *_listed("MUST SEE", _panel(brief["must_show"], must_see, asked=True)),
        *_listed("ALSO ON THE PANEL", _panel(brief["must_show"], must_see, asked=False)),
        *_listed("OBJECTED TO", _objected(brief["claims"], revealed=revealed)),
    ]
    return "\n".join(parts) + "\n"


def claim_page(document: Mapping[str, Any], claim_id: str) -> str:
    """One claim with its citations and objections, in full. `KeyError` when the brief has no such claim."""
    for claim in document["brief"]["claims"]:
        if claim["id"] == claim_id:
            return "\n".join(_claim_in_full(claim)) + "\n"
    raise KeyError(claim_id)


def panel_page(document: Mapping[str, Any], number: int) -> str:
    """The entry `number` (from 1) of the must-show panel, in full. `KeyError` when there is none."""
    panel: Sequence[Mapping[str, Any]] = document["brief"]["must_show"]
    if not 1 <= number <= len(panel):
        raise KeyError(number)
    entry = panel[number - 1]
    field = f", field {entry['pointer']}" if entry["pointer"] else ""
    where = f"record {entry['evidence']}{field}" if entry["evidence"] else "made by code"
    return "\n".join([*_lines(f"p{number}  ", _entry(entry)), *_lines("    ", where)]) + "\n"


def _head(document: Mapping[str, Any]) -> Iterator[str]:
    severity, tier = document["severity"], document["tier"]
    yield f"{document['id']} · {severity} · tier {tier} · {len(document['evidence'])} records"
    yield from _lines("", document["title"])
    for reason in document["opened_because"]:
        yield from _lines("  ", reason)


def _suggested(brief: Mapping[str, Any]) -> Iterator[str]:
    made = brief["suggestion"]
    words = made["disposition"].replace("_", " ")
    because = f" because of {', '.join(made['because'])}" if made["because"] else ""
    capped = f", limited by {', '.join(made['capped_by'])}" if made["capped_by"] else ""
    yield ""
    yield from _lines("", f"SUGGESTION of {brief['drafter']}: {words} ({made['rule']}){because}{capped}")
    yield from _lines("", "A suggestion decides nothing.")
    if brief["fallback"]:
        yield from _lines("", f"{brief['fallback']['from']} was not used: {brief['fallback']['reason']}")


def _note(markdown: str, hidden: Container[str]) -> Iterator[str]:
    """The sections of the note that is forwarded, as plain text; what stands above the first is told in the head."""
    for section in markdown.split("\n## ")[1:]:
        title, _, body = section.partition("\n")
        if title in hidden:
            continue
        yield ""
        yield title.upper()
        for row in filter(None, body.split("\n")):
            lead, _, text = row.partition(" ") if row[:1] in "-0123456789" else ("", "", row)
            yield from _lines(f"{lead.replace('-', '·'):<2} " if lead else "", _plain(text))


def _plain(text: str) -> str:
    """A line of our own Markdown without its marks."""
    for spelled, meant in _ENTITIES:
        text = text.replace(spelled, meant)
    return _ESCAPED.sub(r"\1", _MARKS.sub(r"\1", text))


def _panel(
    panel: Iterable[Mapping[str, Any]], must_see: Container[int], *, asked: bool
) -> Iterator[tuple[str, str]]:
    """The entries under their numbers: those that are asked for, or the rest, an alert's own fields together."""
    numbered = [row for row in enumerate(panel, 1) if (row[0] in must_see) is asked]
    for _, group in groupby(numbered, key=lambda row: (row[1]["part"], row[1]["evidence"] or row[0])):
        rows = list(group)
        if rows[0][1]["part"] == "P1" and len(rows) > 1:
            yield f"{f'p{rows[0][0]}–p{rows[-1][0]}':<8}", "; ".join(_entry(entry) for _, entry in rows)
        else:
            yield from ((f"{f'p{number}':<8}", _entry(entry)) for number, entry in rows)


def _entry(entry: Mapping[str, Any]) -> str:
    value = f": {entry['value']}" if entry["value"] else ""
    return f"{entry['reason']}{value}" + (f" ×{entry['count']}" if entry["count"] > 1 else "")


def _objected(claims: Iterable[Mapping[str, Any]], *, revealed: bool) -> Iterator[tuple[str, str]]:
    for claim in claims:
        if claim["objections"] and (revealed or claim["kind"] != "hypothesis"):
            yield from _claim(claim)


def _claim(claim: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    lead = f"{MARK[claim['status']]} {claim['id'] or '?':<5}"
    limits = [*(["of collected records"] if claim["scope"] == "collected_only" else [])]
    limits += [] if claim["status"] == "verified" else [MEANING[claim["status"]]]
    yield lead, (claim["text"] or "no text") + (f" ({'; '.join(limits)})" if limits else "")
    for objection in claim["objections"]:
        yield "       ", f"{claim['id'] or '?'}#{objection['check']}: {objection['reason']}"


def _claim_in_full(claim: Mapping[str, Any]) -> Iterator[str]:
    for lead, text in _claim(claim):
        yield from _lines(lead, text)
    for citation in claim["citations"]:
        value = "absent" if citation["value"] is None else citation["value"]
        yield from _lines("    ", f"{citation['evidence']} {citation['pointer']} = {value}")


def _listed(title: str, rows: Iterable[tuple[str, str]]) -> list[str]:
    made = [line for lead, text in rows for line in _lines(lead, text)]
    return ["", title, *made] if made else []


def _lines(lead: str, text: str) -> list[str]:
    """A paragraph, its lead in a column of its own; no line is longer than the page is wide."""
    parts = textwrap.wrap(
        terminal(text), WIDTH - len(lead), break_long_words=True, break_on_hyphens=False
    ) or [""]
    return [(lead if number == 0 else " " * len(lead)) + part for number, part in enumerate(parts)]
