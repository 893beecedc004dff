"""State of sources and surfaces that a restart needs, with the names of its axes.

The owners of the state give it as distributed arrays (`state_arrays`), views of their own memory:
reading a checkpoint writes into it. (Splitting an axis never takes a copy.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pbte.core.distributed_array import DistributedArray
from pbte.core.types import IntArray, Numbers
from pbte.transport.body import Body

StateArrays = dict[str, DistributedArray]


@dataclass(frozen=True, kw_only=True)
class Numbering:
    """The number that cells and boundary facets of this rank have in their whole body.

    Attributes:
        cells: For each body, shape (num_cells,).
        facets: For each body, those of walls and interfaces, shape (num_facets,).
    """

    cells: tuple[IntArray, ...]
    facets: tuple[IntArray, ...]


def mode_field(body: Body, cells: IntArray, values: Numbers) -> DistributedArray:
    """Return a field of the local modes, shape (local modes, num_dofs)."""
    corners = body.mesh.dim + 1
    return DistributedArray(
        axes=("mode", "cell", "vertex"),
        numbers=(body.mode_partition.indices, cells, np.arange(corners)),
        values=values.reshape(values.shape[0], cells.size, corners),
    )


def moment_field(body: Body, cells: IntArray, values: Numbers) -> DistributedArray:
    """Return moments that all ranks of the modes hold, shape (moments, num_dofs); one writes."""
    corners = body.mesh.dim + 1
    return DistributedArray(
        axes=("moment", "cell", "vertex"),
        numbers=(np.arange(values.shape[0]), cells, np.arange(corners)),
        values=values.reshape(values.shape[0], cells.size, corners),
        is_written=body.mode_partition.comm.rank == 0,
    )


def mode_weights(body: Body, values: Numbers) -> DistributedArray:
    """Return the weights of each local mode in moments, shape (local modes, moments)."""
    return DistributedArray(
        axes=("mode", "moment"),
        numbers=(body.mode_partition.indices, np.arange(values.shape[1])),
        values=values,
    )


def named(prefix: str, arrays: Mapping[str, DistributedArray]) -> StateArrays:
    """Return arrays with a prefix to their names."""
    return {f"{prefix}.{name}": array for name, array in arrays.items()}
