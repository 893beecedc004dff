"""Heat along films and wires: limits, series, geometry, the published number."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import dblquad
from scipy.special import expn

from pbte.core.errors import InputError
from pbte.reference.closed_forms.fuchs_sondheimer import (
    film_suppression,
    in_plane_conductivity,
    wire_conductivity,
    wire_suppression,
)
from pbte.reference.closed_forms.slab import IsotropicBands


@pytest.fixture(scope="module")
def silicon():
    from pbte.materials.band_table import read_band_table

    table = read_band_table("Si-bands")
    return IsotropicBands(
        speeds=table.speeds,
        relaxation_times=table.relaxation_times,
        heat_capacities=table.heat_capacities,
    )


def test_silicon_of_100_nm_conducts_along_its_plane_as_published(silicon):
    assert in_plane_conductivity(silicon, 100e-9) == pytest.approx(69.373, abs=5e-4)


def test_the_diffuse_film_is_the_closed_form_in_exponential_integrals():
    """F = 1 - (3 K/8) [1 - 4 E3(1/K) + 4 E5(1/K)]."""
    knudsen = np.geomspace(1e-3, 100.0, 25)
    depth = 1.0 / knudsen
    expected = 1.0 - 0.375 * knudsen * (1.0 - 4.0 * (expn(3, depth) - expn(5, depth)))
    # The closed form loses K^2 times the round-off.
    np.testing.assert_allclose(film_suppression(knudsen), expected, rtol=1e-9)


def test_thick_and_thin_limits():
    """Film 1 - 3K/8 and (3/4) ln K / K + ..., wire 1 - 3K/4 and 1/K."""
    assert film_suppression(1e-3) == pytest.approx(1.0 - 0.375e-3, abs=1e-9)
    assert wire_suppression(1e-3) == pytest.approx(1.0 - 0.75e-3, abs=1e-6)
    thin = 1e6
    euler = np.euler_gamma
    assert film_suppression(thin) == pytest.approx(
        0.75 * (np.log(thin) + 1.0 - euler) / thin, rel=1e-5
    )
    assert wire_suppression(thin) == pytest.approx(1.0 / thin, rel=1e-4)


@pytest.mark.parametrize("specularity", [0.0, 0.3, 0.9])
def test_partly_specular_walls_are_the_sum_over_reflections(specularity):
    """(1-p)^2 sum n p^(n-1) F(K/n): n reflections stand for a body n times as thick."""
    number = np.arange(1, 300 if specularity else 2)
    weights = (1.0 - specularity) ** 2 * number * specularity ** (number - 1)
    for suppression in (film_suppression, wire_suppression):
        for knudsen in (0.2, 5.0):
            expected = weights @ suppression(knudsen / number)
            assert suppression(knudsen, specularity) == pytest.approx(expected, rel=1e-8)


def test_mirrors_change_nothing():
    np.testing.assert_allclose(film_suppression([0.1, 10.0], 1.0), 1.0, rtol=1e-12)
    np.testing.assert_allclose(wire_suppression([0.1, 10.0], 1.0), 1.0, rtol=1e-10)


@pytest.mark.parametrize("knudsen", [0.3, 4.0])
def test_a_wire_is_the_average_over_points_and_directions(knudsen):
    """Of cos^2 (1 - exp(-way to the surface)), points over the disc, from geometry alone."""
    points, weights = np.polynomial.legendre.leggauss(60)
    radii, areas = 0.25 * (points + 1.0), 0.25 * weights  # radius 1/2
    azimuths = 2.0 * np.pi * (np.arange(400) + 0.5) / 400

    def lost(theta):
        way = -radii[:, None] * np.cos(azimuths)
        way = way + np.sqrt(0.25 - (radii[:, None] * np.sin(azimuths)) ** 2)
        kept = np.exp(-way / (knudsen * np.sin(theta))).mean(axis=1)
        return (8.0 * radii * areas) @ (1.0 - kept) * np.cos(theta) ** 2 * np.sin(theta)

    theta = 0.25 * np.pi * (points + 1.0)
    expected = 3.0 * 0.25 * np.pi * weights @ np.array([lost(angle) for angle in theta])
    assert wire_suppression(knudsen) == pytest.approx(expected, rel=1e-4)


def test_the_wire_is_dingles_double_integral():
    knudsen = 1.0

    def integrand(s, x):
        return np.sqrt(1.0 - x**2) * s * np.sqrt(1.0 - s**2) * np.exp(-x / (s * knudsen))

    integral = dblquad(integrand, 0.0, 1.0, 1e-12, 1.0)[0]
    assert wire_suppression(knudsen) == pytest.approx(1.0 - 12.0 / np.pi * integral, rel=1e-6)


def test_a_wire_conducts_less_than_a_film_and_both_less_than_the_bulk(silicon):
    sizes = np.geomspace(1e-9, 1e-3, 7)
    film, wire = in_plane_conductivity(silicon, sizes), wire_conductivity(silicon, sizes)
    assert np.all(np.diff(film) > 0.0)
    assert np.all(wire < film)
    assert film[-1] == pytest.approx(silicon.conductivity, rel=5e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: film_suppression(0.0), "Knudsen number = 0"),
        (lambda: wire_suppression(1.0, 1.5), "specularity = 1.5"),
    ],
)
def test_nonsense_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()
