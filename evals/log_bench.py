"""What the audit log costs: appending beside pymerkle, publishing beside one fsync each, verifying beside a hash
chain, and proving. Part of `make bench`; `python evals/log_bench.py` runs it alone, FULL=1 with a million entries.

The peer is installed into an environment of its own (`.peers/`). Where that fails, ours stands alone. Throughput and
latency count wall time, because they wait for the disk; everything else counts CPU time.
"""

import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

from sqlalchemy import insert

from cases import HOMES, home, scratch
from corpus import ROOT
from countersign.adapters.sql import tables
from countersign.committer import Committer
from countersign.core.log.auditlog import Actor, Blob, Entry, Head, Stored, check_log, entry_bytes
from countersign.core.log.merkle import CompactRange, leaf_hash, leaf_hashes, root
from countersign.ports import Ports, Transaction
from measure import ROUNDS, Line, Spread, alternating, limit, show, spread

PEER = "pymerkle==6.1.0"
FULL = os.environ.get("COUNTERSIGN_FULL") == "1"
APPENDED = 20_000
GROUP = 64
CALLERS = 64
SINGLE, EACH = 60, 40  # published one by one; by each caller
WAITING = 8  # callers whose waiting is measured
REQUESTS = 1_200
VERIFIED = 1_000_000 if FULL else 100_000
PROBE = """
import os, sys, time
descriptor = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)
while True:
    os.pwrite(descriptor, bytes(4096), 0)
    begun = time.perf_counter()
    os.fsync(descriptor)
    print(time.perf_counter() - begun, flush=True)
    time.sleep(0.005)
"""
DIGEST = "sha256:" + "3a" * 32
COMMIT = "hmac-sha256:" + "5c" * 32


def an_entry(number: int) -> Entry:
    """A decision's entry, 600 bytes like the others."""
    return Entry(
        kind="decision.countersigned",
        id=f"decision-{number:08}",
        ts="2026-09-21T13:15:30.123Z",
        actor=Actor(type="analyst", id="p_5f2c", session="s_91"),
        case="case-0123456789abcdef",
        txn="case-0123456789abcdef/1",
        refs={"brief": "verified-00000005", "review": "review-00000006"},
        digests={"decision": DIGEST, "policy": DIGEST},
        blobs={"decision": Blob(id=f"decision-{number:08}/decision", commit=COMMIT)},
        data={"assurance": "webauthn-uv", "disposition": "true_positive", "tier": 1, "verdict_id": 2},
    )


def log_costs() -> list[Line]:
    """Every figure of the log."""
    return [*appending(), *publishing(), *waiting(), *verifying()]


# Appending in memory -----------------------------------------------------------------------------------------


def appended(entries: Sequence[bytes]) -> bytes:
    """Leaf hashes kept for proofs, and the root after every group."""
    tree, leaves, found = CompactRange(), list[bytes](), b""
    for at in range(0, len(entries), GROUP):
        group = leaf_hashes(entries[at : at + GROUP])
        leaves += group
        tree = tree.extend(group)
        found = tree.root()
    return found


def appending() -> list[Line]:
    """Against the peer, on the same entries; the roots are compared first."""
    entries = [entry_bytes(an_entry(number)) for number in range(APPENDED)]
    python = _installed()
    if python is None:
        print("  pymerkle cannot be installed here")
        return []
    file = scratch() / "entries"
    file.write_bytes(b"\n".join(entries))
    command = [str(python), str(ROOT / "evals" / "merkle_peer.py"), str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:

        def asked(what: str) -> str:
            if child.stdin is None or child.stdout is None:
                raise SystemExit("the peer has no pipes")
            child.stdin.write(what + "\n")
            child.stdin.flush()
            return child.stdout.readline().strip()

        if asked("root") != appended(entries).hex():
            raise SystemExit("the two trees have different roots")
        pairs = [
            _pair(number, partial(_timed, partial(appended, entries)), lambda: float(asked("time")))
            for number in range(ROUNDS)
        ]
        child.stdin.close()  # type: ignore[union-attr] - it is a pipe
    ratio = spread([theirs / ours for ours, theirs in pairs])
    ours, theirs = (APPENDED / median(column) for column in zip(*pairs, strict=True))
    what = f"log append in memory, groups of {GROUP}, {PEER} = 1"
    return [
        Line(what, f"{ratio.mid:.1f} ({ratio.low:.1f}–{ratio.high:.1f})×", "≥ 6×", ratio.low >= 6),
        Line("  entries a CPU second: ours, theirs", f"{ours:,.0f}, {theirs:,.0f}"),
    ]


def _pair(number: int, one: Callable[[], float], two: Callable[[], float]) -> tuple[float, float]:
    """Both, in an order that flips."""
    if number % 2:
        second = two()
        return one(), second
    return one(), two()


def _timed(work: Callable[[], object]) -> float:
    before = process_time()
    work()
    return process_time() - before


def _installed() -> Path | None:
    python = ROOT / ".peers" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PEER]
    return python if subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0 else None


