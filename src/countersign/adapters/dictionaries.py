"""Reads the field dictionaries that come with the package; the core compiles them."""

from functools import lru_cache
from importlib.resources import files

from countersign.core.fields import Dictionary


@lru_cache(maxsize=1)
def bundled() -> Dictionary:
    """The dictionaries under `core/dictionary/`, compiled once per process."""
    folder = files("countersign.core").joinpath("dictionary")
    return Dictionary.load({f.name: f.read_bytes() for f in folder.iterdir() if f.name.endswith(".toml")})
