"""Films of layers of several crystals, in one dimension, as systems of bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from mpi4py import MPI

from pbte.core.mode_partition import partition_modes
from pbte.core.types import Array
from pbte.geometry.face_pairs import find_face_pairs
from pbte.geometry.material_split import MaterialSplit, divide
from pbte.geometry.sweep_mesh import build_sweep_mesh
from pbte.interfaces.base import BoundaryCondition, InterfaceModel
from pbte.materials.kernel import CollisionKernel
from pbte.transport.body import Body, make_body
from pbte.transport.boundary import Side, Surface, make_surface, wall_surface
from pbte.transport.system import System

LEFT, RIGHT, JOINT = 1, 2, 10


def film_of_layers(
    edges: Sequence[Array],
    kernels: Sequence[CollisionKernel],
    models: Sequence[InterfaceModel],
    *,
    walls: tuple[float, float] = (0.0, 0.0),
    heat: float = 0.0,
    comm: MPI.Intracomm = MPI.COMM_SELF,
    boundary_conditions: Mapping[int, BoundaryCondition] | None = None,
) -> System:
    """Return layers between black walls (or given ones), an interface between neighbours.

    Args:
        edges: Edges of the cells of each layer [m]; the first one of a layer is the last before.
        kernels: Kernel of each layer.
        models: Model of each interface.
        walls: Deviation of the left and the right wall [K].
        heat: Density of heat in all layers [W/m^3].
        comm: The ranks that share the modes.
        boundary_conditions: Those of adiabatic walls by tag.
    """
    counts = [layer.size - 1 for layer in edges]
    nodes = np.concatenate([edges[0], *(layer[1:] for layer in edges[1:])])
    num = nodes.size - 1
    vertices = np.stack([np.arange(num), np.arange(1, num + 1)], axis=1)
    points = nodes[vertices][:, :, None]
    groups = np.repeat(np.arange(len(counts)), counts)
    cuts = np.cumsum(counts)[:-1]
    pairs = find_face_pairs(
        points, vertices, groups + 1, cuts[:, None], np.arange(cuts.size) + JOINT
    )
    boundary = np.array([1, 2 * (num - 1)])  # the face opposite the vertex
    division = divide(points, vertices, boundary, np.array([LEFT, RIGHT]), groups, pairs)
    bodies = []
    for number, kernel in enumerate(kernels):
        cells = division.bodies[number]
        mesh = build_sweep_mesh(cells.points, cells.vertices, cells.boundary, cells.tags)
        modes = kernel.modes
        mode_partition = partition_modes(modes.num_pairs, modes.num_modes, comm)
        given = np.select(
            [mesh.boundary_walls == LEFT, mesh.boundary_walls == RIGHT], walls, default=0.0
        )
        surfaces = [
            wall_surface("wall", mesh, tag, modes, mode_partition, condition)
            for tag, condition in (boundary_conditions or {}).items()
            if np.any(mesh.boundary_walls == tag)
        ]
        bodies.append(
            make_body(
                mesh,
                kernel,
                np.full(mesh.num_dofs, heat),
                given,
                mode_partition=mode_partition,
                surfaces=surfaces,
                comm=comm,
            )
        )
    joined = [
        _interface(joint, model, division, bodies, kernels) for joint, model in enumerate(models)
    ]
    return System(
        bodies=tuple(bodies),
        interfaces=tuple(joined),
        cells=tuple(division.bodies[number].cells for number in range(len(counts))),
        facets=tuple(division.bodies[number].wall_facets for number in range(len(counts))),
    )


def _interface(
    joint: int,
    model: InterfaceModel,
    division: MaterialSplit,
    bodies: Sequence[Body],
    kernels: Sequence[CollisionKernel],
) -> Surface:
    owners, facets = division.groups[joint], division.facets[joint]
    sides = [
        Side(
            body=int(owner),
            mode_partition=bodies[owner].mode_partition,
            dofs=bodies[owner].mesh.boundary_dofs[facet][None, :],
            boundary_dofs=np.array([[facet]]),
        )
        for owner, facet in zip(owners, facets, strict=True)
    ]
    first, second = (kernels[owner].modes for owner in owners)
    normals = bodies[owners[0]].mesh.boundary_normals[facets[0]][None, :]
    return make_surface(
        f"interface {joint}", sides, normals, lambda n: model.flux_matrix(first, second, n)
    )
