"""Zeek logs out of files: which log a record is from, and the exact bytes of a record of each form."""

import io
import json
from pathlib import Path

import pytest

from countersign.adapters.dictionaries import bundled
from countersign.adapters.sources import read, zeek, zeek_tsv
from countersign.core.ids import evidence_id
from countersign.core.records.evidence import Incoming, Quarantined, Skipped
from countersign.core.records.observable import Observable, observables
from countersign.core.records.views import view

GOLDEN = [
    case
    for path in sorted(Path(__file__).parents[1].joinpath("core/golden").glob("zeek.*.json"))
    for case in json.loads(path.read_text(encoding="utf-8"))
]
NAMED_ONLY = {"zeek.known_hosts", "zeek.loaded_scripts", "zeek.reporter"}

HEADER = b"""#separator \\x09
#set_separator\t,
#empty_field\t(empty)
#unset_field\t-
#path\tconn
#open\t2025-05-06-07-08-09
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tconn_state\tmissed_bytes
#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tcount"""
LINE = b"1746515289.250000\tCexampleUid000001a\t192.0.2.10\t40001\t198.51.100.7\t80\ttcp\tSF\t0"
CLOSE = b"#close\t2025-05-06-08-00-00"
DNS = b"#separator \\x09\n#path\tdns\n#fields\tts\tuid\tquery\n#types\ttime\tstring\tstring"


def outcomes(content, fmt="auto"):
    return list(read(["-"], fmt, stdin=io.BytesIO(content)))


def file_of(*parts):
    return b"\n".join(parts) + b"\n"


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: f"{case['schema']}: {case['name']}")
def test_a_record_is_known_with_and_without_the_name_of_its_log(case):
    nameless = {key: value for key, value in case["record"].items() if key != "_path"}

    assert zeek.schema_of({"_path": case["schema"][5:], **case["record"]}) == case["schema"]
    assert zeek.schema_of(nameless) in {case["schema"], None}


def test_every_log_with_marks_is_known_by_its_fields_on_some_record():
    nameless = [{k: v for k, v in case["record"].items() if k != "_path"} for case in GOLDEN]

    assert {zeek.schema_of(record) for record in nameless} - {None} == set(zeek.SCHEMAS) - NAMED_ONLY


def test_a_log_under_another_name_is_known_by_its_fields():
    said = next(case["record"] for case in GOLDEN if case["schema"] == "zeek.conn")

    assert zeek.schema_of({**said, "_path": "conn_long"}) == "zeek.conn"


@pytest.mark.parametrize(
    "record",
    [{"_path": "conn"}, {"ts": 1, "host": "192.0.2.1"}, {"ts": 1, "note": "x"}, {"_path": ["conn"], "ts": 1}],
)
def test_what_could_be_anything_has_no_schema(record):
    assert zeek.schema_of(record) is None


def test_the_record_is_its_header_and_its_line_to_the_byte():
    [found] = outcomes(file_of(HEADER, LINE, CLOSE))

    assert found == Incoming("zeek.conn", "zeek-tsv/1", HEADER + b"\n" + LINE, "-", 9)
    assert found.view == view(found.raw, "zeek-tsv/1")


def test_windows_line_ends_stay_in_the_header_and_leave_the_line():
    content = file_of(HEADER, LINE).replace(b"\n", b"\r\n")
    [found] = outcomes(content)

    assert found.raw == content.removesuffix(b"\r\n")
    assert found.view == view(HEADER + b"\n" + LINE, "zeek-tsv/1")


def test_logs_one_after_the_other_each_have_their_own_header():
    found = outcomes(
        file_of(HEADER, LINE, CLOSE, DNS, b"1746515289.5\tCexampleUid000001a\tportal.example", CLOSE)
    )

    assert [(one.line, one.view["_path"]) for one in found] == [(9, "conn"), (15, "dns")]


def test_a_damaged_line_is_quarantined_and_the_next_one_is_read():
    found = outcomes(file_of(HEADER, LINE[:40], LINE))

    assert [type(one) for one in found] == [Quarantined, Incoming]
    assert (found[0].line, found[0].raw) == (9, HEADER + b"\n" + LINE[:40])
    assert found[0].reason == "3 values under a header of 9 columns"


def test_a_header_that_is_too_long_names_no_fields_and_loses_no_line():
    found = outcomes(file_of(b"#separator \\x09", b"#fields\t" + b"a" * 70_000, LINE))

    assert found == [
        Quarantined("-", 3, "a line of a Zeek log without the header that names its fields", LINE)
    ]


def test_a_log_without_records_is_skipped():
    assert outcomes(file_of(HEADER, CLOSE)) == [Skipped("-", "a Zeek log without records")]


def test_a_log_of_no_known_name_is_evidence_without_a_schema():
    [found] = outcomes(file_of(DNS.replace(b"dns", b"home_made"), b"1746515289.5\tx\ty"))

    assert (found.schema, found.parser) == ("json.unknown", "zeek-tsv/1")


def test_a_format_that_is_asked_for_is_read_in_either_form():
    said = next(case["record"] for case in GOLDEN if case["schema"] == "zeek.conn")
    both = [*outcomes(file_of(HEADER, LINE), "zeek.conn"), *outcomes(json.dumps(said).encode(), "zeek.conn")]

    assert [(one.schema, one.parser) for one in both] == [
        ("zeek.conn", "zeek-tsv/1"),
        ("zeek.conn", "json/1"),
    ]


@pytest.mark.parametrize(
    "head", [b"#!/bin/sh\necho", b"# fields\ta", b"#", b"", b'{"a": 1}', b"ts\tuid\n1\t2"]
)
def test_other_text_is_not_taken_for_a_zeek_log(head):
    assert not zeek_tsv.starts_like(head, "conn.log")


def test_records_of_one_connection_share_its_id_in_all_three_forms():
    """Dotted keys, nested keys, and Zeek's own format."""
    schema = bundled().schemas["zeek.conn"]
    flat = {"uid": "CexampleUid000001a", "id.orig_h": "192.0.2.10", "id.resp_h": "198.51.100.7"}
    nested = {"uid": flat["uid"], "id": {"orig_h": flat["id.orig_h"], "resp_h": flat["id.resp_h"]}}
    found = [
        {one for one, _ in observables(schema, seen)}
        for seen in (flat, nested, view(HEADER + b"\n" + LINE, "zeek-tsv/1"))
    ]

    assert found[0] == found[1] == found[2]
    assert Observable("id", "CexampleUid000001a") in found[0]


def test_the_same_line_under_the_same_header_is_the_same_evidence():
    one, other = outcomes(file_of(HEADER, LINE, LINE))

    assert evidence_id(one.raw) == evidence_id(other.raw)
