"""Why a recommendation appeared: every brief of the demo is made again, and one changed byte is found."""

import json
import shutil
import sqlite3

import pytest

from front import run


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    home = tmp_path_factory.mktemp("demo") / "home"
    assert 1 == run("--home", home, "demo").code
    listed = json.loads(run("--home", home, "case", "list", "--json").out)["cases"]
    return home, [row["id"] for row in listed]


@pytest.fixture
def copied(demo, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(demo[0], home)
    return home, demo[1][0]


def replayed(home, named):
    ran = run("--home", home, "replay", named, "--format", "json")
    return ran, json.loads(ran.out) if ran.out.startswith("{") else None


def change(home, table, column, where):
    """One byte of one row, past the product and its guards, as whoever owns the file can; the guards are put back."""
    last = f"CASE WHEN substr({column}, -1) = x'00' THEN x'01' ELSE x'00' END"
    changed = f"CAST(substr({column}, 1, length({column}) - 1) || {last} AS BLOB)"
    with sqlite3.connect(home / "countersign.db") as db:
        guards = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            db.execute(f"DROP TRIGGER {name}")
        assert 1 == db.execute(f"UPDATE {table} SET {column} = {changed} WHERE {where}").rowcount
        for _, statement in guards:
            db.execute(statement)
    db.close()


def test_every_brief_of_the_demo_comes_out_as_it_was_recorded(demo):
    home, cases = demo
    for case in cases:
        ran, document = replayed(home, case)

        assert (0, True) == (ran.code, document["same"]), ran.out + ran.errors
        assert {"same"} == {one["outcome"] for one in document["compared"]}
        kinds = [link["kind"] for link in document["chain"]]
        assert ["draft.requested", "brief.drafted", "brief.verified"] == kinds
        assert all(link["index"] is not None for link in document["chain"])


def test_a_brief_that_suggests_closing_was_asked_again_masked_and_that_too_is_made_again(demo):
    documents = [replayed(demo[0], case)[1] for case in demo[1]]
    closing = [one for one in documents if one["suggestion"] in {"benign_positive", "false_positive", "test"}]

    assert closing
    for one in closing:
        assert "masked dossier" in [made["what"] for made in one["compared"]]


def test_a_person_reads_it_in_eighty_columns_and_as_a_page_that_runs_nothing(demo, tmp_path):
    home, cases = demo
    text = run("--home", home, "replay", cases[0][:12])
    page = tmp_path / "replay.html"
    html = run("--home", home, "replay", cases[0], "--format", "html", "--out", page)

    assert (0, 0) == (text.code, html.code)
    assert "the same: all" in text.out
    assert 80 >= max(map(len, text.out.splitlines()))
    written = page.read_text("utf-8")
    assert "default-src 'none'" in written
    assert "<script" not in written
    assert "src=" not in written
    assert "What the drafter was given" in written


@pytest.mark.parametrize(
    ("table", "column", "where", "told"),
    [
        ("evidence", "raw", "digest = x'{record}'", "have another digest"),
        ("content", "sealed", "case_id = '{case}' AND blob_id LIKE 'ask-%/dossier'", "is not what was put there"),
        ("content", "sealed", "case_id = '{case}' AND blob_id LIKE 'ask-%/circumstances'", "is not what was put there"),
        ("content", "sealed", "case_id = '{case}' AND blob_id LIKE 'reply-%/reply'", "is not what was put there"),
        ("content", "secret", "case_id = '{case}' AND blob_id LIKE 'verified-%'", ""),
        ("case_snapshot", "document", "case_id = '{case}'", "no entry tells of the brief"),
        ("log_entry", "raw", "id = (SELECT substr(blob_id, 1, 41) FROM content WHERE case_id = '{case}' AND blob_id LIKE 'verified-%')", "entry"),
    ],
)  # fmt: skip
def test_one_changed_byte_is_found(copied, table, column, where, told):
    home, case = copied
    shown = json.loads(run("--home", home, "case", "show", case, "--json").out)
    change(home, table, column, where.format(case=case, record=shown["evidence"][0]["id"][7:]))

    ran = run("--home", home, "replay", case)

    assert 3 == ran.code, ran.out + ran.errors
    assert told in ran.errors
    assert "Traceback" not in ran.errors


def test_a_name_that_nobody_has_is_told_so(demo):
    ran = run("--home", demo[0], "replay", "case-nobody")

    assert 2 == ran.code
    assert "there is no case case-nobody" in ran.errors
