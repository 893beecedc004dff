"""The heat equation as a separate model, for comparison with the transport equation.

    C dT/dt - div(K grad T) = Q

on the same cells and degrees of freedom, by the interior-penalty form of the diffusion
preconditioner: steady, in an implicit time step, or in the frequency domain. Second order in T. The
flux is the numerical flux of the form, which is conservative: the same on both sides of a facet.
The flux inside a cell is the linear function with these normal components at the corners (the space
of Brezzi, Douglas & Marini, Numer. Math. 47, 217 (1985)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from mpi4py import MPI
from petsc4py import PETSc

from pbte.core.errors import InputError
from pbte.core.types import Array, IntArray, Numbers
from pbte.geometry.sweep_mesh import SweepMesh
from pbte.transport.heat.assembly import (
    PENALTY,
    FacetFlux,
    FacetPairs,
    facet_flux,
    fixed_flux,
    gradients,
    interior_facets,
    joined_facets,
)
from pbte.transport.heat.complex_symmetric import complex_symmetric
from pbte.transport.heat.ghosts import replicated_mesh
from pbte.transport.heat.solver import HeatModel, HeatSolver, Layout

TOLERANCE = 1e-12


@dataclass(frozen=True, kw_only=True)
class Walls:
    """Thermal boundary conditions of the boundary facets.

    Attributes:
        temperatures: Deviation from T0, shape (num_boundary_facets,) [K].
        conductances: Flux per temperature jump at the wall, shape (num_boundary_facets,) [W/m^2 K];
            infinite for a fixed temperature, 0 for an adiabatic wall or a joined facet.
    """

    temperatures: Array
    conductances: Array


@dataclass(frozen=True, kw_only=True)
class JoinedFacets:
    """Joined pairs of boundary facets: interfaces, or the two ends of a period.

    Attributes:
        facets: Facets on side 1 and side 2, equal up to a shift, shape (num_joints, 2).
        conductances: Flux per temperature jump, shape (num_joints,) [W/m^2 K]; infinite for
            continuity.
        drops: T on side 1 minus T on side 2 at zero flux, shape (num_joints,) [K]; the imposed drop
            of a period, 0 at an interface.
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


NO_JOINTS = JoinedFacets(
    facets=np.zeros((0, 2), np.int64), conductances=np.zeros(0), drops=np.zeros(0)
)


def solve_heat_equation(
    mesh: SweepMesh,
    conductivity: Array,
    heat_source: Array,
    walls: Walls,
    joints: JoinedFacets = NO_JOINTS,
    comm: MPI.Intracomm = MPI.COMM_SELF,
) -> HeatSolution:
    """Return the steady solution of the heat equation, complete on every rank.

    Args:
        mesh: The cells, all of them on every rank.
        conductivity: Symmetric tensor of each cell, or one for all, shape (num_cells, 3, 3) or
            (3, 3) [W/m K].
        heat_source: Q at the degrees of freedom, shape (num_dofs,) [W/m^3].
        walls: Boundary conditions.
        joints: Boundary facets that are joined to each other.
        comm: The ranks that share the work.

    Raises:
        InputError: The conductivity is not positive definite, or the deposited power has no sink.

    Note: Collective over `comm`.
    """
    equation = HeatEquation(mesh, conductivity, walls.conductances, joints, comm)
    temperature = equation.steady(heat_source, walls.temperatures)
    return HeatSolution(
        temperature=temperature, flux=equation.flux(temperature, walls.temperatures)
    )


