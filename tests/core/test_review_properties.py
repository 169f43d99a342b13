"""Whatever is chosen, by whomever, in whatever order: nothing is decided that the rules refuse."""

import os

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countersign.core.review.decision import Action, Decision, DecisionDocument, decision_bytes, read_document
from countersign.core.review.dispositions import DISPOSITIONS, REASONS
from countersign.core.review.lifecycle import FROM, KEEPS_OPEN, ORDER, clears
from countersign.core.review.requirements import RULES
from countersign.errors import ReviewError
from deciding import (
    ADMIN,
    ANNA,
    AUDITOR,
    BEN,
    DEVICES,
    LONG,
    SOFTWARE,
    SYNCED,
    Hand,
    case_document,
    claim,
    countersigned,
    desk,
    proposal,
)

RUNS = 20_000 if os.environ.get("COUNTERSIGN_FULL") else 400
THOROUGH = settings(max_examples=RUNS, deadline=None, suppress_health_check=[HealthCheck.too_slow])
NAMES = ("f1", "f2", "f3", "f4", "h1")
STATUSES = ("verified", "interpretation", "unsupported", "contradicted", "invalid")

claims = st.lists(
    st.builds(
        lambda name, status, tainted, basis: claim(name, status, tainted=tainted, basis=basis, checks=(9,) if status in STATUSES[2:] else ()),
        st.sampled_from(NAMES), st.sampled_from(STATUSES), st.booleans(), st.lists(st.sampled_from(NAMES), max_size=2),
    ),
    max_size=6,
)  # fmt: skip
documents = st.builds(
    case_document,
    claims,
    tier=st.integers(0, 3),
    severity=st.sampled_from(("low", "medium", "high", "critical")),
    suggestion=st.sampled_from(DISPOSITIONS),
    because=st.lists(st.sampled_from(NAMES), max_size=2),
    panel=st.lists(st.sampled_from(("P1", "P2", "P5", "P6", "P7", "P10")), max_size=4),
    quality=st.lists(st.sampled_from((("silent", "C01"), ("late", "C11"), ("duplicate", None))), max_size=1),
)
choices = st.fixed_dictionaries(
    {
        "disposition": st.sampled_from(DISPOSITIONS),
        "reason": st.sampled_from([*REASONS, "", "allow"]),
        "reason_text": st.sampled_from(("", "ok", LONG)),
        "acts": st.lists(st.sampled_from(ORDER), max_size=2).map(tuple),
        "actions": st.lists(st.sampled_from(("a_1", "a_2", "a_9")), max_size=2, unique=True).map(tuple),
        "rests_on": st.lists(st.sampled_from((*NAMES, "f9")), max_size=3, unique=True).map(tuple),
        "unknowns": st.sampled_from(((), ("who",))),
    }
)
people = st.sampled_from(
    (ANNA, BEN, ADMIN, AUDITOR, msgspec.structs.replace(BEN, id="p_eve", roles=("lead", "admin")))
)
keys = st.sampled_from((*SOFTWARE, *DEVICES, SYNCED))
PROPOSALS = (proposal(), proposal("a_2", target="host-8", by=BEN.id))


@st.composite
def desks(draw):
    """Somebody in front of a case, who did some of what is asked."""
    at = desk(draw(documents), draw(people), PROPOSALS)
    missed = draw(st.sets(st.integers(0, 20), max_size=3)) if draw(st.booleans()) else set()
    return at.but(events=tuple(e for n, e in enumerate(at.events) if n not in missed)).chose(**draw(choices))


@THOROUGH
@given(desks())
def test_a_document_is_drawn_up_exactly_when_nothing_is_lacking(at):
    made = at.draws_up()

    assert isinstance(made, DecisionDocument) == (at.lacks == ())
    assert all(one.rule in RULES and one.reason and one.satisfy for one in at.lacks)


