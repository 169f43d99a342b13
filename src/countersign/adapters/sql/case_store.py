"""Alerts, cases, briefs, references and coverage: few rows, append-only, documents kept byte for byte."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Any

import msgspec
from sqlalchemy import Row, func, or_, select

from countersign.adapters.sql import bulk, tables
from countersign.adapters.sql.session import Session, clamped, clamped_window, digest_bytes, digest_text
from countersign.core.records.alert import Alert
from countersign.errors import AlreadyStored, DigestMismatch, EvidenceNotFound
from countersign.ports import BriefState, CaseState, ReferenceFile


class SqlAlertStore:
    """`ports.AlertStore`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connection = session.connection

    def add(self, alerts: Iterable[Alert]) -> frozenset[str]:
        wanted = {alert.id: alert for alert in alerts}
        # The alert of a record that was not known before is not known either.
        known = self._known(
            [alert.id for alert in wanted.values() if not self._session.first_told(alert.evidence)]
        )
        new = [alert for alert in wanted.values() if alert.id not in known]
        seqs = self._session.evidence_numbers([alert.evidence for alert in new])
        rows = [
            (alert.id, seqs[alert.evidence], clamped(alert.event_ns), msgspec.json.encode(alert))
            for alert in new
        ]
        bulk.insert(
            self._connection, tables.alert, ("id", "evidence_seq", "event_ns", "document"), sorted(rows)
        )
        return frozenset(alert.id for alert in new)

    def _known(self, ids: list[str]) -> set[str]:
        column, found = tables.alert.c.id, set[str]()
        for chunk in bulk.chunks(ids, bulk.IN_LIMIT):
            found.update(self._connection.execute(select(column).where(column.in_(chunk))).scalars())
        return found

    def get(self, ids: Collection[str]) -> Mapping[str, Alert]:
        found: dict[str, Alert] = {}
        for chunk in bulk.chunks(list(ids), bulk.IN_LIMIT):
            query = select(tables.alert.c.document).where(tables.alert.c.id.in_(chunk))
            found.update(
                (alert.id, alert) for alert in map(_alert, self._connection.execute(query).scalars())
            )
        return found

    def of(self, evidence: Collection[str]) -> tuple[Alert, ...]:
        alert, record = tables.alert, tables.evidence
        found: list[Alert] = []
        for chunk in bulk.chunks([digest_bytes(eid) for eid in evidence], bulk.IN_LIMIT):
            query = (
                select(alert.c.document)
                .join(record, record.c.seq == alert.c.evidence_seq)
                .where(record.c.digest.in_(chunk))
            )
            found += map(_alert, self._connection.execute(query).scalars())
        return tuple(sorted(found, key=lambda one: one.id))

    def starting(self, name: str) -> tuple[Alert, ...]:
        alert, evidence = tables.alert, tables.evidence
        query = select(alert.c.document).limit(2)
        if name.startswith("sha256:"):
            low, high = name[7:71].ljust(64, "0"), name[7:71].ljust(64, "f")
            try:
                between = evidence.c.digest.between(bytes.fromhex(low), bytes.fromhex(high))
            except ValueError:
                return ()
            query = query.join(evidence, evidence.c.seq == alert.c.evidence_seq).where(between)
        else:
            query = query.where(alert.c.id.startswith(name, autoescape=True))
        return tuple(map(_alert, self._connection.execute(query).scalars()))

    def between(self, from_ns: int | None, to_ns: int | None, limit: int) -> tuple[Alert, ...]:
        when, query = tables.alert.c.event_ns, select(tables.alert.c.document)
        start, end = clamped_window(from_ns, to_ns)
        if start is not None:
            query = query.where(when >= start)
        if end is not None:
            query = query.where(or_(when < end, when.is_(None)))
        query = query.order_by(when.asc().nulls_first(), tables.alert.c.id).limit(limit)
        return tuple(map(_alert, self._connection.execute(query).scalars()))


