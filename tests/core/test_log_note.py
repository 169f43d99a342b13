"""Signed notes, verifier keys, checkpoints and cosignatures: published vectors, and what must be refused."""

from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign.core.log.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from countersign.core.log.cosign import cosignature, cosignatures, holds, message, ml_dsa_message
from countersign.core.log.merkle import EMPTY_ROOT
from countersign.core.log.note import (
    Note,
    Signature,
    VerifierKey,
    decimal,
    is_log_signature,
    opened,
    parse_note,
    verifier_key,
)
from countersign.errors import MalformedNote, NoteNotVerified

LOG = "countersign.example/log/decisions"
LOG_SEED, WITNESS_SEED = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
LOG_VKEY = f"{LOG}+ae602cd7+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
WITNESS_VKEY = "witness.example/w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"
KEY, WITNESS = verifier_key(LOG_VKEY), verifier_key(WITNESS_VKEY)
ROOT7 = bytes.fromhex("9139601cc1ca8ab2a7a0c2c134c04845f2b1ba549a83d6c845cfcda439cc585d")
SIZE0 = f"""{LOG}
0
47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=

— {LOG} rmAs1xOxPC8rZoagoZeX5kln0Om6gXrwtqQJ6+939QHjlWawI4Mca/+YyISieZiynmJEh2Hao8eDx/jknVARMJTrMgE=
""".encode()
SIZE7 = f"""{LOG}
7
kTlgHMHKirKnoMLBNMBIRfKxulSag9bIRc/NpDnMWF0=

— {LOG} rmAs17m+q/cBXmRePchrOd2gWga5lXhGnQ/a+1KpEGsEOWu9c76A27KMlwguIfQ1hMi27NRsrwcC02D1JvXJlKmQUgc=
""".encode()
TEXT7 = SIZE7[:81]
COSIGNED = (
    "— witness.example/w1 3xwKNQAAAABqsTuAgDnukdwp5Zu+EuzgMKQxVDX9ZcGFwmzqHmkD+izskBsi2bTeqfqN/phvLh310s8i"
    "S1LO8uxBixe8EI2ZAx6uAA==\n"
).encode()
MOMENT = 1_790_000_000


def signed(text: bytes, name: str = LOG, key: Ed25519PrivateKey = LOG_SEED) -> bytes:
    """A note by this key, whatever its text says."""
    verifier = VerifierKey(name, 1, key.public_key().public_bytes_raw())
    return Note(text, (Signature(name, verifier.id, key.sign(text)),)).raw()


def digest(raw: bytes) -> str:
    return sha256(raw).hexdigest()


def test_keys_are_spelled_as_published():
    assert LOG_VKEY == str(VerifierKey(LOG, 1, LOG_SEED.public_key().public_bytes_raw()))
    assert WITNESS_VKEY == str(
        VerifierKey("witness.example/w1", 4, WITNESS_SEED.public_key().public_bytes_raw())
    )
    assert (bytes.fromhex("ae602cd7"), bytes.fromhex("df1c0a35")) == (KEY.id, WITNESS.id)


def test_the_published_checkpoints_are_read_and_made_again_byte_for_byte():
    assert "45eeb411d0ba9e4300b43438b9440a67cde4c23291c124414cdad9f03539ab51" == digest(SIZE0)
    assert "b87b533ae7c061fcd9248681bdaebd0914555ac89ebab2ec2d90f9dd8c8274ab" == digest(SIZE7)
    assert Checkpoint(LOG, 0, EMPTY_ROOT) == open_checkpoint(SIZE0, KEY)
    assert Checkpoint(LOG, 7, ROOT7) == open_checkpoint(SIZE7, KEY)
    assert [SIZE0, SIZE7] == [
        signed(head.text()) for head in (Checkpoint(LOG, 0, EMPTY_ROOT), Checkpoint(LOG, 7, ROOT7))
    ]


def test_the_published_cosignature_holds_and_is_made_again():
    whole = SIZE7 + COSIGNED
    assert "afbcda85bebc7d81aaa1fd7c1be9b2fb77f91de7bb2786a5dd5191c654a5a199" == digest(whole)
    note = parse_note(whole)
    (found,) = cosignatures(note.text, note.signatures, [WITNESS], MOMENT)
    assert (WITNESS, MOMENT) == (found.key, found.time_s)
    assert COSIGNED == cosignature(WITNESS, MOMENT, WITNESS_SEED.sign(message(MOMENT, TEXT7))).line()
    assert Checkpoint(LOG, 7, ROOT7) == open_checkpoint(whole, KEY)


