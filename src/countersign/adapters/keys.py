"""Secrets of this installation: one 32-byte seed in the home, readable by its owner only."""

import hmac
import os
from hashlib import sha256
from pathlib import Path

from countersign.core.log import blobs
from countersign.errors import ConfigError


class HomeSealer:
    """`ports.Sealer` over the home's seed, which never leaves it: every key is derived for one purpose."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != blobs.KEY_BYTES:
            raise ConfigError("the seed of this home is not 32 bytes", hint="Restore seed.key from a backup.")
        self._wrapping = blobs.derived(seed, b"countersign/kek/v1")
        self._naming = blobs.derived(seed, b"countersign/names/v1")

    @classmethod
    def open(cls, home: Path) -> "HomeSealer":
        """Read the home's seed, making it on the first run."""
        path = home / "seed.key"
        if not path.exists():
            fresh = home / f".seed.{os.getpid()}"
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(os.urandom(32))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(fresh, path)  # never replaces a seed that another process made first
            except FileExistsError:
                pass
            finally:
                fresh.unlink()
        return cls(path.read_bytes())

    def wrap(self, secret: bytes, blob_id: str) -> bytes:
        """AES-256-GCM under the wrapping key, bound to the blob's id."""
        return blobs.seal(self._wrapping, os.urandom(blobs.NONCE_BYTES), blob_id, secret)

    def unwrap(self, wrapped: bytes, blob_id: str) -> bytes:
        """The secret; `TamperDetected` for one of another blob, or of another home."""
        return blobs.unseal(self._wrapping, wrapped, blob_id)

    def pseudonym(self, purpose: str, text: bytes) -> str:
        """32 hexadecimal digits that stand for a text in the log: the same each time, and not guessed without the seed."""
        return hmac.digest(self._naming, purpose.encode() + b"\n" + text, sha256).hex()[:32]
