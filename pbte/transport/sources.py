"""Heat sources and wall temperatures on the degrees of freedom of the mesh."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import basix
import numpy as np

from pbte.core.types import Array, BoolArray
from pbte.geometry.sweep_mesh import SweepMesh

# Exact for polynomials of this degree: the integral of a Gaussian over cells of the size of its
# width is then good to 1e-6.
QUADRATURE_DEGREE = 8
_CELLS = (
    basix.CellType.point,
    basix.CellType.interval,
    basix.CellType.triangle,
    basix.CellType.tetrahedron,
)


def project(
    mesh: SweepMesh, density: Callable[[Array], Array], cells: BoolArray | None = None
) -> Array:
    """Return the L2 projection of a density on the discontinuous linear functions.

    The projection conserves the integral over every cell, hence the power, to the accuracy of the
    quadrature.

    Args:
        mesh: The cells.
        density: Maps points, shape (n, dim) [m], to values, shape (n,).
        cells: Cells outside of which the density is zero, shape (num_cells,); all by default.

    Returns:
        Values at the degrees of freedom, shape (num_dofs,), in the unit of the density.
    """
    dim = mesh.dim
    corners = mesh.points if cells is None else mesh.points[cells]
    rule = basix.make_quadrature(_CELLS[dim], QUADRATURE_DEGREE)
    points, weights = np.asarray(rule[0]), np.asarray(rule[1])
    shape = np.column_stack([1.0 - points.sum(axis=1), points])
    where = np.einsum("qi,cik->cqk", shape, corners)
    values = density(where.reshape(-1, dim)).reshape(where.shape[:2])
    mean = np.einsum("cq,q,qi->ci", values, weights / weights.sum(), shape)
    # Inverse of the mass matrix |K| (1 + delta_ij) / ((d + 1)(d + 2)).
    local = (dim + 1) * (dim + 2) * (mean - mean.sum(axis=1, keepdims=True) / (dim + 2))
    everywhere = np.zeros((mesh.num_cells, dim + 1))
    everywhere[slice(None) if cells is None else cells] = local
    return everywhere.reshape(mesh.num_dofs)


def gaussian(centre: Array, sigma: float) -> Callable[[Array], Array]:
    """Return the density exp(-|r - centre|^2 / (2 sigma^2)) [-].

    Args:
        centre: Shape (3,) or (dim,) [m]; in lower dimensions the first coordinates count.
        sigma: Standard deviation [m].
    """

    def density(points: Array) -> Array:
        distance = points - np.asarray(centre)[: points.shape[1]]
        value: Array = np.exp(-np.square(distance).sum(axis=1) / (2.0 * sigma**2))
        return value

    return density


def wave(axis: int, period: float) -> Callable[[Array], Array]:
    """Return cos(2 pi x / period) of one coordinate [-].

    Args:
        axis: Number of the coordinate.
        period: Length of the wave [m].
    """

    def density(points: Array) -> Array:
        return np.asarray(np.cos(2.0 * np.pi * points[:, axis] / period), dtype=np.float64)

    return density


def wall_inflow(
    mesh: SweepMesh, walls: Mapping[str, int], temperatures: Mapping[str, float]
) -> Array:
    """Return the inflow of isothermal walls, shape (num_boundary_facets * dim,) [K].

    Args:
        mesh: The cells.
        walls: Wall name -> tag.
        temperatures: Deviation from T0 by wall name [K]; one for every wall.
    """
    by_facet = np.zeros(mesh.boundary_dofs.shape[0])
    for name, tag in walls.items():
        by_facet[mesh.boundary_walls == tag] = temperatures[name]
    return np.repeat(by_facet, mesh.dim)
