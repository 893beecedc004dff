"""Mode tables: pairs (q, -q), heat capacities, and the refusals of bad tables."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.errors import InputError
from pbte.materials.modes import Crystal, ModeTable, canonical_order
from pbte.materials.statistics import mode_heat_capacity, reduced_energy
from pbte.materials.storage import read_material

NAMES = ["Si-5", "Ge-5"]


@pytest.fixture(params=NAMES)
def modes(request) -> ModeTable:
    return read_material(request.param).modes


def test_a_mode_and_its_partner_are_time_reversed(modes):
    """Exactly, bit by bit: the partner is made as a copy."""
    partners = modes.partners
    np.testing.assert_array_equal(partners[partners], np.arange(modes.num_modes))
    np.testing.assert_array_equal(modes.velocities[partners], -modes.velocities)
    np.testing.assert_array_equal(modes.bands[partners], modes.bands)
    for values in (modes.frequencies, modes.heat_capacities, modes.loss_rates):
        np.testing.assert_array_equal(values[partners], values)
    pairs = slice(0, 2 * modes.num_pairs)
    np.testing.assert_array_equal(modes.wave_vectors[partners][pairs], -modes.wave_vectors[pairs])


def test_an_odd_grid_keeps_three_optical_modes_at_the_zone_centre(modes):
    """6 N - 3 modes; only q = 0 is its own opposite, and nothing moves there."""
    assert modes.num_modes == 6 * 125 - 3
    assert modes.num_modes - 2 * modes.num_pairs == 3
    rest = slice(2 * modes.num_pairs, None)
    assert not modes.velocities[rest].any()
    assert not modes.wave_vectors[rest].any()
    np.testing.assert_array_equal(modes.bands[rest], [3, 4, 5])


def test_slow_acoustic_modes_travel_along_their_wave_vector_at_about_omega_over_q(modes):
    """Fixes the orientation of q, its 2 pi and the units. 5^3 is coarse: dispersion takes 25 %."""
    lengths = np.linalg.norm(modes.wave_vectors, axis=1)
    shortest = lengths[lengths > 0.0].min()
    chosen = (modes.bands == 2) & (lengths > 0.0) & (lengths < 1.001 * shortest)
    direction = modes.wave_vectors[chosen] / lengths[chosen, None]
    along = np.einsum("mi,mi->m", modes.velocities[chosen], direction)
    phase_speed = modes.frequencies[chosen] / lengths[chosen]
    assert np.all(along > 0.7 * phase_speed)
    assert np.all(along < 1.02 * phase_speed)


def test_wave_vectors_lie_in_the_first_zone(modes):
    """No reciprocal lattice vector brings a wave vector nearer to the origin."""
    reciprocal = 2.0 * np.pi * np.linalg.inv(modes.crystal.lattice).T
    steps = np.array(np.meshgrid(*[[-2, -1, 0, 1, 2]] * 3)).reshape(3, -1).T @ reciprocal
    lengths = np.linalg.norm(modes.wave_vectors, axis=1)
    nearest = np.linalg.norm(modes.wave_vectors[:, None] + steps, axis=2).min(axis=1)
    assert np.all(nearest >= lengths * (1.0 - 1e-8))


@pytest.mark.parametrize(
    ("name", "density", "measured", "tolerance"),
    [
        # Density of the force constants' lattice (rounded, materials notes), and the measured heat
        # capacity at 300 K (CRC Handbook: 19.99 and 23.22 J/mol K) in that volume; harmonic and
        # coarse: 2 %.
        ("Si-5", 2326.0, 19.99 / 28.0855e-3 * 2326.0, 0.02),
        ("Ge-5", 5472.0, 23.22 / 72.64e-3 * 5472.0, 0.02),
    ],
)
def test_density_and_heat_capacity_are_those_of_the_crystal(name, density, measured, tolerance):
    modes = read_material(name).modes
    assert modes.crystal.density == pytest.approx(density, rel=1e-3)
    assert modes.heat_capacity == pytest.approx(measured, rel=tolerance)


def test_mode_heat_capacity_is_the_slope_of_the_mode_energy():
    """Central difference of hbar omega n; its error is (dT/T)^2."""
    frequencies = 2.0 * np.pi * np.array([1e11, 1e12, 5e12, 15e12])
    step = 1e-2
    energies = [
        REDUCED_PLANCK * frequencies / np.expm1(reduced_energy(frequencies, 300.0 + side))
        for side in (-step, step)
    ]
    slope = (energies[1] - energies[0]) / (2.0 * step)
    np.testing.assert_allclose(mode_heat_capacity(frequencies, 300.0), slope, rtol=1e-7)


def test_mode_heat_capacity_tends_to_boltzmanns_constant_and_freezes_out():
    frequencies = np.array([2.0 * np.pi * 10e12])
    assert mode_heat_capacity(frequencies, 1e6)[0] == pytest.approx(BOLTZMANN, rel=1e-6)
    with np.errstate(over="raise", invalid="raise"):
        assert mode_heat_capacity(frequencies, 1.0)[0] < 1e-100 * BOLTZMANN


def test_canonical_order_puts_pairs_first_then_partners_then_the_rest():
    partners = np.array([3, 1, 5, 0, 4, 2])
    order = canonical_order(partners)
    np.testing.assert_array_equal(order, [0, 2, 3, 5, 1, 4])
    with pytest.raises(InputError, match="mode 0 is not the partner of its own partner"):
        canonical_order(np.array([1, 2, 0]))


def test_a_negative_frequency_is_refused_with_count_and_first_mode(modes):
    frequencies = modes.frequencies.copy()
    frequencies[[4, 7]] *= -1.0
    with pytest.raises(InputError, match=r"2 of 747 frequencies are not positive \(first: mode 4"):
        dataclasses.replace(modes, frequencies=frequencies)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"temperature": 0.0}, "temperature = 0 K; it must be positive"),
        ({"temperature": float("nan")}, "temperature = nan K"),
        ({"loss_rates": np.zeros(747)}, "747 of 747 loss rates are not positive"),
        ({"velocities": np.ones((747, 2))}, r"velocities has shape \(747, 2\), expected"),
        ({"velocities": np.ones((747, 3))}, "velocity of mode 0 and of its partner"),
        ({"velocities": np.full((747, 3), np.nan)}, "not a finite number"),
        ({"loss_rates": np.arange(1.0, 748.0)}, "loss rate of mode 0 and of its partner"),
        ({"partners": np.roll(np.arange(747), 1)}, "sort them with canonical_order"),
        ({"frequencies": np.zeros(0)}, "the mode table is empty"),
    ],
)
def test_a_bad_mode_table_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(read_material("Si-5").modes, **change)


def test_a_flat_crystal_is_refused():
    with pytest.raises(InputError, match="span no volume"):
        Crystal(
            lattice=np.ones((3, 3)),
            symbols=("Si",),
            positions=np.zeros((1, 3)),
            masses=np.ones(1),
            mesh=(1, 1, 1),
            rotations=np.eye(3)[None],
        )
