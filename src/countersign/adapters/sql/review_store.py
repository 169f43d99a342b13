"""Reviews, proposals, documents with their signatures, decisions: who wrote what, and nothing a machine wrote.

Reviews, documents, signatures and decisions are written under a permit (`adapters/sql/permits`).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, Select, Table, func, insert, select

from countersign.adapters.sql import bulk, tables
from countersign.adapters.sql.permits import permitted
from countersign.adapters.sql.session import Session, digest_bytes, digest_text
from countersign.core.review.decision import (
    Decision,
    Kept,
    Signed,
    restored,
    subject,
)
from countersign.core.review.review import Event, Review, restore_review, review_bytes
from countersign.errors import AlreadyDecided, AlreadyStored, DigestMismatch
from countersign.ports.review import Pending, Proposal, Standing

_DOCUMENT = tables.decision_document


class SqlReviewStore:
    """`ports.ReviewStore`."""

    def __init__(self, session: Session) -> None:
        self._connection = session.connection

    def hold(self, case: str) -> None:
        # On SQLite every writer waits already.
        self._connection.execute(select(tables.cases).where(tables.cases.c.id == case).with_for_update())

    def open(self, review: Review) -> None:
        values = {"id": review.id, "case_id": review.case, "person_id": review.person}
        self._write(tables.review, review.id, document=review_bytes(review), **values)

    def get(self, review: str) -> Review | None:
        table = tables.review
        found = self._connection.execute(select(table.c.document).where(table.c.id == review)).scalar()
        return None if found is None else _review(found)

    def of_case(self, case: str) -> tuple[Review, ...]:
        table = tables.review
        query = select(table.c.document).where(table.c.case_id == case).order_by(table.c.seq)
        return tuple(map(_review, self._connection.execute(query).scalars()))

    def happened(self, review: str, event: Event) -> None:
        values = {"review_id": review, "at_ns": event.at_ns, "kind": event.kind}
        statement = insert(tables.review_event).values(document=msgspec.json.encode(event), **values)
        self._connection.execute(statement)

    def events(self, review: str) -> tuple[Event, ...]:
        table = tables.review_event
        query = select(table.c.document).where(table.c.review_id == review).order_by(table.c.seq)
        rows = self._connection.execute(query).scalars()
        return tuple(msgspec.json.decode(bytes(row), type=Event) for row in rows)

    def propose(self, proposal: Proposal) -> None:
        values = {"id": proposal.id, "case_id": proposal.case, "person_id": proposal.person}
        document = msgspec.json.encode(proposal)
        if not bulk.add_once(self._connection, tables.action_proposal, document=document, **values):
            raise AlreadyStored(f"another proposal is stored as {proposal.id}")

    def proposals(self, case: str) -> tuple[Proposal, ...]:
        table = tables.action_proposal
        query = select(table.c.document).where(table.c.case_id == case).order_by(table.c.seq)
        rows = self._connection.execute(query).scalars()
        return tuple(msgspec.json.decode(bytes(row), type=Proposal) for row in rows)

    def put(self, digest: str, case: str, review: str, raw: bytes) -> None:
        held = digest_bytes(digest)
        if subject(raw) != held:
            raise DigestMismatch("the document has another digest than it is to be kept under")
        kept = self._connection.execute(select(_DOCUMENT).where(_DOCUMENT.c.digest == held)).first()
        if kept is not None:
            return
        self._write(_DOCUMENT, held.hex(), digest=held, case_id=case, review_id=review, document=raw)

    def sign(self, digest: str, signed: Signed) -> None:
        held, table = digest_bytes(digest), tables.decision_signature
        with permitted(self._connection, table.name, held.hex()):
            new = bulk.add_once(
                self._connection,
                table,
                digest=held,
                person_id=signed.signature.person,
                document=msgspec.json.encode(signed),
            )
        if not new:
            raise AlreadyStored(f"{signed.signature.person} has signed this decision already")

    def pending(self, digest: str) -> Pending | None:
        row = self._connection.execute(
            select(_DOCUMENT).where(_DOCUMENT.c.digest == digest_bytes(digest))
        ).first()
        return None if row is None else self._pending([row])[0]

    def waiting(self, case: str | None = None) -> tuple[Pending, ...]:
        decided = select(tables.decision.c.digest)
        query = select(_DOCUMENT).where(_DOCUMENT.c.digest.not_in(decided)).order_by(_DOCUMENT.c.seq.desc())
        if case is not None:
            query = query.where(_DOCUMENT.c.case_id == case)
        return self._pending(self._connection.execute(query).all())

    def _pending(self, rows: Sequence[Row[Any]]) -> tuple[Pending, ...]:
        signed = self._signed([row.digest for row in rows])
        return tuple(
            Pending(
                digest=digest_text(row.digest),
                case=row.case_id,
                review=row.review_id,
                raw=_raw(row),
                signed=signed[bytes(row.digest)],
            )
            for row in rows
        )

    def _signed(self, digests: Iterable[bytes]) -> Mapping[bytes, tuple[Signed, ...]]:
        table, found = tables.decision_signature, defaultdict[bytes, tuple[Signed, ...]](tuple)
        for chunk in bulk.chunks(list(digests), bulk.IN_LIMIT):
            query = select(table.c.digest, table.c.document).where(table.c.digest.in_(chunk))
            for row in self._connection.execute(query.order_by(table.c.seq)):
                found[bytes(row.digest)] += (msgspec.json.decode(bytes(row.document), type=Signed),)
        return found

    def decide(self, decision: Decision, entry: str) -> None:
        held, table = digest_bytes(decision.digest), tables.decision
        with permitted(self._connection, table.name, held.hex()):
            new = bulk.add_once(
                self._connection,
                table,
                digest=held,
                case_id=decision.case,
                number=decision.number,
                status=decision.status,
                disposition=decision.document.disposition,
                entry_id=entry,
                at_ns=decision.at_ns,
            )
        if not new:
            raise AlreadyDecided(f"{decision.case} has a decision {decision.number} already")
        # Numbers have no gaps: the row before this one is there, and was committed or is this transaction's.
        if decision.number != 1 + self._number_before(decision):
            raise AlreadyDecided(f"{decision.case} has no decision {decision.number - 1}")

    def _number_before(self, decision: Decision) -> int:
        number, case_id = tables.decision.c.number, tables.decision.c.case_id
        query = select(func.max(number)).where(case_id == decision.case, number < decision.number)
        return int(self._connection.execute(query).scalar() or 0)

    def standing(self, cases: Collection[str]) -> Mapping[str, Standing]:
        found = {case: Standing(case=case) for case in cases}
        for chunk in bulk.chunks(list(found), bulk.IN_LIMIT):
            found.update((row.case_id, _standing(row)) for row in self._connection.execute(_latest(chunk)))
        return found

    def decisions(self, case: str) -> tuple[Decision, ...]:
        table = tables.decision
        query = (
            select(table, _DOCUMENT.c.document)
            .join(_DOCUMENT, _DOCUMENT.c.digest == table.c.digest)
            .where(table.c.case_id == case)
            .order_by(table.c.number)
        )
        rows = self._connection.execute(query).all()
        signed = self._signed([row.digest for row in rows])
        return restored(case, [_kept(row, signed[bytes(row.digest)]) for row in rows])

    def decided(self) -> tuple[str, ...]:
        query = select(tables.decision.c.case_id).distinct().order_by(tables.decision.c.case_id)
        return tuple(self._connection.execute(query).scalars())

    def keep_policy(self, digest: str, document: bytes) -> bool:
        return bulk.add_once(self._connection, tables.policy, digest=digest_bytes(digest), document=document)

    def policy(self, digest: str) -> bytes | None:
        table = tables.policy
        query = select(table.c.document).where(table.c.digest == digest_bytes(digest))
        found = self._connection.execute(query).scalar()
        return None if found is None else bytes(found)

    def _write(self, table: Table, row: str, **values: Any) -> None:
        with permitted(self._connection, table.name, row):
            if not bulk.add_once(self._connection, table, **values):
                raise AlreadyStored(f"another {table.name.replace('_', ' ')} is stored as {row}")


def _review(document: bytes) -> Review:
    return restore_review(bytes(document))


def _raw(row: Row[Any]) -> bytes:
    raw = bytes(row.document)
    if subject(raw) != bytes(row.digest):
        raise DigestMismatch(f"the decision document {digest_text(row.digest)} has another digest")
    return raw


def _kept(row: Row[Any], signed: tuple[Signed, ...]) -> Kept:
    return Kept(
        number=row.number,
        raw=_raw(row),
        signed=signed,
        status=row.status,
        disposition=row.disposition,
        at_ns=row.at_ns,
    )


def _latest(cases: Sequence[str]) -> Select[Any]:
    """The last decision of each of the cases, with the review that it came from."""
    table, review = tables.decision, tables.review
    last = (
        select(table.c.case_id, func.max(table.c.number).label("number"))
        .where(table.c.case_id.in_(cases))
        .group_by(table.c.case_id)
        .subquery()
    )
    return (
        select(table, review.c.document)
        .join(last, (last.c.case_id == table.c.case_id) & (last.c.number == table.c.number))
        .join(_DOCUMENT, _DOCUMENT.c.digest == table.c.digest)
        .join(review, review.c.id == _DOCUMENT.c.review_id)
    )


def _standing(row: Row[Any]) -> Standing:
    return Standing(
        case=row.case_id,
        status=row.status,
        disposition=row.disposition,
        decision=digest_text(row.digest),
        number=row.number,
        at_ns=row.at_ns,
        snapshot=_review(row.document).shown.snapshot,
        entry=row.entry_id,
    )
