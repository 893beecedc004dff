"""The parts of a mesh are the mesh: same cells, same normals, and both sides of a cut agree."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pbte.core.errors import InputError, RunError
from pbte.core.rank_grid import rank_grid
from pbte.geometry.distributed import distribute
from pbte.geometry.partition import CUT, gather_cells, gather_facets, partition, swap
from pbte.geometry.sweep_mesh import sweep_mesh_of

SPHERE = {"diameter": 200e-9, "size": 55e-9}


@pytest.fixture(params=["line", "square", "cube", "sphere"])
def divided(request, grid, body, comm):
    """Return the whole mesh and this rank's part of it."""
    if request.param == "sphere":
        domain = body("nanoparticle", **SPHERE)
    else:
        dim = ["line", "square", "cube"].index(request.param) + 1
        domain = grid(dim, {1: 17, 2: 6, 3: 4}[dim], wobble=0.3)
    return sweep_mesh_of(domain), partition(distribute(domain, comm), comm)


def test_the_cells_of_the_parts_are_those_of_the_mesh_bit_for_bit(divided):
    whole, part = divided
    mine = part.cells
    np.testing.assert_array_equal(part.mesh.points, whole.points[mine])
    np.testing.assert_array_equal(part.mesh.volumes, whole.volumes[mine])
    np.testing.assert_array_equal(part.mesh.face_normals, whole.face_normals[mine])


def test_volumes_and_outer_areas_add_up(divided, comm):
    whole, part = divided
    assert comm.allreduce(part.mesh.volumes.sum()) == pytest.approx(whole.volumes.sum(), rel=1e-13)
    true = part.mesh.boundary_walls != CUT
    assert true[: len(part.facets)].all() and not true[len(part.facets) :].any()
    area = np.linalg.norm(part.mesh.boundary_normals[true], axis=1).sum()
    expected = np.linalg.norm(whole.boundary_normals, axis=1).sum()
    assert comm.allreduce(area) == pytest.approx(expected, rel=1e-13)
    assert comm.allreduce(int(true.sum())) == part.num_facets == len(whole.boundary_walls)


def test_outer_facets_keep_wall_normal_and_points(divided):
    whole, part = divided
    number, count = part.facets, len(part.facets)
    np.testing.assert_array_equal(part.mesh.boundary_walls[:count], whole.boundary_walls[number])
    np.testing.assert_array_equal(
        part.mesh.boundary_normals[:count], whole.boundary_normals[number]
    )
    width = whole.dim + 1
    cells, vertices = np.divmod(part.mesh.boundary_dofs[:count], width)
    np.testing.assert_array_equal(part.cells[cells] * width + vertices, whole.boundary_dofs[number])


def test_both_sides_of_a_cut_hold_opposite_normals_and_the_same_points(divided, comm):
    """Exactly: a mode must not leave one rank without entering the next."""
    _, part = divided
    mesh, halo = part.mesh, part.halo
    assert (halo is None) == (comm.size == 1)
    if halo is None:
        assert CUT not in mesh.boundary_walls
        return
    facets = halo.recv_boundary_dofs // mesh.dim
    np.testing.assert_array_equal(facets[:, 0], len(part.facets) + np.arange(halo.num_facets))
    normals = mesh.boundary_normals[facets[:, 0]]
    np.testing.assert_array_equal(swap(halo, normals), -normals)
    corners = mesh.points.reshape(-1, mesh.dim)
    there = swap(halo, corners[halo.send_dofs])
    np.testing.assert_array_equal(
        there, corners[mesh.boundary_dofs.ravel()[halo.recv_boundary_dofs]]
    )
    cells, faces = np.nonzero(mesh.neighbours < 0)
    slots = -1 - mesh.neighbours[cells, faces]
    np.testing.assert_array_equal(mesh.face_normals[cells, :, faces], mesh.boundary_normals[slots])


def test_every_cut_is_a_face_inside_the_whole_mesh(divided, comm):
    whole, part = divided
    if part.halo is None:
        pytest.skip("needs more than one rank")
    width = whole.dim + 1
    cells = part.halo.send_dofs[:, 0] // width
    others = swap(part.halo, part.cells[cells])
    assert not np.isin(others, part.cells).any()
    for cell, other in zip(part.cells[cells], others, strict=True):
        assert other in whole.neighbours[cell]
    inside = np.count_nonzero(part.mesh.neighbours >= 0)
    total = comm.allreduce(inside + part.halo.num_facets)
    assert total == np.count_nonzero(whole.neighbours >= 0)


def test_gathered_values_stand_in_the_order_of_the_whole_mesh(divided, comm):
    whole, part = divided
    for values in (whole.volumes, whole.points, np.arange(len(whole.volumes)) % 3 == 0):
        gathered = gather_cells(part, values[part.cells])
        assert (gathered is None) == (comm.rank > 0)
        if gathered is not None:
            assert gathered.dtype == values.dtype
            np.testing.assert_array_equal(gathered, values)
    # Rows of the facets between ranks follow and are left out.
    gathered = gather_facets(part, part.mesh.boundary_normals)
    if comm.rank == 0:
        np.testing.assert_array_equal(gathered, whole.boundary_normals)


def test_a_body_with_a_hole_in_its_boundary_is_refused_on_all_ranks(grid, comm):
    """The first rank forgets one of its boundary facets: nobody is on the other side."""
    part = distribute(grid(2, 6), comm)
    if comm.rank == 0:
        part = replace(part, boundary=part.boundary[1:], facet_walls=part.facet_walls[1:])
    with pytest.raises(RunError, match="1 faces of the mesh have neither"):
        partition(part, comm)


def test_ranks_are_dealt_to_groups_of_modes_and_parts_of_space(comm):
    for parts in range(1, comm.size + 1):
        if comm.size % parts:
            with pytest.raises(InputError, match=r"space_parts = .* must divide"):
                rank_grid(comm, parts)
            continue
        grid = rank_grid(comm, parts)
        assert (grid.space_parts, grid.mode_groups) == (parts, comm.size // parts)
        assert grid.space.rank == comm.rank % parts
        assert grid.modes.rank == comm.rank // parts
        # The ranks of a part of space are neighbours, those that share its modes.
        assert np.ptp(grid.space.allgather(comm.rank)) == parts - 1
    with pytest.raises(InputError, match="space_parts = 0"):
        rank_grid(comm, 0)
