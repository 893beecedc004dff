"""The scattering orders of a case, with the least self-scattering for which they converge."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pbte.case.case import Orders
from pbte.core.types import Array, IntArray
from pbte.observables.gathering import whole_snapshot
from pbte.observables.interfaces import InterfaceFields
from pbte.observables.moments import FieldTally
from pbte.observables.snapshot import Snapshot
from pbte.output.checkpoint import DistributedArray
from pbte.simulation.checkpoints import CheckpointManager, boundary_pieces, cells_of, of_modes
from pbte.simulation.interface_results import interface_tally
from pbte.simulation.problem import Problem
from pbte.transport.orders import scattering_orders
from pbte.transport.reports import SpectralEstimate
from pbte.transport.scattering_source import FieldScatteringSource, MomentScatteringSource
from pbte.transport.steady.eigenvalues import SpectralEstimator, converges
from pbte.transport.system import SourceIteration, System, split_system

LOG = logging.getLogger("pbte.simulation")

# The self-scattering that "auto" tries, in this order. The first for which the orders converge is
# taken (the plain series diverges in silicon bodies above 70 to 100 nm).
SELF_SCATTERING = (0.0, 0.1, 0.2, 0.3)
# Orders needed before the estimate is believed.
ORDERS_TO_ESTIMATE = 10

STAGE = "orders"


@dataclass
class _Account:
    """What is reported of the orders, so far."""

    estimates: list[SpectralEstimate]
    snapshots: list[Snapshot] = field(default_factory=list)
    at_interfaces: tuple[Array, ...] = ()

    def record(self) -> dict[str, Any]:
        """Return it as it is kept."""
        return {
            "estimates": tuple(self.estimates),
            "snapshots": tuple(self.snapshots),
            "at_interfaces": self.at_interfaces,
        }


def compute_scattering_orders(
    problem: Problem, orders: Orders, keeping: CheckpointManager
) -> tuple[tuple[Snapshot, ...], tuple[SpectralEstimate, ...], tuple[InterfaceFields, ...]]:
    """Follow the scattering orders. Collective over the ranks.

    Args:
        problem: The problem.
        orders: The orders that are asked for.
        keeping: Where checkpoints are kept.

    Returns:
        The snapshot of each order; one estimate of the growth for each self-scattering that was
        tried, the last one is that of the orders; and the sum of the orders at the interfaces.
    """
    report = keeping.finished(STAGE)
    if report is None:
        report = _try_all(problem, orders, keeping).record()
        keeping.finish(STAGE, report)
    interfaces = interface_tally(problem)
    interfaces.restart(report["at_interfaces"])
    return report["snapshots"], report["estimates"], interfaces.take()


def _try_all(problem: Problem, orders: Orders, keeping: CheckpointManager) -> _Account:
    """Return the orders with the first self-scattering for which they converge."""
    wanted = orders.self_scattering
    trials = SELF_SCATTERING if wanted == "auto" else (float(wanted),)
    begun = keeping.begun(STAGE)
    estimates = [] if begun is None else list(begun["account"]["estimates"])
    for trial in trials[len(estimates) :]:
        account = _Account(estimates)
        try_further = trial != trials[-1]
        if _try_orders(problem, orders, trial, account, keeping, begun, try_further):
            return account
        begun = None
    raise AssertionError("the last self-scattering is never given up")


def _try_orders(
    problem: Problem,
    orders: Orders,
    self_scattering: float,
    account: _Account,
    keeping: CheckpointManager,
    begun: Any,
    try_further: bool,
) -> bool:
    """Follow the orders; return False once they turn out to diverge and others are to be tried."""
    system = split_system(problem.system, self_scattering)
    tally = FieldTally(
        system=system,
        walls=problem.tally.walls,
        frequency_edges=problem.tally.frequency_edges,
    )
    estimator, interfaces = SpectralEstimator(system, *problem.leading), interface_tally(problem)
    last = orders.max_order
    many = max(last, ORDERS_TO_ESTIMATE)
    start: tuple[int, SourceIteration] | None = None
    if begun is not None:
        start = begun["number"], _restored(problem, system, estimator, begun["number"], keeping)
        account.snapshots += begun["account"]["snapshots"]
        account.at_interfaces = begun["account"]["at_interfaces"]
        interfaces.restart(account.at_interfaces)

    def scattered(number: int, events: SourceIteration) -> None:
        if keeping.is_due():
            if number <= last:
                account.at_interfaces = interfaces.sums()
            present = {"number": number, "account": account.record()}
            weights = [np.ascontiguousarray(own.T) for own in estimator.weights]
            keeping.keep(STAGE, present, _pieces(problem, events, weights, estimator.history()))

    for order in scattering_orders(
        system, many, estimator, tally, interfaces, restart=start, scattered=scattered
    ):
        estimator.next_order()
        snapshot = tally.snapshot(order.deposited, scatters=True)
        if order.number <= last:
            account.snapshots.append(whole_snapshot(snapshot, problem.part))
            LOG.info(
                "order %d of %d, self-scattering %g",
                order.number,
                last,
                self_scattering,
                extra={"stage": STAGE, "done": (order.number + 1) / (last + 1)},
            )
        if order.number == last:
            account.at_interfaces = interfaces.sums()
        estimate_now = order.number == ORDERS_TO_ESTIMATE and try_further
        if estimate_now and not converges(estimator.estimate()):
            LOG.info("self-scattering %g: the orders diverge, trying more", self_scattering)
            account.estimates.append(estimator.estimate())
            return False
    account.estimates.append(estimator.estimate())
    return True


def _restored(
    problem: Problem,
    system: System,
    estimator: SpectralEstimator,
    number: int,
    keeping: CheckpointManager,
) -> SourceIteration:
    """Return what an order starts from; the estimate gets the orders before it. Collective."""
    events = SourceIteration(system)
    for emission in events.emissions:
        if isinstance(emission, MomentScatteringSource):
            emission.weights = np.empty_like(emission.factors.w_in)
            emission.moments = np.empty((emission.factors.rank, emission.body.mesh.num_dofs))
    weights = [np.empty_like(own.T, order="C") for own in estimator.weights]
    history = [
        np.empty((number * own.shape[0], body.mesh.num_dofs))
        for own, body in zip(estimator.weights, system.bodies, strict=True)
    ]
    keeping.fill(_pieces(problem, events, weights, history))
    estimator.restart([np.ascontiguousarray(own.T) for own in weights], history)
    return events


def _pieces(
    problem: Problem, events: SourceIteration, weights: Sequence[Array], history: Sequence[Array]
) -> dict[str, DistributedArray]:
    """Return all that goes on from one order to the next; the arrays themselves.

    Args:
        problem: The problem of the case.
        events: What the next order starts from.
        weights: How the moments of the estimate are made, shape (local modes, moments) by body.
        history: The moments of all orders, shape (orders * moments, num_dofs) by body.
    """
    pieces, first = boundary_pieces(problem, events.boundary), problem.system.group.rank == 0

    def common(values: Array, cells: IntArray) -> DistributedArray:
        rows = np.arange(len(values))
        return DistributedArray(rows=rows, columns=cells, values=values, is_written=first)

    for number, (emission, cells) in enumerate(
        zip(events.emissions, cells_of(problem), strict=True)
    ):
        modes = problem.system.bodies[number].mode_partition.indices
        if isinstance(emission, MomentScatteringSource):
            pieces[f"emitted_{number}"] = of_modes(modes, emission.weights)
            pieces[f"moments_{number}"] = common(emission.moments, cells)
        else:
            assert isinstance(emission, FieldScatteringSource)
            pieces[f"field_{number}"] = DistributedArray(
                rows=modes, columns=cells, values=emission.field
            )
        pieces[f"weights_{number}"] = of_modes(modes, weights[number])
        pieces[f"history_{number}"] = common(history[number], cells)
    return pieces
