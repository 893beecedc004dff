"""What a run leaves behind: plain records of observables, without any solver state.

The fields of a snapshot are moments of the mode temperatures theta (design: dT = sum c theta / C,
q = sum c v theta). They live on the discontinuous linear space of the mesh: one value per cell and
cell vertex, vertices in the order of the mesh's own cells. In 2D and 1D the body is endless in the
other directions: what is in W here is then in W per metre of depth, or per square metre of film.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pbte.core.types import Array
from pbte.observables.conductivity import Conductivity
from pbte.observables.heat_equation import HeatState
from pbte.observables.resistance import InterfaceResult, SeriesResistance
from pbte.observables.slip import WallSlip
from pbte.observables.snapshot import Balance, MeshGeometry, Snapshot
from pbte.transport.reports import SpectralEstimate, SteadyReport

if TYPE_CHECKING:
    from pbte.observables.harmonic import HarmonicResult
    from pbte.observables.transient import TransientResult

__all__ = [
    "NO_RESULT",
    "STEADY",
    "Balance",
    "HeatState",
    "MeshGeometry",
    "Results",
    "Snapshot",
    "SpectralEstimate",
    "SteadyReport",
]


STEADY = "steady state"
# What a steady state is called that was not reached.
NO_RESULT = "last step, NOT converged"


@dataclass(frozen=True, kw_only=True)
class Results:
    """Everything a finished run reports.

    Attributes:
        title: Name of the case.
        case: The resolved case, as TOML text.
        versions: Name -> version of every package that matters.
        geometry: Mesh as plain arrays.
        frequency_edges: Edges of the frequency bins of the spectra, shape (num_bins + 1,) [rad/s].
        reference_temperature: T0 [K].
        num_modes: Number of phonon modes.
        num_unknowns: Modes times degrees of freedom.
        power: Power of the heat source inside the mesh [W].
        self_scattering: The split used for the orders [-].
        eigenvalues: One estimate for every self-scattering that was tried, in that order.
        orders: Snapshot of each scattering order, 0 first.
        steady: Snapshot of the steady state, or None when it was not asked for.
        steady_report: How it was reached.
        conductivity: Effective conductivity of the steady state, or None where no temperature
            drop over a length drives heat, or there is no converged steady state.
        slips: Temperature slip at each isothermal wall, in the steady state.
        transient: How the body went on in time, or None when it was not asked for; without spectra
            and arrivals by the heat equation.
        harmonic: What the body answers at each frequency, ascending; empty when not asked for.
        interfaces: Every interface in the steady state, or where that was not asked for in the sum
            of the orders; none in a state that did not converge.
        series: Resistances in series of films between two ends, in the steady state; None where
            the body is no such stack.
        model: What was solved: phonon "transport", or "fourier", the heat equation alone.
        fourier: The steady state by the heat equation, beside that of the phonons or alone.
        fourier_transient: The transient by the heat equation beside that of the phonons; where it
            is solved alone, it stands in `transient`.
        fourier_harmonic: Likewise its answers at the same frequencies.
        notes: Plain sentences the user must read (divergence, fictitious events, ...).
        timings: Name of a phase -> wall time [s].
    """

    title: str
    case: str
    versions: Mapping[str, str]
    geometry: MeshGeometry
    frequency_edges: Array
    reference_temperature: float
    num_modes: int
    num_unknowns: int
    power: float
    self_scattering: float
    eigenvalues: tuple[SpectralEstimate, ...]
    orders: tuple[Snapshot, ...]
    steady: Snapshot | None
    steady_report: SteadyReport | None
    conductivity: Conductivity | None = None
    slips: tuple[WallSlip, ...] = ()
    transient: TransientResult | None = None
    harmonic: tuple[HarmonicResult, ...] = ()
    interfaces: tuple[InterfaceResult, ...] = ()
    series: SeriesResistance | None = None
    model: str = "transport"
    fourier: HeatState | None = None
    fourier_transient: TransientResult | None = None
    fourier_harmonic: tuple[HarmonicResult, ...] = ()
    notes: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)

    @property
    def steady_name(self) -> str:
        """What the snapshot `steady` is to be called."""
        report = self.steady_report
        return STEADY if report is None or report.converged else NO_RESULT

    @property
    def converged(self) -> bool:
        """Whether everything that was solved for reached its tolerance."""
        in_time = self.transient is None or self.transient.unconverged == 0
        answers = all(response.converged for response in self.harmonic)
        return self.steady_name == STEADY and in_time and answers
