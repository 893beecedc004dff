"""Runs of the two-temperature model: electrons of a metal next to the phonons of all bodies."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator

import numpy as np

from pbte.case.electrons import ElectronsChoice
from pbte.case.transients import Transient
from pbte.core.types import Array
from pbte.observables.electrons import ElectronResult, ElectronState
from pbte.observables.results import Results
from pbte.observables.snapshot import Snapshot
from pbte.observables.transient import TransientResult, start_of, with_integral, with_step
from pbte.simulation.problem import Problem
from pbte.simulation.records import StageRecords, SteadyRecord
from pbte.simulation.results import results_of
from pbte.simulation.transient import first_step, switched
from pbte.transport.electrons.electrons import Electrons
from pbte.transport.electrons.steady import TwoTemperatures, solve_two_temperatures
from pbte.transport.electrons.time_stepping import TwoTemperatureStepper
from pbte.transport.system import StreamedBlock, as_system
from pbte.transport.transient import TimeStepper, steps_to

LOG = logging.getLogger("pbte.simulation")

NOTE = (
    "With electrons there are no scattering orders, and the heat equation of the phonons was not "
    "solved for comparison."
)


def run_two_temperatures(problem: Problem, timings: dict[str, float]) -> Results:
    """Return the results of a run with electrons, complete on every rank.

    Args:
        problem: The phonons; its settings have electrons.
        timings: Wall time of each stage [s]; those of this run are added.

    Raises:
        RunError: Phonons or a time step did not converge.

    Note: Collective over all ranks of the problem.
    """
    settings = problem.settings
    assert settings.electrons is not None
    metal = _Metal(settings.electrons, problem)
    steady: SteadyRecord | None = None
    state: ElectronState | None = None
    transient: TransientResult | None = None
    states: tuple[ElectronState, ...] = ()
    if settings.steady.enabled:
        started = time.perf_counter()
        steady, state = metal.steady(settings.steady.tolerance, settings.steady.max_iterations)
        timings["steady"] = time.perf_counter() - started
    if settings.transient is not None:
        started = time.perf_counter()
        transient, states = metal.transient(settings.transient)
        timings["transient"] = time.perf_counter() - started
    electrons = ElectronResult(
        material=metal.material, power=metal.power, steady=state, states=states
    )
    found = StageRecords(steady=steady, transient=transient, electrons=electrons)
    return results_of(problem, found, timings, notes=(NOTE,))


class _Metal:
    """The electrons of a case, with their solutions and observables.

    Args:
        choice: The electrons as the case describes them.
        problem: The phonons.
    """

    def __init__(self, choice: ElectronsChoice, problem: Problem) -> None:
        self.problem = problem
        names = [body.material for body in problem.bodies.bodies]
        number = 0 if choice.material is None else names.index(choice.material)
        self.material = names[number]
        mesh = problem.system.bodies[number].mesh
        flux: Array = np.zeros(mesh.boundary_walls.size)
        self.pulse: Callable[[float], float] = lambda _: 0.0
        self.light = choice.absorbed
        if self.light is not None:
            flux[mesh.boundary_walls == problem.walls[self.light.wall]] = self.light.flux
            self.pulse = self.light.profile.factor
        self.electrons = Electrons(
            conductivity=choice.conductivity,
            coupling=choice.coupling,
            heat_source=np.zeros(mesh.num_dofs),
            face_heat=flux,
            heat_capacity=choice.heat_capacity,
            body=number,
        )
        self.weights = mesh.dof_weights
        self.power = float(flux @ np.linalg.norm(mesh.boundary_normals, axis=1))

    def steady(self, tolerance: float, max_iterations: int) -> tuple[SteadyRecord, ElectronState]:
        """Return the observables of phonons and electrons in the steady state. Collective."""
        problem = self.problem
        found = solve_two_temperatures(
            problem.system,
            problem.leading,
            self.electrons,
            tolerance=tolerance,
            max_iterations=max_iterations,
        )
        tally, interfaces = problem.field_tally, problem.interface_tally
        interfaces.restart()
        for block in found.state.streamed_blocks():
            tally.accumulate(block)
            interfaces.accumulate(block)
        record = SteadyRecord(
            snapshot=tally.snapshot(problem.system.heat_power + self.power, scatters=False),
            report=found.report,
            interface_sums=interfaces.sums(),
        )
        return record, self._state(found.electrons, found.phonons)

    def transient(self, choice: Transient) -> tuple[TransientResult, tuple[ElectronState, ...]]:
        """Return phonons and electrons at the times of a transient. Collective."""
        problem = self.problem
        given = switched(problem, choice)
        stepper = TwoTemperatureStepper(
            given,
            problem.leading,
            self.electrons,
            self.pulse,
            tolerance=choice.solver_tolerance,
        )

        def observe(blocks: Iterator[StreamedBlock], now: float) -> Snapshot:
            for block in blocks:
                problem.field_tally.accumulate(block)
            power = as_system(given(now)).heat_power + self.pulse(now) * self.power
            return problem.field_tally.snapshot(power, scatters=False)

        def measure(stage: TwoTemperatures, now: float) -> Snapshot:
            return observe(stage.state.streamed_blocks(), now)

        rest = TimeStepper(given, problem.leading, stepper.fields).observe(observe)
        evolution, integral = start_of(rest, 0.0), None
        states = [self._state(stepper.temperature, 0.0 * stepper.temperature)]
        stops = choice.stops() if self.light is None else choice.stops(self.light.profile)
        outputs = choice.output_times()
        control = first_step(problem, choice)
        for step in steps_to(stops, control, stepper, lambda size: stepper.attempt(size, measure)):
            integral = with_integral(integral, step)
            written = step.accepted and stepper.time in outputs
            evolution = with_step(
                evolution,
                step,
                stepper.energy,
                stepper.time,
                step.measured[-1] if written else None,
            )
            if written:
                assert stepper.last is not None
                states.append(self._state(stepper.last.electrons, stepper.last.phonons))
            LOG.info(
                "electrons and phonons: %.4g s of %.4g s, step %d of %.2g s",
                stepper.time,
                choice.end,
                len(evolution.ends),
                step.size,
                extra={"stage": "transient", "done": stepper.time / choice.end},
            )
        return TransientResult(**(vars(evolution) | {"integral": integral})), tuple(states)

    def _state(self, electrons: Array, phonons: Array) -> ElectronState:
        bodies = self.problem.bodies
        metal, whole = bodies.bodies[self.electrons.body], bodies.whole
        field = np.full((whole.num_cells, whole.dim + 1), np.nan)
        field[metal.cells] = electrons.reshape(-1, whole.dim + 1)
        volume = float(self.weights.sum())
        means = [float(self.weights @ values) / volume for values in (electrons, phonons)]
        return ElectronState(
            temperature=field,
            mean_temperature=means[0],
            phonon_temperature=means[1],
            exchanged=self.electrons.coupling * volume * (means[0] - means[1]),
        )
