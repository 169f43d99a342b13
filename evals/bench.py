"""`make bench`: what a claim, a brief, an intake and a start cost, each beside its goal.

Ratios come from alternating rounds in one process and count CPU time; a ratio's goal is met only if its
upper quartile is within the limit. A missed goal is printed, and is no failure of the run.
"""

import os
import platform
import sqlite3
import subprocess
import sys
import time
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import mean

import msgspec
import orjson

import whole
from cases import HOMES, INPUTS, brief, counts, home, opened, scratch, stated
from corpus import Corpus, alerts, corpus, folders
from correlation import correlation
from countersign.core.claims import verify
from countersign.core.claims.claims import Claim, FieldClaim, QuoteClaim, RelationClaim
from countersign.core.claims.snapshot import Snapshot
from countersign.ports import Ports
from countersign.steps import assemble, draft
from deciding import deciding
from floor import intake, kept
from log_bench import log_costs
from measure import ROUNDS, Line, alternating, cpu, growth, limit, scaled, show, spread

RECORDS = 10_000
SIZES = (625, 1_250, 2_500, 5_000, 10_000)
INTAKE_SIZES = (1_250, 2_500, 5_000, 10_000, 20_000)
STARTS = 5


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


def intake_seconds(lines: Corpus, size: int) -> float:
    """CPU seconds of the intake of the first `size` lines."""
    source = Corpus(lines.lines[:size], "").write(scratch() / "part.jsonl")
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


_CHILD = "import sys, time; sys.stderr.write(f'{time.monotonic_ns()}\\n'); sys.stderr.flush(); from countersign.cli import main; main()"


def started(*arguments: str, until: bytes = b"") -> float:
    """Wall seconds from the start of Python to the first line that starts with `until`, or to the end."""
    folder = str(scratch())
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
    source = file.write(scratch() / "alerts.jsonl")
    print(f"  100 alerts of {file.origin}, SHA-256 {file.digest}")
    case = spread([started("triage", str(source), until=b"case-") for _ in range(STARTS)])
    usage = spread([started("--help") for _ in range(STARTS)])
    return [
        limit("first case of a 100-alert file printed", case, 1, "s wall"),
        limit("countersign --help", usage, 0.3, "s wall"),
    ]


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
        log_costs,
        deciding,
        correlation,
        whole.rates,
        whole.memory,
        whole.processes,
        whole.decoding,
    ):
        lines += part()
    print()
    show(lines)


if __name__ == "__main__":
    with HOMES:
        main()
