"""review: a verified brief in front of one analyst. What they were given to see, said and asked for is on record.

- Each step is one transaction, and its audit entry is part of it. Nobody signed in, a policy that denies, a document
  that is not what was logged, or a log that cannot be written: nothing is shown and nothing is kept.
- Something counts as opened when this module handed it out, never because a door says so.
- A review is over exactly what was shown. When the brief, the evidence, the policy, the tier or the case's decision
  changed, every further step refuses, and says what changed.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from countersign.core.briefs.suggest import Disposition
from countersign.core.identity.people import SignedIn
from countersign.core.ids import derived_id, digest
from countersign.core.log.auditlog import Entry
from countersign.core.render import terminal
from countersign.core.review import opening, rendering
from countersign.core.review import review as views
from countersign.core.review.casefacts import CaseFacts, read_case
from countersign.core.review.dispositions import DISPOSITIONS
from countersign.core.review.lifecycle import Standing
from countersign.core.review.proposal import Proposal
from countersign.core.review.requirements import Situation
from countersign.core.review.review import Event, Review, Shown
from countersign.core.review.ruling import Denied
from countersign.errors import NotPermitted, ReviewError, StaleReview, TamperDetected
from countersign.ports import CaseState, Ports, Transaction
from countersign.steps.audit import MEDIA_TYPE, stage
from countersign.steps.decided import decisions
from countersign.steps.logged import logged_as
from countersign.steps.people import actor, session_of

MAX_PAYLOAD, MAX_REASON = 65_536, 4_000  # bytes of an action, characters of a reason
Answer = Literal["upheld", "overruled"]


class Opened(msgspec.Struct, frozen=True):
    """A review, and the exact text to put on the screen."""

    review: Review
    page: str


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """An action as somebody asks for it."""

    kind: str
    target: str
    payload: bytes  # exactly what would be sent
    reason: str


class Looking(msgspec.Struct, frozen=True):
    """A review in the middle of a transaction: who looks, at what, as everything stands now."""

    who: SignedIn
    state: CaseState
    verified: Entry  # the entry that binds the case document
    situation: Situation

    @property
    def review(self) -> Review:
        """The review."""
        return self.situation.review

    @property
    def document(self) -> Mapping[str, object]:
        """The case document."""
        made: Mapping[str, object] = msgspec.json.decode(self.state.document)
        return made


# --- opening ---------------------------------------------------------------------------------------------------------


def open_review(case: str, token: bytes, ports: Ports) -> Opened:
    """Put a case in front of the person who is signed in.

    `NotSignedIn`, `NotPermitted`; `ReviewError` for a case that there is not or that has no brief; `TamperDetected`
    when its document is not what was logged.
    """
    with ports.store.transaction() as tx:
        who = session_of(tx, ports, token)
        hold(tx, case)
        state, verified, facts = _case(tx, case)
        standing = tx.reviews.standing([case])[case]
        ruling = ports.policy.rule_on(who.person.roles, who.person.id, "review.open", state.tier, {})
        draw = _draw(ports, opening.draw_subject(facts, who.person.id))
        proposed = tx.reviews.proposals(case)
        first = opening.commits_first(facts, state.tier, ports.policy.friction, draw, proposed)
        must = opening.must_see(facts, state.tier, ports.policy.friction, proposed)
        page = rendering.page(msgspec.json.decode(state.document), must_see=must, revealed=not first)
        now = ports.clock.now_ns()
        name = derived_id("r", case, facts.brief, who.session.id, str(now))
        review = opening.open_review(
            facts,
            _shown(facts, state, standing, ports, digest(page.encode())),
            who.person,
            who.session,
            friction=ports.policy.friction,
            ruling=ruling,
            draw=draw,
            review_id=name,
            at_ns=now,
            rendered_blob=f"{name}/rendered",
            proposals=proposed,
        )
        _keep_policy(tx, ports)
        tx.reviews.open(review)
        tx.reviews.happened(name, Event(at_ns=now, kind="viewed", what="brief"))
        if not first:
            tx.reviews.happened(name, Event(at_ns=now, kind="revealed"))
        _stage_opened(tx, ports, who, review, page, verified)
    return Opened(review, page)


def _case(tx: Transaction, case: str) -> tuple[CaseState, Entry, CaseFacts]:
    """The case as it stands, the entry that binds its document, and what the document says."""
    state = tx.cases.latest(case)
    if state is None:
        raise ReviewError(
            f"there is no case {terminal(case)[:80]}",
            hint="`countersign case list` shows the cases; ids are exact.",
        )
    verified = logged_as(tx, state)
    decisions(tx, case)  # what was decided before is what was logged
    return state, verified, read_case(state.document, digest(state.document))


def _draw(ports: Ports, subject: bytes) -> bytes:
    """32 keyed bytes that nobody foresees and that come out the same each time."""
    return bytes.fromhex(digest(ports.sealer.pseudonym("commit-first", subject).encode())[7:])


def _shown(facts: CaseFacts, state: CaseState, standing: Standing, ports: Ports, rendered: str) -> Shown:
    return Shown(
        brief=facts.brief,
        rendered=rendered,
        document=facts.document,
        snapshot=facts.snapshot,
        policy=ports.policy.digest,
        tier=state.tier,
        decision=standing.decision,
        status=standing.status,
    )


def _keep_policy(tx: Transaction, ports: Ports) -> None:
    """The whole policy set is kept, and the log tells when it came into force."""
    policy = ports.policy
    if tx.reviews.keep_policy(policy.digest, policy.document):
        name = f"policy-{policy.digest[7:]}"
        stage(tx, ports, "policy.loaded", name, digests={"policy": policy.digest})


def _stage_opened(
    tx: Transaction, ports: Ports, who: SignedIn, review: Review, page: str, verified: Entry
) -> None:
    stage(
        tx,
        ports,
        "review.opened",
        review.id,
        case=review.case,
        actor=actor(who),
        txn=review.id,
        refs={"brief": verified.id},
        digests={"policy": review.shown.policy},
        data={
            "tier": review.shown.tier,
            "commit_first": review.commit_first,
            "load_bearing": len(review.load_bearing),
            "must_see": len(review.must_see),
        },
        contents={"rendered": page.encode()},
        bound={"review": views.review_bytes(review)},
    )


# --- looking ---------------------------------------------------------------------------------------------------------


def hold(tx: Transaction, case: str) -> None:
    """Until the transaction ends nobody else decides the case, gives it evidence, or erases it."""
    tx.erasures.hold_off()
    tx.reviews.hold(case)


def look(tx: Transaction, review_id: str, token: bytes, ports: Ports, *, writes: bool = True) -> Looking:
    """The review of the person who is signed in, as everything stands now; stale ones too.

    What writes holds the case until the transaction ends.
    `NotSignedIn`; `NotPermitted` for somebody else's review; `ReviewError` when there is none of this id.
    """
    who = session_of(tx, ports, token)
    review = tx.reviews.get(review_id)
    if review is None:
        raise ReviewError(
            f"there is no review {terminal(review_id)[:80]}", hint="`countersign review open CASE` opens one."
        )
    if review.person != who.person.id:
        raise refusal(Denied("RV-04", "the review is somebody else's", "Open a review of your own."))
    if writes:
        hold(tx, review.case)
    return looking(tx, review, who, ports)


def looking(tx: Transaction, review: Review, who: SignedIn, ports: Ports) -> Looking:
    """A review as everything stands now, for whoever may look."""
    _ensure_opened_so(tx, review)
    state, verified, facts = _case(tx, review.case)
    standing = tx.reviews.standing([review.case])[review.case]
    situation = Situation(
        review=review,
        events=tx.reviews.events(review.id),
        facts=facts,
        now=_shown(facts, state, standing, ports, review.shown.rendered),
        standing=standing,
        friction=ports.policy.friction,
        at_ns=ports.clock.now_ns(),
        proposals={one.id: one for one in tx.reviews.proposals(review.case)},
    )
    return Looking(who, state, verified, situation)


def _ensure_opened_so(tx: Transaction, review: Review) -> None:
    """What the row says of the review is what was logged when it was opened."""
    entry = tx.log.read(review.id)
    blob = entry.blobs.get("review") if entry and entry.kind == "review.opened" else None
    if blob is None or not tx.contents.holds(blob, MEDIA_TYPE, views.review_bytes(review)):
        raise TamperDetected(f"the review {review.id} is not what was logged")


def refusal(*denied: Denied) -> NotPermitted:
    """An error that names every rule that refuses, and what would satisfy it."""
    return NotPermitted("; ".join(map(str, denied)), rules=tuple(one.rule for one in denied))


def _fresh(tx: Transaction, review_id: str, token: bytes, ports: Ports) -> Looking:
    found = look(tx, review_id, token, ports)
    if told := opening.changed(found.review, found.situation.now):
        raise StaleReview(f"the review is stale: {'; '.join(told)}")
    return found


def open_claim(review_id: str, claim: str, token: bytes, ports: Ports) -> str:
    """One claim with its citations and objections, as text; it counts as opened. `ReviewError` when there is none."""
    with ports.store.transaction() as tx:
        found = _fresh(tx, review_id, token, ports)
        try:
            page = rendering.claim_page(found.document, claim)
            _ensure_may_know(found, claim)
        except KeyError as error:
            raise ReviewError(f"the brief has no claim {terminal(claim)[:80]}") from error
        _happened(tx, found, "opened", what=claim)
    return page


def _ensure_may_know(found: Looking, claim: str) -> None:
    """A reading is what somebody made of the facts: it is not read before one's own judgement."""
    committed, revealed = views.commitment(found.situation.events, DISPOSITIONS)
    withheld = found.review.commit_first and revealed is None
    if withheld and found.situation.facts.claims[claim].reading:
        first = (
            "Say first what you think, then look." if committed is None else "Look at the suggestion first."
        )
        raise refusal(Denied("RV-08", f"{claim} is a reading, not a fact", first))


