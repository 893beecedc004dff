"""Discretisation of the heat equation by discontinuous linear functions: interior-penalty form.

Symmetric interior penalty, with weighted averages of the flux for discontinuous conductivities
(Ern, Stephansen & Zunino, IMA J. Numer. Anal. 29, 235 (2009)):

    a(T, S) = sum over cells    int  grad S . K grad T + sigma S T
            + sum over facets   int  p [S][T] - [S] {n . K grad T} - {n . K grad S} [T]
            + sum over walls    int  alpha S T

with the jump [T] = T_1 - T_2, the normal n from side 1 to side 2 and the penalty

    p = C (d + 1)/4 k ((|e|/|K_1|) + (|e|/|K_2|)) + j,      k = harmonic mean of n . K_i n.

C = 1 is the limit of a positive form on simplices (the trace of a constant gradient is known
exactly); j is a contribution of the transport equation, the upwind flux driven by a jump.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components

from pbte.core.types import Array, IntArray
from pbte.geometry.sweep_mesh import SweepMesh

# Twice the least penalty of a positive form.
PENALTY = 2.0


@dataclass(frozen=True, kw_only=True)
class FacetPairs:
    """Facets with a cell on both sides.

    Attributes:
        cells: Cells of side 1 and side 2, shape (num_facets, 2).
        dofs: Matching degrees of freedom on the two sides, shape (num_facets, 2, dim).
        normals: Area normals from side 1 to side 2, shape (num_facets, dim) [m^(dim-1)].
    """

    cells: IntArray
    dofs: IntArray
    normals: Array

    @property
    def areas(self) -> Array:
        """Shape (num_facets,) [m^(dim-1)]."""
        return np.asarray(np.linalg.norm(self.normals, axis=1))

    def select(self, chosen: IntArray) -> FacetPairs:
        """Return some of the facets."""
        return FacetPairs(
            cells=self.cells[chosen], dofs=self.dofs[chosen], normals=self.normals[chosen]
        )


def interior_facets(mesh: SweepMesh) -> FacetPairs:
    """Return the facets between two cells, each once."""
    num_faces = mesh.dim + 1
    first, face = np.nonzero(mesh.neighbours > np.arange(mesh.num_cells)[:, None])
    corners = np.array([np.delete(np.arange(num_faces), f) for f in range(num_faces)])
    own = corners[face]
    mates = mesh.upstream_dofs[first[:, None], face[:, None], own].astype(np.int64)
    return FacetPairs(
        cells=np.stack([first, mesh.neighbours[first, face]], axis=1).astype(np.int64),
        dofs=np.stack([first[:, None] * num_faces + own, mates], axis=1),
        normals=mesh.face_normals[first, :, face],
    )


def joined_facets(mesh: SweepMesh, pairs: IntArray) -> FacetPairs:
    """Return pairs of boundary facets as joined: an interface, or the two ends of a period.

    Args:
        mesh: The cells.
        pairs: Numbers of the boundary facets on side 1 and side 2, shape (num_pairs, 2); equal up
            to a shift.
    """
    dofs = mesh.boundary_dofs[pairs]
    corners = mesh.points.reshape(-1, mesh.dim)[dofs]
    corners = corners - corners.mean(axis=2, keepdims=True)
    distance = np.linalg.norm(corners[:, 0, :, None] - corners[:, 1, None, :], axis=-1)
    nearest = distance.argmin(axis=2)
    mates = np.take_along_axis(dofs[:, 1], nearest, axis=1)
    return FacetPairs(
        cells=dofs[:, :, 0] // (mesh.dim + 1),
        dofs=np.stack([dofs[:, 0], mates], axis=1),
        normals=mesh.boundary_normals[pairs[:, 0]],
    )


def gradients(mesh: SweepMesh) -> Array:
    """Return the gradients of the basis functions, shape (num_cells, dim + 1, dim) [1/m]."""
    scale = -1.0 / (mesh.dim * mesh.volumes)
    return np.asarray(np.swapaxes(mesh.face_normals, 1, 2) * scale[:, None, None])


def vertex_numbers(mesh: SweepMesh, facets: FacetPairs) -> IntArray:
    """Return the vertex of each degree of freedom, shape (num_dofs,).

    Cells are connected at the given facets; vertices are numbered by their first degree of freedom.
    """
    first, second = facets.dofs[:, 0].ravel(), facets.dofs[:, 1].ravel()
    graph = scipy.sparse.coo_array(
        (np.ones(first.size, dtype=np.int8), (first, second)), shape=(mesh.num_dofs,) * 2
    )
    count, labels = connected_components(graph, directed=False)
    _, where = np.unique(labels, return_index=True)
    numbers = np.empty(count, dtype=np.int64)
    numbers[np.argsort(where)] = np.arange(count)
    return np.asarray(numbers[labels])


class Triplets:
    """Entries of a sparse matrix; duplicates are summed."""

    def __init__(self) -> None:
        self.rows: list[IntArray] = []
        self.columns: list[IntArray] = []
        self.values: list[Array] = []

    def add(self, dofs: IntArray, local: Array) -> None:
        """Add small dense matrices, shape (n, m, m), on degrees of freedom, shape (n, m)."""
        self.rows.append(np.broadcast_to(dofs[:, :, None], local.shape).ravel())
        self.columns.append(np.broadcast_to(dofs[:, None, :], local.shape).ravel())
        self.values.append(local.ravel())


def mass(dim: int) -> Array:
    """Return the mass matrix of linear functions on a simplex of unit volume, (dim + 1,) * 2."""
    n = dim + 1
    return np.asarray((np.eye(n) + 1.0) / (n * (n + 1.0)))


def add_cells(
    out: Triplets, mesh: SweepMesh, cells: IntArray, conductivity: Array, reaction: Array
) -> None:
    """Add the conduction and reaction terms of cells.

    Args:
        out: Receives the entries.
        mesh: The cells.
        cells: Numbers of the cells, shape (n,).
        conductivity: Shape (num_cells, dim, dim) [W/m K].
        reaction: sigma, shape (num_cells,) [W/m^3 K].
    """
    slopes = gradients(mesh)[cells]
    volumes = mesh.volumes[cells]
    local = np.einsum("cik,ckl,cjl,c->cij", slopes, conductivity[cells], slopes, volumes)
    local += (reaction[cells] * volumes)[:, None, None] * mass(mesh.dim)
    dofs = cells[:, None] * (mesh.dim + 1) + np.arange(mesh.dim + 1)
    out.add(dofs, local)


@dataclass(frozen=True, kw_only=True)
class FacetFlux:
    """The flux through a facet, as a function of the temperature on its two sides.

    At corner s of the facet it is [T]_s p - q . T [W/m^2].

    Attributes:
        dofs: Degrees of freedom of the cells of the facet, shape (num_facets, m).
        jumps: [T] at the corners from T at `dofs`, shape (num_facets, dim, m) [-].
        conduction: q, shape (num_facets, m) [W/m^2 K].
        penalty: p, shape (num_facets,) [W/m^2 K].
    """

    dofs: IntArray
    jumps: Array
    conduction: Array
    penalty: Array


def facet_flux(
    mesh: SweepMesh, facets: FacetPairs, conductivity: Array, extra: Array, penalty: float
) -> FacetFlux:
    """Return the flux through facets between two cells in contact.

    Args:
        mesh: The cells.
        facets: The facets.
        conductivity: K of each cell, shape (num_cells, dim, dim) [W/m K].
        extra: j of each facet, shape (num_facets,) [W/m^2 K].
        penalty: C [-].
    """
    n = mesh.dim + 1
    areas = facets.areas
    normals = facets.normals / areas[:, None]
    slopes = gradients(mesh)[facets.cells]
    tensors = conductivity[facets.cells]
    across = np.einsum("fk,fskl,fl->fs", normals, tensors, normals)
    weights = across[:, ::-1] / across.sum(axis=1, keepdims=True)
    conduction = np.einsum("fk,fskl,fsil,fs->fsi", normals, tensors, slopes, weights)
    mean = 2.0 * across[:, 0] * weights[:, 0]
    sharp = (areas[:, None] / mesh.volumes[facets.cells]).sum(axis=1)
    jumps = np.zeros((areas.size, mesh.dim, 2, n))
    index = np.arange(areas.size)[:, None]
    corner = np.arange(mesh.dim)
    for side, sign in ((0, 1.0), (1, -1.0)):
        jumps[index, corner, side, facets.dofs[:, side] % n] = sign
    dofs = facets.cells[:, :, None] * n + np.arange(n)
    return FacetFlux(
        dofs=dofs.reshape(-1, 2 * n),
        jumps=jumps.reshape(-1, mesh.dim, 2 * n),
        conduction=conduction.reshape(-1, 2 * n),
        penalty=penalty * n / 4.0 * mean * sharp + extra,
    )


def add_facets(out: Triplets, flux: FacetFlux, areas: Array) -> None:
    """Add the flux and penalty terms of facets, areas (num_facets,) [m^(dim-1)]."""
    dim = flux.jumps.shape[1]
    weight = areas * flux.penalty
    local = np.einsum("f,fsi,st,ftj->fij", weight, flux.jumps, mass(dim - 1), flux.jumps)
    total = flux.jumps.sum(axis=1) * (areas / dim)[:, None]
    mixed = total[:, :, None] * flux.conduction[:, None, :]
    out.add(flux.dofs, local - mixed - np.swapaxes(mixed, 1, 2))


def add_walls(out: Triplets, dofs: IntArray, areas: Array, coefficients: Array) -> None:
    """Add alpha S T on facets, dofs (n, dim), areas (n,), coefficients (n,) [W/m^2 K]."""
    dim = dofs.shape[1]
    out.add(dofs, (areas * coefficients)[:, None, None] * mass(dim - 1))


def fixed_flux(mesh: SweepMesh, facets: IntArray, conductivity: Array) -> FacetFlux:
    """Return the flux out of boundary facets held at a temperature (Nitsche), per T there.

    At corner s it is (T_s - T_wall) p - q . T, with twice the least p of a positive form.
    """
    n = mesh.dim + 1
    normals = mesh.boundary_normals[facets]
    areas = np.linalg.norm(normals, axis=1)
    normals = normals / areas[:, None]
    corners = mesh.boundary_dofs[facets]
    cells = corners[:, 0] // n
    conduction = np.einsum("fk,fkl,fil->fi", normals, conductivity[cells], gradients(mesh)[cells])
    across = np.einsum("fk,fkl,fl->f", normals, conductivity[cells], normals)
    jumps = np.zeros((facets.size, mesh.dim, n))
    jumps[np.arange(facets.size)[:, None], np.arange(mesh.dim), corners % n] = 1.0
    return FacetFlux(
        dofs=cells[:, None] * n + np.arange(n),
        jumps=jumps,
        conduction=conduction,
        penalty=PENALTY * n * across * areas / mesh.volumes[cells],
    )


def add_passages(out: Triplets, facets: FacetPairs, conductances: Array) -> None:
    """Add int h [S][T], the interface flux driven by a jump of T, h (n,) [W/m^2 K]."""
    dim = facets.dofs.shape[2]
    signs = np.concatenate([np.ones(dim), -np.ones(dim)])
    local = np.tile(mass(dim - 1), (2, 2)) * np.outer(signs, signs)
    scale = (facets.areas * conductances)[:, None, None]
    out.add(facets.dofs.reshape(-1, 2 * dim), scale * local)
