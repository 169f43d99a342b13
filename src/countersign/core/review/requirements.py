"""Everything that a decision lacks, each with its rule, the reason, and what would satisfy it.

    RV-01…05  the review: not stale, not expired, of this person, permitted, well formed
    RV-06…09  what was looked at: evidence, panel, own judgement before the suggestion
    RV-10…13  what was said: answers to objections, what it rests on, reason code, reason in words
    RV-14…17  clearing: unknowns, claims, and a second person where these are weak
    RV-18…23  acts and actions
    RV-24…29  signatures (`core/review/countersigning`)
    RV-30…31  several cases in one go (`core/review/bulk`)

Rule numbers are never reused; `docs/howto/policy.md` has one row for each. A rule that cannot be asked refuses.
"""

from collections.abc import Collection, Iterator, Mapping

import msgspec

from countersign.core.identity.people import ASSURANCES, DECIDING, Assurance, Person
from countersign.core.review import review as views
from countersign.core.review.casefacts import SURE, CaseFacts
from countersign.core.review.choice import Choice, faults, resolved
from countersign.core.review.decision import Action, DecisionDocument
from countersign.core.review.dispositions import DISPOSITIONS, REASONS, reasons_for
from countersign.core.review.friction import ALWAYS, BULK_TIER, TIERS, Friction, Row
from countersign.core.review.lifecycle import Standing, after, clears
from countersign.core.review.opening import changed
from countersign.core.review.proposal import Proposal
from countersign.core.review.review import Event, Review, Shown
from countersign.core.review.ruling import Denied, Permitted, Ruling

RULES = {
    "RV-01": "nothing changed since it was shown",
    "RV-02": "it is signed and decided before it expires",
    "RV-03": "the policy permits it to this person",
    "RV-04": "a person decides, with a role that decides, in a review of their own",
    "RV-05": "the choice is well formed",
    "RV-06": "the evidence of load-bearing claims, and of those rested on, was opened",
    "RV-07": "the must-show panel was on the screen",
    "RV-08": "the analyst committed to a disposition before the suggestion was revealed",
    "RV-09": "the commitment came before the reveal",
    "RV-10": "each objection is upheld or overruled by name, and overruled with a reason",
    "RV-11": "it rests on claims of this brief to which no objection stands",
    "RV-12": "the reason code is one of those for this disposition and these acts",
    "RV-13": "the reason is given in words",
    "RV-14": "clearing states what is not known",
    "RV-15": "clearing names the claims it rests on",
    "RV-16": "clearing that rests only on what an outsider could have written needs a second person",
    "RV-17": "clearing while a decisive source is silent needs a second person",
    "RV-18": "the acts fit the case's status, the disposition and each other",
    "RV-19": "a contain names its actions, and only a contain does",
    "RV-20": "an action is a proposal of this case",
    "RV-21": "an action was on the screen, exactly",
    "RV-22": "an action is what was proposed: kind, target, payload",
    "RV-23": "nobody signs an action that they asked for",
    "RV-24": "the key is good enough for the tier",
    "RV-25": "each signature comes from a person and a key of its own",
    "RV-26": "each signature holds over exactly this document",
    "RV-27": "enough people signed",
    "RV-28": "whoever signs has looked for themselves",
    "RV-29": "the document is of this review and says what is so",
    "RV-30": "several cases are decided in one go at tier 1 only, and exactly those that were named",
    "RV-31": "each case is named once",
}


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is so when a person decides. All of it comes from the store and the clock, none from a request."""

    review: Review
    events: tuple[Event, ...]
    facts: CaseFacts
    now: Shown  # what would be shown now
    standing: Standing
    friction: Friction
    at_ns: int
    proposals: Mapping[str, Proposal] = {}


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who is about to sign, or has: the person as the store has them now (None: there is none), the ruling."""

    person: Person | None
    ruling: Ruling
    assurance: Assurance | None = None  # of the key they would sign with; None while it is not known


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision asks of signatures: its tier, how many people, and why more than the tier asks for."""

    tier: int
    row: Row
    signers: int
    because: tuple[Denied, ...] = ()


Decided = Choice | DecisionDocument
"""Both say disposition, acts, what it rests on and the reason."""


def lacking(situation: Situation, choice: Choice, signer: Signer) -> tuple[Denied, ...]:
    """Everything that keeps this choice from being drawn up as a document for signature; empty when nothing does."""
    if broken := [*faults(choice)]:
        return (Denied("RV-05", "; ".join(broken), "Choose again."),)
    actions = resolved(choice, situation.proposals)
    asked = demand(situation, choice, actions)
    gone = (*stale(situation.review, situation.now, situation.standing),)
    person = _person(situation.review, signer)
    return (
        # The policy refuses what is stale too: told once, by the rule that says why.
        *(one for one in person if not (gone and one.rule == "RV-03")),
        *gone,
        *looked(situation, situation.review, situation.events, choice, asked),
        *_answered(situation, asked.row),
        *_grounds(situation, choice),
        *_reason(choice),
        *_words(situation.friction, asked.row, choice),
        *_clearing(choice, unknowns=bool(choice.unknowns)),
        *_acts(situation, choice, actions, named=len(choice.actions)),
        *_known(choice, situation),
        *signs_actions(situation, situation.review, situation.events, actions, signer.person),
        *(good_enough(asked, 0, signer.assurance) if signer.assurance else ()),
    )


def standing_faults(situation: Situation, document: DecisionDocument) -> tuple[Denied, ...]:
    """The same of a document that was drawn up before: everything that can still be asked without its sealed words."""
    asked = demand(situation, document, document.actions)
    return (
        *stale(situation.review, situation.now, situation.standing),
        *_answered(situation, asked.row),
        *_grounds(situation, document),
        *_reason(document),
        *_clearing(document, unknowns=bool(document.unknowns)),
        *_acts(situation, document, document.actions, named=len(document.actions)),
    )


# --- what it asks for -------------------------------------------------------------------------------------------


def demand(situation: Situation, decided: Decided, actions: Collection[Action]) -> Demand:
    """The decision's tier and how many people sign it."""
    friction, tier = situation.friction, max(situation.now.tier, TIERS[0])
    if "close" in decided.acts:
        tier = friction.to_close(tier, situation.facts.severity)
    if "contain" in decided.acts or actions:
        tier = friction.to_contain(tier, [a.kind for a in actions], [a.target for a in actions])
    row = friction.row(tier)
    weak = (*_weak(situation, decided),)
    return Demand(tier=tier, row=row, signers=max(row.signers, 2 if weak else 1), because=weak)