class HeatEquation:
    """The heat equation on a mesh, for any heat source and wall temperatures.

    Args:
        mesh: The cells, all of them on every rank.
        conductivity: Symmetric tensor of each cell, or one for all, shape (num_cells, 3, 3) or
            (3, 3) [W/m K].
        conductances: Of the boundary facets, see `Walls`, shape (num_boundary_facets,) [W/m^2 K].
        joints: Boundary facets that are joined to each other.
        comm: The ranks that share the work.
        heat_capacity: Of each cell, or one for all; not used by steady states [J/m^3 K].

    Raises:
        InputError: A conductivity, or heat capacity, is not positive.

    Note: Collective over `comm`, as are its methods but `flux`.
    """

    def __init__(
        self,
        mesh: SweepMesh,
        conductivity: Array,
        conductances: Array,
        joints: JoinedFacets = NO_JOINTS,
        comm: MPI.Intracomm = MPI.COMM_SELF,
        *,
        heat_capacity: Array | float = 1.0,
    ) -> None:
        tensors = np.broadcast_to(conductivity, (mesh.num_cells, 3, 3))
        if not np.linalg.eigvalsh(tensors[:, : mesh.dim, : mesh.dim]).min() > 0.0:
            raise InputError("heat equation: the conductivity of a cell is not positive definite")
        self.heat_capacity = np.broadcast_to(heat_capacity, (mesh.num_cells,))
        if not self.heat_capacity.min() > 0.0:
            raise InputError("heat equation: the heat capacity of a cell is not positive")
        self.mesh, self.comm = mesh, comm
        self._facets = _Facets(mesh, tensors, conductances, joints)
        self._layout = Layout(comm, replicated_mesh(mesh, self._facets.contacts, comm), comm.rank)
        self._solver: tuple[float, HeatSolver] | None = None

    @property
    def dof_capacities(self) -> Array:
        """Heat capacity times the weight of each degree of freedom, shape (num_dofs,) [J/K]."""
        return np.repeat(self.heat_capacity, self.mesh.dim + 1) * self.mesh.dof_weights

    def steady(self, heat_source: Array, temperatures: Array) -> Array:
        """Return the steady temperature, complete on every rank, shape (num_dofs,) [K].

        Args:
            heat_source: Q at the degrees of freedom, shape (num_dofs,) [W/m^3].
            temperatures: Deviation of the boundary facets from T0, see `Walls` [K].

        Raises:
            InputError: The deposited power has no sink.
        """
        _require_sink(self.mesh, self._facets.model(np.zeros(1)), heat_source)
        return self._everywhere(self._at(0.0).solve(self._driving(heat_source, temperatures)))

    def implicit(self, rate: float, past: Array, heat_source: Array, temperatures: Array) -> Array:
        """Return the solution of rate C (T - past) - div(K grad T) = Q, shape (num_dofs,) [K].

        Args:
            rate: Inverse length of the stage [1/s].
            past: Temperature of the previous stage, shape (num_dofs,) [K].
            heat_source: As for `steady`.
            temperatures: As for `steady`.
        """
        rows = self._layout.rows
        heat = self._driving(heat_source, temperatures) + rate * self._stored(past[rows])
        return self._everywhere(self._at(rate).solve(heat, past[rows]))

    def oscillating(self, frequency: float, heat_source: Array, temperatures: Array) -> Numbers:
        """Return the amplitude T of T exp(i omega t), shape (num_dofs,) [K].

        i omega C T - div(K grad T) = Q.

        Args:
            frequency: Ordinary frequency [Hz].
            heat_source: Amplitude, else as for `steady`.
            temperatures: Amplitude, else as for `steady`.

        Raises:
            InputError: The deposited power has no sink, at zero frequency.
        """
        if frequency == 0.0:
            return self.steady(heat_source, temperatures).astype(np.complex128)
        omega = 2.0 * np.pi * frequency
        # Real and definite, and never far from the matrix: (A + i omega M) / (A + omega M) lies on
        # the line from 1 to i.
        near = self._at(omega)

        def apply(values: Numbers) -> Numbers:
            image = near.apply(values.real) + 1j * near.apply(values.imag)
            return np.asarray(image + (1j - 1.0) * omega * self._stored(values))

        own = complex_symmetric(
            apply,
            lambda heat: near.precondition(heat.real) + 1j * near.precondition(heat.imag),
            self._driving(heat_source, temperatures),
            self.comm,
            TOLERANCE,
        )
        return self._everywhere(own.real) + 1j * self._everywhere(own.imag)

    def flux(self, temperature: Numbers, temperatures: Array) -> Numbers:
        """Return the heat flux at the vertices of each cell, shape (num_cells, dim + 1, 3) [W/m^2].

        Args:
            temperature: T, shape (num_dofs,) [K].
            temperatures: Deviation of the boundary facets, as for `steady` [K].
        """
        return self._facets.flux(temperature, temperatures)

    def outflow(self, flux: Numbers) -> Numbers:
        """Return the power that leaves through each boundary facet, shape (num_facets,) [W].

        Args:
            flux: At the vertices of each cell, shape (num_cells, dim + 1, 3) [W/m^2].
        """
        dim = self.mesh.dim
        at_corners = flux.reshape(-1, 3)[self.mesh.boundary_dofs][:, :, :dim]
        return np.asarray(np.einsum("fid,fd->f", at_corners, self.mesh.boundary_normals) / dim)

    def _at(self, rate: float) -> HeatSolver:
        """Return the solver with the reaction rate C, cached for one rate."""
        if self._solver is None or self._solver[0] != rate:
            self._solver = None  # what it holds is freed before its successor is made
            PETSc.garbage_cleanup(self.comm)
            model = self._facets.model(rate * self.heat_capacity)
            self._solver = rate, HeatSolver(self._layout, model, TOLERANCE)
        return self._solver[1]

    def _driving(self, heat_source: Array, temperatures: Array) -> Array:
        rows = self._layout.rows
        heat = self._layout.mass(heat_source[rows])
        return np.asarray(heat + self._facets.driving(temperatures)[rows])

    def _stored(self, temperature: Numbers) -> Numbers:
        """Return int S C T on this rank's rows."""
        heat = np.repeat(self.heat_capacity[self._layout.cells], self.mesh.dim + 1)
        return self._layout.mass(heat * temperature)

    def _everywhere(self, own: Array) -> Array:
        """Return the values of all ranks, shape (num_dofs,)."""
        counts = np.diff(self._layout.starts) * (self.mesh.dim + 1)
        values = np.empty(self.mesh.num_dofs)
        self.comm.Allgatherv(np.ascontiguousarray(own), [values, counts])
        return values


