"""A mail's view: who wrote to whom, what the receiving server decided, and where its links lead."""

from hashlib import sha256

import pytest

from countersign.core.records.mail import addresses, authentication, rfc5322_time, url_host
from countersign.core.records.mailtext import html_text, words_decoded
from countersign.core.records.views import view


def a_mail(headers="", body="Hello", kind="text/plain"):
    """The view of a small mail."""
    raw = f"From: Ann <ann@firm.example>\n{headers}Content-Type: {kind}\n\n{body}"
    return view(raw.encode(), "eml/1")


def test_a_display_name_that_looks_like_an_address_is_a_name():
    [sender] = addresses('"support@bank.example" <x@Evil.example.>')

    assert sender == {"address": "x@Evil.example.", "name": "support@bank.example", "domain": "evil.example"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ann@a.example", [{"address": "ann@a.example", "domain": "a.example"}]),
        ("Virus found", [{"name": "Virus found"}]),
        ("Undisclosed recipients:;", []),
        ("Team: a@a.example, b@b.example;", ["a@a.example", "b@b.example"]),
        ('"Doe, J." <j@a.example>, b@b.example', ["j@a.example", "b@b.example"]),
        ("=?utf-8?b?QmFuaw==?= <a@a.example>", [{"address": "a@a.example", "name": "Bank", "domain": "a.example"}]),
        ("(comment) a@a.example (x, y)", ["a@a.example"]),
        ("<>", []),
    ],
)  # fmt: skip
def test_addresses_are_split(value, expected):
    found = addresses(value)

    assert [
        each if isinstance(each, dict) else {"address": each, "domain": each[2:]} for each in expected
    ] == [
        entry if isinstance(expected[0], dict) else {key: entry[key] for key in ("address", "domain")}
        for entry in found
    ]


def test_neighbouring_encoded_words_are_joined_before_decoding():
    """The two bytes of one letter, in two words."""
    assert words_decoded("=?utf-8?q?caf=C3?= =?utf-8?q?=A9?= bar") == "café bar"
    assert words_decoded("=?no-such-set?q?caf=C3=A9?=") == "café"
    assert words_decoded("=?utf-8?b?!!!?=").isprintable()
    assert words_decoded("=?unicode_escape?q?=5Cud800?=") == "\\ud800"


def test_the_topmost_result_counts_and_comments_do_not():
    """What is below was written by others, and a comment by anyone."""
    mail = a_mail(
        "Authentication-Results: mx.example; spf=fail (dkim=pass; dmarc=pass) smtp.mailfrom=x;\n dkim=none\n"
        "Authentication-Results: evil.example; spf=pass; dkim=pass; dmarc=pass\n"
    )

    assert mail["auth"] == {"spf": "fail", "dkim": "none"}


def test_of_several_results_of_one_method_the_first_counts():
    assert authentication("mx; dkim=fail header.d=a; dkim=pass header.d=b") == {"dkim": "fail"}


def test_quoted_text_is_no_result():
    assert authentication('mx; spf=none reason="; dkim=pass"; x=dkim=pass') == {"spf": "none"}


def test_the_time_is_that_of_the_topmost_received_header():
    mail = a_mail(
        "Received: from b by a; Tue, 26 Sep 2023 08:17:53\n +0200\nReceived: x; Mon, 1 Jan 2024 00:00:00 +0000\n"
    )

    assert mail["received_time"] == "2023-09-26T06:17:53Z"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tue, 1 Sep 2023 08:17 GMT", "2023-09-01T08:17:00Z"),
        ("1 Sep 2023 08:17:01 -0000", "2023-09-01T08:17:01Z"),
        ("1 Sep 2023 08:17:01 EST", "2023-09-01T13:17:01Z"),
        ("1 Sep 2023 08:17:01", None),
        ("31 Feb 2023 08:17:01 +0000", None),
        ("1 Jan 0001 00:00:00 +1200", None),
        ("1 Sep 2023 08:17:01 +9999", None),
        ("yesterday", None),
    ],
)
def test_times_need_a_zone_and_a_calendar(text, expected):
    assert rfc5322_time(text) == expected


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Bank.example./login", "bank.example"),
        ("http://bank.example@evil.example/", "evil.example"),
        ("http://bank.example@x@evil.example/", "evil.example"),
        ("http://evil.example\\@bank.example/", "evil.example"),
        ("http://evil.example:8080?x=bank.example", "evil.example"),
        ("http://0x7f000001/", "127.0.0.1"),
        ("http://017700000001", "127.0.0.1"),
        ("http://2130706433", "127.0.0.1"),
        ("http://127.1", "127.0.0.1"),
        ("http://[2001:DB8::1]:80/", "2001:db8::1"),
        ("http:/\\evil.example", "evil.example"),
    ],
)
def test_the_host_is_the_one_a_browser_would_ask(url, host):
    assert url_host(url) == host


