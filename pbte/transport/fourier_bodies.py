"""Meshes of several bodies concatenated into one mesh for the heat equation.

Interfaces remain boundary facets of both sides, to be joined by `Joints`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pbte.core.types import Array, IntArray
from pbte.geometry.sweep_mesh import SweepMesh


def side_by_side(meshes: Sequence[SweepMesh]) -> SweepMesh:
    """Return one mesh of the cells and boundary facets of several bodies, in their sequence."""
    if len(meshes) == 1:
        return meshes[0]
    cells = _starts([mesh.num_cells for mesh in meshes])
    facets = _starts([mesh.boundary_dofs.shape[0] for mesh in meshes])
    n, dim = meshes[0].dim + 1, meshes[0].dim
    num_dofs, num_boundary_dofs = int(cells[-1]) * n, int(facets[-1]) * dim

    def joined(name: str) -> Array:
        return np.concatenate([getattr(mesh, name) for mesh in meshes])

    def upstream(number: int) -> IntArray:
        """Dofs, boundary dofs and the zero, in the numbers of all bodies."""
        mesh, own = meshes[number], meshes[number].upstream_dofs.astype(np.int64)
        boundary_dofs = mesh.boundary_dofs.shape[0] * dim
        shifted = np.where(
            own < mesh.num_dofs,
            own + cells[number] * n,
            own - mesh.num_dofs + num_dofs + facets[number] * dim,
        )
        return np.where(own == mesh.num_dofs + boundary_dofs, num_dofs + num_boundary_dofs, shifted)

    def neighbours(number: int) -> IntArray:
        own = meshes[number].neighbours.astype(np.int64)
        return np.where(own >= 0, own + cells[number], own - facets[number])

    bodies = range(len(meshes))
    return SweepMesh(
        points=joined("points"),
        volumes=joined("volumes"),
        face_normals=joined("face_normals"),
        neighbours=np.concatenate([neighbours(b) for b in bodies]).astype(np.int32),
        upstream_dofs=np.concatenate([upstream(b) for b in bodies]).astype(np.int32),
        boundary_dofs=np.concatenate(
            [m.boundary_dofs + cells[b] * n for b, m in enumerate(meshes)]
        ),
        boundary_normals=joined("boundary_normals"),
        boundary_walls=joined("boundary_walls").astype(np.int64),
    )


def facet_starts(meshes: Sequence[SweepMesh]) -> IntArray:
    """Return the number of the first boundary facet of each body, shape (num_bodies,)."""
    return _starts([mesh.boundary_dofs.shape[0] for mesh in meshes])[:-1]


def _starts(counts: Sequence[int]) -> IntArray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
