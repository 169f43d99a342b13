"""A data-quality flag, and the cap that it puts on conclusions.

Missing telemetry near an event is suspicious, never benign: an attacker can cause it. A flag only ever removes
confidence; what a cap does is decided with the rule table. Source: `reference/verification.md` section 11.
"""

import msgspec

from countersign.core.canonical import NANOSECONDS

CAPS: dict[str, str | None] = {
    "silent": "C01",
    "gap": "C01",
    "truncated": "C01",
    "sampled": "C01",
    "parse": "C01",
    "late": "C11",
    "skew": None,
    "conflict": "C02",
    "stale": "C05",
    "duplicate": None,
    "drift": None,
    "influenced": "C08",
}


class Flag(msgspec.Struct, frozen=True):
    """One problem of one source; `cap` is the limit it puts on a conclusion, `skew_ns` a measured clock skew."""

    flag: str
    schema: str
    source: str
    detail: str
    cap: str | None
    start_ns: int | None = None
    end_ns: int | None = None
    skew_ns: int = 0
    pointers: tuple[str, ...] = ()  # the fields that disagree, for a conflict

    @property
    def partial(self) -> bool:
        """Does it say that a part of a source's records is missing, whether or not that source decides here?"""
        return CAPS.get(self.flag) == "C01"


def raised(name: str, schema: str, source: str, detail: str, *times: int | None, skew: int = 0) -> Flag:
    """A flag with the cap of the table; `times` are its start and end in UTC nanoseconds."""
    start, end = (*times, None, None)[:2]
    return Flag(name, schema, source, detail, CAPS[name], start, end, skew)


def span(ns: int) -> str:
    """A length of time in words."""
    seconds = ns / NANOSECONDS
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 1 else "less than a second"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
