"""Heat current and conductance through the mediator, and their limits (B3 to B9, B12 to B14).

Equation numbers are those of Panasyuk, Levin and Yerkes, Phys. Rev. E 86, 021116 (2012); see
`pbte.reference.mediator.mediator`. The current J is that from bath 1 to bath 2, positive when bath
1 is hotter. The sentence under eq. (26) calls P_nu the power gained by bath nu; it is the power
lost by the bath, J = P_1. Eq. (43) is written with dT = T_2 - T_1 where everything else has T_1
- T_2; the conductance here is positive.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.reference.checks import not_negative, positive
from pbte.reference.mediator.integrals import (
    closed_transmission_sum,
    quadrature_of_transmission,
    thermal_integral,
    thermal_integral_slope,
)
from pbte.reference.mediator.mediator import Mediator

Method = Literal["auto", "closed", "quadrature"]
# Where the estimated round-off of a closed form is larger, "auto" takes the quadrature.
_ACCEPTED = 3e-12
# Beyond hbar w = 60 kB T less than 1e-24 of the heat is left.
_HIGHEST = 60.0


def heat_current(
    mediator: Mediator,
    temperature_1: npt.ArrayLike,
    temperature_2: npt.ArrayLike,
    method: Method = "auto",
) -> Array:
    """Return the steady heat current from bath 1 to bath 2 (B3, B4; eqs. (42), (61)).

    J = -(hbar D^2 A/pi) sum g_n mu_n^2 int w (n_1 - n_2) dw/[(D^2 + w^2)(mu_n^2 + w^2)] with
    A = 2 gamma_1 gamma_2/(gamma m); the printed sign is right, the sum is negative. Eq. (39)
    and (40') carry one hbar too many in <P>^(2), and before eq. (41) "cos S" should read S;
    (42) is not affected.

    Args:
        mediator: Fields broadcast with the temperatures.
        temperature_1: T_1 [K], zero or above.
        temperature_2: T_2 [K], zero or above.
        method: "closed" (digamma), "quadrature", or "auto": closed unless its terms cancel.

    Returns:
        Current [W], broadcast shape; exactly zero at equal temperatures.

    Raises:
        InputError: A temperature is negative or not finite.
    """
    kelvin_1 = not_negative("temperature_1", temperature_1, "K")
    kelvin_2 = not_negative("temperature_2", temperature_2, "K")
    flat, shape = _reduced(mediator, kelvin_1, kelvin_2)
    w0, damping, cutoff, symmetry, heat_1, heat_2 = flat
    value, error = np.zeros(w0.shape), np.zeros(w0.shape)
    if method != "quadrature":
        first, error_1 = closed_transmission_sum(damping, cutoff, heat_1, slope=False)
        second, error_2 = closed_transmission_sum(damping, cutoff, heat_2, slope=False)
        value, error = damping * (first - second), damping * (error_1 + error_2)
    redo = _to_redo(value, error, method) & (heat_1 != heat_2)
    if np.any(redo):
        t_1, t_2 = heat_1[redo], heat_2[redo]

        def weight(w: Array, rows: slice) -> Array:
            return w * _difference(w, t_1[rows, None], t_2[rows, None])

        top = _HIGHEST * np.maximum(t_1, t_2)
        value[redo] = quadrature_of_transmission(damping[redo], cutoff[redo], top, weight)
    current = REDUCED_PLANCK * w0**2 * symmetry * value / (2.0 * np.pi)
    return np.asarray(np.where(heat_1 == heat_2, 0.0, current).reshape(shape))


def conductance(mediator: Mediator, temperature: npt.ArrayLike, method: Method = "auto") -> Array:
    """Return the thermal conductance K = dJ/dT_1 at equal temperatures (B6; eqs. (43), (62)).

    K = -(tau_h^2 kB D^2/8 pi tau_p) sum g_n mu_n^2 int w^2 csch^2(hbar w/2 kB T) dw/[...], for
    equal couplings; in general times 4 gamma_1 gamma_2/gamma^2. Eq. (43) prints dT = T_2 - T_1;
    K is positive here. It never exceeds `conductance_quantum`.

    Args:
        mediator: Fields broadcast with the temperature.
        temperature: T [K], zero or above.
        method: As in `heat_current`.

    Returns:
        Conductance [W/K], broadcast shape; zero at T = 0.

    Raises:
        InputError: A temperature is negative or not finite.
    """
    kelvin = not_negative("temperature", temperature, "K")
    flat, shape = _reduced(mediator, kelvin, kelvin)
    w0, damping, cutoff, symmetry, heat, _ = flat
    value, error = np.zeros(w0.shape), np.zeros(w0.shape)
    if method != "quadrature":
        value, error = closed_transmission_sum(damping, cutoff, heat, slope=True)
        value, error = damping * value, damping * error
    redo = _to_redo(value, error, method) & (heat > 0.0)
    if np.any(redo):
        t = heat[redo]

        def weight(w: Array, rows: slice) -> Array:
            return _slope_weight(w / (2.0 * t[rows, None]))

        value[redo] = quadrature_of_transmission(damping[redo], cutoff[redo], _HIGHEST * t, weight)
    return np.asarray((BOLTZMANN * w0 * symmetry * value / (2.0 * np.pi)).reshape(shape))


def heat_potential(mediator: Mediator, temperature: npt.ArrayLike) -> Array:
    """Return the potential F(T) with J(T_1, T_2) = F(T_1) - F(T_2) (B15).

    F = int hbar w tau n dw/2 pi; its slope is `conductance`. A chain of mediators is linear in F.

    Args:
        mediator: Fields broadcast with the temperature.
        temperature: T [K], zero or above.

    Returns:
        Power [W], zero at T = 0.
    """
    return heat_current(mediator, temperature, 0.0)


def mean_conductance(
    mediator: Mediator, temperature_1: npt.ArrayLike, temperature_2: npt.ArrayLike
) -> Array:
    """Return J/(T_1 - T_2), and the conductance K(T) where both temperatures are the same (B6).

    Args:
        mediator: Fields broadcast with the temperatures.
        temperature_1: T_1 [K].
        temperature_2: T_2 [K].

    Returns:
        Conductance [W/K].
    """
    current = heat_current(mediator, temperature_1, temperature_2)
    warm, cold = np.asarray(temperature_1, dtype=float), np.asarray(temperature_2, dtype=float)
    # Nearer than this the difference of two currents has fewer digits than the mean-point slope.
    close = np.abs(warm - cold) <= 1e-5 * np.maximum(warm, cold)
    gap = np.where(close, 1.0, warm - cold)
    return np.where(close, conductance(mediator, 0.5 * (warm + cold)), current / gap)


def classical_conductance(mediator: Mediator) -> Array:
    """Return K for kB T far above every hbar |mu_n| (B7; eq. (47), for infinite D eq. (48)).

    K = (kB gam/4) 2 D^2/[2 (D^2 + w0^2) + gam D], times 4 f1 (1-f1); kB gam/4 without a cutoff.
    For weak coupling the relative correction is -(hbar w0/kB T)^2/12.

    Returns:
        Conductance [W/K], shape of the mediator.
    """
    inverse = mediator.frequency / np.asarray(mediator.cutoff)
    ratio = mediator.damping / np.asarray(mediator.frequency)
    shape = 1.0 / (1.0 + inverse**2 + 0.5 * ratio * inverse)
    return _spread(mediator, 0.25 * BOLTZMANN * mediator.damping * mediator.symmetry * shape)


def cold_conductance(mediator: Mediator, temperature: npt.ArrayLike) -> Array:
    """Return K for kB T far below every hbar |mu_n| (B8; eqs. (49) to (51)).

    K = 2 pi^3 kB^4 T^3 gam^2/(15 hbar^3 w0^4), times 4 f1 (1-f1). An overdamped mediator needs
    kB T << hbar w0^2/gam.

    Args:
        mediator: Fields broadcast with the temperature.
        temperature: T [K].

    Returns:
        Conductance [W/K].
    """
    kelvin = not_negative("temperature", temperature, "K")
    rate = BOLTZMANN * kelvin / REDUCED_PLANCK / np.asarray(mediator.frequency)
    ratio = mediator.damping / np.asarray(mediator.frequency)
    factor = 2.0 * np.pi**3 / 15.0 * BOLTZMANN * mediator.symmetry
    return _spread(mediator, factor * mediator.frequency * rate**3 * ratio**2)


def cold_current(
    mediator: Mediator, temperature_1: npt.ArrayLike, temperature_2: npt.ArrayLike
) -> Array:
    """Return J for both kB T far below every hbar |mu_n|: fourth powers (B8).

    The integral of `cold_conductance`: pi^3 kB^4 gam^2 (T_1^4 - T_2^4)/(30 hbar^3 w0^4).

    Args:
        mediator: Fields broadcast with the temperatures.
        temperature_1: T_1 [K].
        temperature_2: T_2 [K].

    Returns:
        Current [W].
    """
    warm = cold_conductance(mediator, temperature_1) * np.asarray(temperature_1)
    cold = cold_conductance(mediator, temperature_2) * np.asarray(temperature_2)
    return np.asarray((warm - cold) / 4.0)


def strong_coupling_conductance(mediator: Mediator, temperature: npt.ArrayLike) -> Array:
    """Return K for gam to infinity at fixed T and D (B9), in closed form.

    tau -> D^2/(D^2 + w^2), so K = kB int (x/sinh x)^2 D^2/(D^2 + w^2) dw/2 pi, x = hbar w/2 kB T,
    times 4 f1 (1-f1). The limits do not commute: classically first it is kB D/2, of which half
    sits in the resonance at w ~ sqrt(D gam) that freezes out for gam to infinity. This is the
    origin of the maximum in the paper's Fig. 3.

    Args:
        mediator: Its frequency and damping do not matter.
        temperature: T [K].

    Returns:
        Conductance [W/K].
    """
    kelvin = not_negative("temperature", temperature, "K")
    cutoff, kelvin = np.broadcast_arrays(np.asarray(mediator.cutoff), kelvin)
    limited = np.isfinite(cutoff)
    drude = np.where(limited, cutoff, 1.0)
    slope = thermal_integral_slope(drude, kelvin).real
    value = REDUCED_PLANCK * drude**2 * slope / (2.0 * np.pi)
    whole = np.where(limited, value, conductance_quantum(kelvin))
    return _spread(mediator, mediator.symmetry * whole)


def strong_coupling_current(
    mediator: Mediator, temperature_1: npt.ArrayLike, temperature_2: npt.ArrayLike
) -> Array:
    """Return J for gam to infinity at fixed temperatures and D [W] (B9).

    Args:
        mediator: With a finite cutoff, or without one: then `current_quantum`.
        temperature_1: T_1 [K].
        temperature_2: T_2 [K].
    """
    cutoff = np.asarray(mediator.cutoff)
    limited = np.isfinite(cutoff)
    drude = np.where(limited, cutoff, 1.0)
    gap = thermal_integral(drude, temperature_1) - thermal_integral(drude, temperature_2)
    value = REDUCED_PLANCK * drude**2 * gap.real / (2.0 * np.pi)
    whole = np.where(limited, value, current_quantum(temperature_1, temperature_2))
    return _spread(mediator, mediator.symmetry * whole)


def plateau_conductance(mediator: Mediator) -> Array:
    """Return K on the plateau hbar D << kB T << hbar w0 (B13; eq. (77)).

    K = kB D g3/(8 tau_p) with g3 = gam D^2/w0^4; (77) prints 8 pi in its first form, the second,
    (kB gam/4) gam D^3/(2 w0^4), is right. The plateau ends where the resonance sets in, near
    kB T = hbar w0/ln[w0^4/(gam D^3)]. After (77) the paper calls gam_D small for D >> w0; it is
    for D << w0. Eq. (69), from which (77) follows, leaves out a shift of the roots of the same
    order, mu = -+ i w0 [1 + gam_D/(2D)] + gam_D/2, and the sign in (70) is g = -+ i/(2 w0) for
    mu = -+ i w0; neither matters for (77).

    Returns:
        Conductance [W/K], shape of the mediator.
    """
    ratio = mediator.damping / np.asarray(mediator.frequency)
    drude = mediator.cutoff / np.asarray(mediator.frequency)
    factor = 0.125 * BOLTZMANN * mediator.symmetry * mediator.damping
    return _spread(mediator, factor * ratio * drude**3)


def conductance_quantum(temperature: npt.ArrayLike) -> Array:
    """Return pi kB^2 T/(6 hbar) [W/K]: the largest conductance of one channel (B6).

    Args:
        temperature: T [K].
    """
    kelvin = not_negative("temperature", temperature, "K")
    return np.asarray(np.pi * BOLTZMANN**2 / (6.0 * REDUCED_PLANCK) * kelvin)


def current_quantum(temperature_1: npt.ArrayLike, temperature_2: npt.ArrayLike) -> Array:
    """Return pi kB^2 (T_1^2 - T_2^2)/(12 hbar) [W]: the largest current of one channel (B6).

    Args:
        temperature_1: T_1 [K].
        temperature_2: T_2 [K].
    """
    warm = not_negative("temperature_1", temperature_1, "K")
    cold = not_negative("temperature_2", temperature_2, "K")
    factor = np.pi * BOLTZMANN**2 / (12.0 * REDUCED_PLANCK)
    return np.asarray(factor * (warm - cold) * (warm + cold))


def coupling_maximum(
    frequency: float, cutoff: float, temperature: float
) -> tuple[float, float, float] | None:
    """Return the maximum of the conductance as a function of the coupling (B12; Fig. 3).

    K rises with gam, and at high temperature falls again to its limit for strong coupling
    (`strong_coupling_conductance`), since the resonance moves up and freezes out.

    Args:
        frequency: w0 [rad/s].
        cutoff: D [rad/s], finite.
        temperature: T [K], above zero.

    Returns:
        Damping at the maximum [1/s], conductance there [W/K] and the relative height
        (K_max - K_inf)/K_max [-]; None when no K is above the limit.

    Raises:
        InputError: A value is not positive and finite.
    """
    w0 = float(positive("frequency", frequency, "rad/s"))
    drude = float(positive("cutoff", cutoff, "rad/s"))
    kelvin = float(positive("temperature", temperature, "K"))

    def at(exponent: npt.ArrayLike) -> Array:
        damping = w0 * 10.0 ** np.asarray(exponent, dtype=np.float64)
        return conductance(Mediator(frequency=w0, damping=damping, cutoff=drude), kelvin)

    # Beyond gam D = (40 kT/hbar)^2 the resonance carries nothing.
    heat = BOLTZMANN * kelvin / REDUCED_PLANCK
    last = np.log10(max(1e4, 1e4 * w0 / drude, 1e4 * heat**2 / (drude * w0)))
    exponents = np.linspace(-3.0, last, 161)
    values = at(exponents)
    best = int(np.argmax(values))
    limit = float(
        strong_coupling_conductance(Mediator(frequency=w0, damping=w0, cutoff=drude), kelvin)
    )
    if best in (0, exponents.size - 1):
        return None
    found = minimize_scalar(
        lambda x: -float(at(x)) / limit,
        bounds=(exponents[best - 1], exponents[best + 1]),
        method="bounded",
        options={"xatol": 1e-9},
    )
    largest = -float(found.fun) * limit
    if largest <= limit * (1.0 + 1e-9):
        return None
    return w0 * 10.0 ** float(found.x), largest, (largest - limit) / largest


def _reduced(
    mediator: Mediator, kelvin_1: Array, kelvin_2: Array
) -> tuple[tuple[Array, ...], tuple[int, ...]]:
    """Return w0, gam/w0, D/w0, 4 f1 (1-f1), kT_1/(hbar w0), kT_2/(hbar w0), flat, and the shape."""
    w0, gam, drude = (
        np.asarray(mediator.frequency),
        np.asarray(mediator.damping),
        np.asarray(mediator.cutoff),
    )
    to_heat = BOLTZMANN / REDUCED_PLANCK
    parts = (w0, gam / w0, drude / w0, mediator.symmetry)
    try:
        every = np.broadcast_arrays(*parts, kelvin_1 * to_heat / w0, kelvin_2 * to_heat / w0)
    except ValueError:
        raise InputError(
            f"temperatures of shapes {kelvin_1.shape} and {kelvin_2.shape} do not fit a mediator "
            f"of shape {mediator.shape}"
        ) from None
    return tuple(np.array(part).ravel() for part in every), every[0].shape


def _spread(mediator: Mediator, value: Array) -> Array:
    """Return a limit that misses a field in the shape that all fields have."""
    return np.array(np.broadcast_to(value, np.broadcast_shapes(mediator.shape, np.shape(value))))


def _to_redo(value: Array, error: Array, method: Method) -> npt.NDArray[np.bool_]:
    if method not in ("auto", "closed", "quadrature"):
        raise InputError(f"method = {method!r}; it must be 'auto', 'closed' or 'quadrature'")
    if method == "quadrature":
        return np.ones(value.shape, dtype=np.bool_)
    if method == "closed":
        return np.zeros(value.shape, dtype=np.bool_)
    return np.asarray(~(error <= _ACCEPTED * np.abs(value)))


def _difference(w: Array, heat_1: Array, heat_2: Array) -> Array:
    """Return n(w, T_1) - n(w, T_2) without cancellation; either temperature may be zero."""
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        x_1, x_2 = w / heat_1, w / heat_2
        # e^-x_1 (1 - e^(x_1 - x_2))/[(1 - e^-x_1)(1 - e^-x_2)] for the hotter bath first.
        hot, cold = np.minimum(x_1, x_2), np.maximum(x_1, x_2)
        gap = np.where(np.isinf(cold), np.inf, w * np.abs(heat_1 - heat_2) / (heat_1 * heat_2))
        size = np.exp(-hot) * -np.expm1(-gap) / (np.expm1(-hot) * np.expm1(-cold))
    return np.asarray(np.where(w > 0.0, size, 0.0) * np.sign(heat_1 - heat_2))


def _slope_weight(x: Array) -> Array:
    """Return (x/sinh x)^2."""
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return np.where(x > 1e-8, (2.0 * x * np.exp(-x) / -np.expm1(-2.0 * x)) ** 2, 1.0)
