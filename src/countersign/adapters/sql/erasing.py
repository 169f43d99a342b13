"""The one procedure that deletes: a case's rows, the evidence that nobody else holds, and the secrets of its contents.

The append-only triggers let it through while it holds the permit (`adapters/sql/permits`), inside one transaction with
the log entry that tells of it. On SQLite deleted bytes are overwritten at once (`secure_delete`); what older splits and
moves left behind in the file goes with `scrub`, which a flag in `meta` asks for until it was done.
"""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    delete,
    exists,
    insert,
    select,
    update,
)

from countersign.adapters.sql import bulk, permits, sightings, tables
from countersign.adapters.sql.engine import lock_whole_store
from countersign.adapters.sql.group_store import GROUPING_LOCK
from countersign.adapters.sql.session import Session, digest_bytes, digest_text
from countersign.core.cases.bursts import Burst
from countersign.core.cases.forgetting import words_of
from countersign.core.cases.grouping import Regrouping, Standing
from countersign.core.cases.sighting import Sighting
from countersign.ports import Deleted, Holdings

ERASURE_LOCK = 7
DUE = "scrub_due"
PERMIT = ("erase", "rows")
PAGE = 200  # case documents held at once

_burst = msgspec.msgpack.Decoder(Burst).decode
_sighting = msgspec.msgpack.Decoder(Sighting).decode
_standing = msgspec.msgpack.Decoder(Standing).decode
_regrouping = msgspec.json.Decoder(Regrouping).decode


class _Named(msgspec.Struct):
    id: str


class _Evidence(msgspec.Struct):
    """Of a case document, the part that says which records it holds."""

    evidence: tuple[_Named, ...] = ()


_evidence = msgspec.json.Decoder(_Evidence).decode