def open_panel(review_id: str, first: int, last: int, token: bytes, ports: Ports) -> str:
    """Entries of the must-show panel by their numbers, from 1, as text; they count as seen."""
    with ports.store.transaction() as tx:
        found = _fresh(tx, review_id, token, ports)
        try:
            pages = [rendering.panel_page(found.document, number) for number in range(first, last + 1)]
        except KeyError as error:
            raise ReviewError(f"the panel has no entry {error.args[0]}") from error
        if not pages:
            raise ReviewError("the panel is read from a lower number to a higher one")
        _happened(tx, found, "viewed", what=f"panel/{first}-{last}")
    return "".join(pages)


def open_action(review_id: str, proposal: str, token: bytes, ports: Ports) -> str:
    """A proposed action exactly as it would be carried out, as text; it counts as seen with this very payload."""
    with ports.store.transaction() as tx:
        found = _fresh(tx, review_id, token, ports)
        one = found.situation.proposals.get(proposal)
        if one is None:
            raise ReviewError(f"the case has no proposal {terminal(proposal)[:80]}")
        _happened(tx, found, "viewed", what=f"action/{one.id}", value=one.payload_digest)
    return action_page(one)


def action_page(one: Proposal) -> str:
    """A proposal in full: kind, target, and every byte of the payload; bytes that are no text as hexadecimal."""
    try:
        told = terminal(one.payload.decode())
    except UnicodeDecodeError:
        told = one.payload.hex(" ")
    lines = (
        f"{one.id}: {terminal(one.kind)} on {terminal(one.target)}",
        f"asked for by {one.person}: {terminal(one.reason)}",
        f"payload, {len(one.payload)} bytes, with the digest",
        f"{one.payload_digest}:",
        told,
    )
    return "\n".join(lines) + "\n"


