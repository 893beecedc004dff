"""What the heat equation makes of the body of a run: Fourier's law beside phonon transport."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pbte.core.types import Array

if TYPE_CHECKING:
    from pbte.observables.conductivity import TemperatureGradient
    from pbte.observables.resistance import InterfaceResult, SeriesResistance
    from pbte.observables.snapshot import Balance


@dataclass(frozen=True, kw_only=True)
class HeatState:
    """The steady solution of -div(K grad T) = Q on the mesh of the run.

    Attributes:
        temperature: Deviation from T0, shape (num_cells, dim + 1) [K].
        heat_flux: Shape (num_cells, dim + 1, 3) [W/m^2].
        balance: The energy account; nothing is handed on.
        wall_temperatures: For each wall, mean over it of the body's deviation from T0 [K].
        jump: How the temperature jumps at isothermal walls: "none" or "marshak".
        conductivities: Bulk tensor of each material, by its name, shape (3, 3) [W/m K].
        effective: Effective conductivity along what drives the heat, None without a drive
            [W/m K].
        interfaces: Every interface, with resistances by the heat equation and without spectra.
        series: Resistances in series of films between two walls; None where it is no such stack.
    """

    temperature: Array
    heat_flux: Array
    balance: Balance
    wall_temperatures: Mapping[str, float]
    jump: str
    conductivities: Mapping[str, Array]
    effective: float | None = None
    interfaces: tuple[InterfaceResult, ...] = ()
    series: SeriesResistance | None = None


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
