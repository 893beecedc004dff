"""Steady states through interfaces: of several bodies at once."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from film_systems import film_of_layers
from mpi4py import MPI

from pbte.interfaces.amm import AcousticMismatch
from pbte.interfaces.dmm import DiffuseMismatch
from pbte.interfaces.perfect import PerfectInterface
from pbte.materials.kernel import rta_kernel, truncated_kernel
from pbte.materials.models import gray_crystal
from pbte.materials.storage import read_material
from pbte.observables.moments import FieldTally, frequency_bins
from pbte.transport.boundary import Side, make_surface
from pbte.transport.orders import scattering_orders
from pbte.transport.steady.steady import moment_system, solve_steady
from pbte.transport.system import split_system

WALLS = {"left": 1, "right": 2, "interface": 10}


def gray(speed=3000.0, time=2e-11, heat=1.6e6):
    return gray_crystal(
        speed=speed, relaxation_time=time, heat_capacity=heat, polar=8, azimuthal=4
    ).kernel


def layers(lengths, cells=6):
    ends = np.cumsum([0.0, *lengths])
    return [np.linspace(a, b, cells + 1) for a, b in pairwise(ends)]


class Once:
    """A model whose matrix, the same at all interfaces of a stack, is made once."""

    def __init__(self, model):
        self.model, self.known = model, {}

    def flux_matrix(self, first, second, normal):
        key = first.name, second.name, tuple(normal)
        if key not in self.known:
            self.known[key] = self.model.flux_matrix(first, second, normal)
        return self.known[key]


MISMATCHES = [Once(DiffuseMismatch()), Once(AcousticMismatch())]


def snapshot_of(system, kernels, *, tolerance=1e-10, **options):
    """Return temperature, flux and report of the steady state."""
    steady = solve_steady(system, *kernels, tolerance=tolerance, **options)
    assert steady.report.converged, steady.report.residuals
    highest = max(body.modes.frequencies.max() for body in system.bodies)
    edges = frequency_bins(np.array([highest]), 4)
    tally = FieldTally(system=system, walls=WALLS, frequency_edges=edges)
    for block in steady.streamed_blocks():
        tally.accumulate(block)
    return tally.snapshot(system.heat_power, scatters=False), steady.report


@pytest.mark.parametrize("length", [1e-8, 1e-6, 1e-4])
def test_a_perfect_interface_changes_nothing(comm, length):
    """Temperature and flux of two halves equal those of the whole, at any Knudsen number.

    In a body of L/l mean free paths round-off of the emission counts (L/l)^2 times.
    """
    kernel = gray()
    whole = film_of_layers(layers([2 * length], 12), [kernel], [], walls=(1.0, -1.0), comm=comm)
    halves = film_of_layers(
        layers([length, length]),
        [kernel, kernel],
        [PerfectInterface()],
        walls=(1.0, -1.0),
        comm=comm,
    )
    one, _ = snapshot_of(whole, [kernel], tolerance=1e-13)
    two, _ = snapshot_of(halves, [kernel, kernel], tolerance=1e-13)
    close = 1e-12 * max(1.0, (length / 6e-8) ** 2 / 1e3)
    np.testing.assert_allclose(two.temperature, one.temperature, rtol=0.0, atol=close)
    scale = np.abs(one.heat_flux[..., 0]).max()
    np.testing.assert_allclose(
        two.heat_flux, one.heat_flux, rtol=0.0, atol=close * scale * max(1.0, length / 6e-8)
    )


@pytest.mark.parametrize("length", [1e-8, 1e-7, 1e-6, 1e-5, 1e-4])
def test_the_sweeps_through_a_mismatched_interface_stay_few(comm, length):
    """Two different gray crystals: from ballistic to thick in at most 20 sweeps to 1e-8."""
    kernels = [gray(), gray(speed=1800.0, time=4e-11, heat=1.1e6)]
    system = film_of_layers(
        layers([length, 0.7 * length]), kernels, [DiffuseMismatch()], walls=(1.0, -1.0), comm=comm
    )
    snapshot, report = snapshot_of(system, kernels, tolerance=1e-8)
    absorbed = snapshot.balance.absorbed
    assert absorbed["left"] == pytest.approx(-absorbed["right"], rel=1e-6)
    assert report.sweeps <= 20


@pytest.fixture(scope="module")
def crystals(silicon):
    """Return silicon and germanium with full matrices, and their leading parts of rank 100."""
    kernels = [silicon.kernel, read_material("Ge-5").kernel]
    leading = [truncated_kernel(kernel, 100) for kernel in kernels]
    for number, kernel in enumerate(leading):
        w_in, w_out = MPI.COMM_WORLD.bcast((kernel.w_in, kernel.w_out))
        leading[number] = replace(kernel, w_in=w_in, w_out=w_out)
    return kernels, leading


@pytest.mark.parametrize("model", MISMATCHES, ids=["dmm", "amm"])
@pytest.mark.parametrize("length", [1e-8, 1e-7, 1e-5])
def test_the_sweeps_through_ten_layers_stay_few(comm, crystals, model, length):
    """Layers of silicon and germanium, full matrices: at most 40 sweeps to 1e-8.

    Through layers of 10 nm whose interfaces are mirrors for most modes, too.
    """
    kernels, leading = crystals
    system = film_of_layers(
        layers([length] * 10, 4), kernels * 5, [model] * 9, walls=(1.0, -1.0), comm=comm
    )
    _, report = snapshot_of(system, leading * 5, tolerance=1e-8)
    assert report.sweeps <= 40


@pytest.mark.parametrize("model", MISMATCHES, ids=["dmm", "amm"])
@pytest.mark.parametrize("length", [2e-8, 2e-7, 1e-6])
def test_the_sweeps_through_a_period_of_a_superlattice_stay_few(comm, crystals, model, length):
    """Silicon | germanium | silicon, warmer by 1 K where it begins anew: at most 40 to 1e-8."""
    (si, ge), (leading_si, leading_ge) = crystals
    system = film_of_layers(
        layers([length / 4, length / 2, length / 4], 4), [si, ge, si], [model] * 2, comm=comm
    )
    ends = []
    for number, facet in ((2, 1), (0, 0)):
        body = system.bodies[number]
        dofs, boundary_dofs = body.mesh.boundary_dofs[facet : facet + 1], np.array([[facet]])
        ends.append(
            Side(
                body=number,
                mode_partition=body.mode_partition,
                dofs=dofs,
                boundary_dofs=boundary_dofs,
            )
        )
    again = make_surface(
        "again",
        ends,
        np.array([[1.0]]),
        lambda normal: PerfectInterface().flux_matrix(si.modes, si.modes, normal),
        jumps=(1.0, -1.0),
    )
    system = replace(system, interfaces=(*system.interfaces, again))
    report = solve_steady(system, leading_si, leading_ge, leading_si).report
    assert report.converged
    assert report.sweeps <= 40


def test_no_krylov_vector_is_longer_than_moments_and_inflow(comm):
    """Whatever the number of modes: one moment per node here, and the bins of the interface."""
    kernels = [gray(), gray(speed=1800.0, time=4e-11, heat=1.1e6)]
    system = film_of_layers(
        layers([1e-7, 2e-7]), kernels, [DiffuseMismatch()], walls=(1.0, 0.0), comm=comm
    )
    moments = moment_system(system, *kernels)
    solve_steady(system, *kernels, moments=moments)
    num_dofs = sum(body.mesh.num_dofs for body in system.bodies)
    assert moments.krylov.directions
    for vector in (*moments.krylov.directions, *moments.krylov.images):
        assert comm.allreduce(vector.size) == num_dofs + system.interfaces[0].num_bins


def test_nothing_flows_between_walls_of_one_temperature(comm):
    kernels = [gray(), gray(speed=1800.0, time=4e-11, heat=1.1e6)]
    system = film_of_layers(
        layers([1e-7, 2e-7]), kernels, [DiffuseMismatch()], walls=(0.5, 0.5), comm=comm
    )
    snapshot, _ = snapshot_of(system, kernels, tolerance=1e-13)
    np.testing.assert_allclose(snapshot.temperature, 0.5, atol=1e-12)
    scale = sum(body.heat_capacities @ np.abs(body.velocities[:, 0]) for body in system.bodies)
    np.testing.assert_allclose(snapshot.heat_flux, 0.0, atol=1e-12 * comm.allreduce(scale))


def test_swapping_hot_and_cold_swaps_the_flux(comm):
    """Reciprocity of the device, full matrices of two crystals and DMM."""
    kernels = [gray(), gray(speed=1800.0, time=4e-11, heat=1.1e6)]
    fluxes = []
    for walls in ((1.0, -1.0), (-1.0, 1.0)):
        system = film_of_layers(
            layers([1e-7, 2e-7]), kernels, [DiffuseMismatch()], walls=walls, comm=comm
        )
        fluxes.append(snapshot_of(system, kernels, tolerance=1e-13)[0].heat_flux[..., 0])
    np.testing.assert_allclose(fluxes[0], -fluxes[1], atol=1e-11 * np.abs(fluxes[0]).max())


def test_orders_of_two_crystals_add_up_to_their_steady_state(comm, silicon):
    """A full matrix beside relaxation times, heated; the orders approach the steady state."""
    kernels = [silicon.kernel, rta_kernel(silicon.modes)]
    leading = [truncated_kernel(silicon.kernel, 40), kernels[1]]
    w_in, w_out = comm.bcast((leading[0].w_in, leading[0].w_out))
    leading[0] = replace(leading[0], w_in=w_in, w_out=w_out)
    system = film_of_layers(
        layers([8e-9, 8e-9], 3), kernels, [PerfectInterface()], heat=1e17, comm=comm
    )
    steady, _ = snapshot_of(system, leading, tolerance=1e-10)
    split = split_system(system, 0.2)
    edges = frequency_bins(silicon.modes.frequencies, 4)
    tally = FieldTally(system=split, walls=WALLS, frequency_edges=edges)
    total = 0.0
    for order in scattering_orders(split, 60, tally):
        snapshot = tally.snapshot(order.deposited, scatters=True)
        assert abs(snapshot.balance.imbalance) < 1e-12
        total = total + snapshot.temperature
    size = np.abs(steady.temperature).max()
    assert np.abs(total - steady.temperature).max() < 1e-3 * size
