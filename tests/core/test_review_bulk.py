"""Several cases in one go: what is confirmed is exactly what is decided, and each case stands for itself."""

from countersign.core.review.bulk import Item, plan, unconfirmed
from countersign.core.review.choice import Choice
from countersign.core.review.lifecycle import Standing
from countersign.core.review.requirements import Signer
from deciding import ANNA, LONG, PERMITTED, SURE, case_document, claim, desk

AGREES = Choice(disposition="suspicious", reason="claims_hold", acts=("escalate",))
CLOSES = Choice(
    disposition="test",
    reason="registered_test",
    acts=("close",),
    rests_on=("f1",),
    unknowns=("who ran it",),
    reason_text="the register names host, time and scanner",
)
SIGNER = Signer(person=ANNA, ruling=PERMITTED, assurance="software")


def item(case, choice=AGREES, *, events=None, **document):
    made = desk(case_document(**({"claims": SURE, "case": case} | document)), standing=Standing(case=case))
    return Item(situation=made.but(events=made.events if events is None else events).situation, choice=choice)


def test_the_confirmation_names_each_case_its_claims_its_acts_and_what_becomes_of_it():
    made = plan([item("case-1", events=()), item("case-2", CLOSES)], SIGNER)

    assert (
        "case-1: no disposition → suspicious (claims_hold); escalate; rests on no claim named; open → escalated",
        "case-2: no disposition → test (registered_test); close; rests on f1; open → closed",
    ) == made.lines
    assert () == unconfirmed(made, made.digest)


def test_what_was_confirmed_is_what_is_decided():
    confirmed = plan([item("case-1")], SIGNER).digest
    more = plan([item("case-1"), item("case-2")], SIGNER)
    other = plan([item("case-1", CLOSES)], SIGNER)

    assert ["RV-30", "RV-30"] == [one.rule for made in (more, other) for one in unconfirmed(made, confirmed)]
    assert ["RV-30"] == [one.rule for one in unconfirmed(more, "")]


def test_a_case_that_cannot_be_decided_so_hides_no_other():
    cases = [
        item("case-1"),
        item("case-2", tier=2),
        item("case-3", claims=(*SURE, claim("f9", "unsupported", checks=(8,))), events=()),
    ]
    made = plan(cases, SIGNER)

    assert ["case-1"] == [one.case for one in made.ready]
    assert {"case-2", "case-3"} == set(made.refused)
    assert "RV-30" in [one.rule for one in made.refused["case-2"]]
    assert "RV-10" in [one.rule for one in made.refused["case-3"]]


def test_nothing_above_the_low_tier_is_decided_together_with_others():
    weak = Choice(
        disposition="benign_positive",
        reason="approved_change",
        rests_on=("f2",),
        unknowns=("who",),
        reason_text=LONG,
    )
    grave = [
        item("case-1", tier=2),
        item("case-2", tier=3),
        item("case-3", CLOSES, severity="high"),
        item("case-4", weak),
    ]
    made = plan(grave, SIGNER)

    assert () == made.ready
    assert all("RV-30" in [one.rule for one in refused] for refused in made.refused.values())
    assert ["RV-30"] == [one.rule for one in unconfirmed(made, made.digest)]


def test_a_case_that_is_named_twice_is_decided_by_neither():
    made = plan([item("case-1"), item("case-1", CLOSES), item("case-2")], SIGNER)

    assert ["case-2"] == [one.case for one in made.ready]
    assert "RV-31" in [one.rule for one in made.refused["case-1"]]


def test_what_is_no_choice_is_refused_as_that():
    made = plan([item("case-1", Choice(disposition="test", reason="claims_hold", acts=None))], SIGNER)

    assert ["RV-05"] == [one.rule for one in made.refused["case-1"]]
