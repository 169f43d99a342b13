"""Telemetry joins a case for a reason, and records of one event are seen as such."""

import json

from countersign.core.cases.joining import Candidate, duplicates, join, told, widespread
from countersign.core.ids import evidence_id
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import Schema
from countersign.core.records.observable import Observable, observables

SECOND = 1_000_000_000
JDOE, HOST = Observable("user", "jdoe"), Observable("host", "ws7")


def candidate(name, second, *observables, source="test/one"):
    return Candidate(name, source, None if second is None else second * SECOND, observables)


def test_telemetry_that_shares_an_observable_joins_with_a_reason():
    joined = join(
        {JDOE: (0,)}, [candidate("b", 90, JDOE), candidate("a", 30, JDOE), candidate("c", 30, HOST)]
    )
    assert joined.evidence == (
        ("a", "same account jdoe within 30 s"),
        ("b", "same account jdoe within 2 min"),
    )
    assert joined.left_out == 0


def test_telemetry_outside_of_the_window_or_without_time_stays_out():
    assert join({JDOE: (0,)}, [candidate("a", 3601, JDOE), candidate("b", None, JDOE)]).evidence == ()


def test_the_window_is_counted_from_the_nearest_alert_that_holds_the_observable():
    assert len(join({JDOE: (0, 7200 * SECOND)}, [candidate("a", 9000, JDOE)]).evidence) == 1
    assert join({JDOE: (0,), HOST: (7200 * SECOND,)}, [candidate("a", 9000, JDOE)]).evidence == ()


def test_of_too_many_records_the_nearest_are_kept_and_the_rest_is_counted():
    many = [candidate(f"r{n:04}", n, JDOE, source=f"s{n % 3}") for n in range(50)]
    joined = join({JDOE: (0,)}, many, limit=10)
    assert [name for name, _ in joined.evidence] == [f"r{n:04}" for n in range(10)]
    assert joined.left_out == 40


def test_what_half_the_site_speaks_of_joins_nothing():
    speaking = [candidate(f"r{n}", n, HOST, JDOE, source=f"host-{n}") for n in range(20)]
    assert widespread(speaking) == {HOST, JDOE}
    assert join({JDOE: (0,)}, speaking).evidence == ()


def test_a_busy_machine_is_not_widespread_because_it_writes_much():
    own = [candidate(f"r{n}", n, HOST) for n in range(500)]
    assert widespread(own) == frozenset()
    assert widespread([candidate(f"r{n}", n, JDOE) for n in range(500)]) == {JDOE}


def test_the_order_of_candidates_changes_nothing():
    many = [candidate(f"r{n}", n % 7, JDOE, source=f"s{n % 4}") for n in range(40)]
    assert join({JDOE: (0,)}, many, limit=9) == join({JDOE: (0,)}, many[::-1], limit=9)


FIELDS = {
    "/eventID": {"type": "id"},
    "/ReportId": {"type": "id"},
    "/Time": {"type": "time"},
    "/user": {"type": "user", "role": "actor"},
    "/mail": {"type": "email"},
    "/ip": {"type": "ip", "role": "source"},
    "/verb": {"type": "text", "role": "action"},
}
TRAIL = Schema({"schema": "aws.cloudtrail", "time": ["/Time"], "fields": FIELDS})
CLOUD = Schema({"schema": "ms.CloudAppEvents", "time": ["/Time"], "fields": FIELDS})
SCHEMAS = {schema.name: schema for schema in (TRAIL, CLOUD)}
NOON = "2024-05-01T12:00:00Z"


def record(schema, **fields):
    view = {"Time": NOON, **fields}
    raw = json.dumps(view).encode()
    made = Evidence(evidence_id(raw), schema.name, schema.name, "json/1", raw, schema.event_ns(view), None)
    return told(made, schema, view, observables(schema, view))


def test_one_id_with_different_bytes_is_one_event():
    one, two = record(TRAIL, eventID="e-1", verb="Get"), record(TRAIL, eventID="E-1", verb="Get", note="more")
    (found,) = duplicates([one, two, record(TRAIL, eventID="e-2")], SCHEMAS)
    assert set(found.evidence) == {one.evidence.id, two.evidence.id}
    assert found.because == "the same /eventID in aws.cloudtrail, different bytes"


def test_an_empty_id_makes_no_duplicate():
    assert duplicates([record(TRAIL, note=1), record(TRAIL, note=2)], SCHEMAS) == ()


def test_two_products_on_one_access_are_one_event():
    one, two = record(TRAIL, user="jdoe", ip="192.0.2.1"), record(CLOUD, user="CORP\\jdoe", ip="192.0.2.1")
    (found,) = duplicates([one, two], SCHEMAS)
    assert set(found.evidence) == {one.evidence.id, two.evidence.id}
    assert (
        found.because
        == "aws.cloudtrail and ms.CloudAppEvents tell of the same second, account jdoe and address 192.0.2.1"
    )


def test_one_product_twice_another_second_or_another_action_is_not_the_same_event():
    base = {"user": "jdoe", "ip": "192.0.2.1"}
    first = record(TRAIL, **base, verb="Read")
    assert duplicates([first, record(TRAIL, **base, note=1)], SCHEMAS) == ()
    assert duplicates([first, record(CLOUD, **{**base, "Time": "2024-05-01T12:00:01Z"})], SCHEMAS) == ()
    assert duplicates([first, record(CLOUD, **base, verb="Delete")], SCHEMAS) == ()
    assert len(duplicates([first, record(CLOUD, **base, verb="read")], SCHEMAS)) == 1


def test_two_names_of_one_account_are_not_two_different_kinds():
    one, two = record(TRAIL, user="jdoe@corp.example"), record(CLOUD, user="jdoe", mail="jdoe@corp.example")
    assert duplicates([one, two], SCHEMAS) == ()


def test_records_without_time_are_never_two_views():
    one = record(TRAIL, user="jdoe", ip="192.0.2.1", Time="noon")
    assert duplicates([one, record(CLOUD, user="jdoe", ip="192.0.2.1", Time="noon")], SCHEMAS) == ()
