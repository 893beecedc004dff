"""Transient thermal grating: decay of a sinusoidal temperature in the bulk.

T = T0 + A cos(2 pi x / L) at t = 0, in every mode, then no heating. A. A. Maznev, J. A. Johnson and
K. A. Nelson, Phys. Rev. B 84, 195206 (2011); C. Hua and A. J. Minnich, Phys. Rev. B 89, 094302
(2014). With k = 2 pi / L a band's amplitude, averaged over directions, has the Laplace transform

    theta(s) = a (A + T / tau),    a(s) = arctan(k v / (s + 1/tau)) / (k v)

where T is the temperature of scattering, T = sum (C/tau) theta / sum (C/tau). For one band A(s) =
tau b / (1 - b) with b = a / tau, and the transform is inverted in closed form: a pole, the
diffusive decay, which exists for k l < pi/2, and a branch cut, the ballistic phonons.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.reference.checks import not_negative, positive
from pbte.reference.closed_forms.slab import IsotropicBands

ComplexArray = npt.NDArray[np.complex128]

TALBOT_POINTS = 32
# Largest imaginary part of a singularity, times t, that the contour encloses with some margin.
REACH = 16.0


def gray_grating(times: npt.ArrayLike, reduced_wave_number: float) -> Array:
    """Return the amplitude of a grating in a gray crystal, 1 at the start.

    Args:
        times: t / tau, any shape [-].
        reduced_wave_number: eta = 2 pi l / L, the mean free path over the period times 2 pi [-].

    Returns:
        Same shape as `times` [-].

    Raises:
        InputError: A time is negative, or eta not positive.
    """
    t = not_negative("time", times)
    eta = float(positive("reduced wave number", reduced_wave_number))
    # The cut runs from -i eta to i eta in z = 1 + s tau. It is bent to the left where the pole
    # z = eta / tan eta would otherwise lie on it.
    bend = 0.5 if 1.1 < eta < 1.9 else 0.0
    has_pole = eta < np.pi and np.cos(eta) > -bend * np.sin(eta)
    amplitude = np.zeros(t.shape)
    if has_pole:
        amplitude += (eta / np.sin(eta)) ** 2 * np.exp((eta / np.tan(eta) - 1.0) * t)
    longest = float(t.max(initial=0.0))
    y, step = _cut_points(eta * longest)
    real = np.tanh(y)
    u = real + 1j * bend * (1.0 - real**2)
    slope = (1.0 - 2j * bend * real) / np.cosh(y) ** 2
    logarithm = np.log1p(u) - np.log1p(-u)
    jump = 1.0 / ((1.0 + 0.5j * logarithm / eta) ** 2 - (0.5 * np.pi / eta) ** 2)
    waves = np.exp(1j * eta * t[..., None] * u - t[..., None])
    return np.asarray(amplitude + 0.5 * step * (waves @ (jump * slope)).real)


def grating_amplitude(bands: IsotropicBands, times: npt.ArrayLike, period: float) -> Array:
    """Return the amplitude of the energy temperature in a crystal of bands, 1 at the start.

    The Laplace transform is inverted by Talbot's method (J. Abate and P. P. Valko, Int. J. Numer.
    Meth. Eng. 60, 979 (2004)), which holds for times in which the fastest band travels up to two
    and a half periods.

    Args:
        bands: The crystal.
        times: t, any shape [s].
        period: L [m].

    Returns:
        Same shape as `times` [-].

    Raises:
        InputError: A time is negative or too long for the method, or the period not positive.
    """
    t = not_negative("time", times, "s")
    wave = 2.0 * np.pi / float(positive("period", period, "m"))
    turns = wave * float(bands.speeds.max()) * t
    if np.any(turns > REACH):
        latest = REACH / (wave * float(bands.speeds.max()))
        raise InputError(
            f"time = {t.max():.3g} s; the inversion holds until {latest:.3g} s, when the fastest "
            "band has travelled two and a half periods; take shorter times"
        )
    shares = bands.heat_capacities / bands.heat_capacity

    def transform(s: ComplexArray) -> ComplexArray:
        rates = 1.0 / bands.relaxation_times
        flight = np.arctan(wave * bands.speeds / (s[..., None] + rates)) / (wave * bands.speeds)
        weights = bands.scattering_shares
        mean = (flight @ weights) / (1.0 - (flight * rates) @ weights)
        values: ComplexArray = (flight * (1.0 + rates * mean[..., None])) @ shares
        return values

    amplitude = np.ones(t.shape)
    later = t > 0.0
    amplitude[later] = invert_laplace(transform, t[later])
    return amplitude


def grating_decay_rate(reduced_wave_number: npt.ArrayLike) -> Array:
    """Return the rate of the diffusive decay in a gray crystal times tau, 1 - eta / tan eta.

    It is eta^2 / 3 for a long period: alpha k^2 with alpha = v l / 3.

    Args:
        reduced_wave_number: eta = 2 pi l / L below pi/2, any shape [-].

    Returns:
        Same shape [-].

    Raises:
        InputError: eta is not between 0 and pi/2, where the decay is not exponential.
    """
    eta = positive("reduced wave number", reduced_wave_number)
    if np.any(eta >= 0.5 * np.pi):
        raise InputError(
            f"reduced wave number = {eta.max():g}; it must be below pi/2, beyond which the grating "
            "decays ballistically"
        )
    return np.asarray(1.0 - eta / np.tan(eta))


def invert_laplace(
    transform: Callable[[ComplexArray], ComplexArray], times: npt.ArrayLike
) -> Array:
    """Return a function of time from its Laplace transform, by Talbot's fixed contour.

    Args:
        transform: Analytic to the right of the contour, an array to an array of that shape.
        times: Positive, shape (n,) [s].

    Returns:
        Shape (n,), to about 1e-9 of the largest value when the singularities have imaginary
        parts below REACH / t.

    Raises:
        InputError: A time is not positive.
    """
    t = np.atleast_1d(positive("time", times, "s"))[:, None]
    num = TALBOT_POINTS
    angles: Array = np.pi * np.arange(1, num) / num
    cotangent = 1.0 / np.tan(angles)
    reach = 2.0 * num / (5.0 * t)
    contour: ComplexArray = reach * angles * (cotangent + 1j)
    slope = 1.0 + 1j * angles * (1.0 + cotangent**2) - 1j * cotangent
    values = (np.exp(t * contour) * transform(contour) * slope).real.sum(axis=1)
    start: ComplexArray = transform(np.asarray(reach + 0j))
    first = 0.5 * np.exp(reach * t)[:, 0] * start.real[:, 0]
    return np.asarray(reach[:, 0] / num * (values + first))


def _cut_points(turns: float) -> tuple[Array, float]:
    """Return points y of u = tanh y along the cut and their step, for waves exp(i turns u)."""
    end = 18.0
    num = int(400 + 40.0 * turns)
    y, step = np.linspace(-end, end, num, retstep=True)
    return np.asarray(y, dtype=np.float64), float(step)
