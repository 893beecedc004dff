"""Walls of a case, put on the mesh: what they send in by themselves, and what they send back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.spatial import cKDTree

from pbte import case_walls as choices
from pbte.case import Case
from pbte.errors import InputError
from pbte.geometry.periodic import match_walls
from pbte.interfaces.base import WallLaw
from pbte.interfaces.diffuse import DiffuseWall
from pbte.interfaces.perfect import PerfectInterface
from pbte.interfaces.specular import PartlySpecularWall, SpecularWall
from pbte.materials.modes import ModeTable
from pbte.transport.share import ModeShare
from pbte.transport.simplices import Simplices
from pbte.transport.sources import wall_inflow
from pbte.transport.surfaces import Side, Surface, make_surface, wall_side, wall_surface
from pbte.types import Array


def given_inflow(case: Case, mesh: Simplices, walls: Mapping[str, int]) -> Array:
    """Return what isothermal walls send in, shape (num_boundary_facets * dim,) [K]; others 0."""
    deviations = dict.fromkeys(walls, 0.0)
    for name, wall in case.walls.items():
        if isinstance(wall, choices.IsothermalWall):
            deviations[name] = wall.temperature - case.temperature
    return wall_inflow(mesh, walls, deviations)


def check_walls_of_parts(case: Case, space_parts: int) -> None:
    """Refuse periodic walls in a mesh cut into parts: their two ends may lie on different ranks.

    Raises:
        InputError: There are such walls and more than one part.
    """
    for name, wall in case.walls.items():
        if isinstance(wall, choices.PeriodicWall) and space_parts > 1:
            raise InputError(
                f"walls.{name}: periodic walls need the whole mesh on every rank; set "
                f"parallel.space_parts = 1 (it is {space_parts}), the ranks then share the modes"
            )


def surfaces_of(
    case: Case, mesh: Simplices, walls: Mapping[str, int], modes: ModeTable, share: ModeShare
) -> tuple[Surface, ...]:
    """Return the walls that send phonons back, as the case describes them.

    Raises:
        InputError: Periodic walls are no copies of each other, or a plane of symmetry is none of
            the crystal's grid.
        RunError: A law violates conservation, balance or reciprocity.
    """
    surfaces = []
    for name, wall in case.walls.items():
        if isinstance(wall, choices.PeriodicWall):
            surfaces.append(_periodic(name, wall, mesh, walls, modes, share))
            continue
        law = _law(wall)
        if law is not None:
            if isinstance(wall, choices.SymmetricWall):
                _require_mirror_plane(name, mesh, walls[name], modes)
            surfaces.append(wall_surface(name, mesh, walls[name], modes, share, law))
    return tuple(surfaces)


def _law(wall: choices.WallChoice) -> WallLaw | None:
    """Return the law of an adiabatic wall, None for a black one."""
    if isinstance(wall, choices.DiffuseWall):
        return DiffuseWall(elastic=wall.elastic, bins=wall.bins)
    if isinstance(wall, choices.SymmetricWall):
        return SpecularWall()
    if isinstance(wall, choices.SpecularWall):
        return SpecularWall(bins=wall.bins)
    if isinstance(wall, choices.RoughWall):
        return PartlySpecularWall(
            specularity=wall.specularity,
            roughness=wall.roughness,
            rest="elastic" if wall.elastic else "thermalising",
            bins=wall.bins,
        )
    return None


def _periodic(
    name: str,
    wall: choices.PeriodicWall,
    mesh: Simplices,
    walls: Mapping[str, int],
    modes: ModeTable,
    share: ModeShare,
) -> Surface:
    """Join two walls: what leaves through one enters through the other, a temperature apart."""
    first, second = (wall_side(mesh, walls[n], share) for n in (name, wall.partner))
    points = mesh.points.reshape(-1, mesh.dim)
    match = match_walls(points[first.dofs], points[second.dofs], names=(name, wall.partner))
    rows = match.images[:, None]
    second = Side(
        body=second.body,
        share=share,
        dofs=second.dofs[rows, match.corners],
        slots=second.slots[rows, match.corners],
    )
    normals = mesh.boundary_normals[mesh.boundary_walls == walls[name]]
    law = PerfectInterface()
    drop = wall.temperature_drop
    # Beyond this wall the body goes on at its partner, warmer by the drop, and the other way round.
    return make_surface(
        f"{name}-{wall.partner}",
        [first, second],
        normals,
        lambda normal: law.flux_matrix(modes, modes, normal),
        jumps=(drop, -drop),
    )


def _require_mirror_plane(name: str, mesh: Simplices, tag: int, modes: ModeTable) -> None:
    """Refuse a plane of symmetry that the crystal does not have."""
    areas = mesh.boundary_normals[mesh.boundary_walls == tag]
    normals = areas / np.linalg.norm(areas, axis=1, keepdims=True)
    normal = np.zeros(3)
    normal[: mesh.dim] = normals[0]
    if np.abs(normals - normals[0]).max() > 1e-6:
        raise InputError(f"walls.{name}: a symmetric wall must be flat; this one is curved")
    mirrored = modes.velocities - 2.0 * np.outer(modes.velocities @ normal, normal)
    if not _same_set(modes, mirrored):
        raise InputError(
            f"walls.{name}: the plane with normal {np.round(normal, 6).tolist()} is no mirror "
            f'plane of {modes.name}; use kind = "specular", which redistributes, or turn the mesh'
        )


def _same_set(modes: ModeTable, velocities: Array) -> bool:
    """Return whether the modes with these velocities are the modes of the table, reordered."""
    labels = np.column_stack([modes.frequencies, modes.heat_capacities])
    labels /= labels.max(axis=0)
    speed = np.abs(modes.velocities).max()
    known = cKDTree(np.column_stack([labels, modes.velocities / speed]))
    distances = known.query(np.column_stack([labels, velocities / speed]))[0]
    return bool(np.max(distances) < 1e-4)
