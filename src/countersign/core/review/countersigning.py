"""Countersign: the only place where a document and signatures become a decision.

Nothing is believed here because it was checked before: the document is read from its bytes, every signature is
verified again over exactly those, and everything that can change between a signature and now is asked again. Two
people sign at tier 3, and wherever clearing rests on weak ground; each has looked for themselves, in a review of
their own. What is missing is said, and nothing happens.

What the *caller* still owes: the nonces were handed out for this and used once; the decision's log entry is written
in the same transaction, and the decision takes effect when that entry is published.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from countersign.core.canonical import parse_time
from countersign.core.identity.people import Assurance, Key, Person
from countersign.core.identity.signatures import Relying, verified
from countersign.core.review.decision import (
    Decision,
    DecisionDocument,
    Signed,
    read_document,
    subject,
    subject_text,
)
from countersign.core.review.lifecycle import after
from countersign.core.review.requirements import (
    Demand,
    Situation,
    decides,
    demand,
    good_enough,
    looked,
    signs_actions,
    stale,
    standing_faults,
)
from countersign.core.review.review import Event, Review
from countersign.core.review.ruling import Denied, Permitted, Ruling
from countersign.errors import ReviewError, SignatureRefused

WAITING = frozenset({"RV-27"})
"""Rules whose refusal only says that more people must sign; the document waits."""


class Countersigner(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signed: the person as the store has them now, the policy's ruling, what they looked at."""

    person: Person
    ruling: Ruling  # on `decision.sign` for the first, `decision.countersign` for others
    review: Review
    events: tuple[Event, ...]


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """The signatures over a document, with all that it takes to verify them."""

    signed: tuple[Signed, ...]
    keys: Mapping[str, Key]  # by key id
    relying: Relying
    signers: Mapping[str, Countersigner]  # by person id; whoever is missing is no person, or has not looked


def countersign(raw: bytes, proof: Proof, situation: Situation) -> Decision | tuple[Denied, ...]:
    """The decision that these bytes are, if enough people signed them and everything still holds; else all that is missing.

    `situation` is that of the review that the document names. `waits(…)` tells a document that only lacks signatures
    from one that is refused.
    """
    try:
        document = read_document(raw)
    except ReviewError as error:
        return (Denied("RV-29", str(error), "Draw the decision up again."),)
    asked = demand(situation, document, document.actions)
    missing = (
        *_agrees(document, situation, asked),
        *_in_time(document, proof.signed, situation.at_ns),
        *standing_faults(situation, document),
        *_signatures(raw, document, proof, situation, asked),
    )
    if missing:
        return missing
    return Decision(
        digest=subject_text(raw),
        case=document.case,
        number=situation.standing.number + 1,
        document=document,
        signed=proof.signed,
        before=situation.standing.status,
        status=after(situation.standing.status, document.disposition, document.acts),
        at_ns=situation.at_ns,
    )


def waits(missing: Sequence[Denied]) -> bool:
    """Is nothing missing but the signature of another person?"""
    return bool(missing) and all(one.rule in WAITING for one in missing)


def _agrees(document: DecisionDocument, situation: Situation, asked: Demand) -> Iterator[Denied]:
    """The document is of this review, follows the case's last decision, and states tier, policy and first word as they are."""
    stated = {
        "case": (document.case, situation.review.case, situation.facts.case, situation.standing.case),
        "review": (document.review, situation.review.id),
        "decision before": (document.after, situation.standing.decision),
        "policy": (document.policy, situation.now.policy),
        "tier": (document.tier, asked.tier),
        "suggestion": (document.suggested, situation.facts.suggested),
    }
    told = [name for name, values in stated.items() if len(set(values)) > 1]
    if situation.now.document != situation.facts.document:
        told.append("case document")
    if told:
        yield Denied(
            "RV-29", f"the document says something else of: {', '.join(told)}", "Draw the decision up again."
        )


