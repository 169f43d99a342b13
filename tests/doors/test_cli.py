"""The command line as users and pipelines meet it: exit codes, one document on stdout, plain text, clear refusals."""

import gzip
import json
import resource
import sqlite3
import subprocess

import pytest
from rich.cells import cell_len

from countersign.demo import COVERAGE, EVIDENCE, REGISTERS
from front import COMMAND, environment, run, start

ALERT = {
    "timestamp": "2026-03-02T08:30:00.000000+0000",
    "event_type": "alert",
    "host": "sensor-1",
    "src_ip": "198.51.100.7",
    "src_port": 4444,
    "dest_ip": "192.0.2.9",
    "dest_port": 80,
    "proto": "TCP",
    "alert": {"signature": "LOCAL test rule", "signature_id": 1, "category": "Misc Attack", "severity": 1},
}
REGISTER = {
    "kb": "changes",
    "kb_version": "1",
    "kind": "change_register",
    "loaded_at": "2026-03-01T00:00:00Z",
    "ttl_days": 30,
    "entries": [{"key": "CHG-1", "asset": "web-1"}],
}


def alerts(number=3):
    return [json.dumps({**ALERT, "src_port": 4000 + n}) for n in range(number)]


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def eve(tmp_path):
    """Three alerts, one a line."""
    file = tmp_path / "eve.jsonl"
    file.write_text("\n".join(alerts()) + "\n")
    return file


@pytest.fixture(scope="module")
def demo_home(tmp_path_factory):
    """A home over the demo scenario; tests of this file only read it."""
    home = tmp_path_factory.mktemp("demo")
    assert 0 == run("--home", home, "reference", "add", REGISTERS).code
    assert run("--home", home, "triage", EVIDENCE, "--coverage", COVERAGE).code in {0, 1}
    return home


# --- exit codes -------------------------------------------------------------------------------------------


def test_records_that_are_all_read_end_with_0(home, eve):
    ran = run("--home", home, "triage", eve)

    assert (0, "") == (ran.code, ran.errors)
    assert "3 records read: 3 evidence" in ran.out


def test_a_quarantined_line_ends_with_1_and_is_told_and_loses_nothing_else(home, eve):
    eve.write_bytes(eve.read_bytes() + b'{"timestamp": "2026\n' + alerts(4)[3].encode() + b"\n")

    ran = run("--home", home, "triage", eve, "--json")

    assert (1, 5, 4, 1) == (
        ran.code,
        *(ran.json["intake"][key] for key in ("records", "evidence", "quarantined")),
    )
    [refused] = ran.json["intake"]["quarantine"]
    assert (str(eve), 4) == (refused["file"], refused["line"])
    assert "quarantined" in run("--home", home, "triage", eve).out


UNUSABLE = {
    "an option that does not exist": "triage EVE --no-such-option",
    "a command that does not exist": "no-such-command",
    "a command of a group that does not exist": "case no-such-command",
    "a format that does not exist": "triage EVE --format no.such.format",
    "a file that does not exist": "triage EVE TMP/none.jsonl",
    "no file at all": "triage",
    "two forms at once": "triage EVE --json --markdown",
    "an output that cannot be written": "triage EVE --out TMP/none/out.json",
    "a drafter that does not exist": "triage EVE --drafter none",
    "a coverage manifest that does not exist": "triage EVE --coverage TMP/none.json",
    "a coverage manifest that is none": "triage EVE --coverage TMP/broken.json",
    "settings that do not exist": "--config TMP/none.toml case list",
    "settings that are no TOML": "--config TMP/broken.json case list",
    "claims that do not exist": "verify TMP/none.json --evidence EVE",
    "claims that are none": "verify TMP/broken.json --evidence EVE",
    "claims without evidence": "verify TMP/broken.json",
    "evidence that does not exist": "verify TMP/claims.json --evidence TMP/none",
    "evidence of a format that does not exist": "verify TMP/claims.json --evidence EVE --format none",
    "both on standard input": "verify - --evidence -",
    "a reference that does not exist": "verify TMP/claims.json --evidence EVE --reference TMP/none",
    "a case that does not exist": "case show case-none",
    "a case to export that does not exist": "case export case-none",
    "an export format that does not exist": "case export case-none --format docx",
    "a case opened without a title": "case open --from EVE",
    "a case opened over a file that does not exist": "case open --from TMP/none --title x",
    "a register that does not exist": "reference add TMP/none.json",
    "a register that is none": "reference add TMP/broken.json",
    "a home that cannot be made": "--home TMP/broken.json/home case list",
}


