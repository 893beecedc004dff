"""Thermal integrals of the mediator: digamma forms, sums over roots, quadrature (B3 to B5).

Closed forms are sums over the roots mu_n of functions of mu_n. Every such sum is a divided
difference, which exists also where roots coincide: there it is taken from a contour around the
cluster of roots instead of from its members. A sum is returned with an estimate of its round-off,
so that the caller can take the quadrature, whose integrand is positive, where the sum cancels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.errors import InputError
from pbte.core.types import Array, IntArray
from pbte.reference.checks import not_negative
from pbte.reference.mediator.mediator import ComplexArray, reduced_roots

# Coefficients of 1/y^2k in ln y - 1/2y - psi(y) are B_2k/2k (Abramowitz and Stegun 6.3.18).
_BERNOULLI = (
    *(1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510),
    *(43867 / 798, -174611 / 330),
)
_SERIES = tuple(number / (2 * k) for k, number in enumerate(_BERNOULLI, start=1))
_FAR = 12.0
_CONTOUR = 64
_EPSILON = float(np.finfo(np.float64).eps)


def thermal_integral(rate: npt.ArrayLike, temperature: npt.ArrayLike) -> ComplexArray:
    """Return I(mu, T) = int_0^inf w n(w, T)/(w^2 + mu^2) dw in closed form (B5).

    I = [ln y - 1/(2y) - psi(y)]/2 with y = hbar mu/(2 pi kB T): the paper's eq. (67). Eq. (66),
    the integral of its zero-point part, has a misprint (see `mediator_temperatures`).

    Args:
        rate: mu [rad/s], real part above zero, broadcast with the temperatures.
        temperature: T [K], zero allowed.

    Returns:
        Integral [-]; zero at T = 0.

    Raises:
        InputError: A real part is not above zero or a temperature is negative.
    """
    mu, heat = _arguments(rate, temperature)
    warm = heat > 0.0
    y = mu / (2.0 * np.pi * np.where(warm, heat, 1.0))
    return np.where(warm, 0.5 * binet(y, 0)[0], 0.0)


def thermal_integral_slope(rate: npt.ArrayLike, temperature: npt.ArrayLike) -> ComplexArray:
    """Return dI/dT = -[1 + 1/(2y) - y psi'(y)]/(2T) of `thermal_integral` (B5) [1/K].

    Args:
        rate: mu [rad/s], real part above zero.
        temperature: T [K]; the slope is zero at T = 0.

    Raises:
        InputError: A real part is not above zero or a temperature is negative.
    """
    mu, heat = _arguments(rate, temperature)
    warm = heat > 0.0
    y = mu / (2.0 * np.pi * np.where(warm, heat, 1.0))
    kelvin = np.where(warm, np.asarray(temperature, dtype=np.float64), 1.0)
    return np.where(warm, -0.5 * y * binet(y, 0)[1] / kelvin, 0.0)


def _arguments(rate: npt.ArrayLike, temperature: npt.ArrayLike) -> tuple[ComplexArray, Array]:
    mu = np.asarray(rate, dtype=np.complex128)
    if not np.all(mu.real > 0.0):
        bad = complex(mu[~(mu.real > 0.0)].flat[0])
        raise InputError(f"rate = {bad:g} rad/s; its real part must be positive")
    kelvin = not_negative("temperature", temperature, "K")
    return mu, np.asarray(kelvin * (BOLTZMANN / REDUCED_PLANCK))


def binet(y: ComplexArray, removed: int) -> tuple[ComplexArray, ComplexArray]:
    """Return L(y) = ln y - 1/(2y) - psi(y) and L'(y), less leading terms of their series.

    Args:
        y: Real part above zero; infinity gives zero.
        removed: 1 leaves out the first term of the series, 1/(12 y^2); 0 leaves out nothing.
    """
    y = np.asarray(y, dtype=np.complex128)
    shape, y = y.shape, y.ravel()
    value, slope = np.zeros_like(y), np.zeros_like(y)
    near = np.abs(y) < _FAR
    far = ~near & np.isfinite(y)
    value[far], slope[far] = _binet_series(y[far], removed)
    if np.any(near):
        z = y[near]
        value[near], slope[near] = _binet_series(z + int(_FAR), removed)
        steps, step_slopes = _binet_step(z[:, None] + np.arange(int(_FAR)), removed)
        value[near] += steps.sum(axis=1)
        slope[near] += step_slopes.sum(axis=1)
    return value.reshape(shape), slope.reshape(shape)


def _binet_step(z: ComplexArray, removed: int) -> tuple[ComplexArray, ComplexArray]:
    """Return L(z) - L(z + 1) and its derivative; psi(z + 1) = psi(z) + 1/z.

    Away from zero by the series in t = 1/(2z + 1), whose first terms cancel exactly.
    """
    t = 1.0 / (2.0 * z + 1.0)
    value, slope = np.zeros_like(z), np.zeros_like(z)
    for k in range(20, 0, -1):
        kept = 2.0 - 2.0 / (2 * k + 1) - (4.0 * k / 3.0 if removed else 0.0)
        value = (value + kept) * t**2
        slope = (slope + kept * (2 * k + 1)) * t**2
    value, slope = value * t, slope * -2.0 * t**2
    small = np.abs(z) < 1.5
    low = z[small]
    high = low + 1.0
    direct = np.log(low / high) + 0.5 / low + 0.5 / high
    direct_slope = 1.0 / low - 1.0 / high - 0.5 / low**2 - 0.5 / high**2
    if removed:
        direct = direct - (1.0 / low**2 - 1.0 / high**2) / 12.0
        direct_slope = direct_slope + (1.0 / low**3 - 1.0 / high**3) / 6.0
    value[small], slope[small] = direct, direct_slope
    return value, slope


def _binet_series(y: ComplexArray, removed: int) -> tuple[ComplexArray, ComplexArray]:
    inverse = 1.0 / y
    square = inverse**2
    value, slope = np.zeros_like(y), np.zeros_like(y)
    for k in range(len(_SERIES), 0, -1):
        kept = _SERIES[k - 1] if k > removed else 0.0
        value = (value + kept) * square
        slope = (slope - 2 * k * kept) * square
    return value, slope * inverse


@dataclass(frozen=True)
class RootSum:
    """Points and weights that turn a sum over roots into a sum over points (n points each).

    sum_points weights f(points) is -D times the divided difference of f over the three roots, and
    without a cutoff, its limit, the divided difference over the pair. sum g_n f(mu_n) is the same
    with the weights times -(1 - points/D).
    """

    members: IntArray
    cutoffs: Array
    points: ComplexArray
    weights: ComplexArray


def root_sums(damping: Array, cutoff: Array) -> Iterator[RootSum]:
    """Yield points and weights for flat arrays of damping and cutoff in units of w0 (B2).

    Each parameter set belongs to one of the results; sets with coinciding roots have contour
    points.
    """
    pair, real = reduced_roots(damping, cutoff)
    finite = np.isfinite(cutoff)
    centre, radius, every = _clusters(pair, real)
    apart = radius == 0.0
    for chosen in (finite & apart, ~finite & apart):
        members = np.flatnonzero(chosen)
        if members.size:
            first, second, third = pair[members, 0], pair[members, 1], real[members] + 0.0j
            drude = cutoff[members]
            points = np.stack([first, second, third], axis=1)
            if finite[members[0]]:
                w_1 = -drude / ((first - second) * (first - third))
                w_2 = -drude / ((second - first) * (second - third))
                w_3 = -drude / ((third - first) * (third - second))
                weights = np.stack([w_1, w_2, w_3], axis=1)
            else:
                points, weight = points[:, :2], 1.0 / (first - second)
                weights = np.stack([weight, -weight], axis=1)
            yield RootSum(members, drude, points, weights)
    for member in np.flatnonzero(~apart):
        yield _contour(member, cutoff[member], pair[member], real[member], centre, radius, every)


def _clusters(pair: ComplexArray, real: Array) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Return centre and radius (0: none) of the circle for close roots, and whether all are in."""
    middle = 0.5 * (pair[:, 0] + pair[:, 1]).real
    with np.errstate(invalid="ignore"):
        mean = (2.0 * middle + real) / 3.0
        roots = np.concatenate([pair, real[:, None] + 0.0j], axis=1)
        every = np.isfinite(real) & (np.abs(roots - mean[:, None]).max(axis=1) <= 0.1 * mean)
    two = np.abs(pair[:, 0] - pair[:, 1]) <= 0.025 * middle
    centre = np.where(every, mean, middle)
    radius = np.where(every, 0.3 * mean, np.where(two, 0.05 * middle, 0.0))
    return centre, np.asarray(radius), np.asarray(every)


def _contour(
    member: np.intp,
    cutoff: float,
    pair: ComplexArray,
    real: float,
    centre: Array,
    radius: Array,
    every: npt.NDArray[np.bool_],
) -> RootSum:
    """Return Cauchy's integral around the cluster by the trapezoidal rule, which is spectral."""
    angles = 2.0 * np.pi * (np.arange(_CONTOUR) + 0.5) / _CONTOUR
    ring = radius[member] * np.exp(1j * angles)
    points = centre[member] + ring
    weights = ring / _CONTOUR / ((points - pair[0]) * (points - pair[1]))
    if np.isfinite(cutoff):
        weights = weights * -cutoff / (points - real)
        if not every[member]:
            points = np.append(points, real + 0.0j)
            weights = np.append(weights, -cutoff / ((real - pair[0]) * (real - pair[1])))
    return RootSum(np.array([member]), np.array([cutoff]), points[None, :], weights[None, :])


def closed_transmission_sum(
    damping: Array, cutoff: Array, heat: Array, *, slope: bool
) -> tuple[Array, Array]:
    """Return int_0^inf w n tau dw/(gam 4 f1 f2) in closed form, or its slope with temperature.

    The sum over roots of eq. (42) as the divided difference of mu^2 [I(mu) - I(D)]/(1 + mu/D)
    (B3, B5); everything in units of w0 and hbar = kB = 1.

    Args:
        damping: gam, shape (n,).
        cutoff: D, shape (n,), may be infinite.
        heat: kB T/hbar, shape (n,), zero allowed.
        slope: Return the derivative with respect to `heat`.

    Returns:
        Sum and an estimate of its absolute round-off, both of shape (n,).
    """
    total, error = np.zeros(damping.shape), np.zeros(damping.shape)
    for part in root_sums(damping, cutoff):
        warm = heat[part.members] > 0.0
        members, points, weights = part.members[warm], part.points[warm], part.weights[warm]
        if not members.size:
            continue
        drude, t = part.cutoffs[warm, None], heat[members, None]
        y, y_cut = points / (2.0 * np.pi * t), drude / (2.0 * np.pi * t) + 0.0j
        # A multiple of 1/mu^2 common to all roots and D adds nothing to the sum; leaving out the
        # first term of the series where it is large keeps the digits at low temperature.
        cold = np.minimum(np.abs(y).min(axis=1), np.abs(y_cut[:, 0])) > 0.5
        values, sizes = np.zeros_like(points), np.zeros(points.shape)
        for removed, rows in ((1, cold), (0, ~cold)):
            value, size = _bracket(y[rows], removed, slope)
            end, end_size = _bracket(y_cut[rows], removed, slope)
            values[rows], sizes[rows] = value - end, size + end_size
        factor = weights * points**2 / (1.0 + points / drude)
        scale = 0.5 / t[:, 0] if slope else 0.5
        total[members] = scale * (factor * values).sum(axis=1).real
        error[members] = scale * _EPSILON * (np.abs(factor) * sizes).sum(axis=1)
    return total, 30.0 * error


def _bracket(y: ComplexArray, removed: int, slope: bool) -> tuple[ComplexArray, Array]:
    """Return L(y), or its temperature slope -y L'(y), and the size of the terms in it."""
    value, derivative = binet(y, removed)
    if slope:
        value = -np.where(np.isfinite(y), y, 0.0) * derivative
    return value, np.abs(value) + np.where(np.abs(y) < 1.5, 1.0 / np.minimum(np.abs(y), 1.0), 0.0)


def quadrature_of_transmission(
    damping: Array,
    cutoff: Array,
    highest: Array,
    weight: Callable[[Array, slice], Array],
) -> Array:
    """Return int_0^inf tau weight dw/(4 f1 f2) by Gauss-Legendre panels (B4), any coupling.

    Panels shrink by half towards w = 0 and towards the resonance, down to its width, so that the
    poles of the integrand stay at a distance of several half panels. Nothing cancels: relative
    errors near 1e-13 for coupling of any strength.

    Args:
        damping: gam in units of w0, shape (n,).
        cutoff: D in units of w0, shape (n,).
        highest: Frequency in units of w0 above which the weight has died out, shape (n,).
        weight: Function of frequencies (m, points) and of the slice of the m sets.

    Returns:
        Integral in units of w0 times that of the weight, shape (n,).
    """
    nodes, node_weights = np.polynomial.legendre.leggauss(16)
    pair, real = reduced_roots(damping, cutoff)
    position, width = np.abs(pair[:, 0].imag), pair[:, 0].real
    total = np.zeros(damping.shape)
    for begin in range(0, damping.size, 256):
        rows = slice(begin, begin + 256)
        top, peak = highest[rows, None], position[rows, None]
        centre = np.where(peak > width[rows, None], peak, 0.0)
        split = np.minimum(np.where(centre > 0.0, 0.5 * centre, top), top)
        steps = width[rows, None] * 2.0 ** np.arange(96)
        both_sides = np.concatenate([-steps, 0.0 * top, steps], axis=1)
        panels = (
            (np.concatenate([0.0 * top, split * 2.0 ** -np.arange(64)], axis=1), 0.0),
            (np.clip(both_sides, split - centre, top - centre), centre),
        )
        for edges, origin in panels:
            edges.sort(axis=1)
            half = 0.5 * np.diff(edges, axis=1)
            middle = 0.5 * (edges[:, 1:] + edges[:, :-1])
            offset = (middle[..., None] + half[..., None] * nodes).reshape(top.shape[0], -1)
            share = (half[..., None] * node_weights).reshape(offset.shape)
            w = offset + origin
            tau = damping[rows, None] ** 2 * _over_damping_squared(
                w, offset + (origin - peak), pair[rows], real[rows], cutoff[rows]
            )
            total[rows] += (share * tau * weight(w, rows)).sum(axis=1)
    return total


def _over_damping_squared(
    w: Array, detuning: Array, pair: ComplexArray, real: Array, cutoff: Array
) -> Array:
    """Return tau/(gam^2 4 f1 f2) from the roots; exact also on a resonance of any narrowness.

    tau = gam^2 w^2 D^4/[(D^2 + w^2) prod (w^2 + mu_n^2)] (B4), where the pair a -+ ib gives
    (d^2 + a^2) [(2b + d)^2 + a^2] with d = w - b.
    """
    a, b = pair[:, :1].real, np.abs(pair[:, :1].imag)
    paired = (detuning**2 + a**2) * ((detuning + 2.0 * b) ** 2 + a**2)
    apart = (w**2 + a**2) * (w**2 + pair[:, 1:].real ** 2)
    inverse = 1.0 / cutoff[:, None]
    isolated = np.ones_like(cutoff)
    np.divide(real, cutoff, out=isolated, where=np.isfinite(cutoff))
    isolated = isolated[:, None]
    drude = (1.0 + (w * inverse) ** 2) * ((w * inverse) ** 2 + isolated**2)
    return np.asarray(w**2 / (drude * np.where(b > 0.0, paired, apart)))
