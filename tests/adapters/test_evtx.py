"""Binary event logs: the same records as their JSON form, and nothing of a damaged file is lost."""

import io
import json
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countersign.adapters.sources import containers, evtx
from countersign.core.ids import canonical
from countersign.core.records.evidence import Incoming, Quarantined, Skipped
from countersign.core.records.views import view
from shared_data import shared_folder

FOLDER = "windows-sigma-regression"
ONE = "8fbf3271-1ef6-4e94-8210-03c2317947f6.evtx"  # six records in one chunk
CHUNK = evtx.HEADER_BYTES


def a_log():
    return (shared_folder(FOLDER) / "evtx" / ONE).read_bytes()


def outcomes(content):
    return list(evtx.read(iter([content]), "log.evtx", None))


def kinds(content):
    return [type(outcome).__name__ for outcome in outcomes(content)]


def starts(log):
    """Where each record begins."""
    slots, _ = evtx._slots(log[CHUNK : CHUNK + evtx.CHUNK_BYTES])
    return [CHUNK + start for _, start, _ in slots]


def test_every_real_log_gives_the_records_of_its_json_form():
    folder = shared_folder(FOLDER)
    converted = {}
    for line in (folder / "sigma_regression.jsonl").read_bytes().splitlines():
        document = json.loads(line)
        converted[document["rule"]["id"]] = document["events"]
    logs = sorted((folder / "evtx").glob("*.evtx"))

    assert len(logs) == 15
    for path in logs:
        found = outcomes(path.read_bytes())
        assert [outcome.view for outcome in found] == converted[path.stem]
        assert {outcome.schema for outcome in found} == {"windows.event"}


def test_a_record_is_its_canonical_rendering():
    for outcome in outcomes(a_log()):
        assert outcome.raw == canonical(json.loads(outcome.raw))
        assert view(outcome.raw, outcome.parser) == outcome.view


def test_a_log_is_known_by_its_first_bytes_packed_or_named_as_anything():
    found = list(containers.records(io.BytesIO(a_log()), "holiday.jpg", None))

    assert [outcome.line for outcome in found if isinstance(outcome, Incoming)] == [1, 2, 3, 4, 5, 6]


def test_a_format_that_json_files_have_too_may_be_asked_for():
    found = list(containers.records(io.BytesIO(a_log()), "log.evtx", "windows.event"))

    assert len(found) == 6


@pytest.mark.parametrize("piece", [1000, 4096, 70_000])
def test_the_size_of_the_pieces_read_makes_no_difference(piece):
    log = a_log()
    pieces = (log[start : start + piece] for start in range(0, len(log), piece))

    assert list(evtx.read(pieces, "log.evtx", None)) == outcomes(log)


def test_a_record_that_cannot_be_read_is_quarantined_with_its_bytes():
    log = bytearray(a_log())
    begin, end = starts(log)[2:4]
    log[begin + 30 : begin + 90] = b"\xff" * 60

    found = outcomes(bytes(log))

    assert [type(outcome) for outcome in found] == [
        Incoming,
        Incoming,
        Quarantined,
        Incoming,
        Incoming,
        Incoming,
    ]
    assert (found[2].raw, found[2].line) == (bytes(log[begin:end]), 3)


def test_a_chunk_without_a_header_is_quarantined_whole_and_the_next_is_read():
    log = a_log()
    broken = b"\x00" + log[CHUNK + 1 :]

    found = outcomes(log[:CHUNK] + broken + log[CHUNK:])

    assert found[0].raw == broken
    assert [type(outcome) for outcome in found[1:]] == [Incoming] * 6


def test_of_a_log_that_is_cut_off_the_whole_records_are_read():
    log = a_log()
    cut = starts(log)[4] + 100

    found = outcomes(log[:cut])

    assert [type(outcome) for outcome in found] == [Incoming] * 4 + [Quarantined]
    assert found[4].raw == log[cut - 100 : cut]


