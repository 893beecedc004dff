"""Interfaces with given transmission: tables, strings and mediators."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.errors import InputError
from pbte.interfaces.base import check_flux_matrix
from pbte.interfaces.bins import energy_bins
from pbte.interfaces.dmm import DiffuseMismatch
from pbte.interfaces.landauer import (
    conductance_spectrum,
    entropy_production,
    interface_conductance,
    mode_transmission,
)
from pbte.interfaces.mediator import MediatorInterface, landauer_by_bin
from pbte.interfaces.table import TabulatedTransmission, TransmissionTable
from pbte.reference.mediator.currents import conductance as mediator_conductance
from pbte.reference.mediator.mediator import Mediator
from pbte.reference.mediator.mediator import transmission as mediator_transmission
from pbte.reference.strings.conductance import (
    conductance_quantum,
    four_point_conductance,
    impedance,
    linear_steady_temperatures,
    transmission,
    two_point_conductance,
)

TERAHERTZ = 2e12 * np.pi
X = np.array([1.0, 0.0, 0.0])
OBLIQUE = np.array([0.36, 0.48, 0.8])
EVERYWHERE = np.array([0.0, 1e15])
FALLING = TabulatedTransmission(
    frequencies=np.array([0.0, 4.0, 8.0, 20.0]) * TERAHERTZ, values=np.array([0.5, 0.4, 0.1, 0.05])
)
RESONANCE = Mediator(frequency=5.0 * TERAHERTZ, damping=1.0 * TERAHERTZ, cutoff=20.0 * TERAHERTZ)


def flat(value):
    return TabulatedTransmission(frequencies=EVERYWHERE, values=np.full(2, value))


def resonant(frequencies):
    return mediator_transmission(RESONANCE, frequencies)


def per_branch():
    values = np.linspace(0.0, 0.4, 6)[:, None] * np.ones(2)
    return TabulatedTransmission(frequencies=EVERYWHERE, values=values)


MODELS = {
    "table": TransmissionTable(table=flat(0.05)),
    "few bins": TransmissionTable(table=FALLING, bins=8, excess="reduce"),
    "per branch": TransmissionTable(table=per_branch(), excess="reduce"),
    "mirror": TransmissionTable(table=FALLING, reflection="specular", excess="reduce"),
    "branches and mirror": TransmissionTable(
        table=per_branch(), reflection="specular", excess="reduce"
    ),
    "full": TransmissionTable(table=flat(1.0), excess="reduce"),
    "mediator": MediatorInterface(transmission=resonant, density=2e18),
    "mediator and mirror": MediatorInterface(
        transmission=resonant, density=2e18, reflection="specular"
    ),
    "dense mediators": MediatorInterface(transmission=resonant, density=1e21, excess="reduce"),
}


@pytest.fixture(params=MODELS, ids=str)
def model(request):
    return MODELS[request.param]


@pytest.mark.parametrize("grid", [5, 9])
def test_every_transmission_obeys_the_three_laws_for_every_normal(model, crystal, grid, normal):
    matrix = model.flux_matrix(crystal(f"Si-{grid}"), crystal(f"Ge-{grid}"), normal)
    report = check_flux_matrix(matrix)
    assert report.is_sound, report
    leaving = matrix.apply(np.ones(matrix.num_modes))
    np.testing.assert_allclose(leaving[matrix.incoming], 1.0, rtol=1e-12)


def test_every_transmission_produces_entropy_and_conserves_energy(model, crystal):
    matrix = model.flux_matrix(crystal("Si-9"), crystal("Ge-9"), OBLIQUE)
    theta = np.random.default_rng(3).normal(size=(matrix.num_modes, 20))
    arriving = matrix.flux[matrix.outgoing] @ theta[matrix.outgoing]
    leaving = matrix.flux[matrix.incoming] @ matrix.apply(theta)[matrix.incoming]
    np.testing.assert_allclose(leaving, arriving, atol=1e-12 * matrix.flux.sum())
    assert np.all(entropy_production(matrix, theta, 300.0) > 0.0)


def test_a_flat_table_is_the_transmission_of_every_mode_that_can_pass(crystal):
    silicon, germanium = crystal("Si-9"), crystal("Ge-9")
    matrix = TransmissionTable(table=flat(0.15)).flux_matrix(silicon, germanium, X)
    num = silicon.num_modes
    ours = mode_transmission(matrix, num)[:num]
    np.testing.assert_allclose(ours[ours > 0.0], 0.15, rtol=1e-12)
    assert np.all(ours[silicon.frequencies > 9.2 * TERAHERTZ] == 0.0)
    # Detailed balance: t21 G2 = t12 G1 in each bin.
    bins = energy_bins([silicon, germanium])
    spectrum = conductance_spectrum(matrix, num, bins)
    back, flux = spectrum.second_transmission, np.where(matrix.outgoing, matrix.flux, 0.0)
    weights = [np.bincount(bins.index[s], weights=flux[s]) for s in (slice(num), slice(num, None))]
    shared = np.flatnonzero(np.isfinite(back))
    np.testing.assert_allclose(
        back[shared] * weights[1][shared], 0.15 * weights[0][shared], rtol=1e-12
    )


def test_the_diffuse_mismatch_written_as_a_table_is_the_same_interface(crystal):
    """t12 = G2/(G1 + G2) in each bin: equal conductance, and equal temperatures behind."""
    silicon, germanium = crystal("Si-9"), crystal("Ge-9")
    edges = tuple(np.linspace(0.0, 16.0, 9) * TERAHERTZ)
    diffuse = DiffuseMismatch(bins=edges).flux_matrix(silicon, germanium, X)
    bins = energy_bins([silicon, germanium], edges)
    spectrum = conductance_spectrum(diffuse, silicon.num_modes, bins)
    middles = np.repeat(bins.edges, 2)[1:-1] + np.tile([1.0, -1.0], bins.num_bins)
    table = TabulatedTransmission(
        frequencies=middles, values=np.repeat(spectrum.first_transmission, 2)
    )
    # Steps of the table, at the edges to the bit.
    model = TransmissionTable(table=table, bins=edges)
    theta = np.random.default_rng(9).normal(size=diffuse.num_modes)
    matrix = model.flux_matrix(silicon, germanium, X)
    conductances = [
        interface_conductance(each, silicon.num_modes).conductance for each in (diffuse, matrix)
    ]
    assert conductances[0] == pytest.approx(conductances[1], rel=1e-12)
    # The rest is reflected in proportion to f too: 1 - G2/(G1 + G2) = G1/(G1 + G2).
    np.testing.assert_allclose(matrix.apply(theta), diffuse.apply(theta), atol=1e-11)


def test_a_table_per_branch_stops_the_branches_it_names(crystal):
    silicon, germanium = crystal("Si-9"), crystal("Ge-9")
    matrix = TransmissionTable(table=per_branch()).flux_matrix(silicon, germanium, X)
    passing = mode_transmission(matrix, silicon.num_modes)[: silicon.num_modes]
    by_branch = np.bincount(silicon.bands, weights=passing * matrix.flux[: silicon.num_modes])
    assert by_branch[0] == pytest.approx(0.0, abs=1e-12 * by_branch.sum())
    assert by_branch[1] > 0.0
    second = (silicon.bands == 1) & (passing > 0.0)
    np.testing.assert_allclose(passing[second], 0.08, rtol=1e-12)


def test_specular_reflection_keeps_the_parallel_velocity_of_what_does_not_pass(crystal):
    silicon, germanium = crystal("Si-9"), crystal("Ge-9")
    kept = []
    for reflection in ("diffuse", "specular"):
        model = TransmissionTable(table=flat(0.2), reflection=reflection)
        matrix = model.flux_matrix(silicon, germanium, X)
        along = np.concatenate([silicon.velocities[:, 1], np.zeros(germanium.num_modes)])
        kept.append((along * matrix.flux) @ matrix.apply(along))
    flux = np.where(matrix.outgoing, matrix.flux, 0.0)
    passing = mode_transmission(matrix, silicon.num_modes)
    reflected = (flux * (1.0 - passing)) @ along**2
    assert kept[1] == pytest.approx(reflected, rel=1e-6)
    assert abs(kept[0]) < 0.05 * reflected


# Two strings: one channel, heat capacity per length pi kB^2 T/(3 hbar c).


def joined_strings(string, ratio):
    """Two strings at 300 K with impedances in this ratio, and the model of their joint."""
    speeds, densities = (3000.0, 1200.0), (1.0, ratio * 2.5)
    capacity = [np.pi * BOLTZMANN**2 * 300.0 / (3.0 * REDUCED_PLANCK * c) for c in speeds]
    strings = [string(n, c, k) for n, c, k in zip("lr", speeds, capacity, strict=True)]
    share = float(transmission(*(impedance(d, c) for d, c in zip(densities, speeds, strict=True))))
    model = TransmissionTable(table=flat(share))
    return share, model.flux_matrix(*strings, X)


@pytest.mark.parametrize("ratio", [1.0, 2.0, 9.0])
def test_two_joined_strings_transmit_by_their_impedances(string, ratio):
    """A1, A7: conductance (pi kB^2 T/6 hbar) T between the initial states, T/R behind the front."""
    share, matrix = joined_strings(string, ratio)
    assert share == pytest.approx(4.0 * ratio / (1.0 + ratio) ** 2, rel=1e-14)
    assert check_flux_matrix(matrix).is_sound
    np.testing.assert_allclose(
        mode_transmission(matrix, 2)[matrix.outgoing], share, rtol=1e-12, atol=1e-15
    )
    found = interface_conductance(matrix, 2)
    assert found.conductance == pytest.approx(float(two_point_conductance(300.0, share)), rel=1e-12)
    assert found.first_flux == pytest.approx(float(conductance_quantum(300.0)), rel=1e-12)
    if ratio > 1.0:
        exact = float(four_point_conductance(300.0, share))
        assert found.local_resistance == pytest.approx(1.0 / exact, rel=1e-11)


def test_streams_behind_the_joint_give_the_temperatures_of_the_steady_state(string):
    """A6, linearised: T_l' = T_r + (1 - T/2) dT, T_r' = T_r + (T/2) dT."""
    share, matrix = joined_strings(string, 3.0)
    theta = np.array([1.0, 1.0, 0.0, 0.0])  # dT = 1 K on the left
    leaving = matrix.apply(theta)
    here = np.where(matrix.outgoing, theta, leaving)
    left, right = here[:2].mean(), here[2:].mean()
    expected = linear_steady_temperatures(301.0, 300.0, share)
    np.testing.assert_allclose([300.0 + left, 300.0 + right], expected, rtol=0.0, atol=1e-12)


# Mediators.


def test_mediators_conduct_their_number_times_one_of_them(crystal):
    """A resonance below the end of germanium: all of its heat finds modes on both sides."""
    silicon, germanium = crystal("Si-9"), crystal("Ge-9")
    density = 1e17
    narrow = Mediator(frequency=5.0 * TERAHERTZ, damping=0.05 * TERAHERTZ)
    model = MediatorInterface(
        transmission=lambda w: mediator_transmission(narrow, w), density=density
    )
    found = interface_conductance(model.flux_matrix(silicon, germanium, X), silicon.num_modes)
    one = float(mediator_conductance(narrow, 300.0))
    # 0.2 % of the Lorentzian lies above 9 THz, where germanium has no modes.
    assert found.conductance == pytest.approx(density * one, rel=3e-3)
    assert found.conductance < density * one
    bins = energy_bins([silicon, germanium])
    shared = bins.edges[:-1] < 8.9 * TERAHERTZ
    expected = landauer_by_bin(model.transmission, bins.edges, 300.0)[shared].sum()
    assert found.conductance == pytest.approx(density * expected, rel=1e-12)


@pytest.mark.parametrize("damping", [1e-4, 1e-2, 1.0])
def test_the_landauer_integral_is_that_of_the_reference_mediator(damping):
    """Sum over bins against the closed form with digamma functions."""
    mediator = Mediator(frequency=5.0 * TERAHERTZ, damping=damping * TERAHERTZ)
    edges = np.linspace(0.0, 60.0, 40) * TERAHERTZ  # hbar w = 10 kB T at the end

    def shares(frequencies):
        return mediator_transmission(mediator, frequencies)

    found = landauer_by_bin(shares, edges, 300.0).sum()
    assert found == pytest.approx(float(mediator_conductance(mediator, 300.0)), rel=1e-4)


def test_an_open_channel_carries_the_quantum_of_conductance():
    """int dw/2pi d(hbar w n)/dT = pi kB^2 T/(6 hbar), tau = 1."""
    edges = np.linspace(0.0, 60.0 * BOLTZMANN * 20.0 / REDUCED_PLANCK, 31)
    found = landauer_by_bin(np.ones_like, edges, 20.0).sum()
    assert found == pytest.approx(float(conductance_quantum(20.0)), rel=1e-12)


def test_a_step_in_the_transmission_is_resolved():
    edges = np.array([0.0, 10.0]) * TERAHERTZ
    step = 3.21 * TERAHERTZ
    found = landauer_by_bin(lambda w: np.where(w < step, 1.0, 0.0), edges, 300.0)
    exact = landauer_by_bin(np.ones_like, np.array([0.0, step]), 300.0)
    np.testing.assert_allclose(found, exact, rtol=1e-8)


def test_a_tabulated_mediator_is_the_function_it_tabulates(crystal):
    silicon, germanium = crystal("Si-9"), crystal("Ge-9")
    grid = np.linspace(0.0, 16.0, 2001) * TERAHERTZ
    table = TabulatedTransmission(frequencies=grid, values=resonant(grid))
    found = [
        interface_conductance(
            MediatorInterface(transmission=each, density=1e17).flux_matrix(silicon, germanium, X),
            silicon.num_modes,
        ).conductance
        for each in (resonant, table)
    ]
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_too_many_mediators_are_refused_with_the_number_that_fits(crystal):
    silicon, germanium = crystal("Si-9"), crystal("Ge-9")
    with pytest.raises(InputError, match=r"at most .* per m\^2") as refusal:
        MediatorInterface(transmission=resonant, density=1e21).flux_matrix(silicon, germanium, X)
    most = float(str(refusal.value).split("at most ")[1].split()[0])
    fits = MediatorInterface(transmission=resonant, density=0.99 * most)
    assert check_flux_matrix(fits.flux_matrix(silicon, germanium, X)).is_sound
    with pytest.raises(InputError, match="would pass"):
        MediatorInterface(transmission=resonant, density=1.01 * most).flux_matrix(
            silicon, germanium, X
        )


def test_a_table_against_detailed_balance_is_refused_by_how_much(crystal):
    """Germanium has the larger flux weights: it cannot send all of them into silicon."""
    silicon, germanium = crystal("Si-9"), crystal("Ge-9")
    with pytest.raises(InputError, match=r"transmission back of .* above 1 by"):
        TransmissionTable(table=flat(1.0)).flux_matrix(germanium, silicon, X)


def test_reduced_tables_pass_all_that_detailed_balance_allows(crystal):
    silicon, germanium = crystal("Si-9"), crystal("Ge-9")
    model = TransmissionTable(table=flat(1.0), excess="reduce")
    matrix = model.flux_matrix(germanium, silicon, X)
    spectrum = conductance_spectrum(matrix, germanium.num_modes, energy_bins([germanium, silicon]))
    best = np.fmax(spectrum.first_transmission, spectrum.second_transmission)
    shared = spectrum.edges[:-1] < 8.9 * TERAHERTZ
    np.testing.assert_allclose(best[shared], 1.0, rtol=1e-12)


@pytest.mark.parametrize(
    ("frequencies", "values", "message"),
    [
        (
            [1.0, 2.0],
            [0.5, 1.25],
            r"1 of 2 values are outside 0 to 1 \(worst: 1.25, beyond by 0.25",
        ),
        ([1.0, 2.0], [-0.1, 0.5], r"worst: -0.1, beyond by 0.1"),
        ([2.0, 1.0], [0.5, 0.5], "do not ascend"),
        ([1.0, 2.0], [0.5], "expected one per frequency"),
        ([1.0], [np.nan], "1 of 1 values"),
    ],
)
def test_a_table_that_is_no_transmission_is_refused(frequencies, values, message):
    with pytest.raises(InputError, match=message):
        TabulatedTransmission(frequencies=np.array(frequencies), values=np.array(values))


def test_a_table_that_does_not_cover_the_modes_or_branches_is_refused(crystal):
    silicon, germanium = crystal("Si-5"), crystal("Ge-5")
    short = TabulatedTransmission(
        frequencies=np.array([0.0, 5.0]) * TERAHERTZ, values=np.array([0.1, 0.1])
    )
    with pytest.raises(InputError, match=r"covers 0 to 5 THz, .* extend it"):
        TransmissionTable(table=short).flux_matrix(silicon, germanium, X)
    few = TabulatedTransmission(frequencies=EVERYWHERE, values=np.full((3, 2), 0.1))
    with pytest.raises(InputError, match="3 branches, but Si has 6"):
        TransmissionTable(table=few).flux_matrix(silicon, germanium, X)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"density": -1.0}, "density = -1"),
        ({"density": 1e17, "reflection": "black"}, "reflection = 'black'"),
        ({"density": 1e17, "excess": "ignore"}, "excess = 'ignore'"),
    ],
)
def test_a_bad_mediator_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        MediatorInterface(transmission=resonant, **options)


def test_a_mediator_function_that_is_no_transmission_is_refused(crystal):
    model = MediatorInterface(transmission=lambda w: 2.0 * np.ones_like(w), density=1e10)
    with pytest.raises(InputError, match="transmission is 2 at"):
        model.flux_matrix(crystal("Si-5"), crystal("Ge-5"), X)
    model = MediatorInterface(transmission=lambda w: np.float64(0.5), density=1e10)
    with pytest.raises(InputError, match="expected one value for each"):
        model.flux_matrix(crystal("Si-5"), crystal("Ge-5"), X)
