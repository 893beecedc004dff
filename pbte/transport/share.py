"""Which modes a rank works on.

Modes are dealt to the ranks in (q, -q) pairs, so that the even and odd parts of a pair are formed
without communication and one visiting order serves both partners.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpi4py import MPI

from pbte.types import IntArray


@dataclass(frozen=True, kw_only=True)
class ModeShare:
    """The modes of one rank, in the canonical order: pairs, their partners, singles.

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

    def even_rows(self, rank: int) -> IntArray:
        """Return the rows of the even block that `rank` holds: its pairs, then its singles."""
        pairs = np.arange(self.pairs[rank], self.pairs[rank + 1])
        singles = np.arange(self.singles[rank], self.singles[rank + 1])
        return np.concatenate([pairs, self.total_pairs + singles])

    def odd_rows(self, rank: int) -> IntArray:
        """Return the rows of the odd block that `rank` holds: its pairs."""
        return np.arange(self.pairs[rank], self.pairs[rank + 1])


def share_modes(num_pairs: int, num_modes: int, comm: MPI.Intracomm) -> ModeShare:
    """Return an even share of the modes for every rank of `comm`.

    Args:
        num_pairs: Number of (q, -q) pairs.
        num_modes: Number of modes, pairs counted twice.
        comm: The ranks.
    """
    singles = num_modes - 2 * num_pairs
    steps = np.arange(comm.size + 1)
    return ModeShare(
        comm=comm,
        pairs=(steps * num_pairs) // comm.size,
        singles=(steps * singles) // comm.size,
        total_pairs=num_pairs,
    )
