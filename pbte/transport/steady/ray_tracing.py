"""Uncollided transport between surfaces along straight rays (method of characteristics).

A mode that arrives at a node of a surface entered the domain elsewhere, a time t before, and is
attenuated by exp(-Gamma t). The entry point and the attenuation are found once, by following the
ray upstream from cell to cell. The inflow is interpolated between the nodes of the entry facet. (As
in semi-Lagrangian schemes: A. Staniforth and J. Cote, Mon. Weather Rev. 119, 2206 (1991).) The cost
is proportional to the number of boundary nodes, not of cells. The result differs from that of a
sweep by the variation of the inflow over a facet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from pbte.core.types import IntArray, Numbers
from pbte.geometry.sweep_mesh import CompactIntArray
from pbte.transport.body import Body, Modes

# Rays start inside their facet, at this fraction of the way from the node to its centroid. From the
# node itself a ray near an edge of the domain would leave at once through the next facet, unlike in
# the cell averages of the sweep: thick domains take up to 4 sweeps more with 1e-3. With 0.2 grazing
# rays are smeared out: thin films between specular walls take 40 sweeps instead of 25 where a mean
# free path is 50 periods, and hundreds beyond.
INWARD = 0.1


@dataclass(frozen=True, kw_only=True)
class Rays:
    """Rays of all modes of a body that end at its surfaces, in single precision.

    Attributes:
        facets: The boundary facets where rays end, shape (num_facets,).
        origins: Entry facet of each mode that arrives at a node of them, 0 for modes that do not,
            shape (local modes, num_facets * dim).
        weights: Transmitted fraction of the inflow at each node of the entry facet [-], shape
            (local modes, num_facets * dim, dim).
    """

    facets: IntArray
    origins: CompactIntArray
    weights: npt.NDArray[Any]

    def arriving(self, modes: Modes, inflow: Numbers) -> Numbers:
        """Return the outgoing temperatures at the nodes, shape (modes, num_facets * dim) [K].

        Args:
            modes: Local modes.
            inflow: Inflow at the boundary, shape (modes or 1, num_boundary_dofs) [K].
        """
        origins, weights = self.origins[modes], self.weights[modes]
        arrived = np.empty(origins.shape, dtype=np.result_type(inflow, np.float64))
        _look_up(
            origins, weights, np.broadcast_to(inflow, (len(origins), inflow.shape[1])), arrived
        )
        return arrived

    def passing(self, modes: Modes) -> Numbers:
        """Return the transmitted fraction of a uniform inflow, shape of `arriving` [-]."""
        share: Numbers = self.weights[modes].sum(axis=2)
        return share


def trace_rays(body: Body, facets: IntArray) -> Rays:
    """Return the rays of the local modes that end at some boundary facets.

    Rays from cells of other ranks count as fully attenuated.

    Args:
        body: The body.
        facets: Numbers of the facets, shape (num_facets,).
    """
    mesh, dim = body.mesh, body.mesh.dim
    shape = body.mode_partition.num_modes, facets.size * dim
    kind = np.complex64 if np.iscomplexobj(body.loss_rates) else np.float32
    origins = np.zeros(shape, dtype=np.int32)
    weights = np.zeros((*shape, dim), dtype=kind)
    # Barycentric coordinates fall along the outward normals: grad lambda = -A n / (dim |K|).
    slopes = mesh.face_normals / (-dim * mesh.volumes[:, None, None])
    cells = slopes, mesh.neighbours, mesh.upstream_dofs
    velocities = np.ascontiguousarray(body.velocities[:, :dim])
    _trace(cells, mesh.boundary_dofs, facets, velocities, body.loss_rates, origins, weights)
    return Rays(facets=facets, origins=origins, weights=weights)


_compiled: Callable[..., Any] = partial(numba.njit, parallel=True, cache=True, error_model="numpy")


@_compiled()
def _look_up(origins, weights, inflow, arrived):  # type: ignore[no-untyped-def]
    """Interpolate the inflow of each mode at the origins of its rays."""
    dim = weights.shape[2]
    for mode in numba.prange(origins.shape[0]):
        for slot in range(origins.shape[1]):
            first = origins[mode, slot] * dim
            total = weights[mode, slot, 0] * inflow[mode, first]
            for node in range(1, dim):
                total += weights[mode, slot, node] * inflow[mode, first + node]
            arrived[mode, slot] = total


@_compiled()
def _trace(cells, boundary_dofs, facets, velocities, rates, origins, weights):  # type: ignore[no-untyped-def]
    """Follow the rays of all modes upstream from the nodes of some facets."""
    slopes, neighbours, upstream_dofs = cells
    dim = boundary_dofs.shape[1]
    corners = dim + 1
    all_corners = dim * corners // 2  # sum of their numbers
    for mode in numba.prange(velocities.shape[0]):
        point = np.empty(corners)  # barycentric coordinates in the present cell
        beyond = np.empty(corners)  # and in the next
        fall = np.empty(corners)  # how fast they fall upstream
        for number in range(facets.size):
            dofs = boundary_dofs[facets[number]]
            start = dofs[0] // corners
            face = all_corners - np.sum(dofs % corners)
            along = 0.0
            for axis in range(dim):
                along -= velocities[mode, axis] * slopes[start, axis, face]
            if not along > 0.0:  # does not arrive at this facet
                continue
            for node in range(dim):
                slot, cell, entered, time = number * dim + node, start, face, 0.0
                point[:] = INWARD / dim
                point[face] = 0.0
                point[dofs[node] % corners] += 1.0 - INWARD
                for _ in range(2 * neighbours.shape[0]):
                    step, leave = np.inf, -1
                    for i in range(corners):
                        fall[i] = 0.0
                        for axis in range(dim):
                            fall[i] += velocities[mode, axis] * slopes[cell, axis, i]
                        if i != entered and fall[i] > 0.0 and point[i] < step * fall[i]:
                            step, leave = point[i] / fall[i], i
                    if leave < 0:
                        break
                    time += step
                    for i in range(corners):
                        point[i] = max(0.0, point[i] - fall[i] * step)
                    point[leave] = 0.0
                    following = neighbours[cell, leave]
                    if following < 0:
                        origin = -1 - following
                        origins[mode, slot] = origin
                        left = np.exp(-rates[mode] * time) / np.sum(point)
                        for other in range(dim):
                            share = point[boundary_dofs[origin, other] % corners]
                            weights[mode, slot, other] = left * share
                        break
                    beyond[:] = 0.0
                    entered = all_corners
                    for i in range(corners):
                        if i != leave:
                            vertex = upstream_dofs[cell, leave, i] % corners
                            beyond[vertex] = point[i]
                            entered -= vertex
                    point[:] = beyond
                    cell = following
