"""Time integration of all modes by implicit steps of two steady problems each.

    d theta/dt + (v . grad + Gamma) theta = M theta + g(t)

Alexander's singly diagonally implicit Runge-Kutta method of two stages (SIAM J. Numer. Anal. 14,
1006 (1977)): with gamma = 1 - 1/sqrt 2 it is of second order, L-stable, and its last stage is the
new state. A stage of the step from u, of length h,

    (1/gamma h + v . grad + Gamma - M) U_i = g(t_i) + p_i / gamma h,
    p_1 = u,   p_2 = u + (1 - gamma)/gamma (U_1 - u),

is a steady problem with the absorption 1/gamma h and a source from the past. Both stages have the
same operator, as do steps of the same length, which share the search directions of the Krylov
solver and the diffusion matrix. Modes with lifetimes and transit times much shorter than h relax
within the step, which is stable for any h. (TR-BDF2 is of the same order, but starts from d
theta/dt of the initial state, which walls of another temperature make infinite.)

*Energy.* Each stage ends with a sweep from the last in-scattering; its difference from the
in-scattering after the sweep is the residual of the solver. It is added locally as a temperature,
so that stored energy = heat in - heat out to round-off at any tolerance.

*Step size.* U_1 continued in a straight line to the end of the step is an embedded solution of
first order. Its difference from U_2, in the norm weighted with heat capacity and volume, is the
error estimate and kept below the tolerance; as the solution itself is of second order, its error
falls in proportion.

Memory: the state and the past, two fields of all modes; with a full matrix two more in the solver.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

import numpy as np

from pbte.core.errors import RunError
from pbte.core.types import Array
from pbte.materials.kernel import FactoredKernel
from pbte.transport.body import Body, Modes, stream, with_past
from pbte.transport.reports import SteadyReport
from pbte.transport.state import Numbering, StateArrays, mode_field
from pbte.transport.steady.iterate import SteadyIterate
from pbte.transport.steady.moment_system import MomentSystem
from pbte.transport.steady.steady import SteadyState, moment_system, solve_steady
from pbte.transport.step_control import StepControl
from pbte.transport.system import Boundary, StreamedBlock, System, as_system

GAMMA = 1.0 - 0.5**0.5
# Times of the stages within a step, and their weights in the state at its end.
NODES = (GAMMA, 1.0)
WEIGHTS = (1.0 - GAMMA, GAMMA)
# Extrapolation factor of the past of the second stage, (1 - gamma) / gamma.
REACH = (1.0 - GAMMA) / GAMMA
# Relative difference below which two step lengths are equal.
SAME = 1e-9

T = TypeVar("T")
# System at a time [s], with its heat sources and wall temperatures, without past.
Given = Callable[[float], Body | System]
# Takes all streamed blocks of a stage, and its time [s].
Measure = Callable[[Iterator[StreamedBlock], float], T]


@dataclass(frozen=True, kw_only=True)
class Step(Generic[T]):
    """A time step, accepted or rejected.

    Attributes:
        start: Time at its start [s].
        size: Length h [s].
        error: Error estimate, relative to the norm of the largest state so far [-].
        measured: Measurement of each stage; their sum with `WEIGHTS` is the mean over the step in
            the energy balance.
        reports: Convergence of each stage.
        accepted: Whether its end is the current state.
    """

    start: float
    size: float
    error: float
    measured: tuple[T, ...]
    reports: tuple[SteadyReport, ...]
    accepted: bool = False


class TimeStepper:
    """State of all bodies at a time, and its implicit time steps.

    Args:
        given: System as a function of time [s]; only heat sources and wall temperatures may change.
        kernels: For each body the leading part of its kernel, or the kernel itself when it is of
            low rank.
        fields: Mode temperatures of the local modes at the start, one for each body, shape (local
            modes, num_dofs) [K]; not copied.
        time: Initial time [s].
        tolerance: Relative residual of each stage, see `solve_steady` [-].
        max_iterations: Largest number of corrections of each stage.

    Attributes:
        time: Current time [s].
        fields: Current state [K].
        scale: Norm of the largest state so far.

    Note: Collective over the ranks.
    """

    def __init__(
        self,
        given: Given,
        kernels: Sequence[FactoredKernel],
        fields: tuple[Array, ...],
        *,
        time: float = 0.0,
        tolerance: float = 1e-10,
        max_iterations: int = 50,
    ) -> None:
        self.given, self.kernels, self.fields, self.time = given, kernels, fields, time
        self.tolerance, self.max_iterations = tolerance, max_iterations
        self.system = as_system(given(time))
        self.scale = self._norm(fields)
        self._past = tuple(np.empty_like(field) for field in fields)
        self._solver: tuple[float, MomentSystem] | None = None
        self._iterate: SteadyIterate | None = None

    @property
    def energy(self) -> float:
        """Stored energy relative to T0, sum c theta [J]. Collective."""
        return sum(
            body.total(body.heat_capacities @ (field @ body.mesh.dof_weights))
            for body, field in zip(self.system.bodies, self.fields, strict=True)
        )

    def state_arrays(self, numbering: Numbering) -> StateArrays:
        """Return the current state, by name; the arrays themselves [K]."""
        return {
            f"body_{number}.temperatures": mode_field(body, cells, field)
            for number, (body, cells, field) in enumerate(
                zip(self.system.bodies, numbering.cells, self.fields, strict=True)
            )
        }

    def observe(self, measure: Measure[T]) -> T:
        """Return the measurement of the current state. Collective over the ranks."""
        return measure(_standing(as_system(self.given(self.time)), self.fields), self.time)

    def attempt(self, size: float, measure: Measure[T]) -> Step[T]:
        """Return a trial step of this length; `accept` makes its end the current state. Collective.

        Args:
            size: h [s].
            measure: Called in each stage.
        """
        rate = 1.0 / (GAMMA * size)
        for field, past in zip(self.fields, self._past, strict=True):
            np.multiply(field, rate, out=past)
        measured, reports = [], []
        update = _Update(self.fields, self._past, rate)
        for stage, node in enumerate(NODES):
            time = self.time + node * size
            system = self._stage(time, rate)
            solution = self._solve(system, size)
            blocks = self._finish(system, solution, update, last=stage == 1)
            measured.append(measure(blocks, time))
            for _ in blocks:  # blocks that the measurement skipped are streamed all the same
                pass
            self._iterate = solution.iterate()
            reports.append(solution.report)
        error, size_of_state = np.sqrt(self.system.bodies[0].comm.allreduce(update.squares))
        self.scale = max(self.scale, float(size_of_state))
        return Step(
            start=self.time,
            size=size,
            error=float(error) / self.scale if self.scale > 0.0 else 0.0,
            measured=tuple(measured),
            reports=tuple(reports),
        )

    def accept(self, step: Step[T], end: float | None = None) -> Step[T]:
        """Make the end of the last trial step the current state, and return it as accepted.

        Args:
            step: The last result of `attempt`.
            end: Time of its end, free of the round-off of a sum of steps [s].
        """
        self.fields, self._past = self._past, self.fields
        self.time = step.start + step.size if end is None else end
        return replace(step, accepted=True)

    def _stage(self, time: float, rate: float) -> System:
        system = as_system(self.given(time))
        bodies = tuple(
            with_past(body, rate, past)
            for body, past in zip(system.bodies, self._past, strict=True)
        )
        return replace(system, bodies=bodies)

    def _solve(self, system: System, size: float) -> SteadyState:
        if self._solver is None or self._solver[0] != size:
            self._solver = None  # what it holds is freed before its successor is made
            self._solver = size, moment_system(system, *self.kernels)
        initial_guess, self._iterate = self._iterate, None
        return solve_steady(
            system,
            *self.kernels,
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
            moments=self._solver[1],
            initial_guess=initial_guess,
            level=logging.DEBUG,
        )

    def _finish(
        self, system: System, solution: SteadyState, update: _Update, *, last: bool
    ) -> Iterator[StreamedBlock]:
        """Stream once more, update the past (or the state), and add the energy residual.

        In- and out-scattering have the same energy, sum c M theta = sum c Gamma theta; the sweep
        started from the in-scattering of the sweep before.
        """
        missing = [np.zeros(body.mesh.num_dofs) for body in system.bodies]
        for start in solution.source_blocks():
            body, theta, modes = system.bodies[start.body], start.rows, start.modes
            heat = body.heat_capacities[modes]
            missing[start.body] -= heat @ (theta - body.source(modes=modes))
            stream(body, theta, modes, inflow=start.inflow)
            missing[start.body] += (heat * (body.loss_rates[modes] - body.absorption.real)) @ theta
            yield StreamedBlock(body=start.body, modes=modes, theta=theta, inflow=start.inflow)
            if last:
                update.second(body, start.body, modes, theta)
            else:
                update.first(start.body, modes, theta)
        for number, body in enumerate(system.bodies):
            power = body.mode_partition.sum_over_ranks(missing[number])
            warming = power / (update.rate * body.modes.heat_capacity)
            update.warm(number, np.asarray(warming, dtype=np.float64), last=last)

    def _norm(self, fields: tuple[Array, ...]) -> float:
        """Return sqrt(sum c int theta^2). Collective."""
        return float(
            np.sqrt(
                sum(
                    body.total(body.heat_capacities @ _squares(body, field))
                    for body, field in zip(self.system.bodies, fields, strict=True)
                )
            )
        )


class _Update:
    """Update of the past of the first stage to that of the second, and then to the new state.

    Args:
        fields: The state u at the start of the step.
        past: u / gamma h; changed in place.
        rate: 1 / gamma h [1/s].

    Attributes:
        squares: Squared norms of the error and of the new state, of this rank.
    """

    def __init__(self, fields: tuple[Array, ...], past: tuple[Array, ...], rate: float) -> None:
        self.fields, self.past, self.rate = fields, past, rate
        self.squares = np.zeros(2)

    def first(self, number: int, modes: Modes, theta: Array) -> None:
        """Set the past of the second stage from U_1 of some modes of a body."""
        ahead = (1.0 - REACH) * self.fields[number][modes] + REACH * theta
        self.past[number][modes] = self.rate * ahead

    def second(self, body: Body, number: int, modes: Modes, theta: Array) -> None:
        """Store U_2 of some modes of a body, and add its difference from U_1 extrapolated."""
        old = self.fields[number][modes]
        change = (self.past[number][modes] / self.rate - old) / REACH  # U_1 - u
        heat = body.heat_capacities[modes]
        self.squares += [
            heat @ _squares(body, values) for values in (theta - old - change / GAMMA, theta)
        ]
        self.past[number][modes] = theta

    def warm(self, number: int, temperature: Array, *, last: bool) -> None:
        """Add to the temperature of all modes of a body, shape (num_dofs,) [K]."""
        past = self.past[number]
        past += temperature if last else REACH * self.rate * temperature


def march(
    stepper: TimeStepper, stops: Array, control: StepControl, measure: Measure[T]
) -> Iterator[Step[T]]:
    """Yield the steps, rejected ones too, until the last stop. Collective over the ranks.

    Args:
        stepper: Initial state; advanced by the steps.
        stops: Times to be reached exactly, ascending; past ones are skipped [s].
        control: Step size control.
        measure: Called in each stage.

    Raises:
        RunError: The steps have become too small to advance the time.
    """
    return steps_to(stops, control, stepper, lambda size: stepper.attempt(size, measure))


class Moving(Protocol):
    """State that `steps_to` advances."""

    time: float

    def accept(self, step: Step[T], end: float | None = None) -> Step[T]:
        """Make the end of the last trial step the current state, and return it as accepted."""
        ...


def steps_to(
    stops: Array, control: StepControl, stepper: Moving, attempt: Callable[[float], Step[T]]
) -> Iterator[Step[T]]:
    """Yield the steps, rejected ones too, until the last stop; see `march`.

    Steps are shortened to reach each stop; equal intervals are divided into equal steps.

    Args:
        stops: Times to be reached exactly, ascending; past ones are skipped [s].
        control: Step size control.
        stepper: Initial state; advanced by the steps.
        attempt: Returns a trial step of a length [s].

    Raises:
        RunError: The steps have become too small to advance the time.
    """
    last = 0.0
    for stop in stops:
        while stepper.time < stop:
            left = float(stop) - stepper.time
            steps = int(np.ceil(left / control.size - SAME))
            size = left / max(1, steps)
            # Bitwise the same length where possible, so that its operator is reused.
            size = last if abs(size - last) <= SAME * last else size
            if not stepper.time + size > stepper.time:
                raise RunError(
                    f"transient: at {stepper.time:.6g} s steps of {size:.1e} s are still too long "
                    "for the tolerance; raise transient.tolerance"
                )
            step = attempt(size)
            if control.judge(size, step.error):
                step = stepper.accept(step, float(stop) if steps <= 1 else None)
            last = size
            yield step


def _standing(system: System, fields: tuple[Array, ...]) -> Iterator[StreamedBlock]:
    """Yield a given state, with the inflow of its reflection at the walls. Collective."""
    boundary = Boundary(system)
    for number, (body, field) in enumerate(zip(system.bodies, fields, strict=True)):
        for modes in body.mode_blocks():
            boundary.collect(number, modes, field[modes])
    boundary.reflect()
    for number, (body, field) in enumerate(zip(system.bodies, fields, strict=True)):
        for modes in body.mode_blocks():
            inflow = boundary.inflow(number, modes, given=True)
            yield StreamedBlock(body=number, modes=modes, theta=field[modes], inflow=inflow)


def _squares(body: Body, theta: Array) -> Array:
    """Return int theta^2 of each mode, shape (modes,) [K^2 m^3]."""
    return np.asarray(np.square(theta) @ body.mesh.dof_weights, dtype=np.float64)
