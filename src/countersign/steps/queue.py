"""queue and history: what awaits somebody, and what was decided. Reading only; the person's word and the assistant's apart."""

from collections.abc import Iterator

import msgspec

from countersign.core.canonical import parse_time
from countersign.core.identity.people import Assurance, SignedIn
from countersign.core.review.decision import Decision, DecisionDocument, read_document
from countersign.core.review.lifecycle import Act, Standing, Status
from countersign.core.review.ruling import Denied
from countersign.errors import NotPermitted
from countersign.ports import CaseState, Pending, Ports, Transaction
from countersign.steps.decided import decisions, entry_name, standing, written
from countersign.steps.people import session_of

PAGE = 200


class Awaiting(msgspec.Struct, frozen=True, kw_only=True):
    """A case that somebody must look at, and why."""

    case: str
    title: str
    severity: str
    tier: int
    status: Status
    because: str
    seq: int  # of the case's state: the last one's is where the next page begins


class Unsigned(msgspec.Struct, frozen=True, kw_only=True):
    """A document that waits for a signature of this person."""

    digest: str
    document: DecisionDocument
    signed: tuple[str, ...]  # names


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """What awaits the person who is signed in; a page of cases, and every document."""

    undecided: tuple[Awaiting, ...]
    second: tuple[Unsigned, ...]  # others signed; you may
    mine: tuple[Unsigned, ...]  # you drew it up, and have not signed
    new_evidence: tuple[Awaiting, ...]  # closed, and evidence came since
    next: int | None = None  # `before` of the next page


class Signatory(msgspec.Struct, frozen=True):
    """Who signed, as the store names them now, and how sure that makes us."""

    name: str
    assurance: Assurance
    at_ns: int


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """One decision of a case: what persons said, and beside it, never instead, what the assistant had said."""

    number: int
    digest: str
    entry: str
    suggested: str  # the assistant's first word
    disposition: str  # the persons' word
    overrides: bool
    acts: tuple[Act, ...]
    before: Status
    status: Status
    reason: str
    reason_text: str  # "" when it was erased
    unknowns: tuple[str, ...]
    erased: bool
    rests_on: tuple[str, ...]
    signed: tuple[Signatory, ...]
    in_effect: bool


def queue(token: bytes, ports: Ports, before: int | None = None) -> Queue:
    """What awaits whoever is signed in; `before` is `next` of the page before."""
    with ports.store.reading() as tx:
        who = _seeing(tx, token, ports)
        states = tx.cases.recent(PAGE, before)
        merged = {name for name, one in tx.groups.standing([s.case_id for s in states]).items() if one.into}
        waiting = tx.reviews.waiting()
        heads = tx.reviews.standing({one.case for one in waiting})
        now = ports.clock.now_ns()
        alive = [one for one in waiting if _is_alive(one, heads[one.case], now)]
        second = [one for one in alive if one.signed and who.person.id not in _signers(one)]
        mine = [one for one in alive if not one.signed and _drawn_up_by(tx, one) == who.person.id]
        listed = {one.digest: _unsigned(tx, one) for one in (*second, *mine)}
    held = standing([state.case_id for state in states], ports)
    rows = [(state, held[state.case_id]) for state in states if state.case_id not in merged]
    return Queue(
        undecided=_ordered(_row(s, one, "nobody has decided") for s, one in rows if not one.number),
        second=tuple(listed[one.digest] for one in second),
        mine=tuple(listed[one.digest] for one in mine),
        new_evidence=_ordered(
            _row(state, one, "closed, and evidence came since")
            for state, one in rows
            if one.status == "closed" and one.snapshot != state.snapshot
        ),
        next=states[-1].seq if len(states) == PAGE else None,
    )


def _seeing(tx: Transaction, token: bytes, ports: Ports) -> SignedIn:
    who = session_of(tx, ports, token)
    ruling = ports.policy.rule_on(who.person.roles, who.person.id, "review.see", 0, {})
    if isinstance(ruling, Denied):
        raise NotPermitted(str(ruling), rules=(ruling.rule,))
    return who


def _is_alive(one: Pending, head: Standing, now_ns: int) -> bool:
    """Can it still become a decision? Not once it expired, or the case was decided otherwise."""
    document = read_document(one.raw)
    expires = parse_time(document.expires)
    return document.after == head.decision and expires is not None and now_ns < expires


def _signers(one: Pending) -> frozenset[str]:
    return frozenset(given.signature.person for given in one.signed)


def _drawn_up_by(tx: Transaction, one: Pending) -> str:
    review = tx.reviews.get(one.review)
    return review.person if review else ""


def _unsigned(tx: Transaction, one: Pending) -> Unsigned:
    names = tuple(_name(tx, given.signature.person) for given in one.signed)
    return Unsigned(digest=one.digest, document=read_document(one.raw), signed=names)


def _name(tx: Transaction, person: str) -> str:
    found = tx.people.get(person)
    return found.name if found else person


def _row(state: CaseState, one: Standing, because: str) -> Awaiting:
    return Awaiting(
        case=state.case_id,
        title=state.title,
        severity=state.severity,
        tier=state.tier,
        status=one.status,
        because=because,
        seq=state.seq,
    )


def _ordered(rows: Iterator[Awaiting]) -> tuple[Awaiting, ...]:
    return tuple(sorted(rows, key=lambda row: (-row.tier, -row.seq)))


# --- history ---------------------------------------------------------------------------------------------------------


def history(case: str, token: bytes, ports: Ports) -> tuple[Told, ...]:
    """What was decided of a case, oldest first. `TamperDetected` when it is not what was logged."""
    with ports.store.reading() as tx:
        _seeing(tx, token, ports)
        found = decisions(tx, case)
        told = [_told(tx, one) for one in found]
    in_effect = standing([case], ports)[case].number
    return tuple(msgspec.structs.replace(one, in_effect=one.number <= in_effect) for one in told)


def _told(tx: Transaction, one: Decision) -> Told:
    document = one.document
    words, unknowns, erased = written(tx, document)
    return Told(
        number=one.number,
        digest=one.digest,
        entry=entry_name(one.digest),
        suggested=document.suggested,
        disposition=document.disposition,
        overrides=document.overrides,
        acts=document.acts,
        before=one.before,
        status=one.status,
        reason=document.reason,
        reason_text=words,
        unknowns=unknowns,
        erased=erased,
        rests_on=document.rests_on,
        signed=tuple(
            Signatory(_name(tx, given.signature.person), given.assurance, given.at_ns) for given in one.signed
        ),
        in_effect=False,
    )
