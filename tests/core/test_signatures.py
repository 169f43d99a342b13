"""What a signature proves, and everything that makes it prove nothing."""

from hashlib import sha256

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from webauthn.helpers import encode_cbor

from countersign import testing
from countersign.core.identity import passkeys
from countersign.core.identity.people import Key
from countersign.core.identity.signatures import NONCE_BYTES, Relying, challenge, key_id, verified
from countersign.errors import SignatureRefused
from countersign.testing import RELYING, SoftwareAuthenticator, SoftwareSigner

PERSON, OTHER = "p_5f2c", "p_77aa"
SUBJECT = sha256(b"what is decided").digest()
NONCE = bytes([5]) * NONCE_BYTES
DECISION = (
    b'{"action":null,"analyst":"p_5f2c","brief":"hmac-sha256:'
    + b"1" * 64
    + b'","case":"c_0001","disposition":"true_positive","evidence":"hmac-sha256:'
    + b"2" * 64
    + b'","expires":"2026-09-21T13:20:00Z","policy":"sha256:'
    + b"3" * 64
    + b'","reason":"evidence_confirms","salt":"00112233445566778899aabbccddeeff","target":null,"tier":1,"v":1}'
)
SOFTWARE = SoftwareSigner(bytes([7]) * 32)
ALGORITHMS = ("ES256", "EdDSA", "RS256")
PASSKEYS = {name: SoftwareAuthenticator(algorithm=name) for name in ALGORITHMS}
SIGNERS = {"software": SOFTWARE, **PASSKEYS}


def replaced(value, **changes):
    return msgspec.structs.replace(value, **changes)


def refusal(signature, key, subject=SUBJECT, relying=RELYING):
    with pytest.raises(SignatureRefused) as refused:
        verified(signature, key, subject, relying)
    return str(refused.value)


@pytest.fixture(params=SIGNERS)
def signer(request):
    return SIGNERS[request.param]


# ---- what holds ------------------------------------------------------------------------------------------


def test_the_published_vectors_hold():
    """The decision of 473 bytes, nonce 32 × 05. The challenge that was published with it names no signer."""
    subject = sha256(b"countersign/decision/v1\n" + DECISION).digest()

    assert 473 == len(DECISION)
    assert "4825db314e1bcd1b28b70c4fa1b27dc87fe8133454acfc867c1b5ffe2f4f62cd" == subject.hex()
    assert (
        "900d932dd70631916bb77ac1612103eb5fc3bcd34f0aad3a5582a671395992ab"
        == sha256(b"countersign/challenge/v1\n" + subject + NONCE).hexdigest()
    )


def test_a_challenge_names_its_signer():
    """The same decision and nonce, signed by its analyst: two signers never have one challenge."""
    subject = sha256(b"countersign/decision/v1\n" + DECISION).digest()

    assert (
        "bc5702441f552477ec1d977ba6dbfa8798590d36b18205bd6fe601cbb64a2904"
        == challenge("p_5f2c", subject, NONCE).hex()
    )


