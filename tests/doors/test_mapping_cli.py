"""Mapping files at the command line: used, kept in the home, refused when they changed, and known to proofs."""

import json
import re

import pytest

from countersign.core.ids import evidence_id
from front import run

DOORS = """
kind = "csv"
name = "doors"
version = "1"
product = "the doors"
time = ["/at"]
[records]
[alert]
when = [["/result", "eq", "forced"]]
rule = { const = "Door forced" }
severity = { const = "high" }
[fields]
"/at" = { type = "time", label = "time", taint = "system", format = "epoch_s" }
"/door" = { type = "host", label = "door", taint = "system" }
"/result" = { type = "enum", label = "result", taint = "system" }
"""
TABLE = b"at,door,result\n1700000000,d1,opened\n1700000001,d2,forced\n"


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def doors(tmp_path):
    file = tmp_path / "doors.toml"
    file.write_text(DOORS)
    return file


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "table.csv"
    file.write_bytes(TABLE)
    return file


def test_a_table_is_triaged_by_its_mapping(home, doors, table):
    ran = run("--home", home, "triage", "--mapping", doors, table, "--json")

    assert 0 == ran.code, ran.errors
    assert {"csv.doors": 2} == ran.json["intake"]["formats"]
    assert 0 == ran.json["intake"]["untyped_fields"]
    assert ["Door forced"] == [alert["rule"] for case in ran.json["cases"] for alert in case["alerts"]]


def test_without_it_the_table_is_skipped(home, table):
    assert {} == run("--home", home, "triage", table, "--json").json["intake"]["formats"]


def test_a_mapping_used_once_is_known_to_later_commands(home, doors, table):
    first = run("--home", home, "triage", "--mapping", doors, table, "--json")
    doors.unlink()
    case = first.json["cases"][0]["id"]

    shown = run("--home", home, "case", "show", case)
    again = run("--home", home, "triage", "--mapping", "doors", table, "--json")

    assert 0 == shown.code, shown.errors
    assert "Door forced" in shown.out or "d2" in shown.out
    assert 0 == again.code, again.errors
    assert {"csv.doors": 2} == again.json["intake"]["formats"]
    assert 0 == run("--home", home, "log", "verify").code


def test_a_mapping_that_changed_is_refused_until_its_version_goes_up(home, doors, table):
    assert 0 == run("--home", home, "triage", "--mapping", doors, table).code
    doors.write_text(DOORS.replace("the doors", "the gates"))

    refused = run("--home", home, "triage", "--mapping", doors, table)

    assert (2, "") == (refused.code, refused.out)
    assert "csv.doors has changed" in refused.errors
    assert "Raise `version` to 2" in refused.errors
    doors.write_text(DOORS.replace("the doors", "the gates").replace('"1"', '"2"'))
    assert 0 == run("--home", home, "triage", "--mapping", doors, table).code
    assert ["csv.doors@1.toml", "csv.doors@2.toml"] == sorted(p.name for p in (home / "mappings").iterdir())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mapping", "nosuch"], "there is no mapping 'nosuch'"),
        (["--mapping", "/none/x.toml"], "cannot be read"),
        (["--mapping", "ait-ads", "--mapping", "csv.ait-ads"], "two mappings are called csv.ait-ads"),
    ],
)
def test_a_mapping_that_cannot_be_used_ends_with_2_and_says_what_to_do(home, table, words, said):
    ran = run("--home", home, "triage", *words, table)

    assert (2, "") == (ran.code, ran.out)
    assert said in ran.errors
    assert len(ran.errors.strip().splitlines()) >= 2


def test_a_mapping_with_a_wrong_key_is_refused_and_not_kept(home, doors, table):
    doors.write_text(DOORS.replace("taint", "taunt"))

    ran = run("--home", home, "triage", "--mapping", doors, table)

    assert 2 == ran.code
    assert re.search(r"fields\./at: .*`taunt`", ran.errors)
    assert not (home / "mappings").exists()


def test_claims_over_a_table_are_verified_with_its_mapping(tmp_path, doors, table):
    cite = evidence_id(b"at,door,result\n1700000001,d2,forced")
    claims = [
        {"id": "c1", "kind": "field", "cite": cite, "ptr": "/result", "op": "eq", "value": "forced"},
        {"id": "c2", "kind": "field", "cite": cite, "ptr": "/door", "op": "eq", "value": "d1"},
        {
            "id": "c3",
            "kind": "field",
            "cite": cite,
            "ptr": "/at",
            "op": "eq",
            "value": "2023-11-14T22:13:21Z",
        },
    ]
    file = tmp_path / "claims.json"
    file.write_text(json.dumps({"claims": claims}))

    ran = run("verify", file, "--evidence", table, "--mapping", doors, "--json")

    assert 0 == ran.code, ran.errors
    assert ["verified", "contradicted", "verified"] == [claim["status"] for claim in ran.json["claims"]]


EDR = """
kind = "json"
name = "edr"
version = "1"
product = "an EDR"
time = ["/t"]
[records]
when = [["/kind", "eq", "edr"]]
[fields]
"/kind" = { type = "enum", label = "kind", taint = "system" }
"/t" = { type = "time", label = "time", taint = "system" }
"""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_records_that_a_home_holds_unmapped_are_told_to_stay_unknown(home, tmp_path, jobs):
    mapping, file = tmp_path / "edr.toml", tmp_path / "edr.jsonl"
    mapping.write_text(EDR)
    rows = [json.dumps({"kind": "edr", "t": "2026-03-02T08:30:00Z", "n": n}) for n in range(3)]
    file.write_text("\n".join(rows[:2]) + "\n")
    assert 0 == run("--home", home, "triage", file).code
    file.write_text("\n".join([*rows, rows[0]]) + "\n")

    words = ["triage", "--mapping", mapping, file, "--jobs", jobs]
    again = run("--home", home, *words)
    as_json = run("--home", home, *words, "--json")
    elsewhere = run("--home", tmp_path / "new", *words)

    told = "2 records were read here before without this mapping and stay json.unknown"
    assert (1, True) == (again.code, told in " ".join(again.out.split())), again.errors
    assert (1, told) == (as_json.code, as_json.errors[: len(told)])
    assert (0, False) == (elsewhere.code, "stay json.unknown" in " ".join(elsewhere.out.split()))
