"""Everything that is worked out of one record as it arrives, before anything is stored.

It is pure and needs no other record, so it may happen in any process and in any order. What records of one mould
have in common is worked out for the first of them.
"""

from typing import Any

import msgspec

from countersign.core.cases.moulds import Mould, alert_from, mould_of, moulds, sighting_from
from countersign.core.cases.sighting import Sighting, sighting, span
from countersign.core.ids import evidence_id
from countersign.core.records.alert import Alert
from countersign.core.records.alerting import alert_of
from countersign.core.records.evidence import UNREAD, Evidence, Incoming, Provenance
from countersign.core.records.fields import MISSING, Dictionary, Schema
from countersign.core.records.intake import parsed, receive, times
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
    schema = dictionary.schema(incoming.schema)
    view = parsed(incoming) if incoming.view is UNREAD else incoming.view
    if schema is None or view is MISSING:
        return Arrived(receive(incoming, dictionary)[0])
    known = moulds(schema)
    key = known.key(incoming.parser, view)
    mould = None if key is None else known.of(key)
    if mould is None:
        made = _in_full(incoming, schema, view, now_ns)
        mould = known.make(
            key, mould_of(made.record, made.pairs, made.alert, made.sighting, known.unknown(view))
        )
        arrived = msgspec.structs.replace(made, untyped=bool(mould.unknown))
    else:
        arrived = _cast(mould, incoming, schema, view, now_ns)
    if mould.unknown:
        untyped.add(mould.unknown)
    return arrived


def _in_full(incoming: Incoming, schema: Schema, view: Any, now_ns: int) -> Arrived:
    record = _evidence(incoming, schema, schema.instance(view), view)
    found = observables(schema, view)
    alert = alert_of(schema, record, view)
    pairs = tuple([(one.type, one.value) for one, _ in found])
    return Arrived(
        record, pairs, alert, None if alert is None else sighting(alert, schema, view, found, now_ns)
    )


def _cast(mould: Mould, incoming: Incoming, schema: Schema, view: Any, now_ns: int) -> Arrived:
    record = _evidence(incoming, schema, mould.source, view)
    if not mould.alerts:
        return Arrived(record, mould.pairs, None, None, bool(mould.unknown))
    alert = alert_from(mould, record.id, record.event_ns)
    start, end = span(record.event_ns, schema, view, now_ns)
    seen = sighting_from(mould, alert.id, start, end)
    return Arrived(record, mould.pairs, alert, seen, bool(mould.unknown))


def _evidence(incoming: Incoming, schema: Schema, source: str, view: Any) -> Evidence:
    event, ingest = times(schema, view)
    where = (Provenance(incoming.file, incoming.line),)
    raw = incoming.raw
    return Evidence(evidence_id(raw), schema.name, source, incoming.parser, raw, event, ingest, where)
