"""The scattering orders of a problem, with the least self-scattering for which they converge."""

from __future__ import annotations

import logging
from dataclasses import replace

from pbte.observables.gathering import whole_snapshot
from pbte.simulation.checkpoints import CheckpointManager
from pbte.simulation.problem import Problem
from pbte.simulation.records import OrdersProgress, OrdersRecord
from pbte.transport.orders import Order, scattering_orders
from pbte.transport.reports import SpectralEstimate
from pbte.transport.scattering_source import blank_source
from pbte.transport.state import StateArrays
from pbte.transport.steady.eigenvalues import SpectralEstimator, converges
from pbte.transport.system import SourceIteration, split_system

LOG = logging.getLogger("pbte.simulation")

# The self-scattering that "auto" tries, in this order. The first for which the orders converge is
# taken (the plain series diverges in silicon bodies above 70 to 100 nm).
SELF_SCATTERING = (0.0, 0.1, 0.2, 0.3)
# Orders needed before the estimate is reliable.
ORDERS_TO_ESTIMATE = 10

STAGE = "orders"


def compute_scattering_orders(problem: Problem, checkpoints: CheckpointManager) -> OrdersRecord:
    """Return the observables of the scattering orders.

    They are those with the first self-scattering for which the orders converge.

    Args:
        problem: The problem.
        checkpoints: Writes checkpoints and restores them.

    Raises:
        InputError: The checkpoint is damaged.
        KeyboardInterrupt: A signal requested a stop; a checkpoint is written.

    Note: Collective over the ranks.
    """
    known: OrdersRecord | None = checkpoints.finished(STAGE)
    if known is not None:
        return known
    wanted = problem.settings.orders.self_scattering
    trials = SELF_SCATTERING if wanted == "auto" else (float(wanted),)
    restart: OrdersProgress | None = checkpoints.progress(STAGE)
    estimates = () if restart is None else restart.record.estimates
    for trial in trials[len(estimates) :]:
        orders = _Orders(problem, trial, estimates, checkpoints)
        converged = orders.follow(restart, gives_up=trial != trials[-1])
        estimates, restart = orders.record.estimates, None
        if converged:
            checkpoints.finish(STAGE, orders.record)
            return orders.record
    raise AssertionError("the last self-scattering is never given up")


class _Orders:
    """The scattering orders with one self-scattering.

    Args:
        problem: The problem.
        self_scattering: The split s [-].
        before: Spectral estimate for each self-scattering that was tried before.
        checkpoints: Writes checkpoints and restores them.

    Attributes:
        record: Observables of the orders so far.
    """

    def __init__(
        self,
        problem: Problem,
        self_scattering: float,
        before: tuple[SpectralEstimate, ...],
        checkpoints: CheckpointManager,
    ) -> None:
        self.problem, self.checkpoints = problem, checkpoints
        self.self_scattering, self.last = self_scattering, problem.settings.orders.max_order
        self.record = OrdersRecord(estimates=before)
        self.system = split_system(problem.system, self_scattering)
        self.estimator = SpectralEstimator(self.system, *problem.leading)

    def follow(self, restart: OrdersProgress | None, *, gives_up: bool) -> bool:
        """Compute the orders; return False once they turn out to diverge. Collective.

        Args:
            restart: Progress to continue from; None for order 0.
            gives_up: Whether orders that diverge are given up.
        """
        tallies = self.problem.field_tally, self.problem.interface_tally
        start = self._start(restart)
        for order in scattering_orders(
            self.system,
            max(self.last, ORDERS_TO_ESTIMATE),
            self.estimator,
            *tallies,
            restart=start,
            scattered=self._write_if_due,
        ):
            self.estimator.next_order()
            self._observe(order)
            estimate_now = order.number == ORDERS_TO_ESTIMATE and gives_up
            if estimate_now and not converges(self.estimator.estimate()):
                LOG.info(
                    "self-scattering %g: the orders diverge, trying more", self.self_scattering
                )
                self._add_estimate()
                return False
        self._add_estimate()
        return True

    def _start(self, restart: OrdersProgress | None) -> tuple[int, SourceIteration] | None:
        """Return the first order and the state of its iteration; None for order 0. Collective."""
        if restart is None:
            self.problem.interface_tally.restart()
            return None
        events = SourceIteration(self.system, blank_source)
        self.estimator.make_room(restart.number)
        self.checkpoints.restore(self._state_arrays(events))
        self.record = restart.record
        self.problem.interface_tally.restart(restart.record.interface_sums)
        return restart.number, events

    def _observe(self, order: Order) -> None:
        """Record an order if it was requested. Collective."""
        snapshot = self.problem.field_tally.snapshot(
            order.deposited, scatters=True, self_scattering=self.self_scattering
        )
        if order.number > self.last:  # computed for the estimate only
            return
        whole = whole_snapshot(snapshot, self.problem.part)
        self.record = replace(
            self.record,
            snapshots=(*self.record.snapshots, whole),
            interface_sums=self.problem.interface_tally.sums(),
        )
        LOG.info(
            "order %d of %d, self-scattering %g",
            order.number,
            self.last,
            self.self_scattering,
            extra={"stage": STAGE, "done": (order.number + 1) / (self.last + 1)},
        )

    def _write_if_due(self, number: int, events: SourceIteration) -> None:
        """Write a checkpoint if it is time, before an order. Collective."""
        if self.checkpoints.checkpoint_due():
            progress = OrdersProgress(number=number, record=self.record)
            self.checkpoints.write(STAGE, progress, self._state_arrays(events))

    def _state_arrays(self, events: SourceIteration) -> StateArrays:
        numbering = self.problem.numbering
        return events.state_arrays(numbering) | self.estimator.state_arrays(numbering)

    def _add_estimate(self) -> None:
        estimates = (*self.record.estimates, self.estimator.estimate())
        self.record = replace(self.record, estimates=estimates)
