"""The answers to oscillations in the file results.h5."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pbte.observables.harmonic import HarmonicResult
from pbte.observables.snapshot import Snapshot
from pbte.output.hdf5.datasets import put

PutSnapshots = Callable[[Any, Sequence[Snapshot]], None]


def put_responses(
    group: Any, responses: Sequence[HarmonicResult], put_snapshots: PutSnapshots
) -> None:
    """Write the answers, with a first axis that counts the frequencies.

    Args:
        group: Where to.
        responses: The answers.
        put_snapshots: Writes snapshots stacked along a first axis.
    """
    group.attrs["description"] = "amplitudes A of A exp(i 2 pi f t); a negative phase is a delay"
    put(group, "frequencies", [r.frequency for r in responses], "Hz", "oscillations per second")
    temperature = np.stack([response.temperature for response in responses])
    put(group, "temperature", temperature, "K", "complex deviation from T0 at the vertices")
    put(group, "energies", [r.energy for r in responses], "J", "energy stored beyond that at T0")
    put(group, "converged", [r.converged for r in responses], "1", "whether the solver converged")
    put(group, "sweeps", [r.sweeps for r in responses], "1", "sweeps over all modes")
    most = max(response.residuals.size for response in responses)
    residuals = np.full((len(responses), most), np.nan)
    for row, response in zip(residuals, responses, strict=True):
        row[: response.residuals.size] = response.residuals
    put(group, "residuals", residuals, "1", "relative residual after each correction, then nan")
    for part in ("real", "imaginary"):
        put_snapshots(group.create_group(part), [getattr(r, part) for r in responses])


def get_responses(
    group: Any, get_snapshot: Callable[[Any, tuple[int, ...]], Snapshot]
) -> tuple[HarmonicResult, ...]:
    """Return the answers that were written."""
    names = "frequencies", "energies", "converged", "sweeps"
    columns = zip(*(group[name][()].tolist() for name in names), group["residuals"], strict=True)
    return tuple(
        HarmonicResult(
            frequency=frequency,
            real=get_snapshot(group["real"], (number,)),
            imaginary=get_snapshot(group["imaginary"], (number,)),
            energy=complex(energy),
            converged=converged,
            sweeps=sweeps,
            residuals=residuals[np.isfinite(residuals)],
        )
        for number, (frequency, energy, converged, sweeps, residuals) in enumerate(columns)
    )
