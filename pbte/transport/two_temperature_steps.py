r"""A metal with two temperatures in time: a pulse heats the electrons, phonons carry it away.

    C_e dT_e/dt = div(k_e grad T_e) - G (T_e - T_p) + p(t) S,       phonons as
    `pbte.transport.two_temperature` has them, with d theta/dt.

Each step of length h has two implicit stages of one rate 1/(a h), a = 1 - 1/sqrt(2): the stiffly
accurate, L-stable method of second order of R. Alexander, SIAM J. Numer. Anal. 14, 1006 (1977). A
stage is a steady problem that loses everything to the future at that rate and gets the past back,

    (u_1 - u) / (a h) = f(u_1),       (u_2 - u - (1 - a)/a (u_1 - u)) / (a h) = f(u_2),

so that energy is kept to the tolerance of the stages: that of u_2 is that of u plus h times
(1 - a) times the net power of stage 1 and a times that of stage 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from pbte.errors import InputError, RunError
from pbte.materials.kernel import FactoredKernel
from pbte.transport.electrons import ElectronEquation, Electrons
from pbte.transport.problem import Problem, with_past
from pbte.transport.steady import SteadyState
from pbte.transport.system import System, as_system
from pbte.transport.two_temperature import TwoTemperatures, solve_coupled
from pbte.types import Array

DIAGONAL = 1.0 - 1.0 / np.sqrt(2.0)
"""a: the share of a step that each stage looks ahead, and the weight of the second one."""
MAX_ITERATIONS = 60


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Electrons and phonons at the end of a step.

    Attributes:
        time: t [s].
        electrons: T_e at the degrees of freedom of the metal, shape (num_dofs,) [K].
        phonons: T_p of the metal, shape (num_dofs,) [K].
        fields: Mode temperatures of each body, shapes (local modes, num_dofs) [K].
        stages: The two stages of the step, the second at its end; their shares of the step are
            1 - a and a.
    """

    time: float
    electrons: Array
    phonons: Array
    fields: tuple[Array, ...]
    stages: tuple[TwoTemperatures, TwoTemperatures]


def follow_pulse(
    problem: Problem | System,
    kernels: Sequence[FactoredKernel],
    electrons: Electrons,
    pulse: Callable[[float], float],
    steps: Sequence[float],
    *,
    tolerance: float = 1e-8,
) -> Iterator[Moment]:
    """Yield electrons and phonons after each step, from rest at T0 and time 0.

    Args:
        problem: The phonons, one body or several; what walls and sources give them is constant.
        kernels: Kernel of each body, or its leading part, as `solve_steady` takes them.
        electrons: Those of one of the bodies, with a heat capacity.
        pulse: Share of the electrons' heat that is on at a time [s].
        steps: Length of each step [s].
        tolerance: Power that may fail to match in a stage, relative to what passes between the two.

    Raises:
        InputError: A step is not positive, or the coefficients do not fit the body.
        RunError: A stage did not converge.

    Note: Collective over the ranks of the problem.
    """
    system = as_system(problem)
    metal = system.bodies[electrons.body]
    fields = tuple(body.new_field() for body in system.bodies)
    warm: Array = np.zeros(metal.mesh.num_dofs)
    time = 0.0
    equations: dict[float, ElectronEquation] = {}
    ahead = (1.0 - DIAGONAL) / DIAGONAL
    for step in steps:
        if not (np.isfinite(step) and step > 0.0):
            raise InputError(f"step = {step:g} s; it must be positive")
        if step not in equations:
            equations = {step: ElectronEquation(electrons, metal, 1.0 / (DIAGONAL * step))}
        solve = partial(_stage, system, kernels, equations[step], tolerance)
        first, between = solve(fields, warm, pulse(time + DIAGONAL * step))
        old = tuple(u + ahead * (v - u) for u, v in zip(fields, between, strict=True))
        past = np.asarray(warm + ahead * (first.electrons - warm))
        time += step
        second, fields = solve(old, past, pulse(time))
        warm = second.electrons
        yield Moment(
            time=time,
            electrons=warm,
            phonons=second.phonons,
            fields=fields,
            stages=(first, second),
        )


def _stage(
    system: System,
    kernels: Sequence[FactoredKernel],
    equation: ElectronEquation,
    tolerance: float,
    fields: tuple[Array, ...],
    past: Array,
    pulse: float,
) -> tuple[TwoTemperatures, tuple[Array, ...]]:
    """Return one implicit stage, and the fields that it ends in."""
    rate = equation.rate
    bodies = tuple(
        with_past(body, body.absorption + rate, rate * field)
        for body, field in zip(system.bodies, fields, strict=True)
    )
    found = solve_coupled(
        replace(system, bodies=bodies),
        kernels,
        equation,
        past=past,
        pulse=pulse,
        start=past,
        tolerance=tolerance,
        max_iterations=MAX_ITERATIONS,
    )
    if not found.report.converged:
        raise RunError(
            f"two temperatures: a time step did not converge in {found.report.iterations} phonon "
            f"solutions (mismatch {found.report.residuals[-1]:.1e}); take shorter steps"
        )
    return found, _fields(system, found.state)


def _fields(system: System, state: SteadyState) -> tuple[Array, ...]:
    fields = tuple(body.new_field() for body in system.bodies)
    for drift in state.drifts():
        fields[drift.body][drift.modes] = drift.theta
    return fields
