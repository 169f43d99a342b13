"""Cases that share a commit come out as they would alone, and no drafter is asked before the request is on record."""

import sqlite3

import msgspec
import pytest

from builders import alert, eve, evidence
from countersign import config, wiring
from countersign.core.cases.case import Assembled
from countersign.core.records.alerting import alert_of
from countersign.core.records.views import view
from countersign.errors import DraftError
from countersign.steps import draft

INPUTS = draft.Inputs(fallback=wiring.drafter("rules"))


class Watching:
    """A drafter that looks into the database, from outside, before it answers; it can fail at one turn."""

    name = "rules"

    def __init__(self, database, failing_at=0):
        self.database, self.failing_at = database, failing_at
        self.seen = []

    def draft(self, dossier):
        self.seen.append(entries(self.database, b"draft.requested"))
        if len(self.seen) == self.failing_at:
            raise DraftError("no answer")
        return wiring.drafter("rules").draft(dossier)


def entries(database, kind):
    with sqlite3.connect(database) as connection:
        return sum(b'"kind":"' + kind in raw for (raw,) in connection.execute("SELECT raw FROM log_entry"))


def cases(ports, number):
    made = []
    for n in range(number):
        records = [evidence(alert(minutes=n)), evidence(eve("dns", minutes=n + 0.5))]
        schema = ports.dictionary.schemas["suricata.eve"]
        raised = alert_of(schema, records[0], view(records[0].raw, records[0].parser))
        made.append(Assembled(f"case-{n:04d}", (raised,), tuple(records), (), (), ("because",)))
    with ports.store.transaction() as tx:
        tx.evidence.add([(record, []) for one in made for record in one.evidence])
    return made


@pytest.fixture
def ports(tmp_path):
    opened = wiring.open_ports(tmp_path, config.load(tmp_path, None), "rules")
    watching = Watching(tmp_path / "countersign.db")
    yield msgspec.structs.replace(opened, drafter=watching)
    opened.store.close()


def test_cases_drafted_together_come_out_as_they_would_alone(ports, monkeypatch):
    ones = cases(ports, 5)
    alone = [draft.brief_case(one, ports, INPUTS).document for one in ones]
    monkeypatch.setattr(draft, "MAX_TOGETHER", 2)
    assert [made.document for made in draft.brief_cases(ones, ports, INPUTS)] == alone


def test_every_request_of_a_batch_is_committed_before_the_first_drafter_is_asked(ports, monkeypatch):
    monkeypatch.setattr(draft, "MAX_TOGETHER", 3)
    assert len(list(draft.brief_cases(cases(ports, 5), ports, INPUTS))) == 5
    assert ports.drafter.seen == [3, 3, 3, 5, 5]


def test_cases_with_many_records_do_not_wait_for_one_another(ports, monkeypatch):
    monkeypatch.setattr(draft, "MAX_RECORDS_TOGETHER", 4)
    list(draft.brief_cases(cases(ports, 4), ports, INPUTS))
    assert ports.drafter.seen == [2, 2, 4, 4]


def test_a_batch_that_stops_keeps_its_requests_and_is_finished_by_the_next_run(ports):
    ones = cases(ports, 3)
    ports.drafter.failing_at = 2
    with pytest.raises(DraftError):
        list(draft.brief_cases(ones, ports, draft.Inputs()))
    assert entries(ports.drafter.database, b"draft.requested") == 3
    assert entries(ports.drafter.database, b"brief.verified") == 0
    assert len(list(draft.brief_cases(ones, ports, INPUTS))) == 3
    assert entries(ports.drafter.database, b"case.opened") == 3
    assert entries(ports.drafter.database, b"brief.verified") == 3
    ports.store.log.sequence()
    assert ports.store.log.verify().status == "intact"
