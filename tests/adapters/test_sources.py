"""Whatever comes in is a record, quarantined with a reason, or a skipped file; nothing is lost, nothing raises."""

import gzip
import io
import json
import os
import stat
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from countersign.adapters.sources import SCHEMAS, limits, read, textlines
from countersign.adapters.sources.detect import RULES, schema_of
from countersign.core.records.evidence import Incoming, Quarantined, Skipped
from countersign.core.records.views import view

EVE = b'{"timestamp":"2025-03-11T13:05:10.1+0000","event_type":"alert","src_ip":"203.0.113.5","alert":{}}'
TRAIL = b'{"eventVersion":"1.10","eventTime":"2025-03-11T08:41:07Z","eventSource":"iam.amazonaws.com","eventName":"X"}'
MAIL = b"Received: from a by b; Tue, 1 Jan 2030 00:00:00 +0000\r\nFrom: a@a.example\r\nSubject: x\r\n\r\nbody\r\n"


@pytest.fixture
def intake(tmp_path):
    """Writes one file and reads it."""

    def intake(content, name="records.jsonl", fmt="auto"):
        path = tmp_path / name
        path.write_bytes(content)
        return list(read([path], fmt))

    return intake


def raws(outcomes):
    return [outcome.raw for outcome in outcomes if isinstance(outcome, Incoming)]


def kinds(outcomes):
    return [type(outcome).__name__ for outcome in outcomes]


def test_a_line_is_a_record_without_its_line_end(intake):
    outcomes = intake(EVE + b"\r\n\n  \n" + TRAIL + b"\n" + b' {"a": 1} ')

    assert raws(outcomes) == [EVE, TRAIL, b' {"a": 1} ']
    assert [outcome.line for outcome in outcomes] == [1, 4, 5]
    assert [outcome.schema for outcome in outcomes] == ["suricata.eve", "aws.cloudtrail", "json.unknown"]
    assert {outcome.parser for outcome in outcomes} == {"json/1"}


@pytest.mark.parametrize("layout", [None, 2])
@pytest.mark.parametrize(
    "wrap", [list, lambda rows: {"Records": rows}, lambda rows: {"@odata.context": "x", "value": rows}]
)
def test_elements_of_arrays_and_envelopes_are_exact_slices(intake, layout, wrap):
    rows = [json.loads(TRAIL) | {"n": 1.50}, {"é": "x"}]
    content = json.dumps(wrap(rows), indent=layout, ensure_ascii=False).encode()

    outcomes = intake(content, "export.json")

    assert [json.loads(raw) for raw in raws(outcomes)] == rows
    assert all(raw in content for raw in raws(outcomes))
    assert [(outcome.line, outcome.schema) for outcome in outcomes] == [
        (1, "aws.cloudtrail"),
        (2, "json.unknown"),
    ]


def test_envelopes_may_come_one_per_line(intake):
    """A day of CloudTrail files, put together with cat."""
    outcomes = intake(b'{"Records":[' + TRAIL + b", " + TRAIL + b"]}\n" + b'{"Records":[' + TRAIL + b"]}\n")

    assert raws(outcomes) == [TRAIL] * 3
    assert [outcome.line for outcome in outcomes] == [1, 1, 2]


def test_an_object_with_more_than_the_list_is_a_record(intake):
    content = b'{"Records":[{"a":1}],"note":"not an envelope"}'

    assert raws(intake(content)) == [content]


def test_a_document_over_several_lines_is_one_record(intake):
    content = json.dumps(json.loads(EVE), indent=2).encode()

    [outcome] = intake(content + b"\n", "alert.json")

    assert (outcome.raw, outcome.schema, outcome.line) == (content, "suricata.eve", 1)


@pytest.mark.parametrize("between", [b"", b"\n", b"\r", b" "])
def test_documents_one_after_the_other_are_records(intake, between):
    pretty = json.dumps(json.loads(TRAIL) | {"text": '}{ \\" ['}, indent=2).encode()

    assert raws(intake(pretty + between + pretty, "stream.json")) == [pretty, pretty]


def test_values_that_are_no_objects_are_quarantined(intake):
    outcomes = intake(EVE + b'\n1\n"text"\n[{"a":1}]\nnull\n')

    assert kinds(outcomes) == ["Incoming"] + ["Quarantined"] * 4
    assert [outcome.line for outcome in outcomes] == [1, 2, 3, 4, 5]
    assert "a list instead of an object" in outcomes[3].reason


