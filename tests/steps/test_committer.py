"""Group commit: many threads hand in work, each is answered for itself, and an answer means published."""

import threading
from concurrent.futures import wait

import pytest

from countersign.adapters.log_files import FolderFiles
from countersign.adapters.log_signer import HomeSigner
from countersign.adapters.sql import open_store
from countersign.committer import Committer
from countersign.core.ids import evidence_id
from countersign.core.log.auditlog import Actor, Entry
from countersign.core.records.evidence import Evidence
from countersign.errors import AuditLogConflict, AuditLogUnavailable, StoreUnavailable
from countersign.steps.publish import LogPublisher
from countersign.wiring import SystemClock
from databases import VAULT, database, postgres_database, sqlite_database  # noqa: F401 - fixtures

ACTOR = Actor(type="system", id="countersign")


def an_entry(number, kind="log.note"):
    return Entry(kind=kind, id=f"e_{number:04}", ts="2026-09-21T13:15:30.123Z", actor=ACTOR)


def staging(number, kind="log.note"):
    def work(tx):
        tx.log.stage(an_entry(number, kind))
        return number

    return work


@pytest.fixture
def store(database):  # noqa: F811 - the fixture of that name
    opened = open_store(database, VAULT)
    yield opened
    opened.close()


@pytest.fixture
def publisher(store, tmp_path):
    return LogPublisher(store, SystemClock(), HomeSigner(tmp_path), FolderFiles(tmp_path / "log"))


def test_an_answer_means_published(store, publisher):
    with Committer(store, publisher) as committer:
        for number in range(3):
            assert number == committer.commit(staging(number))
            assert store.log.find(f"e_{number:04}").index < store.log.checkpoint().size


def test_work_of_many_threads_is_written_once_each(store, publisher):
    answered = []

    def many(first):
        answered.extend(committer.commit(staging(number)) for number in range(first, first + 20))

    with Committer(store, publisher, at_most=7) as committer:
        threads = [threading.Thread(target=many, args=(20 * n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert list(range(160)) == sorted(answered)
    assert 160 == store.log.checkpoint().size
    assert "intact" == store.log.verify().status


def test_one_that_fails_is_undone_and_does_not_fail_the_others(store, publisher):
    raw = b"{}"
    record = Evidence(evidence_id(raw), "json.unknown", "x", "json/1", raw, None, None)

    def half(tx):
        tx.evidence.add([(record, [("ip", "192.0.2.1")])])
        tx.log.stage(an_entry(8))
        raise ValueError("half-way")

    def again(tx):
        tx.log.stage(an_entry(1, "incident"))

    gate, begun = threading.Event(), threading.Event()

    def blocking(_tx):
        begun.set()
        gate.wait(10)

    with Committer(store, publisher) as committer:
        committer.hand_in(blocking)
        begun.wait(10)  # what follows comes into one group
        first, failed = committer.hand_in(staging(1)), committer.hand_in(half)
        conflict, last = committer.hand_in(again), committer.hand_in(staging(2))
        gate.set()
        wait([first, failed, conflict, last], timeout=30)

    assert (1, 2) == (first.result(), last.result())
    assert isinstance(failed.exception(), ValueError)
    assert isinstance(conflict.exception(), AuditLogConflict)
    assert store.log.find("e_0008") is None
    with store.reading() as tx:
        assert {} == tx.evidence.get([record.id])
    with store.transaction() as tx:  # nothing of it is remembered either
        tx.evidence.add([(record, [("ip", "192.0.2.1")])])
    with store.reading() as tx:
        assert {("ip", "192.0.2.1"): 1} == tx.evidence.popularity([("ip", "192.0.2.1")], None, None)


def test_where_the_log_cannot_be_published_nobody_is_answered_with_a_result(store, publisher, tmp_path):
    (tmp_path / "log").write_text("a file where the folder should be")
    with Committer(store, publisher) as committer:
        with pytest.raises(AuditLogUnavailable):
            committer.commit(staging(1))
        (tmp_path / "log").unlink()
        assert 1 == committer.commit(staging(1))  # asked again: it is there once
    assert 1 == store.log.checkpoint().size


def test_where_the_store_has_undone_the_transaction_nobody_is_answered_with_a_result(store, publisher):
    """As SQLite does on a full disk: the whole transaction is gone, and with it what others handed in."""
    gate, begun = threading.Event(), threading.Event()

    def blocking(_tx):
        begun.set()
        gate.wait(10)

    def full(tx):
        tx.log.stage(an_entry(7))
        tx._session.connection.exec_driver_sql("ROLLBACK")
        raise ValueError("full")

    with Committer(store, publisher) as committer:
        committer.hand_in(blocking)
        begun.wait(10)
        answers = [committer.hand_in(work) for work in (staging(1), full, staging(2))]
        gate.set()
        for answer in answers:
            with pytest.raises(StoreUnavailable):
                answer.result(timeout=30)
        assert [] == [number for number in (1, 2, 7) if store.log.find(f"e_{number:04}")]
        assert 5 == committer.commit(staging(5))


def test_a_closed_one_takes_nothing_more_and_has_finished_what_it_took(store, publisher):
    committer = Committer(store, publisher)
    answers = [committer.hand_in(staging(number)) for number in range(50)]
    committer.close()

    assert list(range(50)) == [answer.result(timeout=0) for answer in answers]
    with pytest.raises(AuditLogUnavailable):
        committer.commit(staging(51))
