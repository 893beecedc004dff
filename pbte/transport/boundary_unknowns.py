"""What walls and interfaces send in, as unknowns of the steady state.

Beside the moments inside the body, the temperatures of a surface's bins at every facet node are
unknown and, for a sparse law, the mode temperatures that enter there. Ranks that share the modes
hold the same bins; each owns those of consecutive facets.
"""

from __future__ import annotations

import numpy as np

from pbte.transport.surfaces import Surface, SurfaceState
from pbte.transport.system import Boundary
from pbte.types import Array, IntArray


class BoundaryUnknowns:
    """Packs the states of all surfaces into one vector of this rank.

    Args:
        boundary: The surfaces of one body.
        rate: Weight of what enters beside what is emitted, about a loss rate [1/s].

    Note: Collective over the ranks that share the modes.
    """

    def __init__(self, boundary: Boundary, rate: float) -> None:
        self.boundary, self.rate = boundary, rate
        self.comm = boundary.system.bodies[0].share.comm
        self._weights = [_weights(state.surface, self._facets(state)) for state in self.states]
        self.power = self._concatenate(self._weights)
        self.weights = rate * self.power

    @property
    def states(self) -> list[SurfaceState]:
        """The surfaces."""
        return self.boundary.states

    @property
    def size(self) -> int:
        """Number of unknowns of this rank."""
        return int(self.power.size)

    def read(self) -> Array:
        """Return what the surfaces send in, shape (size,) [K]."""
        return self._concatenate([[s.bins[:, self._facets(s)], *s.inflow] for s in self.states])

    def write(self, values: Array) -> None:
        """Let the surfaces send in these values. Collective."""
        start = 0
        for state in self.states:
            for number, part in enumerate([state.bins[:, self._facets(state)], *state.inflow]):
                taken = values[start : start + part.size].reshape(part.shape)
                start += part.size
                if number == 0:
                    if state.bins.size:  # none: a wall without a diffuse part
                        state.bins[:] = np.concatenate(self.comm.allgather(taken), axis=1)
                else:
                    state.inflow[number - 1][:] = taken

    def into_dofs(self, values: Array, num_dofs: int) -> Array:
        """Return the power that values carry into the body, at the degrees of freedom. Collective.

        Args:
            values: Mode temperatures that enter, shape (size,) [K].
            num_dofs: Degrees of freedom of the body.

        Returns:
            Shape (num_dofs,) [W].
        """
        heat, start = np.zeros(num_dofs), 0
        carried = values * self.power
        for state in self.states:
            facets = self._facets(state)
            for side, dofs, shape in self._parts(state, facets):
                size = int(np.prod(shape))
                if size == 0:
                    continue
                sums = carried[start : start + size].reshape(shape).sum(axis=0)
                if side < 0:  # bins send into all sides
                    for number in range(len(dofs)):
                        share = sums if len(dofs) == 1 else 0.5 * sums
                        np.add.at(heat, dofs[number], share)
                else:
                    np.add.at(heat, dofs[0], sums)
                start += size
        return np.asarray(self.comm.allreduce(heat), dtype=np.float64)

    def at_dofs(self, temperature: Array) -> Array:
        """Return the temperature of the body where each unknown enters it, shape (size,) [K]."""
        parts = []
        for state in self.states:
            for side, dofs, shape in self._parts(state, self._facets(state)):
                value = np.mean([temperature[d] for d in dofs], axis=0)
                if 0 in shape:
                    continue
                spread = np.broadcast_to(value, shape)
                if side >= 0:
                    port = state.surface.ports[side]
                    spread = spread * port.enters.T[:, state.surface.normal_of, None]
                parts.append(spread.ravel())
        return np.concatenate(parts) if parts else np.zeros(0)

    def _parts(
        self, state: SurfaceState, facets: IntArray
    ) -> list[tuple[int, list[IntArray], tuple[int, ...]]]:
        """Return for each packed array its side (-1: bins), its dofs, and its shape."""
        sides = state.surface.sides
        shape = (state.bins.shape[0], facets.size, state.bins.shape[2])
        found: list[tuple[int, list[IntArray], tuple[int, ...]]] = [
            (-1, [side.dofs[facets] for side in sides], shape)
        ]
        for number, (side, inflow) in enumerate(zip(sides, state.inflow, strict=True)):
            found.append((number, [side.dofs], inflow.shape))
        return found

    def _facets(self, state: SurfaceState) -> IntArray:
        """Return the facets whose bins this rank owns."""
        total, rank, size = state.surface.num_facets, self.comm.rank, self.comm.size
        return np.arange((total * rank) // size, (total * (rank + 1)) // size)

    @staticmethod
    def _concatenate(groups: list[list[Array]]) -> Array:
        flat = [part.ravel() for group in groups for part in group]
        return np.concatenate(flat) if flat else np.zeros(0)


def _weights(surface: Surface, facets: IntArray) -> list[Array]:
    """Return the power that enters per temperature of each unknown [W/K]. Collective."""
    dim = surface.sides[0].dofs.shape[1]
    per_node = surface.areas / dim
    bins = np.zeros((surface.num_bins, len(surface.mixing)))
    for port in surface.ports:
        taken = np.flatnonzero(port.bins >= 0)
        np.add.at(bins, port.bins[taken], (port.spread * port.flux).T[taken])
    bins = surface.sides[0].share.comm.allreduce(bins)
    nodes = np.ones(dim)
    out = [(bins[:, surface.normal_of[facets]] * per_node[facets])[:, :, None] * nodes]
    for port in surface.ports:
        rows = port.flux.T[:, surface.normal_of] * per_node
        out.append((rows if surface.is_sparse else rows[:0])[:, :, None] * nodes)
    return out
