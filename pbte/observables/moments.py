"""Observables of a field of mode temperatures: temperature, heat flux, arrivals, balance.

    dT = sum c theta / sum c,   q = sum c v theta

Sums over modes are matrix products; every result is summed over the ranks that share the modes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pbte.observables.results import Balance, Snapshot
from pbte.transport.collisions import blocks
from pbte.transport.problem import Modes, Problem
from pbte.types import Array

MODE_BLOCK = 256


class Observer:
    """Measures the fields of one problem, block of modes by block of modes.

    `watch` every mode once, then take the `snapshot`; it begins anew after that.

    Args:
        problem: Supplies mesh, modes and ranks.
        walls: Wall name -> tag.
        frequency_edges: Edges of the bins of the arrival spectra, shape (num_bins + 1,) [rad/s].
    """

    def __init__(
        self, *, problem: Problem, walls: Mapping[str, int], frequency_edges: Array
    ) -> None:
        self.problem, self.walls, self.frequency_edges = problem, walls, frequency_edges
        mesh, heat = problem.mesh, problem.heat_capacities
        self._weights = np.vstack(
            [
                heat / problem.modes.heat_capacity,
                heat * problem.velocities.T,
                heat * problem.loss_rates,
            ]
        )
        tags = list(walls.values())
        self._on_wall = np.stack([mesh.boundary_walls == tag for tag in tags], axis=1)
        frequencies = problem.modes.frequencies[problem.share.indices]
        # As np.histogram counts: the last bin holds its upper edge.
        last = frequency_edges.size - 2
        bins = np.searchsorted(frequency_edges, frequencies, side="right") - 1
        self._bins = np.clip(bins, 0, last)
        self._begin()

    def _begin(self) -> None:
        mesh = self.problem.mesh
        self._moments = np.zeros((self._weights.shape[0], mesh.num_dofs))
        self._spectra = np.zeros((len(self.walls), self.frequency_edges.size - 1))
        self._arriving = np.zeros(mesh.boundary_dofs.shape[0])
        self._entering = np.zeros(mesh.boundary_dofs.shape[0])

    def watch(self, theta: Array, modes: Modes = slice(None), inflow: Array | None = None) -> None:
        """Add the mode temperatures of some local modes.

        Args:
            theta: Shape (modes, num_dofs) [K].
            modes: Which local modes these are.
            inflow: What entered them at the boundary, shape (modes or 1, boundary slots) [K];
                nothing by default.
        """
        self._moments += self._weights[:, modes] @ theta
        mesh, problem = self.problem.mesh, self.problem
        chosen = np.arange(problem.share.num_modes)[modes]
        for rows in blocks(theta.shape[0], MODE_BLOCK):
            heat = problem.heat_capacities[chosen[rows], None]
            power = heat * (problem.velocities[chosen[rows], : mesh.dim] @ mesh.boundary_normals.T)
            arriving = np.maximum(power, 0.0) * theta[rows][:, mesh.boundary_dofs].mean(axis=2)
            self._arriving += arriving.sum(axis=0)
            np.add.at(self._spectra.T, self._bins[chosen[rows]], arriving @ self._on_wall)
            if inflow is not None:
                own = inflow if inflow.shape[0] == 1 else inflow[rows]
                entering = own.reshape(-1, *mesh.boundary_dofs.shape).mean(axis=2)
                self._entering += (np.maximum(-power, 0.0) * entering).sum(axis=0)

    def snapshot(self, deposited: float, *, hands_on: bool) -> Snapshot:
        """Return the observables of what was watched, and begin anew. Collective over the ranks.

        Args:
            deposited: Power of the source behind the field [W].
            hands_on: Whether what scatters out of this field is the source of another one (an
                order); in the steady state it scatters back into the same field.
        """
        mesh, comm = self.problem.mesh, self.problem.share.comm
        total: Array = comm.allreduce(self._moments)
        facets = comm.allreduce(np.stack([self._arriving, self._entering]))
        spectra = self.problem.over_space(comm.allreduce(self._spectra))
        absorbed = self.problem.over_space((facets[0] - facets[1]) @ self._on_wall)
        scattered = self.problem.over_space(np.atleast_1d(total[4] @ mesh.dof_weights))
        areas = np.linalg.norm(mesh.boundary_normals, axis=1)
        shape = (mesh.num_cells, mesh.dim + 1)
        self._begin()
        return Snapshot(
            temperature=total[0].reshape(shape),
            heat_flux=np.ascontiguousarray(total[1:4].T).reshape(*shape, 3),
            arrival_spectrum=dict(zip(self.walls, spectra, strict=True)),
            arrival_map=facets[0] / areas,
            balance=Balance(
                deposited=deposited,
                absorbed={name: float(x) for name, x in zip(self.walls, absorbed, strict=True)},
                handed_on=float(scattered[0]) if hands_on else 0.0,
            ),
        )

    def observe(
        self, theta: Array, deposited: float, *, hands_on: bool, inflow: Array | None = None
    ) -> Snapshot:
        """Return the observables of a field of all local modes. Collective over the ranks."""
        self.watch(theta, inflow=inflow)
        return self.snapshot(deposited, hands_on=hands_on)


def frequency_bins(frequencies: Array, num_bins: int) -> Array:
    """Return equal bins from 0 to just above the highest frequency, shape (num_bins + 1,)."""
    return np.linspace(0.0, frequencies.max() * (1.0 + 1e-9), num_bins + 1)
