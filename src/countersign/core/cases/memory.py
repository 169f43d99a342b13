"""What the grouping keeps in mind between alerts, and between runs: past hours, open cases, recent bursts.

It holds nothing that could not be made again from the stored alerts, and nothing that no window reaches any
more. `dump` and `load` are exact: a run that was cut short goes on as if it had not been.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from countersign.core.cases import board
from countersign.core.cases.board import Board, OpenCase
from countersign.core.cases.bursts import GAP_S, Burst
from countersign.core.cases.past import KEPT_H, Past

FORMAT = 3
FAR_S = 12 * 3600
ENTITY_S, EVIDENCE_S, WATCH_S, DAY_S = 3600, 600, 600, 86_400
GroupKey = tuple[str, str, str, tuple[str, ...]]
"""What one burst repeats: source, rule, place, the entities it names."""
PairKey = tuple[str, str, str]
MAX_PAIRS, MAX_BACKGROUND, MAX_TIMELESS = 50_000, 100_000, 1000
"""What is kept of rules at a place, of backgrounds by rule and end, of bursts without a time. The least recent go first."""
MAX_NEAR = 128
"""Bursts kept of one entity, or of one place, the newest."""
_K = TypeVar("_K")


class Pair:
    """A rule at a place: alerts this hour, the most in a past hour, the burst that runs."""

    __slots__ = ("burst", "count", "hour", "peak")

    def __init__(self, hour: int = -1, count: int = 0, peak: int = 0) -> None:
        self.hour, self.count, self.peak = hour, count, peak
        self.burst: Burst | None = None

    def counted(self, hour: int, count: int) -> bool:
        """More alerts in this hour; whether they are its first."""
        first = self.hour != hour
        if first:
            self.hour, self.peak, self.count = hour, max(self.peak, self.count), 0
        self.count += count
        return first

    def peak_before(self, hour: int) -> int:
        """The most alerts in an hour before this one."""
        return self.peak if self.hour == hour else max(self.peak, self.count)


class Memory:
    """Everything that judging the next second needs."""

    def __init__(self) -> None:
        self.past, self.board = Past(), Board()
        self.done = -(2**62)  # the last second that was judged
        self.hour = -1
        self.numbered = 0
        self.pairs: dict[PairKey, Pair] = {}
        self.running: dict[PairKey, Pair] = {}  # those of them that have a burst
        self.oldest = -(2**62)  # no pair's hour is before this one
        self.live: dict[GroupKey, Burst] = {}  # running bursts that name entities
        self.cases: dict[int, OpenCase] = {}  # burst number → case
        self.recent: dict[str, list[Burst]] = {}  # place → rare bursts of the last minutes
        self.orphans: dict[str, list[Burst]] = {}  # entity → recent bursts that were in no incident
        self.odd: deque[Burst] = deque()  # rare bursts without entities, of the last days
        self.watch: dict[str, OpenCase] = {}  # place → its newest watch case
        self.watched: deque[int] = deque()  # when watch cases were opened
        self.background: dict[PairKey, OpenCase] = {}
        self.timeless: dict[tuple[str, ...], Burst] = {}  # source, rule, place, kind → burst without a time
        self.echoes: dict[int, dict[GroupKey, Burst]] = {}  # burst number → what only repeats it

    def pair(self, key: PairKey) -> Pair:
        """A rule at a place, made if it is new."""
        found = self.pairs.get(key)
        if found is None:
            found = self.pairs[key] = Pair()
        return found

    def case_of(self, burst: Burst) -> OpenCase | None:
        """The case that the burst is in by now."""
        case = self.cases.get(burst.number)
        return None if case is None else case.root

    def in_incident(self, burst: Burst) -> bool:
        """Is it part of an incident?"""
        case = self.case_of(burst)
        return case is not None and case.kind == "incident"

    def expire(self, now: int) -> None:
        """Forget what no window can reach any more; no result depends on it."""
        self.board.expire(now, FAR_S)
        for index, keep in ((self.orphans, ENTITY_S), (self.recent, EVIDENCE_S)):
            for key in list(index):
                index[key] = [one for one in index[key] if now - max(one.end, one.last) <= keep]
                if not index[key]:
                    del index[key]
        self.live = {key: one for key, one in self.live.items() if now - one.last <= GAP_S}
        self.watch = {place: case for place, case in self.watch.items() if now - case.last <= WATCH_S}
        while self.odd and now - self.odd[0].first > 2 * DAY_S:
            self.odd.popleft()
        for name, pair in list(self.running.items()):
            if pair.burst is None or now - pair.burst.last > GAP_S:
                pair.burst = None
                del self.running[name]
        kept = self.hour - KEPT_H
        if kept > self.oldest:
            self.pairs = {key: pair for key, pair in self.pairs.items() if pair.burst or pair.hour >= kept}
            self.oldest = min((pair.hour for pair in self.pairs.values()), default=kept)
        held = {one.number for one in self.held()}
        self.echoes = {number: some for number, some in self.echoes.items() if number in held}
        held.update(one.number for some in self.echoes.values() for one in some.values())
        self.cases = {number: case.root for number, case in self.cases.items() if number in held}

    def held(self) -> Iterable[Burst]:
        """Every burst that may still grow, or be placed anew."""
        for index in (self.orphans, self.recent):
            for some in index.values():
                yield from some
        yield from self.live.values()
        yield from self.odd
        yield from self.timeless.values()
        yield from (pair.burst for pair in self.running.values() if pair.burst is not None)

    def shrink(self) -> None:
        """Forget what is over the caps, an eighth at a time; a rule at a place is kept while its burst runs."""
        held = len(self.pairs) > MAX_PAIRS or len(self.background) > MAX_BACKGROUND
        if not held and len(self.timeless) <= MAX_TIMELESS:
            return
        if len(self.pairs) > MAX_PAIRS:
            idle = sorted(
                (p.burst is not None, p.hour, max(p.peak, p.count), key) for key, p in self.pairs.items()
            )
            for *_, key in idle[: max(1, MAX_PAIRS // 8)]:
                del self.pairs[key]
                self.running.pop(key, None)
        tables: tuple[tuple[dict[Any, Any], int], ...] = (
            (self.background, MAX_BACKGROUND),
            (self.timeless, MAX_TIMELESS),
        )
        for table, most in tables:
            if len(table) > most:
                for name in list(table)[: max(1, most // 8)]:
                    del table[name]

    def folded(self, burst: Burst) -> Iterable[Burst]:
        """What only repeats this burst."""
        return self.echoes[burst.number].values() if burst.number in self.echoes else ()

    def rewound(self) -> "Memory":
        """A memory for alerts that come late: the same past and numbers, and nothing that is open by now."""
        made = Memory()
        made.past, made.numbered, made.background = self.past, self.numbered, self.background
        made.pairs = {k: Pair(pair.hour, peak=max(pair.peak, pair.count)) for k, pair in self.pairs.items()}
        return made

    def recall(self, burst: Burst, case: OpenCase) -> None:
        """A burst of an incident that was open at the time of late alerts."""
        if case not in self.board.open:
            self.board.open.append(case)
        self.cases[burst.number] = case
        if burst.echoes:
            return
        case.size, case.rich, case.newest = case.size + 1, case.rich + bool(burst.named), burst.number
        case.weigh(burst)
        self.board.touch(case, burst)

    def adopt(self, other: "Memory") -> None:
        """What late alerts left open is open here too; an incident that was open here already stays as it is."""
        self.numbered = other.numbered
        mine = {case.id: case for case in self.board.incidents()}
        for case in other.board.open:  # what late alerts joined is one case here too
            kept, gone = mine.get(case.root.id), mine.get(case.id)
            if kept is not None and gone is not None and kept.root is not gone.root:
                self.board.absorb(kept.root, gone.root)
        fresh = [case for case in other.board.incidents() if case.id not in mine]
        self.board.open += fresh
        for case in fresh:
            self.board.notice(case)
        for index, theirs in zip(self.indexes(), other.indexes(), strict=True):
            for key, found in theirs.items():
                for case, when in found.items():
                    kept = mine.get(case.root.id, case.root).root
                    row = index.setdefault(key, {})
                    row[kept] = max(when, row.get(kept, when))

    # ---- to bytes and back -----------------------------------------------------------------------------

    def dump(self) -> bytes:
        """The memory as bytes, for `load`."""
        bursts = {one.number: one for one in self.held()}
        for number in [number for number in self.echoes if number in bursts]:
            bursts.update((one.number, one) for one in self.echoes[number].values())
        cases: dict[str, OpenCase] = {}
        for case in (*self.board.open, *self.cases.values(), *self.watch.values(), *self.background.values()):
            cases.setdefault(case.root.id, case.root)
        indexes = [_named(i) for i in (self.board.by_place, self.board.by_rule, self.board.by_entity)]
        for case_id, case in (
            (c.root.id, c.root) for i in self.indexes() for found in i.values() for c in found
        ):
            cases.setdefault(case_id, case)
        document = {
            "format": FORMAT,
            "past": _packed(self.past.dump()),
            "clock": [self.done, self.hour, self.numbered],
            "bursts": list(bursts.values()),
            "cases": _packed([board.dump(case) for case in cases.values()]),
            "open": [case.id for case in self.board.incidents()],
            "indexes": indexes,
            "pairs": _packed([
                [*key, p.hour, p.count, p.peak, p.burst.number if p.burst else 0] for key, p in self.pairs.items()
            ]),
            "live": [[*key, one.number] for key, one in self.live.items()],
            "in": [[number, case.root.id] for number, case in self.cases.items() if number in bursts],
            "recent": [[key, [b.number for b in some]] for key, some in self.recent.items()],
            "orphans": [[key, [b.number for b in some]] for key, some in self.orphans.items()],
            "odd": [one.number for one in self.odd],
            "watch": [[place, case.root.id] for place, case in self.watch.items()],
            "watched": list(self.watched),
            "timeless": [[*key, one.number] for key, one in self.timeless.items()],
            "background": _packed([[*key, case.root.id] for key, case in self.background.items()]),
            "echoes": [
                [number, [one.number for one in some.values()]]
                for number, some in self.echoes.items()
                if number in bursts
            ],
        }  # fmt: skip
        return msgspec.msgpack.encode(document)

    def indexes(self) -> tuple[dict[str, dict[OpenCase, int]], ...]:
        """Where incidents are found: by place, by rule, by entity."""
        return self.board.by_place, self.board.by_rule, self.board.by_entity

    @classmethod
    def load(cls, raw: bytes) -> "Memory":
        """The memory that was dumped. Raises `ValueError` for bytes of another format."""
        told = _Parts(raw)
        if told["format"] != FORMAT:
            raise ValueError("the grouping's memory is of another format")
        made = cls()
        made.past = Past.load(told["past"])
        made.done, made.hour, made.numbered = told["clock"]
        bursts = {one.number: one for one in msgspec.convert(told["bursts"], list[Burst])}
        cases = {case.id: case for case in map(board.load, told["cases"])}
        made._restore_board(told, cases)
        made._restore_bursts(told, bursts, cases)
        return made

    def _restore_board(self, told: "_Parts", cases: dict[str, OpenCase]) -> None:
        self.board.open = [cases[name] for name in told["open"]]
        for case in self.board.open:
            self.board.notice(case)
        for index, rows in zip(self.indexes(), told["indexes"], strict=True):
            index.update((key, {cases[name]: when for name, when in found}) for key, found in rows)
        self.watch = {place: cases[name] for place, name in told["watch"]}
        self.watched = deque(told["watched"])
        self.background = {(s, r, p): cases[name] for s, r, p, name in told["background"]}

    def _restore_bursts(self, told: "_Parts", bursts: dict[int, Burst], cases: dict[str, OpenCase]) -> None:
        for source, rule, place, hour, count, peak, number in told["pairs"]:
            pair = self.pairs[source, rule, place] = Pair(hour, count, peak)
            if number:
                pair.burst, self.running[source, rule, place] = bursts[number], pair
        self.live = {(s, r, p, tuple(named)): bursts[number] for s, r, p, named, number in told["live"]}
        self.cases = {number: cases[name] for number, name in told["in"]}
        self.recent = {key: [bursts[number] for number in some] for key, some in told["recent"]}
        self.orphans = {key: [bursts[number] for number in some] for key, some in told["orphans"]}
        self.odd = deque(bursts[number] for number in told["odd"])
        self.timeless = {tuple(key): bursts[number] for *key, number in told["timeless"]}
        for number, some in told["echoes"]:
            self.echoes[number] = {
                (b.source, b.rule, b.place, b.named): b for b in map(bursts.__getitem__, some)
            }


class _Parts:
    """What was dumped, each part unpacked when it is asked for, so that not all of it is held at once."""

    def __init__(self, raw: bytes) -> None:
        self._parts = _parts(raw)

    def __getitem__(self, name: str) -> Any:
        if name not in self._parts:
            raise ValueError(f"the grouping's memory has no part {name!r}")
        return msgspec.msgpack.decode(self._parts[name])


_parts = msgspec.msgpack.Decoder(dict[str, msgspec.Raw]).decode


def _packed(part: list[Any]) -> msgspec.Raw:
    """The same bytes in the whole, and what they were made of is free at once."""
    return msgspec.Raw(msgspec.msgpack.encode(part))


def _named(index: dict[_K, dict[OpenCase, int]]) -> list[list[Any]]:
    """An index with case ids; of cases that were merged, the later time."""
    rows: list[list[Any]] = []
    for key, found in index.items():
        whens: dict[str, int] = {}
        for case, when in found.items():
            whens[case.root.id] = max(when, whens.get(case.root.id, when))
        rows.append([key, list(whens.items())])
    return rows
