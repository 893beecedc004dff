"""The steady state of a problem and its observables."""

from __future__ import annotations

from dataclasses import replace

from pbte.case.case import Steady
from pbte.core.types import Array
from pbte.observables.gathering import whole_snapshot
from pbte.observables.interfaces import InterfaceFields
from pbte.observables.snapshot import Snapshot
from pbte.simulation.checkpoints import CheckpointManager
from pbte.simulation.interface_results import interface_tally
from pbte.simulation.problem import Problem
from pbte.transport.reports import SteadyReport
from pbte.transport.steady.iterate import SteadyProgress, SteadySourceIteration
from pbte.transport.steady.steady import solve_steady

STAGE = "steady"


def compute_steady_state(
    problem: Problem,
    steady: Steady,
    checkpoints: CheckpointManager,
    *,
    with_fields: bool,
) -> tuple[Snapshot, SteadyReport, tuple[InterfaceFields, ...], tuple[Array, ...] | None]:
    """Return the observables of the steady state, how it was reached, and the state itself.

    The observables come in two parts, the second of interfaces. The state, the mode temperatures of
    each body, is there only where a transient is to begin with it. Collective over the ranks.
    """
    interfaces = interface_tally(problem)
    known = checkpoints.finished(STAGE)
    if known is not None:
        interfaces.restart(known["at_interfaces"])
        return known["snapshot"], known["report"], interfaces.take(), None
    solution = solve_steady(
        problem.system,
        *problem.leading,
        tolerance=steady.tolerance,
        max_iterations=steady.max_iterations,
        checkpointer=_SteadyCheckpointer(problem, checkpoints),
    )
    tally, bodies = problem.tally, problem.system.bodies
    kept = tuple(body.new_field() for body in bodies) if with_fields else None
    for block in solution.streamed_blocks():
        tally.accumulate(block)
        interfaces.accumulate(block)
        if kept is not None:
            kept[block.body][block.modes] = block.theta
    snapshot = tally.snapshot(problem.system.heat_power, scatters=False)
    known = {
        "snapshot": whole_snapshot(snapshot, problem.part),
        "report": replace(solution.report, error_estimate=solution.error_estimate()),
        "at_interfaces": interfaces.sums(),
    }
    checkpoints.finish(STAGE, known)
    return known["snapshot"], known["report"], interfaces.take(), kept


class _SteadyCheckpointer:
    """Writes and restores checkpoints of the steady state of a problem."""

    def __init__(self, problem: Problem, checkpoints: CheckpointManager) -> None:
        self.problem, self.checkpoints = problem, checkpoints

    def checkpoint_due(self) -> bool:
        """Return whether a checkpoint is due. Collective."""
        return self.checkpoints.checkpoint_due()

    def write(self, events: SteadySourceIteration, progress: SteadyProgress) -> None:
        """Write a checkpoint. Collective."""
        self.checkpoints.write(STAGE, progress, events.state_arrays(self.problem.numbering))

    def restore(self, events: SteadySourceIteration) -> SteadyProgress | None:
        """Restore an interrupted solution, if there is one. Collective."""
        progress: SteadyProgress | None = self.checkpoints.progress(STAGE)
        if progress is not None:
            events.restore(self.problem.numbering, self.checkpoints.restore)
        return progress
