"""Titles, statements and the Markdown note: words for people, made of verified claims only.

Claims over one record that state a relation are told as its sentence; counts with their first and last
times as one line. Values are read from the evidence again; nothing a drafter wrote is copied.
"""

from collections.abc import Iterable, Mapping, Sequence

from countersign.core.canonical import clock
from countersign.core.claims.claims import (
    Claim,
    CountClaim,
    FieldClaim,
    Filter,
    OrderClaim,
    QuoteClaim,
    RelationClaim,
    SameClaim,
    TimeClaim,
)
from countersign.core.claims.registry import phrase
from countersign.core.claims.roles import role_value
from countersign.core.claims.sentences import clauses, moment, record_name, seconds
from countersign.core.claims.snapshot import Snapshot
from countersign.core.claims.verify import CheckedClaim
from countersign.core.facts.facts import Fact, short
from countersign.core.records.fields import MISSING, RelationRow
from countersign.core.render import markdown, shown, value_text

TITLE_PHRASES = 3
TITLE_LENGTH = 200


class Line:
    """One line of a note: its sentence, the ids of the claims it tells, the worst of their statuses."""

    def __init__(self, claims: Sequence[CheckedClaim], text: str, event_ns: int | None) -> None:
        self.claims, self.text, self.event_ns = tuple(claims), text, event_ns
        found = {claim.status for claim in claims}
        self.status = "verified" if found == {"verified"} else "partly" if "verified" in found else min(found)
        self.tainted = any(claim.tainted for claim in claims)
        self.counted: set[str] = set()


def lines(checked: Iterable[CheckedClaim], snapshot: Snapshot, section: str) -> list[Line]:
    """The verified facts of one section, told together where they speak of one record or one count."""
    runs: list[tuple[object, list[CheckedClaim]]] = []
    for claim in checked:
        if claim.section != section or claim.kind == "hypothesis" or claim.status != "verified":
            continue
        key = _about(claim.claim)
        if runs and runs[-1][0] == key and key is not None:
            runs[-1][1].append(claim)
        else:
            runs.append((key, [claim]))
    told = _merged([_line(run, snapshot) for _, run in runs], snapshot)
    return (
        sorted(told, key=lambda row: (row.event_ns is None, row.event_ns or 0))
        if section == "what_happened"
        else told
    )


def _merged(told: list[Line], snapshot: Snapshot) -> list[Line]:
    """A count with its first and last times is told with the record it begins with."""
    kept: list[Line] = []
    by_record = {
        line.claims[0].claim.cite: line
        for line in told
        if isinstance(line.claims[0].claim, FieldClaim | QuoteClaim | RelationClaim)
    }
    for line in told:
        step = line.claims[0].claim
        if isinstance(step, OrderClaim) and (home := by_record.get(step.after)) is not None:
            before, after = (
                snapshot.evidence[step.before].event_ns or 0,
                snapshot.evidence[step.after].event_ns or 0,
            )
            home.claims += line.claims
            home.text += f" This was {seconds(after - before)} after {record_name(snapshot, step.before)}."
            continue
        if not isinstance(step, CountClaim | TimeClaim) or len(line.claims) < 2:
            kept.append(line)
            continue
        records = {r for claim in line.claims for r in claim.records}
        first = min(
            records, key=lambda r: (snapshot.evidence[r].event_ns or 0, r not in by_record, r), default=""
        )
        home = by_record.get(first)
        if home is None or (home.counted and home.counted != records):
            kept.append(line)
        else:
            home.claims += line.claims
            if not home.counted:
                home.text += " In all " + line.text
            home.counted = records
    return kept


def _span(run: Sequence[CheckedClaim], snapshot: Snapshot) -> str:
    times = [ns for c in run for r in c.records if (ns := snapshot.evidence[r].event_ns) is not None]
    whole = all(c.scope == "complete" for c in run)
    span = ""
    if len(times) > 1 and any(isinstance(c.claim, TimeClaim) for c in run):
        span = f", {clock(min(times))} – {clock(max(times))} UTC"
    return span + ("" if whole else " (of collected records)")


def _about(claim: Claim | None) -> object:
    match claim:
        case FieldClaim() | QuoteClaim() | RelationClaim():
            return claim.cite
        case CountClaim() | TimeClaim() if (
            not getattr(claim, "distinct", "") and not claim.start and not claim.end
        ):
            return repr(claim.filter)
        case _:
            return None


def _line(run: list[CheckedClaim], snapshot: Snapshot) -> Line:
    claim = run[0].claim
    if isinstance(claim, FieldClaim | QuoteClaim | RelationClaim):
        text = _of_record(run, claim.cite, snapshot)
        said = (
            f"{snapshot.evidence[claim.cite].schema} says {text}"
            if run[0].section == "disagreement"
            else text
        )
        return Line(run, said, snapshot.evidence[claim.cite].event_ns)
    times = [snapshot.evidence[r].event_ns for c in run for r in c.records]
    known = [ns for ns in times if ns is not None]
    if isinstance(claim, CountClaim | TimeClaim) and len(run) > 1:
        return Line(run, _of_count(run, claim.filter, snapshot), min(known, default=None))
    return Line(run, " ".join(c.text or "" for c in run), max(known, default=None) if known else None)


