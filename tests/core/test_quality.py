"""Missing, late, torn or contradictory records raise the flag and the cap that the table names."""

import json
from decimal import Decimal

import msgspec
import pytest

from countersign.adapters.dictionaries import bundled
from countersign.core.canonical import format_time
from countersign.core.cases.decisive import Needed
from countersign.core.cases.quality import CAPS, Beside, assess, by_schema, measured_skew
from countersign.core.claims.coverage import CoverageRow
from countersign.core.claims.reference import Reference
from countersign.core.claims.snapshot import Snapshot
from countersign.core.ids import evidence_id
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import Dictionary

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND

PLAIN = b"""
schema = "test.record"
time = ["/time"]
ingest_time = ["/received"]
source = ["/sensor"]
[fields]
"/n" = { type = "int" }
"/time" = { type = "time" }
"/received" = { type = "time" }
"/sensor" = { type = "host" }
"/body" = { type = "text", cut = 10 }
"/sampling_rate" = { type = "int" }
"/sample" = { type = "bool" }
"""
SURICATA = b"""
schema = "suricata.eve"
time = ["/time"]
[fields]
"/n" = { type = "int" }
"/time" = { type = "time" }
"/flow_id" = { type = "id" }
"/alert/action" = { type = "enum" }
"""
WINDOWS = b"""
schema = "windows.event"
time = ["/TimeCreated", "/UtcTime"]
source = ["/Hostname"]
[fields]
"/n" = { type = "int" }
"/TimeCreated" = { type = "time" }
"/UtcTime" = { type = "time", format = "utc" }
"/Hostname" = { type = "host" }
"/Channel" = { type = "text" }
"/RecordNumber" = { type = "int" }
"/SubjectLogonId" = { type = "id" }
"/SubjectUserName" = { type = "user" }
"""
DICTIONARY = Dictionary(
    {"test.record.toml": PLAIN, "suricata.eve.toml": SURICATA, "windows.event.toml": WINDOWS}
)


def at(second: float) -> str:
    return format_time(START + int(second * SECOND))


def records(schema: str, views):
    compiled = DICTIONARY.schema(schema)
    for number, view in enumerate(views):
        raw = json.dumps({"n": number, **view}).encode()
        yield Evidence(
            evidence_id(raw),
            schema,
            compiled.instance(view),
            "json/1",
            raw,
            compiled.event_ns(view),
            compiled.ingest_ns(view),
        )


def flags(schema="test.record", views=(), coverage=(), references=(), window=None, **beside):
    snapshot = Snapshot(DICTIONARY, records(schema, views), tuple(coverage), references)
    return assess(snapshot, window, Beside(**beside))


def names(*args, **options):
    return [flag.flag for flag in flags(*args, **options)]


def steady(count=30, step=10):
    return [{"time": at(n * step)} for n in range(count)]


def row(**changes):
    base = CoverageRow(
        source="edge-1", schema="test.record", start=at(0), end=at(900), start_ns=START, end_ns=START + 900 * SECOND,
        complete=False, limit_hit=False,
    )  # fmt: skip
    return msgspec.structs.replace(base, **changes)


def test_a_steady_source_raises_nothing():
    assert flags(views=steady()) == ()


def test_a_source_that_stops_long_before_the_window_ends_is_silent():
    (flag,) = flags(views=steady(), window=(START, START + 1200 * SECOND))
    assert (flag.flag, flag.cap, flag.end_ns) == ("silent", "C01", START + 1200 * SECOND)
    assert flag.detail == "no record for 15 min; 10 s is usual at most"


def test_too_few_records_have_no_rhythm_to_break():
    assert names(views=steady(count=19), window=(START, START + 5000 * SECOND)) == []


def test_a_hole_far_beyond_the_rhythm_is_a_gap():
    late = [{"time": at(10_000 + n * 10)} for n in range(30)]
    (flag,) = flags(views=[*steady(), *late])
    assert (flag.flag, flag.start_ns, flag.end_ns) == ("gap", START + 290 * SECOND, START + 10_000 * SECOND)


