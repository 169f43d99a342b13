"""Everything that is worked out of one record as it arrives, before anything is stored.

It is pure and needs no other record, so it may happen in any process and in any order. What records of one mould
have in common is worked out for the first of them.
"""

from typing import Any

import msgspec

from countersign.core.cases.moulds import Mould, Row, moulds
from countersign.core.cases.sighting import Sighting, sighting, span
from countersign.core.ids import derived_id, evidence_id
from countersign.core.records.alert import Alert
from countersign.core.records.alerting import alert_of
from countersign.core.records.evidence import UNREAD, Evidence, Incoming, Provenance
from countersign.core.records.fields import MISSING, Dictionary, Schema
from countersign.core.records.intake import evidence, parsed, times
from countersign.core.records.observable import observables
from countersign.core.records.shapes import UntypedFields


class Arrived(msgspec.Struct, frozen=True, array_like=True):
    """A record with its observables (type, value), the alert it carries, and whether the dictionary knows all its fields."""

    record: Evidence
    pairs: tuple[tuple[str, str], ...] = ()
    alert: Alert | None = None
    sighting: Sighting | None = None
    untyped: bool = False


def arrive(incoming: Incoming, dictionary: Dictionary, untyped: UntypedFields, now_ns: int) -> Arrived:
    """What a record is; fields without a type are noted in `untyped`."""
    return cast(*look(incoming, dictionary, untyped, now_ns))


def look(
    incoming: Incoming, dictionary: Dictionary, untyped: UntypedFields, now_ns: int
) -> tuple[Mould, Row]:
    """The same in two parts: what it has in common with others, and what is its own."""
    schema = dictionary.schema(incoming.schema)
    view = parsed(incoming) if incoming.view is UNREAD else incoming.view
    if schema is None or view is MISSING:
        unread = Mould(incoming.schema, incoming.parser, incoming.schema)
        return unread, Row(evidence_id(incoming.raw), incoming.raw, incoming.file, incoming.line, None, None)
    known = moulds(schema)
    key = known.key(incoming.parser, view)
    mould = None if key is None else known.of(key)
    if mould is None:
        mould = known.make(key, _in_full(incoming, schema, view, known.unknown(view), now_ns))
    if mould.unknown:
        untyped.add(mould.unknown)
    name, (event, ingest) = evidence_id(incoming.raw), times(schema, view)
    row = (name, incoming.raw, incoming.file, incoming.line, event, ingest)
    if not mould.alerts:
        return mould, Row(*row)
    return mould, Row(*row, derived_id("alert", name), *span(event, schema, view, now_ns))


def cast(mould: Mould, row: Row) -> Arrived:
    """A record out of its two parts."""
    m, name, event = mould, row.id, row.event_ns
    where = (Provenance(row.file, row.line),)
    record = Evidence(name, m.schema, m.source, m.parser, row.raw, event, row.ingest_ns, where)
    if not m.alerts:
        return Arrived(record, m.pairs, None, None, bool(m.unknown))
    alert = Alert(row.alert, name, m.schema, m.rule, m.category, m.severity, event)
    seen = Sighting(
        row.alert, m.schema, m.rule, m.category, m.place, m.claimed, row.start, row.end, m.entities
    )
    return Arrived(record, m.pairs, alert, seen, bool(m.unknown))


def _in_full(
    incoming: Incoming, schema: Schema, view: Any, unknown: tuple[tuple[str, str], ...], now_ns: int
) -> Mould:
    """The mould of a record, from all that it says."""
    record = evidence(incoming, schema, view)
    found = observables(schema, view)
    pairs = tuple([(one.type, one.value) for one, _ in found])
    head = (schema.name, incoming.parser, record.source, pairs, unknown)
    alert = alert_of(schema, record, view)
    if alert is None:
        return Mould(*head)
    seen = sighting(alert, schema, view, found, now_ns)
    said = (alert.rule, alert.category, alert.severity)
    return Mould(*head, True, *said, seen.place, seen.severity, seen.entities)
