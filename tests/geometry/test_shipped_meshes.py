"""The meshes of meshes/: what they hold, and that their sources make them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mpi4py import MPI

from pbte.case.case import read_case
from pbte.geometry.domain import read_domain
from pbte.geometry.report import mesh_report
from pbte.geometry.session import gmsh_session

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "meshes"
NM = 1e-9

# Volumes of the regions [nm^3], areas of walls and interfaces [nm^2].
CUBES = {
    "si": 500**3,
    "ge": 500**3,
    "left": 500**2,
    "right": 500**2,
    "sides": 8 * 500**2,
    "si-ge": 500**2,
}
FIN = {
    "substrate": 60 * 40 * 40,
    "fin": 16 * 40 * 40,
    "bottom": 60 * 40,
    "surface": (60 - 16) * 40,
    "flanks": 2 * 40 * 40,
    "top": 16 * 40,
    "x_min": 40 * 40,
    "x_max": 40 * 40,
    "y_min": (60 + 16) * 40,
    "y_max": (60 + 16) * 40,
    "fin-substrate": 16 * 40,
}


def report_of(path):
    return mesh_report(read_domain(path, MPI.COMM_SELF))


def measures(report):
    regions = {part.name: part.measure / NM**3 for part in report.regions}
    surfaces = {part.name: part.measure / NM**2 for part in (*report.walls, *report.interfaces)}
    return regions | surfaces


@pytest.mark.parametrize(("name", "expected"), [("cubes", CUBES), ("fin", FIN)])
def test_boxes_have_the_regions_walls_and_interface_of_their_lengths(name, expected):
    report = report_of(FOLDER / f"{name}.msh")
    assert measures(report) == pytest.approx(expected, rel=1e-9)
    (interface,) = report.interfaces
    assert interface.named and set(interface.between[0]) == {part.name for part in report.regions}


def test_the_sphere_is_one_region_and_one_wall():
    report = report_of(FOLDER / "sphere.msh")
    found = measures(report)
    assert list(found) == ["body", "surface"]
    # An inscribed polyhedron: smaller than the ball by (edge / radius)^2 / 3 and less.
    assert 0.93 < found["body"] / (4 / 3 * np.pi * 100**3) < 1
    assert 0.95 < found["surface"] / (4 * np.pi * 100**2) < 1


@pytest.mark.parametrize("name", ["sphere", "cubes", "fin"])
def test_shipped_meshes_are_small_and_of_good_quality(name):
    path = FOLDER / f"{name}.msh"
    assert path.stat().st_size < 100_000
    assert report_of(path).min_quality > 0.15


@pytest.mark.serial
@pytest.mark.parametrize("name", ["sphere", "cubes", "fin"])
def test_the_source_makes_the_shipped_mesh(name, tmp_path):
    """The same names and sizes; cells may differ between versions of gmsh."""
    path = tmp_path / f"{name}.msh"
    with gmsh_session() as gmsh:
        gmsh.open(str(FOLDER / f"{name}.geo"))
        gmsh.model.mesh.generate(3)
        gmsh.write(str(path))
    made, shipped = report_of(path), report_of(FOLDER / f"{name}.msh")
    rel = 0.01 if name == "sphere" else 1e-9
    assert measures(made) == pytest.approx(measures(shipped), rel=rel)
    assert made.num_cells == pytest.approx(shipped.num_cells, rel=0.2)


def test_the_case_of_the_fin_uses_the_shipped_mesh():
    case = read_case(ROOT / "demos/fin.toml")
    assert case.mesh.builder is None and case.mesh_path.resolve() == FOLDER / "fin.msh"
    report = report_of(case.mesh_path)
    assert set(case.walls) == {part.name for part in report.walls}
    assert set(case.regions) == {part.name for part in report.regions}
