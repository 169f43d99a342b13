"""A snapshot: the frozen evidence that claims are checked against, read through the field dictionary.

Views are parsed once, columns are read once per pointer, equality is answered from an index. It holds
no opinion: it only says which records match, and what a field of a record is.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from countersign.core.canonical import Canon, canon
from countersign.core.claims.claims import Filter
from countersign.core.claims.coverage import Coverage, spans, window
from countersign.core.claims.reference import Reference
from countersign.core.ids import evidence_id, snapshot_id
from countersign.core.records.comparing import WORDS, claimed_form, compare, comparison, textual
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import (
    INSIDE,
    MISSING,
    Clause,
    Dictionary,
    Path,
    RelationRow,
    Schema,
    _is_index,
    walk,
)
from countersign.core.records.views import embedded, view
from countersign.core.render import value_text

BREAKING = frozenset({"silent", "gap", "truncated", "sampled", "parse"})
"""Data-quality flags under which no window of a source counts as covered."""


class Snapshot:
    """Frozen evidence, its coverage manifest, the pinned references and the flags on its sources.

    `partial` names record schemas of which more is stored than stands here: nothing is stated of the whole.
    `flags` maps a record schema to the data-quality flags that hold for it in this window; `skew_ns`
    is the measured clock skew to add to the bound between two sources.
    """

    def __init__(
        self,
        dictionary: Dictionary,
        evidence: Iterable[Evidence],
        coverage: Coverage = (),
        references: Sequence[Reference] = (),
        flags: Mapping[str, frozenset[str]] | None = None,
        skew_ns: int = 0,
        *,
        partial: frozenset[str] = frozenset(),
    ) -> None:
        self.dictionary = dictionary
        self.evidence: dict[str, Evidence] = {}
        self.by_schema: dict[str, list[Evidence]] = defaultdict(list)
        for record in evidence:
            if record.id not in self.evidence:
                self.evidence[record.id] = record
                self.by_schema[record.schema].append(record)
        self.coverage = coverage
        self.references = {(r.kb, r.kb_version): r for r in references}
        self.flags: Mapping[str, frozenset[str]] = flags or {}
        self.skew_ns = skew_ns
        self.partial = partial
        self._views: dict[str, Any] = {}
        self._sound: set[str] = set()
        self._columns: dict[tuple[str, str], list[Canon | None]] = {}
        self._texts: dict[tuple[str, str], dict[str, list[int]]] = {}
        self._indexes: dict[tuple[str, str], dict[Canon, list[int]]] = {}
        self._levels: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[Any]] = {}

    def flagged(self, flags: Mapping[str, frozenset[str]], skew_ns: int) -> "Snapshot":
        """The same evidence with the flags that were found in it; what was parsed is not parsed again."""
        made = Snapshot(self.dictionary, (), self.coverage, tuple(self.references.values()), flags, skew_ns)
        made.partial = self.partial
        made.evidence, made.by_schema = self.evidence, self.by_schema
        made._views, made._sound, made._levels = self._views, self._sound, self._levels
        made._columns, made._indexes, made._texts = self._columns, self._indexes, self._texts
        return made

    @cached_property
    def id(self) -> str:
        """Digest of the evidence set and the manifest."""
        return snapshot_id(self.evidence, [row.document() for row in self.coverage])

    def is_sound(self, eid: str) -> bool:
        """Do the stored bytes still hash to their id?"""
        if eid in self._sound:
            return True
        if evidence_id(self.evidence[eid].raw) != eid:
            return False
        self._sound.add(eid)
        return True

    def view(self, eid: str) -> Any:
        """The document that the record's named parser makes of its bytes; MISSING if it makes none."""
        seen = self._views.get(eid)
        if seen is None:
            record = self.evidence[eid]
            try:
                seen = view(record.raw, record.parser)
            except ValueError:
                seen = MISSING
            self._views[eid] = seen
        return seen

    def schema(self, eid: str) -> Schema | None:
        """The compiled dictionary of a record's schema."""
        return self.dictionary.schema(self.evidence[eid].schema)

    def path(self, schema: str, pointer: str) -> Path | None:
        """The way to a pointer that the dictionary knows for a schema."""
        compiled = self.dictionary.schema(schema)
        return compiled.path(pointer) if compiled else None

    def value(self, eid: str, path: Path) -> Any:
        """The value of a field of a record, or MISSING."""
        return path.resolve(self.view(eid))

    def column(self, schema: str, pointer: str) -> list[Canon | None]:
        """Canonical values of one pointer over all records of a schema; None where absent."""
        key = (schema, pointer)
        if key not in self._columns:
            path = self.path(schema, pointer)
            records = self.by_schema.get(schema, [])
            if path is None:
                self._columns[key] = [None] * len(records)
            else:
                kind, how = path.field.type, path.field.format
                values = self._level(schema, path.tokens, path.parsers)
                self._columns[key] = [None if v is None else canon(kind, v, how) for v in values]
        return self._columns[key]

    def _level(self, schema: str, way: tuple[str, ...], parsers: tuple[str, ...]) -> list[Any]:
        """What stands at the end of a way in every record of a schema, as `Path.resolve` finds it; None if nothing.

        Every level on the way is kept, so that fields of one object or embedded document share the work.
        """
        found = self._levels.get((schema, way, parsers))
        if found is None:
            if not way:
                found = [self.view(record.id) for record in self.by_schema.get(schema, [])]
            elif way[-1] == INSIDE:
                found = [_step_in(here, parsers[-1]) for here in self._level(schema, way[:-1], parsers[:-1])]
            else:
                token, above = way[-1], self._level(schema, way[:-1], parsers)
                found = [here.get(token) if type(here) is dict else _element(here, token) for here in above]
            self._levels[schema, way, parsers] = found
        return found

    def index(self, schema: str, pointer: str) -> dict[Canon, list[int]]:
        """Canonical value → positions of the records of the schema that hold it."""
        key = (schema, pointer)
        if key not in self._indexes:
            found: dict[Canon, list[int]] = defaultdict(list)
            for position, value in enumerate(self.column(schema, pointer)):
                if value is not None:
                    found[value].append(position)
            self._indexes[key] = found
        return self._indexes[key]

    def matching(self, wanted: Filter, start_ns: int | None, end_ns: int | None) -> list[Evidence]:
        """Distinct records of the schema that satisfy every clause, within [start, end) if given."""
        records = self.by_schema.get(wanted.schema, [])
        positions: Iterable[int] = range(len(records))
        for clause in wanted.where:
            hits = self.hits(wanted.schema, clause)
            positions = hits if isinstance(positions, range) else sorted(set(positions).intersection(hits))
            if not positions:
                return []
        found = [records[p] for p in positions]
        if start_ns is None and end_ns is None:
            return found
        return [r for r in found if _within(r.event_ns, start_ns, end_ns)]

    def hits(self, schema: str, clause: Clause) -> list[int]:
        """Positions of the records of a schema that satisfy one clause, ascending."""
        pointer, op, value = clause
        path = self.path(schema, pointer)
        if path is None:
            return []
        if op == "eq":
            form = claimed_form(path, value)
            return [] if form is None else self.index(schema, pointer).get(form, [])
        if op in WORDS:
            looks = textual(path, op, value)
            held = self._words(schema, path) if looks else {}
            return sorted(p for words, positions in held.items() if looks and looks(words) for p in positions)
        test = comparison(path, op, value)
        if test is None:
            return []
        hits = (positions for form, positions in self.index(schema, pointer).items() if test(form))
        return sorted(position for positions in hits for position in positions)

    def _words(self, schema: str, path: Path) -> dict[str, list[int]]:
        """A field's value as written → positions of the records that hold it."""
        key = (schema, path.pointer)
        if key not in self._texts:
            found: dict[str, list[int]] = defaultdict(list)
            for position, value in enumerate(self._level(schema, path.tokens, path.parsers)):
                if value is not None and not isinstance(value, dict | list):
                    found[value_text(value)].append(position)
            self._texts[key] = found
        return self._texts[key]

    def holds(self, eid: str, clauses: Sequence[Clause]) -> bool:
        """Does one record satisfy every clause?"""
        schema = self.evidence[eid].schema
        for pointer, op, value in clauses:
            path = self.path(schema, pointer)
            found = MISSING if path is None else self.value(eid, path)
            if path is None or found is MISSING or not compare(path, op, found, value):
                return False
        return True

    def relation(self, eid: str, name: str) -> RelationRow | None:
        """The dictionary's row of a relation that applies to this record."""
        schema = self.schema(eid)
        rows = schema.relations if schema else ()
        return next((row for row in rows if row.name == name and self.holds(eid, row.when)), None)

    def window(self, schema: str) -> tuple[int, int] | None:
        """The window the coverage manifest speaks of for a schema."""
        return window(self.coverage, schema)

    def covers(self, wanted: Filter, start_ns: int | None, end_ns: int | None, *also: str) -> bool:
        """May a total, an absence or an edge be stated of the whole for this filter and interval?"""
        schema = self.dictionary.schema(wanted.schema)
        if start_ns is None or end_ns is None or schema is None or self.broken(wanted.schema):
            return False
        if not spans(self.coverage, wanted.schema, wanted.where, start_ns, end_ns):
            return False
        records = self.by_schema.get(wanted.schema, [])
        if any(record.event_ns is None for record in records):
            return False
        for pointer in {*(clause[0] for clause in wanted.where), *filter(None, also)}:
            path = schema.path(pointer)
            if path is not None and path.field.presence == "always":
                column = self.column(wanted.schema, pointer)
                lacking = zip(records, column, strict=True)
                if any(
                    form is None and _within(record.event_ns, start_ns, end_ns) for record, form in lacking
                ):
                    return False
        return True

    def broken(self, schema: str) -> bool:
        """Does a data-quality flag forbid calling any window of this schema covered?"""
        return schema in self.partial or bool(self.flags.get(schema, frozenset()) & BREAKING)

    @cached_property
    def known_strings(self) -> frozenset[str]:
        """Every string that stands as the whole value of a typed field of some record, or in a pinned list."""
        found: set[str] = set()
        for record in self.evidence.values():
            schema = self.dictionary.schema(record.schema)
            if schema is not None:
                found |= {
                    v
                    for _, f, v in walk(schema, self.view(record.id))
                    if f is not None and isinstance(v, str)
                }
        for reference in self.references.values():
            for key, fields in reference.entries.items():
                found |= {key, *(v for v in fields.values() if isinstance(v, str))}
        return frozenset(found)


def _step_in(here: Any, parser: str) -> Any:
    return embedded(here, parser) if isinstance(here, str) else None


def _element(here: Any, token: str) -> Any:
    return here[int(token)] if type(here) is list and _is_index(token) and int(token) < len(here) else None


def _within(ns: int | None, start_ns: int | None, end_ns: int | None) -> bool:
    if start_ns is None and end_ns is None:
        return True
    return ns is not None and (start_ns is None or start_ns <= ns) and (end_ns is None or ns < end_ns)
