"""`verify-decision`: one signed decision, checked where there is no store."""

import json

import msgspec
import pytest
from typer.testing import CliRunner

from countersign import cli
from countersign.core.review.decision import (
    Decision,
    DecisionDocument,
    Signed,
    decision_bytes,
    read_document,
    subject,
    subject_text,
)
from countersign.core.review.offline import export_decision
from countersign.testing import RELYING, SoftwareAuthenticator
from reviewing import open_office

AT = 1_790_000_000_000_000_000
DOCUMENT = {
    **dict.fromkeys(("brief", "evidence", "shown", "views", "answers"), "hmac-sha256:" + "1" * 64),
    "case": "case-\u202e1",
    "after": "",
    "policy": "sha256:" + "3" * 64,
    "tier": 3,
    "unknowns": "",
    "v": 1,
    "suggested": "suspicious",
    "disposition": "true_positive",
    "acts": ["escalate"],
    "actions": [],
    "rests_on": ["f1"],
    "reason": "claims_hold",
    "reason_text": "hmac-sha256:" + "6" * 64,
    "review": "r_1",
    "expires": "2026-09-21T14:28:21.000Z",
    "salt": "00" * 16,
}


@pytest.fixture(scope="module")
def signers():
    return {"p_ada": SoftwareAuthenticator(), "p_grace": SoftwareAuthenticator()}


@pytest.fixture
def file(tmp_path, signers):
    raw = decision_bytes(msgspec.convert(DOCUMENT, DecisionDocument))
    signed = tuple(
        Signed(signature=one.sign(person, subject(raw), bytes(32)), assurance="webauthn-uv-device", at_ns=AT)
        for person, one in signers.items()
    )
    made = Decision(
        digest=subject_text(raw),
        case=DOCUMENT["case"],
        number=1,
        document=read_document(raw),
        signed=signed,
        before="open",
        status="escalated",
        at_ns=AT,
    )
    path = tmp_path / "decision.json"
    path.write_bytes(export_decision(made, [one.key(person) for person, one in signers.items()], RELYING))
    return path


def run(*words, stdin=b""):
    return CliRunner().invoke(cli.app, ["verify-decision", *map(str, words)], input=stdin)


def trusting(signers):
    return [word for one in signers.values() for word in ("--key", one.key("").id)]


def test_it_holds_by_the_keys_that_were_named(file, signers):
    done = run(file, *trusting(signers))
    assert (0, 2) == (done.exit_code, done.stdout.count("a key you named"))
    assert "\u202e" not in done.stdout


def test_by_keys_that_nobody_named_it_is_not_green(file, signers):
    assert (1, True) == ((done := run(file)).exit_code, "name the ones you trust" in done.stdout)
    assert 1 == run(file, *trusting(signers)[:2]).exit_code


def test_what_fails_comes_first(file, signers):
    document = json.loads(file.read_bytes())
    document["signatures"][1]["signature"]["nonce"] = "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU="
    file.write_bytes(msgspec.json.encode(document, order="sorted"))
    done = run(file, *trusting(signers))
    assert (1, True) == (done.exit_code, done.stdout.startswith("x p_grace"))
    told = run(file, *trusting(signers), "--json")
    assert (False, False) == ((read := json.loads(told.stdout))["holds"], read["trusted"])


def test_where_passkeys_may_be_used_can_be_said(file, signers):
    other = ("--rp-id", "other.example", "--origin", "https://other.example")
    assert 1 == run(file, *trusting(signers), *other).exit_code
    same = ("--rp-id", RELYING.rp_id, "--origin", RELYING.origins[0])
    assert 0 == run("-", *trusting(signers), *same, stdin=file.read_bytes()).exit_code
    wrong = run(file, "--rp-id", "other.example", "--origin", "https://elsewhere.example")
    assert (2, True) == (wrong.exit_code, "not on the domain" in wrong.stderr)


def test_what_is_no_decision_is_said_so(tmp_path):
    (tmp_path / "empty").touch()
    assert 1 == run(tmp_path / "empty").exit_code
    assert 2 == run(tmp_path / "none").exit_code


def test_a_decision_of_this_home_is_exported_and_checked_elsewhere(tmp_path):
    """Two people, two passkeys, one file; the keys come from `person list`."""
    office = open_office(tmp_path / "home")
    office.staff()
    office.drafted("case-critical", 3)
    office.drafted("case-undecided", 1)
    made = office.prepared("Anna", "case-critical")
    office.signs("Anna", made)
    office.looked("Ben", "case-critical")
    office.signs("Ben", made)
    keys = [office.people[name].passkey.key("").id for name in ("Anna", "Ben")]
    office.close()
    settings = f'passkeys = {{ rp_id = "{RELYING.rp_id}", origins = ["{RELYING.origins[0]}"] }}\n'
    (tmp_path / "home" / "config.toml").write_text(settings)

    exporting = ["--home", str(tmp_path / "home"), "case", "export", "--format", "decision"]
    exported = CliRunner().invoke(cli.app, [*exporting, "case-critical"])
    assert 0 == exported.exit_code, exported.stderr
    checked = run("-", "--key", keys[0], "--key", keys[1], "--json", stdin=exported.stdout_bytes)
    told = json.loads(checked.stdout)
    assert (0, made.digest, True) == (checked.exit_code, told["decision"], told["trusted"])
    assert {"webauthn-uv-device"} == {one["assurance"] for one in told["signatures"]}
    undecided = CliRunner().invoke(cli.app, [*exporting, "case-undecided"])
    assert (2, True) == (undecided.exit_code, "nobody has decided" in undecided.stderr)
