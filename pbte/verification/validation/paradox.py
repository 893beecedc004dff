"""The Kapitza paradox: an interface between two crystals that are one and the same.

A perfect one changes nothing. Between the temperatures of the streams that run into it, its
resistance is still that of the modes of the crystal, 1 / sum f. Between those of all modes on both
sides it has none; what the elements leave of a jump goes to zero with the square of their size.

Diffuse mismatch sends half of what arrives to either side. Between two equal films what it sends is
halfway in temperature, at every energy: either film lies between its own wall and a black one at
half the drop, and the local resistance is twice the slip of such a film, which stays.

Between profiles of the bulk, drawn on from thick films, a perfect interface has no resistance
either, and a diffuse one that of two black walls, 0.7104 mean free paths each.

Whole runs of two films, of 50 nm unless they are called thick; the four resistances are those of
`pbte.observables.resistance`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from pbte.materials.storage import read_material
from pbte.reference.closed_forms.slab import IsotropicBands, solve_slab
from pbte.verification.validation._case import ValidationCase
from pbte.verification.validation._crystals import GRAY_SILICON, silicon_bands
from pbte.verification.validation._runs import BANDS, GRAY_PATH, gray, run_text

if TYPE_CHECKING:
    from mpi4py import MPI

    from pbte.core.types import Array
    from pbte.observables.results import Results

LITTLE = "Little, Can. J. Phys. 37, 334 (1959); Swartz & Pohl, Rev. Mod. Phys. 61, 605 (1989)"
SLIP = "Heaslet & Warming (1965), Hua & Minnich (2015): twice the slip of either film"
HALF = 50e-9
FULL = "Si-5, full matrix"
CRYSTALS = {"gray": gray(), "Si-bands": BANDS, FULL: 'file = "Si-5"'}
CLOSED_FORMS: dict[str, Callable[[], IsotropicBands]] = {
    "gray": lambda: GRAY_SILICON,
    "Si-bands": silicon_bands,
}
CELLS = (16, 32, 64)
UNIFORM = f"size = {HALF / CELLS[0]:.17g}"
# Cells in which the layers beside walls and interface are resolved to 1e-4.
GRADED = f"size = {HALF / 24:g}, size_at_interface = {HALF / 3000:g}, growth = 0.2"

WALLS = """
[walls.left]
kind = "isothermal"
temperature = 300.5
[walls.right]
kind = "isothermal"
temperature = {cold:g}
"""


def cases() -> list[ValidationCase]:
    """Return the cases."""
    return [
        *(case for crystal in CRYSTALS for case in _of_a_perfect_one(crystal)),
        *(case for crystal in CRYSTALS for case in _of_diffuse_mismatch(crystal)),
        *(
            ValidationCase(
                name=f"paradox/gray, {name}, thick, extrapolated resistance",
                source=source,
                quantity="R, extrapolated, times the conductivity, over the mean free path",
                unit="",
                expected=expected,
                tolerance=4e-3,
                absolute=expected == 0.0,
                run=partial(_extrapolated, model),
            )
            for name, model, expected, source in (
                ("perfect", "perfect", 0.0, f"{LITTLE}: none where there is no interface"),
                ("diffuse", "dmm", 2.0 * 0.71044609, "Chandrasekhar (1950): q(oo) on either side"),
            )
        ),
    ]


def _of_a_perfect_one(crystal: str) -> list[ValidationCase]:
    name = f"paradox/{crystal}, perfect"
    return [
        ValidationCase(
            name=f"{name}, interface or none",
            source="The same equations: an upwind flux that passes",
            quantity="largest difference of temperature and flux, over the drop and the flux",
            unit="",
            expected=0.0,
            tolerance=1e-12,
            absolute=True,
            run=partial(_change, crystal),
        ),
        ValidationCase(
            name=f"{name}, local resistance",
            source=f"{LITTLE}: none where there is no interface",
            quantity="R, local, times the equilibrium flux",
            unit="",
            expected=0.0,
            # Modes that fly along the interface have no upwind side: they jump with the elements.
            tolerance=1e-5 if crystal == FULL else 1e-12,
            absolute=True,
            run=partial(_resistance, crystal, "perfect", "local", UNIFORM),
        ),
        *(
            ValidationCase(
                name=f"{name}, jump of the elements, {cells} cells",
                source="Linear elements: second order (Adams, Nucl. Sci. Eng. 137, 298 (2001))",
                quantity="R, from the elements on both sides, times the equilibrium flux",
                unit="",
                expected=0.0,
                tolerance=2.5e-5 * (CELLS[0] / cells) ** 1.8,
                absolute=True,
                run=partial(_jump_of_the_elements, crystal, cells),
            )
            for cells in CELLS
        ),
        *_between_streams(name, crystal, "perfect", 1.0),
    ]


def _of_diffuse_mismatch(crystal: str) -> list[ValidationCase]:
    name = f"paradox/{crystal}, diffuse"
    films = ValidationCase(
        name=f"{name}, two films between black walls",
        source="Symmetry: what comes out of the interface is halfway at every energy",
        quantity="largest difference of temperature from one such film, over the drop",
        unit="",
        expected=0.0,
        tolerance=1e-12,
        absolute=True,
        run=partial(_change_of_a_half, crystal),
    )
    local = [
        ValidationCase(
            name=f"{name}, local resistance",
            source=SLIP,
            quantity="R, local, times the equilibrium flux",
            unit="",
            expected=partial(_twice_the_slip, crystal),
            tolerance=2e-4,
            run=partial(_resistance, crystal, "dmm", "local", GRADED),
        )
    ]
    streams = _between_streams(name, crystal, "dmm", 2.0)
    return [films, *(local if crystal in CLOSED_FORMS else []), *streams]


def _between_streams(name: str, crystal: str, model: str, expected: float) -> list[ValidationCase]:
    """Return the cases of the two resistances that stay: the paradox."""
    return [
        ValidationCase(
            name=f"{name}, {title} resistance",
            source=f"{LITTLE}: one over the transmission",
            quantity=f"R, {title}, times the equilibrium flux",
            unit="",
            expected=expected,
            tolerance=1e-10,
            run=partial(_resistance, crystal, model, title.lower(), UNIFORM),
        )
        for title in ("emission", "Landauer")
    ]


def equilibrium_flux(crystal: str) -> float:
    """Return the flux of the modes along x at one kelvin, sum f [W/m^2 K]."""
    if crystal in CLOSED_FORMS:
        bands = CLOSED_FORMS[crystal]()
        return float(bands.heat_capacities @ bands.speeds) / 4.0
    modes = read_material("Si-5", scattering="rta").modes
    return float(modes.heat_capacities @ np.maximum(modes.velocities[:, 0], 0.0))


def films(
    comm: MPI.Intracomm,
    crystal: str,
    cells: str,
    *,
    model: str | None = None,
    num_films: int = 2,
    thickness: float = HALF,
    cold: float = 299.5,
) -> Results:
    """Return films of one crystal, all alike, between a wall at 300.5 K and a colder one.

    Args:
        comm: The ranks.
        crystal: One of `CRYSTALS`.
        cells: Sizes of the cells, as the mesh builder takes them.
        model: Kind of the interface between two films; None for no interface.
        num_films: One or two.
        thickness: Of each film [m].
        cold: Temperature of the wall on the right [K].

    Note: Collective over `comm`.
    """
    layers = f"regions = {['first', 'second'][:num_films]}, thicknesses = {[thickness] * num_films}"
    interface = "" if model is None else f'[interfaces."first-second"]\nkind = "{model}"\n'
    return run_text(
        comm,
        material=CRYSTALS[crystal],
        directions="" if crystal == FULL else 'family = "line", polar = 32',
        builder=f'{{ shape = "layers", {layers}, {cells} }}',
        rest=WALLS.format(cold=cold) + interface,
        tolerance=1e-13,
    )


def _resistance(crystal: str, model: str, kind: str, cells: str, comm: MPI.Intracomm) -> float:
    (interface,) = films(comm, crystal, cells, model=model).interfaces
    return float(getattr(interface, kind)) * equilibrium_flux(crystal)


def _extrapolated(model: str, comm: MPI.Intracomm) -> float:
    cells = f"size = {GRAY_PATH:g}, size_at_interface = {GRAY_PATH / 50:g}, growth = 0.1"
    (interface,) = films(comm, "gray", cells, model=model, thickness=30 * GRAY_PATH).interfaces
    return interface.extrapolated * GRAY_SILICON.conductivity / GRAY_PATH


def _change(crystal: str, comm: MPI.Intracomm) -> float:
    """Return by how much a perfect interface changes the temperature or the flux anywhere [-]."""
    joined, whole = (films(comm, crystal, UNIFORM, model=model) for model in ("perfect", None))
    assert joined.steady is not None and whole.steady is not None
    flux = joined.interfaces[0].heat_flux
    return max(
        float(np.abs(joined.steady.temperature - whole.steady.temperature).max()),
        float(np.abs(joined.steady.heat_flux - whole.steady.heat_flux).max()) / flux,
    )


def _jump_of_the_elements(crystal: str, cells: int, comm: MPI.Intracomm) -> float:
    results = films(comm, crystal, f"size = {HALF / cells:.17g}", model="perfect")
    left, right = (_film(results, component) for component in (0, 1))
    flux = results.interfaces[0].heat_flux
    return float(left[-1] - right[0]) / flux * equilibrium_flux(crystal)


def _change_of_a_half(crystal: str, comm: MPI.Intracomm) -> float:
    """Return how much a film beside a diffuse interface differs from one beside a wall [K]."""
    joined = films(comm, crystal, UNIFORM, model="dmm")
    alone = films(comm, crystal, UNIFORM, num_films=1, cold=300.0)
    return float(np.abs(_film(joined, 0) - _film(alone, 0)).max())


def _film(results: Results, component: int) -> Array:
    """Return the temperature of one film from left to right, both ends of each cell [K]."""
    assert results.steady is not None
    points, values = results.geometry.points[..., 0], results.steady.temperature
    centres = points.mean(axis=1)
    cells = np.argsort(centres)
    cells = cells[np.floor(centres[cells] / HALF) == component]
    ends = np.argsort(points[cells], axis=1)
    return np.take_along_axis(values[cells], ends, axis=1).ravel()


def _twice_the_slip(crystal: str) -> float:
    """Return the local resistance of two slips of one film, times the equilibrium flux [-]."""
    film = solve_slab(CLOSED_FORMS[crystal](), HALF, hot=1.0)
    slip = 1.0 - float(film.temperature(0.0)[0])
    return 2.0 * slip / float(film.heat_flux(0.5 * HALF)[0]) * equilibrium_flux(crystal)
