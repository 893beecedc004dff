"""The diffusion correction: its matrix, its solver, and the sweeps that it saves."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from mpi4py import MPI

from pbte.core.mode_partition import partition_modes
from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.materials.kernel import truncated_kernel
from pbte.materials.models import gray_crystal
from pbte.transport.body import make_body
from pbte.transport.heat.assembly import interior_facets, vertex_numbers
from pbte.transport.heat.ghosts import replicated_mesh
from pbte.transport.heat.solver import HeatModel, HeatSolver, Layout
from pbte.transport.sources import gaussian, project
from pbte.transport.steady.diffusion_preconditioner import one_term
from pbte.transport.steady.krylov import RecyclingGCR
from pbte.transport.steady.steady import solve_steady


def scaled(mesh, factor):
    """Return the same cells, larger."""
    dim = mesh.dim
    return dataclasses.replace(
        mesh,
        points=mesh.points * factor,
        volumes=mesh.volumes * factor**dim,
        face_normals=mesh.face_normals * factor ** (dim - 1),
        boundary_normals=mesh.boundary_normals * factor ** (dim - 1),
    )


def sweeps(mesh, kernel, leading, *, comm=MPI.COMM_SELF, **options):
    """Return the report for a body heated in its middle."""
    size = np.ptp(mesh.points.reshape(-1, mesh.dim), axis=0).max()
    centre = mesh.points.reshape(-1, mesh.dim).mean(axis=0)
    heat = project(mesh, gaussian(centre, size / 5.0)) * 1e17
    modes = kernel.modes
    mode_partition = partition_modes(modes.num_pairs, modes.num_modes, comm)
    problem = make_body(
        mesh, kernel, heat, np.zeros(mesh.boundary_dofs.size), mode_partition=mode_partition
    )
    report = solve_steady(problem, leading, **options).report
    assert report.converged
    return report


@pytest.mark.parametrize("jump", [0.0, 1.0, 1e4])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_the_iterations_depend_neither_on_the_mesh_nor_on_the_penalty(comm, grid, dim, jump):
    for n in (3, 6):
        mesh = sweep_mesh_of(grid(dim, n, wobble=0.2))
        contacts = interior_facets(mesh)
        layout = Layout(comm, replicated_mesh(mesh, contacts, comm), comm.rank)
        model = HeatModel(
            conductivity=np.broadcast_to(np.eye(dim), (mesh.num_cells, dim, dim)),
            reaction=np.zeros(mesh.num_cells),
            contacts=contacts,
            jumps=np.full(contacts.areas.size, jump),
            passages=contacts.select(np.zeros(0, dtype=np.int64)),
            conductances=np.zeros(0),
            walls=np.ones(mesh.boundary_dofs.shape[0]),
        )
        solver = HeatSolver(layout, model, 1e-10)
        solver.solve(layout.mass(np.random.default_rng(n).normal(size=layout.num_rows)))
        assert solver.iterations < 35


def test_cells_hang_together_at_as_many_vertices_as_the_mesh_has(grid):
    mesh = sweep_mesh_of(grid(3, 3))
    assert vertex_numbers(mesh, interior_facets(mesh)).max() + 1 == 4**3


def test_one_term_reproduces_a_heat_equation_with_loss():
    wave, weight, shift = 2.0, 5.0, 3.0
    values = [weight / (k**2 + shift) for k in (wave, 2.0 * wave)]
    assert np.allclose(one_term(wave, *values), (weight, shift))
    assert np.allclose(one_term(wave, 5.0 / 4.0, 5.0 / 16.0), (5.0, 0.0))


@pytest.mark.parametrize("knudsen", [100.0, 10.0, 1.0, 0.1, 0.03, 0.01, 1e-3, 1e-4])
def test_a_gray_body_takes_at_most_fifteen_sweeps(comm, body, grid, knudsen):
    """Film and sphere; a relative residual of 1e-8, first and last sweep counted."""
    crystal = gray_crystal(speed=1e3, relaxation_time=1e-10, heat_capacity=1e6)
    length = 1e-7 / knudsen
    film = scaled(sweep_mesh_of(grid(1, 40)), length)
    sphere = scaled(sweep_mesh_of(body("nanoparticle", diameter=1e-7, size=2e-8)), length / 1e-7)
    for mesh in (film, sphere):
        assert sweeps(mesh, crystal.kernel, crystal.kernel, comm=comm).sweeps <= 15


def test_the_sweeps_do_not_depend_on_the_mesh(grid):
    """A gray square of 30 mean free paths, 4 to 32 cells across: within 20 % of the mean, or 1."""
    crystal = gray_crystal(speed=1e3, relaxation_time=1e-10, heat_capacity=1e6)
    counts = [
        sweeps(scaled(sweep_mesh_of(grid(2, n)), 3e-6), crystal.kernel, crystal.kernel).sweeps
        for n in (8, 16, 32)
    ]
    assert max(counts) - min(counts) <= max(2.0, 0.4 * np.mean(counts))


def test_the_correction_saves_sweeps_and_changes_nothing_else(grid):
    crystal = gray_crystal(speed=1e3, relaxation_time=1e-10, heat_capacity=1e6)
    mesh = scaled(sweep_mesh_of(grid(1, 40)), 1e-5)
    with_it = sweeps(mesh, crystal.kernel, crystal.kernel)
    without = sweeps(mesh, crystal.kernel, crystal.kernel, precondition=False)
    assert with_it.sweeps <= 15 < 40 < without.sweeps


@pytest.mark.parametrize("length", [1e-8, 1e-7, 1e-6, 1e-5, 1e-4])
def test_the_full_matrix_takes_few_sweeps_in_a_film(grid, silicon, length):
    """Most, 32, where the film is a few mean free paths thick."""
    mesh = scaled(sweep_mesh_of(grid(1, 20)), length)
    assert sweeps(mesh, silicon.kernel, truncated_kernel(silicon.kernel, 100)).sweeps <= 32


def test_a_second_right_hand_side_starts_from_the_directions_of_the_first():
    random = np.random.default_rng(0)
    matrix = np.eye(30) + 0.2 * random.normal(size=(30, 30)) / np.sqrt(30)
    applied = []

    def apply(x):
        applied.append(x)
        return matrix @ x

    krylov = RecyclingGCR(MPI.COMM_SELF, apply, np.copy, np.copy, 30)
    first = random.normal(size=30)
    solution, residual = krylov.solve(first, 1e-10, 40)
    assert np.allclose(matrix @ solution, first, atol=1e-9)
    assert np.allclose(first - matrix @ solution, residual, atol=1e-9)
    count = len(applied)
    again, _ = krylov.solve(matrix @ matrix @ first, 1e-6, 40)
    assert np.allclose(again, matrix @ first, atol=1e-5)
    assert len(applied) - count <= 2
