"""Model crystals: isotropic bands with speeds, relaxation times and heat capacities.

The directions are one of the rules of `pbte.materials.quadrature`, by default the product of
Gauss-Legendre cosines to the z axis and equal steps of azimuth. Scattering is by the
relaxation-time kernel, which conserves energy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.materials.kernel import rta_kernel
from pbte.materials.modes import ModeTable, canonical_partners
from pbte.materials.quadrature import Quadrature, product_rule
from pbte.materials.storage import Material


def isotropic_crystal(
    *,
    name: str,
    temperature: float,
    speeds: Sequence[float] | Array,
    relaxation_times: Sequence[float] | Array,
    heat_capacities: Sequence[float] | Array,
    polar: int = 8,
    azimuthal: int = 8,
    frequencies: Sequence[float] | Array | None = None,
    wave_numbers: Sequence[float] | Array | None = None,
    quadrature: Quadrature | None = None,
    source: str = "model crystal",
) -> Material:
    """Return a crystal of isotropic bands on a quadrature of directions.

    Directions come in opposite pairs and their second moments are exact: sum c v v is C v^2/3
    times the identity for every band, so that the conductivity is sum C v^2 tau / 3.

    Args:
        name: Name of the material.
        temperature: Reference temperature T0 [K].
        speeds: Group speed of each band, shape (num_bands,) [m/s].
        relaxation_times: tau of each band, shape (num_bands,) [s].
        heat_capacities: Heat capacity per volume of each band, shape (num_bands,) [J/m^3 K].
        polar: Number of cosines to the z axis, at least 2; not used with `quadrature`.
        azimuthal: Number of azimuths, even, at least 4; not used with `quadrature`.
        frequencies: Angular frequency of each band, shape (num_bands,) [rad/s]; k_B T0/hbar by
            default; a gray model does not depend on it.
        wave_numbers: |q| of each band, shape (num_bands,) [1/m]; without them the wave vectors of
            the modes are zero.
        quadrature: Directions, instead of the product of `polar` and `azimuthal`.
        source: Where the numbers come from.

    Returns:
        Material of num_bands * num_directions modes with a kernel of rank one.

    Raises:
        InputError: A value is not positive, lengths differ, or there are too few directions.
    """
    bands = {
        "speeds": _per_band("speeds", speeds),
        "relaxation_times": _per_band("relaxation_times", relaxation_times),
        "heat_capacities": _per_band("heat_capacities", heat_capacities),
    }
    num_bands = bands["speeds"].size
    if frequencies is None:
        bands["frequencies"] = np.full(num_bands, BOLTZMANN * temperature / REDUCED_PLANCK)
    else:
        bands["frequencies"] = _per_band("frequencies", frequencies)
    if wave_numbers is not None:
        bands["wave_numbers"] = _per_band("wave_numbers", wave_numbers)
    for what, values in bands.items():
        if values.size != num_bands:
            raise InputError(f"{name}: {values.size} {what} for {num_bands} speeds")
    rule = product_rule(polar, azimuthal) if quadrature is None else quadrature
    num_directions = rule.num_directions

    def spread(values: Array) -> Array:
        return np.tile(values, num_directions)

    num_modes = num_directions * num_bands

    def along(values: Array) -> Array:
        vectors: Array = rule.directions[:, None, :] * values[None, :, None]
        return vectors.reshape(num_modes, 3)

    capacities = rule.weights[:, None] * bands["heat_capacities"]
    modes = ModeTable(
        name=name,
        temperature=temperature,
        frequencies=spread(bands["frequencies"]),
        velocities=along(bands["speeds"]),
        loss_rates=np.asarray(1.0 / spread(bands["relaxation_times"]), dtype=np.float64),
        heat_capacities=capacities.reshape(num_modes),
        partners=canonical_partners(num_modes // 2, num_modes),
        grid_points=np.repeat(np.arange(num_directions, dtype=np.int64), num_bands),
        bands=np.tile(np.arange(num_bands, dtype=np.int64), num_directions),
        wave_vectors=along(bands.get("wave_numbers", np.zeros(num_bands))),
    )
    return Material(name=name, source=source, attribution="", modes=modes, kernel=rta_kernel(modes))


def gray_crystal(
    *,
    name: str = "gray",
    temperature: float = 300.0,
    speed: float,
    relaxation_time: float,
    heat_capacity: float,
    polar: int = 8,
    azimuthal: int = 8,
    quadrature: Quadrature | None = None,
) -> Material:
    """Return a crystal with one isotropic band: one speed, one mean free path.

    Args:
        name: Name of the material.
        temperature: Reference temperature T0 [K].
        speed: Group speed [m/s].
        relaxation_time: tau [s]; the mean free path is speed times tau.
        heat_capacity: Heat capacity per volume [J/m^3 K].
        polar: Number of cosines to the z axis, at least 2; not used with `quadrature`.
        azimuthal: Number of azimuths, even, at least 4; not used with `quadrature`.
        quadrature: Directions, instead of the product of `polar` and `azimuthal`.

    Returns:
        Material of one mode for each direction, conductivity C v^2 tau / 3.

    Raises:
        InputError: A value is not positive, or there are too few directions.
    """
    return isotropic_crystal(
        name=name,
        temperature=temperature,
        speeds=[speed],
        relaxation_times=[relaxation_time],
        heat_capacities=[heat_capacity],
        polar=polar,
        azimuthal=azimuthal,
        quadrature=quadrature,
    )


def product_quadrature(polar: int, azimuthal: int) -> tuple[Array, Array]:
    """Return directions on the unit sphere and their weights: `product_rule` about the z axis.

    Exact for polynomials up to degree min(2 polar - 1, azimuthal - 1) in the components.

    Args:
        polar: Number of Gauss-Legendre nodes in the cosine of the polar angle, at least 2.
        azimuthal: Number of azimuths, even, at least 4.

    Returns:
        Directions, shape (num_directions, 3), the second half opposite to the first in the same
        order; weights, shape (num_directions,), of sum 1.

    Raises:
        InputError: Too few angles, or an odd number of azimuths.
    """
    rule = product_rule(polar, azimuthal)
    return rule.directions, rule.weights


def _per_band(what: str, values: Sequence[float] | Array) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise InputError(f"{what} has shape {array.shape}; expected one value per band")
    bad = np.flatnonzero(~(np.isfinite(array) & (array > 0.0)))
    if bad.size:
        raise InputError(f"{what}: value {array[bad[0]]:g} of band {bad[0]} is not positive")
    return array
