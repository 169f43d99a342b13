"""What a decision lacks: from a desk where everything is done, one thing is taken away, and the rule that misses it says so."""

import msgspec
import pytest

from countersign.core.review import requirements
from countersign.core.review.dispositions import DISPOSITIONS, REASONS, VERDICT_ID, reasons_for
from countersign.core.review.lifecycle import Standing
from countersign.core.review.review import Event
from countersign.core.review.ruling import Denied
from deciding import (
    ADMIN,
    ANNA,
    AUDITOR,
    BEN,
    CLAIMS,
    LONG,
    NOW,
    SECOND,
    SURE,
    case_document,
    claim,
    desk,
    diligent,
    facts_of,
    proposal,
    review_of,
    shown_of,
)

CLEARED = {
    "disposition": "benign_positive",
    "reason": "approved_change",
    "unknowns": ("who started the job",),
}


def event(kind, what="", value="", reason=""):
    return Event(at_ns=NOW, kind=kind, what=what, value=value, reason=reason)


@pytest.mark.parametrize("tier", [0, 1, 2, 3])
def test_nothing_is_lacking_when_everything_was_done(tier):
    assert () == desk(case_document(tier=tier)).lacks


def test_every_refusal_says_a_rule_a_reason_and_what_would_satisfy_it():
    bare = (
        desk(case_document(tier=3), person=ANNA)
        .but(events=())
        .chose(reason="nothing", reason_text="", disposition="false_positive")
    )

    assert ["RV-06", "RV-07", "RV-08", "RV-10", "RV-12", "RV-13", "RV-14"] == bare.rules
    assert all(one.rule in requirements.RULES and one.reason and one.satisfy for one in bare.lacks)


# --- the review ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"brief": "brief-2"}, "drafted anew"),
        ({"snapshot": "sha256:" + "9" * 64}, "other evidence"),
        ({"policy": "sha256:" + "9" * 64}, "policy changed"),
        ({"tier": 3}, "tier 3 now"),
        ({"decision": "sha256:" + "9" * 64}, "decided the case meanwhile"),
        ({"status": "closed"}, "closed now"),
        ({"document": "sha256:" + "9" * 64}, "case document changed"),
    ],
)
def test_a_stale_review_decides_nothing_and_says_what_changed(change, words):
    at = desk()
    stale = at.but(now=msgspec.structs.replace(at.review.shown, **change))

    assert words in next(one.reason for one in stale.lacks if one.rule == "RV-01")


def test_a_case_that_somebody_decided_meanwhile_is_not_decided_over_it():
    assert "RV-01" in desk(standing=Standing(case="case-1", decision="sha256:" + "9" * 64, number=1)).rules


@pytest.mark.parametrize(
    "person",
    [
        None,
        ADMIN,
        AUDITOR,
        msgspec.structs.replace(ANNA, roles=("analyst", "admin")),
        msgspec.structs.replace(ANNA, roles=()),
    ],
)
def test_nobody_decides_without_a_role_that_does(person):
    assert "RV-04" in desk().but(person=person).rules


def test_nobody_decides_in_the_review_of_another():
    assert ["RV-04"] == desk().but(person=BEN).rules


def test_what_the_policy_denies_is_refused_with_its_rule():
    [refused] = desk(ruling=Denied("admins-do-not-decide", "forbidden")).lacks

    assert ("RV-03", True) == (refused.rule, "admins-do-not-decide" in refused.reason)


@pytest.mark.parametrize(
    "changes",
    [
        {"disposition": "allow"},
        {"disposition": None},
        {"acts": ("delete",)},
        {"rests_on": ("f1", "f1")},
        {"unknowns": (" ",)},
        {"reason_text": "a" * 4001},
        {"rests_on": ("f" * 129,)},
        {"reason": "r" * 129},
    ],
)
def test_a_choice_that_is_none_is_refused_as_a_whole(changes):
    assert ["RV-05"] == desk().chose(**changes).rules


