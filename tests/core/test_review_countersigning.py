"""The gate: what becomes a decision, and everything that does not."""

from itertools import combinations

import msgspec
import pytest

from countersign.core.review.countersigning import Countersigner, waits
from countersign.core.review.decision import (
    Decision,
    DecisionDocument,
    decision_bytes,
    read_document,
    subject_text,
)
from countersign.core.review.lifecycle import Standing
from countersign.core.review.review import Event
from countersign.core.review.ruling import Denied
from countersign.errors import ReviewError
from deciding import (
    ADMIN,
    ANNA,
    AUDITOR,
    BEN,
    CLAIMS,
    COMMITMENTS,
    DEVICES,
    LONG,
    NOW,
    POLICY,
    SECOND,
    SOFTWARE,
    SYNCED,
    Hand,
    case_document,
    claim,
    countersigned,
    desk,
    draw_up,
    proposal,
    review_of,
    rules,
)

ACT = {
    "disposition": "true_positive",
    "reason": "evidence_confirms",
    "acts": ("contain",),
    "actions": ("a_1",),
}
CLEARED = {
    "disposition": "benign_positive",
    "reason": "approved_change",
    "unknowns": ("who",),
    "reason_text": LONG,
}


def drawn_up(at) -> DecisionDocument:
    made = at.draws_up()
    assert isinstance(made, DecisionDocument), made
    return made


def altered(document, **changes):
    return decision_bytes(msgspec.structs.replace(document, **changes))


@pytest.fixture
def low():
    """Anna at a case of tier 1, with a software key."""
    return Hand(desk(), SOFTWARE[0])


@pytest.fixture
def grave():
    """Anna and Ben at a case of tier 3, each with a device."""
    raw = case_document(tier=3)
    return [Hand(desk(raw), DEVICES[0]), Hand(desk(raw, BEN), DEVICES[1])]


# --- what becomes a decision --------------------------------------------------------------------------------------


def test_one_person_decides_a_low_case_with_a_software_key(low):
    document = drawn_up(low.at.chose(acts=("escalate",)))
    made = countersigned(document, [low])

    assert isinstance(made, Decision)
    assert ("case-1", 1, "open", "escalated", NOW + SECOND) == (
        made.case,
        made.number,
        made.before,
        made.status,
        made.at_ns,
    )
    assert (subject_text(decision_bytes(document)), document) == (made.digest, made.document)
    assert [ANNA.id] == [one.signature.person for one in made.signed]


def test_two_people_decide_a_critical_case_with_a_device_each(grave):
    made = countersigned(drawn_up(grave[0].at), grave)

    assert isinstance(made, Decision)
    assert {ANNA.id, BEN.id} == {one.signature.person for one in made.signed}


def test_what_the_assistant_said_first_stays_beside_what_the_person_says(low):
    agreed = countersigned(drawn_up(low.at), [low])
    other = countersigned(drawn_up(low.at.chose(disposition="security_risk", reason="exposure")), [low])

    assert ("suspicious", "suspicious", False) == (
        agreed.document.suggested,
        agreed.document.disposition,
        agreed.document.overrides,
    )
    assert ("suspicious", "security_risk", True) == (
        other.document.suggested,
        other.document.disposition,
        other.document.overrides,
    )


def test_the_document_names_no_signer(grave):
    raw = decision_bytes(drawn_up(grave[0].at))

    assert not any(name in raw for name in (b"p_anna", b"Anna", b"p_ben"))


def test_the_next_decision_follows_the_last(low):
    first = countersigned(
        drawn_up(low.at.chose(acts=("close",), disposition="security_risk", reason="exposure")), [low]
    )
    standing = Standing(case="case-1", status=first.status, decision=first.digest, number=1)
    again = low.at.but(
        standing=standing, review=review_of(low.at.facts, status="closed", decision=first.digest)
    )
    second = countersigned(
        drawn_up(again.chose(acts=("reopen",), reason="new_evidence")), [Hand(again, SOFTWARE[0])]
    )

    assert (2, "closed", "open", first.digest) == (
        second.number,
        second.before,
        second.status,
        second.document.after,
    )


