"""Scattering orders: the paper's expansion, one stream and one collide at a time.

    theta^(0) = L^-1 g,    theta^(m+1) = L^-1 M theta^(m)

Varnavides, Jermyn, Anikeeva & Narang, "Nonequilibrium phonon transport across nanoscale
interfaces", eqs. (4) and (5), in the mode temperature theta.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from pbte.transport.emission import Emission, generation
from pbte.transport.problem import Modes, Problem, collect_arrivals, inflow_rows, stream
from pbte.transport.surfaces import SurfaceState
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

    Of a factored kernel the field is never there as a whole: the watchers see blocks of modes.
    Walls of given temperature send it in in order 0 only; later orders enter a body whose walls
    absorb, or send back what ran into them in the order before. Collective over the ranks.
    """
    emission = generation(problem)
    surfaces = [SurfaceState(surface) for surface in problem.surfaces]
    for number in range(max_order + 1):
        if number > 0:
            emission.scatter()
            for surface in surfaces:
                surface.reflect()
        deposited = emission.power()
        for modes in emission.blocks():
            theta = emission.rows(modes)
            inflow = inflow_rows(problem, surfaces, modes, given=number == 0)
            stream(problem, theta, modes, inflow=inflow)
            for watcher in watchers:
                watcher.watch(theta, modes, inflow)
            emission.collect(modes, theta)
            collect_arrivals(problem, surfaces, modes, theta)
        yield Order(number=number, deposited=deposited, emission=emission)
