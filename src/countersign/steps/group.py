"""group: alerts that wait become parts of cases, in the order of their events.

- What is older than the reorder window before the newest alert is settled: judged once, with the memory kept in
  the same transaction. A kill leaves it done or not done; the next run goes on.
- The newest stretch is judged too, so that a person sees it, but from a memory that is not kept: it waits, and is
  judged again together with what comes next.
- A clock that runs ahead settles nothing: what starts later than now waits until then.
- An alert that is older than what is settled is *late*: it is judged by its own past, may join the incidents of
  its time, and is marked.
- What a person regrouped stays as they left it.
"""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from countersign.core.canonical import NANOSECONDS
from countersign.core.cases.board import KINDS, Key, OpenCase
from countersign.core.cases.bursts import Burst
from countersign.core.cases.correlate import REORDER_S, VERSION, Changes, Correlation, Recalled
from countersign.core.cases.grouping import Regrouping, Standing, respecting, standing
from countersign.core.cases.memory import ENTITY_S, FAR_S, Memory
from countersign.core.cases.sighting import TIMELESS
from countersign.core.ids import derived_id, digest
from countersign.errors import TamperDetected
from countersign.ports import Ports, Transaction, Waiting
from countersign.steps.audit import stage

STRETCH = 4_000  # alerts judged at once, …
STRETCHES = 20  # … so often in one transaction: what is kept in mind is read and written once in it
HOUR_S = 3600
FIRST_S, LAST_S = -(2**32), 2**33


def group(ports: Ports) -> None:
    """Put every alert that waits into a case."""
    while _stretch(ports):
        pass


