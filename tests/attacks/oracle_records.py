"""Raw records and dictionary files, as the oracle reads them."""

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from oracle_values import ABSENT, embedded, is_scalar, leaves, read_json, record_time, walk


@dataclass
class Schema:
    """One dictionary file, as data."""

    data: dict[str, Any]

    @property
    def relations(self) -> list[dict[str, Any]]:
        return self.data.get("relation", [])

    @cached_property
    def wild(self) -> list[tuple[list[str], dict[str, Any]]]:
        """Pointers with a `*` in them, most exact first."""
        rows = [
            (p.replace("!", "/!").split("/"), spec) for p, spec in self.data["fields"].items() if "*" in p
        ]
        return sorted(rows, key=lambda row: row[0].count("*"))

    @cache  # noqa: B019 - lives as long as the test run
    def field(self, pointer: str) -> dict[str, Any] | None:
        """What the dictionary says of a pointer, None when it does not know it."""
        if pointer in self.data["fields"]:
            return self.data["fields"][pointer]
        parts = pointer.replace("!", "/!").split("/")
        for pattern, spec in self.wild:
            if len(pattern) == len(parts) and all(a in ("*", b) for a, b in zip(pattern, parts, strict=True)):
                return spec
        return None

    __hash__ = object.__hash__

    def resolve(self, view: object, pointer: str) -> object:
        """The value a pointer leads to, through embedded documents; ABSENT for nothing or null."""
        stretches = pointer.split("!")
        for number, stretch in enumerate(stretches):
            if number:
                spec = self.field("!".join(stretches[:number])) or {}
                view = embedded(view, spec.get("embed", "")) if isinstance(view, str) else ABSENT
            view = walk(view, stretch)
            if view is ABSENT:
                return ABSENT
        return ABSENT if view is None else view

    def time_at(self, view: object, pointer: str) -> int | None:
        """The time that stands there in nanoseconds, None where none can be read."""
        if not pointer:
            return None
        return record_time(self.resolve(view, pointer), (self.field(pointer) or {}).get("format", "iso"))

    def time_pointer(self, view: object) -> str:
        """Where a record's event time stands: the first pointer with a time that can be read; empty for none."""
        return next((p for p in self.data["time"] if self.time_at(view, p) is not None), "")

    def leaves(self, view: object) -> Iterable[tuple[str, object]]:
        """Every scalar with its pointer, also inside the embedded documents that the dictionary names."""
        queue = list(leaves(view))
        while queue:
            pointer, value = queue.pop(0)
            yield pointer, value
            spec = self.field(pointer)
            if spec and spec.get("embed") and isinstance(value, str):
                inner = embedded(value, spec["embed"])
                if inner is not ABSENT:
                    queue.extend(leaves(inner, pointer + "!"))


@dataclass
class Record:
    """One raw record and what it says."""

    raw: bytes
    schema: str
    parser: str
    view: object
    source: str
    event_ns: int | None
    copies: int = 1

    @cached_property
    def id(self) -> str:
        return "sha256:" + hashlib.sha256(self.raw).hexdigest()


def read_record(raw: bytes, schema: Schema, view: object = None, parser: str = "") -> Record:
    """A record from its bytes (`view` for what is not JSON, `parser` where it is not the schema's own)."""
    view = read_json(raw) if view is None else view
    name = schema.data["schema"]
    found = [schema.resolve(view, pointer) for pointer in schema.data.get("source", [])]
    source = next(
        (value for value in found if is_scalar(value) and value not in schema.data.get("absent", [])), None
    )
    ns = schema.time_at(view, schema.time_pointer(view))
    return Record(
        raw, name, parser or schema.data["parser"], view, f"{name}/{source}" if source else name, ns
    )


def load_schemas(files: Mapping[str, bytes]) -> dict[str, Schema]:
    """Dictionary files by schema name; `base` names a file whose words stand where a schema's own do not."""
    read = {name: tomllib.loads(data.decode("utf-8")) for name, data in files.items()}
    made = (Schema(_with_base(read, name)) for name in read if not name.startswith("_"))
    return {schema.data["schema"]: schema for schema in made}


def _with_base(read: Mapping[str, dict[str, Any]], name: str) -> dict[str, Any]:
    own = read[name]
    below = _with_base(read, own["base"]) if "base" in own else {}
    joined = {key: own.get(key, below.get(key)) for key in (*below, *own)}
    joined["fields"] = below.get("fields", {}) | own.get("fields", {})
    joined["relation"] = own.get("relation", []) + below.get("relation", [])
    return joined
