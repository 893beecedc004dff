"""Timing of repeated work, in seconds of the processor and of the wall clock."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds that one piece of work took, over several repeats.

    The processor time is that of all threads of this process. It leaves out what other programs
    take of the machine, except what they do to the shared caches and the memory; hence the minimum
    says what the code can do, and the median how quiet the machine was.

    Attributes:
        cpu_min: Least processor time [s].
        cpu_median: Median of the processor time [s].
        wall_min: Least time by the clock [s].
        wall_median: Median of the time by the clock [s].
        repeats: How often the work was done.
    """

    cpu_min: float
    cpu_median: float
    wall_min: float
    wall_median: float
    repeats: int


def measure(
    work: Callable[[], object], *, repeats: int, prepare: Callable[[], object] = lambda: None
) -> Timing:
    """Return how long `work` takes.

    Args:
        work: What to measure. What must be compiled is compiled by a call before.
        repeats: How often to do it, at least 1.
        prepare: Called before each repeat, outside the measurement.
    """
    spent: list[tuple[float, float]] = []
    for _ in range(repeats):
        prepare()
        spent.append(clocked(work))
    return timing(spent)


def clocked(work: Callable[[], object]) -> tuple[float, float]:
    """Do the work once; return its processor time and wall time [s]."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def timing(spent: list[tuple[float, float]]) -> Timing:
    """Return the statistics of (processor time, wall time) of every repeat [s]."""
    cpu, wall = zip(*spent, strict=True)
    return Timing(
        cpu_min=min(cpu),
        cpu_median=statistics.median(cpu),
        wall_min=min(wall),
        wall_median=statistics.median(wall),
        repeats=len(spent),
    )
