"""Inflow at walls and interfaces as unknowns of the steady state.

Besides the moments inside the bodies, the bin temperatures of a surface at every facet node are
unknown and, with a sparse part, the mode temperatures of the inflow. Ranks that share the modes
hold the same bins; each owns those of consecutive facets.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass

import numpy as np

from pbte.core.types import Array, IntArray, Numbers
from pbte.transport.boundary import BoundaryFlux
from pbte.transport.system import Boundary


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Unknowns of a surface: its bins, or the inflow modes of one of its sides.

    Attributes:
        normals: Number of the normal of each facet, shape (facets,).
        areas: Area of each facet over the number of its nodes, shape (facets,) [m^(dim-1)].
        num_nodes: Nodes of a facet.
        powers: Degrees of freedom of the inflow, numbered over all bodies, (facets, dim), and its
            power per temperature and area, (values, num_normals) [W/m^2 K].
        shares: Degrees of freedom of the outflow, and value per its temperature, (values,
            num_normals) [-].
    """

    normals: IntArray
    areas: Array
    num_nodes: int
    powers: list[tuple[IntArray, Array]]
    shares: list[tuple[IntArray, Array]]

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.powers[0][1].shape[0], self.normals.size, self.num_nodes

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    def power(self) -> Array:
        """Return the inflow power per temperature of each value [W/K]."""
        total = np.sum([power for _, power in self.powers], axis=0)
        by_facet = total[:, self.normals] * self.areas
        return np.broadcast_to(by_facet[:, :, None], self.shape)


class BoundaryUnknowns:
    """The boundary fluxes of all surfaces as one vector of this rank.

    Args:
        boundary: The surfaces of all bodies.
        rate: Weight of the inflow relative to the emission in norms, about a loss rate [1/s].
    """

    def __init__(self, boundary: Boundary, rate: float) -> None:
        self.boundary, self.comm = boundary, boundary.system.group
        sizes = [body.mesh.num_dofs for body in boundary.system.bodies]
        self.num_dofs = sum(sizes)
        offsets = np.cumsum([0, *sizes])
        self._parts = [
            part
            for state, owners in zip(boundary.states, boundary.owners, strict=True)
            for part in self._parts_of(state, [int(offsets[owner]) for owner in owners])
        ]
        self.weights = rate * _flat(part.power() for part in self._parts)

    def of(self, boundary: Boundary) -> BoundaryUnknowns:
        """Return the same unknowns for other boundary fluxes of the same surfaces."""
        other = copy(self)
        other.boundary = boundary
        return other

    @property
    def size(self) -> int:
        """Number of unknowns of this rank."""
        return int(self.weights.size)

    def read(self) -> Numbers:
        """Return the inflow of the surfaces, shape (size,) [K]."""
        return _flat(
            part
            for state in self.boundary.states
            for part in (state.bins[:, self._facets(state)], *state.inflow)
        )

    def write(self, values: Numbers) -> None:
        """Set the inflow of the surfaces, shape (size,) [K]. Collective."""
        start = 0
        for state in self.boundary.states:
            for number, part in enumerate([state.bins[:, self._facets(state)], *state.inflow]):
                taken = values[start : start + part.size].reshape(part.shape)
                start += part.size
                if number == 0:
                    if state.bins.size:  # none: a wall without a diffuse part
                        state.bins[:] = np.concatenate(self.comm.allgather(taken), axis=1)
                else:
                    state.inflow[number - 1][:] = taken

    def into_dofs(self, values: Numbers) -> Numbers:
        """Return the power of an inflow at the degrees of freedom of all bodies.

        Args:
            values: Inflow temperatures, shape (size,) [K].

        Returns:
            Shape (num_dofs,) [W], complete on every rank. Collective.
        """
        heat = np.zeros(self.num_dofs, dtype=np.result_type(values, np.float64))
        for part, taken in self._taken(values):
            for dofs, power in part.powers:
                carried = np.einsum("vf,vfn->fn", power[:, part.normals], taken)
                np.add.at(heat, dofs, part.areas[:, None] * carried)
        return np.asarray(self.comm.allreduce(heat))

    def at_dofs(self, temperature: Numbers) -> Numbers:
        """Return the inflow in local equilibrium with a temperature field, shape (size,) [K].

        Args:
            temperature: T at the degrees of freedom of all bodies, shape (num_dofs,) [K].
        """
        return _flat(
            np.sum(
                [share[:, part.normals, None] * temperature[dofs] for dofs, share in part.shares],
                axis=0,
            )
            for part in self._parts
        )

    def _taken(self, values: Numbers) -> Iterator[tuple[_Part, Numbers]]:
        start = 0
        for part in self._parts:
            yield part, values[start : start + part.size].reshape(part.shape)
            start += part.size

    def _parts_of(self, state: BoundaryFlux, offsets: list[int]) -> Iterator[_Part]:
        surface, response, own = state.surface, state.surface.response, self._facets(state)
        num_nodes = surface.sides[0].dofs.shape[1]
        areas = surface.areas / num_nodes
        dofs = [side.dofs + offset for side, offset in zip(surface.sides, offsets, strict=True)]
        yield _Part(
            normals=surface.normal_of[own],
            areas=areas[own],
            num_nodes=num_nodes,
            powers=[(w[own], response.powers[:, :, side].T) for side, w in enumerate(dofs)],
            shares=[(w[own], response.bins[:, :, side].T) for side, w in enumerate(dofs)],
        )
        for side, answers in enumerate(response.modes):
            entering = surface.weights[side].flux[:, : answers.shape[1]].T
            yield _Part(
                normals=surface.normal_of,
                areas=areas,
                num_nodes=num_nodes,
                powers=[(dofs[side], entering)],
                shares=[(w, answers[:, :, number].T) for number, w in enumerate(dofs)],
            )

    def _facets(self, state: BoundaryFlux) -> IntArray:
        """Return the facets whose bins this rank owns."""
        total, rank, size = state.surface.num_facets, self.comm.rank, self.comm.size
        return np.arange((total * rank) // size, (total * (rank + 1)) // size)


def _flat(parts: Iterator[Numbers]) -> Numbers:
    flat = [np.ravel(part) for part in parts]
    return np.concatenate(flat) if flat else np.zeros(0)
