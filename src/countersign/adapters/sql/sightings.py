"""Which records hold which observable, and when: one block of postings for each observable of a batch.

A posting is two 64-bit integers, event time (`NO_TIME` without one) and evidence row number; a block holds
the postings that one `add` brought, and says from when to when they reach. Blocks instead of rows: a batch
of 5,000 records has some 30,000 sightings, of a few hundred observables.
"""

import sys
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from sqlalchemy import ColumnElement, delete, func, insert, not_, select

from countersign.adapters.sql import bulk, tables
from countersign.adapters.sql.session import Pair, Session, clamped
from countersign.core.records.evidence import Evidence

COLUMNS = ("observable_id", "first_seq", "from_ns", "to_ns", "records", "postings")
BLOCKS = 10_000  # held at once while all are looked through
Window = tuple[int | None, int | None]  # [from, to) in ns of 64 bits; None is open


def add(session: Session, new: Sequence[tuple[int, Evidence, Sequence[Pair]]]) -> None:
    """Note the observables of records that were not known before: (row number, record, observables)."""
    alike: dict[int, tuple[Sequence[Pair], list[int]]] = {}  # records of one mould share their observables
    for seq, evidence, pairs in new:
        event_ns = clamped(evidence.event_ns)
        posting = (tables.NO_TIME if event_ns is None else event_ns, seq)
        if (known := alike.get(id(pairs))) is None:
            known = alike[id(pairs)] = (pairs, [])
        known[1].extend(posting)
    found: defaultdict[Pair, list[int]] = defaultdict(list)
    for pairs, postings in alike.values():
        for pair in set(pairs):
            found[pair] += postings
    numbers = session.keep_observables(found)
    # Sorted: neighbours in the tree are written together, and two writers never wait in a circle.
    rows = sorted(_block(numbers[pair], postings) for pair, postings in found.items())
    bulk.insert(session.connection, tables.sighting, COLUMNS, rows)


def _block(number: int, postings: list[int]) -> tuple[int, int, int, int, int, bytes]:
    if len(postings) == 2:
        return number, postings[1], postings[0], postings[0], 1, _packed(postings)
    times = postings[::2]
    return number, min(postings[1::2]), min(times), max(times), len(times), _packed(postings)


def forget(session: Session, seqs: Collection[int]) -> set[int]:
    """Take these records out of every block; the numbers of the observables that they held. Reads every older block."""
    gone, table = frozenset(seqs), tables.sighting
    query = select(table).where(table.c.first_seq <= max(gone, default=-1))
    rows = session.connection.execute(query.execution_options(yield_per=BLOCKS))
    held = [row for row in rows if not gone.isdisjoint(_numbers(row.postings))]
    for row in held:
        left = [part for when, seq in _unpacked(row.postings) if seq not in gone for part in (when, seq)]
        key = (table.c.observable_id == row.observable_id, table.c.first_seq == row.first_seq)
        session.connection.execute(delete(table).where(*key))
        if left:
            block = dict(zip(COLUMNS, _block(row.observable_id, left), strict=True))
            session.connection.execute(insert(table).values(block))
    return {row.observable_id for row in held}


def _packed(postings: list[int]) -> bytes:
    packed = array("q", postings)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _numbers(raw: bytes) -> Iterable[int]:
    """The row numbers alone."""
    return (seq for _, seq in _unpacked(raw)) if sys.byteorder == "big" else array("q", raw)[1::2]


def _unpacked(raw: bytes) -> Iterator[tuple[int, int]]:
    postings = array("q")
    postings.frombytes(raw)
    if sys.byteorder == "big":
        postings.byteswap()
    return zip(postings[::2], postings[1::2], strict=True)


def within(session: Session, pairs: Collection[Pair], window: Window) -> dict[int, int]:
    """Row number to event time of every record that holds any of `pairs` in the window."""
    table, found = tables.sighting, dict[int, int]()
    for chunk in bulk.chunks([session.observable(pair) for pair in pairs], bulk.IN_LIMIT):
        query = select(table.c.postings).where(table.c.observable_id.in_(chunk), *_touches(window))
        for raw in session.connection.execute(query).scalars():
            found.update((seq, when) for when, seq in _unpacked(raw) if _holds(window, when))
    return found


def popularity(session: Session, pairs: Collection[Pair], window: Window) -> dict[Pair, int]:
    """How many records hold each of `pairs` in the window."""
    table = tables.sighting
    numbers = {pair: session.observable(pair) for pair in pairs}
    found: defaultdict[int, int] = defaultdict(int)
    for chunk in bulk.chunks(list(numbers.values()), bulk.IN_LIMIT):
        wanted, whole = table.c.observable_id.in_(chunk), _lies_in(window)
        counted = select(table.c.observable_id, func.sum(table.c.records)).where(wanted, *whole)
        for number, records in session.connection.execute(counted.group_by(table.c.observable_id)):
            found[number] += int(records)
        if whole:
            cut = not_(whole[0] if len(whole) == 1 else whole[0] & whole[1])
            query = select(table.c.observable_id, table.c.postings).where(wanted, *_touches(window), cut)
            for number, raw in session.connection.execute(query):
                found[number] += sum(_holds(window, when) for when, _ in _unpacked(raw))
    return {pair: found.get(number, 0) for pair, number in numbers.items()}


def _holds(window: Window, when: int) -> bool:
    return (window[0] is None or when >= window[0]) and (window[1] is None or when < window[1])


def _touches(window: Window) -> list[ColumnElement[bool]]:
    """The block may hold something of the window."""
    return _bounds(window, tables.sighting.c.to_ns, tables.sighting.c.from_ns)


def _lies_in(window: Window) -> list[ColumnElement[bool]]:
    """The window holds the whole block."""
    return _bounds(window, tables.sighting.c.from_ns, tables.sighting.c.to_ns)


def _bounds(window: Window, low: ColumnElement[int], high: ColumnElement[int]) -> list[ColumnElement[bool]]:
    bounds = []
    if window[0] is not None:
        bounds.append(low >= window[0])
    if window[1] is not None:
        bounds.append(high < window[1])
    return bounds
