"""How a figure is taken: alternating rounds, CPU time, medians with quartiles, and lines that say met or missed."""

import gc
import math
from collections.abc import Callable, Sequence
from statistics import median, quantiles
from time import process_time

import msgspec

ROUNDS = 15


class Spread(msgspec.Struct, frozen=True):
    """Lower quartile, median, upper quartile."""

    low: float
    mid: float
    high: float


class Line(msgspec.Struct, frozen=True):
    """One line of the table. Without a limit it informs and is neither met nor missed."""

    what: str
    figure: str
    goal: str = ""
    met: bool | None = None


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles."""
    if len(values) < 2:
        return Spread(values[0], values[0], values[0])
    low, mid, high = quantiles(values, n=4, method="inclusive")
    return Spread(low, mid, high)


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of this process that the work took."""
    gc.collect()
    before = process_time()
    work()
    return process_time() - before


def alternating(
    one: Callable[[], object], two: Callable[[], object], rounds: int = ROUNDS
) -> tuple[Spread, Spread, Spread]:
    """CPU seconds of both, and the ratio one / two of each round; the order flips every round."""
    ones: list[float] = []
    twos: list[float] = []
    for number in range(rounds):
        if number % 2:
            twos.append(cpu(two))
            ones.append(cpu(one))
        else:
            ones.append(cpu(one))
            twos.append(cpu(two))
    return spread(ones), spread(twos), spread([a / b for a, b in zip(ones, twos, strict=True)])


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Slope of time over size, both as logarithms, by least squares."""
    xs, ys = [math.log(size) for size in sizes], [math.log(second) for second in seconds]
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    rise = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True))
    return rise / sum((x - middle_x) ** 2 for x in xs)


def growth(
    sizes: Sequence[int], timed: Callable[[int], float], repeats: int = 3
) -> tuple[float, list[float]]:
    """Growth exponent, and the median CPU seconds at each size."""
    seconds = [median([timed(size) for _ in range(repeats)]) for size in sizes]
    return exponent(sizes, seconds), seconds


def show(lines: Sequence[Line]) -> None:
    """The table."""
    wide = max(len(line.what) for line in lines)
    broad = max(len(line.figure) for line in lines)
    for line in lines:
        verdict = "" if line.met is None else "met" if line.met else "MISSED"
        print(f"{line.what:<{wide}}  {line.figure:<{broad}}  {line.goal:<20} {verdict}".rstrip())


def scaled(values: Spread, by: float) -> Spread:
    """The same in another unit."""
    return Spread(values.low * by, values.mid * by, values.high * by)


def limit(what: str, values: Spread, most: float, unit: str) -> Line:
    """A line whose goal is met when the upper quartile is within the limit."""
    figure = f"{values.mid:.3g} ({values.low:.3g}–{values.high:.3g}) {unit}"
    return Line(what, figure, f"≤ {most:g} {unit}", values.high <= most)
