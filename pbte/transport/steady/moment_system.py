"""The moments of the steady state: (1 - w_out L^-1 w_in) x = b, by a preconditioned Krylov method.

One application of the operator is one sweep of all modes of all bodies; Krylov vectors consist of
the moments and the inflow of walls and interfaces only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from mpi4py import MPI

from pbte.core.types import Array, IntArray, Numbers
from pbte.geometry.partition import CUT
from pbte.geometry.sweep_mesh import SweepMesh, side_by_side
from pbte.transport.body import stream
from pbte.transport.boundary import Surface
from pbte.transport.collisions import FactoredCollisions
from pbte.transport.heat.assembly import FacetPairs
from pbte.transport.heat.ghosts import heat_mesh
from pbte.transport.heat.solver import Layout
from pbte.transport.steady.boundary_unknowns import BoundaryUnknowns
from pbte.transport.steady.diffusion_preconditioner import DiffusionSyntheticAcceleration
from pbte.transport.steady.krylov import RecyclingGCR
from pbte.transport.steady.moments import BodyMoments
from pbte.transport.steady.ray_preconditioner import RayPreconditioner
from pbte.transport.system import Boundary, System

# Search directions kept by the Krylov solver; each is two vectors of the size of the moments.
NUM_DIRECTIONS = 20
# Sweeps of a single Krylov solve.
MAX_STEPS = 500


class MomentSystem:
    """(1 - w_out L^-1 w_in) x = b on the moments and the inflow of walls and interfaces.

    The unknowns of this rank are one vector: the moments of each body (rows, rank), the rows being
    the degrees of freedom of consecutive cells, then the boundary unknowns. The norm is that of the
    emission w_in x, plus that of the inflow weighted with a mean loss rate.

    Args:
        system: The bodies.
        factors: Local factors of the kernel of each body, or of its leading part.
        precondition: Whether diffusion synthetic acceleration is used.

    Note: Collective over the ranks.
    """

    def __init__(
        self,
        system: System,
        factors: Sequence[FactoredCollisions],
        *,
        precondition: bool = True,
    ) -> None:
        self.system, self.num_sweeps = system, 0
        bodies, group = system.bodies, system.group
        mesh = side_by_side([body.mesh for body in bodies])
        touching, passages, conductances = _joined(system, mesh)
        cells = heat_mesh(mesh, bodies[0].mode_partition, bodies[0].halo, system.comm, touching)
        self.layout = Layout(system.comm, cells, group.rank)
        starts = self.layout.starts * (mesh.dim + 1)
        ends = np.cumsum([0] + [body.mesh.num_dofs for body in bodies])
        self.bodies = [
            BodyMoments(body, own, np.clip(starts, first, last) - first)
            for body, own, first, last in zip(bodies, factors, ends, ends[1:], strict=False)
        ]
        self.counts = np.diff(starts)
        self.boundary = Boundary(system)
        heat = [body.heat_capacities @ np.abs(body.loss_rates) for body in bodies]
        capacity = sum(body.modes.heat_capacity for body in bodies)
        self.unknowns = BoundaryUnknowns(self.boundary, group.allreduce(sum(heat)) / capacity)
        self.has_boundary = system.comm.allreduce(self.unknowns.size) > 0
        self.correction, self.ray_preconditioner = None, None
        if precondition:
            black = np.concatenate([black_facets(system, number) for number in range(len(bodies))])
            self.correction = DiffusionSyntheticAcceleration(
                system, self.bodies, self.layout, black, passages, conductances
            )
            # Diffuse surfaces have few bins, in which the memory of the direction is lost.
            if system.comm.allreduce(_sends_modes(system), MPI.LOR):
                self.ray_preconditioner = RayPreconditioner(system, self.bodies, self.unknowns)
        self.krylov = RecyclingGCR(
            system.comm, self.apply, self._correct, self._weigh, NUM_DIRECTIONS
        )

    @property
    def rank(self) -> int:
        """Largest number of moments of a body."""
        return max(body.rank for body in self.bodies)

    def parts(self, x: Numbers) -> tuple[list[Numbers], Numbers]:
        """Return the moments of each body, (rows, rank), and the unknowns of the boundary."""
        moments: list[Numbers] = []
        start = 0
        for body in self.bodies:
            size = body.shape[0] * body.shape[1]
            moments.append(x[start : start + size].reshape(body.shape))
            start += size
        return moments, x[start:]

    def join(self, moments: Sequence[Numbers], entering: Numbers) -> Numbers:
        """Return moments and boundary unknowns as one vector."""
        return np.concatenate([*(part.ravel() for part in moments), entering])

    def norm(self, x: Numbers) -> float:
        """Return the norm of the emission w_in x and of the inflow. Collective."""
        return self.krylov.norm(x)

    def solve(
        self,
        rhs: Numbers,
        reduction: float,
        target: float,
        enough: Callable[[], bool] = lambda: False,
        *,
        new_direction: bool = False,
    ) -> Numbers:
        """Return x on this rank's rows. Collective.

        Args:
            rhs: b.
            reduction: Norm of the residual to reach relative to that of b [-].
            target: Norm of the residual to reach in any case.
            enough: Called after each sweep; whether to stop early. Collective.
            new_direction: Whether to add a search direction even where the old ones suffice.
        """
        goal = max(target, reduction * self.norm(rhs))
        before = self.num_sweeps
        x, residual = self.krylov.solve(rhs, goal, MAX_STEPS, enough)
        if new_direction and self.num_sweeps == before:
            more, residual = self.krylov.solve(residual, target, 1)
            x += more
        # The remaining residual is corrected once more, without another sweep.
        return x + self._correct(residual)

    def temperature_correction(self, residual: Numbers) -> float:
        """Return the largest temperature correction for a residual [K]. Collective.

        By the preconditioner, without a sweep; the first moment is the temperature of scattering.
        """
        moments, _ = self.parts(self._correct(residual))
        largest = max(float(np.abs(part[:, 0]).max(initial=0.0)) for part in moments)
        return float(self.system.comm.allreduce(largest, op=MPI.MAX))

    def apply(self, x: Numbers) -> Numbers:
        """Return (1 - w_out L^-1 w_in) x on this rank's rows. Collective."""
        moments, entering = self.parts(x)
        self.unknowns.write(entering)
        arrived = []
        for number, (body, local) in enumerate(zip(self.bodies, moments, strict=True)):
            everywhere, streamed = body.gather(local), body.nothing()
            for modes in body.body.mode_blocks():
                theta = body.emit(modes, everywhere)
                inflow = self.boundary.inflow(number, modes, given=False)
                stream(body.body, theta, modes, inflow=inflow)
                streamed += body.collected(modes, theta)
                self.boundary.collect(number, modes, theta)
            arrived.append(body.scatter(streamed.T))
        self.boundary.reflect()
        self.num_sweeps += 1
        return x - self.join(arrived, self.unknowns.read())

    def _weigh(self, x: Numbers) -> Numbers:
        moments, entering = self.parts(x)
        weighed = [
            body.weights[:, None] * (part @ body.gram)
            for body, part in zip(self.bodies, moments, strict=True)
        ]
        return self.join(weighed, self.unknowns.weights * entering)

    def _correct(self, x: Numbers) -> Numbers:
        """Return the estimated error of a residual. Collective.

        The residual of the inflow acts as a heat source in the bodies, and their temperature
        correction changes the outgoing flux at the surfaces and with it the inflow.
        """
        if self.correction is None:
            return x.copy()
        residuals, entering = self.parts(x)
        if not self.has_boundary:
            return self.join(self.correction.apply(residuals)[0], entering)
        if self.ray_preconditioner is None:
            heat = self.unknowns.into_dofs(entering)
        else:
            entering = self.ray_preconditioner.settle(entering)
            scattered, heat = self.ray_preconditioner.scattered(entering)
            residuals = [own + more for own, more in zip(residuals, scattered, strict=True)]
        errors, temperature = self.correction.apply(residuals, heat[self.layout.rows])
        everywhere = np.empty(self.unknowns.num_dofs, dtype=temperature.dtype)
        self.system.group.Allgatherv(temperature, [everywhere, self.counts])
        return self._pinned(self.join(errors, entering + self.unknowns.at_dofs(everywhere)))

    def _pinned(self, x: Numbers) -> Numbers:
        """Return x without its uniform temperature, which is free where nothing absorbs."""
        assert self.correction is not None
        if not self.correction.floating:
            return x
        moments = [np.zeros(body.shape) for body in self.bodies]
        for part in moments:
            part[:, 0] = 1.0
        uniform = self.join(moments, self.unknowns.at_dofs(np.ones(self.unknowns.num_dofs)))
        weighed = self._weigh(uniform)
        products = np.array([np.vdot(weighed, x), np.vdot(weighed, uniform)])
        product, size = self.system.comm.allreduce(products)
        return np.asarray(x - (product / size) * uniform)


