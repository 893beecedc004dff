"""The compiled loops of the sweep: the order of the cells, and the cell by cell solution.

See `pbte.transport.sweep` for the equations. Modes run in parallel over threads. The temperatures
of one mode live in a work array `theta` = [degrees of freedom | inflow values | one zero], so that
a cell reads all its faces alike: interior, boundary and, with weight zero, downstream. Branches on
the sign of v . n would be mispredicted half of the time and cost more than the products.

Every mode visits the cells in another order, so the mesh is read at random and the time is that of
the cache, not of the arithmetic. Hence one record a cell, in whole cache lines, asked for a few
cells ahead: measured on 3300 tetrahedra, 22 ns per cell and mode instead of 52 without.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from pbte.transport.simplices import CompactIntArray
from pbte.types import Array

# A cyclic dependency is a loop of a few cells, each passing on a fraction of what it gets, so the
# repeated sweep converges geometrically; this many rounds end a loop that hardly loses anything.
MAX_ROUNDS = 500
ROUND_OFF = 1e-15

# How many cells ahead a record is asked for: longer than the latency of the second-level cache,
# shorter than what the first-level cache holds (4 to 16 measured alike within 20 %).
AHEAD = 12
CACHE_LINE = 8  # doubles


def record_width(dim: int) -> int:
    """Return the length of the record of a cell in doubles: reals, 32-bit integers, padding."""
    num_faces = dim + 1
    used = dim * num_faces + 1 + (num_faces**2 + 1) // 2
    return -(-used // CACHE_LINE) * CACHE_LINE


_FLAGS = {"cache": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}


@intrinsic  # type: ignore[misc, unused-ignore]
def _prefetch(context: Any, array: Any, index: Any) -> Any:
    """Ask for the cache line that holds an entry of a one-dimensional array."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values = target.make_array(signature.args[0])(target, builder, arguments[0])
        place = builder.gep(values.data, [arguments[1]])
        pointer, integer = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, integer, integer, integer])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        to_read, keep_near, data = integer(0), integer(3), integer(1)
        builder.call(function, [builder.bitcast(place, pointer), to_read, keep_near, data])
        return target.get_dummy_value()

    return types.void(array, types.intp), generate


@cache
def order_kernel(dim: int) -> Callable[..., None]:
    """Compile the ordering of the cells: Kahn's algorithm along the velocity of each mode."""
    num_faces = dim + 1

    @numba.njit(**_FLAGS)
    def speed(velocity, normals, cell, face):
        total = 0.0
        for k in range(dim):
            total += velocity[k] * normals[cell, k, face]
        return total

    @numba.njit(parallel=True, **_FLAGS)
    def order_cells(normals, neighbours, velocities, cells, lagged):
        num_cells = neighbours.shape[0]
        for mode in numba.prange(velocities.shape[0]):
            velocity, row = velocities[mode], cells[mode]
            waiting = np.zeros(num_cells, dtype=np.int8)
            met = np.zeros(num_cells, dtype=np.int32)
            for cell in range(num_cells):
                for face in range(num_faces):
                    inner = neighbours[cell, face] >= 0
                    if inner and speed(velocity, normals, cell, face) < 0.0:
                        waiting[cell] += 1
            head, tail, scan = 0, 0, 0
            for cell in range(num_cells):
                if waiting[cell] == 0:
                    row[tail] = cell
                    tail += 1
            while head < num_cells:
                if head == tail:
                    # Every cell left waits for another one. Walk upstream until a cell is met
                    # twice: it lies on a cycle, and the cells downstream of it go on waiting.
                    while waiting[scan] <= 0:
                        scan += 1
                    lagged[mode] += 1
                    early = scan
                    while met[early] < lagged[mode]:
                        met[early] = lagged[mode]
                        for face in range(num_faces):
                            other = neighbours[early, face]
                            waits = other >= 0 and waiting[other] > 0
                            if waits and speed(velocity, normals, early, face) < 0.0:
                                early = other
                                break
                    waiting[early] = 0
                    row[tail] = early
                    tail += 1
                cell = row[head]
                head += 1
                for face in range(num_faces):
                    other = neighbours[cell, face]
                    waits = other >= 0 and waiting[other] > 0
                    if waits and speed(velocity, normals, cell, face) > 0.0:
                        waiting[other] -= 1
                        if waiting[other] == 0:
                            row[tail] = other
                            tail += 1

    kernel: Callable[..., None] = order_cells
    return kernel


