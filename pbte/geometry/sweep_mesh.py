"""The mesh of the sweep: plain arrays of simplices, their faces and their neighbours.

The P1 discontinuous Galerkin form of the drift term needs of a cell only its volume and the outward
area normals of its faces; face f is the one opposite vertex f. The degrees of freedom are numbered
`cell * (dim + 1) + vertex`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pbte.core.types import Array, IntArray
from pbte.geometry.faces import connected

if TYPE_CHECKING:  # the arrays themselves need no DOLFINx
    from pbte.geometry.domain import Domain

CompactIntArray = npt.NDArray[np.int32]


@dataclass(frozen=True, kw_only=True)
class SweepMesh:
    """Intervals, triangles or tetrahedra, with the geometry that the sweep reads.

    Attributes:
        points: Vertices of each cell, shape (num_cells, dim + 1, dim) [m].
        volumes: Shape (num_cells,) [m^dim].
        face_normals: Outward normals times face area, shape (num_cells, dim, dim + 1)
            [m^(dim-1)], faces last; exactly opposite on the two sides of a face, so that both
            cells agree on which is upstream.
        neighbours: Cell across each face, shape (num_cells, dim + 1); at the outer boundary
            -1 - b, where b numbers the boundary facets.
        upstream_dofs: For face f and vertex i != f, index of the upstream temperature, shape
            (num_cells, dim + 1, dim + 1), into the concatenation of all degrees of freedom (that
            of the neighbour at vertex i), all boundary dofs and one zero (for i = f).
        boundary_dofs: Degree of freedom at each corner of the boundary facets, shape
            (num_boundary_facets, dim). Boundary dof b * dim + k is corner k of facet b.
        boundary_normals: Outward area normals, shape (num_boundary_facets, dim) [m^(dim-1)].
        boundary_walls: Wall tag of each boundary facet, shape (num_boundary_facets,).
        records: Packed cell data for the sweep (see `SweepOrder`), if already made.
    """

    points: Array
    volumes: Array
    face_normals: Array
    neighbours: CompactIntArray
    upstream_dofs: CompactIntArray
    boundary_dofs: IntArray
    boundary_normals: Array
    boundary_walls: IntArray
    records: Array | None = None

    @property
    def dim(self) -> int:
        """Dimension of the mesh."""
        return self.points.shape[2]

    @property
    def num_cells(self) -> int:
        """Number of cells."""
        return self.points.shape[0]

    @property
    def num_dofs(self) -> int:
        """Number of degrees of freedom of one scalar field."""
        return self.points.shape[0] * self.points.shape[1]

    @property
    def dof_weights(self) -> Array:
        """Integral of each basis function, shape (num_dofs,) [m^dim]."""
        return np.repeat(self.volumes / (self.dim + 1), self.dim + 1)


def side_by_side(meshes: Sequence[SweepMesh]) -> SweepMesh:
    """Return the cells of several meshes as one mesh of unconnected parts, in their sequence."""
    if len(meshes) == 1:
        return meshes[0]
    dim = meshes[0].dim
    cells = np.cumsum([0] + [mesh.num_cells for mesh in meshes])
    facets = np.cumsum([0] + [mesh.boundary_dofs.shape[0] for mesh in meshes])
    num_dofs, num_boundary_dofs = int(cells[-1]) * (dim + 1), int(facets[-1]) * dim
    neighbours, upstream = [], []
    for mesh, cell, facet in zip(meshes, cells, facets, strict=False):
        own = mesh.neighbours
        neighbours.append(np.where(own >= 0, own + cell, own - facet))
        dofs, boundary_dofs = mesh.num_dofs, mesh.boundary_dofs.size
        numbers = mesh.upstream_dofs.astype(np.int64)
        flows_in = num_dofs + facet * dim + numbers - dofs
        flows_in = np.where(numbers < dofs + boundary_dofs, flows_in, num_dofs + num_boundary_dofs)
        upstream.append(np.where(numbers < dofs, numbers + cell * (dim + 1), flows_in))
    shifted = [
        mesh.boundary_dofs + cell * (dim + 1) for mesh, cell in zip(meshes, cells, strict=False)
    ]
    return SweepMesh(
        points=np.concatenate([mesh.points for mesh in meshes]),
        volumes=np.concatenate([mesh.volumes for mesh in meshes]),
        face_normals=np.concatenate([mesh.face_normals for mesh in meshes]),
        neighbours=np.concatenate(neighbours).astype(np.int32),
        upstream_dofs=np.concatenate(upstream).astype(np.int32),
        boundary_dofs=np.concatenate(shifted),
        boundary_normals=np.concatenate([mesh.boundary_normals for mesh in meshes]),
        boundary_walls=np.concatenate([mesh.boundary_walls for mesh in meshes]),
    )


def facet_starts(meshes: Sequence[SweepMesh]) -> IntArray:
    """Return where the boundary facets of each mesh begin in `side_by_side`, (num_meshes,)."""
    return np.cumsum([0] + [mesh.boundary_dofs.shape[0] for mesh in meshes[:-1]])


def cell_components(mesh: SweepMesh) -> IntArray:
    """Return the connected component that each cell belongs to, shape (num_cells,)."""
    cells, faces = np.nonzero(mesh.neighbours >= 0)
    return connected(mesh.num_cells, cells, mesh.neighbours[cells, faces].astype(np.int64))


def sweep_mesh_of(domain: Domain) -> SweepMesh:
    """Return the cells of a domain as the arrays that the sweep reads."""
    return build_sweep_mesh(*cells_of(domain), domain.facet_walls)


def cells_of(domain: Domain) -> tuple[Array, IntArray, IntArray]:
    """Return points, vertex numbers and boundary faces of a domain, for `build_sweep_mesh`.

    Returns:
        Points, shape (num_cells, dim + 1, dim) [m]; vertices, shape (num_cells, dim + 1); boundary
        faces as `cell * (dim + 1) + face`, shape (num_boundary_facets,).
    """
    mesh = domain.mesh
    dim = mesh.topology.dim
    mesh.topology.create_connectivity(dim, 0)
    vertices = np.asarray(mesh.topology.connectivity(dim, 0).array, dtype=np.int64)
    vertices = vertices.reshape(-1, dim + 1)
    coordinates = np.asarray(mesh.geometry.x, dtype=np.float64)
    points = coordinates[domain.cell_nodes][:, :, :dim].copy()
    return points, vertices, _boundary_faces(domain, vertices)


def build_sweep_mesh(
    points: Array, vertices: IntArray, boundary: IntArray, walls: IntArray
) -> SweepMesh:
    """Return the sweep mesh of given cells.

    Args:
        points: Coordinates of the vertices of each cell, shape (num_cells, dim + 1, dim) [m].
        vertices: Global vertex numbers, shape (num_cells, dim + 1).
        boundary: Boundary faces as `cell * (dim + 1) + face`, shape (num_boundary_facets,).
        walls: Wall tag of each of them, shape (num_boundary_facets,).

    Raises:
        ValueError: The boundary is incomplete, or holds a face between two cells.
    """
    num_cells, num_vertices = vertices.shape
    dim = num_vertices - 1
    neighbours, mates = _match_faces(vertices)
    normals = _area_normals(points)
    flat = normals.reshape(-1, dim)
    second = np.flatnonzero((mates >= 0) & (mates < np.arange(mates.size)))
    flat[second] = -flat[mates[second]]

    facet_of_face = np.full(num_cells * num_vertices, -1, dtype=np.int64)
    facet_of_face[boundary] = np.arange(boundary.size)
    outside = np.flatnonzero(neighbours.ravel() < 0)
    if not np.array_equal(np.sort(boundary), outside):
        raise ValueError(
            f"{boundary.size} boundary faces are listed, the cells have {outside.size}; every face "
            "without a neighbour must be listed once, and no other"
        )
    neighbours.ravel()[outside] = -1 - facet_of_face[outside]
    dofs, boundary_dofs = _upstream_dofs(vertices, neighbours, boundary)
    return SweepMesh(
        points=np.ascontiguousarray(points),
        volumes=_volumes(points),
        face_normals=np.ascontiguousarray(np.swapaxes(normals, 1, 2)),
        neighbours=neighbours.astype(np.int32),
        upstream_dofs=dofs.astype(np.int32),
        boundary_dofs=boundary_dofs,
        boundary_normals=flat[boundary].copy(),
        boundary_walls=np.asarray(walls, dtype=np.int64),
    )


def _volumes(points: Array) -> Array:
    dim = points.shape[2]
    edges = points[:, 1:] - points[:, :1]
    factorial = (1.0, 1.0, 2.0, 6.0)[dim]
    volumes: Array = np.abs(np.linalg.det(edges)) / factorial
    return volumes


def _area_normals(points: Array) -> Array:
    """Return outward area normals: -dim |K| grad(lambda_f) for the face opposite vertex f."""
    dim = points.shape[2]
    edges = points[:, 1:] - points[:, :1]
    gradients = np.swapaxes(np.linalg.inv(edges), 1, 2)
    first = -gradients.sum(axis=1, keepdims=True)
    scale = -dim * _volumes(points)
    return np.ascontiguousarray(np.concatenate([first, gradients], axis=1) * scale[:, None, None])


def _match_faces(vertices: IntArray) -> tuple[IntArray, IntArray]:
    """Return the cell across each face and the flat number of the same face seen from there."""
    num_cells, num_vertices = vertices.shape
    corners = [np.delete(np.arange(num_vertices), face) for face in range(num_vertices)]
    faces = np.sort(np.stack([vertices[:, c] for c in corners], axis=1), axis=2)
    keys = faces.reshape(num_cells * num_vertices, num_vertices - 1)
    order = np.lexsort(keys.T[::-1])
    same = np.all(keys[order[1:]] == keys[order[:-1]], axis=1)
    mates = np.full(order.size, -1, dtype=np.int64)
    mates[order[:-1][same]] = order[1:][same]
    mates[order[1:][same]] = order[:-1][same]
    neighbours = np.where(mates >= 0, mates // num_vertices, -1)
    return neighbours.reshape(num_cells, num_vertices), mates


def _upstream_dofs(
    vertices: IntArray, neighbours: IntArray, boundary: IntArray
) -> tuple[IntArray, IntArray]:
    num_cells, num_vertices = vertices.shape
    dim = num_vertices - 1
    num_dofs = num_cells * num_vertices
    zero = num_dofs + boundary.size * dim
    dofs = np.full((num_cells, num_vertices, num_vertices), zero, dtype=np.int64)
    for face in range(num_vertices):
        across = neighbours[:, face]
        inside = np.flatnonzero(across >= 0)
        for vertex in range(num_vertices):
            if vertex == face:
                continue
            same = vertices[across[inside]] == vertices[inside, vertex, None]
            dofs[inside, face, vertex] = across[inside] * num_vertices + same.argmax(axis=1)
    boundary_dofs = np.empty((boundary.size, dim), dtype=np.int64)
    cells, faces = boundary // num_vertices, boundary % num_vertices
    for face in range(num_vertices):
        chosen = np.flatnonzero(faces == face)
        for corner, vertex in enumerate(np.delete(np.arange(num_vertices), face)):
            dofs[cells[chosen], face, vertex] = num_dofs + chosen * dim + corner
            boundary_dofs[chosen, corner] = cells[chosen] * num_vertices + vertex
    return dofs, boundary_dofs


def _boundary_faces(domain: Domain, vertices: IntArray) -> IntArray:
    """Return cell * (dim + 1) + opposite vertex of each boundary facet."""
    topology = domain.mesh.topology
    dim = topology.dim
    topology.create_connectivity(dim - 1, dim)
    topology.create_connectivity(dim - 1, 0)
    facet_cells = topology.connectivity(dim - 1, dim)
    facets = domain.boundary_facets
    cells = facet_cells.array[facet_cells.offsets[facets]].astype(np.int64)
    if dim == 1:
        corners = facets[:, None]
    else:
        facet_vertices = topology.connectivity(dim - 1, 0)
        corners = facet_vertices.array.reshape(-1, dim)[facets]
    on_facet = (vertices[cells][:, :, None] == corners[:, None, :]).any(axis=2)
    faces: IntArray = cells * (dim + 1) + np.argmin(on_facet, axis=1)
    return faces
