"""Conductivity along films and wires with diffuse or partly specular surfaces.

Film: K. Fuchs, Proc. Camb. Phil. Soc. 34, 100 (1938); E. H. Sondheimer, Adv. Phys. 1, 1 (1952).
Round wire: R. B. Dingle, Proc. R. Soc. A 201, 545 (1950). The fraction p of the incident phonons is
reflected specularly, the rest diffusely. Each band of an isotropic crystal is suppressed
independently, so the conductivity is the sum over bands.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from pbte.core.types import Array
from pbte.reference.checks import positive, probability
from pbte.reference.closed_forms.slab import IsotropicBands


def film_suppression(knudsen: npt.ArrayLike, specularity: npt.ArrayLike = 0.0) -> Array:
    """Return the conductivity along a film over that of the bulk.

    F = (3/2) int_0^1 (1 - m^2) [1 - m K (1 - p)(1 - e) / (1 - p e)] dm, e = exp(-1/(m K)).

    Args:
        knudsen: K = mean free path over thickness, any shape [-].
        specularity: p of both walls, broadcast with `knudsen` [-].

    Returns:
        Broadcast shape [-]; 1 for p = 1.

    Raises:
        InputError: K is not positive, or p not between 0 and 1.
    """
    ratio = positive("Knudsen number", knudsen)[..., None]
    mirrored = probability("specularity", specularity)[..., None]
    cosines, weights = _graded(1.0)
    depth = 1.0 / (cosines * ratio)
    kept = np.exp(-depth)
    lost = -np.expm1(-depth) / depth * (1.0 - mirrored) / (1.0 - mirrored * kept)
    lost = np.where(mirrored == 1.0, 0.0, lost)
    return np.asarray(1.5 * ((1.0 - lost) * (weights * (1.0 - cosines**2))).sum(axis=-1))


def wire_suppression(knudsen: npt.ArrayLike, specularity: npt.ArrayLike = 0.0) -> Array:
    """Return the conductivity along a round wire over that of the bulk.

    Dingle (1950), eq. of the diffuse wire, 1 - (12/pi) int_0^1 (1 - x^2)^(1/2) S4(x/K) dx with
    S4(u) = int_1^inf exp(-u t) (t^2 - 1)^(1/2) t^-4 dt, and his series in p, summed.

    Args:
        knudsen: K = mean free path over diameter, any shape [-].
        specularity: p of the surface, broadcast with `knudsen` [-].

    Returns:
        Broadcast shape [-]: 1 for p = 1, 1/K for a thin diffuse wire.

    Raises:
        InputError: K is not positive, or p not between 0 and 1.
    """
    ratio = positive("Knudsen number", knudsen)[..., None, None]
    mirrored = probability("specularity", specularity)[..., None, None]
    angles, steps = _graded(0.5 * np.pi)
    # x = sin a across the wire, 1/t = sin b: sine of the angle to the axis.
    across = (steps * np.cos(angles) ** 2)[:, None]
    along = steps * np.sin(angles) * np.cos(angles) ** 2
    depth = np.sin(angles)[:, None] / (np.sin(angles) * ratio)
    kept = np.exp(-depth)
    # 1 - (1-p)^2 sum n p^(n-1) e^n, written without the difference.
    share = -np.expm1(-depth) * (1.0 - mirrored**2 * kept)
    share = np.where(mirrored == 1.0, 1.0, share / np.square(1.0 - mirrored * kept))
    return np.asarray(12.0 / np.pi * (share * (across * along)).sum(axis=(-2, -1)))


def in_plane_conductivity(
    bands: IsotropicBands, thickness: npt.ArrayLike, specularity: float = 0.0
) -> Array:
    """Return the conductivity along a film, sum C v^2 tau F / 3.

    Args:
        bands: The crystal.
        thickness: Any shape [m].
        specularity: p of both walls [-].

    Returns:
        Same shape as `thickness` [W/m K].

    Raises:
        InputError: A thickness is not positive, or p not between 0 and 1.
    """
    depth = positive("thickness", thickness, "m")[..., None]
    share = film_suppression(bands.mean_free_paths / depth, specularity)
    return _conductivity(bands, share)


def wire_conductivity(
    bands: IsotropicBands, diameter: npt.ArrayLike, specularity: float = 0.0
) -> Array:
    """Return the conductivity along a round wire.

    Args:
        bands: The crystal.
        diameter: Any shape [m].
        specularity: p of the surface [-].

    Returns:
        Same shape as `diameter` [W/m K].

    Raises:
        InputError: A diameter is not positive, or p not between 0 and 1.
    """
    width = positive("diameter", diameter, "m")[..., None]
    return _conductivity(bands, wire_suppression(bands.mean_free_paths / width, specularity))


def _conductivity(bands: IsotropicBands, shares: Array) -> Array:
    free = bands.heat_capacities * bands.speeds**2 * bands.relaxation_times / 3.0
    return np.asarray(shares @ free)


@cache
def _graded(end: float) -> tuple[Array, Array]:
    """Return nodes and weights from 0 to an end, on panels that get smaller towards 0."""
    nodes, shares = np.polynomial.legendre.leggauss(10)
    edges = end * np.concatenate([[0.0], 0.25 ** np.arange(16.0, -1.0, -1.0)])
    low, high = edges[:-1, None], edges[1:, None]
    points = 0.5 * (low + high) + 0.5 * (high - low) * nodes
    return points.ravel(), (0.5 * (high - low) * shares).ravel()
