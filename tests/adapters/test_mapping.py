"""Mapping files: what one says, what is wrong with one, and the records that come of it."""

import csv
import io
import json
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign import wiring
from countersign.adapters import dictionaries
from countersign.adapters.sources import mapping_form
from countersign.adapters.sources.csv_rows import Tables
from countersign.adapters.sources.mapping import load, shipped
from countersign.adapters.sources.unwrapping import Unwrapping, read_mapped
from countersign.core.canonical import format_time
from countersign.core.records.alerting import alert_of
from countersign.core.records.evidence import Incoming, Quarantined, Skipped
from countersign.core.records.fields import AlertRule, Field
from countersign.core.records.intake import receive
from countersign.core.records.observable import observables
from countersign.core.records.views import view
from countersign.errors import ConfigError

SHARED = dictionaries.bundled_files()
DOORS = """
kind = "csv"
name = "doors"
version = "1"
title = "Door"
product = "the doors"
time = ["/at"]
source = ["/door"]

[records]

[alert]
when = [["/result", "eq", "forced"]]
rule = { const = "Door forced" }
severity = { const = "high" }
trigger = ["/door"]

[fields]
"/at" = { type = "time", label = "time", taint = "system", format = "epoch_s" }
"/door" = { type = "host", label = "door", taint = "system" }
"/badge" = { type = "id", label = "badge", taint = "system" }
"/result" = { type = "enum", label = "result", taint = "system" }
"""
FILE = b"at,door,badge,result\n1700000000,d1,7,opened\n1700000001,d2,8,forced\n"
WRAPPED = """
kind = "json"
name = "wrapped"
version = 1
[records]
when = [["/batch", "prefix", ""]]
unwrap = ["/items/*"]
[fields]
"/batch" = { type = "id", label = "batch", taint = "system" }
"""
EVENT = {"EventID": 4625, "Channel": "Security", "Hostname": "ws-1.example.com"}


def mapping(text=DOORS, **changes):
    for old, new in changes.items():
        text = text.replace(old, new)
    return load(text.encode(), "a.toml", SHARED)


def changed(old, new, text=DOORS):
    assert old in text
    return load(text.replace(old, new).encode(), "a.toml", SHARED)


def taken(tmp_path, content, *mappings, fmt="auto", name="file.csv"):
    path = tmp_path / name
    path.write_bytes(content)
    return list(read_mapped([str(path)], fmt, None, mappings))


def raws(outcomes):
    return [outcome.raw for outcome in outcomes]


def test_a_row_with_its_header_is_a_record_of_the_mappings_schema(tmp_path):
    one, two = taken(tmp_path, FILE, mapping())

    assert ("csv.doors", "csv/1", 2) == (one.schema, one.parser, one.line)
    assert b"at,door,badge,result\n1700000000,d1,7,opened" == one.raw
    assert {"at": "1700000001", "door": "d2", "badge": "8", "result": "forced"} == two.view


def test_the_schema_is_compiled_by_the_dictionarys_own_code(tmp_path):
    doors = mapping()
    dictionary = wiring.dictionary([doors])
    _, forced = taken(tmp_path, FILE, doors)

    evidence, seen = receive(forced, dictionary)

    assert ("csv.doors/d2", 1700000001 * 10**9) == (evidence.source, evidence.event_ns)
    assert "Door forced" == alert_of(dictionary.schemas["csv.doors"], evidence, seen).rule


def test_the_digest_of_the_dictionary_covers_the_mapping():
    digests = {
        wiring.dictionary().digest,
        wiring.dictionary([mapping()]).digest,
        wiring.dictionary([changed("badge", "pass")]).digest,
    }

    assert 3 == len(digests)


def test_lines_may_end_in_crlf_and_may_be_empty(tmp_path):
    assert raws(taken(tmp_path, FILE, mapping())) == raws(
        taken(tmp_path, FILE.replace(b"\n", b"\r\n") + b"\r\n\r\n", mapping())
    )


def test_files_put_one_after_the_other_repeat_their_header(tmp_path):
    assert 4 == len(taken(tmp_path, FILE * 2, mapping()))


