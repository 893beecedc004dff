"""Resistance of an interface between two Debye solids: acoustic and diffuse mismatch.

D3. Three branches, one longitudinal and two transverse, without dispersion up to the Debye
frequency; phonons of one side are transmitted with a probability given by the model: that of sound
waves at a plane interface (W. A. Little, Can. J. Phys. 37, 334 (1959)) or that of completely
diffuse scattering (E. T. Swartz and R. O. Pohl, Rev. Mod. Phys. 61, 605 (1989)). The resistance is
the one with the paradox, finite between identical solids: `pbte.reference.kapitza.temperature_jump`
converts it into the other. The result of a model is the flux integral

    S_jk = int_0^(1/c_1j) t_(1j -> 2k)(s) s ds   [s^2/m^2],

over the slowness s = sin(theta)/c along the interface, which both sides share, so that sum_k S_jk =
Gamma_1j / c_1j^2 with Gamma_1j = int alpha_1j cos(theta) sin(theta) dtheta. The sum over all S is
the same for both directions: no net heat flows at equal temperatures.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.reference.checks import not_negative, positive
from pbte.reference.kapitza.elastic_interface import elastic_fluxes

Model = Literal["dmm", "amm-scalar", "amm-elastic"]
# Gauss-Legendre nodes per smooth piece of slowness, and of the Debye integral.
_NODES = 200
# Beyond this x the Debye integrand x^4 e^x / (e^x - 1)^2 is below 1e-17.
_LAST = 60.0


@dataclass(frozen=True, kw_only=True)
class DebyeSolid:
    """An isotropic solid with linear dispersion up to one Debye frequency (D3).

    Args:
        density: rho [kg/m^3].
        longitudinal: Speed of longitudinal sound [m/s].
        transverse: Speed of transverse sound [m/s].
        atom_density: Atoms per volume, which set the Debye frequency [1/m^3].

    Raises:
        InputError: One of them is not positive.
    """

    density: float
    longitudinal: float
    transverse: float
    atom_density: float

    def __post_init__(self) -> None:
        positive("density", self.density, "kg/m^3")
        positive("longitudinal speed", self.longitudinal, "m/s")
        positive("transverse speed", self.transverse, "m/s")
        positive("atom density", self.atom_density, "1/m^3")

    @property
    def speeds(self) -> Array:
        """Speeds of the branches L, T, T, shape (3,) [m/s]."""
        return np.array([self.longitudinal, self.transverse, self.transverse])

    @property
    def debye_frequency(self) -> float:
        """Angular frequency below which lie three modes per atom [rad/s]."""
        # modes per volume below w: sum_j w^3 / (6 pi^2 c_j^3) = 3 n
        inverse_cubes = float(np.sum(self.speeds**-3.0))
        return float((18.0 * math.pi**2 * self.atom_density / inverse_cubes) ** (1.0 / 3.0))

    @property
    def debye_temperature(self) -> float:
        """Debye temperature hbar w_D / k_B [K]."""
        return REDUCED_PLANCK * self.debye_frequency / BOLTZMANN


def flux_integrals(first: DebyeSolid, second: DebyeSolid, model: Model) -> Array:
    """Return the flux integrals S_jk from branch j of solid 1 into branch k of solid 2 (D3).

    *dmm*: alpha_1 = sum c_2^-2 / (sum c_1^-2 + sum c_2^-2) for all angles, distributed over the
    branches as 1/c_2k^2; Gamma = alpha / 2. *amm-scalar*: branch j only feeds branch j, alpha = 4
    Z_1 Z_2 mu_1 mu_2 / (Z_1 mu_2 + Z_2 mu_1)^2 with mu = cos(theta), nothing beyond the critical
    angle. *amm-elastic*: welded solids, a 4x4 system for L with SV and the closed form for SH.

    Args:
        first: Solid 1.
        second: Solid 2.
        model: Mismatch model.

    Returns:
        Shape (3, 3), rows the branches L, SV, SH of solid 1, columns of solid 2 [s^2/m^2]. For
        exchanged solids it is the transpose.

    Raises:
        InputError: The model is unknown, or a solid violates c_L > 2 c_T / sqrt(3).
    """
    if model == "dmm":
        inverse = [solid.speeds**-2.0 for solid in (first, second)]
        # detailed balance: alpha_1 sum c_1^-2 = alpha_2 sum c_2^-2, alpha_1 + alpha_2 = 1
        return np.asarray(0.5 * np.outer(*inverse) / (np.sum(inverse[0]) + np.sum(inverse[1])))
    if model == "amm-scalar":
        pairs = zip(first.speeds, second.speeds, strict=True)
        return np.diag([_scalar_integral(first, second, a, b) for a, b in pairs])
    if model == "amm-elastic":
        return _elastic_integrals(first, second)
    raise InputError(f"model = {model!r}; it must be 'dmm', 'amm-scalar' or 'amm-elastic'")


def mean_transmissions(first: DebyeSolid, second: DebyeSolid, model: Model) -> tuple[float, float]:
    """Return the mean transmissions of the incident energy from 1 to 2 and from 2 to 1 (D3).

    Args:
        first: Solid 1.
        second: Solid 2.
        model: Mismatch model.

    Returns:
        <T_12> and <T_21> [-]; alpha_1 and alpha_2 of the diffuse model, which add up to 1.

    Raises:
        InputError: As `flux_integrals`.
    """
    total = float(np.sum(flux_integrals(first, second, model)))
    arriving = [0.5 * float(np.sum(solid.speeds**-2.0)) for solid in (first, second)]
    # at most 1, but for the round-off of the quadrature
    return min(1.0, total / arriving[0]), min(1.0, total / arriving[1])


def low_temperature_resistance(
    first: DebyeSolid, second: DebyeSolid, model: Model, temperature: npt.ArrayLike
) -> Array:
    """Return the resistance far below both Debye temperatures, which goes as T^-3.

    D3: R = [(pi^2 k_B^4 / 15 hbar^3) sum_j Gamma_1j / c_1j^2]^-1 T^-3.

    Args:
        first: Solid 1.
        second: Solid 2.
        model: Mismatch model.
        temperature: T, any shape [K].

    Returns:
        Same shape [m^2 K/W]; inf at zero temperature.

    Raises:
        InputError: A temperature is negative, or as `flux_integrals`.
    """
    cube = not_negative("temperature", temperature, "K") ** 3
    total = float(np.sum(flux_integrals(first, second, model)))
    factor = math.pi**2 * BOLTZMANN**4 / (15.0 * REDUCED_PLANCK**3)
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / (factor * total * cube))


def conductance(
    first: DebyeSolid, second: DebyeSolid, model: Model, temperature: npt.ArrayLike
) -> Array:
    """Return the conductance of the interface at any temperature, per area.

    D3 with a cutoff: sum_j alpha / (8 pi^2 c_1j^2) int_0^(w_c) hbar w^3 (dn/dT) dw. Scattering is
    elastic, so that only frequencies up to the lower of the two Debye frequencies pass.

    Args:
        first: Solid 1.
        second: Solid 2.
        model: Mismatch model.
        temperature: T, any shape [K].

    Returns:
        Same shape [W/(m^2 K)]; 0 at zero temperature, constant far above the cutoff.

    Raises:
        InputError: A temperature is negative, or as `flux_integrals`.
    """
    total = float(np.sum(flux_integrals(first, second, model)))
    cutoff = min(first.debye_frequency, second.debye_frequency)
    return np.asarray(total / (4.0 * math.pi**2) * _heat_integral(cutoff, temperature))


def resistance(
    first: DebyeSolid, second: DebyeSolid, model: Model, temperature: npt.ArrayLike
) -> Array:
    """Return the inverse of `conductance`: the Kapitza resistance with the paradox (D3, D4).

    Args:
        first: Solid 1.
        second: Solid 2.
        model: Mismatch model.
        temperature: T, any shape [K].

    Returns:
        Same shape [m^2 K/W]; inf at zero temperature.

    Raises:
        InputError: A temperature is negative, or as `flux_integrals`.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / conductance(first, second, model, temperature))


