"""The grind time of the sweep: what the drift of one mode through one cell costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pbte.core.types import Array
from pbte.geometry.domain import Domain
from pbte.materials.kernel import rta_kernel
from pbte.materials.modes import ModeTable
from pbte.transport.body import stream
from pbte.transport.sweep.kernels import LANES
from pbte.transport.sweep.sweep import SweepOrder, lane_groups, plan_sweep
from pbte.verification.benchmarks.bodies import heated_body
from pbte.verification.benchmarks.clock import Timing, measure

# An ordering is kept for the whole run: the orders and the steady state sweep this often at least.
AMORTISED_SWEEPS = 20


@dataclass(frozen=True, kw_only=True)
class SweepFigures:
    """Cost of drift on one mesh and one table of modes.

    The figures in nanoseconds come from the least processor time, so they are core-nanoseconds.

    Attributes:
        material: Table of modes.
        num_modes: Modes that are swept.
        num_directions: Different directions of flight among them.
        num_modes_in_lanes: How many of them are swept eight at once, as modes of one direction.
        num_orders: Sweep orders that are kept for them.
        num_cells: Cells of the mesh.
        num_cyclic_modes: Modes whose cells depend on each other in a cycle, which takes rounds.
        geometry_bytes: What the sweep reads of the mesh, once for each mode.
        working_set_bytes: The same with order, source and temperature of one mode, or of eight if
            most are swept so: what should fit the second-level cache.
        ordering_bytes: Sweep orders of all modes.
        ordering_bytes_per_mode: The same, over the number of modes.
        sweep: Sweep of all modes.
        ordering: Finding their sweep orders.
        sweep_ns_per_cell: Per cell and mode [ns].
        sweep_ns_per_unknown: Per degree of freedom and mode [ns].
        ordering_ns_per_cell: Ordering, per cell and mode [ns].
        amortised_ns_per_unknown: Sweep and its share of an ordering kept for 20 sweeps [ns].
    """

    material: str
    num_modes: int
    num_directions: int
    num_modes_in_lanes: int
    num_orders: int
    num_cells: int
    num_cyclic_modes: int
    geometry_bytes: int
    working_set_bytes: int
    ordering_bytes: int
    ordering_bytes_per_mode: float
    sweep: Timing
    ordering: Timing
    sweep_ns_per_cell: float
    sweep_ns_per_unknown: float
    ordering_ns_per_cell: float
    amortised_ns_per_unknown: float


def sweep_figures(domain: Domain, modes: ModeTable, *, repeats: int) -> SweepFigures:
    """Return the cost of drift of these modes on this mesh.

    Args:
        domain: The mesh.
        modes: The modes; collisions play no role.
        repeats: How often to sweep; the ordering is found half as often.
    """
    body = heated_body(domain, rta_kernel(modes))
    mesh, order = body.mesh, body.order
    assert isinstance(order, SweepOrder)  # one rank holds all cells
    field = body.new_field()
    stream(body, field)
    # A sweep leaves its solution in the place of the source; refilled, so that the numbers do not
    # shrink repeat by repeat to denormal ones, which are slow.
    sweep = measure(lambda: stream(body, field), repeats=repeats, prepare=lambda: field.fill(1.0))
    ordering = measure(
        lambda: plan_sweep(mesh, body.velocities, modes.num_pairs), repeats=max(1, repeats // 2)
    )
    pairs = modes.num_modes * mesh.num_cells
    per_cell, ordering_per_cell = sweep.cpu_min / pairs, ordering.cpu_min / pairs
    amortised = per_cell + ordering_per_cell / AMORTISED_SWEEPS
    _, alone = lane_groups(2 * order.rows.astype(np.int64) + order.backwards)
    # In lanes the temperature takes the place of the source.
    numbers = LANES if 2 * alone.size < modes.num_modes else 2
    at_once = mesh.num_cells * order.cells.itemsize + numbers * mesh.num_dofs * field.itemsize
    return SweepFigures(
        material=modes.name,
        num_modes=modes.num_modes,
        num_directions=num_directions(modes.velocities),
        num_modes_in_lanes=modes.num_modes - alone.size,
        num_orders=order.cells.shape[0],
        num_cells=mesh.num_cells,
        num_cyclic_modes=order.num_cyclic_modes,
        geometry_bytes=order.records.nbytes,
        working_set_bytes=order.records.nbytes + at_once,
        ordering_bytes=order.cells.nbytes,
        ordering_bytes_per_mode=order.bytes_per_mode,
        sweep=sweep,
        ordering=ordering,
        sweep_ns_per_cell=1e9 * per_cell,
        sweep_ns_per_unknown=1e9 * per_cell / (mesh.dim + 1),
        ordering_ns_per_cell=1e9 * ordering_per_cell,
        amortised_ns_per_unknown=1e9 * amortised / (mesh.dim + 1),
    )


def num_directions(velocities: Array) -> int:
    """Return how many different directions there are, to nine digits, speeds aside."""
    speeds = np.linalg.norm(velocities, axis=1, keepdims=True)
    units = np.divide(velocities, speeds, out=np.zeros_like(velocities), where=speeds > 0.0)
    return int(np.unique(np.round(units, 9) + 0.0, axis=0).shape[0])
