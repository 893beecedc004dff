"""Problem of a case: bodies on the mesh with their modes, sources, walls and interfaces."""

from __future__ import annotations

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
from pbte.core.mode_partition import ModePartition, all_modes, partition_modes, sweep_costs
from pbte.core.parallel import on_all_ranks
from pbte.core.shared_memory import shared_on_node
from pbte.core.types import Array
from pbte.geometry.partition import Part
from pbte.materials.kernel import CollisionKernel, FactoredKernel, FullKernel, truncated_kernel
from pbte.observables.harmonic import HarmonicTally
from pbte.observables.interfaces import Interface, InterfaceTally, reported_interfaces
from pbte.observables.moments import FieldTally, frequency_bins
from pbte.simulation.bodies import Bodies
from pbte.simulation.conditions import Conditions, conditions_of
from pbte.simulation.fingerprint import Fingerprint, fingerprint_of
from pbte.simulation.inputs import ProblemInputs, read_inputs
from pbte.simulation.interfaces import interfaces_of_case
from pbte.simulation.settings import Settings, settings_of
from pbte.simulation.sources import heat_sources, undershoot
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


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A case prepared for the solvers.

    Attributes:
        system: Bodies and interfaces: mesh, modes, collisions, source and walls of this rank.
        leading: For each body the part of its kernel with the largest eigenvalues (or a low-rank
            kernel itself).
        bodies: The bodies on the mesh, with their names.
        interfaces: The interfaces with their conductances; see `reported_interfaces`.
        part: Place of the local cells in the whole mesh; None if this rank holds all cells.
        conditions: Conditions that drive heat.
        settings: Stages of the run and their parameters.
        frequency_edges: Edges of the frequency bins of all spectra, shape (num_bins + 1,) [rad/s].
        num_parts: Number of connected parts of the mesh.
        undershoot: How far the heat source falls below zero, relative to its peak [-].
        fingerprint: Fingerprint of the case, which must be the same at a restart.
    """

    system: System
    leading: tuple[FactoredKernel, ...]
    bodies: Bodies
    interfaces: tuple[Interface, ...]
    part: Part | None
    conditions: Conditions
    settings: Settings
    frequency_edges: Array
    num_parts: int
    undershoot: float
    fingerprint: Fingerprint

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
        return FieldTally(system=self.system, **self._tally_arguments)

    @cached_property
    def harmonic_tally(self) -> HarmonicTally:
        """Tally of the same of complex amplitudes."""
        return HarmonicTally(system=self.system, **self._tally_arguments)

    @cached_property
    def interface_tally(self) -> InterfaceTally:
        """Tally of the fields at all interfaces."""
        interfaces = reported_interfaces(self.interfaces)
        return InterfaceTally(self.system, interfaces, self.frequency_edges)

    @property
    def _tally_arguments(self) -> dict[str, Any]:
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
    return Problem(
        system=system,
        leading=leading,
        bodies=bodies,
        interfaces=interfaces,
        part=part,
        conditions=conditions_of(case),
        settings=settings_of(case),
        frequency_edges=frequency_bins(frequencies, case.output.frequency_bins),
        num_parts=inputs.num_parts,
        undershoot=undershoot(case, system.bodies),
        fingerprint=fingerprint_of(case),
    )


def _linked(
    case: Case, cut: Bodies, bodies: Sequence[Body], interfaces: Sequence[Surface]
) -> System:
    """Return the bodies with all their surfaces: walls, periodic pairs and interfaces.

    A surface with both sides in one body belongs to that body.
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
    """Return a partition of the modes by their cost, or None where an even one is as good.

    Modes with cyclic dependencies are swept many times; they are counted. Ranks may also differ in
    speed, measured in one sweep of all modes; the partition, and with it round-off, then differs
    from run to run.

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
    """Return the processor time of one sweep of the local modes [s]. Collective."""
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
    a rotation, and every rank must use the same moments. Collective over `comm`.

    Raises:
        TypeError: The kernel is of no known kind.
    """
    if isinstance(kernel, FactoredKernel):
        return kernel
    if not isinstance(kernel, FullKernel):
        raise TypeError(f"no leading part is known of a kernel of type {type(kernel).__name__}")
    return shared_on_node(comm, lambda: truncated_kernel(kernel, min(rank, kernel.modes.num_modes)))
