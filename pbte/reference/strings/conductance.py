"""Heat conductance of two joined harmonic strings, with and without the Kapitza paradox.

A string l on the left of x = 0 and a string r on the right of it start in equilibrium at T_l and
T_r. Fronts travel away from the joint at the speeds c_l and c_r and leave a steady state with a
constant current. The temperature drop between the initial states gives a conductance that is finite
even without an interface (the paradox); the drop between the final states does not.

Source: A. Maassen van den Brink and H. Dekker, cond-mat/9407113; at length in Physica A 226, 64
(1996). Numbers in parentheses are the equations of the short paper, labels A1 to A13 those that
the tests use. The paper writes T for temperature and transmission, and K for two conductances;
here each has its own name. All functions take numbers or arrays that broadcast together.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pbte.core.constants import BOLTZMANN, PLANCK, REDUCED_PLANCK
from pbte.core.types import Array
from pbte.reference.checks import finite, not_negative, positive, probability

ELEMENTARY_CHARGE = 1.602176634e-19
"""e [C]."""

# c eps / T^2 of a string with both directions filled, and the conductance quantum over T
_FLOW = math.pi * BOLTZMANN**2 / (6.0 * REDUCED_PLANCK)


def impedance(density: npt.ArrayLike, speed: npt.ArrayLike) -> Array:
    """Return the impedance Z = rho c of a string (A1).

    Args:
        density: Mass per length, any shape [kg/m].
        speed: Speed of the waves, any shape [m/s].

    Returns:
        Broadcast shape [kg/s].

    Raises:
        InputError: A density or a speed is not positive.
    """
    return positive("mass density", density, "kg/m") * positive("speed", speed, "m/s")


def transmission(left_impedance: npt.ArrayLike, right_impedance: npt.ArrayLike) -> Array:
    """Return the energy transmission of the joint, the same at every frequency.

    A1, paper (A2): 4 Z_l Z_r / (Z_l + Z_r)^2; the rest, R, is reflected.

    Args:
        left_impedance: Z_l, any shape [kg/s].
        right_impedance: Z_r, any shape [kg/s].

    Returns:
        Broadcast shape [-], above 0 and at most 1.

    Raises:
        InputError: An impedance is not positive.
    """
    left = positive("left impedance", left_impedance, "kg/s")
    right = positive("right impedance", right_impedance, "kg/s")
    # written with the ratio, so that equal impedances give exactly 1 and none overflows
    amplitude = (left - right) / (left + right)
    return np.asarray((1.0 - amplitude) * (1.0 + amplitude))


def energy_density(temperature: npt.ArrayLike, speed: npt.ArrayLike) -> Array:
    """Return the thermal energy per length, without the zero-point energy.

    A2: eps = pi (k_B T)^2 / (6 hbar c).

    Args:
        temperature: T, any shape [K].
        speed: c, any shape [m/s].

    Returns:
        Broadcast shape [J/m].

    Raises:
        InputError: A temperature is negative or a speed is not positive.
    """
    square = not_negative("temperature", temperature, "K") ** 2
    return np.asarray(_FLOW * square / positive("speed", speed, "m/s"))


def heat_capacity(temperature: npt.ArrayLike, speed: npt.ArrayLike) -> Array:
    """Return the heat capacity per length, d eps / dT.

    A3: C = pi k_B^2 T / (3 hbar c).

    Args:
        temperature: T, any shape [K].
        speed: c, any shape [m/s].

    Returns:
        Broadcast shape [J/(m K)].

    Raises:
        InputError: A temperature is negative or a speed is not positive.
    """
    linear = not_negative("temperature", temperature, "K")
    return np.asarray(2.0 * _FLOW * linear / positive("speed", speed, "m/s"))


def local_temperature(density_of_energy: npt.ArrayLike, speed: npt.ArrayLike) -> Array:
    """Return the temperature at which a string has this energy per length: A2 inverted.

    Args:
        density_of_energy: Thermal energy per length, any shape [J/m].
        speed: c, any shape [m/s].

    Returns:
        Broadcast shape [K].

    Raises:
        InputError: An energy is negative or a speed is not positive.
    """
    energy = not_negative("energy density", density_of_energy, "J/m")
    return np.asarray(np.sqrt(energy * positive("speed", speed, "m/s") / _FLOW))


def steady_densities(
    left_density: npt.ArrayLike,
    right_density: npt.ArrayLike,
    transmitted: npt.ArrayLike,
    left_speed: npt.ArrayLike,
    right_speed: npt.ArrayLike,
) -> tuple[Array, Array]:
    """Return the energies per length on the two sides behind the fronts.

    A4, paper (1): eps_l' = [(1 + R) eps_l + T eps_r c_r / c_l] / 2 and l <-> r. Half of the energy
    still moves towards the joint; the other half came from it, reflected or transmitted.

    Args:
        left_density: eps_l of the initial state, any shape [J/m].
        right_density: eps_r, any shape [J/m].
        transmitted: T, any shape [-].
        left_speed: c_l, any shape [m/s].
        right_speed: c_r, any shape [m/s].

    Returns:
        eps_l' and eps_r', broadcast shape [J/m].

    Raises:
        InputError: An energy is negative, a speed not positive, a share outside 0 to 1.
    """
    left = not_negative("energy density", left_density, "J/m")
    right = not_negative("energy density", right_density, "J/m")
    share = probability("transmission", transmitted)
    ratio = positive("right speed", right_speed, "m/s") / positive("left speed", left_speed, "m/s")
    kept = 2.0 - share  # 1 + R
    return (
        np.asarray(0.5 * (kept * left + share * right * ratio)),
        np.asarray(0.5 * (kept * right + share * left / ratio)),
    )


def current(
    left_temperature: npt.ArrayLike, right_temperature: npt.ArrayLike, transmitted: npt.ArrayLike
) -> Array:
    """Return the steady heat current from left to right behind the fronts.

    A5, exact: J = (T/2) (c_l eps_l - c_r eps_r) = pi k_B^2 T (T_l^2 - T_r^2) / (12 hbar). With the
    densities of A4, J = c_r (eps_r' - eps_r) = c_l (eps_l - eps_l'), paper (11).

    Args:
        left_temperature: T_l of the initial state, any shape [K].
        right_temperature: T_r, any shape [K].
        transmitted: T, any shape [-].

    Returns:
        Broadcast shape [W].

    Raises:
        InputError: A temperature is negative or a share outside 0 to 1.
    """
    left, right = _temperatures(left_temperature, right_temperature)
    share = probability("transmission", transmitted)
    return np.asarray(0.5 * _FLOW * share * (left - right) * (left + right))


def steady_temperatures(
    left_temperature: npt.ArrayLike, right_temperature: npt.ArrayLike, transmitted: npt.ArrayLike
) -> tuple[Array, Array]:
    """Return the exact temperatures on the two sides behind the fronts.

    A6: T_l'^2 = [(1 + R) T_l^2 + T T_r^2] / 2 and l <-> r, hence T_l'^2 - T_r'^2 =
    R (T_l^2 - T_r^2). Paper (2) is the first order of this in T_l - T_r
    (`linear_steady_temperatures`); it is not exact, although the print does not say so.

    Args:
        left_temperature: T_l of the initial state, any shape [K].
        right_temperature: T_r, any shape [K].
        transmitted: T, any shape [-].

    Returns:
        T_l' and T_r', broadcast shape [K].

    Raises:
        InputError: A temperature is negative or a share outside 0 to 1.
    """
    left, right = _temperatures(left_temperature, right_temperature)
    half = 0.5 * probability("transmission", transmitted)
    return (
        np.asarray(np.sqrt((1.0 - half) * left**2 + half * right**2)),
        np.asarray(np.sqrt((1.0 - half) * right**2 + half * left**2)),
    )


def linear_steady_temperatures(
    left_temperature: npt.ArrayLike, right_temperature: npt.ArrayLike, transmitted: npt.ArrayLike
) -> tuple[Array, Array]:
    """Return the temperatures of the steady state to first order in dT = T_l - T_r.

    Paper (2): T_l' = T_r + (1 - T/2) dT, T_r' = T_r + (T/2) dT, so that dT' = R dT.

    Args:
        left_temperature: T_l of the initial state, any shape [K].
        right_temperature: T_r, any shape [K].
        transmitted: T, any shape [-].

    Returns:
        T_l' and T_r', broadcast shape [K].

    Raises:
        InputError: A temperature is negative or a share outside 0 to 1.
    """
    left, right = _temperatures(left_temperature, right_temperature)
    half = 0.5 * probability("transmission", transmitted)
    drop = left - right
    return np.asarray(right + (1.0 - half) * drop), np.asarray(right + half * drop)


def conductance_quantum(temperature: npt.ArrayLike) -> Array:
    """Return the largest heat conductance of one channel, pi k_B^2 T / (6 hbar) (A7).

    Args:
        temperature: T, any shape [K].

    Returns:
        Same shape [W/K]; 9.46e-13 W/K at 1 K.

    Raises:
        InputError: A temperature is negative.
    """
    return np.asarray(_FLOW * not_negative("temperature", temperature, "K"))


def two_point_conductance(temperature: npt.ArrayLike, transmitted: npt.ArrayLike) -> Array:
    """Return J / dT, dT between the initial states: Little's conductance, with the paradox.

    A7: (pi k_B^2 T / 6 hbar) times the transmission. It is finite at transmission 1, where there
    is no interface.

    Args:
        temperature: T, any shape [K].
        transmitted: Transmission, any shape [-].

    Returns:
        Broadcast shape [W/K].

    Raises:
        InputError: A temperature is negative or a share outside 0 to 1.
    """
    return np.asarray(conductance_quantum(temperature) * probability("transmission", transmitted))


def four_point_conductance(temperature: npt.ArrayLike, transmitted: npt.ArrayLike) -> Array:
    """Return J / dT', dT' between the final states: the conductance without the paradox.

    A7, paper (3): (pi k_B^2 T / 6 hbar) T / R. Linear response only: the printed (3) is used with
    finite drops in the text, where `four_point_conductance_between` is meant. Its inverse is that
    of `two_point_conductance` less 6 hbar / (pi k_B^2 T).

    Args:
        temperature: T, any shape [K].
        transmitted: Transmission, any shape [-].

    Returns:
        Broadcast shape [W/K]; inf at transmission 1.

    Raises:
        InputError: A temperature is negative or a share outside 0 to 1.
    """
    return np.asarray(conductance_quantum(temperature) * _over_reflected(transmitted))


def four_point_conductance_between(
    left_temperature: npt.ArrayLike, right_temperature: npt.ArrayLike, transmitted: npt.ArrayLike
) -> Array:
    """Return J / (T_l' - T_r') for any two initial temperatures, exactly.

    From A5 and A6: (pi k_B^2 / 12 hbar) (T_l' + T_r') T / R, which is paper (3) when the two are
    equal. No difference is taken, so equal temperatures need no special case.

    Args:
        left_temperature: T_l of the initial state, any shape [K].
        right_temperature: T_r, any shape [K].
        transmitted: Transmission, any shape [-].

    Returns:
        Broadcast shape [W/K]; inf at transmission 1.

    Raises:
        InputError: A temperature is negative or a share outside 0 to 1.
    """
    left, right = steady_temperatures(left_temperature, right_temperature, transmitted)
    return np.asarray(0.5 * conductance_quantum(left + right) * _over_reflected(transmitted))


def entropy_production(
    left_temperature: npt.ArrayLike, right_temperature: npt.ArrayLike, transmitted: npt.ArrayLike
) -> Array:
    """Return the entropy production rate of the joint by mixing of the two streams.

    From A5 and A6; not in the paper. A stream of one direction with the energy current (pi k_B^2 /
    12 hbar) T^2 carries the entropy current (pi k_B^2 / 6 hbar) T; the outgoing streams hold R and
    T of the squares of the temperatures. It is zero at transmission 0 and 1, where no current flows
    or the resistance without the paradox vanishes.

    Args:
        left_temperature: T_l of the initial state, any shape [K].
        right_temperature: T_r, any shape [K].
        transmitted: Transmission, any shape [-].

    Returns:
        Broadcast shape [W/K], never negative beyond round-off.

    Raises:
        InputError: A temperature is negative or a share outside 0 to 1.
    """
    left, right = _temperatures(left_temperature, right_temperature)
    share = probability("transmission", transmitted)
    to_left = np.sqrt((1.0 - share) * left**2 + share * right**2)
    to_right = np.sqrt((1.0 - share) * right**2 + share * left**2)
    return np.asarray(_FLOW * (to_left + to_right - left - right))


def electron_conductances(transmitted: npt.ArrayLike) -> tuple[Array, Array]:
    """Return Landauer's two conductances of a barrier, the electronic analogue of A7.

    A9, paper (12), per spin: (e^2/h) T between the reservoirs (two-terminal) and (e^2/h) T / R
    across the barrier alone.

    Args:
        transmitted: Transmission, any shape [-].

    Returns:
        Two-terminal and barrier conductance, same shape [S]; the second inf at transmission 1.

    Raises:
        InputError: A share lies outside 0 to 1.
    """
    quantum = ELEMENTARY_CHARGE**2 / PLANCK
    return (
        np.asarray(quantum * probability("transmission", transmitted)),
        np.asarray(quantum * _over_reflected(transmitted)),
    )


def electron_potentials(
    voltage: npt.ArrayLike, transmitted: npt.ArrayLike, fermi_energy: float = 0.0
) -> tuple[Array, Array]:
    """Return the chemical potentials on both sides of a barrier with a voltage between reservoirs.

    A9: mu_l' = E_F + e V (1 + R) / 2, mu_r' = E_F + e V T / 2: linear, whereas A6 is linear in the
    squares of the temperatures.

    Args:
        voltage: V, any shape [V].
        transmitted: Transmission, any shape [-].
        fermi_energy: E_F, the potential of the right reservoir [J].

    Returns:
        mu_l' and mu_r', broadcast shape [J].

    Raises:
        InputError: A voltage is not finite or a share outside 0 to 1.
    """
    half = 0.5 * probability("transmission", transmitted)
    energy = ELEMENTARY_CHARGE * finite("voltage", voltage, "V")
    base = float(finite("Fermi energy", fermi_energy, "J"))
    return np.asarray(base + energy * (1.0 - half)), np.asarray(base + energy * half)


def _temperatures(left: npt.ArrayLike, right: npt.ArrayLike) -> tuple[Array, Array]:
    return (
        not_negative("left temperature", left, "K"),
        not_negative("right temperature", right, "K"),
    )


def _over_reflected(transmitted: npt.ArrayLike) -> Array:
    """Return T / R, inf when nothing is reflected."""
    share = probability("transmission", transmitted)
    with np.errstate(divide="ignore"):
        return np.asarray(share / (1.0 - share))
