"""The report of an interface: its sums agree, and it reports artefacts of the grid."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.constants import BOLTZMANN, REDUCED_PLANCK
from pbte.core.errors import InputError
from pbte.interfaces.bins import energy_bins
from pbte.interfaces.dmm import DiffuseMismatch, SmoothMismatch, one_sided_share
from pbte.interfaces.landauer import interface_conductance
from pbte.interfaces.perfect import PerfectInterface
from pbte.interfaces.report import lowest_temperature, report_interface, unmatched_flux
from pbte.materials.temperature import at_temperature
from pbte.reference.kapitza.debye_mismatch import DebyeSolid, resistance

TERAHERTZ = 2e12 * np.pi
X = np.array([1.0, 0.0, 0.0])
MODELS = {
    "elastic": DiffuseMismatch(),
    "inelastic": DiffuseMismatch(elastic=False),
    "smooth": SmoothMismatch(),
}


@pytest.fixture
def silicon(crystal):
    return crystal("Si-9")


@pytest.fixture
def germanium(crystal):
    return crystal("Ge-9")


@pytest.mark.parametrize("model", MODELS)
def test_branches_spectrum_and_accumulation_add_up_to_the_conductance(
    model, silicon, germanium, normal
):
    bins = energy_bins([silicon, germanium])
    report = report_interface(model, MODELS[model], silicon, germanium, normal, bins)
    whole = report.conductance.conductance
    for parts in (report.first_branches, report.second_branches, report.spectrum.conductance):
        assert parts.sum() == pytest.approx(whole, rel=1e-12)
    assert report.accumulated[-1] == pytest.approx(whole, rel=1e-12)
    assert np.all(np.diff(report.accumulated) >= 0.0) and np.all(np.diff(report.levels) > 0.0)
    assert report.laws.is_sound


def test_the_accumulation_at_the_edges_is_the_sum_of_the_spectrum(silicon, germanium):
    bins = energy_bins([silicon, germanium])
    report = report_interface("dmm", MODELS["elastic"], silicon, germanium, X, bins)
    sums = np.cumsum(report.spectrum.conductance)
    steps = np.searchsorted(report.levels, bins.edges[1:]) - 1
    np.testing.assert_allclose(report.accumulated[steps], sums, rtol=1e-12)


def test_flux_above_the_other_spectrum_is_physics_and_not_counted_as_an_artefact(
    silicon, germanium
):
    """The spectrum of silicon reaches 15 THz, that of germanium 9 THz."""
    for model in MODELS.values():
        found = unmatched_flux(model, silicon, germanium, X)
        arriving = silicon.heat_capacities * np.maximum(silicon.velocities[:, 0], 0.0)
        moving = np.abs(germanium.velocities[:, 0]) > 1e-9
        top = germanium.frequencies[moving].max()
        expected = arriving[silicon.frequencies > top].sum() / arriving.sum()
        assert found.first == pytest.approx(expected, rel=1e-9) and 0.3 < found.first < 0.5
        assert found.second == 0.0 and found.artefact < 0.01
    turned = unmatched_flux(DiffuseMismatch(), germanium, silicon, -X)
    assert turned.second == pytest.approx(found.first, rel=1e-12) and turned.first == 0.0


def test_bins_and_widths_finer_than_the_grid_show_up_as_an_artefact(crystal):
    coarse = crystal("Si-5"), crystal("Ge-5")
    binned = [unmatched_flux(DiffuseMismatch(bins=n), *coarse, X).artefact for n in (5, 50, 200)]
    assert binned[0] < 0.02 < binned[1] < binned[2]
    assert binned[2] == one_sided_share(*coarse, X, 200).artefact
    widths = (1.0, 0.1, 0.01)
    smooth = [
        unmatched_flux(SmoothMismatch(width=w * TERAHERTZ), *coarse, X).artefact for w in widths
    ]
    assert smooth[0] == 0.0 < smooth[1] < smooth[2] <= 1.0
    assert unmatched_flux(DiffuseMismatch(elastic=False, bins=200), *coarse, X).artefact == 0.0


def test_identical_crystals_lack_nothing(silicon):
    for model in (PerfectInterface(), DiffuseMismatch(bins=200), SmoothMismatch(width=1e9)):
        found = unmatched_flux(model, silicon, silicon, X)
        assert (found.first, found.second, found.artefact) == (0.0, 0.0, 0.0)


def conductance_at(temperature, model, *tables):
    first, second = (at_temperature(modes, temperature) for modes in tables)
    return interface_conductance(model.flux_matrix(first, second, X), first.num_modes).conductance


def test_the_grid_ends_where_its_lowest_moving_mode_carries_most_heat(silicon, germanium):
    """20 K for silicon on 9 x 9 x 9 wave vectors: third power above, exponential below."""
    found = lowest_temperature(silicon, germanium, X)
    moving = np.abs(silicon.velocities[:, 0]) > 1e-9
    x = np.linspace(1.0, 10.0, 90001)
    peak = x[np.argmax(x**4 * np.exp(x) / np.expm1(x) ** 2)]
    expected = REDUCED_PLANCK * silicon.frequencies[moving].min() / (peak * BOLTZMANN)
    assert found == pytest.approx(expected, rel=1e-3) and 15.0 < found < 25.0
    model, steps = DiffuseMismatch(), np.array([0.4, 0.5, 1.0, 1.1])
    values = [conductance_at(step * found, model, silicon, germanium) for step in steps]
    cold, _, near = np.diff(np.log(values)) / np.diff(np.log(steps))
    assert 2.8 < near < 3.6 and cold > 5.0


def test_diffuse_mismatch_in_the_cold_is_that_of_debye_solids(silicon, germanium):
    """The grid against the closed form with measured speeds of sound, 10 % at 20 K."""
    solids = (
        DebyeSolid(density=2330, longitudinal=8970, transverse=5330, atom_density=4.99e28),
        DebyeSolid(density=5323, longitudinal=5310, transverse=3250, atom_density=4.41e28),
    )
    ours = conductance_at(20.0, DiffuseMismatch(), silicon, germanium)
    assert ours == pytest.approx(1.0 / float(resistance(*solids, "dmm", 20.0)), rel=0.1)


def test_a_law_that_does_not_fit_is_refused_by_its_name(silicon, germanium):
    bins = energy_bins([silicon, germanium])
    with pytest.raises(InputError, match=r"no gap: interface Si \| Ge: a perfect interface joins"):
        report_interface("no gap", PerfectInterface(), silicon, germanium, X, bins)
