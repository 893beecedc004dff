"""Sweep: upwind solution of the transport of every mode, cell by cell downstream.

It solves exactly the equations of `pbte.transport.drift` (upwind P1 discontinuous Galerkin). On a
simplex they have a closed form. With a_f = v . (outward area normal of the face opposite vertex
f), p_f = max(a_f, 0), P = sum p_f and g = Gamma |K| d / (d + 2), the local matrix times d (d + 1)
is a multiple of the identity plus two rank-one terms,

    A_ij = (P + g) delta_ij + u_i + w_j,    u_i = a_i - p_i + P + g,   w_j = -p_j,

because the faces' mass matrices, like the cell's, are (1 + delta_ij) times a constant. The Woodbury
formula gives a 2 x 2 system whose determinant

    (d + 2) g^2 + 2 (d + 1) g P + (d + 1) P^2

is a sum of positive terms: no cancellation from ballistic (g = 0) to thick (P = 0), no
quadrature, no elimination.

Modes along one line share one order of the cells. With the velocity s v' of a mode and v' of the
fastest one on its line, the sweep solves (v' . grad + Gamma / s) theta = Q / s: all modes of a line
have the same v' . n, so the upstream faces of a cell are bitwise the same for all, and those of the
same direction, such as the bands of a table or the modes on the symmetry axes of a crystal, are
swept eight at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numba
import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pbte.core.errors import RunError
from pbte.core.types import Array, BoolArray, IntArray
from pbte.geometry.sweep_mesh import CompactIntArray, SweepMesh
from pbte.transport.sweep.kernels import (
    LANES,
    MAX_ROUNDS,
    record_width,
    sweep_lanes,
    sweep_modes,
    upstream_numbers,
)
from pbte.transport.sweep.ordering import order_cells

# Unit vectors closer than this are one direction: many times the round-off of normalisation, and
# negligible.
SAME_DIRECTION = 4e-15

# From this number on, modes of a direction are faster in partly used lanes than one by one.
LEAST_IN_LANES = 3


@dataclass(frozen=True, kw_only=True)
class SweepOrder:
    """Sweep order of the cells for each mode.

    A mode and its time-reversed partner have opposite signs of v . n at all faces, so the partner
    reads the same order backwards, as do all modes along one line.

    Attributes:
        cells: Sweep orders, shape (num_orders, num_cells).
        directions: Velocity of the fastest mode that reads each order, shape (num_orders, dim)
            [m/s].
        rows: Row of `cells` that each mode reads, shape (num_modes,).
        backwards: Whether it reads the row from the end, shape (num_modes,).
        lagged: Number of cells visited before all their upstream neighbours, because the
            dependencies form a cycle, shape (num_modes,).
        records: Packed data of each cell, in whole cache lines: normals (dim, dim + 1), d |K| / (d
            + 2), then upstream_dofs as 32-bit integers; shape (num_cells, width).
    """

    cells: CompactIntArray
    directions: Array
    rows: CompactIntArray
    backwards: BoolArray
    lagged: CompactIntArray
    records: Array

    @property
    def num_cyclic_modes(self) -> int:
        """Number of modes whose cells depend on each other in a cycle."""
        return int(np.count_nonzero(self.lagged))

    @property
    def bytes_per_mode(self) -> float:
        """Memory of the sweep orders over the number of modes [bytes]."""
        return self.cells.nbytes / max(1, self.rows.size)


def plan_sweep(mesh: SweepMesh, velocities: Array, num_pairs: int = 0) -> SweepOrder:
    """Return the sweep order of every mode.

    Args:
        mesh: The cells.
        velocities: Group velocities, shape (num_modes, 3) [m/s].
        num_pairs: The first `num_pairs` modes have their time-reversed partners in the next
            `num_pairs` rows, in the same order.
    """
    projected = np.ascontiguousarray(velocities[:, : mesh.dim])
    rows, fastest = lines_of_flight(projected, num_pairs)
    directions = projected[fastest]
    cells = np.empty((fastest.size, mesh.num_cells), dtype=np.int32)
    lagged = np.zeros(fastest.size, dtype=np.int32)
    origin = (0.0,) * mesh.dim
    order_cells(origin, mesh.face_normals, mesh.neighbours, directions, cells, lagged)
    return SweepOrder(
        cells=cells,
        directions=directions,
        rows=rows.astype(np.int32),
        backwards=(projected * directions[rows]).sum(axis=1) < 0.0,
        lagged=lagged[rows],
        records=cell_records(mesh) if mesh.records is None else mesh.records,
    )


def lines_of_flight(velocities: Array, num_pairs: int = 0) -> tuple[IntArray, IntArray]:
    """Return the line of each velocity, in either direction, and the fastest mode of each line.

    Args:
        velocities: Shape (num_modes, dim) [m/s].
        num_pairs: The first modes have the opposite velocities of the next ones.

    Returns:
        Number of its line for each mode, shape (num_modes,), in the order of the first mode on
        each; fastest mode of each line, shape (num_lines,). Modes at rest are one line.
    """
    num_modes, dim = velocities.shape
    speeds = np.linalg.norm(velocities, axis=1)
    units = velocities / np.where(speeds > 0.0, speeds, 1.0)[:, None]
    ends = np.concatenate([units, -units])
    # Close vectors share a box of at least one of dim + 1 shifted grids: a component that lies on
    # the edge of a box does so in one grid only.
    boxes = [
        np.unique(
            np.floor(ends / SAME_DIRECTION + shift / (dim + 1.0)), axis=0, return_inverse=True
        )[1].ravel()
        for shift in range(dim + 1)
    ]
    first = np.arange(num_pairs)
    starts = [np.arange(2 * num_modes)] * (dim + 1) + [first, num_modes + first]
    stops = [2 * num_modes * (1 + shift) + box for shift, box in enumerate(boxes)]
    stops += [num_modes + num_pairs + first, num_pairs + first]
    links = np.concatenate(starts), np.concatenate(stops)
    size = 2 * num_modes * (dim + 2)
    graph = coo_array((np.ones(links[0].size, dtype=np.int8), links), shape=(size, size))
    labels = connected_components(graph, directed=False)[1]
    both = np.minimum(labels[:num_modes], labels[num_modes : 2 * num_modes])
    _, earliest, lines = np.unique(both, return_index=True, return_inverse=True)
    number = np.empty(earliest.size, dtype=np.int64)
    number[np.argsort(earliest)] = np.arange(earliest.size)
    lines = number[lines.ravel()]
    by_speed = np.lexsort((np.arange(num_modes), -speeds, lines))
    fastest = by_speed[np.searchsorted(lines[by_speed], np.arange(earliest.size))]
    return lines, fastest


def sweep(
    mesh: SweepMesh,
    order: SweepOrder,
    velocities: Array,
    loss_rates: Array,
    inflow: Array,
    field: Array,
    modes: slice | IntArray = slice(None),
) -> None:
    """Replace the source of each mode by its temperature: theta = L^-1 Q.

    Args:
        mesh: The cells.
        order: Sweep orders of all modes.
        velocities: Velocities for which the orders were made, shape (num_modes, 3) [m/s].
        loss_rates: Gamma, shape (num_modes,) [1/s]; complex ones need a complex field.
        inflow: Inflow temperature deviation at the boundary dofs, one row for each row of `field`
            or one for all, shape (modes or 1, num_boundary_facets * dim) [K].
        field: On entry the source Q [K/s], on return theta [K], real or complex; shape
            (modes, num_dofs), changed in place.
        modes: Modes of the rows of `field`, in any order; all by default. Modes of one direction
            are faster in one call.

    Raises:
        RunError: A mode with a cyclic dependency did not converge.
        TypeError: Loss rates or inflow are complex, the field is not.
        ValueError: The orders belong to other velocities, or the inflow to other modes.
    """
    _check_fields(field, loss_rates, inflow)
    rows, backwards = order.rows[modes].astype(np.int64), order.backwards[modes]
    cyclic = order.lagged[modes] > 0
    directions = np.where(backwards[:, None], -1.0, 1.0) * order.directions[rows]
    factors = 1.0 / _relative_speeds(velocities[modes, : mesh.dim], directions)
    rates = (loss_rates[modes] * factors).astype(field.dtype)
    theta = np.ascontiguousarray(field)
    entering = np.ascontiguousarray(inflow, dtype=field.dtype)
    stalled = np.zeros(field.shape[0], dtype=np.bool_)

    records = order.records
    body = records, upstream_numbers(records, mesh.dim), order.cells

    def run(kernel: Callable[..., None], chosen: IntArray, rates: Array, *fields: Array) -> None:
        first = chosen.reshape(chosen.shape[0], -1)[:, 0]
        of_order = rows[first], backwards[first], cyclic[first], directions[first]
        tasks = (*of_order, rates, factors[chosen], chosen)
        kernel((0.0,) * mesh.dim, numba.get_num_threads(), body, tasks, *fields, stalled)

    together, alone = lane_groups(2 * rows + backwards)
    if together.size > 0:
        doubles = entering.view(np.float64), theta.view(np.float64)
        run(sweep_lanes, together, parts_in_lanes(rates[together]), *doubles)
    if alone.size > 0:
        run(sweep_modes, alone, rates[alone], entering, theta)
    if theta is not field:
        field[...] = theta
    if stalled.any():
        raise RunError(
            f"the drift of {np.count_nonzero(stalled)} modes did not settle in {MAX_ROUNDS} rounds "
            "through cells that depend on each other in a cycle; use a mesh of better quality"
        )


def lane_groups(directions: IntArray) -> tuple[IntArray, IntArray]:
    """Return groups of modes to sweep together, and modes to sweep singly.

    Args:
        directions: Number of the direction of each mode, shape (num_modes,).

    Returns:
        Groups of modes of one direction, shape (num_groups, 8), with the first of them again where
        there are fewer; the other modes, shape (num_others,).
    """
    sequence = np.argsort(directions, kind="stable")
    _, starts, counts = np.unique(directions[sequence], return_index=True, return_counts=True)
    place = np.arange(sequence.size) - np.repeat(starts, counts)  # in its direction
    left = np.repeat(counts, counts) - place + place % LANES  # from the start of its group on
    together = np.minimum(left, LANES) >= LEAST_IN_LANES
    chosen, lane = sequence[together], place[together] % LANES
    group = np.cumsum(lane == 0) - 1
    groups = np.repeat(chosen[lane == 0, None], LANES, axis=1)
    groups[group, lane] = chosen
    return groups, sequence[~together]


def parts_in_lanes(numbers: Array) -> Array:
    """Return the same memory with all real parts of a row before its imaginary ones."""
    if not np.iscomplexobj(numbers):
        return numbers
    parts = np.concatenate([numbers.real, numbers.imag], axis=1)
    return parts.view(np.complex128)


def _relative_speeds(velocities: Array, directions: Array) -> Array:
    """Return the speed of each mode relative to the velocity of its order [-]; 1 at rest."""
    lengths = (directions * directions).sum(axis=1)
    moving = lengths > 0.0
    along = (velocities * directions).sum(axis=1) / np.where(moving, lengths, 1.0)
    relative: Array = np.where(moving, along, 1.0)
    gaps = np.abs(velocities - relative[:, None] * directions).max(axis=1, initial=0.0)
    if not np.all((relative > 0.0) & (gaps <= 1e-9 * np.abs(velocities).max(axis=1, initial=0.0))):
        raise ValueError("the sweep orders belong to other velocities; plan the sweep again")
    return relative


def _check_fields(field: Array, loss_rates: Array, inflow: Array) -> None:
    if field.dtype not in (np.float64, np.complex128):
        raise TypeError(f"the field holds {field.dtype}; expected float64 or complex128")
    for name, values in (("loss rates are", loss_rates), ("inflow is", inflow)):
        if np.iscomplexobj(values) and not np.iscomplexobj(field):
            raise TypeError(f"the {name} complex, the field is not")
    if inflow.shape[0] not in (1, field.shape[0]):
        raise ValueError(f"{inflow.shape[0]} rows of inflow for {field.shape[0]} modes")


def with_records(mesh: SweepMesh) -> SweepMesh:
    """Return the mesh with its packed cell data, made once for many sweeps."""
    return replace(mesh, records=cell_records(mesh))


def cell_records(mesh: SweepMesh) -> Array:
    """Return the packed normals, mass and upstream dofs of each cell, (num_cells, width)."""
    num_cells, num_faces = mesh.neighbours.shape
    num_reals = mesh.dim * num_faces + 1
    records = np.zeros((num_cells, record_width(mesh.dim)))
    records[:, : num_reals - 1] = mesh.face_normals.reshape(num_cells, -1)
    records[:, num_reals - 1] = mesh.volumes * (mesh.dim / (mesh.dim + 2.0))
    integers = records.view(np.int32)[:, 2 * num_reals :]
    integers[:, : num_faces**2] = mesh.upstream_dofs.reshape(num_cells, -1)
    return records
