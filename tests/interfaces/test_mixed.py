"""Mixed mismatch: between acoustic and diffuse mismatch, by roughness and wavelength."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.interfaces.amm import AcousticMismatch
from pbte.interfaces.base import check_flux_matrix
from pbte.interfaces.dmm import DiffuseMismatch
from pbte.interfaces.elastic import isotropic_solid, solid_of
from pbte.interfaces.landauer import entropy_production, interface_conductance
from pbte.interfaces.mixed import MixedMismatch

Z = np.array([0.0, 0.0, 1.0])
OBLIQUE = np.array([0.36, 0.48, 0.8])
SOUNDS = {
    "reflected": {},
    "rest diffuse": {"beyond_sound": "diffuse"},
    "diffuse bounce": {"bounce": "diffuse"},
}


def model_for(pair, roughness: float, **options) -> MixedMismatch:
    solids = tuple(
        solid_of(modes.crystal, modes.name) if modes.crystal else isotropic_solid(2e3, 8e3, 5e3)
        for modes in pair
    )
    return MixedMismatch(roughness=roughness, sound=AcousticMismatch(solids=solids, **options))


@pytest.mark.parametrize("options", SOUNDS.values(), ids=SOUNDS)
@pytest.mark.parametrize("roughness", [1e-11, 1e-10])
def test_mixed_mismatch_obeys_the_three_laws_for_every_normal(roughness, options, pair, normal):
    matrix = model_for(pair, roughness, **options).flux_matrix(*pair, normal)
    report = check_flux_matrix(matrix)
    assert report.is_sound, report


def test_mixed_mismatch_produces_entropy_and_has_no_flux_at_equal_temperature(pair):
    matrix = model_for(pair, 5e-11).flux_matrix(*pair, OBLIQUE)
    leaving = matrix.apply(np.ones(matrix.num_modes))
    np.testing.assert_allclose(leaving[matrix.incoming], 1.0, rtol=1e-12)
    theta = np.random.default_rng(3).normal(size=(matrix.num_modes, 20))
    assert np.all(entropy_production(matrix, theta, 300.0) > 0.0)


@pytest.mark.parametrize("options", SOUNDS.values(), ids=SOUNDS)
def test_a_plane_is_acoustic_mismatch(options, pair):
    model = model_for(pair, 0.0, **options)
    theta = np.random.default_rng(4).normal(size=pair[0].num_modes + pair[1].num_modes)
    found, expected = (each.flux_matrix(*pair, OBLIQUE) for each in (model, model.sound))
    np.testing.assert_allclose(found.apply(theta), expected.apply(theta), atol=1e-11)


def test_a_very_rough_interface_is_diffuse_mismatch(pair):
    model = model_for(pair, 1e-6)
    theta = np.random.default_rng(4).normal(size=pair[0].num_modes + pair[1].num_modes)
    found, expected = (each.flux_matrix(*pair, OBLIQUE) for each in (model, DiffuseMismatch()))
    np.testing.assert_allclose(found.apply(theta), expected.apply(theta), atol=1e-9)


def test_roughness_takes_silicon_and_germanium_from_one_model_to_the_other(crystal):
    pair = crystal("Si-9"), crystal("Ge-9")
    conductances = [
        interface_conductance(
            model_for(pair, roughness).flux_matrix(*pair, Z), pair[0].num_modes
        ).conductance
        for roughness in (0.0, 3e-11, 1e-10, 1e-8)
    ]
    assert conductances == sorted(conductances)
    # a mode near grazing has a long wave along the normal: p -> 1 whatever the roughness
    diffuse = DiffuseMismatch().flux_matrix(*pair, Z)
    limit = interface_conductance(diffuse, pair[0].num_modes).conductance
    assert conductances[-1] == pytest.approx(limit, rel=1e-9)


def test_the_share_of_sound_is_zimans(crystal):
    silicon = crystal("Si-5")
    shares = model_for((silicon, silicon), 5e-11).specularity(silicon, silicon, Z)
    lengths = 2.0 * np.pi / np.maximum(np.linalg.norm(silicon.wave_vectors, axis=1), 1.0)
    cosines = silicon.wave_vectors[:, 2] / (2.0 * np.pi / lengths)
    expected = np.exp(-16.0 * np.pi**2 * 5e-11**2 * cosines**2 / lengths**2)
    np.testing.assert_allclose(shares[: silicon.num_modes], expected, rtol=1e-9)


@pytest.mark.parametrize("roughness", [-1e-9, np.nan])
def test_a_roughness_that_is_none_is_refused(roughness):
    with pytest.raises(InputError, match="roughness = "):
        MixedMismatch(roughness=roughness)
