"""Validity checks of mesh arrays: cells, facets, named regions, walls, interfaces (NumPy only)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import Array, BoolArray, IntArray
from pbte.geometry.contacts import name_contacts
from pbte.geometry.facets import (
    FacetTable,
    facet_table,
    longest_edges,
    match_rows,
    signed_volumes,
)
from pbte.geometry.meshfile import MeshData, describe_point

# A cell thinner than this fraction of a regular one is flat to round-off of its coordinates.
_FLAT = 1e-11
_BODY = {1: "curve", 2: "surface", 3: "volume"}
_SIDE = {1: "end point", 2: "boundary edge", 3: "boundary facet"}
_GROUP = {0: "Physical Point", 1: "Physical Curve", 2: "Physical Surface", 3: "Physical Volume"}


@dataclass(frozen=True, kw_only=True)
class CheckedMesh:
    """Mesh arrays whose regions and walls are complete and unambiguous."""

    points: Array
    cells: IntArray
    cell_tags: IntArray
    regions: dict[str, int]
    boundary: IntArray
    """Corners of each outer facet, ascending, shape (num_boundary_facets, dim)."""
    boundary_tags: IntArray
    walls: dict[str, int]
    interior: IntArray
    """Corners of each facet of a named interior surface, shape (num_interior_facets, dim)."""
    interior_tags: IntArray
    interfaces: dict[str, int]
    automatic: frozenset[str] = frozenset()
    """Interfaces that the file does not name: contacts of two regions, named after them."""


def check_mesh(data: MeshData, path: Path) -> CheckedMesh:
    """Return the mesh with its facets sorted into walls and interfaces.

    Raises:
        InputError: Flat or overlapping cells, cells or boundary facets in no named group, groups
            that overlap, lie off the mesh, or lie partly inside and partly on the boundary;
            contacts of regions that cannot be named.
    """
    _check_cells(data, path)
    table = facet_table(data.cells)
    _check_topology(data.points, table, path)
    tags = _tag_facets(data, table, path)
    outside = table.num_cells == 1
    _check_boundary_named(data, table, tags, outside, path)
    _check_groups_one_sided(data, tags, outside, path)
    tags, contacts = name_contacts(data, table, tags, path)
    inside = ~outside & (tags > 0)
    used_outside = set(np.unique(tags[outside]))
    used_inside = set(np.unique(tags[inside]))
    used = set(np.unique(data.cell_tags))
    groups = {**data.facet_groups, **contacts}
    return CheckedMesh(
        points=data.points,
        cells=data.cells,
        cell_tags=data.cell_tags,
        regions={k: v for k, v in data.regions.items() if v in used},
        boundary=table.nodes[outside],
        boundary_tags=tags[outside],
        walls={k: v for k, v in groups.items() if v in used_outside},
        interior=table.nodes[inside],
        interior_tags=tags[inside],
        interfaces={k: v for k, v in groups.items() if v in used_inside},
        automatic=frozenset(contacts),
    )


def _check_cells(data: MeshData, path: Path) -> None:
    """Raise InputError for cells without volume and cells in no named group."""
    dim = data.points.shape[1]
    volumes = np.abs(signed_volumes(data.points, data.cells))
    flat = np.flatnonzero(volumes <= _FLAT * longest_edges(data.points, data.cells) ** dim)
    if len(flat):
        raise InputError(
            f"{path}: {len(flat)} of {len(data.cells)} cells are flat (no volume), the first at"
            f" {_middle(data.points, data.cells[flat[0]])}; repair or remesh the geometry"
        )
    nameless = np.flatnonzero(data.cell_tags == 0)
    if len(nameless):
        raise InputError(
            f"{path}: {len(nameless)} of {len(data.cells)} cells are in no named {_BODY[dim]}"
            f" group, the first at {_middle(data.points, data.cells[nameless[0]])}; name every"
            f' {_BODY[dim]} in gmsh: {_GROUP[dim]}("silicon") = {{...}};'
        )


def _check_topology(points: Array, table: FacetTable, path: Path) -> None:
    """Raise InputError for facets of more than two cells and cells folded over each other."""
    crowded = np.flatnonzero(table.num_cells > 2)
    if len(crowded):
        raise InputError(
            f"{path}: {len(crowded)} facets belong to more than two cells, the first at"
            f" {_middle(points, table.nodes[crowded[0]])}; cells are doubled or overlap: remove"
            " the copies"
        )
    shared = np.flatnonzero(table.num_cells == 2)
    sides = [
        signed_volumes(points, np.column_stack([table.nodes[shared], table.opposite[shared, k]]))
        for k in (0, 1)
    ]
    folded = shared[sides[0] * sides[1] >= 0]
    if len(folded):
        raise InputError(
            f"{path}: {len(folded)} pairs of neighbouring cells lie on the same side of their"
            f" common facet, the first at {_middle(points, table.nodes[folded[0]])}; the mesh is"
            " folded there (inverted cells): remesh the geometry"
        )


def _tag_facets(data: MeshData, table: FacetTable, path: Path) -> IntArray:
    """Return the group of every facet of the mesh, 0 = none."""
    place = match_rows(np.sort(data.facets, axis=1), table.nodes)
    names = {tag: name for name, tag in data.facet_groups.items()}
    stray = np.flatnonzero(place < 0)
    if len(stray):
        tag = int(data.facet_tags[stray[0]])
        raise InputError(
            f"{path}: {int(np.sum(data.facet_tags[stray] == tag))} elements of the group"
            f" {names[tag]!r} are no facets of cells; fragment the mesh with this surface before"
            " meshing, or take the group out"
        )
    tags = np.zeros(len(table.nodes), dtype=np.int64)
    tags[place] = data.facet_tags
    clash = np.flatnonzero(tags[place] != data.facet_tags)
    if len(clash):
        one, other = names[int(tags[place[clash[0]]])], names[int(data.facet_tags[clash[0]])]
        raise InputError(
            f"{path}: {len(clash)} facets are in two groups, {other!r} and {one!r}; each facet"
            " must belong to one named group"
        )
    return tags


def _check_boundary_named(
    data: MeshData, table: FacetTable, tags: IntArray, outside: BoolArray, path: Path
) -> None:
    """Raise InputError for boundary facets in no named group."""
    nameless = np.flatnonzero(outside & (tags == 0))
    if not len(nameless):
        return
    dim = data.points.shape[1]
    known = ", ".join(repr(name) for name in data.facet_groups) or "none"
    raise InputError(
        f"{path}: {len(nameless)} of {int(outside.sum())} {_SIDE[dim]}s are in no named group"
        f" (groups: {known}), the first at {_middle(data.points, table.nodes[nameless[0]])}; name"
        f' every wall in gmsh: {_GROUP[dim - 1]}("surface") = {{...}}; (if that position is inside'
        " the geometry, its parts do not share nodes: fragment them before meshing)"
    )


def _check_groups_one_sided(data: MeshData, tags: IntArray, outside: BoolArray, path: Path) -> None:
    """Raise InputError for a group that is partly a wall and partly an interface."""
    for name, tag in data.facet_groups.items():
        member = tags == tag
        on_wall, within = int(np.sum(member & outside)), int(np.sum(member & ~outside))
        if on_wall and within:
            raise InputError(
                f"{path}: the group {name!r} has {on_wall} facets on the boundary and {within}"
                " inside the mesh; split it into a wall and an interface"
            )


def _middle(points: Array, corners: IntArray) -> str:
    """Return the centre of an element as text."""
    return describe_point(points[corners].mean(axis=0))
