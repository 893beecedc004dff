"""Temperatures of the mediator's position and momentum (B10, B11; Fig. 2).

Equation numbers are those of Panasyuk, Levin and Yerkes, Phys. Rev. E 86, 021116 (2012). With
strong coupling to quantum baths the mediator has no single temperature: kB T_x = m w0^2 <x^2> and
kB T_p = <p^2>/m differ, even when both baths have the same temperature.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.types import Array
from pbte.reference.checks import not_negative
from pbte.reference.mediator.integrals import binet, root_sums
from pbte.reference.mediator.mediator import ComplexArray, Mediator


def zero_point_integral(ratio: npt.ArrayLike) -> ComplexArray:
    """Return int_0^inf w dw/[(1 + w^2)(w^2 + r^2)] = -ln r/(1 - r^2), 1/2 at r = 1 (B10; eq. (66)).

    Eq. (66) splits the integral into real and imaginary parts and prints
    a = (mu_r^2 - mu_i^2)/(mu_r mu_i); it must be divided by 2, and the form is singular for real
    roots. The principal logarithm has neither problem.

    Args:
        ratio: r = mu_n/D [-], real part above zero.

    Returns:
        Integral [-], shape of `ratio`.
    """
    r = np.asarray(ratio, dtype=np.complex128)
    gap = r - 1.0
    near = np.abs(gap) < 1e-3
    far = np.where(near, 2.0, r)
    # ln r/(r^2 - 1) about r = 1, to the fourth power of the gap.
    series = 0.5 - gap / 2 + 5 * gap**2 / 12 - gap**3 / 3 + 4 * gap**4 / 15
    return np.where(near, series, np.log(far) / (far**2 - 1.0))


def position_temperature(
    mediator: Mediator, temperature_1: npt.ArrayLike, temperature_2: npt.ArrayLike
) -> Array:
    """Return T_x = m w0^2 <x^2>/kB in the steady state (B10; eq. (64)).

    kB T_x = (hbar w0^2/pi) sum g_n b_n with b_n = -ln(mu_n/D) + 2 f1 I(mu_n, T_1) +
    2 (1 - f1) I(mu_n, T_2), where the paper has f1 = 1/2.

    Args:
        mediator: Fields broadcast with the temperatures.
        temperature_1: T_1 [K], zero or above.
        temperature_2: T_2 [K], zero or above.

    Returns:
        Temperature [K], at T_1 = T_2 = 0 that of the zero-point motion.

    Raises:
        InputError: A temperature is negative or not finite.
    """
    return _moment(mediator, temperature_1, temperature_2, momentum=False)


def momentum_temperature(
    mediator: Mediator, temperature_1: npt.ArrayLike, temperature_2: npt.ArrayLike
) -> Array:
    """Return T_p = <p^2>/(m kB) in the steady state (B10; eq. (65)).

    kB T_p = -(hbar/pi) sum g_n mu_n^2 b_n, with the b_n of `position_temperature`. It grows as
    (hbar gam/pi kB) ln D and is infinite without a cutoff.

    Args:
        mediator: Fields broadcast with the temperatures.
        temperature_1: T_1 [K], zero or above.
        temperature_2: T_2 [K], zero or above.

    Returns:
        Temperature [K].

    Raises:
        InputError: A temperature is negative or not finite.
    """
    return _moment(mediator, temperature_1, temperature_2, momentum=True)


def temperature_split(
    mediator: Mediator, temperature_1: npt.ArrayLike, temperature_2: npt.ArrayLike
) -> Array:
    """Return (T_p - T_x)/(T_p + T_x), zero if the mediator has a temperature (B11; Fig. 2).

    Args:
        mediator: Fields broadcast with the temperatures.
        temperature_1: T_1 [K].
        temperature_2: T_2 [K].

    Returns:
        Relative difference [-]; 1 without a cutoff.
    """
    momentum = momentum_temperature(mediator, temperature_1, temperature_2)
    position = position_temperature(mediator, temperature_1, temperature_2)
    bounded = np.isfinite(momentum)
    above = np.where(bounded, momentum, 1.0)
    return np.where(bounded, (above - position) / (above + position), 1.0)


def _moment(
    mediator: Mediator,
    temperature_1: npt.ArrayLike,
    temperature_2: npt.ArrayLike,
    *,
    momentum: bool,
) -> Array:
    """Return T_x or T_p [K]; sums over roots in units of w0, safe where roots coincide."""
    kelvin_1 = not_negative("temperature_1", temperature_1, "K")
    kelvin_2 = not_negative("temperature_2", temperature_2, "K")
    w0 = np.asarray(mediator.frequency)
    to_heat = BOLTZMANN / REDUCED_PLANCK / w0
    parts = (w0, mediator.damping / w0, mediator.cutoff / w0, np.asarray(mediator.first_share))
    every = np.broadcast_arrays(*parts, kelvin_1 * to_heat, kelvin_2 * to_heat)
    shape = every[0].shape
    unit, damping, cutoff, share, heat_1, heat_2 = (np.array(part).ravel() for part in every)
    total = np.zeros(unit.shape)
    for part in root_sums(damping, cutoff):
        rows, points = part.members, part.points
        # 1e-30 stands for zero temperature: the bath's part is then below 1e-59.
        scaled = points / (2.0 * np.pi)
        y_1 = scaled / np.maximum(heat_1[rows, None], 1e-30)
        y_2 = scaled / np.maximum(heat_2[rows, None], 1e-30)
        first = share[rows, None]
        # The logarithm of D is common to all roots and adds nothing: sum g_n = sum g_n mu_n^2 = 0.
        bracket = -np.log(points) + first * binet(y_1, 0)[0] + (1 - first) * binet(y_2, 0)[0]
        factor = -part.weights * (1.0 - points / part.cutoffs[:, None])
        if momentum:
            factor = -factor * points**2
        total[rows] = (factor * bracket).sum(axis=1).real / np.pi
    if momentum:
        total[np.isinf(cutoff)] = np.inf
    return np.asarray((REDUCED_PLANCK * unit / BOLTZMANN * total).reshape(shape))
