"""Log proofs and policies: the published vector, every bit of it, and what must be refused."""

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign.core.log.checkpoint import Checkpoint
from countersign.core.log.cosign import cosignature, message
from countersign.core.log.merkle import inclusion_proof, leaf_hash, root
from countersign.core.log.note import Note, Signature, VerifierKey, verifier_key
from countersign.core.log.proofs import LogProof, check_proof, parse_proof
from countersign.core.log.quorum import believed, is_met, log_alone, parse_policy
from countersign.errors import ConfigError, MalformedNote, NoteNotVerified, ProofRefused

LOG = "countersign.example/log/decisions"
LOG_VKEY = f"{LOG}+ae602cd7+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
W1_VKEY = "witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"
POLICY_TEXT = f"log {LOG_VKEY}\nwitness w1 {W1_VKEY}\nquorum w1\n"
POLICY = parse_policy(POLICY_TEXT.encode())
VECTOR = f"""c2sp.org/tlog-proof@v1
index 3
BJ19zbVrz+vTEzBMmDnxlqPUtu873AsIKY+TrIGR8Kg=
LyelCCwdQq+kiKw1Cp/EOQwIT1T3Hs3/hZ6Y24QptHk=
5CnFtcyqlSPDcpfxhGdm+QMTfoIZXFGZ5r5XEw0QBsg=

{LOG}
7
kTlgHMHKirKnoMLBNMBIRfKxulSag9bIRc/NpDnMWF0=

— {LOG} rmAs17m+q/cBXmRePchrOd2gWga5lXhGnQ/a+1KpEGsEOWu9c76A27KMlwguIfQ1hMi27NRsrwcC02D1JvXJlKmQUgc=
— witness.example/w1 3xwKNQAAAABqsTuAgDnukdwp5Zu+EuzgMKQxVDX9ZcGFwmzqHmkD+izskBsi2bTeqfqN/phvLh310s8iS1LO8uxBixe8EI2ZAx6uAA==
""".encode()
ENTRY = b"entry-3"
NOW_S = 1_790_000_000
LEAVES = [leaf_hash(b"entry-%d" % n) for n in range(7)]
SEED = Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)


def witness(number):
    seed = Ed25519PrivateKey.from_private_bytes(bytes([100 + number]) * 32)
    return seed, VerifierKey(f"witness.example/{number}", 4, seed.public_key().public_bytes_raw())


def cosigned(*numbers):
    """The checkpoint of size 7, cosigned by these witnesses."""
    text = Checkpoint(LOG, 7, root(LEAVES)).text()
    lines = [Signature(LOG, verifier_key(LOG_VKEY).id, SEED.sign(text))]
    for seed, key in map(witness, numbers):
        lines.append(cosignature(key, NOW_S, seed.sign(message(NOW_S, text))))
    return Note(text, tuple(lines)).raw()


def policy(*lines, witnesses=4):
    listed = [f"witness w{n} {witness(n)[1]}" for n in range(1, witnesses + 1)]
    return "".join(f"{line}\n" for line in (f"log {LOG_VKEY}", *listed, *lines)).encode()


def test_the_published_proof_is_read_checked_and_made_again():
    assert "9071b2ce50e7bb8d4a06ce7d51b0506225b27866c624b9b2c65b6779516e031e" == sha256(VECTOR).hexdigest()
    proof = parse_proof(VECTOR)
    assert (3, inclusion_proof(LEAVES, 3)) == (proof.index, proof.hashes)
    assert VECTOR == proof.raw()
    found = check_proof(proof, ENTRY, POLICY, NOW_S)
    assert (7, root(LEAVES)) == (found.checkpoint.size, found.checkpoint.root)
    assert [("witness.example/w1", NOW_S)] == [(each.key.name, each.time_s) for each in found.cosignatures]