def test_a_hole_within_the_rhythm_of_a_slow_source_is_no_gap():
    assert names(views=steady(step=3600)) == []


def test_one_source_may_be_silent_while_another_speaks():
    quiet = [{"time": at(n), "sensor": "a"} for n in range(30)]
    busy = [{"time": at(n * 30), "sensor": "b"} for n in range(60)]
    (flag,) = flags(views=[*quiet, *busy])
    assert (flag.flag, flag.source) == ("silent", "test.record/a")


def test_missing_record_numbers_of_a_channel_are_a_gap_in_either_spelling_of_its_name():
    views = [
        {
            "TimeCreated": at(n),
            "Hostname": "h",
            "Channel": "Security" if n % 2 else "security",
            "RecordNumber": 100 + n,
        }
        for n in range(40)
    ]
    assert names("windows.event", views) == []
    (flag,) = flags("windows.event", views[:20] + views[22:])
    assert (flag.flag, flag.detail) == ("gap", "2 of 40 record numbers are missing in security")


def test_an_extract_has_holes_in_its_numbers_by_nature():
    views = [
        {"TimeCreated": at(n), "Hostname": "h", "Channel": "S", "RecordNumber": 3 * n} for n in range(40)
    ]
    assert names("windows.event", views) == []


def test_a_query_that_hit_its_limit_or_a_value_at_its_cap_is_truncated():
    assert [f.cap for f in flags(coverage=[row(limit_hit=True)])] == ["C01"]
    (flag,) = flags(views=[{"time": at(0), "body": "x" * 10}, {"time": at(1), "body": "x" * 9}])
    assert (flag.flag, flag.detail) == ("truncated", "/body is cut at 10 characters in 1 of 2 records")


def test_a_source_that_samples_is_flagged_by_its_manifest_or_its_own_field():
    assert names(coverage=[row(reason="flow sampling 1:100")]) == ["sampled"]
    assert names(views=[{"time": at(0), "sampling_rate": 100}]) == ["sampled"]
    assert names(views=[{"time": at(0), "sampling_rate": 1, "sample": True}]) == []


def test_a_manifest_that_says_a_source_stopped_is_silent():
    assert names(coverage=[row(reason="sensor outage since 12:00")]) == ["silent"]
    assert names(coverage=[row(reason="retention is 30 days")]) == []


def test_records_that_could_not_be_read_are_a_parse_problem_above_two_in_a_hundred():
    assert names(views=steady(98), quarantined={"test.record": 2}) == []
    (flag,) = flags(views=steady(97), quarantined={"test.record": 3})
    assert (flag.flag, flag.cap, flag.detail) == ("parse", "C01", "3 of 100 records could not be read")
    assert names(quarantined={"test.record": 1}) == ["parse"]


def test_records_without_a_readable_time_are_a_parse_problem():
    (flag,) = flags(views=[*steady(206, 1), *[{"time": "yesterday"}] * 44])
    assert (flag.flag, flag.detail) == ("parse", "44 of 250 records have no readable time")


def test_late_records_cap_confidence():
    views = [{"time": at(n), "received": at(n + (400 if n > 15 else 1))} for n in range(20)]
    (flag,) = flags(views=views)
    assert (flag.flag, flag.cap) == ("late", "C11")
    assert names(views=[{"time": at(n), "received": at(n + 200)} for n in range(20)]) == []


def test_records_received_before_their_event_measure_the_skew():
    found = flags(views=[{"time": at(n), "received": at(n - (7 if n < 3 else 0))} for n in range(20)])
    assert [(f.flag, f.cap) for f in found] == [("skew", None)]
    assert measured_skew(found) == 7 * SECOND
    assert measured_skew(()) == 0


