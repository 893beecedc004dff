"""The figures of an interface by itself: transmission, spectrum, temperature, convergence.

Each function takes reports and returns a figure, to be changed or saved in any format;
write_interface_plots saves those that make sense.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pbte.core.constants import TERAHERTZ
from pbte.interfaces.report import InterfaceReport, Refinement
from pbte.output.plots.style import INK, new_figure, panels, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Names = tuple[str, str]

_TO_TERAHERTZ = 1.0 / (2.0 * np.pi * TERAHERTZ)
_MEGA = 1e-6
_COLOURS = ("#2166ac", "#c1272d", "#1b7837", "#c98a1b", "#762a83", "#666666", "#35978f", "#8c510a")
"""Of models, for the colour-blind too, with the dashes that follow."""
_DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.2, 1, 1.2)))


def write_interface_plots(
    reports: Sequence[Sequence[InterfaceReport]],
    names: Names,
    folder: Path,
    *,
    refinements: Sequence[Sequence[Refinement]] = (),
) -> list[Path]:
    """Draw the figures that make sense and save them as PNG.

    Args:
        reports: By model, and for each by temperature.
        names: Names of the two sides.
        folder: Folder to write into; made when missing.
        refinements: By model, when bins or widths were varied.

    Returns:
        The files.

    Raises:
        OSError: A file cannot be written.
    """
    temperatures = [report.temperature for report in reports[0]]
    figures: dict[str, Callable[[], Figure]] = {}
    for position, temperature in enumerate(temperatures):
        # Several curves are those of the models, or of the temperatures of one model.
        alone = len(reports) == 1
        curves = list(reports[0]) if alone else [of_model[position] for of_model in reports]
        ending = f"_{temperature:g}K" if len(temperatures) > 1 and not alone else ""
        figures[f"transmission{ending}"] = partial(plot_transmission, curves, names)
        figures[f"spectrum{ending}"] = partial(plot_spectrum, curves, names)
    if len(temperatures) > 1:
        figures["temperature"] = partial(plot_temperatures, reports)
    if any(refinements):
        figures["convergence"] = partial(plot_convergence, refinements)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, draw in figures.items():
        path = folder / f"{name}.png"
        with style():
            draw().savefig(path)
        written.append(path)
    return written


def plot_transmission(reports: Sequence[InterfaceReport], names: Names) -> Figure:
    """Return the mean transmission of each energy bin against frequency, from either side.

    Bins in which a side has no modes stay empty.

    Args:
        reports: Models at one temperature, or one model at several.
        names: Names of the two sides.
    """
    with style():
        figure, rows = panels(2, height=2.1)
        for side, axes in enumerate(rows):
            for report, look in zip(reports, _looks(reports), strict=True):
                spectrum = report.spectrum
                shares = (spectrum.first_transmission, spectrum.second_transmission)[side]
                edges = spectrum.edges * _TO_TERAHERTZ
                axes.stairs(shares, edges, baseline=None, **look)
            axes.set_title(f"from {names[side]} into {names[1 - side]}")
            axes.set_ylabel("Transmission")
            axes.set_ylim(0.0, 1.02)
        rows[0].set_xlim(0.0, float(reports[0].spectrum.edges[-1]) * _TO_TERAHERTZ)
        rows[1].set_xlabel("Frequency (THz)")
        _legend(figure, rows[0], title=_common_label(reports))
    return figure


def plot_spectrum(reports: Sequence[InterfaceReport], names: Names) -> Figure:
    """Return the conductance per frequency, and what all modes up to a frequency conduct.

    Energies are those of the modes of the first side.

    Args:
        reports: Models at one temperature, or one model at several.
        names: Names of the two sides.
    """
    with style():
        figure, (upper, lower) = panels(2, height=2.1)
        for report, look in zip(reports, _looks(reports), strict=True):
            edges = report.spectrum.edges * _TO_TERAHERTZ
            per_terahertz = report.spectrum.conductance / np.diff(edges) * _MEGA
            upper.stairs(per_terahertz, edges, baseline=None, **look)
            steps = np.append(report.levels * _TO_TERAHERTZ, edges[-1])
            values = np.append(report.accumulated, report.accumulated[-1]) * _MEGA
            lower.plot(
                np.append(0.0, steps), np.append(0.0, values), drawstyle="steps-post", **look
            )
        upper.set_ylabel("MW m$^{-2}$ K$^{-1}$ THz$^{-1}$")
        upper.set_title("conductance per frequency")
        lower.set_ylabel("MW m$^{-2}$ K$^{-1}$")
        lower.set_title("conductance of all lower frequencies")
        lower.set_xlabel(f"Frequency in {names[0]} (THz)")
        for axes in (upper, lower):
            axes.set_ylim(bottom=0.0)
        upper.set_xlim(0.0, float(reports[0].spectrum.edges[-1]) * _TO_TERAHERTZ)
        _legend(figure, upper, title=_common_label(reports))
    return figure


def plot_temperatures(reports: Sequence[Sequence[InterfaceReport]]) -> Figure:
    """Return the Landauer conductance against temperature, one curve for each model.

    Args:
        reports: By model, and for each by temperature.
    """
    with style():
        figure, (axes,) = panels(1, height=3.0)
        for of_model, look in zip(reports, _looks([r[0] for r in reports]), strict=True):
            ordered = sorted(of_model, key=lambda report: report.temperature)
            temperatures = [report.temperature for report in ordered]
            values = [report.conductance.conductance * _MEGA for report in ordered]
            axes.loglog(temperatures, values, marker="o", markersize=3.0, **look)
        axes.set_xlabel("Temperature (K)")
        axes.set_ylabel("Conductance (MW m$^{-2}$ K$^{-1}$)")
        _plain_ticks(axes.xaxis)
        _plain_ticks(axes.yaxis)
        _legend(figure, axes)
    return figure


def plot_convergence(refinements: Sequence[Sequence[Refinement]]) -> Figure:
    """Return the conductance against the number of bins, and against the width of smooth mixing.

    Automatic bins are a thin line across. Settings that a model refuses are left out.

    Args:
        refinements: By model.
    """
    found = {item.setting for of_model in refinements for item in of_model}
    settings = [setting for setting in ("bins", "width") if setting in found]
    with style():
        figure = new_figure(0.8 + 3.8 * len(settings), 3.2)
        columns = figure.subplots(1, len(settings), squeeze=False, sharey=True)[0]
        for setting, axes in zip(settings, columns, strict=True):
            for number, of_model in enumerate(refinements):
                chosen = [item for item in of_model if item.setting == setting]
                _draw_refinement(axes, chosen, _COLOURS[number % len(_COLOURS)])
            axes.set_xscale("log")
            _plain_ticks(axes.xaxis)
            is_bins = setting == "bins"
            axes.set_xlabel("Number of energy bins" if is_bins else "Width of mixing (THz)")
            if is_bins:
                axes.plot([], [], color=INK, linewidth=0.7, linestyle=(0, (4, 2)), label="auto")
        columns[0].set_ylabel("Conductance (MW m$^{-2}$ K$^{-1}$)")
        columns[0].set_ylim(bottom=0.0)
        _legend(figure, *columns)
    return figure


def _draw_refinement(axes: Any, chosen: Sequence[Refinement], colour: str) -> None:
    values = [(r.value, r.conductance * _MEGA) for r in chosen if r.conductance is not None]
    numbers = sorted((value, h) for value, h in values if not isinstance(value, str))
    if numbers:
        x = np.array([value for value, _ in numbers], dtype=np.float64)
        if chosen[0].setting == "width":
            x /= TERAHERTZ
        look = {"color": colour, "label": _label(chosen[0].label), "markersize": 3.0}
        axes.plot(x, [h for _, h in numbers], "o-", **look)
    for value, h in values:
        if value == "auto":
            axes.axhline(h, color=colour, linewidth=0.7, linestyle=(0, (4, 2)))


def _looks(reports: Sequence[InterfaceReport]) -> list[dict[str, Any]]:
    """Return colour, dashes and label of each curve: by model, or by temperature."""
    if _common_label(reports) and len(reports) > 1:
        from matplotlib import colormaps

        shares = np.linspace(0.0, 0.9, len(reports))
        order = np.argsort(np.argsort([report.temperature for report in reports]))
        return [
            {"color": colormaps["viridis"](shares[place]), "label": f"{report.temperature:g} K"}
            for place, report in zip(order, reports, strict=True)
        ]
    return [
        {
            "color": _COLOURS[number % len(_COLOURS)],
            "linestyle": _DASHES[number % len(_DASHES)],
            "label": _label(report.label),
        }
        for number, report in enumerate(reports)
    ]


def _common_label(reports: Sequence[InterfaceReport]) -> str:
    """Return the name of the model when all reports are of the same one."""
    names = {report.label for report in reports}
    return names.pop() if len(names) == 1 else ""


def _label(text: str) -> str:
    """Return the name of a model, broken into lines that leave room for others next to it."""
    return "\n".join(textwrap.wrap(text.replace(",", ", "), 30))


def _legend(figure: Figure, *axes: Any, title: str = "") -> None:
    """Explain the curves above the panels, when there are several."""
    found: dict[str, Any] = {}
    for each in axes:
        found |= {
            label: handle for handle, label in zip(*each.get_legend_handles_labels(), strict=True)
        }
    if len(found) < 2:
        return
    columns = 2 if max(map(len, found)) > 14 else min(len(found), 4)
    lines = sum(1 + label.count("\n") for label in found) / columns + bool(title)
    figure.set_figheight(figure.get_figheight() + 0.18 * lines)
    figure.legend(
        found.values(),
        found.keys(),
        loc="outside upper left",
        ncols=columns,
        title=title or None,
        alignment="left",
    )


def _plain_ticks(axis: Any) -> None:
    """Write 20, 50, 100 at a logarithmic axis instead of powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