BROKEN = [
    b'{"a": NaN}',
    b'{"a": 1} tail',
    b'{"a": "\xff"}',
    b'{"a": "\\ud800"}',
    b'{"a": 1',
    b"\x00\x00\x00",
    b'{"a":' * 5000,
    b'{"a": ' + b"[" * 70 + b"]" * 70 + b"}",
    b'{"a": ' + b"9" * 5000 + b"}",
    b'{"a": 1e99999}',
]


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_broken_line_is_quarantined_whole_and_the_others_are_read(intake, broken, at):
    content = [EVE, TRAIL]
    content.insert(at, broken)

    outcomes = intake(b"\n".join(content) + b"\n")

    [quarantined] = [outcome for outcome in outcomes if isinstance(outcome, Quarantined)]
    assert (quarantined.raw, quarantined.line) == (broken, at + 1)
    assert quarantined.reason
    assert raws(outcomes) == [EVE, TRAIL]


def test_every_record_has_a_view(intake):
    for outcome in intake(b"\n".join([EVE, *BROKEN, TRAIL])):
        if isinstance(outcome, Incoming):
            assert view(outcome.raw, outcome.parser)


def test_a_broken_document_is_quarantined_whole(intake):
    content = json.dumps({"a": {"b": [1, 2]}}, indent=2).encode()[:-3]

    [outcome] = intake(content, "export.json")

    assert (type(outcome), outcome.line, outcome.raw) == (Quarantined, 0, content)


@pytest.mark.parametrize("layout", [None, 2])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("wrap", [list, lambda rows: {"Records": rows}])
def test_records_before_the_end_of_a_cut_document_are_read(intake, layout, packed, wrap):
    """A CloudTrail file is one line; half a download still holds records."""
    rows = [{"n": n, "text": "}]{[", "noise": os.urandom(40).hex()} for n in range(50)]
    content = json.dumps(wrap(rows), indent=layout).encode()

    outcomes = intake(gzip.compress(content)[:-300] if packed else content[:-300], "export.json")

    read_well = [json.loads(raw) for raw in raws(outcomes)]
    assert read_well == rows[: len(read_well)]
    assert len(read_well) == len(outcomes) - 1 > 30
    assert outcomes[-1].line == 0
    assert outcomes[-1].raw in content


def test_a_bad_first_line_is_not_lost_when_the_gzip_is_cut_too(intake):
    outcomes = intake(gzip.compress(b"{bad\n" + EVE + b"\n{also bad\n" + TRAIL)[:-3])

    assert kinds(outcomes) == ["Quarantined", "Incoming", "Quarantined", "Incoming", "Quarantined"]
    assert [outcome.line for outcome in outcomes] == [1, 2, 3, 4, 0]


def test_broken_elements_leave_the_others(intake):
    outcomes = intake(b"[" + EVE + b', 5, {"a": "\xff"}, ' + TRAIL + b"]", "export.json")

    assert kinds(outcomes) == ["Incoming", "Quarantined", "Quarantined", "Incoming"]
    assert [outcome.line for outcome in outcomes] == [1, 2, 3, 4]


def test_gzip_is_unpacked_whatever_the_name(intake):
    outcomes = intake(gzip.compress(EVE + b"\n") + gzip.compress(TRAIL + b"\n") + b"\x00" * 20, "records.bin")

    assert raws(outcomes) == [EVE, TRAIL]
    assert len(outcomes) == 2


@pytest.mark.parametrize("cut", [1, 5, 9, 12, 300])
def test_a_truncated_gzip_gives_what_was_read_and_says_so(intake, cut):
    lines = [json.dumps({"n": n, "noise": os.urandom(40).hex()}).encode() for n in range(100)]

    outcomes = intake(gzip.compress(b"\n".join(lines) + b"\n")[:-cut], "x.jsonl.gz")

    assert isinstance(outcomes[-1], Quarantined)
    assert (outcomes[-1].line, outcomes[-1].reason) == (0, "the gzip stream is cut off")
    read_well = raws(outcomes)
    assert len(read_well) == len(outcomes) - 1 >= (100 if cut < 9 else 90)
    assert read_well == lines[: len(read_well)]


