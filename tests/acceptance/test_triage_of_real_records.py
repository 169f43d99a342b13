# ruff: noqa: T201 - the figures are part of the result
"""Real records in, cases out: counts add up, every citation leads to its bytes, every claim can be checked again."""

import json
import os
import subprocess
import sys
from functools import cache

import pytest
from resolve import cited, complaints, raw_of

from front import run
from shared_data import shared_folder

FOLDERS = {  # records by schema, as each SOURCE.md has them; index files of a set are json.unknown
    "suricata-eve": {"suricata.eve": 206 + 44},
    "scenario-golden-saml": {"ms.*": 4 + 9 + 1 + 38},
    "aws-cloudtrail-invictus": {"aws.cloudtrail": 2900},
    "windows-otrf-atomic": {"windows.event": 12716, "json.unknown": 19},
    "email-phishing": {"email.rfc822": 40, "json.unknown": 40},
}
CASES = 1000 if os.environ.get("COUNTERSIGN_FULL") == "1" else 6  # of a folder, put to `verify` one by one

folders = pytest.mark.parametrize("name", FOLDERS)


@pytest.fixture(scope="session")
def triaged(tmp_path_factory):
    """The file that `triage --json --out` writes for a folder, made once."""

    @cache
    def make(name):
        folder = tmp_path_factory.mktemp(name)
        ran = run(
            "--home",
            folder / "home",
            "triage",
            shared_folder(name),
            "--json",
            "--out",
            folder / "triage.json",
        )
        assert (0, b"") == (ran.code, ran.raw), ran.errors
        return folder / "triage.json"

    return make


def against_contract(file, schema):
    """What the published contract's own checker says of a file."""
    checker = shared_folder("suricata-eve").parents[1] / "contract" / "check.py"
    done = subprocess.run(
        [sys.executable, checker, file, schema], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() + done.stderr


@folders
def test_the_document_is_what_the_contract_says(triaged, name):
    assert "valid" == against_contract(triaged(name), "triage")


@folders
def test_every_record_is_evidence_a_duplicate_or_in_quarantine(triaged, name):
    intake = json.loads(triaged(name).read_bytes())["intake"]
    expected = FOLDERS[name]
    raw = {
        row
        for case in json.loads(triaged(name).read_bytes())["cases"]
        for row in map(identity, case["evidence"])
    }

    assert (
        sum(expected.values()) == intake["records"] == sum(intake["formats"].values()) + intake["quarantined"]
    )
    assert 0 == intake["quarantined"] == len(intake["quarantine"])
    if name == "scenario-golden-saml":
        assert all(schema.startswith("ms.") for schema in intake["formats"])
    else:
        assert expected == intake["formats"]
    assert intake["evidence"] == distinct(name)
    assert len({eid for eid, _, _ in raw}) == len(raw) <= intake["evidence"]


def identity(row):
    return row["id"], row["file"], row["line"]


def distinct(name):
    """Distinct records of a folder, counted without any parser."""
    from resolve import lines  # noqa: PLC0415 - only here

    suffixes = (".jsonl", ".jsonl.gz", ".eml")
    files = [str(path) for path in shared_folder(name).iterdir() if path.name.endswith(suffixes)]
    return len({line for file in files for line in lines(file) if line.strip()})


@folders
def test_every_citation_leads_to_the_bytes_and_the_value_it_shows(triaged, name):
    cases = json.loads(triaged(name).read_bytes())["cases"]
    number = sum(1 for case in cases for _ in cited(case))
    print(f"\n{name}: {len(cases)} cases, {number} citations")

    assert [] == [complaint for case in cases for complaint in complaints(case)][:20]
    assert number > 50


def written(case, folder):
    """The case's own records as files: one line each, mails as they are. Returns the folder."""
    folder.mkdir()
    for number, row in enumerate(case["evidence"]):
        if row["schema"] == "email.rfc822":
            (folder / f"{number}.eml").write_bytes(raw_of(row))
        else:
            with (folder / f"{row['schema']}.jsonl").open("ab") as file:
                file.write(raw_of(row) + b"\n")
    return folder


@folders
def test_anyone_can_check_the_claims_again_and_comes_to_the_same(triaged, tmp_path, name):
    """`verify` keeps no store and knows no case: it sees the case's records and the claims, nothing else."""
    checked = 0
    for number, case in enumerate(json.loads(triaged(name).read_bytes())["cases"][:CASES]):
        claims = [claim for claim in case["brief"]["claims"] if claim["kind"] != "hypothesis"]
        document = tmp_path / f"{number}.claims.json"
        document.write_text(json.dumps({"claims": [claim["claim"] for claim in claims]}))
        records = written(case, tmp_path / f"{number}.records")
        ran = run("verify", document, "--evidence", records, "--json")
        (tmp_path / f"{number}.json").write_bytes(ran.raw)

        assert 0 == ran.code, ran.errors
        assert [told(claim) for claim in claims] == [told(claim) for claim in ran.json["claims"]]
        checked += len(claims)
    assert "valid" == against_contract(tmp_path / "0.json", "verification")
    print(f"\n{name}: {checked} claims checked again")
    assert checked > 20


def told(claim):
    return {
        key: claim[key] for key in ("id", "status", "scope", "tainted", "text", "citations", "objections")
    }


def test_the_whole_export_checks_as_well_as_the_case_made_of_it(triaged, tmp_path):
    """Over the very files, not over copies of their lines."""
    [case] = json.loads(triaged("scenario-golden-saml").read_bytes())["cases"]
    claims = [claim for claim in case["brief"]["claims"] if claim["kind"] != "hypothesis"]
    (tmp_path / "claims.json").write_text(json.dumps({"claims": [claim["claim"] for claim in claims]}))

    ran = run(
        "verify", tmp_path / "claims.json", "--evidence", shared_folder("scenario-golden-saml"), "--json"
    )

    assert 0 == ran.code, ran.errors
    assert [unordered(claim) for claim in claims] == [unordered(claim) for claim in ran.json["claims"]]
    assert len(claims) > 100


def unordered(claim):
    """As told, with citations in no order: files are read in another one than a case keeps."""
    return told(claim) | {"citations": sorted(claim["citations"], key=json.dumps)}
