"""Sound waves at a welded interface: conservation, reciprocity, closed forms, critical angles."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.interfaces.elastic import (
    ElasticSolid,
    interface_axes,
    isotropic_solid,
    plane_waves,
    solid_of,
    welded_waves,
)
from pbte.materials.storage import read_material
from pbte.reference.kapitza.elastic_interface import elastic_fluxes

Z = np.array([0.0, 0.0, 1.0])
OBLIQUE = np.array([0.36, 0.48, 0.8])
SILICON = isotropic_solid(2329.0, 8952.0, 5346.0)
GERMANIUM = isotropic_solid(5323.0, 5266.0, 3198.0)


def crystal(name: str) -> ElasticSolid:
    return solid_of(read_material(name, scattering="rta").modes.crystal, name)


@pytest.fixture(scope="module")
def pair() -> tuple[ElasticSolid, ElasticSolid]:
    return crystal("Si-5"), crystal("Ge-5")


def some_slownesses(normal: np.ndarray, num: int = 2000, largest: float = 1 / 2500) -> np.ndarray:
    drawn = np.random.default_rng(5).uniform(-largest, largest, (num, 2))
    return drawn @ interface_axes(normal)[:2]


@pytest.mark.parametrize("normal", [Z, OBLIQUE, np.ones(3) / np.sqrt(3.0)], ids=str)
def test_no_energy_is_lost_between_anisotropic_crystals(pair, normal):
    waves = welded_waves(*pair, some_slownesses(normal), normal)
    arriving = np.concatenate([waves.first_up.travels, waves.second_down.travels], axis=-1)
    leaving = np.concatenate([waves.first_down.travels, waves.second_up.travels], axis=-1)
    assert arriving.any(axis=0).all() and not arriving.all(axis=0).any()
    np.testing.assert_allclose(waves.power.sum(axis=1), arriving, atol=1e-11)
    np.testing.assert_allclose(waves.power.sum(axis=2), leaving, atol=1e-11)


@pytest.mark.parametrize("normal", [Z, OBLIQUE], ids=str)
def test_the_way_back_has_the_same_probability(pair, normal):
    """Reversed in time every wave has the opposite slowness and changes rows for columns."""
    slownesses = some_slownesses(normal)
    there = welded_waves(*pair, slownesses, normal)
    back = welded_waves(*pair, -slownesses, normal)
    np.testing.assert_allclose(back.power, np.swapaxes(there.power, 1, 2), atol=1e-11)


@pytest.mark.parametrize("normal", [Z, OBLIQUE], ids=str)
def test_the_waves_obey_christoffels_equation(pair, normal):
    solid, slownesses = pair[0], some_slownesses(normal, 200)
    for waves, way in zip(plane_waves(solid, slownesses, normal), (1.0, -1.0), strict=True):
        for k in range(3):
            p, a = waves.slowness[:, k], waves.vectors[:, :3, k]
            m = slownesses + p[:, None] * normal
            left = np.einsum("ijkl,nj,nl,nk->ni", solid.tensor, m, m, a)
            scale = np.abs(left).max(axis=1, keepdims=True)
            np.testing.assert_allclose(left / scale, solid.density * a / scale, atol=1e-9)
            evanescent = ~waves.travels[:, k]
            assert (way * p.imag[evanescent] > 0.0).all()
        flux = np.sum(waves.vectors[:, :3].conj() * waves.vectors[:, 3:], axis=1).real
        np.testing.assert_allclose(flux, way * waves.travels, atol=1e-9)


def test_group_velocity_decides_which_waves_go_up():
    """In a strongly anisotropic solid some waves travel up with a downward slowness."""
    stiffness = np.diag([300e9] * 3 + [150e9] * 3)
    stiffness[:3, :3] += np.where(np.eye(3) > 0.0, -60e9, 160e9)
    solid = ElasticSolid(stiffness=stiffness, density=5000.0)
    tilted = np.array([1.0, 0.0, 2.0]) / np.sqrt(5.0)
    up, _ = plane_waves(solid, some_slownesses(tilted, 500, 1 / 3000), tilted)
    assert (up.slowness.real[up.travels] < -1e-6).any()
    waves = welded_waves(solid, GERMANIUM, some_slownesses(tilted, 500, 1 / 3000), tilted)
    arriving = np.concatenate([waves.first_up.travels, waves.second_down.travels], axis=-1)
    np.testing.assert_allclose(waves.power.sum(axis=1), arriving, atol=1e-10)


def test_degenerate_waves_of_which_one_goes_up_and_one_down_are_distinguished(pair):
    """Conical refraction: along <111> both transverse waves have one slowness, not one way."""
    slow, _, _ = pair[0].christoffel(np.array([1.0, 1.0, -1.0]) / np.sqrt(3.0))[0]
    slowness = np.array([1.0, 1.0, -1.0]) / np.sqrt(3.0) / slow
    p = slowness @ OBLIQUE
    along = (slowness - p * OBLIQUE)[None]
    up, down = plane_waves(pair[0], along, OBLIQUE)
    for waves in (up, down):
        assert np.abs(waves.slowness - p).min() < 1e-9 / slow
    both = welded_waves(*pair, along, OBLIQUE)
    arriving = np.concatenate([both.first_up.travels, both.second_down.travels], axis=-1)
    np.testing.assert_allclose(both.power.sum(axis=1), arriving, atol=1e-11)


@pytest.mark.parametrize("turned", [False, True])
def test_isotropic_solids_give_the_closed_form(turned):
    """L, SV and SH of the library's other solver; here T comes in any basis, so sums over T."""
    slownesses = np.linspace(0.0, 0.999 / 3198.0, 400)
    solids, numbers = (SILICON, GERMANIUM), ((2329.0, 5323.0), (8952.0, 5266.0), (5346.0, 3198.0))
    if turned:
        solids, numbers = solids[::-1], tuple(values[::-1] for values in numbers)
    expected = elastic_fluxes(slownesses, *numbers)
    axes = interface_axes(OBLIQUE)
    power = welded_waves(*solids, np.outer(slownesses, axes[0]), OBLIQUE).power
    groups = ((slice(2, 3), slice(0, 1)), (slice(0, 2), slice(1, 3)))  # L and T: here, there
    for here_in, there_in in groups:
        for here_out, there_out in groups:
            rows = slice(3 + here_out.start, 3 + here_out.stop)
            passed = power[:, rows, here_in].sum(axis=(1, 2))
            wanted = expected.transmitted[:, there_in, there_out].sum(axis=(1, 2))
            np.testing.assert_allclose(passed, wanted, atol=1e-12)
            back = power[:, here_out, here_in].sum(axis=(1, 2))
            wanted = expected.reflected[:, there_in, there_out].sum(axis=(1, 2))
            np.testing.assert_allclose(back, wanted, atol=1e-12)


