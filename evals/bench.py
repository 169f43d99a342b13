"""`make bench`: what a claim, a brief, an intake and a start cost, each beside its goal.

Ratios come from alternating rounds in one process and count CPU time; a ratio's goal is met only if its
upper quartile is within the limit. A missed goal is printed, and is no failure of the run.
"""

import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import mean, median

import msgspec
import orjson

from corpus import Corpus, alerts, corpus, folders
from countersign import config, wiring
from countersign.adapters.sql.engine import PRAGMAS
from countersign.core import verify
from countersign.core.claims import Claim, CountClaim, FieldClaim, Filter, QuoteClaim, RelationClaim
from countersign.core.fields import MISSING
from countersign.core.snapshot import Snapshot
from countersign.ports import Ports
from countersign.steps import assemble, draft, ingest
from measure import ROUNDS, Line, Spread, alternating, cpu, growth, show, spread

RECORDS = 10_000
SIZES = (625, 1_250, 2_500, 5_000, 10_000)
INTAKE_SIZES = (1_250, 2_500, 5_000, 10_000, 20_000)
STARTS = 5
INPUTS = draft.Inputs(fallback=wiring.drafter("rules"))


def home() -> tuple[Path, Ports]:
    """A fresh home with its ports."""
    folder = Path(tempfile.mkdtemp(dir=HOMES.name))
    return folder, wiring.open_ports(folder, config.load(folder, None), "rules")


HOMES = tempfile.TemporaryDirectory(prefix="countersign-bench-")


def opened(paths: list[Path]) -> tuple[Ports, list[assemble.Assembled]]:
    """Everything below the paths as one case by hand."""
    _, ports = home()
    read = ingest.ingest(wiring.incoming(map(str, paths), "auto", None), ports)
    return ports, assemble.by_hand(read, ports, "bench")


# --- a brief


class Nowhere:
    """A store that keeps nothing."""

    log = cases = briefs = property(lambda self: self)

    @contextmanager
    def transaction(self) -> Iterator["Nowhere"]:
        """A transaction that does nothing."""
        yield self

    def holds(self, *_: object) -> bool:
        """Nothing is held, nothing is kept."""
        return False

    stage = save = add = holds


def brief(one: assemble.Assembled, ports: Ports) -> draft.Briefed:
    """A brief without the store: freeze, menu, prepare, draft, verify, panel, suggest, note."""
    return draft.brief_case(one, msgspec.structs.replace(ports, store=Nowhere()), INPUTS)


def stated(made: draft.Briefed) -> list[Claim]:
    """The claims of a brief, to be verified again."""
    return [checked.claim for checked in made.brief.claims if checked.claim is not None]


