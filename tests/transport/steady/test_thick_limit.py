"""Cells of many mean free paths: the transport equation becomes the heat equation.

The layer of a mean free path beside a wall is never resolved here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from film_systems import RIGHT, film_of_layers

from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.interfaces.diffuse import DiffuseWall
from pbte.interfaces.dmm import DiffuseMismatch
from pbte.interfaces.specular import SpecularWall
from pbte.materials.conductivity import bulk_conductivity
from pbte.materials.models import gray_crystal
from pbte.transport.body import make_body
from pbte.transport.heat.equation import Walls, solve_heat_equation
from pbte.transport.sources import project
from pbte.transport.steady.steady import solve_steady

# Mean free path beside a body of length 1; the walls shift the temperature by about as much.
MEAN_FREE_PATH = 1e-4


@pytest.fixture(scope="module")
def crystal():
    return gray_crystal(
        speed=1.0, relaxation_time=MEAN_FREE_PATH, heat_capacity=1.0, polar=4, azimuthal=4
    )


def temperature(mesh, crystal, heat, inflow):
    """Return the temperature of the steady transport equation."""
    problem = make_body(mesh, crystal.kernel, heat, inflow)
    solution = solve_steady(problem, crystal.kernel, tolerance=1e-7)
    assert solution.report.converged
    weights = crystal.modes.heat_capacities / crystal.modes.heat_capacity
    return weights @ solution.theta, solution.report


def sine(points):
    """Return the product of sin(pi x), zero at the walls of the unit cube."""
    return np.prod(np.sin(np.pi * points), axis=1)


def heated(mesh, crystal):
    """Return the heat density that keeps T = `sine` in the bulk."""
    kappa = bulk_conductivity(crystal.kernel)[0, 0]
    return project(mesh, lambda points: mesh.dim * np.pi**2 * kappa * sine(points))


@pytest.mark.parametrize(("dim", "coarse", "fine"), [(1, 6, 12), (2, 6, 12), (3, 3, 6)])
def test_thick_cells_solve_the_heat_equation_at_second_order(grid, crystal, dim, coarse, fine):
    """Cells of 1000 mean free paths: the error in their middle falls by four when they are halved.

    At the vertices a film is exact up to the layer beside the walls.
    """
    errors = []
    for n in (coarse, fine):
        mesh = sweep_mesh_of(grid(dim, n, wobble=0.1))
        inflow = np.zeros(mesh.boundary_dofs.size)
        found, report = temperature(mesh, crystal, heated(mesh, crystal), inflow)
        assert report.sweeps <= 15
        difference = found.reshape(-1, dim + 1).mean(axis=1) - sine(mesh.points.mean(axis=1))
        errors.append(np.sqrt(np.square(difference) @ mesh.volumes))
    assert errors[1] < errors[0] / 3.0
    assert errors[1] < 0.05


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_thick_cells_agree_with_the_heat_equation_on_the_same_mesh(grid, crystal, dim):
    """Both are second order, so they differ by less than either from the truth."""
    mesh = sweep_mesh_of(grid(dim, 4, wobble=0.1))
    facets = mesh.boundary_dofs.shape[0]
    heat = heated(mesh, crystal)
    found, _ = temperature(mesh, crystal, heat, np.zeros(mesh.boundary_dofs.size))
    walls = Walls(temperatures=np.zeros(facets), conductances=np.full(facets, np.inf))
    fourier = solve_heat_equation(mesh, bulk_conductivity(crystal.kernel), heat, walls)
    exact = sine(mesh.points.reshape(-1, dim))
    difference = np.abs(found - fourier.temperature).max()
    assert difference < 1.5 * np.abs(fourier.temperature - exact).max()
    assert difference < 0.2


@pytest.mark.parametrize(("dim", "n"), [(1, 4), (2, 3), (3, 2)])
def test_walls_are_reached_through_unresolved_layers(grid, crystal, dim, n):
    """T = x from wall to wall in 1D, to a few mean free paths; elsewhere between the walls' T."""
    mesh = sweep_mesh_of(grid(dim, n))
    corners = mesh.points.reshape(-1, dim)[mesh.boundary_dofs]
    inflow = np.repeat(corners[..., 0].mean(axis=1), dim)
    found, report = temperature(mesh, crystal, np.zeros(mesh.num_dofs), inflow)
    assert report.sweeps <= 15
    exact = mesh.points.reshape(-1, dim)[:, 0]
    # A wall has one temperature per facet here: steps of 1/n on the walls along x.
    allowed = 10.0 * MEAN_FREE_PATH if dim == 1 else 0.5 / n
    assert np.abs(found - exact).max() < allowed


