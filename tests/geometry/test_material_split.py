"""Bodies of one material each: nothing lost at the cut, both of its sides alike."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.errors import InputError
from pbte.geometry.domain import read_domain
from pbte.geometry.face_pairs import face_pairs_of, find_face_pairs
from pbte.geometry.inclusions import core_shell
from pbte.geometry.layers import layers
from pbte.geometry.material_split import divide, groups_of_cells
from pbte.geometry.sweep_mesh import build_sweep_mesh, sweep_mesh_of

NM = 1e-9
STACK = {"regions": ("si", "ge", "sn"), "thicknesses": (20 * NM, 30 * NM, 10 * NM)}
BODIES = {
    "layers in 1D": lambda path: layers(path, **STACK, size=10 * NM, repeat=2),
    "wavy layers in 2D": lambda path: layers(path, **STACK, size=6 * NM, dim=2, amplitude=4 * NM),
    "layers in 3D": lambda path: layers(path, **STACK, size=10 * NM, dim=3),
    "core and shell": lambda path: core_shell(
        path, diameter=50 * NM, core_diameter=30 * NM, size=12 * NM
    ),
}


@pytest.fixture(params=BODIES)
def domain(request, comm, shared_tmp_path, once):
    path = shared_tmp_path / "body.msh"
    once(lambda: BODIES[request.param](path))
    return read_domain(path, comm)


def whole(domain):
    """Return the arrays of the uncut mesh: points, vertices, boundary faces and their walls."""
    dim = domain.mesh.topology.dim
    mesh = sweep_mesh_of(domain)
    domain.mesh.topology.create_connectivity(dim, 0)
    vertices = domain.mesh.topology.connectivity(dim, 0).array.reshape(-1, dim + 1)
    cells, slots = np.divmod(mesh.boundary_dofs, dim + 1)
    faces = dim * (dim + 1) // 2 - slots.sum(axis=1)  # the vertex that is not on the facet
    return mesh.points, vertices.astype(np.int64), cells[:, 0] * (dim + 1) + faces, mesh


def joined(division):
    """Return the cells of each body as the sweep sees them."""
    return {
        group: build_sweep_mesh(body.points, body.vertices, body.boundary, body.tags)
        for group, body in division.bodies.items()
    }


def assert_sides_fit(division, meshes):
    """Check that both sides of every face pair are one facet, each of which belongs to one pair."""
    used = set()
    for j, (groups, facets) in enumerate(zip(division.groups, division.facets, strict=True)):
        one, other = (meshes[int(group)] for group in groups)
        normal, opposite = one.boundary_normals[facets[0]], other.boundary_normals[facets[1]]
        np.testing.assert_allclose(normal, -opposite, atol=1e-12 * np.abs(normal).max())
        first, second = (
            mesh.points.reshape(-1, mesh.dim)[mesh.boundary_dofs[facet]]
            for mesh, facet in ((one, facets[0]), (other, facets[1]))
        )
        np.testing.assert_array_equal(second[division.vertex_map[j]], first)
        for mesh, facet in ((one, facets[0]), (other, facets[1])):
            assert mesh.boundary_walls[facet] == division.pairs.tags[j]
        used |= {(int(g), int(f)) for g, f in zip(groups, facets, strict=True)}
    assert len(used) == 2 * len(division.pairs)
    on_interfaces = {
        (group, facet)
        for group, body in division.bodies.items()
        for facet in range(body.num_wall_facets, len(body.boundary))
    }
    assert used == on_interfaces


def test_bodies_of_one_region_each_make_up_the_whole(domain):
    points, vertices, boundary, mesh = whole(domain)
    groups = groups_of_cells(domain.cell_regions, {tag: tag for tag in domain.regions.values()})
    division = divide(points, vertices, boundary, domain.facet_walls, groups, face_pairs_of(domain))
    meshes = joined(division)
    assert sum(m.num_cells for m in meshes.values()) == mesh.num_cells
    for tag, body in division.bodies.items():
        np.testing.assert_array_equal(body.cells, np.flatnonzero(domain.cell_regions == tag))
        np.testing.assert_array_equal(meshes[tag].volumes, mesh.volumes[body.cells])
        # Walls keep their facets, their order and their tags.
        np.testing.assert_array_equal(
            body.tags[: body.num_wall_facets], domain.facet_walls[body.wall_facets]
        )
        np.testing.assert_array_equal(
            meshes[tag].boundary_normals[: body.num_wall_facets],
            mesh.boundary_normals[body.wall_facets],
        )
        # Outward normals of a closed boundary add up to zero: no facet is missing.
        normals = meshes[tag].boundary_normals
        np.testing.assert_allclose(normals.sum(axis=0), 0.0, atol=1e-12 * np.abs(normals).sum())
    walls = np.concatenate([body.wall_facets for body in division.bodies.values()])
    np.testing.assert_array_equal(np.sort(walls), np.arange(len(boundary)))
    assert_sides_fit(division, meshes)


def test_a_cut_within_one_body_has_two_sides_of_that_body(domain):
    """All regions in one group: the interfaces still part the cells."""
    points, vertices, boundary, mesh = whole(domain)
    groups = np.zeros(mesh.num_cells, dtype=np.int64)
    pairs = face_pairs_of(domain)
    division = divide(points, vertices, boundary, domain.facet_walls, groups, pairs)
    meshes = joined(division)
    assert list(meshes) == [0] and set(division.groups.ravel()) == {0}
    assert len(meshes[0].boundary_walls) == len(boundary) + 2 * len(pairs)
    assert_sides_fit(division, meshes)
    # Cells beside the cut are no neighbours, all others are.
    np.testing.assert_array_equal(
        np.sum(meshes[0].neighbours >= 0) + 2 * len(pairs), np.sum(mesh.neighbours >= 0)
    )


def test_face_pairs_that_are_left_out_leave_the_body_whole(domain):
    points, vertices, boundary, mesh = whole(domain)
    groups = np.zeros(mesh.num_cells, dtype=np.int64)
    none = face_pairs_of(domain).select(np.zeros(0, dtype=np.int64))
    division = divide(points, vertices, boundary, domain.facet_walls, groups, none)
    again = joined(division)[0]
    np.testing.assert_array_equal(again.neighbours, mesh.neighbours)
    np.testing.assert_array_equal(again.upstream_dofs, mesh.upstream_dofs)
    np.testing.assert_array_equal(again.face_normals, mesh.face_normals)


def test_groups_that_meet_without_a_face_pair_are_refused(domain):
    points, vertices, boundary, _ = whole(domain)
    none = face_pairs_of(domain).select(np.zeros(0, dtype=np.int64))
    with pytest.raises(ValueError, match="every face between two groups of cells must be among"):
        divide(points, vertices, boundary, domain.facet_walls, domain.cell_regions, none)


def test_regions_of_one_material_form_one_body():
    regions = np.array([4, 7, 9, 4])
    assert groups_of_cells(regions, {4: 0, 9: 0, 7: 1}).tolist() == [0, 1, 0, 0]
    with pytest.raises(ValueError, match=r"regions \[7, 9\] are in no group"):
        groups_of_cells(regions, {4: 0})


def fan():
    """Return six triangles around the middle of a hexagon."""
    angles = np.linspace(0, 2 * np.pi, 7)[:-1]
    points = NM * np.vstack([np.zeros(2), np.column_stack([np.cos(angles), np.sin(angles)])])
    vertices = np.array([[0, 1 + k, 1 + (k + 1) % 6] for k in range(6)])
    return points[vertices], vertices, 3 * np.arange(6)


def test_a_surface_across_a_body_cuts_it_and_one_that_ends_at_its_rim_cannot():
    points, vertices, boundary = fan()
    regions, walls = np.ones(6, dtype=np.int64), np.full(6, 2)
    across = find_face_pairs(
        points, vertices, regions, np.array([[0, 1], [0, 4]]), np.array([3, 3])
    )
    division = divide(points, vertices, boundary, walls, regions, across)
    assert_sides_fit(division, joined(division))
    # An edge from the middle to the rim: the middle holds its two sides together, the rim not.
    slit = across.select(np.array([0]))
    division = divide(points, vertices, boundary, walls, regions, slit)
    assert_sides_fit(division, joined(division))


def test_a_facet_with_all_corners_on_the_rim_of_a_surface_is_refused():
    # The hexagon within a ring of further triangles: its spoke ends inside on both ends.
    _, inner, _ = fan()
    outer = []
    for k in range(6):
        a, b = 1 + k, 1 + (k + 1) % 6
        outer += [[a, b, 7 + k], [b, 7 + k, 7 + (k + 1) % 6]]
    angles = np.linspace(0, 2 * np.pi, 7)[:-1]
    ring = np.column_stack([np.cos(angles), np.sin(angles)])
    points = NM * np.vstack([np.zeros(2), ring, 2 * ring])
    vertices = np.vstack([inner, outer])
    regions = np.ones(len(vertices), dtype=np.int64)
    pairs = find_face_pairs(points[vertices], vertices, regions, np.array([[0, 1]]), np.array([3]))
    rim = np.array([3 * (6 + 2 * k + 1) + 0 for k in range(6)])  # opposite the inner corner
    message = "1 of 1 facets of interfaces within one material have all corners on the rim"
    with pytest.raises(InputError, match=message):
        divide(points[vertices], vertices, rim, np.full(6, 2), regions, pairs)
