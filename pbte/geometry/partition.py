"""Sweep mesh of the cells of one rank, and the halo of facets shared with other ranks.

A facet between two ranks is a boundary facet of both, with the wall tag `CUT`: its inflow is that
of its boundary dofs, as at a wall, and is received from the other rank. All cells, normals and
volumes are those of the undivided mesh, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from mpi4py import MPI

from pbte.core.errors import RunError
from pbte.core.parallel import on_all_ranks
from pbte.core.types import BoolArray, IntArray
from pbte.geometry.facets import facet_table
from pbte.geometry.sweep_mesh import SweepMesh, build_sweep_mesh

if TYPE_CHECKING:  # a part is plain arrays; DOLFINx has done its work before
    from pbte.geometry.distributed import DomainPart

CUT = -1  # wall tag of a facet to another rank


@dataclass(frozen=True, kw_only=True)
class Halo:
    """The facets that a rank shares with others, in the same order on both sides.

    They are the last boundary facets of its cells, in this order.

    Attributes:
        comm: The ranks that share the cells; for the messages of the halo only.
        neighbours: Ranks on the other side, ascending, shape (num_neighbours,).
        starts: Facets starts[i] to starts[i + 1] are shared with neighbours[i],
            shape (num_neighbours + 1,).
        send_dofs: Local degrees of freedom on each facet, in the order of the vertices' numbers
            in the whole mesh, shape (num_cut_facets, dim).
        recv_boundary_dofs: The boundary dofs at the same points, same shape.
    """

    comm: MPI.Intracomm
    neighbours: IntArray
    starts: IntArray
    send_dofs: IntArray
    recv_boundary_dofs: IntArray

    @property
    def num_facets(self) -> int:
        """Number of facets to other ranks."""
        return self.send_dofs.shape[0]


@dataclass(frozen=True, kw_only=True)
class Part:
    """The cells of this rank.

    Attributes:
        mesh: Local cells, ascending in their number in the whole mesh; facets to other ranks come
            after those of the true boundary, with the wall tag `CUT`.
        halo: Facets shared with other ranks; None if this rank holds all cells.
        comm: The ranks that share the cells.
        cells: Number of each local cell in the whole mesh.
        cell_regions: Region of each local cell.
        facets: Number of each true boundary facet in the whole mesh.
        num_cells: Number of cells of the whole mesh.
        num_facets: Number of its true boundary facets.
    """

    mesh: SweepMesh
    halo: Halo | None
    comm: MPI.Intracomm
    cells: IntArray
    cell_regions: IntArray
    facets: IntArray
    num_cells: int
    num_facets: int


def partition(body: DomainPart, comm: MPI.Intracomm) -> Part:
    """Return the local cells of a distributed domain, connected to those of the other ranks.

    Args:
        body: The local cells; a rank may have none.
        comm: The ranks that share the cells.

    Raises:
        RunError: A face has no cell on its other side and is not on the boundary either.

    Note:
        Collective over ``comm``.
    """
    cut, keys = _open_faces(body)
    ranks, others = _find_mates(keys, body.cells[cut // (body.dim + 1)], comm)
    with on_all_ranks(comm):
        if (ranks < 0).any():
            raise RunError(
                f"{np.count_nonzero(ranks < 0)} faces of the mesh have neither a neighbour on any"
                " rank nor a wall"
            )
    order = np.lexsort((*keys.T[::-1], ranks))
    cut, ranks, others = cut[order], ranks[order], others[order]
    mesh = build_sweep_mesh(
        body.points,
        body.vertices,
        np.concatenate([body.boundary, cut]),
        np.concatenate([body.facet_walls, np.full(len(cut), CUT)]),
    )
    halo = None
    if comm.size > 1:
        halo = _make_halo(mesh, body.vertices, len(cut), ranks, comm)
        _adopt_normals(mesh, halo, cut, body.cells[cut // (body.dim + 1)] > others)
    return Part(
        mesh=mesh,
        halo=halo,
        comm=comm,
        cells=body.cells,
        cell_regions=body.cell_regions,
        facets=body.facets,
        num_cells=body.num_cells,
        num_facets=body.num_facets,
    )


def swap(halo: Halo, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the values of the other rank at each facet to another rank.

    Args:
        halo: The facets.
        values: Local values, shape (num_cut_facets, ...).

    Returns:
        Same shape and type.

    Note:
        Collective over ``halo.comm``.
    """
    mine = np.ascontiguousarray(values)
    theirs = np.empty_like(mine)
    requests = []
    for rank, first, last in zip(halo.neighbours, halo.starts, halo.starts[1:], strict=False):
        here, there = mine[first:last].view(np.uint8), theirs[first:last].view(np.uint8)
        requests.append(halo.comm.Irecv([there, MPI.BYTE], int(rank)))
        requests.append(halo.comm.Isend([here, MPI.BYTE], int(rank)))
    MPI.Request.Waitall(requests)
    return theirs


