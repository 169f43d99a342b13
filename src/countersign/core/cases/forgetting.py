"""What the grouping keeps in mind forgets an erased case: its bursts, and every word that nobody else said.

A word is a source, a rule, a place or an entity. Those that other alerts speak of too are kept, with all that was learnt
of them: the grouping of other cases does not change.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from countersign.core.cases.board import OpenCase
from countersign.core.cases.bursts import Burst
from countersign.core.cases.memory import Memory
from countersign.core.cases.past import Window

HOST = "host:"
_K = TypeVar("_K")
_V = TypeVar("_V")


class Forgotten(msgspec.Struct, frozen=True):
    """The cases and bursts that go, and the words that only they spoke of."""

    cases: frozenset[str]
    bursts: frozenset[int]
    words: frozenset[str]

    def says(self, key: object) -> bool:
        """Does a key of the memory hold one of the words? Anchors are words behind `@` or `#`."""
        if isinstance(key, str):
            return key in self.words or (key[:1] in ("@", "#") and key[1:] in self.words)
        return isinstance(key, tuple) and any(map(self.says, key))

    def holds(self, one: Burst | OpenCase) -> bool:
        """Is it of an erased case?"""
        if isinstance(one, OpenCase):
            return one.root.id in self.cases or one.id in self.cases
        return one.number in self.bursts or one.case in self.cases


def words_of(bursts: Iterable[Burst]) -> frozenset[str]:
    """Every word that bursts are made of; a host is a place too."""
    found = {word for one in bursts for word in (one.source, one.rule, one.place, *one.named, *one.entities)}
    found |= {word[len(HOST) :] for word in found if word.startswith(HOST)}
    return frozenset(found - {""})


def forget(memory: Memory, gone: Forgotten) -> Memory | None:
    """The memory without them; None when a word is left in it somewhere, so that it must be begun anew."""
    _forget_bursts(memory, gone)
    _forget_cases(memory, gone)
    for window in memory.past.windows:
        _forget_past(window, gone)
    memory.pairs = _without(memory.pairs, gone.says)
    memory.running = {key: pair for key, pair in memory.running.items() if key in memory.pairs and pair.burst}
    left = set(_texts(msgspec.msgpack.decode(memory.dump())))
    return None if any(map(gone.says, left)) or left & gone.cases else memory


def _without(table: Mapping[_K, _V], wrong: Callable[[_K], bool]) -> dict[_K, _V]:
    return {key: value for key, value in table.items() if not wrong(key)}


def _forget_bursts(memory: Memory, gone: Forgotten) -> None:
    def stays(one: Burst) -> bool:
        return not gone.holds(one)

    memory.live = {key: one for key, one in memory.live.items() if stays(one)}
    memory.timeless = {key: one for key, one in memory.timeless.items() if stays(one)}
    for index in (memory.recent, memory.orphans):
        for key in list(index):
            index[key] = list(filter(stays, index[key]))
            if not index[key] or gone.says(key):
                del index[key]
    memory.odd = type(memory.odd)(filter(stays, memory.odd))
    memory.echoes = {
        number: {key: one for key, one in some.items() if stays(one)}
        for number, some in memory.echoes.items()
        if number not in gone.bursts
    }
    memory.cases = {
        number: case
        for number, case in memory.cases.items()
        if number not in gone.bursts and not gone.holds(case)
    }
    for pair in memory.pairs.values():
        if pair.burst is not None and gone.holds(pair.burst):
            pair.burst = None


def _forget_cases(memory: Memory, gone: Forgotten) -> None:
    memory.board.open = [case for case in memory.board.open if not gone.holds(case)]
    for index in memory.indexes():
        for key in list(index):
            index[key] = {case: when for case, when in index[key].items() if not gone.holds(case)}
            if not index[key] or gone.says(key):
                del index[key]
    memory.watch = {p: case for p, case in memory.watch.items() if not gone.says(p) and not gone.holds(case)}
    memory.background = {
        key: case for key, case in memory.background.items() if not gone.says(key) and not gone.holds(case)
    }
    for case in _cases(memory):
        for table in (case.places, case.heard, case.rare, case.moments, case.anchors, case.graves):
            for word in list(filter(gone.says, table)):
                del table[word]
        case.parts = _without(case.parts, gone.says)
        case.near = "" if case.near in gone.cases else case.near


def _cases(memory: Memory) -> Iterator[OpenCase]:
    for some in (memory.board.open, memory.cases.values(), memory.watch.values(), memory.background.values()):
        yield from (case.root for case in some)
    yield from (case.root for index in memory.indexes() for found in index.values() for case in found)


def _forget_past(window: Window, gone: Forgotten) -> None:
    window.sources = _without(window.sources, gone.says)
    for source in window.sources.values():
        source.places = _without(source.places, gone.says)
    window.rules = _without(window.rules, gone.says)
    window.pairs = _without(window.pairs, gone.says)
    window.entities = _without(window.entities, gone.says)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts(list(value.keys()))
        yield from _texts(list(value.values()))
    elif isinstance(value, Collection) and not isinstance(value, bytes):
        for part in value:
            yield from _texts(part)
