"""The electrons of a metal: a heat equation coupled to the phonons of the same body.

    -div(k_e grad T_e) + G (T_e - T_p) = S

on the cells and degrees of freedom of the body, by the interior-penalty form of the heat equation.
Electrons do not cross the surface of the metal unless a wall is a sink. All temperatures are
deviations from T0, and k_e, G and the heat capacity are those at T0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pbte.core.errors import InputError
from pbte.core.types import Array
from pbte.transport.body import Body
from pbte.transport.heat.assembly import interior_facets
from pbte.transport.heat.ghosts import replicated_mesh
from pbte.transport.heat.solver import HeatModel, HeatSolver, Layout

TOLERANCE = 1e-13


@dataclass(frozen=True, kw_only=True)
class Electrons:
    """The electrons of one body.

    Attributes:
        conductivity: k_e [W/m K].
        coupling: G, power to the phonons per volume and temperature difference [W/m^3 K].
        heat_source: S at the degrees of freedom of the body, shape (num_dofs,) [W/m^3].
        face_heat: Heat flux into the electrons through each boundary facet, shape
            (num_boundary_facets,) [W/m^2]; None for none.
        sink: Flux per T_e into each boundary facet, 0 where it is insulated, shape
            (num_boundary_facets,) [W/m^2 K]; None for insulation everywhere.
        heat_capacity: C_e, for transients only [J/m^3 K].
        body: Number of the body in its system.

    Raises:
        InputError: A coefficient is not positive, a sink negative, or a value not finite.
    """

    conductivity: float
    coupling: float
    heat_source: Array
    face_heat: Array | None = None
    sink: Array | None = None
    heat_capacity: float | None = None
    body: int = 0

    def __post_init__(self) -> None:
        for what, value, unit in (
            ("conductivity", self.conductivity, "W/m K"),
            ("coupling", self.coupling, "W/m^3 K"),
            ("heat capacity", self.heat_capacity, "J/m^3 K"),
        ):
            if value is not None and not (np.isfinite(value) and value > 0.0):
                raise InputError(f"electrons: {what} = {value:g} {unit}; it must be positive")
        if not np.isfinite(self.heat_source).all():
            raise InputError("electrons: a value of the heat source is not a finite number")
        if self.sink is not None and not (np.isfinite(self.sink) & (self.sink >= 0.0)).all():
            raise InputError(
                "electrons: a sink is negative or infinite; it must be a finite flux per K"
            )


class ElectronEquation:
    """Heat equation of the electrons for given T_p, with all cells of the body on every rank.

    Args:
        electrons: Coefficients and heat.
        body: The phonons of the same body.
        rate: Inverse length of an implicit time step, 0 for the steady state [1/s]; see `solve`.

    Raises:
        InputError: The mesh of the body is shared by ranks, or a shape does not fit it.

    Note: Collective over the ranks that share the modes.
    """

    def __init__(self, electrons: Electrons, body: Body, rate: float = 0.0) -> None:
        mesh, comm = body.mesh, body.mode_partition.comm
        _check(electrons, body)
        self.electrons, self.body, self.rate = electrons, body, rate
        self.storage = 0.0
        if rate > 0.0:
            if electrons.heat_capacity is None:
                raise InputError("electrons: a heat capacity is missing; a transient needs one")
            self.storage = rate * electrons.heat_capacity
        num_facets = mesh.boundary_dofs.shape[0]
        contacts = interior_facets(mesh)
        nothing = np.zeros(0, dtype=np.int64)
        areas = np.linalg.norm(mesh.boundary_normals, axis=1)
        self.layout = Layout(comm, replicated_mesh(mesh, contacts, comm), comm.rank)
        self.sink = np.zeros(num_facets) if electrons.sink is None else electrons.sink
        model = HeatModel(
            conductivity=np.broadcast_to(
                electrons.conductivity * np.eye(mesh.dim), (mesh.num_cells, mesh.dim, mesh.dim)
            ),
            reaction=np.full(mesh.num_cells, electrons.coupling + self.storage),
            contacts=contacts,
            jumps=np.zeros(contacts.areas.size),
            passages=contacts.select(nothing),
            conductances=np.zeros(0),
            walls=self.sink,
        )
        self.solver = HeatSolver(self.layout, model, TOLERANCE)
        self.entering = np.zeros(mesh.num_dofs)
        if electrons.face_heat is not None:
            power = electrons.face_heat * areas / mesh.dim
            np.add.at(self.entering, mesh.boundary_dofs, power[:, None])
        self._areas = areas

    @property
    def power(self) -> float:
        """Power of the heat source of the electrons [W]."""
        volume = float(self.electrons.heat_source @ self.body.mesh.dof_weights)
        return volume + float(self.entering.sum())

    def solve(self, phonons: Array, past: Array | None = None, pulse: float = 1.0) -> Array:
        """Return T_e at all degrees of freedom, shape (num_dofs,) [K]. Collective.

        -div(k_e grad T_e) + G (T_e - T_p) + rate C_e (T_e - T_past) = pulse S.

        Args:
            phonons: T_p, shape (num_dofs,) [K].
            past: T_past, shape (num_dofs,) [K]; zero by default.
            pulse: Factor of the heat source [-].
        """
        given = self.electrons.coupling * phonons + pulse * self.electrons.heat_source
        if past is not None:
            given = given + self.storage * past
        rows, comm = self.layout.rows, self.layout.comm
        heat = self.layout.mass(given[rows]) + pulse * self.entering[rows]
        temperature = np.empty(self.body.mesh.num_dofs)
        counts = np.diff(self.layout.starts) * (self.body.mesh.dim + 1)
        comm.Allgatherv(self.solver.solve(heat), [temperature, counts])
        return temperature

    def drained(self, temperature: Array) -> float:
        """Return the power of the electrons into the sinks [W]."""
        at_facets = temperature[self.body.mesh.boundary_dofs].mean(axis=1)
        return float((self._areas * self.sink) @ at_facets)


def _check(electrons: Electrons, body: Body) -> None:
    mesh = body.mesh
    if body.halo is not None:
        raise InputError(
            "electrons: the cells of their body are shared by ranks (space_parts); hold them on "
            "every rank"
        )
    facets = (mesh.boundary_dofs.shape[0],)
    for what, values, shape in (
        ("heat source", electrons.heat_source, (mesh.num_dofs,)),
        ("face heat", electrons.face_heat, facets),
        ("sink", electrons.sink, facets),
    ):
        if values is not None and values.shape != shape:
            raise InputError(f"electrons: {what} has shape {values.shape}, expected {shape}")
