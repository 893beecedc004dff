r"""The correction of the moments that makes a few sweeps enough: diffusion of the energy moment.

The moments y of the steady state solve (1 - P) y = b with P = w_out L^-1 w_in. The energy moment
y_0 is the temperature of scattering, weighted with c Gamma, while energy is conserved with c:

    w_out,0 = c Gamma / sum(c Gamma) =: c Gamma / G,      w_in,0 = Gamma.

*Rank one, thick body.* From a source Gamma T the modes drift to theta = (1 + l . grad)^-1 T with
the mean free path l = v / Gamma; expanded, theta = T - l . grad T + (l . grad)^2 T - ... In
G y_0 = sum c Gamma theta the linear term falls out, because v is odd in q, and the next one is

    G (1 - P) T = - div K grad T,      K = sum c v v / Gamma:

the weights combine to the conductivity, so that the error is r + A^-1 G r with A = -div K grad, the
1 in (1 - P)^-1 = 1 + P (1 - P)^-1 being the sweep itself. At the walls A has the flux that leaves a
black wall, a = sum c |v.n|/2 (the outgoing half), up to twice that where the layer of a mean free
path beside the wall is resolved (Marshak); jumps between cells are penalised with the same a, the
flux that they drive in the upwind scheme, on top of the least penalty of conduction. The sum of
both, instead of the larger one (the modified interior penalty of Wang & Ragusa, Nucl. Sci. Eng.
166, 145 (2010)), keeps the correction consistent with the transport scheme from cells of 1e-3 to
cells of 1e4 mean free paths: 10 steps to 1e-8 instead of 14 where the larger one changes over.

*Any body.* A plane wave of wave number k multiplies with the symbol P(k) = w_out (1 + i k.l)^-1
Gamma^-1 w_in. Modes that fly farther than 1/k do not diffuse; K would be far too large with them,
and what they carry is a loss. So A is the heat equation whose own symbol, (k^2 + s)/a, equals that
of the energy part of the inverse, (1 - P)^-1_00 - 1, at the two longest waves of the body:
conductivity G/a and loss s G/a. In a thick body s = 0 and G/a is the conductivity of the kernel, at
any rank; in a thin one the correction fades. (Sums of such terms, fitted to shorter waves too, take
1 to 5 sweeps less in films and up to 10 more in spheres.)

*The other moments* relax locally, r_i -> Y r_i, Y = (1 - P_ii)^-1 with P(k) halfway between body
and cells. To first order in k they hang together with the energy, P_i0 = -i k.b_i and P_0i =
-i k.d_i: a temperature gradient drives them, and their flux carries energy. Elimination gives

    G (1 - P_00 - P_0i Y P_i0) T = G (r_0 - d.grad Y r),       y_i = Y (r_i - b.grad T),

on the left the conductivity of the kernel instead of that of rank one. Without it the flux of a
thick body, large beside r, would come back as an error.
"""

from __future__ import annotations

import numpy as np
from mpi4py import MPI

from pbte.transport.collisions import FactoredCollisions
from pbte.transport.diffusion import HeatModel, HeatSolver, Layout
from pbte.transport.diffusion_assembly import gradients
from pbte.transport.problem import Problem
from pbte.types import Array

# The corrections need not be exact: an error of this size costs no step.
TOLERANCE = 1e-4
# A correction this small beside the sweep itself is none.
NOTHING = 1e-6


class MomentCorrection:
    """An approximation of (1 - P)^-1.

    Args:
        problem: What to solve.
        factors: Local factors of the kernel, the energy moment first.
        layout: Who owns which degrees of freedom.
        absorption: Share of what arrives that a boundary facet does not give back, 1 for a black
            wall and 0 for an adiabatic one, shape (num_boundary_facets,).

    Note: Collective over the ranks that share the modes.
    """

    def __init__(
        self, problem: Problem, factors: FactoredCollisions, layout: Layout, absorption: Array
    ) -> None:
        self.layout = layout
        mesh = problem.mesh
        longest, shortest = _wave_numbers(problem)
        long, half, short = (_symbol(problem, factors, k) for k in (longest, 2 * longest, shortest))
        one = np.eye(factors.rank)
        # Of the real part: what is odd in the direction cancels in the mean over directions.
        local = (long + short).real.mean(axis=0) / 2.0
        self.relax = np.linalg.inv(one[1:, 1:] - local[1:, 1:])
        # At the shortest wave, where they cannot exceed what a cell passes on.
        self.drive = self.relax @ (-short[:, 1:, 0].imag.T / shortest)
        self.carry = (-short[:, 0, 1:].imag / shortest) @ self.relax
        self.slopes = gradients(mesh)[layout.cells]
        first, second = (
            max(NOTHING, np.linalg.inv(one - symbol)[:, 0, 0].real.mean() - 1.0)
            for symbol in (long, half)
        )
        self.rate = float(
            problem.share.comm.allreduce(problem.heat_capacities @ problem.loss_rates)
        )
        weight, shift = one_term(longest, first, second)
        model = _heat_model(problem, layout, self.rate / weight, shift, absorption)
        # Where nothing absorbs, a uniform temperature is no error, and its round-off would grow.
        absorbs = bool(absorption.any()) or problem.absorption > 0.0
        self.floating = not problem.comm.allreduce(absorbs, MPI.LOR)
        self.heat = HeatSolver(layout, model, TOLERANCE, floating=self.floating)

    def apply(self, residual: Array, entering: Array | None = None) -> tuple[Array, Array]:
        """Return the error of the moments and the temperature in it. Collective.

        Args:
            residual: Residual of the moments, shape (rows, rank) of this rank.
            entering: Power that enters through the boundary as well, shape (rows,) [W].

        Returns:
            Error, shape (rows, rank), and T without what a sweep brings by itself, (rows,) [K].
        """
        num_corners = self.slopes.shape[1]
        volumes = self.layout.mesh.volumes[self.layout.cells, None]
        flux = (residual[:, 1:] @ self.carry.T).reshape(-1, num_corners, self.carry.shape[0])
        carried = np.einsum("cik,ck->ci", self.slopes, volumes * flux.mean(axis=1))
        heat = self.rate * (self.layout.mass(residual[:, 0]) + carried.ravel())
        if entering is not None:
            heat = heat + entering
        temperature = self.heat.solve(heat)

        gradient = np.einsum("cik,ci->ck", self.slopes, temperature.reshape(-1, num_corners))
        error = np.empty_like(residual)
        error[:, 0] = residual[:, 0] + temperature
        error[:, 1:] = residual[:, 1:] @ self.relax.T
        error[:, 1:] -= np.repeat(gradient, num_corners, axis=0) @ self.drive.T
        return error, temperature


