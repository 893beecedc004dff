"""The steady state, against a solution of the coupled equations assembled from the form."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg

from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.materials.kernel import full_matrix, rta_kernel, truncated_kernel
from pbte.transport.body import make_body, with_self_scattering
from pbte.transport.drift import UpwindDrift
from pbte.transport.sources import wall_inflow
from pbte.transport.steady.steady import solve_steady

# Small enough for forty orders to come close; a film loses heat through two sides only.
LENGTHS = {1: 15e-9, 2: 30e-9, 3: 50e-9}
WALL = 0.5


def coupled_problem(domain, kernel):
    """Return a problem with an uneven heat source and warm walls."""
    mesh = sweep_mesh_of(domain)
    density = np.random.default_rng(1).uniform(-0.5, 1.0, size=mesh.num_dofs) * 1e17
    inflow = wall_inflow(mesh, domain.walls, {"surface": WALL})
    return make_body(mesh, kernel, density, inflow)


def assembled_drift(domain, problem):
    """Return per mode matrix and right-hand side, and the mass matrix, in the sweep's numbering."""
    drift = UpwindDrift(domain)
    place = drift.dofs.ravel()
    shape = drift.dofs.shape
    matrices, sides = [], []
    generated = problem.source()
    # The mass matrix is the form of a mode that stands still and loses one phonon per second.
    modes = [(np.zeros(3), 1.0, np.zeros(place.size), 0.0)]
    modes += [
        (problem.velocities[i], problem.loss_rates[i], generated[i], WALL)
        for i in range(problem.mode_partition.num_modes)
    ]
    for velocity, loss_rate, source, wall in modes:
        drift.set_mode(velocity, loss_rate, source.reshape(shape), {"surface": wall})
        matrix, side = drift.assemble()
        indptr, indices, values = matrix.getValuesCSR()
        dense = scipy.sparse.csr_matrix((values, indices, indptr)).toarray()
        matrices.append(dense[np.ix_(place, place)])
        sides.append(side.array[place].copy())
        matrix.destroy()
        side.destroy()
    return np.array(matrices[1:]), np.array(sides[1:]), matrices[0]


def solved_densely(drifts, sides, mass, scattering):
    """Return theta of (drift - M x mass) theta = side by one LU of everything."""
    num_modes, num_dofs = sides.shape
    coupled = -np.einsum("mn,ij->minj", scattering, mass)
    index = np.arange(num_modes)
    coupled[index, :, index, :] += drifts
    size = num_modes * num_dofs
    return np.linalg.solve(coupled.reshape(size, size), sides.ravel()).reshape(sides.shape)


def solved_iteratively(drifts, sides, mass, scattering):
    """Return the same by GMRES on theta - L^-1 M theta, with the inverses of all drift blocks."""
    inverses = np.linalg.inv(drifts)
    from_scattering = np.einsum("mij,jk->mik", inverses, mass)

    def apply(vector):
        theta = vector.reshape(sides.shape)
        scattered = np.einsum("mij,mj->mi", from_scattering, scattering @ theta)
        return (theta - scattered).ravel()

    operator = scipy.sparse.linalg.LinearOperator((sides.size, sides.size), matvec=apply)
    start = np.einsum("mij,mj->mi", inverses, sides).ravel()
    solution, failed = scipy.sparse.linalg.gmres(operator, start, rtol=1e-13, restart=200)
    assert failed == 0
    return solution.reshape(sides.shape)


def kernels(silicon, scattering):
    """Return the kernel and its leading part."""
    if scattering == "full":
        return silicon.kernel, truncated_kernel(silicon.kernel, 40)
    kernel = rta_kernel(silicon.modes)
    return kernel, kernel


