"""What a person said of cases holds: against alerts that are judged again, in the log, and against forged rows."""

import json

import pytest

from countersign import config, wiring
from countersign.core.cases.grouping import Regrouping
from countersign.errors import TamperDetected
from countersign.steps import group, ingest, regroup
from countersign.steps.logged import objection
from countersign.steps.regroup import Order
from front import run

ORDER = Order("lead", "one exercise")


def alert(second, source, target, severity=1):
    return {
        "timestamp": f"2025-05-06T07:08:{second:02d}.000000+0000",
        "event_type": "alert",
        "src_ip": source,
        "dest_ip": target,
        "src_port": 1024,
        "dest_port": 80,
        "proto": "TCP",
        "alert": {"signature": f"EXAMPLE rule {target}", "signature_id": 9, "severity": severity},
    }


@pytest.fixture
def ports(tmp_path):
    home = tmp_path / "home"
    return wiring.open_ports(home, config.load(home, None), "rules")


def feed(ports, tmp_path, *alerts):
    file = tmp_path / f"{len(list(tmp_path.iterdir()))}.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in alerts))
    read = ingest.ingest(wiring.incoming([str(file)], "auto", None), ports)
    group.group(ports)
    with ports.store.reading() as tx:
        return list(tx.groups.cases_of(list(read.alerted)).items())


def test_an_earlier_alert_does_not_take_back_a_merge_of_what_still_waits(ports, tmp_path):
    first = feed(ports, tmp_path, alert(10, "192.0.2.1", "10.0.0.1"), alert(11, "192.0.2.1", "10.0.0.2"))
    second = feed(ports, tmp_path, alert(12, "192.0.2.9", "10.0.0.7"))
    regroup.merge(first[0][1], second[0][1], ORDER, ports)

    feed(ports, tmp_path, alert(9, "192.0.2.1", "10.0.0.1"))

    with ports.store.reading() as tx:
        now = tx.groups.cases_of([evidence for evidence, _ in first])
    assert {second[0][1]} == set(now.values())


def test_a_regrouping_that_the_log_does_not_tell_of_stops_the_grouping(ports, tmp_path):
    cases = feed(ports, tmp_path, alert(10, "192.0.2.1", "10.0.0.1"))
    forged = Regrouping(cases[0][1], "case-elsewhere", (), "known benign", "lead", "2025-05-06T08:00:00Z")
    with ports.store.transaction() as tx:
        tx.groups.regroup(forged)

    with pytest.raises(TamperDetected, match="not in the log"):
        feed(ports, tmp_path, alert(40, "192.0.2.1", "10.0.0.1"))
    assert "incomplete" == (objection(ports) or ("",))[0]


def test_a_merge_takes_the_graver_kind(ports, tmp_path):
    incident = feed(ports, tmp_path, alert(10, "192.0.2.1", "10.0.0.1"))[0][1]
    watch = feed(ports, tmp_path, alert(12, "192.0.2.9", "10.0.0.7", severity=2))[0][1]
    with ports.store.reading() as tx:
        assert {"incident", "watch"} == {one.kind for one in tx.groups.standing([incident, watch]).values()}

    regroup.merge(incident, watch, ORDER, ports)

    with ports.store.reading() as tx:
        assert "incident" == tx.groups.standing([watch])[watch].kind


def test_a_memory_that_cannot_be_read_is_left_behind_and_the_log_says_so(ports, tmp_path):
    feed(ports, tmp_path, alert(10, "192.0.2.1", "10.0.0.1"))
    with ports.store.transaction() as tx:
        tx.groups.remember(b"no memory")

    again = feed(ports, tmp_path, alert(20, "192.0.2.5", "10.0.0.8"))

    assert 1 == len(again)
    assert [{"grouping_memory": "unreadable"}] == [
        dict(one.data) for one in ports.store.log.of_kind("log.note") if "grouping_memory" in one.data
    ]


def test_records_that_come_after_the_brief_make_it_stale(tmp_path):
    home, eve = tmp_path / "home", tmp_path / "eve.jsonl"
    eve.write_text(json.dumps(alert(10, "192.0.2.1", "10.0.0.1")) + "\n")
    run("--home", str(home), "triage", str(eve))
    flow = {**alert(12, "192.0.2.1", "10.0.0.1"), "event_type": "flow", "flow": {"pkts_toserver": 3}}
    flow.pop("alert")
    more = tmp_path / "flow.jsonl"
    more.write_text(json.dumps(flow) + "\n")
    run("--home", str(home), "triage", str(more))
    cases = run("--home", str(home), "case", "list", "--json").json["cases"]
    case = next(one["id"] for one in cases if one.get("kind") == "incident")

    assert "stale: 1 record came since" in run("--home", str(home), "case", "show", case).out
