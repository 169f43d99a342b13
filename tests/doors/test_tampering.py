"""What is lost or changed behind the program's back is seen, said, and never passed over."""

import json

import pytest

from front import run

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
    for ran in (run("verify", tmp_path / "claims.json", *words), run("triage", *words[1:])):
        assert ran.code == 2
        assert "coverage-and-references.md" in ran.errors


