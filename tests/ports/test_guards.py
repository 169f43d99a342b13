"""Append-only by the database's own hand, asserted at every start, on both databases."""

import sqlite3
from contextlib import contextmanager, nullcontext

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from countersign.adapters.sql import open_store, permits, sqlite_url, tables, triggers
from countersign.core.cases.grouping import Regrouping
from countersign.core.ids import digest, evidence_id
from countersign.core.log.auditlog import Actor, Entry
from countersign.core.records.alert import Alert
from countersign.core.records.evidence import Evidence, Provenance, Quarantined
from countersign.errors import ConfigError, SchemaMismatch, StoreUnavailable
from countersign.ports import BriefState, CaseState, ReferenceFile
from databases import VAULT, fresh_schema

NAMES = [table.name for table in tables.APPEND_ONLY]
PERMITTED = sorted(tables.PERMITTED)
SNAPSHOT = "sha256:" + "a" * 64


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def full_store(request, tmp_path_factory):
    """One row at least in every append-only table; what is refused leaves it as it was."""
    if request.param == "sqlite":
        opened = nullcontext(sqlite_url(tmp_path_factory.mktemp("guards") / "store.db"))
    else:
        opened = contextmanager(fresh_schema)()
    with opened as url:
        store = filled(open_store(url, VAULT))
        yield store
        store.close()


def filled(store):
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
                row = a_row(connection, table)
                with permits.permitted(connection, table.name, named(table, row)):
                    connection.execute(insert(table).values(row))
    return store


def named(table, row):
    """The row's id as its permit spells it."""
    made = row.get(tables.PERMITTED.get(table.name, ""), "")
    return made.hex() if isinstance(made, bytes) else made


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
    with (
        pytest.raises(SQLAlchemyError, match=r"append-only|own method only"),
        store._engine.begin() as connection,
    ):
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
def test_a_missing_guard_is_missed(full_store, name):
    with full_store._engine.begin() as connection:
        on = "" if connection.dialect.name == "sqlite" else f" ON {name}"
        connection.execute(text(f"DROP TRIGGER {name}_no_delete{on}"))
        with pytest.raises(SchemaMismatch, match=rf"{name} \(delete\)"):
            triggers.ensure_guarded(connection, NAMES, tables.PERMITTED, tables.ERASABLE)
        connection.rollback()


@pytest.mark.parametrize("trigger", ["evidence_no_update", "decision_no_insert"])
def test_a_store_without_its_guards_is_not_opened(store, database, trigger):
    with store._engine.begin() as connection:
        on = "" if connection.dialect.name == "sqlite" else f" ON {trigger.split('_')[0]}"
        connection.execute(text(f"DROP TRIGGER {trigger}{on}"))

    with pytest.raises(SchemaMismatch, match=trigger.split("_no_")[0]) as refusal:
        open_store(database, VAULT)
    assert refusal.value.hint


@pytest.mark.parametrize("name", PERMITTED)
def test_a_row_that_only_its_own_method_writes_is_refused_from_anybody_else(full_store, name):
    with full_store._engine.begin() as connection:
        row = a_row(connection, tables.metadata.tables[name])
    with pytest.raises(SQLAlchemyError, match="own method only"), full_store._engine.begin() as connection:
        connection.execute(insert(tables.metadata.tables[name]).values(row))


@pytest.mark.parametrize("name", PERMITTED)
def test_a_permit_holds_for_the_row_that_it_names_only(full_store, name):
    table = tables.metadata.tables[name]
    with (
        pytest.raises(SQLAlchemyError, match="own method only"),
        full_store._engine.begin() as connection,
        permits.permitted(connection, name, "another"),
    ):
        connection.execute(insert(table).values(a_row(connection, table)))


@pytest.mark.parametrize("name", PERMITTED)
def test_a_permit_ends_with_the_method_that_had_it(full_store, name):
    table = tables.metadata.tables[name]
    with pytest.raises(SQLAlchemyError, match="own method only"), full_store._engine.begin() as connection:
        row = a_row(connection, table)
        with permits.permitted(connection, name, named(table, row)):
            connection.execute(select(table))
        connection.execute(insert(table).values(row))


@pytest.mark.parametrize("name", PERMITTED)
def test_another_program_on_the_same_file_writes_no_such_row(tmp_path, name):
    """It has not the function that the trigger asks."""
    open_store(sqlite_url(tmp_path / "store.db"), VAULT).close()
    stranger = sqlite3.connect(tmp_path / "store.db")
    columns = [column.name for column in tables.metadata.tables[name].c]

    with pytest.raises(sqlite3.OperationalError, match="no such function: countersign_permits"):
        stranger.execute(
            f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({', '.join(['1'] * len(columns))})"
        )
    stranger.close()


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
        open_store(database, VAULT)


def test_a_newer_store_is_not_touched(store, database):
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SchemaMismatch, match="9999"):
        open_store(database, VAULT)


def test_opening_twice_changes_nothing(database):
    open_store(database, VAULT).close()
    open_store(database, VAULT).close()


def test_sqlite_runs_as_safely_as_it_can(tmp_path):
    store = open_store(sqlite_url(tmp_path / "with ? and # in its name.db"), VAULT)
    with store._engine.connect() as connection:
        wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in wanted}
    store.close()

    assert wanted == found
    assert (tmp_path / "with ? and # in its name.db").exists()


def test_a_place_that_cannot_be_written_is_a_store_that_is_unavailable(tmp_path):
    with pytest.raises(StoreUnavailable):
        open_store(sqlite_url(tmp_path / "no such folder" / "store.db"), VAULT)


@pytest.mark.parametrize("url", ["mysql://127.0.0.1/x", "nonsense", ""])
def test_a_url_of_something_else_is_refused(url):
    with pytest.raises(ConfigError):
        open_store(url, VAULT)
