"""Whatever bytes come, each reader of the log's formats answers or refuses, in its own words and soon."""

import random

import pytest

from countersign.core.log.checkpoint import open_checkpoint, parse_checkpoint
from countersign.core.log.note import parse_note, parse_signature_lines, verifier_key
from countersign.core.log.proofs import check_proof, parse_proof
from countersign.core.log.quorum import log_alone, parse_policy
from countersign.core.log.tiles import parse_bundle, parse_path, parse_tile
from countersign.core.log.witnessing import Refused, judged
from countersign.errors import ConfigError, MalformedNote, NoteNotVerified, ProofRefused

LOG = "countersign.example/log/decisions"
KEY = verifier_key(f"{LOG}+ae602cd7+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c")
NOTE = f"""{LOG}
7
kTlgHMHKirKnoMLBNMBIRfKxulSag9bIRc/NpDnMWF0=

— {LOG} rmAs17m+q/cBXmRePchrOd2gWga5lXhGnQ/a+1KpEGsEOWu9c76A27KMlwguIfQ1hMi27NRsrwcC02D1JvXJlKmQUgc=
""".encode()
HASHES = b"""BJ19zbVrz+vTEzBMmDnxlqPUtu873AsIKY+TrIGR8Kg=
LyelCCwdQq+kiKw1Cp/EOQwIT1T3Hs3/hZ6Y24QptHk=
5CnFtcyqlSPDcpfxhGdm+QMTfoIZXFGZ5r5XEw0QBsg=
"""
POLICY = f"log {KEY}\nwitness w witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU\nquorum w\n"
READERS = {
    "note": (parse_note, NOTE),
    "signature lines": (parse_signature_lines, NOTE[82:]),
    "checkpoint": (lambda raw: open_checkpoint(raw, KEY), NOTE),
    "checkpoint's text": (parse_checkpoint, NOTE[:81]),
    "proof": (
        lambda raw: check_proof(parse_proof(raw), b"entry-3", log_alone(KEY)),
        b"c2sp.org/tlog-proof@v1\nindex 3\n" + HASHES + b"\n" + NOTE,
    ),
    "policy": (parse_policy, POLICY.encode()),
    "verifier key": (lambda raw: verifier_key(raw.decode("utf-8", "surrogateescape")), str(KEY).encode()),
    "path": (lambda raw: parse_path(raw.decode("utf-8", "surrogateescape")), b"tile/0/x001/x234/067.p/12"),
    "tile": (lambda raw: parse_tile(raw, 2), bytes(64)),
    "bundle": (lambda raw: parse_bundle(raw, 2), b"\0\1a\0\2bc"),
}
PIECES = [
    b"",
    b"\n",
    b"\n\n",
    b"\r",
    b"\0",
    b" ",
    b"+",
    b"=",
    b"-",
    "—".encode(),
    b"\xff",
    "\u2028".encode(),
    b"0",
    b"9" * 5000,
]


def spoiled(raw, chance):
    """One to four cuts, copies, insertions or flipped bits."""
    made = bytearray(raw)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(made) + 1)
        match chance.randrange(4):
            case 0:
                made[at : at + chance.randrange(1, 40)] = b""
            case 1:
                made[at:at] = chance.choice(PIECES)
            case 2:
                made[at:at] = made[chance.randrange(len(made) + 1) :][: chance.randrange(1, 90)]
            case _ if at < len(made):
                made[at] ^= 1 << chance.randrange(8)
            case _:
                made += chance.choice(PIECES)
    return bytes(made)


@pytest.mark.parametrize("name", READERS)
def test_spoiled_bytes_are_answered_or_refused_and_never_an_accident(name):
    read, raw = READERS[name]
    read(raw)
    chance, refused = random.Random(name), 0
    for _ in range(2_000):
        try:
            read(spoiled(raw, chance))
        except (MalformedNote, NoteNotVerified, ProofRefused, ConfigError) as error:
            str(error).encode()  # it can be shown
            refused += 1
    assert refused > 500


def test_a_witness_always_has_an_answer():
    chance = random.Random(4)
    body = b"old 4\n" + HASHES.splitlines(keepends=True)[2] + b"\n" + NOTE
    for _ in range(3_000):
        found = judged(spoiled(body, chance), {LOG: (KEY,)}, lambda _: None)
        assert not isinstance(found, Refused) or found.body.endswith(b"\n")
