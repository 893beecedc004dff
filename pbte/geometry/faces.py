"""Faces of cells, by number: face f of cell K is the one opposite its vertex f, number K (d+1) + f.

The vertices of a face are numbered in the order in which the cell holds them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pbte.core.types import Array, IntArray
from pbte.geometry.facets import row_keys


def face_vertices(corners: int) -> IntArray:
    """Return the vertices of each face of a cell, shape (dim + 1, dim)."""
    return np.array([[j for j in range(corners) if j != i] for i in range(corners)], dtype=np.int64)


def face_corners(values: Array | IntArray, faces: IntArray) -> Any:
    """Return the values at the vertices of some faces, given those of each cell."""
    corners = values.shape[1]
    return values[(faces // corners)[:, None], face_vertices(corners)[faces % corners]]


def face_keys(vertices: IntArray) -> IntArray:
    """Return the vertex numbers of all faces, ascending, shape (num_cells * (dim + 1), dim)."""
    num_cells, corners = vertices.shape
    of_cells = vertices[:, face_vertices(corners)]
    return np.asarray(np.sort(of_cells.reshape(num_cells * corners, corners - 1), axis=1))


def face_mates(keys: IntArray) -> IntArray:
    """Return the number of the same face in the other cell, -1 at the boundary."""
    numbers = row_keys(keys)
    order = np.argsort(numbers, kind="stable")
    same = np.flatnonzero(numbers[order[1:]] == numbers[order[:-1]])
    mates = np.full(len(keys), -1, dtype=np.int64)
    mates[order[same]], mates[order[same + 1]] = order[same + 1], order[same]
    return mates


def connected(count: int, one: IntArray, other: IntArray) -> IntArray:
    """Return the connected part of each of `count` things, given pairs that belong together."""
    graph = coo_array((np.ones(len(one), dtype=np.int8), (one, other)), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)
