"""From the case to the problem: read what it names, check that it fits, put it on the mesh."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from mpi4py import MPI

from pbte.case import Case, check_source, check_temperature, check_walls
from pbte.case_materials import material_from_choice
from pbte.geometry.distributed import read_domain_part
from pbte.geometry.domain import Domain, read_domain
from pbte.materials.kernel import CollisionKernel, FactoredKernel, FullKernel, truncated_kernel
from pbte.materials.storage import Material
from pbte.mesh_builders import ensure_mesh
from pbte.node_memory import shared_on_node
from pbte.observables.moments import Observer, frequency_bins
from pbte.observables.results import MeshGeometry
from pbte.parallel import on_all_ranks
from pbte.setup_sources import Place, heat_sources, heated_modes
from pbte.setup_walls import check_walls_of_parts, given_inflow, surfaces_of
from pbte.transport.growth import NUM_MOMENTS
from pbte.transport.partition import Part, partition
from pbte.transport.problem import Problem, make_problem, stream
from pbte.transport.ranks import RankGrid, rank_grid
from pbte.transport.share import ModeShare, of_all_modes, share_modes, sweep_costs
from pbte.transport.simplices import Simplices, simplices_of
from pbte.transport.sweep import with_records
from pbte.types import Array, BoolArray, IntArray

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a case names, read and found to fit together.

    Attributes:
        grid: How the ranks share modes and cells.
        domain: The mesh with its names, on the first rank only.
        mesh: The cells of this rank as arrays for the sweep.
        part: Where they are in the whole mesh; None if this rank holds all cells.
        walls: Wall name -> tag.
        regions: Region name -> tag.
        cell_regions: Region of each cell of this rank, shape (num_cells,).
        material: Modes and kernel.
        heated: Which modes each source heats, shape (num_sources, num_modes); None for all.
    """

    grid: RankGrid
    domain: Domain | None
    mesh: Simplices
    part: Part | None
    walls: Mapping[str, int]
    regions: Mapping[str, int]
    cell_regions: IntArray
    material: Material
    heated: BoolArray | None

    @property
    def place(self) -> Place:
        """The cells that the heat sources are put on."""
        return Place(
            meshes=(self.mesh,),
            cell_regions=(self.cell_regions,),
            regions=self.regions,
            space=self.grid.space,
        )


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A case made ready to solve.

    Attributes:
        problem: Mesh, modes, collisions, source and walls of this rank.
        leading: The part of the kernel with the largest eigenvalues (or a low-rank kernel itself).
        walls: Wall name -> tag.
        part: Where the local cells are in the whole mesh; None if this rank holds all cells.
        observer: What to measure.
    """

    problem: Problem
    leading: FactoredKernel
    walls: Mapping[str, int]
    part: Part | None
    observer: Observer


def read_inputs(case: Case, comm: MPI.Intracomm, space_parts: int | None = None) -> Inputs:
    """Read mesh and material of a case and check that all it says fits them.

    Args:
        case: The case.
        comm: All ranks.
        space_parts: Parts that the mesh is cut into, instead of those of the case.

    Raises:
        InputError: Something is missing, damaged or does not fit.

    Note:
        Collective over `comm`.
    """
    grid = rank_grid(comm, case.parallel.space_parts if space_parts is None else space_parts)
    ensure_mesh(case.mesh_path, case.mesh.builder, comm)
    domain: Domain | None = None
    part: Part | None = None
    walls: Mapping[str, int]
    regions: Mapping[str, int]
    if grid.space_parts == 1:
        with on_all_ranks(comm):
            if comm.rank == 0:
                domain = read_domain(case.mesh_path, MPI.COMM_SELF, scale=case.mesh.scale)
        mesh, cell_regions, walls, regions = shared_on_node(comm, lambda: _cells_of(domain))
    else:
        own, domain = read_domain_part(
            case.mesh_path, grid.space, grid.modes, scale=case.mesh.scale
        )
        part = partition(own, grid.space)
        mesh, cell_regions, walls, regions = part.mesh, part.cell_regions, own.walls, own.regions
    with on_all_ranks(comm):
        check_walls(case, walls)
        check_walls_of_parts(case, grid.space_parts)
    check_source(case, mesh.points, grid.space)
    material = shared_on_node(
        comm,
        lambda: material_from_choice(
            case.material, folder=case.folder, temperature=case.temperature
        ),
    )
    with on_all_ranks(comm):
        check_temperature(case, material.modes.temperature, material.name)
        heated = heated_modes(case, material.modes)
    return Inputs(
        grid=grid,
        domain=domain,
        mesh=mesh,
        part=part,
        walls=walls,
        regions=regions,
        cell_regions=cell_regions,
        material=material,
        heated=heated,
    )


def _cells_of(
    domain: Domain | None,
) -> tuple[Simplices, IntArray, Mapping[str, int], Mapping[str, int]]:
    """Return the cells, the region of each, the tags of the walls and those of the regions."""
    assert domain is not None
    cells = with_records(simplices_of(domain))
    return cells, domain.cell_regions, dict(domain.walls), dict(domain.regions)


def prepare(case: Case, comm: MPI.Intracomm, progress: Say) -> Setup:
    """Read mesh and material and put source and walls on them. Collective over `comm`."""
    inputs = read_inputs(case, comm)
    mesh, kernel, grid, part = inputs.mesh, inputs.material.kernel, inputs.grid, inputs.part
    modes = kernel.modes
    num_cells = mesh.num_cells if part is None else part.num_cells
    progress(f"{inputs.material.name}: {modes.num_modes} modes; mesh: {num_cells} cells")
    rank = case.steady.rank if case.steady.enabled else NUM_MOMENTS
    leading = leading_part(kernel, max(rank, NUM_MOMENTS), comm)
    (sources,) = heat_sources(case, inputs.place)

    def of_share(share: ModeShare) -> Problem:
        return make_problem(
            mesh,
            kernel,
            sources,
            given_inflow(case, mesh, inputs.walls),
            heated=inputs.heated,
            share=share,
            surfaces=surfaces_of(case, mesh, inputs.walls, modes, share),
            halo=None if part is None else part.halo,
            comm=comm,
        )

    problem = of_share(share_modes(modes.num_pairs, modes.num_modes, grid.modes))
    better = fairer_share(problem, measured=case.parallel.balance == "measured")
    if better is not None:
        problem = of_share(better)
    observer = Observer(
        problem=problem,
        walls=inputs.walls,
        frequency_edges=frequency_bins(modes.frequencies, case.output.frequency_bins),
    )
    return Setup(problem=problem, leading=leading, walls=inputs.walls, part=part, observer=observer)


def fairer_share(problem: Problem, *, measured: bool) -> ModeShare | None:
    """Return a share of the modes by what they cost, or None where an even one is as good.

    Modes with cyclic dependencies are swept many times; they are counted. Ranks may also differ in
    speed: measured in one drift of all modes, at the price of a share, and so of round-off, that
    differs from run to run.

    Note: Collective over the ranks.
    """
    share, modes = problem.share, problem.modes
    if share.comm.size == 1:
        return None
    costs: Array | None = None
    speeds: Array | None = None
    if problem.num_cyclic_modes > 0:
        costs = sweep_costs(
            of_all_modes(share, problem.order.lagged.astype(np.int64)), modes.num_pairs
        )
    if measured and share.comm.allreduce(share.num_modes, op=MPI.MIN) > 0:
        rate = share.num_modes / max(_drift_seconds(problem), 1e-9)
        speeds = np.array(share.comm.allgather(rate))
    if costs is None and speeds is None:
        return None
    return share_modes(modes.num_pairs, modes.num_modes, share.comm, costs=costs, speeds=speeds)


def _drift_seconds(problem: Problem) -> float:
    """Return the processor time of one drift of the local modes [s]. Collective."""
    nothing = np.zeros((problem.block_modes, problem.mesh.num_dofs))
    blocks = list(problem.mode_blocks())
    stream(problem, nothing[: blocks[0].size], blocks[0], walls=False)  # compiles
    start = time.process_time()
    for modes in blocks:
        stream(problem, nothing[: modes.size], modes, walls=False)
    return float(problem.over_space(np.array([time.process_time() - start]))[0])


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


def mesh_geometry(mesh: Simplices, walls: Mapping[str, int]) -> MeshGeometry:
    """Return the mesh as the arrays that the observables live on."""
    areas = np.linalg.norm(mesh.boundary_normals, axis=1)
    corners = mesh.points.reshape(-1, mesh.dim)[mesh.boundary_dofs]
    return MeshGeometry(
        points=mesh.points,
        volumes=mesh.volumes,
        facets=corners,
        facet_areas=areas,
        facet_normals=mesh.boundary_normals / areas[:, None],
        facet_walls=mesh.boundary_walls,
        walls=dict(walls),
    )
