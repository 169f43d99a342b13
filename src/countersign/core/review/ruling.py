"""Rulings: permitted by a named rule, or denied with what would satisfy it. Silence denies."""

from collections.abc import Sequence
from typing import TypeAlias

import msgspec


class Permitted(msgspec.Struct, frozen=True):
    """A rule permits it. Only `ruled` makes one."""

    by_rules: tuple[str, ...]
    policy: str  # sha256:… of the policy set


class Denied(msgspec.Struct, frozen=True):
    """Which rule refuses, why, and what would satisfy it. All three are plain words that a person reads."""

    rule: str
    reason: str
    satisfy: str = ""
    names: tuple[
        str, ...
    ] = ()  # claims, objections or proposals by their ids, entries of the panel by their numbers

    def __str__(self) -> str:
        return f"{self.rule}: {self.reason}" + (f" ({self.satisfy})" if self.satisfy else "")


Ruling: TypeAlias = Permitted | Denied

NO_RULE = "PE-01"
"""No policy permits it."""
FORBIDDEN = "PE-02"
"""A policy without a name forbids it; otherwise the rule is the policy's own name."""
NO_ANSWER = "PE-03"
"""The engine gave no clean answer: an error inside a condition, a request that does not fit the schema."""


def ruled(
    decision: str, *, errors: Sequence[str], rules: Sequence[str], policy: str, asked: str, satisfy: str = ""
) -> Ruling:
    """The ruling that an engine's answer amounts to: only a clean Allow by a named rule permits.

    `decision` is the engine's word (`Allow`, `Deny`, `NoDecision`); `rules` are the names of the policies that
    determined it; `asked` says who wanted what, in words. A policy whose condition fails is skipped by the engine,
    so any error at all is a denial.
    """
    if errors or decision not in {"Allow", "Deny"}:
        what = "; ".join(errors)[:400] or f"the answer was {decision}"
        return Denied(
            NO_ANSWER, f"{asked}: the policy gave no clean answer: {what}", "Run `countersign policy check`."
        )
    named = tuple(sorted({rule for rule in rules if rule}))
    if decision == "Allow" and named and len(named) == len(set(rules)):
        return Permitted(named, policy)
    if decision == "Deny" and rules:
        return Denied(", ".join(named) or FORBIDDEN, f"{asked}: the policy forbids it", satisfy)
    return Denied(NO_RULE, f"{asked}: no policy permits it", satisfy)
