"""What other tools let through on the way to a decision: each is tried here, and each is refused, by name.

`office` is a home with people and drafted cases; Anna and Carl are analysts, Ben is a lead, Ruth administers, Iris
audits. An attacker may hold a link, a request, an old signature, or the database file.
"""

import ast
import re
import shutil
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import text

import countersign
from builders import eve
from countersign import config
from countersign.adapters.sql import tables
from countersign.core.review import friction
from countersign.core.review.choice import Choice
from countersign.core.review.decision import Decision, decision_bytes, read_document, subject, subject_text
from countersign.core.review.rendering import WITHHELD
from countersign.core.review.ruling import Denied
from countersign.errors import (
    AlreadyDecided,
    AuditLogError,
    AuditLogUnavailable,
    CountersignError,
    NotPermitted,
    NotSignedIn,
    ReviewError,
    SignatureRefused,
    StaleReview,
    StoreUnavailable,
    TamperDetected,
)
from countersign.steps import decide, decided, people, queue, review, roster, together
from countersign.steps.review import Wanted
from countersign.testing import SoftwareAuthenticator, SoftwareSigner
from reviewing import WORDS, copied, open_office

LOW, HIGH, CRITICAL, OTHER = "case-low", "case-high", "case-critical", "case-other"
TICKET = Wanted(kind="open_ticket", target="SOC-1", payload=b'{"title":"x"}', reason="the owner must know")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Built once; every test works on a copy."""
    made = open_office(tmp_path_factory.mktemp("office") / "home")
    made.staff()
    for case, tier in ((LOW, 1), (HIGH, 2), (CRITICAL, 3), (OTHER, 1)):
        assert tier == made.drafted(case, tier).case.tier
    made.ports.publisher.publish()
    made.close()
    return made


@pytest.fixture
def office(built, tmp_path):
    made = copied(built, tmp_path / "home")
    yield made
    made.close()


def undecided(office, *cases):
    """Nothing was decided: no row, no entry, every case as it was."""
    with office.ports.store.reading() as tx:
        assert not [case for case in cases or (LOW, HIGH, CRITICAL, OTHER) if tx.reviews.decisions(case)]
    assert {"open"} == {office.standing(case).status for case in cases or (LOW, HIGH, CRITICAL, OTHER)}
    if not cases:
        assert [] == office.entries("decision.countersigned")


def refuses(rule):
    return pytest.raises(NotPermitted, match=rule)


def by_hand(office, *statements, **values):
    """What somebody does who owns the database file, guards and all."""
    with office.ports.store._engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement), values)


# --- who ---------------------------------------------------------------------------------------------------------------


def test_approval_by_a_link_without_sign_in(office):
    """Whoever has the link, the digest and even a good signature is nobody until they sign in."""
    prepared = office.prepared("Anna", LOW)
    anna = office.people["Anna"]
    signature = office.signed(anna, anna.software, prepared.subject)

    for token in (b"", b"\0" * 32, prepared.subject, anna.id.encode()):
        with pytest.raises(NotSignedIn):
            decide.sign(prepared.digest, signature, token, office.ports)
        with pytest.raises(NotSignedIn):
            review.open_review(LOW, token, office.ports)
        with pytest.raises(NotSignedIn):
            queue.queue(token, office.ports)
    undecided(office)


def test_a_session_that_ended_or_expired_signs_nothing(office):
    prepared, anna = office.prepared("Anna", LOW), office.people["Anna"]
    signature = office.signed(anna, anna.software, prepared.subject)
    people.sign_out(office.ports, anna.token)
    with pytest.raises(NotSignedIn):
        decide.sign(prepared.digest, signature, anna.token, office.ports)

    office.sign_in(anna)
    office.clock.pass_s(9 * 3600)
    with pytest.raises(NotSignedIn, match="expired"):
        decide.sign(prepared.digest, signature, anna.token, office.ports)
    undecided(office)


def test_the_approvers_name_is_not_taken_from_the_request(office):
    """Anna is signed in. A signature that says Ben, with her key or with his, is not hers and is not his."""
    prepared, anna, ben = office.prepared("Anna", LOW), office.people["Anna"], office.people["Ben"]
    said = office.signed(anna, anna.software, prepared.subject)
    theirs = office.signed(ben, ben.software, prepared.subject)

    for signature in (
        msgspec.structs.replace(said, person=ben.id),
        theirs,
        msgspec.structs.replace(theirs, person=anna.id),
    ):
        with pytest.raises(SignatureRefused):
            decide.sign(prepared.digest, signature, anna.token, office.ports)
    assert not {"person", "by", "approver", "analyst", "signer"} & {*Choice.__struct_fields__}
    undecided(office)


@pytest.mark.parametrize("name", ["Ruth", "Iris"])
def test_who_administers_or_audits_does_not_decide(office, name):
    with pytest.raises(NotPermitted):
        office.decided(name, LOW)
    undecided(office)


def test_a_role_that_was_taken_away_after_the_review_opened_does_not_decide(office):
    prepared = office.prepared("Anna", LOW)
    roster.set_roles(office.people["Anna"].id, ("auditor",), office.people["Ruth"].token, office.ports)
    with refuses("RV-0[34]"):
        office.signs("Anna", prepared)
    undecided(office)


def test_somebody_elses_review_is_not_decided(office):
    made = office.looked("Anna", LOW)
    for name in ("Carl", "Ben"):
        with refuses("RV-04"):
            decide.prepare(made.id, office.choice(LOW), office.people[name].token, office.ports)
    undecided(office)


def test_a_person_signs_with_a_key_of_their_own_that_is_in_force(office):
    prepared, anna = office.prepared("Anna", LOW), office.people["Anna"]
    with pytest.raises(SignatureRefused):
        office.signs("Anna", prepared, SoftwareSigner())
    roster.revoke(anna.software.key(anna.id).id, "lost", office.people["Ruth"].token, office.ports)
    with pytest.raises((SignatureRefused, NotSignedIn)):
        office.signs("Anna", prepared)
    undecided(office)


def test_a_software_key_signs_nothing_above_the_lowest_tier(office):
    prepared = office.prepared("Anna", HIGH, acts=())
    with refuses("RV-24.*serve"):
        office.signs("Anna", prepared, office.people["Anna"].software)
    undecided(office)


# --- what ----------------------------------------------------------------------------------------------------------


def test_a_missing_decision_is_not_read_as_allow(office):
    """No decision, no disposition, no answer of the policy: each is a refusal, none is a yes."""
    unknown = office.standing("case-unknown")
    assert ("open", "", 0) == (unknown.status, unknown.disposition, unknown.number)
    with pytest.raises(TypeError):
        Choice(reason="claims_hold")
    with pytest.raises(TypeError):
        Choice(disposition="true_positive")
    made = office.looked("Anna", LOW)
    for empty in ("", None, "allow", "unknown"):
        choice = msgspec.structs.replace(office.choice(LOW), disposition=empty)
        with refuses("RV-05"):
            decide.prepare(made.id, choice, office.people["Anna"].token, office.ports)
    undecided(office)


@pytest.mark.parametrize(
    "near",
    ["case-lo", "CASE-LOW", "case-low ", " case-low", "case-low\x00", "case%", "case-*", "", "сase-low"],
)
def test_an_invented_case_id_is_not_resolved_to_a_real_one(office, near):
    with pytest.raises((ReviewError, StoreUnavailable)):
        review.open_review(near, office.people["Anna"].token, office.ports)
    undecided(office)


def test_an_invented_plan_review_or_proposal_id_is_not_resolved_to_a_real_one(office):
    anna, made = office.people["Anna"], office.looked("Anna", LOW)
    proposal = review.propose(made.id, TICKET, anna.token, office.ports)
    prepared = decide.prepare(made.id, office.choice(LOW), anna.token, office.ports)
    signature = office.signed(anna, anna.software, prepared.subject)
    for near in (
        prepared.digest[:-1],
        prepared.digest.upper(),
        prepared.digest[7:],
        "",
        "%",
        prepared.digest + " ",
    ):
        with pytest.raises(ReviewError):
            decide.sign(near, signature, anna.token, office.ports)
    for near in (made.id[:-1], made.id.upper(), "", "%"):
        with pytest.raises(ReviewError):
            decide.prepare(near, office.choice(LOW), anna.token, office.ports)
    for near in (proposal.id[:-1], proposal.id.upper(), "%"):
        with pytest.raises(ReviewError):
            review.open_action(made.id, near, anna.token, office.ports)
        with refuses("RV-20"):
            decide.prepare(
                made.id, office.choice(LOW, acts=("contain",), actions=(near,)), anna.token, office.ports
            )
    undecided(office)


def with_proposal(office, by="Ben", case=LOW, wanted=TICKET):
    """Somebody proposes an action in a review of their own; its id."""
    theirs = office.opened(by, case)
    return review.propose(theirs.id, wanted, office.people[by].token, office.ports)


def containing(office, proposal, case=LOW):
    return office.choice(case, acts=("contain",), reason="stop_the_damage", actions=(proposal.id,))


def test_nobody_approves_what_they_proposed(office):
    mine = with_proposal(office, "Anna")
    made, token = office.looked("Anna", LOW), office.people["Anna"].token
    review.open_action(made.id, mine.id, token, office.ports)
    with refuses("RV-23"):
        decide.prepare(made.id, containing(office, mine), token, office.ports)
    undecided(office)


def test_whoever_proposed_it_is_no_second_signer_either(office):
    proposal = with_proposal(office, "Ben", CRITICAL)
    made, token = office.looked("Anna", CRITICAL), office.people["Anna"].token
    review.open_action(made.id, proposal.id, token, office.ports)
    prepared = decide.prepare(made.id, containing(office, proposal, CRITICAL), token, office.ports)
    assert isinstance(office.signs("Anna", prepared), decide.Waiting)
    theirs = office.looked("Ben", CRITICAL)
    review.open_action(theirs.id, proposal.id, office.people["Ben"].token, office.ports)
    with refuses("RV-23"):
        office.signs("Ben", prepared)
    undecided(office)


def test_an_act_whose_exact_payload_was_never_on_the_screen(office):
    proposal = with_proposal(office)
    made, token = office.looked("Anna", LOW), office.people["Anna"].token
    with refuses("RV-21"):
        decide.prepare(made.id, containing(office, proposal), token, office.ports)

    page = review.open_action(made.id, proposal.id, token, office.ports)
    prepared = decide.prepare(made.id, containing(office, proposal), token, office.ports)
    for shown in ('{"title":"x"}', "SOC-1", "open_ticket", proposal.payload_digest):
        assert shown in page
        assert any(shown in line for line in prepared.words)
    undecided(office)


def test_a_payload_that_was_changed_after_it_was_shown(office):
    proposal = with_proposal(office)
    made, token = office.looked("Anna", LOW), office.people["Anna"].token
    review.open_action(made.id, proposal.id, token, office.ports)
    prepared = decide.prepare(made.id, containing(office, proposal), token, office.ports)
    other = msgspec.structs.replace(proposal, payload=b'{"title":"y"}')
    by_hand(
        office,
        "DROP TRIGGER action_proposal_no_update",
        "UPDATE action_proposal SET document = :document",
        document=msgspec.json.encode(other),
    )
    with pytest.raises((NotPermitted, TamperDetected)):
        office.signs("Anna", prepared, office.people["Anna"].passkey)
    undecided(office)


# --- when -----------------------------------------------------------------------------------------------------------


def test_an_approval_does_not_outlive_its_evidence(office):
    """New evidence came after the review was opened: nothing more is seen, said, drawn up or signed on it."""
    prepared = office.prepared("Anna", LOW)
    made = office.looked("Carl", LOW)
    office.drafted(LOW, 1, more=(eve("dns", 5),))
    with refuses("RV-01.*other evidence"):
        office.signs("Anna", prepared)
    with refuses("RV-01"):
        decide.prepare(made.id, office.choice(LOW), office.people["Carl"].token, office.ports)
    with pytest.raises(StaleReview, match="other evidence"):
        review.open_claim(made.id, "f1", office.people["Carl"].token, office.ports)
    undecided(office)


def test_an_approval_does_not_outlive_its_hour(office):
    prepared = office.prepared("Anna", LOW)
    office.clock.pass_s(901)
    with refuses("RV-02"):
        office.signs("Anna", prepared)
    undecided(office)


def test_a_challenge_is_answered_in_time_and_once(office):
    prepared, anna = office.prepared("Anna", LOW), office.people["Anna"]
    late = office.signed(anna, anna.software, prepared.subject)
    office.clock.pass_s(301)
    with pytest.raises(SignatureRefused, match="expired"):
        decide.sign(prepared.digest, late, anna.token, office.ports)
    made_up = anna.software.sign(anna.id, prepared.subject, b"\7" * 32)
    with pytest.raises(SignatureRefused, match="nonce"):
        decide.sign(prepared.digest, made_up, anna.token, office.ports)
    undecided(office)


def test_a_decision_over_evidence_that_changed_since_it_was_shown(office):
    """Somebody with the database file changes the case's document under the review."""
    prepared = office.prepared("Anna", LOW)
    by_hand(
        office,
        "DROP TRIGGER case_snapshot_no_update",
        "UPDATE case_snapshot SET document = CAST(replace(CAST(document AS TEXT), 'Nikto', 'Niktu') AS BLOB) "
        "WHERE case_id = 'case-low'",
    )
    with pytest.raises(TamperDetected):
        office.signs("Anna", prepared)
    with pytest.raises(TamperDetected):
        review.open_review(LOW, office.people["Carl"].token, office.ports)
    undecided(office)