# --- what was looked at ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tier", [1, 2, 3])
@pytest.mark.parametrize("name", ["h1", "f1", "f2", "f3"])
def test_the_evidence_of_a_load_bearing_claim_must_have_been_opened(tier, name):
    """h1 is suggested, it rests on f1 and f2; f3 has an objection."""
    assert ["RV-06"] == desk(case_document(tier=tier)).without("opened", name).rules


def test_a_claim_that_bears_nothing_need_not_be_opened():
    assert [] == desk().without("opened", "f4").rules


def test_a_claim_that_a_person_rests_on_bears_load():
    assert ["RV-06"] == desk().without("opened", "f4").chose(rests_on=("f4",)).rules


def test_looking_at_the_page_is_not_opening_evidence():
    at = desk().without("opened")

    assert ["RV-06"] == at.but(events=(*at.events, event("viewed", "f1"), event("viewed", "brief"))).rules


@pytest.mark.parametrize(("tier", "missed"), [(1, 2), (1, 4), (2, 5)])
def test_the_must_show_panel_must_have_been_seen(tier, missed):
    at = desk(case_document(tier=tier)).without("viewed")
    seen = tuple(event("viewed", f"panel/{n}") for n in range(1, 6) if n != missed)

    assert ["RV-07"] == at.but(events=(*at.events, *seen)).rules


@pytest.mark.parametrize(
    "what", ["panel", "panel/0", "panel/1-", "panel/-5", "panel/5-1", "panel/１-5", "brief"]
)
def test_what_names_no_entry_of_the_panel_shows_none(what):
    at = desk().without("viewed")

    assert "RV-07" in at.but(events=(*at.events, event("viewed", what))).rules


def test_at_a_low_tier_a_brief_with_nothing_against_it_is_agreed_with_by_one_keystroke():
    at = desk(case_document(SURE)).but(events=()).chose(rests_on=(), reason="claims_hold", reason_text="")

    assert [] == at.rules


@pytest.mark.parametrize(
    "document",
    [
        {"tier": 2}, {"severity": "high"}, {"quality": [("late", "C11")]}, {"capped_by": ["C09"]},
        {"claims": (*SURE, claim("f9", "unsupported", checks=(8,)))}, {"claims": (*SURE, claim(None, "invalid", checks=(2,)))},
        {"claims": (*SURE, claim("f1"))}, {"claims": ()},
    ],
)  # fmt: skip
def test_one_keystroke_is_not_enough_where_anything_is_against_it(document):
    at = (
        desk(case_document(**({"claims": SURE} | document)))
        .but(events=())
        .chose(rests_on=(), reason="claims_hold", acts=("close",), disposition="true_positive")
    )

    assert {"RV-06", "RV-07"} & set(at.rules)


def test_whoever_disagrees_looks_first():
    at = (
        desk(case_document(SURE))
        .but(events=())
        .chose(disposition="true_positive", reason="evidence_confirms", rests_on=())
    )

    assert ["RV-06", "RV-07"] == at.rules


def test_nothing_is_cleared_by_one_keystroke():
    at = desk(case_document(SURE, suggestion="benign_positive")).but(events=()).chose(**CLEARED)

    assert ["RV-06", "RV-07"] == at.rules


def told(at, rule):
    [one] = [one for one in at.lacks if one.rule == rule]
    return one


def test_refusals_name_exactly_what_is_missing():
    """And nothing that is not."""
    at = desk(case_document(tier=2, panel=["P1"] * 25))
    long = told(at.without("viewed"), "RV-07")
    short = told(desk(case_document(tier=2)).without("viewed"), "RV-07")

    assert "the evidence of f1 was not opened" == told(at.without("opened", "f1"), "RV-06").reason
    assert ("Look at the panel's entries 1-2, 4-5.", "Look at the panel's entries 1-25.") == (
        short.satisfy,
        long.satisfy,
    )
    assert ("1-2", "4-5") == short.names
    assert "objection f3#8 stands against f3" == told(at.chose(rests_on=("f3",)), "RV-11").reason
    assert (
        "One of: rule_defect, stale_intel, source_fault."
        == told(at.chose(disposition="false_positive", reason="exposure", unknowns=("who",)), "RV-12").satisfy
    )
    assert ["exposure", "(there is no such code)"] == [
        told(at.chose(reason=code), "RV-12").reason.split(" is no ")[0]
        if known
        else told(at.chose(reason=code), "RV-12").reason[-23:]
        for code, known in (("exposure", True), ("because", False))
    ]
    assert "no such code" not in told(at.chose(reason="exposure"), "RV-12").reason


