"""`countersign review decide|sign`: a decision is drawn up and printed in words; signing that is an act of its own.

Nothing is filled in and nothing stands for a yes: the digest of what was read, or y at a terminal. Without a terminal
the two acts are two commands.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import cast

import msgspec

from countersign.cli import badge, lacking, screen
from countersign.cli.places import Places, open_ports
from countersign.cli.review import own_review, to_sign
from countersign.core.briefs.suggest import Disposition
from countersign.core.review.choice import Choice
from countersign.core.review.decision import Decision
from countersign.core.review.dispositions import DISPOSITIONS
from countersign.core.review.lifecycle import ORDER, Act
from countersign.core.review.requirements import Demand, good_enough
from countersign.core.review.review import Review
from countersign.core.review.ruling import Denied
from countersign.errors import NotPermitted, UsageError
from countersign.ports import Ports
from countersign.steps import decide, review, together
from countersign.steps.decide import Prepared, Waiting

_HEX = 64


class How(msgspec.Struct, frozen=True):
    """How a signature is given: the digest that was read and is confirmed, and where the passphrase is."""

    confirm: str | None = None
    passphrase_file: str | None = None


def decided(places: Places, named: Sequence[str], choice: Choice, how: How) -> int:
    """Draw decisions up and print what they change; where somebody is there to be asked, sign at once.

    One decision is confirmed by its own digest, which `sign` takes: it is new each time that it is drawn up.
    """
    ports, token = open_ports(places), badge.read(places).secret
    reviews = [own_review(one, ports, token) for one in named]
    if len(reviews) > 1:
        return _several(places, ports, reviews, choice, how)
    if how.confirm is not None:
        raise UsageError(
            "one decision is not confirmed before it is drawn up",
            hint="Leave --confirm out, read what is printed, and sign that with `review sign`.",
        )
    made = _prepared(ports, reviews[0], choice, token)
    if made is None:
        return 1
    ports.publisher.publish()
    _told(made)
    if beyond := _beyond(made, ports):
        print("Nothing is decided yet. It waits for a signature.")
        screen.line(screen.console(), f"{beyond[0].reason}. {beyond[0].satisfy}")
        return 0
    if not sys.stdin.isatty():
        print(f"Nothing is decided yet. Sign it with:\n  {to_sign(made.digest)}")
        return 0
    return _sign(places, ports, made, how)


def _prepared(ports: Ports, own: Review, choice: Choice, token: bytes) -> Prepared | None:
    """The document; or None, after everything that it lacks was told with what satisfies it."""
    try:
        return decide.prepare(own.id, choice, token, ports)
    except NotPermitted:
        denied = decide.missing(own.id, choice, token, ports)
        if not denied:
            raise
        lacking.refused(screen.console(sys.stderr), denied, own)
        return None


def _beyond(made: Prepared, ports: Ports) -> tuple[Denied, ...]:
    """Why no signature of this decision can come from a terminal's key, if so."""
    asked = Demand(tier=made.tier, row=ports.policy.friction.row(made.tier), signers=made.signers)
    refused = [tuple(good_enough(asked, place, "software")) for place in range(made.signers)]
    return refused[0] if all(refused) else ()


def _told(made: Prepared) -> None:
    out = screen.console()
    screen.heading(out, "What would be decided")
    for words in made.words:
        screen.line(out, words, indent=2)
    sys.stdout.write(f"  D = {made.digest}\n\n")


def sign(places: Places, digest: str, how: How) -> int:
    """Sign a decision that waits, after reading what it changes."""
    ports = open_ports(places)
    made = decide.document_words(_digest(digest), badge.read(places).secret, ports)
    _told(made)
    if beyond := _beyond(made, ports):
        raise review.refusal(*beyond)
    return _sign(places, ports, made, how)


def _sign(places: Places, ports: Ports, made: Prepared, how: How) -> int:
    mine = badge.read(places)
    if not _agreed(f"Sign this decision of tier {made.tier}? [y/n] ", made.digest, how):
        print(f"Nothing is decided. It waits:\n  {to_sign(made.digest)}")
        return 1
    key = badge.own_key(mine, how.passphrase_file)
    signature = badge.signature(ports, mine.person, key, made.subject)
    done = decide.sign(made.digest, signature, mine.secret, ports)
    if isinstance(done, Waiting):
        ports.publisher.publish()
        print(f"signed by {len(done.signed)} of {made.signers}; nothing is decided until somebody else signs")
        for one in done.missing:
            screen.line(screen.console(), str(one), indent=2)
        return 0
    _told_decided(done)
    return 0


