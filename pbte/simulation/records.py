"""What the stages of a run hand on: to the results when they are finished, to checkpoints before.

The fields are arrays of the whole mesh on the first rank; see `pbte.observables.gathering`.
"""

from __future__ import annotations

from dataclasses import dataclass

from pbte.core.types import Array
from pbte.observables.electrons import ElectronResult
from pbte.observables.harmonic import HarmonicResult
from pbte.observables.heat_equation import HeatState
from pbte.observables.snapshot import Snapshot
from pbte.observables.transient import TransientResult
from pbte.transport.reports import SpectralEstimate, SteadyReport


@dataclass(frozen=True, kw_only=True)
class OrdersRecord:
    """Observables of the scattering orders.

    Attributes:
        estimates: Growth of the orders for each self-scattering tried; the last was used.
        snapshots: Observables of each order.
        interface_sums: State of the interface tally, the sum of the orders.
    """

    estimates: tuple[SpectralEstimate, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    interface_sums: tuple[Array, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OrdersProgress:
    """Progress of the scattering orders, beside the arrays of the iteration.

    Attributes:
        number: The next order.
        record: Observables of the orders before it.
    """

    number: int
    record: OrdersRecord


@dataclass(frozen=True, kw_only=True)
class SteadyRecord:
    """Observables of the steady state.

    Attributes:
        snapshot: Observables.
        report: How it was reached.
        interface_sums: State of the interface tally.
    """

    snapshot: Snapshot
    report: SteadyReport
    interface_sums: tuple[Array, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TransientProgress:
    """Progress of a transient, beside the arrays of the time stepper.

    Attributes:
        time: Time that is reached [s].
        scale: Norm of the largest state so far.
        size: Length of the next step [s].
        last_error: Error estimate of the last step that was accepted [-]; None before.
        evolution: Observables of the steps so far.
    """

    time: float
    scale: float
    size: float
    last_error: float | None
    evolution: TransientResult


@dataclass(frozen=True, kw_only=True)
class HeatResult:
    """Solution of the heat equation.

    Attributes:
        steady: The steady state.
        transient: How the body goes on in time.
        harmonic: Responses at each frequency.
        notes: Why something is missing.
    """

    steady: HeatState | None = None
    transient: TransientResult | None = None
    harmonic: tuple[HarmonicResult, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StageRecords:
    """What all stages of a run of phonon transport found.

    Attributes:
        orders: Scattering orders.
        steady: Steady state; None if it was not asked for.
        transient: Transient; None likewise.
        harmonic: Response at each frequency.
        electrons: Electrons of a metal; None without.
        heat: What the heat equation says.
    """

    orders: OrdersRecord = OrdersRecord()
    steady: SteadyRecord | None = None
    transient: TransientResult | None = None
    harmonic: tuple[HarmonicResult, ...] = ()
    electrons: ElectronResult | None = None
    heat: HeatResult = HeatResult()
