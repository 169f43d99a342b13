"""A review opens on the logged brief only, for the person who is signed in, and draws who commits first."""

import json
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.core.ids import digest
from countersign.core.review.casefacts import read_case
from countersign.core.review.opening import changed, draw_subject, is_drawn, open_review
from countersign.core.review.review import restore_review, review_bytes
from countersign.core.review.ruling import Denied
from countersign.errors import DigestMismatch, NotPermitted, NotSignedIn, ReviewError, TamperDetected
from deciding import (
    ANNA,
    BEN,
    CLAIMS,
    FRICTION,
    NOW,
    PERMITTED,
    SECOND,
    case_document,
    claim,
    facts_of,
    proposal,
    review_of,
    session_of,
    shown_of,
)


def opened(**changes):
    facts = facts_of(case_document())
    told = {
        "facts": facts,
        "shown": shown_of(facts),
        "person": ANNA,
        "session": session_of(ANNA),
        "friction": FRICTION,
        "ruling": PERMITTED,
    }
    return open_review(**(told | {"draw": bytes(32), "review_id": "r_1", "at_ns": NOW} | changes))


# --- the case ----------------------------------------------------------------------------------------------------------


def test_bytes_other_than_the_logged_ones_are_refused():
    with pytest.raises(DigestMismatch):
        read_case(case_document(tier=1), digest(case_document(tier=3)))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.pop("brief"),
        lambda d: d.update(brief=None),
        lambda d: d["brief"].pop("claims"),
        lambda d: d["brief"]["suggestion"].update(disposition="allow"),
        lambda d: d.update(tier="1"),
    ],
)
def test_a_case_without_a_verified_brief_is_not_reviewed(spoil):
    document = json.loads(case_document())
    spoil(document)

    with pytest.raises(ReviewError, match="no verified brief"):
        facts_of(json.dumps(document).encode())


def test_what_bears_load_is_the_suggestion_all_it_rests_on_and_every_objection():
    facts = facts_of(case_document((*CLAIMS, claim("h2", "unsupported", basis=("f4",), checks=(18,)))))

    assert ("f1", "f2", "f3", "h1", "h2") == facts.load_bearing({"contradicted", "unsupported"})
    assert ("f1", "f2", "h1") == facts.load_bearing(())


def test_a_reading_that_rests_on_itself_is_read_to_an_end():
    facts = facts_of(
        case_document(
            (claim("h1", "interpretation", basis=("h2",)), claim("h2", "interpretation", basis=("h1",)))
        )
    )

    assert ("h1", "h2") == facts.load_bearing(())


# --- the review ----------------------------------------------------------------------------------------------------------


def test_a_review_says_what_must_be_opened_and_seen():
    review = review_of(facts_of(case_document(tier=2)))

    assert (("f1", "f2", "f3", "h1"), (1, 2, 4, 5)) == (review.load_bearing, review.must_see)


@pytest.mark.parametrize(
    "shown", [{"document": "sha256:" + "9" * 64}, {"brief": "brief-2"}, {"snapshot": "sha256:" + "9" * 64}]
)
def test_what_is_shown_is_this_cases_brief(shown):
    facts = facts_of(case_document())

    with pytest.raises(ReviewError):
        opened(shown=msgspec.structs.replace(shown_of(facts), **shown))


def test_what_the_policy_denies_does_not_open():
    with pytest.raises(NotPermitted, match="auditors-do-not-decide"):
        opened(ruling=Denied("auditors-do-not-decide", "forbidden"))


@pytest.mark.parametrize(
    "session",
    [
        session_of(BEN),
        msgspec.structs.replace(session_of(ANNA), expires_ns=NOW),
        msgspec.structs.replace(session_of(ANNA), opened_ns=NOW + 1),
    ],
)
def test_a_session_of_another_or_one_that_is_over_opens_nothing(session):
    with pytest.raises(NotSignedIn):
        opened(session=session)


def test_a_kept_review_comes_back_and_anything_else_does_not():
    review = opened()

    assert review == restore_review(review_bytes(review))
    with pytest.raises(TamperDetected):
        restore_review(b'{"id":"r_1"}')


def test_nothing_changed_says_nothing():
    review = opened()

    assert () == changed(review, review.shown)
    assert ("the brief was drafted anew", "the case is of tier 3 now; it was 1") == changed(
        review, msgspec.structs.replace(review.shown, brief="brief-2", document="sha256:" + "9" * 64, tier=3)
    )


# --- who commits first --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tier", "severity", "draw", "expected"),
    [
        (1, "low", bytes(32), False),
        (2, "low", bytes(32), True),
        (2, "low", b"\xff" * 32, False),
        (3, "low", b"\xff" * 32, True),
        (2, "high", b"\xff" * 32, True),
        (1, "critical", b"\xff" * 32, True),
    ],
)
def test_always_at_tier_3_and_high_severity_a_sample_at_2_never_at_1(tier, severity, draw, expected):
    facts = facts_of(case_document(tier=tier, severity=severity))

    assert expected == review_of(facts, draw=draw).commit_first


def test_a_review_is_opened_for_the_gravest_that_is_proposed():
    facts = facts_of(case_document())
    one, other = proposal(), proposal("a_2", target="host-8")

    assert [False, True, True] == [
        review_of(facts, proposals=asked).commit_first
        for asked in ((one,), (one, other), (proposal(kind="wipe_disk"),))
    ]


def test_the_sample_is_as_large_as_stated():
    draws = [sha256(n.to_bytes(4, "big")).digest() for n in range(20_000)]

    assert 2000 == pytest.approx(sum(is_drawn(draw, 100) for draw in draws), abs=150)


@given(st.binary(min_size=32, max_size=32))
def test_never_and_always_are_just_that(draw):
    assert (False, True) == (is_drawn(draw, 0), is_drawn(draw, 1000))


@pytest.mark.parametrize("draw", [b"", bytes(31), bytes(33)])
def test_a_draw_of_another_length_is_none(draw):
    with pytest.raises(ValueError, match="32 bytes"):
        is_drawn(draw, 1000)


def test_opening_again_draws_the_same_and_only_the_brief_draws_anew():
    """Nothing in the subject is the opener's to choose: no review id, no time, no session."""
    one, other = facts_of(case_document()), facts_of(case_document(tier=3))

    assert draw_subject(one, ANNA.id) == draw_subject(other, ANNA.id)
    assert draw_subject(one, ANNA.id) != draw_subject(one, BEN.id)
    assert SECOND < NOW
