"""Lists of well-known values are taken as they are published, and are context only."""

import json

import pytest

from countersign.core.claims.knownlist import KNOWN
from countersign.core.claims.reference import KINDS, parse_reference
from shared_data import shared_folder


def warninglist(kind, entries, attributes=(), **more):
    document = {"name": "Made up", "version": 3, "type": kind, "list": entries, "description": "for tests"}
    return json.dumps(document | {"matching_attributes": list(attributes)} | more).encode()


@pytest.mark.parametrize(
    ("kind", "entry", "type_", "value", "hit"),
    [
        ("cidr", "192.0.2.0/24", "ip", "192.0.2.9", True),
        ("cidr", "192.0.2.0/24", "ip", "198.51.100.1", False),
        ("cidr", "2001:DB8::/32", "ip", "2001:db8::1", True),
        ("cidr", "192.0.2.7", "ip", "192.0.2.7", True),
        ("cidr", "192.0.2.0/24", "domain", "a.example.com", False),
        ("hostname", ".example.com", "domain", "a.b.example.com", True),
        ("hostname", "example.com", "url", "https://u@a.example.com:8080/x", True),
        ("hostname", "example.com", "domain", "notexample.com", False),
        ("string", "Example.com", "domain", "example.com", True),
        ("string", "example.com", "domain", "a.example.com", False),
        ("substring", "example.c", "email", "bob@mail.example.com", True),
        ("regex", "/^a\\d+$/i", "domain", "A12", True),
    ],
)
def test_an_entry_matches_as_its_type_says(kind, entry, type_, value, hit):
    pinned = parse_reference(warninglist(kind, [entry]))

    assert (entry if hit else "") == pinned.known.hit(type_, value)


def test_the_narrowest_network_is_told():
    pinned = parse_reference(warninglist("cidr", ["192.0.2.0/24", "192.0.2.8/30", "0.0.0.0/0"]))

    assert "192.0.2.8/30" == pinned.known.hit("ip", "192.0.2.9")


def test_a_list_is_held_only_against_the_values_it_is_meant_for():
    pinned = parse_reference(warninglist("substring", ["555"], ["phone-number"]))

    assert "" == pinned.known.hit("ip", "192.0.2.555")


@pytest.mark.parametrize(
    ("kind", "entry", "type_", "value"),
    [
        ("string", "allowed", "user", "allowed"), ("string", "80", "id", "80"), ("string", "fs01", "host", "fs01"),
        ("hostname", "80", "ip", "192.0.2.80"), ("hostname", "0.2.80", "ip", "192.0.2.80"),
        ("substring", "80", "ip", "192.0.2.80"), ("regex", "80", "ip", "192.0.2.80"), ("regex", "admin", "user", "admin"),
    ],
)  # fmt: skip
def test_a_word_or_a_number_is_not_held_against_values_no_list_is_made_for(kind, entry, type_, value):
    assert "" == parse_reference(warninglist(kind, [entry])).known.hit(type_, value)


@pytest.mark.parametrize("kind", ["hostname", "string"])
def test_an_address_in_a_list_of_names_is_that_address(kind):
    assert "192.0.2.80" == parse_reference(warninglist(kind, ["192.0.2.80"])).known.hit("ip", "192.0.2.80")


@pytest.mark.parametrize(
    ("kind", "entries"),
    [("cidr", ["192.0.2.0/33"]), ("cidr", ["192.0.2.999"]), ("regex", ["/(/"]), ("regex", ["/a/x"]), ("magic", ["a"]),
     ("string", [1]), ("string", [""]), ("string", "a")],
)  # fmt: skip
def test_a_list_that_cannot_be_used_is_refused(kind, entries):
    with pytest.raises(ValueError, match=r"entry|type is one of|array of strings|expression"):
        parse_reference(warninglist(kind, entries))


def test_such_a_list_is_of_no_kind_that_a_reading_may_rest_on():
    pinned = parse_reference(warninglist("string", ["example.com"]))

    assert KNOWN == pinned.kind
    assert KNOWN not in KINDS
    assert {"example.com": {"description": "for tests"}} == pinned.entries


def test_the_public_suffix_list_knows_suffixes_and_nothing_below_them():
    data = b"// VERSION: 2026-10-22\n// ===BEGIN ICANN DOMAINS===\ncom\nco.uk\n*.ck\n!www.ck\n"
    pinned = parse_reference(data)

    assert ("Public Suffix List", "2026-10-22") == (pinned.kb, pinned.kb_version)
    assert "co.uk" == pinned.known.hit("domain", "co.uk")
    assert "" == pinned.known.hit("domain", "example.co.uk")
    assert ["com", "co.uk"] == list(pinned.entries)


def test_every_published_list_is_taken_as_it_is():
    folder = shared_folder("ioc-allowlists")
    files = sorted((folder / "misp-warninglists").glob("*.json"))
    pinned = [parse_reference(file.read_bytes()) for file in files]

    assert 42 == len(pinned)
    for file, reference in zip(files, pinned, strict=True):
        assert len(json.loads(file.read_bytes())["list"]) == len(reference.entries)
    hits = {r.kb for r in pinned if r.known.hit("ip", "10.1.2.3")}
    assert {"List of RFC 1918 CIDR blocks", "List of RFC 5735 CIDR blocks"} <= hits
    assert parse_reference((folder / "public_suffix_list.dat").read_bytes()).known.hit("domain", "co.uk")
