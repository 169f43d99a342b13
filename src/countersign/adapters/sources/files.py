"""Files and folders to streams. Whatever is wrong with a file becomes an outcome with a reason, never an exception."""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from countersign.adapters.sources.containers import Outcome, records
from countersign.adapters.sources.detect import SCHEMAS, Reader
from countersign.core.records.evidence import Quarantined, Skipped

STDIN = "-"


def read(
    paths: Iterable[str | Path],
    fmt: str = "auto",
    stdin: BinaryIO | None = None,
    mapped: Sequence[Reader] = (),
) -> Iterator[Outcome]:
    """Records, quarantined bytes and skipped files of all paths, in order, streaming.

    A path is a file, a folder (walked in sorted order) or `-` for `stdin`. `fmt` is a schema name to
    assume, or "auto" to go by content; `mapped` are readers that are asked before all others. Raises
    `ValueError` at once for an unknown `fmt`, and nothing else.
    """
    schema = named(fmt, mapped)
    return (outcome for path in paths for outcome in _path(os.fspath(path), schema, stdin, mapped))


def named(fmt: str, mapped: Sequence[Reader]) -> str | None:
    """The schema that `fmt` names, None for "auto"; raises `ValueError` for one that nobody reads."""
    known = (*SCHEMAS, *(schema for reader in mapped for schema in reader.SCHEMAS))
    if fmt != "auto" and fmt not in known:
        raise ValueError(f"no format is named {fmt!r}; there are: auto {' '.join(known)}")
    return None if fmt == "auto" else fmt


def _path(
    path: str, schema: str | None, stdin: BinaryIO | None, mapped: Sequence[Reader]
) -> Iterator[Outcome]:
    if path == STDIN:
        if stdin is None:
            yield Quarantined(STDIN, 0, "cannot be read: there is no standard input", b"")
        else:
            yield from records(stdin, STDIN, schema, mapped)
        return
    for found in listed(path):
        if isinstance(found, str):
            yield from _file(found, schema, mapped)
        else:
            yield found


def listed(path: str) -> Iterator[str | Quarantined | Skipped]:
    """The files of a path: itself, or every regular file below a folder by sorted names; what is none is told."""
    try:
        folder = stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116 - bytes of the name stay as they are
    except (OSError, ValueError) as exc:
        yield unreadable(path, exc)
        return
    if folder:
        yield from _folder(path)
    else:
        yield path


def _folder(top: str) -> Iterator[str | Quarantined | Skipped]:
    """Every regular file below, by sorted names; links to folders are not followed, so there are no loops."""
    waiting = [top]
    while waiting:
        path = waiting.pop()
        try:
            if path == top or (os.path.isdir(path) and not os.path.islink(path)):  # noqa: PTH112, PTH114 - plain strings: a folder may hold very many files
                waiting += sorted((entry.path for entry in os.scandir(path)), reverse=True)
                continue
            regular = stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - as above
        except OSError as exc:
            yield unreadable(path, exc)
            continue
        yield path if regular else Skipped(label(path), "not a regular file")


def _file(path: str, schema: str | None, mapped: Sequence[Reader]) -> Iterator[Outcome]:
    try:
        stream = Path(path).open("rb", buffering=0)  # noqa: SIM115 - closed below; only opening may fail here
    except (OSError, ValueError) as exc:
        yield unreadable(path, exc)
        return
    with stream:
        before = os.fstat(stream.fileno())
        yield from records(stream, label(path), schema, mapped)
        if why := changed(before.st_size, before.st_mtime_ns, os.fstat(stream.fileno())):
            yield Quarantined(label(path), 0, why, b"")


def changed(size: int, mtime_ns: int, after: os.stat_result) -> str:
    """Whether what was read may be no version of the file. One that only grew was read to its new end."""
    if not stat.S_ISREG(after.st_mode) or after.st_size > size:
        return ""
    if after.st_size < size:
        return "the file became shorter while it was read: what is missing was not read"
    if after.st_mtime_ns != mtime_ns:
        return "the file was written to while it was read: read it again once it is finished"
    return ""


def unreadable(path: str, exc: OSError | ValueError) -> Quarantined:
    """A file that cannot be opened or read, and why."""
    reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else "its name is not usable"
    return Quarantined(label(path), 0, f"cannot be read: {reason}", b"")


def label(path: str) -> str:
    """The path as clean text; file names are bytes and need not be UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")
