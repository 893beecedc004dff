"""Curves through the fields of a run: averages over shells and layers, values along a line.

All functions take fields on the discontinuous linear space (one value per cell and cell vertex) and
keep further axes, so that several orders or the three components of the heat flux are treated at
once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.observables.sampling import values_at
from pbte.observables.snapshot import MeshGeometry

_PIECES_PER_EDGE = {1: 32, 2: 12, 3: 5}
_POINTS_PER_BLOCK = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A field along one coordinate.

    Attributes:
        positions: Radius, coordinate or distance from the start, shape (num_points,) [m].
        values: The field there, shape (num_points, ...), in its own unit.
    """

    positions: Array
    values: Array


def radial_profile(
    geometry: MeshGeometry,
    values: Array,
    *,
    centre: Array | None = None,
    num_bins: int | None = None,
) -> Profile:
    """Return the volume-weighted averages of a field over concentric shells.

    Every cell is cut into equal pieces, each of which counts with its volume, its centre and the
    linear field there; so the sum over all shells is the exact volume integral. A shell is placed
    at the mean radius of its pieces: a field linear in the radius keeps its values. Shells without
    a piece (finer than the mesh) are left out.

    Args:
        geometry: The mesh.
        values: Field, shape (num_cells, dim + 1, ...).
        centre: Centre of the shells, shape (dim,) [m]; the centre of volume when None.
        num_bins: Number of shells of equal thickness; about four per cell size when None.

    Returns:
        Radii, ascending, and averages.

    Raises:
        InputError: The field does not belong to the mesh, or num_bins is below 1.
    """
    check_field(geometry, values)
    origin = centre_of_volume(geometry) if centre is None else np.asarray(centre, dtype=float)
    if origin.shape != (geometry.points.shape[2],):
        raise InputError(
            f"radial profile: the centre has shape {origin.shape}, the mesh has "
            f"{geometry.points.shape[2]} coordinates; give one number per coordinate"
        )
    largest = float(np.linalg.norm(geometry.points - origin, axis=2).max())
    bins = _default_bins(geometry) if num_bins is None else num_bins
    edges = _edges(0.0, largest, bins, "radial profile")
    return _average(geometry, values, edges, lambda x: np.linalg.norm(x - origin, axis=-1))


def axis_profile(
    geometry: MeshGeometry, values: Array, *, axis: int = 0, num_bins: int | None = None
) -> Profile:
    """Return the averages of a field over layers at right angles to a coordinate axis.

    The profile across a film or along a wire, averaged over the cross-section. Built like
    radial_profile: the sum over all layers is the exact volume integral, and a field linear in the
    coordinate keeps its values.

    Args:
        geometry: The mesh.
        values: Field, shape (num_cells, dim + 1, ...).
        axis: Coordinate along which the layers follow each other, 0 is x.
        num_bins: Number of layers of equal thickness; about two per cell size when None.

    Returns:
        Coordinates, ascending, and averages.

    Raises:
        InputError: The field does not belong to the mesh, the mesh has no such axis, or num_bins is
            below 1.
    """
    check_field(geometry, values)
    dim = geometry.points.shape[2]
    if not 0 <= axis < dim:
        raise InputError(f"profile along axis {axis}: the mesh has axes 0 to {dim - 1}")
    along = geometry.points[:, :, axis]
    bins = _default_bins(geometry) if num_bins is None else num_bins
    edges = _edges(float(along.min()), float(along.max()), bins, "axis profile")
    return _average(geometry, values, edges, lambda x: np.asarray(x[..., axis]))


def line_profile(
    geometry: MeshGeometry, values: Array, start: Array, end: Array, num_points: int = 201
) -> Profile:
    """Return a field at points evenly spaced on a straight line.

    A point on a face, edge or vertex belongs to several cells, between which the field may jump:
    it gets the plain average over all of them. A point outside the mesh gets NaN (a faceted sphere
    ends a little before its radius).

    Args:
        geometry: The mesh.
        values: Field, shape (num_cells, dim + 1, ...).
        start: First point, shape (dim,) [m].
        end: Last point, shape (dim,) [m].
        num_points: Number of points, both ends included.

    Returns:
        Distances from the start and values.

    Raises:
        InputError: The field does not belong to the mesh, a point has the wrong number of
            coordinates, or num_points is below 2.
    """
    check_field(geometry, values)
    dim = geometry.points.shape[2]
    first, last = np.asarray(start, dtype=float), np.asarray(end, dtype=float)
    if first.shape != (dim,) or last.shape != (dim,):
        raise InputError(
            f"line profile: start has shape {first.shape} and end {last.shape}; the mesh has "
            f"{dim} coordinates"
        )
    if num_points < 2:
        raise InputError(f"line profile: {num_points} points were asked for; ask for 2 or more")
    shares = np.linspace(0.0, 1.0, num_points)
    points = first + shares[:, None] * (last - first)
    return Profile(
        positions=shares * float(np.linalg.norm(last - first)),
        values=values_at(geometry, values, points),
    )


