"""Which fields of a case carry text that looks aimed at the assistant or the analyst."""

from countersign.core.fields import walk
from countersign.core.markers import markers
from countersign.core.snapshot import Snapshot

MAX_MARKED = 200
HTML_FIELDS = ("/body_text", "/Message", "/body_html")


def marked_fields(snapshot: Snapshot) -> tuple[tuple[str, str], ...]:
    """(evidence id, pointer) of every tainted text field with an injection marker, in event order, at most 200."""
    found: list[tuple[str, str]] = []
    for record in snapshot.evidence.values():
        schema = snapshot.dictionary.schema(record.schema)
        for pointer, field, value in walk(schema, snapshot.view(record.id)) if schema else ():
            if isinstance(value, str) and len(value) > 3 and (field is None or field.tainted):
                if markers(value, html_ok=pointer.endswith(HTML_FIELDS)):
                    found.append((record.id, pointer))
                    if len(found) >= MAX_MARKED:
                        return tuple(found)
    return tuple(found)
