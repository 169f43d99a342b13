"""Small cases to decide: a case document with invented claims, people with keys, a review of it, and what was chosen.

`Desk` is one person in front of one case. It starts with everything done that tier 1 to 3 ask for; tests take away
one thing and look for the refusal that names it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from countersign.adapters.cedar import bundled_files
from countersign.core.identity.people import Key, Person, Session
from countersign.core.ids import digest
from countersign.core.review import countersigning as gate
from countersign.core.review.casefacts import CaseFacts, read_case
from countersign.core.review.choice import Choice
from countersign.core.review.decision import Decision, DecisionDocument, Signed, decision_bytes, subject
from countersign.core.review.drawing_up import Commitments, draw_up
from countersign.core.review.friction import Friction, parse
from countersign.core.review.lifecycle import Standing
from countersign.core.review.opening import open_review
from countersign.core.review.proposal import Proposal
from countersign.core.review.requirements import Signer, Situation, lacking
from countersign.core.review.review import Event, Review, Shown
from countersign.core.review.ruling import Denied, Permitted, ruled
from countersign.testing import RELYING, SoftwareAuthenticator, SoftwareSigner

SECOND = 1_000_000_000
NOW = 1_790_000_000 * SECOND
POLICY = "sha256:" + "3" * 64
FRICTION: Friction = parse(bundled_files()["friction.toml"])
PERMITTED = ruled("Allow", errors=(), rules=("tests-permit",), policy=POLICY, asked="a test")
NONCE = bytes([5]) * 32
LONG = "The login came from the address of the registered scanner, in its window."

ANNA = Person(id="p_anna", name="Anna", roles=("analyst",))
BEN = Person(id="p_ben", name="Ben", roles=("lead",))
ADMIN = Person(id="p_root", name="Ruth", roles=("admin",))
AUDITOR = Person(id="p_eye", name="Iris", roles=("auditor",))

assert isinstance(PERMITTED, Permitted)


def claim(
    name: str | None,
    status: str = "verified",
    *,
    tainted: bool = False,
    basis: Sequence[str] = (),
    checks: Sequence[int] = (),
) -> dict[str, Any]:
    """One claim of a case document; with a basis it is a reading."""
    made = {"kind": "hypothesis", "basis": list(basis)} if basis else {"kind": "field"}
    objections = [{"check": check, "reason": "it does not hold"} for check in checks]
    told = {"id": name, "status": status, "tainted": tainted, "claim": made, "objections": objections}
    return told | {
        "kind": made["kind"],
        "section": None,
        "scope": None,
        "flags": [],
        "text": "",
        "citations": [],
    }


CLAIMS = (
    claim("f1"),
    claim("f2", tainted=True),
    claim("f3", "unsupported", checks=(8,)),
    claim("f4"),
    claim("h1", "interpretation", basis=("f1", "f2")),
)
SURE = (claim("f1"), claim("f2", tainted=True), claim("h1", "interpretation", basis=("f1", "f2")))


def case_document(
    claims: Sequence[Mapping[str, Any]] = CLAIMS,
    *,
    tier: int = 1,
    severity: str = "low",
    suggestion: str = "suspicious",
    because: Sequence[str] = ("h1",),
    capped_by: Sequence[str] = (),
    panel: Sequence[str] = ("P1", "P1", "P4", "P5", "P6"),
    quality: Sequence[tuple[str, str | None]] = (),
    case: str = "case-1",
) -> bytes:
    """The bytes of a case document, as far as a review reads it."""
    brief = {
        "id": "brief-1",
        "suggestion": {
            "disposition": suggestion,
            "rule": "R04",
            "because": list(because),
            "capped_by": list(capped_by),
        },
        "claims": list(claims),
        "must_show": [{"part": part, "reason": "", "count": 1} for part in panel],
    }
    flags = [{"flag": flag, "detail": "", "cap": cap} for flag, cap in quality]
    told = {"id": case, "severity": severity, "tier": tier, "snapshot": "sha256:" + "2" * 64}
    return json.dumps(told | {"quality": flags, "brief": brief}).encode()


def facts_of(raw: bytes) -> CaseFacts:
    """What a review sees of it."""
    return read_case(raw, digest(raw))


def shown_of(facts: CaseFacts, **more: Any) -> Shown:
    """What would be shown of the case."""
    told = {"policy": POLICY, "tier": facts.tier, "rendered": "sha256:" + "4" * 64} | more
    return Shown(brief=facts.brief, document=facts.document, snapshot=facts.snapshot, **told)


def session_of(person: Person) -> Session:
    """The person's session."""
    return Session(
        id=f"s_{person.name.lower()}",
        person=person.id,
        key="sha256:" + "0" * 64,
        opened_ns=NOW - SECOND,
        expires_ns=NOW + 3600 * SECOND,
    )


