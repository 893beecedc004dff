"""Porous cells and nanomeshes: opposite sides are copies, the hole is a wall of its own."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from pbte.core.errors import InputError
from pbte.geometry.cells import nanomesh, porous_cell
from pbte.geometry.domain import read_domain
from pbte.geometry.meshfile import read_mesh_file
from pbte.geometry.periodic import match_walls
from pbte.geometry.report import mesh_report

NM = 1e-9


def report_of(path):
    return mesh_report(read_domain(path, MPI.COMM_SELF))


def measures(parts):
    return {part.name: part.measure for part in parts}


def assert_periodic(path, axes):
    """Check that opposite walls are copies, moved along the axis alone by its full extent."""
    data = read_mesh_file(path)
    extents = np.ptp(data.points, axis=0)
    for axis in axes:
        one, other = (
            data.points[data.facets[data.facet_tags == data.facet_groups[f"{axis}_{end}"]]]
            for end in ("min", "max")
        )
        matched = match_walls(one, other)
        expected = np.where(np.arange(len(extents)) == "xyz".index(axis), extents, 0.0)
        np.testing.assert_allclose(matched.translation, expected, atol=1e-12 * extents.max())
        assert matched.mismatch < 1e-10 * extents.max()


def test_a_square_with_a_round_pore_is_what_is_left_of_it(tmp_path):
    path = porous_cell(
        tmp_path / "c.msh", lengths=(100 * NM, 80 * NM), diameter=40 * NM, size=20 * NM,
        size_at_pore=2 * NM,
    )  # fmt: skip
    report = report_of(path)
    assert list(measures(report.walls)) == ["x_min", "x_max", "y_min", "y_max", "pore"]
    # A polygon with edges h is smaller than its circle by h^2 / (6 R^2) of the area.
    assert report.volume == pytest.approx(8000 * NM**2 - np.pi * (20 * NM) ** 2, rel=1e-3)
    assert measures(report.walls)["pore"] == pytest.approx(np.pi * 40 * NM, rel=1e-3)
    assert measures(report.walls)["x_max"] == pytest.approx(80 * NM, rel=1e-9)
    assert_periodic(path, "xy")


@pytest.mark.parametrize("pore", [None, "cylinder", "sphere"])
def test_a_box_with_a_pore_is_periodic_in_all_directions(tmp_path, pore):
    path = porous_cell(
        tmp_path / "c.msh", lengths=(60 * NM, 50 * NM, 40 * NM), diameter=30 * NM, pore=pore,
        size=12 * NM, size_at_pore=5 * NM,
    )  # fmt: skip
    report = report_of(path)
    hole = np.pi / 6 * 30**3 if pore == "sphere" else np.pi * 15**2 * 40
    area = np.pi * 30**2 if pore == "sphere" else np.pi * 30 * 40
    assert report.volume == pytest.approx((60 * 50 * 40 - hole) * NM**3, rel=0.01)
    assert measures(report.walls)["pore"] == pytest.approx(area * NM**2, rel=0.03)
    assert report.min_quality > 0.1
    assert_periodic(path, "xyz")


def test_a_nanomesh_has_free_faces_and_is_periodic_in_its_plane(tmp_path):
    path = nanomesh(
        tmp_path / "n.msh", period=60 * NM, diameter=40 * NM, thickness=20 * NM, size=12 * NM,
        size_at_hole=5 * NM,
    )  # fmt: skip
    report = report_of(path)
    face = 3600 - np.pi * 20**2
    assert report.volume == pytest.approx(face * 20 * NM**3, rel=0.01)
    walls = measures(report.walls)
    assert list(walls) == ["x_min", "x_max", "y_min", "y_max", "z_min", "z_max", "hole"]
    assert walls["z_min"] == pytest.approx(face * NM**2, rel=0.01)
    assert walls["hole"] == pytest.approx(np.pi * 40 * 20 * NM**2, rel=0.02)
    assert_periodic(path, "xy")


def test_the_plane_of_a_nanomesh_is_the_square_with_a_hole(tmp_path):
    path = nanomesh(tmp_path / "n.msh", period=60 * NM, diameter=40 * NM, size=6 * NM)
    report = report_of(path)
    assert report.dim == 2
    assert report.volume == pytest.approx((3600 - np.pi * 20**2) * NM**2, rel=0.02)
    assert list(measures(report.walls)) == ["x_min", "x_max", "y_min", "y_max", "hole"]
    assert_periodic(path, "xy")


def test_cells_are_finer_at_the_pore(tmp_path):
    path = porous_cell(
        tmp_path / "c.msh", lengths=(200 * NM, 200 * NM), diameter=60 * NM, size=20 * NM,
        size_at_pore=4 * NM,
    )  # fmt: skip
    data = read_mesh_file(path)
    corners = data.points[data.facets]
    edges = np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1)
    at_pore = data.facet_tags == data.facet_groups["pore"]
    assert edges[at_pore].mean() == pytest.approx(4 * NM, rel=0.1)
    assert edges[~at_pore].mean() == pytest.approx(20 * NM, rel=0.2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lengths": (60 * NM,)}, "1 lengths given; 2 or 3 were expected"),
        ({"diameter": 50 * NM}, "diameter = 5e-08 m; the pore must be smaller than the cell of 5e"),
        ({"diameter": 0.0}, "diameter = 0 m; it must be positive"),
        ({"pore": "cube"}, "pore = 'cube'; it must be 'cylinder' or 'sphere'"),
        ({"lengths": (60 * NM, 60 * NM), "pore": "sphere"}, "pore has no meaning in 2D"),
        ({"size": 50 * NM}, "size = 5e-08 m is larger than extent in z"),
        ({"diameter": 5 * NM}, "size = 1e-08 m is larger than diameter"),
        ({"size_at_pore": 20 * NM}, "size_at_pore = 2e-08 m is larger than size"),
    ],
)
def test_a_cell_that_makes_no_sense_is_refused(tmp_path, changes, message):
    arguments = {"lengths": (60 * NM, 50 * NM, 40 * NM), "diameter": 30 * NM, "size": 10 * NM}
    with pytest.raises(InputError, match=message):
        porous_cell(tmp_path / "c.msh", **{**arguments, **changes})
    assert list(tmp_path.iterdir()) == []


def test_only_the_period_limits_a_hole_through_a_film(tmp_path):
    path = tmp_path / "n.msh"
    with pytest.raises(InputError, match="the hole must be smaller than the cell of 6e-08 m"):
        nanomesh(path, period=60 * NM, diameter=60 * NM, size=6 * NM)
    nanomesh(path, period=60 * NM, diameter=40 * NM, thickness=10 * NM, size=10 * NM)
    assert report_of(path).upper == pytest.approx([60 * NM, 60 * NM, 10 * NM])
