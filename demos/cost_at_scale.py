# %% [markdown]
# # What a run costs, here and on machines that are not here
# One scattering order is a sweep of every mode through every cell and a mixing of all modes at
# every point. With the constants of one core measured now, `pbte.simulation.cost` predicts its
# time and memory on any number of ranks. Here the prediction is compared with the measurement on
# the ranks at hand, and then asked where 64, 1024 and 16384 ranks land with 10 million cells and
# 10 thousand modes.
#
# About half a minute: `mpirun -n 2 python demos/cost_at_scale.py` (also on 1 or 3 ranks).
#
# Expected: drift and mixing are shared perfectly; what is left are the messages. At scale a kernel
# of rank 100 is 10 to 30 times cheaper than the full matrix, and both end up waiting: the parts of
# a mesh for each other's messages.

# %%
import numpy as np
from mpi4py import MPI

from pbte.core.mode_partition import partition_modes
from pbte.core.shared_memory import shared_on_node
from pbte.materials.kernel import truncated_kernel
from pbte.materials.storage import read_material
from pbte.simulation.cost import NETWORKS, REFERENCE, best_layout, order_cost
from pbte.simulation.memory import Job, RankLayout, memory_per_rank
from pbte.transport.body import collide, stream
from pbte.verification.benchmarks.bodies import heated_body, sphere
from pbte.verification.benchmarks.clock import clocked
from pbte.verification.benchmarks.constants import measure_network, measure_speeds
from pbte.verification.benchmarks.machine import use_threads

comm = MPI.COMM_WORLD
use_threads(1)


def say(*text):
    if comm.rank == 0:
        print(*text, flush=True)


# %% [markdown]
# ## Parameters

# %%
num_cells = 2500
rank_of_kernel = 100
repeats = 4
large_cells, large_modes = 10_000_000, 10_000
node_memory, cores_per_node = 512e9, 64
network_at_scale = "InfiniBand HDR"

# %% [markdown]
# ## The constants of this machine
# All ranks measure at once, so that they share caches and memory as they do in a run.

# %%
domain = sphere(num_cells, MPI.COMM_SELF)
full = shared_on_node(comm, lambda: read_material("Si-5").kernel)
factored = shared_on_node(comm, lambda: truncated_kernel(full, rank_of_kernel))
comm.barrier()
own = measure_speeds(domain, full)
slowest = {
    name: comm.allreduce(value, op=MPI.MAX if name in ("visit", "ordering", "task") else MPI.MIN)
    for name, value in vars(own).items()
}
speeds = type(own)(**slowest)
network = measure_network(comm)
say(f"visit of a cell   {1e9 * speeds.visit:8.1f} ns, its ordering {1e9 * speeds.ordering:.1f} ns")
say(
    f"matrix products   {1e-9 * speeds.product_rate:8.1f} GF/s, of which mixing reaches "
    f"{100 * speeds.wide_share:.0f} % (full), {100 * speeds.narrow_share:.0f} % (factors)"
)
say(f"messages          {1e6 * network.latency:8.1f} us, {1e-9 * network.bandwidth:.1f} GB/s")

# %% [markdown]
# ## Predicted and measured on the ranks at hand
# Processor time of the busiest rank, least of some repeats. Drift sends nothing; mixing waits for
# the messages of the others, and a rank that waits is busy.


# %%
def one_order(kernel):
    """Return the seconds of drift and of mixing on the busiest rank."""
    mode_partition = partition_modes(kernel.modes.num_pairs, kernel.modes.num_modes, comm)
    body = heated_body(domain, kernel, mode_partition)
    spent = []
    for _ in range(repeats + 1):
        field = body.source()
        comm.barrier()
        mixing = clocked(lambda field=field: collide(body, field))[0]
        comm.barrier()
        drift = clocked(lambda field=field: stream(body, field, walls=False))[0]
        spent.append((drift, mixing))
    own = np.min(spent[1:], axis=0)
    return [comm.allreduce(seconds, op=MPI.MAX) for seconds in own], body