def test_a_decision_over_evidence_that_vanished_since_it_was_shown(office):
    prepared = office.prepared("Anna", LOW)
    by_hand(
        office, "DROP TRIGGER case_snapshot_no_delete", "DELETE FROM case_snapshot WHERE case_id = 'case-low'"
    )
    with pytest.raises(CountersignError):
        office.signs("Anna", prepared)
    undecided(office)


def test_a_decision_after_the_policy_changed(office):
    prepared = office.prepared("Anna", LOW)

    class Changed:
        """The same rules under another digest, as after an edit."""

        digest, document = "sha256:" + "9" * 64, b"{}"
        friction, rule_on = office.ports.policy.friction, staticmethod(office.ports.policy.rule_on)

    office.ports = msgspec.structs.replace(office.ports, policy=Changed())
    with refuses("RV-01.*policy changed"):
        office.signs("Anna", prepared)
    undecided(office)


# --- never off ---------------------------------------------------------------------------------------------------------


class Broken:
    """A policy whose every answer is not a clean yes."""

    def __init__(self, policy, answer):
        self.digest, self.document, self.friction = policy.digest, policy.document, policy.friction
        self.answer = answer

    def rule_on(self, *_):
        return self.answer


def test_an_error_does_not_turn_approval_off(office):
    prepared, made = office.prepared("Anna", LOW), office.looked("Carl", LOW)
    error = Denied("PE-03", "the policy gave no clean answer", "")
    office.ports = msgspec.structs.replace(office.ports, policy=Broken(office.ports.policy, error))
    with refuses("PE-03"):
        office.signs("Anna", prepared)
    with refuses("PE-03"):
        decide.prepare(made.id, office.choice(LOW), office.people["Carl"].token, office.ports)
    with refuses("PE-03"):
        office.opened("Ben", LOW)
    undecided(office)


