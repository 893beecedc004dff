"""The heat equation in time and frequency: closed forms, order of accuracy, conservation."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from pbte.core.errors import InputError
from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.transport.heat.equation import NO_JOINTS, HeatEquation, JoinedFacets
from pbte.transport.heat.time_stepping import HeatStepper
from pbte.transport.sources import project, wave
from pbte.transport.step_control import StepControl
from pbte.transport.transient import WEIGHTS, steps_to

KAPPA, HEAT = 3.0 * np.eye(3), 2.0
OMEGA = 2.0 * np.pi


def ends(mesh):
    """Return which boundary facets lie at x = 0 and at x = 1."""
    x = mesh.points.reshape(-1, mesh.dim)[mesh.boundary_dofs, 0].mean(axis=1)
    return x < 1e-9, x > 1.0 - 1e-9


def ring(mesh):
    """Return the two ends of the unit interval joined."""
    low, high = ends(mesh)
    pair = np.stack([np.flatnonzero(high), np.flatnonzero(low)], axis=1)
    return JoinedFacets(
        facets=pair, conductances=np.full(len(pair), np.inf), drops=np.zeros(len(pair))
    )


def cosine(domain, end, steps):
    """Return the amplitude of cos(2 pi x) in a ring at an end, over that at the start."""
    mesh = sweep_mesh_of(domain)
    no_walls = np.zeros(mesh.boundary_dofs.shape[0])
    equation = HeatEquation(mesh, KAPPA, no_walls, ring(mesh), heat_capacity=HEAT)
    start = project(mesh, wave(0, 1.0))
    nothing = np.zeros(mesh.num_dofs), no_walls
    stepper = HeatStepper(equation, lambda time: nothing, start)
    list(march(stepper, [end], StepControl(size=end / steps)))
    weights = mesh.dof_weights * start
    return float(stepper.temperature @ weights) / float(start @ weights)


def march(stepper, stops, control, measure=lambda temperature, flux, time: None):
    return steps_to(np.array(stops), control, stepper, lambda h: stepper.attempt(h, measure))


def test_a_cosine_in_a_ring_decays_by_the_diffusivity(grid):
    """exp(-D k^2 t), D = 3/2, k = 2 pi; linear elements are off by the order of (k dx)^2."""
    end = 1.0 / (1.5 * OMEGA**2)
    assert cosine(grid(1, 80), end, 40) == pytest.approx(np.exp(-1.0), rel=1e-3)


def test_the_steps_are_of_second_order(grid):
    """Against steps sixteen times as short, on the same cells."""
    domain, end = grid(1, 8), 2.0 / (1.5 * OMEGA**2)
    coarse, half, exact = (cosine(domain, end, n) for n in (4, 8, 64))
    assert np.log2(abs(coarse - exact) / abs(half - exact)) == pytest.approx(2.0, abs=0.15)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_what_is_stored_is_what_came_in_and_did_not_leave(comm, grid, dim):
    """Two materials with a jump at a wall and one of them held: to round-off in every step, also
    in those far longer than the time in which the body is at rest."""
    mesh = sweep_mesh_of(grid(dim, 4, wobble=0.3))
    random = np.random.default_rng(3)
    heat = random.uniform(size=mesh.num_dofs)
    light = mesh.points.mean(axis=1)[:, 0] < 0.5
    low, high = ends(mesh)
    walls = np.where(high, np.inf, np.where(low, 7.0, 0.0))
    equation = HeatEquation(
        mesh,
        np.where(light, 1.0, 100.0)[:, None, None] * np.eye(3),
        walls,
        NO_JOINTS,
        comm,
        heat_capacity=np.where(light, 2.0, 5.0),
    )
    warm = np.where(low, 1.0, 0.0)
    start = random.uniform(size=mesh.num_dofs)
    stepper = HeatStepper(equation, lambda time: (heat * (time < 0.1), warm), start)
    entered = float(heat @ mesh.dof_weights)
    energies = [stepper.energy]
    for size in (1e-6, 1e-3, 1.0, 1e6):
        step = stepper.attempt(
            size,
            lambda _, flux, time: entered * (time < 0.1) - equation.outflow(flux).sum(),
        )
        stepper.accept(step)
        energies.append(stepper.energy)
        gained = size * float(np.dot(WEIGHTS, step.measured))
        scale = max(np.abs(energies).max(), size * entered)
        assert abs(energies[-1] - energies[-2] - gained) < 1e-13 * scale
    # And what is left is the steady state, but for round-off of the account times 1e6.
    steady = equation.steady(0.0 * heat, warm)
    np.testing.assert_allclose(stepper.temperature, steady, rtol=0.0, atol=1e-7)


def test_adaptive_steps_keep_the_error_and_grow(grid):
    """A slab cools from a uniform state: Fourier's series, sum 4/(n pi) sin(n pi x) exp(-...)."""
    mesh = sweep_mesh_of(grid(1, 60))
    equation = HeatEquation(mesh, KAPPA, np.full(2, np.inf), heat_capacity=HEAT)
    nothing = np.zeros(mesh.num_dofs), np.zeros(2)
    stepper = HeatStepper(equation, lambda time: nothing, np.ones(mesh.num_dofs))
    steps = list(march(stepper, [0.05], StepControl(size=1e-5, tolerance=1e-4)))
    sizes = [step.size for step in steps if step.accepted]
    assert max(sizes) > 10.0 * sizes[0]
    n = np.arange(1, 40, 2)[:, None]
    x = mesh.points.reshape(-1)
    exact = 4.0 / (n * np.pi) * np.sin(n * np.pi * x) * np.exp(-1.5 * (n * np.pi) ** 2 * 0.05)
    np.testing.assert_allclose(stepper.temperature, exact.sum(axis=0), rtol=0.0, atol=2e-3)


