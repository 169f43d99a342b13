"""One entity, one spelling; what everyone shares joins nobody."""

from ipaddress import ip_address

import pytest

from countersign.core.records.fields import Schema
from countersign.core.records.observable import Observable, account, observables, spell

SCHEMA = Schema(
    {
        "schema": "test.record",
        "absent": ["", "-", "N/A"],
        "fields": {
            "/host": {"type": "host", "role": "host", "taint": "system"},
            "/asked": {"type": "host"},
            "/src": {"type": "ip"},
            "/user": {"type": "user"},
            "/collector": {"type": "host", "observable": False},
            "/note": {"type": "text"},
            "/mail/to/*": {"type": "email", "role": "target"},
            "/mail/from": {"type": "email"},
            "/app": {"type": "guid", "role": "app"},
            "/run": {"type": "guid"},
            "/principal": {"type": "arn", "role": "actor"},
            "/net/*": {"type": "ip"},
            "/net/gateway": {"type": "ip", "observable": False},
            "/by": {"type": "text", "embed": "json/1"},
            "/by!/who/~1name": {"type": "user"},
            "/list/*/ip": {"type": "ip"},
            "/list/1/ip": {"type": "text"},
        },
    }
)


def found(**record: object) -> list[tuple[str, str, str]]:
    return [(one.type, one.value, pointer) for one, pointer in observables(SCHEMA, record)]


def values(kind: str, text: str) -> list[tuple[str, str]]:
    return [(one.type, one.value) for one in spell(kind, text)]


@pytest.mark.parametrize("written", ["ADFS01", "ADFS01.example.com", "adfs01.example.com.", "\\\\adfs01"])
def test_a_machine_has_one_name_however_products_write_it(written):
    assert found(host=written) == [("host", "adfs01", "/host")]


@pytest.mark.parametrize("written", ["CORP\\JDoe", "jdoe", "corp.example\\jdoe"])
def test_an_account_has_one_name_without_its_domain(written):
    assert found(user=written) == [("user", "jdoe", "/user")]


def test_a_user_principal_name_is_an_account_and_a_mailbox():
    assert values("user", "JDoe@Corp.example") == [("user", "jdoe"), ("email", "jdoe@corp.example")]


def test_the_domain_of_an_account_can_still_be_had():
    assert account("CORP\\JDoe") == ("jdoe", "corp")
    assert account("jdoe@corp.example") == ("jdoe", "corp.example")
    assert account("jdoe") == ("jdoe", "")


def test_a_machine_account_is_the_machine():
    assert values("user", "CORP\\ADFS01$") == [("host", "adfs01")]


@pytest.mark.parametrize(
    "nobody",
    ["SYSTEM", "NT AUTHORITY\\SYSTEM", "LOCAL SERVICE", "network service", "ANONYMOUS LOGON", "-", "",
     "DWM-1", "Font Driver Host\\UMFD-0", "S-1-5-18", "S-1-0-0", "NT SERVICE\\WinRM"],
)  # fmt: skip
def test_system_accounts_join_nobody(nobody):
    assert values("user", nobody) == []


@pytest.mark.parametrize(
    "sid", ["S-1-5-18", "S-1-5-19", "S-1-5-20", "S-1-0-0", "S-1-5-32-544", "S-1-16-12288"]
)
def test_well_known_sids_join_nobody(sid):
    assert values("sid", sid) == []


def test_the_sid_of_a_domain_account_is_kept():
    assert values("sid", "S-1-5-21-1-2-3-500") == [("sid", "S-1-5-21-1-2-3-500")]


@pytest.mark.parametrize(
    "shared",
    [
        "127.0.0.1",
        "::1",
        "0.0.0.0",  # noqa: S104 (an address in a record, not one we listen on)
        "::",
        "224.0.0.251",
        "ff02::fb",
        "255.255.255.255",
        "169.254.169.254",
        "x",
    ],
)
def test_addresses_that_everyone_shares_join_nobody(shared):
    assert values("ip", shared) == []


def test_an_address_has_one_spelling():
    assert values("ip", "::ffff:192.0.2.7") == values("ip", "192.0.2.7") == [("ip", "192.0.2.7")]
    assert values("ip", "2001:DB8:0::1") == [("ip", "2001:db8::1")]


@pytest.mark.parametrize(
    "text",
    ["198.51.100.7", "010.0.0.1", "256.1.1.1", "2001:db8::1", "2001:db8::", "2001:0db8::1", "2001:db8::0:1", "2001:DB8::1",
     "2001:db8:1:2:3:4::5", "2001:db8:1:2:3::4", "3fff:1:2:3:4:5:6::", "2001:db8:1:2:3:4:5:6", "2001::db8::1", "1.2.3", ""],
)  # fmt: skip
def test_an_address_is_spelled_as_the_library_spells_it(text):
    try:
        expected = [("ip", str(ip_address(text)))]
    except ValueError:
        expected = []

    assert expected == values("ip", text)