def test_no_setting_turns_approval_off():
    """Nobody signs, any key will do, nothing is opened: the friction table refuses each, and settings have no such key."""
    shipped = (Path(friction.__file__).parent / "policy" / "friction.toml").read_text(encoding="utf-8")
    for was, weaker in (
        ("signers = 2", "signers = 1"),
        ("signers = 1", "signers = 0"),
        ('assurance = ["webauthn-uv"]', 'assurance = ["software"]'),
        ('assurance = ["software"]', "assurance = []"),
        ("second_device = true", "second_device = false"),
        ('open = "load_bearing"          #', 'open = "none"          #'),
        ("one_keystroke = false", "one_keystroke = true"),
    ):
        assert was in shipped
        with pytest.raises(ValueError, match="friction"):
            friction.parse(shipped.replace(was, weaker, 1 if "keystroke" not in was else -1).encode())
    words = ("approv", "auto", "sign", "review", "decide", "skip", "disable")
    assert not [name for name in config.Settings.__struct_fields__ if any(word in name for word in words)]


def test_a_reviewer_field_gates_closing(office):
    """A review that was only opened closes nothing: what it asks for must have taken place."""
    made, token = office.opened("Anna", HIGH), office.people["Anna"].token
    with pytest.raises(NotPermitted) as refusal:
        decide.prepare(made.id, office.choice(HIGH), token, office.ports)
    assert "RV-07" in refusal.value.rules
    assert "Look at the panel's entries" in str(refusal.value)
    undecided(office)
    assert {"RV-07"} <= {rule for entry in office.entries("decision.refused") for rule in entry.data["rules"]}


