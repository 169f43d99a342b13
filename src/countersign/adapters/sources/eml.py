"""RFC 5322 mail: one message per file."""

import re

SCHEMAS = ("email.rfc822",)

_FIELD = re.compile(rb"([!-9;-~]{1,100}):[^\n]{0,100000}(?:\n|\Z)|[ \t][^\n]{0,100000}(?:\n|\Z)")
_MARKS = {b"from", b"received", b"subject", b"date", b"message-id", b"return-path"}


def starts_like_mail(head: bytes) -> bool:
    """Do the first lines read as header fields, with at least two that every mail program writes?"""
    position = 3 if head.startswith(b"\xef\xbb\xbf") else 0
    seen: set[bytes] = set()
    while (match := _FIELD.match(head, position)) is not None:
        seen.add((match[1] or b"").lower())
        position = match.end()
        if len(seen & _MARKS) > 1:
            return True
    return False
