r"""Steady two-temperature model: electrons of a metal coupled to phonons in all bodies.

Electrons obey a heat equation (`pbte.transport.electrons.electrons`), phonons the transport
equation of the solver, in the metal and in the bodies in contact with it. Each mode of the metal
relaxes towards T_e at the rate gamma = G / C, C the heat capacity of its phonons:

    (v . grad + Gamma + gamma) theta = M theta + g + gamma T_e.

The modes gain sum c gamma (T_e - theta) = G (T_e - T_p), the loss of the electrons. gamma is much
smaller than Gamma in a metal whose phonons have a temperature; it reduces the phonon conductivity,
which is sum c v v / (Gamma + gamma) for relaxation times.

The loss rate gamma is an absorption, so the phonon problem for given T_e is an ordinary steady
problem. The remaining fixed point T_e -> T_p -> T_e contracts by 1/(1 + s) for a wave that leaves
the metal s times as fast as it is exchanged between the two: slowly for strong coupling. Each step
minimises the change over all directions of the earlier ones (Anderson, J. ACM 12, 547 (1965); for a
linear problem the method is equivalent to GMRES: Walker & Ni, SIAM J. Numer. Anal. 49, 1715
(2011)), and a few steps are enough. Every step solves for the phonons from scratch, so errors do
not accumulate.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pbte.core.errors import RunError
from pbte.core.types import Array
from pbte.materials.kernel import FactoredKernel
from pbte.transport.body import Body, with_past
from pbte.transport.electrons.electrons import ElectronEquation, Electrons
from pbte.transport.reports import SteadyReport
from pbte.transport.steady.moment_system import MomentSystem
from pbte.transport.steady.steady import SteadyState, moment_system, solve_steady
from pbte.transport.system import System, as_system

LOG = logging.getLogger("pbte.transport")

# Tolerance of the phonon solutions relative to that of the fixed point.
INNER = 0.1


@dataclass(frozen=True, kw_only=True)
class TwoTemperatures:
    """Electrons and phonons in a steady state, or in one stage of a time step.

    Attributes:
        electrons: T_e at the degrees of freedom of the metal, shape (num_dofs,) [K].
        phonons: T_p of the metal, shape (num_dofs,) [K].
        state: The phonons of all bodies.
        exchanged: Power from electrons to phonons [W].
        drained: Power of the electrons into their sinks [W].
        report: Convergence: the mismatch of the exchanged power, relative to that power, after each
            phonon solution; sweeps of all of them.
    """

    electrons: Array
    phonons: Array
    state: SteadyState
    exchanged: float
    drained: float
    report: SteadyReport


def solve_two_temperatures(
    problem: Body | System,
    kernels: Sequence[FactoredKernel],
    electrons: Electrons,
    *,
    tolerance: float = 1e-9,
    max_iterations: int = 60,
) -> TwoTemperatures:
    """Return the steady state of electrons and phonons.

    Args:
        problem: The phonons, one body or several joined by interfaces; heat may be deposited in
            them as well.
        kernels: Kernel of each body, or its leading part, as `solve_steady` takes them.
        electrons: The electrons of one of the bodies.
        tolerance: Mismatch of the exchanged power, relative to that power [-].
        max_iterations: Largest number of phonon solutions.

    Raises:
        InputError: The coefficients do not fit the body.
        RunError: The phonons did not converge.

    Note: Collective over the ranks of the problem.
    """
    system = as_system(problem)
    equation = ElectronEquation(electrons, system.bodies[electrons.body])
    return solve_coupled(
        system,
        Phonons(kernels, equation),
        equation,
        tolerance=tolerance,
        max_iterations=max_iterations,
        level=logging.INFO,
    )


def solve_coupled(
    system: System,
    phonons: Phonons,
    equation: ElectronEquation,
    *,
    past: Array | None = None,
    pulse: float = 1.0,
    start: Array | None = None,
    tolerance: float,
    max_iterations: int,
    level: int = logging.DEBUG,
) -> TwoTemperatures:
    """Return the fixed point of a given electron equation and phonon system.

    Args:
        system: The phonons without the electrons; in a time step, with its absorption and past.
        phonons: Solves them for a given T_e.
        equation: The electrons, with the rate of the time step.
        past: T_past of the electrons, shape (num_dofs,) [K].
        pulse: Factor of the heat source of the electrons [-].
        start: Initial guess of T_e, shape (num_dofs,) [K]; that for T_p = 0 by default.
        tolerance: As `solve_two_temperatures` takes it.
        max_iterations: As `solve_two_temperatures` takes it.
        level: Level of the log record of each phonon solution.

    Raises:
        RunError: The phonons did not converge.

    Note: Collective over the ranks of the problem.
    """
    weights = equation.body.mesh.dof_weights
    coupling = equation.electrons.coupling
    given = equation.solve(np.zeros(weights.size), past, pulse) if start is None else start
    memory = _Memory(np.sqrt(weights))
    residuals: list[float] = []
    sweeps = 0
    while True:
        state, cold = phonons.solve(system, given, INNER * tolerance)
        sweeps += state.report.sweeps
        found = equation.solve(cold, past, pulse)
        passing = coupling * float(weights @ np.abs(found - cold))
        missing = coupling * float(weights @ np.abs(found - given))
        residuals.append(missing / passing if passing > 0.0 else 0.0)
        LOG.log(
            level,
            "electrons and phonons: solution %d, mismatch %.1e of %.0e",
            len(residuals),
            residuals[-1],
            tolerance,
        )
        if residuals[-1] <= tolerance or len(residuals) >= max_iterations:
            break
        given = memory.next(given, found)
    return TwoTemperatures(
        electrons=found,
        phonons=cold,
        state=state,
        exchanged=coupling * float(weights @ (found - cold)),
        drained=equation.drained(found),
        report=SteadyReport(
            converged=residuals[-1] <= tolerance,
            iterations=len(residuals),
            sweeps=sweeps,
            residuals=np.array(residuals),
            tolerance=tolerance,
            rank=state.report.rank,
        ),
    )


class Phonons:
    """Phonon solutions for given T_e, with one operator for all of them.

    Args:
        kernels: Kernel of each body, or its leading part.
        equation: The electrons of one of the bodies.
    """

    def __init__(self, kernels: Sequence[FactoredKernel], equation: ElectronEquation) -> None:
        self.kernels, self.electrons = tuple(kernels), equation.electrons
        self._moments: MomentSystem | None = None

    def solve(
        self, system: System, electrons: Array, tolerance: float
    ) -> tuple[SteadyState, Array]:
        """Return the phonons, and T_p of the metal. Collective.

        Args:
            system: All bodies, without the electrons; only the past may change between calls.
            electrons: T_e of the metal, shape (num_dofs,) [K].
            tolerance: See `solve_steady`.

        Raises:
            RunError: The phonons did not converge.
        """
        number = self.electrons.body
        metal = system.bodies[number]
        gamma = self.electrons.coupling / metal.modes.heat_capacity
        warmed = np.broadcast_to(
            gamma * electrons, (metal.mode_partition.num_modes, electrons.size)
        )
        past = warmed if metal.past is None else metal.past + warmed
        bodies = list(system.bodies)
        bodies[number] = with_past(metal, metal.absorption + gamma, past)
        coupled = replace(system, bodies=tuple(bodies))
        if self._moments is None:
            self._moments = moment_system(coupled, *self.kernels)
        # No initial guess: relative to its emission the residual would be too small.
        state = solve_steady(
            coupled,
            *self.kernels,
            tolerance=tolerance,
            moments=self._moments,
            level=logging.DEBUG,
        )
        if not state.report.converged:
            raise RunError(
                f"two temperatures: the phonons did not converge in {state.report.iterations} "
                f"corrections (residual {state.report.residuals[-1]:.1e}); ask for a larger "
                "tolerance"
            )
        heat = np.zeros(electrons.size)
        for block in state.streamed_blocks():
            if block.body == number:
                heat += metal.heat_capacities[block.modes] @ block.theta
        return state, np.asarray(
            metal.mode_partition.sum_over_ranks(heat) / metal.modes.heat_capacity
        )


class _Memory:
    """Anderson acceleration: arguments and changes of earlier steps, and the next argument.

    Args:
        scale: Square roots of the weights of the norm, shape (n,).
    """

    def __init__(self, scale: Array) -> None:
        self.scale = scale
        self.arguments: list[Array] = []
        self.changes: list[Array] = []

    def next(self, argument: Array, image: Array) -> Array:
        """Return the argument of minimal change in the span of the earlier ones, shape (n,)."""
        self.arguments.append(argument)
        self.changes.append(image - argument)
        if len(self.changes) == 1:
            return image
        moved = np.diff(np.array(self.arguments), axis=0)
        turned = np.diff(np.array(self.changes), axis=0)
        shares = np.linalg.lstsq(
            (turned * self.scale).T, self.changes[-1] * self.scale, rcond=1e-14
        )[0]
        return np.asarray(image - shares @ (moved + turned), dtype=np.float64)