def _require_sink(mesh: SweepMesh, model: HeatModel, heat_source: Array) -> None:
    power = float(heat_source @ mesh.dof_weights)
    size = float(np.abs(heat_source) @ mesh.dof_weights)
    if model.floats and abs(power) > 1e-9 * size:
        raise InputError(
            f"heat equation: {power:.3g} W are deposited and no wall absorbs them; give a wall a "
            "temperature or make the sources and sinks cancel"
        )


class _Facets:
    """Numerical flux through all facets."""

    def __init__(
        self, mesh: SweepMesh, tensors: Array, conductances: Array, joints: JoinedFacets
    ) -> None:
        self.mesh, self.tensors, self.walls = mesh, tensors, conductances
        self.plane = np.ascontiguousarray(tensors[:, : mesh.dim, : mesh.dim])
        touching = np.isinf(joints.conductances)
        inside, touched = interior_facets(mesh), joined_facets(mesh, joints.facets[touching])
        self.contacts = _together(inside, touched)
        self.contact_drops = np.append(np.zeros(inside.areas.size), joints.drops[touching])
        self.passages = joined_facets(mesh, joints.facets[~touching])
        self.conductances = joints.conductances[~touching]
        self.passage_drops = joints.drops[~touching]
        self.fixed = np.flatnonzero(np.isinf(conductances))
        self.leaky = np.flatnonzero(~np.isinf(conductances))
        self.areas = np.linalg.norm(mesh.boundary_normals, axis=1)
        nothing = np.zeros(self.contacts.areas.size)
        self.contact_flux = facet_flux(mesh, self.contacts, self.plane, nothing, PENALTY)
        self.fixed_flux = fixed_flux(mesh, self.fixed, self.plane)

    def model(self, reaction: Array) -> HeatModel:
        """Return the coefficients for the solver."""
        return HeatModel(
            conductivity=self.plane,
            reaction=reaction,
            contacts=self.contacts,
            jumps=np.zeros(self.contacts.areas.size),
            passages=self.passages,
            conductances=self.conductances,
            walls=np.where(np.isinf(self.walls), 0.0, self.walls),
            fixed=self.fixed,
        )

    def driving(self, temperatures: Array) -> Array:
        """Return the right-hand side of wall temperatures and drops, shape (num_dofs,) [W]."""
        dim, rhs = self.mesh.dim, np.zeros(self.mesh.num_dofs)
        for flux, areas, given in (
            (self.contact_flux, self.contacts.areas, self.contact_drops),
            (self.fixed_flux, self.areas[self.fixed], temperatures[self.fixed]),
        ):
            total = flux.jumps.sum(axis=1) * (flux.penalty / dim)[:, None] - flux.conduction
            np.add.at(rhs, flux.dofs, total * (areas * given)[:, None])
        power = self.passages.areas * self.conductances * self.passage_drops / dim
        for side, sign in ((0, 1.0), (1, -1.0)):
            np.add.at(rhs, self.passages.dofs[:, side], sign * power[:, None])
        given = self.walls[self.leaky] * temperatures[self.leaky]
        power = self.areas[self.leaky] * given / dim
        np.add.at(rhs, self.mesh.boundary_dofs[self.leaky], power[:, None])
        return rhs

    def flux(self, temperature: Numbers, temperatures: Array) -> Numbers:
        """Return the heat flux at the vertices of each cell, shape (num_cells, dim + 1, 3)."""
        mesh, n = self.mesh, self.mesh.dim + 1
        # Area times flux, at (face, vertex).
        outflow = np.zeros((mesh.num_cells, n, n), dtype=temperature.dtype)

        def put(dofs: IntArray, flux: Numbers) -> None:
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
        given = temperatures[:, None]
        through = _corner_flux(self.fixed_flux, temperature, given[self.fixed, 0])
        put(mesh.boundary_dofs[self.fixed], through * self.areas[self.fixed, None])
        free = np.flatnonzero(np.isfinite(self.walls) & (self.walls > 0.0))
        dofs = mesh.boundary_dofs[free]
        scale = self.areas[free] * self.walls[free]
        put(dofs, (temperature[dofs] - given[free]) * scale[:, None])
        return self._inside(outflow, temperature)

    def _inside(self, outflow: Numbers, temperature: Numbers) -> Numbers:
        """Return the flux at the vertices from its normal components on the faces."""
        mesh, n = self.mesh, self.mesh.dim + 1
        # At vertex i the edge to vertex f lies in every face but f and i itself.
        edges = mesh.points[:, :, None] - mesh.points[:, None]
        scale = -1.0 / (mesh.dim * mesh.volumes)
        flux = np.zeros((mesh.num_cells, n, 3), dtype=outflow.dtype)
        flux[:, :, : mesh.dim] = np.einsum("cfi,cfik,c->cik", outflow, edges, scale)
        slopes = np.einsum("cik,ci->ck", gradients(mesh), temperature.reshape(-1, n))
        across = -np.einsum("ckl,cl->ck", self.tensors[:, mesh.dim :, : mesh.dim], slopes)
        flux[:, :, mesh.dim :] = across[:, None]
        return flux


def _corner_flux(flux: FacetFlux, temperature: Numbers, given: Array) -> Numbers:
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
