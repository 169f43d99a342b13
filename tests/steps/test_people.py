"""Who there is, how they sign in, and everything that is tried to be somebody else. On both databases."""

import shutil
from threading import Barrier, Thread

import msgspec
import pytest

from countersign import config, wiring
from countersign.core.canonical import NANOSECONDS
from countersign.core.identity.people import Key
from countersign.core.identity.signatures import challenge as challenge_bytes
from countersign.core.identity.signatures import verified
from countersign.core.identity.subjects import (
    Enrolment,
    enrolment_subject,
    registration_subject,
    sign_in_subject,
)
from countersign.errors import AlreadyStored, NotPermitted, NotSignedIn, SignatureRefused, UsageError
from countersign.steps import people, roster
from countersign.testing import RELYING, SoftwareAuthenticator, SoftwareSigner
from databases import database, postgres_database, sqlite_database

__all__ = ["database", "postgres_database", "sqlite_database"]

MINUTE, HOUR = 60 * NANOSECONDS, 3600 * NANOSECONDS


class Clock:
    """A clock that the test turns."""

    def __init__(self):
        self.now = 1_800_000_000 * NANOSECONDS

    def now_ns(self):
        return self.now


def opened(folder, url, clock=None):
    settings = config.Settings(database_url=url, passkeys=RELYING)
    return msgspec.structs.replace(wiring.open_ports(folder, settings), clock=clock or Clock())


@pytest.fixture
def ports(tmp_path, database):
    made = opened(tmp_path / "home", database)
    yield made
    made.store.close()


@pytest.fixture
def quick(tmp_path):
    """SQLite only, for what no database can differ in."""
    made = opened(tmp_path / "home", "")
    yield made
    made.store.close()


def an_enrolment(person, signer, by, **changes):
    one = Enrolment(person=person, kind="software", public=signer.public.hex(), by=by)
    return msgspec.structs.replace(one, **changes)


def signed(ports, person, signer, subject):
    return signer.sign(person, subject, people.challenge(ports, person, subject))


def begun(ports, name="Ada Lovelace", signer=None, person=None):
    """The first admin: their id, and their key."""
    signer = signer or SoftwareSigner()
    person = person or roster.new_person_id(ports)
    enrolment = an_enrolment(person, signer, person)
    roster.begin(name, enrolment, signed(ports, person, signer, enrolment_subject(enrolment)), ports)
    return person, signer


def entered(ports, person, signer):
    """The token of a new session."""
    key = signer.key(person).id
    return people.sign_in(ports, signed(ports, person, signer, sign_in_subject(person, key)))


def enrolled(ports, admin, token, person, signer):
    """A new key for a person, by an admin: (person id, signer)."""
    enrolment = an_enrolment(person, signer, admin[0])
    signature = signed(ports, *admin, enrolment_subject(enrolment))
    return roster.enrol(enrolment, signature, token, ports)


@pytest.fixture(scope="module")
def begun_home(tmp_path_factory):
    """Begun once; every test gets a copy."""
    folder = tmp_path_factory.mktemp("begun")
    made = begin_home(ports := opened(folder, ""))
    ports.store.close()
    return folder, made


@pytest.fixture
def home(tmp_path, begun_home):
    folder, made = begun_home
    copied = shutil.copytree(folder, tmp_path / "home")
    ports = opened(copied, "")
    yield msgspec.structs.replace(made, ports=ports)
    ports.store.close()


def begin_home(ports):
    """An admin who is signed in, and an analyst with a key."""
    admin = begun(ports)
    token = entered(ports, *admin)
    analyst = roster.add("Grace Hopper", ["analyst"], token, ports)
    signer = SoftwareSigner()
    enrolled(ports, admin, token, analyst.id, signer)
    return Home(ports, admin, token, (analyst.id, signer))


class Home(msgspec.Struct):
    ports: object
    admin: tuple
    token: bytes
    analyst: tuple

    def entries(self, kind):
        return [*self.ports.store.log.of_kind(kind)]


# ---- the first admin -------------------------------------------------------------------------------------


def test_the_first_admin_of_an_empty_home_enrols_themself_and_the_log_says_so(ports):
    person, signer = begun(ports)
    with ports.store.reading() as tx:
        [one] = tx.people.all()
        [key] = tx.people.keys_of(person)
    [entry] = ports.store.log.of_kind("person.enrolled")
    assert ("Ada Lovelace", ("admin",)) == (one.name, one.roles)
    assert (signer.key(person).id, person) == (key.id, key.enrolled_by)
    assert (True, person, key.id) == (entry.data["bootstrap"], entry.actor.id, entry.digests["key"])


