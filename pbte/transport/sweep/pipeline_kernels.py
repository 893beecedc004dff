"""The compiled loops of the pipelined sweep: stages of the cells, lists of messages, tasks.

See `pbte.transport.sweep.pipeline` for the terms. Modes run in parallel over threads; MPI is called
between these loops only, by one thread.
"""

from __future__ import annotations

import numba
import numpy as np

from pbte.transport.sweep.kernels import _prefetch, flow_through, vector_of, visit_cells

CHUNK = 32
_FLAGS = {"cache": True, "error_model": "numpy"}


@numba.njit(parallel=True, **_FLAGS)
def count_upstream(  # type: ignore[no-untyped-def]
    origin, normals, neighbours, first_cut, velocities, waiting, cells, tails
):
    """Count the upstream neighbours of each cell; those with none start stage 0.

    Args: (0,) * dim; normals (num_cells, dim, dim + 1); neighbours (num_cells, dim + 1); number of
    the first boundary facet that leads to another rank, as do all after it; velocities (rows, dim).
    """
    for row in numba.prange(velocities.shape[0]):
        velocity, tail = vector_of(velocities[row], origin), 0
        for cell in range(neighbours.shape[0]):
            for face in range(neighbours.shape[1]):
                other = neighbours[cell, face]
                joined = other >= 0 or -1 - other >= first_cut
                if joined and flow_through(velocity, normals, cell, face) < 0.0:
                    waiting[row, cell] += 1
            if waiting[row, cell] == 0:
                cells[row, tail] = cell
                tail += 1
        tails[row] = tail


@numba.njit(parallel=True, **_FLAGS)
def order_stage(  # type: ignore[no-untyped-def]
    origin, normals, neighbours, first_cut, velocities, waiting, cells, heads, tails, cut, met, left
):
    """Order all cells that depend on no unfinished cell of another rank, by Kahn's algorithm.

    Args: as above; begin and end of the cells in `cells` whose downstream neighbours have not been
    processed, (rows,); cell at each facet to another rank; whether that facet was finished by the
    other rank in the stage before, and (set here) by this one in this stage, (rows,
    num_cut_facets).
    """
    for row in numba.prange(velocities.shape[0]):
        head, tail, velocity = heads[row], tails[row], vector_of(velocities[row], origin)
        left[row] = 0
        for k in range(cut.shape[0]):
            cell = cut[k]
            if met[row, k] and waiting[row, cell] > 0:
                waiting[row, cell] -= 1
                if waiting[row, cell] == 0:
                    cells[row, tail] = cell
                    tail += 1
        while head < tail:
            cell = cells[row, head]
            head += 1
            for face in range(neighbours.shape[1]):
                other = neighbours[cell, face]
                facet = -1 - other
                if other >= 0 and waiting[row, other] == 0:
                    continue  # ordered before, or one of a cycle that had to go first
                if 0 <= facet < first_cut or flow_through(velocity, normals, cell, face) <= 0.0:
                    continue
                if other < 0:
                    left[row, facet - first_cut] = 1
                    continue
                waiting[row, other] -= 1
                if waiting[row, other] == 0:
                    cells[row, tail] = other
                    tail += 1
        heads[row], tails[row] = head, tail


@numba.njit(**_FLAGS)
def release_cell(origin, normals, neighbours, velocity, waiting):  # type: ignore[no-untyped-def]
    """Return a cell to order before its upstream neighbours, to break a cycle of dependencies.

    Walks upstream from some unordered cell until a cell is met twice, which lies on a cycle of
    local cells, or until only other ranks are upstream.
    """
    direction = vector_of(velocity, origin)
    met = np.zeros(waiting.shape[0], dtype=np.uint8)
    early = 0
    while waiting[early] == 0:
        early += 1
    while not met[early]:
        met[early] = 1
        for face in range(neighbours.shape[1]):
            other = neighbours[early, face]
            waits = other >= 0 and waiting[other] > 0
            if waits and flow_through(direction, normals, early, face) < 0.0:
                early = other
                break
    waiting[early] = 0
    return early


