"""erase: a case's contents and rows are destroyed, because two persons signed it and on what ground; its proofs stay good.

Everything happens in one transaction with the entries that tell of it. Evidence that another case holds stays, and is
named. What the log committed to can be neither read nor guessed any more; that it was committed to can still be shown.
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256

import msgspec

from countersign.core.cases.forgetting import Forgotten, forget, words_of
from countersign.core.cases.memory import Memory
from countersign.core.identity.people import Person
from countersign.core.identity.signatures import Signature
from countersign.core.ids import canonical, digest
from countersign.core.log.auditlog import Actor
from countersign.core.review.ruling import Denied
from countersign.errors import ContentErased, NotPermitted, UsageError
from countersign.ports import Deleted, Holdings, Ports, Transaction
from countersign.steps.audit import stage
from countersign.steps.people import accepted

APPROVERS = 2
BLOBS_AN_ENTRY = 64  # ids that one log entry names: it stays near 4 KiB
_GROUND = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}")


class Erasing(msgspec.Struct, frozen=True):
    """What erasing a case comes to: the cases that go with it, what goes, and what others hold."""

    cases: tuple[str, ...]
    blobs: tuple[str, ...]
    holdings: Holdings


class Erased(msgspec.Struct, frozen=True):
    """What was done, and the first entry that tells of it."""

    what: Erasing
    deleted: Deleted
    entry: str
    clean: bool = False  # no deleted byte is left in the store's own files


class Order(msgspec.Struct, frozen=True):
    """Who says so (person ids), and on what ground."""

    by: tuple[str, ...]
    ground: str


def subject(what: Erasing, ground: str) -> bytes:
    """The 32 bytes that each approver signs: this case, with exactly this that goes and that stays, on this ground."""
    holds = digest(msgspec.json.encode([what.blobs, what.holdings.own, what.holdings.shared]))
    told = {"cases": list(what.cases), "ground": ground, "holds": holds, "v": 1}
    return sha256(b"countersign/erasure/v1\n" + canonical(told)).digest()


def looked_at(case_id: str, ports: Ports) -> Erasing:
    """What `erase` would do now; it changes nothing. `UsageError` for a case that is not known."""
    with ports.store.reading() as tx:
        return _looked_at(tx, case_id)


def erase(case_id: str, signatures: Sequence[Signature], ground: str, ports: Ports) -> Erased:
    """Destroy a case. Each signature is one person's over `subject` as it is when this begins.

    Raises `SignatureRefused` for one that does not hold (it may be over what the case held before), `NotPermitted` without
    two different persons whom the policy lets erase, `UsageError` for a case or ground that cannot be, and
    `ContentErased` when nothing of the case is left.
    """
    ensure_ground(ground)
    with ports.store.transaction() as tx:
        tx.erasures.lock()
        what = _looked_at(tx, case_id)
        approved = _approved(tx, ports, signatures, what, ground)
        name = _named(case_id, ports)
        parts = _parts(name, what.blobs)
        bursts = [burst for case in what.cases for burst in tx.groups.bursts_of(case)]
        entries = {blob: entry for entry, blobs in parts.items() for blob in blobs}
        deleted = tx.erasures.erase(what.cases, what.holdings.own, entries, name)
        words = words_of(bursts)
        words -= tx.erasures.spoken(words, what.cases)
        numbers = frozenset(burst.number for burst in bursts)
        _forget(tx, ports, Forgotten(frozenset(what.cases), numbers, words))
        done = Erased(what, deleted, name)
        _tell(tx, ports, parts, done, Order(tuple(one.id for one in approved), ground))
    return msgspec.structs.replace(done, clean=ports.store.scrub())


def ensure_ground(ground: str) -> None:
    """`UsageError` unless it is a short code: it stands in the log for ever, where nothing can be erased."""
    if _GROUND.fullmatch(ground) is None:
        raise UsageError(
            "the ground is a short code, not a sentence: it stays in the log",
            hint="For example --ground gdpr-art-17, retention-ended or court-order.",
        )


def _approved(
    tx: Transaction, ports: Ports, signatures: Sequence[Signature], what: Erasing, ground: str
) -> tuple[Person, ...]:
    """The persons who signed, each asked of store, key and policy in this transaction; never of the caller."""
    persons: dict[str, Person] = {}
    for signature in signatures:
        key, _ = accepted(tx, ports, signature.person, signature, subject(what, ground))
        if (person := tx.people.get(key.person)) is not None:
            persons[person.id] = person
    if len(persons) < APPROVERS:
        raise NotPermitted(
            f"erasing a case takes the signatures of {APPROVERS} different persons; {len(persons)} signed",
            hint="A second person, a lead or an admin, signs it too.",
        )
    state = tx.cases.latest(what.cases[0])
    level = state.tier if state is not None else 1
    for one in persons.values():
        ruling = ports.policy.rule_on(one.roles, one.id, "case.erase", level, {"people": len(persons)})
        if isinstance(ruling, Denied):
            raise NotPermitted(f"{ruling.rule}: {ruling.reason}", hint=ruling.satisfy)
    return tuple(persons.values())


def _looked_at(tx: Transaction, case_id: str) -> Erasing:
    cases = tx.erasures.whole(case_id)
    if not cases:
        raise UsageError(f"there is no case {case_id}", hint="`countersign case list` shows them.")
    holdings, blobs = tx.erasures.holdings(cases), tx.erasures.blobs(cases)
    if case_id in tx.erasures.erased(cases) and not blobs and not holdings.own:
        raise ContentErased(f"{case_id} was erased already")
    return Erasing(cases, blobs, holdings)


def _parts(name: str, blobs: Sequence[str]) -> Mapping[str, Sequence[str]]:
    """Entry id → the blobs that it names; one entry at least."""
    starts = range(0, len(blobs), BLOBS_AN_ENTRY) or range(1)
    return {
        (f"{name}-{number}" if number else name): blobs[start : start + BLOBS_AN_ENTRY]
        for number, start in enumerate(starts)
    }


def _forget(tx: Transaction, ports: Ports, gone: Forgotten) -> None:
    """The grouping's memory without the case; one that cannot be cleaned is begun anew, and the log says so."""
    kept = tx.groups.memory()
    if kept is None:
        return
    try:
        memory = forget(Memory.load(kept), gone)
    except (ValueError, LookupError, TypeError):
        memory = None
    if memory is None:
        memory = Memory()
        memory.numbered = tx.groups.last_number()
        name = f"forgot-{ports.sealer.pseudonym('memory', kept)}"
        stage(tx, ports, "log.note", name, data={"grouping_memory": "erased"})
    tx.groups.remember(memory.dump())


def _named(case_id: str, ports: Ports) -> str:
    asked = f"{case_id}\n{ports.clock.now_ns()}".encode()
    return f"erase-{ports.sealer.pseudonym('erasure', asked)}"


def _tell(
    tx: Transaction, ports: Ports, parts: Mapping[str, Sequence[str]], done: Erased, order: Order
) -> None:
    """One entry at least; the first has the figures, and what other cases hold stands in its content."""
    for name, blobs in parts.items():
        data: dict[str, object] = {"blobs": list(blobs), "ground": order.ground, "approved_by": order.by}
        contents = {}
        if name == done.entry:
            shared = done.what.holdings.shared
            data |= {"cases": len(done.what.cases), "kept": len(shared)}
            data |= msgspec.structs.asdict(done.deleted)
            contents = {"kept": msgspec.json.encode(shared)}
        stage(
            tx,
            ports,
            "blob.erased",
            name,
            case=done.what.cases[0],
            actor=Actor(type="analyst", id=order.by[0]),
            data=data,
            contents=contents,
        )
