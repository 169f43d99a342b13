"""`countersign review …`: a case in front of an analyst, in a terminal. It reads like a document; nothing is preselected.

What is printed is exactly what the review is over. A decision is drawn up first and printed in words; it is signed in a
second act, with the key, over that very document.
"""

import sys
from collections.abc import Sequence
from typing import cast

import msgspec
from rich.console import Console

from countersign.cli import badge, screen
from countersign.cli.case import find
from countersign.cli.places import Places, open_ports
from countersign.core.briefs.suggest import Disposition
from countersign.core.canonical import format_time
from countersign.core.review.proposal import Proposal
from countersign.core.review.requirements import ranges
from countersign.core.review.review import Review
from countersign.errors import ReviewError, UsageError
from countersign.ports import Ports
from countersign.steps import queue, review
from countersign.steps.people import session_of

# --- looking ---------------------------------------------------------------------------------------------------------


def waiting(places: Places, as_json: bool) -> int:
    """What awaits whoever is signed in: signatures first, then what changed after it was closed, then what is open."""
    ports = open_ports(places)
    found = queue.queue(badge.read(places).secret, ports)
    if as_json:
        raw = msgspec.json.encode({"schema": "countersign.queue/1", **msgspec.structs.asdict(found)})
        sys.stdout.write(msgspec.json.format(raw, indent=1).decode() + "\n")
        return 0
    out = screen.console()
    for title, documents in (
        ("Waits for your signature", found.second),
        ("You drew up, and have not signed", found.mine),
    ):
        if documents:
            screen.heading(out, title)
        for one in documents:
            said = one.document
            by = f"; signed by {', '.join(one.signed)}" if one.signed else ""
            words = f"{', '.join((said.disposition, *said.acts))}; tier {said.tier}{by}; until {_minute(said.expires)}"
            screen.line(out, words, lead=f"{said.case}  ")
            sys.stdout.write(f"  {to_sign(one.digest)}\n")
    for title, cases in (
        ("Closed, and evidence came since", found.new_evidence),
        ("Nobody has decided", found.undecided),
    ):
        if cases:
            screen.heading(out, title)
        for row in cases:
            screen.line(out, row.title, lead=f"{row.case}  {row.severity:<8} tier {row.tier}  ")
    if not (found.second or found.mine or found.new_evidence or found.undecided):
        screen.line(out, "nothing awaits you")
    if found.next is not None:
        screen.line(out, "older cases are not listed; `countersign case list` has all", "dim")
    return 0


def _minute(time: str) -> str:
    return f"{time[:16].replace('T', ' ')} UTC"


def to_sign(digest: str) -> str:
    """The command that signs a document: on a line of its own, to be copied, and no wider than 78 columns."""
    return f"review sign {digest.removeprefix('sha256:')}"


def open_(places: Places, named: str) -> Review:
    """Open a review, print its page and name, and say what can be done with it."""
    ports = open_ports(places)
    made = review.open_review(find(ports, named).case_id, badge.read(places).secret, ports)
    ports.publisher.publish()
    sys.stdout.write(made.page)
    name = made.review.id
    out = screen.console()
    screen.heading(out, f"This is review {name}")
    with ports.store.reading() as tx:
        proposals = tx.reviews.proposals(made.review.case)
    for text in _next(made.review, proposals):
        screen.line(out, text.replace("REVIEW", name), indent=2, lead="· ")
    return made.review


def _next(made: Review, proposals: Sequence[Proposal]) -> Sequence[str]:
    """What can be done with a review; first what bears on the case and is not of its page."""
    shown = made.shown
    before = f"review history {made.case}: what was decided before; the case is {shown.status}"
    first = (
        ("review commit REVIEW DISPOSITION: say what you think; then review show REVIEW --suggestion",)
        if made.commit_first
        else ()
    )
    claims = f" (asked for: {', '.join(made.load_bearing)})" if made.load_bearing else ""
    panel = f" (asked for: {', '.join(ranges(made.must_see))})" if made.must_see else ""
    return (
        *((before,) if shown.decision else ()),
        *(f"review show REVIEW --action {one.id}: {one.kind} on {one.target}, proposed" for one in proposals),
        *first,
        f"review show REVIEW --claim ID: the evidence of a claim{claims}",
        f"review show REVIEW --panel 1-9: entries of the panel{panel}",
        "review answer REVIEW OBJECTION …: uphold or overrule objections by their names, as h1#18",
        "review decide REVIEW: says what a decision is made of, draws it up; you read it, and sign it",
    )