def test_a_software_key_proves_the_least():
    assert "software" == verified(
        SOFTWARE.sign(PERSON, SUBJECT, NONCE), SOFTWARE.key(PERSON), SUBJECT, RELYING
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_passkey_of_each_algorithm_proves_a_verified_user(algorithm):
    one = PASSKEYS[algorithm]
    assert "webauthn-uv-device" == verified(
        one.sign(PERSON, SUBJECT, NONCE), one.key(PERSON), SUBJECT, RELYING
    )


def test_a_passkey_that_syncs_proves_less_than_one_bound_to_its_device():
    synced = SoftwareAuthenticator(device_bound=False)
    assert "webauthn-uv" == verified(
        synced.sign(PERSON, SUBJECT, NONCE), synced.key(PERSON), SUBJECT, RELYING
    )


def test_two_people_sign_one_subject_each_with_their_own_challenge():
    one, two = SoftwareSigner(), SoftwareSigner()
    assert "software" == verified(one.sign(PERSON, SUBJECT, NONCE), one.key(PERSON), SUBJECT, RELYING)
    assert "software" == verified(two.sign(OTHER, SUBJECT, NONCE), two.key(OTHER), SUBJECT, RELYING)
    assert challenge(PERSON, SUBJECT, NONCE) != challenge(OTHER, SUBJECT, NONCE)


def test_browsers_may_add_members_that_nobody_knows():
    one = PASSKEYS["ES256"]
    data = one.client_data("webauthn.get", challenge(PERSON, SUBJECT, NONCE), other_keys_can_be_added="here")
    signature = one.assertion(PERSON, NONCE, data, one.authenticator_data())
    assert "webauthn-uv-device" == verified(signature, one.key(PERSON), SUBJECT, RELYING)


# ---- whose, what, when -----------------------------------------------------------------------------------


def test_a_signature_says_nothing_for_another_person(signer):
    signature = signer.sign(PERSON, SUBJECT, NONCE)
    assert "is the key of p_5f2c, not of p_77aa" in refusal(
        replaced(signature, person=OTHER), signer.key(PERSON)
    )


def test_a_key_that_is_given_to_somebody_else_afterwards_makes_nothing_theirs(signer):
    """The signer is in the signed bytes, so moving the key does not move what it signed."""
    signature = replaced(signer.sign(PERSON, SUBJECT, NONCE), person=OTHER)
    refusal(signature, signer.key(OTHER))


def test_a_signature_says_nothing_of_another_subject(signer):
    refusal(signer.sign(PERSON, SUBJECT, NONCE), signer.key(PERSON), sha256(b"another").digest())


def test_a_signature_says_nothing_for_another_nonce(signer):
    refusal(replaced(signer.sign(PERSON, SUBJECT, NONCE), nonce=bytes([6]) * 32), signer.key(PERSON))


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_nonce_of_another_length_is_refused(signer, length):
    """Or bytes could move between nonce and subject."""
    signature = replaced(signer.sign(PERSON, SUBJECT, NONCE), nonce=bytes(length))
    assert "32 bytes each" in refusal(signature, signer.key(PERSON))


def test_a_subject_of_another_length_is_refused(signer):
    assert "32 bytes each" in refusal(signer.sign(PERSON, SUBJECT, NONCE), signer.key(PERSON), SUBJECT + b"x")


def test_another_persons_key_does_not_do(signer):
    stranger = SoftwareSigner().key(OTHER)
    assert "not with" in refusal(signer.sign(PERSON, SUBJECT, NONCE), stranger)


def test_other_public_bytes_under_the_name_of_a_key_are_noticed(signer):
    """Whoever hands us the key hands us its name too: the two are compared."""
    swapped = replaced(signer.key(PERSON), public=SoftwareSigner().public)
    assert "is another key" in refusal(signer.sign(PERSON, SUBJECT, NONCE), swapped)


def test_a_software_signature_never_passes_as_a_passkeys():
    key = replaced(SOFTWARE.key(PERSON), kind="passkey")
    assert "but the key is a passkey key" in refusal(SOFTWARE.sign(PERSON, SUBJECT, NONCE), key)
    assert "cannot be read" in refusal(replaced(SOFTWARE.sign(PERSON, SUBJECT, NONCE), kind="passkey"), key)


def test_a_passkey_never_passes_as_a_software_key():
    one = PASSKEYS["EdDSA"]
    key = replaced(one.key(PERSON), kind="software")
    assert "but the key is a software key" in refusal(one.sign(PERSON, SUBJECT, NONCE), key)
    assert "browser's data" in refusal(replaced(one.sign(PERSON, SUBJECT, NONCE), kind="software"), key)


def test_a_software_key_signs_the_challenge_and_not_the_subject():
    signature = SOFTWARE.sign(PERSON, SUBJECT, NONCE)
    refusal(replaced(signature, signature=SOFTWARE.sign_bytes(SUBJECT)), SOFTWARE.key(PERSON))


# ---- what a browser and an authenticator say -------------------------------------------------------------


def answered(one, client_data=None, authenticator_data=None, **changes):
    """A well-signed assertion whose contents say something else."""
    made = one.client_data("webauthn.get", challenge(PERSON, SUBJECT, NONCE), **changes)
    return one.assertion(PERSON, NONCE, client_data or made, authenticator_data or one.authenticator_data())


PHISHED = [
    ({"type": "webauthn.create"}, "this needs 'webauthn.get'"),
    ({"type": "payment.get"}, "this needs 'webauthn.get'"),
    ({"origin": "https://countersign.example.evil.example"}, "allowed: https://countersign.example"),
    ({"origin": "http://countersign.example"}, "allowed:"),
    ({"origin": "https://countersign.example:8443"}, "allowed:"),
    ({"origin": "https://countersign.example/"}, "allowed:"),
    ({"crossOrigin": True}, "framed by another"),
    ({"topOrigin": "https://evil.example"}, "framed by another"),
    ({"challenge": ""}, "challenge signed is not the one"),
    ({"challenge": "AAAA"}, "challenge signed is not the one"),
]


@pytest.mark.parametrize(("changes", "words"), PHISHED, ids=lambda value: str(value)[:50])
def test_an_answer_given_elsewhere_or_to_something_else_is_refused(changes, words):
    one = PASSKEYS["ES256"]
    assert words in refusal(answered(one, **changes), one.key(PERSON))


def test_a_challenge_has_one_spelling():
    """Padding and characters that a lenient decoder skips are refused, not skipped."""
    one = PASSKEYS["ES256"]
    text = msgspec.json.decode(answered(one).client_data)["challenge"]
    for spelling in (text + "=", text + "\n", " " + text, text[:20] + "!" + text[20:]):
        assert "challenge signed" in refusal(answered(one, challenge=spelling), one.key(PERSON))


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"{", b"\xff", b'{"type":"webauthn.get"}'])
def test_browser_data_that_cannot_be_read_is_refused(raw):
    one = PASSKEYS["ES256"]
    signature = one.assertion(PERSON, NONCE, raw, one.authenticator_data())
    assert "clientDataJSON" in refusal(signature, one.key(PERSON))


