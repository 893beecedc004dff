"""Values of discontinuous linear fields at points, from the cells that hold each point."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.spatial import cKDTree

from pbte.core.types import Array, IntArray
from pbte.observables.snapshot import MeshGeometry

_POINTS_PER_BLOCK = 4096
_INSIDE_TOLERANCE = 1e-9


def values_at(geometry: MeshGeometry, values: Array, points: Array) -> Array:
    """Return a field at points.

    A point on a face, edge or vertex belongs to several cells, between which the field may jump:
    it gets the plain average over all of them. A point outside the mesh gets NaN.

    Args:
        geometry: The mesh.
        values: Field, shape (num_cells, dim + 1, ...).
        points: Shape (num_points, dim) [m].

    Returns:
        Shape (num_points, ...), in the unit of the field.
    """
    kind = np.result_type(values, np.float64)
    found = np.full((len(points), *values.shape[2:]), np.nan, dtype=kind)
    counts = np.zeros(len(points), dtype=np.int64)
    sums = np.zeros_like(found)
    for rows, cells in _candidates(geometry.points, points):
        corners = geometry.points[cells]
        edges = np.swapaxes(corners[:, 1:] - corners[:, :1], 1, 2)
        tail = np.linalg.solve(edges, (points[rows] - corners[:, 0])[..., None])[..., 0]
        weights = np.concatenate([1.0 - tail.sum(axis=1, keepdims=True), tail], axis=1)
        inside = weights.min(axis=1) >= -_INSIDE_TOLERANCE
        held = np.einsum("hk,hk...->h...", weights[inside], values[cells[inside]])
        np.add.at(sums, rows[inside], held)
        counts += np.bincount(rows[inside], minlength=len(points))
    hit = counts > 0
    found[hit] = sums[hit] / counts[hit].reshape(-1, *[1] * (values.ndim - 2))
    return found


def _candidates(corners: Array, points: Array) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield pairs of point and cell whose circumscribed ball (about the centroid) holds it.

    Cells of similar size are searched together: one tree for all would have to look as far around
    each point as the largest cell of a graded mesh reaches.
    """
    centroids = corners.mean(axis=1)
    radii = np.linalg.norm(corners - centroids[:, None], axis=2).max(axis=1) * (1.0 + 1e-6)
    sizes = np.ceil(np.log2(radii / radii.max(initial=0.0)))
    for size in np.unique(sizes):
        alike = np.flatnonzero(sizes == size)
        tree, reach = cKDTree(centroids[alike]), float(radii[alike].max())
        for start in range(0, len(points), _POINTS_PER_BLOCK):
            near = tree.query_ball_point(points[start : start + _POINTS_PER_BLOCK], reach)
            rows = np.repeat(np.arange(len(near)), [len(each) for each in near]) + start
            cells = alike[np.concatenate([*near, []]).astype(np.int64)]
            close = np.linalg.norm(points[rows] - centroids[cells], axis=1) <= radii[cells]
            yield rows[close], cells[close]
