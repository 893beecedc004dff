"""The figures of a transient: profiles at the times written, and the energy that is left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pbte.errors import InputError
from pbte.observables.evolution import Evolution
from pbte.observables.profiles import Profile
from pbte.observables.results import Results
from pbte.output.style import INK, STEADY_COLOUR, panels, scaled, style, time_colours
from pbte.types import Array

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

# A wall through which less than this share of the largest power ever passes is closed.
NOTHING = 1e-6


def plot_evolution(
    results: Results, profile: Callable[[Array], Profile], coordinate: str
) -> Figure:
    """Return the temperature profile at each time that was written.

    Args:
        results: What the run reports.
        profile: Makes profiles of fields, shape (num_cells, dim + 1, any).
        coordinate: What the profiles run along.

    Raises:
        InputError: The results hold no transient.
    """
    evolution = evolution_of(results)
    curves = profile(np.stack([s.temperature for s in evolution.snapshots], axis=2))
    with style():
        figure, (axes,) = panels(1, height=3.0)
        factor, unit = scaled(curves.values, "K")
        lengths, length_unit = scaled(curves.positions, "m")
        colours = time_colours(figure, axes, evolution.times)
        for number in range(len(evolution.times)):
            axes.plot(
                curves.positions * lengths,
                curves.values[:, number] * factor,
                color=colours[number],
            )
        axes.axhline(0.0, color=INK, linewidth=0.5, zorder=0)
        axes.set_xlabel(f"{coordinate} ({length_unit})")
        axes.set_ylabel(f"$T - T_0$ ({unit})")
        axes.set_xlim(curves.positions[0] * lengths, curves.positions[-1] * lengths)
    return figure


def plot_energy(results: Results) -> Figure:
    """Return the energy stored against time, and the power through each wall.

    Logarithmic in time where the steps span more than two decades.

    Raises:
        InputError: The results hold no transient.
    """
    evolution = evolution_of(results)
    dim = results.geometry.points.shape[2]
    per = {1: "/m$^2$", 2: "/m", 3: ""}[dim]
    starts = evolution.ends - evolution.sizes
    with style():
        figure, (above, below) = panels(2, height=2.0)
        seconds, time_unit = scaled(evolution.ends, "s")
        factor, unit = scaled(evolution.energies, "J")
        moments = np.concatenate([[starts[0]], evolution.ends])
        above.plot(moments * seconds, evolution.energies * factor, color=INK)
        above.set_ylabel(f"Stored energy ({unit}{per})")
        powers = {"heat sources": evolution.deposited, **evolution.absorbed}
        largest = np.abs(list(powers.values())).max()
        factor, unit = scaled(np.array([largest]), "W")
        for number, (name, values) in enumerate(powers.items()):
            if not np.abs(values).max() > NOTHING * largest:
                continue
            colour = STEADY_COLOUR if name == "heat sources" else f"C{number - 1}"
            label = name if name == "heat sources" else f"out through {name}"
            below.plot(
                (starts + 0.5 * evolution.sizes) * seconds,
                values * factor,
                color=colour,
                label=label,
                marker="." if len(values) < 30 else None,
            )
        below.set_ylabel(f"Power ({unit}{per})")
        below.set_xlabel(f"Time ({time_unit})")
        if below.lines:
            below.legend(loc="best")
        for axes in (above, below):
            axes.axhline(0.0, color=INK, linewidth=0.5, zorder=0)
            if evolution.sizes.max() > 100.0 * evolution.sizes.min():
                axes.set_xscale("log")
                axes.set_xlim(evolution.ends[0] * seconds, evolution.ends[-1] * seconds)
            else:
                axes.set_xlim(moments[0] * seconds, moments[-1] * seconds)
    return figure


def evolution_of(results: Results) -> Evolution:
    """Return the transient of a run.

    Raises:
        InputError: There is none.
    """
    if results.transient is None or not results.transient.ends.size:
        raise InputError("these results hold no transient; run a case with a table [transient]")
    return results.transient
