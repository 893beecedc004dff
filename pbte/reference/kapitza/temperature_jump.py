"""The temperature jump at an interface: slabs in series, rough contacts, fluctuations.

Labels D1 to D5 are those that the tests use. D1 is Kapitza's definition; D2 the correlations for
conforming rough surfaces of Cooper, Mikic and Yovanovich, Int. J. Heat Mass Transfer 12, 279
(1969), and M. M. Yovanovich, Thermal contact correlations (1982): their form is confirmed in
handbooks, the four coefficients 1.25, 0.95, 1.53 and -0.097 have not been compared with the print.
D4 is the fluctuation-dissipation form. Mismatch models of two solids are in
`pbte.reference.kapitza.debye_mismatch` (D3), electrons near the interface are in
`pbte.reference.kapitza.two_temperature` (D5). All functions take numbers or arrays that broadcast.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.reference.checks import finite, not_negative, positive, probability


def temperature_drop(resistance: npt.ArrayLike, heat_flux: npt.ArrayLike) -> Array:
    """Return the jump dT = R_K q at an interface (D1).

    Args:
        resistance: R_K, any shape [m^2 K/W].
        heat_flux: q through the interface, any shape [W/m^2].

    Returns:
        Broadcast shape [K], positive when heat flows forwards.

    Raises:
        InputError: A resistance is negative.
    """
    jump = not_negative("resistance", resistance, "m^2 K/W")
    return np.asarray(jump * finite("heat flux", heat_flux, "W/m^2"))


def kapitza_length(resistance: npt.ArrayLike, conductivity: npt.ArrayLike) -> Array:
    """Return the Kapitza length R_K k, the thickness of a solid of the same resistance (D1).

    Args:
        resistance: R_K, any shape [m^2 K/W].
        conductivity: k, any shape [W/(m K)].

    Returns:
        Broadcast shape [m].

    Raises:
        InputError: A resistance is negative or a conductivity not positive.
    """
    jump = not_negative("resistance", resistance, "m^2 K/W")
    return np.asarray(jump * positive("conductivity", conductivity, "W/(m K)"))


def layer_resistance(thickness: npt.ArrayLike, conductivity: npt.ArrayLike) -> Array:
    """Return the resistance delta / k of a layer, whose limit for delta, k -> 0 is R_K (D1).

    Args:
        thickness: delta, any shape [m].
        conductivity: k, any shape [W/(m K)].

    Returns:
        Broadcast shape [m^2 K/W].

    Raises:
        InputError: A thickness is negative or a conductivity not positive.
    """
    depth = not_negative("thickness", thickness, "m")
    return np.asarray(depth / positive("conductivity", conductivity, "W/(m K)"))


def slab_heat_flux(
    hot: npt.ArrayLike,
    cold: npt.ArrayLike,
    thicknesses: tuple[npt.ArrayLike, npt.ArrayLike],
    conductivities: tuple[npt.ArrayLike, npt.ArrayLike],
    resistance: npt.ArrayLike,
) -> Array:
    """Return the flux through two slabs with an interface between them.

    D1: q = (T_h - T_c) / (L_1/k_1 + R_K + L_2/k_2).

    Args:
        hot: T_h on the far side of the first slab, any shape [K].
        cold: T_c on the far side of the second, any shape [K].
        thicknesses: L_1 and L_2 [m].
        conductivities: k_1 and k_2 [W/(m K)].
        resistance: R_K; inf insulates [m^2 K/W].

    Returns:
        Broadcast shape [W/m^2].

    Raises:
        InputError: A temperature, thickness or resistance is negative, a conductivity not positive,
            or the total resistance is zero.
    """
    drop = not_negative("hot temperature", hot, "K") - not_negative("cold temperature", cold, "K")
    jump = np.asarray(resistance, dtype=np.float64)
    not_negative("resistance", np.where(np.isposinf(jump), 0.0, jump), "m^2 K/W")
    total = jump + sum(map(layer_resistance, thicknesses, conductivities))
    if np.any(total == 0.0):
        raise InputError("thicknesses and resistance are zero; one of them must be positive")
    return np.asarray(drop / total)


def slab_temperature(
    positions: npt.ArrayLike,
    hot: float,
    cold: float,
    thicknesses: tuple[float, float],
    conductivities: tuple[float, float],
    resistance: float,
) -> Array:
    """Return the temperature in two slabs, which jumps by R_K q at x = 0 (D1).

    Args:
        positions: x from -L_1 to L_2, any shape; x = 0 belongs to the second slab [m].
        hot: T at -L_1 [K].
        cold: T at L_2 [K].
        thicknesses: L_1 and L_2 [m].
        conductivities: k_1 and k_2 [W/(m K)].
        resistance: R_K [m^2 K/W].

    Returns:
        Same shape as `positions` [K].

    Raises:
        InputError: A position lies outside, or as `slab_heat_flux`.
    """
    x = finite("position", positions, "m")
    first, second = thicknesses
    if np.any(x < -first) or np.any(x > second):
        raise InputError(
            f"position outside the slabs; it must lie between {-first:g} m and {second:g} m"
        )
    flux = slab_heat_flux(hot, cold, thicknesses, conductivities, resistance)
    before = hot - flux * (x + first) / conductivities[0]
    behind = cold + flux * (second - x) / conductivities[1]
    return np.asarray(np.where(x < 0.0, before, behind))


def combined_rms(first: npt.ArrayLike, second: npt.ArrayLike) -> Array:
    """Return the effective roughness, or slope, of two surfaces: root of summed squares (D2).

    Args:
        first: Root mean square value of one surface, any shape.
        second: The same of the other.

    Returns:
        Broadcast shape, same unit.

    Raises:
        InputError: One of them is negative.
    """
    return np.asarray(np.hypot(not_negative("roughness", first), not_negative("roughness", second)))


def spot_conductance(
    pressure: npt.ArrayLike,
    hardness: npt.ArrayLike,
    conductivities: tuple[npt.ArrayLike, npt.ArrayLike],
    slope: npt.ArrayLike,
    roughness: npt.ArrayLike,
) -> Array:
    """Return the conductance of the contact spots of two rough solids.

    D2: h_c = 1.25 k_s (m / sigma) (P/H)^0.95, k_s = 2 k_1 k_2 / (k_1 + k_2): constriction
    resistance of the contact spots, which cover the fraction P/H of the area.

    Args:
        pressure: P, any shape [Pa].
        hardness: H of the softer solid, any shape [Pa].
        conductivities: k_1 and k_2 [W/(m K)].
        slope: m of both surfaces together (`combined_rms`), any shape [-].
        roughness: sigma of both surfaces together, any shape [m].

    Returns:
        Broadcast shape [W/(m^2 K)]; 0 without pressure.

    Raises:
        InputError: A pressure is negative or above the hardness, another value not positive.
    """
    load = _load(pressure, hardness)
    first = positive("conductivity", conductivities[0], "W/(m K)")
    second = positive("conductivity", conductivities[1], "W/(m K)")
    harmonic = 2.0 * first * second / (first + second)
    shape = positive("slope", slope) / positive("roughness", roughness, "m")
    return np.asarray(1.25 * harmonic * shape * load**0.95)


def gap_conductance(
    pressure: npt.ArrayLike,
    hardness: npt.ArrayLike,
    gas_conductivity: npt.ArrayLike,
    roughness: npt.ArrayLike,
    rarefaction: npt.ArrayLike = 0.0,
) -> Array:
    """Return the conductance of the gas between the spots of a rough contact.

    D2: h_g = k_g / (Y + M), Y = 1.53 sigma (P/H)^-0.097 the mean gap.

    Args:
        pressure: P, any shape [Pa].
        hardness: H of the softer solid, any shape [Pa].
        gas_conductivity: k_g, 0 in vacuum, any shape [W/(m K)].
        roughness: sigma of both surfaces together, any shape [m].
        rarefaction: M, some mean free paths of the gas, any shape [m].

    Returns:
        Broadcast shape [W/(m^2 K)]; 0 without pressure, where the correlation has no gap.

    Raises:
        InputError: A pressure is negative or above the hardness, a conductivity or rarefaction
            negative, a roughness not positive.
    """
    load = _load(pressure, hardness)
    conductivity = not_negative("gas conductivity", gas_conductivity, "W/(m K)")
    # P -> 0 opens the gap without bound, if slowly
    with np.errstate(divide="ignore"):
        gap = 1.53 * positive("roughness", roughness, "m") * load**-0.097
    return np.asarray(conductivity / (gap + not_negative("rarefaction length", rarefaction, "m")))


def joint_resistance(spots: npt.ArrayLike, gap: npt.ArrayLike) -> Array:
    """Return the resistance of spots and gap in parallel, 1 / (h_c + h_g) (D2).

    Args:
        spots: h_c, any shape [W/(m^2 K)].
        gap: h_g, any shape [W/(m^2 K)].

    Returns:
        Broadcast shape [m^2 K/W]; inf when nothing conducts.

    Raises:
        InputError: A conductance is negative.
    """
    total = not_negative("spot conductance", spots, "W/(m^2 K)") + not_negative(
        "gap conductance", gap, "W/(m^2 K)"
    )
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / total)


def emission_resistance(
    prefactor: npt.ArrayLike, exponent: npt.ArrayLike, temperature: npt.ArrayLike
) -> Array:
    """Return the resistance of an interface that emits a T^n each way: 1 / (n a T^(n-1)).

    D4: 1/R_K = d(one-way flux)/dT. n = 4 for phonons or photons of three dimensions, as in the
    source; n = 2 for one channel, where R goes as 1/T and equals that of A7. This is the
    resistance with the paradox: it stays finite between identical solids.

    Args:
        prefactor: a, any shape [W/(m^2 K^n)], or [W/K^n] for one channel.
        exponent: n, any shape [-].
        temperature: T, any shape [K].

    Returns:
        Broadcast shape [m^2 K/W], or [K/W]; inf at zero temperature when n > 1.

    Raises:
        InputError: A prefactor or an exponent is not positive, or a temperature negative.
    """
    strength = positive("prefactor", prefactor)
    power = positive("exponent n", exponent)
    kelvin = not_negative("temperature", temperature, "K")
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / (power * strength * kelvin ** (power - 1.0)))


def nudged_resistance(
    one_way_flux: Callable[[Array], Array], temperature: npt.ArrayLike, nudge: float
) -> Array:
    """Return the resistance of any emission law from a finite difference of temperatures.

    D4, as in the source: one side is at T + dT/2, the other at T - dT/2, and R = dT over the
    difference of the two fluxes. For dT -> 0 this is 1 / (d flux / dT).

    Args:
        one_way_flux: Function of temperatures [K] that returns the emitted flux [W/m^2].
        temperature: T, any shape [K].
        nudge: dT [K].

    Returns:
        Same shape as `temperature` [m^2 K/W]; inf where nothing is emitted.

    Raises:
        InputError: A temperature is below dT/2, or dT not positive.
    """
    step = float(positive("nudge", nudge, "K"))
    middle = np.asarray(temperature, dtype=np.float64)
    not_negative("temperature less half the nudge", middle - 0.5 * step, "K")
    net = one_way_flux(middle + 0.5 * step) - one_way_flux(middle - 0.5 * step)
    with np.errstate(divide="ignore"):
        return np.asarray(step / net)


def equilibrium_noise(temperature: npt.ArrayLike, resistance: npt.ArrayLike) -> Array:
    """Return the zero-frequency noise of the heat current at equal temperatures.

    D4: int <dJ(t) dJ(0)> dt = 2 k_B T^2 / R_K per area, over all times and both directions; each
    direction contributes half (`channel_noise`).

    Args:
        temperature: T, any shape [K].
        resistance: R_K of D4, any shape [m^2 K/W], or [K/W] for a whole contact.

    Returns:
        Broadcast shape [W^2 s/m^2], or [W^2 s].

    Raises:
        InputError: A temperature is negative or a resistance not positive.
    """
    square = not_negative("temperature", temperature, "K") ** 2
    return np.asarray(2.0 * BOLTZMANN * square / positive("resistance", resistance))


def channel_noise(temperature: npt.ArrayLike) -> Array:
    """Return the noise of the energy that one channel carries in one direction.

    D4: int dw/2pi (hbar w)^2 n (n + 1) = k_B T^2 (pi k_B^2 T / 6 hbar): a Planck spectrum
    fluctuates by n (n + 1), and the result is k_B T^2 over the resistance of the channel.

    Args:
        temperature: T, any shape [K].

    Returns:
        Same shape [W^2 s].

    Raises:
        InputError: A temperature is negative.
    """
    cube = not_negative("temperature", temperature, "K") ** 3
    return np.asarray(math.pi * BOLTZMANN**3 * cube / (6.0 * REDUCED_PLANCK))


def resistance_without_paradox(
    resistance: npt.ArrayLike, forward: npt.ArrayLike, backward: npt.ArrayLike
) -> Array:
    """Return the resistance without the Kapitza paradox, zero for a virtual interface.

    R = R_Landauer (1 - (<T_12> + <T_21>) / 2), with the mean transmissions weighted by the incident
    energy. In one dimension it is exact, the link between the two conductances of A7 in
    `pbte.reference.strings.conductance`; in three it is a modelling extension, not in the sources.

    Args:
        resistance: The one of D3 or D4, any shape [m^2 K/W].
        forward: <T_12>, any shape [-].
        backward: <T_21>, any shape [-].

    Returns:
        Broadcast shape [m^2 K/W].

    Raises:
        InputError: A resistance is not positive or a mean transmission outside 0 to 1.
    """
    whole = positive("resistance", resistance, "m^2 K/W")
    mean = 0.5 * (probability("mean transmission", forward))
    mean = mean + 0.5 * probability("mean transmission", backward)
    return np.asarray(whole * (1.0 - mean))


def _load(pressure: npt.ArrayLike, hardness: npt.ArrayLike) -> Array:
    """Return P/H, at most 1."""
    load = np.asarray(
        not_negative("pressure", pressure, "Pa") / positive("hardness", hardness, "Pa")
    )
    if np.any(load > 1.0):
        raise InputError(
            f"pressure is {float(np.max(load)):g} times the hardness; it must be at most 1"
        )
    return load
