"""The film and the heated film: closed limits, published numbers, laws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import exp1

from pbte.core.errors import InputError
from pbte.reference.closed_forms.film import (
    ballistic_flux,
    cross_plane_conductivity,
    film_state,
    gray_flux_ratio,
    thick_flux_ratio,
)
from pbte.reference.closed_forms.heated_film import heated_film_temperature, reduced_temperature
from pbte.reference.closed_forms.slab import (
    IsotropicBands,
    KernelIntegrals,
    gray_bands,
    make_panels,
    solve_slab,
)

GRAY_SILICON = gray_bands(2677.0, 3.99e-11, 1.627e6)


@pytest.fixture(scope="module")
def silicon():
    """Fifteen bands; the shipped table, read without the materials room."""
    from pbte.materials.band_table import read_band_table

    table = read_band_table("Si-bands")
    return IsotropicBands(
        speeds=table.speeds,
        relaxation_times=table.relaxation_times,
        heat_capacities=table.heat_capacities,
    )


def test_the_kernel_is_integrated_exactly():
    """int E1(|x - t|/l) dt/l = 2 - E2(x/l) - E2((L - x)/l), also for l far below the panels."""
    from scipy.special import expn

    panels = make_panels(0.0, 3.0)
    x = panels.nodes
    integrals = KernelIntegrals(panels, x)
    for length in (1e3, 1.0, 0.1, 0.01):
        found = integrals.matrix(1, length).sum(axis=1)
        expected = 2.0 - expn(2, x / length) - expn(2, (3.0 - x) / length)
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_panels_integrate_and_interpolate():
    panels = make_panels(-1.0, 2.0)
    assert panels.weights @ panels.nodes**5 == pytest.approx(63.0 / 6.0, rel=1e-13)
    x = np.array([-1.0, 0.123, 0.5, 2.0])
    np.testing.assert_allclose(panels.interpolate(np.exp(panels.nodes), x), np.exp(x), rtol=1e-12)


@pytest.mark.parametrize(("thickness", "published"), [(0.1, 0.9157), (1.0, 0.5534), (10.0, 0.1167)])
def test_a_gray_film_carries_the_flux_of_the_radiative_slab(thickness, published):
    """Heaslet & Warming (1965), to the four digits printed."""
    assert gray_flux_ratio(thickness) == pytest.approx(published, abs=5e-5)


@pytest.mark.parametrize("thickness", [1e-3, 0.1, 1.0, 10.0, 100.0, 1000.0])
def test_the_heat_flux_is_the_same_everywhere(thickness):
    """Not imposed: it measures the error of the method."""
    state = solve_slab(gray_bands(1.0, 1.0, 1.0), thickness, hot=1.0)
    flux = state.heat_flux(np.array([0.0, 0.03, 0.25, 0.5, 0.77, 1.0]) * thickness)
    assert np.ptp(flux) < 1e-9 * flux[0]


def test_a_thin_film_is_ballistic_and_a_thick_one_obeys_the_heat_equation():
    """1 - t at first: the mean of 1/cos is 2, half of the scattered come back. Then Milne's jump.

    The next term of the thin film is t^2 ln t.
    """
    thin = np.array([1e-5, 1e-4, 1e-3])
    np.testing.assert_allclose((1.0 - gray_flux_ratio(thin)) / thin, 1.0, atol=5e-3)
    assert (1.0 - gray_flux_ratio(1e-5)) / 1e-5 == pytest.approx(1.0, abs=1e-4)
    thick = np.array([20.0, 100.0])
    np.testing.assert_allclose(gray_flux_ratio(thick), thick_flux_ratio(thick), rtol=1e-9)


def test_the_profile_is_odd_about_the_middle_and_jumps_at_the_walls(silicon):
    state = film_state(silicon, 100e-9)
    x = np.array([0.0, 10e-9, 40e-9, 50e-9])
    temperature = state.temperature(x)
    np.testing.assert_allclose(state.temperature(100e-9 - x), -temperature, atol=1e-10)
    assert temperature[-1] == pytest.approx(0.0, abs=1e-12)
    assert np.all(np.diff(temperature) < 0.0)
    assert temperature[0] < 0.45


@pytest.mark.parametrize(
    ("thickness", "published", "tolerance"),
    [(20e-9, 14.573, 5e-5), (100e-9, 42.228, 5e-5), (500e-9, 81.36, 1e-4)],
)
def test_silicon_films_conduct_across_as_published(silicon, thickness, published, tolerance):
    """Semi-analytic values for the 15 bands [W/m K]; the last is rounded to four digits."""
    found = cross_plane_conductivity(silicon, thickness)
    assert found == pytest.approx(published, rel=tolerance)


def test_films_conduct_between_ballistic_and_bulk(silicon):
    assert ballistic_flux(silicon) == pytest.approx(
        (silicon.heat_capacities * silicon.speeds).sum() / 4.0
    )
    thin = cross_plane_conductivity(silicon, 1e-12) / 1e-12
    assert thin == pytest.approx(ballistic_flux(silicon), rel=1e-2)
    conductivities = cross_plane_conductivity(silicon, [1e-7, 1e-6, 1e-5])
    assert np.all(np.diff(conductivities) > 0.0)
    assert conductivities[-1] < silicon.conductivity


def test_bands_of_equal_path_are_one_band():
    """Only the mean free path and sum C v enter."""
    split = IsotropicBands(
        speeds=np.array([1.0, 2.0]),
        relaxation_times=np.array([1.0, 0.5]),
        heat_capacities=np.array([3.0, 4.0]),
    )
    one = gray_bands(11.0 / 7.0, 7.0 / 11.0, 7.0)
    np.testing.assert_allclose(
        cross_plane_conductivity(split, [0.3, 3.0]),
        cross_plane_conductivity(one, [0.3, 3.0]),
        rtol=1e-12,
    )


def test_a_uniformly_heated_film_is_as_computed_before():
    """Gray silicon of 1 um, against an independent solver in one dimension.

    That one was good to 4e-4 near the walls.
    """
    found = reduced_temperature(GRAY_SILICON, 1e-6, [0.05, 0.15, 0.25, 0.35, 0.45])
    np.testing.assert_allclose(found, [0.4958, 0.8300, 1.0726, 1.2333, 1.3134], rtol=4e-4)


def test_all_heat_put_into_a_film_leaves_it(silicon):
    state = solve_slab(silicon, 300e-9, heat_density=2e15)
    flux = state.heat_flux([0.0, 75e-9, 300e-9])
    np.testing.assert_allclose(flux, 2e15 * np.array([-150e-9, -75e-9, 150e-9]), rtol=1e-9)


def test_a_thick_heated_film_is_a_parabola_with_a_jump():
    """Curvature of T is S/k; Milne's extrapolation and a term of second order at the walls."""
    length = 1000.0 * float(GRAY_SILICON.mean_free_paths[0])
    found = reduced_temperature(GRAY_SILICON, length, [0.5])
    assert found == pytest.approx(1.0 + 4.0 * 0.7104e-3, rel=1e-5)


