"""What the correlation alone costs: alerts a CPU second with every link kept, its growth, and a peer beside it.

The alerts are scenario S's, as the product reads them, repeated end to end with their time moved and nothing left out
as a repetition. What changed is taken out every 20,000 alerts, as the product does, and the links are kept.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from time import process_time

import msgspec

from corpus import ROOT
from countersign.adapters.dictionaries import bundled_echoes
from countersign.core.cases.correlate import Correlation
from countersign.core.cases.sighting import Sighting
from countersign.steps.group import STRETCH
from labelled import ait, there
from measure import Line, growth

SIZES = (62_500, 125_000, 250_000, 500_000, 1_000_000)
PEER, PEER_SIZES = "networkx==3.4.2", (25_000, 50_000)
RATE, SLOPE = 100_000, 1.05
Link = tuple[int, str, str, float, int]
"""A burst: its number, its case, why, how much it weighs, the burst that it joined by."""


def repeated(size: int) -> Iterator[list[Sighting]]:
    """So many alerts in stretches of whole seconds."""
    some: list[Sighting] = []
    for one in islice(_copies(), size):
        if len(some) >= STRETCH and one.start != some[-1].start:
            yield some
            some = []
        some.append(one)
    yield some


def _copies() -> Iterator[Sighting]:
    data = ait("S")
    seen = {one.alert: one for one in data.sightings}
    rows = sorted((seen[alert].start, alert, number) for number, (alert, _) in enumerate(data.rows))
    length = (rows[-1][0] - rows[0][0]) // 86_400 * 86_400 + 86_400
    copy = 0
    while True:
        for start, alert, number in rows:
            when = start + copy * length
            yield msgspec.structs.replace(seen[alert], alert=f"{copy}-{number}", start=when, end=when)
        copy += 1


def seconds(size: int) -> float:
    """CPU seconds to correlate so many alerts; making them is not part of it."""
    engine = Correlation(echoes=bundled_echoes())
    members: list[tuple[str, int]] = []
    links: dict[int, Link] = {}
    took = 0.0
    for some in repeated(size):
        before = process_time()  # the garbage collector's work is part of it
        _stretch(engine, some, members, links)
        took += process_time() - before
    if len(members) != size:
        raise SystemExit(f"{len(members)} of {size} alerts are in a case")
    return took


def _stretch(
    engine: Correlation, some: Sequence[Sighting], members: list[tuple[str, int]], links: dict[int, Link]
) -> None:
    engine.take(some)
    changes = engine.drain()
    members += changes.members
    for number, one in changes.bursts.items():
        links[number] = (number, one.case, one.because, one.weight, one.linked)


def correlation() -> list[Line]:
    """Rate and growth, and the peer."""
    if not there():
        return [Line("correlation of alerts", "the alerts are not on this machine")]
    slope, taken = growth(SIZES, seconds)
    rates = [size / took for size, took in zip(SIZES, taken, strict=True)]
    return [
        Line(f"correlation of {SIZES[-1]:,} alerts, links kept", f"{rates[-1]:,.0f} alerts a CPU second", f"≥ {RATE:,}", rates[-1] >= RATE),
        Line("growth of correlation with size, exponent", f"{slope:.3f} ({' '.join(f'{rate / 1000:.0f}k' for rate in rates)} a second)", f"≤ {SLOPE}", slope <= SLOPE),
        *peer(),
    ]  # fmt: skip


def peer() -> list[Line]:
    """Networkx's connected components of alerts that share a host within an hour, in an environment of its own."""
    python = _installed()
    if python is None:
        return [Line(f"  {PEER}", "cannot be installed here")]
    answer = subprocess.run(
        [str(python), str(Path(__file__).with_name("components.py"))],
        input="\n".join(f"{one.place}\t{one.start}" for some in repeated(PEER_SIZES[-1]) for one in some),
        capture_output=True,
        text=True,
        check=True,
    )
    told = ", ".join(
        f"{size:,}: {size / float(took):,.0f}"
        for size, took in zip(PEER_SIZES, answer.stdout.split(), strict=True)
    )
    return [Line(f"  {PEER}, bare components of a shared host within 1 h, alerts a CPU second", told)]


def _installed() -> Path | None:
    python = ROOT / ".peers" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(python.parents[1])], check=True)
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PEER]
    return python if subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0 else None
