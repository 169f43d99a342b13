"""Dropping, delaying and contradicting records of a case: the right flags, caps and questions appear."""

from builders import (
    ATTACKER,
    WEB,
    alert,
    at,
    call,
    covered,
    http,
    judge,
    pinned,
    reads,
    record,
    reference,
    rel,
    says,
    world,
)
from countersign.core.cases.quality import assess, by_schema

SCAN = alert(120)
TESTS = reference(
    "test_register",
    {
        "key": "PT-1",
        "actor": ATTACKER,
        "asset": WEB,
        "from": "2025-03-11T11:00:00Z",
        "to": "2025-03-11T15:00:00Z",
    },
)
CLAIMS = [
    rel("a1", SCAN, "net_alert", src=ATTACKER, dst=WEB, dport=80, rule=2002677),
    says("a2", SCAN, "/alert/signature", "SCAN Nikto"),
    pinned("r1", "test-register", "PT-1", "actor", ATTACKER),
    reads("h1", "authorised_test", "a1", "r1"),
]
TRAFFIC = [http(n, src_ip="192.0.2.77", dest_ip="192.0.2.78") for n in range(121)]
START, END = "2025-03-11T11:55:00Z", "2025-03-11T14:00:01Z"


def case(records, **more):
    """The registered test among these records, with the flags that they earn."""
    rows = covered(records, START, END)
    first = world(records, [TESTS], rows)
    flags = assess(first, (first.window("suricata.eve") or (0, 0)))
    made = judge(world(records, [TESTS], rows, by_schema(flags)), CLAIMS, flags=flags, **more)
    return {flag.flag for flag in flags}, made


def test_the_whole_case_has_no_flag_and_closes_as_a_test():
    flags, made = case([*TRAFFIC, SCAN])

    assert set() == flags
    assert ("R07", "test", ()) == (
        made.suggestion.rule,
        made.suggestion.disposition,
        made.suggestion.capped_by,
    )


def test_dropping_records_in_the_middle_makes_a_gap_that_forbids_closing_and_is_asked_about():
    flags, made = case([*TRAFFIC[:40], *TRAFFIC[80:], SCAN])

    assert {"gap"} == flags
    assert ("insufficient_data", ("C01",)) == (made.suggestion.disposition, made.suggestion.capped_by)
    assert any(entry.part == "P6" and entry.reason.startswith("gap: ") for entry in made.panel)
    assert "visibility_gap" == made.by_id["v1"].claim.code
    assert "Q24" in {question.id for question in made.questions}


def test_dropping_the_last_records_makes_a_silence_that_forbids_closing():
    early = alert(30)
    claims = [row | {"cite": early.id} if "cite" in row else row for row in CLAIMS]
    records = [*TRAFFIC[:60], early]
    rows = covered(records, START, END)
    first = world(records, [TESTS], rows)
    flags = assess(first, first.window("suricata.eve"))
    made = judge(first, claims, flags=flags).suggestion

    assert {"silent"} == {flag.flag for flag in flags}
    assert ("insufficient_data", ("C01",)) == (made.disposition, made.capped_by)


def test_a_query_that_hit_its_limit_forbids_closing():
    records = [*TRAFFIC, SCAN]
    rows = [row | {"complete": False, "limit_hit": True} for row in covered(records, START, END)]
    first = world(records, [TESTS], rows)
    made = judge(first, CLAIMS, flags=assess(first, first.window("suricata.eve"))).suggestion

    assert ("insufficient_data", ("C01",)) == (made.disposition, made.capped_by)


def security_event(minutes, delay):
    told = {
        "Type": "SecurityEvent",
        "TimeGenerated": at(minutes),
        "TimeCollected": at(minutes + delay),
        "EventID": 4624,
        "Computer": "ws-1.corp.example",
    }
    return record("ms.SecurityEvent", told)


def test_delaying_records_caps_the_confidence_and_not_the_disposition():
    flags, made = case([*TRAFFIC, SCAN, *(security_event(4 * n, 15) for n in range(31))])

    assert {"late"} == flags
    assert ("test", ("C11",)) == (made.suggestion.disposition, made.suggestion.capped_by)


def test_records_that_came_in_time_cap_nothing():
    flags, made = case([*TRAFFIC, SCAN, *(security_event(4 * n, 1) for n in range(31))])

    assert (set(), ()) == (flags, made.suggestion.capped_by)


def test_contradicting_records_stop_a_closing():
    agreed, other = alert(120, flow_id=7), alert(120, action="blocked", flow_id=7)
    claims = [
        *(row | {"cite": agreed.id} if "cite" in row else row for row in CLAIMS),
        says("a5", other, "/alert/action", "blocked"),
    ]
    records = [*TRAFFIC, agreed, other]
    rows = covered(records, START, END)
    first = world(records, [TESTS], rows)
    flags = assess(first, first.window("suricata.eve"))
    made = judge(first, claims, flags=flags)

    assert {"conflict"} == {flag.flag for flag in flags}
    assert ("insufficient_data", ("C02",)) == (made.suggestion.disposition, made.suggestion.capped_by)
    assert any(entry.part == "P5" and entry.reason.startswith("sources disagree: ") for entry in made.panel)


def test_contradicting_records_soften_a_true_positive():
    stop = call("StopLogging", 5)
    twin = call("StartLogging", 5, eventID="StopLogging-5-mlind-203.0.113.50")
    claims = [
        rel("c1", stop, "api_call", principal="mlind", api="StopLogging"),
        reads("h1", "impair_defence", "c1"),
    ]
    first = world([stop, twin])
    made = judge(first, claims, flags=assess(first)).suggestion

    assert ("R01", "suspicious", ("C02",)) == (made.rule, made.disposition, made.capped_by)


def test_a_register_that_outlived_its_days_is_dropped():
    records = [*TRAFFIC, SCAN]
    old = TESTS | {"ttl_days": 1, "loaded_at": "2025-03-01T06:00:00Z"}
    first = world(records, [old], covered(records, START, END))
    flags = assess(first, first.window("suricata.eve"))
    stale = [flag.source for flag in flags if flag.flag == "stale"]
    made = judge(first, CLAIMS, flags=flags, stale=stale).suggestion

    assert ["test-register"] == stale
    assert ("R11", "insufficient_data", ("C05",)) == (made.rule, made.disposition, made.capped_by)


def test_a_duplicated_record_is_counted_once_and_caps_nothing():
    records = [*TRAFFIC, SCAN]
    made = judge(world([*records, SCAN], [TESTS], covered(records, START, END)), CLAIMS)

    assert ("test", ()) == (made.suggestion.disposition, made.suggestion.capped_by)
    assert [1] == [
        entry.count for entry in made.panel if entry.pointer == "/alert/signature" and entry.part == "P1"
    ]
