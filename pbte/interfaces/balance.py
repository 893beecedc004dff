"""Symmetric matrices with given row sums: the algebra behind conservative redistribution."""

from __future__ import annotations

import numpy as np
import scipy.sparse

from pbte.core.types import Array


def scale_symmetrically(matrix: Array, targets: Array) -> Array:
    """Return D A D with row sums equal to the targets, to round-off, for a small dense matrix.

    Symmetric Sinkhorn balancing (P. A. Knight and D. Ruiz, IMA J. Numer. Anal. 33, 1029 (2013)):
    D <- sqrt(D t / A D) halves the error at every step if the matrix has a dominant diagonal. What
    round-off leaves goes to the diagonal, so that the sums are exact.

    Args:
        matrix: A >= 0, symmetric, with a positive diagonal where the target is positive, shape
            (n, n).
        targets: t >= 0, shape (n,).

    Returns:
        Shape (n, n), symmetric.
    """
    active = targets > 0.0
    # Unit diagonal first: then the kernel decides, not the size of the targets.
    scale = np.where(active, np.sqrt(np.where(active, np.diagonal(matrix), 1.0)), 1.0)
    kernel = np.where(np.outer(active, active), matrix / np.outer(scale, scale), 0.0)
    factors = np.sqrt(targets)
    for _ in range(1000):
        sums = factors * (kernel @ factors)
        ratio = np.divide(targets, sums, out=np.ones_like(sums), where=active)
        if np.abs(ratio - 1.0).max(initial=0.0) < 1e-14:
            break
        factors = factors * np.sqrt(ratio)
    scaled = factors[:, None] * kernel * factors
    return close_diagonally(scaled, targets)


def close_diagonally(matrix: Array, targets: Array) -> Array:
    """Return a symmetric matrix with exact row sums: none too large, what lacks on the diagonal."""
    sums = matrix.sum(axis=1)
    low = np.minimum(1.0, np.divide(targets, sums, out=np.ones_like(sums), where=sums > 0.0))
    closed = np.asarray(matrix * np.minimum(low[:, None], low[None, :]), dtype=np.float64)
    rest = np.maximum(targets - closed.sum(axis=1), 0.0)
    closed[np.diag_indices_from(closed)] += rest
    return closed


def redistribute(
    kernel: scipy.sparse.csr_array, targets: Array, iterations: int = 100
) -> scipy.sparse.csr_array:
    """Return a symmetric sparse matrix with row sums near the targets and never above them.

    Sinkhorn iterations on the given pattern. A pattern of few neighbours need not admit the exact
    sums; the rest is left to the caller.

    Args:
        kernel: Symmetric, not negative, shape (n, n).
        targets: Positive, shape (n,).
        iterations: Number of sweeps.

    Returns:
        Same pattern as the kernel.
    """
    factors = previous = np.ones_like(targets)
    for _ in range(iterations):
        sums = kernel @ factors
        updated = np.divide(targets, sums, out=np.zeros_like(sums), where=sums > 0.0)
        # Infeasible groups drift apart for ever; they are as good as separated long before.
        factors, previous = np.clip(updated, 1e-100, 1e100), factors
    both = np.sqrt(factors) * np.sqrt(previous)
    rows = np.repeat(np.arange(targets.size), np.diff(kernel.indptr))
    columns = kernel.indices
    scaled = scipy.sparse.csr_array(
        (kernel.data * both[rows] * both[columns], columns, kernel.indptr), shape=kernel.shape
    )
    return cap_rows(scaled, targets)


def cap_rows(matrix: scipy.sparse.csr_array, targets: Array) -> scipy.sparse.csr_array:
    """Return a symmetric matrix scaled down symmetrically so that no row exceeds its target."""
    sums = matrix.sum(axis=1)
    low = np.minimum(1.0, np.divide(targets, sums, out=np.ones_like(sums), where=sums > 0.0))
    rows = np.repeat(np.arange(targets.size), np.diff(matrix.indptr))
    data = matrix.data * np.minimum(low[rows], low[matrix.indices])
    return scipy.sparse.csr_array((data, matrix.indices, matrix.indptr), shape=matrix.shape)
