"""Policy by Cedar: the whole matrix, and every way in which an engine, a file or a request can be wrong: all refuse."""

import json
from itertools import product

import pytest

from countersign.adapters import cedar
from countersign.core.review.ruling import Denied, Permitted, ruled
from countersign.errors import ConfigError

ROLES = ("analyst", "lead", "admin", "auditor")
FRESH = {"fresh": True, "proposed": False}
CONTEXT = {
    "decision.sign": FRESH,
    "decision.countersign": FRESH | {"signed": False},
    "case.erase": {"people": 2},
}
MAY = {
    "review.open": {"analyst", "lead"},
    "review.see": {"analyst", "lead", "auditor"},
    "case.export": {"analyst", "lead", "auditor"},
    "decision.sign": {"analyst", "lead"},
    "decision.countersign": {"analyst", "lead"},
    "action.propose": {"analyst", "lead"},
    "tier.lower": {"lead"},
    "case.erase": {"lead", "admin"},
    "person.add": {"admin"},
    "person.enrol": {"admin"},
    "person.revoke": {"admin"},
    "person.roles": {"admin"},
}
DECIDING = ("decision.sign", "decision.countersign", "tier.lower")
FILES = cedar.bundled_files()
POLICIES = FILES["policies.cedar"].decode()


@pytest.fixture(scope="module")
def policy():
    return cedar.open_policies()


def kept(folder, **changes):
    """A home with a policy set of its own: the bundled one with some files changed; None leaves one out."""
    (folder / "policy").mkdir()
    for name, data in (FILES | {name.replace("__", "."): data for name, data in changes.items()}).items():
        if data is not None:
            (folder / "policy" / name).write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder


def ask(policy, roles, action="decision.sign", context=None, person="p_5f2c", tier=1):
    return policy.rule_on(
        roles, person, action, tier, CONTEXT.get(action, {}) if context is None else context
    )


# --- who may ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tier", [0, 1, 2, 3])
@pytest.mark.parametrize(("action", "role"), [*product(MAY, ROLES)])
def test_each_role_may_exactly_what_its_row_says(policy, action, role, tier):
    ruling = ask(policy, [role], action, tier=tier)

    assert isinstance(ruling, Permitted if role in MAY[action] else Denied)
    assert ruling.policy == policy.digest if isinstance(ruling, Permitted) else ruling.rule


@pytest.mark.parametrize("action", MAY)
@pytest.mark.parametrize(
    ("roles", "person"),
    [
        ((), "p_5f2c"),
        *(
            (roles, name)
            for roles in ((), ROLES, ("lead",))
            for name in ("svc/triage", "svc/executor", "agent-1", "", "P_5f2c")
        ),
    ],
)
def test_services_strangers_and_those_without_a_role_may_nothing(policy, action, roles, person):
    """Whatever roles are claimed for a service, it is no person."""
    assert isinstance(ask(policy, roles, action, person=person), Denied)


@pytest.mark.parametrize("action", DECIDING)
@pytest.mark.parametrize("roles", [("analyst", "admin"), ("lead", "admin"), ("lead", "auditor"), ROLES])
def test_whoever_administers_or_audits_does_not_decide_whatever_else_they_are(policy, action, roles):
    assert "do-not-decide" in ask(policy, roles, action).rule


def test_a_ruling_names_the_policies_that_made_it(policy):
    assert ("analysts-sign", "leads-sign") == ask(policy, ["analyst", "lead"]).by_rules
    assert "services-do-not-decide" == ask(policy, [], person="svc/triage").rule
    assert "PE-01" == ask(policy, [], "review.open").rule


@pytest.mark.parametrize(
    ("action", "context"),
    [
        ("decision.sign", {"fresh": False, "proposed": False}),
        ("decision.sign", {"fresh": True, "proposed": True}),
        ("decision.countersign", FRESH | {"signed": True}),
        ("case.erase", {"people": 1}),
        ("case.erase", {"people": 0}),
        ("case.erase", {"people": -2}),
    ],
)
def test_what_code_found_out_counts(policy, action, context):
    assert isinstance(ask(policy, ["lead"], action, context), Denied)