def _weak(situation: Situation, decided: Decided) -> Iterator[Denied]:
    """Why clearing needs a second person."""
    if not clears(decided.disposition, decided.acts):
        return
    grounds = situation.facts.grounds(decided.rests_on)
    if not any(claim.status in SURE and not claim.tainted for claim in grounds):
        yield Denied(
            "RV-16",
            f"{decided.disposition} rests only on claims that an outsider could have written or that a check refused",
            "A second person signs it, or name a sound claim that no outsider could have written.",
        )
    if situation.facts.blind:
        yield Denied(
            "RV-17",
            f"{decided.disposition} while a decisive source is silent or partial",
            "A second person signs it, or the source's records are read and the case drafted again.",
        )


def one_keystroke(situation: Situation, decided: Decided, tier: int) -> bool:
    """May it be decided on what the page shows, nothing opened?

    It agrees, at a low tier, with a brief that nothing is held against, and clears nothing.
    """
    return (
        tier <= BULK_TIER
        and situation.friction.row(tier).one_keystroke
        and situation.facts.all_sure
        and decided.disposition == situation.facts.suggested
        and not clears(decided.disposition, decided.acts)
    )


# --- the review ------------------------------------------------------------------------------------------------------


def stale(review: Review, now: Shown, standing: Standing) -> Iterator[Denied]:
    """What changed since the review was opened, or was decided meanwhile."""
    told = changed(review, now)
    if not told and (standing.decision, standing.status) != (review.shown.decision, review.shown.status):
        told = ("somebody decided the case meanwhile",)
    if told:
        yield Denied("RV-01", f"the review is stale: {'; '.join(told)}", "Open the review again.")


def decides(person: Person | None) -> bool:
    """May this person decide at all? Workloads are no persons; admins administer, auditors read."""
    roles = set(person.roles) if person else set()
    return bool(roles & DECIDING) and roles <= DECIDING