@cache
def visit_kernel(dim: int) -> Callable[..., None]:
    """Compile the visit of some cells by one mode, in the order of `row`.

    visit(records, upstream, velocity, loss_rate, row, source, theta) reads `source` (num_dofs,) and
    the work array `theta`, which holds what the cells upstream have left there, and writes to the
    degrees of freedom of the cells it visits; `upstream` is `upstream_numbers` of the records.
    """
    return _tetrahedra() if dim == 3 else _simplices(dim)


def upstream_numbers(records: Array, dim: int) -> CompactIntArray:
    """Return where in `theta` a cell finds what flows in, shape (num_cells, (dim + 1)^2 or more).

    A view of the integer part of the records.
    """
    return records.view(np.int32)[:, 2 * (dim * (dim + 1) + 1) :]


@cache
def sweep_kernel(dim: int) -> Callable[..., None]:
    """Compile the sweep of many modes for one dimension."""
    visit = visit_kernel(dim)
    num_faces = dim + 1

    @numba.njit(parallel=True, **_FLAGS)
    def sweep_modes(
        records, velocities, loss_rates, cells, rows, backwards, lagged, stalled, inflow, field
    ):
        num_dofs = field.shape[1]
        upstream = records.view(np.int32)[:, 2 * (dim * num_faces + 1) :]
        own_inflow = 1 if inflow.shape[0] > 1 else 0
        for mode in numba.prange(velocities.shape[0]):
            # A copy, because NumPy may place the field half a cache line off: that would make the
            # sources of every other cell straddle two lines (a third slower beyond the cache).
            source, row = field[mode].copy(), cells[rows[mode]]
            row = row[::-1] if backwards[mode] else row[::1]
            theta = np.zeros(num_dofs + inflow.shape[1] + 1)
            theta[num_dofs:-1] = inflow[np.int64(mode) * own_inflow]
            velocity, loss_rate = velocities[mode], loss_rates[mode]
            visit(records, upstream, velocity, loss_rate, row, source, theta)
            if lagged[mode] > 0:
                stalled[mode] = 1
                for _ in range(MAX_ROUNDS):
                    before = theta[:num_dofs].copy()
                    visit(records, upstream, velocity, loss_rate, row, source, theta)
                    change = np.abs(theta[:num_dofs] - before).max()
                    if change <= ROUND_OFF * np.abs(before).max():
                        stalled[mode] = 0
                        break
            field[mode] = theta[:num_dofs]

    kernel: Callable[..., None] = sweep_modes
    return kernel


def _simplices(dim: int) -> Callable[..., None]:
    """Return the visit of all cells in loops over faces and vertices, for any dimension."""
    n = dim + 1

    @numba.njit(**_FLAGS)
    def visit(records, upstream, velocity, loss_rate, row, source, theta):
        b, inward, outward = np.empty(n), np.empty(n), np.empty(n)
        for cell in row:
            first, mass = n * cell, records[cell, dim * n]
            total = 0.0
            for i in range(n):
                total += source[first + i]
            for i in range(n):
                b[i] = mass * (total + source[first + i])
            for face in range(n):
                a = 0.0
                for k in range(dim):
                    a += velocity[k] * records[cell, k * n + face]
                inward[face], outward[face] = max(-a, 0.0), max(a, 0.0)
                total = 0.0
                for i in range(n):
                    total += theta[upstream[cell, n * face + i]]
                for i in range(n):
                    if i != face:
                        b[i] += inward[face] * (total + theta[upstream[cell, n * face + i]])
            g, p = loss_rate * mass, 0.0
            sum_b, sum_pb = 0.0, 0.0
            for i in range(n):
                p += outward[i]
                sum_b += b[i]
                sum_pb += outward[i] * b[i]
            d = p + g
            lifted = n * p + (n + 1.0) * g
            det = g * (lifted + n * p) + n * p * p
            sigma = (g * sum_b + n * sum_pb) / det
            tau = (p * d * sum_b - lifted * sum_pb) / det
            for i in range(n):
                theta[first + i] = (b[i] - (d - inward[i]) * sigma - tau) / d

    kernel: Callable[..., None] = visit
    return kernel


