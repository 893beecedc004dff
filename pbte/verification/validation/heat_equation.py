"""The heat equation of cases: closed forms, and phonons of many mean free paths."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pbte.reference.closed_forms.film import EXTRAPOLATION
from pbte.verification.validation._case import ValidationCase
from pbte.verification.validation._runs import GRAY_PATH, gray, run_text, run_whole, walls

if TYPE_CHECKING:
    from mpi4py import MPI

    from pbte.observables.heat_equation import HeatState
    from pbte.observables.results import Results

# Two gray crystals: heat capacity [J/m^3 K], speed [m/s], mean free path [m].
SOFT = (2.0e6, 2000.0, 80e-9)
HARD = (1.6e6, 6000.0, 60e-9)
THICKNESS = 100e-9  # of a film, of either slab; the radius of a core in a sphere of twice that [m]
HEAT = 1e15  # [W/m^3]
FREQUENCY = 3e8  # at which either slab is about as thick as its thermal wave is long [Hz]
THICK = 200.0  # mean free paths in a film of 200 nm

HEAD = 'model = "fourier"\ntemperature = 300.0\n'
DIRECTIONS = 'directions = { family = "half-range", polar = 16, azimuthal = 4 }'
COLD, WARM = (f'kind = "isothermal"\ntemperature = {t}' for t in (300.0, 301.0))
DIFFUSE_MISMATCH = '[interfaces."a|b"]\nkind = "dmm"\nelastic = false\n'

Run = Callable[["MPI.Intracomm"], float]


def _material(name: str, crystal: tuple[float, float, float]) -> str:
    heat, speed, path = crystal
    return (
        f'[materials.{name}]\nkind = "gray"\nname = "{name}"\nspeed = {speed}\n'
        f"relaxation_time = {path / speed!r}\nheat_capacity = {heat}\n{DIRECTIONS}\n"
    )


TWO = _material("a", HARD) + _material("b", SOFT)
ONE = f"[material]\n{gray()}\n{DIRECTIONS}\n"
GRAY_BULK = 1.627e6 * 2677.0 * GRAY_PATH / 3.0


def cases() -> list[ValidationCase]:
    """Return the cases."""
    return [
        ValidationCase(
            name="heat equation/film heated evenly",
            source="Parabola: Q L^2/8k",
            quantity="highest temperature",
            unit="K",
            expected=HEAT * THICKNESS**2 / (8.0 * GRAY_BULK),
            tolerance=1e-3,
            run=_peak(_heated_film()),
        ),
        *(
            ValidationCase(
                name=f"heat equation/two slabs, {definition} resistance between them",
                source=f"In series: q = dT / (L/k1 + R + L/k2), {formula}",
                quantity="heat flux",
                unit="W/m^2",
                expected=1.0
                / (THICKNESS / _bulk(HARD) + THICKNESS / _bulk(SOFT) + _resistance(definition)),
                tolerance=1e-7,
                run=_flux(_driven_slabs(definition)),
            )
            for definition, formula in (
                ("landauer", "R = 1/G1 + 1/G2, gray diffuse mismatch with G = Cv/4"),
                ("local", "R = 1/2G1 + 1/2G2, gray diffuse mismatch with G = Cv/4"),
            )
        ),
        ValidationCase(
            name="heat equation/heated core in a shell",
            source="Q r^2/6k1 + R Q r/3 + Q r^3/3k2 (1/r - 1/2r), r the radius of the core",
            quantity="temperature in the middle",
            unit="K",
            expected=HEAT
            * (
                THICKNESS**2 / (6.0 * _bulk(HARD))
                + _resistance("local") * THICKNESS / 3.0
                + THICKNESS**2 / (6.0 * _bulk(SOFT))
            ),
            tolerance=0.015,  # spheres of flat facets
            run=_peak(_sphere()),
        ),
        ValidationCase(
            name="heat equation/square lattice of pores",
            source="Rayleigh, Phil. Mag. 34, 481 (1892): 1 - 2f/(1 + f - 0.3058 f^4)",
            quantity="conductivity over that of the bulk, and over Rayleigh's at the f of the mesh",
            unit="",
            expected=1.0,
            tolerance=5e-3,
            run=_pores,
        ),
        ValidationCase(
            name=f"heat equation/phonons in a film of {THICK:g} mean free paths",
            source="Milne: they slip by 0.7104 of a path at either wall, Marshak's jump is 2/3",
            quantity="conductivity over that by the heat equation",
            unit="",
            expected=(1.0 + 4.0 / 3.0 / THICK) / (1.0 + 2.0 * EXTRAPOLATION / THICK),
            tolerance=5e-5,
            run=_thick_film,
        ),
        ValidationCase(
            name="heat equation/grating in a ring",
            source="exp(-k t/C (2 pi/L)^2), after one such time",
            quantity="amplitude of the cosine over that at the start",
            unit="",
            expected=float(np.exp(-1.0)),
            tolerance=1e-3,
            run=lambda comm: _grating(comm, 160, 40),
        ),
        ValidationCase(
            name="heat equation/order of the time steps",
            source="Alexander, SIAM J. Numer. Anal. 14, 1006 (1977): two stages, second order",
            quantity="binary logarithm of the ratio of errors when steps are halved",
            unit="",
            expected=2.0,
            tolerance=0.05,
            run=_order,
        ),
        *(
            ValidationCase(
                name=f"heat equation/two slabs with an oscillating wall, {what}",
                source="Matrices (cosh, sinh / k kappa; k kappa sinh, cosh) of both, kappa^2 = i "
                "omega C / k, (1, R; 0, 1) between (Maillet et al., Thermal Quadrupoles, 2000)",
                quantity=f"{what} of the heat flux into the warm wall",
                unit=unit,
                expected=lambda take=take: take(_quadrupoles()),  # type: ignore[misc]
                tolerance=1e-3,
                run=_answer(take),
            )
            for what, unit, take in (
                ("amplitude", "W/m^2", lambda flux: float(abs(flux))),
                ("phase", "degrees", lambda flux: float(np.degrees(np.angle(flux)))),
            )
        ),
    ]


def _bulk(crystal: tuple[float, float, float]) -> float:
    """Return C v l/3 [W/m K]."""
    return float(np.prod(crystal)) / 3.0


def _resistance(definition: str) -> float:
    """Return that of diffuse mismatch between the two crystals [m^2 K/W]."""
    streams = sum(4.0 / (heat * speed) for heat, speed, _ in (HARD, SOFT))
    return streams if definition == "landauer" else 0.5 * streams


def _heated_film() -> str:
    builder = f'shape = "film", thickness = {THICKNESS}, dim = 1, size = {THICKNESS / 80}'
    heat = f'[source]\nkind = "uniform"\ndensity = {HEAT}\n'
    return f"{HEAD}{ONE}{_mesh(builder)}{walls(COLD, 'left', 'right')}{heat}"


def _mesh(builder: str) -> str:
    return f'[mesh]\nfile = "body.msh"\nbuilder = {{ {builder} }}\n'


def _driven_slabs(definition: str) -> str:
    builder = (
        f'shape = "layers", regions = ["a", "b"], thicknesses = [{THICKNESS}, {THICKNESS}], '
        f"size = {THICKNESS / 40}"
    )
    ends = walls(WARM, "left") + walls(COLD, "right")
    choice = f'[fourier]\ninterfaces = "{definition}"\n'
    return HEAD + TWO + DIFFUSE_MISMATCH + _mesh(builder) + ends + choice


def _sphere() -> str:
    builder = (
        f'shape = "core_shell", diameter = {4.0 * THICKNESS}, core_diameter = {2.0 * THICKNESS}, '
        f"size = {THICKNESS / 5}"
    )
    places = '[regions]\ncore = "a"\nshell = "b"\n'
    heat = f'[source]\nkind = "uniform"\ndensity = {HEAT}\nregions = ["core"]\n'
    rest = walls(COLD, "surface") + heat
    return HEAD + TWO + places + DIFFUSE_MISMATCH + _mesh(builder) + rest


def _peak(text: str) -> Run:
    return lambda comm: float(_state(run_whole(comm, text)).temperature.max())


def _flux(text: str) -> Run:
    return lambda comm: float(_state(run_whole(comm, text)).balance.absorbed["right"])


def _state(results: Results) -> HeatState:
    assert results.fourier is not None, "the heat equation was not solved"
    return results.fourier


def _pores(comm: MPI.Intracomm) -> float:
    """Return k/k_bulk over Rayleigh's value, with the share of the polygon in the mesh."""
    cell = 'shape = "porous_cell", lengths = [1e-7, 1e-7], diameter = 4e-8, size = 4e-9'
    ends = '[walls.{a}_min]\nkind = "periodic"\npartner = "{a}_max"\ntemperature_drop = {drop}\n'
    results = run_whole(
        comm,
        HEAD
        + ONE
        + _mesh(cell)
        + ends.format(a="x", drop=1.0)
        + ends.format(a="y", drop=0.0)
        + walls('kind = "diffuse"', "pore"),
    )
    share = 1.0 - float(results.geometry.volumes.sum()) / 1e-14
    rayleigh = 1.0 - 2.0 * share / (1.0 + share - 0.305827 * share**4)
    conductivity = _state(results).effective
    assert conductivity is not None, "no drop drives heat through the cell"
    return conductivity / GRAY_BULK / rayleigh


