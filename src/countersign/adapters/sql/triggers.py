"""Append-only, by the database's own hand: an UPDATE or DELETE on these tables is refused.

Someone who owns the database can drop a trigger, so every start asserts that all of them are there, and
the audit log shows what was changed meanwhile.
"""

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
    """Name and definition of every enabled trigger, in this database's words."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    else:
        query = """
            SELECT t.tgname, pg_get_triggerdef(t.oid) || ' ' || p.prosrc
            FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
            WHERE NOT t.tgisinternal AND t.tgenabled <> 'D'
              AND c.relnamespace = current_schema()::regnamespace"""
    return {row[0]: row[1] for row in connection.execute(text(query))}


def ensure_guarded(connection: Connection, tables: Iterable[str]) -> None:
    """`SchemaMismatch` unless every table of `tables` refuses updates and deletions."""
    found, missing = installed(connection), []
    verbs = ("update", "delete") if connection.dialect.name == "sqlite" else ("update", "delete", "truncate")
    for table in tables:
        for verb in verbs:
            definition = found.get(f"{table}_no_{verb}", "").upper()
            wanted = f"BEFORE {verb.upper()} ON"
            if wanted not in definition or "IS APPEND-ONLY" not in definition or " WHEN " in definition:
                missing.append(f"{table} ({verb})")
    if missing:
        raise SchemaMismatch(
            f"append-only triggers are missing: {', '.join(missing)}",
            hint="Someone changed the store's schema. Keep a copy and run `countersign log verify` on a backup.",
        )
