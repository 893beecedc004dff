"""The cost model: limits, scaling laws and consistency with what is really counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pbte.materials.kernel import FullKernel, rta_kernel
from pbte.materials.models import gray_crystal
from pbte.simulation.cost import (
    NETWORKS,
    REFERENCE,
    Network,
    best_layout,
    layouts,
    num_neighbours,
    num_stages,
    order_cost,
    setup_seconds,
    steady_sweep_cost,
)
from pbte.simulation.memory import (
    BLOCKS_IN_FLIGHT,
    TASK_VISITS,
    Job,
    RankLayout,
    job_of,
    memory_estimate,
    memory_per_rank,
    num_cut_facets,
    state_bytes_per_unknown,
)
from pbte.transport import body, collisions
from pbte.transport.steady import eigenvalues, moment_system
from pbte.verification.benchmarks.bodies import array_bytes, heated_body, sphere

SILENT = Network(latency=0.0, bandwidth=float("inf"))
FULL = Job(num_cells=3300, num_modes=4371, steady_rank=100)
FACTORED = replace(FULL, rank=100)
LARGE = Job(num_cells=10_000_000, num_modes=10_000, rank=100)


def test_one_rank_sends_nothing():
    for job in (FULL, FACTORED):
        cost = order_cost(job, RankLayout(), REFERENCE, NETWORKS["25 Gb Ethernet"])
        assert cost.messages == 0
        assert cost.sent_bytes == 0
        assert cost.seconds["waiting for other parts"] == 0.0


def test_the_full_matrix_is_mixed_by_its_two_half_size_blocks():
    """2 flops for each entry of both blocks, (M/2)^2 each, and column: M^2 dofs."""
    cost = order_cost(FULL, RankLayout(), REFERENCE, SILENT)
    rate = REFERENCE.product_rate * REFERENCE.wide_share
    assert cost.seconds["mixing"] == pytest.approx(4371**2 * 13200 / rate)
    assert cost.limit == "mixing"


@pytest.mark.parametrize("job", [FULL, FACTORED])
def test_modes_scale_perfectly_where_messages_cost_nothing(job):
    alone = order_cost(job, RankLayout(), REFERENCE, SILENT).total
    shared = order_cost(job, RankLayout(mode_groups=8), REFERENCE, SILENT).total
    assert shared == pytest.approx(alone / 8)
    assert setup_seconds(job, RankLayout(mode_groups=8), REFERENCE) == pytest.approx(
        setup_seconds(job, RankLayout(), REFERENCE) / 8
    )


def test_every_rank_gathers_what_the_other_groups_hold():
    """Full matrix: all modes but its own, 8 bytes each, and the moments of growth and observer."""
    cost = order_cost(FULL, RankLayout(mode_groups=3), REFERENCE, SILENT)
    gathered = 8 * 4371 * 13200 * 2 / 3
    summed = 2 * 2 / 3 * 8 * 13 * 13200
    assert cost.sent_bytes == pytest.approx(gathered + summed)


def test_a_factored_kernel_adds_up_its_moments_once_an_order():
    one = order_cost(FACTORED, RankLayout(mode_groups=2), REFERENCE, SILENT).sent_bytes
    two = order_cost(replace(FACTORED, rank=200), RankLayout(mode_groups=2), REFERENCE, SILENT)
    assert two.sent_bytes - one == pytest.approx(8 * 100 * 13200)


def test_a_slower_network_and_more_latency_take_longer():
    layout = RankLayout(mode_groups=4, space_parts=8)
    fast, slow = (
        order_cost(LARGE, layout, REFERENCE, NETWORKS[name]).total
        for name in ("InfiniBand HDR", "25 Gb Ethernet")
    )
    assert slow > fast
    assert fast > order_cost(LARGE, layout, REFERENCE, SILENT).total


def test_a_mode_alone_cannot_keep_many_parts_busy():
    """With few modes the parts wait for each other, with many the pipeline is full."""
    layout = RankLayout(space_parts=64)
    for modes, least, most in ((64, 1.5, 1000.0), (100_000, 1.0, 1.2)):
        job = replace(LARGE, num_modes=modes)
        seconds = order_cost(job, layout, REFERENCE, SILENT).seconds
        ratio = 1.0 + seconds["waiting for other parts"] / seconds["drift"]
        assert least < ratio < most


def test_the_laws_of_meshes_in_parts_have_their_limits():
    assert num_stages(1e6, 1) == 1.0
    assert num_cut_facets(1e6, 1) == 0.0
    assert num_neighbours(1) == 0.0
    assert num_neighbours(2) == 1.0
    # Measured on a sphere of 111 157 tetrahedra in 27 parts: 94 stages, 997 facets, 7.3 others.
    assert num_stages(111_157, 27) == pytest.approx(94, rel=0.2)
    assert num_cut_facets(111_157, 27) == pytest.approx(997, rel=0.2)
    assert num_neighbours(27) == pytest.approx(7.3, rel=0.2)


def test_the_best_grid_is_at_least_as_fast_as_every_other_that_fits():
    options = {"speeds": REFERENCE, "network": NETWORKS["InfiniBand HDR"]}
    best = best_layout(LARGE, 1024, ranks_per_node=64, node_memory=256e9, **options)
    fastest = order_cost(LARGE, best, **options).total
    for layout in layouts(1024, 64):
        if 64 * sum(memory_per_rank(LARGE, layout).values()) <= 256e9:
            assert order_cost(LARGE, layout, **options).total >= fastest
    assert best_layout(LARGE, 2, ranks_per_node=2, node_memory=1e9, **options) is None


def test_a_transient_keeps_two_fields_more_than_the_steady_state():
    field = 8 * FULL.num_unknowns
    steady = memory_per_rank(FULL, RankLayout())["fields"]
    assert (
        memory_per_rank(replace(FULL, transient=True), RankLayout())["fields"] == steady + 2 * field
    )
    factored = replace(FULL, rank=1, steady_rank=1, transient=True)
    assert memory_per_rank(factored, RankLayout())["fields"] == 2 * field


def test_a_factored_kernel_needs_no_memory_per_mode_but_the_visiting_orders():
    few, many = (
        memory_per_rank(replace(FACTORED, steady_rank=0, num_modes=modes), RankLayout())
        for modes in (1000, 2000)
    )
    assert few["fields"] == many["fields"] == 0.0
    assert few["moments"] == many["moments"]
    assert many["sweep orders"] == 2 * few["sweep orders"]


def test_ranks_of_a_node_share_one_copy_of_the_matrix():
    one = memory_per_rank(FULL, RankLayout(mode_groups=64, ranks_per_node=1))["program and matrix"]
    all_ = memory_per_rank(FULL, RankLayout(mode_groups=64, ranks_per_node=64))[
        "program and matrix"
    ]
    assert one - all_ > 0.98 * 63 / 64 * 4 * 4371**2


def test_the_steady_sweep_orthogonalises_instead_of_observing():
    seconds = steady_sweep_cost(FULL, RankLayout(), REFERENCE, SILENT).seconds
    assert "observables" not in seconds
    assert seconds["orthogonalisation"] > 0.0


def test_the_numbers_of_the_model_are_those_of_the_transport(comm):
    from pbte.simulation import memory

    assert memory.MIX_COLUMNS == collisions.BLOCK
    assert memory.SELF_SCATTERING_COLUMNS == 4 * collisions.BLOCK
    assert memory.BLOCK_BYTES == body.BLOCK_BYTES
    assert memory.LEAST_MODES == body.LEAST_MODES
    assert memory.MOMENTS_OF_ESTIMATE == eigenvalues.NUM_MOMENTS
    assert memory.KRYLOV_VECTORS == 2 * moment_system.NUM_DIRECTIONS


def test_the_steady_state_of_a_factored_kernel_keeps_no_field():
    memory = memory_per_rank(replace(FACTORED, steady_rank=100), RankLayout())
    assert memory["fields"] == 0.0
    assert memory["moments"] > 40 * 8 * 100 * 13200


def gray():
    return gray_crystal(
        speed=5000.0, relaxation_time=2e-11, heat_capacity=1.6e6, polar=8, azimuthal=8
    ).kernel


def test_the_model_knows_the_blocks_of_the_pipeline():
    """Within a factor of two, which changes the time by a few per cent only."""
    order = pytest.importorskip("pbte.transport.sweep.pipeline_order")
    blocks = pytest.importorskip("pbte.transport.sweep.pipeline_blocks")
    assert 0.5 <= TASK_VISITS / order.TASK_VISITS <= 2.0
    assert 0.5 <= BLOCKS_IN_FLIGHT / blocks.BLOCKS_IN_FLIGHT <= 2.0


def test_the_visiting_orders_and_the_mesh_take_what_is_counted(comm):
    from mpi4py import MPI

    kernel = gray()
    found = heated_body(sphere(300, MPI.COMM_SELF), kernel)
    cells, modes = found.mesh.num_cells, kernel.modes.num_modes
    memory = memory_per_rank(Job(num_cells=cells, num_modes=modes, rank=1), RankLayout())
    kept = array_bytes(found.order) - found.order.records.nbytes
    assert memory["sweep orders"] == pytest.approx(kept, rel=0.1)
    geometry = array_bytes(found.mesh) + found.order.records.nbytes
    counted = memory["mesh"] - 600 * cells
    assert counted == pytest.approx(geometry, rel=0.2)


def test_a_kernel_of_rank_one_is_estimated_without_a_field():
    """Its orders keep moments alone; the steady state of a full matrix keeps two fields."""
    kernel, layout = gray(), RankLayout(mode_groups=2, ranks_per_node=2)
    num_modes = kernel.modes.num_modes
    memory = memory_estimate(job_of(rta_kernel(kernel.modes), num_dofs=4000), layout)
    assert "fields" not in memory
    half = num_modes // 2
    full = FullKernel(modes=kernel.modes, even=np.eye(half), odd=np.eye(half))
    job = job_of(full, num_dofs=4000, steady_rank=100)
    memory = memory_estimate(job, layout)
    assert memory["fields"] == 2 * 8 * num_modes * 4000
    assert memory["total"] == sum(size for name, size in memory.items() if name != "total")
    assert state_bytes_per_unknown(memory, job.num_unknowns) > 16.0
