"""`case export --format ocsf`: a case that another system can read, and that we can read again."""

import json

import pytest

from front import run

ALERT = {
    "@timestamp": "2025-05-06T07:08:09Z",
    "ecs": {"version": "8.11.0"},
    "event": {"kind": "alert", "severity": 73, "category": ["intrusion_detection"]},
    "rule": {"name": "Odd traffic"},
    "source": {"ip": "203.0.113.77"},
    "destination": {"ip": "192.0.2.7", "port": 22},
}


@pytest.fixture
def exported(tmp_path):
    """The events of the one case over one alert."""
    file, home = tmp_path / "alert.jsonl", tmp_path / "home"
    file.write_text(json.dumps(ALERT) + "\n")
    assert 0 == run("--home", home, "triage", file).code
    [case] = run("--home", home, "case", "list", "--json").json["cases"]
    return run("--home", home, "case", "export", case["id"], "--format", "ocsf")


def test_a_case_is_exported_as_ocsf(exported):
    assert 0 == exported.code
    assert exported.raw.isascii()
    incident, finding = exported.json
    assert (2005, 2004) == (incident["class_uid"], finding["class_uid"])
    assert finding["metadata"]["correlation_uid"] == incident["metadata"]["uid"]
    assert finding["evidences"][0]["dst_endpoint"] == {"ip": "192.0.2.7", "port": 22}


def test_what_was_exported_is_read_again_as_ocsf(exported, tmp_path):
    file = tmp_path / "ocsf.json"
    file.write_bytes(exported.raw)
    intake = run("--home", tmp_path / "second", "triage", file, "--json").json["intake"]
    assert {"ocsf.incident_finding": 1, "ocsf.detection_finding": 1} == intake["formats"]
