"""kill -9 in the middle of writing: whole transactions are there, half ones never were."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from countersign.adapters.sql import open_store
from databases import VAULT

ROUNDS = 50 if os.environ.get("COUNTERSIGN_FULL") else 4

WRITER = """
import sys
from countersign.adapters.keys import HomeSealer
from countersign.adapters.sql import open_store
from countersign.core.log.auditlog import Actor, Entry
from countersign.core.records.evidence import Evidence, Provenance
from countersign.core.ids import evidence_id

store, first = open_store(sys.argv[1], HomeSealer(bytes(32))), int(sys.argv[2])
print("ready", flush=True)
for batch in range(first, first + 1_000_000):
    raws = [b'{"batch":%d,"n":%d}' % (batch, n) for n in range(50)]
    records = [
        Evidence(evidence_id(r), "json.unknown", "x", "json/1", r, batch, None, (Provenance("f", n),))
        for n, r in enumerate(raws)
    ]
    actor = Actor(type="system", id="countersign")
    entry = Entry(kind="evidence.received", id=f"e_{batch}", ts="2026-01-01T00:00:00.000Z", actor=actor)
    with store.transaction() as tx:
        tx.evidence.add([(record, [("ip", "192.0.2.1")]) for record in records])
        tx.log.stage(entry)
    if batch % 3 == 0:
        store.log.sequence()
"""


@pytest.mark.parametrize("attempt", range(ROUNDS))
def test_a_killed_writer_leaves_whole_transactions_only(database, attempt):
    chance = random.Random(attempt)
    for round_number in range(2):
        command = [sys.executable, "-c", WRITER, database, str(round_number * 1_000_000)]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert b"ready\n" == writer.stdout.readline()
        time.sleep(chance.uniform(0.05, 0.3))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()

    store = open_store(database, VAULT)
    head = store.log.sequence()
    with store.reading() as tx:
        counts = tx.evidence.counts()
        pair = ("ip", "192.0.2.1")
        assert {pair: counts.evidence} == tx.evidence.popularity([pair], None, None)
    assert head.size > 0
    assert (50 * head.size, 50 * head.size) == (counts.evidence, counts.provenances)
    assert "intact" == store.log.verify().status
    store.close()
