"""Heat along wires: whole runs on a mesh of a slice, against the conductivity along chords."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pbte.reference.closed_forms import wire
from pbte.verification.validation._case import ValidationCase
from pbte.verification.validation._runs import GRAY_PATH, conductivity_of, gray, periodic, walls

if TYPE_CHECKING:
    from mpi4py import MPI

DINGLE = "Dingle, Proc. R. Soc. A 201, 545 (1950)"
SARGINSON = "MacDonald & Sarginson, Proc. R. Soc. A 203, 223 (1950)"
DIRECTIONS = 'family = "product", polar = {polar}, azimuthal = {azimuthal}, axis = "x"'
FINE = DIRECTIONS.format(polar=12, azimuthal=32)
GRAY_BULK = 1.627e6 * 2677.0 * GRAY_PATH / 3.0
# The round wire of the mesh is a polygon of some tens of corners; this one is round to 1e-3.
ROUND = 128

Run = Callable[["MPI.Intracomm"], float]


def cases() -> list[ValidationCase]:
    """Return the cases."""
    return [
        ValidationCase(
            name="wire/square, one mean free path, diffuse",
            source=SARGINSON,
            quantity="conductivity over that of the bulk",
            unit="",
            expected=lambda: float(wire.polygon_suppression(wire.square(GRAY_PATH), GRAY_PATH)),
            tolerance=3e-3,
            run=_square(8, FINE),
            slow=True,
        ),
        ValidationCase(
            name="wire/round, one mean free path, diffuse",
            source=f"{DINGLE}; a polygon of {ROUND} corners",
            quantity="conductivity over that of the bulk",
            unit="",
            expected=lambda: float(
                wire.polygon_suppression(wire.regular_polygon(ROUND, GRAY_PATH), GRAY_PATH)
            ),
            tolerance=1e-2,
            run=_round(7, FINE),
            slow=True,
        ),
        ValidationCase(
            name="wire/convergence in the cells",
            source=f"{SARGINSON}; linear elements are of second order at least",
            quantity="relative error with 4 cells across the square wire",
            unit="",
            expected=0.0,
            tolerance=5e-3,
            absolute=True,
            run=lambda comm: _square(4, FINE)(comm) / _exact() - 1.0,
        ),
        ValidationCase(
            name="wire/convergence in the directions",
            source=f"{SARGINSON}; Gauss cosines and even azimuths",
            quantity="relative change with half as many cosines and azimuths, 4 cells across",
            unit="",
            expected=0.0,
            tolerance=2e-2,
            absolute=True,
            run=_direction_change,
        ),
    ]


def _exact() -> float:
    return float(wire.polygon_suppression(wire.square(GRAY_PATH), GRAY_PATH))


def _square(slices: int, directions: str) -> Run:
    """Return a run of a square wire as wide as the mean free path; two cells along it."""
    size = GRAY_PATH / slices
    builder = (
        f'{{ shape = "block", lengths = [{2 * size:.17g}, {GRAY_PATH:.17g}, {GRAY_PATH:.17g}], '
        f'size = {size:.17g}, periodic = "x" }}'
    )
    rest = periodic("x_min", "x_max", 1.0) + walls(
        'kind = "diffuse"', "y_min", "y_max", "z_min", "z_max"
    )
    return _share(builder, rest, directions)


def _round(slices: int, directions: str) -> Run:
    size = GRAY_PATH / slices
    builder = (
        f'{{ shape = "wire", length = {2 * size:.17g}, diameter = {GRAY_PATH:.17g}, '
        f"size = {size:.17g}, periodic = true }}"
    )
    rest = periodic("left", "right", 1.0) + walls('kind = "diffuse"', "side")
    return _share(builder, rest, directions)


def _share(builder: str, rest: str, directions: str) -> Run:
    def run(comm: MPI.Intracomm) -> float:
        found = conductivity_of(
            comm, material=gray(), builder=builder, rest=rest, directions=directions
        )
        return found / GRAY_BULK

    return run


def _direction_change(comm: MPI.Intracomm) -> float:
    half = DIRECTIONS.format(polar=6, azimuthal=16)
    return _square(4, half)(comm) / _square(4, FINE)(comm) - 1.0
