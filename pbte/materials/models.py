"""Model crystals: isotropic bands with speeds, relaxation times and heat capacities.

The directions of flight are a product quadrature on the sphere: Gauss-Legendre in the cosine to the
z axis, equal steps of azimuth shifted by half a step so that no direction lies in a coordinate
plane unless the number of polar nodes is odd. Each band scatters into all by the relaxation-time
kernel, which conserves energy.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pbte.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.errors import InputError
from pbte.materials.kernel import rta_kernel
from pbte.materials.modes import ModeTable, canonical_partners
from pbte.materials.storage import Material
from pbte.types import Array


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
) -> Material:
    """Return a crystal of isotropic bands on a product quadrature of directions.

    Directions come in opposite pairs and their second moments are exact: sum c v v is C v^2/3
    times the identity for every band, so that the conductivity is sum C v^2 tau / 3.

    Args:
        name: Name of the material.
        temperature: Reference temperature T0 [K].
        speeds: Group speed of each band, shape (num_bands,) [m/s].
        relaxation_times: tau of each band, shape (num_bands,) [s].
        heat_capacities: Heat capacity per volume of each band, shape (num_bands,) [J/m^3 K].
        polar: Number of polar angles, at least 2.
        azimuthal: Number of azimuths, even, at least 4.
        frequencies: Angular frequency of each band, shape (num_bands,) [rad/s]; k_B T0/hbar where
            nothing depends on it.

    Returns:
        Material of num_bands * polar * azimuthal modes with a kernel of rank one.

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
    for what, values in bands.items():
        if values.size != num_bands:
            raise InputError(f"{name}: {values.size} {what} for {num_bands} speeds")
    directions, weights = product_quadrature(polar, azimuthal)
    num_directions = weights.size

    def spread(values: Array) -> Array:
        return np.tile(values, num_directions)

    velocities = directions[:, None, :] * bands["speeds"][None, :, None]
    capacities = weights[:, None] * bands["heat_capacities"]
    num_modes = num_directions * num_bands
    modes = ModeTable(
        name=name,
        temperature=temperature,
        frequencies=spread(bands["frequencies"]),
        velocities=velocities.reshape(num_modes, 3),
        loss_rates=np.asarray(1.0 / spread(bands["relaxation_times"]), dtype=np.float64),
        heat_capacities=capacities.reshape(num_modes),
        partners=canonical_partners(num_modes // 2, num_modes),
        grid_points=np.repeat(np.arange(num_directions, dtype=np.int64), num_bands),
        bands=np.tile(np.arange(num_bands, dtype=np.int64), num_directions),
        wave_vectors=np.zeros((num_modes, 3)),
    )
    return Material(
        name=name, source="model crystal", attribution="", modes=modes, kernel=rta_kernel(modes)
    )


def gray_crystal(
    *,
    name: str = "gray",
    temperature: float = 300.0,
    speed: float,
    relaxation_time: float,
    heat_capacity: float,
    polar: int = 8,
    azimuthal: int = 8,
) -> Material:
    """Return a crystal with one isotropic band: one speed, one mean free path.

    Args:
        name: Name of the material.
        temperature: Reference temperature T0 [K].
        speed: Group speed [m/s].
        relaxation_time: tau [s]; the mean free path is speed times tau.
        heat_capacity: Heat capacity per volume [J/m^3 K].
        polar: Number of polar angles, at least 2.
        azimuthal: Number of azimuths, even, at least 4.

    Returns:
        Material of polar * azimuthal modes, conductivity C v^2 tau / 3.

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
    )


def product_quadrature(polar: int, azimuthal: int) -> tuple[Array, Array]:
    """Return directions on the unit sphere and their weights.

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
    if polar < 2:
        raise InputError(f"polar = {polar}; at least 2 polar angles carry the second moments")
    if azimuthal < 4 or azimuthal % 2:
        raise InputError(
            f"azimuthal = {azimuthal}; an even number of at least 4 azimuths is needed for "
            "opposite directions and second moments"
        )
    cosines, shares = np.polynomial.legendre.leggauss(polar)
    sines = np.sqrt(1.0 - cosines**2)
    # The half of the sphere with azimuth below pi; the inversion of each node is a node.
    angles = 2.0 * np.pi * (np.arange(azimuthal // 2) + 0.5) / azimuthal
    half = np.stack(
        [
            np.outer(sines, np.cos(angles)),
            np.outer(sines, np.sin(angles)),
            np.outer(cosines, np.ones(angles.size)),
        ],
        axis=-1,
    ).reshape(-1, 3)
    weights = np.repeat(shares / (2.0 * azimuthal), angles.size)
    weights = np.concatenate([weights, weights])
    return np.concatenate([half, -half]), weights / weights.sum()


def _per_band(what: str, values: Sequence[float] | Array) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise InputError(f"{what} has shape {array.shape}; expected one value per band")
    bad = np.flatnonzero(~(np.isfinite(array) & (array > 0.0)))
    if bad.size:
        raise InputError(f"{what}: value {array[bad[0]]:g} of band {bad[0]} is not positive")
    return array