layout = RankLayout(mode_groups=comm.size, ranks_per_node=comm.size)
say(f"\non {comm.size} ranks    drift: predicted, measured [ms]    mixing: predicted, measured")
ratios = {}
for name, kernel in (("full matrix", full), (f"rank {factored.rank}", factored)):
    (drift, mixing), body = one_order(kernel)
    job = Job(
        num_cells=body.mesh.num_cells,
        num_modes=kernel.modes.num_modes,
        rank=None if kernel is full else factored.rank,
    )
    predicted = order_cost(job, layout, speeds, network)
    expected = predicted.seconds["mixing"] + predicted.seconds["messages between mode groups"]
    ratios[name] = drift / predicted.seconds["drift"], mixing / expected
    say(
        f"{name:12s} {1e3 * predicted.seconds['drift']:19.1f} {1e3 * drift:9.1f}"
        f" {1e3 * expected:27.1f} {1e3 * mixing:9.1f}"
    )
say("measured / predicted:", {k: [round(float(r), 2) for r in v] for k, v in ratios.items()})

# %% [markdown]
# ## Ten million cells, ten thousand modes
# On cores like the reference core, in nodes of 64 cores and 512 GB. Fewer ranks than that may use
# a node where the memory asks for it. Of all grids of mode groups and parts of space the fastest
# that fits is taken.

# %%
say(f"\n{large_cells:.0e} cells, {large_modes:.0e} modes, {network_at_scale}\n")
say("| kernel | ranks | nodes | modes x space | s per order | GB per rank | limited by |")
say("| --- | --- | --- | --- | --- | --- | --- |")
at_scale = {}
for name, rank in (("rank 100", rank_of_kernel), ("full", None)):
    job = Job(num_cells=large_cells, num_modes=large_modes, rank=rank)
    for num_ranks in (64, 1024, 16384):
        options = {"speeds": REFERENCE, "network": NETWORKS[network_at_scale]}
        for ranks_per_node in (cores_per_node >> step for step in range(7)):
            grid = best_layout(
                job, num_ranks, ranks_per_node=ranks_per_node, node_memory=node_memory, **options
            )
            if grid is not None:
                break
        assert grid is not None, "not even one rank on each node fits"
        cost, memory = order_cost(job, grid, **options), memory_per_rank(job, grid)
        at_scale[name, num_ranks] = cost
        say(
            f"| {name} | {num_ranks} | {num_ranks // ranks_per_node} | {grid.mode_groups} x "
            f"{grid.space_parts} | {cost.total:.3g} | {sum(memory.values()) / 1e9:.2g} "
            f"({max(memory, key=memory.get)}) | {cost.limit} |"
        )

# %% [markdown]
# ## What must hold
# The parts add up, the work is conserved, more ranks are faster and never faster than their number
# allows, and the drift measured here is the one predicted (a machine shared with others may be
# twice as slow for a moment).

# %%
for (name, num_ranks), cost in at_scale.items():
    assert abs(sum(cost.seconds.values()) - cost.total) < 1e-12 * cost.total
    if name == "full":
        # M^2 products per degree of freedom, whatever the grid.
        flops = cost.seconds["mixing"] * num_ranks * REFERENCE.product_rate * REFERENCE.wide_share
        assert np.isclose(flops, large_modes**2 * 4.0 * large_cells, rtol=1e-12)
        assert cost.total > at_scale["rank 100", num_ranks].total
for name in ("rank 100", "full"):
    for few, many in ((64, 1024), (1024, 16384)):
        gain = at_scale[name, few].total / at_scale[name, many].total
        assert 1.0 < gain < 1.05 * many / few
for of_drift, _ in ratios.values():
    assert 0.5 < of_drift < 2.0, "the drift takes another time than the model says"
say("\nAll checks hold.")
