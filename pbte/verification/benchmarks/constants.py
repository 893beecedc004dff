"""The constants of the cost model (pbte.simulation.cost), measured on this machine."""

from __future__ import annotations

import numpy as np
from mpi4py import MPI

from pbte.core.mode_partition import partition_modes
from pbte.geometry.domain import Domain
from pbte.materials.kernel import FactoredKernel, FullKernel
from pbte.simulation.cost import Network, Speeds
from pbte.transport.collisions import BLOCK, blocks, local_factors
from pbte.verification.benchmarks.bodies import sampled_modes
from pbte.verification.benchmarks.clock import measure
from pbte.verification.benchmarks.machine import multiplication_rate
from pbte.verification.benchmarks.mixing import collide_figures
from pbte.verification.benchmarks.sweeping import sweep_figures

SAMPLED_MODES = 480
NARROW_RANK = 100
COLUMNS = 2048
PRODUCT_SIZE = 1536
COPIED = 8_000_000  # numbers, more than the caches hold
MESSAGE = 1_000_000  # numbers


def measure_speeds(domain: Domain, kernel: FullKernel, *, repeats: int = 3) -> Speeds:
    """Return what one core does in a second, from the sections of the benchmark.

    Args:
        domain: A mesh; whether it fits the cache decides about the sweep.
        kernel: Full matrix of a material.
        repeats: How often to measure each; the best counts.
    """
    sweep = sweep_figures(domain, sampled_modes(kernel.modes, SAMPLED_MODES), repeats=repeats)
    wide = collide_figures(
        kernel, num_columns=COLUMNS, size=PRODUCT_SIZE, repeats=repeats, threads=1
    )
    rate = max(wide.multiplication_rate, multiplication_rate(PRODUCT_SIZE, repeats, threads=1))
    source, copy = np.ones(COPIED), np.empty(COPIED)
    copying = measure(lambda: np.copyto(copy, source), repeats=repeats)
    return Speeds(
        visit=1e-9 * sweep.sweep_ns_per_cell,
        ordering=1e-9 * sweep.ordering_ns_per_cell,
        product_rate=rate,
        wide_share=wide.rate / rate,
        narrow_share=_narrow_rate(kernel, repeats) / rate,
        copy_rate=2.0 * source.nbytes / copying.cpu_min,
    )


def measure_network(comm: MPI.Intracomm) -> Network:
    """Return what messages between these ranks cost: sums of one number and of a million.

    By the clock, because a rank that waits is busy; the least of many, because a rank may be
    waiting for a core. On one rank there are no messages: infinitely fast.

    Note:
        Collective over `comm`.
    """
    if comm.size == 1:
        return Network(latency=0.0, bandwidth=float("inf"))
    small, large = np.ones(1), np.ones(MESSAGE)

    def seconds(numbers: np.ndarray[tuple[int], np.dtype[np.float64]], repeats: int) -> float:
        comm.Allreduce(numbers, numbers.copy())
        spent = measure(
            lambda: comm.Allreduce(numbers, np.empty_like(numbers)),
            repeats=repeats,
            prepare=comm.barrier,
        ).wall_min
        return float(comm.allreduce(spent, op=MPI.MAX))

    steps = 2.0 * np.ceil(np.log2(comm.size))
    latency = seconds(small, 200) / steps
    sent = 2.0 * (comm.size - 1) / comm.size * large.nbytes
    return Network(latency=float(latency), bandwidth=float(comm.size * sent / seconds(large, 7)))


def _narrow_rate(kernel: FullKernel, repeats: int) -> float:
    """Return the rate of products with factors, a block of modes at a time [flop/s]."""
    modes = kernel.modes
    random = np.random.default_rng(1)
    factors = FactoredKernel(
        modes=modes,
        w_in=random.random((modes.num_modes, NARROW_RANK)),
        w_out=random.random((NARROW_RANK, modes.num_modes)),
    )
    mode_partition = partition_modes(modes.num_pairs, modes.num_modes, MPI.COMM_SELF)
    collisions = local_factors(factors, mode_partition)
    moments = random.random((NARROW_RANK, BLOCK))

    def work() -> None:
        collected = np.zeros_like(moments)
        for rows in blocks(modes.num_modes, 512):
            field = collisions.w_in[rows] @ moments
            collected += collisions.w_out[:, rows] @ field

    work()
    flops = 4.0 * NARROW_RANK * modes.num_modes * BLOCK
    return flops / measure(work, repeats=3 * repeats).cpu_min