@pytest.mark.parametrize("words", UNUSABLE.values(), ids=UNUSABLE)
def test_what_cannot_be_used_ends_with_2_and_says_what_to_do(tmp_path, home, eve, words):
    (tmp_path / "broken.json").write_text('{"a": [1')
    (tmp_path / "claims.json").write_text('{"claims": []}')
    line = [word.replace("TMP", str(tmp_path)).replace("EVE", str(eve)) for word in words.split()]

    ran = run(*line, COUNTERSIGN_HOME=str(home))

    assert (2, "") == (ran.code, ran.out), ran.errors
    assert "Traceback" not in ran.errors
    assert len(ran.errors.strip().splitlines()) >= 2, "what is wrong, and what to do"
    assert ran.errors.startswith(("countersign: ", "Usage: "))


def altered(home, *statements):
    """The database changed by another program that first takes its guards away and puts them back."""
    with sqlite3.connect(home / "countersign.db") as db:
        guards = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            db.execute(f'DROP TRIGGER "{name}"')
        for statement in statements:
            assert db.execute(statement).rowcount
        for _, sql in guards:
            db.execute(sql)
    db.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log_entry SET raw = CAST(replace(CAST(raw AS TEXT), 'records', 'recordz') AS BLOB) WHERE seq = 1",
        "DELETE FROM log_sequence WHERE position = (SELECT MAX(position) FROM log_sequence)",
        "UPDATE log_sequence SET entry_seq = -entry_seq",
        "UPDATE log_head SET root = zeroblob(32)",
    ],
    ids=["an entry edited", "the last entry cut off", "entries renumbered", "a root replaced"],
)
def test_a_log_changed_from_outside_ends_with_3(home, eve, statement):
    assert 0 == run("--home", home, "triage", eve).code
    assert (0, "intact") == (
        run("--home", home, "log", "verify").code,
        run("--home", home, "log", "verify").out[:6],
    )
    altered(home, statement)

    ran = run("--home", home, "log", "verify")

    assert 3 == ran.code, ran.out + ran.errors
    assert "Traceback" not in ran.errors
    assert "intact" not in ran.out


def test_evidence_changed_from_outside_ends_with_3_and_shows_no_case(home, eve):
    assert 0 == run("--home", home, "triage", eve).code
    altered(home, "UPDATE evidence SET raw = CAST(replace(CAST(raw AS TEXT), '198.51', '203.0') AS BLOB)")

    ran = run("--home", home, "triage", eve)

    assert 3 == ran.code, ran.errors
    assert "case-" not in ran.out
    assert "Traceback" not in ran.errors


def test_a_guard_taken_away_ends_with_3(home, eve):
    assert 0 == run("--home", home, "triage", eve).code
    with sqlite3.connect(home / "countersign.db") as db:
        [name] = db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' LIMIT 1").fetchone()
        db.execute(f'DROP TRIGGER "{name}"')
    db.close()

    ran = run("--home", home, "case", "list")

    assert (3, "") == (ran.code, ran.out)
    assert "Keep a copy" in ran.errors
    assert "Traceback" not in ran.errors


def test_a_home_that_is_no_database_ends_with_3(home, eve):
    home.mkdir()
    (home / "countersign.db").write_bytes(b"this is no database" * 100)

    ran = run("--home", home, "triage", eve)

    assert (3, "") == (ran.code, ran.out), ran.errors
    assert "Traceback" not in ran.errors


# --- ways in ----------------------------------------------------------------------------------------------


def counts(ran):
    return [ran.json["intake"][key] for key in ("records", "evidence", "quarantined", "alerts")]


def test_standard_input_is_read_like_a_file(home, eve):
    piped = run("--home", home, "triage", "-", "--json", stdin=eve.read_bytes())

    assert (0, [3, 3, 0, 3]) == (piped.code, counts(piped))
    assert {"-"} == {row["file"] for case in piped.json["cases"] for row in case["evidence"]}


def test_a_gzipped_file_holds_the_same_evidence(home, tmp_path, eve):
    (tmp_path / "eve.jsonl.gz").write_bytes(gzip.compress(eve.read_bytes()))

    plain, packed = (
        run("--home", home, "triage", file, "--json") for file in (eve, tmp_path / "eve.jsonl.gz")
    )

    assert 0 == packed.code
    assert ids(plain) == ids(packed)


