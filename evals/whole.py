"""The whole way of alerts, in to cases and log: rate, growth, memory, processes; and what decoding costs.

The stream is seeded: Suricata alerts as templates, a moving clock, talkers of uneven weight, repetitions. Keep's figures are
those that `reference/benchmarks.md` gives (13–19 alerts a CPU second, 29–46 in batches), not measured here.
"""

import gc
import json
import multiprocessing
import os
import random
import resource
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import orjson

from cases import home, scratch
from corpus import SEED, alerts
from countersign import wiring, workers
from countersign.core.records.shapes import UntypedFields
from countersign.core.records.views import view
from countersign.steps import group, ingest
from floor import floor
from measure import Line, alternating, cpu, exponent, spread

FULL = os.environ.get("COUNTERSIGN_FULL") == "1"
SIZES = (62_500, 125_000, 250_000, 500_000, 1_000_000) if FULL else (3_125, 6_250, 12_500, 25_000, 50_000)
MEMORY_BYTES = 10**9 if FULL else 10**8
KEEP_BATCHES = 46
START_S = 1_735_689_600
GC = (50_000, 20, 100)
"""How the command line sets the collector for a run (`cli.main`)."""
TALKERS, SERVERS, REPEATS = 4_000, 400, 5


def stream(size: int) -> Iterator[bytes]:
    """So many alerts. A rule between two ends fires REPEATS times on average, seconds apart; real ones do so ten times."""
    rng, now, left = random.Random(SEED), float(START_S), 0
    templates = [json.loads(line) for line in alerts(250).lines]
    weights = [1 / (rank + 1) for rank in range(TALKERS)]
    made: dict[str, object] = {}
    for _ in range(size):
        now += rng.expovariate(0.5)
        if left <= 0:
            talker, left = rng.choices(range(TALKERS), weights)[0], rng.expovariate(1 / REPEATS)
            made = dict(templates[rng.randrange(len(templates))])
            made["src_ip"] = f"198.18.{talker >> 8}.{talker & 255}"
            made["dest_ip"] = f"10.0.{rng.randrange(7)}.{rng.randrange(SERVERS) % 250}"
        left -= 1
        made["timestamp"] = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+0000")
        made["flow_id"] = rng.getrandbits(50)
        yield orjson.dumps(made)


def written(size: int) -> Path:
    """The stream as a file."""
    path = scratch() / f"alerts-{size}.jsonl"
    with path.open("wb") as file:
        file.writelines(line + b"\n" for line in stream(size))
    return path


def into_cases(source: Path) -> Callable[[], object]:
    """Intake, grouping and log of a file, into a fresh home."""
    _, ports = home()

    def work() -> None:
        ingest.ingest(wiring.incoming([str(source)], "auto", None), ports)
        group.group(ports)
        ports.store.log.sequence()

    return work


def rates() -> list[Line]:
    """Alerts a CPU second, the ratio to the floor, and growth over five doubling sizes."""
    gc.set_threshold(*GC)
    files = {size: written(size) for size in SIZES}
    seconds = [cpu(into_cases(files[size])) for size in SIZES]
    first = files[SIZES[0]]
    ratios = [cpu(into_cases(first)) / cpu(partial(floor, first, scratch() / "floor.db")) for _ in range(5)]
    rate, ratio, slope = SIZES[0] / seconds[0], spread(ratios), exponent(SIZES, seconds)
    shown = " ".join(f"{size / second:,.0f}" for size, second in zip(SIZES, seconds, strict=True))
    return [
        Line(f"alerts to cases and log, {SIZES[0]:,} alerts", f"{rate:,.0f} a CPU s", "≥ 10,000", rate >= 10_000),
        Line("  as a multiple of Keep's batches", f"{rate / KEEP_BATCHES:,.0f}×", "≥ 300×", rate >= 300 * KEEP_BATCHES),
        Line("  floor = 1", f"{ratio.mid:.2f} ({ratio.low:.2f}–{ratio.high:.2f})", "≤ 3×", ratio.high <= 3),
        Line(f"  growth {SIZES[0]:,} → {SIZES[-1]:,}, exponent", f"{slope:.3f} ({shown} a CPU s)", "≤ 1.05", slope <= 1.05),
    ]  # fmt: skip


