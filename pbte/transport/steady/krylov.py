"""GCR with recycling of search directions for many right-hand sides of one operator.

The generalised conjugate residual method stores its search directions p and their images q = A p,
which are orthonormal. A new right-hand side is first projected on all images, without an
application of A; the iteration continues with the rest (Eisenstat, Elman & Schultz, SIAM J. Numer.
Anal. 20, 345 (1983); the recycling of Parks et al., SIAM J. Sci. Comput. 28, 1651 (2006), for
right-hand sides of the same operator). The preconditioner may change from step to step.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from mpi4py import MPI

from pbte.core.types import Numbers

# A new image that is linearly dependent on the old ones up to this fraction is dominated by their
# round-off, and its direction is rejected.
NOTHING_NEW = 1e-6


class RecyclingGCR:
    """Solver of A x = b for many right-hand sides.

    A vector is the array of this rank's unknowns, real or complex.

    Args:
        comm: The ranks among which the vectors are distributed.
        apply: A x.
        precondition: An approximation of A^-1 r; need not be linear.
        weigh: W r of the inner product (a, b) = a* . W b, W symmetric positive definite.
        capacity: Largest number of directions kept; the oldest are dropped.
    """

    def __init__(
        self,
        comm: MPI.Intracomm,
        apply: Callable[[Numbers], Numbers],
        precondition: Callable[[Numbers], Numbers],
        weigh: Callable[[Numbers], Numbers],
        capacity: int,
    ) -> None:
        self.comm, self.apply, self.precondition = comm, apply, precondition
        self.weigh, self.capacity = weigh, capacity
        self.directions: list[Numbers] = []
        self.images: list[Numbers] = []

    def norm(self, vector: Numbers) -> float:
        """Return the norm of a vector. Collective."""
        local = np.array([np.vdot(vector, self.weigh(vector)).real])
        return float(np.sqrt(max(0.0, self.comm.allreduce(local)[0])))

    def solve(
        self,
        rhs: Numbers,
        target: float,
        max_steps: int,
        enough: Callable[[], bool] = lambda: False,
    ) -> tuple[Numbers, Numbers]:
        """Return x and b - A x, of norm at most `target` if the steps suffice. Collective.

        Args:
            rhs: b.
            target: Norm of the residual to reach.
            max_steps: Largest number of applications of A.
            enough: Called after each of them; whether to stop early. Collective.
        """
        solution, residual = np.zeros_like(rhs), rhs.copy()
        for _ in range(2):  # the second pass removes the round-off of the first
            shares = self._project(residual)
            for share, p, q in zip(shares, self.directions, self.images, strict=True):
                solution += share * p
                residual -= share * q
        size = self.norm(residual)
        for _ in range(max_steps):
            if not size > target:
                break
            # If the preconditioner proposes no new direction, the residual itself may.
            if not self._extend(residual, self.precondition) and not self._extend(
                residual, np.copy
            ):
                break
            share = self._project(residual)[-1]
            solution += share * self.directions[-1]
            residual -= share * self.images[-1]
            size = self.norm(residual)
            if enough():
                break
        return solution, residual

    def _extend(self, residual: Numbers, propose: Callable[[Numbers], Numbers]) -> bool:
        """Add the direction that is proposed for a residual; return whether it is a new one."""
        if len(self.images) == self.capacity:
            del self.images[0], self.directions[0]
        p: Numbers = propose(residual)
        q: Numbers = self.apply(p)
        before = self.norm(q)
        for _ in range(2):
            for share, old_p, old_q in zip(
                self._project(q), self.directions, self.images, strict=True
            ):
                p -= share * old_p
                q -= share * old_q
        size = self.norm(q)
        if not size > NOTHING_NEW * before:
            return False
        self.directions.append(p / size)
        self.images.append(q / size)
        return True

    def _project(self, vector: Numbers) -> Numbers:
        """Return the products of all images with a vector, in one reduction."""
        weighed = self.weigh(vector)
        local = np.array([np.vdot(q, weighed) for q in self.images])
        return np.asarray(self.comm.allreduce(local))
