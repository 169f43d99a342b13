"""together: several cases of a low tier in one go. What would change is read and confirmed; each case stands alone.

Every case gets a document, a signature, a decision and a result of its own. One that fails neither undoes nor hides
another: each result says what became of its case.
"""

from collections.abc import Mapping, Sequence

import msgspec

from countersign.core.identity.signed import Signature
from countersign.core.ids import digest
from countersign.core.review.bulk import Item, Plan, plan, unconfirmed
from countersign.core.review.choice import Choice
from countersign.core.review.decision import Decision, read_document
from countersign.core.review.friction import BULK_TIER
from countersign.core.review.requirements import Signer
from countersign.core.review.ruling import Denied
from countersign.errors import AuditLogError, CountersignError, ReviewError
from countersign.ports import Ports
from countersign.steps.decide import Prepared, Waiting, kept, prepare, published, signer, waiting
from countersign.steps.people import session_of
from countersign.steps.review import look, refusal


class DrawnUp(msgspec.Struct, frozen=True):
    """One case of several: its document, or why there is none."""

    case: str
    prepared: Prepared | None = None
    error: CountersignError | None = None


class Result(msgspec.Struct, frozen=True):
    """What became of one case of several: a decision that is in effect, or the error that says why not."""

    digest: str
    case: str = ""
    decision: Decision | None = None
    error: CountersignError | None = None


def planned(choices: Mapping[str, Choice], token: bytes, ports: Ports) -> Plan:
    """What would change, case by case, by the reviews of the person who is signed in; nothing is written.

    `choices` are by review id. The plan's digest is what a confirmation is over.
    """
    items, by = list[Item](), list[Signer]()
    refused: dict[str, tuple[Denied, ...]] = {}
    with ports.store.reading() as tx:
        session_of(tx, ports, token)
        for review_id, choice in choices.items():
            found = look(tx, review_id, token, ports, writes=False)
            asks = signer(found, choice, ports)
            if isinstance(asks.ruling, Denied):
                refused[found.review.case] = (asks.ruling,)
            else:
                items.append(Item(situation=found.situation, choice=choice))
                by.append(asks)
    if not choices:
        raise ReviewError("no case was named", hint="Name each case that is to be decided.")
    if not by:
        return Plan(lines=(), digest=digest(b""), ready=(), refused=refused)
    made = plan(items, by[0])
    return msgspec.structs.replace(made, refused={**refused, **made.refused})


def confirmed(choices: Mapping[str, Choice], digest: str, token: bytes, ports: Ports) -> tuple[DrawnUp, ...]:
    """Draw up a document for each case of the plan that was confirmed: `digest` is that of the lines that were read."""
    made = planned(choices, token, ports)
    if denied := unconfirmed(made, digest):
        raise refusal(*denied)
    drawn = [_drawn_up(item, token, ports) for item in made.ready]
    refused = [DrawnUp(case, error=refusal(*why)) for case, why in made.refused.items()]
    return (*refused, *drawn)


def _drawn_up(item: Item, token: bytes, ports: Ports) -> DrawnUp:
    try:
        made = prepare(item.situation.review.id, item.choice, token, ports)
        return DrawnUp(item.case, prepared=made)
    except CountersignError as error:
        return DrawnUp(item.case, error=error)


def sign_together(
    signatures: Sequence[tuple[str, Signature]], token: bytes, ports: Ports
) -> tuple[Result, ...]:
    """Sign documents of a low tier, each with a signature of its own; one publication puts all of them in effect.

    Raises only when the log cannot be written to begin with; everything else is the result of its case.
    """
    ports.publisher.publish()
    made = [_signed(name, signature, token, ports) for name, signature in signatures]
    return tuple(_in_effect(one, ports) for one in made)


def _signed(name: str, signature: Signature, token: bytes, ports: Ports) -> Result:
    try:
        _ensure_low(name, ports)
        made = kept(name, signature, token, ports)
    except CountersignError as error:
        return Result(name, error=error)
    if isinstance(
        made, Waiting
    ):  # a document of a low tier that asks for two: not one to be decided together
        return Result(name, made.case, error=refusal(*made.missing))
    return Result(name, made.case, decision=made)


def _ensure_low(name: str, ports: Ports) -> None:
    with ports.store.reading() as tx:
        found, _ = waiting(tx, name)
    if read_document(found.raw).tier > BULK_TIER:
        raise refusal(
            Denied("RV-30", "this tier is not decided together with others", "Decide it by itself.")
        )


def _in_effect(one: Result, ports: Ports) -> Result:
    if one.decision is None:
        return one
    try:
        published(one.decision, ports)
    except AuditLogError as error:
        return msgspec.structs.replace(one, decision=None, error=error)
    return one