def test_the_published_ml_dsa_message_is_made_again_and_its_signatures_hold():
    expected = bytes.fromhex(
        "737562747265652f76310a00127769746e6573732e6578616d706c652f7732000000006ab13b8021636f756e7465727369676e2e"
        "6578616d706c652f6c6f672f6465636973696f6e73000000000000000000000000000000079139601cc1ca8ab2a7a0c2c134c048"
        "45f2b1ba549a83d6c845cfcda439cc585d"
    )
    made = ml_dsa_message("witness.example/w2", MOMENT, Checkpoint(LOG, 7, ROOT7))
    assert expected == made

    mldsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
    private = mldsa.MLDSA44PrivateKey.from_seed_bytes(bytes([3]) * 32)
    public = private.public_key().public_bytes_raw()
    assert "df5b5f45decfb203862a372b2fe7047bdbfdd7c54b39e8bff3f4b5442795f54b" == digest(public)
    key = VerifierKey("witness.example/w2", 6, public)
    assert "f0810786" == key.id.hex()
    line = cosignature(key, MOMENT, private.sign(made))
    assert 3_268 == len(line.line())
    assert holds(key, TEXT7, line.field)
    assert not holds(key, TEXT7.replace(b"\n7\n", b"\n8\n"), line.field)
    assert key == verifier_key(str(key))


MALFORMED_NOTES = {
    "no final newline": SIZE7[:-1],
    "a carriage return": SIZE7.replace(b"\n7\n", b"\r\n7\r\n"),
    "a control character": SIZE7.replace(b"\n7\n", b"\n7\x07\n"),
    "a tab": SIZE7.replace(b"\n7\n", b"\n7\t\n"),
    "a C1 control character": SIZE7.replace(b"\n7\n", "\n7\u0085\n".encode()),
    "not UTF-8": SIZE7.replace(b"decisions", b"decision\xff"),
    "no empty line": SIZE7.replace(b"\n\n", b"\n"),
    "no signature": TEXT7 + b"\n",
    "no text": SIZE7[81:],
    "base64 without padding": SIZE7.replace(b"Ugc=\n", b"Ugc\n"),
    "base64 with loose bits": SIZE7.replace(b"Ugc=\n", b"Ugd=\n"),
    "URL-safe base64": SIZE7.replace(b"q/cBX", b"q_cBX"),
    "a space in the base64": SIZE7.replace(b"rmAs1", b"rm As1"),
    "a hyphen for the dash": SIZE7.replace("— ".encode(), b"- "),
    "a no-break space in the name": SIZE7.replace("— countersign".encode(), "— counter\u00a0sign".encode()),
    "a plus in the name": SIZE7.replace("— countersign".encode(), "— counter+sign".encode()),
    "no name": SIZE7.replace(f"— {LOG} ".encode(), "—  ".encode()),
    "a signature of nothing": SIZE7 + f"— {LOG} rmAs1w==\n".encode(),
    "too many lines": SIZE7 + SIZE7[82:] * 64,
    "too many bytes": b"x" * (128 * 1024) + b"\n" + SIZE7,
    "nothing": b"",
}


@pytest.mark.parametrize("raw", MALFORMED_NOTES.values(), ids=MALFORMED_NOTES)
def test_a_malformed_note_is_refused(raw):
    with pytest.raises(MalformedNote):
        open_checkpoint(raw, KEY)


def test_text_and_signatures_part_at_the_last_empty_line():
    text = b"first\n\n" + SIZE7[82:].replace(b"rmAs1", b"rmAs2") + b"\nlast\n"
    assert text == opened(signed(text), [KEY]).text
    # Parted at the first empty line, the text would be another, and other lines its signatures.
    with pytest.raises(NoteNotVerified):
        opened(signed(b"first\n").replace(b"first\n", b"first\n\nlast\n", 1), [KEY])


MALFORMED_CHECKPOINTS = {
    "leading zero": f"{LOG}\n07\n{b64encode(ROOT7).decode()}\n",
    "a sign": f"{LOG}\n+7\n{b64encode(ROOT7).decode()}\n",
    "a minus": f"{LOG}\n-7\n{b64encode(ROOT7).decode()}\n",
    "no size": f"{LOG}\n\n{b64encode(ROOT7).decode()}\n",
    "digits of another script": f"{LOG}\n٧\n{b64encode(ROOT7).decode()}\n",
    "a size beyond all bounds": f"{LOG}\n{2**63}\n{b64encode(ROOT7).decode()}\n",
    "an underscore": f"{LOG}\n1_0\n{b64encode(ROOT7).decode()}\n",
    "a short root": f"{LOG}\n7\n{b64encode(ROOT7[:31]).decode()}\n",
    "a long root": f"{LOG}\n7\n{b64encode(ROOT7 + ROOT7[:1]).decode()}\n",
    "an unpadded root": f"{LOG}\n7\n{b64encode(ROOT7).decode()[:-1]}\n",
    "a URL-safe root": f"{LOG}\n7\n{urlsafe_b64encode(bytes([255]) * 32).decode()}\n",
    "two lines": f"{LOG}\n7\n",
    "an extension line": f"{LOG}\n7\n{b64encode(ROOT7).decode()}\nmore\n",
    "no origin": f"\n7\n{b64encode(ROOT7).decode()}\n",
    "an origin with a space": f"a log\n7\n{b64encode(ROOT7).decode()}\n",
    "an empty log with a root": f"{LOG}\n0\n{b64encode(ROOT7).decode()}\n",
}


