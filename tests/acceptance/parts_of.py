"""Real folders as the tests read them: whole, or every so-manieth record of a long one; and their distinct records.

Records are told apart by bytes alone, with the oracle's readers: no parser of the product counts anything here.
"""

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from oracle_slices import members, part, parts
from oracle_tables import csv_records, zeek_records
from reading import evtx_records

MAPPINGS = {
    "windows-sigma-regression": "sigma-regression",
    "detection-tests-panther": "panther-tests",
    "ocsf-raw-pairs": "ocsf-pairs",
    "ait-ads": "ait-ads",
}
DIVISORS = {"zeek-wrccdc-2018": 12, "ait-ads": 150}
"""Of these folders an ordinary run takes every so-manieth record of each file."""

TABLE = ".csv.gz"


def part_of(folder: Path, divisor: int, into: Path) -> Path:
    """A copy with the first of every `divisor` records of each file; small files stay whole."""
    shutil.copytree(folder, into, copy_function=shutil.copyfile)
    for path in sorted(path for path in into.rglob("*") if path.name.endswith((TABLE, ".jsonl"))):
        if path.name.endswith(TABLE):
            header, *rows = gzip.decompress(path.read_bytes()).splitlines()
            path.write_bytes(gzip.compress(b"\n".join([header, *rows[::divisor]])))
        else:
            rows = path.read_bytes().splitlines()
            path.write_bytes(b"\n".join(rows[:: divisor if len(rows) > 100 else 1]))
    return into


def records(folder: Path, name: str) -> Iterator[bytes]:
    """The bytes of every record of a folder that is known by this name."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        if path.suffix == ".eml":
            yield data
        elif path.suffix == ".evtx":
            yield from evtx_records(path)
        elif path.name.endswith(TABLE):
            yield from csv_records(data)
        elif path.suffix == ".log":
            yield from zeek_records(data)
        elif path.suffix == ".json":
            yield from elements(data)
        elif path.name.endswith((".jsonl", ".jsonl.gz")):
            for line in filter(bytes.strip, data.split(b"\n")):
                yield from in_line(line, name)


def elements(data: bytes) -> Iterator[bytes]:
    """The elements of a list, or the one object that the file is."""
    text = data.decode().strip()
    spans = members(text) if text.startswith("[") else [("", 0, len(text))]
    yield from (text[start:end].encode() for _, start, end in spans)


def in_line(line: bytes, name: str) -> Iterator[bytes]:
    """The records in a line: itself, or what the folder's mapping takes out of it."""
    if name == "detection-tests-panther":
        yield part(line, "log") or b""
    elif name == "windows-sigma-regression":
        yield from [line, *parts(line, "events")]
    elif name == "ocsf-raw-pairs":
        yield from [*parts(line, "ocsf"), *in_text(json.loads(line)["raw"], part(line, "raw") or b"")]
    else:
        yield line


def in_text(value: object, raw: bytes) -> list[bytes]:
    """An object as it stands; of a text its lines."""
    return value.encode().splitlines() if isinstance(value, str) else [raw]
