"""Names of files that somebody typed, read or written to or refused clearly; and JSON as it goes into them."""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from countersign import wiring
from countersign.core.cases.arrival import Arrived
from countersign.core.records.shapes import UntypedFields
from countersign.core.render import neutralize
from countersign.errors import UsageError

_BEYOND_ASCII = re.compile(r"[^\x00-\x7e]+")


def as_json(document: bytes) -> str:
    """A JSON document indented, in ASCII only: nothing in it acts on a terminal, and any encoding carries it."""
    return _in_ascii(msgspec.json.format(document, indent=1))


def as_json_line(document: bytes) -> str:
    """A JSON document on one line, in ASCII only."""
    return _in_ascii(msgspec.json.format(document, indent=-1))


def _in_ascii(document: bytes) -> str:
    text = document.decode()
    return _BEYOND_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], text).replace("\x7f", "\\u007f") + "\n"


def records(paths: Iterable[str], fmt: str, mapped: wiring.Mappings = ()) -> Iterator[wiring.Outcome]:
    """Records of files, folders and, where `-` is named, standard input; raises UsageError before any is read."""
    named = _there(paths)
    try:
        return wiring.incoming(named, fmt, sys.stdin.buffer if "-" in named else None, mapped)
    except ValueError as error:
        raise UsageError(str(error), hint="Leave --format out to go by content.") from error


def arrivals(
    paths: Iterable[str], fmt: str, mapped: wiring.Mappings, jobs: int, untyped: UntypedFields
) -> Iterator[wiring.Outcome | Arrived]:
    """As `records`, read by so many processes; fields without a type are noted in `untyped`."""
    named = _there(paths)
    if jobs < 2 or "-" in named:
        return records(named, fmt, mapped)
    from countersign import workers  # noqa: PLC0415 - only where processes are wanted

    try:
        wiring.check_format(fmt, mapped)
    except ValueError as error:
        raise UsageError(str(error), hint="Leave --format out to go by content.") from error
    return workers.incoming(named, fmt, mapped, jobs, untyped)


def _there(paths: Iterable[str]) -> list[str]:
    named = list(paths)
    for path in named:
        if path != "-" and not os.path.exists(path):  # noqa: PTH110 - never raises, whatever the name
            shown = neutralize(path, 300)
            raise UsageError(f"{shown} is not there", hint="Give files, folders, or - for standard input.")
    return named


@contextmanager
def sink(out: str | None) -> Iterator[IO[str]]:
    """The file named by `--out`, closed afterwards, or standard output."""
    if out is None:
        yield sys.stdout
        return
    try:
        file = Path(out).open("w", encoding="utf-8")  # noqa: SIM115 - closed below; only opening may fail here
    except OSError as error:
        shown = neutralize(out, 300)
        raise UsageError(
            f"{shown}: {error.strerror}", hint="Give --out a file that can be written."
        ) from error
    with file:
        yield file
