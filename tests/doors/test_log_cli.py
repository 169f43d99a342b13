"""The audit log through the front: key, checkpoint, proof, export, follow; and what is refused without a log."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from countersign.demo import COVERAGE, EVIDENCE
from front import COMMAND, environment, run

ROOT = Path(__file__).resolve().parents[2]
FULL = os.environ.get("COUNTERSIGN_FULL") == "1"


def line(port, minute=30):
    alert = {"signature": "LOCAL test rule", "signature_id": 1, "category": "Misc", "severity": 1}
    where = {"src_ip": "198.51.100.7", "src_port": port, "dest_ip": "192.0.2.9", "dest_port": 80}
    when = {"timestamp": f"2026-03-02T08:{minute:02}:00.000000+0000", "event_type": "alert"}
    return json.dumps(when | where | {"host": "sensor-1", "proto": "TCP", "alert": alert}) + "\n"


@pytest.fixture(scope="module")
def triaged(tmp_path_factory):
    """A few alerts triaged into a home, once."""
    folder = tmp_path_factory.mktemp("triaged")
    (folder / "eve.jsonl").write_text("".join(map(line, (1, 2, 3))))
    assert run("--home", folder / "home", "triage", folder / "eve.jsonl", "--json").code == 0
    return folder / "home"


@pytest.fixture
def home(triaged, tmp_path):
    """A copy to change."""
    return shutil.copytree(triaged, tmp_path / "home")


def log(home, *words, **variables):
    return run("--home", home, "log", *words, **variables)


def verify_tool(*words):
    command = [sys.executable, ROOT / "tools" / "verify_log.py", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def triage_more(home, folder, port=9):
    (folder / "more.jsonl").write_text(line(port, 40))
    return run("--home", home, "triage", folder / "more.jsonl")


def test_the_demo_is_exported_and_a_stranger_finds_it_intact(tmp_path):
    home = tmp_path / "home"
    assert run("--home", home, "triage", EVIDENCE, "--coverage", COVERAGE).code == 1  # one line is cut short
    key = log(home, "key").out.strip()
    kept = tmp_path / "kept"
    kept.write_bytes(log(home, "checkpoint").raw)
    assert triage_more(home, tmp_path).code == 0

    assert log(home, "export", tmp_path / "export").code == 0
    told = verify_tool(tmp_path / "export", "--key", key, "--from", kept)

    assert (0, "INTACT") == (told.returncode, told.stdout.splitlines()[-1]), told.stdout + told.stderr
    checked = log(home, "verify", "--from", kept, "--key", key)
    assert (0, "intact") == (checked.code, checked.out[:6])


@pytest.mark.skipif(not FULL, reason="many runs")
def test_an_export_is_added_to_by_the_next_and_by_no_other_log(home, tmp_path):
    key, target = log(home, "key").out.strip(), tmp_path / "export"
    assert log(home, "export", target).code == 0
    assert triage_more(home, tmp_path).code == 0
    assert log(home, "export", target).code == 0
    assert 0 == verify_tool(target, "--key", key).returncode

    other = tmp_path / "other"
    assert triage_more(other, tmp_path).code == 0
    refused = log(other, "export", target)
    assert 2 == refused.code
    assert "something else than this log" in refused.errors
    assert 0 == verify_tool(target, "--key", key).returncode


@pytest.mark.skipif(not FULL, reason="many runs")
def test_a_folder_with_other_things_is_not_exported_into(home, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter").write_text("mine")

    assert 2 == log(home, "export", tmp_path / "full").code
    assert ["letter"] == [path.name for path in (tmp_path / "full").iterdir()]


def test_an_entry_is_proved_by_its_index_or_its_id(home, tmp_path):
    [first, *_] = [json.loads(one) for one in log(home, "follow", "--once").out.splitlines()]
    for named in ("0", first["entry"]["id"]):
        assert log(home, "prove", named, "--out", tmp_path / "proof").code == 0
        raw = (tmp_path / "proof.tlog-proof").read_text()
        assert raw.startswith("c2sp.org/tlog-proof@v1\nindex 0\n")
        assert first["entry"] == json.loads((tmp_path / "proof.entry").read_bytes())
        assert raw.endswith(log(home, "checkpoint").out)


@pytest.mark.parametrize("named", ["99999", "e_none", "-1"] if FULL else ["e_none"])
def test_an_entry_that_is_not_there_is_not_proved(home, named, tmp_path):
    assert 2 == log(home, "prove", "--out", tmp_path / "proof", "--", named).code
    assert [] == list(tmp_path.glob("proof*"))


def test_follow_prints_every_entry_once_and_resumes(home, tmp_path):
    whole = log(home, "follow", "--once").out.splitlines()
    indexes = [json.loads(one)["index"] for one in whole]
    assert list(range(len(whole))) == indexes
    assert all(one.isascii() for one in whole)

    assert triage_more(home, tmp_path).code == 0
    more = log(home, "follow", "--once", "--after", str(indexes[-1])).out.splitlines()
    assert more
    assert indexes[-1] + 1 == json.loads(more[0])["index"]
    assert 2 == log(home, "follow", "--once", "--after", "99999").code


@pytest.mark.skipif(not FULL, reason="many runs")
def test_follow_goes_on_until_it_is_asked_to_end(home, tmp_path):
    out = (tmp_path / "stream").open("wb")
    known = len(log(home, "follow", "--once").out.splitlines())
    child = subprocess.Popen(
        [*COMMAND, "--home", home, "log", "follow"], stdout=out, stderr=subprocess.PIPE, env=environment()
    )
    try:
        wait_for(lambda: lines(tmp_path / "stream") == known)
        assert triage_more(home, tmp_path).code == 0
        wait_for(lambda: lines(tmp_path / "stream") > known)
        child.send_signal(signal.SIGINT)
        assert 0 == child.wait(30)
    finally:
        child.kill()
        child.stderr.close()
        out.close()
    followed = [json.loads(one)["index"] for one in (tmp_path / "stream").read_text().splitlines()]
    assert list(range(len(followed))) == followed


def lines(path):
    return path.read_bytes().count(b"\n")


def wait_for(happened, at_most_s=30):
    begun = time.monotonic()
    while not happened():
        assert time.monotonic() - begun < at_most_s
        time.sleep(0.05)


def test_an_empty_log_is_not_called_intact(tmp_path):
    told = log(tmp_path / "home", "verify")
    assert 3 == told.code
    assert "could not check: the log is empty" in told.out
    assert "unchecked" == log(tmp_path / "home", "verify", "--json").json["status"]


def test_a_checkpoint_says_nothing_without_the_key_that_signed_it(home, tmp_path):
    (tmp_path / "kept").write_bytes(log(home, "checkpoint").raw)
    assert 2 == log(home, "verify", "--from", tmp_path / "kept").code
    stranger = "countersign.example/log/decisions+ae602cd7+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
    assert 2 == log(home, "verify", "--from", tmp_path / "kept", "--key", stranger).code
    told = log(home, "verify", "--key", stranger)
    assert (3, "altered") == (told.code, told.out[:7])


@pytest.mark.skipif(not FULL, reason="many runs")
def test_a_log_that_was_put_back_is_told_by_a_kept_checkpoint_and_by_the_folder(home, tmp_path):
    older = shutil.copytree(home, tmp_path / "older")
    key = log(home, "key").out.strip()
    assert triage_more(home, tmp_path).code == 0
    (tmp_path / "kept").write_bytes(log(home, "checkpoint").raw)

    shortened = log(older, "verify", "--from", tmp_path / "kept", "--key", key)
    assert (3, "incomplete") == (shortened.code, shortened.out[:10])

    for name in ("countersign.db", "countersign.db-wal", "countersign.db-shm"):
        (home / name).unlink(missing_ok=True)
        if (older / name).exists():
            shutil.copy(older / name, home / name)
    told = log(home, "verify")
    assert (3, "altered") == (told.code, told.out[:7])
    refused = triage_more(home, tmp_path, port=10)
    assert (3, "") == (refused.code, refused.out)
    assert "was given out" in refused.errors


@pytest.mark.skipif(not FULL, reason="many runs")
def test_a_damaged_file_is_told_and_made_anew_when_asked(home):
    [tile] = (home / "log" / "tile" / "0" / "000.p").glob(str(widest(home)))
    tile.write_bytes(bytes(tile.stat().st_size))
    told = log(home, "verify")
    assert (3, "altered") == (told.code, told.out[:7])
    assert "--rebuild" in told.out

    mended = log(home, "checkpoint", "--rebuild")
    assert mended.code == 0
    assert f"written anew: tile/0/000.p/{tile.name}" in mended.errors
    assert log(home, "verify").code == 0


def widest(home):
    return max(int(path.name) for path in (home / "log" / "tile" / "0" / "000.p").iterdir())


def missing_key(home):
    (home / "log.key").unlink()


def open_key(home):
    (home / "log.key").chmod(0o644)


def folder_in_the_way(home):
    shutil.rmtree(home / "log")
    (home / "log").write_text("")


def read_only_folder(home):
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere")
    (home / "log").chmod(0o500)


@pytest.mark.parametrize("spoil", [missing_key, open_key, folder_in_the_way, read_only_folder])
@pytest.mark.parametrize("form", [(), ("--json",), ("--markdown",)] if FULL else [()])
def test_where_the_log_cannot_be_written_nothing_is_recommended(home, tmp_path, spoil, form):
    spoil(home)
    (tmp_path / "more.jsonl").write_text(line(9, 40))
    ran = run("--home", home, "triage", tmp_path / "more.jsonl", *form)

    assert ran.code in {2, 3}
    assert "case-" not in ran.out
    assert "LOCAL test rule" not in ran.out
    assert "log" in ran.errors


def test_a_disk_that_is_full_shows_nothing(home, tmp_path):
    """A process that may not write files longer than a few bytes more than the log has."""
    (tmp_path / "more.jsonl").write_text(line(9, 40))
    ran = subprocess.run(
        [*COMMAND, "--home", home, "triage", tmp_path / "more.jsonl"],
        capture_output=True,
        text=True,
        check=False,
        env=environment(),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048)),
    )
    assert 3 == ran.returncode, ran.stderr
    assert "case-" not in ran.stdout
    again = triage_more(home, tmp_path)
    assert again.code == 0
    assert "case-" in again.out
    assert log(home, "verify").code == 0


def test_a_case_left_unpublished_by_a_dead_run_is_published_before_it_is_shown(home):
    [case, *_] = run("--home", home, "case", "list", "--json").json["cases"]
    (home / "log" / "checkpoint").unlink()
    shown = run("--home", home, "case", "show", case["id"])

    assert shown.code == 0
    assert (home / "log" / "checkpoint").exists()
    folder_in_the_way(home)
    refused = run("--home", home, "case", "show", case["id"])
    assert (3, "") == (refused.code, refused.out)
    assert "nothing is shown or decided" in refused.errors
