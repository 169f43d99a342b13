"""`triage --follow`: lines are read once each, through growth, rotation, truncation, kill -9 and Ctrl-C."""

import io
import json
import os
import random
import signal
import sqlite3
import subprocess
import time
from contextlib import contextmanager

import pytest

from countersign import config, wiring
from countersign.cli.follow import _Followed
from front import COMMAND, environment, run

FULL = os.environ.get("COUNTERSIGN_FULL") == "1"
KILLS = 25 if FULL else 3
PATIENCE_S = 30


def line(number, **more):
    record = {
        "timestamp": "2026-03-02T08:30:00.000000+0000",
        "event_type": "alert",
        "host": "sensor-1",
        "src_ip": "198.51.100.7",
        "dest_ip": "192.0.2.9",
        "flow_id": number,
        "alert": {"signature": "LOCAL test rule", "signature_id": 1, "severity": 1},
    }
    return json.dumps(record | more).encode()


def append(file, *lines, end=b"\n"):
    with file.open("ab") as stream:
        stream.write(b"\n".join(lines) + end)


def stored(home, what="SELECT raw FROM evidence ORDER BY seq"):
    """Rows of the store, past the product; none while there is no store."""
    file = home / "countersign.db"
    if not file.exists():
        return []
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
        try:
            rows = db.execute(what).fetchall()
        except sqlite3.OperationalError:
            rows = []
    db.close()
    return rows


def flows(home):
    """The numbers of the stored records, in the order they were stored."""
    return [json.loads(raw)["flow_id"] for (raw,) in stored(home)]


def eventually(seen, wanted):
    """Wait until `seen()` is what is wanted, or say what it was."""
    until = time.monotonic() + PATIENCE_S
    while (found := seen()) != wanted and time.monotonic() < until:
        time.sleep(0.05)
    assert wanted == found


