"""A film heated uniformly between two black isothermal walls.

The heat goes to all modes in proportion to their heat capacity. In a film of many mean free paths
the temperature is the parabola S x (L - x) / 2k; in a thin one it is flatter and jumps at the
walls. The integral equation is that of `pbte.reference.closed_forms.slab`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.reference.checks import finite
from pbte.reference.closed_forms.slab import IsotropicBands, solve_slab


def heated_film_temperature(
    bands: IsotropicBands,
    thickness: float,
    fractions: npt.ArrayLike,
    *,
    heat_density: float = 1.0,
) -> Array:
    """Return the temperature above the walls in a uniformly heated film.

    Args:
        bands: The crystal.
        thickness: L [m].
        fractions: Positions x/L between 0 and 1, shape (n,) [-].
        heat_density: S [W/m^3].

    Returns:
        Energy-density temperature above the walls, shape (n,) [K].

    Raises:
        InputError: The thickness is not positive, or a position lies outside.
    """
    where = np.atleast_1d(finite("position", fractions))
    if np.any((where < 0.0) | (where > 1.0)):
        raise InputError(f"x/L from {where.min():g} to {where.max():g}; it must lie in 0 to 1")
    state = solve_slab(bands, thickness, heat_density=heat_density)
    return state.temperature(where * thickness)


def reduced_temperature(bands: IsotropicBands, thickness: float, fractions: npt.ArrayLike) -> Array:
    """Return T* = 8 k T / (S L^2), with k the conductivity of the bulk.

    It is 4 (x/L) (1 - x/L) in the limit of many mean free paths.

    Args:
        bands: The crystal.
        thickness: L [m].
        fractions: Positions x/L between 0 and 1, shape (n,) [-].

    Returns:
        Shape (n,) [-].

    Raises:
        InputError: As `heated_film_temperature`.
    """
    rise = heated_film_temperature(bands, thickness, fractions)
    return np.asarray(8.0 * bands.conductivity / thickness**2 * rise)
