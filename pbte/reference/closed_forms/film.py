"""Heat through a film between black isothermal walls, one band or many.

One band is the radiative slab: M. A. Heaslet and R. F. Warming, Int. J. Heat Mass Transfer 8, 979
(1965). Many bands in the relaxation-time approximation: C. Hua and A. J. Minnich, J. Appl. Phys.
117, 175306 (2015). The integral equations are solved in `pbte.reference.closed_forms.slab`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.reference.checks import positive
from pbte.reference.closed_forms.slab import IsotropicBands, SlabSolution, gray_bands, solve_slab

EXTRAPOLATION = 0.710446089
"""Milne's constant: extrapolation length of a black wall in mean free paths [-]."""

EVEN = 1e-5
"""Largest relative variation of the heat flux, which is constant across a film [-]."""


def gray_flux_ratio(optical_thickness: npt.ArrayLike) -> Array:
    """Return the heat flux of a gray film over its ballistic value, q / (C v dT / 4).

    Heaslet and Warming (1965), whose Q it is; 1 for a thin film.

    Args:
        optical_thickness: Thickness in mean free paths, any shape [-].

    Returns:
        Same shape [-], to about 1e-10 up to 1000 mean free paths.

    Raises:
        InputError: A thickness is not positive, or beyond what the method resolves (3000).
    """
    thicknesses = positive("optical thickness", optical_thickness)
    unit = gray_bands(1.0, 1.0, 1.0)
    ratios = [4.0 * _even_flux(solve_slab(unit, float(t), hot=1.0)) for t in thicknesses.ravel()]
    return np.array(ratios).reshape(thicknesses.shape)


def thick_flux_ratio(optical_thickness: npt.ArrayLike) -> Array:
    """Return the thick-film limit of the flux ratio of a gray film, (4/3) / (t + 1.4209).

    Args:
        optical_thickness: Thickness t in mean free paths, any shape [-].

    Returns:
        Same shape [-].
    """
    thickness = positive("optical thickness", optical_thickness)
    return np.asarray((4.0 / 3.0) / (thickness + 2.0 * EXTRAPOLATION))


def film_state(bands: IsotropicBands, thickness: float) -> SlabSolution:
    """Return temperature and heat flux in a film with walls at T0 + 1/2 and T0 - 1/2 kelvin.

    Args:
        bands: The crystal.
        thickness: L [m].

    Returns:
        Solution of the integral equation, with its temperature and heat flux.

    Raises:
        InputError: The thickness is not positive.
    """
    return solve_slab(bands, thickness, hot=0.5, cold=-0.5)


def cross_plane_conductivity(bands: IsotropicBands, thickness: npt.ArrayLike) -> Array:
    """Return the effective conductivity q L / dT of a film between black walls.

    Hua and Minnich (2015), with one temperature of scattering for all bands.

    Args:
        bands: The crystal.
        thickness: L, any shape [m].

    Returns:
        Same shape [W/m K].

    Raises:
        InputError: A thickness is not positive, or so large that the method does not resolve it.
    """
    depths = positive("thickness", thickness, "m")
    values = [_even_flux(film_state(bands, float(d))) * float(d) for d in depths.ravel()]
    return np.array(values).reshape(depths.shape)


def ballistic_flux(bands: IsotropicBands) -> float:
    """Return the heat flux between black walls without collisions, sum C v / 4, per kelvin.

    Args:
        bands: The crystal.

    Returns:
        Conductance of the film [W/m^2 K].
    """
    return float(bands.heat_capacities @ bands.speeds) / 4.0


def _even_flux(state: SlabSolution) -> float:
    """Return the heat flux, after checking that it is the same in the middle as at the wall."""
    wall, middle = state.heat_flux([0.0, 0.5 * state.thickness])
    if abs(middle - wall) > EVEN * abs(wall):
        raise InputError(
            f"thickness = {state.thickness:g} m is too many mean free paths for the integral "
            f"equation (its heat flux varies by {abs(middle / wall - 1.0):.1g}); use the "
            "conductivity of the bulk with walls moved out by 0.71 mean free paths"
        )
    return float(wall)
