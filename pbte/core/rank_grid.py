"""Two-dimensional grid of ranks: groups over the modes, and in each group parts of space.

    rank        0      1      2      3      4      5          6 ranks, 3 parts of space
    part        0      1      2      0      1      2
    modes       ------ group 0 -----  ------ group 1 -----

The parts of space belong to consecutive ranks, which a launcher places on one node: a sweep through
the parts sends thousands of short dependent messages, so it is bound by the latency between
neighbours. The groups of modes communicate once per order to sum the moments, one long message.
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
        """Number of parts of the mesh."""
        return self.space.size

    @property
    def mode_groups(self) -> int:
        """Number of groups of ranks over the modes."""
        return self.modes.size


def rank_grid(comm: MPI.Intracomm, space_parts: int = 1) -> RankGrid:
    """Return the grid of ranks with a number of parts of space.

    Args:
        comm: The ranks.
        space_parts: Number of parts of the mesh.

    Raises:
        InputError: The number of parts does not divide the number of ranks.

    Note:
        Collective over ``comm``.
    """
    if space_parts < 1 or comm.size % space_parts:
        parts = [n for n in range(1, comm.size + 1) if comm.size % n == 0]
        raise InputError(
            f"space_parts = {space_parts}: {comm.size} ranks do not divide evenly among them; the"
            f" number of parts must divide the number of ranks ({', '.join(map(str, parts))})"
        )
    return RankGrid(
        comm=comm,
        modes=cast("MPI.Intracomm", comm.Split(comm.rank % space_parts, comm.rank)),
        space=cast("MPI.Intracomm", comm.Split(comm.rank // space_parts, comm.rank)),
    )
