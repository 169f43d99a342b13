"""The audit log's rows: staged with the change, sequenced by one holder of the lock, verified from the bytes.

An entry is *staged* (committed with its change, no index yet), then *sequenced* (index and leaf hash, under
a stored head). A crash before sequencing leaves it staged; the next `sequence` takes it up.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Select, delete, exists, func, insert, select, text
from sqlalchemy.exc import SQLAlchemyError

from countersign.adapters.sql import bulk, tables
from countersign.adapters.sql.engine import READ_ONLY, lock_whole_store
from countersign.adapters.sql.session import Session
from countersign.core.log.auditlog import (
    Entry,
    Head,
    LogCheck,
    SignedHead,
    Stored,
    check_log,
    entry_bytes,
    read_entry,
)
from countersign.core.log.merkle import CompactRange, leaf_hash
from countersign.errors import AuditLogConflict, AuditLogUnavailable, TamperDetected

HASH_BYTES = 32
VERIFY_CHUNK = 5_000
SEQUENCER_LOCK = 2


# Written out: every change pays for these two, and making them anew each time costs more than running them.
_STAGE = "INSERT INTO log_entry (id, raw) VALUES ({mark}, {mark}) ON CONFLICT DO NOTHING RETURNING seq"
_WAIT = "INSERT INTO log_staged (entry_seq) VALUES ({mark})"


_SETTLED = text(
    "SELECT size, root, note, EXISTS (SELECT 1 FROM log_staged) AS waiting, "
    "(SELECT max(size) FROM log_head) AS sequenced FROM log_checkpoint ORDER BY size DESC LIMIT 1"
)


class SqlLogStage:
    """`ports.LogStage`."""

    def __init__(self, session: Session) -> None:
        self._connection = session.connection
        mark = "?" if self._connection.dialect.name == "sqlite" else "%s"
        self._stage, self._wait = _STAGE.format(mark=mark), _WAIT.format(mark=mark)

    def stage(self, entry: Entry) -> int | None:
        raw = entry_bytes(entry)
        try:
            seq = self._connection.exec_driver_sql(self._stage, (entry.id, raw)).scalar()
            if seq is None:
                return self._index_of(entry.id, raw)
            self._connection.exec_driver_sql(self._wait, (seq,))
        except SQLAlchemyError as exc:
            raise AuditLogUnavailable("the entry could not be written, so nothing is") from exc
        return None

    def sequence(self) -> Head:
        try:
            lock_whole_store(self._connection, SEQUENCER_LOCK)
            return _sequence(self._connection)
        except SQLAlchemyError as exc:
            raise AuditLogUnavailable("the log could not be sequenced, so nothing is written") from exc

    def holds(self, entry_id: str) -> bool:
        table = tables.log_entry
        try:
            return bool(self._connection.execute(select(exists().where(table.c.id == entry_id))).scalar_one())
        except SQLAlchemyError as exc:
            raise AuditLogUnavailable from exc

    def read(self, entry_id: str) -> Entry | None:
        table = tables.log_entry
        try:
            raw = self._connection.execute(select(table.c.raw).where(table.c.id == entry_id)).scalar()
        except SQLAlchemyError as exc:
            raise AuditLogUnavailable from exc
        return None if raw is None else read_entry(bytes(raw))

    def _index_of(self, entry_id: str, raw: bytes) -> int | None:
        table, order = tables.log_entry, tables.log_sequence
        query = (
            select(table.c.raw, order.c.position)
            .outerjoin(order, order.c.entry_seq == table.c.seq)
            .where(table.c.id == entry_id)
        )
        row = self._connection.execute(query).one()
        if bytes(row.raw) != raw:
            raise AuditLogConflict(f"the log already has an entry {entry_id} that says something else")
        return None if row.position is None else int(row.position)


class SqlAuditLog:
    """`ports.AuditLog`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def sequence(self) -> Head:
        try:
            with self._engine.begin() as connection:
                # Held until the commit: no other process gives out the same indexes.
                lock_whole_store(connection, SEQUENCER_LOCK)
                return _sequence(connection)
                # A crash before the commit leaves every entry staged, and no index given out.
        except SQLAlchemyError as exc:
            raise AuditLogUnavailable("the log could not be sequenced") from exc

    def head(self) -> Head:
        with self._reading() as connection:
            tree, _ = _last_head(connection)
            return Head(tree.size, tree.root())

    def entries(self, start: int, limit: int) -> tuple[Stored, ...]:
        with self._reading() as connection:
            return tuple(_stored(connection, start, limit))

    def find(self, entry_id: str) -> Stored | None:
        query = _IN_ORDER.where(tables.log_entry.c.id == entry_id)
        with self._reading() as connection:
            return next(_read(connection, query), None)

    def checkpoint(self, size: int | None = None) -> SignedHead | None:
        with self._reading() as connection:
            return _checkpoint(connection, size)

    def checkpoint_sizes(self, since: int) -> tuple[int, ...]:
        sizes = tables.log_checkpoint.c.size
        with self._reading() as connection:
            return tuple(connection.execute(select(sizes).where(sizes >= since).order_by(sizes)).scalars())

    def settled(self) -> SignedHead | None:
        with self._reading() as connection:
            row = connection.execute(_SETTLED).first()
        if row is None or row.waiting or row.size != (row.sequenced or 0):
            return None
        return SignedHead(row.size, bytes(row.root), bytes(row.note))

    def keep_checkpoint(self, signed: SignedHead, after: SignedHead | None) -> None:
        try:
            with self._engine.begin() as connection:
                lock_whole_store(connection, SEQUENCER_LOCK)
                newest = _checkpoint(connection)
                if newest != after or (after and signed.size <= after.size):
                    raise AuditLogConflict(
                        "another checkpoint was signed meanwhile; this one is not given out"
                    )
                row = {"size": signed.size, "root": signed.root, "note": signed.note}
                connection.execute(insert(tables.log_checkpoint).values(**row))
        except SQLAlchemyError as exc:
            raise AuditLogUnavailable("the checkpoint could not be stored, so it is not given out") from exc

    def cosignatures(self, size: int) -> tuple[bytes, ...]:
        table = tables.log_cosignature
        query = select(table.c.line).where(table.c.size == size).order_by(table.c.name)
        with self._reading() as connection:
            return tuple(bytes(line) for line in connection.execute(query).scalars())

    def add_cosignature(self, size: int, name: str, line: bytes) -> None:
        try:
            with self._engine.begin() as connection:
                bulk.add_once(connection, tables.log_cosignature, size=size, name=name, line=line)
        except SQLAlchemyError as exc:
            raise AuditLogUnavailable("the cosignature could not be stored") from exc

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.execution_options(**READ_ONLY).begin() as connection:
                yield connection
        except SQLAlchemyError as exc:
            raise AuditLogUnavailable from exc

    def of_case(self, case_id: str, kind: str) -> tuple[Entry, ...]:
        found = [entry for entry in self.of_kind(kind) if entry.case == case_id]
        return tuple(reversed(found))

    def of_kind(self, kind: str) -> Iterator[Entry]:
        table, after = tables.log_entry, -1
        mark = f'"kind":"{kind}"'.encode()  # canonical bytes: a cheap look before an entry is read
        query = select(table.c.seq, table.c.raw).order_by(table.c.seq).limit(VERIFY_CHUNK)
        try:
            with self._engine.execution_options(**READ_ONLY).begin() as connection:
                while rows := connection.execute(query.where(table.c.seq > after)).all():
                    made = (read_entry(raw) for row in rows if mark in (raw := bytes(row.raw)))
                    yield from (entry for entry in made if entry.kind == kind)
                    after = rows[-1].seq
        except SQLAlchemyError as exc:
            raise AuditLogUnavailable from exc

    def verify(self, kept: Iterable[Head] = ()) -> LogCheck:
        try:
            with self._engine.execution_options(**READ_ONLY).begin() as connection:
                found = [*connection.execute(_HEADS), *connection.execute(_SIGNED)]
                heads = [Head(size, bytes(root)) for size, root in found]
                result = check_log(_all_stored(connection), [*heads, *kept])
                return _without_lost(connection, result) if result.status == "intact" else result
        except SQLAlchemyError as exc:
            return LogCheck(status="unchecked", reason=f"the store cannot be read ({type(exc).__name__})")


