"""The cases that can still grow, and where they are found: by place, by rule, by entity.

- An *incident* is to be decided, a *watch* holds something odd, a *background* holds one rule's noise at one place.
- Only incidents attract: they stand in the indexes with the time of their last event there.
- Merging keeps the earlier case; the later one points to it for good.
"""

from collections.abc import Iterable, Mapping
from math import fsum, inf
from typing import Any, Literal

from countersign.core.cases.bursts import MOMENT_S, SAME_MOMENT, Burst
from countersign.core.cases.tactics import step_of

Kind = Literal["incident", "watch", "background"]
KINDS: tuple[Kind, ...] = ("incident", "watch", "background")
RARE = 4.0
"""Bits of a rare burst: seen in under one of sixteen hours."""
BLIND_S = 3600
"""No window asks for a blind incident that has been silent for longer."""
Key = tuple[int, str, str, tuple[str, ...], str]


class OpenCase:
    """A case while it can grow. Times are UTC seconds."""

    __slots__ = (
        "anchors", "because", "first", "graves", "heard", "id", "key", "kind", "last", "moments", "near", "newest", "parent", "parts", "places", "rare",
        "rich", "score", "size", "step",
    )  # fmt: skip

    def __init__(self, case_id: str, kind: Kind, key: Key, because: str) -> None:
        self.id, self.kind, self.key, self.because = case_id, kind, key, because
        self.first, self.last = key[0], key[0]
        self.parent: OpenCase | None = None
        self.newest = 0  # the burst that came last
        self.anchors: dict[str, int] = {}  # entity, `at_place` or `by_rule` → the burst that last spoke of it
        self.near = ""  # of a watch: the incident it may belong to
        self.places: dict[str, int] = {}  # place → until when something went on there
        self.heard: dict[str, int] = {}  # place → its last alert; "" → the case's last
        self.rare: dict[str, int] = {}  # place → last event of a rare burst
        self.moments: dict[str, int] = {}  # place → start of the moment that runs
        self.parts: dict[tuple[str, str], float] = {}  # (rule, place) → bits
        self.graves: dict[str, float] = {}  # rule → what its source's severity weighs
        self.score, self.size, self.rich, self.step = 0.0, 0, 0, 0

    @property
    def root(self) -> "OpenCase":
        """The case that this one is part of by now."""
        case = self
        while case.parent is not None:
            case = case.parent
        return case

    @property
    def blind(self) -> bool:
        """Do most of its bursts name no entity?"""
        return 2 * self.rich <= self.size

    @property
    def total(self) -> float:
        """What ranks it: rarity and severity. `score` is the rarity alone."""
        return self.score + fsum(self.graves.values())

    def weigh(self, burst: Burst) -> None:
        """Add a burst's rarity to the score; rules of one moment at one place count a quarter after the first."""
        bits, moment = burst.bits, self.moments.get(burst.place)
        if moment is None or not 0 <= burst.first - moment <= MOMENT_S:
            self.moments[burst.place] = burst.first
        else:
            bits *= SAME_MOMENT
        self.part((burst.rule, burst.place), bits)
        self.step = max(self.step, burst.step)

    def anchor(self, keys: Iterable[str]) -> int:
        """The burst that last spoke of the first of these that any spoke of; else the one that came last."""
        return next((self.anchors[key] for key in keys if key in self.anchors), self.newest)

    def part(self, key: tuple[str, str], bits: float) -> None:
        """Each rule at each place counts once, with its best bits."""
        gained = bits - self.parts.get(key, 0.0)
        if gained > 0:
            self.score += gained
            self.parts[key] = bits


