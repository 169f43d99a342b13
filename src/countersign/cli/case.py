"""`countersign case list|show|export`: what was kept, as it was made."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import msgspec
from rich.console import Console

from countersign.cli import files, screen
from countersign.cli.places import Places, open_ports
from countersign.core.briefs.ocsf import case_events
from countersign.core.cases.board import KINDS
from countersign.core.cases.grouping import IN_ONE_BURST, Standing, many
from countersign.core.claims.snapshot import Snapshot
from countersign.core.records.observable import Observable
from countersign.core.review.offline import export_decision
from countersign.errors import ContentErased, TamperDetected, UsageError
from countersign.ports import CaseStanding, CaseState, Ports
from countersign.steps.alike import alike
from countersign.steps.assemble import assembled
from countersign.steps.decided import standing as decided_standing
from countersign.steps.logged import ensure_logged, forged

PAGE = 200
MOST = 100_000  # cases looked at for the most urgent


def listing(places: Places, as_json: bool) -> int:
    """Cases: incidents, watch, background, the most urgent first, closed ones last; what is not as logged is named."""
    ports = open_ports(places)
    ports.publisher.publish()
    with ports.store.reading() as tx:
        cases = tx.cases.recent(MOST)
        kept = tx.groups.standing([c.case_id for c in cases])
        stale = tx.groups.stale(list(kept))
    decided = decided_standing([c.case_id for c in cases], ports)
    listed = sorted(
        ((c, kept.get(c.case_id), c.case_id in stale, decided[c.case_id]) for c in cases), key=_urgency
    )
    wrong = forged([one[0].case_id for one in listed[:PAGE]], ports)
    shown = [one for one in listed[:PAGE] if one[0].case_id not in wrong]
    _list(shown, max(0, len(listed) - PAGE), _erased(ports, cases), as_json)
    if wrong:
        raise TamperDetected(f"the stored state is not what was logged: {', '.join(sorted(wrong))}")
    return 0


Listed = tuple[CaseState, Standing | None, bool, CaseStanding]


def _erased(ports: Ports, cases: Sequence[CaseState]) -> list[str]:
    """Cases that were erased, and were not read in again."""
    with ports.store.reading() as tx:
        erased = dict(tx.erasures.all())
    return sorted(erased.keys() - {case.case_id for case in cases})


def _list(cases: list[Listed], more: int, erased: list[str], as_json: bool) -> None:
    if as_json:
        rows = [_row(*one) for one in cases]
        document = {"schema": "countersign.cases/1", "cases": rows, "more": more}
        document |= {"erased": erased} if erased else {}
        sys.stdout.write(json.dumps(document, indent=1) + "\n")
        return
    out = screen.console()
    if not cases and not erased:
        screen.line(out, "no cases yet; `countersign triage PATH…` makes them")
    for case, kept, stale, decided in cases:
        lead = f"{case.case_id}  {case.severity:<8} tier {case.tier}  "
        kind = "" if kept is None or kept.kind == "incident" else f"[{kept.kind}] "
        said = f"[{decided.status}, {decided.disposition.replace('_', ' ')}] " if decided.number else ""
        into = f" (part of {kept.into} now)" if kept is not None and kept.into else ""
        behind = " (stale: its alerts changed; `case draft` looks again)" if stale and not into else ""
        screen.line(out, f"{said}{kind}{case.title}{into}{behind}", lead=lead)
    if more:
        screen.line(out, f"{more} more, less urgent", "dim")
    for case_id in erased:
        screen.line(out, "erased; its proofs are in the log", "dim", lead=f"{case_id}  ")


def _row(case: CaseState, kept: Standing | None, stale: bool, decided: CaseStanding) -> dict[str, Any]:
    more = (
        {}
        if kept is None
        else {"kind": kept.kind, "score": kept.score, "into": kept.into, "stale": stale and not kept.into}
    )
    said = {"status": decided.status, "disposition": decided.disposition} if decided.number else {}
    return {
        "id": case.case_id,
        "title": case.title,
        "severity": case.severity,
        "tier": case.tier,
        **more,
        **said,
    }


def _urgency(one: Listed) -> tuple[bool, bool, int, int]:
    case, kept, _, decided = one
    return (
        bool(kept and kept.into),
        decided.status == "closed",
        KINDS.index(kept.kind) if kept else 0,
        -case.tier,
    )


def find(ports: Ports, named: str) -> CaseState:
    """The case of this id, or of the only id that begins so. Raises `UsageError`."""
    with ports.store.reading() as tx:
        found = tx.cases.latest(named)
        erased = tx.erasures.erased([named]).get(named)
        if found is None and erased:
            raise ContentErased(
                f"{named} was erased: nothing of it is left but its proofs",
                hint=f"The log's entry {erased} says when, on what ground, and who approved it.",
            )
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
    ports.publisher.publish()  # what a run left behind when it died is under a checkpoint before it is shown
    state = find(ports, named)
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
    _stands(out, ports, document)
    for link in [one for one in document["links"] if one["because"] != IN_ONE_BURST][:8]:
        screen.line(out, f"{link['b']} — {link['because']}", "dim", 2)
    for claim in document["brief"]["claims"]:
        reasons = "; ".join(f"({o['check']}) {o['reason']}" for o in claim["objections"])
        text = (claim["text"] or "") + (f" — {reasons}" if reasons else "")
        screen.line(out, text, lead=f"{screen.MARK[claim['status']]} {claim['id'] or '?':<6}")
        for citation in claim["citations"][:6]:
            value = "absent" if citation["value"] is None else citation["value"]
            screen.line(out, f"{citation['evidence'][7:19]} {citation['pointer']} = {value}", "dim", 9)
    return 0


def _stands(out: Console, ports: Ports, document: dict[str, Any]) -> None:
    """Whether the brief is stale, what tells of the same event, and where else the same rare things were seen."""
    with ports.store.reading() as tx:
        kept = tx.groups.standing([document["id"]]).get(document["id"])
        stale = tx.groups.stale([document["id"]])
    if kept is not None and kept.into:
        screen.line(out, f"part of {kept.into} now: this is how it was before", "yellow")
    elif stale:
        screen.line(out, "stale: its alerts changed since; `countersign case draft` looks again", "yellow")
    elif came := _came_since(ports, document):
        words = (
            f"stale: {many(came, 'record')} came since that belong here; `countersign case draft` looks again"
        )
        screen.line(out, words, "yellow")
    copies = [flag for flag in document["quality"] if flag["flag"] == "duplicate"]
    for flag in copies[:3]:
        screen.line(out, f"duplicates (one record read more than once): {flag['detail']}", "dim", 2)
    for pair in document["duplicates"][:3]:
        screen.line(out, f"the same event twice: {pair['because']}", "dim", 2)
    held = (Observable(row["type"], row["value"]) for row in document["observables"])
    for one in alike(document["id"], held, ports):
        screen.line(out, f"similar: {one.words()}", "dim", 2)


def _came_since(ports: Ports, document: dict[str, Any]) -> int:
    """Records that a case of alerts would hold now and its brief does not know."""
    now = assembled(document["id"], ports)
    known = {row["id"] for row in document["evidence"]}
    return 0 if now is None else sum(record.id not in known for record in now.evidence)


def export(places: Places, named: str, form: str, out: str | None) -> int:
    """Write a case as a JSON document (triage/1 case), a Markdown note, a JSON list of OCSF events, or its last decision."""
    if form not in {"json", "markdown", "ocsf", "decision"}:
        raise UsageError(
            f"there is no export format {form!r}", hint="json, markdown, ocsf and decision are known."
        )
    ports = open_ports(places)
    ports.publisher.publish()  # what a run left behind when it died is under a checkpoint before it is shown
    state = find(ports, named)
    ensure_logged(state, ports)
    if form == "ocsf":
        text = files.as_json(_ocsf(json.loads(state.document), ports))
    elif form == "decision":
        text = _decision(state.case_id, ports)
    elif form == "markdown":
        text = json.loads(state.document)["brief"]["notes_markdown"] + "\n"
    else:
        text = files.as_json(state.document)
    with files.sink(out) as sink:
        sink.write(text)
    return 0


def _decision(case: str, ports: Ports) -> str:
    """The case's last decision with its signatures and keys, for `verify-decision`."""
    with ports.store.reading() as tx:
        made = tx.reviews.decisions(case)
        if not made:
            raise UsageError(f"nobody has decided {case}", hint="`countersign review open` begins.")
        keys = [key for one in made[-1].signed if (key := tx.people.key(one.signature.key))]
    return export_decision(made[-1], keys, ports.relying).decode() + "\n"


def _ocsf(document: dict[str, Any], ports: Ports) -> bytes:
    with ports.store.reading() as tx:
        records = tx.evidence.get([row["id"] for row in document["evidence"]])
    events = case_events(document, Snapshot(ports.dictionary, records.values()))
    return msgspec.json.Encoder(decimal_format="number").encode(events)
