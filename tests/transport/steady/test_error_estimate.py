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


def compare(system, kernels, tolerance):
    """Return the smallest and largest ratio of estimated to true distance of a solution.

    They differ by what the reference is itself away from the solution. That matters at Kn = 1e-4
    with heat: the emission is 4e7 times the heat put in, and its round-off leaves 1e-5 K, which the
    solution to 1e-4 has reached as well. Everywhere else both ratios are one number.
    """
    near = solve_steady(system, *kernels, tolerance=tolerance)
    reference = solve_steady(system, *kernels, tolerance=1e-12)
    distance = np.abs(temperatures(near) - temperatures(reference)).max()
    blur = reference.error_estimate()
    least, most = distance + blur, max(distance - blur, 0.0)
    return near.error_estimate() / least, near.error_estimate() / most if most > 0.0 else math.inf


def film(kernel, thickness, heat):
    mesh = sweep_mesh_of(interval(np.linspace(0.0, thickness, 21)))
    warm = 1.0 - mesh.points.reshape(-1)[mesh.boundary_dofs[:, 0]] / thickness
    return make_body(mesh, kernel, np.full(mesh.num_dofs, heat), warm)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4])
@pytest.mark.parametrize("knudsen", [1e-2, 1e-4])
@pytest.mark.parametrize("heat", [0.0, 1.0])
def test_in_thick_bodies_it_is_the_distance_itself(knudsen, tolerance, heat):
    """At Kn = 1e-4 the residual is smaller than the error by orders of magnitude."""
    kernel = gray_crystal(
        speed=1.0, relaxation_time=knudsen, heat_capacity=1.0, polar=8, azimuthal=4
    ).kernel
    smallest, largest = compare(film(kernel, 1.0, heat), [kernel], tolerance)
    assert largest > 0.5 and smallest < 3.0


@pytest.mark.parametrize("thickness", [1e-8, 1e-7, 1e-6, 1e-5])
def test_it_is_near_for_a_full_matrix_from_thin_to_thick(thickness):
    kernel = read_material("Si-5").kernel
    leading = truncated_kernel(kernel, 60)
    smallest, largest = compare(film(kernel, thickness, 1e15), [leading], 1e-4)
    assert largest > 0.3 and smallest < 3.0


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
    smallest, largest = compare(system, kernels, 1e-3)
    assert largest > 0.3 and smallest < 30.0


def test_a_result_says_that_it_was_not_estimated():
    kernel = gray_crystal(
        speed=1.0, relaxation_time=1.0, heat_capacity=1.0, polar=8, azimuthal=4
    ).kernel
    steady = solve_steady(as_system(film(kernel, 1.0, 1.0)), kernel)
    assert math.isnan(steady.report.error_estimate)
    assert steady.error_estimate() < 1e-6