def test_one_flow_both_allowed_and_blocked_is_a_conflict():
    views = [
        {"time": at(n), "flow_id": 7, "alert": {"action": action}}
        for n, action in enumerate(("allowed", "blocked"))
    ]
    (flag,) = flags("suricata.eve", views)
    assert (flag.flag, flag.cap) == ("conflict", "C02")
    assert "«allowed» and «blocked»" in flag.detail
    assert names("suricata.eve", views[:1] * 2) == []


def test_one_logon_id_with_two_accounts_is_a_conflict_and_case_or_system_logons_are_not():
    def logons(logon, *accounts):
        return [
            {"TimeCreated": at(n), "Hostname": "h", "SubjectLogonId": logon, "SubjectUserName": a}
            for n, a in enumerate(accounts)
        ]

    assert names("windows.event", logons("0x51bd1", "jdoe", "amy")) == ["conflict"]
    assert names("windows.event", logons("0x51bd1", "jdoe", "JDoe")) == []
    assert names("windows.event", logons("0x3e7", "SYSTEM", "WS7$")) == []


def test_two_clocks_hours_apart_in_one_record_are_a_conflict_about_time():
    views = [
        {"TimeCreated": at(n), "UtcTime": at(n + 14_400).rstrip("Z").replace("T", " "), "Hostname": "h"}
        for n in range(5)
    ]
    (flag,) = flags("windows.event", views)
    assert (flag.flag, flag.source) == ("conflict", "windows.event/h")
    assert flag.detail == "/TimeCreated and /UtcTime differ by 4.0 h in 5 of 5 records"


def test_a_reference_past_its_time_to_live_is_stale():
    pinned = Reference("lists/bad", "1", "indicator_list", START, Decimal(7), {}, "sha256:0")
    day = 86_400 * SECOND
    (flag,) = flags(references=[pinned], now_ns=START + 8 * day)
    assert (flag.flag, flag.cap, flag.source) == ("stale", "C05", "lists/bad")
    assert flags(references=[pinned], now_ns=START + 6 * day) == ()


def test_the_same_bytes_read_twice_are_counted_once_and_both_numbers_shown():
    one, *rest = records("test.record", steady(4))
    snapshot = Snapshot(DICTIONARY, [msgspec.structs.replace(one, copies=2), *rest])
    (flag,) = assess(snapshot)
    assert (flag.flag, flag.cap, flag.detail) == ("duplicate", None, "5 records read, 4 distinct")


def test_fields_the_dictionary_does_not_know_are_drift_above_one_record_in_a_hundred():
    odd = [{"time": at(n), "sensor": "a", "colour": "red"} for n in (500, 510)]
    (flag,) = flags(views=[*[v | {"sensor": "a"} for v in steady(98, 1)], *odd])
    assert (flag.flag, flag.cap, flag.source) == ("drift", None, "test.record/a")
    assert flag.detail == "2 of 100 records hold fields that the dictionary does not know"
    assert names(views=[*steady(99, 1), odd[0] | {"sensor": None}]) == []


def test_a_value_that_stands_where_another_shape_should_is_drift():
    assert names(views=[{"time": at(0), "body": {"inner": "x"}}]) == ["drift"]


def test_a_field_that_decides_and_is_lacking_or_not_of_its_type_is_a_parse_problem():
    needed = [Needed("suricata.eve", ("/flow_id",), (("/alert/action", "eq", "allowed"),))]
    views = [{"time": at(n), "flow_id": n + 1, "alert": {"action": "allowed"}} for n in range(99)]
    lacking = {"time": at(99), "alert": {"action": "allowed"}}
    assert names("suricata.eve", [*views, {"time": at(99)}], needed=needed) == []
    (flag,) = flags("suricata.eve", [*views, lacking], needed=needed)
    assert (flag.flag, flag.cap) == ("parse", "C01")
    assert flag.detail == "/flow_id cannot be read in 1 of 100 records"
    timeless = [Needed("test.record", ("/received",))]
    assert names(views=[{"time": at(0), "received": "soon"}], needed=timeless) == ["parse"]


