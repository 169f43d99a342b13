"""The coverage manifest: which source was read for which interval, and what that allows to be said.

Totals, first and last times and absences can be stated of the whole only where every expected source
was read completely. No manifest means nothing is covered. Source: contract `coverage.schema.json`.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from countersign.core.canonical import parse_time
from countersign.core.claims.claims import OPS
from countersign.core.claims.manifest import is_text, read_manifest
from countersign.core.claims.strict import Refused, compared
from countersign.core.records.fields import Clause


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

_NEEDED = {"source", "schema", "from", "to", "complete", "limit_hit"}
_KEYS = _NEEDED | {"where", "query_id", "reason"}


def parse_coverage(data: bytes) -> Coverage:
    """Read a manifest; raises ValueError with the row and what is wrong with it."""
    rows = read_manifest(data)
    if not isinstance(rows, list):
        raise ValueError("a coverage manifest is a JSON array of rows")  # noqa: TRY004 - one error for every malformed manifest
    return tuple(_row(f"coverage row {number}", row) for number, row in enumerate(rows, 1))


def _row(name: str, row: object) -> CoverageRow:
    if not isinstance(row, dict) or not row.keys() >= _NEEDED:
        raise ValueError(f"{name}: needs source, schema, from, to, complete and limit_hit")
    if unknown := set(row) - _KEYS:
        raise ValueError(f"{name}: unknown key {min(unknown)[:40]!r}")
    if not is_text(row["source"]) or not is_text(row["schema"]):
        raise ValueError(f"{name}: source and schema are strings that are not empty")
    if not all(row.get(key, "") == "" or is_text(row[key]) for key in ("query_id", "reason")):
        raise ValueError(f"{name}: query_id and reason are strings")
    if not isinstance(row["complete"], bool) or not isinstance(row["limit_hit"], bool):
        raise ValueError(f"{name}: complete and limit_hit are booleans")  # noqa: TRY004 - as above
    if row["complete"] and row["limit_hit"]:
        raise ValueError(f"{name}: a query that hit its limit is not complete")
    start, end = _moment(row["from"]), _moment(row["to"])
    if start is None or end is None or start >= end:
        raise ValueError(f"{name}: from and to are RFC 3339 times with a zone, from before to")
    return CoverageRow(
        source=row["source"],
        schema=row["schema"],
        start=row["from"],
        end=row["to"],
        start_ns=start,
        end_ns=end,
        where=_where(name, row.get("where", [])),
        query_id=row.get("query_id", ""),
        complete=row["complete"],
        limit_hit=row["limit_hit"],
        reason=row.get("reason", ""),
    )


def _moment(value: object) -> int | None:
    return parse_time(value) if isinstance(value, str) else None


def _where(name: str, clauses: object) -> tuple[Clause, ...]:
    if not isinstance(clauses, list) or not all(isinstance(c, list) and len(c) == 3 for c in clauses):
        raise ValueError(f"{name}: where is an array of clauses [pointer, operator, value]")
    return tuple(_clause(name, *clause) for clause in clauses)


def _clause(name: str, pointer: object, op: object, value: object) -> Clause:
    if not isinstance(pointer, str) or not is_text(pointer) or not pointer.startswith("/"):
        raise ValueError(f"{name}: a clause begins with a pointer")
    if not isinstance(op, str) or op not in OPS:
        raise ValueError(f"{name}: an operator is one of {', '.join(sorted(OPS))}")
    if not (is_text(value) or value == "" or isinstance(value, bool) or _is_exact(value)):
        raise ValueError(
            f"{name}: the value of a clause is a string, a boolean or a number that a double holds"
        )
    try:
        compared(op, value)
    except Refused as error:
        raise ValueError(f"{name}: {error}") from error
    return pointer, op, value


def _is_exact(value: object) -> bool:
    """Does the number stay what it is when the manifest is written again?"""
    if isinstance(value, Decimal):
        return Decimal(repr(float(value))) == value
    return isinstance(value, int) and abs(value) < 2**53


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
