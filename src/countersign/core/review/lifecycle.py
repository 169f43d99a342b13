"""The one place that says how a case's status changes. Nothing moves without a countersigned decision."""

from collections.abc import Collection
from typing import Literal

import msgspec

from countersign.core.briefs.suggest import Disposition

Status = Literal["open", "escalated", "contained", "closed"]
Act = Literal["escalate", "contain", "close", "reopen"]

KEEPS_OPEN: frozenset[Disposition] = frozenset({"suspicious"})
CLEARING: frozenset[Disposition] = frozenset({"false_positive", "benign_positive", "test", "duplicate"})
"""Dispositions that say nothing is to be done."""
FROM: dict[Act, frozenset[Status]] = {
    "escalate": frozenset({"open", "contained"}),
    "contain": frozenset({"open", "escalated", "contained"}),
    "close": frozenset({"open", "escalated", "contained"}),
    "reopen": frozenset({"closed"}),
}
ORDER: tuple[Act, ...] = ("reopen", "escalate", "contain", "close")
_LEADS_TO: dict[Act, Status] = {
    "escalate": "escalated",
    "contain": "contained",
    "close": "closed",
    "reopen": "open",
}


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a case stands by its last decision; `status` is open when it has none."""

    case: str
    status: Status = "open"
    disposition: str = ""
    decision: str = ""
    number: int = 0
    at_ns: int = 0
    snapshot: str = ""  # the evidence that the decision was over
    entry: str = ""  # the log's entry of the decision


def clears(disposition: Disposition, acts: Collection[Act]) -> bool:
    """Does it say that nothing is to be done, or close a case of which too little is known?"""
    return disposition in CLEARING or (disposition == "insufficient_data" and "close" in acts)


def after(status: Status, disposition: Disposition, acts: tuple[Act, ...]) -> Status:
    """The status that a decision leads to; `ValueError` in words when the acts do not fit it or each other."""
    if len(set(acts)) != len(acts) or [*acts] != sorted(acts, key=ORDER.index):
        raise ValueError(f"acts are named once each, in the order {', '.join(ORDER)}")
    if "close" in acts and disposition in KEEPS_OPEN:
        raise ValueError(f"{disposition} keeps a case open")
    if status == "closed" and acts != ("reopen",):
        raise ValueError("a closed case is reopened first, by a decision of its own")
    for act in acts:
        if status not in FROM[act]:
            raise ValueError(f"a case that is {status} cannot be acted on with {act}")
        status = _LEADS_TO[act]
    return status
