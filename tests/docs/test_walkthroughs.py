"""The walk-throughs on the bundled scenario are run, and show what the program prints."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from countersign.demo import COVERAGE, EVIDENCE, REGISTERS, STORY
from front import run

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text("utf-8")
HOWTO = (ROOT / "docs" / "howto" / "regroup-cases.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
PLANTED = "case-1acca7efa0534f3a"


def squeezed(text):
    return " ".join(text.split())


def untimed(text):
    """Without the time of a regrouping, which is now."""
    return squeezed(re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z Ada", "Ada", text))


def blocks(page):
    """Each block of commands with the block after it that shows what they print, or nothing."""
    found = re.findall(r"^```[a-z]*\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    for block, shown in zip(found, [*found[1:], ""], strict=True):
        commands = [line for line in block.splitlines() if line.startswith("countersign ")]
        if commands:
            yield commands, "" if "countersign " in shown or shown.startswith("make ") else shown


def words(line):
    """The words of a command line after the program's own name."""
    return shlex.split(re.split(r"\s#", line)[0])[1:]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A home after `countersign demo`; tests copy what they change."""
    home = tmp_path_factory.mktemp("demo") / "home"
    ran = run("--home", home, "demo")
    assert 1 == ran.code, "one line of the scenario is cut short"
    return home, ran.out


def test_the_how_to_regroup_runs_as_it_is_written(demo, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(demo[0], home)
    printed = {}
    for commands, shown in blocks(HOWTO):
        for line in commands:
            by = ["--by", "Ada Lovelace"] if "--reason" in line else []
            ran = run("--home", home, *words(line), *by)
            assert (0, "") == (ran.code, ran.errors), line
            printed[line] = untimed(ran.out)
        assert untimed(shown) in printed[commands[-1]]
    assert len(printed) >= 7


def test_every_case_that_readme_tutorial_and_how_to_name_is_one_of_the_demo(demo):
    listed = run("--home", demo[0], "case", "list").out
    named = set(re.findall(r"\bcase-[0-9a-f]{4,16}\b", README + TUTORIAL + HOWTO + STORY.read_text("utf-8")))

    assert named
    assert [] == sorted(name for name in named if name not in listed)


def test_the_tutorial_shows_of_the_planted_case_what_the_program_prints(demo):
    section = TUTORIAL.partition("## 6. ")[2].partition("\n## ")[0]
    shown = [block for _, block in blocks(section) if block]
    shown += re.findall(r"^```\n(✓.*?)^```", section, re.MULTILINE | re.DOTALL)
    printed = squeezed(run("--home", demo[0], "case", "show", PLANTED).out)

    assert 2 == len(shown)
    assert [] == [block for block in shown if squeezed(block) not in printed]


def test_the_planted_case_is_of_tier_1_and_wrongly_suggested_closed_without_a_cap(demo):
    """By the published rules alone; the panel and a record show what the suggestion did not weigh."""
    case = run("--home", demo[0], "case", "show", PLANTED, "--json").json
    suggested, panel = case["brief"]["suggestion"], case["brief"]["must_show"]
    said = {(entry["part"], entry["value"]): entry["evidence"] for entry in panel}
    curl = said["P3", "«C:\\Windows\\System32\\curl.exe»"]
    line = next(row["line"] for row in case["evidence"] if row["id"] == curl)
    record = json.loads((EVIDENCE / "endpoint/windows.jsonl").read_text("utf-8").splitlines()[line - 1])

    assert (1, "medium") == (case["tier"], case["severity"])
    assert ("benign_positive", "R08", []) == tuple(
        suggested[name] for name in ("disposition", "rule", "capped_by")
    )
    assert ("P1", "«/api/persons/export.csv?fields=name,badge,code»") in said
    assert "HARBOURLIGHT\\kdahl" == record["User"]
    assert f"sed -n {line}p" in TUTORIAL


def test_what_the_first_pages_show_of_the_demo_is_what_it_prints(demo):
    counts = re.search(r"^445 records read: .*$", TUTORIAL, re.MULTILINE)[0]
    suggestion = re.search(r"^suggestion: .*$", README, re.MULTILINE)[0]
    told = suggestion.partition(": ")[2]

    assert counts in squeezed(demo[1])
    assert suggestion in demo[1]
    assert f"Suggestion: {told}" in TUTORIAL


def test_the_demo_tells_four_incidents_as_the_tutorial_says(demo):
    assert "prints four incidents" in TUTORIAL
    assert 4 == demo[1].count("nothing is decided")
    assert "Background: recurring" in demo[1]
    assert "(3)" in demo[1].partition("Background: recurring")[2].splitlines()[0]


def test_the_registers_turn_the_suggestion_as_the_tutorial_says(tmp_path):
    home = tmp_path / "bare"
    run("--home", home, "triage", EVIDENCE, "--coverage", COVERAGE)
    [case] = set(re.findall(r"case draft (case-[0-9a-f]+)", TUTORIAL))
    before = run("--home", home, "case", "draft", case).out
    run("--home", home, "reference", "add", REGISTERS)
    after = run("--home", home, "case", "draft", case).out

    for told, printed in zip(
        re.findall(r"^suggestion: .*$", TUTORIAL, re.MULTILINE), (before, after), strict=True
    ):
        assert told in printed


# --- from two people to a replay, typed at a terminal ----------------------------------------------------------------

TYPED = TUTORIAL.partition("\n## 7. ")[2].partition("\n## Where next")[0]
CALLS = ("countersign ", "python ", "LC_ALL=C ")


def typed():
    """Each block that is typed with the block that shows what comes of it, or nothing."""
    found = re.findall(r"^```\n(.*?)^```", TYPED, re.MULTILINE | re.DOTALL)
    commanding = [any(line.startswith(CALLS) for line in block.splitlines()) for block in found]
    for n, block in enumerate(found):
        if commanding[n]:
            shown = found[n + 1] if n + 1 < len(found) and not commanding[n + 1] else ""
            yield block.replace("\\\n", " ").splitlines(), shown


def as_shown(shown):
    """A pattern: every run of text as it stands, in order, whatever stands where the page has an ellipsis."""
    runs = [re.escape(squeezed(run)) for run in re.split("…|\n(?=[^ ])", shown)]
    return ".*?".join(run for run in runs if run)


@pytest.fixture(scope="module")
def walked(demo, terminal):
    """The lines of the tutorial as typed, in order: each block's exit codes, its screens, and what the page shows."""
    shutil.copytree(demo[0], terminal.folder / ".demo")
    walked = []
    for lines, shown in typed():
        said = re.findall(r"^r-…> (.+)$", shown, re.MULTILINE)  # in the review that the line opens
        walked.append(({line: terminal.types(line, *said) for line in lines}, shown))
    return walked


