"""What a record says is exactly what its bytes say, or nothing."""

import json
from decimal import Decimal
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.core.records.views import (
    EMBEDDED_PARSERS,
    PARSERS,
    RECORD_PARSERS,
    embedded,
    is_record_parser,
    view,
)


def reason(raw, parser="json/1"):
    """Why this is no record."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the type is the promise; the words are checked
        view(raw, parser)
    return str(caught.value)


def test_numbers_are_exact():
    """A float would turn both into another number."""
    raw = b'{"big": 123456789012345678901234567890, "small": 0.10000000000000000000001, "round": 1.50}'

    document = view(raw, "json/1")

    assert document["big"] == 123456789012345678901234567890
    assert document["small"] == Decimal("0.10000000000000000000001")
    assert str(document["round"]) == "1.50"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 01}',
        b'{"a": 1,}',
        b'{"a": 1} x',
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"\xff": 1}',
        b'{"a": "\\ud800"}',
        b'{"a": "\\udc00 low first"}',
        b'{"a": "line\nend"}',
        b'{"a": 1e999999999999999999999999}',
        b'{"a": 1e5000}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": 0.' + b"9" * 5000 + b"}",
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_cannot_be_read_exactly_is_refused(raw):
    assert reason(raw).startswith(("not JSON", "nested"))


def test_depth_is_bounded_at_64_whatever_strings_hold():
    assert view(b"[" * 64 + b"]" * 64, "json/1")
    assert "deeper than 64" in reason(b"[" * 65 + b"]" * 65)
    assert view(json.dumps({"text": "[{" * 500}).encode(), "json/1") == {"text": "[{" * 500}


def test_size_is_bounded():
    assert "longer than" in reason(b" " * (32 * 1024 * 1024 + 1))


def test_an_unknown_parser_is_refused():
    assert "no record parser" in reason(b"{}", "json/2")
    with pytest.raises(ValueError, match="no embedded parser"):
        embedded("{}", "eml/1")


def test_of_the_parsers_of_texts_only_that_of_json_reads_whole_records():
    assert [name for name in EMBEDDED_PARSERS if is_record_parser(name)] == ["json/1"]
    assert [name for name in PARSERS if is_record_parser(name)] == list(RECORD_PARSERS)


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\u0d8e1-. \n', max_size=60).map(str.encode))
def test_any_bytes_are_a_document_or_a_value_error(raw):
    for parser in RECORD_PARSERS:
        try:
            document = view(raw, parser)
        except ValueError:
            continue
        json.dumps(document, default=str).encode()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)  # fmt: skip


@given(JSON)
def test_what_another_writer_wrote_comes_back(document):
    assert view(json.dumps(document).encode(), "json/1") == document
    if document is not None:
        assert embedded(json.dumps(document, ensure_ascii=False), "json/1") == document


@given(st.text(max_size=300), st.sampled_from(EMBEDDED_PARSERS))
def test_any_text_is_a_document_or_none(text, parser):
    json.dumps(embedded(text, parser), default=str)


def test_a_text_too_long_or_too_deep_holds_nothing():
    assert embedded(" " * (1024 * 1024) + "{}", "json/1") is None
    assert embedded("[" * 32 + "]" * 32, "json/1") is not None
    assert embedded("[" * 33 + "]" * 33, "json/1") is None


def test_xml_leaves_are_text_and_named_data_are_keys():
    text = '<EventData xmlns="urn:x"><Data Name="User">ann</Data><Data>a</Data><Data>b</Data><C n="1">t</C></EventData>'

    assert embedded(text, "xml/1") == {
        "EventData": {"User": "ann", "Data": ["a", "b"], "C": {"@n": "1", "#text": "t"}}
    }


def test_xml_may_be_several_elements_and_keep_cdata():
    assert embedded("<Param><![CDATA[a<b]]></Param><Param>c</Param>", "xml/1") == {"Param": ["a<b", "c"]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no element",
        "<a>",
        "<a/>tail",
        "</_><_>",
        "<a>" * 40 + "</a>" * 40,
        '<!DOCTYPE a [<!ENTITY x "expands">]><a>&x;</a>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        "<a>\ud800</a>",
    ],
)
def test_xml_that_is_broken_or_could_expand_holds_nothing(text):
    assert embedded(text, "xml/1") is None


def test_colon_pairs_keep_values_with_blanks_and_empty_ones():
    text = "event_time:2021-08-02 13:05:32 succeeded:true principal:LAB\\ann sid: statement:SELECT a from b.c info: "

    assert embedded(text, "colon-pairs/1") == {
        "event_time": "2021-08-02 13:05:32",
        "succeeded": "true",
        "principal": "LAB\\ann",
        "sid": "",
        "statement": "SELECT a from b.c",
        "info": "",
    }


def test_a_later_value_cannot_replace_an_earlier_field():
    """The statement is the attacker's own text."""
    text = "principal:mallory statement:SELECT 1 principal:alice"

    assert embedded(text, "colon-pairs/1") == {
        "principal": "mallory",
        "statement": "SELECT 1 principal:alice",
    }


def test_equals_pairs_are_read_or_refused_as_a_whole():
    assert embedded("SHA1=AA,MD5=BB", "equals-pairs/1") == {"SHA1": "AA", "MD5": "BB"}
    assert embedded("SHA1=AA,SHA1=BB", "equals-pairs/1") is None
    assert embedded("SHA1=AA,BB", "equals-pairs/1") is None


def test_python_literals_are_read_exactly():
    text = r"""{'a': [1.50, True, None, -3, 'it\'s \u00e9 \x41\n', "z"], 'b': {},}"""

    document = embedded(text, "python/1")

    assert document == {"a": [Decimal("1.50"), True, None, -3, "it's é A\n", "z"], "b": {}}
    assert str(document["a"][0]) == "1.50"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_what_python_wrote_comes_back(document):
    assert embedded(repr(document), "python/1") == document


@pytest.mark.parametrize(
    "text", ["[,]", "1 2", "'a' 'b'", "('a')", "(1,)", "{1, 2}", "b'x'", "f()", "1_000", "0x10", "nan", "'\\q'", "-" * 9999 + "1",
             "[" * 99999, "'\\ud800'", "1+1"],
)  # fmt: skip
def test_python_that_is_not_a_plain_literal_holds_nothing(text):
    assert embedded(text, "python/1") is None


@pytest.mark.parametrize(
    "piece",
    ['"\\', "(", "<", "<a ", "=?utf-8?q?", "&#9", "<style>", '<a href="', "url(http://a", "a@b,", "<!--"],
)
def test_hostile_repetition_is_read_in_time(piece):
    """Anything quadratic in the body would take minutes."""
    raw = b"From: " + piece.encode() * 20_000 + b"\nAuthentication-Results: " + piece.encode() * 20_000
    raw += b"\nContent-Type: text/html\n\n" + piece.encode() * 100_000
    before = process_time()

    view(raw, "eml/1")

    assert process_time() - before < 5
