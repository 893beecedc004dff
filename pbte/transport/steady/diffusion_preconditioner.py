r"""Diffusion synthetic acceleration: preconditioner of the moments by a heat equation.

The moments y of the steady state solve (1 - P) y = b with P = w_out L^-1 w_in. The energy moment
y_0 is the temperature of scattering, weighted with c Gamma, while energy is conserved with c:

    w_out,0 = c Gamma / sum(c Gamma) =: c Gamma / G,      w_in,0 = Gamma.

*Rank one, thick domain.* A source Gamma T streams to theta = (1 + l . grad)^-1 T with the mean free
path l = v / Gamma; expanded, theta = T - l . grad T + (l . grad)^2 T - ... In G y_0 = sum c Gamma
theta the linear term vanishes, because v is odd in q, and the next one is

    G (1 - P) T = - div K grad T,      K = sum c v v / Gamma:

the weights combine to the conductivity, so the error is r + A^-1 G r with A = -div K grad, the 1 in
(1 - P)^-1 = 1 + P (1 - P)^-1 being the sweep itself. At a black wall the boundary condition of A is
the outgoing partial current a = sum c |v.n|/2 per T, up to twice that where the layer of one mean
free path at the wall is resolved (Marshak); jumps between cells are penalised with the same a, the
upwind flux, in addition to the least penalty of conduction. The sum of both, instead of the larger
one (the modified interior penalty of Wang & Ragusa, Nucl. Sci. Eng. 166, 145 (2010)), keeps the
correction consistent with the transport scheme from cells of 1e-3 to cells of 1e4 mean free paths:
10 steps to 1e-8 instead of 14 where the larger one changes over.

*General domain.* For a plane wave of wave number k, P has the symbol P(k) = w_out (1 + i k.l)^-1
Gamma^-1 w_in. Modes with mean free paths beyond 1/k do not diffuse; they would make K far too large
and act as a loss. So A is the heat equation whose symbol, (k^2 + s)/a, equals that of the energy
part of the inverse, (1 - P)^-1_00 - 1, at the two longest waves of the domain: conductivity G/a and
loss s G/a. In a thick domain s = 0 and G/a is the conductivity of the kernel, at any rank; in a
thin one the correction vanishes. (Sums of such terms, fitted to shorter waves too, take 1 to 5
sweeps less in films and up to 10 more in spheres.)

*The other moments* relax locally, r_i -> Y r_i, Y = (1 - P_ii)^-1 with P(k) averaged between the
scales of domain and cells. To first order in k they couple to the energy, P_i0 = -i k.b_i and P_0i
= -i k.d_i: a temperature gradient drives them, and their flux carries energy. Elimination gives

    G (1 - P_00 - P_0i Y P_i0) T = G (r_0 - d.grad Y r),       y_i = Y (r_i - b.grad T),

on the left the conductivity of the kernel instead of that of rank one. Without it the flux in a
thick domain, much larger than r, would appear as an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from mpi4py import MPI

from pbte.core.types import Array, IntArray, Numbers
from pbte.transport.body import Body, with_past
from pbte.transport.collisions import FactoredCollisions
from pbte.transport.heat.assembly import FacetPairs, gradients
from pbte.transport.heat.solver import HeatModel, HeatSolver, Layout
from pbte.transport.steady.moments import BodyMoments
from pbte.transport.system import System

# Relative tolerance of the heat equation: errors of this size cost no Krylov step.
TOLERANCE = 1e-4
# Corrections smaller than this relative to the sweep are negligible.
NOTHING = 1e-6


class DiffusionSyntheticAcceleration:
    """An approximation of (1 - P)^-1 in all bodies.

    All bodies share one heat equation, with the local conductance h of each interface; the other
    parts are block diagonal in the bodies.

    Args:
        system: The bodies.
        moments: Their moments, the energy moment first.
        layout: Ownership of the degrees of freedom of all bodies.
        absorption: Absorptivity of each boundary facet, 1 for a black wall and 0 for a reflecting
            one or an interface, shape (num_boundary_facets,) [-].
        passages: Interfaces between the bodies.
        conductances: h of each of these facets, shape (num_passages,) [W/m^2 K].

    Note: Collective over the ranks that share the modes.
    """

    def __init__(
        self,
        system: System,
        moments: Sequence[BodyMoments],
        layout: Layout,
        absorption: Array,
        passages: FacetPairs,
        conductances: Array,
    ) -> None:
        self.layout, self.moments = layout, moments
        self.slopes = gradients(layout.mesh)[layout.cells]
        longest = np.pi / _extent(system)
        self.bodies = [_BodyCorrection(part, longest) for part in moments]
        heat = _heat_model(self.bodies, layout, absorption, passages, conductances)
        # Without absorption the uniform temperature is free, and its round-off would grow.
        absorbs = bool(absorption.any()) or any(body.absorption for body in system.bodies)
        self.floating = not system.comm.allreduce(absorbs, MPI.LOR)
        self.heat = HeatSolver(layout, heat, TOLERANCE, floating=self.floating)

    def apply(
        self, residuals: Sequence[Numbers], entering: Numbers | None = None
    ) -> tuple[list[Numbers], Numbers]:
        """Return the estimated error of the moments and its temperature. Collective.

        Args:
            residuals: Residual of the moments of each body, shape (rows, rank) of this rank.
            entering: Additional power entering through the boundary, shape (rows of all bodies,)
                [W].

        Returns:
            Errors, and T without the contribution of the sweep itself, (rows of all bodies,) [K].
        """
        heat = np.concatenate(
            [
                body.rate * self._carried(residual, body.carry, places)
                for body, residual, places in zip(
                    self.bodies, residuals, self._places(), strict=True
                )
            ]
        )
        if entering is not None:
            heat = heat + entering
        temperature = self._solved(heat)
        errors = []
        corners = self.slopes.shape[1]
        for body, residual, places in zip(self.bodies, residuals, self._places(), strict=True):
            own = temperature[corners * places.start : corners * places.stop]
            gradient = np.einsum("cik,ci->ck", self.slopes[places], own.reshape(-1, corners))
            error = np.empty_like(residual)
            error[:, 0] = residual[:, 0] + own
            error[:, 1:] = residual[:, 1:] @ body.relax.T
            error[:, 1:] -= np.repeat(gradient, corners, axis=0) @ body.drive.T
            errors.append(error)
        return errors, temperature

    def _places(self) -> Iterator[slice]:
        """Yield the cells of each body among those of this rank."""
        start = 0
        for part in self.moments:
            stop = start + part.shape[0] // self.slopes.shape[1]
            yield slice(start, stop)
            start = stop

    def _carried(self, residual: Numbers, carry: Array, places: slice) -> Numbers:
        """Return int S (r_0 - d . grad Y r) for every basis function S of a body's rows."""
        corners = self.slopes.shape[1]
        volumes = self.layout.mesh.volumes[self.layout.cells[places], None]
        energy = residual[:, 0].reshape(-1, corners)
        scale = volumes / (corners * (corners + 1))
        stored = scale * (energy + energy.sum(axis=1, keepdims=True))
        flux = (residual[:, 1:] @ carry.T).reshape(-1, corners, carry.shape[0])
        carried = np.einsum("cik,ck->ci", self.slopes[places], volumes * flux.mean(axis=1))
        return np.asarray((stored + carried).ravel())

    def _solved(self, heat: Numbers) -> Numbers:
        """Return the temperature, solved separately for real and imaginary parts."""
        if np.iscomplexobj(heat):
            return self.heat.solve(heat.real) + 1j * self.heat.solve(heat.imag)
        return self.heat.solve(heat)


