"""People and their keys through the command line, as a stranger runs it."""

import os
import shutil
import stat
import subprocess
from base64 import b64encode

import pytest
from typer.testing import CliRunner

from countersign import cli
from countersign.testing import SoftwareSigner
from front import Ran, run

WORDS, OTHER_WORDS = "correct horse", "battery staple"


class Desk:
    """A home, a person's own config folder, and passphrases in files."""

    def __init__(self, folder):
        self.folder, self.home, self.config = folder, folder / "home", folder / "config"

    def person(self, *words, stdin=b"", **variables):
        """In this process, which is quicker than one of its own."""
        variables = {"XDG_CONFIG_HOME": str(self.config), "COLUMNS": "200"} | variables
        arguments = [*map(str, ("--home", self.home, "person", *words))]
        done = CliRunner().invoke(cli.app, arguments, input=stdin, env=variables)
        return Ran(done.exit_code, done.stdout_bytes, done.stderr_bytes)

    def words(self, name, text, mode=0o600):
        path = self.folder / name
        path.write_text(text + "\n")
        path.chmod(mode)
        return path

    def sessions(self):
        return [*(self.config / "countersign" / "sessions").glob("*")]


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """Ada is the first admin, signed in; Grace is an analyst with a key."""
    desk = Desk(tmp_path_factory.mktemp("desk"))
    words, other = desk.words("words", WORDS), desk.words("other", OTHER_WORDS)
    first = desk.person("enrol", "Ada", "--key", desk.folder / "ada.key", "--passphrase-file", words)
    assert 0 == first.code, first.errors
    assert 0 == desk.person("add", "Grace", "--role", "analyst").code
    files = ("--passphrase-file", words, "--new-passphrase-file", other)
    assert 0 == desk.person("enrol", "Grace", "--key", desk.folder / "grace.key", *files).code
    return desk


@pytest.fixture
def desk(begun, tmp_path):
    """A copy at the same paths of its own; the badge of the first home stays there."""
    copied = Desk(tmp_path / "desk")
    shutil.copytree(begun.folder, copied.folder, copy_function=shutil.copy2)
    shutil.rmtree(copied.config)
    return copied


def enter(desk, name, key, words):
    return desk.person("sign-in", name, "--key", desk.folder / key, "--passphrase-file", desk.folder / words)


@pytest.fixture
def ada(desk):
    assert 0 == enter(desk, "Ada", "ada.key", "words").code
    return desk


def test_the_first_admin_is_signed_in_at_once_and_everybody_is_listed(begun):
    told = begun.person("whoami").out
    assert "Ada (admin)" in told
    listed = begun.person("list", "--json").json["people"]
    assert ["Ada", "Grace"] == [one["name"] for one in listed]
    [key] = listed[1]["keys"]
    assert ("software", listed[0]["id"], None) == (key["kind"], key["enrolled_by"], key["revoked"])
    assert "enrolled by Ada" in begun.person("list").out
    assert "enrolled by themself" in begun.person("list").out


def test_whoever_signs_in_is_known_here_and_signing_out_ends_it(desk):
    assert "signed in as Grace" in enter(desk, "Grace", "grace.key", "other").out
    assert ("Grace", ["analyst"]) == (
        (told := desk.person("whoami", "--json").json)["name"],
        told["roles"],
    )
    assert "signed out" in desk.person("sign-out").out
    again = desk.person("whoami")
    assert (1, True) == (again.code, "person sign-in" in again.errors)
    assert [] == desk.sessions()


def test_the_badge_is_for_its_owners_eyes_only(ada):
    [path] = ada.sessions()
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert 0o700 == stat.S_IMODE(path.parent.stat().st_mode)
    assert WORDS.encode() not in path.read_bytes()
    path.chmod(0o644)
    refused = ada.person("whoami")
    assert (1, True) == (refused.code, "others may read" in refused.errors)


