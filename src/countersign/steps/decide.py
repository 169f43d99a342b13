"""decide: draw a decision up, have it signed, countersign it, publish it. Only then has anything changed.

    prepare        the exact bytes to sign, and in words what they change; everything lacking refuses by its rule
    sign           one person's signature over those bytes: verified, its challenge used up, kept
    countersigned  enough people signed and everything still holds: decision and log entry in one transaction
    published      the entry is under a signed checkpoint: the decision is in effect

What refuses is in the log too. A log that cannot be written decides nothing: that is asked before anything else. A
crash between commit and publication leaves a decision that takes effect with the next publication.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from countersign.core.identity.people import ASSURANCES, Person
from countersign.core.identity.signed import Signature
from countersign.core.ids import canonical
from countersign.core.log.auditlog import Entry
from countersign.core.render import terminal
from countersign.core.review import opening
from countersign.core.review import review as views
from countersign.core.review.choice import Choice
from countersign.core.review.countersigning import Countersigner, Proof, countersign, waits
from countersign.core.review.decision import (
    Decision,
    DecisionDocument,
    Signed,
    decision_bytes,
    read_document,
    subject,
    subject_text,
)
from countersign.core.review.dispositions import DISPOSITIONS, VERDICT_ID
from countersign.core.review.drawing_up import SALT_BYTES, Commitments, draw_up
from countersign.core.review.lifecycle import after
from countersign.core.review.requirements import Signer, demand, lacking
from countersign.core.review.review import Review
from countersign.core.review.ruling import Denied, Ruling
from countersign.errors import (
    AlreadyDecided,
    AuditLogError,
    AuditLogUnavailable,
    CountersignError,
    ReviewError,
    SignatureRefused,
    StaleReview,
    TamperDetected,
)
from countersign.ports import Pending, Ports, Transaction
from countersign.steps.audit import MEDIA_TYPE, stage
from countersign.steps.decided import entry_name, written
from countersign.steps.people import accepted, actor, session_of
from countersign.steps.review import Looking, action_page, hold, look, looking, refusal

NOT_IN_EFFECT = "it is signed and kept, but its log entry is not published: the decision is not in effect"
MALICIOUS = frozenset({"true_positive"})
"""What is found to be that teaches the grouping nothing about what is usual here."""
_D_CHARACTERS = 71  # "sha256:" and 64 hex digits


class Prepared(msgspec.Struct, frozen=True):
    """A document that waits for signatures."""

    case: str
    raw: bytes  # the canonical bytes
    digest: str  # D, as sha256:…
    words: tuple[str, ...]  # exactly what it changes, for the screen
    tier: int
    signers: int

    @property
    def subject(self) -> bytes:
        """D: the 32 bytes that a challenge is asked for, and that a signature is over."""
        return subject(self.raw)


class Waiting(msgspec.Struct, frozen=True):
    """A document with a signature that counts, and what it still waits for."""

    digest: str
    case: str
    signed: tuple[str, ...]  # person ids
    missing: tuple[Denied, ...]


# --- drawing up ------------------------------------------------------------------------------------------------------


def missing(review_id: str, choice: Choice, token: bytes, ports: Ports) -> tuple[Denied, ...]:
    """Everything that this choice lacks now, for a screen that says so beside it. Nothing is written."""
    with ports.store.reading() as tx:
        found = look(tx, review_id, token, ports, writes=False)
        return lacking(found.situation, choice, signer(found, choice, ports))


def signer(found: Looking, choice: Choice, ports: Ports) -> Signer:
    """Whoever looks, about to sign this choice."""
    proposals = found.situation.proposals
    asked_for = {proposals[name].person for name in choice.actions if name in proposals}
    person = found.who.person
    ruling = _ruling(found, person, found.review, ports, proposed=person.id in asked_for)
    return Signer(person=person, ruling=ruling)


def _ruling(
    found: Looking,
    person: Person,
    own: Review,
    ports: Ports,
    *,
    proposed: bool,
    signed: bool | None = None,
) -> Ruling:
    """The policy's word on this person's signature; `signed` is asked of those who do not sign first."""
    context: dict[str, object] = {
        "fresh": not opening.changed(own, found.situation.now),
        "proposed": proposed,
    }
    if signed is not None:
        context["signed"] = signed
    action = "decision.sign" if signed is None else "decision.countersign"
    return ports.policy.rule_on(person.roles, person.id, action, found.state.tier, context)


def prepare(review_id: str, choice: Choice, token: bytes, ports: Ports) -> Prepared:
    """Draw the decision up. `NotPermitted` names every rule that refuses, and what would satisfy it."""
    with ports.store.transaction() as tx:
        found = look(tx, review_id, token, ports)
        by = signer(found, choice, ports)
        denied = lacking(found.situation, choice, by)
        if denied:
            _stage_refused(tx, ports, found, denied, "drawn_up")
        else:
            made = _drawn_up(tx, found, choice, by, ports)
    if denied:
        raise refusal(*denied)
    return made


def _drawn_up(tx: Transaction, found: Looking, choice: Choice, by: Signer, ports: Ports) -> Prepared:
    salt = ports.entropy.draw(SALT_BYTES)
    commitments = _commitments(tx, found, choice, salt.hex(), ports)
    document = draw_up(found.situation, choice, by, commitments, salt)
    if isinstance(document, tuple):
        raise refusal(*document)
    raw = decision_bytes(document)
    tx.reviews.put(subject_text(raw), found.review.case, found.review.id, raw)
    return _told(tx, found, document, raw)


def drawn_up_as(document: DecisionDocument) -> str:
    """The id of the log entry that holds what the document commits to."""
    return f"{document.review}/{document.salt}"


def _commitments(tx: Transaction, found: Looking, choice: Choice, salt: str, ports: Ports) -> Commitments:
    """Seal what the document binds: the whole view log, the answers, and every word that the person wrote."""
    events = found.situation.events
    contents = {
        "views": msgspec.json.encode(events),
        "answers": msgspec.json.encode([*views.answers(events).values()]),
        "reason_text": canonical({"text": choice.reason_text}),
    }
    if choice.unknowns:
        contents["unknowns"] = canonical([*choice.unknowns])
    entry = stage(
        tx,
        ports,
        "review.answered",
        f"{found.review.id}/{salt}",
        case=found.review.case,
        actor=actor(found.who),
        txn=found.review.id,
        refs={"review": found.review.id},
        data={
            "what": "drawn_up",
            "load_bearing": len(found.review.load_bearing),
            "opened": len({*found.review.load_bearing} & views.opened(events)),
            "dwell_ms": sum(one.milliseconds for one in events),
        },
        contents=contents,
    )
    sealed = {role: blob.commit for role, blob in entry.blobs.items()}
    return Commitments(
        brief=found.verified.blobs["brief"].commit,
        evidence=_evidence(tx, found),
        shown=_committed(tx, _shown_last(found), "rendered"),
        **sealed,
    )


def _shown_last(found: Looking) -> str:
    """The entry that holds the page as it was shown last: when the suggestion was revealed, or at the opening."""
    revealed = views.commitment(found.situation.events, DISPOSITIONS)[1]
    if found.review.commit_first and revealed is not None:
        return f"{found.review.id}/{revealed + 1}"
    return found.review.id


def _evidence(tx: Transaction, found: Looking) -> str:
    """The commitment to the list of evidence that the case was drafted over."""
    rows = [row for row in _listed(found.document, "evidence") if isinstance(row, dict)]
    manifest = msgspec.json.encode([row["id"] for row in rows])
    for blob_id in tx.contents.named(found.review.case, "evidence"):
        entry = tx.log.read(blob_id.rpartition("/")[0])
        blob = entry.blobs.get("evidence") if entry and entry.kind == "case.opened" else None
        if blob is not None and tx.contents.holds(blob, MEDIA_TYPE, manifest):
            return blob.commit
    raise TamperDetected(f"the log does not tell of the evidence of {found.review.case}")


def _committed(tx: Transaction, entry_id: str, role: str) -> str:
    entry = tx.log.read(entry_id)
    if entry is None or role not in entry.blobs:
        raise TamperDetected(f"the log has no entry {entry_id} with its {role}")
    return entry.blobs[role].commit


# --- in words --------------------------------------------------------------------------------------------------------


def _told(tx: Transaction, found: Looking, document: DecisionDocument, raw: bytes) -> Prepared:
    asked = demand(found.situation, document, document.actions)
    return Prepared(
        case=document.case,
        raw=raw,
        digest=subject_text(raw),
        words=tuple(_words(tx, found, document, asked.signers)),
        tier=document.tier,
        signers=asked.signers,
    )


def _words(tx: Transaction, found: Looking, document: DecisionDocument, signers: int) -> Iterator[str]:
    """Exactly what changes, nothing left to a default: this is read before it is signed."""
    standing = found.situation.standing
    status = after(standing.status, document.disposition, document.acts)
    yield f"{document.case}: {terminal(found.state.title)}"
    yield f"status: {standing.status} → {status}" + ("" if status != standing.status else " (unchanged)")
    was = standing.disposition or "none"
    yield f"disposition: {was} → {document.disposition}, for the reason {document.reason}: your word"
    agrees = "overrides" if document.overrides else "agrees with"
    yield f"it {agrees} the assistant, which suggested {document.suggested}; both stay on record"
    yield f"rests on: {', '.join(document.rests_on) or 'no claim named'}"
    text, unknowns, _ = written(tx, document)
    yield from (f"in words: {terminal(text)}",) if text else ()
    yield from (f"not known: {terminal(one)}" for one in unknowns)
    if "close" in document.acts:
        alerts = len(_listed(found.document, "alerts"))
        yield f"closing covers the {alerts} alerts in this snapshot; evidence that comes later is listed anew"
    for action in document.actions:
        yield from action_page(found.situation.proposals[action.proposal]).splitlines()
    people = "1 person" if signers == 1 else f"{signers} people"
    yield f"tier {document.tier}, signed by {people}, until {document.expires}"


def _listed(document: Mapping[str, object], name: str) -> Sequence[object]:
    found = document.get(name)
    return found if isinstance(found, list) else ()


def document_words(digest: str, token: bytes, ports: Ports) -> Prepared:
    """A document that waits, for whoever is to sign it next: the same words that the first signer read."""
    with ports.store.reading() as tx:
        pending, review = waiting(tx, digest)
        found = looking(tx, review, session_of(tx, ports, token), ports)
        _ensure_stands(found, digest)
        return _told(tx, found, read_document(pending.raw), pending.raw)


def _ensure_stands(found: Looking, digest: str) -> None:
    """What it would change is told of a document that still can: over a case that moved on, the words would be others."""
    if found.situation.standing.decision == digest:
        raise AlreadyDecided("this very decision is countersigned already")
    if told := opening.changed(found.review, found.situation.now):
        raise StaleReview(f"RV-01: the review is stale: {'; '.join(told)}")


# --- signing ---------------------------------------------------------------------------------------------------------


def sign(digest: str, signature: Signature, token: bytes, ports: Ports) -> Decision | Waiting:
    """Sign a document. A `Decision` is in effect when this returns; `Waiting` says who else must sign.

    `NotPermitted` names every rule that refuses; `SignatureRefused`, `AlreadyDecided`; `AuditLogUnavailable` when
    the log cannot be written: nothing was decided then, or it says that the decision is not in effect.
    """
    ports.publisher.publish()  # a log that cannot be written decides nothing
    made = kept(digest, signature, token, ports)
    if isinstance(made, Decision):
        published(made, ports)
    return made


def kept(digest: str, signature: Signature, token: bytes, ports: Ports) -> Decision | Waiting:
    """As `sign`, up to the commit: nothing is in effect until `published` has returned."""
    with ports.store.transaction() as tx:
        made = signing(tx, digest, signature, token, ports)
    if isinstance(made, CountersignError):
        raise made
    return made


def published(decision: Decision, ports: Ports) -> None:
    """Put the decision's entry under a signed checkpoint; `AuditLogUnavailable` says that it is not in effect."""
    try:
        head = ports.publisher.publish()
        stored = ports.store.log.find(entry_name(decision.digest))
    except AuditLogError as error:
        raise AuditLogUnavailable(NOT_IN_EFFECT, hint=error.hint or _HINT) from error
    if stored is None or stored.index >= head.size:
        raise AuditLogUnavailable(NOT_IN_EFFECT, hint=_HINT)


