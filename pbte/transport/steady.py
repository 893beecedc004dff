"""The steady state: the sum of all scattering orders, reached without summing them.

Each step is one more scattering event with the full matrix, followed by the exact sum of all
further events of its leading part. With M_k the kernel truncated to its k largest eigenvalues
(M_k = w_in w_out, energy-conserving at any rank):

    Q     <- M theta + g                                    the full matrix, once
    theta <- L^-1 Q
    (1 - w_out L^-1 w_in) delta = w_out theta - w_out theta_before        Krylov, on k moments
    Q     <- Q + w_in delta,   theta <- theta + L^-1 w_in delta

so the fixed point is that of the full matrix while every Krylov vector holds k moments instead of
all modes. (Synthetic acceleration: Adams & Larsen, Prog. Nucl. Energy 40, 3 (2002); as a
preconditioned Krylov method: Warsa, Wareing & Morel, Nucl. Sci. Eng. 147, 218 (2004).) What is
left of M beyond rank k contracts quickly; the modes that make the plain orders diverge are inside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from petsc4py import PETSc

from pbte.materials.kernel import FactoredKernel
from pbte.transport.collisions import BLOCK, FactoredCollisions, blocks, local_factors
from pbte.transport.problem import Problem, stream
from pbte.transport.reports import SteadyReport
from pbte.types import Array

# One step of the full matrix leaves about this share of the error, so solving the inner system
# more sharply would be wasted.
INNER_REDUCTION = 0.05
INNER_RESTART = 40
MODE_BLOCK = 256


@dataclass(frozen=True, kw_only=True)
class SteadyState:
    """The solution and how it was found.

    Attributes:
        theta: Mode temperatures of the local modes, shape (local modes, num_dofs) [K].
        report: Residuals and counts.
    """

    theta: Array
    report: SteadyReport


def solve_steady(
    problem: Problem,
    kernel: FactoredKernel,
    *,
    tolerance: float = 1e-8,
    max_iterations: int = 50,
    progress: Callable[[str], None] = lambda text: None,
) -> SteadyState:
    """Return the steady state of the full problem.

    Args:
        problem: What to solve, without self-scattering (it changes nothing here).
        kernel: The leading part of its kernel, or the kernel itself when it is of low rank.
        tolerance: Residual |M theta + g - L theta| relative to the source |M theta + g| of the
            first scattering order, in the norm weighted with heat capacity and volume.
        max_iterations: Largest number of corrections with the full matrix.
        progress: Called with a line after each correction.

    Note: Collective over the ranks that share the modes.
    """
    moments = _MomentSystem(problem, local_factors(kernel, problem.share))
    source = problem.source()
    theta = source.copy()
    stream(problem, theta)
    change, scale = _update_source(problem, theta, source)
    residual = change / scale if scale > 0.0 else 0.0
    residuals: list[float] = []

    def sweeps() -> int:  # of the first order, of each correction, and inside the Krylov solves
        return 1 + len(residuals) + moments.num_sweeps

    while residual > tolerance and len(residuals) < max_iterations and not _grows(residuals):
        before = moments.measure(theta)
        theta[:] = source
        stream(problem, theta)
        reduction = max(INNER_REDUCTION, 0.1 * tolerance / residual)
        delta = moments.solve(moments.measure(theta) - before, reduction)
        moments.add_scattered(delta, source, theta)
        residual = _update_source(problem, theta, source)[0] / scale
        residuals.append(residual)
        progress(
            f"steady state: correction {len(residuals)}, residual {residual:.1e} "
            f"of {tolerance:.0e}, {sweeps()} sweeps"
        )
    return SteadyState(
        theta=theta,
        report=SteadyReport(
            converged=residual <= tolerance,
            iterations=len(residuals),
            sweeps=sweeps(),
            residuals=np.array(residuals),
            tolerance=tolerance,
            rank=kernel.w_out.shape[0],
        ),
    )


def _grows(residuals: list[float]) -> bool:
    """Return whether the residual grows: the rank is too small, further steps would be wasted."""
    return len(residuals) > 2 and residuals[-1] > 2.0 * min(residuals)


def _update_source(problem: Problem, theta: Array, source: Array) -> tuple[float, float]:
    """Set source = M theta + g; return the norm of the change and of the source. Collective.

    Because theta = L^-1 source, the change is the residual of the steady equation.
    """
    squares = np.zeros(2)
    weights = problem.mesh.dof_weights
    for columns in blocks(theta.shape[1], BLOCK):
        new = np.empty((theta.shape[0], columns.stop - columns.start))
        problem.collisions.mix(theta[:, columns], new)
        new += problem.source(columns)
        for i, values in enumerate((new - source[:, columns], new)):
            squares[i] += problem.heat_capacities @ (np.square(values) @ weights[columns])
        source[:, columns] = new
    change, size = np.sqrt(problem.share.comm.allreduce(squares))
    return float(change), float(size)


class _MomentSystem:
    """(1 - w_out L^-1 w_in) delta = r on the k moments, for GMRES.

    Moments are stored as (num_dofs, k), so that the rows of a rank are contiguous; Krylov vectors
    are distributed over the ranks by degree of freedom.
    """

    def __init__(self, problem: Problem, factors: FactoredCollisions) -> None:
        self.problem, self.factors = problem, factors
        self.num_sweeps = 0
        comm = problem.share.comm
        starts = (np.arange(comm.size + 1) * problem.mesh.num_dofs) // comm.size
        self.counts = np.diff(starts) * factors.rank
        self.rows = slice(int(starts[comm.rank]), int(starts[comm.rank + 1]))
        self.solver = self._krylov()

    def measure(self, theta: Array) -> Array:
        """Return the moments w_out theta on this rank's rows. Collective."""
        return self._scatter(theta.T @ self.factors.w_out.T)

    def solve(self, defect: Array, reduction: float) -> Array:
        """Return delta on this rank's rows, its residual reduced by `reduction`. Collective."""
        if float(self.problem.share.comm.allreduce(np.array([np.square(defect).sum()]))[0]) == 0.0:
            return defect
        solver, (delta, rhs) = self.solver, self.vectors
        rhs.array[:] = defect.ravel()
        solver.setTolerances(rtol=reduction, atol=0.0, divtol=1e10, max_it=500)
        solver.solve(rhs, delta)
        values: Array = delta.array.reshape(defect.shape).copy()
        return values

    def add_scattered(self, delta: Array, source: Array, theta: Array) -> None:
        """Add w_in delta to the source and its drift to theta. Collective."""
        moments = self._gather(delta)
        for modes in blocks(theta.shape[0], MODE_BLOCK):
            scattered = self.factors.w_in[modes] @ moments.T
            source[modes] += scattered
            stream(self.problem, scattered, modes, walls=False)
            theta[modes] += scattered
        self.num_sweeps += 1

    def mult(self, matrix: PETSc.Mat, x: PETSc.Vec, y: PETSc.Vec) -> None:
        """Apply the operator (called by PETSc)."""
        moments = self._gather(x.getArray(readonly=True))
        streamed = np.zeros(moments.shape[::-1])
        for modes in blocks(self.problem.share.num_modes, MODE_BLOCK):
            field = self.factors.w_in[modes] @ moments.T
            stream(self.problem, field, modes, walls=False)
            streamed += self.factors.w_out[:, modes] @ field
        self.num_sweeps += 1
        y.array[:] = x.getArray(readonly=True) - self._scatter(streamed.T).ravel()

    def _krylov(self) -> PETSc.KSP:
        comm = self.problem.share.comm
        local = int(self.counts[comm.rank])
        total = int(self.counts.sum())
        matrix = PETSc.Mat().createPython(((local, total), (local, total)), self, comm=comm)
        matrix.setUp()
        solver = PETSc.KSP().create(comm)
        solver.setOperators(matrix)
        solver.setType(PETSc.KSP.Type.GMRES)
        solver.setGMRESRestart(INNER_RESTART)
        solver.getPC().setType(PETSc.PC.Type.NONE)
        self.vectors = matrix.createVecs()
        return solver

    def _gather(self, local: Array) -> Array:
        """Return the moments at all degrees of freedom, shape (num_dofs, k). Collective."""
        everywhere = np.empty((self.problem.mesh.num_dofs, self.factors.rank))
        self.problem.share.comm.Allgatherv(np.ascontiguousarray(local), [everywhere, self.counts])
        return everywhere

    def _scatter(self, partial: Array) -> Array:
        """Return the sum over the ranks on this rank's rows, shape (rows, k). Collective."""
        mine = np.empty((self.rows.stop - self.rows.start, self.factors.rank))
        self.problem.share.comm.Reduce_scatter(
            np.ascontiguousarray(partial), mine, list(self.counts)
        )
        return mine
