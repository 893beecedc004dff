"""Results of a transient: snapshots at chosen times, and the energy balance of all steps.

Moments are linear in the mode temperatures, so their integral over time is a snapshot of its own:
that of an initial population is the steady state with the population as source, and the sum of all
scattering orders of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pbte.core.quantity import derived, quantity, record
from pbte.core.types import Array
from pbte.observables.snapshot import Balance, Snapshot
from pbte.transport.transient import WEIGHTS, Step


@record
class TransientResult:
    """A transient, finished or in progress."""

    times: Array = quantity("s", "times of the snapshots, the initial state first", axes=("time",))
    snapshots: tuple[Snapshot, ...] = quantity("", "state at these times", axes=("time",))
    ends: Array = quantity("s", "end of each step", axes=("step",))
    sizes: Array = quantity("s", "length of each step", axes=("step",))
    errors: Array = quantity(
        "1",
        "error of each step by its embedded solution, relative to the largest state",
        axes=("step",),
    )
    energies: Array = quantity(
        "J",
        "energy stored beyond that at T0, at the start and after each step",
        axes=("state",),
        per_extent=True,
    )
    deposited: Array = quantity(
        "W", "mean power of the heat sources in each step", axes=("step",), per_extent=True
    )
    absorbed: Mapping[str, Array] = quantity(
        "W",
        "mean net power that left through each wall in each step",
        axes=("wall", "step"),
        per_extent=True,
    )
    integral: Snapshot | None = quantity(
        "s", "all moments integrated over time; powers become energies"
    )
    sweeps: int = quantity("1", "sweeps over all modes")
    refused: int = quantity("1", "steps that were tried and found too long")
    unconverged: int = quantity("1", "stages that missed their tolerance")

    @property
    @derived("1", axes=("step",))
    def imbalances(self) -> Array:
        """Energy of each step not accounted for, relative to the largest stored or passing."""
        left = sum(self.absorbed.values(), np.zeros_like(self.sizes))
        passing = self.sizes * (np.abs(self.deposited) + np.abs(left))
        lost = np.diff(self.energies) - self.sizes * (self.deposited - left)
        scale = max(np.abs(self.energies).max(initial=0.0), passing.max(initial=0.0))
        return np.asarray(lost / scale if scale > 0.0 else lost, dtype=np.float64)

    @property
    def time(self) -> float:
        """The last time that was reached [s]."""
        return float(self.ends[-1]) if self.ends.size else float(self.times[0])

    @property
    @derived("s")
    def half_life(self) -> float | None:
        """When half of the initial energy is left; none if heat is put in, or never."""
        energies = self.energies
        if self.deposited.any() or not energies[0] > 0.0 or energies.min() > 0.5 * energies[0]:
            return None
        times = np.concatenate([self.times[:1], self.ends])
        after = int(np.argmax(energies <= 0.5 * energies[0]))
        pair = slice(after - 1, after + 1)
        return float(np.interp(-0.5 * energies[0], -energies[pair], times[pair]))


def start_of(snapshot: Snapshot, energy: float) -> TransientResult:
    """Return a transient before its first step.

    Args:
        snapshot: The initial state.
        energy: Its stored energy [J].
    """
    none = np.zeros(0)
    return TransientResult(
        times=np.zeros(1),
        snapshots=(snapshot,),
        ends=none,
        sizes=none,
        errors=none,
        energies=np.array([energy]),
        deposited=none,
        absorbed=dict.fromkeys(snapshot.balance.absorbed, none),
        integral=None,
        sweeps=0,
        refused=0,
        unconverged=0,
    )


def with_step(
    old: TransientResult, step: Step[Snapshot], energy: float, end: float, written: Snapshot | None
) -> TransientResult:
    """Return a transient one step longer, but for the integral.

    Args:
        old: The transient before the step.
        step: The step, tried or done.
        energy: Stored at its end [J].
        end: Time of its end [s].
        written: The state there, if it is to be stored.
    """
    sweeps = old.sweeps + sum(report.sweeps for report in step.reports)
    if not step.accepted:
        return replace(old, sweeps=sweeps, refused=old.refused + 1)
    balances = [snapshot.balance for snapshot in step.measured]

    def mean(powers: Sequence[float]) -> float:
        return float(np.dot(WEIGHTS, powers))

    missed = sum(not report.converged for report in step.reports)
    return TransientResult(
        times=old.times if written is None else np.append(old.times, end),
        snapshots=old.snapshots if written is None else (*old.snapshots, written),
        ends=np.append(old.ends, end),
        sizes=np.append(old.sizes, step.size),
        errors=np.append(old.errors, step.error),
        energies=np.append(old.energies, energy),
        deposited=np.append(old.deposited, mean([each.deposited for each in balances])),
        absorbed={
            wall: np.append(powers, mean([each.absorbed[wall] for each in balances]))
            for wall, powers in old.absorbed.items()
        },
        integral=old.integral,
        sweeps=sweeps,
        refused=old.refused,
        unconverged=old.unconverged + missed,
    )


def with_integral(integral: Snapshot | None, step: Step[Snapshot]) -> Snapshot | None:
    """Return the integral over time with that of one more step, where it was accepted."""
    if not step.accepted:
        return integral
    parts, weights = list(step.measured), [step.size * weight for weight in WEIGHTS]
    if integral is not None:
        parts, weights = [integral, *parts], [1.0, *weights]
    return weighted_sum(parts, weights)


def weighted_sum(snapshots: Sequence[Snapshot], weights: Sequence[float]) -> Snapshot:
    """Return sum_i weights_i snapshot_i of all moments."""

    def add(parts: Sequence[Array]) -> Array:
        return np.asarray(np.tensordot(weights, np.stack(parts), axes=1))

    def by_wall(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
        return {wall: float(np.dot(weights, [p[wall] for p in parts])) for wall in parts[0]}

    balances = [snapshot.balance for snapshot in snapshots]
    bodies = range(len(snapshots[0].mode_temperatures))
    return Snapshot(
        temperature=add([s.temperature for s in snapshots]),
        heat_flux=add([s.heat_flux for s in snapshots]),
        outgoing_spectrum={
            wall: add([s.outgoing_spectrum[wall] for s in snapshots])
            for wall in snapshots[0].outgoing_spectrum
        },
        outgoing_current=add([s.outgoing_current for s in snapshots]),
        mode_temperatures=tuple(add([s.mode_temperatures[b] for s in snapshots]) for b in bodies),
        wall_temperatures=by_wall([s.wall_temperatures for s in snapshots]),
        balance=Balance(
            deposited=float(np.dot(weights, [b.deposited for b in balances])),
            absorbed=by_wall([b.absorbed for b in balances]),
            scattered_power=float(np.dot(weights, [b.scattered_power for b in balances])),
        ),
    )
