"""The sweep next to PETSc on the same equations, assembled from the UFL form.

Every mode has another matrix, so a factorisation serves one solve. What serves all modes is the
sparsity pattern: the symbolic part of a factorisation is measured apart, as is the assembly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from dolfinx.fem import petsc as fem_petsc
from petsc4py import PETSc

from pbte.core.errors import RunError
from pbte.core.types import Array
from pbte.geometry.domain import Domain
from pbte.materials.kernel import rta_kernel
from pbte.materials.modes import ModeTable
from pbte.transport.body import Body, stream
from pbte.transport.drift import UpwindDrift
from pbte.transport.sweep.sweep import plan_sweep
from pbte.verification.benchmarks.bodies import heated_body, sampled_modes
from pbte.verification.benchmarks.clock import Timing, clocked, measure
from pbte.verification.benchmarks.sweeping import AMORTISED_SWEEPS

TOLERANCE = 1e-10
_RESTART = 200


@dataclass(frozen=True, kw_only=True)
class AssembledSolver:
    """One PETSc solver, per mode.

    Attributes:
        name: What it is.
        symbolic: Symbolic factorisation, once for all modes, by processor time [s].
        factorisation: Numeric factorisation.
        solve: Solution with the factors.
        iterations: Largest number of iterations.
        difference: Largest difference to the sweep, relative to the largest temperature.
        ratio: Numeric factorisation and solution over the sweep [-].
        ratio_with_assembly: The same with the assembly over the sweep with its share of an
            ordering kept for 20 sweeps [-]. Sweep orders of all modes can be kept, matrices
            of all modes cannot: they are hundreds of times larger.
        ratio_from_scratch: The same with the symbolic part, over the sweep with all of its
            ordering [-].
    """

    name: str
    symbolic: float
    factorisation: Timing
    solve: Timing
    iterations: int
    difference: float
    ratio: float
    ratio_with_assembly: float
    ratio_from_scratch: float


@dataclass(frozen=True, kw_only=True)
class AssembledFigures:
    """Drift of the same modes by the sweep and by PETSc, on one thread each.

    Times are means over the modes; ratios are those of the least processor times.

    Attributes:
        material: Table the modes are from.
        num_modes: Modes.
        num_cells: Cells.
        sweep: Sweep, per mode.
        ordering: Finding the sweep order, per mode.
        assembly: Assembly of matrix and right-hand side, per mode.
        solvers: PETSc's solvers.
        ratio: The best PETSc solver over the sweep, assembly and symbolic part left out [-].
        ratio_with_assembly: The same, assembly of each mode included [-].
    """

    material: str
    num_modes: int
    num_cells: int
    sweep: Timing
    ordering: Timing
    assembly: Timing
    solvers: tuple[AssembledSolver, ...]
    ratio: float
    ratio_with_assembly: float


def assembled_figures(
    domain: Domain, modes: ModeTable, *, num_modes: int, repeats: int
) -> AssembledFigures:
    """Return the cost of the drift of a few modes by the sweep and by PETSc.

    Args:
        domain: The mesh.
        modes: Table to take the modes from.
        num_modes: How many to take (pairs count twice).
        repeats: How often to sweep; direct solutions, which are long, are not repeated.

    Raises:
        RunError: PETSc did not solve a system.
    """
    few = sampled_modes(modes, num_modes)
    body = heated_body(domain, rta_kernel(few))
    mesh = body.mesh
    theta = body.source()
    stream(body, theta)
    field, source = theta.copy(), body.source()
    sweep = measure(
        lambda: stream(body, field),
        repeats=repeats,
        prepare=lambda: np.copyto(field, source),
    )
    ordering = measure(lambda: plan_sweep(mesh, body.velocities, few.num_pairs), repeats=repeats)
    sweep, ordering = _per_mode(sweep, few.num_modes), _per_mode(ordering, few.num_modes)

    drift = UpwindDrift(domain)
    solvers = (_Solver("direct (MUMPS)", _direct, 1), _Solver("GMRES + ILU(0)", _iterative, 3))
    assemblies: list[Timing] = []
    system = _set_mode(drift, body, source, 0).assemble()
    for mode in range(few.num_modes):
        _set_mode(drift, body, source, mode)
        assemblies.append(measure(lambda: _assemble(drift, *system), repeats=3))
        # In SI units the entries are near 1e-15, which ILU takes for zero pivots.
        scale = 1.0 / system[0].norm(PETSc.NormType.INFINITY)
        for item in system:
            item.scale(scale)
        for solver in solvers:
            solver.run(*system, theta[mode], drift.dofs)
    assembly = _mean(assemblies)
    figures = tuple(solver.figures(sweep, ordering, assembly) for solver in solvers)
    _destroy(*system, *(solver.krylov for solver in solvers))
    return AssembledFigures(
        material=modes.name,
        num_modes=few.num_modes,
        num_cells=mesh.num_cells,
        sweep=sweep,
        ordering=ordering,
        assembly=assembly,
        solvers=figures,
        ratio=min(solver.ratio for solver in figures),
        ratio_with_assembly=min(solver.ratio_with_assembly for solver in figures),
    )


class _Solver:
    """Solves one system after the other, in one matrix, and remembers the time of each step."""

    def __init__(self, name: str, configure: Callable[[PETSc.KSP], None], repeats: int) -> None:
        self.name, self.repeats = name, repeats
        self.krylov = PETSc.KSP().create(PETSc.COMM_SELF)
        configure(self.krylov)
        self.symbolic: float | None = None
        self.factorisations: list[Timing] = []
        self.solves: list[Timing] = []
        self.iterations, self.difference = 0, 0.0

    def run(self, matrix: PETSc.Mat, rhs: PETSc.Vec, expected: Array, dofs: Array) -> None:
        """Solve one system and compare with the expected temperatures, shape (num_dofs,)."""
        solver = self.krylov
        solver.setOperators(matrix)
        first = clocked(solver.setUp)[0] if self.symbolic is None else None

        def renew() -> None:
            # Declared changed, the matrix gets new factors; the pattern is known by now.
            matrix.stateIncrease()
            solver.setOperators(matrix)

        factorisation = measure(solver.setUp, repeats=self.repeats, prepare=renew)
        if first is not None:
            self.symbolic = max(0.0, first - factorisation.cpu_min)
        theta = rhs.duplicate()
        self.factorisations.append(factorisation)
        self.solves.append(measure(lambda: solver.solve(rhs, theta), repeats=self.repeats))
        reason = solver.getConvergedReason()
        if reason <= 0:
            raise RunError(f"PETSc, {self.name}: no solution (reason {reason})")
        self.iterations = max(self.iterations, solver.getIterationNumber())
        found = theta.array[dofs].ravel()
        difference = float(np.abs(found - expected).max() / np.abs(expected).max())
        self.difference = max(self.difference, difference)
        theta.destroy()

    def figures(self, sweep: Timing, ordering: Timing, assembly: Timing) -> AssembledSolver:
        """Return what was remembered, next to the sweep."""
        factorisation, solve = _mean(self.factorisations), _mean(self.solves)
        symbolic = self.symbolic or 0.0
        alone = factorisation.cpu_min + solve.cpu_min
        assembled = assembly.cpu_min + alone
        amortised = sweep.cpu_min + ordering.cpu_min / AMORTISED_SWEEPS
        return AssembledSolver(
            name=self.name,
            symbolic=symbolic,
            factorisation=factorisation,
            solve=solve,
            iterations=self.iterations,
            difference=self.difference,
            ratio=alone / sweep.cpu_min,
            ratio_with_assembly=assembled / amortised,
            ratio_from_scratch=(assembled + symbolic) / (sweep.cpu_min + ordering.cpu_min),
        )


def _set_mode(drift: UpwindDrift, body: Body, source: Array, mode: int) -> UpwindDrift:
    rate = float(body.loss_rates[mode])
    of_cells = source[mode].reshape(body.mesh.num_cells, -1)
    drift.set_mode(body.velocities[mode], rate, of_cells, {})
    return drift


def _assemble(drift: UpwindDrift, matrix: PETSc.Mat, rhs: PETSc.Vec) -> None:
    """Assemble into a system that exists: its pattern, the same for all modes, is found once."""
    matrix.zeroEntries()
    fem_petsc.assemble_matrix(matrix, drift._lhs)
    matrix.assemble()
    rhs.set(0.0)
    fem_petsc.assemble_vector(rhs, drift._rhs)


def _direct(solver: PETSc.KSP) -> None:
    solver.setType(PETSc.KSP.Type.PREONLY)
    solver.getPC().setType(PETSc.PC.Type.LU)
    solver.getPC().setFactorSolverType("mumps")


def _iterative(solver: PETSc.KSP) -> None:
    solver.setType(PETSc.KSP.Type.GMRES)
    solver.setGMRESRestart(_RESTART)
    solver.setTolerances(rtol=TOLERANCE, atol=0.0, max_it=_RESTART)
    solver.getPC().setType(PETSc.PC.Type.ILU)


def _per_mode(whole: Timing, num_modes: int) -> Timing:
    return _combined([whole], 1.0 / num_modes)


def _mean(timings: Sequence[Timing]) -> Timing:
    """Return the mean over the modes: each has its own matrix and number of iterations."""
    return _combined(timings, 1.0 / len(timings))


def _combined(timings: Sequence[Timing], factor: float) -> Timing:
    return Timing(
        cpu_min=factor * sum(t.cpu_min for t in timings),
        cpu_median=factor * sum(t.cpu_median for t in timings),
        wall_min=factor * sum(t.wall_min for t in timings),
        wall_median=factor * sum(t.wall_median for t in timings),
        repeats=timings[0].repeats,
    )


def _destroy(*items: PETSc.Object) -> None:
    for item in items:
        item.destroy()
