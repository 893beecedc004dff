"""Averages over shells and layers, and values along a line."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.spatial import Delaunay

from pbte.core.errors import InputError
from pbte.observables.profiles import (
    axis_profile,
    centre_of_volume,
    line_profile,
    radial_profile,
)
from pbte.observables.snapshot import MeshGeometry

Array = npt.NDArray[np.float64]


def mesh_of(points: Array) -> MeshGeometry:
    """Join points of nanometre size; no boundary, the profiles do not look at it."""
    dim = points.shape[1]
    if dim == 1:
        corners = np.stack([np.sort(points, axis=0)[:-1], np.sort(points, axis=0)[1:]], axis=1)
    else:
        corners = points[Delaunay(points).simplices]
    factor = {1: 1.0, 2: 2.0, 3: 6.0}[dim]
    volumes = np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1])) / factor
    keep = volumes > 1e-12 * volumes.max()
    return MeshGeometry(
        points=corners[keep] * 1e-9,
        volumes=volumes[keep] * 1e-9**dim,
        facets=np.zeros((0, dim, dim)),
        facet_areas=np.zeros(0),
        facet_normals=np.zeros((0, dim)),
        facet_walls=np.zeros(0, dtype=np.int64),
        walls={},
    )


def box(dim: int, seed: int = 0) -> MeshGeometry:
    """A box from 0 to 100 nm filled with random points."""
    rng = np.random.default_rng(seed)
    corners = np.array(np.meshgrid(*[[0.0, 100.0]] * dim)).reshape(dim, -1).T
    return mesh_of(np.vstack([corners, rng.uniform(0.0, 100.0, (60 * dim, dim))]))


def ball(num_points: int = 1500) -> MeshGeometry:
    rng = np.random.default_rng(3)
    directions = rng.standard_normal((num_points, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    radii = np.where(np.arange(num_points) < num_points // 4, 1.0, rng.random(num_points) ** 0.4)
    return mesh_of(100.0 * directions * radii[:, None])


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_constant_has_the_same_value_in_every_shell_layer_and_point(dim):
    mesh = box(dim)
    values = np.full(mesh.points.shape[:2], 4.5)
    end = np.full(dim, 100e-9)
    for profile in (
        radial_profile(mesh, values),
        axis_profile(mesh, values),
        line_profile(mesh, values, np.zeros(dim), end),
    ):
        np.testing.assert_allclose(profile.values, 4.5, rtol=1e-12)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_field_linear_in_x_is_its_own_profile_along_x(dim):
    mesh = box(dim)
    profile = axis_profile(mesh, 3.0 + 1e8 * mesh.points[:, :, 0], num_bins=25)
    np.testing.assert_allclose(profile.values, 3.0 + 1e8 * profile.positions, rtol=1e-12)
    assert np.all(np.diff(profile.positions) > 0.0)


def test_layers_of_a_box_sit_at_their_middles():
    """The pieces fill the box evenly: positions differ from the middles by less than a tenth."""
    profile = axis_profile(box(3), np.ones((len(box(3).volumes), 4)), axis=2, num_bins=10)
    np.testing.assert_allclose(profile.positions, (np.arange(10) + 0.5) * 10e-9, atol=1e-9)


def test_pieces_of_a_cell_have_equal_volume_and_share_its_centroid():
    from pbte.observables.profiles import _PIECES_PER_EDGE, _piece_centres

    for dim, pieces in _PIECES_PER_EDGE.items():
        weights = _piece_centres(dim)
        assert weights.shape == (pieces**dim, dim + 1)
        assert weights.min() > 0.0
        np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-14)
        np.testing.assert_allclose(weights.mean(axis=0), 1.0 / (dim + 1), rtol=1e-13)


def test_the_shells_of_a_discontinuous_field_add_up_to_its_volume_integral():
    mesh = ball()
    values = np.random.default_rng(5).standard_normal(mesh.points.shape[:2])
    whole = radial_profile(mesh, values, num_bins=1).values[0]
    exact = np.sum(mesh.volumes * values.mean(axis=1)) / mesh.volumes.sum()
    np.testing.assert_allclose(whole, exact, rtol=1e-10)


def test_the_radial_profile_of_a_smooth_field_is_the_field():
    """The interpolant of a Gaussian on a random mesh differs by the curvature times h^2."""
    mesh = ball(6000)
    radius = np.linalg.norm(mesh.points, axis=2)
    profile = radial_profile(mesh, np.exp(-((radius / 60e-9) ** 2)), centre=np.zeros(3))
    expected = np.exp(-((profile.positions / 60e-9) ** 2))
    assert np.abs(profile.values - expected).max() < 0.02


def test_vectors_and_several_orders_go_along_at_once():
    mesh = ball(300)
    fields = np.random.default_rng(6).standard_normal((*mesh.points.shape[:2], 2, 3))
    together = radial_profile(mesh, fields, num_bins=9)
    alone = radial_profile(mesh, fields[:, :, 1, 2], num_bins=9)
    np.testing.assert_allclose(together.values[:, 1, 2], alone.values, rtol=1e-13)
    start, end = np.full(3, -20e-9), np.full(3, 30e-9)
    line = line_profile(mesh, fields, start, end, 31)
    np.testing.assert_allclose(
        line.values[:, 0, 1], line_profile(mesh, fields[:, :, 0, 1], start, end, 31).values
    )


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_line_profile_of_a_linear_field_is_exact(dim):
    mesh = box(dim, seed=4)
    slope = np.arange(1.0, dim + 1.0) * 1e8
    start, end = np.full(dim, 3e-9), np.linspace(97e-9, 60e-9, dim)
    profile = line_profile(mesh, mesh.points @ slope, start, end, 77)
    points = start + np.linspace(0.0, 1.0, 77)[:, None] * (end - start)
    np.testing.assert_allclose(profile.values, points @ slope, rtol=1e-10)
    np.testing.assert_allclose(profile.positions[-1], np.linalg.norm(end - start), rtol=1e-14)


def test_between_two_cells_a_line_profile_takes_the_average_of_both_sides():
    mesh = mesh_of(np.array([[0.0], [50.0], [100.0]]))
    values = np.array([[1.0, 2.0], [4.0, 8.0]])
    profile = line_profile(mesh, values, np.array([0.0]), np.array([100e-9]), 3)
    np.testing.assert_allclose(profile.values, [1.0, 3.0, 8.0], rtol=1e-12)


def test_a_line_profile_is_nan_outside_the_mesh():
    mesh = box(3)
    values = np.ones(mesh.points.shape[:2])
    profile = line_profile(
        mesh, values, np.array([50e-9, 50e-9, -50e-9]), np.array([50e-9, 50e-9, 150e-9]), 41
    )
    inside = (profile.positions > 49e-9) & (profile.positions < 151e-9)
    assert np.isnan(profile.values[~inside]).all()
    np.testing.assert_allclose(profile.values[inside], 1.0, rtol=1e-12)
    outside = line_profile(mesh, values, np.full(3, 1e-6), np.full(3, 2e-6), 5)
    assert np.isnan(outside.values).all()


def test_the_centre_of_volume_of_a_box_is_its_middle():
    np.testing.assert_allclose(centre_of_volume(box(2)), 50e-9, rtol=1e-10)


def test_wrong_questions_are_refused():
    mesh = box(2)
    values = np.ones(mesh.points.shape[:2])
    with pytest.raises(InputError, match=r"has shape \(3,\)"):
        radial_profile(mesh, np.ones(3))
    with pytest.raises(InputError, match="coordinates"):
        radial_profile(mesh, values, centre=np.zeros(3))
    with pytest.raises(InputError, match="0 bins"):
        radial_profile(mesh, values, num_bins=0)
    with pytest.raises(InputError, match="axis 2"):
        axis_profile(mesh, values, axis=2)
    with pytest.raises(InputError, match="2 or more"):
        line_profile(mesh, values, np.zeros(2), np.ones(2), 1)
    with pytest.raises(InputError, match="2 coordinates"):
        line_profile(mesh, values, np.zeros(3), np.ones(3))