def test_a_quoted_cell_may_run_over_lines(tmp_path):
    content = b'at,door,badge,result\n1700000000,d1,"7\n\n8",opened\n1700000001,d2,8,forced\n'
    one, two = taken(tmp_path, content, mapping())

    assert ("7\n\n8", 2, 5) == (one.view["badge"], one.line, two.line)


def test_a_quote_that_never_closes_costs_its_own_line(tmp_path):
    content = FILE.replace(b"d1", b'"d1')
    bad, good = taken(tmp_path, content, mapping())

    assert (
        Quarantined(bad.file, 2, "a quote opens here and does not close", b'1700000000,"d1,7,opened') == bad
    )
    assert (3, "forced") == (good.line, good.view["result"])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"1700000000,d1,7", "3 cells, but the header has 4 columns"),
        (b"1700000000,d1,\xff,opened", "not valid UTF-8"),
        (b'1700000000,"d1"x,7,opened', "not CSV: ',' expected after '\"'"),
    ],
)
def test_a_row_that_is_none_is_quarantined_alone(tmp_path, row, reason):
    content = FILE + row + b"\n" + FILE.splitlines()[1] + b"\n"
    *_, bad, good = taken(tmp_path, content, mapping())

    assert (reason, row, 4) == (bad.reason, bad.raw, bad.line)
    assert isinstance(good, Incoming)


def test_a_table_with_other_columns_is_not_the_mappings(tmp_path):
    [outcome] = taken(tmp_path, b"when,what\n1,2\n", mapping())

    assert Skipped(outcome.file, "not a known format") == outcome


def test_the_columns_that_a_header_must_name_can_be_told(tmp_path):
    wider = changed("[records]", '[records]\ncolumns = ["at", "floor"]')

    assert isinstance(taken(tmp_path, FILE, wider)[0], Skipped)
    assert 1 == len(taken(tmp_path, b"floor,at\n2,1700000000\n", wider))


def test_columns_can_be_named_by_the_mapping_where_the_file_does_not(tmp_path):
    bare = changed("[records]", '[records]\ndelimiter = ";"\nheader = ["at", "door", "badge", "result"]')
    one, _ = taken(tmp_path, b"1700000000;d1;7;opened\n1700000001;d2;8;forced\n", bare)

    assert (1, "csv-semicolon/1") == (one.line, one.parser)
    assert b"at;door;badge;result\n1700000000;d1;7;opened" == one.raw
    assert one.view == view(one.raw, one.parser)
    assert isinstance(taken(tmp_path, b"a;b;c;d\n1;2;3;4\n", bare)[0], Skipped), "no time that can be read"


def test_a_row_that_the_mapping_is_not_for_is_kept_in_quarantine(tmp_path):
    some = changed("[records]", '[records]\nwhen = [["/result", "eq", "forced"]]')
    one, two = taken(tmp_path, FILE, some)

    assert "the mapping csv.doors is not for this row" == one.reason
    assert "forced" == two.view["result"]


def test_the_format_can_be_forced(tmp_path):
    outcomes = taken(tmp_path, b"x,y\n1,2\n", mapping(), fmt="csv.doors")

    assert [{"x": "1", "y": "2"}] == [outcome.view for outcome in outcomes]


@pytest.mark.parametrize("content", [b"", b"\n\n", b"at,door,badge,result\n"])
def test_a_table_without_rows_is_skipped(tmp_path, content):
    [outcome] = taken(tmp_path, content, mapping(), fmt="csv.doors")

    assert isinstance(outcome, Skipped)


def test_a_header_that_cannot_be_read_quarantines_every_line(tmp_path):
    content = b"a,\xff\n1,2\n3,4\n"
    outcomes = taken(tmp_path, content, mapping(), fmt="csv.doors")

    assert {"not valid UTF-8"} == {outcome.reason for outcome in outcomes}
    assert content.splitlines() == raws(outcomes)


PIECES = st.sampled_from([b"1", b"d", b",", b",", b"\n", b"\n", b'"', b'""', b"\r\n", b"\xff", b" ", b"\x00"])


