"""`countersign case list|show|export`: what was kept, as it was made."""

import json
import sys
from typing import Any

from countersign.cli import files, screen
from countersign.cli.places import Places, open_ports
from countersign.errors import TamperDetected, UsageError
from countersign.ports import CaseState, Ports
from countersign.steps.logged import ensure_logged, forged

PAGE = 200


def listing(places: Places, as_json: bool) -> int:
    """Cases, newest first, at most 200; those that are not what was logged are left out, and an error names them."""
    ports = open_ports(places)
    with ports.store.reading() as tx:
        cases = tx.cases.recent(PAGE)
    wrong = forged([c.case_id for c in cases], ports)
    _list([c for c in cases if c.case_id not in wrong], as_json)
    if wrong:
        raise TamperDetected(f"the stored state is not what was logged: {', '.join(sorted(wrong))}")
    return 0


def _list(cases: list[CaseState], as_json: bool) -> None:
    if as_json:
        rows = [{"id": c.case_id, "title": c.title, "severity": c.severity, "tier": c.tier} for c in cases]
        sys.stdout.write(json.dumps({"schema": "countersign.cases/1", "cases": rows}, indent=1) + "\n")
        return
    out = screen.console()
    if not cases:
        screen.line(out, "no cases yet; `countersign triage PATH…` makes them")
    for one in sorted(cases, key=lambda c: -c.tier):
        screen.line(out, one.title, lead=f"{one.case_id}  {one.severity:<8} tier {one.tier}  ")


def _find(ports: Ports, named: str) -> CaseState:
    with ports.store.reading() as tx:
        found = tx.cases.latest(named)
        if found is None:
            near = [c for c in tx.cases.recent(10_000) if c.case_id.startswith(named)]
            if len(near) != 1:
                why = f"{len(near)} cases begin with {named}" if near else f"there is no case {named}"
                raise UsageError(why, hint="`countersign case list` shows them.")
            found = tx.cases.latest(near[0].case_id)
    if found is None:
        raise UsageError(f"there is no case {named}", hint="`countersign case list` shows them.")
    return found


def show(places: Places, named: str, form: str) -> int:
    """One case as it was kept."""
    ports = open_ports(places)
    state = _find(ports, named)
    ensure_logged(state, ports)
    if form == "json":
        sys.stdout.write(files.as_json(state.document))
        return 0
    document: dict[str, Any] = json.loads(state.document)
    note = document["brief"]["notes_markdown"]
    if form == "markdown":
        sys.stdout.write(note)
        return 0
    out = screen.console()
    screen.line(out, f"{document['id']} · {document['severity']} · tier {document['tier']}", "bold")
    screen.line(out, document["title"], "bold")
    for reason in document["opened_because"]:
        screen.line(out, reason, "dim", 2)
    for claim in document["brief"]["claims"]:
        reasons = "; ".join(f"({o['check']}) {o['reason']}" for o in claim["objections"])
        text = (claim["text"] or "") + (f" — {reasons}" if reasons else "")
        screen.line(out, text, lead=f"{screen.MARK[claim['status']]} {claim['id'] or '?':<6}")
        for citation in claim["citations"][:6]:
            value = "absent" if citation["value"] is None else citation["value"]
            screen.line(out, f"{citation['evidence'][7:19]} {citation['pointer']} = {value}", "dim", 9)
    return 0


def export(places: Places, named: str, form: str, out: str | None) -> int:
    """Write a case as one JSON document (triage/1 case) or a Markdown note."""
    if form not in {"json", "markdown"}:
        raise UsageError(
            f"there is no export format {form!r}", hint="json and markdown are known; ocsf is planned."
        )
    ports = open_ports(places)
    state = _find(ports, named)
    ensure_logged(state, ports)
    note = json.loads(state.document)["brief"]["notes_markdown"] + "\n"
    with files.sink(out) as sink:
        sink.write(note if form == "markdown" else files.as_json(state.document))
    return 0
