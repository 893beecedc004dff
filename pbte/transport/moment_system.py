"""The moments of the steady state: (1 - w_out L^-1 w_in) x = b, by a preconditioned Krylov method.

One application of the operator is one sweep of all modes; no other vector is longer than the
moments.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg

from pbte.transport.boundary_unknowns import BoundaryUnknowns
from pbte.transport.collisions import FactoredCollisions
from pbte.transport.correction import MomentCorrection
from pbte.transport.diffusion import Layout
from pbte.transport.diffusion_assembly import FacetPairs
from pbte.transport.ghosts import heat_mesh
from pbte.transport.partition import CUT
from pbte.transport.problem import Modes, Problem, stream
from pbte.transport.recycling import RecycledKrylov
from pbte.transport.system import Boundary, as_system
from pbte.types import Array

# Directions that the Krylov solves keep; each is two vectors of the size of the moments.
NUM_DIRECTIONS = 20
# Sweeps of a single Krylov solve.
MAX_STEPS = 500


class MomentSystem:
    """(1 - w_out L^-1 w_in) x = b on the moments, and on what walls and interfaces send in.

    An unknown is one vector of this rank: the moments (rows, rank), the rows being the degrees of
    freedom of consecutive cells, then the unknowns of the boundary. Its norm is that of the
    emission w_in x, and of what enters in proportion to a mean loss rate.

    Args:
        problem: What to solve.
        factors: Local factors of the kernel, or of its leading part; energy-conserving.
        precondition: Whether the diffusion correction is used.

    Note: Collective over the ranks.
    """

    def __init__(
        self, problem: Problem, factors: FactoredCollisions, *, precondition: bool = True
    ) -> None:
        self.problem, self.factors = problem, energy_first(problem, factors)
        self.num_sweeps = 0
        group, mesh = problem.share.comm, problem.mesh
        joined = _joined(problem)
        cells = heat_mesh(mesh, problem.share, problem.halo, problem.comm, joined)
        self.layout = Layout(problem.comm, cells, group.rank)
        self.counts = np.diff(self.layout.starts) * (mesh.dim + 1) * self.rank
        weighted = problem.heat_capacities[:, None] * self.factors.w_in
        gram = group.allreduce(self.factors.w_in.T @ weighted)
        relaxed = self.factors.w_out / problem.loss_rates
        self.projection = np.linalg.lstsq(
            group.allreduce(relaxed @ self.factors.w_in), relaxed, rcond=1e-12
        )[0]
        self.boundary = Boundary(as_system(problem))
        heat = group.allreduce(problem.heat_capacities @ problem.loss_rates)
        self.unknowns = BoundaryUnknowns(self.boundary, heat / problem.modes.heat_capacity)
        self.has_boundary = problem.comm.allreduce(self.unknowns.size) > 0
        self.correct: Callable[[Array], Array] = np.copy
        if precondition:
            self.correction = MomentCorrection(
                problem, self.factors, self.layout, black_facets(problem)
            )
            self.correct = self._correct
        weights = mesh.dof_weights[self.layout.rows, None]

        def weigh(x: Array) -> Array:
            moments, entering = self.parts(x)
            return self.join(weights * (moments @ gram), self.unknowns.weights * entering)

        self.krylov = RecycledKrylov(problem.comm, self.apply, self.correct, weigh, NUM_DIRECTIONS)

    @property
    def rank(self) -> int:
        """Number of moments."""
        return self.factors.rank

    def parts(self, x: Array) -> tuple[Array, Array]:
        """Return the moments, shape (rows, rank), and the unknowns of the boundary."""
        size = self.layout.num_rows * self.rank
        return x[:size].reshape(-1, self.rank), x[size:]

    def join(self, moments: Array, entering: Array) -> Array:
        """Return both as one vector."""
        return np.concatenate([moments.ravel(), entering])

    def norm(self, x: Array) -> float:
        """Return the norm of the emission w_in x and of what enters. Collective."""
        return self.krylov.norm(x)

    def solve(self, rhs: Array, reduction: float, target: float) -> Array:
        """Return x on this rank's rows. Collective.

        Args:
            rhs: b.
            reduction: Norm of the residual relative to that of b.
            target: Norm of the residual that is small enough anyhow.
        """
        target = max(target, reduction * self.norm(rhs))
        x, residual = self.krylov.solve(rhs, target, MAX_STEPS)
        # What is left is corrected once more, without a sweep to see what that brings.
        return x + self.correct(residual)

    def apply(self, x: Array) -> Array:
        """Return (1 - w_out L^-1 w_in) x on this rank's rows. Collective."""
        moments, entering = self.parts(x)
        everywhere = self.gather(moments)
        self.unknowns.write(entering)
        streamed = np.zeros((self.rank, self.problem.mesh.num_dofs))
        for modes in self.problem.mode_blocks():
            theta = self.emit(modes, everywhere)
            inflow = self.boundary.inflow(0, modes, given=False)
            stream(self.problem, theta, modes, inflow=inflow)
            streamed += self.factors.w_out[:, modes] @ theta
            self.boundary.collect(0, modes, theta)
        self.boundary.reflect()
        self.num_sweeps += 1
        return x - self.join(self.scatter(streamed.T), self.unknowns.read())

    def _correct(self, x: Array) -> Array:
        """Return the error from the residual. Collective.

        What is missing at the walls is heat that enters the body there, and where the body warms
        by T so does what it sends to a wall, and what that returns.
        """
        residual, missing = self.parts(x)
        if not self.has_boundary:
            return self.join(self.correction.apply(residual)[0], missing)
        heat = self.unknowns.into_dofs(missing, self.problem.mesh.num_dofs)
        error, temperature = self.correction.apply(residual, heat[self.layout.rows])
        everywhere = np.empty(self.problem.mesh.num_dofs)
        self.problem.share.comm.Allgatherv(temperature, [everywhere, self.counts // self.rank])
        return self._pinned(self.join(error, missing + self.unknowns.at_dofs(everywhere)))

    def _pinned(self, x: Array) -> Array:
        """Return x without its uniform temperature, which nothing pins where no wall absorbs."""
        if not self.correction.floating:
            return x
        moments = np.zeros((self.layout.num_rows, self.rank))
        moments[:, 0] = 1.0
        uniform = self.join(moments, self.unknowns.at_dofs(np.ones(self.problem.mesh.num_dofs)))
        weighed = self.krylov.weigh(uniform)
        products = np.array([np.vdot(weighed, x), np.vdot(weighed, uniform)])
        share, size = self.problem.comm.allreduce(products)
        return np.asarray(x - (share / size) * uniform, dtype=np.float64)

    def emit(self, modes: Modes, moments: Array) -> Array:
        """Return w_in x of some modes from x at all degrees of freedom, (modes, num_dofs)."""
        return np.asarray(self.factors.w_in[modes] @ moments.T, dtype=np.float64)

    def gather(self, local: Array) -> Array:
        """Return the moments at all degrees of freedom, shape (num_dofs, rank). Collective."""
        everywhere = np.empty((self.problem.mesh.num_dofs, self.rank))
        self.problem.share.comm.Allgatherv(np.ascontiguousarray(local), [everywhere, self.counts])
        return everywhere

    def scatter(self, partial: Array) -> Array:
        """Return the sum over the ranks on this rank's rows, shape (rows, rank). Collective."""
        mine = np.empty((self.layout.num_rows, self.rank))
        self.problem.share.comm.Reduce_scatter(
            np.ascontiguousarray(partial), mine, list(self.counts)
        )
        return mine


def black_facets(problem: Problem) -> Array:
    """Return 1 for black boundary facets and 0 for all that send back or lead on elsewhere."""
    mesh = problem.mesh
    absorption = np.where(mesh.boundary_walls == CUT, 0.0, 1.0)
    for surface in problem.surfaces:
        for side in surface.sides:
            absorption[side.slots[:, 0] // mesh.dim] = 0.0
    return absorption


def _joined(problem: Problem) -> FacetPairs | None:
    """Return the boundary facets where the body goes on at another of its facets."""
    pairs = [surface for surface in problem.surfaces if len(surface.sides) == 2]
    if not pairs:
        return None
    mesh = problem.mesh
    dofs = np.concatenate([np.stack([s.dofs for s in p.sides], axis=1) for p in pairs])
    facets = np.concatenate([p.sides[0].slots[:, 0] // mesh.dim for p in pairs])
    return FacetPairs(
        cells=dofs[:, :, 0] // (mesh.dim + 1), dofs=dofs, normals=mesh.boundary_normals[facets]
    )


def energy_first(problem: Problem, factors: FactoredCollisions) -> FactoredCollisions:
    """Return the same kernel with the temperature of scattering as its first moment.

    M = w_in w_out = (w_in S)(S^-1 w_out). A uniform temperature has the moments e = w_out 1, and
    sum c w_in y = G l.y is the energy emitted; with S = (e, null space of l) the first moment is
    l.y and e is the first unit vector. Kernels that come so are returned unchanged. Collective.
    """
    comm = problem.share.comm
    uniform = comm.allreduce(factors.w_out.sum(axis=1))
    emitted = comm.allreduce(problem.heat_capacities @ factors.w_in)
    emitted = emitted / (emitted @ uniform)
    first = np.eye(factors.rank)[0]
    if max(np.abs(uniform - first).max(), np.abs(emitted - first).max()) < 1e-8:
        return factors
    basis = np.column_stack([uniform, scipy.linalg.null_space(emitted[None, :])])
    return FactoredCollisions(
        share=factors.share,
        w_in=np.ascontiguousarray(factors.w_in @ basis),
        w_out=np.linalg.solve(basis, factors.w_out),
    )
