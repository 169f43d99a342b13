"""Worlds to make claims in: samples of real records, each under several coverage manifests.

A *base* is a seeded sample of one data folder (`reading`), or `schema:NAME`, the golden records of a schema
(`goldens`). A *world* is a base as one variant shows it:

- `full`: every source read completely over a window around all records;
- `none`, `partial`, `limited`, `narrow`: no manifest; only the first half; queries that hit their limit; narrower queries;
- `stripped`: `full`, but one record lacks a field that its schema promises;
- `timeless`: `full`, and records whose time nobody can read;
- `doubled`: `full`, but some records were read two or three times;
- `grown`: `full` with records that arrived after the snapshot that the claims were made on;
- `close`: two sources' records put less than two seconds apart.

Where the shared data is missing, the bundled demo scenario stands in, so the suite runs anywhere.
"""

import json
import os
import random
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import goldens
from oracle import Oracle
from oracle_records import Record, read_record
from oracle_values import ABSENT, is_scalar, rfc3339
from reading import FOLDERS, PROJECT, read_file, schemas, shared

DEMO = PROJECT / "src/countersign/demo/scenario"
VARIANTS = (
    "full",
    "none",
    "partial",
    "limited",
    "narrow",
    "stripped",
    "timeless",
    "doubled",
    "grown",
    "close",
)
SAMPLE = 280
HOUR = 3600 * 10**9
SUFFIXES = {".jsonl", ".gz", ".eml", ".json", ".log", ".evtx"}
OF_A_SCHEMA = "schema:"
NOW = 1746515289 * 10**9
"""Where a world stands whose records have no time at all."""


def sampled(rng: random.Random, most: int, rows: list[Any]) -> list[Any]:
    """So many of these at most, in their order."""
    return [rows[at] for at in sorted(rng.sample(range(len(rows)), min(len(rows), most)))]


