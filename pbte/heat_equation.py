"""The heat equation of a case: bulk conductivities, heat sources and walls, put on its mesh.

Isothermal walls hold the body at their temperature. If the temperature may jump, the flux into the
body is q = 2G (T_wall - T_body), with G the one-sided ballistic conductance of the crystal: what
leaves the body at a wall, G T_body - q/2 for a distribution that is linear in the direction, meets
the G T_wall of a black wall (Marshak, Phys. Rev. 71, 443 (1947); for phonons Yang, Chen, Laroche &
Taur, J. Heat Transfer 127, 298 (2005)). The bulk profile then jumps by 2/3 of a mean free path in a
gray crystal, where the exact number is 0.7104 (see `pbte.observables.slip`).

All other walls are adiabatic, whatever they do to single phonons; periodic ones go on at their
partner, a temperature drop apart.

At an interface of Landauer conductance h, the streams that arrive from both sides differ by q/h.
By the same argument the bodies themselves differ by less, R = 1/h - 1/2G1 - 1/2G2: the local
resistance of the law (`pbte.interfaces.landauer`), which is zero where there is no interface.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from mpi4py import MPI

from pbte.case import Case
from pbte.case_walls import IsothermalWall, PeriodicWall
from pbte.drive import drive_of
from pbte.errors import InputError
from pbte.geometry.periodic import match_walls
from pbte.materials.conductivity import one_sided_conductance
from pbte.materials.modes import ModeTable
from pbte.observables.heat_equation import HeatState, conductivity_of_flux
from pbte.observables.results import Balance, MeshGeometry
from pbte.transport.fourier import Joints, Walls, solve_heat_equation
from pbte.transport.fourier_bodies import facet_starts, side_by_side
from pbte.transport.simplices import Simplices
from pbte.types import Array, IntArray

# Share of the resistance between streams that is round-off of sums over modes [-].
CONTACT = 1e-9


@dataclass(frozen=True, kw_only=True)
class Conductor:
    """A body of one crystal.

    Attributes:
        material: Its name.
        mesh: All its cells.
        modes: Modes of the crystal.
        conductivity: Bulk tensor, shape (3, 3) [W/m K].
        heat_source: Heat density of all sources, shape (num_dofs,) [W/m^3].
        cells: Number of each cell in the whole mesh, shape (num_cells,).
    """

    material: str
    mesh: Simplices
    modes: ModeTable
    conductivity: Array
    heat_source: Array
    cells: IntArray


@dataclass(frozen=True, kw_only=True)
class Passage:
    """An interface between two bodies, or through one.

    Attributes:
        bodies: Number of the body on either side.
        facets: Boundary facet of either body, shape (num_facets, 2).
        conductances: Landauer conductance, shape (num_facets,) [W/m^2 K].
    """

    bodies: tuple[int, int]
    facets: IntArray
    conductances: Array


def solve_fourier(
    case: Case,
    bodies: Sequence[Conductor],
    passages: Sequence[Passage],
    tags: Mapping[str, int],
    geometry: MeshGeometry,
    comm: MPI.Intracomm,
) -> HeatState:
    """Return the steady state of a case by the heat equation, complete on every rank.

    Args:
        case: The case.
        bodies: All bodies, with all their cells on every rank.
        passages: The interfaces that join them.
        tags: Tag of each wall.
        geometry: The whole mesh.
        comm: The ranks that share the work.

    Raises:
        InputError: A conductivity is not positive, or heat has nowhere to go.

    Note: Collective over `comm`.
    """
    for body in bodies:
        if not np.isfinite(body.conductivity).all():
            raise InputError(
                f"{body.material}: the endless crystal hardly resists, no conductivity is known"
            )
    mesh = side_by_side([body.mesh for body in bodies])
    counts = [body.mesh.num_cells for body in bodies]
    symmetric = [0.5 * (body.conductivity + body.conductivity.T) for body in bodies]
    heat = np.concatenate([body.heat_source for body in bodies])
    solution = solve_heat_equation(
        mesh,
        np.repeat(np.stack(symmetric), counts, axis=0),
        heat,
        _walls(case, bodies, tags),
        _together(_periods(case, mesh, tags), *_interfaces(case, bodies, passages)),
        comm,
    )
    through = _outflow(mesh, solution.flux)
    areas = np.linalg.norm(mesh.boundary_normals, axis=1)
    beside = solution.temperature[mesh.boundary_dofs].mean(axis=1)
    on_wall = {name: mesh.boundary_walls == tag for name, tag in tags.items()}
    where = np.argsort(np.concatenate([body.cells for body in bodies]))
    flux = solution.flux[where]
    drive = drive_of(case, geometry)
    return HeatState(
        temperature=solution.temperature.reshape(-1, mesh.dim + 1)[where],
        heat_flux=flux,
        balance=Balance(
            deposited=float(heat @ mesh.dof_weights),
            absorbed={name: float(through[own].sum()) for name, own in on_wall.items()},
            handed_on=0.0,
        ),
        wall_temperatures={
            name: float(areas[own] @ beside[own] / areas[own].sum())
            for name, own in on_wall.items()
        },
        jump=case.fourier.jump,
        conductivities={body.material: body.conductivity for body in bodies},
        effective=None if drive is None else conductivity_of_flux(flux, geometry.volumes, drive),
    )


def _walls(case: Case, bodies: Sequence[Conductor], tags: Mapping[str, int]) -> Walls:
    """Return temperature and conductance of every boundary facet of all bodies."""
    temperatures, conductances = [], []
    for body in bodies:
        walls = body.mesh.boundary_walls
        temperature, conductance = np.zeros(walls.size), np.zeros(walls.size)
        for name, wall in case.walls.items():
            if isinstance(wall, IsothermalWall):
                own = walls == tags[name]
                temperature[own] = wall.temperature - case.temperature
                conductance[own] = np.inf
        if case.fourier.jump == "marshak":
            held = np.isinf(conductance)
            conductance[held] = 2.0 * one_sided_conductance(body.modes, _normals(body.mesh)[held])
        temperatures.append(temperature)
        conductances.append(conductance)
    return Walls(
        temperatures=np.concatenate(temperatures), conductances=np.concatenate(conductances)
    )


def _normals(mesh: Simplices) -> Array:
    """Return the outward unit normals of the boundary facets, shape (num_facets, 3)."""
    normals = np.zeros((mesh.boundary_normals.shape[0], 3))
    normals[:, : mesh.dim] = mesh.boundary_normals
    return np.asarray(normals / np.linalg.norm(normals, axis=1, keepdims=True))


def _periods(case: Case, mesh: Simplices, tags: Mapping[str, int]) -> Joints:
    """Return the facets of periodic walls joined to their images."""
    corners = mesh.points.reshape(-1, mesh.dim)[mesh.boundary_dofs]
    facets: list[IntArray] = [np.zeros((0, 2), np.int64)]
    drops: list[Array] = [np.zeros(0)]
    for name, wall in case.walls.items():
        if isinstance(wall, PeriodicWall):
            first, second = (
                np.flatnonzero(mesh.boundary_walls == tags[n]) for n in (name, wall.partner)
            )
            match = match_walls(corners[first], corners[second], names=(name, wall.partner))
            facets.append(np.stack([first, second[match.images]], axis=1))
            drops.append(np.full(first.size, wall.temperature_drop))
    pairs = np.concatenate(facets)
    return Joints(
        facets=pairs, conductances=np.full(len(pairs), np.inf), drops=np.concatenate(drops)
    )


def _interfaces(
    case: Case, bodies: Sequence[Conductor], passages: Sequence[Passage]
) -> Iterator[Joints]:
    """Yield the facets of each interface with their conductances."""
    starts = facet_starts([body.mesh for body in bodies])
    for passage in passages:
        resistances = 1.0 / passage.conductances
        if case.fourier.interfaces == "local":
            normals = _normals(bodies[passage.bodies[0]].mesh)[passage.facets[:, 0]]
            for number in passage.bodies:
                sent = one_sided_conductance(bodies[number].modes, normals)
                resistances = resistances - 0.5 / sent
        # Where nothing is in the way but round-off, the bodies are in contact.
        touching = resistances <= CONTACT / passage.conductances
        yield Joints(
            facets=passage.facets + starts[list(passage.bodies)],
            conductances=np.where(touching, np.inf, 1.0 / np.where(touching, 1.0, resistances)),
            drops=np.zeros(len(resistances)),
        )


def _together(*joints: Joints) -> Joints:
    return Joints(
        facets=np.concatenate([joint.facets for joint in joints]),
        conductances=np.concatenate([joint.conductances for joint in joints]),
        drops=np.concatenate([joint.drops for joint in joints]),
    )


def _outflow(mesh: Simplices, flux: Array) -> Array:
    """Return the power that leaves through each boundary facet, shape (num_facets,) [W]."""
    at_corners = flux.reshape(-1, 3)[mesh.boundary_dofs][:, :, : mesh.dim]
    return np.asarray(
        np.einsum("fid,fd->f", at_corners, mesh.boundary_normals) / mesh.dim, dtype=np.float64
    )