def test_at_normal_incidence_impedances_decide():
    """T = 4 Z1 Z2 / (Z1 + Z2)^2 for each polarisation, without conversion; exact for crystals too
    along an axis of symmetry."""
    first, second = crystal("Si-5"), crystal("Ge-5")
    power = welded_waves(first, second, np.zeros((1, 3)), Z).power[0]
    impedances = [
        np.sqrt(solid.density * solid.stiffness[[3, 3, 0], [3, 3, 0]]) for solid in (first, second)
    ]
    expected = 4.0 * impedances[0] * impedances[1] / (impedances[0] + impedances[1]) ** 2
    passed = power[3:, :3]
    np.testing.assert_allclose([passed[:2, :2].sum() / 2.0, passed[2, 2]], expected[1:], rtol=1e-12)
    assert abs(passed[:2, 2]).max() < 1e-12 and abs(passed[2, :2]).max() < 1e-12


def test_beyond_the_critical_angle_all_is_reflected():
    """From germanium, where sound is slower: no wave travels in silicon above s = 1/c_T."""
    slownesses = np.outer(np.linspace(1.0001 / 5346.0, 0.9999 / 3198.0, 50), [1.0, 0.0, 0.0])
    waves = welded_waves(GERMANIUM, SILICON, slownesses, Z)
    assert not waves.second_up.travels.any()
    assert not waves.power[:, 3:].any()
    back = waves.power[:, :3, :3].sum(axis=1)
    np.testing.assert_allclose(back[waves.first_up.travels], 1.0, atol=1e-12)


@pytest.mark.parametrize("normal", [Z, OBLIQUE], ids=str)
def test_identical_crystals_transmit_every_wave_unchanged(pair, normal):
    waves = welded_waves(pair[0], pair[0], some_slownesses(normal), normal)
    travels = np.where(waves.first_up.travels, 1.0, 0.0)
    passed = waves.power[:, 3:, :3]
    np.testing.assert_allclose(np.einsum("nkk->nk", passed), travels, atol=1e-9)
    np.testing.assert_allclose(passed.sum(axis=1), travels, atol=1e-11)


def test_the_isotropic_average_lies_between_the_bounds():
    """Silicon (measured constants): 8952 and 5346 m/s after Voigt, Reuss and Hill."""
    stiffness = np.diag([165.8 - 63.9] * 3 + [79.6] * 3)
    stiffness[:3, :3] += 63.9
    average = ElasticSolid(stiffness=1e9 * stiffness, density=2329.0).isotropic()
    transverse, _, longitudinal = average.christoffel(OBLIQUE)[0]
    assert longitudinal == pytest.approx(8952.0, rel=1e-3)
    assert transverse == pytest.approx(5346.0, rel=1e-3)
    again = average.isotropic()
    np.testing.assert_allclose(again.stiffness, average.stiffness, atol=1e-6 * 165.8e9)


def test_solids_that_are_none_are_refused():
    with pytest.raises(InputError, match="density = -1"):
        isotropic_solid(-1.0, 8000.0, 5000.0)
    with pytest.raises(InputError, match="2/sqrt"):
        isotropic_solid(2000.0, 5000.0, 5000.0)
    with pytest.raises(InputError, match="unstable"):
        ElasticSolid(stiffness=np.diag([1.0, 1.0, 1.0, 1.0, 1.0, -1.0]), density=1.0)
    with pytest.raises(InputError, match="needs elastic constants"):
        solid_of(None, "Si")