def viewed(review_id: str, what: str, milliseconds: int, token: bytes, ports: Ports) -> None:
    """For how long something was on the screen. Dwell is measured; nothing counts as opened by it."""
    with ports.store.transaction() as tx:
        found = _fresh(tx, review_id, token, ports)
        if what != "brief" and what not in found.situation.facts.claims:
            raise ReviewError(f"nothing here is called {terminal(what)[:80]}")
        _happened(tx, found, "viewed", what=what, milliseconds=max(0, milliseconds))


# --- saying ----------------------------------------------------------------------------------------------------------


def commit(review_id: str, disposition: Disposition, token: bytes, ports: Ports) -> None:
    """The analyst's own judgement, before the suggestion is shown. It is said once."""
    if disposition not in DISPOSITIONS:
        raise ReviewError(
            f"{terminal(disposition)[:80]} is no disposition", hint=f"One of: {', '.join(DISPOSITIONS)}."
        )
    with ports.store.transaction() as tx:
        found = _fresh(tx, review_id, token, ports)
        if views.commitment(found.situation.events, DISPOSITIONS)[0] is not None:
            raise refusal(Denied("RV-09", "you have committed already", "Reveal the suggestion, and decide."))
        data = {"what": "committed", "disposition": disposition}
        _said(tx, ports, found, Event(at_ns=_now(found), kind="committed", value=disposition), data)