def test_a_damaged_gzip_gives_what_lies_before_the_damage(intake):
    lines = [json.dumps({"n": n, "noise": os.urandom(400).hex()}).encode() for n in range(400)]
    packed = bytearray(gzip.compress(b"\n".join(lines) + b"\n"))
    packed[-6] ^= 0xFF  # the checksum

    outcomes = intake(bytes(packed), "x.jsonl.gz")

    assert raws(outcomes) == lines
    assert [outcome.reason for outcome in outcomes if isinstance(outcome, Quarantined)] == [
        "the gzip stream is damaged"
    ]


def test_a_gzip_bomb_does_not_fill_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "MAX_DOCUMENT_BYTES", 1024 * 1024)
    path = tmp_path / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(b"{" + b" " * 64 * 1024 * 1024))
    tracemalloc.start()

    outcomes = list(read([path]))

    assert tracemalloc.get_traced_memory()[1] < 8 * 1024 * 1024
    tracemalloc.stop()
    assert kinds(outcomes) == ["Quarantined"]
    assert "larger than" in outcomes[0].reason


def test_a_line_that_is_too_long_is_reported_and_passed(intake, monkeypatch):
    monkeypatch.setattr(limits, "MAX_LINE_BYTES", 1000)

    outcomes = intake(EVE + b"\n" + b"x" * 300_000 + b"\n" + TRAIL + b"\n")

    assert kinds(outcomes) == ["Incoming", "Quarantined", "Incoming"]
    assert "line is longer" in outcomes[1].reason


def test_large_json_lines_with_a_bad_start_are_still_read_by_line(intake, monkeypatch):
    monkeypatch.setattr(limits, "MAX_DOCUMENT_BYTES", 1000)

    outcomes = intake(b'{"cut\n' + (EVE + b"\n") * 5000)

    assert kinds(outcomes) == ["Quarantined"] + ["Incoming"] * 5000


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.jsonl", b"", "empty"),
        ("blank.json", b" \n\n", "empty"),
        ("blanks.json", b"\n" * 200_000, "empty"),
        ("README.md", b"# Title\n\nwords {curly}\n", "not a known format"),
        ("rules.yaml", b"a: 1\n", "not a known format"),
        ("settings.toml", b"[tool.x]\na = 1\n", "not a known format"),
        ("links.md", b"[a](b) text\n", "not a known format"),
        ("page.j2", b"{% if x %}\n{{ y }}\n", "not a known format"),
        ("picture.png", b"\x89PNG\r\n\x1a\n\x00\x00", "binary, not a known format"),
        ("none.json", b"[]", "an empty list"),
    ],
)
def test_files_without_records_are_skipped_with_a_reason(intake, name, content, reason):
    [outcome] = intake(content, name)

    assert isinstance(outcome, Skipped)
    assert outcome.reason == reason


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"\x28\xb5\x2f\xfdxx", "zstd"),
        (b"PK\x03\x04xx", "zip"),
        (b"BZh91AY", "bzip2"),
        (b"7z\xbc\xaf\x27\x1cxx", "7z"),
        (b"ElfFile\x00xx", "EVTX"),
        ('{"a":1}'.encode("utf-16"), "UTF-16"),
    ],
)
def test_files_that_may_hold_records_but_are_not_read_are_quarantined(intake, content, word):
    [outcome] = intake(content, "x.bin")

    assert isinstance(outcome, Quarantined)
    assert word in outcome.reason
    assert outcome.line == 0


def test_a_byte_order_mark_is_no_part_of_the_record(intake):
    assert raws(intake(b"\xef\xbb\xbf" + EVE + b"\n" + TRAIL)) == [EVE, TRAIL]


def test_mail_is_known_by_its_headers_not_its_name(intake):
    [outcome] = intake(MAIL, "message.txt")

    assert outcome == Incoming("email.rfc822", "eml/1", MAIL, outcome.file, 1)


def test_a_file_named_as_mail_that_is_none_is_quarantined(intake):
    [outcome] = intake(b"just words", "x.eml")

    assert isinstance(outcome, Quarantined)


