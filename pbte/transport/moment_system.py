"""The moments of the steady state: (1 - w_out L^-1 w_in) x = b, by a preconditioned Krylov method.

One application of the operator is one sweep of all modes; no other vector is longer than the
moments.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.linalg

from pbte.transport.collisions import FactoredCollisions
from pbte.transport.correction import MomentCorrection
from pbte.transport.diffusion import Layout
from pbte.transport.diffusion_assembly import interior_facets
from pbte.transport.problem import Modes, Problem, stream
from pbte.transport.recycling import RecycledKrylov
from pbte.types import Array

# Directions that the Krylov solves keep; each is two vectors of the size of the moments.
NUM_DIRECTIONS = 20
# Sweeps of a single Krylov solve.
MAX_STEPS = 500


class MomentSystem:
    """(1 - w_out L^-1 w_in) x = b on the moments.

    An unknown is stored as (rows, rank), the rows of a rank of MPI being the degrees of freedom of
    consecutive cells. Its norm is that of the emission w_in x.

    Args:
        problem: What to solve.
        factors: Local factors of the kernel, or of its leading part; energy-conserving.
        precondition: Whether the diffusion correction is used.
        absorption: Share of what arrives that a boundary facet does not give back, 1 for a black
            wall and 0 for an adiabatic one, shape (num_boundary_facets,); 1 by default.

    Note: Collective over the ranks that share the modes.
    """

    def __init__(
        self,
        problem: Problem,
        factors: FactoredCollisions,
        *,
        precondition: bool = True,
        absorption: Array | None = None,
    ) -> None:
        self.problem, self.factors = problem, energy_first(problem, factors)
        self.num_sweeps = 0
        comm, mesh = problem.share.comm, problem.mesh
        self.layout = Layout(comm, mesh, interior_facets(mesh))
        self.counts = np.diff(self.layout.starts) * (mesh.dim + 1) * self.rank
        weighted = problem.heat_capacities[:, None] * self.factors.w_in
        gram = comm.allreduce(self.factors.w_in.T @ weighted)
        relaxed = self.factors.w_out / problem.loss_rates
        self.projection = np.linalg.lstsq(
            comm.allreduce(relaxed @ self.factors.w_in), relaxed, rcond=1e-12
        )[0]
        if absorption is None:
            absorption = np.ones(mesh.boundary_dofs.shape[0])
        self.correct: Callable[[Array], Array] = np.copy
        if precondition:
            self.correct = MomentCorrection(problem, self.factors, self.layout, absorption).apply
        weights = mesh.dof_weights[self.layout.rows, None]
        self.krylov = RecycledKrylov(
            comm, self.apply, self.correct, lambda x: weights * (x @ gram), NUM_DIRECTIONS
        )

    @property
    def rank(self) -> int:
        """Number of moments."""
        return self.factors.rank

    def norm(self, moments: Array) -> float:
        """Return the norm of the emission w_in x. Collective."""
        return self.krylov.norm(moments)

    def solve(self, rhs: Array, reduction: float, target: float) -> Array:
        """Return x on this rank's rows. Collective.

        Args:
            rhs: b.
            reduction: Norm of the residual relative to that of b.
            target: Norm of the residual that is small enough anyhow.
        """
        target = max(target, reduction * self.norm(rhs))
        moments, residual = self.krylov.solve(rhs, target, MAX_STEPS)
        # What is left is corrected once more, without a sweep to see what that brings.
        return moments + self.correct(residual)

    def apply(self, moments: Array) -> Array:
        """Return (1 - w_out L^-1 w_in) x on this rank's rows. Collective."""
        everywhere = self.gather(moments)
        streamed = np.zeros((self.rank, self.problem.mesh.num_dofs))
        for modes in self.problem.mode_blocks():
            theta = self.emit(modes, everywhere)
            stream(self.problem, theta, modes, walls=False)
            streamed += self.factors.w_out[:, modes] @ theta
        self.num_sweeps += 1
        return moments - self.scatter(streamed.T)

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
