"""Sweep orders of a partitioned mesh by stages, and their messages to other ranks."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt
from mpi4py import MPI

from pbte.core.types import Array, BoolArray
from pbte.geometry.partition import Halo, swap
from pbte.geometry.sweep_mesh import CompactIntArray, SweepMesh
from pbte.transport.sweep.kernels import record_width
from pbte.transport.sweep.pipeline_kernels import (
    count_upstream,
    delay_cells,
    list_messages,
    order_stage,
    release_cell,
    stages_of_cells,
)
from pbte.transport.sweep.sweep import lines_of_flight, plan_sweep

Flow = npt.NDArray[np.int8]


# Cells visited by a task: enough to make its start-up cost negligible.
TASK_VISITS = 15000


@dataclass(frozen=True, kw_only=True)
class PipelineOrder:
    """Sweep order of each mode by stages, and its messages to other ranks.

    All modes along one line share an order, read backwards by those of the opposite direction. A
    flight is an order with a direction: 2 * order, plus 1 for backwards.

    Attributes:
        cells: Sweep orders, by stages, shape (num_orders, num_cells).
        starts: Where each stage begins in them, shape (num_orders, num_stages + 1).
        last: Last stage of each order, on any rank, shape (num_orders,).
        directions: Velocity of the fastest mode that reads each order, shape (num_orders, dim)
            [m/s].
        rows: Order that each mode reads, shape (num_modes,).
        backwards: Whether it reads the order from the end, shape (num_modes,).
        lagged: Number of cells, on all ranks, visited before all their upstream neighbours
            because the dependencies form a cycle, shape (num_modes,).
        records: Packed cell data, see `SweepOrder`.
        faces: Facets to other ranks through which each flight leaves, then those through which it
            enters, each by (stage of the sender, neighbour), shape (num_flights, num_cut_facets).
        out_starts: Where the facets of a message sent begin in `faces`,
            shape (num_flights, num_stages * num_neighbours + 1).
        in_starts: Where the facets of a message received begin, same shape.
        block_modes: Number of modes of a block, the same on all ranks.
    """

    cells: CompactIntArray
    starts: CompactIntArray
    last: CompactIntArray
    directions: Array
    rows: CompactIntArray
    backwards: BoolArray
    lagged: CompactIntArray
    records: Array
    faces: CompactIntArray
    out_starts: CompactIntArray
    in_starts: CompactIntArray
    block_modes: int

    @property
    def num_cyclic_modes(self) -> int:
        """Number of modes whose cells depend on each other in a cycle."""
        return int(np.count_nonzero(self.lagged))


def plan_pipeline(
    mesh: SweepMesh, halo: Halo, velocities: Array, num_pairs: int = 0
) -> PipelineOrder:
    """Return the sweep order of every mode, by stages.

    Args:
        mesh: The local cells.
        halo: The facets to other ranks.
        velocities: Group velocities, shape (num_modes, 3) [m/s]; the same on all ranks.
        num_pairs: The first `num_pairs` modes have their time-reversed partners in the next
            `num_pairs` rows, in the same order.

    Note:
        Collective over ``halo.comm``.
    """
    projected = np.ascontiguousarray(velocities[:, : mesh.dim])
    rows, fastest = lines_of_flight(projected, num_pairs)
    directions = projected[fastest]
    cells, starts, last, lagged, flow = _order_by_stages(mesh, halo, directions)
    _delay_cells(mesh, halo, directions, last, lagged, cells, starts)
    cut = halo.send_dofs[:, 0] // (mesh.dim + 1)
    stages = np.empty((fastest.size, cut.size), dtype=np.int32)
    stages_of_cells(cells, starts, cut, stages)
    across = np.ascontiguousarray(swap(halo, stages.T).T)
    num_flights = 2 * fastest.size
    width = (starts.shape[1] - 1) * halo.neighbours.size + 1
    faces = np.zeros((num_flights, cut.size), dtype=np.int32)
    out_starts, in_starts = np.zeros((2, num_flights, width), dtype=np.int32)
    neighbour = np.repeat(np.arange(halo.neighbours.size), np.diff(halo.starts))
    list_messages(flow, stages, across, last, neighbour, faces, out_starts, in_starts)
    threads = halo.comm.allreduce(numba.get_num_threads(), MPI.MAX)
    most_cells = halo.comm.allreduce(mesh.num_cells, MPI.MAX)
    stage_cells = most_cells / (1.0 + last.mean()) if last.size else 1.0
    return PipelineOrder(
        cells=cells,
        starts=starts,
        last=last,
        directions=directions,
        rows=rows.astype(np.int32),
        backwards=(projected * directions[rows]).sum(axis=1) < 0.0,
        lagged=lagged[rows],
        records=_cell_records(mesh),
        faces=faces,
        out_starts=out_starts,
        in_starts=in_starts,
        block_modes=max(2 * threads, int(TASK_VISITS / stage_cells)),
    )


def _delay_cells(
    mesh: SweepMesh,
    halo: Halo,
    velocities: Array,
    last: CompactIntArray,
    lagged: CompactIntArray,
    cells: CompactIntArray,
    starts: CompactIntArray,
) -> None:
    """Move cells that no other rank depends on to the last stage, except where there are cycles."""
    straight = lagged == 0
    body = (0.0,) * mesh.dim, mesh.face_normals, mesh.neighbours
    first_cut = mesh.boundary_walls.size - halo.num_facets
    ordered, begins = cells[straight], starts[straight]
    delay_cells(*body, first_cut, velocities[straight], last[straight], ordered, begins)
    cells[straight], starts[straight] = ordered, begins


def _cell_records(mesh: SweepMesh) -> Array:
    """Return the packed cell data of the sweep, also for no cells."""
    if mesh.num_cells == 0:
        return np.zeros((0, record_width(mesh.dim)))
    return plan_sweep(mesh, np.empty((0, 3))).records


def _order_by_stages(
    mesh: SweepMesh, halo: Halo, velocities: Array
) -> tuple[CompactIntArray, CompactIntArray, CompactIntArray, CompactIntArray, Flow]:
    """Return order, starts of the stages, last stage, number of lagged cells, flow at the facets.

    Flow is 1 where a mode leaves this rank, -1 where it enters, shape (num_modes, num_cut_facets).

    All ranks order the cells that depend on no other rank, exchange which facets are finished, and
    repeat. If a mode makes no progress on any rank, its cells form a cycle of dependencies: the
    first rank with such cells releases one.
    """
    comm, num_rows, num_cut = halo.comm, velocities.shape[0], halo.num_facets
    origin, first_cut = (0.0,) * mesh.dim, mesh.boundary_walls.size - num_cut
    body = origin, mesh.face_normals, mesh.neighbours
    waiting = np.zeros((num_rows, mesh.num_cells), dtype=np.int8)
    cells = np.empty((num_rows, mesh.num_cells), dtype=np.int32)
    heads, tails, last, lagged = np.zeros((4, num_rows), dtype=np.int32)
    met, left = np.zeros((2, num_rows, num_cut), dtype=np.uint8)
    flow = np.zeros((num_rows, num_cut), dtype=np.int8)
    cut, starts = halo.send_dofs[:, 0] // (mesh.dim + 1), [heads.copy()]
    count_upstream(*body, first_cut, velocities, waiting, cells, tails)
    unfinished = num_rows > 0
    while unfinished:
        order_stage(*body, first_cut, velocities, waiting, cells, heads, tails, cut, met, left)
        starts.append(tails.copy())
        met = np.ascontiguousarray(swap(halo, left.T).T)
        flow += left.view(np.int8) - met.view(np.int8)
        # Modes that made progress on some rank, and the first rank with unordered cells.
        report = np.stack([tails > starts[-2], (tails < mesh.num_cells) * (comm.size - comm.rank)])
        report = report.astype(np.int32)
        comm.Allreduce(MPI.IN_PLACE, report, MPI.MAX)
        last[report[0] > 0] = len(starts) - 2
        for row in np.flatnonzero((report[0] == 0) & (report[1] > 0)):
            lagged[row] += 1
            if report[1, row] == comm.size - comm.rank:
                cells[row, tails[row]] = release_cell(*body, velocities[row], waiting[row])
                tails[row] += 1
        unfinished = bool(report[1].any())
    return cells, np.stack(starts, axis=1), last, lagged, flow
