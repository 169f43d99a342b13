"""A row of a table with its header, as bytes and as an object of texts."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.core.records.csv_rows import DIALECTS, columns, parser_name, row_view
from countersign.core.records.views import RECORD_PARSERS, view

CELLS = st.text(alphabet=st.sampled_from('ab ,;|"\n\t#é'), max_size=8)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"a,b\n1,2", {"a": "1", "b": "2"}),
        (b"a,b\n,", {"a": "", "b": ""}),
        (b'a,b\n"x,y","say ""no"""', {"a": "x,y", "b": 'say "no"'}),
        (b'a,b\n"two\nlines",2', {"a": "two\nlines", "b": "2"}),
        (b'a,b\n"two\r\nlines",2', {"a": "two\r\nlines", "b": "2"}),
        (b'"a,\nb",c\n1,2', {"a,\nb": "1", "c": "2"}),
        (b'size,b\n5" disk,2', {"size": '5" disk', "b": "2"}),
        (b"a,a,,a\n1,2,3,4", {"a": "1", "a#2": "2", "column 3": "3", "a#3": "4"}),
        ("naïve,b\n é ,2".encode(), {"naïve": " é ", "b": "2"}),
        (b"a,b\n\x00,2", {"a": "\x00", "b": "2"}),
    ],
)
def test_a_row_is_read_with_its_header(raw, expected):
    assert expected == row_view(raw, "csv/1")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"a,b", "not 1 rows"),
        (b"a,b\n1,2\n3,4", "not 3 rows"),
        (b"a,b\n1", "1 cells, but the header has 2 columns"),
        (b"a,b\n1,2,3", "3 cells"),
        (b'a,b\n"1,2', "not CSV"),
        (b'a,b\n"1"x,2', "not CSV"),
        (b"a,b\n1\r2,3", "not CSV"),
        (b"a,b\n\xff,2", "not valid UTF-8"),
    ],
)
def test_bytes_that_are_no_header_and_row_are_refused_with_the_reason(raw, reason):
    with pytest.raises(ValueError, match=reason):
        row_view(raw, "csv/1")


@pytest.mark.parametrize("parser", DIALECTS)
def test_every_spelling_is_a_record_parser(parser):
    delimiter, quoted = DIALECTS[parser]

    assert parser in RECORD_PARSERS
    assert parser == parser_name(delimiter, quoted=quoted)
    assert {"a": "1", "b": "2"} == view(f"a{delimiter}b\n1{delimiter}2".encode(), parser)


def test_without_quoting_a_quote_stands_for_itself():
    assert {"a": '"1', "b": '2"'} == row_view(b'a\tb\n"1\t2"', "csv-tab-bare/1")


@given(st.binary(max_size=200), st.sampled_from(sorted(DIALECTS)))
def test_any_bytes_are_read_or_refused(raw, parser):
    try:
        found = row_view(raw, parser)
    except ValueError:
        return
    assert all(type(key) is str and type(value) is str for key, value in found.items())


@given(st.text(alphabet=st.sampled_from('a",\n\r\x00'), max_size=40), st.sampled_from(sorted(DIALECTS)))
def test_quotes_and_line_breaks_in_any_order_are_read_or_refused(text, parser):
    try:
        row_view(text.encode(), parser)
    except ValueError:
        return


@given(st.lists(st.tuples(CELLS, CELLS), min_size=2, max_size=6, unique_by=lambda pair: pair[0]))
def test_what_another_writer_wrote_is_read_as_it_meant_it(pairs):
    names, cells = [f"c{n} {name}" for n, (name, _) in enumerate(pairs)], [cell for _, cell in pairs]
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows([names, cells])

    assert dict(zip(names, cells, strict=True)) == row_view(written.getvalue()[:-1].encode(), "csv/1")


@given(st.lists(st.sampled_from(["", " ", "a", "a#2", "b", "column 1"]), max_size=12))
def test_every_column_has_a_name_of_its_own(names):
    assert len(names) == len(set(columns(names)))
