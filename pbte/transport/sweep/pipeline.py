"""The sweep through a mesh whose cells are shared by ranks: many modes in flight, no work twice.

The cells of a rank are visited in **stages**: stage 0 needs nothing from other ranks, stage s + 1
what they compute in stage s, so

    stage(cell) = max over upstream neighbours of (their stage, or that plus 1 on another rank).

Cells of later stages that no other rank waits for go with the last stage, together. A **task** is
one stage of a **block** of modes. It starts when the messages that the neighbours send after their
stage before have arrived; a rank takes the first task of the oldest block that can start, and so
works on the next modes while it waits for the values of these. The modes of a block fly in
opposite directions, so that both ends of the body have work from the start. Only values that flow
from one rank to the next are sent, once.

The alternative are lagged halos: every rank sweeps all its cells with what the others had in the
round before, until nothing changes. Silicon sphere of 200 nm, the 747 modes of Si-5, one thread;
the CPU time of lagged halos is that of one sweep of the local cells times the rounds:

    cells, ranks                          5937, 2     5937, 3     55822, 2
    stages (mean, most)                   13, 25      16, 25      25, 46
    lagged: visits of each cell           12          14          21
            to 1e-10 only                  9          11          12
            CPU, ns per cell and mode     190         220         450
            sent, MB                      51          91          410
    pipeline: visits of each cell         1           1           1
            CPU, ns per cell and mode     37          40          45
            sent, MB, in messages         4.9, 402    7.3, 770    23, 3218

A visit costs 15 ns (22 in the large mesh) where one mode is swept from end to end: the cells of
another stage are no longer in the nearest cache. Repeating everything costs far more, so the
pipeline is the only way in which cells are shared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count

import numba
import numpy as np
import numpy.typing as npt
from mpi4py import MPI

from pbte.core.types import Array, BoolArray, IntArray
from pbte.geometry.partition import Halo, swap
from pbte.geometry.simplices import CompactIntArray, Simplices
from pbte.transport.sweep.kernels import record_width
from pbte.transport.sweep.pipeline_blocks import (
    BLOCKS_IN_FLIGHT,
    Block,
    Drift,
    run_blocks,
    run_until_settled,
)
from pbte.transport.sweep.pipeline_kernels import (
    count_upstream,
    delay_cells,
    list_messages,
    order_stage,
    release_cell,
    stages_of_cells,
)
from pbte.transport.sweep.sweep import lane_groups, lines_of_flight, plan_sweep

Flow = npt.NDArray[np.int8]

# Cells visited by a task: so many that starting it costs little.
TASK_VISITS = 15000


@dataclass(frozen=True, kw_only=True)
class PipelineOrder:
    """The order in which each mode visits the local cells, and what it hands to other ranks when.

    All modes along one line share an order, read backwards by those that fly the other way. A
    flight is an order in one of its ways: 2 * order, plus 1 for backwards.

    Attributes:
        cells: Visiting orders, by stages, shape (num_orders, num_cells).
        starts: Where each stage begins in them, shape (num_orders, num_stages + 1).
        last: Last stage of each order, on any rank, shape (num_orders,).
        directions: Velocity of the fastest mode that reads each order, shape (num_orders, dim)
            [m/s].
        rows: Order that each mode reads, shape (num_modes,).
        backwards: Whether it reads the order from the end, shape (num_modes,).
        lagged: Number of cells, on all ranks, visited before all their upstream neighbours
            because the dependencies form a cycle, shape (num_modes,).
        records: What the sweep reads of each cell, see `SweepOrder`.
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
    mesh: Simplices, halo: Halo, velocities: Array, num_pairs: int = 0
) -> PipelineOrder:
    """Return the visiting order of every mode, by stages.

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


def sweep_pipeline(
    mesh: Simplices,
    halo: Halo,
    order: PipelineOrder,
    velocities: Array,
    loss_rates: Array,
    inflow: Array,
    field: Array,
    modes: slice | IntArray = slice(None),
) -> None:
    """Replace the source of each mode by the temperature it drifts into: theta = L^-1 Q.

    The same as `pbte.transport.sweep.sweep.sweep` on the undivided mesh, up to round-off.

    Args:
        mesh: The local cells.
        halo: The facets to other ranks.
        order: Visiting orders of all modes.
        velocities: Those that the orders were found for, shape (num_modes, 3) [m/s].
        loss_rates: Gamma, shape (num_modes,) [1/s]; complex ones need a complex field.
        inflow: Incoming temperature deviation at the boundary dofs, one row for each row of
            `field` or one for all, shape (modes or 1, num_boundary_facets * dim) [K]. Slots of
            facets to other ranks are not read.
        field: On entry the source Q [K/s], on return theta [K], real or complex; shape
            (modes, num_dofs), changed in place.
        modes: Which modes the rows of `field` are, the same on all ranks; all by default. Many at
            once keep all ranks busy: hundreds.

    Raises:
        RunError: A mode with a cyclic dependency did not settle; on all ranks.

    Note:
        Collective over ``halo.comm``.
    """
    rows, backwards = order.rows[modes], order.backwards[modes]
    directions = np.where(backwards[:, None], -1.0, 1.0) * order.directions[rows]
    lengths = (directions * directions).sum(axis=1)
    along = (velocities[modes, : mesh.dim] * directions).sum(axis=1)
    factors = np.where(lengths > 0.0, lengths, 1.0) / np.where(lengths > 0.0, along, 1.0)
    theta = np.ascontiguousarray(field)
    drift = Drift(
        halo=halo,
        order=order,
        flights=2 * rows.astype(np.int64) + backwards,
        factors=factors,
        loss_rates=(loss_rates[modes] * factors).astype(field.dtype),
        inflow=np.ascontiguousarray(inflow, dtype=field.dtype),
        field=theta,
    )
    cyclic = order.lagged[modes] > 0
    numbers = count()
    groups = _groups(drift)
    run_blocks(chain(*(_blocks(drift, g[~cyclic[g[:, 0]]], numbers) for g in groups)))
    for members in groups:
        looping = members[cyclic[members[:, 0]]]
        at_once = BLOCKS_IN_FLIGHT * order.block_modes
        for first in range(0, len(looping), at_once):
            blocks = _blocks(drift, looping[first : first + at_once], numbers)
            run_until_settled(list(blocks), halo.comm)
    if theta is not field:
        field[...] = theta


def _delay_cells(
    mesh: Simplices,
    halo: Halo,
    velocities: Array,
    last: CompactIntArray,
    lagged: CompactIntArray,
    cells: CompactIntArray,
    starts: CompactIntArray,
) -> None:
    """Move cells that no other rank waits for to the last stage, except where there are cycles."""
    straight = lagged == 0
    body = (0.0,) * mesh.dim, mesh.face_normals, mesh.neighbours
    first_cut = mesh.boundary_walls.size - halo.num_facets
    ordered, begins = cells[straight], starts[straight]
    delay_cells(*body, first_cut, velocities[straight], last[straight], ordered, begins)
    cells[straight], starts[straight] = ordered, begins


def _cell_records(mesh: Simplices) -> Array:
    """Return what the sweep reads of each cell, also if there are none."""
    if mesh.num_cells == 0:
        return np.zeros((0, record_width(mesh.dim)))
    return plan_sweep(mesh, np.empty((0, 3))).records


def _groups(drift: Drift) -> tuple[IntArray, IntArray]:
    """Return rows of the field that are swept at once, shape (n, lanes), and alone, (n, 1).

    Both by flights, so that opposite directions are side by side.
    """
    if np.iscomplexobj(drift.field):
        alone = np.argsort(drift.flights, kind="stable")
        return np.empty((0, 1), dtype=np.int64), alone[:, None]
    together, alone = lane_groups(drift.flights)
    return together, alone[:, None]


def _blocks(drift: Drift, members: IntArray, numbers: Iterator[int]) -> Iterator[Block]:
    """Yield rows of the field in blocks: at least two, for work while one waits."""
    lanes = members.shape[1]
    # Eight modes at once take the time of two, and the memory of eight.
    size = drift.order.block_modes if lanes == 1 else -(-drift.order.block_modes // 4)
    size = max(1, min(size, -(-len(members) // 2)))
    for first in range(0, len(members), size):
        yield Block(drift, next(numbers), members[first : first + size])


def _order_by_stages(
    mesh: Simplices, halo: Halo, velocities: Array
) -> tuple[CompactIntArray, CompactIntArray, CompactIntArray, CompactIntArray, Flow]:
    """Return order, starts of the stages, last stage, cells that went early, flow at the facets.

    Flow is 1 where a mode leaves this rank, -1 where it enters, shape (num_modes, num_cut_facets).

    All ranks order what they can without each other, tell each other which facets are passed, and
    so on. If a mode gets no further on any rank, its cells wait for each other in a cycle: the
    first rank with such cells lets one go early.
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
        # Which modes got further on some rank, and the first rank on which cells are left.
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
