"""Append-only, by the database's own hand: an UPDATE or DELETE on these tables is refused.

Some rows may be written by one method of ours only: an INSERT without its permit is refused too
(`adapters/sql/permits`).

Someone who owns the database can drop a trigger, so every start asserts that all of them are there, and
the audit log shows what was changed meanwhile.
"""

import re
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import Connection, text

from countersign.adapters.sql import permits
from countersign.errors import SchemaMismatch

SQLITE = """CREATE TRIGGER {table}_no_{verb} BEFORE {VERB} ON {table}
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""

SQLITE_ERASABLE = """CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
WHEN NOT countersign_permits('erase', 'rows')
BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"""

POSTGRES_FUNCTION = """CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"""
POSTGRES_ROW = """CREATE TRIGGER {table}_no_{verb} BEFORE {VERB} ON {table}
FOR EACH ROW EXECUTE FUNCTION append_only()"""
POSTGRES_TRUNCATE = """CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION append_only()"""
# A setting alone anybody may set: whoever erases is the tables' owner too.
POSTGRES_ERASABLE_FUNCTION = """CREATE FUNCTION erasable_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
IF countersign_permits('erase', 'rows') AND current_user = (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)
THEN RETURN OLD; END IF;
RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"""
POSTGRES_ERASABLE = """CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
FOR EACH ROW EXECUTE FUNCTION erasable_only()"""

SQLITE_INSERT = """CREATE TRIGGER {table}_no_insert BEFORE INSERT ON {table}
WHEN NOT countersign_permits('{table}', CASE typeof(NEW.{column}) WHEN 'blob' THEN lower(hex(NEW.{column})) ELSE NEW.{column} END)
BEGIN SELECT RAISE(ABORT, '{table} is written by its own method only'); END"""
POSTGRES_PERMITTED = r"""CREATE FUNCTION permitted_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
IF countersign_permits(TG_TABLE_NAME, regexp_replace(to_jsonb(NEW) ->> TG_ARGV[0], '^\\x', '')) THEN RETURN NEW; END IF;
RAISE EXCEPTION '% is written by its own method only', TG_TABLE_NAME; END $$"""
POSTGRES_INSERT = """CREATE TRIGGER {table}_no_insert BEFORE INSERT ON {table}
FOR EACH ROW EXECUTE FUNCTION permitted_only('{column}')"""


def create_statements(
    dialect: str, tables: Iterable[str], permitted: Mapping[str, str], erasable: Collection[str]
) -> tuple[str, ...]:
    """The statements that guard `tables`, and rows of `permitted` (table → the column that names a row).

    Rows of `erasable` tables may be deleted while the permit to erase is held. `dialect` is "sqlite" or "postgresql".
    """
    row = SQLITE if dialect == "sqlite" else POSTGRES_ROW
    insert = SQLITE_INSERT if dialect == "sqlite" else POSTGRES_INSERT
    functions = [POSTGRES_FUNCTION, permits.POSTGRES_FUNCTION, POSTGRES_PERMITTED, POSTGRES_ERASABLE_FUNCTION]
    erase = SQLITE_ERASABLE if dialect == "sqlite" else POSTGRES_ERASABLE
    statements = [] if dialect == "sqlite" else functions
    for table in tables:
        for verb in ("update", "delete"):
            template = erase if verb == "delete" and table in erasable else row
            statements.append(template.format(table=table, verb=verb, VERB=verb.upper()))
        if dialect != "sqlite":
            statements.append(POSTGRES_TRUNCATE.format(table=table))
    statements += [insert.format(table=table, column=column) for table, column in permitted.items()]
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


def _wanted(
    dialect: str, table: str, verb: str, column: str = "", *, erasable: bool = False
) -> re.Pattern[str]:
    """What a guard's whole definition must be; PostgreSQL may name the schema of table and function."""
    if dialect == "sqlite":
        template = SQLITE_INSERT if verb == "insert" else SQLITE_ERASABLE if erasable else SQLITE
        made = template.format(table=table, verb=verb, VERB=verb.upper(), column=column)
        return re.compile(re.escape(" ".join(f"{made} {table}".split())))
    scope = "STATEMENT" if verb == "truncate" else "ROW"
    name, function, given = (
        ("permitted_only", POSTGRES_PERMITTED, f"'{column}'")
        if verb == "insert"
        else ("erasable_only", POSTGRES_ERASABLE_FUNCTION, "")
        if erasable
        else ("append_only", POSTGRES_FUNCTION, "")
    )
    body = re.escape(" ".join(function.split("$$")[1].split()))
    return re.compile(
        rf'CREATE TRIGGER "?{table}_no_{verb}"? BEFORE {verb.upper()} ON (\S+\.)?"?{table}"? '
        rf"FOR EACH {scope} EXECUTE (FUNCTION|PROCEDURE) (\S+\.)?{name}\({given}\) {body} {table}"
    )


def ensure_guarded(
    connection: Connection, tables: Iterable[str], permitted: Mapping[str, str], erasable: Collection[str]
) -> None:
    """`SchemaMismatch` unless the very guards made here are in place.

    Every table of `tables` refuses updates and deletions, every table of `permitted` rows of others than its method.
    """
    found, dialect = installed(connection), connection.dialect.name
    verbs = ("update", "delete") if dialect == "sqlite" else ("update", "delete", "truncate")
    wanted = [(table, verb, "") for table in tables for verb in verbs]
    wanted += [(table, "insert", column) for table, column in permitted.items()]
    missing = [
        f"{table} ({verb})"
        for table, verb, column in wanted
        if not _wanted(
            dialect, table, verb, column, erasable=verb == "delete" and table in erasable
        ).fullmatch(found.get(f"{table}_no_{verb}", ""))
    ]
    if missing:
        raise SchemaMismatch(
            f"append-only triggers are missing: {', '.join(missing)}",
            hint="Someone changed the store's schema. Keep a copy and run `countersign log verify` on a backup.",
        )