def test_only_one_method_writes_a_decision():
    """In all of our source, one insert: the store's own, and the database knows it by its permit."""
    written = []
    for path in sorted(Path(countersign.__file__).parent.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        named = (
            "tables.decision," in source or "tables.decision\n" in source or "INSERT INTO decision" in source
        )
        calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
        if named and any(getattr(call.func, "attr", "") in {"add_once", "insert"} for call in calls):
            written.append(path.name)
    assert "review_store.py" in written
    assert {"review_store.py"} >= {name for name in written if name not in {"__init__.py", "erasing.py"}}


# --- what it changes -----------------------------------------------------------------------------------------------


def test_closing_a_case_does_not_silently_close_its_alerts(office):
    """Alerts have no state to change; how many are covered is said before; one that comes later is on somebody's list."""
    columns = {
        column.name
        for name in ("alert", "member", "burst", "standing")
        for column in tables.metadata.tables[name].c
    }
    assert not {"status", "state", "closed", "disposition"} & columns

    prepared = office.prepared("Anna", LOW)
    assert any("closing covers the 1 alerts in this snapshot" in line for line in prepared.words)
    office.signs("Anna", prepared)
    office.drafted(LOW, 1, more=(eve("dns", 5),))
    listed = queue.queue(office.people["Carl"].token, office.ports)
    assert [LOW] == [row.case for row in listed.new_evidence]
    assert "closed" == office.standing(LOW).status


def test_a_second_decision_does_not_overwrite_the_first(office):
    first, other = office.prepared("Anna", LOW), office.prepared("Carl", LOW, disposition="security_risk")
    assert isinstance(office.signs("Anna", first), Decision)
    with refuses("RV-01.*decided the case meanwhile"):
        office.signs("Carl", other)

    again = office.decided("Carl", LOW, disposition="suspicious", acts=("reopen",))
    with office.ports.store.reading() as tx:
        kept = tx.reviews.decisions(LOW)
    assert [(1, "closed", "true_positive"), (2, "open", "suspicious")] == [
        (one.number, one.status, one.document.disposition) for one in kept
    ]
    assert first.digest == again.document.after


def test_a_decision_is_not_replayed_on_another_case(office):
    prepared, anna = office.prepared("Anna", LOW), office.people["Anna"]
    signature = office.signed(anna, anna.software, prepared.subject)
    decide.sign(prepared.digest, signature, anna.token, office.ports)
    other = office.prepared("Anna", OTHER)
    with pytest.raises(SignatureRefused):
        decide.sign(other.digest, signature, anna.token, office.ports)
    with pytest.raises(AlreadyDecided):
        decide.sign(prepared.digest, signature, anna.token, office.ports)

    # The very bytes, or the same bytes with another case's name, put into the store for another case.
    moved = decision_bytes(msgspec.structs.replace(read_document(prepared.raw), case=OTHER))
    with office.ports.store.transaction() as tx:
        theirs = tx.reviews.get(read_document(other.raw).review)
        tx.reviews.put(subject_text(moved), OTHER, theirs.id, moved)
    again = office.signed(anna, anna.software, subject(moved))
    with refuses("RV-29"):
        decide.sign(subject_text(moved), again, anna.token, office.ports)
    undecided(office, OTHER)


def test_a_signature_is_used_once(office):
    """Kept from a document that a rule refused, it signs nothing later, though the reason is gone by then."""
    prepared, anna = office.prepared("Anna", CRITICAL, acts=()), office.people["Anna"]
    signature = office.signed(anna, anna.software, prepared.subject)
    for _ in range(2):
        with pytest.raises((NotPermitted, SignatureRefused)):
            decide.sign(prepared.digest, signature, anna.token, office.ports)
    with pytest.raises(SignatureRefused, match="was used"):
        decide.sign(prepared.digest, signature, anna.token, office.ports)


def test_one_keystroke_changes_nothing_without_a_confirmation_and_can_be_undone(office):
    """Choosing writes no decision; the words come before the signature; a decision of one's own opens the case again."""
    made = office.looked("Anna", LOW)
    assert () == decide.missing(made.id, office.choice(LOW), office.people["Anna"].token, office.ports)
    prepared = decide.prepare(made.id, office.choice(LOW), office.people["Anna"].token, office.ports)
    undecided(office)
    assert f"{LOW}: " in prepared.words[0]
    assert "status: open → closed" == prepared.words[1]

    assert "closed" == office.signs("Anna", prepared).status
    assert "open" == office.decided("Carl", LOW, disposition="suspicious", acts=("reopen",)).status


def test_an_override_is_the_persons_word_and_the_assistants_first_word_stays(office):
    suggested = office.facts(LOW).suggested
    made = office.decided("Anna", LOW, disposition="true_positive")
    assert suggested != made.document.disposition
    [told] = queue.history(LOW, office.people["Ben"].token, office.ports)
    assert (suggested, "true_positive", True) == (told.suggested, told.disposition, told.overrides)
    assert ["Anna"] == [one.name for one in told.signed]
    assert WORDS == told.reason_text

    [entry] = office.entries("decision.countersigned")
    [override] = office.entries("override")
    assert (suggested, "true_positive") == (entry.data["suggested"], entry.data["disposition"])
    assert (entry.id, suggested) == (override.refs["decision"], override.data["suggested"])
    # Drafting again changes what the assistant says now, never what it said then.
    office.drafted(LOW, 1, more=(eve("dns", 5),))
    assert suggested == queue.history(LOW, office.people["Ben"].token, office.ports)[0].suggested


def test_no_answer_is_pre_selected(office):
    """A choice has no default for what a person says, and where one commits first nothing suggests an answer before."""
    required = {field.name for field in msgspec.structs.fields(Choice) if field.required}
    assert {"disposition", "reason"} == required

    anna = office.people["Anna"]
    opened = review.open_review(CRITICAL, anna.token, office.ports)
    suggested = office.facts(CRITICAL).suggested
    assert opened.review.commit_first
    assert WITHHELD in opened.page
    assert suggested not in opened.page
    assert suggested.replace("_", " ") not in opened.page
    with refuses("RV-08"):
        review.reveal(opened.review.id, anna.token, office.ports)
    with refuses("RV-08"):
        decide.prepare(opened.review.id, office.choice(CRITICAL), anna.token, office.ports)
    review.commit(opened.review.id, "benign_positive", anna.token, office.ports)
    with refuses("RV-09"):
        review.commit(opened.review.id, "true_positive", anna.token, office.ports)
    assert suggested.replace("_", " ") in review.reveal(opened.review.id, anna.token, office.ports)


# --- two people ----------------------------------------------------------------------------------------------------------


def test_two_people_sign_where_two_are_asked_for(office):
    prepared = office.prepared("Anna", CRITICAL)
    assert 2 == prepared.signers
    waits = office.signs("Anna", prepared)
    assert ([office.people["Anna"].id], ["RV-27"]) == ([*waits.signed], [one.rule for one in waits.missing])
    undecided(office)

    with refuses("RV-25"):  # the same person, with whichever key
        office.signs("Anna", prepared)
    with refuses("RV-28"):  # somebody who has not looked
        office.signs("Ben", prepared)
    assert [prepared.digest] == [
        one.digest for one in queue.queue(office.people["Ben"].token, office.ports).second
    ]
    assert () == queue.queue(office.people["Anna"].token, office.ports).second
    office.looked("Ben", CRITICAL)
    made = office.signs("Ben", prepared)
    assert ("closed", 2) == (made.status, len(made.signed))
    assert [2] == [entry.data["signers"] for entry in office.entries("decision.countersigned")]


def test_a_passkey_that_syncs_does_not_sign_what_is_critical(office):
    anna, synced = office.people["Anna"], SoftwareAuthenticator(device_bound=False)
    anna.passkey = synced
    office._enrol_passkey(anna)
    with refuses("RV-24"):
        office.signs("Anna", office.prepared("Anna", CRITICAL))
    undecided(office)


# --- several cases ---------------------------------------------------------------------------------------------------------


def planned(office, *cases, name="Anna"):
    choices = {office.looked(name, case).id: office.choice(case) for case in cases}
    return choices, together.planned(choices, office.people[name].token, office.ports)


def signatures(office, drawn, name="Anna"):
    one = office.people[name]
    made = [each.prepared for each in drawn if each.prepared]
    return [(each.digest, office.signed(one, one.software, each.subject)) for each in made]


def test_several_cases_are_each_named_and_each_has_a_result(office):
    choices, plan = planned(office, LOW, OTHER)
    assert [LOW, OTHER] == [line.split(":")[0] for line in plan.lines]
    assert all("open → closed" in line and "close" in line for line in plan.lines)
    token = office.people["Anna"].token
    drawn = together.confirmed(choices, plan.digest, token, office.ports)
    results = together.sign_together(signatures(office, drawn), token, office.ports)
    assert [(LOW, "closed"), (OTHER, "closed")] == [(one.case, one.decision.status) for one in results]
    assert 2 == len(office.entries("decision.countersigned"))


def test_one_case_that_fails_neither_undoes_nor_hides_the_others(office):
    choices, plan = planned(office, LOW, OTHER)
    token = office.people["Anna"].token
    drawn = together.confirmed(choices, plan.digest, token, office.ports)
    signed = signatures(office, drawn)
    office.drafted(LOW, 1, more=(eve("dns", 5),))  # one of them goes stale in between
    results = together.sign_together(signed, token, office.ports)
    assert ["NotPermitted", ""] == [type(one.error).__name__ if one.error else "" for one in results]
    assert "closed" == office.standing(OTHER).status
    undecided(office, LOW)


def test_another_list_than_the_one_that_was_confirmed(office):
    choices, _ = planned(office, LOW, OTHER)
    token = office.people["Anna"].token
    for read in ("", "sha256:" + "0" * 64, planned(office, LOW)[1].digest):
        with refuses("RV-30"):
            together.confirmed(choices, read, token, office.ports)
    undecided(office)


def test_what_is_not_of_a_low_tier_is_not_decided_together(office):
    _, plan = planned(office, LOW, HIGH)
    assert [HIGH] == [*plan.refused]
    assert "RV-30" in {one.rule for one in plan.refused[HIGH]}
    prepared, anna = office.prepared("Anna", HIGH, acts=()), office.people["Anna"]
    signature = office.signed(anna, anna.passkey, prepared.subject)
    [result] = together.sign_together([(prepared.digest, signature)], anna.token, office.ports)
    assert ("RV-30",) == result.error.rules
    undecided(office)


# --- the log ---------------------------------------------------------------------------------------------------------------


def unwritable(office):
    """The published log's folder is gone and cannot be made."""
    shutil.rmtree(office.folder / "log")
    (office.folder / "log").write_text("in the way", encoding="utf-8")


def test_a_log_that_cannot_be_published_decides_nothing_and_says_so(office):
    prepared = office.prepared("Anna", LOW)
    unwritable(office)
    with pytest.raises(AuditLogError):
        office.signs("Anna", prepared)
    undecided(office)


def test_a_log_that_cannot_be_staged_shows_nothing_and_keeps_nothing(office):
    prepared, made = office.prepared("Anna", LOW), office.looked("Carl", LOW)
    by_hand(
        office,
        "CREATE TRIGGER full BEFORE INSERT ON log_entry BEGIN SELECT RAISE(ABORT, 'the disk is full'); END",
    )
    anna, carl = office.people["Anna"], office.people["Carl"]
    with pytest.raises(AuditLogUnavailable):
        office.signs("Anna", prepared)
    with pytest.raises(AuditLogUnavailable):
        review.open_review(LOW, anna.token, office.ports)
    with pytest.raises(AuditLogUnavailable):
        decide.prepare(made.id, office.choice(LOW), carl.token, office.ports)
    with office.ports.store.reading() as tx:
        assert () == tx.reviews.pending(prepared.digest).signed
        assert 2 == len(tx.reviews.of_case(LOW))
    undecided(office)


def test_what_is_signed_but_not_published_is_not_in_effect_and_says_so(office):
    """The log broke between the commit and the publication: the next publication puts the decision in effect."""
    prepared, anna = office.prepared("Anna", LOW), office.people["Anna"]
    signature = office.signed(anna, anna.software, prepared.subject)
    office.ports.publisher.publish()
    made = decide.kept(prepared.digest, signature, anna.token, office.ports)
    good = office.folder / "good"
    shutil.move(office.folder / "log", good)
    (office.folder / "log").write_text("in the way", encoding="utf-8")
    with pytest.raises(AuditLogUnavailable, match="not in effect"):
        decide.published(made, office.ports)
    assert "open" == decided.standing([LOW], office.ports)[LOW].status
    assert not queue.history(LOW, anna.token, office.ports)[0].in_effect

    (office.folder / "log").unlink()
    shutil.move(good, office.folder / "log")
    decide.published(made, office.ports)
    assert "closed" == decided.standing([LOW], office.ports)[LOW].status


# --- the database file -----------------------------------------------------------------------------------------------------


def test_the_log_bears_out_what_was_decided(office):
    office.decided("Anna", LOW)
    assert decided.objection(office.ports) is None


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE decision SET status = 'open'", "not what was signed"),
        ("UPDATE decision SET disposition = 'test'", "not what was signed"),
        ("UPDATE decision SET number = 2", "not what was signed"),
        ("DELETE FROM decision", "is gone"),
        ("UPDATE decision SET case_id = 'case-other'", "does not follow|is gone"),
        (
            "UPDATE decision_document SET document = CAST(replace(CAST(document AS TEXT), 'close', 'cloze') AS BLOB)",
            "digest",
        ),
    ],
)
def test_a_decision_that_was_changed_in_the_file_is_found(office, statement, said):
    office.decided("Anna", LOW)
    for name in ("decision", "decision_document", "decision_signature"):
        by_hand(office, *(f"DROP TRIGGER {name}_no_{verb}" for verb in ("update", "delete")))
    by_hand(office, "PRAGMA foreign_keys = OFF", statement)
    found = decided.objection(office.ports)
    assert found is not None
    assert re.search(said, found[1])


