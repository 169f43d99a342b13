"""Counts the distinct fields that the dictionary does not know, looking at each shape of record once."""

from collections.abc import Iterable
from typing import Any

from countersign.core.records.fields import _END, ANY, Node, Schema

_NESTED = frozenset({dict, list})
MOST_SHAPES = 100_000


class UntypedFields:
    """Distinct pointers (array indexes as `*`) met without a type; a shape seen before costs one lookup."""

    def __init__(self) -> None:
        self._shapes: dict[tuple[Any, ...], tuple[str, ...]] = {}  # shape → keys that no leaf may stand at
        self.unknown: set[tuple[str, str]] = set()  # schema, pointer

    def add(self, unknown: Iterable[tuple[str, str]]) -> None:
        """Those that somebody else met."""
        self.unknown.update(unknown)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.unknown)

    def look(self, schema: Schema, view: Any) -> bool:
        """Look at one record; does it hold a field without a type?"""
        return type(view) is dict and self._look(schema, schema.root, view, "")

    def _look(self, schema: Schema, node: Node, view: dict[str, Any], pointer: str) -> bool:
        shape = (schema.name, pointer, *view)
        untyped = self._shapes.get(shape)
        if untyped is None:
            untyped = tuple(key for key in view if _is_untyped(schema, node, key, pointer))
            if len(self._shapes) < MOST_SHAPES:
                self._shapes[shape] = untyped
        found = [key for key in untyped if view[key] is not None and type(view[key]) not in _NESTED]
        self.unknown.update((schema.name, f"{pointer}/{key}") for key in found)
        if _NESTED.isdisjoint(map(type, view.values())):
            return bool(found)
        nested = [(key, value) for key, value in view.items() if type(value) in _NESTED]
        inner = [self._step(schema, node, key, value, pointer) for key, value in nested]
        return bool(found) or any(inner)

    def _step(self, schema: Schema, node: Node, key: str, value: Any, pointer: str) -> bool:
        here = f"{pointer}/{key}"
        if schema.ignored and here in schema.ignored:
            return False
        child = node.get(key) or node.get(ANY) or {}
        if type(value) is dict:
            return self._look(schema, child, value, here)
        found = [self._element(schema, child, inner, f"{here}/*") for inner in value[:50]]
        return any(found)

    def _element(self, schema: Schema, node: Node, inner: Any, pointer: str) -> bool:
        child = node.get(ANY) or node.get("0") or {}
        if type(inner) is dict:
            return self._look(schema, child, inner, pointer)
        untyped = inner is not None and type(inner) is not list and _END not in child
        if untyped:
            self.unknown.add((schema.name, pointer))
        return untyped


def _is_untyped(schema: Schema, node: Node, key: str, pointer: str) -> bool:
    """Has the dictionary no type for a value that stands at this key?"""
    here = f"{pointer}/{key}"
    if schema.ignored and here in schema.ignored:
        return False
    child = node.get(key) or node.get(ANY) or {}
    return _END not in child and schema.field(here) is None