def test_a_badge_of_another_home_opens_nothing(ada):
    """Put where the other home's badge would lie, it is still the first home's."""
    other = run("--home", ada.folder / "second", "person", "whoami", XDG_CONFIG_HOME=str(ada.config))
    assert "Nobody is signed in" in other.errors
    [mine] = ada.sessions()
    moved = Desk(ada.folder / "third")
    (moved.folder).mkdir()
    shutil.copytree(ada.home, moved.home)
    theirs = moved.config / "countersign" / "sessions"
    theirs.mkdir(parents=True)
    shutil.copy2(mine, theirs)
    assert "Nobody is signed in" in moved.person("whoami").errors


def test_signing_in_anew_ends_the_session_before(ada):
    [path] = ada.sessions()
    before = path.read_bytes()
    assert 0 == enter(ada, "Grace", "grace.key", "other").code
    path.write_bytes(before)
    assert "Nobody is signed in" in ada.person("whoami").errors


def test_only_an_admin_adds_enrols_and_revokes(desk):
    enter(desk, "Grace", "grace.key", "other")
    words = ("--passphrase-file", desk.folder / "other")
    for refused in (
        desk.person("add", "Eve", "--role", "analyst"),
        desk.person("roles", "Ada", "--role", "analyst"),
        desk.person("enrol", "Grace", "--key", desk.folder / "new.key", *words),
        desk.person("revoke", "Ada", "--reason", "why not"),
    ):
        assert (1, True) == (refused.code, "person." in refused.errors)
    assert not (desk.folder / "new.key").exists()


def test_nobody_does_anything_without_signing_in(desk):
    for refused in (
        desk.person("add", "Eve", "--role", "admin"),
        desk.person("enrol", "Grace", "--key", desk.folder / "x.key"),
        desk.person("revoke", "Grace", "--reason", "why not"),
        desk.person("sign-out"),
    ):
        assert (1, True) == (refused.code, "Nobody is signed in" in refused.errors)


def test_a_key_is_enrolled_by_its_public_half(ada):
    """The analyst keeps the key; the admin sees `FILE.pub` only."""
    made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", OTHER_WORDS, "-f", ada.folder / "theirs"]
    if shutil.which("ssh-keygen") is None:
        pytest.skip("no ssh-keygen here")
    subprocess.run(made, check=True)
    public = ("--key", ada.folder / "theirs.pub", "--passphrase-file", ada.folder / "words")
    assert 0 == ada.person("enrol", "Grace", *public).code
    assert 0 == enter(ada, "Grace", "theirs", "other").code
    twice = ada.person("sign-out").code, enter(ada, "Ada", "ada.key", "words").code
    assert (0, 0) == twice
    again = ada.person("enrol", "Ada", *public)
    assert (2, True) == (again.code, "enrolled already" in again.errors)


def test_a_revoked_key_signs_nobody_in_and_its_owner_is_out(ada):
    badge = ada.sessions()[0].read_bytes()
    enter(ada, "Grace", "grace.key", "other")
    [path] = ada.sessions()
    graces, _ = path.read_bytes(), path.write_bytes(badge)
    assert 0 == enter(ada, "Ada", "ada.key", "words").code
    revoked = ada.person("revoke", "Grace", "--reason", "her laptop was stolen")
    assert "what it signed before holds" in " ".join(revoked.out.split())
    path.write_bytes(graces)
    assert 1 == ada.person("whoami").code
    assert "revoked" in enter(ada, "Grace", "grace.key", "other").errors


def test_two_roles_that_exclude_each_other_are_refused_in_words(ada):
    refused = ada.person("add", "Eve", "--role", "admin", "--role", "analyst")
    assert (2, True) == (refused.code, "does not decide" in refused.errors)


def test_roles_are_changed_by_another(ada):
    assert "Grace: lead" in ada.person("roles", "Grace", "--role", "lead").out
    assert "their own roles" in ada.person("roles", "Ada", "--role", "auditor").errors


# ---- passphrases -----------------------------------------------------------------------------------------


def test_a_wrong_passphrase_opens_nothing(desk):
    refused = enter(desk, "Ada", "ada.key", "other")
    assert (1, True) == (refused.code, "does not open" in refused.errors)


