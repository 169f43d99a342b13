"""The eml/1 view: one RFC 5322 message as a document.

Headers are decoded (RFC 2047) and unfolded, addresses split into address, name and domain. Of a header
that should come once the topmost counts: what is above was added later, nearer to us. A header that is
absent, or holds nothing readable, has no key; lists are empty instead. Everything is text without lone
surrogates, bounded in number and length. Nothing is fetched, rendered or run.

    {"headers": {"from": {"address", "name", "domain"}, "reply_to", "sender", "return_path", "to": […],
                 "cc": […], "subject", "date", "message_id", "x_mailer", "received": […],
                 "authentication_results": […]},
     "auth": {"spf", "dkim", "dmarc"}, "received_time": "2023-09-26T08:17:53Z" or null,
     "urls": […], "url_count": 0, "url_domains": […], "url_ips": […],
     "attachments": [{"name", "type", "size", "sha256"}], "body_text": ""}

An empty attachment has no `sha256`. The parts of a message that is itself attached count for links and
attachments, not for the body.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from hashlib import sha256
from typing import TypeAlias

from countersign.core.records.mailtext import decoded, html_links, html_text, plain, text_links, words_decoded

MAX_HEADERS_LISTED = 200  # Received, Authentication-Results, and recipients each
MAX_HEADER_CHARS = 64 * 1024
MAX_AUTHENTICATION_CHARS = 10_000
MAX_PARTS = 1000
MAX_URLS = 50
MAX_URL_CHARS = 4096
MAX_BODY_CHARS = 20_000

_SINGLE = {"subject": "subject", "date": "date", "message_id": "message-id", "x_mailer": "x-mailer"}
_ADDRESS = {"from": "from", "reply_to": "reply-to", "sender": "sender", "return_path": "return-path"}
_ADDRESSES = {"to": "to", "cc": "cc"}
_REPEATED = {"received": "received", "authentication_results": "authentication-results"}

Part: TypeAlias = "Message[str, str]"


def mail_view(raw: bytes) -> dict[str, object]:
    """The message as a document; raises `ValueError` if the bytes do not start with header fields."""
    try:
        return _document(message_from_bytes(raw, policy=compat32))
    except RecursionError as exc:
        raise ValueError("not readable as a mail: parts nested too deeply") from exc
    except ValueError:
        raise
    except Exception as exc:  # the standard library's mail parser raises what it likes on hostile mail
        raise ValueError(f"not readable as a mail: {type(exc).__name__}") from exc


def _document(message: Part) -> dict[str, object]:
    fields = _header_fields(message)
    if not fields:
        raise ValueError("not a mail: no header fields")
    results = fields.get("authentication-results", [])
    received = fields.get("received", [])
    bodies, attachments = _parts(message)
    urls = list(dict.fromkeys(url for kind, text, _ in bodies for url in _links(kind, text)))
    hosts = list(dict.fromkeys(host for url in urls if (host := url_host(url))))
    return {
        "headers": _headers(fields),
        "auth": authentication(results[0]) if results else {},
        "received_time": _received_time(received[0]) if received else None,
        "urls": urls[:MAX_URLS],
        "url_count": len(urls),
        "url_domains": [host for host in hosts if not _is_ip(host)][:MAX_URLS],
        "url_ips": [host for host in hosts if _is_ip(host)][:MAX_URLS],
        "attachments": attachments,
        "body_text": _body_text(bodies),
    }


def _header_fields(message: Part) -> dict[str, list[str]]:
    """Lower-case name to the unfolded values, topmost first, not yet decoded."""
    fields: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        fields.setdefault(name.lower(), []).append(
            re.sub(r"[\r\n]+", "", plain(value)[:MAX_HEADER_CHARS]).strip()
        )
    return fields


def _headers(fields: dict[str, list[str]]) -> dict[str, object]:
    headers: dict[str, object] = {}
    for key, name in _ADDRESS.items():
        found = [entry for value in fields.get(name, [])[:1] for entry in addresses(value)]
        # An unquoted comma in a name makes two entries of one mailbox: the one with the address speaks.
        headers |= {key: next((entry for entry in found if "address" in entry), found[0])} if found else {}
    for key, name in _ADDRESSES.items():
        every = [entry for value in fields.get(name, []) for entry in addresses(value)]
        headers[key] = every[:MAX_HEADERS_LISTED]
    for key, name in _SINGLE.items():
        if name in fields:
            headers[key] = words_decoded(fields[name][0])
    for key, name in _REPEATED.items():
        headers[key] = fields.get(name, [])[:MAX_HEADERS_LISTED]
    return headers


# A quoted string, a comment, an address in angle brackets, a separator, or other text.
_ADDRESS_TOKEN = re.compile(
    r'"(?P<quoted>(?:[^"\\]|\\.){0,500})"|(?P<comment>\([^()]*\))|<(?P<angle>[^<>]*)>|(?P<mark>[,;:])|(?P<other>[^"(<,;:]+|.)',
    re.DOTALL,
)


def addresses(value: str) -> list[dict[str, str]]:
    """The mailboxes of an address header, in order; `name` and `domain` only where there are any.

    `"support@bank.example" <x@evil.example>` has the address x@evil.example: the quoted part is a name.
    """
    entries: list[dict[str, str]] = []
    words: list[str] = []
    angle: str | None = None
    for match in _ADDRESS_TOKEN.finditer(value + ","):
        kind, text = match.lastgroup, match[match.lastgroup or 0]
        if kind == "angle":
            angle = text
        elif kind == "mark" and text == ":" and angle is None:
            words = []  # the name of a group: its members follow
        elif kind == "mark":
            entries += _mailbox(words, angle)
            words, angle = [], None
        elif kind == "quoted":
            words.append(re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL))
        elif kind == "other":
            words.append(text)
    return entries


def _mailbox(words: list[str], angle: str | None) -> list[dict[str, str]]:
    text = " ".join(word for part in words if (word := part.strip()))
    # Bare text is an address only if it looks like one; "Virus found" without a mailbox is a name.
    bare = angle is None and re.fullmatch(r"[^\s@]+@[^\s@]+", text) is not None
    address = text if bare else (angle or "").strip()
    name = "" if bare else words_decoded(text).strip()
    if not address and not name:
        return []
    entry = {"address": address} if address else {}
    if name:
        entry["name"] = name
    domain = address.rpartition("@")[2].strip().rstrip(".").lower() if "@" in address else ""
    return [entry | ({"domain": domain} if domain else {})]


def authentication(value: str) -> dict[str, str]:
    """`{"spf", "dkim", "dmarc"}` of one Authentication-Results value (RFC 8601); of several results per method the first.

    A result counts only at the start of its part: comments and quoted text may hold anything.
    """
    bare = re.sub(r'"(?:[^"\\]|\\.){0,500}"', '""', value[:MAX_AUTHENTICATION_CHARS], flags=re.DOTALL)
    before = ""
    while (
        bare != before and len(bare) <= MAX_BODY_CHARS
    ):  # comments nest: take out the innermost until none is left
        before, bare = bare, re.sub(r"\([^()]*\)", " ", bare)
    results: dict[str, str] = {}
    for part in bare.split(";"):
        match = re.match(r"\s*(spf|dkim|dmarc)\s*=\s*([a-zA-Z]+)", part, re.IGNORECASE)
        if match:
            results.setdefault(match[1].lower(), match[2].lower())
    return results


_MONTHS = {
    name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)
}
_ZONES = {"ut": 0, "utc": 0, "gmt": 0, "z": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7}  # fmt: skip
_DATE = re.compile(
    r"(?<![0-9])([0-9]{1,2})\s+([A-Za-z]{3})[a-z]*\s+([0-9]{4})\s+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?\s+(?:([+-])([0-9]{2})([0-9]{2})|([A-Za-z]{1,3})\b)"
)


def rfc5322_time(text: str) -> str | None:
    """An RFC 5322 date as RFC 3339 in UTC, or None; the zone is required."""
    match = _DATE.search(text)
    if match is None or match[2].lower() not in _MONTHS:
        return None
    if match[7]:
        minutes = (int(match[8]) * 60 + int(match[9])) * (-1 if match[7] == "-" else 1)
    elif match[10].lower() in _ZONES:
        minutes = _ZONES[match[10].lower()] * 60
    else:
        return None
    day, year, hour, minute, second = (int(match[group] or 0) for group in (1, 3, 4, 5, 6))
    try:
        zone = timezone(timedelta(minutes=minutes))
        moment = datetime(year, _MONTHS[match[2].lower()], day, hour, minute, second, tzinfo=zone).astimezone(
            UTC
        )
    except (ValueError, OverflowError):
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def _received_time(received: str) -> str | None:
    return rfc5322_time(received.rpartition(";")[2]) if ";" in received else None


def _leaves(message: Part) -> Iterator[tuple[Part, bool]]:
    """Every part that holds no parts, in order, and whether it is inside an attached message."""
    waiting: list[tuple[Part, bool]] = [(message, False)]
    for _ in range(MAX_PARTS):
        if not waiting:
            return
        part, inside = waiting.pop()
        if part.is_multipart():
            attached = inside or part.get_content_type() == "message/rfc822"
            below = [child for child in part.get_payload() if isinstance(child, Message)]
            waiting += [(child, attached) for child in reversed(below)]
        else:
            yield part, inside
    raise ValueError(f"more than {MAX_PARTS} parts")


def _parts(message: Part) -> tuple[list[tuple[str, str, bool]], list[dict[str, object]]]:
    """Texts to read as (content type, text, inside an attached message), and attachments."""
    bodies: list[tuple[str, str, bool]] = []
    attachments: list[dict[str, object]] = []
    for part, inside in _leaves(message):
        kind = plain(part.get_content_type())
        payload = part.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else b""
        name = words_decoded(plain(part.get_filename() or ""))
        if (
            kind in {"text/plain", "text/html"}
            and not name
            and part.get_content_disposition() != "attachment"
        ):
            bodies.append((kind, decoded(content, str(part.get_content_charset() or "utf-8")), inside))
        else:
            entry: dict[str, object] = {"name": name} if name else {}
            entry |= {"type": kind, "size": len(content)}
            if content:  # all empty attachments have one digest; it identifies none of them
                entry["sha256"] = sha256(content).hexdigest()
            attachments.append(entry)
    return bodies, attachments


def _body_text(bodies: list[tuple[str, str, bool]]) -> str:
    """The first 20,000 code points of the first plain text, or of the text in the first HTML."""
    texts = {kind: text for kind, text, inside in reversed(bodies) if not inside}
    if texts.get("text/plain", "").strip():
        return texts["text/plain"].replace("\r\n", "\n")[:MAX_BODY_CHARS]
    return html_text(texts["text/html"])[:MAX_BODY_CHARS] if "text/html" in texts else ""


def _links(kind: str, text: str) -> list[str]:
    found = html_links(text) if kind == "text/html" else text_links(text)
    return [url for url in found if len(url) <= MAX_URL_CHARS]


def url_host(url: str) -> str:
    """The host a browser would ask, in lower case without port and trailing dot; empty if there is none.

    Addresses in disguise (`http://0x7f000001`, `http://017700000001`) come out as dotted IPv4.
    """
    rest = url.partition(":")[2].lstrip("/\\")
    authority = re.split(r"[/\\?#]", rest, maxsplit=1)[0].rpartition("@")[2]
    if authority.startswith("["):
        return authority[1:].partition("]")[0].lower()
    host = authority.partition(":")[0].rstrip(".").lower()
    return _dotted(host) or host


def _dotted(host: str) -> str | None:
    """The IPv4 address that browsers read from a host of numbers (WHATWG URL, "IPv4 parser"), or None."""
    parts = host.split(".")
    if len(parts) > 4 or not all(re.fullmatch(r"0x[0-9a-f]{0,8}|[0-9]{1,12}", part) for part in parts):
        return None
    try:
        numbers = [_number(part) for part in parts]
    except ValueError:
        return None
    if any(number > 255 for number in numbers[:-1]) or numbers[-1] >= 256 ** (5 - len(parts)):
        return None
    value = numbers[-1] + sum(number * 256 ** (3 - index) for index, number in enumerate(numbers[:-1]))
    return ".".join(str(byte) for byte in value.to_bytes(4, "big"))


def _number(part: str) -> int:
    if part.startswith("0x"):
        return int(part[2:] or "0", 16)
    return int(part, 8 if part.startswith("0") else 10)


def _is_ip(host: str) -> bool:
    return ":" in host or _dotted(host) is not None
