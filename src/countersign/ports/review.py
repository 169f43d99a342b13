"""The store of reviews, proposals and decisions. No machine's identity may write to it."""

from collections.abc import Collection, Mapping
from typing import Protocol

import msgspec

from countersign.core.identity.people import Role
from countersign.core.review.decision import Decision, Signed
from countersign.core.review.friction import Friction
from countersign.core.review.lifecycle import Standing
from countersign.core.review.proposal import Proposal
from countersign.core.review.review import Event, Review
from countersign.core.review.ruling import Ruling

__all__ = ["Pending", "PolicyEngine", "Proposal", "ReviewStore", "Standing"]


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A decision document with the signatures it has so far."""

    digest: str
    case: str
    review: str
    raw: bytes
    signed: tuple[Signed, ...]


class ReviewStore(Protocol):
    """Reviews, what took place in them, proposals, documents with their signatures, decisions."""

    def hold(self, case: str) -> None:
        """Until the transaction ends, nobody else decides this case or gives it other evidence."""
        ...

    def open(self, review: Review) -> None:
        """Keep a review."""
        ...

    def get(self, review: str) -> Review | None:
        """The review of this id."""
        ...

    def of_case(self, case: str) -> tuple[Review, ...]:
        """The case's reviews, oldest first."""
        ...

    def happened(self, review: str, event: Event) -> None:
        """Append what took place."""
        ...

    def events(self, review: str) -> tuple[Event, ...]:
        """What took place in a review, in order."""
        ...

    def propose(self, proposal: Proposal) -> None:
        """Keep a proposal."""
        ...

    def proposals(self, case: str) -> tuple[Proposal, ...]:
        """The case's proposals, oldest first."""
        ...

    def put(self, digest: str, case: str, review: str, raw: bytes) -> None:
        """Keep a decision document that waits for signatures; again changes nothing. `DigestMismatch` for other bytes."""
        ...

    def sign(self, digest: str, signed: Signed) -> None:
        """Add a verified signature. `AlreadyStored` when this person has signed it."""
        ...

    def pending(self, digest: str) -> Pending | None:
        """The document and its signatures."""
        ...

    def waiting(self, case: str | None = None) -> tuple[Pending, ...]:
        """Documents with a signature or without that are no decision yet, newest first; of one case or of all."""
        ...

    def decide(self, decision: Decision, entry: str) -> None:
        """Keep a countersigned decision. `AlreadyDecided` when the case has one of this number, or it is kept already.

        The database refuses the row from anybody but this method: see `adapters/sql/permits`.
        """
        ...

    def standing(self, cases: Collection[str]) -> Mapping[str, Standing]:
        """How each case stands."""
        ...

    def decisions(self, case: str) -> tuple[Decision, ...]:
        """The case's decisions, oldest first. `TamperDetected` when the rows are not what was signed."""
        ...

    def decided(self) -> tuple[str, ...]:
        """Every case that has a decision."""
        ...

    def keep_policy(self, digest: str, document: bytes) -> bool:
        """Keep a policy set that is in force; False when it was known."""
        ...

    def policy(self, digest: str) -> bytes | None:
        """A policy set that was in force."""
        ...


class PolicyEngine(Protocol):
    """The rules of who may do what. Anything but a clean permission is a denial."""

    @property
    def digest(self) -> str:
        """sha256:… of every file of the policy set, schema and friction table included."""
        ...

    @property
    def document(self) -> bytes:
        """The whole policy set, as it is kept for replay."""
        ...

    @property
    def friction(self) -> Friction:
        """What decisions ask for by tier: the policy set's friction table."""
        ...

    def rule_on(
        self, roles: Collection[Role], person: str, action: str, tier: int, context: Mapping[str, object]
    ) -> Ruling:
        """A ruling on one action ("review.open", "decision.sign", "person.enrol" …) by a person on a case of this tier.

        `context` holds values that code computed from verified things, never from a request. Never raises.
        """
        ...
