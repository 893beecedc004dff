"""From the case to the problem: read what it names, check that it fits, put it on the mesh."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

from pbte.case.case import Case
from pbte.case.materials import material_from_choice
from pbte.case.regions import materials_of
from pbte.core.mode_partition import ModePartition, all_modes, partition_modes, sweep_costs
from pbte.core.parallel import on_all_ranks
from pbte.core.rank_grid import RankGrid, rank_grid
from pbte.core.shared_memory import shared_on_node
from pbte.core.types import Array, BoolArray
from pbte.geometry.distributed import read_domain_part
from pbte.geometry.domain import Domain, read_domain
from pbte.geometry.partition import Part, partition
from pbte.materials.kernel import CollisionKernel, FactoredKernel, FullKernel, truncated_kernel
from pbte.materials.storage import Material
from pbte.observables.harmonic import HarmonicTally
from pbte.observables.interfaces import Interface, InterfaceTally, reported_interfaces
from pbte.observables.moments import FieldTally, frequency_bins
from pbte.output.folder import check_disk_space
from pbte.simulation.bodies import Bodies, one_body, split_by_material
from pbte.simulation.checks import (
    check_electrons,
    check_initial_state,
    check_parts,
    check_source,
    check_temperatures,
    check_walls,
    check_walls_of_parts,
    results_size,
)
from pbte.simulation.conditions import Conditions, conditions_of
from pbte.simulation.interfaces import interfaces_of_case
from pbte.simulation.mesh_making import ensure_mesh
from pbte.simulation.settings import Settings, settings_of
from pbte.simulation.sources import Place, heat_sources, heated_modes, undershoot
from pbte.simulation.walls import (
    adiabatic_surfaces,
    given_inflow,
    periodic_surfaces,
)
from pbte.transport.body import Body, make_body, stream
from pbte.transport.boundary import Surface
from pbte.transport.state import Numbering
from pbte.transport.steady.eigenvalues import NUM_MOMENTS
from pbte.transport.sweep.compile_cache import log_first_compilation
from pbte.transport.system import System

LOG = logging.getLogger("pbte.simulation")

# Parts of a case that may differ at a restart: they change no number.
_FREE: Any = {"parallel": True, "output": {"folder", "paraview", "plots", "checkpoint_interval"}}


@dataclass(frozen=True, kw_only=True)
class ProblemInputs:
    """What a case names, read and found to fit together.

    Attributes:
        grid: How the ranks share modes and cells.
        domain: The mesh with its names, on the first rank only.
        bodies: The cells of this rank as bodies of one crystal each.
        part: Where they are in the whole mesh; None if this rank holds all cells.
        materials: Modes and kernel of each crystal, by its name in the case.
        heated: For each body which modes each source heats, shape (num_sources, num_modes); None
            for all.
    """

    grid: RankGrid
    domain: Domain | None
    bodies: Bodies
    part: Part | None
    materials: Mapping[str, Material]
    heated: tuple[BoolArray | None, ...]

    @property
    def of_bodies(self) -> tuple[Material, ...]:
        """The crystal of each body."""
        return tuple(self.materials[body.material] for body in self.bodies.bodies)

    @property
    def place(self) -> Place:
        """The cells that the heat sources are put on."""
        return Place(
            meshes=tuple(body.mesh for body in self.bodies.bodies),
            cell_regions=tuple(self.bodies.cell_regions[body.cells] for body in self.bodies.bodies),
            regions=self.bodies.regions,
            space=self.grid.space,
        )


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A case made ready to solve.

    Attributes:
        system: Bodies and interfaces: mesh, modes, collisions, source and walls of this rank.
        leading: For each body the part of its kernel with the largest eigenvalues (or a low-rank
            kernel itself).
        bodies: The bodies on the mesh, with their names.
        interfaces: The interfaces with their conductances; see `reported_interfaces`.
        part: Where the local cells are in the whole mesh; None if this rank holds all cells.
        conditions: What drives heat.
        settings: What is computed.
        frequency_edges: Edges of the frequency bins of all spectra, shape (num_bins + 1,) [rad/s].
        undershoot: How far the heat source falls below zero, relative to its peak [-].
        fingerprint: Digest of case, mesh and modes, on the first rank; a restart needs the same.
    """

    system: System
    leading: tuple[FactoredKernel, ...]
    bodies: Bodies
    interfaces: tuple[Interface, ...]
    part: Part | None
    conditions: Conditions
    settings: Settings
    frequency_edges: Array
    undershoot: float
    fingerprint: str

    @property
    def body(self) -> Body:
        """The only body of a case with one crystal."""
        (body,) = self.system.bodies
        return body

    @property
    def walls(self) -> Mapping[str, int]:
        """Wall name -> tag."""
        return self.bodies.walls

    @cached_property
    def field_tally(self) -> FieldTally:
        """Tally of temperature, heat flux, spectra and balance."""
        return FieldTally(system=self.system, **self._at)

    @cached_property
    def harmonic_tally(self) -> HarmonicTally:
        """Tally of the same of complex amplitudes."""
        return HarmonicTally(system=self.system, **self._at)

    @cached_property
    def interface_tally(self) -> InterfaceTally:
        """Tally of the fields at all interfaces."""
        interfaces = reported_interfaces(self.interfaces)
        return InterfaceTally(self.system, interfaces, self.frequency_edges)

    @property
    def _at(self) -> dict[str, Any]:
        walls = {**self.bodies.walls, **self.bodies.interface_tags}
        return {"walls": walls, "frequency_edges": self.frequency_edges}

    @cached_property
    def numbering(self) -> Numbering:
        """Numbers of the cells and facets of this rank, by which other ranks know them."""
        if self.part is not None:
            return Numbering(cells=(self.part.cells,), facets=(self.part.facets,))
        meshes = [body.mesh for body in self.system.bodies]
        return Numbering(
            cells=tuple(np.arange(mesh.num_cells) for mesh in meshes),
            facets=tuple(np.arange(mesh.boundary_walls.size) for mesh in meshes),
        )


