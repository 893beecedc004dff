"""Flights between surfaces along rays, and the steady states that begin from them."""

from __future__ import annotations

import numpy as np
import pytest

from pbte.core.mode_partition import partition_modes
from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.interfaces.diffuse import DiffuseWall
from pbte.interfaces.perfect import PerfectInterface
from pbte.interfaces.specular import SpecularWall
from pbte.materials.models import gray_crystal
from pbte.transport.body import make_body, with_past
from pbte.transport.boundary import facet_side, make_surface
from pbte.transport.steady.ray_tracing import INWARD, trace_rays
from pbte.transport.steady.steady import moment_system, solve_steady

PERIOD = 0.2  # of a strip of unit thickness


def crystal(mean_free_path):
    """Return a gray crystal of unit speed with directions in space."""
    return gray_crystal(
        speed=1.0, relaxation_time=mean_free_path, heat_capacity=1.0, polar=8, azimuthal=8
    ).kernel


def strip(grid, kernel, condition, comm, drop=1.0):
    """Return a film cut to a short period, warmer by `drop` at its partner, with two walls."""
    mesh, modes = sweep_mesh_of(grid(2, 4, stretch=(PERIOD, 1.0))), kernel.modes
    mode_partition = partition_modes(modes.num_pairs, modes.num_modes, comm)
    normals = mesh.boundary_normals / np.linalg.norm(mesh.boundary_normals, axis=1)[:, None]
    heights = mesh.points.reshape(-1, 2)[mesh.boundary_dofs][:, :, 1]

    def side(chosen):
        facets = np.flatnonzero(chosen)
        facets = facets[np.argsort(heights[facets].mean(axis=1))]
        return facet_side(mesh, facets, mode_partition, corners=np.argsort(heights[facets], axis=1))

    ends = [side(normals[:, 0] * sign > 0.5) for sign in (-1.0, 1.0)]
    across = side(np.abs(normals[:, 1]) > 0.5)
    surfaces = [
        make_surface(
            "ends",
            ends,
            mesh.boundary_normals[ends[0].boundary_dofs[:, 0] // 2],
            lambda normal: PerfectInterface().flux_matrix(modes, modes, normal),
            jumps=(drop, -drop),
        ),
        make_surface(
            "walls",
            [across],
            mesh.boundary_normals[across.boundary_dofs[:, 0] // 2],
            lambda normal: condition.flux_matrix(modes, normal),
        ),
    ]
    nothing = np.zeros(mesh.num_dofs), np.zeros(mesh.boundary_dofs.size)
    return make_body(mesh, kernel, *nothing, mode_partition=mode_partition, surfaces=surfaces)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_ray_through_a_box_is_as_long_as_the_box_is_along_it(grid, heat, dim):
    """What arrives at a node of a uniform inflow is exp(-Gamma t), t to the nearest face behind."""
    body = heat(grid(dim, 3, wobble=0.2), crystal(0.7))
    mesh, facets = body.mesh, np.arange(body.mesh.boundary_dofs.shape[0])
    passing = trace_rays(body, facets).passing(slice(None))
    nodes = mesh.points.reshape(-1, dim)[mesh.boundary_dofs]
    nodes = nodes + INWARD * (nodes.mean(axis=1, keepdims=True) - nodes)  # where rays begin
    nodes = nodes.reshape(-1, dim)
    velocities = body.velocities[:, None, :dim]
    with np.errstate(divide="ignore"):
        times = np.where(velocities > 0.0, nodes, nodes - 1.0) / velocities
    running_out = velocities[:, 0] @ np.repeat(mesh.boundary_normals, dim, axis=0).T > 1e-12
    expected = np.exp(-times.min(axis=2) / 0.7)[running_out]
    assert running_out.any()
    np.testing.assert_allclose(passing[running_out], expected, rtol=1e-5)
    assert not passing[~running_out].any()


def test_an_inflow_that_varies_linearly_arrives_where_straight_lines_lead(grid, heat):
    """Without absorption on the way, and on facets that share no normal."""
    body = heat(grid(2, 3, wobble=0.2), crystal(1e6))
    mesh, dim = body.mesh, 2
    facets = np.arange(mesh.boundary_dofs.shape[0])
    nodes = mesh.points.reshape(-1, dim)[mesh.boundary_dofs]
    inward = (nodes + INWARD * (nodes.mean(axis=1, keepdims=True) - nodes)).reshape(-1, dim)
    # Constant along the flight: y v_x - x v_y.
    vx, vy = body.velocities[:, :1], body.velocities[:, 1:2]
    inflow, expected = (
        (vx * x[:, 1] - vy * x[:, 0]) + 3.0 for x in (nodes.reshape(-1, dim), inward)
    )
    rays = trace_rays(body, facets)
    arrived, passing = rays.arriving(slice(None), inflow), rays.passing(slice(None))
    runs = passing > 0.0
    np.testing.assert_allclose(arrived[runs], expected[runs], rtol=1e-5)


@pytest.mark.parametrize("absorption", [0.0, 5.0, 3.0j])
def test_what_is_lost_on_the_way_is_scattered_somewhere(grid, comm, absorption):
    """Evenly in the body or where it entered: together c |v.n| (1 - t) of what enters."""
    kernel = crystal(0.5)
    body = with_past(strip(grid, kernel, DiffuseWall(), comm), absorption, None)
    moments = moment_system(body, kernel)
    preconditioner, part = moments.ray_preconditioner, moments.bodies[0]
    random = np.random.default_rng(comm.rank)
    entering = random.normal(size=moments.unknowns.size).astype(body.dtype)
    (mean,), power = preconditioner.scattered(entering)
    moments.unknowns.write(entering)
    inflow = moments.boundary.inflow(0, slice(None), given=False)
    mesh, rays = body.mesh, trace_rays(body, np.arange(body.mesh.boundary_dofs.shape[0]))
    speeds = np.maximum(-body.velocities[:, :2] @ np.repeat(mesh.boundary_normals, 2, axis=0).T, 0)
    pairs = body.mode_partition.num_pairs
    partners = np.concatenate([np.arange(pairs, 2 * pairs), np.arange(pairs)])
    lost = 0.5 * speeds * inflow * (1.0 - rays.passing(partners))
    expected = comm.allreduce(body.heat_capacities @ lost.sum(axis=1))
    # Gray: of what is lost over a time 1 / Gamma each, the energy moment is the mean temperature.
    capacity = comm.allreduce(body.heat_capacities.sum())
    stored = comm.allreduce((part.weights @ mean[:, 0]) * capacity * body.loss_rates[0])
    np.testing.assert_allclose(stored + power.sum(), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("condition", "most"), [(DiffuseWall(), 22), (SpecularWall(), 32)], ids=["diffuse", "specular"]
)
@pytest.mark.parametrize("mean_free_path", [0.01, 1.0, 100.0])
def test_a_short_period_of_a_film_takes_few_sweeps(grid, comm, condition, most, mean_free_path):
    """Modes almost along the film pass hundreds of periods before they scatter.

    A Krylov solve that finds that out sweep by sweep takes 53 between diffuse walls, and 2000
    between mirrors, at 100.
    """
    kernel = crystal(mean_free_path)
    body = strip(grid, kernel, condition, comm)
    report = solve_steady(body, kernel, tolerance=1e-8).report
    assert report.converged
    assert report.sweeps <= most


def test_where_the_solver_begins_does_not_change_where_it_ends(grid, comm):
    kernel = crystal(1.0)
    body = strip(grid, kernel, DiffuseWall(), comm)
    one, other = (
        solve_steady(body, kernel, tolerance=1e-12, precondition=choice) for choice in (True, False)
    )
    assert one.report.sweeps < 0.7 * other.report.sweeps
    np.testing.assert_allclose(one.theta, other.theta, rtol=0.0, atol=1e-9)


def test_walls_that_only_scatter_need_no_rays(grid, heat, comm):
    """Their bins are few; rays of every mode would take memory for nothing."""
    kernel = crystal(1.0)
    black = moment_system(heat(grid(2, 3), kernel, comm=comm), kernel)
    periodic = moment_system(strip(grid, kernel, DiffuseWall(), comm), kernel)
    assert black.ray_preconditioner is None
    assert periodic.ray_preconditioner is not None
