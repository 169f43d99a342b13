"""Connecting: pragmas, transactions, and a schema of the right version.

SQLite runs in WAL mode with full sync; a writing transaction takes the write lock when it begins, so two
writers wait for each other instead of failing half-way.
"""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from countersign.adapters.sql import permits, tables, triggers
from countersign.errors import ConfigError, SchemaMismatch, StoreUnavailable

BUSY_TIMEOUT_MS = 60_000
CACHE_KIB = 49_152
CHECKPOINT_PAGES = 8_000  # 64 MB of changes between copies into the main file: a third of the CPU of 1,000
READ_ONLY = {"countersign_read_only": True}

PRAGMAS = (
    "page_size = 8192",  # of a new file: records are about 1 KB
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "recursive_triggers = ON",  # without it, INSERT OR REPLACE deletes past the append-only triggers
    "temp_store = MEMORY",
    f"cache_size = -{CACHE_KIB}",
    f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
)


def sqlite_url(path: Path) -> str:
    """The URL of a SQLite file."""
    return URL.create("sqlite", database=str(path)).render_as_string()


def connect(url: str) -> Engine:
    """An engine for `sqlite:///…` or `postgresql+psycopg://…`; connects lazily."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() not in ("sqlite", "postgresql"):
            raise ConfigError(f"no store can be kept in {parsed.get_backend_name()}")
        if parsed.get_backend_name() == "sqlite":
            engine = create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000})
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            engine = create_engine(parsed.set(drivername="postgresql+psycopg"))
            event.listen(engine, "begin", _begin_postgres)
    except (ArgumentError, ModuleNotFoundError) as exc:
        raise ConfigError(
            "the store's URL cannot be used", hint="PostgreSQL needs the extra countersign[postgres]."
        ) from exc
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    record.info[permits.NAME] = permits.register(connection)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get("countersign_read_only", False)
    connection.exec_driver_sql(f"PRAGMA query_only = {int(reading)}")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _begin_postgres(connection: Connection) -> None:
    if connection.get_execution_options().get("countersign_read_only", False):
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")


def lock_whole_store(connection: Connection, purpose: int, *, shared: bool = False) -> None:
    """Until the transaction ends, nobody else holds the lock of this purpose, unless both share it. On SQLite every writer has it."""
    if connection.dialect.name == "postgresql":
        kind = "pg_advisory_xact_lock_shared" if shared else "pg_advisory_xact_lock"
        statement = text(f"SELECT {kind}(:purpose, hashtext(current_schema()))")
        connection.execute(statement, {"purpose": purpose})


def ensure_schema(engine: Engine) -> None:
    """Make the tables, or bring them up to date, and assert their guards; `SchemaMismatch` otherwise."""
    try:
        with engine.execution_options(**READ_ONLY).begin() as connection:
            current = version_of(connection)
            if current == tables.SCHEMA_VERSION:
                _ensure_guarded(connection)
                return
        with engine.begin() as connection:
            lock_whole_store(connection, 1)
            _bring_up_to_date(connection)
            _ensure_guarded(connection)
    except SQLAlchemyError as exc:
        raise StoreUnavailable("the store cannot be opened") from exc


def _ensure_guarded(connection: Connection) -> None:
    names = [table.name for table in tables.APPEND_ONLY]
    triggers.ensure_guarded(connection, names, tables.PERMITTED, tables.ERASABLE)


def version_of(connection: Connection) -> str | None:
    """The schema version that a store says it has; None for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: Any = connection.execute(select(tables.alembic_version.c.version_num)).scalar()
    return str(version) if version is not None else None


def _bring_up_to_date(connection: Connection) -> None:
    current = version_of(connection)  # asked again: now we hold the lock
    if current is None:
        create_all(connection)
    elif current < tables.SCHEMA_VERSION:
        _migrate(connection)
    elif current > tables.SCHEMA_VERSION:
        raise SchemaMismatch(f"the store has schema {current}; this version knows {tables.SCHEMA_VERSION}")


def create_all(connection: Connection) -> None:
    """A new store straight from the tables: the same as all migrations, without loading them."""
    tables.metadata.create_all(connection)
    names = [table.name for table in tables.APPEND_ONLY]
    dialect = connection.dialect.name
    for statement in triggers.create_statements(dialect, names, tables.PERMITTED, tables.ERASABLE):
        connection.exec_driver_sql(statement.replace("%", "%%") if dialect != "sqlite" else statement)
    connection.execute(tables.alembic_version.insert().values(version_num=tables.SCHEMA_VERSION))


def _migrate(connection: Connection) -> None:
    # Imported here: Alembic costs every command its start-up, and is needed once a release.
    from countersign.adapters.sql.migrations.run import migrate  # noqa: PLC0415 - as said above

    migrate(connection)
