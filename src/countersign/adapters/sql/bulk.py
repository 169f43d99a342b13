"""Rows in, fast, in both databases.

SQLite: the driver's `executemany`. PostgreSQL: one statement a batch, with a column per array. A row that
breaks a uniqueness rule is left out; any other fault is an error.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Row, Table, select
from sqlalchemy.dialects import sqlite

IN_LIMIT = 500  # values in one IN list: the driver keeps 128 statements compiled, with room for their values
SQLITE_IN = 500  # values in one hot-path IN list: few enough for SQLite's statement cache

_ARRAYS = {"BIGINT": "bigint", "INTEGER": "integer", "BLOB": "bytea", "BYTEA": "bytea", "TEXT": "text"}


def insert(
    connection: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert `rows` (in the order of `columns`), leaving out those that are there already."""
    if not rows:
        return
    names = ", ".join(columns)
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table.name} ({names}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608 (names of our own tables)
        connection.exec_driver_sql(statement, list(rows))
    else:
        connection.exec_driver_sql(_unnest(table, columns), _arrays(rows))


def insert_returning(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    returning: str,
) -> Sequence[Row[Any]]:
    """PostgreSQL only: as `insert`, and the `returning` columns of the rows that are new."""
    statement = f"{_unnest(table, columns)} RETURNING {returning}"
    return connection.exec_driver_sql(statement, _arrays(rows)).all()


def _unnest(table: Table, columns: Sequence[str]) -> str:
    arrays = ", ".join(f"%b::{_array_type(table, name)}[]" for name in columns)
    return (
        f"INSERT INTO {table.name} ({', '.join(columns)}) "  # noqa: S608 (names of our own tables)
        f"SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING"
    )


def _array_type(table: Table, column: str) -> str:
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - costs every start, and only PostgreSQL needs it

    kind = table.c[column].type.compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]
    return _ARRAYS.get(kind.split("(")[0], "text")


def _arrays(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Any], ...]:
    return tuple(list(column) for column in zip(*rows, strict=True))


def add_once(connection: Connection, table: Table, **values: Any) -> bool:
    """Insert one row; False when a uniqueness rule says it is there already."""
    statement = (
        _insert(connection, table).values(**values).on_conflict_do_nothing().returning(*table.primary_key)
    )
    return connection.execute(statement).first() is not None


def _insert(connection: Connection, table: Table) -> Any:
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - as above

    return postgresql.insert(table)


def chunks(values: Sequence[Any], size: int) -> Iterator[list[Any]]:
    """`values` in lists of at most `size`."""
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk


def sequence_numbers(connection: Connection, evidence: Table, digests: Sequence[bytes]) -> dict[bytes, int]:
    """Digest to row number, of those that are stored."""
    found: dict[bytes, int] = {}
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * SQLITE_IN)
        query = f"SELECT digest, seq FROM {evidence.name} WHERE digest IN ({marks})"  # noqa: S608 (our own table)
        for chunk in chunks(digests, SQLITE_IN):
            # Padded, so that SQLite meets one statement only and keeps it compiled.
            padded = (*chunk, *chunk[-1:] * (SQLITE_IN - len(chunk)))
            found.update((row[0], row[1]) for row in connection.exec_driver_sql(query, padded))
        return found
    for chunk in chunks(digests, IN_LIMIT):
        query = f"SELECT digest, seq FROM {evidence.name} WHERE digest = ANY(%b::bytea[])"  # noqa: S608 (our own table)
        found.update((bytes(row[0]), row[1]) for row in connection.exec_driver_sql(query, (chunk,)))
    return found


def numbered(connection: Connection, table: Table, **values: Any) -> int:
    """The id of the row with these values, made if there is none."""
    wanted = select(table.c.id).where(*(table.c[name] == value for name, value in values.items()))
    if (found := connection.execute(wanted).scalar()) is not None:
        return int(found)
    add_once(connection, table, **values)
    return int(connection.execute(wanted).scalar_one())


def replace(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    unless: str = "",
) -> None:
    """Insert `rows`; a row whose key (the first column) is there takes the new values, but not where `unless` holds."""
    if not rows:
        return
    sets = ", ".join(f"{name} = excluded.{name}" for name in columns[1:])
    conflict = f"ON CONFLICT ({columns[0]}) DO UPDATE SET {sets}" + (
        f" WHERE NOT ({unless})" if unless else ""
    )
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks}) {conflict}"  # noqa: S608 (names of our own tables)
        connection.exec_driver_sql(statement, list(rows))
    else:
        statement = _unnest(table, columns).replace("ON CONFLICT DO NOTHING", conflict)
        connection.exec_driver_sql(statement, _arrays(rows))


def delete(connection: Connection, table: Table, column: str, numbers: Sequence[int]) -> None:
    """Delete the rows whose `column` holds one of the numbers."""
    if not numbers:
        return
    statement = f"DELETE FROM {table.name} WHERE {column} = "  # noqa: S608 (names of our own tables)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(statement + "?", [(number,) for number in numbers])
    else:
        connection.exec_driver_sql(statement + "ANY(%b::bigint[])", (list(numbers),))