def test_browser_data_in_another_encoding_is_refused():
    one = PASSKEYS["ES256"]
    data = one.client_data("webauthn.get", challenge(PERSON, SUBJECT, NONCE)).decode().encode("utf-16")
    refusal(one.assertion(PERSON, NONCE, data, one.authenticator_data()), one.key(PERSON))


def test_an_answer_for_another_relying_party_is_refused():
    one = PASSKEYS["ES256"]
    data = one.authenticator_data(rp_id="evil.example")
    assert "RP ID" in refusal(answered(one, authenticator_data=data), one.key(PERSON))


@pytest.mark.parametrize("flags", [0, testing.USER_PRESENT, testing.USER_VERIFIED])
def test_a_user_who_was_not_there_or_not_verified_signed_nothing(flags):
    one = PASSKEYS["ES256"]
    refusal(answered(one, authenticator_data=one.authenticator_data(flags=flags)), one.key(PERSON))


def test_without_any_allowed_origin_no_passkey_is_accepted():
    one = PASSKEYS["ES256"]
    assert "allowed: none" in refusal(
        one.sign(PERSON, SUBJECT, NONCE), one.key(PERSON), relying=Relying(rp_id=RELYING.rp_id)
    )


def test_a_key_enrolled_as_bound_to_its_device_that_now_syncs_is_refused():
    synced = SoftwareAuthenticator(device_bound=False)
    key = replaced(synced.key(PERSON), device_bound=True)
    assert "now says otherwise" in refusal(synced.sign(PERSON, SUBJECT, NONCE), key)


