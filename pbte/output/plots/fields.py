"""The figures of a run: profiles, spectra and maps of the scattering orders.

Each function takes Results and returns a figure, to be changed or saved in any format;
write_plots saves those that make sense for the body. After figure 2 of the paper: (a) temperature
per order, (b) cumulated, (c) energy spectrum of the arriving carriers, (d, e) map of their power.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pbte.core.constants import TERAHERTZ
from pbte.core.errors import InputError
from pbte.core.quantity import unit_of
from pbte.core.types import Array
from pbte.observables.profiles import (
    Profile,
    axis_profile,
    centre_of_volume,
    line_profile,
    radial_profile,
)
from pbte.observables.results import NO_RESULT, STEADY, Results
from pbte.observables.snapshot import MeshGeometry, Snapshot
from pbte.output.plots.conductivity import plot_accumulation, plot_suppression
from pbte.output.plots.harmonic import plot_oscillations
from pbte.output.plots.interface_spectra import plot_interface_distributions, plot_interface_flux
from pbte.output.plots.maps import is_round, plot_arrival_map
from pbte.output.plots.style import (
    FOURIER,
    FOURIER_LINE,
    INK,
    STEADY_COLOUR,
    OrderColours,
    label_of,
    panels,
    scaled,
    style,
)
from pbte.output.plots.transients import plot_energy, plot_evolution, plot_history

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Heat that is driven this nearly along an axis has its profile there.
ALONG = 0.99
MOST_NAMES = 6
"""Layers whose materials are named in a figure."""
_LINES: Mapping[str, Mapping[str, Any]] = {
    STEADY: {"color": STEADY_COLOUR, "linestyle": (0, (4, 2))},
    NO_RESULT: {"color": STEADY_COLOUR, "linestyle": (0, (1, 3))},
    FOURIER: FOURIER_LINE,
}


def write_plots(results: Results, folder: Path) -> list[Path]:
    """Draw the figures that make sense for the body and save them as PNG.

    Args:
        results: Results of the run.
        folder: Folder to write into; made when missing.

    Returns:
        The files.

    Raises:
        OSError: A file cannot be written.
    """
    figures: dict[str, Callable[[Results], Figure]] = {}
    if results.orders:
        figures["temperature"] = plot_temperature
    elif results.steady is None and results.fourier is not None:
        figures["temperature"] = plot_cumulated_temperature
    if results.orders or results.steady is not None:
        figures["temperature_cumulated"] = plot_cumulated_temperature
        figures["arrival_spectrum"] = plot_arrival_spectrum
        if results.geometry.points.shape[2] == 3:
            figures["arrival_map"] = plot_arrival_map
    if results.conductivity is not None:
        figures["conductivity_accumulation"] = plot_accumulation
        figures["suppression"] = plot_suppression
    if results.transient is not None:
        figures["transient_temperature"] = plot_transient
        figures["transient_history"] = plot_history
        figures["transient_energy"] = plot_energy
    if any(response.converged for response in results.harmonic):
        figures["oscillations"] = plot_oscillations
    if results.interfaces and results.model != "fourier":  # which has no spectra
        figures["interface_distributions"] = plot_interface_distributions
        figures["interface_flux"] = plot_interface_flux
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, draw in figures.items():
        path = folder / f"{name}.png"
        with style():
            draw(results).savefig(path)
        written.append(path)
    return written


def plot_temperature(results: Results) -> Figure:
    """Return the temperature profile of each scattering order (figure 2a).

    Averages over spherical shells about the centre of volume; for a film (walls named left and
    right, or one dimension) averages over layers along x.

    Raises:
        InputError: The results hold no scattering orders.
    """
    orders = [order.temperature for order in results.orders]
    return _temperature_figure(results, orders, {}, "$T - T_0$ per order")


def plot_transient(results: Results) -> Figure:
    """Return the temperature profiles at the times of a transient.

    Raises:
        InputError: The results hold no transient.
    """
    geometry, axis = results.geometry, profile_axis(results)
    return plot_evolution(results, lambda fields: _profile(geometry, fields, axis), _name(axis))


def plot_cumulated_temperature(results: Results) -> Figure:
    """Return the profiles summed over the orders, with the steady state (figure 2b).

    With that of the heat equation where it was solved.

    Raises:
        InputError: The results hold neither scattering orders nor a steady state.
    """
    sums = list(np.cumsum([order.temperature for order in results.orders], axis=0))
    lines = {}
    if results.steady is not None:
        lines[results.steady_name] = results.steady.temperature
    if results.fourier is not None:
        lines[FOURIER] = results.fourier.temperature
    label = "$T - T_0$ summed up to the order" if sums else "$T - T_0$"
    return _temperature_figure(results, sums, lines, label)


def plot_arrival_spectrum(results: Results) -> Figure:
    """Return the spectrum of the power arriving at the walls, per order (figure 2c).

    Power per frequency, in one panel for each wall at which anything arrives. Without orders, the
    spectra of the steady state.

    Raises:
        InputError: The results hold neither scattering orders nor a steady state.
    """
    snapshots = results.orders or (() if results.steady is None else (results.steady,))
    _check_any(snapshots)
    edges = np.asarray(results.frequency_edges / (2.0 * np.pi * TERAHERTZ), dtype=np.float64)
    # Per frequency, because bins need not be equally wide.
    spectra = {
        wall: [
            s.outgoing_spectrum.get(wall, np.zeros(len(edges) - 1)) / np.diff(edges)
            for s in snapshots
        ]
        for wall in results.geometry.walls
    }
    reached = {wall: curves for wall, curves in spectra.items() if np.any(curves)}
    shown = reached or dict(list(spectra.items())[:1])
    with style():
        figure, rows = panels(len(shown), height=2.7 if len(shown) == 1 else 2.0)
        factor, unit = scaled(
            np.array(list(shown.values())),
            unit_of(Snapshot, "outgoing_spectrum", results.geometry.dim),
        )
        colours = OrderColours(len(snapshots), results.self_scattering)
        for axes, (wall, curves) in zip(rows, shown.items(), strict=True):
            empty = ~np.any(curves, axis=0)  # between the frequencies of a coarse grid: no line
            for number, curve in reversed(list(enumerate(curves))):
                colour = colours[number] if results.orders else STEADY_COLOUR
                axes.stairs(
                    np.where(empty, np.nan, curve * factor), edges, color=colour, linewidth=1.2
                )
            axes.axhline(0.0, color=INK, linewidth=0.5, zorder=0)
            axes.set_ylabel(f"Arriving power ({label_of(unit, per='THz')})")
            axes.set_xlim(edges[0], edges[-1])
            if len(shown) > 1:
                axes.set_title(f"wall {wall}")
        rows[-1].set_xlabel("Frequency (THz)")
        colours.add_bar(figure, rows)
    return figure


def is_film(geometry: MeshGeometry) -> bool:
    """Return whether profiles run along x: one dimension, or walls named left and right."""
    return geometry.points.shape[2] == 1 or {"left", "right"} <= set(geometry.walls)


def profile_axis(results: Results) -> int | None:
    """Return the axis along which profiles run, None for radial ones.

    That of a film, or of the temperature drop that drives heat through the body.
    """
    if is_film(results.geometry):
        return 0
    if results.conductivity is None or is_round(results.geometry):
        return None
    shares = np.abs(results.conductivity.gradient.direction)
    return int(shares.argmax()) if shares.max() > ALONG else None


def _name(axis: int | None) -> str:
    return "Radius" if axis is None else "xyz"[axis]


def _temperature_figure(
    results: Results, fields: Sequence[Array], lines: Mapping[str, Array], label: str
) -> Figure:
    """Draw a profile for each order, and named ones of steady states."""
    stacked = [*fields, *lines.values()]
    _check_any(stacked)
    along = profile_axis(results)
    profile = _profile(results.geometry, np.stack(stacked, axis=2), along)
    with style():
        figure, (axes,) = panels(1, height=3.0)
        factor, unit = scaled(profile.values, "K")
        lengths, length_unit = scaled(profile.positions, "m")
        x = profile.positions * lengths
        colours = OrderColours(len(fields), results.self_scattering)
        for number in range(len(fields)):
            axes.plot(x, profile.values[:, number] * factor, color=colours[number])
        for number, name in enumerate(lines, len(fields)):
            axes.plot(x, profile.values[:, number] * factor, label=name, **_LINES[name])
        if lines:
            axes.legend(loc="best")
        axes.axhline(0.0, color=INK, linewidth=0.5, zorder=0)
        axes.set_xlabel(f"{_name(along)} ({length_unit})")
        axes.set_ylabel(f"{label} ({unit})")
        axes.set_xlim(*(end * lengths for end in _extent(results.geometry, along)))
        _name_layers(axes, results.geometry, lengths)
        colours.add_bar(figure, [axes])
    return figure


def _name_layers(axes: Any, geometry: MeshGeometry, lengths: float) -> None:
    """Write the material of each layer of a film above it, unless there are too many."""
    if not is_film(geometry) or len(geometry.materials) > MOST_NAMES:
        return
    for number, material in enumerate(geometry.materials):
        along = geometry.points[geometry.components == number, :, 0]
        middle = 0.5 * (along.min() + along.max()) * lengths
        place = axes.get_xaxis_transform()
        axes.text(middle, 1.0, material, transform=place, ha="center", va="bottom", fontsize=8.0)


def _check_any(snapshots: Sequence[object]) -> None:
    if not snapshots:
        raise InputError("these results hold no scattering orders to plot; run the case with some")


def _profile(geometry: MeshGeometry, values: Array, axis: int | None) -> Profile:
    """Return a radial profile, or one along an axis; the exact curve in one dimension.

    Each component has a curve of its own, with nan between them: the temperature may jump
    at interfaces.
    """
    centre = centre_of_volume(geometry)
    if not geometry.materials:
        return _smooth_profile(geometry, values, centre, axis)
    positions, curves = [], []
    for number in range(len(geometry.materials)):
        own = geometry.components == number
        component = replace(geometry, points=geometry.points[own], volumes=geometry.volumes[own])
        curve = _smooth_profile(component, values[own], centre, axis)
        positions += [curve.positions, curve.positions[-1:]]
        curves += [curve.values, np.full_like(curve.values[-1:], np.nan)]
    return Profile(positions=np.concatenate(positions[:-1]), values=np.concatenate(curves[:-1]))


def _smooth_profile(
    geometry: MeshGeometry, values: Array, centre: Array, axis: int | None
) -> Profile:
    """Return the profile of one component."""
    if geometry.points.shape[2] == 1:
        ends = geometry.points.min(), geometry.points.max()
        line = line_profile(geometry, values, np.array([ends[0]]), np.array([ends[1]]), 601)
        return Profile(positions=line.positions + ends[0], values=line.values)
    if axis is not None:
        return axis_profile(geometry, values, axis=axis)
    return radial_profile(geometry, values, centre=centre)


def _extent(geometry: MeshGeometry, axis: int | None) -> tuple[float, float]:
    """Return the ends of the coordinate of a profile [m]."""
    if axis is not None:
        return float(geometry.points[..., axis].min()), float(geometry.points[..., axis].max())
    distances = np.linalg.norm(geometry.points - centre_of_volume(geometry), axis=2)
    return 0.0, float(distances.max())
