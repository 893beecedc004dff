"""Two crystals in a row, joined by an interface, between black walls, in one dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pbte.core.errors import RunError
from pbte.core.types import Array
from pbte.interfaces.base import InterfaceModel
from pbte.materials.kernel import FactoredKernel
from pbte.materials.storage import Material
from pbte.verification.validation._interval import interval

if TYPE_CHECKING:
    from mpi4py import MPI

    from pbte.transport.steady.steady import SteadyState
    from pbte.transport.system import System


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Cells, crystals, interface and walls.

    Attributes:
        edges: Ends of the cells of each crystal, ascending; the last of the first is the first of
            the second [m].
        crystals: The two materials, of low rank.
        model: What happens at the interface.
        walls: Deviation of the black walls at both ends [K].
    """

    edges: tuple[Array, Array]
    crystals: tuple[Material, Material]
    model: InterfaceModel
    walls: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class PairState:
    """Steady state of two joined crystals.

    Attributes:
        points: Both ends of each cell, all cells from left to right, shape (num_cells, 2) [m].
        temperature: Deviation there [K].
        flux: Heat flux there [W/m^2].
        joint: Temperature on the left and on the right of the interface [K].
        num_left: Cells of the first crystal.
    """

    points: Array
    temperature: Array
    flux: Array
    joint: tuple[float, float]
    num_left: int


def even(start: float, stop: float, cells: int) -> Array:
    """Return the ends of cells of equal length, shape (cells + 1,) [m]."""
    return np.asarray(np.linspace(start, stop, cells + 1), dtype=np.float64)


def pair_system(pair: Pair, comm: MPI.Intracomm) -> System:
    """Return two bodies and their joint, the modes shared by the ranks.

    Note: Collective over `comm`.
    """
    from pbte.core.mode_partition import partition_modes
    from pbte.geometry.sweep_mesh import sweep_mesh_of
    from pbte.transport.body import make_body
    from pbte.transport.boundary import make_surface, wall_side
    from pbte.transport.sources import wall_inflow
    from pbte.transport.system import System

    bodies, sides = [], []
    first, second = (crystal.modes for crystal in pair.crystals)
    for number, (edges, crystal) in enumerate(zip(pair.edges, pair.crystals, strict=True)):
        domain, modes = interval(edges), crystal.modes
        mesh = sweep_mesh_of(domain)
        partition = partition_modes(modes.num_pairs, modes.num_modes, comm)
        given = {"left": 0.0, "right": 0.0}
        given[("left", "right")[number]] = pair.walls[number]
        tag = domain.walls[("right", "left")[number]]
        sides.append(wall_side(mesh, tag, partition, body=number))
        inflow = wall_inflow(mesh, domain.walls, given)
        source = np.zeros(mesh.num_dofs)
        bodies.append(make_body(mesh, crystal.kernel, source, inflow, mode_partition=partition))
    joint = make_surface(
        "joint",
        sides,
        np.ones((1, 1)),
        lambda normal: pair.model.flux_matrix(first, second, normal),
    )
    return System(bodies=tuple(bodies), interfaces=(joint,))


def kernels_of(pair: Pair) -> tuple[FactoredKernel, FactoredKernel]:
    """Return the kernels of both crystals."""
    first, second = (crystal.kernel for crystal in pair.crystals)
    assert isinstance(first, FactoredKernel), "model crystals have no full matrix"
    assert isinstance(second, FactoredKernel), "model crystals have no full matrix"
    return first, second


def solve_pair(pair: Pair, comm: MPI.Intracomm, tolerance: float = 1e-12) -> PairState:
    """Return the steady state of two joined crystals.

    Raises:
        RunError: It did not converge.

    Note: Collective over `comm`.
    """
    from pbte.transport.steady.steady import solve_steady

    system = pair_system(pair, comm)
    steady = solve_steady(system, *kernels_of(pair), tolerance=tolerance)
    if not steady.report.converged:
        raise RunError(
            f"the joined crystals did not converge: residuals "
            f"{', '.join(f'{r:.1e}' for r in steady.report.residuals)}"
        )
    return pair_state(system, fields_of(system, steady))


def fields_of(system: System, steady: SteadyState) -> tuple[Array, ...]:
    """Return the mode temperatures of each body, shapes (local modes, num_dofs) [K]."""
    fields = tuple(body.new_field() for body in system.bodies)
    for block in steady.streamed_blocks():
        fields[block.body][block.modes] = block.theta
    return fields


def pair_state(system: System, fields: tuple[Array, ...]) -> PairState:
    """Return the temperature and the flux of fields of all modes. Collective over the ranks."""
    points, temperatures, fluxes = [], [], []
    for body, field in zip(system.bodies, fields, strict=True):
        heat = body.heat_capacities
        moments = body.mode_partition.sum_over_ranks(
            np.stack([heat, heat * body.velocities[:, 0]]) @ field
        )
        points.append(body.mesh.points[..., 0])
        temperatures.append((moments[0] / body.modes.heat_capacity).reshape(-1, 2))
        fluxes.append(moments[1].reshape(-1, 2))
    sides = [
        float(values.ravel()[np.argmin(np.abs(x - points[0].max()))])
        for x, values in zip((p.ravel() for p in points), temperatures, strict=True)
    ]
    return PairState(
        points=np.concatenate(points),
        temperature=np.concatenate(temperatures),
        flux=np.concatenate(fluxes),
        joint=(sides[0], sides[1]),
        num_left=points[0].shape[0],
    )
