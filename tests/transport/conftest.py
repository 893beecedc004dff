"""Bodies, materials and problems for the tests of the transport room, the same on every rank."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from mpi4py import MPI

from pbte.core.mode_partition import share_modes
from pbte.core.parallel import on_all_ranks
from pbte.geometry.checks import CheckedMesh
from pbte.geometry.domain import Domain, make_domain, read_domain
from pbte.geometry.facets import facet_table
from pbte.geometry.shapes import film, nanoparticle
from pbte.geometry.simplices import simplices_of
from pbte.materials.kernel import CollisionKernel
from pbte.materials.storage import Material, read_material
from pbte.transport.body import Body, make_body
from pbte.transport.orders import scattering_orders
from pbte.transport.sources import gaussian, project, wall_inflow

BUILDERS = {"nanoparticle": nanoparticle, "film": film}


@pytest.fixture(scope="session")
def body(mesh_folder: Path) -> Callable[..., Domain]:
    """Return a function that builds a named body once and reads it. Collective."""
    known: dict[str, Domain] = {}

    def build(shape: str, **parameters: float) -> Domain:
        key = shape + "".join(f"-{name}-{value:g}" for name, value in parameters.items())
        if key not in known:
            comm, path = MPI.COMM_WORLD, mesh_folder / f"{key}.msh"
            with on_all_ranks(comm):
                if comm.rank == 0:
                    BUILDERS[shape](path, **parameters)
            known[key] = read_domain(path, comm)
        return known[key]

    return build


@pytest.fixture(scope="session")
def silicon() -> Material:
    """Return silicon with its full scattering matrix on the 5 x 5 x 5 grid (747 modes)."""
    return read_material("Si-5")


@pytest.fixture(scope="session")
def grid() -> Callable[..., Domain]:
    """Return a function that cuts the unit interval, square or cube into simplices.

    Kuhn's subdivision of n^dim boxes, one wall "surface" all around. With `wobble`, each vertex
    inside is moved at random by up to that many box lengths, as long as no cell around it loses
    more than 99 % of its volume.
    """

    def build(
        dim: int,
        n: int,
        *,
        wobble: float = 0.0,
        seed: int = 0,
        stretch: tuple[float, ...] = (1.0, 1.0, 1.0),
    ) -> Domain:
        axes = np.meshgrid(*[np.arange(n + 1)] * dim, indexing="ij")
        index = np.stack(axes, axis=-1).reshape(-1, dim)
        number = np.arange(len(index)).reshape((n + 1,) * dim)
        boxes = index[(index < n).all(axis=1)]
        cells = []
        for path in itertools.permutations(range(dim)):
            corners = boxes[:, None, :] + np.zeros((1, dim + 1, 1), dtype=np.int64)
            for step, axis in enumerate(path):
                corners[:, step + 1 :, axis] += 1
            cells.append(number[tuple(np.moveaxis(corners, 2, 0))])
        vertices = np.concatenate(cells)
        points = index / n
        random = np.random.default_rng(seed)
        if wobble <= 0.1:  # too little to turn a cell over
            inside = ((index > 0) & (index < n)).all(axis=1)
            points[inside] += random.uniform(-wobble, wobble, size=points[inside].shape) / n
        else:
            _shake(points, vertices, wobble / n, random)
        return domain_of_cells(points * np.array(stretch[:dim]), vertices)

    return build


def _shake(
    points: np.ndarray, vertices: np.ndarray, amplitude: float, random: np.random.Generator
) -> None:
    def volumes(cells: np.ndarray) -> np.ndarray:
        corners = points[cells]
        return np.linalg.det(corners[:, 1:] - corners[:, :1])

    inside = np.flatnonzero(((points > 0.0) & (points < 1.0)).all(axis=1))
    for vertex in inside:
        around = vertices[(vertices == vertex).any(axis=1)]
        before, home = volumes(around), points[vertex].copy()
        for _ in range(10):
            points[vertex] = home + random.uniform(-amplitude, amplitude, size=home.size)
            if (volumes(around) / before > 0.01).all():
                break
            points[vertex] = home


class Keeper:
    """Keeps the whole field of an order, which arrives block by block."""

    def __init__(self, body: Body) -> None:
        self.theta = body.new_field()

    def watch(self, drift):
        self.theta[drift.modes] = drift.theta


@pytest.fixture(scope="session")
def order_fields():
    """Return a function that yields each order with a copy of its field, number and source."""

    def follow(problem, max_order, *watchers):
        keeper = Keeper(problem)
        for order in scattering_orders(problem, max_order, keeper, *watchers):
            yield SimpleNamespace(
                number=order.number, deposited=order.deposited, theta=keeper.theta.copy()
            )

    return follow


@pytest.fixture(scope="session")
def heat() -> Callable[..., Body]:
    """Return a function that heats a body with a Gaussian at the origin; walls at T0 + `wall`."""

    def build(
        domain: Domain,
        kernel: CollisionKernel,
        *,
        sigma: float = 0.0,
        power: float = 1e-6,
        wall: float = 0.0,
        comm: MPI.Intracomm = MPI.COMM_SELF,
    ) -> Body:
        mesh = simplices_of(domain)
        density = np.zeros(mesh.num_dofs)
        if sigma > 0.0:
            density = project(mesh, gaussian(np.zeros(3), sigma))
            density *= power / (density @ mesh.dof_weights)
        modes = kernel.modes
        return make_body(
            mesh,
            kernel,
            density,
            wall_inflow(mesh, domain.walls, dict.fromkeys(domain.walls, wall)),
            share=share_modes(modes.num_pairs, modes.num_modes, comm),
        )

    return build


@pytest.fixture(scope="session")
def cells() -> Callable[..., Domain]:
    """Return the function that makes a domain of vertices and cells."""
    return domain_of_cells


def domain_of_cells(points: np.ndarray, vertices: np.ndarray) -> Domain:
    """Return the domain of some cells with one region and one wall."""
    table = facet_table(vertices)
    outside = table.num_cells == 1
    empty = np.empty((0, points.shape[1]), dtype=np.int64)
    return make_domain(
        CheckedMesh(
            points=points,
            cells=vertices,
            cell_tags=np.ones(len(vertices), dtype=np.int64),
            regions={"body": 1},
            boundary=table.nodes[outside],
            boundary_tags=np.full(int(outside.sum()), 7, dtype=np.int64),
            walls={"surface": 7},
            interior=empty,
            interior_tags=np.empty(0, dtype=np.int64),
            interfaces={},
        )
    )
