"""What past hours of this installation held: the ground of every "rare here".

For each source, rule, rule at its place, and entity, the hours in which it was seen, as a bit each. An hour
counts once, however many alerts it held, and only the last 30 days count: a flood is not learnt faster than a
trickle, and what stopped a month ago is news again. A source's first 24 hours are its warm-up: rarity says
nothing yet. Hours are UTC hours since 1970; every question is about the hours *before* a given one, so the
answer is the same in whatever order alerts arrived.

q(rule) = (hours with the rule + 0.5) / (hours of the source + 24)
p(rule at a place) = (hours with it + 24 · q / places) / (hours of the source + 24)
bits = −log2 p                                                       (`reference/correlation.md`)

Hours more than a month apart are kept in *windows* of their own, each asked about its own time alone: a clock
that is far off does another window's past no harm.
"""

from math import log2
from typing import Any

import msgspec

WARM_H = 24
PRIOR_H = 24.0
KEPT_H = 720
"""Hours that count: 30 days."""
USUAL, USUAL_H = 0.2, 6
"""An entity seen in this share of the source's past hours, and in at least so many, joins nobody."""
MAX_RULES, MAX_PAIRS, MAX_ENTITIES, MAX_PLACES = 20_000, 50_000, 100_000, 10_000
"""What a window keeps: rules, rules at a place, entities of a source, and places of each source.

Beyond that an eighth is forgotten: what was seen in one hour only before what came back, the least recent first.
"""
MAX_WINDOWS = 4


class Seen:
    """The hours in which something was seen."""

    __slots__ = ("learnt", "mask")

    def __init__(self, mask: int = 0) -> None:
        self.mask = mask
        self.learnt = -1  # the hour learnt last, so that an hour's thousandth alert costs nothing

    @property
    def recency(self) -> tuple[bool, int, int]:
        """Sorts what may be forgotten first."""
        hours = self.mask.bit_count()
        return hours > 1, self.mask.bit_length(), hours


class Source(Seen):
    """A record schema that raises alerts, and the places it reported for, each with the hour it was seen last."""

    __slots__ = ("places",)

    def __init__(self, mask: int = 0, places: dict[str, int] | None = None) -> None:
        super().__init__(mask)
        self.places = {} if places is None else places


class Rarity(msgspec.Struct, frozen=True):
    """How rare a rule is at a place, judged before a given hour."""

    bits: float
    rule_bits: float
    hours: int  # of the source, before
    rule_hours: int
    pair_hours: int

    @property
    def warm(self) -> bool:
        """Is the source still warming up?"""
        return self.hours < WARM_H

    def words(self) -> str:
        """`rule seen in 2 of the last 71 hours, at this place never`"""
        if self.warm:
            return f"warming up: only {self.hours} of the first {WARM_H} hours of this source are known"
        here = "never" if not self.pair_hours else f"in {self.pair_hours}"
        seen = "never seen before" if not self.rule_hours else f"seen in {self.rule_hours}"
        ago = f"in the last {self.hours} hours" if not self.rule_hours else f"of the last {self.hours} hours"
        return f"rule {seen} {ago}" + (f", at this place {here}" if self.rule_hours else "")


class Window:
    """Hours with no gap of a month between them: every `Seen`, by source, rule, place and entity."""

    def __init__(self, hour: int = 0) -> None:
        self.base = hour  # the hour of bit 0
        self.newest = hour  # the last hour that was learnt
        self.sources: dict[str, Source] = {}
        self.rules: dict[tuple[str, str], Seen] = {}
        self.pairs: dict[tuple[str, str, str], Seen] = {}
        self.entities: dict[tuple[str, str], Seen] = {}

    def apart(self, hour: int) -> int:
        """Hours between this window and an hour; none for an hour inside."""
        return max(self.base - hour, hour - self.newest, 0)

    def before(self, seen: Seen | None, hour: int) -> int:
        """In how many of the last 30 days' hours before this one it was seen."""
        until = hour - self.base
        if seen is None or until <= 0:
            return 0
        return ((seen.mask & ((1 << until) - 1)) >> max(0, until - KEPT_H)).bit_count()

    def mark(self, seen: Seen, hour: int) -> None:
        """It was seen in this hour."""
        if not self.base <= hour <= self.base + 2 * KEPT_H:
            self._rebase(hour)
        self.newest = max(self.newest, hour)
        seen.learnt = hour
        seen.mask |= 1 << (hour - self.base)

    def source(self, name: str) -> Source:
        """The source of this name, made if it is new."""
        found = self.sources.get(name)
        if found is None:
            found = self.sources[name] = Source()
        return found

    def hours(self) -> int:
        """In how many hours any source said anything."""
        mask = 0
        for one in self.sources.values():
            mask |= one.mask
        return mask.bit_count()

    def shrink(self) -> None:
        """Forget what is over the caps."""
        _shrink(self.rules, MAX_RULES)
        _shrink(self.pairs, MAX_PAIRS)
        _shrink(self.entities, MAX_ENTITIES)

    def _rebase(self, hour: int) -> None:
        """Move bit 0, so that masks stay short; hours far before the newest are forgotten."""
        shift = hour - self.base if hour < self.base else hour - self.base - KEPT_H
        self.base += shift
        tables: tuple[dict[Any, Any], ...] = (self.sources, self.rules, self.pairs, self.entities)
        for seen in (seen for table in tables for seen in table.values()):
            seen.mask = seen.mask >> shift if shift > 0 else seen.mask << -shift
        self.rules = {key: seen for key, seen in self.rules.items() if seen.mask}
        self.pairs = {key: seen for key, seen in self.pairs.items() if seen.mask}
        self.entities = {key: seen for key, seen in self.entities.items() if seen.mask}

    def dump(self) -> list[Any]:
        """Plain values, for `load`."""
        return [
            [self.base, self.newest],
            [[name, _hex(s), sorted(s.places.items())] for name, s in self.sources.items()],
            [[*key, _hex(s)] for key, s in self.rules.items()],
            [[*key, _hex(s)] for key, s in self.pairs.items()],
            [[*key, _hex(s)] for key, s in self.entities.items()],
        ]

    @classmethod
    def load(cls, dumped: list[Any]) -> "Window":
        """The `Window` that was dumped."""
        made = cls()
        (made.base, made.newest), sources, rules, pairs, entities = dumped
        made.sources = {name: Source(int(mask, 16), dict(places)) for name, mask, places in sources}
        made.rules = {(source, rule): Seen(int(mask, 16)) for source, rule, mask in rules}
        made.pairs = {(source, rule, place): Seen(int(mask, 16)) for source, rule, place, mask in pairs}
        made.entities = {(source, entity): Seen(int(mask, 16)) for source, entity, mask in entities}
        return made


