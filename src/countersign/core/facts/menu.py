"""The menu: every candidate fact of a case, typed by code, for a drafter to choose, order and interpret.

It is wider than what any brief should say. Facts come from signals and alerts (here), from patterns that
need counting (`core/facts/patterns`), and from comparing sources (`core/facts/indicators`).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec

from countersign.core.cases.case import Duplicate
from countersign.core.claims.checks import clock_bound_ns
from countersign.core.claims.claims import Claim, Filter, OrderClaim
from countersign.core.claims.registry import RELATIONS
from countersign.core.claims.snapshot import Snapshot
from countersign.core.facts.facts import UNNAMED, Fact, fill, grouped_filter, state, tally
from countersign.core.facts.indicators import comparisons, disagreements, unusual
from countersign.core.facts.patterns import patterns
from countersign.core.facts.signals import Signal, Signals, matches
from countersign.core.records.alert import SEVERITIES, Alert
from countersign.core.records.fields import MISSING, AlertRule, Schema

MAX_GROUPS = 12  # groups of one signal that are told; the count of the signal covers the rest
MAX_RULES = 12  # alert rules that are told one by one
MAX_MATCHED = 12  # values of one matched field that are counted one by one
NEAR_S = (1, 5, 30, 60)  # spans that an order may state, seconds
HAPPENED = "what_happened"


def menu(
    snapshot: Snapshot, signals: Signals, alerts: Sequence[Alert], duplicates: Sequence[Duplicate] = ()
) -> tuple[tuple[str, Fact], ...]:
    """All candidate facts as (id `f1`…, fact), the strongest statements first."""
    told = [*_signalled(snapshot, signals), *_alerted(snapshot, alerts)]
    told += patterns(snapshot, alerts)
    told += sequence(snapshot, told)
    told += comparisons(snapshot)
    told += disagreements(snapshot, duplicates)
    told += unusual(snapshot)
    ordered = sorted(_distinct(told), key=lambda fact: -fact.weight)
    return tuple(
        (
            f"f{number}",
            msgspec.structs.replace(fact, claim=msgspec.structs.replace(fact.claim, id=f"f{number}")),
        )
        for number, fact in enumerate(ordered, 1)
    )


def _distinct(facts: Iterable[Fact]) -> list[Fact]:
    seen: dict[tuple[str, Claim], int] = {}
    kept: list[Fact] = []
    for fact in facts:
        key = (fact.statement, fact.claim)
        try:
            known = key in seen
        except TypeError:
            known = False
        if not known:
            seen[key] = len(kept)
            kept.append(fact)
    return kept


def _signalled(snapshot: Snapshot, signals: Signals) -> Iterable[Fact]:
    for signal, hits in matches(signals, snapshot):
        groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for eid in hits:
            groups[_key(snapshot, eid, signal.group) if signal.group else (eid,)].append(eid)
        largest = sorted(
            groups.values(), key=lambda g: (-len(g), snapshot.evidence[g[0]].event_ns or 0, g[0])
        )
        told = sorted(largest[:MAX_GROUPS], key=lambda g: (snapshot.evidence[g[0]].event_ns or 0, g[0]))
        for members in told:
            yield from _group(snapshot, signal, members)
        if len(groups) > MAX_GROUPS:
            for claim in tally(snapshot, Filter(signal.schema, signal.when), HAPPENED):
                yield _fact(snapshot, signal, claim, "all", hits[0])


def _group(snapshot: Snapshot, signal: Signal, members: list[str]) -> Iterable[Fact]:
    first = members[0]
    for claim in state(snapshot, first, signal.state, signal.roles, signal.fields, HAPPENED):
        yield _fact(snapshot, signal, claim, first, first)
    if len(members) > 1:
        narrowed = grouped_filter(snapshot, first, signal.when, signal.group)
        for claim in tally(snapshot, narrowed, HAPPENED):
            yield _fact(snapshot, signal, claim, first + "#", first)


def _fact(snapshot: Snapshot, signal: Signal, claim: Claim, statement: str, eid: str) -> Fact:
    return Fact(
        claim=claim,
        origin=signal.id,
        statement=f"{signal.id} {statement}",
        weight=signal.weight,
        codes=signal.codes,
        event_ns=snapshot.evidence[eid].event_ns,
        evidence=eid,
        phrase=fill(snapshot, eid, signal.state, signal.phrase),
    )


def _key(snapshot: Snapshot, eid: str, pointers: Sequence[str]) -> tuple[str, ...]:
    schema = snapshot.evidence[eid].schema
    paths = (snapshot.path(schema, pointer) for pointer in pointers)
    return tuple("" if path is None else str(snapshot.value(eid, path)) for path in paths)


def _alerted(snapshot: Snapshot, alerts: Sequence[Alert]) -> Iterable[Fact]:
    rules: dict[tuple[str, str], list[Alert]] = defaultdict(list)
    for alert in alerts:
        if alert.evidence in snapshot.evidence:
            rules[alert.schema, alert.rule].append(alert)
    ranked = sorted(
        rules.items(), key=lambda row: (-SEVERITIES.index(row[1][0].severity), -len(row[1]), row[0])
    )
    for (name, _), raised in ranked[:MAX_RULES]:
        schema = snapshot.dictionary.schema(name)
        if schema is not None and schema.alert is not None:
            yield from _rule(snapshot, schema, schema.alert, raised)
            if snapshot.references:
                weight = 3 + 2 * SEVERITIES.index(raised[0].severity)
                yield from _matched(snapshot, schema, schema.alert, raised, weight)


def _rule(snapshot: Snapshot, schema: Schema, how: AlertRule, raised: list[Alert]) -> Iterable[Fact]:
    first = min(raised, key=lambda a: (a.event_ns is None, a.event_ns or 0, a.evidence))
    weight = 3 + 2 * SEVERITIES.index(first.severity)
    eid = first.evidence
    names = ("net_alert", "mail_received", "api_call", *sorted(RELATIONS))
    rel = next((name for name in names if snapshot.relation(eid, name)), "")
    own = [how.rule] if how.rule else []
    fields = [p for p in (*own, *(p for p in how.trigger if "*" not in p)) if p]
    for claim in state(snapshot, eid, rel, (), fields, HAPPENED):
        yield Fact(
            claim=claim,
            origin="alert",
            statement=f"alert {eid}",
            weight=weight,
            event_ns=first.event_ns,
            evidence=eid,
            phrase=_alert_phrase(snapshot, eid, rel) or _rule_phrase(snapshot, schema, how, eid),
        )
    if len(raised) > 1 and how.rule:
        path = schema.path(how.rule)
        value = MISSING if path is None else snapshot.value(eid, path)
        if isinstance(value, str):
            for claim in tally(snapshot, Filter(schema.name, ((how.rule, "eq", value),)), HAPPENED):
                yield Fact(
                    claim=claim,
                    origin="alert",
                    statement=f"alert {eid}#",
                    weight=weight,
                    event_ns=first.event_ns,
                    evidence=eid,
                )


def _rule_phrase(snapshot: Snapshot, schema: Schema, how: AlertRule, eid: str) -> str:
    """The rule's name, and the host where the record names one: for alerts that state no relation."""
    if not how.rule:
        return ""
    hosts = (*how.place, *(f.pointer for f in schema.fields if f.role == "host" and "*" not in f.pointer))
    phrases = (*(f"{{{how.rule}}} on {{{host}}}" for host in hosts), f"{{{how.rule}}}")
    return next(filter(None, (fill(snapshot, eid, "", phrase) for phrase in phrases)), "")


