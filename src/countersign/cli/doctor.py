"""`countersign doctor`: what works here, what does not, and what to do."""

import importlib.util
import json
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

from countersign import __version__, config, wiring
from countersign.cli import screen
from countersign.cli.places import Places
from countersign.errors import CountersignError, UsageError
from countersign.ports import Ports

LEAST_FREE = 500 * 1024 * 1024  # bytes
EARLIEST_NS = 1_735_689_600_000_000_000  # 2025-01-01: a clock before this is wrong
EXTRAS = {"postgres": "psycopg"}


def doctor(places: Places, as_json: bool) -> int:
    """Print every finding; exit code 1 when something does not work."""
    rows = list(_checks(places))
    if as_json:
        checks = [{"check": name, "state": state, "says": says} for name, state, says in rows]
        sys.stdout.write(json.dumps({"schema": "countersign.doctor/1", "checks": checks}, indent=1) + "\n")
    else:
        out = screen.console()
        for name, state, says in rows:
            lead = {"ok": "✓", "note": "·", "broken": "x"}[state]
            screen.line(out, says, "red" if state == "broken" else "", lead=f"{lead} {name:<15}")
    return 1 if any(state == "broken" for _, state, _ in rows) else 0


def grants(schema: str) -> int:
    """Print the SQL of PostgreSQL's roles, for `psql`."""
    if not schema.isidentifier():
        raise UsageError(f"{schema!r} is not a schema's name", hint="Most stores are in `public`.")
    sys.stdout.write("".join(f"{statement};\n" for statement in wiring.grants(schema)))
    return 0


def _checks(places: Places) -> Iterator[tuple[str, str, str]]:
    yield (
        "version",
        "ok",
        f"countersign {__version__}, Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version}",
    )
    folder = config.home(places[0])
    try:
        wiring.make_home(folder)
        settings = config.load(folder, places[1])
    except CountersignError as error:
        yield "home", "broken", f"{error} {error.hint}"
        return
    yield "home", "ok", str(folder)
    free = shutil.disk_usage(folder).free
    enough = free >= LEAST_FREE
    says = f"{free // 1_000_000} MB free" + ("" if enough else "; free some, or move the home with --home")
    yield "space", "ok" if enough else "broken", says
    yield from _store(folder, settings)
    dictionary = wiring.dictionary()
    names = f"{len(dictionary.schemas)} record schemas, {len(wiring.signals().all)} signals"
    yield "dictionary", "ok", f"{names}, {dictionary.digest[:19]}"
    for extra, module in EXTRAS.items():
        present = importlib.util.find_spec(module) is not None
        hint = (
            "installed" if present else f"not installed; `pip install 'countersign[{extra}]'` if you need it"
        )
        yield f"extra {extra}"[:14], "ok" if present else "note", hint


def _published(ports: Ports) -> tuple[str, str, str]:
    """Whether entries can be put under a signed checkpoint: without that nothing is shown or decided."""
    try:
        head = ports.publisher.publish()
    except CountersignError as error:
        return "log is signed", "broken", f"{error} {error.hint}"
    return "log is signed", "ok", f"{head.size} entries, verifier key {ports.publisher.verifier}"


def _store(folder: Path, settings: config.Settings) -> Iterator[tuple[str, str, str]]:

    try:
        ports = wiring.open_ports(folder, settings)
    except CountersignError as error:
        yield "database", "broken", f"{error} {error.hint}"
        return
    with ports.store.reading() as tx:
        counts = tx.evidence.counts()
    yield (
        "database",
        "ok",
        f"{counts.evidence} evidence, {counts.quarantined} quarantined; schema and triggers as expected",
    )
    found = ports.store.log.verify()
    yield "log", "ok" if found.status == "intact" else "broken", str(found)
    yield _published(ports)
    now = ports.clock.now_ns()
    yield (
        "clock",
        "ok" if now > EARLIEST_NS else "broken",
        "plausible" if now > EARLIEST_NS else "set the clock",
    )
    ports.store.close()
