"""Convergence of the scattering orders: leading eigenvalues of L^-1 M from the orders.

Successive orders are a Krylov sequence of L^-1 M. A few moments of each (those of the kernel's
largest eigenvalues, which dominate the slowest error modes) are stored, and the operator is
projected on them: dynamic mode decomposition (Schmid, J. Fluid Mech. 656, 5 (2010)), an Arnoldi
estimate without stored fields. The ratio of successive orders would oscillate, because the spectrum
extends from -1.2 to +1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pbte.core.types import Array
from pbte.materials.kernel import FactoredKernel
from pbte.transport.body import Body
from pbte.transport.collisions import local_factors
from pbte.transport.reports import SpectralEstimate
from pbte.transport.state import Numbering, StateArrays, mode_weights, moment_field
from pbte.transport.system import StreamedBlock, System, as_system

# Moments that are stored of each order.
NUM_MOMENTS = 8
# The first orders contain hundreds of decaying error modes; the projection is better without them.
SKIPPED_ORDERS = 2
# Singular vectors of the snapshots below this are round-off of the previous orders.
RELATIVE_RANK = 1e-9
# A projected eigenvalue is reliable if its relative residual is below this.
RELIABLE = 0.1

# Orders converge reasonably fast if no eigenvalue is below this. Positive eigenvalues need no
# bound: energy conservation and absorbing walls keep them below 1.
LEAST_EIGENVALUE = -0.95


def converges(estimate: SpectralEstimate) -> bool:
    """Return whether the orders converge: no eigenvalue near or below -1."""
    return estimate.most_negative > LEAST_EIGENVALUE


class SpectralEstimator:
    """Tally of moments of successive orders that estimates the leading eigenvalues.

    Args:
        system: The bodies.
        kernels: Leading factors of the kernel of each body, largest eigenvalues first.

    Attributes:
        orders: Moments of each order so far, for each body, shape (moments, num_dofs), scaled with
            the square root of the volume at each degree of freedom.
        weights: For each body the weights of the moments, shape (moments, local modes).
    """

    def __init__(self, system: System | Body, *kernels: FactoredKernel) -> None:
        self.system = as_system(system)
        self.orders: list[list[Array]] = []
        self.weights = [
            local_factors(kernel, body.mode_partition).w_out[:NUM_MOMENTS]
            for kernel, body in zip(kernels, self.system.bodies, strict=True)
        ]
        self._begin()

    def _begin(self) -> None:
        self._moments = self._nothing()

    def _nothing(self) -> list[Array]:
        return [
            np.zeros((weights.shape[0], body.mesh.num_dofs)) for weights, body in self._bodies()
        ]

    def state_arrays(self, numbering: Numbering) -> StateArrays:
        """Return the moments of all orders and their weights, by name; the arrays themselves.

        Eigenvectors are defined up to a sign or a rotation, so that moments need their own weights.
        """
        arrays: StateArrays = {}
        for number, (weights, body) in enumerate(self._bodies()):
            arrays[f"body_{number}.estimate_weights"] = mode_weights(body, weights.T)
            for order, moments in enumerate(self.orders):
                name = f"body_{number}.estimate_moments_{order}"
                arrays[name] = moment_field(body, numbering.cells[number], moments[number])
        return arrays

    def make_room(self, num_orders: int) -> None:
        """Allocate the moments of some orders and their weights, to be read from a checkpoint."""
        self.weights = [np.zeros_like(weights) for weights in self.weights]
        self.orders = [self._nothing() for _ in range(num_orders)]

    def _bodies(self) -> list[tuple[Array, Body]]:
        return list(zip(self.weights, self.system.bodies, strict=True))

    def accumulate(self, block: StreamedBlock) -> None:
        """Add the leading moments of some modes of the next order."""
        self._moments[block.body] += self.weights[block.body][:, block.modes] @ block.theta

    def next_order(self) -> None:
        """Store the accumulated moments as one more order. Collective."""
        self.orders.append(
            [
                body.mode_partition.sum_over_ranks(moments) * np.sqrt(body.mesh.dof_weights)
                for moments, body in zip(self._moments, self.system.bodies, strict=True)
            ]
        )
        self._begin()

    def estimate(self) -> SpectralEstimate:
        """Return the leading eigenvalues from the orders so far. Collective."""
        used = self.orders[min(SKIPPED_ORDERS, max(0, len(self.orders) - 3)) :]
        rows = [np.concatenate([moments.ravel() for moments in order]) for order in used]
        values, residuals = _project(np.array(rows), self.system.bodies[0])
        good = values[residuals < RELIABLE] if np.any(residuals < RELIABLE) else values[:1]
        dominant = good[np.argmax(np.abs(good))] if good.size else complex(0.0)
        return SpectralEstimate(
            self_scattering=self.system.self_scattering,
            eigenvalues=tuple(complex(value) for value in good),
            dominant=float(dominant.real),
            most_negative=float(good.real.min()) if good.size else 0.0,
            num_orders=len(self.orders),
        )


def _project(snapshots: Array, body: Body) -> tuple[npt.NDArray[np.complex128], Array]:
    """Return projected eigenvalues, largest modulus first, and their residuals [-].

    The columns are spread over the ranks that share the cells. Collective over them.
    """
    total = body.sum_over_space
    if len(snapshots) < 2:
        return np.zeros(0, dtype=complex), np.zeros(0)
    # Each snapshot is normalised so that growth does not hide the early ones; the map from one
    # to the next then carries the ratio of the norms.
    norms = np.sqrt(total(np.square(snapshots).sum(axis=1)))
    if norms[0] == 0.0 or not np.all(np.isfinite(norms)):
        return np.zeros(0, dtype=complex), np.zeros(0)
    before = (snapshots[:-1] / norms[:-1, None]).T
    after = (snapshots[1:] / norms[:-1, None]).T
    left, weights, right = _singular(before, body)
    kept = weights > RELATIVE_RANK * weights[0]
    left, weights, right = left[:, kept], weights[kept], right[kept]
    values, vectors = np.linalg.eig(total(left.T @ after) @ (right.T / weights))
    image = after @ ((right.T / weights) @ vectors)
    misses = image - (left @ vectors) * values
    residuals, sizes = np.sqrt(
        total(np.stack([np.square(np.abs(x)).sum(axis=0) for x in (misses, image)]))
    )
    order = np.argsort(-np.abs(values))
    return values[order], (residuals / np.maximum(sizes, np.finfo(float).tiny))[order]


def _singular(columns: Array, body: Body) -> tuple[Array, Array, Array]:
    """Return the singular value decomposition, this rank's rows of the left vectors. Collective.

    Where ranks share the cells each factorises its rows, and all factorise the resulting triangles
    (TSQR: Demmel, Grigori, Hoemmen & Langou, SIAM J. Sci. Comput. 34, A206 (2012)): no loss of
    accuracy, unlike Gram matrices.
    """
    if body.halo is None:
        left, weights, right = np.linalg.svd(columns, full_matrices=False)
        return left, weights, right
    comm = body.halo.comm
    basis, triangle = np.linalg.qr(columns)
    triangles = comm.allgather(triangle)
    joint, triangle = np.linalg.qr(np.vstack(triangles))
    start = sum(len(other) for other in triangles[: comm.rank])
    turn, weights, right = np.linalg.svd(triangle, full_matrices=False)
    return basis @ joint[start : start + basis.shape[1]] @ turn, weights, right
