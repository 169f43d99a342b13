"""What free text names: found in every disguise, never invented, and in linear time."""

import os
import string
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign.core.records.fields import Dictionary
from countersign.core.records.names import is_domain, top_levels
from countersign.core.records.observable import Observable, observables
from countersign.core.records.refang import BREAK, plain
from countersign.core.records.texts import TYPES, mentions
from countersign.core.records.told import told

EXAMPLES = 20_000 if os.environ.get("COUNTERSIGN_FULL") else 400
MD5 = "44d88612fea8a8f36de82e1278abb02f"
SHA256 = "275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f"


def found(text):
    return {(one.type, one.value) for one in mentions(text)}


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("see http://a.example.com/x_(y)).", "url", "http://a.example.com/x_(y)"),
        ("DownloadString('https://a.example.com/x.ps1')", "url", "https://a.example.com/x.ps1"),
        ("hxxps://a[.]example[.]com/b?c=1&d=%20e", "url", "https://a.example.com/b?c=1&d=%20e"),
        ("hxxp[:]//192.0.2.1[:]8080/x", "url", "http://192.0.2.1:8080/x"),
        (r"http:\/\/a.example.com\/b", "url", "http://a.example.com/b"),
        ("evil(dot)example(dot)com", "domain", "evil.example.com"),
        ("evil{.}example[dot]com!", "domain", "evil.example.com"),
        ("u=http%3A%2F%2Fa.example.com%2Fb", "domain", "a.example.com"),
        ("u=http%3A%2F%2Fa.example.com%2Fb%3Fc=1%26d=2&e=3", "url", "http://a.example.com/b?c=1&d=2"),
        ("r=%252Fz%253Dwww.example.net%20end", "domain", "www.example.net"),
        ("пример.рф", "domain", "пример.рф"),
        ("bob[at]example[.]com", "email", "bob@example.com"),
        ("<Bob@Example.com>", "email", "bob@example.com"),
        ("to 192.0.2[.]9, then", "ip", "192.0.2.9"),
        ("192.0.2.1:443", "ip", "192.0.2.1"),
        ("192.0.2.1-192.0.2.9", "ip", "192.0.2.9"),
        ("[2001:db8::2]:443", "ip", "2001:db8::2"),
        ("block 192.0.2.0/24 now", "cidr", "192.0.2.0/24"),
        ("2001:db8::/32", "cidr", "2001:db8::/32"),
        (f"MD5={MD5.upper()},", "md5", MD5),
        (f"/tmp/{MD5}.exe", "md5", MD5),
        (f"imphash: {MD5}", "imphash", MD5),
        (f"https://a.example.com/file/{SHA256}", "sha256", SHA256),
        ("(CVE 2021-44228)", "cve", "CVE-2021-44228"),
        (r'"C:\Program Files\Foo Bar\x.exe" /c', "path", r"C:\Program Files\Foo Bar\x.exe"),
        (r"\\192.0.2.3\c$\a.exe", "ip", "192.0.2.3"),
        ("cat /usr/bin/x|sh", "path", "/usr/bin/x"),
        (r"<HKLM>\Software\Windows NT\Run HKCU\a", "registry_key", r"HKLM\Software\Windows NT\Run"),
        (r"<HKLM>\Software\Windows NT\Run HKCU\a", "registry_key", r"HKCU\a"),
    ],
)
def test_an_indicator_is_found_in_the_form_it_had_before(text, kind, value):
    assert (kind, value) in found(text)


@pytest.mark.parametrize(
    "text",
    [
        "[System.IO.Path]::GetTempPath() New-Object System.Net.WebClient ASP.NET",
        "install.sh main.py user.name event.id backup.zip kernel32.dll",
        "Chrome/120.0.0.71 version 1.2.3.4 v1.2.3.4 1.2.3.4.5 10.0.256.1",
        "12:34:56 00:11:22:33:44:55 std::cout a::b 00:11:22:33:44:55:66:77",
        "0" * 32 + " 12345678901234567890123456789012 co.uk com CVE-21-1",
        "25cf5d02-e50b-4288-870a-528d56c3cf6e",
    ],
)
def test_what_only_looks_like_an_indicator_is_left_alone(text):
    assert set() == found(text)


def test_the_host_of_a_url_is_said_to_stand_inside_one():
    [url, host] = mentions("http://a.example.com/")

    assert ("url", "") == (url.type, url.within)
    assert ("domain", "url") == (host.type, host.within)


def test_a_value_that_also_stands_alone_is_told_as_such():
    assert [""] == [
        one.within for one in mentions("http://a.example.com/ a.example.com") if one.type == "domain"
    ]


def test_a_url_keeps_the_escapes_it_was_written_with():
    url = "http://a.example.com/?u=http%3A%2F%2Fb.example.com%20c"

    assert ("url", url) in found(f"«{url}»")


def test_an_escape_before_the_scheme_ends_what_stands_before_it():
    assert {("ip", "192.0.2.1"), ("domain", "a.example.com")} <= found(
        "192.0.2.1//%3A%0ahttps://a.example.com/"
    )


def test_a_password_in_a_url_makes_no_mail_address():
    assert {"url", "domain"} == {one.type for one in mentions("http://u:pw@a.example.com/")}


def test_places_are_counted_in_characters_of_the_original():
    text = "äöü 🙂 hxxp://a[.]example[.]com/ü 192[.]0[.]2[.]7"
    first, *_, last = mentions(text)

    assert "hxxp://a[.]example[.]com/ü" == text[first.start : first.end]
    assert "192[.]0[.]2[.]7" == text[last.start : last.end]


def test_a_suffix_alone_is_no_domain():
    assert is_domain("example.co.uk")
    assert not is_domain("co.uk")
    assert not is_domain("a..com")
    assert not is_domain("x" * 64 + ".com")


