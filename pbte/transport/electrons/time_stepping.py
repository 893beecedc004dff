r"""Transient two-temperature model: a pulse heats the electrons, which heat the phonons.

    C_e dT_e/dt = div(k_e grad T_e) - G (T_e - T_p) + p(t) S,       phonons as
    in `pbte.transport.electrons.steady`, with d theta/dt.

The time steps are those of `pbte.transport.transient`: two implicit stages, each a steady problem
of both with an absorption and a source from the past. Energy is conserved to the tolerance of the
stages; the power of a step is the sum of theirs with the weights `WEIGHTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from pbte.core.errors import InputError, RunError
from pbte.core.types import Array
from pbte.materials.kernel import FactoredKernel
from pbte.transport.body import Body, with_past
from pbte.transport.electrons.electrons import ElectronEquation, Electrons
from pbte.transport.electrons.steady import Phonons, TwoTemperatures, solve_coupled
from pbte.transport.steady.steady import SteadyState
from pbte.transport.system import System, as_system
from pbte.transport.transient import GAMMA, NODES, REACH

MAX_ITERATIONS = 60


@dataclass(frozen=True, kw_only=True)
class Moment:
    """Electrons and phonons at the end of a step.

    Attributes:
        time: t [s].
        electrons: T_e at the degrees of freedom of the metal, shape (num_dofs,) [K].
        phonons: T_p of the metal, shape (num_dofs,) [K].
        fields: Mode temperatures of each body, shapes (local modes, num_dofs) [K].
        stages: The two stages of the step, the second at its end.
    """

    time: float
    electrons: Array
    phonons: Array
    fields: tuple[Array, ...]
    stages: tuple[TwoTemperatures, TwoTemperatures]


def follow_pulse(
    problem: Body | System,
    kernels: Sequence[FactoredKernel],
    electrons: Electrons,
    pulse: Callable[[float], float],
    steps: Sequence[float],
    *,
    tolerance: float = 1e-8,
) -> Iterator[Moment]:
    """Yield electrons and phonons after each step, from rest at T0 and time 0.

    Args:
        problem: The phonons, one body or several; walls and sources are constant in time.
        kernels: Kernel of each body, or its leading part, as `solve_steady` takes them.
        electrons: The electrons of one of the bodies, with a heat capacity.
        pulse: Function of time [s], factor of the heat source of the electrons [-].
        steps: Length of each step [s].
        tolerance: Mismatch of the exchanged power in a stage, relative to that power [-].

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
    made: dict[float, tuple[Phonons, ElectronEquation]] = {}
    for step in steps:
        if not (np.isfinite(step) and step > 0.0):
            raise InputError(f"step = {step:g} s; it must be positive")
        if step not in made:
            equation = ElectronEquation(electrons, metal, 1.0 / (GAMMA * step))
            made = {step: (Phonons(kernels, equation), equation)}
        solve = partial(_stage, system, *made[step], tolerance)
        first, between = solve(fields, warm, pulse(time + NODES[0] * step))
        old = tuple(u + REACH * (v - u) for u, v in zip(fields, between, strict=True))
        past = np.asarray(warm + REACH * (first.electrons - warm))
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
    phonons: Phonons,
    equation: ElectronEquation,
    tolerance: float,
    fields: tuple[Array, ...],
    past: Array,
    pulse: float,
) -> tuple[TwoTemperatures, tuple[Array, ...]]:
    """Return one implicit stage, and the mode temperatures at its end."""
    rate = equation.rate
    bodies = tuple(
        with_past(body, body.absorption + rate, rate * field)
        for body, field in zip(system.bodies, fields, strict=True)
    )
    found = solve_coupled(
        replace(system, bodies=bodies),
        phonons,
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
    for block in state.streamed_blocks():
        fields[block.body][block.modes] = block.theta
    return fields
