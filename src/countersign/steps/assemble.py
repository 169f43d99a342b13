"""assemble: alerts and evidence become cases, each with a reason for every link.

Alerts are grouped through rare shared observables; telemetry joins a group when it shares one near it in
time. Where nothing alerted, everything that was read is one case, up to a stated size, and says so.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from countersign.core.alert import SEVERITIES, Alert
from countersign.core.alerting import alert_of
from countersign.core.case import Assembled
from countersign.core.correlate import WINDOW_S, Group, Sighting, group, sighting
from countersign.core.evidence import Evidence
from countersign.core.fields import MISSING
from countersign.core.ids import derived_id
from countersign.core.intake import Read
from countersign.core.joining import MAX_RECORDS as MAX_TELEMETRY
from countersign.core.joining import Candidate, Told, duplicates, join, told
from countersign.core.observable import Found, Observable, observables
from countersign.core.views import view
from countersign.ports import Ports, Transaction

MAX_RECORDS = 10_000  # records of a case that is opened over files
MAX_CANDIDATES = 20_000  # records looked at for one group's telemetry
WINDOW_NS = WINDOW_S * 1_000_000_000


def by_hand(read: Read, ports: Ports, title: str = "") -> list[Assembled]:
    """One case over everything that was read, because a person asked for it or because nothing alerted."""
    ids = list(read.ids)
    if not ids:
        return []
    with ports.store.reading() as tx:
        raised = dict.fromkeys(
            a.evidence for a in sorted(read.alerts, key=lambda a: -SEVERITIES.index(a.severity))
        )
        kept = list(dict.fromkeys([*raised, *ids]))[:MAX_RECORDS]  # what alerted is never what is left out
        evidence = _ordered(tx.evidence.get(kept).values())
    held = {record.id for record in evidence}
    why = [
        f"opened by hand over {len(ids)} records"
        if title
        else f"{len(ids)} records without any alert, as one case"
    ]
    if len(ids) > MAX_RECORDS:
        why.append(f"{len(ids) - MAX_RECORDS} records beyond the limit of {MAX_RECORDS} are left out")
    return [
        Assembled(
            derived_id("case", title, *sorted(ids)),
            tuple(a for a in read.alerts if a.evidence in held),
            evidence,
            (),
            duplicates([_told(ports, r) for r in evidence], ports.dictionary.schemas),
            tuple(why),
            max(0, len(ids) - MAX_RECORDS),
            title,
        )
    ]


def from_alerts(read: Read, ports: Ports) -> list[Assembled]:
    """Alerts grouped through shared rare observables, each group joined by the telemetry near it."""
    with ports.store.reading() as tx:
        carried = tx.evidence.get([a.evidence for a in read.alerts])
        seen = [_sighting(ports, a, carried[a.evidence]) for a in read.alerts]
        by_alert = {s.alert.id: s for s in seen}
        groups = group(seen)
        return [_assemble(tx, ports, one, by_alert) for one in groups]


def _found(ports: Ports, record: Evidence) -> tuple[Found, object]:
    schema = ports.dictionary.schema(record.schema)
    try:
        shown: object = view(record.raw, record.parser)
    except ValueError:
        return (), MISSING
    return (observables(schema, shown) if schema else ()), shown


def _sighting(ports: Ports, alert: Alert, record: Evidence) -> Sighting:
    found, _ = _found(ports, record)
    return sighting(alert, ports.dictionary.schemas[record.schema], found)


def _told(ports: Ports, record: Evidence) -> Told:
    found, shown = _found(ports, record)
    schema = ports.dictionary.schemas.get(record.schema, ports.dictionary.schemas["json.unknown"])
    return told(record, schema, {} if shown is MISSING else shown, found)


def _ordered(records: Iterable[Evidence]) -> tuple[Evidence, ...]:
    return tuple(sorted(records, key=lambda r: (r.event_ns is None, r.event_ns or 0, r.id)))


def _assemble(tx: Transaction, ports: Ports, one: Group, seen: dict[str, Sighting]) -> Assembled:
    held: dict[Observable, list[int]] = defaultdict(list)
    for alert in one.alerts:
        if alert.event_ns is not None:
            for observable in seen[alert.id].observables:
                held[observable].append(alert.event_ns)
    own = {alert.evidence for alert in one.alerts}
    joined, left_out = _telemetry(tx, ports, {o: sorted(times) for o, times in held.items()}, own)
    evidence = _ordered(tx.evidence.get([*own, *joined]).values())
    return Assembled(
        derived_id("case", *sorted(a.id for a in one.alerts)),
        one.alerts,
        evidence,
        one.links,
        duplicates([_told(ports, r) for r in evidence], ports.dictionary.schemas),
        one.opened_because,
        left_out,
    )


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
