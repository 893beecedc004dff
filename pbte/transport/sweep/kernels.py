"""The compiled loops of the sweep: the solution of the cells one after the other, mode by mode.

See `pbte.transport.sweep.sweep` for the equations. Modes run in parallel over threads. The
temperatures of one mode live in a work array `theta` = [degrees of freedom | inflow values | one
zero], so that a cell reads all its faces alike: interior, boundary and, with weight zero,
downstream. Branches on the sign of v . n would be mispredicted half of the time and cost more than
the products. Modes of one direction share the order of the cells and the geometry, so eight of them
are swept at once: the same array with eight numbers, one in each SIMD lane, in place of one.

Every direction visits the cells in a different order, so the mesh is read at random, and reading
takes as much time as the arithmetic. Hence one record per cell, in whole cache lines, prefetched a
few cells ahead. Measured on 3400 tetrahedra, one 2.6 GHz AVX-512 core: 19 ns per cell and mode (52
without prefetching), 5 to 6 ns with eight modes at once.

The dimension is passed as the length of a tuple, `origin` or the velocity: Numba can then cache the
compiled functions on the disk, unlike functions that are defined inside others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from pbte.core.types import Array
from pbte.geometry.sweep_mesh import CompactIntArray
from pbte.transport.sweep.lanes import (
    Real,
    as_index,
    memory_of,
    scalar_of,
    total,
    transposed,
    tuple_of,
)

# A cyclic dependency is a loop of a few cells, each passing on a fraction of what it gets, so the
# repeated sweep converges geometrically; this many rounds end a loop that hardly loses anything.
MAX_ROUNDS = 500
# A mode has settled when a round changes it by no more than the first part of its largest value, or
# the second if some round before changed no more: rounding can make last bits alternate forever.
ROUND_OFF = 1e-15
ALTERNATION = 1e-13

# Modes of one direction that are swept at once. A number of each fills a cache line and the widest
# register. On 3400 tetrahedra 1.6, 1.1 and 1.2 ns per unknown for 4, 8 and 16, on 28000 tetrahedra,
# where the work arrays exceed the second-level cache, 2.5, 2.5 and 4.
LANES = 8

# Cells by which a record is prefetched: longer than the latency of the second-level cache,
# shorter than what the first-level cache holds (4 to 16 measured alike within 20 %).
AHEAD = 12
AHEAD_OF_LANES = 4  # each is eight times as large; 2 to 20 measured alike
CACHE_LINE = 8  # doubles


def record_width(dim: int) -> int:
    """Return the length of the record of a cell in doubles: reals, 32-bit integers, padding."""
    num_faces = dim + 1
    used = dim * num_faces + 1 + (num_faces**2 + 1) // 2
    return -(-used // CACHE_LINE) * CACHE_LINE


def upstream_numbers(records: Array, dim: int) -> CompactIntArray:
    """Return the places in `theta` of the inflow of a cell, (num_cells, (dim + 1)^2 or more).

    A view of the integer part of the records.
    """
    return records.view(np.int32)[:, 2 * (dim * (dim + 1) + 1) :]


_FLAGS = {"cache": True, "error_model": "numpy"}


@intrinsic  # type: ignore[misc, unused-ignore]
def _prefetch(context: Any, array: Any, index: Any) -> Any:
    """Prefetch the cache line that holds an entry of a one-dimensional array."""

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


@intrinsic  # type: ignore[misc, unused-ignore]
def vector_of(context: Any, array: Any, origin: Any) -> Any:
    """Return the components of a velocity as a tuple as long as `origin`."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        memory = memory_of(target, builder, signature.args[0], arguments[0])
        entries = [memory.entry(k) for k in range(origin.count)]
        return target.make_tuple(builder, signature.return_type, entries)

    return origin(array, origin), generate


@intrinsic  # type: ignore[misc, unused-ignore]
def flow_through(context: Any, velocity: Any, normals: Any, cell: Any, face: Any) -> Any:
    """Return v . n of a face, bitwise the same in the ordering and in the solution of the cells.

    Args: velocity as a tuple; array whose row `cell` holds the components of the normal at
    k * (dim + 1) + face; cell; face.
    """

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        speeds = tuple_of(builder, velocity, arguments[0])
        row = memory_of(target, builder, signature.args[1], arguments[1], row=arguments[2])
        places = [as_index(k * (velocity.count + 1)) for k in range(velocity.count)]
        normal = [row.real(builder.add(arguments[3], place)) for place in places]
        return _flow(speeds, normal).value

    return types.float64(velocity, normals, types.intp, types.intp), generate


