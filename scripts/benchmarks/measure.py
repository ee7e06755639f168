"""How a figure is taken: both sides interleaved, CPU seconds of this process, median of the rounds.

Absolute times move with the neighbours of a machine; ratios within one run hardly do. So a row is
always (ours, baseline, ratio), and a goal is always a bound on the ratio or on memory.
"""

from __future__ import annotations

import gc
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Bound = Literal[">=", "<="]


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table.

    Args:
        work: what was done.
        baseline: what it was compared with, named as code where there is code.
        value: the ratio, or the measured quantity when there is no baseline.
        unit: "x" for a ratio, else the unit of `value`.
        bound, goal: the goal; met means `value bound goal`.
        low, high: smallest and largest round.
        ours, theirs: the median rates or times behind the ratio, in `detail_unit`.
    """

    work: str
    baseline: str
    value: float
    unit: str
    bound: Bound
    goal: float
    low: float
    high: float
    ours: float
    theirs: float | None
    detail_unit: str

    @property
    def is_met(self) -> bool:
        return self.value >= self.goal if self.bound == ">=" else self.value <= self.goal

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "met": self.is_met}


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU seconds of this process, all threads, for one call."""
    gc.collect()
    start = time.process_time()
    work()
    return time.process_time() - start


def wall_seconds(work: Callable[[], object]) -> float:
    """Elapsed seconds for one call."""
    gc.collect()
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@dataclass(frozen=True, slots=True)
class Pair:
    """Seconds per round of both sides, taken in turns."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    def ratios(self, ours_count: float, theirs_count: float) -> list[float]:
        """Our rate over theirs, a round each."""
        return [
            (ours_count / mine) / (theirs_count / other)
            for mine, other in zip(self.ours, self.theirs, strict=True)
        ]


def interleave(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    rounds: int,
    clock: Callable[[Callable[[], object]], float] = cpu_seconds,
) -> Pair:
    """Time both sides in turns, so that a slow minute of the machine hits both."""
    mine: list[float] = []
    other: list[float] = []
    for _ in range(rounds):
        mine.append(clock(ours))
        other.append(clock(theirs))
    return Pair(tuple(mine), tuple(other))


def rate_figure(work: str, baseline: str, pair: Pair, counts: tuple[float, float], goal: float) -> Figure:
    """Our rate as a multiple of the baseline's; more is better."""
    ratios = pair.ratios(*counts)
    return Figure(
        work,
        baseline,
        statistics.median(ratios),
        "x",
        ">=",
        goal,
        min(ratios),
        max(ratios),
        counts[0] / statistics.median(pair.ours),
        counts[1] / statistics.median(pair.theirs),
        "/s",
    )


def time_figure(work: str, baseline: str, pair: Pair, goal: float) -> Figure:
    """Our time as a multiple of the baseline's; less is better."""
    ratios = [mine / other for mine, other in zip(pair.ours, pair.theirs, strict=True)]
    return Figure(
        work,
        baseline,
        statistics.median(ratios),
        "x",
        "<=",
        goal,
        min(ratios),
        max(ratios),
        statistics.median(pair.ours),
        statistics.median(pair.theirs),
        "s",
    )


def plain_figure(work: str, values: Sequence[float], unit: str, bound: Bound, goal: float) -> Figure:
    """A quantity without a peer: the median of the rounds."""
    middle = statistics.median(values)
    return Figure(work, "", middle, unit, bound, goal, min(values), max(values), middle, None, unit)


def spread_figure(work: str, value: float, seen: Sequence[float], unit: str, most: float) -> Figure:
    """A percentile of what was seen, with the least and the most of it."""
    return Figure(work, "", value, unit, "<=", most, min(seen), max(seen), value, None, unit)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie; 0 without any."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def peak_mb() -> float:
    """Largest resident set of this process so far, in MB.

    From /proc where there is one: `ru_maxrss` of a started process begins at its parent's size.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(row for row in status.read_text().splitlines() if row.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
