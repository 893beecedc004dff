"""Scattering orders: the expansion of the paper in the number of scattering events.

    theta^(0) = L^-1 g,    theta^(m+1) = L^-1 M theta^(m)

with reflection and transmission at walls and interfaces between the orders. Varnavides, Jermyn,
Anikeeva & Narang, "Nonequilibrium phonon transport across nanoscale interfaces", eqs. (4), (5) and
(7), in the mode temperature theta.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pbte.transport.body import Body
from pbte.transport.system import SourceIteration, System, Tally, as_system


@dataclass(frozen=True, kw_only=True)
class Order:
    """One scattering order, after all tallies have accumulated it.

    Attributes:
        number: Number of scattering events of its phonons.
        deposited: Power of its source [W].
        events: State of the iteration with its source; the next order changes it.
    """

    number: int
    deposited: float
    events: SourceIteration


def scattering_orders(
    system: System | Body,
    max_order: int,
    *tallies: Tally,
    restart: tuple[int, SourceIteration] | None = None,
    scattered: Callable[[int, SourceIteration], None] = lambda number, events: None,
) -> Iterator[Order]:
    """Yield orders 0 to `max_order`, each after the tallies have accumulated its field.

    With a factored kernel the field is never stored: tallies accumulate blocks of modes. Isothermal
    walls emit in order 0 only; in later orders walls absorb, or reflect the outgoing flux of the
    order before. Collective over the ranks.

    Args:
        system: The bodies.
        max_order: The last order.
        tallies: Accumulate every order.
        restart: An order above 0 to start with, and the state of its iteration; order 0 by default.
        scattered: Called with each order above the first one and the state of its iteration.
    """
    first, events = (0, SourceIteration(as_system(system))) if restart is None else restart
    for number in range(first, max_order + 1):
        if number > first:
            events.scatter()
            scattered(number, events)
        deposited = events.power()
        for block in events.streamed_blocks(given=number == 0):
            for tally in tallies:
                tally.accumulate(block)
        yield Order(number=number, deposited=deposited, events=events)