def test_an_address_in_a_host_field_is_an_address():
    assert found(host="192.0.2.7") == [("ip", "192.0.2.7", "/host")]
    assert found(host="2001:db8::1") == [("ip", "2001:db8::1", "/host")]


def test_a_name_an_outsider_asked_for_keeps_its_zone():
    assert found(asked="www.evil.example") == [("domain", "www.evil.example", "/asked")]
    assert found(asked="www.good.example") != found(asked="www.evil.example")


def test_a_name_an_outsider_asked_for_inside_our_zone_is_the_machine():
    assert found(asked="Files01.corp.local") == [("host", "files01", "/asked")]


@pytest.mark.parametrize("text", ["", "-", "N/A"])
def test_what_the_dictionary_calls_absent_is_skipped(text):
    assert found(host=text, user=text, src=text) == []


def test_fields_kept_out_of_observables_and_untyped_fields_are_not_read():
    assert found(collector="siem01", note="192.0.2.7", unknown="192.0.2.7") == []


def test_an_exact_pointer_shadows_the_wildcard_beside_it():
    assert found(net={"gateway": "192.0.2.1", "peer": "192.0.2.2"}) == [("ip", "192.0.2.2", "/net/peer")]
    assert found(list=[{"ip": "192.0.2.1"}, {"ip": "192.0.2.2"}]) == [("ip", "192.0.2.1", "/list/0/ip")]


def test_a_document_inside_a_string_is_read_with_its_pointer():
    assert found(by='{"who": {"/name": "jdoe"}}') == [("user", "jdoe", "/by!/who/~1name")]
    assert found(by="not a document") == []


def test_the_recipient_of_a_mail_is_also_an_account_and_the_sender_is_not():
    mail = {"to": ["jdoe@corp.example"], "from": "info@evil.example"}
    assert found(mail=mail) == [
        ("user", "jdoe", "/mail/to/0"),
        ("email", "jdoe@corp.example", "/mail/to/0"),
        ("email", "info@evil.example", "/mail/from"),
    ]


def test_an_application_joins_and_a_run_does_not():
    app = "5A95E683-08ad-424e-a441-1d1aec52c02c"
    assert found(app="{" + app + "}", run=app) == [("guid", app.lower(), "/app")]
    assert found(app="00000000-0000-0000-0000-000000000000") == []
    assert found(app="00000003-0000-0000-c000-000000000000") == []


def test_a_user_arn_is_the_user_and_another_arn_is_itself():
    assert values("arn", "arn:aws:iam::123456789012:user/ops/JDoe") == [("user", "jdoe")]
    role = "arn:aws:sts::123456789012:assumed-role/Reader/session"
    assert values("arn", role) == [("arn", role)]


def test_an_access_key_is_known_by_its_form():
    assert values("aws", "AKIAIOSFODNN7EXAMPLE") == [("id", "AKIAIOSFODNN7EXAMPLE")]
    assert values("aws", "AROAIOSFODNN7EXAMPLE:session") == [("id", "AROAIOSFODNN7EXAMPLE")]
    assert values("aws", "123456789012") == []


def test_the_hash_of_nothing_joins_nobody():
    assert values("md5", "D41D8CD98F00B204E9800998ECF8427E") == []
    assert values("hash", "0" * 32) == []
    assert values("sha256", "AB" * 32) == [("sha256", "ab" * 32)]
    assert values("sha256", "AB" * 20) == []


def test_a_link_is_one_link_in_any_case_of_its_host():
    assert values("url", "HTTPS://Evil.Example/A#x") == [("url", "https://evil.example/A")]
    assert values("url", "/only/a/path") == []


def test_a_reverse_name_and_a_loopback_name_join_nobody():
    assert values("domain", "7.2.0.192.in-addr.arpa") == []
    assert values("domain", "localhost") == []


def test_anything_at_all_can_stand_in_a_record():
    for odd in (None, 7, True, [], {}, ["x"], {"x": 1}, "\x00", "a" * 5000, "@", "\\", "$", "://", ".", ":"):
        for name in ("host", "asked", "src", "user", "mail", "app", "principal", "net", "by", "list"):
            assert isinstance(observables(SCHEMA, {name: odd}), tuple)
    for view in (None, [], "x", 7):
        assert observables(SCHEMA, view) == ()


def test_an_observable_can_be_counted():
    assert len({Observable("ip", "192.0.2.1"), Observable("ip", "192.0.2.1")}) == 1
