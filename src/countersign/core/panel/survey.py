"""One look over every record of a snapshot: the distinct values of the fields that the panel speaks of.

Only fields that the dictionary watches, that tell an outcome, or that hold observables are read, each
value with its number, its first record and whether an alert holds it. Linear in the records.
"""

from collections.abc import Callable, Collection, Hashable, Iterator
from typing import Any

import msgspec

from countersign.core.claims.snapshot import Snapshot
from countersign.core.records.fields import ANY, INSIDE, Field, escape, tokens
from countersign.core.records.views import embedded


class Seen(msgspec.Struct):
    """One value of one field: how many records hold it, the first of them, and where in that record."""

    value: Any
    count: int
    eid: str
    pointer: str
    alerted: bool


class Column(msgspec.Struct, frozen=True):
    """The distinct values of one field of one schema, in order of first sight."""

    schema: str
    field: Field
    values: dict[Hashable, Seen]


class _Node:
    """A trie of the pointer tokens worth following."""

    __slots__ = ("column", "keys", "next", "parser")

    def __init__(self) -> None:
        self.next: dict[str, _Node] = {}
        self.keys: frozenset[str] = frozenset()
        self.column: Column | None = None
        self.parser = ""


def survey(
    snapshot: Snapshot, wanted: Callable[[Field, str], bool], alerted: Collection[str] = ()
) -> tuple[Column, ...]:
    """Columns of the wanted fields, in the order of schemas and of their dictionaries; empty ones left out."""
    held = frozenset(alerted)
    found: list[Column] = []
    for name in sorted(snapshot.by_schema):
        schema = snapshot.dictionary.schema(name)
        if schema is None:
            continue
        columns = [Column(name, field, {}) for field in schema.fields if wanted(field, name)]
        root = _trie(columns, {field.pointer: field.embed for field in schema.fields if field.embed})
        for record in snapshot.by_schema[name]:
            _look(root, snapshot.view(record.id), "", record.id, record.id in held)
        found += [column for column in columns if column.values]
    return tuple(found)


def _trie(columns: list[Column], embeds: dict[str, str]) -> _Node:
    root = _Node()
    for column in columns:
        node, way = root, ""
        for token in tokens(column.field.pointer):
            if token == INSIDE:
                node.parser, way = embeds.get(way, ""), way + "!"
            else:
                way += "/" + escape(token)
            node = node.next.setdefault(token, _Node())
        node.column = column
    _freeze(root)
    return root


def _freeze(node: _Node) -> None:
    node.keys = frozenset(node.next) - {ANY, INSIDE}
    for inner in node.next.values():
        _freeze(inner)


def _look(node: _Node, here: Any, pointer: str, eid: str, alerted: bool) -> None:
    kind = type(here)
    if kind is dict:
        for key, child in _children(node, here):
            _look(child, here[key], f"{pointer}/{escape(key)}", eid, alerted)
    elif kind is list:
        wild = node.next.get(ANY)
        for number, value in enumerate(here):
            below = node.next.get(str(number), wild)
            if below is not None:
                _look(below, value, f"{pointer}/{number}", eid, alerted)
    elif here is not None:
        if node.column is not None:
            _note(node.column.values, here, pointer, eid, alerted)
        if node.parser and kind is str and (document := embedded(here, node.parser)) is not None:
            _look(node.next[INSIDE], document, pointer + "!", eid, alerted)


def _children(node: _Node, here: dict[str, Any]) -> Iterator[tuple[str, _Node]]:
    wild = node.next.get(ANY)
    if wild is None:
        for key in node.keys & here.keys():
            yield key, node.next[key]
        return
    for key in here:
        yield key, node.next[key] if key in node.keys else wild


def _note(values: dict[Hashable, Seen], value: Any, pointer: str, eid: str, alerted: bool) -> None:
    key = value if type(value) is str else (type(value), value)
    seen = values.get(key)
    if seen is None:
        values[key] = Seen(value, 1, eid, pointer, alerted)
    else:
        seen.count += 1
        seen.alerted = seen.alerted or alerted
