r"""Transient two-temperature model: a pulse heats the electrons, which heat the phonons.

    C_e dT_e/dt = div(k_e grad T_e) - G (T_e - T_p) + p(t) S,       phonons as
    in `pbte.transport.electrons.steady`, with d theta/dt.

The time steps are those of `pbte.transport.transient`: two implicit stages, each a steady problem
of both with an absorption and a source from the past. Energy is conserved to the tolerance of the
stages; the power of a step is the sum of theirs with the weights `WEIGHTS`. The error estimate is
theirs too, in the norm of electrons and phonons together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from pbte.core.errors import RunError
from pbte.core.types import Array
from pbte.materials.kernel import FactoredKernel
from pbte.transport.body import with_past
from pbte.transport.electrons.electrons import ElectronEquation, Electrons
from pbte.transport.electrons.steady import Phonons, TwoTemperatures, solve_coupled
from pbte.transport.system import as_system
from pbte.transport.transient import GAMMA, NODES, REACH, Given, Step

MAX_ITERATIONS = 60

T = TypeVar("T")
# Takes a stage, and its time [s].
MeasureStage = Callable[[TwoTemperatures, float], T]
# Mode temperatures of each body, and T_e of the metal [K].
State = tuple[tuple[Array, ...], Array]


class TwoTemperatureStepper:
    """Electrons and phonons at a time, and their implicit time steps; like `TimeStepper`.

    They start from rest at T0 and time 0.

    Args:
        given: System as a function of time [s]; only heat sources and wall temperatures may change.
        kernels: Kernel of each body, or its leading part, as `solve_steady` takes them.
        electrons: The electrons of one of the bodies, with a heat capacity.
        pulse: Function of time [s], factor of the heat source of the electrons [-].
        tolerance: Mismatch of the exchanged power in a stage, relative to that power [-].

    Attributes:
        time: Current time [s].
        fields: Mode temperatures of each body, shapes (local modes, num_dofs) [K].
        temperature: T_e at the degrees of freedom of the metal, shape (num_dofs,) [K].
        last: The stage that ended the last trial step; none before the first.

    Note: Collective over the ranks.
    """

    def __init__(
        self,
        given: Given,
        kernels: Sequence[FactoredKernel],
        electrons: Electrons,
        pulse: Callable[[float], float],
        *,
        tolerance: float = 1e-8,
    ) -> None:
        self.given, self.kernels, self.electrons = given, tuple(kernels), electrons
        self.pulse, self.tolerance = pulse, tolerance
        self.system = as_system(given(0.0))
        self.time, self.scale = 0.0, 0.0
        self.fields = tuple(body.new_field() for body in self.system.bodies)
        self.temperature: Array = np.zeros(self.system.bodies[electrons.body].mesh.num_dofs)
        self.last: TwoTemperatures | None = None
        self._solver: tuple[float, Phonons, ElectronEquation] | None = None
        self._end: State | None = None

    @property
    def energy(self) -> float:
        """Energy of electrons and phonons relative to T0 [J]. Collective."""
        weights = self.system.bodies[self.electrons.body].mesh.dof_weights
        return float((self.electrons.heat_capacity or 0.0) * weights @ self.temperature) + sum(
            body.total(body.heat_capacities @ (field @ body.mesh.dof_weights))
            for body, field in zip(self.system.bodies, self.fields, strict=True)
        )

    def attempt(self, size: float, measure: MeasureStage[T]) -> Step[T]:
        """Return a trial step of this length; `accept` makes its end the current state. Collective.

        Args:
            size: Length [s].
            measure: Called with each stage.

        Raises:
            InputError: The coefficients do not fit the body.
            RunError: A stage did not converge.
        """
        if self._solver is None or self._solver[0] != size:
            metal = self.system.bodies[self.electrons.body]
            equation = ElectronEquation(self.electrons, metal, 1.0 / (GAMMA * size))
            self._solver = size, Phonons(self.kernels, equation), equation
        start = self.fields, self.temperature
        times = [self.time + node * size for node in NODES]
        first, between = self._stage(times[0], start)
        second, self._end = self._stage(times[1], _beyond(start, between, REACH))
        self.last = second
        error = self._norm(_difference(self._end, _beyond(start, between, 1.0 / GAMMA)))
        self.scale = max(self.scale, self._norm(self._end))
        return Step(
            start=self.time,
            size=size,
            error=error / self.scale if self.scale > 0.0 else 0.0,
            measured=(measure(first, times[0]), measure(second, times[1])),
            reports=(first.report, second.report),
        )

    def accept(self, step: Step[T], end: float | None = None) -> Step[T]:
        """Make the end of the last trial step the current state, and return it as accepted.

        Args:
            step: The last result of `attempt`.
            end: Time of its end, free of the round-off of a sum of steps [s].
        """
        assert self._end is not None
        self.fields, self.temperature = self._end
        self.time = step.start + step.size if end is None else end
        return replace(step, accepted=True)

    def _stage(self, time: float, past: State) -> tuple[TwoTemperatures, State]:
        """Return one implicit stage, and the state at its end."""
        assert self._solver is not None
        _, phonons, equation = self._solver
        system = as_system(self.given(time))
        bodies = tuple(
            with_past(body, body.absorption + equation.rate, equation.rate * field)
            for body, field in zip(system.bodies, past[0], strict=True)
        )
        found = solve_coupled(
            replace(system, bodies=bodies),
            phonons,
            equation,
            past=past[1],
            pulse=self.pulse(time),
            start=past[1],
            tolerance=self.tolerance,
            max_iterations=MAX_ITERATIONS,
        )
        if not found.report.converged:
            raise RunError(
                f"two temperatures: a time step did not converge in {found.report.iterations} "
                f"phonon solutions (mismatch {found.report.residuals[-1]:.1e}); take shorter steps"
            )
        fields = tuple(body.new_field() for body in system.bodies)
        for block in found.state.streamed_blocks():
            fields[block.body][block.modes] = block.theta
        return found, (fields, found.electrons)

    def _norm(self, state: State) -> float:
        """Return sqrt(sum c int theta^2 + C_e int T_e^2). Collective."""
        weights = self.system.bodies[self.electrons.body].mesh.dof_weights
        square = float((self.electrons.heat_capacity or 0.0) * weights @ np.square(state[1]))
        for body, field in zip(self.system.bodies, state[0], strict=True):
            square += body.total(body.heat_capacities @ (np.square(field) @ body.mesh.dof_weights))
        return float(np.sqrt(square))


def _beyond(start: State, between: State, factor: float) -> State:
    """Return the states continued in a straight line, start + factor (between - start)."""
    fields = tuple(u + factor * (v - u) for u, v in zip(start[0], between[0], strict=True))
    return fields, np.asarray(start[1] + factor * (between[1] - start[1]))


def _difference(one: State, other: State) -> State:
    return tuple(u - v for u, v in zip(one[0], other[0], strict=True)), one[1] - other[1]
