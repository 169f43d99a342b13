"""Permits: what the database lets nobody do but one method of ours, and only while that method runs.

A trigger asks `countersign_permits(what, id)`. On SQLite that is a function that only our own connections have, and
that is true only for what they are doing right now: any other writer's statement fails, because there is no such
function. On PostgreSQL it reads a setting of the transaction, which stops slips; there the grants stop everybody
else (`adapters/sql/roles`).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

NAME = "countersign_permits"
SETTING = "countersign.permit"

POSTGRES_FUNCTION = f"""CREATE FUNCTION {NAME}(what text, id text) RETURNS boolean LANGUAGE sql STABLE AS $$
SELECT coalesce(current_setting('{SETTING}', true), '') = what || ' ' || id $$"""

_SAY = text("SELECT set_config(:setting, :value, true)")


class Permits:
    """What one connection may do at this moment."""

    def __init__(self) -> None:
        self._held: set[tuple[str, str]] = set()

    def __call__(self, what: object, row: object) -> int:
        return int((what, row) in self._held)

    @contextmanager
    def holding(self, what: str, row: str) -> Iterator[None]:
        """It may do this, for as long as the block lasts."""
        self._held.add((what, row))
        try:
            yield
        finally:
            self._held.discard((what, row))


def register(connection: sqlite3.Connection) -> Permits:
    """Give a new SQLite connection of ours the function, with no permit yet."""
    permits = Permits()
    connection.create_function(NAME, 2, permits)
    return permits


@contextmanager
def permitted(connection: Connection, what: str, row: str) -> Iterator[None]:
    """Inside the block, the triggers let this connection do `what` to `row`: a table's name and the row's id.

    Ids that are bytes are spelt in lower-case hex. An error inside leaves a transaction that can only be rolled back.
    """
    if connection.dialect.name == "sqlite":
        held: Permits = connection.info[NAME]
        with held.holding(what, row):
            yield
        return
    connection.execute(_SAY, {"setting": SETTING, "value": f"{what} {row}"})
    yield
    connection.execute(_SAY, {"setting": SETTING, "value": ""})