def review_of(
    facts: CaseFacts,
    person: Person = ANNA,
    *,
    draw: bytes = bytes([255] * 32),
    proposals: Sequence[Proposal] = (),
    **more: Any,
) -> Review:
    """The person's review; the draw is the highest there is unless told, so that nothing but tier 3 is sampled."""
    return open_review(
        facts,
        shown_of(facts, **more),
        person,
        session_of(person),
        friction=FRICTION,
        ruling=PERMITTED,
        draw=draw,
        review_id=f"r_{person.name.lower()}",
        at_ns=NOW,
        proposals=proposals,
    )


def diligent(
    facts: CaseFacts, proposals: Sequence[Proposal] = (), disposition: str = "suspicious"
) -> tuple[Event, ...]:
    """Everything done: committed, revealed, all evidence opened, the panel and the actions seen, all objections upheld."""
    told = [
        ("committed", "", disposition),
        ("revealed", "", ""),
        *(("opened", name, "") for name in facts.claims),
    ]
    told += [
        ("viewed", f"panel/1-{len(facts.parts)}", ""),
        *(("viewed", f"action/{p.id}", p.payload_digest) for p in proposals),
    ]
    told += [("answered", name, "upheld") for one in facts.claims.values() for name in one.objections]
    return tuple(
        Event(at_ns=NOW + n, kind=kind, what=what, value=value) for n, (kind, what, value) in enumerate(told)
    )


def proposal(
    name: str = "a_1",
    kind: str = "isolate_host",
    target: str = "host-7",
    *,
    by: str = "p_tess",
    case: str = "case-1",
) -> Proposal:
    """An action that somebody asked for."""
    return Proposal(
        id=name,
        case=case,
        person=by,
        kind=kind,
        target=target,
        payload=b'{"isolate":"host-7"}',
        reason="it spreads",
        at_ns=NOW,
    )


COMMITMENTS = Commitments(
    **{
        name: "hmac-sha256:" + f"{n:x}" * 64
        for n, name in enumerate(("brief", "evidence", "shown", "views", "answers", "reason_text"), 1)
    }
)


