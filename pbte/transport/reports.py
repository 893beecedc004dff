"""Convergence reports of the iterations: plain records without solver state."""

from __future__ import annotations

from dataclasses import replace
from math import nan

from pbte.core.quantity import derived, quantity, record
from pbte.core.types import Array


@record
class SpectralEstimate:
    """Spectral estimate of the scattering orders, for one value of the self-scattering."""

    self_scattering: float = quantity(
        "1", "the split s that was tried: Gamma to (1+s) Gamma, M to M + s Gamma"
    )
    eigenvalues: tuple[complex, ...] = quantity(
        "1", "leading eigenvalues of L^-1 M, largest modulus first", axes=("eigenvalue",)
    )
    dominant: float = quantity(
        "1", "the eigenvalue of largest modulus (its real part when the pair is complex)"
    )
    most_negative: float = quantity("1", "the most negative real part among the reliable ones")
    num_orders: int = quantity("1", "number of orders the estimate is made from")


# Where the residual stops above the tolerance, at round-off, a state counts only if its energy
# balance holds to this part of the power that passes [-].
LEAST_BALANCE = 1e-3


@record
class SteadyReport:
    """Convergence of a steady state."""

    converged: bool = quantity(
        "1", "whether the residual fell below the tolerance, or as far as arithmetic can"
    )
    iterations: int = quantity("1", "number of corrections with the full matrix")
    sweeps: int = quantity("1", "number of sweeps over all modes")
    residuals: Array = quantity(
        "1", "relative residual after each correction", axes=("correction",)
    )
    tolerance: float = quantity("1", "the relative residual that was asked for")
    rank: int = quantity("1", "rank of the kernel inside the Krylov solve")
    error_estimate: float = quantity(
        "K",
        "estimated largest error of the temperature against the exact solution on this mesh, "
        "which the residual does not bound; nan where there is no estimate",
        default=nan,
    )
    emission: float = quantity(
        "1",
        "norm of what is scattered in the steady state, relative to the source of the first order",
        default=nan,
    )

    @property
    @derived("1")
    def at_round_off(self) -> bool:
        """Whether the residual stopped above the tolerance where arithmetic can do no better."""
        return self.converged and len(self.residuals) > 0 and self.residuals[-1] > self.tolerance

    def judged_by(self, imbalance: float) -> SteadyReport:
        """Return the report, converged at round-off only where the energy balance holds.

        Args:
            imbalance: Power not accounted for, relative to all that passes [-].
        """
        holds = abs(imbalance) <= LEAST_BALANCE
        return self if holds or not self.at_round_off else replace(self, converged=False)