class _BodyCorrection:
    """Contribution of a body: coefficients of its heat equation and response of other moments.

    A complex absorption i omega is replaced by omega: (A + omega)^-1 and (A + i omega)^-1 differ by
    at most a factor of sqrt 2.

    Args:
        moments: Moments of the body.
        longest: Wave number of the longest wave [1/m].
    """

    def __init__(self, moments: BodyMoments, longest: float) -> None:
        factors = moments.factors
        self.body = problem = with_past(moments.body, abs(moments.body.absorption), None)
        shortest = max(0.5 * np.pi / _cell_size(problem), 4.0 * longest)
        long, half, short = (_symbol(problem, factors, k) for k in (longest, 2 * longest, shortest))
        one = np.eye(factors.rank)
        # Real part: terms odd in the direction cancel in the mean over directions.
        local = (long + short).real.mean(axis=0) / 2.0
        self.relax = np.linalg.inv(one[1:, 1:] - local[1:, 1:])
        # At the shortest wave, where they are bounded by the transport across a cell.
        self.drive = self.relax @ (-short[:, 1:, 0].imag.T / shortest)
        self.carry = np.asarray((-short[:, 0, 1:].imag / shortest) @ self.relax, dtype=np.float64)
        first, second = (
            max(NOTHING, np.linalg.inv(one - symbol)[:, 0, 0].real.mean() - 1.0)
            for symbol in (long, half)
        )
        self.rate = float(
            problem.mode_partition.comm.allreduce(problem.heat_capacities @ problem.loss_rates)
        )
        weight, shift = one_term(longest, first, second)
        self.conductivity = self.rate / weight
        self.reaction = self.conductivity * shift


