"""Cells of a simplex mesh that hold given points, found with NumPy and a tree of centroids."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.spatial import cKDTree

from pbte.core.types import Array, IntArray

_POINTS_PER_BLOCK = 4096


def cells_holding(
    corners: Array, points: Array, *, tolerance: float = 1e-9
) -> Iterator[tuple[IntArray, IntArray, Array]]:
    """Yield points and the cells that hold them; a point on a facet is in several cells.

    Args:
        corners: Corners of each cell, shape (num_cells, dim + 1, dim) [m].
        points: Shape (num_points, dim) [m].
        tolerance: How far outside a point may lie, in barycentric coordinates [-].

    Yields:
        Numbers of points and of cells, shape (n,), and the barycentric coordinates of the point in
        the cell, shape (n, dim + 1); pairs in no particular order.
    """
    for rows, cells in _candidates(corners, points):
        own = corners[cells]
        edges = np.swapaxes(own[:, 1:] - own[:, :1], 1, 2)
        tail = np.linalg.solve(edges, (points[rows] - own[:, 0])[..., None])[..., 0]
        weights = np.concatenate([1.0 - tail.sum(axis=1, keepdims=True), tail], axis=1)
        inside = weights.min(axis=1) >= -tolerance
        yield rows[inside], cells[inside], weights[inside]


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
