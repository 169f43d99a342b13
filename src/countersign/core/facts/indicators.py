"""What sources say of the same thing: indicators seen in more than one, disagreements, and rare values."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from countersign.core.canonical import Canon, canon, family
from countersign.core.cases.case import Duplicate
from countersign.core.claims.claims import (
    MAX_STRING,
    Claim,
    CountClaim,
    FieldClaim,
    Filter,
    Place,
    QuoteClaim,
    ReferenceClaim,
    SameClaim,
)
from countersign.core.claims.knownlist import FIELD
from countersign.core.claims.roles import role_value
from countersign.core.claims.snapshot import Snapshot
from countersign.core.facts.facts import UNNAMED, Fact, tally
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import MISSING
from countersign.core.records.observable import Observable, observables
from countersign.core.records.told import Told, told

MAX_INDICATORS = 8
MAX_TOLD = 4
MAX_KNOWN = 4
MAX_SEARCHED = 2_000  # records whose free text is searched, in event order
MAX_UNUSUAL = 5
ENOUGH_VALUES = 8  # a value is called rare only among at least this many records that hold the field
Sightings = dict[Observable, dict[str, list[tuple[str, str]]]]


def sightings(snapshot: Snapshot) -> Sightings:
    """Observable → schema → (evidence id, pointer), in event order."""
    found: Sightings = defaultdict(lambda: defaultdict(list))
    for record in _ordered(snapshot):
        schema = snapshot.dictionary.schema(record.schema)
        if schema is not None and (view := snapshot.view(record.id)) is not MISSING:
            for observable, pointer in observables(schema, view):
                found[observable][record.schema].append((record.id, pointer))
    return found


def _ordered(snapshot: Snapshot) -> list[Evidence]:
    return sorted(snapshot.evidence.values(), key=lambda r: (r.event_ns is None, r.event_ns or 0, r.id))


def comparisons(snapshot: Snapshot) -> list[Fact]:
    """For each indicator in two or more sources: that it is the same, and how often each source has it."""
    if len(snapshot.by_schema) < 2:
        return []
    typed = sightings(snapshot)
    shared = [(o, by) for o, by in typed.items() if len(by) >= 2 and o.type not in {"guid", "sid"}]
    ranked = sorted(
        shared, key=lambda row: (-len(row[1]), sum(map(len, row[1].values())), row[0].type, row[0].value)
    )
    made: list[Fact] = []
    for observable, by_schema in ranked[:MAX_INDICATORS]:
        already = [fact.claim for fact in made]
        made += [fact for fact in _compared(snapshot, observable, by_schema) if fact.claim not in already]
    written = _written(snapshot, typed)
    named = [o for o, _ in ranked[:MAX_INDICATORS]] + [o for o, _ in written]
    words = [fact for _, facts in written for fact in facts]
    return made + words + _known(snapshot, named) + _processes(snapshot)


def _compared(
    snapshot: Snapshot, observable: Observable, by: dict[str, list[tuple[str, str]]]
) -> Iterator[Fact]:
    names = sorted(by, key=lambda name: snapshot.evidence[by[name][0][0]].event_ns or 0)
    for one, two in pairwise(names):
        pair = _alike(snapshot, by[one], by[two])
        if pair is not None:
            claim = SameClaim(id=UNNAMED, section="indicators", a=Place(*pair[0]), b=Place(*pair[1]))
            yield _fact(claim, f"indicator {observable.type}:{observable.value}", 4)
    for name in names:
        eid, pointer = by[name][0]
        path = snapshot.path(name, pointer)
        value = MISSING if path is None else snapshot.value(eid, path)
        if isinstance(value, str | int) and not isinstance(value, bool):
            wanted = Filter(name, ((pointer, "eq", value),))
            [claim_, *_] = tally(snapshot, wanted, "indicators", edges=False)
            yield _fact(claim_, f"indicator {observable.type}:{observable.value}", 3)


def _known(snapshot: Snapshot, named: Sequence[Observable]) -> list[Fact]:
    """What lists of well-known values say of the indicators told: context beside them, no reading rests on it."""
    made: list[Fact] = []
    for observable in dict.fromkeys(named):
        for reference in snapshot.references.values():
            known = reference.known
            key = known.hit(observable.type, observable.value) if known else ""
            if known and key and len(made) < MAX_KNOWN:
                claim = ReferenceClaim(
                    id=UNNAMED,
                    section="indicators",
                    kb=reference.kb,
                    kb_version=reference.kb_version,
                    key=key,
                    field=FIELD,
                    value=known.says,
                )
                made.append(_fact(claim, f"indicator {observable.type}:{observable.value}", 2))
    return made


def _written(snapshot: Snapshot, typed: Sightings) -> list[tuple[Observable, list[Fact]]]:
    """Indicators that a typed field of one source holds and free text of another names: a count, and the words.

    The words are a quote, never "the same": whoever wrote the text may have written what they liked. The
    indicators seen least come first.
    """
    first: dict[Observable, tuple[str, str, Told]] = {}
    for record in _ordered(snapshot)[:MAX_SEARCHED]:
        schema = snapshot.dictionary.schema(record.schema)
        view = MISSING if schema is None else snapshot.view(record.id)
        for one, pointer in told(schema, view) if schema is not None and view is not MISSING else ():
            if one.bare in typed and record.schema not in typed[one.bare]:
                first.setdefault(one.bare, (record.id, pointer, one))
    ranked = sorted(first, key=lambda o: (sum(map(len, typed[o].values())), o.type, o.value))
    made: list[tuple[Observable, list[Fact]]] = []
    for observable in ranked[:MAX_TOLD]:
        words = _words(snapshot, *first[observable])
        if words is not None:
            quoted = _fact(words, f"indicator {observable.type}:{observable.value}", 3)
            made.append((observable, [*_compared(snapshot, observable, typed[observable]), quoted]))
    return made


def _words(snapshot: Snapshot, eid: str, pointer: str, one: Told) -> QuoteClaim | None:
    path = snapshot.path(snapshot.evidence[eid].schema, pointer)
    value = MISSING if path is None else snapshot.value(eid, path)
    if not isinstance(value, str) or one.end - one.start > MAX_STRING:
        return None
    return QuoteClaim(
        id=UNNAMED,
        section="indicators",
        cite=eid,
        ptr=pointer,
        text=value[one.start : one.end],
        start=one.start,
        end=one.end,
    )


def _alike(
    snapshot: Snapshot, one: list[tuple[str, str]], two: list[tuple[str, str]]
) -> tuple[tuple[str, str], tuple[str, str]] | None:
    """The first pair of sightings whose fields compare equal as they are written."""
    forms: dict[tuple[str, Canon], tuple[str, str]] = {}
    for eid, pointer in one[:200]:
        form, kind = _form(snapshot, eid, pointer)
        if form is not None:
            forms.setdefault((kind, form), (eid, pointer))
    for eid, pointer in two[:200]:
        form, kind = _form(snapshot, eid, pointer)
        if form is not None and (kind, form) in forms:
            return forms[kind, form], (eid, pointer)
    return None


def _form(snapshot: Snapshot, eid: str, pointer: str) -> tuple[Canon | None, str]:

    path = snapshot.path(snapshot.evidence[eid].schema, pointer)
    value = MISSING if path is None else snapshot.value(eid, path)
    if path is None or value is MISSING:
        return None, ""
    return canon(path.field.type, value, path.field.format), family(path.field.type)


def _processes(snapshot: Snapshot) -> list[Fact]:
    """One process id on one host in two sources."""
    seen: dict[tuple[str, Canon], dict[str, tuple[str, str]]] = defaultdict(dict)
    for name in sorted(snapshot.by_schema):
        schema = snapshot.dictionary.schema(name)
        pids = (
            [
                f.pointer
                for f in schema.fields
                if f.type == "pid" and f.role != "parent" and "*" not in f.pointer
            ]
            if schema
            else []
        )
        hosts = [f.pointer for f in schema.fields if f.type == "host" and f.role == "host"] if schema else []
        named = [_host(snapshot, record.id, hosts) for record in snapshot.by_schema[name]] if pids else []
        for pointer in pids:
            column = snapshot.column(name, pointer)
            for record, form, host in zip(snapshot.by_schema[name], column, named, strict=True):
                if form is not None and form != ("n", 0) and host:
                    seen[host, form].setdefault(name, (record.id, pointer))
    made = []
    for (host, form), by in sorted(seen.items(), key=str):
        if len(by) >= 2:
            one, two = list(by.values())[:2]
            claim = SameClaim(id=UNNAMED, section="indicators", a=Place(*one), b=Place(*two))
            made.append(_fact(claim, f"process {host} {form[1]}", 5))
    return made[:3]


def _host(snapshot: Snapshot, eid: str, pointers: Sequence[str]) -> str:
    for pointer in pointers:
        path = snapshot.path(snapshot.evidence[eid].schema, pointer)
        value = MISSING if path is None else snapshot.value(eid, path)
        if isinstance(value, str) and value:
            return value.split(".", 1)[0].lower()
    return ""


def _fact(claim: Claim, statement: str, weight: int) -> Fact:
    return Fact(claim=claim, origin="indicator", statement=statement, weight=weight)


def disagreements(snapshot: Snapshot, duplicates: Sequence[Duplicate]) -> list[Fact]:
    """Where two products tell of one event and name its actor differently, each in its own words."""
    made: list[Fact] = []
    for twin in duplicates:
        said: dict[str, FieldClaim] = {}
        for eid in twin.evidence:
            claim = _actor(snapshot, eid) if eid in snapshot.evidence else None
            if claim is not None:
                said.setdefault(snapshot.evidence[eid].schema, claim)
        if len(said) >= 2 and len({str(c.value).lower() for c in said.values()}) >= 2:
            key = "disagreement " + " ".join(twin.evidence)
            made += [
                Fact(claim=c, origin="disagreement", statement=key, weight=4, evidence=c.cite)
                for c in said.values()
            ]
    return made


def _actor(snapshot: Snapshot, eid: str) -> FieldClaim | None:
    for rel, role in (("mail_read", "account"), ("api_call", "principal"), ("logon", "account")):
        row = snapshot.relation(eid, rel)
        place = dict(row.roles).get(role) if row else None
        path, value = role_value(snapshot, eid, place) if place else (None, MISSING)
        if path is not None and isinstance(value, str):
            return FieldClaim(
                id=UNNAMED, section="disagreement", cite=eid, ptr=path.pointer, op="eq", value=value
            )
    return None


def unusual(snapshot: Snapshot) -> list[Fact]:
    """Values of watched fields that stand once in the case, among many records that hold the field."""
    made: list[tuple[int, Fact]] = []
    for name in sorted(snapshot.by_schema):
        schema = snapshot.dictionary.schema(name)
        for field in schema.fields if schema else ():
            if not field.watch or "*" in field.pointer:
                continue
            index = snapshot.index(name, field.pointer)
            holding = sum(map(len, index.values()))
            spelled = Counter(str(form[1]).lower() for form in index)
            single = [p[0] for form, p in index.items() if len(p) == 1 and spelled[str(form[1]).lower()] == 1]
            if holding < ENOUGH_VALUES or not 0 < len(single) <= 3:
                continue
            for position in single:
                record = snapshot.by_schema[name][position]
                path = snapshot.path(name, field.pointer)
                value = MISSING if path is None else snapshot.value(record.id, path)
                if isinstance(value, str | int) and len(str(value)) <= 200:
                    wanted = Filter(name, ((field.pointer, "eq", value),))
                    claim = CountClaim(id=UNNAMED, section="unusual", filter=wanted, op="eq", value=1)
                    made.append(
                        (
                            -holding,
                            Fact(claim=claim, origin="rare", statement=f"rare {name} {value}", weight=2),
                        )
                    )
    return [fact for _, fact in sorted(made, key=lambda row: (row[0], row[1].statement))[:MAX_UNUSUAL]]