@pytest.mark.parametrize(
    ("dim", "solver", "scattering"),
    [
        (2, solved_densely, "full"),
        (3, solved_iteratively, "full"),
        (3, solved_iteratively, "rta"),
        (1, solved_iteratively, "full"),
    ],
)
def test_the_steady_state_solves_the_coupled_equations(
    grid, silicon, order_fields, dim, solver, scattering
):
    """All 747 modes at once, drift from the form, scattering from the dense matrix.

    The residual of 1e-11 is amplified by the slowest mode, 1 / (1 - 0.9), and by the range of the
    loss rates; 1e-8 is what is promised to a user.
    """
    kernel, leading = kernels(silicon, scattering)
    domain = grid(dim, 1 if dim > 1 else 3, stretch=(LENGTHS[dim],) * 3)
    problem = coupled_problem(domain, kernel)
    steady = solve_steady(problem, leading, tolerance=1e-11)
    assert steady.report.converged
    direct = solver(*assembled_drift(domain, problem), full_matrix(kernel))
    size = np.abs(direct).max()
    assert np.abs(steady.theta - direct).max() < 1e-8 * size
    total = problem.new_field()
    distances = []
    for order in order_fields(with_self_scattering(problem, 0.2), 40):
        total += order.theta
        distances.append(np.abs(total - direct).max() / size)
    assert distances[40] < 0.02
    assert distances[40] < 0.3 * distances[20] < 0.09 * distances[0]


@pytest.mark.parametrize("rank", [10, 100, 400])
def test_the_steady_state_does_not_depend_on_the_rank_of_the_leading_part(
    body, heat, silicon, rank
):
    problem = heat(body("nanoparticle", diameter=200e-9, size=60e-9), silicon.kernel, sigma=20e-9)
    reference = solve_steady(problem, truncated_kernel(silicon.kernel, 40), tolerance=1e-10)
    other = solve_steady(problem, truncated_kernel(silicon.kernel, rank), tolerance=1e-10)
    assert other.report.converged
    difference = np.abs(other.theta - reference.theta).max()
    assert difference < 1e-7 * np.abs(reference.theta).max()


def test_the_history_of_a_steady_state_is_reported(body, heat, silicon, caplog):
    problem = heat(body("nanoparticle", diameter=50e-9, size=15e-9), silicon.kernel, sigma=5e-9)
    leading = truncated_kernel(silicon.kernel, 40)
    caplog.set_level(logging.INFO, "pbte")
    report = solve_steady(problem, leading, tolerance=1e-6).report
    lines = caplog.messages[:]
    assert report.converged
    assert report.residuals[-1] <= report.tolerance == 1e-6 < report.residuals[-2]
    assert report.iterations == len(report.residuals) == len(lines)
    assert report.sweeps > report.iterations
    assert solve_steady(problem, leading, max_iterations=0).report.sweeps == 1
    assert report.rank == leading.rank
    assert "residual" in lines[0]


def test_a_steady_state_that_was_not_reached_says_so(body, heat, silicon):
    problem = heat(body("nanoparticle", diameter=50e-9, size=15e-9), silicon.kernel, sigma=5e-9)
    report = solve_steady(
        problem, truncated_kernel(silicon.kernel, 40), tolerance=1e-8, max_iterations=2
    ).report
    assert not report.converged
    assert report.iterations == len(report.residuals) == 2
    assert report.residuals[-1] > report.tolerance


def test_a_leading_part_without_the_growing_mode_does_not_converge_and_says_so(body, heat, silicon):
    """At rank one the mode of eigenvalue -1.11 is left to the plain repetition, which it ruins."""
    problem = heat(body("nanoparticle", diameter=200e-9, size=60e-9), silicon.kernel, sigma=20e-9)
    report = solve_steady(problem, rta_kernel(silicon.modes), max_iterations=12).report
    assert not report.converged
    assert report.residuals[-1] > report.residuals[4]
    assert np.isfinite(report.residuals).all()


def test_nothing_happens_without_a_source_and_with_walls_at_the_reference(body, heat, silicon):
    problem = heat(body("nanoparticle", diameter=50e-9, size=15e-9), silicon.kernel)
    steady = solve_steady(problem, truncated_kernel(silicon.kernel, 10))
    assert steady.report.converged
    assert np.abs(steady.theta).max() == 0.0
