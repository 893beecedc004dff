"""Acoustic mismatch on grids of modes: the three laws, limits, and the elastic continuum."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.interfaces.amm import AcousticMismatch
from pbte.interfaces.base import check_flux_matrix, pair_modes
from pbte.interfaces.elastic import isotropic_solid, solid_of
from pbte.interfaces.landauer import entropy_production, interface_conductance, mode_transmission
from pbte.materials.models import isotropic_crystal
from pbte.materials.modes import ModeTable
from pbte.reference.kapitza.debye_mismatch import DebyeSolid, flux_integrals

Z = np.array([0.0, 0.0, 1.0])
OBLIQUE = np.array([0.36, 0.48, 0.8])
OPTIONS = {
    "anisotropic": {},
    "isotropic": {"waves": "isotropic"},
    "scalar": {"waves": "scalar"},
    "rest diffuse": {"beyond_sound": "diffuse"},
    "diffuse bounce": {"bounce": "diffuse", "bins": 20},
}
SILICON = isotropic_solid(2329.0, 8952.0, 5346.0)
GERMANIUM = isotropic_solid(5323.0, 5266.0, 3198.0)


def model_for(first: ModeTable, second: ModeTable, **options) -> AcousticMismatch:
    """A model with the solids of the crystals; a model crystal is an isotropic solid."""
    solids = tuple(
        solid_of(modes.crystal, modes.name) if modes.crystal else SILICON
        for modes in (first, second)
    )
    return AcousticMismatch(solids=solids, **options)


@functools.cache
def debye_crystal(longitudinal: float, transverse: float, polar: int = 16) -> ModeTable:
    """All sound at one frequency, heat capacities as c^-3."""
    speeds = np.array([transverse, transverse, longitudinal])
    return isotropic_crystal(
        name="sound",
        temperature=300.0,
        speeds=speeds,
        relaxation_times=[1e-11] * 3,
        heat_capacities=1e6 * (1e4 / speeds) ** 3,
        frequencies=[2e13] * 3,
        polar=polar,
        azimuthal=12,
    ).modes


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_acoustic_mismatch_obeys_the_three_laws_for_every_normal(options, pair, normal):
    matrix = model_for(*pair, **options).flux_matrix(*pair, normal)
    report = check_flux_matrix(matrix)
    assert report.is_sound, report
    assert matrix.sparse.nnz < 0.05 * matrix.num_modes**2


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_acoustic_mismatch_has_no_flux_at_equal_temperature_and_produces_entropy(options, pair):
    matrix = model_for(*pair, **options).flux_matrix(*pair, OBLIQUE)
    leaving = matrix.apply(np.ones(matrix.num_modes))
    np.testing.assert_allclose(leaving[matrix.incoming], 1.0, rtol=1e-12)
    theta = np.random.default_rng(3).normal(size=(matrix.num_modes, 20))
    assert np.all(entropy_production(matrix, theta, 300.0) > 0.0)


@pytest.mark.parametrize("waves", ["anisotropic", "isotropic", "scalar"])
def test_sound_takes_no_more_than_each_mode_brings(waves, pair, normal):
    model = model_for(*pair, waves=waves)
    surface = pair_modes(*pair, normal)
    sums = model.sound_pairs(*pair, normal).sum(axis=1)
    assert np.all(sums <= surface.flux * (1.0 + 1e-12))
    for leaving in model.leaving_sound(*pair, normal):
        total = leaving.power.sum(axis=1)
        assert np.all((np.abs(total - 1.0) < 1e-12) | (total == 0.0))


def test_turning_the_pair_round_changes_nothing(pair):
    first, second = pair
    there = model_for(first, second).flux_matrix(first, second, OBLIQUE)
    back = model_for(second, first).flux_matrix(second, first, -OBLIQUE)
    assert interface_conductance(there, first.num_modes).conductance == pytest.approx(
        interface_conductance(back, second.num_modes).conductance, rel=1e-9
    )


@pytest.mark.parametrize("waves", ["anisotropic", "scalar"])
def test_a_fine_grid_of_sound_has_the_conductance_of_the_continuum(waves):
    """Isotropic Debye solids: the closed form of the library, L, SV and SH welded or scalar."""
    first, second = debye_crystal(8952.0, 5346.0), debye_crystal(5266.0, 3198.0)
    matrix = model_for_sound(waves).flux_matrix(first, second, Z)
    found = interface_conductance(matrix, first.num_modes).conductance
    solids = [
        DebyeSolid(density=2329.0, longitudinal=8952.0, transverse=5346.0, atom_density=5e28),
        DebyeSolid(density=5323.0, longitudinal=5266.0, transverse=3198.0, atom_density=4.4e28),
    ]
    model = "amm-scalar" if waves == "scalar" else "amm-elastic"
    expected = 0.5 * 1e6 * 1e4**3 * flux_integrals(*solids, model).sum()
    assert found == pytest.approx(expected, rel=0.05)


def model_for_sound(waves: str) -> AcousticMismatch:
    return AcousticMismatch(solids=(SILICON, GERMANIUM), waves=waves, angle=0.05)


def test_each_mode_of_sound_has_the_transmission_of_its_direction():
    """Before waves are shared out: 4 Z1 Z2 / (Z1 + Z2)^2 near the normal, 0 beyond the cone."""
    first, second = debye_crystal(8952.0, 5346.0), debye_crystal(5266.0, 3198.0)
    _, from_second = model_for_sound("anisotropic").leaving_sound(first, second, Z)
    modes = from_second.sources
    cosines = -second.velocities[modes, 2] / np.linalg.norm(second.velocities[modes], axis=1)
    slow = second.bands[modes] < 2
    beyond = slow & (np.sqrt(1.0 - cosines**2) / 3198.0 > 1.0 / 5346.0)
    assert beyond.any() and not from_second.transmission[beyond].any()
    longitudinal = from_second.transmission[~slow & (cosines > 0.98)]
    impedances = 2329.0 * 8952.0, 5323.0 * 5266.0
    expected = 4.0 * impedances[0] * impedances[1] / sum(impedances) ** 2
    np.testing.assert_allclose(longitudinal, expected, rtol=0.02)
    np.testing.assert_allclose(from_second.power.sum(axis=1), 1.0, rtol=1e-11)


@pytest.mark.parametrize("name", ["Si-5", "Ge-5"])
def test_between_identical_crystals_all_sound_passes_and_nothing_else(crystal, name):
    modes = crystal(name)
    model = AcousticMismatch(angle=1e-3)
    passing = mode_transmission(model.flux_matrix(modes, modes, OBLIQUE), modes.num_modes)
    here, _ = model.leaving_sound(modes, modes, OBLIQUE)
    treated = here.sources[here.power.sum(axis=1) > 0.5]
    surface = pair_modes(modes, modes, OBLIQUE)
    assert surface.flux[treated].sum() > 0.95 * surface.flux[here.sources].sum()
    np.testing.assert_allclose(passing[treated], 1.0, rtol=1e-3)
    optical = np.flatnonzero(surface.outgoing[: modes.num_modes] & (modes.bands >= 3))
    assert not passing[optical].any()


def test_sound_passes_straight_between_identical_model_crystals():
    modes = debye_crystal(8952.0, 5346.0, 6)
    model = AcousticMismatch(solids=(SILICON, SILICON), angle=1e-3)
    matrix = model.flux_matrix(modes, modes, Z)
    longitudinal = np.flatnonzero(matrix.outgoing[: modes.num_modes] & (modes.bands == 2))
    theta = np.zeros(matrix.num_modes)
    theta[longitudinal] = np.random.default_rng(1).normal(size=longitudinal.size)
    onward = matrix.apply(theta)[modes.num_modes + longitudinal]
    np.testing.assert_allclose(onward, theta[longitudinal], rtol=1e-9)


def test_silicon_and_germanium_resist_more_than_the_least_and_less_than_no_sound(crystal):
    """Never below the limit that all sound of germanium passes; the diffuse rest lowers it."""
    silicon, germanium = crystal("Si-9"), crystal("Ge-9")
    strict = AcousticMismatch().flux_matrix(silicon, germanium, Z)
    free = AcousticMismatch(beyond_sound="diffuse").flux_matrix(silicon, germanium, Z)
    found = [interface_conductance(m, silicon.num_modes) for m in (strict, free)]
    sound = np.concatenate([silicon.bands, germanium.bands]) < 3
    second = np.arange(strict.num_modes) >= silicon.num_modes
    limit = strict.flux[strict.outgoing & sound & second].sum()
    assert found[0].conductance < limit
    assert found[1].conductance > found[0].conductance
    assert 4e-9 < found[1].landauer_resistance < found[0].landauer_resistance < 2e-8


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"waves": "loud"}, "waves = 'loud'"),
        ({"beyond_sound": "lost"}, "beyond_sound = 'lost'"),
        ({"bounce": "black"}, "bounce = 'black'"),
        ({"angle": 0.0}, "angle = 0 rad"),
        ({"bins": 0}, "at least one energy bin"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        AcousticMismatch(**options)


def test_a_material_without_elastic_constants_is_refused(crystal):
    with pytest.raises(InputError, match="three bands: the acoustic mismatch model needs elastic"):
        AcousticMismatch().flux_matrix(crystal("Si-5"), crystal("model"), Z)
