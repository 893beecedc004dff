"""The heat equation in one dimension: chains of mediators, slabs with a jump between them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pbte.core.types import Array
from pbte.reference.mediator.chain import FourierChain, fourier_coefficients, steady_profile
from pbte.verification.validation._interval import interval

if TYPE_CHECKING:
    from mpi4py import MPI

    from pbte.geometry.sweep_mesh import SweepMesh
    from pbte.transport.heat.equation import HeatSolution

Heat = Callable[[Array], Array]


def chain_against_heat_equation(
    chain: FourierChain,
    ends: tuple[float, float],
    num_inner: int,
    heat: Heat,
    comm: MPI.Intracomm,
    *,
    cells_per_link: int = 8,
) -> tuple[Array, Array]:
    """Return the temperatures of a steady chain, and of the heat equation at the same places.

    The heat equation has the coefficients of B15, kappa(T) = K(T) d of one chain, found by
    repetition; the chain takes the heat d p(x_n) into each subsystem.

    Args:
        chain: Mediators and distance.
        ends: Temperatures that the ends are held at [K].
        num_inner: Subsystems between them.
        heat: Heat p(x) put in per length; x from 0 at the left end, shape (n,) [W/m].
        comm: The ranks that share the heat equation.
        cells_per_link: Cells between two subsystems.

    Returns:
        Both of shape (num_inner + 2,) [K].

    Note: Collective over `comm`.
    """
    from pbte.geometry.sweep_mesh import sweep_mesh_of
    from pbte.transport.sources import project

    places = np.asarray(chain.distance * np.arange(num_inner + 2), dtype=np.float64)
    powers = chain.distance * heat(places[1:-1])
    discrete, _ = steady_profile(chain.mediator, *ends, num_inner, powers=powers)
    edges = np.linspace(0.0, places[-1], cells_per_link * (num_inner + 1) + 1)
    mesh = sweep_mesh_of(interval(edges))
    source = project(mesh, lambda points: heat(points[:, 0]))
    kelvin = np.linspace(*ends, mesh.num_cells)
    x = mesh.points.reshape(-1)
    for _ in range(60):
        conductivity, _, _ = fourier_coefficients(chain, kelvin)
        solution = _held(mesh, conductivity, source, ends, comm)
        new = solution.temperature.reshape(-1, 2).mean(axis=1)
        done = np.abs(new - kelvin).max() < 1e-11 * new.max()
        kelvin = new
        if done:
            break
    values = [solution.temperature[np.isclose(x, place, atol=1e-6 * edges[1])] for place in places]
    return discrete, np.array([value.mean() for value in values])


def _held(
    mesh: SweepMesh, conductivity: Array, source: Array, ends: tuple[float, float],
    comm: MPI.Intracomm,
) -> HeatSolution:  # fmt: skip
    from pbte.transport.heat.equation import Walls, solve_heat_equation

    at_left = mesh.boundary_normals[:, 0] < 0.0
    walls = Walls(temperatures=np.where(at_left, *ends), conductances=np.full(at_left.size, np.inf))
    tensors = conductivity[:, None, None] * np.eye(3)
    return solve_heat_equation(mesh, tensors, source, walls, comm=comm)


def two_slabs(
    thicknesses: tuple[float, float],
    conductivities: tuple[float, float],
    resistance: float,
    ends: tuple[float, float],
    comm: MPI.Intracomm,
    num_cells: int = 12,
) -> tuple[Array, Array, Array]:
    """Return places, temperatures and fluxes in two slabs, by the heat equation with a jump (D1).

    Returns:
        x from -L_1 to L_2 with both sides of the interface at x = 0, T there and q there, each of
        shape (4 num_cells,) [m], [K], [W/m^2].

    Note: Collective over `comm`.
    """
    from pbte.geometry.sweep_mesh import build_sweep_mesh
    from pbte.transport.heat.equation import JoinedFacets, Walls, solve_heat_equation

    first, second = thicknesses
    edges = np.linspace(-first, 0.0, num_cells + 1), np.linspace(0.0, second, num_cells + 1)
    points = np.concatenate([np.stack([x[:-1], x[1:]], axis=1) for x in edges])[:, :, None]
    start = np.arange(2 * num_cells)
    start[num_cells:] += 1  # the interface has a vertex on each side
    # Face f of a cell is the end opposite to its vertex f.
    last = 2 * num_cells - 1
    boundary = np.array([1, 2 * (num_cells - 1), 2 * num_cells + 1, 2 * last])
    mesh = build_sweep_mesh(
        points, np.stack([start, start + 1], axis=1), boundary, np.array([1, 2, 3, 4])
    )
    walls = Walls(
        # Deviations: a tolerance relative to 300 K would be a poor one for a drop of 1 K.
        temperatures=np.array([ends[0] - ends[1], 0.0, 0.0, 0.0]),
        conductances=np.array([np.inf, 0.0, 0.0, np.inf]),
    )
    joints = JoinedFacets(
        facets=np.array([[1, 2]]),
        conductances=np.array([1.0 / resistance if resistance > 0.0 else np.inf]),
        drops=np.zeros(1),
    )
    kappa = np.repeat(conductivities, num_cells)[:, None, None] * np.eye(3)
    solution = solve_heat_equation(mesh, kappa, np.zeros(mesh.num_dofs), walls, joints, comm=comm)
    kelvin = ends[1] + solution.temperature
    return mesh.points.reshape(-1), kelvin, solution.flux[..., 0].ravel()
