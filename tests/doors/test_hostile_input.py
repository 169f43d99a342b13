"""Whatever a file holds, `triage` says clearly what was wrong, keeps it, reads the rest, and ends with 1."""

import gzip
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import time
import zipfile

import pytest
from backports import zstd

from countersign.steps.ingest import BATCH
from front import COMMAND, environment, run, start

FULL = os.environ.get("COUNTERSIGN_FULL") == "1"
MIB = 1024 * 1024
BIG = (100 if FULL else 66) * MIB  # beyond the 64 MiB that anything may unpack to
LONG = (50 if FULL else 34) * MIB  # beyond the 32 MiB of a record
MANY = 100_000 if FULL else 40_000


def line(number, **more):
    """One invented alert."""
    record = {
        "timestamp": "2026-03-02T08:30:00.000000+0000",
        "event_type": "alert",
        "host": "sensor-1",
        "src_ip": "198.51.100.7",
        "src_port": number,
        "dest_ip": "192.0.2.9",
        "alert": {"signature": "LOCAL test rule", "signature_id": 1, "severity": 1},
    }
    return json.dumps(record | more).encode()


GOOD = [line(number) for number in (4000, 4001)]


@pytest.fixture
def triaged(tmp_path):
    """Triages one file in a new home: the exit code, the intake part of the document, the run."""

    def triaged(content, name="eve.jsonl"):
        file = tmp_path / name
        file.write_bytes(content)
        ran = run("--home", tmp_path / "home", "triage", file, "--json")
        assert "Traceback" not in ran.errors
        return ran.code, ran.json["intake"], ran

    return triaged


def kept(home, table="quarantine"):
    """The bytes that are stored, past the product."""
    with sqlite3.connect(home / "countersign.db") as db:
        found = [bytes(raw) for (raw,) in db.execute(f"SELECT raw FROM {table} ORDER BY seq")]
    db.close()
    return found


def whole(intake):
    """Nothing is lost: every record read is evidence, or quarantined (there are no doubles in these files)."""
    return intake["records"] == intake["evidence"] + intake["quarantined"]


BROKEN_LINES = {
    "invalid UTF-8": (b'{"event_type": "alert", "x": "\xff\xfe"}', "not valid UTF-8"),
    "NUL bytes": (b"\x00" * 100, "not JSON"),
    "a NUL inside": (b'{"event_type": "al\x00ert"}', "not JSON"),
    "NaN": (b'{"event_type": "alert", "score": NaN}', "not JSON"),
    "a lone surrogate": (b'{"event_type": "alert", "x": "\\ud800"}', "not JSON"),
    "a key that comes twice": (
        b'{"src_ip": "192.0.2.1", "src_ip": "192.0.2.2"}',
        "the key 'src_ip' comes twice",
    ),
    "a key that comes twice, deep down": (
        b'{"a": [{"b": {"c": 1, "\\u0063": 2}}]}',
        "the key 'c' comes twice",
    ),
    "100,000 levels": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested"),
    "100,000 levels without an end": (b'{"a":' * 100_000, "nested"),
    "a number of 5,000 digits": (b'{"n": ' + b"9" * 5_000 + b"}", "out of range"),
    "an exponent that fills memory": (b'{"n": 1e999999999}', "number"),
    "a line that fills memory": (b'{"x": "' + b"x" * LONG + b'"}', "longer than"),
}


@pytest.mark.parametrize(("broken", "reason"), BROKEN_LINES.values(), ids=BROKEN_LINES)
def test_a_line_that_is_no_record_is_kept_and_the_lines_around_it_are_read(tmp_path, triaged, broken, reason):
    code, intake, _ = triaged(b"\n".join([GOOD[0], broken, GOOD[1]]) + b"\n")

    assert (1, 3, 2, 1) == (code, intake["records"], intake["evidence"], intake["quarantined"])
    [refused] = intake["quarantine"]
    assert 2 == refused["line"]
    assert reason in refused["reason"]
    assert [broken] == kept(tmp_path / "home")
    assert GOOD == kept(tmp_path / "home", "evidence")


def test_a_last_line_that_is_cut_short_is_kept(tmp_path, triaged):
    code, intake, _ = triaged(b"\n".join(GOOD)[:-9])

    assert (1, 1, 1) == (code, intake["evidence"], intake["quarantined"])
    assert "truncated" in intake["quarantine"][0]["reason"]
    assert [GOOD[1][:-9]] == kept(tmp_path / "home")


