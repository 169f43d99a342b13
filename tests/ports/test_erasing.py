"""The one procedure that deletes: who it lets through, what it leaves, on both databases."""

import sqlite3

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import SQLAlchemyError

from countersign.adapters.sql import erasing, open_store, permits, sightings, sqlite_url, tables
from countersign.adapters.sql.session import Session
from countersign.core.ids import evidence_id
from countersign.core.records.evidence import Evidence, Provenance
from countersign.ports import CaseState
from databases import VAULT

SNAPSHOT = "sha256:" + "a" * 64
JSON = "application/json"


def record(number, source="sensor", file="f"):
    raw = b'{"n":%d}' % number
    return Evidence(
        evidence_id(raw), "json.unknown", source, "json/1", raw, number, None, (Provenance(file, 1),)
    )


def document(*records):
    listed = ",".join(f'{{"id":"{one.id}"}}' for one in records)
    return f'{{"evidence":[{listed}]}}'.encode()


def filled(store, **cases):
    """Cases that hold these records, each with one content."""
    with store.transaction() as tx:
        everything = {one.id: one for records in cases.values() for one in records}
        tx.evidence.add(
            [(one, [("ip", f"192.0.2.{one.event_ns}"), ("ip", "192.0.2.99")]) for one in everything.values()]
        )
        for name, records in cases.items():
            tx.cases.save(CaseState(name, SNAPSHOT, "t", "low", 1, document(*records)))
            tx.contents.seal(f"ask-{name}/dossier", name, JSON, b"{}")


def erased(store, name):
    with store.transaction() as tx:
        whole = tx.erasures.whole(name)
        held = tx.erasures.holdings(whole)
        blobs = dict.fromkeys(tx.erasures.blobs(whole), "erase-1")
        return held, tx.erasures.erase(whole, held.own, blobs, "erase-1")


def count(store, table):
    with store._engine.begin() as connection:
        return len(connection.execute(select(table)).all())


def test_what_is_its_own_goes_and_what_is_shared_stays(store):
    one, both, other = record(1, "mine", "mine.jsonl"), record(2), record(3)
    filled(store, a=[one, both], b=[both, other])

    held, deleted = erased(store, "a")

    assert ((one.id,), {both.id: ("b",)}) == (held.own, held.shared)
    assert (1, 0, 1, 0) == (deleted.records, deleted.alerts, deleted.documents, deleted.decisions)
    with store.reading() as tx:
        assert {both.id, other.id} == tx.evidence.get([one.id, both.id, other.id]).keys()
        assert tx.cases.latest("a") is None
        assert tx.contents.is_erased("ask-a/dossier")
        assert not tx.contents.is_erased("ask-b/dossier")
        assert () == tx.evidence.by_observables([("ip", "192.0.2.1")], None, None, 10).ids
        assert 2 == tx.evidence.by_observables([("ip", "192.0.2.99")], None, None, 10).total
    with store._engine.begin() as connection:
        assert ["192.0.2.2", "192.0.2.3", "192.0.2.99"] == sorted(
            connection.execute(select(tables.observable.c.value)).scalars()
        )
        assert ["sensor"] == list(connection.execute(select(tables.origin.c.source)).scalars())
        assert ["f"] == list(connection.execute(select(tables.source_file.c.path)).scalars())


def test_an_older_document_of_another_case_holds_too(store):
    """What is kept can be made again; a record that a kept document names is never deleted."""
    moved = record(1)
    filled(store, a=[moved], b=[moved])
    with store.transaction() as tx:
        tx.cases.save(CaseState("b", "sha256:" + "b" * 64, "t", "low", 1, document()))

    held, _ = erased(store, "a")
    assert {moved.id: ("b",)} == held.shared


def test_what_is_rolled_back_was_never_erased(store):
    filled(store, a=[record(1)])
    with pytest.raises(RuntimeError), store.transaction() as tx:
        tx.erasures.erase(["a"], [record(1).id], {"ask-a/dossier": "erase-1"}, "erase-1")
        raise RuntimeError

    with store.reading() as tx:
        assert tx.cases.latest("a") is not None
        assert b"{}" == tx.contents.open("ask-a/dossier")
        assert {} == tx.erasures.erased(["a"])


