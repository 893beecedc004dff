"""Solver of the heat equation: PETSc's conjugate gradients with a two-level preconditioner.

The unknowns are the discontinuous linear functions of the transport equation. The matrix is
preconditioned by a smoother, which damps jumps between cells, and by algebraic multigrid for the
same matrix on continuous functions (Dobrev, Lazarov, Vassilevski & Zikatanov, Numer. Linear Algebra
Appl. 13, 753 (2006)): the number of iterations depends neither on the mesh nor on the penalty.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import scipy.sparse
from mpi4py import MPI
from petsc4py import PETSc

from pbte.core.errors import RunError
from pbte.core.types import Array, IntArray, Numbers
from pbte.transport.heat.assembly import (
    PENALTY,
    FacetPairs,
    Triplets,
    add_cells,
    add_facets,
    add_passages,
    add_walls,
    facet_flux,
    fixed_flux,
)
from pbte.transport.heat.ghosts import HeatMesh

MAX_ITERATIONS = 1000


@dataclass(frozen=True, kw_only=True)
class HeatModel:
    """Coefficients of -div(K grad T) + sigma T = Q and of its facet terms.

    Attributes:
        conductivity: K of each cell, shape (num_cells, dim, dim) [W/m K].
        reaction: sigma of each cell, shape (num_cells,) [W/m^3 K].
        contacts: Facets between cells in contact: T and the flux are continuous.
        jumps: Additional penalty of each contact, the upwind flux per jump of T; 0 without
            transport, shape (num_contacts,) [W/m^2 K].
        passages: Interface facets with a conductance.
        conductances: Flux per jump of T, shape (num_passages,) [W/m^2 K].
        walls: Flux into each boundary facet per T, 0 for an adiabatic or joined facet, shape
            (num_boundary_facets,) [W/m^2 K].
        fixed: Boundary facets of fixed temperature, shape (num_fixed,).
    """

    conductivity: Array
    reaction: Array
    contacts: FacetPairs
    jumps: Array
    passages: FacetPairs
    conductances: Array
    walls: Array
    fixed: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    @property
    def floats(self) -> bool:
        """True if the temperature is defined only up to a constant."""
        return not (self.walls.any() or self.reaction.any() or self.fixed.size)


class Layout:
    """Ranges of cells, degrees of freedom and vertices owned by a rank.

    Args:
        comm: All ranks.
        cells: The cells of this rank, with ghosts of those on others.
        group: Number of this rank among those that hold the same cells.
    """

    def __init__(self, comm: MPI.Intracomm, cells: HeatMesh, group: int) -> None:
        self.comm, self.heat_mesh, self.mesh = comm, cells, cells.mesh
        self.starts = cells.starts
        self.cells = np.arange(self.starts[group], self.starts[group + 1])
        n = self.mesh.dim + 1
        self.rows = slice(int(n * self.starts[group]), int(n * self.starts[group + 1]))

    @property
    def num_rows(self) -> int:
        """Number of degrees of freedom of this rank."""
        return self.rows.stop - self.rows.start

    def mass(self, values: Numbers) -> Numbers:
        """Return int S T for every basis function S of this rank, shape (num_rows,)."""
        n = self.mesh.dim + 1
        local = values.reshape(-1, n)
        scale = self.mesh.volumes[self.cells, None] / (n * (n + 1))
        return np.asarray((scale * (local + local.sum(axis=1, keepdims=True))).ravel())

    def matrix(self, entries: Triplets) -> PETSc.Mat:
        """Return a matrix on the degrees of freedom from entries that cover this rank's rows."""
        rows, columns = np.concatenate(entries.rows), np.concatenate(entries.columns)
        values = np.concatenate(entries.values)
        own = (rows >= self.rows.start) & (rows < self.rows.stop)
        places = rows[own] - self.rows.start, self.heat_mesh.numbers[columns[own]]
        shape = (self.num_rows, self.heat_mesh.num_dofs)
        local = scipy.sparse.coo_array((values[own], places), shape=shape).tocsr()
        return self._create(local, (self.num_rows, self.num_rows), self.mesh.dim + 1)

    def embedding(self) -> PETSc.Mat:
        """Return the matrix that evaluates a continuous function at the degrees of freedom."""
        rank, size, total = self.comm.rank, self.comm.size, self.heat_mesh.num_vertices
        count = (total * (rank + 1)) // size - (total * rank) // size
        index = np.arange(self.num_rows)
        local = scipy.sparse.csr_array(
            (np.ones(self.num_rows), (index, self.heat_mesh.vertices[self.rows])),
            shape=(self.num_rows, total),
        )
        return self._create(local, (self.num_rows, count), 1)

    def _create(
        self, local: scipy.sparse.csr_array, sizes: tuple[int, int], block: int
    ) -> PETSc.Mat:
        index = PETSc.IntType
        matrix = PETSc.Mat().createAIJ(
            ((sizes[0], None), (sizes[1], None)),
            bsize=None,
            csr=(local.indptr.astype(index), local.indices.astype(index), local.data),
            comm=self.comm,
        )
        if block > 1:
            matrix.setBlockSizes(block, block)
        matrix.assemble()
        return matrix