@dataclass(frozen=True)
class Desk:
    """A person in front of a case, with everything done; `but(…)` changes one thing."""

    facts: CaseFacts
    person: Person | None = ANNA
    review: Review = None  # type: ignore[assignment]
    events: tuple[Event, ...] = ()
    choice: Choice = field(
        default_factory=lambda: Choice(
            disposition="suspicious", reason="signs_conflict", reason_text=LONG, rests_on=("f1",)
        )
    )
    standing: Standing = field(default_factory=lambda: Standing(case="case-1"))
    proposals: tuple[Proposal, ...] = ()
    friction: Friction = FRICTION
    at_ns: int = NOW + SECOND
    assurance: Any = None
    ruling: Any = PERMITTED
    now: Shown | None = None

    def but(self, **changes: Any) -> "Desk":
        return replace(self, **changes)

    @property
    def situation(self) -> Situation:
        return Situation(
            review=self.review,
            events=self.events,
            facts=self.facts,
            now=self.now or self.review.shown,
            standing=self.standing,
            friction=self.friction,
            at_ns=self.at_ns,
            proposals={one.id: one for one in self.proposals},
        )

    @property
    def signer(self) -> Signer:
        return Signer(person=self.person, ruling=self.ruling, assurance=self.assurance)

    @property
    def lacks(self) -> tuple[Denied, ...]:
        return lacking(self.situation, self.choice, self.signer)

    @property
    def rules(self) -> list[str]:
        """The rules that refuse, each once, in order."""
        return sorted({one.rule for one in self.lacks})

    def without(self, kind: str, what: str = "") -> "Desk":
        """As if that had not taken place."""
        return self.but(events=tuple(e for e in self.events if not (e.kind == kind and what in {"", e.what})))

    def chose(self, **changes: Any) -> "Desk":
        return self.but(choice=msgspec.structs.replace(self.choice, **changes))

    def draws_up(self, salt: bytes = bytes(16)) -> DecisionDocument | tuple[Denied, ...]:
        bound = COMMITMENTS
        if self.choice.unknowns:
            bound = msgspec.structs.replace(bound, unknowns="hmac-sha256:" + "7" * 64)
        return draw_up(self.situation, self.choice, self.signer, bound, salt)


def desk(
    raw: bytes | None = None, person: Person = ANNA, proposals: tuple[Proposal, ...] = (), **changes: Any
) -> Desk:
    """A desk with everything done for this case document."""
    facts = facts_of(case_document() if raw is None else raw)
    review = review_of(facts, person, proposals=proposals)
    made = Desk(facts, person, review, diligent(facts, proposals), proposals=proposals)
    return made.but(**changes)


# --- signatures ------------------------------------------------------------------------------------------------------

SOFTWARE = SoftwareSigner(bytes([7]) * 32), SoftwareSigner(bytes([8]) * 32)
DEVICES = SoftwareAuthenticator(), SoftwareAuthenticator()
SYNCED = SoftwareAuthenticator(device_bound=False)
ASSURED = {SOFTWARE[0]: "software", SOFTWARE[1]: "software", SYNCED: "webauthn-uv"} | dict.fromkeys(
    DEVICES, "webauthn-uv-device"
)


@dataclass(frozen=True)
class Hand:
    """Somebody with a key and a desk of their own, who signs."""

    at: Desk
    key: Any
    at_ns: int = NOW + SECOND

    def signs(self, raw: bytes, **changes: Any) -> Signed:
        assert self.at.person is not None
        made = self.key.sign(self.at.person.id, subject(raw), NONCE)
        return Signed(**({"signature": made, "assurance": ASSURED[self.key], "at_ns": self.at_ns} | changes))

    @property
    def enrolled(self) -> Key:
        assert self.at.person is not None
        return self.key.key(self.at.person.id)


def countersigned(
    raw: bytes | DecisionDocument,
    hands: Sequence[Hand],
    *,
    signed: Sequence[Signed] | None = None,
    situation: Situation | None = None,
    **changes: Any,
) -> Decision | tuple[Denied, ...]:
    """What becomes of a document that these people signed, the first of them having drawn it up."""
    data = raw if isinstance(raw, bytes) else decision_bytes(raw)
    who = {
        hand.at.person.id: gate.Countersigner(
            person=hand.at.person, ruling=hand.at.ruling, review=hand.at.review, events=hand.at.events
        )
        for hand in hands
        if hand.at.person is not None
    }
    told = {
        "signed": tuple(hand.signs(data) for hand in hands) if signed is None else tuple(signed),
        "keys": {hand.enrolled.id: hand.enrolled for hand in hands},
        "relying": RELYING,
        "signers": who,
    } | changes
    return gate.countersign(data, gate.Proof(**told), situation or hands[0].at.situation)


def rules(refused: Decision | tuple[Denied, ...]) -> list[str]:
    """The rules that refuse, each once."""
    assert isinstance(refused, tuple), refused
    return sorted({one.rule for one in refused})
