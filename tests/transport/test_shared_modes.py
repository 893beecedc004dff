"""Modes over ranks: the same numbers however many ranks share them.

Under mpirun these tests compare all ranks with each rank alone; `test_ranks_without_modes` starts
more ranks than there are pairs of modes.
"""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

import pbte.transport.body as problem_module
import pbte.transport.collisions as collisions_module
from pbte.core.errors import RunError
from pbte.core.mode_partition import partition_modes
from pbte.materials.kernel import FactoredKernel, rta_kernel, truncated_kernel
from pbte.materials.models import gray_crystal
from pbte.observables.moments import FieldTally, frequency_bins
from pbte.transport.body import collide, stream, with_self_scattering
from pbte.transport.orders import scattering_orders
from pbte.transport.steady.eigenvalues import SpectralEstimator
from pbte.transport.steady.steady import solve_steady

# Sums over modes are taken in another sequence: round-off, amplified by the slowest mode.
SAME = 1e-10


def same_on_all(kernel: FactoredKernel) -> FactoredKernel:
    """Return the factors of the first rank: eigenvectors are defined up to sign and rotation."""
    w_in, w_out = MPI.COMM_WORLD.bcast((kernel.w_in, kernel.w_out))
    return FactoredKernel(modes=kernel.modes, w_in=w_in, w_out=w_out)


def all_observables(domain, problem, leading):
    """Return every number that a run reports, orders first, as a list of arrays."""
    edges = frequency_bins(problem.modes.frequencies, 12)
    split = with_self_scattering(problem, 0.1)
    tally = FieldTally(system=split, walls=domain.walls, frequency_edges=edges)
    estimator = SpectralEstimator(split, leading)
    found = []
    for order in scattering_orders(split, 11, estimator, tally):
        estimator.next_order()
        found.append(tally.snapshot(order.deposited, scatters=True))
    steady = solve_steady(problem, leading, tolerance=1e-10)
    tally = FieldTally(system=problem, walls=domain.walls, frequency_edges=edges)
    found.append(
        tally.observe(steady.theta, problem.heat_power, scatters=False, inflow=problem.inflow)
    )
    numbers = []
    for snapshot in found:
        balance = snapshot.balance
        numbers += [snapshot.temperature, snapshot.heat_flux, snapshot.outgoing_current]
        numbers += list(snapshot.outgoing_spectrum.values())
        numbers.append(
            np.array([balance.deposited, balance.scattered_power, *balance.absorbed.values()])
        )
    return numbers, estimator.estimate(), steady.report


def assert_same(domain, heat, kernel, leading, comm):
    together = heat(domain, kernel, sigma=20e-9, wall=0.1, comm=comm)
    alone = heat(domain, kernel, sigma=20e-9, wall=0.1)
    shared, estimate, report = all_observables(domain, together, leading)
    single, own_estimate, own_report = all_observables(domain, alone, leading)
    for a, b in zip(shared, single, strict=True):
        np.testing.assert_allclose(a, b, rtol=0.0, atol=SAME * np.abs(b).max())
    assert estimate.dominant == pytest.approx(own_estimate.dominant, abs=SAME)
    # The weakest direction kept is 1e-9 of the strongest, its eigenvalue good to 1e-7 only.
    weakest = SAME if estimate.most_negative < -0.5 else 1e-7
    assert estimate.most_negative == pytest.approx(own_estimate.most_negative, abs=weakest)
    assert report.converged and own_report.converged
    assert report.iterations == own_report.iterations
    # Every rank holds the same numbers, not only the right ones.
    for a in shared:
        np.testing.assert_array_equal(a, comm.bcast(a))


def test_sharing_the_modes_of_silicon_changes_nothing(body, heat, silicon, comm):
    domain = body("nanoparticle", diameter=200e-9, size=60e-9)
    leading = same_on_all(truncated_kernel(silicon.kernel, 40))
    assert_same(domain, heat, silicon.kernel, leading, comm)


def test_blocks_of_columns_are_the_same_on_all_ranks(body, heat, silicon, comm, monkeypatch):
    """Ranks differ in their number of modes and still mix the same columns at a time."""
    monkeypatch.setattr(problem_module, "BLOCK", 8)
    monkeypatch.setattr(collisions_module, "BLOCK", 8)
    domain = body("nanoparticle", diameter=200e-9, size=80e-9)
    together = with_self_scattering(heat(domain, silicon.kernel, sigma=40e-9, comm=comm), 0.1)
    alone = with_self_scattering(heat(domain, silicon.kernel, sigma=40e-9), 0.1)
    shared, single = together.source(), alone.source()
    assert shared.shape[1] > 4 * 8 and shared.shape[1] % 32 != 0
    for problem, field in ((together, shared), (alone, single)):
        stream(problem, field)
        collide(problem, field)
    mine = single[together.mode_partition.indices]
    np.testing.assert_allclose(shared, mine, rtol=0.0, atol=SAME * np.abs(single).max())


def test_ranks_that_mix_different_columns_are_stopped(body, heat, silicon, comm):
    if comm.size == 1:
        pytest.skip("needs more than one rank")
    domain = body("nanoparticle", diameter=200e-9, size=80e-9)
    problem = heat(domain, silicon.kernel, sigma=40e-9, comm=comm)
    field = problem.source()[:, : 8 + comm.rank]
    with pytest.raises(RunError, match="the numbers must be equal"):
        problem.collisions.mix(field, field)


def test_sharing_relaxation_times_changes_nothing(body, heat, silicon, comm):
    domain = body("nanoparticle", diameter=200e-9, size=60e-9)
    kernel = rta_kernel(silicon.modes)
    assert_same(domain, heat, kernel, kernel, comm)


def test_few_modes_may_be_shared_unevenly(body, heat, comm):
    """Four pairs over any number of ranks: some have one more, or none at all."""
    domain = body("nanoparticle", diameter=200e-9, size=60e-9)
    kernel = gray_crystal(
        speed=5000.0, relaxation_time=2e-11, heat_capacity=1.6e6, polar=2, azimuthal=4
    ).kernel
    assert_same(domain, heat, kernel, kernel, comm)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_every_mode_belongs_to_one_rank_and_pairs_stay_together(size, silicon):
    modes = silicon.modes

    class Rank:
        def __init__(self, rank):
            self.rank, self.size = rank, size

    shares = [partition_modes(modes.num_pairs, modes.num_modes, Rank(r)) for r in range(size)]
    everything = np.concatenate([mode_partition.indices for mode_partition in shares])
    np.testing.assert_array_equal(np.sort(everything), np.arange(modes.num_modes))
    for mode_partition in shares:
        mine, half = mode_partition.indices, mode_partition.num_pairs
        assert len(mine) == mode_partition.num_modes
        np.testing.assert_array_equal(modes.partners[mine[:half]], mine[half : 2 * half])
        np.testing.assert_array_equal(modes.partners[mine[2 * half :]], mine[2 * half :])
    # Each end of a range is within half a pair of the even share.
    assert np.ptp([mode_partition.num_modes for mode_partition in shares]) <= 4


@pytest.mark.serial
def test_ranks_without_modes(mpirun):
    """Five ranks, four pairs of modes: one has nothing to sweep and still takes part."""
    here = f"{__file__}::test_few_modes_may_be_shared_unevenly"
    done = mpirun(5, "-m", "pytest", "-q", "-p", "no:cacheprovider", here)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
