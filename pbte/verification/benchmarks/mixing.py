"""The rate of mixing: the full matrix by parity, next to the machine's own matrix product."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpi4py import MPI

from pbte.core.mode_partition import partition_modes
from pbte.materials.kernel import CollisionKernel, FactoredKernel, FullKernel
from pbte.transport.collisions import local_collisions
from pbte.verification.benchmarks.clock import Timing, measure
from pbte.verification.benchmarks.machine import multiplication_rate


@dataclass(frozen=True, kw_only=True)
class CollideFigures:
    """Cost of in-scattering from all modes into all modes.

    Attributes:
        material: Material.
        scattering: "full", or "rank k".
        num_modes: Modes.
        num_columns: Degrees of freedom that were mixed.
        collide: Mixing of all of them.
        flops: Floating-point operations in it: the matrix products, nothing else.
        rate: Operations per second [flop/s].
        multiplication_rate: Rate of large square matrix products in the same run [flop/s].
        share: One over the other [-].
        ns_per_unknown: Processor time per unknown [ns].
    """

    material: str
    scattering: str
    num_modes: int
    num_columns: int
    collide: Timing
    flops: int
    rate: float
    multiplication_rate: float
    share: float
    ns_per_unknown: float


def collide_figures(
    kernel: CollisionKernel, *, num_columns: int, size: int, repeats: int, threads: int
) -> CollideFigures:
    """Return the cost of mixing a number of columns.

    Args:
        kernel: How the modes scatter.
        num_columns: Degrees of freedom to mix.
        size: Rows of the square matrices that the machine's own rate is measured with.
        repeats: How often to mix.
        threads: Threads in use, which decide by which clock the rates count.
    """
    modes = kernel.modes
    collisions = local_collisions(
        kernel, partition_modes(modes.num_pairs, modes.num_modes, MPI.COMM_SELF)
    )
    field = np.ones((modes.num_modes, num_columns))
    collisions.mix(field, field)
    before = multiplication_rate(size, repeats, threads=threads)
    collide = measure(
        lambda: collisions.mix(field, field), repeats=repeats, prepare=lambda: field.fill(1.0)
    )
    # Before and after: the machine may have been quieter at one of them.
    best = max(before, multiplication_rate(size, repeats, threads=threads))
    flops = 2 * num_columns * num_products(kernel)
    rate = flops / (collide.cpu_min if threads == 1 else collide.wall_min)
    return CollideFigures(
        material=modes.name,
        scattering=scattering_name(kernel),
        num_modes=modes.num_modes,
        num_columns=num_columns,
        collide=collide,
        flops=flops,
        rate=rate,
        multiplication_rate=best,
        share=rate / best,
        ns_per_unknown=1e9 * collide.cpu_min / field.size,
    )


def num_products(kernel: CollisionKernel) -> int:
    """Return the multiplications that mixing one column takes.

    Raises:
        TypeError: The kernel is of no known kind.
    """
    if isinstance(kernel, FullKernel):
        return kernel.even.size + kernel.odd.size
    if isinstance(kernel, FactoredKernel):
        return kernel.w_in.size + kernel.w_out.size
    raise TypeError(f"no cost is known of a kernel of type {type(kernel).__name__}")


def scattering_name(kernel: CollisionKernel) -> str:
    """Return "full" or "rank k"."""
    return f"rank {kernel.w_out.shape[0]}" if isinstance(kernel, FactoredKernel) else "full"