def _stretch(ports: Ports) -> bool:
    """One transaction's worth; whether there is more to settle."""
    with ports.store.transaction() as tx:
        tx.groups.lock()
        newest = tx.groups.newest_waiting()
        if newest is None:
            return False
        memory = _memory(tx, ports)
        # What still waits has taught nothing yet: its case is unlearnt once it has.
        if judged := [case for case in tx.groups.to_unlearn() if not tx.groups.unsettled(case)]:
            _unlearn(tx, memory, judged)
        until = min(newest, ports.clock.now_ns() // NANOSECONDS) - REORDER_S
        settled = 0
        while settled < STRETCHES and _settled(tx, memory, until, ports):
            settled += 1
        if settled:
            tx.groups.remember(memory.dump())
        else:
            _ahead(tx, memory, ports)
    return settled > 0


def _unlearn(tx: Transaction, memory: Memory, judged: Collection[str]) -> None:
    """What a person found malicious is no measure of what is usual here: it is forgotten before anything is judged."""
    for burst in (burst for case in judged for burst in tx.groups.bursts_of(case)):
        hours = range(burst.first // HOUR_S, burst.last // HOUR_S + 1)
        memory.past.forget(burst.source, burst.rule, burst.place, hours)
    tx.groups.unlearnt(judged)
    tx.groups.remember(memory.dump())


def _settled(tx: Transaction, memory: Memory, until: int, ports: Ports) -> bool:
    """One stretch; whether there was any."""
    some = _timeless(tx, memory, ports) or _late(tx, memory, ports) or _due(tx, memory, until, ports)
    tx.groups.settle([one.number for one in some])
    return bool(some)


def _memory(tx: Transaction, ports: Ports) -> Memory:
    """What was kept in mind. One that cannot be read is left behind, and the log says so: past hours are learnt anew."""
    kept = tx.groups.memory()
    if kept is None:
        return Memory()
    try:
        return Memory.load(kept)
    except (ValueError, LookupError, TypeError):
        made = Memory()
        made.numbered = tx.groups.last_number()
        name = derived_id("forgot", digest(kept))
        if not tx.log.holds(name):
            stage(tx, ports, "log.note", name, data={"grouping_memory": "unreadable"})
        return made


def _timeless(tx: Transaction, memory: Memory, ports: Ports) -> Sequence[Waiting]:
    some = tx.groups.waiting(TIMELESS, TIMELESS, STRETCH)
    if some:
        correlation = Correlation(memory)
        correlation.take_timeless([one.sighting for one in some])
        _keep(tx, correlation, some, ports)
    return some


def _late(tx: Transaction, memory: Memory, ports: Ports) -> Sequence[Waiting]:
    """Alerts older than what is settled, among themselves and with the incidents that were open then."""
    some = tx.groups.waiting(FIRST_S, memory.done, STRETCH) if memory.done > FIRST_S else ()
    if some:
        open_then = _open_then(tx, some[0].sighting.start, some[-1].sighting.start)
        correlation = Correlation(memory.rewound(), late=True, open_then=open_then, echoes=ports.echoes)
        correlation.take([one.sighting for one in some])
        _keep(tx, correlation, some, ports)
        memory.adopt(correlation.memory)
    return some


def _open_then(tx: Transaction, first: int, last: int) -> list[Recalled]:
    bursts = tx.groups.incidents(first - FAR_S, last + ENTITY_S)
    first_keys: dict[str, Key] = {}
    for one in bursts:
        first_keys[one.case] = min(one.key, first_keys.get(one.case, one.key))
    kept = tx.groups.standing(first_keys)
    opened = {name: OpenCase(name, "incident", first_keys[name], one.because) for name, one in kept.items()}
    return [(one, opened[one.case]) for one in bursts if one.case in opened]


def _due(tx: Transaction, memory: Memory, settled: int, ports: Ports) -> Sequence[Waiting]:
    some = tx.groups.waiting(max(memory.done + 1, FIRST_S), settled, STRETCH) if settled > memory.done else ()
    if some:
        _take(tx, memory, some, ports)
    return some


def _ahead(tx: Transaction, memory: Memory, ports: Ports) -> None:
    """The newest stretch: judged, shown, and not settled."""
    while some := tx.groups.waiting(max(memory.done + 1, FIRST_S), LAST_S, STRETCH):
        _take(tx, memory, some, ports)


def _take(tx: Transaction, memory: Memory, some: Sequence[Waiting], ports: Ports) -> None:
    correlation = Correlation(memory, echoes=ports.echoes)
    correlation.take([one.sighting for one in some])
    _keep(tx, correlation, some, ports)


def _keep(tx: Transaction, correlation: Correlation, some: Sequence[Waiting], ports: Ports) -> None:
    changes, numbers = correlation.drain(), {one.sighting.alert: one.number for one in some}
    bursts = changes.bursts
    for burst in bursts.values():
        case = correlation.memory.case_of(burst)
        burst.case = case.id if case is not None else _root(changes, burst.case)
    held, before = held_by_persons(tx), tx.groups.placed(list(bursts))
    if held:
        bursts = respecting(bursts, before, held)
    tx.groups.keep(
        bursts.values(),
        ((numbers[alert], burst) for alert, burst in changes.members),
        (_standing(case, held) for case in changes.cases.values()),
    )
    for case in changes.cases.values():
        if case.parent is not None and case.id not in held:
            tx.groups.move(case.id, held.get(case.root.id, case.root.id))
            _told(tx, ports, case)
    _raise(tx, changes, held)
    grown = {number for _, number in changes.members}
    _stand_again(tx, {one.case for number, one in bursts.items() if number in grown and one.case in held})
    _point_on(tx, before, bursts)


def _told(tx: Transaction, ports: Ports, case: OpenCase) -> None:
    """The machine put a case into another: the log tells of it, once."""
    done = Regrouping(case.id, case.root.id, (), "an alert belongs to both", VERSION, "")
    if not tx.log.holds(done.entry):
        data = {"into": done.into, "alerts": 0, "all": True}
        bound = {"regrouping": msgspec.json.encode(done)}
        stage(tx, ports, "case.regrouped", done.entry, case=done.case, data=data, bound=bound)


def _raise(tx: Transaction, changes: Changes, held: Mapping[str, str]) -> None:
    """What a person merged grows graver with the gravest that comes to it."""
    for case in changes.cases.values():
        target = held.get(case.id, "")
        if target and target != case.id and case.parent is None:
            kept = tx.groups.standing([target]).get(target)
            if kept is not None and KINDS.index(case.kind) < KINDS.index(kept.kind):
                tx.groups.stand(msgspec.structs.replace(kept, kind=case.kind))


def _stand_again(tx: Transaction, cases: Collection[str]) -> None:
    """A case that a person emptied, and that holds alerts again."""
    for kept in tx.groups.standing(cases).values():
        if kept.into:
            tx.groups.stand(msgspec.structs.replace(kept, into=""))


def _point_on(tx: Transaction, before: Mapping[int, Burst], now: Mapping[int, Burst]) -> None:
    """A case whose alerts all went elsewhere says where."""
    went = {one.case: now[number].case for number, one in before.items() if now[number].case != one.case}
    for case, kept in tx.groups.standing(went).items():
        if not kept.into and not tx.groups.holds_any(case):
            tx.groups.stand(msgspec.structs.replace(kept, into=went[case]))


def _standing(case: OpenCase, held: Mapping[str, str]) -> Standing:
    """What is kept of a case; one that a person touched is part of what they said, and of nothing else."""
    kept = standing(case)
    into = held.get(case.id, held.get(kept.into, kept.into))
    return msgspec.structs.replace(kept, into="" if into == case.id else into)


def _root(changes: Changes, case_id: str) -> str:
    case = changes.cases.get(case_id)
    return case_id if case is None else case.root.id


def held_by_persons(tx: Transaction) -> dict[str, str]:
    """Every case that a person regrouped, and the case that it is part of now."""
    into: dict[str, str] = {}
    for one in tx.groups.regroupings():
        if not tx.log.holds(one.entry):
            raise TamperDetected(f"a regrouping of {one.case} stands in the store and not in the log")
        into.setdefault(one.case, one.case)
        into.setdefault(one.into, one.into)
        if not one.alerts:
            into[one.case] = one.into
    found = {}
    for case in into:
        last, seen = case, {case}
        while into[last] not in seen:
            last = into[last]
            seen.add(last)
        found[case] = last
    return found