def counts(snapshot: Snapshot, wanted: int) -> list[Claim]:
    """Count claims over every record: one and two clauses, over each of the most frequent values of each field."""
    made: list[Claim] = []
    for name in sorted(snapshot.by_schema):
        schema = snapshot.dictionary.schema(name)
        fields = [f for f in schema.fields if "*" not in f.pointer] if schema else []
        before: tuple[str, str, object] | None = None
        for field in fields:
            for raw in _values(snapshot, name, field.pointer):
                clause = (field.pointer, "eq", raw)
                for where in filter(None, [(clause,), (before, clause) if before else None]):
                    total = len(snapshot.matching(Filter(name, where), None, None))
                    claim = CountClaim(
                        id=f"c{len(made)}", section="x", filter=Filter(name, where), op="eq", value=total
                    )
                    made.append(claim)
                before = clause
    return made[:: max(1, len(made) // wanted)][:wanted]


def _values(snapshot: Snapshot, schema: str, pointer: str) -> list[object]:
    path = snapshot.path(schema, pointer)
    index = snapshot.index(schema, pointer)
    frequent = sorted(index.values(), key=lambda held: -len(held))[:6]
    records = snapshot.by_schema[schema]
    values = [MISSING if path is None else snapshot.value(records[held[0]].id, path) for held in frequent]
    return [v for v in values if isinstance(v, str | int) and 0 < len(str(v)) <= 256]


def briefs(big: tuple[Ports, assemble.Assembled]) -> list[Line]:
    """A brief over 10,000 records."""
    ports, one = big
    without = spread([cpu(partial(brief, one, ports)) for _ in range(5)])
    whole: list[float] = []
    for _ in range(5):
        _, fresh = home()
        with fresh.store.transaction() as tx:
            tx.evidence.add([(record, []) for record in one.evidence])
        whole.append(cpu(partial(draft.brief_case, one, fresh, INPUTS)))
    size = len(one.evidence)
    return [
        limit(f"brief over {size:,} records, without the store", without, 2, "s CPU"),
        limit(f"brief over {size:,} records, stored and logged", spread(whole), 2, "s CPU"),
    ]


# --- verification


def verification(big: tuple[Ports, assemble.Assembled]) -> list[Line]:
    """Claims of real cases, and counts over 10,000 records."""
    told: list[tuple[Snapshot, list[Claim], str]] = []
    for path in folders():
        ports, cases = opened([path])
        told += [(draft.frozen(one, ports, INPUTS)[0], stated(brief(one, ports)), path.name) for one in cases]
    ports, one = big
    snapshot = draft.frozen(one, ports, INPUTS)[0]
    many = counts(snapshot, 1_000)
    plain = [
        (s, [c for c in claims if isinstance(c, FieldClaim | QuoteClaim | RelationClaim)])
        for s, claims, _ in told
    ]
    for where, claims, name in told:
        cold = cpu(partial(verify.verify, claims, where)) * 1e3
        print(
            f"  {name}: {len(claims)} claims over {len(where.evidence):,} records; first time, views unread: {cold:.0f} ms"
        )
    cold = cpu(partial(verify.verify, many, snapshot)) * 1e3
    print(
        f"  {len(many):,} count claims over {len(snapshot.evidence):,} records; first time, no index: {cold:.0f} ms"
    )
    citations = sum(len(claims) for _, claims in plain)
    total = sum(len(claims) for _, claims, _ in told)
    raws = [r.raw for r in islice(one.evidence, citations)]
    cites, _, ratio = alternating(
        lambda: [verify.verify(claims, s) for s, claims in plain for _ in range(20)],
        lambda: [orjson.loads(raw) for raw in raws for _ in range(20)],
    )
    drafted = spread(
        [cpu(lambda: [verify.verify(claims, s) for s, claims, _ in told]) for _ in range(ROUNDS)]
    )
    counted = spread([cpu(partial(verify.verify, many, snapshot)) for _ in range(ROUNDS)])
    refused = [
        c
        for s, claims, _ in told
        for c in verify.verify(claims, s)
        if c.status not in {"verified", "interpretation"}
    ]
    refused += [c for c in verify.verify(many, snapshot) if c.status != "verified"]
    print(f"  {total + len(many)} claims, all made from the records; not accepted: {len(refused)}")
    return [
        limit(
            f"verification, {total} claims the rules drafter made",
            scaled(drafted, 1e3 / total),
            0.5,
            "ms a claim",
        ),
        limit(
            f"verification, {len(many)} counts over {RECORDS:,} records",
            scaled(counted, 1e3 / len(many)),
            0.5,
            "ms a claim",
        ),
        limit(
            f"citation check, {citations} fields, quotes, relations",
            scaled(cites, 1e6 / citations / 20),
            50,
            "µs",
        ),
        Line(
            "  the same, as a multiple of decoding one record (orjson)",
            f"{ratio.mid:.1f} ({ratio.low:.1f}–{ratio.high:.1f})",
        ),
    ]


# --- intake


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
    _same(database, floor(source, Path(tempfile.mkdtemp(dir=HOMES.name)) / "floor.db"), size)
    ours: list[float] = []
    floors: list[float] = []
    for number in range(ROUNDS):
        work, _ = kept(source)
        plain = partial(floor, source, Path(tempfile.mkdtemp(dir=HOMES.name)) / "floor.db")
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


# --- growth


def intake_seconds(lines: Corpus, size: int) -> float:
    """CPU seconds of the intake of the first `size` lines."""
    source = Corpus(lines.lines[:size], "").write(Path(tempfile.mkdtemp(dir=HOMES.name)) / "part.jsonl")
    return cpu(kept(source)[0])


def brief_seconds(big: tuple[Ports, assemble.Assembled], size: int) -> float:
    """CPU seconds of a brief over every nth record of the case, stored and logged."""
    ports, one = big
    part = one.evidence[:: len(one.evidence) // size][:size]
    return cpu(partial(brief, msgspec.structs.replace(one, evidence=part), ports))


def growths(big: tuple[Ports, assemble.Assembled]) -> list[Line]:
    """Growth exponents over five doubling sizes."""
    intake_slope, intake_s = growth(INTAKE_SIZES, partial(intake_seconds, corpus(INTAKE_SIZES[-1])))
    brief_slope, brief_s = growth(SIZES, partial(brief_seconds, big))
    return [
        Line(
            "growth of intake with size, exponent",
            f"{intake_slope:.2f} ({_series(intake_s)} s)",
            "≤ 1.05",
            intake_slope <= 1.05,
        ),
        Line(
            "growth of a brief with size, exponent",
            f"{brief_slope:.2f} ({_series(brief_s)} s)",
            "≤ 1.05",
            brief_slope <= 1.05,
        ),
    ]


def _series(values: list[float]) -> str:
    return " ".join(f"{value:.2f}" for value in values)


# --- start

_CHILD = "import sys, time; sys.stderr.write(f'{time.monotonic_ns()}\\n'); sys.stderr.flush(); from countersign.cli import main; main()"


def started(*arguments: str, until: bytes = b"") -> float:
    """Wall seconds from the start of Python to the first line that starts with `until`, or to the end."""
    folder = tempfile.mkdtemp(dir=HOMES.name)
    command = [sys.executable, "-c", _CHILD, *arguments]
    child = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "COUNTERSIGN_HOME": folder},
    )
    if child.stdout is None or child.stderr is None:
        raise SystemExit("the child has no pipes")
    begun = int(child.stderr.readline())
    ended = next((time.monotonic_ns() for line in child.stdout if until and line.startswith(until)), None)
    child.stdout.read()
    child.wait()
    if until and ended is None:
        raise SystemExit(f"no case was printed: {child.stderr.read().decode()}")
    return ((ended or time.monotonic_ns()) - begun) / 1e9


def starts() -> list[Line]:
    """From the start of Python to the first case, and to the help."""
    file = alerts(100)
    source = file.write(Path(tempfile.mkdtemp(dir=HOMES.name)) / "alerts.jsonl")
    print(f"  100 alerts of {file.origin}, SHA-256 {file.digest}")
    case = spread([started("triage", str(source), until=b"case-") for _ in range(STARTS)])
    usage = spread([started("--help") for _ in range(STARTS)])
    return [
        limit("first case of a 100-alert file printed", case, 1, "s wall"),
        limit("countersign --help", usage, 0.3, "s wall"),
    ]


def scaled(values: Spread, by: float) -> Spread:
    """The same in another unit."""
    return Spread(values.low * by, values.mid * by, values.high * by)


def limit(what: str, values: Spread, most: float, unit: str) -> Line:
    """A line whose goal is met when the upper quartile is within the limit."""
    figure = f"{values.mid:.3g} ({values.low:.3g}–{values.high:.3g}) {unit}"
    return Line(what, figure, f"≤ {most:g} {unit}", values.high <= most)


def main() -> None:
    """Measure, and print one table."""
    chosen = corpus(RECORDS)
    print(f"corpus: {len(chosen.lines):,} records of {chosen.origin}")
    size = mean(map(len, chosen.lines))
    print(
        f"SHA-256 {chosen.digest}, {size:,.0f} bytes a record; median (quartiles) of {ROUNDS} alternating rounds"
    )
    print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, orjson {orjson.__version__}")
    source = chosen.write(Path(HOMES.name) / "corpus.jsonl")
    ports, cases = opened([source])
    lines: list[Line] = []
    for part in (
        partial(starts),
        partial(intake, source, len(chosen.lines)),
        partial(briefs, (ports, cases[0])),
        partial(verification, (ports, cases[0])),
        partial(growths, (ports, cases[0])),
    ):
        lines += part()
    print()
    show(lines)


if __name__ == "__main__":
    with HOMES:
        main()