def test_a_passphrase_file_that_others_may_read_is_refused(desk):
    (desk.folder / "words").chmod(0o644)
    refused = enter(desk, "Ada", "ada.key", "words")
    assert (1, True) == (refused.code, "others may read" in refused.errors)


def test_a_key_file_that_others_may_read_is_refused(desk):
    (desk.folder / "ada.key").chmod(0o640)
    refused = enter(desk, "Ada", "ada.key", "words")
    assert (1, True) == (refused.code, "others may read" in refused.errors)


def test_a_passphrase_is_never_taken_from_an_argument_the_environment_or_a_pipe(desk):
    pipe = desk.person("sign-in", "Ada", "--key", desk.folder / "ada.key", stdin=f"{WORDS}\n".encode())
    assert (1, True) == (pipe.code, "no terminal to ask on" in pipe.errors)
    argument = desk.person("sign-in", "Ada", "--key", desk.folder / "ada.key", "--passphrase", WORDS)
    assert 2 == argument.code
    variable = desk.person(
        "sign-in", "Ada", "--key", desk.folder / "ada.key", COUNTERSIGN_PASSPHRASE=WORDS, PASSPHRASE=WORDS
    )
    assert 1 == variable.code


def test_a_passkey_is_said_to_need_the_workbench(ada):
    refused = ada.person("enrol", "Grace", "--passkey")
    assert (2, True) == (refused.code, "workbench" in refused.errors)


def test_somebody_who_is_not_there_is_said_so(desk):
    refused = desk.person("sign-in", "Mallory\x1b[2J", "--agent")
    assert (2, True) == (refused.code, "nobody called" in refused.errors)
    assert "\x1b" not in refused.errors


# ---- an agent --------------------------------------------------------------------------------------------


@pytest.fixture
def agent(tmp_path):
    """The socket of an ssh-agent that holds nothing."""
    if shutil.which("ssh-agent") is None:
        pytest.skip("no ssh-agent here")
    listens = str(tmp_path / "agent")
    process = subprocess.Popen(["ssh-agent", "-D", "-a", listens], stdout=subprocess.PIPE)
    process.stdout.readline()
    yield listens
    process.terminate()
    process.wait(10)
    process.stdout.close()


def load(agent, desk, key, words):
    ask = desk.folder / "ask"
    ask.write_text(f"#!/bin/sh\necho '{words}'\n")
    ask.chmod(0o700)
    variables = {"SSH_AUTH_SOCK": agent, "SSH_ASKPASS": str(ask), "SSH_ASKPASS_REQUIRE": "force"}
    subprocess.run(
        ["ssh-add", desk.folder / key],
        env=os.environ | variables,
        check=True,
        capture_output=True,
        timeout=30,
    )


def test_a_key_that_an_agent_holds_signs_in_without_its_file(desk, agent):
    empty = desk.person("sign-in", "Grace", "--agent", SSH_AUTH_SOCK=agent)
    assert "holds 0 Ed25519 keys" in " ".join(empty.errors.split())
    load(agent, desk, "grace.key", OTHER_WORDS)
    assert "signed in as Grace" in desk.person("sign-in", "Grace", "--agent", SSH_AUTH_SOCK=agent).out
    load(agent, desk, "ada.key", WORDS)
    both = desk.person("sign-in", "Ada", "--agent", SSH_AUTH_SOCK=agent)
    assert "holds 2 Ed25519 keys" in " ".join(both.errors.split())
    named = ("--agent", "--key", desk.folder / "ada.key.pub")
    assert "signed in as Ada" in desk.person("sign-in", "Ada", *named, SSH_AUTH_SOCK=agent).out
    signer = SoftwareSigner()
    public = desk.folder / "eve.pub"
    public.write_text(_openssh(signer.public))
    enrolled = desk.person("enrol", "Grace", "--key", public, SSH_AUTH_SOCK=agent)
    assert (0, "") == (enrolled.code, enrolled.errors)


def _openssh(public):

    kind = b"\0\0\0\x0bssh-ed25519"
    return f"ssh-ed25519 {b64encode(kind + (32).to_bytes(4, 'big') + public).decode()} eve\n"