def _thick_film(comm: MPI.Intracomm) -> float:
    """Return what phonons conduct over what the heat equation with jumps says, in one run."""
    results = run_text(
        comm,
        material=gray(200e-9 / THICK),
        directions='family = "half-range", polar = 16, azimuthal = 4',
        builder='{ shape = "film", thickness = 200e-9, dim = 1, size = 2e-9 }',
        rest=walls(WARM, "left") + walls(COLD, "right") + '[fourier]\njump = "marshak"\n',
    )
    effective = _state(results).effective
    assert results.conductivity is not None and effective is not None, "the film is driven"
    return float(results.conductivity.value) / effective


def _grating(comm: MPI.Intracomm, cells: int, steps: int) -> float:
    """Return the amplitude of a grating after the time in which it falls to 1/e."""
    end = 1.627e6 / GRAY_BULK * (THICKNESS / (2.0 * np.pi)) ** 2
    builder = f'shape = "film", thickness = {THICKNESS}, dim = 1, size = {THICKNESS / cells}'
    ring = '[walls.left]\nkind = "periodic"\npartner = "right"\n[steady]\nenabled = false\n'
    times = f"[transient]\nend = {end!r}\nstep = {end / steps!r}\nnum_times = 1\n"
    start = f'initial = {{ kind = "grating", amplitude = 1.0, period = {THICKNESS} }}\n'
    results = run_whole(comm, HEAD + ONE + _mesh(builder) + ring + times + start)
    assert results.transient is not None, "the case has a transient"
    first, last = (snapshot.temperature for snapshot in results.transient.snapshots)
    return float((first * last).sum() / np.square(first).sum())


