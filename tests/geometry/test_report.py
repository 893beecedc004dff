"""The report of a mesh, on bodies whose figures are known."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from pbte.geometry.domain import read_domain
from pbte.geometry.report import mesh_report, radius_ratios
from pbte.geometry.shapes import block, nanoparticle

NM = 1e-9


def test_regular_simplices_have_quality_one_and_flat_ones_zero():
    triangle = np.array([[0, 0], [1, 0], [0.5, np.sqrt(3) / 2]])
    assert radius_ratios(triangle, np.array([[0, 1, 2]])) == pytest.approx([1.0], rel=1e-12)
    tetrahedron = np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    for size in (1.0, 1e-9):  # nothing may depend on the unit
        ratio = radius_ratios(size * tetrahedron, np.array([[0, 1, 2, 3]]))
        assert ratio == pytest.approx([1.0], rel=1e-12)
    tetrahedron[3] = tetrahedron[:3].mean(axis=0) + 1e-3
    assert radius_ratios(tetrahedron, np.array([[0, 1, 2, 3]])) < 1e-2


def test_quality_of_the_corner_tetrahedron_is_the_textbook_value():
    """Inscribed radius 1/(3 + sqrt 3), circumscribed radius sqrt(3)/2."""
    corner = np.vstack([np.zeros(3), np.eye(3)])
    expected = 3 / (3 + np.sqrt(3)) / (np.sqrt(3) / 2)
    assert radius_ratios(corner, np.array([[0, 1, 2, 3]])) == pytest.approx([expected], rel=1e-12)


@pytest.mark.parametrize("dim", [2, 3])
def test_quality_agrees_with_the_centre_found_from_equal_distances(dim):
    """The circumscribed centre solves 2 (x_i - x_0) . c = |x_i|^2 - |x_0|^2."""
    points = np.random.default_rng(1).random((dim + 1, dim))
    edges, squares = points[1:] - points[0], np.sum(points**2, axis=1)
    centre = np.linalg.solve(2 * edges, squares[1:] - squares[0])
    circumscribed = np.linalg.norm(centre - points[0])
    # The rows of the inverse are gradients of barycentric coordinates: 1 / height of each corner.
    gradients = np.linalg.inv(edges).T
    inverse_heights = np.linalg.norm(np.vstack([gradients, -gradients.sum(axis=0)]), axis=1)
    inscribed = 1 / inverse_heights.sum()
    ratio = radius_ratios(points, np.arange(dim + 1)[None])
    assert ratio == pytest.approx([dim * inscribed / circumscribed], rel=1e-10)


def test_the_report_of_two_triangles_is_that_of_a_square(tmp_path, gmsh22):
    square = NM * np.array([[0.0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0]])
    cells = [(2, 1, 1, [1, 2, 3]), (2, 2, 2, [1, 3, 4])]
    sides = [(1, 3, 1, [1, 2]), (1, 3, 1, [2, 3]), (1, 3, 1, [3, 4]), (1, 4, 2, [4, 1])]
    names = {(2, 1): "Si", (2, 2): "Ge", (1, 3): "outside", (1, 4): "hot", (1, 5): "contact"}
    path = tmp_path / "square.msh"
    gmsh22(path, square, [*cells, *sides, (1, 5, 3, [1, 3])], names)
    report = mesh_report(read_domain(path, MPI.COMM_SELF))
    assert (report.dim, report.num_points, report.num_cells) == (2, 4, 2)
    assert report.num_boundary_facets == 4
    assert {p.name: (p.count, p.measure) for p in report.regions} == {
        "Si": (1, pytest.approx(2 * NM**2)),
        "Ge": (1, pytest.approx(2 * NM**2)),
    }
    assert {p.name: (p.count, p.measure) for p in report.walls} == {
        "outside": (3, pytest.approx(6 * NM)),
        "hot": (1, pytest.approx(2 * NM)),
    }
    assert [(p.name, p.count) for p in report.interfaces] == [("contact", 1)]
    assert report.interfaces[0].measure == pytest.approx(np.sqrt(8) * NM)
    assert report.interfaces[0].between == (("Si", "Ge"),) and report.interfaces[0].named
    assert report.matches == ()
    assert report.volume == pytest.approx(4 * NM**2)
    # Right isosceles triangle: 2 r / R = 2 (sqrt 2 - 1).
    assert report.min_quality == pytest.approx(2 * (np.sqrt(2) - 1))
    assert report.mean_quality == pytest.approx(report.min_quality)
    assert report.min_edge == pytest.approx(2 * NM)
    assert report.max_edge == pytest.approx(np.sqrt(8) * NM)
    assert report.mean_edge == pytest.approx((4 * 2 + np.sqrt(8)) / 5 * NM)


def test_the_bounding_box_is_that_of_the_body(tmp_path):
    path = block(tmp_path / "block.msh", lengths=(30 * NM, 20 * NM, 10 * NM), size=10 * NM)
    report = mesh_report(read_domain(path, MPI.COMM_SELF))
    np.testing.assert_allclose(report.lower, 0, atol=1e-20)
    np.testing.assert_allclose(report.upper, [30 * NM, 20 * NM, 10 * NM], rtol=1e-12)
    assert 0.3 < report.min_quality <= report.mean_quality <= 1


def test_opposite_walls_of_a_periodic_block_are_told_with_their_distance(tmp_path):
    path = block(
        tmp_path / "b.msh", lengths=(30 * NM, 20 * NM, 10 * NM), size=6 * NM, periodic="xyz"
    )
    matches = mesh_report(read_domain(path, MPI.COMM_SELF)).matches
    assert [match.walls for match in matches] == [(f"{a}_min", f"{a}_max") for a in "xyz"]
    shifts = np.array([match.translation for match in matches])
    np.testing.assert_allclose(shifts, np.diag([30, 20, 10]) * NM, rtol=1e-9)
    assert np.count_nonzero(shifts) == 3  # no round-off beside the axes


def test_the_walls_of_a_sphere_match_nothing(tmp_path):
    path = nanoparticle(tmp_path / "np.msh", diameter=50 * NM, size=25 * NM)
    assert mesh_report(read_domain(path, MPI.COMM_SELF)).matches == ()


def test_an_interface_without_a_name_says_so_and_a_twin_is_within_its_region(tmp_path, gmsh22):
    square = NM * np.array([[0.0, 0, 0], [2, 0, 0], [2, 2, 0], [0, 2, 0], [1, 1, 0]])
    corners = [[1, 2, 5], [2, 3, 5], [3, 4, 5], [4, 1, 5]]
    cells = [(2, tag, tag, c) for tag, c in zip((1, 1, 2, 2), corners, strict=True)]
    sides = [(1, 3, 1, [a, b]) for a, b in ((1, 2), (2, 3), (3, 4), (4, 1))]
    names = {(2, 1): "Si", (2, 2): "Ge", (1, 3): "outside", (1, 4): "twin"}
    path = tmp_path / "square.msh"
    gmsh22(path, square, [*cells, *sides, (1, 4, 2, [2, 5])], names)
    found = mesh_report(read_domain(path, MPI.COMM_SELF)).interfaces
    assert [(face.name, face.between, face.named) for face in found] == [
        ("twin", (("Si", "Si"),), True),
        ("Si-Ge", (("Si", "Ge"),), False),
    ]
