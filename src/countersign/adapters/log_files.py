"""The published log as files in a folder that any web server can host.

A file appears whole or not at all: written aside, synced, renamed, and its folder synced. What is written waits
until `sync`, so that one publication pays for the disk once and not for every file. A crash before that leaves
files in `.new/`, which the next holder throws away.
"""

import fcntl
import os
import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from countersign.errors import AuditLogUnavailable, TamperDetected

AT_ONCE = 128  # files that are open and wait to be synced
AT_A_TIME = 4  # of them, handed to the disk together
NEW, LOCK, ASIDE = ".new", ".lock", ".aside"


class FolderFiles:
    """`ports.LogFiles` over a folder, which is made when it is first held."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: dict[str, int] = {}  # path -> descriptor of the file aside
        self._made: set[Path] = set()  # folders to sync: something in them is new
        self._several = ThreadPoolExecutor(AT_A_TIME)  # starts a thread when it is first needed

    @contextmanager
    def holding(self) -> Iterator[None]:
        """One publisher at a time."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        try:
            fcntl.flock(
                lock, fcntl.LOCK_EX
            )  # the system lets go of it when this process ends, however it does
            self._clear()
            yield
        finally:
            self._drop()
            os.close(lock)

    def read(self, path: str) -> bytes | None:
        """The bytes of a file in place."""
        try:
            return (self._folder / path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise AuditLogUnavailable(
                f"the log cannot be read, so nothing is shown or decided: {self._folder / path}: {error.strerror}"
            ) from error

    def write(self, path: str, content: bytes) -> None:
        """Write it aside; `sync` puts it in place."""
        found = self.read(path)
        if found == content:
            return
        if found is not None and _is_full(path):
            raise TamperDetected(f"{self._folder / path} holds other bytes than the log's entries give")
        try:
            aside = self._folder / NEW / path.replace("/", "+")
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
            self._waiting[path] = descriptor
            left = memoryview(content)
            while left:
                left = left[os.write(descriptor, left) :]
        except OSError as error:
            raise _unwritable(self._folder / path, error) from error
        if len(self._waiting) >= AT_ONCE:
            self.sync()

    def sync(self) -> None:
        """Put what was written in place, on disk."""
        try:
            self._all_synced(self._waiting.values())
            for path in self._waiting:
                target = self._folder / path
                self._make(target.parent)
                (self._folder / NEW / path.replace("/", "+")).rename(target)
                self._made.add(target.parent)
            self._sync_folders()
        except OSError as error:
            raise _unwritable(self._folder, error) from error
        self._made.clear()
        self._drop()

    def replace(self, path: str, content: bytes) -> None:
        """Put it in place at once. It is not waited for: what a power failure undoes is done again from the store."""
        aside = self._folder / NEW / path
        try:
            aside.write_bytes(content)
            aside.rename(self._folder / path)
        except OSError as error:
            raise _unwritable(self._folder / path, error) from error

    def drop_partials(self, path: str) -> None:
        """Remove the partial files of a full tile."""
        shutil.rmtree(
            self._folder / f"{path}.p", ignore_errors=True
        )  # one that stays takes room, and no more

    def set_aside(self, path: str) -> None:
        """Move a damaged file out of what is served."""
        aside = self._folder / ASIDE / path.replace("/", "+")
        try:
            self._make(aside.parent)
            (self._folder / path).rename(aside)
            self._made |= {aside.parent, (self._folder / path).parent}
        except FileNotFoundError:
            return
        except OSError as error:
            raise _unwritable(aside, error) from error

    def paths(self) -> Iterator[str]:
        """Every file that is served."""
        for found in sorted(self._folder.rglob("*")):
            path = found.relative_to(self._folder)
            if found.is_file() and not path.parts[0].startswith("."):
                yield path.as_posix()

    def _make(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._make(folder.parent)
        folder.mkdir(exist_ok=True)
        self._made.add(folder.parent)

    def _sync_folders(self) -> None:
        opened: list[int] = []
        try:
            opened.extend(os.open(made, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) for made in self._made)
            self._all_synced(opened)
        finally:
            for descriptor in opened:
                os.close(descriptor)

    def _all_synced(self, descriptors: Iterable[int]) -> None:
        """At the same time: the disk takes several at once for little more than one."""
        list(self._several.map(os.fsync, descriptors))

    def _clear(self) -> None:
        """What a process left that did not come to its end."""
        try:
            new = self._folder / NEW
            new.mkdir(exist_ok=True)
            for left in new.iterdir():
                left.unlink()
        except OSError as error:
            raise _unwritable(self._folder, error) from error

    def _drop(self) -> None:
        for descriptor in self._waiting.values():
            os.close(descriptor)
        self._waiting.clear()


def _is_full(path: str) -> bool:
    """Full tiles and bundles are immutable; the checkpoint moves on, and a torn partial is written anew."""
    return path.startswith("tile/") and ".p/" not in path


def _unwritable(path: Path, error: OSError) -> AuditLogUnavailable:
    return AuditLogUnavailable(
        f"the log cannot be written, so nothing is shown or decided: {path}: {error.strerror}",
        hint="Free space or give back the permission, then run the command again; nothing that was stored is lost.",
    )
