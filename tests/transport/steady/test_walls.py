"""Steady states between walls that send phonons back, and through periodic walls."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from mpi4py import MPI

from pbte.core.mode_partition import partition_modes
from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.interfaces.diffuse import DiffuseWall
from pbte.interfaces.perfect import PerfectInterface
from pbte.interfaces.specular import SpecularWall
from pbte.materials.conductivity import bulk_conductivity
from pbte.materials.kernel import rta_kernel, truncated_kernel
from pbte.materials.models import gray_crystal
from pbte.observables.moments import FieldTally, frequency_bins
from pbte.transport.body import make_body
from pbte.transport.boundary import make_surface, wall_side, wall_surface
from pbte.transport.sources import wall_inflow
from pbte.transport.steady.steady import solve_steady


def interval(body, thickness, cells):
    return body("film", thickness=thickness, size=thickness / cells)


def periodic_problem(domain, kernel, drop, comm):
    """A stretch of an endless crystal: what leaves on the right enters on the left, warmer."""
    mesh, modes = sweep_mesh_of(domain), kernel.modes
    mode_partition = partition_modes(modes.num_pairs, modes.num_modes, comm)
    sides = [wall_side(mesh, domain.walls[name], mode_partition) for name in ("left", "right")]
    normals = mesh.boundary_normals[mesh.boundary_walls == domain.walls["left"]]
    condition = PerfectInterface()
    surface = make_surface(
        "left-right",
        sides,
        normals,
        lambda normal: condition.flux_matrix(modes, modes, normal),
        jumps=(drop, -drop),
    )
    nothing = np.zeros(mesh.num_dofs), np.zeros(mesh.boundary_dofs.size)
    return make_body(mesh, kernel, *nothing, mode_partition=mode_partition, surfaces=(surface,))


def observed(domain, problem, kernel, tolerance):
    steady = solve_steady(problem, kernel, tolerance=tolerance)
    assert steady.report.converged
    edges = frequency_bins(problem.modes.frequencies, 5)
    tally = FieldTally(system=problem, walls=domain.walls, frequency_edges=edges)
    for block in steady.streamed_blocks():
        tally.accumulate(block)
    return tally.snapshot(problem.heat_power, scatters=False), steady.report


@pytest.mark.parametrize("scattering", ["rta", "full"])
@pytest.mark.parametrize("length", [100e-9, 10e-6])
def test_a_periodic_crystal_has_the_conductivity_of_the_bulk(
    body, silicon, comm, scattering, length
):
    """q L / drop = kappa of the direct solution of the same matrix, to 1e-8, at any length."""
    domain = interval(body, length, 4)
    kernel = rta_kernel(silicon.modes) if scattering == "rta" else silicon.kernel
    leading = kernel if scattering == "rta" else truncated_kernel(silicon.kernel, 40)
    if scattering == "full":
        w_in, w_out = comm.bcast((leading.w_in, leading.w_out))
        leading = type(leading)(modes=leading.modes, w_in=w_in, w_out=w_out)
    problem = periodic_problem(domain, kernel, 1.0, comm)
    snapshot, _ = observed(domain, problem, leading, 1e-11)
    expected = bulk_conductivity(kernel)[0, 0]
    np.testing.assert_allclose(snapshot.heat_flux[..., 0] * length, expected, rtol=1e-8)


def test_a_film_between_a_mirror_and_a_black_wall_is_half_of_one_between_black_walls(body, comm):
    """A plane of symmetry in the middle of a heated film changes nothing."""
    kernel = gray_crystal(
        speed=3000.0, relaxation_time=2e-11, heat_capacity=1.6e6, polar=8, azimuthal=4
    ).kernel
    modes = kernel.modes
    # The film normal to x; the directions of this rule have mirror images in x.
    mode_partition = partition_modes(modes.num_pairs, modes.num_modes, comm)
    whole, half = interval(body, 200e-9, 40), interval(body, 100e-9, 20)
    snapshots = []
    for domain in (whole, half):
        mesh = sweep_mesh_of(domain)
        surfaces = ()
        if domain is half:
            tag = domain.walls["right"]
            surfaces = (wall_surface("right", mesh, tag, modes, mode_partition, SpecularWall()),)
        problem = make_body(
            mesh,
            kernel,
            np.full(mesh.num_dofs, 1e15),
            np.zeros(mesh.boundary_dofs.size),
            mode_partition=mode_partition,
            surfaces=surfaces,
        )
        snapshots.append(observed(domain, problem, kernel, 1e-12)[0])
    left = sweep_mesh_of(whole).points.mean(axis=1)[:, 0] < 100e-9
    order_whole = np.argsort(sweep_mesh_of(whole).points.mean(axis=1)[left, 0])
    order_half = np.argsort(sweep_mesh_of(half).points.mean(axis=1)[:, 0])
    first = snapshots[0].temperature[left][order_whole].mean(axis=1)
    second = snapshots[1].temperature[order_half].mean(axis=1)
    np.testing.assert_allclose(second, first, rtol=1e-9)


@pytest.mark.parametrize("elastic", [True, False])
def test_heat_in_is_heat_out_past_diffuse_sides(body, heat, silicon, comm, elastic):
    """A hot left end, a cold right end, rough sides: what enters left leaves right."""
    domain = body("film", thickness=40e-9, width=20e-9, size=15e-9, dim=3)
    kernel = rta_kernel(silicon.modes)
    mesh = sweep_mesh_of(domain)
    mode_partition = partition_modes(silicon.modes.num_pairs, silicon.modes.num_modes, comm)
    inflow = wall_inflow(mesh, domain.walls, {"left": 1.0, "right": -1.0, "sides": 0.0})
    condition = DiffuseWall(elastic=elastic)
    surface = wall_surface(
        "sides", mesh, domain.walls["sides"], silicon.modes, mode_partition, condition
    )
    problem = make_body(
        mesh,
        kernel,
        np.zeros(mesh.num_dofs),
        inflow,
        mode_partition=mode_partition,
        surfaces=(surface,),
    )
    snapshot, _ = observed(domain, problem, kernel, 1e-11)
    absorbed = snapshot.balance.absorbed
    assert absorbed["right"] > 0.0
    assert absorbed["left"] == pytest.approx(-absorbed["right"], rel=1e-9)
    assert abs(absorbed["sides"]) < 1e-9 * absorbed["right"]
    black = replace(problem, surfaces=())
    assert observed(domain, black, kernel, 1e-9)[0].balance.absorbed["right"] != pytest.approx(
        absorbed["right"], rel=1e-3
    )
    alone = replace(problem) if comm.size == 1 else None
    if alone is None:
        own = partition_modes(silicon.modes.num_pairs, silicon.modes.num_modes, MPI.COMM_SELF)
        single = make_body(
            mesh,
            kernel,
            np.zeros(mesh.num_dofs),
            inflow,
            mode_partition=own,
            surfaces=(
                wall_surface("sides", mesh, domain.walls["sides"], silicon.modes, own, condition),
            ),
        )
        other = observed(domain, single, kernel, 1e-11)[0]
        np.testing.assert_allclose(snapshot.temperature, other.temperature, rtol=0, atol=1e-9)