def test_a_thin_heated_film_is_warm_for_the_time_of_flight():
    """theta = g s over the way s from the wall; its mean over directions, by quadrature."""
    band = gray_bands(1.0, 1.0, 1.0)
    depth = 1e-5
    cosines, weights = np.polynomial.legendre.leggauss(200)
    cosines, weights = (0.5 * (cosines + 1.0)) ** 4, weights * 0.5 * 4 * (0.5 * (cosines + 1)) ** 3
    expected = weights @ (1.0 - np.exp(-0.5 * depth / cosines))  # a little is absorbed: s > l
    found = heated_film_temperature(band, depth, [0.5])[0]
    assert found == pytest.approx(expected, rel=1e-3)


def test_positions_inside_a_layer_agree_with_the_direct_integral():
    """theta at one point from the solved T by adaptive quadrature, beside product integration."""
    from scipy.integrate import quad

    state = solve_slab(gray_bands(1.0, 1.0, 1.0), 2.0, hot=1.0)
    x = 0.6
    inner = state.panels.nodes

    def integrand(t):
        value = state.panels.interpolate(state.scattering_temperature, np.array([t]))[0]
        return 0.5 * value * exp1(abs(x - t))

    from scipy.special import expn

    scattered = sum(quad(integrand, a, b, limit=200)[0] for a, b in ((0.0, x), (x, 2.0)))
    assert inner[0] > 0.0
    assert state.temperature([x])[0] == pytest.approx(0.5 * expn(2, x) + scattered, rel=1e-9)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gray_flux_ratio(-1.0), "optical thickness = -1"),
        (lambda: gray_flux_ratio(1e6), "too many mean free paths"),
        (lambda: solve_slab(GRAY_SILICON, 0.0), "thickness = 0 m"),
        (lambda: gray_bands(1.0, -1.0, 1.0), "relaxation times = -1 s"),
        (lambda: heated_film_temperature(GRAY_SILICON, 1e-7, [1.2]), "must lie in 0 to 1"),
        (
            lambda: IsotropicBands(
                speeds=np.ones(2), relaxation_times=np.ones(3), heat_capacities=np.ones(2)
            ),
            "lists of equal length",
        ),
    ],
)
def test_nonsense_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
