"""What one mould gives is what working a record out in full gives."""

from decimal import Decimal
from pathlib import Path

import pytest

import countersign
from countersign.adapters.dictionaries import bundled
from countersign.adapters.sources import read
from countersign.core.cases.arrival import Arrived, arrive
from countersign.core.cases.sighting import sighting
from countersign.core.records.alerting import alert_of
from countersign.core.records.evidence import Incoming
from countersign.core.records.fields import MISSING, Schema
from countersign.core.records.intake import receive
from countersign.core.records.observable import observables
from countersign.core.records.shapes import UntypedFields
from countersign.core.records.telling import Telling
from shared_data import shared_folder

NOW_NS = 1_790_000_000 * 10**9
SCENARIO = Path(countersign.__file__).parent / "demo" / "scenario" / "evidence"
FOLDERS = (
    "suricata-eve", "windows-otrf-atomic", "aws-cloudtrail-invictus", "zeek-wrccdc-2018", "wazuh-alerts-ait",
    "ocsf-raw-pairs", "email-phishing", "xdr-incidents-excytin",
)  # fmt: skip
MOST = 1500


def in_full(incoming, dictionary, untyped):
    """By the rules themselves."""
    record, view = receive(incoming, dictionary)
    schema = dictionary.schema(incoming.schema)
    if schema is None or view is MISSING:
        return Arrived(record)
    found, alert = observables(schema, view), alert_of(schema, record, view)
    seen = None if alert is None else sighting(alert, schema, view, found, NOW_NS)
    pairs = tuple((one.type, one.value) for one, _ in found)
    return Arrived(record, pairs, alert, seen, untyped.look(schema, view))


def same(folder):
    dictionary, one, other = bundled(), UntypedFields(), UntypedFields()
    records = [each for each in read([str(folder)], "auto", None) if isinstance(each, Incoming)]
    for record in records[:: max(1, len(records) // MOST)]:
        assert in_full(record, dictionary, one) == arrive(record, dictionary, other, NOW_NS)
    assert records
    assert one.unknown == other.unknown


def test_a_record_out_of_a_mould_is_the_one_worked_out_in_full():
    same(SCENARIO)


@pytest.mark.parametrize("name", FOLDERS)
def test_real_records_out_of_a_mould_are_those_worked_out_in_full(name):
    same(shared_folder(name))


SCHEMA = Schema(
    {
        "schema": "test.alert",
        "fields": {"/src": {"type": "ip"}, "/list/*/user": {"type": "user"}, "/rule": {"type": "text"}, "/n": {"type": "number"}},
        "source": ["/sensor"],
        "alert": {"when": [["/n", "ge", 1]], "rule": "/rule"},
    }
)  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"src": "192.0.2.1"}, {"src": "192.0.2.2"}),
        ({"n": 1}, {"n": True}),
        ({"n": 1}, {"n": "1"}),
        ({"n": 1}, {"n": None}),
        ({"free": "x"}, {"free": None}),
        ({"free": []}, {"free": {}}),
        ({"free": [{"a": 1}]}, {"free": [{"b": 1}]}),
        ({"list": [{"user": "a"}, {"user": "b"}]}, {"list": [{"user": "b"}, {"user": "a"}]}),
        ({"list": [{"user": "a"}]}, {"list": {"0": {"user": "a"}}}),
        ({"a": 1, "b": 1}, {"b": 1, "a": 1}),
    ],
)
def test_records_that_tell_something_else_have_other_keys(one, other):
    key = Telling(SCHEMA)
    assert None not in (key(one), key(other))
    assert key(one) != key(other)


def test_times_and_other_values_that_nothing_is_read_of_change_no_key():
    key = Telling(SCHEMA)
    assert key({"src": "192.0.2.1", "free": 1}) == key({"src": "192.0.2.1", "free": 2})


@pytest.mark.parametrize("view", [[], "x", None, {"n": Decimal("1.50")}])
def test_what_cannot_be_told_apart_by_its_values_has_no_key(view):
    assert Telling(SCHEMA)(view) is None