def test_links_come_from_attributes_and_words_each_once():
    body = (
        '<a href="ht\ntps://a.example/?x=1&amp;y=2">https://bank.example</a> <img src=http://198.51.100.7/p>'
        "<a href='mailto:x@y.example'>see http://b.example/end.</a><div style=\"background:url('http://c.example/i')\">"
        '<a HREF="https://a.example/?x=1&amp;y=2">again</a>'
    )

    mail = a_mail(body=body, kind="text/html")

    assert mail["urls"] == [
        "https://a.example/?x=1&y=2",
        "http://198.51.100.7/p",
        "http://c.example/i",
        "https://bank.example",
        "http://b.example/end",
    ]
    assert mail["url_count"] == 5
    assert mail["url_domains"] == ["a.example", "c.example", "bank.example", "b.example"]
    assert mail["url_ips"] == ["198.51.100.7"]


def test_html_is_read_for_its_words():
    html = "<html><head><style>p{}</style><title>T</title><p>one</p> 2 < 3<!-- no --> &amp; <b>four</b><br>five<style>unended"

    assert html_text(html) == "T\none\n2 < 3 & four\nfive"


def test_attachments_are_named_by_their_digest():
    raw = (
        b"From: a@a.example\nSubject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\n"
        b'Content-Type: application/pdf; name="=?utf-8?q?caf=C3=A9.pdf?="\nContent-Transfer-Encoding: base64\n\n'
        b"aGVsbG8=\n--b\nContent-Type: image/png; name=e.png\n\n--b--\n"
    )

    mail = view(raw, "eml/1")

    assert mail["body_text"] == "text"
    assert mail["attachments"] == [
        {"name": "café.pdf", "type": "application/pdf", "size": 5, "sha256": sha256(b"hello").hexdigest()},
        {"name": "e.png", "type": "image/png", "size": 0},
    ]


def test_an_attached_mail_counts_for_links_not_for_the_body():
    raw = (
        b"From: a@a.example\nSubject: fwd\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nplease look\n--b\n"
        b"Content-Type: message/rfc822\n\nFrom: e@evil.example\nSubject: inner\n\nhttp://evil.example/\n--b--\n"
    )

    mail = view(raw, "eml/1")

    assert mail["headers"]["subject"] == "fwd"
    assert mail["body_text"] == "please look"
    assert mail["urls"] == ["http://evil.example/"]


def test_the_body_is_cut_at_20_000_code_points():
    assert len(a_mail(body="é" * 30_000)["body_text"]) == 20_000


def test_absent_headers_have_no_key_and_lists_are_empty():
    mail = a_mail()

    assert mail["headers"] == {
        "from": {"address": "ann@firm.example", "name": "Ann", "domain": "firm.example"},
        "to": [],
        "cc": [],
        "received": [],
        "authentication_results": [],
    }
    assert mail["auth"] == {}
    assert mail["received_time"] is None


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no header here",
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\nContent-Type: multipart/mixed; boundary=b\n\n" * 3000,
        b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 2000 + b"--b--\n",
    ],
)  # fmt: skip
def test_what_is_no_mail_or_too_much_of_one_is_refused(raw):
    with pytest.raises(ValueError, match=r"mail|parts"):
        view(raw, "eml/1")


@pytest.mark.parametrize(
    "raw",
    [
        b"From: \xff\xfe\nSubject: \xe9\n\n\xff",
        b"Subject: x\nContent-Type: text/plain; charset=\x00\n\nx",
        b"Subject: x\nContent-Type: text/plain; charset=punycode\n\n\xff",
        b"Subject: x\nContent-Type: text/plain; charset*=utf-8''%FF\n\nx",
        b"Subject: x\nContent-Type: a/b; name*9999999999999=x\n\nx",
        b"Subject: x\nContent-Disposition: attachment; filename*0*=utf-8''%ff; filename*2=z\n\nx",
        b"Subject: x\nContent-Transfer-Encoding: base64\n\n!",
        b"Subject: x\nContent-Transfer-Encoding: uuencode\n\nbegin 644 x\n\xff\nend",
        b"Subject: x\nContent-Type: text/html\n\n&#" + b"9" * 10_000 + b";",
        b"Subject: x\nContent-Type: multipart/mixed\n\nx",
    ],
)
def test_hostile_headers_and_bodies_still_have_a_view(raw):
    assert view(raw, "eml/1")["headers"]