@st.composite
def nearly(draw):
    """Two people who did everything, with the keys that the tier asks for; then a choice, a key or a person is another."""
    tier = draw(st.integers(1, 3))
    raw, good = case_document(tier=tier), {1: SOFTWARE, 2: (SYNCED, DEVICES[0]), 3: DEVICES}[tier]
    hands = [Hand(desk(raw, who, PROPOSALS), key) for who, key in zip((ANNA, BEN), good, strict=True)]
    at = hands[0].at.chose(**draw(choices)) if draw(st.booleans()) else hands[0].at
    hands[0] = Hand(at, draw(keys) if draw(st.integers(0, 3)) == 0 else good[0])
    if draw(st.integers(0, 3)) == 0:
        hands[1] = Hand(hands[1].at.but(person=draw(people)), draw(keys))
    return hands[: draw(st.integers(1, 2))]


anybody = st.builds(lambda at, key, more: [Hand(at, key), *(Hand(one.but(facts=at.facts), k) for one, k in more)],
    desks(), keys, st.lists(st.tuples(desks(), keys), max_size=1))  # fmt: skip


@THOROUGH
@given(nearly() | anybody, st.integers(1, 3))
def test_whatever_is_signed_by_whomever_a_decision_is_what_the_rules_ask_for(hands, tier):
    """The document may be one that nobody could draw up: a hostile writer signs what they like."""
    at = hands[0].at
    made = countersigned(forged(at, tier), hands)
    if not isinstance(made, Decision):
        assert made
        assert all(one.rule in RULES and one.reason and one.satisfy for one in made)
        return
    said, signers = made.document, [hand.at.person for hand in hands]
    used = {hand.key for hand in hands}
    assert {one.signature.person for one in made.signed} == {person.id for person in signers}
    assert all(set(person.roles) <= {"analyst", "lead"} for person in signers)
    assert len({person.id for person in signers}) == len(signers) >= (2 if said.tier == 3 else 1)
    assert said.tier < 3 or used == set(DEVICES)
    assert said.tier < 2 or not used & set(SOFTWARE)
    assert said.tier >= at.facts.tier
    assert not ("close" in said.acts and said.disposition in KEEPS_OPEN)
    assert all(made.before in FROM[act] for act in said.acts[:1])
    assert not clears(said.disposition, said.acts) or (said.unknowns and said.rests_on)
    authorised = {action.proposal for action in said.actions}
    assert not {one.person for one in PROPOSALS if one.id in authorised} & {person.id for person in signers}
    assert all(at.facts.claims[name].status != "invalid" for name in said.rests_on)


def forged(at, tier):
    """The document of a desk; when the rules refuse to draw it up, as somebody would write it past them."""
    drawn, said = at.draws_up(), at.choice
    if isinstance(drawn, DecisionDocument):
        return drawn
    return msgspec.structs.replace(
        desk().draws_up(),
        tier=tier,
        suggested=at.facts.suggested,
        review=at.review.id,
        disposition=said.disposition,
        acts=said.acts,
        reason=said.reason,
        rests_on=said.rests_on,
        unknowns="hmac-sha256:" + "7" * 64 if said.unknowns else "",
        actions=tuple(
            Action(kind=a.kind, target=a.target, payload_digest=a.payload_digest, proposal=a.id)
            for a in PROPOSALS
            if a.id in said.actions
        ),
    )


@THOROUGH
@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_no_bytes_but_a_document_are_read_as_one(raw):
    try:
        read = read_document(raw)
    except ReviewError:
        return
    assert decision_bytes(read) == raw


@THOROUGH
@given(st.integers(0, 4000), st.integers(0, 7))
def test_one_bit_of_a_document_is_another_document(at, bit):
    raw = decision_bytes(desk().draws_up())
    spoilt = bytearray(raw)
    spoilt[at % len(raw)] ^= 1 << bit
    hand = Hand(desk(), SOFTWARE[0])

    assert isinstance(countersigned(raw, [hand]), Decision)
    assert isinstance(countersigned(bytes(spoilt), [hand], signed=[hand.signs(raw)]), tuple)
