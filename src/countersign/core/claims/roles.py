"""What a record says in a role of a relation, by the dictionary's rows; nobody else decides which field it is."""

from typing import Any

from countersign.core.claims.snapshot import Snapshot
from countersign.core.records.fields import MISSING, Path, RoleSource
from countersign.core.render import value_text


def role_value(snapshot: Snapshot, eid: str, place: RoleSource) -> tuple[Path | None, Any]:
    """The first pointer of a role that says something in the record, and its value; a text for "nothing here" is none."""
    schema = snapshot.evidence[eid].schema
    paths = [
        path for path in (snapshot.path(schema, pointer) for pointer in place.pointers) if path is not None
    ]
    compiled = snapshot.schema(eid)
    for path in paths:
        value = snapshot.value(eid, path)
        empty = isinstance(value, str) and compiled is not None and value in compiled.absent
        if value is not MISSING and not empty:
            return path, value
    return (paths[0] if paths else None), MISSING


def role_word(snapshot: Snapshot, eid: str, place: RoleSource) -> str:
    """The role in one word: the dictionary's where it maps values or presence, else the value; empty when not said."""
    _, value = role_value(snapshot, eid, place)
    if place.present or place.absent:
        return place.absent if value is MISSING else place.present
    if value is MISSING or isinstance(value, dict | list):
        return ""
    return dict(place.mapping).get(value_text(value), "") if place.mapping else value_text(value)