def test_a_key_that_is_too_weak_is_told_which_is_good_enough():
    weak = [told(desk(case_document(tier=tier), assurance="software"), "RV-24").satisfy for tier in (2, 3)]

    assert [False, True] == ["cannot leave its device" in satisfy for satisfy in weak]


# --- own judgement first ------------------------------------------------------------------------------------------------


def test_at_tier_3_nobody_sees_the_suggestion_before_they_committed():
    at = desk(case_document(tier=3))

    assert at.review.commit_first
    assert ["RV-08"] == at.without("committed").rules
    assert ["RV-09"] == at.but(events=(event("revealed"), *at.events)).rules


@pytest.mark.parametrize("said", ["", "allow", "SUSPICIOUS"])
def test_committing_to_nothing_is_no_commitment(said):
    at = desk(case_document(tier=3)).without("committed")

    assert ["RV-08"] == at.but(events=(event("committed", "", said), *at.events)).rules


def test_what_becomes_critical_by_its_actions_is_judged_first_too():
    """A review that was opened before the actions were proposed was opened for less."""
    asked = (proposal(), proposal("a_2", target="host-8"))
    act = ACT | {"actions": ("a_1", "a_2")}
    early = desk().but(proposals=asked).chose(**act)
    early = early.but(events=diligent(early.facts, asked))

    assert ["RV-08"] == early.rules
    assert [] == desk(proposals=asked).chose(**act).rules
    assert ["RV-08"] == desk(proposals=asked).without("committed").chose(**act).rules


def test_whoever_is_not_sampled_need_not_commit():
    assert [] == desk(case_document(tier=2)).without("committed").rules


# --- objections and grounds ------------------------------------------------------------------------------------------------


def test_each_objection_is_answered_by_name():
    raw = case_document(
        (
            claim("f1"),
            claim("f2", "contradicted", checks=(9, 14)),
            claim("h1", "interpretation", basis=("f1",)),
        )
    )
    [refused] = desk(raw).without("answered", "f2#14").lacks

    assert ("RV-10", "Uphold or overrule f2#14.") == (refused.rule, refused.satisfy)


def test_an_answer_that_is_neither_yes_nor_no_is_none():
    at = desk().without("answered")

    assert ["RV-10"] == at.but(events=(*at.events, event("answered", "f3#8", "perhaps"))).rules


def test_overruling_a_check_takes_a_reason():
    at = desk()

    assert ["RV-10"] == at.but(events=(*at.events, event("answered", "f3#8", "overruled", " "))).rules
    assert (
        []
        == at.but(events=(*at.events, event("answered", "f3#8", "overruled", "the field was renamed"))).rules
    )


def test_nobody_rests_on_a_claim_whose_objection_they_upheld():
    assert ["RV-11"] == desk().chose(rests_on=("f3",)).rules


def test_the_last_answer_counts():
    at = desk()
    overruled, upheld = event("answered", "f3#8", "overruled", "renamed"), event("answered", "f3#8", "upheld")

    assert [] == at.but(events=(*at.events, overruled)).chose(rests_on=("f3",)).rules
    assert ["RV-11"] == at.but(events=(*at.events, overruled, upheld)).chose(rests_on=("f3",)).rules


def test_an_invented_claim_id_is_resolved_to_nothing():
    assert ["RV-11"] == desk().chose(rests_on=("f1 ",)).rules
    assert ["RV-11"] == desk().chose(rests_on=("f99",)).rules


def test_an_invalid_claim_bears_nothing_whoever_overrules_it():
    at = desk(case_document((*CLAIMS, claim("x1", "invalid", checks=(2,)))))
    overruled = event("answered", "x1#2", "overruled", "it is clear what is meant")

    assert ["RV-11"] == at.but(events=(*at.events, overruled)).chose(rests_on=("x1",)).rules