def test_a_source_that_decides_nothing_here_is_flagged_without_its_cap():
    window = (START, START + 1200 * SECOND)
    (flag,) = flags(views=steady(), window=window, deciding=frozenset({"windows.event"}))
    assert (flag.flag, flag.cap, flag.partial) == ("silent", None, True)
    (flag,) = flags(views=steady(), window=window, deciding=frozenset({"test.record"}))
    assert flag.cap == "C01"


def test_records_of_a_time_that_was_drafted_over_already_are_late():
    evidence = list(records("test.record", [*steady(10, 60), {"time": at(700)}]))
    seen = frozenset(r.id for r in evidence[1:10])
    (flag,) = assess(Snapshot(DICTIONARY, evidence), beside=Beside(drafted=seen))
    assert (flag.flag, flag.cap) == ("late", "C11")
    assert flag.detail == "1 record came after drafting, at most 1 h behind its end"
    assert (
        assess(Snapshot(DICTIONARY, evidence), beside=Beside(drafted=frozenset(r.id for r in evidence))) == ()
    )


def test_two_sources_that_tell_of_one_event_more_than_two_seconds_apart_have_skewed_clocks():
    evidence = list(records("test.record", [{"time": at(0), "sensor": "a"}, {"time": at(7), "sensor": "b"}]))
    pair = Beside(pairs=[tuple(r.id for r in evidence)])
    (flag,) = assess(Snapshot(DICTIONARY, evidence), beside=pair)
    assert (flag.flag, flag.source, flag.skew_ns) == ("skew", "test.record/b", 7 * SECOND)
    near = list(records("test.record", [{"time": at(0), "sensor": "a"}, {"time": at(2), "sensor": "b"}]))
    assert assess(Snapshot(DICTIONARY, near), beside=Beside(pairs=[tuple(r.id for r in near)])) == ()


def test_two_sensors_that_see_one_flow_begin_apart_have_skewed_clocks():
    flow = "1:LQU9qZlK+B5F3KDmev6m5PMibrg="
    conn = {"ts": "2025-03-11T12:00:00.000000Z", "uid": "C1", "community_id": flow, "id.orig_h": "192.0.2.1"}
    eve = {"timestamp": "2025-03-11T12:00:30Z", "event_type": "flow", "community_id": flow}
    for start, found in (("2025-03-11T12:00:09Z", ["skew"]), ("2025-03-11T12:00:01Z", [])):
        made = [rec("zeek.conn", conn), rec("suricata.eve", {**eve, "flow": {"start": start}})]
        assert [f.flag for f in assess(Snapshot(bundled(), made)) if f.flag != "drift"] == found


def rec(schema, view):
    raw = json.dumps(view).encode()
    compiled = bundled().schema(schema)
    return Evidence(evidence_id(raw), schema, schema, "json/1", raw, compiled.event_ns(view), None)


def test_every_flag_has_the_cap_of_the_table():
    assert {name: cap for name, cap in CAPS.items() if cap} == {
        "silent": "C01", "gap": "C01", "truncated": "C01", "sampled": "C01", "parse": "C01",
        "late": "C11", "conflict": "C02", "stale": "C05", "influenced": "C08",
    }  # fmt: skip


def test_flags_are_handed_to_a_snapshot_by_schema():
    found = flags(coverage=[row(limit_hit=True), row(reason="sampled 1:2")])
    assert by_schema(found) == {"test.record": frozenset({"truncated", "sampled"})}


def test_no_records_raise_no_flag():
    assert flags() == ()


@pytest.mark.parametrize(
    "odd", [{}, {"time": 7}, {"time": None, "received": "x"}, {"body": 7}, {"sensor": {}}]
)
def test_odd_records_are_never_fatal(odd):
    assert isinstance(flags(views=[odd] * 30), tuple)
