"""Moulds: what records that tell the same have in common, worked out once for all of them.

A mould is made of the first record, worked out in full, so that another can differ from it only in what a mould
does not hold: the bytes, where they stood, and the times.
"""

import msgspec

from countersign.core.records.alert import Severity
from countersign.core.records.fields import Schema
from countersign.core.records.shapes import UntypedFields
from countersign.core.records.telling import Key, Telling

MOST = 4096
"""So many moulds of a schema are kept, and as many of those that came before them."""
LONGEST_TEXT = 1024
"""A record with a longer telling value hardly comes again."""


class Mould(msgspec.Struct, frozen=True, array_like=True):
    """Schema, parser and source instance; observables (type, value); pointers without a type; and of an alert the rest."""

    schema: str
    parser: str
    source: str
    pairs: tuple[tuple[str, str], ...] = ()
    unknown: tuple[tuple[str, str], ...] = ()
    alerts: bool = False
    rule: str = ""
    category: str = ""
    severity: Severity = "medium"
    place: str = ""
    claimed: int = 0  # the sighting's severity
    entities: tuple[str, ...] = ()


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is a record's own. Of an alert its id, and from when to when it goes on, in UTC seconds."""

    id: str
    raw: bytes
    file: str
    line: int
    event_ns: int | None
    ingest_ns: int | None
    alert: str = ""
    start: int = 0
    end: int = 0


class Moulds:
    """The moulds of one schema."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._key = Telling(schema)
        self._new: dict[Key, Mould] = {}
        self._old: dict[Key, Mould] = {}
        self._untyped = UntypedFields()

    def key(self, parser: str, view: object) -> Key | None:
        """What a mould is found by; None for a record that has none."""
        found = self._key(view)
        return None if found is None else (parser, *found)

    def of(self, key: Key) -> Mould | None:
        """The mould of a record, if one was made."""
        found = self._new.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self._keep(key, found)
        return found

    def unknown(self, view: object) -> tuple[tuple[str, str], ...]:
        """Its fields without a type: schema, pointer."""
        self._untyped.unknown.clear()
        self._untyped.look(self.schema, view)
        return tuple(self._untyped.unknown)

    def make(self, key: Key | None, mould: Mould) -> Mould:
        """Keep a mould for the next."""
        if key is not None and all(type(one) is not str or len(one) <= LONGEST_TEXT for one in key):
            self._keep(key, mould)
        return mould

    def _keep(self, key: Key, mould: Mould) -> None:
        if len(self._new) >= MOST:
            self._old, self._new = self._new, {}
        self._new[key] = mould


_MOULDS: dict[int, Moulds] = {}


def moulds(schema: Schema) -> Moulds:
    """The moulds of a schema."""
    made = _MOULDS.get(id(schema))
    if made is None or made.schema is not schema:
        made = _MOULDS[id(schema)] = Moulds(schema)
    return made