@given(st.lists(PIECES, max_size=60).map(b"".join), st.sampled_from(['"', ""]))
def test_every_byte_of_a_table_comes_out_once_and_is_read_as_the_parser_reads_it(body, quote):
    doors = changed("[records]", f"[records]\nquote = '{quote}'")
    header = b"at,door,badge,result"
    outcomes = list(Tables(doors, doors.records).read(iter([header + b"\n" + body]), "f", None))
    rows = [o for o in outcomes if not isinstance(o, Skipped)]

    found = [o.raw.removeprefix(header + b"\n") if isinstance(o, Incoming) else o.raw for o in rows]
    full = [line.strip(b"\r ") for line in body.split(b"\n")]
    assert b"".join(full).replace(b"\r", b"") == b"".join(
        part.strip(b"\r ") for raw in found for part in raw.split(b"\n")
    ).replace(b"\r", b"")
    assert all(o.view == view(o.raw, o.parser) for o in rows if isinstance(o, Incoming))


@given(
    st.lists(
        st.lists(st.text(max_size=6).filter(lambda t: "\r" not in t), min_size=4, max_size=4), max_size=6
    )
)
def test_a_table_that_another_writer_wrote_is_read_as_it_meant_it(table):
    wanted = [row for row in table if "".join(row).strip() and row != ["at", "door", "badge", "result"]]
    written = io.StringIO()
    csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(wanted)
    content = b"at,door,badge,result\n" + written.getvalue().encode("utf-8", "surrogatepass")
    doors = mapping()

    found = [
        o for o in Tables(doors, doors.records).read(iter([content]), "f", None) if isinstance(o, Incoming)
    ]

    assert wanted == [list(outcome.view.values()) for outcome in found]


def test_many_quotes_that_do_not_close_are_read_in_linear_time():
    doors = mapping()
    body = b'"x,\n' * 50_000 + b'"\n' + b'""\n' * 50_000
    content = iter([b"at,door,badge,result\n", body])

    assert 1 <= sum(1 for _ in Tables(doors, doors.records).read(content, "f", None))


# JSON


def jsonl(*documents):
    return b"\n".join(json.dumps(document).encode() for document in documents) + b"\n"


def test_what_a_document_wraps_comes_out_exactly_as_its_bytes_stand(tmp_path):
    inner = b'{ "EventID":4625,  "Channel":"Sec\\u0075rity" }'
    outer = b'{"batch": 1, "items": [' + inner + b"]}"
    outcomes = taken(tmp_path, outer + b"\n", mapping(WRAPPED), name="a.jsonl")

    assert [("json.wrapped", outer, 1), ("windows.event", inner, 1)] == [
        (o.schema, o.raw, o.line) for o in outcomes
    ]


def test_the_outer_document_need_be_no_record(tmp_path):
    inner_only = changed("unwrap", "outer = false\nunwrap", WRAPPED)
    content = jsonl({"batch": 1, "items": [EVENT, EVENT]}, {"batch": 2}, {"other": 1})
    outcomes = taken(tmp_path, content, inner_only, name="a.jsonl")

    assert ["windows.event", "windows.event", "nothing to unwrap at /items/*", "json.unknown"] == [
        o.reason if isinstance(o, Quarantined) else o.schema for o in outcomes
    ]


@pytest.mark.parametrize(
    ("pointer", "items", "expected"),
    [
        ("/items", EVENT, ["windows.event"]),
        ("/items", [EVENT, None, EVENT], ["windows.event", "windows.event"]),
        ("/items/*/log", {"x": {"log": EVENT}, "y": {"no": 1}}, ["windows.event"]),
        ("/items/1", [EVENT, {"a": 1}], ["json.unknown"]),
        ("/items/a~1b", {"a/b": EVENT}, ["windows.event"]),
        ("/items/x", [EVENT], []),
        ("/items/*", [3, EVENT], ["unwrapped: a single value instead of a record", "windows.event"]),
        ("/items", json.dumps(EVENT), ["windows.event"]),
        ("/items", "\n".join([json.dumps(EVENT)] * 2), ["windows.event", "windows.event"]),
        ("/items", "words only", ["an unwrapped text: not a known format"]),
        ("/items", "", ["an unwrapped text: empty"]),
    ],
)
def test_pointers_lead_to_records(tmp_path, pointer, items, expected):
    content = jsonl({"batch": 1, "items": items})
    found = taken(tmp_path, content, changed("/items/*", pointer, WRAPPED), name="a.jsonl")

    assert expected == [o.reason if isinstance(o, Quarantined) else o.schema for o in found[1:]]
    assert {1} == {o.line for o in found}


