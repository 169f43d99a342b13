"""What is an audit record, an Elastic document or an OCSF event, and what only looks like one."""

import json

import pytest

from countersign.adapters.sources import elastic, gcp, github, kubernetes, ocsf

AUDIT = "type.googleapis.com/google.cloud.audit.AuditLog"
EVENT = {"kind": "Event", "apiVersion": "audit.k8s.io/v1", "verb": "get"}


@pytest.mark.parametrize("name", ["protoPayload", "protopayload_auditlog", "protopayload"])
def test_a_payload_that_calls_itself_an_audit_log_is_one(name):
    assert gcp.schema_of({name: {"@type": AUDIT}}) == "gcp.audit"
    assert gcp.schema_of({name: {"methodName": "storage.objects.get"}}) == "gcp.audit"


@pytest.mark.parametrize(
    "record",
    [
        {
            "protoPayload": {
                "@type": "type.googleapis.com/google.appengine.logging.v1.RequestLog",
                "status": 200,
            }
        },
        {"protoPayload": "text"},
        {"jsonPayload": {"methodName": "x"}},
    ],
)
def test_another_payload_is_not(record):
    assert gcp.schema_of(record) is None


def test_an_action_of_somebody_somewhere_is_github_s():
    assert github.schema_of({"action": "repo.access", "actor": "kim", "org": "corp"}) == "github.audit"
    assert github.schema_of({"action": "git.clone", "actor_id": 7, "repo": "corp/a"}) == "github.audit"


@pytest.mark.parametrize(
    "record",
    [
        {"action": "completed", "repository": {"name": "a"}, "sender": {"login": "kim"}},
        {"action": "user.login", "actor": {"name": "kim"}, "org": "corp"},
        {"action": "repo.access", "actor": "kim"},
        {"action": 7, "actor": "kim", "org": "corp"},
    ],
)
def test_a_webhook_or_another_product_s_action_is_not(record):
    assert github.schema_of(record) is None


@pytest.mark.parametrize(
    "record",
    [
        EVENT,
        {"kind": "Event", "verb": "get", "objectRef": {"resource": "pods"}},
        {"category": "kube-audit-admin", "properties": {"log": json.dumps(EVENT)}},
        {"logStreamName": "kube-apiserver-audit-1", "message": json.dumps(EVENT)},
        {"@message": json.dumps(EVENT)},
    ],
)
def test_an_audit_event_is_known_wherever_it_stands(record):
    assert kubernetes.schema_of(record) == "k8s.audit"


@pytest.mark.parametrize(
    "record",
    [
        {"kind": "Event", "apiVersion": "v1", "involvedObject": {"kind": "Pod"}, "verb": "get", "stage": "x"},
        {"kind": "Event", "apiVersion": 1},
        {"category": "guard", "properties": {"log": "{}"}},
        {"logStreamName": "kube-scheduler-1", "message": "{}"},
        {"message": "plain text", "logStreamName": "kube-apiserver-audit-1"},
    ],
)
def test_an_event_of_the_cluster_itself_or_another_log_is_not(record):
    assert kubernetes.schema_of(record) is None


@pytest.mark.parametrize(
    ("record", "schema"),
    [
        ({"kibana.alert.rule.name": "x"}, "elastic.alert"),
        ({"kibana": {"alert": {"rule": {"name": "x"}}}}, "elastic.alert.nested"),
        ({"signal": {"rule": {"name": "x"}}}, "elastic.signal"),
        ({"@timestamp": "t", "event": {"kind": "alert"}}, "ecs.alert"),
        ({"@timestamp": "t", "event.kind": "alert"}, "ecs.alert"),
        ({"@timestamp": "t", "ecs": {"version": "8"}}, "ecs.event"),
        ({"@timestamp": "t", "ecs.version": "8", "event.kind": "event"}, "ecs.event"),
        ({"@timestamp": "t", "agent": {"type": "winlogbeat"}, "winlog": {}}, "ecs.event"),
        ({"@timestamp": "t", "agent": {"name": "wks-7", "id": "001"}, "rule": {"level": 3}}, None),
        ({"event": {"kind": "alert"}}, None),
        ({"signal": 9}, None),
    ],
)
def test_documents_of_elastic_in_either_spelling(record, schema):
    assert elastic.schema_of(record) == schema


@pytest.mark.parametrize(
    ("number", "name", "schema"),
    [
        (2004, "Detection Finding", "ocsf.detection_finding"),
        (2004, None, "ocsf.detection_finding"),
        (3005, "API Activity", "ocsf.api_activity"),
        (3005, "User Access Management", "ocsf.user_access"),
        (6002, "Application Lifecycle", "ocsf.base_event"),
    ],
)
def test_the_class_of_an_event_is_its_name_and_then_its_number(number, name, schema):
    assert (
        ocsf.schema_of(
            {"class_uid": number, "class_name": name, "metadata": {}, "severity_id": 1, "activity_id": 1}
        )
        == schema
    )


@pytest.mark.parametrize(
    "record",
    [
        {"class_uid": 2004, "severity_id": 1, "activity_id": 1},
        {"class_uid": "2004", "metadata": {}, "severity_id": 1, "activity_id": 1},
        {"class_uid": True, "metadata": {}, "severity_id": 1, "activity_id": 1},
        {"class_uid": 2004, "metadata": {}},
    ],
)
def test_a_number_alone_makes_no_ocsf_event(record):
    assert ocsf.schema_of(record) is None
