"""A heated sphere with a black surface: rays, limits, conservation."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.reference.closed_forms.slab import IsotropicBands, gray_bands
from pbte.reference.closed_forms.sphere import gaussian_heating, solve_sphere, uniform_heating

UNIT = gray_bands(1.0, 1.0, 1.0)


def along_rays(solution, radius):
    """Mean over directions of int J exp(-s) ds along rays from a point to the surface."""
    cosines, weights = np.polynomial.legendre.leggauss(200)
    unit, shares = np.polynomial.legendre.leggauss(120)
    reach = -radius * cosines + np.sqrt(solution.radius**2 - radius**2 * (1.0 - cosines**2))
    s = 0.5 * (unit + 1.0) * reach[:, None]
    r = np.sqrt(radius**2 + s**2 + 2.0 * radius * s * cosines[:, None])
    r = np.minimum(r, solution.radius)
    emitted = solution.panels.interpolate(solution.scattering_temperature, r.ravel())
    emitted = emitted.reshape(r.shape) + solution.heat_density(r)
    inner = (np.exp(-s) * emitted) @ shares * 0.5 * reach
    return 0.5 * weights @ inner


@pytest.mark.parametrize("radius", [0.3, 3.0])
def test_the_integral_equation_is_that_of_straight_rays(radius):
    """The solved temperature, put into the average over rays, comes out again."""
    solution = solve_sphere(UNIT, radius, gaussian_heating(1.0, 0.4 * radius, radius))
    for r in (0.0, 0.35 * radius, 0.8 * radius):
        assert along_rays(solution, r) == pytest.approx(solution.temperature([r])[0], rel=1e-4)


def test_a_small_sphere_is_warm_for_the_time_of_flight():
    """Without scattering: the mean over directions of the way to the surface, times S / C v.

    At the centre that is R, at the surface R/2.
    """
    solution = solve_sphere(UNIT, 1e-4, uniform_heating(1.0))
    np.testing.assert_allclose(solution.temperature([0.0, 1e-4]), [1e-4, 0.5e-4], rtol=1e-3)


def test_a_large_sphere_obeys_the_heat_equation_with_a_jump():
    """T = S (R^2 - r^2)/6k + S R lambda/3k, lambda = 0.7104 mean free paths (Milne).

    What remains is of second order in the Knudsen number.
    """
    errors = []
    for radius in (20.0, 40.0):
        found = solve_sphere(UNIT, radius, uniform_heating(1.0)).temperature([0.0, 0.5 * radius])
        expected = (radius**2 - np.array([0.0, 0.5 * radius]) ** 2) / 2.0 + 0.7104 * radius
        errors.append(np.abs(found / expected - 1.0).max())
    assert errors[1] < 2e-3
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.2)


def test_gaussian_heating_puts_its_power_into_the_sphere():
    for sigma in (0.1, 0.5, 3.0):
        heating = gaussian_heating(7.0, sigma, 1.0)
        assert solve_sphere(UNIT, 1.0, heating).power == pytest.approx(7.0, rel=1e-8)


def test_heat_from_the_centre_is_hotter_inside_than_spread_heat():
    spread = solve_sphere(UNIT, 2.0, uniform_heating(1.0))
    central = solve_sphere(UNIT, 2.0, gaussian_heating(spread.power, 0.5, 2.0))
    assert central.temperature([0.0])[0] > 2.0 * spread.temperature([0.0])[0]


def test_bands_of_equal_path_scatter_at_the_temperature_of_one_band():
    """The energy temperature differs: where all warm alike, the slower band keeps its heat longer.

    One tau with C/tau the sum over the bands.
    """
    split = IsotropicBands(
        speeds=np.array([1.0, 2.0]),
        relaxation_times=np.array([1.0, 0.5]),
        heat_capacities=np.array([1.0, 1.0]),
    )
    one = gray_bands(1.5, 1.0 / 1.5, 2.0)
    several, alone = (solve_sphere(bands, 2.0, uniform_heating(1.0)) for bands in (split, one))
    np.testing.assert_allclose(
        several.scattering_temperature, alone.scattering_temperature, rtol=1e-10
    )
    assert several.temperature([0.0])[0] > alone.temperature([0.0])[0]


def test_nonsense_is_refused():
    with pytest.raises(InputError, match="radius = -1 m"):
        solve_sphere(UNIT, -1.0, uniform_heating(1.0))
    with pytest.raises(InputError, match="must lie between 0 and"):
        solve_sphere(UNIT, 1.0, uniform_heating(1.0)).temperature([1.5])
    with pytest.raises(InputError, match="sigma = 0 m"):
        gaussian_heating(1.0, 0.0, 1.0)
