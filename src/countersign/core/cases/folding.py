"""Folding echoes: which alerts of one second only repeat others of it, and the burst that counts them.

An echo is where its original is, weighs nothing, and opens and attracts nothing. Of several originals it takes the
one that says least, because it is no evidence for the others.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from countersign.core.cases.bursts import Burst
from countersign.core.cases.echoes import Echo, Echoes
from countersign.core.cases.memory import GroupKey, Memory
from countersign.core.cases.sighting import UNCLAIMED, Sighting
from countersign.core.cases.words import value_words
from countersign.core.records.observable import Observable

Groups = Mapping[GroupKey, Sequence[Sighting]]
ENTITIES = 2
"""So many entities in common stand for the same place."""


def repeats(echoes: Echoes, groups: Groups) -> dict[GroupKey, list[GroupKey]]:
    """Of one second: what only repeats others of it, each with those. No echo repeats an echo."""
    declared = {
        key: rows
        for key, some in groups.items()
        if (rows := echoes.declared(key[0], key[1], some[0].category))
    }
    if not declared:
        return {}
    found: dict[GroupKey, list[GroupKey]] = {}
    used: set[GroupKey] = set()
    near = _Near(groups)
    for others in (groups.keys() - declared.keys(), groups.keys()):
        for key in sorted(declared.keys() - found.keys()):
            if key not in used:
                left = (one for one in near.to(key) if one in others and one not in found and one != key)
                if originals := [one for one in left if near.repeats(key, declared[key], one)]:
                    found[key] = sorted(originals)
                    used.update(originals)
    return found


class _Near:
    """The alerts of one second by place and by entity, so that no pattern runs on what is elsewhere."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._gravest = {key: max(one.severity for one in some) for key, some in groups.items()}
        self._places: dict[str, set[GroupKey]] = {}
        self._entities: dict[str, list[GroupKey]] = {}
        self._asked: dict[tuple[str, ...], bool] = {}
        for key in groups:
            self._places.setdefault(key[2], set()).add(key)
            for named in key[3]:
                self._entities.setdefault(named, []).append(key)

    def to(self, key: GroupKey) -> set[GroupKey]:
        """What is at the same place, or names two of its entities."""
        shared = Counter(other for named in key[3] for other in self._entities[named])
        found = {other for other, times in shared.items() if times >= ENTITIES}
        return found | self._places[key[2]] if key[2] else found

    def repeats(self, key: GroupKey, rows: Iterable[Echo], other: GroupKey) -> bool:
        """Do the rows allow it, and is the echo no graver than the other?"""
        if self._gravest[key] > self._gravest[other]:
            return False
        asked = (*key[:2], self._groups[key][0].category, *other[:2])
        if asked not in self._asked:
            self._asked[asked] = any(row.repeats(key[1], other[0], other[1]) for row in rows)
        return self._asked[asked]


def folded(
    memory: Memory,
    now: int,
    key: GroupKey,
    some: Sequence[Sighting],
    originals: Iterable[GroupKey],
    *,
    late: bool,
) -> tuple[Burst, Burst]:
    """The burst that counts this echo, and its original's."""
    running = (memory.live[one] if one[3] else memory.pairs[one[:3]].burst for one in originals)
    original = min(
        (one for one in running if one is not None),
        key=lambda one: (one.rarity.bits + one.severity_bits, one.key),
    )
    echo = memory.echoes.setdefault(original.number, {}).get(key)
    if echo is None:
        memory.numbered += 1
        rarity = msgspec.structs.replace(original.rarity, bits=0.0, rule_bits=0.0)
        shared = "place" if key[2] == original.place != "" else "entities"
        because = f"echo of {value_words(Observable('rule', original.rule))}, same {shared}, same second"
        echo = memory.echoes[original.number][key] = Burst(
            memory.numbered, *key, (), now, now, now, UNCLAIMED, rarity, 0, 0,
            because=because, linked=original.number, late=late,
        )  # fmt: skip
    echo.last, echo.end = now, max(echo.end, *(one.end for one in some))
    echo.count, echo.echoes = echo.count + len(some), echo.echoes + len(some)
    return echo, original
