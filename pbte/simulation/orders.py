"""The scattering orders of a case, with the least self-scattering that lets them fade."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pbte.case.case import Case
from pbte.core.types import Array, IntArray
from pbte.observables.gathering import whole_snapshot
from pbte.observables.interfaces import MeetingFields
from pbte.observables.moments import Observer
from pbte.observables.snapshot import Snapshot
from pbte.output.checkpoint import Piece
from pbte.simulation.checkpoints import Keeping, boundary_pieces, cells_of, of_modes
from pbte.simulation.interface_results import interface_observer
from pbte.simulation.problem import Say, Setup
from pbte.transport.emission import FieldEmission, MomentEmission
from pbte.transport.orders import scattering_orders
from pbte.transport.reports import EigenvalueEstimate
from pbte.transport.steady.eigenvalues import GrowthEstimate, fades
from pbte.transport.system import Events, System, split_system

# The self-scattering that "auto" tries, in this order. The first with which the orders fade is
# taken (the plain series diverges in silicon bodies above 70 to 100 nm).
SELF_SCATTERING = (0.0, 0.1, 0.2, 0.3)
# Orders needed before the estimate is believed.
ORDERS_TO_ESTIMATE = 10

STAGE = "orders"


@dataclass
class _Account:
    """What is reported of the orders, so far."""

    estimates: list[EigenvalueEstimate]
    snapshots: list[Snapshot] = field(default_factory=list)
    at_interfaces: tuple[Array, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return {
            "estimates": tuple(self.estimates),
            "snapshots": tuple(self.snapshots),
            "at_interfaces": self.at_interfaces,
        }


def follow_orders(
    case: Case, setup: Setup, progress: Say, keeping: Keeping
) -> tuple[tuple[Snapshot, ...], tuple[EigenvalueEstimate, ...], tuple[MeetingFields, ...]]:
    """Follow the scattering orders. Collective over the ranks.

    Args:
        case: The case.
        setup: The case made ready.
        progress: Called with a line of text now and then.
        keeping: Where checkpoints are kept.

    Returns:
        The snapshot of each order; one estimate of the growth for each self-scattering that was
        tried, the last one is that of the orders; and the sum of the orders at the interfaces.
    """
    report = keeping.finished(STAGE)
    if report is None:
        report = _try_all(case, setup, progress, keeping).record()
        keeping.finish(STAGE, report)
    interfaces = interface_observer(setup)
    interfaces.go_on(report["at_interfaces"])
    return report["snapshots"], report["estimates"], interfaces.take()


def _try_all(case: Case, setup: Setup, progress: Say, keeping: Keeping) -> _Account:
    """Return the orders with the first self-scattering with which they fade."""
    wanted = case.orders.self_scattering
    trials = SELF_SCATTERING if wanted == "auto" else (float(wanted),)
    begun = keeping.begun(STAGE)
    estimates = [] if begun is None else list(begun["account"]["estimates"])
    for trial in trials[len(estimates) :]:
        account = _Account(estimates)
        try_further = trial != trials[-1]
        if _try_orders(case, setup, trial, account, progress, keeping, begun, try_further):
            return account
        begun = None
    raise AssertionError("the last self-scattering is never given up")


def _try_orders(
    case: Case,
    setup: Setup,
    self_scattering: float,
    account: _Account,
    progress: Say,
    keeping: Keeping,
    begun: Any,
    try_further: bool,
) -> bool:
    """Follow the orders; return False once they turn out not to fade and others are to be tried."""
    system = split_system(setup.system, self_scattering)
    observer = Observer(
        problem=system,
        walls=setup.observer.walls,
        frequency_edges=setup.observer.frequency_edges,
    )
    growth, interfaces = GrowthEstimate(system, *setup.leading), interface_observer(setup)
    last = case.orders.max_order
    many = max(last, ORDERS_TO_ESTIMATE)
    start: tuple[int, Events] | None = None
    if begun is not None:
        start = begun["number"], _restored(setup, system, growth, begun["number"], keeping)
        account.snapshots += begun["account"]["snapshots"]
        account.at_interfaces = begun["account"]["at_interfaces"]
        interfaces.go_on(account.at_interfaces)

    def scattered(number: int, events: Events) -> None:
        if keeping.is_due():
            if number <= last:
                account.at_interfaces = interfaces.sums()
            present = {"number": number, "account": account.record()}
            weights = [np.ascontiguousarray(own.T) for own in growth.weights]
            keeping.keep(STAGE, present, _pieces(setup, events, weights, growth.history()))

    for order in scattering_orders(
        system, many, growth, observer, interfaces, begun=start, scattered=scattered
    ):
        growth.next_order()
        snapshot = observer.snapshot(order.deposited, hands_on=True)
        if order.number <= last:
            account.snapshots.append(whole_snapshot(snapshot, setup.part))
            progress(f"order {order.number} of {last}, self-scattering {self_scattering:g}")
        if order.number == last:
            account.at_interfaces = interfaces.sums()
        estimate_now = order.number == ORDERS_TO_ESTIMATE and try_further
        if estimate_now and not fades(growth.estimate()):
            progress(f"self-scattering {self_scattering:g}: the orders do not fade, trying more")
            account.estimates.append(growth.estimate())
            return False
    account.estimates.append(growth.estimate())
    return True


def _restored(
    setup: Setup, system: System, growth: GrowthEstimate, number: int, keeping: Keeping
) -> Events:
    """Return what an order starts from; the estimate gets the orders before it. Collective."""
    events = Events(system)
    for emission in events.emissions:
        if isinstance(emission, MomentEmission):
            emission.weights = np.empty_like(emission.factors.w_in)
            emission.moments = np.empty((emission.factors.rank, emission.body.mesh.num_dofs))
    weights = [np.empty_like(own.T, order="C") for own in growth.weights]
    history = [
        np.empty((number * own.shape[0], body.mesh.num_dofs))
        for own, body in zip(growth.weights, system.bodies, strict=True)
    ]
    keeping.fill(_pieces(setup, events, weights, history))
    growth.go_on([np.ascontiguousarray(own.T) for own in weights], history)
    return events


def _pieces(
    setup: Setup, events: Events, weights: Sequence[Array], history: Sequence[Array]
) -> dict[str, Piece]:
    """Return all that goes on from one order to the next; the arrays themselves.

    Args:
        setup: The case made ready.
        events: What the next order starts from.
        weights: How the moments of the estimate are made, shape (local modes, moments) by body.
        history: The moments of all orders, shape (orders * moments, num_dofs) by body.
    """
    pieces, first = boundary_pieces(setup, events.boundary), setup.system.group.rank == 0

    def common(values: Array, cells: IntArray) -> Piece:
        rows = np.arange(len(values))
        return Piece(rows=rows, columns=cells, values=values, is_written=first)

    for number, (emission, cells) in enumerate(zip(events.emissions, cells_of(setup), strict=True)):
        modes = setup.system.bodies[number].share.indices
        if isinstance(emission, MomentEmission):
            pieces[f"emitted_{number}"] = of_modes(modes, emission.weights)
            pieces[f"moments_{number}"] = common(emission.moments, cells)
        else:
            assert isinstance(emission, FieldEmission)
            pieces[f"field_{number}"] = Piece(rows=modes, columns=cells, values=emission.field)
        pieces[f"weights_{number}"] = of_modes(modes, weights[number])
        pieces[f"history_{number}"] = common(history[number], cells)
    return pieces