def centre_of_volume(geometry: MeshGeometry) -> Array:
    """Return the centre of volume of the mesh, shape (dim,) [m]."""
    return np.asarray(np.average(geometry.points.mean(axis=1), axis=0, weights=geometry.volumes))


def check_field(geometry: MeshGeometry, values: Array) -> None:
    """Raise an InputError unless a field has a value for each cell and cell vertex of the mesh."""
    expected = geometry.points.shape[:2]
    if values.shape[:2] != expected:
        raise InputError(
            f"the field has shape {values.shape}, but the mesh has {expected[0]} cells of "
            f"{expected[1]} vertices; give one value per cell and cell vertex"
        )


def _default_bins(geometry: MeshGeometry) -> int:
    """Return two bins per cell size along the extent, if all cells were equal; 12 to 80.

    Along a radius, half the extent, they are half as wide.
    """
    num_cells, _, dim = geometry.points.shape
    extent = np.ptp(geometry.points.reshape(-1, dim), axis=0).max()
    size = (geometry.volumes.sum() / num_cells) ** (1.0 / dim)
    return int(np.clip(round(float(2.0 * extent / size)), 12, 80))


def _edges(low: float, high: float, num_bins: int, what: str) -> Array:
    if num_bins < 1:
        raise InputError(f"{what}: {num_bins} bins were asked for; ask for 1 or more")
    return np.asarray(np.linspace(low, high, num_bins + 1), dtype=np.float64)


def _average(
    geometry: MeshGeometry, values: Array, edges: Array, coordinate: Callable[[Array], Any]
) -> Profile:
    """Average over the pieces of all cells, sorted into bins by a coordinate of their centres."""
    num_bins = len(edges) - 1
    flat = values.reshape(*values.shape[:2], -1)
    volumes, moments = np.zeros(num_bins), np.zeros(num_bins)
    sums = np.zeros((num_bins, flat.shape[2]))
    weights = _piece_centres(geometry.points.shape[2])
    for cells in _blocks(len(flat), max(1, _POINTS_PER_BLOCK // len(weights))):
        where = coordinate(np.einsum("pk,ckd->cpd", weights, geometry.points[cells])).ravel()
        share = np.repeat(geometry.volumes[cells] / len(weights), len(weights))
        index = np.clip(np.searchsorted(edges, where, side="right") - 1, 0, num_bins - 1)
        volumes += np.bincount(index, share, num_bins)
        moments += np.bincount(index, share * where, num_bins)
        for column in range(flat.shape[2]):
            field = (flat[cells, :, column] @ weights.T).ravel()
            sums[:, column] += np.bincount(index, share * field, num_bins)
    filled = volumes > 0.0
    means = sums[filled] / volumes[filled, None]
    return Profile(
        positions=moments[filled] / volumes[filled],
        values=means.reshape(-1, *values.shape[2:]),
    )


def _blocks(total: int, size: int) -> Iterator[slice]:
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))


def _piece_centres(dim: int) -> Array:
    """Return barycentric centres of n^dim equal pieces of a simplex, shape (n^dim, dim + 1).

    The unit cube cut by the order of its coordinates is made of dim! simplices of equal volume
    (Kuhn); a lattice of n^dim small cubes, each cut the same way, cuts the simplex
    1 >= x_1 >= ... >= x_dim >= 0 into n^dim whole pieces.
    """
    n = _PIECES_PER_EDGE[dim]
    centres = []
    for corner in itertools.product(range(n), repeat=dim):
        for order in itertools.permutations(range(dim)):
            walk = np.array(corner) + np.cumsum(np.eye(dim)[list(order)], axis=0)
            vertices = np.vstack([corner, walk]) / n
            centre = vertices.mean(axis=0)
            if centre[0] < 1.0 and np.all(np.diff(centre) < 0.0):
                centres.append(centre)
    ordered = np.array(centres)
    ends = np.hstack([np.ones((len(ordered), 1)), ordered, np.zeros((len(ordered), 1))])
    return -np.diff(ends, axis=1)
