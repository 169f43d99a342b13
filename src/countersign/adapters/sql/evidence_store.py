"""Evidence, where it was read, and which observables it holds. `add` is the hot path of the whole intake."""

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import Row, func, select

from countersign.adapters.sql import bulk, sightings, tables
from countersign.adapters.sql.session import Pair, Session, clamped, clamped_window, digest_bytes, digest_text
from countersign.core.cases.decisive import Extent
from countersign.core.records.evidence import Evidence, Provenance, Quarantined
from countersign.errors import DigestMismatch, EvidenceNotFound
from countersign.ports import Counts, Matches

Batch = Sequence[tuple[Evidence, Sequence[Pair]]]
COLUMNS = ("digest", "origin_id", "event_ns", "ingest_ns", "raw")
VERIFY_CHUNK = 1_000  # records held at once while all are hashed again


class SqlEvidenceStore:
    """`ports.EvidenceStore`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connection = session.connection

    def add(self, batch: Batch) -> frozenset[str]:
        digests = [bytes.fromhex(evidence.id[7:]) for evidence, _ in batch]
        # In reverse, so that of two copies in one batch the first is the one that counts.
        first = dict(zip(reversed(digests), reversed(batch), strict=True))
        rows = self._rows({digest: first[digest][0] for digest in dict.fromkeys(digests)})
        seqs, new = self._add_rows(rows)
        self._add_provenance(batch, [seqs[digest] for digest in digests])
        sightings.add(self._session, [(seqs[digest], *first[digest]) for digest in new])
        added = frozenset([first[digest][0].id for digest in new])
        self._session.added({evidence.id: seqs[digest] for digest, (evidence, _) in first.items()}, added)
        return added

    def _rows(self, wanted: Mapping[bytes, Evidence]) -> dict[bytes, tuple[Any, ...]]:
        origins: dict[tuple[str, str, str], int] = {}
        rows: dict[bytes, tuple[Any, ...]] = {}
        for digest, evidence in wanted.items():
            name = (evidence.schema, evidence.source, evidence.parser)
            origin = origins.get(name) or origins.setdefault(name, self._session.origin(*name))
            event_ns, ingest_ns = clamped(evidence.event_ns), clamped(evidence.ingest_ns)
            rows[digest] = (digest, origin, event_ns, ingest_ns, evidence.raw)
        return rows

    def _add_rows(self, rows: Mapping[bytes, tuple[Any, ...]]) -> tuple[dict[bytes, int], Sequence[bytes]]:
        """Row numbers of all of them, and which are new."""
        if self._connection.dialect.name == "sqlite":
            return self._add_rows_sqlite(rows)
        made: dict[bytes, int] = {}
        if rows:
            # In digest order, so that two writers never wait for each other in a circle.
            returned = bulk.insert_returning(
                self._connection, tables.evidence, COLUMNS, sorted(rows.values()), "digest, seq"
            )
            made = {bytes(row.digest): row.seq for row in returned}
        known = [digest for digest in rows if digest not in made]
        return made | bulk.sequence_numbers(self._connection, tables.evidence, known), tuple(made)

    def _add_rows_sqlite(
        self, rows: Mapping[bytes, tuple[Any, ...]]
    ) -> tuple[dict[bytes, int], Sequence[bytes]]:
        seqs = bulk.sequence_numbers(self._connection, tables.evidence, list(rows))
        new = [digest for digest in rows if digest not in seqs]
        # We hold the write lock, so nobody else can take these numbers.
        last = self._connection.exec_driver_sql("SELECT coalesce(max(seq), 0) FROM evidence").scalar_one()
        numbered = {digest: last + n for n, digest in enumerate(new, start=1)}
        bulk.insert(
            self._connection,
            tables.evidence,
            ("seq", *COLUMNS),
            [(seq, *rows[digest]) for digest, seq in numbered.items()],
        )
        return seqs | numbered, new

    def _add_provenance(self, batch: Batch, seqs: Sequence[int]) -> None:
        files: dict[str, int] = {}
        rows: list[tuple[int, int, int]] = []
        for (evidence, _), seq in zip(batch, seqs, strict=True):
            for found in evidence.provenance:
                path = found.file
                number = files.get(path) or files.setdefault(path, self._session.file(path))
                rows.append((seq, number, found.line))
        rows.sort()
        bulk.insert(self._connection, tables.provenance, ("evidence_seq", "file_id", "line"), rows)

    def get(self, ids: Collection[str]) -> Mapping[str, Evidence]:
        digests = [digest for eid in ids if (digest := _digest_or_none(eid))]
        found: dict[str, Evidence] = {}
        for chunk in bulk.chunks(digests, bulk.IN_LIMIT):
            rows = self._connection.execute(_with_origin().where(tables.evidence.c.digest.in_(chunk))).all()
            provenance = self._provenance([row.seq for row in rows])
            for row in rows:
                evidence = _evidence(row, provenance.get(row.seq, ()))
                found[evidence.id] = evidence
        return found

    def _provenance(self, seqs: Sequence[int]) -> Mapping[int, tuple[Provenance, ...]]:
        table, file = tables.provenance, tables.source_file
        query = (
            select(table.c.evidence_seq, file.c.path, table.c.line)
            .join(file, file.c.id == table.c.file_id)
            .where(table.c.evidence_seq.in_(seqs))
        )
        found: dict[int, list[tuple[str, int]]] = {}
        for seq, path, line in self._connection.execute(query):
            found.setdefault(seq, []).append((path, line))
        return {seq: tuple(Provenance(*place) for place in sorted(places)) for seq, places in found.items()}

    def by_observables(
        self, pairs: Collection[Pair], from_ns: int | None, to_ns: int | None, limit: int
    ) -> Matches:
        seen = sightings.within(self._session, pairs, clamped_window(from_ns, to_ns))
        first = sorted(seen, key=lambda seq: (seen[seq], seq))[:limit]
        digests = self._digests(first)
        return Matches(tuple(digest_text(digests[seq]) for seq in first), len(seen))

    def _digests(self, seqs: Sequence[int]) -> Mapping[int, bytes]:
        found: dict[int, bytes] = {}
        for chunk in bulk.chunks(seqs, bulk.IN_LIMIT):
            query = select(tables.evidence.c.seq, tables.evidence.c.digest)
            rows = self._connection.execute(query.where(tables.evidence.c.seq.in_(chunk)))
            found.update((seq, digest) for seq, digest in rows)
        return found

    def popularity(
        self, pairs: Collection[Pair], from_ns: int | None, to_ns: int | None
    ) -> Mapping[Pair, int]:
        return sightings.popularity(self._session, pairs, clamped_window(from_ns, to_ns))

    def counts(self) -> Counts:
        evidence, origin = tables.evidence, tables.origin
        by_origin = select(evidence.c.origin_id, func.count()).group_by(evidence.c.origin_id)
        per_origin = {row[0]: row[1] for row in self._connection.execute(by_origin)}
        schemas: dict[str, int] = {}
        for number, schema in self._connection.execute(select(origin.c.id, origin.c.schema)):
            schemas[schema] = schemas.get(schema, 0) + per_origin.get(number, 0)
        return Counts(
            evidence=sum(schemas.values()),
            provenances=self._connection.execute(
                select(func.count()).select_from(tables.provenance)
            ).scalar_one(),
            quarantined=self._connection.execute(
                select(func.count()).select_from(tables.quarantine)
            ).scalar_one(),
            schemas={schema: counted for schema, counted in sorted(schemas.items()) if counted},
        )

    def extents(self) -> Mapping[str, Extent]:
        evidence, found = tables.evidence, dict[str, Extent]()
        ends = select(
            evidence.c.origin_id, func.count(), func.min(evidence.c.event_ns), func.max(evidence.c.event_ns)
        ).group_by(evidence.c.origin_id)
        schemas = {row.id: row.schema for row in self._connection.execute(_origins())}
        for number, records, first, last in self._connection.execute(ends):
            name = schemas[number]
            found[name] = (
                found[name].with_more(records, first, last) if name in found else Extent(records, first, last)
            )
        return dict(sorted(found.items()))

    def spoke(self, from_ns: int, to_ns: int) -> frozenset[str]:
        evidence, origin = tables.evidence, tables.origin
        start, end = clamped_window(from_ns, to_ns)
        inside = [evidence.c.origin_id == origin.c.id, evidence.c.event_ns >= start]
        if end is not None:
            inside.append(evidence.c.event_ns < end)
        query = select(origin.c.schema).distinct().where(select(evidence.c.seq).where(*inside).exists())
        return frozenset(self._connection.execute(query).scalars())

    def altered(self) -> str | None:
        table, after = tables.evidence, -1
        query = select(table.c.seq, table.c.digest, table.c.raw).order_by(table.c.seq).limit(VERIFY_CHUNK)
        while rows := self._connection.execute(query.where(table.c.seq > after)).all():
            for row in rows:
                if sha256(row.raw).digest() != bytes(row.digest):
                    return digest_text(row.digest)
            after = rows[-1].seq
        return None


class SqlQuarantineStore:
    """`ports.QuarantineStore`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connection = session.connection

    def add(self, batch: Sequence[Quarantined]) -> int:
        count = select(func.count()).select_from(tables.quarantine)
        before = self._connection.execute(count).scalar_one()
        rows = [
            (sha256(q.raw).digest(), self._session.file(q.file), q.line, tables.to_utf8(q.reason), q.raw)
            for q in batch
        ]
        bulk.insert(self._connection, tables.quarantine, ("digest", "file_id", "line", "reason", "raw"), rows)
        return int(self._connection.execute(count).scalar_one() - before)

    def recent(self, limit: int) -> tuple[Quarantined, ...]:
        table, file = tables.quarantine, tables.source_file
        query = (
            select(file.c.path, table.c.line, table.c.reason, table.c.raw)
            .join(file, file.c.id == table.c.file_id)
            .order_by(table.c.seq.desc())
            .limit(limit)
        )
        rows = self._connection.execute(query)
        return tuple(Quarantined(path, line, reason, bytes(raw)) for path, line, reason, raw in rows)


def _origins() -> Any:
    return select(tables.origin.c.id, tables.origin.c.schema)


def _with_origin() -> Any:
    evidence, origin = tables.evidence, tables.origin
    columns = (origin.c.schema, origin.c.source, origin.c.parser)
    return select(evidence, *columns).join(origin, origin.c.id == evidence.c.origin_id)


def _evidence(row: Row[Any], provenance: tuple[Provenance, ...]) -> Evidence:
    raw = bytes(row.raw)
    if sha256(raw).digest() != bytes(row.digest):
        raise DigestMismatch(f"the stored bytes of {digest_text(row.digest)} have another digest")
    return Evidence(
        id=digest_text(row.digest),
        schema=row.schema,
        source=row.source,
        parser=row.parser,
        raw=raw,
        event_ns=row.event_ns,
        ingest_ns=row.ingest_ns,
        provenance=provenance,
        copies=max(1, len(provenance)),
    )


def _digest_or_none(eid: str) -> bytes | None:
    try:
        return digest_bytes(eid)
    except EvidenceNotFound:
        return None
