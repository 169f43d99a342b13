"""The must-show panel: what an analyst sees whatever the drafter wrote.

Parts P1 to P10 are computed from the snapshot (and from what the checks found, for P5); a drafter can
neither change, order nor hide them. Every value is neutralized. A part that would grow without bound
stops at a stated number of entries, and its last entry says how many more there are.
Source: `verification.md` section 7.
"""

from collections.abc import Collection, Sequence

from countersign.core.cases.quality import Flag
from countersign.core.claims.claims import AbsenceClaim, CountClaim, TimeClaim
from countersign.core.claims.snapshot import Snapshot
from countersign.core.claims.verify import CheckedClaim
from countersign.core.panel import weight
from countersign.core.panel.entries import CRITICAL, PanelEntry, entry, limited, place, salience, uncovered
from countersign.core.panel.outcomes import failed, telling
from countersign.core.panel.success import first_successes, mapped_failures
from countersign.core.panel.survey import Column, survey
from countersign.core.panel.unseen import NO_MANIFEST, against, edges, markers, not_seen
from countersign.core.records.alert import Alert
from countersign.core.records.fields import MISSING, Field, Schema
from countersign.core.records.observable import kind_of
from countersign.core.render import neutralize, shown

__all__ = ["CRITICAL", "NO_MANIFEST", "PanelEntry", "panel", "salience", "uncovered"]

MAX_TRIGGER, MAX_FAILURES, MAX_SUCCESSES, MAX_RARE, MAX_MARKED, MAX_LISTED = 60, 60, 20, 40, 40, 40
MAX_WEIGHT, MAX_UNCITED = 20, 20
RARE_VALUES = 3  # of one watched field


def panel(
    snapshot: Snapshot,
    alerts: Sequence[Alert],
    checked: Sequence[CheckedClaim],
    flags: Sequence[Flag],
    *,
    marked: Collection[tuple[str, str]],
    unheard: Sequence[str] = (),
) -> tuple[PanelEntry, ...]:
    """Every part, in order.

    `marked` are (evidence id, pointer) of fields with an injection marker; `unheard` says which deciding
    sources have nothing in this installation.
    """
    columns = survey(snapshot, _wanted, [alert.evidence for alert in alerts])
    named = weight.named(columns)
    return (
        *limited(_trigger(snapshot, alerts), MAX_TRIGGER),
        *limited(_failures(snapshot, columns), MAX_FAILURES),
        *limited(_successes(snapshot), MAX_SUCCESSES),
        *limited(_rare(snapshot, columns), MAX_RARE),
        *edges(snapshot),
        *against(checked, flags),
        *not_seen(snapshot, flags, unheard),
        *limited(markers(snapshot, marked), MAX_MARKED),
        *limited(_lists(snapshot, named), MAX_LISTED),
        *limited(_weights(snapshot, columns), MAX_WEIGHT),
        *limited(_uncited(named, checked), MAX_UNCITED),
    )


def _wanted(field: Field, schema: str) -> bool:
    return field.watch or telling(field) or bool(kind_of(field, schema)) or weight.weighs(field)


# P1 ------------------------------------------------------------------------------------------------------


def _trigger(snapshot: Snapshot, alerts: Sequence[Alert]) -> list[PanelEntry]:
    """Per rule: the rule, then each field it matched on; the most frequent value of each before all others."""
    rules: dict[tuple[str, str], list[str]] = {}
    for alert in alerts:
        if alert.evidence in snapshot.evidence:
            rules.setdefault((snapshot.evidence[alert.evidence].schema, alert.rule), []).append(
                alert.evidence
            )
    first: list[PanelEntry] = []
    rest: list[PanelEntry] = []
    for (name, rule), held in rules.items():
        schema = snapshot.dictionary.schema(name)
        if schema is None or schema.alert is None:
            first.append(PanelEntry("P1", f"rule that fired: {neutralize(rule)}", len(held), held[0]))
            continue
        first += _rule(snapshot, schema, rule, held)
        for pointer in schema.alert.trigger:
            groups = _groups(snapshot, schema, pointer, held, "that matched")
            first, rest = [*first, *groups[:1]], [*rest, *groups[1:]]
    return [*first, *rest]


def _rule(snapshot: Snapshot, schema: Schema, rule: str, held: list[str]) -> list[PanelEntry]:
    pointer = schema.alert.rule if schema.alert else ""
    path = schema.path(pointer) if pointer else None
    value = snapshot.value(held[0], path) if path else MISSING
    if path is None or value is MISSING:
        return [PanelEntry("P1", f"rule that fired: {neutralize(rule)}", len(held), held[0])]
    return [entry("P1", "rule that fired", len(held), held[0], at=(path, value))]


