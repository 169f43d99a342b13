"""Syslog and audit logs as files: detection, line by line, and nothing lost."""

import io
import json
from pathlib import Path

import pytest

from countersign.adapters.sources import auditd, containers, syslog, textlines
from countersign.core.records.evidence import Incoming, Quarantined, Skipped

SYSLOG = b"May  6 07:08:09 web-1 sshd[7]: Accepted password for jdoe from 198.51.100.7 port 4711 ssh2"
ISO = b"2025-05-06T07:08:09.123+02:00 web-1 app: hello"
RFC5424 = b"<34>1 2025-05-06T07:08:09Z web-1 app 7 - - hello"
AUDIT = b'type=SYSCALL msg=audit(1746515289.123:77): arch=c000003e syscall=59 success=yes exe="/usr/bin/id"'
GOLDEN = Path(__file__).parents[1] / "core/golden"


def read(content, fmt=None):
    return list(containers.records(io.BytesIO(content), "log", fmt))


@pytest.mark.parametrize(
    ("line", "schema"),
    [(SYSLOG, "syslog.line"), (ISO, "syslog.line"), (RFC5424, "syslog.line"), (AUDIT, "auditd.line")],
)
def test_a_log_is_known_by_its_lines(line, schema):
    found = read(line + b"\r\n\n" + line + b"\n")

    assert [(outcome.raw, outcome.line, outcome.schema) for outcome in found] == [
        (line, 1, schema),
        (line, 3, schema),
    ]
    assert {outcome.parser for outcome in found} == {textlines.PARSERS[schema]}


@pytest.mark.parametrize("schema", ["syslog.line", "auditd.line"])
def test_every_golden_line_is_known_for_what_it_is(schema):
    for case in json.loads((GOLDEN / f"{schema}.json").read_text(encoding="utf-8")):
        [found] = read(case["record"].encode())
        assert (found.schema, found.raw) == (schema, case["record"].encode())


def test_a_line_has_the_same_schema_in_any_file():
    found = read(SYSLOG + b"\n" + AUDIT + b"\n" + SYSLOG)

    assert [outcome.schema for outcome in found] == ["syslog.line", "auditd.line", "syslog.line"]


def test_a_line_that_is_something_else_is_quarantined_with_its_bytes():
    found = read(SYSLOG + b"\n    at example.Main(line 7)\n" + SYSLOG + b"\n")

    assert [type(outcome) for outcome in found] == [Incoming, Quarantined, Incoming]
    assert (found[1].raw, found[1].line) == (b"    at example.Main(line 7)", 2)


def test_the_format_may_be_said():
    [found] = read(b"<13>only a priority", "syslog.line")

    assert (found.schema, found.view["message"]) == ("syslog.line", "only a priority")
    assert [type(outcome) for outcome in read(SYSLOG, "auditd.line")] == [Quarantined]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"# Notes\nMay is a month",
        b'{"timestamp": "May  6 07:08:09"}',
        b"2025-05-06T07:08:09Z hello",
        b"a,b\n1,2",
    ],
)
def test_other_text_is_not_taken_for_a_log(head):
    assert not syslog.starts_like(head, "messages.log")
    assert not auditd.starts_like(head, "audit.log")


def test_a_log_of_blank_lines_is_skipped():
    assert list(syslog.read(iter([b"\n \r\n"]), "log", None)) == [Skipped("log", "empty")]
