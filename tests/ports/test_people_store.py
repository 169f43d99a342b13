"""What the store of persons, keys, sessions and challenges promises, on both databases."""

from threading import Barrier, Thread

import msgspec
import pytest

from countersign.core.identity.people import Key, Person, Session
from countersign.core.identity.signatures import key_id
from countersign.errors import AlreadyStored, StoreUnavailable

ADA = Person(id="p_1", name="Ada \u202e L\x00velace", roles=("admin",))
GRACE = Person(id="p_2", name="Grace", roles=("analyst", "lead"))
TOKEN, NONCE, SUBJECT = bytes([1]) * 32, bytes([2]) * 32, bytes([3]) * 32


def a_key(public=b"\0\xffpublic", person="p_1", **changes):
    one = Key(
        id=key_id(public), person=person, kind="software", public=public, enrolled_by="p_1", enrolled_ns=5
    )
    return msgspec.structs.replace(one, **changes)


def a_session(**changes):
    one = Session(id="s_1", person="p_1", key=a_key().id, opened_ns=10, expires_ns=2**62)
    return msgspec.structs.replace(one, **changes)


@pytest.fixture
def people(store):
    """Ada and Grace are there."""
    with store.transaction() as tx:
        tx.people.add(ADA, "p_1", 1)
        tx.people.add(GRACE, "p_1", 2)
    with store.transaction() as tx:
        yield tx.people


def test_everybody_is_found_by_id_by_exact_name_and_oldest_first(people):
    assert ADA == people.get("p_1")
    assert GRACE == people.named("Grace")
    assert (ADA, GRACE) == people.all()


def test_nobody_is_found_under_a_part_of_a_name_or_another_spelling(people):
    assert [None, None, None] == [people.named("grace"), people.named("Gra"), people.get("p_")]


def test_what_no_id_looks_like_is_nobodys_on_both_databases(people):
    for text in ("", "p_\x00", "é", "x" * 10_000, "\ud800"):
        assert (None, None) == (people.get(text), people.key(text))


@pytest.mark.parametrize(
    "taken", [Person(id="p_3", name="Grace", roles=()), Person(id="p_2", name="Eve", roles=())]
)
def test_a_name_or_id_that_is_taken_is_refused(people, taken):
    with pytest.raises(AlreadyStored):
        people.add(taken, "p_1", 3)


def test_the_roles_said_last_count(people):
    people.roles("p_2", ("auditor",), "p_1", 3)
    assert ("auditor",) == people.get("p_2").roles
    assert ("admin",) == people.get("p_1").roles
    people.roles("p_2", (), "p_1", 4)
    assert ((), ()) == (people.get("p_2").roles, people.all()[1].roles)


def test_a_key_comes_back_as_it_was_enrolled(people):
    passkey = a_key(b"cose", "p_2", kind="passkey", credential=b"\0id", device_bound=True)
    people.enrol(a_key())
    people.enrol(passkey)
    assert a_key() == people.key(a_key().id)
    assert (passkey,) == people.keys_of("p_2")
    assert None is people.key(key_id(b"none"))


def test_a_key_belongs_to_one_person_for_good(people):
    people.enrol(a_key())
    with pytest.raises(AlreadyStored):
        people.enrol(a_key(person="p_2"))


def test_a_revoked_key_stays_revoked_from_the_first_time_on(people):
    people.enrol(a_key())
    people.revoke(a_key().id, "p_1", 70, "lost")
    people.revoke(a_key().id, "p_1", 90, "lost again")
    assert a_key(revoked_ns=70) == people.key(a_key().id)
    assert (a_key(revoked_ns=70),) == people.keys_of("p_1")
    with pytest.raises(AlreadyStored):
        people.enrol(a_key())


def test_a_key_is_never_enrolled_as_revoked(people):
    people.enrol(a_key(revoked_ns=1))
    assert None is people.key(a_key().id).revoked_ns


def test_a_session_is_found_by_its_tokens_digest_until_it_is_ended(people):
    people.open_session(a_session(), TOKEN)
    assert a_session() == people.session(TOKEN)
    assert None is people.session(bytes(32))
    people.end_session("s_1", 20)
    people.end_session("s_1", 21)
    assert None is people.session(TOKEN)


def test_a_challenge_is_used_once_by_its_person_for_its_subject_in_time(people):
    people.challenge(NONCE, "p_1", SUBJECT, 100)
    refused = [
        people.use_challenge(bytes(32), "p_1", SUBJECT, 50),
        people.use_challenge(NONCE, "p_2", SUBJECT, 50),
        people.use_challenge(NONCE, "p_1", bytes(32), 50),
        people.use_challenge(NONCE, "p_1", SUBJECT, 100),
    ]
    assert [False] * 4 == refused
    assert people.use_challenge(NONCE, "p_1", SUBJECT, 99)
    assert not people.use_challenge(NONCE, "p_1", SUBJECT, 99)


def test_a_challenge_is_kept_once(store):
    with pytest.raises(StoreUnavailable), store.transaction() as tx:
        tx.people.challenge(TOKEN, "p_1", SUBJECT, 100)
        tx.people.challenge(TOKEN, "p_2", SUBJECT, 900)


def test_of_eight_answers_to_one_challenge_at_once_one_counts(store):
    with store.transaction() as tx:
        tx.people.challenge(NONCE, "p_1", SUBJECT, 100)
    won, together = [], Barrier(8)

    def answer():
        together.wait()
        with store.transaction() as tx:
            won.append(tx.people.use_challenge(NONCE, "p_1", SUBJECT, 50))

    threads = [Thread(target=answer) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [False] * 7 + [True] == sorted(won)


def test_a_used_challenge_of_a_transaction_that_failed_may_still_be_answered(store):
    with store.transaction() as tx:
        tx.people.challenge(NONCE, "p_1", SUBJECT, 100)
    with pytest.raises(RuntimeError), store.transaction() as tx:
        tx.people.use_challenge(NONCE, "p_1", SUBJECT, 50)
        raise RuntimeError
    with store.transaction() as tx:
        assert tx.people.use_challenge(NONCE, "p_1", SUBJECT, 50)


def test_nobody_else_changes_who_there_is_while_the_lock_is_held(store):
    """Eight see nobody and add the first: one does."""
    added, together = [], Barrier(8)

    def begin(number):
        together.wait()
        with store.transaction() as tx:
            tx.people.lock()
            if not tx.people.all():
                tx.people.add(Person(id=f"p_{number}", name=f"n{number}", roles=("admin",)), "", 1)
                added.append(number)

    threads = [Thread(target=begin, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 == len(added)