def _tetrahedra() -> Callable[..., None]:
    """Return the same visit written out for tetrahedra, so that all of it stays in registers.

    With the records asked for ahead about 22 ns per cell and mode, a quarter of the loops' time.
    """
    width = record_width(3)

    @numba.njit(**_FLAGS)
    def visit(records, upstream, velocity, loss_rate, row, source, theta):
        lines = records.reshape(-1)
        last = row.shape[0] - 1
        v0, v1, v2 = velocity[0], velocity[1], velocity[2]
        for step in range(last + 1):
            ahead = np.intp(row[min(step + AHEAD, last)])
            for line in range(0, width, CACHE_LINE):
                _prefetch(lines, ahead * width + line)
            _prefetch(source, ahead * 4)
            _prefetch(theta, ahead * 4)
            cell = np.intp(row[step])
            n, u, first = records[cell], upstream[cell], 4 * cell
            mass = n[12]
            a0 = v0 * n[0] + v1 * n[4] + v2 * n[8]
            a1 = v0 * n[1] + v1 * n[5] + v2 * n[9]
            a2 = v0 * n[2] + v1 * n[6] + v2 * n[10]
            a3 = v0 * n[3] + v1 * n[7] + v2 * n[11]
            w0, w1, w2, w3 = max(-a0, 0.0), max(-a1, 0.0), max(-a2, 0.0), max(-a3, 0.0)
            p0, p1, p2, p3 = a0 + w0, a1 + w1, a2 + w2, a3 + w3
            # t_fi: temperature that flows in through face f at vertex i
            t01, t02, t03 = theta[u[1]], theta[u[2]], theta[u[3]]
            t10, t12, t13 = theta[u[4]], theta[u[6]], theta[u[7]]
            t20, t21, t23 = theta[u[8]], theta[u[9]], theta[u[11]]
            t30, t31, t32 = theta[u[12]], theta[u[13]], theta[u[14]]
            s0, s1, s2, s3 = t01 + t02 + t03, t10 + t12 + t13, t20 + t21 + t23, t30 + t31 + t32
            q0, q1 = source[first], source[first + 1]
            q2, q3 = source[first + 2], source[first + 3]
            q = q0 + q1 + q2 + q3
            b0 = mass * (q + q0) + w1 * (s1 + t10) + w2 * (s2 + t20) + w3 * (s3 + t30)
            b1 = mass * (q + q1) + w0 * (s0 + t01) + w2 * (s2 + t21) + w3 * (s3 + t31)
            b2 = mass * (q + q2) + w0 * (s0 + t02) + w1 * (s1 + t12) + w3 * (s3 + t32)
            b3 = mass * (q + q3) + w0 * (s0 + t03) + w1 * (s1 + t13) + w2 * (s2 + t23)
            g = loss_rate * mass
            p = p0 + p1 + p2 + p3
            d = p + g
            sum_b = b0 + b1 + b2 + b3
            sum_pb = p0 * b0 + p1 * b1 + p2 * b2 + p3 * b3
            lifted = 4.0 * p + 5.0 * g
            det = g * (lifted + 4.0 * p) + 4.0 * p * p
            scale = 1.0 / (det * d)  # one division instead of six
            sigma = (g * sum_b + 4.0 * sum_pb) * scale
            tau = (p * d * sum_b - lifted * sum_pb) * scale
            over_d = det * scale
            theta[first] = b0 * over_d - (d - w0) * sigma - tau
            theta[first + 1] = b1 * over_d - (d - w1) * sigma - tau
            theta[first + 2] = b2 * over_d - (d - w2) * sigma - tau
            theta[first + 3] = b3 * over_d - (d - w3) * sigma - tau

    kernel: Callable[..., None] = visit
    return kernel