def test_a_mapping_is_not_used_on_what_it_unwrapped_itself(tmp_path):
    content = jsonl({"batch": 1, "items": [{"batch": 2, "items": [EVENT]}]})
    outcomes = taken(tmp_path, content, mapping(WRAPPED), name="a.jsonl")

    assert ["json.wrapped", "json.unknown"] == [o.schema for o in outcomes]


def test_another_mapping_may_know_what_was_unwrapped(tmp_path):
    notes = WRAPPED.replace("wrapped", "notes").replace("batch", "note").replace('unwrap = ["/items/*"]', "")
    content = jsonl({"batch": 1, "items": [{"note": "x"}]})
    outcomes = taken(tmp_path, content, mapping(WRAPPED), mapping(notes), name="a.jsonl")

    assert ["json.wrapped", "json.notes"] == [o.schema for o in outcomes]


def test_a_record_that_the_mapping_is_for_has_its_schema_whatever_it_looks_like(tmp_path):
    text = WRAPPED.replace("/batch", "/EventID").replace('unwrap = ["/items/*"]', "")

    assert ["json.wrapped"] == [o.schema for o in taken(tmp_path, jsonl(EVENT), mapping(text), name="a.json")]


def test_a_forced_json_mapping_takes_every_record(tmp_path):
    content = jsonl({"items": [EVENT]}, {"x": 1})
    outcomes = taken(tmp_path, content, mapping(WRAPPED), fmt="json.wrapped", name="a.jsonl")

    assert ["json.wrapped", "windows.event", "json.wrapped"] == [o.schema for o in outcomes]


# What is wrong with one


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "csv"', "", "missing required field `kind`"),
        ('kind = "csv"', 'kind = "xml"', "kind: Invalid enum value 'xml'"),
        ('name = "doors"', 'name = "My Doors"', "name: 'My Doors' is no name"),
        ('version = "1"', 'version = "1.2"', "version: '1.2' is no version"),
        ('kind = "csv"', 'kind = "csv"\nschema = "x.y"', "schema: it follows from the mapping itself"),
        ('kind = "csv"', 'kind = "csv"\nbase = "nothing.toml"', "base: there is no 'nothing.toml'"),
        ('kind = "csv"', 'kind = "csv"\ncolour = "red"', "contains unknown field `colour`"),
        ("[records]", '[records]\ndelimeter = ","', "records: it contains unknown field `delimeter`"),
        ("[records]", '[records]\ndelimiter = "x"', "records.delimiter: 'x' cannot separate cells"),
        ("[records]", "[records]\nquote = 'x'", "records.quote: Invalid enum value 'x'"),
        ("[records]", '[records]\nheader = ["at"]\ncolumns = ["at"]', "records.columns: it stands beside header"),
        ("[records]", '[records]\nheader = ["at", "at"]', "records.header: two columns"),
        ("[records]", '[records]\nheader = ["at", "a,b"]', "records.header: a name holds a delimiter"),
        ("[records]", '[records]\nheader = ["at", "door", "badge"]', "fields./result: the header has no column"),
        ("[records]", '[records]\nwhen = [["/floor", "eq", 1]]', "records.when: '/floor' is not listed"),
        ("[records]", '[records]\nwhen = [["/door", "like", 1]]', "records.when[0][1]: Invalid enum value 'like'"),
        ('"/at" =', '"at" =', "fields.at: it is no pointer"),
        ('type = "host"', 'type = "machine"', "fields./door.type: Invalid enum value 'machine'"),
        ('type = "host"', 'kind = "host"', "fields./door: it"),
        ('label = "badge"', 'sensitivity = "secret"', "fields./badge: a secret of type id"),
        ('time = ["/at"]', 'time = ["/when"]', "time: '/when' is not listed under [fields]"),
        ('time = ["/at"]', 'time = ["/door"]', "time: '/door' is not of type time"),
        ('trigger = ["/door"]', 'trigger = ["/gate"]', "alert: '/gate' is not listed"),
        ('severity = { const = "high" }', 'severity = { const = "severe" }', "alert.severity"),
        ("[fields]", '[[relation]]\nname = "opened"\nroles = {}\n[fields]', "relation 1.name: there is no relation"),
        ("[fields]", '[[relation]]\nname = "logon"\nroles = { door = "/door" }\n[fields]', "no role 'door'"),
        ("[fields]", '[fields]\n"/x!/y" = { type = "text" }', "fields./x!/y: '/x' has no embed"),
        ("[records]", "[records", "is no mapping"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_key_and_what_to_do(old, new, said):
    with pytest.raises(ConfigError) as refused:
        changed(old, new)

    assert str(refused.value).startswith("a.toml")
    assert said in str(refused.value)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('when = [["/batch", "prefix", ""]]', "", "records: it missing required field `when`"),
        ('["/items/*"]', '["items"]', "records.unwrap: 'items' is no pointer"),
        ('["/items/*"]', '["/items!/x"]', "records.unwrap"),
        ('unwrap = ["/items/*"]', "outer = false", "records.outer: false, and nothing is unwrapped"),
        ("unwrap", "delimiter", "records: it contains unknown field `delimiter`"),
    ],
)
def test_what_is_wrong_with_a_mapping_for_json_is_said_too(old, new, said):
    with pytest.raises(ConfigError) as refused:
        changed(old, new, WRAPPED)

    assert said in str(refused.value)


