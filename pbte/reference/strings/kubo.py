"""Linear response of two joined strings: current correlations and the step response.

Here hbar = k_B = 1: frequencies, temperatures and inverse times share one unit. Source as in
`pbte.reference.strings.conductance`, appendix A of the paper.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.reference.checks import finite, not_negative, positive, probability


def correlation_integral(
    times: npt.ArrayLike, temperature: npt.ArrayLike, cutoff: npt.ArrayLike
) -> Array:
    """Return the double integral over frequencies of the current correlation.

    A10, paper (A3), hbar = k_B = 1, b = 1/T, exact for 0 < eta < b::

        I(t) = int dw/2pi dw'/2pi  w w' sin[(w + w') t] e^{-eta (w + w')}
               / [(1 - e^{-b w}) (1 - e^{-b w'})]
             = Im { [pi / (2 sin^2(pi (eta - i t) / b))]^2 } / b^4

    For eta -> 0+ it becomes delta'''(t) / (24 pi) - (pi / 6 b^2) delta'(t). The last line of the
    printed (A3) has delta(t) there; it must be delta'(t), as in its first form and in (8).

    Args:
        times: t, any shape [1/energy].
        temperature: T, broadcasts [energy].
        cutoff: eta, between 0 and 1/T, broadcasts [1/energy].

    Returns:
        Broadcast shape [energy^4].

    Raises:
        InputError: A temperature is not positive or a cutoff not between 0 and 1/T.
    """
    time = finite("time", times)
    kelvin = positive("temperature", temperature)
    eta = positive("cutoff", cutoff)
    if np.any(eta * kelvin >= 1.0):
        raise InputError(
            f"cutoff = {float(np.max(eta)):g}; it must stay below 1/T = "
            f"{float(np.min(1.0 / kelvin)):g}, or the integral diverges"
        )
    # 1/sin^2 z = -4 w / (1 - w)^2 with w = e^{2iz} or e^{-2iz}, whichever does not overflow
    side = np.where(time < 0.0, -1.0, 1.0)
    wave = np.exp(-2.0 * math.pi * kelvin * (np.abs(time) + 1j * side * eta))
    inverse_square = -4.0 * wave / (1.0 - wave) ** 2
    return np.asarray(np.imag((0.5 * math.pi * inverse_square) ** 2) * kelvin**4)


def correlation_coefficients(temperature: npt.ArrayLike) -> tuple[float, Array]:
    """Return the weights of delta'''(t) and delta'(t) in the limit of A10, with their signs.

    Args:
        temperature: T, any shape [energy].

    Returns:
        1 / (24 pi) [-] and -(pi / 6) T^2, same shape [energy^2].

    Raises:
        InputError: A temperature is negative.
    """
    square = not_negative("temperature", temperature) ** 2
    return 1.0 / (24.0 * math.pi), np.asarray(-math.pi / 6.0 * square)


def current_correlation(
    times: npt.ArrayLike,
    delay: npt.ArrayLike,
    transmitted: npt.ArrayLike,
    temperature: npt.ArrayLike,
    cutoff: npt.ArrayLike,
) -> Array:
    """Return i times the odd part of <J(x, t) J(x', 0)> across the joint, smeared over eta.

    A11, paper (8): the odd part is (T / i) {delta'''(t - a) / 48 pi - (pi / 12 b^2) delta'(t - a)}
    plus the same with -a, for x > 0 > x' and a = x/c_r - x'/c_l. It is imaginary; times i it is
    real: (T/2) [I(t - a) + I(t + a)] with the integral of A10.

    Args:
        times: t, any shape [1/energy].
        delay: a, the time of flight from x' to x, broadcasts [1/energy].
        transmitted: Transmission, broadcasts [-].
        temperature: T, broadcasts [energy].
        cutoff: eta, broadcasts [1/energy].

    Returns:
        Broadcast shape [energy^4].

    Raises:
        InputError: A delay is negative, a share outside 0 to 1, or as `correlation_integral`.
    """
    time, flight = finite("time", times), not_negative("delay", delay)
    share = probability("transmission", transmitted)
    both = correlation_integral(time - flight, temperature, cutoff) + correlation_integral(
        time + flight, temperature, cutoff
    )
    return np.asarray(0.5 * share * both)


def step_response(
    times: npt.ArrayLike,
    delay: npt.ArrayLike,
    transmitted: npt.ArrayLike,
    temperature: npt.ArrayLike,
    cutoff: npt.ArrayLike = 0.0,
) -> Array:
    """Return the current at x per initial temperature drop at the joint, from Kubo's formula.

    A12, paper (7): J(x, t) = (2 i / T) int dx' grad T(x') int_0^t dt' (t - t') <J(x,t')
    J(x',0)>_odd. The factor is (t - t'); the text below (7) also prints t' - t. With grad T = -dT
    delta(x') the result is (pi/6) T T theta(t - a) dT, a = x/c_r: A5 linearised behind the front,
    and zero ahead of it. With a cutoff (closed form: second antiderivative of A10) the front is
    smeared over eta and the plateau lower by the factor 1 - 2 eta T.

    Args:
        times: t, any shape [1/energy].
        delay: a, broadcasts [1/energy].
        transmitted: Transmission, broadcasts [-].
        temperature: T, broadcasts [energy].
        cutoff: eta, below 1/T, or 0 for the sharp front; broadcasts [1/energy].

    Returns:
        J / dT, broadcast shape [energy] (W/K in units of k_B^2 / hbar).

    Raises:
        InputError: A time is negative, a share outside 0 to 1, or as `correlation_integral`.
    """
    time, flight = not_negative("time", times), not_negative("delay", delay)
    share = probability("transmission", transmitted)
    kelvin, eta = not_negative("temperature", temperature), not_negative("cutoff", cutoff)
    if not np.any(eta > 0.0):
        return np.asarray(math.pi / 6.0 * share * kelvin * (time >= flight))
    at = [_second_integral(t, kelvin, eta) for t in (time - flight, -flight, time + flight, flight)]
    slope = _first_integral(-flight, kelvin, eta) + _first_integral(flight, kelvin, eta)
    # int_0^t (t - t') f(t') dt' = F2(t) - F2(0) - t F1(0), f = F2''
    change = (at[0] - at[1]) + (at[2] - at[3]) - time * slope
    # (2 i / T) (-dT) (1 / i) (share / 2) = -share dT / T
    return np.asarray(-share / kelvin * change)


def _first_integral(time: Array, temperature: Array, cutoff: Array) -> Array:
    """Return an antiderivative of A10 in time, even in t."""
    # d/dz [cot z + cot^3 z / 3] = -1/sin^4 z, dz = -i pi T dt
    _check_cutoff(temperature, cutoff)
    cotangent = _cotangent(time, temperature, cutoff)
    prefactor = 0.25 * math.pi**2 * temperature**4 / (math.pi * temperature)
    return np.asarray(prefactor * np.imag(-1j * (cotangent + cotangent**3 / 3.0)))


def _second_integral(time: Array, temperature: Array, cutoff: Array) -> Array:
    """Return an antiderivative of `_first_integral` in time, odd in t."""
    # int (cot + cot^3/3) dz = (2/3) ln sin z - cot^2 z / 6 up to a constant
    angle = math.pi * temperature * (cutoff - 1j * time)
    cotangent = _cotangent(time, temperature, cutoff)
    # arg sin z, z = u - i v: atan2(-cos u sinh v, sin u cosh v)
    argument = -np.arctan2(
        np.cos(angle.real) * np.tanh(-angle.imag), np.sin(angle.real) * np.ones_like(time)
    )
    inside = 2.0 / 3.0 * argument - np.imag(cotangent**2) / 6.0
    return np.asarray(0.25 * temperature**2 * inside)


def _cotangent(time: Array, temperature: Array, cutoff: Array) -> npt.NDArray[np.complex128]:
    """Return cot(pi T (eta - i t)) without overflow."""
    return np.asarray(1.0 / np.tan(math.pi * temperature * (cutoff - 1j * time)))


def _check_cutoff(temperature: Array, cutoff: Array) -> None:
    if np.any(temperature <= 0.0) or np.any(cutoff <= 0.0) or np.any(cutoff * temperature >= 1.0):
        raise InputError(
            "a smeared response needs temperatures above zero and cutoffs between 0 and 1/T; "
            "give cutoff = 0 for the sharp front"
        )