def one_term(wave: float, first: float, second: float) -> tuple[float, float]:
    """Return a and s of a/(k^2 + s), given its values at k and at 2 k; s is not negative."""
    slope = 1.0 / second - 1.0 / first
    if not slope > 0.0:  # ballistic: both values are round-off
        return first * wave**2, 0.0
    weight = 3.0 * wave**2 / slope
    shift = weight / first - wave**2
    return (weight, shift) if shift > 0.0 else (first * wave**2, 0.0)


def _heat_model(
    problem: Problem, layout: Layout, conductivity: float, shift: float, absorption: Array
) -> HeatModel:
    """Return the heat equation of the correction, ghosts included."""
    mesh, shape = layout.mesh, _conductivity_shape(problem)
    contacts = layout.heat_mesh.contacts
    areas = np.linalg.norm(mesh.boundary_normals, axis=1)
    flux = _passing(problem, mesh.boundary_normals / areas[:, None])
    # From the bare outflow, where cells are thick, to twice that, where they are thin.
    depth = mesh.volumes[mesh.boundary_dofs[:, 0] // (mesh.dim + 1)] / areas
    flux *= 1.0 + 1.0 / (1.0 + depth * flux / conductivity)
    return HeatModel(
        conductivity=np.broadcast_to(conductivity * shape, (mesh.num_cells, *shape.shape)),
        reaction=np.full(mesh.num_cells, conductivity * shift),
        contacts=contacts,
        jumps=_passing(problem, contacts.normals / contacts.areas[:, None]),
        passages=contacts.select(np.zeros(0, dtype=np.int64)),
        conductances=np.zeros(0),
        walls=absorption * flux,
    )


def _wave_numbers(problem: Problem) -> tuple[float, float]:
    """Return the wave numbers of the body and of its cells [1/m]. Collective."""
    mesh = problem.mesh
    corners = mesh.points.reshape(-1, mesh.dim)
    ends = np.concatenate([corners.max(axis=0), -corners.min(axis=0)])
    problem.comm.Allreduce(MPI.IN_PLACE, ends, op=MPI.MAX)
    extent = float((ends[: mesh.dim] + ends[mesh.dim :]).max())
    factorial = (1.0, 1.0, 2.0, 6.0)[mesh.dim]
    sizes = (factorial * mesh.volumes) ** (1.0 / mesh.dim)
    total, count = problem.over_space(np.array([sizes.sum(), float(sizes.size)]))
    size = float(total / count)
    longest = np.pi / extent
    return longest, max(0.5 * np.pi / size, 4.0 * longest)


def _symbol(problem: Problem, factors: FactoredCollisions, wave: float) -> Array:
    """Return P(k) for k along each axis of the mesh, shape (dim, rank, rank), complex."""
    emitted = factors.w_in / problem.loss_rates[:, None]
    parts = []
    for axis in range(problem.mesh.dim):
        phase = 1.0 / (1.0 + 1j * wave * problem.velocities[:, axis] / problem.loss_rates)
        parts.append((factors.w_out * phase) @ emitted)
    return np.asarray(problem.share.comm.allreduce(np.array(parts)))


def _passing(problem: Problem, normals: Array) -> Array:
    """Return sum c |v.n| / 2, the flux through a plane per temperature, for unit normals (n, dim).

    In W/m^2 K. Collective.
    """
    flux = np.zeros(normals.shape[0])
    for start in range(0, problem.share.num_modes, 256):
        modes = slice(start, start + 256)
        speeds = np.abs(normals @ problem.velocities[modes, : problem.mesh.dim].T)
        flux += speeds @ (0.5 * problem.heat_capacities[modes])
    return np.asarray(problem.share.comm.allreduce(flux))


def _conductivity_shape(problem: Problem) -> Array:
    """Return sum c v v / Gamma over its mean diagonal, shape (dim, dim) [-]. Collective."""
    velocities = problem.velocities[:, : problem.mesh.dim]
    weights = problem.heat_capacities / problem.loss_rates
    tensor = problem.share.comm.allreduce(velocities.T @ (weights[:, None] * velocities))
    return np.asarray(tensor * (problem.mesh.dim / np.trace(tensor)))