def test_a_claim_id_that_two_claims_have_is_nobodys():
    assert "RV-11" in desk(case_document((*CLAIMS, claim("f1")))).rules


# --- reasons ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("disposition", DISPOSITIONS)
def test_every_disposition_has_reasons_of_its_own_and_a_verdict_id(disposition):
    assert reasons_for(disposition, ())
    assert {1, 2, 4, 5, 6, 7, 8, 10} == set(VERDICT_ID.values())


@pytest.mark.parametrize("code", REASONS)
@pytest.mark.parametrize("disposition", DISPOSITIONS)
def test_a_reason_of_another_disposition_or_act_is_refused_with_those_there_are(code, disposition):
    at = desk().chose(disposition=disposition, reason=code, unknowns=("one thing",))

    assert (code in reasons_for(disposition, ())) == ("RV-12" not in at.rules)


def test_a_case_is_reopened_for_a_reason_of_its_own():
    closed = Standing(case="case-1", status="closed", number=1, decision="sha256:" + "9" * 64)
    facts = facts_of(case_document())
    again = review_of(facts, status="closed", decision=closed.decision)
    at = desk(standing=closed).but(review=again).chose(acts=("reopen",))

    assert ["RV-12"] == at.rules
    assert [] == at.chose(reason="new_evidence").rules


@pytest.mark.parametrize(("tier", "least"), [(1, 0), (2, 20), (3, 40)])
def test_the_reason_in_words_grows_with_the_tier(tier, least):
    at = desk(case_document(tier=tier))

    assert [] == at.chose(reason_text="x" * least).rules
    assert not least or ["RV-13"] == at.chose(reason_text="x" * (least - 1) + "   \n  ").rules


# --- clearing ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("disposition", "reason"), [("benign_positive", "approved_change"), ("false_positive", "rule_defect")]
)
def test_clearing_says_what_is_not_known_what_it_rests_on_and_why(disposition, reason):
    at = desk().chose(**(CLEARED | {"disposition": disposition, "reason": reason}))

    assert [] == at.rules
    assert ["RV-14"] == at.chose(unknowns=()).rules
    assert ["RV-15"] == at.chose(rests_on=()).rules
    assert ["RV-13"] == at.chose(reason_text="ok").rules


def demanded(at):
    return requirements.demand(at.situation, at.choice, ())


@pytest.mark.parametrize(
    ("rests_on", "weak"),
    [(("f2",), True), (("f1",), False), (("h1",), False), (("f1", "f2"), False), ((), True)],
)
def test_clearing_on_what_an_outsider_could_have_written_takes_a_second_person(rests_on, weak):
    asked = demanded(desk().chose(**CLEARED, rests_on=rests_on))

    assert (2 if weak else 1, ["RV-16"] if weak else []) == (
        asked.signers,
        [one.rule for one in asked.because],
    )


def test_an_overruled_objection_makes_no_claim_sound():
    at = desk()
    over = at.but(events=(*at.events, event("answered", "f3#8", "overruled", "renamed"))).chose(
        **CLEARED, rests_on=("f3",)
    )

    assert (2, []) == (demanded(over).signers, over.rules)


@pytest.mark.parametrize("blind", [{"quality": [("silent", "C01")]}, {"capped_by": ["C01"]}])
def test_clearing_while_a_decisive_source_is_silent_takes_a_second_person(blind):
    asked = demanded(desk(case_document(**blind)).chose(**CLEARED))

    assert (2, ["RV-17"]) == (asked.signers, [one.rule for one in asked.because])


def test_what_clears_nothing_takes_no_second_person_for_weak_ground():
    assert 1 == demanded(desk(case_document(quality=[("silent", "C01")])).chose(rests_on=("f2",))).signers


# --- acts and actions ----------------------------------------------------------------------------------------------------------


def test_what_is_suspicious_stays_open():
    assert ["RV-18"] == desk().chose(acts=("close",)).rules