def radiation_limit(first: DebyeSolid, second: DebyeSolid, temperature: npt.ArrayLike) -> Array:
    """Return the largest conductance that detailed balance allows an elastic interface (D3).

    All phonons of the side with the smaller one-sided flux are transmitted: S = min(sum c_1^-2, sum
    c_2^-2) / 2. Snyder's phonon radiation limit; every model of this module is below it.

    Args:
        first: Solid 1.
        second: Solid 2.
        temperature: T, any shape [K].

    Returns:
        Same shape [W/(m^2 K)].

    Raises:
        InputError: A temperature is negative.
    """
    most = 0.5 * min(float(np.sum(solid.speeds**-2.0)) for solid in (first, second))
    cutoff = min(first.debye_frequency, second.debye_frequency)
    return np.asarray(most / (4.0 * math.pi**2) * _heat_integral(cutoff, temperature))


@functools.cache
def _gauss() -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return np.asarray(nodes), np.asarray(weights)


def _heat_integral(cutoff: float, temperature: npt.ArrayLike) -> Array:
    """Return int_0^(w_c) hbar w^3 (dn/dT) dw [W/(K s^2)]."""
    kelvin = not_negative("temperature", temperature, "K")
    nodes, weights = _gauss()
    with np.errstate(divide="ignore"):
        last = np.minimum(REDUCED_PLANCK * cutoff / BOLTZMANN / kelvin, _LAST)
    x = 0.5 * last[..., None] * (nodes + 1.0)
    # x^4 e^x / (e^x - 1)^2
    values = x**4 * np.exp(-x) / np.expm1(-x) ** 2
    integral = 0.5 * last * np.sum(weights * values, axis=-1)
    return np.asarray(BOLTZMANN * (BOLTZMANN * kelvin / REDUCED_PLANCK) ** 3 * integral)