def _matched(
    snapshot: Snapshot, schema: Schema, how: AlertRule, raised: list[Alert], weight: int
) -> Iterable[Fact]:
    """How often each value that a rule matched on stands among its alerts; only a closing needs them all (C07)."""
    first = raised[0].evidence
    for pointer in how.trigger:
        path = schema.path(pointer)
        if path is None or "*" in pointer or pointer == how.rule:
            continue
        found = (snapshot.value(a.evidence, path) for a in raised)
        values = list(dict.fromkeys(v for v in found if v is not MISSING and not isinstance(v, dict | list)))
        for value in values[:MAX_MATCHED] if len(values) > 1 else ():
            wanted = Filter(schema.name, ((pointer, "eq", value),))
            for claim in tally(snapshot, wanted, "indicators", edges=False):
                yield Fact(
                    claim=claim,
                    origin="matched",
                    statement=f"matched {first}#",
                    weight=weight,
                    evidence=first,
                )


def _alert_phrase(snapshot: Snapshot, eid: str, rel: str) -> str:
    words = {
        "net_alert": "{src} set off {/RULE} against {dst}",
        "mail_received": "a mail from {sender} reached {recipient}",
        "api_call": "{principal} called {api}",
    }
    schema = snapshot.schema(eid)
    named = schema.alert.rule if schema is not None and schema.alert is not None else ""
    phrase = words.get(rel, "").replace("{/RULE}", "{" + named + "}" if named else "an alert")
    return fill(snapshot, eid, rel, phrase) if phrase else ""


def sequence(snapshot: Snapshot, facts: Iterable[Fact]) -> list[Fact]:
    """For each step the nearest earlier one of another signal that it follows within a minute."""
    steps: dict[str, Fact] = {}
    for fact in facts:
        if fact.evidence and fact.event_ns is not None and fact.weight >= 4 and fact.origin != "alert":
            steps.setdefault(fact.evidence, fact)
    line = sorted(steps.values(), key=lambda f: (f.event_ns or 0, f.evidence))
    made: list[Fact] = []
    for position, two in enumerate(line):
        for one in reversed(line[max(0, position - 4) : position]):
            claim = _order(snapshot, one, two)
            if claim is not None:
                weight = min(one.weight, two.weight)
                key = f"order {two.evidence}"
                made.append(
                    Fact(claim=claim, origin="order", statement=key, weight=weight, event_ns=two.event_ns)
                )
                break
    return made


def _order(snapshot: Snapshot, one: Fact, two: Fact) -> OrderClaim | None:
    """The order of two steps of different signals, if their clocks can tell it and it is within a minute."""
    apart = ((two.event_ns or 0) - (one.event_ns or 0)) / 1e9
    limit = next((s for s in NEAR_S if apart <= s), None)
    bound_s = clock_bound_ns(snapshot, snapshot.evidence[one.evidence], snapshot.evidence[two.evidence]) / 1e9
    if limit is None or two.origin == one.origin or apart <= bound_s:
        return None
    return OrderClaim(id=UNNAMED, section=HAPPENED, before=one.evidence, after=two.evidence, max_s=limit)
