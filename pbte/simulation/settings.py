"""Settings of the stages of a run: the part of the case that they read."""

from __future__ import annotations

from dataclasses import dataclass

from pbte.case.case import Case, Fourier, Orders, Steady, resolved_toml
from pbte.case.electrons import ElectronsChoice
from pbte.case.transients import Harmonic, Transient


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The stages of a run and their parameters; everything else of a case is in the problem.

    Attributes:
        title: Name of the case.
        case: The resolved case, as TOML text.
        orders: Scattering orders.
        steady: Steady state, and the corrections of every solver.
        transient: Initial state, profiles in time and steps; None without a transient.
        harmonic: Frequencies, and what oscillates; None without oscillations.
        electrons: Electrons of a metal; None without.
        fourier: Jumps of the heat equation, and whether it is solved for comparison.
        checkpoint_interval: Time between two checkpoints [s].
    """

    title: str
    case: str
    orders: Orders
    steady: Steady
    transient: Transient | None
    harmonic: Harmonic | None
    electrons: ElectronsChoice | None
    fourier: Fourier
    checkpoint_interval: float


def settings_of(case: Case) -> Settings:
    """Return the settings of a case."""
    return Settings(
        title=case.title,
        case=resolved_toml(case),
        orders=case.orders,
        steady=case.steady,
        transient=case.transient,
        harmonic=case.harmonic,
        electrons=case.electrons,
        fourier=case.fourier,
        checkpoint_interval=case.output.checkpoint_interval,
    )
