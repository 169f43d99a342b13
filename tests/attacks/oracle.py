"""A second, independent implementation of what the nine kinds of fact claim mean.

It reads the specification's sections 2 to 5 again and shares no line with the verifier: own JSON, own
pointers, own times, relations straight from the dictionary's rows, coverage by the rules of section 5.
Tests hold the product against it, claim by claim. It looks at every record again for each aggregate.

An answer is *clear* when the specification leaves no room between two statuses that are not verified.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

import oracle_shape as shape
from oracle_records import Record, Schema
from oracle_values import (
    ABSENT,
    by_parts,
    claim_time,
    holds,
    ip_address,
    is_number,
    is_scalar,
    network,
    of_claim,
    of_record,
    operand_fits,
    other_type,
    plain,
    typed,
    words,
)

BOUND_NS = 2 * 10**9
"""Two collectors' clocks may differ by this much; one collector's clock by nothing."""

HASH_LENGTHS = {"sha256": {64}, "sha1": {40}, "md5": {32}, "hash": {32, 40, 64, 96, 128}}

Claim = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """What a claim is: its status, its scope, and whether another refusal would do as well."""

    status: str
    scope: str | None = None
    clear: bool = True


INVALID = Answer("invalid")
MAYBE_INVALID = Answer("invalid", clear=False)


@dataclass
class Oracle:
    """Records, dictionary, coverage rows (None: no manifest) and pinned references."""

    schemas: dict[str, Schema]
    records: list[Record]
    coverage: list[dict[str, Any]] | None = None
    references: list[dict[str, Any]] = field(default_factory=list)
    columns: dict[tuple[str, str], dict[str, list[object]]] = field(default_factory=dict)

    @cached_property
    def by_id(self) -> dict[str, Record]:
        return {record.id: record for record in self.records}

    @cached_property
    def by_schema(self) -> dict[str, list[Record]]:
        made: dict[str, list[Record]] = {}
        for record in self.by_id.values():
            made.setdefault(record.schema, []).append(record)
        return made

    @cached_property
    def strings(self) -> set[str]:
        """The words of every whole value in the snapshot or in a pinned list."""
        found = {words(value) for r in self.records for _, value in self.schemas[r.schema].leaves(r.view)}
        lists = {words(v) for kb in self.references for entry in kb["entries"] for v in entry.values()}
        return found | lists

    @cached_property
    def lowered(self) -> set[str]:
        return {text.lower() for text in self.strings}

    def judge(self, claim: object) -> Answer:
        """The status of one claim on its own (whether its id is unique is the document's affair)."""
        if not shape.well_formed(claim):
            return INVALID
        assert isinstance(claim, dict)
        kinds: dict[str, Callable[[Claim], Answer]] = {
            "field": self.of_field, "quote": self.of_quote, "relation": self.of_relation, "same": self.of_same,
            "count": self.of_count, "time": self.of_time, "order": self.of_order, "absence": self.of_absence,
            "reference": self.of_reference,
        }  # fmt: skip
        answer = kinds[claim["kind"]](claim)
        if "filter" not in claim or answer.status == "invalid":
            return answer
        mixed = self.partial_words(claim["filter"]) or self.mixed_types(claim["filter"])
        return replace(answer, clear=False) if mixed else answer

    def place(self, cite: str, pointer: str) -> tuple[Record, dict[str, Any], object] | None:
        """Record, dictionary entry and value of a citation; None when the case or the dictionary lacks it."""
        record = self.by_id.get(cite)
        if record is None:
            return None
        spec = self.schemas[record.schema].field(pointer)
        return (
            None
            if spec is None
            else (record, spec, self.schemas[record.schema].resolve(record.view, pointer))
        )

    def of_field(self, claim: Claim) -> Answer:
        found = self.place(claim["cite"], claim["ptr"])
        if found is None:
            return INVALID
        _, spec, value = found
        kind, form = spec["type"], spec.get("format", "iso")
        if not operand_fits(claim["op"], claim["value"], kind):
            return MAYBE_INVALID
        if not is_scalar(value):
            return Answer("unsupported", clear=value is ABSENT)
        true = holds(value, claim["op"], claim["value"], kind, form)
        clear = (
            not isinstance(claim["value"], bool)
            and not by_parts(claim["op"], kind)
            and not other_type(value, claim["value"], kind)
        )
        return Answer("verified" if true else "contradicted", clear=clear)

    def of_quote(self, claim: Claim) -> Answer:
        found = self.place(claim["cite"], claim["ptr"])
        if found is None:
            return INVALID
        _, spec, value = found
        if not isinstance(value, str):
            return Answer("unsupported", clear=value is ABSENT)
        text, start, end = claim["text"], claim.get("start"), claim.get("end")
        places = [i for i in range(len(value) - len(text) + 1) if value.startswith(text, i)]
        if (start is None) != (end is None):
            start, end = (end - len(text), end) if start is None else (start, start + len(text))
            fits = 0 <= start < end <= len(value) and value[int(start) : int(end)] == text
            return Answer("verified" if fits else "invalid", clear=False)
        if start is not None and not start < end <= len(value):
            return INVALID
        cut = "cut" in spec and len(value) >= spec["cut"]
        if start is None and places:
            return Answer("verified", clear=not cut) if len(places) == 1 else INVALID
        if start is not None and value[int(start) : int(end)] == text:
            return Answer("verified", clear=not cut)
        # section 3 calls a quote that cannot be placed invalid, section 5 contradicted
        return Answer("unsupported" if places or cut else "contradicted", clear=start is not None and not cut)

    def of_relation(self, claim: Claim) -> Answer:
        record = self.by_id.get(claim["cite"])
        known = shape.ROLES[claim["rel"]].split()
        if record is None or not set(claim["roles"]) <= set(known):
            return INVALID
        row = self.row(record, claim["rel"])
        if row is None:
            return Answer("unsupported", clear=False)
        answers = [self.role(record, row["roles"].get(role), value) for role, value in claim["roles"].items()]
        stated = [self.role_value(record, row["roles"].get(role)) for role in claim["roles"]]
        clear = not any(
            isinstance(value, bool) or other_type(found, value, kind)
            for (found, kind, _), value in zip(stated, claim["roles"].values(), strict=True)
        )
        if False in answers:
            return Answer("contradicted", clear=clear)
        return Answer("unsupported" if None in answers else "verified", clear=clear)

    def row(self, record: Record, rel: str) -> dict[str, Any] | None:
        """The first of the dictionary's rows for a relation whose clauses all hold of a record."""
        rows = [row for row in self.schemas[record.schema].relations if row["name"] == rel]
        return next((row for row in rows if self.clauses_hold(record, row.get("when", []))), None)

    def role(self, record: Record, how: object, value: object) -> bool | None:
        """Whether a role is as claimed; None when the record says nothing of it."""
        stated, kind, form = self.role_value(record, how)
        if stated is ABSENT:
            return None
        return of_record(stated, kind, form) == of_claim(value, kind)

    def role_value(self, record: Record, how: object) -> tuple[object, str, str]:
        """What fills a role in a record, with its type and time format."""
        schema = self.schemas[record.schema]
        if isinstance(how, dict):
            stated = self.first(record, how["ptr"])
            found = ABSENT if stated is None else stated[1]
            if "map" in how:
                word = words(found) if is_scalar(found) else ""
                return how["map"].get(word, ABSENT), "text", "iso"
            return how.get("absent" if found is ABSENT else "present", ABSENT), "text", "iso"
        stated = None if how is None else self.first(record, how)
        if stated is None or not is_scalar(stated[1]):
            return ABSENT, "text", "iso"
        spec = schema.field(stated[0]) or {"type": "text"}
        return stated[1], spec["type"], spec.get("format", "iso")

    def first(self, record: Record, how: str | list[str]) -> tuple[str, object] | None:
        """The first pointer that leads to something, and to what; a text that means "nothing here" is nothing."""
        schema = self.schemas[record.schema]
        for pointer in [how] if isinstance(how, str) else how:
            found = schema.resolve(record.view, pointer)
            if found is not ABSENT and not (
                isinstance(found, str) and found in schema.data.get("absent", [""])
            ):
                return pointer, found
        return None

    def of_same(self, claim: Claim) -> Answer:
        a, b = claim["a"], claim["b"]
        left, right = self.place(a["cite"], a["ptr"]), self.place(b["cite"], b["ptr"])
        if left is None or right is None or a == b:
            return INVALID
        if not is_scalar(left[2]) or not is_scalar(right[2]):
            return Answer("unsupported", clear=False)
        kinds = {left[1]["type"], right[1]["type"]}
        one = of_record(left[2], left[1]["type"], left[1].get("format", "iso"))
        two = of_record(right[2], right[1]["type"], right[1].get("format", "iso"))
        clear = len(kinds) == 1 and not other_type(left[2], right[2], left[1]["type"])
        return Answer("verified" if one == two else "contradicted", clear=clear)

    def of_order(self, claim: Claim) -> Answer:
        before, after = self.by_id.get(claim["before"]), self.by_id.get(claim["after"])
        if before is None or after is None:
            return INVALID
        if before.event_ns is None or after.event_ns is None:
            return Answer("unsupported", clear=False)
        bound = 0 if before.source == after.source else BOUND_NS
        apart, most = after.event_ns - before.event_ns, claim.get("max_s")
        limit = None if most is None else Decimal(most) * 10**9
        if -apart > bound or (limit is not None and apart > limit + bound):
            return Answer("contradicted", clear=bound == 0)
        if apart > bound and (limit is None or apart <= limit):
            return Answer("verified")
        return Answer("unsupported", clear=claim["before"] != claim["after"])

    def of_reference(self, claim: Claim) -> Answer:
        books = [
            k for k in self.references if (k["kb"], k["kb_version"]) == (claim["kb"], claim["kb_version"])
        ]
        if not books:
            return INVALID
        entry = next((entry for entry in books[0]["entries"] if entry["key"] == claim["key"]), {})
        if claim["field"] not in entry:
            return Answer("unsupported")
        stated, value = entry[claim["field"]], claim["value"]
        clear = not isinstance(value, bool) and not other_type(stated, value, "text")
        return Answer("verified" if plain(stated) == plain(value) else "contradicted", clear=clear)

    def tainted(self, claim: Claim) -> bool:
        """Section 7, for a verified claim: whether an outsider could have chosen a field that it cites or filters on."""
        if claim["kind"] == "relation":
            record = self.by_id[claim["cite"]]
            return any(self.role_taint(record, claim["rel"], role) for role in claim["roles"])
        places = [
            (self.by_id[p["cite"]].schema, p["ptr"])
            for p in (claim, *(claim.get(k, {}) for k in "ab"))
            if "ptr" in p
        ]
        if "filter" in claim:
            named = [claim["distinct"]] if "distinct" in claim else []
            places += [
                (claim["filter"]["schema"], p)
                for p in [*named, *(clause[0] for clause in claim["filter"]["where"])]
            ]
        if claim["kind"] == "time":
            places += self.times_told(claim)
        return any(self.outsider(schema, pointer) for schema, pointer in places)

    def times_told(self, claim: Claim) -> list[tuple[str, str]]:
        """Where the times stand that a time claim tells: of the first record that matches, of the last, or of both."""
        found = [r for r in self.matching(claim, self.interval(claim)) if r.event_ns is not None]
        found.sort(key=lambda record: record.event_ns or 0)
        chosen = {"first_seen": found[:1], "last_seen": found[-1:]}.get(
            claim["what"], [*found[:1], *found[-1:]]
        )
        return [(r.schema, self.schemas[r.schema].time_pointer(r.view)) for r in chosen]

    def outsider(self, schema: str, pointer: str) -> bool:
        return (self.schemas[schema].field(pointer) or {}).get("taint", "outsider") != "system"

    def role_taint(self, record: Record, rel: str, role: str) -> bool:
        how = (self.row(record, rel) or {"roles": {}})["roles"][role]
        named = how["ptr"] if isinstance(how, dict) else how
        pointers = [named] if isinstance(named, str) else named
        found = self.first(record, pointers)
        return self.outsider(record.schema, pointers[0] if found is None else found[0])

    # Aggregates

    def filter_ok(self, chosen: Claim) -> bool:
        """The schema and pointers are known, each operator fits, and no value carries words of its own."""
        schema = self.schemas.get(chosen["schema"])
        if schema is None:
            return False
        specs = [schema.field(pointer) for pointer, _, _ in chosen["where"]]
        return all(
            spec is not None and operand_fits(op, value, spec["type"]) and self.value_allowed(op, value, spec)
            for spec, (_, op, value) in zip(specs, chosen["where"], strict=True)
        )

    def value_allowed(self, op: str, value: object, spec: dict[str, Any]) -> bool:
        """Typed, or in the vocabulary, or in a pinned list, or in the snapshot."""
        if not isinstance(value, str):
            return True
        kind = spec["type"]
        if kind == "ip" and (ip_address(value) or network(value)):
            return True
        if kind == "time" and claim_time(value) is not None:
            return True
        if kind in ("port", "pid", "int", "id", "number", "severity") and typed(value, kind) is not None:
            return True
        if (
            kind in HASH_LENGTHS
            and len(value) in HASH_LENGTHS[kind]
            and set(value.lower()) <= set("0123456789abcdef")
        ):
            return True
        if value in spec.get("vocabulary", []) or value in self.strings or value.lower() in self.lowered:
            return True
        return op in ("contains", "prefix") and any(value.lower() in text for text in self.lowered)

    def clauses_hold(self, record: Record, clauses: list[list[Any]]) -> bool:
        schema = self.schemas[record.schema]
        for pointer, op, value in clauses:
            spec = schema.field(pointer) or {"type": "text"}
            found = schema.resolve(record.view, pointer)
            if not is_scalar(found) or not holds(found, op, value, spec["type"], spec.get("format", "iso")):
                return False
        return True

    def interval(self, claim: Claim) -> tuple[int, int] | None:
        """The claim's interval in nanoseconds: stated, or the manifest's window; None when there is neither."""
        start, end = claim_time(claim.get("from")), claim_time(claim.get("to"))
        rows = [row for row in self.coverage or [] if row["schema"] == claim["filter"]["schema"]]
        if start is None and end is None and not rows:
            return None
        window = [claim_time(row["from"]) or 0 for row in rows], [claim_time(row["to"]) or 0 for row in rows]
        start = min(window[0], default=-(2**80)) if start is None else start
        end = max(window[1], default=2**80) if end is None else end
        return start, end

    def matching(self, claim: Claim, span: tuple[int, int] | None) -> list[Record]:
        """Every record of the schema in the interval for which all clauses hold."""
        return [
            record
            for record in self.by_schema.get(claim["filter"]["schema"], [])
            if (span is None or (record.event_ns is not None and span[0] <= record.event_ns < span[1]))
            and self.clauses_hold(record, claim["filter"]["where"])
        ]

    def covered(self, chosen: Claim, span: tuple[int, int] | None, distinct: str | None = None) -> bool:
        """Section 5: every expected source, the whole interval, queries no narrower than the filter."""
        rows = [row for row in self.coverage or [] if row["schema"] == chosen["schema"]]
        if span is None or not rows:
            return False
        wide = [row for row in rows if self.row_counts(row, chosen["where"])]
        for source in {row["source"] for row in rows}:
            reached = span[0]
            spans = [
                (claim_time(row["from"]), claim_time(row["to"])) for row in wide if row["source"] == source
            ]
            for start, end in sorted(spans):  # type: ignore[type-var]
                if start <= reached:  # type: ignore[operator]
                    reached = max(reached, end)  # type: ignore[type-var]
            if reached < span[1]:
                return False
        return not any(
            self.spoils(record, chosen, span, distinct) for record in self.by_schema.get(chosen["schema"], [])
        )

    def row_counts(self, row: dict[str, Any], where: list[list[Any]]) -> bool:
        clauses = [[p, op, plain(value)] for p, op, value in where]
        narrowed = [[p, op, plain(value)] for p, op, value in row.get("where", [])]
        return (
            row["complete"] is True and not row["limit_hit"] and all(clause in clauses for clause in narrowed)
        )

    def spoils(self, record: Record, chosen: Claim, span: tuple[int, int], distinct: str | None) -> bool:
        """A record that could have matched had it been whole: no time, an `always` field missing, a cut field."""
        if record.event_ns is None:
            return True
        if not span[0] <= record.event_ns < span[1]:
            return False
        schema = self.schemas[record.schema]
        named = [pointer for pointer, _, _ in chosen["where"]] + [distinct] * (distinct is not None)
        for pointer in named:
            spec, found = schema.field(pointer) or {}, schema.resolve(record.view, pointer)
            if spec.get("presence") == "always" and found is ABSENT:
                return True
            if "cut" in spec and isinstance(found, str) and len(found) >= spec["cut"]:
                return True
        return False

    def mixed_types(self, chosen: Claim) -> bool:
        """A record has the value in the same words as another JSON type: counting it or refusing the claim are both right."""
        schema = self.schemas[chosen["schema"]]
        specs = [
            (pointer, value, schema.field(pointer) or {"type": "text"})
            for pointer, op, value in chosen["where"]
            if op == "eq"
        ]
        return any(
            other_type(found, value, spec["type"])
            for pointer, value, spec in specs
            for found in self.said(chosen["schema"], pointer).get(words(value), [])
        )

    def said(self, schema: str, pointer: str) -> dict[str, list[object]]:
        """The values that a pointer leads to in any record, by their words."""
        if (schema, pointer) not in self.columns:
            column = self.columns[schema, pointer] = {}
            for record in self.by_schema.get(schema, []):
                found = self.schemas[schema].resolve(record.view, pointer)
                column.setdefault(words(found), []).append(found)
        return self.columns[schema, pointer]

    def partial_words(self, chosen: Claim) -> bool:
        """A filter that looks for part of a value: "present in the snapshot" may or may not mean whole values."""
        kinds = [
            (self.schemas[chosen["schema"]].field(pointer) or {"type": "text"})["type"]
            for pointer, _, _ in chosen["where"]
        ]
        return any(
            op in ("contains", "prefix") and (value not in self.strings or by_parts(op, kind))
            for kind, (_, op, value) in zip(kinds, chosen["where"], strict=True)
        )

    def aggregate(self, claim: Claim) -> tuple[list[Record], bool] | None:
        """Matching records and whether the claim is covered; None when the filter or interval is refused."""
        if not self.filter_ok(claim["filter"]):
            return None
        span = self.interval(claim)
        if span is not None and span[0] >= span[1]:
            return None
        return self.matching(claim, span), self.covered(claim["filter"], span, claim.get("distinct"))

    def distinct(self, records: list[Record], pointer: str) -> int:
        """How many different values a field has in these records."""
        found = set()
        for record in records:
            spec = self.schemas[record.schema].field(pointer) or {"type": "text"}
            value = self.schemas[record.schema].resolve(record.view, pointer)
            if is_scalar(value):
                found.add(of_record(value, spec["type"], spec.get("format", "iso")))
        return len(found)

    def of_count(self, claim: Claim) -> Answer:
        found = self.aggregate(claim)
        distinct = claim.get("distinct")
        if found is None:
            return INVALID
        if distinct is not None and self.schemas[claim["filter"]["schema"]].field(distinct) is None:
            return INVALID
        records, covered = found
        n = len(records) if distinct is None else self.distinct(records, distinct)
        v, scope = claim["value"], "complete" if covered else "collected_only"
        if {"eq": n == v, "ge": n >= v, "le": n <= v and covered}[claim["op"]]:
            return Answer("verified", scope)
        if claim["op"] != "ge" and n > v:
            return Answer("contradicted")
        return Answer("contradicted" if covered and n < v else "unsupported")

    def of_time(self, claim: Claim) -> Answer:
        seconds = claim["what"] == "duration_s"
        if is_number(claim["value"]) != seconds or (seconds and claim["value"] < 0):
            return INVALID
        found = self.aggregate(claim)
        if found is None:
            return INVALID
        records, covered = found
        times = [record.event_ns for record in records if record.event_ns is not None]
        if not times:
            return Answer("unsupported")
        first, last = min(times), max(times)
        stated = Decimal(claim["value"]) * 10**9 if seconds else claim_time(claim["value"]) or 0
        value = {"first_seen": first, "last_seen": last, "duration_s": last - first}[claim["what"]]
        if stated == value:
            return Answer("verified", "complete" if covered else "collected_only")
        impossible = stated > value if claim["what"] == "first_seen" else stated < value
        return Answer("contradicted" if impossible or covered else "unsupported")

    def of_absence(self, claim: Claim) -> Answer:
        found = self.aggregate(claim)
        if found is None:
            return INVALID
        records, covered = found
        if records:
            return Answer("contradicted")
        return Answer("verified", "complete") if covered else Answer("unsupported")
