"""The field dictionaries: well formed, and read as expected on small records of every schema.

`golden/` holds invented records, a file for each schema. For each it says the event time, type, label and taint of
some pointers, and every relation that the record states, role by role. A relation that is not listed must
not be stated: a row that says too much fails here.
"""

import json
from importlib.resources import files
from pathlib import Path

import pytest

from countersign.core.canonical import format_time
from countersign.core.claims.registry import RELATIONS
from countersign.core.claims.snapshot import Snapshot
from countersign.core.ids import evidence_id
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import MISSING, Dictionary, merged
from countersign.core.records.views import EMBEDDED_PARSERS, RECORD_PARSERS
from countersign.core.render import value_text

FOLDER = files("countersign.core.records") / "dictionary"
FILES = {entry.name: entry.read_bytes() for entry in FOLDER.iterdir() if entry.name.endswith(".toml")}
DOCUMENTS = {name: merged(name, FILES) for name in FILES if not name.startswith("_")}
DICTIONARY = Dictionary.load(FILES)
CASES = [
    case
    for path in sorted(Path(__file__).with_name("golden").glob("*.json"))
    for case in json.loads(path.read_text(encoding="utf-8"))
]

TYPES = set(
    "ip port pid int number bool time host domain user sid email url url_path path cmdline sha256 sha1 md5 hash guid "
    "id enum text mac arn country severity registry_key service_name".split()
)
ROLES = set(
    "actor target source destination host process parent object rule outcome action time principal resource app".split()
)
ALLOWED = {
    "type": TYPES,
    "role": ROLES,
    "taint": {"system", "outsider"},
    "sensitivity": {"none", "personal", "secret"},
    "presence": {"always", "sometimes"},
    "format": {"iso", "utc", "epoch_s", "epoch_ms", "rfc5322"},
    "embed": set(EMBEDDED_PARSERS),
}
FREE = {"label": str, "vocabulary": list, "cut": int, "observable": bool, "watch": bool}
CLAUSE_OPS = {"eq", "contains", "prefix", "lt", "le", "gt", "ge", "in_cidr"}
SEVERITIES = {"low", "medium", "high", "critical"}

each_file = pytest.mark.parametrize("name", sorted(DOCUMENTS))
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['schema']}: {case['name']}")


def snapshot_of(case):
    record, schema = case["record"], DICTIONARY.schemas[case["schema"]]
    raw = record.encode() if isinstance(record, str) else json.dumps(record).encode()
    evidence = Evidence(evidence_id(raw), schema.name, schema.name, schema.parser, raw, None, None)
    return Snapshot(DICTIONARY, [evidence]), evidence.id


def role_of(snapshot, eid, place):
    """A role as the record states it: a word of the row, or the first value that is present."""
    found = [snapshot.value(eid, snapshot.path(snapshot.evidence[eid].schema, p)) for p in place.pointers]
    value = next((v for v in found if v is not MISSING), MISSING)
    if place.present or place.absent:
        return place.absent if value is MISSING else place.present
    return dict(place.mapping)[value_text(value)] if place.mapping and value is not MISSING else value


@each_file
def test_a_dictionary_is_named_after_its_schema_and_read_by_a_known_parser(name):
    document = DOCUMENTS[name]
    assert name == document["schema"] + ".toml"
    assert document["parser"] in RECORD_PARSERS
    assert all(document[key] for key in ("version", "title", "product"))


@each_file
def test_every_field_uses_only_the_allowed_words(name):
    for pointer, spec in DOCUMENTS[name].get("fields", {}).items():
        assert pointer.startswith("/"), pointer
        assert {"type", "label", "taint"} <= set(spec), pointer
        for key, value in spec.items():
            allowed = value in ALLOWED[key] if key in ALLOWED else isinstance(value, FREE[key])
            assert allowed, (pointer, key, value)


@each_file
def test_a_label_is_short_and_names_no_wildcard_that_the_pointer_lacks(name):
    for pointer, spec in DOCUMENTS[name].get("fields", {}).items():
        stars = pointer.replace("!", "/").split("/").count("*")
        assert all(spec["label"].count(f"{{{n}}}") == 0 for n in range(stars + 1, 9)), pointer
        assert 0 < len(spec["label"]) <= 80, pointer


@each_file
def test_what_stands_inside_a_string_has_a_parser_for_that_string(name):
    known = DOCUMENTS[name].get("fields", {})
    for pointer in known:
        at = pointer.find("!")
        while at >= 0:
            assert known[pointer[:at]].get("embed"), pointer
            at = pointer.find("!", at + 1)


