"""Real alerts with the truth about them, read as the product reads them.

Records come through the product's own readers, the shipped mapping `ait-ads` and the schema `ms.SecurityAlert`; what the
grouping sees of them is the product's `Sighting`. Labels come from the file, by row, and never from what the product reads.

Identical rows of one second are one record (evidence is named by its bytes). `rows` counts each row of the file; a row of
a record with several labels keeps its own.
"""

import csv
import gzip
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from corpus import REAL
from countersign import wiring
from countersign.adapters.sources.mapping import RecordMapping
from countersign.core.cases.arrival import Arrived, arrive
from countersign.core.cases.sighting import Sighting
from countersign.core.records.evidence import Incoming
from countersign.core.records.shapes import UntypedFields

BENIGN = "-"
NOW_NS = 2**62
"""A clock that no record runs ahead of."""
ALERTS = {"R": "russellmitchell", "S": "shaw", "W": "wardbeck"}


class Labelled(msgspec.Struct, frozen=True):
    """Distinct sightings in order of their time, and the rows of the file: alert id and label of each."""

    name: str
    path: Path
    sightings: tuple[Sighting, ...]
    rows: tuple[tuple[str, str], ...]
    arrived: tuple[Arrived, ...]

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """By distinct record: each alert with each of its labels once."""
        return tuple(dict.fromkeys(self.rows))

    @property
    def days(self) -> float:
        """From the first alert to the last."""
        return (self.sightings[-1].start - self.sightings[0].start) / 86_400


def there() -> bool:
    """Are the data on this machine?"""
    return (REAL / "ait-ads").is_dir() and (REAL / "xdr-incidents-excytin").is_dir()


def mapping() -> tuple[RecordMapping, ...]:
    """The shipped mapping for the AIT alerts."""
    return wiring.mappings(["ait-ads"])


def ait(letter: str) -> Labelled:
    """One scenario: R, S or W. The label is the attack step, or `-`."""
    path = REAL / "ait-ads" / f"{ALERTS[letter]}_alerts.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as stream:
        labels = {number: row["event_label"] for number, row in enumerate(csv.DictReader(stream), 2)}
    return _read(letter, path, labels)


def defender() -> Labelled:
    """The four incidents; the label is the incident's number."""
    path = REAL / "xdr-incidents-excytin" / "security_alerts.jsonl"
    rows = path.read_text(encoding="utf-8").splitlines()
    labels = {number: str(json.loads(row)["IncidentNumber"]) for number, row in enumerate(rows, 1)}
    return _read("Defender", path, labels)


def _read(name: str, path: Path, labels: Mapping[int, str]) -> Labelled:
    mapped = mapping()
    dictionary = wiring.dictionary(mapped)
    met: dict[bytes, Arrived] = {}
    rows = []
    for outcome in wiring.incoming([str(path)], "auto", None, mapped):
        if not isinstance(outcome, Incoming):
            raise SystemExit(f"{path.name} was not read whole: {outcome}")
        arrived = met.get(outcome.raw)
        if arrived is None:
            arrived = met[outcome.raw] = arrive(outcome, dictionary, UntypedFields(), NOW_NS)
        if arrived.sighting is None:
            raise SystemExit(f"{path.name}, line {outcome.line}: no alert")
        rows.append((arrived.sighting.alert, labels[outcome.line]))
    if len(rows) != len(labels):
        raise SystemExit(f"{path.name}: {len(rows)} of {len(labels)} rows were read")
    seen = by_time(one.sighting for one in met.values() if one.sighting is not None)
    return Labelled(name, path, seen, tuple(rows), tuple(met.values()))


def by_time(sightings: Iterable[Sighting]) -> tuple[Sighting, ...]:
    """In the order of their start; of one second, in no order that tells anything."""
    return tuple(sorted(sightings, key=lambda one: (one.start, one.alert)))


def shifted(data: Labelled, start: int, key: Callable[[str], str]) -> Labelled:
    """The same at another time: of what `key` calls one group, the first alert starts at `start`."""
    label = dict(data.rows)
    first: dict[str, int] = {}
    for one in data.sightings:
        group = key(label[one.alert])
        first[group] = min(first.get(group, one.start), one.start)
    moved = []
    for one in data.sightings:
        by = start - first[key(label[one.alert])]
        moved.append(msgspec.structs.replace(one, start=one.start + by, end=one.end + by))
    at = {one.alert: one for one in moved}
    arrived = tuple(
        msgspec.structs.replace(one, sighting=at[one.sighting.alert]) for one in data.arrived if one.sighting
    )
    return msgspec.structs.replace(data, sightings=by_time(moved), arrived=arrived)


def rows_of(path: Path) -> tuple[bytes, list[bytes]]:
    """The header and the rows of a table of alerts."""
    header, *rows = gzip.decompress(path.read_bytes()).splitlines()
    return header, rows
