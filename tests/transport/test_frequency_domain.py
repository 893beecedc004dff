"""Complex absorption i omega: oscillations exp(i omega t) by the solver of the steady state."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from film_systems import RIGHT, film_of_layers

from pbte.interfaces.diffuse import DiffuseWall
from pbte.interfaces.dmm import DiffuseMismatch
from pbte.interfaces.specular import SpecularWall
from pbte.materials.kernel import truncated_kernel
from pbte.materials.models import gray_crystal
from pbte.transport.body import collide, stream, with_past
from pbte.transport.steady.steady import solve_steady
from pbte.transport.system import Boundary

EDGES = [np.linspace(0.0, 1e-7, 5), np.linspace(1e-7, 2e-7, 5)]


def gray(speed, time, heat):
    return gray_crystal(
        speed=speed, relaxation_time=time, heat_capacity=heat, polar=4, azimuthal=4
    ).kernel


def oscillating(system, frequency):
    bodies = tuple(with_past(body, 1j * frequency, None) for body in system.bodies)
    return replace(system, bodies=bodies)


@pytest.fixture(params=["full", "two crystals"])
def case(request, silicon, comm):
    """Return a heated system with a reflecting wall, and the kernels of its bodies."""
    if request.param == "full":
        leading = truncated_kernel(silicon.kernel, 40)
        w_in, w_out = comm.bcast((leading.w_in, leading.w_out))
        kernels, leading = [silicon.kernel], [replace(leading, w_in=w_in, w_out=w_out)]
        laws, wall = [], SpecularWall()
    else:
        kernels = [gray(3000.0, 2e-11, 1.6e6), gray(1800.0, 4e-11, 1.1e6)]
        leading, laws, wall = kernels, [DiffuseMismatch()], DiffuseWall(elastic=False)
    system = film_of_layers(
        EDGES[: len(kernels)],
        kernels,
        laws,
        walls=(1.0, 0.0),
        heat=1e15,
        boundary_conditions={RIGHT: wall},
        comm=comm,
    )
    return system, leading


def fields_of(solution):
    fields = [body.new_field() for body in solution.system.bodies]
    for block in solution.streamed_blocks():
        fields[block.body][block.modes] = block.theta
    return fields


def test_no_oscillation_is_the_steady_state(case):
    system, kernels = case
    real = fields_of(solve_steady(system, *kernels, tolerance=1e-12))
    still = fields_of(solve_steady(oscillating(system, 0.0), *kernels, tolerance=1e-12))
    for one, other in zip(real, still, strict=True):
        assert np.iscomplexobj(other)
        np.testing.assert_allclose(other, one, rtol=0.0, atol=1e-9 * np.abs(one).max())


@pytest.mark.parametrize("frequency", [1e9, 1e11])
def test_the_response_solves_the_equation(case, frequency):
    """One more event, scattering and walls included, changes nothing."""
    system, kernels = case
    problem = oscillating(system, frequency)
    solution = solve_steady(problem, *kernels, tolerance=1e-11)
    assert solution.report.converged
    assert solution.report.sweeps < 50
    fields = fields_of(solution)
    boundary = Boundary(problem)
    everyone = slice(None)
    for number, theta in enumerate(fields):
        boundary.collect(number, everyone, theta)
    boundary.reflect()
    for number, (body, theta) in enumerate(zip(problem.bodies, fields, strict=True)):
        again = theta.copy()
        collide(body, again)
        again += body.source()
        stream(body, again, inflow=boundary.inflow(number, everyone, given=True))
        np.testing.assert_allclose(again, theta, rtol=0.0, atol=1e-9 * np.abs(theta).max())
        assert np.abs(theta.imag).max() > 1e-3 * np.abs(theta).max()


def test_turning_time_around_conjugates_the_response(case):
    system, kernels = case
    forth, back = (
        fields_of(solve_steady(oscillating(system, f), *kernels, tolerance=1e-12))
        for f in (1e10, -1e10)
    )
    for one, other in zip(forth, back, strict=True):
        np.testing.assert_allclose(other, one.conj(), rtol=0.0, atol=1e-9 * np.abs(one).max())
