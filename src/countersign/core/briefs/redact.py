"""Makes dossiers. The rules drafter's is unredacted, because it never leaves this process.

Only this module makes a `Dossier`. Redaction for a language model (field scopes, secrets, pseudonyms) will
be made here too; until then no dossier may be given to anything but the rules drafter.
"""

from collections.abc import Mapping, Sequence

import msgspec

from countersign.core.briefs.dossier import Dossier, Excerpt, ExcerptField, MenuFact, Total
from countersign.core.canonical import format_time
from countersign.core.claims.claims import Claim
from countersign.core.claims.snapshot import Snapshot
from countersign.core.claims.verify import CheckedClaim, verify
from countersign.core.facts.facts import Fact
from countersign.core.records.alert import Alert
from countersign.core.records.fields import walk
from countersign.core.render import shown, value_text

MAX_EXCERPTS = 200
MAX_FIELDS = 60


class Prepared(msgspec.Struct, frozen=True):
    """A dossier, and the way back from its numbers that never leaves."""

    dossier: Dossier
    cites: Mapping[str, str]  # e1 → evidence id
    menu: Mapping[str, Claim]  # f1 → claim
    phrases: Mapping[str, str]  # f1 → title phrase
    facts: Mapping[str, Fact]


def prepare(
    case: str, snapshot: Snapshot, alerts: Sequence[Alert], facts: Sequence[tuple[str, Fact]]
) -> Prepared:
    """Verify every candidate fact, number the records they speak of, and put both in a dossier."""
    checked = verify([fact.claim for _, fact in facts], snapshot, [a.evidence for a in alerts])
    good = [
        (name, fact, claim)
        for (name, fact), claim in zip(facts, checked, strict=True)
        if claim.status == "verified"
    ]
    wanted = [alert.evidence for alert in alerts]
    wanted += [c.evidence for _, _, claim in good for c in claim.citations[:5]]
    numbered = {eid: f"e{n}" for n, eid in enumerate(dict.fromkeys(wanted), 1) if eid in snapshot.evidence}
    shown_ids = list(numbered)[:MAX_EXCERPTS]
    raised = {alert.evidence for alert in alerts}
    statements: dict[str, str] = {}
    dossier = Dossier(
        case,
        snapshot.id,
        tuple(_excerpt(snapshot, eid, numbered[eid], eid in raised) for eid in shown_ids),
        tuple(_menu_fact(name, fact, claim, statements) for name, fact, claim in good),
        tuple(_total(snapshot, schema) for schema in sorted(snapshot.by_schema)),
        len(snapshot.evidence) - len(shown_ids),
        "Counts are of collected records unless a coverage manifest says otherwise.",
    )
    return Prepared(
        dossier,
        {number: eid for eid, number in numbered.items() if eid in set(shown_ids)},
        {name: fact.claim for name, fact, _ in good},
        {name: fact.phrase for name, fact, _ in good if fact.phrase},
        {name: fact for name, fact, _ in good},
    )


def masked(prepared: Prepared) -> Prepared:
    """The same dossier without anything an outsider could have written: what a masked re-draft is given."""
    dossier = prepared.dossier
    menu = tuple(fact for fact in dossier.menu if not fact.tainted)
    excerpts = tuple(
        msgspec.structs.replace(
            excerpt,
            fields=tuple(
                msgspec.structs.replace(field, value="") if field.tainted else field
                for field in excerpt.fields
            ),
        )
        for excerpt in dossier.excerpts
    )
    kept = {fact.id for fact in menu}
    note = dossier.note + " Fields that an outsider could have written are masked."
    return Prepared(
        msgspec.structs.replace(dossier, menu=menu, excerpts=excerpts, note=note),
        prepared.cites,
        {name: claim for name, claim in prepared.menu.items() if name in kept},
        {name: phrase for name, phrase in prepared.phrases.items() if name in kept},
        {name: fact for name, fact in prepared.facts.items() if name in kept},
    )


def _excerpt(snapshot: Snapshot, eid: str, number: str, is_alert: bool) -> Excerpt:
    record, schema = snapshot.evidence[eid], snapshot.schema(eid)
    fields: list[ExcerptField] = []
    for pointer, field, value in walk(schema, snapshot.view(eid)) if schema else ():
        if field is not None and len(fields) < MAX_FIELDS:
            text = value_text(value)[:400]
            fields.append(ExcerptField(pointer, field.label, field.type, text, field.tainted))
    when = None if record.event_ns is None else format_time(record.event_ns)
    return Excerpt(number, record.schema, record.source, when, is_alert, tuple(fields))


def _menu_fact(name: str, fact: Fact, claim: CheckedClaim, statements: dict[str, str]) -> MenuFact:
    statement = statements.setdefault(fact.statement, f"s{len(statements) + 1}")
    when = None if fact.event_ns is None else format_time(fact.event_ns)
    text = claim.text or shown(name, tainted=True)
    section = fact.claim.section
    return MenuFact(
        name,
        claim.kind or "",
        section,
        text,
        claim.tainted,
        fact.origin,
        statement,
        fact.weight,
        fact.codes,
        when,
    )


def _total(snapshot: Snapshot, schema: str) -> Total:
    times = sorted(r.event_ns for r in snapshot.by_schema[schema] if r.event_ns is not None)
    edges = (format_time(times[0]), format_time(times[-1])) if times else (None, None)
    return Total(schema, len(snapshot.by_schema[schema]), *edges)
