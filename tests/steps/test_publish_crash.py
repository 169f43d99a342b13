"""kill -9 at every point where something reaches the disk, and at any moment under load: nothing is lost or doubled.

The writer is a fork of this process that kills itself before the n-th commit, fsync or rename. Each change
of a store is a record, so that a change without its entry, or an entry without its change, is seen.
"""

import os
import random
import signal
import threading
import time

import pytest
from sqlalchemy import event

from countersign.adapters.log_files import FolderFiles
from countersign.adapters.log_signer import HomeSigner
from countersign.adapters.sql import open_store
from countersign.committer import Committer
from countersign.core.ids import evidence_id
from countersign.core.log.auditlog import Actor, Entry
from countersign.core.log.tiles import TiledTree, tiles_of
from countersign.core.records.evidence import Evidence
from countersign.steps.publish import LogPublisher
from countersign.wiring import SystemClock
from databases import VAULT, postgres_database, sqlite_database  # noqa: F401 - fixtures

FULL = os.environ.get("COUNTERSIGN_FULL") == "1"
KILLS = 100 if FULL else 3
THREADS = 8
ACTOR = Actor(type="system", id="countersign")


def change(number):
    """A record, and the entry that tells of it."""

    def work(tx):
        raw = b"%d" % number
        tx.evidence.add([(Evidence(evidence_id(raw), "json.unknown", "x", "json/1", raw, number, None), ())])
        tx.log.stage(Entry(kind="log.note", id=f"e_{number}", ts="2026-09-21T13:15:30.123Z", actor=ACTOR))
        return number

    return work


def opened(url, home):
    store = open_store(url, VAULT)
    return store, LogPublisher(store, SystemClock(), HomeSigner(home), FolderFiles(home / "log"))


def forked(work):
    """Run in a fork that ends however it ends; the bytes it told, and whether it was killed."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.close(ours)
        try:
            work(theirs)
        finally:
            os._exit(0)
    os.close(theirs)
    return child, ours


def told(child, ours):
    parts = []
    while part := os.read(ours, 65_536):
        parts.append(part)
    os.close(ours)
    _, status = os.waitpid(child, 0)
    return {int(one) for one in b"".join(parts).split()}, os.WIFSIGNALED(status)


def checked(url, home, acknowledged):
    """What the next process finds, and makes of it; how many entries there are."""
    store, publisher = opened(url, home)
    head = publisher.publish()
    stored = store.log.entries(0, 1_000_000)
    numbers = [int(one.raw.split(b'"id":"e_')[1].split(b'"')[0]) for one in stored]
    with store.reading() as tx:
        kept = tx.evidence.get([evidence_id(b"%d" % number) for number in numbers])
        assert (
            len(kept) == tx.evidence.counts().evidence == len(numbers)
        )  # one entry a change, one change an entry
    assert len(set(numbers)) == len(numbers) == head.size
    assert acknowledged <= set(numbers)
    files = FolderFiles(home / "log")
    assert head.root == TiledTree(files.read, head.size).root()
    assert {tile.path for tile in tiles_of(head.size)} <= set(files.paths())
    assert "intact" == store.log.verify().status
    assert publisher.objection() is None
    store.close()
    return head.size


def killing_at(point):
    """Kill this process before the so-many-th commit, fsync or rename."""
    count = 0

    def reached(*_):
        nonlocal count
        count += 1
        if count == point:
            os.kill(os.getpid(), signal.SIGKILL)

    real_fsync, real_rename = os.fsync, os.rename
    os.fsync = lambda descriptor: (reached(), real_fsync(descriptor))
    os.rename = lambda *names, **more: (reached(), real_rename(*names, **more))
    return reached


def three_publications(url, home, point):
    def work(pipe):
        store, publisher = opened(url, home)
        reached = killing_at(point)
        event.listen(store._engine, "commit", reached)
        publisher.publish()
        for first, count in ((0, 2), (2, 255), (257, 1)):  # the second one fills tiles
            with store.transaction() as tx:
                for number in range(first, first + count):
                    change(number)(tx)
            publisher.publish()
            os.write(pipe, b"".join(b"%d " % number for number in range(first, first + count)))

    return told(*forked(work))


def test_a_writer_killed_before_any_write_leaves_a_log_that_goes_on(tmp_path):
    sizes, points = set(), range(1, 200) if FULL else range(1, 200, 4)
    for point in points:
        home = tmp_path / str(point)
        home.mkdir()
        url = f"sqlite:///{home / 'store.db'}"
        acknowledged, killed = three_publications(url, home, point)
        if not killed:
            break
        sizes.add(checked(url, home, acknowledged))
    assert not killed
    assert point > 30
    assert {0, 2, 257} <= sizes


def under_load(url, home, first):
    def work(pipe):
        store, publisher = opened(url, home)

        def hand_in(start):
            for number in range(start, start + 100_000):
                os.write(pipe, b"%d " % committer.commit(change(number)))

        with Committer(store, publisher) as committer:
            threads = [
                threading.Thread(target=hand_in, args=(first + n * 1_000_000,), daemon=True)
                for n in range(THREADS)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

    return forked(work)


@pytest.mark.parametrize("kind", ["sqlite", "postgres"] if FULL else ["sqlite"])
def test_a_writer_killed_under_load_has_kept_all_that_it_answered(request, tmp_path, kind):
    url = request.getfixturevalue(f"{kind}_database")
    chance, acknowledged = random.Random(7), set()
    for kill in range(KILLS):
        child, ours = under_load(url, tmp_path, kill * 100_000_000)
        time.sleep(chance.uniform(0.1, 0.6))
        os.kill(child, signal.SIGKILL)
        found, killed = told(child, ours)
        assert killed
        acknowledged |= found
        if kill % 10 == 9 or kill == KILLS - 1:
            assert checked(url, tmp_path, acknowledged) >= len(acknowledged) > 0