def test_a_key_enrolled_as_one_that_syncs_does_not_become_more():
    bound = PASSKEYS["ES256"]
    key = replaced(bound.key(PERSON), device_bound=False)
    assert "now says otherwise" in refusal(bound.sign(PERSON, SUBJECT, NONCE), key)


def test_leftover_bytes_of_an_authenticator_are_refused():
    one = PASSKEYS["ES256"]
    refusal(answered(one, authenticator_data=one.authenticator_data() + b"\0"), one.key(PERSON))


WEAK = {
    "RSA of 1024 bits": {1: 3, 3: -257, -1: b"\xff" * 128, -2: b"\1\0\1"},
    "RSA padded with zeros": {1: 3, 3: -257, -1: b"\0" * 128 + b"\xff" * 128, -2: b"\1\0\1"},
    "RS1": {1: 3, 3: -65535, -1: b"\xff" * 256, -2: b"\1\0\1"},
    "PS256": {1: 3, 3: -37, -1: b"\xff" * 256, -2: b"\1\0\1"},
    "ES256 on another curve": {1: 2, 3: -7, -1: 2, -2: b"\1" * 48, -3: b"\1" * 48},
    "no algorithm": {1: 2, -1: 1, -2: b"\1" * 32, -3: b"\1" * 32},
    "nothing": {},
}


@pytest.mark.parametrize("cose", WEAK.values(), ids=WEAK)
def test_weak_or_unknown_kinds_of_keys_are_refused(cose):
    one, public = PASSKEYS["ES256"], encode_cbor(cose)
    key = Key(
        id=key_id(public), person=PERSON, kind="passkey", public=public, credential=b"c", device_bound=True
    )
    refusal(replaced(one.sign(PERSON, SUBJECT, NONCE), key=key.id), key)


IDENTITY = bytes([1]) + bytes(31)


@pytest.mark.parametrize("public", [IDENTITY, bytes(31) + b"\x80", bytes([0xEE]) + b"\xff" * 31])
def test_a_key_under_which_anybody_can_sign_signs_nothing(public):
    """The neutral point as key and R, zero as S: such a signature holds for every message."""
    anybody = IDENTITY + bytes(32)
    software = Key(id=key_id(public), person=PERSON, kind="software", public=public)
    made = replaced(SOFTWARE.sign(PERSON, SUBJECT, NONCE), key=software.id, signature=anybody)
    assert "anybody can sign" in refusal(made, software)
    cose = encode_cbor({1: 1, 3: -8, -1: 6, -2: public})
    passkey = Key(id=key_id(cose), person=PERSON, kind="passkey", public=cose, credential=b"c")
    one = PASSKEYS["EdDSA"]
    assert "anybody can sign" in refusal(
        replaced(one.sign(PERSON, SUBJECT, NONCE), key=passkey.id, signature=anybody), passkey
    )


NO_ORIGINS = [
    "https://countersign.example/",
    "https://COUNTERSIGN.example",
    "http://countersign.example",
    "https://evil.example",
    "https://evilcountersign.example",
    "https://countersign.example:",
    "https://countersign.example\n",
    "countersign.example",
    "",
]


@pytest.mark.parametrize("origin", NO_ORIGINS)
def test_an_origin_that_no_passkey_of_the_domain_is_used_on_is_no_setting(origin):
    with pytest.raises(ValueError, match=r"origin|https|domain"):
        Relying(rp_id="countersign.example", origins=(origin,))


def test_pages_below_the_domain_and_a_developers_own_machine_are_origins():
    Relying(rp_id="countersign.example", origins=("https://soc.countersign.example:8443",))
    Relying(rp_id="localhost", origins=("http://localhost:8000",))


# ---- any byte --------------------------------------------------------------------------------------------

SIGNED = {name: one.sign(PERSON, SUBJECT, NONCE) for name, one in SIGNERS.items()}
PARTS = ("nonce", "signature", "client_data", "authenticator_data")


