"""The heat equation in time and in the frequency domain.

Initial states, heat sources, walls and times are the same as for phonons; which modes hold an
initial energy, or take up heat, does not matter.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np

from pbte.case.transients import Harmonic, SourceInitialState, SteadyInitialState, Transient
from pbte.core.types import Array
from pbte.observables.harmonic import HarmonicResult
from pbte.observables.snapshot import Snapshot
from pbte.observables.transient import TransientResult, start_of, with_integral, with_step
from pbte.simulation.heat_problem import HeatProblem
from pbte.simulation.initial_state import initial_profile
from pbte.transport.heat.time_stepping import HeatStepper
from pbte.transport.sources import project
from pbte.transport.step_control import StepControl
from pbte.transport.transient import steps_to

LOG = logging.getLogger("pbte.simulation")

# The first step of an adaptive run is this share of the time in which heat diffuses through a cell,
# unless the case limits it.
FIRST_SHARE = 0.1


def integrate_heat_in_time(
    problem: HeatProblem, transient: Transient, steady: Array | None
) -> TransientResult:
    """Return the transient by the heat equation. Collective over the ranks.

    Args:
        problem: The heat problem.
        transient: Initial state, profiles in time and steps.
        steady: Its steady temperature, shape (num_dofs,) [K], where that is the initial one.

    Raises:
        InputError: The initial state does not fit the case or its mesh.
        RunError: The steps have become too small to continue.
    """
    given = _switched(problem, transient)
    stepper = HeatStepper(problem.equation, given, _start(problem, transient, steady))
    outputs, profile = transient.output_times(), transient.source_profile

    def measure(temperature: Array, flux: Array, time: float) -> Snapshot:
        power = profile.factor(time) * problem.power
        return problem.snapshot(temperature, flux, given(time)[1], power)

    evolution, integral = start_of(stepper.observe(measure), stepper.energy), None
    steps = steps_to(
        transient.stops(),
        _first_step(problem, transient),
        stepper,
        lambda size: stepper.attempt(size, measure),
    )
    for step in steps:
        integral = with_integral(integral, step)
        written = step.accepted and stepper.time in outputs
        evolution = with_step(
            evolution, step, stepper.energy, stepper.time, step.measured[-1] if written else None
        )
        if written:
            LOG.info(
                "heat equation: %.4g s of %.4g s, step %d of %.2g s",
                stepper.time,
                transient.end,
                len(evolution.ends),
                step.size,
                extra={"stage": "fourier", "done": stepper.time / transient.end},
            )
    return TransientResult(**(vars(evolution) | {"integral": integral}))


def solve_heat_harmonic(problem: HeatProblem, harmonic: Harmonic) -> tuple[HarmonicResult, ...]:
    """Return the harmonic response at each frequency. Collective over the ranks.

    Args:
        problem: The heat problem.
        harmonic: The frequencies, and what oscillates.

    Raises:
        InputError: Heat has nowhere to go at zero frequency.
        RunError: A solution did not converge.
    """
    walls = problem.temperatures
    if harmonic.walls is not None:
        chosen = [problem.on_wall(name) for name in harmonic.walls]
        walls = np.where(np.any([np.zeros(walls.shape, dtype=bool), *chosen], axis=0), walls, 0.0)
    heat = problem.heat if harmonic.source else 0.0 * problem.heat
    power = problem.power if harmonic.source else 0.0
    responses = []
    frequencies = harmonic.all_frequencies()
    for number, frequency in enumerate(frequencies, start=1):
        found = problem.equation.oscillating(float(frequency), heat, walls)
        flux = problem.equation.flux(found, walls)
        responses.append(
            HarmonicResult(
                frequency=float(frequency),
                real=problem.snapshot(found.real, flux.real, walls, power),
                imaginary=problem.snapshot(found.imag, flux.imag, 0.0 * walls, 0.0),
                energy=complex(problem.equation.dof_capacities @ found),
                converged=True,
                sweeps=0,
                residuals=np.zeros(0),
            )
        )
        LOG.info(
            "heat equation: frequency %d of %d: %.4g Hz",
            number,
            len(frequencies),
            frequency,
            extra={"stage": "fourier", "done": number / len(frequencies)},
        )
    return tuple(responses)


def _start(problem: HeatProblem, transient: Transient, steady: Array | None) -> Array:
    """Return the initial temperature, shape (num_dofs,) [K]."""
    mesh, choice = problem.mesh, transient.initial
    if isinstance(choice, SteadyInitialState):
        assert steady is not None, "the case was checked"
        return steady
    if isinstance(choice, SourceInitialState):
        capacities = np.repeat(problem.equation.heat_capacity, mesh.dim + 1)
        return np.asarray(choice.duration * problem.heat / capacities)
    return project(mesh, initial_profile(choice, problem.conditions.temperature))


def _switched(problem: HeatProblem, transient: Transient) -> Callable[[float], tuple[Array, Array]]:
    """Return the heat density, and the temperature of the boundary facets, at a time [s]."""
    source, profiles = transient.source_profile, transient.walls

    def given(time: float) -> tuple[Array, Array]:
        walls = problem.temperatures.copy()
        for name, profile in profiles.items():
            walls[problem.on_wall(name)] *= profile.factor(time)
        return source.factor(time) * problem.heat, walls

    return given


def _first_step(problem: HeatProblem, transient: Transient) -> StepControl:
    """Return the step size control at the start."""
    mesh = problem.mesh
    if transient.tolerance is None:
        assert transient.step is not None
        return StepControl(size=transient.step)
    fastest = max(
        float(np.linalg.eigvalsh(body.conductivity).max()) / body.modes.heat_capacity
        for body in problem.bodies
    )
    cell = (float(mesh.volumes.sum()) / mesh.num_cells) ** (1.0 / mesh.dim)
    longest = np.inf if transient.step is None else transient.step
    size = min(FIRST_SHARE * cell**2 / fastest, transient.end)
    return StepControl(size=size, tolerance=transient.tolerance, longest=longest)
