"""What awaits whom, and what was decided: read by those who may, in the order in which it matters."""

import pytest

from builders import eve
from countersign.core.records.observable import Observable
from countersign.errors import NotPermitted, NotSignedIn
from countersign.steps import alike, decide, queue
from reviewing import WORDS, copied, open_office

LOW, HIGH, CRITICAL = "case-low", "case-high", "case-critical"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    made = open_office(tmp_path_factory.mktemp("office") / "home")
    made.staff()
    for case, tier in ((LOW, 1), (HIGH, 2), (CRITICAL, 3)):
        made.drafted(case, tier)
    made.ports.publisher.publish()
    made.close()
    return made


@pytest.fixture
def office(built, tmp_path):
    made = copied(built, tmp_path / "home")
    yield made
    made.close()


def seen_by(office, name):
    return queue.queue(office.people[name].token, office.ports)


def test_the_gravest_case_comes_first_and_a_decided_one_is_gone(office):
    assert [CRITICAL, HIGH, LOW] == [row.case for row in seen_by(office, "Anna").undecided]
    office.decided("Anna", LOW)
    assert [CRITICAL, HIGH] == [row.case for row in seen_by(office, "Anna").undecided]


def test_a_document_awaits_who_drew_it_up_and_then_everybody_else(office):
    prepared = office.prepared("Anna", CRITICAL)
    assert [prepared.digest] == [one.digest for one in seen_by(office, "Anna").mine]
    assert () == seen_by(office, "Ben").second
    office.signs("Anna", prepared)
    assert () == seen_by(office, "Anna").mine
    [waits] = seen_by(office, "Ben").second
    assert (prepared.digest, ("Anna",)) == (waits.digest, waits.signed)
    assert "true_positive" == waits.document.disposition
    assert (
        prepared.words == decide.document_words(waits.digest, office.people["Ben"].token, office.ports).words
    )


def test_a_document_that_expired_or_was_overtaken_awaits_nobody(office):
    office.signs("Anna", office.prepared("Anna", CRITICAL))
    office.clock.pass_s(4 * 3600 + 1)
    assert () == seen_by(office, "Ben").second
    office.prepared("Anna", LOW)
    office.decided("Carl", LOW)
    assert () == seen_by(office, "Anna").mine


def test_a_closed_case_with_new_evidence_is_listed_anew(office):
    office.decided("Anna", LOW)
    assert () == seen_by(office, "Ben").new_evidence
    office.drafted(LOW, 1, more=(eve("dns", 5),))
    [row] = seen_by(office, "Ben").new_evidence
    assert (LOW, "closed", "closed, and evidence came since") == (row.case, row.status, row.because)


def test_auditors_read_and_admins_and_strangers_do_not(office):
    assert 3 == len(seen_by(office, "Iris").undecided)
    with pytest.raises(NotPermitted):
        seen_by(office, "Ruth")
    with pytest.raises(NotSignedIn):
        queue.queue(b"", office.ports)


def test_history_tells_every_decision_with_who_signed_and_why(office):
    office.decided("Anna", LOW)
    office.decided("Ben", LOW, disposition="suspicious", acts=("reopen",))
    first, second = queue.history(LOW, office.people["Iris"].token, office.ports)
    assert (("open", "closed"), ("closed", "open")) == (
        (first.before, first.status),
        (second.before, second.status),
    )
    assert (["Anna"], ["Ben"]) == ([one.name for one in first.signed], [one.name for one in second.signed])
    assert (WORDS, True, False) == (first.reason_text, first.in_effect, first.erased)


def test_words_that_were_erased_are_said_to_be(office):
    office.decided("Anna", LOW)
    office.erased(LOW, "Ben", "Ruth")
    assert () == queue.history(LOW, office.people["Iris"].token, office.ports)
    assert LOW not in [row.case for row in seen_by(office, "Anna").undecided]


def test_similar_cases_say_what_was_decided_there(office, monkeypatch):
    """The disposition that is in effect stands beside each case that shares something rare."""
    office.decided("Anna", LOW)
    rare = Observable("domain", "rare.example")
    monkeypatch.setattr(alike, "by_case", lambda *_: {LOW: [rare], HIGH: [rare]})
    found = alike.alike("case-other", [rare], office.ports)
    assert [(LOW, "true_positive"), (HIGH, "")] == [(one.case, one.disposition) for one in found]
    assert found[0].words().endswith("; true positive")
    assert found[1].words().endswith("; not decided")
