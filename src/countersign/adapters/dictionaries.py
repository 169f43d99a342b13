"""Reads the field dictionaries, the signals and the decisive sources that come with the package; the core compiles them."""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

from countersign.core.cases.decisive import Decisive
from countersign.core.cases.echoes import Echoes
from countersign.core.facts.signals import Signals
from countersign.core.records.fields import Dictionary


@lru_cache(maxsize=1)
def bundled() -> Dictionary:
    """The dictionaries under `core/records/dictionary/`, compiled once per process."""
    return Dictionary.load(bundled_files())


@lru_cache(maxsize=1)
def bundled_files() -> Mapping[str, bytes]:
    """The files under `core/records/dictionary/`, by name."""
    return _files("records", "dictionary")


def with_files(more: Mapping[str, bytes]) -> Dictionary:
    """The bundled dictionaries and these beside them."""
    return Dictionary.load({**bundled_files(), **more}) if more else bundled()


@lru_cache(maxsize=1)
def bundled_signals() -> Signals:
    """The signals under `core/facts/signals/`, compiled once per process."""
    return Signals(_files("facts", "signals"))


@lru_cache(maxsize=1)
def bundled_decisive() -> Decisive:
    """Which sources decide a case, from `core/cases/decisive.toml`."""
    return Decisive(files("countersign.core").joinpath("cases", "decisive.toml").read_bytes())


@lru_cache(maxsize=1)
def bundled_echoes() -> Echoes:
    """Which alerts only repeat others, from `core/cases/echoes.toml`."""
    return Echoes(files("countersign.core").joinpath("cases", "echoes.toml").read_bytes())


def _files(room: str, folder: str) -> dict[str, bytes]:
    found = files("countersign.core").joinpath(room, folder).iterdir()
    return {file.name: file.read_bytes() for file in found if file.name.endswith(".toml")}
