"""What the grouping says of a case once its alerts are together: its kind, its score in named parts, its phases.

All of it is computed from the case's bursts, so that a case that a person split or merged is told as it now is.
A *phase* is a fine burst: the alerts of one place with gaps of at most two seconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import fsum

import msgspec

from countersign.core.canonical import NANOSECONDS, format_time
from countersign.core.cases.board import KINDS, Kind, OpenCase
from countersign.core.cases.bursts import MOMENT_S, SAME_MOMENT, Burst
from countersign.core.cases.case import Link
from countersign.core.cases.sighting import TIMELESS
from countersign.core.cases.tactics import step_name
from countersign.core.cases.words import span_words, value_words
from countersign.core.ids import derived_id
from countersign.core.records.observable import Observable
from countersign.core.render import shown

PHASE_S = 2
STEP_BITS, PLACE_BITS, NEAR_BITS = 5.0, 5.0, 10.0
MAX_TOLD = 5
IN_ONE_BURST = "same rule and place in one burst"


class Standing(msgspec.Struct, frozen=True):
    """What is kept of a case beside its bursts. `into` names the case that it became part of."""

    case: str
    kind: Kind
    because: str
    near: str = ""
    into: str = ""
    first: int = 0
    last: int = 0
    score: float = 0.0


class Regrouping(msgspec.Struct, frozen=True):
    """What a person changed, or a merge: alerts of `case` went `into` another. No alerts named means all."""

    case: str
    into: str
    alerts: tuple[str, ...]
    because: str
    by: str
    at: str  # RFC 3339

    @property
    def entry(self) -> str:
        """The id of the log entry that tells of it."""
        return derived_id("regroup", self.case, self.into, self.at, *self.alerts)


class Score(msgspec.Struct, frozen=True):
    """Bits by name; the sum ranks cases of one kind."""

    parts: tuple[tuple[str, float], ...]

    @property
    def total(self) -> float:
        """The sum of the parts."""
        return round(fsum(bits for _, bits in self.parts), 1)

    def words(self) -> str:
        """`score 544 bits: rarity 474, places 40, steps 30`"""
        said = ", ".join(f"{name} {bits:.0f}" for name, bits in self.parts if bits >= 0.5)
        return f"score {self.total:.0f} bits" + (f": {said}" if said else "")


class Phase(msgspec.Struct, frozen=True):
    """Alerts of one place, at most two seconds apart. Times are UTC seconds."""

    place: str
    first: int
    last: int
    count: int
    rules: int

    def words(self) -> str:
        """`12:05:02 at web: 6,100 alerts of 12 rules in 33 s`"""
        when = format_time(self.first * NANOSECONDS)
        place = f" at {place_words(self.place)}" if self.place else ""
        lasting = f" in {span_words(self.last - self.first)}" if self.last > self.first else ""
        return f"{when}{place}: {many(self.count, 'alert')} of {many(self.rules, 'rule')}{lasting}"


def standing(case: OpenCase) -> Standing:
    """What is kept of an open case."""
    root = case.root
    into = root.id if root is not case else ""
    return Standing(
        case.id, case.kind, case.because, case.near, into, case.first, case.last, round(case.total, 1)
    )


def score(bursts: Iterable[Burst], *, near: bool = False) -> Score:
    """The score of a case, out of its bursts; the order they are given in changes nothing."""
    best: dict[tuple[str, str], float] = {}
    severity: dict[str, float] = {}
    moments: dict[str, int] = {}
    places, steps = set(), set()
    for one in sorted(bursts, key=lambda b: b.key):
        moment, bits = moments.get(one.place), one.bits
        if moment is None or one.first - moment > MOMENT_S:
            moments[one.place] = one.first
        else:
            bits *= SAME_MOMENT
        key = (one.rule, one.place)
        best[key] = max(bits, best.get(key, 0.0))
        severity[one.rule] = max(one.severity_bits, severity.get(one.rule, 0.0))
        places.add(one.place)
        steps.add(one.step)
    parts = (
        ("rarity", fsum(best.values())),
        ("severity", fsum(severity.values())),
        ("places", PLACE_BITS * max(0, len(places - {""}) - 1)),
        ("steps", STEP_BITS * max(0, len(steps - {0}) - 1)),
        ("beside a strong incident", NEAR_BITS if near else 0.0),
    )
    return Score(tuple((name, round(bits, 1)) for name, bits in parts))


def phases(moments: Sequence[tuple[int, str, str]]) -> tuple[Phase, ...]:
    """Phases of (second, place, rule) of each alert, in order of their start."""
    made: list[list[tuple[int, str, str]]] = []
    running: dict[str, list[tuple[int, str, str]]] = {}
    for one in sorted(moments):
        now = running.get(one[1])
        if now is None or one[0] - now[-1][0] > PHASE_S:
            now = running[one[1]] = []
            made.append(now)
        now.append(one)
    return tuple(
        Phase(some[0][1], some[0][0], some[-1][0], len(some), len({rule for _, _, rule in some}))
        for some in made
    )


def rhythm(bursts: Sequence[Burst]) -> str:
    """How often something recurs: `in 14 of 24 hours, usually 12 min apart`; empty for what came once."""
    firsts = sorted(one.first for one in bursts if one.first > TIMELESS)
    if len(firsts) < 2:
        return ""
    gaps = sorted(after - before for before, after in pairwise(firsts))
    hours = {second // 3600 for second in firsts}
    within = firsts[-1] // 3600 - firsts[0] // 3600 + 1
    return f"in {len(hours)} of {many(within, 'hour')}, usually {span_words(gaps[len(gaps) // 2])} apart"


def told(kept: Standing, bursts: Sequence[Burst], seconds: Sequence[tuple[int, str, str]]) -> tuple[str, ...]:
    """Why the case stands, in lines: kind and reason, how much fired when, its score, the rarest bursts, its phases."""
    lines = [f"{kept.kind}: {kept.because}", _extent(bursts)]
    if kept.kind == "background":
        return (lines[0], ", ".join(filter(None, (lines[1], rhythm(bursts)))))
    lines.append(score(bursts, near=bool(kept.near)).words())
    if kept.near:
        lines.append(f"it may belong to {kept.near}")
    lines += _remarks(bursts)
    telling = sorted(bursts, key=lambda one: (-one.bits - one.severity_bits, one.key))
    lines += [burst_words(one) for one in telling[:MAX_TOLD]]
    if len(bursts) > MAX_TOLD:
        lines.append(f"and {many(len(bursts) - MAX_TOLD, 'further burst')}")
    found = phases(seconds)
    if len(found) > 1:
        largest = sorted(sorted(found, key=lambda p: (-p.count, p.first))[:MAX_TOLD], key=lambda p: p.first)
        lines += [f"{many(len(found), 'phase')}, the largest:", *(phase.words() for phase in largest)]
    return tuple(lines)


def _extent(bursts: Sequence[Burst]) -> str:
    """`31 alerts of 4 rules at 2 places, FIRST to LAST`"""
    count = sum(one.count for one in bursts)
    rules, places = {one.rule for one in bursts}, {one.place for one in bursts} - {""}
    where = f" at {many(len(places), 'place')}" if len(places) > 1 else ""
    timed = [one for one in bursts if one.first > TIMELESS]
    said = f"{many(count, 'alert')} of {many(len(rules), 'rule')}{where}"
    if not timed:
        return f"{said}; the records have no readable time, so only rule and place joined them"
    first, last = min(one.first for one in timed), max(one.end for one in timed)
    said += f", {format_time(first * NANOSECONDS)}"
    return said + (f" to {format_time(last * NANOSECONDS)}" if last > first else "")


def _remarks(bursts: Sequence[Burst]) -> list[str]:
    """What limits the grouping itself: warm-up, late alerts; and echoes, steps."""
    said = []
    warm = {one.source: one.rarity for one in bursts if one.rarity.warm and not one.rarity.hours}
    warm |= {one.source: one.rarity for one in bursts if one.rarity.warm}
    if warm:
        said.append(f"{', '.join(sorted(warm))}: {next(iter(warm.values())).words()}")
    late = sum(one.count for one in bursts if one.late)
    if late:
        said.append(f"{many(late, 'alert')} came later than the reorder window allows, and was attached" if late == 1
                    else f"{late} alerts came later than the reorder window allows, and were attached")  # fmt: skip
    echoes = sum(one.echoes for one in bursts)
    if echoes:
        said.append(f"{many(echoes, 'alert')} of these only repeat another product's")
    reached = sorted({one.step for one in bursts} - {0})
    if len(reached) > 1:
        said.append(f"steps reached: {', '.join(map(step_name, reached))}")
    return said


def burst_words(one: Burst) -> str:
    """`«RULE», 6 times at PLACE in 33 s`; a rule's name may hold what an outsider wrote."""
    said = shown(one.rule, tainted=True, limit=120) + (f", {one.count} times" if one.count > 1 else "")
    said += f" at {place_words(one.place)}" if one.place else ""
    return said + (f" in {span_words(one.last - one.first)}" if one.last > one.first else "")