def test_nobody_begins_a_home_where_anybody_is(ports):
    begun(ports)
    with pytest.raises(NotPermitted, match="has people already"):
        begun(ports, "Mallory")
    with ports.store.reading() as tx:
        assert ["Ada Lovelace"] == [one.name for one in tx.people.all()]


def test_of_eight_who_begin_a_home_at_once_one_does(ports):
    won, lost, together = [], [], Barrier(8)

    def attempt(number):
        signer, person = SoftwareSigner(), roster.new_person_id(ports)
        enrolment = an_enrolment(person, signer, person)
        signature = signed(ports, person, signer, enrolment_subject(enrolment))
        together.wait()
        try:
            roster.begin(f"Admin {number}", enrolment, signature, ports)
            won.append(number)
        except NotPermitted:
            lost.append(number)

    threads = [Thread(target=attempt, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (1, 7) == (len(won), len(lost))
    assert 1 == len([*ports.store.log.of_kind("person.enrolled")])


def test_the_first_admin_signs_with_the_key_they_enrol(quick):
    person, mine, other = "p_1", SoftwareSigner(), SoftwareSigner()
    enrolment = an_enrolment(person, mine, person)
    with pytest.raises(SignatureRefused):
        roster.begin("Ada", enrolment, signed(quick, person, other, enrolment_subject(enrolment)), quick)


def test_the_first_admin_enrols_nobody_else(quick):
    mine = SoftwareSigner()
    for enrolment in (an_enrolment("p_2", mine, "p_1"), an_enrolment("p_1", mine, "p_2")):
        with pytest.raises(SignatureRefused, match="enrols themself"):
            roster.begin("Ada", enrolment, signed(quick, "p_1", mine, enrolment_subject(enrolment)), quick)


# ---- signing in ------------------------------------------------------------------------------------------


def test_whoever_signs_in_is_known_by_their_token_for_eight_hours(ports):
    person, signer = begun(ports)
    token = entered(ports, person, signer)
    ports.clock.now += 8 * HOUR - 1
    assert (person, "Ada Lovelace") == (
        (one := people.signed_in(ports, token).person).id,
        one.name,
    )
    ports.clock.now += 1
    with pytest.raises(NotSignedIn, match="expired"):
        people.signed_in(ports, token)


def test_a_token_is_kept_as_its_digest_only(tmp_path):
    ports = opened(tmp_path, "")
    token = entered(ports, *begun(ports))
    ports.store.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("countersign.db*"))
    assert people.token_digest(token) in kept
    assert token not in kept
    assert token.hex().encode() not in kept


def test_signing_out_ends_the_session_and_only_that(home):
    other = entered(home.ports, *home.admin)
    assert people.sign_out(home.ports, home.token)
    assert not people.sign_out(home.ports, home.token)
    with pytest.raises(NotSignedIn):
        people.signed_in(home.ports, home.token)
    assert home.admin[0] == people.signed_in(home.ports, other).person.id


def test_a_revoked_key_ends_its_sessions(home):
    theirs = entered(home.ports, *home.analyst)
    roster.revoke(home.analyst[1].key("").id, "lost", home.token, home.ports)
    with pytest.raises(NotSignedIn, match="revoked"):
        people.signed_in(home.ports, theirs)
    with pytest.raises(SignatureRefused, match="revoked"):
        entered(home.ports, *home.analyst)


def test_roles_are_those_of_now_and_not_of_the_sign_in(home):
    theirs = entered(home.ports, *home.analyst)
    roster.set_roles(home.analyst[0], ["auditor"], home.token, home.ports)
    assert ("auditor",) == people.signed_in(home.ports, theirs).person.roles


def test_a_token_of_another_home_opens_nothing(tmp_path, home):
    other = opened(tmp_path / "other", "")
    begun(other, person=home.admin[0], signer=home.admin[1])
    with pytest.raises(NotSignedIn):
        people.signed_in(other, home.token)
    other.store.close()


@pytest.mark.parametrize("token", [b"", bytes(32), b"\x00" * 1000])
def test_no_made_up_token_opens_anything(home, token):
    with pytest.raises(NotSignedIn):
        people.signed_in(home.ports, token)


def test_a_session_from_before_a_clock_was_put_back_opens_nothing_yet(home):
    home.ports.clock.now -= MINUTE
    with pytest.raises(NotSignedIn):
        people.signed_in(home.ports, home.token)


# ---- challenges and signatures ---------------------------------------------------------------------------

SUBJECT = bytes([9]) * 32


def accept(ports, person, signature, subject=SUBJECT):
    with ports.store.transaction() as tx:
        return people.accepted(tx, ports, person, signature, subject)


def test_a_signature_over_a_fresh_challenge_is_accepted_once(ports):
    home = begin_home(ports)
    signature = signed(ports, *home.analyst, SUBJECT)
    key, assurance = accept(ports, home.analyst[0], signature)
    assert (home.analyst[0], "software") == (key.person, assurance)
    with pytest.raises(SignatureRefused, match="was used"):
        accept(ports, home.analyst[0], signature)


def test_a_challenge_is_answered_within_five_minutes(home):
    ports, signature = home.ports, signed(home.ports, *home.analyst, SUBJECT)
    ports.clock.now += 5 * MINUTE
    with pytest.raises(SignatureRefused, match="expired"):
        accept(ports, home.analyst[0], signature)


def test_a_nonce_that_nobody_handed_out_is_refused(home):
    person, signer = home.analyst
    with pytest.raises(SignatureRefused, match="not handed out"):
        accept(home.ports, person, signer.sign(person, SUBJECT, bytes(32)))


def test_a_nonce_handed_out_to_somebody_else_is_refused(home):
    nonce = people.challenge(home.ports, home.admin[0], SUBJECT)
    person, signer = home.analyst
    with pytest.raises(SignatureRefused, match="not handed out"):
        accept(home.ports, person, signer.sign(person, SUBJECT, nonce))


def test_a_nonce_handed_out_for_something_else_is_refused(home):
    nonce = people.challenge(home.ports, home.analyst[0], bytes(32))
    person, signer = home.analyst
    with pytest.raises(SignatureRefused, match="not handed out"):
        accept(home.ports, person, signer.sign(person, SUBJECT, nonce))


def test_a_signature_says_nothing_of_another_subject(home):
    signature = signed(home.ports, *home.analyst, SUBJECT)
    with pytest.raises(SignatureRefused, match="does not hold"):
        accept(home.ports, home.analyst[0], signature, bytes(32))


def test_the_person_is_whom_we_know_and_not_whom_the_request_names(home):
    """The analyst signs well; the request says it is the admin, or the admin's session sends it."""
    signature = signed(home.ports, *home.analyst, SUBJECT)
    with pytest.raises(SignatureRefused, match="it is signed as"):
        accept(home.ports, home.admin[0], signature)
    renamed = msgspec.structs.replace(signature, person=home.admin[0])
    with pytest.raises(SignatureRefused, match="is the key of"):
        accept(home.ports, home.admin[0], renamed)


def test_a_bad_signature_does_not_burn_a_challenge(home):
    person, signer = home.analyst
    nonce = people.challenge(home.ports, person, SUBJECT)
    good = signer.sign(person, SUBJECT, nonce)
    with pytest.raises(SignatureRefused):
        accept(home.ports, person, msgspec.structs.replace(good, signature=bytes(64)))
    assert "software" == accept(home.ports, person, good)[1]


def test_a_key_that_nobody_enrolled_signs_nothing(home):
    stranger = SoftwareSigner()
    with pytest.raises(SignatureRefused, match="no such key"):
        accept(home.ports, home.analyst[0], signed(home.ports, home.analyst[0], stranger, SUBJECT))


def test_a_key_of_another_form_is_refused_by_every_database_alike(ports):
    person, signer = begun(ports)
    good = signed(ports, person, signer, SUBJECT)
    for name in ("", "sha256:\x00", "sha256:" + "\x00" * 64, "é" * 71, "x" * 100_000):
        with pytest.raises(SignatureRefused, match="no such key"):
            accept(ports, person, msgspec.structs.replace(good, key=name))


@pytest.mark.parametrize("workload", ["svc/triage", "svc/executor", "system"])
def test_a_workload_cannot_sign(home, workload):
    """It is nobody: no key is ever its own, whatever it signs with."""
    signer = SoftwareSigner()
    with pytest.raises(SignatureRefused, match="no such key"):
        accept(home.ports, workload, signed(home.ports, workload, signer, SUBJECT))
    with pytest.raises(UsageError, match="no such person"):
        enrolled(home.ports, home.admin, home.token, workload, signer)
    with pytest.raises(SignatureRefused, match="is the key of"):
        accept(home.ports, workload, signed(home.ports, workload, home.analyst[1], SUBJECT))


def test_what_a_key_signed_before_it_was_revoked_still_holds(home):
    person, signer = home.analyst
    signature = signed(home.ports, person, signer, SUBJECT)
    accept(home.ports, person, signature)
    home.ports.clock.now += MINUTE
    roster.revoke(signer.key("").id, "it leaked", home.token, home.ports)
    with home.ports.store.reading() as tx:
        key = tx.people.key(signature.key)
    assert "software" == verified(signature, key, SUBJECT, RELYING)
    assert key.signs_at(home.ports.clock.now - 1)
    assert not key.signs_at(home.ports.clock.now)


# ---- who changes who there is ----------------------------------------------------------------------------


def test_only_an_admin_changes_who_there_is(home):
    theirs = entered(home.ports, *home.analyst)
    person, signer = home.analyst
    for attempt in (
        lambda: roster.add("Eve", ["analyst"], theirs, home.ports),
        lambda: roster.set_roles(home.admin[0], ["analyst"], theirs, home.ports),
        lambda: roster.revoke(home.admin[1].key("").id, "why not", theirs, home.ports),
        lambda: enrolled(home.ports, (person, signer), theirs, person, SoftwareSigner()),
    ):
        with pytest.raises(NotPermitted, match=r"person\.|no policy|PE-"):
            attempt()


def test_nobody_changes_anything_without_signing_in(home):
    with pytest.raises(NotSignedIn):
        roster.add("Eve", ["analyst"], bytes(32), home.ports)


@pytest.mark.parametrize(
    "roles", [["admin", "analyst"], ["auditor", "lead"], ["admin", "auditor", "lead"], ["root"]]
)
def test_whoever_administers_or_audits_never_also_decides(home, roles):
    with pytest.raises(UsageError, match=r"role|decide"):
        roster.add("Eve", roles, home.token, home.ports)
    with pytest.raises(UsageError, match=r"role|decide"):
        roster.set_roles(home.analyst[0], roles, home.token, home.ports)


def test_nobody_changes_their_own_roles(home):
    with pytest.raises(NotPermitted, match="their own roles"):
        roster.set_roles(home.admin[0], ["analyst"], home.token, home.ports)


def test_the_last_admin_stays_able_to_administer(home):
    with pytest.raises(NotPermitted, match="nobody could administer"):
        roster.revoke(home.admin[1].key("").id, "tired", home.token, home.ports)
    second = roster.add("Second", ["admin"], home.token, home.ports)
    with pytest.raises(NotPermitted, match="nobody could administer"):
        roster.revoke(home.admin[1].key("").id, "the other has no key yet", home.token, home.ports)
    enrolled(home.ports, home.admin, home.token, second.id, SoftwareSigner())
    roster.revoke(home.admin[1].key("").id, "now it can be", home.token, home.ports)


def test_a_person_revokes_their_own_key(home):
    theirs = entered(home.ports, *home.analyst)
    roster.revoke(home.analyst[1].key("").id, "my laptop was stolen", theirs, home.ports)
    [entry] = home.entries("person.revoked")
    assert (home.analyst[0], True) == (entry.actor.id, entry.data["own"])


def test_revoking_twice_changes_nothing_and_wants_a_reason(home):
    key = home.analyst[1].key("").id
    first = roster.revoke(key, "lost", home.token, home.ports)
    home.ports.clock.now += HOUR
    assert first.revoked_ns == roster.revoke(key, "again", home.token, home.ports).revoked_ns
    assert 1 == len(home.entries("person.revoked"))
    with pytest.raises(UsageError, match="reason"):
        roster.revoke(key, "  ", home.token, home.ports)


@pytest.mark.parametrize("name", ["Grace Hopper", "grace  hopper", "Gr\u0430ce Hopper", "GRACE H0PPER"])
def test_two_people_never_read_alike(home, name):
    with pytest.raises(UsageError, match="reads like"):
        roster.add(name, ["analyst"], home.token, home.ports)


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "Eve\u202e", "Eve\u200b", "E\x1b[2Jve", "Eve\ud800"])
def test_a_name_that_could_fool_a_reader_is_none(home, name):
    with pytest.raises(UsageError, match="name"):
        roster.add(name, ["analyst"], home.token, home.ports)


