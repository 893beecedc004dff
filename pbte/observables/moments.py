"""Observables of a field of mode temperatures: temperature, heat flux, outgoing current, balance.

    dT = sum c theta / sum c,   q = sum c v theta

Sums over modes are matrix products; every result is summed over the ranks that share the modes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pbte.core.mode_partition import all_modes
from pbte.core.types import Array
from pbte.observables.gathering import in_whole_mesh
from pbte.observables.snapshot import Balance, Snapshot
from pbte.transport.body import Body
from pbte.transport.collisions import blocks
from pbte.transport.system import StreamedBlock, System, as_system

MODE_BLOCK = 256


class FieldTally:
    """Tally of the fields of all bodies, block of modes by block of modes.

    `accumulate` every mode once, then take the `snapshot`, which resets the tally.

    Args:
        system: One body, or several.
        walls: Name -> tag of each wall, and of each interface.
        frequency_edges: Edges of the bins of the spectra, shape (num_bins + 1,) [rad/s].
    """

    def __init__(
        self, *, system: Body | System, walls: Mapping[str, int], frequency_edges: Array
    ) -> None:
        self.system, self.walls = as_system(system), dict(walls)
        self.frequency_edges = frequency_edges
        self._bodies = [
            _BodyObserver(body, list(self.walls.values()), frequency_edges)
            for body in self.system.bodies
        ]

    def accumulate(self, block: StreamedBlock) -> None:
        """Add the mode temperatures of some modes of one body."""
        self._bodies[block.body].accumulate(block)

    def snapshot(
        self, deposited: float, *, scatters: bool, self_scattering: float | None = None
    ) -> Snapshot:
        """Return the observables accumulated so far, and reset the tally. Collective.

        Args:
            deposited: Power of the source of the field [W].
            scatters: Whether the scattered power is the source of another field (an order); in the
                steady state it returns to the same field.
            self_scattering: The split s of that source; that of the system by default [-].
        """
        pieces = [body.finish() for body in self._bodies]
        spectra = np.sum([piece.spectra for piece in pieces], axis=0)
        absorbed = np.sum([piece.absorbed for piece in pieces], axis=0)
        split = self.system.self_scattering if self_scattering is None else self_scattering
        scattered = (1.0 + split) * sum(piece.scattered for piece in pieces)
        at_walls, areas = np.sum([piece.at_walls for piece in pieces], axis=0)
        cells, facets = self.system.cells, self.system.facets
        return Snapshot(
            temperature=in_whole_mesh([piece.temperature for piece in pieces], cells),
            heat_flux=in_whole_mesh([piece.heat_flux for piece in pieces], cells),
            outgoing_spectrum=dict(zip(self.walls, spectra, strict=True)),
            outgoing_current=in_whole_mesh([piece.arriving for piece in pieces], facets),
            mode_temperatures=tuple(piece.mode_temperatures for piece in pieces),
            wall_temperatures={
                name: float(integral / area) if area > 0.0 else 0.0
                for name, integral, area in zip(self.walls, at_walls, areas, strict=True)
            },
            balance=Balance(
                deposited=deposited,
                absorbed={name: float(x) for name, x in zip(self.walls, absorbed, strict=True)},
                scattered_power=scattered if scatters else 0.0,
            ),
        )

    def observe(
        self, theta: Array, deposited: float, *, scatters: bool, inflow: Array | None = None
    ) -> Snapshot:
        """Return the observables of a field of all local modes of the only body. Collective."""
        body = self.system.bodies[0]
        entering = np.zeros_like(body.inflow) if inflow is None else inflow
        self.accumulate(StreamedBlock(body=0, modes=slice(None), theta=theta, inflow=entering))
        return self.snapshot(deposited, scatters=scatters)


def frequency_bins(frequencies: Array, num_bins: int) -> Array:
    """Return equal bins from 0 to just above the highest frequency, shape (num_bins + 1,)."""
    return np.linspace(0.0, frequencies.max() * (1.0 + 1e-9), num_bins + 1)


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """Observables of one body; spectra and power by wall, all else on its own cells."""

    temperature: Array
    heat_flux: Array
    arriving: Array
    spectra: Array
    absorbed: Array
    scattered: float
    mode_temperatures: Array
    at_walls: Array  # integral of the temperature over each wall, and its area


class _BodyObserver:
    """Accumulates the moments of one body."""

    def __init__(self, body: Body, tags: list[int], edges: Array) -> None:
        self.body = body
        mesh, heat = body.mesh, body.heat_capacities
        self._weights = np.vstack(
            [
                heat / body.modes.heat_capacity,
                heat * body.velocities.T,
                heat * body.modes.loss_rates[body.mode_partition.indices],
            ]
        )
        self._on_wall = np.stack([mesh.boundary_walls == tag for tag in tags], axis=1)
        frequencies = body.modes.frequencies[body.mode_partition.indices]
        # As np.histogram counts: the last bin holds its upper edge.
        bins = np.searchsorted(edges, frequencies, side="right") - 1
        self._bins = np.clip(bins, 0, edges.size - 2)
        self._num_bins = edges.size - 1
        self._begin()

    def _begin(self) -> None:
        mesh = self.body.mesh
        self._moments = np.zeros((self._weights.shape[0], mesh.num_dofs))
        self._spectra = np.zeros((self._on_wall.shape[1], self._num_bins))
        self._arriving = np.zeros(mesh.boundary_dofs.shape[0])
        self._entering = np.zeros(mesh.boundary_dofs.shape[0])
        self._integrals = np.zeros(self.body.mode_partition.num_modes)

    def accumulate(self, block: StreamedBlock) -> None:
        """Add some modes."""
        body, mesh, theta = self.body, self.body.mesh, block.theta
        self._moments += self._weights[:, block.modes] @ theta
        self._integrals[block.modes] = theta @ mesh.dof_weights
        chosen = np.arange(body.mode_partition.num_modes)[block.modes]
        for rows in blocks(theta.shape[0], MODE_BLOCK):
            heat = body.heat_capacities[chosen[rows], None]
            power = heat * (body.velocities[chosen[rows], : mesh.dim] @ mesh.boundary_normals.T)
            arriving = np.maximum(power, 0.0) * theta[rows][:, mesh.boundary_dofs].mean(axis=2)
            self._arriving += arriving.sum(axis=0)
            np.add.at(self._spectra.T, self._bins[chosen[rows]], arriving @ self._on_wall)
            own = block.inflow if block.inflow.shape[0] == 1 else block.inflow[rows]
            entering = own.reshape(-1, *mesh.boundary_dofs.shape).mean(axis=2)
            self._entering += (np.maximum(-power, 0.0) * entering).sum(axis=0)

    def finish(self) -> _Piece:
        """Return the observables accumulated so far, and reset the sums. Collective."""
        body, mesh = self.body, self.body.mesh
        comm, sum_over_space = body.mode_partition.comm, body.sum_over_space
        total = body.mode_partition.sum_over_ranks(self._moments)
        facets = comm.allreduce(np.stack([self._arriving, self._entering]))
        volume = sum_over_space(np.atleast_1d(mesh.volumes.sum()))
        areas = np.linalg.norm(mesh.boundary_normals, axis=1)
        at_walls = np.stack([areas * total[0][mesh.boundary_dofs].mean(axis=1), areas])
        shape = (mesh.num_cells, mesh.dim + 1)
        piece = _Piece(
            temperature=total[0].reshape(shape),
            heat_flux=np.ascontiguousarray(total[1:4].T).reshape(*shape, 3),
            arriving=facets[0] / areas,
            spectra=sum_over_space(comm.allreduce(self._spectra)),
            absorbed=sum_over_space((facets[0] - facets[1]) @ self._on_wall),
            scattered=float(sum_over_space(np.atleast_1d(total[4] @ mesh.dof_weights))[0]),
            mode_temperatures=all_modes(
                body.mode_partition, sum_over_space(self._integrals) / volume
            ),
            at_walls=sum_over_space(at_walls @ self._on_wall),
        )
        self._begin()
        return piece
