"""Model of the run time of a case on this or any other machine, before it is run.

The ranks form a grid of mode groups and parts of space (`RankLayout`). One scattering order is

    drift       every mode visits every cell: cells x modes x `visit` over the ranks; between parts
                of space blocks of modes wait for messages (pbte.transport.sweep.pipeline)
    mixing      2 flops per entry of the matrix and column, at the share of dgemm that is reached
    reduction   factored kernels: one Allreduce of rank x dofs over the mode groups;
                full matrix: every rank gathers the parity parts of all modes, 1024 columns a time

Constants are measured (`Speeds`; `pbte.verification.benchmarks.constants` measures this machine) or
those of a network (`Network`). Stages, cut facets and messages of a mesh in parts follow laws
fitted to spheres of 2 500 to 111 000 tetrahedra in 2 to 1000 parts by recursive bisection: the
stages grow with the cells along the body, N^(1/3), much more than with the number of parts, because
the cut between two parts is jagged and a mode crosses it back and forth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pbte.simulation.memory import (
    BLOCKS_IN_FLIGHT,
    KRYLOV_VECTORS,
    MIX_COLUMNS,
    MOMENTS_OF_ESTIMATE,
    TASK_VISITS,
    Job,
    RankLayout,
    memory_per_rank,
    num_cut_facets,
)

MOMENTS_OBSERVED = 5


@dataclass(frozen=True, kw_only=True)
class Speeds:
    """Measured constants of one core.

    Attributes:
        visit: Sweep of a mode through a cell [s].
        ordering: Sweep order of a mode, per cell, once a run [s].
        product_rate: Large matrix products [flop/s].
        wide_share: Share of it that mixing with the full matrix reaches [-].
        narrow_share: The same of products with the factors of a kernel [-].
        copy_rate: Reading and writing of long arrays [bytes/s].
        visit_in_parts: The same as `visit` where the cells are shared by ranks [s].
        task: Starting one stage of a block of modes there: receive, call, send [s].
    """

    visit: float
    ordering: float
    product_rate: float
    wide_share: float
    narrow_share: float
    copy_rate: float
    visit_in_parts: float = 35e-9
    task: float = 100e-6


REFERENCE = Speeds(
    visit=22e-9,
    ordering=26e-9,
    product_rate=54e9,
    wide_share=0.94,
    narrow_share=0.8,
    copy_rate=8e9,
)
"""One core of an AMD EPYC with AVX-512 at 2.5 GHz; each mode flies in a direction of its own."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """Network between ranks.

    Attributes:
        latency: Time of a short message [s].
        bandwidth: Of one node, in and out at once [bytes/s].
    """

    latency: float
    bandwidth: float


NETWORKS = {
    "shared memory": Network(latency=0.6e-6, bandwidth=50e9),
    "InfiniBand HDR": Network(latency=1.5e-6, bandwidth=25e9),
    "25 Gb Ethernet": Network(latency=20e-6, bandwidth=3e9),
}
"""Vendors' figures for a node; the first is for ranks of one node."""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Predicted cost of one order, or of one sweep of the steady solver.

    Attributes:
        seconds: Time of each step [s].
        messages: Messages that a rank sends.
        sent_bytes: Bytes that a rank sends.
    """

    seconds: dict[str, float]
    messages: float
    sent_bytes: float

    @property
    def total(self) -> float:
        """Time [s]."""
        return sum(self.seconds.values())

    @property
    def limit(self) -> str:
        """The step that takes longest."""
        return max(self.seconds, key=lambda name: self.seconds[name])


def order_cost(job: Job, layout: RankLayout, speeds: Speeds, network: Network) -> Cost:
    """Return the cost of one scattering order."""
    drift = _drift(job, layout, speeds, network)
    flops, share = 0.0, speeds.wide_share
    dofs = job.num_dofs / layout.space_parts
    modes = job.num_modes / layout.mode_groups
    if job.rank is None:
        # Two blocks of half the modes, their rows dealt to the groups.
        flops = job.num_modes * modes * dofs
        reduction = _gather_parity(job, layout, network)
    else:
        flops, share = 4.0 * job.rank * modes * dofs, speeds.narrow_share
        reduction = _allreduce(job.rank * dofs, layout, network)
    # Observables and the moments of the spectral estimate are summed every order.
    observed = _allreduce((MOMENTS_OBSERVED + MOMENTS_OF_ESTIMATE) * dofs, layout, network)
    flops_observed = 2.0 * (MOMENTS_OBSERVED + MOMENTS_OF_ESTIMATE) * modes * dofs
    seconds = {
        "drift": drift.seconds["drift"],
        "waiting for other parts": drift.seconds["waiting for other parts"],
        "mixing": flops / (speeds.product_rate * share),
        "observables": flops_observed / (speeds.product_rate * speeds.narrow_share),
        "messages between mode groups": reduction.total + observed.total,
    }
    return Cost(
        seconds=seconds,
        messages=drift.messages + reduction.messages + observed.messages,
        sent_bytes=drift.sent_bytes + reduction.sent_bytes + observed.sent_bytes,
    )


def steady_sweep_cost(job: Job, layout: RankLayout, speeds: Speeds, network: Network) -> Cost:
    """Return the cost of one sweep inside the steady solver: a product with the moment system."""
    inner = order_cost(replace(job, rank=job.steady_rank), layout, speeds, network)
    # Orthogonalisation: half of the vectors on average, each read twice.
    vector = 8.0 * job.steady_rank * job.num_dofs / layout.num_ranks
    seconds = dict(inner.seconds)
    del seconds["observables"]
    seconds["orthogonalisation"] = KRYLOV_VECTORS * vector / speeds.copy_rate
    return replace(inner, seconds=seconds)


def setup_seconds(job: Job, layout: RankLayout, speeds: Speeds) -> float:
    """Return the time to find the sweep orders, once a run [s]."""
    return speeds.ordering * job.num_cells * job.num_modes / layout.num_ranks


def layouts(num_ranks: int, ranks_per_node: int = 1) -> Iterator[RankLayout]:
    """Yield every grid of this many ranks."""
    for parts in range(1, num_ranks + 1):
        if num_ranks % parts == 0:
            yield RankLayout(
                mode_groups=num_ranks // parts, space_parts=parts, ranks_per_node=ranks_per_node
            )


def best_layout(
    job: Job,
    num_ranks: int,
    *,
    ranks_per_node: int,
    node_memory: float,
    speeds: Speeds,
    network: Network,
) -> RankLayout | None:
    """Return the grid with the fastest order that fits the memory of the nodes; None if none does.

    Args:
        job: What is computed.
        num_ranks: Number of ranks.
        ranks_per_node: Ranks of a node.
        node_memory: Memory of a node [bytes].
        speeds: Constants of a core.
        network: Network between the nodes.
    """
    room = node_memory / ranks_per_node
    fitting = [
        layout
        for layout in layouts(num_ranks, ranks_per_node)
        if layout.mode_groups <= job.num_modes / 2
        and layout.space_parts <= job.num_cells / 30
        and sum(memory_per_rank(job, layout).values()) <= room
    ]
    if not fitting:
        return None
    return min(fitting, key=lambda layout: order_cost(job, layout, speeds, network).total)


def num_stages(num_cells: float, parts: int) -> float:
    """Return the largest number of stages of a mode, which passes from part to part of a mesh."""
    if parts == 1:
        return 1.0
    jagged = 2.05 * (1.0 - parts**-1.2) * (1.0 + 0.02 * math.log2(parts))
    return float(max(2.0, jagged * num_cells ** (1.0 / 3.0)))


def num_neighbours(parts: int) -> float:
    """Return the mean number of neighbours of a part."""
    return float(min(parts - 1.0, 11.5 * (1.0 - parts**-0.35)))


def _drift(job: Job, layout: RankLayout, speeds: Speeds, network: Network) -> Cost:
    """Return the cost of one sweep of all modes, the waiting and the messages between parts.

    A block of modes keeps a rank busy for `work`: its visits and one task per stage. Its way
    through the body takes `transit`: the work of the parts that it crosses one after the other, and
    a message for each stage. Blocks follow each other, at most `BLOCKS_IN_FLIGHT` at once; the last
    one still has to get through.
    """
    cells = job.num_cells / layout.space_parts
    modes = job.num_modes / layout.mode_groups
    drift = cells * modes * speeds.visit
    if layout.space_parts == 1:
        seconds = {"drift": drift, "waiting for other parts": 0.0}
        return Cost(seconds=seconds, messages=0, sent_bytes=0)
    parts = layout.space_parts
    drift = cells * modes * speeds.visit_in_parts
    stages = num_stages(job.num_cells, parts)
    cut = num_cut_facets(job.num_cells, parts)
    block = min(modes, max(1.0, TASK_VISITS * stages / cells))
    num_blocks = modes / block
    # Of all (stage, neighbour) about half carry something.
    messages = min(0.5 * stages * (num_neighbours(parts) + 1.0), 0.5 * block * cut)
    sent = 0.5 * cut * block * 8 * job.dim
    share = network.bandwidth / layout.ranks_per_node
    work = drift / num_blocks + stages * speeds.task + sent / share
    transit = work * parts ** (1.0 / 3.0) + stages * network.latency
    in_flight = min(BLOCKS_IN_FLIGHT, num_blocks)
    total = num_blocks * max(work, transit / in_flight) + transit - work
    return Cost(
        seconds={"drift": drift, "waiting for other parts": total - drift},
        messages=num_blocks * messages,
        sent_bytes=num_blocks * sent,
    )


def _allreduce(numbers: float, layout: RankLayout, network: Network) -> Cost:
    """Return the cost of a sum over the mode groups (reduce-scatter, then allgather)."""
    groups = layout.mode_groups
    if groups == 1:
        return Cost(seconds={"messages": 0.0}, messages=0, sent_bytes=0)
    sent = 2.0 * (groups - 1) / groups * 8.0 * numbers
    steps = 2.0 * math.ceil(math.log2(groups))
    share = network.bandwidth / layout.ranks_per_node
    seconds = {"messages": steps * network.latency + sent / share}
    return Cost(seconds=seconds, messages=steps, sent_bytes=sent)


def _gather_parity(job: Job, layout: RankLayout, network: Network) -> Cost:
    """Return the cost of gathering even and odd parts of all modes, a block of columns at a time.

    Every rank receives what the other groups hold, (G - 1)/G of all modes at its own degrees of
    freedom, in two Allgatherv per block, each after an allgather of their shapes.
    """
    groups = layout.mode_groups
    if groups == 1:
        return Cost(seconds={"messages": 0.0}, messages=0, sent_bytes=0)
    dofs = job.num_dofs / layout.space_parts
    received = 8.0 * job.num_modes * dofs * (groups - 1) / groups
    steps = 4 * math.ceil(dofs / MIX_COLUMNS) * math.ceil(math.log2(groups))
    share = network.bandwidth / layout.ranks_per_node
    seconds = {"messages": steps * network.latency + received / share}
    return Cost(seconds=seconds, messages=steps, sent_bytes=received)
