"""The interfaces of a run: where components of bodies meet, and what is reported of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pbte.case.case import Case
from pbte.case.walls import IsothermalWall, PeriodicWall
from pbte.core.types import Array
from pbte.observables.bulk import bulk_tensor
from pbte.observables.conductivity import TemperatureGradient
from pbte.observables.interfaces import Border, InterfaceTally, Meeting, MeetingFields
from pbte.observables.resistance import (
    InterfaceResult,
    Reservoirs,
    SeriesResistance,
    interface_result,
    series_resistance_of,
)
from pbte.observables.snapshot import MeshGeometry, Snapshot
from pbte.simulation.bodies import Bodies
from pbte.simulation.problem import Problem
from pbte.simulation.temperature_gradient import temperature_gradient_of
from pbte.transport.boundary import Side


def interface_tally(problem: Problem) -> InterfaceTally:
    """Return what measures at the interfaces of a case."""
    return InterfaceTally(problem.system, meetings_of(problem), problem.tally.frequency_edges)


def meetings_of(problem: Problem) -> tuple[Meeting, ...]:
    """Return the interfaces of a case with the modes on both sides; see `borders_of`."""
    borders = borders_of(problem.bodies, [joint.conductances for joint in problem.joints])
    meetings = []
    for border in borders:
        first, second = (
            Side(
                body=side.body,
                mode_partition=side.mode_partition,
                dofs=side.dofs[border.facets],
                boundary_dofs=side.boundary_dofs[border.facets],
            )
            for side in problem.joints[border.contact].surface.sides
        )
        meetings.append(Meeting(**vars(border), sides=(first, second)))
    return tuple(meetings)


def borders_of(bodies: Bodies, conductances: Sequence[Array]) -> tuple[Border, ...]:
    """Return the interfaces, one for each pair of components, by name and from left to right.

    Layers of a superlattice meet under one name; each of their interfaces stands by itself.

    Args:
        bodies: The bodies on the mesh.
        conductances: Landauer conductance at each facet of each contact [W/m^2 K].
    """
    found = [
        border
        for number, values in enumerate(conductances)
        for border in _of_contact(bodies, number, values)
    ]
    found.sort(key=lambda border: (border.name, float(border.corners[..., 0].mean())))
    counts, seen = Counter(border.name for border in found), Counter[str]()
    named = []
    for border in found:
        seen[border.name] += 1
        several = counts[border.name] > 1
        name = f"{border.name} {seen[border.name]}" if several else border.name
        named.append(replace(border, name=name))
    return tuple(named)


def _of_contact(bodies: Bodies, number: int, conductances: Array) -> list[Border]:
    contact = bodies.contacts[number]
    pair = [bodies.bodies[body] for body in contact.bodies]
    first = pair[0].mesh
    components = np.column_stack(
        [
            body.components[body.mesh.boundary_dofs[facets, 0] // (first.dim + 1)]
            for body, facets in zip(pair, contact.facets.T, strict=True)
        ]
    )
    corners = first.points.reshape(-1, first.dim)[first.boundary_dofs[contact.facets[:, 0]]]
    normals = first.boundary_normals[contact.facets[:, 0]]
    areas = np.linalg.norm(normals, axis=1)
    borders = []
    for one, other in np.unique(components, axis=0):
        own = np.flatnonzero((components == (one, other)).all(axis=1))
        borders.append(
            Border(
                name=contact.interface,
                model=contact.model.choice.kind,
                materials=(pair[0].material, pair[1].material),
                components=(int(one), int(other)),
                contact=number,
                facets=own,
                corners=corners[own],
                normals=normals[own] / areas[own, None],
                areas=areas[own],
                conductances=conductances[own],
            )
        )
    return borders


def interface_results(
    case: Case,
    problem: Problem,
    geometry: MeshGeometry,
    fields: Sequence[MeetingFields],
    snapshots: Sequence[Snapshot],
    *,
    whole: bool,
) -> tuple[tuple[InterfaceResult, ...], SeriesResistance | None]:
    """Return what is reported of each interface, and the resistances in series of a stack of films.

    Args:
        case: The case.
        problem: The problem of the case.
        geometry: The whole mesh.
        fields: What was measured at the interfaces.
        snapshots: What else was measured: the steady state, or all orders, which are added up.
        whole: Whether it is the steady state.

    Note: Collective over all ranks.
    """
    if not fields:
        return (), None
    bodies = zip(problem.bodies.bodies, problem.system.bodies, strict=True)
    conductivities = {mesh.material: bulk_tensor(body) for mesh, body in bodies}
    return interface_results_of(case, geometry, fields, snapshots, conductivities, whole=whole)


def interface_results_of(
    case: Case,
    geometry: MeshGeometry,
    fields: Sequence[MeetingFields],
    snapshots: Sequence[Snapshot],
    conductivities: Mapping[str, Array],
    *,
    whole: bool,
) -> tuple[tuple[InterfaceResult, ...], SeriesResistance | None]:
    """Return the same from the bulk conductivity of each material, shape (3, 3) [W/m K]."""
    if not fields:
        return (), None
    temperature = np.sum([snapshot.temperature for snapshot in snapshots], axis=0)
    results = tuple(
        interface_result(each, geometry, temperature, conductivities, whole=whole)
        for each in fields
    )
    ends = _ends(case, geometry, snapshots, results)
    if ends is None or not whole:
        return results, None
    borders = [each.border for each in fields]
    return results, series_resistance_of(geometry, ends, borders, results, conductivities)


def _ends(
    case: Case,
    geometry: MeshGeometry,
    snapshots: Sequence[Snapshot],
    results: Sequence[InterfaceResult],
) -> Reservoirs | None:
    """Return the two walls between which heat flows, None where it is not driven like that."""
    gradient = temperature_gradient_of(case, geometry)
    if gradient is None:
        return None
    held = {
        name: wall.temperature - case.temperature
        for name, wall in case.walls.items()
        if isinstance(wall, IsothermalWall)
    }
    if not held:
        return _periodic_ends(case, gradient, results)
    cold, hot = sorted(held, key=lambda name: held[name])
    beside, power = ({name: 0.0 for name in held} for _ in range(2))
    for snapshot in snapshots:
        for name in held:
            beside[name] += snapshot.wall_temperatures[name]
            power[name] += snapshot.balance.absorbed[name]
    return Reservoirs(
        walls=(hot, cold),
        held=(held[hot], held[cold]),
        beside=(beside[hot], beside[cold]),
        direction=gradient.direction,
        heat_flux=0.5 * (power[cold] - power[hot]) / gradient.area,
    )


def _periodic_ends(
    case: Case, gradient: TemperatureGradient, results: Sequence[InterfaceResult]
) -> Reservoirs:
    """Return the two ends of a period with a drop between them."""
    ((name, wall),) = (
        (name, wall)
        for name, wall in case.walls.items()
        if isinstance(wall, PeriodicWall) and wall.temperature_drop != 0.0
    )
    walls = (name, wall.partner)
    return Reservoirs(
        walls=walls if wall.temperature_drop > 0.0 else walls[::-1],
        held=(gradient.drop, 0.0),
        beside=None,
        direction=gradient.direction,
        heat_flux=float(np.mean([abs(each.heat_flux) for each in results])),
    )
