"""A case that is drafted again: what came late is named, and neither tier nor severity falls."""

import pytest

from builders import alert, eve, evidence, http
from countersign import config, wiring
from countersign.core.cases.case import Assembled
from countersign.core.records.alerting import alert_of
from countersign.core.records.views import view
from countersign.steps import draft

INPUTS = draft.Inputs(fallback=wiring.drafter("rules"))
LURE = http(
    1, http={"hostname": "web.example", "url": "/", "http_user_agent": "<|im_start|>x", "status": 200}
)


@pytest.fixture
def ports(tmp_path):
    opened = wiring.open_ports(tmp_path, config.load(tmp_path, None), "rules")
    yield opened
    opened.store.close()


def drafted(ports, *records):
    held = [evidence(one) for one in records]
    with ports.store.transaction() as tx:
        tx.evidence.add([(one, []) for one in held])
    schema = ports.dictionary.schemas["suricata.eve"]
    raised = alert_of(schema, held[0], view(held[0].raw, held[0].parser))
    return draft.brief_case(Assembled("case-1", (raised,), tuple(held), (), (), ("because",)), ports, INPUTS)


def late(made):
    return [flag.detail for flag in made.flags if flag.flag == "late"]


def test_a_record_of_a_time_that_was_drafted_over_is_late_and_stays_so(ports):
    first, last, between, after = alert(0), eve("dns", 30), eve("dns", 10), eve("dns", 40)

    assert [] == late(drafted(ports, first, last))
    for _ in range(2):
        assert ["1 record came after drafting, at most 1 h behind its end"] == late(
            drafted(ports, first, last, between, after)
        )
    assert "C11" in drafted(ports, first, last, between, after).brief.suggestion.capped_by


def test_a_case_that_only_goes_on_has_nothing_late(ports):
    drafted(ports, alert(0), eve("dns", 30))

    assert [] == late(drafted(ports, alert(0), eve("dns", 30), eve("dns", 40)))


def test_the_tier_that_a_case_once_had_is_kept_and_said(ports):
    raised = drafted(ports, alert(0), LURE).case
    again = drafted(ports, alert(0)).case

    assert (2, "medium") == (raised.tier, raised.severity)
    assert (2, "medium") == (again.tier, again.severity)
    assert "tier kept" == again.tier_because[0]


def test_a_case_that_grows_graver_rises(ports):
    assert 1 == drafted(ports, alert(0)).case.tier
    assert 2 == drafted(ports, alert(0), LURE).case.tier


def test_what_was_never_read_here_is_one_line_of_what_could_not_be_seen(ports):
    told = {
        "action": "allowed",
        "gid": 1,
        "signature_id": 7,
        "signature": "SQL injection attempt",
        "severity": 3,
    }
    made = drafted(ports, alert(0, alert=told))
    shown = [entry.reason for entry in made.brief.must_show if "never read here" in entry.reason]

    assert ["never read here: a process log (whether the server started a program)"] == shown
    assert shown[0].split(" (")[0] in made.brief.notes_markdown
    assert [] == [flag for flag in made.flags if flag.cap]
