"""How the iterations went: plain records, free of solver state."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

from pbte.core.types import Array


@dataclass(frozen=True, kw_only=True)
class SpectralEstimate:
    """How the scattering orders grow or fade, for one value of the self-scattering.

    Attributes:
        self_scattering: The split s: Gamma -> (1+s) Gamma, M -> M + s Gamma [-].
        eigenvalues: Leading eigenvalues of L^-1 M, largest modulus first, complex [-].
        most_negative: The most negative real part among the reliable ones [-].
        dominant: The one of largest modulus (its real part when the pair is complex) [-].
        num_orders: Number of orders the estimate is made from.
    """

    self_scattering: float
    eigenvalues: tuple[complex, ...]
    dominant: float
    most_negative: float
    num_orders: int


@dataclass(frozen=True, kw_only=True)
class SteadyReport:
    """How the steady state was reached.

    Attributes:
        converged: Whether the residual fell below the tolerance.
        iterations: Number of corrections with the full matrix.
        sweeps: Number of sweeps over all modes.
        residuals: Relative residual after each correction, shape (iterations,) [-].
        tolerance: The relative residual that was asked for [-].
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
