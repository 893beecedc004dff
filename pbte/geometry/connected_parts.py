"""Connected parts of a mesh: cells that heat can reach from each other.

Cells are connected through shared facets, also across an interface, and through periodic walls.
Parts that were meshed side by side without common points are not: the facets between them are
boundary facets of both.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pbte.core.types import Array, IntArray
from pbte.geometry.domain import Domain, mesh_arrays
from pbte.geometry.faces import connected
from pbte.geometry.facets import facet_area_vectors, signed_volumes
from pbte.geometry.locate import cells_holding
from pbte.geometry.meshfile import describe_point
from pbte.geometry.periodic import match_walls

REMEDY = (
    "mesh them together (gmsh: BooleanFragments or Coherence) or, where their points are the same, "
    "merge these: pbte mesh convert FILE NEW.msh --merge 1e-12"
)

# A boundary facet lies against another part if its middle, moved outward by this share of its
# distance from the middle of its cell, is inside that part: far above the round-off of coordinates.
_STEP = 1e-5


@dataclass(frozen=True, kw_only=True)
class ConnectedPart:
    """One connected part of a mesh."""

    num_cells: int
    """Number of its cells."""
    volume: float
    """Volume [m^dim]."""
    place: tuple[float, ...]
    """Middle of its cell that is nearest to the middle of the part [m]."""
    walls: tuple[str, ...]
    """Names of the walls that bound it."""

    @property
    def text(self) -> str:
        """The place in words."""
        return describe_point(np.array(self.place))


@dataclass(frozen=True, kw_only=True)
class UnjoinedParts:
    """Two parts with boundary facets on top of each other, which heat does not pass."""

    parts: tuple[int, int]
    """Numbers of the parts."""
    walls: tuple[str, ...]
    """Names of the walls of these facets."""
    num_facets: int
    """Number of boundary facets of either part that lie against the other."""
    place: tuple[float, ...]
    """Middle of one of them [m]."""

    @property
    def text(self) -> str:
        """Place where they lie against each other, in words."""
        walls = ", ".join(repr(wall) for wall in self.walls)
        return (
            f"{self.num_facets:,} boundary facets of wall {walls} lie against each other, one "
            f"around {describe_point(np.array(self.place))}"
        )


@dataclass(frozen=True, kw_only=True)
class ConnectedParts:
    """All connected parts of a mesh.

    Attributes:
        of_cell: Number of the part of each cell, in the numbering of the domain, shape
            (num_cells,).
        parts: The parts, the largest first.
        unjoined: Parts that lie against each other.
    """

    of_cell: IntArray
    parts: tuple[ConnectedPart, ...]
    unjoined: tuple[UnjoinedParts, ...]


def connected_parts(domain: Domain, periodic: Iterable[tuple[str, str]] = ()) -> ConnectedParts:
    """Return the connected parts of a mesh.

    Args:
        domain: The mesh.
        periodic: Pairs of walls that are periodic.

    Raises:
        InputError: Two such walls do not match.
    """
    points, cells, facets = mesh_arrays(domain)
    topology = domain.mesh.topology
    topology.create_connectivity(topology.dim - 1, topology.dim)
    beside = topology.connectivity(topology.dim - 1, topology.dim)
    starts = beside.offsets[:-1][np.diff(beside.offsets) == 2]
    first, second = beside.array[starts], beside.array[starts + 1]
    owners = beside.array[beside.offsets[domain.boundary_facets]]
    facets, walls = facets[domain.boundary_facets], domain.facet_walls
    for names in periodic:
        one, other = (np.flatnonzero(walls == domain.walls[name]) for name in names)
        matched = match_walls(points[facets[one]], points[facets[other]], names=names)
        first = np.concatenate([first, owners[one]])
        second = np.concatenate([second, owners[other[matched.images]]])
    of_cell = connected(len(cells), first, second)
    sizes = np.bincount(of_cell)
    rank = np.empty(sizes.size, dtype=np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(sizes.size)
    of_cell = rank[of_cell]
    names_of = {tag: name for name, tag in domain.walls.items()}
    on_wall = np.array([names_of[int(tag)] for tag in walls], dtype=object)
    of_facet = of_cell[owners]
    parts = tuple(
        _part(points, cells[own], on_wall[outer])
        for own, outer in zip(
            _groups(of_cell, sizes.size), _groups(of_facet, sizes.size), strict=True
        )
    )
    unjoined: tuple[UnjoinedParts, ...] = ()
    if sizes.size > 1:
        unjoined = _unjoined(points, cells, of_cell, facets, owners, on_wall)
    return ConnectedParts(of_cell=of_cell, parts=parts, unjoined=unjoined)


def _groups(numbers: IntArray, count: int) -> list[IntArray]:
    """Return the positions of each of the numbers 0 to count - 1."""
    order = np.argsort(numbers, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(numbers, minlength=count))])
    return [order[starts[number] : starts[number + 1]] for number in range(count)]


def _part(points: Array, cells: IntArray, walls: Any) -> ConnectedPart:
    volumes = np.abs(signed_volumes(points, cells))
    middles = points[cells].mean(axis=1)
    away = np.linalg.norm(middles - volumes @ middles / volumes.sum(), axis=1)
    return ConnectedPart(
        num_cells=len(cells),
        volume=float(volumes.sum()),
        place=tuple(float(x) for x in middles[np.argmin(away)]),
        walls=tuple(sorted(set(walls))),
    )


def _unjoined(
    points: Array,
    cells: IntArray,
    of_cell: IntArray,
    facets: IntArray,
    owners: IntArray,
    walls: Any,
) -> tuple[UnjoinedParts, ...]:
    """Return the pairs of parts that lie against each other."""
    middles, normals = points[facets].mean(axis=1), facet_area_vectors(points, facets)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    heights = np.einsum("fd,fd->f", middles - points[cells[owners]].mean(axis=1), normals)
    probes = middles + _STEP * heights[:, None] * normals
    own, other = of_cell[owners], np.full(len(facets), -1, dtype=np.int64)
    for rows, found, _ in cells_holding(points[cells], probes):
        foreign = of_cell[found] != own[rows]
        other[rows[foreign]] = of_cell[found[foreign]]
    touching = np.flatnonzero(other >= 0)
    both = np.sort(np.stack([own[touching], other[touching]], axis=1), axis=1)
    pairs, number = np.unique(both, axis=0, return_inverse=True)
    return tuple(
        UnjoinedParts(
            parts=(int(pair[0]), int(pair[1])),
            walls=tuple(sorted(set(walls[touching[rows]]))),
            num_facets=rows.size,
            place=tuple(float(x) for x in middles[touching[rows[0]]]),
        )
        for pair, rows in zip(
            pairs.reshape(-1, 2), _groups(number.reshape(-1), len(pairs)), strict=True
        )
    )
