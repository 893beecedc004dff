"""Figure of the harmonic response: amplitude and phase of temperatures against frequency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import Array, Numbers
from pbte.observables.harmonic import HarmonicResult
from pbte.observables.results import Results
from pbte.observables.snapshot import MeshGeometry
from pbte.output.plots.style import (
    FOURIER,
    INK,
    explain_fourier,
    fourier_line,
    panels,
    scaled,
    style,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Amplitudes below this share of the largest are noise, and have no phase.
NOTHING = 1e-6
# Larger for the heat equation, which has discretisation errors next to an isothermal wall.
FOURIER_NOTHING = 1e-3
_CIRCLES: Mapping[str, Any] = {
    "linestyle": "",
    "marker": "o",
    "markersize": 4.5,
    "markerfacecolor": "none",
    "markeredgewidth": 0.8,
}


def plot_oscillations(results: Results) -> Figure:
    """Return amplitude and phase of the mean temperatures of materials and at walls.

    Raises:
        InputError: The results hold no oscillations.
    """
    responses = [response for response in results.harmonic if response.converged]
    if not results.harmonic:
        raise InputError("these results hold no oscillations; run a case with a table [harmonic]")
    if not responses:
        raise InputError("no harmonic response converged; there is nothing to plot")
    frequencies = np.array([response.frequency for response in responses])
    curves = _curves(responses, results.geometry)
    others = _curves(results.fourier_harmonic, results.geometry) if results.fourier_harmonic else {}
    largest = max(float(np.abs(curve).max()) for curve in curves.values())
    with style():
        figure, (above, below) = panels(2, height=2.2)
        hertz, unit = _axis(frequencies)
        factor, kelvin = scaled(np.array([largest]), "K")
        dotted = "." if len(frequencies) < 30 else None
        for number, (label, curve) in enumerate(curves.items()):
            seen = np.abs(curve) > NOTHING * largest
            if not seen.any():
                continue
            colour = INK if number == 0 else f"C{number - 1}"
            line = {"color": colour, "marker": dotted}
            above.plot(frequencies[seen] * hertz, np.abs(curve[seen]) * factor, label=label, **line)
            # Between two frequencies a phase may turn by more than half a circle: no line.
            phase = np.degrees(np.angle(curve[seen]))
            below.plot(frequencies[seen] * hertz, phase, **(line | {"marker": "."}), linestyle="")
            if label in others:
                _draw_fourier(
                    axes=(above, below),
                    x=np.array([each.frequency for each in results.fourier_harmonic]) * hertz,
                    factor=factor,
                    curve=others[label],
                    least=FOURIER_NOTHING * largest,
                    colour=colour,
                )
        if others:
            explain_fourier(above)
            below.plot([], [], color=INK, label=FOURIER, **_CIRCLES)
            below.legend(loc="best")
        above.set_yscale("log")
        above.set_ylabel(f"Amplitude ({kelvin})")
        above.legend(loc="best")
        below.set_ylabel("Phase (degrees)")
        below.set_ylim(-190.0, 190.0)
        below.set_yticks([-180, -90, 0, 90, 180])
        below.axhline(0.0, color=INK, linewidth=0.5, zorder=0)
        below.set_xlabel(f"Frequency ({unit})")
        if frequencies[0] > 0.0 and frequencies[-1] > frequencies[0]:
            below.set_xscale("log")
    return figure


def _curves(responses: Sequence[HarmonicResult], geometry: MeshGeometry) -> dict[str, Numbers]:
    """Return the mean amplitudes in materials and at walls by name, shape (num_responses,)."""
    means = [response.mean_temperatures(geometry) for response in responses]
    curves = {f"mean of {name}": np.array([mean[name] for mean in means]) for name in means[0]}
    if set(means[0]) == {"body"}:
        curves = {"mean": curves["mean of body"]}
    for wall in geometry.walls:
        curves[f"at {wall}"] = np.array([r.wall_temperatures[wall] for r in responses])
    return curves


def _draw_fourier(
    axes: tuple[Any, Any], x: Array, factor: float, curve: Numbers, least: float, colour: str
) -> None:
    """Draw amplitude and phase by the heat equation, the phase by open circles."""
    seen = np.abs(curve) > least
    axes[0].plot(x[seen], np.abs(curve[seen]) * factor, **fourier_line(colour))
    phase = np.degrees(np.angle(curve[seen]))
    axes[1].plot(x[seen], phase, color=colour, **_CIRCLES)


def _axis(frequencies: Array) -> tuple[float, str]:
    """Return factor and unit for an axis: that of the middle of a logarithmic range."""
    positive = frequencies[frequencies > 0.0]
    if not positive.size:
        return 1.0, "Hz"
    return scaled(np.array([np.exp(np.log(positive).mean())]), "Hz")
