"""Observables of a field of mode temperatures: temperature, heat flux, arrivals, balance.

    dT = sum c theta / sum c,   q = sum c v theta

Sums over modes are matrix products; every result is summed over the ranks that share the modes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pbte.observables.results import Balance, Snapshot
from pbte.transport.collisions import blocks
from pbte.transport.problem import Problem
from pbte.types import Array

MODE_BLOCK = 256


@dataclass(frozen=True, kw_only=True)
class Observer:
    """What to measure on every field of one problem.

    Attributes:
        problem: Supplies mesh, modes and walls.
        walls: Wall name -> tag.
        frequency_edges: Edges of the bins of the arrival spectra, shape (num_bins + 1,) [rad/s].
    """

    problem: Problem
    walls: Mapping[str, int]
    frequency_edges: Array

    def observe(
        self, theta: Array, deposited: float, *, walls_emit: bool, hands_on: bool
    ) -> Snapshot:
        """Return the observables of one field. Collective over the ranks.

        Args:
            theta: Mode temperatures of the local modes, shape (local modes, num_dofs) [K].
            deposited: Power of the source behind it [W].
            walls_emit: Whether the walls sent in their temperature (order 0, steady state).
            hands_on: Whether what scatters out of this field is the source of another one (an
                order); in the steady state it scatters back into the same field.
        """
        mesh = self.problem.mesh
        temperature, heat_flux, scattered = _moments(self.problem, theta)
        spectra, arriving = self._arrivals(theta)
        emitted = self._emitted() if walls_emit else np.zeros_like(arriving)
        net = arriving - emitted
        absorbed = {
            name: float(net[mesh.boundary_walls == tag].sum()) for name, tag in self.walls.items()
        }
        shape = (mesh.num_cells, mesh.dim + 1)
        areas = np.linalg.norm(mesh.boundary_normals, axis=1)
        handed_on = float(scattered @ mesh.dof_weights) if hands_on else 0.0
        return Snapshot(
            temperature=temperature.reshape(shape),
            heat_flux=np.ascontiguousarray(heat_flux.T).reshape(*shape, 3),
            arrival_spectrum=spectra,
            arrival_map=arriving / areas,
            balance=Balance(deposited=deposited, absorbed=absorbed, handed_on=handed_on),
        )

    def _arrivals(self, theta: Array) -> tuple[dict[str, Array], Array]:
        """Return the spectrum arriving at each wall [W] and the power on each facet [W]."""
        problem, mesh = self.problem, self.problem.mesh
        on_wall = np.stack([mesh.boundary_walls == tag for tag in self.walls.values()], axis=1)
        by_mode = np.zeros((theta.shape[0], on_wall.shape[1]))
        by_facet = np.zeros(mesh.boundary_dofs.shape[0])
        for modes in blocks(theta.shape[0], MODE_BLOCK):
            mean = theta[modes][:, mesh.boundary_dofs].mean(axis=2)
            outward = problem.velocities[modes, : mesh.dim] @ mesh.boundary_normals.T
            flux = np.maximum(outward, 0.0) * mean * problem.heat_capacities[modes, None]
            by_mode[modes] = flux @ on_wall
            by_facet += flux.sum(axis=0)
        frequencies = problem.modes.frequencies[problem.share.indices]
        binned = np.stack(
            [
                np.histogram(frequencies, self.frequency_edges, weights=column)[0]
                for column in by_mode.T
            ]
        )
        comm = problem.share.comm
        binned, by_facet = comm.allreduce(binned), comm.allreduce(by_facet)
        return dict(zip(self.walls, binned, strict=True)), by_facet

    def _emitted(self) -> Array:
        """Return the power that the walls send in through each facet [W]."""
        problem, mesh = self.problem, self.problem.mesh
        entering = problem.inflow.reshape(mesh.boundary_dofs.shape).mean(axis=1)
        inward = np.zeros_like(entering)
        for modes in blocks(problem.share.num_modes, MODE_BLOCK):
            outward = problem.velocities[modes, : mesh.dim] @ mesh.boundary_normals.T
            inward += problem.heat_capacities[modes] @ np.maximum(-outward, 0.0)
        total: Array = problem.share.comm.allreduce(inward) * entering
        return total


def frequency_bins(frequencies: Array, num_bins: int) -> Array:
    """Return equal bins from 0 to just above the highest frequency, shape (num_bins + 1,)."""
    return np.linspace(0.0, frequencies.max() * (1.0 + 1e-9), num_bins + 1)


def _moments(problem: Problem, theta: Array) -> tuple[Array, Array, Array]:
    """Return temperature (num_dofs,), heat flux (3, num_dofs), power scattered out (num_dofs,)."""
    heat = problem.heat_capacities
    weights = np.vstack(
        [heat / problem.modes.heat_capacity, heat * problem.velocities.T, heat * problem.loss_rates]
    )
    total: Array = problem.share.comm.allreduce(weights @ theta)
    return total[0], total[1:4], total[4]
