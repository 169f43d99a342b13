"""Syslog lines as documents: what they say, what nobody can tell, and never an exception but ValueError."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.core.records.programs import said
from countersign.core.records.views import view
from shared_data import shared_folder


def line(text):
    return view(text if isinstance(text, bytes) else text.encode(), "syslog/1")


def test_the_first_example_of_rfc_5424():
    found = line(
        b"<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \xef\xbb\xbf'su root' failed"
    )

    assert found == {
        "form": "rfc5424", "facility": "auth", "severity": "crit", "time": "2003-10-11T22:14:15.003Z",
        "host": "mymachine.example.com", "program": "su", "message_id": "ID47", "message": "'su root' failed",
    }  # fmt: skip


def test_structured_data_is_read_with_its_escapes():
    found = line(r'<165>1 - - - - - [a@32473 x="1" y="q\"\]\\"][b@32473] An entry')

    assert found["structured"] == {"a@32473": {"x": "1", "y": 'q"]\\'}, "b@32473": {}}
    assert found["message"] == "An entry"
    assert "time" not in found


def test_a_line_of_rfc_5424_may_have_lost_its_priority():
    found = line("1 2025-05-06T07:08:09-07:00 web-1 app - - - hello")

    assert found == {
        "form": "rfc5424", "time": "2025-05-06T07:08:09-07:00", "host": "web-1", "program": "app", "message": "hello",
    }  # fmt: skip


def test_a_time_without_year_and_zone_stays_text():
    found = line("<34>Oct 11 22:14:15 mymachine su: failed")

    assert (found["local_time"], "time" in found) == ("Oct 11 22:14:15", False)
    assert (found["host"], found["program"], found["facility"]) == ("mymachine", "su", "auth")


def test_a_time_without_a_zone_stays_text_in_any_form():
    assert "time" not in line("2025-05-06T07:08:09 web-1 app: x")
    assert "time" not in line("<34>1 2025-05-06T07:08:09 web-1 app - - - x")


def test_a_line_without_a_host_has_none():
    found = line("Oct 11 22:14:15 su[12]: failed")

    assert ("host" in found, found["program"], found["pid"]) == (False, "su", "12")


def test_bytes_that_are_not_utf8_are_shown():
    assert line(b"<13>May  6 07:08:09 web-1 app: \xff")["message"] == r"\xff"


@pytest.mark.parametrize("text", ["", "hello", "<999>x", "<191", "Maybe 1", "2025-05-06 x"])
def test_a_line_with_neither_priority_nor_time_is_not_syslog(text):
    with pytest.raises(ValueError, match="not syslog"):
        line(text)


SUDO = "TTY=pts/0 ; PWD=/home/jdoe ; USER=root ; COMMAND=/usr/bin/id -u"

SAID = [
    ("sshd", "Accepted publickey for jdoe from 198.51.100.7 port 4711 ssh2: RSA SHA256:x", {"action": "logon", "outcome": "success", "user": "jdoe", "source_ip": "198.51.100.7", "port": 4711, "method": "publickey", "key": "RSA SHA256:x"}),
    ("sshd", "Failed password for jdoe from host.example.com port 1 ssh2", {"action": "logon", "outcome": "failure", "user": "jdoe", "source_host": "host.example.com", "port": 1, "method": "password"}),
    ("sshd", "Invalid user  from 2001:db8::1 port 4711", {"action": "unknown user", "outcome": "failure", "source_ip": "2001:db8::1", "port": 4711}),
    ("sudo", f"    jdoe : {SUDO}", {"action": "sudo", "outcome": "success", "user": "jdoe", "target_user": "root", "tty": "pts/0", "directory": "/home/jdoe", "command": "/usr/bin/id -u", "image": "/usr/bin/id"}),
    ("sudo", f"jdoe : 3 incorrect password attempts ; {SUDO}", {"action": "sudo password", "outcome": "failure", "attempts": 3}),
    ("sudo", f"jdoe : user NOT in sudoers ; {SUDO}", {"action": "sudo refused", "outcome": "failure", "reason": "user NOT in sudoers"}),
    ("su", "FAILED SU (to root) jdoe on pts/1", {"action": "su", "outcome": "failure", "user": "jdoe", "target_user": "root"}),
    ("useradd", "new user: name=eve, UID=1002, GID=1002, home=/home/eve, shell=/bin/sh", {"action": "user added", "target_user": "eve", "uid": 1002}),
    ("usermod", "add 'eve' to group 'sudo'", {"action": "group member added", "target_user": "eve", "group": "sudo"}),
    ("CRON", "(root) CMD (/usr/bin/true)", {"action": "cron command", "user": "root", "command": "/usr/bin/true", "image": "/usr/bin/true"}),
    ("login", "pam_unix(login:session): session opened for user root(uid=0) by jdoe(uid=1000)", {"action": "session opened", "user": "jdoe", "target_user": "root"}),
    ("dovecot", "imap-login: Disconnected (auth failed, 2 attempts in 12 secs): user=<jdoe>, method=PLAIN, rip=198.51.100.7, lip=192.0.2.1", {"action": "logon", "outcome": "failure", "user": "jdoe", "source_ip": "198.51.100.7"}),
]  # fmt: skip


@pytest.mark.parametrize(("program", "message", "expected"), SAID)
def test_what_a_known_program_says_has_fields(program, message, expected):
    assert expected.items() <= said(program, message).items()


def test_of_words_that_imitate_the_program_its_own_count():
    found = said(
        "sshd", "Failed password for invalid user x from 192.0.2.1 port 1 ssh2 from 198.51.100.7 port 2 ssh2"
    )

    assert (found["user"], found["source_ip"]) == ("x from 192.0.2.1 port 1 ssh2", "198.51.100.7")


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("sudo", "jdoe : TTY=pts/0 ; PWD=/tmp/x ; USER=bob ; COMMAND=/bin/ls ; USER=root ; COMMAND=/bin/sh"),
        ("sudo", "jdoe : TTY=pts/0 ; PWD=/tmp ; USER=root ; COMMAND=/bin/sh -c a ; USER=bob ; COMMAND=/bin/ls"),
        ("dovecot", "imap-login: Login: user=<a>, rip=192.0.2.1, x>, method=PLAIN, rip=198.51.100.7, lip=192.0.2.2, x"),
        ("app", "pam_unix(app:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=198.51.100.7  user=a rhost=192.0.2.1  user=b"),
        ("logger", "Accepted password for root from 192.0.2.1 port 1 ssh2"),
    ],
)  # fmt: skip
def test_where_nobody_can_tell_whose_words_they_are_there_is_no_reading(program, message):
    assert said(program, message) == {}


HOSTILE = [
    "a: b " * 800,
    "user=<a>, " * 390,
    ", rip=" * 600,
    " ; USER=a ; ENV=" * 250,
    " from" * 800,
    " rhost=" * 500,
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("before", ["sudo: a : PWD=/", "sshd: Failed password for ", "dovecot: imap-login: Login: user=<a>, ", "x: pam_unix(a:b): authentication failure; logname="])  # fmt: skip
def test_repeated_words_cost_no_time(before, text):
    began = time.process_time()
    line(f"May  6 07:08:09 web-1 {before}{text}")

    assert time.process_time() - began < 0.5


def test_the_head_of_real_lines_is_read_as_wazuh_reads_it():
    path = shared_folder("wazuh-alerts-ait") / "wazuh_alerts_insect.jsonl"
    alerts = [
        alert
        for alert in map(json.loads, path.read_bytes().splitlines())
        if "program_name" in alert.get("predecoder", {})
    ]

    assert len(alerts) == 335
    for alert in alerts:
        found = line(alert["full_log"])
        head = {"program_name": found["program"], "hostname": found["host"], "timestamp": found["local_time"]}
        assert head == alert["predecoder"]
        assert found.get("said", {}).get("source_ip") == alert.get("data", {}).get("srcip")


def test_real_lines_that_zeek_saw_are_read():
    path = shared_folder("zeek-wrccdc-2018") / "syslog.jsonl"
    messages = [json.loads(row)["message"] for row in path.read_bytes().splitlines()]

    assert {line(message)["form"] for message in messages} == {"rfc5424"}


PIECES = st.sampled_from(
    ["<34>", "1 ", "May  6 07:08:09 ", "2025-05-06T07:08:09Z ", "- ", "[a ", 'x="', "\\", '"]', "sshd[1]: ", "\x00",
     "Accepted x for ", " from ", " port 1", " ssh2", "sudo: ", " ; USER=", "COMMAND=", "é"]
)  # fmt: skip


@given(
    st.one_of(
        st.binary(max_size=200), st.lists(PIECES, max_size=20).map(lambda parts: "".join(parts).encode())
    )
)
def test_any_bytes_are_a_document_or_no_syslog(raw):
    try:
        found = view(raw, "syslog/1")
    except ValueError:
        return
    assert isinstance(found, dict)
    assert found == view(raw, "syslog/1")
