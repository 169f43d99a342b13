"""A folder of real Zeek logs comes in whole, and says the same in Zeek's own format as in JSON."""

import io
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from countersign.adapters.dictionaries import bundled
from countersign.adapters.sources import read
from countersign.core.canonical import canon, format_time, parse_time
from countersign.core.ids import evidence_id
from countersign.core.records.evidence import Incoming, Quarantined, Skipped
from countersign.core.records.fields import walk
from shared_data import shared_folder

NAME = "zeek-wrccdc-2018"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")
COUNTED = re.compile(r"^- `(\w+)\.jsonl`: (\d+) records", re.MULTILINE)


@pytest.fixture(scope="module")
def found():
    return list(read([shared_folder(NAME)]))


def test_as_many_records_come_in_as_the_folder_says_of_itself(found):
    told = COUNTED.findall((shared_folder(NAME) / "SOURCE.md").read_text(encoding="utf-8"))
    records = [one for one in found if isinstance(one, Incoming)]

    assert {f"zeek.{log}": int(number) for log, number in told} == Counter(one.schema for one in records)
    assert [one for one in found if isinstance(one, Quarantined)] == []
    assert [Path(one.file).name for one in found if isinstance(one, Skipped)] == ["SOURCE.md"]
    assert len({evidence_id(one.raw) for one in records}) == len(records) == 28805


def test_every_field_has_a_type(found):
    known = {(r.schema, p): field for r in found if isinstance(r, Incoming) for p, field, _ in leaves(r)}

    assert len({(schema, re.sub(r"/\d+", "/*", pointer)) for schema, pointer in known}) > 400
    assert [key for key, field in known.items() if field is None] == []


def test_every_log_but_the_list_of_scripts_has_a_time(found):
    timeless = {
        r.schema
        for r in found
        if isinstance(r, Incoming) and bundled().schemas[r.schema].event_ns(r.view) is None
    }

    assert timeless == {"zeek.loaded_scripts"}


def test_written_in_zeeks_own_format_the_records_say_the_same(found):
    """Every record: its JSON, written as Zeek's ASCII writer would have, gives the same typed values."""
    by_log = {}
    for record in found:
        if isinstance(record, Incoming):
            by_log.setdefault(record.schema, []).append(record)
    for schema, records in by_log.items():
        content = written(schema[5:], [record.view for record in records])
        again = list(read(["-"], stdin=io.BytesIO(content)))
        assert Counter(type(one) for one in again) == {Incoming: len(records)}, schema
        assert {one.schema for one in again} == {schema}
        differing = [(a.view, b.view) for a, b in zip(records, again, strict=True) if typed(a) != typed(b)]
        assert differing == [], schema


def leaves(record):
    return walk(bundled().schemas[record.schema], record.view)


def typed(record):
    """Typed values; Zeek's own format writes the list of one empty text as it writes the empty list."""
    lists = {f"/{name}/0" for name, value in record.view.items() if value == [""]}
    return {p: canon(field.type, value, field.format) for p, field, value in leaves(record) if p not in lists}


def written(log, views):
    """The log as Zeek's ASCII writer puts it."""
    names = list(dict.fromkeys(name for seen in views for name in seen if name != "_path"))
    kinds = {name: kind_of([seen[name] for seen in views if name in seen]) for name in names}
    lines = [
        r"#separator \x09",
        "#set_separator\t,",
        "#empty_field\t(empty)",
        "#unset_field\t-",
        f"#path\t{log}",
        "\t".join(["#fields", *names]),
        "\t".join(["#types", *kinds.values()]),
    ]
    lines += ["\t".join(cell(seen.get(name), kinds[name]) for name in names) for seen in views]
    return ("\n".join(lines) + "\n#close\t2018-03-24-18-00-00\n").encode()


def kind_of(values):
    if isinstance(values[0], list):
        inner = [one for value in values for one in value]
        return f"vector[{kind_of(inner) if inner else 'string'}]"
    types = {type(value) for value in values}
    if types <= {str}:
        return "time" if all(map(MOMENT.fullmatch, values)) else "string"
    return "bool" if types == {bool} else "count" if types == {int} else "double"


def cell(value, kind):
    if value is None:
        return "-"
    if isinstance(value, list):
        return ",".join(cell(one, kind[7:-1]).replace(",", r"\x2c") for one in value) or "(empty)"
    if kind == "time":
        return f"{Decimal(parse_time(value)) / 10**9:f}"
    if kind == "bool":
        return "T" if value else "F"
    return str(value) if kind in {"count", "double"} else escaped(value)


def escaped(text):
    if text in {"-", "(empty)"}:
        return f"\\x{ord(text[0]):02x}{text[1:]}"
    plain = text.replace("\\", "\\\\").encode()
    return "".join(chr(b) if 32 <= b < 127 else f"\\x{b:02x}" for b in plain) or "(empty)"


def test_the_writer_of_this_file_writes_times_as_seconds():
    assert cell("2018-03-24T17:15:20.600725Z", "time") == "1521911720.600725"
    assert format_time(1521911720600725000) == "2018-03-24T17:15:20.600725Z"
