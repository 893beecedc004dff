"""Heat like a wave in shipped crystals: whole runs in a periodic cell against direct solution.

Mesh, sweeps, walls, the full matrix and the steady solver, against one dense system for each wave.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from pbte.materials.grating import grating_conductivity
from pbte.materials.kernel import rta_kernel
from pbte.materials.storage import read_material
from pbte.verification.validation._case import ValidationCase
from pbte.verification.validation._runs import periodic, run_text

if TYPE_CHECKING:
    from mpi4py import MPI

SOURCE = "Direct solution for one wave vector; Hua & Lindsay, Phys. Rev. B 102, 104310 (2020)"
HEAT = 1e15  # amplitude of the heat density [W/m^3]; the answer is linear in it
CELLS = 48  # in a period
# Gauss points of a cell, for the overlap of the temperature with the wave.
POINTS, WEIGHTS = np.polynomial.legendre.leggauss(6)


def cases() -> list[ValidationCase]:
    """Return the cases."""
    return [
        *(
            ValidationCase(
                name=f"grating/{name} {kind}, {period * 1e9:g} nm",
                source=SOURCE,
                quantity="conductivity of a grating of this period",
                unit="W/m K",
                expected=lambda name=name, kind=kind, period=period: _direct(  # type: ignore[misc]
                    name, kind, period
                ),
                tolerance=1e-3,
                run=lambda comm, name=name, kind=kind, period=period: _run(  # type: ignore[misc]
                    comm, name, kind, period
                ),
                slow=name.endswith("9"),
            )
            for name, kind, period in (
                ("Si-5", "full", 20e-9),
                ("Si-5", "full", 200e-9),
                ("Si-5", "full", 2e-6),
                ("Si-5", "rta", 200e-9),
                ("Ge-5", "full", 200e-9),
                ("Si-9", "full", 200e-9),
                ("Ge-9", "full", 200e-9),
                ("Ge-9", "rta", 200e-9),
            )
        ),
        ValidationCase(
            name="grating/convergence in the cells",
            source=f"{SOURCE}; linear elements are of second order or better",
            quantity="error with 32 cells over that with 16, as far as it exceeds 1/4",
            unit="",
            expected=0.0,
            tolerance=1e-3,
            absolute=True,
            run=lambda comm: max(0.0, _error(comm, 32) / _error(comm, 16) - 0.25),
        ),
    ]


@cache
def _direct(name: str, kind: str, period: float) -> float:
    kernel = read_material(name).kernel
    if kind == "rta":
        kernel = rta_kernel(kernel.modes)
    return grating_conductivity(kernel, np.array([2.0 * np.pi / period, 0.0, 0.0]))


def _run(comm: MPI.Intracomm, name: str, kind: str, period: float, cells: int = CELLS) -> float:
    """Return Q / k^2 T of a run, T the part of the temperature that varies like the heat."""
    results = run_text(
        comm,
        material=f'file = "{name}"\nscattering = "{kind}"',
        builder=f'{{ shape = "film", thickness = {period!r}, size = {period / cells!r} }}',
        rest=periodic("left", "right")
        + f'[source]\nkind = "expression"\ndensity = "{HEAT!r}*cos(2*pi*x/{period!r})"\n'
        "sinks = true\n",
    )
    assert results.steady is not None
    ends = results.geometry.points[..., 0]
    lengths = np.abs(ends[:, 1] - ends[:, 0])
    share = 0.5 * (1.0 + POINTS)  # of the second end in a point of a cell
    where = ends[:, :1] + share * (ends[:, 1:] - ends[:, :1])
    values = results.steady.temperature
    there = values[:, :1] + share * (values[:, 1:] - values[:, :1])
    wave = 2.0 * np.pi / period
    overlap = float(lengths @ ((there * np.cos(wave * where)) @ WEIGHTS)) / period
    return HEAT / (wave**2 * overlap)


def _error(comm: MPI.Intracomm, cells: int) -> float:
    expected = _direct("Si-5", "full", 200e-9)
    return abs(_run(comm, "Si-5", "full", 200e-9, cells) / expected - 1.0)
