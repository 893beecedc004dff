"""The transient of a problem: initial state, profiles in time, and observables of each step."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from pbte.case.sources import ModeSelection
from pbte.case.transients import GaussianInitialState, SourceInitialState, Transient
from pbte.core.types import Array
from pbte.observables.gathering import whole_snapshot
from pbte.observables.snapshot import Snapshot
from pbte.observables.transient import (
    TransientResult,
    start_of,
    weighted_sum,
    with_integral,
    with_step,
)
from pbte.simulation.checkpoints import CheckpointManager
from pbte.simulation.initial_state import initial_profile
from pbte.simulation.problem import Problem
from pbte.simulation.records import TransientProgress
from pbte.simulation.sources import selected_modes
from pbte.transport.body import Body
from pbte.transport.sources import project
from pbte.transport.step_control import StepControl
from pbte.transport.system import StreamedBlock, System, as_system
from pbte.transport.transient import Step, TimeStepper, march

LOG = logging.getLogger("pbte.simulation")

# The first step of an adaptive run is this share of the mean lifetime of a phonon, unless the case
# limits it: the error is then well below any tolerance.
FIRST_SHARE = 1e-2

STAGE = "transient"


def initial_fields(
    problem: Problem, transient: Transient, steady: tuple[Array, ...] | None
) -> tuple[Array, ...]:
    """Return the mode temperatures at t = 0, shape (local modes, num_dofs) of each body [K].

    Args:
        problem: The problem.
        transient: Initial state, profiles in time and steps.
        steady: Mode temperatures of its steady state, where that is the initial one.
    """
    choice, bodies = transient.initial, problem.system.bodies
    if choice.kind == "steady":
        assert steady is not None, "the case was checked"
        return steady
    if isinstance(choice, SourceInitialState):
        return tuple(choice.duration * body.source() for body in bodies)
    profile = initial_profile(choice, problem.conditions.temperature)
    modes = choice.modes if isinstance(choice, GaussianInitialState) else ModeSelection()
    return tuple(_held_by(modes, body)[:, None] * project(body.mesh, profile) for body in bodies)


def _held_by(choice: ModeSelection, body: Body) -> Array:
    """Return the temperature of each local mode over that of all modes, (local modes,) [-].

    The same energy in fewer modes makes each of them hotter.
    """
    modes = body.modes
    held = selected_modes("transient.initial.modes", choice, modes)
    hotter = modes.heat_capacity / float(modes.heat_capacities[held].sum())
    return np.where(held[body.mode_partition.indices], hotter, 0.0)


def switched(problem: Problem, transient: Transient) -> Callable[[float], System]:
    """Return the system at a time [s]: its isothermal walls and heat sources then."""
    source, system = transient.source_profile, problem.system
    steady = [body.inflow[0] for body in system.bodies]

    def of_body(number: int, body: Body, time: float) -> Body:
        inflow = steady[number].copy()
        for name, profile in transient.walls.items():
            on_wall = np.repeat(body.mesh.boundary_walls == problem.walls[name], body.mesh.dim)
            inflow[on_wall] *= profile.factor(time)
        heat = source.factor(time) * body.heat_sources
        return replace(body, heat_sources=heat, inflow=inflow[None, :])

    def given(time: float) -> System:
        bodies = (of_body(number, body, time) for number, body in enumerate(system.bodies))
        return replace(system, bodies=tuple(bodies))

    return given


def first_step(problem: Problem, transient: Transient) -> StepControl:
    """Return the step size control at the start."""
    if transient.tolerance is None:
        assert transient.step is not None
        return StepControl(size=transient.step)
    tables = [body.modes for body in problem.system.bodies]
    mean_rate = max(float(m.heat_capacities @ m.loss_rates) / m.heat_capacity for m in tables)
    longest = np.inf if transient.step is None else transient.step
    size = min(FIRST_SHARE / mean_rate, transient.end)
    return StepControl(size=size, tolerance=transient.tolerance, longest=longest)


class Recorder:
    """Records the observables of a transient, step by step.

    Args:
        problem: The problem.
        transient: Initial state, profiles in time and steps.
        stepper: The time stepper.
        before: Observables of the part before a restart; none by default.
    """

    def __init__(
        self,
        problem: Problem,
        transient: Transient,
        stepper: TimeStepper,
        before: TransientResult | None = None,
    ) -> None:
        self.problem, self.stepper = problem, stepper
        self._outputs = transient.output_times()
        self._integral: Snapshot | None = None
        self._before = before
        if before is None:
            first = whole_snapshot(stepper.observe(self.measure), problem.part)
            self.evolution = start_of(first, stepper.energy)
        else:
            self.evolution = before

    def measure(self, blocks: Iterator[StreamedBlock], time: float) -> Snapshot:
        """Return the observables of one stage. Collective over the ranks."""
        tally = self.problem.field_tally
        for block in blocks:
            tally.accumulate(block)
        system = as_system(self.stepper.given(time))
        power = sum(body.heat_power for body in system.bodies)
        return tally.snapshot(power, scatters=False)

    def take(self, step: Step[Snapshot]) -> None:
        """Record a step. Collective over the ranks."""
        self._integral = with_integral(self._integral, step)
        end, written = self.stepper.time, None
        if step.accepted and end in self._outputs:
            written = whole_snapshot(step.measured[-1], self.problem.part)
        self.evolution = with_step(self.evolution, step, self.stepper.energy, end, written)

    def so_far(self) -> TransientResult:
        """Return all observables so far, integral included. Collective over the ranks."""
        before = None if self._before is None else self._before.integral
        if self._integral is None:
            return replace(self.evolution, integral=before)
        own = whole_snapshot(self._integral, self.problem.part)
        whole = own if before is None else weighted_sum([before, own], [1.0, 1.0])
        return replace(self.evolution, integral=whole)


def integrate_in_time(
    problem: Problem,
    checkpoints: CheckpointManager,
    steady: tuple[Array, ...] | None = None,
) -> TransientResult:
    """Return the transient of a problem. Collective over the ranks.

    Args:
        problem: The problem; its settings have a transient.
        checkpoints: Writes checkpoints and restores them.
        steady: Mode temperatures of the steady state, where that is the initial one.

    Raises:
        InputError: The checkpoint is damaged.
        RunError: The steps have become too small to continue.
        KeyboardInterrupt: A signal requested a stop; a checkpoint is written.
    """
    known = checkpoints.finished(STAGE)
    if known is not None:
        assert isinstance(known, TransientResult)
        return known
    transient = problem.settings.transient
    assert transient is not None
    control = first_step(problem, transient)
    restart: TransientProgress | None = checkpoints.progress(STAGE)
    stepper = TimeStepper(
        switched(problem, transient),
        problem.leading,
        initial_fields(problem, transient, steady)
        if restart is None
        else tuple(body.new_field() for body in problem.system.bodies),
        time=0.0 if restart is None else restart.time,
        tolerance=transient.solver_tolerance,
        max_iterations=problem.settings.steady.max_iterations,
    )
    if restart is not None:
        checkpoints.restore(stepper.state_arrays(problem.numbering))
        stepper.scale = restart.scale
        control.size, control.last_error = restart.size, restart.last_error
        LOG.info("transient: restart at %.4g s", restart.time)
    before = None if restart is None else restart.evolution
    recorder = Recorder(problem, transient, stepper, before)
    for step in march(stepper, transient.stops(), control, recorder.measure):
        recorder.take(step)
        _report(transient, step, stepper.time, len(recorder.evolution.ends))
        if checkpoints.checkpoint_due():
            progress = TransientProgress(
                time=stepper.time,
                scale=stepper.scale,
                size=control.size,
                last_error=control.last_error,
                evolution=recorder.so_far(),
            )
            checkpoints.write(STAGE, progress, stepper.state_arrays(problem.numbering))
    evolution = recorder.so_far()
    checkpoints.finish(STAGE, evolution)
    return evolution


def _report(transient: Transient, step: Step[Snapshot], now: float, number: int) -> None:
    """Log the progress of a transient."""
    LOG.info(
        "transient: %.4g s of %.4g s, %s of %.2g s",
        now,
        transient.end,
        f"step {number}" if step.accepted else "rejected a step",
        step.size,
        extra={"stage": STAGE, "done": now / transient.end},
    )
