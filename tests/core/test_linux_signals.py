"""What is told of syslog, audit, Wazuh and Okta records, and of which look-alikes it is not told."""

import json
from importlib.resources import files

import pytest

from countersign.adapters.dictionaries import bundled
from countersign.core.claims.snapshot import Snapshot
from countersign.core.facts.signals import Signals, matches
from countersign.core.ids import evidence_id
from countersign.core.records.evidence import Evidence

DICTIONARY = bundled()
FOLDER = files("countersign.core.facts") / "signals"
SIGNALS = Signals({name: (FOLDER / name).read_bytes() for name in ("wazuh.toml", "linux.toml", "okta.toml")})
OKTA = {"published": "2025-05-06T07:08:09Z", "actor": {"alternateId": "jdoe@example.com"}, "client": {}}


def told(schema, record):
    raw = record.encode() if isinstance(record, str) else json.dumps(record).encode()
    parser = DICTIONARY.schemas[schema].parser
    one = Evidence(evidence_id(raw), schema, schema, parser, raw, 1, None)
    return {signal.id for signal, _ in matches(SIGNALS, Snapshot(DICTIONARY, [one]))}


def syslog(text):
    return told("syslog.line", f"May  6 07:08:09 web-1 {text}")


def audit(text):
    return told("auditd.line", f"type={text.replace(' ', ' msg=audit(1746515289.123:7): ', 1)}")


def okta(kind, result="SUCCESS", **rest):
    return told("okta.system", OKTA | {"eventType": kind, "outcome": {"result": result}} | rest)


def test_password_hashes_read_through_sudo_are_told_and_refused_ones_as_refused():
    end = "TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/cat /etc/shadow"

    assert "syslog-sudo-shadow" in syslog(f"sudo: jdoe : {end}")
    assert syslog(f"sudo: jdoe : user NOT in sudoers ; {end}") == {"syslog-sudo-refused"}


def test_what_another_program_says_in_sudos_words_is_not_told():
    assert syslog("app: jdoe : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/cat /etc/shadow") == set()


@pytest.mark.parametrize(("enabled", "result", "is_told"), [(0, 1, True), (0, 0, False), (1, 1, False)])
def test_auditing_is_told_as_off_only_where_it_was_switched_off(enabled, result, is_told):
    found = audit(f"CONFIG_CHANGE op=set audit_enabled={enabled} old=1 auid=1000 res={result}")

    assert ("audit-off" in found) is is_told


def test_a_change_at_okta_is_told_only_if_it_succeeded():
    assert "okta-factors-reset" in okta("user.mfa.factor.reset_all")
    assert okta("user.mfa.factor.reset_all", "FAILURE") == set()


def test_a_policy_that_was_only_evaluated_was_not_changed():
    assert okta("policy.evaluate_sign_on") == set()
    assert okta("policy.rule.update") == {"okta-policy-changed"}


def test_of_wazuh_both_the_failed_logon_and_its_rule_are_told():
    rule = {
        "level": 10,
        "id": "5763",
        "description": "x",
        "groups": ["syslog", "sshd", "authentication_failures"],
    }
    record = {"rule": rule, "manager": {"name": "m"}, "location": "x", "data": {"srcip": "198.51.100.7"}}

    assert told("wazuh.alert", record) == {"wazuh-sshd-brute-force", "wazuh-logon-failed-3"}
