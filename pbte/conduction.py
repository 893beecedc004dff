"""How the body of a case conducts heat: its conductivity, and the slip at its walls."""

from __future__ import annotations

from dataclasses import dataclass

from pbte.case import Case
from pbte.case_walls import IsothermalWall
from pbte.drive import drive_of
from pbte.observables.bulk import bulk_response, bulk_tensor
from pbte.observables.conductivity import Conductivity, Drive, effective_conductivity
from pbte.observables.results import MeshGeometry, Snapshot
from pbte.observables.slip import WallShape, WallSlip, wall_shape, wall_slips
from pbte.parallel import on_all_ranks
from pbte.transport.problem import Problem
from pbte.transport.reports import SteadyReport


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """What the whole mesh, known to the first rank, says about the flow of heat."""

    drive: Drive | None
    volume: float
    walls: dict[str, WallShape]


def conduction_of(
    case: Case,
    problem: Problem,
    geometry: MeshGeometry,
    steady: Snapshot | None,
    report: SteadyReport | None,
) -> tuple[Conductivity | None, tuple[WallSlip, ...]]:
    """Return the effective conductivity and the slip at every isothermal wall.

    Neither without a steady state that converged; no conductivity where nothing drives heat from
    one end of the body to the other (see `drive_of`).

    Args:
        case: The case.
        problem: The only body of it.
        geometry: The mesh; the whole one on the first rank.
        steady: Observables of the steady state.
        report: How it was reached.

    Note: Collective over all ranks of the problem.
    """
    if steady is None or report is None or not report.converged:
        return None, ()
    shape, held = _shape(case, problem, geometry), _held(case)
    slips = wall_slips(steady, held, shape.walls, bulk_tensor(problem)) if held else ()
    if shape.drive is None:
        return None, slips
    conductivity = effective_conductivity(
        shape.drive,
        problem.modes,
        steady.mode_temperatures[0],
        shape.volume,
        bulk_response(problem, shape.drive.direction),
    )
    return conductivity, slips


def _held(case: Case) -> dict[str, float]:
    """Return the deviation of each isothermal wall from T0 [K]."""
    return {
        name: wall.temperature - case.temperature
        for name, wall in case.walls.items()
        if isinstance(wall, IsothermalWall)
    }


def _shape(case: Case, problem: Problem, geometry: MeshGeometry) -> _Shape:
    shape: _Shape | None = None
    with on_all_ranks(problem.comm):
        if problem.comm.rank == 0:
            shape = _Shape(
                drive=drive_of(case, geometry),
                volume=float(geometry.volumes.sum()),
                walls={name: wall_shape(geometry, name) for name in _held(case)},
            )
    known: _Shape | None = problem.comm.bcast(shape)
    assert known is not None
    return known
