"""A decision outside: what a stranger can and cannot conclude from the file alone."""

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.core.identity.signatures import NONCE_BYTES
from countersign.core.ids import canonical
from countersign.core.review.decision import (
    Decision,
    DecisionDocument,
    Signed,
    decision_bytes,
    subject,
    subject_text,
)
from countersign.core.review.offline import check_export, export_decision
from countersign.errors import ReviewError
from countersign.testing import RELYING, SoftwareAuthenticator, SoftwareSigner

AT = 1_790_000_000_000_000_000
NONCE = bytes([5]) * NONCE_BYTES
ADA, GRACE = SoftwareSigner(bytes([7]) * 32), SoftwareAuthenticator()
DOCUMENT = DecisionDocument(
    case="case-1",
    after="",
    brief="hmac-sha256:" + "1" * 64,
    evidence="hmac-sha256:" + "2" * 64,
    policy="sha256:" + "3" * 64,
    tier=1,
    suggested="suspicious",
    disposition="suspicious",
    acts=("escalate",),
    actions=(),
    shown="hmac-sha256:" + "3" * 64,
    views="hmac-sha256:" + "4" * 64,
    answers="hmac-sha256:" + "5" * 64,
    unknowns="",
    rests_on=("f1",),
    reason="signs_conflict",
    reason_text="hmac-sha256:" + "6" * 64,
    review="r_anna",
    expires="2026-09-21T14:28:21.000Z",
    salt="00112233445566778899aabbccddeeff",
)
RAW = decision_bytes(DOCUMENT)


def signed(signer, person, assurance, nonce=NONCE):
    return Signed(signature=signer.sign(person, subject(RAW), nonce), assurance=assurance, at_ns=AT)


def exported(signatures=None, keys=None, relying=RELYING):
    if signatures is None:
        signatures = (signed(ADA, "p_ada", "software"), signed(GRACE, "p_grace", "webauthn-uv-device"))
    if keys is None:
        keys = (ADA.key("p_ada", enrolled_ns=1), GRACE.key("p_grace", enrolled_ns=1))
    made = Decision(
        digest=subject_text(RAW),
        case="case-1",
        number=1,
        document=DOCUMENT,
        signed=signatures,
        before="open",
        status="escalated",
        at_ns=AT,
    )
    return export_decision(made, keys, relying)


FILE = exported()
TRUSTED = (ADA.key("").id, GRACE.key("").id)


def objections(raw, **given):
    return [one.objection for one in check_export(raw, **given).signatures]


def test_a_decision_that_two_people_signed_holds_offline():
    found = check_export(FILE, TRUSTED)
    assert (subject_text(RAW), DOCUMENT, True, True) == (
        found.digest,
        found.document,
        found.holds,
        found.trusted,
    )
    assert [("p_ada", "software"), ("p_grace", "webauthn-uv-device")] == [
        (one.person, one.assurance) for one in found.signatures
    ]


def test_the_published_vector_holds():
    assert 899 == len(RAW)
    assert "sha256:b7ddb5617762bd7e250688c922bb4d814c684636f51b9aa8d61b2d1dec2e4871" == subject_text(RAW)
    assert (
        "1f9517723a1916e985e28d1402da22caa894669e80560c579fd52fcb71635571"
        "f937f56274a9df7c4d9d9d0544cc8313d4ac52231305ec5b77c21dcc368c7502"
        == ADA.sign("p_anna", subject(RAW), NONCE).signature.hex()
    )


@pytest.mark.parametrize("trusted", [(), TRUSTED[:1], ("sha256:" + "0" * 64,)])
def test_the_file_cannot_say_whose_its_keys_are(trusted):
    """Anybody makes a file whose signatures hold by keys of their own."""
    found = check_export(FILE, trusted)
    assert (True, False) == (found.holds, found.trusted)


def test_nothing_holds_over_no_signature():
    found = check_export(exported(signatures=()), TRUSTED)
    assert (False, False) == (found.holds, found.trusted)


def test_one_bad_signature_spoils_the_file():
    spoiled = msgspec.structs.replace(signed(ADA, "p_ada", "software").signature, signature=bytes(64))
    file = exported(
        (
            Signed(signature=spoiled, assurance="software", at_ns=AT),
            signed(GRACE, "p_grace", "webauthn-uv-device"),
        )
    )
    assert "does not hold" in objections(file)[0]
    assert not check_export(file, TRUSTED).holds


def test_two_signatures_by_one_person_are_one():
    twice = (signed(ADA, "p_ada", "software"), signed(ADA, "p_ada", "software", bytes(32)))
    assert ["", "this person has signed already"] == objections(exported(twice))


def test_a_key_of_a_stranger_makes_nobodys_signature():
    mallory = SoftwareSigner()
    assert ["the file does not hold its key"] == objections(exported((signed(mallory, "p_ada", "software"),)))
    named = exported((signed(mallory, "p_ada", "software"),), (mallory.key("p_mallory"),))
    assert "is the key of p_mallory" in objections(named)[0]


def test_a_signature_is_worth_what_it_is_and_not_what_the_file_calls_it():
    assert ["the file calls it webauthn-uv-device"] == objections(
        exported((signed(ADA, "p_ada", "webauthn-uv-device"),))
    )


def test_a_key_counts_while_it_is_in_force():
    key = ADA.key("p_ada", enrolled_ns=1)
    before = msgspec.structs.replace(key, revoked_ns=AT)
    after = msgspec.structs.replace(key, revoked_ns=AT + 1)
    one = (signed(ADA, "p_ada", "software"),)
    assert ["its key was not in force when it was made"] == objections(exported(one, (before,)))
    assert [""] == objections(exported(one, (after,)))


def test_where_passkeys_may_be_used_is_the_readers_to_say():
    elsewhere = msgspec.structs.replace(RELYING, rp_id="example", origins=("https://other.example",))
    assert "allowed: https://other.example" in objections(FILE, relying=elsewhere)[1]


def test_what_is_no_export_is_refused():
    document = json.loads(FILE)
    spoiled = [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        FILE[:-1],
        FILE.replace(b'"schema"', b' "schema"'),
        FILE.replace(b'{"decision"', b'{"decision":"","decision"'),
        canonical(document | {"more": 1}),
        canonical(document | {"schema": "countersign.decision/2"}),
        canonical(document | {"decision": document["decision"] + " "}),
        canonical(document | {"signatures": None}),
        canonical(document | {"keys": [None]}),
        canonical(document | {"relying": {"rp_id": "a.example", "origins": ["http://a.example"]}}),
        b" " * 5_000_000,
    ]
    for raw in spoiled:
        with pytest.raises(ReviewError):
            check_export(raw)


@given(st.integers(0, len(FILE) - 1), st.integers(1, 255))
@settings(max_examples=500, deadline=None)
def test_any_changed_byte_is_refused_or_no_longer_what_was_signed(at, flip):
    """Times that the file tells, and keys' particulars that no signature covers, are the file's own word."""
    raw = bytearray(FILE)
    raw[at] ^= flip
    try:
        found = check_export(bytes(raw), TRUSTED)
    except ReviewError:
        return
    if found.holds:
        assert (DOCUMENT, True) == (
            found.document,
            [one.person for one in found.signatures] == ["p_ada", "p_grace"],
        )