@numba.njit(parallel=True, **_FLAGS)
def delay_cells(origin, normals, neighbours, first_cut, velocities, last, cells, starts):  # type: ignore[no-untyped-def]
    """Move cells that no other rank depends on to the last stage, unless they are of the first.

    Args: as for `count_upstream`; last stage on any rank, (rows,); order by stages and where they
    start, changed in place.
    """
    num_cells, num_stages = cells.shape[1], starts.shape[1] - 1
    for row in numba.prange(cells.shape[0]):
        velocity = vector_of(velocities[row], origin)
        stage_of = np.zeros(num_cells, dtype=np.int32)
        for stage in range(num_stages):
            for step in range(starts[row, stage], starts[row, stage + 1]):
                stage_of[cells[row, step]] = stage
        awaited = np.zeros(num_cells, dtype=np.bool_)
        for step in range(num_cells - 1, -1, -1):
            cell = cells[row, step]
            for face in range(neighbours.shape[1]):
                other = neighbours[cell, face]
                leads = -1 - other >= first_cut if other < 0 else awaited[other]
                if leads and flow_through(velocity, normals, cell, face) > 0.0:
                    awaited[cell] = True
            if not awaited[cell] and stage_of[cell] > 0:
                stage_of[cell] = last[row]
        before, place = cells[row].copy(), np.zeros(num_stages + 1, dtype=np.int64)
        for cell in range(num_cells):
            place[stage_of[cell] + 1] += 1
        for stage in range(num_stages):
            place[stage + 1] += place[stage]
            starts[row, stage + 1] = place[stage + 1]
        for step in range(num_cells):
            cell = before[step]
            cells[row, place[stage_of[cell]]] = cell
            place[stage_of[cell]] += 1


@numba.njit(parallel=True, **_FLAGS)
def stages_of_cells(cells, starts, chosen, stages):  # type: ignore[no-untyped-def]
    """Write the stage of some cells, shape (rows, chosen), from the order by stages."""
    for row in numba.prange(cells.shape[0]):
        stage_of = np.empty(cells.shape[1], dtype=np.int32)
        for stage in range(starts.shape[1] - 1):
            for step in range(starts[row, stage], starts[row, stage + 1]):
                stage_of[cells[row, step]] = stage
        for k in range(chosen.shape[0]):
            stages[row, k] = stage_of[chosen[k]]


@numba.njit(parallel=True, **_FLAGS)
def list_messages(flow, own, other, last, neighbour, faces, out_starts, in_starts):  # type: ignore[no-untyped-def]
    """Sort the facets to other ranks of each flight by (sender's stage, neighbour, facet).

    Flights 2 * row and 2 * row + 1 go along the order of a row and against it. A message of stage
    s to or from neighbour n holds the facets from starts[s * N + n] to the next start, N
    neighbours; first come those that the flight leaves through, then those it enters through.

    Args: flow (rows, num_cut_facets), 1 out and -1 in; stage of the cells at these facets on this
    rank and on the other; last stage, (rows,); neighbour at each facet; results.
    """
    num_cut = neighbour.shape[0]
    num_neighbours = neighbour[-1] + 1 if num_cut > 0 else 0
    for flight in numba.prange(faces.shape[0]):
        row, against = flight // 2, flight % 2
        filled = 0
        for side in range(2):
            starts = out_starts[flight] if side == 0 else in_starts[flight]
            stages = own[row] if side == 0 else other[row]
            wanted = 1 if side == against else -1  # inflow along the order is outflow against it
            starts[:] = 0
            for k in range(num_cut):
                if flow[row, k] == wanted:
                    stage = last[row] - stages[k] if against else stages[k]
                    starts[stage * num_neighbours + neighbour[k] + 1] += 1
            starts[0] = filled
            for q in range(1, starts.shape[0]):
                starts[q] += starts[q - 1]
            place = starts.copy()
            for k in range(num_cut):
                if flow[row, k] == wanted:
                    stage = last[row] - stages[k] if against else stages[k]
                    q = stage * num_neighbours + neighbour[k]
                    faces[flight, place[q]] = k
                    place[q] += 1
            filled = starts[-1]


@numba.njit(**_FLAGS)
def fill_array(field, rows, factors, inflow, num_given, work):  # type: ignore[no-untyped-def]
    """Copy sources and inflow of some modes, one in each lane, to their work array.

    It holds the numbers of its modes interleaved: those of the degrees of freedom, the inflow and
    zeros. Inflow from other ranks starts as zero: it must be finite, because a cell reads even its
    downstream faces, with weight zero.
    """
    num_dofs, lanes = field.shape[1], rows.shape[0]
    if lanes == 1:
        source, factor = field[rows[0]], factors[0]
        for j in range(num_dofs):
            work[j] = source[j] * factor
    else:
        for j in range(num_dofs):
            for lane in range(lanes):
                work[j * lanes + lane] = field[rows[lane], j] * factors[lane]
    for lane in range(lanes):
        entering = inflow[rows[lane] if inflow.shape[0] > 1 else 0]
        for j in range(num_given):
            work[(num_dofs + j) * lanes + lane] = entering[j]
    work[(num_dofs + num_given) * lanes :] = 0.0


