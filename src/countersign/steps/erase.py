"""erase: a case's contents and rows are destroyed, because two persons said so and on what ground; its proofs stay good.

Everything happens in one transaction with the entries that tell of it. Evidence that another case holds stays, and is
named. What the log committed to can be neither read nor guessed any more; that it was committed to can still be shown.
"""

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256

import msgspec
import rfc8785

from countersign.core.cases.forgetting import Forgotten, forget, words_of
from countersign.core.cases.memory import Memory
from countersign.core.identity.people import Person
from countersign.core.log.auditlog import Actor
from countersign.errors import ContentErased, NotPermitted, UsageError
from countersign.ports import Deleted, Holdings, Ports, Transaction
from countersign.steps.audit import stage

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


def subject(case_id: str, ground: str) -> bytes:
    """The 32 bytes that each approver signs."""
    told = rfc8785.dumps({"case": case_id, "ground": ground, "v": 1})
    return sha256(b"countersign/erasure/v1\n" + told).digest()


def looked_at(case_id: str, ports: Ports) -> Erasing:
    """What `erase` would do now; it changes nothing. `UsageError` for a case that is not known."""
    with ports.store.reading() as tx:
        return _looked_at(tx, case_id)


def erase(case_id: str, approved: tuple[Person, ...], ground: str, ports: Ports) -> Erased:
    """Destroy a case. `approved` are persons whose signatures over `subject` the caller has verified.

    Raises `NotPermitted` without two of them, `UsageError` for a case or ground that cannot be, `ContentErased` when
    nothing of the case is left.
    """
    ensure_ground(ground)
    with ports.store.transaction() as tx:
        tx.erasures.lock()
        _ensure_approved(tx, approved)
        what = _looked_at(tx, case_id)
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


def _ensure_approved(tx: Transaction, approved: Sequence[Person]) -> None:
    """Two different persons who are there now; auditors read, and do nothing else."""
    known = {one.id: tx.people.get(one.id) for one in approved}
    able = [one for one in known.values() if one is not None and set(one.roles) - {"auditor"}]
    if len(able) < APPROVERS or len(able) < len(approved):
        raise NotPermitted(
            f"erasing a case takes {APPROVERS} different persons of this store, none only an auditor",
            hint="Have a second person sign it.",
        )


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