# Publishing --------------------------------------------------------------------------------------------------


class Numbers:
    """Entries nobody has had yet."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def staging(self) -> Callable[[Transaction], int | None]:
        """Work that stages the next entry."""
        with self._lock:
            self._last += 1
            entry = an_entry(self._last)
        return lambda tx: tx.log.stage(entry)


def one_by_one(ports: Ports, numbers: Numbers) -> float:
    """Entries a second: each in a transaction of its own, published before the next."""
    begun = perf_counter()
    for _ in range(SINGLE):
        with ports.store.transaction() as tx:
            numbers.staging()(tx)
        ports.publisher.publish()
    return SINGLE / (perf_counter() - begun)


def grouped(ports: Ports, numbers: Numbers, callers: int = CALLERS) -> float:
    """Entries a second: as many callers, each waiting for its answer before it asks again."""

    def ask() -> None:
        for _ in range(EACH):
            committer.commit(numbers.staging())

    with Committer(ports.store, ports.publisher) as committer:
        threads = [threading.Thread(target=ask) for _ in range(callers)]
        begun = perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return callers * EACH / (perf_counter() - begun)


def handed_in(ports: Ports, numbers: Numbers) -> float:
    """Entries a second: all handed in at once, as a batch is."""
    work = [numbers.staging() for _ in range(2_000)]
    with Committer(ports.store, ports.publisher) as committer:
        begun = perf_counter()
        for answer in [committer.hand_in(one) for one in work]:
            answer.result()
        return len(work) / (perf_counter() - begun)


def publishing() -> list[Line]:
    """Durable and published, by the second of wall time."""
    _, ports = home()
    ports.publisher.publish()
    numbers, ratios, rates = Numbers(), list[float](), list[tuple[float, float]]()
    batches = list[float]()
    for number in range(5):
        many, single = _pair(number, partial(grouped, ports, numbers), partial(one_by_one, ports, numbers))
        ratios.append(many / single)
        rates.append((many, single))
        batches.append(handed_in(ports, numbers) / single)
    ratio, batch = spread(ratios), spread(batches)
    many, single = (median(column) for column in zip(*rates, strict=True))
    what = f"published entries, group commit of {CALLERS} callers, one fsync each = 1"
    return [
        Line(what, f"{ratio.mid:.1f} ({ratio.low:.1f}–{ratio.high:.1f})×", "≥ 20×", ratio.low >= 20),
        Line("  entries a second of wall time: grouped, one by one", f"{many:,.0f}, {single:,.0f}"),
        Line("  the same, 2,000 handed in at once", f"{batch.mid:.1f} ({batch.low:.1f}–{batch.high:.1f})×"),
    ]


def waiting() -> list[Line]:
    """How long a caller waits until its entry is published, beside what one fsync takes meanwhile."""
    _, ports = home()
    ports.publisher.publish()
    numbers, waits = Numbers(), list[float]()
    grouped(ports, numbers, 2)  # warm

    def ask() -> None:
        while len(waits) < REQUESTS:
            begun = perf_counter()
            committer.commit(numbers.staging())
            waits.append(perf_counter() - begun)

    # In a process of its own: in ours it would wait for the interpreter as well, and flatter us.
    with subprocess.Popen(
        [sys.executable, "-c", PROBE, str(scratch() / "probe")], stdout=subprocess.PIPE
    ) as probe:
        with Committer(ports.store, ports.publisher) as committer:
            threads = [threading.Thread(target=ask) for _ in range(WAITING)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        probe.terminate()
        told_by = probe.stdout.read() if probe.stdout else b""
    probes = [float(one) for one in told_by.split()]
    p95, (probe50, probe95) = _at(waits, 0.95), (_at(probes, 0.5), _at(probes, 0.95))
    times = p95 / probe50
    what = f"published acknowledgement, {WAITING} callers, p95 of {len(waits):,}; fsync p50 = 1"
    told = f"{_at(waits, 0.5) * 1e3:.1f}, {p95 * 1e3:.1f}, {probe50 * 1e3:.2f}, {probe95 * 1e3:.2f}"
    return [
        Line(what, f"{times:.1f}×", "≤ 10×", times <= 10),
        Line("  ms: wait p50, p95; fsync p50, p95", told),
        Line("  beside the p95 of the fsync", f"{p95 / probe95:.1f}×"),
    ]


def _at(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


# Verifying and proving ---------------------------------------------------------------------------------------


def chained(entries: Sequence[bytes]) -> bytes:
    """The plainest thing that ties entries together."""
    found, digest = b"", sha256
    for entry in entries:
        found = digest(found + entry).digest()
    return found


def verifying() -> list[Line]:
    """The tree alone, with every entry checked, and the whole of `log verify`, each beside a hash chain."""
    entries = [entry_bytes(an_entry(number)) for number in range(VERIFIED)]
    leaves = leaf_hashes(entries)
    if leaves[7] != leaf_hash(entries[7]):
        raise SystemExit("bulk hashing gives another leaf")
    stored = [Stored(n, raw, leaf) for n, (raw, leaf) in enumerate(zip(entries, leaves, strict=True))]
    heads = [Head(VERIFIED, root(leaves))]
    chain = partial(chained, entries)
    rounds = 5 if FULL else ROUNDS
    tree, plain, alone = alternating(lambda: root(leaf_hashes(entries)), chain, rounds)
    checked, _, whole = alternating(partial(_ensure_intact, stored, heads), chain, min(rounds, 5))
    ports = _written(entries)
    command, _, told = alternating(lambda: _ensure_good(ports), chain, 3)
    proof = _proofs(ports)
    size = f"{VERIFIED:,} entries of {len(entries[0])} bytes"
    return [
        limit(f"verify {size}: every leaf and the root, hash chain = 1", alone, 2, "× its CPU"),
        Line(
            "  and every entry decoded: of its schema, canonical",
            f"{whole.mid:.1f} ({whole.low:.1f}–{whole.high:.1f})×",
        ),
        Line("  and out of the database (`log verify`)", f"{told.mid:.1f} ({told.low:.1f}–{told.high:.1f})×"),
        Line(
            "  CPU s: chain, tree, with entries, log verify",
            f"{plain.mid:.2f}, {tree.mid:.2f}, {checked.mid:.2f}, {command.mid:.2f}",
        ),
        limit(f"proof of inclusion in a log of {VERIFIED:,}", proof, 5, "ms CPU"),
    ]


def _ensure_intact(stored: Sequence[Stored], heads: Sequence[Head]) -> None:
    if check_log(stored, heads).status != "intact":
        raise SystemExit("the log does not verify")


def _ensure_good(ports: Ports) -> None:
    if ports.store.log.verify().status != "intact":
        raise SystemExit("the stored log does not verify")


def _written(entries: Sequence[bytes]) -> Ports:
    """A home whose log holds these entries, published."""
    _, ports = home()
    engine = ports.store._engine  # type: ignore[attr-defined] # noqa: SLF001 - a million rows at once, past the port
    with engine.begin() as connection:
        for at in range(0, len(entries), 10_000):
            part = range(at, min(at + 10_000, len(entries)))
            connection.execute(
                insert(tables.log_entry),
                [{"seq": n + 1, "id": f"decision-{n:08}", "raw": entries[n]} for n in part],
            )
            connection.execute(insert(tables.log_staged), [{"entry_seq": n + 1} for n in part])
    begun = perf_counter()
    head = ports.publisher.publish()
    print(f"  {head.size:,} entries published at once: {perf_counter() - begun:.1f} s")
    return ports


def _proofs(ports: Ports) -> Spread:
    chance, took = random.Random(7), list[float]()
    for _ in range(200):
        index = chance.randrange(VERIFIED)
        took.append(_timed(partial(ports.publisher.prove, index)) * 1e3)
    return spread(took)


if __name__ == "__main__":
    with HOMES:
        show(log_costs())
