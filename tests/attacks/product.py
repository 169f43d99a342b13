"""The one place where these tests touch the product: JSON in, checked claims out, as `countersign verify` does."""

import json
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from oracle import Oracle
from oracle_records import Record
from reading import MAPPED, dictionary_files

from countersign import wiring
from countersign.core.claims.coverage import parse_coverage
from countersign.core.claims.reference import parse_reference
from countersign.core.claims.snapshot import Snapshot
from countersign.core.claims.strict import parse_document
from countersign.core.claims.verify import CheckedClaim, verify
from countersign.core.records.evidence import Evidence
from countersign.core.records.fields import Dictionary
from countersign.core.records.views import view


@lru_cache(maxsize=1)
def dictionary() -> Dictionary:
    """The product's own reading of the dictionary files and of the shipped mappings."""
    mapped = {f"{one.name}.toml": one.dictionary for one in wiring.mappings(MAPPED)}
    return Dictionary.load(dictionary_files() | mapped)


@cache
def evidence_of(raw: bytes, schema: str, parser: str, copies: int) -> Evidence:
    """A record as the product's intake would keep it: its own view, time and source."""
    known, seen = dictionary().schema(schema), view(raw, parser)
    assert known is not None
    name = Record(raw, schema, parser, None, "", None).id
    return Evidence(
        name,
        schema,
        known.instance(seen),
        parser,
        raw,
        known.event_ns(seen),
        known.ingest_ns(seen),
        copies=copies,
    )


def snapshot(oracle: Oracle) -> Snapshot:
    """The same world for the product; records that were read several times are handed over several times."""
    records = [
        evidence_of(r.raw, r.schema, r.parser, r.copies) for r in oracle.records for _ in range(r.copies)
    ]
    rows = parse_coverage(to_json(oracle.coverage or []).encode())
    books = [parse_reference(to_json(book).encode()) for book in oracle.references]
    return Snapshot(dictionary(), records, rows, books)


def check(document: bytes, world: Snapshot) -> tuple[CheckedClaim, ...]:
    """What the product says of a claims document."""
    return verify(parse_document(document), world)


def to_json(value: Any) -> str:
    """JSON with decimals written digit by digit, never through a float."""
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() and abs(value.adjusted()) < 300 else str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{to_json(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(to_json, value)) + "]"
    return json.dumps(value)
