"""Walls that are copies of each other: which facet and which corner lies on which."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.geometry.meshfile import read_mesh_file
from pbte.geometry.periodic import match_walls, matching_walls
from pbte.geometry.shapes import block, film, wire

NM = 1e-9
SHIFT = {1: [3e-8], 2: [3e-8, -1e-9], 3: [3e-8, -1e-9, 2e-9]}


def walls_of(path):
    """Return the corners of the facets of each wall in a file."""
    data = read_mesh_file(path)
    return {
        name: data.points[data.facets[data.facet_tags == tag]]
        for name, tag in data.facet_groups.items()
    }


def wavy_wall(dim, num=7):
    """Return facets of a curved wall with unequal edges, shape (num_facets, dim, dim) [m]."""
    if dim == 1:
        return np.array([[[2.0 * NM]]])
    rng = np.random.default_rng(dim)
    y = np.cumsum(rng.uniform(0.5, 1.5, num)) * NM
    if dim == 2:
        points = np.column_stack([0.3 * np.sin(y / NM) * NM, y])
        return points[np.column_stack([np.arange(num - 1), np.arange(1, num)])]
    grid = np.stack(np.meshgrid(y, 1.3 * y, indexing="ij"), axis=-1).reshape(-1, 2)
    points = np.column_stack([0.2 * np.cos(grid.sum(axis=1) / NM) * NM, grid])
    cell = (np.arange(num - 1)[:, None] * num + np.arange(num - 1)).ravel()
    lower = np.column_stack([cell, cell + 1, cell + num])
    upper = np.column_stack([cell + 1, cell + num, cell + num + 1])
    return points[np.concatenate([lower, upper])]


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_moved_wall_with_facets_and_corners_in_another_order_is_found_again(dim):
    first = wavy_wall(dim)
    rng = np.random.default_rng(0)
    order = rng.permutation(len(first))
    second = np.array([(first[k] + SHIFT[dim])[rng.permutation(dim)] for k in order])
    matched = match_walls(first, second)
    np.testing.assert_allclose(matched.translation, SHIFT[dim], rtol=1e-9)
    np.testing.assert_array_equal(order[matched.images], np.arange(len(first)))
    images = np.take_along_axis(second[matched.images], matched.corners[:, :, None], axis=1)
    np.testing.assert_allclose(images - first - SHIFT[dim], 0.0, atol=1e-22)
    assert matched.mismatch < 1e-22


@pytest.mark.parametrize("dim", [2, 3])
def test_walls_match_to_the_error_of_a_mesh_file_and_no_further(dim):
    first = wavy_wall(dim)
    noise = np.random.default_rng(5).uniform(-1, 1, first.shape) * NM
    match_walls(first, first + SHIFT[dim] + 1e-7 * noise)
    with pytest.raises(InputError, match=r"facets of 'west' have no image on 'east'; the largest"):
        match_walls(first, first + SHIFT[dim] + 1e-2 * noise, names=("west", "east"))


def test_facets_without_an_image_are_counted_with_the_largest_mismatch():
    first = np.array([[[0.0, y], [0.0, y + 1]] for y in range(5)]) * NM
    second = np.add(first, [10 * NM, 0.0])
    second[2, 1, 1] = second[3, 0, 1] = 3.25 * NM
    # The edges beside the moved point change; the centre of area stays.
    message = (
        r"walls 'west' and 'east' do not match: moved by \(1e-08, .*\) m, 2 of the 5 facets of"
        r" 'west' have no image on 'east'; the largest mismatch of a corner is 2\.5e-10 m, at most"
        r" 7\.5e-15 m is allowed; make the mesh of one a copy of the other"
    )
    with pytest.raises(InputError, match=message):
        match_walls(first, second, names=("west", "east"))


def test_walls_with_different_numbers_of_facets_do_not_match():
    first = wavy_wall(2)
    with pytest.raises(InputError, match="'a' and 'b' do not match: they have 6 and 5 facets"):
        match_walls(first, first[1:], names=("a", "b"))
    with pytest.raises(InputError, match="they have 0 and 0 facets"):
        match_walls(first[:0], first[:0])


def test_a_wall_is_no_copy_of_its_mirror_image():
    first = wavy_wall(3)
    with pytest.raises(InputError, match="do not match"):
        match_walls(first, first * [1.0, -1.0, 1.0])


def test_two_points_in_one_dimension_match_only_at_the_same_distance():
    first = np.array([[[0.0]], [[1.0]]]) * NM
    matched = match_walls(first, first[::-1] + 5 * NM)
    assert matched.images.tolist() == [1, 0]
    with pytest.raises(InputError, match="do not match"):
        match_walls(first, np.array([[[5.0]], [[6.5]]]) * NM)


def test_walls_of_a_step_that_face_the_same_way_are_no_periodic_pair():
    edge = np.array([[[0.0, 0.0], [0.0, 1.0]]]) * NM
    right = np.array([[1.0, 0.0]])
    walls = {
        "left": (edge, -right),
        "step": (np.add(edge, [NM, NM]), right),
        "right": (np.add(edge, [2 * NM, 0.0]), right),
    }
    assert set(matching_walls(walls)) == {("left", "step"), ("left", "right")}


@pytest.mark.parametrize(
    ("build", "pairs"),
    [
        (lambda p: block(p, lengths=(30 * NM, 20 * NM), size=6 * NM, periodic="xy"), "xy"),
        (
            lambda p: block(p, lengths=(30 * NM, 20 * NM, 9 * NM), size=6 * NM, periodic="xyz"),
            "xyz",
        ),
        (lambda p: block(p, lengths=(30 * NM, 20 * NM, 9 * NM), size=6 * NM, periodic="z"), "z"),
        (lambda p: film(p, thickness=30 * NM, size=7 * NM, dim=3, periodic=True), "yz"),
        (lambda p: film(p, thickness=30 * NM, size=7 * NM, dim=2, periodic=True), "y"),
    ],
)
def test_opposite_sides_of_periodic_bodies_are_copies(tmp_path, build, pairs):
    walls = walls_of(build(tmp_path / "cell.msh"))
    for axis in pairs:
        one, other = walls[f"{axis}_min"], walls[f"{axis}_max"]
        matched = match_walls(one, other)
        along = "xyz".index(axis)
        distance = other[..., along].max() - one[..., along].max()
        expected = np.where(np.arange(one.shape[2]) == along, distance, 0.0)
        np.testing.assert_allclose(matched.translation, expected, atol=1e-13 * distance)
        assert matched.mismatch < 1e-10 * distance


def test_both_ends_of_a_periodic_wire_are_copies(tmp_path):
    walls = walls_of(
        wire(tmp_path / "w.msh", length=40 * NM, diameter=30 * NM, size=5 * NM, periodic=True)
    )
    matched = match_walls(walls["left"], walls["right"])
    np.testing.assert_allclose(matched.translation, [40 * NM, 0, 0], atol=1e-20)


def test_the_ends_of_a_film_in_one_dimension_always_match(tmp_path):
    walls = walls_of(film(tmp_path / "f.msh", thickness=50 * NM, size=10 * NM))
    assert match_walls(walls["left"], walls["right"]).translation == pytest.approx([50 * NM])


def test_axes_that_do_not_exist_are_refused(tmp_path):
    for axes in ("z", "xx", "q"):
        with pytest.raises(InputError, match=f"block: periodic = '{axes}'; in 2D it must"):
            block(tmp_path / "b.msh", lengths=(NM, NM), size=NM, periodic=axes)