class Board:
    """The growing incidents and their indexes."""

    def __init__(self) -> None:
        self.open: list[OpenCase] = []
        self.by_place: dict[str, dict[OpenCase, int]] = {}
        self.by_rule: dict[str, dict[OpenCase, int]] = {}
        self.by_entity: dict[str, dict[OpenCase, int]] = {}
        self._blind: dict[OpenCase, None] = {}  # of `open`: blind ones that were active lately

    def incidents(self) -> Iterable[OpenCase]:
        """Those that were not merged into another."""
        return (case for case in self.open if case.parent is None)

    def blind(self, now: int, window: int) -> list[OpenCase]:
        """The blind ones, not merged into another, that were active within the window (an hour at most)."""
        self._blind = {
            c: None for c in self._blind if c.parent is None and c.blind and now - c.last <= BLIND_S
        }
        return [case for case in self._blind if now - case.last <= window]

    def notice(self, case: OpenCase) -> None:
        """Its bursts have changed: is it blind?"""
        if case.blind:
            self._blind[case] = None

    def touch(self, case: OpenCase, burst: Burst) -> None:
        """An event of the burst in the incident: when it was last active where, by which rule and entity."""
        last, heard, number = burst.end, case.heard, burst.number
        case.last = max(case.last, last)
        heard[""] = max(burst.last, heard.get("", burst.last))
        self.notice(case)
        grave = burst.severity_bits
        if grave > case.graves.get(burst.rule, 0.0):
            case.graves[burst.rule] = grave
        places = [key[5:] for key in burst.entities if key.startswith("host:")]
        if burst.place and burst.place not in places:
            places.append(burst.place)
        for place in places:
            latest = max(last, case.places.get(place, 0))
            seen = self.by_place.get(place)
            if seen is None:
                seen = self.by_place[place] = {}
            case.places[place] = seen[case] = latest
            heard[place] = max(burst.last, heard.get(place, burst.last))
            case.anchors[at_place(place)] = number
        if burst.bits >= RARE and not burst.named:
            if burst.place:
                case.rare[burst.place] = max(last, case.rare.get(burst.place, 0))
            self.by_rule.setdefault(burst.rule, {})[case] = last
            case.anchors[by_rule(burst.rule)] = number
        for key in burst.entities:
            seen = self.by_entity.get(key)
            if seen is None:
                seen = self.by_entity[key] = {}
            seen[case] = max(last, seen.get(case, 0))
            case.anchors[key] = number

    def merge(self, one: OpenCase, other: OpenCase) -> tuple[OpenCase, OpenCase]:
        """(the earlier, which now holds both, and the later); the same twice when they are one already."""
        one, other = one.root, other.root
        if one is other:
            return one, one
        if other.key < one.key:
            one, other = other, one
        self.absorb(one, other)
        return one, other

    def absorb(self, one: OpenCase, other: OpenCase) -> None:
        """The second is part of the first from now on."""
        other.parent = one
        for key, bits in other.parts.items():
            one.part(key, bits)
        for mine, theirs in (
            (one.places, other.places),
            (one.heard, other.heard),
            (one.rare, other.rare),
            (one.moments, other.moments),
            (one.anchors, other.anchors),
        ):
            for place, when in theirs.items():
                mine[place] = max(when, mine.get(place, when))
        for rule, bits in other.graves.items():
            one.graves[rule] = max(bits, one.graves.get(rule, 0.0))
        one.first, one.last = min(one.first, other.first), max(one.last, other.last)
        one.rich, one.size, one.step = one.rich + other.rich, one.size + other.size, max(one.step, other.step)
        self.notice(one)

    def expire(self, now: int, far: int) -> None:
        """Forget what no window reaches any more; no result depends on it."""
        for index in (self.by_place, self.by_rule, self.by_entity):
            gone = [
                (key, found) for key, found in index.items() if now - min(found.values(), default=0) > far
            ]
            for key, found in gone:
                kept = {case: when for case, when in found.items() if now - when <= far}
                if kept:
                    index[key] = kept
                else:
                    del index[key]
        self.open = [case for case in self.open if case.parent is None and now - case.last <= far]


def at_place(place: str) -> str:
    """The anchor of a place; no entity looks like it."""
    return "@" + place


def by_rule(rule: str) -> str:
    """The anchor of a rule."""
    return "#" + rule


def latest(found: Mapping[OpenCase, int | float], now: int, window: int) -> OpenCase | None:
    """The incident that was active last within the window."""
    live = [(-when, case.root.key, case.root) for case, when in found.items() if now - when <= window]
    best = min(live, key=lambda one: one[:2], default=None)
    return best[2] if best else None


def rare_at(found: Mapping[OpenCase, int], place: str) -> dict[OpenCase, float]:
    """When a rare burst of each case was last at the place."""
    return {case: case.root.rare.get(place, -inf) for case in found}


def dump(case: OpenCase) -> list[Any]:
    """Plain values, for `load`."""
    parts = [[*key, bits] for key, bits in case.parts.items()]
    return [case.id, case.kind, list(case.key), case.because, case.first, case.last, case.near, case.places, case.rare,
            case.moments, parts, case.score, case.size, case.rich, case.newest, case.anchors,
            case.graves, case.heard]  # fmt: skip


def load(dumped: list[Any]) -> OpenCase:
    """The case that was dumped."""
    (
        case_id,
        kind,
        key,
        because,
        first,
        last,
        near,
        places,
        rare,
        moments,
        parts,
        score,
        size,
        rich,
        newest,
        anchors,
        graves,
        heard,
    ) = dumped
    case = OpenCase(case_id, kind, (key[0], key[1], key[2], tuple(key[3]), key[4]), because)
    case.first, case.last, case.near, case.score, case.size, case.rich = first, last, near, score, size, rich
    case.places, case.rare, case.moments, case.newest, case.anchors = places, rare, moments, newest, anchors
    case.graves, case.heard = graves, heard
    case.parts = {(rule, place): bits for rule, place, bits in parts}
    case.step = max((step_of(rule) for rule, _ in case.parts), default=0)
    return case
