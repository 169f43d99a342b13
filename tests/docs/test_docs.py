"""The docs are held against the program: commands and options exist, numbers and names have their row, links lead somewhere."""

import ast
import inspect
import re
import shlex
from pathlib import Path

import pytest
import typer

from countersign import cli, config, errors
from countersign.core.briefs import suggest
from countersign.core.log import auditlog

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TEXT = {page: page.read_text("utf-8") for page in PAGES}
SOURCES = sorted((ROOT / "src").rglob("*.py"))


def docs(name):
    return TEXT[ROOT / "docs" / name]


def commands():
    """Every line of a code block that calls the program or make, with the page it stands on."""
    for page, text in TEXT.items():
        for block in re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            joined = block.replace("\\\n", " ")
            for line in joined.splitlines():
                found = re.match(
                    r"\s*(?:\$ )?(?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?((?:countersign|make) .*)", line
                )
                if found:
                    yield pytest.param(found[1], id=f"{page.name}: {found[1][:60]}")


def words(line):
    """The words of a shell line, its comment and whatever follows a pipe or `then` left out."""
    return [
        word
        for word in shlex.split(re.split(r"\s#|\s[|;]\s|\s&&|\s>|\s<", line)[0], posix=True)
        if word != "…"
    ]


def click_tree(group, path=()):
    """Every command with its parameters, the program's own way of reading a line."""
    yield path, group
    for name, command in getattr(group, "commands", {}).items():
        yield from click_tree(command, (*path, name))


TREE = dict(click_tree(typer.main.get_command(cli.app)))


@pytest.mark.parametrize("line", list(commands()))
def test_every_command_in_a_code_block_exists_with_its_options(line):
    program, *rest = words(line)
    if program == "make":
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert [] == [
            word for word in rest if "=" not in word and not word.startswith("-") and word not in targets
        ]
        return
    known = {name for command in TREE.values() for p in command.params for name in p.opts}
    flags = {
        name
        for command in TREE.values()
        for p in command.params
        if getattr(p, "is_flag", False)
        for name in p.opts
    }
    valued = [
        n + 1
        for n, word in enumerate(rest)
        if word.startswith("--") and word not in flags and "=" not in word
    ]
    path = ()
    for word in [word for n, word in enumerate(rest) if not word.startswith("-") and n not in valued]:
        if (*path, word) not in TREE:
            break
        path = (*path, word)
    command = TREE[path]
    if not path:
        assert {"--help", "--version"} & set(rest), f"{line!r} names no command"
        return
    assert path in TREE
    own = {name for p in [*command.params, *TREE[()].params] for name in p.opts} | {"--help"}
    options = {word.split("=")[0] for word in rest if word.startswith("--")}
    assert options <= known | {"--help"}
    assert options <= own
    assert not getattr(command, "commands", {}) or "|" in line or "--help" in rest, (
        f"{line!r} stops at a group"
    )


def test_the_docs_show_enough_commands_to_be_worth_testing():
    assert len(list(commands())) >= 12


COMMANDS = [" ".join(path) for path, command in TREE.items() if path and not getattr(command, "commands", {})]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_told_somewhere_in_the_docs(command):
    group, _, name = command.partition(" ")
    listed = rf"countersign {group} [a-z |`]*\b{name}\b" if name else rf"countersign {group}\b"

    assert any(re.search(listed, text) for text in TEXT.values())


@pytest.mark.parametrize("number", range(1, 19))
def test_every_check_has_its_row(number):
    assert 1 == len(re.findall(rf"^\| {number} \|", docs("checks.md"), re.MULTILINE))


def test_no_check_is_described_that_does_not_exist():
    rows = {int(number) for number in re.findall(r"^\| (\d+) \|", docs("checks.md"), re.MULTILINE)}

    assert set(range(1, 19)) == rows


def exceptions():
    return [name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)]


@pytest.mark.parametrize("name", exceptions())
def test_every_exception_is_told_in_the_docs(name):
    row = re.compile(rf"^(#+ |\| ).*\b{name}\b", re.MULTILINE)

    assert any(row.search(text) for text in TEXT.values())


