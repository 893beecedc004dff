"""Runs of the two-temperature model: electrons of a metal next to the phonons of all bodies."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from mpi4py import MPI

from pbte.case.case import Case, resolved_toml
from pbte.case.electrons import ElectronsChoice
from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.core.versions import versions
from pbte.observables.electrons import ElectronResult, ElectronState
from pbte.observables.interfaces import InterfaceFields
from pbte.observables.results import Results
from pbte.observables.snapshot import Snapshot
from pbte.observables.transient import TransientResult, start_of, with_integral, with_step
from pbte.simulation.bodies import geometry_of
from pbte.simulation.interface_results import interface_results, interface_tally
from pbte.simulation.problem import Problem, build_problem
from pbte.simulation.transient import first_step, switched
from pbte.transport.electrons.electrons import Electrons
from pbte.transport.electrons.steady import TwoTemperatures, solve_two_temperatures
from pbte.transport.electrons.time_stepping import TwoTemperatureStepper
from pbte.transport.reports import SteadyReport
from pbte.transport.system import StreamedBlock, as_system
from pbte.transport.transient import TimeStepper, steps_to

LOG = logging.getLogger("pbte.simulation")

Steady = tuple[Snapshot, SteadyReport, ElectronState, tuple[InterfaceFields, ...]]
NOTE = (
    "With electrons there are no scattering orders, and the heat equation of the phonons was not "
    "solved for comparison."
)


def run_two_temperatures(case: Case, comm: MPI.Intracomm, folder: Path | None = None) -> Results:
    """Run a case with electrons and return what it reports, complete on every rank.

    Args:
        case: The case, with a table [electrons].
        comm: The ranks; they share the phonon modes.
        folder: The result folder, if there is one.

    Raises:
        InputError: Something the case names is missing, damaged or does not fit.
        RunError: Phonons or a time step did not converge.

    Note: Collective over `comm`.
    """
    assert case.electrons is not None
    started = time.perf_counter()
    problem = build_problem(case, comm, folder)
    metal = _Metal(case.electrons, problem)
    timings = {"setup": time.perf_counter() - started}
    found: Steady | None = None
    if case.steady.enabled:
        started = time.perf_counter()
        found = metal.steady(case.steady.tolerance, case.steady.max_iterations)
        timings["steady"] = time.perf_counter() - started
    transient: TransientResult | None = None
    states: tuple[ElectronState, ...] = ()
    if case.transient is not None:
        started = time.perf_counter()
        transient, states = metal.transient(case)
        timings["transient"] = time.perf_counter() - started
    steady, report, state, fields = (None, None, None, ()) if found is None else found
    geometry = geometry_of(problem.bodies)
    reached = report is not None and report.converged and steady is not None
    interfaces, series = interface_results(
        problem,
        geometry,
        fields if reached else (),
        () if steady is None else (steady,),
        whole=reached,
    )
    bodies = problem.system.bodies
    return Results(
        title=case.title,
        case=resolved_toml(case),
        versions=versions(),
        geometry=geometry,
        frequency_edges=problem.tally.frequency_edges,
        reference_temperature=bodies[0].modes.temperature,
        num_modes=sum(body.modes.num_modes for body in bodies),
        num_unknowns=problem.system.num_unknowns + bodies[metal.electrons.body].mesh.num_dofs,
        power=problem.system.heat_power + metal.power,
        self_scattering=0.0,
        eigenvalues=(),
        orders=(),
        steady=steady,
        steady_report=report,
        transient=transient,
        interfaces=interfaces,
        series=series,
        electrons=ElectronResult(
            material=metal.material, power=metal.power, steady=state, states=states
        ),
        notes=(NOTE,),
        timings=timings,
    )


class _Metal:
    """The electrons of a case, and what is solved for and observed with them.

    Args:
        choice: What the case says of them.
        problem: The phonons.

    Raises:
        InputError: The light falls on no wall of the metal.
    """

    def __init__(self, choice: ElectronsChoice, problem: Problem) -> None:
        self.problem = problem
        names = [body.material for body in problem.bodies.bodies]
        if choice.material is not None and choice.material not in names:
            raise InputError(
                f"electrons.material = {choice.material!r}: no region of the mesh is made of it"
            )
        number = 0 if choice.material is None else names.index(choice.material)
        self.material = names[number]
        mesh = problem.system.bodies[number].mesh
        flux: Array = np.zeros(mesh.boundary_walls.size)
        self.pulse: Callable[[float], float] = lambda _: 0.0
        if choice.absorbed is not None:
            wall = choice.absorbed.wall
            lit = mesh.boundary_walls == problem.walls.get(wall, -1)
            if not lit.any():
                raise InputError(
                    f"electrons.absorbed.wall = {wall!r}: not a wall of the metal {self.material}"
                )
            flux[lit] = choice.absorbed.flux
            self.pulse = choice.absorbed.profile.factor
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

    def steady(self, tolerance: float, max_iterations: int) -> Steady:
        """Return what is observed of the steady state, and how it was reached. Collective."""
        problem = self.problem
        found = solve_two_temperatures(
            problem.system,
            problem.leading,
            self.electrons,
            tolerance=tolerance,
            max_iterations=max_iterations,
        )
        interfaces = interface_tally(problem)
        for block in found.state.streamed_blocks():
            problem.tally.accumulate(block)
            interfaces.accumulate(block)
        snapshot = problem.tally.snapshot(problem.system.heat_power + self.power, scatters=False)
        state = self._state(found.electrons, found.phonons)
        return snapshot, found.report, state, interfaces.take()

    def transient(self, case: Case) -> tuple[TransientResult, tuple[ElectronState, ...]]:
        """Return phonons and electrons at the times of a case. Collective."""
        choice, problem = case.transient, self.problem
        assert choice is not None and case.electrons is not None
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
                problem.tally.accumulate(block)
            power = as_system(given(now)).heat_power + self.pulse(now) * self.power
            return problem.tally.snapshot(power, scatters=False)

        def measure(stage: TwoTemperatures, now: float) -> Snapshot:
            return observe(stage.state.streamed_blocks(), now)

        rest = TimeStepper(given, problem.leading, stepper.fields).observe(observe)
        evolution, integral = start_of(rest, 0.0), None
        states = [self._state(stepper.temperature, 0.0 * stepper.temperature)]
        light = case.electrons.absorbed
        stops = choice.stops() if light is None else choice.stops(light.profile)
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
