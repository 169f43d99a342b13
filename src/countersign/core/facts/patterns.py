"""Facts that need counting: many failures, many targets, steady contact, listing, deleting, registers.

Each pattern proposes counts and orders; whether a reading may rest on them is for its shape to say.
Thresholds are those of `core/claims/hypotheses`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from countersign.core.canonical import canon, is_address, is_inside
from countersign.core.claims.claims import Claim, CountClaim, Filter, ReferenceClaim, RelationClaim
from countersign.core.claims.hypotheses import (
    BEACON_COUNT,
    FAILURE_COUNT,
    HOUR_NS,
    IMPACT_COUNT,
    LISTING_COUNT,
    SCAN_COUNT,
)
from countersign.core.claims.roles import role_value, role_word
from countersign.core.claims.snapshot import Snapshot
from countersign.core.facts.facts import UNNAMED, Fact, state, tally
from countersign.core.records.alert import Alert
from countersign.core.records.fields import MISSING, Clause, RelationRow, Schema, walk
from countersign.core.render import shown, value_text

HAPPENED, READINGS = "what_happened", "readings"
REGISTER_CODES = {
    "test_register": ("authorised_test",),
    "change_register": ("approved_change",),
    "job_inventory": ("known_automation",),
    "callback": ("owner_confirmed",),
    "indicator_list": ("phish_delivery", "command_control"),
    "allow_list": ("stale_intel",),
    "rule_text": ("rule_defect",),
    "baseline": ("account_misuse", "command_control", "exfiltration", "known_automation"),
}
MAX_ENTRIES = 6
Roled = list[tuple[str, dict[str, str]]]


def patterns(snapshot: Snapshot, alerts: Sequence[Alert]) -> list[Fact]:
    """Every counted pattern of the case."""
    made: list[Fact] = []
    for schema, row in _rows(snapshot):
        if row.name == "logon":
            made += _failures(snapshot, schema, row)
        if row.name in {"net_flow", "dns_query"}:
            made += _contacts(snapshot, schema, row)
        if row.name == "net_alert":
            made += _scans(snapshot, schema, row)
        if row.name == "api_call":
            made += _listings(snapshot, schema, row)
            made += _deletions(snapshot, schema, row)
    made += _second_origin(snapshot)
    made += _registers(snapshot, alerts)
    return made


def _rows(snapshot: Snapshot) -> Iterator[tuple[Schema, RelationRow]]:
    for name in sorted(snapshot.by_schema):
        schema = snapshot.dictionary.schema(name)
        if schema is not None:
            yield from ((schema, row) for row in schema.relations)


def _members(snapshot: Snapshot, schema: Schema, row: RelationRow, roles: Sequence[str]) -> Roled:
    """Records of one relation row with the wanted roles as words, in event order."""
    places = dict(row.roles)
    found: Roled = []
    for record in snapshot.matching(Filter(schema.name, row.when), None, None):
        words: dict[str, str] = {}
        for role in roles:
            if role in places:
                words[role] = role_word(snapshot, record.id, places[role])
        found.append((record.id, words))
    return found


def _pointer(snapshot: Snapshot, eid: str, row: RelationRow, role: str) -> tuple[str, object] | None:
    place = dict(row.roles).get(role)
    path, value = role_value(snapshot, eid, place) if place else (None, MISSING)
    if path is None or value is MISSING or isinstance(value, dict | list):
        return None
    return path.pointer, value


def _narrow(
    snapshot: Snapshot, schema: Schema, row: RelationRow, eid: str, roles: Sequence[str]
) -> Filter | None:
    clauses: list[Clause] = list(row.when)
    for role in roles:
        at = _pointer(snapshot, eid, row, role)
        if at is None:
            return None
        clauses.append((at[0], "eq", at[1]))
    return Filter(schema.name, tuple(clauses)) if len(clauses) <= 6 else None


def _facts(
    snapshot: Snapshot,
    claims: Iterable[Claim],
    origin: str,
    eid: str,
    *,
    weight: int,
    codes: tuple[str, ...],
    phrase: str = "",
) -> Iterator[Fact]:
    for claim in claims:
        yield Fact(
            claim=claim,
            origin=origin,
            statement=f"{origin} {eid}#",
            weight=weight,
            codes=codes,
            event_ns=snapshot.evidence[eid].event_ns,
            evidence=eid,
            phrase=phrase,
        )


def _failures(snapshot: Snapshot, schema: Schema, row: RelationRow) -> Iterator[Fact]:
    outcome = dict(row.roles).get("outcome")
    tried: dict[str, list[str]] = defaultdict(list)
    for eid, words in _members(snapshot, schema, row, ("account", "from", "outcome")):
        if words.get("outcome") == "failure" and words.get("from"):
            tried[words["from"]].append(eid)
    for origin, failed in sorted(tried.items()):
        if len(failed) < FAILURE_COUNT or outcome is None:
            continue
        wanted = _narrow(snapshot, schema, row, failed[0], ("from",))
        at = _pointer(snapshot, failed[0], row, "outcome")
        if wanted is None or at is None or len(wanted.where) >= 6:
            continue
        exact = Filter(schema.name, (*(c for c in wanted.where if c[0] != at[0]), (at[0], "eq", at[1])))
        phrase = f"{shown(origin, tainted=False)} failed to log on {len(failed)} times"
        yield from _facts(
            snapshot,
            tally(snapshot, exact, HAPPENED),
            "failures",
            failed[0],
            weight=7,
            codes=("brute_force",),
            phrase=phrase,
        )


def _contacts(snapshot: Snapshot, schema: Schema, row: RelationRow) -> Iterator[Fact]:
    pair = ("src", "dst", "dport") if row.name == "net_flow" else ("client", "name")
    met: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for eid, words in _members(snapshot, schema, row, pair):
        if all(words.get(role) for role in pair):
            met[tuple(words[role] for role in pair)].append(eid)
    steady = sorted(
        ((k, v) for k, v in met.items() if len(v) >= BEACON_COUNT), key=lambda kv: (-len(kv[1]), kv[0])
    )
    for _key, eids in steady[:3]:
        wanted = _narrow(snapshot, schema, row, eids[0], pair)
        if wanted is not None and _regular(snapshot, eids):
            claims = [
                *state(snapshot, eids[0], row.name, pair, (), HAPPENED),
                *tally(snapshot, wanted, HAPPENED),
            ]
            yield from _facts(
                snapshot, claims, "steady-contact", eids[0], weight=6, codes=("command_control",)
            )


def _regular(snapshot: Snapshot, eids: list[str]) -> bool:
    """Do the contacts keep a rhythm: half of the gaps within a fifth of the middle one?"""
    times = sorted(ns for eid in eids if (ns := snapshot.evidence[eid].event_ns) is not None)
    gaps = sorted(b - a for a, b in pairwise(times))
    if len(gaps) < BEACON_COUNT - 1 or gaps[len(gaps) // 2] < 1_000_000_000:
        return False
    middle = gaps[len(gaps) // 2]
    return sum(abs(gap - middle) <= middle / 5 for gap in gaps) * 2 >= len(gaps)


def _scans(snapshot: Snapshot, schema: Schema, row: RelationRow) -> Iterator[Fact]:
    reached: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    firsts: dict[str, str] = {}
    for eid, words in _members(snapshot, schema, row, ("src", "dst", "dport")):
        source = words.get("src", "")
        if source:
            firsts.setdefault(source, eid)
            for role in ("dst", "dport"):
                if words.get(role):
                    reached[source][role].add(words[role])
    for source, by_role in sorted(reached.items()):
        role, values = max(by_role.items(), key=lambda row_: (len(row_[1]), row_[0]), default=("", set()))
        if len(values) < SCAN_COUNT:
            continue
        wanted = _narrow(snapshot, schema, row, firsts[source], ("src",))
        at = _pointer(snapshot, firsts[source], row, role)
        if wanted is None or at is None:
            continue
        number = _distinct(snapshot, wanted, at[0])
        claim = CountClaim(id=UNNAMED, section=HAPPENED, filter=wanted, op="eq", value=number, distinct=at[0])
        noun = "hosts" if role == "dst" else "ports"
        phrase = f"{shown(source, tainted=False)} probed {number} {noun}"
        claims = [claim, *tally(snapshot, wanted, HAPPENED)]
        yield from _facts(snapshot, claims, "scan", firsts[source], weight=4, codes=("recon",), phrase=phrase)


def _distinct(snapshot: Snapshot, wanted: Filter, pointer: str) -> int:
    path = snapshot.path(wanted.schema, pointer)
    if path is None:
        return 0
    values = (snapshot.value(r.id, path) for r in snapshot.matching(wanted, None, None))
    forms = {canon(path.field.type, v, path.field.format) for v in values if v is not MISSING}
    return len(forms - {None})


def _listings(snapshot: Snapshot, schema: Schema, row: RelationRow) -> Iterator[Fact]:
    for prefix in ("List", "Describe"):
        yield from _calls(
            snapshot,
            schema,
            row,
            prefix,
            least=LISTING_COUNT,
            origin="listing",
            weight=3,
            codes=("discovery",),
            distinct=True,
        )


def _deletions(snapshot: Snapshot, schema: Schema, row: RelationRow) -> Iterator[Fact]:
    yield from _calls(
        snapshot,
        schema,
        row,
        "Delete",
        least=IMPACT_COUNT,
        origin="deleting",
        weight=3,
        codes=(),
        distinct=False,
    )


def _calls(
    snapshot: Snapshot,
    schema: Schema,
    row: RelationRow,
    prefix: str,
    *,
    least: int,
    origin: str,
    weight: int,
    codes: tuple[str, ...],
    distinct: bool,
) -> Iterator[Fact]:
    made: dict[str, list[str]] = defaultdict(list)
    for eid, words in _members(snapshot, schema, row, ("principal", "api")):
        if words.get("api", "").startswith(prefix) and words.get("principal"):
            made[words["principal"]].append(eid)
    for _who, eids in sorted(made.items(), key=lambda kv: (-len(kv[1]), kv[0]))[:3]:
        api, who = _pointer(snapshot, eids[0], row, "api"), _pointer(snapshot, eids[0], row, "principal")
        if len(eids) < least or api is None or who is None:
            continue
        wanted = Filter(schema.name, ((who[0], "eq", who[1]), (api[0], "prefix", prefix)))
        number = _distinct(snapshot, wanted, api[0])
        if distinct and number < least:
            continue
        count = CountClaim(
            id=UNNAMED, section=HAPPENED, filter=wanted, op="eq", value=number, distinct=api[0]
        )
        claims: list[Claim] = [count] if distinct else []
        yield from _facts(
            snapshot,
            [*claims, *tally(snapshot, wanted, HAPPENED)],
            origin,
            eids[0],
            weight=weight,
            codes=codes,
        )


def _second_origin(snapshot: Snapshot) -> Iterator[Fact]:
    """Successes of one account from two origins within an hour."""
    seen: dict[str, list[tuple[int, str, str, str]]] = defaultdict(list)
    for schema, row in _rows(snapshot):
        if row.name not in {"logon", "api_call"}:
            continue
        who = "account" if row.name == "logon" else "principal"
        for eid, words in _members(snapshot, schema, row, (who, "from", "outcome")):
            ns = snapshot.evidence[eid].event_ns
            if ns is not None and words.get("outcome") == "success" and is_address(words.get("from", "")):
                seen[words.get(who, "")].append((ns, words["from"], eid, row.name))
    for account, moments in sorted(seen.items()):
        pair = _two_origins(sorted(moments)) if account else None
        if pair is None:
            continue
        for _ns, _origin, eid, rel in pair:
            for claim in state(snapshot, eid, rel, (), (), HAPPENED):
                if isinstance(claim, RelationClaim):
                    yield from _facts(
                        snapshot, [claim], "second-origin", eid, weight=7, codes=("account_misuse",)
                    )


def _two_origins(moments: list[tuple[int, str, str, str]]) -> tuple[tuple[int, str, str, str], ...] | None:
    latest: dict[str, tuple[int, str, str, str]] = {}
    for moment in moments:
        others = [m for m in latest.values() if _apart(m, moment)]
        if others:
            return (max(others), moment)
        latest[moment[1]] = moment
    return None


def _apart(one: tuple[int, str, str, str], two: tuple[int, str, str, str]) -> bool:
    """Two origins within an hour, at least one of them outside the site's own networks."""
    return one[1] != two[1] and two[0] - one[0] <= HOUR_NS and not (is_inside(one[1]) and is_inside(two[1]))


