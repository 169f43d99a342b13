"""Folders that are read by a shipped mapping come in whole: as many records as somebody else counted."""

import gzip
import json
from collections import Counter

import pytest

from countersign import wiring
from countersign.core.ids import evidence_id
from countersign.core.records.evidence import Incoming, Quarantined
from countersign.core.records.intake import receive
from countersign.core.records.shapes import UntypedFields
from countersign.core.records.views import view
from shared_data import shared_folder


def taken(mapping, *paths):
    return list(wiring.incoming(map(str, paths), "auto", None, wiring.mappings([mapping])))


def schemas(outcomes):
    return Counter(outcome.schema for outcome in outcomes if isinstance(outcome, Incoming))


def lines(path):
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def whole(outcomes):
    """Records = evidence + exact repeats + quarantined."""
    records = [o for o in outcomes if isinstance(o, Incoming | Quarantined)]
    read = [evidence_id(o.raw) for o in records if isinstance(o, Incoming)]
    evidence, quarantined = len(set(read)), sum(isinstance(o, Quarantined) for o in records)
    return len(records) == evidence + (len(read) - evidence) + quarantined and len(records)


@pytest.mark.parametrize("name", ["russellmitchell", "shaw", "wardbeck"])
def test_every_ait_alert_is_a_record(name):
    folder = shared_folder("ait-ads")
    counted = json.loads((folder / "counts.json").read_text())[name]
    outcomes = taken("ait-ads", folder / f"{name}_alerts.csv.gz")

    assert counted["alerts"] == whole(outcomes)
    assert {"csv.ait-ads": counted["alerts"]} == schemas(outcomes)
    products = Counter(outcome.view["name"].partition(":")[0] for outcome in outcomes)
    assert counted["sources"] == products
    assert counted["hosts"] == len({outcome.view["host"] for outcome in outcomes})


def test_the_bytes_of_an_ait_record_are_those_of_the_file():
    path = shared_folder("ait-ads") / "russellmitchell_alerts.csv.gz"
    header, *rows = gzip.decompress(path.read_bytes()).splitlines()
    outcomes = taken("ait-ads", path)

    assert [header + b"\n" + row for row in rows] == [outcome.raw for outcome in outcomes]
    assert all(outcome.view == view(outcome.raw, "csv/1") for outcome in outcomes[::97])


def test_every_column_of_the_ait_alerts_has_a_type_or_is_ignored():
    dictionary = wiring.dictionary(wiring.mappings(["ait-ads"]))
    untyped = UntypedFields()
    for outcome in taken("ait-ads", shared_folder("ait-ads") / "russellmitchell_alerts.csv.gz")[:100]:
        evidence, seen = receive(outcome, dictionary)
        untyped.look(dictionary.schemas["csv.ait-ads"], seen)
        assert evidence.event_ns == int(seen["time"]) * 10**9

    assert 0 == untyped.count


def test_every_sigma_rule_is_an_alert_and_its_events_are_records():
    path = shared_folder("windows-sigma-regression") / "sigma_regression.jsonl"
    documents = lines(path)
    outcomes = taken("sigma-regression", path)

    assert 98 == len(documents)
    assert {
        "json.sigma-regression": 98,
        "windows.event": sum(len(document["events"]) for document in documents),
    } == schemas(outcomes)
    assert whole(outcomes) == sum(schemas(outcomes).values())
    assert [json.loads(o.raw) for o in outcomes if o.schema == "windows.event"] == [
        event for document in documents for event in document["events"]
    ]


def test_every_panther_test_gives_the_record_it_wraps():
    path = shared_folder("detection-tests-panther") / "panther_tests.jsonl"
    documents = lines(path)
    outcomes = taken("panther-tests", path)

    assert 1498 == len(documents) == whole(outcomes) == len(outcomes)
    assert [json.loads(o.raw) for o in outcomes] == [document["log"] for document in documents]
    assert "json.panther-tests" not in schemas(outcomes)


def test_every_half_of_an_ocsf_pair_is_a_record_or_in_quarantine():
    path = shared_folder("ocsf-raw-pairs") / "ocsf_pairs.jsonl"
    documents = lines(path)
    outcomes = taken("ocsf-pairs", path)

    assert 58 == len(documents)
    raws, mapped = [d["raw"] for d in documents], [d["ocsf"] for d in documents]
    halves = [*raws, *(form for one in mapped for form in (one if isinstance(one, list) else [one]))]
    objects = [half for half in halves if isinstance(half, dict)]
    read = Counter(o.raw for o in outcomes if isinstance(o, Incoming) and o.parser == "json/1")
    assert sum(read.values()) >= len(objects)
    assert whole(outcomes) >= len(halves), "a text may hold several records"
    assert {path.name} == {o.file.rpartition("/")[2] for o in outcomes}
    assert {o.line for o in outcomes} == set(range(1, 59))
