"""Joined strings as crystals of the solver: one mode to the right, one to the left, per string.

A string of A2 and A3 has the heat capacity C = pi k_B^2 T0/(3 hbar c) at T0, one string per square
metre. The solver is linear in the energy of the modes; energy goes with T^2, so a temperature T is
the deviation (T^2 - T0^2)/(2 T0), and results hold for any difference of temperatures.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.types import Array
from pbte.interfaces.base import InterfaceModel
from pbte.interfaces.table import TabulatedTransmission, TransmissionTable
from pbte.materials.kernel import rta_kernel
from pbte.materials.modes import ModeTable, canonical_partners
from pbte.materials.storage import Material
from pbte.reference.strings.conductance import heat_capacity

T0 = 10.0
"""Reference temperature [K]."""
# Strings do not scatter; a mode table wants a rate above zero. A flight of 1 ns loses 1e-15.
RATE = 1e-6


def string_crystal(speed: float) -> Material:
    """Return a string as a crystal of two modes along x."""
    heat = float(heat_capacity(T0, speed))
    modes = ModeTable(
        name=f"string of {speed:g} m/s",
        temperature=T0,
        frequencies=np.full(2, BOLTZMANN * T0 / REDUCED_PLANCK),
        velocities=np.array([[speed, 0.0, 0.0], [-speed, 0.0, 0.0]]),
        loss_rates=np.full(2, RATE),
        heat_capacities=np.full(2, 0.5 * heat),
        partners=canonical_partners(1, 2),
        grid_points=np.arange(2, dtype=np.int64),
        bands=np.zeros(2, dtype=np.int64),
        wave_vectors=np.zeros((2, 3)),
    )
    return Material(
        name=modes.name, source="", attribution="", modes=modes, kernel=rta_kernel(modes)
    )


def string_joint(transmission: float) -> InterfaceModel:
    """Return an interface that lets a share of the energy pass, at every frequency alike (A1)."""
    frequency = BOLTZMANN * T0 / REDUCED_PLANCK
    table = TabulatedTransmission(
        frequencies=np.array([0.5, 2.0]) * frequency, values=np.full(2, transmission)
    )
    return TransmissionTable(table=table, bins=1)


def deviation(temperature: npt.ArrayLike) -> Array:
    """Return what a temperature [K] is as a deviation of the linear solver [K]."""
    kelvin = np.asarray(temperature, dtype=np.float64)
    return np.asarray((kelvin**2 - T0**2) / (2.0 * T0))


def temperature(deviations: npt.ArrayLike) -> Array:
    """Return the temperature [K] of a deviation [K], inverse of `deviation`."""
    return np.asarray(np.sqrt(T0**2 + 2.0 * T0 * np.asarray(deviations, dtype=np.float64)))