_SIGNED_SIZE = select(func.max(tables.log_checkpoint.c.size))
_HEADS = select(tables.log_head.c.size, tables.log_head.c.root).order_by(tables.log_head.c.size)
_SIGNED = select(tables.log_checkpoint.c.size, tables.log_checkpoint.c.root).order_by(
    tables.log_checkpoint.c.size
)


def _sequence(connection: Connection) -> Head:
    tree, fence = _last_head(connection)
    signed = connection.execute(_SIGNED_SIZE).scalar() or 0
    if signed > tree.size:  # an index would be given out a second time
        raise TamperDetected(f"{signed} entries were signed, and the store does not hold them any more")
    entry, staged = tables.log_entry, tables.log_staged
    waiting = select(entry.c.seq, entry.c.raw).join_from(staged, entry, entry.c.seq == staged.c.entry_seq)
    # In the order of the few that wait: by `log_entry.seq`, SQLite looks through the whole log for them.
    rows = connection.execute(waiting.order_by(staged.c.entry_seq)).all()
    if not rows:
        return Head(tree.size, tree.root())
    leaves = [leaf_hash(bytes(row.raw)) for row in rows]
    numbered = [
        (tree.size + n, row.seq, leaf) for n, (row, leaf) in enumerate(zip(rows, leaves, strict=True))
    ]
    connection.execute(
        insert(tables.log_sequence),
        [{"position": at, "entry_seq": seq, "leaf": leaf} for at, seq, leaf in numbered],
    )
    for chunk in bulk.chunks([row.seq for row in rows], bulk.IN_LIMIT):
        connection.execute(delete(staged).where(staged.c.entry_seq.in_(chunk)))
    tree = tree.extend(leaves)
    head = {"size": tree.size, "root": tree.root(), "peaks": b"".join(tree.peaks), "fence": fence + 1}
    connection.execute(insert(tables.log_head).values(**head))
    return Head(tree.size, tree.root())


