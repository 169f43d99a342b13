"""Signals: small published rules that say which records deserve a sentence, and which reading they suggest.

They only choose and word; they decide nothing. A signal's clauses are the filters of claims, so that what
made it match can be stated, counted and recomputed. Data files: `signals/*.toml`.
"""

import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from countersign.core.claims.claims import Filter
from countersign.core.claims.snapshot import Snapshot
from countersign.core.ids import canonical, digest
from countersign.core.records.fields import Clause

_SLOT = re.compile(r"\{([^}]+)\}")


class Signal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule over the records of one schema; `weight` runs from 1 (context) to 10 (read this first)."""

    id: str
    schema: str
    when: tuple[Clause, ...]
    unless: tuple[Clause, ...] = ()
    state: str = ""  # relation to state
    roles: tuple[str, ...] = ()  # roles of it to name; all that are present when empty
    fields: tuple[str, ...] = ()  # further fields to state, whole
    codes: tuple[str, ...] = ()
    attack: tuple[str, ...] = ()
    weight: int = 5
    group: tuple[str, ...] = ()  # matches equal in these fields are told once, with their number
    phrase: str = ""  # for titles: "{account} read the AD FS store on {host}"

    @property
    def slots(self) -> tuple[str, ...]:
        """Roles and pointers that the phrase names."""
        return tuple(_SLOT.findall(self.phrase))


class Signals:
    """All signals; the digest goes into what was made with them."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        rows = [
            row for name in sorted(files) for row in tomllib.loads(files[name].decode()).get("signal", ())
        ]
        self.all: tuple[Signal, ...] = tuple(map(_signal, rows))
        self.by_schema: dict[str, list[Signal]] = defaultdict(list)
        for signal in self.all:
            self.by_schema[signal.schema].append(signal)
        self.digest: str = digest(canonical({name: digest(files[name]) for name in sorted(files)}))


def _signal(row: dict[str, Any]) -> Signal:
    return msgspec.convert(row, Signal)


def matches(signals: Signals, snapshot: Snapshot) -> Iterable[tuple[Signal, list[str]]]:
    """Each signal that matches, with the ids of its records in event order."""
    for schema in sorted(snapshot.by_schema):
        for signal in signals.by_schema.get(schema, ()):
            hits = _hits(signal, snapshot)
            if hits:
                yield signal, hits


def _hits(signal: Signal, snapshot: Snapshot) -> list[str]:
    found = snapshot.matching(Filter(signal.schema, signal.when), None, None)
    kept = [r for r in found if not any(snapshot.holds(r.id, (clause,)) for clause in signal.unless)]
    return [r.id for r in sorted(kept, key=lambda r: (r.event_ns is None, r.event_ns or 0, r.id))]
