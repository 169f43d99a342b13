"""Several cases in one go: at a low tier only, and only those that were named with exactly what changes.

The confirmation is text made here from the choices; its digest comes back with the go-ahead, so that nobody confirms
one list and decides another. Each case then gets a document, a signature, a decision and a result of its own, and
one that fails neither undoes nor hides another.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from countersign.core.ids import digest
from countersign.core.review.choice import Choice, resolved
from countersign.core.review.friction import BULK_TIER
from countersign.core.review.lifecycle import after
from countersign.core.review.requirements import Signer, Situation, demand, lacking
from countersign.core.review.ruling import Denied


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One case of several, and what was chosen for it."""

    situation: Situation
    choice: Choice

    @property
    def case(self) -> str:
        """The case's id."""
        return self.situation.review.case


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What would change, to be read and confirmed, and what cannot be decided, with why."""

    lines: tuple[str, ...]
    digest: str  # sha256:… of the lines: what a confirmation is over
    ready: tuple[Item, ...]
    refused: Mapping[str, tuple[Denied, ...]]  # by case id


def plan(items: Sequence[Item], signer: Signer) -> Plan:
    """The plan of deciding these cases in one go; a case that cannot be decided so is refused by itself."""
    named = Counter(item.case for item in items)
    missing = {item.case: tuple(_lacking(item, signer, twice=named[item.case] > 1)) for item in items}
    ready = tuple(item for item in items if not missing[item.case])
    lines = tuple(map(_line, ready))
    return Plan(
        lines=lines,
        digest=digest("\n".join(lines).encode()),
        ready=ready,
        refused={case: denied for case, denied in missing.items() if denied},
    )


def unconfirmed(made: Plan, confirmed: str) -> tuple[Denied, ...]:
    """Why this plan is not the one that was confirmed; nothing when it is, and has a case."""
    if made.ready and confirmed == made.digest:
        return ()
    why = "what would change is not what was confirmed" if made.ready else "no case can be decided so"
    return (Denied("RV-30", why, "Read the list again, and confirm that."),)


def _lacking(item: Item, signer: Signer, *, twice: bool) -> Iterator[Denied]:
    if twice:
        yield Denied("RV-31", f"{item.case} is named twice", "Name it once.")
    situation, choice = item.situation, item.choice
    yield from (missing := lacking(situation, choice, signer))
    if any(one.rule == "RV-05" for one in missing):
        return
    asked = demand(situation, choice, resolved(choice, situation.proposals))
    if asked.tier > BULK_TIER or not asked.row.bulk or asked.signers > 1:
        what = f"tier {asked.tier}" if asked.signers == 1 else "a decision that two people sign"
        yield Denied("RV-30", f"{what} is not decided together with others", f"Decide {item.case} by itself.")


def _line(item: Item) -> str:
    """One case of the confirmation: which case, which claims, which acts, and what becomes of it."""
    choice, standing = item.choice, item.situation.standing
    acts = ", ".join(choice.acts) or "no act"
    rests = ", ".join(choice.rests_on) or "no claim named"
    status = after(standing.status, choice.disposition, choice.acts)
    was = standing.disposition or "no disposition"
    return (
        f"{item.case}: {was} → {choice.disposition} ({choice.reason}); {acts}; "
        f"rests on {rests}; {standing.status} → {status}"
    )
