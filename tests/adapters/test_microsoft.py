"""Which Microsoft table a row is from, with and without its name, and that nothing of the real ones is lost."""

import json
from pathlib import Path

import pytest
from tests.shared_data import shared_folder

from countersign.adapters.dictionaries import bundled
from countersign.adapters.sources import microsoft
from countersign.adapters.sources.detect import schema_of
from countersign.core.records.fields import walk

GOLDEN = [
    case
    for path in sorted(Path(__file__).parents[1].joinpath("core", "golden").glob("ms.*.json"))
    for case in json.loads(path.read_text(encoding="utf-8"))
]
NEW = [case for case in GOLDEN if case["schema"] in microsoft.SCHEMAS[7:] or ".graph." in case["schema"]]


@pytest.mark.parametrize("case", NEW, ids=lambda case: f"{case['schema']}: {case['name']}")
def test_a_row_is_known_without_the_name_of_its_table(case):
    bare = {key: value for key, value in case["record"].items() if key != "Type"}
    assert schema_of(bare) == case["schema"]


@pytest.mark.parametrize("schema", microsoft.SCHEMAS)
def test_a_row_that_names_its_table_is_believed(schema):
    assert schema_of({"TimeGenerated": "", "Type": schema.removeprefix("ms.")}) == schema


@pytest.mark.parametrize("name", ["Group", "SecurityRecommendation", "", None, 7, ["SecurityAlert"]])
def test_a_type_that_names_no_known_table_says_nothing(name):
    assert schema_of({"TimeGenerated": "", "Type": name}) == "json.unknown"


@pytest.mark.parametrize("case", NEW, ids=lambda case: f"{case['schema']}: {case['name']}")
def test_columns_of_other_tables_that_hold_nothing_change_nothing(case):
    columns = {key for other in NEW for key in other["record"]} - {
        "ActionType"
    }  # a string there tells an action
    assert schema_of(dict.fromkeys(columns, "") | case["record"]) == case["schema"]


@pytest.mark.parametrize(
    ("action", "table"),
    [
        ("HttpConnectionInspected", "ms.DeviceNetworkEvents"),
        ("ConnectionSuccessAggregatedReport", "ms.DeviceNetworkEvents"),
        ("ImageLoaded", "ms.DeviceImageLoadEvents"),
        ("NamedPipeEvent", "ms.DeviceEvents"),
    ],
)
def test_an_action_tells_the_table_of_a_device(action, table):
    assert schema_of({"Timestamp": "", "ActionType": action, "DeviceId": "1"}) == table


@pytest.mark.parametrize(
    ("file", "lines", "schema"),
    [
        ("security_alerts.jsonl", 94, "ms.SecurityAlert"),
        ("security_incidents.jsonl", 4, "ms.SecurityIncident"),
    ],
)
def test_every_real_row_is_known_and_every_field_has_a_type(file, lines, schema):
    content = (shared_folder("xdr-incidents-excytin") / file).read_bytes().splitlines()
    rows = [json.loads(line) for line in content]
    assert [schema_of(row) for row in rows] == [schema] * lines
    compiled = bundled().schemas[schema]
    assert {pointer for row in rows for pointer, field, _ in walk(compiled, row) if field is None} == set()
    assert all(compiled.event_ns(row) is not None for row in rows)
