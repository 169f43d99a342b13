"""The parts of a mail that the oracle reads for itself: addresses, subject, date, authentication results.

Fewer fields than the product's view, on purpose: claims are made over what both can read.
"""

import re
from datetime import UTC
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

SUBJECT = re.compile(r"\S+( \S+)*\Z")
MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>\Z")
SENDER = re.compile(r"(?:[^<>\",;:@()]*|\"[^<>\"\\]*\")\s*<([A-Za-z0-9._-]+@[A-Za-z0-9.-]+)>\Z")
RESULT = re.compile(r"\b(spf|dkim|dmarc)\s*=\s*([a-z]+)", re.IGNORECASE)


def read_mail(raw: bytes) -> dict[str, object] | None:
    """The view of a mail, as far as this reader goes; None for a mail whose headers it does not trust itself with."""
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    view: dict[str, object] = {"headers": {}, "received_time": received(mail)}
    headers = view["headers"]
    assert isinstance(headers, dict)
    sender = address(first(raw, "from") or "")
    if sender is None:
        return None
    headers["from"] = {"address": sender}
    for name, form in (("subject", SUBJECT), ("message_id", MESSAGE_ID)):
        text = first(raw, name.replace("_", "-"))
        if text is not None and form.match(text):
            headers[name] = text
        elif mail.get(name.replace("_", "-")) is not None:
            return None
    results = RESULT.findall(str(mail.get("authentication-results", "")))
    view["auth"] = {name.lower(): result.lower() for name, result in reversed(results)}
    return view


def first(raw: bytes, name: str) -> str | None:
    """The value of a header that stands once in plain ASCII, its lines joined and its coded words read; else None."""
    head = raw.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode("latin-1")
    found = re.findall(rf"(?im)^{name}:[ \t]*(.*(?:\n[ \t].*)*)$", head)
    if len(found) != 1 or not found[0].isascii():
        return None
    text = re.sub(r"\n(?=[ \t])", "", found[0]).strip()
    if re.search(r"\?=\s+[^=\s]|[^=\s]\s+=\?", text):
        return None
    try:
        return str(make_header(decode_header(text))).strip() if "=?" in text else text
    except (ValueError, LookupError):
        return None


def address(header: str) -> str | None:
    """The sender's address where the header is plain enough for two readers to agree on it."""
    found = SENDER.match(header)
    return found.group(1) if found else None


def received(mail: EmailMessage) -> str | None:
    """Time of the topmost Received header, as RFC 3339 in UTC."""
    text = str(mail.get("received", "")).rpartition(";")[2].strip()
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return None if when.tzinfo is None else when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