def place_words(place: str) -> str:
    """A place for a reason; one that leaves room for prose stands in quotation marks."""
    return value_words(Observable("host", place))


def many(number: int, word: str) -> str:
    """`1 alert`, `1,200 alerts`"""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def rank(kept: Standing) -> tuple[int, float, str]:
    """Sorts cases: incidents, watch, background; the higher score first."""
    return KINDS.index(kept.kind), -kept.score, kept.case


def respecting(
    bursts: Mapping[int, Burst], stored: Mapping[int, Burst], held: Mapping[str, str]
) -> dict[int, Burst]:
    """Bursts as they may be kept where persons regrouped: the machine moves nothing out of a case they touched.

    `stored` are bursts as they were, by number; what is not settled may be numbered anew, so that a number alone
    says little. `held` maps every case that a person touched to what it is part of now.
    """
    kept: dict[int, Burst] = {}
    for number, one in bursts.items():
        wanted, was = held.get(one.case, one.case), stored.get(number)
        there = was.case if was is not None and was.key[1:] == one.key[1:] else ""
        if there in held and there != wanted:
            wanted = there
        kept[number] = one if wanted == one.case else msgspec.structs.replace(one, case=wanted)
    return kept


def spread(counts: Mapping[int, int], limit: int) -> int:
    """How many alerts of each burst, from either end, fit into `limit`; 0 when all of them do."""
    if sum(counts.values()) <= limit:
        return 0
    low, high = 1, limit
    while low < high:
        middle = (low + high + 1) // 2
        if sum(min(count, 2 * middle) for count in counts.values()) <= limit:
            low = middle
        else:
            high = middle - 1
    return low


