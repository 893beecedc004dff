"""Sweeps to the steady state of a periodic superlattice, whose heat no wall absorbs."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mpi4py import MPI

from pbte.case.case import Case
from pbte.core.errors import RunError
from pbte.run import run_case

MODELS = ("dmm", "amm")
CRYSTALS = ("Si-5", "Ge-5")
CELLS_PER_LAYER = 10
TOLERANCE = 1e-8


@dataclass(frozen=True, kw_only=True)
class PeriodFigures:
    """Sweeps to the steady state of one period.

    Attributes:
        period: Thickness of both layers together [m].
        sweeps: Sweeps over all modes.
        corrections: Corrections with the full matrices.
        conductivity: Of the superlattice across its layers [W/m K].
    """

    period: float
    sweeps: int
    corrections: int
    conductivity: float


@dataclass(frozen=True, kw_only=True)
class SuperlatticeFigures:
    """Sweeps to the steady state of superlattices with one kind of interface.

    Attributes:
        materials: The two crystals, with their full matrices.
        model: Kind of the interface.
        num_modes: Modes of both crystals together.
        num_cells: Cells of a period.
        tolerance: Relative residual that was reached.
        periods: Superlattices of different periods.
    """

    materials: tuple[str, str]
    model: str
    num_modes: int
    num_cells: int
    tolerance: float
    periods: tuple[PeriodFigures, ...]


def superlattice_figures(model: str, periods: Sequence[float]) -> SuperlatticeFigures:
    """Return the sweeps of superlattices of silicon and germanium, layers of equal thickness.

    Args:
        model: Kind of the interface.
        periods: Thickness of both layers together [m].

    Raises:
        RunError: A steady state was not reached.
    """
    figures, num_modes, num_cells = [], 0, 0
    for period in periods:
        with tempfile.TemporaryDirectory(prefix="pbte-bench-") as folder:
            results = run_case(_case(model, period, Path(folder)), MPI.COMM_SELF)
        report, conductivity = results.steady_report, results.conductivity
        if report is None or conductivity is None or not report.converged:
            raise RunError(f"the superlattice of {period:g} m with {model} did not converge")
        num_modes, num_cells = results.num_modes, results.geometry.points.shape[0]
        figures.append(
            PeriodFigures(
                period=period,
                sweeps=report.sweeps,
                corrections=report.iterations,
                conductivity=float(conductivity.value),
            )
        )
    return SuperlatticeFigures(
        materials=CRYSTALS,
        model=model,
        num_modes=num_modes,
        num_cells=num_cells,
        tolerance=TOLERANCE,
        periods=tuple(figures),
    )


def _case(model: str, period: float, folder: Path) -> Case:
    layer = 0.5 * period
    drop = {"kind": "periodic", "partner": "right", "temperature_drop": 1.0}
    return Case.model_validate(
        {
            "temperature": 300.0,
            "materials": {name: {"file": name} for name in CRYSTALS},
            "interfaces": {"|".join(CRYSTALS): {"kind": model}},
            "mesh": {
                "file": str(folder / "period.msh"),
                "builder": {
                    "shape": "layers",
                    "regions": CRYSTALS,
                    "thicknesses": (layer, layer),
                    "size": layer / CELLS_PER_LAYER,
                    "periodic": "x",
                },
            },
            "walls": {"left": drop},
            "orders": {"max_order": 0, "self_scattering": 0.0},
            "steady": {"tolerance": TOLERANCE},
            "fourier": {"compare": False},
        }
    )
