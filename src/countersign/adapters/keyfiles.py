"""Software keys in files: Ed25519 in OpenSSH's own format, encrypted with a passphrase, for its owner's eyes only.

`ssh-add` takes such a file, so the same key can be held by an agent instead. The public half lies beside it in
`FILE.pub`, in OpenSSH's one-line form.
"""

import os
import secrets
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
    load_ssh_public_key,
)

from countersign.errors import KeyUnusable

MIN_PASSPHRASE = 8  # characters
KDF_ROUNDS = 24  # of bcrypt, as ssh-keygen has it
MAX_BYTES = 65_536
_NOT_ITS_OWNERS_ONLY = stat.S_IRWXG | stat.S_IRWXO


class FileKey:
    """`ports.SigningKey`: an unlocked key; it stays in memory as long as this does."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw()

    def sign(self, data: bytes) -> bytes:
        """Ed25519 over `data`: 64 bytes."""
        return self._private.sign(data)


def make(path: Path, passphrase: str) -> FileKey:
    """Make a new key in a new file. `KeyUnusable` when there is one already, or the passphrase is too short."""
    if len(passphrase) < MIN_PASSPHRASE:
        raise KeyUnusable(
            f"the passphrase has fewer than {MIN_PASSPHRASE} characters", hint="A few words make a good one."
        )
    private = Ed25519PrivateKey.generate()
    builder = PrivateFormat.OpenSSH.encryption_builder().kdf_rounds(KDF_ROUNDS)
    sealed = private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, builder.build(passphrase.encode()))
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b"\n"
    beside = path.with_name(f"{path.name}.pub")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_new(beside, public, 0o644)
        # A crash here leaves a public half whose key never was; remove it by hand.
        try:
            _write_new(path, sealed, 0o600)
        except OSError:
            beside.unlink()
            raise
    except FileExistsError as exc:
        raise KeyUnusable(
            f"{exc.filename2 or exc.filename} is there already",
            hint="Choose another file; keys are never overwritten.",
        ) from exc
    except OSError as exc:
        raise KeyUnusable(f"{path} cannot be written: {exc.strerror}") from exc
    return FileKey(private)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    """Whole and durable or not at all; never in the place of another."""
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(fresh, path)
    finally:
        fresh.unlink(missing_ok=True)


def unlock(path: Path, passphrase: str) -> FileKey:
    """The key in this file. `KeyUnusable` says why it is none, or must not be used as it lies there."""
    raw = read_private(path)
    # Asked first: a key without a passphrase is one that whoever copies the file can sign with.
    if _opens(raw, None):
        raise KeyUnusable(f"{path} has no passphrase", hint=f"Give it one with `ssh-keygen -p -f {path}`.")
    try:
        private = load_ssh_private_key(raw, passphrase.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise KeyUnusable(f"{path} does not open with this passphrase") from exc
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyUnusable(f"{path} is no Ed25519 key", hint="`countersign person enrol` makes one.")
    return FileKey(private)


def _opens(raw: bytes, passphrase: bytes | None) -> bool:
    try:
        load_ssh_private_key(raw, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def read_private(path: Path) -> bytes:
    """The bytes of a file that holds a secret; `KeyUnusable` unless it is ours, and nobody else may read it."""
    try:
        # Not to wait for the other end of a pipe. Asked of the open file, so that nobody swaps it in between.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            found = os.fstat(file.fileno())
            raw = file.read(MAX_BYTES + 1) if stat.S_ISREG(found.st_mode) else b""
    except OSError as exc:
        raise KeyUnusable(f"{path} cannot be read: {exc.strerror}") from exc
    if not stat.S_ISREG(found.st_mode) or not 0 < len(raw) <= MAX_BYTES:
        raise KeyUnusable(f"{path} is no file that holds a secret")
    if found.st_uid != os.geteuid():
        raise KeyUnusable(f"{path} belongs to somebody else")
    if found.st_mode & _NOT_ITS_OWNERS_ONLY:
        raise KeyUnusable(f"others may read {path}", hint=f"`chmod 600 {path}`, if nobody has read it yet.")
    return raw


def read_passphrase(path: Path) -> str:
    """The first line of a file that only we may read."""
    try:
        return read_private(path).decode().split("\n", 1)[0].removesuffix("\r")
    except UnicodeDecodeError as exc:
        raise KeyUnusable(f"{path} is not text in UTF-8") from exc


def read_public(path: Path) -> bytes:
    """The 32 public bytes of a `.pub` file. `KeyUnusable` when it is no Ed25519 key."""
    try:
        found = load_ssh_public_key(path.read_bytes()[:MAX_BYTES])
    except OSError as exc:
        raise KeyUnusable(f"{path} cannot be read: {exc.strerror}") from exc
    except (ValueError, UnsupportedAlgorithm) as exc:
        raise KeyUnusable(f"{path} is no OpenSSH public key") from exc
    if not isinstance(found, Ed25519PublicKey):
        raise KeyUnusable(f"{path} is no Ed25519 key", hint="`ssh-keygen -t ed25519` makes one.")
    return found.public_bytes_raw()
