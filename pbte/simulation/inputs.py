"""Inputs of a case: its mesh and materials, read and checked against all that the case says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from mpi4py import MPI

from pbte.case.case import Case
from pbte.case.materials import material_from_choice
from pbte.case.regions import materials_of
from pbte.core.parallel import on_all_ranks
from pbte.core.rank_grid import RankGrid, rank_grid
from pbte.core.shared_memory import shared_on_node
from pbte.core.types import BoolArray, IntArray
from pbte.geometry.connected_parts import ConnectedParts
from pbte.geometry.distributed import DomainPart, read_domain_part
from pbte.geometry.domain import Domain, read_domain
from pbte.geometry.partition import Part, partition
from pbte.materials.storage import Material
from pbte.output.folder import check_disk_space
from pbte.simulation.bodies import Bodies, one_body, split_by_material
from pbte.simulation.checks import (
    check_electrons,
    check_initial_state,
    check_joined,
    check_parts,
    check_source,
    check_steady_state,
    check_temperatures,
    check_walls,
    check_walls_of_parts,
    parts_without_bath,
    results_size,
)
from pbte.simulation.mesh_making import ensure_mesh
from pbte.simulation.sources import Place, heat_sources, heated_modes


@dataclass(frozen=True, kw_only=True)
class ProblemInputs:
    """Mesh and materials of a case, read and checked for consistency.

    Attributes:
        grid: How the ranks share modes and cells.
        domain: The mesh with its names, on the first rank only.
        bodies: The cells of this rank as bodies of one crystal each.
        part: Their place in the whole mesh; None if this rank holds all cells.
        materials: Modes and kernel of each crystal, by its name in the case.
        heated: For each body which modes each source heats, shape (num_sources, num_modes); None
            for all.
        num_parts: Number of connected parts of the mesh.
    """

    grid: RankGrid
    domain: Domain | None
    bodies: Bodies
    part: Part | None
    materials: Mapping[str, Material]
    heated: tuple[BoolArray | None, ...]
    num_parts: int

    @property
    def of_bodies(self) -> tuple[Material, ...]:
        """The crystal of each body."""
        return tuple(self.materials[body.material] for body in self.bodies.bodies)

    @property
    def place(self) -> Place:
        """The cells on which the heat sources are projected."""
        return Place(
            meshes=tuple(body.mesh for body in self.bodies.bodies),
            cell_regions=tuple(self.bodies.cell_regions[body.cells] for body in self.bodies.bodies),
            regions=self.bodies.regions,
            space=self.grid.space,
        )


def read_inputs(
    case: Case,
    comm: MPI.Intracomm,
    *,
    space_parts: int | None = None,
    folder: Path | None = None,
) -> ProblemInputs:
    """Read mesh and materials of a case and check all that it says against them.

    Args:
        case: The case.
        comm: All ranks.
        space_parts: Parts that the mesh is cut into, instead of those of the case.
        folder: The result folder, if there is one.

    Raises:
        InputError: Something is missing, damaged or does not fit, or the results do not fit on the
            disk.

    Note:
        Collective over `comm`.
    """
    grid = rank_grid(comm, case.parallel.space_parts if space_parts is None else space_parts)
    ensure_mesh(case.mesh_path, case.mesh.builder, comm)
    domain, connected, bodies, part = _read_bodies(case, grid)
    num_parts = comm.bcast(None if connected is None else len(connected.parts))
    check_source(case, bodies.whole.points, grid.space)
    materials = {
        name: shared_on_node(
            comm,
            partial(material_from_choice, choice, folder=case.folder, temperature=case.temperature),
        )
        for name, choice in materials_of(case).items()
    }
    with on_all_ranks(comm):
        check_temperatures(
            case,
            {
                material.name if case.material is not None else name: material.modes.temperature
                for name, material in materials.items()
            },
        )
        heated = [
            heated_modes(case, materials[body.material].modes, body.regions)
            for body in bodies.bodies
        ]
        check_initial_state(
            case, bodies.whole.dim, [material.modes for material in materials.values()]
        )
        check_electrons(
            case, {body.material: body.mesh.boundary_walls for body in bodies.bodies}, bodies.walls
        )
        if domain is not None and folder is not None:
            num_modes = sum(materials[body.material].modes.num_modes for body in bodies.bodies)
            check_disk_space(folder, results_size(case, domain, num_modes))
    inputs = ProblemInputs(
        grid=grid,
        domain=domain,
        bodies=bodies,
        part=part,
        materials=materials,
        heated=tuple(heated),
        num_parts=num_parts,
    )
    if case.steady.enabled:
        _check_steady_state(case, inputs, connected)
    return inputs


def _check_steady_state(
    case: Case, inputs: ProblemInputs, connected: ConnectedParts | None
) -> None:
    """Check that there is one steady state; `connected` is known on the first rank. Collective."""
    comm, place, part = inputs.grid.comm, inputs.place, inputs.part
    lonely = None if connected is None else len(parts_without_bath(case, connected)) > 0
    if not comm.bcast(lonely):
        return
    # Only here, for the few cases without a bath: the sources are projected twice.
    of_cell: IntArray = comm.bcast(None if connected is None else connected.of_cell)
    sums = np.zeros((2, inputs.num_parts))
    for body, mesh, heats in zip(
        inputs.bodies.bodies, place.meshes, heat_sources(case, place), strict=True
    ):
        cells = body.cells if part is None else part.cells
        power = heats.sum(axis=0) * mesh.dof_weights
        for total, values in zip(sums, (power, np.abs(power)), strict=True):
            np.add.at(total, of_cell[cells], values.reshape(cells.size, -1).sum(axis=1))
    powers, sizes = inputs.grid.space.allreduce(sums)
    with on_all_ranks(comm):
        if connected is not None:
            check_steady_state(case, connected, powers, sizes)


def _read_bodies(
    case: Case, grid: RankGrid
) -> tuple[Domain | None, ConnectedParts | None, Bodies, Part | None]:
    """Return the whole mesh and its parts on the first rank, and the bodies on all. Collective."""
    own: DomainPart | None = None
    domain: Domain | None = None
    connected: ConnectedParts | None = None
    if grid.space_parts > 1:
        scale = case.mesh.scale
        own, domain = read_domain_part(case.mesh_path, grid.space, grid.modes, scale=scale)
    with on_all_ranks(grid.comm):
        check_parts(case, grid.space_parts)
        check_walls_of_parts(case, grid.space_parts)
        if grid.comm.rank == 0:
            if domain is None:
                domain = read_domain(case.mesh_path, MPI.COMM_SELF, scale=case.mesh.scale)
            check_walls(case, domain.walls)
            connected = check_joined(case, domain)
    if own is None:
        bodies = shared_on_node(grid.comm, lambda: split_by_material(_known(domain), case))
        return domain, connected, bodies, None
    part = partition(own, grid.space)
    bodies = one_body(case, part.mesh, part.cell_regions, own.walls, own.regions)
    return domain, connected, bodies, part


def _known(domain: Domain | None) -> Domain:
    assert domain is not None, "the first rank makes what is shared"
    return domain
