"""A case in OCSF: what its alerts and records fill, what they leave out, and what never leaves."""

import json
from typing import Any

import pytest

from countersign.adapters.dictionaries import bundled
from countersign.core.briefs.ocsf import case_events
from countersign.core.briefs.ocsf_event import complete, event, grown
from countersign.core.canonical import format_time
from countersign.core.claims.snapshot import Snapshot
from countersign.core.ids import evidence_id
from countersign.core.records.alerting import alert_of
from countersign.core.records.evidence import Evidence
from countersign.core.records.views import view
from countersign.core.render import neutralize

FINDING = {
    "accountId": "111122223333",
    "region": "us-east-1",
    "id": "f1",
    "type": "Recon:IAMUser/Odd",
    "severity": 8,
    "schemaVersion": "2.0",
    "createdAt": "2025-05-06T07:08:09Z",
    "resource": {"accessKeyDetails": {"userName": "kim", "accessKeyId": "AKIAIOSFODNN7EXAMPLE"}},
    "service": {
        "serviceName": "guardduty",
        "action": {
            "actionType": "AWS_API_CALL",
            "awsApiCallAction": {
                "api": "ListUsers",
                "serviceName": "iam.amazonaws.com",
                "remoteIpDetails": {"ipAddressV4": "203.0.113.77"},
            },
        },
    },
}


def snapshot_of(schema: str, record: dict[str, Any]) -> tuple[Snapshot, Evidence]:
    raw = json.dumps(record).encode()
    compiled = bundled().schemas[schema]
    one = Evidence(
        evidence_id(raw), schema, schema, "json/1", raw, compiled.event_ns(view(raw, "json/1")), None
    )
    return Snapshot(bundled(), [one]), one


