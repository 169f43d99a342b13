"""Intake end to end, and the floor it is measured against."""

import sqlite3
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

import orjson

from cases import home, scratch
from countersign import wiring
from countersign.adapters.sql.engine import PRAGMAS
from countersign.steps import ingest
from measure import ROUNDS, Line, cpu, limit, spread


def kept(source: Path) -> tuple[Callable[[], object], Path]:
    """The whole intake of a file into a fresh home; opening the home is not part of it."""
    folder, ports = home()
    return partial(
        ingest.ingest, wiring.incoming([str(source)], "auto", None), ports
    ), folder / "countersign.db"


def floor(source: Path, database: Path) -> sqlite3.Connection:
    """Decode with orjson and insert the raw line with three indexes: the same pragmas and transaction size."""
    connection = sqlite3.connect(database, isolation_level=None)
    with source.open("rb") as stream:
        _floor_tables(connection)
        while chunk := list(islice(stream, ingest.BATCH)):
            rows = []
            for line in chunk:
                raw = line[:-1]
                record = orjson.loads(raw)
                when = record.get("@timestamp") or record.get("eventTime") or record.get("timestamp")
                kind = record.get("EventID") or record.get("eventName") or record.get("event_type")
                host = record.get("Hostname") or record.get("sourceIPAddress") or record.get("src_ip")
                rows.append((when, str(kind), host, raw))
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO line (happened, kind, host, raw) VALUES (?, ?, ?, ?)", rows)
            connection.execute("COMMIT")
    return connection


def _floor_tables(connection: sqlite3.Connection) -> None:
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(
        "CREATE TABLE line (id INTEGER PRIMARY KEY, happened TEXT, kind TEXT, host TEXT, raw BLOB)"
    )
    for column in ("happened", "kind", "host"):
        connection.execute(f"CREATE INDEX line_{column} ON line ({column})")


def intake(source: Path, size: int) -> list[Line]:
    """End to end against the floor, on the same bytes."""
    work, database = kept(source)
    work()
    _same(database, floor(source, scratch() / "floor.db"), size)
    ours: list[float] = []
    floors: list[float] = []
    for number in range(ROUNDS):
        work, _ = kept(source)
        plain = partial(floor, source, scratch() / "floor.db")
        pair = [(ours, work), (floors, plain)]
        for timings, side in pair if number % 2 else reversed(pair):
            timings.append(cpu(side))
    ratio = spread([a / b for a, b in zip(ours, floors, strict=True)])
    rate = size / median(ours)
    return [
        limit(f"intake of {size:,} records, floor = 1", ratio, 3, "× its CPU"),
        Line("  records a CPU second: ours, the floor", f"{rate:,.0f}, {size / median(floors):,.0f}"),
    ]


def _same(database: Path, other: sqlite3.Connection, size: int) -> None:
    own = sqlite3.connect(database)
    mine = {raw for (raw,) in own.execute("SELECT raw FROM evidence")}
    theirs = {raw for (raw,) in other.execute("SELECT raw FROM line")}
    if mine != theirs or len(mine) != size:
        raise SystemExit(f"the two sides kept different records: {len(mine)} and {len(theirs)} of {size}")
