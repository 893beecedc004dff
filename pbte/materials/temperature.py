"""Mode tables at another reference temperature: heat capacities only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.errors import InputError
from pbte.materials.modes import ModeTable
from pbte.materials.statistics import mode_heat_capacity, reduced_energy

COLDEST = 300.0
"""Largest hbar w/k_B T of a mode [-]: products of two heat capacities must stay above zero."""


def at_temperature(modes: ModeTable, temperature: float) -> ModeTable:
    """Return the mode table with the heat capacities that the modes have at another temperature.

    Harmonic: frequencies and velocities stay, c = (k_B/V) x^2 n(n+1) with x = hbar w/k_B T follows
    the temperature. Loss rates are NOT rescaled: they remain those of the old temperature, so the
    result serves only for quantities that do not use them, such as the conductance of an interface.
    For crystals only: the frequencies of a gray model have no meaning.

    Args:
        modes: Mode table.
        temperature: New reference temperature T0 [K].

    Returns:
        The same modes with new heat capacities [J/m^3 K].

    Raises:
        InputError: The temperature is not positive, or so low that heat capacities vanish.
    """
    if temperature == modes.temperature:
        return modes
    x = reduced_energy(modes.frequencies, temperature)
    if x.max() > COLDEST:
        lowest = REDUCED_PLANCK * modes.frequencies.max() / (BOLTZMANN * COLDEST)
        raise InputError(
            f"temperature = {temperature:g} K: too cold for {modes.name}, whose highest modes have "
            f"no heat capacity left; choose {lowest:.2g} K or more"
        )
    old = mode_heat_capacity(modes.frequencies, modes.temperature)
    change = mode_heat_capacity(modes.frequencies, temperature) / old
    capacities = np.asarray(modes.heat_capacities * change, dtype=np.float64)
    return replace(modes, temperature=float(temperature), heat_capacities=capacities)
