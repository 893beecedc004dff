"""Model crystals: directions with exact moments, in opposite pairs."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.materials.conductivity import bulk_conductivity
from pbte.materials.kernel import check_kernel
from pbte.materials.models import gray_crystal, isotropic_crystal, product_quadrature

BANDS = {
    "speeds": [8400.0, 5800.0, 5800.0],
    "relaxation_times": [1e-11, 3e-11, 4e-11],
    "heat_capacities": [0.4e6, 0.5e6, 0.6e6],
}


@pytest.mark.parametrize(("polar", "azimuthal"), [(2, 4), (3, 6), (8, 8), (12, 16)])
def test_directions_come_in_opposite_pairs_of_equal_weight(polar, azimuthal):
    directions, weights = product_quadrature(polar, azimuthal)
    half = len(weights) // 2
    assert len(weights) == polar * azimuthal
    assert len(np.unique(directions.round(12), axis=0)) == len(weights)
    np.testing.assert_array_equal(directions[half:], -directions[:half])
    np.testing.assert_array_equal(weights[half:], weights[:half])
    np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1.0, rtol=1e-14)


@pytest.mark.parametrize(("polar", "azimuthal"), [(2, 4), (3, 6), (8, 8), (12, 16)])
def test_first_and_second_moments_of_the_directions_are_exact(polar, azimuthal):
    directions, weights = product_quadrature(polar, azimuthal)
    assert weights.sum() == pytest.approx(1.0, abs=1e-15)
    np.testing.assert_allclose(weights @ directions, 0.0, atol=1e-16)
    second = directions.T @ (weights[:, None] * directions)
    np.testing.assert_allclose(second, np.eye(3) / 3.0, atol=3e-15)


def test_finer_directions_carry_the_fourth_moments():
    """<x^4> = 1/5, <x^2 y^2> = 1/15 from 3 polar angles and 5 azimuths on."""
    directions, weights = product_quadrature(4, 6)
    squares = directions**2
    expected = np.full((3, 3), 1.0 / 15.0) + np.eye(3) * 2.0 / 15.0
    np.testing.assert_allclose(squares.T @ (weights[:, None] * squares), expected, atol=3e-15)


def test_half_a_flux_tends_to_a_quarter_of_the_speed():
    """sum over v_z > 0 of w v_z -> v/4: half a sphere is no polynomial, the error is 1/n^2."""
    errors = []
    for polar in (16, 32):
        directions, weights = product_quadrature(polar, 8)
        outward = directions[:, 2] > 0.0
        errors.append(abs(weights[outward] @ directions[outward, 2] / 0.25 - 1.0))
    assert errors[0] < 4e-3
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.1)


def test_conductivity_of_isotropic_bands_is_a_third_of_sum_c_v_v_tau():
    """The common temperature takes no part: a velocity does not excite it."""
    material = isotropic_crystal(name="three bands", temperature=300.0, **BANDS)
    speeds, times, capacities = (np.array(values) for values in BANDS.values())
    expected = (capacities * speeds**2 * times).sum() / 3.0
    np.testing.assert_allclose(
        bulk_conductivity(material.kernel), expected * np.eye(3), atol=1e-13 * expected
    )
    assert material.modes.heat_capacity == pytest.approx(1.5e6, rel=1e-14)


def test_model_kernels_keep_the_laws_of_collisions():
    report = check_kernel(isotropic_crystal(name="bands", temperature=300.0, **BANDS).kernel)
    assert report.is_sound
    assert report.rank == 1
    assert report.khat_max == pytest.approx(1.0, abs=1e-14)


def test_modes_of_a_model_are_grouped_by_direction_and_know_their_band():
    modes = isotropic_crystal(name="bands", temperature=300.0, polar=2, azimuthal=4, **BANDS).modes
    assert (modes.num_modes, modes.num_pairs) == (24, 12)
    np.testing.assert_array_equal(modes.bands[:6], [0, 1, 2, 0, 1, 2])
    np.testing.assert_array_equal(modes.grid_points[:6], [0, 0, 0, 1, 1, 1])
    np.testing.assert_allclose(
        np.linalg.norm(modes.velocities, axis=1), np.array(BANDS["speeds"])[modes.bands], rtol=1e-14
    )


def test_a_gray_crystal_has_one_mean_free_path():
    modes = gray_crystal(speed=6400.0, relaxation_time=1e-11, heat_capacity=1.6e6).modes
    np.testing.assert_allclose(modes.mean_free_paths, 64e-9, rtol=1e-14)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"speeds": [8400.0, -5800.0, 5800.0]}, "speeds: value -5800 of band 1 is not positive"),
        ({"relaxation_times": [1e-11]}, "1 relaxation_times for 3 speeds"),
        ({"heat_capacities": []}, "expected one value per band"),
        ({"polar": 1}, "polar = 1"),
        ({"azimuthal": 5}, "azimuthal = 5; an even number"),
        ({"temperature": -1.0}, "temperature = -1 K"),
    ],
)
def test_a_bad_model_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        isotropic_crystal(**{"name": "bad", "temperature": 300.0, **BANDS, **change})
