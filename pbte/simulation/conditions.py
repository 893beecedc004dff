"""Conditions that drive heat through a case: temperatures of walls, drops, heat sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pbte.case.case import Case
from pbte.case.transients import (
    GaussianInitialState,
    GratingInitialState,
    UniformInitialState,
)
from pbte.case.walls import IsothermalWallChoice, PeriodicWallChoice


@dataclass(frozen=True, kw_only=True)
class Period:
    """A pair of periodic walls.

    Attributes:
        name: The first wall.
        partner: The second one.
        drop: Temperature drop from the first to the second [K].
    """

    name: str
    partner: str
    drop: float


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Boundary conditions of a case that drive heat, and whether it has heat sources.

    Attributes:
        temperature: T0 [K].
        held: Temperature of each isothermal wall [K].
        periods: The pairs of periodic walls.
        num_closed: Number of axes along which the body is repeated, or mirrored at both ends.
        has_sources: Whether there are heat sources.
        starts_away: Whether a transient starts away from T0, or light heats electrons.
    """

    temperature: float
    held: Mapping[str, float]
    periods: tuple[Period, ...]
    num_closed: int
    has_sources: bool
    starts_away: bool = False

    @property
    def is_driven(self) -> bool:
        """Whether anything makes a temperature other than T0."""
        return (
            self.has_sources
            or self.starts_away
            or any(self.deviations.values())
            or any(pair.drop != 0.0 for pair in self.periods)
        )

    @property
    def deviations(self) -> dict[str, float]:
        """Deviation of each isothermal wall from T0 [K]."""
        return {name: value - self.temperature for name, value in self.held.items()}


def conditions_of(case: Case) -> Conditions:
    """Return the conditions of a case."""
    kinds = [wall.kind for wall in case.walls.values()]
    return Conditions(
        temperature=case.temperature,
        held={
            n: w.temperature for n, w in case.walls.items() if isinstance(w, IsothermalWallChoice)
        },
        periods=tuple(
            Period(name=name, partner=wall.partner, drop=wall.temperature_drop)
            for name, wall in case.walls.items()
            if isinstance(wall, PeriodicWallChoice)
        ),
        num_closed=kinds.count("periodic") + kinds.count("symmetric") // 2,
        has_sources=bool(case.all_sources),
        starts_away=_starts_away(case),
    )


def _starts_away(case: Case) -> bool:
    """Return whether a transient starts away from T0, or light heats the electrons of a metal."""
    if case.electrons is not None and case.electrons.absorbed is not None:
        return True
    initial = None if case.transient is None else case.transient.initial
    if isinstance(initial, UniformInitialState):
        return initial.temperature not in (None, case.temperature)
    return isinstance(initial, GaussianInitialState | GratingInitialState)
