"""The store of reviews and decisions, on both databases: nothing is overwritten, nothing is skipped."""

import threading
from hashlib import sha256

import msgspec
import pytest
from sqlalchemy import insert, text

from countersign.adapters.sql import permits, tables
from countersign.core.identity.signatures import Signature
from countersign.core.review import lifecycle
from countersign.core.review.decision import (
    Decision,
    DecisionDocument,
    Signed,
    decision_bytes,
    subject_text,
)
from countersign.core.review.review import Event, Review, Shown
from countersign.errors import AlreadyDecided, AlreadyStored, DigestMismatch, TamperDetected
from countersign.ports import CaseState
from countersign.ports.review import Proposal, Standing

SNAPSHOT = "sha256:" + "a" * 64
COMMIT = "hmac-sha256:" + "b" * 64
ANNA, BEN = "p_anna", "p_ben"


@pytest.fixture
def decided_store(store):
    """Two persons, two cases."""
    with store.transaction() as tx:
        for case in ("case-1", "case-2"):
            tx.cases.save(CaseState(case, SNAPSHOT, "t", "low", 1, b"{}"))
    with store._engine.begin() as connection:
        for person in (ANNA, BEN):
            with permits.permitted(connection, "person", person):
                connection.execute(insert(tables.person).values(id=person, name=person))
    return store


def a_review(name="r_1", case="case-1", person=ANNA):
    shown = Shown(
        brief="brief-1",
        rendered=SNAPSHOT,
        document=SNAPSHOT,
        snapshot=SNAPSHOT,
        policy=SNAPSHOT,
        tier=1,
    )
    return Review(
        id=name,
        case=case,
        person=person,
        session="s_1",
        opened_ns=1,
        shown=shown,
        commit_first=False,
        load_bearing=("c1",),
        must_see=(1,),
    )


def a_document(case="case-1", after="", review="r_1", acts=(), disposition="suspicious", salt="00" * 16):
    return DecisionDocument(
        case=case,
        after=after,
        brief=COMMIT,
        evidence=COMMIT,
        policy=SNAPSHOT,
        tier=1,
        suggested="suspicious",
        disposition=disposition,
        acts=acts,
        actions=(),
        shown=COMMIT,
        views=COMMIT,
        answers=COMMIT,
        unknowns="",
        rests_on=(),
        reason="needs_more",
        reason_text=COMMIT,
        review=review,
        expires="2026-01-01T00:00:00.000Z",
        salt=salt,
    )


def signed_by(person, at_ns=7):
    given = Signature(person=person, key=SNAPSHOT, kind="software", nonce=b"n" * 32, signature=b"s" * 64)
    return Signed(signature=given, assurance="software", at_ns=at_ns)


def a_decision(document, number=1, before="open"):
    return Decision(
        digest=subject_text(decision_bytes(document)),
        case=document.case,
        number=number,
        document=document,
        signed=(signed_by(ANNA),),
        before=before,
        status=lifecycle.after(before, document.disposition, document.acts),
        at_ns=9,
    )


def put(tx, document):
    raw = decision_bytes(document)
    if tx.reviews.get(document.review) is None:
        tx.reviews.open(a_review(document.review, document.case))
    tx.reviews.put(subject_text(raw), document.case, document.review, raw)
    return subject_text(raw)


def keep(store, document, **given):
    """Put, signed by Anna, decided."""
    with store.transaction() as tx:
        digest = put(tx, document)
        tx.reviews.sign(digest, signed_by(ANNA))
        tx.reviews.decide(a_decision(document, **given), f"decision-{digest[7:23]}")
    return digest


def test_a_review_comes_back_as_it_was_opened(decided_store):
    with decided_store.transaction() as tx:
        tx.reviews.open(a_review())
        tx.reviews.open(a_review("r_2", person=BEN))
    with decided_store.reading() as tx:
        assert a_review() == tx.reviews.get("r_1")
        assert tx.reviews.get("r_9") is None
        assert (a_review(), a_review("r_2", person=BEN)) == tx.reviews.of_case("case-1")
        assert () == tx.reviews.of_case("case-2")


def test_a_review_is_opened_once(decided_store):
    with decided_store.transaction() as tx:
        tx.reviews.open(a_review())
        with pytest.raises(AlreadyStored):
            tx.reviews.open(a_review())


def test_what_took_place_is_kept_in_order(decided_store):
    events = [Event(at_ns=n, kind="viewed", what=f"c{n}", milliseconds=n * 10) for n in (3, 1, 2)]
    with decided_store.transaction() as tx:
        tx.reviews.open(a_review())
        for event in events:
            tx.reviews.happened("r_1", event)
    with decided_store.reading() as tx:
        assert tuple(events) == tx.reviews.events("r_1")


def test_a_proposal_keeps_its_exact_payload(decided_store):
    payload = b"\x00\xff exactly this \xf0\x9f\x92\xa5"
    proposal = Proposal(
        id="a_1",
        case="case-1",
        person=ANNA,
        kind="ticket",
        target="SOC-1",
        payload=payload,
        reason="why",
        at_ns=1,
    )
    with decided_store.transaction() as tx:
        tx.reviews.propose(proposal)
        with pytest.raises(AlreadyStored):
            tx.reviews.propose(msgspec.structs.replace(proposal, target="SOC-2"))
    with decided_store.reading() as tx:
        assert (proposal,) == tx.reviews.proposals("case-1")


