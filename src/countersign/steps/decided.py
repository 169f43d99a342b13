"""decided: how cases stand by decisions that are in effect, held against the log.

A decision is in effect once its entry is published. A row that no entry speaks for, an entry whose row is gone, a row
that says something else than its signed document: each is found, and nothing of it is shown as ours.
"""

from collections.abc import Collection, Iterator, Mapping

import msgspec

from countersign.core.identity.signatures import verified
from countersign.core.log.auditlog import Entry
from countersign.core.review.decision import Decision, DecisionDocument, Signed, decision_bytes, subject
from countersign.core.review.dispositions import VERDICT_ID
from countersign.core.review.lifecycle import Standing
from countersign.errors import ContentErased, ContentNotKept, DigestMismatch, SignatureRefused, TamperDetected
from countersign.ports import Ports, Transaction
from countersign.steps.audit import MEDIA_TYPE


def entry_name(digest: str) -> str:
    """The id of the log entry of a decision."""
    return f"decision-{digest[7:]}"


def decisions(tx: Transaction, case: str) -> tuple[Decision, ...]:
    """The case's decisions, oldest first, each one borne out by the log; `TamperDetected` otherwise."""
    found = tx.reviews.decisions(case)
    for one in found:
        entry = tx.log.read(entry_name(one.digest))
        if entry is None or not _tells(entry, one):
            raise TamperDetected(f"decision {one.number} of {case} is not what was logged")
    return found


def _tells(entry: Entry, one: Decision) -> bool:
    told = (entry.kind, entry.case, entry.digests.get("decision"), *map(entry.data.get, _TOLD))
    document = one.document
    verdict = VERDICT_ID[document.disposition]
    says = (document.disposition, verdict, document.tier, one.number, one.status)
    return told == ("decision.countersigned", one.case, one.digest, *says)


_TOLD = ("disposition", "verdict_id", "tier", "number", "status")


def standing(cases: Collection[str], ports: Ports) -> Mapping[str, Standing]:
    """How each case stands by its last decision that is in effect; a row that no entry speaks for is no decision."""
    with ports.store.reading() as tx:
        found = dict(tx.reviews.standing(cases))
        decided = [one for one in found.values() if one.number]
        unlogged = {one.case for one in decided if not tx.log.holds(entry_name(one.decision))}
    # Asked afterwards: a log that is settled now covers every decision that was read.
    settled, checkpoint = ports.store.log.settled(), ports.store.log.checkpoint()
    size = checkpoint.size if checkpoint else 0
    for one in decided:
        name = entry_name(one.decision)
        if one.case in unlogged or (settled is None and not _is_published(name, size, ports)):
            found[one.case] = _before(one, size, ports)
    return found


def _is_published(entry: str, size: int, ports: Ports) -> bool:
    stored = ports.store.log.find(entry)
    return stored is not None and stored.index < size


def _before(one: Standing, size: int, ports: Ports) -> Standing:
    """The case as it stood before decisions that are not in effect yet."""
    with ports.store.reading() as tx:
        made = tx.reviews.decisions(one.case)
        last = [each for each in made if _is_published(entry_name(each.digest), size, ports)][-1:]
        reviews = [tx.reviews.get(each.document.review) for each in last]
    if not last:
        return Standing(case=one.case)
    [each], [review] = last, reviews
    return Standing(
        case=one.case,
        status=each.status,
        disposition=each.document.disposition,
        decision=each.digest,
        number=each.number,
        at_ns=each.at_ns,
        snapshot=review.shown.snapshot if review else "",
        entry=entry_name(each.digest),
    )


# --- held against the log --------------------------------------------------------------------------------------------


def objection(ports: Ports) -> tuple[str, str] | None:
    """Status and reason of the first decision that the log does not bear out, or that is gone; None when all is well."""
    logged: dict[str, list[Entry]] = {}
    for entry in ports.store.log.of_kind("decision.countersigned"):
        logged.setdefault(entry.case, []).append(entry)
    with ports.store.reading() as tx:
        for case in sorted({*logged, *tx.reviews.decided()}):
            left = [entry for entry in logged.get(case, []) if not _is_erased(tx, entry)]
            if wrong := _objection(tx, case, left, ports):
                return wrong
    return None


def _is_erased(tx: Transaction, entry: Entry) -> bool:
    """Was the decision erased with its case? The case may have been read in and decided again since."""
    return any(tx.contents.is_erased(blob.id) for blob in entry.blobs.values())


def _objection(tx: Transaction, case: str, logged: Collection[Entry], ports: Ports) -> tuple[str, str] | None:
    try:
        found = decisions(tx, case)
    except (TamperDetected, DigestMismatch) as error:
        return "altered", str(error)
    kept = {entry_name(one.digest) for one in found}
    if gone := sorted(entry.id for entry in logged if entry.id not in kept):
        return "incomplete", f"the decision of {case} that {gone[0][:25]} tells of is gone"
    return next(_unsound(tx, found, ports), None)


def _unsound(tx: Transaction, found: Collection[Decision], ports: Ports) -> Iterator[tuple[str, str]]:
    for one in found:
        what, raw = f"decision {one.number} of {one.case}", decision_bytes(one.document)
        entry = tx.log.read(entry_name(one.digest))
        blobs = entry.blobs if entry else {}
        if any(tx.contents.is_erased(blob.id) for blob in blobs.values()):
            continue
        assertion = msgspec.json.encode(one.signed)
        for role, content in (("decision", raw), ("assertion", assertion)):
            if role not in blobs or not tx.contents.holds(blobs[role], MEDIA_TYPE, content):
                yield "altered", f"{what}: its {role} is not what was logged"
        for given in one.signed:
            if why := _unsigned(tx, given, subject(raw), ports):
                yield "altered", f"{what}: the signature of {given.signature.person} does not hold: {why}"


def _unsigned(tx: Transaction, given: Signed, signed_over: bytes, ports: Ports) -> str:
    """Why the signature does not hold; empty when it does. What a key signed before it was revoked stays signed."""
    key = tx.people.key(given.signature.key)
    if key is None or not key.signs_at(given.at_ns):
        return "its key was not in force"
    try:
        verified(given.signature, key, signed_over, ports.relying)
    except SignatureRefused as error:
        return str(error)
    return ""


def written(tx: Transaction, document: DecisionDocument) -> tuple[str, tuple[str, ...], bool]:
    """What persons wrote: the reason in words and what is not known; nothing, and so said (True), once it was erased."""
    sealed = f"{document.review}/{document.salt}"
    try:
        text: str = msgspec.json.decode(tx.contents.open(f"{sealed}/reason_text"))["text"]
        unknowns: list[str] = (
            msgspec.json.decode(tx.contents.open(f"{sealed}/unknowns")) if document.unknowns else []
        )
    except (ContentErased, ContentNotKept):
        return "", (), True
    return text, tuple(unknowns), False