# ---- enrolling -------------------------------------------------------------------------------------------


def test_every_key_leads_back_to_the_first_admin(home):
    first, second = home.entries("person.enrolled")
    assert (True, {}) == (first.data["bootstrap"], first.refs)
    assert (False, {"admin": first.id}) == (second.data["bootstrap"], second.refs)
    assert home.admin[0] == second.actor.id
    assert home.analyst[0] == second.data["person"]


def test_no_name_and_no_reason_enters_the_log(home):
    roster.set_roles(home.analyst[0], ["lead"], home.token, home.ports)
    roster.revoke(home.analyst[1].key("").id, "Hopper lost it", home.token, home.ports)
    home.ports.store.log.sequence()
    raw = b"".join(one.raw for one in home.ports.store.log.entries(0, 100)).lower()
    assert [] == [word for word in (b"grace", b"hopper", b"lovelace", b"lost") if word in raw]


def test_the_enrolment_and_its_signature_are_kept_beside_the_log(home):
    entry = home.entries("person.enrolled")[1]
    with home.ports.store.reading() as tx:
        enrolment = msgspec.json.decode(tx.contents.open(entry.blobs["enrolment"].id), type=Enrolment)
    assert (home.analyst[0], home.admin[0]) == (enrolment.person, enrolment.by)
    assert home.analyst[1].public.hex() == enrolment.public


