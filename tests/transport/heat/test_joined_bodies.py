"""Bodies side by side: the heat equation through joints of no resistance is that of the whole."""

from __future__ import annotations

import numpy as np

from pbte.geometry.face_pairs import find_face_pairs
from pbte.geometry.material_split import divide
from pbte.geometry.sweep_mesh import (
    build_sweep_mesh,
    facet_starts,
    side_by_side,
    sweep_mesh_of,
)
from pbte.transport.heat.equation import JoinedFacets, Walls, solve_heat_equation


def cut_at(domain, place):
    """Return the bodies on either side of a plane x = const, and the division."""
    dim = domain.mesh.topology.dim
    mesh = sweep_mesh_of(domain)
    domain.mesh.topology.create_connectivity(dim, 0)
    vertices = domain.mesh.topology.connectivity(dim, 0).array.reshape(-1, dim + 1)
    vertices = vertices.astype(np.int64)
    cells, slots = np.divmod(mesh.boundary_dofs, dim + 1)
    boundary = cells[:, 0] * (dim + 1) + dim * (dim + 1) // 2 - slots.sum(axis=1)
    groups = (mesh.points[:, :, 0].mean(axis=1) > place).astype(np.int64)
    first, face = np.nonzero((mesh.neighbours >= 0) & (groups[:, None] == 0))
    crossing = groups[mesh.neighbours[first, face]] == 1
    first, face = first[crossing], face[crossing]
    corners = np.array([np.delete(np.arange(dim + 1), f) for f in range(dim + 1)])
    facets = vertices[first[:, None], corners[face]]
    pairs = find_face_pairs(mesh.points, vertices, groups, facets, np.full(len(facets), 99))
    division = divide(mesh.points, vertices, boundary, mesh.boundary_walls, groups, pairs)
    meshes = [
        build_sweep_mesh(body.points, body.vertices, body.boundary, body.tags)
        for _, body in sorted(division.bodies.items())
    ]
    return mesh, meshes, division


def test_two_bodies_in_contact_are_one(comm, grid):
    """And with a resistance R between them, they are two in series: q = 1 / (L/K + R)."""
    for dim in (1, 2, 3):
        whole, meshes, division = cut_at(grid(dim, 4), 0.5)
        mesh = side_by_side(meshes)
        cells = np.concatenate([b.cells for _, b in sorted(division.bodies.items())])
        starts = facet_starts(meshes)
        assert mesh.num_cells == whole.num_cells
        np.testing.assert_array_equal(mesh.points, whole.points[cells])
        pairs = division.facets + starts[division.groups]

        def walls(mesh):
            x = mesh.points.reshape(-1, mesh.dim)[mesh.boundary_dofs, 0].mean(axis=1)
            ends = (x < 1e-9) | (x > 1.0 - 1e-9)
            return Walls(
                temperatures=np.where(x < 1e-9, 1.0, 0.0),
                conductances=np.where(ends, np.inf, 0.0),
            )

        heat = np.random.default_rng(1).uniform(size=whole.num_dofs)
        expected = solve_heat_equation(whole, 3.0 * np.eye(3), heat, walls(whole), comm=comm)
        sorted_heat = heat.reshape(-1, dim + 1)[cells].ravel()
        for conductance in (np.inf, 6.0):
            joints = JoinedFacets(
                facets=pairs,
                conductances=np.full(len(pairs), conductance),
                drops=np.zeros(len(pairs)),
            )
            given = sorted_heat if conductance == np.inf else np.zeros(mesh.num_dofs)
            found = solve_heat_equation(mesh, 3.0 * np.eye(3), given, walls(mesh), joints, comm)
            if conductance == np.inf:
                temperature = expected.temperature.reshape(-1, dim + 1)[cells].ravel()
                np.testing.assert_allclose(found.temperature, temperature, atol=1e-9)
                np.testing.assert_allclose(found.flux, expected.flux[cells], atol=1e-8)
            else:
                np.testing.assert_allclose(found.flux[:, :, 0], 1.0 / (1 / 3 + 1 / 6), rtol=1e-8)