@given(st.binary(max_size=80))
def test_bytes_that_are_no_mapping_are_refused(raw):
    with pytest.raises(ConfigError):
        load(raw, "x", SHARED)


def test_a_mapping_may_stand_on_a_dictionary_that_comes_with_the_program():
    text = WRAPPED.replace("version = 1", 'version = 1\nbase = "windows.event.toml"')

    schema = mapping(text).schema

    assert ("json.wrapped", "json/1") == (schema.name, schema.parser)
    assert "host" == schema.field("/Hostname").type


def test_a_mapping_may_say_of_fields_and_alerts_all_that_a_dictionary_may():
    compiled = {"rule_const", "severity_const", "severity_bands"}

    assert set(Field.__struct_fields__) - {"pointer"} == set(mapping_form.Field.__struct_fields__)
    assert set(AlertRule.__struct_fields__) - compiled == set(mapping_form.Alert.__struct_fields__)


# The shipped ones


@pytest.mark.parametrize("name", sorted(shipped(SHARED)))
def test_a_shipped_mapping_is_called_like_its_file_and_says_label_and_taint_of_every_field(name):
    one = shipped(SHARED)[name]

    assert name == one.name.partition(".")[2]
    assert all(field.label and field.taint for field in one.schema.fields)
    assert one.schema.title != one.schema.product or one.schema.title


def test_mappings_come_along_as_package_data():
    folder = files("countersign.adapters.sources").joinpath("mappings")

    assert {"ait-ads.toml", "ocsf-pairs.toml", "panther-tests.toml", "sigma-regression.toml"} <= {
        file.name for file in folder.iterdir()
    }


def test_the_labels_of_the_ait_alerts_mean_nothing():
    schema = shipped(SHARED)["ait-ads"].schema

    assert [None, None] == [schema.field("/time_label"), schema.field("/event_label")]
    assert {"/time_label", "/event_label"} == schema.ignored


def alert_and_observables(name, outcome):
    dictionary = wiring.dictionary(wiring.mappings([name]))
    schema = dictionary.schemas[outcome.schema]
    evidence, seen = receive(outcome, dictionary)
    found = {f"{one.type} {one.value}" for one, _ in observables(schema, seen)}
    return alert_of(schema, evidence, seen), found


def test_an_ait_row_is_an_alert_that_host_and_address_join(tmp_path):
    content = b"time,name,ip,host,short,time_label,event_label\n1700000000,Suricata: Alert - X,192.0.2.4,mail,S-X,dirb,-\n"
    [row] = taken(tmp_path, content, shipped(SHARED)["ait-ads"])

    alert, found = alert_and_observables("ait-ads", row)

    assert ("Suricata: Alert - X", "medium", 1700000000 * 10**9) == (
        alert.rule,
        alert.severity,
        alert.event_ns,
    )
    assert {"ip 192.0.2.4", "host mail"} == found


