"""Append-only by the database's own hand, asserted at every start, on both databases."""

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from countersign.adapters.sql import open_store, sqlite_url, tables
from countersign.core.cases.grouping import Regrouping
from countersign.core.ids import digest, evidence_id
from countersign.core.log.auditlog import Actor, Entry
from countersign.core.records.alert import Alert
from countersign.core.records.evidence import Evidence, Provenance, Quarantined
from countersign.errors import ConfigError, SchemaMismatch, StoreUnavailable
from countersign.ports import BriefState, CaseState, ReferenceFile

NAMES = [table.name for table in tables.APPEND_ONLY]
SNAPSHOT = "sha256:" + "a" * 64


@pytest.fixture
def full_store(store):
    """One row at least in every append-only table."""
    raw = b"{}"
    evidence = Evidence(
        evidence_id(raw), "json.unknown", "json.unknown", "json/1", raw, 1, None, (Provenance("f", 1),)
    )
    with store.transaction() as tx:
        tx.evidence.add([(evidence, [("ip", "192.0.2.1")])])
        tx.quarantine.add([Quarantined("f", 2, "not JSON", b"{")])
        tx.alerts.add([Alert("alert-1", evidence.id, "json.unknown", "r", "", "low", 1)])
        tx.cases.save(CaseState("case-1", SNAPSHOT, "t", "low", 1, b"{}"))
        tx.briefs.add(BriefState("brief-1", "case-1", SNAPSHOT, "rules/1", b"{}"))
        tx.references.add(ReferenceFile("assets", "1", "register", digest(b""), b""))
        tx.coverage.add(b"[]")
        tx.groups.regroup(Regrouping("case-1", "case-2", (), "why", "who", "2026-01-01T00:00:00Z"))
        actor = Actor(type="system", id="countersign")
        tx.log.stage(Entry(kind="log.note", id="e_1", ts="2026-01-01T00:00:00.000Z", actor=actor))
    store.log.sequence()
    with store._engine.begin() as connection:
        for table in tables.metadata.sorted_tables:
            if table.name in NAMES and connection.execute(select(table).limit(1)).first() is None:
                connection.execute(insert(table).values(a_row(connection, table)))
    return store


def a_row(connection, table):
    """Any row: what the columns' types allow, and keys of rows that are there."""
    row = {}
    for column in table.c:
        if column.autoincrement is not True and column.name != "seq":
            foreign = next(iter(column.foreign_keys), None)
            made = {bytes: b"x" * 32, int: 1}.get(column.type.python_type, "x")
            row[column.name] = (
                connection.execute(select(foreign.column)).scalars().first() if foreign else made
            )
    return row


def refused(store, statement):
    with pytest.raises(SQLAlchemyError, match="append-only"), store._engine.begin() as connection:
        connection.execute(text(statement))


@pytest.mark.parametrize("name", NAMES)
def test_a_row_cannot_be_deleted(full_store, name):
    refused(full_store, f"DELETE FROM {name}")


@pytest.mark.parametrize("name", NAMES)
def test_a_row_cannot_be_changed(full_store, name):
    column = next(iter(tables.metadata.tables[name].c)).name
    refused(full_store, f"UPDATE {name} SET {column} = {column}")


@pytest.mark.parametrize("name", NAMES)
def test_a_row_cannot_be_replaced(full_store, name):
    """SQLite's REPLACE deletes; with recursive triggers on, it may not."""
    with full_store._engine.begin() as connection:
        sqlite = connection.dialect.name == "sqlite"
    if sqlite:
        refused(full_store, f"INSERT OR REPLACE INTO {name} SELECT * FROM {name}")
    else:
        refused(full_store, f"TRUNCATE {name} CASCADE")


@pytest.mark.parametrize("name", NAMES)
def test_a_store_without_its_guards_is_not_opened(store, database, name):
    with store._engine.begin() as connection:
        on = "" if connection.dialect.name == "sqlite" else f" ON {name}"
        connection.execute(text(f"DROP TRIGGER {name}_no_delete{on}"))

    with pytest.raises(SchemaMismatch, match=rf"{name} \(delete\)") as refusal:
        open_store(database)
    assert refusal.value.hint


def test_a_disarmed_guard_does_not_count(store, database):
    with store._engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.execute(text("DROP TRIGGER evidence_no_delete"))
            connection.execute(
                text("CREATE TRIGGER evidence_no_delete BEFORE DELETE ON evidence WHEN 0 BEGIN SELECT 1; END")
            )
        else:
            connection.execute(text("ALTER TABLE evidence DISABLE TRIGGER evidence_no_delete"))

    with pytest.raises(SchemaMismatch):
        open_store(database)


def test_a_newer_store_is_not_touched(store, database):
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SchemaMismatch, match="9999"):
        open_store(database)


def test_opening_twice_changes_nothing(database):
    open_store(database).close()
    open_store(database).close()


def test_sqlite_runs_as_safely_as_it_can(tmp_path):
    store = open_store(sqlite_url(tmp_path / "with ? and # in its name.db"))
    with store._engine.connect() as connection:
        wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
    store.close()

    assert wanted == found
    assert (tmp_path / "with ? and # in its name.db").exists()


def test_a_place_that_cannot_be_written_is_a_store_that_is_unavailable(tmp_path):
    with pytest.raises(StoreUnavailable):
        open_store(sqlite_url(tmp_path / "no such folder" / "store.db"))


@pytest.mark.parametrize("url", ["mysql://127.0.0.1/x", "nonsense", ""])
def test_a_url_of_something_else_is_refused(url):
    with pytest.raises(ConfigError):
        open_store(url)
