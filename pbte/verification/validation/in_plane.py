"""Heat along films: whole runs on a mesh in the plane, against Fuchs and Sondheimer.

The mesh is a piece of the film, periodic along the heat, with directions in space.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pbte.reference.closed_forms.fuchs_sondheimer import film_suppression, in_plane_conductivity
from pbte.verification.validation._case import ValidationCase
from pbte.verification.validation._crystals import silicon_bands
from pbte.verification.validation._runs import (
    BANDS,
    GRAY_PATH,
    conductivity_of,
    gray,
    periodic,
    walls,
)

if TYPE_CHECKING:
    from mpi4py import MPI

FUCHS = "Fuchs (1938), Sondheimer, Adv. Phys. 1, 1 (1952)"
DIFFUSE = 'kind = "diffuse"'
# Cosines to the normal with a rule for each half, and the product rule about the axis of the
# plane: two families of directions for one number.
HALF_RANGE = 'family = "half-range", polar = {polar}, azimuthal = 8, axis = "y"'
PRODUCT = 'family = "product", polar = 16, azimuthal = 48, axis = "x"'
GRAY_BULK = 1.627e6 * 2677.0 * GRAY_PATH / 3.0

Run = Callable[["MPI.Intracomm"], float]


def cases() -> list[ValidationCase]:
    """Return the cases."""
    return [
        ValidationCase(
            name="in plane/Si-bands, 100 nm",
            source=f"{FUCHS}, diffuse walls: 69.373 W/m K",
            quantity="effective conductivity",
            unit="W/m K",
            expected=lambda: float(in_plane_conductivity(silicon_bands(), 100e-9)),
            tolerance=1e-3,
            run=_along(BANDS, DIFFUSE, HALF_RANGE.format(polar=24), slices=6),
            slow=True,
        ),
        *(
            ValidationCase(
                name=f"in plane/gray, one mean free path, diffuse, {family} directions",
                source=f"{FUCHS}, diffuse walls",
                quantity="conductivity over that of the bulk",
                unit="",
                expected=lambda: float(film_suppression(1.0)),
                tolerance=1e-3,
                run=_gray_share(DIFFUSE, directions=directions),
            )
            for family, directions in (
                ("half-range", HALF_RANGE.format(polar=24)),
                ("product", PRODUCT),
            )
        ),
        *(
            ValidationCase(
                name=f"in plane/gray, one mean free path, specular for {share:g}",
                source=f"{FUCHS}, walls of specularity p",
                quantity="conductivity over that of the bulk",
                unit="",
                expected=lambda p=share: float(film_suppression(1.0, p)),  # type: ignore[misc]
                tolerance=1e-3,
                run=_gray_share(f'kind = "rough"\nspecularity = {share:g}', slices=6),
            )
            for share in (0.3, 0.8)
        ),
        ValidationCase(
            name="in plane/gray between mirrors",
            source="Specular walls do not hinder heat along a film: C v^2 tau/3",
            quantity="conductivity over that of the bulk",
            unit="",
            expected=1.0,
            tolerance=1e-8,
            run=_gray_share('kind = "specular"', slices=4),
        ),
        ValidationCase(
            name="in plane/convergence in the cells",
            source=f"{FUCHS}; linear elements are of second order or better",
            quantity="error with 8 cells across over that with 4, as far as it exceeds 1/4",
            unit="",
            expected=0.0,
            tolerance=1e-3,
            absolute=True,
            run=lambda comm: max(0.0, _cell_ratio(comm) - 0.25),
        ),
        ValidationCase(
            name="in plane/convergence in the directions",
            source=f"{FUCHS}; Gauss rules on half ranges",
            quantity="relative change of the conductivity from 8 to 16 cosines",
            unit="",
            expected=0.0,
            tolerance=1e-3,
            absolute=True,
            run=_direction_change,
        ),
    ]


def _along(
    material: str, condition: str, directions: str, slices: int, thickness: float = 1e-7
) -> Run:
    """Return a run of a film along its plane, cut into so many cells across."""

    def run(comm: MPI.Intracomm) -> float:
        size = thickness / slices
        return conductivity_of(
            comm,
            material=material,
            directions=directions,
            builder=(
                f'{{ shape = "block", lengths = [{thickness:.17g}, {thickness:.17g}], '
                f'size = {size:.17g}, periodic = "x" }}'
            ),
            rest=periodic("x_min", "x_max", 1.0) + walls(condition, "y_min", "y_max"),
        )

    return run


def _gray_share(
    condition: str, slices: int = 10, polar: int = 24, directions: str | None = None
) -> Run:
    """Return a run for the conductivity of a gray film of one mean free path over the bulk's."""
    chosen = directions or HALF_RANGE.format(polar=polar)
    along = _along(gray(), condition, chosen, slices, GRAY_PATH)
    return lambda comm: along(comm) / GRAY_BULK


def _cell_ratio(comm: MPI.Intracomm) -> float:
    exact = float(film_suppression(1.0))
    coarse, fine = (_gray_share(DIFFUSE, slices)(comm) - exact for slices in (4, 8))
    return abs(fine / coarse)


def _direction_change(comm: MPI.Intracomm) -> float:
    return _gray_share(DIFFUSE, 8, 8)(comm) / _gray_share(DIFFUSE, 8, 16)(comm) - 1.0
