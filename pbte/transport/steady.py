"""The steady state: the sum of all scattering orders, reached without summing them.

The emission Q = M theta + g of the steady state is a fixed point, theta = L^-1 Q. With the kernel
M_k of the k largest eigenvalues of M (M_k = w_in w_out, energy-conserving at any rank) one
correction with the full matrix is

    theta = L^-1 Q                                           all modes, once
    r     = M theta + g - Q                                  the full matrix, once
    rho   = (w_out Gamma^-1 w_in)^-1 w_out Gamma^-1 r        its part in the range of w_in
    (1 - w_out L^-1 w_in) x = rho                            Krylov, on k moments
    Q    <- Q + r + w_in (x - rho)

The fixed point is that of the full matrix while every Krylov vector holds k moments instead of all
modes. r - w_in rho carries no energy and has none of the k moments after a short flight, so nothing
slow is left out. (Synthetic acceleration: Adams & Larsen, Prog. Nucl. Energy 40, 3 (2002); as a
preconditioned Krylov method: Warsa, Wareing & Morel, Nucl. Sci. Eng. 147, 218 (2004).)

What is left of M beyond rank k contracts by its largest eigenvalue, 0.2 at rank 100 in silicon; the
modes that make the plain orders diverge are inside. The operator of the Krylov solves never
changes, so the later ones start from all directions of the earlier ones. They need no accuracy:
each correction corrects the one before. Preconditioner: `pbte.transport.correction`.

A kernel that is of low rank itself is its own leading part. Its emission w_in y + g is known from
the moments y, so blocks of modes are formed, streamed and forgotten, and one correction is all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from pbte.materials.kernel import FactoredKernel
from pbte.transport.boundary_unknowns import BoundaryUnknowns
from pbte.transport.collisions import BLOCK, FactoredCollisions, blocks, local_factors
from pbte.transport.moment_system import MomentSystem
from pbte.transport.problem import Modes, Problem, stream
from pbte.transport.reports import SteadyReport
from pbte.transport.system import Boundary, Drift, as_system
from pbte.types import Array

# What one inner solve has to reduce the moments to: a correction with the full matrix leaves about
# 0.2 of the error anyway.
INNER_REDUCTION = 0.4
# A residual of this size beside the emission is round-off of thousands of products, amplified by
# nothing: in a body of 1e5 mean free paths the emission is 1e9 times what it started from.
ROUND_OFF = 1e-13
# It counts as converged there once so many corrections have brought nothing.
PATIENCE = 3


@dataclass(frozen=True, kw_only=True)
class Departure:
    """What some modes set out with after the last event.

    Attributes:
        body: Number of the body.
        modes: Which of its local modes.
        rows: In-scattering, source and past, a new array to stream in place,
            shape (modes, num_dofs) [K/s].
        inflow: What enters at the boundary, shape (modes or 1, boundary slots) [K].
    """

    body: int
    modes: Modes
    rows: Array
    inflow: Array


@dataclass(frozen=True, kw_only=True)
class Guess:
    """What is scattered and sent in: all that a solution of a similar problem needs to begin from.

    Attributes:
        scattered: In-scattering of all local modes, (local modes, num_dofs) [K/s], taken over by
            the solution that begins from it; of a kernel of low rank the moments on this rank's
            rows, (rows, rank) [K].
        entering: What walls and interfaces send in, the unknowns of the boundary [K].
    """

    scattered: Array
    entering: Array


@dataclass(frozen=True, kw_only=True)
class SteadyState:
    """The solution and how it was found.

    Attributes:
        problem: What was solved.
        report: Residuals and counts.
        state: The converged emission.
    """

    problem: Problem
    report: SteadyReport
    state: _FieldState | _MomentState

    def drifts(self) -> Iterator[Drift]:
        """Yield all local modes with their temperatures and inflow, block by block. Collective."""
        return self.state.drifts()

    def departures(self) -> Iterator[Departure]:
        """Yield what all local modes set out with, block by block. Collective."""
        return self.state.departures()

    def guess(self) -> Guess:
        """Return what another problem may begin from; this solution is used up by it."""
        state = self.state
        return Guess(scattered=state.scattered, entering=state.boundary.unknowns.read())

    @property
    def theta(self) -> Array:
        """Mode temperatures of the local modes, shape (local modes, num_dofs) [K]."""
        if isinstance(self.state, _FieldState):
            return self.state.theta
        theta = self.problem.new_field()
        for drift in self.drifts():
            theta[drift.modes] = drift.theta
        return theta


def solve_steady(
    problem: Problem,
    kernel: FactoredKernel,
    *,
    tolerance: float = 1e-8,
    max_iterations: int = 50,
    precondition: bool = True,
    moments: MomentSystem | None = None,
    guess: Guess | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> SteadyState:
    """Return the steady state of the full problem.

    Args:
        problem: What to solve, without self-scattering (it changes nothing here).
        kernel: The leading part of its kernel, or the kernel itself when it is of low rank.
        tolerance: Residual |M theta + g - L theta| relative to the source |M theta + g| of the
            first scattering order, in the norm weighted with heat capacity and volume. A residual
            that stops at the round-off of the emission counts as converged too.
        max_iterations: Largest number of corrections with the full matrix.
        precondition: Whether the diffusion correction is used; without it for comparison.
        moments: Made for a problem that differs in source, past and given temperatures alone; its
            directions and its matrix serve again.
        guess: What to begin from; from nothing scattered by default.
        progress: Called with a line after each correction.

    Note: Collective over the ranks that share the modes.
    """
    if moments is None:
        factors = local_factors(kernel, problem.share)
        moments = MomentSystem(problem, factors, precondition=precondition)
    before = moments.num_sweeps
    collisions = problem.collisions
    whole = isinstance(collisions, FactoredCollisions) and collisions.rank == kernel.rank
    kind = _MomentState if whole else _FieldState
    state = kind(problem, moments, guess)
    defect, change, scale = state.scatter()
    residual = change / scale if scale > 0.0 else 0.0
    residuals: list[float] = []

    def sweeps() -> int:  # of the first order, of each correction, and inside the Krylov solves
        return 1 + len(residuals) + moments.num_sweeps - before

    converged = residual <= tolerance
    while not (converged or _grows(residuals)) and len(residuals) < max_iterations:
        reduction = 0.0 if whole else INNER_REDUCTION
        solved = moments.solve(defect, reduction, 0.3 * tolerance * scale)
        state.add(solved - defect)
        defect, change, size = state.scatter()
        residual = change / scale
        residuals.append(residual)
        round_off = change < ROUND_OFF * size and (_stalls(residuals) or _grows(residuals))
        converged = residual <= tolerance or round_off
        progress(
            f"steady state: correction {len(residuals)}, residual {residual:.1e} "
            f"of {tolerance:.0e}, {sweeps()} sweeps"
        )
    return SteadyState(
        problem=problem,
        state=state,
        report=SteadyReport(
            converged=converged,
            iterations=len(residuals),
            sweeps=sweeps(),
            residuals=np.array(residuals),
            tolerance=tolerance,
            rank=kernel.rank,
        ),
    )


def _grows(residuals: list[float]) -> bool:
    """Return whether the residual grows: the rank is too small, further steps would be wasted."""
    return len(residuals) > 3 and residuals[-1] > 2.0 * min(residuals[1:])


def _stalls(residuals: list[float]) -> bool:
    """Return whether the last corrections brought nothing."""
    return len(residuals) > PATIENCE and residuals[-1] > 0.5 * residuals[-1 - PATIENCE]


class _FieldState:
    """In-scattering and mode temperatures of every mode, for a kernel held in full."""

    def __init__(self, problem: Problem, moments: MomentSystem, guess: Guess | None) -> None:
        self.problem, self.moments = problem, moments
        self.boundary = BoundaryState(problem, moments, guess)
        self.scattered = problem.new_field() if guess is None else guess.scattered
        self.theta = np.empty_like(self.scattered)

    def scatter(self) -> tuple[Array, float, float]:
        """Stream and scatter once; return rho and the norms of r and of the emission. Collective.

        Because theta = L^-1 Q, what changes in the emission is the residual of the equation.
        """
        problem, theta, scattered = self.problem, self.theta, self.scattered
        for columns in blocks(theta.shape[1], BLOCK):
            np.add(scattered[:, columns], problem.source(columns), out=theta[:, columns])
        everyone = slice(None)
        stream(problem, theta, inflow=self.boundary.inflow(everyone))
        self.boundary.collect(everyone, theta)
        squares = np.zeros(2)
        weights = problem.mesh.dof_weights
        defect = np.empty((problem.mesh.num_dofs, self.moments.rank))
        for columns in blocks(theta.shape[1], BLOCK):
            new = np.empty((theta.shape[0], columns.stop - columns.start))
            problem.collisions.mix(theta[:, columns], new)
            change = new - scattered[:, columns]
            scattered[:, columns] = new
            new += problem.source(columns)
            for i, values in enumerate((change, new)):
                squares[i] += problem.heat_capacities @ (np.square(values) @ weights[columns])
            defect[columns] = (self.moments.projection @ change).T
        entering, entered = self.boundary.reflect()
        change_norm, size = np.sqrt(problem.comm.allreduce(squares) + entered)
        defect_rows = self.moments.scatter(defect)
        return self.moments.join(defect_rows, entering), float(change_norm), float(size)

    def add(self, x: Array) -> None:
        """Add w_in x to the emission, and x to what enters. Collective."""
        moments, entering = self.moments.parts(x)
        everywhere = self.moments.gather(moments)
        for modes in self.problem.mode_blocks():
            self.scattered[modes] += self.moments.emit(modes, everywhere)
        self.boundary.add(entering)

    def drifts(self) -> Iterator[Drift]:
        """Yield the mode temperatures, all at once."""
        everyone = slice(None)
        inflow = self.boundary.before(everyone)
        yield Drift(body=0, modes=everyone, theta=self.theta, inflow=inflow)

    def departures(self) -> Iterator[Departure]:
        """Yield what some modes set out with after the last event."""
        for modes in self.problem.mode_blocks():
            rows = self.problem.source(modes=modes)
            rows += self.scattered[modes]
            yield Departure(body=0, modes=modes, rows=rows, inflow=self.boundary.inflow(modes))


class _MomentState:
    """The moments y of the emission w_in y + g, for a kernel of low rank."""

    def __init__(self, problem: Problem, moments: MomentSystem, guess: Guess | None) -> None:
        self.problem, self.moments = problem, moments
        self.boundary = BoundaryState(problem, moments, guess)
        nothing = np.zeros((moments.layout.num_rows, moments.rank))
        self.scattered: Array = nothing if guess is None else guess.scattered
        self._given, self._given_square = self._weigh_source()

    def _weigh_source(self) -> tuple[Array, float]:
        """Return w_in . c g on this rank's rows, and the squared norm of g. Collective."""
        problem, moments = self.problem, self.moments
        products = np.zeros((moments.rank, problem.mesh.num_dofs))
        square = 0.0
        for modes in problem.mode_blocks():
            given, heat = problem.source(modes=modes), problem.heat_capacities[modes]
            products += (heat[:, None] * moments.factors.w_in[modes]).T @ given
            square += float(heat @ (np.square(given) @ problem.mesh.dof_weights))
        return moments.scatter(products.T), float(problem.comm.allreduce(square))

    def scatter(self) -> tuple[Array, float, float]:
        """Stream and scatter once; return rho and the norms of r and of the emission. Collective.

        The residual is w_in rho, with rho the change of the moments.
        """
        arrived = np.zeros((self.moments.rank, self.problem.mesh.num_dofs))
        for drift in self.drifts():
            arrived += self.moments.factors.w_out[:, drift.modes] @ drift.theta
            self.boundary.collect(drift.modes, drift.theta)
        new = self.moments.scatter(arrived.T)
        entering, entered = self.boundary.reflect()
        defect = self.moments.join(new - self.scattered, entering)
        self.scattered = new
        return defect, self.moments.norm(defect), float(np.sqrt(self._square() + entered[1]))

    def _square(self) -> float:
        """Return the squared norm of the emission w_in y + g. Collective."""
        problem, layout = self.problem, self.moments.layout
        weights = problem.mesh.dof_weights[layout.rows]
        mixed = float(weights @ (2.0 * self.scattered * self._given).sum(axis=1))
        nothing = np.zeros(self.moments.unknowns.size)
        own = self.moments.norm(self.moments.join(self.scattered, nothing)) ** 2
        return max(0.0, float(problem.comm.allreduce(mixed)) + self._given_square + own)

    def add(self, x: Array) -> None:
        """Add x to the moments and to what enters. Collective."""
        moments, entering = self.moments.parts(x)
        self.scattered = self.scattered + moments
        self.boundary.add(entering)

    def drifts(self) -> Iterator[Drift]:
        """Yield the mode temperatures of some modes at a time. Collective."""
        for start in self.departures():
            stream(self.problem, start.rows, start.modes, inflow=start.inflow)
            yield Drift(body=0, modes=start.modes, theta=start.rows, inflow=start.inflow)

    def departures(self) -> Iterator[Departure]:
        """Yield what some modes set out with after the last event. Collective."""
        problem, everywhere = self.problem, self.moments.gather(self.scattered)
        for modes in problem.mode_blocks():
            rows = self.moments.emit(modes, everywhere)
            rows += problem.source(modes=modes)
            yield Departure(body=0, modes=modes, rows=rows, inflow=self.boundary.inflow(modes))