def _person(review: Review, signer: Signer) -> Iterator[Denied]:
    person = signer.person
    if person is None or not decides(person):
        who = (
            "whoever asks is no person"
            if person is None
            else f"{person.name} has no role that decides, or one that never does"
        )
        yield Denied("RV-04", who, "An analyst or lead, who is neither admin nor auditor, decides.")
    elif person.id != review.person:
        yield Denied("RV-04", "the review is somebody else's", "Open a review of your own.")
    if not isinstance(signer.ruling, Permitted):
        yield Denied("RV-03", str(signer.ruling), "See `countersign policy explain`.")


# --- what was looked at ------------------------------------------------------------------------------------------


def looked(
    situation: Situation, review: Review, events: tuple[Event, ...], decided: Decided, asked: Demand
) -> Iterator[Denied]:
    """What the person of this review has not looked at, for a decision that asks this."""
    facts, row = situation.facts, asked.row
    if not one_keystroke(situation, decided, asked.tier):
        unopened = _to_open(facts, row, decided) - views.opened(events)
        if unopened:
            named = tuple(name for name in facts.claims if name in unopened)
            told = ", ".join(named)
            yield Denied(
                "RV-06", f"the evidence of {told} was not opened", f"Open the evidence of {told}.", named
            )
        unseen = {*facts.positions(row.see)} - views.panel_seen(events)
        if unseen:
            places = ranges(unseen)
            yield Denied(
                "RV-07",
                f"{len(unseen)} entries of the must-show panel were not seen",
                f"Look at the panel's entries {', '.join(places)}.",
                places,
            )
    committed, revealed = views.commitment(events, DISPOSITIONS)
    if row.commit_first_per_mille == ALWAYS and not review.commit_first:
        why = f"at tier {asked.tier} the suggestion comes after your own judgement, and this review was opened for less"
        yield Denied("RV-08", why, "Open the review again, now that the actions are proposed.")
    if review.commit_first and committed is None:
        yield Denied(
            "RV-08",
            "the suggestion comes after your own judgement here",
            "Say first what you think, then look.",
        )
    elif review.commit_first and revealed is not None and committed is not None and revealed < committed:
        yield Denied(
            "RV-09", "the suggestion was shown before you committed", "Another person opens a review."
        )


def ranges(numbers: Collection[int]) -> tuple[str, ...]:
    """Whole numbers as ranges in words, lowest first: 1-9, 12."""
    runs: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return tuple(f"{first}-{last}" if last > first else f"{first}" for first, last in runs)


def _to_open(facts: CaseFacts, row: Row, decided: Decided) -> frozenset[str]:
    rested = {name for name in decided.rests_on if name in facts.claims}
    objected = {claim.id for claim in facts.to_answer(row.answer)}
    carried = set(facts.load_bearing(row.answer)) if row.open == "load_bearing" else set()
    return frozenset(rested | objected | carried)


# --- what was said ------------------------------------------------------------------------------------------------


def _answered(situation: Situation, row: Row) -> Iterator[Denied]:
    given = views.answers(situation.events)
    for claim in situation.facts.to_answer(row.answer):
        for name in claim.objections:
            answer = given.get(name)
            if answer is None or answer.value not in {"upheld", "overruled"}:
                yield Denied(
                    "RV-10", f"objection {name} is not answered", f"Uphold or overrule {name}.", (name,)
                )
            elif answer.value == "overruled" and not answer.reason.strip():
                yield Denied(
                    "RV-10",
                    f"objection {name} is overruled without a reason",
                    f"Say why {name} does not hold.",
                    (name,),
                )


def _grounds(situation: Situation, decided: Decided) -> Iterator[Denied]:
    given = views.answers(situation.events)
    for name in decided.rests_on:
        claim = situation.facts.claims.get(name)
        if claim is None:
            yield Denied("RV-11", f"the brief has no claim {name}", "Name claims of this brief.")
        elif claim.status == "invalid":
            yield Denied(
                "RV-11", f"{name} is invalid: it says nothing that can be checked", f"Leave {name} out."
            )
        elif claim.status not in SURE:
            holding = [one for one in claim.objections if one not in given or given[one].value != "overruled"]
            if holding or not claim.checks:
                told = ", ".join(holding) or name
                yield Denied(
                    "RV-11",
                    f"objection {told} stands against {name}",
                    f"Leave {name} out, or overrule {told}.",
                )


