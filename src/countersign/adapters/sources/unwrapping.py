"""Records as mappings see them: tables read, documents given their schema, records taken out of other documents.

- A JSON record for which a mapping's `when` holds has the mapping's schema, whatever its content would say.
- What `unwrap` points at are records of their own, exactly as their bytes stand, on the line of the outer one.
  They are recognised by content, and by the other mappings.
- A text there is read as a small file of its own: its bytes are the text in UTF-8, not the JSON string.
- An outer document in which nothing is found, and that is no record itself, goes to quarantine.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from io import BytesIO
from typing import Any, BinaryIO

import msgspec

from countersign.adapters.sources.containers import Outcome, records
from countersign.adapters.sources.csv_rows import Tables
from countersign.adapters.sources.detect import schema_of
from countersign.adapters.sources.files import named, read
from countersign.adapters.sources.following import Following
from countersign.adapters.sources.mapping import RecordMapping
from countersign.adapters.sources.mapping_form import Csv, Json
from countersign.core.records.evidence import UNREAD, Incoming, Quarantined
from countersign.core.records.fields import ANY, tokens
from countersign.core.records.views import view
from countersign.ports import Position

_raw_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_raw_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


def read_mapped(
    paths: Iterable[str], fmt: str, stdin: BinaryIO | None, mappings: Sequence[RecordMapping]
) -> Iterator[Outcome]:
    """Records of all paths, as `read` gives them, with these mappings; a mapping's schema may be the `fmt`."""
    tables = [Tables(one, one.records) for one in mappings if isinstance(one.records, Csv)]
    documents = [one for one in mappings if isinstance(one.records, Json)]
    forced = next((one for one in documents if one.name == fmt), None)
    outcomes = read(paths, "auto" if forced else fmt, stdin, tables)
    if forced is None and fmt != "auto":
        return outcomes
    return Unwrapping(tables, documents).all(outcomes, forced)


def follow_mapped(
    path: str, fmt: str, mappings: Sequence[RecordMapping], position: Position | None
) -> Following:
    """One path, followed, with these mappings; raises `ValueError` for an unknown `fmt`, and what `Following` does."""
    tables = [Tables(one, one.records) for one in mappings if isinstance(one.records, Csv)]
    documents = [one for one in mappings if isinstance(one.records, Json)]
    forced = next((one for one in documents if one.name == fmt), None)
    schema = None if forced else named(fmt, tables)
    if not mappings or (forced is None and schema is not None):
        return Following(path, schema, position, tables)
    through = partial(Unwrapping(tables, documents).all, forced=forced)
    return Following(path, schema, position, tables, through)


class Unwrapping:
    """JSON records held against the mappings that are for JSON."""

    def __init__(self, tables: Sequence[Tables], documents: Sequence[RecordMapping]) -> None:
        self._tables = tables
        self._documents = tuple(documents)

    def all(self, outcomes: Iterable[Outcome], forced: RecordMapping | None = None) -> Iterator[Outcome]:
        """Every outcome, mapped where it is a JSON record; `forced` is for all of them."""
        for outcome in outcomes:
            yield from self._one(outcome, self._documents, forced)

    def _one(
        self, outcome: Outcome, mappings: tuple[RecordMapping, ...], forced: RecordMapping | None = None
    ) -> Iterator[Outcome]:
        seen = _seen(outcome)
        if not isinstance(outcome, Incoming) or not isinstance(seen, dict):
            yield outcome
            return
        mapping = forced or next((one for one in mappings if one.is_for(seen)), None)
        if mapping is None or not isinstance(mapping.records, Json):
            yield outcome
            return
        if mapping.records.outer:
            yield msgspec.structs.replace(outcome, schema=mapping.name, view=seen)
        others = tuple(one for one in mappings if one is not mapping)
        yield from self._unwrapped(outcome, seen, mapping.records, others)

    def _unwrapped(
        self, outer: Incoming, seen: Any, spec: Json, others: tuple[RecordMapping, ...]
    ) -> Iterator[Outcome]:
        found = False
        for pointer in spec.unwrap:
            for raw, inner in _slices(outer.raw, seen, tokens(pointer)):
                found = True
                yield from self._inner(raw, inner, outer, others)
        if not found and not spec.outer:
            where = " ".join(spec.unwrap)
            yield Quarantined(outer.file, outer.line, f"nothing to unwrap at {where}", outer.raw)

    def _inner(
        self, raw: bytes, inner: Any, outer: Incoming, others: tuple[RecordMapping, ...]
    ) -> Iterator[Outcome]:
        file, line = outer.file, outer.line
        if isinstance(inner, dict):
            yield from self._one(Incoming(schema_of(inner), "json/1", raw, file, line, inner), others)
        elif isinstance(inner, str):
            # Without a name: that of the outer file promises JSON, and this need be none.
            for outcome in records(BytesIO(inner.encode()), "", None, self._tables):
                if isinstance(outcome, Incoming | Quarantined):
                    yield from self._one(msgspec.structs.replace(outcome, file=file, line=line), others)
                else:
                    yield Quarantined(file, line, f"an unwrapped text: {outcome.reason}", raw)
        else:
            yield Quarantined(file, line, "unwrapped: a single value instead of a record", raw)


def _seen(outcome: Outcome) -> Any:
    """The view of a JSON record, None for everything else."""
    if not isinstance(outcome, Incoming) or outcome.parser != "json/1":
        return None
    if outcome.view is not UNREAD:
        return outcome.view
    try:
        return view(outcome.raw, "json/1")
    except ValueError:
        return None


def _slices(raw: bytes | msgspec.Raw, seen: Any, way: tuple[str, ...]) -> Iterator[tuple[bytes, Any]]:
    """Bytes and view of what a pointer leads to. A list at its end stands for its elements, null for nothing."""
    if isinstance(seen, list) and (not way or way[0] == ANY):
        for part, inner in zip(_raw_list(raw), seen, strict=True):
            yield from _slices(part, inner, way[1:])
    elif seen is None:
        return
    elif not way:
        yield bytes(raw), seen
    elif isinstance(seen, list):
        index = int(way[0]) if way[0].isdecimal() else len(seen)
        if index < len(seen):
            yield from _slices(_raw_list(raw)[index], seen[index], way[1:])
    elif isinstance(seen, dict):
        members = _raw_object(raw)
        for key in seen if way[0] == ANY else way[:1]:
            if key in seen:
                yield from _slices(members[key], seen[key], way[1:])
