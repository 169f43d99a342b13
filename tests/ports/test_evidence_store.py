"""What `EvidenceStore` and `QuarantineStore` promise, on both databases."""

import msgspec
import pytest
from sqlalchemy import text

from countersign.adapters.sql import open_store
from countersign.core.cases.decisive import Extent
from countersign.core.ids import evidence_id
from countersign.core.records.evidence import Evidence, Provenance, Quarantined
from countersign.errors import DigestMismatch, StoreUnavailable
from countersign.ports import Counts
from databases import VAULT

SECOND = 1_000_000_000


def a_record(number: int, *, event_ns: int | None = 0, line: int | None = None, file: str = "eve.json"):
    raw = b'{"n":%d}' % number
    return Evidence(
        id=evidence_id(raw),
        schema="suricata.eve",
        source="suricata.eve/edge-1",
        parser="json/1",
        raw=raw,
        event_ns=number * SECOND if event_ns == 0 else event_ns,
        ingest_ns=None,
        provenance=(Provenance(file, number + 1 if line is None else line),),
    )


def keep(store, *batch):
    with store.transaction() as tx:
        return tx.evidence.add([one if isinstance(one, tuple) else (one, ()) for one in batch])


def test_what_was_kept_comes_back_exactly(store):
    records = [a_record(n) for n in range(3)]

    assert {record.id for record in records} == keep(store, *records)

    with store.reading() as tx:
        assert {record.id: record for record in records} == tx.evidence.get([r.id for r in records])


def test_any_bytes_are_evidence(store):
    raw = bytes(range(256)) + "⟦\u202e".encode()
    record = Evidence(
        evidence_id(raw),
        "json.unknown",
        "json.unknown/a\x00b\ud800",
        "json/1",
        raw,
        None,
        None,
        (Provenance("dir/\udcff.json", 1),),
    )

    keep(store, (record, [("user", "a\x00b\ud800")]))

    with store.reading() as tx:
        assert record == tx.evidence.get([record.id])[record.id]
        assert 1 == tx.evidence.by_observables([("user", "a\x00b\ud800")], None, None, 10).total


def test_asking_for_evidence_never_creates_it(store):
    with store.transaction() as tx:
        assert {} == tx.evidence.get(["sha256:" + "0" * 64, "sha256:xyz", "", "e3", "sha256:" + "A" * 64])
        assert 0 == tx.evidence.counts().evidence


def test_the_same_bytes_again_are_one_evidence_with_two_provenances(store):
    first, second = a_record(1, line=1), a_record(1, line=2)

    assert {first.id} == keep(store, first)
    assert set() == keep(store, second)

    with store.reading() as tx:
        found = tx.evidence.get([first.id])[first.id]
    assert (Provenance("eve.json", 1), Provenance("eve.json", 2)) == found.provenance
    assert 2 == found.copies


def test_the_same_bytes_twice_in_one_batch_are_one_evidence(store):
    assert {a_record(1).id} == keep(store, a_record(1, line=1), a_record(1, line=2), a_record(1, line=2))

    with store.reading() as tx:
        assert Counts(1, 2, 0, {"suricata.eve": 1}) == tx.evidence.counts()


def test_reading_a_file_again_changes_nothing(store):
    batch = [(a_record(n), [("ip", "192.0.2.1")]) for n in range(5)]
    keep(store, *batch)

    assert set() == keep(store, *batch)

    with store.reading() as tx:
        assert Counts(5, 5, 0, {"suricata.eve": 5}) == tx.evidence.counts()
        assert {("ip", "192.0.2.1"): 5} == tx.evidence.popularity([("ip", "192.0.2.1")], None, None)


def test_an_empty_batch_is_nothing(store):
    assert set() == keep(store)


def test_a_batch_of_thousands_is_kept_whole(store):
    batch = [(a_record(n), [("ip", f"10.0.0.{n % 7}"), ("host", "edge")]) for n in range(3_000)]

    assert 3_000 == len(keep(store, *batch))

    with store.reading() as tx:
        assert 3_000 == len(tx.evidence.get([record.id for record, _ in batch]))
        assert {("host", "edge"): 3_000} == tx.evidence.popularity([("host", "edge")], None, None)


def test_a_failed_transaction_keeps_nothing(store):
    with pytest.raises(ZeroDivisionError), store.transaction() as tx:
        tx.evidence.add([(a_record(1), [("ip", "192.0.2.1")])])
        raise ZeroDivisionError

    # And what the failed one had looked up is forgotten with it.
    assert {a_record(1).id} == keep(store, (a_record(1), [("ip", "192.0.2.1")]))
    with store.reading() as tx:
        assert 1 == tx.evidence.by_observables([("ip", "192.0.2.1")], None, None, 10).total


def test_records_are_found_by_what_they_hold_in_event_order(store):
    keep(
        store,
        (a_record(3), [("ip", "192.0.2.1")]),
        (a_record(1), [("ip", "192.0.2.1"), ("user", "jdoe")]),
        (a_record(2), [("user", "jdoe"), ("user", "jdoe")]),
        (a_record(4), [("ip", "192.0.2.2")]),
    )

    with store.reading() as tx:
        matches = tx.evidence.by_observables([("ip", "192.0.2.1"), ("user", "jdoe")], None, None, 2)
    assert (a_record(1).id, a_record(2).id) == matches.ids
    assert 3 == matches.total


