"""Reads the field dictionaries and the signals that come with the package; the core compiles them."""

from functools import lru_cache
from importlib.resources import files

from countersign.core.fields import Dictionary
from countersign.core.signals import Signals


@lru_cache(maxsize=1)
def bundled() -> Dictionary:
    """The dictionaries under `core/dictionary/`, compiled once per process."""
    return Dictionary.load(_files("dictionary"))


@lru_cache(maxsize=1)
def bundled_signals() -> Signals:
    """The signals under `core/signals/`, compiled once per process."""
    return Signals(_files("signals"))


def _files(folder: str) -> dict[str, bytes]:
    found = files("countersign.core").joinpath(folder).iterdir()
    return {file.name: file.read_bytes() for file in found if file.name.endswith(".toml")}
