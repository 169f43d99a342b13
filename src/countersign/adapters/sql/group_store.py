"""Which alerts stand together.

`waiting`, `burst`, `member`, `standing` and `grouping_state` hold what the machine made of the alerts; they can be
made again and are kept as they are now. What a person changed is in `regrouping`, append-only, and in bursts
with a number below zero, which nothing here ever overwrites.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, delete, func, select, update

from countersign.adapters.sql import bulk, tables
from countersign.adapters.sql.engine import lock_whole_store
from countersign.adapters.sql.session import Session, digest_bytes, digest_text
from countersign.core.canonical import NANOSECONDS
from countersign.core.cases.bursts import Burst
from countersign.core.cases.grouping import Regrouping, Standing
from countersign.core.cases.sighting import Sighting
from countersign.core.records.alert import Alert
from countersign.ports import Member, Waiting

GROUPING_LOCK = 3
_STATE = "correlation"
_encode = msgspec.msgpack.Encoder().encode
_sighting = msgspec.msgpack.Decoder(Sighting).decode
_burst = msgspec.msgpack.Decoder(Burst).decode
_standing = msgspec.msgpack.Decoder(Standing).decode
_regrouping = msgspec.json.Decoder(Regrouping).decode
_alert = msgspec.json.Decoder(Alert).decode


class SqlGroupStore:
    """`ports.GroupStore`."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connection = session.connection

    def lock(self) -> None:
        lock_whole_store(self._connection, GROUPING_LOCK)

    # ---- those that wait ---------------------------------------------------------------------------

    def wait(self, sightings: Iterable[tuple[str, Sighting]]) -> None:
        given = dict(sightings)
        seqs = self._session.evidence_numbers(list(given))
        rows = sorted((seqs[eid], one.start * NANOSECONDS, _encode(one)) for eid, one in given.items())
        bulk.insert(self._connection, tables.waiting, ("evidence_seq", "event_ns", "document"), rows)

    def newest_waiting(self) -> int | None:
        newest = self._connection.execute(select(func.max(tables.waiting.c.event_ns))).scalar()
        return None if newest is None else int(newest) // NANOSECONDS

    def waiting(self, from_s: int, until_s: int, limit: int) -> tuple[Waiting, ...]:
        table = tables.waiting
        when = table.c.event_ns
        query = select(table.c.evidence_seq, table.c.document).order_by(when, table.c.evidence_seq)
        within = query.where(when >= from_s * NANOSECONDS, when <= until_s * NANOSECONDS)
        some = self._waiting(within.limit(limit))
        if len(some) < limit:
            return some
        last = some[-1].sighting.start  # the second that the limit may have cut
        whole = tuple(one for one in some if one.sighting.start < last)
        return whole or self._waiting(query.where(when == last * NANOSECONDS))

    def _waiting(self, query: Select[Any]) -> tuple[Waiting, ...]:
        rows = self._connection.execute(query)
        return tuple(Waiting(seq, _sighting(document)) for seq, document in rows)

    def settle(self, numbers: Sequence[int]) -> None:
        bulk.delete(self._connection, tables.waiting, "evidence_seq", numbers)

    def memory(self) -> bytes | None:
        table = tables.grouping_state
        found = self._connection.execute(select(table.c.document).where(table.c.name == _STATE)).scalar()
        return None if found is None else bytes(found)

    def remember(self, memory: bytes) -> None:
        rows = [(_STATE, memory)]
        bulk.replace(self._connection, tables.grouping_state, ("name", "document"), rows)

    # ---- what stands together ------------------------------------------------------------------------

    def unlearn(self, case_id: str) -> None:
        bulk.add_once(self._connection, tables.unlearn, case_id=case_id)

    def to_unlearn(self) -> tuple[str, ...]:
        query = select(tables.unlearn.c.case_id).order_by(tables.unlearn.c.case_id)
        return tuple(self._connection.execute(query).scalars())

    def unlearnt(self, case_ids: Collection[str]) -> None:
        table = tables.unlearn
        for chunk in bulk.chunks(list(case_ids), bulk.IN_LIMIT):
            self._connection.execute(delete(table).where(table.c.case_id.in_(chunk)))

    def keep(
        self, bursts: Iterable[Burst], members: Iterable[tuple[int, int]], cases: Iterable[Standing]
    ) -> None:
        columns = ("number", "case_id", "first_s", "last_s", "document")
        rows = [(one.number, one.case, one.first, one.end, _encode(one)) for one in bursts]
        bulk.replace(self._connection, tables.burst, columns, sorted(rows, key=lambda row: row[0]))
        bulk.replace(
            self._connection,
            tables.member,
            ("evidence_seq", "burst_number"),
            sorted(members),
            unless="member.burst_number < 0",
        )
        standings = sorted((one.case, one.kind, _encode(one)) for one in cases)
        bulk.replace(self._connection, tables.standing, ("case_id", "kind", "document"), standings)

    def last_number(self) -> int:
        return max(0, self._connection.execute(select(func.max(tables.burst.c.number))).scalar() or 0)

    def placed(self, numbers: Collection[int]) -> Mapping[int, Burst]:
        found: dict[int, Burst] = {}
        table = tables.burst
        for chunk in bulk.chunks(list(numbers), bulk.IN_LIMIT):
            query = select(table.c.document).where(table.c.number.in_(chunk))
            found.update((one.number, one) for one in self._bursts(query))
        return found

    def bursts_of(self, case_id: str) -> tuple[Burst, ...]:
        table = tables.burst
        query = select(table.c.document).where(table.c.case_id == case_id)
        return self._bursts(query.order_by(table.c.first_s, table.c.number))

    def _bursts(self, query: Select[Any]) -> tuple[Burst, ...]:
        return tuple(map(_burst, self._connection.execute(query).scalars()))

    def counts_of(self, case_id: str) -> Mapping[int, int]:
        member, burst = tables.member, tables.burst
        query = (
            select(member.c.burst_number, func.count())
            .join(burst, burst.c.number == member.c.burst_number)
            .where(burst.c.case_id == case_id)
            .group_by(member.c.burst_number)
        )
        return {int(number): int(count) for number, count in self._connection.execute(query)}

    def members(self, case_id: str, ends: int) -> tuple[Member, ...]:
        member, burst, alert = tables.member, tables.burst, tables.alert
        order = (alert.c.event_ns.asc().nulls_first(), alert.c.id)
        base = (
            select(
                alert.c.document,
                alert.c.event_ns,
                alert.c.id,
                member.c.burst_number,
                func.row_number().over(partition_by=member.c.burst_number, order_by=order).label("nth"),
                func.count().over(partition_by=member.c.burst_number).label("total"),
            )
            .join(burst, burst.c.number == member.c.burst_number)
            .join(alert, alert.c.evidence_seq == member.c.evidence_seq)
            .where(burst.c.case_id == case_id)
            .subquery()
        )
        query = select(base.c.document, base.c.burst_number)
        if ends:
            query = query.where((base.c.nth <= ends) | (base.c.nth > base.c.total - ends))
        query = query.order_by(base.c.event_ns.asc().nulls_first(), base.c.id)
        rows = self._connection.execute(query)
        return tuple(Member(_alert(bytes(document)), int(number)) for document, number in rows)

    def cases_of(self, evidence: Collection[str]) -> Mapping[str, str]:
        found: dict[str, str] = {}
        member, burst, record = tables.member, tables.burst, tables.evidence
        for chunk in bulk.chunks([digest_bytes(eid) for eid in evidence], bulk.IN_LIMIT):
            query = (
                select(record.c.digest, burst.c.case_id)
                .join(member, member.c.evidence_seq == record.c.seq)
                .join(burst, burst.c.number == member.c.burst_number)
                .where(record.c.digest.in_(chunk))
            )
            found.update((digest_text(row[0]), row[1]) for row in self._connection.execute(query))
        return found

    def burst_of(self, evidence: str) -> Burst | None:
        member, burst, record = tables.member, tables.burst, tables.evidence
        query = (
            select(burst.c.document)
            .join(member, member.c.burst_number == burst.c.number)
            .join(record, record.c.seq == member.c.evidence_seq)
            .where(record.c.digest == digest_bytes(evidence))
        )
        return next(iter(self._bursts(query)), None)

    def standing(self, case_ids: Collection[str]) -> Mapping[str, Standing]:
        found: dict[str, Standing] = {}
        table = tables.standing
        for chunk in bulk.chunks(list(case_ids), bulk.IN_LIMIT):
            query = select(table.c.document).where(table.c.case_id.in_(chunk))
            found.update((one.case, one) for one in map(_standing, self._connection.execute(query).scalars()))
        return found

    def stand(self, standing: Standing) -> None:
        row = (standing.case, standing.kind, _encode(standing))
        bulk.replace(self._connection, tables.standing, ("case_id", "kind", "document"), [row])

    def sizes(self, case_ids: Collection[str]) -> Mapping[str, int]:
        return {case: count for case, count, _ in self._totals(case_ids)}

    def holds_any(self, case_id: str) -> bool:
        member, burst = tables.member, tables.burst
        query = (
            select(member.c.evidence_seq)
            .join(burst, burst.c.number == member.c.burst_number)
            .where(burst.c.case_id == case_id)
            .limit(1)
        )
        return self._connection.execute(query).first() is not None

    def marks(self, case_ids: Collection[str]) -> Mapping[str, str]:
        return {case: f"{count}:{total}" for case, count, total in self._totals(case_ids)}

    def _totals(self, case_ids: Collection[str]) -> Iterator[tuple[str, int, int]]:
        """Case, its alerts, the sum of their record numbers."""
        member, burst = tables.member, tables.burst
        for chunk in bulk.chunks(list(case_ids), bulk.IN_LIMIT):
            query = (
                select(burst.c.case_id, func.count(), func.sum(member.c.evidence_seq))
                .join(member, member.c.burst_number == burst.c.number)
                .where(burst.c.case_id.in_(chunk))
                .group_by(burst.c.case_id)
            )
            yield from ((str(row[0]), int(row[1]), int(row[2])) for row in self._connection.execute(query))

    def drafted(self, case_id: str, mark: str) -> None:
        bulk.replace(self._connection, tables.drafted, ("case_id", "mark"), [(case_id, mark)])

    def stale(self, case_ids: Collection[str]) -> frozenset[str]:
        table, now = tables.drafted, self.marks(case_ids)
        then: dict[str, str] = {}
        for chunk in bulk.chunks(list(case_ids), bulk.IN_LIMIT):
            query = select(table.c.case_id, table.c.mark).where(table.c.case_id.in_(chunk))
            then.update((row.case_id, row.mark) for row in self._connection.execute(query))
        return frozenset(case for case, mark in then.items() if mark != now.get(case, ""))

    def unsettled(self, case_id: str) -> tuple[str, ...]:
        waiting, member, burst, record = tables.waiting, tables.member, tables.burst, tables.evidence
        query = (
            select(record.c.digest)
            .join(waiting, waiting.c.evidence_seq == record.c.seq)
            .join(member, member.c.evidence_seq == record.c.seq)
            .join(burst, burst.c.number == member.c.burst_number)
            .where(burst.c.case_id == case_id)
            .order_by(record.c.seq)
        )
        return tuple(digest_text(digest) for digest in self._connection.execute(query).scalars())

    def incidents(self, from_s: int, until_s: int) -> tuple[Burst, ...]:
        burst, standing = tables.burst, tables.standing
        query = (
            select(burst.c.document)
            .join(standing, standing.c.case_id == burst.c.case_id)
            .where(standing.c.kind == "incident", burst.c.first_s <= until_s, burst.c.last_s >= from_s)
        )
        return self._bursts(query.order_by(burst.c.first_s, burst.c.number))

    # ---- what persons changed --------------------------------------------------------------------------

    def regroup(self, regrouping: Regrouping) -> None:
        document = msgspec.json.encode(regrouping)
        self._connection.execute(
            tables.regrouping.insert().values(case_id=regrouping.case, document=document)
        )

    def regroupings(self) -> tuple[Regrouping, ...]:
        query = select(tables.regrouping.c.document).order_by(tables.regrouping.c.seq)
        return tuple(_regrouping(bytes(document)) for document in self._connection.execute(query).scalars())

    def assign(self, burst: Burst, evidence: Collection[str]) -> None:
        least = self._connection.execute(select(func.min(tables.burst.c.number))).scalar() or 0
        made = msgspec.structs.replace(burst, number=min(int(least), 0) - 1)
        row = (made.number, made.case, made.first, made.end, _encode(made))
        columns = ("number", "case_id", "first_s", "last_s", "document")
        bulk.replace(self._connection, tables.burst, columns, [row])
        seqs = self._session.evidence_numbers(list(evidence))
        rows = sorted((seq, made.number) for seq in seqs.values())
        bulk.replace(self._connection, tables.member, ("evidence_seq", "burst_number"), rows)

    def move(self, case_id: str, into: str) -> None:
        table = tables.burst
        moved = [
            msgspec.structs.replace(one, case=into)
            for one in self._bursts(select(table.c.document).where(table.c.case_id == case_id))
        ]
        self._connection.execute(update(table).where(table.c.case_id == case_id).values(case_id=into))
        for one in moved:
            self._connection.execute(
                update(table).where(table.c.number == one.number).values(document=_encode(one))
            )
