"""A burst: one rule at one place, repeated; the unit that is put into cases.

A burst goes on while the next alert comes within a minute, for an hour at most. It is as rare as its rule was
at its place in the hours before it began; a burst far larger than any past hour of a usual rule gains bits too.
"""

from collections.abc import Sequence
from math import exp, inf, log2

import msgspec

from countersign.core.cases.past import WARM_H, Rarity
from countersign.core.cases.sighting import SUBMITTED, UNCLAIMED

GAP_S, LONGEST_S = 60, 3600
FLOOD_BITS, FLOOD_LEAST, FLOOD_TIMES = 2.0, 100, 4
MOMENT_S, SAME_MOMENT = 2, 0.25
"""Rules that fire together within a moment tell of one event: the rarest counts in full, the others a quarter."""

SEVERITY_BITS = {UNCLAIMED: 0.0, 0: 4.0, 1: 11.0, 2: 22.0, 3: 30.0, SUBMITTED: 30.0}
MEDIUM_BITS, HIGH_BITS, CRITICAL_BITS = SEVERITY_BITS[1], SEVERITY_BITS[2], SEVERITY_BITS[3]
SEVERITY_NAMES = {0: "low", 1: "medium", 2: "high", 3: "critical"}


class Burst(msgspec.Struct, array_like=True, eq=False):
    """One rule at one place with one set of entities. Times are UTC seconds, `bits` −log2 of a share of hours."""

    number: int
    source: str
    rule: str
    place: str
    named: tuple[str, ...]  # every entity that its alerts name
    entities: tuple[str, ...]  # those of them that may join
    first: int
    last: int
    end: int
    severity: int
    rarity: Rarity
    peak: int  # alerts in the largest past hour of this rule at this place
    step: int
    count: int = 0
    echoes: int = 0  # of `count`: all or none
    case: str = ""
    because: str = ""
    weight: float = 0.0
    linked: int = 0  # the burst it joined by, or that it repeats; 0 when it opened the case
    late: bool = False

    @property
    def bits(self) -> float:
        """Bits of rarity; none while the source warms up."""
        return 0.0 if self.rarity.warm else self.rarity.bits

    @property
    def rule_bits(self) -> float:
        """Bits of the rule's rarity anywhere; none while the source warms up."""
        return 0.0 if self.rarity.warm else self.rarity.rule_bits

    @property
    def severity_bits(self) -> float:
        """What the source's own severity weighs."""
        return SEVERITY_BITS[self.severity]

    @property
    def flood(self) -> float:
        """Bits for a burst far larger than any past hour of its rule at its place."""
        if self.count < FLOOD_LEAST or self.count < FLOOD_TIMES * (self.peak + 1):
            return 0.0
        return FLOOD_BITS * log2(self.count / (FLOOD_TIMES * (self.peak + 1)))

    @property
    def key(self) -> tuple[int, str, str, tuple[str, ...], str]:
        """An order that does not depend on the order of arrival."""
        return (self.first, self.rule, self.place, self.named, self.source)


def together(bursts: Sequence[Burst], now: int, tau: float) -> float:
    """Bits of distinct rules, decayed over `tau` seconds; rules of one moment count once and a quarter each."""
    best: dict[str, tuple[float, int]] = {}  # rule → its best value, minus the start of that burst
    for one in reversed(bursts):  # mostly in order of time: the newest has faded least
        bits, rarity, known = SEVERITY_BITS[one.severity], one.rarity, best.get(one.rule, (0.0, 0))
        if rarity.hours >= WARM_H:
            bits += rarity.bits + (one.flood if one.count >= FLOOD_LEAST else 0.0)
        if bits > known[0] or (one.last >= now and bits == known[0] > 0):
            best[one.rule] = max(known, (bits * exp(-max(0, now - one.last) / tau), -one.first))
    total, anchor, top = 0.0, -inf, 0.0
    for first, value in sorted((-start, value) for value, start in best.values()):
        if first - anchor > MOMENT_S:
            anchor, top = first, value
            total += value
        else:
            total += max(0.0, value - top) + SAME_MOMENT * min(value, top)
            top = max(value, top)
    return total
