"""assemble: alerts and evidence become cases, each with its snapshot and a reason for every link."""

from collections.abc import Sequence

import msgspec

from countersign.core.alert import Alert
from countersign.core.case import Duplicate, Link
from countersign.core.correlate import Alerted, duplicates, group, join
from countersign.core.coverage import Coverage, parse_coverage
from countersign.core.evidence import Evidence
from countersign.core.fields import MISSING
from countersign.core.ids import derived_id
from countersign.core.observable import observables
from countersign.core.reference import Reference, parse_reference
from countersign.core.views import view
from countersign.ports import Pair, Ports, Transaction
from countersign.steps.ingest import Read

WINDOW_NS = 3600 * 1_000_000_000
MAX_TELEMETRY = 2000  # records that join a case by a shared observable
MAX_RECORDS = 10_000  # records of a case that is opened over files
POPULAR_SHARE = 0.05  # an observable in a larger share of the window's records does not make telemetry join
POPULAR_LEAST = 200


class Assembled(msgspec.Struct, frozen=True):
    """A case before anything is said of it: its evidence and why it stands together."""

    id: str
    name: str  # given by a person, or empty
    alerts: tuple[Alert, ...]
    evidence: tuple[Evidence, ...]
    links: tuple[Link, ...]
    duplicates: tuple[Duplicate, ...]
    opened_because: tuple[str, ...]
    left_out: int = 0


def by_hand(read: Read, ports: Ports, title: str) -> list[Assembled]:
    """One case over everything that was read, because a person asked for it (or because nothing alerted)."""
    why = f"opened by hand over {len(read.ids)} records" if title else "telemetry without any alert, taken as one case"
    ids = list(read.ids)
    if not ids:
        return []
    with ports.store.reading() as tx:
        evidence = _ordered(tx.evidence.get(ids[:MAX_RECORDS]).values())
    alerts = tuple(a for a in read.alerts if a.evidence in {e.id for e in evidence})
    name = derived_id("case", title, *sorted(ids))
    left_out = max(0, len(ids) - MAX_RECORDS)
    because = (why,) if not left_out else (why, f"{left_out} records beyond the limit of {MAX_RECORDS} are left out")
    return [Assembled(name, title, alerts, evidence, (), _duplicates(evidence, ports), because, left_out)]


def from_alerts(read: Read, ports: Ports) -> list[Assembled]:
    """Alerts grouped through shared rare observables, each group joined by the telemetry that shares one."""
    found: list[Assembled] = []
    with ports.store.reading() as tx:
        carried = tx.evidence.get([a.evidence for a in read.alerts])
        raised = [Alerted(a, _seen(carried[a.evidence], ports)) for a in read.alerts]
        for one in group(raised):
            found.append(_assemble(tx, ports, one))
    return found


def _seen(record: Evidence, ports: Ports) -> tuple[tuple[object, str], ...]:
    schema = ports.dictionary.schema(record.schema)
    try:
        return observables(schema, view(record.raw, record.parser)) if schema else ()
    except ValueError:
        return ()
