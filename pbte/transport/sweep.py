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

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numba
import numpy as np

from pbte.transport.simplices import CompactIntArray, Simplices
from pbte.types import Array

# A cyclic dependency is a loop of a few cells, each passing on a fraction of what it gets, so the
# repeated sweep converges geometrically; this many rounds end a loop that hardly loses anything.
MAX_ROUNDS = 200
ROUND_OFF = 1e-15


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
    """

    cells: CompactIntArray
    rows: CompactIntArray
    backwards: np.ndarray[Any, np.dtype[np.bool_]]
    lagged: CompactIntArray

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
    _kernels(mesh.dim)[0](mesh.area_normals, mesh.neighbours, projected, cells, lagged)
    return SweepOrder(cells=cells, rows=rows, backwards=backwards, lagged=lagged[rows])


def sweep(
    mesh: Simplices,
    order: SweepOrder,
    velocities: Array,
    loss_rates: Array,
    inflow: Array,
    field: Array,
    modes: slice = slice(None),
) -> None:
    """Replace the source of each mode by the temperature it drifts into: theta = L^-1 Q.

    Args:
        mesh: The cells.
        order: Visiting orders of all modes.
        velocities: Shape (num_modes, 3) [m/s].
        loss_rates: Gamma, shape (num_modes,) [1/s].
        inflow: Incoming temperature deviation at the boundary dofs, shape
            (num_modes or 1, num_boundary_facets * dim) [K]; one row serves all modes.
        field: On entry the source Q [K/s], on return theta [K]; shape (modes, num_dofs),
            changed in place.
        modes: Which modes the rows of `field` are; all by default.
    """
    masses = mesh.volumes * (mesh.dim / (mesh.dim + 2.0))
    _kernels(mesh.dim)[1](
        mesh.area_normals,
        masses,
        mesh.upstream_dofs,
        np.ascontiguousarray(velocities[modes, : mesh.dim]),
        loss_rates[modes],
        order.cells,
        order.rows[modes],
        order.backwards[modes],
        order.lagged[modes],
        inflow if inflow.shape[0] == 1 else inflow[modes],
        field,
    )


@cache
def _kernels(dim: int) -> tuple[Callable[..., None], Callable[..., None]]:
    """Compile the ordering and the sweep for one dimension (loops over vertices unroll)."""
    num_vertices = dim + 1

    @numba.njit(cache=True, parallel=True, fastmath={"contract"})  # type: ignore[untyped-decorator]
    def order_cells(normals, neighbours, velocities, cells, lagged):  # type: ignore[no-untyped-def]
        num_cells = neighbours.shape[0]
        for mode in numba.prange(velocities.shape[0]):
            velocity = velocities[mode]
            row = cells[mode]
            waiting = np.zeros(num_cells, dtype=np.int8)
            met = np.zeros(num_cells, dtype=np.int32)
            for cell in range(num_cells):
                for face in range(num_vertices):
                    if neighbours[cell, face] >= 0:
                        a = 0.0
                        for k in range(dim):
                            a += velocity[k] * normals[cell, face, k]
                        if a < 0.0:
                            waiting[cell] += 1
            head, tail, scan = 0, 0, 0
            for cell in range(num_cells):
                if waiting[cell] == 0:
                    row[tail] = cell
                    tail += 1
            while tail < num_cells or head < tail:
                if head == tail:
                    # Every cell left waits for another one. Walk upstream until a cell is met
                    # twice: it lies on a cycle, and the cells downstream of it go on waiting.
                    while waiting[scan] <= 0:
                        scan += 1
                    lagged[mode] += 1
                    early = scan
                    while met[early] < lagged[mode]:
                        met[early] = lagged[mode]
                        for face in range(num_vertices):
                            other = neighbours[early, face]
                            if other >= 0 and waiting[other] > 0:
                                a = 0.0
                                for k in range(dim):
                                    a += velocity[k] * normals[early, face, k]
                                if a < 0.0:
                                    early = other
                                    break
                    waiting[early] = 0
                    row[tail] = early
                    tail += 1
                cell = row[head]
                head += 1
                for face in range(num_vertices):
                    other = neighbours[cell, face]
                    if other >= 0 and waiting[other] > 0:
                        a = 0.0
                        for k in range(dim):
                            a += velocity[k] * normals[cell, face, k]
                        if a > 0.0:
                            waiting[other] -= 1
                            if waiting[other] == 0:
                                row[tail] = other
                                tail += 1

    @numba.njit(cache=True, parallel=True, fastmath={"contract"})  # type: ignore[untyped-decorator]
    def sweep_modes(  # type: ignore[no-untyped-def]
        normals,
        masses,
        upstream_dofs,
        velocities,
        loss_rates,
        cells,
        rows,
        backwards,
        lagged,
        inflow,
        field,
    ):
        num_cells = masses.shape[0]
        own_inflow = 1 if inflow.shape[0] > 1 else 0
        for mode in numba.prange(velocities.shape[0]):
            velocity, loss_rate, source = velocities[mode], loss_rates[mode], field[mode]
            entering = inflow[np.int64(mode) * own_inflow]
            row = cells[rows[mode]]
            theta = np.zeros(num_cells * num_vertices)
            a = np.empty(num_vertices)
            b = np.empty(num_vertices)
            t = np.empty(num_vertices)
            for _ in range(MAX_ROUNDS if lagged[mode] > 0 else 1):
                change, size = 0.0, 0.0
                for step in range(num_cells):
                    cell = row[num_cells - 1 - step] if backwards[mode] else row[step]
                    first = cell * num_vertices
                    mass = masses[cell]
                    total = 0.0
                    for i in range(num_vertices):
                        total += source[first + i]
                    for i in range(num_vertices):
                        b[i] = mass * (total + source[first + i])
                    outward = 0.0
                    for face in range(num_vertices):
                        speed = 0.0
                        for k in range(dim):
                            speed += velocity[k] * normals[cell, face, k]
                        a[face] = speed
                        if speed > 0.0:
                            outward += speed
                        elif speed < 0.0:
                            total = 0.0
                            for i in range(num_vertices):
                                if i != face:
                                    dof = upstream_dofs[cell, face, i]
                                    t[i] = theta[dof] if dof >= 0 else entering[-1 - dof]
                                    total += t[i]
                            for i in range(num_vertices):
                                if i != face:
                                    b[i] -= speed * (total + t[i])
                    g = loss_rate * mass
                    d = outward + g
                    sum_b, sum_pb = 0.0, 0.0
                    for i in range(num_vertices):
                        sum_b += b[i]
                        if a[i] > 0.0:
                            sum_pb += a[i] * b[i]
                    lifted = (dim + 1.0) * outward + (dim + 2.0) * g
                    det = g * (lifted + (dim + 1.0) * outward) + (dim + 1.0) * outward * outward
                    sigma = (g * sum_b + (dim + 1.0) * sum_pb) / det
                    tau = (outward * d * sum_b - lifted * sum_pb) / det
                    for i in range(num_vertices):
                        u = d if a[i] > 0.0 else d + a[i]
                        value = (b[i] - u * sigma - tau) / d
                        change = max(change, abs(value - theta[first + i]))
                        size = max(size, abs(value))
                        theta[first + i] = value
                if change <= ROUND_OFF * size:
                    break
            source[:] = theta

    return order_cells, sweep_modes
