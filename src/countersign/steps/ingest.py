"""ingest: raw records become evidence, alerts and observables; what cannot be read is kept in quarantine.

Each batch is one transaction with its audit entry. A crash between batches leaves the earlier ones whole;
running again over the same files adds nothing twice and goes on.
"""

from collections.abc import Callable, Iterable
from hashlib import sha256

import msgspec

from countersign.core.alert import Alert
from countersign.core.alerting import alert_of
from countersign.core.evidence import Evidence, Incoming, Quarantined, Skipped
from countersign.core.fields import MISSING
from countersign.core.ids import digest
from countersign.core.intake import Read, receive
from countersign.core.observable import observables
from countersign.core.shapes import UntypedFields
from countersign.ports import Pair, Ports, Transaction
from countersign.steps.audit import entry

BATCH = 2000  # records a transaction
Noted = Callable[[int], None]


def ingest(
    incoming: Iterable[Incoming | Quarantined | Skipped], ports: Ports, noted: Noted = lambda _: None
) -> Read:
    """Keep everything that is read; `noted` is told how many records are safely stored so far."""
    read, untyped = Read(), UntypedFields()
    batch: list[tuple[Evidence, list[Pair]]] = []
    alerts: list[Alert] = []
    refused: list[Quarantined] = []
    for outcome in incoming:
        if isinstance(outcome, Skipped):
            read.skipped.append(outcome)
            continue
        read.records += 1
        if isinstance(outcome, Quarantined):
            refused.append(outcome)
        else:
            _take(outcome, ports, read, batch, alerts, untyped)
        if len(batch) + len(refused) >= BATCH:
            _keep(ports, batch, alerts, refused, read)
            noted(read.records)
    _keep(ports, batch, alerts, refused, read)
    noted(read.records)
    read.untyped = untyped.count
    return read


def _take(
    outcome: Incoming,
    ports: Ports,
    read: Read,
    batch: list[tuple[Evidence, list[Pair]]],
    alerts: list[Alert],
    untyped: UntypedFields,
) -> None:
    record, view = receive(outcome, ports.dictionary)
    schema = ports.dictionary.schema(outcome.schema)
    pairs: list[Pair] = []
    read.formats[record.schema] += 1
    read.by_file[outcome.file] = record.schema
    if record.id not in read.ids and schema is not None and view is not MISSING:
        pairs = [(o.type, o.value) for o, _ in observables(schema, view)]
        untyped.look(schema, view)
        alert = alert_of(schema, record, view)
        if alert is not None:
            alerts.append(alert)
            read.alerts.append(alert)
    read.ids.setdefault(record.id)
    batch.append((record, pairs))


def _keep(
    ports: Ports,
    batch: list[tuple[Evidence, list[Pair]]],
    alerts: list[Alert],
    refused: list[Quarantined],
    read: Read,
) -> None:
    if not batch and not refused:
        return
    with ports.store.transaction() as tx:
        new = tx.evidence.add(batch)
        tx.alerts.add(alerts)
        kept = tx.quarantine.add(refused)
        _log(ports, tx, [record for record, _ in batch if record.id in new], refused if kept else [])
    read.quarantined += refused
    batch.clear()
    alerts.clear()
    refused.clear()


def _log(ports: Ports, tx: Transaction, new: list[Evidence], refused: list[Quarantined]) -> None:
    if not new and not refused:
        return
    manifest = [[r.id, r.schema, r.source, r.parser] for r in new]
    manifest += [["quarantined", digest(q.raw), q.file, str(q.line)] for q in refused]
    content = msgspec.json.encode(manifest)
    tx.log.stage(
        entry(
            ports,
            "evidence.received",
            f"evidence-{sha256(content).hexdigest()[:32]}",
            data={"records": len(new), "quarantined": len(refused)},
            digests={"dictionary": ports.dictionary.digest},
            contents={"manifest": content},
        )
    )