class SqlCaseStore:
    """`ports.CaseStore`."""

    def __init__(self, session: Session) -> None:
        self._connection = session.connection

    def save(self, state: CaseState) -> bool:
        bulk.add_once(self._connection, tables.cases, id=state.case_id)
        # On PostgreSQL two writers of one case wait here for each other; on SQLite they already did.
        self._connection.execute(
            select(tables.cases).where(tables.cases.c.id == state.case_id).with_for_update()
        )
        if (latest := self.latest(state.case_id)) and msgspec.structs.replace(latest, seq=state.seq) == state:
            return False
        values = {name: getattr(state, name) for name in CaseState.__struct_fields__ if name != "seq"}
        self._connection.execute(tables.case_snapshot.insert().values(**values))
        return True

    def latest(self, case_id: str) -> CaseState | None:
        return self._one(tables.case_snapshot.c.case_id == case_id)

    def at(self, case_id: str, snapshot: str) -> CaseState | None:
        table = tables.case_snapshot
        return self._one(table.c.case_id == case_id, table.c.snapshot == snapshot)

    def states(self, case_id: str) -> Iterator[CaseState]:
        table = tables.case_snapshot
        query = select(table.c.seq).where(table.c.case_id == case_id).order_by(table.c.seq.desc())
        for seq in self._connection.execute(query).scalars().all():
            if (state := self._one(table.c.seq == seq)) is not None:
                yield state

    def _one(self, *where: Any) -> CaseState | None:
        table = tables.case_snapshot
        row = self._connection.execute(
            select(table).where(*where).order_by(table.c.seq.desc()).limit(1)
        ).first()
        return None if row is None else _case(row, bytes(row.document))

    def recent(self, limit: int, before: int | None = None) -> tuple[CaseState, ...]:
        table = tables.case_snapshot
        latest = select(func.max(table.c.seq).label("seq")).group_by(table.c.case_id).subquery()
        columns = [column for column in table.c if column.name != "document"]
        query = select(*columns).join(latest, latest.c.seq == table.c.seq).order_by(table.c.seq.desc())
        if before is not None:
            query = query.where(table.c.seq < before)
        return tuple(_case(row, b"") for row in self._connection.execute(query.limit(limit)))


class SqlBriefStore:
    """`ports.BriefStore`."""

    def __init__(self, session: Session) -> None:
        self._connection = session.connection

    def add(self, brief: BriefState) -> bool:
        new = bulk.add_once(self._connection, tables.brief, **msgspec.structs.asdict(brief))
        if not new and self.get(brief.id) != brief:
            raise AlreadyStored(f"another brief is stored as {brief.id}")
        return new

    def get(self, brief_id: str) -> BriefState | None:
        found = self._where(tables.brief.c.id == brief_id)
        return found[0] if found else None

    def of_case(self, case_id: str) -> tuple[BriefState, ...]:
        return self._where(tables.brief.c.case_id == case_id)

    def _where(self, condition: Any) -> tuple[BriefState, ...]:
        table = tables.brief
        columns = [table.c[name] for name in BriefState.__struct_fields__]
        rows = self._connection.execute(select(*columns).where(condition).order_by(table.c.seq))
        return tuple(
            BriefState(row.id, row.case_id, row.snapshot, row.drafter, bytes(row.document)) for row in rows
        )


class SqlReferenceStore:
    """`ports.ReferenceStore`."""

    def __init__(self, session: Session) -> None:
        self._connection = session.connection

    def add(self, reference: ReferenceFile) -> bool:
        values = msgspec.structs.asdict(reference) | {"digest": digest_bytes(reference.digest)}
        new = bulk.add_once(self._connection, tables.reference_file, **values)
        if not new and self.get(reference.kb, reference.kb_version) != reference:
            raise AlreadyStored(
                f"{reference.kb} version {reference.kb_version} is stored with other contents"
            )
        return new

    def get(self, kb: str, kb_version: str | None = None) -> ReferenceFile | None:
        table = tables.reference_file
        query = select(table).where(table.c.kb == kb).order_by(table.c.seq.desc()).limit(1)
        if kb_version is not None:
            query = query.where(table.c.kb_version == kb_version)
        row = self._connection.execute(query).first()
        return None if row is None else _reference(row)

    def all(self) -> tuple[ReferenceFile, ...]:
        rows = self._connection.execute(select(tables.reference_file).order_by(tables.reference_file.c.seq))
        return tuple(map(_reference, rows))


class SqlCoverageStore:
    """`ports.CoverageStore`."""

    def __init__(self, session: Session) -> None:
        self._connection = session.connection

    def add(self, document: bytes) -> str:
        digest = sha256(document).digest()
        bulk.add_once(self._connection, tables.coverage, digest=digest, document=document)
        return digest_text(digest)

    def get(self, digest: str) -> bytes | None:
        try:
            wanted = digest_bytes(digest)
        except EvidenceNotFound:
            return None
        table = tables.coverage
        found = self._connection.execute(select(table.c.document).where(table.c.digest == wanted)).scalar()
        if found is not None and sha256(found).digest() != wanted:
            raise DigestMismatch(f"the coverage manifest {digest} has another digest")
        return None if found is None else bytes(found)

    def all(self) -> tuple[bytes, ...]:
        query = select(tables.coverage.c.document).order_by(tables.coverage.c.seq)
        return tuple(map(bytes, self._connection.execute(query).scalars()))


def _alert(document: bytes) -> Alert:
    return msgspec.json.decode(bytes(document), type=Alert)


def _case(row: Row[Any], document: bytes) -> CaseState:
    return CaseState(row.case_id, row.snapshot, row.title, row.severity, row.tier, document, row.seq)


def _reference(row: Row[Any]) -> ReferenceFile:
    if sha256(row.raw).digest() != bytes(row.digest):
        raise DigestMismatch(f"{row.kb} version {row.kb_version} has another digest than it was added with")
    return ReferenceFile(row.kb, row.kb_version, row.kind, digest_text(row.digest), bytes(row.raw))
