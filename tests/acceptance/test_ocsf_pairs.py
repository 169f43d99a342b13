"""Records beside the OCSF form that the community published for them: what we read, and what we would write.

Where the two differ, the reasons are in docs/formats/ocsf.md: older class numbers, times that were published in
seconds, and numbers that a publisher chose.
"""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from countersign.adapters.dictionaries import bundled
from countersign.adapters.sources.detect import UNKNOWN, schema_of
from countersign.core.briefs.ocsf_event import event
from countersign.core.claims.snapshot import Snapshot
from countersign.core.ids import evidence_id
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import walk
from countersign.core.records.shapes import UntypedFields
from countersign.core.records.views import view
from shared_data import shared_folder

# Words that a publisher may choose, and what we do not compare: versions, products, lists of observables.
OURS = (
    "metadata.version",
    "metadata.product",
    "observables",
    "unmapped",
    "class_name",
    "category",
    "type_",
    "activity",
)
NUMBER = msgspec.json.Encoder(decimal_format="number")
LOGS = {"GCP.AuditLog": "gcp.audit", "GitHub.Audit": "github.audit", "Amazon.EKS.Audit": "k8s.audit"}


@pytest.fixture(scope="module")
def pairs() -> list[dict[str, Any]]:
    file = shared_folder("ocsf-raw-pairs") / "ocsf_pairs.jsonl"
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def compared(pairs) -> list[tuple[str, str, Any, Any]]:
    """Schema, attribute, ours and theirs, for every attribute that both sides have."""
    return [row for pair in pairs for row in side_by_side(pair)]


def events(pair: dict[str, Any]) -> list[dict[str, Any]]:
    return pair["ocsf"] if isinstance(pair["ocsf"], list) else [pair["ocsf"]]


def flat(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict | list):
        yield name, value
        return
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield from flat(inner, f"{name}.{key}".strip("."))


def side_by_side(pair: dict[str, Any]) -> Iterator[tuple[str, str, Any, Any]]:
    raw = pair["raw"]
    schema = schema_of(raw) if isinstance(raw, dict) else UNKNOWN
    if schema == UNKNOWN:
        return
    text = json.dumps(raw).encode()
    when = bundled().schemas[schema].event_ns(view(text, "json/1"))
    one = Evidence(evidence_id(text), schema, schema, "json/1", text, when, None)
    ours = dict(flat(json.loads(NUMBER.encode(event(Snapshot(bundled(), [one]), one.id)))))
    theirs = dict(flat(events(pair)[0]))
    for name in sorted(ours.keys() & theirs.keys()):
        if not name.startswith(OURS):
            yield schema, name, ours[name], theirs[name]


def test_every_published_event_is_recognised_has_a_time_and_no_untyped_field(pairs):
    schemas = bundled().schemas
    untyped, fields, timed, all_events = UntypedFields(), set(), 0, 0
    for one in (one for pair in pairs for one in events(pair)):
        schema = schema_of(one)
        assert schema.startswith("ocsf.")
        seen = view(json.dumps(one).encode(), "json/1")
        untyped.look(schemas[schema], seen)
        fields |= {(schema, pointer) for pointer, _, _ in walk(schemas[schema], seen)}
        timed, all_events = timed + (schemas[schema].event_ns(seen) is not None), all_events + 1
    assert (60, 60) == (all_events, timed)
    assert untyped.count <= len(fields) / 10


def test_what_we_would_write_is_what_was_published(compared):
    """Nine in ten of all values; those that say who did what from where are never in dispute."""
    agreed = Counter(name for _, name, ours, theirs in compared if str(ours) == str(theirs))
    all_ = Counter(name for _, name, _, _ in compared)
    assert sum(all_.values()) >= 150
    assert sum(agreed.values()) >= 0.85 * sum(all_.values())
    for name in (
        "api.operation",
        "api.service.name",
        "actor.user.name",
        "http_request.user_agent",
        "status_id",
    ):
        assert all_[name] == agreed[name], name
    assert all_["src_endpoint.ip"] - agreed["src_endpoint.ip"] <= 1, "one publisher shortened an address"


def test_times_differ_only_where_seconds_were_published_or_another_field_was_taken(compared):
    for schema, name, ours, theirs in compared:
        if name == "time" and ours != theirs:
            assert theirs < 10**11 or abs(ours - theirs) < 1000, schema


@pytest.mark.parametrize("log_type", LOGS)
def test_logs_of_detection_tests_are_recognised_by_content_and_typed(log_type):
    """A few of these are fragments, or records of another cloud under a shared heading."""
    file = shared_folder("detection-tests-panther") / "panther_tests.jsonl"
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    logs = [row["log"] for row in rows if row["log_type"] == log_type]
    known = [(schema_of(log), log) for log in logs if schema_of(log) in LOGS.values()]
    schema, untyped, fields = bundled().schemas[LOGS[log_type]], UntypedFields(), set()
    for log in (log for name, log in known if name == LOGS[log_type]):
        untyped.look(schema, view(json.dumps(log).encode(), "json/1"))
        fields |= {pointer for pointer, _, _ in walk(schema, log)}
    assert len(known) >= 0.95 * len(logs)
    assert untyped.count <= len(fields) / 10
