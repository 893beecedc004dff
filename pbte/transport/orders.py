"""Scattering orders: the paper's expansion, one stream and one collide at a time.

    theta^(0) = L^-1 g,    theta^(m+1) = L^-1 M theta^(m)

Varnavides, Jermyn, Anikeeva & Narang, "Nonequilibrium phonon transport across nanoscale
interfaces", eqs. (4) and (5), in the mode temperature theta.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from pbte.transport.emission import Emission, generation
from pbte.transport.problem import Modes, Problem, stream
from pbte.types import Array


class Watcher(Protocol):
    """Something that measures the field of an order while it is there."""

    def watch(self, theta: Array, modes: Modes, inflow: Array) -> None:
        """Take note of some local modes, theta (modes, num_dofs) [K], and of what entered them."""
        ...


@dataclass(frozen=True, kw_only=True)
class Order:
    """One scattering order, after the watchers have seen all of it.

    Attributes:
        number: Number of scattering events behind it.
        deposited: Power of the source it started from [W].
        emission: What it started from; the next order changes it.
    """

    number: int
    deposited: float
    emission: Emission


def scattering_orders(problem: Problem, max_order: int, *watchers: Watcher) -> Iterator[Order]:
    """Yield orders 0 to `max_order`, each after showing its field to the watchers.

    Of a factored kernel the field is never there as a whole: the watchers see blocks of modes. The
    walls send in their temperature in order 0 only; later orders enter a body whose walls merely
    absorb. Collective over the ranks.
    """
    emission = generation(problem)
    for number in range(max_order + 1):
        if number > 0:
            emission.scatter()
        deposited = emission.power()
        inflow = problem.inflow if number == 0 else np.zeros_like(problem.inflow)
        for modes in emission.blocks():
            theta = emission.rows(modes)
            stream(problem, theta, modes, inflow=inflow)
            for watcher in watchers:
                watcher.watch(theta, modes, inflow)
            emission.collect(modes, theta)
        yield Order(number=number, deposited=deposited, emission=emission)
