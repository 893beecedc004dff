"""Blocks of modes in the pipelined sweep: tasks that start as their messages arrive."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from mpi4py import MPI

from pbte.core.errors import RunError
from pbte.core.types import Array, IntArray
from pbte.geometry.partition import Halo
from pbte.geometry.sweep_mesh import CompactIntArray
from pbte.transport.sweep.kernels import (
    ALTERNATION,
    CACHE_LINE,
    MAX_ROUNDS,
    ROUND_OFF,
    upstream_numbers,
)
from pbte.transport.sweep.pipeline_kernels import fill_array, run_task, store_array

if TYPE_CHECKING:
    from pbte.transport.sweep.pipeline_order import PipelineOrder

# Blocks in progress: enough to cover the latency through the ranks. They bound the memory.
BLOCKS_IN_FLIGHT = 8
LARGEST_TAG = 32767  # that every MPI offers

Numbers = npt.NDArray[Any]  # real or complex


@dataclass(frozen=True, kw_only=True)
class SweepInput:
    """Input of a pipelined sweep, see `pbte.transport.sweep.pipeline.sweep_pipeline`.

    Attributes:
        flights: Order of each row of the field, times 2, plus 1 if it is read backwards.
        factors: Velocity of the order over that of each mode [-].
        loss_rates: Gamma of each row, times that factor [1/s].
        spare: Free work arrays of finished blocks.
    """

    halo: Halo
    order: PipelineOrder
    flights: IntArray
    factors: Array
    loss_rates: Numbers
    inflow: Numbers
    field: Numbers
    spare: list[Numbers] = dataclasses.field(default_factory=list)


class Block:
    """Some modes, and their progress on this rank.

    Attributes:
        number: Position of the block in the sequence, the same on all ranks.
        members: Rows of the field of each work array, one in each lane, shape (arrays, lanes).
        stage: The next stage of the cells to be visited.
    """

    def __init__(self, inputs: SweepInput, number: int, members: IntArray) -> None:
        order, halo = inputs.order, inputs.halo
        self.inputs, self.number, self.members = inputs, number, members
        self.flights = inputs.flights[members[:, 0]]
        rates = np.ascontiguousarray(inputs.loss_rates[members])
        self.loss_rates = rates[:, 0].copy() if self.lanes == 1 else rates
        signs = np.where(self.flights % 2, -1.0, 1.0)
        self.velocities = signs[:, None] * order.directions[self.flights // 2]
        self.stage = 0
        self.num_stages = int(order.last[self.flights // 2].max()) + 1
        width = self.num_stages * halo.neighbours.size + 1
        self.in_offsets, self.in_ends = _message_offsets(order.in_starts[self.flights, :width])
        self.out_offsets, self.out_ends = _message_offsets(order.out_starts[self.flights, :width])
        columns, kind = halo.send_dofs.shape[1] * self.lanes, inputs.field.dtype
        self.arrived = np.empty((self.in_ends[-1], columns), dtype=kind)
        self.sent = np.empty((self.out_ends[-1], columns), dtype=kind)
        self.arrivals: list[list[MPI.Request]] = []
        self.sending: list[MPI.Request] = []
        self.source: Numbers = np.empty((0, 0))
        self.theta: Numbers = np.empty((0, 0))

    @property
    def lanes(self) -> int:
        """Modes in each work array."""
        return self.members.shape[1]

    @property
    def temperatures(self) -> Numbers:
        """Temperatures so far, shape (arrays, num_dofs * lanes) [K]."""
        return self.theta[:, : self.inputs.field.shape[1] * self.lanes]

    def take_arrays(self) -> None:
        """Acquire free work arrays, or allocate new ones."""
        inputs, size = self.inputs, len(self.members)
        width = (inputs.field.shape[1] + inputs.inflow.shape[1] + 1) * self.lanes
        spare = inputs.spare.pop() if inputs.spare else np.empty((0, 0))
        if spare.shape[0] < size or spare.shape[1] < width:
            spare = _aligned_rows(size, width, inputs.field.dtype)
        self.theta = spare[:size]
        # A source is read right before the temperature is written in its place.
        self.source = self.theta

    def leave_arrays(self) -> None:
        """Release the work arrays."""
        self.inputs.spare.append(self.theta)

    def fill(self) -> None:
        """Copy the sources and the inflow of walls to the work arrays, for repeated sweeps."""
        inputs = self.inputs
        given = inputs.inflow.shape[1] - inputs.halo.recv_boundary_dofs.size
        for rows, work in zip(self.members, self.theta, strict=True):
            fill_array(inputs.field, rows, inputs.factors[rows], inputs.inflow, given, work)
        self.source = self.theta.copy()
        self.temperatures[:] = 0.0

    def store(self) -> None:
        """Write the temperatures to the field, in place of the sources."""
        for rows, work in zip(self.members, self.theta, strict=True):
            store_array(self.inputs.field, rows, work)

    def begin(self) -> None:
        """Post the receives of all messages."""
        self.stage = 0
        self.arrivals = [
            [
                self.inputs.halo.comm.Irecv(self.arrived[first:end], rank, self._tag(stage))
                for rank, first, end in self._messages(self.in_ends, stage)
            ]
            for stage in range(self.num_stages)
        ]

    @property
    def done(self) -> bool:
        """True if all cells are visited and all messages received.

        Messages after the last stage exist only in a cycle: for the next round.
        """
        return self.stage > self.num_stages or (
            self.stage == self.num_stages and not self.arrivals[-1]
        )

    @property
    def awaited(self) -> list[MPI.Request]:
        """Messages without which the next task cannot start."""
        return self.arrivals[self.stage - 1] if self.stage > 0 else []

    def run_task(self, whole: bool) -> None:
        """Solve the cells of one stage and send their outflow to other ranks.

        Args:
            whole: Whether the first stage takes the sources from the field and the last one puts
                the temperatures there.
        """
        inputs, order, halo = self.inputs, self.inputs.order, self.inputs.halo
        dim = halo.send_dofs.shape[1]
        records = order.records
        run_task(
            (0.0,) * dim,
            self.stage,
            whole,
            (records, upstream_numbers(records, dim), order.cells, order.starts, order.last),
            (
                halo.neighbours.size,
                halo.send_dofs,
                halo.recv_boundary_dofs,
                order.faces,
                order.out_starts,
                order.in_starts,
            ),
            (
                self.flights,
                self.velocities,
                self.loss_rates,
                self.members,
                inputs.factors[self.members],
                self.out_offsets,
                self.in_offsets,
            ),
            (inputs.field, inputs.inflow, inputs.inflow.shape[1] - halo.recv_boundary_dofs.size),
            self.source,
            self.theta,
            (self.sent, self.arrived),
        )
        if self.stage < self.num_stages:
            for rank, first, end in self._messages(self.out_ends, self.stage):
                message = self.sent[first:end]
                self.sending.append(halo.comm.Isend(message, rank, self._tag(self.stage)))
        self.stage += 1

    def _messages(self, ends: IntArray, stage: int) -> Iterable[tuple[int, int, int]]:
        """Yield neighbour, begin and end of each message of a stage that is not empty."""
        num = self.inputs.halo.neighbours.size
        for i, rank in enumerate(self.inputs.halo.neighbours):
            first, end = ends[stage * num + i : stage * num + i + 2]
            if first < end:
                yield int(rank), int(first), int(end)

    @property
    def tag_cycle(self) -> int:
        """Number of blocks after which tags repeat."""
        return max(1, LARGEST_TAG // (self.inputs.order.starts.shape[1] - 1))

    def _tag(self, stage: int) -> int:
        num_stages = self.inputs.order.starts.shape[1] - 1
        return (self.number % self.tag_cycle) * num_stages + stage


def run_blocks(blocks: Iterable[Block], *, whole: bool = True) -> None:
    """Run blocks through all their stages, several at once, the oldest first.

    There is no deadlock: the oldest block that is unfinished anywhere is in progress on all ranks
    that have not finished it, and its earliest task can start.

    Args:
        blocks: The blocks, in the same order on all ranks.
        whole: Whether they take their sources from the field and put their temperatures there;
            if not, they start another round from their present temperatures.

    Note:
        Collective over the ranks that share the cells.
    """
    rest = iter(blocks)
    coming = next(rest, None)
    flying: list[Block] = []
    unsent: list[Block] = []
    while coming is not None or flying:
        # Messages of one tag must be sent in the order in which they are expected.
        while coming is not None and len(flying) < BLOCKS_IN_FLIGHT:
            if flying and coming.number >= flying[0].number + coming.tag_cycle:
                break
            if whole:
                coming.take_arrays()
            coming.begin()
            flying.append(coming)
            coming = next(rest, None)
        ready = next((b for b in flying if MPI.Request.Testall(b.awaited)), None)
        if ready is None:
            MPI.Request.Waitany([request for b in flying for request in b.awaited])
            continue
        ready.run_task(whole)
        if ready.done:
            flying.remove(ready)
            if whole:
                ready.leave_arrays()
            unsent = [b for b in [*unsent, ready] if not MPI.Request.Testall(b.sending)]
    MPI.Request.Waitall([request for b in unsent for request in b.sending])


def run_until_settled(blocks: list[Block], comm: MPI.Intracomm) -> None:
    """Sweep modes with cyclic dependencies repeatedly until convergence.

    Raises:
        RunError: Some did not converge; on all ranks.

    Note:
        Collective over ``comm``.
    """
    for block in blocks:
        block.take_arrays()
        block.fill()
    run_blocks(blocks, whole=False)
    moving, least = blocks, np.full(sum(block.members.size for block in blocks), np.inf)
    for _ in range(MAX_ROUNDS):
        before = [block.temperatures.copy() for block in moving]
        run_blocks(moving, whole=False)
        sizes = np.concatenate([_largest(old, b) for old, b in zip(before, moving, strict=True)])
        steps = [_largest(b.temperatures - old, b) for old, b in zip(before, moving, strict=True)]
        both = np.stack([np.concatenate(steps), sizes])
        comm.Allreduce(MPI.IN_PLACE, both, MPI.MAX)
        change, size = both
        limit = np.where(change >= least, ALTERNATION, ROUND_OFF)
        ends = np.cumsum([block.members.size for block in moving])[:-1]
        unsettled = [modes.any() for modes in np.split(change > limit * size, ends)]
        parts = np.split(np.minimum(least, change), ends)
        moving = list(itertools.compress(moving, unsettled))
        least = np.concatenate([np.empty(0), *itertools.compress(parts, unsettled)])
        if not moving:
            break
    for block in blocks:
        block.store()
        block.leave_arrays()
    if moving:
        raise RunError(
            f"the drift of up to {sum(block.members.size for block in moving)} modes did not"
            f" settle in {MAX_ROUNDS} rounds through cells that depend on each other in a cycle;"
            " use a mesh of better quality"
        )


def _largest(values: Numbers, block: Block) -> Array:
    """Return the largest magnitude in each lane of each work array, flat."""
    by_lane = np.abs(values).reshape(len(values), -1, block.lanes)
    largest: Array = by_lane.max(axis=1, initial=0.0).ravel()
    return largest


def _message_offsets(starts: CompactIntArray) -> tuple[IntArray, IntArray]:
    """Return where the facets of (work array, message) begin in a buffer of whole messages.

    A message holds the facets of all modes of a block, one after the other.

    Args:
        starts: Begin of each message in the list of each flight, shape (arrays, messages + 1).

    Returns:
        Begin of the facets of each, shape (arrays, messages), and of each message,
        shape (messages + 1,).
    """
    counts = np.diff(starts, axis=1).astype(np.int64)
    ends = np.concatenate([[0], np.cumsum(counts.sum(axis=0))])
    return np.cumsum(counts, axis=0) - counts + ends[:-1], ends


def _aligned_rows(num_rows: int, width: int, kind: npt.DTypeLike) -> Numbers:
    """Return an array whose rows, no shorter than asked for, begin with a cache line."""
    size = np.dtype(kind).itemsize
    line = 8 * CACHE_LINE // size
    stride = -(-width // line) * line
    memory = np.empty(num_rows * stride + line, dtype=kind)
    first = (-memory.ctypes.data % (line * size)) // size
    return memory[first : first + num_rows * stride].reshape(num_rows, stride)
