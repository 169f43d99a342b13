"""What is lost or changed behind the program's back is seen, said, and never passed over."""

import json
import os
import shutil
import sqlite3

import pytest

from front import run

FULL = os.environ.get("COUNTERSIGN_FULL") == "1"
DOORS = (("show",), ("export",), ("show", "--json"), ("show", "--markdown"))
DAY = {"from": "2026-03-02T00:00:00Z", "to": "2026-03-03T00:00:00Z"}
ROW = {"source": "s", "schema": "suricata.eve", **DAY, "complete": True, "limit_hit": False}


def alert(port):
    return json.dumps(
        {
            "timestamp": "2026-03-02T08:30:00.000000+0000",
            "event_type": "alert",
            "host": "sensor-1",
            "src_ip": "198.51.100.7",
            "src_port": port,
            "dest_ip": "192.0.2.9",
            "dest_port": 80,
            "proto": "TCP",
            "alert": {"signature": "LOCAL test rule", "signature_id": 1, "category": "Misc", "severity": 1},
        }
    )


def counted(folder, *lines, apart=""):
    """`verify` of one count over these lines, and over a file of their own for `apart`."""
    (folder / "eve.jsonl").write_text("\n".join(lines) + "\n")
    paths = [folder / "eve.jsonl"]
    if apart:
        (folder / "apart.jsonl").write_text(apart)
        paths.append(folder / "apart.jsonl")
    where = {"schema": "suricata.eve", "where": [["/src_ip", "eq", "198.51.100.7"]]}
    claim = {"id": "c1", "kind": "count", "filter": where, "op": "eq", "value": 3, **DAY}
    (folder / "claims.json").write_text(json.dumps({"claims": [claim]}))
    (folder / "coverage.json").write_text(json.dumps([ROW]))
    words = [word for path in paths for word in ("--evidence", path)]
    words += ["--coverage", folder / "coverage.json"]
    return run("verify", folder / "claims.json", *words, "--json"), run(
        "verify", folder / "claims.json", *words
    )


def test_a_total_is_of_the_whole_only_while_every_record_could_be_read(tmp_path):
    whole, _ = counted(tmp_path, *map(alert, (1, 2, 3)))
    assert (0, "complete") == (whole.code, whole.json["claims"][0]["scope"])

    less, told = counted(tmp_path, *map(alert, (1, 2, 3)), alert(4)[:-9])
    assert (1, 1) == (less.code, told.code)
    assert less.json["claims"][0]["scope"] != "complete"
    assert "1 record could not be read and was not used" in told.out


def test_an_unreadable_file_of_no_known_schema_takes_the_whole_from_every_schema(tmp_path):
    less, told = counted(tmp_path, *map(alert, (1, 2, 3)), apart='{"timestamp": \n{"a"\n')
    assert less.code == told.code == 1
    assert less.json["claims"][0]["scope"] != "complete"
    assert "records could not be read and were not used" in told.out or "1 record could" in told.out


@pytest.mark.parametrize("manifest", ['[{"source": "s", "source": "t"}]', "[" * 100_000, '[{"where": 1}]'])
def test_a_manifest_that_cannot_be_used_is_refused_with_the_page_to_read(tmp_path, manifest):
    (tmp_path / "coverage.json").write_text(manifest)
    (tmp_path / "eve.jsonl").write_text(alert(1) + "\n")
    (tmp_path / "claims.json").write_text('{"claims": []}')
    words = ("--evidence", tmp_path / "eve.jsonl", "--coverage", tmp_path / "coverage.json")
    for ran in (
        run("verify", tmp_path / "claims.json", *words),
        run("--home", tmp_path / "home", "triage", *words[1:]),
    ):
        assert ran.code == 2
        assert "coverage-and-references.md" in ran.errors