# --- how many, and who ------------------------------------------------------------------------------------------------


def test_one_signature_at_tier_3_waits_for_another(grave):
    refused = countersigned(drawn_up(grave[0].at), grave[:1])

    assert ["RV-27"] == rules(refused)
    assert waits(refused)
    assert "1 more person" in refused[0].satisfy


def test_no_signature_is_no_decision(low):
    refused = countersigned(drawn_up(low.at), [low], signed=[])

    assert ["RV-27"] == rules(refused)


def test_nothing_missing_is_not_waiting():
    assert not waits(())


def test_one_person_is_not_two(grave):
    anna = grave[0]
    refused = countersigned(drawn_up(anna.at), [anna, Hand(anna.at, DEVICES[1])])

    assert "RV-25" in rules(refused)


def test_one_key_is_not_two(grave):
    anna, ben = grave
    refused = countersigned(drawn_up(anna.at), [anna, Hand(ben.at, DEVICES[0])])

    assert "RV-25" in rules(refused)


def test_clearing_on_weak_ground_waits_for_a_second_person_even_at_tier_1(low):
    at = low.at.chose(**CLEARED, rests_on=("f2",))
    document = drawn_up(at)
    refused = countersigned(document, [low])
    second = Hand(desk(person=BEN), SOFTWARE[1])

    assert waits(refused)
    assert "RV-16" in refused[0].reason
    assert isinstance(countersigned(document, [low, second]), Decision)


@pytest.mark.parametrize(
    "person",
    [
        ADMIN,
        AUDITOR,
        msgspec.structs.replace(BEN, roles=("lead", "auditor")),
        msgspec.structs.replace(BEN, roles=()),
    ],
)
def test_a_signature_counts_only_with_a_role_that_decides_now(grave, person):
    """The roles are those of this moment: whoever lost theirs since signing decides nothing more."""
    anna, ben = grave
    other = Hand(ben.at.but(person=msgspec.structs.replace(person, id=BEN.id)), DEVICES[1])

    assert ["RV-04"] == rules(countersigned(drawn_up(anna.at), [anna, other]))


def test_a_service_never_signs(low):
    """Even one whose id, key and signature are all in order: nobody by that id is a person."""
    document = drawn_up(low.at)
    signature = SOFTWARE[1].sign(
        "svc/triage", bytes.fromhex(subject_text(decision_bytes(document))[7:]), bytes(32)
    )
    theirs = msgspec.structs.replace(low.signs(decision_bytes(document)), signature=signature)
    key = SOFTWARE[1].key("svc/triage")
    refused = countersigned(document, [low], signed=[theirs], keys={key.id: key})

    assert ["RV-28"] == rules(refused)


def test_silence_of_the_policy_denies(grave):
    anna, ben = grave
    other = Hand(ben.at.but(ruling=Denied("PE-01", "no policy permits it")), DEVICES[1])

    assert ["RV-03"] == rules(countersigned(drawn_up(anna.at), [anna, other]))


def test_the_ruling_of_another_policy_permits_nothing(low):
    ruling = msgspec.structs.replace(low.at.ruling, policy="sha256:" + "9" * 64)

    assert ["RV-03"] == rules(countersigned(drawn_up(low.at), [Hand(low.at.but(ruling=ruling), SOFTWARE[0])]))


def test_whoever_signs_second_has_looked_for_themselves(grave):
    anna, ben = grave
    document = drawn_up(anna.at)
    blind = {
        "RV-06": ben.at.without("opened", "f1"),
        "RV-07": ben.at.without("viewed"),
        "RV-08": ben.at.without("committed"),
        "RV-09": ben.at.but(events=(Event(at_ns=NOW, kind="revealed"), *ben.at.events)),
    }

    for rule, at in blind.items():
        assert [rule] == rules(countersigned(document, [anna, Hand(at, DEVICES[1])]))


def test_nobody_signs_on_the_review_of_another(grave):
    anna, ben = grave
    borrowed = Countersigner(person=BEN, ruling=ben.at.ruling, review=anna.at.review, events=anna.at.events)
    own = Countersigner(person=ANNA, ruling=anna.at.ruling, review=anna.at.review, events=anna.at.events)
    refused = countersigned(drawn_up(anna.at), grave, signers={ANNA.id: own, BEN.id: borrowed})

    assert ["RV-28"] == rules(refused)


