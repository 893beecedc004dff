"""Values of discontinuous linear fields at points, from the cells that hold each point."""

from __future__ import annotations

import numpy as np

from pbte.core.types import Array
from pbte.geometry.locate import cells_holding
from pbte.observables.snapshot import MeshGeometry


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
    for rows, cells, weights in cells_holding(geometry.points, points):
        np.add.at(sums, rows, np.einsum("hk,hk...->h...", weights, values[cells]))
        counts += np.bincount(rows, minlength=len(points))
    hit = counts > 0
    found[hit] = sums[hit] / counts[hit].reshape(-1, *[1] * (values.ndim - 2))
    return found
