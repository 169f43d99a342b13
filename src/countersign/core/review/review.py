"""A review: a verified brief in front of one analyst, over the digests of everything that was shown.

If the brief, the evidence, the policy or the tier changes, the review is stale and says what changed. Reviews are
made in `core/review/opening`; what took place in one is a row of events, in order, and only ever grows.
"""

import re
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from countersign.errors import TamperDetected

EventKind = Literal["opened", "viewed", "committed", "revealed", "answered"]
Answer = Literal["upheld", "overruled"]


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
    """One analyst's review of one case. Made in `core/review/opening`, read back with `restore_review`."""

    id: str  # r_…
    case: str
    person: str
    session: str
    opened_ns: int
    shown: Shown
    commit_first: bool  # the analyst commits to a disposition before the suggestion is revealed
    load_bearing: tuple[str, ...]  # claim ids whose evidence must have been opened
    must_see: tuple[int, ...]  # positions in the must-show panel, from 1, that must have been on the screen
    rendered_blob: str = ""  # blob id of the rendered text


def review_bytes(review: Review) -> bytes:
    """The review as it is kept."""
    return msgspec.json.encode(review)


def restore_review(raw: bytes) -> Review:
    """A review that was kept; `TamperDetected` when the bytes are none."""
    try:
        return msgspec.json.decode(raw, type=Review)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise TamperDetected("a stored review cannot be read") from error


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that took place in a review.

    opened: `what` is a claim id whose evidence was opened, or as for viewed.
    viewed: `what` was on the screen for `milliseconds`: `brief`, `panel/3`, `panel/3-57`, or `action/ID` with the
    payload's digest as `value`.
    committed: `value` is the disposition said before the suggestion was seen. revealed: the suggestion was shown.
    answered: `what` is an objection, "c3#17", `value` upheld or overruled, `reason` in words.
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


def opened(events: Iterable[Event]) -> frozenset[str]:
    """The claims whose evidence was opened."""
    return frozenset(event.what for event in events if event.kind == "opened")


_PANEL = re.compile(r"panel/([1-9]\d{0,5})(?:-([1-9]\d{0,5}))?")
MAX_PANEL = 10_000  # more entries than any panel has


def panel_seen(events: Iterable[Event]) -> frozenset[int]:
    """The positions of the must-show panel that were on the screen."""
    seen: set[int] = set()
    for event in events:
        found = _PANEL.fullmatch(event.what) if event.kind in {"opened", "viewed"} else None
        if found:
            first, last = int(found[1]), int(found[2] or found[1])
            seen.update(range(first, min(last, first + MAX_PANEL) + 1))
    return frozenset(seen)


def actions_seen(events: Iterable[Event]) -> Mapping[str, str]:
    """Proposals that were on the screen, and the digest of the payload as it was shown last."""
    seen = (event for event in events if event.kind in {"opened", "viewed"})
    return {event.what[7:]: event.value for event in seen if event.what.startswith("action/")}


def answers(events: Iterable[Event]) -> Mapping[str, Event]:
    """The last answer to each objection; earlier ones stay in the view log."""
    return {event.what: event for event in events if event.kind == "answered"}


def commitment(events: Sequence[Event], dispositions: Container[str]) -> tuple[int | None, int | None]:
    """Where in the events the first commitment to a disposition and the first reveal stand; None where there is none."""
    said = [n for n, event in enumerate(events) if event.kind == "committed" and event.value in dispositions]
    revealed = [n for n, event in enumerate(events) if event.kind == "revealed"]
    return (said[0] if said else None, revealed[0] if revealed else None)
