"""The steady solver in a film between black walls, against the integral equation.

One dimension with the walls' normal along x: a line of directions with half ranges, so that the
flux at the walls has no error of quadrature, and cells that get finer towards the walls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pbte.core.types import Array
from pbte.materials.band_table import band_crystal, read_band_table
from pbte.materials.models import gray_crystal
from pbte.materials.quadrature import line_rule
from pbte.materials.storage import Material
from pbte.reference.closed_forms.film import cross_plane_conductivity, gray_flux_ratio
from pbte.reference.closed_forms.heated_film import reduced_temperature
from pbte.verification.validation._case import ValidationCase
from pbte.verification.validation._crystals import GRAY_SILICON, silicon_bands
from pbte.verification.validation._interval import Film, solve_film

if TYPE_CHECKING:
    from mpi4py import MPI

COSINES = 32
SLAB = "Heaslet & Warming, Int. J. Heat Mass Transfer 8, 979 (1965), by its integral equation"
HUA = "Hua & Minnich, J. Appl. Phys. 117, 175306 (2015), by their integral equation"
Solve = Callable[["MPI.Intracomm"], float]


def cases() -> list[ValidationCase]:
    """Return the cases."""
    return [
        *(
            ValidationCase(
                name=f"film/gray, L = {thickness:g} mean free paths",
                source=SLAB,
                quantity="q/(C v dT/4)",
                unit="",
                expected=lambda t=thickness: float(gray_flux_ratio(t)),  # type: ignore[misc]
                tolerance=1e-4,
                run=_gray_flux(thickness),
            )
            for thickness in (0.01, 0.1, 1.0, 10.0, 100.0)
        ),
        *(
            ValidationCase(
                name=f"film/Si-bands, {nanometres} nm",
                source=HUA,
                quantity="effective conductivity",
                unit="W/m K",
                expected=lambda nm=nanometres: float(  # type: ignore[misc]
                    cross_plane_conductivity(silicon_bands(), nm * 1e-9)
                ),
                tolerance=1e-4,
                run=_silicon_conductivity(nanometres * 1e-9),
            )
            for nanometres in (20, 100, 500)
        ),
        *(
            ValidationCase(
                name=f"film/heated gray silicon of 1 um, x/L = {fraction:g}",
                source="Uniform heating between black walls, by its integral equation",
                quantity="8 k T/(S L^2)",
                unit="",
                expected=lambda f=fraction: float(  # type: ignore[misc]
                    reduced_temperature(GRAY_SILICON, 1e-6, [f])[0]
                ),
                tolerance=5e-4,
                run=_heated(fraction),
            )
            for fraction in (0.05, 0.15, 0.25, 0.35, 0.45)
        ),
        ValidationCase(
            name="film/convergence in the cells",
            source="Second order of linear elements (Adams, Nucl. Sci. Eng. 137, 298 (2001))",
            quantity="error of the heated film with 64 cells over that with 32",
            unit="",
            expected=0.25,
            tolerance=0.02,
            absolute=True,
            run=_error_ratio,
        ),
        ValidationCase(
            name="film/convergence in the directions",
            source="Gauss-Legendre on half ranges: the fluxes of ever more cosines agree",
            quantity="relative change of the flux from 16 to 32 cosines, L = 0.1 mean free paths",
            unit="",
            expected=0.0,
            tolerance=5e-5,
            absolute=True,
            run=lambda comm: _gray_flux(0.1, 16)(comm) / _gray_flux(0.1, 32)(comm) - 1.0,
        ),
    ]


def film_cells(thickness: float, shortest: float, num_cells: int = 80) -> Array:
    """Return cell edges from 0 to L, symmetric, growing from the walls [m].

    Args:
        thickness: L [m].
        shortest: Length that the cells at the walls resolve [m].
        num_cells: Even number of cells.
    """
    half = num_cells // 2
    steps = np.arange(half + 1) / half
    # Cells of size s at the wall that grow to the middle: sinh.
    stretch = max(1e-3, np.log(1.0 + thickness / shortest))
    unit = np.sinh(stretch * steps) / np.sinh(stretch)
    left = 0.5 * unit * thickness
    return np.concatenate([left, thickness - left[-2::-1]])


def _gray_flux(thickness: float, cosines: int = COSINES) -> Solve:
    def run(comm: MPI.Intracomm) -> float:
        crystal = gray_crystal(
            speed=1.0, relaxation_time=1.0, heat_capacity=4.0, quadrature=line_rule(cosines)
        )
        film = Film(edges=film_cells(thickness, 1.0), left=0.5, right=-0.5)
        return solve_film(film, crystal, comm).heat_flux

    return run


def _silicon_conductivity(thickness: float) -> Solve:
    def run(comm: MPI.Intracomm) -> float:
        crystal: Material = band_crystal(read_band_table("Si-bands"), quadrature=line_rule(COSINES))
        film = Film(edges=film_cells(thickness, 1e-8), left=0.5, right=-0.5)
        return thickness * solve_film(film, crystal, comm).heat_flux

    return run


def _heated(fraction: float) -> Solve:
    def run(comm: MPI.Intracomm) -> float:
        # The place is made a node of the mesh.
        edges = film_cells(1e-6, float(GRAY_SILICON.mean_free_paths[0]))
        return _heated_at(fraction, np.unique(np.append(edges, fraction * 1e-6)), comm)

    return run


def _heated_at(fraction: float, edges: Array, comm: MPI.Intracomm) -> float:
    """Return 8 k T/(S L^2) at an edge between two cells of gray silicon of 1 um."""
    bands = GRAY_SILICON
    crystal = gray_crystal(
        speed=float(bands.speeds[0]),
        relaxation_time=float(bands.relaxation_times[0]),
        heat_capacity=float(bands.heat_capacities[0]),
        quadrature=line_rule(COSINES),
    )
    state = solve_film(Film(edges=edges, heat_density=1e15), crystal, comm)
    rise = state.temperature_at(fraction * 1e-6)
    return 8.0 * bands.conductivity * rise / (1e15 * 1e-12)


def _error_ratio(comm: MPI.Intracomm) -> float:
    exact = float(reduced_temperature(GRAY_SILICON, 1e-6, [0.5])[0])
    coarse, fine = (
        _heated_at(0.5, np.arange(num_cells + 1.0) * (1e-6 / num_cells), comm) - exact
        for num_cells in (32, 64)
    )
    return fine / coarse
