"""Echoes: alerts that only repeat another, as `echoes.toml` declares them.

Duplicates are one record met twice; echoes are two records of one event. They are folded into the case of their
original and counted there, and neither open nor attract anything.
"""

import re
import tomllib

import msgspec

MAX_KNOWN = 65_536
Told = tuple[str, str, str]
"""Source, rule, category."""


class Original(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an echo repeats: any alert of the source whose rule begins so."""

    source: str
    rule: str = ""


class Echo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One row of the table; `rule` is a regular expression that the rule's name begins with."""

    source: str
    of: tuple[Original, ...]
    rule: str = ""
    category: str = ""
    named: bool = False

    def repeats(self, rule: str, source: str, original: str) -> bool:
        """Would an alert of this echo's `rule` repeat the original, an alert of that source and rule?"""
        if self.named and not rule.endswith(original):
            return False
        return any(one.source == source and re.match(one.rule, original) for one in self.of)


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    echo: tuple[Echo, ...]


class Echoes:
    """The table, compiled. Without data it declares nothing."""

    def __init__(self, data: bytes = b"") -> None:
        """Raises `ValueError` for data that is no table of echoes."""
        told = msgspec.convert(tomllib.loads(data.decode()), _Document) if data else None
        self.rows = told.echo if told else ()
        for pattern in (p for row in self.rows for p in (row.rule, *(one.rule for one in row.of))):
            try:
                re.compile(pattern)
            except re.error as exc:
                raise ValueError(f"{pattern!r} is no regular expression: {exc}") from exc
        self._known: dict[Told, tuple[Echo, ...]] = {}

    def declared(self, source: str, rule: str, category: str) -> tuple[Echo, ...]:
        """The rows that such an alert may be an echo by."""
        told = (source, rule, category)
        found = self._known.get(told)
        if found is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            found = self._known[told] = tuple(
                row
                for row in self.rows
                if row.source == source
                and row.category in {"", category}
                and (rule and re.match(row.rule, rule))
            )
        return found
