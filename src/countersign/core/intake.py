"""From an incoming record to evidence: its digest, its clock, its source instance. Nothing is dropped."""

from typing import Any

from countersign.core.evidence import Evidence, Incoming, Provenance
from countersign.core.fields import MISSING, Dictionary
from countersign.core.ids import evidence_id
from countersign.core.views import view

LOWEST_NS, HIGHEST_NS = -(2**63), 2**63 - 1


def receive(incoming: Incoming, dictionary: Dictionary) -> tuple[Evidence, Any]:
    """Evidence and its view. A record its parser cannot read keeps its bytes and has no times; its view is MISSING."""
    where = (Provenance(incoming.file, incoming.line),)
    schema = dictionary.schema(incoming.schema)
    name = evidence_id(incoming.raw)
    try:
        seen: Any = view(incoming.raw, incoming.parser)
    except ValueError:
        seen = MISSING
    if schema is None or seen is MISSING:
        return Evidence(name, incoming.schema, incoming.schema, incoming.parser, incoming.raw, None, None, where), seen
    event, ingest = _kept(schema.event_ns(seen)), _kept(schema.ingest_ns(seen))
    source = schema.instance(seen)
    return Evidence(name, incoming.schema, source, incoming.parser, incoming.raw, event, ingest, where), seen


def _kept(ns: int | None) -> int | None:
    """Times outside 1677–2262 do not fit 64 bits and are not believed."""
    return ns if ns is not None and LOWEST_NS < ns < HIGHEST_NS else None
