"""A porous body of many mean free paths: the heat equation around the pores.

The mean free path is a ten thousandth of the period, so that the layers beside the pores are far
smaller than the cells; a whole run per case, on a mesh of one period.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pbte.verification.validation._case import ValidationCase
from pbte.verification.validation._runs import conductivity_of, gray, periodic, walls

if TYPE_CHECKING:
    from mpi4py import MPI

PERRINS = "Perrins, McKenzie & McPhedran, Proc. R. Soc. A 369, 207 (1979), after Rayleigh (1892)"
PERIOD = 1e-4
DIRECTIONS = 'family = "product", polar = 4, azimuthal = 8'
BULK = 1.627e6 * 2677.0 * (1e-4 * PERIOD) / 3.0

Run = Callable[["MPI.Intracomm"], float]


def square_array_of_holes(porosity: float) -> float:
    """Return the conductivity across a square array of round holes over that of the bulk.

    Perrins, McKenzie & McPhedran, Proc. R. Soc. A 369, 207 (1979), equation (14), for cylinders
    that do not conduct.

    Args:
        porosity: Share of the holes in the area [-].
    """
    f = porosity
    rest = 0.305827 * f**4 / (1.0 - 1.402958 * f**8) + 0.013362 * f**8
    return 1.0 - 2.0 * f / (1.0 + f - rest)


def cases() -> list[ValidationCase]:
    """Return the cases."""
    return [
        *(
            ValidationCase(
                name=f"porous/thick, {condition} holes of {share:g} of the period",
                source=PERRINS,
                quantity="conductivity over that of the bulk",
                unit="",
                expected=lambda d=share: square_array_of_holes(  # type: ignore[misc]
                    float(0.25 * np.pi * d**2)
                ),
                tolerance=3e-3,
                run=_thick(share, condition, 20),
            )
            for share, condition in ((0.4, "diffuse"), (0.7, "diffuse"), (0.7, "specular"))
        ),
        ValidationCase(
            name="porous/convergence in the cells",
            source=f"{PERRINS}; linear elements and chords of the hole are of second order",
            quantity="relative error with 10 cells along the period, holes of 0.7",
            unit="",
            expected=0.0,
            tolerance=1e-2,
            absolute=True,
            run=lambda comm: (
                _thick(0.7, "diffuse", 10)(comm) / square_array_of_holes(float(0.25 * np.pi * 0.49))
                - 1.0
            ),
        ),
    ]


def _thick(diameter: float, condition: str, cells: int) -> Run:
    size = PERIOD / cells
    # Chords of the hole leave the area of a smaller one: cells there are a third of the others.
    builder = (
        f'{{ shape = "porous_cell", lengths = [{PERIOD:.17g}, {PERIOD:.17g}], '
        f"diameter = {diameter * PERIOD:.17g}, size = {size:.17g}, "
        f"size_at_pore = {size / 3.0:.17g} }}"
    )
    rest = (
        periodic("x_min", "x_max", 1.0)
        + periodic("y_min", "y_max")
        + walls(f'kind = "{condition}"', "pore")
    )

    def run(comm: MPI.Intracomm) -> float:
        found = conductivity_of(
            comm, material=gray(1e-4 * PERIOD), builder=builder, rest=rest, directions=DIRECTIONS
        )
        return found / BULK

    return run
