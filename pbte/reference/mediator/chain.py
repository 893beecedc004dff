"""A chain of large subsystems joined by mediators: Fourier's law from quantum baths (B15).

Equation numbers are those of Panasyuk, Levin and Yerkes, Phys. Rev. E 86, 021116 (2012). Each
subsystem has modes at k Delta and a heat capacity large enough to define a temperature T_n;
neighbours exchange J(T_n, T_n+1) through equal mediators. Since J(T_a, T_b) = F(T_a) - F(T_b), a
steady chain is linear in F(T): linear in T only where K is constant, as in eq. (81), and linear in
T^4 at low temperature.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.integrate import solve_ivp

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.errors import InputError, RunError
from pbte.core.types import Array
from pbte.reference.checks import finite, not_negative, positive
from pbte.reference.mediator.currents import conductance, heat_current, heat_potential
from pbte.reference.mediator.mediator import Mediator


@dataclass(frozen=True, kw_only=True)
class FourierChain:
    """Equal subsystems in a row, joined by equal mediators (B15).

    Attributes:
        mediator: One parameter set.
        mode_spacing: Delta of the modes of a subsystem [rad/s].
        distance: d from one subsystem to the next [m].

    Raises:
        InputError: A value is not positive, or there is more than one mediator.
    """

    mediator: Mediator
    mode_spacing: float
    distance: float

    def __post_init__(self) -> None:
        if self.mediator.shape != ():
            raise InputError(f"a chain takes one mediator, not {self.mediator.shape} of them")
        positive("mode_spacing", self.mode_spacing, "rad/s")
        positive("distance", self.distance, "m")


@dataclass(frozen=True, kw_only=True)
class Relaxation:
    """Temperatures of a chain in time (B15).

    Attributes:
        times: Shape (num_times,) [s].
        temperatures: Shape (num_times, num_subsystems) [K].
        entropy_rates: Entropy produced in the links, shape (num_times,) [W/K].
    """

    times: Array
    temperatures: Array
    entropy_rates: Array


def ladder_energy(temperature: npt.ArrayLike, mode_spacing: float) -> Array:
    """Return U = pi^2 (kB T)^2/(6 hbar Delta) of a subsystem with modes at k Delta [J] (B15).

    The sum over modes as an integral, without the zero-point energy; holds for kB T >> hbar Delta.

    Args:
        temperature: T [K].
        mode_spacing: Delta [rad/s].
    """
    kelvin = not_negative("temperature", temperature, "K")
    spacing = positive("mode_spacing", mode_spacing, "rad/s")
    heat = BOLTZMANN * kelvin
    return np.asarray(np.pi**2 * heat**2 / (6.0 * REDUCED_PLANCK * spacing))


def ladder_heat_capacity(temperature: npt.ArrayLike, mode_spacing: float) -> Array:
    """Return C = pi^2 kB^2 T/(3 hbar Delta) of a subsystem [J/K] (B15).

    The entropy of the subsystem is the same number, because C is proportional to T.

    Args:
        temperature: T [K].
        mode_spacing: Delta [rad/s].
    """
    kelvin = not_negative("temperature", temperature, "K")
    spacing = positive("mode_spacing", mode_spacing, "rad/s")
    return np.asarray(np.pi**2 * BOLTZMANN**2 * kelvin / (3.0 * REDUCED_PLANCK * spacing))


def ladder_temperature(energy: npt.ArrayLike, mode_spacing: float) -> Array:
    """Return the temperature [K] at which a subsystem has an energy [J], inverse of U(T) (B15)."""
    joule = not_negative("energy", energy, "J")
    spacing = positive("mode_spacing", mode_spacing, "rad/s")
    return np.asarray(np.sqrt(6.0 * REDUCED_PLANCK * spacing * joule) / (np.pi * BOLTZMANN))


def fourier_coefficients(
    chain: FourierChain, temperature: npt.ArrayLike
) -> tuple[Array, Array, Array]:
    """Return the coefficients of the heat equation of the chain in the continuum limit (B15).

    kappa = K d, C~ = C/d and the diffusivity kappa/C~ = K d^2/C. For a bundle of chains multiply
    the first two by the number of chains per area.

    Args:
        chain: The chain.
        temperature: T [K], above zero.

    Returns:
        Conductivity of one chain [W m/K], heat capacity per length [J/(m K)], diffusivity [m^2/s].

    Raises:
        InputError: A temperature is not positive.
    """
    kelvin = positive("temperature", temperature, "K")
    conductivity: Array = conductance(chain.mediator, kelvin) * chain.distance
    capacity: Array = np.divide(ladder_heat_capacity(kelvin, chain.mode_spacing), chain.distance)
    return conductivity, capacity, conductivity / capacity


def link_currents(mediator: Mediator, temperatures: npt.ArrayLike) -> Array:
    """Return the current from each subsystem to the next (B15; eq. (80)).

    Args:
        mediator: One parameter set.
        temperatures: T_n, shape (..., num_subsystems) [K].

    Returns:
        Shape (..., num_subsystems - 1) [W].
    """
    kelvin = not_negative("temperatures", temperatures, "K")
    if kelvin.ndim == 0 or kelvin.shape[-1] < 2:
        raise InputError("a chain needs at least 2 temperatures")
    return heat_current(mediator, kelvin[..., :-1], kelvin[..., 1:])


def entropy_production(mediator: Mediator, temperatures: npt.ArrayLike) -> Array:
    """Return sum_n J_n,n+1 (1/T_n+1 - 1/T_n), never negative (B15).

    In a steady chain it is J (1/T_right - 1/T_left).

    Args:
        mediator: One parameter set.
        temperatures: T_n, shape (..., num_subsystems) [K], above zero.

    Returns:
        Entropy produced per time in the links, shape (...) [W/K].

    Raises:
        InputError: A temperature is not positive.
    """
    kelvin = positive("temperatures", temperatures, "K")
    currents = link_currents(mediator, kelvin)
    return np.asarray((currents * (1.0 / kelvin[..., 1:] - 1.0 / kelvin[..., :-1])).sum(axis=-1))


def steady_profile(
    mediator: Mediator,
    left: float,
    right: float,
    num_inner: int,
    *,
    powers: npt.ArrayLike | None = None,
) -> tuple[Array, float]:
    """Return the steady temperatures between two fixed ends, and the current (B15; eq. (80)).

    F(T_n) decreases by equal steps from F(T_left) to F(T_right). Heat P_n deposited in a subsystem
    (not in the paper) gives F(T_n-1) - 2 F(T_n) + F(T_n+1) = -P_n: the heat equation of the chain.

    Args:
        mediator: One parameter set.
        left: Fixed temperature of the first subsystem [K].
        right: Fixed temperature of the last subsystem [K].
        num_inner: Number of subsystems between the two.
        powers: Heat deposited in each of them, shape (num_inner,) [W]; none by default.

    Returns:
        Temperatures with both ends, shape (num_inner + 2,) [K], and the current from the first
        subsystem to the second [W].

    Raises:
        InputError: A temperature is negative, or num_inner is, or more heat is taken out of a
            subsystem than can reach it.
    """
    ends = not_negative("end temperatures", [left, right], "K")
    if num_inner < 0:
        raise InputError(f"num_inner = {num_inner}; it must be zero or more")
    potentials = heat_potential(mediator, ends)
    targets = np.linspace(potentials[0], potentials[1], num_inner + 2)
    current = float(heat_current(mediator, ends[0], ends[1])) / (num_inner + 1)
    if powers is not None:
        rise, towards_left = _raised(finite("powers", powers, "W"), num_inner)
        targets[1:-1] += rise
        current -= towards_left
    if np.any(targets < 0.0):
        raise InputError("powers: more heat is taken out of a subsystem than can reach it")
    bracket = _bracket(mediator, targets, ends)
    kelvin = np.linspace(left, right, num_inner + 2, dtype=np.float64)
    kelvin[1:-1] = _temperature_of_potential(mediator, targets[1:-1], kelvin[1:-1], bracket)
    return kelvin, current


def _raised(powers: Array, num_inner: int) -> tuple[Array, float]:
    """Return the increase of F by heat between ends at F = 0, and the power at the left end [W]."""
    if powers.shape != (num_inner,):
        raise InputError(f"powers have shape {powers.shape}, expected ({num_inner},)")
    place = np.arange(1, num_inner + 1)
    to_left = float(powers @ (num_inner + 1 - place)) / (num_inner + 1)
    flows = to_left - np.concatenate([[0.0], np.cumsum(powers)])[:-1]
    return np.cumsum(flows), to_left


def _bracket(mediator: Mediator, targets: Array, ends: Array) -> tuple[float, float]:
    """Return temperatures between which F takes all targets [K]."""
    low, high = float(ends.min()), float(ends.max())
    potentials = heat_potential(mediator, [low, high])
    if targets.min() < potentials[0]:
        low = 0.0
    if targets.max() <= potentials[1]:
        return low, high
    high = max(high, REDUCED_PLANCK * float(mediator.frequency) / BOLTZMANN)
    for _ in range(200):
        high *= 2.0
        if heat_potential(mediator, high) >= targets.max():
            return low, high
    raise InputError("powers: the mediators cannot carry them at any temperature; reduce them")


def _temperature_of_potential(
    mediator: Mediator, targets: Array, start: Array, bracket: tuple[float, float]
) -> Array:
    """Return T with F(T) = target inside a bracket, by Newton steps."""
    low, high = (np.full(targets.shape, end) for end in bracket)
    kelvin = np.clip(start, *bracket)
    for _ in range(100):
        excess = heat_potential(mediator, kelvin) - targets
        low, high = np.where(excess <= 0.0, kelvin, low), np.where(excess >= 0.0, kelvin, high)
        slope = conductance(mediator, kelvin)
        step = np.divide(excess, slope, out=np.full_like(slope, np.inf), where=slope > 0.0)
        newton = kelvin - step
        inside = (newton > low) & (newton < high)
        moved = np.where(inside, newton, 0.5 * (low + high))
        settled = np.abs(moved - kelvin) <= 1e-14 * bracket[1]
        kelvin = moved
        if np.all(settled):
            return np.asarray(kelvin)
    raise RunError("the steady profile of the chain was not found in 100 Newton steps")


def relax(
    chain: FourierChain,
    temperatures: npt.ArrayLike,
    times: npt.ArrayLike,
    *,
    held_ends: bool = False,
    tolerance: float = 1e-8,
) -> Relaxation:
    """Return the relaxation of a chain towards its steady state (B15; eqs. (80), (81)).

    dU_n/dt = J(T_n-1, T_n) - J(T_n, T_n+1), solved in the energies so that their sum is conserved.

    Args:
        chain: The chain.
        temperatures: T_n at the start, shape (num_subsystems,) [K], above zero.
        times: Ascending times from zero on, shape (num_times,) [s].
        held_ends: Fix the first and the last temperature; otherwise the chain is isolated.
        tolerance: Relative tolerance of the integration in time.

    Returns:
        Temperatures and entropy production at the times.

    Raises:
        InputError: A temperature is not positive, a time is negative or does not ascend, or there
            are fewer than two subsystems.
        RunError: The integration failed.
    """
    start = positive("temperatures", temperatures, "K")
    moments = np.atleast_1d(not_negative("times", times, "s"))
    if start.ndim != 1 or start.size < 2:
        raise InputError(f"temperatures have shape {start.shape}; a chain is a row of 2 or more")
    if np.any(np.diff(moments) < 0.0):
        raise InputError(f"times = {moments}; they must ascend")
    unit_time, unit_energy = _units(chain, start)
    moving = np.ones(start.size)
    if held_ends:
        moving[[0, -1]] = 0.0

    def kelvin_of(energy: Array) -> Array:
        return ladder_temperature(np.maximum(energy, 0.0) * unit_energy, chain.mode_spacing)

    def change(_: float, energy: Array) -> Array:
        # Cheaper than the currents link by link, and exact enough: only sums of them matter.
        currents = -np.diff(heat_potential(chain.mediator, kelvin_of(energy)))
        gain = np.zeros(energy.size)
        gain[1:] += currents
        gain[:-1] -= currents
        return np.asarray(moving * gain * (unit_time / unit_energy))

    def jacobian(_: float, energy: Array) -> Array:
        kelvin = kelvin_of(energy)
        rate = conductance(chain.mediator, kelvin) * unit_time
        rate /= ladder_heat_capacity(np.maximum(kelvin, 1e-300), chain.mode_spacing)
        matrix = np.diag(rate[1:], 1) + np.diag(rate[:-1], -1)
        return np.asarray(moving[:, None] * (matrix - np.diag(matrix.sum(axis=0))))

    found = solve_ivp(
        change,
        (0.0, moments[-1] / unit_time),
        ladder_energy(start, chain.mode_spacing) / unit_energy,
        method="BDF",
        t_eval=moments / unit_time,
        jac=jacobian,
        rtol=tolerance,
        atol=tolerance * 1e-3,
    )
    if not found.success:
        raise RunError(f"the time integration of the chain failed: {found.message}")
    path = np.stack([kelvin_of(energy) for energy in found.y.T])
    return Relaxation(
        times=moments,
        temperatures=path,
        entropy_rates=entropy_production(chain.mediator, path),
    )


def _units(chain: FourierChain, kelvin: Array) -> tuple[float, float]:
    """Return C/K of the hottest subsystem [s] and its energy [J]."""
    hottest = float(kelvin.max())
    best = float(conductance(chain.mediator, hottest))
    if best <= 0.0:
        raise InputError("first_share = 0 or 1: the mediator carries no heat; take one between")
    capacity = float(ladder_heat_capacity(hottest, chain.mode_spacing))
    return capacity / best, float(ladder_energy(hottest, chain.mode_spacing))