@numba.njit(**_FLAGS)
def store_array(field, rows, work):  # type: ignore[no-untyped-def]
    """Copy the temperatures of some modes from their work array to the field."""
    num_dofs, lanes = field.shape[1], rows.shape[0]
    if lanes == 1:
        field[rows[0]] = work[:num_dofs]
    else:
        for j in range(num_dofs):
            for lane in range(lanes):
                field[rows[lane], j] = work[j * lanes + lane]


@numba.njit(**_FLAGS)
def _ask_for(visits, upstream, num_faces, lanes, values):  # type: ignore[no-untyped-def]
    """Prefetch the cache lines of the cells across the faces of some cells."""
    for cell in visits:
        for face in range(num_faces):
            vertex = 1 if face == 0 else 0
            first = np.intp(upstream[cell, face * num_faces + vertex]) * lanes
            for lane in range(0, 4 * lanes, 8):
                _prefetch(values, first + lane)


@numba.njit(parallel=True, **_FLAGS)
def run_task(origin, stage, whole, body, halo, tasks, fields, source, theta, buffers):  # type: ignore[no-untyped-def]
    """Visit the cells of one stage for the modes of one block.

    The messages of the previous stage are copied to the inflow, the cells are solved, and the
    outflow to other ranks is copied to the send buffer.

    Args: (0,) * dim; stage; whether the modes come from the field with the first stage and go back
    with the last; records of the cells, their integers, orders, starts of the stages, last stages;
    number of neighbours, dofs and boundary dofs of the facets to other ranks, lists of
    facets, their starts in what is sent and received; for each work array its flight, velocity,
    Gamma, rows of the field, factors of their sources, and where its facets begin in the buffers;
    field, inflow and how many boundary dofs are read; sources; work arrays; buffers
    (facets, dim * lanes) of what is sent and received.
    """
    records, upstream, cells, starts, last = body
    num_neighbours, dofs, boundary_dofs, faces, out_starts, in_starts = halo
    flights, velocities, loss_rates, members, factors, out_offsets, in_offsets = tasks
    field, inflow, num_given = fields
    sent, arrived = buffers
    num_dofs, lanes = field.shape[1], members.shape[1]
    for m in numba.prange(flights.shape[0]):
        values, flight = theta[m], flights[m]
        row, facets = flight // 2, faces[flight]
        # Right before the first and right after the last visit the array is in the cache.
        if whole and stage == 0:
            fill_array(field, members[m], factors[m], inflow, num_given, values)
        for q in range(max(stage - 1, 0) * num_neighbours, stage * num_neighbours):
            place = in_offsets[m, q]
            for j in range(in_starts[flight, q], in_starts[flight, q + 1]):
                for i in range(boundary_dofs.shape[1]):
                    first = (num_dofs + boundary_dofs[facets[j], i]) * lanes
                    for lane in range(lanes):
                        values[first + lane] = arrived[place, i * lanes + lane]
                place += 1
        if stage > last[row]:
            continue
        part = last[row] - stage if flight % 2 else stage
        first, end = starts[row, part], starts[row, part + 1]
        if first < end:
            visits = cells[row][first:end]
            visits = visits[::-1] if flight % 2 else visits[::1]
            velocity, rate = vector_of(velocities[m], origin), loss_rates[m]
            step = end - first if stage == 0 else CHUNK
            for k in range(0, end - first, step):
                chunk = visits[k : k + step]
                if stage > 0:
                    _ask_for(chunk, upstream, velocities.shape[1] + 1, lanes, values)
                visit_cells(records, upstream, velocity, rate, chunk, source[m], values, lanes)
        for q in range(stage * num_neighbours, (stage + 1) * num_neighbours):
            place = out_offsets[m, q]
            for j in range(out_starts[flight, q], out_starts[flight, q + 1]):
                for i in range(dofs.shape[1]):
                    first = dofs[facets[j], i] * lanes
                    for lane in range(lanes):
                        sent[place, i * lanes + lane] = values[first + lane]
                place += 1
        if whole and stage == last[row]:
            store_array(field, members[m], values)
