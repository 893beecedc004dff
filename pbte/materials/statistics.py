"""Bose-Einstein statistics of phonon modes."""

from __future__ import annotations

import numpy as np

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.errors import InputError
from pbte.core.types import Array


def reduced_energy(frequencies: Array, temperature: float) -> Array:
    """Return x = hbar omega / (k_B T) of each mode.

    Args:
        frequencies: Angular frequencies, any shape [rad/s].
        temperature: T [K].

    Returns:
        Same shape as `frequencies` [-].

    Raises:
        InputError: The temperature is not positive.
    """
    if not temperature > 0.0 or not np.isfinite(temperature):
        raise InputError(f"temperature = {temperature:g} K; it must be positive and finite")
    return np.asarray(REDUCED_PLANCK * frequencies / (BOLTZMANN * temperature), dtype=np.float64)


def mode_heat_capacity(frequencies: Array, temperature: float) -> Array:
    """Return the heat capacity k_B x^2 n (n + 1) of each mode, d(hbar omega n)/dT.

    Divided by the volume of the crystal, grid points times primitive cell, it is the c_mu of the
    transport equation, and its sum the heat capacity per volume.

    Args:
        frequencies: Angular frequencies, positive, any shape [rad/s].
        temperature: T [K].

    Returns:
        Same shape as `frequencies` [J/K]; k_B in the classical limit.
    """
    # n (n + 1) = exp(-x) / (1 - exp(-x))^2
    x = reduced_energy(frequencies, temperature)
    fluctuation = np.exp(-x) / np.expm1(-x) ** 2
    return np.asarray(BOLTZMANN * x**2 * fluctuation, dtype=np.float64)
