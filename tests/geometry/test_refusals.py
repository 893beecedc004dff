"""A mesh that cannot be used is refused with one sentence: what, how many, where, what to do."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.geometry.domain import read_domain
from pbte.geometry.session import gmsh_session
from pbte.geometry.shapes import film

NM = 1e-9
# A square of two triangles, in nanometres; a name for its inside and its rim.
SQUARE = NM * np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
CELLS = [(2, 1, 1, [1, 2, 3]), (2, 1, 1, [1, 3, 4])]
SIDES = [(1, 2, 1, [1, 2]), (1, 2, 1, [2, 3]), (1, 2, 1, [3, 4]), (1, 2, 1, [4, 1])]
NAMES = {(2, 1): "body", (1, 2): "rim"}


@pytest.fixture
def refused(comm, shared_tmp_path, once, gmsh22):
    """Return a function that writes a mesh by hand and expects reading it to fail."""

    def check(points, elements, names, message):
        path = shared_tmp_path / "bad.msh"
        once(lambda: gmsh22(path, points, elements, names))
        with pytest.raises(InputError, match=message):
            read_domain(path, comm)

    return check


def test_the_square_itself_is_accepted(comm, shared_tmp_path, once, gmsh22):
    path = shared_tmp_path / "good.msh"
    once(lambda: gmsh22(path, SQUARE, CELLS + SIDES, NAMES))
    assert len(read_domain(path, comm).cell_regions) == 2


def test_cells_without_a_name_are_counted_and_placed(refused):
    unnamed = [CELLS[0], (2, 5, 2, [1, 3, 4])]
    message = (
        r"1 of 2 cells are in no named surface group, the first at \(3.333e-10, 6.667e-10\) m;"
        r" name every surface in gmsh: Physical Surface"
    )
    refused(SQUARE, unnamed + SIDES, NAMES, message)


def test_boundary_facets_without_a_name_are_counted_and_placed(refused):
    message = (
        r"1 of 4 boundary edges are in no named group \(groups: 'rim'\), the first at"
        r" \(0, 5e-10\) m; name every wall"
    )
    refused(SQUARE, CELLS + SIDES[:3], NAMES, message)
    refused(SQUARE, CELLS, {(2, 1): "body"}, r"4 of 4 boundary edges .* \(groups: none\)")


def test_parts_that_share_no_nodes_are_found_by_their_bare_facets(refused):
    points = np.vstack([SQUARE, SQUARE[[0, 2]]])
    cells = [CELLS[0], (2, 1, 1, [5, 6, 4])]
    sides = [*SIDES[:2], (1, 2, 1, [6, 4]), (1, 2, 1, [4, 5])]
    refused(points, cells + sides, NAMES, "its parts do not share nodes: fragment them")


def test_a_flat_cell_is_refused_with_its_place(refused):
    points = np.vstack([SQUARE, [[0.5 * NM, 0, 0]]])
    cells = [*CELLS, (2, 1, 1, [1, 5, 2])]
    refused(points, cells + SIDES, NAMES, r"1 of 3 cells are flat \(no volume\), the first at \(5e")


def test_cells_folded_over_each_other_are_refused(refused):
    points = SQUARE.copy()
    points[3] = [0.9 * NM, 0.3 * NM, 0]  # now both triangles lie below the diagonal
    refused(points, CELLS + SIDES, NAMES, r"1 pairs of neighbouring cells .* folded")


def test_doubled_cells_are_refused(refused):
    refused(SQUARE, [*CELLS, CELLS[0], *SIDES], NAMES, "facets belong to more than two cells")


def test_a_facet_in_two_groups_is_refused(refused):
    names = NAMES | {(1, 3): "hot"}
    refused(SQUARE, [*CELLS, *SIDES, (1, 3, 2, [1, 2])], names, r"1 facets are in two groups")


def test_overlapping_groups_of_cells_are_refused(comm, shared_tmp_path, once):
    path = shared_tmp_path / "overlap.msh"

    def write():
        with gmsh_session() as gmsh:
            box = gmsh.model.occ.addBox(0, 0, 0, 1e-3, 1e-3, 1e-3)
            gmsh.model.occ.synchronize()
            gmsh.model.addPhysicalGroup(3, [box], 1, "body")
            gmsh.model.addPhysicalGroup(3, [box], 2, "silicon")
            gmsh.model.mesh.generate(3)
            gmsh.write(str(path))

    once(write)
    with pytest.raises(InputError, match="the groups 'body' and 'silicon' overlap"):
        read_domain(path, comm)


def test_a_group_both_on_the_boundary_and_inside_is_refused(refused):
    diagonal = (1, 2, 1, [1, 3])
    message = "'rim' has 4 facets on the boundary and 1 inside the mesh; split it"
    refused(SQUARE, [*CELLS, *SIDES, diagonal], NAMES, message)


def test_a_named_surface_that_is_no_facet_of_cells_is_refused(refused):
    other = (1, 3, 2, [2, 4])
    names = NAMES | {(1, 3): "cut"}
    refused(SQUARE, [*CELLS, *SIDES, other], names, "1 elements of the group 'cut' are no facets")


def test_a_curved_surface_alone_has_no_volume_elements(refused):
    corner = NM * np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    faces = [(2, 1, 1, f) for f in ([1, 2, 3], [1, 2, 4], [1, 3, 4], [2, 3, 4])]
    message = "no volume elements, only surface elements .* mesh the volume"
    refused(corner, faces, {(2, 1): "surface"}, message)


def test_a_mesh_of_points_or_of_nothing_has_no_elements(refused):
    refused(SQUARE, [(15, 1, 1, [1])], {(0, 1): "point"}, "the mesh has no elements; mesh the geom")


def test_other_cells_are_refused_by_name(refused):
    refused(SQUARE, [(3, 1, 1, [1, 2, 3, 4]), *SIDES], NAMES, "the mesh has quadrilateral cells")
    cube = NM * np.array([[x, y, z] for z in (0, 1) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))])
    refused(cube, [(5, 1, 1, list(range(1, 9)))], {(3, 1): "body"}, "has hexahedron cells")


def test_curved_cells_are_refused(refused):
    middles = 0.5 * (SQUARE[[0, 1, 0]] + SQUARE[[1, 2, 2]])
    curved = [(9, 1, 1, [1, 2, 3, 5, 6, 7])]
    refused(
        np.vstack([SQUARE, middles]), curved, NAMES, r"curved cells \(order 2\); make it linear"
    )


def test_coordinates_that_are_no_numbers_are_refused(comm, shared_tmp_path, once, gmsh22):
    path = shared_tmp_path / "nan.msh"
    points = SQUARE.copy()
    points[1, 0] = np.nan
    once(lambda: gmsh22(path, points, CELLS + SIDES, NAMES))
    with pytest.raises(InputError, match=r"nan\.msh: .*damaged"):
        read_domain(path, comm)


def test_files_that_are_no_gmsh_meshes_are_refused(comm, shared_tmp_path, once):
    folder = shared_tmp_path

    def write():
        (folder / "folder.msh").mkdir()
        (folder / "empty.msh").write_text("")
        (folder / "text.msh").write_text("this is no mesh")
        (folder / "mesh.vtk").write_text("# vtk DataFile Version 3.0\n")

    once(write)
    for name, message in {
        "absent.msh": "no such mesh file; 'pbte mesh' makes one",
        "folder.msh": "is a folder, not a mesh file",
        "empty.msh": r"not a gmsh mesh file \(\$MeshFormat is missing\)",
        "text.msh": "not a gmsh mesh file",
        "mesh.vtk": "convert it with 'pbte mesh convert mesh.vtk mesh.msh'",
    }.items():
        with pytest.raises(InputError, match=message):
            read_domain(folder / name, comm)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.99])
def test_a_file_cut_off_anywhere_is_refused(comm, shared_tmp_path, once, share):
    path = shared_tmp_path / "cut.msh"

    def write():
        film(path, thickness=50 * NM, size=10 * NM, dim=2)
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])

    once(write)
    with pytest.raises(InputError, match=r"cut\.msh: "):
        read_domain(path, comm)


def test_a_file_with_garbled_numbers_is_refused(comm, shared_tmp_path, once):
    path = shared_tmp_path / "garbled.msh"

    def write():
        film(path, thickness=50 * NM, size=10 * NM, dim=2)
        start, middle, end = path.read_text().partition("$Nodes\n")
        path.write_text(start + middle + "x" + end)

    once(write)
    with pytest.raises(InputError, match=r"garbled\.msh: damaged mesh file"):
        read_domain(path, comm)


def test_an_unreadable_file_is_refused(comm, shared_tmp_path, once, monkeypatch):
    path = shared_tmp_path / "locked.msh"
    once(lambda: film(path, thickness=50 * NM, size=10 * NM))

    def deny(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", deny)
    with pytest.raises(InputError, match=r"locked\.msh: cannot be read \(Permission denied\)"):
        read_domain(path, comm)