@lru_cache(maxsize=1)
def samples() -> dict[str, list[Record]]:
    """A sample of each folder, or of the demo scenario where there is no folder; records in order of time."""
    folders = {name: folder for name in FOLDERS if (folder := shared(name))} or {"demo": DEMO}
    made = {}
    for name, folder in folders.items():
        rng = random.Random(f"countersign/{name}")
        files = sorted(path for path in Path(folder).rglob("*") if path.suffix in SUFFIXES)
        most = SAMPLE if len(files) < 5 else max(SAMPLE // len(files), 15)
        some = partial(sampled, rng, 2 * most)
        unique = {
            record.id: record for path in files for record in sampled(rng, most, [*read_file(path, some)])
        }
        made[name] = sorted(unique.values(), key=lambda record: (record.event_ns or 0, record.id))
    return made


@lru_cache(maxsize=1)
def bases() -> dict[str, list[Record]]:
    """The records of each sample that have a time; samples too small to say anything are left out."""
    made = {
        name: [record for record in rows if record.event_ns is not None] for name, rows in samples().items()
    }
    return {name: rows for name, rows in made.items() if len(rows) > 10}


def drafted() -> list[str]:
    """The bases over which drafters are let loose: in an ordinary run the first five."""
    few = {*FOLDERS[:5], "demo"}
    return [name for name in bases() if name in few or os.environ.get("COUNTERSIGN_FULL") == "1"]


def records_of(base: str) -> list[Record]:
    """The records of a base; those of a schema also without a time."""
    if base.startswith(OF_A_SCHEMA):
        return goldens.records_of(base.removeprefix(OF_A_SCHEMA))
    return bases()[base]


def each_schema() -> list[str]:
    """A base for every schema that has golden records."""
    return [OF_A_SCHEMA + name for name in goldens.golden()]


@dataclass(frozen=True)
class World:
    """A named oracle."""

    name: str
    base: str
    variant: str
    oracle: Oracle


def window(records: list[Record]) -> tuple[int, int]:
    """From an hour before the first record to an hour after the last, on whole seconds."""
    times = [record.event_ns for record in records if record.event_ns is not None] or [NOW]
    return min(times) // 10**9 * 10**9 - HOUR, max(times) // 10**9 * 10**9 + HOUR


def coverage(records: list[Record], start: int, end: int, **more: Any) -> list[dict[str, Any]]:
    """One row for each source of the records."""
    pairs = sorted({(record.schema, record.source) for record in records})
    row = {"from": rfc3339(start), "to": rfc3339(end), "complete": True, "limit_hit": False, **more}
    return [{"source": source, "schema": schema, **row} for schema, source in pairs]


def references(records: list[Record]) -> list[dict[str, Any]]:
    """Pinned lists made from the records: a register of tests and one of jobs."""
    rng = random.Random("countersign/references")
    entries = []
    for number, record in enumerate(rng.sample(records, min(len(records), 40))):
        texts = [
            v
            for _, v in schemas()[record.schema].leaves(record.view)
            if isinstance(v, str) and 3 < len(v) < 60
        ]
        texts = texts or [record.schema]
        entries.append({"key": f"T-{number}", "actor": rng.choice(texts), "asset": rng.choice(texts), "runs": number, "approved": number % 2 == 0})  # fmt: skip
    book = {
        "kb": "test-register",
        "kb_version": "7",
        "kind": "test_register",
        "loaded_at": "2025-01-01T00:00:00Z",
    }
    return [{**book, "entries": entries}, {**book, "kb": "job-inventory", "kb_version": "2", "kind": "job_inventory", "entries": entries[:5]}]  # fmt: skip


def build(base: str, variant: str) -> World:
    """A world of this base in this variant."""
    records = records_of(base)
    start, end = window(records)
    rows: list[dict[str, Any]] | None = coverage(records, start, end)
    if variant == "none":
        rows = None
    elif variant == "partial":
        rows = coverage(records, start, (start + end) // 2 // 10**9 * 10**9)
    elif variant == "limited":
        rows = coverage(
            records, start, end, complete=False, limit_hit=True, reason="returned 500 rows, the limit"
        )
    elif variant == "narrow":
        rows = narrow(records, start, end)
    elif variant == "stripped":
        often = 128 if base.startswith(OF_A_SCHEMA) else 12
        records = [record for original in records for record in (original, *stripped(original, often))]
    elif variant == "timeless":
        records = [*records, *without_time(base)]
    elif variant == "doubled":
        records = [copied(record, 1 + number % 3) for number, record in enumerate(records)]
    elif variant == "close":
        records, rows = close(records)
    return World(
        f"{base}/{variant}", base, variant, Oracle(schemas(), records, rows, references(records_of(base)))
    )


def older(base: str) -> Oracle:
    """The snapshot before `grown`: two thirds of its records."""
    records = [record for number, record in enumerate(records_of(base)) if number % 3]
    return Oracle(
        schemas(),
        records,
        coverage(records_of(base), *window(records_of(base))),
        references(records_of(base)),
    )


def copied(record: Record, copies: int) -> Record:
    """The same record, read several times."""
    return replace(record, copies=copies)


def narrow(records: list[Record], start: int, end: int) -> list[dict[str, Any]]:
    """Rows whose queries asked for one value of one field only."""
    rows = coverage(records, start, end)
    for row in rows:
        schema = schemas()[row["schema"]]
        first = next(
            record for record in records if record.source == row["source"] and record.schema == row["schema"]
        )
        found = [
            (p, v)
            for p, v in schema.leaves(first.view)
            if schema.field(p) and schema.field(p)["type"] != "time"
        ]  # type: ignore[index]
        pointer, value = found[len(found) // 2] if found else ("/nothing", "here")
        row["where"] = [[pointer, "eq", value]]
    return rows


def stripped(record: Record, often: int = 12) -> list[Record]:
    """The record again without one field that its schema promises; nothing where that cannot be done."""
    schema = schemas()[record.schema]
    promised = [
        p
        for p, spec in schema.data["fields"].items()
        if spec.get("presence") == "always" and p.count("/") == 1
    ]
    there = [
        p for p in promised if p not in schema.data["time"] and is_scalar(schema.resolve(record.view, p))
    ]
    if not there or record.parser != "json/1" or int(record.id[-2:], 16) > often:
        return []
    view = dict(json.loads(record.raw))
    del view[there[int(record.id[-4:-2], 16) % len(there)][1:]]
    return [read_record(json.dumps(view).encode(), schema)]


def without_time(base: str) -> list[Record]:
    """Records of the sample whose time cannot be read; made by taking the zone away where there are none."""
    found = [record for record in samples().get(base, []) if record.event_ns is None]
    for record in [] if found else [record for record in records_of(base) if record.parser == "json/1"][::9]:
        view = json.loads(record.raw)
        for pointer in schemas()[record.schema].data["time"]:
            put(view, pointer, "yesterday")
        found.append(read_record(json.dumps(view).encode(), schemas()[record.schema]))
    return found[:20]


def close(records: list[Record]) -> tuple[list[Record], list[dict[str, Any]]]:
    """Pairs of records of two sources, the second one's clock set to within two seconds of the first one's."""
    rng = random.Random("countersign/close")
    made: dict[str, Record] = {}
    plain = [record for record in records if record.parser == "json/1"]
    for number in range(100 if plain else 0):
        one, two = rng.choice(plain), rng.choice(plain)
        moved = moved_clock(
            two, (one.event_ns or 0) + rng.randrange(1000, 2 * 10**9, 1000), f"other-{number % 5}"
        )
        if moved is not None and moved.source != one.source:
            made |= {one.id: one, moved.id: moved}
    return list(made.values()), coverage(list(made.values()), *window(records)) if made else []


def moved_clock(record: Record, ns: int, instance: str) -> Record | None:
    """The record as another instance of its product would have written it at this time; None where that fails."""
    schema, view = schemas()[record.schema], json.loads(record.raw)
    times = [p for p in schema.data["time"] if schema.resolve(record.view, p) is not ABSENT]
    if not times:
        return None
    naive = (schema.field(times[0]) or {}).get("format") == "utc"
    put(view, times[0], rfc3339(ns).replace("T", " ").rstrip("Z") if naive else rfc3339(ns))
    for pointer in schema.data.get("source", [])[:1]:
        put(view, pointer, instance)
    made = read_record(json.dumps(view).encode(), schema)
    return made if made.event_ns == ns else None


def put(view: Any, pointer: str, value: object) -> None:
    """Set a member, making the objects on the way; nothing where a text is on the way."""
    *path, last = pointer.split("/")[1:]
    for key in path:
        view = view[int(key)] if isinstance(view, list) else view.setdefault(key, {})
        if not isinstance(view, dict | list):
            return
    if isinstance(view, dict):
        view[last] = value