def most_telling(bursts: Sequence[Burst], members: Sequence[int], limit: int) -> list[bool]:
    """Which of the members (burst numbers, in event order) to keep: one of each burst, the most telling bursts first."""
    order = sorted(bursts, key=lambda one: (-one.bits - one.severity_bits, one.key))
    place = {one.number: at for at, one in enumerate(order)}
    nth: dict[int, int] = {}
    wanted = []
    for at, number in enumerate(members):
        nth[number] = nth.get(number, -1) + 1
        wanted.append((nth[number], place.get(number, len(place)), at))
    kept = {at for _, _, at in sorted(wanted)[:limit]}
    return [at in kept for at in range(len(members))]


def counted(bursts: Sequence[Burst], counts: Mapping[int, int]) -> list[Burst]:
    """Bursts with the alerts they hold now; what a person moved away is counted where it went."""
    return [
        msgspec.structs.replace(one, count=counts[one.number]) for one in bursts if counts.get(one.number)
    ]


def links(bursts: Sequence[Burst], members: Sequence[tuple[str, int]]) -> tuple[Link, ...]:
    """One link for every alert but the first: to its own burst's first alert, or to the burst that it joined by."""
    first: dict[int, str] = {}
    inner: list[Link] = []
    for alert, number in members:
        if number in first:
            inner.append(Link(first[number], alert, IN_ONE_BURST))
        first.setdefault(number, alert)
    opened = next((first[one.number] for one in bursts if one.number in first), "")
    outer = [
        Link(first.get(one.linked, opened), first[one.number], _weighed(one), one.weight)
        for one in bursts
        if one.number in first and first.get(one.linked, opened) != first[one.number]
    ]
    return (*outer, *inner)


def _weighed(one: Burst) -> str:
    return f"{one.because} ({one.weight:.1f} bits)" if one.weight else one.because
