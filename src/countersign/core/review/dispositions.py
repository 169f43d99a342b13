"""Dispositions: what each is exported as, and the closed list of reasons for which it may be given.

A reason code goes into the log, so it is a word of this list; what a person writes beside it is sealed.
Source of the verdict ids: https://schema.ocsf.io/1.8.0/classes/incident_finding
"""

from collections.abc import Collection
from typing import get_args

import msgspec

from countersign.core.briefs.suggest import Disposition
from countersign.core.review.lifecycle import CLEARING, Act

DISPOSITIONS: tuple[Disposition, ...] = get_args(Disposition)
VERDICT_ID: dict[Disposition, int] = {
    "false_positive": 1,
    "true_positive": 2,
    "suspicious": 4,
    "benign_positive": 5,
    "test": 6,
    "insufficient_data": 7,
    "security_risk": 8,
    "duplicate": 10,
}
"""OCSF `verdict_id` of Incident Finding. 0, 3, 9 and 99 are never exported: no person says them here."""


class Reason(msgspec.Struct, frozen=True):
    """Why a disposition was given; `with_act` says that it needs one of these acts beside it."""

    words: str
    dispositions: frozenset[Disposition]
    with_act: frozenset[Act] = frozenset()


def _for(words: str, *dispositions: Disposition) -> Reason:
    return Reason(words, frozenset(dispositions))


_ALL = frozenset(DISPOSITIONS)

REASONS: dict[str, Reason] = {
    "claims_hold": Reason("the claims named bear it out", _ALL - CLEARING),
    "evidence_confirms": _for("the evidence shows it directly", "true_positive", "security_risk"),
    "indicator_confirmed": _for("a known indicator was confirmed", "true_positive"),
    "owner_denies": _for(
        "the owner did not do it, asked over another channel", "true_positive", "suspicious"
    ),
    "policy_breach": _for("an allowed person did a forbidden thing", "security_risk", "true_positive"),
    "exposure": _for("something is open that should not be; nobody used it", "security_risk"),
    "approved_change": _for("an approved change covers it", "benign_positive"),
    "known_automation": _for("a known job did its usual work", "benign_positive"),
    "owner_confirmed": _for("the owner did it, asked over another channel", "benign_positive"),
    "expected_use": _for("it took place, and is what this account or host is for", "benign_positive"),
    "rule_defect": _for("the rule matched what it was not meant for", "false_positive"),
    "stale_intel": _for("the indicator is old, shared or allow-listed", "false_positive"),
    "source_fault": _for("the source or its parser reported what did not take place", "false_positive"),
    "registered_test": _for("a registered test or exercise covers it", "test"),
    "same_activity": _for("another case holds the same activity", "duplicate"),
    "signs_conflict": _for("the evidence points both ways", "suspicious"),
    "needs_more": _for("it is not settled, and can be", "suspicious", "insufficient_data"),
    "source_missing": _for(
        "a source that would tell is silent or partial", "insufficient_data", "suspicious"
    ),
    "cannot_be_told": _for("nothing that can still be had would tell", "insufficient_data"),
    "needs_another_team": Reason("another team must go on", _ALL - CLEARING, frozenset({"escalate"})),
    "stop_the_damage": Reason(
        "waiting costs more than acting",
        frozenset({"true_positive", "suspicious", "security_risk"}),
        frozenset({"contain"}),
    ),
    "new_evidence": Reason("evidence came that the decision did not know", _ALL, frozenset({"reopen"})),
    "decided_wrongly": Reason("the decision before was wrong", _ALL, frozenset({"reopen"})),
    "decided_too_early": Reason("the decision before came too early", _ALL, frozenset({"reopen"})),
}


def reasons_for(disposition: str, acts: Collection[str]) -> tuple[str, ...]:
    """The reason codes that fit; a case is reopened for a reason of its own."""
    return tuple(
        code
        for code, reason in REASONS.items()
        if disposition in reason.dispositions
        and (
            bool(reason.with_act & set(acts))
            if "reopen" in acts
            else not reason.with_act or bool(reason.with_act & set(acts))
        )
    )
