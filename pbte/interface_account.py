"""The interfaces of a run: where pieces of bodies meet, and what is reported of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pbte.case import Case
from pbte.case_walls import IsothermalWall, PeriodicWall
from pbte.drive import drive_of
from pbte.observables.bulk import bulk_tensor
from pbte.observables.conductivity import Drive
from pbte.observables.interfaces import InterfaceObserver, Meeting, MeetingFields
from pbte.observables.resistance import Ends, InterfaceResult, Stack, interface_result, stack_of
from pbte.observables.results import MeshGeometry, Snapshot
from pbte.setup import Setup
from pbte.setup_interfaces import Joint
from pbte.transport.surfaces import Side


def interface_observer(setup: Setup) -> InterfaceObserver:
    """Return what measures at the interfaces of a case."""
    return InterfaceObserver(setup.system, meetings_of(setup), setup.observer.frequency_edges)


def meetings_of(setup: Setup) -> tuple[Meeting, ...]:
    """Return the interfaces, one for each pair of pieces that meet, by name and from left to right.

    Layers of a superlattice meet under one name; each of their interfaces stands by itself.
    """
    found = [meeting for joint in setup.joints for meeting in _of_joint(setup, joint)]
    found.sort(key=lambda meeting: (meeting.name, float(meeting.corners[..., 0].mean())))
    counts, seen = Counter(meeting.name for meeting in found), Counter[str]()
    named = []
    for meeting in found:
        seen[meeting.name] += 1
        several = counts[meeting.name] > 1
        name = f"{meeting.name} {seen[meeting.name]}" if several else meeting.name
        named.append(replace(meeting, name=name))
    return tuple(named)


def _of_joint(setup: Setup, joint: Joint) -> list[Meeting]:
    contact, surface = joint.contact, joint.surface
    bodies = [setup.bodies.bodies[body] for body in contact.bodies]
    cells = [
        side.dofs[:, 0] // (body.mesh.dim + 1)
        for side, body in zip(surface.sides, bodies, strict=True)
    ]
    pieces = np.column_stack([body.pieces[own] for body, own in zip(bodies, cells, strict=True)])
    mesh = bodies[0].mesh
    corners = mesh.points.reshape(-1, mesh.dim)[surface.sides[0].dofs]
    normals = mesh.boundary_normals[contact.facets[:, 0]]
    areas = np.linalg.norm(normals, axis=1)
    meetings = []
    for pair in np.unique(pieces, axis=0):
        own = (pieces == pair).all(axis=1)
        first, second = (
            Side(body=side.body, share=side.share, dofs=side.dofs[own], slots=side.slots[own])
            for side in surface.sides
        )
        meetings.append(
            Meeting(
                name=contact.interface,
                law=contact.law.choice.kind,
                materials=(bodies[0].material, bodies[1].material),
                pieces=(int(pair[0]), int(pair[1])),
                sides=(first, second),
                corners=corners[own],
                normals=normals[own] / areas[own, None],
                areas=areas[own],
                conductances=joint.conductances[own],
            )
        )
    return meetings


def account(
    case: Case,
    setup: Setup,
    geometry: MeshGeometry,
    fields: Sequence[MeetingFields],
    snapshots: Sequence[Snapshot],
    *,
    whole: bool,
) -> tuple[tuple[InterfaceResult, ...], Stack | None]:
    """Return what is reported of each interface, and the resistances in series of a stack of films.

    Args:
        case: The case.
        setup: The case made ready.
        geometry: The whole mesh.
        fields: What was measured at the interfaces.
        snapshots: What else was measured: the steady state, or all orders, which are added up.
        whole: Whether it is the steady state.

    Note: Collective over all ranks.
    """
    if not fields:
        return (), None
    bodies = zip(setup.bodies.bodies, setup.system.bodies, strict=True)
    conductivities = {mesh.material: bulk_tensor(body) for mesh, body in bodies}
    temperature = np.sum([snapshot.temperature for snapshot in snapshots], axis=0)
    results = tuple(
        interface_result(each, geometry, temperature, conductivities, whole=whole)
        for each in fields
    )
    ends = _ends(case, geometry, snapshots, results)
    if ends is None or not whole:
        return results, None
    meetings = [each.meeting for each in fields]
    return results, stack_of(geometry, ends, meetings, results, conductivities)


def _ends(
    case: Case,
    geometry: MeshGeometry,
    snapshots: Sequence[Snapshot],
    results: Sequence[InterfaceResult],
) -> Ends | None:
    """Return the two walls between which heat flows, None where it is not driven like that."""
    drive = drive_of(case, geometry)
    if drive is None:
        return None
    held = {
        name: wall.temperature - case.temperature
        for name, wall in case.walls.items()
        if isinstance(wall, IsothermalWall)
    }
    if not held:
        return _periodic_ends(case, drive, results)
    cold, hot = sorted(held, key=lambda name: held[name])
    beside, power = ({name: 0.0 for name in held} for _ in range(2))
    for snapshot in snapshots:
        for name in held:
            beside[name] += snapshot.wall_temperatures[name]
            power[name] += snapshot.balance.absorbed[name]
    return Ends(
        walls=(hot, cold),
        held=(held[hot], held[cold]),
        beside=(beside[hot], beside[cold]),
        direction=drive.direction,
        heat_flux=0.5 * (power[cold] - power[hot]) / drive.area,
    )


def _periodic_ends(case: Case, drive: Drive, results: Sequence[InterfaceResult]) -> Ends:
    """Return the two ends of a period with a drop between them."""
    ((name, wall),) = (
        (name, wall)
        for name, wall in case.walls.items()
        if isinstance(wall, PeriodicWall) and wall.temperature_drop != 0.0
    )
    walls = (name, wall.partner)
    return Ends(
        walls=walls if wall.temperature_drop > 0.0 else walls[::-1],
        held=(drive.drop, 0.0),
        beside=None,
        direction=drive.direction,
        heat_flux=float(np.mean([abs(each.heat_flux) for each in results])),
    )
