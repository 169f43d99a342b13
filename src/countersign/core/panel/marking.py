"""Which fields of a case carry text that looks aimed at the assistant or the analyst."""

from collections.abc import Collection

from countersign.core.claims.snapshot import Snapshot
from countersign.core.panel.markers import HTML_FIELDS, is_bare, marked, markers
from countersign.core.records.fields import MISSING

MAX_MARKED = 200
MAIL = "email.rfc822"
CAMOUFLAGE = frozenset({"mixed-script word", "control character", "invisible character"})
"""How senders of mail hide words from filters: odd, and the ordinary manner of unwanted mail."""


def marked_fields(snapshot: Snapshot) -> tuple[tuple[str, str], ...]:
    """(evidence id, pointer) of every outsider's text with an injection marker, at most 200."""
    found: list[tuple[str, str]] = []
    for record in snapshot.evidence.values():
        if record.parser == "json/1" and is_bare(record.raw):
            continue
        schema, view = snapshot.dictionary.schema(record.schema), snapshot.view(record.id)
        if schema is not None and view is not MISSING:
            found += [(record.id, pointer) for pointer, _ in marked(schema, view)]
        if len(found) >= MAX_MARKED:
            break
    return tuple(found[:MAX_MARKED])


def aimed(snapshot: Snapshot, fields: Collection[tuple[str, str]]) -> bool:
    """Do marked fields hold more than a mail's camouflage: something that could steer a reader, a tool or a model?"""
    return len(fields) >= MAX_MARKED or any(_is_aimed(snapshot, eid, pointer) for eid, pointer in fields)


def _is_aimed(snapshot: Snapshot, eid: str, pointer: str) -> bool:
    record = snapshot.evidence.get(eid)
    if record is None or record.schema != MAIL:
        return True
    path = snapshot.path(record.schema, pointer)
    value = snapshot.value(eid, path) if path else MISSING
    kinds = markers(value, html_ok=pointer in HTML_FIELDS) if isinstance(value, str) else ()
    return not kinds or bool(set(kinds) - CAMOUFLAGE)
