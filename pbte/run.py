"""Start here: a run from the case to the results.

    mesh, material, source and walls      -> a Problem on every rank
    scattering orders, one by one         -> how far phonons get between events
    steady state                          -> what the orders add up to

The two verbs underneath are `stream` and `collide` (pbte.transport.problem).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from mpi4py import MPI

from pbte.case import Case, check_source, check_temperature, check_walls, resolved_toml
from pbte.errors import InputError
from pbte.geometry.domain import Domain, read_domain
from pbte.materials.kernel import CollisionKernel, FactoredKernel, FullKernel, truncated_kernel
from pbte.materials.modes import ModeTable
from pbte.materials.storage import Material, read_material
from pbte.mesh_builders import ensure_mesh
from pbte.notes import run_notes
from pbte.observables.moments import Observer, frequency_bins
from pbte.observables.results import MeshGeometry, Results, Snapshot
from pbte.parallel import on_all_ranks
from pbte.transport.growth import NUM_MOMENTS, GrowthEstimate, fades
from pbte.transport.orders import power, scattering_orders
from pbte.transport.problem import Problem, make_problem, with_self_scattering
from pbte.transport.reports import EigenvalueEstimate, SteadyReport
from pbte.transport.share import share_modes
from pbte.transport.simplices import Simplices, simplices_of
from pbte.transport.sources import gaussian, project, wall_inflow
from pbte.transport.steady import solve_steady
from pbte.types import Array, BoolArray
from pbte.versions import versions

# The self-scattering that "auto" tries, in this order. The first with which the orders fade is
# taken (the plain series diverges in silicon bodies above 70 to 100 nm).
SELF_SCATTERING = (0.0, 0.1, 0.2, 0.3)
# Orders needed before the estimate is believed.
ORDERS_TO_ESTIMATE = 10

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Setup:
    """A case made ready to solve.

    Attributes:
        problem: Mesh, modes, collisions, source and walls of this rank.
        leading: The part of the kernel with the largest eigenvalues (or a low-rank kernel itself).
        domain: The mesh with its names.
        observer: What to measure.
    """

    problem: Problem
    leading: FactoredKernel
    domain: Domain
    observer: Observer


def run_case(case: Case, comm: MPI.Intracomm, progress: Say = lambda text: None) -> Results:
    """Run a case and return everything it reports, complete on every rank.

    Args:
        case: The case.
        comm: The ranks; they share the phonon modes.
        progress: Called with a line of text now and then.

    Raises:
        InputError: Something the case names is missing, damaged or does not fit.

    Note: Collective over `comm`.
    """
    timings: dict[str, float] = {}
    with _timed(timings, "setup"):
        setup = prepare(case, comm, progress)
    with _timed(timings, "orders"):
        orders, estimates = follow_orders(case, setup, progress)
    steady: Snapshot | None = None
    report: SteadyReport | None = None
    if case.steady.enabled:
        with _timed(timings, "steady"):
            steady, report = reach_steady_state(case, setup, progress)
    problem = setup.problem
    return Results(
        title=case.title,
        case=resolved_toml(case),
        versions=versions(),
        geometry=mesh_geometry(problem.mesh, setup.domain),
        frequency_edges=setup.observer.frequency_edges,
        reference_temperature=problem.modes.temperature,
        num_modes=problem.modes.num_modes,
        num_unknowns=problem.modes.num_modes * problem.mesh.num_dofs,
        power=float(problem.heat_source @ problem.mesh.dof_weights),
        self_scattering=estimates[-1].self_scattering,
        eigenvalues=estimates,
        orders=orders,
        steady=steady,
        steady_report=report,
        notes=run_notes(
            estimates,
            orders,
            steady,
            report,
            undershoot=undershoot(problem.heat_source),
            num_cyclic_modes=_total(comm, problem.order.num_cyclic_modes),
        ),
        timings=timings,
    )


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a case names, read and found to fit together.

    Attributes:
        domain: The mesh with its names.
        mesh: The same as arrays for the sweep.
        material: Modes and kernel.
        heated: Which modes take up the heat, shape (num_modes,); None for all.
    """

    domain: Domain
    mesh: Simplices
    material: Material
    heated: BoolArray | None


