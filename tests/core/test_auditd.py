"""Linux audit records as documents: exact time, decoded texts, and never an exception but ValueError."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign.core.records.views import view

HEAD = "type={} msg=audit(1364481363.243:24287): "


def record(kind, body):
    return view((HEAD.format(kind) + body).encode(), "auditd/1")


def test_a_system_call_has_its_time_serial_and_fields():
    found = view(
        b'node=web-1 type=SYSCALL msg=audit(1364481363.243:24287): arch=c000003e exit=-13 comm="cat" key=(null)',
        "auditd/1",
    )

    assert found == {
        "node": "web-1", "type": "SYSCALL", "time": "2013-03-28T14:36:03.243Z", "serial": 24287,
        "fields": {"arch": "c000003e", "exit": "-13", "comm": "cat", "key": "(null)"},
    }  # fmt: skip


def test_names_that_auditd_resolved_stand_apart():
    found = record("SYSCALL", 'uid=0 exe="/bin/id"\x1dARCH=x86_64 UID="root"')

    assert (found["fields"]["uid"], found["names"]) == ("0", {"ARCH": "x86_64", "UID": "root"})


@pytest.mark.parametrize(
    ("kind", "body", "name", "text"),
    [
        ("PROCTITLE", "proctitle=636174002F6574632F736861646F77", "proctitle", "cat /etc/shadow"),
        ("PATH", "item=0 name=2F746D702F6120622263", "name", '/tmp/a b"c'),
        ("EXECVE", 'argc=2 a0="sh" a1=6964203E2078', "a1", "id > x"),
        ("PATH", "name=C3A9FF", "name", r"é\xff"),
        ("SYSCALL", "a1=7FFD19C5592A", "a1", "7FFD19C5592A"),  # a number of the call, no text
        ("SYSCALL", "comm=abc", "comm", "abc"),  # an odd number of digits is no hexadecimal text
        ("SYSCALL", 'comm="6361"', "comm", "6361"),  # in quotes it is as it stands
    ],
)
def test_hexadecimal_is_decoded_only_where_the_kernel_writes_text_so(kind, body, name, text):
    assert record(kind, body)["fields"][name] == text


def test_what_a_program_says_ends_at_the_last_quote():
    found = record("USER_CMD", "pid=9 uid=0 msg='cwd=\"/home/o'neil\" cmd=6C73202D6C res=success'")

    assert found["message"] == {"cwd": "/home/o'neil", "cmd": "ls -l", "res": "success"}
    assert found["fields"] == {"pid": "9", "uid": "0"}


def test_a_name_that_comes_again_does_not_replace_the_first():
    found = record("USER_LOGIN", "uid=0 uid=1 msg='acct=\"a\" res=failed res=success'")

    assert (found["fields"]["uid"], found["message"]["res"]) == ("0", "failed")
    assert found["again"] == {"uid": ["1"], "res": ["success"]}


def test_words_between_the_fields_are_kept():
    found = record("AVC", 'avc:  denied  { read } for  pid=1 comm="cat"')

    assert found["words"] == "avc: denied { read } for"


@pytest.mark.parametrize(
    ("saddr", "address"),
    [
        ("02000050C63364070000000000000000", {"family": "inet", "ip": "198.51.100.7", "port": 80}),
        ("00020050C63364070000000000000000", {"family": "inet", "ip": "198.51.100.7", "port": 80}),
        ("0A0001BB00000000" + "20010DB8" + "00" * 11 + "01" + "00000000", {"family": "inet6", "ip": "2001:db8::1", "port": 443}),
        ("01002F72756E2F7800", {"family": "unix", "path": "/run/x"}),
        ("0200", {"family": "inet"}),
    ],
)  # fmt: skip
def test_a_socket_address_is_read(saddr, address):
    assert record("SOCKADDR", f"saddr={saddr}")["address"] == address


@pytest.mark.parametrize(
    "text",
    ["", "type=SYSCALL", "msg=audit(1.000:1): x", "type=a msg=audit(1.000:1): x", "type=X msg=audit(1:1): x"],
)
def test_a_line_that_does_not_start_as_one_is_no_audit_record(text):
    with pytest.raises(ValueError, match="not an audit record"):
        view(text.encode(), "auditd/1")


def test_the_latest_time_that_fits_the_form_is_read():
    assert view(b"type=X msg=audit(99999999999.000:1): a=1", "auditd/1")["time"] == "5138-11-16T09:46:39.000Z"


PIECES = st.sampled_from(
    ["a=", '"', "'", "msg='", " ", "saddr=", "0200", "0A00", "C63364", "proctitle=", "00", "\x1d", "FF", "=", "é", "acct=61 "]
)  # fmt: skip


@given(
    st.one_of(
        st.binary(max_size=200), st.lists(PIECES, max_size=25).map(lambda parts: "".join(parts).encode())
    )
)
def test_whatever_follows_the_head_is_a_document(rest):
    raw = HEAD.format("SOCKADDR").encode() + rest

    assert view(raw, "auditd/1")["type"] == "SOCKADDR"
    assert view(raw, "auditd/1") == view(raw, "auditd/1")