def test_each_line_of_the_tutorial_ends_as_it_tells(walked):
    """A closing that the rules refuse, and a copy that was changed, are the only ones that do not succeed."""
    failed = {line: code for ran, _ in walked for line, (code, _) in ran.items() if code}
    refused, changed = failed

    assert [1, 1] == list(failed.values())
    assert "--act close" in refused
    assert changed.startswith("python tools/verify_log.py")


def test_the_tutorial_shows_what_stands_on_the_terminal(walked):
    told = [(shown, "".join(screen for _, screen in ran.values())) for ran, shown in walked if shown]
    wrong = [pair for pair in told if not re.search(as_shown(pair[0]), squeezed(pair[1]))]

    assert 10 <= len(told)
    assert not wrong, "\n--- is not what there is:\n".join(wrong[0])


def test_every_rule_that_refuses_in_the_tutorial_is_told_there(walked):
    [screen] = [screen for ran, _ in walked for line, (_, screen) in ran.items() if "--act close" in line]

    assert re.findall(r"\bRV-\d+", TYPED) == list(dict.fromkeys(re.findall(r"\bRV-\d+", screen)))


def test_what_the_readme_shows_of_deciding_stands_on_the_terminal(walked):
    screens = squeezed("".join(screen for ran, _ in walked for _, screen in ran.values()))
    example = README.partition("$ countersign review decide")[2].partition("<!-- example:end -->")[0]
    told = [line for line in example.splitlines()[1:] if line and not line.startswith(("$", "```"))]

    assert 5 == len(told)
    assert [] == [line for line in told if squeezed(line) not in screens]
