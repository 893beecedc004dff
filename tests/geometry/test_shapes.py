"""The builders: sizes, names, volumes, and the same mesh every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mpi4py import MPI

from pbte.core.errors import InputError
from pbte.geometry.domain import read_domain
from pbte.geometry.facets import signed_volumes
from pbte.geometry.report import mesh_report
from pbte.geometry.shapes import block, film, nanoparticle, wire

NM = 1e-9


def report_of(path):
    return mesh_report(read_domain(path, MPI.COMM_SELF))


def measures(parts):
    return {part.name: part.measure for part in parts}


def test_the_nanoparticle_of_the_demo_is_a_sphere_finer_in_its_core(tmp_path):
    path = nanoparticle(
        tmp_path / "np.msh", diameter=200 * NM, size=25 * NM, core_size=11 * NM, core_radius=45 * NM
    )
    domain = read_domain(path, MPI.COMM_SELF)
    report = mesh_report(domain)
    assert list(domain.regions) == ["body"] and list(domain.walls) == ["surface"]
    assert 3000 < report.num_cells < 7000
    # A polyhedron inscribed with edges h loses about (h/R)^2 / 3 of the volume of the sphere.
    ball = 4 / 3 * np.pi * (100 * NM) ** 3
    assert 0.96 * ball < report.volume < ball
    assert 0.97 * np.pi * (200 * NM) ** 2 < report.walls[0].measure < np.pi * (200 * NM) ** 2
    assert report.min_quality > 0.15 and report.mean_quality > 0.7

    points = domain.mesh.geometry.x
    cells = domain.cell_nodes
    radii = np.linalg.norm(points[cells].mean(axis=1), axis=1)
    # Edge of the regular tetrahedron of the same volume.
    sizes = np.cbrt(6 * np.sqrt(2) * np.abs(signed_volumes(points, cells)))
    assert sizes[radii < 40 * NM].mean() == pytest.approx(11 * NM, rel=0.3)
    assert sizes[radii > 85 * NM].mean() == pytest.approx(24 * NM, rel=0.3)


def test_a_finer_nanoparticle_is_closer_to_the_sphere(tmp_path):
    ball = np.pi / 6 * (50 * NM) ** 3
    errors = [
        1 - report_of(nanoparticle(tmp_path / "np.msh", diameter=50 * NM, size=h)).volume / ball
        for h in (16 * NM, 8 * NM)
    ]
    # Second order: half the edge, a quarter of the error; unstructured, so not exactly.
    assert 2.5 < errors[0] / errors[1] < 6


def test_the_same_command_gives_the_same_mesh(tmp_path):
    arguments = {"diameter": 100 * NM, "size": 25 * NM, "core_size": 15 * NM}
    first = nanoparticle(tmp_path / "a.msh", **arguments).read_bytes()
    film(tmp_path / "between.msh", thickness=50 * NM, size=20 * NM, dim=3)
    assert nanoparticle(tmp_path / "b.msh", **arguments).read_bytes() == first


def test_a_film_in_one_dimension_has_equal_cells(tmp_path):
    report = report_of(film(tmp_path / "film.msh", thickness=100 * NM, size=9 * NM))
    assert (report.dim, report.num_cells) == (1, 12)
    assert report.max_edge == pytest.approx(report.min_edge, rel=1e-9)
    assert report.volume == pytest.approx(100 * NM, rel=1e-12)
    assert measures(report.walls) == {"left": 1.0, "right": 1.0}


@pytest.mark.parametrize("dim", [2, 3])
def test_a_film_in_two_and_three_dimensions_has_flat_walls_and_sides(tmp_path, dim):
    extent = {"width": 60 * NM} | ({"height": 40 * NM} if dim == 3 else {})
    path = film(tmp_path / "film.msh", thickness=100 * NM, size=20 * NM, dim=dim, **extent)
    report = report_of(path)
    depth = 40 * NM if dim == 3 else 1.0
    assert report.volume == pytest.approx(100 * NM * 60 * NM * depth, rel=1e-9)
    face = 60 * NM * depth
    sides = 2 * 100 * NM * depth + (2 * 100 * NM * 60 * NM if dim == 3 else 0)
    assert measures(report.walls) == pytest.approx(
        {"left": face, "right": face, "sides": sides}, rel=1e-9
    )


def test_left_is_where_x_is_zero_and_right_is_at_the_thickness(tmp_path):
    for dim in (1, 2, 3):
        path = film(tmp_path / "film.msh", thickness=50 * NM, size=25 * NM, dim=dim)
        assert_walls_lie_at(path, {"left": (0, 0.0), "right": (0, 50 * NM)})
    path = wire(tmp_path / "wire.msh", length=80 * NM, diameter=40 * NM, size=15 * NM)
    assert_walls_lie_at(path, {"left": (0, 0.0), "right": (0, 80 * NM)})


@pytest.mark.parametrize("lengths", [(30 * NM, 20 * NM), (30 * NM, 20 * NM, 10 * NM)])
def test_a_block_names_each_side_by_its_axis(tmp_path, lengths):
    path = block(tmp_path / "block.msh", lengths=lengths, size=10 * NM)
    expected = {}
    for axis, length in enumerate(lengths):
        expected |= {f"{'xyz'[axis]}_min": (axis, 0.0), f"{'xyz'[axis]}_max": (axis, length)}
    assert_walls_lie_at(path, expected)
    assert report_of(path).volume == pytest.approx(np.prod(lengths), rel=1e-9)


def test_a_wire_is_a_cylinder_with_two_ends_and_a_side(tmp_path):
    report = report_of(wire(tmp_path / "w.msh", length=100 * NM, diameter=60 * NM, size=12 * NM))
    end = np.pi * (30 * NM) ** 2
    assert report.volume == pytest.approx(end * 100 * NM, rel=0.05)
    areas = measures(report.walls)
    assert areas["left"] == pytest.approx(end, rel=0.05)
    assert areas["right"] == pytest.approx(areas["left"], rel=0.02)
    assert areas["side"] == pytest.approx(np.pi * 60 * NM * 100 * NM, rel=0.03)


def test_a_builder_leaves_a_running_gmsh_as_it_was(tmp_path):
    gmsh = pytest.importorskip("gmsh")
    gmsh.initialize(argv=[], interruptible=False)
    try:
        gmsh.option.setNumber("General.Terminal", 0)
        gmsh.option.setNumber("Mesh.MeshSizeMax", 0.123)
        gmsh.model.add("mine")
        nanoparticle(tmp_path / "np.msh", diameter=50 * NM, size=25 * NM)
        assert gmsh.isInitialized()
        assert gmsh.model.getCurrent() == "mine"
        assert gmsh.option.getNumber("Mesh.MeshSizeMax") == 0.123
    finally:
        gmsh.finalize()


def test_gmsh_is_closed_after_a_failure_and_nothing_is_left_in_the_folder(tmp_path, monkeypatch):
    gmsh = pytest.importorskip("gmsh")

    def fail(name):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(gmsh, "write", fail)
    with pytest.raises(RuntimeError, match="No space left"):
        film(tmp_path / "film.msh", thickness=50 * NM, size=10 * NM)
    assert not gmsh.isInitialized()
    assert list(tmp_path.iterdir()) == []


def test_a_mesh_cut_off_by_a_full_disk_never_gets_its_name(tmp_path, monkeypatch):
    gmsh = pytest.importorskip("gmsh")
    monkeypatch.setattr(gmsh, "write", lambda name: Path(name).write_text("$Nodes\n"))
    with pytest.raises(RuntimeError, match="could not be written completely; free disk space"):
        film(tmp_path / "film.msh", thickness=50 * NM, size=10 * NM)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"diameter": -1e-9}, "diameter = -1e-09 m; it must be positive"),
        ({"size": 0.0}, "size = 0 m; it must be positive"),
        ({"size": float("nan")}, "size = nan m; it must be positive"),
        ({"diameter": 200.0}, "lengths are in metres"),
        ({"size": 300 * NM}, "size = 3e-07 m is larger than diameter"),
        ({"core_size": 50 * NM}, "core_size = 5e-08 m is larger than size"),
        ({"core_radius": 100 * NM}, "core_radius = 1e-07 m; it must be at least 0"),
        ({"core_radius": -1 * NM}, "core_radius = -1e-09 m; it must be at least 0"),
        ({"size": 0.1 * NM}, "would make about .* cells"),
    ],
)
def test_a_nanoparticle_with_wrong_lengths_is_refused(tmp_path, changes, message):
    arguments = {"diameter": 200 * NM, "size": 30 * NM} | changes
    with pytest.raises(InputError, match=message):
        nanoparticle(tmp_path / "np.msh", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_other_shapes_with_wrong_arguments_are_refused(tmp_path):
    path = tmp_path / "x.msh"
    with pytest.raises(InputError, match="dim = 4; it must be 1, 2 or 3"):
        film(path, thickness=NM, size=NM, dim=4)
    with pytest.raises(InputError, match="width has no meaning with dim = 1"):
        film(path, thickness=NM, size=NM, width=NM)
    with pytest.raises(InputError, match="height has no meaning with dim = 2"):
        film(path, thickness=NM, size=NM, dim=2, height=NM)
    with pytest.raises(InputError, match="size = 2e-09 m is larger than extent in y"):
        block(path, lengths=(5 * NM, NM), size=2 * NM)
    with pytest.raises(InputError, match="1 lengths given; 2 or 3"):
        block(path, lengths=(5 * NM,), size=NM)
    with pytest.raises(InputError, match="wire: length = -5e-09 m"):
        wire(path, length=-5 * NM, diameter=NM, size=NM)
    with pytest.raises(InputError, match=r"must end in \.msh"):
        film(tmp_path / "x.vtk", thickness=10 * NM, size=NM)
    with pytest.raises(InputError, match="cannot write into the folder"):
        film(tmp_path / "absent" / "x.msh", thickness=10 * NM, size=NM)


def assert_walls_lie_at(path, expected):
    """Check that all corners of each wall's facets have the given coordinate."""
    domain = read_domain(path, MPI.COMM_SELF)
    mesh = domain.mesh
    dim = mesh.topology.dim
    mesh.topology.create_connectivity(dim - 1, dim)
    from dolfinx.mesh import entities_to_geometry

    nodes = entities_to_geometry(mesh, dim - 1, domain.boundary_facets.astype(np.int32))
    corners = mesh.geometry.x[np.asarray(nodes).reshape(len(domain.boundary_facets), -1)]
    for name, (axis, value) in expected.items():
        chosen = corners[domain.facet_walls == domain.walls[name]]
        assert len(chosen) > 0
        np.testing.assert_allclose(chosen[..., axis], value, atol=1e-15)