def test_an_enrolment_is_signed_and_not_only_asked_for(home):
    """A stolen session alone enrols nobody."""
    person, signer = home.analyst[0], SoftwareSigner()
    enrolment = an_enrolment(person, signer, home.admin[0])
    subject = enrolment_subject(enrolment)
    by_itself = signed(home.ports, home.admin[0], signer, subject)
    with pytest.raises(SignatureRefused, match="no such key"):
        roster.enrol(enrolment, by_itself, home.token, home.ports)
    by_another = signed(home.ports, *home.analyst, subject)
    with pytest.raises(SignatureRefused, match="it is signed as"):
        roster.enrol(enrolment, by_another, home.token, home.ports)


def test_what_is_enrolled_is_what_was_signed(home):
    mine, swapped = SoftwareSigner(), SoftwareSigner()
    enrolment = an_enrolment(home.analyst[0], mine, home.admin[0])
    signature = signed(home.ports, *home.admin, enrolment_subject(enrolment))
    for other in (
        an_enrolment(home.analyst[0], swapped, home.admin[0]),
        an_enrolment(home.admin[0], mine, home.admin[0]),
    ):
        with pytest.raises(SignatureRefused, match="does not hold"):
            roster.enrol(other, signature, home.token, home.ports)
    named = an_enrolment(home.analyst[0], mine, home.analyst[0])
    with pytest.raises(SignatureRefused, match="another admin"):
        roster.enrol(named, signature, home.token, home.ports)


