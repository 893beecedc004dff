"""Bodies, materials and problems for the tests of the transport room, the same on every rank."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from mpi4py import MPI

from pbte.core.mode_partition import partition_modes
from pbte.geometry.domain import Domain
from pbte.geometry.sweep_mesh import sweep_mesh_of
from pbte.materials.kernel import CollisionKernel
from pbte.transport.body import Body, make_body
from pbte.transport.orders import scattering_orders
from pbte.transport.sources import gaussian, project, wall_inflow


class Recorder:
    """Keeps the whole field of an order, which arrives block by block."""

    def __init__(self, body: Body) -> None:
        self.theta = body.new_field()

    def accumulate(self, block):
        self.theta[block.modes] = block.theta


@pytest.fixture(scope="session")
def order_fields():
    """Return a function that yields each order with a copy of its field, number and source."""

    def follow(problem, max_order, *watchers):
        recorder = Recorder(problem)
        for order in scattering_orders(problem, max_order, recorder, *watchers):
            yield SimpleNamespace(
                number=order.number, deposited=order.deposited, theta=recorder.theta.copy()
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
        mesh = sweep_mesh_of(domain)
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
            mode_partition=partition_modes(modes.num_pairs, modes.num_modes, comm),
        )

    return build