def test_a_decision_row_that_somebody_put_in_by_hand_is_nobodys_decision(office):
    """Guards dropped, everything forged but the entry in the log: no door shows it as decided."""
    office.decided("Anna", LOW)
    by_hand(
        office,
        "DROP TRIGGER decision_no_insert",
        "DROP TRIGGER decision_document_no_insert",
        "DROP TRIGGER decision_signature_no_insert",
    )
    forged = decision_bytes(msgspec.structs.replace(office_document(office, LOW), case=OTHER, after=""))
    with office.ports.store.reading() as tx:
        [own] = tx.reviews.decisions(LOW)
    by_hand(
        office,
        "INSERT INTO decision_document (digest, case_id, review_id, document) VALUES (:d, 'case-other', :r, :raw)",
        "INSERT INTO decision_signature (digest, person_id, document) VALUES (:d, :p, :signed)",
        "INSERT INTO decision (digest, case_id, number, status, disposition, entry_id, at_ns) "
        "VALUES (:d, 'case-other', 1, 'closed', 'true_positive', 'decision-1', 1)",
        d=subject(forged),
        r=own.document.review,
        raw=forged,
        p=office.people["Anna"].id,
        signed=msgspec.json.encode(own.signed[0]),
    )
    assert ("altered", f"decision 1 of {OTHER} is not what was logged") == decided.objection(office.ports)
    assert "open" == decided.standing([OTHER], office.ports)[OTHER].status
    with pytest.raises(TamperDetected):
        queue.history(OTHER, office.people["Ben"].token, office.ports)
    with pytest.raises(TamperDetected):
        review.open_review(OTHER, office.people["Ben"].token, office.ports)


def office_document(office, case):
    with office.ports.store.reading() as tx:
        return tx.reviews.decisions(case)[-1].document
