"""Direct simulation: the mediator between two finite baths, by exact normal modes (B1).

Independent of the theory of the current: a system of springs is diagonalised and the power that
each bath loses follows from the covariances of its oscillators. Between the initial transient and
the recurrence at 2 pi/Delta the power is steady and equals eq. (42) of Panasyuk, Levin and Yerkes,
Phys. Rev. E 86, 021116 (2012), up to the finite highest frequency of the baths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.reference.checks import finite, not_negative, positive
from pbte.reference.mediator.mediator import Mediator


@dataclass(frozen=True, kw_only=True)
class BathRun:
    """Powers and temperatures of a mediator between two finite baths in time.

    Attributes:
        times: Shape (num_times,) [s].
        powers: Power P_nu that each bath loses, shape (num_times, 2) [W]; J = P_1 = -P_2 on the
            plateau. (The sentence under eq. (26) calls it the power gained.)
        position_temperature: m w0^2 <x^2>/kB, shape (num_times,) [K].
        momentum_temperature: <p^2>/(m kB), shape (num_times,) [K].
        recurrence: Recurrence time 2 pi/Delta [s].
    """

    times: Array
    powers: Array
    position_temperature: Array
    momentum_temperature: Array
    recurrence: float


def bath_couplings(
    friction: float, mass: float, frequencies: Array, spacing: float, cutoff: float
) -> Array:
    """Return C_i = sqrt[2 gamma_nu m_i w_i^2 Delta D^2/(pi (w_i^2 + D^2))] of one bath (B1).

    Args:
        friction: gamma_nu [kg/s].
        mass: m_i of the bath's oscillators [kg].
        frequencies: w_i, in the paper i Delta, shape (num_modes,) [rad/s].
        spacing: Delta [rad/s].
        cutoff: D [rad/s].

    Returns:
        Couplings, shape (num_modes,) [N/m].
    """
    share = 1.0 / (1.0 + (frequencies / cutoff) ** 2)
    return np.asarray(np.sqrt(2.0 * friction * mass * frequencies**2 * spacing * share / np.pi))


def run_finite_baths(
    mediator: Mediator,
    temperature_1: float,
    temperature_2: float,
    *,
    spacing: float,
    num_modes: int,
    times: npt.ArrayLike,
    midpoint: bool = False,
) -> BathRun:
    """Return powers and temperatures in time of a mediator that starts in its ground state.

    Check of B3 and B10. The Hamiltonian is that of the paper, each bath oscillator bound to
    C_i x/(m_i w_i^2), so that the baths do not shift w0. The start has no correlations: baths at
    T_1 and T_2, mediator in the ground state of the uncoupled oscillator.

    The paper's ladder w_i = i Delta lacks half a step at w = 0, which lowers the effective w0^2 by
    gam Delta/pi: results converge as Delta. The ladder (i - 1/2) Delta has no such error.

    Args:
        mediator: One parameter set, with a finite cutoff.
        temperature_1: T_1 [K].
        temperature_2: T_2 [K].
        spacing: Delta [rad/s].
        num_modes: N oscillators in each bath; N Delta should be far above D and w0.
        times: Shape (num_times,) [s].
        midpoint: Take w_i = (i - 1/2) Delta instead of i Delta.

    Returns:
        Powers and temperatures at the times.

    Raises:
        InputError: More than one parameter set, an infinite cutoff, a spacing that is not positive,
            or a negative temperature.
    """
    if mediator.shape != ():
        raise InputError(f"finite baths take one mediator, not {mediator.shape} of them")
    cutoff = float(finite("mediator cutoff", mediator.cutoff, "rad/s"))
    if num_modes < 1:
        raise InputError(f"num_modes = {num_modes}; each bath needs at least 1 oscillator")
    w0 = float(mediator.frequency)
    step = float(positive("spacing", spacing, "rad/s")) / w0
    moments = np.atleast_1d(finite("times", times, "s"))
    heats = [
        float(not_negative(f"temperature_{n}", kelvin, "K")) * BOLTZMANN / REDUCED_PLANCK / w0
        for n, kelvin in ((1, temperature_1), (2, temperature_2))
    ]
    # In units of w0, of the mass and of hbar.
    ladder = step * (np.arange(1, num_modes + 1) - (0.5 if midpoint else 0.0))
    gam, share = float(mediator.damping) / w0, float(mediator.first_share)
    couplings = np.zeros((2, 2 * num_modes + 1))
    for bath, part in enumerate((share, 1.0 - share)):
        own = slice(1 + bath * num_modes, 1 + (bath + 1) * num_modes)
        couplings[bath, own] = bath_couplings(gam * part, 1.0, ladder, step, cutoff / w0)
    frequencies = np.concatenate([[1.0], ladder, ladder])
    every_heat = np.repeat([0.0, *heats], [1, num_modes, num_modes])
    powers, squares = _evolve(frequencies, couplings, every_heat, moments * w0)
    kelvin = REDUCED_PLANCK * w0 / BOLTZMANN
    return BathRun(
        times=moments,
        powers=REDUCED_PLANCK * w0**2 * powers,
        position_temperature=kelvin * squares[:, 0],
        momentum_temperature=kelvin * squares[:, 1],
        recurrence=2.0 * np.pi / spacing,
    )


def _evolve(
    frequencies: Array, couplings: Array, heats: Array, times: Array
) -> tuple[Array, Array]:
    """Return powers (num_times, 2) and <x^2>, <p^2> of oscillator 0 (num_times, 2)."""
    total = couplings.sum(axis=0)
    stiffness = np.diag(frequencies**2)
    stiffness[0, 0] += np.sum((total / frequencies) ** 2)
    stiffness[0] -= total
    stiffness[:, 0] -= total
    squares, modes = np.linalg.eigh(stiffness)
    omega = np.sqrt(np.maximum(squares, 0.0))
    with np.errstate(divide="ignore", over="ignore"):
        quanta = 0.5 + 1.0 / np.expm1(frequencies / heats)
    position, momentum = quanta / frequencies, quanta * frequencies
    head, projected = modes[0], couplings @ modes
    powers, moments = np.zeros((times.size, 2)), np.zeros((times.size, 2))
    for index, time in enumerate(times):
        cosine, sine = np.cos(omega * time), np.sin(omega * time)
        # x = x_from_x . x(0) + x_from_p . p(0), likewise p and the force of each bath.
        x_from_x, x_from_p = modes @ (head * cosine), modes @ (head * sine / omega)
        p_from_x = -modes @ (head * omega * sine)
        moments[index, 0] = np.sum(x_from_x**2 * position + x_from_p**2 * momentum)
        moments[index, 1] = np.sum(p_from_x**2 * position + x_from_x**2 * momentum)
        for bath in (0, 1):
            rate_from_x = -modes @ (projected[bath] * omega * sine)
            rate_from_p = modes @ (projected[bath] * cosine)
            # P_nu = -sum C_i <p_i x>/m_i
            powers[index, bath] = -np.sum(
                rate_from_x * x_from_x * position + rate_from_p * x_from_p * momentum
            )
    return powers, moments
