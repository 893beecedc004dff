"""The look of all figures: paper-ready, sober, readable by the colour-blind."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from pbte.core.types import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#222222"
STEADY_COLOUR = "#c1272d"
FOURIER = "heat equation"
"""Label of the heat equation next to phonons."""
FOURIER_LINE: Mapping[str, Any] = {
    "color": "#e08214",
    "linestyle": (0, (1, 1.5)),
    "linewidth": 1.6,
    "marker": "",
}
"""Dotted everywhere; in the colour of its counterpart where there are several."""
_RC = {
    "font.size": 9.0,
    "axes.labelsize": 9.0,
    "axes.titlesize": 9.0,
    "axes.titlelocation": "left",
    "xtick.labelsize": 8.0,
    "ytick.labelsize": 8.0,
    "legend.fontsize": 8.0,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "axes.linewidth": 0.7,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.3,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "figure.dpi": 100.0,
    "savefig.dpi": 220.0,
    "savefig.facecolor": "white",
    "pdf.fonttype": 42,
    "mathtext.default": "regular",
}
_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}


class OrderColours:
    """A sequential, colour-blind safe colour for each order, and the bar that explains them."""

    def __init__(self, num_orders: int, self_scattering: float) -> None:
        from matplotlib import colormaps
        from matplotlib.colors import ListedColormap

        # viridis without its last, palest part, which is lost on white paper
        shares = np.linspace(0.0, 0.9, max(2, num_orders))[:num_orders]
        self._colours = [colormaps["viridis"](share) for share in shares]
        self._label = "Scattering order"
        if self_scattering:
            self._label += f" (self-scattering {self_scattering:g})"
        self._map = ListedColormap(self._colours) if self._colours else None

    def __getitem__(self, order: int) -> Any:
        return self._colours[order]

    def add_bar(self, figure: Figure, axes: Sequence[Any]) -> None:
        """Add a bar with one field for each order, when there are several."""
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize
        from matplotlib.ticker import MaxNLocator

        count = len(self._colours)
        if count < 2:
            return
        shown = ScalarMappable(Normalize(-0.5, count - 0.5), self._map)
        bar = figure.colorbar(shown, ax=list(axes), aspect=28, pad=0.02)
        ticks = MaxNLocator(8, integer=True).tick_values(0, count - 1)
        bar.set_ticks([tick for tick in ticks if 0 <= tick < count])
        bar.ax.tick_params(length=0)
        no_outline(bar)
        bar.set_label(self._label)


def time_colours(figure: Figure, axes: Any, times: Array) -> list[Any]:
    """Return a colour for each time, from early to late, and add the bar that explains them."""
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap, Normalize

    shares = np.linspace(0.0, 0.9, max(2, len(times)))[: len(times)]
    colours = [colormaps["viridis"](share) for share in shares]
    if len(times) > 1:
        factor, unit = scaled(times, "s")
        shown = ScalarMappable(Normalize(-0.5, len(times) - 0.5), ListedColormap(colours))
        bar = figure.colorbar(shown, ax=axes, aspect=28, pad=0.02)
        ticks = np.unique(np.linspace(0, len(times) - 1, min(8, len(times))).round().astype(int))
        bar.set_ticks(list(ticks), labels=[f"{times[n] * factor:.3g}" for n in ticks])
        bar.ax.tick_params(length=0)
        no_outline(bar)
        bar.set_label(f"Time ({unit})")
    return colours


def fourier_line(colour: Any) -> dict[str, Any]:
    """Return the style of the heat equation's line next to one of phonons in this colour."""
    return {**FOURIER_LINE, "color": colour}


def explain_fourier(axes: Any) -> None:
    """Add the heat equation to the names of the lines, without a colour."""
    axes.plot([], [], label=FOURIER, **fourier_line(INK))


@contextmanager
def style() -> Iterator[None]:
    """Use the style of all figures; needs no home directory that can be written."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it warns when its font list is in a temporary folder
    try:
        import matplotlib

        with matplotlib.rc_context(_RC):
            yield
    finally:
        logger.setLevel(level)


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure [inches] without window system or global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def panels(count: int, *, height: float) -> tuple[Figure, list[Any]]:
    """Return a figure with panels above each other that share the horizontal axis."""
    figure = new_figure(4.6, height * count)
    return figure, list(figure.subplots(count, 1, squeeze=False, sharex=True)[:, 0])


def scaled(values: Array, unit: str) -> tuple[float, str]:
    """Return the factor and the unit with the prefix that give numbers from 1 to 1000."""
    finite = np.abs(values[np.isfinite(values)])
    largest = float(finite.max()) if finite.size else 0.0
    if largest <= 0.0:
        return 1.0, unit
    power = int(np.clip(3 * np.floor(np.log10(largest) / 3.0), min(_PREFIXES), max(_PREFIXES)))
    return 10.0**-power, _PREFIXES[power] + unit


def label_of(unit: str, per: str = "") -> str:
    """Return a unit as figures show it, per another one if asked for: "W/m^2", "W/m^2 THz"."""
    if per:
        unit = f"{unit} {per}" if "/" in unit else f"{unit}/{per}"
    return re.sub(r"\^(\d)", r"$^\1$", unit)


def no_outline(bar: Any) -> None:
    """Take the frame away from a colour bar."""
    bar.outline.set_visible(False)
