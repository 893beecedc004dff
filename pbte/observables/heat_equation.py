"""Solution of the heat equation for the domain of a run: Fourier's law next to transport."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pbte.core.quantity import derived, quantity, record
from pbte.core.types import Array
from pbte.observables.conductivity import TemperatureGradient
from pbte.observables.resistance import InterfaceResult, SeriesResistance
from pbte.observables.snapshot import Balance, extreme


@record
class HeatState:
    """The steady solution of -div(K grad T) = Q on the mesh of the run."""

    temperature: Array = quantity("K", "deviation from T0", axes=("cell", "vertex"))
    heat_flux: Array = quantity("W/m^2", "heat flux", axes=("cell", "vertex", "component"))
    balance: Balance = quantity("", "energy account; nothing is scattered into another order")
    wall_temperatures: Mapping[str, float] = quantity(
        "K", "mean deviation of the body next to each wall from T0", axes=("wall",)
    )
    jump: str = quantity("", 'how the temperature jumps at isothermal walls: "none" or "marshak"')
    conductivities: Mapping[str, Array] = quantity(
        "W/m K", "bulk conductivity of each material", axes=("material", "row", "column")
    )
    effective: float | None = quantity(
        "W/m K",
        "effective conductivity along the temperature gradient, where one drives heat",
        default=None,
    )
    interfaces: tuple[InterfaceResult, ...] = quantity(
        "",
        "every interface, by the heat equation and without spectra",
        axes=("interface",),
        default=(),
    )
    series: SeriesResistance | None = quantity(
        "", "films between two ends as resistances in series, where the body is that", default=None
    )

    @property
    @derived("K")
    def extreme_temperature(self) -> float:
        """Deviation from T0 of largest size, with its sign."""
        return extreme(self.temperature)


def conductivity_of_flux(heat_flux: Array, volumes: Array, gradient: TemperatureGradient) -> float:
    """Return the mean heat flux over the mean gradient, as for phonons [W/m K].

    The integral of the flux over the volume along the drive, over its cross-section and drop: the
    same current passes every cross-section.

    Args:
        heat_flux: Shape (num_cells, dim + 1, 3) [W/m^2].
        volumes: Shape (num_cells,) [m^dim].
        gradient: The temperature gradient that drives the heat.
    """
    current = float(volumes @ (heat_flux.mean(axis=1) @ gradient.direction))
    return current / (gradient.area * gradient.drop)


def suppression_of_peak(transport: Array, fourier: Array) -> float | None:
    """Return the peak temperature by the heat equation over that by phonon transport [-].

    Below 1 where phonons carry heat less well than Fourier's law says: an apparent conductivity of
    the body over that of bulk. None without a peak.

    Args:
        transport: Deviation from T0 [K].
        fourier: Deviation from T0 on the same mesh [K].
    """
    peak = float(np.abs(transport).max(initial=0.0))
    return float(np.abs(fourier).max(initial=0.0)) / peak if peak > 0.0 else None