def test_the_permit_ends_with_the_procedure(store):
    filled(store, a=[record(1)], b=[record(2)])
    with pytest.raises(SQLAlchemyError, match="append-only"), store._engine.begin() as connection:
        erasing.SqlErasureStore(Session(connection, store._remembered)).erase(["a"], [], {}, "erase-1")
        connection.execute(text("DELETE FROM case_snapshot"))
    assert 2 == count(store, tables.case_snapshot)


@pytest.mark.parametrize("permit", [("erase", "row"), ("decision", "rows"), ("erase", "")])
def test_another_permit_deletes_nothing(store, permit):
    filled(store, a=[record(1)])
    with (
        pytest.raises(SQLAlchemyError, match="append-only"),
        store._engine.begin() as connection,
        permits.permitted(connection, *permit),
    ):
        connection.execute(text("DELETE FROM evidence"))


def test_the_log_is_never_deleted_from_whatever_the_permit():
    names = {table.name for table in tables.APPEND_ONLY} - tables.ERASABLE
    assert {
        "log_entry",
        "log_sequence",
        "log_head",
        "log_checkpoint",
        "erasure",
        "content_erased",
        "cases",
    } <= names


def test_another_program_on_the_same_file_deletes_nothing(tmp_path):
    store = open_store(sqlite_url(tmp_path / "store.db"), VAULT)
    filled(store, a=[record(1)])
    store.close()
    stranger = sqlite3.connect(tmp_path / "store.db")
    with pytest.raises(sqlite3.OperationalError, match="countersign_permits"):
        stranger.execute("DELETE FROM evidence")
    stranger.close()


def test_who_does_not_own_the_tables_erases_nothing(postgres_database):
    """The setting alone anybody may set."""
    store = open_store(postgres_database, VAULT)
    filled(store, a=[record(1)])
    store.close()
    engine = create_engine(postgres_database)
    role = "countersign_test_stranger"
    with engine.begin() as connection:
        schema = connection.execute(text("SELECT current_schema()")).scalar_one()
        connection.execute(
            text(
                f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
            )
        )
        connection.execute(text(f"GRANT USAGE ON SCHEMA {schema} TO {role}"))
        connection.execute(text(f"GRANT ALL ON ALL TABLES IN SCHEMA {schema} TO {role}"))
    try:
        with pytest.raises(SQLAlchemyError, match="append-only"), engine.begin() as connection:
            connection.execute(text(f"SET LOCAL ROLE {role}"))
            connection.execute(text("SET LOCAL countersign.permit = 'erase rows'"))
            connection.execute(text("DELETE FROM case_snapshot"))
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {role}"))
        engine.dispose()


def test_sightings_forget_records_and_keep_the_rest(store):
    records = [record(n) for n in range(1, 6)]
    filled(store, a=records)
    with store._engine.begin() as connection:
        session = Session(connection, store._remembered)
        seqs = session.evidence_numbers([one.id for one in records])
        touched = sightings.forget(session, [seqs[one.id] for one in records[1:3]])
        assert 3 == len(touched)
        found = sightings.within(session, [("ip", "192.0.2.99")], (None, None))
        assert {seqs[one.id] for one in (records[0], *records[3:])} == set(found)
        assert {("ip", "192.0.2.99"): 3} == sightings.popularity(
            session, [("ip", "192.0.2.99")], (None, None)
        )
        assert set() == sightings.forget(session, [])


def test_a_store_that_was_not_cleaned_is_cleaned_at_the_next_start(tmp_path):
    """The process that erased was killed before it could."""
    url = sqlite_url(tmp_path / "store.db")
    store = open_store(url, VAULT)
    filled(store, a=[record(12345)])
    erased(store, "a")
    with store._engine.begin() as connection:
        assert erasing.is_due(connection)
    store.close()

    again = open_store(url, VAULT)
    with again._engine.begin() as connection:
        assert not erasing.is_due(connection)
    again.close()
    assert not any(b'"n":12345' in path.read_bytes() for path in tmp_path.iterdir())


def test_cleaning_waits_for_nobody_for_ever_and_stays_due(tmp_path, monkeypatch):
    url = sqlite_url(tmp_path / "store.db")
    monkeypatch.setattr("countersign.adapters.sql.engine.BUSY_TIMEOUT_MS", 200)
    store = open_store(url, VAULT)
    filled(store, a=[record(1)])
    erased(store, "a")
    reader = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM meta").fetchone()

    assert not store.scrub()
    with store._engine.begin() as connection:
        assert erasing.is_due(connection)
    reader.execute("COMMIT")
    reader.close()
    assert store.scrub()
    store.close()
