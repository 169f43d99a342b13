"""Files and folders to streams. Whatever is wrong with a file becomes an outcome with a reason, never an exception."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from countersign.adapters.sources.containers import Outcome, records
from countersign.adapters.sources.detect import SCHEMAS
from countersign.adapters.sources.streams import Chunks
from countersign.core.evidence import Quarantined, Skipped

STDIN = "-"


def read(paths: Iterable[str | Path], fmt: str = "auto", stdin: BinaryIO | None = None) -> Iterator[Outcome]:
    """Records, quarantined bytes and skipped files of all paths, in order, streaming.

    A path is a file, a folder (walked in sorted order) or `-` for `stdin`. `fmt` is a schema name to
    assume, or "auto" to go by content. Raises `ValueError` at once for an unknown `fmt`, and nothing else.
    """
    if fmt != "auto" and fmt not in SCHEMAS:
        raise ValueError(f"no format is named {fmt!r}; there are: auto {' '.join(SCHEMAS)}")
    schema = None if fmt == "auto" else fmt
    return (outcome for path in paths for outcome in _path(os.fspath(path), schema, stdin))


def _path(path: str, schema: str | None, stdin: BinaryIO | None) -> Iterator[Outcome]:
    if path == STDIN:
        if stdin is None:
            yield Quarantined(STDIN, 0, "cannot be read: there is no standard input", b"")
        else:
            yield from records(Chunks(stdin), STDIN, schema)
        return
    try:
        folder = stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116 - bytes of the name stay as they are
    except (OSError, ValueError) as exc:
        yield _unreadable(path, exc)
        return
    if folder:
        yield from _folder(path, schema)
    else:
        yield from _file(path, schema)


def _folder(top: str, schema: str | None) -> Iterator[Outcome]:
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
            yield _unreadable(path, exc)
            continue
        if regular:
            yield from _file(path, schema)
        else:
            yield Skipped(_label(path), "not a regular file")


def _file(path: str, schema: str | None) -> Iterator[Outcome]:
    try:
        stream = Path(path).open("rb", buffering=0)  # noqa: SIM115 - closed below; only opening may fail here
    except (OSError, ValueError) as exc:
        yield _unreadable(path, exc)
        return
    with stream:
        yield from records(Chunks(stream), _label(path), schema)


def _unreadable(path: str, exc: OSError | ValueError) -> Quarantined:
    reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else "its name is not usable"
    return Quarantined(_label(path), 0, f"cannot be read: {reason}", b"")


def _label(path: str) -> str:
    """The path as clean text; file names are bytes and need not be UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")
