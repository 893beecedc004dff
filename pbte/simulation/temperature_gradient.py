"""Temperature drop and length behind the effective conductivity of a problem."""

from __future__ import annotations

import numpy as np

from pbte.core.types import Array
from pbte.observables.conductivity import TemperatureGradient
from pbte.observables.snapshot import MeshGeometry
from pbte.simulation.conditions import Conditions, Period

# Walls count as flat, parallel and opposite up to this [-].
_FLAT = 1e-6
# Two ends of one cross-section differ by no more than what a mesh makes of a curved rim [-].
_EQUAL = 1e-2


def temperature_gradient_of(
    conditions: Conditions, geometry: MeshGeometry
) -> TemperatureGradient | None:
    """Return the temperature gradient that drives heat, or None if it is no drop over a length.

    Either one pair of periodic walls with a temperature drop between them, or two flat parallel
    walls of one area at two temperatures, and no heat source.

    Args:
        conditions: Conditions that drive heat.
        geometry: The whole mesh.
    """
    if conditions.has_sources:
        return None
    held, drops = conditions.held, [pair for pair in conditions.periods if pair.drop != 0.0]
    if len(drops) == 1 and not held:
        return _periodic_drive(geometry, drops[0], conditions.num_closed)
    if len(held) == 2 and not drops:
        (one, first), (other, second) = held.items()
        if first == second:
            return None
        hot, cold = (one, other) if first > second else (other, one)
        return _wall_drive(geometry, hot, cold, abs(first - second))
    return None


def _periodic_drive(
    geometry: MeshGeometry, pair: Period, num_closed: int
) -> TemperatureGradient | None:
    """Return the gradient between two periodic walls, None if they are not opposite along an axis.

    The cross-section is that of the box, pores included, if the cell is repeated or mirrored in all
    other directions, else (a wire, a film) the area of the wall; see `_cross_section`.
    """
    along = _centre(geometry, pair.partner) - _centre(geometry, pair.name)
    length = float(np.linalg.norm(along))
    axis = int(np.argmax(np.abs(along)))
    if abs(abs(along[axis]) - length) > _FLAT * length:
        return None
    points = geometry.points.reshape(-1, geometry.points.shape[2])
    area = float(np.prod(np.delete(np.ptp(points, axis=0), axis)))
    if num_closed < points.shape[1]:
        end = float(geometry.facet_areas[geometry.facet_walls == geometry.walls[pair.name]].sum())
        area = _cross_section(geometry, length, end)
    drop = pair.drop
    return TemperatureGradient(
        direction=_three(np.sign(drop) * along / length),
        length=length,
        drop=abs(drop),
        area=area,
    )


def _wall_drive(
    geometry: MeshGeometry, hot: str, cold: str, drop: float
) -> TemperatureGradient | None:
    normals = []
    for name in (hot, cold):
        own = geometry.facet_normals[geometry.facet_walls == geometry.walls[name]]
        if np.abs(own - own[0]).max() > _FLAT:
            return None
        normals.append(own[0])
    if np.abs(normals[0] + normals[1]).max() > _FLAT:
        return None
    areas = [
        float(geometry.facet_areas[geometry.facet_walls == geometry.walls[name]].sum())
        for name in (hot, cold)
    ]
    if abs(areas[0] - areas[1]) > _EQUAL * areas[0]:
        return None
    length = float((_centre(geometry, cold) - _centre(geometry, hot)) @ normals[1])
    return TemperatureGradient(
        direction=_three(normals[1]),
        length=length,
        drop=drop,
        area=_cross_section(geometry, length, 0.5 * (areas[0] + areas[1])),
    )


def _cross_section(geometry: MeshGeometry, length: float, end: float) -> float:
    """Return the cross-section of a body whose ends have this area.

    The facets of a round wire cut off more of it at the ends, where they share one plane, than in
    between. The mean over the length is taken, so that no body conducts better than bulk.
    A body that differs from its ends by more has pores, or another form.
    """
    mean = float(geometry.volumes.sum()) / length
    return mean if abs(mean - end) <= _EQUAL * end else end


def _centre(geometry: MeshGeometry, name: str) -> Array:
    """Return the centre of area of a wall."""
    own = geometry.facet_walls == geometry.walls[name]
    centres = geometry.facets[own].mean(axis=1)
    weights = geometry.facet_areas[own]
    return np.asarray(weights @ centres / weights.sum(), dtype=np.float64)


def _three(vector: Array) -> Array:
    """Return a vector of the mesh with zeros for the dimensions that it lacks."""
    padded = np.zeros(3)
    padded[: vector.size] = vector
    return padded
