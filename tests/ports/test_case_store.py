"""What the stores of alerts, cases, briefs, references and coverage promise, on both databases."""

import msgspec
import pytest

from countersign.core.ids import digest, evidence_id
from countersign.core.records.alert import Alert
from countersign.core.records.evidence import Evidence
from countersign.errors import AlreadyStored, DigestMismatch, EvidenceNotFound
from countersign.ports import BriefState, CaseState, ReferenceFile

RAW = b'{"alert":1}'


def an_alert(number: int, event_ns: int | None = 0) -> Alert:
    when = number if event_ns == 0 else event_ns
    return Alert(f"alert-{number}", evidence_id(RAW), "suricata.eve", "a \u202e rule", "", "high", when)


def a_case(number: int = 1, snapshot: str = "a", **changes) -> CaseState:
    state = CaseState(f"case-{number}", "sha256:" + snapshot * 64, "who did \x00 what", "high", 2, b"{}")
    return msgspec.structs.replace(state, **changes)


def a_brief(number: int = 1, **changes) -> BriefState:
    return msgspec.structs.replace(
        BriefState(f"brief-{number}", "case-1", "sha256:" + "a" * 64, "rules/1", b'{"claims":[]}'), **changes
    )


def a_reference(version: str = "1", raw: bytes = b"x") -> ReferenceFile:
    return ReferenceFile("assets", version, "register", digest(raw), raw)


@pytest.fixture
def tx(store):
    with store.transaction() as tx:
        record = Evidence(evidence_id(RAW), "suricata.eve", "suricata.eve", "json/1", RAW, 1, None)
        tx.evidence.add([(record, ())])
        yield tx


def test_an_alert_is_kept_once(tx):
    assert {"alert-1", "alert-2"} == tx.alerts.add([an_alert(1), an_alert(2), an_alert(1)])
    assert {"alert-3"} == tx.alerts.add([an_alert(2), an_alert(3)])
    assert {"alert-1": an_alert(1)} == tx.alerts.get(["alert-1", "alert-9"])


def test_an_alert_needs_its_record(tx):
    orphan = msgspec.structs.replace(an_alert(1), evidence="sha256:" + "0" * 64)

    with pytest.raises(EvidenceNotFound):
        tx.alerts.add([orphan])


def test_alerts_come_in_event_order_the_timeless_first(tx):
    tx.alerts.add([an_alert(3), an_alert(1), an_alert(2), an_alert(9, None)])

    assert (an_alert(9, None), an_alert(1), an_alert(2)) == tx.alerts.between(None, 3, 10)
    assert (an_alert(2), an_alert(3)) == tx.alerts.between(2, None, 10)
    assert (an_alert(1),) == tx.alerts.between(1, 4, 1)


def test_a_case_keeps_every_state_it_had(tx):
    assert tx.cases.save(a_case(snapshot="a"))
    assert tx.cases.save(a_case(snapshot="b", title="more"))

    latest, first = tx.cases.latest("case-1"), tx.cases.at("case-1", "sha256:" + "a" * 64)
    assert a_case(snapshot="b", title="more") == msgspec.structs.replace(latest, seq=0)
    assert a_case(snapshot="a") == msgspec.structs.replace(first, seq=0)
    assert latest.seq > first.seq


def test_saving_the_latest_state_again_appends_nothing(tx):
    tx.cases.save(a_case())

    assert not tx.cases.save(a_case())
    assert tx.cases.save(a_case(document=b'{"links":[]}'))
    assert tx.cases.save(a_case())


def test_cases_are_listed_newest_first_page_by_page(tx):
    for number in (1, 2, 3):
        tx.cases.save(a_case(number))
    tx.cases.save(a_case(1, "b"))

    page = tx.cases.recent(2)
    rest = tx.cases.recent(2, before=page[-1].seq)

    assert ["case-1", "case-3", "case-2"] == [state.case_id for state in (*page, *rest)]
    assert {b""} == {state.document for state in page}


def test_a_case_nobody_saved_is_none(tx):
    assert tx.cases.latest("case-9") is None
    assert tx.cases.at("case-9", "sha256:" + "a" * 64) is None
    assert () == tx.cases.recent(5)


def test_a_brief_is_kept_once_and_never_changed(tx):
    tx.cases.save(a_case())

    assert tx.briefs.add(a_brief())
    assert not tx.briefs.add(a_brief())
    with pytest.raises(AlreadyStored):
        tx.briefs.add(a_brief(document=b"{}"))
    tx.briefs.add(a_brief(2))

    assert a_brief() == tx.briefs.get("brief-1")
    assert (a_brief(), a_brief(2)) == tx.briefs.of_case("case-1")
    assert tx.briefs.get("brief-9") is None


def test_a_version_of_a_reference_is_never_reused(tx):
    assert tx.references.add(a_reference())
    assert not tx.references.add(a_reference())
    with pytest.raises(AlreadyStored):
        tx.references.add(a_reference(raw=b"y"))


def test_a_reference_without_a_version_is_the_one_added_last(tx):
    for version in ("2", "10", "1"):
        tx.references.add(a_reference(version, version.encode()))

    assert "1" == tx.references.get("assets").kb_version
    assert b"10" == tx.references.get("assets", "10").raw
    assert ["2", "10", "1"] == [reference.kb_version for reference in tx.references.all()]
    assert tx.references.get("assets", "3") is None


def test_a_reference_whose_digest_lies_is_not_handed_out(tx):
    tx.references.add(ReferenceFile("assets", "1", "register", digest(b"x"), b"y"))

    with pytest.raises(DigestMismatch):
        tx.references.get("assets")


def test_a_coverage_manifest_is_found_by_its_digest(tx):
    name = tx.coverage.add(b"[]")

    assert digest(b"[]") == name == tx.coverage.add(b"[]")
    assert b"[]" == tx.coverage.get(name)
    assert tx.coverage.get(digest(b"other")) is None
    assert tx.coverage.get("nonsense") is None
    assert (b"[]",) == tx.coverage.all()
