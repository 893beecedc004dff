"""Split of a mesh into bodies of one material each, with matching facets at their interfaces.

Plain arrays: see `pbte.geometry.faces` for the numbers of faces and their vertices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import Array, IntArray
from pbte.geometry.face_pairs import FacePairs
from pbte.geometry.faces import connected, face_corners, face_keys, face_mates


@dataclass(frozen=True, kw_only=True)
class BodyCells:
    """Cells of one group of regions, cut along the face pairs: input of `build_sweep_mesh`.

    Attributes:
        cells: Number of each cell in the whole mesh, ascending, shape (num_cells,).
        points: Vertices of each cell, shape (num_cells, dim + 1, dim) [m].
        vertices: Vertex numbers; cells share them only where they share a face that is not cut,
            shape (num_cells, dim + 1).
        boundary: Boundary faces as `cell * (dim + 1) + face`, in the numbers of this body: first
            those on walls, then those on interfaces, shape (num_boundary_facets,).
        tags: Tag of the wall or interface of each, shape (num_boundary_facets,).
        num_wall_facets: Number of them on walls.
        wall_facets: Position of each of these among the boundary faces of the whole mesh, shape
            (num_wall_facets,).
    """

    cells: IntArray
    points: Array
    vertices: IntArray
    boundary: IntArray
    tags: IntArray
    num_wall_facets: int
    wall_facets: IntArray


@dataclass(frozen=True, kw_only=True)
class MaterialSplit:
    """A mesh cut into bodies, and the pairs of their interface facets.

    Vertex k of boundary facet `facets[j, 0]` of body `groups[j, 0]` and vertex `vertex_map[j, k]`
    of boundary facet `facets[j, 1]` of body `groups[j, 1]` are the same point, on both sides of
    face pair j.

    Attributes:
        bodies: Body of each group, by the group's number.
        pairs: The face pairs along which the mesh was cut.
        groups: Group on either side, shape (num_pairs, 2).
        facets: Boundary facet of that body, shape (num_pairs, 2).
    """

    bodies: dict[int, BodyCells]
    pairs: FacePairs
    groups: IntArray
    facets: IntArray

    @property
    def vertex_map(self) -> IntArray:
        """Vertex on side 2 of each vertex on side 1, shape (num_pairs, dim)."""
        return self.pairs.vertex_map


def divide(
    points: Array,
    vertices: IntArray,
    boundary: IntArray,
    walls: IntArray,
    cell_groups: IntArray,
    pairs: FacePairs,
) -> MaterialSplit:
    """Return one body for each group of cells, cut along all given face pairs.

    Face pairs between cells of one group cut that body too; all faces between two groups must be
    given. Walls and interfaces need distinct tags, as they have in a `Domain`.

    Args:
        points: Vertices of each cell, shape (num_cells, dim + 1, dim) [m].
        vertices: Their numbers, shape (num_cells, dim + 1).
        boundary: Boundary faces of the whole mesh as `cell * (dim + 1) + face`.
        walls: Tag of each of them.
        cell_groups: Group of each cell, such as the number of its material, shape (num_cells,).
        pairs: The face pairs along which to cut.

    Raises:
        InputError: A surface within one group ends inside it in such a way that facets cannot be
            cut.
        ValueError: Two groups meet at a face that is not among the face pairs.
    """
    num_cells, corners = vertices.shape
    cuts = pairs.cells * corners + pairs.faces
    mates = face_mates(face_keys(vertices))
    open_faces = np.ones(num_cells * corners, dtype=np.bool_)
    open_faces[cuts] = False
    first = np.flatnonzero((mates > np.arange(mates.size)) & open_faces)
    if np.any(cell_groups[first // corners] != cell_groups[mates[first] // corners]):
        raise ValueError("every face between two groups of cells must be among the face pairs")
    labels = vertices
    inner = np.flatnonzero(cell_groups[pairs.cells[:, 0]] == cell_groups[pairs.cells[:, 1]])
    if len(inner):
        labels = _cut_vertices(vertices, first, mates[first])
        _check_cuts(labels, cuts[inner])

    bodies: dict[int, BodyCells] = {}
    facets = np.empty_like(cuts)
    for group in (int(number) for number in np.unique(cell_groups)):
        cells = np.flatnonzero(cell_groups == group)
        own = np.full(num_cells, -1, dtype=np.int64)
        own[cells] = np.arange(len(cells))
        on_walls = np.flatnonzero(own[boundary // corners] >= 0)
        side, pair = np.nonzero((own[pairs.cells] >= 0).T)
        faces = np.concatenate([boundary[on_walls], cuts[pair, side]])
        facets[pair, side] = len(on_walls) + np.arange(len(pair))
        bodies[group] = BodyCells(
            cells=cells,
            points=points[cells],
            vertices=np.unique(labels[cells], return_inverse=True)[1].reshape(-1, corners),
            boundary=own[faces // corners] * corners + faces % corners,
            tags=np.concatenate([walls[on_walls], pairs.tags[pair]]),
            num_wall_facets=len(on_walls),
            wall_facets=on_walls,
        )
    return MaterialSplit(bodies=bodies, pairs=pairs, groups=cell_groups[pairs.cells], facets=facets)


def groups_of_cells(cell_regions: IntArray, groups: Mapping[int, int]) -> IntArray:
    """Return the group of each cell, given that of each region's tag.

    Raises:
        ValueError: A region has no group.
    """
    missing = sorted({int(tag) for tag in np.unique(cell_regions)} - set(groups))
    if missing:
        raise ValueError(f"regions {missing} are in no group")
    tags = sorted(groups)
    numbers = np.array([groups[tag] for tag in tags], dtype=np.int64)
    return np.asarray(numbers[np.searchsorted(tags, cell_regions)], dtype=np.int64)


def _cut_vertices(vertices: IntArray, first: IntArray, second: IntArray) -> IntArray:
    """Return vertex numbers that cells share only through faces that stay together.

    Args:
        vertices: The numbers in the whole mesh, shape (num_cells, dim + 1).
        first: Faces that stay together with the one in `second`, as `cell * (dim + 1) + face`.
        second: The same faces seen from the other cell.
    """
    own = np.arange(vertices.size).reshape(vertices.shape)
    links = []
    for faces in (first, second):
        order = np.argsort(face_corners(vertices, faces), axis=1)
        links.append(np.take_along_axis(face_corners(own, faces), order, axis=1).ravel())
    return connected(vertices.size, *links).reshape(vertices.shape)


def _check_cuts(labels: IntArray, cuts: IntArray) -> None:
    """Refuse facets that hang together at all corners although the mesh was cut there."""
    one, other = (np.sort(face_corners(labels, cuts[:, k]), axis=1) for k in (0, 1))
    closed = int(np.sum((one == other).all(axis=1)))
    if closed:
        raise InputError(
            f"{closed} of {len(cuts)} facets of interfaces within one material have all corners on"
            " the rim of a surface that ends inside the body, so the mesh does not open there;"
            " continue the surface to the boundary of the body, or refine the mesh"
        )