def _flow(velocity: Sequence[Real], normal: Sequence[Real]) -> Real:
    # Products are fused explicitly: the compiler would fuse them in one place and not in another.
    flow: Real = velocity[0] * normal[0]
    for v, component in zip(velocity[1:], normal[1:], strict=True):
        flow = v.product_plus(component, flow)
    return flow


def _temperatures(
    mass: Real,
    flows: Sequence[Real],
    loss_rate: Any,
    source: Sequence[Any],
    inflow: Callable[[int, int], Any],
) -> list[Any]:
    """Return the temperatures at the vertices of a cell; see `pbte.transport.sweep.sweep`.

    Args:
        mass: |K| d / (d + 2).
        flows: a_f = v . (outward area normal) of each face.
        loss_rate: Gamma.
        source: Q at each vertex.
        inflow: Gives the temperature that flows in through face f at vertex i.
    """
    vertices, n = range(len(flows)), float(len(flows))
    inward = [a.negative_part() for a in flows]
    outward = [a + w for a, w in zip(flows, inward, strict=True)]
    b = [mass * (total(source) + q) for q in source]
    for face, weight in enumerate(inward):
        entering = {vertex: inflow(face, vertex) for vertex in vertices if vertex != face}
        together = total(list(entering.values()))
        for vertex, t in entering.items():
            b[vertex] = b[vertex] + weight * (together + t)
    g, p = mass * loss_rate, total(outward)
    d = p + g
    sum_b = total(b)
    sum_pb = total([p_i * b_i for p_i, b_i in zip(outward, b, strict=True)])
    lifted = p * n + g * (n + 1.0)
    det = g * (lifted + p * n) + p * p * n
    scale = (det * d).inverse()  # one division instead of several
    sigma = (g * sum_b + sum_pb * n) * scale
    tau = (p * d * sum_b - lifted * sum_pb) * scale
    over_d = det * scale
    return [b_i * over_d - (d - w_i) * sigma - tau for b_i, w_i in zip(b, inward, strict=True)]


@intrinsic  # type: ignore[misc, unused-ignore]
def _solve_cell(
    context: Any,
    records: Any,
    upstream: Any,
    cell: Any,
    velocity: Any,
    loss_rate: Any,
    source: Any,
    theta: Any,
) -> Any:
    """Write the temperatures of one cell: of one mode, or of eight if there is an array of Gamma.

    Of eight modes `source` and `theta` hold eight numbers where there is one otherwise; complex
    ones as eight real parts and eight imaginary parts.
    """
    dim = velocity.count
    lanes = LANES if isinstance(loss_rate, types.Array) else 1

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds, at, n = signature.args, arguments[2], dim + 1
        record = memory_of(target, builder, kinds[0], arguments[0], row=at)
        places = memory_of(target, builder, kinds[1], arguments[1], row=at)
        given = memory_of(target, builder, kinds[5], arguments[5], lanes=lanes)
        found = memory_of(target, builder, kinds[6], arguments[6], lanes=lanes)
        if lanes == 1:
            gamma = scalar_of(target, builder, kinds[4], arguments[4])
        else:
            gamma = memory_of(target, builder, kinds[4], arguments[4], lanes=lanes).number(0)

        def inflow(face: int, vertex: int) -> Any:
            return found.number(places.integer(n * face + vertex))

        speeds = tuple_of(builder, velocity, arguments[3])
        normals = [[record.real(k * n + face) for k in range(dim)] for face in range(n)]
        flows = [_flow(speeds, normal).spread(lanes) for normal in normals]
        mass = record.real(dim * n).spread(lanes)
        first = builder.mul(at, as_index(n))
        dofs = [builder.add(first, as_index(i)) for i in range(n)]
        sources = [given.number(dof) for dof in dofs]
        results = _temperatures(mass, flows, gamma, sources, inflow)
        for dof, result in zip(dofs, results, strict=True):
            found.store(dof, result)
        return target.get_dummy_value()

    rate = types.unliteral(loss_rate)
    signature = types.void(records, upstream, types.intp, velocity, rate, source, theta)
    return signature, generate


