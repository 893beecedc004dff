"""Streaming and loss of one mode as a variational form: the definition of the discretisation.

    v . grad(theta) + Gamma theta = Q,   theta = theta_in where v . n < 0

in discontinuous piecewise linear functions with upwind fluxes (Reed & Hill, LA-UR-73-479 (1973);
Lesaint & Raviart 1974). Assembled and factorised by PETSc it is an independent, slow solver, which
the sweep reproduces to round-off.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import ufl
from dolfinx import default_scalar_type, fem
from dolfinx.fem import petsc as fem_petsc
from dolfinx.mesh import meshtags
from petsc4py import PETSc

from pbte.core.types import Array
from pbte.geometry.domain import Domain


class UpwindDrift:
    """Transport of single modes by the UFL form, on a replicated mesh.

    The forms are compiled once; velocity, loss rate, source and inflow are their coefficients.
    """

    def __init__(self, domain: Domain, degree: int = 1) -> None:
        mesh = domain.mesh
        self.domain = domain
        self.space = fem.functionspace(mesh, ("DG", degree))
        self.velocity = fem.Constant(mesh, np.zeros(mesh.geometry.dim, dtype=default_scalar_type))
        self.loss_rate = fem.Constant(mesh, default_scalar_type(1.0))
        self.source = fem.Function(self.space)
        self.wall_values = {
            name: fem.Constant(mesh, default_scalar_type(0.0)) for name in domain.walls
        }
        lhs, rhs = self._forms()
        self._lhs, self._rhs = fem.form(lhs), fem.form(rhs)

    def _forms(self) -> tuple[ufl.Form, ufl.Form]:
        domain, mesh = self.domain, self.domain.mesh
        theta, test = ufl.TrialFunction(self.space), ufl.TestFunction(self.space)
        normal = ufl.FacetNormal(mesh)
        facets = domain.boundary_facets.astype(np.int32)
        tags = meshtags(mesh, mesh.topology.dim - 1, facets, domain.facet_walls.astype(np.int32))
        ds = ufl.Measure("ds", domain=mesh, subdomain_data=tags)
        speed = ufl.dot(self.velocity, normal)
        outward = 0.5 * (speed + abs(speed))
        lhs = (
            (self.loss_rate * theta * test - theta * ufl.dot(self.velocity, ufl.grad(test)))
            * ufl.dx
            + (outward("+") * theta("+") - outward("-") * theta("-"))
            * (test("+") - test("-"))
            * ufl.dS
            + outward * theta * test * ufl.ds(domain=mesh)
        )
        rhs = self.source * test * ufl.dx
        for name, tag in domain.walls.items():
            rhs += (outward - speed) * self.wall_values[name] * test * ds(tag)
        return lhs, rhs

    def set_mode(
        self, velocity: Array, loss_rate: float, source: Array, walls: Mapping[str, float]
    ) -> None:
        """Set the coefficients of a mode.

        Args:
            velocity: Group velocity, shape (3,) or (dim,) [m/s].
            loss_rate: Gamma [1/s].
            source: Q at the vertices of the cells, shape (num_cells, dim + 1) [K/s].
            walls: Inflow temperature deviation by wall name [K]; zero for walls that are not named.
        """
        self.velocity.value[:] = velocity[: self.velocity.value.size]
        self.loss_rate.value = loss_rate
        self.source.x.array[self.dofs] = source
        for name, constant in self.wall_values.items():
            constant.value = walls.get(name, 0.0)

    @property
    def dofs(self) -> Array:
        """DOLFINx degree of freedom of each cell vertex, shape (num_cells, dim + 1)."""
        dofs: Array = self.space.dofmap.list
        return dofs

    def assemble(self) -> tuple[PETSc.Mat, PETSc.Vec]:
        """Return matrix and right-hand side of the chosen mode (DOLFINx numbering)."""
        matrix = fem_petsc.assemble_matrix(self._lhs)
        matrix.assemble()
        return matrix, fem_petsc.assemble_vector(self._rhs)

    def solve(self) -> Array:
        """Return theta of the chosen mode by a direct solver, shape (num_cells, dim + 1) [K]."""
        matrix, rhs = self.assemble()
        solver = PETSc.KSP().create(matrix.comm)
        solver.setOperators(matrix)
        solver.setType(PETSc.KSP.Type.PREONLY)
        solver.getPC().setType(PETSc.PC.Type.LU)
        solver.getPC().setFactorSolverType("mumps")
        theta = rhs.duplicate()
        solver.solve(rhs, theta)
        values: Array = theta.array[self.dofs].copy()
        for item in (solver, matrix, rhs, theta):
            item.destroy()
        return values

    def residual(self, theta: Array) -> float:
        """Return the residual of the form at theta relative to the size of its terms [-].

        Max norm of A theta - b over the max norm of |A| |theta| + |b|: round-off of a solution
        that is exact in the discretisation.
        """
        matrix, rhs = self.assemble()
        flat = rhs.duplicate()
        flat.array[self.dofs] = theta
        indptr, indices, values = matrix.getValuesCSR()
        rows = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
        terms = values * flat.array[indices]
        size = rhs.array.size
        residual = np.bincount(rows, terms, minlength=size) - rhs.array
        scale = np.bincount(rows, np.abs(terms), minlength=size) + np.abs(rhs.array)
        for item in (matrix, rhs, flat):
            item.destroy()
        return float(np.abs(residual).max() / scale.max())