# --- requests that do not fit -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "context",
    [
        {}, {"fresh": True}, {"proposed": False}, FRESH | {"sure": True}, FRESH | {"fresh": 1}, FRESH | {"fresh": "true"},
        FRESH | {"proposed": None}, FRESH | {"fresh": [True]}, FRESH | {"fresh": {"__entity": {"type": "Role", "id": "lead"}}},
        FRESH | {"fresh": float("nan")}, FRESH | {"fresh": object()}, {"fresh ": True, "proposed": False}, {"Fresh": True, "proposed": False},
        {"countersign": FRESH}, FRESH | {"fresh": 0.5},
    ],
)  # fmt: skip
def test_a_context_that_lacks_has_too_much_or_is_of_another_type_is_denied(policy, context):
    assert "PE-03" == ask(policy, ["lead"], context=context).rule


@pytest.mark.parametrize(
    "action",
    ["", "decision", "decide", "DECISION.SIGN", "decision.sign ", "decision.skip", 'x"', "person.own"],
)
def test_an_action_that_there_is_not_is_denied(policy, action):
    assert isinstance(ask(policy, ROLES, action, FRESH), Denied)


@pytest.mark.parametrize("tier", [None, "1", 1.5, 2**63, True])
def test_a_tier_that_is_none_is_denied(policy, tier):
    assert "PE-03" == ask(policy, ["lead"], tier=tier).rule


@pytest.mark.parametrize("role", ["Lead", "root", "", "lead "])
def test_a_role_that_there_is_not_gives_nothing(policy, role):
    assert isinstance(ask(policy, [role]), Denied)


# --- answers that are not clean ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decision", "errors", "rules"),
    [
        ("Allow", ("policy1: attribute missing",), ("a",)), ("Allow", (), ()), ("Allow", (), ("",)), ("Allow", (), ("a", "")), ("Deny", (), ()), ("Deny", (), ("a",)),
        ("NoDecision", (), ("a",)), ("NoDecision", (), ()), ("allow", (), ("a",)), ("", (), ("a",)), ("Permit", (), ("a",)),
    ],
)  # fmt: skip
def test_anything_but_a_clean_allow_by_named_policies_denies(decision, errors, rules):
    assert isinstance(ruled(decision, errors=errors, rules=rules, policy="sha256:0", asked="a test"), Denied)


def test_an_error_inside_a_condition_denies_though_another_policy_permits(tmp_path):
    """The engine skips the forbid and answers Allow; the error beside it is what counts."""
    broken = '\n@id("overflows") forbid (principal, action == Action::"case.erase", resource) when { context.people * 9223372036854775807 < 0 };\n'
    policy = cedar.open_policies(kept(tmp_path, policies__cedar=POLICIES + broken, tests__toml=None))

    assert "PE-03" == ask(policy, ["lead"], "case.erase").rule


def test_an_engine_that_fails_denies(policy, monkeypatch):
    def fails(*_):
        raise RuntimeError("no more memory")

    monkeypatch.setattr(cedar.cedarpy, "is_authorized", fails)

    assert "PE-03" == ask(policy, ["lead"]).rule


# --- files that are wrong keep the process from starting ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("permit (principal, action, resource);", "no @id"),
        ('@id("") permit (principal, action, resource);', "no @id"),
        ('@id("leads-sign") permit (principal, action, resource);', "two policies"),
        ('@id("x") permit (principal, action, resource', "unexpected end of input"),
        ('@id("x") permit (principal, action == Action::"decision.sign", resource) when { context.sure };', "sure"),
        ('@id("x") permit (principal, action == Action::"skip", resource);', "skip"),
        ('@id("x") permit (principal is Robot, action, resource);', "Robot"),
        ('@id("x") permit (principal, action == Action::"decision.sign", resource) when { context.fresh == 1 };', "x"),
        ('@id("x") forbid (principal, action == Action::"decision.sign", resource) unless { context.fresh };', "unless"),
        ('@id("x") permit (principal == ?principal, action, resource);', "templates"),
    ],
)  # fmt: skip
def test_a_policy_that_does_not_parse_fit_or_name_itself_starts_nothing(tmp_path, more, reason):
    with pytest.raises(ConfigError, match="policy") as refused:
        cedar.open_policies(kept(tmp_path, policies__cedar=POLICIES + "\n" + more))

    assert reason in str(refused.value)
    assert "policy check" in refused.value.hint