def test_rules_with_wildcards_and_exceptions_count():
    assert [False, True, True, False, True] == [
        is_domain(name) for name in ("a.ck", "www.ck", "b.a.ck", "a.kawasaki.jp", "city.kawasaki.jp")
    ]


def test_an_underscore_names_a_service_below_a_domain_and_is_no_part_of_one():
    assert is_domain("_dmarc.example.com")
    assert not is_domain("_dmarc.com")


def test_the_suffix_list_that_is_installed_can_be_read():
    assert {"com", "uk", "рф"} <= set(top_levels())
    assert 1_000 < len(top_levels()) == len(set(top_levels()))


def test_a_long_run_of_letters_is_searched_all_the_same():
    assert {("ip", "192.0.2.1"), ("ip", "192.0.2.9")} == found("192.0.2.1-" * 40 + "192.0.2.9")


def test_paths_can_be_left_out():
    assert ["ip"] == [one.type for one in mentions(r"\\192.0.2.3\c$\a.exe /usr/bin/x", paths=False)]


# Any text at all -------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        "http://", "hxxps://", "[.]", "(dot)", "{at}", "@", ".", "/", "\\", ":", "::", "%2F", "%252E", "%20", "%",
        "example.com", "a.example.org", "192.0.2.1", "2001:db8::1", MD5, SHA256, "CVE-2021-44228", "HKLM\\", "C:\\",
        "/etc/passwd", "a", "é", "🙂", "рф", " ", "\n", "\t", "\x01", "\x00", "\ud800", "(", ")", "[", "]", "'", '"', "<", ">",
        "-", "_", "=", "&", "?", "#", ",", ";", "~", "..", "24", "0", "imphash ", "foo.zip", "System.Net", "\\/",
    ]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=40).map("".join))


def leveled(text):
    """Without case, one space for backslashes and the like."""
    return " ".join(
        text.lower().replace("\\", " ").replace("<", " ").replace(">", " ").replace(":", " ").split()
    )


def undone(text):
    """The text as an analyst reads it: nothing in disguise."""
    return plain(text.encode("utf-8", "replace").replace(BREAK, b" ")).data.decode(errors="replace")


@settings(max_examples=EXAMPLES, deadline=None)
@given(TEXTS)
def test_what_is_found_stands_in_the_text(text):
    for one in mentions(text):
        here = text[one.start : one.end]
        value = undone(one.value) if one.type == "url" else one.value
        if one.type == "cve":
            value, here = (
                "".join(c for c in said if c in string.digits) for said in (one.value, undone(here))
            )

        assert one.type in TYPES
        assert 0 <= one.start < one.end <= len(text)
        assert leveled(value) in leveled(undone(here))


@settings(max_examples=EXAMPLES, deadline=None)
@given(TEXTS)
def test_what_is_found_is_found_again_in_itself(text):
    """Except where the words around it said what it is: a file-like name in a URL, the name of a hash."""
    for one in mentions(text):
        if not one.within and one.type in {"url", "ip", "cidr", "email", "sha1", "sha256", "sha512", "cve"}:
            assert (one.type, one.value) in found(one.value)


@settings(max_examples=EXAMPLES, deadline=None)
@given(TEXTS)
def test_a_text_without_disguise_is_read_as_it_stands(text):
    first = plain(text.encode("utf-8", "replace"))

    assert first.ends or first.data == text.encode("utf-8", "replace")


@pytest.mark.parametrize(
    "piece",
    ["a", "a.", "http://", "[.]", "%25", "a@", "::", "a:", "http://a.com/)", r"HKLM\a b ", "/a/", "C:\\", "a b\\", "1.2.3.4-",
     "hxxp://a[.]com ", "ё.", "http://a.com/?u=http://b.com/", "0" * 32 + ".", "\ud800", "<dot>", "%2F", "(", "é[.]",
     "192.0.2.1//%3A%0ahttps://", "http%3A%2F%2Fa.com", "http://a.com/=a", "a" * 31 + "g", "b" * 299 + " "],
)  # fmt: skip
def test_time_grows_with_the_text_and_no_faster(piece):
    def seconds(length):
        text = piece * (length // len(piece))
        before = process_time()
        mentions(text)
        return process_time() - before

    mentions(piece)
    small, large = min(seconds(20_000) for _ in range(3)), min(seconds(160_000) for _ in range(2))

    assert large < 24 * small + 0.05  # eight times the text; the square of it would be sixty-four times


# In a record -----------------------------------------------------------------------------------------------

DICTIONARY = Dictionary.load(
    {
        "made.up.toml": b"""
schema = "made.up"
[fields]
"/ip" = { type = "ip", taint = "system" }
"/line" = { type = "cmdline" }
"/said" = { type = "text" }
"/level" = { type = "text", taint = "system" }
"/pairs" = { type = "text", embed = "equals-pairs/1" }
"""
    }
)


def test_free_text_is_told_apart_from_typed_fields():
    schema = DICTIONARY.schema("made.up")
    view = {"ip": "192.0.2.1", "line": "curl http://192.0.2.7/x", "said": "é 192.0.2.8", "level": "192.0.2.9"}

    typed = {one for one, _ in observables(schema, view)}
    texts = {
        (one.bare, pointer, view[pointer[1:]][one.start : one.end], one.tainted)
        for one, pointer in told(schema, view)
    }

    assert {Observable("ip", "192.0.2.1")} == typed
    assert {
        (Observable("url", "http://192.0.2.7/x"), "/line", "http://192.0.2.7/x", True),
        (Observable("ip", "192.0.2.7"), "/line", "192.0.2.7", True),
        (Observable("ip", "192.0.2.8"), "/said", "192.0.2.8", True),
    } == texts