def _scalar_integral(first: DebyeSolid, second: DebyeSolid, c_1: float, c_2: float) -> float:
    """Return int alpha s ds of one branch with impedances rho c."""
    slowness, weights = _slowness_grid([1.0 / max(c_1, c_2)])
    mu_1 = np.sqrt(1.0 - (c_1 * slowness) ** 2)
    mu_2 = np.sqrt(1.0 - (c_2 * slowness) ** 2)
    z_1, z_2 = first.density * c_1, second.density * c_2
    alpha = 4.0 * z_1 * z_2 * mu_1 * mu_2 / (z_1 * mu_2 + z_2 * mu_1) ** 2
    return float(np.sum(weights * alpha * slowness))


def _elastic_integrals(first: DebyeSolid, second: DebyeSolid) -> Array:
    """Return S_jk of two welded solids."""
    speeds = [solid.speeds for solid in (first, second)]
    slowness, weights = _slowness_grid(sorted(1.0 / np.unique(np.concatenate(speeds))))
    fluxes = elastic_fluxes(
        slowness,
        (first.density, second.density),
        (first.longitudinal, second.longitudinal),
        (first.transverse, second.transverse),
    )
    return np.asarray(np.einsum("s,sjk->jk", weights * slowness, fluxes.transmitted))


def _slowness_grid(breaks: list[float]) -> tuple[Array, Array]:
    """Return nodes and weights for int ds from 0 over pieces that end at the breaks.

    s = a + (b - a) sin^2: the square roots at the critical angles become smooth.
    """
    nodes, weights = _gauss()
    angle = 0.25 * math.pi * (nodes + 1.0)
    grids = [
        (a + (b - a) * np.sin(angle) ** 2, 0.25 * math.pi * weights * (b - a) * np.sin(2 * angle))
        for a, b in itertools.pairwise([0.0, *breaks])
    ]
    return np.concatenate([g[0] for g in grids]), np.concatenate([g[1] for g in grids])
