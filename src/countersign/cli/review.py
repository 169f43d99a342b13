"""`countersign review …`: a case in front of an analyst, in a terminal. It reads like a document; nothing is preselected.

What is printed is exactly what the review is over. A decision is drawn up first and printed in words; it is signed in a
second act, with the key, over that very document.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import cast

import msgspec

from countersign.cli import badge, screen
from countersign.cli.case import find
from countersign.cli.places import Places, open_ports
from countersign.core.briefs.suggest import Disposition
from countersign.core.review.choice import Choice
from countersign.core.review.decision import Decision
from countersign.core.review.lifecycle import Act
from countersign.core.review.review import Review
from countersign.errors import ReviewError, UsageError
from countersign.ports import Ports
from countersign.steps import decide, queue, review, together
from countersign.steps.decide import Prepared, Waiting
from countersign.steps.people import session_of

ACTS: tuple[Act, ...] = ("reopen", "escalate", "contain", "close")


class How(msgspec.Struct, frozen=True):
    """How a signature is given: the digest that was read and is confirmed, and where the passphrase is."""

    confirm: str | None = None
    passphrase_file: str | None = None


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
            by = f"; signed by {', '.join(one.signed)}" if one.signed else ""
            words = (
                f"{one.document.disposition} {', '.join(one.document.acts)}{by} — review sign {one.digest}"
            )
            screen.line(out, words, lead=f"{one.document.case}  ")
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


def open_(places: Places, named: str) -> int:
    """Open a review, print its page and name, and say what can be done with it."""
    ports = open_ports(places)
    made = review.open_review(find(ports, named).case_id, badge.read(places).secret, ports)
    ports.publisher.publish()
    sys.stdout.write(made.page)
    name = made.review.id
    out = screen.console()
    screen.heading(out, f"This is review {name}")
    for text in _next(made.review):
        screen.line(out, text.replace("REVIEW", name), indent=2, lead="· ")
    return 0


def _next(made: Review) -> Sequence[str]:
    first = (
        ("review commit REVIEW DISPOSITION: say what you think; then review show REVIEW --suggestion",)
        if made.commit_first
        else ()
    )
    claims = f" (asked for: {', '.join(made.load_bearing)})" if made.load_bearing else ""
    return (
        *first,
        f"review show REVIEW --claim ID: the evidence of a claim{claims}",
        f"review show REVIEW --panel 1-9: entries of the panel{_ranges(made.must_see)}",
        "review decide REVIEW --disposition … --act …: draw a decision up, read it, sign it",
    )


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers as ranges, in words."""
    if not numbers:
        return ""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    told = (f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return f" (asked for: {', '.join(told)})"


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
    for claim in claims:
        sys.stdout.write(review.open_claim(named, claim, token, ports))
    for part in panel:
        sys.stdout.write(review.open_panel(named, *_range(part), token, ports))
    for action in actions:
        sys.stdout.write(review.open_action(named, action, token, ports))
    if suggestion:
        sys.stdout.write(review.reveal(named, token, ports))
    ports.publisher.publish()
    return 0


def _range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal() and len(text) < 16):
        raise UsageError(f"{text!r} is no part of the panel", hint="--panel 3 or --panel 3-9")
    return int(first), int(last or first)


def commit(places: Places, named: str, disposition: str) -> int:
    """Say one's own judgement before the suggestion is shown."""
    ports = open_ports(places)
    review.commit(named, cast("Disposition", disposition), badge.read(places).secret, ports)
    ports.publisher.publish()
    print(f"kept: {disposition}. Now the suggestion may be seen: review show {named} --suggestion")
    return 0


def answer(places: Places, named: str, objection: str, value: str, reason: str) -> int:
    """Uphold or overrule an objection by its name."""
    values: dict[str, review.Answer] = {"uphold": "upheld", "overrule": "overruled"}
    if value not in values:
        raise UsageError(f"{value!r} is no answer", hint="An objection is answered with uphold or overrule.")
    ports = open_ports(places)
    review.answer(named, objection, values[value], reason, badge.read(places).secret, ports)
    ports.publisher.publish()
    print(f"kept: {objection} is {values[value]}")
    return 0


def propose(places: Places, named: str, kind: str, target: str, payload: str, reason: str) -> int:
    """Ask for an action with its exact payload; somebody else signs it."""
    ports = open_ports(places)
    wanted = review.Wanted(kind=kind, target=target, payload=payload.encode(), reason=reason)
    made = review.propose(named, wanted, badge.read(places).secret, ports)
    ports.publisher.publish()
    sys.stdout.write(review.action_page(made))
    print(f"Whoever decides looks at it with: review show REVIEW --action {made.id}")
    return 0


# --- deciding --------------------------------------------------------------------------------------------------------


def decide_(places: Places, named: Sequence[str], choice: Choice, how: How) -> int:
    """Draw decisions up and print what they change; sign at once where somebody is there to be asked, or has confirmed."""
    ports, token = open_ports(places), badge.read(places).secret
    reviews = [_own_review(one, ports, token) for one in named]
    if len(reviews) > 1:
        return _several(places, ports, dict.fromkeys(reviews, choice), how)
    made = decide.prepare(reviews[0], choice, token, ports)
    ports.publisher.publish()
    _told(made)
    if not (how.confirm or sys.stdin.isatty()):
        print(f"Nothing is decided yet. Sign it with: review sign {made.digest}")
        return 0
    return _sign(places, ports, made, how)


