"""A log, a witness on "another host", and a stranger with a copy: the commands, as processes of their own."""

import json
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from countersign.cli import app
from front import COMMAND, environment, run

OTHER = "countersign.example/log/decisions+ae602cd7+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
TOOL = Path(__file__).resolve().parents[2] / "tools" / "verify_log.py"


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """A folder with a home that has something in its log, and the log's verifier key."""
    folder = tmp_path_factory.mktemp("first")
    event = {
        "timestamp": "2026-03-02T08:30:00.000000+0000",
        "event_type": "alert",
        "host": "sensor-1",
        "src_ip": "198.51.100.7",
        "src_port": 40000,
        "dest_ip": "192.0.2.9",
        "dest_port": 80,
        "proto": "TCP",
        "alert": {"signature": "LOCAL test rule", "signature_id": 1, "category": "Misc", "severity": 1},
    }
    (folder / "eve.jsonl").write_text(json.dumps(event) + "\n")
    assert run("--home", folder / "home", "triage", folder / "eve.jsonl").code in {0, 1}
    return folder, run("--home", folder / "home", "log", "key").out.strip()


@pytest.fixture
def log(first, tmp_path):
    """A home of the test's own, and the log's verifier key."""
    shutil.copytree(first[0], tmp_path, dirs_exist_ok=True)
    return tmp_path / "home", first[1]


@contextmanager
def serving(folder, *keys):
    """The witness's address and verifier key, while it serves."""
    named = [word for key in keys for word in ("--log", key)]
    command = [*COMMAND, "log", "witness", "serve", str(folder), *named, "--port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    )
    try:
        said = process.stderr.readline()
        assert "http://" in said, said + process.stderr.read()
        yield said.split(" on ")[1].strip(), process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate(timeout=10)


def invoked(*words):
    return CliRunner().invoke(app, ["log", *map(str, words)])


def verified(folder, key, *more):
    done = subprocess.run(
        [sys.executable, "-I", str(TOOL), str(folder), "--key", key, *map(str, more)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_a_cosigned_log_is_exported_with_both_signatures_and_a_stranger_finds_it_intact(tmp_path, log):
    home, key = log
    made = run("log", "witness", "init", tmp_path / "witness", "--name", "witness.example/w1")
    assert 0 == made.code
    with serving(tmp_path / "witness", key) as (url, witness):
        assert made.out.strip() == witness
        asked = run("--home", home, "log", "witness", "ask", url, "--key", witness)
    assert (0, True) == (asked.code, asked.out.startswith("witness.example/w1 cosigned at 20"))
    shown = run("--home", home, "log", "checkpoint").out
    assert [key.split("+")[0], "witness.example/w1"] == [
        line.split()[1] for line in shown.splitlines() if line.startswith("—")
    ]

    proof = tmp_path / "first"
    assert 0 == run("--home", home, "log", "prove", "0", "--out", proof).code
    rules = tmp_path / "policy"
    rules.write_text(f"log {key}\nwitness w {witness}\nquorum w\n")
    files = (f"{proof}.tlog-proof", f"{proof}.entry")
    held = invoked("check-proof", *files, "--policy", rules)
    assert (0, True) == (held.exit_code, "cosigned by witness.example/w1 at 20" in held.output)
    (tmp_path / "other.entry").write_bytes(b"{}")
    assert 3 == invoked("check-proof", files[0], tmp_path / "other.entry", "--key", key).exit_code
    assert 0 == invoked("check-proof", *files, "--key", key).exit_code
    assert 3 == invoked("check-proof", *files, "--key", OTHER).exit_code
    assert 2 == invoked("check-proof", *files).exit_code
    assert 2 == invoked("check-proof", *files, "--key", key, "--policy", rules).exit_code
    rules.write_text(f"log {key}\n")
    assert 2 == invoked("check-proof", *files, "--policy", rules).exit_code

    exported = run("--home", home, "log", "export", tmp_path / "export")
    assert 0 == exported.code, exported.errors
    (tmp_path / "kept").write_text(shown)
    assert (0, True) == ((found := verified(tmp_path / "export", key))[0], "INTACT" in found[1])
    assert (0, True) == (
        (found := verified(tmp_path / "export", key, "--from", tmp_path / "kept"))[0],
        found[1].endswith("INTACT\n"),
    )


def test_a_home_that_was_put_back_is_told_so_by_the_witness(tmp_path, log):
    home, key = log
    shutil.copytree(home, tmp_path / "earlier")
    (tmp_path / "more.jsonl").write_text((tmp_path / "eve.jsonl").read_text().replace("40000", "40001"))
    assert run("--home", home, "triage", tmp_path / "more.jsonl").code in {0, 1}
    run("log", "witness", "init", tmp_path / "witness", "--name", "witness.example/w1")
    with serving(tmp_path / "witness", key) as (url, witness):
        assert 0 == run("--home", home, "log", "witness", "ask", url, "--key", witness).code
        put_back = run("--home", tmp_path / "earlier", "log", "witness", "ask", url, "--key", witness)
    assert 3 == put_back.code
    assert "put back to an earlier state" in " ".join(put_back.errors.split())


def test_a_witness_that_is_not_there_or_does_not_know_the_log_is_an_error_and_the_log_goes_on(tmp_path, log):
    home, key = log
    run("log", "witness", "init", tmp_path / "witness", "--name", "witness.example/w1")
    stranger = run("--home", tmp_path / "other", "log", "key").out.strip()
    with serving(tmp_path / "witness", stranger or key) as (url, witness):
        unknown = run("--home", home, "log", "witness", "ask", url, "--key", witness)
    gone = run("--home", home, "log", "witness", "ask", url, "--key", witness)
    assert [3, 3] == [unknown.code, gone.code]
    assert "404" in unknown.errors
    assert "cannot be reached" in gone.errors
    assert 0 == run("--home", home, "log", "verify").code


@pytest.mark.parametrize(
    "words",
    [
        ("ask", "https://witness.example", "--key", "nobody"),
        ("ask", "witness.example", "--key", "w1+df1c0a35+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"),
        ("init", "NEW", "--name", "two words"),
        ("serve", "NEW", "--log", "nobody"),
        ("serve", "NEW", "--log", OTHER),
    ],
)
def test_what_cannot_be_used_is_said_and_nothing_is_made(tmp_path, words):
    words = [str(tmp_path / "new") if word == "NEW" else word for word in words]
    found = CliRunner().invoke(app, ["--home", str(tmp_path / "home"), "log", "witness", *words])
    assert 2 == found.exit_code
    assert "countersign: " in found.output
    assert not (tmp_path / "new").exists()
