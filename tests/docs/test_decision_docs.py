"""The pages about decisions and policy are held against the program: every field, reason, rule and key, and the vector."""

import re
from pathlib import Path

import pytest

from countersign.core.identity.signatures import Signature, challenge, key_id, verified
from countersign.core.review.decision import (
    DecisionDocument,
    decision_bytes,
    read_document,
    subject,
    subject_text,
)
from countersign.core.review.dispositions import DISPOSITIONS, REASONS, VERDICT_ID
from countersign.core.review.friction import Raise, Row
from countersign.core.review.lifecycle import FROM, Standing, after
from countersign.core.review.policyset import ACTIONS, AT_BEST
from countersign.core.review.requirements import RULES
from countersign.core.review.ruling import FORBIDDEN, NO_ANSWER, NO_RULE
from countersign.testing import RELYING
from deciding import FRICTION, NONCE, SOFTWARE, desk

DOCS = Path(__file__).resolve().parents[2] / "docs"
DECISIONS = (DOCS / "formats" / "decisions.md").read_text("utf-8")
POLICY = (DOCS / "howto" / "policy.md").read_text("utf-8")


def told(name):
    found = re.search(rf"^\| {name} \| `([^`]+)` \|$", DECISIONS, re.MULTILINE)
    assert found, name
    return found[1]


def vector():
    raw = re.search(r"```json\n(.*)\n```", DECISIONS)
    assert raw
    return raw[1].encode()


# --- the vector ------------------------------------------------------------------------------------------------------


def test_the_vector_is_what_the_program_draws_up():
    at = desk(standing=Standing(case="case-1")).chose(acts=("escalate",))

    assert vector() == decision_bytes(at.draws_up(bytes.fromhex("00112233445566778899aabbccddeeff")))
    assert f"{len(vector())} bytes" in DECISIONS


def test_the_vector_reads_back_and_gives_its_digest():
    assert ("suspicious", ("escalate",)) == (
        read_document(vector()).disposition,
        read_document(vector()).acts,
    )
    assert told("D") == subject_text(vector())


def test_the_vectors_signature_holds():
    subject_ = subject(vector())
    signature = Signature(
        person="p_anna",
        key=key_id(SOFTWARE[0].public),
        kind="software",
        nonce=NONCE,
        signature=bytes.fromhex(told("signature")),
    )

    assert told("challenge") == challenge("p_anna", subject_, NONCE).hex()
    assert told("public key") == SOFTWARE[0].public.hex()
    assert "software" == verified(signature, SOFTWARE[0].key("p_anna"), subject_, RELYING)


# --- every name has its row ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DecisionDocument.__struct_fields__)
def test_every_field_of_the_document_has_its_row(name):
    assert 1 == len(re.findall(rf"^\| `{name}` \|", DECISIONS, re.MULTILINE))


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_has_its_row_with_its_dispositions(code):
    row = re.search(rf"^\| `{code}` \| (.*) \| (.*) \|$", DECISIONS, re.MULTILINE)
    assert row
    named = set(re.findall(r"`(\w+)`", row[1])) & set(DISPOSITIONS)
    expected = set(REASONS[code].dispositions)
    by_name = set(DISPOSITIONS) - named if row[1].startswith(("all but", "any")) else named

    assert (expected, REASONS[code].words) == (by_name, row[2])
    assert all(f"`{act}`" in row[1] for act in REASONS[code].with_act)


@pytest.mark.parametrize(("disposition", "number"), VERDICT_ID.items())
def test_every_verdict_id_is_told(disposition, number):
    assert re.search(rf"`{disposition}`\s+{number}\b", DECISIONS)


@pytest.mark.parametrize("status", ["open", "escalated", "contained", "closed"])
def test_every_status_tells_its_acts_and_where_they_lead(status):
    row = re.search(rf"^\| {status} \| (.*) \| (.*) \|$", DECISIONS, re.MULTILINE)
    assert row
    acts = re.findall(r"`(\w+)`", row[1])

    assert {act for act, of in FROM.items() if status in of} == set(acts)
    assert [after(status, "true_positive", (act,)) for act in acts] == row[2].split(", ")


@pytest.mark.parametrize("rule", [*RULES, NO_RULE, FORBIDDEN, NO_ANSWER])
def test_every_rule_has_its_row(rule):
    assert 1 == len(re.findall(rf"^\| {rule} \|", POLICY, re.MULTILINE))


def test_no_rule_is_told_that_there_is_not():
    assert set(RULES) == set(re.findall(r"^\| (RV-\d+) \|", POLICY, re.MULTILINE))


@pytest.mark.parametrize(
    "key", [*Row.__struct_fields__, "challenge_seconds", "second_valid_seconds", "clearing_text"]
)
def test_every_key_of_the_friction_table_has_its_row(key):
    assert re.search(rf"^\| `{key}` \|", POLICY, re.MULTILINE)


@pytest.mark.parametrize("key", Raise.__struct_fields__)
def test_everything_that_raises_a_tier_is_told(key):
    assert f"`raise.{key}`" in POLICY
    assert getattr(FRICTION.raises, key)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_is_told_with_what_it_is_asked_with(action):
    row = next(line for line in POLICY.splitlines() if line.startswith("|") and f"`{action}`" in line)

    assert all(f"`{key}`" in POLICY for key in AT_BEST.get(action, {}))
    assert row.count("|") == 3