@pytest.mark.parametrize("text", MALFORMED_CHECKPOINTS.values(), ids=MALFORMED_CHECKPOINTS)
def test_a_malformed_checkpoint_is_refused_though_the_log_signed_it(text):
    with pytest.raises(MalformedNote):
        open_checkpoint(signed(text.encode()), KEY)


def test_a_checkpoint_of_another_log_is_refused_though_its_key_is_known():
    other = Checkpoint("elsewhere.example/log", 7, ROOT7).text()
    with pytest.raises(NoteNotVerified, match="of the log elsewhere"):
        open_checkpoint(signed(other), KEY)
    with pytest.raises(NoteNotVerified, match="of the log"):
        open_checkpoint(SIZE7, KEY, "elsewhere.example/log")


MALFORMED_KEYS = {
    "another name": LOG_VKEY.replace("decisions", "decision"),
    "another key ID": LOG_VKEY.replace("ae602cd7", "ae602cd8"),
    "a key ID in capitals": LOG_VKEY.replace("ae602cd7", "AE602CD7"),
    "another key": LOG_VKEY.replace("D29c", "D29d"),
    "another type": LOG_VKEY.replace("+AYqI", "+BIqI"),
    "a type that is not used": str(VerifierKey("w", 2, bytes(32))),
    "a short key": str(VerifierKey("w", 1, bytes(31))),
    "no key": "w+12345678+",
    "no parts": "w",
    "a space in the name": LOG_VKEY.replace("/log/", " log "),
    "no padding where there is some": str(VerifierKey("w", 6, bytes(1312))).rstrip("="),
    "nothing": "",
}


@pytest.mark.parametrize("text", MALFORMED_KEYS.values(), ids=MALFORMED_KEYS)
def test_a_verifier_key_that_does_not_belong_together_is_refused(text):
    with pytest.raises(MalformedNote):
        verifier_key(text)


def test_a_cosigners_key_never_stands_for_the_logs_own():
    line = cosignature(VerifierKey(LOG, 4, WITNESS.public), MOMENT, WITNESS_SEED.sign(message(MOMENT, TEXT7)))
    key = VerifierKey(LOG, 4, WITNESS.public)
    with pytest.raises(NoteNotVerified, match="not a log's"):
        open_checkpoint(TEXT7 + b"\n" + line.line(), key)
    assert not is_log_signature(key, TEXT7, WITNESS_SEED.sign(TEXT7))


def test_unknown_signatures_are_read_over_and_a_bad_known_one_rejects_everything():
    stranger = Signature("elsewhere.example", b"abcd", bytes(64)).line()
    assert 7 == open_checkpoint(SIZE7 + stranger, KEY).size
    with pytest.raises(NoteNotVerified, match="not signed by"):
        open_checkpoint(TEXT7 + b"\n" + stranger, KEY)
    bad = Signature(LOG, KEY.id, bytes(64)).line()
    with pytest.raises(NoteNotVerified, match="does not hold"):
        open_checkpoint(SIZE7 + bad, KEY)
    # The name alone, under another key ID, is a stranger.
    assert 7 == open_checkpoint(SIZE7 + Signature(LOG, b"abcd", bytes(64)).line(), KEY).size


@pytest.mark.parametrize(
    ("time_s", "now_s"),
    [(0, MOMENT), (MOMENT + 301, MOMENT), (2**63, MOMENT)],
    ids=["zero", "future", "large"],
)
def test_a_cosignature_with_an_impossible_time_is_refused(time_s, now_s):
    line = cosignature(WITNESS, time_s, WITNESS_SEED.sign(message(time_s, TEXT7)))
    with pytest.raises(NoteNotVerified):
        cosignatures(TEXT7, [line], [WITNESS], now_s)


def test_a_cosignature_of_another_time_text_or_length_is_refused():
    (line,) = parse_note(SIZE7 + COSIGNED).signatures[1:]
    later = (MOMENT + 1).to_bytes(8, "big") + line.field[8:]
    for text, field in (
        (TEXT7, later),
        (SIZE0[:81], line.field),
        (TEXT7, line.field[:-1]),
        (TEXT7, line.field[:8]),
    ):
        with pytest.raises(NoteNotVerified):
            cosignatures(text, [Signature(line.name, line.key_id, field)], [WITNESS], MOMENT)
    with pytest.raises(NoteNotVerified, match="not a witness's"):
        cosignatures(TEXT7, [line], [KEY], MOMENT)


def test_every_bit_of_a_signed_checkpoint_counts():
    for at in range(len(SIZE7) * 8):
        raw = bytearray(SIZE7)
        raw[at // 8] ^= 1 << at % 8
        with pytest.raises((MalformedNote, NoteNotVerified)):
            open_checkpoint(bytes(raw), KEY)


def test_numbers_have_one_spelling():
    assert [0, 7, 2**63 - 1] == [decimal(text, "it") for text in ("0", "7", str(2**63 - 1))]
    assert 7 == parse_checkpoint(TEXT7).size
