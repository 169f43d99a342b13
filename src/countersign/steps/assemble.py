"""assemble: alerts and evidence become cases, each with a reason for every link.

Alerts were grouped before (`steps/group`); telemetry joins a case when it shares an observable near it in time. Of
a burst that does not fit, the first and last alerts are kept and the rest is counted. Where nothing alerted,
everything that was read is one case, up to a stated size, and says so.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import msgspec

from countersign.core.canonical import NANOSECONDS
from countersign.core.cases.bursts import Burst
from countersign.core.cases.case import Assembled
from countersign.core.cases.grouping import Standing, counted, links, most_telling, rank, score, spread
from countersign.core.cases.grouping import told as told_of
from countersign.core.cases.joining import MAX_RECORDS as MAX_TELEMETRY
from countersign.core.cases.joining import WINDOW_S, Candidate, Told, duplicates, join, told
from countersign.core.cases.sighting import speaks_of
from countersign.core.ids import derived_id
from countersign.core.records.alert import SEVERITIES, Alert
from countersign.core.records.alerting import alert_of
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import MISSING
from countersign.core.records.intake import Read
from countersign.core.records.observable import Found, Observable, observables
from countersign.core.records.views import view
from countersign.ports import Member, Ports, Transaction

MAX_RECORDS = 10_000  # records of a case that is opened over files
MAX_ALERTS, MAX_BACKGROUND = 5_000, 100  # alerts of a case that stand in its snapshot
LOOKED_UP = 10_000  # alerts asked for at once
MAX_CANDIDATES = 20_000  # records looked at for one group's telemetry
WINDOW_NS = WINDOW_S * NANOSECONDS


def by_hand(read: Read, ports: Ports, title: str = "") -> list[Assembled]:
    """One case over everything that was read, because a person asked for it or because nothing alerted."""
    if not read.first:
        return []
    with ports.store.reading() as tx:
        alerts = sorted(tx.alerts.of(list(read.alerted)), key=lambda a: (-SEVERITIES.index(a.severity), a.id))
        raised = (alert.evidence for alert in alerts)
        kept = list(dict.fromkeys([*raised, *read.first]))[
            :MAX_RECORDS
        ]  # what alerted is never what is left out
        evidence = _ordered(tx.evidence.get(kept).values())
    held, number = {record.id for record in evidence}, read.distinct
    why = [
        f"opened by hand over {number} records"
        if title
        else f"{number} records without any alert, as one case"
    ]
    if number > MAX_RECORDS:
        why.append(f"{number - MAX_RECORDS} records beyond the limit of {MAX_RECORDS} are left out")
    return [
        Assembled(
            derived_id("case", title, str(number), *sorted(read.first)),
            tuple(a for a in alerts if a.evidence in held),
            evidence,
            (),
            duplicates([_told(ports, r) for r in evidence], ports.dictionary.schemas),
            tuple(why),
            max(0, number - MAX_RECORDS),
            title,
        )
    ]


def cases_of(read: Read, ports: Ports) -> tuple[str, ...]:
    """The cases that the alerts of a run are in: incidents first, then watch cases, then background."""
    held: set[str] = set()
    with ports.store.reading() as tx:
        alerted = read.alerted
        while some := list(islice(alerted, LOOKED_UP)):
            held |= set(tx.groups.cases_of(some).values())
        return tuple(one.case for one in sorted(tx.groups.standing(held).values(), key=rank))


def assembled(case_id: str, ports: Ports) -> Assembled | None:
    """A grouped case as it now stands, with the telemetry near it; None when nothing is left in it."""
    with ports.store.reading() as tx:
        kept = tx.groups.standing([case_id]).get(case_id)
        bursts = tx.groups.bursts_of(case_id)
        if kept is None or not bursts:
            return None
        limit = MAX_BACKGROUND if kept.kind == "background" else MAX_ALERTS
        counts = tx.groups.counts_of(case_id)
        members = held_to(tx.groups.members(case_id, spread(counts, limit)), bursts, limit)
        return _assemble(tx, ports, kept, counted(bursts, counts), members) if members else None


def _found(ports: Ports, record: Evidence) -> tuple[Found, object]:
    schema = ports.dictionary.schema(record.schema)
    try:
        shown: object = view(record.raw, record.parser)
    except ValueError:
        return (), MISSING
    return (observables(schema, shown) if schema else ()), shown


def _told(ports: Ports, record: Evidence) -> Told:
    found, shown = _found(ports, record)
    schema = ports.dictionary.schemas.get(record.schema, ports.dictionary.schemas["json.unknown"])
    return told(record, schema, {} if shown is MISSING else shown, found)


def _ordered(records: Iterable[Evidence]) -> tuple[Evidence, ...]:
    return tuple(sorted(records, key=lambda r: (r.event_ns is None, r.event_ns or 0, r.id)))


def held_to(members: Sequence[Member], bursts: Sequence[Burst], limit: int) -> Sequence[Member]:
    """At most `limit` members: where there are more bursts than that, those of the bursts that say most."""
    if len(members) <= limit:
        return members
    kept = most_telling(bursts, [member.burst for member in members], limit)
    return [member for member, keep in zip(members, kept, strict=True) if keep]


def _assemble(
    tx: Transaction, ports: Ports, kept: Standing, bursts: Sequence[Burst], members: Sequence[Member]
) -> Assembled:
    alerts = tuple(member.alert for member in members)
    carried = tx.evidence.get([alert.evidence for alert in alerts])
    noise = kept.kind == "background"  # what recurs all day is near everything
    held = {} if noise else _held(ports, alerts, carried)
    joined, left_out = _telemetry(tx, ports, held, set(carried))
    evidence = _ordered([*carried.values(), *tx.evidence.get(joined).values()])
    numbered = {one.number: one for one in bursts}
    moments = [
        (alert.event_ns // NANOSECONDS, numbered[burst].place, alert.rule)
        for alert, burst in ((m.alert, m.burst) for m in members)
        if alert.event_ns is not None
    ]
    total = sum(one.count for one in bursts)
    return Assembled(
        kept.case,
        alerts,
        evidence,
        links(bursts, [(m.alert.id, m.burst) for m in members]),
        duplicates([_told(ports, r) for r in evidence], ports.dictionary.schemas),
        told_of(kept, bursts, moments),
        left_out + total - len(alerts),
        kind=kept.kind,
        score=score(bursts, near=bool(kept.near)).total,
        mark=tx.groups.marks([kept.case]).get(kept.case, ""),
    )


def _held(
    ports: Ports, alerts: Sequence[Alert], carried: Mapping[str, Evidence]
) -> dict[Observable, list[int]]:
    """What the alerts speak of, each with the times at which they do; a mail's recipients where a sensor spoke too."""
    held: dict[Observable, list[int]] = defaultdict(list)
    schemas = {alert.schema: ports.dictionary.schemas[alert.schema] for alert in alerts}
    rules = {name: schema.alert for name, schema in schemas.items() if schema.alert is not None}
    seen = any(not rule.submitted for rule in rules.values())
    for alert in alerts:
        schema, rule = schemas[alert.schema], rules.get(alert.schema)
        if alert.event_ns is None or rule is None:
            continue
        if seen and rule.submitted:
            rule = msgspec.structs.replace(rule, submitted=False)
        for one, pointer in _found(ports, carried[alert.evidence])[0]:
            if speaks_of(schema, rule, one, pointer):
                held[one].append(alert.event_ns)
    return {one: sorted(times) for one, times in held.items()}


def _telemetry(
    tx: Transaction, ports: Ports, held: dict[Observable, list[int]], own: set[str]
) -> tuple[Sequence[str], int]:
    times = [ns for moments in held.values() for ns in moments]
    if not times:
        return (), 0
    pairs = [(o.type, o.value) for o in held]
    found = tx.evidence.by_observables(pairs, min(times) - WINDOW_NS, max(times) + WINDOW_NS, MAX_CANDIDATES)
    candidates = [
        Candidate(r.id, r.source, r.event_ns, tuple(o for o, _ in _found(ports, r)[0]))
        for r in _ordered(tx.evidence.get([eid for eid in found.ids if eid not in own]).values())
        if not _alerts(ports, r)
    ]
    joined = join(held, candidates, limit=MAX_TELEMETRY)
    return [eid for eid, _ in joined.evidence], joined.left_out + found.total - len(found.ids)


def _alerts(ports: Ports, record: Evidence) -> bool:
    """Other cases' alerts are theirs."""
    schema = ports.dictionary.schema(record.schema)
    if schema is None or schema.alert is None:
        return False

    _, shown = _found(ports, record)
    return shown is not MISSING and alert_of(schema, record, shown) is not None
