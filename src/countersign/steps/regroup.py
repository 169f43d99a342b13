"""regroup: a person says which alerts stand together. What they say stays, is in the log, and has a reason."""

from collections.abc import Sequence

import msgspec

from countersign.core.canonical import format_time
from countersign.core.cases.board import KINDS
from countersign.core.cases.grouping import Regrouping, Standing
from countersign.core.ids import derived_id
from countersign.core.log.auditlog import Actor
from countersign.core.records.alert import Alert
from countersign.errors import UsageError
from countersign.ports import Ports, Transaction
from countersign.steps.audit import stage


class Order(msgspec.Struct, frozen=True):
    """Who says so, and why."""

    by: str
    reason: str


def merge(case: str, into: str, order: Order, ports: Ports) -> tuple[str, ...]:
    """Every alert of `case` goes into another; the cases that changed. Raises `UsageError`."""
    if case == into:
        raise UsageError("a case cannot be merged into itself", hint="Name two cases.")
    with ports.store.transaction() as tx:
        tx.groups.lock()
        kept, other = _grouped(tx, case), _grouped(tx, into)
        words = f"merged from {case} by {order.by}: {order.reason}"
        # What still waits is judged again: only what a person's own burst holds stays for certain.
        _assign(tx, tx.alerts.of(tx.groups.unsettled(case)), into, words)
        _assign(tx, tx.alerts.of(tx.groups.unsettled(into)), into)
        tx.groups.move(case, into)
        tx.groups.stand(msgspec.structs.replace(kept, into=into))
        if KINDS.index(kept.kind) < KINDS.index(other.kind):
            tx.groups.stand(msgspec.structs.replace(other, kind=kept.kind))
        _record(tx, ports, Regrouping(case, into, (), order.reason, order.by, _now(ports)))
    return (into,)


def split(case: str, alerts: Sequence[Alert], order: Order, ports: Ports) -> tuple[str, ...]:
    """These alerts become a case of their own; the cases that changed, the new one last. Raises `UsageError`."""
    names = tuple(sorted(alert.id for alert in alerts))
    made = derived_id("case", "split", case, *names, str(ports.clock.now_ns()))
    with ports.store.transaction() as tx:
        tx.groups.lock()
        kept = _grouped(tx, case)
        held = tx.groups.cases_of([alert.evidence for alert in alerts])
        if strange := [a.id for a in alerts if held.get(a.evidence) != case]:
            raise UsageError(
                f"{case} does not hold {', '.join(strange[:3])}",
                hint="`case show CASE --json` lists its alerts.",
            )
        if tx.groups.sizes([case]).get(case, 0) <= len(names):
            raise UsageError("that would leave nothing in the case", hint="Name fewer alerts.")
        words = f"split from {case} by {order.by}: {order.reason}"
        tx.groups.stand(Standing(made, kept.kind, words, first=kept.first, last=kept.last, score=kept.score))
        _assign(tx, alerts, made, words)
        _record(tx, ports, Regrouping(case, made, names, order.reason, order.by, _now(ports)))
    return (case, made)


def move(alert: Alert, into: str, order: Order, ports: Ports) -> tuple[str, ...]:
    """One alert goes into another case; the cases that changed. Raises `UsageError`."""
    with ports.store.transaction() as tx:
        tx.groups.lock()
        _grouped(tx, into)
        case = tx.groups.cases_of([alert.evidence]).get(alert.evidence, "")
        if not case or case == into:
            why = f"{alert.id} is in {into} already" if case else f"{alert.id} is in no case yet"
            raise UsageError(why, hint="`case why ALERT` says where an alert is.")
        _assign(tx, [alert], into, f"moved from {case} by {order.by}: {order.reason}")
        _record(tx, ports, Regrouping(case, into, (alert.id,), order.reason, order.by, _now(ports)))
        left = tx.groups.sizes([case]).get(case, 0)
        if not left:
            kept = _grouped(tx, case)
            tx.groups.stand(msgspec.structs.replace(kept, into=into))
    return (case, into) if left else (into,)


def _grouped(tx: Transaction, case: str) -> Standing:
    kept = tx.groups.standing([case]).get(case)
    if kept is None or kept.into:
        why = f"{case} is part of {kept.into} now" if kept else f"{case} is not a case of alerts"
        raise UsageError(why, hint="`countersign case list` shows the cases that stand.")
    return kept


def _assign(tx: Transaction, alerts: Sequence[Alert], case: str, because: str = "") -> None:
    """One burst for each burst that the alerts came from, so that rule, place and rarity stay with them."""
    found: dict[int, list[str]] = {}
    bursts = {}
    for alert in alerts:
        burst = tx.groups.burst_of(alert.evidence)
        if burst is not None:
            bursts[burst.number] = burst
            found.setdefault(burst.number, []).append(alert.evidence)
    for number, evidence in found.items():
        made = msgspec.structs.replace(bursts[number], case=case, count=len(evidence))
        if because:
            made = msgspec.structs.replace(made, because=because, weight=0.0, linked=0)
        tx.groups.assign(made, evidence)


def _record(tx: Transaction, ports: Ports, done: Regrouping) -> None:
    tx.groups.regroup(done)
    pseudonym = ports.sealer.pseudonym("person", done.by.encode())[:16]
    stage(
        tx,
        ports,
        "case.regrouped",
        done.entry,
        case=done.case,
        data={"into": done.into, "alerts": len(done.alerts), "all": not done.alerts},
        actor=Actor(type="analyst", id=f"p_{pseudonym}"),
        bound={"regrouping": msgspec.json.encode(done)},
    )


def _now(ports: Ports) -> str:
    return format_time(ports.clock.now_ns())
