"""Local cells with ghost cells across facets to other ranks, for the heat equation.

The sweep needs no ghosts, only inflow values. A matrix needs the geometry and the global numbers of
the neighbouring cells. Each facet to another rank has one ghost, numbered after the local cells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from mpi4py import MPI

from pbte.core.mode_partition import ModePartition
from pbte.core.types import IntArray
from pbte.geometry.partition import Halo, swap
from pbte.geometry.sweep_mesh import SweepMesh
from pbte.transport.heat.assembly import FacetPairs, interior_facets, vertex_numbers


@dataclass(frozen=True, kw_only=True)
class HeatMesh:
    """Local cells and ghosts, and the global numbering of their unknowns.

    Attributes:
        mesh: Local cells, then ghosts, which have no neighbours.
        num_cells: Number of local cells.
        contacts: Facets between two cells, those to ghosts included.
        starts: First local cell of each rank that holds the same cells, shape (num_groups + 1,).
        numbers: Global number of each degree of freedom.
        vertices: Global number of the vertex of each degree of freedom.
        num_dofs: Global number of degrees of freedom.
        num_vertices: Global number of vertices.
    """

    mesh: SweepMesh
    num_cells: int
    contacts: FacetPairs
    starts: IntArray
    numbers: IntArray
    vertices: IntArray
    num_dofs: int
    num_vertices: int


def heat_mesh(
    mesh: SweepMesh,
    mode_partition: ModePartition,
    halo: Halo | None,
    comm: MPI.Intracomm,
    joined: FacetPairs | None = None,
) -> HeatMesh:
    """Return the cells of this rank with ghosts and global numbers.

    The ranks of `mode_partition`, which hold the same cells, own consecutive ranges of them.

    Args:
        mesh: The local cells.
        mode_partition: The ranks that hold them.
        halo: Facets to other ranks, if any.
        comm: All ranks.
        joined: Pairs of boundary facets of this rank in contact, such as periodic ones.

    Note: Collective over `comm`.
    """
    group, n = mode_partition.comm, mesh.dim + 1
    starts = (np.arange(group.size + 1) * mesh.num_cells) // group.size
    contacts = interior_facets(mesh)
    if joined is not None:
        contacts = _together(contacts, joined)
    sizes = np.diff(starts) * n
    own = comm.allgather(int(sizes[group.rank]))
    first = group.allgather(sum(own[: comm.rank]))
    dofs = np.arange(mesh.num_dofs)
    owner = np.searchsorted(starts * n, dofs, side="right") - 1
    numbers = np.asarray(first, dtype=np.int64)[owner] + dofs - (starts * n)[owner]
    extended = mesh
    if halo is not None:
        extended, numbers, beyond = _with_ghosts(mesh, halo, numbers)
        contacts = _together(contacts, beyond)
    vertices, num_vertices = _vertices(extended, contacts, numbers, halo, comm, mesh.num_dofs)
    return HeatMesh(
        mesh=extended,
        num_cells=mesh.num_cells,
        contacts=contacts,
        starts=starts,
        numbers=numbers,
        vertices=vertices,
        num_dofs=sum(own),
        num_vertices=num_vertices,
    )


def replicated_mesh(mesh: SweepMesh, contacts: FacetPairs, comm: MPI.Intracomm) -> HeatMesh:
    """Return a mesh of which every rank holds all cells and owns a range of them."""
    vertices = vertex_numbers(mesh, contacts)
    return HeatMesh(
        mesh=mesh,
        num_cells=mesh.num_cells,
        contacts=contacts,
        starts=(np.arange(comm.size + 1) * mesh.num_cells) // comm.size,
        numbers=np.arange(mesh.num_dofs),
        vertices=vertices,
        num_dofs=mesh.num_dofs,
        num_vertices=int(vertices.max()) + 1,
    )


def _together(first: FacetPairs, second: FacetPairs) -> FacetPairs:
    return FacetPairs(
        cells=np.concatenate([first.cells, second.cells]),
        dofs=np.concatenate([first.dofs, second.dofs]),
        normals=np.concatenate([first.normals, second.normals]),
    )


def _with_ghosts(
    mesh: SweepMesh, halo: Halo, numbers: IntArray
) -> tuple[SweepMesh, IntArray, FacetPairs]:
    """Return the cells with their ghosts, all numbers, and the facets between the two."""
    n = mesh.dim + 1
    here = halo.send_dofs[:, 0] // n
    ghosts = mesh.num_cells + np.arange(here.size)
    extended = replace(
        mesh,
        points=np.concatenate([mesh.points, swap(halo, mesh.points[here])]),
        volumes=np.concatenate([mesh.volumes, swap(halo, mesh.volumes[here])]),
        face_normals=np.concatenate([mesh.face_normals, swap(halo, mesh.face_normals[here])]),
        neighbours=np.concatenate(
            [mesh.neighbours, np.full((here.size, n), -1, dtype=mesh.neighbours.dtype)]
        ),
    )
    beyond = swap(halo, numbers.reshape(-1, n)[here]).reshape(-1)
    there = ghosts[:, None] * n + swap(halo, halo.send_dofs % n)
    facets = halo.recv_boundary_dofs[:, 0] // mesh.dim
    pairs = FacetPairs(
        cells=np.stack([here, ghosts], axis=1),
        dofs=np.stack([halo.send_dofs, there], axis=1),
        normals=mesh.boundary_normals[facets],
    )
    return extended, np.concatenate([numbers, beyond]), pairs


def _vertices(
    mesh: SweepMesh,
    contacts: FacetPairs,
    numbers: IntArray,
    halo: Halo | None,
    comm: MPI.Intracomm,
    num_local: int,
) -> tuple[IntArray, int]:
    """Return the vertex of each degree of freedom, and how many there are.

    A vertex is identified by the smallest number of its degrees of freedom on any rank, found by
    propagating minima through the facets between ranks.
    """
    local = vertex_numbers(mesh, contacts)
    names = numbers.copy()
    while True:
        least = np.full(int(local.max()) + 1, np.iinfo(np.int64).max)
        np.minimum.at(least, local, names)
        spread = least[local]
        if halo is not None:
            inside = contacts.dofs[-halo.num_facets :, 1] if halo.num_facets else None
            if inside is not None:
                spread[inside] = np.minimum(spread[inside], swap(halo, spread[halo.send_dofs]))
        changed = not np.array_equal(spread, names)
        names = spread
        if halo is None or not comm.allreduce(changed, MPI.LOR):
            break
    own = np.unique(names[:num_local])
    everyone = np.unique(np.concatenate(comm.allgather(own)))
    return np.searchsorted(everyone, names), int(everyone.size)