def test_records_that_do_not_follow_each_other_are_quarantined_from_there():
    log = bytearray(a_log())
    begin = starts(log)[3]
    log[begin : begin + 4] = b"none"

    found = outcomes(bytes(log))

    assert [type(outcome) for outcome in found] == [Incoming] * 3 + [Quarantined]
    assert found[3].raw.startswith(b"none")


def restated(log, **header):
    """The log with other words in the header of its chunk: `end` of used space, `first` and `last` record."""
    changed = bytearray(log)
    for name, value in header.items():
        at, form = {"end": (48, "<I"), "first": (24, "<Q"), "last": (32, "<Q")}[name]
        struct.pack_into(form, changed, CHUNK + at, value)
    return bytes(changed)


@pytest.mark.parametrize("shown", range(6))
@pytest.mark.parametrize("last", [0, 6, 2**64 - 1])
def test_records_behind_the_end_that_a_chunk_states_are_read(shown, last):
    log = a_log()
    hidden = restated(log, end=starts(log)[shown] - CHUNK, last=last)

    records = [one for one in outcomes(hidden) if isinstance(one, Incoming)]

    assert records == outcomes(log)


def test_hidden_records_that_cannot_be_told_from_older_ones_are_quarantined():
    """No record of the chunk says which number is its next."""
    hidden = restated(a_log(), end=512, first=1_000_000)

    [found] = outcomes(hidden)

    assert "records behind the end that the chunk states" == found.reason
    assert hidden[CHUNK + 512 : CHUNK + evtx.CHUNK_BYTES] == found.raw


def test_a_chunk_that_states_more_records_than_it_shows_has_its_rest_quarantined():
    log = bytearray(a_log())
    third = starts(log)[2]
    log[third + 8] += 50  # another number
    cut = restated(log, end=third - CHUNK)

    found = outcomes(cut)

    assert [Incoming, Incoming, Quarantined] == [type(one) for one in found]
    assert cut[third : CHUNK + evtx.CHUNK_BYTES] == found[2].raw


def test_what_an_earlier_use_of_the_space_left_behind_is_no_record():
    """Real exports have it: whole records with other numbers behind the end."""
    log = a_log()
    begin = starts(log)[0]
    end = CHUNK + struct.unpack_from("<I", log, CHUNK + 48)[0]
    left_over = bytearray(log)
    left_over[end : end + 900] = log[begin : begin + 900]

    assert log.count(b"\x2a\x2a\x00\x00", end) > 0, "the real log has some of its own"
    assert outcomes(log) == outcomes(bytes(left_over))


def test_a_loop_in_the_table_of_names_does_not_hold_up_the_reading():
    log = bytearray(a_log())
    offsets = struct.unpack_from("<64I", log, CHUNK + 128)
    for offset in filter(None, offsets):
        struct.pack_into("<I", log, CHUNK + offset, offset)  # each name is followed by itself

    assert kinds(bytes(log)) == kinds(a_log())


@pytest.mark.parametrize("length", [0, 8, 4095])
def test_a_file_that_ends_inside_its_header_is_quarantined(length):
    assert kinds(evtx._ONE_CHUNK[:length]) == ["Quarantined"]


@pytest.mark.parametrize("rest", [b"", bytes(evtx.CHUNK_BYTES)])
def test_a_log_without_records_is_skipped(rest):
    assert outcomes(evtx._ONE_CHUNK + rest) == [Skipped("log.evtx", "empty")]


def test_numbers_that_canonical_json_cannot_hold_become_their_digits():
    assert evtx.rendered('{"b":18446744073709551615,"a":[9007199254740991,true]}') == (
        b'{"a":[9007199254740991,true],"b":"18446744073709551615"}'
    )


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(changes=st.lists(st.tuples(st.integers(0, 6500), st.binary(min_size=1, max_size=8)), max_size=20))
def test_whatever_is_damaged_comes_out_as_records_or_quarantined(changes):
    log = bytearray(a_log())
    for at, content in changes:
        log[CHUNK + at : CHUNK + at + len(content)] = content

    assert set(kinds(bytes(log))) <= {"Incoming", "Quarantined", "Skipped"}