def _in_time(document: DecisionDocument, signed: Sequence[Signed], at_ns: int) -> Iterator[Denied]:
    expires = parse_time(document.expires)
    if expires is None or at_ns >= expires or any(one.at_ns >= expires for one in signed):
        yield Denied("RV-02", f"the document expired at {document.expires}", "Draw the decision up again.")
    if any(one.at_ns > at_ns for one in signed):
        yield Denied("RV-02", "a signature is from the future", "Check the clocks.")


# --- signatures -----------------------------------------------------------------------------------------------------


def _signatures(
    raw: bytes, document: DecisionDocument, proof: Proof, situation: Situation, asked: Demand
) -> Iterator[Denied]:
    yield from _apart(proof.signed, asked)
    for place, one in enumerate(sorted(proof.signed, key=lambda one: one.at_ns)):
        found = _verified(raw, one, proof, situation.at_ns)
        if isinstance(found, Denied):
            yield found
        else:
            yield from good_enough(asked, place, found)
            signer = proof.signers.get(one.signature.person)
            yield from _signer(signer, document, situation, asked)
    drawn_up_by = situation.review.person
    if proof.signed and drawn_up_by not in {one.signature.person for one in proof.signed}:
        yield Denied("RV-28", "whoever drew it up has not signed it", "They sign first.")
    if (lacks := asked.signers - len(proof.signed)) > 0:
        why = "; ".join(f"{one.rule}: {one.reason}" for one in asked.because) or f"tier {asked.tier}"
        people = "1 more person signs" if lacks == 1 else f"{lacks} more people sign"
        yield Denied(
            "RV-27",
            f"{asked.signers} signed by {asked.signers} people, {len(proof.signed)} did ({why})",
            f"{people} this document, after a review of their own.",
        )


def _apart(signed: Sequence[Signed], asked: Demand) -> Iterator[Denied]:
    people = [one.signature.person for one in signed]
    if len(set(people)) < len(people):
        yield Denied("RV-25", "one person signed twice", "Another person signs.")
    keys = [one.signature.key for one in signed]
    if len(set(keys)) < len(keys):
        why = " on a second device" if asked.row.second_device else ""
        yield Denied("RV-25", "one key signed twice", f"Another person signs{why}.")


def _verified(raw: bytes, one: Signed, proof: Proof, at_ns: int) -> Assurance | Denied:
    """The assurance of a signature, as its key and the bytes give it and not as somebody noted it.

    A key that was revoked before there is a decision makes none; after that its revocation changes nothing.
    """
    key = proof.keys.get(one.signature.key)
    if key is None or not (key.signs_at(one.at_ns) and key.signs_at(at_ns)):
        what = "is not enrolled" if key is None else "was not in force"
        return Denied(
            "RV-26", f"the key {one.signature.key} {what}", "Sign with a key that is enrolled to you."
        )
    try:
        found = verified(one.signature, key, subject(raw), proof.relying)
    except SignatureRefused as error:
        return Denied("RV-26", str(error), "Sign this document again.")
    if found != one.assurance:
        return Denied(
            "RV-26", f"a {found} signature is noted as {one.assurance}", "Sign this document again."
        )
    return found


def _signer(
    signer: Countersigner | None, document: DecisionDocument, situation: Situation, asked: Demand
) -> Iterator[Denied]:
    """What keeps this person's signature from counting."""
    if signer is None:
        yield Denied(
            "RV-28", "somebody signed without a review of their own", "They open a review of the case."
        )
        return
    if not decides(signer.person):
        yield Denied(
            "RV-04",
            f"{signer.person.name} has no role that decides, or one that never does",
            "An analyst or lead, who is neither admin nor auditor, signs.",
        )
    if not isinstance(signer.ruling, Permitted):
        yield Denied("RV-03", str(signer.ruling), "See `countersign policy explain`.")
    elif signer.ruling.policy != document.policy:
        yield Denied("RV-03", "the ruling is another policy's", "Draw the decision up again.")
    own = signer.review
    if (own.person, own.case) != (signer.person.id, document.case):
        yield Denied(
            "RV-28", "the review is somebody else's, or of another case", "Open a review of your own."
        )
        return
    yield from stale(own, situation.now, situation.standing)
    yield from looked(situation, own, signer.events, document, asked)
    yield from signs_actions(situation, own, signer.events, document.actions, signer.person)