class Past:
    """The windows that are known; mostly one."""

    def __init__(self) -> None:
        self.windows: list[Window] = []

    def rarity(self, source: str, rule: str, place: str, hour: int) -> Rarity:
        """How rare the rule is at the place, by the hours before `hour`."""
        window = self._near(hour) or Window()
        of = window.sources.get(source)
        hours = window.before(of, hour)
        rule_hours = window.before(window.rules.get((source, rule)), hour)
        pair_hours = window.before(window.pairs.get((source, rule, place)), hour)
        q = (rule_hours + 0.5) / (hours + PRIOR_H)
        p = (pair_hours + PRIOR_H * q / max(1, len(of.places) if of else 1)) / (hours + PRIOR_H)
        return Rarity(-log2(p), -log2(q), hours, rule_hours, pair_hours)

    def is_usual(self, source: str, entity: str, hour: int) -> bool:
        """Is the entity so often in the source's own background that it joins nobody? Not while the source warms up."""
        window = self._near(hour)
        seen = None if window is None else window.entities.get((source, entity))
        if window is None or seen is None:
            return False
        times, hours = window.before(seen, hour), window.before(window.sources.get(source), hour)
        return hours >= WARM_H and times >= USUAL_H and times >= USUAL * hours

    def at_place(self, source: str, place: str, hour: int) -> None:
        """The source reports for the place in this hour."""
        places = self._window(hour).source(source).places
        if (last := places.get(place)) is None or last < hour:
            places[place] = hour
        if len(places) > MAX_PLACES:
            for _, old in sorted((when, name) for name, when in places.items())[: MAX_PLACES // 8]:
                del places[old]

    def learn(self, source: str, rule: str, place: str, hour: int) -> None:
        """The rule fired at the place in this hour."""
        window = self._window(hour)
        window.mark(window.rules.setdefault((source, rule), Seen()), hour)
        window.mark(window.pairs.setdefault((source, rule, place), Seen()), hour)
        window.mark(window.source(source), hour)
        window.shrink()

    def learn_entity(self, source: str, entity: str, hour: int) -> None:
        """The entity stood in the source's background in this hour."""
        window = self._window(hour)
        seen = window.entities.get((source, entity))
        if seen is None:
            seen = window.entities[source, entity] = Seen()
        if seen.learnt != hour:
            window.mark(seen, hour)
            window.shrink()

    def forget(self, source: str, rule: str, place: str, hours: range) -> None:
        """A person judged what fired in these hours malicious: it is no measure of what is usual here."""
        for window in self.windows:
            for seen in (window.rules.get((source, rule)), window.pairs.get((source, rule, place))):
                for hour in hours:
                    if seen is not None and hour >= window.base:
                        seen.mask &= ~(1 << (hour - window.base))

    def _near(self, hour: int) -> Window | None:
        """The window that the hour is in, or within a month of."""
        if len(self.windows) == 1:  # nearly always
            only = self.windows[0]
            return only if only.base <= hour <= only.newest or only.apart(hour) <= KEPT_H else None
        found = [(one.apart(hour), -one.newest, n) for n, one in enumerate(self.windows)]
        best = min((one for one in found if one[0] <= KEPT_H), default=None)
        return None if best is None else self.windows[best[2]]

    def _window(self, hour: int) -> Window:
        """The window to learn in; of too many the one that holds the fewest hours is forgotten."""
        found = self._near(hour)
        if found is None:
            if len(self.windows) >= MAX_WINDOWS:
                self.windows.remove(min(self.windows, key=lambda one: (one.hours(), one.newest)))
            found = Window(hour)
            self.windows.append(found)
        return found

    def dump(self) -> list[Any]:
        """Plain values, for `load`."""
        return [window.dump() for window in self.windows]

    @classmethod
    def load(cls, dumped: list[Any]) -> "Past":
        """The `Past` that was dumped."""
        made = cls()
        made.windows = [Window.load(one) for one in dumped]
        return made


def _shrink(table: dict[Any, Seen], most: int) -> None:
    if len(table) > most:
        ordered = sorted(table.items(), key=lambda item: (item[1].recency, item[0]))
        for key, _ in ordered[: max(1, most // 8)]:
            del table[key]


def _hex(seen: Seen) -> str:
    return f"{seen.mask:x}"
