"""Estimate of the size of a run's output, before it is run."""

from __future__ import annotations

from dataclasses import dataclass

# Measured on runs of spheres and films [bytes]: the frame of results.h5, with that of a series in
# time or frequency, and of a ParaView file; a figure; what is left of a number after compression.
HDF5_FRAME, SERIES_FRAME, VIEW_FRAME, FIGURE = 70_000, 35_000, 2_500, 75_000
NUMBER, MODE_NUMBER, VIEW_NUMBER = 7.5, 5.0, 5.0
# Vertices and cells in a ParaView file, per point and per boundary facet [bytes].
VIEW_POINT, VIEW_FACET = 7.0, 32.0
# The true size lies between the estimate over this factor and the estimate times it.
UNCERTAINTY = 2.0


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Amounts of all output of a run.

    Attributes:
        num_cells: Cells of the mesh.
        num_facets: Facets of its boundary.
        dim: Dimension of the mesh.
        num_modes: Phonon modes of all bodies.
        num_bins: Frequency bins of the spectra, of all walls together.
        num_orders: Scattering orders.
        num_states: States of all modes that are shown in ParaView.
        num_heat_states: States by the heat equation that are shown in ParaView.
        num_hidden: States of all modes in results.h5 alone, such as an integral over time.
        num_hidden_heat: The same by the heat equation.
        num_series: Series of states in time or frequency, those by the heat equation as well.
        num_figures: Figures; a map of the surface counts as five.
        paraview: Whether files for ParaView are written.
    """

    num_cells: int
    num_facets: int
    dim: int
    num_modes: int = 0
    num_bins: int = 0
    num_orders: int = 0
    num_states: int = 0
    num_heat_states: int = 0
    num_hidden: int = 0
    num_hidden_heat: int = 0
    num_series: int = 0
    num_figures: int = 0
    paraview: bool = True


def estimated_bytes(contents: Contents) -> int:
    """Return the size of all files of a run, to within the factor `UNCERTAINTY` [bytes]."""
    dim, facets = contents.dim, contents.num_facets
    points = contents.num_cells * (dim + 1)
    # A temperature and a flux at each point. In 1D and 2D components may vanish and take no room.
    fields = points * (1.0 + (dim + 3.0) / 2.0)
    state = NUMBER * (fields + facets + contents.num_bins) + MODE_NUMBER * contents.num_modes
    geometry = NUMBER * (points * dim + 3 * contents.num_cells + facets * (dim + 1) ** 2)
    size = (
        HDF5_FRAME
        + SERIES_FRAME * contents.num_series
        + FIGURE * contents.num_figures
        + geometry
        + (contents.num_orders + contents.num_states + contents.num_hidden) * state
        + (contents.num_heat_states + contents.num_hidden_heat) * NUMBER * fields
    )
    if contents.paraview:
        body, surface = VIEW_FRAME + VIEW_POINT * points, VIEW_FRAME + VIEW_FACET * facets
        size += (contents.num_states + contents.num_heat_states) * (body + VIEW_NUMBER * fields)
        size += contents.num_states * (surface + VIEW_NUMBER * facets)
        size += contents.num_orders * (body + surface + 2.0 * VIEW_NUMBER * (fields + facets))
    return int(size)
