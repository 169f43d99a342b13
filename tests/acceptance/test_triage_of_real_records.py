# ruff: noqa: T201 - the figures are part of the result
"""Real records in, cases out: counts add up, every citation leads to its bytes, every claim can be checked again."""

import json
import os
import subprocess
import sys
from collections import Counter
from functools import cache

import pytest
from parts_of import DIVISORS, MAPPINGS, part_of, records
from resolve import cited, complaints, raw_of

from countersign import wiring
from countersign.core.records.evidence import Incoming
from countersign.core.records.shapes import UntypedFields
from countersign.core.records.views import view
from front import run
from shared_data import shared_folder

FOLDERS = {  # records by schema, as each SOURCE.md has them; index files of a set are json.unknown
    "suricata-eve": {"suricata.eve": 206 + 44},
    "scenario-golden-saml": {"ms.*": 4 + 9 + 1 + 38},
    "aws-cloudtrail-invictus": {"aws.cloudtrail": 2900},
    "windows-otrf-atomic": {"windows.event": 12716, "json.unknown": 19},
    "email-phishing": {"email.rfc822": 40, "json.unknown": 40},
    "zeek-wrccdc-2018": {"zeek.*": 28805},
    "scenario-lsass-procdump": {"windows.event": 3363, "zeek.*": 119 + 147 + 2 + 3 + 1 + 6},
    "wazuh-alerts-ait": {"wazuh.alert": 497, "json.unknown": 1},
    "xdr-incidents-excytin": {"ms.*": 94 + 4, "json.unknown": 161},
    "windows-sigma-regression": {"json.sigma-regression": 98, "windows.event": 141},
    "detection-tests-panther": {"*": 1498},
    "ocsf-raw-pairs": {"*": None},  # SOURCE.md counts pairs; a text may hold several records
    "ait-ads": {"csv.ait-ads": 207_583, "json.unknown": 2},
}
FULL = os.environ.get("COUNTERSIGN_FULL") == "1"
UNTYPED = {"detection-tests-panther": 0.12}
"""Folders with a greater share of fields without a type than one in ten, and how great it is."""

CASES = 1000 if FULL else 6  # of a folder, put to `verify` one by one

folders = pytest.mark.parametrize("name", FOLDERS)


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory):
    """A folder of real records: itself, or a part of a long one in an ordinary run."""

    @cache
    def make(name):
        if FULL or name not in DIVISORS:
            return shared_folder(name)
        return part_of(shared_folder(name), DIVISORS[name], tmp_path_factory.mktemp("parts") / name)

    return make


@pytest.fixture(scope="session")
def triaged(tmp_path_factory, folder_of):
    """The file that `triage --json --out` writes for a folder, made once."""

    @cache
    def make(name):
        folder = tmp_path_factory.mktemp(name)
        out = folder / "triage.json"
        ran = run("--home", folder / "home", "triage", folder_of(name), *by(name), "--json", "--out", out)
        some = json.loads(out.read_bytes())["intake"]["quarantined"] > 0
        assert (int(some), b"") == (ran.code, ran.raw), ran.errors
        return out

    return make


def by(name):
    """The options that read a folder by its mapping."""
    return ["--mapping", MAPPINGS[name]] if name in MAPPINGS else []


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
def test_every_record_is_evidence_a_duplicate_or_in_quarantine(triaged, folder_of, name):
    intake = json.loads(triaged(name).read_bytes())["intake"]
    expected = FOLDERS[name]
    raw = {
        row
        for case in json.loads(triaged(name).read_bytes())["cases"]
        for row in map(identity, case["evidence"])
    }
    bare = list(records(folder_of(name), name))

    assert intake["records"] == sum(intake["formats"].values()) + intake["quarantined"]
    assert intake["quarantined"] == len(intake["quarantine"])
    assert len({eid for eid, _, _ in raw}) == len(raw) <= intake["evidence"]
    if name == "ocsf-raw-pairs":  # its texts are of many forms; what is no record of any is in quarantine
        assert 58 < intake["records"]
        return
    assert (0, len(bare), len(set(bare))) == (intake["quarantined"], intake["records"], intake["evidence"])
    if folder_of(name) == shared_folder(name):
        assert expected == family_counts(intake["formats"], expected)


