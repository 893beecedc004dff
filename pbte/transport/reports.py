"""Convergence reports of the iterations: plain records without solver state."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

from pbte.core.types import Array


@dataclass(frozen=True, kw_only=True)
class SpectralEstimate:
    """Spectral estimate of the scattering orders, for one value of the self-scattering.

    Attributes:
        self_scattering: The split s: Gamma -> (1+s) Gamma, M -> M + s Gamma [-].
        eigenvalues: Leading eigenvalues of L^-1 M, largest modulus first, complex [-].
        most_negative: Most negative real part of the reliable eigenvalues [-].
        dominant: Real part of the eigenvalue of largest modulus, the spectral radius if it is
            positive and real [-].
        num_orders: Number of orders used for the estimate.
    """

    self_scattering: float
    eigenvalues: tuple[complex, ...]
    dominant: float
    most_negative: float
    num_orders: int


@dataclass(frozen=True, kw_only=True)
class SteadyReport:
    """Convergence of a steady state.

    Attributes:
        converged: Whether the residual fell below the tolerance.
        iterations: Number of corrections with the full matrix.
        sweeps: Number of sweeps over all modes.
        residuals: Relative residual after each correction, shape (iterations,) [-].
        tolerance: Requested relative residual [-].
        rank: Rank of the kernel inside the Krylov solve.
        error_estimate: Estimated largest error of the temperature against the exact solution on
            this mesh [K], which the residual does not bound; nan where there is no estimate.
    """

    converged: bool
    iterations: int
    sweeps: int
    residuals: Array
    tolerance: float
    rank: int
    error_estimate: float = nan