def case_of(schema: str, record: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of a case with one alert."""
    snapshot, one = snapshot_of(schema, record)
    raised = alert_of(bundled().schemas[schema], one, snapshot.view(one.id))
    assert raised is not None
    time = None if one.event_ns is None else format_time(one.event_ns)
    document = {
        "id": "case-1",
        "title": "one alert",
        "severity": "medium",
        "tier": 2,
        "snapshot": snapshot.id,
        "opened_because": ["1 alert"],
        "alerts": [{"id": raised.id, "rule": neutralize(raised.rule), "time": time, "evidence": one.id}],
        "evidence": [{"id": one.id, "schema": schema, "time": time}],
        "observables": [],
        "brief": {"id": "brief-1"},
    }
    return case_events(document, snapshot)


@pytest.fixture
def events() -> list[dict[str, Any]]:
    return case_of("aws.guardduty", FINDING)


def test_a_case_is_an_incident_and_a_finding_for_each_alert(events):
    numbers = [(e["class_uid"], e["category_uid"], e["activity_id"], e["type_uid"]) for e in events]
    assert [(2005, 2, 1, 200501), (2004, 2, 1, 200401)] == numbers
    assert {"1.8.0"} == {e["metadata"]["version"] for e in events}


def test_time_is_in_milliseconds_and_severity_is_the_source_s(events):
    incident, finding = events
    assert 1746515289000 == finding["time"] == incident["start_time"] == incident["end_time"]
    assert (4, "High") == (finding["severity_id"], finding["severity"])
    assert (3, "Medium") == (incident["severity_id"], incident["severity"])


def test_nobody_has_decided_so_there_is_no_verdict(events):
    told = json.dumps(events)
    assert {"status_id": 1, "status": "New"}.items() <= events[0].items()
    assert [word for word in ("verdict", "disposition", "resolution", "assignee") if word in told] == []


def test_evidence_names_the_record_and_holds_what_it_says(events):
    finding = events[1]
    [evidence] = finding["evidences"]
    assert finding["finding_info"]["title"] == "Recon:IAMUser/Odd"
    assert evidence["uid"].startswith("sha256:")
    assert evidence["actor"] == {"user": {"name": "kim"}}
    assert evidence["api"] == {"operation": "ListUsers", "service": {"name": "iam.amazonaws.com"}}
    assert evidence["src_endpoint"] == {"ip": "203.0.113.77"}
    assert finding["cloud"]["region"] == "us-east-1"
    assert finding["metadata"]["profiles"] == ["cloud"]
    assert finding["metadata"]["correlation_uid"] == "case-1"


def test_an_observable_has_its_number_and_names_what_holds_it(events):
    rows = {row["value"]: (row["type_id"], row["type"], row["name"]) for row in events[1]["observables"]}
    assert rows["203.0.113.77"] == (2, "IP Address", "evidences[0].src_endpoint.ip")
    assert rows["kim"] == (4, "User Name", "evidences[0].actor.user.name")
    assert rows["AKIAIOSFODNN7EXAMPLE"][2] == "unmapped./resource/accessKeyDetails/accessKeyId"


def test_a_value_that_fits_nowhere_is_kept_under_its_pointer(events):
    unmapped = events[1]["unmapped"]
    assert unmapped["/schemaVersion"] == "2.0"
    assert events[0]["unmapped"]["observables"]["ip"] == ["203.0.113.77"]


def test_the_rule_is_in_the_source_s_own_words():
    [incident, finding] = case_of("aws.guardduty", FINDING | {"type": "See http://bad.example.net/x"})
    assert finding["finding_info"]["title"] == "See http://bad.example.net/x"
    assert incident["finding_info_list"][0]["title"] == "See http://bad.example.net/x"


def test_a_time_that_cannot_be_read_is_not_made_up():
    [_, finding] = case_of("aws.guardduty", FINDING | {"createdAt": "yesterday"})
    assert "time" not in finding
    assert finding["unmapped"]["/createdAt"] == "yesterday"


def test_a_finding_without_any_object_still_has_evidence():
    [_, finding] = case_of(
        "ecs.alert", {"@timestamp": "2025-05-06T07:08:09Z", "event": {"kind": "alert"}, "rule": {"name": "x"}}
    )
    assert finding["evidences"][0]["data"]["pointers"]


def test_a_secret_never_leaves():
    snapshot, one = snapshot_of(
        "github.audit",
        {"@timestamp": 1746515289250, "action": "hook.create", "actor": "kim", "org": "corp", "config": {"secret": "s3cret"}},
    )  # fmt: skip
    made = event(snapshot, one.id)
    assert "s3cret" not in json.dumps(made, default=str)
    assert (made["class_uid"], made["api"]["operation"], made["actor"]["user"]["name"]) == (
        6003,
        "hook.create",
        "kim",
    )


def test_a_record_is_of_the_class_of_what_it_states():
    snapshot, one = snapshot_of(
        "k8s.audit",
        {"kind": "Event", "apiVersion": "audit.k8s.io/v1", "verb": "create", "user": {"username": "kim"},
         "objectRef": {"resource": "serviceaccounts", "name": "robot"}, "responseStatus": {"code": 201}},
    )  # fmt: skip
    made = event(snapshot, one.id)
    assert (made["class_uid"], made["status_id"], made["user"]) == (3001, 1, {"name": "robot"})


def test_what_ocsf_requires_stands_beside_what_is_known():
    made = complete(
        grown({"process.file.path": "C:\\t\\x.exe", "file.hashes.0.value": "ab" * 32, "cloud.region": "r", "device.ip": "i"}),
        "aws.cloudtrail",
    )  # fmt: skip
    assert made["process"]["file"] == {"path": "C:\\t\\x.exe", "name": "x.exe", "type_id": 0}
    assert made["file"]["hashes"] == [{"value": "ab" * 32, "algorithm_id": 3}]
    assert (made["cloud"]["provider"], made["device"]["type_id"]) == ("AWS", 0)


def test_names_with_dots_become_objects_and_lists():
    assert grown({"a.b": 1, "a.c.0.d": 2, "a.c.0.e": 3, "f.0": 4}) == {
        "a": {"b": 1, "c": [{"d": 2, "e": 3}]},
        "f": [4],
    }
