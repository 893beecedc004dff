"""In-scattering M theta of all modes at all degrees of freedom.

For both kinds of kernel it is a dense matrix product over a block of degrees of freedom (BLAS-3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pbte.core.errors import RunError
from pbte.core.mode_partition import ModePartition
from pbte.core.types import Array, Numbers
from pbte.materials.kernel import CollisionKernel, FactoredKernel, FullKernel

# Columns per matrix product: wide enough for BLAS-3, narrow enough for the work space of a block of
# all modes (4000 modes x 1024 columns = 33 MB) to stay small compared with the field.
BLOCK = 1024


class Collisions(Protocol):
    """Action of a collision kernel on the modes of this rank."""

    def mix(self, theta: Numbers, out: Numbers) -> None:
        """Write M theta to `out`; both (local modes, columns), `out` may be `theta`.

        Real or complex [K] and [K/s]; rows are contiguous in memory.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class FullCollisions:
    """The full matrix as two parity blocks of half the size.

    Inversion symmetry, M(-mu, -nu) = M(mu, nu), splits M exactly: half the flops of the dense
    product. The rows of a rank are views of the kernel, which is stored once per node and, being
    symmetrised, acts on sqrt(c) theta.

    Attributes:
        mode_partition: The modes of each rank.
        even: Rows of this rank, columns of all ranks in rank order [1/s].
        odd: The same for the odd part [1/s].
        scale: sqrt(c/2) of the local pairs, then sqrt(c) of the local singles, shape (n, 1).
    """

    mode_partition: ModePartition
    even: Array
    odd: Array
    scale: Array

    def mix(self, theta: Numbers, out: Numbers) -> None:
        """Write M theta to `out`. Collective over the ranks that share the modes."""
        theta, out = in_reals(theta), in_reals(out)
        mode_partition, num_pairs = self.mode_partition, self.mode_partition.num_pairs
        for columns in blocks(theta.shape[1], BLOCK):
            first, second = theta[:num_pairs, columns], theta[num_pairs : 2 * num_pairs, columns]
            single = theta[2 * num_pairs :, columns]
            even = np.concatenate([first + second, single]) * self.scale
            odd = (first - second) * self.scale[:num_pairs]
            even = self.even @ _gather(mode_partition, even) / self.scale
            odd = self.odd @ _gather(mode_partition, odd) / (2.0 * self.scale[:num_pairs])
            even[:num_pairs] *= 0.5
            np.add(even[:num_pairs], odd, out=out[:num_pairs, columns])
            np.subtract(even[:num_pairs], odd, out=out[num_pairs : 2 * num_pairs, columns])
            out[2 * num_pairs :, columns] = even[num_pairs:]


@dataclass(frozen=True, kw_only=True)
class FactoredCollisions:
    """A factored kernel M = w_in w_out: in-scattering from a few moments.

    Attributes:
        mode_partition: The modes of each rank.
        w_in: Local rows, shape (local modes, rank).
        w_out: Local columns, shape (rank, local modes).
    """

    mode_partition: ModePartition
    w_in: Array
    w_out: Array

    @property
    def rank(self) -> int:
        """Number of moments."""
        return self.w_out.shape[0]

    def mix(self, theta: Numbers, out: Numbers) -> None:
        """Write M theta to `out`. Collective over the ranks that share the modes."""
        theta, out = in_reals(theta), in_reals(out)
        for columns in blocks(theta.shape[1], BLOCK):
            moments = self.mode_partition.sum_over_ranks(self.w_out @ theta[:, columns])
            np.matmul(self.w_in, moments, out=out[:, columns])


def in_reals(numbers: Numbers) -> Array:
    """Return a real view of the same memory, with real and imaginary parts as separate columns."""
    return numbers.view(np.float64) if np.iscomplexobj(numbers) else numbers


def times(matrix: Array, numbers: Numbers) -> Numbers:
    """Return the product of a real matrix and real or complex columns, in real arithmetic."""
    product = matrix @ in_reals(np.ascontiguousarray(numbers))
    return product.view(np.complex128) if np.iscomplexobj(numbers) else product


def local_collisions(kernel: CollisionKernel, mode_partition: ModePartition) -> Collisions:
    """Return the part of a kernel for the modes of this rank."""
    if isinstance(kernel, FullKernel):
        return _local_full(kernel, mode_partition)
    if isinstance(kernel, FactoredKernel):
        return local_factors(kernel, mode_partition)
    raise TypeError(f"no collision operator for a kernel of type {type(kernel).__name__}")


def local_factors(kernel: FactoredKernel, mode_partition: ModePartition) -> FactoredCollisions:
    """Return the rows and columns of a factored kernel that belong to this rank's modes."""
    mine = mode_partition.indices
    return FactoredCollisions(
        mode_partition=mode_partition,
        w_in=np.ascontiguousarray(kernel.w_in[mine]),
        w_out=np.ascontiguousarray(kernel.w_out[:, mine]),
    )


def _local_full(kernel: FullKernel, mode_partition: ModePartition) -> FullCollisions:
    # B acts on sqrt(c) theta in the normalised pair basis, (theta + theta')/sqrt(2).
    root, n = (
        np.sqrt(kernel.modes.heat_capacities)[mode_partition.indices],
        mode_partition.num_pairs,
    )
    return FullCollisions(
        mode_partition=mode_partition,
        even=kernel.even[mode_partition.even_range],
        odd=kernel.odd[mode_partition.odd_range],
        scale=np.concatenate([np.sqrt(0.5) * root[:n], root[2 * n :]])[:, None],
    )


def _gather(mode_partition: ModePartition, rows: Array) -> Array:
    """Return the rows of all ranks, in rank order. Collective."""
    comm = mode_partition.comm
    if comm.size == 1:
        return rows
    heights, widths = zip(*comm.allgather(rows.shape), strict=True)
    if len(set(widths)) > 1:  # would overrun the buffers of the other ranks
        raise RunError(f"the ranks mix {sorted(set(widths))} columns; the numbers must be equal")
    gathered = np.empty((sum(heights), rows.shape[1]))
    comm.Allgatherv(np.ascontiguousarray(rows), [gathered, np.multiply(heights, widths)])
    return gathered


def blocks(total: int, size: int) -> Iterator[slice]:
    """Yield consecutive slices of at most `size` that cover `range(total)`."""
    for start in range(0, total, size):
        yield slice(start, min(start + size, total))