def show(
    places: Places,
    named: str,
    claims: Sequence[str],
    panel: Sequence[str],
    actions: Sequence[str],
    suggestion: bool,
) -> int:
    """Print evidence of claims, entries of the panel, actions in full, or the page with its suggestion."""
    ports, token = open_ports(places), badge.read(places).secret
    if not (claims or panel or actions or suggestion):
        raise UsageError("nothing was asked for", hint="Give --claim, --panel, --action or --suggestion.")
    own = own_review(named, ports, token).id
    for claim in claims:
        sys.stdout.write(review.open_claim(own, claim, token, ports))
    for part in panel:
        sys.stdout.write(review.open_panel(own, *_range(part), token, ports))
    for action in actions:
        sys.stdout.write(review.open_action(own, action, token, ports))
    if suggestion:
        sys.stdout.write(review.reveal(own, token, ports))
    ports.publisher.publish()
    return 0


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal() and len(text) < 16):
        raise UsageError(f"{text!r} is no part of the panel", hint="--panel 3 or --panel 3-9")
    return int(first), int(last or first)


def numbers(text: str) -> range:
    """The entries of the panel that `3` or `3-9` names."""
    first, last = _range(text)
    return range(first, last + 1)


def commit(places: Places, named: str, disposition: str) -> int:
    """Say one's own judgement before the suggestion is shown."""
    ports, token = open_ports(places), badge.read(places).secret
    own = own_review(named, ports, token).id
    review.commit(own, cast("Disposition", disposition), token, ports)
    ports.publisher.publish()
    print(f"kept: {disposition}. Now the suggestion may be seen:\n  review show {own} --suggestion")
    return 0


def answer(places: Places, named: str, objections: Sequence[str], value: str, reason: str) -> int:
    """Uphold or overrule objections by their names."""
    values: dict[str, review.Answer] = {"uphold": "upheld", "overrule": "overruled"}
    if value not in values:
        raise UsageError(f"{value!r} is no answer", hint="An objection is answered with uphold or overrule.")
    ports, token = open_ports(places), badge.read(places).secret
    own = own_review(named, ports, token).id
    for objection in objections:
        review.answer(own, objection, values[value], reason, token, ports)
        print(f"kept: {objection} is {values[value]}")
    ports.publisher.publish()
    return 0


def propose(places: Places, named: str, kind: str, target: str, payload: str, reason: str) -> int:
    """Ask for an action with its exact payload; somebody else signs it."""
    ports, token = open_ports(places), badge.read(places).secret
    wanted = review.Wanted(kind=kind, target=target, payload=payload.encode(), reason=reason)
    made = review.propose(own_review(named, ports, token).id, wanted, token, ports)
    ports.publisher.publish()
    sys.stdout.write(review.action_page(made))
    print(f"Whoever decides looks at it with:\n  review show REVIEW --action {made.id}")
    return 0


def own_review(named: str, ports: Ports, token: bytes) -> Review:
    """The review of this id, or one's own latest of the case of this id."""
    with ports.store.reading() as tx:
        who = session_of(tx, ports, token).person.id
        found = tx.reviews.get(named)
    if found is not None:
        return found  # whose it is, is asked where it is used
    if named.startswith("r-"):
        raise ReviewError(
            f"there is no review {named[:80]}", hint="`countersign review open CASE` opens one."
        )
    case = find(ports, named).case_id
    with ports.store.reading() as tx:
        own = [one for one in tx.reviews.of_case(case) if one.person == who]
    if not own:
        raise ReviewError(
            f"you have no review of {case}", hint=f"`countersign review open {case}` opens one."
        )
    return own[-1]


def history(places: Places, named: str, as_json: bool) -> int:
    """Every decision of a case, oldest first; what persons said, and apart from it what the assistant had said."""
    ports = open_ports(places)
    case = find(ports, named).case_id
    made = queue.history(case, badge.read(places).secret, ports)
    if as_json:
        raw = msgspec.json.encode({"schema": "countersign.decisions/1", "case": case, "decisions": made})
        sys.stdout.write(msgspec.json.format(raw, indent=1).decode() + "\n")
        return 0
    out = screen.console()
    if not made:
        screen.line(out, f"{case}: nothing was decided")
    for one in made:
        _remembered(out, one)
    return 0


def _remembered(out: Console, one: queue.Told) -> None:
    screen.line(out, f"{one.before} → {one.status}", lead=f"{one.number}  ")
    for by in one.signed:
        screen.line(out, f"signed by {by.name} ({by.assurance}), {_minute(format_time(by.at_ns))}", indent=3)
    rests = f"; rests on {', '.join(one.rests_on)}" if one.rests_on else ""
    acts = ", ".join(one.acts) or "no act"
    screen.line(out, f"a person said: {one.disposition} ({one.reason}), {acts}{rests}", indent=3)
    said = "the words were erased" if one.erased else one.reason_text
    for text in filter(None, (said, *(f"not known: {text}" for text in one.unknowns))):
        screen.line(out, text, "dim", 5)
    agrees = "overruled by the person" if one.overrides else "the same"
    screen.line(out, f"the assistant had suggested: {one.suggested} ({agrees})", indent=3)
    if not one.in_effect:
        screen.line(out, "not in effect: its log entry is not published", "yellow", 3)
