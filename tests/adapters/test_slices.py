"""Parts of files: read apart from each other, they hold what the whole file holds."""

import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.adapters.sources import read, slices
from countersign.core.records.evidence import Incoming, Quarantined

LINES = st.lists(
    st.one_of(
        st.integers(0, 9).map(
            lambda n: json.dumps({"event_type": "alert", "timestamp": "t", "n": n}).encode()
        ),
        st.sampled_from(
            [b"", b"  ", b"{", b"[1]", b"\xff", b'{"a": 1}\r', b'{"Records": [{"b": 1}, {"b": 2}]}']
        ),
    ),
    min_size=1,
    max_size=60,
)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(slices, "SLICE_BYTES", 64)


@pytest.mark.usefixtures("small")
@given(lines=LINES, ended=st.booleans())
def test_slices_hold_what_the_whole_file_holds(tmp_path_factory, lines, ended):
    file = tmp_path_factory.mktemp("slices") / "eve.jsonl"
    file.write_bytes(b"\n".join(lines) + (b"\n" if ended else b""))
    parts = list(slices.parts([str(file)], whole=False))

    found = [
        one for part in parts for one in (slices.read_slice(part, None) if part.end else read([part.path]))
    ]

    assert found == list(read([str(file)]))


@pytest.mark.usefixtures("small")
def test_a_large_file_of_lines_is_cut_and_lines_keep_their_numbers(tmp_path):
    file = tmp_path / "eve.jsonl"
    file.write_bytes(b"".join(b'{"n": %d}\n' % number for number in range(100)))

    parts = list(slices.parts([str(file)], whole=False))
    found = [one for part in parts for one in slices.read_slice(part, None)]

    assert len(parts) > 5
    assert [one.line for one in found if isinstance(one, Incoming)] == list(range(1, 101))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("content", [b"[" + b'{"n": 1},' * 60 + b'{"n": 2}]', b"\x1f\x8b" + b"x" * 500])
def test_what_is_no_plain_file_of_lines_stays_whole(tmp_path, content):
    file = tmp_path / "eve.jsonl"
    file.write_bytes(content)

    assert [slices.Part(bytes(file))] == list(slices.parts([str(file)], whole=False))


def numbered(count):
    return b"".join(b'{"n": %d}\n' % number for number in range(count))


def shortened(file):
    os.truncate(file, 300)


def rewritten(file):
    file.write_bytes(numbered(100).replace(b"1", b"2"))
    os.utime(file, ns=(1, 1))  # whatever the clock's grain


def replaced(file):
    other = file.with_name("other")
    other.write_bytes(numbered(200))
    other.replace(file)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("change", "reason"),
    [(shortened, "became shorter"), (rewritten, "was written to"), (replaced, "another file took its place")],
)
def test_a_slice_of_a_file_that_is_no_longer_the_one_that_was_cut_says_so(tmp_path, change, reason):
    file = tmp_path / "eve.jsonl"
    file.write_bytes(numbered(100))
    parts = list(slices.parts([str(file)], whole=False))
    change(file)

    for part in parts:
        *_, last = slices.read_slice(part, None)
        assert isinstance(last, Quarantined)
        assert (0, b"") == (last.line, last.raw)
        assert reason in last.reason


@pytest.mark.usefixtures("small")
def test_of_a_file_that_grew_since_it_was_cut_the_last_slice_goes_to_the_end(tmp_path):
    file = tmp_path / "eve.jsonl"
    file.write_bytes(numbered(100) + b'{"n": ')
    parts = list(slices.parts([str(file)], whole=False))
    with file.open("ab") as stream:
        stream.write(b'100}\n{"n": 101}\n')

    found = [one for part in parts for one in slices.read_slice(part, None)]

    assert [one.raw for one in found] == numbered(102).splitlines()


def test_what_only_this_process_can_read_is_no_part_and_is_not_opened(tmp_path):
    """A FIFO that nobody writes to would hold up whoever opens it."""
    fifo, file = str(tmp_path / "fifo"), tmp_path / "eve.jsonl"
    os.mkfifo(fifo)
    file.write_bytes(b"{}\n")
    with file.open("rb") as stream:
        inherited = f"/dev/fd/{stream.fileno()}"
        paths = [str(file), fifo, inherited]

        assert [slices.Part(bytes(file)), fifo, inherited] == list(slices.parts(paths, whole=False))
        assert [slices.Part(bytes(file)), fifo, inherited] == list(slices.parts(paths, whole=True))