_HINT = "Make the log writable again; the next publication puts it in effect. `countersign doctor` says more."


def waiting(tx: Transaction, digest: str) -> tuple[Pending, Review]:
    """A document by its exact digest; nothing that is not one is ever taken for one."""
    known = len(digest) == _D_CHARACTERS and digest.startswith("sha256:") and digest[7:].isalnum()
    found = tx.reviews.pending(digest) if known and digest == digest.lower() else None
    if found is None:
        raise ReviewError(
            "no such decision waits for a signature", hint="`countersign review queue` lists those that do."
        )
    review = tx.reviews.get(found.review)
    if review is None:
        raise TamperDetected(f"the review of {digest} is gone")
    return found, review


def signing(
    tx: Transaction, digest: str, signature: Signature, token: bytes, ports: Ports
) -> Decision | Waiting | CountersignError:
    """What comes of the signature, as work for a committer; an error is returned where the refusal itself is kept."""
    who = session_of(tx, ports, token)
    pending, review = waiting(tx, digest)
    hold(tx, pending.case)
    found = looking(tx, review, who, ports)
    if found.situation.standing.decision == digest:
        raise AlreadyDecided("this very decision is countersigned already")
    try:
        _, assurance = accepted(tx, ports, who.person.id, signature, subject(pending.raw))
    except SignatureRefused as error:
        _stage_refused(tx, ports, found, (Denied("RV-26", str(error), error.hint),), "signed", pending.raw)
        return error
    fresh = Signed(signature=signature, assurance=assurance, at_ns=found.situation.at_ns)
    signed = (*pending.signed, fresh)
    made = countersign(pending.raw, _proof(tx, found, pending, signed, ports), found.situation)
    if isinstance(made, Decision):
        tx.reviews.sign(digest, fresh)
        _stage_decided(tx, ports, found, made)
        if made.document.disposition in MALICIOUS:
            tx.groups.unlearn(made.case)
        tx.reviews.decide(made, entry_name(made.digest))
        return made
    if not waits(made):
        _stage_refused(tx, ports, found, made, "signed", pending.raw)
        return refusal(*made)
    tx.reviews.sign(digest, fresh)
    _stage_signed(tx, ports, found, pending, fresh)
    return Waiting(digest, pending.case, tuple(one.signature.person for one in signed), made)


