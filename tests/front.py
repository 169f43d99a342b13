"""The command as a stranger runs it: a process of its own, files in, text and an exit code out."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-m", "countersign"]


@dataclass(frozen=True)
class Ran:
    """What a run left behind: its exit code and the bytes of both streams."""

    code: int
    raw: bytes
    raw_errors: bytes

    @property
    def out(self) -> str:
        return self.raw.decode("utf-8")

    @property
    def errors(self) -> str:
        return self.raw_errors.decode("utf-8")

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


def environment(**more: str) -> dict[str, str]:
    """The variables of a run: nobody's home or database, no colours asked for, 80 columns."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("COUNTERSIGN_")}
    for name in ("FORCE_COLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "NO_COLOR", "COLUMNS"):
        kept.pop(name, None)
    return kept | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8", "PYTHONPATH": package()} | more


def package() -> str:
    """Where the package under test is imported from, for runs that start elsewhere."""
    import countersign  # noqa: PLC0415 - the tests decide late which package is tested

    return str(Path(countersign.__file__).parents[1])


def run(*words: str | Path, stdin: bytes = b"", **variables: str) -> Ran:
    """Run `countersign WORDS…` to its end, at most two minutes."""
    done = subprocess.run(
        [*COMMAND, *map(str, words)],
        input=stdin,
        capture_output=True,
        timeout=120,
        check=False,
        env=environment(**variables),
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def start(*words: str | Path, **variables: str) -> subprocess.Popen[bytes]:
    """Start `countersign WORDS…` and go on."""
    return subprocess.Popen(
        [*COMMAND, *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(**variables),
    )
