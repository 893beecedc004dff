"""The scattering orders of a case, with the least self-scattering for which they converge."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from pbte.case.case import Orders
from pbte.core.types import Array
from pbte.observables.gathering import whole_snapshot
from pbte.observables.interfaces import InterfaceFields
from pbte.observables.moments import FieldTally
from pbte.observables.snapshot import Snapshot
from pbte.simulation.checkpoints import CheckpointManager
from pbte.simulation.interface_results import interface_tally
from pbte.simulation.problem import Problem
from pbte.transport.orders import scattering_orders
from pbte.transport.reports import SpectralEstimate
from pbte.transport.scattering_source import blank_source
from pbte.transport.state import StateArrays
from pbte.transport.steady.eigenvalues import SpectralEstimator, converges
from pbte.transport.system import SourceIteration, split_system

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
    problem: Problem, orders: Orders, checkpoints: CheckpointManager
) -> tuple[tuple[Snapshot, ...], tuple[SpectralEstimate, ...], tuple[InterfaceFields, ...]]:
    """Follow the scattering orders. Collective over the ranks.

    Args:
        problem: The problem.
        orders: The orders that are asked for.
        checkpoints: Writes checkpoints and restores them.

    Returns:
        The snapshot of each order; one estimate of the growth for each self-scattering that was
        tried, the last one is that of the orders; and the sum of the orders at the interfaces.
    """
    report = checkpoints.finished(STAGE)
    if report is None:
        report = _try_all(problem, orders, checkpoints).record()
        checkpoints.finish(STAGE, report)
    interfaces = interface_tally(problem)
    interfaces.restart(report["at_interfaces"])
    return report["snapshots"], report["estimates"], interfaces.take()


def _try_all(problem: Problem, orders: Orders, checkpoints: CheckpointManager) -> _Account:
    """Return the orders with the first self-scattering for which they converge."""
    wanted = orders.self_scattering
    trials = SELF_SCATTERING if wanted == "auto" else (float(wanted),)
    restart = checkpoints.progress(STAGE)
    estimates = [] if restart is None else list(restart["account"]["estimates"])
    for trial in trials[len(estimates) :]:
        account = _Account(estimates)
        try_further = trial != trials[-1]
        if _try_orders(problem, orders, trial, account, checkpoints, restart, try_further):
            return account
        restart = None
    raise AssertionError("the last self-scattering is never given up")


def _try_orders(
    problem: Problem,
    orders: Orders,
    self_scattering: float,
    account: _Account,
    checkpoints: CheckpointManager,
    restart: Any,
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

    def state_arrays(events: SourceIteration) -> StateArrays:
        numbering = problem.numbering
        return events.state_arrays(numbering) | estimator.state_arrays(numbering)

    if restart is not None:
        start = restart["number"], SourceIteration(system, blank_source)
        estimator.make_room(restart["number"])
        checkpoints.restore(state_arrays(start[1]))
        account.snapshots += restart["account"]["snapshots"]
        account.at_interfaces = restart["account"]["at_interfaces"]
        interfaces.restart(account.at_interfaces)

    def scattered(number: int, events: SourceIteration) -> None:
        if checkpoints.checkpoint_due():
            if number <= last:
                account.at_interfaces = interfaces.sums()
            progress = {"number": number, "account": account.record()}
            checkpoints.write(STAGE, progress, state_arrays(events))

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
