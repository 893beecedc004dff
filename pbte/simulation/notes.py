"""Notes on a run that its user must know, in plain sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pbte.core.types import Array
from pbte.observables.harmonic import HarmonicResult
from pbte.observables.snapshot import Snapshot
from pbte.observables.transient import TransientResult
from pbte.transport.reports import SpectralEstimate, SteadyReport
from pbte.transport.steady.eigenvalues import converges

# Next to a Gaussian resolved by one cell per standard deviation the projection falls to -2 %.
VISIBLE_UNDERSHOOT = 0.05
# Emission relative to the source beyond which round-off is larger than any usual tolerance.
ENORMOUS = 1e7
# Change of the conductance of an interface by another choice of bins.
VISIBLE_UNMATCHED = 0.05


def run_notes(
    estimates: Sequence[SpectralEstimate],
    orders: Sequence[Snapshot],
    steady: Snapshot | None,
    report: SteadyReport | None,
    *,
    undershoot: float,
    num_cyclic_modes: int,
    num_parts: int = 1,
    transient: TransientResult | None = None,
    harmonic: Sequence[HarmonicResult] = (),
    unmatched: Mapping[str, float] | None = None,
) -> tuple[str, ...]:
    """Return the notes of a run.

    Args:
        estimates: Spectral estimate for each self-scattering tried; the last was used.
        orders: Observables of each order.
        steady: Observables of the steady state.
        report: Convergence of the steady state.
        undershoot: How far the heat source on the mesh falls below zero, relative to its peak.
        num_cyclic_modes: Modes whose cells depend on each other in a cycle.
        num_parts: Number of connected parts of the mesh.
        unmatched: For each interface the share of the flux for which the grids of modes have no
            partners, although both crystals have its energies.
        transient: Results of the transient.
        harmonic: Harmonic response at each frequency.
    """
    notes = [*_growth_notes(estimates)]
    if report is not None and not report.converged:
        notes.append(
            f"The steady state did NOT converge: residual {_last(report.residuals)} in the last "
            f"corrections, "
            f"asked for {report.tolerance:.0e}; its numbers are not a result. {_remedy(report)}"
        )
    elif steady is not None and len(orders) > 1:  # nobody expects order 0 to be the whole
        notes.append(_distance_note(orders, steady))
    if undershoot > VISIBLE_UNDERSHOOT:
        notes.append(
            f"The cells are coarse for the heat source: on the mesh it reaches "
            f"-{100.0 * undershoot:.0f} % of its peak around it (its power is exact). Use smaller "
            "cells there."
        )
    if num_parts > 1:
        notes.append(
            f"The mesh consists of {num_parts} parts that share no facet: no heat passes between "
            "them (pbte mesh info shows where they are)."
        )
    if num_cyclic_modes:
        notes.append(
            f"The cells depend on each other in a cycle for {num_cyclic_modes} modes; their sweep "
            "was repeated until it did not change any more."
        )
    if transient is not None and transient.unconverged:
        notes.append(
            f"{transient.unconverged} stages of the transient did NOT reach their tolerance "
            "(energy is conserved all the same). Raise steady.max_iterations or steady.rank."
        )
    missed = [response for response in harmonic if not response.converged]
    if missed:
        listed = ", ".join(f"{response.frequency:.4g}" for response in missed)
        worst = max(missed, key=lambda response: float(response.residuals[-1:].sum()))
        notes.append(
            f"The harmonic responses at {listed} Hz did NOT converge: residual "
            f"{_last(worst.residuals)} in the last corrections at {worst.frequency:.4g} Hz; their "
            "numbers are not a result. Raise steady.max_iterations or steady.rank."
        )
    for name, share in (unmatched or {}).items():
        if share > VISIBLE_UNMATCHED:
            notes.append(
                f"At the interface {name} {100.0 * share:.0f} % of the flux at energies of both "
                "crystals finds no modes on the grid of the other one; the heat flux is too small "
                'by about that fraction. Use fewer bins, kind = "smooth-dmm", or finer grids.'
            )
    return tuple(notes)


def _last(residuals: Array) -> str:
    return ", ".join(f"{value:.1e}" for value in residuals[-5:])


def _remedy(report: SteadyReport) -> str:
    """Return the reason why the steady state was not reached, and the remedy."""
    if report.emission > ENORMOUS:
        return (
            f"What is scattered has grown to {report.emission:.1e} times the source, where "
            "arithmetic cannot resolve what passes. Does all heat find a way to an isothermal "
            "wall? Is the domain far thicker than the mean free paths?"
        )
    if len(report.residuals) > 1 and report.residuals[-1] > report.residuals[:-1].min():
        return (
            f"The residual grows: the rank {report.rank} leaves out modes that grow from order to "
            "order. Raise steady.rank."
        )
    return (
        f"The solver stopped after steady.max_iterations = {report.iterations}. Raise "
        "steady.max_iterations or steady.rank."
    )


def _growth_notes(estimates: Sequence[SpectralEstimate]) -> list[str]:
    if not estimates:
        return []
    used = estimates[-1]
    notes = []
    for tried in estimates[:-1]:
        notes.append(
            f"With self-scattering {tried.self_scattering:g} the scattering orders "
            f"{_verdict(tried)} (estimated from {tried.num_orders} orders)."
        )
    if used.self_scattering > 0.0:
        notes.append(
            f"The orders shown use self-scattering s = {used.self_scattering:g}: loss rates "
            "(1 + s)/tau, and fictitious events at rate s/tau that change nothing but count as "
            "scattering orders. Single orders depend on s, their sum and the steady state do not."
        )
    if not converges(used):
        sums = (
            "are no approximation of the steady state"
            if used.most_negative <= -1.0
            else "still alternate around the steady state"
        )
        notes.append(
            f"The orders shown {_verdict(used)}. Their partial sums {sums}; look at the steady "
            "state instead, or raise orders.self_scattering."
        )
    return notes


def _verdict(estimate: SpectralEstimate) -> str:
    worst = estimate.most_negative
    if worst > -1.0:
        return f"converge slowly: an alternating part changes by a factor {worst:.3f} per order"
    return (
        f"do not converge: an alternating part grows by a factor {worst:.3f} per order, so the "
        "series diverges"
    )


def _distance_note(orders: Sequence[Snapshot], steady: Snapshot) -> str:
    cumulated = np.sum([order.temperature for order in orders], axis=0)
    size = float(np.abs(steady.temperature).max())
    left = float(np.abs(cumulated - steady.temperature).max()) / size if size > 0.0 else 0.0
    return (
        f"The sum of orders 0 to {len(orders) - 1} differs from the steady state by up to "
        f"{100.0 * left:.1f} % of the largest temperature."
    )
