"""Append-only, by the database's own hand: an UPDATE or DELETE on these tables is refused.

Someone who owns the database can drop a trigger, so every start asserts that all of them are there, and
the audit log shows what was changed meanwhile.
"""

import re
from collections.abc import Iterable

from sqlalchemy import Connection, text

from countersign.errors import SchemaMismatch

SQLITE = """CREATE TRIGGER {table}_no_{verb} BEFORE {VERB} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""

POSTGRES_FUNCTION = """CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"""
POSTGRES_ROW = """CREATE TRIGGER {table}_no_{verb} BEFORE {VERB} ON {table}
FOR EACH ROW EXECUTE FUNCTION append_only()"""
POSTGRES_TRUNCATE = """CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION append_only()"""


def create_statements(dialect: str, tables: Iterable[str]) -> tuple[str, ...]:
    """The statements that guard `tables`; `dialect` is "sqlite" or "postgresql"."""
    row = SQLITE if dialect == "sqlite" else POSTGRES_ROW
    statements = [] if dialect == "sqlite" else [POSTGRES_FUNCTION]
    for table in tables:
        statements += [row.format(table=table, verb=verb, VERB=verb.upper()) for verb in ("update", "delete")]
        if dialect != "sqlite":
            statements.append(POSTGRES_TRUNCATE.format(table=table))
    return tuple(statements)


def installed(connection: Connection) -> dict[str, str]:
    """Name and whole definition of every enabled trigger, with its function's body, in this database's words."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql || ' ' || tbl_name FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = """
            SELECT t.tgname, pg_get_triggerdef(t.oid) || ' ' || p.prosrc || ' ' || c.relname
            FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
            WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')
              AND c.relnamespace = current_schema()::regnamespace"""
    return {row[0]: " ".join(str(row[1]).split()) for row in connection.execute(text(query))}


def _wanted(dialect: str, table: str, verb: str) -> re.Pattern[str]:
    """What a guard's whole definition must be; PostgreSQL may name the schema of table and function."""
    if dialect == "sqlite":
        made = SQLITE.format(table=table, verb=verb, VERB=verb.upper())
        return re.compile(re.escape(" ".join(f"{made} {table}".split())))
    scope = "STATEMENT" if verb == "truncate" else "ROW"
    body = " ".join(POSTGRES_FUNCTION.split("$$")[1].split())
    return re.compile(
        rf'CREATE TRIGGER "?{table}_no_{verb}"? BEFORE {verb.upper()} ON (\S+\.)?"?{table}"? '
        rf"FOR EACH {scope} EXECUTE (FUNCTION|PROCEDURE) (\S+\.)?append_only\(\) {re.escape(body)} {table}"
    )


def ensure_guarded(connection: Connection, tables: Iterable[str]) -> None:
    """`SchemaMismatch` unless every table of `tables` refuses updates and deletions, by the very guards made here."""
    found, missing = installed(connection), []
    dialect = connection.dialect.name
    verbs = ("update", "delete") if dialect == "sqlite" else ("update", "delete", "truncate")
    for table in tables:
        missing += [
            f"{table} ({verb})"
            for verb in verbs
            if not _wanted(dialect, table, verb).fullmatch(found.get(f"{table}_no_{verb}", ""))
        ]
    if missing:
        raise SchemaMismatch(
            f"append-only triggers are missing: {', '.join(missing)}",
            hint="Someone changed the store's schema. Keep a copy and run `countersign log verify` on a backup.",
        )
