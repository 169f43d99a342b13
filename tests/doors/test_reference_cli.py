"""What pinning a list says of entries on which nothing can be closed."""

import json

import pytest

from front import run

LIST = {"kb": "shared", "kb_version": "1", "kind": "allow_list", "loaded_at": "2026-03-01T00:00:00Z"}


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def added(home, tmp_path, keys):
    file = tmp_path / "list.json"
    file.write_text(json.dumps(LIST | {"entries": [{"key": key, "why": "shared"} for key in keys]}))
    return run("--home", home, "reference", "add", file)


def test_keys_that_are_no_observable_are_named_when_the_list_is_pinned_and_when_it_is_listed(home, tmp_path):
    pinned = added(home, tmp_path, ["80", "192.0.2.1", "allowed", "a.example"])
    shown = run("--home", home, "reference", "list")
    [kept] = run("--home", home, "reference", "list", "--json").json["references"]

    assert (0, 0) == (pinned.code, shown.code)
    for out in (pinned.out, shown.out):
        assert "nothing is closed on 80, allowed: a key of such a list is an address" in out
    assert ["80", "allowed"] == kept["covers_nothing"]


def test_of_many_such_keys_the_first_are_named_and_the_rest_counted(home, tmp_path):
    assert "on w0, w1, w2, w3, w4 and 95 more:" in added(home, tmp_path, [f"w{n}" for n in range(100)]).out


def test_of_a_list_that_covers_something_with_every_key_nothing_is_said(home, tmp_path):
    assert "nothing is closed" not in added(home, tmp_path, ["192.0.2.1"]).out
