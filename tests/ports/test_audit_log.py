"""What the audit log promises, on both databases: atomic, idempotent, ordered, checked."""

import threading

import pytest
from sqlalchemy import text

from countersign.adapters.sql import open_store
from countersign.core.ids import evidence_id
from countersign.core.log.auditlog import Actor, Entry, Head, entry_bytes
from countersign.core.log.merkle import EMPTY_ROOT, leaf_hash, root
from countersign.core.records.evidence import Evidence
from countersign.errors import AuditLogConflict, AuditLogUnavailable, MalformedEntry, TamperDetected
from databases import VAULT


def an_entry(number: int, **changes) -> Entry:
    wanted = {
        "kind": "log.note",
        "id": f"e_{number:04}",
        "ts": "2026-09-21T13:15:30.123Z",
        "actor": Actor(type="system", id="countersign"),
    }
    return Entry(**(wanted | changes))


def stage(store, *entries):
    with store.transaction() as tx:
        return [tx.log.stage(entry) for entry in entries]


def tamper(store, *statements):
    """What someone who owns the database can do: take the guards away first."""
    with store._engine.begin() as connection:
        sqlite = connection.dialect.name == "sqlite"
        for table in ("log_entry", "log_sequence", "log_head"):
            for verb in ("update", "delete"):
                on = "" if sqlite else f" ON {table}"
                connection.execute(text(f"DROP TRIGGER {table}_no_{verb}{on}"))
        for statement, *values in statements:
            connection.execute(text(statement), *values)


@pytest.fixture
def log(store):
    """A log of ten entries, sequenced in two goes."""
    stage(store, *map(an_entry, range(6)))
    store.log.sequence()
    stage(store, *map(an_entry, range(6, 10)))
    store.log.sequence()
    return store


def test_an_empty_log_is_intact(store):
    assert Head(0, EMPTY_ROOT) == store.log.head() == store.log.sequence()
    assert "intact" == store.log.verify().status


def test_entries_get_their_index_in_the_order_they_were_committed(log):
    raws = [entry_bytes(an_entry(n)) for n in range(10)]

    assert list(enumerate(raws)) == [(record.index, record.raw) for record in log.log.entries(0, 100)]
    assert [7, 8] == [record.index for record in log.log.entries(7, 2)]
    assert Head(10, root(map(leaf_hash, raws))) == log.log.head()
    assert "intact" == log.log.verify().status


def test_an_entry_is_lost_with_the_change_it_records(store):
    raw = b"{}"
    with pytest.raises(ZeroDivisionError), store.transaction() as tx:
        tx.evidence.add([(Evidence(evidence_id(raw), "json.unknown", "x", "json/1", raw, None, None), ())])
        tx.log.stage(an_entry(1))
        raise ZeroDivisionError

    assert 0 == store.log.sequence().size
    with store.reading() as tx:
        assert 0 == tx.evidence.counts().evidence


def test_staging_twice_is_staging_once(store):
    assert [None, None] == stage(store, an_entry(0), an_entry(0))
    stage(store, an_entry(0), an_entry(1))

    assert 2 == store.log.sequence().size
    assert [0, 1] == stage(store, an_entry(0), an_entry(1))
    assert 2 == store.log.sequence().size


def test_the_same_id_cannot_say_something_else(store):
    stage(store, an_entry(0))

    with pytest.raises(AuditLogConflict):
        stage(store, an_entry(1), an_entry(0, kind="incident"))

    # The whole transaction was refused, the innocent entry with it.
    assert 1 == store.log.sequence().size


def test_what_is_not_an_entry_is_not_staged(store):
    with pytest.raises(MalformedEntry):
        stage(store, an_entry(0, kind="nonsense"))

    assert 0 == store.log.sequence().size


def test_nothing_staged_leaves_the_head_alone(log):
    assert log.log.head() == log.log.sequence()


