"""Pipelined sweep of a mesh whose cells are shared by ranks: many modes at once, each cell once.

The cells of a rank are visited in **stages**: stage 0 needs nothing from other ranks, stage s + 1
what they compute in stage s, so

    stage(cell) = max over upstream neighbours of (their stage, or that plus 1 on another rank).

Cells of later stages that no other rank depends on belong to the last stage. A **task** is one
stage of a **block** of modes. It starts when the messages of the neighbours from the previous stage
have arrived; a rank takes the first task of the oldest block that can start, and so works on
further modes while it waits for values. A block has modes of opposite directions, so that the ranks
at both ends have work from the start. Only values that flow from one rank to the next are sent,
once.

The alternative is lagged halos: every rank sweeps all its cells with the values of the others from
the previous iteration, until convergence. Silicon sphere of 200 nm, the 747 modes of Si-5, one
thread; the CPU time of lagged halos is that of one sweep of the local cells times the rounds:

    cells, ranks                          5937, 2     5937, 3     55822, 2
    stages (mean, most)                   13, 25      16, 25      25, 46
    lagged: visits of each cell           12          14          21
            to 1e-10 only                  9          11          12
            CPU, ns per cell and mode     190         220         450
            sent, MB                      51          91          410
    pipeline: visits of each cell         1           1           1
            CPU, ns per cell and mode     37          40          45
            sent, MB, in messages         4.9, 402    7.3, 770    23, 3218

A visit costs 15 ns (22 in the large mesh) in a sweep of one mode through all cells, because the
cells of another stage are no longer in the nearest cache. Iteration over lagged halos costs far
more, so the pipeline is the only implementation.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, count

import numpy as np

from pbte.core.types import Array, IntArray
from pbte.geometry.partition import Halo
from pbte.geometry.sweep_mesh import SweepMesh
from pbte.transport.sweep.pipeline_blocks import (
    BLOCKS_IN_FLIGHT,
    Block,
    SweepInput,
    run_blocks,
    run_until_settled,
)
from pbte.transport.sweep.pipeline_order import PipelineOrder
from pbte.transport.sweep.sweep import lane_groups


def sweep_pipeline(
    mesh: SweepMesh,
    halo: Halo,
    order: PipelineOrder,
    velocities: Array,
    loss_rates: Array,
    inflow: Array,
    field: Array,
    modes: slice | IntArray = slice(None),
) -> None:
    """Replace the source of each mode by its temperature: theta = L^-1 Q.

    The same as `pbte.transport.sweep.sweep.sweep` on the undivided mesh, up to round-off.

    Args:
        mesh: The local cells.
        halo: The facets to other ranks.
        order: Sweep orders of all modes.
        velocities: Velocities for which the orders were made, shape (num_modes, 3) [m/s].
        loss_rates: Gamma, shape (num_modes,) [1/s]; complex ones need a complex field.
        inflow: Inflow temperature deviation at the boundary dofs, one row for each row of `field`
            or one for all, shape (modes or 1, num_boundary_facets * dim) [K]. Those of facets to
            other ranks are not read.
        field: On entry the source Q [K/s], on return theta [K], real or complex; shape
            (modes, num_dofs), changed in place.
        modes: Modes of the rows of `field`, the same on all ranks; all by default. Hundreds at once
            keep all ranks busy.

    Raises:
        RunError: A mode with a cyclic dependency did not converge; on all ranks.

    Note:
        Collective over ``halo.comm``.
    """
    rows, backwards = order.rows[modes], order.backwards[modes]
    directions = np.where(backwards[:, None], -1.0, 1.0) * order.directions[rows]
    lengths = (directions * directions).sum(axis=1)
    along = (velocities[modes, : mesh.dim] * directions).sum(axis=1)
    factors = np.where(lengths > 0.0, lengths, 1.0) / np.where(lengths > 0.0, along, 1.0)
    theta = np.ascontiguousarray(field)
    inputs = SweepInput(
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
    groups = _groups(inputs)
    run_blocks(chain(*(_blocks(inputs, g[~cyclic[g[:, 0]]], numbers) for g in groups)))
    for members in groups:
        looping = members[cyclic[members[:, 0]]]
        at_once = BLOCKS_IN_FLIGHT * order.block_modes
        for first in range(0, len(looping), at_once):
            blocks = _blocks(inputs, looping[first : first + at_once], numbers)
            run_until_settled(list(blocks), halo.comm)
    if theta is not field:
        field[...] = theta


def _groups(inputs: SweepInput) -> tuple[IntArray, IntArray]:
    """Return rows of the field that are swept together, shape (n, lanes), and singly, (n, 1).

    Both sorted by direction, so that opposite directions are adjacent.
    """
    if np.iscomplexobj(inputs.field):
        alone = np.argsort(inputs.flights, kind="stable")
        return np.empty((0, 1), dtype=np.int64), alone[:, None]
    together, alone = lane_groups(inputs.flights)
    return together, alone[:, None]


def _blocks(inputs: SweepInput, members: IntArray, numbers: Iterator[int]) -> Iterator[Block]:
    """Yield rows of the field in at least two blocks, so that one can proceed while one waits."""
    lanes = members.shape[1]
    # Eight modes at once take the time of two, and the memory of eight.
    size = inputs.order.block_modes if lanes == 1 else -(-inputs.order.block_modes // 4)
    size = max(1, min(size, -(-len(members) // 2)))
    for first in range(0, len(members), size):
        yield Block(inputs, next(numbers), members[first : first + size])
