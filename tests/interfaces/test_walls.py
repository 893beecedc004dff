"""Walls: the laws of flux matrices for every wall and normal, and what each wall is for."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.interfaces.base import check_flux_matrix
from pbte.interfaces.bins import energy_bins
from pbte.interfaces.diffuse import DiffuseWall
from pbte.interfaces.landauer import entropy_production
from pbte.interfaces.mirror import exact_mirror
from pbte.interfaces.specular import (
    PartlySpecularWall,
    SpecularWall,
    ziman_specularity,
)

WALLS = {
    "thermalising": DiffuseWall(elastic=False),
    "elastic": DiffuseWall(),
    "ten bins": DiffuseWall(bins=10),
    "mirror": SpecularWall(),
    "half a mirror": PartlySpecularWall(specularity=0.5),
    "rough": PartlySpecularWall(roughness=2e-10),
    "rough and thermalising": PartlySpecularWall(roughness=2e-10, rest="thermalising"),
}
X = np.array([1.0, 0.0, 0.0])
OBLIQUE = np.array([0.36, 0.48, 0.8])


@pytest.fixture(params=WALLS, ids=str)
def wall(request):
    return WALLS[request.param]


def test_every_wall_obeys_the_three_laws_for_every_normal(wall, modes, normal):
    """So there is no flux at equal temperature."""
    matrix = wall.flux_matrix(modes, normal)
    report = check_flux_matrix(matrix)
    assert report.is_sound, report
    leaving = matrix.apply(np.ones(modes.num_modes))
    np.testing.assert_allclose(leaving[matrix.incoming], 1.0, rtol=1e-12)


def test_every_wall_produces_entropy_and_conserves_energy(wall, modes):
    matrix = wall.flux_matrix(modes, OBLIQUE)
    theta = np.random.default_rng(3).normal(size=(modes.num_modes, 20))
    arriving = matrix.flux[matrix.outgoing] @ theta[matrix.outgoing]
    leaving = matrix.flux[matrix.incoming] @ matrix.apply(theta)[matrix.incoming]
    scale = matrix.flux.sum()
    np.testing.assert_allclose(leaving, arriving, atol=1e-12 * scale)
    squares = matrix.flux[matrix.outgoing] @ theta[matrix.outgoing] ** 2
    produced = entropy_production(matrix, theta, modes.temperature)
    assert np.all(produced * 2.0 * modes.temperature**2 > -1e-12 * squares)


def test_a_thermalising_wall_has_one_temperature(modes):
    matrix = DiffuseWall(elastic=False).flux_matrix(modes, OBLIQUE)
    theta = np.random.default_rng(4).normal(size=modes.num_modes)
    leaving = matrix.apply(theta)[matrix.incoming]
    weights = matrix.flux[matrix.outgoing]
    expected = weights @ theta[matrix.outgoing] / weights.sum()
    np.testing.assert_allclose(leaving, expected, rtol=1e-10)


def test_an_elastic_wall_conserves_the_energy_of_each_bin(modes):
    matrix = DiffuseWall(bins=8).flux_matrix(modes, OBLIQUE)
    bins = energy_bins([modes], 8)
    warm = np.where(bins.index == 3, 1.0, 0.0) if bins.num_bins > 3 else (bins.index == 0) * 1.0
    leaving = matrix.apply(warm)
    np.testing.assert_allclose(leaving[matrix.incoming], warm[matrix.incoming], atol=1e-12)


def test_a_mirror_plane_of_the_grid_sends_each_mode_to_its_image(crystal):
    modes = crystal("Si-9")
    matrix = SpecularWall().flux_matrix(modes, X)
    image = exact_mirror(modes, X)
    assert image is not None
    np.testing.assert_array_equal(modes.frequencies[image], modes.frequencies)
    np.testing.assert_array_equal(modes.bands[image], modes.bands)
    # The parallel velocity stays, the normal one turns round; wave vectors do the same, up to a
    # reciprocal-lattice vector.
    mirrored = modes.velocities * [-1.0, 1.0, 1.0]
    np.testing.assert_allclose(modes.velocities[image], mirrored, atol=1e-6)
    change = modes.wave_vectors[image] - modes.wave_vectors * [-1.0, 1.0, 1.0]
    turns = change @ modes.crystal.lattice.T / (2.0 * np.pi)
    np.testing.assert_allclose(turns, np.rint(turns), atol=1e-6)
    theta = np.random.default_rng(5).normal(size=modes.num_modes)
    expected = np.where(matrix.incoming, theta[image], 0.0)
    np.testing.assert_allclose(matrix.apply(theta), expected, atol=1e-8)
    assert not matrix.weights.any()


def specular_quality(modes, normal):
    """Return how good a mirror the specular wall is for one normal.

    Whether it is exact; mean angle between mirrored and actual velocity [rad]; shares of the flux
    of parallel velocity that is kept, and of the flux that is reflected diffusely.
    """
    matrix = SpecularWall().flux_matrix(modes, normal)
    speeds = np.linalg.norm(modes.velocities, axis=1)
    along = modes.velocities - np.outer(modes.velocities @ normal, normal)
    mirrored = modes.velocities - 2.0 * np.outer(modes.velocities @ normal, normal)
    entries = matrix.sparse.tocoo()
    cosines = np.einsum("ij,ij->i", modes.velocities[entries.row], mirrored[entries.col])
    angles = np.arccos(np.clip(cosines / (speeds[entries.row] * speeds[entries.col]), -1.0, 1.0))
    flux = np.where(matrix.outgoing, matrix.flux, 0.0)
    kept = np.einsum("ij,ij->", along * matrix.flux[:, None], matrix.apply(along))
    return SimpleNamespace(
        exact=exact_mirror(modes, normal) is not None,
        angle=(entries.data * angles).sum() / entries.data.sum(),
        parallel=kept / (flux @ (along**2).sum(axis=1)),
        diffuse=matrix.weights[matrix.outgoing].sum() / flux.sum(),
    )


@pytest.mark.parametrize(
    ("name", "direction", "exact"),
    [
        ("Si-9", [1, 0, 0], True),
        ("Ge-9", [0, 1, -1], True),
        ("Si-9", [1, 1, 1], False),  # a cube has no mirror plane across its diagonal
        ("Si-9", [1, 2, 3], False),
        ("model", [0, 0, 1], True),
        ("model", [0, 1, 0], True),
        ("model", [1, 2, 3], False),
    ],
)
def test_the_mirror_is_exact_where_the_grid_has_a_mirror_plane(crystal, name, direction, exact):
    modes = crystal(name)
    normal = np.array(direction) / np.linalg.norm(direction)
    quality = specular_quality(modes, normal)
    assert quality.exact is exact
    if exact:
        assert quality.parallel == pytest.approx(1.0, abs=1e-8)
        assert quality.angle < 1e-7
        assert quality.diffuse == 0.0


@pytest.mark.parametrize("name", ["Si-9", "model"])
def test_a_normal_with_the_errors_of_a_mesh_still_finds_the_mirror_plane(crystal, name):
    modes = crystal(name)
    tilted = X + 1e-9 * np.array([0.0, 1.0, -2.0])
    tilted /= np.linalg.norm(tilted)
    assert specular_quality(modes, tilted).exact
    report = check_flux_matrix(SpecularWall().flux_matrix(modes, tilted))
    assert report.is_sound, report


def test_elsewhere_a_mirror_is_as_good_as_the_grid(crystal):
    """Parallel velocity conserved: 1 for a mirror, 0 for a diffuse wall; better on a finer grid."""
    coarse, fine = (specular_quality(crystal(f"Si-{n}"), OBLIQUE) for n in (5, 9))
    assert 0.7 < coarse.parallel < fine.parallel
    assert fine.parallel > 0.8
    assert fine.angle < coarse.angle < 0.35
    assert fine.diffuse < 0.06
    rough = PartlySpecularWall(specularity=0.0).flux_matrix(crystal("Si-9"), OBLIQUE)
    modes = crystal("Si-9")
    along = modes.velocities - np.outer(modes.velocities @ OBLIQUE, OBLIQUE)
    kept = np.einsum("ij,ij->", along * rough.flux[:, None], rough.apply(along))
    full = rough.flux[rough.outgoing] @ (along**2).sum(axis=1)[rough.outgoing]
    assert abs(kept / full) < 0.1


def test_a_mirror_without_images_conserves_the_energy_of_each_bin_and_stays_sparse(crystal):
    modes = crystal("Si-9")
    bins = energy_bins([modes], 10).index
    matrix = SpecularWall(bins=10).flux_matrix(modes, OBLIQUE)
    entries = matrix.sparse.tocoo()
    np.testing.assert_array_equal(bins[entries.row], bins[entries.col])
    assert matrix.sparse.nnz < 20 * modes.num_modes
    warm = np.eye(10)[bins]
    leaving = matrix.apply(warm)[matrix.incoming]
    np.testing.assert_allclose(leaving, warm[matrix.incoming], atol=1e-12)


def test_a_mirror_in_a_model_crystal_keeps_the_branch(crystal):
    modes = crystal("model")
    matrix = SpecularWall().flux_matrix(modes, OBLIQUE)
    warm = np.eye(3)[modes.bands]
    leaving = matrix.apply(warm)[matrix.incoming]
    np.testing.assert_allclose(leaving, warm[matrix.incoming], atol=1e-12)


def test_a_smooth_wall_is_a_mirror_and_a_very_rough_one_is_diffuse(crystal):
    modes = crystal("Si-5")
    theta = np.random.default_rng(6).normal(size=modes.num_modes)
    for normal in (X, OBLIQUE):
        smooth = PartlySpecularWall(roughness=0.0, bins=8).flux_matrix(modes, normal)
        mirror = SpecularWall(bins=8).flux_matrix(modes, normal)
        np.testing.assert_allclose(smooth.apply(theta), mirror.apply(theta), atol=1e-12)
        # A few modes at the zone boundary have no wave number along the normal, at any roughness.
        rough = PartlySpecularWall(specularity=0.0, bins=8).flux_matrix(modes, normal)
        diffuse = DiffuseWall(bins=8).flux_matrix(modes, normal)
        np.testing.assert_allclose(rough.apply(theta), diffuse.apply(theta), atol=1e-12)


def test_specularity_follows_ziman(crystal):
    """p = exp(-16 pi^2 eta^2 cos^2/lambda^2) with lambda = 2 pi v/w in a model crystal."""
    modes, eta = crystal("model"), 3e-10
    speeds = np.linalg.norm(modes.velocities, axis=1)
    wavelengths = 2.0 * np.pi * speeds / modes.frequencies
    cosines = modes.velocities @ OBLIQUE / speeds
    expected = np.exp(-16.0 * np.pi**2 * eta**2 * cosines**2 / wavelengths**2)
    np.testing.assert_allclose(ziman_specularity(modes, OBLIQUE, eta), expected, rtol=1e-12)
    silicon = crystal("Si-9")
    shares = ziman_specularity(silicon, OBLIQUE, eta)
    inside = np.linalg.norm(silicon.wave_vectors, axis=1) < 8e9  # inside the first zone
    expected = np.exp(-4.0 * (eta * silicon.wave_vectors @ OBLIQUE) ** 2)
    np.testing.assert_allclose(shares[inside], expected[inside], rtol=1e-9)
    np.testing.assert_array_equal(shares[silicon.partners], shares)


def test_a_partly_specular_wall_reflects_that_share_as_a_mirror(crystal):
    modes = crystal("Si-5")
    matrix = PartlySpecularWall(specularity=0.3).flux_matrix(modes, X)
    shares = matrix.sparse.sum(axis=1)[matrix.incoming] / matrix.flux[matrix.incoming]
    np.testing.assert_allclose(shares, 0.3, rtol=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "either specularity or roughness"),
        ({"specularity": 0.5, "roughness": 1e-9}, "either specularity or roughness"),
        ({"specularity": 1.2}, "specularity = 1.2"),
        ({"roughness": -1e-9}, "roughness = -1e-09 m"),
        ({"specularity": 0.5, "rest": "black"}, "rest = 'black'"),
        ({"specularity": 0.5, "bins": 0}, "bins = 0"),
    ],
)
def test_a_bad_wall_is_refused(options, message):
    with pytest.raises(InputError, match=message):
        PartlySpecularWall(**options)
