"""Pinned references: registers, baselines and lists that a person loaded, each version named by its digest.

They are what a benign reading must rest on, because nobody under investigation wrote them. Lists of well-known
values (`knownlist.py`) are pinned in the same way, and no reading rests on them.
Source: contract `reference.schema.json`.
"""

from decimal import Decimal

import msgspec

from countersign.core.canonical import NANOSECONDS, parse_time
from countersign.core.claims.keys import named
from countersign.core.claims.knownlist import (
    FIELD,
    KNOWN,
    KnownList,
    is_known_list,
    is_suffix_list,
    read_suffix_list,
    read_warninglist,
)
from countersign.core.claims.manifest import is_text, read_manifest
from countersign.core.ids import digest

KINDS = frozenset(
    "test_register change_register job_inventory callback baseline indicator_list allow_list rule_text attack".split()
)
LISTS = frozenset({"allow_list", "indicator_list"})
"""Kinds whose keys are observables; a key that is none covers nothing."""
MAX_TTL_DAYS = 36_500
_KEYS = {"kb", "kb_version", "kind", "loaded_at", "ttl_days", "entries"}


class Reference(msgspec.Struct, frozen=True):
    """One version of a list or register: entry key → its fields."""

    kb: str
    kb_version: str
    kind: str
    loaded_ns: int  # 0 where the file does not say
    ttl_days: Decimal | None
    entries: dict[str, dict[str, object]]
    digest: str
    known: KnownList | None = None  # for a list of well-known values: how it is matched

    def is_stale(self, now_ns: int) -> bool:
        """Has its time to live run out?"""
        return self.ttl_days is not None and now_ns > self.loaded_ns + int(
            self.ttl_days * 86400 * NANOSECONDS
        )

    def names(self, key: str) -> str:
        """The semantic type of the observable that an entry's key names (`keys.named`); empty when it names none."""
        return named(key, self.entries.get(key, {}).get("type"))

    @property
    def idle(self) -> tuple[str, ...]:
        """Keys of an indicator or allow-list that name no observable: nothing is closed on their entries."""
        return tuple(key for key in self.entries if not self.names(key)) if self.kind in LISTS else ()


def parse_reference(data: bytes) -> Reference:
    """Read one reference file, a MISP warninglist or the Public Suffix List; raises ValueError that says what is wrong."""
    if is_suffix_list(data):
        return _well_known(read_suffix_list(data), data)
    document = read_manifest(data)
    if is_known_list(document):
        return _well_known(read_warninglist(document), data)
    if not isinstance(document, dict) or not (_KEYS - {"ttl_days"}) <= set(document) <= _KEYS:
        raise ValueError(
            "a reference needs exactly kb, kb_version, kind, loaded_at, entries (and may have ttl_days)"
        )
    if not is_text(document["kb"]) or not is_text(document["kb_version"]):
        raise ValueError("kb and kb_version are strings that are not empty")
    kind, loaded = document["kind"], document["loaded_at"]
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"kind is one of {', '.join(sorted(KINDS))}")
    loaded_ns = parse_time(loaded) if isinstance(loaded, str) else None
    if loaded_ns is None:
        raise ValueError("loaded_at is an RFC 3339 time with a zone")
    return Reference(
        document["kb"],
        document["kb_version"],
        kind,
        loaded_ns,
        _ttl(document["ttl_days"]) if "ttl_days" in document else None,
        _entries(document["entries"]),
        digest(data),
    )


def _well_known(known: KnownList, data: bytes) -> Reference:
    says: dict[str, object] = {FIELD: known.says}
    entries = dict.fromkeys(known.entries, says)
    return Reference(known.title, known.version, KNOWN, 0, None, entries, digest(data), known)


def _ttl(days: object) -> Decimal:
    if isinstance(days, bool) or not isinstance(days, int | Decimal) or not 0 < days <= MAX_TTL_DAYS:
        raise ValueError(f"ttl_days is a number above 0, at most {MAX_TTL_DAYS}")
    return Decimal(days)


def _entries(rows: object) -> dict[str, dict[str, object]]:
    if not isinstance(rows, list):
        raise ValueError("entries is an array of objects")  # noqa: TRY004 - one error for every malformed reference
    entries: dict[str, dict[str, object]] = {}
    for number, row in enumerate(rows, 1):
        key = row.get("key") if isinstance(row, dict) else None
        if not isinstance(key, str) or not is_text(key) or key in entries:
            raise ValueError(f"entry {number} needs a key of its own")
        fields = {name: value for name, value in row.items() if name != "key"}
        if not all(value == "" or is_text(value) or _is_number(value) for value in fields.values()):
            raise ValueError(f"entry {number}: fields are strings, numbers or booleans")
        entries[key] = fields
    return entries


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal)  # a boolean is an int
