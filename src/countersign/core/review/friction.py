"""Friction by tier, as data: what must have been opened, seen, answered and said, and who signs with what key.

The table is a file (`policy/friction.toml`, or the home's own) and part of the policy digest. It is read strictly,
and it can only ask for more than the floors here: no setting turns the signature off (`docs/howto/policy.md`).
"""

import tomllib
from collections.abc import Collection, Iterator
from typing import Literal

import msgspec

from countersign.core.identity.people import ASSURANCES, Assurance

Opening = Literal["none", "objected", "load_bearing"]
Part = Literal["P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10"]
ALWAYS = 1000  # per mille
TIERS = (1, 2, 3)
BULK_TIER = 1
"""The highest tier at which several cases may be decided in one go, or one with a single keystroke."""


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a decision of one tier asks for."""

    open: Opening
    see: tuple[Part, ...]
    answer: tuple[Literal["contradicted", "unsupported"], ...]
    commit_first_per_mille: int
    signers: int
    assurance: tuple[Assurance, ...]  # the least, by place; the last one stands for all after it
    second_device: bool  # no two signatures by one key or credential
    text: int  # characters
    valid_seconds: int
    bulk: bool
    one_keystroke: bool

    def least(self, place: int) -> Assurance:
        """What the signature at this place (0 is the first) must reach."""
        return self.assurance[min(place, len(self.assurance) - 1)]


class Raise(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What lifts a decision above the tier of its case."""

    contain: int
    many_targets: int
    other_kinds: int
    close_high: int
    close_critical: int
    kinds: dict[str, int]


class Friction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole table."""

    version: Literal[1]
    challenge_seconds: int
    second_valid_seconds: int
    clearing_text: int
    tier: dict[str, Row]
    raises: Raise = msgspec.field(name="raise")

    def row(self, tier: int) -> Row:
        """What this tier asks for; tier 0 asks for what tier 1 does, and nothing is above 3."""
        return self.tier[str(min(max(tier, TIERS[0]), TIERS[-1]))]

    def to_close(self, tier: int, severity: str) -> int:
        """The tier of a decision that closes a case of this tier and severity."""
        graver = {"high": self.raises.close_high, "critical": self.raises.close_critical}
        return max(tier, graver.get(severity, 0))

    def to_contain(self, tier: int, kinds: Collection[str], targets: Collection[str]) -> int:
        """The tier of a decision that authorises actions of these kinds on these targets."""
        known = self.raises.kinds
        asked = [known.get(kind, self.raises.other_kinds) for kind in kinds]
        many = [self.raises.many_targets] if len(set(targets)) > 1 else []
        return max(tier, self.raises.contain, *asked, *many)


def parse(data: bytes) -> Friction:
    """The table that a file holds; `ValueError` in words when it is malformed or asks for too little."""
    try:
        read = msgspec.convert(tomllib.loads(data.decode()), Friction)
    except (msgspec.ValidationError, tomllib.TOMLDecodeError, UnicodeError) as error:
        raise ValueError(f"friction.toml: {error}") from error
    if too_little := [*_faults(read)]:
        raise ValueError(f"friction.toml: {'; '.join(too_little)}")
    return read


def _faults(friction: Friction) -> Iterator[str]:
    """What is asked for too little, and what cannot be meant."""
    if sorted(friction.tier) != [str(tier) for tier in TIERS]:
        yield "it has rows for exactly the tiers 1, 2 and 3"
        return
    for tier in TIERS:
        yield from (f"tier {tier}: {fault}" for fault in _row_faults(tier, friction.row(tier)))
    if not 30 <= friction.challenge_seconds <= 300:
        yield "challenge_seconds is 30 to 300"
    if not 60 <= friction.second_valid_seconds <= 86_400:
        yield "second_valid_seconds is 60 to 86400"
    if friction.clearing_text < 1:
        yield "clearing_text is at least 1: clearing is never without a reason in words"
    raises = friction.raises
    least = {"contain": 2, "many_targets": 3, "other_kinds": 2, "close_high": 2, "close_critical": 3}
    for name, floor in least.items():
        if not floor <= getattr(raises, name) <= TIERS[-1]:
            yield f"raise.{name} is {floor} to {TIERS[-1]}"
    if any(not 1 <= tier <= TIERS[-1] for tier in raises.kinds.values()):
        yield "raise.kinds are tiers 1 to 3"


_SIGNERS = {1: 1, 2: 1, 3: 2}
_ASSURANCE: dict[int, Assurance] = {1: "software", 2: "webauthn-uv", 3: "webauthn-uv-device"}
_SEE = {1: frozenset({"P5"}), 2: frozenset({"P1", "P2", "P5", "P6", "P7"})}


def _row_faults(tier: int, row: Row) -> Iterator[str]:
    if not _SIGNERS[tier] <= row.signers <= 2:
        yield f"signers is {_SIGNERS[tier]} to 2"
    floor = ASSURANCES.index(_ASSURANCE[tier])
    if not row.assurance or any(ASSURANCES.index(one) < floor for one in row.assurance):
        yield f"assurance is {_ASSURANCE[tier]} or better"
    if tier == TIERS[-1] and not row.second_device:
        yield "second_device is true"
    if not _SEE[min(tier, 2)] <= set(row.see):
        yield f"see holds {', '.join(sorted(_SEE[min(tier, 2)]))}"
    if "contradicted" not in row.answer or (tier > 1 and "unsupported" not in row.answer):
        yield "answer holds contradicted" + (" and unsupported" if tier > 1 else "")
    if row.open != "load_bearing" and (tier > 1 or row.open == "none"):
        yield f"open is load_bearing{'' if tier > 1 else ' or objected'}"
    low, high = (ALWAYS, ALWAYS) if tier == TIERS[-1] else (1, ALWAYS) if tier > 1 else (0, ALWAYS)
    if not low <= row.commit_first_per_mille <= high:
        yield f"commit_first_per_mille is {low} to {high}"
    if row.text < (1 if tier > 1 else 0):
        yield "text is at least 1"
    if not 30 <= row.valid_seconds <= 3600:
        yield "valid_seconds is 30 to 3600"
    if tier > BULK_TIER and (row.bulk or row.one_keystroke):
        yield "bulk and one_keystroke exist at tier 1 only"
