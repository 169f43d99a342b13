"""A small world of each schema: the golden records of the dictionary, and variations of them.

A variation moves the record's times by some minutes and changes a few of its values, so that records differ in
what a claim may mix up. Records in lines and tables are varied in their bytes and read by the oracle's own readers.
"""

import json
import random
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from oracle_lines import read_audit, read_syslog
from oracle_mail import read_mail
from oracle_records import Record, Schema, read_record
from oracle_tables import read_zeek, written_as_zeek
from oracle_values import escape, is_number, nanoseconds, record_time, rfc3339
from reading import read_as, schemas

GOLDEN = Path(__file__).resolve().parents[1] / "core" / "golden"
COPIES = 8
READERS = {"syslog/1": read_syslog, "auditd/1": read_audit, "eml/1": read_mail}
CLOCK = re.compile(r"(?<= )(\d\d):(\d\d):(\d\d)\b|(?<=T)(\d\d):(\d\d):(\d\d)|(?<=audit\()(\d{10})")


@lru_cache(maxsize=1)
def golden() -> dict[str, list[Any]]:
    """The records of each golden file: objects, and texts for what is not JSON."""
    files = {path.name.removesuffix(".json"): json.loads(path.read_bytes()) for path in GOLDEN.glob("*.json")}
    return {name: [case["record"] for case in cases] for name, cases in sorted(files.items())}


@cache
def records_of(name: str) -> list[Record]:
    """The golden records of a schema and their variations, as far as these readers go."""
    rng = random.Random(f"countersign/golden/{name}")
    made = {}
    for number in range(COPIES):
        for original in golden()[name]:
            for record in varied(original, schemas()[name], number, rng):
                made[record.id] = record
    return sorted(made.values(), key=lambda record: (record.event_ns or 0, record.id))


def varied(original: Any, schema: Schema, number: int, rng: random.Random) -> Iterator[Record]:
    """The record, `number` times seven minutes later and a little different; a Zeek log also in Zeek's own format."""
    name, parser = schema.data["schema"], schema.data["parser"]
    if isinstance(original, str):
        raw = later(original, number, rng).encode()
        view = READERS[parser](raw)
        if view is not None:
            yield read_record(raw, schema, view)
        return
    document = changed(original, schema, "", number, rng) if number else original
    if name == "json.unknown":
        raw = json.dumps(document | {"n": number}).encode()
        yield read_record(raw, schema)
        return
    yield from read_as(json.dumps(document).encode(), name)
    raw = written_as_zeek({"_path": name[5:]} | document) if name.startswith("zeek.") and number % 2 else None
    seen = read_zeek(raw) if raw else None
    if raw and seen is not None:
        yield read_record(raw, schema, seen, "zeek-tsv/1")


def later(text: str, number: int, rng: random.Random) -> str:
    """A line or a mail with its clock moved on; every other one with a digit changed."""

    def moved(match: re.Match[str]) -> str:
        if match[7]:
            return str(int(match[7]) + 420 * number)
        hour, minute, second = (int(part) for part in match[0].split(":"))
        minutes = (hour * 60 + minute + 7 * number) % 1440
        return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}"

    text = CLOCK.sub(moved, text)
    places = [m.start() for m in re.finditer(r"(?<=[.=])\d(?=\D|$)", text)]
    if number % 2 and places:
        at = rng.choice(places)
        text = text[:at] + str(rng.randrange(1, 10)) + text[at + 1 :]
    return text


def changed(value: Any, schema: Schema, pointer: str, number: int, rng: random.Random) -> Any:
    """A document with its times moved and about one value in six changed."""
    if isinstance(value, dict):
        return {
            key: changed(inner, schema, f"{pointer}/{escape(key)}", number, rng)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [changed(inner, schema, f"{pointer}/{at}", number, rng) for at, inner in enumerate(value)]
    spec = schema.field(pointer)
    if spec is not None and spec["type"] == "time":
        return moved_time(value, spec.get("format", "iso"), 420 * number)
    if spec is None or spec.get("embed") or rng.randrange(6) or isinstance(value, bool):
        return value
    if is_number(value):
        return value + rng.randrange(1, 4) if isinstance(value, int) else value
    return other(value, rng) if isinstance(value, str) and len(value) > 3 else value


def other(text: str, rng: random.Random) -> str:
    """A text with one letter or digit replaced by another of its kind."""
    places = [at for at, sign in enumerate(text) if sign.isascii() and sign.isalnum()]
    if not places:
        return text
    at = rng.choice(places)
    kinds = ("0123456789", "abcdef", "ghijklmnopqrstuvwxyz", "ABCDEF", "GHIJKLMNOPQRSTUVWXYZ")
    kind = next(kind for kind in kinds if text[at] in kind)
    return text[:at] + rng.choice(kind) + text[at + 1 :]


def moved_time(value: Any, form: str, seconds: int) -> Any:
    """A time in the form it had, some seconds later; left alone where this reader does not know the form."""
    if is_number(value):
        return value + seconds * (1000 if form == "epoch_ms" else 1)
    if not isinstance(value, str) or record_time(value, form) is None:
        return value
    ns = nanoseconds(value, naive_is_utc=True)
    if ns is None or not value.endswith("Z"):
        return (
            value
            if ns is None
            else value[:14] + f"{(int(value[14:16]) + seconds // 60) % 60:02}" + value[16:]
        )
    return rfc3339(ns + seconds * 10**9)