def read_inputs(
    case: Case,
    comm: MPI.Intracomm,
    *,
    space_parts: int | None = None,
    folder: Path | None = None,
) -> ProblemInputs:
    """Read mesh and materials of a case and check that all it says fits them.

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
    domain, bodies, part = _read_bodies(case, grid)
    with on_all_ranks(comm):
        check_walls(case, bodies.walls)
        check_walls_of_parts(case, grid.space_parts)
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
    return ProblemInputs(
        grid=grid,
        domain=domain,
        bodies=bodies,
        part=part,
        materials=materials,
        heated=tuple(heated),
    )


def _read_bodies(case: Case, grid: RankGrid) -> tuple[Domain | None, Bodies, Part | None]:
    """Return the whole mesh on the first rank, and the bodies on all. Collective."""
    domain: Domain | None = None
    if grid.space_parts == 1:
        with on_all_ranks(grid.comm):
            if grid.comm.rank == 0:
                domain = read_domain(case.mesh_path, MPI.COMM_SELF, scale=case.mesh.scale)

        def cut() -> Bodies:
            assert domain is not None
            return split_by_material(domain, case)

        return domain, shared_on_node(grid.comm, cut), None
    own, domain = read_domain_part(case.mesh_path, grid.space, grid.modes, scale=case.mesh.scale)
    with on_all_ranks(grid.comm):
        check_parts(case, grid.space_parts)
    part = partition(own, grid.space)
    return domain, one_body(case, part.mesh, part.cell_regions, own.walls, own.regions), part


def build_problem(case: Case, comm: MPI.Intracomm, folder: Path | None = None) -> Problem:
    """Read mesh and materials and put sources, walls and interfaces on them.

    Args:
        case: The case.
        comm: All ranks.
        folder: The result folder, if there is one.

    Raises:
        InputError: See `read_inputs`.

    Note: Collective over `comm`.
    """
    inputs = read_inputs(case, comm, folder=folder)
    bodies, part = inputs.bodies, inputs.part
    for material in inputs.of_bodies:
        LOG.info("%s: %d modes", material.name, material.modes.num_modes)
    LOG.info("mesh: %d cells", bodies.whole.num_cells if part is None else part.num_cells)
    log_first_compilation()
    solves = case.solves
    rank = case.steady.rank if solves else NUM_MOMENTS
    leading = tuple(
        leading_part(material.kernel, max(rank, NUM_MOMENTS), comm) for material in inputs.of_bodies
    )
    open_bodies = _open_bodies(case, inputs)
    shares = [body.mode_partition for body in open_bodies]
    interfaces, surfaces = interfaces_of_case(case, bodies, inputs.materials, shares, comm)
    with on_all_ranks(comm):
        system = _linked(case, bodies, open_bodies, surfaces)
    frequencies = np.concatenate([body.modes.frequencies for body in system.bodies])
    digest = ""
    with on_all_ranks(comm):
        if comm.rank == 0:
            digest = fingerprint(case, system)
    return Problem(
        system=system,
        leading=leading,
        bodies=bodies,
        interfaces=interfaces,
        part=part,
        conditions=conditions_of(case),
        settings=settings_of(case),
        frequency_edges=frequency_bins(frequencies, case.output.frequency_bins),
        undershoot=undershoot(case, system.bodies),
        fingerprint=digest,
    )


def fingerprint(case: Case, system: System) -> str:
    """Return a digest of what must be the same at a restart: case, mesh and modes."""
    digest = hashlib.sha256(case.model_dump_json(exclude=_FREE).encode())
    digest.update(case.mesh_path.read_bytes())
    for body in system.bodies:
        digest.update(np.ascontiguousarray(body.modes.frequencies).tobytes())
    return digest.hexdigest()


def _linked(
    case: Case, cut: Bodies, bodies: Sequence[Body], interfaces: Sequence[Surface]
) -> System:
    """Return the bodies with all their surfaces: walls, periodic pairs and interfaces.

    Those that lead back into the body they come from belong to that body.
    """
    meshes, walls = [body.mesh for body in bodies], cut.walls
    tables = [body.modes for body in bodies]
    shares = [body.mode_partition for body in bodies]
    links = [*periodic_surfaces(case, meshes, walls, tables, shares), *interfaces]
    owners = [{side.body for side in link.sides} for link in links]
    complete = []
    for number, body in enumerate(bodies):
        own = adiabatic_surfaces(case, body.mesh, walls, body.modes, body.mode_partition)
        inside = [link for link, owner in zip(links, owners, strict=True) if owner == {number}]
        complete.append(replace(body, surfaces=(*own, *inside)))
    return System(
        bodies=tuple(complete),
        interfaces=tuple(
            link for link, owner in zip(links, owners, strict=True) if len(owner) == 2
        ),
        cells=tuple(body.cells for body in cut.bodies) if cut.is_cut else (),
        facets=tuple(body.facets for body in cut.bodies) if cut.is_cut else (),
    )


def _open_bodies(case: Case, inputs: ProblemInputs) -> list[Body]:
    """Return each body with its source and its isothermal walls, and no other surfaces yet.

    Note: Collective over all ranks.
    """
    grid, part = inputs.grid, inputs.part
    sources = heat_sources(case, inputs.place)
    bodies = []
    for place, material, heated, heat in zip(
        inputs.bodies.bodies, inputs.of_bodies, inputs.heated, sources, strict=True
    ):
        modes = material.modes
        of_share = partial(
            make_body,
            place.mesh,
            material.kernel,
            heat,
            given_inflow(case, place.mesh, inputs.bodies.walls),
            heated=heated,
            halo=None if part is None else part.halo,
            comm=grid.comm,
        )
        body = of_share(
            mode_partition=partition_modes(modes.num_pairs, modes.num_modes, grid.modes)
        )
        better = fairer_share(body, measured=case.parallel.balance == "measured")
        bodies.append(body if better is None else of_share(mode_partition=better))
    return bodies


def fairer_share(body: Body, *, measured: bool) -> ModePartition | None:
    """Return a share of the modes by what they cost, or None where an even one is as good.

    Modes with cyclic dependencies are swept many times; they are counted. Ranks may also differ in
    speed: measured in one drift of all modes, at the price of a share, and so of round-off, that
    differs from run to run.

    Note: Collective over the ranks.
    """
    mode_partition, modes = body.mode_partition, body.modes
    if mode_partition.comm.size == 1:
        return None
    costs: Array | None = None
    speeds: Array | None = None
    if body.num_cyclic_modes > 0:
        costs = sweep_costs(all_modes(mode_partition, body.order.lagged), modes.num_pairs)
    if measured and mode_partition.comm.allreduce(mode_partition.num_modes, op=MPI.MIN) > 0:
        rate = mode_partition.num_modes / max(_drift_seconds(body), 1e-9)
        speeds = np.array(mode_partition.comm.allgather(rate))
    if costs is None and speeds is None:
        return None
    return partition_modes(
        modes.num_pairs, modes.num_modes, mode_partition.comm, costs=costs, speeds=speeds
    )


def _drift_seconds(body: Body) -> float:
    """Return the processor time of one drift of the local modes [s]. Collective."""
    nothing = np.zeros((body.block_modes, body.mesh.num_dofs))
    blocks = list(body.mode_blocks())
    stream(body, nothing[: blocks[0].size], blocks[0], walls=False)  # compiles
    start = time.process_time()
    for modes in blocks:
        stream(body, nothing[: modes.size], modes, walls=False)
    return float(body.sum_over_space(np.array([time.process_time() - start]))[0])


def leading_part(kernel: CollisionKernel, rank: int, comm: MPI.Intracomm) -> FactoredKernel:
    """Return the rank-`rank` part of a full kernel; a kernel of low rank is its own leading part.

    One rank computes it for all: eigenvectors are only defined up to a sign and, where degenerate,
    a rotation, and every rank must mean the same moments. Collective over `comm`.

    Raises:
        TypeError: The kernel is of no known kind.
    """
    if isinstance(kernel, FactoredKernel):
        return kernel
    if not isinstance(kernel, FullKernel):
        raise TypeError(f"no leading part is known of a kernel of type {type(kernel).__name__}")
    return shared_on_node(comm, lambda: truncated_kernel(kernel, min(rank, kernel.modes.num_modes)))
