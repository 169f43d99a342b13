"""How far followed files were read."""

from sqlalchemy import delete, insert, select

from countersign.adapters.sql import tables
from countersign.adapters.sql.session import Session
from countersign.ports import Position


class SqlFollowStore:
    """`ports.FollowStore`."""

    def __init__(self, session: Session) -> None:
        self._connection = session.connection

    def get(self, path: str) -> Position | None:
        table = tables.follow_position
        row = self._connection.execute(select(table).where(table.c.path == path)).first()
        if row is None:
            return None
        return Position(row.path, row.identity, row.read_bytes, row.read_lines, row.head_bytes, row.head)

    def save(self, position: Position) -> None:
        table = tables.follow_position
        self._connection.execute(delete(table).where(table.c.path == position.path))
        values = {
            "path": position.path,
            "identity": position.identity,
            "read_bytes": position.offset,
            "read_lines": position.line,
            "head_bytes": position.head_bytes,
            "head": position.head,
        }
        self._connection.execute(insert(table).values(values))