def test_a_sigma_document_is_an_alert_that_its_events_are_joined_to(tmp_path):
    system = {
        "EventID": 1,
        "Computer": "ws-1.example.com",
        "TimeCreated": {"#attributes": {"SystemTime": "2025-01-02T03:04:05Z"}},
    }
    event = {"Event": {"System": system, "EventData": {"User": "CORP\\jdoe", "Image": "C:\\x.exe"}}}
    rule = {
        "id": "11111111-2222-3333-4444-555555555555",
        "title": "A rule",
        "level": "informational",
        "tags": ["attack.t1059"],
    }
    content = jsonl({"rule": rule, "expected": "match", "events": [event]})
    outer, inner = taken(tmp_path, content, shipped(SHARED)["sigma-regression"], name="a.jsonl")

    alert, found = alert_and_observables("sigma-regression", outer)

    assert ("A rule", "low", "windows.event") == (alert.rule, alert.severity, inner.schema)
    assert "2025-01-02T03:04:05Z" == format_time(alert.event_ns)
    assert {"host ws-1", "user jdoe"} <= found & alert_and_observables("sigma-regression", inner)[1]


def test_a_detection_test_gives_its_record_and_no_word_of_the_answer(tmp_path):
    content = jsonl({"rule_id": "R.1", "test_name": "fires", "expected_alert": True, "log": EVENT})
    outcomes = taken(tmp_path, content, shipped(SHARED)["panther-tests"], name="a.jsonl")

    assert [("windows.event", EVENT)] == [(o.schema, o.view) for o in outcomes]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (EVENT, ["windows.event", "json.unknown"]),
        (json.dumps(EVENT), ["windows.event", "json.unknown"]),
        ("no such format", ["an unwrapped text: not a known format", "json.unknown"]),
    ],
)
def test_both_halves_of_a_pair_come_out(tmp_path, raw, expected):
    content = jsonl({"product": "x", "path": "y", "raw_is_json": True, "raw": raw, "ocsf": [{"some": 1}]})
    outcomes = taken(tmp_path, content, shipped(SHARED)["ocsf-pairs"], name="a.jsonl")

    assert expected == [o.reason if isinstance(o, Quarantined) else o.schema for o in outcomes]


# Whatever comes


LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(json.dumps(EVENT))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abé/"), inner, max_size=3),
)
STEPS = st.lists(st.sampled_from(["a", "b", "*", "0", "1", "~1"]), max_size=3)


@given(TREES, STEPS, st.booleans())
def test_any_document_is_unwrapped_without_losing_a_byte_of_what_comes_out(tree, steps, outer):
    pointer = "/".join(["/items", *steps])
    wrapped = changed("/items/*", pointer, WRAPPED.replace("unwrap", f"outer = {str(outer).lower()}\nunwrap"))
    raw = json.dumps({"batch": 1, "items": tree}, indent=1, ensure_ascii=False).encode()
    record = Incoming("json.unknown", "json/1", raw, "f", 1)

    for outcome in Unwrapping([], [wrapped]).all([record]):
        if isinstance(outcome, Incoming):
            assert outcome.view == view(outcome.raw, outcome.parser)
            assert outcome.raw in raw or outcome.raw == json.dumps(EVENT).encode()


@given(
    st.binary(max_size=300),
    st.sampled_from(['"', ""]),
    st.sampled_from([",", ";", "\\t", "|"]),
    st.booleans(),
)
def test_any_bytes_are_read_as_a_table_or_refused(raw, quote, delimiter, named):
    header = 'header = ["at", "door", "badge", "result"]' if named else ""
    doors = changed("[records]", f"[records]\nquote = '{quote}'\ndelimiter = \"{delimiter}\"\n{header}")
    tables = Tables(doors, doors.records)

    tables.starts_like(raw, "f")

    assert all(isinstance(o, Incoming | Quarantined | Skipped) for o in tables.read(iter([raw]), "f", None))