def test_every_bit_of_the_published_proof_counts():
    for at in range(len(VECTOR) * 8):
        raw = bytearray(VECTOR)
        raw[at // 8] ^= 1 << at % 8
        with pytest.raises((MalformedNote, NoteNotVerified, ProofRefused)):
            check_proof(parse_proof(bytes(raw)), ENTRY, POLICY, NOW_S)


def test_an_extra_line_is_read_over_and_never_written():
    proof = parse_proof(VECTOR.replace(b"index 3", b"extra aGVsbG8=\nindex 3"))
    assert VECTOR == proof.raw()
    with pytest.raises(MalformedNote):
        parse_proof(VECTOR.replace(b"index 3", b"extra aGVsbG8\nindex 3"))
    with pytest.raises(MalformedNote):
        parse_proof(VECTOR.replace(b"index 3", b"index 3\nextra aGVsbG8="))


HASH = b"BJ19zbVrz+vTEzBMmDnxlqPUtu873AsIKY+TrIGR8Kg=\n"
MALFORMED = {
    "another version": VECTOR.replace(b"@v1", b"@v2"),
    "no index": VECTOR.replace(b"index 3\n", b""),
    "an index with leading zeros": VECTOR.replace(b"index 3", b"index 03"),
    "an index with a sign": VECTOR.replace(b"index 3", b"index +3"),
    "two indexes": VECTOR.replace(b"index 3", b"index 3\nindex 3"),
    "a short hash": VECTOR.replace(b"R8Kg=", b"R8A=="),
    "an unpadded hash": VECTOR.replace(b"R8Kg=", b"R8Kg"),
    "64 hashes": VECTOR.replace(HASH, HASH * 62),
    "a carriage return": VECTOR.replace(b"\n", b"\r\n"),
    "no final newline": VECTOR[:-1],
    "no checkpoint": VECTOR[: VECTOR.index(b"\n\n") + 1],
    "nothing": b"",
}


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_proof_is_refused(raw):
    with pytest.raises(MalformedNote):
        parse_proof(raw)


REFUSED = {
    "one hash too many": VECTOR.replace(HASH, HASH * 2),
    "one hash missing": VECTOR.replace(HASH, b""),
    "another index": VECTOR.replace(b"index 3", b"index 2"),
    "an index beyond the size": VECTOR.replace(b"index 3", b"index 7"),
}


@pytest.mark.parametrize("raw", REFUSED.values(), ids=REFUSED)
def test_a_proof_that_leads_elsewhere_is_refused(raw):
    with pytest.raises(ProofRefused):
        check_proof(parse_proof(raw), ENTRY, POLICY, NOW_S)


def test_a_proof_is_of_one_entry_only():
    with pytest.raises(ProofRefused):
        check_proof(parse_proof(VECTOR), b"entry-4", POLICY, NOW_S)


def test_keys_come_from_the_policy_and_never_from_the_proof():
    stranger = VerifierKey(LOG, 1, witness(1)[1].public)
    with pytest.raises(NoteNotVerified, match="not signed with the key"):
        check_proof(parse_proof(VECTOR), ENTRY, log_alone(stranger), NOW_S)
    elsewhere = VerifierKey("elsewhere.example", 1, verifier_key(LOG_VKEY).public)
    with pytest.raises(NoteNotVerified, match="not one that you named"):
        check_proof(parse_proof(VECTOR), ENTRY, log_alone(elsewhere), NOW_S)
    assert 7 == check_proof(parse_proof(VECTOR), ENTRY, log_alone(verifier_key(LOG_VKEY))).checkpoint.size


def test_a_cosignature_from_the_future_is_not_believed():
    with pytest.raises(NoteNotVerified, match="future"):
        check_proof(parse_proof(VECTOR), ENTRY, POLICY, NOW_S - 301)


def test_every_proof_of_seven_entries_holds():
    for index in range(7):
        proof = LogProof(index, inclusion_proof(LEAVES, index), cosigned())
        assert (
            7
            == check_proof(
                parse_proof(proof.raw()), b"entry-%d" % index, log_alone(verifier_key(LOG_VKEY))
            ).checkpoint.size
        )


GROUPS = ("group pair 2 w1 w2", "group either any w3 w4", "group both all pair either", "quorum both")


@pytest.mark.parametrize(
    ("numbers", "met"),
    [((), False), ((1, 2), False), ((3,), False), ((1, 2, 3), True), ((1, 2, 4), True), ((1, 3, 4), False)],
)
def test_a_quorum_of_groups_counts_each_witness_once(numbers, met):
    rules = parse_policy(policy(*GROUPS))
    assert met == is_met(rules, [f"w{n}" for n in numbers])
    if met:
        assert len(numbers) == len(believed(cosigned(*numbers), rules, NOW_S).cosignatures)
    else:
        with pytest.raises(NoteNotVerified, match="quorum 'both' is not met"):
            believed(cosigned(*numbers), rules, NOW_S)


def test_one_witness_twice_is_still_one_witness():
    raw = cosigned(1)
    twice = raw + raw.splitlines(keepends=True)[-1]
    with pytest.raises(NoteNotVerified, match="not met"):
        believed(twice, parse_policy(policy("group pair 2 w1 w2", "quorum pair")), NOW_S)


def test_a_bad_line_of_a_listed_witness_rejects_the_checkpoint_even_when_nobody_is_asked():
    key = witness(1)[1]
    bad = cosigned() + Signature(key.name, key.id, bytes(72)).line()
    with pytest.raises(NoteNotVerified):
        believed(bad, parse_policy(policy("quorum none")), NOW_S)
    assert () == believed(bad, log_alone(verifier_key(LOG_VKEY)), NOW_S).cosignatures


def test_comments_blank_lines_urls_and_tabs_are_read():
    text = f"# who\n\n  log\t{LOG_VKEY}  https://log.example/\n\twitness w1 {W1_VKEY}\n quorum none\n"
    found = parse_policy(text.encode())
    assert ("https://log.example/", "") == (found.logs[0].url, found.witnesses["w1"].url)
    assert is_met(found, [])


SAME = VerifierKey("witness.example/other", 4, witness(1)[1].public)
BROKEN = {
    "no quorum": policy(),
    "two quorums": policy("quorum none", "quorum w1"),
    "a quorum of nobody": policy("quorum w9"),
    "a group before its members": policy("group g any h", "group h any w1", "quorum g"),
    "a member twice": policy("group g 2 w1 w1", "quorum g"),
    "a member of two groups": policy("group g any w1", "group h any w1", "quorum g"),
    "an empty group": policy("group g any", "quorum g"),
    "a group of none": policy("group g any none", "quorum g"),
    "more than there are": policy("group g 3 w1 w2", "quorum g"),
    "zero of them": policy("group g 0 w1", "quorum g"),
    "a leading zero": policy("group g 01 w1", "quorum g"),
    "a name twice": policy("group w1 any w2", "quorum w1"),
    "the name none": policy("group none any w1", "quorum none"),
    "one key under two names": policy(f"witness again {SAME}", "quorum none"),
    "one log twice": policy(f"log {LOG_VKEY}", "quorum none"),
    "a log that is a witness": policy(f"log {W1_VKEY}", "quorum none"),
    "a witness that is a log": policy(f"witness l {LOG_VKEY}", "quorum none"),
    "a key that does not belong together": policy(
        f"witness w9 {W1_VKEY.replace('df1c', 'df1d')}", "quorum none"
    ),
    "a word that is not known": policy("trust me", "quorum none"),
    "a carriage return": policy("quorum none").replace(b"\n", b"\r\n"),
    "no final newline": policy("quorum none")[:-1],
    "nothing": b"",
}


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
def test_a_policy_that_breaks_a_rule_is_refused_whole(raw):
    with pytest.raises(ConfigError):
        parse_policy(raw)
