"""A review: a verified brief in front of one analyst, over the digests of everything that was shown.

If the brief, the evidence, the policy or the tier changes, the review is stale and says what changed.
"""

from typing import Any, Literal

import msgspec

EventKind = Literal["opened", "viewed", "committed", "revealed", "answered"]


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What a review is over. Digests of content stay in the store; the log gets commitments."""

    brief: str  # brief id
    rendered: str  # sha256:… of the exact text that was put on the screen
    document: str  # sha256:… of the case document
    snapshot: str
    policy: str
    tier: int
    decision: str = ""  # D of the case's last decision; empty when it has none
    status: str = "open"


class Review(msgspec.Struct, frozen=True, kw_only=True):
    """One analyst's review of one case."""

    id: str  # r_…
    case: str
    person: str
    session: str
    opened_ns: int
    shown: Shown
    commit_first: bool  # the analyst commits to a disposition before the suggestion is revealed
    load_bearing: tuple[str, ...]  # claim ids whose evidence must have been opened
    must_see: tuple[int, ...]  # positions in the must-show panel that must have been opened
    rendered_blob: str = ""  # blob id of the rendered text


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that took place in a review. `what` is a claim id, `panel/N`, `brief`, or a claim id with a check.

    viewed: `seconds` on the screen. committed: `value` is the disposition said before the suggestion was seen.
    revealed: the suggestion was shown. answered: `what` is "c3#17", `value` upheld or overruled, `reason` in words.
    """

    at_ns: int
    kind: EventKind
    what: str = ""
    value: str = ""
    reason: str = ""
    milliseconds: int = 0


def event_document(event: Event) -> dict[str, Any]:
    """The event as JSON, for the view log that is signed."""
    return msgspec.structs.asdict(event)
