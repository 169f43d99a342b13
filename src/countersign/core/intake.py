"""From an incoming record to evidence: its digest, its clock, its source instance. Nothing is dropped."""

from collections import Counter
from typing import Any

import msgspec

from countersign.core.alert import Alert
from countersign.core.evidence import UNREAD, Evidence, Incoming, Provenance, Quarantined, Skipped
from countersign.core.fields import MISSING, Dictionary
from countersign.core.ids import evidence_id
from countersign.core.views import view

LOWEST_NS, HIGHEST_NS = -(2**63), 2**63 - 1


class Read(msgspec.Struct):
    """What one run read. `ids` are the distinct records in the order met."""

    records: int = 0
    ids: dict[str, None] = {}
    alerts: list[Alert] = []
    formats: Counter[str] = msgspec.field(default_factory=Counter)
    quarantined: list[Quarantined] = []
    by_file: dict[str, str] = {}  # file → schema of its last record
    skipped: list[Skipped] = []
    untyped: int = 0


def receive(incoming: Incoming, dictionary: Dictionary) -> tuple[Evidence, Any]:
    """Evidence and its view. A record its parser cannot read keeps its bytes and has no times; its view is MISSING."""
    where = (Provenance(incoming.file, incoming.line),)
    schema = dictionary.schema(incoming.schema)
    name = evidence_id(incoming.raw)
    seen: Any = incoming.view
    if seen is UNREAD:
        try:
            seen = view(incoming.raw, incoming.parser)
        except ValueError:
            seen = MISSING
    if schema is None or seen is MISSING:
        return Evidence(
            name, incoming.schema, incoming.schema, incoming.parser, incoming.raw, None, None, where
        ), seen
    event, ingest = _kept(schema.event_ns(seen)), _kept(schema.ingest_ns(seen))
    source = schema.instance(seen)
    return Evidence(name, incoming.schema, source, incoming.parser, incoming.raw, event, ingest, where), seen


def _kept(ns: int | None) -> int | None:
    """Times outside 1677–2262 do not fit 64 bits and are not believed."""
    return ns if ns is not None and LOWEST_NS < ns < HIGHEST_NS else None
