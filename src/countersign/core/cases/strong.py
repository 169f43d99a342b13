"""Strong incidents: what is odd anywhere on a calm site while one runs hardly is chance."""

from collections.abc import Iterator

from countersign.core.cases.board import OpenCase
from countersign.core.cases.bursts import Burst
from countersign.core.cases.memory import DAY_S, Memory

STRONG, STRONG_S, STRONG_BACK_S = 60.0, 3600, 600
STRONG_JOIN_BITS, STRONG_WATCH_BITS = 4.0, 2.0
CALM_AN_HOUR = 3.0


def running(memory: Memory, now: int) -> OpenCase | None:
    """The strongest that was active within the hour, of those whose bursts mostly name no entity."""
    strong = (case for case in memory.board.blind(now, STRONG_S) if case.score >= STRONG)
    return min(strong, key=lambda case: (-case.score, case.key), default=None)


def is_calm(memory: Memory, case: OpenCase) -> bool:
    """Were there few odd bursts in the day before?"""
    before = (
        one for one in memory.odd if 0 < case.first - one.first <= DAY_S and not memory.in_incident(one)
    )
    return sum(1 for _ in before) <= 24 * CALM_AN_HOUR


def shortly_before(memory: Memory, case: OpenCase) -> Iterator[Burst]:
    """What was odd anywhere shortly before it began, and is only watched."""
    for burst in list(memory.odd):
        held = memory.case_of(burst)
        odd = held is not None and held.kind == "watch" and burst.rarity.bits >= STRONG_JOIN_BITS
        if odd and case.first - burst.last <= STRONG_BACK_S:
            yield burst
