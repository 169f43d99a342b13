"""Software keys in files: whose eyes they are for, and that ssh's own tools take them."""

import os
import shutil
import stat
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from countersign.adapters import keyfiles
from countersign.errors import KeyUnusable

WORDS = "correct horse battery"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Made once: the key's derivation is slow on purpose."""
    path = tmp_path_factory.mktemp("keys") / "deep" / "ada.key"
    return path, keyfiles.make(path, WORDS)


@pytest.fixture
def path(made, tmp_path):
    """A copy, to be spoiled."""
    copied = tmp_path / "ada.key"
    shutil.copy2(made[0], copied)
    return copied


def refusal(path, words=WORDS):
    with pytest.raises(KeyUnusable) as refused:
        keyfiles.unlock(path, words)
    return str(refused.value)


def test_a_key_that_was_made_opens_with_its_passphrase_and_signs(made):
    path, key = made
    signature = keyfiles.unlock(path, WORDS).sign(b"a challenge")
    Ed25519PublicKey.from_public_bytes(key.public).verify(signature, b"a challenge")
    assert key.public == keyfiles.read_public(path.with_name("ada.key.pub"))


def test_only_its_owner_may_read_it(made):
    assert 0o600 == stat.S_IMODE(made[0].stat().st_mode)
    assert [".pub"] == [one.suffix for one in made[0].parent.iterdir() if one != made[0]]


def test_another_passphrase_does_not_open_it(path):
    assert "does not open" in refusal(path, WORDS + " ")
    assert "does not open" in refusal(path, "")


def test_a_key_is_never_overwritten(path):
    before = path.read_bytes()
    with pytest.raises(KeyUnusable, match="is there already"):
        keyfiles.make(path, WORDS)
    assert before == path.read_bytes()
    assert ["ada.key"] == [one.name for one in path.parent.iterdir()]


def test_a_public_half_is_never_overwritten_either(tmp_path):
    (tmp_path / "k.pub").write_text("mine")
    with pytest.raises(KeyUnusable, match=r"k\.pub is there already"):
        keyfiles.make(tmp_path / "k", WORDS)
    assert ["k.pub"] == [one.name for one in tmp_path.iterdir()]


@pytest.mark.parametrize("words", ["", "short", "1234567"])
def test_a_key_is_made_with_a_passphrase_that_is_one(tmp_path, words):
    with pytest.raises(KeyUnusable, match="characters"):
        keyfiles.make(tmp_path / "k", words)
    assert [] == [*tmp_path.iterdir()]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644, 0o777])
def test_a_key_that_others_may_read_or_write_is_refused(path, mode):
    path.chmod(mode)
    assert "others may read" in refusal(path)


def test_a_key_without_a_passphrase_is_refused(tmp_path):
    path = tmp_path / "bare"
    private = Ed25519PrivateKey.generate()
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    assert "has no passphrase" in refusal(path)


def test_a_key_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "other"
    private = ec.generate_private_key(ec.SECP256R1())
    sealed = BestAvailableEncryption(WORDS.encode())
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, sealed))
    path.chmod(0o600)
    assert "no Ed25519 key" in refusal(path)


@pytest.mark.parametrize("raw", [b"", b"\0" * 100, b"-----BEGIN OPENSSH PRIVATE KEY-----\n", b"x" * 70_000])
def test_what_is_no_key_is_refused(tmp_path, raw):
    path = tmp_path / "k"
    path.write_bytes(raw)
    path.chmod(0o600)
    refusal(path)


def test_a_folder_a_pipe_and_nothing_at_all_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    assert "cannot be read" in refusal(tmp_path / "none")
    assert "holds a secret" in refusal(tmp_path / "pipe")
    assert "read" in refusal(tmp_path)


def test_a_passphrase_is_the_first_line_of_a_file_that_only_we_may_read(tmp_path):
    path = tmp_path / "words"
    path.write_bytes(b"  two words \r\nanother line\n")
    path.chmod(0o600)
    assert "  two words " == keyfiles.read_passphrase(path)
    path.chmod(0o644)
    with pytest.raises(KeyUnusable, match="others may read"):
        keyfiles.read_passphrase(path)


@pytest.mark.parametrize("text", ["", "ssh-rsa AAAA", "ssh-ed25519 AAAA", "not a key", "\udcff"])
def test_what_is_no_public_key_is_refused(tmp_path, text):
    path = tmp_path / "k.pub"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(KeyUnusable):
        keyfiles.read_public(path)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen here")
def test_ssh_keygen_reads_our_key_and_we_read_its_own(made, tmp_path):
    path, key = made
    shown = subprocess.run(
        ["ssh-keygen", "-y", "-P", WORDS, "-f", path], capture_output=True, text=True, check=True
    ).stdout
    assert path.with_name("ada.key.pub").read_text().split()[:2] == shown.split()[:2]
    theirs = tmp_path / "theirs"
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", WORDS, "-C", "a comment", "-f", theirs], check=True
    )
    opened = keyfiles.unlock(theirs, WORDS)
    assert opened.public == keyfiles.read_public(tmp_path / "theirs.pub")
    assert key.public != opened.public
