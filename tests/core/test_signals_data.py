"""The published signals: every one of them can match, be told and be recomputed."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from countersign import core
from countersign.adapters.dictionaries import bundled
from countersign.core.canonical import canon
from countersign.core.claims.claims import Filter
from countersign.core.claims.registry import RELATIONS
from countersign.core.claims.snapshot import WORDS, Snapshot, comparison, textual
from countersign.core.facts.signals import Signal, Signals, matches
from countersign.core.ids import evidence_id
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import Schema
from countersign.core.vocabulary import VOCABULARY

FOLDER = Path(core.__file__ or "").parent / "facts" / "signals"
FILES = {path.name: path.read_bytes() for path in sorted(FOLDER.glob("*.toml"))}
SIGNALS = Signals(FILES)
DICTIONARY = bundled()
OPERATORS = {"eq", "contains", "prefix", "lt", "le", "gt", "ge", "in_cidr"}
NESTED = "-nested"

each_signal = pytest.mark.parametrize("signal", SIGNALS.all, ids=lambda signal: signal.id)


def schema_of(signal: Signal) -> Schema:
    schema = DICTIONARY.schema(signal.schema)
    assert schema is not None, f"no dictionary describes {signal.schema}"
    return schema


def roles_of(signal: Signal) -> set[str]:
    rows = [row for row in schema_of(signal).relations if row.name == signal.state]
    return {role for row in rows for role, _ in row.roles}


def test_every_family_is_there():
    assert {"windows.toml", "identity.toml", "cloud.toml", "mail.toml", "network.toml"} <= set(FILES)


def test_no_two_signals_share_an_id():
    assert [name for name, number in Counter(s.id for s in SIGNALS.all).items() if number > 1] == []


def test_no_two_signals_say_the_same_of_the_same_records():
    same = Counter((s.schema, frozenset(s.when), frozenset(s.unless)) for s in SIGNALS.all)
    assert [key for key, number in same.items() if number > 1] == []


@each_signal
def test_a_signal_is_named_in_kebab_case_and_weighs_one_to_ten(signal):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", signal.id)
    assert 1 <= signal.weight <= 10


@each_signal
def test_a_signal_has_one_to_four_clauses_that_its_fields_can_answer(signal):
    assert 1 <= len(signal.when) <= 4
    Filter(signal.schema, signal.when)
    for pointer, op, value in (*signal.when, *signal.unless):
        path = schema_of(signal).path(pointer)
        assert path is not None, pointer
        assert op in OPERATORS
        answerable = (
            canon(path.field.type, value)
            if op == "eq"
            else (textual if op in WORDS else comparison)(path, op, value)
        )
        assert answerable is not None, (pointer, op, value)


@each_signal
def test_a_signal_points_only_at_fields_of_the_dictionary(signal):
    unknown = [p for p in (*signal.fields, *signal.group) if schema_of(signal).path(p) is None]
    assert unknown == []


@each_signal
def test_a_signal_states_a_relation_that_its_records_can_hold(signal):
    assert not signal.state or signal.state in RELATIONS
    assert not signal.state or roles_of(signal)
    assert set(signal.roles) <= roles_of(signal)
    assert signal.state or signal.fields, "nothing is stated"


@each_signal
def test_a_phrase_names_only_roles_and_known_fields(signal):
    assert signal.phrase
    for slot in signal.slots:
        known = schema_of(signal).path(slot) if slot.startswith("/") else slot in roles_of(signal)
        assert known, slot


@each_signal
def test_a_signal_suggests_readings_of_the_vocabulary_and_techniques(signal):
    assert [
        code for code in signal.codes if code not in VOCABULARY or VOCABULARY[code].polarity != "malicious"
    ] == []
    assert [name for name in signal.attack if not re.fullmatch(r"T\d{4}(\.\d{3})?", name)] == []


@each_signal
def test_a_signal_is_not_about_one_host_or_account(signal):
    lasting = {"sid", "ip", "host", "email", "sha256", "sha1", "md5"}
    for pointer, op, value in signal.when:
        path = schema_of(signal).path(pointer)
        assert path is not None
        general = str(value) in {"S-1-5-21-", "-500"} or op == "in_cidr"
        assert path.field.type not in lasting or general, (pointer, op, value)


def nested(pointer: str) -> str:
    named = {"/EventID": "EventID", "/Channel": "Channel", "/Hostname": "Computer"}
    return f"/Event/System/{named[pointer]}" if pointer in named else f"/Event/EventData{pointer}"


def test_both_spellings_of_windows_events_have_the_same_signals():
    windows = {s.id: s for s in SIGNALS.all if s.schema == "windows.event"}
    flat = {name for name in windows if not name.endswith(NESTED)}
    assert {name + NESTED for name in flat} == set(windows) - flat
    for name in flat:
        one, two = windows[name], windows[name + NESTED]
        assert [(nested(p), *rest) for p, *rest in one.when] == list(two.when)
        assert [(nested(p), *rest) for p, *rest in one.unless] == list(two.unless)
        assert (one.state, one.codes, one.attack, one.weight) == (
            two.state,
            two.codes,
            two.attack,
            two.weight,
        )


def hits(record: bytes, schema: str, parser: str = "json/1") -> set[str]:
    one = Evidence(evidence_id(record), schema, schema, parser, record, 1, None)
    return {signal.id for signal, _ in matches(SIGNALS, Snapshot(DICTIONARY, [one]))}


def sysmon(number: int, **fields: str) -> bytes:
    return json.dumps(
        {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": number, **fields}
    ).encode()


def test_a_program_that_opens_lsass_is_told_and_the_system_itself_is_not():
    target = r"C:\Windows\System32\lsass.exe"
    odd = sysmon(10, SourceImage=r"C:\tools\x.exe", TargetImage=target, GrantedAccess="0x1010")
    system = sysmon(
        10, SourceImage=r"C:\Windows\System32\csrss.exe", TargetImage=target, GrantedAccess="0x1fffff"
    )
    query = sysmon(10, SourceImage=r"C:\tools\x.exe", TargetImage=target, GrantedAccess="0x1000")
    assert "lsass-opened" in hits(odd, "windows.event")
    assert "lsass-opened" not in hits(system, "windows.event") | hits(query, "windows.event")


def test_a_stopped_trail_is_told_and_a_refused_stop_is_not():
    call = b'"eventName": "StopLogging", "eventSource": "cloudtrail.amazonaws.com", "eventType": "AwsApiCall"'
    assert "trail-stopped" in hits(b"{" + call + b"}", "aws.cloudtrail")
    assert "trail-stopped" not in hits(b"{" + call + b', "errorCode": "AccessDenied"}', "aws.cloudtrail")


def test_a_reply_address_elsewhere_is_told_and_one_at_home_is_not():
    def mail(domain: str) -> bytes:
        return f"From: a@{domain}\r\nTo: b@corp.example\r\nReply-To: c@gmail.com\r\nSubject: s\r\n\r\nx\r\n".encode()

    assert "mail-reply-to-gmail-com" in hits(mail("shop.example"), "email.rfc822", "eml/1")
    assert "mail-reply-to-gmail-com" not in hits(mail("gmail.com"), "email.rfc822", "eml/1")
