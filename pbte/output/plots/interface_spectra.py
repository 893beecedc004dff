"""Figure of the energy distribution of phonons on both sides of the interfaces of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pbte.core.constants import TERAHERTZ
from pbte.core.errors import InputError
from pbte.core.quantity import unit_of
from pbte.core.types import Array
from pbte.observables.resistance import InterfaceResult, InterfaceSpectrum
from pbte.observables.results import Results
from pbte.output.plots.style import (
    INK,
    explain_fourier,
    fourier_line,
    label_of,
    panels,
    scaled,
    style,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIDE_COLOURS = ("#0072b2", "#d55e00")
"""Of side 1 and side 2, for the colour-blind too."""
MOST_PANELS = 4


def plot_interface_distributions(results: Results) -> Figure:
    """Return the temperature of the phonons of each energy on both sides of interfaces (figure 3e).

    Solid lines are phonons that arrive at the interface, dashed ones those that leave it. Thin
    horizontal lines are their means, dotted ones the temperatures at the interface by the heat
    equation. One panel for each of the first few interfaces.

    Raises:
        InputError: The results hold no interfaces.
    """
    if not results.interfaces:
        raise InputError("these results hold no interfaces to plot")
    shown = results.interfaces[:MOST_PANELS]
    edges = np.asarray(results.frequency_edges / (2.0 * np.pi * TERAHERTZ), dtype=np.float64)
    fourier: dict[str, tuple[float, float]] = {}
    if results.steady is not None and results.fourier is not None:
        fourier = {each.name: each.temperatures for each in results.fourier.interfaces}
    with style():
        figure, rows = panels(len(shown), height=2.9 if len(shown) == 1 else 2.2)
        values = [[each.spectrum.outgoing, each.spectrum.incoming] for each in shown]
        factor, unit = scaled(np.array(values), "K")
        for axes, interface in zip(rows, shown, strict=True):
            _draw(axes, interface, edges, factor)
            for colour, beside in zip(SIDE_COLOURS, fourier.get(interface.name, ()), strict=False):
                axes.axhline(beside * factor, **fourier_line(colour))
            axes.set_ylabel(f"$T - T_0$ ({unit})")
            axes.set_title(f"interface {interface.name}, {interface.model}")
            axes.set_xlim(0.0, edges[-1])
        if fourier:
            explain_fourier(rows[0])
        handles, labels = rows[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        rows[-1].set_xlabel("Frequency (THz)")
    return figure


def plot_interface_flux(results: Results) -> Figure:
    """Return the heat flux through interfaces by frequency, as either side carries it.

    From side 1 to side 2. In an elastic model the two are equal in its own energy bins, which need
    not be those of the figure. One panel for each of the first few interfaces.

    Raises:
        InputError: The results hold no interfaces.
    """
    if not results.interfaces:
        raise InputError("these results hold no interfaces to plot")
    shown = results.interfaces[:MOST_PANELS]
    edges = np.asarray(results.frequency_edges / (2.0 * np.pi * TERAHERTZ), dtype=np.float64)
    with style():
        figure, rows = panels(len(shown), height=2.9 if len(shown) == 1 else 2.2)
        fluxes = [each.spectrum.heat_flux / np.diff(edges) for each in shown]
        factor, unit = scaled(np.array(fluxes), unit_of(InterfaceSpectrum, "heat_flux"))
        for axes, interface, flux in zip(rows, shown, fluxes, strict=True):
            for side, sign in ((0, 1.0), (1, -1.0)):
                axes.stairs(
                    sign * flux[side] * factor,
                    edges,
                    color=SIDE_COLOURS[side],
                    linestyle=("-", (0, (3, 1.5)))[side],
                    linewidth=1.2,
                    label=interface.materials[side],
                )
            axes.axhline(0.0, color=INK, linewidth=0.5, zorder=0)
            axes.set_ylabel(f"Heat flux ({label_of(unit, per='THz')})")
            axes.set_title(f"interface {interface.name}, {interface.model}")
            axes.set_xlim(0.0, edges[-1])
        rows[0].legend(loc="best")
        rows[-1].set_xlabel("Frequency (THz)")
    return figure


def _draw(axes: Any, interface: InterfaceResult, edges: Array, factor: float) -> None:
    for side, (material, colour) in enumerate(zip(interface.materials, SIDE_COLOURS, strict=True)):
        for what, line, values in (
            ("outgoing", "-", interface.spectrum.outgoing[side]),
            ("incoming", (0, (3, 1.5)), interface.spectrum.incoming[side]),
        ):
            axes.stairs(
                values * factor,
                edges,
                baseline=None,
                color=colour,
                linestyle=line,
                linewidth=1.2,
                label=f"{material}, {what}",
            )
        mean = interface.temperatures[side] * factor
        axes.axhline(mean, color=colour, linewidth=0.6)
