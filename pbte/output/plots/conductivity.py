"""Figures of the conductivity by phonons: accumulation and suppression function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pbte.core.constants import TERAHERTZ
from pbte.core.errors import InputError
from pbte.core.quantity import unit_of
from pbte.core.types import Array
from pbte.observables.conductivity import Conductivity, accumulation, suppression_curve
from pbte.observables.results import Results
from pbte.output.plots.style import (
    FOURIER,
    FOURIER_LINE,
    INK,
    STEADY_COLOUR,
    new_figure,
    scaled,
    style,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BULK_COLOUR = "#767676"
# Below this share of the conductivity nothing is seen of a curve [-].
_VISIBLE = 1e-3


def plot_accumulation(results: Results) -> Figure:
    """Return the conductivity carried by phonons up to a mean free path, and up to a frequency.

    Next to that of bulk. The second panel is left out where all modes have one
    frequency: band tables without frequencies.

    Raises:
        InputError: The results hold no conductivity.
    """
    conductivity = _conductivity(results)
    frequencies = conductivity.frequencies / (2.0 * np.pi * TERAHERTZ)
    has_spectrum = np.ptp(frequencies) > 1e-9 * frequencies.max()
    with style():
        figure = new_figure(4.6, 5.4 if has_spectrum else 2.9)
        panels = figure.subplots(2 if has_spectrum else 1, 1, squeeze=False)[:, 0]
        factor, unit = scaled(conductivity.mean_free_paths, "m")
        _draw_accumulation(panels[0], conductivity, conductivity.mean_free_paths * factor)
        panels[0].set_xscale("log")
        panels[0].set_xlabel(f"Mean free path ({unit})")
        if has_spectrum:
            _draw_accumulation(panels[1], conductivity, np.asarray(frequencies, dtype=np.float64))
            panels[1].set_xlim(0.0, 1.05 * frequencies.max())
            panels[1].set_xlabel("Frequency (THz)")
        if results.fourier is not None and results.fourier.effective is not None:
            for axes in panels:
                axes.axhline(results.fourier.effective, label=FOURIER, **FOURIER_LINE)
        panels[0].legend(loc="best")
    return figure


def plot_suppression(results: Results) -> Figure:
    """Return the suppression function: conductivity over that of bulk, against mean free path.

    Raises:
        InputError: The results hold no conductivity.
    """
    conductivity = _conductivity(results)
    paths, values = suppression_curve(conductivity)
    with style():
        figure = new_figure(4.6, 2.9)
        axes = figure.subplots()
        # The length and the paths in one unit.
        factor, unit = scaled(np.append(paths, conductivity.gradient.length), "m")
        axes.semilogx(paths * factor, values, color=STEADY_COLOUR, marker="o", markersize=3.0)
        length = conductivity.gradient.length * factor
        axes.axvline(
            length, color=INK, linewidth=0.7, linestyle=(0, (1, 2)), label="length of the drop"
        )
        axes.axhline(1.0, color=BULK_COLOUR, linewidth=0.7, label="bulk")
        if results.fourier is not None and results.fourier.effective is not None:
            share = results.fourier.effective / conductivity.bulk
            axes.axhline(share, label=FOURIER, **FOURIER_LINE)
        axes.set_ylim(0.0, max(1.05, 1.05 * float(values.max())))
        axes.set_xlabel(f"Mean free path ({unit})")
        axes.set_ylabel("Suppression $k/k_{bulk}$")
        axes.legend(loc="best")
    return figure


def _conductivity(results: Results) -> Conductivity:
    if results.conductivity is None:
        raise InputError(
            "these results hold no conductivity to plot; it needs a converged steady state driven "
            "by a temperature drop from end to end"
        )
    return results.conductivity


def _draw_accumulation(axes: Any, conductivity: Conductivity, labels: Array) -> None:
    curves = (
        ("body", conductivity.contributions, STEADY_COLOUR, "-"),
        ("bulk", conductivity.bulk_contributions, BULK_COLOUR, (0, (4, 2))),
    )
    right, left = 1.5 * labels.max(), labels.max()
    for name, contributions, colour, line in curves:
        places, total = accumulation(labels, contributions)
        # From zero at the first step to the full height beyond the last one.
        steps = np.concatenate([places[:1], places, [right]])
        heights = np.concatenate([[0.0], total, total[-1:]])
        axes.step(steps, heights, where="post", color=colour, linestyle=line, label=name)
        left = min(left, places[int(np.argmax(total > _VISIBLE * total[-1]))])
    axes.set_xlim(0.7 * left, right)
    axes.set_ylim(bottom=0.0)
    axes.set_ylabel(f"Accumulated k ({unit_of(Conductivity, 'value')})")
