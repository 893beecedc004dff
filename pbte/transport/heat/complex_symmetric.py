"""Conjugate gradients for complex symmetric matrices, such as A + i omega M.

The COCG method, with products without complex conjugates (van der Vorst & Melissen, IEEE Trans.
Magn. 26, 706 (1990)): short recurrences as in the real case. It may break down or stagnate in
theory; with a real, positive preconditioner near A + omega M the spectrum lies close to the line
from 1 to i, far from zero, and convergence is linear.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from mpi4py import MPI

from pbte.core.errors import RunError
from pbte.core.types import Numbers

MAX_ITERATIONS = 1000

Apply = Callable[[Numbers], Numbers]


def complex_symmetric(
    apply: Apply, precondition: Apply, rhs: Numbers, comm: MPI.Intracomm, tolerance: float
) -> Numbers:
    """Return the solution on the rows of this rank.

    Args:
        apply: The matrix times a vector.
        precondition: Approximate inverse: a real, symmetric, positive definite operator.
        rhs: Right-hand side, real or complex, on the rows of this rank.
        comm: The ranks that share the rows.
        tolerance: Residual relative to the right-hand side.

    Raises:
        RunError: The iteration did not converge.

    Note: Collective over `comm`.
    """

    def total(product: np.complexfloating) -> complex:
        return complex(comm.allreduce(complex(product)))

    residual = rhs.astype(np.complex128)
    solution = np.zeros_like(residual)
    enough = tolerance**2 * total(np.vdot(residual, residual)).real
    search, size = np.zeros_like(residual), 1.0 + 0.0j
    for _ in range(MAX_ITERATIONS):
        if total(np.vdot(residual, residual)).real <= enough:
            return solution
        improved = precondition(residual)
        new = total(np.dot(residual, improved))
        search = improved + new / size * search
        size = new
        image = apply(search)
        step = size / total(np.dot(search, image))
        solution += step * search
        residual -= step * image
    raise RunError(
        f"the heat equation did not converge at a frequency: {MAX_ITERATIONS} iterations of "
        "conjugate gradients were not enough"
    )
