"""The sweep: drift of every mode through the mesh, cell by cell downstream.

It solves exactly the equations of `pbte.transport.drift` (upwind P1 discontinuous Galerkin). On a
simplex they have a closed form. With a_f = v . (outward area normal of the face opposite vertex
f), p_f = max(a_f, 0), P = sum p_f and g = Gamma |K| d / (d + 2), the local matrix times d (d + 1)
is a multiple of the identity plus two rank-one terms,

    A_ij = (P + g) delta_ij + u_i + w_j,    u_i = a_i - p_i + P + g,   w_j = -p_j,

because the faces' mass matrices, like the cell's, are (1 + delta_ij) times a constant. The
Woodbury formula leaves a 2 x 2 system whose determinant

    (d + 2) g^2 + 2 (d + 1) g P + (d + 1) P^2

is a sum of positive terms: no cancellation from ballistic (g = 0) to thick (P = 0), no
quadrature, no elimination.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pbte.errors import RunError
from pbte.transport.kernels import MAX_ROUNDS, order_kernel, record_width, sweep_kernel
from pbte.transport.simplices import CompactIntArray, Simplices
from pbte.types import Array, IntArray


@dataclass(frozen=True, kw_only=True)
class SweepOrder:
    """The order in which each mode visits the cells.

    A mode and its time-reversed partner see the same faces with opposite signs, so one order
    serves both: read backwards for the partner.

    Attributes:
        cells: Visiting orders, shape (num_orders, num_cells).
        rows: Row of `cells` that each mode reads, shape (num_modes,).
        backwards: Whether it reads the row from the end, shape (num_modes,).
        lagged: Number of cells visited before all their upstream neighbours, because the
            dependencies form a cycle, shape (num_modes,).
        records: What the sweep reads of each cell, in whole cache lines: normals (dim, dim + 1),
            d |K| / (d + 2), then upstream_dofs as 32-bit integers; shape (num_cells, width).
    """

    cells: CompactIntArray
    rows: CompactIntArray
    backwards: np.ndarray[Any, np.dtype[np.bool_]]
    lagged: CompactIntArray
    records: Array

    @property
    def num_cyclic_modes(self) -> int:
        """Number of modes whose cells depend on each other in a cycle."""
        return int(np.count_nonzero(self.lagged))


def plan_sweep(mesh: Simplices, velocities: Array, num_pairs: int = 0) -> SweepOrder:
    """Return the visiting order of every mode.

    Args:
        mesh: The cells.
        velocities: Group velocities, shape (num_modes, 3) [m/s].
        num_pairs: The first `num_pairs` modes have their time-reversed partners in the next
            `num_pairs` rows, in the same order.
    """
    num_modes = velocities.shape[0]
    own = np.concatenate([np.arange(num_pairs), np.arange(2 * num_pairs, num_modes)])
    rows = np.empty(num_modes, dtype=np.int32)
    rows[own] = np.arange(own.size)
    rows[num_pairs : 2 * num_pairs] = np.arange(num_pairs)
    backwards = np.zeros(num_modes, dtype=np.bool_)
    backwards[num_pairs : 2 * num_pairs] = True
    cells = np.empty((own.size, mesh.num_cells), dtype=np.int32)
    lagged = np.zeros(own.size, dtype=np.int32)
    projected = np.ascontiguousarray(velocities[own, : mesh.dim])
    order_kernel(mesh.dim)(mesh.face_normals, mesh.neighbours, projected, cells, lagged)
    return SweepOrder(
        cells=cells,
        rows=rows,
        backwards=backwards,
        lagged=lagged[rows],
        records=_cell_records(mesh),
    )


def sweep(
    mesh: Simplices,
    order: SweepOrder,
    velocities: Array,
    loss_rates: Array,
    inflow: Array,
    field: Array,
    modes: slice | IntArray = slice(None),
) -> None:
    """Replace the source of each mode by the temperature it drifts into: theta = L^-1 Q.

    Args:
        mesh: The cells.
        order: Visiting orders of all modes.
        velocities: Shape (num_modes, 3) [m/s].
        loss_rates: Gamma, shape (num_modes,) [1/s].
        inflow: Incoming temperature deviation at the boundary dofs, one row for each row of
            `field` or one for all, shape (modes or 1, num_boundary_facets * dim) [K].
        field: On entry the source Q [K/s], on return theta [K]; shape (modes, num_dofs),
            changed in place.
        modes: Which modes the rows of `field` are, in any order; all by default.

    Raises:
        RunError: A mode with a cyclic dependency did not settle.
    """
    stalled = np.zeros(field.shape[0], dtype=np.int8)
    sweep_kernel(mesh.dim)(
        order.records,
        np.ascontiguousarray(velocities[modes, : mesh.dim]),
        loss_rates[modes],
        order.cells,
        order.rows[modes],
        order.backwards[modes],
        order.lagged[modes],
        stalled,
        inflow,
        field,
    )
    if stalled.any():
        raise RunError(
            f"the drift of {np.count_nonzero(stalled)} modes did not settle in {MAX_ROUNDS} rounds "
            "through cells that depend on each other in a cycle; use a mesh of better quality"
        )


def _cell_records(mesh: Simplices) -> Array:
    """Return normals, mass and upstream numbers of each cell side by side."""
    num_cells, num_faces = mesh.neighbours.shape
    num_reals = mesh.dim * num_faces + 1
    records = np.zeros((num_cells, record_width(mesh.dim)))
    records[:, : num_reals - 1] = mesh.face_normals.reshape(num_cells, -1)
    records[:, num_reals - 1] = mesh.volumes * (mesh.dim / (mesh.dim + 2.0))
    integers = records.view(np.int32)[:, 2 * num_reals :]
    integers[:, : num_faces**2] = mesh.upstream_dofs.reshape(num_cells, -1)
    return records
