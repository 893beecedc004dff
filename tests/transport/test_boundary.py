"""Walls that send back what runs into them: nothing is lost, nothing is made."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pbte.interfaces.diffuse import DiffuseWall
from pbte.interfaces.specular import SpecularWall
from pbte.materials.kernel import rta_kernel
from pbte.observables.moments import FieldTally, frequency_bins
from pbte.transport.body import stream
from pbte.transport.boundary import BoundaryFlux, group_normals, wall_surface
from pbte.transport.orders import scattering_orders

CONDITIONS = {
    "thermalising": DiffuseWall(elastic=False),
    "elastic": DiffuseWall(elastic=True),
    "specular": SpecularWall(),
}


def with_wall(domain, problem, wall, condition):
    surface = wall_surface(
        wall, problem.mesh, domain.walls[wall], problem.modes, problem.mode_partition, condition
    )
    return replace(problem, surfaces=(surface,))


@pytest.fixture(params=CONDITIONS)
def condition(request):
    return CONDITIONS[request.param]


@pytest.fixture(params=["full", "rta"])
def kernel(request, silicon):
    return silicon.kernel if request.param == "full" else rta_kernel(silicon.modes)


def inflow_of(problem, state, *, given):
    """Return what walls of given temperature, and this surface, send into all modes."""
    modes = np.arange(problem.mode_partition.num_modes)
    rows = np.repeat(problem.inflow if given else 0.0 * problem.inflow, modes.size, axis=0)
    state.send(0, modes, rows, jump=given)
    return rows


def slab(body):
    """A slab of 40 nm between black ends, its sides reflecting."""
    return body("film", thickness=40e-9, width=20e-9, size=15e-9, dim=3)


def test_each_order_closes_its_account_with_reflecting_sides(body, heat, kernel, condition, comm):
    """Deposited = net to every wall + handed on; what a side takes in an order it returns next."""
    domain = slab(body)
    problem = with_wall(domain, heat(domain, kernel, sigma=10e-9, comm=comm), "sides", condition)
    edges = frequency_bins(problem.modes.frequencies, 12)
    tally = FieldTally(system=problem, walls=domain.walls, frequency_edges=edges)
    taken = 0.0
    for order in scattering_orders(problem, 6, tally):
        balance = tally.snapshot(order.deposited, scatters=True).balance
        assert abs(balance.imbalance) < 1e-12
        taken += balance.absorbed["sides"]
        arrivals = taken  # arrived in this order: net so far, since all earlier came back
        assert arrivals > 0.0


@pytest.mark.parametrize("shape", ["slab", "sphere"])
def test_a_body_in_equilibrium_with_its_walls_stays_so(body, heat, silicon, condition, comm, shape):
    """Modes that all arrive with 1 K are sent back with 1 K, whatever the normal of the facet."""
    domain = slab(body) if shape == "slab" else body("nanoparticle", diameter=50e-9, size=25e-9)
    wall = "sides" if shape == "slab" else "surface"
    problem = heat(domain, silicon.kernel, wall=1.0, comm=comm)
    problem = with_wall(domain, problem, wall, condition)
    (surface,) = problem.surfaces
    state = BoundaryFlux(surface)
    ones = np.ones_like(problem.new_field())
    modes = np.arange(problem.mode_partition.num_modes)
    state.collect(0, modes, ones)
    state.reflect()
    black = replace(problem, inflow=np.zeros_like(problem.inflow))
    rows = inflow_of(black, state, given=False)
    mesh = problem.mesh
    inward = -problem.velocities[:, : mesh.dim] @ mesh.boundary_normals.T
    speeds = np.abs(problem.velocities).max() * np.linalg.norm(mesh.boundary_normals, axis=1)
    here = mesh.boundary_walls == domain.walls[wall]
    entering = (inward > 1e-9 * speeds) & here
    leaving = (inward < -1e-9 * speeds) | ~here
    by_facet = rows.reshape(modes.size, -1, mesh.dim)
    np.testing.assert_allclose(by_facet[entering], 1.0, rtol=0.0, atol=1e-12)
    np.testing.assert_array_equal(by_facet[leaving], 0.0)


def test_the_power_sent_back_is_the_power_that_arrived(body, heat, silicon, condition, comm):
    """For any field and on every facet of a sphere."""
    domain = body("nanoparticle", diameter=50e-9, size=25e-9)
    problem = heat(domain, silicon.kernel, comm=comm)
    problem = with_wall(domain, problem, "surface", condition)
    mesh = problem.mesh
    random = np.random.default_rng(3).uniform(size=(problem.modes.num_modes, mesh.num_dofs))
    theta = random[problem.mode_partition.indices]
    state = BoundaryFlux(problem.surfaces[0])
    for modes in problem.mode_blocks():
        state.collect(0, modes, theta[modes])
    state.reflect()
    rows = inflow_of(problem, state, given=False).reshape(len(theta), -1, mesh.dim)
    flux = problem.heat_capacities[:, None] * (
        problem.velocities[:, : mesh.dim] @ mesh.boundary_normals.T
    )
    arriving = np.einsum("mf,mfi->fi", np.maximum(flux, 0.0), theta[:, mesh.boundary_dofs])
    leaving = np.einsum("mf,mfi->fi", np.maximum(-flux, 0.0), rows)
    arriving, leaving = comm.allreduce(arriving), comm.allreduce(leaving)
    np.testing.assert_allclose(leaving, arriving, rtol=1e-12)


def test_ranks_send_back_what_one_rank_would(body, heat, silicon, condition, comm):
    domain = body("nanoparticle", diameter=50e-9, size=25e-9)
    fields = []
    for ranks in (comm, comm.Split(comm.rank)):
        problem = heat(domain, silicon.kernel, sigma=8e-9, comm=ranks)
        problem = with_wall(domain, problem, "surface", condition)
        edges = frequency_bins(problem.modes.frequencies, 6)
        tally = FieldTally(system=problem, walls=domain.walls, frequency_edges=edges)
        *_, last = scattering_orders(problem, 3, tally)
        fields.append(tally.snapshot(last.deposited, scatters=True))
    together, alone = fields
    size = np.abs(alone.temperature).max()
    assert size > 0.0
    np.testing.assert_allclose(together.temperature, alone.temperature, rtol=0, atol=1e-11 * size)


def test_facets_of_a_flat_wall_share_one_normal():
    normals = np.array([[1.0, 0.0, 0.0], [2.0, 1e-16, 0.0], [0.0, 3.0, 0.0], [-1.0, 0.0, 0.0]])
    distinct, number = group_normals(normals)
    assert distinct.shape == (3, 3)
    assert number[0] == number[1]
    np.testing.assert_allclose(
        distinct[number], normals / np.linalg.norm(normals, axis=1)[:, None], atol=1e-12
    )


def test_a_specular_box_does_not_heat_where_it_is_not_heated(body, heat, silicon):
    """Drift from equilibrium emission in a box closed by mirrors stays in equilibrium."""
    domain = slab(body)
    problem = heat(domain, silicon.kernel, wall=1.0)
    problem = with_wall(domain, problem, "sides", SpecularWall())
    state = BoundaryFlux(problem.surfaces[0])
    theta = problem.loss_rates[:, None] * np.ones(problem.mesh.num_dofs)
    modes = np.arange(problem.mode_partition.num_modes)
    ones = np.ones_like(theta)
    state.collect(0, modes, ones)
    state.reflect()
    absorbing = replace(problem, inflow=problem.inflow.copy())
    sides = problem.mesh.boundary_walls == domain.walls["sides"]
    absorbing.inflow.reshape(-1, 3)[sides] = 0.0
    stream(problem, theta, inflow=inflow_of(absorbing, state, given=True))
    np.testing.assert_allclose(theta, 1.0, atol=1e-10)