def read_inputs(case: Case, comm: MPI.Intracomm) -> Inputs:
    """Read mesh and material of a case and check that all it says fits them.

    Raises:
        InputError: Something is missing, damaged or does not fit.

    Note: Collective over `comm`.
    """
    ensure_mesh(case.mesh_path, case.mesh.builder, comm)
    domain = read_domain(case.mesh_path, comm, scale=case.mesh.scale)
    mesh = simplices_of(domain)
    with on_all_ranks(comm):
        check_walls(case, domain.walls)
        check_source(case, mesh.points)
        material = read_material(case.material_source, scattering=case.material.scattering)
        check_temperature(case, material.modes.temperature)
        heated = heated_modes(case, material.modes)
    return Inputs(domain=domain, mesh=mesh, material=material, heated=heated)


def prepare(case: Case, comm: MPI.Intracomm, progress: Say) -> Setup:
    """Read mesh and material and put source and walls on them. Collective over `comm`."""
    inputs = read_inputs(case, comm)
    domain, mesh, kernel = inputs.domain, inputs.mesh, inputs.material.kernel
    modes = kernel.modes
    progress(f"{inputs.material.name}: {modes.num_modes} modes; mesh: {mesh.num_cells} cells")
    rank = case.steady.rank if case.steady.enabled else NUM_MOMENTS
    leading = leading_part(kernel, max(rank, NUM_MOMENTS), comm)
    deviations = {name: wall.temperature - case.temperature for name, wall in case.walls.items()}
    problem = make_problem(
        mesh,
        kernel,
        heat_source(case, mesh),
        wall_inflow(mesh, domain.walls, deviations),
        heated=inputs.heated,
        share=share_modes(modes.num_pairs, modes.num_modes, comm),
    )
    observer = Observer(
        problem=problem,
        walls=domain.walls,
        frequency_edges=frequency_bins(modes.frequencies, case.output.frequency_bins),
    )
    return Setup(problem=problem, leading=leading, domain=domain, observer=observer)


def follow_orders(
    case: Case, setup: Setup, progress: Say
) -> tuple[tuple[Snapshot, ...], tuple[EigenvalueEstimate, ...]]:
    """Follow the scattering orders, with the least self-scattering that lets them fade.

    Returns:
        The snapshot of each order, and one estimate of the growth for each self-scattering that
        was tried; the last one is that of the orders.
    """
    wanted = case.orders.self_scattering
    trials = SELF_SCATTERING if wanted == "auto" else (float(wanted),)
    estimates: list[EigenvalueEstimate] = []
    for trial in trials:
        orders, estimate = _try_orders(case, setup, trial, progress, give_up=trial != trials[-1])
        estimates.append(estimate)
        if orders is not None:
            return orders, tuple(estimates)
    raise AssertionError("the last self-scattering is never given up")


def _try_orders(
    case: Case, setup: Setup, self_scattering: float, progress: Say, *, give_up: bool
) -> tuple[tuple[Snapshot, ...] | None, EigenvalueEstimate]:
    """Return the orders, or None once the estimate shows that they do not fade."""
    problem = with_self_scattering(setup.problem, self_scattering)
    observer = Observer(
        problem=problem, walls=setup.observer.walls, frequency_edges=setup.observer.frequency_edges
    )
    growth = GrowthEstimate(problem, setup.leading)
    snapshots: list[Snapshot] = []
    last = case.orders.max_order
    for order in scattering_orders(problem, max(last, ORDERS_TO_ESTIMATE)):
        growth.observe(order.theta)
        if order.number <= last:
            snapshots.append(
                observer.observe(
                    order.theta, order.deposited, walls_emit=order.number == 0, hands_on=True
                )
            )
            progress(f"order {order.number} of {last}, self-scattering {self_scattering:g}")
        if order.number == ORDERS_TO_ESTIMATE and give_up and not fades(growth.estimate()):
            progress(f"self-scattering {self_scattering:g}: the orders do not fade, trying more")
            return None, growth.estimate()
    return tuple(snapshots), growth.estimate()