def _proof(
    tx: Transaction, found: Looking, pending: Pending, signed: Sequence[Signed], ports: Ports
) -> Proof:
    names = [one.signature.key for one in signed]
    keys = {key.id: key for name in names if (key := tx.people.key(name)) is not None}
    people = dict.fromkeys(one.signature.person for one in signed)
    signers = {
        name: one for name in people if (one := _countersigner(tx, found, pending, name, signed, ports))
    }
    return Proof(signed=tuple(signed), keys=keys, relying=ports.relying, signers=signers)


def _countersigner(
    tx: Transaction, found: Looking, pending: Pending, name: str, signed: Sequence[Signed], ports: Ports
) -> Countersigner | None:
    """The person as the store has them now, with the review of their own that they opened last."""
    person = tx.people.get(name)
    first = name == found.review.person
    opened = [one for one in tx.reviews.of_case(pending.case) if one.person == name]
    if person is None or not opened:
        return None
    own = found.review if first else opened[-1]
    proposals = found.situation.proposals
    asked_for = {
        proposals[one.proposal].person
        for one in read_document(pending.raw).actions
        if one.proposal in proposals
    }
    again = sum(one.signature.person == name for one in signed) > 1
    signed_before = None if first else again
    return Countersigner(
        person=person,
        ruling=_ruling(found, person, own, ports, proposed=name in asked_for, signed=signed_before),
        review=own,
        events=found.situation.events if first else tx.reviews.events(own.id),
    )


