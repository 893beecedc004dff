"""Records of the stages of a run, for its results and for checkpoints.

The fields are arrays of the whole mesh on the first rank; see `pbte.observables.gathering`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pbte.core.quantity import quantity, record
from pbte.core.types import Array
from pbte.observables.electrons import ElectronResult
from pbte.observables.harmonic import HarmonicResult
from pbte.observables.heat_equation import HeatState
from pbte.observables.snapshot import Snapshot
from pbte.observables.transient import TransientResult
from pbte.transport.reports import SpectralEstimate, SteadyReport


@record
class OrdersRecord:
    """Observables of the scattering orders."""

    estimates: tuple[SpectralEstimate, ...] = quantity(
        "",
        "spectral estimate for each self-scattering tried; the last was used",
        axes=("estimate",),
        default=(),
    )
    snapshots: tuple[Snapshot, ...] = quantity(
        "", "observables of each order", axes=("order",), default=()
    )
    interface_sums: tuple[Array, ...] = quantity(
        "", "state of the interface tally, the sum of the orders", axes=("part",), default=()
    )


@record
class OrdersProgress:
    """Progress of the scattering orders, without the arrays of the iteration."""

    number: int = quantity("1", "the next order")
    record: OrdersRecord = quantity("", "observables of the orders before it")


@record
class SteadyRecord:
    """Observables of the steady state."""

    snapshot: Snapshot = quantity("", "observables")
    report: SteadyReport = quantity("", "convergence")
    interface_sums: tuple[Array, ...] = quantity(
        "", "state of the interface tally", axes=("part",), default=()
    )


@record
class TransientProgress:
    """Progress of a transient, without the arrays of the time stepper."""

    time: float = quantity("s", "time that is reached")
    scale: float = quantity("J^0.5 K^0.5", "norm of the largest state so far")
    size: float = quantity("s", "length of the next step")
    last_error: float | None = quantity("1", "error estimate of the last step that was accepted")
    evolution: TransientResult = quantity("", "observables of the steps so far")


@record
class HarmonicRecord:
    """Responses at some frequencies of an oscillation, or at all of them."""

    responses: tuple[HarmonicResult, ...] = quantity(
        "", "the response at each frequency, ascending", axes=("frequency",), default=()
    )


@dataclass(frozen=True, kw_only=True)
class HeatResult:
    """Solution of the heat equation.

    Attributes:
        steady: The steady state.
        transient: The transient.
        harmonic: Responses at each frequency.
        notes: Reasons why a solution is missing.
    """

    steady: HeatState | None = None
    transient: TransientResult | None = None
    harmonic: tuple[HarmonicResult, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StageRecords:
    """Records of all stages of a run of phonon transport.

    Attributes:
        orders: Scattering orders.
        steady: Steady state; None if it was not requested.
        transient: Transient; None if it was not requested.
        harmonic: Response at each frequency.
        electrons: Electrons of a metal; None without.
        heat: Solution of the heat equation.
    """

    orders: OrdersRecord = field(default_factory=OrdersRecord)
    steady: SteadyRecord | None = None
    transient: TransientResult | None = None
    harmonic: tuple[HarmonicResult, ...] = ()
    electrons: ElectronResult | None = None
    heat: HeatResult = HeatResult()
