"""The coverage manifest: which source was read for which interval, and what that allows to be said.

Totals, first and last times and absences can be stated of the whole only where every expected source
was read completely. No manifest means nothing is covered. Source: contract `coverage.schema.json`.
"""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from countersign.core.canonical import parse_time
from countersign.core.fields import Clause


class CoverageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One query of one source over [start_ns, end_ns)."""

    source: str
    schema: str
    start: str
    end: str
    start_ns: int
    end_ns: int
    where: tuple[Clause, ...] = ()
    query_id: str = ""
    complete: bool
    limit_hit: bool
    reason: str = ""

    def document(self) -> dict[str, object]:
        """The row as the contract writes it."""
        row: dict[str, object] = {
            "source": self.source,
            "schema": self.schema,
            "from": self.start,
            "to": self.end,
            "complete": self.complete,
            "limit_hit": self.limit_hit,
        }
        if self.where:
            row["where"] = [[p, op, float(v) if isinstance(v, Decimal) else v] for p, op, v in self.where]
        if self.query_id:
            row["query_id"] = self.query_id
        if self.reason:
            row["reason"] = self.reason
        return row


Coverage = tuple[CoverageRow, ...]

_KEYS = {"source", "schema", "from", "to", "where", "query_id", "complete", "limit_hit", "reason"}


def parse_coverage(data: bytes) -> Coverage:
    """Read a manifest; raises ValueError with the row and what is wrong with it."""
    rows = json.loads(data, parse_float=Decimal)
    if not isinstance(rows, list):
        raise ValueError("a coverage manifest is a JSON array of rows")  # noqa: TRY004 - one error for every malformed manifest
    return tuple(_row(number, row) for number, row in enumerate(rows, 1))


def _row(number: int, row: object) -> CoverageRow:
    if not isinstance(row, dict) or not {"source", "schema", "from", "to", "complete", "limit_hit"} <= set(
        row
    ):
        raise ValueError(f"coverage row {number}: needs source, schema, from, to, complete and limit_hit")
    if unknown := set(row) - _KEYS:
        raise ValueError(f"coverage row {number}: unknown key {min(unknown)!r}")
    start, end = parse_time(str(row["from"])), parse_time(str(row["to"]))
    if start is None or end is None or start >= end:
        raise ValueError(f"coverage row {number}: from and to are RFC 3339 times with a zone, from before to")
    if not isinstance(row["complete"], bool) or not isinstance(row["limit_hit"], bool):
        raise ValueError(f"coverage row {number}: complete and limit_hit are booleans")  # noqa: TRY004 - as above
    if row["complete"] and row["limit_hit"]:
        raise ValueError(f"coverage row {number}: a query that hit its limit is not complete")
    return CoverageRow(
        source=str(row["source"]),
        schema=str(row["schema"]),
        start=row["from"],
        end=row["to"],
        start_ns=start,
        end_ns=end,
        where=tuple((p, op, v) for p, op, v in row.get("where", ())),
        query_id=str(row.get("query_id", "")),
        complete=row["complete"],
        limit_hit=row["limit_hit"],
        reason=str(row.get("reason", "")),
    )


def window(rows: Iterable[CoverageRow], schema: str) -> tuple[int, int] | None:
    """The whole window that a manifest speaks of for a schema; None when it does not name it."""
    mine = [row for row in rows if row.schema == schema]
    return (min(row.start_ns for row in mine), max(row.end_ns for row in mine)) if mine else None


def spans(rows: Coverage, schema: str, where: Sequence[Clause], start_ns: int, end_ns: int) -> bool:
    """Was every expected source of the schema read completely over [start, end) for this filter?

    A row that a query narrowed counts only for a filter that holds the same clauses.
    """
    mine = [row for row in rows if row.schema == schema]
    if not mine:
        return False
    return all(
        _unbroken([row for row in mine if row.source == source and _serves(row, where)], start_ns, end_ns)
        for source in {row.source for row in mine}
    )


def _serves(row: CoverageRow, where: Sequence[Clause]) -> bool:
    return row.complete and not row.limit_hit and all(_same_clause(clause, where) for clause in row.where)


def _same_clause(clause: Clause, where: Sequence[Clause]) -> bool:
    return any(
        clause[:2] == other[:2] and type(clause[2]) is type(other[2]) and clause[2] == other[2]
        for other in where
    )


def _unbroken(rows: list[CoverageRow], start_ns: int, end_ns: int) -> bool:
    reached = start_ns
    for row in sorted(rows, key=lambda row: row.start_ns):
        if row.start_ns > reached:
            return False
        reached = max(reached, row.end_ns)
    return reached >= end_ns
