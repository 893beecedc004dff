"""Moments of one body: ownership by the ranks, emission into and accumulation from the modes."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from pbte.core.types import Array, IntArray, Numbers
from pbte.transport.body import Body, Modes
from pbte.transport.collisions import FactoredCollisions, times


class BodyMoments:
    """Moments y = w_out theta of a body, distributed over the ranks that share its modes.

    Args:
        body: The body.
        factors: Local factors of its kernel, or of the leading part; energy-conserving.
        starts: First degree of freedom of each rank, shape (num_ranks + 1,).

    Attributes:
        rows: Degrees of freedom of this rank.
        gram: w_in . c w_in, so that |w_in y|^2 = y . gram y, shape (rank, rank).
        projection: Maps an emission to its part in the range of w_in, (w_out Gamma^-1 w_in)^-1
            w_out Gamma^-1, shape (rank, local modes).

    Note: Collective over the ranks that share the modes.
    """

    def __init__(self, body: Body, factors: FactoredCollisions, starts: IntArray) -> None:
        self.body, self.factors = body, energy_first(body, factors)
        self.group = body.mode_partition.comm
        self.rows = slice(int(starts[self.group.rank]), int(starts[self.group.rank + 1]))
        self.counts = np.diff(starts) * self.rank
        weighted = body.heat_capacities[:, None] * self.factors.w_in
        self.gram = self.group.allreduce(self.factors.w_in.T @ weighted)
        relaxed = self.factors.w_out / body.loss_rates
        self.projection = np.linalg.lstsq(
            self.group.allreduce(relaxed @ self.factors.w_in), relaxed, rcond=1e-12
        )[0]

    @property
    def rank(self) -> int:
        """Number of moments."""
        return self.factors.rank

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the moments of this rank."""
        return self.rows.stop - self.rows.start, self.rank

    @property
    def weights(self) -> Array:
        """Integral of each basis function of this rank, shape (rows,) [m^dim]."""
        return self.body.mesh.dof_weights[self.rows]

    def emit(self, modes: Modes, everywhere: Numbers) -> Numbers:
        """Return w_in y of some modes from y at all degrees of freedom, (modes, num_dofs)."""
        return times(self.factors.w_in[modes], everywhere.T)

    def nothing(self) -> Numbers:
        """Return moments of zero at all degrees of freedom, shape (rank, num_dofs)."""
        return np.zeros((self.rank, self.body.mesh.num_dofs), dtype=self.body.dtype)

    def collected(self, modes: Modes, theta: Numbers) -> Numbers:
        """Return the contribution of some modes to the moments, shape (rank, num_dofs)."""
        return times(self.factors.w_out[:, modes], theta)

    def gather(self, local: Numbers) -> Numbers:
        """Return the moments at all degrees of freedom, shape (num_dofs, rank). Collective."""
        everywhere = np.empty((self.body.mesh.num_dofs, self.rank), dtype=local.dtype)
        self.group.Allgatherv(np.ascontiguousarray(local), [everywhere, self.counts])
        return everywhere

    def scatter(self, partial: Numbers) -> Numbers:
        """Return the sum over the ranks on this rank's rows, shape (rows, rank). Collective.

        Args:
            partial: Contribution of the local modes, shape (num_dofs, rank).
        """
        mine = np.empty(self.shape, dtype=partial.dtype)
        self.group.Reduce_scatter(np.ascontiguousarray(partial), mine, list(self.counts))
        return mine


def energy_first(body: Body, factors: FactoredCollisions) -> FactoredCollisions:
    """Return the same kernel with the temperature of scattering as its first moment.

    M = w_in w_out = (w_in S)(S^-1 w_out). A uniform temperature has the moments e = w_out 1, and
    sum c w_in y = G l.y is the energy emitted; with S = (e, null space of l) the first moment is
    l.y and e is the first unit vector. Kernels of this form are returned unchanged. Collective.
    """
    comm = body.mode_partition.comm
    uniform = comm.allreduce(factors.w_out.sum(axis=1))
    emitted = comm.allreduce(body.heat_capacities @ factors.w_in)
    emitted = emitted / (emitted @ uniform)
    first = np.eye(factors.rank)[0]
    if max(np.abs(uniform - first).max(), np.abs(emitted - first).max()) < 1e-8:
        return factors
    basis = np.column_stack([uniform, scipy.linalg.null_space(emitted[None, :])])
    return FactoredCollisions(
        mode_partition=factors.mode_partition,
        w_in=np.ascontiguousarray(factors.w_in @ basis),
        w_out=np.linalg.solve(basis, factors.w_out),
    )