# --- entries ---------------------------------------------------------------------------------------------------------


def _stage_decided(tx: Transaction, ports: Ports, found: Looking, made: Decision) -> None:
    document, standing = made.document, found.situation.standing
    refs = {"brief": found.verified.id, "review": document.review, "drawn_up": drawn_up_as(document)}
    refs |= {"before": standing.entry} if standing.entry else {}
    entry = stage(
        tx,
        ports,
        "decision.countersigned",
        entry_name(made.digest),
        case=made.case,
        actor=actor(found.who),
        txn=document.review,
        refs=refs,
        digests={"decision": made.digest, "policy": document.policy},
        data={
            "acts": [*document.acts],
            "assurance": min((one.assurance for one in made.signed), key=ASSURANCES.index),
            "disposition": document.disposition,
            "number": made.number,
            "reason": document.reason,
            "signers": len(made.signed),
            "status": made.status,
            "suggested": document.suggested,
            "tier": document.tier,
            "verdict_id": VERDICT_ID[document.disposition],
        },
        contents={
            "decision": decision_bytes(document),
            "assertion": msgspec.json.encode(made.signed),
        },
    )
    if document.overrides:
        _stage_override(tx, ports, found, made, entry)


def _stage_override(tx: Transaction, ports: Ports, found: Looking, made: Decision, entry: Entry) -> None:
    """A person said something else than the assistant: both words stay, each under its own name."""
    data = {
        "suggested": made.document.suggested,
        "disposition": made.document.disposition,
        "tier": made.document.tier,
    }
    refs = {"decision": entry.id, "brief": found.verified.id}
    name = f"override-{made.digest[7:]}"
    stage(
        tx,
        ports,
        "override",
        name,
        case=made.case,
        actor=actor(found.who),
        txn=entry.txn,
        refs=refs,
        data=data,
    )


