"""Mappings in the home: each version that was used once, so that later commands and proofs know its schema.

`mappings/SCHEMA@VERSION.toml`. The highest version of a schema is the one in force; no file is ever changed.
"""

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from countersign.adapters.sources.mapping import SUFFIX, RecordMapping, from_file, shipped
from countersign.core.render import neutralize
from countersign.errors import ConfigError, UsageError

FOLDER = "mappings"
_FILE = re.compile(r"((?:csv|json)\.[a-z0-9-]+)@([1-9][0-9]*)\.toml")


def named(names: Iterable[str], home: Path | None, shared: Mapping[str, bytes]) -> tuple[RecordMapping, ...]:
    """The mappings that somebody named, each by its file or its name; a home's own go before shipped ones.

    Raises `ConfigError` for one that cannot be used, `UsageError` for one that is not there or named twice.
    """
    found: dict[str, RecordMapping] = {}
    for name in names:
        one = from_file(Path(name), shared) if _is_file(name) else _by_name(name, home, shared)
        if one.name in found:
            raise UsageError(f"two mappings are called {one.name}", hint="Leave one out, or rename it.")
        found[one.name] = one
    return tuple(found.values())


def _is_file(name: str) -> bool:
    return os.sep in name or name.endswith(SUFFIX)


def _by_name(name: str, home: Path | None, shared: Mapping[str, bytes]) -> RecordMapping:
    own = {} if home is None else kept(home, shared)
    ours = shipped(shared)
    known = [one for one in (*own.values(), *ours.values()) if name in (one.name, one.name.partition(".")[2])]
    if not known:
        there = " ".join(sorted({one.name.partition(".")[2] for one in (*own.values(), *ours.values())}))
        raise UsageError(
            f"there is no mapping {neutralize(name, 100)!r}",
            hint=f"Give the path of a mapping file, or one of: {there}.",
        )
    return max(known, key=lambda one: one.version)  # the first of the highest


def kept(home: Path, shared: Mapping[str, bytes]) -> dict[str, RecordMapping]:
    """The mapping in force for each schema that the home knows."""
    newest: dict[str, tuple[int, Path]] = {}
    for path in sorted(_listed(home)):
        found = _FILE.fullmatch(path.name)
        if found:
            name, version = found[1], int(found[2])
            newest[name] = max(newest.get(name, (0, path)), (version, path))
    return {name: from_file(path, shared) for name, (_, path) in newest.items()}


def _listed(home: Path) -> Iterable[Path]:
    try:
        return list((home / FOLDER).iterdir())
    except FileNotFoundError:
        return []
    except OSError as exc:
        raise ConfigError(
            f"{home / FOLDER} cannot be read: {exc.strerror}", hint="Check who owns the home."
        ) from exc


def keep(home: Path, mapping: RecordMapping, before: RecordMapping | None) -> None:
    """Keep a mapping; raises `ConfigError` if the home holds another content under its version, or a later version.

    A crash leaves the file whole or not at all.
    """
    if before is not None and before.raw == mapping.raw:
        return
    name = neutralize(mapping.name)
    if before is not None and mapping.version <= before.version:
        raise ConfigError(
            f"the mapping {name} has changed, and its version {mapping.version} is not higher than "
            f"{before.version}, which this home has used",
            hint=f"Raise `version` to {before.version + 1} in the file, or give it another name.",
        )
    folder = home / FOLDER
    path = folder / f"{mapping.name}@{mapping.version}{SUFFIX}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}")
        part.write_bytes(mapping.raw)
        part.replace(path)
    except OSError as exc:
        raise ConfigError(
            f"{path} cannot be written: {exc.strerror}", hint="Check who owns the home."
        ) from exc