def test_the_format_can_be_given(intake):
    assert [outcome.schema for outcome in intake(b'{"a":1}\n{"b":2}\n', fmt="ms.Event")] == ["ms.Event"] * 2
    assert [outcome.schema for outcome in intake(b"Subject: x\n\nwords", fmt="email.rfc822")] == [
        "email.rfc822"
    ]
    assert kinds(intake(b"words\nwords\n", "x.txt", fmt="ms.Event")) == ["Quarantined"] * 2
    with pytest.raises(ValueError, match="no format is named"):
        read([], "csv")


def test_folders_are_walked_in_sorted_order_without_loops(tmp_path):
    for name in ("b/2.jsonl", "b/1.jsonl", "a.jsonl", "c.jsonl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(json.dumps({"name": name}).encode())
    (tmp_path / "b" / "loop").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(tmp_path / "pipe")

    outcomes = list(read([tmp_path]))

    assert [json.loads(raw)["name"] for raw in raws(outcomes)] == [
        "a.jsonl",
        "b/1.jsonl",
        "b/2.jsonl",
        "c.jsonl",
    ]
    assert (
        sorted(outcome.reason for outcome in outcomes if isinstance(outcome, Skipped))
        == ["not a regular file"] * 2
    )


def test_what_cannot_be_opened_is_quarantined_with_the_reason(tmp_path):
    broken = tmp_path / "broken"
    broken.symlink_to(tmp_path / "nowhere")

    outcomes = list(read([tmp_path / "missing", broken, "nul\x00name", "-"]))

    assert kinds(outcomes) == ["Quarantined"] * 4
    assert all(outcome.line == 0 and outcome.reason.startswith("cannot be read") for outcome in outcomes)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_quarantined(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(EVE)
    path.chmod(stat.S_IWUSR)

    assert kinds(read([path])) == ["Quarantined"]


def test_a_file_name_that_is_not_text_becomes_text(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.jsonl"
    with open(path, "wb") as stream:  # noqa: PTH123 - a name that pathlib would not write
        stream.write(EVE)

    [outcome] = read([tmp_path])

    assert outcome.file.encode()


def test_standard_input_is_a_path(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(TRAIL)

    outcomes = list(read(["-", tmp_path], stdin=io.BytesIO(EVE + b"\n")))

    assert raws(outcomes) == [EVE, TRAIL]
    assert outcomes[0].file == "-"


def test_a_stream_that_fails_gives_what_was_read():
    class Failing(io.BytesIO):
        def read1(self, size=-1):
            piece = super().read1(min(size, 200))
            if not piece:
                raise OSError(5, "Input/output error")
            return piece

    outcomes = list(read(["-"], stdin=Failing(EVE + b"\n" + TRAIL + b"\n" + EVE[:20])))

    assert raws(outcomes) == [EVE, TRAIL]
    assert outcomes[-1] == Quarantined("-", 0, "cannot be read further: Input/output error", EVE[:20])


def test_reading_is_lazy():
    """A pipe that never ends still gives its first records."""

    class Endless(io.RawIOBase):
        def read(self, _size=-1):
            return (EVE + b"\n") * 2000

    outcomes = read(["-"], stdin=Endless())

    assert next(outcomes).raw == EVE


EXAMPLES = {
    "suricata.eve": json.loads(EVE),
    "aws.cloudtrail": json.loads(TRAIL),
    "aws.guardduty": {"schemaVersion": "2.0", "type": "X:Y/Z", "service": {"serviceName": "guardduty"}},
    "windows.event": {"EventID": 4624, "Channel": "Security", "Hostname": "A"},
    "ms.SecurityEvent": {"TimeGenerated": "", "EventID": 4624, "Computer": "A", "Channel": "Security", "Type": "SecurityEvent"},
    "ms.Event": {"TimeGenerated": "", "EventID": 18, "Computer": "A", "EventLog": "Application"},
    "ms.AuditLogs": {"TimeGenerated": "", "OperationName": "X", "AADOperationType": "Add", "Type": "Application"},
    "ms.OfficeActivity": {"TimeGenerated": "", "Operation": "X", "OfficeWorkload": "Exchange"},
    "ms.DeviceEvents": {"Timestamp": "", "ActionType": "LdapSearch", "DeviceId": "1", "ApplicationId": None},
    "ms.IdentityDirectoryEvents": {"Timestamp": "", "ActionType": "X", "Application": "Active Directory"},
    "ms.CloudAppEvents": {"Timestamp": "", "ActionType": "MailItemsAccessed", "ApplicationId": 20893, "Application": "E"},
    "json.unknown": {"event_type": 5, "Type": ["SecurityEvent"], "Event": "x", "service": None},
}  # fmt: skip


@pytest.mark.parametrize("schema", EXAMPLES)
def test_the_schema_is_read_off_the_record(schema):
    assert schema_of(EXAMPLES[schema]) == schema


GOLDEN = [
    case
    for path in sorted(Path(__file__).parents[1].joinpath("core/golden").glob("*.json"))
    for case in json.loads(path.read_text(encoding="utf-8"))
]


def golden_detected():
    """(schema, what it is taken for) of every golden JSON record."""
    return {(c["schema"], schema_of(c["record"])) for c in GOLDEN if isinstance(c["record"], dict)}


def golden_lines():
    """The same of every golden line of text."""
    return {
        (c["schema"], textlines.schema_of(c["record"].encode()))
        for c in GOLDEN
        if c["schema"] in textlines.PARSERS
    }


def test_every_schema_is_recognised_on_an_example():
    assert {
        *EXAMPLES,
        "email.rfc822",
        *(said for schema, said in golden_detected() if schema == said),
        *(said for schema, said in golden_lines() if schema == said),
    } >= set(SCHEMAS)


def test_no_golden_record_is_taken_for_another_schema():
    assert set() == {
        (schema, said) for schema, said in golden_detected() if said not in (schema, "json.unknown")
    }


def test_nested_windows_events_are_known():
    assert schema_of({"Event": {"System": {"EventID": 1}, "EventData": {}}}) == "windows.event"


@pytest.mark.parametrize(
    ("action", "table"),
    [("ProcessCreated", "Process"), ("LogonSuccess", "Logon"), ("ConnectionSuccess", "Network")],
)
def test_rows_of_other_defender_tables_are_not_taken_for_device_events(action, table):
    assert schema_of({"Timestamp": "", "ActionType": action, "DeviceId": "1"}) == f"ms.Device{table}Events"


TEXT = st.text(max_size=8)  # short: the many kinds of values are what counts
ANY = (
    st.none()
    | st.booleans()
    | st.integers()
    | TEXT
    | st.lists(st.integers(), max_size=3)
    | st.dictionaries(TEXT, TEXT, max_size=3)
)
KEYS = st.sampled_from(sorted({key for example in EXAMPLES.values() for key in example} | {"Event"}))


@given(st.dictionaries(KEYS, ANY, max_size=12))
def test_rules_take_any_values(record):
    assert schema_of(record) in SCHEMAS
    assert all(rule(record) in {None, *SCHEMAS} for rule in RULES)


LINES = st.lists(
    st.one_of(
        st.binary(max_size=30).map(lambda raw: raw.replace(b"\n", b"").replace(b"\x1f\x8b", b"")),
        st.sampled_from([EVE, TRAIL, *BROKEN, b"", b" ", b"[]", b"1", b"}", b"{", b'{"Records":[{}]}', b'{"Records":[]}']),
    ),
    max_size=8,
)  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(LINES, st.sampled_from([b"\n", b"\r\n"]), st.sampled_from(["x.jsonl", "x"]))
def test_every_line_is_accounted_for(tmp_path, lines, end, name):
    content = end.join(lines)
    (tmp_path / name).write_bytes(content)

    outcomes = list(read([tmp_path / name]))

    assert outcomes, "a file says at least that it holds nothing"
    whole = any(isinstance(outcome, Skipped) or outcome.line == 0 for outcome in outcomes)
    listed = content.strip().startswith(b"[")
    numbers = {outcome.line for outcome in outcomes if not isinstance(outcome, Skipped)}
    full = {number for number, line in enumerate(content.split(b"\n"), 1) if line.strip()}
    assert whole or listed or len(raws(outcomes)) == 1 or full <= numbers
    assert all(outcome.raw in content for outcome in outcomes if isinstance(outcome, Incoming))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=400), st.booleans(), st.sampled_from(["auto", "ms.Event", "email.rfc822"]))
def test_any_bytes_come_out_as_something(tmp_path, content, packed, fmt):
    (tmp_path / "x.json").write_bytes(
        gzip.compress(content)[: -len(content) % 9 or None] if packed else content
    )

    assert list(read([tmp_path / "x.json"], fmt))