@pytest.mark.parametrize(
    "changes",
    [
        {"policies__cedar": None}, {"schema__cedarschema": None}, {"friction__toml": None}, {"policies__cedar": ""}, {"policies__cedar": b"\xff"},
        {"schema__cedarschema": "entity ("}, {"schema__cedarschema": ""}, {"friction__toml": "version = 1"}, {"friction__toml": FILES["friction.toml"].replace(b"signers = 2", b"signers = 1")},
        {"tests__toml": "[[test]]"}, {"tests__toml": "tests = []"}, {"notes__md": "hello"}, {"policies__cedar~": POLICIES}, {"other__json": "{}"},
        {"policies__cedar": POLICIES + "/" * 300_000},
    ],
)  # fmt: skip
def test_a_set_that_is_not_whole_or_holds_more_starts_nothing(tmp_path, changes):
    with pytest.raises(ConfigError, match="policy"):
        cedar.open_policies(kept(tmp_path, **changes))


def test_a_home_with_an_empty_policy_folder_does_not_fall_back_to_the_bundled_one(tmp_path):
    (tmp_path / "policy").mkdir()

    with pytest.raises(ConfigError, match="missing"):
        cedar.open_policies(tmp_path)


def test_a_policy_that_does_not_mean_what_its_tests_say_starts_nothing(tmp_path):
    everybody = (
        POLICIES
        + '\n@id("everybody-signs") permit (principal, action == Action::"decision.sign", resource);\n'
    )

    with pytest.raises(ConfigError, match=r"decision\.sign by nobody's role: permitted by everybody-signs"):
        cedar.open_policies(kept(tmp_path, policies__cedar=everybody))


def test_a_test_can_say_which_rule_answers(tmp_path):
    named = FILES["tests.toml"].replace(b'rule = "analysts-sign"', b'rule = "leads-sign"')

    with pytest.raises(ConfigError, match="leads-sign was to answer, and analysts-sign did"):
        cedar.open_policies(kept(tmp_path, tests__toml=named))


# --- what is in force -----------------------------------------------------------------------------------------------------------


def test_the_homes_own_set_replaces_the_bundled_one_whole(tmp_path):
    only = '@id("leads-open") permit (principal in Role::"lead", action == Action::"review.open", resource is Case);\n'
    policy = cedar.open_policies(kept(tmp_path, policies__cedar=only, tests__toml=None))

    assert isinstance(ask(policy, ["lead"], "review.open"), Permitted)
    assert isinstance(ask(policy, ["lead"]), Denied)


def test_policies_may_stand_in_several_files(tmp_path):
    more = '@id("auditors-open") permit (principal in Role::"auditor", action == Action::"review.open", resource is Case);\n'
    policy = cedar.open_policies(kept(tmp_path, more__cedar=more, tests__toml=None))

    assert ("auditors-open",) == ask(policy, ["auditor"], "review.open").by_rules


@pytest.mark.parametrize("name", sorted(FILES))
def test_one_byte_of_any_file_is_another_policy(tmp_path, policy, name):
    comment = b"// x\n" if name.startswith(("schema", "policies")) else b"# x\n"
    other = cedar.open_policies(kept(tmp_path, **{name.replace(".", "__"): FILES[name] + comment}))

    assert policy.digest != other.digest
    assert policy.digest == cedar.open_policies().digest


def test_the_document_holds_every_file_whole(policy):
    assert {name: data.decode() for name, data in FILES.items()} == json.loads(policy.document)["files"]