def test_type_and_value_both_count(store):
    keep(store, (a_record(1), [("host", "alpha")]))

    with store.reading() as tx:
        assert {("user", "alpha"): 0, ("host", "alpha"): 1} == tx.evidence.popularity(
            [("user", "alpha"), ("host", "alpha")], None, None
        )


@pytest.mark.parametrize(
    ("from_s", "to_s", "expected"),
    [(None, None, 11), (None, 5, 6), (5, None, 5), (2, 4, 2), (4, 4, 0), (0, 10, 10), (9, 99, 1), (-5, 1, 1)],
)
def test_a_window_holds_its_start_and_not_its_end(store, from_s, to_s, expected):
    # Ten records in two batches, and one without a time, which only a window without a start holds.
    keep(store, *((a_record(n), [("ip", "192.0.2.1")]) for n in range(5)))
    keep(store, *((a_record(n), [("ip", "192.0.2.1")]) for n in range(5, 10)))
    keep(store, (a_record(99, event_ns=None), [("ip", "192.0.2.1")]))
    window = [None if bound is None else bound * SECOND for bound in (from_s, to_s)]

    with store.reading() as tx:
        assert {("ip", "192.0.2.1"): expected} == tx.evidence.popularity([("ip", "192.0.2.1")], *window)
        assert expected == tx.evidence.by_observables([("ip", "192.0.2.1")], *window, 100).total


@pytest.mark.parametrize("year_ns", [253_402_300_799 * SECOND, -(10**21)])
def test_a_time_that_64_bits_do_not_hold_is_kept_as_the_nearest_that_they_do(store, year_ns):
    keep(store, (a_record(1, event_ns=year_ns), [("ip", "192.0.2.1")]))

    with store.reading() as tx:
        found = tx.evidence.get([a_record(1).id])[a_record(1).id].event_ns
        assert 1 == tx.evidence.by_observables([("ip", "192.0.2.1")], -(10**30), 10**30, 1).total
    assert (found > 0) == (year_ns > 0)
    assert found.bit_length() <= 63


def test_changed_bytes_are_noticed_when_they_are_read(store):
    keep(store, a_record(1))
    with store._engine.begin() as connection:
        dialect = connection.dialect.name
        on = "" if dialect == "sqlite" else " ON evidence"
        connection.execute(text(f"DROP TRIGGER evidence_no_update{on}"))
        connection.execute(text("UPDATE evidence SET raw = :raw"), {"raw": b'{"n":2}'})

    with store.reading() as tx, pytest.raises(DigestMismatch):
        tx.evidence.get([a_record(1).id])


def test_another_process_sees_what_was_kept(store, database):
    keep(store, (a_record(1), [("ip", "192.0.2.1")]))
    other = open_store(database, VAULT)

    with other.transaction() as tx:
        assert 1 == tx.evidence.by_observables([("ip", "192.0.2.1")], None, None, 10).total
        assert set() == tx.evidence.add([(a_record(1), [("ip", "192.0.2.1")])])
    other.close()


def test_a_reader_cannot_write(store):
    with pytest.raises(StoreUnavailable), store.reading() as tx:
        tx.evidence.add([(a_record(1), ())])

    assert {a_record(1).id} == keep(store, a_record(1))


def test_quarantine_keeps_bytes_whole_and_once(store):
    bad = Quarantined("eve.json", 7, "not JSON: \x00", b"{\xff\x00")

    with store.transaction() as tx:
        assert 2 == tx.quarantine.add([bad, Quarantined("eve.json", 8, "not JSON", b"{\xff\x00"), bad])
        assert 0 == tx.quarantine.add([bad])

    with store.reading() as tx:
        assert bad in tx.quarantine.recent(10)
        assert (2, 2) == (tx.evidence.counts().quarantined, tx.evidence.counts().records)


def test_what_the_store_holds_of_each_schema_and_which_spoke_in_a_window(store):
    mail = msgspec.structs.replace(a_record(50), schema="email.rfc822", source="email.rfc822")
    timeless = a_record(60, event_ns=None)
    other_host = msgspec.structs.replace(a_record(9), source="suricata.eve/edge-2")
    keep(store, *(a_record(n) for n in range(3)), mail, timeless, other_host)

    with store.reading() as tx:
        assert {
            "email.rfc822": Extent(1, 50 * SECOND, 50 * SECOND),
            "suricata.eve": Extent(5, 0, 9 * SECOND),
        } == tx.evidence.extents()
        assert frozenset() == tx.evidence.spoke(10 * SECOND, 50 * SECOND)
        assert {"email.rfc822"} == tx.evidence.spoke(50 * SECOND, 51 * SECOND)
        assert {"email.rfc822", "suricata.eve"} == tx.evidence.spoke(0, 2**70)


def test_an_empty_store_knows_no_source(store):
    with store.reading() as tx:
        assert {} == tx.evidence.extents()
        assert frozenset() == tx.evidence.spoke(0, 1)