def test_a_document_waits_with_its_signatures_until_it_is_a_decision(decided_store):
    document = a_document()
    with decided_store.transaction() as tx:
        digest = put(tx, document)
        tx.reviews.sign(digest, signed_by(ANNA))
        tx.reviews.sign(digest, signed_by(BEN, 8))
    with decided_store.reading() as tx:
        [waits] = tx.reviews.waiting()
        assert (digest, "case-1", "r_1") == (waits.digest, waits.case, waits.review)
        assert decision_bytes(document) == waits.raw
        assert (signed_by(ANNA), signed_by(BEN, 8)) == waits.signed
        assert waits == tx.reviews.pending(digest)
        assert () == tx.reviews.waiting("case-2")
    with decided_store.transaction() as tx:
        tx.reviews.decide(a_decision(document), "decision-1")
    with decided_store.reading() as tx:
        assert () == tx.reviews.waiting()


def test_nobody_signs_a_document_twice(decided_store):
    with decided_store.transaction() as tx:
        digest = put(tx, a_document())
        tx.reviews.sign(digest, signed_by(ANNA))
        with pytest.raises(AlreadyStored):
            tx.reviews.sign(digest, signed_by(ANNA, 8))


def test_a_document_is_kept_under_its_own_digest_only(decided_store):
    with pytest.raises(DigestMismatch), decided_store.transaction() as tx:
        tx.reviews.open(a_review())
        tx.reviews.put(SNAPSHOT, "case-1", "r_1", decision_bytes(a_document()))


def test_a_case_without_a_decision_stands_open(decided_store):
    with decided_store.reading() as tx:
        assert {"case-1": Standing(case="case-1")} == tx.reviews.standing(["case-1"])


def test_a_case_stands_by_its_last_decision(decided_store):
    first = keep(decided_store, a_document(acts=("escalate",)))
    second = keep(
        decided_store,
        a_document(after=first, acts=("close",), disposition="true_positive"),
        number=2,
        before="escalated",
    )
    with decided_store.reading() as tx:
        stands = tx.reviews.standing(["case-1", "case-2"])
        assert [1, 2] == [one.number for one in tx.reviews.decisions("case-1")]
    assert ("closed", "true_positive", second, 2) == (
        stands["case-1"].status,
        stands["case-1"].disposition,
        stands["case-1"].decision,
        stands["case-1"].number,
    )
    assert (SNAPSHOT, f"decision-{second[7:23]}") == (stands["case-1"].snapshot, stands["case-1"].entry)
    assert "open" == stands["case-2"].status


def test_a_decision_comes_back_with_its_signatures(decided_store):
    document = a_document(acts=("close",), disposition="true_positive")
    keep(decided_store, document)
    with decided_store.reading() as tx:
        assert (a_decision(document),) == tx.reviews.decisions("case-1")


@pytest.mark.parametrize("number", [1, 3])
def test_a_decision_takes_the_next_number_and_no_other(decided_store, number):
    first = keep(decided_store, a_document())
    with pytest.raises(AlreadyDecided):
        keep(decided_store, a_document(after=first), number=number)
    with decided_store.reading() as tx:
        assert 1 == len(tx.reviews.decisions("case-1"))


def test_a_decision_is_kept_once(decided_store):
    document = a_document()
    keep(decided_store, document)
    with pytest.raises(AlreadyDecided), decided_store.transaction() as tx:
        tx.reviews.decide(a_decision(document, number=2), "decision-2")


def test_of_eight_that_decide_at_once_one_does(decided_store):
    results, start = [], threading.Barrier(8)

    def decide(n):
        start.wait()
        try:
            keep(decided_store, a_document(review=f"r_{n}", salt=f"{n:032d}"))
            results.append("decided")
        except AlreadyDecided:
            results.append("too late")

    threads = [threading.Thread(target=decide, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ["decided"] + ["too late"] * 7 == sorted(results)
    with decided_store.reading() as tx:
        assert [1] == [one.number for one in tx.reviews.decisions("case-1")]


@pytest.mark.parametrize(
    "change",
    ["status = 'closed'", "disposition = 'test'", "number = 2", "case_id = 'case-2'"],
)
def test_a_row_that_says_something_else_than_was_signed_is_found(decided_store, change):
    keep(decided_store, a_document())
    with decided_store._engine.begin() as connection:
        on = "" if connection.dialect.name == "sqlite" else " ON decision"
        connection.execute(text(f"DROP TRIGGER decision_no_update{on}"))
        connection.execute(text(f"UPDATE decision SET {change}"))

    case = "case-2" if "case-2" in change else "case-1"
    with pytest.raises(TamperDetected), decided_store.reading() as tx:
        tx.reviews.decisions(case)


def test_a_changed_document_is_found(decided_store):
    keep(decided_store, a_document())
    changed = decision_bytes(a_document(disposition="test", acts=("close",)))
    with decided_store._engine.begin() as connection:
        on = "" if connection.dialect.name == "sqlite" else " ON decision_document"
        connection.execute(text(f"DROP TRIGGER decision_document_no_update{on}"))
        connection.execute(text("UPDATE decision_document SET document = :raw"), {"raw": changed})

    with pytest.raises(DigestMismatch), decided_store.reading() as tx:
        tx.reviews.decisions("case-1")


def test_every_policy_that_was_in_force_is_kept(store):
    digest = "sha256:" + sha256(b"permit").hexdigest()
    with store.transaction() as tx:
        assert tx.reviews.keep_policy(digest, b"permit")
        assert not tx.reviews.keep_policy(digest, b"permit")
    with store.reading() as tx:
        assert b"permit" == tx.reviews.policy(digest)
        assert tx.reviews.policy(SNAPSHOT) is None
