"""Perfect and diffuse interfaces: laws, limits, and the resistance of Si/Ge."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.interfaces.base import InterfaceModel, check_flux_matrix
from pbte.interfaces.bins import energy_bins
from pbte.interfaces.dmm import DiffuseMismatch, SmoothMismatch, one_sided_share
from pbte.interfaces.landauer import (
    conductance_spectrum,
    conductances_of,
    entropy_production,
    interface_conductance,
    mode_transmission,
)
from pbte.interfaces.perfect import PerfectInterface

TERAHERTZ = 2e12 * np.pi  # as angular frequency
X = np.array([1.0, 0.0, 0.0])
OBLIQUE = np.array([0.36, 0.48, 0.8])
MODELS: dict[str, InterfaceModel] = {
    "elastic": DiffuseMismatch(),
    "ten bins": DiffuseMismatch(bins=10),
    "inelastic": DiffuseMismatch(elastic=False),
    "smooth": SmoothMismatch(),
    "sharp": SmoothMismatch(width=0.01 * TERAHERTZ),
}


@pytest.fixture(params=MODELS, ids=str)
def model(request):
    return MODELS[request.param]


def test_every_mismatch_obeys_the_three_laws_for_every_normal(model, pair, normal):
    """So there is no flux at equal temperature."""
    matrix = model.flux_matrix(*pair, normal)
    report = check_flux_matrix(matrix)
    assert report.is_sound, report
    leaving = matrix.apply(np.ones(matrix.num_modes))
    np.testing.assert_allclose(leaving[matrix.incoming], 1.0, rtol=1e-12)


def test_every_mismatch_produces_entropy_and_conserves_energy(model, pair):
    matrix = model.flux_matrix(*pair, OBLIQUE)
    theta = np.random.default_rng(3).normal(size=(matrix.num_modes, 20))
    arriving = matrix.flux[matrix.outgoing] @ theta[matrix.outgoing]
    leaving = matrix.flux[matrix.incoming] @ matrix.apply(theta)[matrix.incoming]
    np.testing.assert_allclose(leaving, arriving, atol=1e-12 * matrix.flux.sum())
    assert np.all(entropy_production(matrix, theta, 300.0) > 0.0)


def test_turning_the_pair_round_changes_nothing(model, pair):
    """The two one-sided sums of F are the same conductance: reciprocity."""
    first, second = pair
    there = interface_conductance(
        model.flux_matrix(first, second, OBLIQUE), first.num_modes
    ).conductance
    back = interface_conductance(
        model.flux_matrix(second, first, -OBLIQUE), second.num_modes
    ).conductance
    assert there == pytest.approx(back, rel=1e-12)


@pytest.mark.parametrize("name", ["Si-5", "Si-9", "model"])
@pytest.mark.parametrize("model", ["elastic", "inelastic", "smooth"])
def test_diffuse_mismatch_between_identical_crystals_transmits_one_half(crystal, name, model):
    modes = crystal(name)
    matrix = MODELS[model].flux_matrix(modes, modes, OBLIQUE)
    passing = mode_transmission(matrix, modes.num_modes)
    np.testing.assert_allclose(passing[matrix.outgoing], 0.5, rtol=1e-12)
    found = interface_conductance(matrix, modes.num_modes)
    assert found.local_resistance == pytest.approx(0.5 * found.landauer_resistance, rel=1e-12)


@pytest.mark.parametrize("name", ["Si-5", "model"])
def test_a_perfect_interface_transmits_every_mode(crystal, name, normal):
    modes = crystal(name)
    matrix = PerfectInterface().flux_matrix(modes, modes, normal)
    assert check_flux_matrix(matrix).is_sound
    num = modes.num_modes
    theta = np.random.default_rng(8).normal(size=2 * num)
    leaving = matrix.apply(theta)
    onward = matrix.incoming[num:]
    np.testing.assert_allclose(leaving[num:][onward], theta[:num][onward], rtol=1e-14)
    back = matrix.incoming[:num]
    np.testing.assert_allclose(leaving[:num][back], theta[num:][back], rtol=1e-14)
    brought = matrix.flux @ theta**2 / (2.0 * 300.0**2)
    assert abs(entropy_production(matrix, theta, 300.0)) < 1e-13 * brought


def test_the_paradox_a_perfect_interface_has_a_landauer_resistance(crystal):
    """Finite between the streams, zero between the local temperatures."""
    modes = crystal("Si-9")
    matrix = PerfectInterface().flux_matrix(modes, modes, X)
    found = interface_conductance(matrix, modes.num_modes)
    assert found.first_transmission == pytest.approx(1.0, rel=1e-12)
    assert found.landauer_resistance == pytest.approx(1.0 / found.first_flux, rel=1e-12)
    assert abs(found.local_resistance) < 1e-12 * found.landauer_resistance


def test_a_perfect_interface_of_different_crystals_is_refused(crystal):
    silicon, germanium = crystal("Si-5"), crystal("Ge-5")
    with pytest.raises(InputError, match="identical crystals, but their frequencies differ"):
        PerfectInterface().flux_matrix(silicon, germanium, X)
    with pytest.raises(InputError, match="747 and 216 modes"):
        PerfectInterface().flux_matrix(silicon, crystal("model"), X)


def test_diffuse_mismatch_of_silicon_and_germanium_has_the_known_size(crystal):
    """R = 2 to 5e-9 m^2 K/W at 300 K, in whatever direction; inelastic transmission lowers it."""
    silicon, germanium = crystal("Si-9"), crystal("Ge-9")
    for normal in (X, OBLIQUE, np.array([1.0, 1.0, 0.0]) / np.sqrt(2.0)):
        models = [MODELS[name] for name in ("elastic", "ten bins", "smooth", "inelastic")]
        found = conductances_of(models, silicon, germanium, normal)
        resistances = [each.landauer_resistance for each in found]
        assert min(resistances) > 2e-9 and max(resistances) < 5e-9
        assert resistances[-1] < min(resistances[:-1])
        assert all(0.0 < each.local_resistance < each.landauer_resistance for each in found)


def test_automatic_bins_agree_with_smooth_mixing(crystal):
    """Two ways of saying "the same energy" on a finite grid: 5 % on the finer one."""
    silicon, germanium = crystal("Si-9"), crystal("Ge-9")
    models = [DiffuseMismatch(), SmoothMismatch(width=0.3 * TERAHERTZ)]
    binned, smooth = conductances_of(models, silicon, germanium, OBLIQUE)
    assert binned.conductance == pytest.approx(smooth.conductance, rel=0.05)


def test_too_many_bins_are_a_grid_artefact_and_reported(crystal):
    """50 bins on a 5^3 grid: the conductance falls by half, for a third of the flux is alone."""
    silicon, germanium = crystal("Si-5"), crystal("Ge-5")
    few, many = conductances_of(
        [DiffuseMismatch(bins=10), DiffuseMismatch(bins=50)], silicon, germanium, X
    )
    assert many.conductance < 0.6 * few.conductance
    assert one_sided_share(silicon, germanium, X, 10).artefact < 0.05
    assert one_sided_share(silicon, germanium, X, 50).artefact > 0.3
    automatic = one_sided_share(silicon, germanium, X)
    assert automatic.artefact == 0.0
    # Above the spectrum of germanium silicon is alone by nature.
    assert 0.3 < automatic.first < 0.5
    assert automatic.second == 0.0


def test_a_one_sided_bin_reflects_inside_itself(crystal):
    silicon, germanium = crystal("Si-9"), crystal("Ge-9")
    matrix = DiffuseMismatch(bins=20).flux_matrix(silicon, germanium, OBLIQUE)
    bins = energy_bins([silicon, germanium], 20)
    warm = np.where(bins.index == bins.num_bins - 1, 1.0, 0.0)
    assert mode_transmission(matrix, silicon.num_modes)[warm > 0.0].max() == 0.0
    leaving = matrix.apply(warm)[matrix.incoming]
    np.testing.assert_allclose(leaving, warm[matrix.incoming], atol=1e-12)


def test_the_spectrum_adds_up_to_the_conductance(crystal):
    silicon, germanium = crystal("Si-9"), crystal("Ge-9")
    matrix = DiffuseMismatch().flux_matrix(silicon, germanium, X)
    total = interface_conductance(matrix, silicon.num_modes).conductance
    bins = energy_bins([silicon, germanium])
    spectrum = conductance_spectrum(matrix, silicon.num_modes, bins)
    assert spectrum.conductance.sum() == pytest.approx(total, rel=1e-12)
    # Detailed balance of the diffuse model: t12 + t21 = 1 where both have states, else 0.
    both = np.nan_to_num(spectrum.first_transmission) + np.nan_to_num(spectrum.second_transmission)
    shared = spectrum.edges[:-1] < 9e12 * 2.0 * np.pi
    np.testing.assert_allclose(both[shared & (both > 0.0)], 1.0, rtol=1e-12)
    assert np.isclose(both, 0.0, rtol=0.0, atol=1e-12).any()


def test_mode_transmission_is_the_column_sum_over_the_other_side(crystal):
    silicon, germanium = crystal("Si-5"), crystal("Ge-5")
    matrix = DiffuseMismatch().flux_matrix(silicon, germanium, OBLIQUE)
    num = silicon.num_modes
    dense = matrix.dense()
    columns = np.concatenate([dense[num:, :num].sum(axis=0), dense[:num, num:].sum(axis=0)])
    passing = mode_transmission(matrix, num)
    np.testing.assert_allclose(matrix.flux * passing, columns, atol=1e-13 * columns.max())


def test_smooth_mixing_spreads_energies_by_its_width(crystal):
    silicon, germanium = crystal("Si-9"), crystal("Ge-9")
    sharp = SmoothMismatch(width=0.2 * TERAHERTZ).flux_matrix(silicon, germanium, X)
    frequencies = np.concatenate([silicon.frequencies, germanium.frequencies])
    warm = np.where(frequencies < 4.0 * TERAHERTZ, 1.0, 0.0)
    leaving = sharp.apply(warm)
    assert leaving[frequencies > 4.9 * TERAHERTZ].max() == 0.0  # cut off at four widths
    near = sharp.incoming & (np.abs(frequencies - 4.0 * TERAHERTZ) < 0.2 * TERAHERTZ)
    assert 0.2 < leaving[near].mean() < 0.8


def test_tables_for_two_temperatures_are_refused(model, crystal):
    warmer = dataclasses.replace(crystal("Ge-5"), temperature=310.0)
    with pytest.raises(InputError, match="300 K and 310 K"):
        model.flux_matrix(crystal("Si-5"), warmer, X)


def test_a_bad_width_is_refused():
    with pytest.raises(InputError, match="width = -1 rad/s"):
        SmoothMismatch(width=-1.0)