def _agreed(question: str, digest: str, how: How) -> bool:
    """The very digest that was read, or y on a terminal; nothing stands for a yes that was not said."""
    if how.confirm is not None:
        if _digest(how.confirm) != digest:
            raise UsageError("what you confirm is not what stands here", hint=f"It is {digest}.")
        return True
    if not sys.stdin.isatty():
        raise UsageError("nobody is here to confirm it", hint="Read it, and give its D with --confirm.")
    return _typed(question).lower() in {"y", "yes"}


def _typed(question: str) -> str:
    """What somebody types at a terminal; its end is a no."""
    try:
        return input(question).strip()
    except EOFError:
        print()
        return ""


def _told_decided(done: Decision) -> None:
    said = done.document
    print(f"decided: {done.case} is {done.status}, {said.disposition}")
    print(f"this is decision {done.number} of this case")
    if said.overrides:
        print(f"the assistant had suggested {said.suggested}; both are on record")


def _several(places: Places, ports: Ports, reviews: Sequence[Review], choice: Choice, how: How) -> int:
    """Several cases of a low tier: the list of what changes is confirmed as one, each case has its own result."""
    mine = badge.read(places)
    choices = dict.fromkeys((one.id for one in reviews), choice)
    plan = together.planned(choices, mine.secret, ports)
    out = screen.console()
    screen.heading(out, f"What would be decided: {len(plan.ready)} of {len(choices)} cases")
    for words in plan.lines:
        screen.line(out, words, indent=2)
    for one in reviews:
        if one.case in plan.refused:
            screen.line(out, f"{one.case} is left out", "yellow", 2)
            lacking.listed(out, plan.refused[one.case], one)
    if not plan.ready:
        print("Nothing can be decided so.")
        return 1
    sys.stdout.write(f"  D = {plan.digest}\n\n")
    if not (how.confirm or sys.stdin.isatty()):
        print("Nothing is decided yet. To sign these, say it again with")
        print(f"  --confirm {plan.digest.removeprefix('sha256:')}")
        return 1 if plan.refused else 0
    if not _agreed(f"Sign these {len(plan.ready)} decisions? [y/n] ", plan.digest, how):
        print("Nothing is decided.")
        return 1
    return _each(places, ports, choices, plan.digest, how)


def _each(places: Places, ports: Ports, choices: Mapping[str, Choice], digest: str, how: How) -> int:
    """A document, a signature and a result for each case of the plan of this digest."""
    mine = badge.read(places)
    key = badge.own_key(mine, how.passphrase_file)
    drawn = together.confirmed(choices, digest, mine.secret, ports)
    made = [one.prepared for one in drawn if one.prepared is not None]
    given = [(one.digest, badge.signature(ports, mine.person, key, one.subject)) for one in made]
    failed: list[tuple[str, object]] = [(one.case, one.error) for one in drawn if one.error is not None]
    for result in together.sign_together(given, mine.secret, ports):
        if result.decision is not None:
            _told_decided(result.decision)
        else:
            failed.append((result.case, result.error))
    for case, error in failed:
        screen.line(screen.console(), f"not decided: {case}: {error}")
    return 1 if failed else 0


def _digest(text: str) -> str:
    """A digest as it is known, from how somebody typed it: with its prefix or without."""
    return text if text.startswith("sha256:") or len(text) != _HEX else f"sha256:{text}"


def unsaid(disposition: str | None, acts: Sequence[str]) -> int:
    """A decision without its disposition or its reason code: say which there are."""
    if disposition is not None:
        _known(disposition, acts)
    lacking.unsaid(screen.console(sys.stderr), disposition, acts)
    return 2


def _known(disposition: str, acts: Sequence[str]) -> None:
    if disposition not in DISPOSITIONS:
        raise UsageError(f"{disposition!r} is no disposition", hint=f"One of: {', '.join(DISPOSITIONS)}.")
    for act in acts:
        if act not in ORDER:
            raise UsageError(f"{act!r} is no act", hint=f"One of: {', '.join(ORDER)}.")


def choice_of(
    *,
    disposition: str,
    acts: Sequence[str],
    actions: Sequence[str],
    rests_on: Sequence[str],
    unknowns: Sequence[str],
    reason: str,
    text: str,
) -> Choice:
    """The choice that options spell; nothing is filled in."""
    _known(disposition, acts)
    return Choice(
        disposition=cast("Disposition", disposition),
        acts=cast("tuple[Act, ...]", tuple(sorted(acts, key=[*ORDER].index))),
        actions=tuple(actions),
        rests_on=tuple(rests_on),
        unknowns=tuple(unknowns),
        reason=reason,
        reason_text=text,
    )