def reveal(review_id: str, token: bytes, ports: Ports) -> str:
    """The page with the suggestion, to somebody who has said what they think, or need not."""
    with ports.store.transaction() as tx:
        found = _fresh(tx, review_id, token, ports)
        committed, revealed = views.commitment(found.situation.events, DISPOSITIONS)
        if found.review.commit_first and committed is None:
            raise refusal(
                Denied(
                    "RV-08", "the suggestion comes after your own judgement here", "Say first what you think."
                )
            )
        page = rendering.page(found.document, must_see=found.review.must_see, revealed=True)
        if revealed is None:
            event = Event(at_ns=_now(found), kind="revealed")
            _said(tx, ports, found, event, {"what": "revealed"}, {"rendered": page.encode()})
    return page


def answer(review_id: str, objection: str, value: Answer, reason: str, token: bytes, ports: Ports) -> None:
    """Uphold or overrule one objection (`c3#17`); overruling has a reason. The last answer counts, all stay."""
    if value not in {"upheld", "overruled"}:
        raise ReviewError("an objection is upheld or overruled")
    if len(reason) > MAX_REASON:
        raise ReviewError(f"a reason has at most {MAX_REASON} characters")
    with ports.store.transaction() as tx:
        found = _fresh(tx, review_id, token, ports)
        known = {name for claim in found.situation.facts.claims.values() for name in claim.objections}
        if objection not in known:
            raise ReviewError(f"nothing here has the objection {terminal(objection)[:80]}")
        if value == "overruled" and not reason.strip():
            raise refusal(
                Denied("RV-10", f"{objection} is overruled without a reason", "Say why it does not hold.")
            )
        event = Event(at_ns=_now(found), kind="answered", what=objection, value=value, reason=reason)
        _said(tx, ports, found, event, {"what": "answered", "value": value})


def propose(review_id: str, wanted: Wanted, token: bytes, ports: Ports) -> Proposal:
    """Ask for an action, with its exact payload. Whoever asks never signs it."""
    _ensure_well_formed(wanted)
    with ports.store.transaction() as tx:
        found = _fresh(tx, review_id, token, ports)
        who, now = found.who.person, _now(found)
        ruling = ports.policy.rule_on(who.roles, who.id, "action.propose", found.state.tier, {})
        if isinstance(ruling, Denied):
            raise refusal(ruling)
        made = Proposal(
            id=derived_id("a", found.review.id, wanted.kind, wanted.target, digest(wanted.payload), str(now)),
            case=found.review.case,
            person=who.id,
            at_ns=now,
            **msgspec.structs.asdict(wanted),
        )
        tx.reviews.propose(made)
        _stage_said(
            tx,
            ports,
            found,
            made.id,
            {"what": "proposed", "action": wanted.kind},
            {"proposal": msgspec.json.encode(made)},
        )
    return made


def _ensure_well_formed(wanted: Wanted) -> None:
    if not wanted.kind.isidentifier() or not wanted.target.strip() or not wanted.reason.strip():
        raise ReviewError("a proposal has a kind, a target and a reason")
    if len(wanted.payload) > MAX_PAYLOAD or max(len(wanted.target), len(wanted.reason)) > MAX_REASON:
        raise ReviewError("the proposal is too long")


def _now(found: Looking) -> int:
    return found.situation.at_ns


def _happened(
    tx: Transaction,
    found: Looking,
    kind: Literal["opened", "viewed"],
    *,
    what: str,
    value: str = "",
    milliseconds: int = 0,
) -> None:
    """Kept as a row now; the whole view log is sealed in the log when a decision is drawn up."""
    event = Event(at_ns=_now(found), kind=kind, what=what, value=value, milliseconds=milliseconds)
    tx.reviews.happened(found.review.id, event)


def _said(
    tx: Transaction,
    ports: Ports,
    found: Looking,
    event: Event,
    data: Mapping[str, object],
    more: Mapping[str, bytes] | None = None,
) -> None:
    tx.reviews.happened(found.review.id, event)
    name = f"{found.review.id}/{len(found.situation.events) + 1}"
    _stage_said(tx, ports, found, name, data, {"said": msgspec.json.encode(event), **(more or {})})


def _stage_said(
    tx: Transaction,
    ports: Ports,
    found: Looking,
    name: str,
    data: Mapping[str, object],
    contents: Mapping[str, bytes],
) -> None:
    stage(
        tx,
        ports,
        "review.answered",
        name,
        case=found.review.case,
        actor=actor(found.who),
        txn=found.review.id,
        refs={"review": found.review.id},
        data=data,
        contents=contents,
    )
