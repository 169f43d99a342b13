"""Counts the distinct fields that the dictionary does not know, looking at each shape of record once."""

from typing import Any

from countersign.core.fields import _END, ANY, Node, Schema

_NESTED = frozenset({dict, list})


class UntypedFields:
    """Distinct pointers (array indexes as `*`) met without a type; a shape seen before costs one lookup."""

    def __init__(self) -> None:
        self._shapes: set[tuple[Any, ...]] = set()
        self._unknown: set[tuple[str, str]] = set()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._unknown)

    def look(self, schema: Schema, view: Any) -> None:
        """Look at one record."""
        if type(view) is dict:
            self._look(schema, schema.root, view, "")

    def _look(self, schema: Schema, node: Node, view: dict[str, Any], pointer: str) -> None:
        shape = (schema.name, pointer, *view)
        if shape in self._shapes:
            if _NESTED.isdisjoint(map(type, view.values())):
                return
            pairs = [pair for pair in view.items() if type(pair[1]) in _NESTED]
        else:
            pairs = list(view.items())
            if len(self._shapes) < 100_000:
                self._shapes.add(shape)
        for key, value in pairs:
            child = node.get(key) or node.get(ANY) or {}
            if type(value) is dict:
                self._look(schema, child, value, f"{pointer}/{key}")
            elif type(value) is list:
                for inner in value[:50]:
                    self._step(schema, child, inner, f"{pointer}/{key}/*")
            elif value is not None and _END not in child and schema.field(f"{pointer}/{key}") is None:
                self._unknown.add((schema.name, f"{pointer}/{key}"))

    def _step(self, schema: Schema, node: Node, inner: Any, pointer: str) -> None:
        child = node.get(ANY) or node.get("0") or {}
        if type(inner) is dict:
            self._look(schema, child, inner, pointer)
        elif inner is not None and type(inner) is not list and _END not in child:
            self._unknown.add((schema.name, pointer))