def _peak(source: str, pipe: "multiprocessing.connection.Connection") -> None:
    gc.set_threshold(*GC)
    into_cases(Path(source))()
    pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def memory() -> list[Line]:
    """Peak memory of a process that takes in a large file."""
    size = MEMORY_BYTES * 1_000 // sum(len(line) + 1 for line in stream(1_000))
    source = written(size)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_peak, args=(str(source), theirs))
    child.start()
    peak = ours.recv() / 1024
    child.join()
    what = f"peak memory, {source.stat().st_size / 1e9:.1f} GB of alerts"
    return [Line(what, f"{peak:,.0f} MB", "≤ 400 MB", peak <= 400)]


def processes() -> list[Line]:
    """Wall time of the intake by one process and by two; means nothing where the machine has one core to give."""
    gc.set_threshold(*GC)
    source = [str(written(SIZES[-1] if not FULL else 250_000))]

    def timed(jobs: int) -> float:
        _, ports = home()
        untyped, begun = UntypedFields(), time.perf_counter()
        read = (
            wiring.incoming(source, "auto", None)
            if jobs < 2
            else workers.incoming(source, "auto", (), jobs, untyped)
        )
        ingest.ingest(read, ports, untyped=untyped)
        return time.perf_counter() - begun

    ratio = spread([timed(1) / timed(2) for _ in range(3)])
    figure = f"{ratio.mid:.2f}× ({ratio.low:.2f}–{ratio.high:.2f})"
    return [
        Line("intake by two processes, one = 1, wall", figure, "≥ 1.8×", ratio.low >= 1.8),
        Line("  cores that two busy processes get here", f"{_cores():.2f}"),
    ]


def _burn() -> None:
    sum(range(60_000_000))


def _cores() -> float:
    """How much two processes get done in the time of one: 2 on two free cores."""
    context = multiprocessing.get_context("fork")

    def timed(count: int) -> float:
        started = [context.Process(target=_burn) for _ in range(count)]
        begun = time.perf_counter()
        for one in started:
            one.start()
        for one in started:
            one.join()
        return time.perf_counter() - begun

    return 2 * timed(1) / timed(2)


def decoding() -> list[Line]:
    """Decode a record and read twelve fields of it: ours, the standard library, orjson."""
    lines = list(stream(5_000))
    schema = wiring.dictionary().schemas["suricata.eve"]
    wanted = ("/timestamp", "/src_ip", "/src_port", "/dest_ip", "/dest_port", "/proto", "/flow_id", "/event_type",
              "/alert/signature", "/alert/signature_id", "/alert/severity", "/alert/category")  # fmt: skip
    paths = [path for path in map(schema.path, wanted) if path is not None]
    tokens = [path.tokens for path in paths]

    def ours() -> None:
        for line in lines:
            seen = view(line, "json/1")
            [path.resolve(seen) for path in paths]

    def plain(loads: Callable[[bytes], object]) -> None:
        for line in lines:
            seen = loads(line)
            [_at(seen, way) for way in tokens]

    made = []
    for name, loads, goal in (("the standard library", json.loads, 4), ("orjson", orjson.loads, 2)):
        _, _, ratio = alternating(partial(plain, loads), ours, 7)
        figure = f"{ratio.mid:.2f}× ({ratio.low:.2f}–{ratio.high:.2f})"
        made.append(Line(f"decode and 12 fields, {name} = 1", figure, f"≥ {goal}×", ratio.low >= goal))
    return made


def _at(seen: object, way: tuple[str, ...]) -> object:
    for token in way:
        if not isinstance(seen, dict):
            return None
        seen = seen.get(token)
    return seen
