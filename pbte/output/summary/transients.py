"""A transient in a few sentences, oscillations in a table, and as plain data for other programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from rich import box
from rich.table import Table

from pbte.core.types import Array
from pbte.observables.harmonic import HarmonicResult
from pbte.observables.results import Results
from pbte.observables.snapshot import MeshGeometry, Snapshot
from pbte.observables.transient import TransientResult
from pbte.output.plots.style import scaled


def transient_lines(results: Results, power_unit: str) -> Iterator[str]:
    """Yield what is to be known of the transient of a run, in sentences."""
    transient = results.transient
    assert transient is not None
    unit = power_unit.replace("W", "J")
    sizes = transient.sizes
    spread = f"{_quantity(sizes.min(), 's')} to {_quantity(sizes.max(), 's')}"
    refused = f", {transient.refused} refused" if transient.refused else ""
    if transient.unconverged:
        refused += f", {transient.unconverged} stages NOT converged"
    sweeps = f", {transient.sweeps} sweeps" if results.model != "fourier" else ""
    yield (
        f"Transient: {_quantity(transient.time, 's')} in {len(sizes)} steps of {spread}{refused}"
        f"{sweeps}, {len(transient.times)} times written."
    )
    energies = transient.energies
    put_in = float(sizes @ transient.deposited)
    taken = {name: float(sizes @ powers) for name, powers in transient.absorbed.items()}
    left = {wall: taken.pop(wall) for wall in results.geometry.walls}
    each = ", ".join(f"{wall} {value:.4g}" for wall, value in left.items())
    held = f", {sum(taken.values()):.2g} held by interfaces" if taken else ""
    yield (
        f"Energy: {energies[0]:.4g} {unit} at the start, {put_in:.4g} put in, "
        f"{sum(left.values()):.4g} left through the walls ({each}){held}, {energies[-1]:.4g} still "
        f"there (largest imbalance of a step {np.abs(transient.imbalances).max():.0e})."
    )
    half = half_life(transient)
    if half is not None:
        yield f"Half of the energy has left after {_quantity(half, 's')}."
    if results.fourier_transient is not None:
        yield _by_heat_equation(results.fourier_transient, unit)


def _by_heat_equation(transient: TransientResult, unit: str) -> str:
    """Return what the heat equation says of the same times."""
    largest = max(abs(_extreme(snapshot.temperature)) for snapshot in transient.snapshots)
    half = half_life(transient)
    left = "" if half is None else f", half has left after {_quantity(half, 's')}"
    return (
        f"By the heat equation dT reaches {largest:.4g} K and {transient.energies[-1]:.4g} {unit} "
        f"are still there at the end{left} ({len(transient.sizes)} steps)."
    )


def half_life(transient: TransientResult) -> float | None:
    """Return when half of the initial energy is left [s]; None if heat is put in, or never."""
    energies = transient.energies
    if transient.deposited.any() or not energies[0] > 0.0 or energies.min() > 0.5 * energies[0]:
        return None
    times = np.concatenate([transient.times[:1], transient.ends])
    after = int(np.argmax(energies <= 0.5 * energies[0]))
    pair = slice(after - 1, after + 1)
    return float(np.interp(-0.5 * energies[0], -energies[pair], times[pair]))


def transient_data(transient: TransientResult | None) -> dict[str, Any] | None:
    """Return everything but the fields on the mesh; None of no transient.

    Times in s, energies in J and powers in W (in 2D per m, in 1D per m^2).
    """
    if transient is None:
        return None
    return {
        "times": transient.times,
        "extreme_temperatures": [_extreme(s.temperature) for s in transient.snapshots],
        "wall_temperatures": [dict(s.wall_temperatures) for s in transient.snapshots],
        "steps": {
            "ends": transient.ends,
            "sizes": transient.sizes,
            "errors": transient.errors,
            "deposited": transient.deposited,
            "absorbed": dict(transient.absorbed),
            "imbalances": transient.imbalances,
        },
        "energies": transient.energies,
        "integral": None if transient.integral is None else _integral_data(transient.integral),
        "half_life": half_life(transient),
        "sweeps": transient.sweeps,
        "refused": transient.refused,
        "unconverged": transient.unconverged,
    }


def _integral_data(integral: Snapshot) -> dict[str, Any]:
    return {
        "extreme_temperature_seconds": _extreme(integral.temperature),
        "absorbed_energies": dict(integral.balance.absorbed),
        "deposited_energy": integral.balance.deposited,
    }


def _extreme(temperature: Array) -> float:
    return float(temperature.flat[np.argmax(np.abs(temperature))])


def _quantity(value: float, unit: str) -> str:
    factor, prefixed = scaled(np.array([value]), unit)
    return f"{value * factor:.4g} {prefixed}"


def harmonic_tables(results: Results) -> Iterator[Table]:
    """Yield amplitude and phase of the mean temperatures at each frequency; by both models."""
    title = "Oscillations: amplitude and phase of the mean temperature"
    yield _harmonic_table(results.harmonic, results, title)
    if results.fourier_harmonic:
        yield _harmonic_table(results.fourier_harmonic, results, "The same by the heat equation")


def _harmonic_table(responses: Sequence[HarmonicResult], results: Results, title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    means = [response.mean_temperatures(results.geometry) for response in responses]
    swept = any(response.sweeps for response in responses)  # not by the heat equation
    for name in ("frequency", *means[0], *(["sweeps"] if swept else []), "imbalance"):
        table.add_column(name, justify="right")
    for response, mean in zip(responses, means, strict=True):
        told = [f"{abs(value):.4g} K {_degrees(value):+.2f}°" for value in mean.values()]
        if not response.converged:
            told = ["no result"] * len(mean)
        sweeps = [f"{response.sweeps}"] if swept else []
        frequency = _quantity(response.frequency, "Hz")
        table.add_row(frequency, *told, *sweeps, f"{response.imbalance:.0e}")
    return table


def harmonic_data(
    responses: Sequence[HarmonicResult], geometry: MeshGeometry
) -> list[dict[str, Any]]:
    """Return amplitudes in K, W and J (in 2D per m, in 1D per m^2), and phases in degrees."""
    return [
        {
            "frequency": response.frequency,
            "mean_temperatures": _polar(response.mean_temperatures(geometry)),
            "wall_temperatures": _polar(response.wall_temperatures),
            "absorbed": _polar(response.absorbed),
            "deposited": _polar({"": response.deposited})[""],
            "energy": _polar({"": response.energy})[""],
            "imbalance": response.imbalance,
            "converged": response.converged,
            "sweeps": response.sweeps,
            "residuals": response.residuals,
        }
        for response in responses
    ]


def _polar(values: Mapping[str, complex]) -> dict[str, dict[str, float]]:
    return {
        name: {"amplitude": abs(value), "phase": _degrees(value)} for name, value in values.items()
    }


def _degrees(value: complex) -> float:
    return float(np.degrees(np.angle(value)))
