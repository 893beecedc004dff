"""Uses of the mediator: STM tip, minimum thermal conductivity, Josephson junction (B16 to B18).

Equation numbers are those of Panasyuk, Levin and Yerkes, Phys. Rev. E 86, 021116 (2012).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.types import Array
from pbte.reference.checks import not_negative, positive
from pbte.reference.mediator.currents import (
    classical_conductance,
    cold_current,
    current_quantum,
    heat_current,
)
from pbte.reference.mediator.integrals import thermal_integral
from pbte.reference.mediator.mediator import Mediator

ELEMENTARY_CHARGE = 1.602176634e-19
"""e [C], exact."""

WAVE_NUMBER_KELVIN = 1.438776877
"""h c/kB [cm K]: 480 cm^-1 are 690.6 K. (The paper's 0.7 cm^-1/K gives 685 K.)"""

MINIMUM_PREFACTOR = 0.5 * (np.pi / 6.0) ** (1.0 / 3.0)
"""The 0.4 of eq. (96): (1/2)(pi/6)^(1/3) = 0.402998 (B17)."""

# Largest ratio of two scales that counts as "much smaller".
_SMALL = 0.1


@dataclass(frozen=True, kw_only=True)
class TipCurrents:
    """Heat currents from tip to substrate in several approximations (B16), all in [W].

    Each follows from eq. (61) in the limit that is named, and is exact there; mu = w0^2/gam is the
    slow root of an overdamped mediator. The closed forms printed as (52), (85) and (86) have not
    been compared with the print: (52) belongs to the limit of `cold`, (85) to that of `wide` (it
    requires hbar mu << kB T too), (86) to the same section.

    Attributes:
        mediator: The vibration, with damping from eq. (87) and no cutoff.
        exact: Eq. (61).
        overdamped: Without the inertia of the mediator, gam >> w0 and hbar gam >> kB T:
            tau = w^2/(w^2 + mu^2) in (61), in digamma functions.
        wide: Its limit hbar mu << kB T to second order, quantum - kB mu (T_1 - T_2)/4 +
            (hbar mu^2/4 pi) ln(T_1/T_2); without the logarithm, of third order, at T = 0.
        classical: (kB gam/4)(T_1 - T_2), eq. (48).
        resonant: Weak coupling, (hbar w0 gam/4)[n(w0, T_1) - n(w0, T_2)].
        cold: Fourth powers, eq. (51) integrated over the temperature.
        quantum: Upper bound of the heat current of one channel, for any coupling.
        warnings: One sentence for each approximation that is outside its own validity.
    """

    mediator: Mediator
    exact: float
    overdamped: float
    wide: float
    classical: float
    resonant: float
    cold: float
    quantum: float
    warnings: tuple[str, ...]

    @property
    def relative_errors(self) -> dict[str, float]:
        """Relative error of each approximation [-]; empty if the exact current is zero."""
        names = ("overdamped", "wide", "classical", "resonant", "cold")
        if self.exact == 0.0:
            return {}
        return {name: abs(getattr(self, name) / self.exact - 1.0) for name in names}


def tip_coupling(frequency: npt.ArrayLike, debye_temperature: npt.ArrayLike) -> Array:
    """Return gam/w0 = (pi/sqrt 2) hbar w0/(kB theta_D) of a molecule on a tip (B16; eq. (87)).

    Args:
        frequency: w0 of the molecule [rad/s].
        debye_temperature: theta_D of the solid [K].

    Returns:
        Ratio [-], broadcast shape.
    """
    w0 = positive("frequency", frequency, "rad/s")
    theta = positive("debye_temperature", debye_temperature, "K")
    return np.asarray(np.pi / np.sqrt(2.0) * REDUCED_PLANCK * w0 / (BOLTZMANN * theta))


def tip_currents(
    frequency: float,
    debye_temperature: float,
    tip_temperature: float,
    substrate_temperature: float,
    *,
    coupling_ratio: float | None = None,
) -> TipCurrents:
    """Return the heat current from an STM tip through one molecule, exact and approximate (B16).

    Sec. VIII of the paper. At the coupling of its eq. (88) hbar mu_min = hbar w0^2/gam is not small
    compared with kB T, so that the closed estimate (85) lies outside its own validity; `warnings`
    reports that, and the exact current is returned as well. The same section calls w0 tau_p >~ 1
    overdamped; overdamped needs w0 tau_p < 1/2.

    Args:
        frequency: w0 of the molecule [rad/s].
        debye_temperature: theta_D [K].
        tip_temperature: T_1 [K].
        substrate_temperature: T_2 [K].
        coupling_ratio: gam/w0 [-]; from eq. (87) when not given.

    Returns:
        Currents and warnings.

    Raises:
        InputError: A frequency, Debye temperature or ratio is not positive, or a temperature is
            negative.
    """
    ratio = float(tip_coupling(frequency, debye_temperature))
    if coupling_ratio is not None:
        ratio = float(positive("coupling_ratio", coupling_ratio))
    warm = float(not_negative("tip_temperature", tip_temperature, "K"))
    cold = float(not_negative("substrate_temperature", substrate_temperature, "K"))
    mediator = Mediator(frequency=frequency, damping=ratio * frequency)
    slowest = frequency / ratio
    quantum = float(current_quantum(warm, cold))
    passed = (thermal_integral(slowest, warm) - thermal_integral(slowest, cold)).real
    blocked = REDUCED_PLANCK * slowest**2 / (2.0 * np.pi) * float(passed)
    quanta = [_occupation(frequency, kelvin) for kelvin in (warm, cold)]
    return TipCurrents(
        mediator=mediator,
        exact=float(heat_current(mediator, warm, cold)),
        overdamped=quantum - blocked,
        wide=quantum - _wide_loss(slowest, warm, cold),
        classical=float(classical_conductance(mediator)) * (warm - cold),
        resonant=0.25 * REDUCED_PLANCK * frequency**2 * ratio * (quanta[0] - quanta[1]),
        cold=float(cold_current(mediator, warm, cold)),
        quantum=quantum,
        warnings=_tip_warnings(frequency, ratio, warm, cold),
    )


def _wide_loss(slowest: float, warm: float, cold: float) -> float:
    """Return the reduction of the quantum bound by the slow root for hbar mu << kB T [W]."""
    loss = 0.25 * BOLTZMANN * (warm - cold) * slowest
    if min(warm, cold) == 0.0:
        return loss
    return loss - REDUCED_PLANCK * slowest**2 / (4.0 * np.pi) * float(np.log(warm / cold))


def _tip_warnings(frequency: float, ratio: float, warm: float, cold: float) -> tuple[str, ...]:
    """Return a sentence for each approximation whose small parameter is not small."""
    level = REDUCED_PLANCK * frequency / BOLTZMANN
    slow, fast = (level / ratio, level * ratio) if ratio > 1.0 else (level, level)
    coldest = min(warm, cold)
    warnings = []
    if ratio <= 2.0:
        warnings.append(f"overdamped, wide: gam/w0 = {ratio:.3g} is not overdamped (above 2)")
    elif slow > _SMALL * coldest:
        warnings.append(
            f"wide: hbar w0^2/(gam kB) = {slow:.3g} K is not far below {coldest:.3g} K; "
            "take the exact current"
        )
    if fast > coldest:
        warnings.append(f"classical: the fastest scale, {fast:.3g} K, is above {coldest:.3g} K")
    if ratio > _SMALL:
        warnings.append(f"resonant: gam/w0 = {ratio:.3g} is not weak coupling")
    if max(warm, cold) > _SMALL * slow:
        warnings.append(f"cold: {max(warm, cold):.3g} K is not far below {slow:.3g} K")
    return tuple(warnings)


def _occupation(frequency: float, kelvin: float) -> float:
    if kelvin == 0.0:
        return 0.0
    with np.errstate(over="ignore"):
        return float(1.0 / np.expm1(REDUCED_PLANCK * frequency / (BOLTZMANN * kelvin)))


def block_conductivity(block_conductance: npt.ArrayLike, lengths: Sequence[float] | Array) -> Array:
    """Return kappa_x = K l_x/(l_y l_z) of a solid of blocks joined by mediators (B17; eq. (92)).

    Args:
        block_conductance: K between blocks along x [W/K].
        lengths: l_x, l_y, l_z, shape (3,) [m].

    Returns:
        Conductivity [W/(m K)], shape of the conductance.
    """
    carried = not_negative("block_conductance", block_conductance, "W/K")
    along, across, other = positive("lengths", np.asarray(lengths, dtype=np.float64), "m")
    return np.asarray(carried * along / (across * other))


def minimum_conductivity(damping: npt.ArrayLike, size: npt.ArrayLike) -> Array:
    """Return the minimum thermal conductivity kB gam/(4 l0) (B17; eq. (95)).

    Cubes of edge l0 joined by mediators in the classical limit K = kB gam/4.

    Args:
        damping: gam [1/s].
        size: l0 [m].

    Returns:
        Conductivity [W/(m K)].
    """
    rate = positive("damping", damping, "1/s")
    return np.asarray(BOLTZMANN * rate / (4.0 * positive("size", size, "m")))


def damping_of_minimum_conductivity(conductivity: npt.ArrayLike, size: npt.ArrayLike) -> Array:
    """Return gam = 4 l0 kappa_min/kB from a measured conductivity (B17; eq. (95) inverted).

    The paper does this for amorphous selenium.

    Args:
        conductivity: kappa_min [W/(m K)].
        size: l0, about the interatomic spacing [m].

    Returns:
        Damping [1/s].
    """
    measured = positive("conductivity", conductivity, "W/(m K)")
    return np.asarray(4.0 * positive("size", size, "m") * measured / BOLTZMANN)


def glass_minimum_conductivity(number_density: float, speeds: Sequence[float] | Array) -> float:
    """Return 0.403 kB n^(2/3) sum of the three speeds of sound (B17; eq. (96)).

    High-temperature limit of the minimum thermal conductivity of Cahill and Pohl that the paper
    compares eq. (95) with. The two agree for gam = 4 * 0.403 sum(v)/l0 when n = 1/l0^3.

    Args:
        number_density: n, atoms per volume [1/m^3].
        speeds: One longitudinal and two transverse speeds, shape (3,) [m/s].

    Returns:
        Conductivity [W/(m K)].
    """
    density = float(positive("number_density", number_density, "1/m^3"))
    total = float(positive("speeds", np.asarray(speeds, dtype=np.float64), "m/s").sum())
    return float(MINIMUM_PREFACTOR * BOLTZMANN * np.cbrt(density) ** 2 * total)


def josephson_mediator(
    *,
    critical_current: float,
    capacitance: float,
    resistance_1: float,
    resistance_2: float,
    cutoff: float = np.inf,
) -> Mediator:
    """Return the mediator equivalent to a Josephson junction between two resistors (B18).

    The phase is the coordinate, C (hbar/2e)^2 the mass and (hbar/2e)^2/R_i the friction, so that
    gam = 1/(R C) with 1/R = 1/R_1 + 1/R_2 and w0 = sqrt(2 e I_c/(hbar C)), for small phases. The
    Stewart-McCumber parameter is (w0/gam)^2. The heat current does not depend on the mass.

    Args:
        critical_current: I_c [A].
        capacitance: C [F].
        resistance_1: R_1 [ohm].
        resistance_2: R_2 [ohm].
        cutoff: D [rad/s].

    Returns:
        The mediator; gamma_1/gamma = R_2/(R_1 + R_2).

    Raises:
        InputError: A value is not positive.
    """
    current = positive("critical_current", critical_current, "A")
    farad = positive("capacitance", capacitance, "F")
    ohm_1 = positive("resistance_1", resistance_1, "ohm")
    ohm_2 = positive("resistance_2", resistance_2, "ohm")
    return Mediator(
        frequency=np.sqrt(2.0 * ELEMENTARY_CHARGE * current / (REDUCED_PLANCK * farad)),
        damping=(1.0 / ohm_1 + 1.0 / ohm_2) / farad,
        cutoff=cutoff,
        first_share=ohm_2 / (ohm_1 + ohm_2),
    )


def stewart_mccumber(mediator: Mediator) -> Array:
    """Return beta_c = (w0/gam)^2 [-], above 1/4 for an underdamped junction (B18)."""
    return np.asarray((mediator.frequency / np.asarray(mediator.damping)) ** 2)
