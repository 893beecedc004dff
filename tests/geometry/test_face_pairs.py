"""Interface facets: each once, from side 1 to side 2, corner on corner."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.geometry.domain import read_domain
from pbte.geometry.face_pairs import face_pairs_of, find_face_pairs
from pbte.geometry.inclusions import core_shell, inclusion
from pbte.geometry.layers import layers
from pbte.geometry.session import gmsh_session

NM = 1e-9
BODIES = {
    "layers in 1D": lambda path: layers(
        path, regions=("si", "ge"), thicknesses=(20 * NM, 30 * NM), size=10 * NM, repeat=3
    ),
    "wavy layers in 2D": lambda path: layers(
        path, regions=("si", "ge"), thicknesses=(20 * NM, 30 * NM), size=6 * NM, dim=2, repeat=2,
        amplitude=4 * NM,
    ),
    "wavy layers in 3D": lambda path: layers(
        path, regions=("si", "ge"), thicknesses=(20 * NM, 30 * NM), size=10 * NM, dim=3,
        amplitude=4 * NM,
    ),
    "core and shell": lambda path: core_shell(
        path, diameter=50 * NM, core_diameter=30 * NM, size=12 * NM
    ),
    "box in a box": lambda path: inclusion(
        path, lengths=(40 * NM, 40 * NM), inclusion_lengths=(20 * NM, 10 * NM), size=5 * NM
    ),
}  # fmt: skip


def corners_of(domain, pairs, side):
    """Return the corners of each face pair, seen from one side, and the cell's centre [m]."""
    dim = domain.mesh.topology.dim
    points = domain.mesh.geometry.x[domain.cell_nodes][:, :, :dim][pairs.cells[:, side]]
    slots = np.array([[j for j in range(dim + 1) if j != i] for i in range(dim + 1)])
    on_face = np.take_along_axis(points, slots[pairs.faces[:, side]][:, :, None], axis=1)
    return on_face, points.mean(axis=1)


@pytest.mark.parametrize("body", BODIES)
def test_both_sides_of_a_face_pair_have_the_same_corners_in_the_order_of_the_vertex_map(
    comm, shared_tmp_path, once, body
):
    path = shared_tmp_path / "body.msh"
    once(lambda: BODIES[body](path))
    domain = read_domain(path, comm)
    pairs = face_pairs_of(domain)
    assert len(pairs) == len(domain.interior_facets) > 0
    (one, first), (other, second) = (corners_of(domain, pairs, side) for side in (0, 1))
    images = np.take_along_axis(other, pairs.vertex_map[:, :, None], axis=1)
    np.testing.assert_array_equal(images, one)
    # The two cells lie on different sides of the facet.
    assert (np.linalg.norm(first - second, axis=1) > 0).all()
    np.testing.assert_array_equal(pairs.regions, domain.cell_regions[pairs.cells])
    assert len({tuple(cells) for cells in np.sort(pairs.cells, axis=1).tolist()}) == len(pairs)
    # From the region with the smaller tag, named first, to the other one.
    (name,) = domain.interfaces
    one, other = name.split("-")
    assert set(pairs.regions[:, 0]) == {domain.regions[one]}
    assert set(pairs.regions[:, 1]) == {domain.regions[other]}


def test_every_facet_is_found_for_any_order_of_cells_facets_and_vertices():
    rng = np.random.default_rng(3)
    # Two tetrahedra on one triangle, in different regions.
    points = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
    cells = np.array([[0, 1, 2, 3], [1, 2, 3, 4]])
    for _ in range(20):
        order = rng.permutation(2)
        vertices = np.array([rng.permutation(cell) for cell in cells])[order]
        facet = rng.permutation([1, 2, 3])[None]
        pairs = find_face_pairs(
            points[vertices], vertices, np.array([1, 2])[order], facet, np.array([7])
        )
        assert pairs.tags.tolist() == [7] and pairs.regions.tolist() == [[1, 2]]
        assert vertices[pairs.cells[0, 0], pairs.faces[0, 0]] == 0
        assert vertices[pairs.cells[0, 1], pairs.faces[0, 1]] == 4


