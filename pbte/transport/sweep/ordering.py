"""Compiled topological ordering of the cells along a direction, upstream cells first.

Upstream is defined by the sign of `flow_through`, bitwise the same as in the solution of the cells.
"""

from __future__ import annotations

import numba
import numpy as np

from pbte.transport.sweep.kernels import flow_through, vector_of


@numba.njit(parallel=True, cache=True, error_model="numpy")
def order_cells(origin, normals, neighbours, velocities, cells, lagged):  # type: ignore[no-untyped-def]
    """Order the cells along each velocity by Kahn's algorithm.

    Args: (0,) * dim; normals (num_cells, dim, dim + 1); neighbours (num_cells, dim + 1); velocities
    (rows, dim); set here: the order of the cells, (rows, num_cells), and the number of those that
    had to precede their upstream neighbours, (rows,).
    """
    num_cells, num_faces = neighbours.shape
    for row in numba.prange(velocities.shape[0]):
        velocity, visits = vector_of(velocities[row], origin), cells[row]
        waiting = np.zeros(num_cells, dtype=np.int8)
        met = np.zeros(num_cells, dtype=np.int32)
        for cell in range(num_cells):
            for face in range(num_faces):
                inner = neighbours[cell, face] >= 0
                if inner and flow_through(velocity, normals, cell, face) < 0.0:
                    waiting[cell] += 1
        head, tail, scan = 0, 0, 0
        for cell in range(num_cells):
            if waiting[cell] == 0:
                visits[tail] = cell
                tail += 1
        while head < num_cells:
            if head == tail:
                # Every remaining cell depends on another. Walk upstream until a cell is met twice:
                # it lies on a cycle and is released; the cells downstream of it remain.
                while waiting[scan] <= 0:
                    scan += 1
                lagged[row] += 1
                early = scan
                while met[early] < lagged[row]:
                    met[early] = lagged[row]
                    for face in range(num_faces):
                        other = neighbours[early, face]
                        waits = other >= 0 and waiting[other] > 0
                        if waits and flow_through(velocity, normals, early, face) < 0.0:
                            early = other
                            break
                waiting[early] = 0
                visits[tail] = early
                tail += 1
            cell = visits[head]
            head += 1
            for face in range(num_faces):
                other = neighbours[cell, face]
                waits = other >= 0 and waiting[other] > 0
                if waits and flow_through(velocity, normals, cell, face) > 0.0:
                    waiting[other] -= 1
                    if waiting[other] == 0:
                        visits[tail] = other
                        tail += 1
