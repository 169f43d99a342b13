"""ingest: raw records become evidence, alerts and observables; what cannot be read is kept in quarantine.

Each batch is one transaction with its audit entry. A crash between batches leaves the earlier ones whole;
running again over the same files adds nothing twice and goes on.
"""

from collections.abc import Callable, Iterable

import msgspec

from countersign.core.cases.arrival import Arrived, arrive
from countersign.core.ids import digest
from countersign.core.records.evidence import Evidence, Incoming, Quarantined, Skipped
from countersign.core.records.intake import UNKNOWN, Read
from countersign.core.records.shapes import UntypedFields
from countersign.ports import Ports, Position, Transaction
from countersign.steps.audit import stage

BATCH = 8000  # records a transaction, …
BATCH_BYTES = 16 * 1024 * 1024  # … or as soon as they hold so much
MAPPED_JSON = "json."  # how the schemas begin that mappings give to JSON
Noted = Callable[[int], None]


def ingest(
    incoming: Iterable[Incoming | Arrived | Quarantined | Skipped],
    ports: Ports,
    noted: Noted = lambda _: None,
    position: Position | None = None,
    untyped: UntypedFields | None = None,
) -> Read:
    """Keep everything that is read; `noted` is told how many records are safely stored so far.

    Records that have `Arrived` were worked out elsewhere, and `untyped` is where that noted fields without a type.
    `position` is how far a followed file was read with all of this: it is kept with the last batch, so
    that a crash leaves either both or neither.
    """
    read, batch, untyped = Read(), _Batch(), untyped or UntypedFields()
    for outcome in incoming:
        if isinstance(outcome, Skipped):
            read.skipped.append(outcome)
            continue
        read.records += 1
        if isinstance(outcome, Quarantined):
            batch.refused.append(outcome)
            batch.size += len(outcome.raw)
        else:
            if isinstance(outcome, Incoming):
                outcome = arrive(outcome, ports.dictionary, untyped, ports.clock.now_ns())  # noqa: PLW2901 - the same record, looked at
            batch.arrived.append(outcome)
            batch.size += len(outcome.record.raw)
        if batch.is_full:
            _keep(ports, batch, read)
            noted(read.records)
            batch = _Batch()
    _keep(ports, batch, read, position)
    noted(read.records)
    read.untyped += untyped.count
    read.quarantined.sort(key=lambda one: (one.file, one.line))
    return read


class _Batch:
    """What is kept in one transaction."""

    def __init__(self) -> None:
        self.arrived: list[Arrived] = []
        self.refused: list[Quarantined] = []
        self.size = 0  # bytes

    @property
    def is_full(self) -> bool:
        """Is it time to write?"""
        return len(self.arrived) + len(self.refused) >= BATCH or self.size >= BATCH_BYTES


def _keep(ports: Ports, batch: _Batch, read: Read, position: Position | None = None) -> None:
    arrived = batch.arrived
    if not arrived and not batch.refused and position is None:
        return
    records = [one.record for one in arrived]
    with ports.store.transaction() as tx:
        new = tx.evidence.add([(one.record, one.pairs) for one in arrived])
        first = [arrived[number] for number in read.take(records, new)]
        _raise(tx, read, first)
        kept = tx.quarantine.add(batch.refused)
        known = [one.record for one in first if one.record.id not in new]
        read.still_unknown += _still_unknown(tx, [one.id for one in known if _is_mapped(one)])
        if position is not None:
            tx.following.save(position)
        _log(ports, tx, [one for one in records if one.id in new], batch.refused if kept else [])
    read.untyped_records.update(dict.fromkeys((one.schema for one in records), 0))
    read.untyped_records.update([one.record.schema for one in arrived if one.untyped])
    read.quarantined += batch.refused


def _raise(tx: Transaction, read: Read, first: list[Arrived]) -> None:
    """Their alerts wait for the grouping, but for those that were raised before."""
    raised = [(one.alert, one.sighting) for one in first if one.alert and one.sighting]
    read.raised(alert.evidence for alert, _ in raised)
    fresh = tx.alerts.add([alert for alert, _ in raised])
    tx.groups.wait([(alert.evidence, seen) for alert, seen in raised if alert.id in fresh])


def _is_mapped(record: Evidence) -> bool:
    """Is it JSON that a mapping knows?"""
    return record.schema.startswith(MAPPED_JSON) and record.schema != UNKNOWN


def _still_unknown(tx: Transaction, known: list[str]) -> int:
    """How many of the records were stored before anybody knew what they are: evidence never changes, nor its schema."""
    return sum(one.schema == UNKNOWN for one in tx.evidence.get(known).values()) if known else 0


def _log(ports: Ports, tx: Transaction, new: list[Evidence], refused: list[Quarantined]) -> None:
    if not new and not refused:
        return
    manifest = [[r.id, r.schema, r.source, r.parser] for r in new]
    manifest += [["quarantined", digest(q.raw), q.file, str(q.line)] for q in refused]
    content = msgspec.json.encode(manifest)
    # Named by the clock too: what was erased and is read again is another receipt.
    name = ports.sealer.pseudonym("receipt", str(ports.clock.now_ns()).encode() + b"\n" + content)
    stage(
        tx,
        ports,
        "evidence.received",
        f"evidence-{name}",
        data={"records": len(new), "quarantined": len(refused)},
        digests={"dictionary": ports.dictionary.digest},
        bound={"manifest": content},
    )