def family_counts(formats, expected):
    """Records by schema, by the first part of its name where the folder's own account has only that."""
    names = [
        next((key for key in expected if key in (schema, family(schema), "*")), schema) for schema in formats
    ]
    counted = Counter()
    for name, number in zip(names, formats.values(), strict=True):
        counted[name] += number
    return counted


def family(schema):
    return schema.partition(".")[0] + ".*"


def identity(row):
    return row["id"], row["file"], row["line"]


@folders
def test_files_without_records_are_named(triaged, folder_of, name):
    """Every file of a folder is the home of records or is told to be skipped."""
    skipped = {row["file"] for row in json.loads(triaged(name).read_bytes())["intake"]["skipped"]}
    files = {str(path) for path in folder_of(name).rglob("*") if path.is_file()}

    assert skipped <= files
    assert {path for path in files if path.endswith((".md", ".yaml", ".graphml", ".txt"))} == skipped


@folders
def test_at_most_one_distinct_field_in_ten_has_no_type(folder_of, name):
    """Of records whose schema is known: what nobody knows is `json.unknown`, and has no fields to type."""
    mapped = wiring.mappings([MAPPINGS[name]] if name in MAPPINGS else [])
    dictionary, untyped, fields = wiring.dictionary(mapped), UntypedFields(), set()
    for one in wiring.incoming([str(folder_of(name))], "auto", None, mapped):
        if isinstance(one, Incoming) and one.schema != "json.unknown":
            schema, seen = dictionary.schemas[one.schema], view(one.raw, one.parser)
            untyped.look(schema, seen)
            fields |= {(one.schema, pointer) for pointer in pointers(seen, schema.ignored)}
    by_schema = Counter(schema for schema, _ in untyped.unknown)
    print(f"\n{name}: {untyped.count} of {len(fields)} fields without a type; {dict(by_schema)}")

    assert untyped.count <= UNTYPED.get(name, 0.1) * len(fields), sorted(untyped.unknown)[:50]


def pointers(view, ignored, prefix=""):
    """Where values stand in a record, any index as `*`, without what its schema ignores."""
    pairs = view.items() if isinstance(view, dict) else [("*", one) for one in view]
    for key, value in pairs:
        here = f"{prefix}/{key.replace('~', '~0').replace('/', '~1').replace('!', '~2')}"
        if here in ignored or value is None:
            continue
        if isinstance(value, dict | list):
            yield from pointers(value, ignored, here)
        else:
            yield here


@folders
def test_every_citation_leads_to_the_bytes_and_the_value_it_shows(triaged, name):
    cases = json.loads(triaged(name).read_bytes())["cases"]
    number = sum(1 for case in cases for _ in cited(case))
    intake = json.loads(triaged(name).read_bytes())["intake"]
    print(
        "\n"
        + " ".join(f"{key} {intake[key]}" for key in ("records", "evidence", "quarantined", "untyped_fields"))
    )
    print(f"\n{name}: {len(cases)} cases, {number} citations")

    assert [] == [complaint for case in cases for complaint in complaints(case)][:20]
    assert number > 50


def written(case, folder):
    """The case's own records as files: one line each, mails as they are. Returns the folder."""
    folder.mkdir()
    for number, row in enumerate(case["evidence"]):
        raw = raw_of(row)
        if row["schema"] == "email.rfc822":
            (folder / f"{number}.eml").write_bytes(raw)
        elif not raw.startswith(b"{"):  # with its header
            (folder / f"{number}.txt").write_bytes(raw + b"\n")
        else:
            with (folder / f"{row['schema']}.jsonl").open("ab") as file:
                file.write(raw + b"\n")
    return folder


@folders
def test_anyone_can_check_the_claims_again_and_comes_to_the_same(triaged, tmp_path, name):
    """`verify` keeps no store and knows no case: it sees the case's records and the claims, nothing else."""
    checked = 0
    for number, case in enumerate(json.loads(triaged(name).read_bytes())["cases"][:CASES]):
        claims = [claim for claim in case["brief"]["claims"] if claim["kind"] != "hypothesis"]
        document = tmp_path / f"{number}.claims.json"
        document.write_text(json.dumps({"claims": [claim["claim"] for claim in claims]}))
        kept = written(case, tmp_path / f"{number}.records")
        ran = run("verify", document, "--evidence", kept, *by(name), "--json")
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
