"""The cells as plain arrays: volumes, normals, and who sits across which face."""

from __future__ import annotations

import math

import numpy as np
import pytest

from pbte.geometry.sweep_mesh import build_sweep_mesh, side_by_side, sweep_mesh_of
from pbte.transport.heat.assembly import interior_facets
from pbte.transport.sources import gaussian, project, wall_inflow
from pbte.transport.sweep.sweep import plan_sweep, sweep

TWO_TRIANGLES = {
    "points": np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]], dtype=np.float64),
    "vertices": np.array([[0, 1, 2], [0, 2, 3]]),
    "boundary": np.array([0, 2, 3, 4]),
    "walls": np.array([1, 1, 2, 2]),
}


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_cells_fill_the_body_and_their_faces_close(grid, dim):
    mesh = sweep_mesh_of(grid(dim, 3, wobble=0.3))
    assert mesh.num_cells == 3**dim * math.factorial(dim)
    assert mesh.volumes.sum() == pytest.approx(1.0, rel=1e-13)
    assert mesh.dof_weights.sum() == pytest.approx(1.0, rel=1e-13)
    np.testing.assert_allclose(mesh.face_normals.sum(axis=2), 0.0, atol=1e-15)
    # Gauss: the integral of x . n over the faces of a cell is dim times its volume.
    centres = (mesh.points.sum(axis=1)[:, None] - mesh.points) / dim
    flux = np.einsum("cfk,ckf->c", centres, mesh.face_normals)
    np.testing.assert_allclose(flux, dim * mesh.volumes, rtol=1e-10)
    boundary = np.linalg.norm(mesh.boundary_normals, axis=1).sum()
    assert boundary == pytest.approx(2 * dim, rel=1e-13)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_both_sides_of_a_face_see_the_same_normal_and_the_same_points(grid, dim):
    """Exactly: a mode must not leave one cell without entering the next."""
    mesh = sweep_mesh_of(grid(dim, 3, wobble=0.3))
    corners = mesh.points.reshape(-1, dim)
    cells, faces = np.nonzero(mesh.neighbours >= 0)
    for cell, face in zip(cells, faces, strict=True):
        other = mesh.neighbours[cell, face]
        (back,) = np.flatnonzero(mesh.neighbours[other] == cell)
        np.testing.assert_array_equal(
            mesh.face_normals[cell, :, face], -mesh.face_normals[other, :, back]
        )
        for vertex in np.delete(np.arange(dim + 1), face):
            across = mesh.upstream_dofs[cell, face, vertex]
            assert across // (dim + 1) == other
            np.testing.assert_array_equal(corners[across], mesh.points[cell, vertex])


def test_boundary_values_belong_to_the_points_of_their_facet():
    mesh = build_sweep_mesh(**TWO_TRIANGLES)
    assert mesh.boundary_dofs.tolist() == [[1, 2], [0, 1], [4, 5], [3, 5]]
    np.testing.assert_allclose(mesh.boundary_normals, [[1, 0], [0, -1], [0, 1], [-1, 0]])
    inflow = wall_inflow(mesh, {"a": 1, "b": 2}, {"a": 3.0, "b": -1.0})
    assert inflow.tolist() == [3.0] * 4 + [-1.0] * 4


@pytest.mark.parametrize("boundary", [[0, 2, 3], [0, 2, 3, 4, 5], [0, 2, 3, 3], [0, 1, 2, 3]])
def test_an_incomplete_boundary_is_refused(boundary):
    """Else cells at the forgotten face would read the temperature of another cell."""
    broken = TWO_TRIANGLES | {
        "boundary": np.array(boundary),
        "walls": np.ones(len(boundary), dtype=np.int64),
    }
    with pytest.raises(ValueError, match="boundary faces are listed"):
        build_sweep_mesh(**broken)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_projection_keeps_linear_functions_and_the_integral(grid, dim):
    mesh = sweep_mesh_of(grid(dim, 4, wobble=0.3))
    slope = np.array([2.0, -1.0, 3.0])[:dim]
    linear = project(mesh, lambda x: x @ slope + 0.5)
    exact = mesh.points.reshape(-1, dim) @ slope + 0.5
    np.testing.assert_allclose(linear, exact, atol=1e-12)
    # x^8 is the highest power that the quadrature integrates exactly.
    power = project(mesh, lambda x: x[:, 0] ** 8)
    assert power @ mesh.dof_weights == pytest.approx(1.0 / 9.0, rel=1e-12)


def test_a_gaussian_keeps_its_power_on_cells_of_its_width(grid):
    """Inside the unit cube to its tails: (2 pi)^(3/2) sigma^3 up to erf(0.5 / sqrt(2) sigma)^3."""
    mesh, sigma = sweep_mesh_of(grid(3, 8)), 0.125
    heat = project(mesh, gaussian(np.array([0.5, 0.5, 0.5]), sigma)) @ mesh.dof_weights
    inside = math.erf(0.5 / (math.sqrt(2.0) * sigma)) ** 3
    assert heat == pytest.approx((2.0 * math.pi) ** 1.5 * sigma**3 * inside, rel=1e-6)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_meshes_side_by_side_are_swept_as_each_alone(grid, dim):
    """What is upstream, inside and at the boundary, is the same in the numbers of both."""
    meshes = [sweep_mesh_of(grid(dim, n, wobble=0.1, seed=n)) for n in (2, 3)]
    both = side_by_side(meshes)
    velocity = np.array([[0.3, -0.8, 0.5]])
    rates = np.array([2.0])
    random = np.random.default_rng(4)
    sources = [random.uniform(size=(1, mesh.num_dofs)) for mesh in meshes]
    inflows = [random.uniform(size=(1, mesh.boundary_dofs.size)) for mesh in meshes]
    alone = []
    for mesh, source, inflow in zip(meshes, sources, inflows, strict=True):
        field = source.copy()
        sweep(mesh, plan_sweep(mesh, velocity), velocity, rates, inflow, field)
        alone.append(field)
    together = np.concatenate(sources, axis=1)
    order = plan_sweep(both, velocity)
    sweep(both, order, velocity, rates, np.concatenate(inflows, axis=1), together)
    np.testing.assert_allclose(together, np.concatenate(alone, axis=1), rtol=1e-13)
    facets = interior_facets(both)
    assert facets.areas.size == sum(interior_facets(mesh).areas.size for mesh in meshes)
    corners = both.points.reshape(-1, dim)[facets.dofs]
    np.testing.assert_array_equal(corners[:, 0], corners[:, 1])
