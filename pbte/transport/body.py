"""A domain of one crystal on this rank, and the two operators that all methods are built from.

    stream:   theta = L^-1 Q      transport of every mode from its source, L = v . grad + Gamma,
                                  with the inflow at the boundary
    collide:  Q = M theta         in-scattering

A field is an array (local modes, num_dofs); both operators change it in place, because one field of
all modes is the largest array in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from mpi4py import MPI

from pbte.core.mode_partition import ModePartition, partition_modes
from pbte.core.types import Array, BoolArray, IntArray, Numbers
from pbte.geometry.partition import Halo
from pbte.geometry.sweep_mesh import SweepMesh
from pbte.materials.kernel import CollisionKernel
from pbte.materials.modes import ModeTable
from pbte.transport.boundary import Surface
from pbte.transport.collisions import BLOCK, Collisions, blocks, local_collisions
from pbte.transport.sweep.pipeline import sweep_pipeline
from pbte.transport.sweep.pipeline_order import PipelineOrder, plan_pipeline
from pbte.transport.sweep.sweep import SweepOrder, plan_sweep, sweep

# Selection of local modes: consecutive ones, or any.
Modes = slice | IntArray

# Size of a block of modes that is formed, streamed and discarded: small compared with the moments,
# with enough modes for every thread and for wide matrix products.
BLOCK_BYTES = 1 << 25
LEAST_MODES, MOST_MODES = 32, 512
# More of them with shared cells, because every call fills and drains the pipeline.
LEAST_MODES_IN_PARTS = 256


@dataclass(frozen=True, kw_only=True)
class Body:
    """Mesh, modes of this rank, collisions, heat sources and boundary conditions of one crystal.

    Attributes:
        mesh: The cells of this rank: all, or a part of them.
        modes: Mode table of the whole crystal.
        mode_partition: The modes of each rank.
        velocities: Group velocities of the local modes, shape (local modes, 3) [m/s].
        loss_rates: Gamma of the local modes, (1 + s) Gamma with self-scattering, plus the
            absorption, shape (local modes,) [1/s].
        heat_capacities: c of the local modes, shape (local modes,) [J/m^3 K].
        collisions: In-scattering of the local modes, without self-scattering.
        order: Sweep order of the local cells for the local modes.
        heat_sources: Heat density Q of each source, shape (num_sources, num_dofs) [W/m^3].
        generation: Heating rate of each local mode per unit of each Q, g = generation Q, shape
            (local modes, num_sources) [K m^3/J].
        inflow: Temperature deviation of the inflow at isothermal walls, one row for all modes,
            shape (1, num_boundary_facets * dim) [K].
        surfaces: Walls that reflect; all others are black.
        self_scattering: The split s: fictitious events at rate s Gamma that change nothing [-].
        halo: Facets shared with other ranks; None if this rank holds all cells.
        comm: All ranks: those that share the modes times those that share the cells.
        block_modes: Number of modes that are formed, streamed and discarded at a time.
        absorption: Additional loss rate of every mode, contained in `loss_rates` [1/s]; real or
            complex. It is 1/h in an implicit time step of length h, and i omega in the frequency
            domain.
        past: Additional source of every mode, shape (local modes, num_dofs) [K/s]; None for none.
            In a time step it is the previous state times 1/h.
    """

    mesh: SweepMesh
    modes: ModeTable
    mode_partition: ModePartition
    velocities: Array
    loss_rates: Numbers
    heat_capacities: Array
    collisions: Collisions
    order: SweepOrder | PipelineOrder
    heat_sources: Array
    generation: Array
    inflow: Array
    comm: MPI.Intracomm
    block_modes: int
    surfaces: tuple[Surface, ...] = ()
    self_scattering: float = 0.0
    halo: Halo | None = None
    absorption: complex = 0.0
    past: Numbers | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the mode temperatures: complex where the absorption is."""
        return np.dtype(np.complex128 if np.iscomplexobj(self.loss_rates) else np.float64)

    def new_field(self) -> Numbers:
        """Return a field of zeros, shape (local modes, num_dofs)."""
        return np.zeros((self.mode_partition.num_modes, self.mesh.num_dofs), dtype=self.dtype)

    def mode_blocks(self) -> Iterator[IntArray]:
        """Yield all local modes in blocks, each mode together with its time-reversed partner.

        Opposite directions keep the ranks at both ends busy when they share the cells.
        """
        mode_partition, half = self.mode_partition, max(1, self.block_modes // 2)
        for pairs in blocks(mode_partition.num_pairs, half):
            chosen = np.arange(pairs.start, pairs.stop)
            yield np.concatenate([chosen, mode_partition.num_pairs + chosen])
        for singles in blocks(mode_partition.num_singles, half):
            yield 2 * mode_partition.num_pairs + np.arange(singles.start, singles.stop)

    def sum_over_space(self, local: Array) -> Array:
        """Return the sum of an array over the ranks that share the cells. Collective over them."""
        if self.halo is None:
            return local
        everywhere: Array = self.halo.comm.allreduce(local)
        return everywhere

    def total(self, local: float | Array) -> float:
        """Return the sum of a number over all ranks. Collective."""
        return float(
            self.sum_over_space(self.mode_partition.comm.allreduce(np.atleast_1d(local)))[0]
        )

    @property
    def num_unknowns(self) -> int:
        """Modes times degrees of freedom, on all ranks. Collective."""
        num_dofs = self.sum_over_space(np.array([float(self.mesh.num_dofs)]))
        return self.modes.num_modes * round(float(num_dofs[0]))

    @property
    def num_cyclic_modes(self) -> int:
        """Number of modes whose cells depend on each other in a cycle. Collective."""
        return int(self.mode_partition.comm.allreduce(self.order.num_cyclic_modes))

    @property
    def heat_source(self) -> Array:
        """Heat density of all sources together, shape (num_dofs,) [W/m^3]."""
        return np.asarray(self.heat_sources.sum(axis=0), dtype=np.float64)

    @property
    def heat_power(self) -> float:
        """Power of all heat sources [W]. Collective."""
        local = np.array([self.heat_source @ self.mesh.dof_weights])
        return float(self.sum_over_space(local)[0])

    def source(self, columns: slice = slice(None), modes: Modes = slice(None)) -> Numbers:
        """Return g_mu plus the past of some modes, shape (modes, columns) [K/s]; a new array."""
        rates: Numbers = self.generation[modes] @ self.heat_sources[:, columns]
        rates = rates.astype(self.dtype, copy=False)
        if self.past is not None:
            rates += self.past[modes][:, columns]
        return rates


def make_body(
    mesh: SweepMesh,
    kernel: CollisionKernel,
    heat_source: Array,
    inflow: Array,
    *,
    heated: BoolArray | None = None,
    mode_partition: ModePartition | None = None,
    surfaces: Sequence[Surface] = (),
    halo: Halo | None = None,
    comm: MPI.Intracomm | None = None,
) -> Body:
    """Return the domain of one crystal with the modes and cells of this rank.

    A heat source is distributed over the modes that it heats in proportion to their heat capacity,
    so that they have the same heating rate, g_mu = Q / sum of their c. Several sources add up.

    Args:
        mesh: The cells.
        kernel: Collision kernel with its mode table.
        heat_source: Q at the degrees of freedom, shape (num_dofs,), or one row for each source,
            shape (num_sources, num_dofs) [W/m^3].
        inflow: Temperature deviation of isothermal walls at the boundary dofs, shape
            (num_boundary_facets * dim,) [K].
        heated: Whether each mode is heated, shape (num_modes,), or a row for each source; all are
            by default.
        mode_partition: The modes of each rank; all modes on this rank by default.
        surfaces: Walls that reflect; all others are black.
        halo: Facets shared with other ranks; None if the mesh has all cells.
        comm: All ranks; those of `mode_partition` by default.

    Note: Collective over the ranks of the halo.
    """
    modes = kernel.modes
    heat_sources = np.atleast_2d(heat_source)
    if heated is None:
        heated = np.ones(modes.num_modes, dtype=np.bool_)
    heated = np.broadcast_to(heated, (len(heat_sources), modes.num_modes))
    if mode_partition is None:
        mode_partition = partition_modes(modes.num_pairs, modes.num_modes, MPI.COMM_SELF)
    mine = mode_partition.indices
    velocities = np.ascontiguousarray(modes.velocities[mine])
    # Bitwise opposite: the two of a pair share one sweep order, and a face almost parallel to the
    # velocity could otherwise be upstream of a cell not visited yet.
    pairs = mode_partition.num_pairs
    velocities[pairs : 2 * pairs] = -velocities[:pairs]
    order: SweepOrder | PipelineOrder
    num_dofs, least = mesh.num_dofs, LEAST_MODES
    if halo is None:
        order = plan_sweep(mesh, velocities, pairs)
    else:
        order = plan_pipeline(mesh, halo, velocities, pairs)
        num_dofs, least = halo.comm.allreduce(num_dofs, MPI.MAX), LEAST_MODES_IN_PARTS
    return Body(
        mesh=mesh,
        modes=modes,
        mode_partition=mode_partition,
        velocities=velocities,
        loss_rates=modes.loss_rates[mine],
        heat_capacities=modes.heat_capacities[mine],
        collisions=local_collisions(kernel, mode_partition),
        order=order,
        heat_sources=heat_sources,
        generation=np.ascontiguousarray(heated[:, mine].T / (heated @ modes.heat_capacities)),
        inflow=inflow[None, :],
        surfaces=tuple(surfaces),
        halo=halo,
        comm=mode_partition.comm if comm is None else comm,
        block_modes=min(max(BLOCK_BYTES // (8 * max(1, num_dofs)), least), MOST_MODES),
    )


def with_self_scattering(body: Body, self_scattering: float) -> Body:
    """Return the body with the split Gamma -> (1 + s) Gamma, M -> M + s Gamma.

    The operator, and with it the sum of all orders, is unchanged; the fictitious events count as
    scattering orders.
    """
    real = body.modes.loss_rates[body.mode_partition.indices]
    return replace(body, loss_rates=(1.0 + self_scattering) * real, self_scattering=self_scattering)


def with_past(body: Body, absorption: complex, past: Numbers | None) -> Body:
    """Return the body without self-scattering and with another absorption [1/s] and past [K/s]."""
    real = body.modes.loss_rates[body.mode_partition.indices]
    return replace(
        body,
        loss_rates=real + absorption,
        absorption=absorption,
        past=past,
        self_scattering=0.0,
    )


def stream(
    body: Body,
    field: Numbers,
    modes: Modes = slice(None),
    walls: bool = True,
    inflow: Numbers | None = None,
) -> None:
    """Replace the source of every mode by its temperature, theta = L^-1 Q, in place.

    One sweep. Collective over the ranks that share the cells, if there are any.

    Args:
        body: The domain.
        field: Source on entry [K/s], mode temperatures on return [K], shape (modes, num_dofs).
        modes: Local modes of the rows; all by default.
        walls: Whether walls emit at their temperature; otherwise they only absorb.
        inflow: Inflow at the boundary instead, shape (modes or 1, num_boundary_dofs) [K].
    """
    if inflow is None:
        inflow = body.inflow if walls else np.zeros_like(body.inflow)
    mesh, order, rates = body.mesh, body.order, body.loss_rates
    if isinstance(order, PipelineOrder):
        assert body.halo is not None
        sweep_pipeline(mesh, body.halo, order, body.velocities, rates, inflow, field, modes)
    else:
        sweep(mesh, order, body.velocities, rates, inflow, field, modes)


def collide(body: Body, field: Array) -> None:
    """Replace the temperatures by the in-scattering Q = M theta (+ s Gamma theta). Collective.

    Args:
        body: The domain.
        field: Mode temperatures on entry [K], in-scattering on return [K/s],
            shape (local modes, num_dofs).
    """
    if body.self_scattering == 0.0:
        body.collisions.mix(field, field)
        return
    real = body.loss_rates / (1.0 + body.self_scattering)
    rate = body.self_scattering * real[:, None]
    # The same columns on all ranks, because mixing is collective.
    for columns in blocks(field.shape[1], 4 * BLOCK):
        block = field[:, columns]
        unchanged = rate * block
        body.collisions.mix(block, block)
        block += unchanged