def _of_record(run: list[CheckedClaim], eid: str, snapshot: Snapshot) -> str:
    claims = [c.claim for c in run]
    told = {c.ptr: c for c in claims if isinstance(c, FieldClaim | QuoteClaim)}
    sentence, used = _relation(eid, told, claims, snapshot)
    extra = []
    for pointer, claim in told.items():
        path = snapshot.path(snapshot.evidence[eid].schema, pointer)
        if pointer in used or path is None:
            continue
        value = snapshot.value(eid, path)
        if isinstance(claim, QuoteClaim) and claim.text != value:
            extra.append(f"{path.label} with the words {shown(claim.text, tainted=path.field.tainted)}")
        else:
            extra.append(f"{path.label} {shown(value, tainted=path.field.tainted)}")
    if not sentence:
        return "; ".join(extra) + "."
    return sentence + (f" ({'; '.join(extra)})" if extra else "") + "."


def _relation(
    eid: str, told: Mapping[str, Claim], claims: Sequence[Claim | None], snapshot: Snapshot
) -> tuple[str, set[str]]:
    """The fullest relation that the claims state, as a phrase, and the pointers it uses up."""
    schema = snapshot.schema(eid)
    best: tuple[str, set[str]] = ("", set())
    named = {c.rel: {role for role, _ in c.roles} for c in claims if isinstance(c, RelationClaim)}
    for row in schema.relations if schema else ():
        if snapshot.relation(eid, row.name) is not row:
            continue
        roles, used = _roles(eid, row, named.get(row.name, set()), told, snapshot)
        if (
            len(roles) >= 2
            and (row.name in named or len(roles) > len(best[1]))
            and (not named or row.name in named)
        ):
            best = (phrase(row.name, roles), used)
    return best


def _roles(
    eid: str, row: RelationRow, named: set[str], told: Mapping[str, Claim], snapshot: Snapshot
) -> tuple[dict[str, str], set[str]]:
    roles: dict[str, str] = {}
    used: set[str] = set()
    for role, place in row.roles:
        path, value = role_value(snapshot, eid, place)
        if path is None or isinstance(value, dict | list) or (role not in named and path.pointer not in told):
            continue
        part = told.get(path.pointer)
        if role not in named and isinstance(part, QuoteClaim) and part.text != value:
            continue
        word = place.absent if value is MISSING else place.present
        if place.mapping and value is not MISSING:
            word = dict(place.mapping).get(value_text(value), "")
        if value is MISSING and not word:
            continue
        roles[role] = word or shown(value, tainted=path.field.tainted)
        used.add(path.pointer)
    return roles, used


def _of_count(run: list[CheckedClaim], wanted: Filter, snapshot: Snapshot) -> str:
    number = len({r for c in run for r in c.records})
    said = _counted(wanted, snapshot) or f"{wanted.schema} records{clauses(snapshot, wanted, trusted=True)}"
    return f"{number} × {said}{_span(run, snapshot)}."


def _counted(wanted: Filter, snapshot: Snapshot) -> str:
    """A filter as a relation's phrase, when its clauses are that relation's condition and roles."""
    schema = snapshot.dictionary.schema(wanted.schema)
    found = snapshot.matching(wanted, None, None)
    if schema is None or not found:
        return ""
    given = {pointer: (op, value) for pointer, op, value in wanted.where}
    for row in schema.relations:
        if snapshot.relation(found[0].id, row.name) is not row:
            continue
        roles: dict[str, str] = {}
        for role, place in row.roles:
            path, value = role_value(snapshot, found[0].id, place)
            if path is not None and given.get(path.pointer, ("", ""))[0] == "eq" and not place.mapping:
                roles[role] = shown(value, tainted=path.field.tainted)
                given.pop(path.pointer)
        rest = [(p, op, v) for p, (op, v) in given.items() if (p, op, v) not in row.when]
        if roles and len(rest) < len(wanted.where):
            more = clauses(snapshot, Filter(wanted.schema, tuple(rest)), trusted=True).replace(
                " have ", " with ", 1
            )
            return phrase(row.name, roles) + more
    return ""