def test_integers_of_70_digits_are_read_exactly(tmp_path, triaged):
    """They are valid JSON, and lose nothing here: there is no reason to refuse them."""
    record = line(4000, flow_id=int("1234567890" * 7))

    code, intake, ran = triaged(record + b"\n")

    assert (0, 1) == (code, intake["evidence"])
    assert [record] == kept(tmp_path / "home", "evidence")
    assert b"e+69" not in ran.raw


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.jsonl", b"", "empty"),
        ("blank.jsonl", b"\n \n", "empty"),
        ("noise.bin", bytes(range(256)) * 100, "binary, not a known format"),
    ],
)
def test_a_file_without_any_record_is_named_and_ends_with_1(triaged, name, content, reason):
    code, intake, ran = triaged(content, name)

    assert (1, 0) == (code, intake["records"])
    assert [reason] == [one["reason"] for one in intake["skipped"]]
    assert name in ran.json["intake"]["skipped"][0]["file"]


def test_a_binary_file_that_is_called_json_is_kept(triaged):
    code, intake, _ = triaged(bytes(range(256)) * 100, "noise.json")

    assert 1 == code
    assert intake["quarantined"] > 0
    assert whole(intake)


def test_gzip_that_is_cut_short_gives_what_came_before(triaged):
    content = gzip.compress(b"\n".join(line(n, noise=os.urandom(30).hex()) for n in range(200)))

    code, intake, _ = triaged(content[:-2000], "eve.json.gz")

    assert 1 == code
    assert intake["evidence"] > 100
    assert "the gzip stream is cut off" in intake["quarantine"][-1]["reason"]
    assert whole(intake)


def zipped(**members):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return made.getvalue()


BOMBS = {
    "zip": ("bomb.zip", lambda: zipped(good__jsonl=GOOD[0], bomb__json=b" " * BIG, late__jsonl=GOOD[1])),
    "zip of zeros": ("zero.zip", lambda: zipped(good__jsonl=GOOD[0], bomb__bin=b"\x00" * BIG)),
    "zstd": ("bomb.jsonl.zst", lambda: zstd.compress(GOOD[0] + b"\n" + b" " * BIG)),
    "gzip": ("bomb.jsonl.gz", lambda: gzip.compress(GOOD[0] + b"\n" + b"\n" * BIG)),
    "gzip in gzip": ("bomb.gz", lambda: gzip.compress(gzip.compress(GOOD[0] + b"\n" + b"\x00" * BIG))),
}