@pytest.mark.parametrize("acts", [("reopen",), ("escalate", "escalate"), ("close", "escalate")])
def test_acts_that_the_status_or_each_other_do_not_allow_are_refused(acts):
    assert "RV-18" in desk().chose(acts=acts, disposition="true_positive", reason="evidence_confirms").rules


def test_a_closed_case_is_reopened_first():
    at = desk()
    closed = at.but(
        standing=Standing(case="case-1", status="closed"), review=review_of(at.facts, status="closed")
    )

    assert ["RV-18"] == closed.chose(acts=("escalate",)).rules


ACT = {
    "disposition": "true_positive",
    "reason": "evidence_confirms",
    "acts": ("contain",),
    "actions": ("a_1",),
}


def test_containing_names_actions_that_were_shown_exactly():
    at = desk(proposals=(proposal(),)).chose(**ACT)

    assert [] == at.rules
    assert ["RV-19"] == at.chose(actions=()).rules
    assert ["RV-19"] == at.chose(acts=()).rules
    assert ["RV-20"] == at.chose(actions=("a_2",)).rules
    assert ["RV-21"] == at.without("viewed", "action/a_1").rules
    assert ["RV-22"] == at.but(events=(*at.events, event("viewed", "action/a_1", "sha256:" + "0" * 64))).rules


def test_a_proposal_of_another_case_is_none_of_this_one():
    assert ["RV-20"] == desk(proposals=(proposal(case="case-2"),)).chose(**ACT).rules


def test_nobody_decides_on_what_they_asked_for():
    assert ["RV-23"] == desk(proposals=(proposal(by=ANNA.id),)).chose(**ACT).rules


@pytest.mark.parametrize(
    ("tier", "severity", "changes", "proposals", "expected"),
    [
        (1, "low", {}, (), 1),
        (0, "low", {}, (), 1),
        (1, "low", ACT, (proposal(),), 2),
        (1, "low", ACT, (proposal(kind="open_ticket"),), 2),
        (1, "low", ACT, (proposal(kind="wipe_disk"),), 3),
        (1, "low", ACT | {"actions": ("a_1", "a_2")}, (proposal(), proposal("a_2", target="host-8")), 3),
        (1, "low", ACT | {"actions": ("a_1", "a_2")}, (proposal(), proposal("a_2", "notify")), 2),
        (2, "high", {}, (), 2),
        (2, "high", {"acts": ("close",), "disposition": "test", "reason": "registered_test"}, (), 3),
        (3, "low", {}, (), 3),
    ],
)
def test_the_tier_of_a_decision_follows_from_what_it_does(tier, severity, changes, proposals, expected):
    at = desk(case_document(tier=tier, severity=severity), proposals=proposals).chose(**changes)
    actions = requirements.resolved(at.choice, at.situation.proposals)

    assert expected == max(requirements.demand(at.situation, at.choice, actions).tier, 1)


# --- keys -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tier", "assurance", "good"),
    [
        (1, "software", True), (2, "software", False), (3, "software", False), (2, "webauthn-uv", True),
        (3, "webauthn-uv", False), (3, "webauthn-uv-device", True), (1, "webauthn-uv-device", True),
    ],
)  # fmt: skip
def test_the_key_is_good_enough_for_the_tier_or_the_refusal_says_where_to_sign(tier, assurance, good):
    at = desk(case_document(tier=tier), assurance=assurance)

    assert good == (at.rules == [])
    assert good or all("workbench" in one.satisfy and "passkey" in one.satisfy for one in at.lacks)


def test_a_contain_is_no_matter_for_a_software_key_whatever_the_tier_of_the_case():
    assert ["RV-24"] == desk(proposals=(proposal(),), assurance="software").chose(**ACT).rules


def test_a_desk_is_what_its_name_says():
    """The tests above take away from a desk where all is done; a bare one lacks all of it."""
    at = desk(case_document(tier=3))

    assert diligent(at.facts) == at.events
    assert ["RV-06", "RV-07", "RV-08", "RV-10"] == at.but(events=()).rules
    assert (shown_of(at.facts), LONG, NOW + SECOND) == (at.review.shown, at.choice.reason_text, at.at_ns)
