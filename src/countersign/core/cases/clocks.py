"""What two sources say of one moment: how far their clocks stand apart.

A measured skew caps nothing; it widens what an `order` claim may say. Source: `reference/verification.md` section 11.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise

from countersign.core.canonical import NANOSECONDS, read_time
from countersign.core.cases.flag import Flag, raised, span
from countersign.core.claims.snapshot import Snapshot
from countersign.core.render import neutralize

SKEW_S = 2
SKEW_SHARE = 0.01


def events_apart(snapshot: Snapshot, pairs: Iterable[tuple[str, ...]]) -> Iterator[Flag]:
    """Two sources that tell of one event, at two times."""
    for ids in pairs:
        told = [r for eid in ids if (r := snapshot.evidence.get(eid)) is not None and r.event_ns is not None]
        for one, other in pairwise(sorted(told, key=lambda r: (r.event_ns or 0, r.id))):
            between = (other.event_ns or 0) - (one.event_ns or 0)
            if one.source != other.source and between > SKEW_S * NANOSECONDS:
                detail = f"tells of one event {span(between)} after {neutralize(one.source, 120)}"
                yield raised("skew", other.schema, other.source, detail, skew=between)


FLOWS = (("zeek.conn", "/community_id", "/ts"), ("suricata.eve", "/community_id", "/flow/start"))
"""Schema, the key of one flow, and when it began: what two sensors on one wire must agree on."""


def flows_apart(snapshot: Snapshot) -> Iterator[Flag]:
    """Flows that two sensors saw, and that begin at two times."""
    (one, began), (other, began_there) = ((name, _began(snapshot, *row)) for name, *row in _named(FLOWS))
    shared = began.keys() & began_there.keys()
    between = sorted(abs(began[key] - began_there[key]) for key in shared)
    far = [ns for ns in between if ns > SKEW_S * NANOSECONDS]
    if far and len(far) > SKEW_SHARE * len(shared):
        detail = (
            f"{len(far)} of {len(shared)} flows begin {span(far[len(far) // 2])} apart in {one} and {other}"
        )
        yield raised("skew", other, other, detail, skew=far[len(far) // 2])


def _named(rows: Iterable[tuple[str, str, str]]) -> Iterator[tuple[str, str, str, str]]:
    return ((name, name, key, time) for name, key, time in rows)


def _began(snapshot: Snapshot, schema: str, key: str, time: str) -> dict[object, int]:
    """When each flow began that one record alone tells of."""
    named, began = snapshot.path(schema, key), snapshot.path(schema, time)
    found: dict[object, list[int]] = defaultdict(list)
    if named is None or began is None:
        return {}
    for position, form in enumerate(snapshot.column(schema, key)):
        view = snapshot.view(snapshot.by_schema[schema][position].id)
        ns = read_time(began.resolve(view), began.field.format)
        if form is not None and ns is not None:
            found[form].append(ns)
    return {form: times[0] for form, times in found.items() if len(set(times)) == 1}