@pytest.fixture(scope="module")
def triaged(tmp_path_factory):
    """Three alerts triaged into a home, once."""
    folder = tmp_path_factory.mktemp("triaged")
    (folder / "eve.jsonl").write_text("\n".join(map(alert, (1, 2, 3))) + "\n")
    assert run("--home", folder / "home", "triage", folder / "eve.jsonl", "--json").code == 0
    return folder / "home"


@pytest.fixture
def home(triaged, tmp_path):
    """A copy to change."""
    return shutil.copytree(triaged, tmp_path / "home")


def by_hand(home, *statements):
    """Change the database behind the program, and put the guards back as they were."""
    with sqlite3.connect(home / "countersign.db") as database:
        guards = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            database.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            database.execute(statement)
        for _, guard in guards:
            database.execute(guard)
    database.close()


def checked(home, *words):
    return run("--home", home, "log", "verify", *words)


def test_an_untouched_home_is_intact_and_prints_a_head_to_keep(home):
    ran = checked(home)
    assert ran.code == 0, ran.errors
    size, root = ran.out.splitlines()[-1].split(":")
    assert int(size) > 0
    assert len(root) == 64
    assert checked(home, "--head", f"{size}:{root}").code == 0
    assert checked(home, "--head", f"{size}:{'0' * 64}").code == 3
    assert checked(home, "--head", "7").code == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE case_snapshot SET document = CAST(replace(CAST(document AS TEXT), 'LOCAL', 'OTHER') AS BLOB)",
        "UPDATE case_snapshot SET title = CAST('harmless' AS BLOB)",
        "UPDATE case_snapshot SET tier = 0 - tier",
    ],
)
def test_a_forged_case_is_neither_shown_nor_exported_nor_intact(home, statement):
    [case] = run("--home", home, "case", "list", "--json").json["cases"]
    by_hand(home, statement)
    for words in DOORS if FULL else DOORS[:2]:
        ran = run("--home", home, "case", words[0], case["id"], *words[1:])
        assert (ran.code, ran.raw) == (3, b"")
        assert "is not what was logged" in ran.errors
    listed = run("--home", home, "case", "list", "--json")
    assert (listed.code, listed.json["cases"]) == (3, [])
    assert case["id"] in listed.errors
    assert "altered" in checked(home, "--json").json["status"]


def test_a_changed_record_is_seen(home):
    by_hand(home, "UPDATE evidence SET raw = CAST('{}' AS BLOB) WHERE seq = 1")
    assert (3, "altered") == (checked(home).code, checked(home, "--json").json["status"])


def test_cases_and_evidence_beside_an_empty_log_are_incomplete(home):
    by_hand(home, *(f"DELETE FROM log_{name}" for name in ("head", "sequence", "staged", "entry")))
    assert (3, "incomplete") == (checked(home).code, checked(home, "--json").json["status"])


def test_a_home_that_lost_its_seed_is_refused_and_gets_no_new_one(home):
    (home / "seed.key").unlink()
    ran = run("--home", home, "case", "list")
    assert ran.code == 2
    assert "seed.key" in ran.errors
    assert not (home / "seed.key").exists()


@pytest.mark.parametrize(
    "guard",
    [
        "CREATE TRIGGER evidence_no_delete BEFORE DELETE ON evidence WHEN 0\nBEGIN SELECT RAISE(ABORT, 'evidence is append-only'); END",
        "CREATE TRIGGER evidence_no_delete BEFORE DELETE ON meta\nBEGIN SELECT RAISE(ABORT, 'evidence is append-only'); END",
        "CREATE TRIGGER evidence_no_delete BEFORE DELETE ON evidence\nBEGIN SELECT 'evidence is append-only'; END",
    ],
)
def test_a_guard_that_only_looks_like_one_does_not_count(home, guard):
    with sqlite3.connect(home / "countersign.db") as database:
        database.execute("DROP TRIGGER evidence_no_delete")
        database.execute(guard)
    database.close()
    ran = run("--home", home, "case", "list")
    assert ran.code == 3
    assert "evidence (delete)" in ran.errors
