"""`case erase` as two persons use it: each sees what goes, signs exactly that, and only both together erase."""

import pytest
from typer.testing import CliRunner

from builders import alert
from countersign import cli
from front import Ran

GROUND = ("--ground", "gdpr-art-17")


class Desk:
    """A home, and each person's own config folder, key and passphrase."""

    def __init__(self, folder):
        self.folder, self.home = folder, folder / "home"
        self.words = folder / "words"
        self.words.write_text("correct horse\n")
        self.words.chmod(0o600)

    def run(self, who, *words):
        variables = {"XDG_CONFIG_HOME": str(self.folder / who), "COLUMNS": "200"}
        done = CliRunner().invoke(cli.app, [*map(str, ("--home", self.home, *words))], env=variables)
        return Ran(done.exit_code, done.stdout_bytes, done.stderr_bytes)

    def key(self, who):
        return self.folder / f"{who}.key"

    def erase(self, who, case, *words):
        return self.run(who, "case", "erase", case, *GROUND, "--passphrase-file", self.words, *words)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Ada is an admin, Grace a lead and Alan an analyst, all signed in; there is one case, which the last test erases."""
    made = Desk(tmp_path_factory.mktemp("desk"))
    records = made.folder / "records.jsonl"
    records.write_bytes(alert(0, severity=1).raw + b"\n")
    assert 0 == made.run("Ada", "triage", records).code
    secret = ("--passphrase-file", made.words)
    assert 0 == made.run("Ada", "person", "enrol", "Ada", "--key", made.key("Ada"), *secret).code
    for name, role in (("Grace", "lead"), ("Alan", "analyst")):
        assert 0 == made.run("Ada", "person", "add", name, "--role", role).code
        files = (*secret, "--new-passphrase-file", made.words)
        assert 0 == made.run("Ada", "person", "enrol", name, "--key", made.key(name), *files).code
        entered = made.run(name, "person", "sign-in", name, "--key", made.key(name), *secret)
        assert 0 == entered.code, entered.errors
    return made


@pytest.fixture(scope="module")
def case(desk):
    [one] = desk.run("Ada", "case", "list", "--json").json["cases"]
    return one["id"]


def stands(desk, case):
    return 0 == desk.run("Ada", "case", "show", case).code


def test_without_anybodys_signature_it_says_what_is_missing(desk, case):
    ran = desk.erase("Ada", case, "--confirm", case)
    assert 1 == ran.code
    assert "two different persons" in ran.errors
    assert "--consent-out" in ran.errors
    assert stands(desk, case)


def test_one_person_is_not_two(desk, case, tmp_path):
    desk.erase("Ada", case, "--consent-out", tmp_path / "consent", "--confirm", case)
    ran = desk.erase("Ada", case, "--consent", tmp_path / "consent", "--confirm", case)
    assert 1 == ran.code
    assert "2 different persons" in ran.errors
    assert stands(desk, case)


def test_an_analyst_is_refused_by_the_rule(desk, case, tmp_path):
    desk.erase("Ada", case, "--consent-out", tmp_path / "consent", "--confirm", case)
    ran = desk.erase("Alan", case, "--consent", tmp_path / "consent", "--confirm", case)
    assert 1 == ran.code
    assert stands(desk, case)


@pytest.mark.parametrize("words", [(), ("--confirm", "case-other"), ("--confirm", "yes")])
def test_it_is_confirmed_by_the_cases_own_id(desk, case, tmp_path, words):
    ran = desk.erase("Ada", case, "--consent-out", tmp_path / "consent", *words)
    assert 2 == ran.code
    assert not (tmp_path / "consent").exists()


@pytest.mark.parametrize("raw", [b"", b"{}", b"not a consent", b"\xff" * 100])
def test_a_file_that_is_no_consent_is_refused(desk, case, tmp_path, raw):
    (tmp_path / "consent").write_bytes(raw)
    ran = desk.erase("Grace", case, "--consent", tmp_path / "consent", "--confirm", case)
    assert 1 == ran.code
    assert stands(desk, case)


def test_who_is_not_signed_in_signs_nothing(desk, case, tmp_path):
    ran = desk.erase("Nobody", case, "--consent-out", tmp_path / "consent", "--confirm", case)
    assert 1 == ran.code
    assert "sign-in" in ran.errors


def test_two_persons_erase_it_together(desk, case, tmp_path):
    first = desk.erase("Ada", case, "--consent-out", tmp_path / "consent", "--confirm", case)
    assert 0 == first.code, first.errors
    assert "1 record with their alerts" in first.out
    assert stands(desk, case)

    second = desk.erase("Grace", case, "--consent", tmp_path / "consent", "--confirm", case)

    assert 0 == second.code, second.errors
    assert "erased: 1 record, 1 alert, 2 documents" in second.out
    shown = desk.run("Ada", "case", "show", case)
    assert 3 == shown.code
    assert "was erased" in shown.errors
    assert 0 == desk.run("Ada", "log", "verify").code