def one_term(wave: float, first: float, second: float) -> tuple[float, float]:
    """Return a and s of a/(k^2 + s), given its values at k and at 2 k; s is not negative."""
    slope = 1.0 / second - 1.0 / first
    if not slope > 0.0:  # ballistic: both values are round-off
        return first * wave**2, 0.0
    weight = 3.0 * wave**2 / slope
    shift = weight / first - wave**2
    return (weight, shift) if shift > 0.0 else (first * wave**2, 0.0)


def _heat_model(
    bodies: Sequence[_BodyCorrection],
    layout: Layout,
    absorption: Array,
    passages: FacetPairs,
    conductances: Array,
) -> HeatModel:
    """Return the heat equation of the correction, ghosts included."""
    mesh, contacts = layout.mesh, layout.heat_mesh.contacts
    counts = [body.body.mesh.num_cells for body in bodies]
    # Ghosts are cells of the only body.
    counts[-1] += mesh.num_cells - sum(counts)
    number = np.repeat(np.arange(len(bodies)), counts)
    tensors = np.array([b.conductivity * _conductivity_shape(b.body) for b in bodies])
    conductivity = np.array([body.conductivity for body in bodies])

    areas = np.linalg.norm(mesh.boundary_normals, axis=1)
    cells = mesh.boundary_dofs[:, 0] // (mesh.dim + 1)
    flux = _passing(bodies, number[cells], mesh.boundary_normals / areas[:, None])
    # From the partial current in thick cells to twice that in thin ones.
    depth = mesh.volumes[cells] / areas
    flux *= 1.0 + 1.0 / (1.0 + depth * flux / conductivity[number[cells]])
    return HeatModel(
        conductivity=tensors[number],
        reaction=np.array([body.reaction for body in bodies])[number],
        contacts=contacts,
        jumps=_passing(
            bodies, number[contacts.cells[:, 0]], contacts.normals / contacts.areas[:, None]
        ),
        passages=passages,
        conductances=conductances,
        walls=absorption * flux,
    )


def _extent(system: System) -> float:
    """Return the largest extent of the whole domain [m]. Collective."""
    dim = system.bodies[0].mesh.dim
    corners = np.concatenate([body.mesh.points.reshape(-1, dim) for body in system.bodies])
    ends = np.concatenate([corners.max(axis=0), -corners.min(axis=0)])
    system.comm.Allreduce(MPI.IN_PLACE, ends, op=MPI.MAX)
    return float((ends[:dim] + ends[dim:]).max())


def _cell_size(body: Body) -> float:
    """Return the mean size of the cells of a body [m]. Collective."""
    mesh = body.mesh
    factorial = (1.0, 1.0, 2.0, 6.0)[mesh.dim]
    sizes = (factorial * mesh.volumes) ** (1.0 / mesh.dim)
    total, count = body.sum_over_space(np.array([sizes.sum(), float(sizes.size)]))
    return float(total / count)


def _symbol(body: Body, factors: FactoredCollisions, wave: float) -> Array:
    """Return P(k) for k along each axis of the mesh, shape (dim, rank, rank), complex."""
    emitted = factors.w_in / body.loss_rates[:, None]
    parts = []
    for axis in range(body.mesh.dim):
        phase = 1.0 / (1.0 + 1j * wave * body.velocities[:, axis] / body.loss_rates)
        parts.append((factors.w_out * phase) @ emitted)
    return np.asarray(body.mode_partition.comm.allreduce(np.array(parts)))


def _passing(bodies: Sequence[_BodyCorrection], numbers: IntArray, normals: Array) -> Array:
    """Return sum c |v.n| / 2, the partial current per temperature [W/m^2 K]. Collective.

    Args:
        bodies: The bodies.
        numbers: Number of the body of each plane, shape (n,).
        normals: Unit normals, shape (n, dim).
    """
    flux = np.zeros(normals.shape[0])
    for number, part in enumerate(bodies):
        body, own = part.body, np.flatnonzero(numbers == number)
        for start in range(0, body.mode_partition.num_modes, 256):
            modes = slice(start, start + 256)
            speeds = np.abs(normals[own] @ body.velocities[modes, : body.mesh.dim].T)
            flux[own] += speeds @ (0.5 * body.heat_capacities[modes])
    return np.asarray(bodies[0].body.mode_partition.comm.allreduce(flux))


def _conductivity_shape(body: Body) -> Array:
    """Return sum c v v / Gamma divided by its mean diagonal, (dim, dim) [-]. Collective."""
    velocities = body.velocities[:, : body.mesh.dim]
    weights = body.heat_capacities / body.loss_rates
    tensor = body.mode_partition.comm.allreduce(velocities.T @ (weights[:, None] * velocities))
    return np.asarray(tensor * (body.mesh.dim / np.trace(tensor)))