def test_whoever_drew_it_up_signs_it(low):
    other = Hand(desk(person=BEN), SOFTWARE[1])
    refused = countersigned(drawn_up(low.at), [other], situation=low.at.situation)

    assert ["RV-28"] == rules(refused)


def test_nobody_signs_an_action_that_they_asked_for(grave):
    """Not the second either, whoever drew it up."""
    anna, ben = grave
    asked = (proposal(by=BEN.id),)
    raw = case_document(tier=3)
    at, other = desk(raw, proposals=asked).chose(**ACT), desk(raw, BEN, asked)

    assert ["RV-23"] == rules(countersigned(drawn_up(at), [Hand(at, anna.key), Hand(other, ben.key)]))


def test_the_second_person_has_seen_the_action_too():
    raw, asked = case_document(tier=3), (proposal(),)
    at, other = desk(raw, proposals=asked).chose(**ACT), desk(raw, BEN, asked).without("viewed", "action/a_1")

    assert ["RV-21"] == rules(countersigned(drawn_up(at), [Hand(at, DEVICES[0]), Hand(other, DEVICES[1])]))


# --- keys --------------------------------------------------------------------------------------------------------------------


def test_a_software_key_signs_nothing_above_tier_1():
    at = desk(case_document(tier=2))
    refused = countersigned(drawn_up(at), [Hand(at, SOFTWARE[0])])

    assert ["RV-24"] == rules(refused)
    assert "workbench" in refused[0].satisfy
    assert isinstance(countersigned(drawn_up(at), [Hand(at, SYNCED)]), Decision)


@pytest.mark.parametrize("place", [0, 1])
def test_a_passkey_that_can_be_copied_signs_nothing_at_tier_3(grave, place):
    hands = list(grave)
    hands[place] = Hand(hands[place].at, SYNCED)

    assert ["RV-24"] == rules(countersigned(drawn_up(grave[0].at), hands))


def test_what_somebody_noted_of_a_signature_counts_for_nothing():
    at = desk(case_document(tier=2))
    raw = decision_bytes(drawn_up(at))
    hand = Hand(at, SOFTWARE[0])

    assert "RV-26" in rules(
        countersigned(raw, [hand], signed=[hand.signs(raw, assurance="webauthn-uv-device")])
    )


def test_a_key_that_is_not_enrolled_or_was_revoked_signs_nothing(low):
    document, key = drawn_up(low.at), low.enrolled
    revoked = [{"revoked_ns": NOW}, {"revoked_ns": NOW + SECOND}, {"enrolled_ns": NOW + 2 * SECOND}]

    assert ["RV-26"] == rules(countersigned(document, [low], keys={}))
    for change in revoked:
        assert ["RV-26"] == rules(
            countersigned(document, [low], keys={key.id: msgspec.structs.replace(key, **change)})
        )


def test_a_key_that_is_revoked_later_takes_nothing_back(low):
    key = msgspec.structs.replace(low.enrolled, revoked_ns=NOW + 2 * SECOND)

    assert isinstance(countersigned(drawn_up(low.at), [low], keys={key.id: key}), Decision)


def test_a_signature_over_another_document_decides_nothing(low):
    one, other = decision_bytes(drawn_up(low.at)), decision_bytes(low.at.draws_up(salt=bytes([1] * 16)))

    assert ["RV-26"] == rules(countersigned(other, [low], signed=[low.signs(one)]))


def test_a_signature_of_another_person_is_not_mine(low):
    raw = decision_bytes(drawn_up(low.at))
    made = low.signs(raw)
    renamed = msgspec.structs.replace(made, signature=msgspec.structs.replace(made.signature, person=BEN.id))
    ben = Hand(desk(person=BEN), SOFTWARE[1])

    assert "RV-26" in rules(countersigned(raw, [low, ben], signed=[renamed]))


# --- time and staleness ---------------------------------------------------------------------------------------------------------


