"""Wazuh and Okta: what is known for theirs, what is an alert, and how much of real records the dictionary knows."""

import json

import pytest

from countersign.adapters.dictionaries import bundled
from countersign.adapters.sources import okta, read, wazuh
from countersign.core.ids import evidence_id
from countersign.core.records.alerting import alert_of
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import walk
from shared_data import shared_folder

DICTIONARY = bundled()
ALERT = {"rule": {"level": 3, "id": "1"}, "manager": {"name": "m"}, "location": "x"}
LINE = {"manager": {"name": "m"}, "location": "x", "decoder": {}, "full_log": "x"}
RECORD = {"eventType": "user.session.start", "published": "", "actor": {"alternateId": "a"}, "client": {}}


def alert(schema, record):
    raw = json.dumps(record).encode()
    evidence = Evidence(evidence_id(raw), schema, schema, "json/1", raw, None, None)
    return alert_of(DICTIONARY.schemas[schema], evidence, record)


def untyped(schema, views):
    """Distinct pointers with and without a type."""
    met = {
        ("".join("/*" if part.isdecimal() else f"/{part}" for part in pointer.split("/")[1:]), known is None)
        for document in views
        for pointer, known, _ in walk(DICTIONARY.schemas[schema], document)
    }
    return {pointer for pointer, unknown in met if unknown}, {pointer for pointer, _ in met}


@pytest.mark.parametrize("record", [ALERT, LINE])
def test_wazuh_is_known_with_and_without_a_rule(record):
    assert wazuh.schema_of(record) == "wazuh.alert"


@pytest.mark.parametrize("missing", ["manager", "location"])
def test_a_rule_alone_is_not_wazuh(missing):
    assert wazuh.schema_of({key: value for key, value in ALERT.items() if key != missing}) is None


@pytest.mark.parametrize(
    ("level", "severity"), [(0, None), (1, "low"), (6, "low"), (7, "medium"), (11, "medium"), (12, "high"), (15, "critical"), (16, "critical")]
)  # fmt: skip
def test_the_level_gives_the_severity_and_level_0_is_no_alert(level, severity):
    found = alert("wazuh.alert", ALERT | {"rule": {"level": level, "id": "1", "description": "x"}})

    assert (found and found.severity) == severity


def test_every_real_wazuh_alert_is_one_and_all_its_fields_are_known():
    path = shared_folder("wazuh-alerts-ait") / "wazuh_alerts_insect.jsonl"
    records = list(read([path]))

    assert {(outcome.schema, alert("wazuh.alert", outcome.view) is not None) for outcome in records} == {
        ("wazuh.alert", True)
    }
    assert len(records) == 497
    assert untyped("wazuh.alert", [outcome.view for outcome in records])[0] == set()


@pytest.mark.parametrize("missing", ["eventType", "published", "actor", "client"])
def test_okta_is_known_by_all_its_marks(missing):
    assert okta.schema_of(RECORD) == "okta.system"
    assert okta.schema_of({key: value for key, value in RECORD.items() if key != missing}) is None


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("security.threat.detected", True),
        ("security.attack.start", True),
        ("security.breached_credential.detected", True),
        ("user.account.report_suspicious_activity_by_enduser", True),
        ("security.attack.end", False),
        ("user.session.start", False),
    ],
)
def test_what_okta_judges_is_an_alert_and_what_it_logs_is_not(kind, raised):
    assert (alert("okta.system", RECORD | {"eventType": kind}) is not None) is raised


def test_of_real_okta_records_at_most_a_tenth_of_the_fields_is_unknown():
    lines = (shared_folder("detection-tests-panther") / "panther_tests.jsonl").read_bytes().splitlines()
    logs = [log for log in (json.loads(line)["log"] for line in lines) if okta.schema_of(log) is not None]
    own = [{key: value for key, value in log.items() if not key.startswith("p_")} for log in logs]
    unknown, met = untyped("okta.system", own)

    assert len(logs) >= 18
    assert 10 * len(unknown) <= len(met), unknown
