"""Maps of the power arriving on the surface of a body."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.spatial import cKDTree

from pbte.core.errors import InputError
from pbte.core.quantity import unit_of
from pbte.core.types import Array
from pbte.observables.profiles import centre_of_volume
from pbte.observables.results import Results
from pbte.observables.snapshot import MeshGeometry, Snapshot
from pbte.output.plots.style import label_of, new_figure, no_outline, scaled, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MAP_COLOURS = "inferno"
_ROUND = 0.05


def plot_arrival_map(results: Results) -> Figure:
    """Return the map of the power arriving on the surface (figures 2d, 2e).

    Order 0, the sum of all orders and the steady state. A body that is roughly a sphere is shown
    as a whole in Mollweide's equal-area projection, smoothed over neighbouring facets; any other
    body in perspective from two opposite corners, facet by facet.

    Raises:
        InputError: The body is not three-dimensional, or the results hold neither scattering
            orders nor a steady state.
    """
    dim = results.geometry.points.shape[2]
    if dim != 3:
        raise InputError(f"a map of arrivals needs a body in 3 dimensions, this one has {dim}")
    maps: list[tuple[str, Array]] = []
    if results.orders:
        maps.append(("order 0", results.orders[0].outgoing_current))
    if len(results.orders) > 1:
        total = np.sum([order.outgoing_current for order in results.orders], axis=0)
        maps.append((f"sum of orders 0 to {len(results.orders) - 1}", total))
    if results.steady is not None:
        maps.append((results.steady_name, results.steady.outgoing_current))
    if not maps:
        raise InputError("these results hold no scattering orders to plot; run the case with some")
    with style():
        if is_round(results.geometry):
            return _sphere_maps(results.geometry, maps)
        return _perspective_maps(results.geometry, maps)


def is_round(geometry: MeshGeometry) -> bool:
    """Return whether the body is roughly a ball (a disc in 2D): its surface keeps its distance."""
    if geometry.points.shape[2] < 2 or not len(geometry.facets):
        return False
    distances = np.linalg.norm(geometry.facets.mean(axis=1) - centre_of_volume(geometry), axis=1)
    mean = np.average(distances, weights=geometry.facet_areas)
    spread = np.average((distances - mean) ** 2, weights=geometry.facet_areas) ** 0.5
    return bool(spread < _ROUND * mean)


def _sphere_maps(geometry: MeshGeometry, maps: Sequence[tuple[str, Array]]) -> Figure:
    figure = new_figure(4.6, 2.05 * len(maps))
    longitudes: Array = np.radians(np.arange(-180.0, 181.0))
    latitudes: Array = np.radians(np.arange(-90.0, 91.0))
    longitude, latitude = np.meshgrid(_middles(longitudes), _middles(latitudes))
    across = np.cos(latitude)
    directions = np.stack(
        [across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)], axis=-1
    )
    smooth = _smoothing(geometry, directions)
    for number, (title, values) in enumerate(maps):
        axes = figure.add_subplot(len(maps), 1, number + 1, projection="mollweide")
        factor, unit = scaled(values, unit_of(Snapshot, "outgoing_current"))
        shown = smooth(values * factor)
        image = axes.pcolormesh(longitudes, latitudes, shown, cmap=_MAP_COLOURS, rasterized=True)
        image.set_clim(*_limits(shown))
        axes.set_title(title, loc="left")
        _mark_directions(axes)
        _map_bar(figure, image, axes, unit)
    return figure


def _smoothing(geometry: MeshGeometry, directions: Array) -> Callable[[Array], Array]:
    """Return the map from facet values to values in directions: a Gaussian one facet wide."""
    centres = geometry.facets.mean(axis=1) - centre_of_volume(geometry)
    tree = cKDTree(centres / np.linalg.norm(centres, axis=1)[:, None])
    width = 0.6 * (4.0 * np.pi / len(centres)) ** 0.5
    distances, near = tree.query(directions, k=min(24, len(centres)))
    distances, near = np.atleast_3d(distances), np.atleast_3d(near)
    nearest = distances[..., :1]
    weights = np.exp(-0.5 * (distances**2 - nearest**2) / width**2) * geometry.facet_areas[near]
    weights /= weights.sum(axis=-1, keepdims=True)
    return lambda values: np.asarray(np.sum(weights * values[near], axis=-1))


def _mark_directions(axes: Any) -> None:
    """Name the coordinate axes where they leave the sphere; draw no degrees."""
    from matplotlib.patheffects import withStroke

    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines["geo"].set_linewidth(0.5)
    outline = [withStroke(linewidth=1.5, foreground="black")]
    quarter = np.pi / 2.0
    for name, longitude in (("x", 0.0), ("y", quarter), ("-y", -quarter)):
        axes.plot(longitude, 0.0, ".", color="white", markersize=3, path_effects=outline)
        axes.annotate(
            name,
            (longitude, 0.0),
            (4, 3),
            textcoords="offset points",
            color="white",
            fontsize=7,
            path_effects=outline,
        )
    for name, latitude, shift, place in (("z", quarter, 2, "bottom"), ("-z", -quarter, -2, "top")):
        axes.annotate(
            name,
            (0.0, latitude),
            (0, shift),
            textcoords="offset points",
            ha="center",
            va=place,
            fontsize=7,
            annotation_clip=False,
        )


def _perspective_maps(geometry: MeshGeometry, maps: Sequence[tuple[str, Array]]) -> Figure:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    figure = new_figure(5.6, 2.3 * len(maps))
    size = np.ptp(geometry.points)
    corners = geometry.facets / size
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    rows = figure.subplots(len(maps), 2, squeeze=False, subplot_kw={"projection": "3d"})
    for row, (title, values) in zip(rows, maps, strict=True):
        factor, unit = scaled(values, unit_of(Snapshot, "outgoing_current"))
        shown = ScalarMappable(Normalize(*_limits(values * factor)), _MAP_COLOURS)
        colours = shown.to_rgba(values * factor)
        for axes, sign, azimuth, height in zip(
            row, "+-", (35.0, 215.0), (25.0, -25.0), strict=True
        ):
            faces = Poly3DCollection(corners, facecolors=colours, edgecolors=colours, lw=0.2)
            axes.add_collection3d(faces)
            axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]), zlim=(low[2], high[2]))
            axes.set_box_aspect(high - low)
            axes.view_init(elev=height, azim=azimuth)
            axes.set_axis_off()
            axes.set_title(f"{title}\nseen from {sign}x {sign}y {sign}z", loc="center", fontsize=8)
        _map_bar(figure, shown, list(row), unit)
    return figure


def _map_bar(figure: Figure, shown: Any, axes: Any, unit: str) -> None:
    bar = figure.colorbar(shown, ax=axes, shrink=0.75, aspect=16, pad=0.03)
    bar.set_label(f"Arriving power\n({label_of(unit)})")
    no_outline(bar)


def _limits(values: Array) -> tuple[float, float]:
    """Return the ends of the colour scale; wide enough not to show round-off as a pattern."""
    low, high = float(values.min()), float(values.max())
    least = 1e-3 * max(abs(low), abs(high)) or 1.0
    if high - low >= least:
        return low, high
    return 0.5 * (low + high - least), 0.5 * (low + high + least)


def _middles(edges: Array) -> Array:
    return np.asarray(0.5 * (edges[1:] + edges[:-1]))