def _own_review(named: str, ports: Ports, token: bytes) -> str:
    """The review of this id, or one's own latest of the case of this id."""
    with ports.store.reading() as tx:
        who = session_of(tx, ports, token).person.id
        if tx.reviews.get(named) is not None:
            return named
    case = find(ports, named).case_id
    with ports.store.reading() as tx:
        own = [one.id for one in tx.reviews.of_case(case) if one.person == who]
    if not own:
        raise ReviewError(
            f"you have no review of {case}", hint=f"`countersign review open {case}` opens one."
        )
    return own[-1]


def _told(made: Prepared) -> None:
    out = screen.console()
    screen.heading(out, "What would be decided")
    for words in made.words:
        screen.line(out, words, indent=2)
    sys.stdout.write(f"  D = {made.digest}\n\n")


def sign(places: Places, digest: str, how: How) -> int:
    """Sign a decision that waits, after reading what it changes."""
    ports = open_ports(places)
    made = decide.document_words(digest, badge.read(places).secret, ports)
    _told(made)
    return _sign(places, ports, made, how)


def _sign(places: Places, ports: Ports, made: Prepared, how: How) -> int:
    mine = badge.read(places)
    if not _agreed(f"Sign this decision of tier {made.tier}? [y/n] ", made.digest, how):
        print(f"Nothing is decided. It waits: review sign {made.digest}")
        return 1
    key = badge.own_key(mine, how.passphrase_file)
    signature = badge.signature(ports, mine.person, key, made.subject)
    done = decide.sign(made.digest, signature, mine.secret, ports)
    if isinstance(done, Waiting):
        ports.publisher.publish()
        print(
            f"signed by {len(done.signed)} of {made.signers}; nothing is decided until somebody else signs:"
        )
        for one in done.missing:
            print(f"  {one}")
        return 0
    _decided(done)
    return 0


def _agreed(question: str, digest: str, how: How) -> bool:
    """The very digest that was read, or y on a terminal; nothing stands for a yes that was not said."""
    if how.confirm is not None:
        if how.confirm != digest:
            raise UsageError("what you confirm is not what stands here", hint=f"It is {digest}.")
        return True
    if not sys.stdin.isatty():
        raise UsageError("nobody is here to confirm it", hint=f"Read it, and give --confirm {digest}.")
    return input(question).strip().lower() in {"y", "yes"}


def _decided(done: Decision) -> None:
    said = done.document
    print(f"decided: {done.case} is {done.status}, {said.disposition}; decision {done.number} of this case")
    if said.overrides:
        print(f"the assistant had suggested {said.suggested}; both are on record")


def _several(places: Places, ports: Ports, choices: Mapping[str, Choice], how: How) -> int:
    """Several cases of a low tier: the list of what changes is confirmed as one, each case has its own result."""
    mine = badge.read(places)
    plan = together.planned(choices, mine.secret, ports)
    out = screen.console()
    screen.heading(out, "What would be decided")
    for words in plan.lines:
        screen.line(out, words, indent=2)
    for case, denied in plan.refused.items():
        for one in denied:
            screen.line(out, f"{case} is left out: {one}", "yellow", 2)
    sys.stdout.write(f"  D = {plan.digest}\n\n")
    if not plan.ready:
        return 1
    if not (how.confirm or sys.stdin.isatty()):
        print(f"Nothing is decided yet. Say it again with --confirm {plan.digest}")
        return 0
    if not _agreed(f"Sign these {len(plan.ready)} decisions? [y/n] ", plan.digest, how):
        print("Nothing is decided.")
        return 1
    drawn = together.confirmed(choices, plan.digest, mine.secret, ports)
    key = badge.own_key(mine, how.passphrase_file)
    made = [one.prepared for one in drawn if one.prepared is not None]
    given = [(one.digest, badge.signature(ports, mine.person, key, one.subject)) for one in made]
    failed: list[tuple[str, object]] = [(one.case, one.error) for one in drawn if one.error is not None]
    for result in together.sign_together(given, mine.secret, ports):
        if result.decision is not None:
            _decided(result.decision)
        else:
            failed.append((result.case, result.error))
    for case, error in failed:
        print(f"not decided: {case}: {error}")
    return 1 if failed else 0


def history(places: Places, named: str, as_json: bool) -> int:
    """Every decision of a case, oldest first."""
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
        by = " and ".join(f"{s.name} ({s.assurance})" for s in one.signed)
        acts = ", ".join(one.acts) or "no act"
        words = f"{one.before} → {one.status}: {one.disposition} ({one.reason}), {acts}; signed by {by}"
        screen.line(out, words, lead=f"{one.number}  ")
        said = "its words were erased" if one.erased else one.reason_text
        for text in filter(None, (said, *(f"not known: {text}" for text in one.unknowns))):
            screen.line(out, text, "dim", 3)
        if one.overrides:
            screen.line(out, f"the assistant had suggested {one.suggested}", "dim", 3)
        if not one.in_effect:
            screen.line(out, "not in effect: its log entry is not published", "yellow", 3)
    return 0


def choice_of(
    *,
    disposition: str | None,
    acts: Sequence[str],
    actions: Sequence[str],
    rests_on: Sequence[str],
    unknowns: Sequence[str],
    reason: str | None,
    text: str,
) -> Choice:
    """The choice that options spell; nothing is filled in."""
    if disposition is None or reason is None:
        raise UsageError(
            "a decision has a disposition and a reason code", hint="Give --disposition and --reason."
        )
    return Choice(
        disposition=cast("Disposition", disposition),
        acts=cast("tuple[Act, ...]", tuple(sorted(acts, key=_order))),
        actions=tuple(actions),
        rests_on=tuple(rests_on),
        unknowns=tuple(unknowns),
        reason=reason,
        reason_text=text,
    )


def _order(act: str) -> int:
    if act not in ACTS:
        raise UsageError(f"{act!r} is no act", hint=f"One of: {', '.join(ACTS)}.")
    return ACTS.index(act)