def test_facets_that_are_no_pair_of_faces_are_refused():
    vertices = np.array([[0, 1, 2], [1, 2, 3]])
    points = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])[vertices]
    for facets in ([[0, 1]], [[0, 3]], [[1, 2], [2, 1]]):
        with pytest.raises(ValueError, match="must lie between two cells and be given once"):
            find_face_pairs(points, vertices, np.ones(2), np.array(facets), np.ones(len(facets)))


def test_no_facets_make_no_face_pairs():
    vertices = np.array([[0, 1, 2], [1, 2, 3]])
    points = np.array([[0.0, 0], [1, 0], [0, 1], [1, 1]])[vertices]
    none = np.empty((0, 2), dtype=np.int64)
    pairs = find_face_pairs(points, vertices, np.ones(2), none, none[:, 0])
    assert len(pairs) == 0 and pairs.vertex_map.shape == (0, 2)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_plane_within_one_region_points_along_its_axis(comm, shared_tmp_path, once, axis):
    """Side 1 is the lower part; a named surface that divides one region into two."""
    path = shared_tmp_path / "cut.msh"

    def write():
        with gmsh_session() as gmsh:
            occ = gmsh.model.occ
            lengths, shift = [30.0] * 3, [0.0] * 3
            lengths[axis], shift[axis] = 10.0, 10.0
            lower, upper = occ.addBox(0, 0, 0, *lengths), occ.addBox(*shift, *lengths)
            occ.fragment([(3, lower)], [(3, upper)])
            occ.synchronize()
            gmsh.model.addPhysicalGroup(3, [lower, upper], 1, "si")
            faces = [tag for _, tag in gmsh.model.getEntities(2)]
            inner = [f for f in faces if len(gmsh.model.getAdjacencies(2, f)[0]) == 2]
            gmsh.model.addPhysicalGroup(2, inner, 2, "twin")
            gmsh.model.addPhysicalGroup(2, sorted(set(faces) - set(inner)), 3, "outside")
            gmsh.option.setNumber("Mesh.MeshSizeMax", 7)
            gmsh.model.mesh.generate(3)
            gmsh.write(str(path))

    once(write)
    domain = read_domain(path, comm, scale=NM)
    pairs = face_pairs_of(domain)
    first, second = (corners_of(domain, pairs, side)[1] for side in (0, 1))
    assert len(pairs) > 10
    assert (first[:, axis] < 10 * NM).all() and (second[:, axis] > 10 * NM).all()


def closed_square(regions):
    """Return a square of 3 x 3 squares of two triangles each, and the rim of the middle one."""

    def number(i, j):
        return 4 * i + j

    cells = []
    for i in range(3):
        for j in range(3):
            a, b, c, d = number(i, j), number(i + 1, j), number(i + 1, j + 1), number(i, j + 1)
            cells += [[a, b, c], [a, c, d]]
    grid = np.array([[i, j] for i in range(4) for j in range(4)], dtype=np.float64) * NM
    vertices = np.array(cells)
    rim = [number(1, 1), number(2, 1), number(2, 2), number(1, 2), number(1, 1)]
    return grid[vertices], vertices, np.array(regions), np.column_stack([rim[:-1], rim[1:]])


def test_a_closed_surface_within_one_region_points_inward():
    points, vertices, regions, rim = closed_square([1] * 18)
    pairs = find_face_pairs(points, vertices, regions, rim, np.full(4, 5))
    # Cells 8 and 9 are the middle square.
    assert set(pairs.cells[:, 1]) == {8, 9}
    assert not {8, 9} & set(pairs.cells[:, 0])


def test_a_surface_that_divides_nothing_points_to_positive_x_then_y():
    points, vertices, regions, rim = closed_square([1] * 18)
    for edge in rim:
        pairs = find_face_pairs(points, vertices, regions, edge[None], np.array([5]))
        first, second = points[pairs.cells[0]].mean(axis=1)
        along = 1 if points[vertices == edge[0]][0, 1] == points[vertices == edge[1]][0, 1] else 0
        assert first[along] < second[along]


def test_some_face_pairs_can_be_selected():
    points, vertices, regions, rim = closed_square([1] * 18)
    pairs = find_face_pairs(points, vertices, regions, rim, np.array([5, 6, 5, 6]))
    chosen = pairs.select(pairs.tags == 6)
    np.testing.assert_array_equal(chosen.cells, pairs.cells[[1, 3]])
    assert len(chosen) == 2 and chosen.vertex_map.shape == (2, 2)
