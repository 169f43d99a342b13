"""Mapping files: how records of a kind of its own are found, and what their fields mean.

A mapping is one TOML file (docs/formats/mapping.md). Its table `[records]` says how records are found;
everything else is what a dictionary file says, compiled by the same code into the schema `csv.NAME` or
`json.NAME`. Whatever is wrong with one is said here, with the key and what to do, before a record is read.
"""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from countersign.adapters.sources.mapping_form import Csv, Json, Wrong, check_pointers, checked
from countersign.core.records.comparing import compare
from countersign.core.records.csv_rows import parser_name
from countersign.core.records.fields import MISSING, Schema, merged
from countersign.core.render import neutralize
from countersign.errors import ConfigError

SUFFIX = ".toml"
MAX_BYTES = 1024 * 1024
HINT = "docs/formats/mapping.md tells every key."


class RecordMapping:
    """One mapping file, checked and compiled."""

    def __init__(self, raw: bytes, dictionary: bytes, schema: Schema, records: Csv | Json) -> None:
        self.raw = raw
        self.dictionary = dictionary  # the file as the dictionary holds it
        self.schema = schema
        self.records = records

    @property
    def name(self) -> str:
        """Its schema: `csv.NAME` or `json.NAME`."""
        return self.schema.name

    @property
    def version(self) -> int:
        """From 1; it goes up when the file changes."""
        return int(self.schema.version)

    def is_for(self, view: object) -> bool:
        """Do all clauses of `when` hold?"""
        for pointer, op, wanted in self.records.when:
            path = self.schema.path(pointer)
            value = MISSING if path is None else path.resolve(view)
            if path is None or value is MISSING or not compare(path, op, value, wanted):
                return False
        return True


def load(raw: bytes, where: str, shared: Mapping[str, bytes]) -> RecordMapping:
    """The mapping in a file's bytes. `shared` are the dictionary files that it may name as its base.

    Raises `ConfigError` that names the file, the key and what to do.
    """
    shown = neutralize(where, 300)
    try:
        document = tomllib.loads(raw.decode())
        records = checked(document, shared)
        dictionary = _head(document, records) + raw
        name = f"{document['kind']}.{document['name']}"
        schema = Schema(merged(name + SUFFIX, {**shared, name + SUFFIX: dictionary}))
        check_pointers(schema, records)
    except Wrong as exc:
        raise ConfigError(f"{shown}: {exc}", hint=exc.do) from exc
    except (ValueError, KeyError) as exc:
        raise ConfigError(f"{shown} is no mapping: {exc}", hint=HINT) from exc
    return RecordMapping(raw, dictionary, schema, records)


def _head(document: dict[str, Any], records: Csv | Json) -> bytes:
    """What makes a mapping a dictionary file: its schema and its parser, which it does not say itself."""
    parser = (
        parser_name(records.delimiter, quoted=bool(records.quote)) if isinstance(records, Csv) else "json/1"
    )
    return f'schema = "{document["kind"]}.{document["name"]}"\nparser = "{parser}"\n'.encode()


def from_file(path: Path, shared: Mapping[str, bytes]) -> RecordMapping:
    """The mapping in a file; raises `ConfigError`."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) else "its name is not usable"
        raise ConfigError(
            f"the mapping {neutralize(str(path), 300)} cannot be read: {reason}",
            hint="Check the path given to --mapping.",
        ) from exc
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{neutralize(str(path), 300)} is larger than {MAX_BYTES} bytes", hint=HINT)
    return load(raw, str(path), shared)


def shipped(shared: Mapping[str, bytes]) -> dict[str, RecordMapping]:
    """The mappings that come with the program, by name."""
    folder = files("countersign.adapters.sources").joinpath("mappings")
    found = (file for file in folder.iterdir() if file.name.endswith(SUFFIX))
    return {file.name.removesuffix(SUFFIX): load(file.read_bytes(), file.name, shared) for file in found}
