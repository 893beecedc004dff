"""Scattering orders: the paper's expansion, one stream and one collide at a time.

    theta^(0) = L^-1 g,    theta^(m+1) = L^-1 M theta^(m)

Varnavides, Jermyn, Anikeeva & Narang, "Nonequilibrium phonon transport across nanoscale
interfaces", eqs. (4) and (5), in the mode temperature theta.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pbte.transport.problem import Problem, collide, stream
from pbte.types import Array


@dataclass(frozen=True, kw_only=True)
class Order:
    """One scattering order.

    Attributes:
        number: Number of scattering events behind it.
        theta: Mode temperatures of the local modes, shape (local modes, num_dofs) [K]. The array
            is overwritten by the next order.
        deposited: Power of the source it started from [W].
    """

    number: int
    theta: Array
    deposited: float


def scattering_orders(problem: Problem, max_order: int) -> Iterator[Order]:
    """Yield orders 0 to `max_order`; they share one array.

    The walls send in their temperature in order 0 only; later orders enter a body whose walls
    merely absorb. Collective over the ranks that share the modes.
    """
    field = problem.source()
    deposited = power(problem, field)
    stream(problem, field)
    yield Order(number=0, theta=field, deposited=deposited)
    for number in range(1, max_order + 1):
        collide(problem, field)
        deposited = power(problem, field)
        stream(problem, field, walls=False)
        yield Order(number=number, theta=field, deposited=deposited)


def power(problem: Problem, source: Array) -> float:
    """Return the power of a source of all modes, sum_mu c_mu int Q_mu dV [W]. Collective."""
    local = problem.heat_capacities @ (source @ problem.mesh.dof_weights)
    total = problem.share.comm.allreduce(np.array([local]))
    return float(total[0])
