"""Time integration of the heat equation, by the method of `pbte.transport.transient`.

    C dT/dt - div(K grad T) = Q(t)

Two implicit stages, each a steady problem with a reaction term and a source from the past: second
order, L-stable. The energy residual of the solver in a stage, about 1e-12 of the energy, is added
as a uniform temperature, so that stored energy = heat in - heat out to round-off.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np

from pbte.core.types import Array
from pbte.transport.heat.equation import HeatEquation
from pbte.transport.transient import GAMMA, NODES, REACH, Step

T = TypeVar("T")
# Heat source at the degrees of freedom [W/m^3] and deviation of the boundary facets [K] at a time.
Given = Callable[[float], tuple[Array, Array]]
# Takes T at the degrees of freedom [K], the flux at the vertices [W/m^2] and the time [s].
MeasureHeat = Callable[[Array, Array, float], T]


class HeatStepper:
    """Temperature at a time and its implicit time steps; like `TimeStepper`.

    Args:
        equation: The heat equation, with heat capacities.
        given: Heat source and wall temperatures as functions of time [s].
        temperature: At the start, shape (num_dofs,) [K].

    Attributes:
        time: Current time [s].
        temperature: Current state, shape (num_dofs,) [K].

    Note: Collective over the ranks of the equation.
    """

    def __init__(self, equation: HeatEquation, given: Given, temperature: Array) -> None:
        self.equation, self.given, self.temperature = equation, given, temperature
        self.time = 0.0
        self._heat = equation.dof_capacities
        self._next = temperature
        self._scale = self._norm(temperature)

    @property
    def energy(self) -> float:
        """Energy stored beyond that at T0 [J]."""
        return float(self._heat @ self.temperature)

    def observe(self, measure: MeasureHeat[T]) -> T:
        """Return the measurement of the current state."""
        flux = self.equation.flux(self.temperature, self.given(self.time)[1])
        return measure(self.temperature, flux, self.time)

    def attempt(self, size: float, measure: MeasureHeat[T]) -> Step[T]:
        """Return a trial step of this length; `accept` makes its end the current state.

        Args:
            size: h [s].
            measure: Called in each stage.
        """
        rate = 1.0 / (GAMMA * size)
        old = past = self.temperature
        states, measured = [], []
        for node in NODES:
            time = self.time + node * size
            heat, walls = self.given(time)
            found = self.equation.implicit(rate, past, heat, walls)
            flux = self.equation.flux(found, walls)
            measured.append(measure(found, flux, time))
            entering = float(heat @ self.equation.mesh.dof_weights)
            entering -= float(self.equation.outflow(flux).sum())
            missing = entering - rate * float(self._heat @ (found - past))
            found = found + missing / (rate * float(self._heat.sum()))
            states.append(found)
            past = old + REACH * (found - old)
        self._next = states[1]
        self._scale = max(self._scale, self._norm(states[1]))
        error = self._norm(states[1] - old - (states[0] - old) / GAMMA)
        return Step(
            start=self.time,
            size=size,
            error=error / self._scale if self._scale > 0.0 else 0.0,
            measured=tuple(measured),
            reports=(),
        )

    def accept(self, step: Step[T], end: float | None = None) -> Step[T]:
        """Make the end of the last trial step the current state, see `TimeStepper.accept`."""
        self.temperature = self._next
        self.time = step.start + step.size if end is None else end
        return replace(step, accepted=True)

    def _norm(self, temperature: Array) -> float:
        return float(np.sqrt(self._heat @ np.square(temperature)))
