"""A brief: a drafter's reply, read strictly, its numbers turned into the evidence they stand for.

Only this module makes a `Brief`. A reply that is not such a document is a MalformedDraft; one bad claim
costs that claim only. Shape: contract `brief.schema.json`.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from countersign.core.claims.claims import Claim, HypothesisClaim, Malformed
from countersign.core.claims.strict import parse_claims, strict_json
from countersign.errors import MalformedDraft

MAX_REPLY = 1024 * 1024
MAX_CLAIMS = 2000
MAX_COMMENTARY = 2000
SCHEMA = "countersign.brief/1"
_KEYS = {"schema", "claims", "use", "commentary", "order", "questions"}
_MENU_ID = re.compile(r"f[1-9][0-9]{0,5}")
_QUESTION = re.compile(r"Q(0[1-9]|1[0-9]|2[0-5])")


class Brief(msgspec.Struct, frozen=True):
    """What a drafter proposes of one case: claims in reading order, and its ranking of questions."""

    claims: tuple[Claim | Malformed, ...]
    questions: tuple[str, ...] = ()
    commentary: str = ""


def parse_brief(reply: bytes, cites: Mapping[str, str], menu: Mapping[str, Claim]) -> Brief:
    """Read a reply. `cites` maps `e1`… to evidence ids, `menu` maps `f1`… to typed claims.

    Raises MalformedDraft when it is not one JSON document of the right shape.
    """
    if len(reply) > MAX_REPLY:
        raise MalformedDraft("the reply is longer than 1 MB")
    try:
        document = strict_json(reply)
    except ValueError as error:
        raise MalformedDraft("the reply is not JSON") from error
    _shape(document)
    own = parse_claims(document["claims"], cites)
    taken = [_own_id(claim) for claim in own]
    used = [menu.get(name) or _unknown(name) for name in document.get("use", [])]
    return Brief(
        _ordered([*used, *taken], document.get("order", [])),
        tuple(document.get("questions", [])),
        document.get("commentary", ""),
    )


def reread(first: Brief, again: Brief) -> Brief:
    """A masked re-draft's readings beside the first draft's facts, which keep showing what was covered."""
    facts = tuple(claim for claim in first.claims if not isinstance(claim, HypothesisClaim | Malformed))
    told = {claim.id for claim in facts}
    return Brief((*facts, *(claim for claim in again.claims if claim.id not in told)))


def _own_id(claim: Claim | Malformed) -> Claim | Malformed:
    if not isinstance(claim, Malformed) and _MENU_ID.fullmatch(claim.id):
        return Malformed(None, None, None, 1, "a drafter's own claim is never named f and digits")
    return claim


def _unknown(name: str) -> Malformed:
    return Malformed(name, None, None, 3, "takes over a fact that the menu does not hold")


def _ordered(claims: list[Claim | Malformed], order: list[str]) -> tuple[Claim | Malformed, ...]:
    place = {name: position for position, name in enumerate(order)}
    ranked = sorted(enumerate(claims), key=lambda row: (place.get(row[1].id or "", len(place)), row[0]))
    return tuple(claim for _, claim in ranked)


def _shape(document: Any) -> None:
    if type(document) is not dict or not {"schema", "claims"} <= set(document) <= _KEYS:
        raise MalformedDraft(
            "the reply is not one object with schema and claims, and no other keys than allowed"
        )
    if document["schema"] != SCHEMA or not isinstance(document["claims"], list):
        raise MalformedDraft(f"the reply is not a {SCHEMA} document")
    if len(document["claims"]) > MAX_CLAIMS:
        raise MalformedDraft(f"the reply holds more than {MAX_CLAIMS} claims")
    _names(document.get("use", []), _MENU_ID, "use")
    _names(document.get("questions", []), _QUESTION, "questions")
    _names(document.get("order", []), re.compile(r"[a-z][a-z0-9_]{0,15}"), "order")
    commentary = document.get("commentary", "")
    if not isinstance(commentary, str) or len(commentary) > MAX_COMMENTARY:
        raise MalformedDraft(f"commentary is text of at most {MAX_COMMENTARY} characters")


def _names(value: Any, form: re.Pattern[str], key: str) -> None:
    if not isinstance(value, list) or len(value) > MAX_CLAIMS:
        raise MalformedDraft(f"{key} is an array of at most {MAX_CLAIMS} names")
    if not all(isinstance(name, str) and form.fullmatch(name) for name in value) or len(set(value)) != len(
        value
    ):
        raise MalformedDraft(f"{key} holds distinct well-formed names")
