"""What a witness answers: the published vectors, every refusal, and the order of the checks."""

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign.core.log.checkpoint import Checkpoint
from countersign.core.log.merkle import EMPTY_ROOT, consistency_proof, leaf_hash, root
from countersign.core.log.note import Note, Signature, VerifierKey
from countersign.core.log.witnessing import Granted, judged, parse_submission, submission
from countersign.errors import MalformedNote

LOG = "countersign.example/log/decisions"
SEED = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)
KEY = VerifierKey(LOG, 1, SEED.public_key().public_bytes_raw())
LOGS = {LOG: (KEY,)}
LEAVES = [leaf_hash(b"entry-%d" % n) for n in range(7)]


def head(size, leaves=LEAVES):
    return Checkpoint(LOG, size, root(leaves[:size]))


def note(checkpoint, key=KEY, seed=SEED):
    text = checkpoint.text()
    return Note(text, (Signature(key.name, key.id, seed.sign(text)),)).raw()


def ask(body, recorded=None, logs=LOGS):
    return judged(body, logs, lambda origin: recorded if recorded and recorded.origin == origin else None)


FOUR_TO_SEVEN = submission(4, consistency_proof(LEAVES, 4), note(head(7)))


def test_the_published_submission_is_made_byte_for_byte_and_granted():
    assert 265 == len(FOUR_TO_SEVEN)
    assert (
        "37cb4494c81352586e24a8de4bc23d41fafc1c584a494d21a3eb97c28513d3d5"
        == sha256(FOUR_TO_SEVEN).hexdigest()
    )
    assert Granted(head(7)) == ask(FOUR_TO_SEVEN, head(4))


def test_a_witness_that_recorded_another_size_says_which():
    answer = ask(FOUR_TO_SEVEN, head(5))
    assert (409, b"5\n", "text/x.tlog.size") == (answer.status, answer.body, answer.media_type)
    assert (409, b"0\n") == ((first := ask(FOUR_TO_SEVEN)).status, first.body)


def test_any_flipped_bit_of_the_proofs_hash_is_refused():
    proof = consistency_proof(LEAVES, 4)
    for at in range(256):
        spoiled = bytearray(proof[0])
        spoiled[at // 8] ^= 1 << at % 8
        assert 422 == ask(submission(4, [bytes(spoiled)], note(head(7))), head(4)).status


def test_every_pair_of_sizes_is_granted_with_its_proof_and_refused_with_another():
    for old in range(8):
        for new in range(old, 8):
            proof = consistency_proof(LEAVES[:new], old)
            recorded = head(old) if old else None
            assert Granted(head(new)) == ask(submission(old, proof, note(head(new))), recorded)
            assert 422 == ask(submission(old, (*proof, LEAVES[0]), note(head(new))), recorded).status


def test_a_second_history_is_refused_against_the_root_that_was_recorded():
    forged = [leaf_hash(b"forged"), *LEAVES[1:]]
    proof = consistency_proof(forged, 4)
    assert 422 == ask(submission(4, proof, note(head(7, forged))), head(4)).status
    assert 422 == ask(submission(7, (), note(head(7, forged))), head(7)).status
    assert Granted(head(7)) == ask(submission(7, (), note(head(7))), head(7))


def test_an_empty_log_has_the_empty_root():
    assert Granted(Checkpoint(LOG, 0, EMPTY_ROOT)) == ask(submission(0, (), note(head(0))))
    assert 422 == ask(submission(0, (), note(Checkpoint(LOG, 0, LEAVES[0])))).status


def test_a_smaller_head_is_a_bad_request_before_anything_is_compared():
    assert 400 == ask(submission(7, (), note(head(4))), head(7)).status


STRANGER = Ed25519PrivateKey.from_private_bytes(bytes([9]) * 32)
STRANGERS_KEY = VerifierKey(LOG, 1, STRANGER.public_key().public_bytes_raw())
BAD_LINE = Signature(LOG, KEY.id, bytes(64)).line()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, submission(4, (), note(Checkpoint("elsewhere.example", 7, LEAVES[0])))),
        (403, submission(4, (), note(head(7), STRANGERS_KEY, STRANGER))),
        (403, FOUR_TO_SEVEN + BAD_LINE),
        (400, b""),
        (400, FOUR_TO_SEVEN[:-1]),
        (400, FOUR_TO_SEVEN.replace(b"old 4", b"old 04")),
        (400, FOUR_TO_SEVEN.replace(b"old 4", b"old -4")),
        (400, FOUR_TO_SEVEN.replace(b"old 4", b"4")),
        (400, FOUR_TO_SEVEN.replace(b"\n", b"\r\n")),
        (400, FOUR_TO_SEVEN.replace(b"5CnF", b"5CnF=")),
        (400, submission(4, [LEAVES[0]] * 64, note(head(7)))),
        (400, FOUR_TO_SEVEN + b"x" * 200_000),
    ],
)
def test_each_refusal_has_its_status(status, body):
    answer = ask(body, head(4))
    assert status == answer.status
    assert answer.body.endswith(b"\n")


def test_63_proof_lines_are_read_and_one_more_is_not():
    assert 63 == len(parse_submission(submission(4, [LEAVES[0]] * 63, note(head(7)))).proof)
    with pytest.raises(MalformedNote):
        parse_submission(submission(4, [LEAVES[0]] * 64, note(head(7))))


def test_a_log_with_two_keys_is_known_by_either():
    logs = {LOG: (STRANGERS_KEY, KEY)}
    assert Granted(head(7)) == ask(FOUR_TO_SEVEN, head(4), logs)
    assert Granted(head(7)) == ask(
        submission(4, consistency_proof(LEAVES, 4), note(head(7), STRANGERS_KEY, STRANGER)), head(4), logs
    )
