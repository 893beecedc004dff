"""Results of a run: plain records of observables, without any solver state.

The fields of a snapshot are moments of the mode temperatures theta (design: dT = sum c theta / C,
q = sum c v theta). They live on the discontinuous linear space of the mesh: one value per cell and
cell vertex, vertices in the order of the mesh's own cells. In 2D and 1D the body is infinite in the
other directions: powers in W are then in W per metre of depth, or per square metre of film.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from pbte.core.errors import InputError
from pbte.core.quantity import derived, quantity, record
from pbte.core.types import Array
from pbte.observables.conductivity import Conductivity
from pbte.observables.electrons import ElectronResult
from pbte.observables.harmonic import ComplexArray, HarmonicResult
from pbte.observables.heat_equation import HeatState, suppression_of_peak
from pbte.observables.profiles import Profile, check_field, line_profile
from pbte.observables.resistance import InterfaceResult, SeriesResistance
from pbte.observables.sampling import values_at
from pbte.observables.slip import WallSlip
from pbte.observables.snapshot import Balance, MeshGeometry, Snapshot, extreme
from pbte.observables.transient import TransientResult, weighted_sum
from pbte.transport.reports import SpectralEstimate, SteadyReport

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

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
# Name of a steady state that was not reached.
NO_RESULT = "last step, NOT converged"


@record
class Results:
    """Results of a finished run."""

    title: str = quantity("", "name of the case")
    case: str = quantity("", "the resolved case, as TOML text")
    versions: Mapping[str, str] = quantity(
        "", "version of every package that matters", axes=("package",)
    )
    geometry: MeshGeometry = quantity("", "mesh as plain arrays")
    frequency_edges: Array = quantity(
        "rad/s", "edges of the frequency bins of all spectra", axes=("edge",)
    )
    reference_temperature: float = quantity("K", "temperature T0 of the linearisation")
    num_modes: int = quantity("1", "number of phonon modes")
    num_unknowns: int = quantity("1", "modes times degrees of freedom")
    power: float = quantity("W", "power of the heat sources inside the mesh", per_extent=True)
    self_scattering: float = quantity(
        "1", "split s of the orders: Gamma to (1+s) Gamma, M to M + s Gamma"
    )
    eigenvalues: tuple[SpectralEstimate, ...] = quantity(
        "", "how the orders grow, for every self-scattering that was tried", axes=("estimate",)
    )
    orders: tuple[Snapshot, ...] = quantity("", "scattering orders, 0 first", axes=("order",))
    steady: Snapshot | None = quantity("", "steady state, where it was asked for")
    steady_report: SteadyReport | None = quantity("", "how the steady state was reached")
    conductivity: Conductivity | None = quantity(
        "",
        "effective conductivity of the converged steady state, where a temperature gradient "
        "drives heat",
        default=None,
    )
    slips: tuple[WallSlip, ...] = quantity(
        "",
        "temperature slip at each isothermal wall in the steady state",
        axes=("wall",),
        default=(),
    )
    transient: TransientResult | None = quantity(
        "",
        "evolution in time, where it was asked for; without spectra and outgoing currents by "
        "the heat equation",
        default=None,
    )
    harmonic: tuple[HarmonicResult, ...] = quantity(
        "",
        "response to oscillations at each frequency, ascending; a negative phase is a delay",
        axes=("frequency",),
        default=(),
    )
    interfaces: tuple[InterfaceResult, ...] = quantity(
        "",
        "every interface, in the steady state or else in the sum of the orders; none in a "
        "state that did not converge",
        axes=("interface",),
        default=(),
    )
    series: SeriesResistance | None = quantity(
        "",
        "films between two ends as resistances in series in the steady state, where the body "
        "is that",
        default=None,
    )
    electrons: ElectronResult | None = quantity(
        "", "electrons of a metal, where the case has them", default=None
    )
    model: str = quantity(
        "",
        'what was solved: phonon "transport", or "fourier", the heat equation alone',
        default="transport",
    )
    fourier: HeatState | None = quantity(
        "", "steady state by the heat equation, next to that of the phonons or alone", default=None
    )
    fourier_transient: TransientResult | None = quantity(
        "",
        "evolution in time by the heat equation next to that of the phonons; solved alone, it "
        "stands in `transient`",
        default=None,
    )
    fourier_harmonic: tuple[HarmonicResult, ...] = quantity(
        "",
        "response by the heat equation next to that of the phonons, at the same frequencies",
        axes=("frequency",),
        default=(),
    )
    notes: tuple[str, ...] = quantity(
        "",
        "sentences the user must read (divergence, fictitious events, ...)",
        axes=("note",),
        default=(),
    )
    timings: Mapping[str, float] = quantity(
        "s", "wall time of each phase", axes=("phase",), default_factory=dict
    )

    @property
    def steady_name(self) -> str:
        """Name of the snapshot `steady` in texts and figures."""
        report = self.steady_report
        return STEADY if report is None or report.converged else NO_RESULT

    @property
    def converged(self) -> bool:
        """True if everything that was solved for reached its tolerance."""
        in_time = self.transient is None or self.transient.unconverged == 0
        answers = all(response.converged for response in self.harmonic)
        return self.steady_name == STEADY and in_time and answers

    @property
    @derived("K")
    def cumulated_extreme_temperature(self) -> float:
        """Deviation from T0 of largest size of the sum of all orders, with its sign."""
        return extreme(np.sum([order.temperature for order in self.orders], axis=0))

    @property
    @derived("1")
    def peak_over_transport(self) -> float | None:
        """Peak temperature by the heat equation over that of the phonons, in the steady state."""
        if self.fourier is None or self.steady is None or self.steady_report is None:
            return None
        if not self.steady_report.converged:
            return None
        return suppression_of_peak(self.steady.temperature, self.fourier.temperature)

    @property
    @derived("1")
    def transport_over_effective(self) -> float | None:
        """Effective conductivity of the phonons over that by the heat equation."""
        if self.fourier is None or self.fourier.effective is None or self.conductivity is None:
            return None
        return self.conductivity.value / self.fourier.effective

    @property
    @derived("K", axes=("region", "frequency"))
    def harmonic_mean_temperatures(self) -> Mapping[str, ComplexArray]:
        """Mean complex amplitude in the body, or in each connected component of one material."""
        return _means(self.harmonic, self.geometry)

    @property
    @derived("K", axes=("region", "frequency"))
    def fourier_harmonic_mean_temperatures(self) -> Mapping[str, ComplexArray]:
        """The same by the heat equation, next to that of the phonons."""
        return _means(self.fourier_harmonic, self.geometry)

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
        """Return the observables of one scattering order.

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
        """Return the state behind `temperature` and `heat_flux`."""
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


def _means(responses: Sequence[HarmonicResult], geometry: MeshGeometry) -> dict[str, ComplexArray]:
    means = [response.mean_temperatures(geometry) for response in responses]
    return {name: np.array([mean[name] for mean in means]) for name in (means or [{}])[0]}