@given(st.data())
@settings(max_examples=400, deadline=None)
def test_any_changed_byte_anywhere_is_refused(data):
    name = data.draw(st.sampled_from(sorted(SIGNERS)))
    signature, key = SIGNED[name], SIGNERS[name].key(PERSON)
    part = data.draw(st.sampled_from([part for part in (*PARTS, "subject", "public") if _of(name, part)]))
    changed = bytearray(_of(name, part))
    at = data.draw(st.integers(0, len(changed) - 1))
    changed[at] ^= data.draw(st.integers(1, 255))

    match part:
        case "subject":
            refusal(signature, key, bytes(changed))
        case "public":
            renamed = replaced(key, public=bytes(changed), id=key_id(bytes(changed)))
            refusal(replaced(signature, key=renamed.id), renamed)
        case _:
            refusal(replaced(signature, **{part: bytes(changed)}), key)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_anything_cut_or_added_is_refused(data):
    name = data.draw(st.sampled_from(sorted(SIGNERS)))
    part = data.draw(st.sampled_from([part for part in PARTS if _of(name, part)]))
    whole = _of(name, part)
    shorter = st.integers(0, len(whole) - 1).map(lambda end: whole[:end])
    longer = st.binary(min_size=1, max_size=40).map(lambda more: whole + more)
    changed = data.draw(shorter | longer)
    refusal(replaced(SIGNED[name], **{part: changed}), SIGNERS[name].key(PERSON))


@given(st.binary(max_size=200), st.binary(max_size=80), st.binary(max_size=120))
@settings(max_examples=200, deadline=None)
def test_whatever_bytes_come_the_answer_is_a_refusal_and_no_other_error(public, data, signature):
    key = Key(id=key_id(public), person=PERSON, kind="passkey", public=public, credential=b"c")
    one = PASSKEYS["ES256"]
    client_data = one.client_data("webauthn.get", challenge(PERSON, SUBJECT, NONCE))
    made = one.assertion(PERSON, NONCE, client_data, data)
    refusal(replaced(made, key=key.id, signature=signature), key)
    software = Key(id=key_id(public), person=PERSON, kind="software", public=public)
    refusal(replaced(SOFTWARE.sign(PERSON, SUBJECT, NONCE), key=software.id, signature=signature), software)


def _of(name, part):
    if part == "subject":
        return SUBJECT
    return SIGNERS[name].public if part == "public" else getattr(SIGNED[name], part)


# ---- new passkeys ----------------------------------------------------------------------------------------

EXPECTED = challenge(PERSON, SUBJECT, NONCE)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("device_bound", [True, False])
def test_a_new_passkey_tells_its_key_and_whether_it_can_leave_its_device(algorithm, device_bound):
    one = SoftwareAuthenticator(algorithm=algorithm, device_bound=device_bound)
    found = passkeys.registered(one.register(EXPECTED), EXPECTED, RELYING)
    assert (one.public, one.credential, device_bound) == (found.public, found.credential, found.device_bound)


def registration_refused(answer, relying=RELYING):
    with pytest.raises(SignatureRefused) as refused:
        passkeys.registered(answer, EXPECTED, relying)
    return str(refused.value)


def test_a_new_passkey_without_a_verified_user_is_refused():
    assert "verification" in registration_refused(
        SoftwareAuthenticator(user_verified=False).register(EXPECTED)
    )


def test_a_new_passkey_for_another_challenge_or_another_page_is_refused():
    one = PASSKEYS["ES256"]
    assert "challenge" in registration_refused(one.register(bytes(32)))
    assert "allowed: none" in registration_refused(one.register(EXPECTED), Relying())


@given(st.binary(max_size=100))
@settings(max_examples=100, deadline=None)
def test_an_answer_that_is_no_registration_is_refused(answer):
    registration_refused(answer)
