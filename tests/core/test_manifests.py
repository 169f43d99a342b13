"""Coverage manifests and references: every malformed shape is a ValueError that says so, and nothing is guessed."""

import json

import pytest

from countersign.core.claims.coverage import parse_coverage
from countersign.core.claims.reference import parse_reference

DAY = {"from": "2025-01-01T00:00:00Z", "to": "2025-01-02T00:00:00Z"}
ROW = {"source": "s", "schema": "suricata.eve", **DAY, "complete": True, "limit_hit": False}
LIST = {
    "kb": "k",
    "kb_version": "1",
    "kind": "allow_list",
    "loaded_at": "2025-01-01T00:00:00Z",
    "entries": [],
}
DEEP = 200_000


def row(**changes):
    return json.dumps([ROW | changes]).encode()


def register(**changes):
    return json.dumps(LIST | changes).encode()


def test_a_manifest_with_every_kind_of_clause_is_read_and_written_alike():
    where = [
        ["/src_ip", "eq", "10.0.0.1"],
        ["/dest_port", "lt", 1024],
        ["/x", "eq", True],
        ["/score", "ge", 0.5],
    ]
    [read] = parse_coverage(row(where=where))
    assert where == read.document()["where"]
    assert (read,) == parse_coverage(json.dumps([read.document()]).encode())


@pytest.mark.parametrize(
    "where",
    [
        {}, "x", 1, None, [1], ["abc"], [[]], [["/a", "eq"]], [["/a", "eq", 1, 2]], [["a", "eq", 1]], [[1, "eq", 1]],
        [["/a", "like", 1]], [["/a", [], 1]], [["/a", {}, 1]], [["/a", "eq", None]], [["/a", "eq", []]],
        [["/a", "eq", {}]], [["/a", "contains", "ab"]], [["/a", "lt", True]], [["/a", "in_cidr", 8]],
        [["/a", "eq", 2**53]], [["/a", "eq", "\ud800"]],
    ],
)  # fmt: skip
def test_where_is_an_array_of_clauses(where):
    with pytest.raises(ValueError, match="coverage row 1"):
        parse_coverage(row(where=where))


@pytest.mark.parametrize("number", ["1e390", "0.12345678901234567890123"])
def test_a_clause_holds_no_number_that_would_change_when_written_again(number):
    with pytest.raises(ValueError, match="a double holds"):
        parse_coverage(row(where=[["/a", "eq", 7]]).replace(b"7]", number.encode() + b"]"))


@pytest.mark.parametrize("key", [*ROW, "where", "query_id", "reason"])
@pytest.mark.parametrize("value", [None, 1, 1.5, [], {}, [[]], "\ud800"])
def test_a_row_takes_no_value_of_another_shape(key, value):
    if (key, value) != ("where", []):
        with pytest.raises(ValueError, match="coverage row 1"):
            parse_coverage(row(**{key: value}))


@pytest.mark.parametrize("data", [b"", b"{}", b"1", b"null", b"\xff", b"[1]", b"[[]]", b"[{}]", b"[NaN]"])
def test_what_is_no_manifest_is_refused(data):
    for parse in (parse_coverage, parse_reference):
        with pytest.raises(ValueError, match=r"."):
            parse(data)


def test_a_doubled_key_is_refused():
    with pytest.raises(ValueError, match="twice"):
        parse_coverage(row().replace(b'"complete": true', b'"complete": false, "complete": true'))
    with pytest.raises(ValueError, match="twice"):
        parse_reference(register().replace(b'"kb": "k"', b'"kb": "k", "kb": "j"'))


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"where":'])
def test_huge_nesting_is_refused(opening):
    for parse in (parse_coverage, parse_reference):
        with pytest.raises(ValueError, match=r"."):
            parse(opening * DEEP)
    with pytest.raises(ValueError, match="deep"):
        parse_coverage(b"[" * DEEP + b"]" * DEEP)


@pytest.mark.parametrize("key", LIST)
@pytest.mark.parametrize("value", [None, 1, 1.5, {}, [[]], [1], ["x"], "\ud800"])
def test_a_reference_takes_no_value_of_another_shape(key, value):
    with pytest.raises(ValueError, match=r"."):
        parse_reference(register(**{key: value}))


@pytest.mark.parametrize(
    "entry", [{}, {"key": ""}, {"key": 1}, {"key": "k", "x": None}, {"key": "k", "x": []}, []]
)
def test_an_entry_is_an_object_with_a_key_and_plain_fields(entry):
    with pytest.raises(ValueError, match="entry 1"):
        parse_reference(register(entries=[entry]))


@pytest.mark.parametrize(
    "number", ["1e401", "1e-401", "1e999999999999999999999", "0e999", "9" * 401, "-Infinity"]
)
def test_a_number_out_of_all_bounds_is_refused(number):
    entry = register(entries=[{"key": "k", "x": 7}]).replace(b"7}", number.encode() + b"}")
    with pytest.raises(ValueError, match=r"number|JSON"):
        parse_reference(entry)


@pytest.mark.parametrize("days", [0, -1, 36_501, 1e300, True, "7", None])
def test_a_time_to_live_is_bounded(days):
    with pytest.raises(ValueError, match=r"ttl_days|number"):
        parse_reference(register(ttl_days=days))


def test_a_list_goes_stale_after_its_time_to_live():
    read = parse_reference(register(ttl_days=36_500))
    assert not read.is_stale(read.loaded_ns + 36_500 * 86_400 * 10**9)
    assert read.is_stale(read.loaded_ns + 36_500 * 86_400 * 10**9 + 1)
