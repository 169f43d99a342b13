"""`make bench-indicators`: extraction from records and from free text, beside ioc-finder and iocextract.

- Published cases of ioc-finder (by path, where present): pass rate by type, recall and false positives.
- Invented records of which every indicator is known: what is found, and indicators per CPU second. Typed fields
  are read by type and only the rest is searched; the peers get all strings of the record, one on a line.

The peers are installed into an environment of their own (`.peers/`). Where that fails, ours stands alone.
"""

import gc
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from corpus import REAL, ROOT
from countersign.adapters.dictionaries import bundled
from countersign.core.records.observable import observables
from countersign.core.records.texts import Mention, mentions
from countersign.core.records.told import told
from measure import ROUNDS, Line, Spread, cpu, scaled, show, spread
from peers import FINDER
from planted import SEED, Indicator, Planted, leaves, planted

CASES = REAL / "ioc-extraction" / "ioc_finder_cases.jsonl"
PEERS = {"ioc-finder": "ioc-finder==9.4.1", "iocextract": "iocextract==1.16.1"}
NEEDED = ("requests",)  # iocextract imports it without saying so
TYPES = ("url", "domain", "ip", "email", "md5", "sha1", "sha256", "cve")
RECORDS = 300
REPEATS = 4  # a round of ours is that many times the records, to be long enough to measure
GOAL = 80
GC = (50_000, 20, 100)  # as the command line sets it
Found = list[set[Indicator]]


