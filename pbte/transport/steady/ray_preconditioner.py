"""Ray preconditioner: inflow of surfaces by uncollided transport between them.

In a domain much thinner than a mean free path a phonon hits surfaces many times before it scatters:
between two specular interfaces, or through a periodic cell when it travels almost parallel to the
film. A Krylov solve resolves one such transit per sweep. So the correction z of the inflow is
computed from its residual r beforehand,

    (1 - R T) z = r,

with the flux matrices R of all surfaces and the uncollided transport T between them, estimated
along rays (`pbte.transport.steady.ray_tracing`) instead of by a sweep: as many steps of a Krylov
method as it takes, none of which visits the cells. (Like the iteration of the boundary values alone
in response matrix methods: E. E. Lewis and W. F. Miller, Computational Methods of Neutron Transport
(1984).)

The attenuated part of z is scattered inside: for a mode that crosses the domain with the
transmission t, the fraction t (1 - t) uniformly; the rest, of modes with short mean free paths, at
the surface where they entered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace

import numpy as np

from pbte.core.types import IntArray, Numbers
from pbte.geometry.sweep_mesh import cell_components
from pbte.transport.boundary import Side, Surface
from pbte.transport.steady.boundary_unknowns import BoundaryUnknowns
from pbte.transport.steady.krylov import RecyclingGCR
from pbte.transport.steady.moments import BodyMoments
from pbte.transport.steady.ray_tracing import Rays, trace_rays
from pbte.transport.system import Boundary, System

# Relative residual of the ray system; the estimate itself is no better.
REDUCTION = 0.2
MAX_STEPS = 40
NUM_DIRECTIONS = 20


class RayPreconditioner:
    """Approximate inverse for the inflow of domains thinner than a mean free path.

    Args:
        system: The bodies.
        moments: Their moments.
        unknowns: The boundary unknowns.

    Note: Collective over the ranks.
    """

    def __init__(
        self, system: System, moments: Sequence[BodyMoments], unknowns: BoundaryUnknowns
    ) -> None:
        rays = [
            trace_rays(part.body, _facets(system, number)) for number, part in enumerate(moments)
        ]
        self.bodies = [_Crossed(part, own) for part, own in zip(moments, rays, strict=True)]
        self.boundary = Boundary(_skin(system, rays))
        self.unknowns, self.group = unknowns.of(self.boundary), system.group
        self.krylov = RecyclingGCR(
            system.comm, self._apply, np.copy, lambda x: unknowns.weights * x, NUM_DIRECTIONS
        )

    def settle(self, residual: Numbers) -> Numbers:
        """Return the correction (1 - R T)^-1 r of the inflow, shape (size,) [K]. Collective."""
        target = REDUCTION * self.krylov.norm(residual)
        entering, left = self.krylov.solve(residual, target, MAX_STEPS)
        return entering + left

    def scattered(self, entering: Numbers) -> tuple[list[Numbers], Numbers]:
        """Return the attenuated part of an inflow. Collective.

        Args:
            entering: Inflow, shape (size,) [K].

        Returns:
            For each body the moments of the part scattered uniformly, (rows, rank) of this rank;
            the power scattered at the surface, at the degrees of freedom of all bodies, shape
            (num_dofs,) [W].
        """
        self.unknowns.write(entering)
        moments, powers = [], []
        for number, crossed in enumerate(self.bodies):
            own = np.zeros((crossed.num_components, crossed.moments.rank), dtype=entering.dtype)
            power = np.zeros(crossed.body.mesh.num_dofs, dtype=entering.dtype)
            for modes in crossed.body.mode_blocks():
                inflow = self.boundary.inflow(number, modes, given=False)
                crossed.add_scattered(modes, inflow, own, power)
            moments.append(self.group.allreduce(own)[crossed.component_of_row])
            powers.append(power)
        return moments, np.asarray(self.group.allreduce(np.concatenate(powers)))

    def _apply(self, entering: Numbers) -> Numbers:
        """Return (1 - R T) z. Collective."""
        self.unknowns.write(entering)
        for number, crossed in enumerate(self.bodies):
            for modes in crossed.body.mode_blocks():
                inflow = self.boundary.inflow(number, modes, given=False)
                self.boundary.collect(number, modes, crossed.rays.arriving(modes, inflow))
        self.boundary.reflect()
        return entering - self.unknowns.read()


class _Crossed:
    """Uncollided transport between the surfaces of a body.

    Args:
        moments: Moments of the body.
        rays: Rays that end at its surfaces.
    """

    def __init__(self, moments: BodyMoments, rays: Rays) -> None:
        self.moments, self.body, self.rays = moments, moments.body, rays
        mesh, pairs = self.body.mesh, self.body.mode_partition.num_pairs
        # A mode that enters at a node follows the ray of its partner that ends there.
        rows = np.arange(self.body.mode_partition.num_modes)
        self.partners = np.concatenate([rows[pairs : 2 * pairs], rows[:pairs], rows[2 * pairs :]])
        self.dofs = mesh.boundary_dofs[rays.facets].ravel()
        self.boundary_dofs = (rays.facets[:, None] * mesh.dim + np.arange(mesh.dim)).ravel()
        inward = mesh.boundary_normals[rays.facets] / -mesh.dim
        self.normals = np.repeat(inward, mesh.dim, axis=0)
        components = cell_components(mesh)
        self.num_components = int(components.max(initial=-1)) + 1
        of_dofs = np.repeat(components, mesh.dim + 1)
        self.component_of_row = of_dofs[moments.rows]
        volumes = np.bincount(components, mesh.volumes, self.num_components)
        # Over the component of a node.
        self.averages = np.zeros((self.num_components, self.dofs.size))
        self.averages[of_dofs[self.dofs], np.arange(self.dofs.size)] = (
            1.0 / volumes[of_dofs[self.dofs]]
        )

    def add_scattered(
        self, modes: IntArray, inflow: Numbers, moments: Numbers, power: Numbers
    ) -> None:
        """Add the attenuated part of the inflow of some modes.

        Args:
            modes: Local modes.
            inflow: Their inflow, shape (modes or 1, num_boundary_dofs) [K].
            moments: Mean of the moments of each component, shape (num_components, rank) [K].
            power: Power at the degrees of freedom, shape (num_dofs,) [W].
        """
        body = self.body
        speeds = body.velocities[modes, : body.mesh.dim] @ self.normals.T
        passing = self.rays.passing(self.partners[modes])
        lost = np.maximum(speeds, 0.0) * (1.0 - passing) * inflow[:, self.boundary_dofs]
        # Each for a time 1 / Gamma, at unknown positions.
        staying = ((lost * passing) @ self.averages.T) / body.loss_rates[modes, None]
        moments += (self.moments.factors.w_out[:, modes] @ staying).T
        np.add.at(power, self.dofs, body.heat_capacities[modes] @ (lost * (1.0 - passing)))


def _sides(system: System, number: int) -> Iterator[Side]:
    """Yield the sides of all surfaces of a body."""
    for surface in system.bodies[number].surfaces:
        yield from surface.sides
    for interface in system.interfaces:
        yield from (side for side in interface.sides if side.body == number)


def _facets(system: System, number: int) -> IntArray:
    """Return the boundary facets of a body that belong to a surface, ascending."""
    dim = system.bodies[number].mesh.dim
    facets = [side.boundary_dofs[:, 0] // dim for side in _sides(system, number)]
    every: IntArray = np.concatenate([np.zeros(0, dtype=np.int64), *facets])
    return np.asarray(np.unique(every), dtype=np.int64)


def _skin(system: System, rays: Sequence[Rays]) -> System:
    """Return the surfaces with dofs numbered over the end nodes of the rays."""

    def skin(surface: Surface, owners: Sequence[int]) -> Surface:
        sides = []
        for side, owner in zip(surface.sides, owners, strict=False):
            dim = side.boundary_dofs.shape[1]
            place = np.searchsorted(rays[owner].facets, side.boundary_dofs[:, 0] // dim)
            sides.append(replace(side, dofs=place[:, None] * dim + side.boundary_dofs % dim))
        other = copy(surface)
        other.sides = tuple(sides)
        return other

    bodies = tuple(
        replace(body, surfaces=tuple(skin(wall, [number] * 2) for wall in body.surfaces))
        for number, body in enumerate(system.bodies)
    )
    interfaces = tuple(
        skin(interface, [side.body for side in interface.sides]) for interface in system.interfaces
    )
    return replace(system, bodies=bodies, interfaces=interfaces)
