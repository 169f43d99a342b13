"""Which fields of a case carry text that looks aimed at the assistant or the analyst."""

from countersign.core.fields import MISSING
from countersign.core.markers import is_bare, marked
from countersign.core.snapshot import Snapshot

MAX_MARKED = 200


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