@each_file
def test_every_pointer_that_a_dictionary_uses_is_one_of_its_fields(name):
    schema = DICTIONARY.schemas[DOCUMENTS[name]["schema"]]
    used = [*schema.time, *schema.ingest_time, *schema.source]
    for row in schema.relations:
        used += [pointer for pointer, _, _ in row.when]
        used += [pointer for _, place in row.roles for pointer in place.pointers]
    if schema.alert:
        used += [*schema.alert.trigger, *schema.alert.severity.pointers]
        used += [pointer for pointer, _, _ in schema.alert.when]
        used += filter(None, (schema.alert.id, schema.alert.rule, schema.alert.category))
    assert [pointer for pointer in used if schema.path(pointer) is None] == []


@each_file
def test_times_are_read_from_fields_of_type_time(name):
    schema = DICTIONARY.schemas[DOCUMENTS[name]["schema"]]
    assert all(schema.field(pointer).type == "time" for pointer in (*schema.time, *schema.ingest_time))


@each_file
def test_relations_have_registered_names_roles_and_operators(name):
    for row in DICTIONARY.schemas[DOCUMENTS[name]["schema"]].relations:
        assert {role for role, _ in row.roles} <= RELATIONS[row.name], row.name
        assert {op for _, op, _ in row.when} <= CLAUSE_OPS, row.name


@each_file
def test_secrets_are_never_typed_as_something_to_correlate_on(name):
    secrets = [s for s in DOCUMENTS[name].get("fields", {}).values() if s.get("sensitivity") == "secret"]
    assert {spec["type"] for spec in secrets} <= {"text"}


def test_every_schema_has_a_golden_record():
    assert set(DICTIONARY.schemas) == {case["schema"] for case in CASES}


@each_case
def test_event_time_is_read_from_the_record(case):
    snapshot, eid = snapshot_of(case)
    ns = snapshot.schema(eid).event_ns(snapshot.view(eid))
    assert (None if ns is None else format_time(ns)) == case["time"]


@each_case
def test_fields_have_the_type_label_and_taint_expected(case):
    schema = DICTIONARY.schemas[case["schema"]]
    paths = {pointer: schema.path(pointer) for pointer in case["fields"]}
    described = {p: path and [path.field.type, path.label, path.field.taint] for p, path in paths.items()}
    assert described == case["fields"]


@each_case
def test_a_record_states_exactly_the_relations_expected(case):
    snapshot, eid = snapshot_of(case)
    rows = {name: snapshot.relation(eid, name) for name in RELATIONS}
    stated = {
        name: {
            role: found
            for role, place in row.roles
            if (found := role_of(snapshot, eid, place)) is not MISSING
        }
        for name, row in rows.items()
        if row is not None and row.roles
    }
    assert stated == case["relations"]


@pytest.mark.parametrize("case", [c for c in CASES if "alert" in c], ids=lambda case: case["schema"])
def test_an_alert_says_its_rule_and_severity(case):
    snapshot, eid = snapshot_of(case)
    alert = snapshot.schema(eid).alert
    assert snapshot.holds(eid, alert.when)
    rule = alert.rule_const or snapshot.value(eid, snapshot.path(case["schema"], alert.rule))
    severity = alert.severity_const or severity_of(snapshot, eid, alert)
    assert {"rule": rule, "severity": severity} == case["alert"]


def severity_of(snapshot, eid, alert):
    value = role_of(snapshot, eid, alert.severity)
    return next((name for low, name in alert.severity_bands if value >= low), value)


@pytest.mark.parametrize(
    ("severity", "name"),
    [(0, "low"), (3.9, "low"), (4, "medium"), (6.9, "medium"), (7, "high"), (8.9, "critical")],
)
def test_a_finding_falls_into_the_band_of_its_number(severity, name):
    bands = DICTIONARY.schemas["aws.guardduty"].alert.severity_bands
    assert [low for low, _ in bands] == sorted((low for low, _ in bands), reverse=True)
    assert {word for _, word in bands} <= SEVERITIES
    assert next(word for low, word in bands if severity >= low) == name


def test_of_two_matching_entries_the_one_that_names_the_key_counts():
    schema = DICTIONARY.schemas["aws.cloudtrail"]
    assert schema.field("/requestParameters/userName").type == "user"
    assert schema.field("/requestParameters/neverHeardOf").type == "text"
    assert schema.field("/neverHeardOf") is None