def _last_head(connection: Connection) -> tuple[CompactRange, int]:
    """The tree at the last head, and that head's fencing number."""
    table = tables.log_head
    row = connection.execute(select(table).order_by(table.c.size.desc()).limit(1)).first()
    if row is None:
        return CompactRange(), 0
    peaks = bytes(row.peaks)
    parts = (peaks[at : at + HASH_BYTES] for at in range(0, len(peaks), HASH_BYTES))
    tree = CompactRange(row.size, tuple(parts))
    if tree.root() != bytes(row.root) or len(tree.peaks) != row.size.bit_count():
        raise TamperDetected(f"the stored head of size {row.size} does not hold")
    return tree, row.fence


def _checkpoint(connection: Connection, size: int | None = None) -> SignedHead | None:
    table = tables.log_checkpoint
    query = select(table).order_by(table.c.size.desc()).limit(1)
    row = connection.execute(query if size is None else query.where(table.c.size == size)).first()
    return None if row is None else SignedHead(row.size, bytes(row.root), bytes(row.note))


_IN_ORDER = (
    select(tables.log_sequence.c.position, tables.log_entry.c.raw, tables.log_sequence.c.leaf)
    .join(tables.log_entry, tables.log_entry.c.seq == tables.log_sequence.c.entry_seq)
    .order_by(tables.log_sequence.c.position)
)


def _stored(connection: Connection, start: int, limit: int) -> Iterator[Stored]:
    return _read(connection, _IN_ORDER.where(tables.log_sequence.c.position >= start).limit(limit))


def _read(connection: Connection, query: Select[Any]) -> Iterator[Stored]:
    # Past the rows of the library, which cost as much as the hashing does.
    cursor = connection.execute(query).cursor
    for position, raw, leaf in cursor.fetchall():
        yield Stored(position, bytes(raw), bytes(leaf))


def _all_stored(connection: Connection) -> Iterator[Stored]:
    start = 0
    while chunk := tuple(_stored(connection, start, VERIFY_CHUNK)):
        yield from chunk
        start = chunk[-1].index + 1


def _without_lost(connection: Connection, result: LogCheck) -> LogCheck:
    """An entry with neither an index nor a place in the queue was taken out of it by hand."""
    entry, order, staged = tables.log_entry, tables.log_sequence, tables.log_staged
    query = (
        select(func.count())
        .select_from(entry)
        .where(
            ~exists().where(order.c.entry_seq == entry.c.seq),
            ~exists().where(staged.c.entry_seq == entry.c.seq),
        )
    )
    if lost := connection.execute(query).scalar_one():
        return LogCheck(
            status="incomplete", size=result.size, reason=f"{lost} entries were taken out of the queue"
        )
    return result