def _sends_modes(system: System) -> bool:
    """Return whether a surface of this rank has a sparse (specular) part."""
    walls = [wall for body in system.bodies for wall in body.surfaces]
    return any(surface.is_sparse for surface in (*walls, *system.interfaces))


def black_facets(system: System, number: int) -> Array:
    """Return 1 for black boundary facets of a body, 0 for reflecting walls and interfaces."""
    body = system.bodies[number]
    absorption = np.where(body.mesh.boundary_walls == CUT, 0.0, 1.0)
    sides = [side for surface in body.surfaces for side in surface.sides]
    sides += [
        side for interface in system.interfaces for side in interface.sides if side.body == number
    ]
    for side in sides:
        absorption[side.boundary_dofs[:, 0] // body.mesh.dim] = 0.0
    return absorption


def _joined(system: System, mesh: SweepMesh) -> tuple[FacetPairs | None, FacetPairs, Array]:
    """Return facets of continuous contact, interface facets, and conductances of the latter.

    Continuous are periodic boundaries and perfect interfaces; None if there are none. All numbered
    over all bodies.
    """
    offsets = np.cumsum([0] + [body.mesh.num_dofs for body in system.bodies])
    doubles: list[tuple[Surface, list[int]]] = [
        (surface, [number, number])
        for number, body in enumerate(system.bodies)
        for surface in body.surfaces
        if len(surface.sides) == 2
    ]
    doubles += [
        (interface, [side.body for side in interface.sides]) for interface in system.interfaces
    ]
    dim = mesh.dim
    dofs: list[IntArray] = [np.zeros((0, 2, dim), np.int64)]
    normals: list[Array] = [np.zeros((0, dim))]
    conductances: list[Array] = [np.zeros(0)]
    for surface, owners in doubles:
        first, second = (
            side.dofs + offsets[owner] for side, owner in zip(surface.sides, owners, strict=True)
        )
        dofs.append(np.stack([first, second], axis=1))
        normals.append(_normals_of(system, surface, owners[0]))
        conductances.append(surface.conductances[surface.normal_of])
    places = np.concatenate(dofs)
    pairs = FacetPairs(
        cells=places[:, :, 0] // (dim + 1), dofs=places, normals=np.concatenate(normals)
    )
    passing = np.concatenate(conductances)
    touching: IntArray = np.flatnonzero(np.isinf(passing))
    apart: IntArray = np.flatnonzero(np.isfinite(passing))
    contacts = pairs.select(touching) if touching.size else None
    return contacts, pairs.select(apart), passing[apart]


def _normals_of(system: System, surface: Surface, owner: int) -> Array:
    mesh = system.bodies[owner].mesh
    return mesh.boundary_normals[surface.sides[0].boundary_dofs[:, 0] // mesh.dim]