class SqlErasureStore:
    """`ports.ErasureStore`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connection = session.connection
        self._sqlite = session.connection.dialect.name == "sqlite"

    def hold_off(self) -> None:
        lock_whole_store(self._connection, ERASURE_LOCK, shared=True)

    def lock(self) -> None:
        lock_whole_store(self._connection, ERASURE_LOCK)
        lock_whole_store(self._connection, GROUPING_LOCK)
        if not self._sqlite:
            # What is being read in waits: it may name the same sources, files and observables.
            statement = "LOCK TABLE evidence, origin, source_file, observable, sighting IN EXCLUSIVE MODE"
            self._connection.exec_driver_sql(statement)

    # ---- what a case holds ---------------------------------------------------------------------------

    def whole(self, case: str) -> tuple[str, ...]:
        into = {one.case: one.into for one in self._standings()}
        known = case in into or self._any(tables.cases.c.id == case)
        found = [case] if known else []
        for name in found:  # grows while it is read: what went into those that went into the case
            found += sorted(one for one, target in into.items() if target == name and one not in found)
        return tuple(found)

    def holdings(self, cases: Collection[str]) -> Holdings:
        mine = self._members(cases)
        held: dict[str, set[str]] = {}
        document = tables.case_snapshot
        for _, named in self._documents(document.c.case_id.in_(cases)):
            mine |= named
        for case, named in self._documents(document.c.case_id.not_in(cases)):
            for one in named & mine:
                held.setdefault(one, set()).add(case)
        seqs = self._numbers(mine)
        digests = {seq: one for one, seq in seqs.items()}
        for seq, case in self._members_elsewhere(list(digests), cases):
            held.setdefault(digests[seq], set()).add(case)
        shared = {one: tuple(sorted(held[one])) for one in sorted(held) if one in seqs}
        return Holdings(tuple(sorted(seqs.keys() - held.keys())), shared)

    def blobs(self, cases: Collection[str]) -> tuple[str, ...]:
        table = tables.content
        own = table.c.blob_id.startswith("erase-", autoescape=True)
        query = select(table.c.blob_id).where(table.c.case_id.in_(cases), ~own).order_by(table.c.seq)
        return tuple(self._connection.execute(query).scalars())

    def spoken(self, terms: Collection[str], cases: Collection[str]) -> frozenset[str]:
        wanted, found = set(terms), set[str]()
        mine = set(cases)
        query = select(tables.burst.c.case_id, tables.burst.c.document)
        for case, document in self._connection.execute(query):
            if case not in mine:
                found |= words_of([_burst(document)]) & wanted
        member, burst, waiting = tables.member, tables.burst, tables.waiting
        theirs = select(member.c.evidence_seq).join(burst, burst.c.number == member.c.burst_number)
        query = select(waiting.c.document).where(
            ~waiting.c.evidence_seq.in_(theirs.where(burst.c.case_id.in_(cases)))
        )
        for one in map(_sighting, self._connection.execute(query).scalars()):
            found |= {one.source, one.rule, one.place, *one.entities} & wanted
        return frozenset(found)

    # ---- deleting ------------------------------------------------------------------------------------

    def erase(
        self, cases: Collection[str], evidence: Collection[str], blobs: Mapping[str, str], entry: str
    ) -> Deleted:
        if self._sqlite:
            self._connection.exec_driver_sql("PRAGMA secure_delete = ON")
        names = sorted(cases)
        seqs = sorted(self._numbers(evidence).values())
        with permits.permitted(self._connection, *PERMIT):
            self._destroy(blobs)
            decisions = self._decided(names)
            documents = sum(
                self._delete(column, names)
                for column in (tables.brief.c.case_id, tables.case_snapshot.c.case_id)
            )
            self._ungroup(names)
            loose = self._loose(seqs)
            seen = sightings.forget(self._session, seqs)
            self._delete(tables.waiting.c.evidence_seq, seqs)
            self._delete(tables.member.c.evidence_seq, seqs)
            alerts = self._delete(tables.alert.c.evidence_seq, seqs)
            self._delete(tables.provenance.c.evidence_seq, seqs)
            records = self._delete(tables.evidence.c.seq, seqs)
            self._sweep(loose, seen)
        rows = [{"case_id": case, "entry_id": entry} for case in names]
        self._connection.execute(insert(tables.erasure), rows)
        if self._sqlite:
            bulk.add_once(self._connection, tables.meta, name=DUE, value=b"")
        return Deleted(records, alerts, documents, decisions)

    def _destroy(self, blobs: Mapping[str, str]) -> None:
        columns = ("blob_id", "entry_id")
        bulk.insert(self._connection, tables.content_erased, columns, sorted(blobs.items()))
        self._delete(tables.content.c.blob_id, sorted(blobs))

    def _decided(self, cases: Sequence[str]) -> int:
        """Reviews, proposals and decisions; the log has their digests, and the proofs of them."""
        document, review = tables.decision_document, tables.review
        digests = list(
            self._connection.execute(select(document.c.digest).where(document.c.case_id.in_(cases))).scalars()
        )
        reviews = list(
            self._connection.execute(select(review.c.id).where(review.c.case_id.in_(cases))).scalars()
        )
        decisions = self._delete(tables.decision.c.case_id, cases)
        self._delete(tables.decision_signature.c.digest, digests)
        self._delete(document.c.case_id, cases)
        self._delete(tables.action_proposal.c.case_id, cases)
        self._delete(tables.review_event.c.review_id, reviews)
        self._delete(review.c.case_id, cases)
        return decisions

    def _ungroup(self, cases: Sequence[str]) -> None:
        table, mine = tables.regrouping, set(cases)
        rows = self._connection.execute(select(table.c.seq, table.c.document)).all()
        said = [(seq, _regrouping(bytes(document))) for seq, document in rows]
        self._delete(table.c.seq, [seq for seq, one in said if one.case in mine or one.into in mine])
        burst, member = tables.burst, tables.member
        numbers = select(burst.c.number).where(burst.c.case_id.in_(cases))
        self._connection.execute(delete(member).where(member.c.burst_number.in_(numbers)))
        for column in (burst.c.case_id, tables.standing.c.case_id, tables.drafted.c.case_id):
            self._delete(column, cases)
        for one in self._standings():
            if one.near in mine:
                document = msgspec.msgpack.encode(msgspec.structs.replace(one, near=""))
                changed = update(tables.standing).where(tables.standing.c.case_id == one.case)
                self._connection.execute(changed.values(document=document))

    def _loose(self, seqs: Sequence[int]) -> tuple[set[int], set[int]]:
        """The files and sources of this evidence, which may be named by nothing else."""
        provenance, evidence = tables.provenance, tables.evidence
        files, origins = set[int](), set[int]()
        for chunk in bulk.chunks(list(seqs), bulk.IN_LIMIT):
            read = select(provenance.c.file_id).where(provenance.c.evidence_seq.in_(chunk))
            files.update(self._connection.execute(read.distinct()).scalars())
            told = select(evidence.c.origin_id).where(evidence.c.seq.in_(chunk))
            origins.update(self._connection.execute(told.distinct()).scalars())
        return files, origins

    def _sweep(self, loose: tuple[set[int], set[int]], seen: set[int]) -> None:
        """Files, sources and observables that no row names any more."""
        files, origins = loose
        for column in (tables.provenance.c.file_id, tables.quarantine.c.file_id):
            files -= set(self._connection.execute(select(column).distinct()).scalars())
        origin, sighting = tables.origin, tables.sighting
        named = exists().where(tables.evidence.c.origin_id == origin.c.id)
        origins -= set(self._connection.execute(select(origin.c.id).where(named)).scalars())
        for chunk in bulk.chunks(sorted(seen), bulk.IN_LIMIT):
            left = select(sighting.c.observable_id).where(sighting.c.observable_id.in_(chunk)).distinct()
            seen -= set(self._connection.execute(left).scalars())
        self._delete(tables.source_file.c.id, sorted(files))
        self._delete(origin.c.id, sorted(origins))
        self._delete(tables.observable.c.id, sorted(seen))

    def _delete(self, column: Column[Any], values: Sequence[Any]) -> int:
        table = column.table
        return sum(
            self._connection.execute(delete(table).where(column.in_(chunk))).rowcount
            for chunk in bulk.chunks(list(values), bulk.IN_LIMIT)
        )

    # ---- what was erased -----------------------------------------------------------------------------

    def erased(self, cases: Collection[str]) -> Mapping[str, str]:
        table, found = tables.erasure, dict[str, str]()
        query = select(table.c.case_id, table.c.entry_id).order_by(table.c.seq)
        for chunk in bulk.chunks(list(cases), bulk.IN_LIMIT):
            rows = self._connection.execute(query.where(table.c.case_id.in_(chunk)))
            found.update((case, entry) for case, entry in rows)
        return found

    def all(self) -> tuple[tuple[str, str], ...]:
        table = tables.erasure
        rows = self._connection.execute(select(table.c.case_id, table.c.entry_id).order_by(table.c.seq))
        return tuple((case, entry) for case, entry in rows)

    def unlogged(self, entry_ids: Collection[str]) -> str | None:
        known = set(entry_ids)
        for case, entry in self.all():
            if entry not in known:
                return f"the erasure of {case}"
        blob = tables.content_erased
        for blob_id, entry in self._connection.execute(select(blob.c.blob_id, blob.c.entry_id)):
            if entry not in known:
                return f"the erasure of {blob_id}"
        return None

    # ---- looking up ----------------------------------------------------------------------------------

    def _any(self, condition: Any) -> bool:
        return bool(self._connection.execute(select(exists().where(condition))).scalar_one())

    def _standings(self) -> list[Standing]:
        return [
            _standing(document)
            for document in self._connection.execute(select(tables.standing.c.document)).scalars()
        ]

    def _documents(self, which: ColumnElement[bool]) -> Iterator[tuple[str, set[str]]]:
        """Case documents, older ones too: the case, and the records that it names."""
        table, after = tables.case_snapshot, -1
        columns = select(table.c.seq, table.c.case_id, table.c.document)
        query = columns.where(which).order_by(table.c.seq).limit(PAGE)
        while rows := self._connection.execute(query.where(table.c.seq > after)).all():
            for row in rows:
                yield row.case_id, {one.id for one in _evidence(bytes(row.document)).evidence}
            after = rows[-1].seq

    def _members(self, cases: Collection[str]) -> set[str]:
        member, burst, record = tables.member, tables.burst, tables.evidence
        query = (
            select(record.c.digest)
            .join(member, member.c.evidence_seq == record.c.seq)
            .join(burst, burst.c.number == member.c.burst_number)
            .where(burst.c.case_id.in_(cases))
        )
        return {digest_text(digest) for digest in self._connection.execute(query).scalars()}

    def _members_elsewhere(self, seqs: list[int], cases: Collection[str]) -> Iterator[tuple[int, str]]:
        member, burst = tables.member, tables.burst
        query = select(member.c.evidence_seq, burst.c.case_id).join(
            burst, burst.c.number == member.c.burst_number
        )
        for chunk in bulk.chunks(seqs, bulk.IN_LIMIT):
            wanted = query.where(member.c.evidence_seq.in_(chunk), burst.c.case_id.not_in(cases))
            yield from ((seq, case) for seq, case in self._connection.execute(wanted))

    def _numbers(self, evidence: Collection[str]) -> dict[str, int]:
        """Row numbers of those that are stored."""
        digests = {digest_bytes(eid): eid for eid in evidence}
        found = bulk.sequence_numbers(self._connection, tables.evidence, list(digests)) if digests else {}
        return {digests[digest]: seq for digest, seq in found.items()}


def scrub(engine: Engine) -> bool:
    """SQLite: rebuild the file and empty its log, so that no deleted byte is left in either; True when that is done.

    False while somebody else uses the store, or the disk is full: it stays due, and the next start tries again.
    PostgreSQL cleans up in its own time.
    """
    if engine.dialect.name != "sqlite":
        return True
    pooled = engine.raw_connection()
    raw: Any = pooled.driver_connection
    try:
        # The rebuilt copy is too large for memory; a reader's connection may not write.
        for statement in (
            "PRAGMA query_only = 0",
            "PRAGMA secure_delete = ON",
            "PRAGMA temp_store = FILE",
            "VACUUM",
        ):
            raw.execute(statement)
        if raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            return False  # a reader still needs the log
        raw.execute("DELETE FROM meta WHERE name = ?", (DUE,))
        return not raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.Error:
        return False
    finally:
        pooled.invalidate()  # its settings are not what others expect
        pooled.close()


def is_due(connection: Connection) -> bool:
    """Was something erased since the file was last rebuilt?"""
    return connection.execute(select(tables.meta.c.name).where(tables.meta.c.name == DUE)).first() is not None
