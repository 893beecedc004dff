"""A heated gray sphere with a black surface: whole runs in three dimensions, from thin to thick."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pbte.reference.closed_forms.slab import gray_bands
from pbte.reference.closed_forms.sphere import solve_sphere, uniform_heating
from pbte.verification.validation._case import ValidationCase
from pbte.verification.validation._runs import gray, run_text

if TYPE_CHECKING:
    from mpi4py import MPI

SOURCE = "Heaslet & Warming, J. Quant. Spectrosc. Radiat. Transfer 5, 669 (1965)"
RADIUS = 1e-7
CAPACITY, SPEED = 1.627e6, 2677.0
POWER = 1e-6
DIRECTIONS = 'family = "lebedev", degree = {degree}'

Run = Callable[["MPI.Intracomm"], float]


def cases() -> list[ValidationCase]:
    """Return the cases."""
    return [
        *(
            ValidationCase(
                name=f"sphere/gray, heated evenly, R = {1.0 / knudsen:g} mean free paths",
                source=SOURCE,
                quantity="mean temperature over S R/(C v)",
                unit="",
                expected=lambda kn=knudsen: _expected(kn),  # type: ignore[misc]
                tolerance=1e-2,
                run=_heated(knudsen, 6 if knudsen == 0.1 else 4, 15),
                slow=knudsen == 0.1,
            )
            for knudsen in (10.0, 1.0, 0.1)
        ),
        ValidationCase(
            name="sphere/convergence in the cells",
            source=f"{SOURCE}; linear elements in flat facets are of second order",
            quantity="error with 4 cells along the radius over that with 2, R = 1 mean free path",
            unit="",
            expected=0.25,
            tolerance=0.05,
            absolute=True,
            run=_cell_ratio,
        ),
        ValidationCase(
            name="sphere/convergence in the directions",
            source=f"{SOURCE}; Lebedev rules",
            quantity="relative change from degree 9 to 15, R = 1 mean free path",
            unit="",
            expected=0.0,
            tolerance=2e-3,
            absolute=True,
            run=lambda comm: _heated(1.0, 3, 9)(comm) / _heated(1.0, 3, 15)(comm) - 1.0,
        ),
    ]


def _expected(knudsen: float) -> float:
    """Return the mean temperature over S R/(C v)."""
    path = knudsen * RADIUS
    solution = solve_sphere(gray_bands(SPEED, path / SPEED, CAPACITY), RADIUS, uniform_heating(1.0))
    nodes, weights = np.polynomial.legendre.leggauss(24)
    radii = 0.5 * RADIUS * (1.0 + nodes)
    mean = 1.5 / RADIUS**2 * float(weights @ (radii**2 * solution.temperature(radii)))
    return mean * CAPACITY * SPEED / RADIUS


def _heated(knudsen: float, cells: int, degree: int) -> Run:
    """Return a run for the mean temperature over S R/(C v), R that of the volume of the mesh."""
    builder = (
        f'{{ shape = "nanoparticle", diameter = {2.0 * RADIUS:.17g}, '
        f"size = {RADIUS / cells:.17g} }}"
    )
    rest = (
        f'[source]\nkind = "uniform"\npower = {POWER:g}\n'
        '[walls.surface]\nkind = "isothermal"\ntemperature = 300.0\n'
    )

    def run(comm: MPI.Intracomm) -> float:
        results = run_text(
            comm,
            material=gray(knudsen * RADIUS),
            builder=builder,
            rest=rest,
            directions=DIRECTIONS.format(degree=degree),
        )
        assert results.steady is not None
        found = 0.0
        if comm.rank == 0:  # which alone has the whole body
            volumes = results.geometry.volumes
            mean = float(volumes @ results.steady.temperature.mean(axis=1))  # K m^3
            radius = float(np.cbrt(0.75 * volumes.sum() / np.pi))
            found = mean * CAPACITY * SPEED / (results.power * radius)
        return float(comm.bcast(found))

    return run


def _cell_ratio(comm: MPI.Intracomm) -> float:
    exact = _expected(1.0)
    coarse, fine = (_heated(1.0, cells, 15)(comm) - exact for cells in (2, 4))
    return fine / coarse