@pytest.mark.parametrize(("name", "made"), BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_stopped_at_a_limit_that_is_named_and_what_came_before_is_kept(triaged, name, made):
    code, intake, _ = triaged(made(), name)

    assert 1 == code
    assert any("more than 300 times its size and 64 MiB" in one["reason"] for one in intake["quarantine"])
    assert 1 == intake["evidence"]
    assert whole(intake)


def test_archives_in_archives_without_end_are_stopped_at_a_limit_that_is_named(triaged):
    content = zipped(good__jsonl=GOOD[0])
    for _ in range(4):
        content = zipped(inner__zip=content)

    code, intake, _ = triaged(content, "deep.zip")

    assert (1, 0) == (code, intake["evidence"])
    assert "packed into each other more than 4 times" in intake["quarantine"][0]["reason"]


TRICKS = (
    "../../escaped.jsonl",
    "/tmp/absolute.jsonl",
    "C:\\Windows\\drive.jsonl",
    "..\\..\\back.jsonl",
    "nul\x00.jsonl",
)


def tarred(names):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for number, name in enumerate(names):
            member = tarfile.TarInfo(name.replace("\x00", "_"))
            content = line(5000 + number)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return made.getvalue()


def tricked_zip():
    made = zipped(**{name.replace("\x00", "N"): line(5000 + n) for n, name in enumerate(TRICKS)})
    return made.replace(b"nulN.jsonl", b"nul\x00.jsonl")


@pytest.mark.parametrize(
    ("name", "content"),
    [("tricks.zip", tricked_zip()), ("tricks.tar.gz", gzip.compress(tarred(TRICKS)))],
    ids=["zip", "tar"],
)
def test_names_in_archives_are_shown_harmless_and_never_touch_the_disk(tmp_path, triaged, name, content):
    before = {path for path in tmp_path.rglob("*") if "home" not in path.parts}

    _, intake, ran = triaged(content, name)

    assert len(TRICKS) == intake["evidence"]
    after = {path for path in tmp_path.rglob("*") if "home" not in path.relative_to(tmp_path).parts}
    assert {tmp_path / name} == after - before
    shown = {one["file"].rpartition("!")[2] for case in ran.json["cases"] for one in case["evidence"]}
    assert {"(..)/(..)/escaped.jsonl", "(root)/tmp/absolute.jsonl", "(C:)/Windows/drive.jsonl"} <= shown
    assert "(..)/(..)/back.jsonl" in shown
    assert b"\\u0000" not in ran.raw


def read_so_far(home):
    """Records that are stored, while a run may be making the store."""
    try:
        with sqlite3.connect(f"file:{home / 'countersign.db'}?mode=ro", uri=True) as db:
            return db.execute("SELECT COUNT(*) FROM evidence").fetchone()[0]
    except sqlite3.OperationalError:
        return 0


def test_a_file_that_is_cut_while_it_is_read_is_told(tmp_path):
    file = tmp_path / "eve.jsonl"
    with file.open("wb") as stream:
        stream.writelines(line(n % 60_000, flow_id=n) + b"\n" for n in range(MANY))
    reading = start("--home", tmp_path / "home", "triage", file, "--out", tmp_path / "out.json", "--json")
    until = time.monotonic() + 60
    while not read_so_far(tmp_path / "home") and time.monotonic() < until:
        time.sleep(0.02)
    os.truncate(file, 1000)

    assert 1 == reading.wait(110)
    intake = json.loads((tmp_path / "out.json").read_bytes())["intake"]
    assert 0 < intake["evidence"] < MANY
    assert any("became shorter while it was read" in one["reason"] for one in intake["quarantine"])
    assert whole(intake)


def test_a_file_without_permission_is_told_and_the_others_are_read(tmp_path):
    (tmp_path / "records").mkdir()
    locked, open_ = tmp_path / "records" / "a.jsonl", tmp_path / "records" / "b.jsonl"
    locked.write_bytes(GOOD[0])
    open_.write_bytes(GOOD[1])
    locked.chmod(0)
    command = [*COMMAND, "--home", str(tmp_path / "home"), "triage", str(tmp_path / "records"), "--json"]
    if os.geteuid() == 0:  # root may read everything, unless it lets go of that
        if shutil.which("setpriv") is None:
            pytest.skip("root may read everything")
        command = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *command]

    ran = subprocess.run(command, capture_output=True, timeout=120, check=False, env=environment())

    intake = json.loads(ran.stdout)["intake"]
    assert (1, 1, 1) == (ran.returncode, intake["evidence"], intake["quarantined"])
    assert "cannot be read: Permission denied" == intake["quarantine"][0]["reason"]


def test_a_full_disk_says_what_to_do_and_leaves_the_batches_before_it_whole(tmp_path):
    file = tmp_path / "eve.jsonl"
    file.write_bytes(b"\n".join(line(n, pad="x" * 20) for n in range(3 * BATCH)) + b"\n")
    words = [*COMMAND, "--home", str(tmp_path / "home"), "triage", str(file)]
    limited = ["sh", "-c", 'ulimit -f 24000; exec "$@"', "sh", *words]

    ran = subprocess.run(limited, capture_output=True, timeout=120, check=False, env=environment())

    assert 3 == ran.returncode
    assert b"Traceback" not in ran.stderr
    assert b"kept nothing of this step" in ran.stderr
    assert b"free space" in ran.stderr
    stored = len(kept(tmp_path / "home", "evidence"))
    assert 0 < stored < 3 * BATCH
    assert 0 == stored % BATCH
    again = run("--home", tmp_path / "home", "triage", file, "--as-case", "again", "--json")
    assert (0, 3 * BATCH) == (again.code, again.json["intake"]["evidence"])
    assert 0 == run("--home", tmp_path / "home", "log", "verify").code


def test_a_fifo_that_closes_in_the_middle_gives_what_came(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    reading = start(
        "--home", tmp_path / "home", "triage", tmp_path / "pipe", "--out", tmp_path / "o", "--json"
    )
    with (tmp_path / "pipe").open("wb") as pipe:
        pipe.write(b"\n".join(GOOD) + b"\n" + GOOD[0][:40])

    assert 1 == reading.wait(60)
    intake = json.loads((tmp_path / "o").read_bytes())["intake"]
    assert (3, 2, 1) == (intake["records"], intake["evidence"], intake["quarantined"])
    assert [GOOD[0][:40]] == kept(tmp_path / "home")


@pytest.mark.parametrize("packed", [gzip.compress, zstd.compress, lambda content: zipped(a__jsonl=content)])
def test_standard_input_may_be_packed(tmp_path, packed):
    ran = run("--home", tmp_path / "home", "triage", "-", "--json", stdin=packed(b"\n".join(GOOD)))

    assert (0, 2) == (ran.code, ran.json["intake"]["evidence"])
