"""Distribution of the modes over the ranks.

Modes are distributed in (q, -q) pairs, so that the even and odd parts of a pair are formed without
communication and one sweep order serves both partners. Each rank gets an equal number of modes or,
where costs differ, an equal cost: modes with cyclic dependencies are swept many times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpi4py import MPI

from pbte.core.errors import InputError
from pbte.core.types import Array, IntArray, Numbers

# Typical sweeps until a mode with cyclic dependencies of its cells converges.
TYPICAL_ROUNDS = 20

# Sums in another order differ by round-off, which must not change the partition.
_ROUND_OFF = 1e-9


@dataclass(frozen=True, kw_only=True)
class ModePartition:
    """The modes of one rank, in the canonical order: pairs, their partners, singles.

    The ranks follow the sequence of all pairs and then all singles, so that the rows of a rank in
    both parity blocks are consecutive and the rows of all ranks, in rank order, are all rows.

    Attributes:
        comm: The ranks that share the modes.
        pairs: Range of pairs of every rank, shape (num_ranks + 1,).
        singles: Range of self-partnered modes of every rank, shape (num_ranks + 1,).
        total_pairs: Number of pairs of the crystal.
    """

    comm: MPI.Intracomm
    pairs: IntArray
    singles: IntArray
    total_pairs: int

    @property
    def num_pairs(self) -> int:
        """Number of pairs on this rank."""
        return int(self.pairs[self.comm.rank + 1] - self.pairs[self.comm.rank])

    @property
    def num_singles(self) -> int:
        """Number of self-partnered modes on this rank."""
        return int(self.singles[self.comm.rank + 1] - self.singles[self.comm.rank])

    @property
    def num_modes(self) -> int:
        """Number of modes on this rank."""
        return 2 * self.num_pairs + self.num_singles

    @property
    def indices(self) -> IntArray:
        """Canonical index of each local mode, shape (num_modes,)."""
        pairs = np.arange(self.pairs[self.comm.rank], self.pairs[self.comm.rank + 1])
        singles = np.arange(self.singles[self.comm.rank], self.singles[self.comm.rank + 1])
        return np.concatenate([pairs, self.total_pairs + pairs, 2 * self.total_pairs + singles])

    def sum_over_ranks(self, local: Numbers) -> Numbers:
        """Return the sum of an array over the ranks. Collective."""
        whole = np.array(local, dtype=np.result_type(local, np.float64), order="C")
        if self.comm.size > 1:  # in place and as it is: pickles of large arrays are slow
            self.comm.Allreduce(MPI.IN_PLACE, whole)
        return whole

    @property
    def even_range(self) -> slice:
        """The rows of the even block that this rank holds, consecutive ones."""
        start = self.pairs[self.comm.rank] + self.singles[self.comm.rank]
        return slice(int(start), int(start) + self.num_pairs + self.num_singles)

    @property
    def odd_range(self) -> slice:
        """The rows of the odd block that this rank holds, consecutive ones."""
        return slice(int(self.pairs[self.comm.rank]), int(self.pairs[self.comm.rank + 1]))


def partition_modes(
    num_pairs: int,
    num_modes: int,
    comm: MPI.Intracomm,
    *,
    costs: Array | None = None,
    speeds: Array | None = None,
) -> ModePartition:
    """Return the partition of the modes over the ranks of `comm`, balanced by number or by cost.

    Pairs first and then the self-partnered modes, in contiguous ranges. By cost, no other such
    ranges give a smaller largest time of a rank.

    Args:
        num_pairs: Number of (q, -q) pairs.
        num_modes: Number of modes, pairs counted twice.
        comm: The ranks.
        costs: Cost of each pair, then of each self-partnered mode, the same on every rank, shape
            (num_modes - num_pairs,) [any unit]; see `sweep_costs`. By number if None.
        speeds: Speed of each rank, the same on every rank, shape (num_ranks,) [any unit]; equal if
            None. Measured speeds make the partition, and with it the round-off of sums over ranks,
            differ from run to run.

    Raises:
        InputError: A cost or speed is missing, not positive or not finite.
    """
    singles = num_modes - 2 * num_pairs
    by_number = costs is None and speeds is None
    if costs is None:
        costs = np.repeat([2.0, 1.0], [num_pairs, singles])
    if speeds is None:
        speeds = np.ones(comm.size)
    _require_positive("costs", costs, num_pairs + singles)
    _require_positive("speeds", speeds, comm.size)
    cuts = _nearest_cuts(costs, speeds) if by_number else fair_cuts(costs, speeds)
    pair_cuts, single_cuts = np.minimum(cuts, num_pairs), np.maximum(cuts - num_pairs, 0)
    return ModePartition(comm=comm, pairs=pair_cuts, singles=single_cuts, total_pairs=num_pairs)


def sweep_costs(lagged: Numbers, num_pairs: int) -> Array:
    """Return the sweep cost of each pair and each self-partnered mode, in visits per cell.

    A mode is swept once, one with cyclic dependencies until it converges. The number of sweeps
    depends on the source; a typical number is used, so that the partition is reproducible.

    Args:
        lagged: Cells visited before their upstream neighbours by each mode (see `SweepOrder`),
            shape (num_modes,).
        num_pairs: Number of (q, -q) pairs.

    Returns:
        Shape (num_modes - num_pairs,) [-].
    """
    visits = np.where(np.asarray(lagged) > 0, 1.0 + TYPICAL_ROUNDS, 1.0)
    return np.concatenate(
        [visits[:num_pairs] + visits[num_pairs : 2 * num_pairs], visits[2 * num_pairs :]]
    )


def fair_cuts(costs: Array, speeds: Array) -> IntArray:
    """Return the cuts of a sequence that minimise the largest cost over speed of a part.

    The least time is found by bisection, to one part in 10^9: given a time, each part takes as many
    items as it can process. Among the cuts of this time each is the one nearest to an even
    partition.

    Args:
        costs: Positive, shape (num_items,).
        speeds: Positive, shape (num_parts,).

    Returns:
        Part p is cuts[p] to cuts[p + 1], shape (num_parts + 1,).
    """
    ends = np.concatenate([[0.0], np.cumsum(costs)])
    shortest, enough = 0.0, float(ends[-1] / speeds.min())
    while enough - shortest > _ROUND_OFF * enough:
        middle = 0.5 * (shortest + enough)
        if _reach(ends, speeds, middle)[-1] == costs.size:
            enough = middle
        else:
            shortest = middle
    nearest = _nearest_cuts(costs, speeds)
    backwards = _reach(ends[-1] - ends[::-1], speeds[::-1], enough)
    earliest = costs.size - backwards[::-1]
    cuts = np.zeros(speeds.size + 1, dtype=np.int64)
    for part, speed in enumerate(speeds):
        furthest = _last_within(ends, ends[cuts[part]] + enough * speed)
        cuts[part + 1] = min(max(nearest[part + 1], earliest[part + 1], cuts[part]), furthest)
    return cuts


def _nearest_cuts(costs: Array, speeds: Array) -> IntArray:
    """Return the cuts whose sums of costs are nearest to those of an even partition."""
    ends = np.concatenate([[0.0], np.cumsum(costs)])
    ideal = ends[-1] * np.concatenate([[0.0], np.cumsum(speeds)]) / speeds.sum()
    middles = 0.5 * (ends[1:] + ends[:-1])
    cuts: IntArray = np.searchsorted(middles, ideal * (1.0 - _ROUND_OFF), side="left")
    return cuts


def _reach(ends: Array, speeds: Array, time: float) -> IntArray:
    """Return the cuts when each part takes as many items as it can process in a time."""
    cuts = np.zeros(speeds.size + 1, dtype=np.int64)
    for part, speed in enumerate(speeds):
        cuts[part + 1] = _last_within(ends, ends[cuts[part]] + time * speed)
    return cuts


def _last_within(ends: Array, limit: float) -> int:
    return int(np.searchsorted(ends, limit * (1.0 + _ROUND_OFF), side="right")) - 1


def _require_positive(what: str, values: Array, size: int) -> None:
    if values.shape != (size,):
        raise InputError(f"{what} of the modes: {values.shape} numbers, expected ({size},)")
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0.0)))
    if bad.size:
        raise InputError(
            f"{what} of the modes: number {bad[0]} is {values[bad[0]]:g}; expected positive numbers"
        )


def all_modes(mode_partition: ModePartition, rows: Numbers) -> Numbers:
    """Return the rows of all modes in canonical order, gathered from the ranks.

    Args:
        mode_partition: The modes of each rank.
        rows: A number or a row for each local mode, shape (local modes, ...).

    Returns:
        Shape (num_modes, ...).

    Note:
        Collective over the ranks that share the modes.
    """
    comm = mode_partition.comm
    if comm.size == 1:
        return np.ascontiguousarray(rows)
    width = int(np.prod(rows.shape[1:]))
    indices = comm.allgather(mode_partition.indices)
    counts = [index.size * width for index in indices]
    size = sum(index.size for index in indices)
    gathered = np.empty((size, *rows.shape[1:]), dtype=np.result_type(rows, np.float64))
    comm.Allgatherv(np.ascontiguousarray(rows, dtype=gathered.dtype), [gathered, counts])
    ordered = np.empty_like(gathered)
    ordered[np.concatenate(indices)] = gathered
    return ordered
