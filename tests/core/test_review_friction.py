"""The friction table: read strictly, and never weaker than its floors."""

import tomllib

import pytest

from countersign.adapters.cedar import bundled_files
from countersign.core.review.friction import parse
from deciding import FRICTION

TABLE = bundled_files()["friction.toml"].decode()


def changed(old, new, count=1):
    assert old in TABLE
    return TABLE.replace(old, new, count).encode()


def in_tier(tier, key, value):
    """The table with one value of one tier replaced."""
    head, marker, row = TABLE.partition(f"[tier.{tier}]")
    lines = [f"{key} = {value}" if line.startswith(f"{key} ") else line for line in row.splitlines()]
    first = next(n for n, line in enumerate(lines) if line.startswith(f"{key} "))
    after = next((n for n, line in enumerate(row.splitlines()) if line.startswith("[")), len(lines))
    assert first < after
    return (head + marker + "\n".join(lines[:after] + row.splitlines()[after:])).encode()


def test_the_bundled_table_is_read():
    assert {"1", "2", "3"} == set(FRICTION.tier)
    assert (1, 1, 2) == tuple(FRICTION.row(tier).signers for tier in (1, 2, 3))
    assert (0, 100, 1000) == tuple(FRICTION.row(tier).commit_first_per_mille for tier in (1, 2, 3))
    assert ("software", "webauthn-uv", "webauthn-uv-device") == tuple(
        FRICTION.row(t).least(0) for t in (1, 2, 3)
    )
    assert 300 == FRICTION.challenge_seconds


@pytest.mark.parametrize(("tier", "row"), [(-1, 1), (0, 1), (1, 1), (2, 2), (3, 3), (4, 3), (99, 3)])
def test_no_tier_falls_out_of_the_table(tier, row):
    assert FRICTION.row(row) is FRICTION.row(tier)


@pytest.mark.parametrize(
    ("tier", "key", "value", "fault"),
    [
        (1, "signers", "0", "signers"),
        (3, "signers", "1", "signers"),
        (3, "signers", "3", "signers"),
        (2, "assurance", '["software"]', "assurance"),
        (3, "assurance", '["webauthn-uv-device", "webauthn-uv"]', "assurance"),
        (1, "assurance", "[]", "assurance"),
        (3, "second_device", "false", "second_device"),
        (3, "commit_first_per_mille", "999", "commit_first"),
        (2, "commit_first_per_mille", "0", "commit_first"),
        (1, "commit_first_per_mille", "-1", "commit_first"),
        (2, "open", '"objected"', "open"),
        (1, "open", '"none"', "open"),
        (2, "see", '["P1"]', "see"),
        (1, "see", "[]", "see"),
        (1, "answer", '["unsupported"]', "answer"),
        (3, "answer", '["contradicted"]', "answer"),
        (2, "text", "0", "text"),
        (2, "bulk", "true", "bulk"),
        (3, "one_keystroke", "true", "one_keystroke"),
        (1, "valid_seconds", "86400", "valid_seconds"),
    ],
)
def test_no_setting_asks_for_less_than_the_floor(tier, key, value, fault):
    with pytest.raises(ValueError, match=f"tier {tier}: .*{fault}"):
        parse(in_tier(tier, key, value))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("challenge_seconds = 300 ", "challenge_seconds = 301 "),
        ("second_valid_seconds = 14400 ", "second_valid_seconds = 999999 "),
        ("clearing_text = 20 ", "clearing_text = 0 "),
        ("contain = 2 ", "contain = 1 "),
        ("close_critical = 3", "close_critical = 2"),
        ("other_kinds = 3 ", "other_kinds = 1 "),
        ("isolate_host = 2", "isolate_host = 0"),
        ("version = 1", "version = 2"),
        ("signers = 1", 'signers = "1"'),
        ("signers = 1", "signers = true"),
        ("signers = 1\n", ""),
        ("signers = 1", "signers = 1\nskip_review = true"),
        ("[tier.2]", "[tier.4]"),
        ("[tier.1]", "[tier.1"),
        ('assurance = ["software"]', 'assurance = ["none"]'),
        ('see = ["P1", "P2", "P5", "P7"]', 'see = ["P5", "P11"]'),
    ],
)
def test_a_malformed_table_is_refused_whole(old, new):
    with pytest.raises(ValueError, match=r"^friction\.toml: "):
        parse(changed(old, new))


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(ValueError, match=r"friction\.toml"):
        parse(b"\xff")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("signers", "2"),
        ("text", "10"),
        ("commit_first_per_mille", "1000"),
        ("one_keystroke", "false"),
        ("bulk", "false"),
    ],
)
def test_more_may_be_asked_for(key, value):
    asked = getattr(parse(in_tier(1, key, value)).row(1), key)

    assert tomllib.loads(f"v = {value}")["v"] == asked
