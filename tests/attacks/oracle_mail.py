"""The parts of a mail that the oracle reads for itself: addresses, subject, date, authentication results.

Fewer fields than the product's view, on purpose: claims are made over what both can read.
"""

import re
from datetime import UTC
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parsedate_to_datetime

RESULT = re.compile(r"\b(spf|dkim|dmarc)\s*=\s*([a-z]+)", re.IGNORECASE)


def read_mail(raw: bytes) -> dict[str, object]:
    """The view of a mail, as far as this reader goes."""
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    view: dict[str, object] = {"headers": {}, "received_time": received(mail)}
    headers = view["headers"]
    assert isinstance(headers, dict)
    sender = address(mail)
    if sender:
        headers["from"] = {"address": sender}
    for name in ("subject", "message_id"):
        text = mail.get(name.replace("_", "-"))
        if text is not None and str(text).isascii() and str(text).strip() == str(text) and "  " not in str(text):
            headers[name] = str(text)
    results = RESULT.findall(str(mail.get("authentication-results", "")))
    view["auth"] = {name.lower(): result.lower() for name, result in reversed(results)}
    return view


def address(mail: EmailMessage) -> str | None:
    """The sender's address where the header is plain enough for two readers to agree on it."""
    found = re.search(r"<([^<>@\s]+@[A-Za-z0-9.-]+)>\s*\Z", str(mail.get("from", "")))
    return found.group(1) if found else None


def received(mail: EmailMessage) -> str | None:
    """Time of the topmost Received header, as RFC 3339 in UTC."""
    text = str(mail.get("received", "")).rpartition(";")[2].strip()
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    return None if when.tzinfo is None else when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
