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

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.observables.conductivity import Conductivity
from pbte.observables.heat_equation import HeatState
from pbte.observables.profiles import Profile, check_field, line_profile
from pbte.observables.resistance import InterfaceResult, SeriesResistance
from pbte.observables.sampling import values_at
from pbte.observables.slip import WallSlip
from pbte.observables.snapshot import Balance, MeshGeometry, Snapshot
from pbte.observables.transient import TransientResult, weighted_sum
from pbte.transport.reports import SpectralEstimate, SteadyReport

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from pbte.observables.harmonic import HarmonicResult

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

    @property
    def temperature(self) -> Array:
        """Deviation from T0: of the steady state, or else the sum of the orders.

        Shape (num_cells, dim + 1) [K]. Where the heat equation was solved alone, by that.

        Example:
            >>> hottest = results.reference_temperature + results.temperature.max()
        """
        return self._field().temperature

    @property
    def heat_flux(self) -> Array:
        """Heat flux of the same state as `temperature`, shape (num_cells, dim + 1, 3) [W/m^2].

        Example:
            >>> size = np.linalg.norm(results.heat_flux, axis=2)
        """
        return self._field().heat_flux

    @property
    def times(self) -> Array:
        """The times at which the transient was written, shape (num_times,) [s].

        Example:
            >>> peaks = [results.at(time).temperature.max() for time in results.times]
        """
        return self._transient().times

    def order(self, number: int) -> Snapshot:
        """Return what is observed of one scattering order.

        Example:
            >>> results.order(3).temperature
        """
        self._check_order(number)
        return self.orders[number]

    def cumulated(self, number: int) -> Snapshot:
        """Return the sum of the scattering orders up to one of them, itself included.

        Example:
            >>> results.cumulated(15).heat_flux
        """
        self._check_order(number)
        return weighted_sum(self.orders[: number + 1], [1.0] * (number + 1))

    def at(self, time: float) -> Snapshot:
        """Return the transient at a time [s], linear between the times that were written.

        Example:
            >>> results.at(2e-10).temperature
        """
        transient = self._transient()
        times, snapshots = transient.times, transient.snapshots
        if not times[0] <= time <= times[-1]:
            raise InputError(
                f"time {time:g} s: the transient was written from {times[0]:g} to {times[-1]:g} s"
            )
        after = int(np.searchsorted(times, time))
        if times[after] == time:
            return snapshots[after]
        share = float((time - times[after - 1]) / (times[after] - times[after - 1]))
        return weighted_sum(snapshots[after - 1 : after + 1], [1.0 - share, share])

    def sample(self, points: ArrayLike, values: Array | None = None) -> Array:
        """Return a field at points inside the mesh.

        The field is linear in each cell. A point on a face belongs to several cells, between which
        the field may jump, and gets the mean over them.

        Args:
            points: Shape (..., dim) [m]; on a mesh of one dimension also plain numbers.
            values: Field on the mesh, shape (num_cells, dim + 1, ...), such as
                `results.order(3).heat_flux`; `temperature` when left out.

        Returns:
            One value for each point, shape (..., ...) of points and values, in the unit of the
            field.

        Raises:
            InputError: A point lies outside of the mesh, or the field does not belong to it.

        Example:
            >>> results.sample([[0.0, 0.0, 10e-9], [0.0, 0.0, 20e-9]])
        """
        dim = self.geometry.points.shape[2]
        given = np.asarray(points, dtype=np.float64)
        if dim == 1 and (given.ndim == 0 or given.shape[-1] != 1):
            given = given[..., None]
        if given.ndim == 0 or given.shape[-1] != dim:
            raise InputError(
                f"points of shape {given.shape}: the last axis must hold the {dim} coordinates"
            )
        flat = given.reshape(-1, dim)
        field_values = self._given(values)
        found = values_at(self.geometry, field_values, flat)
        outside = np.isnan(found.reshape(len(flat), -1)).any(axis=1)
        if outside.any():
            first = ", ".join(f"{x:g}" for x in flat[outside][0])
            raise InputError(
                f"point ({first}) m: outside of the mesh, as {outside.sum()} of {len(flat)} points "
                f"are; it spans {_span(self.geometry)} m"
            )
        return found.reshape((*given.shape[:-1], *field_values.shape[2:]))

    def line(
        self, start: ArrayLike, end: ArrayLike, n: int = 201, values: Array | None = None
    ) -> Profile:
        """Return a field at points evenly spaced on a straight line.

        Args:
            start: First point, shape (dim,) [m]; on a mesh of one dimension also a number.
            end: Last point [m].
            n: Number of points, both ends included.
            values: Field on the mesh, `temperature` when left out.

        Returns:
            Distances from the start as `positions` [m], and `values`; NaN outside of the mesh.

        Example:
            >>> profile = results.line([-50e-9, 0.0, 0.0], [50e-9, 0.0, 0.0], 101)
            >>> plt.plot(profile.positions, profile.values)
        """
        first, last = (np.atleast_1d(np.asarray(each, dtype=np.float64)) for each in (start, end))
        return line_profile(self.geometry, self._given(values), first, last, n)

    def region_mean(self, name: str, values: Array | None = None) -> Array:
        """Return the mean of a field over a region of the mesh, by volume.

        Args:
            name: Name of the region in the mesh.
            values: Field on the mesh, `temperature` when left out.

        Raises:
            InputError: The mesh has no such region, or the results are of a version that did not
                write them.

        Example:
            >>> results.region_mean("core")
        """
        regions = self.geometry.regions
        if name not in regions:
            known = ", ".join(repr(region) for region in regions) or "none"
            raise InputError(f"region {name!r}: not in these results; their regions are {known}")
        own = self.geometry.cell_regions == regions[name]
        means = self._given(values)[own].mean(axis=1)
        return np.asarray(np.average(means, axis=0, weights=self.geometry.volumes[own]))

    def _field(self) -> Snapshot | HeatState:
        """Return the state that `temperature` and `heat_flux` speak of."""
        if self.steady is not None:
            return self.steady
        if self.orders:
            return self.cumulated(len(self.orders) - 1)
        if self.fourier is not None:
            return self.fourier
        raise InputError(
            "these results hold neither scattering orders nor a steady state; see `at` for a "
            "transient and `harmonic` for frequencies"
        )

    def _transient(self) -> TransientResult:
        if self.transient is None:
            raise InputError("these results hold no transient; give the case a table [transient]")
        return self.transient

    def _given(self, values: Array | None) -> Array:
        """Return a field on the mesh, by default the temperature."""
        found = self.temperature if values is None else np.asarray(values)
        check_field(self.geometry, found)
        return found

    def _check_order(self, number: int) -> None:
        if not 0 <= number < len(self.orders):
            raise InputError(
                f"order {number}: these results hold the orders 0 to {len(self.orders) - 1}"
                if self.orders
                else f"order {number}: these results hold no scattering orders"
            )


def _span(geometry: MeshGeometry) -> str:
    low, high = geometry.points.min(axis=(0, 1)), geometry.points.max(axis=(0, 1))
    return ", ".join(f"{a:g} to {b:g}" for a, b in zip(low, high, strict=True))
