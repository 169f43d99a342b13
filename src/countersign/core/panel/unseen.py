"""The parts of the panel that a reader of the claims alone would not see: P4 edges, P5 against, P6 not seen, P7 markers."""

from collections.abc import Collection, Sequence
from itertools import pairwise

import msgspec

from countersign.core.canonical import format_time
from countersign.core.cases.quality import Flag
from countersign.core.claims.claims import HypothesisClaim
from countersign.core.claims.coverage import CoverageRow, spans
from countersign.core.claims.sentences import moment, seconds
from countersign.core.claims.snapshot import Snapshot
from countersign.core.claims.verify import CheckedClaim
from countersign.core.panel.entries import PanelEntry
from countersign.core.records.fields import MISSING, Field, Path, tokens
from countersign.core.render import neutralize, shown

NO_MANIFEST = "no coverage manifest was given"


def edges(snapshot: Snapshot) -> list[PanelEntry]:
    """First and last record of each source, and the longest time between two of its records."""
    timed: dict[str, list[tuple[int, str]]] = {}
    for record in snapshot.evidence.values():
        if record.event_ns is not None:
            timed.setdefault(record.source, []).append((record.event_ns, record.id))
    found: list[PanelEntry] = []
    for source in sorted(timed):
        rows, name = sorted(timed[source]), neutralize(source)
        found.append(_moment(snapshot, f"first record of {name}", len(rows), *rows[0]))
        if len(rows) > 1:
            found.append(_moment(snapshot, f"last record of {name}", len(rows), *rows[-1]))
        if len(rows) > 2:
            gap, at = max((two[0] - one[0], -n) for n, (one, two) in enumerate(pairwise(rows)))
            found.append(
                _moment(snapshot, f"longest gap of {name}: {seconds(gap)} after this record", 1, *rows[-at])
            )
    return found


def _moment(snapshot: Snapshot, reason: str, count: int, ns: int, eid: str) -> PanelEntry:
    schema = snapshot.schema(eid)
    pointer = schema.time_pointer(snapshot.view(eid)) if schema else None
    return PanelEntry("P4", reason, count, eid, pointer, moment(ns))


def against(checked: Sequence[CheckedClaim], flags: Sequence[Flag]) -> list[PanelEntry]:
    """Contradicted claims, readings that something weakens, and sources that disagree."""
    found: list[PanelEntry] = []
    for claim in checked:
        if claim.status == "contradicted":
            cited = claim.citations[0] if claim.citations else None
            why = "; ".join(o.reason for o in claim.objections)
            place = (cited.evidence, cited.pointer, cited.value) if cited else (None, None, None)
            found.append(PanelEntry("P5", f"claim {claim.id} is contradicted: {why}", 1, *place))
    for claim in checked:
        made = claim.claim
        if (
            isinstance(made, HypothesisClaim)
            and made.stance == "weakens"
            and claim.status == "interpretation"
        ):
            found.append(PanelEntry("P5", f"{made.code} is weakened ({claim.id})", 1))
    return [
        *found,
        *(
            PanelEntry("P5", f"sources disagree: {neutralize(f.detail)}", 1)
            for f in flags
            if f.flag == "conflict"
        ),
    ]


def not_seen(snapshot: Snapshot, flags: Sequence[Flag], unheard: Sequence[str] = ()) -> list[PanelEntry]:
    """Holes in the coverage manifest, sources it does not name, deciding sources nobody has, every data-quality flag."""
    found = [] if snapshot.coverage else [PanelEntry("P6", NO_MANIFEST, 0)]
    found += [
        PanelEntry("P6", _hole(row), 1) for row in snapshot.coverage if not row.complete or row.limit_hit
    ]
    for name in sorted({row.schema for row in snapshot.coverage}):
        whole = snapshot.window(name)
        unbroken = [
            msgspec.structs.replace(r, complete=True, limit_hit=False, where=()) for r in snapshot.coverage
        ]
        if whole and not spans(tuple(unbroken), name, (), *whole):
            found.append(
                PanelEntry(
                    "P6",
                    f"{neutralize(name)}: no query reaches over all of {_span(*whole)} for every source",
                    1,
                )
            )
    named = {row.schema for row in snapshot.coverage}
    unnamed = sorted(set(snapshot.by_schema) - named) if snapshot.coverage else []
    found += [
        PanelEntry(
            "P6", f"the coverage manifest does not name {neutralize(name)}", len(snapshot.by_schema[name])
        )
        for name in unnamed
    ]
    if unknown := snapshot.by_schema.get("json.unknown"):
        found.append(
            PanelEntry("P6", "records of an unknown kind: nothing in them can be cited", len(unknown))
        )
    found += [PanelEntry("P6", neutralize(line, 1000), 0) for line in unheard]
    told = (_told(flag) for flag in flags if flag.flag != "conflict")
    return [*found, *(PanelEntry("P6", reason, 1) for reason in told)]


def _told(flag: Flag) -> str:
    where = flag.source or flag.schema
    return f"{flag.flag}: " + (f"{neutralize(where, 120)}: " if where else "") + neutralize(flag.detail, 400)


def _hole(row: CoverageRow) -> str:
    why = "the query hit its limit" if row.limit_hit else "the query did not complete"
    why = neutralize(row.reason) if row.reason else why
    return f"{neutralize(row.source)} was not read completely, {_span(row.start_ns, row.end_ns)}: {why}"


def _span(start_ns: int, end_ns: int) -> str:
    return f"{format_time(start_ns)} to {format_time(end_ns)}"


def markers(snapshot: Snapshot, marked: Collection[tuple[str, str]]) -> list[PanelEntry]:
    """Fields with an injection marker, one entry per field and value."""
    found: dict[tuple[str, str], PanelEntry] = {}
    for eid, pointer in sorted(marked):
        if eid not in snapshot.evidence:
            continue
        known = snapshot.path(snapshot.evidence[eid].schema, pointer)
        path = known or Path(pointer, tokens(pointer), (), Field(pointer=pointer, type="text"))
        value = snapshot.value(eid, path)
        text = "" if value is MISSING else shown(value, tainted=path.field.tainted)
        one = found.get((pointer, text))
        count = one.count + 1 if one else 1
        found[pointer, text] = PanelEntry(
            "P7", "injection marker", count, one.evidence if one else eid, pointer, text or None
        )
    return list(found.values())
