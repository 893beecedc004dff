"""Walls of a case on its mesh: inflow of isothermal walls, and surfaces that reflect or join."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from pbte.case import walls as choices
from pbte.case.case import Case
from pbte.core.errors import InputError
from pbte.core.mode_partition import ModePartition
from pbte.core.types import Array, IntArray
from pbte.geometry.periodic import match_walls
from pbte.geometry.sweep_mesh import SweepMesh
from pbte.interfaces.base import BoundaryCondition, FluxMatrix
from pbte.interfaces.diffuse import DiffuseWall
from pbte.interfaces.mirror import exact_mirror
from pbte.interfaces.perfect import PerfectInterface
from pbte.interfaces.specular import PartlySpecularWall, SpecularWall
from pbte.materials.modes import ModeTable
from pbte.transport.boundary import Surface, facet_side, make_surface, wall_surface
from pbte.transport.sources import wall_inflow


def given_inflow(case: Case, mesh: SweepMesh, walls: Mapping[str, int]) -> Array:
    """Return the inflow from isothermal walls, shape (num_boundary_facets * dim,) [K]; others 0."""
    deviations = dict.fromkeys(walls, 0.0)
    for name, wall in case.walls.items():
        if isinstance(wall, choices.IsothermalWallChoice):
            deviations[name] = wall.temperature - case.temperature
    return wall_inflow(mesh, walls, deviations)


def adiabatic_surfaces(
    case: Case,
    mesh: SweepMesh,
    walls: Mapping[str, int],
    modes: ModeTable,
    mode_partition: ModePartition,
) -> tuple[Surface, ...]:
    """Return the walls of a body that send phonons back into it, as the case describes them.

    Raises:
        InputError: A plane of symmetry is not one of the crystal's grid.
        RunError: A boundary condition violates conservation, balance or reciprocity.
    """
    surfaces = []
    for name, wall in case.walls.items():
        condition = _boundary_condition(wall)
        if condition is None or not np.any(mesh.boundary_walls == walls[name]):
            continue
        if isinstance(wall, choices.SymmetricWallChoice):
            _require_mirror_plane(name, mesh, walls[name], modes)
        surfaces.append(wall_surface(name, mesh, walls[name], modes, mode_partition, condition))
    return tuple(surfaces)


def _boundary_condition(wall: choices.WallChoice) -> BoundaryCondition | None:
    """Return the boundary condition of an adiabatic wall, None for a black one."""
    if isinstance(wall, choices.DiffuseWallChoice):
        return DiffuseWall(elastic=wall.elastic, bins=wall.bins)
    if isinstance(wall, choices.SymmetricWallChoice):
        return SpecularWall()
    if isinstance(wall, choices.SpecularWallChoice):
        return SpecularWall(bins=wall.bins)
    if isinstance(wall, choices.RoughWallChoice):
        return PartlySpecularWall(
            specularity=wall.specularity,
            roughness=wall.roughness,
            rest="elastic" if wall.elastic else "thermalising",
            bins=wall.bins,
        )
    return None


def periodic_surfaces(
    case: Case,
    meshes: Sequence[SweepMesh],
    walls: Mapping[str, int],
    tables: Sequence[ModeTable],
    shares: Sequence[ModePartition],
) -> tuple[Surface, ...]:
    """Return the pairs of periodic walls: phonons that leave through one enter through the other.

    The two walls may belong to several bodies; one surface then joins each pair of bodies.

    Args:
        case: The case.
        meshes: The cells of each body.
        walls: Wall name -> tag.
        tables: The modes of each body.
        shares: The modes of each body on each rank.

    Raises:
        InputError: The walls are no copies of each other, or their crystals differ.
    """
    surfaces: list[Surface] = []
    for name, wall in case.walls.items():
        if not isinstance(wall, choices.PeriodicWallChoice):
            continue
        first, second = (_wall_facets(meshes, walls[n]) for n in (name, wall.partner))
        match = match_walls(
            _corners(meshes, first), _corners(meshes, second), names=(name, wall.partner)
        )
        second = second[match.images]
        pairs = np.column_stack([first[:, 0], second[:, 0]])
        for bodies in np.unique(pairs, axis=0):
            own = (pairs == bodies).all(axis=1)
            facets = np.column_stack([first[own, 1], second[own, 1]])
            sides = [
                facet_side(meshes[body], facets[:, k], shares[body], int(body), corners)
                for k, (body, corners) in enumerate(
                    zip(bodies, (None, match.corners[own]), strict=True)
                )
            ]
            drop = wall.temperature_drop
            # Beyond this wall the body continues at its partner, warmer by the drop, and beyond the
            # partner at this wall, colder by the drop.
            surfaces.append(
                make_surface(
                    f"{name}-{wall.partner}",
                    sides,
                    meshes[bodies[0]].boundary_normals[facets[:, 0]],
                    partial(_going_on, name, tables[bodies[0]], tables[bodies[1]]),
                    jumps=(drop, -drop),
                )
            )
    return tuple(surfaces)


def _going_on(name: str, first: ModeTable, second: ModeTable, normal: Array) -> FluxMatrix:
    """Return the flux matrix of a periodic wall, beyond which the same crystal continues."""
    try:
        return PerfectInterface().flux_matrix(first, second, normal)
    except InputError as error:
        raise InputError(
            f"walls.{name}: {first.name} would continue as {second.name} at the other end "
            f"({error}); let the period end in the material in which it begins"
        ) from None


def _wall_facets(meshes: Sequence[SweepMesh], tag: int) -> IntArray:
    """Return body and boundary facet of each facet of a wall, shape (num_facets, 2)."""
    found = [np.flatnonzero(mesh.boundary_walls == tag) for mesh in meshes]
    bodies = np.repeat(np.arange(len(meshes)), [facets.size for facets in found])
    return np.column_stack([bodies, np.concatenate(found)])


def _corners(meshes: Sequence[SweepMesh], facets: IntArray) -> Array:
    """Return the corners of some facets, shape (num_facets, dim, dim) [m]."""
    corners = [
        mesh.points.reshape(-1, mesh.dim)[mesh.boundary_dofs[facets[facets[:, 0] == body, 1]]]
        for body, mesh in enumerate(meshes)
    ]
    return np.concatenate(corners)  # facets come body by body


def _require_mirror_plane(name: str, mesh: SweepMesh, tag: int, modes: ModeTable) -> None:
    """Refuse a plane of symmetry that the crystal does not have."""
    areas = mesh.boundary_normals[mesh.boundary_walls == tag]
    normals = areas / np.linalg.norm(areas, axis=1, keepdims=True)
    normal = np.zeros(3)
    normal[: mesh.dim] = normals[0]
    if np.abs(normals - normals[0]).max() > 1e-6:
        raise InputError(f"walls.{name}: a symmetric wall must be flat; this one is curved")
    if exact_mirror(modes, normal) is None:
        raise InputError(
            f"walls.{name}: the plane with normal {np.round(normal, 6).tolist()} is no mirror "
            f'plane of {modes.name}; use kind = "specular", which redistributes, or turn the mesh'
        )
