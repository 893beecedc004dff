"""Facets of a simplex mesh, found with NumPy alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from pbte.core.types import Array, IntArray


@dataclass(frozen=True, kw_only=True)
class FacetTable:
    """Every facet of a mesh once, with the cells that share it."""

    nodes: IntArray
    """Nodes of each facet, ascending, shape (num_facets, dim)."""
    cells: IntArray
    """The cell(s) beside each facet, shape (num_facets, 2); -1 = none."""
    opposite: IntArray
    """The node of each of these cells that is not on the facet, shape (num_facets, 2)."""
    num_cells: IntArray
    """Number of cells that share each facet (more than 2 = broken mesh), shape (num_facets,)."""


def row_keys(rows: IntArray) -> IntArray:
    """Return one integer per row, equal exactly where the rows are equal, shape (num_rows,)."""
    span = int(rows.max(initial=0)) + 1
    keys = np.asarray(rows[:, 0], dtype=np.int64)
    for column in rows.T[1:]:
        keys = np.unique(keys, return_inverse=True)[1].reshape(-1) * span + column
    return keys


def match_rows(rows: IntArray, table: IntArray) -> IntArray:
    """Return the position of each row in a table of distinct rows, -1 where absent."""
    keys = row_keys(np.concatenate([table, rows]))
    known, wanted = keys[: len(table)], keys[len(table) :]
    if len(known) == 0:
        return np.full(len(rows), -1, dtype=np.int64)
    order = np.argsort(known)
    place = np.minimum(np.searchsorted(known, wanted, sorter=order), len(known) - 1)
    found = order[place]
    return np.where(known[found] == wanted, found, -1).astype(np.int64)


def facet_table(cells: IntArray) -> FacetTable:
    """Return all facets of the cells, shape of ``cells`` (num_cells, dim + 1)."""
    num_cells, corners = cells.shape
    keep = [[j for j in range(corners) if j != i] for i in range(corners)]
    nodes = np.sort(np.concatenate([cells[:, k] for k in keep]), axis=1)
    owner = np.tile(np.arange(num_cells), corners)
    opposite = np.concatenate([cells[:, i] for i in range(corners)])

    keys = row_keys(nodes)
    order = np.argsort(keys, kind="stable")
    first = np.flatnonzero(np.diff(keys[order], prepend=-1))
    counts = np.diff(first, append=len(keys))
    beside = np.full((len(first), 2), -1, dtype=np.int64)
    beyond = np.full((len(first), 2), -1, dtype=np.int64)
    beside[:, 0], beyond[:, 0] = owner[order[first]], opposite[order[first]]
    shared = counts > 1
    beside[shared, 1] = owner[order[first[shared] + 1]]
    beyond[shared, 1] = opposite[order[first[shared] + 1]]
    return FacetTable(
        nodes=nodes[order[first]], cells=beside, opposite=beyond, num_cells=counts.astype(np.int64)
    )


def signed_volumes(points: Array, simplices: IntArray) -> Array:
    """Return length, area or volume of each simplex with its sign, shape (num,) [m^dim]."""
    dim = points.shape[1]
    edges = points[simplices[:, 1:]] - points[simplices[:, :1]]
    factorial = {1: 1.0, 2: 2.0, 3: 6.0}[dim]
    return np.asarray(np.linalg.det(edges) / factorial, dtype=np.float64)


def facet_area_vectors(points: Array, facets: IntArray) -> Array:
    """Return a normal of each facet whose length is the facet's area, shape (num, dim) [m^(dim-1)].

    The side it points to follows the order of the nodes. In one dimension it is 1.
    """
    dim = points.shape[1]
    if dim == 1:
        return np.ones((len(facets), 1))
    corner = points[facets]
    if dim == 2:
        tangent = corner[:, 1] - corner[:, 0]
        return np.stack([tangent[:, 1], -tangent[:, 0]], axis=1)
    return np.asarray(0.5 * np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]))


def edge_lengths(points: Array, simplices: IntArray) -> Array:
    """Return the length of every edge of all simplices, once each, shape (num_edges,) [m]."""
    corners = range(simplices.shape[1])
    pairs = np.concatenate([simplices[:, list(both)] for both in combinations(corners, 2)])
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    return np.asarray(np.linalg.norm(points[pairs[:, 1]] - points[pairs[:, 0]], axis=1))


def longest_edges(points: Array, simplices: IntArray) -> Array:
    """Return the longest edge of each simplex, shape (num,) [m]."""
    corners = simplices.shape[1]
    longest = np.zeros(len(simplices))
    for i in range(corners):
        for j in range(i):
            edge = points[simplices[:, i]] - points[simplices[:, j]]
            longest = np.maximum(longest, np.linalg.norm(edge, axis=1))
    return longest
