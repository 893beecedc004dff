"""Do the scattering orders grow or fade? The leading eigenvalues of L^-1 M from the orders.

Successive orders are a Krylov sequence of L^-1 M. A few moments of each (those of the kernel's
largest eigenvalues, which the slowest modes are made of) are kept, and the operator is projected
on them: dynamic mode decomposition (Schmid, J. Fluid Mech. 656, 5 (2010)), an Arnoldi estimate
that does not store the fields. The ratio of successive orders would swing, because the spectrum
reaches -1.2 on one side and +1 on the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pbte.materials.kernel import FactoredKernel
from pbte.transport.collisions import local_factors
from pbte.transport.problem import Modes, Problem
from pbte.transport.reports import EigenvalueEstimate
from pbte.types import Array

# Moments that are kept of each order.
NUM_MOMENTS = 8
# The first orders still hold hundreds of fading modes; the projection is better without them.
SKIPPED_ORDERS = 2
# Directions of the snapshots weaker than this are round-off of the orders before them.
RELATIVE_RANK = 1e-9
# A projected eigenvalue counts when its vector is reproduced this well by one more order.
RELIABLE = 0.1

# Orders fade reasonably quickly when no eigenvalue lies below this one. The positive ones need no
# bound: energy conservation and absorbing walls keep them below 1.
LEAST_EIGENVALUE = -0.95


def fades(estimate: EigenvalueEstimate) -> bool:
    """Return whether orders that grow like this fade, the alternating ones too."""
    return estimate.most_negative > LEAST_EIGENVALUE


@dataclass
class GrowthEstimate:
    """Collects moments of successive orders and estimates how they grow.

    Args:
        problem: The problem whose orders are observed.
        kernel: Leading factors of its kernel, largest eigenvalues first.
    """

    problem: Problem
    kernel: FactoredKernel
    snapshots: list[Array] = field(default_factory=list)

    def __post_init__(self) -> None:
        factors = local_factors(self.kernel, self.problem.share)
        self._weights = factors.w_out[:NUM_MOMENTS]
        self._moments = np.zeros((self._weights.shape[0], self.problem.mesh.num_dofs))

    def watch(self, theta: Array, modes: Modes = slice(None), inflow: Array | None = None) -> None:
        """Add the leading moments of some modes of the next order."""
        self._moments += self._weights[:, modes] @ theta

    def next_order(self) -> None:
        """Keep what was watched as one more order. Collective."""
        moments = self.problem.share.comm.allreduce(self._moments)
        self.snapshots.append((moments * np.sqrt(self.problem.mesh.dof_weights)).ravel())
        self._moments = np.zeros_like(self._moments)

    def estimate(self) -> EigenvalueEstimate:
        """Return the leading eigenvalues from the orders seen so far."""
        used = self.snapshots[min(SKIPPED_ORDERS, max(0, len(self.snapshots) - 3)) :]
        values, defects = _project(np.array(used))
        good = values[defects < RELIABLE] if np.any(defects < RELIABLE) else values[:1]
        dominant = good[np.argmax(np.abs(good))] if good.size else complex(0.0)
        return EigenvalueEstimate(
            self_scattering=self.problem.self_scattering,
            eigenvalues=tuple(complex(value) for value in good),
            dominant=float(dominant.real),
            most_negative=float(good.real.min()) if good.size else 0.0,
            num_orders=len(self.snapshots),
        )


def _project(snapshots: Array) -> tuple[npt.NDArray[np.complex128], Array]:
    """Return projected eigenvalues, largest modulus first, and the defect of each [-]."""
    if len(snapshots) < 2:
        return np.zeros(0, dtype=complex), np.zeros(0)
    # Each snapshot is normalised so that growth does not hide the early ones; the map from one
    # to the next then carries the ratio of the norms.
    norms = np.linalg.norm(snapshots, axis=1)
    if norms[0] == 0.0 or not np.all(np.isfinite(norms)):
        return np.zeros(0, dtype=complex), np.zeros(0)
    before = (snapshots[:-1] / norms[:-1, None]).T
    after = (snapshots[1:] / norms[:-1, None]).T
    left, weights, right = np.linalg.svd(before, full_matrices=False)
    kept = weights > RELATIVE_RANK * weights[0]
    left, weights, right = left[:, kept], weights[kept], right[kept]
    values, vectors = np.linalg.eig(left.T @ after @ (right.T / weights))
    image = after @ ((right.T / weights) @ vectors)
    defects = np.linalg.norm(image - (left @ vectors) * values, axis=0)
    defects /= np.maximum(np.linalg.norm(image, axis=0), np.finfo(float).tiny)
    order = np.argsort(-np.abs(values))
    return values[order], defects[order]
