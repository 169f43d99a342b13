# ruff: noqa: T201 - the figures are part of the result
"""kill -9 at any moment of a triage: the next run finishes the job, and nothing is lost, doubled or unlogged."""

import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from countersign.demo import COVERAGE, EVIDENCE
from databases import postgres_database, sqlite_database  # noqa: F401 - fixtures
from front import run, start

KILLS = 50 if os.environ.get("COUNTERSIGN_FULL") == "1" else 3
TRIALS = 10  # kills that share one undisturbed run

TABLES = {
    "evidence": "SELECT digest, raw FROM evidence",
    "provenance": "SELECT e.digest, f.path, p.line FROM provenance p "
    "JOIN evidence e ON e.seq = p.evidence_seq JOIN source_file f ON f.id = p.file_id",
    "quarantine": "SELECT q.digest, f.path, q.line, q.raw FROM quarantine q JOIN source_file f ON f.id = q.file_id",
    "alerts": "SELECT id FROM alert",
    "cases": "SELECT id FROM cases",
    "snapshots": "SELECT case_id, snapshot, title, severity, tier, document FROM case_snapshot",
    "briefs": "SELECT id, case_id, snapshot, drafter FROM brief",
    "sightings": "SELECT type, value, SUM(records) FROM sighting s JOIN observable o ON o.id = s.observable_id "
    "GROUP BY type, value",
}


def contents(url):
    """Everything that a triage leaves behind, read past the product; rows as they are, doubled ones too."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {
            name: sorted(
                tuple(bytes(cell) if isinstance(cell, memoryview | bytes) else cell for cell in row)
                for row in connection.execute(text(query))
            )
            for name, query in TABLES.items()
        }
    engine.dispose()
    return found


@pytest.fixture
def records(tmp_path):
    """The demo's four sources, a burst that fills more than one transaction, and a line that is no record."""
    folder = tmp_path / "records"
    folder.mkdir()
    flow = '{{"timestamp":"2026-03-03T08:00:{:02}.{:06}+0000","event_type":"flow","src_ip":"198.51.100.{}","dest_ip":"192.0.2.9","n":{}}}'
    lines = [flow.format(n % 60, n, n % 200, n) for n in range(2500)]
    (folder / "flows.jsonl").write_text("\n".join([*lines, "no record", lines[0]]) + "\n")
    return [EVIDENCE, folder]


def home_over(folder: Path, url: str) -> Path:
    folder.mkdir()
    (folder / "config.toml").write_text(f"database_url = '{url}'\n")
    return folder


def triage(home, records):
    return run("--home", home, "triage", *records, "--coverage", COVERAGE)


def emptied(url, home):
    """The same database and home as new."""
    shutil.rmtree(home / "log", ignore_errors=True)
    if url.startswith("sqlite"):
        for file in home.parent.glob("store.db*"):
            file.unlink()
        return
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        schema = connection.execute(text("SELECT current_schema()")).scalar_one()
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    engine.dispose()


@pytest.mark.parametrize("batch", range(-(-KILLS // TRIALS)))
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_killed_triage_is_finished_by_the_next(request, tmp_path, records, kind, batch):
    url = request.getfixturevalue(f"{kind}_database")
    home = home_over(tmp_path / "home", url)
    begun = time.monotonic()
    undisturbed = triage(home, records)
    took = time.monotonic() - begun
    expected = contents(url)
    assert 1 == undisturbed.code, undisturbed.errors
    assert len(expected["evidence"]) > 2500
    assert len(expected["snapshots"]) == len(expected["cases"]) == len(expected["briefs"]) > 1

    chance, partial = random.Random(f"{kind}/{batch}"), 0
    for _ in range(min(TRIALS, KILLS - batch * TRIALS)):
        emptied(url, home)
        victim = start("--home", home, "triage", *records, "--coverage", COVERAGE)
        time.sleep(chance.uniform(0.15, 1.0) * took)
        victim.send_signal(signal.SIGKILL)
        partial += -signal.SIGKILL == victim.wait()

        again = triage(home, records)
        assert (1, undisturbed.out) == (again.code, again.out), again.errors
        left = contents(url)
        assert [] == [name for name in expected if expected[name] != left[name]]
        checked = run("--home", home, "log", "verify", "--json")
        assert (0, "intact") == (checked.code, checked.json["status"]), checked.out
    print(f"\n{kind}: {partial} of {min(TRIALS, KILLS)} runs of {took:.1f} s were killed before their end")
    assert partial > 0


def test_the_comparison_sees_a_missing_a_doubled_and_a_changed_row(tmp_path, records):
    """The ruler itself: otherwise the test above might pass whatever is left behind."""
    one, two = (home_over(tmp_path / name, f"sqlite:///{tmp_path / name}.db") for name in ("one", "two"))
    triage(one, records[:1])
    triage(two, records[1:])

    first, second = (contents(f"sqlite:///{tmp_path / name}.db") for name in ("one", "two"))

    assert {"evidence", "provenance", "alerts", "cases", "snapshots", "briefs", "sightings"} <= {
        name for name in first if first[name] != second[name]
    }