@contextmanager
def following(home, file, *words):
    """A run that follows a file, ended by Ctrl-C; what it printed is in `ended` afterwards."""
    process = subprocess.Popen(
        [*COMMAND, "--home", str(home), "triage", str(file), "--follow", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    try:
        yield process
        process.send_signal(signal.SIGINT)
        process.out, process.errors = (text.decode() for text in process.communicate(timeout=PATIENCE_S))
    finally:
        process.kill()
    assert "Traceback" not in process.errors, process.errors


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "eve.json"
    append(file, line(1), line(2))
    return file


def test_new_lines_are_read_as_they_come_and_cases_printed_when_they_change(home, file):
    with following(home, file) as run_:
        eventually(lambda: flows(home), [1, 2])
        append(file, line(3)[:30], end=b"")
        append(file, line(3)[30:], line(4))
        eventually(lambda: flows(home), [1, 2, 3, 4])

    assert 0 == run_.returncode
    assert "4 records read: 4 evidence" in run_.out
    assert "LOCAL test rule" in run_.out
    assert "from its beginning" in run_.errors


def test_only_cases_whose_alerts_changed_are_drafted_and_printed_again(home, file):
    """Here and in the run before: what has a brief over the same alerts keeps it."""

    def shown():
        printed.seek(0)
        printed.truncate()
        followed.take(tail.look())
        followed.show()
        return [len(json.loads(row)["alerts"]) for row in printed.getvalue().splitlines()]

    apart = {
        "src_ip": "198.51.100.99",
        "dest_ip": "192.0.2.77",
        "timestamp": "2026-03-04T08:30:00.000000+0000",
    }
    for begun in range(2):
        ports, printed = wiring.open_ports(home, config.load(home, None)), io.StringIO()
        followed = _Followed(ports, (), printed, "json")
        tail = wiring.following(str(file), "auto", position(ports, file))
        if begun:
            append(file, line(1), line(10, **apart))
            assert [2] == shown(), "the first case holds no other alerts than before"
        else:
            assert [2] == shown()
            append(file, line(3, **apart))
            assert [1] == shown()
            append(file, line(3, **apart), line(4, event_type="flow"))
            assert [] == shown()
        tail.close()
        ports.store.close()


def position(ports, file):
    with ports.store.reading() as tx:
        return tx.following.get(str(file))


def test_half_a_line_waits_for_its_other_half(home, file):
    append(file, line(3)[:30], end=b"")
    with following(home, file):
        eventually(lambda: flows(home), [1, 2])
        time.sleep(1.2)
    assert [] == stored(home, "SELECT raw FROM quarantine")

    append(file, line(3)[30:])
    with following(home, file):
        eventually(lambda: flows(home), [1, 2, 3])


def test_a_renamed_file_is_read_to_its_end_before_the_new_one(home, file):
    with following(home, file) as run_:
        eventually(lambda: flows(home), [1, 2])
        renamed = file.rename(file.with_name("eve.json.1"))
        append(file, line(10))
        append(
            renamed, line(3), line(4), end=b""
        )  # a writer that has not noticed yet, and never ends its line
        eventually(lambda: flows(home), [1, 2, 3, 4, 10])
        append(file, line(11))
        eventually(lambda: flows(home), [1, 2, 3, 4, 10, 11])

    assert 0 == run_.returncode


def test_a_truncated_file_is_told_and_read_from_its_beginning(home, file):
    with following(home, file) as run_:
        eventually(lambda: flows(home), [1, 2])
        file.write_bytes(line(20) + b"\n")
        eventually(lambda: flows(home), [1, 2, 20])
        file.write_bytes(b"\n".join(line(n) for n in range(30, 40)) + b"\n")  # longer than before
        eventually(lambda: flows(home), [1, 2, 20, *range(30, 40)])

    assert 1 == run_.returncode
    assert 2 == run_.errors.count("the file was truncated")


def test_what_a_rotation_left_behind_while_nobody_followed_is_found_by_its_inode(home, file):
    with following(home, file):
        eventually(lambda: flows(home), [1, 2])
    append(file, line(3))
    file.rename(file.with_name("eve.json-20260302"))
    append(file, line(10))

    with following(home, file) as run_:
        eventually(lambda: flows(home), [1, 2, 3, 10])

    assert 0 == run_.returncode


def test_files_that_came_and_went_while_nobody_followed_are_read_in_their_order(home, file):
    with following(home, file):
        eventually(lambda: flows(home), [1, 2])
    append(file, line(3))
    file.rename(file.with_name("eve.json.2"))
    append(file, line(10), line(11))
    file.rename(file.with_name("eve.json.1"))
    append(file, line(20))

    with following(home, file) as run_:
        eventually(lambda: flows(home), [1, 2, 3, 10, 11, 20])

    assert 0 == run_.returncode


def test_a_file_that_vanished_while_nobody_followed_is_told(home, file):
    with following(home, file):
        eventually(lambda: flows(home), [1, 2])
    file.rename(file.with_name("elsewhere"))
    append(file, line(10))

    with following(home, file) as run_:
        eventually(lambda: flows(home), [1, 2, 10])

    assert 1 == run_.returncode
    assert "is gone: what was written after is not read" in run_.errors


def test_lines_that_are_no_records_are_kept_and_told(home, file):
    append(file, b"no record", line(3))
    with following(home, file) as run_:
        eventually(lambda: flows(home), [1, 2, 3])

    assert 1 == run_.returncode
    assert f"quarantined {file}:3: not JSON" in run_.errors
    assert [(b"no record",)] == stored(home, "SELECT raw FROM quarantine")


def test_killed_at_any_moment_it_goes_on_without_losing_or_repeating_a_line(home, tmp_path):
    """The file grows and is rotated all the while."""
    file, chance = tmp_path / "eve.json", random.Random(4)
    append(file, line(0))
    number = 1
    with following(home, file):
        eventually(lambda: flows(home), [0])
    for kill in range(KILLS):
        victim = subprocess.Popen(
            [*COMMAND, "--home", str(home), "triage", str(file), "--follow"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        until = time.monotonic() + chance.uniform(0.8, 3.0)
        while time.monotonic() < until:
            more = chance.randrange(1, 300)
            append(file, *(line(n) for n in range(number, number + more)))
            number += more
            time.sleep(0.1)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        if kill % 2:
            file.rename(file.with_name(f"eve.json.{kill}"))
            append(file, line(number))
            number += 1

    with following(home, file) as run_:
        eventually(lambda: stored(home, "SELECT COUNT(*) FROM evidence"), [(number,)])

    assert list(range(number)) == sorted(flows(home))
    assert [(number,)] == stored(home, "SELECT COUNT(*) FROM provenance")
    assert 0 == run_.returncode, run_.errors
    assert 0 == run("--home", home, "log", "verify").code


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"just words\nand more\n", "no JSON Lines"),
        ("a.json", b'{\n "a": 1\n}\n', "no JSON Lines"),
        ("a.json.gz", b"\x1f\x8b\x08\x00\n\n", "no JSON Lines"),
    ],
)
def test_what_has_no_lines_cannot_be_followed(home, tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)

    ran = run("--home", home, "triage", "--follow", tmp_path / name)

    assert 2 == ran.code
    assert reason in ran.errors


@pytest.mark.parametrize(
    "words", [["-"], ["TMP"], ["TMP/none"], ["TMP/a", "TMP/b"], ["TMP/a", "--as-case", "x"]]
)
def test_only_one_file_can_be_followed(home, tmp_path, words):
    for name in ("a", "b"):
        append(tmp_path / name, line(1))

    ran = run("--home", home, "triage", "--follow", *(word.replace("TMP", str(tmp_path)) for word in words))

    assert 2 == ran.code
    assert "Traceback" not in ran.errors
