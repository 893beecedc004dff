"""The grid of ranks: groups that share the modes, and in each of them ranks that share the cells.

    rank        0      1      2      3      4      5          6 ranks, 3 parts of space
    part        0      1      2      0      1      2
    modes       ------ group 0 -----  ------ group 1 -----

The parts of space are given to consecutive ranks, which a launcher places on one node: a sweep
through the parts sends thousands of short messages that each wait for the one before, so it lives
on the latency between neighbours. The groups of modes meet once an order to add up the moments,
one long message that any network carries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from pbte.core.errors import InputError

if TYPE_CHECKING:
    from mpi4py import MPI


@dataclass(frozen=True, kw_only=True)
class RankGrid:
    """The place of a rank among those that share its modes and those that share its cells.

    Attributes:
        comm: All ranks.
        modes: The ranks that hold the same cells and share the modes, one of each group.
        space: The ranks that hold the same modes and share the cells, one group.
    """

    comm: MPI.Intracomm
    modes: MPI.Intracomm
    space: MPI.Intracomm

    @property
    def space_parts(self) -> int:
        """Number of parts that the mesh is cut into."""
        return self.space.size

    @property
    def mode_groups(self) -> int:
        """Number of groups that the modes are dealt to."""
        return self.modes.size


def rank_grid(comm: MPI.Intracomm, space_parts: int = 1) -> RankGrid:
    """Return the grid of ranks with a number of parts of space.

    Args:
        comm: The ranks.
        space_parts: Number of parts that the mesh is cut into.

    Raises:
        InputError: The ranks cannot be dealt evenly to the parts.

    Note:
        Collective over ``comm``.
    """
    if space_parts < 1 or comm.size % space_parts:
        parts = [n for n in range(1, comm.size + 1) if comm.size % n == 0]
        raise InputError(
            f"space_parts = {space_parts}: {comm.size} ranks cannot be dealt evenly to it; the"
            f" number of parts must divide the number of ranks ({', '.join(map(str, parts))})"
        )
    return RankGrid(
        comm=comm,
        modes=cast("MPI.Intracomm", comm.Split(comm.rank % space_parts, comm.rank)),
        space=cast("MPI.Intracomm", comm.Split(comm.rank // space_parts, comm.rank)),
    )