def _stage_signed(tx: Transaction, ports: Ports, found: Looking, pending: Pending, fresh: Signed) -> None:
    stage(
        tx,
        ports,
        "review.answered",
        f"signed-{pending.digest[7:39]}-{len(pending.signed) + 1}",
        case=pending.case,
        actor=actor(found.who),
        txn=pending.review,
        refs={"review": pending.review},
        digests={"decision": pending.digest},
        data={"what": "signed", "assurance": fresh.assurance},
        contents={"assertion": msgspec.json.encode(fresh)},
    )


def _stage_refused(
    tx: Transaction, ports: Ports, found: Looking, denied: Sequence[Denied], what: str, raw: bytes = b""
) -> None:
    """Somebody tried, and the rules said no. The rules go into the log, their words are sealed: they name claims."""
    stage(
        tx,
        ports,
        "decision.refused",
        f"{found.review.id}/no-{ports.entropy.draw(8).hex()}",
        case=found.review.case,
        actor=actor(found.who),
        txn=found.review.id,
        refs={"review": found.review.id},
        digests={"policy": ports.policy.digest} | ({"decision": subject_text(raw)} if raw else {}),
        data={"what": what, "rules": sorted({one.rule for one in denied})},
        contents={"reason": canonical([str(one) for one in denied])},
    )