def test_a_key_is_enrolled_once_to_one_person(home):
    with pytest.raises(AlreadyStored):
        enrolled(home.ports, home.admin, home.token, home.admin[0], home.analyst[1])


def test_a_revoked_key_never_comes_back(home):
    roster.revoke(home.analyst[1].key("").id, "lost", home.token, home.ports)
    with pytest.raises(AlreadyStored):
        enrolled(home.ports, home.admin, home.token, *home.analyst)


def test_keys_that_prove_nothing_are_not_enrolled(home):
    class Anybody(SoftwareSigner):
        public = b"\1" + bytes(31)

        def __init__(self):
            pass

    with pytest.raises(SignatureRefused, match="anybody can sign"):
        enrolled(home.ports, home.admin, home.token, home.analyst[0], Anybody())


def refused(home, enrolment, registration=None):
    signature = signed(home.ports, *home.admin, enrolment_subject(enrolment))
    with pytest.raises(SignatureRefused) as why:
        roster.enrol(enrolment, signature, home.token, home.ports, registration)
    return str(why.value)


def test_the_bytes_of_an_enrolment_have_one_spelling(home):
    signer = SoftwareSigner()
    for public in (signer.public.hex().upper(), " " + signer.public.hex()):
        enrolment = an_enrolment(home.analyst[0], signer, home.admin[0], public=public)
        assert "lower-case hex" in refused(home, enrolment)


