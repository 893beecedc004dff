"""Temperatures of the electrons of a metal, next to its phonons."""

from __future__ import annotations

import numpy as np

from pbte.core.quantity import derived, quantity, record
from pbte.core.types import Array
from pbte.observables.snapshot import extreme


@record
class ElectronState:
    """The electrons in the steady state, or at a time."""

    temperature: Array = quantity(
        "K", "deviation of the electrons from T0; nan outside of the metal", axes=("cell", "vertex")
    )
    mean_temperature: float = quantity("K", "mean deviation of the electrons over the metal")
    phonon_temperature: float = quantity("K", "mean deviation of the phonons over the metal")
    exchanged: float = quantity("W", "power from the electrons to the phonons", per_extent=True)

    @property
    def extreme_temperature(self) -> float:
        """Deviation of largest size from T0, with its sign [K]."""
        return extreme(self.temperature[~np.isnan(self.temperature)])


@record
class ElectronResult:
    """The electrons of a metal."""

    material: str = quantity("", "name of the metal")
    power: float = quantity(
        "W", "power that they absorb, in a transient where its profile is 1", per_extent=True
    )
    steady: ElectronState | None = quantity("", "steady state, where it was asked for")
    states: tuple[ElectronState, ...] = quantity(
        "", "states at the times of the transient", axes=("time",), default=()
    )

    @property
    @derived("K")
    def extreme_temperature(self) -> float | None:
        """Deviation of largest size from T0 in the steady state, with its sign."""
        if self.steady is None:
            return None
        return self.steady.extreme_temperature
