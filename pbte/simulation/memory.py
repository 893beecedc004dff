"""Estimate of the memory of a run, by kind, before it is run.

Counted, not fitted: the arrays that the transport keeps and the work space of its largest step.
Only the program itself and the mesh inside DOLFINx are measured constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pbte.materials.kernel import CollisionKernel, FactoredKernel

# As in collisions, body, sweep and steady of pbte.transport; tests compare them.
MIX_COLUMNS = 1024
SELF_SCATTERING_COLUMNS = 4 * MIX_COLUMNS
BLOCK_BYTES, LEAST_MODES = 1 << 25, 32
TASK_VISITS = 15_000
BLOCKS_IN_FLIGHT = 8
MOMENTS_OF_ESTIMATE = 8

# Moment vectors that the steady state keeps, spread over the ranks: 20 directions and their images.
KRYLOV_VECTORS = 40
# The matrix of the diffusion correction with its multigrid levels, per degree of freedom [bytes].
DIFFUSION = 600

# Measured on Linux [bytes]: Python with its libraries, what ranks of a node share of these, what
# Gmsh and HDF5 leave on the first rank, and a cell inside DOLFINx and its topology.
PROGRAM, SHARED_LIBRARIES, FIRST_RANK = 150_000_000, 100_000_000, 60_000_000
DOLFINX_CELL = 600


@dataclass(frozen=True, kw_only=True)
class Job:
    """Job whose memory is estimated.

    Attributes:
        num_cells: Cells of the mesh.
        num_modes: Phonon modes.
        rank: Rank of a factored kernel, None for the full matrix.
        steady_rank: Rank inside the steady solver, 0 without a steady state.
        self_scattering: Whether the orders are split, so that a factored kernel too keeps a field.
        num_orders: Orders of which the observables are kept.
        dim: Dimension of the mesh.
        transient: Whether time steps are made, which keep two more fields.
        harmonic: Whether oscillations are solved for, by complex numbers.
    """

    num_cells: int
    num_modes: int
    rank: int | None = None
    steady_rank: int = 0
    self_scattering: bool = False
    num_orders: int = 16
    dim: int = 3
    transient: bool = False
    harmonic: bool = False

    @property
    def num_dofs(self) -> int:
        """Degrees of freedom of one scalar field."""
        return self.num_cells * (self.dim + 1)

    @property
    def num_unknowns(self) -> int:
        """Modes times degrees of freedom."""
        return self.num_modes * self.num_dofs

    @property
    def keeps_field(self) -> bool:
        """True if the orders keep a field of all modes, not only moments."""
        return self.rank is None or self.self_scattering


@dataclass(frozen=True, kw_only=True)
class RankLayout:
    """The grid of ranks, one per core.

    Attributes:
        mode_groups: Groups that the modes are dealt to.
        space_parts: Parts that the mesh is cut into.
        ranks_per_node: Ranks of a node, which share its network and one copy of the matrix.
    """

    mode_groups: int = 1
    space_parts: int = 1
    ranks_per_node: int = 1

    @property
    def num_ranks(self) -> int:
        """Number of ranks."""
        return self.mode_groups * self.space_parts


def memory_per_rank(job: Job, layout: RankLayout) -> dict[str, float]:
    """Return the peak memory of a rank during the solution, by kind [bytes].

    Memory that the ranks of a node share is divided among them. The larger of the steps counts:
    orders with their field or moments, or the steady state.
    """
    modes = job.num_modes / layout.mode_groups
    cells = job.num_cells / layout.space_parts
    dofs = cells * (job.dim + 1)
    field, moments = 8.0 * modes * dofs, 8.0 * dofs
    orders = {"fields": field if job.keeps_field else 0.0, "moments": 0.0}
    if job.rank is not None and not job.self_scattering:
        # Emitted, collected, summed over the ranks, and a product.
        orders["moments"] = 4.0 * job.rank * moments
    orders["work space"] = _order_work(job, layout, modes, dofs)
    # Moments of the spectral estimate, once more when it is made, and the snapshot of each order.
    kept = job.num_orders * (2 * MOMENTS_OF_ESTIMATE + 4) * moments
    steps = [orders]
    if job.steady_rank:
        steps.append(_steady(job, layout, modes, dofs))
    if job.transient:  # the state and the past of every mode, in addition to the solver of a stage
        stage = _steady(job, layout, modes, dofs)
        steps.append(stage | {"fields": stage["fields"] + 2.0 * field})
    if job.harmonic:
        real = _steady(job, layout, modes, dofs)
        steps.append({kind: 2.0 * size for kind, size in real.items()})
    largest = max(steps, key=lambda step: sum(step.values()))
    sharers = min(layout.ranks_per_node, layout.num_ranks)
    shared = (SHARED_LIBRARIES + FIRST_RANK + _matrix_bytes(job)) / sharers
    geometry = _simplex_bytes(job.dim) * cells
    if layout.space_parts == 1:
        geometry /= sharers
    return {
        **largest,
        "sweep orders": 2.0 * modes * cells + _halo_bytes(job, layout, modes),
        "observables": kept,
        "mesh": geometry + (DOLFINX_CELL + _record_bytes(job.dim)) * cells,
        "program and matrix": PROGRAM + shared + _factor_bytes(job, modes),
    }


def job_of(
    kernel: CollisionKernel,
    *,
    num_dofs: int,
    dim: int = 3,
    steady_rank: int = 0,
    self_scattering: bool = True,
    num_orders: int = 16,
    transient: bool = False,
    harmonic: bool = False,
) -> Job:
    """Return the job of a kernel on a mesh.

    Args:
        kernel: The kernel.
        num_dofs: Degrees of freedom of one scalar field.
        dim: Dimension of the mesh.
        steady_rank: Rank of the kernel inside the steady solver; 0 without a steady state.
        self_scattering: Whether the orders may be split.
        num_orders: Number of orders that are kept.
        transient: Whether time steps are made.
        harmonic: Whether oscillations are solved for.
    """
    rank = kernel.w_out.shape[0] if isinstance(kernel, FactoredKernel) else None
    return Job(
        num_cells=num_dofs // (dim + 1),
        num_modes=kernel.modes.num_modes,
        rank=rank,
        steady_rank=steady_rank if rank is None or steady_rank == 0 else rank,
        # The relaxation-time approximation has no eigenvalue below zero: its orders converge.
        self_scattering=self_scattering and rank != 1,
        num_orders=num_orders,
        dim=dim,
        transient=transient,
        harmonic=harmonic,
    )


def memory_estimate(jobs: Job | Sequence[Job], layout: RankLayout) -> dict[str, int]:
    """Return the peak memory of a run, all ranks together, by kind and "total" [bytes].

    Args:
        jobs: What is computed: one job, or one for each body of a system. The bodies take turns in
            the work space and share one program; all else adds up.
        layout: The ranks.
    """
    jobs = [jobs] if isinstance(jobs, Job) else list(jobs)
    every = [memory_per_rank(job, layout) for job in jobs]
    kept = {name: sum(each.get(name, 0.0) for each in every) for each in every for name in each}
    kept["work space"] = max(each["work space"] for each in every)
    sharers = min(layout.ranks_per_node, layout.num_ranks)
    program = PROGRAM + (SHARED_LIBRARIES + FIRST_RANK) / sharers
    kept["program and matrix"] -= (len(jobs) - 1) * program
    parts = {name: int(layout.num_ranks * size) for name, size in kept.items() if size > 0.0}
    return parts | {"total": sum(parts.values())}


def state_bytes_per_unknown(memory: dict[str, int], num_unknowns: int) -> float:
    """Return the state of the transport alone per unknown: fields, moments, sweep orders [-]."""
    kinds = ("fields", "moments", "sweep orders")
    return sum(memory.get(kind, 0) for kind in kinds) / num_unknowns


def num_cut_facets(num_cells: float, parts: int) -> float:
    """Return the facets of a part that touch other parts: 4 N^(2/3) in the middle of many."""
    return float(4.3 * (1.0 - parts**-0.6) * (num_cells / parts) ** (2.0 / 3.0))


def _steady(job: Job, layout: RankLayout, modes: float, dofs: float) -> dict[str, float]:
    """Return the memory of a rank in the steady state: two fields of a full matrix, and moments.

    Besides the Krylov vectors, which are spread over the ranks, the moments at all degrees of
    freedom exist four times in a product: gathered, streamed, added up, sent.
    """
    moments = 8.0 * job.steady_rank * dofs
    vectors = KRYLOV_VECTORS * moments + DIFFUSION * dofs
    product = 4.0 * moments + 2.0 * max(BLOCK_BYTES, 8.0 * LEAST_MODES * dofs)
    update = moments + 8.0 * MIX_COLUMNS * (3 * modes + _gathered(job, layout))
    return {
        "fields": 16.0 * modes * dofs if job.rank is None else 0.0,
        "moments": vectors / layout.mode_groups,
        "work space": max(product, update),
    }


def _order_work(job: Job, layout: RankLayout, modes: float, dofs: float) -> float:
    """Return the work space of mixing, or of a block of modes of a factored kernel [bytes]."""
    if job.keeps_field:
        split = SELF_SCATTERING_COLUMNS * modes if job.self_scattering else 0.0
        return 8.0 * (split + MIX_COLUMNS * (2 * modes + _gathered(job, layout)))
    return 2.0 * max(BLOCK_BYTES, 8.0 * LEAST_MODES * dofs)


def _gathered(job: Job, layout: RankLayout) -> float:
    """Return the number of modes that a rank gathers per column: one parity at a time."""
    return job.num_modes / 2 if job.rank is None and layout.mode_groups > 1 else 0.0


def _halo_bytes(job: Job, layout: RankLayout, modes: float) -> float:
    """Return the lists of facets to other parts, and the values of the modes in flight [bytes]."""
    if layout.space_parts == 1:
        return 0.0
    cut = num_cut_facets(job.num_cells, layout.space_parts)
    stages = 2.0 * job.num_cells ** (1.0 / 3.0)
    stage_cells = job.num_cells / layout.space_parts / stages
    in_flight = min(modes, BLOCKS_IN_FLIGHT * TASK_VISITS / stage_cells)
    return float(4.0 * modes * cut + 8.0 * in_flight * job.num_dofs / layout.space_parts)


def _matrix_bytes(job: Job) -> float:
    """Return the two parity blocks of the full matrix, one copy per node [bytes]."""
    return 0.0 if job.rank is not None else 4.0 * job.num_modes * job.num_modes


def _factor_bytes(job: Job, modes: float) -> float:
    """Return this rank's rows and columns of factored kernels, and the whole kernels [bytes]."""
    rank = (job.rank or 0) + job.steady_rank
    return 16.0 * rank * (modes + job.num_modes)


def _simplex_bytes(dim: int) -> float:
    """Return the bytes of a cell in `SweepMesh`: points, normals, volume, neighbours, numbers."""
    faces = dim + 1
    return 16.0 * dim * faces + 8 + 4 * faces + 4 * faces**2


def _record_bytes(dim: int) -> float:
    """Return the bytes of a cell's record, in whole cache lines."""
    reals, integers = dim * (dim + 1) + 1, (dim + 1) ** 2
    return float(64 * -(-(8 * reals + 4 * integers) // 64))
