"""What the key of a list entry names: one address, domain, URL, mail address or hash, or nothing.

A word such as `allowed` or a number such as `80` names nothing: it stands in too many fields that have nothing to
do with the indicator an alert is about. Source: `verification.md` sections 2 (comparison) and 8 (`stale_intel`).
"""

import re
from collections.abc import Callable

from countersign.core.canonical import canon
from countersign.core.records.observable import spell

_NAME = re.compile(r"(?=.{4,253}\Z)(?:\w[\w-]{0,62}\.)+[^\W\d][\w-]{1,62}")
_MAIL = re.compile(r"[^\s@<>]{1,64}@([^\s@<>]+)")
_HEX = re.compile(r"[0-9a-f]+")
_LENGTH = {"md5": (32,), "sha1": (40,), "sha256": (64,), "hash": (32, 40, 56, 64, 96, 128)}

HASHES = frozenset(_LENGTH)
NAMEABLE = "an address, a domain, a URL, a mail address or a hash"


def _ip(text: str) -> str:
    tag, packed = canon("ip", text) or ("", "")
    return str(packed) if tag == "ip" else ""


def _domain(text: str) -> str:
    name = text.rstrip(".").lower()
    return name if _NAME.fullmatch(name) else ""


def _email(text: str) -> str:
    found = _MAIL.fullmatch(text)
    return text.lower() if found and _domain(found[1]) else ""


def _url(text: str) -> str:
    return next((one.value for one in spell("url", text)), "")


def _hash(kind: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        value = text.lower()
        return value if len(value) in _LENGTH[kind] and _HEX.fullmatch(value) else ""

    return read


_READ: dict[str, Callable[[str], str]] = {
    "ip": _ip,
    "url": _url,
    "email": _email,
    "domain": _domain,
    **{kind: _hash(kind) for kind in _LENGTH},
}
"""Semantic type → the one form of a text that is of this type, empty when it is not; the first that reads a key wins."""


def form(kind: str, text: str) -> str:
    """A text in the one form in which values of this type are compared; empty when it is no such value."""
    return _READ[kind](text)


def named(key: str, declared: object = None) -> str:
    """The semantic type of what a key names (`ip url email domain md5 sha1 sha256 hash`), empty when it names nothing.

    `declared` is the entry's own `type`. One of these types that the key is not makes the key name nothing.
    """
    kind = next((kind for kind, read in _READ.items() if read(key)), "")
    if not isinstance(declared, str) or declared not in _READ or declared == kind:
        return kind
    return kind if declared == "hash" and kind in HASHES else ""
