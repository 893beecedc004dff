"""The domain of a calculation: a mesh with named regions, walls and interfaces."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import basix.ufl
import numpy as np
from dolfinx import mesh as dmesh
from mpi4py import MPI

from pbte.core.errors import InputError, RunError
from pbte.core.types import Array, IntArray
from pbte.geometry.checks import CheckedMesh, check_mesh
from pbte.geometry.facets import match_rows
from pbte.geometry.meshfile import read_mesh_file

_CELLS = {1: "interval", 2: "triangle", 3: "tetrahedron"}


def _no_indices() -> IntArray:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class Domain:
    """A mesh and the names in it; the same, number for number, on every rank.

    Each rank holds the whole mesh (on its own communicator), because the ranks share the phonon
    modes, not the space.
    """

    mesh: dmesh.Mesh
    """The whole mesh, in metres, on ``MPI.COMM_SELF``."""
    regions: dict[str, int]
    """Tag of each named region."""
    cell_regions: IntArray
    """Tag of each cell, in the numbering of ``mesh``, shape (num_cells,)."""
    walls: dict[str, int]
    """Tag of each named part of the outer boundary."""
    boundary_facets: IntArray
    """Facets of ``mesh`` on the outer boundary, ascending, shape (num_boundary_facets,)."""
    facet_walls: IntArray
    """Tag of each of them, shape (num_boundary_facets,)."""
    interfaces: dict[str, int] = field(default_factory=dict)
    """Tag of each interface: named interior surfaces, and all contacts of two regions."""
    automatic_interfaces: frozenset[str] = frozenset()
    """Those that the file does not name: "a-b" where region a meets region b, a's tag smaller."""
    interior_facets: IntArray = field(default_factory=_no_indices)
    """Facets of ``mesh`` on these surfaces, ascending, shape (num_interior_facets,)."""
    facet_interfaces: IntArray = field(default_factory=_no_indices)
    """Tag of each of them, shape (num_interior_facets,)."""
    source: Path | None = None
    """The file the mesh was read from."""

    @property
    def cell_nodes(self) -> IntArray:
        """Points of each cell as rows of ``mesh.geometry.x``, shape (num_cells, dim + 1)."""
        return cell_nodes(self.mesh)


def read_domain(path: str | Path, comm: MPI.Comm, *, scale: float = 1.0) -> Domain:
    """Return the domain in a gmsh file, with its regions, walls and interfaces.

    The first rank reads and checks the file; every rank then builds the same mesh from the same
    arrays.

    Args:
        path: A ``.msh`` file with named physical groups for every volume and every outer surface.
        comm: The ranks that need the domain.
        scale: Length of one unit of the file [m].

    Returns:
        The domain, in metres, of dimension 1, 2 or 3.

    Raises:
        InputError: The file is missing, damaged or not a gmsh mesh, holds no volume elements or
            unsupported ones, or a part of it has no name; the same error on all ranks.
        RunError: The ranks did not build the same mesh.

    Note:
        Collective over ``comm``.
    """
    path = Path(path)
    checked: CheckedMesh | None = None
    error: Exception | None = None
    if comm.rank == 0:
        try:
            checked = check_mesh(read_mesh_file(path, scale=scale), path)
        except (InputError, RunError) as caught:
            error = caught
        except Exception as caught:
            error = RunError(f"{path}: reading failed: {type(caught).__name__}: {caught}")
            error.__cause__ = caught
    checked, error = comm.bcast((checked, error), root=0)
    if error is not None:
        raise error
    assert checked is not None
    domain = make_domain(checked, source=path)
    _check_same_on_all_ranks(domain, comm)
    return domain