def reach_steady_state(case: Case, setup: Setup, progress: Say) -> tuple[Snapshot, SteadyReport]:
    """Return the observables of the steady state and how it was reached."""
    solution = solve_steady(
        setup.problem,
        setup.leading,
        tolerance=case.steady.tolerance,
        max_iterations=case.steady.max_iterations,
        progress=progress,
    )
    deposited = power(setup.problem, setup.problem.source())
    snapshot = setup.observer.observe(solution.theta, deposited, walls_emit=True, hands_on=False)
    return snapshot, solution.report


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
    factors = None
    if comm.rank == 0:
        part = truncated_kernel(kernel, min(rank, kernel.modes.num_modes))
        factors = (part.w_in, part.w_out)
    w_in, w_out = comm.bcast(factors)
    return FactoredKernel(modes=kernel.modes, w_in=w_in, w_out=w_out)


def heat_source(case: Case, mesh: Simplices) -> Array:
    """Return the heat density at the degrees of freedom, shape (num_dofs,) [W/m^3]."""
    source = case.source
    if source is None:
        return np.zeros(mesh.num_dofs)
    profile = project(mesh, gaussian(np.asarray(source.centre), source.sigma))
    if source.peak is not None:
        return source.peak * profile
    assert source.power is not None
    return profile * (source.power / float(profile @ mesh.dof_weights))


def undershoot(heat: Array) -> float:
    """Return how far a projected heat density falls below zero, relative to its peak [-]."""
    peak = float(np.abs(heat).max())
    return max(0.0, -float(heat.min()) / peak) if peak > 0.0 else 0.0


def heated_modes(case: Case, modes: ModeTable) -> BoolArray | None:
    """Return which modes take up the heat, shape (num_modes,); None for all of them.

    Raises:
        InputError: The case selects none of the crystal's modes.
    """
    if case.source is None:
        return None
    chosen = case.source.modes
    frequencies = modes.frequencies / (2.0 * np.pi)
    heated = frequencies >= chosen.min_frequency
    if chosen.max_frequency is not None:
        heated &= frequencies <= chosen.max_frequency
    if chosen.branches is not None:
        heated &= np.isin(modes.bands, chosen.branches)
    if not heated.any():
        raise InputError(
            "source.modes: no mode of the material is selected; its frequencies reach from "
            f"{frequencies.min():.3g} to {frequencies.max():.3g} Hz and its branches from 0 to "
            f"{modes.bands.max()}"
        )
    return heated


def mesh_geometry(mesh: Simplices, domain: Domain) -> MeshGeometry:
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
        walls=dict(domain.walls),
    )


def memory_estimate(
    *, num_modes: int, num_dofs: int, rank: int, num_ranks: int, kernel: CollisionKernel
) -> dict[str, int]:
    """Return what a run keeps in memory, all ranks together [bytes].

    Args:
        num_modes: Number of modes.
        num_dofs: Degrees of freedom of one scalar field.
        rank: Rank of the kernel inside the steady solver; 0 without a steady state.
        num_ranks: Number of ranks; each keeps the kernel as read.
        kernel: The kernel.
    """
    field = 8 * num_modes * num_dofs
    blocks = [kernel.even, kernel.odd] if isinstance(kernel, FullKernel) else []
    matrix = sum(block.nbytes for block in blocks)
    krylov = 8 * rank * num_dofs * (NUM_KRYLOV_VECTORS + 2 * num_ranks) if rank else 0
    parts = {
        "fields": field * (2 if rank else 1),
        "sweep orders": 4 * num_modes * num_dofs // 8,
        "collisions": matrix * (num_ranks + 1) + 16 * num_modes * rank * (num_ranks + 1),
        "Krylov vectors": krylov,
        "program": 350_000_000 * num_ranks,
    }
    return parts | {"total": sum(parts.values())}


# GMRES keeps up to its restart length; the inner systems here are solved in about half of it.
NUM_KRYLOV_VECTORS = 20


@contextmanager
def _timed(timings: dict[str, float], name: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    timings[name] = time.perf_counter() - start


def _total(comm: MPI.Intracomm, count: int) -> int:
    return int(comm.allreduce(np.array([count]))[0])
