"""Alerts to cases, second by second: what belongs together, and why.

Every alert becomes part of a *burst* (`bursts`), and every new burst is placed by the first rule that holds:

1. it shares an entity, on the event clock within an hour, with an incident: it joins (and joins those it connects);
2. it is rare here, or its source calls it severe, and an incident was at its place: it joins, the rarer the later;
   where it is an expected next step of a strong incident, after a longer silence too, and the reason says so;
3. its source, or the person who handed it in, calls for a case; or what fell together on its entities within an
   hour, or at its place within ten minutes, is rare enough together: an incident opens;
4. it follows a rare rule of an incident to another place, at once; or it is a lesser oddity at an incident's place
   in the same moment; or it is odd anywhere on a calm site while a strong incident runs: it joins;
5. it is odd by itself: a watch case; else it is background, one case for each rule and place.

Rarity comes from `past` hours, never from the batch at hand. Alerts of one second are judged together, in an order
of their own, so the order of arrival changes nothing. All windows are on the event clock, in seconds.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from math import exp

import msgspec

from countersign.core.canonical import NANOSECONDS
from countersign.core.cases.board import RARE, Key, Kind, OpenCase, at_place, by_rule, latest, rare_at
from countersign.core.cases.bursts import (
    CRITICAL_BITS,
    GAP_S,
    HIGH_BITS,
    LONGEST_S,
    MEDIUM_BITS,
    SEVERITY_BITS,
    SEVERITY_NAMES,
    Burst,
    together,
)
from countersign.core.cases.echoes import Echoes
from countersign.core.cases.folding import folded, repeats
from countersign.core.cases.memory import (
    DAY_S,
    ENTITY_S,
    EVIDENCE_S,
    MAX_NEAR,
    WATCH_S,
    GroupKey,
    Memory,
    Pair,
)
from countersign.core.cases.past import Rarity
from countersign.core.cases.sighting import SUBMITTED, TIMELESS, Sighting, observable
from countersign.core.cases.strong import (
    STRONG,
    STRONG_JOIN_BITS,
    STRONG_WATCH_BITS,
    is_calm,
    running,
    shortly_before,
)
from countersign.core.cases.tactics import step_name, step_of
from countersign.core.cases.words import apart_words, kind_word, span_words, strength, value_words
from countersign.core.ids import derived_id

VERSION = "correlation/2"
REORDER_S = 900
"""Alerts may come this much out of order and nothing changes."""
OPEN_BITS = 22.0
JOIN_BITS = RARE
JOIN_S = 3600.0
NEXT_STEP = 3.0
ENTITY_BITS = 2.0
SPREAD_S, SPREAD_BITS = 120, 5.0
NEAR_S, NEAR_BITS = 5, 2.0
NEW_BITS = 1.0
"""What its source calls severe, and fired here in most hours, is no news."""
MERGE_S = 60
BRIDGE = 2
"""An alert that meets more than two incidents merges those alone with which it shares so many entities."""
KIN = 128
"""So many bursts come along by shared entities, and no more are looked for."""
WATCH_BITS = RARE
WATCH_BUDGET = 40
"""Watch cases a day; beyond it a burst must be rare, beyond twice that a third of an incident, to get one."""


Recalled = tuple[Burst, OpenCase]


class Changes(msgspec.Struct):
    """What a stretch of alerts changed."""

    bursts: dict[int, Burst] = {}
    members: list[tuple[str, int]] = []  # alert id, burst number
    cases: dict[str, OpenCase] = {}


class Correlation:
    """The grouping of one installation. Feed it sightings by second; drain what changed."""

    def __init__(
        self,
        memory: Memory | None = None,
        *,
        late: bool = False,
        open_then: Iterable[Recalled] = (),
        echoes: Echoes | None = None,
    ) -> None:
        self.memory = Memory() if memory is None else memory
        self.late = late  # everything it takes came later than the reorder window allows
        self.echoes = Echoes() if echoes is None else echoes
        self.changes = Changes()
        self._open_then = deque(open_then)  # incidents' bursts around the time of late alerts, earliest first

    def take(self, sightings: Sequence[Sighting]) -> None:
        """Judge sightings, given in order of their start; a second must be whole, and after those already judged."""
        at = 0
        while at < len(sightings):
            second, start = sightings[at].start, at
            while at < len(sightings) and sightings[at].start == second:
                at += 1
            self._second(second, sightings[start:at])

    def drain(self) -> Changes:
        """What changed since the last time."""
        changes, self.changes = self.changes, Changes()
        return changes

    def take_timeless(self, sightings: Sequence[Sighting]) -> None:
        """Alerts without a readable time: one burst of a rule and place; what was handed in stands by itself."""
        for one in sorted(sightings, key=_by_id):
            kind: Kind = "incident" if SEVERITY_BITS[one.severity] >= HIGH_BITS else "watch"
            name = (one.alert,) if one.severity == SUBMITTED else (one.source, one.rule, one.place)
            burst = self.memory.timeless.pop((*name, kind), None) or self._timeless(one, kind, name)
            burst.count, burst.severity = burst.count + 1, max(burst.severity, one.severity)
            if one.severity != SUBMITTED:
                self.memory.timeless[(*name, kind)] = burst  # the last is the newest
                self.memory.shrink()
            self.changes.bursts[burst.number] = burst
            self.changes.members.append((one.alert, burst.number))

    def _timeless(self, one: Sighting, kind: Kind, name: tuple[str, ...]) -> Burst:
        self.memory.numbered += 1
        named = one.entities if one.severity == SUBMITTED else ()
        burst = Burst(
            self.memory.numbered, one.source, one.rule, one.place, named, (), TIMELESS, TIMELESS, TIMELESS,
            one.severity, Rarity(0.0, 0.0, 0, 0, 0), 0, step_of(one.rule),
        )  # fmt: skip
        words = _claim(burst) if kind == "incident" else "rule and place are the same"
        because = f"{words}; the record has no readable time"
        case = OpenCase(derived_id("case", "timeless", kind, *name), kind, burst.key, because)
        self._put(case, burst, because, 0.0)
        return burst

    # ---- one second --------------------------------------------------------------------------------

    def _second(self, now: int, alerts: Sequence[Sighting]) -> None:
        memory, hour = self.memory, now // 3600
        memory.done = now
        if hour != memory.hour:
            memory.hour = hour
            memory.expire(now)
        while self._open_then and self._open_then[0][0].first <= now + ENTITY_S:
            memory.recall(*self._open_then.popleft())
        if len(alerts) == 1:
            self._alone(now, hour, alerts[0])
        else:
            self._several(now, hour, alerts)
        memory.shrink()

    def _alone(self, now: int, hour: int, one: Sighting) -> None:
        """What `_several` does, for one: nearly every second holds one."""
        self.memory.past.at_place(one.source, one.place, hour)
        key = (one.source, one.rule, one.place, one.entities)
        grown = self._grown(now, key, (one,))
        self._learn(key, hour, 1)
        if grown is not None:
            burst, new = grown
            if not self.memory.in_incident(burst):
                self._place(burst, now, new=new)
            self._learn_entities(burst, hour)

    def _several(self, now: int, hour: int, alerts: Sequence[Sighting]) -> None:
        memory, groups = self.memory, dict[GroupKey, list[Sighting]]()
        for one in sorted(alerts, key=_by_id):
            groups.setdefault((one.source, one.rule, one.place, one.entities), []).append(one)
        for source, _, place, _ in groups:
            memory.past.at_place(source, place, hour)  # places new in this second count for all of it
        repeated = repeats(self.echoes, groups) if self.echoes.rows and len(groups) > 1 else {}
        todo = [
            each
            for key, some in groups.items()
            if key not in repeated and (each := self._grown(now, key, some)) is not None
        ]
        for key, some in groups.items():  # learnt after judging: this hour is no past yet
            self._learn(key, hour, len(some))
        todo.sort(key=_most_telling)
        for burst, new in todo:
            if not memory.in_incident(burst):
                self._place(burst, now, new=new)
        for burst, _ in todo:
            self._learn_entities(burst, hour)
        for key, originals in repeated.items():
            echo, original = folded(memory, now, key, groups[key], originals, late=self.late)
            self._follow(echo, memory.cases[original.number].root)
            self.changes.members += [(one.alert, echo.number) for one in groups[key]]

    def _learn(self, key: GroupKey, hour: int, count: int) -> None:
        if self.memory.pair(key[:3]).counted(hour, count):
            self.memory.past.learn(key[0], key[1], key[2], hour)

    def _learn_entities(self, burst: Burst, hour: int) -> None:
        if burst.named and not self.late and not self.memory.in_incident(burst):
            for entity in burst.named:
                self.memory.past.learn_entity(burst.source, entity, hour)

    def _grown(self, now: int, key: GroupKey, some: Sequence[Sighting]) -> tuple[Burst, bool] | None:
        """The burst these alerts are part of, and whether it is new; None when it needs no placing."""
        pair = self.memory.pair(key[:3])
        burst = self.memory.live.get(key) if key[3] else pair.burst
        new = burst is None or now - burst.last > GAP_S or now - burst.first > LONGEST_S
        if burst is None or new:
            burst = self._burst(now, key, pair)
            if key[3]:
                self.memory.live[key] = burst
            else:
                pair.burst, self.memory.running[key[:3]] = burst, pair
        burst.last, burst.count = now, burst.count + len(some)
        for one in some:
            burst.end, burst.severity = max(burst.end, one.end), max(burst.severity, one.severity)
            self.changes.members.append((one.alert, burst.number))
        self.changes.bursts[burst.number] = burst
        if new:
            return burst, True
        return (burst, False) if self._is_open(burst, now) else None

    def _is_open(self, burst: Burst, now: int) -> bool:
        """Might more of the same change where it belongs? What was not enough a second ago may be now."""
        case = self.memory.case_of(burst)
        if case is None:
            return False
        if case.kind == "incident":
            self.memory.board.touch(case, burst)
            return False
        case.last = now
        return bool(burst.severity_bits or burst.rarity.bits >= RARE or burst.flood)

    def _burst(self, now: int, key: GroupKey, pair: Pair) -> Burst:
        memory, (source, rule, place, named) = self.memory, key
        memory.numbered += 1
        rarity = memory.past.rarity(source, rule, place, memory.hour)
        entities = tuple(e for e in named if not memory.past.is_usual(source, e, memory.hour))
        peak = pair.peak_before(memory.hour)
        return Burst(
            memory.numbered, source, rule, place, named, entities, now, now, now, -1, rarity, peak, step_of(rule),
            late=self.late,
        )  # fmt: skip

    # ---- placing a burst: the first rule that holds ----------------------------------------------------

    def _place(self, burst: Burst, now: int, *, new: bool) -> None:
        bits = burst.bits + (0.0 if burst.rarity.warm else burst.flood)
        loud, rare = self._is_loud(burst, bits), bits >= RARE
        if rare:
            self._remember(burst, new=new)
        if self._links_by_entity(burst) and self._by_entity(burst, now):
            return
        if burst.place and (rare or loud) and self._by_place(burst, now, bits):
            return
        claimed = burst.severity_bits >= MEDIUM_BITS and bool(burst.entities)
        if (rare or loud or claimed) and self._opens(burst, now, loud=loud):
            return
        if not burst.named and self._beside(burst, now, bits, new=new):
            return
        if new:
            self._set_aside(burst, now, bits)

    def _is_loud(self, burst: Burst, bits: float) -> bool:
        """Does the source's own word, or a person's, call for a case?"""
        severity, warm = burst.severity_bits, burst.rarity.warm
        if severity >= CRITICAL_BITS or (severity >= HIGH_BITS and (warm or bits >= NEW_BITS)):
            return True
        return severity >= MEDIUM_BITS and bool(burst.entities) and bits >= RARE

    def _remember(self, burst: Burst, *, new: bool) -> None:
        recent = self.memory.recent.setdefault(burst.place, [])
        if new or (burst.bits < RARE and burst not in recent):
            recent.append(burst)
            del recent[:-MAX_NEAR]
            if not burst.named:
                self.memory.odd.append(burst)

    def _links_by_entity(self, burst: Burst) -> bool:
        if not burst.entities:
            return False
        return burst.severity_bits >= MEDIUM_BITS or (
            burst.severity_bits > 0 if burst.rarity.warm else burst.bits >= ENTITY_BITS
        )

    def _by_entity(self, burst: Burst, now: int) -> bool:
        """Rule 1. It joins the incident that it shares most with, and may make others one with that."""
        found: dict[OpenCase, set[str]] = {}
        for entity in burst.entities:
            indexes = [self.memory.board.by_entity.get(entity)]
            if entity.startswith("host:"):
                indexes.append(self.memory.board.by_place.get(entity[5:]))
            for case, when in ((c, w) for index in indexes if index for c, w in index.items()):
                if now - when <= ENTITY_S:
                    found.setdefault(case.root, set()).add(entity)
        if not found:
            return False
        first, *others = sorted(found, key=lambda case: (-len(found[case]), case.key))
        because = _shared(found[first], max(0, now - first.heard[""]))
        for other in others:
            shares = len(others) == 1 or len(found[other]) >= BRIDGE
            if shares and burst.severity != SUBMITTED:
                self._merge(first, other)
        foreign = {named for case in others if case.root is not first.root for named in found[case]}
        if foreign:  # what it says of strangers is not to lead them here
            burst.entities = tuple(named for named in burst.entities if named not in foreign - found[first])
        for one in self._kin(burst, now):
            words = because if one is burst else "shares an entity with a later alert"
            self._join(first.root, one, words, ENTITY_BITS)
        return True

    def _kin(self, burst: Burst, now: int) -> list[Burst]:
        """The burst, and earlier ones outside incidents that share an entity with it, step by step."""
        found, todo, seen = {burst: None}, deque([burst]), set[str]()
        while todo:
            for entity in todo.popleft().entities:
                if len(found) >= KIN:
                    return sorted(found, key=_by_key)
                if entity not in seen:
                    seen.add(entity)
                    new = [one for one in self._orphans(entity, now) if one not in found]
                    found.update(dict.fromkeys(new))
                    todo += new
        return sorted(found, key=_by_key)

    def _orphans(self, entity: str, now: int) -> Iterable[Burst]:
        """What names the entity, and may come along; what no longer may is forgotten."""
        held, cases = self.memory.orphans.get(entity, []), self.memory.cases
        held[:] = [o for o in held if now - o.end <= ENTITY_S and not _decided(cases.get(o.number))]
        return [one for one in held if self._links_by_entity(one)]

    def _by_place(self, burst: Burst, now: int, bits: float) -> bool:
        """Rule 2. The rarer the burst, the longer the silence that it may end."""
        best: tuple[int, Key, OpenCase, bool, int] | None = None
        for case, when in self.memory.board.by_place.get(burst.place, {}).items():
            root, idle = case.root, max(0, now - when)
            weight = max(bits, burst.severity_bits)
            follows = burst.step > root.step and root.score >= STRONG
            if weight * exp(-idle / (JOIN_S * (NEXT_STEP if follows else 1.0))) < JOIN_BITS:
                continue
            if best is None or (idle, root.key) < best[:2]:
                bridged = follows and weight * exp(-idle / JOIN_S) < JOIN_BITS
                best = (idle, root.key, root, bridged, max(0, now - root.heard.get(burst.place, when)))
        if best is None:
            return False
        words = f"same place {span_words(best[4])} later, {burst.rarity.words()}"
        if best[3]:
            words += f"; {step_name(burst.step)} is an expected next step"
        self._join(best[2], burst, words, bits * exp(-best[0] / JOIN_S), (at_place(burst.place),))
        return True

    def _opens(self, burst: Burst, now: int, *, loud: bool) -> bool:
        """Rule 3."""
        kin = self._kin(burst, now) if burst.entities else [burst]
        if loud:
            self._open(burst, now, kin, _claim(burst))
            return True
        if burst.entities and together(kin, now, ENTITY_S) >= OPEN_BITS:
            self._open(burst, now, kin, f"together over {OPEN_BITS:.0f} bits on shared entities within 1 h")
            return True
        if not burst.place:
            return False
        recent, cases = self.memory.recent.get(burst.place, []), self.memory.cases
        mine = [o for o in recent if now - o.last <= EVIDENCE_S and not _decided(cases.get(o.number))]
        self.memory.recent[burst.place] = mine
        if together(mine, now, EVIDENCE_S) < OPEN_BITS:
            return False
        self._open(burst, now, mine, f"together over {OPEN_BITS:.0f} bits at this place within 10 min")
        return True

    def _beside(self, burst: Burst, now: int, bits: float, *, new: bool) -> bool:
        """Rule 4, for bursts that name no entity."""
        if bits >= RARE and burst.rule_bits >= SPREAD_BITS:
            case = latest(self.memory.board.by_rule.get(burst.rule, {}), now, SPREAD_S)
            if case is not None:
                words = f"same rare rule at another place, {burst.rarity.words()}"
                self._join(case, burst, words, burst.rule_bits, (by_rule(burst.rule),))
                return True
        if new and NEAR_BITS <= bits < RARE:
            case = latest(rare_at(self.memory.board.by_place.get(burst.place, {}), burst.place), now, NEAR_S)
            if case is not None:
                self._join(case, burst, f"same place, same moment, {burst.rarity.words()}", bits)
                return True
        return bits >= STRONG_WATCH_BITS and self._beside_strong(burst, now, bits, new=new)

    def _beside_strong(self, burst: Burst, now: int, bits: float, *, new: bool) -> bool:
        strong = running(self.memory, now)
        if strong is None:
            return False
        near = bits * exp(-max(0, now - strong.last) / JOIN_S)
        if near >= STRONG_JOIN_BITS and is_calm(self.memory, strong):
            words = f"odd here while a strong incident runs, {burst.rarity.words()}"
            self._join(strong, burst, words, near, ())
            return True
        if new:
            case = self._case("watch", burst, f"perhaps part of a strong incident, {burst.rarity.words()}")
            case.near = strong.id
        return new

    def _set_aside(self, burst: Burst, now: int, bits: float) -> None:
        """Rule 5."""
        for entity in burst.entities:
            held = self.memory.orphans.setdefault(entity, [])
            held.append(burst)
            del held[:-MAX_NEAR]
        while self.memory.watched and now - self.memory.watched[0] > DAY_S:
            self.memory.watched.popleft()
        opened = len(self.memory.watched)
        entry = WATCH_BITS if opened < WATCH_BUDGET else RARE if opened < 2 * WATCH_BUDGET else OPEN_BITS / 3
        if bits >= entry or burst.severity_bits >= MEDIUM_BITS:
            self._to_watch(burst, now)
        else:
            self._to_background(burst)

    def _to_watch(self, burst: Burst, now: int) -> None:
        case = self.memory.watch.get(burst.place)
        if case is not None and now - case.last <= WATCH_S:
            self._put(case, burst, f"odd at the same place within 10 min, {burst.rarity.words()}", burst.bits)
            return
        self.memory.watched.append(now)
        self.memory.watch[burst.place] = self._case("watch", burst, burst.rarity.words())

    def _to_background(self, burst: Burst) -> None:
        """One case for a rule at a place; where alerts name entities, either end counts: a scan is one thing."""
        ends = (burst.place, *burst.named) if burst.named else (burst.place,)
        keys = [(burst.source, burst.rule, end) for end in ends]
        known = [case for key in keys if (case := self.memory.background.get(key)) is not None]
        case = known[0] if known else None
        if case is None:
            name = derived_id("case", "background", *keys[0])
            case = OpenCase(name, "background", burst.key, "recurring noise")
        for key in keys:  # the last is the newest
            self.memory.background[key] = self.memory.background.pop(key, case)
        self._put(case, burst, burst.rarity.words(), 0.0)

    # ---- cases -----------------------------------------------------------------------------------------

    def _put(
        self, case: OpenCase, burst: Burst, because: str, weight: float, by: Iterable[str] | None = None
    ) -> None:
        before = self.memory.case_of(burst)
        if before is not None:
            before.size, before.rich = before.size - 1, before.rich - bool(burst.named)
            self.changes.cases[before.id] = before
        burst.linked = case.anchor(_anchors(burst) if by is None else by)
        case.newest = burst.number
        burst.case, burst.because, burst.weight = case.id, because, round(weight, 2)
        self.memory.cases[burst.number] = case
        case.size, case.rich = case.size + 1, case.rich + bool(burst.named)
        case.first, case.last = min(case.first, burst.first), max(case.last, burst.last)
        self.changes.bursts[burst.number] = burst
        self.changes.cases[case.id] = case
        for echo in self.memory.folded(burst):
            self._follow(echo, case)

    def _follow(self, echo: Burst, case: OpenCase) -> None:
        """An echo is where its original is."""
        self.memory.cases[echo.number], echo.case = case, case.id
        self.changes.bursts[echo.number] = echo

    def _case(self, kind: Kind, burst: Burst, because: str) -> OpenCase:
        case = OpenCase(derived_id("case", kind, *map(str, burst.key)), kind, burst.key, because)
        self._put(case, burst, because, burst.bits)
        return case

    def _open(self, burst: Burst, now: int, members: list[Burst], because: str) -> None:
        others = self.memory.board.blind(now, MERGE_S)
        case = OpenCase(derived_id("case", "incident", *map(str, burst.key)), "incident", burst.key, because)
        self.memory.board.open.append(case)
        for one in members if burst in members else [*members, burst]:
            self._join(case, one, because, one.bits)
        if not case.blind:
            return  # incidents that name entities are never merged by time alone
        for one in members:
            if one.rule_bits >= SPREAD_BITS and not one.named:
                seen = self.memory.board.by_rule.get(one.rule, {})
                others += [c.root for c, when in seen.items() if now - when <= SPREAD_S and c.root.blind]
        for other in sorted(set(others), key=lambda c: c.key):
            self._merge(case, other)

    def _join(
        self, case: OpenCase, burst: Burst, because: str, weight: float, by: Iterable[str] | None = None
    ) -> None:
        if self.memory.case_of(burst) is case:
            return
        before = case.score
        self._put(case, burst, because, weight, by)
        case.weigh(burst)
        self.memory.board.touch(case, burst)
        if before < STRONG <= case.score and case.blind and is_calm(self.memory, case):
            for one in shortly_before(self.memory, case):
                words = f"odd here shortly before a strong incident, {one.rarity.words()}"
                self._join(case, one, words, one.bits, ())

    def _merge(self, one: OpenCase, other: OpenCase) -> None:
        kept, gone = self.memory.board.merge(one, other)
        if kept is not gone:
            self.changes.cases[kept.id], self.changes.cases[gone.id] = kept, gone


def _decided(case: OpenCase | None) -> bool:
    return case is not None and case.kind == "incident"


def _by_id(one: Sighting) -> str:
    return one.alert


def _by_key(one: Burst) -> Key:
    return (one.first, one.rule, one.place, one.named, one.source)


def _most_telling(each: tuple[Burst, bool]) -> tuple[float, Key]:
    return -each[0].rarity.bits - each[0].severity_bits, each[0].key


def _anchors(burst: Burst) -> Iterable[str]:
    """What it may hang by: its entities, the strongest first, then its place."""
    ordered = sorted(burst.entities, key=lambda named: strength(observable(named)))
    yield from ordered
    yield from (at_place(named[5:]) for named in ordered if named.startswith("host:"))
    yield at_place(burst.place)


def _claim(burst: Burst) -> str:
    if burst.severity == SUBMITTED:
        return "a person handed it in"
    return f"its source calls it {SEVERITY_NAMES[burst.severity]}"


def _shared(entities: set[str], idle: int) -> str:
    """`same account jdoe within 12 min`; the strongest entity, and how many more."""
    ordered = sorted(map(observable, entities), key=strength)
    more = f" and {len(ordered) - 1} more" if len(ordered) > 1 else ""
    return f"same {kind_word(ordered[0])} {value_words(ordered[0])}{more} {apart_words(idle * NANOSECONDS)}"
