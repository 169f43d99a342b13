"""Rulings: permitted by a named rule, or denied with what would satisfy it. Silence denies."""

from typing import TypeAlias

import msgspec


class Permitted(msgspec.Struct, frozen=True):
    """A rule permits it."""

    by_rules: tuple[str, ...]
    policy: str  # sha256:… of the policy set


class Denied(msgspec.Struct, frozen=True):
    """Which rule refuses, why, and what would satisfy it. All three are plain words that a person reads."""

    rule: str
    reason: str
    satisfy: str = ""

    def __str__(self) -> str:
        return f"{self.rule}: {self.reason}" + (f" ({self.satisfy})" if self.satisfy else "")


Ruling: TypeAlias = Permitted | Denied
