"""The words that reasons are made of."""

from functools import lru_cache

from countersign.core.canonical import NANOSECONDS
from countersign.core.records.observable import Observable
from countersign.core.render import neutralize

KIND_WORDS = {"ip": "address", "user": "account", "sid": "account", "email": "mail address", "url": "link", "id": "id",
          "guid": "id", "arn": "resource", "hash": "hash", "sha256": "hash", "sha1": "hash", "md5": "hash"}  # fmt: skip
STRENGTH = (
    "sha256",
    "sha1",
    "md5",
    "hash",
    "url",
    "email",
    "guid",
    "id",
    "arn",
    "user",
    "sid",
    "domain",
    "host",
    "ip",
)
_PLACES = {kind: place for place, kind in enumerate(STRENGTH)}


def strength(one: Observable) -> tuple[int, str, str]:
    """Sorts observables, those that say most first."""
    return (_PLACES.get(one.type, len(STRENGTH)), one.type, one.value)


def kind_word(one: Observable) -> str:
    """What a person calls this kind of observable."""
    return KIND_WORDS.get(one.type, one.type)


@lru_cache(maxsize=65_536)
def value_words(one: Observable | None) -> str:
    """An observable's value for a reason; one that leaves room for prose stands in our quotation marks."""
    if one is None:
        return ""
    shown = neutralize(one.value, 80)
    plain = all(c.isascii() and (c.isalnum() or c in "._-:@/\\+=") for c in one.value)
    return shown if plain else f"«{shown}»"


def apart_words(ns: int) -> str:
    """A distance in time as a reason says it: `within 12 min`."""
    seconds = ns / NANOSECONDS
    if seconds < 1:
        return "within a second"
    if seconds < 90:
        return f"within {round(seconds)} s"
    return f"within {round(seconds / 60)} min" if seconds < 5400 else f"within {seconds / 3600:.1f} h"


def span_words(seconds: int) -> str:
    """A length of time: `45 s`, `12 min`, `3.5 h`, `4 days`."""
    if seconds < 90:
        return f"{seconds} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{round(seconds / 86_400)} days"