@pytest.mark.parametrize("frequency", [1e-4, 0.5, 20.0])
def test_a_film_with_an_oscillating_wall(grid, frequency):
    """T = sinh(kappa (1 - x)) / sinh(kappa) with kappa^2 = i omega C / K, and its flux."""
    mesh = sweep_mesh_of(grid(1, 100))
    low, _ = ends(mesh)
    equation = HeatEquation(mesh, KAPPA, np.full(2, np.inf), heat_capacity=HEAT)
    warm = np.where(low, 1.0, 0.0)
    found = equation.oscillating(frequency, np.zeros(mesh.num_dofs), warm)
    kappa, x = np.sqrt(1j * OMEGA * frequency * HEAT / 3.0), mesh.points.reshape(-1)
    np.testing.assert_allclose(
        found, np.sinh(kappa * (1.0 - x)) / np.sinh(kappa), rtol=0.0, atol=2e-3
    )
    through = equation.outflow(equation.flux(found, warm))
    assert -through[low][0] == pytest.approx(3.0 * kappa / np.tanh(kappa), rel=2e-3)
    stored = 1j * OMEGA * frequency * complex(equation.dof_capacities @ found)
    assert abs(stored + through.sum()) < 1e-9 * abs(through).max()


def test_a_warmed_periodic_body_floats_but_at_no_frequency(grid):
    """Uniform heat Q in a ring: T = Q / i omega C, in three dimensions as well."""
    mesh = sweep_mesh_of(grid(3, 3, wobble=0.2))
    no_walls = np.zeros(mesh.boundary_dofs.shape[0])
    equation = HeatEquation(mesh, KAPPA, no_walls, heat_capacity=HEAT)
    heat = np.ones(mesh.num_dofs)
    found = equation.oscillating(5.0, heat, no_walls)
    np.testing.assert_allclose(found, 1.0 / (5j * OMEGA * HEAT), rtol=1e-9)
    with pytest.raises(InputError, match="no wall absorbs them"):
        equation.oscillating(0.0, heat, no_walls)


def test_the_ranks_and_a_single_process_agree(comm, grid):
    mesh = sweep_mesh_of(grid(2, 5, wobble=0.3))
    heat = np.random.default_rng(2).uniform(size=mesh.num_dofs)
    walls = np.full(mesh.boundary_dofs.shape[0], 2.0)
    equations = [
        HeatEquation(mesh, KAPPA, walls, comm=ranks, heat_capacity=HEAT)
        for ranks in (comm, MPI.COMM_SELF)
    ]
    given = heat, 0.0 * walls
    steps = [each.implicit(30.0, heat, *given) for each in equations]
    answers = [each.oscillating(0.7, *given) for each in equations]
    np.testing.assert_allclose(*steps, rtol=1e-9)
    np.testing.assert_allclose(*answers, rtol=1e-9)


def test_a_heat_capacity_must_be_positive(grid):
    mesh = sweep_mesh_of(grid(1, 4))
    with pytest.raises(InputError, match="heat capacity of a cell is not positive"):
        HeatEquation(mesh, KAPPA, np.full(2, np.inf), heat_capacity=0.0)
