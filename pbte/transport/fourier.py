"""The heat equation as a model of its own, for comparison with the transport equation.

    -div(K grad T) = Q

on the same cells and degrees of freedom, by the interior-penalty form that corrects the steady
state. Second order in T. The flux is that of the form itself: the flux through a facet is the same
on both sides and carries all the heat of a cell away. From its values at the corners of the facets
the flux inside a cell is the linear one with these normal components (the space of Brezzi, Douglas
& Marini, Numer. Math. 47, 217 (1985)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpi4py import MPI

from pbte.errors import InputError
from pbte.transport.diffusion import HeatModel, HeatSolver, Layout
from pbte.transport.diffusion_assembly import (
    PENALTY,
    FacetFlux,
    FacetPairs,
    facet_flux,
    fixed_flux,
    gradients,
    interior_facets,
    joined_facets,
)
from pbte.transport.ghosts import replicated_mesh
from pbte.transport.simplices import Simplices
from pbte.types import Array, IntArray

TOLERANCE = 1e-12


@dataclass(frozen=True, kw_only=True)
class Walls:
    """What happens at the boundary facets.

    Attributes:
        temperatures: Deviation from T0, shape (num_boundary_facets,) [K].
        conductances: Flux per temperature jump at the wall, shape (num_boundary_facets,)
            [W/m^2 K]; infinite for none, 0 for an adiabatic wall or a facet joined to another.
    """

    temperatures: Array
    conductances: Array


@dataclass(frozen=True, kw_only=True)
class Joints:
    """Boundary facets joined two by two: interfaces, or the two ends of a period.

    Attributes:
        facets: Facets on side 1 and side 2, equal up to a shift, shape (num_joints, 2).
        conductances: Flux per temperature jump, shape (num_joints,) [W/m^2 K]; infinite for none.
        drops: T on side 1 minus T on side 2 without a flux, shape (num_joints,) [K]; the drop
            imposed on a period, 0 at an interface.
    """

    facets: IntArray
    conductances: Array
    drops: Array


@dataclass(frozen=True, kw_only=True)
class HeatSolution:
    """Temperature and heat flux.

    Attributes:
        temperature: Deviation from T0, shape (num_dofs,) [K].
        flux: At the vertices of each cell, shape (num_cells, dim + 1, 3) [W/m^2].
    """

    temperature: Array
    flux: Array


NO_JOINTS = Joints(facets=np.zeros((0, 2), np.int64), conductances=np.zeros(0), drops=np.zeros(0))


def solve_heat_equation(
    mesh: Simplices,
    conductivity: Array,
    heat_source: Array,
    walls: Walls,
    joints: Joints = NO_JOINTS,
    comm: MPI.Intracomm = MPI.COMM_SELF,
) -> HeatSolution:
    """Return the steady solution of the heat equation, complete on every rank.

    Args:
        mesh: The cells, all of them on every rank.
        conductivity: Symmetric tensor of each cell, or one for all, shape (num_cells, 3, 3) or
            (3, 3) [W/m K].
        heat_source: Q at the degrees of freedom, shape (num_dofs,) [W/m^3].
        walls: What happens at the boundary facets.
        joints: Boundary facets that are joined to each other.
        comm: The ranks that share the work.

    Raises:
        InputError: The conductivity is not positive, or heat has nowhere to go.

    Note: Collective over `comm`.
    """
    tensors = np.broadcast_to(conductivity, (mesh.num_cells, 3, 3))
    if not np.linalg.eigvalsh(tensors[:, : mesh.dim, : mesh.dim]).min() > 0.0:
        raise InputError("heat equation: the conductivity of a cell is not positive definite")
    facets = _Facets(mesh, tensors, walls, joints)
    layout = Layout(comm, replicated_mesh(mesh, facets.contacts, comm), comm.rank)
    model = facets.model()
    _require_a_way_out(mesh, model, heat_source)
    rows = layout.mass(heat_source[layout.rows]) + facets.driving()[layout.rows]
    solver = HeatSolver(layout, model, TOLERANCE)
    counts = np.diff(layout.starts) * (mesh.dim + 1)
    temperature = np.empty(mesh.num_dofs)
    comm.Allgatherv(solver.solve(rows), [temperature, counts])
    return HeatSolution(temperature=temperature, flux=facets.flux(temperature))


def _require_a_way_out(mesh: Simplices, model: HeatModel, heat_source: Array) -> None:
    power = float(heat_source @ mesh.dof_weights)
    size = float(np.abs(heat_source) @ mesh.dof_weights)
    if model.floats and abs(power) > 1e-9 * size:
        raise InputError(
            f"heat equation: {power:.3g} W are deposited and no wall takes them up; give a wall a "
            "temperature or make the sources and sinks cancel"
        )


class _Facets:
    """Everything that happens on the facets, as laws for the flux."""

    def __init__(self, mesh: Simplices, tensors: Array, walls: Walls, joints: Joints) -> None:
        self.mesh, self.tensors, self.walls = mesh, tensors, walls
        self.plane = np.ascontiguousarray(tensors[:, : mesh.dim, : mesh.dim])
        touching = np.isinf(joints.conductances)
        inside, touched = interior_facets(mesh), joined_facets(mesh, joints.facets[touching])
        self.contacts = _together(inside, touched)
        self.contact_drops = np.append(np.zeros(inside.areas.size), joints.drops[touching])
        self.passages = joined_facets(mesh, joints.facets[~touching])
        self.conductances = joints.conductances[~touching]
        self.passage_drops = joints.drops[~touching]
        self.fixed = np.flatnonzero(np.isinf(walls.conductances))
        self.leaky = np.flatnonzero(~np.isinf(walls.conductances))
        self.areas = np.linalg.norm(mesh.boundary_normals, axis=1)
        nothing = np.zeros(self.contacts.areas.size)
        self.contact_flux = facet_flux(mesh, self.contacts, self.plane, nothing, PENALTY)
        self.fixed_flux = fixed_flux(mesh, self.fixed, self.plane)

    def model(self) -> HeatModel:
        """Return the coefficients for the solver."""
        conductances = self.walls.conductances
        return HeatModel(
            conductivity=self.plane,
            reaction=np.zeros(self.mesh.num_cells),
            contacts=self.contacts,
            jumps=np.zeros(self.contacts.areas.size),
            passages=self.passages,
            conductances=self.conductances,
            walls=np.where(np.isinf(conductances), 0.0, conductances),
            fixed=self.fixed,
        )

    def driving(self) -> Array:
        """Return what the temperatures of walls and the drops add to the right-hand side."""
        dim, rhs = self.mesh.dim, np.zeros(self.mesh.num_dofs)
        for flux, areas, given in (
            (self.contact_flux, self.contacts.areas, self.contact_drops),
            (self.fixed_flux, self.areas[self.fixed], self.walls.temperatures[self.fixed]),
        ):
            total = flux.jumps.sum(axis=1) * (flux.penalty / dim)[:, None] - flux.conduction
            np.add.at(rhs, flux.dofs, total * (areas * given)[:, None])
        power = self.passages.areas * self.conductances * self.passage_drops / dim
        for side, sign in ((0, 1.0), (1, -1.0)):
            np.add.at(rhs, self.passages.dofs[:, side], sign * power[:, None])
        given = self.walls.conductances[self.leaky] * self.walls.temperatures[self.leaky]
        power = self.areas[self.leaky] * given / dim
        np.add.at(rhs, self.mesh.boundary_dofs[self.leaky], power[:, None])
        return rhs

    def flux(self, temperature: Array) -> Array:
        """Return the heat flux at the vertices of each cell, shape (num_cells, dim + 1, 3)."""
        mesh, n = self.mesh, self.mesh.dim + 1
        outflow = np.zeros((mesh.num_cells, n, n))  # area times flux, at (face, vertex)

        def put(dofs: IntArray, flux: Array) -> None:
            vertices = dofs % n
            face = n * (n - 1) // 2 - vertices.sum(axis=1)
            outflow[dofs[:, :1] // n, face[:, None], vertices] = flux

        through = _corner_flux(self.contact_flux, temperature, self.contact_drops)
        through *= self.contacts.areas[:, None]
        put(self.contacts.dofs[:, 0], through)
        put(self.contacts.dofs[:, 1], -through)
        values = temperature[self.passages.dofs]
        through = values[:, 0] - values[:, 1] - self.passage_drops[:, None]
        through *= (self.passages.areas * self.conductances)[:, None]
        put(self.passages.dofs[:, 0], through)
        put(self.passages.dofs[:, 1], -through)
        given = self.walls.temperatures[:, None]
        through = _corner_flux(self.fixed_flux, temperature, given[self.fixed, 0])
        put(mesh.boundary_dofs[self.fixed], through * self.areas[self.fixed, None])
        free = np.flatnonzero(np.isfinite(self.walls.conductances) & (self.walls.conductances > 0))
        dofs = mesh.boundary_dofs[free]
        scale = self.areas[free] * self.walls.conductances[free]
        put(dofs, (temperature[dofs] - given[free]) * scale[:, None])
        return self._inside(outflow, temperature)

    def _inside(self, outflow: Array, temperature: Array) -> Array:
        """Return the flux at the vertices from its normal components on the faces."""
        mesh, n = self.mesh, self.mesh.dim + 1
        # At vertex i the edge to vertex f lies in every face but f and i itself.
        edges = mesh.points[:, :, None] - mesh.points[:, None]
        scale = -1.0 / (mesh.dim * mesh.volumes)
        flux = np.zeros((mesh.num_cells, n, 3))
        flux[:, :, : mesh.dim] = np.einsum("cfi,cfik,c->cik", outflow, edges, scale)
        slopes = np.einsum("cik,ci->ck", gradients(mesh), temperature.reshape(-1, n))
        across = -np.einsum("ckl,cl->ck", self.tensors[:, mesh.dim :, : mesh.dim], slopes)
        flux[:, :, mesh.dim :] = across[:, None]
        return flux


def _corner_flux(flux: FacetFlux, temperature: Array, given: Array) -> Array:
    """Return ([T]_s - given) p - q . T at the corners of facets, shape (num_facets, dim)."""
    values = temperature[flux.dofs]
    jumps = np.einsum("fsi,fi->fs", flux.jumps, values) - given[:, None]
    conducted = np.einsum("fi,fi->f", flux.conduction, values)
    return np.asarray(jumps * flux.penalty[:, None] - conducted[:, None])


def _together(first: FacetPairs, second: FacetPairs) -> FacetPairs:
    return FacetPairs(
        cells=np.concatenate([first.cells, second.cells]),
        dofs=np.concatenate([first.dofs, second.dofs]),
        normals=np.concatenate([first.normals, second.normals]),
    )