@pytest.mark.parametrize(
    "condition", [SpecularWall(), DiffuseWall(elastic=False)], ids=["mirror", "rough"]
)
def test_an_adiabatic_wall_is_one_through_an_unresolved_layer(condition):
    """Even heat between a black wall and one that reflects: T = S (L x - x^2/2)/k at the cells."""
    kernel = thick_gray()
    length = 1.0
    system = film_of_layers(
        [np.linspace(0.0, length, 9)],
        [kernel],
        [],
        heat=1.0,
        boundary_conditions={RIGHT: condition},
    )
    solution = solve_steady(system, kernel, tolerance=1e-8)
    assert solution.report.converged
    assert solution.report.sweeps <= 15
    (body,) = system.bodies
    found = body.heat_capacities @ solution.theta / body.modes.heat_capacity
    x = body.mesh.points.reshape(-1)
    exact = (length * x - 0.5 * x**2) / bulk_conductivity(kernel)[0, 0]
    assert np.abs(found - exact).max() < 5e-3 * exact.max()


def test_layers_with_an_interface_in_between_are_resistances_in_series():
    """Cells of 500 mean free paths beside walls and interface: q = dT/(L_1/k_1 + L_2/k_2 + R).

    R of a few mean free paths: the jump at a thermalising interface, by the local definition.
    """
    kernels = [thick_gray(), thick_gray(heat=0.5)]
    edges = [np.linspace(0.0, 1.0, 6), np.linspace(1.0, 2.0, 6)]
    system = film_of_layers(edges, kernels, [DiffuseMismatch(elastic=False)], walls=(0.5, -0.5))
    solution = solve_steady(system, *kernels, tolerance=1e-8)
    assert solution.report.converged
    assert solution.report.sweeps <= 20
    flux = [0.0, 0.0]
    for block in solution.streamed_blocks():
        body = system.bodies[block.body]
        carried = body.heat_capacities[block.modes] * body.velocities[block.modes, 0]
        flux[block.body] += float(carried @ (block.theta @ body.mesh.dof_weights))
    assert flux[0] == pytest.approx(flux[1], rel=1e-6)
    bulk = [bulk_conductivity(kernel)[0, 0] for kernel in kernels]
    series = sum(1.0 / value for value in bulk)
    assert flux[0] == pytest.approx(1.0 / series, rel=5e-3)
    jump = 1.0 / float(system.interfaces[0].conductances[0])
    assert jump < 0.01 * series


def thick_gray(heat=1.0):
    return gray_crystal(
        speed=1.0,
        relaxation_time=4e-4,
        heat_capacity=heat,
        polar=8,
        azimuthal=4,
    ).kernel


def test_a_residual_at_round_off_counts_where_the_emission_has_settled():
    """The last bits of what is scattered, 1e6 times the source, are more than the tolerance."""
    kernel, length = thick_gray(), 1.0
    system = film_of_layers([np.linspace(0.0, length, 9)], [kernel], [], heat=1.0)
    solution = solve_steady(system, kernel, tolerance=1e-15)
    report = solution.report
    assert report.converged and report.at_round_off
    assert report.emission > 1e5
    (body,) = system.bodies
    found = body.heat_capacities @ solution.theta / body.modes.heat_capacity
    x = body.mesh.points.reshape(-1)
    exact = 0.5 * (length * x - x**2) / bulk_conductivity(kernel)[0, 0]
    assert np.abs(found - exact).max() < 5e-3 * exact.max()
    assert report.judged_by(1e-6).converged and not report.judged_by(0.3).converged
    fine = replace(report, tolerance=1e-3)  # a residual below the tolerance needs no other proof
    assert fine.judged_by(0.3).converged
