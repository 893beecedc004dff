"""Interfaces of a case, put on the mesh: their models as surfaces that join the bodies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from mpi4py import MPI

from pbte.case.case import Case
from pbte.case.interfaces import interface_model
from pbte.case.regions import ChosenModel
from pbte.core.errors import InputError
from pbte.core.mode_partition import ModePartition
from pbte.core.parallel import on_all_ranks
from pbte.core.shared_memory import shared_on_node
from pbte.core.types import Array
from pbte.interfaces.base import FluxMatrix
from pbte.interfaces.landauer import interface_conductance
from pbte.interfaces.report import unmatched_flux
from pbte.materials.storage import Material
from pbte.observables.interfaces import Interface
from pbte.simulation.bodies import Bodies
from pbte.transport.boundary import Surface, facet_side, group_normals


@dataclass(frozen=True, kw_only=True)
class EvaluatedModel:
    """An interface model at some normals.

    Attributes:
        matrices: Flux matrix of each normal.
        conductances: Landauer conductance of each, shape (num_normals,) [W/m^2 K].
        unmatched: Share of the flux without partners, see `Interface`, at the first normal [-].
    """

    matrices: tuple[FluxMatrix, ...]
    conductances: Array
    unmatched: float


def interfaces_of_case(
    case: Case,
    bodies: Bodies,
    materials: Mapping[str, Material],
    partitions: Sequence[ModePartition],
    comm: MPI.Intracomm,
) -> tuple[tuple[Interface, ...], tuple[Surface, ...]]:
    """Return all interfaces with their conductances, and the surfaces that couple the bodies.

    Args:
        case: The case.
        bodies: The bodies and their interfaces.
        materials: The material of each name.
        partitions: The modes of each body on each rank.
        comm: The ranks.

    Raises:
        InputError: An interface model does not fit its crystals.
        RunError: A flux matrix violates conservation, balance or reciprocity.

    Note:
        Collective over ``comm``.
    """
    interfaces, surfaces = [], []
    for interface, model in zip(bodies.interfaces, bodies.models, strict=True):
        facets = interface.facets
        distinct, normal_of = group_normals(facets.area_normals)
        evaluate = partial(evaluated, case, interface, model, materials, distinct)
        # One rank evaluates it for all: acoustic and strain mismatch are expensive.
        found = shared_on_node(comm, evaluate)
        maps = (None, facets.corner_map)
        surface = Surface(
            name=interface.name,
            sides=[
                facet_side(
                    bodies.bodies[body].mesh, facets.pairs[:, k], partitions[body], body, maps[k]
                )
                for k, body in enumerate(interface.bodies)
            ],
            matrices=found.matrices,
            normal_of=normal_of,
            areas=facets.areas,
        )
        surfaces.append(surface)
        interfaces.append(_with_conductances(interface, found.conductances[normal_of], found))
    return tuple(interfaces), tuple(surfaces)


def interfaces_with_conductances(
    case: Case, bodies: Bodies, materials: Mapping[str, Material], comm: MPI.Intracomm
) -> tuple[Interface, ...]:
    """Return all interfaces with their Landauer conductances, without coupling single modes.

    Raises:
        InputError: An interface model does not fit its crystals.

    Note: Collective over `comm`.
    """
    interfaces = []
    for interface, model in zip(bodies.interfaces, bodies.models, strict=True):
        distinct, normal_of = group_normals(interface.facets.area_normals)
        evaluate = partial(_without_matrices, case, interface, model, materials, distinct)
        found = shared_on_node(comm, evaluate)
        interfaces.append(_with_conductances(interface, found.conductances[normal_of], found))
    return tuple(interfaces)


def _with_conductances(
    interface: Interface, conductances: Array, found: EvaluatedModel
) -> Interface:
    return replace(interface, conductances=conductances, unmatched=found.unmatched)


def _without_matrices(
    case: Case,
    interface: Interface,
    model: ChosenModel,
    materials: Mapping[str, Material],
    normals: Array,
) -> EvaluatedModel:
    """Return an evaluated model without its flux matrices, which are large."""
    return replace(evaluated(case, interface, model, materials, normals), matrices=())


def evaluated(
    case: Case,
    interface: Interface,
    model: ChosenModel,
    materials: Mapping[str, Material],
    normals: Array,
) -> EvaluatedModel:
    """Return flux matrices and conductances of an interface at some normals.

    Args:
        case: The case.
        interface: An interface of two materials.
        model: Its interface model.
        materials: The material of each name.
        normals: Unit normals, shape (num_normals, 3).

    Raises:
        InputError: The interface model does not fit the crystals.
    """
    one, other = (materials[name] for name in interface.materials)
    first, second = one.modes, other.modes
    try:
        chosen = interface_model(model.choice, materials=(one, other), folder=case.folder)
        matrices = tuple(chosen.flux_matrix(first, second, normal) for normal in normals)
        found = [interface_conductance(matrix, first.num_modes) for matrix in matrices]
        unmatched = unmatched_flux(chosen, first, second, normals[0])
    except InputError as error:
        raise InputError(f"interfaces.{_quoted(model.key)}: {error}") from None
    return EvaluatedModel(
        matrices=matrices,
        conductances=np.array([conductance.conductance for conductance in found]),
        unmatched=unmatched.artefact,
    )


@dataclass(frozen=True, kw_only=True)
class InterfacePreview:
    """Preview of an interface before a run.

    Attributes:
        conductance: Landauer conductance at its first facet [W/m^2 K].
        unmatched: Share of the flux there without partners, see `Interface` [-].
        num_bytes: Memory that it takes, all ranks together [bytes].
    """

    conductance: float
    unmatched: float
    num_bytes: float


def interface_previews(
    case: Case, bodies: Bodies, materials: Mapping[str, Material], comm: MPI.Intracomm
) -> list[InterfacePreview]:
    """Return a preview of each interface, from its model at the first facet.

    Raises:
        InputError: An interface model does not fit its crystals.

    Note:
        Collective over ``comm``.
    """
    found: list[InterfacePreview] = []
    with on_all_ranks(comm):
        pairs = zip(bodies.interfaces, bodies.models, strict=True)
        for interface, model in pairs if comm.rank == 0 else ():
            facets = interface.facets
            normals, _ = group_normals(facets.area_normals)
            at_first = evaluated(case, interface, model, materials, normals[:1])
            found.append(
                InterfacePreview(
                    conductance=float(at_first.conductances[0]),
                    unmatched=at_first.unmatched,
                    num_bytes=_num_bytes(
                        at_first.matrices[0], len(normals), facets.corner_map.size
                    ),
                )
            )
    everywhere: list[InterfacePreview] = comm.bcast(found)
    return everywhere


def _num_bytes(matrix: FluxMatrix, num_normals: int, num_nodes: int) -> float:
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
