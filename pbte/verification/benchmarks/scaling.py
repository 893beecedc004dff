"""Strong scaling over the phonon modes: all ranks against the first alone, in the same run."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NamedTuple

from mpi4py import MPI

from pbte.core.mode_partition import partition_modes
from pbte.geometry.domain import Domain
from pbte.materials.kernel import CollisionKernel
from pbte.transport.body import Body, collide, stream
from pbte.verification.benchmarks.bodies import heated_body
from pbte.verification.benchmarks.clock import Timing, clocked, timing
from pbte.verification.benchmarks.mixing import scattering_name

_NAP = 0.002


@dataclass(frozen=True, kw_only=True)
class ScalingFigures:
    """Scattering orders on one rank and on all, same mesh and modes.

    Alone and together take turns, so that a machine that is shared with others treats both alike.
    Where others use the cores that the ranks need, the clock measures them; processor time then
    is closer to the truth, because a rank that waits for another is busy and its wait counts.

    Attributes:
        material: Material.
        scattering: "full", or "rank k".
        num_modes: Modes.
        num_cells: Cells.
        num_ranks: Ranks.
        threads: Threads of each rank, alone as well.
        alone: One order on the first rank while the others sleep.
        together: One order on all ranks, the slowest counts.
        collide_alone: The mixing in it, alone.
        collide_together: The mixing in it, together.
        speedup: Least time alone over least time together, by the clock [-].
        processor_speedup: The same by processor time, of the busiest rank [-].
        efficiency: Speed-up by the clock over the number of ranks [-].
    """

    material: str
    scattering: str
    num_modes: int
    num_cells: int
    num_ranks: int
    threads: int
    alone: Timing
    together: Timing
    collide_alone: Timing
    collide_together: Timing
    speedup: float
    processor_speedup: float
    efficiency: float


def scaling_figures(
    domain: Domain, kernel: CollisionKernel, comm: MPI.Intracomm, *, repeats: int, threads: int
) -> ScalingFigures:
    """Return the strong scaling from one rank to all. Collective over `comm`.

    Args:
        domain: The mesh, the same on every rank.
        kernel: How the modes scatter.
        comm: The ranks.
        repeats: Number of orders, alone and together.
        threads: Threads of each rank.
    """
    modes = kernel.modes
    mode_partition = partition_modes(modes.num_pairs, modes.num_modes, comm)
    together_on = heated_body(domain, kernel, mode_partition)
    alone_on = heated_body(domain, kernel) if comm.rank == 0 else None
    alone, together = [], []
    for _ in range(repeats + 1):
        if alone_on is not None:
            alone.append(_one_order(alone_on))
        rest_until_all_arrive(comm)
        spent = _one_order(together_on)
        together.append(_Spent(*(comm.allreduce(seconds, op=MPI.MAX) for seconds in spent)))
    # The first repeat compiles and touches the memory for the first time.
    alone, together = comm.bcast(alone)[1:], together[1:]
    order_alone, order_together = _order_timing(alone), _order_timing(together)
    speedup = order_alone.wall_min / order_together.wall_min
    return ScalingFigures(
        material=modes.name,
        scattering=scattering_name(kernel),
        num_modes=modes.num_modes,
        num_cells=together_on.mesh.num_cells,
        num_ranks=comm.size,
        threads=threads,
        alone=order_alone,
        together=order_together,
        collide_alone=timing([(spent.collide_cpu, spent.collide_wall) for spent in alone]),
        collide_together=timing([(spent.collide_cpu, spent.collide_wall) for spent in together]),
        speedup=speedup,
        processor_speedup=order_alone.cpu_min / order_together.cpu_min,
        efficiency=speedup / comm.size,
    )


def rest_until_all_arrive(comm: MPI.Intracomm) -> None:
    """Wait for the other ranks without keeping a core busy, as a barrier would. Collective."""
    request = comm.Ibarrier()
    while not request.Test():
        time.sleep(_NAP)


class _Spent(NamedTuple):
    """Processor and wall time of an order and of the mixing in it [s]."""

    cpu: float
    wall: float
    collide_cpu: float
    collide_wall: float


def _one_order(body: Body) -> _Spent:
    """Do the work of one order. Collective over the ranks that share the modes."""
    field = body.source()
    body.mode_partition.comm.barrier()
    mixing = clocked(lambda: collide(body, field))
    drift = clocked(lambda: stream(body, field, walls=False))
    return _Spent(mixing[0] + drift[0], mixing[1] + drift[1], *mixing)


def _order_timing(spent: list[_Spent]) -> Timing:
    return timing([(order.cpu, order.wall) for order in spent])