class Peer:
    """A published extractor, waiting in a process of its own."""

    def __init__(self, tool: str, texts: list[tuple[str, dict[str, Any]]]) -> None:
        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False, encoding="utf-8") as file:
            json.dump(texts, file)
        self._file = Path(file.name)
        self._child = subprocess.Popen(
            [str(ROOT / ".peers" / "bin" / "python"), str(ROOT / "evals" / "peers.py"), tool, file.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.communicate()
        self._file.unlink()

    def ask(self, what: str) -> Any:
        """One answer."""
        if self._child.stdin is None or self._child.stdout is None:
            raise SystemExit("the peer has no pipes")
        self._child.stdin.write(what + "\n")
        self._child.stdin.flush()
        return json.loads(self._child.stdout.readline())

    def found(self) -> Found:
        """What each text gave."""
        return [{plain(kind, value) for kind, value in one} for one in self.ask("found")]


def installed() -> bool:
    """Are the peers there, or can they be installed?"""
    python = ROOT / ".peers" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
    command = [
        str(python),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        *PEERS.values(),
        *NEEDED,
    ]
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0


def plain(kind: str, value: str) -> Indicator:
    """Compared without case, except where case means something."""
    return kind, value if kind in {"url", "path"} else value.lower()


# The published cases --------------------------------------------------------------------------------------


def ours(text: str, options: dict[str, Any]) -> set[Indicator]:
    """What we find, under the options of ioc-finder that a case was written for."""

    def wanted(one: Mention) -> bool:
        if one.type != "domain" or not one.within:
            return True
        name = "parse_domain_from_url" if one.within == "url" else "parse_domain_from_email_address"
        return bool(options.get(name, True))

    return {plain(one.type, one.value) for one in mentions(text) if wanted(one)}


def published() -> list[dict[str, Any]]:
    """The cases, where they are."""
    if not CASES.is_file():
        return []
    return [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]


def expected(case: dict[str, Any]) -> set[Indicator]:
    """Of the types that we name."""
    return {plain(kind, value) for name, kind in FINDER.items() for value in case["expected"].get(name, ())}


def scored(
    cases: list[dict[str, Any]], found: Found, kinds: set[str]
) -> dict[str, tuple[int, int, int, int, int]]:
    """Type → cases that pass exactly, cases that ask for it, values asked for, found among them, false positives."""
    rows: dict[str, Counter[str]] = {kind: Counter() for kind in sorted(kinds)}
    for case, all_got in zip(cases, found, strict=True):
        all_wanted = expected(case)
        for kind, row in rows.items():
            wanted = {one for one in all_wanted if one[0] == kind}
            got = {one for one in all_got if one[0] == kind}
            row["cases"] += bool(wanted)
            row["passed"] += bool(wanted) and wanted == got
            row["wanted"] += len(wanted)
            row["hit"] += len(wanted & got)
            row["false"] += len(got - wanted)
    return {
        kind: (row["passed"], row["cases"], row["wanted"], row["hit"], row["false"])
        for kind, row in rows.items()
    }


def compare_cases(peers: list[str]) -> None:
    """One table: each type, each tool."""
    cases = published()
    if not cases:
        print("published cases: not on this machine")
        return
    kinds = {kind for case in cases for kind, _ in expected(case)}
    tables = {"ours": scored(cases, [ours(case["text"], case["options"]) for case in cases], kinds)}
    for tool in peers:
        with Peer(tool, [(case["text"], {**case["options"], "all": True}) for case in cases]) as peer:
            tables[tool] = scored(cases, peer.found(), kinds)
    print(
        f"{len(cases)} published cases of ioc-finder: cases passed exactly / values found / false positives"
    )
    for kind in sorted(kinds):
        cells = [
            f"{tool} {passed}/{asked} · {hit}/{wanted} · {false}"
            for tool, table in tables.items()
            for passed, asked, wanted, hit, false in (table[kind],)
        ]
        print(f"  {kind:<13} " + "   ".join(cells))
    for tool, table in tables.items():
        sums = [sum(row[place] for row in table.values()) for place in range(5)]
        print(f"  {tool}: {sums[0]}/{sums[1]} passed, {sums[3]}/{sums[2]} found, {sums[4]} false")


# The invented records -------------------------------------------------------------------------------------


def typed(records: list[Planted]) -> list[list[Any]]:
    """Typed fields by their type, free text by search: as the product has them, with their places."""
    schemas = bundled().schema
    found: list[list[Any]] = []
    for record in records:
        schema = schemas(record.schema)
        if schema is None:
            raise SystemExit(f"no schema {record.schema}")
        found.append([*observables(schema, record.view), *told(schema, record.view)])
    return found


def searched(records: list[Planted]) -> list[tuple[Mention, ...]]:
    """The same without any schema: all strings of a record as one text."""
    return [mentions(text) for text in strings(records)]


def pairs_of_typed(records: list[Planted]) -> Found:
    """What `typed` finds, to be judged."""
    return [{(one.type, one.value) for one, _ in rows} for rows in typed(records)]


def pairs_searched(records: list[Planted]) -> Found:
    """What `searched` finds, to be judged."""
    return [{(one.type, one.value) for one in rows} for rows in searched(records)]


def judged(records: list[Planted], found: Found) -> tuple[int, int, int]:
    """Found, asked for, false positives."""
    hit = sum(len(record.truth & got) for record, got in zip(records, found, strict=True))
    wrong = sum(
        1
        for record, got in zip(records, found, strict=True)
        for one in got - record.truth - record.implied
        if one[0] in TYPES
    )
    return hit, sum(len(record.truth) for record in records), wrong


def ratio_to(peer: Peer, work: Callable[[list[Planted]], object], seed: int) -> tuple[Spread, Spread, Spread]:
    """CPU seconds of both for as many records, and theirs / ours, the order flipped every round.

    The peer takes the same records each time; ours are never seen before, so nothing is remembered but values
    that recur.
    """
    pool = planted(RECORDS * REPEATS * ROUNDS, seed)
    mine: list[float] = []
    theirs: list[float] = []
    for number in range(ROUNDS):
        part = pool[number * RECORDS * REPEATS :][: RECORDS * REPEATS]
        for side in (0, 1) if number % 2 else (1, 0):
            if side:
                theirs.append(float(peer.ask("time")))
            else:
                mine.append(cpu(partial(work, part)) / REPEATS)
    return spread(mine), spread(theirs), spread([b / a for a, b in zip(mine, theirs, strict=True)])


def strings(records: list[Planted]) -> list[str]:
    """All strings of each record, one on a line."""
    return ["\n".join(leaves(record.view)) for record in records]


def compare_records(peers: list[str]) -> list[Line]:
    """Indicators per CPU second, with recall and false positives."""
    lines: list[Line] = []
    records = planted(RECORDS)
    ways = (
        ("typed fields, then free text", typed, pairs_of_typed),
        ("no schema, all as free text", searched, pairs_searched),
    )
    for tool in peers:
        with Peer(tool, [(text, {}) for text in strings(records)]) as peer:
            other = judged(records, peer.found())
            for seed, (name, work, pairs) in enumerate(ways, SEED + 1):
                own = judged(records, pairs(records))
                lines += figures(tool, name, own, other, ratio_to(peer, work, seed))
    if not peers:
        own = judged(records, pairs_of_typed(records))
        lines.append(Line("indicators: found, asked for, false", f"{own[0]}, {own[1]}, {own[2]}"))
    return lines


def figures(
    tool: str,
    name: str,
    own: tuple[int, int, int],
    other: tuple[int, int, int],
    took: tuple[Spread, Spread, Spread],
) -> list[Line]:
    """The ratio of indicators per CPU second, and what it is worth."""
    mine, theirs, times = took
    rate = scaled(times, own[0] / other[0])
    good = own[0] >= other[0] and own[2] * 5 <= other[2]
    aimed = tool == "ioc-finder" and name.startswith("typed")
    return [
        Line(
            f"indicators, {name}: ratio to {tool}",
            f"{rate.mid:.0f} ({rate.low:.0f}–{rate.high:.0f})",
            f"≥ {GOAL}×" if aimed else "",
            rate.low >= GOAL and good if aimed else None,
        ),
        Line("  a CPU second: ours, theirs", f"{own[0] / mine.mid:,.0f}, {other[0] / theirs.mid:,.0f}"),
        Line(
            "  recall and false positives: ours, theirs",
            f"{own[0] / own[1]:.3f} {own[2]}, {other[0] / other[1]:.3f} {other[2]}",
        ),
    ]


def main() -> None:
    """Compare, and print."""
    peers = list(PEERS) if installed() else []
    if not peers:
        print("the peers cannot be installed here")
    compare_cases(peers)
    print()
    gc.set_threshold(*GC)
    show(compare_records(peers))


if __name__ == "__main__":
    main()
