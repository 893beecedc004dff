"""Flux matrices: what they do, and that their check finds every kind of violation."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.sparse

from pbte.core.errors import InputError
from pbte.interfaces.base import (
    assemble,
    check_flux_matrix,
    pair_modes,
    wall_modes,
)
from pbte.interfaces.landauer import interface_conductance
from pbte.materials.models import gray_crystal, isotropic_crystal

NORMAL = np.array([2.0, -1.0, 2.0]) / 3.0


def gray(**options):
    values = {"speed": 6000.0, "relaxation_time": 1e-11, "heat_capacity": 1.6e6}
    return gray_crystal(**{**values, **options}).modes


def two_bands():
    return isotropic_crystal(
        name="two bands",
        temperature=300.0,
        speeds=[5000.0, 2000.0],
        relaxation_times=[1e-11, 1e-11],
        heat_capacities=[1e6, 5e5],
        frequencies=[3e13, 5e13],
    ).modes


def diffuse(modes, normal=NORMAL):
    return assemble(wall_modes(modes, normal), bins=modes.bands)


def retroreflecting(modes):
    """A_ij = f_i delta_ij: every mode returns as its partner."""
    surface = wall_modes(modes, NORMAL)
    pairs = scipy.sparse.csr_array(scipy.sparse.diags_array(surface.flux * surface.outgoing))
    return assemble(surface, pairs=pairs)


def test_outgoing_modes_are_the_time_reversed_incoming_ones():
    surface = pair_modes(gray(), two_bands(), NORMAL)
    np.testing.assert_array_equal(surface.outgoing[surface.partners], surface.incoming)
    np.testing.assert_array_equal(surface.flux[surface.partners], surface.flux)
    speed = surface.flux[: gray().num_modes] / gray().heat_capacities
    np.testing.assert_allclose(speed, np.abs(gray().velocities @ NORMAL), rtol=1e-12)
    assert surface.second.sum() == two_bands().num_modes
    # Into the surface: along the normal in the first crystal, against it in the second.
    assert np.all((two_bands().velocities @ NORMAL)[surface.outgoing[gray().num_modes :]] < 0.0)


def test_modes_along_the_surface_take_no_part():
    modes = gray(polar=3)  # an odd number of polar angles: some directions lie in the plane z = 0
    surface = wall_modes(modes, np.array([0.0, 0.0, 1.0]))
    along = ~(surface.outgoing | surface.incoming)
    assert along.sum() == 8
    assert not surface.flux[along].any()


@pytest.mark.parametrize("make", [diffuse, retroreflecting])
def test_apply_is_the_dense_matrix(make):
    matrix = make(two_bands())
    theta = np.random.default_rng(1).normal(size=(matrix.num_modes, 2, 3))
    expected = np.einsum("nm,m...->n...", matrix.dense(), theta)
    fluxes = matrix.flux[:, None, None] * matrix.apply(theta)
    np.testing.assert_allclose(fluxes, expected, atol=1e-13 * np.abs(expected).max())
    assert not matrix.apply(theta)[~matrix.incoming].any()
    assert check_flux_matrix(matrix).is_sound


def test_bins_exchange_energy_only_as_the_exchange_matrix_says():
    modes = two_bands()
    surface = wall_modes(modes, NORMAL)
    totals = np.array([surface.flux[surface.outgoing & (modes.bands == b)].sum() for b in (0, 1)])
    passing = 0.3 * totals.min()
    flows = np.diag(totals - passing) + passing * (1.0 - np.eye(2))
    exchange = scipy.sparse.csr_array(flows / np.outer(totals, totals))
    matrix = assemble(surface, bins=modes.bands, exchange=exchange)
    assert check_flux_matrix(matrix).is_sound
    warm = np.where(modes.bands == 0, 1.0, 0.0)
    received = (matrix.flux * matrix.apply(warm))[modes.bands == 1].sum()
    assert received == pytest.approx(passing, rel=1e-13)


def test_the_check_finds_each_violation():
    sound = retroreflecting(two_bands())
    dense = sound.dense()
    row, column = (int(k[0]) for k in np.nonzero(dense))
    other = int(np.flatnonzero(sound.incoming)[-1])

    def report(row, column, change):
        changed = dense.copy()
        changed[row, column] += change * sound.flux[column]
        return check_flux_matrix(dataclasses.replace(sound, sparse=scipy.sparse.csr_array(changed)))

    lost = report(row, column, -0.1)
    assert lost.energy == pytest.approx(0.1, rel=1e-9)
    assert lost.equilibrium == pytest.approx(0.1, rel=1e-9)
    assert lost.negativity == 0.0
    assert report(other, column, -0.1).negativity > 1e-3
    assert report(other, column, 0.1).reciprocity > 0.05
    assert report(column, column, 0.1).misplaced > 1e-3
    assert not lost.is_sound


def test_the_check_finds_bins_and_weights_that_are_not_time_reversal_symmetric():
    sound = diffuse(two_bands())
    weights, bins = sound.weights.copy(), sound.bins.copy()
    chosen = int(np.flatnonzero(sound.outgoing)[0])
    weights[chosen] *= 0.5
    assert check_flux_matrix(dataclasses.replace(sound, weights=weights)).reciprocity > 0.4
    bins[chosen] = 1 - bins[chosen]
    assert check_flux_matrix(dataclasses.replace(sound, bins=bins)).reciprocity == 1.0


def test_the_conductance_counts_what_passes():
    first, second = gray(), gray(speed=3000.0)
    surface = pair_modes(first, second, NORMAL)
    matrix = assemble(surface, bins=np.zeros(surface.num_modes, dtype=np.int64))
    one = surface.flux[surface.outgoing & ~surface.second].sum()
    two = surface.flux[surface.outgoing & surface.second].sum()
    expected = one * two / (one + two)
    assert interface_conductance(matrix, first.num_modes).conductance == pytest.approx(
        expected, rel=1e-13
    )


def test_a_bad_normal_or_two_temperatures_are_refused():
    with pytest.raises(InputError, match="length 2; expected a unit vector"):
        wall_modes(gray(), 2.0 * NORMAL)
    with pytest.raises(InputError, match="three components"):
        wall_modes(gray(), np.array([1.0, 0.0]))
    with pytest.raises(InputError, match="300 K and 310 K; use tables for one temperature"):
        pair_modes(gray(), gray(temperature=310.0), NORMAL)


def test_shapes_that_do_not_fit_are_refused():
    sound = diffuse(two_bands())
    with pytest.raises(InputError, match="bins has shape"):
        dataclasses.replace(sound, bins=sound.bins[:-1])
    with pytest.raises(InputError, match="exchange has shape"):
        dataclasses.replace(sound, exchange=scipy.sparse.csr_array(np.eye(5)))