def _reason(decided: Decided) -> Iterator[Denied]:
    fitting = reasons_for(decided.disposition, decided.acts)
    if decided.reason not in fitting:
        known = "" if decided.reason in REASONS else " (there is no such code)"
        with_acts = f" with {', '.join(decided.acts)}" if decided.acts else ""
        yield Denied(
            "RV-12",
            f"{decided.reason} is no reason for {decided.disposition}{with_acts}{known}",
            f"One of: {', '.join(fitting) or 'none; choose other acts'}.",
        )


def _words(friction: Friction, row: Row, choice: Choice) -> Iterator[Denied]:
    least = max(row.text, friction.clearing_text if clears(choice.disposition, choice.acts) else 0)
    said = len(" ".join(choice.reason_text.split()))
    if said < least:
        yield Denied(
            "RV-13", f"the reason in words has {said} characters", f"At least {least} are asked for."
        )


def _clearing(decided: Decided, *, unknowns: bool) -> Iterator[Denied]:
    if clears(decided.disposition, decided.acts):
        if not unknowns:
            yield Denied(
                "RV-14",
                f"{decided.disposition} states nothing that is not known",
                "Say what you could not see.",
            )
        if not decided.rests_on:
            yield Denied(
                "RV-15", f"{decided.disposition} names no claim", "Name the claims that it rests on."
            )


# --- acts and actions ------------------------------------------------------------------------------------------------


def _acts(
    situation: Situation, decided: Decided, actions: Collection[Action], *, named: int
) -> Iterator[Denied]:
    try:
        after(situation.standing.status, decided.disposition, decided.acts)
    except ValueError as error:
        yield Denied("RV-18", str(error), "Choose other acts.")
    if "contain" in decided.acts and not named:
        yield Denied("RV-19", "contain names no action", "Propose an action, and have it shown.")
    if named and "contain" not in decided.acts:
        yield Denied(
            "RV-19", "actions are authorised by contain only", "Add the act contain, or leave them out."
        )
    for action in actions:
        proposal = situation.proposals.get(action.proposal)
        if proposal is None or proposal.case != situation.review.case:
            yield _no_proposal(action.proposal)
        elif (action.kind, action.target, action.payload_digest) != (
            proposal.kind,
            proposal.target,
            proposal.payload_digest,
        ):
            yield Denied("RV-22", f"{action.proposal} is not what was proposed", "Show the action again.")


def _known(choice: Choice, situation: Situation) -> Iterator[Denied]:
    yield from (_no_proposal(name) for name in choice.actions if name not in situation.proposals)


def _no_proposal(name: str) -> Denied:
    return Denied("RV-20", f"the case has no proposal {name}", "Name a proposal of this case, by its id.")


def signs_actions(
    situation: Situation,
    review: Review,
    events: tuple[Event, ...],
    actions: Collection[Action],
    person: Person | None,
) -> Iterator[Denied]:
    """What keeps the person of this review from signing these actions."""
    seen = views.actions_seen(events)
    for action in actions:
        shown = seen.get(action.proposal)
        if shown is None:
            yield Denied(
                "RV-21",
                f"{action.proposal} was never on the screen",
                "Show the action, whole.",
                (action.proposal,),
            )
        elif shown != action.payload_digest:
            yield Denied(
                "RV-22",
                f"the payload of {action.proposal} is not the one that was shown",
                "Show the action again.",
                (action.proposal,),
            )
        proposal = situation.proposals.get(action.proposal)
        asked_by = {review.person, person.id if person else ""}
        if proposal is not None and proposal.person in asked_by:
            yield Denied(
                "RV-23", f"you asked for {action.proposal} yourself", "Another person decides on it."
            )


# --- keys ----------------------------------------------------------------------------------------------------------------


def good_enough(asked: Demand, place: int, assurance: Assurance) -> Iterator[Denied]:
    """What a signature at this place (0 is the first) lacks in assurance."""
    least = asked.row.least(place)
    if ASSURANCES.index(assurance) < ASSURANCES.index(least):
        key = "a passkey that cannot leave its device" if least == "webauthn-uv-device" else "a passkey"
        yield Denied(
            "RV-24",
            f"tier {asked.tier} is not signed with {_KEYS[assurance]}",
            f"Sign in the workbench (`countersign serve`), with {key}.",
        )


_KEYS: dict[Assurance, str] = {
    "software": "a software key",
    "webauthn-uv": "a passkey that can be copied to another device",
    "webauthn-uv-device": "this passkey",
}
