"""The heat equation of a case: bulk conductivities, heat sources and walls, put on its mesh.

Isothermal walls hold the body at their temperature. If the temperature may jump, the flux into the
body is q = 2G (T_wall - T_body), with G the one-sided ballistic conductance of the crystal: what
leaves the body at a wall, G T_body - q/2 for a distribution that is linear in the direction, meets
the G T_wall of a black wall (Marshak, Phys. Rev. 71, 443 (1947); for phonons Yang, Chen, Laroche &
Taur, J. Heat Transfer 127, 298 (2005)). The bulk profile then jumps by 2/3 of a mean free path in a
gray crystal, where the exact number is 0.7104 (see `pbte.observables.slip`).

All other walls are adiabatic, whatever they do to single phonons; periodic ones continue at their
partner, a temperature drop apart.

At an interface of Landauer conductance h, the streams that arrive from both sides differ by q/h.
By the same argument the bodies themselves differ by less, R = 1/h - 1/2G1 - 1/2G2: the local
resistance of the model (`pbte.interfaces.landauer`), which is zero where there is no interface.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from mpi4py import MPI

from pbte.case.case import Case, Fourier
from pbte.case.regions import ONLY
from pbte.core.errors import InputError
from pbte.core.shared_memory import shared_on_node
from pbte.core.types import Array, BoolArray, IntArray
from pbte.geometry.periodic import match_walls
from pbte.geometry.sweep_mesh import SweepMesh, facet_starts, side_by_side
from pbte.materials.conductivity import bulk_conductivity, one_sided_conductance
from pbte.materials.modes import ModeTable
from pbte.observables.bulk import bulk_tensor
from pbte.observables.heat_equation import HeatState, conductivity_of_flux
from pbte.observables.interfaces import (
    Interface,
    InterfaceFields,
    SideFields,
    reported_interfaces,
)
from pbte.observables.moments import frequency_bins
from pbte.observables.snapshot import Balance, Snapshot
from pbte.simulation.bodies import Bodies, geometry_of
from pbte.simulation.conditions import Conditions, conditions_of
from pbte.simulation.inputs import read_inputs
from pbte.simulation.interface_results import interface_results
from pbte.simulation.interfaces import interfaces_with_conductances
from pbte.simulation.problem import Problem
from pbte.simulation.settings import Settings, settings_of
from pbte.simulation.sources import heat_sources
from pbte.simulation.temperature_gradient import temperature_gradient_of
from pbte.transport.heat.assembly import joined_facets
from pbte.transport.heat.equation import HeatEquation, JoinedFacets, Walls

LOG = logging.getLogger("pbte.simulation")

# Share of the resistance between streams that is round-off of sums over modes [-].
CONTACT = 1e-9
# Meshes of fewer cells are solved by every rank for itself: communication would dominate.
SMALL = 2000


@dataclass(frozen=True, kw_only=True)
class Conductor:
    """A body of one crystal.

    Attributes:
        material: Its name in the case.
        mesh: All its cells.
        modes: Modes of the crystal.
        conductivity: Bulk tensor, shape (3, 3) [W/m K].
        heat_source: Heat density of all sources, shape (num_dofs,) [W/m^3].
        cells: Number of each cell in the whole mesh, shape (num_cells,).
    """

    material: str
    mesh: SweepMesh
    modes: ModeTable
    conductivity: Array
    heat_source: Array
    cells: IntArray


class HeatProblem:
    """A case put on its mesh for the heat equation.

    Args:
        settings: What is computed, and how the temperature jumps at walls and interfaces.
        conditions: Conditions that drive heat.
        conductors: All bodies, with all their cells on every rank.
        interfaces: The interfaces that join them, with their conductances.
        bodies: The bodies on the mesh, with the names of the walls.
        frequency_edges: Edges of the frequency bins of spectra, for the results [rad/s].
        comm: The ranks that share the work, if there is enough of it.

    Attributes:
        tags: Tag of each wall.
        geometry: The whole mesh.
        mesh: The cells of all bodies, one body after the other.
        equation: The heat equation on them.
        heat: Heat density of all sources, shape (num_dofs,) [W/m^3].
        temperatures: Deviation of the boundary facets from T0 [K].
        conductivities: Bulk tensor of each material, by the name it is shown by, shape (3, 3)
            [W/m K].

    Raises:
        InputError: A conductivity is not positive.

    Note: Collective over `comm`.
    """

    def __init__(
        self,
        settings: Settings,
        conditions: Conditions,
        conductors: Sequence[Conductor],
        interfaces: Sequence[Interface],
        bodies: Bodies,
        frequency_edges: Array,
        comm: MPI.Intracomm,
    ) -> None:
        names = [b.modes.name if b.material == ONLY else b.material for b in conductors]
        for name, body in zip(names, conductors, strict=True):
            if not np.isfinite(body.conductivity).all():
                raise InputError(
                    f"{name}: the bulk crystal hardly resists, no conductivity is known"
                )
        self.settings, self.conditions, self.bodies = settings, conditions, conductors
        self.interfaces = reported_interfaces(interfaces)
        self.tags, self.geometry = bodies.walls, geometry_of(bodies)
        self.frequency_edges, fourier = frequency_edges, settings.fourier
        tensors = [body.conductivity for body in conductors]
        self.conductivities = dict(zip(names, tensors, strict=True))
        self.mesh = mesh = side_by_side([body.mesh for body in conductors])
        counts = [body.mesh.num_cells for body in conductors]
        symmetric = [0.5 * (tensor + tensor.T) for tensor in tensors]
        walls = _walls(conditions, fourier, conductors, self.tags)
        self.equation = HeatEquation(
            mesh,
            np.repeat(np.stack(symmetric), counts, axis=0),
            walls.conductances,
            _together(
                _periods(conditions, mesh, self.tags), *_interfaces(fourier, conductors, interfaces)
            ),
            MPI.COMM_SELF if mesh.num_cells < SMALL else comm,
            heat_capacity=np.repeat([body.modes.heat_capacity for body in conductors], counts),
        )
        self.heat = np.concatenate([body.heat_source for body in conductors])
        self.temperatures = walls.temperatures
        self._held = np.isinf(walls.conductances)
        self._whole = np.argsort(np.concatenate([body.cells for body in conductors]))

    @property
    def power(self) -> float:
        """Power of all heat sources [W]."""
        return float(self.heat @ self.mesh.dof_weights)

    def on_wall(self, name: str) -> BoolArray:
        """Return which boundary facets belong to a wall, shape (num_boundary_facets,)."""
        return np.asarray(self.mesh.boundary_walls == self.tags[name])

    def snapshot(self, temperature: Array, flux: Array, walls: Array, power: float) -> Snapshot:
        """Return the observables of a state, without those of single modes.

        Args:
            temperature: T, shape (num_dofs,) [K].
            flux: At the vertices of each cell, shape (num_cells, dim + 1, 3) [W/m^2].
            walls: Deviation of the boundary facets from T0 [K].
            power: That of the heat sources [W].
        """
        mesh = self.mesh
        through = self.equation.outflow(flux)
        areas = np.linalg.norm(mesh.boundary_normals, axis=1)
        # Without a jump the body has the wall's temperature, in the elements only approximately.
        own = temperature[mesh.boundary_dofs].mean(axis=1)
        beside = np.where(self._held, walls, own)
        facets = {name: self.on_wall(name) for name in self.tags}
        return Snapshot(
            temperature=temperature.reshape(-1, mesh.dim + 1)[self._whole],
            heat_flux=flux[self._whole],
            outgoing_spectrum={},
            outgoing_current=np.zeros(0),
            balance=Balance(
                deposited=power,
                absorbed={name: float(through[own].sum()) for name, own in facets.items()},
                scattered_power=0.0,
            ),
            wall_temperatures={
                name: float(areas[own] @ beside[own] / areas[own].sum())
                for name, own in facets.items()
            },
        )

    def state(self, temperature: Array) -> HeatState:
        """Return the observables of the steady state.

        Args:
            temperature: T, shape (num_dofs,) [K].
        """
        flux = self.equation.flux(temperature, self.temperatures)
        snapshot = self.snapshot(temperature, flux, self.temperatures, self.power)
        fields = [self._beside(each, temperature, flux) for each in self.interfaces]
        interfaces, series = interface_results(
            self.conditions,
            self.geometry,
            fields,
            [snapshot],
            {body.material: body.conductivity for body in self.bodies},
            whole=True,
        )
        gradient = temperature_gradient_of(self.conditions, self.geometry)
        volumes = self.geometry.volumes
        return HeatState(
            temperature=snapshot.temperature,
            heat_flux=snapshot.heat_flux,
            balance=snapshot.balance,
            wall_temperatures=snapshot.wall_temperatures,
            jump=self.settings.fourier.jump,
            conductivities=self.conductivities,
            effective=None
            if gradient is None
            else conductivity_of_flux(snapshot.heat_flux, volumes, gradient),
            interfaces=interfaces,
            series=series,
        )

    def _beside(self, interface: Interface, temperature: Array, flux: Array) -> InterfaceFields:
        """Return the fields on both sides of an interface.

        The two streams are those of a distribution that is linear in the direction: T + q/2G
        arrives at the interface, T - q/2G leaves it.
        """
        mesh, normals = self.mesh, interface.facets.normals
        starts = facet_starts([body.mesh for body in self.bodies])
        facets = interface.facets.pairs + starts[list(interface.bodies)]
        corners = joined_facets(mesh, facets).dofs
        sides = []
        for side, (number, sign) in enumerate(zip(interface.bodies, (1.0, -1.0), strict=True)):
            warm = temperature[corners[:, side]]
            through = sign * np.einsum(
                "fid,fd->fi", flux.reshape(-1, 3)[corners[:, side], : mesh.dim], normals
            )
            sent = one_sided_conductance(self.bodies[number].modes, _in_space(normals))
            lead = 0.5 * through / sent[:, None]
            sides.append(
                SideFields(
                    temperature=warm,
                    outgoing=warm + lead,
                    incoming=warm - lead,
                    arriving=(warm + lead) * sent[:, None],
                    heat_flux=through,
                    weights=np.zeros(0),
                    out_spectrum=np.zeros(0),
                    in_spectrum=np.zeros(0),
                )
            )
        first, second = sides
        jump = (first.temperature - second.temperature) / self.conditions.temperature**2
        entropy = 0.5 * (first.heat_flux - second.heat_flux) * jump
        return InterfaceFields(interface=interface, sides=(first, second), entropy=entropy)


def build_heat_problem(case: Case, comm: MPI.Intracomm, folder: Path | None = None) -> HeatProblem:
    """Read mesh and materials of a case and put its heat equation on them.

    The conductivity is that of the bulk crystal; which modes a source heats, and how walls reflect
    single phonons, does not matter.

    Args:
        case: The case.
        comm: All ranks.
        folder: The result folder, if there is one.

    Raises:
        InputError: See `read_inputs`; a conductivity is not positive.

    Note: Collective over `comm`.
    """
    inputs = read_inputs(case, comm, space_parts=1, folder=folder)
    tensors = []
    for material in inputs.of_bodies:
        LOG.info("%s: bulk conductivity of %d modes", material.name, material.modes.num_modes)
        tensors.append(shared_on_node(comm, partial(bulk_conductivity, material.kernel)))
    tables = [material.modes for material in inputs.of_bodies]
    frequencies = np.concatenate([modes.frequencies for modes in tables])
    heats = [heat.sum(axis=0) for heat in heat_sources(case, inputs.place)]
    LOG.info("heat equation on %d cells", inputs.bodies.whole.num_cells)
    return HeatProblem(
        settings_of(case),
        conditions_of(case),
        _conductors(inputs.bodies, tables, tensors, heats),
        interfaces_with_conductances(case, inputs.bodies, inputs.materials, comm),
        inputs.bodies,
        frequency_bins(frequencies, case.output.frequency_bins),
        comm,
    )


def heat_problem_of(problem: Problem) -> HeatProblem:
    """Return the heat equation of a problem of phonon transport whose ranks hold all cells.

    Raises:
        InputError: A conductivity is not positive.

    Note: Collective over all ranks of the problem.
    """
    bodies = problem.system.bodies
    conductors = _conductors(
        problem.bodies,
        [body.modes for body in bodies],
        [bulk_tensor(body) for body in bodies],
        [body.heat_source for body in bodies],
    )
    return HeatProblem(
        problem.settings,
        problem.conditions,
        conductors,
        problem.interfaces,
        problem.bodies,
        problem.frequency_edges,
        problem.system.comm,
    )


def _conductors(
    bodies: Bodies, tables: Sequence[ModeTable], tensors: Sequence[Array], heats: Sequence[Array]
) -> list[Conductor]:
    """Return each body with its modes, conductivity and heat."""
    return [
        Conductor(
            material=body.material,
            mesh=body.mesh,
            modes=modes,
            conductivity=tensor,
            heat_source=heat,
            cells=body.cells,
        )
        for body, modes, tensor, heat in zip(bodies.bodies, tables, tensors, heats, strict=True)
    ]


def _walls(
    conditions: Conditions,
    fourier: Fourier,
    bodies: Sequence[Conductor],
    tags: Mapping[str, int],
) -> Walls:
    """Return temperature and conductance of every boundary facet of all bodies."""
    temperatures, conductances = [], []
    for body in bodies:
        walls = body.mesh.boundary_walls
        temperature, conductance = np.zeros(walls.size), np.zeros(walls.size)
        for name, deviation in conditions.deviations.items():
            own = walls == tags[name]
            temperature[own] = deviation
            conductance[own] = np.inf
        if fourier.jump == "marshak":
            held = np.isinf(conductance)
            conductance[held] = 2.0 * one_sided_conductance(body.modes, _normals(body.mesh)[held])
        temperatures.append(temperature)
        conductances.append(conductance)
    return Walls(
        temperatures=np.concatenate(temperatures), conductances=np.concatenate(conductances)
    )


def _normals(mesh: SweepMesh) -> Array:
    """Return the outward unit normals of the boundary facets, shape (num_facets, 3)."""
    areas = np.linalg.norm(mesh.boundary_normals, axis=1, keepdims=True)
    return _in_space(mesh.boundary_normals / areas)


def _in_space(normals: Array) -> Array:
    """Return vectors of the mesh with zeros for the dimensions that it lacks, shape (n, 3)."""
    return np.pad(normals, ((0, 0), (0, 3 - normals.shape[1])))


def _periods(conditions: Conditions, mesh: SweepMesh, tags: Mapping[str, int]) -> JoinedFacets:
    """Return the facets of periodic walls joined to their images."""
    corners = mesh.points.reshape(-1, mesh.dim)[mesh.boundary_dofs]
    facets: list[IntArray] = [np.zeros((0, 2), np.int64)]
    drops: list[Array] = [np.zeros(0)]
    for pair in conditions.periods:
        names = (pair.name, pair.partner)
        first, second = (np.flatnonzero(mesh.boundary_walls == tags[name]) for name in names)
        match = match_walls(corners[first], corners[second], names=names)
        facets.append(np.stack([first, second[match.images]], axis=1))
        drops.append(np.full(first.size, pair.drop))
    pairs = np.concatenate(facets)
    return JoinedFacets(
        facets=pairs, conductances=np.full(len(pairs), np.inf), drops=np.concatenate(drops)
    )


def _interfaces(
    fourier: Fourier, bodies: Sequence[Conductor], interfaces: Sequence[Interface]
) -> Iterator[JoinedFacets]:
    """Yield the facets of each interface with their conductances."""
    starts = facet_starts([body.mesh for body in bodies])
    for interface in interfaces:
        resistances = 1.0 / interface.conductances
        if fourier.interfaces == "local":
            normals = _normals(bodies[interface.bodies[0]].mesh)[interface.facets.pairs[:, 0]]
            for number in interface.bodies:
                sent = one_sided_conductance(bodies[number].modes, normals)
                resistances = resistances - 0.5 / sent
        # Where the resistance is round-off, the bodies are in contact.
        touching = resistances <= CONTACT / interface.conductances
        yield JoinedFacets(
            facets=interface.facets.pairs + starts[list(interface.bodies)],
            conductances=np.where(touching, np.inf, 1.0 / np.where(touching, 1.0, resistances)),
            drops=np.zeros(len(resistances)),
        )


def _together(*joints: JoinedFacets) -> JoinedFacets:
    return JoinedFacets(
        facets=np.concatenate([joint.facets for joint in joints]),
        conductances=np.concatenate([joint.conductances for joint in joints]),
        drops=np.concatenate([joint.drops for joint in joints]),
    )
