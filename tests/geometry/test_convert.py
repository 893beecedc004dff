"""Meshes of other programs come back with their shape, their parts and their names."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from pbte.core.errors import InputError
from pbte.geometry.convert import convert_mesh
from pbte.geometry.domain import cell_nodes, read_domain
from pbte.geometry.facets import signed_volumes
from pbte.geometry.report import mesh_report
from pbte.geometry.shapes import block, film, nanoparticle

meshio = pytest.importorskip("meshio")
NM = 1e-9
SQUARE = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
TRIANGLES = ("triangle", np.array([[0, 1, 2], [0, 2, 3]]))
RIM = ("line", np.array([[0, 1], [1, 2], [2, 3], [3, 0]]))


def converted(tmp_path, mesh, ending="vtu", **options):
    """Write a meshio mesh, convert it and return the report of the result."""
    source = tmp_path / f"source.{ending}"
    meshio.write(source, mesh)
    target = convert_mesh(source, tmp_path / "target.msh", **{"scale": NM, **options})
    return mesh_report(read_domain(target, MPI.COMM_SELF))


def parts(report):
    return {p.name: p.count for p in report.regions}, {p.name: p.count for p in report.walls}


def simplex_blocks(path):
    """Return points and cells of a gmsh file as meshio blocks without names or numbers."""
    mesh = meshio.read(path)
    return mesh.points, [(block.type, block.data) for block in mesh.cells]


def test_a_sphere_without_names_comes_back_from_vtu_as_body_and_surface(tmp_path):
    path = nanoparticle(tmp_path / "np.msh", diameter=50 * NM, size=15 * NM)
    points, cells = simplex_blocks(path)
    tetrahedra = [block for block in cells if block[0] == "tetra"]
    report = converted(tmp_path, meshio.Mesh(points / NM, tetrahedra))
    original = mesh_report(read_domain(path, MPI.COMM_SELF))
    assert parts(report) == parts(original)
    assert report.volume == pytest.approx(original.volume, rel=1e-12)
    assert report.walls[0].measure == pytest.approx(original.walls[0].measure, rel=1e-12)
    assert report.min_quality == pytest.approx(original.min_quality, rel=1e-9)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_named_groups_survive_from_gmsh_to_gmsh(tmp_path, dim):
    path = film(tmp_path / "film.msh", thickness=50 * NM, size=20 * NM, dim=dim)
    target = convert_mesh(path, tmp_path / "copy.msh")
    first, second = (read_domain(p, MPI.COMM_SELF) for p in (path, target))
    a, b = mesh_report(first), mesh_report(second)
    assert parts(a) == parts(b)
    assert [p.measure for p in a.walls] == pytest.approx([p.measure for p in b.walls], rel=1e-12)


@pytest.mark.parametrize("ending", ["vtu", "vtk", "xdmf", "med"])
def test_numbers_of_cells_become_names(tmp_path, ending):
    data = [np.array([1, 4]), np.array([2, 2, 7, 7])]
    mesh = meshio.Mesh(SQUARE, [TRIANGLES, RIM], cell_data={"cell_tags": data})
    report = converted(tmp_path, mesh, ending)
    assert parts(report) == ({"region_1": 1, "region_4": 1}, {"wall_2": 2, "wall_7": 2})


@pytest.mark.parametrize("ending", ["inp", "med"])
def test_named_sets_are_kept(tmp_path, ending):
    mesh = meshio.Mesh(SQUARE, [TRIANGLES, RIM])
    if ending == "inp":
        none = np.array([], dtype=int)
        mesh.cell_sets = {
            "silicon": [np.array([0, 1]), none],
            "hot": [none, np.array([0])],
            "cold": [none, np.array([1, 2])],
        }
    else:
        mesh.cell_data = {"cell_tags": [np.array([-6, -6]), np.array([-7, -8, -8, 0])]}
        mesh.cell_tags = {-6: ["silicon"], -7: ["hot"], -8: ["cold"]}
    report = converted(tmp_path, mesh, ending)
    assert parts(report) == ({"silicon": 2}, {"hot": 1, "cold": 2, "surface": 1})


def test_a_set_of_everything_gives_way_to_sets_of_parts(tmp_path):
    mesh = meshio.Mesh(SQUARE, [TRIANGLES])
    mesh.cell_sets = {
        "ALL": [np.array([0, 1])],
        "si": [np.array([0])],
        "same": [np.array([0])],
        "ge": [np.array([1])],
    }
    report = converted(tmp_path, mesh, "inp")
    assert parts(report) == ({"si": 1, "ge": 1}, {"surface": 4})


def test_numbered_surfaces_inside_become_interfaces_and_bare_ones_vanish(tmp_path):
    inside = ("line", np.array([[0, 2]]))
    numbers = [np.array([1, 2]), np.array([3])]
    mesh = meshio.Mesh(SQUARE, [TRIANGLES, inside], cell_data={"region": numbers})
    report = converted(tmp_path, mesh)
    assert [(p.name, p.count) for p in report.interfaces] == [("wall_3", 1)]
    report = converted(tmp_path, meshio.Mesh(SQUARE, [TRIANGLES, inside]))
    assert report.interfaces == ()
    assert parts(report) == ({"body": 2}, {"surface": 4})


def test_curved_cells_become_straight(tmp_path):
    middles = 0.5 * (SQUARE[[0, 1, 0]] + SQUARE[[1, 2, 2]]) + [[0, 0.05, 0], [0, 0, 0], [0, 0, 0]]
    mesh = meshio.Mesh(
        np.vstack([SQUARE[:3], middles]), [("triangle6", np.array([[0, 1, 2, 3, 4, 5]]))]
    )
    report = converted(tmp_path, mesh)
    assert (report.num_points, report.num_cells) == (3, 1)
    assert report.volume == pytest.approx(0.5 * NM**2)


def test_the_array_of_numbers_can_be_chosen(tmp_path):
    data = {"kind": [np.array([1, 1])], "layer": [np.array([5, 6])]}
    mesh = meshio.Mesh(SQUARE, [TRIANGLES], cell_data=data)
    with pytest.raises(InputError, match=r"'kind', 'layer'.*choose one with tags"):
        converted(tmp_path, mesh)
    assert parts(converted(tmp_path, mesh, tags="layer"))[0] == {"region_5": 1, "region_6": 1}
    with pytest.raises(InputError, match="no cell array 'grain'"):
        converted(tmp_path, mesh, tags="grain")


def test_fields_are_not_taken_for_numbers_of_regions(tmp_path):
    data = {"temperature": [np.array([300.0, 301.0])]}
    mesh = meshio.Mesh(SQUARE, [TRIANGLES], cell_data=data)
    assert parts(converted(tmp_path, mesh)) == ({"body": 2}, {"surface": 4})
    with pytest.raises(InputError, match="does not hold numbers of regions"):
        mesh.cell_data["temperature"] = [np.array([300.5, 301.0])]
        converted(tmp_path, mesh, tags="temperature")


def test_the_converted_mesh_is_in_metres(tmp_path):
    path = block(tmp_path / "block.msh", lengths=(30 * NM, 20 * NM), size=10 * NM)
    points, cells = simplex_blocks(path)
    meshio.write(tmp_path / "block.vtk", meshio.Mesh(points / NM, cells))
    with pytest.raises(InputError, match="30 m wide; if the file is in nanometres"):
        convert_mesh(tmp_path / "block.vtk", tmp_path / "out.msh")
    target = convert_mesh(tmp_path / "block.vtk", tmp_path / "out.msh", scale=NM)
    mesh = read_domain(target, MPI.COMM_SELF).mesh
    volume = np.abs(signed_volumes(mesh.geometry.x[:, :2], cell_nodes(mesh))).sum()
    assert volume == pytest.approx(600 * NM**2, rel=1e-9)


def test_what_cannot_be_converted_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such mesh file"):
        convert_mesh(tmp_path / "absent.vtu", tmp_path / "out.msh")
    (tmp_path / "damaged.vtu").write_text("<VTKFile")
    with pytest.raises(InputError, match=r"damaged\.vtu: meshio cannot read this mesh"):
        convert_mesh(tmp_path / "damaged.vtu", tmp_path / "out.msh")
    (tmp_path / "mesh.unheard").write_text("1 2 3")
    with pytest.raises(InputError, match=r"mesh\.unheard: meshio cannot read this mesh"):
        convert_mesh(tmp_path / "mesh.unheard", tmp_path / "out.msh")
    with pytest.raises(InputError, match=r"must end in \.msh"):
        convert_mesh(tmp_path / "damaged.vtu", tmp_path / "out.vtk")
    with pytest.raises(InputError, match="scale = 0"):
        convert_mesh(tmp_path / "damaged.vtu", tmp_path / "out.msh", scale=0.0)
    assert not (tmp_path / "out.msh").exists()


@pytest.mark.parametrize(
    ("points", "cells", "message"),
    [
        (SQUARE, [("quad", [[0, 1, 2, 3]])], "the mesh has quad cells"),
        (SQUARE, [("vertex", [[0]])], "the mesh has no cells"),
        (SQUARE + np.outer([0, 1, 0, 0], [0, 0, 1]), [TRIANGLES], "no volume elements"),
        (
            np.vstack([SQUARE, SQUARE[[0, 2]]]),
            [("triangle", [[0, 1, 2], [4, 5, 3]])],
            "no two cells share a facet; merge coincident points first",
        ),
        (SQUARE, [("triangle", [[0, 1, 2], [0, 1, 2]])], "no two cells|cells are doubled|folded"),
    ],
)
def test_unsound_meshes_are_refused_on_conversion(tmp_path, points, cells, message):
    cells = [(kind, np.array(corners)) for kind, corners in cells]
    with pytest.raises(InputError, match=message):
        converted(tmp_path, meshio.Mesh(points, cells))
    assert not (tmp_path / "target.msh").exists()


def doubled(gap=0.0):
    """Two squares that share an edge, with its points twice and the edge named on both sides."""
    points = np.concatenate([SQUARE, SQUARE + np.array([1.0 + gap, 0, 0])])
    cells = np.concatenate([TRIANGLES[1], TRIANGLES[1] + 4])
    lines = np.concatenate([RIM[1], RIM[1] + 4])
    tags = [np.array([1, 1, 2, 2]), np.array([3, 4, 3, 3, 5, 5, 5, 6])]
    blocks = [("triangle", cells), ("line", lines)]
    return meshio.Mesh(points, blocks, cell_data={"part": tags})


def test_doubled_points_are_merged_on_request(tmp_path):
    """Without it the two squares are two parts; with it the contact has the name of its regions."""
    apart = converted(tmp_path, doubled())
    assert len(apart.parts) == 2 and apart.unjoined[0].num_facets == 2
    joined = converted(tmp_path, doubled(), merge=1e-12)
    assert len(joined.parts) == 1 and not joined.unjoined
    assert joined.num_points == 6
    assert joined.volume == pytest.approx(2.0 * NM**2)
    assert [(face.name, face.count) for face in joined.interfaces] == [("region_1-region_2", 1)]
    assert set(parts(joined)[1]) == {"wall_3", "wall_5"}


def test_only_points_within_the_distance_are_merged(tmp_path):
    assert len(converted(tmp_path, doubled(gap=0.01), merge=1e-12).parts) == 2
    assert len(converted(tmp_path, doubled(gap=0.01), merge=2e-11).parts) == 1
    with pytest.raises(
        InputError, match="would merge corners of one cell; its shortest edge is 1e-09"
    ):
        converted(tmp_path, doubled(), merge=2e-9)


@pytest.mark.parametrize("merge", [None, 1e-12])
def test_facets_of_points_that_no_cell_has_are_left_out(tmp_path, merge):
    """A line between two points of its own, with the highest numbers of the file."""
    points = np.concatenate([SQUARE, [[5.0, 5, 0], [6, 5, 0]]])
    lines = np.concatenate([RIM[1], [[4, 5]]])
    mesh = meshio.Mesh(
        points,
        [TRIANGLES, ("line", lines)],
        cell_data={"part": [np.array([1, 1]), np.array([2, 2, 2, 2, 7])]},
    )
    report = converted(tmp_path, mesh, merge=merge)
    assert parts(report) == ({"region_1": 2}, {"wall_2": 4})
