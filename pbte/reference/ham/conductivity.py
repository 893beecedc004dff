"""Heat capacity and conductivity of a chain of subunits with one band (C8).

The subunits of `pbte.reference.ham.chain` near a thermal state: a ground level and n levels at the
gap dE, the band so narrow that its width does not enter. Several bands:
`pbte.reference.ham.bands`.

Units: hbar = k_B = 1 and any one unit of energy [E]; temperatures are k_B T [E], heat capacities
in [k_B] per subunit, conductivities in [k_B E/hbar] for subunits one unit of length apart.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from pbte.core.types import Array
from pbte.reference.checks import not_negative, positive
from pbte.reference.ham.chain import HamChain, check_count


def heat_capacity(temperature: npt.ArrayLike, *, num_levels: int, gap: float = 1.0) -> Array:
    """Return the heat capacity of a subunit with one band (C8).

    c = x^2 y/(1 + y)^2 with x = dE/T and y = n e^-x, the factor of kappa in (48): the Schottky
    anomaly of n levels above one. Zero at T = 0.

    Args:
        temperature: T, any shape [E].
        num_levels: n.
        gap: dE [E].

    Returns:
        Heat capacity, shape of the temperature [k_B].

    Raises:
        InputError: A temperature is negative, the gap not positive, or `num_levels` no positive
            integer.
    """
    reduced, width = not_negative("temperature", temperature), float(positive("gap", gap))
    check_count("num_levels", num_levels)
    # T = 0 is replaced by a temperature at which the exponential is zero in double precision
    x = width / np.maximum(reduced, 1e-3 * width / (1.0 + math.log(num_levels)))
    # y/(1 + y)^2 is even in ln y, so the small one of y and 1/y can be taken
    small = np.exp(-np.abs(math.log(num_levels) - x))
    return np.asarray(x**2 * small / (1.0 + small) ** 2)


def heat_conductivity(chain: HamChain, temperature: npt.ArrayLike) -> Array:
    """Return the heat conductivity kappa_th = kappa c, (48) (C8, figure 8).

    The labels printed on the axes of figure 8 do not fit (48): its ordinate is 10^4 kappa_th and
    its abscissa T in units of 0.1 dE.

    Args:
        chain: The chain; its length does not enter.
        temperature: T, any shape [E].

    Returns:
        Conductivity, shape of the temperature [k_B E/hbar].

    Raises:
        InputError: A temperature is negative.
    """
    return chain.rate * heat_capacity(temperature, num_levels=chain.num_levels, gap=chain.gap)


def high_temperature_conductivity(chain: HamChain, temperature: npt.ArrayLike) -> Array:
    """Return the limit of (48) far above the gap, kappa n/(1 + n)^2 (dE/T)^2 (C8).

    One of the two limits (50) and (51); falls as T^-2 because the number of levels is finite.

    Args:
        chain: The chain.
        temperature: T, any shape [E].

    Returns:
        Conductivity, shape of the temperature [k_B E/hbar].

    Raises:
        InputError: A temperature is not positive.
    """
    x = chain.gap / positive("temperature", temperature)
    return np.asarray(chain.rate * chain.num_levels / (1.0 + chain.num_levels) ** 2 * x**2)


def low_temperature_conductivity(chain: HamChain, temperature: npt.ArrayLike) -> Array:
    """Return the limit of (48) far below the gap, kappa n (dE/T)^2 exp(-dE/T) (C8).

    One of the two limits (50) and (51); holds for n exp(-dE/T) far below 1.

    Args:
        chain: The chain.
        temperature: T, any shape [E].

    Returns:
        Conductivity, shape of the temperature [k_B E/hbar].

    Raises:
        InputError: A temperature is not positive.
    """
    x = chain.gap / positive("temperature", temperature)
    return np.asarray(chain.rate * chain.num_levels * x**2 * np.exp(-x))


def largest_heat_capacity(*, num_levels: int, gap: float = 1.0) -> tuple[float, float]:
    """Return temperature and value of the maximum of the heat capacity, and so of (48) (C8).

    Root of (1 - y)/(1 + y) = 2/x with x = dE/T, y = n e^-x; there is one, above x = 2.

    Args:
        num_levels: n.
        gap: dE [E].

    Returns:
        Temperature [E] and heat capacity [k_B].

    Raises:
        InputError: The gap is not positive, or `num_levels` no positive integer.
    """
    check_count("num_levels", num_levels)
    width = float(positive("gap", gap))

    def excess(x: float) -> float:
        # (1 - y)/(1 + y) = tanh((x - ln n)/2)
        return math.tanh(0.5 * (x - math.log(num_levels))) - 2.0 / x

    x = float(brentq(excess, 2.0, math.log(num_levels) + 10.0, xtol=1e-14, rtol=1e-14))
    temperature = width / x
    return temperature, float(heat_capacity(temperature, num_levels=num_levels, gap=width))
