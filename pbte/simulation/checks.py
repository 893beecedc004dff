"""Checks of a case against its mesh, its materials and the ranks.

Checks of the case by itself belong to its records (`pbte.case`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches

import numpy as np
from mpi4py import MPI

from pbte.case.case import Case
from pbte.case.regions import Pair, listed, materials_of, meant
from pbte.case.sources import GaussianSource
from pbte.case.transients import (
    GaussianInitialState,
    GratingInitialState,
    SourceInitialState,
)
from pbte.case.walls import PeriodicWallChoice
from pbte.core.errors import InputError
from pbte.core.types import Array, IntArray
from pbte.geometry.connected_parts import (
    REMEDY,
    ConnectedParts,
    connected_parts,
)
from pbte.geometry.domain import Domain
from pbte.geometry.locate import cells_holding
from pbte.materials.modes import ModeTable
from pbte.output.size import Contents, estimated_bytes
from pbte.simulation.conditions import conditions_of
from pbte.simulation.sources import selected_modes

# Net power of sources and sinks, relative to all of them, that is round-off of their quadrature.
NET_POWER = 1e-9


def check_walls(case: Case, walls: Iterable[str]) -> None:
    """Check that each wall of the mesh has a boundary condition, and that no other is named.

    Args:
        case: The case.
        walls: Names of the walls of the mesh.

    Raises:
        InputError: A wall without a boundary condition, or one for a wall that the mesh lacks.
    """
    known = sorted(walls)
    listed = ", ".join(repr(wall) for wall in known) or "none"
    for name in case.walls:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"its walls are {listed}"
            raise InputError(f"walls.{name}: the mesh {case.mesh.file} has no such wall; {hint}")
    partners = _check_partners(case, known)
    missing = [wall for wall in known if wall not in case.walls and wall not in partners]
    if missing:
        names = ", ".join(repr(wall) for wall in missing)
        raise InputError(
            f"walls: no boundary condition for wall {names} of the mesh {case.mesh.file}; add a "
            f'table such as [walls.{missing[0]}] with kind = "isothermal" and temperature = '
            f"{case.temperature}"
        )


def _check_partners(case: Case, known: Sequence[str]) -> set[str]:
    """Return the partners of periodic walls, which need no boundary condition of their own."""
    partners: dict[str, str] = {}
    for name, wall in case.walls.items():
        if not isinstance(wall, PeriodicWallChoice):
            continue
        partner, where = wall.partner, f"walls.{name}.partner = {wall.partner!r}"
        if partner == name or partner not in known:
            others = ", ".join(repr(other) for other in known if other != name)
            raise InputError(f"{where}: must be another wall of the mesh: {others or 'none'}")
        if partner in case.walls:
            raise InputError(
                f"{where}: the partner has a boundary condition of its own; remove the table "
                f"[walls.{partner}], the pair is described once"
            )
        if partner in partners:
            raise InputError(f"{where}: it is already the partner of wall {partners[partner]!r}")
        partners[partner] = name
    return set(partners)


def check_walls_of_parts(case: Case, space_parts: int) -> None:
    """Refuse periodic walls in a mesh cut into parts: their two ends may lie on different ranks.

    Raises:
        InputError: There are such walls and more than one part.
    """
    for name, wall in case.walls.items():
        if isinstance(wall, PeriodicWallChoice) and space_parts > 1:
            raise InputError(
                f"walls.{name}: periodic walls need the whole mesh on every rank; set "
                f"parallel.space_parts = 1 (it is {space_parts}), the ranks then share the modes"
            )


def check_parts(case: Case, space_parts: int) -> None:
    """Refuse interfaces in a mesh cut into parts: their two sides may lie on different ranks.

    Raises:
        InputError: There are several materials, or interfaces, and more than one part.
    """
    if space_parts > 1 and (len(case.materials) > 1 or case.interfaces):
        what = "several materials" if len(case.materials) > 1 else "interfaces"
        raise InputError(
            f"parallel.space_parts = {space_parts}: {what} need the whole mesh on every rank; set "
            "parallel.space_parts = 1, the ranks then share the modes"
        )


def check_joined(case: Case, domain: Domain) -> ConnectedParts:
    """Return the connected parts of a mesh, through its interfaces and the case's periodic walls.

    Args:
        case: The case.
        domain: Its mesh.

    Raises:
        InputError: Two parts lie against each other without common points: heat would not pass.
    """
    periods = conditions_of(case).periods
    found = connected_parts(domain, [(pair.name, pair.partner) for pair in periods])
    if found.unjoined:
        raise InputError(
            f"mesh.file = {case.mesh.file!r}: two parts of the mesh are not joined, heat would not "
            f"pass between them: {found.unjoined[0].text}; {REMEDY}"
        )
    return found


def parts_without_bath(case: Case, connected: ConnectedParts) -> tuple[int, ...]:
    """Return the numbers of the connected parts that touch no isothermal wall."""
    held = conditions_of(case).held
    return tuple(
        number for number, part in enumerate(connected.parts) if not set(held) & set(part.walls)
    )


def check_steady_state(case: Case, connected: ConnectedParts, powers: Array, sizes: Array) -> None:
    """Check that every connected part of the mesh has one steady state.

    A part without isothermal wall has none if it is heated, and any temperature if it is not; the
    temperature of a body in one piece is then that with the mean T0 (a periodic cell).

    Args:
        case: The case.
        connected: The parts.
        powers: Power of the heat sources in each part [W].
        sizes: The same without signs, as a scale.

    Raises:
        InputError: A part has no steady state, or more than one.
    """
    for number in parts_without_bath(case, connected):
        part, alone = connected.parts[number], len(connected.parts) == 1
        walls = ", ".join(repr(wall) for wall in part.walls)
        where = (
            "no wall of the mesh is isothermal"
            if alone
            else f"the part of the mesh around {part.text} ({part.num_cells:,} of "
            f"{connected.of_cell.size:,} cells, walls {walls}) touches no isothermal wall"
        )
        remedy = "or set steady.enabled = false"
        heated = abs(powers[number]) > NET_POWER * sizes[number]
        light = None if case.electrons is None else case.electrons.absorbed
        if heated or (light is not None and light.wall in part.walls):
            raise InputError(
                f"walls: {where} and it is heated, so it has no steady state; give one of its "
                f"walls ({walls}) an isothermal boundary condition, let its heat sources cancel, "
                f"{remedy}"
            )
        if not alone:
            raise InputError(
                f"walls: {where}, so its steady temperature is defined up to a constant only; give "
                f"one of its walls an isothermal boundary condition, join it to the rest of the "
                f"mesh, {remedy}"
            )


def check_interfaces(case: Case, contacts: Mapping[str, Collection[Pair]]) -> None:
    """Check that each interface model of the case has an interface in the mesh.

    Args:
        case: The case.
        contacts: For each interface of the mesh, the materials that it has on its two sides.

    Raises:
        InputError: A model for an interface or a pair of materials that the mesh does not have.
    """
    materials = materials_of(case)
    meeting = {frozenset(pair) for pairs in contacts.values() for pair in pairs}
    for key in case.interfaces:
        if key in contacts:
            continue
        one, bar, other = key.partition("|")
        if not bar:
            pairs = [f"{a}|{b}" for a, b in (sorted(p)[:1] + sorted(p)[-1:] for p in meeting)]
            raise InputError(
                f"interfaces.{key}: the mesh {case.mesh.file} has no such interface; "
                f"{meant(key, [*contacts, *pairs], 'an interface model may be for')}"
            )
        for name in (one, other):
            if name not in materials:
                raise InputError(
                    f'interfaces."{key}": there is no material {name!r}; '
                    f"{meant(name, materials, 'the materials are')}"
                )
        if f"{other}|{one}" in case.interfaces and one != other:
            raise InputError(
                f'interfaces."{key}": the pair is described twice, also as "{other}|{one}"; remove '
                "one of them"
            )
        if frozenset((one, other)) not in meeting:
            raise InputError(
                f'interfaces."{key}": these materials meet nowhere in the mesh {case.mesh.file}; '
                f"remove the table (its interfaces are {listed(contacts)})"
            )


def check_source(case: Case, corners: Array, comm: MPI.Intracomm) -> None:
    """Check that the centres of the heat sources lie in the body.

    Args:
        case: The case.
        corners: Corners of the local cells, shape (num_cells, dim + 1, dim) [m].
        comm: The ranks that share the cells.

    Raises:
        InputError: One lies in none of the cells; on all ranks.

    Note:
        Collective over ``comm``.
    """
    for name, source in case.all_sources.items():
        if isinstance(source, GaussianSource):
            _check_centre(f"{name}.centre", source.centre, corners, comm)


def _check_centre(
    name: str, point: tuple[float, float, float], corners: Array, comm: MPI.Intracomm
) -> None:
    centre = np.array(point[: corners.shape[2]])
    inside = any(rows.size for rows, _, _ in cells_holding(corners, centre[None, :]))
    found = comm.allgather((inside, corners.min(axis=(0, 1)), corners.max(axis=(0, 1))))
    if not any(here for here, _, _ in found):
        low, high = np.min([f[1] for f in found], axis=0), np.max([f[2] for f in found], axis=0)
        spans = ", ".join(f"{a:.4g} to {b:.4g}" for a, b in zip(low, high, strict=True))
        raise InputError(
            f"{name} = {list(point)}: lies outside of the body, which spans {spans} [m]; move it "
            "inside (lengths are in metres)"
        )


def check_temperature(case: Case, material_temperature: float, name: str) -> None:
    """Check that the case and the material file have the same temperature.

    Args:
        case: The case.
        name: Name of the material.
        material_temperature: Temperature that the scattering matrix was computed at [K].

    Raises:
        InputError: They differ by more than 1e-6 relative.
    """
    if abs(case.temperature - material_temperature) > 1e-6 * material_temperature:
        raise InputError(
            f"temperature = {case.temperature:g}: the material {name} was computed "
            f"at {material_temperature:g} K; set temperature = {material_temperature:g} or take "
            "another material file"
        )


def check_temperatures(case: Case, temperatures: Mapping[str, float]) -> None:
    """Check that the crystals and the case have the same temperature.

    Args:
        case: The case.
        temperatures: That of each material's modes, by the name that messages use [K].

    Raises:
        InputError: Two of them, or one and the case, differ by more than 1e-6 relative.
    """
    (first, expected), *others = temperatures.items()
    for name, temperature in others:
        if abs(temperature - expected) > 1e-6 * expected:
            raise InputError(
                f"materials.{name}: it was computed at {temperature:g} K and {first!r} at "
                f"{expected:g} K; all crystals of a case need one temperature"
            )
    check_temperature(case, expected, first)


def check_initial_state(case: Case, dim: int, tables: Iterable[ModeTable]) -> None:
    """Check that the initial state of a transient fits mesh and crystals.

    Args:
        case: The case.
        dim: Dimension of the mesh.
        tables: Modes of each crystal.

    Raises:
        InputError: It is made of heat sources, and there are none; the mesh lacks the axis that it
            depends on; or it warms no modes.
    """
    initial = None if case.transient is None else case.transient.initial
    if isinstance(initial, SourceInitialState) and not case.all_sources:
        raise InputError(
            'transient.initial.kind = "source": the case has no heat source; add a table [source]'
        )
    if isinstance(initial, GratingInitialState) and "xyz".index(initial.axis) >= dim:
        raise InputError(
            f"transient.initial.axis = {initial.axis!r}: the mesh has {dim} dimensions; choose "
            f"one of {', '.join('xyz'[:dim])}"
        )
    if isinstance(initial, GaussianInitialState):
        for modes in tables:
            selected_modes("transient.initial.modes", initial.modes, modes)


def check_electrons(
    case: Case, boundaries: Mapping[str, IntArray], walls: Mapping[str, int]
) -> None:
    """Check that the mesh has the metal, and that the light falls on it.

    Args:
        case: The case.
        boundaries: Wall of each boundary facet of each body, by the name of its material.
        walls: Wall name -> tag.

    Raises:
        InputError: No region is made of the metal, or the lit wall is not one of its walls.
    """
    electrons = case.electrons
    if electrons is None:
        return
    metal = next(iter(boundaries)) if electrons.material is None else electrons.material
    if metal not in boundaries:
        raise InputError(f"electrons.material = {metal!r}: no region of the mesh is made of it")
    light = electrons.absorbed
    if light is not None and not (boundaries[metal] == walls.get(light.wall, -1)).any():
        raise InputError(
            f"electrons.absorbed.wall = {light.wall!r}: not a wall of the metal {metal}"
        )


def results_size(case: Case, domain: Domain, num_modes: int) -> int:
    """Return the size of the result folder of a case, to within a factor of two [bytes].

    Args:
        case: The case.
        domain: Its mesh.
        num_modes: Phonon modes of all bodies.
    """
    alone = case.model == "fourier"
    compares = case.fourier.compare and case.parallel.space_parts == 1 and case.electrons is None
    times = 0 if case.transient is None else len(case.transient.output_times()) + 1
    frequencies = 0 if case.harmonic is None else len(case.harmonic.all_frequencies())
    series = int(times > 0) + int(frequencies > 0)
    hidden = int(times > 0) + 2 * frequencies  # the integral over time; real and imaginary parts
    heat_states = times + int(case.steady.enabled or series == 0)
    bins = case.output.frequency_bins * (len(domain.walls) + len(domain.interfaces))
    dim = domain.mesh.topology.dim
    figures = 3 * int(times > 0) + int(frequencies > 0)
    figures += 1 if alone else (8 if dim == 3 else 3) + 2 * int(bool(domain.interfaces))
    return estimated_bytes(
        Contents(
            num_cells=len(domain.cell_regions),
            num_facets=len(domain.facet_walls),
            dim=dim,
            num_modes=num_modes,
            num_bins=bins,
            num_orders=0 if alone or case.electrons is not None else case.orders.max_order + 1,
            num_states=0 if alone else times + int(case.steady.enabled),
            num_heat_states=heat_states if alone or compares else 0,
            num_hidden=0 if alone else hidden,
            num_hidden_heat=hidden if alone or compares else 0,
            num_series=series * (1 if alone or not compares else 2),
            num_figures=figures if case.output.plots else 0,
            paraview=case.output.paraview,
        )
    )
