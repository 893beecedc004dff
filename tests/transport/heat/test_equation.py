"""The heat equation as a model: closed forms, order of accuracy, conservation."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from pbte.core.errors import InputError
from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.transport.heat.equation import NO_JOINTS, JoinedFacets, Walls, solve_heat_equation
from pbte.transport.sources import project

KAPPA = 3.0 * np.eye(3)


def held(mesh, temperatures, conductance=np.inf):
    """Return walls of given temperatures, all of one conductance."""
    facets = mesh.boundary_dofs.shape[0]
    return Walls(
        temperatures=np.broadcast_to(temperatures, (facets,)).astype(float),
        conductances=np.full(facets, conductance),
    )


def ends(mesh):
    """Return which boundary facets lie at x = 0 and at x = 1."""
    x = mesh.points.reshape(-1, mesh.dim)[mesh.boundary_dofs, 0].mean(axis=1)
    return x < 1e-9, x > 1.0 - 1e-9


def error_of_a_sine(domain, comm):
    """Return the largest error of T = product of sin(pi x), heated accordingly, walls at 0."""
    mesh = sweep_mesh_of(domain)

    def exact(points):
        return np.prod(np.sin(np.pi * points), axis=1)

    heat = project(mesh, lambda points: 3.0 * mesh.dim * np.pi**2 * exact(points))
    solution = solve_heat_equation(mesh, KAPPA, heat, held(mesh, 0.0), comm=comm)
    return np.abs(solution.temperature - exact(mesh.points.reshape(-1, mesh.dim))).max()


def leaving_power(mesh, flux):
    """Return the power that leaves each cell through its faces [W]."""
    through = np.einsum("cik,ckf->cif", flux[:, :, : mesh.dim], mesh.face_normals)
    n = mesh.dim + 1
    return sum(through[:, np.delete(np.arange(n), f), f].mean(axis=1) for f in range(n))


@pytest.mark.parametrize(("dim", "coarse", "fine"), [(1, 8, 16), (2, 8, 16), (3, 4, 8)])
def test_the_temperature_is_second_order_accurate(comm, grid, dim, coarse, fine):
    """Halving the cells divides the largest error by four, in 3D nearly so on such coarse cells."""
    first, second = (error_of_a_sine(grid(dim, n, wobble=0.1), comm) for n in (coarse, fine))
    assert second < first / 3.0
    assert second < 0.08


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_linear_temperature_and_its_flux_are_exact(comm, grid, dim):
    """A slab between ideal walls; what flows out of the plane of the mesh is included."""
    mesh = sweep_mesh_of(grid(dim, 3, wobble=0.3))
    tensor = np.array([[2.0, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 5.0]])
    if dim < 3:
        tensor[0, 2] = tensor[2, 0] = 0.5
    low, high = ends(mesh)
    walls = Walls(
        temperatures=np.where(high, 1.0, 0.0), conductances=np.where(low | high, np.inf, 0.0)
    )
    solution = solve_heat_equation(mesh, tensor, np.zeros(mesh.num_dofs), walls, comm=comm)
    x = mesh.points.reshape(-1, dim)[:, 0]
    assert np.allclose(solution.temperature, x, rtol=0.0, atol=1e-9)
    assert np.allclose(solution.flux, -tensor[:, 0], rtol=0.0, atol=1e-7)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_every_cell_gives_off_the_heat_deposited_in_it(comm, grid, dim):
    mesh = sweep_mesh_of(grid(dim, 4, wobble=0.3))
    heat = np.random.default_rng(1).uniform(size=mesh.num_dofs)
    walls = held(mesh, 0.5, 7.0)
    flux = solve_heat_equation(mesh, KAPPA, heat, walls, comm=comm).flux
    deposited = (heat * mesh.dof_weights).reshape(-1, dim + 1).sum(axis=1)
    assert np.allclose(leaving_power(mesh, flux), deposited, rtol=0.0, atol=1e-9 * deposited.sum())


def test_a_wall_with_conductance_lets_the_temperature_jump(comm, grid):
    """Slab between walls at 1 and 0 with h = 6 each: q = 1 / (2/h + L/K) = 1.5, jumps of 1/4."""
    mesh = sweep_mesh_of(grid(1, 5))
    low, _ = ends(mesh)
    solution = solve_heat_equation(
        mesh, KAPPA, np.zeros(mesh.num_dofs), held(mesh, np.where(low, 1.0, 0.0), 6.0), comm=comm
    )
    assert np.allclose(solution.flux[:, :, 0], 1.5, rtol=1e-9)
    assert np.allclose(solution.temperature[mesh.boundary_dofs[low, 0]], 0.75, rtol=1e-9)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_period_with_a_temperature_drop_carries_the_bulk_flux(comm, grid, dim):
    """Joined ends; in contact the flux is K drop / L, with an interface of h = 6 in the joint
    1 / (L/K + 1/h)."""
    mesh = sweep_mesh_of(grid(dim, 3))
    low, high = ends(mesh)
    corners = mesh.points.reshape(-1, dim)[mesh.boundary_dofs].mean(axis=1)
    order = []
    for facets in (np.flatnonzero(high), np.flatnonzero(low)):
        across = [*corners[facets, 1:].round(9).T, facets]  # the facet itself in 1D
        order.append(facets[np.lexsort(across[:-1] or across)])
    pairs = np.stack(order, axis=1)
    walls = held(mesh, 0.0, 0.0)
    for conductance, expected in ((np.inf, 3.0), (6.0, 2.0)):
        joints = JoinedFacets(
            facets=pairs,
            conductances=np.full(len(pairs), conductance),
            drops=np.full(len(pairs), -1.0),  # colder at x = 1 than at x = 0
        )
        solution = solve_heat_equation(
            mesh, KAPPA, np.zeros(mesh.num_dofs), walls, joints, comm=comm
        )
        assert np.allclose(solution.flux[:, :, 0], expected, rtol=1e-8)
        assert np.allclose(solution.flux[:, :, 1:dim], 0.0, atol=1e-8)


def test_a_layered_conductor_has_the_resistances_in_series(comm, grid):
    """K = 1 and 100 side by side: q = 1 / (0.5 + 0.005), T linear in each layer."""
    mesh = sweep_mesh_of(grid(2, 4, wobble=0.0))
    x = mesh.points.mean(axis=1)[:, 0]
    tensors = np.where(x < 0.5, 1.0, 100.0)[:, None, None] * np.eye(3)
    low, high = ends(mesh)
    walls = Walls(
        temperatures=np.where(low, 1.0, 0.0), conductances=np.where(low | high, np.inf, 0.0)
    )
    solution = solve_heat_equation(mesh, tensors, np.zeros(mesh.num_dofs), walls, comm=comm)
    assert np.allclose(solution.flux[:, :, 0], 1.0 / 0.505, rtol=1e-8)


def test_the_ranks_and_a_single_process_agree(comm, grid):
    mesh = sweep_mesh_of(grid(2, 5, wobble=0.3))
    heat = np.random.default_rng(2).uniform(size=mesh.num_dofs)
    results = [
        solve_heat_equation(mesh, KAPPA, heat, held(mesh, 0.0, 2.0), comm=ranks).temperature
        for ranks in (comm, MPI.COMM_SELF)
    ]
    assert np.allclose(*results, rtol=1e-9)


def test_heat_without_a_way_out_is_refused(comm, grid):
    mesh = sweep_mesh_of(grid(1, 4))
    with pytest.raises(InputError, match="no wall absorbs them"):
        solve_heat_equation(
            mesh, KAPPA, np.ones(mesh.num_dofs), held(mesh, 0.0, 0.0), NO_JOINTS, comm
        )
    with pytest.raises(InputError, match="positive definite"):
        solve_heat_equation(mesh, 0.0 * KAPPA, np.ones(mesh.num_dofs), held(mesh, 0.0), comm=comm)
