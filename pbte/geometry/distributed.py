"""Distribution of the cells of a domain over the ranks.

DOLFINx cuts the mesh into parts of equal size with few facets between them (ParMETIS, SCOTCH or
KaHIP, whichever it was built with). Cells, points and facets keep the numbers that they have in the
whole `Domain` of the first rank, so that results are gathered and compared number by number.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import basix.ufl
import numpy as np
from dolfinx import mesh as dmesh
from mpi4py import MPI

from pbte.core.errors import InputError, RunError
from pbte.core.parallel import on_all_ranks
from pbte.core.types import Array, BoolArray, IntArray
from pbte.geometry.domain import Domain, cell_nodes, read_domain

_CELLS = {1: "interval", 2: "triangle", 3: "tetrahedron"}


@dataclass(frozen=True, kw_only=True)
class DomainPart:
    """The cells of one rank, ascending in the numbers of the whole domain.

    A face is numbered `local cell * (dim + 1) + vertex opposite to it`.
    """

    points: Array
    """Corners of each cell, shape (num_local_cells, dim + 1, dim) [m]."""
    vertices: IntArray
    """Their numbers in the whole domain, shape (num_local_cells, dim + 1)."""
    cells: IntArray
    """Number of each local cell in the whole domain, ascending."""
    cell_regions: IntArray
    """Tag of each local cell."""
    boundary: IntArray
    """Local faces on the outer boundary."""
    facets: IntArray
    """Position of each of them in ``boundary_facets`` of the whole domain, ascending."""
    facet_walls: IntArray
    """Wall tag of each of them."""
    interior: IntArray
    """Local faces on interfaces; the other side may be on another rank."""
    interior_facets: IntArray
    """Position of each of them in ``interior_facets`` of the whole domain, ascending."""
    facet_interfaces: IntArray
    """Interface tag of each of them."""
    num_cells: int
    """Number of cells of the whole domain."""
    num_facets: int
    """Number of its boundary facets."""
    num_interior_facets: int
    """Number of its facets on interfaces."""
    regions: dict[str, int]
    walls: dict[str, int]
    interfaces: dict[str, int]

    @property
    def dim(self) -> int:
        """Dimension of the mesh."""
        return self.points.shape[2]


def read_domain_part(
    path: str | Path,
    space: MPI.Intracomm,
    copies: MPI.Intracomm | None = None,
    *,
    scale: float = 1.0,
) -> tuple[DomainPart, Domain | None]:
    """Return this rank's part of the domain in a gmsh file, and all of it on the first rank.

    Args:
        path: A ``.msh`` file, see `read_domain`.
        space: The ranks that share the cells.
        copies: The ranks that hold the same part, one in each group of modes.
        scale: Length of one unit of the file [m].

    Raises:
        InputError: As `read_domain` and `distribute`; the same error on all ranks.

    Note:
        Collective over ``space`` and ``copies``.
    """
    whole, failure = None, None
    first = copies is None or copies.rank == 0
    try:
        if first:
            with on_all_ranks(space):
                whole = read_domain(path, MPI.COMM_SELF, scale=scale) if space.rank == 0 else None
    except (InputError, RunError) as error:
        failure = error
    if copies is not None:
        failure = copies.bcast(failure)
    if failure is not None:
        raise failure
    return distribute(whole, space, copies), whole


def distribute(
    whole: Domain | None, space: MPI.Intracomm, copies: MPI.Intracomm | None = None
) -> DomainPart:
    """Return this rank's part of a domain.

    Only the ranks with `copies.rank == 0` partition the mesh and broadcast their parts, because two
    runs of a graph partitioner need not agree.

    Args:
        whole: The domain on the first rank of `space` (and of `copies`); not read elsewhere.
        space: The ranks that share the cells.
        copies: The ranks that hold the same part, one in each group of modes.

    Raises:
        InputError: The mesh is so small that some rank is left without cells.

    Note:
        Collective over ``space`` and ``copies``.
    """
    part, failure = None, None
    if copies is None or copies.rank == 0:
        try:
            part = _cut(whole, space)
        except (InputError, RunError) as error:
            failure = error
    if copies is not None:
        part, failure = copies.bcast((part, failure))
    if failure is not None:
        raise failure
    assert part is not None
    return part


def _cut(whole: Domain | None, comm: MPI.Intracomm) -> DomainPart:
    """Partition the domain of the first rank and return the part of this one."""
    corners, points, header = None, None, None
    with on_all_ranks(comm):
        if comm.rank == 0:
            if whole is None:
                raise RunError("the first rank has no domain to distribute")
            dim = whole.mesh.topology.dim
            corners = cell_nodes(whole.mesh)
            points = np.asarray(whole.mesh.geometry.x, dtype=np.float64)[:, :dim].copy()
            header = (
                dim,
                {
                    "num_cells": len(corners),
                    "num_facets": len(whole.boundary_facets),
                    "num_interior_facets": len(whole.interior_facets),
                    "regions": whole.regions,
                    "walls": whole.walls,
                    "interfaces": whole.interfaces,
                },
            )
    dim, names = comm.bcast(header)
    cells, vertices, where = _spread_cells(corners, points, dim, comm)
    _check_no_part_is_empty(len(cells), names["num_cells"], comm)
    return DomainPart(
        points=where,
        vertices=vertices,
        cells=cells,
        **_spread_tags(whole, cells, dim, comm),
        **names,
    )


def _spread_cells(
    corners: IntArray | None, points: Array | None, dim: int, comm: MPI.Intracomm
) -> tuple[IntArray, IntArray, Array]:
    """Return number, vertices and points of the cells that DOLFINx gives this rank, ascending."""
    if corners is None or points is None:
        corners, points = np.empty((0, dim + 1), dtype=np.int64), np.empty((0, dim))
    element = basix.ufl.element("Lagrange", _CELLS[dim], 1, shape=(dim,))
    # No partitioner named: the default of every version cuts the graph and makes no ghost cells.
    mesh = dmesh.create_mesh(comm, cells=corners, x=points, e=element)
    number = np.asarray(mesh.topology.original_cell_index, dtype=np.int64)
    nodes = cell_nodes(mesh).reshape(-1, dim + 1)
    owned = mesh.topology.index_map(dim).size_local
    order = np.argsort(number[:owned])
    own: IntArray = nodes[order]
    names = np.asarray(mesh.geometry.input_global_indices, dtype=np.int64)
    places = np.asarray(mesh.geometry.x, dtype=np.float64)
    return number[order], names[own], np.ascontiguousarray(places[own][:, :, :dim])


def _check_no_part_is_empty(own: int, total: int, comm: MPI.Intracomm) -> None:
    sizes = comm.allgather(own)
    if min(sizes) == 0:
        raise InputError(
            f"the mesh of {total} cells leaves {sizes.count(0)} of {comm.size} parts of space"
            " without cells; use fewer parts (space_parts) or a finer mesh"
        )


def _spread_tags(
    whole: Domain | None, cells: IntArray, dim: int, comm: MPI.Intracomm
) -> dict[str, Any]:
    """Return regions, boundary faces and interior faces of the local cells."""
    everywhere = comm.gather(cells)
    shares = None
    with on_all_ranks(comm):
        if whole is not None and everywhere is not None:
            owner = np.empty(sum(map(len, everywhere)), dtype=np.int64)
            for rank, own in enumerate(everywhere):
                owner[own] = rank
            outer = _faces_of(whole.mesh, whole.boundary_facets)
            inner = _faces_of(whole.mesh, whole.interior_facets)
            shares = [
                (
                    whole.cell_regions[own],
                    *_share(outer, whole.facet_walls, owner == rank, dim),
                    *_share(inner, whole.facet_interfaces, owner == rank, dim),
                )
                for rank, own in enumerate(everywhere)
            ]
    regions, boundary, facets, walls, interior, surfaces, interfaces = comm.scatter(shares)

    def local(faces: IntArray) -> IntArray:
        numbers: IntArray = np.searchsorted(cells, faces // (dim + 1)) * (dim + 1)
        return numbers + faces % (dim + 1)

    return {
        "cell_regions": regions,
        "boundary": local(boundary),
        "facets": facets,
        "facet_walls": walls,
        "interior": local(interior),
        "interior_facets": surfaces,
        "facet_interfaces": interfaces,
    }


def _share(
    faces: tuple[IntArray, IntArray], tags: IntArray, mine: BoolArray, dim: int
) -> tuple[IntArray, IntArray, IntArray]:
    """Return faces, positions and tags of the facets of the cells of one rank."""
    face, position = faces
    chosen = mine[face // (dim + 1)]
    return face[chosen], position[chosen], tags[position[chosen]]


def _faces_of(mesh: dmesh.Mesh, facets: IntArray) -> tuple[IntArray, IntArray]:
    """Return the faces, `cell * (dim + 1) + opposite vertex`, that lie on facets, and on which.

    Ascending in the position of the facet in `facets`; two faces for an interior facet.
    """
    topology = mesh.topology
    dim = topology.dim
    topology.create_connectivity(dim - 1, dim)
    topology.create_connectivity(dim, dim - 1)
    beside = topology.connectivity(dim - 1, dim)
    counts = np.diff(beside.offsets)[facets]
    position = np.repeat(np.arange(len(facets)), counts)
    within = np.arange(len(position)) - np.repeat(np.cumsum(counts) - counts, counts)
    cells = beside.array[beside.offsets[facets][position] + within].astype(np.int64)
    of_cell = topology.connectivity(dim, dim - 1).array.reshape(-1, dim + 1)[cells]
    place = np.argmax(of_cell == facets[position][:, None], axis=1)
    # Facet i of a triangle or tetrahedron lies opposite vertex i; that of an interval is vertex i.
    opposite = 1 - place if dim == 1 else place
    return cells * (dim + 1) + opposite, position
