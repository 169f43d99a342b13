"""The dictionary says when a record is an alert; its severity is the source's claim in our words."""

import pytest

from countersign.core.ids import derived_id
from countersign.core.records.alerting import alert_of, triggers
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import Schema

FIELDS = {
    "/type": {"type": "enum"},
    "/rule": {"type": "text"},
    "/number": {"type": "int"},
    "/kind": {"type": "text"},
    "/level": {"type": "severity"},
    "/src": {"type": "ip"},
}


def schema(**alert: object) -> Schema:
    return Schema({"schema": "test.alert", "product": "Test", "fields": FIELDS, "alert": alert})


MAPPED = schema(
    when=[["/type", "eq", "alert"]],
    rule="/rule",
    id="/number",
    category="/kind",
    severity={"ptr": "/level", "map": {"1": "high", "3": "low", "9": "colossal"}},
    trigger=["/rule", "/src"],
)
RECORD = Evidence("sha256:" + "a" * 64, "test.alert", "test.alert", "json/1", b"{}", 7, None)


def test_an_alert_says_what_fired_in_the_words_of_its_source():
    alert = alert_of(MAPPED, RECORD, {"type": "alert", "rule": "Bad thing", "kind": "Trojan", "level": 1})
    assert (alert.rule, alert.category, alert.severity, alert.event_ns) == ("Bad thing", "Trojan", "high", 7)
    assert (alert.evidence, alert.schema) == (RECORD.id, "test.alert")
    assert alert.id == derived_id("alert", RECORD.id)


@pytest.mark.parametrize("view", [{"type": "flow", "rule": "x"}, {"rule": "x"}, {"type": None}, {}, [], None])
def test_a_record_that_does_not_meet_the_rule_is_no_alert(view):
    assert alert_of(MAPPED, RECORD, view) is None


def test_a_schema_without_alerts_makes_none():
    assert alert_of(Schema({"schema": "test.plain", "fields": FIELDS}), RECORD, {"type": "alert"}) is None


@pytest.mark.parametrize(
    ("level", "severity"),
    [(1, "high"), ("1", "high"), (3, "low"), (2, "medium"), (9, "medium"), (True, "medium"), ("", "medium"),
     ("CRITICAL", "critical"), ("informational", "low"), (None, "medium"), ({}, "medium")],
)  # fmt: skip
def test_an_unknown_severity_is_medium_and_never_nothing(level, severity):
    assert alert_of(MAPPED, RECORD, {"type": "alert", "level": level}).severity == severity


def test_an_alert_without_a_rule_name_is_called_by_its_number_or_its_product():
    assert alert_of(MAPPED, RECORD, {"type": "alert", "number": 2001}).rule == "2001"
    assert alert_of(MAPPED, RECORD, {"type": "alert"}).rule == "Test alert without a rule name"


@pytest.mark.parametrize(
    ("level", "severity"), [(9, "critical"), (8, "high"), (4, "medium"), (0, "low"), ("x", "medium")]
)
def test_bands_put_a_number_into_words(level, severity):
    banded = schema(
        rule={"const": "Any"},
        severity={"ptr": "/level", "bands": [[8.9, "critical"], [7, "high"], [4, "medium"], [0, "low"]]},
    )
    alert = alert_of(banded, RECORD, {"level": level})
    assert (alert.rule, alert.severity) == ("Any", severity)


def test_a_constant_severity_holds_for_every_record():
    assert alert_of(schema(rule={"const": "Mail"}, severity={"const": "low"}), RECORD, {}).severity == "low"


def test_the_trigger_names_only_fields_that_the_record_holds():
    assert triggers(MAPPED, {"type": "alert", "src": "192.0.2.1"}) == ("/src",)


def test_a_rule_name_has_a_bound():
    assert len(alert_of(MAPPED, RECORD, {"type": "alert", "rule": "x" * 5000}).rule) == 300