@intrinsic  # type: ignore[misc, unused-ignore]
def _into_lanes(context: Any, field: Any, modes: Any, start: Any, theta: Any, factors: Any) -> Any:
    """Write the entries from `start` on, one for each lane, of eight rows to their lanes.

    Both arrays hold doubles; those of a row are multiplied by its factor.
    """

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kinds = signature.args
        work = memory_of(target, builder, kinds[3], arguments[3], lanes=LANES)
        scale = memory_of(target, builder, kinds[4], arguments[4], lanes=LANES).number(0)
        places = _squares(target, builder, signature, arguments)
        values = [builder.load(place, align=8) for place in places]
        for k, value in enumerate(transposed(builder, values)):
            work.store(builder.add(arguments[2], as_index(k)), Real(builder, value) * scale)
        return target.get_dummy_value()

    return types.void(field, modes, types.intp, theta, factors), generate


@intrinsic  # type: ignore[misc, unused-ignore]
def _out_of_lanes(context: Any, field: Any, modes: Any, start: Any, theta: Any) -> Any:
    """Write the entries from `start` on, one for each lane, from their lanes to eight rows."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        work = memory_of(target, builder, signature.args[3], arguments[3], lanes=LANES)
        numbers = [builder.add(arguments[2], as_index(k)) for k in range(LANES)]
        values = transposed(builder, [work.number(number).value for number in numbers])
        places = _squares(target, builder, signature, arguments)
        for place, value in zip(places, values, strict=True):
            builder.store(value, place, align=8)
        return target.get_dummy_value()

    return types.void(field, modes, types.intp, theta), generate


def _squares(target: Any, builder: Any, signature: Any, arguments: Any) -> list[Any]:
    """Return where the entries from a start on are in each of eight rows of a field."""
    modes = memory_of(target, builder, signature.args[1], arguments[1])
    kind, field = signature.args[0], arguments[0]
    rows = [
        memory_of(target, builder, kind, field, row=modes.entry(lane), lanes=LANES)
        for lane in range(LANES)
    ]
    return [row.consecutive(arguments[2]) for row in rows]


@numba.njit(**_FLAGS)
def visit_cells(records, upstream, velocity, loss_rate, row, source, theta, lanes):
    """Solve the cells of `row` one after the other.

    Args: records of the cells; their integers; velocity as a tuple; Gamma; cells; source; work
    array; 1, or the number of modes at once, with arrays of so many numbers where there was one.
    """
    lines, last, width = records.reshape(-1), row.shape[0] - 1, records.shape[1]
    size, ahead = (len(velocity) + 1) * lanes, AHEAD if lanes == 1 else AHEAD_OF_LANES
    line_size = 8 * CACHE_LINE // theta.itemsize
    for step in range(last + 1):
        coming = np.intp(row[min(step + ahead, last)])
        for line in range(0, width, CACHE_LINE):
            _prefetch(lines, coming * width + line)
        for line in range(0, size, line_size):
            _prefetch(source, coming * size + line)
            _prefetch(theta, coming * size + line)
        cell = np.intp(row[step])
        _solve_cell(records, upstream, cell, velocity, loss_rate, source, theta)


@numba.njit(**_FLAGS)
def _settle(records, upstream, velocity, loss_rate, row, source, theta, lanes):
    """Visit the cells until nothing changes in any lane; return whether that was reached."""
    settled = theta[: source.shape[0]]
    least = np.full(lanes, np.inf)
    for _ in range(MAX_ROUNDS):
        before = settled.copy()
        visit_cells(records, upstream, velocity, loss_rate, row, source, theta, lanes)
        old, new = before.view(np.float64), settled.view(np.float64)
        moving = False
        for lane in range(lanes):
            change = np.abs(new[lane::lanes] - old[lane::lanes]).max()
            limit = ALTERNATION if change >= least[lane] else ROUND_OFF
            moving |= change > limit * np.abs(old[lane::lanes]).max()
            least[lane] = min(least[lane], change)
        if not moving:
            return True
    return False


@intrinsic  # type: ignore[misc, unused-ignore]
def _address(context: Any, array: Any) -> Any:
    """Return where the memory of an array begins; `array.ctypes` would keep Numba from caching."""

    def generate(target: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values = target.make_array(signature.args[0])(target, builder, arguments[0])
        return builder.ptrtoint(values.data, ir.IntType(64))

    return types.intp(array), generate


@numba.njit(**_FLAGS)
def _aligned(size, like):
    """Return an array that begins with a cache line, so that no cell straddles one too many."""
    line = 8 * CACHE_LINE
    memory = np.empty(size + line // like.itemsize, like.dtype)
    start = (-_address(memory) % line) // like.itemsize
    return memory[start : start + size]


@numba.njit(**_FLAGS)
def _fill_lanes(rows, members, factors, theta):
    """Write eight rows of doubles to the lanes of a work array, each times its factor."""
    size = rows.shape[1]
    for start in range(0, size - LANES + 1, LANES):
        _into_lanes(rows, members, start, theta, factors)
    for lane in range(LANES):
        for k in range(size - size % LANES, size):
            theta[k * LANES + lane] = rows[members[lane], k] * factors[lane]


@numba.njit(**_FLAGS)
def _empty_lanes(rows, members, theta):
    """Write the lanes of a work array to eight rows of doubles."""
    size = rows.shape[1]
    for start in range(0, size - LANES + 1, LANES):
        _out_of_lanes(rows, members, start, theta)
    for lane in range(LANES):
        for k in range(size - size % LANES, size):
            rows[members[lane], k] = theta[k * LANES + lane]


@numba.njit(parallel=True, **_FLAGS)
def sweep_modes(origin, num_threads, body, tasks, inflow, field, stalled):
    """Sweep modes one by one.

    Args: (0,) * dim; threads; records of the cells, their integers, sweep orders; arrays with
    an entry for each mode: row of its order, whether it is read backwards and has cycles, velocity,
    Gamma, factor of the source, row of inflow (unless there is one for all), field and `stalled`,
    which is set where a cycle did not settle.
    """
    records, upstream, cells = body
    rows, backwards, cyclic, velocities, loss_rates, factors, modes = tasks
    num_dofs = field.shape[1]
    for thread in numba.prange(num_threads):
        # Work arrays of the thread: a fresh one for each mode would be cleared by the system.
        source = _aligned(num_dofs, field)
        theta = _aligned(num_dofs + inflow.shape[1] + 1, field)
        for k in range(thread, modes.shape[0], num_threads):
            mode = modes[k]
            source[:] = field[mode] * factors[k]
            theta[:num_dofs] = 0.0
            theta[num_dofs:-1] = inflow[mode if inflow.shape[0] > 1 else 0]
            theta[-1] = 0.0
            row = cells[rows[k]]
            row = row[::-1] if backwards[k] else row[::1]
            velocity, rate = vector_of(velocities[k], origin), loss_rates[k]
            visit_cells(records, upstream, velocity, rate, row, source, theta, 1)
            if cyclic[k]:
                good = _settle(records, upstream, velocity, rate, row, source, theta, 1)
                stalled[mode] = not good
            field[mode] = theta[:num_dofs]


@numba.njit(parallel=True, **_FLAGS)
def sweep_lanes(origin, num_threads, body, tasks, inflow, field, stalled):
    """Sweep modes of one direction eight at once.

    Args: as above, but eight values of Gamma, factor and row for each task, Gamma real or complex
    [part, lane]; inflow and field as doubles even if they are complex.
    """
    records, upstream, cells = body
    rows, backwards, cyclic, velocities, loss_rates, factors, modes = tasks
    parts, size, num_boundary_dofs = loss_rates.itemsize // 8, field.shape[1], inflow.shape[1]
    own_inflow, unchanged = 1 if inflow.shape[0] > 1 else 0, np.ones(LANES)
    for thread in numba.prange(num_threads):
        theta = _aligned((size + num_boundary_dofs + parts) // parts * LANES, loss_rates)
        reals = theta.view(np.float64)
        for k in range(thread, modes.shape[0], num_threads):
            members = modes[k]
            _fill_lanes(field, members, factors[k], reals)
            _fill_lanes(inflow, members * own_inflow, unchanged, reals[size * LANES :])
            reals[(size + num_boundary_dofs) * LANES :] = 0.0
            row = cells[rows[k]]
            row = row[::-1] if backwards[k] else row[::1]
            velocity, rate = vector_of(velocities[k], origin), loss_rates[k]
            if cyclic[k]:
                source = theta[: size // parts * LANES].copy()
                theta[: source.shape[0]] = 0.0
                visit_cells(records, upstream, velocity, rate, row, source, theta, LANES)
                good = _settle(records, upstream, velocity, rate, row, source, theta, LANES)
                for lane in range(LANES):
                    stalled[members[lane]] = not good
            else:  # Each source is read right before the temperature is written in its place.
                visit_cells(records, upstream, velocity, rate, row, theta, theta, LANES)
            _empty_lanes(field, members, reals)
