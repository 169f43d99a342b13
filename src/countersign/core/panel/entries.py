"""Entries of the must-show panel, and which of them the verified claims of a brief cover."""

from collections.abc import Collection, Iterable, Sequence

import msgspec

from countersign.core.claims.claims import CountClaim, TimeClaim
from countersign.core.claims.snapshot import Snapshot
from countersign.core.claims.verify import CheckedClaim
from countersign.core.panel.survey import Column, Seen
from countersign.core.records.fields import Path
from countersign.core.render import shown

CRITICAL = "critical asset"


class PanelEntry(msgspec.Struct, frozen=True):
    """One line of the panel; `count` is how many records it stands for, `value` is as shown."""

    part: str
    reason: str
    count: int
    evidence: str | None = None
    pointer: str | None = None
    value: str | None = None


def place(snapshot: Snapshot, column: Column, seen: Seen) -> Path | None:
    """The way to where a surveyed value stands first; None when the dictionary reads it as another field."""
    path = snapshot.path(column.schema, seen.pointer)
    return path if path is not None and path.field.pointer == column.field.pointer else None


def entry(part: str, reason: str, count: int, eid: str, *, at: tuple[Path, object]) -> PanelEntry:
    """An entry for a value that stands in a record, as it may be shown."""
    path, value = at
    return PanelEntry(part, reason, count, eid, path.pointer, shown(value, tainted=path.field.tainted))


def limited(entries: Iterable[PanelEntry], most: int) -> list[PanelEntry]:
    """The first `most` entries, and one more that says how many were not listed."""
    made = list(entries)
    if len(made) <= most:
        return made
    rest = made[most:]
    return [
        *made[:most],
        PanelEntry(rest[0].part, f"{len(rest)} more, not listed", sum(entry.count for entry in rest)),
    ]


def salience(entries: Sequence[PanelEntry], checked: Sequence[CheckedClaim]) -> tuple[int, int]:
    """Items of P1, P2, P3 and P8 that verified claims cite, and all of them."""
    items = [entry for entry in entries if entry.part in {"P1", "P2", "P3", "P8"}]
    return len(items) - len(uncovered(items, checked)), len(items)


def uncovered(entries: Iterable[PanelEntry], checked: Sequence[CheckedClaim]) -> tuple[PanelEntry, ...]:
    """Entries that no verified claim covers.

    A claim covers an entry when it cites that field of that record, or the same value of that field in
    another record of the group, or when it counts over the group (a filter on the field, the entry's
    record among those counted). An entry that names a record but no field is covered by any citation
    of the record; one that names no record (`… more`) is never covered.
    """
    sure = [claim for claim in checked if claim.status == "verified"]
    places = {(c.evidence, c.pointer) for claim in sure for c in claim.citations if c.value is not None}
    values = {(c.pointer, c.value) for claim in sure for c in claim.citations if c.value is not None}
    places |= {(eid, pointer) for claim in sure for pointer in _counted(claim) for eid in claim.records}
    records = {eid for eid, _ in places}
    return tuple(entry for entry in entries if not _covered(entry, places, values, records))


def _counted(claim: CheckedClaim) -> tuple[str, ...]:
    if not isinstance(claim.claim, CountClaim | TimeClaim):
        return ()
    distinct = claim.claim.distinct if isinstance(claim.claim, CountClaim) else ""
    return (
        *(clause[0] for clause in claim.claim.filter.where if clause[1] == "eq"),
        *filter(None, [distinct]),
    )


def _covered(
    entry: PanelEntry,
    places: Collection[tuple[str, str]],
    values: Collection[tuple[str, str | None]],
    records: Collection[str],
) -> bool:
    if entry.evidence is None:
        return False
    if entry.pointer is None:
        return entry.evidence in records
    group = entry.count > 1 and (entry.pointer, entry.value) in values
    return group or (entry.evidence, entry.pointer) in places
