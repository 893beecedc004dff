"""Directions on the unit sphere, with weights: the directions of the modes of a model crystal.

Every rule comes in opposite pairs, has positive weights of sum 1, and carries the second moments
exactly: the sum of w n n is a third of the identity, so that a band conducts C v^2 tau / 3 in all
directions. The families differ in what else is exact:

- product: Gauss-Legendre in the cosine to an axis times equal steps of azimuth. Smooth functions.
- half-range product: Gauss-Legendre on each half of the cosine. The flux of half the sphere through
  walls normal to the axis is exact, and a jump of the distribution at the wall costs no accuracy.
- line: one azimuth for each cosine. Complete for problems in one dimension along the axis, with a
  quarter of the directions.
- plane: each direction without its mirror image in the plane normal to the axis. Complete for
  problems in two dimensions in that plane, with half of the directions.
- Lebedev: the symmetry of the cube, no poles, the fewest directions for a degree. V. I. Lebedev and
  D. N. Laikov, Doklady Mathematics 59, 477 (1999).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from pbte.core.errors import InputError, RunError
from pbte.core.types import Array

Axis = Literal["x", "y", "z"]

EXACT = 1e-12
"""Largest error of moments that a rule integrates exactly [-]."""


@dataclass(frozen=True, kw_only=True)
class Quadrature:
    """Directions and weights of an average over the sphere.

    Attributes:
        name: Description, for messages and records.
        directions: Unit vectors, shape (num_directions, 3); the second half is opposite to the
            first in the same order.
        weights: Shape (num_directions,), positive, of sum 1.

    Raises:
        InputError: The directions are no opposite pairs of unit vectors, a weight is not positive,
            or the moments up to the second are wrong.
    """

    name: str
    directions: Array
    weights: Array

    def __post_init__(self) -> None:
        num = self.weights.size
        if self.weights.shape != (num,) or self.directions.shape != (num, 3) or num % 2 or not num:
            raise InputError(
                f"{self.name}: directions of shape {self.directions.shape} and weights of shape "
                f"{self.weights.shape}; expected (n, 3) and (n,) with n even"
            )
        half = num // 2
        opposite = np.abs(self.directions[half:] + self.directions[:half]).max()
        uneven = np.abs(self.weights[half:] - self.weights[:half]).max()
        if opposite > EXACT or uneven > EXACT:
            raise InputError(
                f"{self.name}: the second half of the directions must be opposite to the first, "
                "with equal weights"
            )
        if not (self.weights > 0.0).all():
            raise InputError(
                f"{self.name}: weight {self.weights.min():.3g} is not positive; a mode would have "
                "no heat capacity"
            )
        second = self.directions.T @ (self.weights[:, None] * self.directions)
        error = max(np.abs(second - np.eye(3) / 3.0).max(), abs(self.weights.sum() - 1.0))
        if error > EXACT:
            raise InputError(
                f"{self.name}: moments of the directions are wrong by {error:.2g}; weights must "
                "have sum 1 and second moments of a third of the identity"
            )

    @property
    def num_directions(self) -> int:
        """Number of directions."""
        return int(self.weights.size)


def product_rule(
    polar: int, azimuthal: int, *, axis: Axis = "z", half_range: bool = False
) -> Quadrature:
    """Return Gauss-Legendre cosines to an axis times equal steps of azimuth.

    Exact for polynomials in the components up to degree min(2 polar - 1, azimuthal - 1); with
    half ranges min(polar - 1, azimuthal - 1), and then also where a polynomial is cut off at the
    plane normal to the axis. Azimuths are shifted by half a step, so that no direction lies in a
    coordinate plane through the axis, nor, with an even number of cosines, in the third.

    Args:
        polar: Number of cosines over the whole range, at least 2; even, and at least 4, with half
            ranges.
        azimuthal: Number of azimuths, even, at least 4.
        axis: The axis that cosines are taken to: for films, the normal of the walls.
        half_range: Whether each half of the cosine has Gauss nodes of its own.

    Raises:
        InputError: Too few angles, or an odd number of them.
    """
    cosines, shares = _cosines(polar, half_range)
    if azimuthal < 4 or azimuthal % 2:
        raise InputError(
            f"azimuthal = {azimuthal}; an even number of at least 4 azimuths is needed for "
            "opposite directions and second moments"
        )
    # The half of the sphere with azimuth below pi; the inversion of each node is a node.
    angles = 2.0 * np.pi * (np.arange(azimuthal // 2) + 0.5) / azimuthal
    name = f"{'half-range ' if half_range else ''}product of {polar} cosines to {axis}"
    return _paired(
        f"{name} and {azimuthal} azimuths",
        _around(cosines[:, None], angles[None, :], axis),
        np.repeat(shares, angles.size),
    )


def line_rule(polar: int, *, axis: Axis = "x") -> Quadrature:
    """Return one direction for each cosine to an axis, Gauss-Legendre on each half range.

    Transport in one dimension along the axis depends on that cosine alone, so the azimuths are
    free: they start as multiples of the golden angle and are shifted until the second moments are
    exact. Not for heat that flows across the axis.

    Args:
        polar: Number of cosines, even, at least 12.
        axis: The line.

    Raises:
        InputError: Too few cosines, or an odd number of them.
    """
    if polar < 12 or polar % 2:
        raise InputError(f"polar = {polar}; a line needs an even number of at least 12 cosines")
    cosines, shares = _cosines(polar, True)
    upper = cosines > 0.0
    cosines, shares = cosines[upper], shares[upper]
    angles = _balanced_azimuths(cosines, shares)
    return _paired(f"{polar} cosines to {axis}", _around(cosines, angles, axis), shares)


def plane_rule(polar: int, azimuthal: int, *, axis: Axis = "z") -> Quadrature:
    """Return directions of different projections on the plane normal to an axis.

    Transport in two dimensions does not depend on the sign of the component out of the plane. Of
    each direction and its mirror image one is kept, such that opposite pairs remain. Specular walls
    are not exact with this rule, because the reflected direction may be the one left out.

    Args:
        polar: Number of cosines to the axis over the whole range, even, at least 2; each has half
            of the azimuths.
        azimuthal: Number of azimuths, twice an odd number, at least 6.
        axis: The normal of the plane.

    Raises:
        InputError: A number of angles does not fit.
    """
    if polar < 2 or polar % 2:
        raise InputError(f"polar = {polar}; a plane needs an even number of at least 2 cosines")
    if azimuthal < 6 or azimuthal % 4 != 2:
        raise InputError(
            f"azimuthal = {azimuthal}; a plane needs twice an odd number of azimuths: 6, 10, ..."
        )
    cosines, shares = _cosines(polar, False)
    upper = cosines > 0.0
    # An odd number of azimuths: turned by half a circle they fall between themselves.
    angles = 2.0 * np.pi * (np.arange(azimuthal // 2) + 0.25) / (azimuthal // 2)
    return _paired(
        f"{polar} cosines to {axis} and {azimuthal} azimuths in the plane",
        _around(cosines[upper][:, None], angles[None, :], axis),
        np.repeat(shares[upper], angles.size),
    )


def lebedev_rule(degree: int) -> Quadrature:
    """Return the Lebedev rule that is exact for polynomials up to a degree.

    It has the 48 symmetries of the cube and about (degree + 1)^2 / 3 directions. Some lie on the
    coordinate axes and in the coordinate planes: in a film normal to an axis they run along it.

    Args:
        degree: Odd, from 3 to 31 or 35, 41, 47, ... 131; not 13, 25, 27, whose weights are
            not all positive.

    Raises:
        InputError: There is no rule of this degree.
        RunError: The installed SciPy is older than 1.15 and has no Lebedev rules.
    """
    try:
        from scipy.integrate import lebedev_rule as tabulated
    except ImportError:
        raise RunError(
            "this SciPy has no Lebedev rules (1.15 is the first that has); use a product rule"
        ) from None
    try:
        points, weights = tabulated(degree)
    except (NotImplementedError, ValueError, TypeError):
        raise InputError(
            f"degree = {degree}; Lebedev rules have degree 3, 5, 7, ... 31, 35, 41, 47, ... 131"
        ) from None
    directions = np.ascontiguousarray(points.T, dtype=np.float64)
    # The half of the sphere above a plane that holds none of the directions.
    side = directions @ np.array([1.0, np.sqrt(2.0) * 1e-3, np.sqrt(3.0) * 1e-6])
    upper = side > 0.0
    if not (weights > 0.0).all():
        raise InputError(f"degree = {degree}; this Lebedev rule has negative weights, use another")
    return _paired(f"Lebedev rule of degree {degree}", directions[upper], weights[upper])


def _cosines(polar: int, half_range: bool) -> tuple[Array, Array]:
    """Return nodes and weights (of sum 2) in the cosine."""
    if polar < 2:
        raise InputError(f"polar = {polar}; at least 2 polar angles carry the second moments")
    if not half_range:
        return np.polynomial.legendre.leggauss(polar)
    if polar < 4 or polar % 2:
        raise InputError(
            f"polar = {polar}; half ranges need an even number of at least 4 polar angles"
        )
    nodes, shares = np.polynomial.legendre.leggauss(polar // 2)
    half = 0.5 * (nodes + 1.0)
    return np.concatenate([-half[::-1], half]), np.concatenate([shares[::-1], shares]) / 2.0


def _around(cosines: Array, angles: Array, axis: Axis) -> Array:
    """Return directions of given cosine to an axis and azimuth about it, shape (n, 3)."""
    if axis not in ("x", "y", "z"):
        raise InputError(f"axis = {axis!r}; expected 'x', 'y' or 'z'")
    cosines, angles = np.broadcast_arrays(cosines, angles)
    sines = np.sqrt(1.0 - cosines**2)
    # Cyclic: z along the axis, x and y after it.
    local = [sines * np.cos(angles), sines * np.sin(angles), cosines]
    shift = {"x": 1, "y": 2, "z": 0}[axis]
    return np.stack(local[-shift:] + local[:-shift] if shift else local, axis=-1).reshape(-1, 3)


def _paired(name: str, half: Array, weights: Array) -> Quadrature:
    """Return the rule of one half of the directions, the opposite ones added."""
    both = np.concatenate([weights, weights])
    return Quadrature(
        name=name, directions=np.concatenate([half, -half]), weights=both / both.sum()
    )


def _balanced_azimuths(cosines: Array, shares: Array) -> Array:
    """Return azimuths a with sum w mu s e^{ia} = 0 and sum w s^2 e^{2ia} = 0, s^2 = 1 - mu^2.

    These are the moments between the axis and the plane, and of the plane; Newton's method with
    the smallest change of the azimuths.
    """
    sines = np.sqrt(1.0 - cosines**2)
    first, second = shares * cosines * sines, shares * sines**2
    angles = np.pi * (3.0 - np.sqrt(5.0)) * (np.arange(cosines.size) + 0.5)
    for _ in range(50):
        once, twice = first * np.exp(1j * angles), second * np.exp(2j * angles)
        residual = np.array([once.sum(), twice.sum()])
        if np.abs(residual).max() < 1e-15:
            break
        slope = np.stack([1j * once, 2j * twice])
        both = np.concatenate([slope.real, slope.imag])
        step = np.linalg.lstsq(both, np.concatenate([residual.real, residual.imag]), rcond=None)[0]
        angles = angles - step * min(1.0, 0.5 / np.abs(step).max())
    return np.asarray(angles)
