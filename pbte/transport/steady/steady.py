"""Steady states by source iteration with synthetic acceleration of a Krylov method.

The emission Q = M theta + g of the steady state is a fixed point, theta = L^-1 Q. With the kernel
M_k of the k largest eigenvalues of M (M_k = w_in w_out, energy-conserving at any rank) one
correction with the full matrix is

    theta = L^-1 Q                                           all modes, once
    r     = M theta + g - Q                                  the full matrix, once
    rho   = (w_out Gamma^-1 w_in)^-1 w_out Gamma^-1 r        its part in the range of w_in
    (1 - w_out L^-1 w_in) x = rho                            Krylov, on k moments
    Q    <- Q + r + w_in (x - rho)

The fixed point is that of the full matrix while every Krylov vector holds k moments instead of all
modes. r - w_in rho carries no energy and has no component in the k moments, so no slow error mode
is left out. (Synthetic acceleration: Adams & Larsen, Prog. Nucl. Energy 40, 3 (2002); as a
preconditioned Krylov method: Warsa, Wareing & Morel, Nucl. Sci. Eng. 147, 218 (2004).)

The remainder of M beyond rank k contracts by its largest eigenvalue, 0.2 at rank 100 in silicon;
the error modes for which the scattering orders diverge are inside. The operator of the Krylov
solves never changes, so later solves recycle the search directions of earlier ones. They need
little accuracy, because each correction also reduces the error of the one before. Preconditioner:
`pbte.transport.steady.diffusion_preconditioner` for the moments,
`pbte.transport.steady.ray_preconditioner` for the inflow of the surfaces.

A kernel of low rank is its own leading part. Its emission w_in y + g is known from the moments y,
so blocks of modes are formed, streamed and discarded, and one correction is sufficient.

Several bodies are one equation: each has its own moments, and the inflow at interfaces and walls
belongs to the unknowns of the Krylov solves.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pbte.core.types import Numbers
from pbte.materials.kernel import FactoredKernel
from pbte.transport.body import Body
from pbte.transport.collisions import local_factors
from pbte.transport.reports import SteadyReport
from pbte.transport.steady.iterate import (
    FieldState,
    MomentState,
    SourceBlock,
    SteadyCheckpointer,
    SteadyIterate,
    SteadyProgress,
    SteadySourceIteration,
    iterate_of,
)
from pbte.transport.steady.moment_system import MomentSystem
from pbte.transport.system import StreamedBlock, System, as_system

LOG = logging.getLogger("pbte.transport")

# Reduction of the residual by one inner solve: a correction with the full matrix leaves about 0.2
# of the error anyway.
INNER_REDUCTION = 0.5
# A larger reduction factor of a correction shows that the recycled directions lack a component;
# then a new direction is added.
LITTLE_GAINED = 0.35
# A residual below this fraction of the emission is round-off: in a domain of 1e5 mean free paths
# the emission is 1e9 times the source. The emission must have settled to SETTLED: where there is no
# steady state it grows without bound, and no residual means anything.
ROUND_OFF = 1e-13
SETTLED = 1e-3
# Relative distance of a double from its neighbour, halved.
LAST_BIT = 0.5 * float(np.finfo(np.float64).eps)
# It counts as converged at ROUND_OFF after this many corrections without progress.
PATIENCE = 3


@dataclass(frozen=True, kw_only=True)
class SteadyState:
    """A steady solution and its convergence.

    Attributes:
        system: The bodies.
        report: Residuals and counts.
        states: State of each body.
        moments: The system of the moments.
        residual: Residual of the moments and of the inflow.
    """

    system: System
    report: SteadyReport
    states: Sequence[FieldState | MomentState]
    moments: MomentSystem
    residual: Numbers

    def error_estimate(self) -> float:
        """Return the estimated largest error of the temperature on this mesh [K].

        The change by one more correction of the moments with the preconditioner alone. In thick
        domains it is close to the error, in thin ones larger, because they scatter little of the
        residual. Round-off is added: the residual is not known better than the last bit of what is
        scattered, many times the source in a thick domain. Discretisation errors of mesh and
        directions are not included.

        Note: Collective.
        """
        last_bits = [LAST_BIT * state.scattered_moments() for state in self.states]
        for moments in last_bits:
            moments[:, 1:] = 0.0  # without energy: they decay within a mean free path
        entering = np.zeros_like(self.moments.parts(self.residual)[1])
        round_off = self.moments.join(last_bits, entering)
        correct = self.moments.temperature_correction
        return correct(self.residual) + correct(round_off)

    def streamed_blocks(self) -> Iterator[StreamedBlock]:
        """Yield all local modes with their temperatures and inflow, block by block. Collective."""
        for state in self.states:
            yield from state.streamed_blocks()

    def source_blocks(self) -> Iterator[SourceBlock]:
        """Yield source and inflow of all local modes, block by block. Collective."""
        for state in self.states:
            yield from state.source_blocks()

    def iterate(self) -> SteadyIterate:
        """Return the initial guess for a similar problem; its arrays are not copied."""
        return iterate_of(self.states)

    @property
    def theta(self) -> Numbers:
        """Mode temperatures of the local modes of the only body, (local modes, num_dofs) [K]."""
        (state,) = self.states
        if isinstance(state, FieldState):
            return state.theta
        theta = state.body.new_field()
        for block in self.streamed_blocks():
            theta[block.modes] = block.theta
        return theta


def solve_steady(
    system: System | Body,
    *kernels: FactoredKernel,
    tolerance: float = 1e-8,
    max_iterations: int = 50,
    precondition: bool = True,
    moments: MomentSystem | None = None,
    initial_guess: SteadyIterate | None = None,
    checkpointer: SteadyCheckpointer | None = None,
    level: int = logging.INFO,
) -> SteadyState:
    """Return the steady state of one body or several.

    Args:
        system: The bodies, without self-scattering.
        kernels: For each body the leading part of its kernel, or the kernel itself when it is of
            low rank.
        tolerance: Residual |M theta + g - L theta| relative to the source |M theta + g| of the
            first scattering order, in the norm weighted with heat capacity and volume. A residual
            that stagnates at the round-off of the emission counts as converged too.
        max_iterations: Largest number of corrections with the full matrix.
        precondition: Whether diffusion synthetic acceleration is used.
        moments: System of the moments of a problem that differs only in source, past and wall
            temperatures, to recycle its search directions and matrices.
        initial_guess: First iterate; nothing scattered by default. Residuals are then relative to
            its source.
        checkpointer: Restores an interrupted solution, and writes checkpoints when due, between
            corrections and, for a kernel of low rank, between sweeps.
        level: Level of the log record of each correction.

    Note: Collective over the ranks that share the modes.
    """
    system = as_system(system)
    if moments is None:
        moments = moment_system(system, *kernels, precondition=precondition)
    before = moments.num_sweeps
    events = SteadySourceIteration(system, moments, initial_guess)
    restart = None if checkpointer is None else checkpointer.restore(events)
    whole = all(state.is_whole for state in events.states)
    enough = checkpointer.checkpoint_due if checkpointer is not None and whole else lambda: False
    residuals: list[float] = []
    sizes: list[float] = []

    def inner_sweeps() -> int:
        return moments.num_sweeps - before + (0 if restart is None else restart.inner_sweeps)

    def sweeps() -> int:  # of the first order, of each correction, and inside the Krylov solves
        return 1 + len(residuals) + inner_sweeps()

    def judge(change: float, size: float) -> bool:  # after a correction
        residuals.append(change / scale)
        LOG.log(
            level,
            "steady state: correction %d, residual %.1e of %.0e, %d sweeps",
            len(residuals),
            residuals[-1],
            tolerance,
            sweeps(),
            extra={"stage": "steady", "done": _fraction(residuals[-1], tolerance)},
        )
        sizes.append(size)
        round_off = change < ROUND_OFF * size and (_stalls(residuals) or _grows(residuals))
        return residuals[-1] <= tolerance or (round_off and _is_settled(sizes))

    residual, change, size = events.scatter()
    if restart is None:
        scale = size
        converged = change <= tolerance * scale
    else:
        scale = restart.scale
        residuals += restart.residuals
        converged = judge(change, size)
    while not (converged or _grows(residuals)) and len(residuals) < max_iterations:
        reduction = 0.0 if whole else INNER_REDUCTION
        goal = 0.3 * tolerance * scale
        solved = moments.solve(residual, reduction, goal, enough, new_direction=_slows(residuals))
        events.add(solved - residual)
        if checkpointer is not None and checkpointer.checkpoint_due():
            progress = SteadyProgress(
                scale=scale, residuals=tuple(residuals), inner_sweeps=inner_sweeps()
            )
            checkpointer.write(events, progress)
        residual, change, size = events.scatter()
        converged = judge(change, size)
    return SteadyState(
        system=system,
        states=events.states,
        report=SteadyReport(
            converged=converged,
            iterations=len(residuals),
            sweeps=sweeps(),
            residuals=np.array(residuals),
            tolerance=tolerance,
            rank=moments.rank,
            emission=size / scale if scale > 0.0 else 0.0,
        ),
        moments=moments,
        residual=residual,
    )


def moment_system(
    system: System | Body, *kernels: FactoredKernel, precondition: bool = True
) -> MomentSystem:
    """Return the system of the moments of one body or several.

    Args:
        system: The bodies.
        kernels: For each body the leading part of its kernel, or the kernel itself.
        precondition: Whether diffusion synthetic acceleration is used.

    Note: Collective over the ranks.
    """
    system = as_system(system)
    factors = [
        local_factors(kernel, body.mode_partition)
        for kernel, body in zip(kernels, system.bodies, strict=True)
    ]
    return MomentSystem(system, factors, precondition=precondition)


def _fraction(residual: float, tolerance: float) -> float:
    """Return the fraction of the work that is done, with residuals that fall geometrically [-]."""
    return float(np.clip(np.log(max(residual, tolerance)) / np.log(tolerance), 0.0, 1.0))


def _grows(residuals: list[float]) -> bool:
    """Return whether the residual grows, because the rank is too small."""
    return len(residuals) > 3 and residuals[-1] > 2.0 * min(residuals[1:])


def _slows(residuals: list[float]) -> bool:
    """Return whether the last correction reduced the residual little."""
    return len(residuals) > 1 and residuals[-1] > LITTLE_GAINED * residuals[-2]


def _is_settled(sizes: list[float]) -> bool:
    """Return whether the emission did not change in the last corrections."""
    last = sizes[-1 - PATIENCE :]
    return len(sizes) > PATIENCE and max(last) - min(last) <= SETTLED * last[-1]


def _stalls(residuals: list[float]) -> bool:
    """Return whether the last corrections made no progress."""
    return len(residuals) > PATIENCE and residuals[-1] > 0.5 * residuals[-1 - PATIENCE]
