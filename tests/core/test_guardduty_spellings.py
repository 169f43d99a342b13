"""GuardDuty's three spellings mean the same: what the dictionary says of one it says of all."""

import re
import tomllib
from importlib.resources import files

import pytest

from countersign.core.facts.signals import Signals

FOLDER = files("countersign.core.records") / "dictionary"
SIGNALS = Signals(
    {
        entry.name: entry.read_bytes()
        for entry in (files("countersign.core.facts") / "signals").iterdir()
        if entry.name.endswith(".toml")
    }
).all
ENVELOPE = {"/version", "/id", "/detail-type", "/source", "/account", "/time", "/region", "/resources/*"}


def document(name):
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def upper(pointer):
    head, mark, tail = pointer.partition("!")
    return "/".join(token[:1].upper() + token[1:] for token in head.split("/")) + mark + tail


def below(pointer):
    return f"/detail{pointer}"


def respelled(value, spell):
    """A document with every pointer in it spelled the other way."""
    if isinstance(value, dict):
        return {respelled(key, spell): respelled(inner, spell) for key, inner in value.items()}
    if isinstance(value, list):
        return [respelled(inner, spell) for inner in value]
    return spell(value) if isinstance(value, str) and re.match(r"/[a-z]", value) else value


@pytest.mark.parametrize(("name", "spell"), [("aws.guardduty.api", upper), ("aws.guardduty.event", below)])
def test_the_spellings_say_the_same(name, spell):
    expected, found = respelled(document("aws.guardduty"), spell), document(name)
    own = {"schema", "title", "ingest_time", "fields"}
    assert {k: v for k, v in found.items() if k not in own} == {
        k: v for k, v in expected.items() if k not in own
    }
    assert {p: f for p, f in found["fields"].items() if p not in ENVELOPE} == expected["fields"]


@pytest.mark.parametrize(("name", "spell"), [("api", upper), ("event", below)])
def test_the_spellings_have_the_same_signals(name, spell):
    found = {signal.id: signal for signal in SIGNALS if signal.schema == f"aws.guardduty.{name}"}
    plain = [signal for signal in SIGNALS if signal.schema == "aws.guardduty"]
    assert set(found) == {f"{signal.id}-{name}" for signal in plain}
    for one in plain:
        two = found[f"{one.id}-{name}"]
        assert [(spell(p), *rest) for p, *rest in one.when] == [tuple(clause) for clause in two.when]
        assert [(spell(p), *rest) for p, *rest in one.unless] == [tuple(clause) for clause in two.unless]
        assert tuple(map(spell, one.fields)) == two.fields
        assert tuple(map(spell, one.group)) == two.group
        assert (one.state, one.codes, one.attack, one.weight) == (
            two.state,
            two.codes,
            two.attack,
            two.weight,
        )