def _groups(snapshot: Snapshot, schema: Schema, pointer: str, held: list[str], why: str) -> list[PanelEntry]:
    path = schema.path(pointer)
    if path is None:
        return []
    found: dict[str, tuple[str, int]] = {}
    for eid in held:
        value = snapshot.value(eid, path)
        if value is not MISSING and not isinstance(value, dict | list):
            text = shown(value, tainted=path.field.tainted)
            one, count = found.get(text, (eid, 0))
            found[text] = (one, count + 1)
    ranked = sorted(found.items(), key=lambda item: -item[1][1])
    return [PanelEntry("P1", f"{path.label} {why}", n, eid, path.pointer, text) for text, (eid, n) in ranked]


# P2 ------------------------------------------------------------------------------------------------------


def _failures(snapshot: Snapshot, columns: Sequence[Column]) -> list[PanelEntry]:
    found = [
        entry("P2", f"{path.label}: failure or denial", seen.count, seen.eid, at=(path, seen.value))
        for column in columns
        if telling(column.field)
        for seen in column.values.values()
        if failed(column.field, seen.value) and (path := place(snapshot, column, seen))
    ]
    for count, eid, path, value, rel in mapped_failures(snapshot):
        found.append(entry("P2", f"failed {rel.replace('_', ' ')}", count, eid, at=(path, value)))
    return sorted(found, key=lambda one: -one.count)


def _successes(snapshot: Snapshot) -> list[PanelEntry]:
    return [
        entry("P2", f"first success after {count} failed by the same actor", 1, eid, at=(path, value))
        for count, eid, path, value in first_successes(snapshot)
    ]


# P3 ------------------------------------------------------------------------------------------------------


def _rare(snapshot: Snapshot, columns: Sequence[Column]) -> list[PanelEntry]:
    """Values that one record holds, of watched fields that have a more frequent one or few values."""
    found: list[PanelEntry] = []
    for column in columns:
        if not column.field.watch or len(snapshot.by_schema[column.schema]) < 2:
            continue
        absent = snapshot.dictionary.schemas[column.schema].absent
        once = [seen for seen in column.values.values() if seen.count == 1 and seen.value not in absent]
        if len(once) > RARE_VALUES and len(once) == len(column.values):
            continue  # a field in which every value is its own says nothing about rarity
        found += [
            entry("P3", f"{path.label} seen once in the case", 1, seen.eid, at=(path, seen.value))
            for seen in once[:RARE_VALUES]
            if (path := place(snapshot, column, seen)) is not None
        ]
    return found


# P8, P9, P10 ---------------------------------------------------------------------------------------------


def _lists(snapshot: Snapshot, named: Sequence[weight.Named]) -> list[PanelEntry]:
    """Hits on bad lists and on allow-lists, those on one value side by side; then one row for each known list."""
    hits = [(one, reason) for one in named for reason in weight.listed(snapshot, one)]
    return [
        PanelEntry("P8", reason, one.count, one.eid, one.pointer, shown(one.shown_value, tainted=one.tainted))
        for one, reason in (*hits, *weight.known(snapshot, named))
    ]


def _weights(snapshot: Snapshot, columns: Sequence[Column]) -> list[PanelEntry]:
    found: list[PanelEntry] = []
    for column in columns:
        for seen in column.values.values():
            reason = weight.privileged(column.field, seen.value)
            if weight.critical(snapshot, column.field, seen.value):
                reason = CRITICAL
            if reason and (path := place(snapshot, column, seen)):
                found.append(entry("P9", reason, seen.count, seen.eid, at=(path, seen.value)))
    return sorted(found, key=lambda one: (one.reason != CRITICAL, -one.count))


def _uncited(named: Sequence[weight.Named], checked: Sequence[CheckedClaim]) -> list[PanelEntry]:
    """Observables of an alert, or of two kinds of record, whose value no claim cites or filters on."""
    told = {weight.plain(c.value) for claim in checked for c in claim.citations if c.value is not None}
    for claim in checked:
        made = claim.claim
        if isinstance(made, CountClaim | TimeClaim | AbsenceClaim):
            told |= {weight.plain(shown(value, tainted=False)) for _, _, value in made.filter.where}
    rows = [one for one in named if (one.alerted or len(one.schemas) > 1) and not one.spellings & told]
    rows.sort(key=lambda one: (not one.alerted, -len(one.schemas), one.count))
    return [
        PanelEntry(
            "P10",
            f"{one.type} of the alert that no claim cites"
            if one.alerted
            else f"{one.type} in {len(one.schemas)} kinds of record that no claim cites",
            one.count,
            one.eid,
            one.pointer,
            shown(one.shown_value, tainted=one.tainted),
        )
        for one in rows
    ]
