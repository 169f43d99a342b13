"""The pages on mappings are held against the program: every key has its heading, and the examples run."""

import re
from pathlib import Path

import pytest

from countersign import wiring
from countersign.adapters import dictionaries
from countersign.adapters.sources import mapping_form as form
from countersign.adapters.sources.mapping import load
from countersign.core.records.csv_rows import DELIMITERS
from countersign.core.records.evidence import Incoming

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "formats" / "mapping.md").read_text("utf-8")
DICTIONARY = (DOCS / "formats" / "dictionary.md").read_text("utf-8")
HOWTO = (DOCS / "howto" / "map-your-own.md").read_text("utf-8")
KEYS = {key for kind in (form.Document, form.Csv, form.Json) for key in kind.__struct_fields__}


def block(language, number=0):
    return re.findall(rf"^```{language}\n(.*?)^```", HOWTO, re.MULTILINE | re.DOTALL)[number]


@pytest.mark.parametrize("key", sorted(KEYS))
def test_every_key_of_a_mapping_has_its_heading(key):
    assert re.search(rf"^### `{key}`$", PAGE, re.MULTILINE)


def test_no_key_is_told_that_does_not_exist():
    assert KEYS == set(re.findall(r"^### `(\w+)`$", PAGE, re.MULTILINE))


@pytest.mark.parametrize("key", [*form.Field.__struct_fields__, *form.Alert.__struct_fields__])
def test_every_key_of_a_field_and_of_an_alert_has_its_row_with_the_dictionary(key):
    assert re.search(rf"^\| [^|]*`{key}`", DICTIONARY, re.MULTILINE)


def test_the_words_of_a_field_are_those_of_the_dictionary():
    told = re.search(r"^\| `type` \| ([^|]+) \|", DICTIONARY, re.MULTILINE)[1].split()
    roles = re.search(r"^\| `role` \| ([^|]+) \|", DICTIONARY, re.MULTILINE)[1].split()

    assert set(told) == set(form.Field.__annotations__["type"].__args__)
    assert set(roles) == set(form.Field.__annotations__["role"].__args__) - {""}


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_every_delimiter_is_told(delimiter):
    assert repr(delimiter).replace("'", '"') in PAGE


@pytest.mark.parametrize("name", ["ait-ads", "sigma-regression", "panther-tests", "ocsf-pairs"])
def test_every_shipped_mapping_is_told_by_name(name):
    assert f"`{name}`" in PAGE
    assert wiring.mappings([name])


def test_the_example_reads_its_table(tmp_path):
    (tmp_path / "doors.toml").write_text(block("toml"))
    (tmp_path / "doors.csv").write_text(block("csv"))
    mapped = wiring.mappings([str(tmp_path / "doors.toml")])

    outcomes = list(wiring.incoming([str(tmp_path / "doors.csv")], "auto", None, mapped))

    assert ["csv.doors", "csv.doors"] == [o.schema for o in outcomes if isinstance(o, Incoming)]


def test_the_example_of_a_document_is_a_mapping():
    assert "json.search-result" == load(block("toml", 1).encode(), "x", dictionaries.bundled_files()).name