class HeatSolver:
    """The heat equation on discontinuous linear functions.

    Args:
        layout: Ownership of cells and unknowns.
        model: Coefficients of all cells.
        tolerance: Residual relative to the right-hand side [-].
        floating: Whether the constant part of heat and temperature is removed, which it always is
            if the temperature is defined only up to a constant.

    Note: Collective over the ranks of the layout.
    """

    def __init__(
        self, layout: Layout, model: HeatModel, tolerance: float, *, floating: bool = False
    ) -> None:
        self.layout = layout
        matrix = layout.matrix(heat_entries(layout, model))
        matrix.setOption(PETSc.Mat.Option.SYMMETRIC, True)
        embedding = layout.embedding()
        coarse = matrix.ptap(embedding)
        floats = not layout.comm.allreduce(not model.floats, MPI.LOR)
        self.constants = None
        if floats or floating:
            self.constants = PETSc.NullSpace().create(constant=True, comm=layout.comm)
        if floats:
            matrix.setNullSpace(self.constants)
            coarse.setNullSpace(self.constants)
        self.solver = conjugate_gradients(matrix, tolerance)
        pc = self.solver.getPC()
        pc.setType(PETSc.PC.Type.MG)
        pc.setMGLevels(2)
        pc.setMGInterpolation(1, embedding)
        smoother = pc.getMGSmoother(1)
        smoother.setOperators(matrix)
        smoother.setType(PETSc.KSP.Type.RICHARDSON)
        smoother.setTolerances(max_it=1)
        smoother.getPC().setType(PETSc.PC.Type.SOR)
        base = pc.getMGCoarseSolve()
        base.setOperators(coarse)
        base.setType(PETSc.KSP.Type.PREONLY)
        use_multigrid(base.getPC(), floats=model.floats)
        self.vectors = matrix.createVecs()

    def solve(self, heat: Array, start: Array | None = None) -> Array:
        """Return T on this rank's rows from int S Q on the same rows. Collective.

        Args:
            heat: int S Q [W].
            start: Initial guess on the same rows [K]; the tolerance is then relative to its
                residual.

        Raises:
            RunError: Conjugate gradients did not converge.
        """
        if start is not None:
            heat = heat - self.apply(start)
        solution, rhs = self.vectors
        rhs.array[:] = heat
        found = solved(self.solver, rhs, solution, self.constants)
        return found if start is None else start + found

    def apply(self, temperature: Array) -> Array:
        """Return the matrix times T, on this rank's rows. Collective."""
        values, image = self.vectors
        values.array[:] = temperature
        self.solver.getOperators()[0].mult(values, image)
        return np.array(image.array, dtype=np.float64)

    def precondition(self, heat: Array) -> Array:
        """Return the approximate solution of one multigrid cycle. Collective."""
        solution, rhs = self.vectors
        rhs.array[:] = heat
        self.solver.setUp()
        self.solver.getPC().apply(rhs, solution)
        return np.array(solution.array, dtype=np.float64)

    @property
    def iterations(self) -> int:
        """Iterations of the last solution."""
        return int(self.solver.getIterationNumber())