def gather_cells(part: Part, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """Return values of all cells on the first rank, in the order of the whole mesh; else None.

    Args:
        part: The local cells.
        values: Shape (num_local_cells, ...), the same type and trailing shape on all ranks.

    Note:
        Collective over ``part.comm``.
    """
    return _gather_rows(values, part.cells, part.num_cells, part.comm)


def gather_facets(part: Part, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """Return values of all true boundary facets on the first rank; else None.

    Args:
        part: The local cells.
        values: Shape (num_local_facets, ...); rows of facets to other ranks may follow and are
            left out.

    Note:
        Collective over ``part.comm``.
    """
    return _gather_rows(values[: len(part.facets)], part.facets, part.num_facets, part.comm)


def _gather_rows(
    values: np.ndarray[Any, Any], places: IntArray, total: int, comm: MPI.Intracomm
) -> np.ndarray[Any, Any] | None:
    rows = np.ascontiguousarray(values)
    width = rows.dtype.itemsize * int(np.prod(rows.shape[1:], dtype=np.int64))
    # Rows as one unit, because counts of bytes would soon pass what an MPI integer holds.
    unit = MPI.BYTE.Create_contiguous(width).Commit()
    counts = comm.gather(len(rows))
    order, whole = comm.gather(places), None
    if counts is None or order is None:
        comm.Gatherv([rows, len(rows), unit], None)
    else:
        arrived = np.empty((sum(counts), *rows.shape[1:]), dtype=rows.dtype)
        comm.Gatherv([rows, len(rows), unit], [arrived, counts, None, unit])
        whole = np.empty((total, *rows.shape[1:]), dtype=rows.dtype)
        whole[np.concatenate(order)] = arrived
    unit.Free()
    return whole


def _open_faces(body: DomainPart) -> tuple[IntArray, IntArray]:
    """Return the local faces with neither a second cell nor a wall, and their vertices."""
    table = facet_table(body.vertices)
    single = np.flatnonzero(table.num_cells == 1)
    cells = table.cells[single, 0]
    opposite = body.vertices[cells] == table.opposite[single, :1]
    faces = cells * (body.dim + 1) + np.argmax(opposite, axis=1)
    open_ = ~np.isin(faces, body.boundary)
    return faces[open_], table.nodes[single[open_]]


def _find_mates(keys: IntArray, cells: IntArray, comm: MPI.Intracomm) -> tuple[IntArray, IntArray]:
    """Return rank and cell (in the whole mesh) on the other side of each face, -1 if none.

    Both ranks report a face to a third one, selected by its lowest vertex: no rank needs all
    faces.
    """
    own = np.column_stack([keys, cells, np.arange(len(keys))])
    referee = keys[:, 0] % comm.size
    reports = comm.alltoall([own[referee == rank] for rank in range(comm.size)])
    sources = np.repeat(np.arange(comm.size), [len(report) for report in reports])
    table = np.concatenate(reports)
    width = keys.shape[1]
    order = np.lexsort(table[:, :width].T[::-1])
    table, sources = table[order], sources[order]
    first = np.flatnonzero((table[1:, :width] == table[:-1, :width]).all(axis=1))
    here = np.concatenate([first, first + 1])
    there = np.concatenate([first + 1, first])
    answers = np.column_stack([table[here, -1], sources[there], table[there, -2]])
    answers = np.concatenate(
        comm.alltoall([answers[sources[here] == rank] for rank in range(comm.size)])
    )
    ranks = np.full(len(keys), -1, dtype=np.int64)
    others = np.full(len(keys), -1, dtype=np.int64)
    ranks[answers[:, 0]], others[answers[:, 0]] = answers[:, 1], answers[:, 2]
    return ranks, others


def _make_halo(
    mesh: SweepMesh, vertices: IntArray, num_cut: int, ranks: IntArray, comm: MPI.Intracomm
) -> Halo:
    num_true = len(mesh.boundary_dofs) - num_cut
    dofs = mesh.boundary_dofs[num_true:]
    order = np.argsort(vertices.reshape(-1)[dofs], axis=1)
    boundary_dofs = (num_true + np.arange(num_cut)[:, None]) * mesh.dim + order
    neighbours, counts = np.unique(ranks, return_counts=True)
    return Halo(
        comm=comm.Dup(),
        neighbours=neighbours,
        starts=np.concatenate([[0], np.cumsum(counts)]),
        send_dofs=np.take_along_axis(dofs, order, axis=1),
        recv_boundary_dofs=boundary_dofs,
    )


def _adopt_normals(mesh: SweepMesh, halo: Halo, cut: IntArray, higher: BoolArray) -> None:
    """Take over the normal of the cell with the lower number, as inside the undivided mesh.

    The normals are exactly opposite, so both ranks agree which of them is upstream.
    """
    num_true = len(mesh.boundary_dofs) - halo.num_facets
    theirs = swap(halo, mesh.boundary_normals[num_true:])[higher]
    mesh.boundary_normals[num_true:][higher] = -theirs
    cells, faces = np.divmod(cut[higher], mesh.dim + 1)
    mesh.face_normals[cells, :, faces] = -theirs
