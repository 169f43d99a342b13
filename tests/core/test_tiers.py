"""Tiers come from rules, say why, and only rise."""

import json

import pytest

from countersign.core.cases.tiers import CODE_TIERS, Facts, gather, severity, tier
from countersign.core.claims.registry import RELATIONS
from countersign.core.claims.snapshot import Snapshot
from countersign.core.ids import evidence_id
from countersign.core.records.alert import Alert
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import Dictionary
from countersign.core.vocabulary import VOCABULARY


def alert(severity="medium", category="", rule="rule", evidence="sha256:x"):
    return Alert("a", evidence, "test.record", rule, category, severity, None)


def level(**facts) -> int:
    return tier(Facts(**{"records": 1, **facts}))[0]


def test_an_empty_case_leaves_nothing_to_decide():
    assert tier(Facts()) == (0, ("nothing to decide",))


@pytest.mark.parametrize(("claimed", "expected"), [("low", 1), ("medium", 1), ("high", 2), ("critical", 3)])
def test_the_severity_of_an_alert_asks_for_a_tier(claimed, expected):
    assert level(alerts=(alert(claimed),)) == expected


def test_a_phishing_mail_is_tier_one():
    assert level(alerts=(alert("low", rule="Mail submitted for triage"),), codes=("phish_delivery",)) == 1


@pytest.mark.parametrize(
    "facts",
    [
        {"relations": ("replication",)},
        {"codes": ("credential_theft",)},
        {"relations": ("app_change",)},
        {"actions": ("AttachUserPolicy",)},
        {"actions": ("Update application \u2013 Certificates and secrets management ",)},
        {"actions": ("StopLogging",)},
        {"hosts": ("adfs01",)},
        {"hosts": ("dc01",)},
        {"hosts": ("mordordc",)},
        {"techniques": ("T1003.001",)},
        {"groups": ("Domain Admins",)},
        {"families": ("credential access",)},
    ],
)
def test_identity_replication_credentials_and_cloud_permissions_are_critical(facts):
    reached, because = tier(Facts(**{"records": 1, **facts}))
    assert reached == 3
    assert len(because) >= 1


@pytest.mark.parametrize(
    "facts",
    [
        {"sids": ("S-1-5-21-1-2-3-500",)},
        {"accounts": ("root",)},
        {"accounts": ("adm-jdoe",)},
        {"codes": ("exploit",)},
        {"actions": ("GetSecretValue",)},
        {"relations": ("service_install",)},
        {"families": ("malware execution",)},
    ],
)
def test_privilege_and_weighty_actions_are_elevated(facts):
    assert level(**facts) == 2


@pytest.mark.parametrize(
    "facts",
    [
        {"hosts": ("ws7", "dcim-web", "podcast", "handicap1", "abcdef")},
        {"accounts": ("jdoe", "salma", "administration", "badminton")},
        {"sids": ("S-1-5-21-1-2-3-1105", "S-1-5-21-1-2-3-5001")},
        {"actions": ("DescribeInstances", "ListUsers", "GetBucketPolicy")},
        {"techniques": ("T1595", "T1027")},
        {"relations": ("logon", "net_flow", "proc_start")},
        {"codes": ("recon", "blocked", "authorised_test")},
        {"alerts": (alert("low", "Misc activity"),)},
    ],
)
def test_ordinary_things_stay_low(facts):
    assert level(**facts) == 1


def test_an_asset_can_be_declared_critical():
    facts = Facts(records=1, hosts=("ledger7",))
    assert tier(facts)[0] == 1
    assert tier(facts, critical_assets=["LEDGER7"]) == (3, ("critical asset: ledger7",))


def test_markers_and_partial_evidence_raise_by_one_each_and_never_beyond_the_top():
    assert level(markers=True) == level(partial=True) == 2
    assert level(markers=True, partial=True) == 3
    assert level(markers=True, partial=True, codes=("credential_theft",)) == 3
    assert tier(Facts(records=1, markers=True))[1] == ("injection marker: one tier up",)


def test_a_tier_never_falls_by_itself():
    assert tier(Facts(records=1), least=3) == (3, ("tier kept", "a case to decide"))
    assert tier(Facts(), least=2)[0] == 2
    assert tier(Facts(records=1, codes=("impact",)), least=1)[0] == 3


def test_adding_facts_never_lowers_a_tier():
    base = Facts(records=1, codes=("exploit",))
    more = Facts(
        records=9, codes=("exploit", "blocked", "authorised_test"), accounts=("jdoe",), alerts=(alert("low"),)
    )
    assert tier(more)[0] >= tier(base)[0]


def test_every_code_in_the_table_is_in_the_vocabulary():
    assert set(CODE_TIERS) <= set(VOCABULARY)
    assert "replication" in RELATIONS


def test_severity_is_the_gravest_of_claim_and_tier():
    assert severity(Facts(alerts=(alert("high"),)), 1) == "high"
    assert severity(Facts(records=1), 1) == "low"
    assert severity(Facts(records=1), 2) == "medium"
    assert severity(Facts(records=1, hosts=("dc01",)), 3) == "high"
    assert severity(Facts(records=1, hosts=("adfs01",), relations=("replication",)), 3) == "critical"


def test_a_hostile_name_is_harmless_in_a_reason():
    _, because = tier(Facts(records=1, accounts=("adm-\u202ehttp://x",)))
    assert because == ("privileged account: adm-⟦U+202E⟧hxxp[:]//x",)


DICTIONARY = Dictionary(
    {
        "test.record.toml": b"""
schema = "test.record"
[fields]
"/host" = { type = "host", role = "host", taint = "system" }
"/user" = { type = "user", role = "actor" }
"/verb" = { type = "text", role = "action" }
[[relation]]
name = "replication"
when = [["/verb", "eq", "Drsr"]]
roles = { account = "/user" }
"""
    }
)


def case(*views):
    raws = [json.dumps(view).encode() for view in views]
    made = [
        Evidence(evidence_id(raw), "test.record", "test.record", "json/1", raw, None, None) for raw in raws
    ]
    return Snapshot(DICTIONARY, made), made


def test_facts_are_read_from_the_records_of_a_case():
    snapshot, _ = case({"host": "DC01.corp.example", "user": "CORP\\wardog", "verb": "Drsr"}, {"host": "ws7"})
    facts = gather(snapshot)
    assert (facts.hosts, facts.accounts, facts.actions) == (("dc01", "ws7"), ("wardog",), ("Drsr",))
    assert (facts.relations, facts.records) == (("replication",), 2)


def test_an_asset_weighs_in_whichever_record_it_stands():
    """A case must not become lighter because something else in it raised an alert."""
    snapshot, made = case({"host": "dc01"}, {"host": "ws7", "verb": "x"})
    assert gather(snapshot, (alert(evidence=made[1].id),)).hosts == ("dc01", "ws7")
    assert tier(gather(snapshot, (alert(evidence=made[1].id),)))[0] == 3
    assert tier(gather(snapshot, (alert(evidence=made[0].id),)))[0] == 3
