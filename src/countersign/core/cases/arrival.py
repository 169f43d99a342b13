"""Everything that is worked out of one record as it arrives, before anything is stored.

It is pure and needs no other record, so it may happen in any process and in any order.
"""

import msgspec

from countersign.core.cases.sighting import Sighting, sighting
from countersign.core.records.alert import Alert
from countersign.core.records.alerting import alert_of
from countersign.core.records.evidence import Evidence, Incoming
from countersign.core.records.fields import MISSING, Dictionary
from countersign.core.records.intake import receive
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
    record, view = receive(incoming, dictionary)
    schema = dictionary.schema(incoming.schema)
    if schema is None or view is MISSING:
        return Arrived(record)
    found = observables(schema, view)
    alert = alert_of(schema, record, view)
    return Arrived(
        record,
        tuple([(one.type, one.value) for one, _ in found]),
        alert,
        None if alert is None else sighting(alert, schema, view, found, now_ns),
        untyped.look(schema, view),
    )