# ---- passkeys --------------------------------------------------------------------------------------------


def registered(ports, person, authenticator):
    """What a browser answers to our challenge for a new passkey."""
    subject = registration_subject(person)
    nonce = people.challenge(ports, person, subject)
    answer = authenticator.register(challenge_bytes(person, subject, nonce))
    return roster.Registration(nonce=nonce, answer=answer)


@pytest.mark.parametrize("device_bound", [True, False])
def test_a_passkey_is_enrolled_as_its_registration_says(ports, device_bound):
    home, one = begin_home(ports), SoftwareAuthenticator(device_bound=device_bound)
    person = home.analyst[0]
    registration = registered(ports, person, one)
    enrolment = roster.prepared(ports, person, registration, home.admin[0])
    signature = signed(ports, *home.admin, enrolment_subject(enrolment))
    key = roster.enrol(enrolment, signature, home.token, ports, registration)
    wanted = one.key(person, enrolled_by=home.admin[0], enrolled_ns=ports.clock.now)
    assert wanted == key
    _, assurance = accept(ports, person, signed(ports, person, one, SUBJECT))
    assert ("webauthn-uv-device" if device_bound else "webauthn-uv") == assurance
    assert person == people.signed_in(ports, entered(ports, person, one)).person.id


def test_a_passkey_is_not_enrolled_on_an_admins_word_alone(home):
    one = SoftwareAuthenticator()
    key: Key = one.key(home.analyst[0])
    enrolment = Enrolment(
        person=key.person,
        kind="passkey",
        public=key.public.hex(),
        credential=key.credential.hex(),
        device_bound=True,
        by=home.admin[0],
    )
    assert "what the browser answered" in refused(home, enrolment)


def test_a_passkey_that_syncs_is_not_enrolled_as_bound_to_its_device(home):
    registration = registered(home.ports, home.analyst[0], SoftwareAuthenticator(device_bound=False))
    enrolment = roster.prepared(home.ports, home.analyst[0], registration, home.admin[0])
    better = msgspec.structs.replace(enrolment, device_bound=True)
    assert "something else" in refused(home, better, registration)


def test_a_passkey_made_for_one_person_is_not_enrolled_to_another(home):
    registration = registered(home.ports, home.analyst[0], SoftwareAuthenticator())
    enrolment = roster.prepared(home.ports, home.analyst[0], registration, home.admin[0])
    theirs = msgspec.structs.replace(enrolment, person=home.admin[0])
    assert "challenge" in refused(home, theirs, registration)


def test_a_registration_is_used_once_and_soon(home):
    registration = registered(home.ports, home.analyst[0], SoftwareAuthenticator())
    enrolment = roster.prepared(home.ports, home.analyst[0], registration, home.admin[0])
    home.ports.clock.now += 5 * MINUTE
    assert "too long ago" in refused(home, enrolment, registration)


def test_a_software_key_pretends_to_no_device(home):
    enrolment = an_enrolment(home.analyst[0], SoftwareSigner(), home.admin[0], device_bound=True)
    assert "bound to no device" in refused(home, enrolment)


def test_the_first_admin_may_begin_with_a_passkey(ports):
    one, person = SoftwareAuthenticator(), roster.new_person_id(ports)
    registration = registered(ports, person, one)
    enrolment = roster.prepared(ports, person, registration, person)
    signature = signed(ports, person, one, enrolment_subject(enrolment))
    roster.begin("Ada Lovelace", enrolment, signature, ports, registration)
    assert ("admin",) == people.signed_in(ports, entered(ports, person, one)).person.roles


def test_no_challenge_is_kept_for_what_is_nobodys_id(ports):
    for text in ("", "p_\x00", "é", "x" * 65):
        with pytest.raises(SignatureRefused, match="nobody"):
            people.challenge(ports, text, SUBJECT)
    with pytest.raises(ValueError, match="32 bytes"):
        people.challenge(ports, "p_1", b"short")
    with pytest.raises(UsageError, match="no such person"):
        roster.set_roles("p_\x00", ["lead"], entered(ports, *begun(ports)), ports)
