"""`countersign policy`: a set is checked as a starting process would, and the policy says why."""

import json

import pytest
from typer.testing import CliRunner

from countersign import cli, config, wiring
from countersign.adapters.cedar import bundled_files
from countersign.core.identity.people import Person

run = CliRunner().invoke
DIGEST = "sha256:"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A home with an analyst, an admin and a case of tier 3."""
    folder = tmp_path_factory.mktemp("policy") / "home"
    assert 1 == run(cli.app, ["--home", str(folder), "demo"]).exit_code  # some of its records are quarantined
    ports = wiring.open_ports(folder, config.load(folder))
    with ports.store.transaction() as tx:
        tx.people.add(Person(id="p_root", name="Ruth", roles=("admin",)), "p_root", 1)
        tx.people.add(Person(id="p_anna", name="Anna", roles=("analyst",)), "p_root", 2)
    return folder


@pytest.fixture
def own(tmp_path):
    """A folder with the bundled set, to be changed."""
    folder = tmp_path / "own"
    folder.mkdir()
    for name, data in bundled_files().items():
        (folder / name).write_bytes(data)
    return folder


def policy(home, *words):
    done = run(cli.app, ["--home", str(home), "policy", *words])
    return done.exit_code, done.output


def case_of(home):
    ports = wiring.open_ports(home, config.load(home))
    with ports.store.reading() as tx:
        return next(one.case_id for one in tx.cases.recent(50) if one.tier == 3)


def test_the_bundled_set_is_sound_and_says_what_each_tier_asks_for(tmp_path):
    code, said = policy(tmp_path, "check")

    assert 0 == code
    assert "the bundled policy: valid, and it meets its 85 tests" in said
    assert DIGEST in said
    assert "2 people sign with webauthn-uv-device; commits first always" in " ".join(said.split())


def test_check_prints_one_document(tmp_path):
    code, said = policy(tmp_path, "check", "--json")

    assert (0, "countersign.policy-check/1", 85) == (
        code,
        json.loads(said)["schema"],
        json.loads(said)["tests"],
    )


def test_a_set_that_cannot_be_used_is_refused_with_why(tmp_path, own):
    with (own / "policies.cedar").open("a") as file:
        file.write('@id("all") permit (principal, action == Action::"decision.sign", resource);')
    code, said = policy(tmp_path, "check", str(own))

    assert 2 == code
    assert "permitted by all" in said


def test_a_home_with_a_policy_that_cannot_be_used_does_nothing(tmp_path, own):
    """Not with the bundled one in its place either."""
    (own / "friction.toml").unlink()
    home = tmp_path / "home"
    home.mkdir()
    own.rename(home / "policy")

    assert 2 == policy(home, "check")[0]
    assert 2 == run(cli.app, ["--home", str(home), "case", "list"]).exit_code


def test_explain_says_which_rule_permits_and_what_the_decision_asks_for(home):
    code, said = policy(home, "explain", "--as", "Anna", "--action", "decision.sign", "--case", case_of(home))

    assert 0 == code
    assert "permitted by analysts-sign: decision.sign by Anna (analyst) on a case of tier 3" in " ".join(
        said.split()
    )
    assert "2 people sign" in said


@pytest.mark.parametrize(
    ("name", "action", "more", "rule"),
    [
        ("Ruth", "decision.sign", (), "admins-do-not-decide"),
        ("Anna", "person.enrol", (), "PE-01"),
        ("Anna", "decision.sign", ("--given", "fresh=false"), "PE-01"),
        ("Anna", "decision.sign", ("--given", "sure=true"), "PE-03"),
        ("p_anna", "tier.lower", (), "PE-01"),
    ],
)
def test_explain_says_which_rule_denies(home, name, action, more, rule):
    code, said = policy(
        home, "explain", "--as", name, "--action", action, "--case", case_of(home), "--json", *more
    )

    assert (1, [rule], False) == (code, json.loads(said)["rules"], json.loads(said)["permitted"])


@pytest.mark.parametrize(
    "words",
    [
        ("--as", "Nobody", "--action", "review.open", "--case", "x"),
        ("--as", "Anna", "--action", "decision.skip", "--case", "x"),
        ("--as", "Anna", "--action", "review.open", "--case", "case-0"),
        ("--as", "Anna", "--action", "review.open"),
        ("--as", "Anna", "--action", "decision.sign", "--case", "CASE", "--given", "fresh"),
    ],
)
def test_who_or_what_there_is_not_is_never_resolved_to_something_else(home, words):
    given = [case_of(home) if word == "CASE" else word for word in words]

    assert 2 == policy(home, "explain", *given)[0]
