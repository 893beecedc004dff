"""The figures of a transient: profiles at the times written, and the energy that is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pbte.core.errors import InputError
from pbte.core.quantity import unit_of
from pbte.core.types import Array
from pbte.observables.profiles import Profile
from pbte.observables.results import Results
from pbte.observables.snapshot import Snapshot
from pbte.observables.transient import TransientResult
from pbte.output.plots.style import (
    INK,
    STEADY_COLOUR,
    explain_fourier,
    fourier_line,
    label_of,
    panels,
    scaled,
    style,
    time_colours,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

# A wall through which less than this share of the largest power ever passes is closed.
NOTHING = 1e-6
SOURCES = "heat sources"


def plot_evolution(
    results: Results, profile: Callable[[Array], Profile], coordinate: str
) -> Figure:
    """Return the temperature profile at each time that was written.

    Dotted, in the same colours, those of the heat equation where it was solved as well.

    Args:
        results: Results of the run.
        profile: Makes profiles of fields, shape (num_cells, dim + 1, any).
        coordinate: Name of the horizontal axis.

    Raises:
        InputError: The results hold no transient.
    """
    evolution = evolution_of(results)
    count = len(evolution.times)
    snapshots = [*evolution.snapshots, *_beside(results)]
    curves = profile(np.stack([s.temperature for s in snapshots], axis=2))
    with style():
        figure, (axes,) = panels(1, height=3.0)
        factor, unit = scaled(curves.values, "K")
        lengths, length_unit = scaled(curves.positions, "m")
        colours = time_colours(figure, axes, evolution.times)
        for number in reversed(range(len(snapshots))):
            colour = colours[number % count]
            line = {"color": colour} if number < count else fourier_line(colour)
            axes.plot(curves.positions * lengths, curves.values[:, number] * factor, **line)
        if len(snapshots) > count:
            explain_fourier(axes)
            axes.legend(loc="best")
        axes.axhline(0.0, color=INK, linewidth=0.5, zorder=0)
        axes.set_xlabel(f"{coordinate} ({length_unit})")
        axes.set_ylabel(f"$T - T_0$ ({unit})")
        axes.set_xlim(curves.positions[0] * lengths, curves.positions[-1] * lengths)
    return figure


def plot_history(results: Results) -> Figure:
    """Return the mean, the highest and the lowest temperature against time.

    At the times that were written. Dotted, in the same colours, those of the heat equation.

    Raises:
        InputError: The results hold no transient.
    """
    evolution = evolution_of(results)
    both = {False: evolution.snapshots, True: _beside(results)}
    volumes = results.geometry.volumes
    kinds: dict[str, Callable[[Array], float]] = {
        "highest": lambda field: float(field.max()),
        "mean": lambda field: float(volumes @ field.mean(axis=1) / volumes.sum()),
        "lowest": lambda field: float(field.min()),
    }
    with style():
        figure, (axes,) = panels(1, height=3.0)
        seconds, time_unit = scaled(evolution.times, "s")
        fields = [snapshot.temperature for group in both.values() for snapshot in group]
        factor, unit = scaled(np.array([np.abs(field).max() for field in fields]), "K")
        for (name, of), colour in zip(kinds.items(), ("C3", INK, "C0"), strict=True):
            for by_heat_equation, snapshots in both.items():
                values = np.array([of(snapshot.temperature) for snapshot in snapshots])
                moments = evolution.times[: len(values)]
                line = (
                    fourier_line(colour) if by_heat_equation else {"color": colour, "label": name}
                )
                if not by_heat_equation and len(values) < 30:
                    line["marker"] = "."
                axes.plot(moments * seconds, values * factor, **line)
        if both[True]:
            explain_fourier(axes)
        figure.legend(loc="outside lower center", ncols=4)
        axes.axhline(0.0, color=INK, linewidth=0.5, zorder=0)
        axes.set_xlabel(f"Time ({time_unit})")
        axes.set_ylabel(f"$T - T_0$ ({unit})")
        if _is_wide(np.diff(evolution.times)):
            axes.set_xscale("log")
            axes.set_xlim(evolution.times[1] * seconds, evolution.times[-1] * seconds)
        else:
            axes.set_xlim(0.0, evolution.times[-1] * seconds)
    return figure


def plot_energy(results: Results) -> Figure:
    """Return the energy stored against time, and the power through each wall.

    Logarithmic in time where the steps span more than two decades.

    Raises:
        InputError: The results hold no transient.
    """
    evolution, other = evolution_of(results), results.fourier_transient
    dim = results.geometry.dim
    with style():
        figure, (above, below) = panels(2, height=2.0)
        seconds, time_unit = scaled(evolution.ends, "s")
        factor, unit = scaled(evolution.energies, unit_of(TransientResult, "energies", dim))
        above.set_ylabel(f"Stored energy ({label_of(unit)})")
        powers = _powers(evolution)
        largest = np.abs(list(powers.values())).max()
        watts, watt = scaled(np.array([largest]), unit_of(TransientResult, "deposited", dim))
        below.set_ylabel(f"Power ({label_of(watt)})")
        colours = {name: f"C{number}" for number, name in enumerate(evolution.absorbed)}
        colours[SOURCES] = STEADY_COLOUR
        above.plot(_moments(evolution) * seconds, evolution.energies * factor, color=INK)
        for name, values in powers.items():
            if not np.abs(values).max() > NOTHING * largest:
                continue
            below.plot(
                _middles(evolution) * seconds,
                values * watts,
                color=colours[name],
                label=name if name == SOURCES else f"out through {name}",
                marker="." if len(values) < 30 else None,
            )
        if other is not None:
            below.set_ylim(below.get_ylim())  # a wall switched on heats without bound at first
            above.plot(_moments(other) * seconds, other.energies * factor, **fourier_line(INK))
            for name, values in _powers(other).items():
                if name != SOURCES and np.abs(values).max() > NOTHING * largest:
                    line = fourier_line(colours[name])
                    below.plot(_middles(other) * seconds, values * watts, **line)
            explain_fourier(below)
        below.set_xlabel(f"Time ({time_unit})")
        if below.lines:
            below.legend(loc="best")
        for axes in (above, below):
            axes.axhline(0.0, color=INK, linewidth=0.5, zorder=0)
            if _is_wide(evolution.sizes):
                axes.set_xscale("log")
                axes.set_xlim(evolution.ends[0] * seconds, evolution.ends[-1] * seconds)
            else:
                axes.set_xlim(_moments(evolution)[0] * seconds, evolution.ends[-1] * seconds)
    return figure


def _powers(evolution: TransientResult) -> dict[str, Array]:
    """Return the power in each step of the heat sources, and out through each wall [W]."""
    return {SOURCES: evolution.deposited, **evolution.absorbed}


def _moments(evolution: TransientResult) -> Array:
    """Return the start and the end of all steps, shape (num_steps + 1,) [s]."""
    return np.concatenate([evolution.ends[:1] - evolution.sizes[:1], evolution.ends])


def _middles(evolution: TransientResult) -> Array:
    return evolution.ends - 0.5 * evolution.sizes


def _is_wide(spans: Array) -> bool:
    """Return whether times so far apart need a logarithmic axis."""
    return bool(spans.max() > 100.0 * spans.min())


def _beside(results: Results) -> tuple[Snapshot, ...]:
    """Return the snapshots of the heat equation at the same times, if there are any."""
    other, own = results.fourier_transient, results.transient
    if other is None or own is None or not np.array_equal(other.times, own.times):
        return ()
    return other.snapshots


def evolution_of(results: Results) -> TransientResult:
    """Return the transient of a run.

    Raises:
        InputError: There is none.
    """
    if results.transient is None or not results.transient.ends.size:
        raise InputError("these results hold no transient; run a case with a table [transient]")
    return results.transient
