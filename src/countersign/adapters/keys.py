"""Secrets of this installation: one 32-byte seed in the home, readable by its owner only."""

import hmac
import os
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from countersign.errors import ConfigError


class HomeSealer:
    """Commits to contents with one key per blob, derived from the home's seed."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != 32:
            raise ConfigError("the seed of this home is not 32 bytes", hint="Restore seed.key from a backup.")
        self._seed = seed

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

    def commit(self, blob_id: str, media_type: str, content: bytes) -> str:
        """HMAC-SHA-256 over media type and content; the key is HKDF(seed, blob id)."""
        info = b"countersign/blob-mac/v1\n" + blob_id.encode()
        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(self._seed)
        message = b"countersign/blob/v1\n" + media_type.encode() + b"\n" + content
        return "hmac-sha256:" + hmac.new(key, message, sha256).hexdigest()