def kinds_in_use():
    """Entry kinds that some line of the program stages: the dotted words of an entry's call that the log knows."""
    known = {kind for kind in auditlog.KINDS if "." in kind}  # "incident" is a kind of case, too
    found = {
        node.value
        for file in SOURCES
        if file.parent.name in {"steps", "cli", "adapters", "sql"}
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return sorted(known & found)


@pytest.mark.parametrize("kind", kinds_in_use())
def test_every_entry_kind_in_use_is_told_with_the_log(kind):
    assert f"`{kind}`" in docs("formats/log.md")


def test_the_program_stages_the_kinds_of_its_line():
    assert {"evidence.received", "case.opened", "draft.requested", "brief.drafted", "brief.verified"} <= set(
        kinds_in_use()
    )


@pytest.mark.parametrize("name", config.Settings.__struct_fields__)
def test_every_setting_has_its_row(name):
    assert 1 == len(re.findall(rf"^\| `{name}` \|", docs("howto/settings.md"), re.MULTILINE))


@pytest.mark.parametrize("name", [config.HOME_VARIABLE, config.DATABASE_VARIABLE])
def test_every_variable_has_its_row(name):
    assert re.search(rf"^\| `{name}` \|", docs("howto/settings.md"), re.MULTILINE)


@pytest.mark.parametrize("rule", [*(f"R{n:02}" for n in range(1, 12)), *(f"C{n:02}" for n in range(1, 12))])
def test_every_rule_and_cap_has_its_row(rule):
    assert suggest.RULE_TABLE
    assert re.search(rf"^\| {rule} \|", docs("rules.md"), re.MULTILINE)


def links():
    for page, text in TEXT.items():
        bare = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)\s]+)\)", bare):
            if not re.match(r"[a-z]+:", target):
                yield pytest.param(page, target, id=f"{page.name} → {target}")


@pytest.mark.parametrize(("page", "target"), list(links()))
def test_every_relative_link_leads_somewhere(page, target):
    file, _, anchor = target.partition("#")
    to = (page.parent / file).resolve() if file else page

    assert to.exists()
    if anchor:
        headings = re.findall(r"^#+ (.*)$", to.read_text("utf-8"), re.MULTILINE)
        assert anchor in {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def named_files():
    """Pages and files that a page names in code words, such as `docs/line.md` or `tests/attacks/oracle.py`."""
    for page, text in TEXT.items():
        for name in sorted(set(re.findall(r"`((?:docs|tests|src|evals|requirements)/[\w./-]+)`", text))):
            if "door" not in name.rpartition("/")[2]:  # the made-up source of the how-to
                yield pytest.param(name, id=f"{page.name}: {name}")


@pytest.mark.parametrize("name", list(named_files()))
def test_every_file_that_a_page_names_is_there(name):
    assert (ROOT / name).exists()


# --- threats ---------------------------------------------------------------------------------------------------------

ATTACKS = ROOT / "tests" / "attacks"


def threats():
    """Number and row of each threat."""
    return re.findall(r"^\| (T\d+) \| (.*) \|$", docs("threats.md"), re.MULTILINE)


def test_no_threat_has_the_number_of_another():
    numbers = [number for number, _ in threats()]

    assert sorted(set(numbers)) == sorted(numbers)


@pytest.mark.parametrize(("number", "row"), threats())
def test_every_threat_names_tests_that_are_there(number, row):
    if number in {"T31", "T32", "T33"}:
        return  # what later parts bring
    named = re.findall(r"`([\w./]*test_\w+(?:\.py)?)`", row)
    files = [name for name in named if name.endswith(".py")]
    tests = set(named) - set(files)
    within = [ATTACKS / name for name in files] or [ATTACKS / "test_decisions.py"]
    written = "".join(file.resolve().read_text("utf-8") for file in within)

    assert named
    assert [] == sorted(test for test in tests if f"def {test}(" not in written)
