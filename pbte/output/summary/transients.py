"""A transient in a few sentences, oscillations in a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from rich import box
from rich.table import Table

from pbte.core.quantity import unit_of
from pbte.observables.harmonic import HarmonicResult
from pbte.observables.results import Results
from pbte.observables.transient import TransientResult
from pbte.output.plots.style import scaled


def transient_lines(results: Results) -> Iterator[str]:
    """Yield the results of the transient of a run, in sentences."""
    transient = results.transient
    assert transient is not None
    unit = unit_of(TransientResult, "energies", results.geometry.dim)
    sizes = transient.sizes
    spread = f"{_quantity(sizes.min(), 's')} to {_quantity(sizes.max(), 's')}"
    refused = f", {transient.refused} rejected" if transient.refused else ""
    if transient.unconverged:
        refused += f", {transient.unconverged} stages NOT converged"
    sweeps = f", {transient.sweeps} sweeps" if results.model != "fourier" else ""
    yield (
        f"Transient: {_quantity(transient.time, 's')} in {len(sizes)} steps of {spread}{refused}"
        f"{sweeps}, output at {len(transient.times)} times."
    )
    energies = transient.energies
    put_in = float(sizes @ transient.deposited)
    taken = {name: float(sizes @ powers) for name, powers in transient.absorbed.items()}
    left = {wall: taken.pop(wall) for wall in results.geometry.walls}
    each = ", ".join(f"{wall} {value:.4g}" for wall, value in left.items())
    held = f", {sum(taken.values()):.2g} held by interfaces" if taken else ""
    yield (
        f"Energy: {energies[0]:.4g} {unit} at the start, {put_in:.4g} put in, "
        f"{sum(left.values()):.4g} left through the walls ({each}){held}, {energies[-1]:.4g} left "
        f"at the end (largest imbalance of a step {np.abs(transient.imbalances).max():.0e})."
    )
    half = transient.half_life
    if half is not None:
        yield f"Half of the energy has left after {_quantity(half, 's')}."
    if results.fourier_transient is not None:
        yield _by_heat_equation(results.fourier_transient, unit)


def _by_heat_equation(transient: TransientResult, unit: str) -> str:
    """Return the sentence about the heat equation at the same times."""
    largest = max(abs(snapshot.extreme_temperature) for snapshot in transient.snapshots)
    half = transient.half_life
    left = "" if half is None else f", half has left after {_quantity(half, 's')}"
    return (
        f"By the heat equation dT reaches {largest:.4g} K and {transient.energies[-1]:.4g} {unit} "
        f"remain at the end{left} ({len(transient.sizes)} steps)."
    )


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


def _degrees(value: complex) -> float:
    return float(np.degrees(np.angle(value)))
