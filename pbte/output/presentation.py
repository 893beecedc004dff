"""Results of a run with their figures, summary and other formats, for use from Python."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pbte.observables.results import Results

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console
    from xarray import Dataset

_WIDTH = 100
_HTML = '<pre style="font-family:monospace; line-height:1.2">{code}</pre>'


@dataclass(frozen=True, kw_only=True, repr=False)
class RunResults(Results):
    """Results of a run with figures, summary and other formats.

    The quantities themselves are those of `pbte.observables.results.Results`.
    """

    @property
    def plot(self) -> Plots:
        """The figures.

        Example:
            >>> results.plot.temperature().savefig("temperature.pdf")
        """
        return Plots(self)

    @property
    def units(self) -> dict[str, str]:
        """Unit of each quantity, by its name here or in a `Snapshot`, on a mesh of this dimension.

        Powers are in W on a mesh in 3D, in W/m in 2D and in W/m^2 in 1D. Pure numbers have the
        unit "1".

        Example:
            >>> results.units["heat_flux"], results.units["transient.energies"]
        """
        from pbte.output.units import units_of_results

        return units_of_results(self.geometry.dim)

    def to_xarray(self) -> Dataset:
        """Return the fields and spectra of all states as a Dataset of xarray.

        A variable is named by its state and quantity: `steady_temperature` (cell, vertex),
        `orders_heat_flux` (order, cell, vertex, component), `transient_outgoing_current` (time,
        facet), `harmonic_real_temperature` (frequency, cell, vertex), `fourier_temperature`. The
        mesh stands in the coordinates (`points`, `volumes`, `facets`, ...). All have the attributes
        `units` and `long_name`. Under mpirun it holds what the arrays of the results hold.

        Raises:
            InputError: xarray is not installed.

        Example:
            >>> results.to_xarray().orders_temperature.sel(order=3).mean("vertex")
        """
        from pbte.output.dataset import as_dataset

        return as_dataset(self)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the fields on the mesh as numbers, lists and texts, as for JSON.

        Example:
            >>> results.to_dict()["conductivity"]["value"]
        """
        from pbte.output.summary.data import as_data

        return as_data(self)

    def __repr__(self) -> str:
        """Return the summary of the run, as a terminal shows it."""
        return self._summary().export_text().rstrip()

    def _repr_html_(self) -> str:
        """Return the summary for a notebook."""
        return self._summary().export_html(code_format=_HTML, inline_styles=True)

    def _summary(self) -> Console:
        """Return a console of rich that holds the summary."""
        from rich.console import Console

        from pbte.output.summary.overview import summary

        console = Console(record=True, file=io.StringIO(), width=_WIDTH)
        console.print(summary(self), highlight=False)
        return console


class Plots:
    """The figures of a run, each a matplotlib Figure to show, change or save.

    Args:
        results: Results to draw. A figure of a quantity they lack raises an InputError.
    """

    def __init__(self, results: Results) -> None:
        self._results = results

    def temperature(self) -> Figure:
        """Return the temperature profile summed up to each order, with the steady state.

        Next to that of the heat equation, where it was solved. Radial, or along a film.
        """
        from pbte.output.plots.fields import plot_cumulated_temperature

        return plot_cumulated_temperature(self._results)

    def temperature_of_orders(self) -> Figure:
        """Return the temperature profile of each scattering order by itself."""
        from pbte.output.plots.fields import plot_temperature

        return plot_temperature(self._results)

    def arrival_spectrum(self) -> Figure:
        """Return the spectrum of the power arriving at each wall."""
        from pbte.output.plots.fields import plot_arrival_spectrum

        return plot_arrival_spectrum(self._results)

    def arrival_map(self) -> Figure:
        """Return the map of the power arriving on the surface of a body in 3D."""
        from pbte.output.plots.maps import plot_arrival_map

        return plot_arrival_map(self._results)

    def accumulation(self) -> Figure:
        """Return the conductivity accumulated over mean free path and frequency."""
        from pbte.output.plots.conductivity import plot_accumulation

        return plot_accumulation(self._results)

    def suppression(self) -> Figure:
        """Return the suppression function over the mean free path."""
        from pbte.output.plots.conductivity import plot_suppression

        return plot_suppression(self._results)

    def transient(self) -> Figure:
        """Return the temperature profiles at the times of a transient."""
        from pbte.output.plots.fields import plot_transient

        return plot_transient(self._results)

    def history(self) -> Figure:
        """Return the mean, highest and lowest temperature of a transient against time."""
        from pbte.output.plots.transients import plot_history

        return plot_history(self._results)

    def energy(self) -> Figure:
        """Return the energy balance of a transient over time."""
        from pbte.output.plots.transients import plot_energy

        return plot_energy(self._results)

    def harmonic(self) -> Figure:
        """Return amplitude and phase of the harmonic response over frequency."""
        from pbte.output.plots.harmonic import plot_oscillations

        return plot_oscillations(self._results)

    def interface_distributions(self) -> Figure:
        """Return the temperatures of phonons of each energy on both sides of the interfaces."""
        from pbte.output.plots.interface_spectra import plot_interface_distributions

        return plot_interface_distributions(self._results)

    def interface_flux(self) -> Figure:
        """Return the spectrum of the heat flux through the interfaces."""
        from pbte.output.plots.interface_spectra import plot_interface_flux

        return plot_interface_flux(self._results)
