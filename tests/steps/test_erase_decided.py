"""A decided case is erased: its decision goes with it, the log still shows that there was one."""

import json

import pytest

from countersign.steps import decided
from countersign.steps.erase import erase, looked_at, subject
from reviewing import copied, open_office

GROUND = "retention-ended"
CASE, OTHER = "case-decided", "case-beside"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """An office in which one case was decided, with words of its own, and one stands beside it."""
    made = open_office(tmp_path_factory.mktemp("office") / "home")
    made.staff()
    for case in (CASE, OTHER):
        made.drafted(case)
    made.decided("Anna", CASE, reason_text="canary-words: the owner told me so on the telephone")
    made.close()
    return made


@pytest.fixture
def office(template, tmp_path):
    made = copied(template, tmp_path / "home")
    yield made
    made.close()


def erased(office, case=CASE):
    what = looked_at(case, office.ports)
    both = [office.people[name] for name in ("Ruth", "Ben")]
    return erase(
        case, [office.signed(one, one.software, subject(what, GROUND)) for one in both], GROUND, office.ports
    )


def test_its_decision_and_words_go_and_the_proof_stays(office):
    done = erased(office)

    assert 1 == done.deleted.decisions
    with office.ports.store.reading() as tx:
        assert () == tx.reviews.decisions(CASE)
    assert decided.objection(office.ports) is None
    assert "intact" == office.ports.store.log.verify().status
    [entry] = office.entries("decision.countersigned")
    assert CASE == entry.case
    assert entry.digests["decision"].startswith("sha256:")
    office.close()
    assert not any(
        b"canary-words" in path.read_bytes() for path in office.folder.rglob("*") if path.is_file()
    )


def test_the_case_beside_it_is_reviewed_and_decided_as_before(office):
    erased(office)
    office.decided("Anna", OTHER)
    assert "closed" == office.standing(OTHER).status
    assert decided.objection(office.ports) is None


def test_drafted_again_it_is_decided_anew_and_held_against_the_log(office):
    erased(office)
    office.drafted(CASE)
    office.decided("Anna", CASE)

    assert decided.objection(office.ports) is None
    assert 1 == office.standing(CASE).number
    assert 2 == len(office.entries("decision.countersigned"))


def test_the_log_says_who_signed_the_erasure(office):
    erased(office)
    [entry] = [one for one in office.entries("blob.erased") if "cases" in one.data]
    assert [office.people[name].id for name in ("Ruth", "Ben")] == entry.data["approved_by"]
    assert 1 == entry.data["decisions"]
    assert GROUND == entry.data["ground"]
    assert "canary" not in json.dumps(entry.data)
