"""A film in one dimension: mesh, problem and steady state, without a mesh file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pbte.core.errors import RunError
from pbte.core.types import Array
from pbte.materials.kernel import FactoredKernel
from pbte.materials.storage import Material

if TYPE_CHECKING:
    from mpi4py import MPI

    from pbte.geometry.domain import Domain

TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Film:
    """Cells, walls and heat of a film.

    Attributes:
        edges: Reservoirs of the cells, ascending, shape (num_cells + 1,) [m].
        left: Deviation of the black wall at the first edge [K].
        right: Deviation of the black wall at the last edge [K].
        heat_density: Uniform heating [W/m^3].
    """

    edges: Array
    left: float = 0.0
    right: float = 0.0
    heat_density: float = 0.0


@dataclass(frozen=True, kw_only=True)
class FilmState:
    """Steady state of a film.

    Attributes:
        points: Both ends of each cell, shape (num_cells, 2) [m].
        temperature: Deviation there [K].
        absorbed: What each of the two walls takes up, left and right [W/m^2].
    """

    points: Array
    temperature: Array
    absorbed: tuple[float, float]

    @property
    def heat_flux(self) -> float:
        """Mean heat flux along x through the two walls [W/m^2]."""
        return 0.5 * (self.absorbed[1] - self.absorbed[0])

    def temperature_at(self, edge: float) -> float:
        """Return the temperature at an edge between two cells, the mean of both sides [K]."""
        here = np.isclose(self.points, edge, rtol=0.0, atol=1e-9 * np.ptp(self.points))
        return float(self.temperature[here].mean())


def solve_film(film: Film, crystal: Material, comm: MPI.Intracomm) -> FilmState:
    """Return the steady state of a film, the modes shared by the ranks.

    Raises:
        RunError: It did not converge.

    Note: Collective over `comm`.
    """
    from pbte.core.mode_partition import partition_modes
    from pbte.geometry.sweep_mesh import sweep_mesh_of
    from pbte.observables.moments import FieldTally, frequency_bins
    from pbte.transport.body import make_body
    from pbte.transport.sources import wall_inflow
    from pbte.transport.steady.steady import solve_steady

    kernel, modes = crystal.kernel, crystal.modes
    assert isinstance(kernel, FactoredKernel), "model crystals have no full matrix"
    domain = interval(film.edges)
    mesh = sweep_mesh_of(domain)
    body = make_body(
        mesh,
        kernel,
        np.full(mesh.num_dofs, film.heat_density),
        wall_inflow(mesh, domain.walls, {"left": film.left, "right": film.right}),
        mode_partition=partition_modes(modes.num_pairs, modes.num_modes, comm),
    )
    steady = solve_steady(body, kernel, tolerance=TOLERANCE)
    if not steady.report.converged:
        raise RunError(
            f"the steady state did not converge: residuals "
            f"{', '.join(f'{r:.1e}' for r in steady.report.residuals)}"
        )
    tally = FieldTally(
        system=body, walls=domain.walls, frequency_edges=frequency_bins(modes.frequencies, 1)
    )
    snapshot = tally.observe(steady.theta, body.heat_power, scatters=False, inflow=body.inflow)
    absorbed = snapshot.balance.absorbed
    return FilmState(
        points=mesh.points[..., 0],
        temperature=snapshot.temperature,
        absorbed=(absorbed["left"], absorbed["right"]),
    )


def interval(edges: Array) -> Domain:
    """Return the domain between the first and the last of some edges, walls "left" and "right"."""
    from pbte.geometry.checks import CheckedMesh
    from pbte.geometry.domain import make_domain

    num = edges.size - 1
    index = np.arange(num, dtype=np.int64)
    none = np.empty(0, dtype=np.int64)
    return make_domain(
        CheckedMesh(
            points=edges[:, None],
            cells=np.stack([index, index + 1], axis=1),
            cell_tags=np.ones(num, dtype=np.int64),
            regions={"body": 1},
            boundary=np.array([[0], [num]], dtype=np.int64),
            boundary_tags=np.array([2, 3], dtype=np.int64),
            walls={"left": 2, "right": 3},
            interior=np.empty((0, 1), dtype=np.int64),
            interior_tags=none,
            interfaces={},
        )
    )
