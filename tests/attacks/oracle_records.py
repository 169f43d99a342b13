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


def read_record(raw: bytes, schema: Schema, view: object = None, copies: int = 1) -> Record:
    """A record from its bytes (`view` for what is not JSON)."""
    view = read_json(raw) if view is None else view
    name = schema.data["schema"]
    found = [schema.resolve(view, pointer) for pointer in schema.data.get("source", [])]
    source = next(
        (value for value in found if is_scalar(value) and value not in schema.data.get("absent", [])), None
    )
    ns = None
    for pointer in schema.data["time"]:
        ns = record_time(schema.resolve(view, pointer), (schema.field(pointer) or {}).get("format", "iso"))
        if ns is not None:
            break
    return Record(raw, name, schema.data["parser"], view, f"{name}/{source}" if source else name, ns, copies)


def load_schemas(files: Mapping[str, bytes]) -> dict[str, Schema]:
    """Dictionary files by schema name."""
    made = (Schema(tomllib.loads(data.decode("utf-8"))) for data in files.values())
    return {schema.data["schema"]: schema for schema in made}