def make_domain(checked: CheckedMesh, *, source: Path | None = None) -> Domain:
    """Return the domain of checked mesh arrays, with tags in the numbering of DOLFINx."""
    dim = checked.points.shape[1]
    element = basix.ufl.element("Lagrange", _CELLS[dim], 1, shape=(dim,))
    # By keyword: DOLFINx 0.10 exchanged the order of the last two arguments.
    mesh = dmesh.create_mesh(MPI.COMM_SELF, cells=checked.cells, x=checked.points, e=element)
    nodes, num_cells = _facet_nodes(mesh)
    outer = np.flatnonzero(num_cells == 1)
    walls = checked.boundary_tags[match_rows(nodes[outer], checked.boundary)]
    place = match_rows(nodes, checked.interior)
    inner = np.flatnonzero(place >= 0)
    return Domain(
        mesh=mesh,
        regions=checked.regions,
        cell_regions=checked.cell_tags[np.asarray(mesh.topology.original_cell_index)],
        walls=checked.walls,
        boundary_facets=outer.astype(np.int64),
        facet_walls=walls,
        interfaces=checked.interfaces,
        automatic_interfaces=checked.automatic,
        interior_facets=inner.astype(np.int64),
        facet_interfaces=checked.interior_tags[place[inner]],
        source=source,
    )


def cell_nodes(mesh: dmesh.Mesh) -> IntArray:
    """Return the points of each cell as rows of `mesh.geometry.x`, shape (num_cells, dim + 1)."""
    geometry = mesh.geometry
    # DOLFINx 0.11 holds one table for each kind of cell; before, the only one had a name.
    table = geometry.dofmaps[0] if hasattr(geometry, "dofmaps") else geometry.dofmap
    return np.asarray(table, dtype=np.int64)


def mesh_arrays(domain: Domain) -> tuple[Array, IntArray, IntArray]:
    """Return points, cells and facets of a domain.

    Returns:
        Points, shape (num_points, dim) [m]; points of each cell, shape (num_cells, dim + 1), and of
        each facet, shape (num_facets, dim), in the numbering of the mesh.
    """
    mesh = domain.mesh
    dim = mesh.topology.dim
    points = np.asarray(mesh.geometry.x, dtype=np.float64)[:, :dim]
    cells = domain.cell_nodes
    for d in (dim, dim - 1):
        if d:
            mesh.topology.create_connectivity(d, 0)
    node = np.empty(len(points), dtype=np.int64)
    node[mesh.topology.connectivity(dim, 0).array.reshape(cells.shape)] = cells
    if dim == 1:
        return points, cells, node.reshape(-1, 1)
    return points, cells, node[mesh.topology.connectivity(dim - 1, 0).array.reshape(-1, dim)]


def _facet_nodes(mesh: dmesh.Mesh) -> tuple[IntArray, IntArray]:
    """Return the input numbers of each facet's corners, ascending, and its number of cells."""
    topology, geometry = mesh.topology, mesh.geometry
    dim = topology.dim
    topology.create_connectivity(dim - 1, dim)
    topology.create_connectivity(dim, 0)
    cell_vertices = topology.connectivity(dim, 0).array.reshape(-1, dim + 1)
    input_node = np.empty(int(cell_vertices.max()) + 1, dtype=np.int64)
    input_node[cell_vertices] = np.asarray(geometry.input_global_indices)[cell_nodes(mesh)]
    num_cells = np.diff(topology.connectivity(dim - 1, dim).offsets).astype(np.int64)
    if dim == 1:
        return input_node.reshape(-1, 1), num_cells
    topology.create_connectivity(dim - 1, 0)
    vertices = topology.connectivity(dim - 1, 0).array.reshape(-1, dim)
    return np.sort(input_node[vertices], axis=1), num_cells


def _check_same_on_all_ranks(domain: Domain, comm: MPI.Comm) -> None:
    """Raise RunError on all ranks unless they number cells, facets and points alike."""
    digest = hashlib.sha256()
    geometry = domain.mesh.geometry
    for array in (geometry.x, cell_nodes(domain.mesh), domain.cell_regions, domain.boundary_facets):
        digest.update(np.ascontiguousarray(array).tobytes())
    if len(set(comm.allgather(digest.hexdigest()))) != 1:
        raise RunError(
            f"{domain.source}: the ranks numbered the mesh differently; run all ranks with the"
            " same version of DOLFINx"
        )
