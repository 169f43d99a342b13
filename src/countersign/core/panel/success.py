"""Failures that a relation's outcome role tells, and the first success of the same actor after them."""

from collections.abc import Iterator

from countersign.core.canonical import Canon
from countersign.core.claims.claims import Filter
from countersign.core.claims.roles import role_value, role_word
from countersign.core.claims.snapshot import Snapshot
from countersign.core.panel.outcomes import telling
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import MISSING, Path, RelationRow, RoleSource, Schema
from countersign.core.render import value_text

ACTORS = ("account", "principal")


def _rows(snapshot: Snapshot) -> Iterator[tuple[Schema, RelationRow, RoleSource]]:
    for name in sorted(snapshot.by_schema):
        schema = snapshot.dictionary.schema(name)
        for row in schema.relations if schema else ():
            place = dict(row.roles).get("outcome")
            if schema and place is not None and (place.mapping or place.present or place.absent):
                yield schema, row, place


def _held(snapshot: Snapshot, schema: Schema, row: RelationRow) -> list[Evidence]:
    """Records of the schema for which this is the row of its relation that decides."""
    found = snapshot.matching(Filter(schema.name, row.when), None, None)
    first = next(r for r in schema.relations if r.name == row.name)
    return found if first is row else [r for r in found if snapshot.relation(r.id, row.name) is row]


def mapped_failures(snapshot: Snapshot) -> Iterator[tuple[int, str, Path, object, str]]:
    """Number, first record, path, value and relation of outcomes told by a field that is not an outcome by itself."""
    done: set[tuple[str, str, str]] = set()
    for schema, row, place in _rows(snapshot):
        groups: dict[tuple[str, str], tuple[int, str, Path, object]] = {}
        for record in _held(snapshot, schema, row) if place.mapping else ():
            path, value = role_value(snapshot, record.id, place)
            if path is None or value is MISSING or telling(path.field):
                continue
            if dict(place.mapping).get(value_text(value)) == "failure":
                key = (path.pointer, value_text(value))
                count, eid = groups[key][:2] if key in groups else (0, record.id)
                groups[key] = (count + 1, eid, path, value)
        for (pointer, text), (count, eid, path, value) in groups.items():
            if (schema.name, pointer, text) not in done:
                done.add((schema.name, pointer, text))
                yield count, eid, path, value, row.name


def first_successes(snapshot: Snapshot) -> list[tuple[int, str, Path, object]]:
    """Per actor that failed and later succeeded: failures before, the success, and the field that names what succeeded.

    Ordered by the time of the success.
    """
    failures: dict[tuple[str, str, Canon], list[int]] = {}
    successes: dict[tuple[str, str, Canon], list[tuple[int, str]]] = {}
    rows: dict[str, RelationRow] = {}
    for schema, row, place in _rows(snapshot):
        for record in _held(snapshot, schema, row):
            word, actor = role_word(snapshot, record.id, place), _actor(snapshot, record.id, row)
            if record.event_ns is None or actor is None or word not in {"failure", "success"}:
                continue
            key = (schema.name, row.name, actor)
            if word == "failure":
                failures.setdefault(key, []).append(record.event_ns)
            else:
                successes.setdefault(key, []).append((record.event_ns, record.id))
                rows[record.id] = row
    found: dict[str, tuple[int, int, str]] = {}
    for key, failed_at in failures.items():
        since = min(failed_at)
        later = [(ns, eid) for ns, eid in successes.get(key, ()) if ns >= since]
        if later:
            ns, eid = min(later)
            found.setdefault(eid, (ns, sum(at <= ns for at in failed_at), eid))
    ordered = ((count, eid, _told(snapshot, eid, rows[eid])) for _, count, eid in sorted(found.values()))
    return [(count, eid, *told) for count, eid, told in ordered if told is not None]


def _actor(snapshot: Snapshot, eid: str, row: RelationRow) -> Canon | None:
    roles = dict(row.roles)
    for name in ACTORS:
        if name in roles:
            _, value = role_value(snapshot, eid, roles[name])
            if isinstance(value, str) and value:
                return ("s", value.lower())
    return None


def _told(snapshot: Snapshot, eid: str, row: RelationRow) -> tuple[Path, object] | None:
    roles = dict(row.roles)
    for name in ("api", *ACTORS):
        if name in roles:
            path, value = role_value(snapshot, eid, roles[name])
            if path is not None and value is not MISSING:
                return path, value
    return None