def test_two_sequencers_at_once_give_every_entry_one_index(store, database):
    others = [open_store(database, VAULT) for _ in range(3)]

    def work(mine, first):
        for number in range(first, first + 20):
            stage(mine, an_entry(number))
            mine.log.sequence()

    threads = [threading.Thread(target=work, args=(mine, n * 100)) for n, mine in enumerate(others)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    result = store.log.verify()
    assert ("intact", 60) == (result.status, result.size)
    for other in others:
        other.close()


def test_a_changed_entry_is_named(log):
    other = entry_bytes(an_entry(3, kind="incident"))
    tamper(log, ("UPDATE log_entry SET raw = :raw WHERE id = 'e_0003'", {"raw": other}))

    result = log.log.verify()

    assert ("altered", 3) == (result.status, result.index)


def test_a_changed_entry_with_its_leaf_is_still_noticed(log):
    other = entry_bytes(an_entry(8, kind="incident"))
    tamper(
        log,
        ("UPDATE log_entry SET raw = :raw WHERE id = 'e_0008'", {"raw": other}),
        ("UPDATE log_sequence SET leaf = :leaf WHERE position = 8", {"leaf": leaf_hash(other)}),
    )

    result = log.log.verify()

    assert ("altered", 6) == (result.status, result.index)  # the first after the last head that holds


def test_a_removed_index_is_incomplete(log):
    tamper(log, ("DELETE FROM log_sequence WHERE position IN (2, 3)",))

    assert ("incomplete", (2, 3)) == (log.log.verify().status, log.log.verify().missing)


def test_a_log_cut_at_its_end_is_noticed(log):
    tamper(log, ("DELETE FROM log_sequence WHERE position >= 8",))

    assert ("incomplete", (8, 9)) == (log.log.verify().status, log.log.verify().missing)


def test_a_log_rolled_back_with_its_head_is_noticed_by_who_kept_one(log):
    kept = log.log.head()
    tamper(
        log,
        ("DELETE FROM log_head WHERE size = 10",),
        ("DELETE FROM log_sequence WHERE position >= 6",),
        ("DELETE FROM log_entry WHERE id >= 'e_0006'",),
    )

    assert "intact" == log.log.verify().status
    assert ("incomplete", (6, 7, 8, 9)) == (log.log.verify([kept]).status, log.log.verify([kept]).missing)


def test_an_entry_taken_out_of_the_queue_is_noticed(log):
    stage(log, an_entry(77))
    tamper(log, ("DELETE FROM log_staged",))

    result = log.log.verify()

    assert "incomplete" == result.status
    assert "1 entries" in str(result)


def test_a_forged_head_stops_the_sequencer(log):
    tamper(log, ("UPDATE log_head SET root = :root WHERE size = 10", {"root": bytes(32)}))
    stage(log, an_entry(77))

    with pytest.raises(TamperDetected):
        log.log.sequence()
    assert "altered" == log.log.verify().status


def test_a_log_that_cannot_be_read_is_not_called_intact(log):
    tamper(log, ("ALTER TABLE log_head RENAME TO elsewhere",))

    result = log.log.verify()

    assert "unchecked" == result.status
    assert str(result).startswith("could not check")


def test_where_the_log_cannot_be_written_nothing_is(log):
    raw = b"{}"
    record = Evidence(evidence_id(raw), "json.unknown", "x", "json/1", raw, None, None)
    tamper(log, ("ALTER TABLE log_staged RENAME TO elsewhere",))

    with pytest.raises(AuditLogUnavailable), log.transaction() as tx:
        tx.evidence.add([(record, ())])
        tx.log.stage(an_entry(77))

    with pytest.raises(AuditLogUnavailable):
        log.log.sequence()
    with log.reading() as tx:
        assert {} == tx.evidence.get([record.id])


def test_where_the_log_cannot_be_read_it_says_so(log):
    tamper(
        log, ("ALTER TABLE log_head RENAME TO elsewhere",), ("ALTER TABLE log_sequence RENAME TO nowhere",)
    )

    for read in (log.log.head, lambda: log.log.entries(0, 1)):
        with pytest.raises(AuditLogUnavailable):
            read()