def ids(ran):
    return {row["id"] for case in ran.json["cases"] for row in case["evidence"]}


def test_a_gzipped_file_cut_short_gives_what_came_before_the_cut(home, tmp_path):
    whole = gzip.compress("\n".join(alerts(2000)).encode())
    (tmp_path / "cut.jsonl.gz").write_bytes(whole[: len(whole) // 2])

    ran = run("--home", home, "triage", tmp_path / "cut.jsonl.gz", "--json")
    records, evidence, quarantined, _ = counts(ran)

    assert 1 == ran.code
    assert 100 < evidence < 2000
    assert records == evidence + quarantined
    assert quarantined >= 1


def test_an_array_cut_short_gives_what_came_before_the_cut(home, tmp_path):
    (tmp_path / "cut.json").write_text("[" + ",".join(alerts(3))[:-20])

    ran = run("--home", home, "triage", tmp_path / "cut.json", "--json")

    assert (1, [3, 2, 1, 2]) == (ran.code, counts(ran))


def test_an_empty_folder_is_no_case_and_a_pipeline_is_told_that_nothing_was_read(home, tmp_path):
    (tmp_path / "empty").mkdir()
    ran = run("--home", home, "triage", tmp_path / "empty", "--json")

    assert (1, [0, 0, 0, 0], []) == (ran.code, counts(ran), ran.json["cases"])
    assert 1 == run("--home", home, "triage", tmp_path / "empty").code


def test_the_same_files_again_add_nothing(home, eve):
    first, second = (run("--home", home, "triage", eve, "--json") for _ in range(2))

    assert first.raw == second.raw
    with sqlite3.connect(home / "countersign.db") as db:
        rows = [
            db.execute(f"SELECT COUNT(*) FROM {t}").fetchone()[0]
            for t in ("evidence", "alert", "case_snapshot")
        ]
    db.close()
    assert [3, 3, 1] == rows


def test_two_triages_at_once_on_one_home_both_finish(home, tmp_path):
    files = []
    for number in range(2):
        lines = [json.dumps({**ALERT, "host": f"sensor-{number}", "src_port": 1 + n}) for n in range(300)]
        files.append(tmp_path / f"{number}.jsonl")
        files[-1].write_text("\n".join(lines))
    both = [start("--home", home, "triage", file) for file in files]

    assert [0, 0] == [process.wait(120) for process in both]
    assert (0, "intact") == (
        run("--home", home, "log", "verify").code,
        run("--home", home, "log", "verify").out[:6],
    )
    with sqlite3.connect(home / "countersign.db") as db:
        assert [(600,)] == db.execute("SELECT COUNT(*) FROM evidence").fetchall()
    db.close()


# --- ways out ---------------------------------------------------------------------------------------------

JSON_COMMANDS = {
    "triage": ["triage", EVIDENCE, "--coverage", COVERAGE],
    "case list": ["case", "list"],
    "reference list": ["reference", "list"],
    "log verify": ["log", "verify"],
    "doctor": ["doctor"],
}


@pytest.mark.parametrize("words", JSON_COMMANDS.values(), ids=JSON_COMMANDS)
def test_json_is_one_document_and_nothing_else(demo_home, words):
    ran = run("--home", demo_home, *words, "--json")

    assert ran.code in {0, 1}
    assert "" == ran.errors
    assert ran.json["schema"].startswith("countersign.")
    assert ran.raw.endswith(b"}\n")


@pytest.mark.parametrize("words", JSON_COMMANDS.values(), ids=JSON_COMMANDS)
def test_text_in_a_pipe_is_plain_and_fits_80_columns(demo_home, words):
    ran = run("--home", demo_home, *words)

    assert ran.code in {0, 1}
    assert "\x1b" not in ran.out
    assert [] == [line for line in ran.out.splitlines() if cell_len(line) > 80]


def test_what_goes_to_a_file_is_what_would_have_been_printed(home, tmp_path, eve):
    for number, form in enumerate(("--json", "--markdown")):
        printed = run("--home", home, "triage", eve, form)
        written = run("--home", home, "triage", eve, form, "--out", tmp_path / f"{number}.out")

        assert (0, b"", printed.raw) == (written.code, written.raw, (tmp_path / f"{number}.out").read_bytes())


def test_a_reader_that_goes_away_early_meets_no_traceback(demo_home):
    reader = subprocess.Popen(
        [*COMMAND, "--home", str(demo_home), "triage", str(EVIDENCE)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    reader.stdout.close()
    errors = reader.stderr.read().decode()
    reader.stderr.close()

    assert reader.wait(60) in {0, 1}
    assert "Traceback" not in errors
    assert "Exception ignored" not in errors


def test_help_is_quick():
    """Of five runs the best: 0.3 s of processor time, user and system, of the whole process."""
    spent = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert "Usage:" in run("--help").out
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    assert min(spent) <= 0.3, spent


HELP = ["", "triage", "verify", "case", "case list", "case show", "case open", "case export"]
HELP += ["reference", "reference add", "reference list", "log", "log verify", "doctor", "demo", "version"]


@pytest.mark.parametrize("words", HELP)
def test_every_command_explains_itself(words):
    ran = run(*words.split(), "--help")

    assert (0, "") == (ran.code, ran.errors)
    assert "Usage:" in ran.out
    assert [] == [line for line in ran.out.splitlines() if len(line) > 80]


# --- cases, registers, doctor -----------------------------------------------------------------------------


def test_a_case_comes_back_from_the_store_as_it_was_printed(demo_home):
    printed = run("--home", demo_home, "triage", EVIDENCE, "--json").json["cases"]
    listed = run("--home", demo_home, "case", "list", "--json").json["cases"]

    assert {case["id"] for case in printed} <= {case["id"] for case in listed}
    for case in printed:
        assert case == run("--home", demo_home, "case", "show", case["id"], "--json").json


def test_a_case_is_found_by_the_start_of_its_id(demo_home):
    first = run("--home", demo_home, "case", "list", "--json").json["cases"][0]

    assert first["title"][:20] in run("--home", demo_home, "case", "show", first["id"][:12]).out
    assert 2 == run("--home", demo_home, "case", "show", "case-").code, "which of several is not guessed"


def test_an_exported_case_is_the_case(demo_home, tmp_path):
    first = run("--home", demo_home, "case", "list", "--json").json["cases"][0]["id"]
    shown = run("--home", demo_home, "case", "show", first, "--json").json
    note = run("--home", demo_home, "case", "show", first, "--markdown").out

    assert shown == run("--home", demo_home, "case", "export", first).json
    assert 0 == run("--home", demo_home, "case", "export", first, "--out", tmp_path / "case.json").code
    assert shown == json.loads((tmp_path / "case.json").read_bytes())
    assert (
        note.strip() == run("--home", demo_home, "case", "export", first, "--format", "markdown").out.strip()
    )
    assert note.strip() == shown["brief"]["notes_markdown"].strip()


def test_a_case_opened_by_hand_carries_its_title_and_every_record(home, eve):
    ran = run("--home", home, "case", "open", "--from", eve, "--title", "What the scanner did", "--json")

    [case] = ran.json["cases"]
    assert 0 == ran.code
    assert case["title"].startswith("What the scanner did")
    assert 3 == len(case["evidence"])


def test_a_register_is_pinned_once_and_its_version_never_replaced(home, tmp_path):
    file = tmp_path / "changes.json"
    file.write_text(json.dumps(REGISTER))
    first, again = (run("--home", home, "reference", "add", file) for _ in range(2))
    file.write_text(json.dumps({**REGISTER, "entries": [{"key": "CHG-2", "asset": "web-2"}]}))
    changed = run("--home", home, "reference", "add", file)

    assert (0, 0) == (first.code, again.code)
    assert ": pinned" in first.out
    assert "was pinned already" in again.out
    assert 2 == changed.code, "an argument that cannot be used; no invariant is broken"
    assert "Traceback" not in changed.errors
    [kept] = run("--home", home, "reference", "list", "--json").json["references"]
    assert ("changes", "1", 1) == (kept["kb"], kept["kb_version"], kept["entries"])


def test_doctor_says_what_works_and_what_to_do(home, tmp_path):
    well = run("--home", home, "doctor", "--json")
    (tmp_path / "file").write_text("")
    ill = run("--home", tmp_path / "file" / "home", "doctor", "--json")

    assert (0, 1) == (well.code, ill.code)
    told = {row["check"] for row in well.json["checks"]}
    assert {"home", "space", "database", "log", "clock", "dictionary"} <= told
    [broken] = [row for row in ill.json["checks"] if row["state"] == "broken"]
    assert ("home", True) == (broken["check"], "--home" in broken["says"])


def test_the_home_is_for_its_owner_only(home, eve):
    run("--home", home, "triage", eve)

    assert 0o700 == home.stat().st_mode & 0o777
    assert 0o600 == (home / "seed.key").stat().st_mode & 0o777
    assert 0 == (home / "countersign.db").stat().st_mode & 0o077 or 0o700 == home.stat().st_mode & 0o777


def test_the_home_comes_from_option_then_variable(tmp_path, eve):
    run("triage", eve, COUNTERSIGN_HOME=str(tmp_path / "variable"))
    run("--home", tmp_path / "option", "triage", eve, COUNTERSIGN_HOME=str(tmp_path / "other"))
    run("triage", eve, "--home", tmp_path / "late", COUNTERSIGN_HOME=str(tmp_path / "other"))

    made = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert {"variable", "option", "late"} == made


# --- hostile records --------------------------------------------------------------------------------------

HOSTILE = [
    "\x1b[2J\x1b[31mVERIFIED\x1b[0m",
    "\x1b]8;;https://evil.example/\x07click\x1b]8;;\x07",
    "admin\u202egnp.exe\u202c",
    "".join(chr(0xE0000 + ord(c)) for c in "ignore this"),
    "vis\u200bible\ufeff\u2060",
    "[click](https://evil.example/) ![x](https://evil.example/p.png)",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "✓ verified » benign",
    "line\r\nbreak\u2028more\x00nul\x9b31m",
    "www.evil.example someone@evil.example <https://evil.example>",
    "```\n# heading\n| a | b |",
    "漢字" * 80,
]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """Alerts whose every free text is an attack, in a file whose name is one too; each form of output."""
    folder = tmp_path_factory.mktemp("hostile")
    file = folder / "evil\x1b[31m\u202e<b>[x](y).jsonl"
    lines = []
    for number, text in enumerate(HOSTILE):
        rule = {**ALERT["alert"], "signature": text, "category": text}
        http = {"hostname": text, "url": "/" + text, "http_user_agent": text, "http_method": "GET"}
        lines.append(json.dumps({**ALERT, "src_port": number + 1, "alert": rule, "http": http, text: text}))
    file.write_text("\n".join([*lines, "no record \x1b[31m\u202e"]) + "\n")
    forms = {"text": [], "markdown": ["--markdown"], "json": ["--json"]}
    made = {name: run("--home", folder / "home", "triage", file, *words) for name, words in forms.items()}
    made["list"] = run("--home", folder / "home", "case", "list")
    made["show"] = run("--home", folder / "home", "case", "show", made["json"].json["cases"][0]["id"])
    return made


def unseen_signs(text):
    """Characters that a terminal obeys or a reader cannot see."""
    import unicodedata  # noqa: PLC0415 - only here

    return {
        hex(ord(c))
        for c in text
        if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Co", "Cn", "Zl", "Zp"}
    }


@pytest.mark.parametrize("form", ["text", "markdown", "list", "show"])
def test_hostile_records_come_out_as_dead_text(hostile, form):
    ran = hostile[form]

    assert ran.code in {0, 1}, ran.errors
    assert set() == unseen_signs(ran.out) | unseen_signs(ran.errors)
    assert "http:" not in ran.out.lower()
    assert "https:" not in ran.out.lower()
    assert "://" not in ran.out
    assert [] == [line for line in ran.out.splitlines() if cell_len(line) > 80] or form == "markdown"


def test_hostile_records_make_no_link_image_or_html_in_markdown(hostile):
    alive = ["<script", "<img", "<b>", "](", "![", "<https", "\n```", "\n# heading", "\n| a"]

    assert [] == [sign for sign in alive if sign in hostile["markdown"].out.replace("\\", "\0")]


def strings(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            if key not in {"claim", "pointer"}:  # what was claimed and where, exactly, for machines
                yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def test_hostile_records_make_no_text_in_json_that_a_screen_would_obey(hostile):
    texts = list(strings(hostile["json"].json))

    assert hostile["json"].out.isascii()
    assert set() == unseen_signs(hostile["json"].out)
    assert set() == {sign for text in texts for sign in unseen_signs(text)}
    assert [] == [text for text in texts if "://" in text]
    assert len(texts) > 200


def test_a_hostile_mark_never_stands_where_ours_does(hostile):
    """The mark is a column of its own; inside a text it is spelled out."""
    lines = [line for line in hostile["text"].out.splitlines() if "✓" in line]

    assert lines
    assert [] == [line for line in lines if "✓" in line.lstrip()[1:]]
