"""True claims, made from real records and confirmed by the oracle."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from ipaddress import ip_network
from typing import Any

from oracle import Answer, Claim, Oracle
from oracle_records import Record
from oracle_shape import ROLES
from oracle_values import ip_address, is_number, is_scalar, of_record, record_time, rfc3339

NUMBERS = {"port", "pid", "int", "number", "severity"}
WORDLESS = {"ip", "time", "bool"} | NUMBERS
SIGNS = set("⟦⟧")


@dataclass(frozen=True)
class Fact:
    """A scalar that the dictionary knows, where it stands."""

    record: Record
    pointer: str
    kind: str
    value: Any  # as a claim may state it: a time as RFC 3339, everything else as the record has it
    raw: Any


class Maker:
    """Makes true claims over one oracle's records, from one seed."""

    def __init__(self, oracle: Oracle, seed: str) -> None:
        self.oracle, self.rng = oracle, random.Random(seed)

    @cached_property
    def facts(self) -> dict[str, list[Fact]]:
        """The facts of each record."""
        made: dict[str, list[Fact]] = {
            record.id: list(self.facts_of(record)) for record in self.oracle.records
        }
        return {key: facts for key, facts in made.items() if facts}

    def facts_of(self, record: Record) -> Iterator[Fact]:
        schema = self.oracle.schemas[record.schema]
        for pointer, raw in schema.leaves(record.view):
            spec = schema.field(pointer)
            if spec is None or not presentable(raw) or len(pointer) > 400:
                continue
            value = raw
            if spec["type"] == "time":
                ns = record_time(raw, spec.get("format", "iso"))
                if ns is None:
                    continue
                value = rfc3339(ns)
            yield Fact(record, pointer, spec["type"], value, raw)

    @cached_property
    def everything(self) -> list[Fact]:
        return [fact for facts in self.facts.values() for fact in facts]

    @cached_property
    def by_pointer(self) -> dict[tuple[str, str], list[Fact]]:
        made: dict[tuple[str, str], list[Fact]] = {}
        for fact in self.everything:
            made.setdefault((fact.record.schema, fact.pointer), []).append(fact)
        return made

    @cached_property
    def twins(self) -> list[list[Fact]]:
        """Facts that say the same, in groups of two and more."""
        made: dict[Any, list[Fact]] = {}
        for fact in self.everything:
            made.setdefault((fact.kind, of_record(fact.value, fact.kind, "iso")), []).append(fact)
        return [group for group in made.values() if len(group) > 1]

    @cached_property
    def nothings(self) -> list[tuple[Record, str, str, str]]:
        """Roles whose one field holds a text that means "nothing here": record, relation, role, text."""
        made = []
        for record, rel, _ in self.relations:
            schema = self.oracle.schemas[record.schema]
            for role, how in (self.oracle.row(record, rel) or {"roles": {}})["roles"].items():
                value = schema.resolve(record.view, how) if isinstance(how, str) else None
                if isinstance(value, str) and value and value in schema.data.get("absent", []):
                    made.append((record, rel, role, value))
        return made

    def any_fact(self) -> Fact:
        """A fact, every record as likely as another."""
        return self.rng.choice(self.facts[self.rng.choice(list(self.facts))])

    def text_fact(self, least: int = 6) -> Fact:
        """A fact that is a text of some length."""
        for _ in range(500):
            fact = self.any_fact()
            if isinstance(fact.raw, str) and len(fact.raw) >= least and fact.kind not in WORDLESS:
                return fact
        raise LookupError("no such text in these records")

    def field(self) -> Claim:
        """One field compared, by any operator."""
        fact = self.any_fact()
        op, value = self.rng.choice(list(self.comparisons(fact)))
        return {"kind": "field", "cite": fact.record.id, "ptr": fact.pointer, "op": op, "value": value}

    def comparisons(self, fact: Fact) -> Iterator[tuple[str, Any]]:
        """Comparisons that are true of a fact."""
        yield "eq", fact.value
        if fact.kind in NUMBERS and is_number(fact.value):
            away = self.rng.randrange(1, 1000)
            yield from [
                ("ge", fact.value),
                ("le", fact.value),
                ("gt", fact.value - away),
                ("lt", fact.value + away),
            ]
        if fact.kind == "ip" and ip_address(fact.value):
            block = ip_network(f"{fact.value}/{self.rng.choice([8, 16, 24, 32])}", strict=False)
            yield "in_cidr", str(block)
        if fact.kind not in WORDLESS and isinstance(fact.value, str) and len(fact.value) > 5:
            start = self.rng.randrange(len(fact.value) - 3)
            yield "contains", fact.value[start : start + self.rng.randrange(3, 40)]
            yield "prefix", fact.value[: self.rng.randrange(3, 40)]

    def quote(self) -> Claim:
        """A slice of a text, with its offsets or without."""
        fact = self.text_fact()
        start = self.rng.randrange(len(fact.raw) - 3)
        end = min(len(fact.raw), start + self.rng.randrange(3, 60))
        claim = {"kind": "quote", "cite": fact.record.id, "ptr": fact.pointer, "text": fact.raw[start:end]}
        return claim | ({"start": start, "end": end} if self.rng.random() < 0.5 else {})

    def roles_of(self, record: Record, rel: str) -> dict[str, Any]:
        """What fills the roles of a relation in a record, as a claim may state it."""
        row = self.oracle.row(record, rel) or {"roles": {}}
        values = {
            role: self.oracle.role_value(record, how)
            for role, how in row["roles"].items()
            if role in ROLES[rel].split()
        }
        return {
            role: value for role, (value, kind, _) in values.items() if presentable(value) and kind != "time"
        }

    @cached_property
    def relations(self) -> list[tuple[Record, str, dict[str, Any]]]:
        """Every relation that a record states, with at least two roles filled."""
        made = []
        for record in self.oracle.records:
            for rel in sorted({row["name"] for row in self.oracle.schemas[record.schema].relations}):
                roles = self.roles_of(record, rel)
                if len(roles) > 1:
                    made.append((record, rel, roles))
        return made

    def relation(self) -> Claim:
        """Two or more roles of one record, every relation as likely as another."""
        rel = self.rng.choice(sorted({rel for _, rel, _ in self.relations}))
        record, _, roles = self.rng.choice([row for row in self.relations if row[1] == rel])
        named = self.rng.sample(sorted(roles), self.rng.randrange(2, len(roles) + 1))
        return {
            "kind": "relation",
            "rel": rel,
            "cite": record.id,
            "roles": {role: roles[role] for role in named},
        }

    def same(self) -> Claim:
        """Two fields that are equal."""
        one, two = self.rng.sample(self.rng.choice(self.twins), 2)
        places = [{"cite": fact.record.id, "ptr": fact.pointer} for fact in (one, two)]
        return {"kind": "same", "a": places[0], "b": places[1]}

    def filter(self, record: Record | None = None) -> tuple[Record, Claim]:
        """A filter that a record meets."""
        if not self.facts:  # of a schema without fields only the number of its records can be said
            return self.oracle.records[0], {"schema": self.oracle.records[0].schema, "where": []}
        record = record or self.rng.choice([r for r in self.oracle.records if r.id in self.facts])
        facts = [fact for fact in self.facts[record.id] if len(str(fact.value)) < 400]
        chosen = self.rng.sample(facts, min(len(facts), self.rng.randrange(0, 4) or 1))
        clauses = []
        for fact in chosen:
            op, value = (
                self.rng.choice(list(self.comparisons(fact)))
                if self.rng.random() < 0.3
                else ("eq", fact.value)
            )
            clauses.append([fact.pointer, op, value])
        return record, {"schema": record.schema, "where": clauses}

    def interval(self, record: Record) -> dict[str, str]:
        """An interval around a record: none, the manifest's window, or some of it."""
        rows = [row for row in self.oracle.coverage or [] if row["schema"] == record.schema]
        choice = self.rng.random()
        if choice < 0.2 or not rows or record.event_ns is None:
            return {}
        if choice < 0.5:
            return {"from": rows[0]["from"], "to": rows[0]["to"]}
        before, after = self.rng.randrange(10**9, 3000 * 10**9), self.rng.randrange(10**9, 3000 * 10**9)
        return {"from": rfc3339(record.event_ns - before), "to": rfc3339(record.event_ns + after)}

    def count(self) -> Claim:
        """How many records match, or how many values they hold."""
        record, chosen = self.filter()
        claim = {"kind": "count", "filter": chosen, "op": "eq", "value": 0, **self.interval(record)}
        if self.facts and self.rng.random() < 0.25:
            claim["distinct"] = self.rng.choice(self.facts[record.id]).pointer
        n = self.counted(claim)
        claim["op"] = self.rng.choice(["eq", "eq", "ge", "le"])
        step = self.rng.randrange(0, 3)
        claim["value"] = {"eq": n, "ge": max(0, n - step), "le": n + step}[claim["op"]]
        return claim

    def counted(self, claim: Claim) -> int:
        """The number that makes `eq` true."""
        records = self.oracle.matching(claim, self.oracle.interval(claim))
        return len(records) if "distinct" not in claim else self.oracle.distinct(records, claim["distinct"])

    def time(self, what: str | None = None) -> Claim:
        """First seen, last seen, or the seconds between."""
        record, chosen = self.filter()
        claim = {
            "kind": "time",
            "what": what or self.rng.choice(["first_seen", "last_seen", "duration_s"]),
            "filter": chosen,
            **self.interval(record),
        }
        times = [
            r.event_ns
            for r in self.oracle.matching(claim, self.oracle.interval(claim))
            if r.event_ns is not None
        ]
        if not times:
            raise LookupError("nothing in the interval")
        seconds = Decimal(max(times) - min(times)) / 10**9
        values = {"first_seen": rfc3339(min(times)), "last_seen": rfc3339(max(times)), "duration_s": seconds}
        return claim | {"value": values[claim["what"]]}

    def time_of(self, claim: Claim, what: str) -> str:
        """First or last time of what a claim's filter matches in its interval."""
        times = [
            r.event_ns
            for r in self.oracle.matching(claim, self.oracle.interval(claim))
            if r.event_ns is not None
        ]
        return rfc3339(min(times) if what == "first_seen" else max(times))

    def order(self) -> Claim:
        """Two records in order of time, sometimes with a limit."""
        one, two = sorted(self.rng.sample(self.oracle.records, 2), key=lambda record: record.event_ns or 0)
        claim: Claim = {"kind": "order", "before": one.id, "after": two.id}
        if self.rng.random() < 0.4:
            claim["max_s"] = ((two.event_ns or 0) - (one.event_ns or 0)) // 10**9 + self.rng.randrange(1, 100)
        return claim

    def absence(self) -> Claim:
        """A combination of values that stand in the records, but in no one record of the interval."""
        record, chosen = self.filter()
        other = self.rng.choice([r for r in self.oracle.by_schema[record.schema] if r.id in self.facts])
        fact = self.rng.choice(self.facts[other.id])
        chosen["where"] = [*chosen["where"][:3], [fact.pointer, "eq", fact.value]]
        interval = self.interval(record)
        return {"kind": "absence", "filter": chosen, **(interval or self.whole(record))}

    def whole(self, record: Record) -> dict[str, str]:
        """The manifest's window for a record's schema; LookupError without a manifest."""
        row = next((row for row in self.oracle.coverage or [] if row["schema"] == record.schema), None)
        if row is None:
            raise LookupError("no manifest")
        return {"from": row["from"], "to": row["to"]}

    def whole_of(self, claim: Claim) -> dict[str, str]:
        """The manifest's window for the schema of a claim's filter."""
        return self.whole(self.oracle.by_schema[claim["filter"]["schema"]][0])

    def reference(self) -> Claim:
        """What a pinned list says."""
        book = self.rng.choice(self.oracle.references)
        entry = self.rng.choice(book["entries"])
        name = self.rng.choice(sorted(set(entry) - {"key"}))
        return {
            "kind": "reference",
            "kb": book["kb"],
            "kb_version": book["kb_version"],
            "key": entry["key"],
            "field": name,
            "value": entry[name],
        }

    def true(self, kind: str, tries: int = 200) -> tuple[Claim, Answer]:
        """A claim of this kind that the oracle verifies; LookupError when these records have none."""
        make: Callable[[], Claim] = getattr(self, kind)
        for _ in range(tries):
            try:
                claim = make()
            except (IndexError, LookupError, ValueError, StopIteration):
                continue
            answer = self.oracle.judge({"id": "c", **claim})
            if answer.status == "verified" and answer.clear:
                return claim, answer
        raise LookupError(f"no true claim of kind {kind} in these records")


def presentable(value: object) -> bool:
    """A value that a claim can carry: a scalar, not too long, no lone surrogate, no sign of a placeholder."""
    if not isinstance(value, str):
        return is_scalar(value)
    return (
        0 < len(value) <= 4096
        and not SIGNS & set(value)
        and not any("\ud800" <= sign <= "\udfff" for sign in value)
    )
