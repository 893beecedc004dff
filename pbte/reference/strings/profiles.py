"""Two joined strings in space and time: travelling steps and other initial profiles.

The current of a string obeys the wave equation, so that nothing diffuses: an initial temperature
profile splits into two halves that travel at the speed of sound and are partly reflected at the
joint. Source and notation as in `pbte.reference.strings.conductance`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.reference.checks import finite, not_negative, positive, probability
from pbte.reference.strings.conductance import (
    current,
    energy_density,
    impedance,
    local_temperature,
    steady_densities,
    transmission,
)


@dataclass(frozen=True, kw_only=True)
class JoinedStrings:
    """A string on x < 0 welded to one on x > 0 (A1).

    Args:
        left_density: Mass per length [kg/m].
        left_speed: Speed of the waves [m/s].
        right_density: Mass per length [kg/m].
        right_speed: Speed of the waves [m/s].

    Raises:
        InputError: One of them is not positive.
    """

    left_density: float
    left_speed: float
    right_density: float
    right_speed: float

    def __post_init__(self) -> None:
        _ = self.transmission  # checks the four numbers

    @property
    def transmission(self) -> float:
        """Share of the energy that passes the joint (A1) [-]."""
        left = impedance(self.left_density, self.left_speed)
        right = impedance(self.right_density, self.right_speed)
        return float(transmission(left, right))

    def speeds(self, positions: Array) -> Array:
        """Return the speed at each position [m/s]; x = 0 belongs to the right string."""
        return np.where(positions < 0.0, self.left_speed, self.right_speed)


@dataclass(frozen=True, kw_only=True)
class StringProfile:
    """Energy density, current and temperature at each position and time (A8).

    Args:
        energy_density: [J/m].
        current: Energy current to the right [W].
        temperature: Temperature of that energy density [K].
    """

    energy_density: Array
    current: Array
    temperature: Array


def step_profile(
    strings: JoinedStrings,
    left_temperature: float,
    right_temperature: float,
    positions: npt.ArrayLike,
    times: npt.ArrayLike,
) -> StringProfile:
    """Return the densities and the current of two strings that start at T_l and T_r.

    A8: J(x, t) = J theta(t - |x|/c) and eps(x, t) = eps_i before, eps_i' after the front passes.
    For strings with ends it holds until `recurrence_time`.

    Args:
        strings: The two strings.
        left_temperature: T_l [K].
        right_temperature: T_r [K].
        positions: x, broadcasts with `times` [m].
        times: t since the strings were joined [s].

    Returns:
        Arrays of the broadcast shape.

    Raises:
        InputError: A temperature or a time is negative.
    """
    place, time = np.broadcast_arrays(
        finite("position", positions, "m"), not_negative("time", times, "s")
    )
    speeds = strings.speeds(place)
    passed = time > np.abs(place) / speeds  # at time 0 nothing has, not even at the joint
    before = (
        energy_density(left_temperature, strings.left_speed),
        energy_density(right_temperature, strings.right_speed),
    )
    share = strings.transmission
    after = steady_densities(*before, share, strings.left_speed, strings.right_speed)
    on_left = place < 0.0
    energy = np.where(passed, np.where(on_left, *after), np.where(on_left, *before))
    flow = np.where(passed, current(left_temperature, right_temperature, share), 0.0)
    return _profile(energy, flow, speeds)


def recurrence_time(length: npt.ArrayLike, speed: npt.ArrayLike, positions: npt.ArrayLike) -> Array:
    """Return the time until which A8 holds at x on a finite string, 2 L / c - |x| / c.

    Then the front returns from the far end (recurrence).

    Args:
        length: L of the string on whose side x lies, any shape [m].
        speed: c of that string, any shape [m/s].
        positions: x, any shape [m].

    Returns:
        Broadcast shape [s].

    Raises:
        InputError: A length or a speed is not positive, or a position lies beyond the end.
    """
    end = positive("length", length, "m")
    distance = np.abs(finite("position", positions, "m"))
    if np.any(distance > end):
        raise InputError(
            f"position = {float(np.max(distance)):g} m; it must lie on the string, "
            f"at most {float(np.min(end)):g} m from the joint"
        )
    return np.asarray((2.0 * end - distance) / positive("speed", speed, "m/s"))


def evolved_profile(
    strings: JoinedStrings,
    initial_temperature: Callable[[Array], Array],
    positions: npt.ArrayLike,
    times: npt.ArrayLike,
) -> StringProfile:
    """Return the evolution of any initial temperature profile, by d'Alembert's solution.

    In local equilibrium half of the energy moves each way. The state at x and t follows from the
    characteristics: direct, reflected at the joint (fraction R) or transmitted (fraction T). A8 is
    the case of a step. Infinite strings; profiles that change over much more than the thermal
    wavelength hbar c / (k_B T).

    A13: the drop at the joint of a profile with a uniform gradient g grows as R g (c_l + c_r) t to
    first order; its terms linear in t cancel identically at transmission 1. This is our reading of
    paper (9) and (10).

    Args:
        strings: The two strings.
        initial_temperature: Function of the positions [m] that returns temperatures [K].
        positions: x, broadcasts with `times` [m].
        times: t since the strings were joined [s].

    Returns:
        Arrays of the broadcast shape.

    Raises:
        InputError: A time or an initial temperature is negative.
    """
    place, time = np.broadcast_arrays(
        finite("position", positions, "m"), not_negative("time", times, "s")
    )

    def stream(origin: Array) -> Array:
        """Return half of c eps at the origin of a characteristic [W]."""
        temperature = np.broadcast_to(initial_temperature(origin), origin.shape)
        return 0.5 * energy_density(temperature, 1.0)

    speeds = strings.speeds(place)
    others = np.where(place < 0.0, strings.right_speed, strings.left_speed)
    side = np.where(place < 0.0, -1.0, 1.0)
    distance = np.abs(place)
    inward = stream(side * (distance + speeds * time))
    late = time - distance / speeds  # time since the signal of the joint arrived; negative: not yet
    share = strings.transmission
    seen = np.maximum(late, 0.0)
    # Kept off x = 0 by the smallest step, so that a profile with a jump there is read on the
    # side the stream came from.
    nudge = np.finfo(np.float64).tiny
    reflected = stream(side * np.maximum(speeds * seen, nudge))
    through = stream(-side * np.maximum(others * seen, nudge))
    straight = stream(side * np.maximum(distance - speeds * time, nudge))
    outward = np.where(late > 0.0, (1.0 - share) * reflected + share * through, straight)
    return _profile((inward + outward) / speeds, side * (outward - inward), speeds)


@dataclass(frozen=True, kw_only=True)
class Movers:
    """Energy in cells of width c_i dt, by direction: one step moves each by one cell (A8).

    Args:
        left_to_right: Energy of the left string that moves right, shape (num_left,) [J].
        left_to_left: The same, moving left [J].
        right_to_right: Right string, moving right, shape (num_right,) [J].
        right_to_left: The same, moving left [J].
    """

    left_to_right: Array
    left_to_left: Array
    right_to_right: Array
    right_to_left: Array

    @property
    def energy(self) -> float:
        """Total energy [J]."""
        parts = (self.left_to_right, self.left_to_left, self.right_to_right, self.right_to_left)
        return float(sum(np.sum(part) for part in parts))


def thermal_movers(
    strings: JoinedStrings,
    left_temperatures: npt.ArrayLike,
    right_temperatures: npt.ArrayLike,
    step: float,
) -> Movers:
    """Return finite strings in local equilibrium, in cells of width c_i dt (A2, A8).

    Args:
        strings: The two strings.
        left_temperatures: Temperature of each cell from the far end to the joint, (num_left,) [K].
        right_temperatures: From the joint to the far end, shape (num_right,) [K].
        step: dt [s].

    Returns:
        Half of the energy of each cell moving each way.

    Raises:
        InputError: A temperature is negative, a step not positive, or a string has no cell.
    """
    time = float(positive("step", step, "s"))
    cells = []
    for name, temperatures, speed in (
        ("left", left_temperatures, strings.left_speed),
        ("right", right_temperatures, strings.right_speed),
    ):
        values = np.atleast_1d(np.asarray(temperatures, dtype=np.float64))
        if values.ndim != 1 or not values.size:
            raise InputError(f"{name} string: shape {values.shape}; give one temperature per cell")
        cells.append(0.5 * energy_density(values, speed) * speed * time)
    left, right = cells
    return Movers(
        left_to_right=left,
        left_to_left=left.copy(),
        right_to_right=right,
        right_to_left=right.copy(),
    )


def move(movers: Movers, transmitted: float) -> tuple[Movers, float]:
    """Return the strings one step later and the energy that crossed the joint to the right.

    The exact d'Alembert solution of A8: each stream moves by one cell, is reflected and transmitted
    with R and T at the joint, and reflected at the far ends, which causes the recurrences.

    Args:
        movers: The strings.
        transmitted: Transmission of the joint [-].

    Returns:
        The moved strings, and the net energy through the joint [J].

    Raises:
        InputError: The transmission lies outside 0 to 1.
    """
    share = float(probability("transmission", transmitted))
    at_joint_left, at_joint_right = movers.left_to_right[-1], movers.right_to_left[0]
    back_left = (1.0 - share) * at_joint_left + share * at_joint_right
    on_right = share * at_joint_left + (1.0 - share) * at_joint_right
    moved = Movers(
        left_to_right=np.append(movers.left_to_left[:1], movers.left_to_right[:-1]),
        left_to_left=np.append(movers.left_to_left[1:], back_left),
        right_to_right=np.append(on_right, movers.right_to_right[:-1]),
        right_to_left=np.append(movers.right_to_left[1:], movers.right_to_right[-1:]),
    )
    return moved, float(share * (at_joint_left - at_joint_right))


def _profile(energy: Array, flow: Array, speeds: Array) -> StringProfile:
    return StringProfile(
        energy_density=np.asarray(energy),
        current=np.asarray(flow),
        temperature=local_temperature(energy, speeds),
    )