def heat_entries(layout: Layout, model: HeatModel) -> Triplets:
    """Return the matrix entries of this rank's rows, and some of neighbouring rows."""
    mesh, entries = layout.mesh, Triplets()
    first, last = layout.cells[[0, -1]] if layout.cells.size else (0, -1)

    def near(facets: FacetPairs) -> IntArray:
        return np.flatnonzero(((facets.cells >= first) & (facets.cells <= last)).any(axis=1))

    add_cells(entries, mesh, layout.cells, model.conductivity, model.reaction)
    chosen = near(model.contacts)
    facets = model.contacts.select(chosen)
    flux = facet_flux(mesh, facets, model.conductivity, model.jumps[chosen], PENALTY)
    add_facets(entries, flux, facets.areas)
    chosen = near(model.passages)
    add_passages(entries, model.passages.select(chosen), model.conductances[chosen])
    areas = np.linalg.norm(mesh.boundary_normals, axis=1)
    cells = mesh.boundary_dofs[:, 0] // (mesh.dim + 1)
    chosen = np.flatnonzero((cells >= first) & (cells <= last))
    add_walls(entries, mesh.boundary_dofs[chosen], areas[chosen], model.walls[chosen])
    chosen = np.intersect1d(chosen, model.fixed)
    add_facets(entries, fixed_flux(mesh, chosen, model.conductivity), areas[chosen])
    return entries


def conjugate_gradients(matrix: PETSc.Mat, tolerance: float) -> PETSc.KSP:
    """Return conjugate gradients for a matrix, without a preconditioner yet."""
    solver = PETSc.KSP().create(matrix.getComm())
    solver.setOperators(matrix)
    solver.setType(PETSc.KSP.Type.CG)
    solver.setTolerances(rtol=tolerance, atol=0.0, divtol=1e10, max_it=MAX_ITERATIONS)
    return solver


def use_multigrid(pc: PETSc.PC, *, floats: bool) -> None:
    """Set a preconditioner to algebraic multigrid: BoomerAMG, or PETSc's GAMG without hypre.

    Args:
        pc: The preconditioner.
        floats: Whether constants are in the null space; elimination on the coarsest level is then
            replaced by smoothing, because the coarse matrix is singular.
    """
    if not PETSc.Sys.hasExternalPackage("hypre"):
        pc.setType(PETSc.PC.Type.GAMG)
        return
    pc.setType(PETSc.PC.Type.HYPRE)
    pc.setHYPREType("boomeramg")
    if floats:
        options, prefix = PETSc.Options(), "pbte_floating_"
        name = prefix + "pc_hypre_boomeramg_relax_type_coarse"
        options[name] = "symmetric-SOR/Jacobi"
        pc.setOptionsPrefix(prefix)
        pc.setFromOptions()
        options.delValue(name)


def solved(
    solver: PETSc.KSP, rhs: PETSc.Vec, solution: PETSc.Vec, constants: PETSc.NullSpace | None
) -> Array:
    """Solve, and return a copy of this rank's part of the solution. Collective.

    Raises:
        RunError: Conjugate gradients did not converge.
    """
    if constants is not None:
        constants.remove(rhs)
    solver.solve(rhs, solution)
    if constants is not None:
        constants.remove(solution)
    reason = solver.getConvergedReason()
    if reason < 0:
        raise RunError(
            f"the heat equation did not converge: conjugate gradients stopped after "
            f"{solver.getIterationNumber()} iterations with PETSc's reason {reason}"
        )
    values: Array = solution.array.copy()
    return values
