"""Two-temperature model of a metal at an interface that only phonons cross.

A metal fills x < 0 (or -d < x < 0), its electrons are insulated at x = 0, and phonons carry the
flux q into the substrate. Electrons transfer their part of the flux to the phonons within the
length l; this acts as a second resistance in series with the Kapitza resistance. Model of A.
Majumdar and P. Reddy, Appl. Phys. Lett. 84, 4768 (2004), D5, whose result is the limit of a small
conductivity of the phonons. With k_e T_e'' = G (T_e - T_p) = -k_p T_p''.

Two definitions are in use, and every function states which one it uses: *extrapolated*, the mean
temperature (k_e T_e + k_p T_p) / (k_e + k_p), which is straight, at x = 0 less T_p(0); *electron*,
T_e(0) less T_p(0). They agree when k_p is small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.reference.checks import finite, not_negative, positive

Definition = Literal["extrapolated", "electron"]


@dataclass(frozen=True, kw_only=True)
class Metal:
    """A metal with two temperatures (D5); numbers or arrays that broadcast.

    Args:
        electron_conductivity: k_e [W/(m K)].
        phonon_conductivity: k_p [W/(m K)].
        coupling: G [W/(m^3 K)].

    Raises:
        InputError: A conductivity is not positive or the coupling negative.
    """

    electron_conductivity: npt.ArrayLike
    phonon_conductivity: npt.ArrayLike
    coupling: npt.ArrayLike

    def __post_init__(self) -> None:
        _ = self.numbers

    @property
    def numbers(self) -> tuple[Array, Array, Array]:
        """k_e, k_p and G as arrays."""
        return (
            positive("electron conductivity", self.electron_conductivity, "W/(m K)"),
            positive("phonon conductivity", self.phonon_conductivity, "W/(m K)"),
            not_negative("coupling", self.coupling, "W/(m^3 K)"),
        )


@dataclass(frozen=True, kw_only=True)
class MetalProfile:
    """Temperatures in a metal (D5).

    Args:
        electrons: T_e [K].
        phonons: T_p [K].
        mean: (k_e T_e + k_p T_p) / (k_e + k_p), straight [K].
        flux_of_electrons: -k_e T_e' [W/m^2].
        flux_of_phonons: -k_p T_p' [W/m^2].
    """

    electrons: Array
    phonons: Array
    mean: Array
    flux_of_electrons: Array
    flux_of_phonons: Array


def coupling_length(metal: Metal) -> Array:
    """Return the length l = sqrt(k_e k_p / (G (k_e + k_p))) of D5.

    Args:
        metal: The metal.

    Returns:
        Broadcast shape of its numbers [m]; inf without coupling.
    """
    electron, phonon, coupling = metal.numbers
    with np.errstate(divide="ignore"):
        return np.asarray(np.sqrt(electron * phonon / (electron + phonon) / coupling))


def electron_phonon_resistance(
    metal: Metal, thickness: npt.ArrayLike = np.inf, *, definition: Definition = "extrapolated"
) -> Array:
    """Return the electron-phonon resistance of the layer in which the two exchange heat.

    D5, infinite metal: extrapolated (k_e/(k_e + k_p))^(3/2) / sqrt(G k_p), electron
    sqrt(k_e/(k_e + k_p)) / sqrt(G k_p); both become Majumdar and Reddy's 1/sqrt(G k_p) for
    k_p << k_e. In a film heated at its free face (flux into the electrons at -d) T_e - T_p at the
    interface is larger, (l/sinh(d/l)) (cosh(d/l)/k_p + 1/k_e) q.

    Args:
        metal: The metal.
        thickness: d of the film, inf for a thick one; broadcasts [m].
        definition: See the module.

    Returns:
        Broadcast shape [m^2 K/W]; inf without coupling.

    Raises:
        InputError: A thickness is not positive or the definition is unknown.
    """
    if definition not in ("extrapolated", "electron"):
        raise InputError(f"definition = {definition!r}; it must be 'extrapolated' or 'electron'")
    electron, phonon, _ = metal.numbers
    at_interface = film_differences(metal, thickness)[0]
    share = electron / (electron + phonon) if definition == "extrapolated" else 1.0
    return np.asarray(share * at_interface)


def total_resistance(
    metal: Metal,
    interface: npt.ArrayLike,
    thickness: npt.ArrayLike = np.inf,
    *,
    definition: Definition = "extrapolated",
) -> Array:
    """Return R_ep + R_K, the resistance between electrons and substrate (D5).

    Args:
        metal: The metal.
        interface: R_K between the phonons of both sides, broadcasts [m^2 K/W].
        thickness: d of the film, inf for a thick one; broadcasts [m].
        definition: Definition of R_ep, see the module.

    Returns:
        Broadcast shape [m^2 K/W].

    Raises:
        InputError: A resistance is negative, or as `electron_phonon_resistance`.
    """
    jump = not_negative("resistance", interface, "m^2 K/W")
    return np.asarray(jump + electron_phonon_resistance(metal, thickness, definition=definition))


def film_differences(metal: Metal, thickness: npt.ArrayLike) -> tuple[Array, Array]:
    """Return (T_e - T_p) / q at the interface and at the heated face of a film.

    D5: (l/sinh(d/l)) (cosh(d/l)/k_p + 1/k_e) at 0, (l/sinh(d/l)) (1/k_p + cosh(d/l)/k_e) at -d.

    Args:
        metal: The metal.
        thickness: d, inf for a thick metal (l/k_p and l/k_e); broadcasts [m].

    Returns:
        At x = 0 and at x = -d, broadcast shape [m^2 K/W]; inf without coupling.

    Raises:
        InputError: A thickness is not positive.
    """
    electron, phonon, _ = metal.numbers
    length = coupling_length(metal)
    ratio = _ratio(thickness, length)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        # l / tanh and l / sinh; without coupling both are infinite
        near = np.where(np.isinf(length), np.inf, length / np.tanh(ratio))
        far = np.where(np.isinf(length), np.inf, length / np.sinh(ratio))
    return np.asarray(near / phonon + far / electron), np.asarray(far / phonon + near / electron)


def film_profile(
    positions: npt.ArrayLike,
    metal: Metal,
    heat_flux: float,
    phonon_temperature: float,
    thickness: float = np.inf,
) -> MetalProfile:
    """Return the two temperatures in a film, or near the face of a thick metal.

    D5. In a film q enters the electrons at x = -d and leaves through the phonons at 0. In a thick
    metal T_e - T_p = (q l / k_p) e^(x/l).

    Args:
        positions: x, from -d to 0, any shape [m].
        metal: The metal, with one number each and some coupling.
        heat_flux: q towards +x [W/m^2].
        phonon_temperature: T_p(0), that of the substrate's face plus R_K q [K].
        thickness: d, inf for a thick metal [m].

    Returns:
        Arrays of the shape of `positions`.

    Raises:
        InputError: A position lies outside, a thickness is not positive, or the coupling is zero.
    """
    x = finite("position", positions, "m")
    flux = float(finite("heat flux", heat_flux, "W/m^2"))
    base = float(not_negative("phonon temperature", phonon_temperature, "K"))
    electron, phonon, coupling = (float(number) for number in metal.numbers)
    length = float(coupling_length(metal))
    ratio = float(_ratio(thickness, np.asarray(length)))
    if np.any(x > 0.0) or np.any(x < -thickness):
        raise InputError(f"position outside the metal; it must lie between {-thickness:g} m and 0")
    if coupling == 0.0:
        raise InputError("coupling = 0: no heat passes to the phonons; it must be positive")
    # theta = [cosh((x+d)/l)/k_p + cosh(x/l)/k_e] q l / sinh(d/l), with decaying exponentials only
    y, total = x / length, electron + phonon
    weight = -np.expm1(-2.0 * ratio)
    from_face = (np.exp(y) + np.exp(-y - 2.0 * ratio)) / weight
    from_heat = (np.exp(y - ratio) + np.exp(-y - ratio)) / weight
    difference = flux * length * (from_face / phonon + from_heat / electron)
    slope = flux * (
        (np.exp(y) - np.exp(-y - 2.0 * ratio)) / weight / phonon
        + (np.exp(y - ratio) - np.exp(-y - ratio)) / weight / electron
    )
    at_zero = flux * float(film_differences(metal, thickness)[0])
    mean = base + electron / total * at_zero - flux * x / total
    return MetalProfile(
        electrons=mean + phonon / total * difference,
        phonons=mean - electron / total * difference,
        mean=mean,
        flux_of_electrons=electron / total * (flux - phonon * slope),
        flux_of_phonons=phonon / total * (flux + electron * slope),
    )


def _ratio(thickness: npt.ArrayLike, length: Array) -> Array:
    """Return d / l, inf for a thick metal."""
    depth = np.asarray(thickness, dtype=np.float64)
    positive("thickness", np.where(np.isposinf(depth), 1.0, depth), "m")
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(np.isinf(depth), np.inf, depth / length))
