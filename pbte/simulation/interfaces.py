"""Interfaces of a case, put on the mesh: their models as surfaces that join the bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from mpi4py import MPI

from pbte.case.case import Case
from pbte.case.interfaces import interface_model
from pbte.core.errors import InputError
from pbte.core.mode_partition import ModePartition
from pbte.core.parallel import on_all_ranks
from pbte.core.shared_memory import shared_on_node
from pbte.core.types import Array
from pbte.interfaces.base import FluxMatrix
from pbte.interfaces.landauer import interface_conductance
from pbte.interfaces.report import unmatched_flux
from pbte.materials.storage import Material
from pbte.simulation.bodies import Bodies, Contact
from pbte.transport.boundary import Surface, facet_side, group_normals


@dataclass(frozen=True, kw_only=True)
class Joint:
    """A contact of two bodies with its model.

    Attributes:
        contact: Where it is.
        surface: The model on the mesh.
        conductances: Landauer conductance at each facet, shape (num_facets,) [W/m^2 K].
        unmatched: Share of the flux, at energies that both crystals have, for which the grids of
            modes have no partners, at the first facet [-].
    """

    contact: Contact
    surface: Surface
    conductances: Array
    unmatched: float


@dataclass(frozen=True, kw_only=True)
class Laws:
    """What a model makes of some normals.

    Attributes:
        matrices: Flux matrix of each normal.
        conductances: Landauer conductance of each, shape (num_normals,) [W/m^2 K].
        unmatched: Share of the flux without partners, see `Joint`, at the first normal [-].
    """

    matrices: tuple[FluxMatrix, ...]
    conductances: Array
    unmatched: float


def joints_of_case(
    case: Case,
    bodies: Bodies,
    materials: Mapping[str, Material],
    shares: Sequence[ModePartition],
    comm: MPI.Intracomm,
) -> tuple[Joint, ...]:
    """Return all interfaces with their models.

    Args:
        case: The case.
        bodies: The bodies and where they meet.
        materials: The material of each name.
        shares: The modes of each body on each rank.
        comm: The ranks.

    Raises:
        InputError: A model does not fit its crystals.
        RunError: A model violates conservation, balance or reciprocity.

    Note:
        Collective over ``comm``.
    """
    joints = []
    for contact in bodies.contacts:
        meshes = [bodies.bodies[body].mesh for body in contact.bodies]
        sides = [materials[bodies.bodies[body].material] for body in contact.bodies]
        normals = meshes[0].boundary_normals[contact.facets[:, 0]]
        distinct, normal_of = group_normals(normals)
        first, second = sides
        # One rank computes them for all: acoustic and strain mismatch take their time.
        models = shared_on_node(comm, partial(models_at, case, contact, (first, second), distinct))
        surface = Surface(
            name=contact.interface,
            sides=[
                facet_side(mesh, contact.facets[:, k], shares[body], body, corners)
                for k, (mesh, body, corners) in enumerate(
                    zip(meshes, contact.bodies, (None, contact.slots), strict=True)
                )
            ],
            matrices=models.matrices,
            normal_of=normal_of,
            areas=np.linalg.norm(normals, axis=1),
        )
        joints.append(
            Joint(
                contact=contact,
                surface=surface,
                conductances=models.conductances[normal_of],
                unmatched=models.unmatched,
            )
        )
    return tuple(joints)


def landauer_conductances(
    case: Case, bodies: Bodies, materials: Mapping[str, Material], comm: MPI.Intracomm
) -> list[Array]:
    """Return the Landauer conductance at each facet of each contact [W/m^2 K].

    Raises:
        InputError: A model does not fit its crystals.

    Note: Collective over `comm`.
    """
    found = []
    for contact in bodies.contacts:
        meshes = [bodies.bodies[body].mesh for body in contact.bodies]
        first, second = (materials[bodies.bodies[body].material] for body in contact.bodies)
        normals = meshes[0].boundary_normals[contact.facets[:, 0]]
        distinct, normal_of = group_normals(normals)
        make = partial(_conductances, case, contact, (first, second), distinct)
        found.append(shared_on_node(comm, make)[normal_of])
    return found


def _conductances(
    case: Case, contact: Contact, materials: tuple[Material, Material], normals: Array
) -> Array:
    return models_at(case, contact, materials, normals).conductances


def models_at(
    case: Case, contact: Contact, materials: tuple[Material, Material], normals: Array
) -> Laws:
    """Return what the model of a contact makes of some normals.

    Args:
        case: The case.
        contact: Where two materials meet.
        materials: Those of its two sides.
        normals: Unit normals, shape (num_normals, 3).

    Raises:
        InputError: The model does not fit the crystals.
    """
    first, second = (material.modes for material in materials)
    try:
        model = interface_model(contact.model.choice, materials=materials, folder=case.folder)
        matrices = tuple(model.flux_matrix(first, second, normal) for normal in normals)
        found = [interface_conductance(matrix, first.num_modes) for matrix in matrices]
        unmatched = unmatched_flux(model, first, second, normals[0])
    except InputError as error:
        raise InputError(f"interfaces.{_quoted(contact.model.key)}: {error}") from None
    return Laws(
        matrices=matrices,
        conductances=np.array([conductance.conductance for conductance in found]),
        unmatched=unmatched.artefact,
    )


@dataclass(frozen=True, kw_only=True)
class InterfacePreview:
    """What can be said of a contact before a run.

    Attributes:
        conductance: Landauer conductance at its first facet [W/m^2 K].
        unmatched: Share of the flux there without partners, see `Joint` [-].
        num_bytes: Memory that its model takes, all ranks together [bytes].
    """

    conductance: float
    unmatched: float
    num_bytes: float


def interface_previews(
    case: Case, bodies: Bodies, materials: Mapping[str, Material], comm: MPI.Intracomm
) -> list[InterfacePreview]:
    """Return what can be said of each contact from its model at the first facet.

    Raises:
        InputError: A model does not fit its crystals.

    Note:
        Collective over ``comm``.
    """
    found: list[InterfacePreview] = []
    with on_all_ranks(comm):
        for contact in bodies.contacts if comm.rank == 0 else ():
            one, other = (bodies.bodies[body] for body in contact.bodies)
            normals, _ = group_normals(one.mesh.boundary_normals[contact.facets[:, 0]])
            pair = (materials[one.material], materials[other.material])
            models = models_at(case, contact, pair, normals[:1])
            found.append(
                InterfacePreview(
                    conductance=float(models.conductances[0]),
                    unmatched=models.unmatched,
                    num_bytes=_model_bytes(models.matrices[0], len(normals), contact.slots.size),
                )
            )
    everywhere: list[InterfacePreview] = comm.bcast(found)
    return everywhere


def _model_bytes(matrix: FluxMatrix, num_normals: int, num_nodes: int) -> float:
    """Return the memory of a surface: weights and entries of each normal, modes at each node."""
    entries, fields = 0, 0
    if matrix.sparse is not None:
        entries, fields = matrix.sparse.nnz, 4 * num_nodes
    bins = 2 * matrix.num_bins * num_nodes
    return (
        8.0 * (matrix.num_modes * (4 * num_normals + fields) + bins) + 12.0 * entries * num_normals
    )


def _quoted(key: str) -> str:
    return f'"{key}"' if "|" in key else key
