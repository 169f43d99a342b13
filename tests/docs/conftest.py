"""A person at a terminal: lines of the docs are typed into a shell on a pseudo-terminal, and its questions answered."""

import os
import re
import select
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from front import environment

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0  # seconds for one line
WORDS = b"three plain words"
ANSWERS = ((b"passphrase for ", WORDS), (b", again: ", WORDS), (b"Passphrase of ", WORDS), (b"[y/n] ", b"y"))


@dataclass
class Terminal:
    """A shell's variables and a folder, kept from line to line; 80 columns, a home of its own for sessions."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    def types(self, line: str, *typed: str) -> tuple[int, str]:
        """Exit code and screen of one shell line, and of what is typed in the review that it opens."""
        ours, theirs = os.openpty()
        # A session's first terminal is its own: what asks on /dev/tty asks here.
        shell = 'exec <"$TTY" >"$TTY" 2>&1; ' + line
        running = subprocess.Popen(
            ["/bin/sh", "-c", shell],
            cwd=self.folder,
            env=environment(**self.variables, TTY=os.ttyname(theirs), TERM="dumb"),
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )
        try:
            screen = _answered(running, ours, [words.encode() for words in typed])
            return running.wait(PATIENCE), screen.decode("utf-8").replace("\r\n", "\n")
        finally:
            running.kill()
            running.wait()
            os.close(theirs)
            os.close(ours)


def _answered(running: "subprocess.Popen[bytes]", ours: int, typed: list[bytes]) -> bytes:
    """What comes on the screen until the line ends; a question is answered when it stands last."""
    screen, asked, until = b"", 0, time.monotonic() + PATIENCE
    while time.monotonic() < until:
        ended = running.poll() is not None
        if select.select([ours], [], [], 0.0 if ended else 0.02)[0]:
            screen += os.read(ours, 65536)
            answer = _answer(screen[asked:].rpartition(b"\n")[2], typed)
            if answer is not None:
                os.write(ours, answer + b"\n")
                asked = len(screen)
        elif ended:
            return screen
    raise AssertionError(f"the line did not end: {screen.decode('utf-8', 'replace')}")


def _answer(waits: bytes, typed: list[bytes]) -> bytes | None:
    """What is typed where the screen ends so, if it asks anything."""
    if re.fullmatch(rb"r-[0-9a-f]+[^>]*> ", waits):
        return typed.pop(0) if typed else b"q"
    if not waits.endswith((b": ", b"] ")):
        return None
    return next((words for question, words in ANSWERS if question in waits), None)


@pytest.fixture(scope="module")
def terminal(tmp_path_factory):
    """In a folder that looks like a clone: `src` and `tools` are there, and `countersign` and `python` are found."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("src", "tools"):
        (folder / name).symlink_to(ROOT / name)
    commands = folder / ".venv" / "bin"
    commands.mkdir(parents=True)
    for name, call in (("countersign", "-m countersign"), ("python", "")):
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {call} "$@"\n')
        (commands / name).chmod(0o755)
    return Terminal(
        folder,
        {
            "PATH": f"{commands}:{os.environ['PATH']}",
            "COUNTERSIGN_HOME": str(folder / ".demo"),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "S": "src/countersign/demo/scenario",
        },
    )