def test_a_document_that_expired_is_never_decided(low):
    document = drawn_up(low.at)
    late = Hand(low.at.but(at_ns=low.at.at_ns + 900 * SECOND), SOFTWARE[0])

    assert ["RV-02"] == rules(countersigned(document, [late]))


def test_a_signature_given_after_the_document_expired_does_not_count(low):
    document = drawn_up(low.at)
    late = Hand(low.at, SOFTWARE[0], at_ns=low.at.at_ns + 901 * SECOND)

    assert ["RV-02"] == rules(countersigned(document, [late], situation=low.at.situation))


def test_a_second_person_has_hours_to_look(grave, low):
    alone, together = drawn_up(low.at), drawn_up(grave[0].at)

    assert ("2026-09-21T14:28:21.000Z", "2026-09-21T18:13:21.000Z") == (alone.expires, together.expires)


@pytest.mark.parametrize(
    "change",
    [
        {"brief": "brief-2"},
        {"snapshot": "sha256:" + "9" * 64},
        {"decision": "sha256:" + "9" * 64},
        {"status": "closed"},
    ],
)
def test_an_approval_does_not_outlive_what_it_was_over(grave, change):
    anna, ben = grave
    document = drawn_up(anna.at)
    moved = anna.at.but(now=msgspec.structs.replace(anna.at.review.shown, **change))

    assert ["RV-01"] == rules(countersigned(document, [Hand(moved, DEVICES[0]), ben]))


def test_the_second_persons_review_is_as_fresh_as_the_first(grave):
    """They looked at an older brief: the document is over the present one."""
    anna, ben = grave
    older = msgspec.structs.replace(
        ben.at.review, shown=msgspec.structs.replace(ben.at.review.shown, brief="brief-0")
    )
    refused = countersigned(drawn_up(anna.at), [anna, Hand(ben.at.but(review=older), DEVICES[1])])

    assert ["RV-01"] == rules(refused)


def test_answers_are_asked_for_again(low):
    document = drawn_up(low.at)

    assert ["RV-10"] == rules(countersigned(document, [Hand(low.at.without("answered"), SOFTWARE[0])]))


def test_facts_of_another_document_decide_nothing(low):
    """The document changed, nothing in the facts says so: they are not those of what would be shown now."""
    raw = case_document(claims=(*CLAIMS, claim("f5")))
    other = low.at.but(facts=desk(raw).facts, events=desk(raw).events)

    assert ["RV-29"] == rules(countersigned(drawn_up(low.at), [Hand(other, SOFTWARE[0])]))


def test_a_signature_from_the_future_is_none(low):
    early = Hand(low.at, SOFTWARE[0], at_ns=low.at.at_ns + 1)
    refused = countersigned(drawn_up(low.at), [early])

    assert ["RV-02"] == rules(refused)
    assert "future" in refused[0].reason


def test_a_key_that_is_unknown_is_told_from_one_that_was_revoked(low):
    [unknown] = countersigned(drawn_up(low.at), [low], keys={})

    assert "is not enrolled" in unknown.reason


def test_an_approval_does_not_outlive_the_policy(low):
    document = drawn_up(low.at)
    moved = low.at.but(now=msgspec.structs.replace(low.at.review.shown, policy="sha256:" + "9" * 64))

    assert ["RV-01", "RV-29"] == rules(countersigned(document, [Hand(moved, SOFTWARE[0])]))


# --- the document -----------------------------------------------------------------------------------------------------------------


def test_a_decision_is_not_replayed_on_another_case(low):
    raw = decision_bytes(drawn_up(low.at))
    elsewhere = Hand(desk(case_document(case="case-2"), standing=Standing(case="case-2")), SOFTWARE[0])

    assert {"RV-29"} <= set(rules(countersigned(raw, [elsewhere])))


