"""Report on a mesh: names for a case, sizes and quality."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pbte.core.types import Array, IntArray
from pbte.geometry.connected_parts import ConnectedPart, UnjoinedParts, connected_parts
from pbte.geometry.domain import Domain, mesh_arrays
from pbte.geometry.face_pairs import face_pairs_of
from pbte.geometry.facets import edge_lengths, facet_area_vectors, signed_volumes
from pbte.geometry.periodic import matching_walls


@dataclass(frozen=True, kw_only=True)
class PartReport:
    """One named part of a mesh."""

    name: str
    count: int
    """Number of cells (of a region) or facets (of a wall or an interface)."""
    measure: float
    """Volume or area; in d dimensions [m^d] for regions, [m^(d-1)] for walls and interfaces."""


@dataclass(frozen=True, kw_only=True)
class InterfaceSummary(PartReport):
    """One interface of a mesh."""

    between: tuple[tuple[str, str], ...]
    """The regions on side 1 and side 2, for each pair of regions that it separates."""
    named: bool
    """Whether the file names it; if not, it is named after its regions."""


@dataclass(frozen=True, kw_only=True)
class MatchReport:
    """Two walls that are copies of each other by translation, as periodic walls must be."""

    walls: tuple[str, str]
    translation: Array
    """From the first to the second, shape (dim,) [m]."""


@dataclass(frozen=True, kw_only=True)
class MeshReport:
    """Names, sizes and quality of a mesh, printed by ``pbte mesh info``."""

    dim: int
    num_points: int
    num_cells: int
    num_boundary_facets: int
    lower: Array
    """Lower corner of the bounding box, shape (dim,) [m]."""
    upper: Array
    """Upper corner, shape (dim,) [m]."""
    regions: tuple[PartReport, ...]
    walls: tuple[PartReport, ...]
    interfaces: tuple[InterfaceSummary, ...]
    matches: tuple[MatchReport, ...]
    """All pairs of walls that can be periodic."""
    parts: tuple[ConnectedPart, ...]
    """Parts that share no facet, the largest first; one for a mesh in one piece."""
    unjoined: tuple[UnjoinedParts, ...]
    """Parts that lie against each other without common points."""
    min_quality: float
    """Smallest normalised radius ratio of a cell, 1 = regular, 0 = flat [-]."""
    mean_quality: float
    min_edge: float
    """Shortest edge [m]."""
    mean_edge: float
    max_edge: float

    @property
    def volume(self) -> float:
        """Volume of the mesh [m^dim]."""
        return sum(part.measure for part in self.regions)


def mesh_report(domain: Domain) -> MeshReport:
    """Return the names, sizes and quality of a mesh (not collective: every rank holds it all)."""
    points, cells, facets = mesh_arrays(domain)
    dim = points.shape[1]
    volumes = np.abs(signed_volumes(points, cells))
    areas = np.linalg.norm(facet_area_vectors(points, facets), axis=1)
    quality, edges = radius_ratios(points, cells), edge_lengths(points, cells)
    outer, inner = domain.boundary_facets, domain.interior_facets
    connected = connected_parts(domain)
    return MeshReport(
        dim=dim,
        num_points=len(points),
        num_cells=len(cells),
        num_boundary_facets=len(outer),
        lower=points.min(axis=0),
        upper=points.max(axis=0),
        regions=_parts(domain.regions, domain.cell_regions, volumes),
        walls=_parts(domain.walls, domain.facet_walls, areas[outer]),
        interfaces=_interfaces(domain, areas[inner]),
        matches=_matches(domain, points, cells, facets[outer]),
        parts=connected.parts,
        unjoined=connected.unjoined,
        min_quality=float(quality.min()),
        mean_quality=float(quality.mean()),
        min_edge=float(edges.min()),
        mean_edge=float(edges.mean()),
        max_edge=float(edges.max()),
    )


def radius_ratios(points: Array, cells: IntArray) -> Array:
    """Return d * inscribed radius / circumscribed radius of each simplex, shape (num_cells,) [-].

    1 for a regular simplex, 0 for a flat one (Liu and Joe, BIT 34, 268 (1994), their rho). An
    interval always has 1.

    Args:
        points: Shape (num_points, dim) [m].
        cells: Corners of each simplex, shape (num_cells, dim + 1).
    """
    dim = points.shape[1]
    if dim == 1:
        return np.ones(len(cells))
    volumes = np.abs(signed_volumes(points, cells))
    sides = [[j for j in range(dim + 1) if j != i] for i in range(dim + 1)]
    surface = np.zeros(len(cells))
    for side in sides:
        surface += np.linalg.norm(facet_area_vectors(points, cells[:, side]), axis=1)
    inscribed = dim * volumes / surface

    def length(i: int, j: int) -> Array:
        return np.asarray(np.linalg.norm(points[cells[:, i]] - points[cells[:, j]], axis=1))

    if dim == 2:
        circumscribed = length(0, 1) * length(1, 2) * length(2, 0) / (4 * volumes)
        return np.asarray(2 * inscribed / circumscribed)
    # Crelle: 6 V R is the area of a triangle whose sides are the products of opposite edges.
    a, b, c = length(0, 1) * length(2, 3), length(0, 2) * length(1, 3), length(0, 3) * length(1, 2)
    square = (a + b + c) * (b + c - a) * (a - b + c) * (a + b - c) / 16
    circumscribed = np.sqrt(np.maximum(square, 0)) / (6 * volumes)
    return np.asarray(3 * inscribed / circumscribed)


def _interfaces(domain: Domain, areas: Array) -> tuple[InterfaceSummary, ...]:
    """Return the interfaces with the regions on both sides."""
    facets = face_pairs_of(domain)
    names = {tag: name for name, tag in domain.regions.items()}
    found = []
    for part in _parts(domain.interfaces, domain.facet_interfaces, areas):
        pairs = np.unique(facets.regions[facets.tags == domain.interfaces[part.name]], axis=0)
        found.append(
            InterfaceSummary(
                name=part.name,
                count=part.count,
                measure=part.measure,
                between=tuple((names[int(one)], names[int(other)]) for one, other in pairs),
                named=part.name not in domain.automatic_interfaces,
            )
        )
    return tuple(found)


def _matches(
    domain: Domain, points: Array, cells: IntArray, facets: IntArray
) -> tuple[MatchReport, ...]:
    """Return the pairs of walls that are copies of each other."""
    topology = domain.mesh.topology
    dim = topology.dim
    topology.create_connectivity(dim - 1, dim)
    beside = topology.connectivity(dim - 1, dim)
    owners = beside.array[beside.offsets[domain.boundary_facets]]
    normals = facet_area_vectors(points, facets)
    outward = points[facets].mean(axis=1) - points[cells[owners]].mean(axis=1)
    normals *= np.sign(np.einsum("fd,fd->f", normals, outward))[:, None]
    members = {name: domain.facet_walls == tag for name, tag in domain.walls.items()}
    found = matching_walls(
        {name: (points[facets[on_wall]], normals[on_wall]) for name, on_wall in members.items()}
    )
    return tuple(
        MatchReport(walls=pair, translation=matched.translation) for pair, matched in found.items()
    )


def _parts(names: dict[str, int], tags: IntArray, measures: Array) -> tuple[PartReport, ...]:
    return tuple(
        PartReport(
            name=name, count=int(np.sum(tags == tag)), measure=float(measures[tags == tag].sum())
        )
        for name, tag in names.items()
    )