def _order(comm: MPI.Intracomm) -> float:
    """Against steps sixteen times as short, which leave 1/256 of the error."""
    coarse, half, exact = (_grating(comm, 10, steps) for steps in (4, 8, 64))
    return float(np.log2(abs(coarse - exact) / abs(half - exact)))


def _answer(take: Callable[[complex], float]) -> Run:
    """Return a run of two slabs whose left wall oscillates."""
    text = _driven_slabs("local") + f"[harmonic]\nfrequencies = [{FREQUENCY}]\n"
    return lambda comm: take(-run_whole(comm, text).harmonic[0].absorbed["left"])


def _quadrupoles() -> complex:
    """Return the flux into the warm wall when the other one is held: D / B for T = 1 K."""
    slabs = []
    for crystal in (HARD, SOFT):
        kappa = np.sqrt(2j * np.pi * FREQUENCY * crystal[0] / _bulk(crystal))
        across, within = _bulk(crystal) * kappa, kappa * THICKNESS
        slabs.append(
            np.array(
                [
                    [np.cosh(within), np.sinh(within) / across],
                    [np.sinh(within) * across, np.cosh(within)],
                ]
            )
        )
    (_, ahead), (_, back) = (
        slabs[0] @ np.array([[1.0, _resistance("local")], [0.0, 1.0]]) @ slabs[1]
    )
    return complex(back / ahead)
