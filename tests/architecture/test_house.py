"""What the tools cannot see about the house: what core may import, and what the repository may not say."""

import ast
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = sorted((ROOT / "src" / "countersign" / "core").rglob("*.py"))

# A ban list ages; this is the whole list of what the rules are made of.
CORE_MAY_IMPORT = frozenset(
    """
    countersign.core countersign.errors countersign.__version__
    msgspec rfc8785 re2 cryptography publicsuffixlist webauthn
    ast base64 binascii bisect calendar codecs collections csv datetime decimal difflib email enum functools hashlib heapq hmac
    html
    ipaddress itertools json math operator re string struct textwrap tomllib types typing unicodedata urllib.parse
    xml.etree.ElementTree xml.parsers.expat
    """.split()
)


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def is_allowed(name: str) -> bool:
    return any(name == allowed or name.startswith(f"{allowed}.") for allowed in CORE_MAY_IMPORT)


@pytest.mark.parametrize("path", CORE, ids=lambda path: path.stem)
def test_core_imports_only_what_is_on_its_list(path):
    assert set() == {name for name in imports_of(path) if not is_allowed(name)}


def tracked() -> list[Path]:
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a checkout")
    return [path for name in listed.decode().split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_package_registry_or_a_path_of_somebodys_machine():
    # Written in pieces, so that this file does not name them either.
    hosts = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.", "crates" + ".io", "proxy." + "golang"]
    unwanted = re.compile("|".join([*map(re.escape, hosts), r"/(?:work|home|Users)/[a-z]\w*/"]).encode())

    assert [] == [str(path) for path in tracked() if unwanted.search(path.read_bytes())]


def requirements(name: str) -> set[str]:
    lines = (ROOT / "requirements" / name).read_text(encoding="utf-8").splitlines()
    return {line.split(" #")[0].strip() for line in lines if line and not line.startswith(("#", " "))}


def test_the_runtime_list_is_the_projects_own_and_what_builds_it():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    builders = {*project["build-system"]["requires"], "editables"}

    assert {*project["project"]["dependencies"], *builders} == requirements("runtime.in")


@pytest.mark.parametrize("name", ["runtime", "dev"])
def test_everything_installed_is_pinned_and_hashed_and_comes_from_nowhere_in_particular(name):
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    pins = [block for block in re.split(r"\n(?=\S)", text) if not block.startswith("#")]

    assert [] == [pin.split()[0] for pin in pins if "==" not in pin or "--hash=sha256:" not in pin]
    assert "://" not in text
    assert "--index" not in text


def test_the_locked_lists_hold_what_was_asked_for():
    for name in ("runtime", "dev"):
        wanted = {re.split(r"[\[<>=~ ]", line)[0].lower() for line in requirements(f"{name}.in")} - {"-r"}
        locked = {line.split("==")[0].lower() for line in requirements(f"{name}.txt")}
        assert set() == wanted - locked
