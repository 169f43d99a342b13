"""What of a record decides how it arrives: its shape, and the values that the dictionary reads at intake.

Alerts of one sensor differ in their times and numbers, and hardly in anything that is read of them. Two records of
one schema with the same `Telling` key have the same observables, the same rule, category and severity, the same
source and the same fields without a type, so that this is worked out once for both.

A key holds the keys and JSON types of every object and list, and the values that stand where observables, the alert
rule or the source are read. Times are no part of it. What cannot be told apart by comparing values has no key.
"""

from collections.abc import Callable, Hashable, Iterator
from decimal import Decimal
from operator import itemgetter
from typing import Any

from countersign.core.records.fields import ANY, INSIDE, AlertRule, Schema, tokens
from countersign.core.records.observable import kind_of

Key = tuple[Hashable, ...]
MOST_SHAPES = 10_000
LONGEST_LIST = 50
"""A longer list has no key: nearly every one is a shape of its own."""


class _Spot:
    """A place in a record: does its value tell anything, and what lies below?"""

    __slots__ = ("below", "tells")

    def __init__(self) -> None:
        self.tells = False
        self.below: dict[str, _Spot] = {}


_Spots = tuple[_Spot, ...]


class _Plan:
    """How an object or list of one shape is read: its number, its telling values, and what is nested in it."""

    __slots__ = ("nested", "number", "take")

    def __init__(
        self, number: int, take: Callable[[Any], Any] | None, nested: tuple[tuple[Any, _Spots], ...]
    ) -> None:
        self.number, self.take, self.nested = number, take, nested


class Telling:
    """Makes the keys of one schema's records."""

    def __init__(self, schema: Schema) -> None:
        self._root = _Spot()
        for pointer in _pointers(schema):
            _plant(self._root, tokens(pointer))
        self._plans: dict[Hashable, _Plan | None] = {}
        self._made = 0

    def __call__(self, view: object) -> Key | None:
        """The key of a record, or None if it has none."""
        found: list[Hashable] = []
        known = type(view) is dict and self._read(view, (self._root,), found)
        return tuple(found) if known else None

    def _read(self, here: Any, spots: _Spots, found: list[Hashable]) -> bool:
        if type(here) is dict:
            shape: Hashable = (spots, tuple(here), tuple(map(type, here.values())))
        elif len(here) <= LONGEST_LIST:
            shape = (spots, tuple(map(type, here)))
        else:
            return False
        try:
            plan = self._plans[shape]
        except KeyError:
            plan = self._planned(shape, here, spots)
        if plan is None:
            return False
        found.append(plan.number)
        if plan.take is not None:
            found += plan.take(here)
        for name, below in plan.nested:  # noqa: SIM110 - `all` costs as much as the rest
            if not self._read(here[name], below, found):
                return False
        return True

    def _planned(self, shape: Hashable, here: Any, spots: _Spots) -> _Plan | None:
        if len(self._plans) >= MOST_SHAPES:
            self._plans.clear()  # no number is given twice, so that old keys stay true
        self._made += 1
        plan = self._plans[shape] = _plan(self._made, here, spots)
        return plan


def _plan(number: int, here: Any, spots: _Spots) -> _Plan | None:
    telling: list[Any] = []
    nested: list[tuple[Any, _Spots]] = []
    for name, value in here.items() if type(here) is dict else enumerate(here):
        below = _below(spots, str(name))
        tells, kind = any(spot.tells for spot in below), type(value)
        if tells and (kind is dict or kind is list or kind is Decimal):
            return None  # numbers that are equal may be written differently
        if kind is dict or kind is list:
            nested.append((name, below))
        elif tells and value is not None:
            telling.append(name)
    if len(telling) == 1:
        telling *= 2  # `itemgetter` gives a tuple only for several
    return _Plan(number, itemgetter(*telling) if telling else None, tuple(nested))


def _below(spots: _Spots, name: str) -> _Spots:
    return tuple(spot.below[key] for spot in spots for key in (name, ANY) if key in spot.below)


def _plant(spot: _Spot, way: tuple[str, ...]) -> None:
    for token in way:
        if token == INSIDE:  # what a text holds is told by the text
            break
        spot = spot.below.setdefault(token, _Spot())
    spot.tells = True


def _pointers(schema: Schema) -> Iterator[str]:
    yield from schema.source
    yield from (known.pointer for known in schema.fields if kind_of(known, schema.name))
    yield from filter(None, _rule(schema.alert or AlertRule()))


def _rule(rule: AlertRule) -> Iterator[str]:
    for clauses in (rule.when, *rule.any_of):
        yield from (pointer for pointer, _, _ in clauses)
    yield from (rule.id, rule.rule, rule.category, *rule.severity.pointers, *rule.place)
