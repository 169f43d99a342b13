"""What an analyst chose, before it is a document: disposition, acts, what it rests on, and why."""

from collections.abc import Iterator, Mapping

import msgspec

from countersign.core.briefs.suggest import Disposition
from countersign.core.review.decision import Action
from countersign.core.review.lifecycle import Act
from countersign.core.review.proposal import Proposal

MAX_TEXT = 4000  # code points of one text
MAX_NAME = 128  # of one id or code
MAX_LISTED = 200  # claims, unknowns or actions of one decision


class Choice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing in it is pre-selected: every field but the tuples is the analyst's own word."""

    disposition: Disposition
    reason: str  # a code of `dispositions.REASONS`
    reason_text: str = ""
    acts: tuple[Act, ...] = ()
    actions: tuple[str, ...] = ()  # ids of proposals that a `contain` authorises
    rests_on: tuple[str, ...] = ()  # claim ids
    unknowns: tuple[str, ...] = ()  # what is not known, each in a sentence


def faults(choice: Choice) -> Iterator[str]:
    """What makes it no choice at all, in words. Constructing a Struct checks no types, so they are checked here."""
    try:
        msgspec.convert(msgspec.to_builtins(choice), Choice)
    except (msgspec.ValidationError, TypeError) as error:
        yield str(error)[:200]
        return
    for what in ("actions", "rests_on", "unknowns"):
        listed: tuple[str, ...] = getattr(choice, what)
        if len(set(listed)) != len(listed) or not all(one.strip() for one in listed):
            yield f"{what} names each one once"
        if len(listed) > MAX_LISTED:
            yield f"{what} names at most {MAX_LISTED}"
    if any(len(name) > MAX_NAME for name in (choice.reason, *choice.actions, *choice.rests_on)):
        yield f"an id or a code has at most {MAX_NAME} characters"
    if any(len(text) > MAX_TEXT for text in (choice.reason_text, *choice.unknowns)):
        yield f"a text has at most {MAX_TEXT} characters"


def resolved(choice: Choice, proposals: Mapping[str, Proposal]) -> tuple[Action, ...]:
    """The actions as they are signed. An id that names no proposal is left out, never resolved to another."""
    known = (proposals[name] for name in choice.actions if name in proposals)
    return tuple(
        Action(kind=one.kind, target=one.target, payload_digest=one.payload_digest, proposal=one.id)
        for one in known
    )
