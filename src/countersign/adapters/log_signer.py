"""The key that signs checkpoints: `log.key` in the home, 32 bytes of Ed25519 seed, readable by its owner only.

It is made once, before the first checkpoint, and never again: a log whose key is gone cannot go on under its
name. Nothing but what publishes asks for it, so it is read when it is needed and not before.
"""

import os
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign.core.log.note import LOG_KEY, VerifierKey, is_name
from countersign.errors import ConfigError

FILE = "log.key"
SEED_BYTES = 32
LOCAL = "countersign.local"  # the origin of a log that nobody has named


class HomeSigner:
    """`ports.LogSigner` over a home. `origin` is the log's name; empty: one made of the key itself."""

    def __init__(self, home: Path, origin: str = "") -> None:
        if origin and not is_name(origin):
            raise ConfigError(
                "the setting log_origin cannot be a log's name",
                hint="It is the address the log is served under, without https://, and has no space or `+`.",
            )
        self._path = home / FILE
        self._origin = origin

    def make(self) -> None:
        """Make the key of a new log; nothing happens where there is one."""
        if self._path.exists():
            return
        fresh = self._path.with_name(f".{FILE}.{os.getpid()}")
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(os.urandom(SEED_BYTES))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(fresh, self._path)  # never replaces a key that another process made first
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
            _sync_folder(self._path.parent)
        except OSError as error:
            raise ConfigError(
                f"{self._path} cannot be made: {error.strerror}", hint="Without it the log is not signed."
            ) from error

    @property
    def origin(self) -> str:
        """The log's unique name."""
        return self._origin or f"{LOCAL}/{self._public[:4].hex()}"

    @property
    def verifier(self) -> str:
        """The verifier key."""
        return str(VerifierKey(self.origin, LOG_KEY, self._public))

    def sign(self, text: bytes) -> bytes:
        """64 bytes of Ed25519."""
        return self._key.sign(text)

    @cached_property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(_seed(self._path))

    @cached_property
    def _public(self) -> bytes:
        return self._key.public_key().public_bytes_raw()


def _seed(path: Path) -> bytes:
    """The 32 bytes of the key's file; `ConfigError` where it is missing, open to others, or something else."""
    try:
        with path.open("rb") as file:
            mode, seed = os.fstat(file.fileno()).st_mode, file.read(SEED_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path} is missing, and checkpoints of this log were signed with it",
            hint="Restore log.key from a backup. Where there is none, this log ends here: begin a new home.",
        ) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise ConfigError(
            f"others can read or change {path}",
            hint=f"If nobody did, run `chmod 600 {path}`; else the key is lost to them, and a new home is needed.",
        )
    if len(seed) != SEED_BYTES:
        raise ConfigError(f"{path} is no key of 32 bytes", hint="Restore log.key from a backup.")
    return seed


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
