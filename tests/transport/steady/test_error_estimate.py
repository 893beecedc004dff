"""How far the solver says it is from the solution, against how far it is."""

from __future__ import annotations

import math

import numpy as np
import pytest
from film_systems import film_of_layers

from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.interfaces.dmm import DiffuseMismatch
from pbte.materials.kernel import truncated_kernel
from pbte.materials.models import gray_crystal
from pbte.materials.quadrature import line_rule
from pbte.materials.storage import read_material
from pbte.transport.body import make_body
from pbte.transport.steady.steady import solve_steady
from pbte.transport.system import as_system
from pbte.verification.validation._interval import interval


def temperatures(steady):
    """Return the temperatures of all bodies, one after the other."""
    fields = [np.zeros(body.mesh.num_dofs) for body in steady.system.bodies]
    for block in steady.streamed_blocks():
        body = steady.system.bodies[block.body]
        fields[block.body] += body.heat_capacities[block.modes] @ block.theta
    bodies = zip(steady.system.bodies, fields, strict=True)
    return np.concatenate([field / body.modes.heat_capacity for body, field in bodies])


def ratio(system, kernels, tolerance, exact=None):
    """Return the estimated over the true distance of a solution to some tolerance."""
    near = solve_steady(system, *kernels, tolerance=tolerance)
    if exact is None:
        exact = temperatures(solve_steady(system, *kernels, tolerance=1e-12))
    return near.error_estimate() / float(np.abs(temperatures(near) - exact).max())


def gray_film_exactly(body, heat):
    """Return the temperature of a gray film in extended precision, shape (num_dofs,).

    The upwind equations of each mode are solved from cell to cell for the response P to the
    temperature and p to the inflow, theta = P (Gamma T + g) + p, then T = sum c theta / C directly.
    Double precision is not enough: at Kn = 1e-4 it leaves 5e-9 of T.
    """
    number = np.longdouble
    modes, points = body.modes, body.mesh.points[:, :, 0].astype(number)
    rate, num_dofs = number(modes.loss_rates[0]), points.size
    left = np.argmin(points, axis=1)
    order = np.argsort(points.min(axis=1))
    dofs = 2 * order[:, None] + np.stack([left, 1 - left], axis=1)[order]  # by x: left, right
    widths = np.abs(np.diff(points, axis=1))[order, 0]
    shares = modes.heat_capacities.astype(number) / modes.heat_capacities.astype(number).sum()
    response, given = np.zeros((num_dofs, num_dofs), number), np.zeros(num_dofs, number)
    for velocity, share in zip(modes.velocities[:, 0].astype(number), shares, strict=True):
        way = slice(None) if velocity > 0.0 else slice(None, None, -1)
        speed = abs(velocity)
        upstream, inflow = np.zeros(num_dofs, number), number(velocity > 0.0)
        for pair, width in zip(dofs[way], widths[way], strict=True):
            own = pair[way]  # upstream, downstream
            mass = width * np.array([[2, 1], [1, 2]], number) / 6
            drift = speed * np.array([[1, 1], [-1, 1]], number) / 2 + rate * mass
            (p, q), (r, s) = drift
            inverse = np.array([[s, -q], [-r, p]]) / (p * s - q * r)
            rhs = np.zeros((2, num_dofs), number)
            rhs[:, own] = mass
            rhs[0] += speed * upstream
            theta, enters = inverse @ rhs, inverse[:, 0] * (speed * inflow)
            response[own] += share * theta
            given[own] += share * enters
            upstream, inflow = theta[1], enters[1]
    source = number(heat) / number(modes.heat_capacity)
    matrix = np.eye(num_dofs, dtype=number) - rate * response
    return solved(matrix, given + response.sum(axis=1) * source)


def solved(matrix, rhs):
    """Return the solution of linear equations, by elimination in their own precision."""
    rows = np.column_stack([matrix, rhs])
    for k in range(len(rows)):
        pivot = k + int(np.argmax(np.abs(rows[k:, k])))
        rows[[k, pivot]] = rows[[pivot, k]]
        rows[k] /= rows[k, k]
        others = np.arange(len(rows)) != k
        rows[others] -= np.outer(rows[others, k], rows[k])
    return rows[:, -1]


def film(kernel, thickness, heat):
    mesh = sweep_mesh_of(interval(np.linspace(0.0, thickness, 21)))
    warm = 1.0 - mesh.points.reshape(-1)[mesh.boundary_dofs[:, 0]] / thickness
    return make_body(mesh, kernel, np.full(mesh.num_dofs, heat), warm)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4, 1e-8])
@pytest.mark.parametrize("knudsen", [1e-2, 1e-4])
@pytest.mark.parametrize("heat", [0.0, 1.0])
def test_in_thick_bodies_it_is_the_distance_itself(knudsen, tolerance, heat):
    """At Kn = 1e-4 the residual is smaller than the error by orders of magnitude.

    With heat all tolerances below 1e-2 end at round-off there, 2e-5 K of 3751.
    """
    kernel = gray_crystal(
        speed=1.0, relaxation_time=knudsen, heat_capacity=1.0, polar=8, azimuthal=4
    ).kernel
    body = film(kernel, 1.0, heat)
    assert 0.5 < ratio(body, [kernel], tolerance, gray_film_exactly(body, heat)) < 3.0


@pytest.mark.parametrize("thickness", [1e-8, 1e-7, 1e-6, 1e-5])
def test_it_is_near_for_a_full_matrix_from_thin_to_thick(thickness):
    kernel = read_material("Si-5").kernel
    leading = truncated_kernel(kernel, 60)
    assert 0.3 < ratio(film(kernel, thickness, 1e15), [leading], 1e-4) < 3.0


@pytest.mark.parametrize("size", [0.1, 1.0, 100.0])
def test_it_is_near_or_above_through_an_interface(size):
    kernels = [
        gray_crystal(
            speed=speed,
            relaxation_time=1.0 / speed,
            heat_capacity=1.0,
            quadrature=line_rule(12),
        ).kernel
        for speed in (1.0, 2.0)
    ]
    edges = [np.linspace(0.0, size, 11), np.linspace(size, 2.0 * size, 11)]
    system = film_of_layers(edges, kernels, [DiffuseMismatch(elastic=False)], walls=(1.0, -1.0))
    assert 0.3 < ratio(system, kernels, 1e-3) < 30.0


def test_a_result_says_that_it_was_not_estimated():
    kernel = gray_crystal(
        speed=1.0, relaxation_time=1.0, heat_capacity=1.0, polar=8, azimuthal=4
    ).kernel
    steady = solve_steady(as_system(film(kernel, 1.0, 1.0)), kernel)
    assert math.isnan(steady.report.error_estimate)
    assert steady.error_estimate() < 1e-6
