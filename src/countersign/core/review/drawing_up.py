"""Draw up a decision document from a choice: the bytes that people sign. Refused while anything is lacking.

The only maker of a `DecisionDocument` besides reading one back. It holds no text of a person and no name of a signer.
"""

import msgspec

from countersign.core.canonical import NANOSECONDS, format_time
from countersign.core.review.choice import Choice, resolved
from countersign.core.review.decision import DecisionDocument
from countersign.core.review.requirements import Demand, Signer, Situation, demand, lacking
from countersign.core.review.ruling import Denied

SALT_BYTES = 16


class Commitments(msgspec.Struct, frozen=True, kw_only=True):
    """Keyed commitments (`hmac-sha256:…`) to what the document binds but does not hold."""

    brief: str
    evidence: str
    shown: str
    views: str
    answers: str
    reason_text: str
    unknowns: str = ""  # empty when none are stated


def draw_up(
    situation: Situation, choice: Choice, signer: Signer, commitments: Commitments, salt: bytes
) -> DecisionDocument | tuple[Denied, ...]:
    """The document of this choice, or everything that it lacks. `salt` is 16 random bytes, new for each document."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes")
    if bool(choice.unknowns) != bool(commitments.unknowns):
        raise ValueError("stated unknowns are committed to, and nothing else is")
    if missing := lacking(situation, choice, signer):
        return missing
    actions = resolved(choice, situation.proposals)
    asked = demand(situation, choice, actions)
    return DecisionDocument(
        case=situation.review.case,
        after=situation.standing.decision,
        brief=commitments.brief,
        evidence=commitments.evidence,
        policy=situation.now.policy,
        tier=asked.tier,
        suggested=situation.facts.suggested,
        disposition=choice.disposition,
        acts=choice.acts,
        actions=actions,
        shown=commitments.shown,
        views=commitments.views,
        answers=commitments.answers,
        unknowns=commitments.unknowns,
        rests_on=choice.rests_on,
        reason=choice.reason,
        reason_text=commitments.reason_text,
        review=situation.review.id,
        expires=stamp(situation.at_ns + seconds_to_sign(situation, asked) * NANOSECONDS),
        salt=salt.hex(),
    )


def seconds_to_sign(situation: Situation, asked: Demand) -> int:
    """How long a document that asks this may be signed. A second person has to be found, and to look."""
    return situation.friction.second_valid_seconds if asked.signers > 1 else asked.row.valid_seconds


def stamp(ns: int) -> str:
    """RFC 3339 in UTC with exactly three decimals, cut off."""
    return f"{format_time(ns)[:19]}.{ns // 1_000_000 % 1000:03d}Z"
