"""Reviews, proposals and decisions; machines write to none of these."""

from sqlalchemy import BigInteger, ForeignKey, Index, Integer, LargeBinary, String, Table, UniqueConstraint

from countersign.adapters.sql.tables.base import Key, column, metadata

policy = Table(
    "policy",
    metadata,
    column("digest", LargeBinary(32), primary_key=True),
    column("document", LargeBinary),
    comment="every policy set that was in force, whole",
)

review = Table(
    "review",
    metadata,
    column("seq", Key, primary_key=True),
    column("id", String(64)),
    column("case_id", String(128), ForeignKey("cases.id")),
    column("person_id", String(64), ForeignKey("person.id")),
    column("document", LargeBinary),
    UniqueConstraint("id", name="review_once"),
    Index("review_case", "case_id", "seq"),
    comment="a verified brief in front of one analyst, over the digests of what was shown",
)

review_event = Table(
    "review_event",
    metadata,
    column("seq", Key, primary_key=True),
    column("review_id", String(64), ForeignKey("review.id")),
    column("at_ns", BigInteger),
    column("kind", String(16)),
    column("document", LargeBinary),
    Index("review_event_review", "review_id", "seq"),
    comment="what was opened, answered and revealed in a review, in order",
)

action_proposal = Table(
    "action_proposal",
    metadata,
    column("seq", Key, primary_key=True),
    column("id", String(64)),
    column("case_id", String(128), ForeignKey("cases.id")),
    column("person_id", String(64), ForeignKey("person.id")),
    column("document", LargeBinary),
    UniqueConstraint("id", name="action_proposal_once"),
    Index("action_proposal_case", "case_id", "seq"),
    comment="an action that a person asks for: kind, target and the exact payload",
)

decision_document = Table(
    "decision_document",
    metadata,
    column("seq", Key, primary_key=True),
    column("digest", LargeBinary(32)),
    column("case_id", String(128), ForeignKey("cases.id")),
    column("review_id", String(64), ForeignKey("review.id")),
    column("document", LargeBinary),
    UniqueConstraint("digest", name="decision_document_once"),
    Index("decision_document_case", "case_id", "seq"),
    comment="canonical bytes that wait for signatures; a decision only once `decision` holds the digest",
)

decision_signature = Table(
    "decision_signature",
    metadata,
    column("seq", Key, primary_key=True),
    column("digest", LargeBinary(32), ForeignKey("decision_document.digest")),
    column("person_id", String(64), ForeignKey("person.id")),
    column("document", LargeBinary),
    UniqueConstraint("digest", "person_id", name="decision_signature_once"),
    comment="who signed a decision document, and the signature",
)

decision = Table(
    "decision",
    metadata,
    column("seq", Key, primary_key=True),
    column("digest", LargeBinary(32), ForeignKey("decision_document.digest")),
    column("case_id", String(128), ForeignKey("cases.id")),
    column("number", Integer),
    column("status", String(16)),
    column("disposition", String(32)),
    column("entry_id", String(128)),
    column("at_ns", BigInteger),
    UniqueConstraint("digest", name="decision_once"),
    UniqueConstraint("case_id", "number", name="decision_number_once"),
    comment="countersigned decisions: the number-th of a case, and the status it left the case in",
)
