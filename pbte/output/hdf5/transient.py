"""The transient in the file results.h5."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pbte.observables.snapshot import Snapshot
from pbte.observables.transient import TransientResult
from pbte.output.hdf5.datasets import put, scalar, strings, texts

_STEPS = (
    ("ends", "s", "end of each step"),
    ("sizes", "s", "length of each step"),
    ("errors", "1", "error of each step by its embedded solution, relative to the largest state"),
    ("energies", "J", "energy stored beyond that at T0, at the start and after each step"),
    ("deposited", "W", "mean power of the heat sources in each step"),
)
_COUNTS = (
    ("sweeps", "sweeps over all modes"),
    ("refused", "steps that were tried and found too long"),
    ("unconverged", "stages that missed their tolerance"),
)

PutSnapshots = Callable[[Any, Sequence[Snapshot]], None]


def put_evolution(group: Any, evolution: TransientResult, put_snapshots: PutSnapshots) -> None:
    """Write a transient.

    Args:
        group: Where to.
        evolution: The transient.
        put_snapshots: Writes snapshots with a first axis that counts them.
    """
    put(group, "times", evolution.times, "s", "times of the snapshots")
    put_snapshots(group.create_group("snapshots"), evolution.snapshots)
    if evolution.integral is not None:
        integral = group.create_group("integral")
        integral.attrs["description"] = "integral over time; all units times s"
        put_snapshots(integral, (evolution.integral,))
    steps = group.create_group("steps")
    for name, unit, description in _STEPS:
        put(steps, name, getattr(evolution, name), unit, description)
    powers = np.array([evolution.absorbed[wall] for wall in evolution.absorbed])
    put(steps, "absorbed", powers, "W", "mean net power through each wall in each step")
    put(steps, "walls", texts(list(evolution.absorbed)), "", "wall axis of absorbed")
    put(
        steps,
        "imbalances",
        evolution.imbalances,
        "1",
        "relative energy imbalance of each step",
    )
    for name, description in _COUNTS:
        put(group, name, getattr(evolution, name), "1", description)


def get_evolution(
    group: Any, get_snapshot: Callable[[Any, tuple[int, ...]], Snapshot]
) -> TransientResult:
    """Return the transient that was written."""
    times, steps = group["times"][()], group["steps"]
    absorbed = dict(zip(strings(steps["walls"]), steps["absorbed"][()], strict=True))
    return TransientResult(
        times=times,
        snapshots=tuple(get_snapshot(group["snapshots"], (n,)) for n in range(len(times))),
        integral=get_snapshot(group["integral"], (0,)) if "integral" in group else None,
        absorbed=absorbed,
        **{name: steps[name][()] for name, _, _ in _STEPS},
        **{name: scalar(group[name]) for name, _ in _COUNTS},
    )
