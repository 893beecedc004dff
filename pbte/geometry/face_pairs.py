"""Interface facets between two cells, each once, with a side 1 and a side 2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pbte.core.types import Array, BoolArray, IntArray
from pbte.geometry.faces import connected, face_corners, face_keys, face_mates
from pbte.geometry.facets import facet_area_vectors, match_rows

if TYPE_CHECKING:  # the arrays themselves need no DOLFINx
    from pbte.geometry.domain import Domain

# Parts of the size of the body, and of the length of a normal, below which numbers count as zero.
_SAME_PLACE = 1e-9
_LEADING = 1e-6


@dataclass(frozen=True, kw_only=True)
class FacePairs:
    """Facets between two cells, each once, with side 1 and side 2.

    Between two regions, side 1 is the one with the smaller tag: silicon in "si-ge". Where the
    surface divides one region, side 1 is the part that begins at smaller x (then y, then z), which
    is the outer one of a closed surface; where it does not, the normal points to positive x (then
    y, then z).

    Attributes:
        tags: Interface of each facet, shape (num_pairs,).
        cells: Cell on either side, shape (num_pairs, 2).
        faces: Its face, as the number of the vertex opposite, shape (num_pairs, 2).
        regions: Region of either cell, shape (num_pairs, 2).
        vertex_map: Vertex of the face on side 2 that is the same point as each vertex of the face
            on side 1, numbered within the face, shape (num_pairs, dim).
    """

    tags: IntArray
    cells: IntArray
    faces: IntArray
    regions: IntArray
    vertex_map: IntArray

    def __len__(self) -> int:
        return len(self.tags)

    def select(self, chosen: BoolArray | IntArray) -> FacePairs:
        """Return some of the face pairs."""
        return FacePairs(
            tags=self.tags[chosen],
            cells=self.cells[chosen],
            faces=self.faces[chosen],
            regions=self.regions[chosen],
            vertex_map=self.vertex_map[chosen],
        )


def face_pairs_of(domain: Domain) -> FacePairs:
    """Return all interface facets of a domain, cells in the numbering of its mesh."""
    topology = domain.mesh.topology
    dim = topology.dim
    topology.create_connectivity(dim, 0)
    vertices = np.asarray(topology.connectivity(dim, 0).array, dtype=np.int64)
    facets = domain.interior_facets[:, None]
    if dim > 1:
        topology.create_connectivity(dim - 1, 0)
        corners = topology.connectivity(dim - 1, 0).array.reshape(-1, dim)
        facets = np.asarray(corners[domain.interior_facets], dtype=np.int64)
    coordinates = np.asarray(domain.mesh.geometry.x, dtype=np.float64)
    return find_face_pairs(
        coordinates[domain.cell_nodes][:, :, :dim],
        vertices.reshape(-1, dim + 1),
        domain.cell_regions,
        facets,
        domain.facet_interfaces,
    )


def find_face_pairs(
    points: Array,
    vertices: IntArray,
    cell_regions: IntArray,
    facets: IntArray,
    tags: IntArray,
) -> FacePairs:
    """Return the given facets with the cell and the face on either side, oriented.

    Args:
        points: Vertices of each cell, shape (num_cells, dim + 1, dim) [m].
        vertices: Their numbers, shape (num_cells, dim + 1).
        cell_regions: Region of each cell, shape (num_cells,).
        facets: Vertex numbers of each interface facet, in any order, shape (num_pairs, dim).
        tags: Interface of each, shape (num_pairs,).

    Raises:
        ValueError: A facet does not lie between two cells, or is given twice.
    """
    corners = vertices.shape[1]
    keys = face_keys(vertices)
    wanted = np.sort(facets, axis=1)
    place = match_rows(keys, wanted)
    found = np.flatnonzero(place >= 0)
    if not np.array_equal(np.sort(place[found]), np.repeat(np.arange(len(wanted)), 2)):
        raise ValueError("interface facets must lie between two cells and be given once")
    sides = found[np.argsort(place[found], kind="stable")].reshape(-1, 2)
    regions = cell_regions[sides // corners]
    swapped = regions[:, 0] > regions[:, 1]
    same = np.flatnonzero(regions[:, 0] == regions[:, 1])
    if len(same):
        swapped[same] = _against_order(points, cell_regions, face_mates(keys), sides, same)
    sides[swapped] = sides[swapped, ::-1]
    one, other = (face_corners(vertices, sides[:, k]) for k in (0, 1))
    return FacePairs(
        tags=np.asarray(tags, dtype=np.int64),
        cells=sides // corners,
        faces=sides % corners,
        regions=cell_regions[sides // corners],
        vertex_map=np.argmax(one[:, :, None] == other[:, None, :], axis=2).astype(np.int64),
    )


def _against_order(
    points: Array, cell_regions: IntArray, mates: IntArray, sides: IntArray, same: IntArray
) -> BoolArray:
    """Return which facets within one region have sides in the wrong order; see `FacePairs`."""
    corners = points.shape[1]
    components = _components(cell_regions, mates, sides, corners)
    place = _places(points)
    lowest = np.full(components.max() + 1, place.max() + 1, dtype=np.int64)
    np.minimum.at(lowest, components, place.min(axis=1))
    cells = sides[same] // corners
    one, other = (lowest[components[cells[:, k]]] for k in (0, 1))
    # Parts that begin at the same point, and surfaces that divide nothing, go by the normal.
    across = points[cells[:, 1]].mean(axis=1) - points[cells[:, 0]].mean(axis=1)
    normals = facet_area_vectors(
        points.reshape(-1, corners - 1),
        face_corners(np.arange(points.shape[0] * corners).reshape(-1, corners), sides[same, 0]),
    )
    normals *= np.sign(np.einsum("fd,fd->f", normals, across))[:, None]
    size = np.linalg.norm(normals, axis=1, keepdims=True)
    leading = np.argmax(np.abs(normals) > _LEADING * size, axis=1)
    backwards = normals[np.arange(len(same)), leading] < 0
    return np.asarray(np.where(one == other, backwards, one > other), dtype=np.bool_)


def _components(cell_regions: IntArray, mates: IntArray, sides: IntArray, corners: int) -> IntArray:
    """Return the connected component of each cell when regions and face pairs divide the mesh."""
    cell = np.arange(len(mates)) // corners
    closed = mates < 0
    closed[sides.ravel()] = True
    closed |= cell_regions[cell] != cell_regions[mates // corners]
    inside = np.flatnonzero(~closed)
    return connected(len(cell_regions), cell[inside], mates[inside] // corners)


def _places(points: Array) -> IntArray:
    """Return the position of each vertex when all are sorted by x, then y, then z."""
    flat = points.reshape(-1, points.shape[2])
    # Coordinates equal to round-off must count as equal.
    steps = np.round(flat / (_SAME_PLACE * np.ptp(flat, axis=0).max())).astype(np.int64)
    place = np.unique(steps, axis=0, return_inverse=True)[1]
    return np.asarray(place.reshape(points.shape[:2]), dtype=np.int64)
