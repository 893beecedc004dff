"""Scattering orders: the paper's expansion, one stream and one collide at a time.

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
    """One scattering order, after the watchers have seen all of it.

    Attributes:
        number: Number of scattering events behind it.
        deposited: Power of the source it started from [W].
        events: What it started from; the next order changes it.
    """

    number: int
    deposited: float
    events: SourceIteration


def scattering_orders(
    system: System | Body,
    max_order: int,
    *watchers: Tally,
    restart: tuple[int, SourceIteration] | None = None,
    scattered: Callable[[int, SourceIteration], None] = lambda number, events: None,
) -> Iterator[Order]:
    """Yield orders 0 to `max_order`, each after showing its field to the watchers.

    Of a factored kernel the field is never there as a whole: the watchers see blocks of modes.
    Walls of given temperature send it in in order 0 only; later orders enter bodies whose walls
    absorb, or send back what ran into them in the order before. Collective over the ranks.

    Args:
        system: What to follow.
        max_order: The last order.
        watchers: See every order.
        restart: An order above 0 to begin with, and what it starts from; order 0 by default.
        scattered: Called with each order above the first one and what it starts from.
    """
    first, events = (0, SourceIteration(as_system(system))) if restart is None else restart
    for number in range(first, max_order + 1):
        if number > first:
            events.scatter()
            scattered(number, events)
        deposited = events.power()
        for block in events.streamed_blocks(given=number == 0):
            for watcher in watchers:
                watcher.accumulate(block)
        yield Order(number=number, deposited=deposited, events=events)
