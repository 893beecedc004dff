"""Effective conductivity of a problem, and the temperature slip at its walls."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pbte.core.parallel import on_all_ranks
from pbte.core.types import Array
from pbte.observables.bulk import bulk_response, bulk_tensor
from pbte.observables.conductivity import (
    Conductivity,
    TemperatureGradient,
    effective_conductivity,
    together,
)
from pbte.observables.slip import WallShape, WallSlip, wall_shape, wall_slips
from pbte.observables.snapshot import MeshGeometry, Snapshot
from pbte.simulation.conditions import Conditions
from pbte.simulation.temperature_gradient import temperature_gradient_of
from pbte.transport.reports import SteadyReport
from pbte.transport.system import System


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """Gradient and walls of the whole mesh, known on the first rank."""

    gradient: TemperatureGradient | None
    walls: dict[str, WallShape]


def conduction_of(
    conditions: Conditions,
    system: System,
    geometry: MeshGeometry,
    steady: Snapshot | None,
    report: SteadyReport | None,
) -> tuple[Conductivity | None, tuple[WallSlip, ...]]:
    """Return the effective conductivity and the slip at every isothermal wall.

    Neither without a steady state that converged; no conductivity where nothing drives heat from
    one end of the body to the other (see `temperature_gradient_of`).

    Args:
        conditions: Conditions that drive heat.
        system: The bodies.
        geometry: The mesh; the whole one on the first rank.
        steady: Observables of the steady state.
        report: Its convergence.

    Note: Collective over all ranks of the system.
    """
    if steady is None or report is None or not report.converged:
        return None, ()
    shape, held = _shape(conditions, system, geometry), conditions.deviations
    slips = wall_slips(steady, held, shape.walls, _across_walls(system, geometry, held))
    if shape.gradient is None:
        return None, slips
    volumes = [float(b.sum_over_space(np.array([b.mesh.volumes.sum()]))[0]) for b in system.bodies]
    parts = [
        effective_conductivity(
            shape.gradient,
            body.modes,
            temperatures,
            volume,
            bulk_response(body, shape.gradient.direction),
        )
        for body, temperatures, volume in zip(
            system.bodies, steady.mode_temperatures, volumes, strict=True
        )
    ]
    return together(parts, volumes), slips


def _across_walls(system: System, geometry: MeshGeometry, walls: Iterable[str]) -> dict[str, Array]:
    """Return the bulk conductivity behind each wall, its mean by area, each (3, 3) [W/m K]."""
    tensors: list[Array] | None = None
    found = {}
    for name in walls:
        areas = []
        for body in system.bodies:
            mesh = body.mesh
            normals = mesh.boundary_normals[mesh.boundary_walls == geometry.walls[name]]
            own = np.array([np.linalg.norm(normals, axis=1).sum()])
            areas.append(float(body.sum_over_space(own)[0]))
        tensors = tensors or [bulk_tensor(body) for body in system.bodies]
        mean = np.tensordot(np.array(areas) / sum(areas), np.stack(tensors), axes=1)
        found[name] = np.asarray(mean, dtype=np.float64)
    return found


def _shape(conditions: Conditions, system: System, geometry: MeshGeometry) -> _Shape:
    shape: _Shape | None = None
    comm = system.bodies[0].comm
    with on_all_ranks(comm):
        if comm.rank == 0:
            shape = _Shape(
                gradient=temperature_gradient_of(conditions, geometry),
                walls={name: wall_shape(geometry, name) for name in conditions.held},
            )
    known: _Shape | None = comm.bcast(shape)
    assert known is not None
    return known