class BoundaryState:
    """What walls send into the body in the steady state.

    Args:
        problem: The body.
        moments: Names the unknowns of the boundary and weighs them.
        guess: What they are at first; nothing by default.
    """

    def __init__(self, problem: Problem, moments: MomentSystem, guess: Guess | None) -> None:
        self.boundary = Boundary(as_system(problem))
        self.comm = problem.comm
        self.unknowns = BoundaryUnknowns(self.boundary, moments.unknowns.rate)
        if guess is not None:
            self.unknowns.write(guess.entering)
        self.previous: Array = self.unknowns.read()

    def inflow(self, modes: Modes) -> Array:
        """Return what enters some modes, shape (modes or 1, boundary slots) [K]."""
        return self.boundary.inflow(0, modes, given=True)

    def before(self, modes: Modes) -> Array:
        """Return what entered some modes in the last sweep. Collective."""
        present = self.unknowns.read()
        self.unknowns.write(self.previous)
        inflow = self.inflow(modes)
        self.unknowns.write(present)
        return inflow

    def collect(self, modes: Modes, theta: Array) -> None:
        """Take what some modes run into the walls with."""
        self.boundary.collect(0, modes, theta)

    def reflect(self) -> tuple[Array, Array]:
        """Reflect; return what changed, and the squared norms of change and size. Collective."""
        self.previous = self.unknowns.read()
        self.boundary.reflect()
        present = self.unknowns.read()
        change = present - self.previous
        squares = [self.unknowns.weights @ np.square(values) for values in (change, present)]
        return change, np.asarray(self.comm.allreduce(np.array(squares)), dtype=np.float64)

    def add(self, entering: Array) -> None:
        """Add to what enters. Collective."""
        self.unknowns.write(self.unknowns.read() + entering)
