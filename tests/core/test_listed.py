"""What an entry of a list covers: one observable, in fields of its own type that no outsider writes."""

import json

import pytest

from builders import ATTACKER, WEB, Rec, alert, flow, judge, pinned, reads, reference, rel, says, world
from countersign.core.claims.keys import named
from countersign.core.claims.listed import covers
from countersign.core.claims.reference import parse_reference

SCAN = alert(2)
SEEN = [
    rel("a1", SCAN, "net_alert", src=ATTACKER, dst=WEB, dport=80, rule=2002677),
    says("a2", SCAN, "/alert/signature", "SCAN Nikto"),
]
MD5, SHA256 = "0123456789abcdef" * 2, "0123456789abcdef" * 4


def closed(kind, entry, code="stale_intel"):
    field = next(name for name in entry if name not in {"key", "type"})
    claims = [
        *SEEN,
        pinned("r1", kind.replace("_", "-"), entry["key"], field, entry[field]),
        reads("h1", code, "a1", "a2", "r1"),
    ]
    return judge(world([SCAN], [reference(kind, entry)]), claims)


def said(made):
    return [objection.reason for objection in made.by_id["h1"].objections]


@pytest.mark.parametrize("key", ["80", "allowed", "SCAN Nikto", "2002677", "Scan", "tcp", "edge-1"])
@pytest.mark.parametrize(("kind", "field"), [("allow_list", "why"), ("indicator_list", "age_days")])
def test_a_word_or_a_number_that_stands_in_the_alert_closes_nothing(kind, field, key):
    made = closed(kind, {"key": key, field: "harmless"})

    assert ("R11", "insufficient_data") == (made.suggestion.rule, made.suggestion.disposition)
    assert any(f"{key} is not an address" in reason for reason in said(made))


@pytest.mark.parametrize(
    "key",
    ["198.51.100.250", "203.0.113.0/24", "web.example", "::ffff:" + ATTACKER, MD5, "http://web.example/"],
)
def test_an_observable_that_no_untainted_field_of_its_type_says_closes_nothing(key):
    assert "R11" == closed("allow_list", {"key": key, "why": "harmless"}).suggestion.rule


def test_an_address_that_the_alert_names_as_an_address_still_does():
    made = closed("allow_list", {"key": ATTACKER, "why": "shared resolver", "type": "ip"}).suggestion

    assert ("R09", "false_positive") == (made.rule, made.disposition)


def test_an_entry_that_calls_its_key_something_else_covers_nothing():
    assert "R11" == closed("allow_list", {"key": ATTACKER, "why": "shared", "type": "domain"}).suggestion.rule


def test_the_age_that_counts_is_that_of_the_indicator_in_the_alert():
    bad = reference(
        "indicator_list", {"key": ATTACKER, "judged": "scanner"}, {"key": "192.0.2.9", "age_days": 900}
    )
    claims = [
        *SEEN,
        pinned("r1", "indicator-list", ATTACKER, "judged", "scanner"),
        pinned("r2", "indicator-list", "192.0.2.9", "age_days", 900),
        reads("h1", "stale_intel", "a1", "r1", "r2"),
    ]

    assert "R11" == judge(world([SCAN], [bad]), claims).suggestion.rule


@pytest.mark.parametrize("key", ["80", "allowed", ATTACKER, "Scan"])
def test_a_text_is_that_of_the_rule_that_fired_only_under_its_name_or_number(key):
    assert "R11" == closed("rule_text", {"key": key, "text": "content:Nikto"}, "rule_defect").suggestion.rule


@pytest.mark.parametrize("key", ["2002677", "SCAN Nikto"])
def test_a_rule_is_known_by_its_number_and_by_its_name(key):
    assert "R09" == closed("rule_text", {"key": key, "text": "content:Nikto"}, "rule_defect").suggestion.rule


@pytest.mark.parametrize(
    ("key", "declared", "kind"),
    [
        ("192.0.2.1", None, "ip"), ("2001:DB8::1", "ip", "ip"), ("192.0.2.0/24", "ip", ""), ("fe80::1%eth0", None, ""),
        ("a.example", None, "domain"), ("A.Example.", "domain", "domain"), ("localhost", None, ""), ("1.2.3", None, ""),
        ("a@b.example", None, "email"), ("a@b", None, ""), ("https://a.example/x", "url", "url"), (MD5, None, "md5"),
        (SHA256.upper(), "hash", "sha256"), (SHA256, "md5", ""), (MD5[:-1] + "g", None, ""), ("80", "port", ""),
        ("a.example", "ip", ""), ("a.example", "phishing", "domain"), ("192.0.2.1", 7, "ip"), ("", None, ""),
    ],
)  # fmt: skip
def test_a_key_names_one_observable_or_nothing(key, declared, kind):
    assert kind == named(key, declared)


def test_a_list_says_which_of_its_entries_cover_nothing():
    entries = [{"key": "80"}, {"key": ATTACKER}, {"key": "allowed"}, {"key": "a.example", "type": "ip"}]
    listed = parse_reference(json.dumps(reference("allow_list", *entries)).encode())
    register = parse_reference(json.dumps(reference("test_register", {"key": "PT-1"})).encode())

    assert ("80", "allowed", "a.example") == listed.idle
    assert () == register.idle


def test_the_machine_of_ones_own_is_not_the_indicator_where_a_party_outside_is_named():
    listed = parse_reference(json.dumps(reference("allow_list", {"key": "10.1.1.5"})).encode())
    outward, inward = flow(1, src="10.1.1.5"), flow(2, src="10.1.1.5", dst="10.1.1.6")
    made = world([outward, inward])

    assert [False, True] == [covers(listed, "10.1.1.5", one.id, made) for one in (outward, inward)]


def test_an_account_is_no_indicator_though_its_name_is_a_mail_address():
    told = {
        "authenticationInfo": {"principalEmail": "jdoe@corp.example"},
        "requestMetadata": {"callerIp": ATTACKER},
    }
    call = Rec("gcp.audit", json.dumps({"protoPayload": told}).encode())
    keys = ["jdoe@corp.example", ATTACKER]
    listed = parse_reference(json.dumps(reference("allow_list", *({"key": key} for key in keys))).encode())
    made = world([call])

    assert [False, True] == [covers(listed, key, call.id, made) for key in keys]


def test_two_spellings_of_one_address_are_one_address():
    one = flow(1, src="2001:db8:0:0::1")
    listed = parse_reference(json.dumps(reference("allow_list", {"key": "2001:DB8::1"})).encode())

    assert covers(listed, "2001:DB8::1", one.id, world([one]))