def _registers(snapshot: Snapshot, alerts: Sequence[Alert]) -> Iterator[Fact]:
    """Entries of pinned registers and lists that name something in the case."""
    if not snapshot.references:
        return
    present = _present(snapshot)
    first = alerts[0].evidence if alerts else next(iter(snapshot.evidence), "")
    for (kb, version), reference in sorted(snapshot.references.items(), key=lambda pinned: pinned[0]):
        told = 0
        if reference.known is not None:
            continue  # context for an indicator, no register
        for key, fields in sorted(reference.entries.items()):
            named = [
                name
                for name, value in fields.items()
                if name in {"actor", "asset"} and value_text(value).lower() in present
            ]
            whole = {"actor", "asset"} & set(fields)
            if (set(named) != whole if whole else key.lower() not in present) or told >= MAX_ENTRIES:
                continue
            told += 1
            shown_fields = named or sorted(fields)[:1]
            for name in shown_fields:
                claim = ReferenceClaim(
                    id=UNNAMED,
                    section=READINGS,
                    kb=kb,
                    kb_version=version,
                    key=key,
                    field=name,
                    value=fields[name],
                )
                codes = REGISTER_CODES.get(reference.kind, ())
                yield from _facts(snapshot, [claim], f"reference {kb}", first, weight=5, codes=codes)


def _present(snapshot: Snapshot) -> frozenset[str]:
    found: set[str] = set()
    for record in snapshot.evidence.values():
        schema = snapshot.dictionary.schema(record.schema)
        if schema is not None:
            values = (
                v for _, f, v in walk(schema, snapshot.view(record.id)) if f is not None and not f.tainted
            )
            found |= {value_text(v).lower() for v in values if not isinstance(v, bool)}
    return frozenset(found)