def test_a_second_decision_does_not_overwrite_the_first(low):
    document = drawn_up(low.at)
    decided = low.at.but(standing=Standing(case="case-1", decision="sha256:" + "9" * 64, number=1))

    assert {"RV-01", "RV-29"} == set(rules(countersigned(document, [Hand(decided, SOFTWARE[0])])))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"tier": 0}, "RV-29"),
        ({"suggested": "test"}, "RV-29"),
        ({"policy": "sha256:" + "9" * 64}, "RV-29"),
        ({"after": "sha256:" + "9" * 64}, "RV-29"),
        ({"review": "r_other"}, "RV-29"),
        ({"case": "case-2"}, "RV-29"),
        ({"expires": "2020-01-01T00:00:00.000Z"}, "RV-02"),
        ({"expires": "never"}, "RV-29"),
        ({"reason_text": "the brief is fine"}, "RV-29"),
        ({"salt": "0"}, "RV-29"),
        ({"acts": ("close",)}, "RV-18"),
        ({"acts": ("contain",)}, "RV-19"),
        ({"reason": "rule_defect"}, "RV-12"),
        ({"rests_on": ("f3",)}, "RV-11"),
        ({"disposition": "benign_positive", "reason": "approved_change", "rests_on": ()}, "RV-15"),
        ({"disposition": "benign_positive", "reason": "approved_change"}, "RV-14"),
    ],
)
def test_what_nobody_could_have_drawn_up_is_refused_though_it_is_signed(low, change, rule):
    """Whoever can write a document and sign it still decides nothing that the rules refuse."""
    assert rule in rules(countersigned(altered(drawn_up(low.at), **change), [low]))


def test_an_action_that_is_not_what_was_proposed_is_refused_though_it_is_signed():
    at = desk(case_document(tier=2), proposals=(proposal(),)).chose(**ACT)
    hand, document = Hand(at, SYNCED), drawn_up(at)
    [action] = document.actions
    changes = [
        {"kind": "notify"},
        {"target": "host-8"},
        {"payload_digest": "sha256:" + "9" * 64},
        {"proposal": "a_9"},
    ]

    assert isinstance(countersigned(document, [hand]), Decision)
    for change in changes:
        raw = altered(document, actions=(msgspec.structs.replace(action, **change),))
        assert {"RV-20", "RV-22"} & set(rules(countersigned(raw, [hand])))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: raw + b" ",
        lambda raw: b"{" + raw[1:-1] + b',"case":"case-1"}',
        lambda raw: raw[:-1] + b',"approve":true}',
        lambda _: b"{}",
        lambda _: b"",
    ],
)
def test_bytes_that_are_not_the_canonical_document_are_none(low, spoil):
    raw = spoil(decision_bytes(drawn_up(low.at)))

    with pytest.raises(ReviewError):
        read_document(raw)
    assert ["RV-29"] == rules(countersigned(raw, [low]))


def test_what_lacks_something_is_not_drawn_up():
    assert [("RV-06")] == rules(desk().without("opened", "f1").draws_up())


@pytest.mark.parametrize("salt", [b"", bytes(15), bytes(17)])
def test_a_document_is_salted_in_full(salt):
    with pytest.raises(ValueError, match="salt"):
        desk().draws_up(salt)


def test_commitments_are_to_what_was_said():
    at = desk().chose(**CLEARED)

    with pytest.raises(ValueError, match="unknowns"):
        draw_up(at.situation, at.choice, at.signer, COMMITMENTS, bytes(16))


def test_every_set_of_signers_but_a_good_one_is_refused():
    """All pairs of people, keys and diligence at tier 3: a decision exactly when two who may, and looked, used two devices."""
    raw = case_document(tier=3)
    document = drawn_up(desk(raw))
    hands = [
        Hand(at, key)
        for person in (
            ANNA,
            BEN,
            msgspec.structs.replace(BEN, id="p_eve", name="Eve", roles=("analyst", "admin")),
        )
        for at in (desk(raw, person), desk(raw, person).without("opened", "h1"))
        for key in (*DEVICES, SYNCED, SOFTWARE[0])
    ]
    decided = 0
    for one, other in combinations(hands, 2):
        if one.at.person != ANNA:
            continue
        good = (
            other.at.person == BEN
            and {one.key, other.key} == set(DEVICES)
            and all(hand.at.rules == [] for hand in (one, other))
        )
        made = countersigned(document, [one, other])
        assert good == isinstance(made, Decision), (one, other, made)
        decided += good

    assert 2 == decided
    assert POLICY == document.policy
