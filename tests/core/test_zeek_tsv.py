r"""Zeek's own log format: what a header and a line say, and that nothing makes the parser fall over."""

import time
from contextlib import suppress
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.core.records.views import view
from countersign.core.records.zeek_tsv import MAX_HEADER_BYTES, zeek_tsv_view

HEAD = [
    r"#separator \x09",
    "#set_separator\t,",
    "#empty_field\t(empty)",
    "#unset_field\t-",
    "#path\tsample",
    "#open\t2025-05-06-07-08-09",
]


def raw(types, *cells, head=HEAD):
    """A header for these `name:type` columns, and one line."""
    names, kinds = zip(*(one.split(":") for one in types.split()), strict=True)
    fields = ["\t".join(["#fields", *names]), "\t".join(["#types", *kinds])]
    return "\n".join([*head, *fields, "\t".join(cells)]).encode()


def read(types, *cells, **more):
    return zeek_tsv_view(raw(types, *cells, **more))


def test_a_line_has_the_keys_and_values_that_zeek_writes_as_json():
    said = read(
        "ts:time id.orig_h:addr id.orig_p:port ok:bool n:count d:interval e:enum",
        *["1746515289.250000", "192.0.2.10", "40001", "T", "7", "0.001", "tcp"],
    )

    assert said == {
        "_path": "sample",
        "ts": Decimal("1746515289.250000"),
        "id.orig_h": "192.0.2.10",
        "id.orig_p": 40001,
        "ok": True,
        "n": 7,
        "d": Decimal("0.001"),
        "e": "tcp",
    }


def test_an_unset_field_is_absent_and_an_empty_one_is_empty():
    assert read("a:string b:string c:count", "-", "(empty)", "-") == {"_path": "sample", "b": ""}


def test_sets_and_vectors_are_lists_of_their_type():
    said = read(
        "a:set[string] b:vector[double] c:table[count] d:set[addr]", "x,y\\x2cz", "1.5,-", "1,2", "(empty)"
    )

    assert said == {
        "_path": "sample",
        "a": ["x", "y,z"],
        "b": [Decimal("1.5"), None],
        "c": [1, 2],
        "d": [],
    }


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (r"\\\\files\\share", r"\\files\share"),
        (r"a\x09b\x0a", "a\tb\n"),
        (r"caf\xc3\xa9", "café"),
        ("café", "café"),
        (r"\x00\xff", r"\x00\xff"),  # no text: as Zeek writes it in JSON
        (r"\\x41", r"\x41"),
        (r"\x2d", "-"),
        (r"\q\x4", r"\q\x4"),
    ],
)
def test_escapes_are_undone_where_they_hide_text(written, said):
    assert read("a:string", written)["a"] == said


def test_separators_are_those_that_the_header_names():
    head = [
        r"#separator \x7c",
        "#set_separator|;",
        "#unset_field|?",
        "#path|sample",
        "#fields|a|b",
        "#types|set[string]|int",
    ]

    assert zeek_tsv_view(("\n".join(head) + "\nx;y|?").encode()) == {"_path": "sample", "a": ["x", "y"]}


def test_a_header_without_types_gives_texts_and_windows_line_ends_are_none_of_them():
    assert zeek_tsv_view(b"#fields\ta\tb\r\n1\tx") == {"a": "1", "b": "x"}


def test_a_number_that_is_none_is_a_text_only_where_zeek_writes_one():
    assert read("a:double", "nan")["a"] == "nan"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"a\tb", "no header before the line"),
        (b"x\na\tb", "no header before the line"),
        (b"#fields\ta\tb\na", "1 values under a header of 2 columns"),
        (b"#path\ta\na", "the header has no fields"),
        (b"#fields\ta\n#types\tint\tint\na", "not as many types"),
        (b"#fields\ta\ta\na\tb", "names a field twice"),
        (b"#fields\ta\nx\na", "a line without # in the header"),
        (b"#fields\ta\n\xff", "not valid UTF-8"),
        (b"#fields\ta\n#types\tcount\nx", "a whole number was expected"),
        (b"#fields\ta\n#types\ttime\nXXX", "a number was expected"),
        (b"#fields\ta\n#types\tdouble\n1e9999", "out of range"),
        (b"#fields\ta\n#types\tcount\n" + b"9" * 2000, "a whole number was expected"),
        (b"#fields\ta\n#types\tbool\n1", "T or F was expected"),
        (b"#fields\t" + b"a" * MAX_HEADER_BYTES + b"\na", "the header is longer than"),
    ],
)
def test_what_is_no_record_is_refused_with_the_reason(record, reason):
    with pytest.raises(ValueError, match=reason):
        view(record, "zeek-tsv/1")


def written(text):
    """A text as Zeek's writer puts it in a field of type string."""
    if text in {"-", "(empty)"}:
        return f"\\x{ord(text[0]):02x}{text[1:]}"
    out = "".join("\\\\" if c == "\\" else c if " " <= c != "\x7f" else f"\\x{ord(c):02x}" for c in text)
    return out or "(empty)"


@given(
    st.text(st.characters(codec="utf-8", exclude_characters=[*map(chr, range(8)), *map(chr, range(14, 32))]))
)
def test_every_text_comes_back_as_it_was(text):
    in_list = written(text).replace(",", r"\x2c")

    assert read("a:string b:vector[string]", written(text), f"{in_list},x") == {
        "_path": "sample",
        "a": text,
        "b": [text, "x"],
    }


KINDS = st.sampled_from(
    "string addr enum count int port double interval time bool set[string] vector[time] set[ table[count]".split()
)
CELLS = st.binary(max_size=12) | st.sampled_from(
    [b"-", b"T", b"1.5", b"(empty)", b"\\x", b"1e999999999", b",", b"\\xff"]
)


@given(st.binary(max_size=400))
def test_no_bytes_make_the_parser_raise_anything_but_a_reason(content):
    for record in (content, b"#fields\ta\n" + content, b"#" + content):
        with suppress(ValueError):
            assert isinstance(view(record, "zeek-tsv/1"), dict)


@given(st.lists(st.tuples(KINDS, CELLS), min_size=1, max_size=6))
def test_no_cell_of_any_type_makes_the_parser_raise_anything_but_a_reason(columns):
    head = raw(" ".join(f"f{n}:{kind}" for n, (kind, _) in enumerate(columns)), "").rpartition(b"\n")[0]
    with suppress(ValueError):
        said = zeek_tsv_view(head + b"\n" + b"\t".join(cell for _, cell in columns))
        assert all(isinstance(v, str | int | Decimal | list) for v in said.values())


@pytest.mark.parametrize("piece", [r"\x41", r"\\", "\\", ",", "\t", "1", "é", r"\xff"])
@pytest.mark.parametrize("kind", ["string", "set[string]", "count", "vector[double]"])
def test_four_times_the_bytes_take_at_most_about_four_times_as_long(kind, piece):
    def seconds(size):
        record = raw(f"a:{kind}", piece * size)
        took = []
        for _ in range(5):
            start = time.process_time()
            with suppress(ValueError):
                zeek_tsv_view(record)
            took.append(time.process_time() - start)
        return min(took)

    assert seconds(80_000) < 10 * seconds(20_000) + 0.01
