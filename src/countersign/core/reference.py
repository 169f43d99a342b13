"""Pinned references: registers, baselines and lists that a person loaded, each version named by its digest.

They are what a benign reading must rest on, because nobody under investigation wrote them.
Source: contract `reference.schema.json`.
"""

import json
from decimal import Decimal

import msgspec

from countersign.core.canonical import NANOSECONDS, parse_time
from countersign.core.ids import digest

KINDS = frozenset(
    "test_register change_register job_inventory callback baseline indicator_list allow_list rule_text attack".split()
)
_KEYS = {"kb", "kb_version", "kind", "loaded_at", "ttl_days", "entries"}


class Reference(msgspec.Struct, frozen=True):
    """One version of a list or register: entry key → its fields."""

    kb: str
    kb_version: str
    kind: str
    loaded_ns: int
    ttl_days: Decimal | None
    entries: dict[str, dict[str, object]]
    digest: str

    def is_stale(self, now_ns: int) -> bool:
        """Has its time to live run out?"""
        return self.ttl_days is not None and now_ns > self.loaded_ns + int(
            self.ttl_days * 86400 * NANOSECONDS
        )


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return dict(pairs)


def parse_reference(data: bytes) -> Reference:
    """Read one reference file; raises ValueError that says what is wrong."""
    document = json.loads(data, parse_float=Decimal, object_pairs_hook=_unique)
    if not isinstance(document, dict) or not (_KEYS - {"ttl_days"}) <= set(document) <= _KEYS:
        raise ValueError(
            "a reference needs exactly kb, kb_version, kind, loaded_at, entries (and may have ttl_days)"
        )
    kind, loaded = document["kind"], parse_time(str(document["loaded_at"]))
    if kind not in KINDS:
        raise ValueError(f"kind is one of {', '.join(sorted(KINDS))}")
    if loaded is None:
        raise ValueError("loaded_at is an RFC 3339 time with a zone")
    ttl = document.get("ttl_days")
    if ttl is not None and (isinstance(ttl, bool) or not isinstance(ttl, int | Decimal) or ttl <= 0):
        raise ValueError("ttl_days is a number above 0")
    entries: dict[str, dict[str, object]] = {}
    for number, entry in enumerate(document["entries"], 1):
        key = entry.get("key") if isinstance(entry, dict) else None
        if not isinstance(key, str) or not key or key in entries:
            raise ValueError(f"entry {number} needs a key of its own")
        fields = {name: value for name, value in entry.items() if name != "key"}
        if not all(isinstance(value, str | int | Decimal | bool) for value in fields.values()):
            raise ValueError(f"entry {number}: fields are strings, numbers or booleans")
        entries[key] = fields
    return Reference(
        str(document["kb"]),
        str(document["kb_version"]),
        kind,
        loaded,
        None if ttl is None else Decimal(ttl),
        entries,
        digest(data),
    )