def period(snapshot: Snapshot) -> str:
    """`2021-08-02 13:05:32 – 13:32:54 UTC · 52 records, 4 sources`."""
    times = sorted(r.event_ns for r in snapshot.evidence.values() if r.event_ns is not None)
    number, sources = len(snapshot.evidence), len(snapshot.by_schema)
    size = f"{number} record{'s' * (number != 1)}, {sources} source{'s' * (sources != 1)}"
    if not times:
        return f"no readable time · {size}"
    first, last = moment(times[0] // 10**9 * 10**9), moment(times[-1] // 10**9 * 10**9)
    until = last[11:] if first[:10] == last[:10] else last
    return f"{first[:-4]} – {until} · {size}" if first != last else f"{first} · {size}"


def title(
    checked: Iterable[CheckedClaim], facts: Mapping[str, Fact], snapshot: Snapshot, because: Iterable[str]
) -> str:
    """Who did what to what: the strongest verified facts' phrases, in the order they happened."""
    told = (facts[c.id] for c in checked if c.id is not None and c.id in facts and c.status == "verified")
    good = [fact for fact in told if fact.phrase]
    leading = set(because)
    ranked = sorted(good, key=lambda f: (-bool(set(f.codes) & leading), -f.weight, f.event_ns or 0))
    picked = _diverse(ranked)
    if not picked:
        return period(snapshot).split(" · ", 1)[1] + ", nothing that a rule speaks of"
    return "; ".join(f.phrase for f in sorted(picked, key=lambda f: f.event_ns or 0))


def _diverse(ranked: Sequence[Fact]) -> list[Fact]:
    """Up to three phrases that fit, each first bringing a reading that none before it brought."""
    picked: list[Fact] = []
    for fresh_codes in (True, False):
        for fact in ranked:
            told = {code for p in picked for code in p.codes}
            fits = sum(len(p.phrase) + 2 for p in picked) + len(fact.phrase) <= TITLE_LENGTH
            known = any(
                fact.phrase == p.phrase or fact.evidence == p.evidence or (fact.origin == p.origin != "alert")
                for p in picked
            )
            brings = bool(set(fact.codes) - told) if fresh_codes else True
            if len(picked) < TITLE_PHRASES and fits and not known and brings:
                picked.append(fact)
    return picked


Told = tuple[str, list[tuple[str, str]]]


def _indicators(checked: Iterable[CheckedClaim], snapshot: Snapshot) -> list[Told]:
    """Indicator → (what a source says of it, claim id), as the verified counts have it."""
    rows: dict[str, list[tuple[str, str]]] = {}
    names: dict[str, str] = {}
    for claim in checked:
        made = claim.claim
        if claim.section != "indicators" or claim.status != "verified":
            continue
        if isinstance(made, SameClaim):
            path = snapshot.path(snapshot.evidence[made.a.cite].schema, made.a.ptr)
            if path is not None and path.field.type == "pid":
                value = snapshot.value(made.a.cite, path)
                names.setdefault(claim.text or "", f"process {shown(value, tainted=path.field.tainted)}")
                rows.setdefault(claim.text or "", []).append((claim.text or "", claim.id or ""))
        if isinstance(made, CountClaim) and not _plainly(made):
            rows.setdefault(claim.text or "", []).append(("as counted", claim.id or ""))
            names.setdefault(claim.text or "", claim.text or "")
        elif isinstance(made, CountClaim):
            pointer, _, value = made.filter.where[0]
            path = snapshot.path(made.filter.schema, pointer)
            text = shown(value, tainted=path is None or path.field.tainted)
            key = _entity(value, path.field.type if path else "")
            names.setdefault(key, text)
            said = f"{len(claim.records)} in {made.filter.schema} ({path.label if path else pointer} {text})"
            rows.setdefault(key, []).append((said, claim.id or ""))
    return [(names[key], sources) for key, sources in rows.items()]


def _plainly(claim: CountClaim) -> bool:
    """Is it a plain number of records that hold one value, over everything collected?"""
    bounded = claim.distinct or claim.start or claim.end or claim.op != "eq"
    return not bounded and len(claim.filter.where) == 1 and claim.filter.where[0][1] == "eq"


def _entity(value: object, kind: str) -> str:
    """What two spellings of one thing share: the account without its domain, the host without its zone."""
    text = value_text(short(value, kind)).lower()
    if kind in {"user", "email"}:
        return "account " + text.split("@", 1)[0]
    return f"host {text}" if kind == "host" else text


def indicator_rows(checked: Iterable[CheckedClaim], snapshot: Snapshot) -> list[tuple[str, str]]:
    """Each indicator and, in words, how many records of each source hold it."""
    return [
        (name, " · ".join(dict.fromkeys(said for said, _ in told)))
        for name, told in _indicators(checked, snapshot)
    ]


def indicator_lines(checked: Iterable[CheckedClaim], snapshot: Snapshot) -> list[str]:
    """The same as Markdown, with the claims' ids."""
    return [
        f"- **{markdown(name)}** · {markdown(' · '.join(dict.fromkeys(said for said, _ in told)))} "
        f"`{' '.join(dict.fromkeys(claim for _, claim in told))}`"
        for name, told in _indicators(checked, snapshot)
    ]
