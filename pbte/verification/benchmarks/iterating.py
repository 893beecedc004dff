"""Whole iterations: scattering orders per second, state per unknown, and the steady state."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pbte.geometry.domain import Domain
from pbte.geometry.sweep_mesh import SweepMesh
from pbte.materials.kernel import CollisionKernel, FactoredKernel, rta_kernel
from pbte.transport.body import Body, make_body, stream
from pbte.transport.orders import scattering_orders
from pbte.transport.reports import SteadyReport
from pbte.transport.steady.steady import solve_steady
from pbte.verification.benchmarks.bodies import array_bytes, heated_body
from pbte.verification.benchmarks.clock import Timing, clocked, measure, timing
from pbte.verification.benchmarks.mixing import scattering_name

# From ballistic to a thousand mean free paths [m].
SIZES = (1e-8, 1e-7, 1e-6, 1e-5, 1e-4)


@dataclass(frozen=True, kw_only=True)
class OrderFigures:
    """Cost of a scattering order and what a run keeps meanwhile.

    Attributes:
        material: Material.
        scattering: "full", or "rank k".
        num_modes: Modes.
        num_cells: Cells.
        num_unknowns: Modes times degrees of freedom.
        order: One order: mixing, power, drift.
        orders_per_second: By the clock, best order [1/s].
        ns_per_unknown: Processor time of the best order per unknown [ns].
        state_bytes: What is kept, by kind: actual arrays, work space aside.
        bytes_per_unknown: The same over the number of unknowns [-].
    """

    material: str
    scattering: str
    num_modes: int
    num_cells: int
    num_unknowns: int
    order: Timing
    orders_per_second: float
    ns_per_unknown: float
    state_bytes: dict[str, int]
    bytes_per_unknown: float


@dataclass(frozen=True, kw_only=True)
class SizeFigures:
    """Sweeps to the steady state of a body of one size.

    Attributes:
        size: Largest extent of the body [m].
        sweeps: Sweeps with the diffusion correction.
        plain_sweeps: Sweeps of one Krylov solve without it; 0 if its limit was not enough.
    """

    size: float
    sweeps: int
    plain_sweeps: int


@dataclass(frozen=True, kw_only=True)
class SteadyFigures:
    """Cost of a steady state.

    Attributes:
        material: Material.
        scattering: "full", or "rank k".
        num_modes: Modes.
        num_cells: Cells.
        rank: Rank of the kernel inside the Krylov solve.
        tolerance: Relative residual that was asked for.
        converged: Whether it was reached.
        corrections: Corrections with the whole kernel.
        sweeps: Sweeps over all modes.
        solve: The solution.
        seconds_per_sweep: Time by the clock over the number of sweeps, mixing included [s].
        relaxation: The same body in other sizes, each mode with its relaxation time.
    """

    material: str
    scattering: str
    num_modes: int
    num_cells: int
    rank: int
    tolerance: float
    converged: bool
    corrections: int
    sweeps: int
    solve: Timing
    seconds_per_sweep: float
    relaxation: tuple[SizeFigures, ...]


def order_figures(domain: Domain, kernel: CollisionKernel, *, repeats: int) -> OrderFigures:
    """Return the cost of scattering orders.

    Args:
        domain: The mesh.
        kernel: How the modes scatter.
        repeats: Number of orders after the first, which is drift alone.
    """
    body = heated_body(domain, kernel)
    orders = scattering_orders(body, repeats)
    first = next(orders)
    spent = [clocked(lambda: next(orders)) for _ in range(repeats)]
    order = timing(spent)
    num_unknowns = body.modes.num_modes * body.mesh.num_dofs
    state = state_bytes(body) | {"emission": first.events.nbytes}
    return OrderFigures(
        material=body.modes.name,
        scattering=scattering_name(kernel),
        num_modes=body.modes.num_modes,
        num_cells=body.mesh.num_cells,
        num_unknowns=num_unknowns,
        order=order,
        orders_per_second=1.0 / order.wall_min,
        ns_per_unknown=1e9 * order.cpu_min / num_unknowns,
        state_bytes=state,
        bytes_per_unknown=sum(state.values()) / num_unknowns,
    )


def state_bytes(body: Body) -> dict[str, int]:
    """Return the bytes of the arrays that this rank keeps beside the fields, by kind."""
    return {
        "sweep orders": array_bytes(body.order) - body.order.records.nbytes,
        "mesh": array_bytes(body.mesh) + body.order.records.nbytes,
        "kernel": array_bytes(body.collisions),
        "modes": array_bytes(body.modes),
    }


def steady_figures(
    domain: Domain, kernel: CollisionKernel, leading: FactoredKernel, *, repeats: int
) -> SteadyFigures:
    """Return the cost of the steady state.

    Args:
        domain: The mesh.
        kernel: How the modes scatter.
        leading: Leading part of the kernel, for the Krylov solve.
        repeats: How often to solve.
    """
    body = heated_body(domain, kernel)
    stream(body, body.new_field())  # compiles
    reports: list[SteadyReport] = []
    solve = measure(lambda: reports.append(solve_steady(body, leading).report), repeats=repeats)
    report = reports[-1]
    return SteadyFigures(
        material=body.modes.name,
        scattering=scattering_name(kernel),
        num_modes=body.modes.num_modes,
        num_cells=body.mesh.num_cells,
        rank=report.rank,
        tolerance=report.tolerance,
        converged=report.converged,
        corrections=report.iterations,
        sweeps=report.sweeps,
        solve=solve,
        seconds_per_sweep=solve.wall_min / max(1, report.sweeps),
        relaxation=tuple(size_figures(body, size) for size in SIZES),
    )


def size_figures(body: Body, size: float) -> SizeFigures:
    """Return the sweeps to the steady state of the same body in another size.

    Args:
        body: The body, its modes and where it is heated.
        size: Largest extent [m].
    """
    kernel = rta_kernel(body.modes)
    mesh = _scaled(body.mesh, size)
    other = make_body(mesh, kernel, body.heat_source, body.inflow[0])
    report = solve_steady(other, kernel).report
    plain = solve_steady(other, kernel, precondition=False, max_iterations=1).report
    return SizeFigures(
        size=size, sweeps=report.sweeps, plain_sweeps=plain.sweeps if plain.converged else 0
    )


def _scaled(mesh: SweepMesh, size: float) -> SweepMesh:
    """Return the same cells of another size."""
    factor = size / float(np.ptp(mesh.points.reshape(-1, mesh.dim), axis=0).max())
    dim = mesh.dim
    return replace(
        mesh,
        points=mesh.points * factor,
        volumes=mesh.volumes * factor**dim,
        face_normals=mesh.face_normals * factor ** (dim - 1),
        boundary_normals=mesh.boundary_normals * factor ** (dim - 1),
    )
