"""Open a review: on a verified brief only, for one analyst, over digests of all that is shown.

The only maker of a `Review`. Whether the analyst commits first follows from bytes that nobody can pick: a keyed
digest of `draw_subject`, so that opening again draws the same.
"""

from collections.abc import Collection

from countersign.core.identity.people import Person, Session
from countersign.core.review.casefacts import CaseFacts
from countersign.core.review.friction import ALWAYS, Friction, Row
from countersign.core.review.proposal import Proposal
from countersign.core.review.review import Review, Shown
from countersign.core.review.ruling import Denied, Ruling
from countersign.errors import NotPermitted, NotSignedIn, ReviewError

DRAW_BYTES = 32


def draw_subject(facts: CaseFacts, person: str) -> bytes:
    """What is keyed to draw whether this person commits first on this brief."""
    return f"countersign/commit-first/v1\n{facts.case}\n{facts.brief}\n{facts.snapshot}\n{person}".encode()


def is_drawn(draw: bytes, per_mille: int) -> bool:
    """Does this draw (32 keyed bytes, uniform) fall into the sample?"""
    if len(draw) != DRAW_BYTES:
        raise ValueError(f"a draw has {DRAW_BYTES} bytes")
    return int.from_bytes(draw[:8], "big") * ALWAYS < per_mille << 64


def commits_first(
    facts: CaseFacts, tier: int, friction: Friction, draw: bytes, proposals: Collection[Proposal] = ()
) -> bool:
    """Does the analyst say what they think before the suggestion is revealed?"""
    return is_drawn(draw, _row(facts, tier, friction, proposals).commit_first_per_mille)


def must_see(
    facts: CaseFacts, tier: int, friction: Friction, proposals: Collection[Proposal] = ()
) -> tuple[int, ...]:
    """Where the entries of the must-show panel stand, from 1, that the gravest foreseeable decision asks for."""
    return facts.positions(_row(facts, tier, friction, proposals).see)


def _row(facts: CaseFacts, tier: int, friction: Friction, proposals: Collection[Proposal]) -> Row:
    """What the gravest decision would ask for that can be foreseen: closing the case, or all that is proposed."""
    gravest = friction.to_close(tier, facts.severity)
    if proposals:
        kinds, targets = [one.kind for one in proposals], [one.target for one in proposals]
        gravest = max(gravest, friction.to_contain(tier, kinds, targets))
    return friction.row(gravest)


def open_review(
    facts: CaseFacts,
    shown: Shown,
    person: Person,
    session: Session,
    *,
    friction: Friction,
    ruling: Ruling,
    draw: bytes,
    review_id: str,
    at_ns: int,
    rendered_blob: str = "",
    proposals: Collection[Proposal] = (),
) -> Review:
    """A review of this case by this person, with the actions that are proposed on it so far.

    `ruling` is the policy's on `review.open`; `draw` the keyed digest (32 bytes) of `draw_subject`.
    `NotPermitted` when the policy denies it, `NotSignedIn` when the session is somebody else's or over,
    `ReviewError` when `shown` is not over this case.
    """
    if isinstance(ruling, Denied):
        raise NotPermitted(str(ruling))
    if session.person != person.id or not session.opened_ns <= at_ns < session.expires_ns:
        raise NotSignedIn
    if (shown.document, shown.brief, shown.snapshot) != (facts.document, facts.brief, facts.snapshot):
        raise ReviewError("what is shown is not this case's verified brief")
    row = _row(facts, shown.tier, friction, proposals)
    return Review(
        id=review_id,
        case=facts.case,
        person=person.id,
        session=session.id,
        opened_ns=at_ns,
        shown=shown,
        commit_first=commits_first(facts, shown.tier, friction, draw, proposals),
        load_bearing=facts.load_bearing(row.answer),
        must_see=must_see(facts, shown.tier, friction, proposals),
        rendered_blob=rendered_blob,
    )


_IN_WORDS = {
    "brief": "the brief was drafted anew",
    "snapshot": "the case has other evidence now",
    "policy": "the policy changed",
    "decision": "somebody decided the case meanwhile",
}


def changed(review: Review, now: Shown) -> tuple[str, ...]:
    """What is no longer as it was shown, in words; nothing when the review still stands."""
    was = review.shown
    told = [words for name, words in _IN_WORDS.items() if getattr(was, name) != getattr(now, name)]
    if was.tier != now.tier:
        told.append(f"the case is of tier {now.tier} now; it was {was.tier}")
    if was.status != now.status:
        told.append(f"the case is {now.status} now; it was {was.status}")
    if not told and was.document != now.document:
        told.append("the case document changed")
    return tuple(told)
